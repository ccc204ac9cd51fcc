// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory: every call survives that any one of its allocations and copies
 * fails, and leaves nothing behind. The debug kernel injects these faults; the
 * stock kernel has none to inject, there each call simply has to succeed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-fault"
#define CGROUP "/sys/fs/cgroup/mq-fault"

static const struct mqt_config config = {
	.name = NAME, .slots = 64, .bytes = 65536, .overflow = MQ_OVERFLOW_REJECT,
	.claims = { "a/#", "b" },
};

FIXTURE(fault) {
	uint64_t memory;
	/* -1: this kernel injects none. */
	int fail_nth;
	int publisher;
	struct mqt_subscription subscription;
	char payload[8192];
	char room[65536];
};

FIXTURE_SETUP(fault)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	char path[96];
	unsigned int i;

	mqt_delete(NAME);
	self->memory = mqt_param("memory");
	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "a/#"));
	self->fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->fail_nth < 0) {
		ASSERT_STRNE("debug", getenv("MQ_KERNEL") ?: "");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose", kinds[i]);
		ASSERT_EQ(0, mqt_write_file(path, "0"));
	}
	ASSERT_EQ(0, mqt_write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N"));
	ASSERT_EQ(0, mqt_write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N"));
	ASSERT_EQ(0, mqt_write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0"));
}

FIXTURE_TEARDOWN(fault)
{
	mqt_delete(NAME);
	close(self->publisher);
	close(self->subscription.fd);
	mqt_wait_memory(self->memory);
}

static int op_open(FIXTURE_DATA(fault) * self)
{
	int node = mqt_node(NAME, O_RDWR);

	(void)self;
	if (node < 0)
		return node;
	close(node);
	return 0;
}

static int op_publisher(FIXTURE_DATA(fault) * self)
{
	int fd = mqt_publisher(NAME, 0);

	(void)self;
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int op_subscribe(FIXTURE_DATA(fault) * self)
{
	struct mqt_subscription subscription;
	int error = mqt_subscribe(&subscription, NAME, MQ_SUBSCRIBE_HOLD, MQ_START_OLDEST, 0);

	(void)self;
	if (!error)
		close(subscription.fd);
	return error;
}

static int op_filter(FIXTURE_DATA(fault) * self)
{
	int error = mqt_filter_add(self->subscription.fd, "new/level/+/here", 1, NULL);

	return error ? error : mqt_filter_remove(self->subscription.fd, "new/level/+/here");
}

static int op_publish(FIXTURE_DATA(fault) * self)
{
	return mqt_publish(self->publisher, "a/1", self->payload, 10);
}

static int op_publish_large(FIXTURE_DATA(fault) * self)
{
	/* A new publisher has no staging buffer yet. */
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	int error = fd < 0 ? fd : mqt_publish(fd, "a/1", self->payload, sizeof(self->payload));

	if (fd >= 0)
		close(fd);
	return error;
}

static int op_retain(FIXTURE_DATA(fault) * self)
{
	return mqt_retain(self->publisher, "a/retained", self->payload, 1000);
}

static int op_batch(FIXTURE_DATA(fault) * self)
{
	struct mq_publish record[3];
	struct mq_publish_batch batch = { .count = 3, .records = (uintptr_t)record };
	int error, i;

	for (i = 0; i < 3; i++)
		mqt_record(&record[i], "a/1", self->payload, 3000 * i);
	error = mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &batch);
	return error || batch.done == 3 ? error : record[batch.done - 1].result;
}

static int op_read(FIXTURE_DATA(fault) * self)
{
	if (op_publish(self))
		return -ENOMEM;
	if (read(self->subscription.fd, self->room, sizeof(self->room)) <= 0)
		return -errno;
	return 0;
}

static int op_info(FIXTURE_DATA(fault) * self)
{
	char claims[64];
	struct mq_info info = { .claims = (uintptr_t)claims, .claims_size = sizeof(claims) };
	int node = mqt_node(NAME, O_RDONLY);
	int error = node < 0 ? node : mqt_ioctl(node, MQ_IOC_INFO, &info);

	(void)self;
	if (node >= 0)
		close(node);
	return error;
}

static int op_list(FIXTURE_DATA(fault) * self)
{
	struct mq_retained listing = {
		.filter = (uintptr_t)"#", .filter_len = 1,
		.buffer = (uintptr_t)self->room, .buffer_size = sizeof(self->room),
	};
	int node = mqt_node(NAME, O_RDONLY);
	int error = node < 0 ? node : mqt_ioctl(node, MQ_IOC_RETAINED, &listing);

	if (node >= 0)
		close(node);
	return error;
}

static int op_set(FIXTURE_DATA(fault) * self)
{
	struct mqt_request request;

	(void)self;
	mqt_request_start(&request, MQ_CMD_CHANNEL_SET);
	mqt_request_str(&request, MQ_A_NAME, NAME);
	mqt_request_put(&request, MQ_A_CLAIM, "a/#", 3);
	mqt_request_put(&request, MQ_A_CLAIM, "c/+/new", 7);
	return mqt_request_send(&request, NULL);
}

static int op_create(FIXTURE_DATA(fault) * self)
{
	static const struct mqt_config other = {
		.name = NAME "-2", .slots = 64, .bytes = 16384, .claims = { "other/claim" },
	};
	int error = mqt_create(&other);

	(void)self;
	/* Created, but the answer may have been lost. */
	return error ? error : mqt_delete(other.name);
}

static void arm(int fd, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (fd >= 0 && pwrite(fd, text, len, 0) != len)
		abort();
}

/*
 * Whether the fault was injected since it was armed. Reading and writing the
 * number copy, too: a fault that is left may hit them, and is used up by it.
 */
static bool disarm(int fd)
{
	char text[16] = "";
	ssize_t len;

	if (fd < 0)
		return false;
	len = pread(fd, text, sizeof(text) - 1, 0);
	if (len > 0 && !atoi(text))
		return true;
	if (pwrite(fd, "0", 1, 0) != 1 && pwrite(fd, "0", 1, 0) != 1)
		abort();
	return false;
}

static const struct {
	const char *name;
	int (*op)(FIXTURE_DATA(fault) * self);
} operations[] = {
	{ "open", op_open }, { "publisher", op_publisher }, { "subscribe", op_subscribe },
	{ "filter", op_filter }, { "publish", op_publish }, { "large", op_publish_large },
	{ "retain", op_retain }, { "batch", op_batch }, { "read", op_read },
	{ "info", op_info }, { "list", op_list }, { "set", op_set }, { "create", op_create },
};

/* Fails each possible place of an operation, one after the other. */
static unsigned int sweep(struct __test_metadata *_metadata, FIXTURE_DATA(fault) * self,
			  unsigned int which)
{
	unsigned int nth, failures = 0;
	bool injected = true;

	for (nth = 1; injected; nth++) {
		int error;

		arm(self->fail_nth, nth);
		error = operations[which].op(self);
		injected = disarm(self->fail_nth);
		failures += !!error;
		if (!injected)
			ASSERT_EQ(0, error) TH_LOG("%s", operations[which].name);
		/* What failed works when there is memory again. */
		mqt_filter_remove(self->subscription.fd, "new/level/+/here");
		mqt_delete(NAME "-2");
		ASSERT_EQ(0, operations[which].op(self))
			TH_LOG("%s after place %u", operations[which].name, nth);
	}
	return failures;
}

TEST_F(fault, every_place_that_can_fail)
{
	unsigned int i, failures;

	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		failures = sweep(_metadata, self, i);
		if (self->fail_nth >= 0)
			EXPECT_LT(0U, failures) TH_LOG("%s", operations[i].name);
	}
}

TEST_F(fault, no_memory_for_a_channel)
{
	const struct mqt_config large = { .name = NAME "-large", .bytes = 64 << 20 };
	uint64_t memory = mqt_param("memory");

	/* The pages are charged to who asks for them. */
	rmdir(CGROUP);
	mqt_write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	ASSERT_EQ(0, mkdir(CGROUP, 0700));
	ASSERT_EQ(0, mqt_write_file(CGROUP "/memory.max", "16777216"));
	ASSERT_EQ(0, mqt_write_file(CGROUP "/cgroup.procs", "0"));
	EXPECT_EQ(-ENOMEM, mqt_create(&large));
	EXPECT_EQ(memory, mqt_param("memory"));
	EXPECT_EQ(0, mqt_write_file(CGROUP "/memory.max", "max"));
	EXPECT_EQ(0, mqt_create(&large));
	EXPECT_EQ(0, mqt_delete(NAME "-large"));
	EXPECT_EQ(0, mqt_write_file("/sys/fs/cgroup/cgroup.procs", "0"));
	rmdir(CGROUP);
	mqt_wait_memory(memory);
}

TEST_HARNESS_MAIN
