// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * After the deletion of a channel: what reads on works as before, each other call
 * says ENODEV, on every descriptor that was open.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-deleted"
#define SLOTS 64U

FIXTURE(deleted) {
	int node;
	int publisher;
	uint64_t publisher_id;
	struct mqt_subscription subscription;
	struct mqt_map map;
	char buffer[1024];
};

/* Two records, "a/1=1 b/1=2", and a retained one, "a/2=3". */
FIXTURE_SETUP(deleted)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 8192, .claims = { "a/#", "b/#" },
	};
	struct mq_publisher_new args = { .flags = MQ_PUBLISHER_NONBLOCK };

	ASSERT_EQ(0, mqt_create(&config));
	self->node = mqt_node(NAME, O_RDWR);
	ASSERT_LE(0, self->node);
	self->publisher = mqt_ioctl(self->node, MQ_IOC_PUBLISHER, &args);
	ASSERT_LE(0, self->publisher);
	self->publisher_id = args.id;
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "a/#"));
	ASSERT_EQ(0, mqt_filter_add(self->subscription.fd, "b/#", 1, NULL));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
	ASSERT_EQ(0, mqt_will_set(self->publisher, 1, "a/1", "will"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "1"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b/1", "2"));
	ASSERT_EQ(0, mqt_retain(self->publisher, "a/2", "3", 1));
}

FIXTURE_TEARDOWN(deleted)
{
	mqt_delete(NAME);
}

TEST_F(deleted, info)
{
	struct mq_info before = {}, after = {};

	ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_INFO, &before));
	ASSERT_EQ(0, mqt_delete(NAME));
	ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_INFO, &after));
	EXPECT_EQ(MQ_CHANNEL_LIVE, (int)before.state);
	EXPECT_EQ(MQ_CHANNEL_DEAD, (int)after.state);
	before.state = MQ_CHANNEL_DEAD;
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

TEST_F(deleted, publisher_info)
{
	const int fd[] = { self->node, self->subscription.fd };
	struct mq_publisher_info info;
	unsigned int i;

	ASSERT_EQ(0, mqt_delete(NAME));
	for (i = 0; i < ARRAY_SIZE(fd); i++) {
		info = (struct mq_publisher_info){ .id = self->publisher_id };
		ASSERT_EQ(0, mqt_ioctl(fd[i], MQ_IOC_PUBLISHER_INFO, &info));
		EXPECT_EQ((uint32_t)getpid(), info.pid);
		EXPECT_EQ(3U, info.last);
	}
}

TEST_F(deleted, filter_remove)
{
	struct mq_filter args = { .filter_len = 3, .filter = (uintptr_t)"a/#" };

	ASSERT_EQ(0, mqt_delete(NAME));
	memset(&args.sequence, MQT_POISON, sizeof(args.sequence));
	EXPECT_EQ(0, mqt_ioctl(self->subscription.fd, MQ_IOC_FILTER_REMOVE, &args));
	EXPECT_EQ(4U, args.sequence);
	EXPECT_EQ(ENOENT, mqt_refusal(self->subscription.fd, MQ_IOC_FILTER_REMOVE, &args));
	EXPECT_STREQ("b/1=2 ", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(0U, self->map.status->missed);
}

TEST_F(deleted, resync)
{
	struct mq_resync resync;
	unsigned int i;
	uint64_t oldest;

	for (i = 0; i < SLOTS; i++)
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "x"));
	oldest = mqt_oldest(&self->map);
	ASSERT_LT(3U, oldest);
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(POLLIN | POLLHUP | POLLPRI,
		  mqt_poll(self->subscription.fd, POLLIN | POLLPRI, -1));
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(0U, resync.flags);
	EXPECT_EQ(oldest, resync.position);
	EXPECT_EQ(oldest - 1, resync.passed);
	EXPECT_EQ(oldest - 1, resync.missed);
	EXPECT_EQ(POLLIN | POLLHUP, mqt_poll(self->subscription.fd, POLLIN | POLLPRI, -1));
}

TEST_F(deleted, kick)
{
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(0, mqt_ioctl(self->subscription.fd, MQ_IOC_KICK, NULL));
}

TEST_F(deleted, ack)
{
	struct mq_ack ack = { .position = 2 };

	ASSERT_EQ(0, mqt_delete(NAME));
	ASSERT_EQ(0, mqt_ioctl(self->subscription.fd, MQ_IOC_ACK, &ack));
	EXPECT_EQ(2U, ack.position);
	EXPECT_EQ(2U, self->map.control->cursor);
	ack.position = UINT64_MAX;
	ASSERT_EQ(0, mqt_ioctl(self->subscription.fd, MQ_IOC_ACK, &ack));
	EXPECT_EQ(4U, ack.position);
	EXPECT_EQ(0, read(self->subscription.fd, self->buffer, sizeof(self->buffer)));
}

TEST_F(deleted, receive)
{
	struct mq_receive receive;

	ASSERT_EQ(0, mqt_delete(NAME));
	mqt_receive(&receive, 0, self->buffer, sizeof(self->buffer));
	ASSERT_EQ(0, mqt_ioctl(self->subscription.fd, MQ_IOC_RECEIVE, &receive));
	EXPECT_EQ(3U, receive.count);
	EXPECT_EQ(4U, receive.position);
	mqt_receive(&receive, 0, self->buffer, sizeof(self->buffer));
	EXPECT_EQ(ENODEV, mqt_refusal(self->subscription.fd, MQ_IOC_RECEIVE, &receive));
}

TEST_F(deleted, reads)
{
	ASSERT_EQ(0, mqt_publish_str(self->publisher, NAME, "4"));
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_STREQ("a/1=1 b/1=2 a/2=3 ", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(0, read(self->subscription.fd, self->buffer, sizeof(self->buffer)));
	/* The node was opened before all of them. */
	EXPECT_EQ(1, read(self->node, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ('1', self->buffer[0]);
	EXPECT_EQ(1, read(self->node, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ(1, read(self->node, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ(1, read(self->node, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ('4', self->buffer[0]);
	EXPECT_EQ(0, read(self->node, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ(0, read(self->node, self->buffer, sizeof(self->buffer)));
}

TEST_F(deleted, calls_on_the_node)
{
	struct mq_retained listing = {
		.filter_len = 1, .filter = (uintptr_t)"#", .buffer = (uintptr_t)self->buffer,
		.buffer_size = sizeof(self->buffer),
	};
	struct mq_subscribe subscribe = {};
	struct mq_publisher_new publisher = {};
	unsigned int i;

	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(-ENOENT, mqt_node(NAME, O_RDONLY));
	EXPECT_EQ(ENODEV, mqt_refusal(self->node, MQ_IOC_SUBSCRIBE, &subscribe));
	EXPECT_EQ(ENODEV, mqt_refusal(self->node, MQ_IOC_PUBLISHER, &publisher));
	EXPECT_EQ(ENODEV, mqt_refusal(self->node, MQ_IOC_RETAINED, &listing));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-1, write(self->node, "x", 1));
		EXPECT_EQ(ENODEV, errno);
	}
}

/* Its publisher is there already. */
TEST_F(deleted, a_node_that_was_written_to)
{
	ASSERT_EQ(1, write(self->node, "x", 1));
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(-1, write(self->node, "x", 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(5U, mqt_head(&self->map));
}

TEST_F(deleted, calls_on_a_publisher)
{
	static const uint32_t flags[] = { 0, MQ_BATCH_ATOMIC };
	struct mq_publish record[2], untouched;
	struct mq_publish_batch batch = { .count = 2, .records = (uintptr_t)record };
	struct mq_will_clear clear = { .id = 1 };
	struct mq_will will;
	unsigned int i;

	ASSERT_EQ(0, mqt_delete(NAME));
	mqt_record(&untouched, "a/1", "x", 1);
	record[0] = untouched;
	EXPECT_EQ(ENODEV, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record[0]));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		record[0] = untouched;
		record[1] = untouched;
		batch.flags = flags[i];
		memset(&batch.done, MQT_POISON, sizeof(batch.done));
		EXPECT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &batch));
		EXPECT_EQ(flags[i] ? 2U : 1U, batch.done);
		EXPECT_EQ(-ENODEV, record[0].result);
		EXPECT_EQ(flags[i] ? -ENODEV : untouched.result, record[1].result);
		EXPECT_EQ(untouched.sequence, record[0].sequence);
	}
	mqt_will(&will, 2, "a/1", "x", 1);
	EXPECT_EQ(ENODEV, mqt_refusal(self->publisher, MQ_IOC_WILL_SET, &will));
	/* Nor can one be replaced, or be published now. */
	will.id = 1;
	EXPECT_EQ(ENODEV, mqt_refusal(self->publisher, MQ_IOC_WILL_SET, &will));
	EXPECT_EQ(ENODEV, mqt_refusal(self->publisher, MQ_IOC_WILL_CLEAR, &clear));
	clear = (struct mq_will_clear){ .flags = MQ_WILL_ALL | MQ_WILL_PUBLISH };
	EXPECT_EQ(ENODEV, mqt_refusal(self->publisher, MQ_IOC_WILL_CLEAR, &clear));
	EXPECT_EQ(4U, mqt_head(&self->map));
}

TEST_F(deleted, filter_add)
{
	struct mq_filter args = { .filter_len = 3, .filter = (uintptr_t)"a/+", .weight = 1 };

	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(ENODEV, mqt_refusal(self->subscription.fd, MQ_IOC_FILTER_ADD, &args));
	/* Nor changes one that is there. */
	args.filter = (uintptr_t)"a/#";
	EXPECT_EQ(ENODEV, mqt_refusal(self->subscription.fd, MQ_IOC_FILTER_ADD, &args));
}

TEST_HARNESS_MAIN
