// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Who holds the ring for too long loses the right to; and who may hold at all. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <kselftest_harness.h>
#include "hold_test.h"

#define NAME "t-evict"
#define SLOTS 64U
/* Long for a reader that reads, short for a test. */
#define SOON 50
/* Longer than any test. */
#define NEVER MQ_EVICT_AFTER_MAX

FIXTURE(evict) {
	int publisher;
	int nonblock;
	int events;
	struct mqt_subscription holder;
	struct mqt_map map;
	struct mqt_blocked blocked;
	struct mqt_reply event;
	struct mqt_reply reply;
	struct mqt_request request;
};

static int create(uint32_t overflow, uint32_t evict_after)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .overflow = overflow,
		.evict_after = evict_after, .claims = { "#" },
	};

	return mqt_create(&config);
}

/* The channel, its publishers, a holder of "a/#" and who hears its events. */
static int set_up(FIXTURE_DATA(evict) * self, uint32_t overflow, uint32_t evict_after)
{
	int error = create(overflow, evict_after);

	if (error)
		return error;
	self->publisher = mqt_publisher(NAME, 0);
	self->nonblock = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	if (self->publisher < 0 || self->nonblock < 0)
		return -EBADF;
	error = mqt_subscribe_to(&self->holder, NAME, MQ_SUBSCRIBE_HOLD, "a/#");
	if (error)
		return error;
	self->events = mqt_events_open();
	return self->events < 0 ? self->events : mqt_map(&self->map, &self->holder);
}

FIXTURE_SETUP(evict)
{
	ASSERT_EQ(0, set_up(self, MQ_OVERFLOW_BLOCK, SOON));
}

FIXTURE_TEARDOWN(evict)
{
	mqt_delete(NAME);
}

static struct mq_info info(void)
{
	struct mq_info info;

	if (mqt_info(NAME, &info))
		memset(&info, MQT_POISON, sizeof(info));
	return info;
}

/* Changes one attribute; the text of a refusal is in self->reply. */
static int set(FIXTURE_DATA(evict) * self, unsigned int attribute, uint32_t value)
{
	mqt_request_start(&self->request, MQ_CMD_CHANNEL_SET);
	mqt_request_str(&self->request, MQ_A_NAME, NAME);
	mqt_request_u32(&self->request, attribute, value);
	return mqt_request_send(&self->request, &self->reply);
}

/* The next event of these two kinds; self->event has it. */
static uint32_t next_event(FIXTURE_DATA(evict) * self, uint32_t one, uint32_t other)
{
	uint32_t kind;

	do {
		if (mqt_events_next(self->events, &self->event))
			return MQ_EVENT_UNSPEC;
		kind = mqt_u32(&self->event.attrs, MQ_A_EVENT);
	} while (kind != one && kind != other);
	return kind;
}

static uint32_t state(const struct mqt_map *map)
{
	return __atomic_load_n(&map->status->state, __ATOMIC_ACQUIRE);
}

/* ---- the order of things ---------------------------------------------- */

TEST_F(evict, a_stopped_holder)
{
	struct stopped *holder = mqt_shared(sizeof(*holder));
	pid_t child = start_stopped(holder, NAME);
	uint64_t sequence, oldest;
	uint64_t last = 5 * SLOTS;
	int status;

	ASSERT_LT(0, child);
	ASSERT_NE(0U, holder->id);
	/* However slow the machine: nobody is too old before the ring is full. */
	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, NEVER));
	for (sequence = 1; sequence <= SLOTS; sequence++)
		ASSERT_EQ(0, mqt_publish_str(self->publisher, topic_of(sequence), "x"));
	/* This one waits, until the holder is too old and not longer. */
	mqt_blocked_start(&self->blocked, self->publisher, topic_of(sequence++));
	ASSERT_EQ((uint32_t)MQ_EVENT_FULL, next_event(self, MQ_EVENT_FULL, MQ_EVENT_EVICTED));
	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, 100));
	ASSERT_EQ((uint32_t)MQ_EVENT_EVICTED, next_event(self, MQ_EVENT_SPACE, MQ_EVENT_EVICTED));
	EXPECT_STREQ(NAME, mqt_str(&self->event.attrs, MQ_A_NAME));
	EXPECT_EQ(holder->id, mqt_u64(&self->event.attrs, MQ_A_SUBSCRIPTION_ID));
	EXPECT_EQ((uint32_t)child, mqt_u32(&self->event.attrs, MQ_A_PID));
	EXPECT_EQ(1U, mqt_u64(&self->event.attrs, MQ_A_SEQUENCE));
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
	/* Told before the record went in that needed the space. */
	EXPECT_LE(mqt_u64(&self->event.attrs, MQ_A_TIME), self->blocked.record.time);
	EXPECT_EQ((uint32_t)MQ_EVENT_SPACE, next_event(self, MQ_EVENT_SPACE, MQ_EVENT_EVICTED));
	EXPECT_EQ(1U, info().evicted);
	EXPECT_EQ(0U, info().refused);
	/* It holds nothing now. */
	for (; sequence <= last; sequence++)
		ASSERT_EQ(0, mqt_publish_str(self->publisher, topic_of(sequence), "x"));
	oldest = mqt_oldest(&self->map);
	ASSERT_LT(last - SLOTS, oldest);

	kill(child, SIGCONT);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, holder->before);
	EXPECT_EQ(POLLIN | POLLPRI, holder->after);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, holder->state);
	EXPECT_EQ(1U, holder->evicted_at);
	EXPECT_EQ(0, holder->error);
	EXPECT_EQ(oldest, holder->resync.position);
	EXPECT_EQ(oldest - 1, holder->resync.passed);
	EXPECT_EQ(count_mine(1, oldest), holder->resync.missed);
	/* The other one still holds: nothing that it wants came. */
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&self->map));
}

/* The status page has it before the record is there, however they race. */
TEST_F(evict, told_before_the_space_is_used)
{
	unsigned int early = 0;
	uint64_t head;

	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	mqt_blocked_start(&self->blocked, self->publisher, "a/x");
	do {
		head = mqt_head(&self->map);
		early += head > SLOTS + 1 && state(&self->map) != MQ_SUBSCRIPTION_EVICTED;
	} while (head == SLOTS + 1);
	EXPECT_EQ(0U, early);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&self->map));
	EXPECT_EQ(1U, self->map.status->evicted_at);
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
}

TEST_F(evict, a_sleeping_holder_is_woken)
{
	struct mq_resync resync;
	struct mqt_poller poller;

	mqt_poller_start(&poller, self->holder.fd, POLLPRI);
	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "a/x", "x"));
	EXPECT_EQ(POLLPRI, mqt_poller_join(&poller));
	/* Until it takes notice. */
	EXPECT_EQ(POLLPRI, mqt_poll(self->holder.fd, POLLPRI, 0));
	ASSERT_EQ(0, mqt_resync(self->holder.fd, &resync));
	EXPECT_EQ(0, mqt_poll(self->holder.fd, POLLPRI, 0));
}

TEST_F(evict, read_takes_notice)
{
	uint64_t buffer[6 * SLOTS];

	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "a/x", "x"));
	EXPECT_EQ(POLLIN | POLLPRI, mqt_poll(self->holder.fd, POLLIN | POLLPRI, 0));
	EXPECT_LT(0, read(self->holder.fd, buffer, sizeof(buffer)));
	EXPECT_EQ(0, mqt_poll(self->holder.fd, POLLPRI, 0));
	/* One record went, and no more were read than there were. */
	EXPECT_EQ(1U, self->map.status->missed);
	EXPECT_EQ(1U, self->map.status->passed);
}

/* ---- who is evicted, and who is not ----------------------------------- */

/* Waits until the clock of the kernel's stamps has surely moved on. */
static void wait_ms(FIXTURE_DATA(evict) * self, unsigned int ms)
{
	uint64_t start = mqt_now();

	while (mqt_now() - start < ms * 1000000ULL)
		mqt_poll(self->events, 0, 10);
}

/* What counts is the age of what it holds, not whether it gets on. */
TEST_F(evict, a_trickling_holder)
{
	unsigned int i;

	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, NEVER));
	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	for (i = 0; i < 10; i++) {
		mqt_advance(&self->map, self->holder.fd, 2 + i, 1 + i);
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/x", "x"));
	}
	wait_ms(self, 100);
	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, 1));
	/* It gives space in time, so nobody lacks any. */
	mqt_advance(&self->map, self->holder.fd, 2 + i, 1 + i);
	ASSERT_EQ(0, mqt_publish_str(self->nonblock, "a/x", "x"));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&self->map));
	/* What it holds is as old as before, and now somebody does. */
	mqt_advance(&self->map, self->holder.fd, 3 + i, 2 + i);
	EXPECT_EQ(2U, fill(self->nonblock, "a/x", 2));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&self->map));
	EXPECT_EQ(3 + i, self->map.status->evicted_at);
	EXPECT_EQ(0U, info().refused);
}

TEST_F(evict, all_who_are_late_at_once)
{
	struct mqt_subscription other[4];
	struct mqt_map map[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(other); i++) {
		ASSERT_EQ(0, mqt_subscribe_to(&other[i], NAME, MQ_SUBSCRIBE_HOLD, "a/x"));
		ASSERT_EQ(0, mqt_map(&map[i], &other[i]));
	}
	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	/* These two are done with all; the others are not. */
	mqt_advance(&map[0], other[0].fd, SLOTS + 1, SLOTS);
	mqt_advance(&map[3], other[3].fd, SLOTS + 1, SLOTS);
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/x", "x"));
	EXPECT_EQ(3U, info().evicted);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&self->map));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&map[0]));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&map[1]));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&map[2]));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&map[3]));
	EXPECT_EQ(0U, map[0].status->evicted_at);
	EXPECT_EQ(1U, map[1].status->evicted_at);
}

TEST_F(evict, nobody_without_need)
{
	unsigned int i;

	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, 1));
	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	/* Late by far, but nobody lacks space, whoever kicks. */
	for (i = 0; i < 100; i++) {
		mqt_ioctl(self->holder.fd, MQ_IOC_KICK, NULL);
		mqt_poll(self->publisher, POLLOUT, 0);
	}
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&self->map));
	EXPECT_EQ(0U, info().evicted);
}

/*
 * It sleeps while nothing matches; then one record does, and the ring is full.
 * Return: false if that took so long that its being young means nothing.
 */
static bool sleep_long(FIXTURE_DATA(evict) * self, uint64_t match, unsigned int *count)
{
	uint64_t matched;

	fill(self->publisher, "b", match - 1);
	wait_ms(self, 1100);
	matched = mqt_now();
	fill(self->publisher, "a/x", 1);
	set(self, MQ_A_EVICT_AFTER, 1000);
	*count = fill(self->nonblock, "b", 2 * SLOTS);
	return mqt_now() - matched < 900000000;
}

TEST_F(evict, not_one_that_slept_while_nothing_matched)
{
	uint64_t match = SLOTS - 1;
	unsigned int count;

	do {
		ASSERT_EQ(0, set_up(self, MQ_OVERFLOW_BLOCK, NEVER));
	} while (!sleep_long(self, match, &count));
	/* What was before that record is free, and the record is held. */
	EXPECT_EQ(SLOTS - 1, count);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&self->map));
	EXPECT_EQ(match, self->map.status->verified);
	EXPECT_EQ(match, mqt_oldest(&self->map));
	EXPECT_EQ(0, mqt_poll(self->holder.fd, POLLPRI, 0));
	/* Until it is too old as well. */
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "b", "x"));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&self->map));
	EXPECT_EQ(match, self->map.status->evicted_at);
}

TEST_F(evict, one_from_the_past_without_a_filter)
{
	struct mqt_subscription past;
	struct mq_resync resync;
	struct mqt_map map;

	ASSERT_EQ(0, mqt_publish_str(self->publisher, "c", "x"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "c", "x"));
	ASSERT_EQ(0, mqt_subscribe(&past, NAME, MQ_SUBSCRIBE_HOLD | MQ_SUBSCRIBE_NONBLOCK,
				   MQ_START_SEQUENCE, 2));
	ASSERT_EQ(0, mqt_map(&map, &past));
	ASSERT_EQ(2 * SLOTS, fill(self->publisher, "c", 2 * SLOTS));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&map));
	EXPECT_EQ(2U, map.status->evicted_at);
	EXPECT_EQ(POLLPRI, mqt_poll(past.fd, POLLPRI, 0));
	ASSERT_EQ(0, mqt_resync(past.fd, &resync));
	EXPECT_EQ(mqt_oldest(&map), resync.position);
	EXPECT_EQ(mqt_oldest(&map) - 2, resync.passed);
	EXPECT_EQ(0U, resync.missed);
	/* A filter goes on from there, and holds nothing. */
	ASSERT_EQ(0, mqt_filter_add(past.fd, "c", 1, NULL));
	EXPECT_EQ(2 * SLOTS, fill(self->nonblock, "c", 2 * SLOTS));
}

/* A cursor beyond the head, or one that goes back, saves nobody. */
TEST_F(evict, a_lying_cursor)
{
	struct mqt_subscription liar;
	struct mqt_map map;

	ASSERT_EQ(0, mqt_subscribe_to(&liar, NAME, MQ_SUBSCRIBE_HOLD, "a/#"));
	ASSERT_EQ(0, mqt_map(&map, &liar));
	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	__atomic_store_n(&map.control->cursor, UINT64_MAX, __ATOMIC_RELEASE);
	mqt_advance(&self->map, self->holder.fd, 10, 9);
	ASSERT_EQ(1U, fill(self->publisher, "a/x", 1));
	__atomic_store_n(&map.control->cursor, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&self->map.control->cursor, 3, __ATOMIC_RELEASE);
	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	/* The first lie let go of everything up to the head, and no more. */
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&self->map));
	EXPECT_EQ(10U, self->map.status->evicted_at);
	fill(self->publisher, "a/x", SLOTS);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&map));
	EXPECT_EQ(SLOTS + 1, map.status->evicted_at);
	EXPECT_EQ(2U, info().evicted);
}

TEST_F(evict, once_and_for_all)
{
	struct mq_resync resync;

	ASSERT_EQ(2 * SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
	ASSERT_EQ(0, mqt_resync(self->holder.fd, &resync));
	mqt_advance(&self->map, self->holder.fd, 2 * SLOTS + 1, 2 * SLOTS - resync.missed);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&self->map));
	/* Having caught up does not bring it back. */
	EXPECT_EQ(3 * SLOTS, fill(self->nonblock, "a/x", 3 * SLOTS));
	EXPECT_EQ(1U, info().evicted);
	/* The gap is one of a lossy reader now. */
	EXPECT_EQ(POLLPRI, mqt_poll(self->holder.fd, POLLPRI, 0));
	ASSERT_EQ(0, mqt_resync(self->holder.fd, &resync));
	EXPECT_EQ(mqt_oldest(&self->map) - 2 * SLOTS - 1, resync.passed);
	EXPECT_EQ(resync.passed, resync.missed);
	EXPECT_EQ(0, mqt_poll(self->holder.fd, POLLPRI, 0));
}

TEST_F(evict, who_is_evicted_can_go)
{
	struct mqt_subscription other;

	ASSERT_EQ(2 * SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
	mqt_unmap(&self->map);
	ASSERT_EQ(0, mqt_filter_add(self->holder.fd, "c", 1, NULL));
	ASSERT_EQ(0, mqt_filter_remove(self->holder.fd, "a/#"));
	close(self->holder.fd);
	/* Holders are still counted right. */
	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, NEVER));
	EXPECT_EQ(2 * SLOTS, fill(self->nonblock, "a/x", 2 * SLOTS));
	ASSERT_EQ(0, mqt_subscribe_to(&other, NAME, MQ_SUBSCRIBE_HOLD, "a/#"));
	EXPECT_EQ(SLOTS, fill(self->nonblock, "a/x", 2 * SLOTS));
	close(other.fd);
	EXPECT_EQ(2 * SLOTS, fill(self->nonblock, "a/x", 2 * SLOTS));
}

/* Makes whatever is in the ring older than the channel allows. */
static int grow_old(FIXTURE_DATA(evict) * self)
{
	uint64_t end = mqt_now() + 50000000;

	while (mqt_now() < end)
		sched_yield();
	return set(self, MQ_A_EVICT_AFTER, 1);
}

/* Or publishers would wait for who subscribes anew each time. */
TEST_F(evict, who_comes_late_does_not_hold)
{
	struct mqt_subscription late, new;
	struct mqt_map map, new_map;

	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, NEVER));
	ASSERT_EQ(SLOTS, fill(self->nonblock, "a/x", 2 * SLOTS));
	ASSERT_EQ(0, grow_old(self));
	ASSERT_EQ(0, mqt_subscribe(&late, NAME, MQ_SUBSCRIBE_HOLD, MQ_START_OLDEST, 0));
	ASSERT_EQ(0, mqt_map(&map, &late));
	EXPECT_EQ(1U, late.position);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&map));
	EXPECT_EQ(1U, map.status->evicted_at);
	EXPECT_EQ(POLLPRI, mqt_poll(late.fd, POLLPRI, 0));
	EXPECT_EQ(1U, info().evicted);
	ASSERT_EQ((uint32_t)MQ_EVENT_EVICTED, next_event(self, MQ_EVENT_SPACE, MQ_EVENT_EVICTED));
	EXPECT_EQ(late.id, mqt_u64(&self->event.attrs, MQ_A_SUBSCRIPTION_ID));
	EXPECT_EQ(1U, mqt_u64(&self->event.attrs, MQ_A_SEQUENCE));

	/* What is new may be held. Who is there is looked at when space is needed. */
	ASSERT_EQ(0, mqt_subscribe_to(&new, NAME, MQ_SUBSCRIBE_HOLD, "a/#"));
	ASSERT_EQ(0, mqt_map(&new_map, &new));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&new_map));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&self->map));
	EXPECT_EQ(0, mqt_publish_str(self->nonblock, "b", "x"));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&self->map));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&new_map));
	EXPECT_EQ(2U, info().evicted);

	/* Nobody lacks space any more: as ever. */
	ASSERT_EQ(0, mqt_subscribe(&late, NAME, MQ_SUBSCRIBE_HOLD, MQ_START_OLDEST, 0));
	ASSERT_EQ(0, mqt_map(&map, &late));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&map));
}

/* One slot would be free, all that it needs are not. */
TEST_F(evict, an_atomic_batch_evicts)
{
	struct mq_publish records[SLOTS / 2];
	struct mq_publish_batch batch = {
		.flags = MQ_BATCH_ATOMIC, .count = SLOTS / 2, .records = (uintptr_t)records,
	};
	unsigned int i;

	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, NEVER));
	ASSERT_EQ(SLOTS - 20, fill(self->nonblock, "a/x", SLOTS - 20));
	for (i = 0; i < batch.count; i++)
		mqt_record(&records[i], "b", "x", 1);
	ASSERT_EQ(0, mqt_ioctl(self->nonblock, MQ_IOC_PUBLISH_BATCH, &batch));
	EXPECT_EQ(-EAGAIN, records[0].result);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&self->map));
	ASSERT_EQ(0, grow_old(self));
	ASSERT_EQ(0, mqt_ioctl(self->nonblock, MQ_IOC_PUBLISH_BATCH, &batch));
	for (i = 0; i < batch.count; i++)
		EXPECT_EQ(0, records[i].result);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&self->map));
}

TEST_F(evict, set_while_somebody_waits)
{
	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, 0));
	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	mqt_blocked_start(&self->blocked, self->publisher, "a/x");
	ASSERT_EQ((uint32_t)MQ_EVENT_FULL, next_event(self, MQ_EVENT_FULL, MQ_EVENT_EVICTED));
	EXPECT_FALSE(self->blocked.done);
	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, 1));
	EXPECT_EQ((uint32_t)MQ_EVENT_CHANGED, next_event(self, MQ_EVENT_CHANGED, MQ_EVENT_CHANGED));
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
	EXPECT_EQ(1U, info().evicted);
}

/* ---- channels that reject --------------------------------------------- */

TEST_F(evict, reject_evicts_instead_of_refusing)
{
	ASSERT_EQ(0, set_up(self, MQ_OVERFLOW_REJECT, NEVER));
	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	EXPECT_EQ(-EAGAIN, mqt_publish_str(self->publisher, "a/x", "x"));
	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, 1));
	/* Refused as long as it is younger than that. */
	while (mqt_publish_str(self->publisher, "a/x", "x"))
		EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&self->map));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&self->map));
	EXPECT_EQ(1U, info().evicted);
	EXPECT_EQ((uint32_t)MQ_EVENT_EVICTED,
		  next_event(self, MQ_EVENT_EVICTED, MQ_EVENT_SPACE));
	EXPECT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
}

/* Who waits for EPOLLOUT lacks space as well. */
TEST_F(evict, reject_evicts_for_a_poll)
{
	struct mqt_poller poller;

	ASSERT_EQ(0, set_up(self, MQ_OVERFLOW_REJECT, NEVER));
	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	EXPECT_EQ(-EAGAIN, mqt_publish_str(self->publisher, "a/x", "x"));
	mqt_poller_start(&poller, self->publisher, POLLOUT);
	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, 1));
	EXPECT_EQ(POLLOUT, mqt_poller_join(&poller));
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, state(&self->map));
}

/* ---- settings --------------------------------------------------------- */

TEST_F(evict, the_channel_says_so)
{
	ASSERT_EQ(0, mqt_get(NAME, &self->reply));
	EXPECT_EQ((uint32_t)SOON, mqt_u32(&self->reply.attrs, MQ_A_EVICT_AFTER));
	EXPECT_EQ((uint32_t)MQ_HOLD_WRITERS, mqt_u32(&self->reply.attrs, MQ_A_HOLD));
	EXPECT_EQ(0U, mqt_u64(&self->reply.attrs, MQ_A_EVICTED));
	EXPECT_EQ((uint32_t)SOON, info().evict_after);
	EXPECT_EQ((uint32_t)MQ_HOLD_WRITERS, info().hold);
	EXPECT_EQ(0U, info().evicted);
	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, MQ_EVICT_AFTER_MAX));
	ASSERT_EQ(0, set(self, MQ_A_HOLD, MQ_HOLD_READERS));
	EXPECT_EQ((uint32_t)MQ_EVICT_AFTER_MAX, info().evict_after);
	EXPECT_EQ((uint32_t)MQ_HOLD_READERS, info().hold);
	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, 0));
	EXPECT_EQ(0U, info().evict_after);
	EXPECT_EQ((uint32_t)MQ_HOLD_READERS, info().hold);
}

struct seen {
	unsigned int count;
	uint64_t id, evicted_at;
	uint32_t state;
};

static void see(const struct mqt_attrs *attrs, void *arg)
{
	struct seen *seen = arg;

	seen->count++;
	seen->id = mqt_u64(attrs, MQ_A_SUBSCRIPTION_ID);
	seen->evicted_at = mqt_u64(attrs, MQ_A_EVICTED_AT);
	seen->state = mqt_u32(attrs, MQ_A_SUBSCRIPTION_STATE);
}

TEST_F(evict, a_dump_says_so)
{
	struct seen seen = { .evicted_at = 77 };

	mqt_request_start(&self->request, MQ_CMD_SUBSCRIPTION_GET);
	mqt_request_str(&self->request, MQ_A_NAME, NAME);
	ASSERT_EQ(0, mqt_request_dump(&self->request, see, &seen));
	EXPECT_EQ(1U, seen.count);
	EXPECT_EQ(0U, seen.evicted_at);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, seen.state);
	ASSERT_EQ(2U, fill(self->publisher, "b", 2));
	mqt_advance(&self->map, self->holder.fd, 3, 0);
	ASSERT_EQ(SLOTS + 1, fill(self->publisher, "a/x", SLOTS + 1));
	mqt_request_start(&self->request, MQ_CMD_SUBSCRIPTION_GET);
	mqt_request_str(&self->request, MQ_A_NAME, NAME);
	ASSERT_EQ(0, mqt_request_dump(&self->request, see, &seen));
	EXPECT_EQ(2U, seen.count);
	EXPECT_EQ(self->holder.id, seen.id);
	EXPECT_EQ(3U, seen.evicted_at);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, seen.state);
	ASSERT_EQ(0, mqt_get(NAME, &self->reply));
	EXPECT_EQ(1U, mqt_u64(&self->reply.attrs, MQ_A_EVICTED));
}

/* A creation with one more attribute; the refusal says why. */
static int create_with(FIXTURE_DATA(evict) * self, uint32_t overflow, unsigned int attribute,
		       uint32_t value)
{
	mqt_request_start(&self->request, MQ_CMD_CHANNEL_CREATE);
	mqt_request_str(&self->request, MQ_A_NAME, "t-evict-2");
	mqt_request_u32(&self->request, MQ_A_OVERFLOW, overflow);
	mqt_request_u32(&self->request, attribute, value);
	return mqt_request_send(&self->request, &self->reply);
}

TEST_F(evict, what_cannot_be)
{
	static const struct {
		uint32_t overflow;
		unsigned int attribute;
		uint32_t value;
		const char *text;
	} refused[] = {
		{ MQ_OVERFLOW_DROP_OLDEST, MQ_A_EVICT_AFTER, 1, "evict_after" },
		{ MQ_OVERFLOW_REJECT, MQ_A_EVICT_AFTER, MQ_EVICT_AFTER_MAX + 1, "evict_after" },
		{ MQ_OVERFLOW_BLOCK, MQ_A_EVICT_AFTER, UINT32_MAX, "evict_after" },
		{ MQ_OVERFLOW_DROP_OLDEST, MQ_A_HOLD, MQ_HOLD_READERS, "hold" },
		{ MQ_OVERFLOW_REJECT, MQ_A_HOLD, MQ_HOLD_READERS + 1, "hold" },
	};
	struct mq_info before, after;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(-EINVAL, create_with(self, refused[i].overflow, refused[i].attribute,
					       refused[i].value));
		EXPECT_NE(NULL, strstr(self->reply.text, refused[i].text));
		ASSERT_EQ(0, create(refused[i].overflow, 0));
		before = info();
		EXPECT_EQ(-EINVAL, set(self, refused[i].attribute, refused[i].value));
		EXPECT_NE(NULL, strstr(self->reply.text, refused[i].text));
		after = info();
		EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
	}
	/* What changes nothing is not refused. */
	ASSERT_EQ(0, create(MQ_OVERFLOW_DROP_OLDEST, 0));
	EXPECT_EQ(0, set(self, MQ_A_EVICT_AFTER, 0));
	EXPECT_EQ(0, set(self, MQ_A_HOLD, MQ_HOLD_WRITERS));
}

TEST_F(evict, who_may_hold)
{
	struct mq_subscribe args = { .flags = MQ_SUBSCRIBE_HOLD | MQ_SUBSCRIBE_NONBLOCK };
	int node = mqt_node(NAME, O_RDONLY), reader;
	struct mqt_config config = { .name = NAME, .overflow = MQ_OVERFLOW_REJECT };

	ASSERT_LE(0, node);
	EXPECT_EQ(EACCES, mqt_refusal(node, MQ_IOC_SUBSCRIBE, &args));
	ASSERT_EQ(0, set(self, MQ_A_HOLD, MQ_HOLD_READERS));
	reader = mqt_ioctl(node, MQ_IOC_SUBSCRIBE, &args);
	ASSERT_LE(0, reader);
	ASSERT_EQ(0, mqt_filter_add(reader, "r", 1, NULL));
	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, NEVER));
	/* Those that are there stay what they are. */
	ASSERT_EQ(0, set(self, MQ_A_HOLD, MQ_HOLD_WRITERS));
	EXPECT_EQ(SLOTS, fill(self->nonblock, "r", 2 * SLOTS));
	args = (struct mq_subscribe){ .flags = MQ_SUBSCRIBE_HOLD };
	EXPECT_EQ(EACCES, mqt_refusal(node, MQ_IOC_SUBSCRIBE, &args));
	close(node);

	config.hold = MQ_HOLD_READERS;
	ASSERT_EQ(0, mqt_create(&config));
	node = mqt_node(NAME, O_RDONLY);
	ASSERT_LE(0, node);
	EXPECT_LE(0, mqt_ioctl(node, MQ_IOC_SUBSCRIBE, &args));
	close(node);
	/* Reading is still what it takes. */
	node = mqt_node(NAME, O_WRONLY);
	ASSERT_LE(0, node);
	args = (struct mq_subscribe){ .flags = MQ_SUBSCRIBE_HOLD };
	EXPECT_EQ(EACCES, mqt_refusal(node, MQ_IOC_SUBSCRIBE, &args));
}

/* Nobody who publishes has looked since; readers that are awake do not kick. */
TEST_F(evict, who_comes_when_there_is_space_holds)
{
	struct mqt_subscription late;
	struct mqt_map map;

	ASSERT_EQ(0, set(self, MQ_A_EVICT_AFTER, NEVER));
	ASSERT_EQ(SLOTS, fill(self->nonblock, "a/x", 2 * SLOTS));
	__atomic_store_n(&self->map.control->cursor, SLOTS + 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, grow_old(self));
	ASSERT_EQ(0, mqt_subscribe(&late, NAME, MQ_SUBSCRIBE_HOLD, MQ_START_OLDEST, 0));
	ASSERT_EQ(0, mqt_map(&map, &late));
	EXPECT_EQ(1U, late.position);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_HOLDING, state(&map));
	EXPECT_EQ(0U, info().evicted);
}

TEST_HARNESS_MAIN
