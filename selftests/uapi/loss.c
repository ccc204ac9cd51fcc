// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Loss is counted: a reader that sleeps learns exactly what went by. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-loss"
#define SLOTS 256U

FIXTURE(loss) {
	int publisher;
	struct mqt_subscription subscription;
	struct mqt_map map;
	uint64_t buffer[8192];
};

FIXTURE_VARIANT(loss) {
	uint32_t overflow;
};

FIXTURE_VARIANT_ADD(loss, drop_oldest) {
	.overflow = MQ_OVERFLOW_DROP_OLDEST,
};

/* Without a holder, a channel that rejects overwrites too. */
FIXTURE_VARIANT_ADD(loss, reject) {
	.overflow = MQ_OVERFLOW_REJECT,
};

FIXTURE_SETUP(loss)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .overflow = variant->overflow,
		.claims = { "#" },
	};

	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "a/#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
}

FIXTURE_TEARDOWN(loss)
{
	mqt_delete(NAME);
}

/* Record @sequence of these tests matches "a/#" if this says so. */
static bool matches(uint64_t sequence)
{
	return sequence % 3 == 0;
}

static uint64_t matching(uint64_t from, uint64_t to)
{
	uint64_t count = 0;

	for (; from < to; from++)
		count += matches(from);
	return count;
}

/* Publishes records @from to @to - 1, some of which match. */
static int publish_range(int fd, uint64_t from, uint64_t to)
{
	int error = 0;

	for (; from < to && !error; from++)
		error = mqt_publish_str(fd, matches(from) ? "a/x" : "b/x", "payload");
	return error;
}

/* Reads through read(2) to the end: how many records, and their order. */
static uint64_t drain(FIXTURE_DATA(loss) * self, uint64_t *first)
{
	uint64_t count = 0, last = 0;
	ssize_t len, at;

	*first = 0;
	while ((len = read(self->subscription.fd, self->buffer, sizeof(self->buffer))) > 0)
		for (at = 0; at < len; count++) {
			const struct mq_record *record = (void *)((char *)self->buffer + at);

			if (!*first)
				*first = record->sequence;
			if (record->sequence <= last || !matches(record->sequence))
				return 0;
			last = record->sequence;
			at += record->size;
		}
	return count;
}

TEST_F(loss, three_ring_lengths_asleep_mapped)
{
	uint64_t end = 3 * SLOTS + 1, oldest, delivered = 0, sequence;
	struct mq_resync resync;
	struct mqt_view view;

	ASSERT_EQ(0, publish_range(self->publisher, 1, end));
	oldest = mqt_oldest(&self->map);
	ASSERT_LE(end - SLOTS, oldest);
	EXPECT_EQ(-ESTALE, mqt_peek(&self->map, 3, &view));
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(oldest, resync.position);
	EXPECT_EQ(oldest - 1, resync.passed);
	EXPECT_EQ(matching(1, oldest), resync.missed);
	EXPECT_EQ(0U, resync.flags);
	EXPECT_EQ(oldest, self->map.control->cursor);
	EXPECT_EQ(resync.passed, self->map.status->passed);
	EXPECT_EQ(resync.missed, self->map.status->missed);
	EXPECT_EQ(0U, self->map.status->missed_at_most);
	for (sequence = oldest; sequence < end; sequence++) {
		ASSERT_EQ(0, mqt_peek(&self->map, sequence, &view));
		delivered += mq_topic_match("a/#", 3, view.topic, view.topic_len);
		ASSERT_TRUE(mqt_intact(&self->map, sequence));
	}
	EXPECT_EQ(matching(1, end), delivered + resync.missed);
	mqt_advance(&self->map, self->subscription.fd, end, delivered);
	/* And once more: each gap counts from the last. */
	ASSERT_EQ(0, publish_range(self->publisher, end, end + 2 * SLOTS));
	oldest = mqt_oldest(&self->map);
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(oldest - end, resync.passed);
	EXPECT_EQ(matching(end, oldest), resync.missed);
	EXPECT_EQ(matching(1, oldest) - delivered, self->map.status->missed);
}

TEST_F(loss, three_ring_lengths_asleep_read)
{
	uint64_t end = 3 * SLOTS + 1, oldest, first, count;

	ASSERT_EQ(0, publish_range(self->publisher, 1, end));
	oldest = mqt_oldest(&self->map);
	count = drain(self, &first);
	EXPECT_LE(oldest, first);
	EXPECT_GT(oldest + 3, first);
	EXPECT_EQ(matching(oldest, end), count);
	EXPECT_EQ(oldest - 1, self->map.status->passed);
	EXPECT_EQ(matching(1, oldest), self->map.status->missed);
	EXPECT_EQ(0U, self->map.status->missed_at_most);
}

TEST_F(loss, after_some_were_delivered)
{
	uint64_t end = 3 * SLOTS + 1, oldest, first, count;
	struct mq_resync resync;

	/* 100 by read(2), 20 through the mapping, the rest goes by. */
	ASSERT_EQ(0, publish_range(self->publisher, 1, 101));
	count = drain(self, &first);
	EXPECT_EQ(matching(1, 101), count);
	ASSERT_EQ(0, publish_range(self->publisher, 101, end));
	mqt_advance(&self->map, self->subscription.fd, 121, matching(101, 121));
	oldest = mqt_oldest(&self->map);
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(oldest - 121, resync.passed);
	EXPECT_EQ(matching(121, oldest), resync.missed);
	EXPECT_EQ(oldest, resync.position);
	/* Closed: nothing further is lost. */
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(0U, resync.passed);
	EXPECT_EQ(0U, resync.missed);
	EXPECT_EQ(oldest, resync.position);
}

TEST_F(loss, what_does_not_match_is_not_missed)
{
	struct mq_resync resync;
	uint64_t first;
	unsigned int i;

	for (i = 0; i < 3 * SLOTS; i++)
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "b/x", "y"));
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(0U, resync.missed);
	EXPECT_LE(mqt_oldest(&self->map), resync.position);
	EXPECT_EQ(0U, drain(self, &first));
	EXPECT_EQ(0, mqt_poll(self->subscription.fd, POLLIN, 0));
	EXPECT_EQ(0U, self->map.status->missed);
}

TEST_F(loss, overlapping_filters_give_an_upper_bound)
{
	uint64_t end = 3 * SLOTS + 1, oldest;
	struct mq_resync resync;

	ASSERT_EQ(0, mqt_filter_add(self->subscription.fd, "+/x", 1, NULL));
	ASSERT_EQ(0, mqt_filter_add(self->subscription.fd, "a/x", 1, NULL));
	ASSERT_EQ(0, publish_range(self->publisher, 1, end));
	oldest = mqt_oldest(&self->map);
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(oldest - 1, resync.passed);
	EXPECT_EQ(MQ_RESYNC_AT_MOST, (int)resync.flags);
	/* All of these match one filter at least. */
	EXPECT_LE(oldest - 1, resync.missed);
	EXPECT_EQ(resync.missed, self->map.status->missed_at_most);
}

TEST_F(loss, filters_that_came_and_went)
{
	struct mq_resync resync;
	uint64_t oldest;

	/* What only the removed filter matched is nobody's loss. */
	ASSERT_EQ(0, publish_range(self->publisher, 1, 61));
	ASSERT_EQ(0, mqt_filter_add(self->subscription.fd, "b/x", 1, NULL));
	ASSERT_EQ(0, publish_range(self->publisher, 61, 121));
	ASSERT_EQ(0, mqt_filter_remove(self->subscription.fd, "b/x"));
	ASSERT_EQ(0, publish_range(self->publisher, 121, 3 * SLOTS + 1));
	oldest = mqt_oldest(&self->map);
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(oldest - 1, resync.passed);
	EXPECT_EQ(matching(1, oldest), resync.missed);
}

/* What went by before its filter went is a gap, now and not with the next one. */
TEST_F(loss, a_filter_that_goes_leaves_its_gap)
{
	uint64_t end = 3 * SLOTS + 1, oldest;
	struct mq_resync resync;

	ASSERT_EQ(0, publish_range(self->publisher, 1, end));
	oldest = mqt_oldest(&self->map);
	ASSERT_EQ(0, mqt_filter_remove(self->subscription.fd, "a/#"));
	ASSERT_EQ(0, mqt_filter_add(self->subscription.fd, "b/x", 1, NULL));
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(oldest, resync.position);
	EXPECT_EQ(oldest - 1, resync.passed);
	EXPECT_EQ(matching(1, oldest), resync.missed);
	/* The new filter is in force from @end on. */
	mqt_advance(&self->map, self->subscription.fd, end, 0);
	ASSERT_EQ(0, publish_range(self->publisher, end, end + 3 * SLOTS));
	oldest = mqt_oldest(&self->map);
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(oldest - end, resync.passed);
	EXPECT_EQ(oldest - end - matching(end, oldest), resync.missed);
}

#define LARGE 4096U

/* What another thread publishes: less than a large ring. */
static void *publish_b(void *arg)
{
	bool *done = arg;
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	unsigned int i;

	for (i = 0; i < LARGE - 100; i++)
		mqt_publish_str(fd, "b/x", "payload");
	close(fd);
	__atomic_store_n(done, true, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * A filter that goes takes from the count what it added to it, whatever is
 * published at that moment.
 */
TEST_F(loss, filters_come_and_go_under_a_publisher)
{
	const struct mqt_config config = {
		.name = NAME, .slots = LARGE, .overflow = variant->overflow, .claims = { "#" },
	};
	struct mqt_subscription reader;
	uint64_t end, oldest, rounds = 0;
	struct mq_resync resync;
	struct mqt_map map;
	bool done = false;
	pthread_t thread;
	unsigned int i;
	int publisher;

	ASSERT_EQ(0, mqt_create(&config));
	ASSERT_EQ(0, mqt_subscribe_to(&reader, NAME, 0, "a/#"));
	ASSERT_EQ(0, mqt_map(&map, &reader));
	ASSERT_EQ(0, pthread_create(&thread, NULL, publish_b, &done));
	for (; !__atomic_load_n(&done, __ATOMIC_ACQUIRE); rounds++) {
		ASSERT_EQ(0, mqt_filter_add(reader.fd, "b/x", 1, NULL));
		ASSERT_EQ(0, mqt_filter_remove(reader.fd, "b/x"));
	}
	pthread_join(thread, NULL);
	EXPECT_LT(0U, rounds);
	/* None of that is lost, nor to be read; this is. */
	end = mqt_head(&map);
	mqt_advance(&map, reader.fd, end, 0);
	publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	for (i = 0; i < 2 * LARGE; i++)
		ASSERT_EQ(0, mqt_publish_str(publisher, "a/x", "payload"));
	oldest = mqt_oldest(&map);
	ASSERT_EQ(0, mqt_resync(reader.fd, &resync));
	EXPECT_EQ(oldest - end, resync.passed);
	EXPECT_EQ(oldest - end, resync.missed);
}

TEST_F(loss, a_lagging_reader_is_told_to_administrators)
{
	static struct mqt_reply event;
	struct mq_resync resync;
	int events;

	ASSERT_EQ(0, publish_range(self->publisher, 1, 3 * SLOTS + 1));
	events = mqt_events_open();
	ASSERT_LE(0, events);
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	ASSERT_EQ(0, mqt_events_next(events, &event));
	EXPECT_EQ(MQ_EVENT_LAGGED, mqt_u32(&event.attrs, MQ_A_EVENT));
	EXPECT_EQ(self->subscription.id, mqt_u64(&event.attrs, MQ_A_SUBSCRIPTION_ID));
	EXPECT_EQ((uint32_t)getpid(), mqt_u32(&event.attrs, MQ_A_PID));
	EXPECT_EQ(resync.passed, mqt_u64(&event.attrs, MQ_A_PASSED));
	EXPECT_EQ(resync.missed, mqt_u64(&event.attrs, MQ_A_MISSED));
}

TEST_F(loss, starting_at_what_is_gone)
{
	struct mqt_subscription late;
	struct mqt_map map;
	uint64_t oldest;

	ASSERT_EQ(0, publish_range(self->publisher, 1, 3 * SLOTS + 1));
	oldest = mqt_oldest(&self->map);
	ASSERT_EQ(0, mqt_subscribe(&late, NAME, MQ_SUBSCRIBE_NONBLOCK, MQ_START_SEQUENCE, 100));
	ASSERT_EQ(0, mqt_map(&map, &late));
	EXPECT_EQ(oldest, late.position);
	EXPECT_EQ(oldest - 100, map.status->passed);
}

TEST_F(loss, a_purge_overtakes_readers)
{
	struct mq_resync resync;
	uint64_t first;

	ASSERT_EQ(0, publish_range(self->publisher, 1, 101));
	ASSERT_EQ(0, mqt_purge(NAME));
	EXPECT_FALSE(mqt_intact(&self->map, 3));
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(101U, resync.position);
	EXPECT_EQ(100U, resync.passed);
	EXPECT_EQ(matching(1, 101), resync.missed);
	ASSERT_EQ(0, publish_range(self->publisher, 101, 111));
	EXPECT_EQ(matching(101, 111), drain(self, &first));
}

TEST_F(loss, the_byte_area_overtakes_too)
{
	static char large[4096];
	struct mq_resync resync;
	struct mqt_view view;
	uint64_t oldest;
	int i;

	/* 16 of these fill it, long before the slots are used up. */
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, mqt_publish(self->publisher, "a/x", large, sizeof(large)));
	oldest = mqt_oldest(&self->map);
	EXPECT_LE(101U - 16, oldest);
	EXPECT_GT(101U, oldest);
	ASSERT_EQ(0, mqt_peek(&self->map, 100, &view));
	EXPECT_FALSE(mqt_intact(&self->map, 84));
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(oldest - 1, resync.passed);
	EXPECT_EQ(oldest - 1, resync.missed);
}

/* Several slices of what the kernel sums up in one go. */
#define MANY 600U

struct burst {
	int fd;
	volatile uint64_t allowed;
	volatile uint64_t published;
};

/* Publishes on all topics in turn, as many records as it is allowed; 0: end. */
static void *publish_bursts(void *arg)
{
	struct burst *burst = arg;
	char topic[16];
	uint64_t allowed;

	while ((allowed = __atomic_load_n(&burst->allowed, __ATOMIC_ACQUIRE))) {
		if (burst->published == allowed) {
			sched_yield();
			continue;
		}
		snprintf(topic, sizeof(topic), "m/%u", (unsigned int)(burst->published % MANY));
		if (mqt_publish_str(burst->fd, topic, "payload"))
			break;
		__atomic_fetch_add(&burst->published, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void allow(struct burst *burst, uint64_t more)
{
	__atomic_fetch_add(&burst->allowed, more, __ATOMIC_RELEASE);
}

/*
 * A gap of a subscription with many filters is closed while records that match
 * are published, never so many that they overtake the closing altogether.
 */
TEST_F(loss, many_filters_while_others_publish)
{
	unsigned int round, rounds = mqt_count(200), i;
	struct burst burst = { .fd = self->publisher };
	uint64_t delivered = 0, passed = 0;
	struct mq_resync resync;
	ssize_t len, at;
	pthread_t thread;
	char filter[16];

	ASSERT_EQ(0, mqt_filter_remove(self->subscription.fd, "a/#"));
	for (i = 0; i < MANY; i++) {
		snprintf(filter, sizeof(filter), "m/%u", i);
		ASSERT_EQ(0, mqt_filter_add(self->subscription.fd, filter, 1, NULL));
	}
	allow(&burst, 2 * SLOTS);
	ASSERT_EQ(0, pthread_create(&thread, NULL, publish_bursts, &burst));
	for (round = 0; round < rounds; round++) {
		mqt_wait_count(&burst.published, burst.allowed);
		allow(&burst, SLOTS / 2);
		ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
		EXPECT_EQ(0U, resync.flags);
		passed += resync.passed;
		mqt_wait_count(&burst.published, burst.allowed);
		while ((len = read(self->subscription.fd, self->buffer,
				   sizeof(self->buffer))) > 0)
			for (at = 0; at < len; delivered++)
				at += ((struct mq_record *)((char *)self->buffer + at))->size;
		ASSERT_EQ(burst.published, delivered + self->map.status->missed);
		ASSERT_EQ(self->map.status->passed, self->map.status->missed);
		allow(&burst, 2 * SLOTS);
	}
	EXPECT_LT(0U, passed);
	__atomic_store_n(&burst.allowed, 0, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
