// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Wills of clients, see the page in session.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* One that waits for messages before it looks that often whether they are in. */
#define RETRY_MS 50

/**
 * struct will - the will of a client
 * @mqttd: shared
 * @session: whose it is, until that is freed; NULL: gone
 * @next: in @mqttd->wills, once the connection has ended
 * @previous: pointer that points here; NULL: it has not
 * @timer: of the delay
 * @due: when it is to be published
 * @client_id: in that list: whose it was; @client_id_len bytes
 * @client_id_len: see @client_id
 * @id: what the kernel calls it; 0: the kernel does not keep it
 * @delay_ms: how long after the end of the connection
 * @message: points into @data
 * @data: topic, payload, metadata
 */
struct will {
	struct mqttd *mqttd;
	struct session *session;
	struct will *next;
	struct will **previous;
	struct loop_timer timer;
	uint64_t due;
	char *client_id;
	uint32_t client_id_len;
	uint64_t id;
	uint32_t delay_ms;
	struct libmq_message message;
	uint8_t data[];
};

static void free_will(struct will *will)
{
	if (will->previous) {
		*will->previous = will->next;
		if (will->next)
			will->next->previous = will->previous;
	}
	if (will->session)
		will->session->will = NULL;
	loop_timer_clear(&will->mqttd->worker->loop, &will->timer);
	free(will->client_id);
	free(will);
}

static void forget(struct will *will)
{
	if (will->id)
		libmq_bus_will_clear(will->mqttd->worker->bus, will->id);
	free_will(will);
}

/* ---- a connection with a will ------------------------------------------ */

static uint32_t in_ms(uint32_t seconds)
{
	return (seconds < UINT32_MAX / 1000 ? seconds : UINT32_MAX / 1000) * 1000;
}

int will_take(struct session *session, const struct mqtt_will *will)
{
	size_t metadata = metadata_size(&will->properties, 0);
	struct will *copy;
	uint8_t *at;

	if (!will->present)
		return 0;
	copy = malloc(sizeof(*copy) + will->topic.len + will->payload.len + metadata);
	if (!copy)
		return -ENOMEM;
	memset(copy, 0, sizeof(*copy));
	at = copy->data;
	copy->mqttd = session->mqttd;
	copy->session = session;
	copy->delay_ms = in_ms(will->properties.will_delay);
	copy->message = (struct libmq_message){
		.topic = memcpy(at, will->topic.data, will->topic.len),
		.topic_len = (uint16_t)will->topic.len,
		.payload_len = will->payload.len,
		.flags = (uint16_t)((will->retain ? LIBMQ_RETAIN : 0) |
				    (will->qos ? LIBMQ_QOS_1 : LIBMQ_QOS_0)),
	};
	at += will->topic.len;
	copy->message.payload = memcpy(at, will->payload.data, will->payload.len);
	at += will->payload.len;
	copy->message.metadata = at;
	copy->message.metadata_len =
		(uint32_t)metadata_write(at, metadata, &will->properties, NULL, 0);
	session->will = copy;
	will_session_expiry(session, session->session_expiry);
	return 0;
}

void will_session_expiry(struct session *session, uint32_t seconds)
{
	if (session->will && session->will->delay_ms > in_ms(seconds))
		session->will->delay_ms = in_ms(seconds);
}

/*
 * Leaves it with the kernel, with a delay that it takes: it waits no longer once
 * this daemon has been killed.
 */
static int leave(struct session *session, struct will *will)
{
	struct libmq_will_opts opts = { .size = sizeof(opts), .delay_ms = will->delay_ms };
	struct mqttd *mqttd = session->mqttd;
	struct libmq_bus *bus = mqttd->worker->bus;
	uint64_t longest, wanted = mqttd->will_ids + 1;
	char id[64];
	int error;

	error = libmq_bus_will_set(bus, wanted, &will->message, &opts);
	if (error == -ERANGE && !libmq_module_parameter("max_will_delay", &longest) &&
	    longest < opts.delay_ms) {
		opts.delay_ms = (uint32_t)longest;
		error = libmq_bus_will_set(bus, wanted, &will->message, &opts);
	}
	if (error)
		return error;
	will->id = ++mqttd->will_ids;
	if (opts.delay_ms < will->delay_ms) {
		log_quote(id, sizeof(id), session->client_id, session->client_id_len);
		log_limited(&mqttd->will_log, LOG_LEVEL_WARNING,
			    "%s: the will of client '%s' would come after %u ms instead of %u if this daemon were killed: parameter max_will_delay of the module",
			    session->conn.peer, id, opts.delay_ms, will->delay_ms);
	}
	return 0;
}

void will_register(struct session *session)
{
	struct mqttd *mqttd = session->mqttd;
	struct will *will = session->will;
	char id[64], topic[128], why[256];
	int error;

	if (!will)
		return;
	error = leave(session, will);
	if (!error)
		return;
	mqttd->worker->stats.wills_unregistered++;
	log_quote(id, sizeof(id), session->client_id, session->client_id_len);
	log_quote(topic, sizeof(topic), will->message.topic, will->message.topic_len);
	log_limited(&mqttd->will_log, LOG_LEVEL_WARNING,
		    "%s: the will of client '%s' would be lost if this daemon were killed, the kernel does not take it: %s",
		    session->conn.peer, id, libmq_strerror(error, why, sizeof(why), topic));
}

void will_forget(struct session *session)
{
	if (session->will)
		forget(session->will);
}

/* ---- the end of a connection ------------------------------------------- */

/*
 * What the kernel has no more, because the channel has gone or the topic has
 * another owner, goes the way of all messages.
 */
static void publish(struct will *will)
{
	struct worker *worker = will->mqttd->worker;

	if (will->id && !libmq_bus_will_publish(worker->bus, will->id))
		worker->stats.published++;
	else
		worker_publish(worker, &will->message);
	free_will(will);
}

/* Whether messages that the client published before are still to go in. */
static bool must_wait(const struct will *will)
{
	const struct worker *worker = will->mqttd->worker;

	if (will->mqttd->ended)
		return false;
	return worker->batch.telling || source_stalled(&worker->own) ||
	       (will->session && source_stalled(&will->session->conn.source));
}

/* Publishes it if its time has come, else waits; without memory for that: now. */
static void settle(struct will *will)
{
	struct worker *worker = will->mqttd->worker;
	uint64_t now = loop_now(&worker->loop);
	uint64_t next = will->due;

	if (will->mqttd->stopping || next <= now) {
		worker_flush(worker);
		next = must_wait(will) ? now + RETRY_MS : 0;
	}
	if (!next || loop_timer_set(&worker->loop, &will->timer, next))
		publish(will);
}

static void timer_run(struct loop_timer *timer)
{
	settle((struct will *)((char *)timer - offsetof(struct will, timer)));
}

static struct will **bucket(struct mqttd *mqttd, const char *id, uint32_t len)
{
	return &mqttd->wills[session_hash(id, len) % WILL_BUCKETS];
}

void will_fire(struct session *session)
{
	struct mqttd *mqttd = session->mqttd;
	struct will *will = session->will;
	struct will **head;

	if (!will)
		return;
	will->timer.run = timer_run;
	will->due = loop_now(&mqttd->worker->loop) + will->delay_ms;
	head = bucket(mqttd, session->client_id, session->client_id_len);
	will->client_id = malloc(session->client_id_len);
	/* It can't be found again then, so it must not be waiting. */
	if (!will->client_id) {
		publish(will);
		return;
	}
	will->client_id_len = session->client_id_len;
	memcpy(will->client_id, session->client_id, session->client_id_len);
	will->next = *head;
	will->previous = head;
	if (will->next)
		will->next->previous = &will->next;
	*head = will;
	settle(will);
}

void will_orphan(struct session *session)
{
	if (!session->will)
		return;
	session->will->session = NULL;
	session->will = NULL;
}

/* ---- the client is back ------------------------------------------------ */

void will_taken_over(struct session *session, bool clean)
{
	struct will *will = session->will;

	if (!will || !will->delay_ms)
		return;
	if (clean)
		will->delay_ms = 0;
	else
		forget(will);
}

void will_client_returns(struct session *session, bool clean)
{
	struct mqttd *mqttd = session->mqttd;
	uint64_t now = loop_now(&mqttd->worker->loop);
	struct will *will = *bucket(mqttd, session->client_id, session->client_id_len);
	struct will *next;

	for (; will; will = next) {
		next = will->next;
		if (will->due <= now || will->client_id_len != session->client_id_len ||
		    memcmp(will->client_id, session->client_id, will->client_id_len))
			continue;
		if (clean) {
			will->due = now;
			settle(will);
		} else {
			forget(will);
		}
	}
}

void wills_stop(struct mqttd *mqttd)
{
	mqttd->stopping = true;
	mqttd->ended = true;
	for (unsigned int i = 0; i < WILL_BUCKETS; i++)
		while (mqttd->wills[i])
			settle(mqttd->wills[i]);
}
