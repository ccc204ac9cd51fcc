// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Retained values that expire: not before their time, and then for all who look. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <time.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-expiry"
#define COUNT_MAX 8192U
#define SECOND 1000000000ULL
#define HOUR (3600 * SECOND)
/* Not at once, and no long wait. No test depends on how long it is. */
#define SOON (SECOND / 50)

FIXTURE(expiry) {
	int node;
	int publisher;
	uint64_t buffer[1024];
};

FIXTURE_SETUP(expiry)
{
	const struct mqt_config config = {
		.name = NAME, .slots = 256, .bytes = 65536, .retained_max = COUNT_MAX,
		.claims = { "#" },
	};

	ASSERT_EQ(0, mqt_create(&config));
	self->node = mqt_node(NAME, O_RDONLY);
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
}

FIXTURE_TEARDOWN(expiry)
{
	mqt_delete(NAME);
}

static uint64_t boottime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

static int retain(int fd, const char *topic, uint64_t expiry_ns)
{
	struct mq_publish record;

	mqt_record(&record, topic, "v", 1);
	record.flags = MQ_RECORD_RETAIN;
	record.expiry_ns = expiry_ns;
	return mqt_ioctl(fd, MQ_IOC_PUBLISH, &record);
}

/* How many values match. */
static int list(FIXTURE_DATA(expiry) * self, const char *filter)
{
	struct mq_retained listing = {
		.filter = (uintptr_t)filter, .filter_len = strlen(filter),
		.buffer = (uintptr_t)self->buffer,
	};
	int count = 0;

	do {
		listing.buffer_size = sizeof(self->buffer);
		if (mqt_ioctl(self->node, MQ_IOC_RETAINED, &listing))
			return -1;
		count += listing.count;
	} while (listing.more);
	return count;
}

/* Waits until so many were taken out. */
static struct mq_info wait_expired(uint64_t count)
{
	struct mq_info info;

	do {
		sched_yield();
		if (mqt_info(NAME, &info))
			abort();
	} while (info.expired < count);
	return info;
}

TEST_F(expiry, goes_in_time)
{
	uint64_t begin = boottime();
	struct mqt_reply reply;
	struct mq_info info;

	ASSERT_EQ(0, retain(self->publisher, "a", SOON));
	ASSERT_EQ(0, retain(self->publisher, "b", 0));
	while (list(self, "a"))
		sched_yield();
	EXPECT_LE(begin + SOON, boottime());
	info = wait_expired(1);
	EXPECT_EQ(1U, info.expired);
	EXPECT_EQ(1U, info.retained);
	EXPECT_EQ(2U, info.retained_bytes);
	/* The records stay where they are, and there is none for an end. */
	EXPECT_EQ(3U, info.head);
	EXPECT_EQ(1U, info.oldest);
	EXPECT_EQ(1, list(self, "#"));
	ASSERT_EQ(0, mqt_get(NAME, &reply));
	EXPECT_EQ(1U, mqt_u64(&reply.attrs, MQ_A_EXPIRED));
}

TEST_F(expiry, stays_until_then)
{
	struct mq_info info;

	ASSERT_EQ(0, retain(self->publisher, "a", HOUR));
	ASSERT_EQ(0, retain(self->publisher, "b", UINT64_MAX));
	ASSERT_EQ(0, retain(self->publisher, "c", INT64_MAX));
	ASSERT_EQ(0, retain(self->publisher, "d", 0));
	ASSERT_EQ(0, retain(self->publisher, "e", 1));
	info = wait_expired(1);
	EXPECT_EQ(4U, info.retained);
	EXPECT_EQ(4, list(self, "#"));
}

/* The work sleeps until the first; one that comes later may go sooner. */
TEST_F(expiry, the_next_is_not_the_last_that_came)
{
	struct mq_info info;
	int i;

	ASSERT_EQ(0, retain(self->publisher, "a", HOUR));
	ASSERT_EQ(0, retain(self->publisher, "b", SOON));
	ASSERT_EQ(0, retain(self->publisher, "c", HOUR));
	ASSERT_EQ(0, retain(self->publisher, "d", SOON / 2));
	wait_expired(2);
	/* And again, when it sleeps already. */
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, retain(self->publisher, "b", SOON / 10));
		info = wait_expired(3 + i);
	}
	EXPECT_EQ(2U, info.retained);
	EXPECT_EQ(0, list(self, "b"));
}

TEST_F(expiry, another_value_has_its_own_time)
{
	struct mq_info info;

	ASSERT_EQ(0, retain(self->publisher, "a", SOON));
	ASSERT_EQ(0, retain(self->publisher, "b", SOON));
	ASSERT_EQ(0, retain(self->publisher, "a", 0));
	ASSERT_EQ(0, retain(self->publisher, "b", HOUR));
	ASSERT_EQ(0, retain(self->publisher, "c", SOON));
	do {
		ASSERT_EQ(0, mqt_info(NAME, &info));
	} while (info.retained > 2);
	EXPECT_EQ(1, list(self, "a"));
	EXPECT_EQ(1, list(self, "b"));
	/* Cleared in time it does not expire. */
	ASSERT_EQ(0, retain(self->publisher, "d", HOUR));
	ASSERT_EQ(0, mqt_info(NAME, &info));
	ASSERT_EQ(0, mqt_retain(self->publisher, "d", NULL, 0));
	ASSERT_EQ(0, mqt_retain(self->publisher, "b", NULL, 0));
	EXPECT_EQ(info.expired, wait_expired(0).expired);
	EXPECT_EQ(1U, wait_expired(0).retained);
}

/* Whether or not it was taken out by then: it is none any more. */
TEST_F(expiry, is_none_to_who_expects_one)
{
	struct mq_publish record;
	unsigned int i;

	for (i = 0; i < mqt_count(2000); i++) {
		mqt_record(&record, "a", "v", 1);
		record.flags = MQ_RECORD_RETAIN | MQ_PUBLISH_EXPECT;
		record.expiry_ns = 1;
		ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
		record.expect = record.sequence;
		ASSERT_EQ(-ESTALE, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
		ASSERT_EQ(0U, record.sequence);
		ASSERT_EQ(0, list(self, "a"));
	}
	/* Replaced or taken out: each counts once. */
	EXPECT_EQ(mqt_count(2000), wait_expired(mqt_count(2000)).expired);
	EXPECT_EQ(0U, wait_expired(0).retained);
}

/* Values that expired refuse nobody a place, and neither do they in a batch. */
TEST_F(expiry, makes_room)
{
	struct mq_publish record[4];
	struct mq_publish_batch batch = { .count = 4, .records = (uintptr_t)record };
	const uint32_t most = 4;
	struct mqt_request request;
	struct mq_info info;
	unsigned int i, j;
	char topic[4][16];

	mqt_request_start(&request, MQ_CMD_CHANNEL_SET);
	mqt_request_str(&request, MQ_A_NAME, NAME);
	mqt_request_u32(&request, MQ_A_RETAINED_MAX, most);
	ASSERT_EQ(0, mqt_request_send(&request, NULL));
	for (i = 0; i < mqt_count(1000); i++) {
		for (j = 0; j < most; j++) {
			snprintf(topic[j], sizeof(topic[j]), "%u/%u", i, j);
			mqt_record(&record[j], topic[j], "v", 1);
			record[j].flags = MQ_RECORD_RETAIN;
			record[j].expiry_ns = 1;
		}
		batch.flags = i % 2 ? MQ_BATCH_ATOMIC : 0;
		ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &batch));
		ASSERT_EQ(most, batch.done);
		for (j = 0; j < most; j++)
			ASSERT_EQ(0, record[j].result);
	}
	info = wait_expired(most * mqt_count(1000));
	EXPECT_EQ(most * mqt_count(1000), info.expired);
	EXPECT_EQ(0U, info.retained);
	EXPECT_EQ(0U, info.refusals[MQ_LIMIT_RETAINED]);
	/* Those that stay do. */
	for (j = 0; j < most; j++)
		ASSERT_EQ(0, retain(self->publisher, topic[j], HOUR));
	EXPECT_EQ(-EDQUOT, retain(self->publisher, "new", 1));
}

TEST_F(expiry, many_at_once)
{
	unsigned int i, count = mqt_count(COUNT_MAX);
	struct mq_info info;
	char topic[16];

	for (i = 0; i < count; i++) {
		snprintf(topic, sizeof(topic), "%u", i);
		ASSERT_EQ(0, retain(self->publisher, topic, SOON * (1 + i % 7)));
	}
	info = wait_expired(count);
	EXPECT_EQ(count, info.expired);
	EXPECT_EQ(0U, info.retained);
	EXPECT_EQ(0U, info.retained_bytes);
}

TEST_F(expiry, of_a_channel_that_goes)
{
	struct mqt_subscription subscription;
	uint64_t memory = mqt_param("memory");
	unsigned int i;
	char topic[16];

	for (i = 0; i < 100; i++) {
		snprintf(topic, sizeof(topic), "%u", i);
		ASSERT_EQ(0, retain(self->publisher, topic, 1 + i * SOON / 10));
	}
	ASSERT_EQ(0, mqt_purge(NAME));
	EXPECT_EQ(0, list(self, "#"));
	for (i = 0; i < 100; i++) {
		snprintf(topic, sizeof(topic), "%u", i);
		ASSERT_EQ(0, retain(self->publisher, topic, 1 + i * SOON / 10));
	}
	ASSERT_EQ(0, mqt_subscribe_to(&subscription, NAME, 0, "#"));
	ASSERT_EQ(0, mqt_delete(NAME));
	close(subscription.fd);
	close(self->node);
	close(self->publisher);
	mqt_wait_memory(memory - 1);
}

TEST_F(expiry, arguments_that_cannot_be)
{
	struct mq_publish record;

	mqt_record(&record, "a", "v", 1);
	record.expiry_ns = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	record.flags = MQ_PUBLISH_EXPECT;
	EXPECT_EQ(EINVAL, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	/* What is cleared has no time to go. */
	record.flags = MQ_RECORD_RETAIN;
	record.payload_len = 0;
	EXPECT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
}

TEST_HARNESS_MAIN
