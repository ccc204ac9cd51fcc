// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory, on a node: every call survives that any one of its allocations and
 * copies fails; what it refuses then, it has not done.
 */
#include <kselftest_harness.h>
#include "fault_test.h"

FIXTURE(fault) {
	struct fault fault;
};

FIXTURE_VARIANT(fault) {
	struct mqt_fault_call call;
};

static int call_open(void *arg)
{
	struct fault *fault = arg;

	fault->fresh = mqt_node(NAME, O_RDWR);
	return fault->fresh < 0 ? fault->fresh : 0;
}

FIXTURE_VARIANT_ADD(fault, open) {
	.call = { .call = call_open, .end = close_fresh },
};

static int call_publisher(void *arg)
{
	struct mq_publisher_new args = { .flags = MQ_PUBLISHER_NONBLOCK };
	struct fault *fault = arg;

	fault->fresh = mqt_ioctl(fault->node, MQ_IOC_PUBLISHER, &args);
	return fault->fresh < 0 ? fault->fresh : 0;
}

FIXTURE_VARIANT_ADD(fault, publisher) {
	.call = { .call = call_publisher, .end = close_fresh },
};

static int call_subscribe(void *arg)
{
	struct mq_subscribe args = { .flags = MQ_SUBSCRIBE_HOLD, .start = MQ_START_OLDEST };
	struct fault *fault = arg;

	fault->fresh = mqt_ioctl(fault->node, MQ_IOC_SUBSCRIBE, &args);
	return fault->fresh < 0 ? fault->fresh : 0;
}

FIXTURE_VARIANT_ADD(fault, subscribe) {
	.call = { .call = call_subscribe, .end = close_fresh },
};

static int call_info(void *arg)
{
	char claims[64];
	struct mq_info info = { .claims = (uintptr_t)claims, .claims_size = sizeof(claims) };
	struct fault *fault = arg;

	return mqt_ioctl(fault->node, MQ_IOC_INFO, &info);
}

FIXTURE_VARIANT_ADD(fault, info) {
	.call = { .call = call_info },
};

static int call_list(void *arg)
{
	struct fault *fault = arg;
	struct mq_retained listing = {
		.filter = (uintptr_t)"#", .filter_len = 1,
		.buffer = (uintptr_t)fault->room, .buffer_size = sizeof(fault->room),
	};

	return mqt_ioctl(fault->node, MQ_IOC_RETAINED, &listing);
}

FIXTURE_VARIANT_ADD(fault, list) {
	.call = { .call = call_list, .prepare = have_retained },
};

/* A publisher that is known because it has published. */
static void have_known(void *arg)
{
	struct mq_publisher_new args = { };
	struct fault *fault = arg;

	close_fresh(arg);
	fault->fresh = mqt_ioctl(fault->node, MQ_IOC_PUBLISHER, &args);
	fault->id = args.id;
	mqt_publish_str(fault->fresh, "a/who", "x");
}

static int call_publisher_info(void *arg)
{
	struct fault *fault = arg;
	struct mq_publisher_info info = {
		.label = (uintptr_t)fault->room, .label_size = 256, .id = fault->id,
	};

	return mqt_ioctl(fault->node, MQ_IOC_PUBLISHER_INFO, &info);
}

FIXTURE_VARIANT_ADD(fault, publisher_info) {
	.call = { .call = call_publisher_info, .prepare = have_known },
};

static void have_node_record(void *arg)
{
	new_node(arg);
	have_record(arg);
}

static int call_read(void *arg)
{
	struct fault *fault = arg;

	return read(fault->fresh, fault->room, sizeof(fault->room)) == 10 ? 0 : -errno;
}

FIXTURE_VARIANT_ADD(fault, read) {
	.call = { .call = call_read, .prepare = have_node_record, .anew = true },
};

static int call_write(void *arg)
{
	struct fault *fault = arg;

	return write(fault->fresh, fault->payload, 100) == 100 ? 0 : -errno;
}

/* A publisher that was made stays with the node, and that is all. */
static bool node_wrote(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	struct mqt_state copy = *after;

	(void)arg;
	copy.info.publishers = before->info.publishers;
	return !mqt_state_differs(before, &copy);
}

FIXTURE_VARIANT_ADD(fault, write) {
	.call = { .call = call_write, .prepare = new_node, .done = node_wrote, .anew = true },
};

FIXTURE_SETUP(fault)
{
	ASSERT_EQ(0, fault_set_up(&self->fault));
}

FIXTURE_TEARDOWN(fault)
{
	fault_tear_down(&self->fault);
}

TEST_F(fault, at_each_place)
{
	fault_test(_metadata, &self->fault, &variant->call, NAME, false);
}

TEST_HARNESS_MAIN
