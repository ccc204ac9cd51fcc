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

/* What it is like while it is there, and while it is not. */
static struct mqt_state created, deleted;

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
	struct fault *fault = arg;

	return mqt_request_on(fault->fresh, &fault->request, &fault->reply);
}

/* Channels and subscriptions that a dump has told of. */
static unsigned int told_channels, told_subscriptions;

static void count(const struct mqt_attrs *attrs, void *arg)
{
	struct fault *fault = arg;
	bool is_name = !strcmp(NAME, mqt_str(attrs, MQ_A_NAME));

	told_channels += is_name && mqt_u32(attrs, MQ_A_SLOTS) == SLOTS;
	told_subscriptions += is_name && mqt_u32(attrs, MQ_A_FILTERS) == 1 &&
			      mqt_u64(attrs, MQ_A_SUBSCRIPTION_ID) == fault->subscription.id;
}

static int call_dump(void *arg)
{
	struct fault *fault = arg;

	told_channels = 0;
	told_subscriptions = 0;
	return mqt_request_dump_on(fault->fresh, &fault->request, count, fault);
}

static void before_create(void *arg)
{
	struct fault *fault = arg;

	mqt_delete(OTHER);
	mqt_request_config(&fault->request, &other);
	connect_for(fault);
}

/* Its node, its claims and its memory: those of the one that was made in peace. */
static void done_create(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	*expected = created;
	/* Another one. */
	if (after->info.id > created.info.id)
		expected->info.id = after->info.id;
}

/* What may hinder the request; and its answer, in the kernel and on the way here. */
#define REQUEST_ERRORS { ENOMEM, ENOBUFS, EFAULT }
#define ANSWER_ERRORS { ENOBUFS, EFAULT }

FIXTURE_VARIANT_ADD(fault_admin, create) {
	.call = { .call = call_command, .prepare = before_create, .done = done_create,
		  .errors = REQUEST_ERRORS, .late = ANSWER_ERRORS, .anew = true },
	.channel = OTHER,
};

static void before_delete(void *arg)
{
	mqt_create(&other);
	connect_by_name(arg, MQ_CMD_CHANNEL_DELETE, OTHER);
}

static void done_delete(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	memset(expected, 0, sizeof(*expected));
	expected->memory = deleted.memory;
}

FIXTURE_VARIANT_ADD(fault_admin, delete) {
	.call = { .call = call_command, .prepare = before_delete, .done = done_delete,
		  .errors = REQUEST_ERRORS, .late = ANSWER_ERRORS, .anew = true },
	.channel = OTHER,
};

static void before_get(void *arg)
{
	connect_by_name(arg, MQ_CMD_CHANNEL_GET, NAME);
}

static bool told_get(void *arg, const struct mqt_state *after)
{
	const struct fault *fault = arg;
	const struct mqt_attrs *attrs = &fault->reply.attrs;

	return !strcmp(NAME, mqt_str(attrs, MQ_A_NAME)) &&
	       mqt_u64(attrs, MQ_A_ID) == after->info.id && attrs->claim_count == 3 &&
	       mqt_claim_is(attrs, 1, "a/#") && mqt_claim_is(attrs, 2, "b");
}

FIXTURE_VARIANT_ADD(fault_admin, get) {
	.call = { .call = call_command, .prepare = before_get, .told = told_get,
		  .errors = REQUEST_ERRORS, .anew = true },
	.channel = NAME,
};

static void before_list(void *arg)
{
	struct fault *fault = arg;

	mqt_request_start(&fault->request, MQ_CMD_CHANNEL_GET);
	connect_for(fault);
}

static bool told_list(void *arg, const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	return told_channels == 1;
}

FIXTURE_VARIANT_ADD(fault_admin, list) {
	.call = { .call = call_dump, .prepare = before_list, .told = told_list,
		  .errors = REQUEST_ERRORS, .anew = true },
	.channel = NAME,
};

static void before_subscriptions(void *arg)
{
	connect_by_name(arg, MQ_CMD_SUBSCRIPTION_GET, NAME);
}

static bool told_subscription(void *arg, const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	return told_subscriptions == 1;
}

FIXTURE_VARIANT_ADD(fault_admin, subscriptions) {
	.call = { .call = call_dump, .prepare = before_subscriptions,
		  .told = told_subscription, .errors = REQUEST_ERRORS, .anew = true },
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
static void done_set(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	struct mqt_reply reply;

	(void)arg;
	if (mqt_get(NAME, &reply) || reply.attrs.claim_count != 3 ||
	    !mqt_claim_is(&reply.attrs, 1, "a/#") || !mqt_claim_is(&reply.attrs, 2, "c/+/new"))
		return;
	expected->claims = after->claims;
	expected->info.claims_size = sizeof(NAME "\0a/#\0c/+/new");
	expected->info.retained_max = 7;
}

FIXTURE_VARIANT_ADD(fault_admin, set) {
	.call = { .call = call_command, .prepare = before_set, .done = done_set,
		  .errors = REQUEST_ERRORS, .late = ANSWER_ERRORS, .anew = true },
	.channel = NAME,
};

static void before_purge(void *arg)
{
	have_retained(arg);
	have_record(arg);
	connect_by_name(arg, MQ_CMD_CHANNEL_PURGE, NAME);
}

/* The one record that waited went by unread. */
static void done_purge(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	expect_no_retained(expected);
	expected->info.oldest = expected->info.head;
	expected->info.overwritten = expected->info.head - after->info.first;
	expected->passed++;
}

FIXTURE_VARIANT_ADD(fault_admin, purge) {
	.call = { .call = call_command, .prepare = before_purge, .done = done_purge,
		  .errors = REQUEST_ERRORS, .late = ANSWER_ERRORS, .anew = true },
	.channel = NAME,
};

FIXTURE_SETUP(fault_admin)
{
	mqt_delete(OTHER);
	ASSERT_EQ(0, fault_set_up(&self->fault, MQ_OVERFLOW_REJECT));
	ASSERT_EQ(0, mqt_state_get(OTHER, &deleted));
	ASSERT_EQ(0, mqt_create(&other));
	ASSERT_EQ(0, mqt_state_get(OTHER, &created));
	ASSERT_LT(deleted.memory, created.memory);
	ASSERT_EQ(0, mqt_delete(OTHER));
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
