// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A call whose results cannot be told, because they were to go where nothing can be
 * written: it says EFAULT, and has done what it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-results"
#define PAGE 4096U
#define SLOTS 64U

FIXTURE(results) {
	int node;
	int publisher;
	struct mqt_subscription subscription;
	struct mqt_map map;
	void *frozen;
};

FIXTURE_SETUP(results)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 8192, .claims = { "a/#" },
	};

	ASSERT_EQ(0, mqt_create(&config));
	self->node = mqt_node(NAME, O_RDWR);
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "a/1"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
	self->frozen = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->frozen);
}

FIXTURE_TEARDOWN(results)
{
	mqt_delete(NAME);
}

/* The errno of a call with arguments that can only be read. */
static int refused(FIXTURE_DATA(results) * self, int fd, unsigned long cmd, const void *args)
{
	if (mprotect(self->frozen, PAGE, PROT_READ | PROT_WRITE))
		return -errno;
	memcpy(self->frozen, args, _IOC_SIZE(cmd));
	if (mprotect(self->frozen, PAGE, PROT_READ))
		return -errno;
	return mqt_refusal(fd, cmd, self->frozen);
}

static int refused_filter(FIXTURE_DATA(results) * self, unsigned long cmd, const char *filter,
			  uint32_t weight)
{
	const struct mq_filter args = {
		.filter = (uintptr_t)filter, .filter_len = strlen(filter), .weight = weight,
	};

	return refused(self, self->subscription.fd, cmd, &args);
}

static struct mq_info info(void)
{
	struct mq_info info = {};

	mqt_info(NAME, &info);
	return info;
}

/* What a publish on that topic says, or UINT32_MAX. */
static uint32_t receivers(FIXTURE_DATA(results) * self, const char *topic)
{
	struct mq_publish record;

	mqt_record(&record, topic, "x", 1);
	return mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record) ? UINT32_MAX :
								     record.receivers;
}

TEST_F(results, a_filter_is_added)
{
	EXPECT_EQ(EFAULT, refused_filter(self, MQ_IOC_FILTER_ADD, "a/2", 3));
	EXPECT_EQ(3U, receivers(self, "a/2"));
	EXPECT_STREQ("a/2=x ", mqt_read_text(self->subscription.fd));
	/* Or has another weight. */
	EXPECT_EQ(EFAULT, refused_filter(self, MQ_IOC_FILTER_ADD, "a/2", 5));
	EXPECT_EQ(5U, receivers(self, "a/2"));
}

TEST_F(results, a_filter_is_removed)
{
	ASSERT_EQ(1U, receivers(self, "a/1"));
	EXPECT_EQ(EFAULT, refused_filter(self, MQ_IOC_FILTER_REMOVE, "a/1", 0));
	EXPECT_EQ(0U, receivers(self, "a/1"));
	EXPECT_STREQ("", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(-ENOENT, mqt_filter_remove(self->subscription.fd, "a/1"));
}

TEST_F(results, a_gap_is_closed)
{
	struct mq_resync resync = {};
	unsigned int i;
	uint64_t oldest;

	for (i = 0; i < 2 * SLOTS; i++)
		ASSERT_EQ(1U, receivers(self, "a/1"));
	oldest = mqt_oldest(&self->map);
	ASSERT_LT(SLOTS, oldest);
	EXPECT_EQ(EFAULT, refused(self, self->subscription.fd, MQ_IOC_RESYNC, &resync));
	EXPECT_EQ(oldest, self->map.control->cursor);
	EXPECT_EQ(oldest - 1, self->map.status->passed);
	/* Nothing is left to tell. */
	memset(&resync, MQT_POISON, sizeof(resync));
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(0U, resync.flags);
	EXPECT_EQ(oldest, resync.position);
	EXPECT_EQ(0U, resync.passed);
	EXPECT_EQ(0U, resync.missed);
}

TEST_F(results, wills_are_cleared)
{
	struct mq_will_clear clear = { .id = 1 };
	uint64_t id;

	for (id = 1; id <= 4; id++)
		ASSERT_EQ(0, mqt_will_set(self->publisher, id, "a/1", "x"));
	EXPECT_EQ(EFAULT, refused(self, self->publisher, MQ_IOC_WILL_CLEAR, &clear));
	EXPECT_EQ(3U, info().wills);
	EXPECT_EQ(-ENOENT, mqt_will_clear(self->publisher, 0, 1));
	EXPECT_STREQ("", mqt_read_text(self->subscription.fd));
	clear = (struct mq_will_clear){ .id = 2, .flags = MQ_WILL_PUBLISH };
	EXPECT_EQ(EFAULT, refused(self, self->publisher, MQ_IOC_WILL_CLEAR, &clear));
	EXPECT_EQ(2U, info().wills);
	EXPECT_STREQ("!a/1=x ", mqt_read_text(self->subscription.fd));
	clear = (struct mq_will_clear){ .flags = MQ_WILL_ALL };
	EXPECT_EQ(EFAULT, refused(self, self->publisher, MQ_IOC_WILL_CLEAR, &clear));
	EXPECT_EQ(0U, info().wills);
	close(self->publisher);
	EXPECT_STREQ("", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(0U, info().wills_lost);
}

TEST_F(results, records_are_given_up)
{
	const struct mq_ack ack = { .position = 3 };

	ASSERT_EQ(1U, receivers(self, "a/1"));
	ASSERT_EQ(1U, receivers(self, "a/1"));
	ASSERT_EQ(1U, receivers(self, "a/1"));
	EXPECT_EQ(EFAULT, refused(self, self->subscription.fd, MQ_IOC_ACK, &ack));
	EXPECT_EQ(3U, self->map.control->cursor);
	EXPECT_STREQ("a/1=x ", mqt_read_text(self->subscription.fd));
}

TEST_F(results, a_record_is_published)
{
	struct mq_publish record;

	mqt_record(&record, "a/1", "x", 1);
	EXPECT_EQ(EFAULT, refused(self, self->publisher, MQ_IOC_PUBLISH, &record));
	EXPECT_EQ(2U, mqt_head(&self->map));
	EXPECT_STREQ("a/1=x ", mqt_read_text(self->subscription.fd));
}

/* How many of them have a result is lost, the results are there. */
TEST_F(results, a_batch_is_published)
{
	static const uint32_t flags[] = { 0, MQ_BATCH_SYNC, MQ_BATCH_ATOMIC };
	struct mq_publish_batch batch = { .count = 2 };
	struct mq_publish record[2];
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		mqt_record(&record[0], "a/1", "x", 1);
		mqt_record(&record[1], "a/1", "y", 1);
		batch.flags = flags[i];
		batch.records = (uintptr_t)record;
		EXPECT_EQ(EFAULT, refused(self, self->publisher, MQ_IOC_PUBLISH_BATCH, &batch));
		for (k = 0; k < 2; k++) {
			EXPECT_EQ(0, record[k].result);
			EXPECT_EQ(2 * i + k + 1, record[k].sequence);
			EXPECT_EQ(1U, record[k].receivers);
		}
		EXPECT_STREQ("a/1=x a/1=y ", mqt_read_text(self->subscription.fd));
	}
}

/* A descriptor that nobody was told of would stay for ever. */
TEST_F(results, no_descriptor_is_made)
{
	const struct mq_publisher_new publisher = {};
	const struct mq_subscribe subscribe = {};
	int next = dup(self->node);

	close(next);
	EXPECT_EQ(EFAULT, refused(self, self->node, MQ_IOC_SUBSCRIBE, &subscribe));
	EXPECT_EQ(EFAULT, refused(self, self->node, MQ_IOC_PUBLISHER, &publisher));
	EXPECT_EQ(1U, info().subscriptions);
	EXPECT_EQ(1U, info().publishers);
	EXPECT_EQ(next, dup(self->node));
}

TEST_HARNESS_MAIN
