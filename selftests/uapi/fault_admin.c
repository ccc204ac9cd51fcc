// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory for administrators: every command of netlink survives that any one of
 * its allocations and copies fails, and has then done nothing or, if only its
 * answer was lost, all.
 */
#include <sys/stat.h>
#include <kselftest_harness.h>
#include "fault_test.h"

#define OTHER "t-fault-other"
#define CGROUP "/sys/fs/cgroup/mq-fault"

static const struct mqt_config other = {
	.name = OTHER, .slots = 64, .bytes = 16384, .claims = { "other/claim" },
};

FIXTURE(fault_admin) {
	struct fault fault;
};

FIXTURE_VARIANT(fault_admin) {
	struct mqt_fault_call call;
	const char *channel;
};

/* What is the kernel's own, the socket and the look for the family, has no faults. */
static void connect_for(struct fault *fault)
{
	close_fresh(fault);
	fault->fresh = mqt_request_open(&fault->request);
}

static void connect_by_name(struct fault *fault, unsigned int cmd, const char *name)
{
	mqt_request_start(&fault->request, cmd);
	mqt_request_str(&fault->request, MQ_A_NAME, name);
	connect_for(fault);
}

static int call_command(void *arg)
{
	struct mqt_reply reply;
	struct fault *fault = arg;

	return mqt_request_on(fault->fresh, &fault->request, &reply);
}

static void ignore(const struct mqt_attrs *attrs, void *arg)
{
	(void)attrs;
	(void)arg;
}

static int call_dump(void *arg)
{
	struct fault *fault = arg;

	return mqt_request_dump_on(fault->fresh, &fault->request, ignore, NULL);
}

static void before_create(void *arg)
{
	struct fault *fault = arg;

	mqt_delete(OTHER);
	mqt_request_config(&fault->request, &other);
	connect_for(fault);
}

/* Its node, its claims and its memory. */
static bool is_created(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	(void)arg;
	return !before->info.id && after->info.id && after->info.slots == 64 &&
	       after->info.bytes == 16384 && after->memory > before->memory;
}

FIXTURE_VARIANT_ADD(fault_admin, create) {
	.call = { .call = call_command, .prepare = before_create, .done = is_created,
		  .anew = true },
	.channel = OTHER,
};

static void before_delete(void *arg)
{
	mqt_create(&other);
	connect_by_name(arg, MQ_CMD_CHANNEL_DELETE, OTHER);
}

static bool is_deleted(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	(void)arg;
	return before->info.id && !after->info.id;
}

FIXTURE_VARIANT_ADD(fault_admin, delete) {
	.call = { .call = call_command, .prepare = before_delete, .done = is_deleted,
		  .anew = true },
	.channel = OTHER,
};

static void before_get(void *arg)
{
	connect_by_name(arg, MQ_CMD_CHANNEL_GET, NAME);
}

FIXTURE_VARIANT_ADD(fault_admin, get) {
	.call = { .call = call_command, .prepare = before_get, .anew = true },
	.channel = NAME,
};

static void before_list(void *arg)
{
	struct fault *fault = arg;

	mqt_request_start(&fault->request, MQ_CMD_CHANNEL_GET);
	connect_for(fault);
}

FIXTURE_VARIANT_ADD(fault_admin, list) {
	.call = { .call = call_dump, .prepare = before_list, .anew = true },
	.channel = NAME,
};

static void before_subscriptions(void *arg)
{
	connect_by_name(arg, MQ_CMD_SUBSCRIPTION_GET, NAME);
}

FIXTURE_VARIANT_ADD(fault_admin, subscriptions) {
	.call = { .call = call_dump, .prepare = before_subscriptions, .anew = true },
	.channel = NAME,
};

static void set(struct fault *fault, const char *claim, uint32_t retained_max)
{
	mqt_request_start(&fault->request, MQ_CMD_CHANNEL_SET);
	mqt_request_str(&fault->request, MQ_A_NAME, NAME);
	mqt_request_put(&fault->request, MQ_A_CLAIM, "a/#", 3);
	mqt_request_put(&fault->request, MQ_A_CLAIM, claim, strlen(claim));
	mqt_request_u32(&fault->request, MQ_A_RETAINED_MAX, retained_max);
}

static void before_set(void *arg)
{
	struct fault *fault = arg;

	set(fault, "b", 5);
	mqt_request_send(&fault->request, NULL);
	set(fault, "c/+/new", 7);
	connect_for(fault);
}

/* Claims and limits, not one of them. */
static bool is_set(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	(void)arg;
	return after->claims != before->claims && after->info.retained_max == 7;
}

FIXTURE_VARIANT_ADD(fault_admin, set) {
	.call = { .call = call_command, .prepare = before_set, .done = is_set, .anew = true },
	.channel = NAME,
};

static void before_purge(void *arg)
{
	have_retained(arg);
	have_record(arg);
	connect_by_name(arg, MQ_CMD_CHANNEL_PURGE, NAME);
}

static bool is_purged(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	(void)arg;
	return after->info.oldest == before->info.head && !after->info.retained;
}

FIXTURE_VARIANT_ADD(fault_admin, purge) {
	.call = { .call = call_command, .prepare = before_purge, .done = is_purged,
		  .anew = true },
	.channel = NAME,
};

FIXTURE_SETUP(fault_admin)
{
	mqt_delete(OTHER);
	ASSERT_EQ(0, fault_set_up(&self->fault));
}

FIXTURE_TEARDOWN(fault_admin)
{
	mqt_delete(OTHER);
	fault_tear_down(&self->fault);
}

TEST_F(fault_admin, at_each_place)
{
	fault_test(_metadata, &self->fault, &variant->call, variant->channel, false);
}

FIXTURE(fault_memory) {
	uint64_t memory;
};

FIXTURE_SETUP(fault_memory)
{
	mqt_delete(OTHER);
	self->memory = mqt_param("memory");
}

FIXTURE_TEARDOWN(fault_memory)
{
	EXPECT_EQ(0, mqt_write_file("/sys/fs/cgroup/cgroup.procs", "0"));
	rmdir(CGROUP);
	mqt_delete(OTHER);
	mqt_wait_memory(self->memory);
}

TEST_F(fault_memory, for_a_large_channel)
{
	const struct mqt_config large = { .name = OTHER, .bytes = 64 << 20 };

	/* The pages are charged to who asks for them. */
	rmdir(CGROUP);
	mqt_write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	ASSERT_EQ(0, mkdir(CGROUP, 0700));
	ASSERT_EQ(0, mqt_write_file(CGROUP "/memory.max", "16777216"));
	ASSERT_EQ(0, mqt_write_file(CGROUP "/cgroup.procs", "0"));
	EXPECT_EQ(-ENOMEM, mqt_create(&large));
	EXPECT_EQ(self->memory, mqt_param("memory"));
	EXPECT_EQ(0, mqt_write_file(CGROUP "/memory.max", "max"));
	EXPECT_EQ(0, mqt_create(&large));
	EXPECT_EQ(0, mqt_delete(OTHER));
}

TEST_HARNESS_MAIN
