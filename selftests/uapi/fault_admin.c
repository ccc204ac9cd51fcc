// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory for administrators: every command of netlink survives that any one
 * of its allocations and copies fails, and has then done nothing or, if only its
 * answer was lost, all.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-fault-admin"
#define OTHER "t-fault-other"
#define CGROUP "/sys/fs/cgroup/mq-fault"

static const struct mqt_config config = {
	.name = NAME, .slots = 64, .bytes = 65536, .claims = { "fa/#", "fb" },
};

static const struct mqt_config other = {
	.name = OTHER, .slots = 64, .bytes = 16384, .claims = { "other/claim" },
};

FIXTURE(fault_admin) {
	uint64_t memory;
	/* -1: this kernel injects none. */
	int fail_nth;
	int publisher;
	struct mqt_subscription subscription;
};

FIXTURE_SETUP(fault_admin)
{
	mqt_delete(NAME);
	mqt_delete(OTHER);
	self->memory = mqt_param("memory");
	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "fa/#"));
	self->fail_nth = mqt_fault_open();
	if (self->fail_nth < 0)
		ASSERT_STRNE("debug", getenv("MQ_KERNEL") ?: "");
}

FIXTURE_TEARDOWN(fault_admin)
{
	mqt_delete(NAME);
	mqt_delete(OTHER);
	close(self->publisher);
	close(self->subscription.fd);
	mqt_wait_memory(self->memory);
}

#define fixture FIXTURE_DATA(fault_admin)

static void no_other(void *arg)
{
	(void)arg;
	mqt_delete(OTHER);
}

static void have_other(void *arg)
{
	(void)arg;
	mqt_create(&other);
}

static int call_create(void *arg)
{
	struct mqt_request request;

	(void)arg;
	/* Without the deletion that mqt_create() begins with. */
	mqt_request_config(&request, &other);
	return mqt_request_send(&request, NULL);
}

/* What mqt_create() makes: its node, its claims and its memory. */
static bool is_created(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	(void)arg;
	return !before->info.id && after->info.id && after->info.slots == 64 &&
	       after->info.bytes == 16384 && after->memory > before->memory;
}

static int call_delete(void *arg)
{
	(void)arg;
	return mqt_delete(OTHER);
}

static bool is_deleted(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	(void)arg;
	return before->info.id && !after->info.id && after->memory < before->memory;
}

static int call_get(void *arg)
{
	struct mqt_reply reply;

	(void)arg;
	return mqt_get(NAME, &reply);
}

static void count_one(const struct mqt_attrs *attrs, void *arg)
{
	(void)attrs;
	++*(unsigned int *)arg;
}

static int call_dump(void *arg)
{
	struct mqt_request request;
	unsigned int count = 0;

	(void)arg;
	mqt_request_start(&request, MQ_CMD_CHANNEL_GET);
	return mqt_request_dump(&request, count_one, &count);
}

static int call_subscriptions(void *arg)
{
	struct mqt_request request;
	unsigned int count = 0;

	(void)arg;
	mqt_request_start(&request, MQ_CMD_SUBSCRIPTION_GET);
	mqt_request_str(&request, MQ_A_NAME, NAME);
	return mqt_request_dump(&request, count_one, &count);
}

static void old_claims(void *arg)
{
	struct mqt_request request;

	(void)arg;
	mqt_request_start(&request, MQ_CMD_CHANNEL_SET);
	mqt_request_str(&request, MQ_A_NAME, NAME);
	mqt_request_put(&request, MQ_A_CLAIM, "fa/#", 4);
	mqt_request_u32(&request, MQ_A_RETAINED_MAX, 5);
	mqt_request_send(&request, NULL);
}

static int call_set(void *arg)
{
	struct mqt_request request;

	(void)arg;
	mqt_request_start(&request, MQ_CMD_CHANNEL_SET);
	mqt_request_str(&request, MQ_A_NAME, NAME);
	mqt_request_put(&request, MQ_A_CLAIM, "fa/#", 4);
	mqt_request_put(&request, MQ_A_CLAIM, "fc/+/new", 8);
	mqt_request_u32(&request, MQ_A_RETAINED_MAX, 7);
	return mqt_request_send(&request, NULL);
}

/* Claims and limits, not one of them. */
static bool is_set(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	(void)arg;
	return after->claims != before->claims && after->info.retained_max == 7;
}

static void have_records(void *arg)
{
	fixture *self = arg;

	mqt_retain(self->publisher, "fa/retained", "x", 1);
	mqt_publish_str(self->publisher, "fa/1", "x");
}

static int call_purge(void *arg)
{
	(void)arg;
	return mqt_purge(NAME);
}

static bool is_purged(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	(void)arg;
	return after->info.oldest == before->info.head && !after->info.retained;
}

static int call_events(void *arg)
{
	int fd = mqt_events_open();

	(void)arg;
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static const struct {
	struct mqt_fault_call call;
	const char *channel;
} commands[] = {
	{ { "create", call_create, no_other, no_other, is_created }, OTHER },
	{ { "delete", call_delete, have_other, no_other, is_deleted }, OTHER },
	{ { "get", call_get, NULL, NULL, NULL }, NAME },
	{ { "list", call_dump, NULL, NULL, NULL }, NAME },
	{ { "subscriptions", call_subscriptions, NULL, NULL, NULL }, NAME },
	{ { "set", call_set, old_claims, NULL, is_set }, NAME },
	{ { "purge", call_purge, have_records, NULL, is_purged }, NAME },
	{ { "events", call_events, NULL, NULL, NULL }, NAME },
};

TEST_F(fault_admin, every_place_that_can_fail)
{
	char why[MQT_WHY] = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		int failures = mqt_fault_sweep(&commands[i].call, self, self->fail_nth,
					       commands[i].channel, why);

		ASSERT_LE(0, failures) TH_LOG("%s", why);
		if (self->fail_nth >= 0)
			EXPECT_LT(0, failures) TH_LOG("%s", commands[i].call.name);
	}
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return len < 0 ? -errno : 0;
}

TEST_F(fault_admin, no_memory_for_a_channel)
{
	const struct mqt_config large = { .name = OTHER, .bytes = 64 << 20 };
	uint64_t memory = mqt_param("memory");

	/* The pages are charged to who asks for them. */
	rmdir(CGROUP);
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	ASSERT_EQ(0, mkdir(CGROUP, 0700));
	ASSERT_EQ(0, write_text(CGROUP "/memory.max", "16777216"));
	ASSERT_EQ(0, write_text(CGROUP "/cgroup.procs", "0"));
	EXPECT_EQ(-ENOMEM, mqt_create(&large));
	EXPECT_EQ(memory, mqt_param("memory"));
	EXPECT_EQ(0, write_text(CGROUP "/memory.max", "max"));
	EXPECT_EQ(0, mqt_create(&large));
	EXPECT_EQ(0, mqt_delete(OTHER));
	EXPECT_EQ(0, write_text("/sys/fs/cgroup/cgroup.procs", "0"));
	rmdir(CGROUP);
	mqt_wait_memory(memory);
}

TEST_HARNESS_MAIN
