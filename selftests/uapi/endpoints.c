// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Making publishers and subscriptions, asking a node, and who may do what. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <linux/capability.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-endpoints"

FIXTURE(endpoints) {
	int node;
	uint64_t max_subscriptions;
	uint64_t max_publishers;
};

FIXTURE_SETUP(endpoints)
{
	const struct mqt_config config = {
		.name = NAME, .slots = 64, .bytes = 8192, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "plant/#", "x" },
	};

	self->max_subscriptions = mqt_param("max_subscriptions");
	self->max_publishers = mqt_param("max_publishers");
	ASSERT_EQ(0, mqt_create(&config));
	self->node = mqt_node(NAME, O_RDWR);
	ASSERT_LE(0, self->node);
}

FIXTURE_TEARDOWN(endpoints)
{
	EXPECT_EQ(0, mqt_param_set("max_subscriptions", self->max_subscriptions));
	EXPECT_EQ(0, mqt_param_set("max_publishers", self->max_publishers));
	mqt_delete(NAME);
}

/* Arguments with poison in their "out" fields. */
static struct mq_subscribe subscribe_args(uint32_t flags, uint32_t start, uint64_t sequence)
{
	struct mq_subscribe args = { .flags = flags, .start = start, .sequence = sequence };

	memset(&args.id, MQT_POISON, sizeof(args.id));
	memset(&args.position, MQT_POISON, sizeof(args.position));
	memset(&args.ring_size, MQT_POISON, sizeof(args.ring_size));
	return args;
}

static struct mq_publisher_new publisher_args(uint32_t flags)
{
	struct mq_publisher_new args = { .flags = flags };

	memset(&args.id, MQT_POISON, sizeof(args.id));
	return args;
}

static int refused_subscribe(int node, uint32_t flags, uint32_t start, uint64_t sequence)
{
	struct mq_subscribe args = subscribe_args(flags, start, sequence);

	return mqt_refusal(node, MQ_IOC_SUBSCRIBE, &args);
}

static int refused_publisher(int node, uint32_t flags)
{
	struct mq_publisher_new args = publisher_args(flags);

	return mqt_refusal(node, MQ_IOC_PUBLISHER, &args);
}

TEST_F(endpoints, subscribe_fills_everything)
{
	struct mq_subscribe args = subscribe_args(0, MQ_START_LATEST, 0);
	struct mq_subscribe next = args;
	int fd = mqt_ioctl(self->node, MQ_IOC_SUBSCRIBE, &args);

	ASSERT_LE(0, fd);
	EXPECT_EQ(1U, args.position);
	EXPECT_EQ(MQ_HEADER_SIZE + 64 * MQ_SLOT_SIZE + 2 * 8192U, args.ring_size);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	ASSERT_LE(0, mqt_ioctl(self->node, MQ_IOC_SUBSCRIBE, &next));
	EXPECT_NE(args.id, next.id);
	next = subscribe_args(MQ_SUBSCRIBE_NONBLOCK, MQ_START_LATEST, 0);
	fd = mqt_ioctl(self->node, MQ_IOC_SUBSCRIBE, &next);
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
}

TEST_F(endpoints, publisher_fills_everything)
{
	struct mq_publisher_new args = publisher_args(MQ_PUBLISHER_NONBLOCK);
	struct mq_publisher_new next = publisher_args(0);
	int fd = mqt_ioctl(self->node, MQ_IOC_PUBLISHER, &args);

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	ASSERT_LE(0, mqt_ioctl(self->node, MQ_IOC_PUBLISHER, &next));
	EXPECT_NE(args.id, next.id);
}

TEST_F(endpoints, arguments_that_cannot_be)
{
	struct mq_subscribe subscribe = subscribe_args(0, 0, 0);
	struct mq_publisher_new publisher = publisher_args(0);
	unsigned int i;

	EXPECT_EQ(EINVAL, refused_subscribe(self->node, 0x4, 0, 0));
	EXPECT_EQ(EINVAL, refused_subscribe(self->node, 0, MQ_START_SEQUENCE + 1, 0));
	EXPECT_EQ(EINVAL, refused_subscribe(self->node, 0, MQ_START_LATEST, 1));
	EXPECT_EQ(EINVAL, refused_publisher(self->node, 0x2));
	for (i = 0; i < ARRAY_SIZE(subscribe.reserved); i++) {
		subscribe.reserved[i] = 1;
		EXPECT_EQ(EINVAL, mqt_refusal(self->node, MQ_IOC_SUBSCRIBE, &subscribe));
		subscribe.reserved[i] = 0;
	}
	for (i = 0; i < ARRAY_SIZE(publisher.reserved); i++) {
		publisher.reserved[i] = 1;
		EXPECT_EQ(EINVAL, mqt_refusal(self->node, MQ_IOC_PUBLISHER, &publisher));
		publisher.reserved[i] = 0;
	}
	EXPECT_EQ(-EFAULT, mqt_ioctl(self->node, MQ_IOC_SUBSCRIBE, mqt_nowhere()));
	EXPECT_EQ(-EFAULT, mqt_ioctl(self->node, MQ_IOC_PUBLISHER, mqt_nowhere()));
}

TEST_F(endpoints, start_positions)
{
	int publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	struct mq_subscribe args;
	struct mq_info info;
	int i;

	EXPECT_EQ(ERANGE, refused_subscribe(self->node, 0, MQ_START_SEQUENCE, 2));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, mqt_publish_str(publisher, "x", "y"));
	ASSERT_EQ(0, mqt_info(NAME, &info));
	args = subscribe_args(0, MQ_START_LATEST, 0);
	ASSERT_LE(0, mqt_ioctl(self->node, MQ_IOC_SUBSCRIBE, &args));
	EXPECT_EQ(101U, args.position);
	args = subscribe_args(0, MQ_START_OLDEST, 0);
	ASSERT_LE(0, mqt_ioctl(self->node, MQ_IOC_SUBSCRIBE, &args));
	EXPECT_EQ(info.oldest, args.position);
	args = subscribe_args(0, MQ_START_SEQUENCE, 90);
	ASSERT_LE(0, mqt_ioctl(self->node, MQ_IOC_SUBSCRIBE, &args));
	EXPECT_EQ(90U, args.position);
	args = subscribe_args(0, MQ_START_SEQUENCE, 101);
	ASSERT_LE(0, mqt_ioctl(self->node, MQ_IOC_SUBSCRIBE, &args));
	EXPECT_EQ(101U, args.position);
	args = subscribe_args(0, MQ_START_SEQUENCE, 5);
	ASSERT_LE(0, mqt_ioctl(self->node, MQ_IOC_SUBSCRIBE, &args));
	EXPECT_EQ(info.oldest, args.position);
	EXPECT_EQ(ERANGE, refused_subscribe(self->node, 0, MQ_START_SEQUENCE, 102));
	EXPECT_EQ(ERANGE, refused_subscribe(self->node, 0, MQ_START_SEQUENCE, UINT64_MAX));
}

TEST_F(endpoints, the_mode_of_the_node_decides)
{
	const struct mqt_config drop = { .name = NAME, .slots = 64, .bytes = 8192 };
	int reader = mqt_node(NAME, O_RDONLY);
	int writer = mqt_node(NAME, O_WRONLY);
	struct mq_retained listing = { .filter_len = 1, .filter = (uintptr_t)"#" };

	EXPECT_EQ(EACCES, refused_publisher(reader, 0));
	EXPECT_EQ(EACCES, refused_subscribe(writer, 0, 0, 0));
	EXPECT_EQ(EACCES, refused_subscribe(reader, MQ_SUBSCRIBE_HOLD, 0, 0));
	EXPECT_EQ(EACCES, refused_subscribe(writer, MQ_SUBSCRIBE_HOLD, 0, 0));
	EXPECT_EQ(EACCES, mqt_refusal(writer, MQ_IOC_RETAINED, &listing));
	ASSERT_EQ(0, mqt_create(&drop));
	EXPECT_EQ(EINVAL, refused_subscribe(mqt_node(NAME, O_RDWR), MQ_SUBSCRIBE_HOLD, 0, 0));
}

TEST_F(endpoints, commands_of_other_descriptors)
{
	int publisher = mqt_publisher(NAME, 0);
	struct mqt_subscription subscription;
	struct mq_filter filter = {};
	struct mq_publish record;
	struct mq_info info = {};

	ASSERT_EQ(0, mqt_subscribe_to(&subscription, NAME, 0, "#"));
	mqt_record(&record, "x", "y", 1);
	EXPECT_EQ(ENOTTY, mqt_refusal(self->node, MQ_IOC_PUBLISH, &record));
	EXPECT_EQ(ENOTTY, mqt_refusal(subscription.fd, MQ_IOC_PUBLISH, &record));
	EXPECT_EQ(ENOTTY, mqt_refusal(publisher, MQ_IOC_FILTER_ADD, &filter));
	EXPECT_EQ(ENOTTY, mqt_refusal(self->node, MQ_IOC_FILTER_ADD, &filter));
	EXPECT_EQ(ENOTTY, mqt_refusal(subscription.fd, MQ_IOC_INFO, &info));
	EXPECT_EQ(ENOTTY, mqt_refusal(publisher, MQ_IOC_INFO, &info));
	EXPECT_EQ(ENOTTY, refused_publisher(publisher, 0));
	EXPECT_EQ(ENOTTY, refused_subscribe(subscription.fd, 0, 0, 0));
	EXPECT_EQ(-ENOTTY, mqt_ioctl(self->node, MQ_IOC_KICK, NULL));
	EXPECT_EQ(0, mqt_ioctl(subscription.fd, MQ_IOC_KICK, NULL));
	/* The number alone is not the command: its size belongs to it. */
	EXPECT_EQ(-ENOTTY, mqt_ioctl(self->node, _IO(MQ_IOC_MAGIC, 0), &info));
	EXPECT_EQ(-ENOTTY, mqt_ioctl(publisher, _IO(MQ_IOC_MAGIC, 0x7f), &info));
}

TEST_F(endpoints, limits_of_the_module)
{
	struct mqt_subscription one, two;
	int first, second;

	ASSERT_EQ(0, mqt_param_set("max_subscriptions", 2));
	ASSERT_EQ(0, mqt_subscribe(&one, NAME, 0, 0, 0));
	ASSERT_EQ(0, mqt_subscribe(&two, NAME, 0, 0, 0));
	EXPECT_EQ(EUSERS, refused_subscribe(self->node, 0, 0, 0));
	close(one.fd);
	ASSERT_EQ(0, mqt_subscribe(&one, NAME, 0, 0, 0));
	ASSERT_EQ(0, mqt_param_set("max_publishers", 2));
	first = mqt_publisher(NAME, 0);
	second = mqt_publisher(NAME, 0);
	ASSERT_LE(0, second);
	EXPECT_EQ(EUSERS, refused_publisher(self->node, 0));
	close(first);
	EXPECT_LE(0, mqt_publisher(NAME, 0));
}

TEST_F(endpoints, no_descriptor_left)
{
	struct rlimit old, none;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 3;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(EMFILE, refused_subscribe(self->node, 0, 0, 0));
	EXPECT_EQ(EMFILE, refused_publisher(self->node, 0));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
}

TEST_F(endpoints, no_file_left)
{
	int file_max = open("/proc/sys/fs/file-max", O_RDWR);
	char old[32];
	ssize_t len = read(file_max, old, sizeof(old));

	ASSERT_LT(0, len);
	ASSERT_EQ(1, pwrite(file_max, "0", 1, 0));
	EXPECT_EQ(0, mqt_capability(CAP_SYS_ADMIN, false));
	EXPECT_EQ(ENFILE, refused_subscribe(self->node, 0, 0, 0));
	EXPECT_EQ(ENFILE, refused_publisher(self->node, 0));
	EXPECT_EQ(0, mqt_capability(CAP_SYS_ADMIN, true));
	EXPECT_EQ(len, pwrite(file_max, old, len, 0));
}

TEST_F(endpoints, counted_while_open)
{
	struct mqt_subscription subscription;
	struct mq_info info;
	int publisher, copy;

	ASSERT_EQ(0, mqt_subscribe(&subscription, NAME, 0, 0, 0));
	publisher = mqt_publisher(NAME, 0);
	copy = dup(publisher);
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(1U, info.subscriptions);
	EXPECT_EQ(1U, info.publishers);
	close(publisher);
	close(subscription.fd);
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(0U, info.subscriptions);
	EXPECT_EQ(1U, info.publishers);
	/* The copy is the same publisher. */
	EXPECT_EQ(0, mqt_publish_str(copy, "x", "y"));
	close(copy);
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(0U, info.publishers);
}

TEST_F(endpoints, info)
{
	static const char expected[] = NAME "\0plant/#\0x";
	struct mq_info info = {};
	char claims[64];
	uint64_t id;

	memset(claims, MQT_POISON, sizeof(claims));
	info.claims = (uintptr_t)claims;
	info.claims_size = sizeof(expected) - 1;
	ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_INFO, &info));
	EXPECT_EQ(sizeof(expected), info.claims_size);
	EXPECT_EQ((char)MQT_POISON, claims[0]);
	ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_INFO, &info));
	EXPECT_EQ(sizeof(expected), info.claims_size);
	EXPECT_EQ(0, memcmp(expected, claims, sizeof(expected)));
	EXPECT_EQ((char)MQT_POISON, claims[sizeof(expected)]);
	id = info.id;
	info.flags = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->node, MQ_IOC_INFO, &info));
	info.flags = 0;
	info.reserved[7] = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->node, MQ_IOC_INFO, &info));
	info.reserved[7] = 0;
	info.claims = (uintptr_t)mqt_nowhere();
	EXPECT_EQ(EFAULT, mqt_refusal(self->node, MQ_IOC_INFO, &info));
	EXPECT_EQ(-EFAULT, mqt_ioctl(self->node, MQ_IOC_INFO, mqt_nowhere()));
	/* A new creation under the same name is another channel. */
	ASSERT_EQ(0, mqt_create(&(struct mqt_config){ .name = NAME, .bytes = 8192 }));
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_NE(id, info.id);
}

TEST_HARNESS_MAIN
