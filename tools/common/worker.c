// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

#define LOOP_ENTRIES		1024
#define LOOP_BUFFERS		256
#define LOOP_BUFFER_SIZE	8192

/* A turn takes no more than this from the bus, so that sends get going. */
#define DRAIN_RECORDS	1024

static uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- results of publishing --------------------------------------------- */

void worker_count_result(struct worker *worker, const char *who,
			 const struct libmq_message *message,
			 const struct libmq_result *result)
{
	struct stats *stats = &worker->stats;
	char topic[128], why[256];

	switch (result->result) {
	case 0:
		stats->published++;
		return;
	case -ESTALE:
		stats->unclaimed++;
		break;
	case -EACCES:
		stats->denied++;
		break;
	default:
		stats->refused++;
		break;
	}
	log_quote(topic, sizeof(topic), message->topic, message->topic_len);
	libmq_strerror(result->result, why, sizeof(why), topic);
	log_limited(&worker->refused_log, LOG_LEVEL_WARNING,
		    "%s: message on topic '%s' was refused: %s", who, topic, why);
}

static void own_published(struct source *source, uint64_t cookie,
			  const struct libmq_message *message, const struct libmq_result *result)
{
	struct worker *worker = (struct worker *)((char *)source - offsetof(struct worker, own));

	(void)cookie;
	worker_count_result(worker, "a client that has gone", message, result);
}

void worker_publish(struct worker *worker, const struct libmq_message *message)
{
	struct libmq_message copy = *message;
	size_t size = (size_t)message->topic_len + message->metadata_len + message->payload_len;
	uint8_t *at = batch_scratch(&worker->batch, size);

	if (!at) {
		/* Too large, or inside a result: straight to what waits. */
		batch_defer(&worker->batch, &worker->own, message);
		return;
	}
	copy.topic = memcpy(at, message->topic, message->topic_len);
	at += message->topic_len;
	copy.metadata = at;
	if (message->metadata_len)
		memcpy(at, message->metadata, message->metadata_len);
	at += message->metadata_len;
	copy.payload = at;
	if (message->payload_len)
		memcpy(at, message->payload, message->payload_len);
	batch_publish(&worker->batch, &worker->own, &copy, 0);
}

void worker_flush(struct worker *worker)
{
	batch_flush(&worker->batch);
}

/* ---- subscribing ------------------------------------------------------- */

int worker_subscribe(struct worker *worker, struct sub *sub, const char *filter, size_t len)
{
	int error = subs_add(&worker->subs, sub, filter, len);

	if (error)
		return error;
	error = libmq_bus_subscribe(worker->bus, filter, len, sub->filter->count);
	if (error)
		subs_remove(&worker->subs, sub);
	return error;
}

void worker_unsubscribe(struct worker *worker, struct sub *sub)
{
	struct subs_filter *filter = sub->filter;
	char text[256];

	if (!filter)
		return;
	/* The bus first: the text goes with the last sub. */
	if (filter->count == 1)
		libmq_bus_unsubscribe(worker->bus, filter->text, filter->len);
	else if (libmq_bus_subscribe(worker->bus, filter->text, filter->len, filter->count - 1))
		log_warning("the number of subscribers of '%s' could not be lowered: publishers are told one too many",
			    log_quote(text, sizeof(text), filter->text, filter->len));
	subs_remove(&worker->subs, sub);
}

/* ---- the steps of a turn ----------------------------------------------- */

static void lagged(struct worker *worker, const struct libmq_gap *gap)
{
	worker->stats.lagged_passed += gap->passed;
	worker->stats.lagged_missed += gap->missed;
	log_warning("channel %s: lagged passed=%" PRIu64 " missed=%s%" PRIu64 ": the clients were slower than the publishers; a larger ring or overflow 'reject' avoids this",
		    gap->channel ? libmq_channel_name(gap->channel) : "?", gap->passed,
		    gap->at_most ? "at most " : "", gap->missed);
}

/* Return: whether there may be more. */
static bool drain(struct worker *worker)
{
	size_t bytes = 0;

	worker->drained = 0;
	while (!worker->slow) {
		struct libmq_record record;
		struct libmq_gap gap;
		int next;

		if (worker->drained >= DRAIN_RECORDS || bytes > worker->opts.queue_max / 4)
			return true;
		next = libmq_bus_next(worker->bus, &record, &gap);
		if (next == LIBMQ_NONE)
			return false;
		worker->drained++;
		if (next == LIBMQ_RECORD) {
			bytes += record.payload_len;
			worker->stats.records++;
			worker->protocol->record(worker, &record);
		} else if (next == LIBMQ_LAGGED) {
			lagged(worker, &gap);
		} else if (next < 0) {
			char why[256];

			log_warning("reading from the channels failed: %s",
				    libmq_strerror(next, why, sizeof(why), NULL));
		}
	}
	return false;
}

void worker_settle(struct worker *worker)
{
	worker_flush(worker);
	drain(worker);
}

/* Those that wait for space: publish what goes, let the others stop reading. */
static void care_for_stalled(struct worker *worker)
{
	struct batch *batch = &worker->batch;
	struct source *source;

	if (batch->stalled && (worker->drained || batch->retry))
		batch_retry(batch);
	while ((source = batch_resumed(batch)))
		if (source != &worker->own)
			conn_resume(source_conn(source));
	for (source = batch->stalled; source; source = source->next)
		if (source != &worker->own)
			conn_pause(source_conn(source));
}

static void flush_connections(struct worker *worker)
{
	while (worker->dirty) {
		struct conn *conn = worker->dirty;

		worker->dirty = conn->dirty_next;
		conn->dirty = false;
		conn_flush(conn);
	}
}

/* Nothing may point into them any more: the batch has been published. */
static void return_buffers(struct worker *worker)
{
	if (worker->batch.count)
		return;
	while (worker->spent_count)
		loop_buffer_put(&worker->loop, worker->spent[--worker->spent_count]);
}

void worker_spend(struct worker *worker, int buffer)
{
	worker->spent[worker->spent_count++] = buffer;
}

static void reap(struct worker *worker)
{
	struct conn *conn, *next;

	for (conn = worker->dead; conn; conn = next) {
		next = conn->next;
		conn_reap(conn);
	}
}

/* Readers that spin see a record without anybody being woken. */
static bool spins(struct worker *worker)
{
	uint64_t now;

	if (!worker->opts.busy_poll)
		return false;
	now = clock_us();
	if (worker->drained)
		worker->awake_until = now + worker->opts.busy_poll;
	return now < worker->awake_until;
}

static enum loop_wait rest(struct worker *worker, bool more)
{
	struct loop *loop = &worker->loop;

	if (more || worker->batch.count || worker->batch.retry || worker->dirty)
		return LOOP_GO_ON;
	if (worker->batch.stalled && !worker->space_poll.active &&
	    loop_poll(loop, &worker->space_poll, libmq_bus_space_fd(worker->bus), POLLIN))
		return LOOP_GO_ON;
	if (worker->slow)
		return LOOP_SLEEP;
	if (spins(worker) || libmq_bus_prepare_sleep(worker->bus))
		return LOOP_GO_ON;
	if (!worker->bus_poll.active &&
	    loop_poll(loop, &worker->bus_poll, libmq_bus_fd(worker->bus), POLLIN))
		return LOOP_GO_ON;
	return LOOP_SLEEP;
}

static enum loop_wait turn(void *arg)
{
	struct worker *worker = arg;
	bool more;

	worker->iovecs_used = 0;
	batch_flush(&worker->batch);
	more = drain(worker);
	care_for_stalled(worker);
	flush_connections(worker);
	return_buffers(worker);
	reap(worker);
	return rest(worker, more);
}

static void bus_ready(struct loop_op *op, int result, int buffer, bool more)
{
	/* Being awake is all there is to it: the turn drains the bus. */
	(void)op;
	(void)result;
	(void)buffer;
	(void)more;
}

static void space_ready(struct loop_op *op, int result, int buffer, bool more)
{
	struct worker *worker = (struct worker *)((char *)op - offsetof(struct worker, space_poll));

	(void)result;
	(void)buffer;
	(void)more;
	if (worker->batch.stalled)
		worker->batch.retry = true;
	else
		libmq_bus_wait(worker->bus, LIBMQ_WAIT_SPACE, 0);	/* quietens it */
}

/* ---- the beginning and the end ----------------------------------------- */

static int start(struct worker *worker)
{
	struct libmq_bus_opts bus_opts = LIBMQ_OPTS(libmq_bus_opts, .hold = true);
	struct loop_opts loop_opts = {
		.entries = LOOP_ENTRIES, .buffers = LOOP_BUFFERS, .buffer_size = LOOP_BUFFER_SIZE,
		.turn = turn, .arg = worker,
	};
	int error;

	worker->spent = calloc(LOOP_BUFFERS, sizeof(*worker->spent));
	if (!worker->spent)
		return -ENOMEM;
	error = subs_init(&worker->subs);
	if (!error)
		error = loop_init(&worker->loop, &loop_opts);
	if (!error)
		error = libmq_bus_open(&worker->bus, &bus_opts);
	if (!error)
		error = batch_init(&worker->batch, worker->bus);
	return error;
}

int worker_init(struct worker *worker, const struct worker_opts *opts,
		const struct protocol *protocol, void *context)
{
	int error;

	memset(worker, 0, sizeof(*worker));
	worker->opts = *opts;
	worker->protocol = protocol;
	worker->context = context;
	worker->loop.ring.ring_fd = -1;
	worker->bus_poll.done = bus_ready;
	worker->space_poll.done = space_ready;
	source_init(&worker->own, own_published);
	error = start(worker);
	if (error)
		worker_exit(worker);
	return error;
}

/*
 * Operations that are still under way end with the ring, without completions,
 * so connections can be freed once it is closed.
 */
void worker_exit(struct worker *worker)
{
	while (worker->connections)
		conn_kill(worker->connections);
	if (worker->bus)
		batch_flush(&worker->batch);
	loop_exit(&worker->loop);
	while (worker->dead) {
		worker->dead->recv.active = false;
		worker->dead->send.active = false;
		worker->dead->dirty = false;
		conn_reap(worker->dead);
	}
	batch_exit(&worker->batch);
	libmq_bus_close(worker->bus);
	worker->bus = NULL;
	blocks_exit(&worker->blocks);
	blocks_exit(&worker->private_blocks);
	subs_exit(&worker->subs);
	free(worker->spent);
	worker->spent = NULL;
}

void worker_adopt(struct worker *worker, int fd)
{
	worker->stats.accepted++;
	if (worker->connection_count >= worker->opts.connections_max) {
		worker->stats.rejected++;
		log_limited(&worker->full_log, LOG_LEVEL_WARNING,
			    "a connection was closed at once: there are %u already (--max-connections)",
			    worker->connection_count);
		close(fd);
		return;
	}
	conn_open(worker, worker->protocol, fd);
}

void worker_stop(struct worker *worker)
{
	struct conn *conn, *next;

	for (conn = worker->connections; conn; conn = next) {
		next = conn->next;
		if (conn->state != CONN_OPEN)
			continue;
		if (worker->protocol->stopping)
			worker->protocol->stopping(conn);
		conn_close(conn);
	}
}
