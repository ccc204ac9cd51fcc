// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Children that publish, see publishers.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include "content.h"
#include "publishers.h"
#include "wills.h"

/* Payloads of a batch, all together. */
#define SESSION_BUFFER (PUBLISHER_BATCH_MAX * 1024 + CONTENT_BUFFER)

/* Until when a channel whose claims are gone must be dead, in ns. */
#define SESSION_PATIENCE 10000000000ULL

/* A publisher at work. */
struct session {
	struct child *child;
	struct life *life;
	struct dice *dice;
	struct publisher *page;
	uint32_t index;
	int node;
	int fd;
	uint64_t last;
	uint8_t *buffer;
};

static bool session_over(const struct session *session)
{
	return __atomic_load_n(&session->child->stop, __ATOMIC_ACQUIRE) ||
	       books_life_state(session->life) != LIFE_LIVE;
}

static void page_add(uint32_t *counter, uint32_t value)
{
	__atomic_store_n(counter, *counter + value, __ATOMIC_RELEASE);
}

static void flight_begin(struct session *session, uint32_t count)
{
	__atomic_store_n(&session->page->flight, count, __ATOMIC_SEQ_CST);
}

/* What the call did is noted. */
static void flight_end(struct session *session)
{
	__atomic_store_n(&session->page->flight, 0, __ATOMIC_SEQ_CST);
}

static uint64_t session_tag(const struct session *session, uint32_t number)
{
	return content_tag(session->life, session->index, number);
}

/* A topic that no other channel can claim is not ours: then the channel goes. */
static void check_stale(struct session *session, uint64_t tag)
{
	uint32_t topic = content_of(session->life, tag).topic;
	uint64_t deadline = mqt_now() + SESSION_PATIENCE;
	struct mq_info info = {};

	books_add(&books->totals.stale, 1);
	if (topic == CONTENT_TOPIC_OWN || topic == CONTENT_TOPIC_NEXT)
		return;
	do {
		if (mqt_ioctl(session->node, MQ_IOC_INFO, &info) ||
		    info.state == MQ_CHANNEL_DEAD)
			return;
	} while (mqt_now() < deadline);
	books_fault(session->life, "record %llx was refused: topic %s is not the channel's",
		    (unsigned long long)tag, content_topic(session->life->channel, topic));
}

static void note_published(struct session *session, uint64_t tag, uint64_t sequence)
{
	if (sequence) {
		if (sequence <= session->last)
			books_fault(session->life, "record %llx has sequence %llu, after %llu",
				    (unsigned long long)tag, (unsigned long long)sequence,
				    (unsigned long long)session->last);
		session->last = sequence;
		books_log(session->life, sequence, tag);
	}
	page_add(&session->page->published, 1);
	books_add(&books->totals.published, 1);
}

/* Notes what became of a record; false: the channel is no more. */
static bool note_result(struct session *session, uint64_t tag, int result, uint64_t sequence)
{
	switch (result) {
	case 0:
		note_published(session, tag, sequence);
		return true;
	case -EAGAIN:
		page_add(&session->page->refused, 1);
		books_add(&books->totals.refused, 1);
		break;
	case -ETIMEDOUT:
	case -EINTR:
		page_add(&session->page->waited, 1);
		break;
	case -ESTALE:
		check_stale(session, tag);
		break;
	case -EDQUOT:
		books_add(&books->totals.quota, 1);
		if (content_of(session->life, tag).retain)
			break;
		books_fault(session->life, "record %llx is not retained, but got EDQUOT",
			    (unsigned long long)tag);
		break;
	case -ENODEV:
		break;
	default:
		books_fault(session->life, "record %llx: publish returned %d",
			    (unsigned long long)tag, result);
	}
	books_tickets_return(session->life, 1);
	return result != -ENODEV;
}

static void wait_for_space(struct session *session, int result)
{
	if (result == -EAGAIN)
		mqt_poll(session->fd, POLLOUT, dice_between(session->dice, 1, 60));
}

static bool publish_single(struct session *session)
{
	uint64_t tag = session_tag(session, ++session->page->next);
	struct mq_publish record;
	bool alive;
	int error;

	if (!books_tickets_take(session->life, 1))
		return false;
	content_make(session->life, tag, session->buffer, &record);
	flight_begin(session, 1);
	error = mqt_ioctl(session->fd, MQ_IOC_PUBLISH, &record);
	alive = note_result(session, tag, error, record.sequence);
	flight_end(session);
	wait_for_space(session, error);
	return alive;
}

/* Puts records together as long as there is room; how many. */
static uint32_t batch_make(struct session *session, struct mq_publish *records, uint64_t *tags)
{
	uint32_t most = dice_between(session->dice, 1, PUBLISHER_BATCH_MAX);
	uint32_t used = 0, count;

	for (count = 0; count < most; count++) {
		if (used + CONTENT_BUFFER > SESSION_BUFFER)
			break;
		tags[count] = session_tag(session, ++session->page->next);
		content_make(session->life, tags[count], session->buffer + used,
			     &records[count]);
		used += records[count].payload_len + records[count].metadata_len;
	}
	return count;
}

static bool publish_batch(struct session *session)
{
	struct mq_publish records[PUBLISHER_BATCH_MAX];
	uint64_t tags[PUBLISHER_BATCH_MAX];
	struct mq_publish_batch batch = {
		.flags = dice_percent(session->dice, 30) ? MQ_BATCH_SYNC : 0,
		.records = (uintptr_t)records,
	};
	bool alive = true;
	int error;
	uint32_t i;

	batch.count = batch_make(session, records, tags);
	if (!books_tickets_take(session->life, batch.count))
		return false;
	flight_begin(session, batch.count);
	error = mqt_ioctl(session->fd, MQ_IOC_PUBLISH_BATCH, &batch);
	if (error && error != -EINTR && error != -ENODEV)
		books_fault(session->life, "a batch returned %d", error);
	if (error)
		batch.done = 0;
	for (i = 0; i < batch.done; i++)
		alive &= note_result(session, tags[i], records[i].result, records[i].sequence);
	books_tickets_return(session->life, batch.count - batch.done);
	flight_end(session);
	if (batch.done)
		wait_for_space(session, records[batch.done - 1].result);
	return alive && error != -ENODEV;
}

static bool publish_write(struct session *session)
{
	uint64_t tag = session_tag(session, ++session->page->next);
	struct mq_publish record;
	ssize_t written;
	bool alive;
	int error;

	if (!books_tickets_take(session->life, 1))
		return false;
	content_make(session->life, tag, session->buffer, &record);
	flight_begin(session, 1);
	written = write(session->fd, session->buffer, record.payload_len);
	error = written < 0 ? -errno : 0;
	if (!error && written != record.payload_len)
		books_fault(session->life, "record %llx: write returned %zd of %u",
			    (unsigned long long)tag, written, record.payload_len);
	alive = note_result(session, tag, error, 0);
	flight_end(session);
	wait_for_space(session, error);
	return alive;
}

static bool publish_some(struct session *session)
{
	switch (session->page->kind) {
	case PUBLISHER_SINGLE:
		return publish_single(session);
	case PUBLISHER_BATCH:
		return publish_batch(session);
	default:
		return publish_write(session);
	}
}

/* Its descriptor; a writer has another one of the node, which knows no wills. */
static int session_open(struct session *session)
{
	bool nonblock = dice_percent(session->dice, 50);
	struct mq_publisher_new args = {
		.flags = nonblock ? MQ_PUBLISHER_NONBLOCK : 0,
	};
	struct mq_info info = {};
	int fd;

	if (session->page->kind != PUBLISHER_WRITER) {
		if (dice_percent(session->dice, 50))
			args.timeout_ms = dice_between(session->dice, 1, 300);
		fd = mqt_ioctl(session->node, MQ_IOC_PUBLISHER, &args);
		session->page->id = fd < 0 ? 0 : args.id;
		return fd;
	}
	fd = mqt_node(content_name(session->life->channel),
		      O_WRONLY | (nonblock ? O_NONBLOCK : 0));
	/* The name may lead to the next life already. */
	if (fd >= 0 && (mqt_ioctl(fd, MQ_IOC_INFO, &info) || info.id != session->life->id)) {
		close(fd);
		return -ENODEV;
	}
	return fd;
}

static void session_publish(struct session *session)
{
	static const uint32_t pauses[] = { 300, 3000, 10000, 30000 };
	uint32_t pause = pauses[dice_roll(session->dice, 4)];
	uint32_t burst_max = dice_between(session->dice, 1, 30);

	for (;;) {
		uint32_t burst = dice_between(session->dice, 1, burst_max);

		while (burst--)
			if (session_over(session) || !publish_some(session))
				return;
		if (dice_percent(session->dice, 5) && session->page->kind != PUBLISHER_WRITER)
			wills_set_some(session->life, session->page, session->index,
				       session->fd, session->dice);
		usleep(dice_roll(session->dice, pause));
	}
}

static uint32_t publisher_kind(struct dice *dice)
{
	uint32_t roll = dice_roll(dice, 100);

	if (roll < 15)
		return PUBLISHER_WRITER;
	return roll < 60 ? PUBLISHER_SINGLE : PUBLISHER_BATCH;
}

void publisher_run(struct child *child, struct life *life, int node, struct dice *dice)
{
	struct session session = {
		.child = child, .life = life, .dice = dice, .node = node,
		.page = books_publisher_new(life),
		.buffer = malloc(SESSION_BUFFER),
	};

	if (!session.page || !session.buffer)
		return;
	session.index = session.page - life->publishers;
	session.page->kind = publisher_kind(dice);
	session.fd = session_open(&session);
	if (session.fd >= 0) {
		if (session.page->kind != PUBLISHER_WRITER && dice_percent(dice, 60))
			wills_set_some(life, session.page, session.index, session.fd, dice);
		session_publish(&session);
		if (session.page->kind != PUBLISHER_WRITER)
			wills_goodbye(life, session.page, session.fd, dice);
		close(session.fd);
	} else if (session.fd != -ENODEV && session.fd != -ENXIO && session.fd != -ENOENT) {
		books_fault(life, "no publisher: error %d", session.fd);
	}
	session.page->ended = true;
	free(session.buffer);
}
