// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory, on a subscription: every call and mapping survives that any one of its
 * allocations and copies fails; what it refuses then, it has not done.
 */
#include <sys/mman.h>
#include <kselftest_harness.h>
#include "fault_test.h"

#define FILTER "new/level/+/here"

FIXTURE(fault_subscribe) {
	struct fault fault;
};

FIXTURE_VARIANT(fault_subscribe) {
	struct mqt_fault_call call;
	bool spotless;
};

static int call_filter_add(void *arg)
{
	struct fault *fault = arg;

	return mqt_filter_add(fault->subscription.fd, FILTER, 1, NULL);
}

static int call_filter_remove(void *arg)
{
	struct fault *fault = arg;

	return mqt_filter_remove(fault->subscription.fd, FILTER);
}

static void have_filter(void *arg)
{
	call_filter_add(arg);
}

static void drop_filter(void *arg)
{
	call_filter_remove(arg);
}

static bool one_more_filter(void *arg, const struct mqt_state *before,
			    const struct mqt_state *after)
{
	(void)arg;
	return after->filters == before->filters + 1;
}

static bool one_filter_less(void *arg, const struct mqt_state *before,
			    const struct mqt_state *after)
{
	(void)arg;
	return after->filters == before->filters - 1;
}

FIXTURE_VARIANT_ADD(fault_subscribe, filter_add) {
	.call = { .call = call_filter_add, .end = drop_filter, .done = one_more_filter },
};

FIXTURE_VARIANT_ADD(fault_subscribe, filter_remove) {
	.call = { .call = call_filter_remove, .prepare = have_filter, .done = one_filter_less },
};

static int call_read(void *arg)
{
	struct fault *fault = arg;

	return read(fault->subscription.fd, fault->room, sizeof(fault->room)) > 0 ? 0 : -errno;
}

FIXTURE_VARIANT_ADD(fault_subscribe, read) {
	.call = { .call = call_read, .prepare = have_record },
};

static int call_receive(void *arg)
{
	struct fault *fault = arg;
	struct mq_receive receive = {
		.buffer = (uintptr_t)fault->room, .buffer_size = sizeof(fault->room),
	};

	return mqt_ioctl(fault->subscription.fd, MQ_IOC_RECEIVE, &receive);
}

/* Its results could not be told: what it took is counted as taken. */
static bool one_more_delivered(void *arg, const struct mqt_state *before,
			       const struct mqt_state *after)
{
	(void)arg;
	return after->delivered == before->delivered + 1;
}

FIXTURE_VARIANT_ADD(fault_subscribe, receive) {
	.call = { .call = call_receive, .prepare = have_record, .done = one_more_delivered },
};

static int call_resync(void *arg)
{
	struct mq_resync resync;
	struct fault *fault = arg;

	return mqt_resync(fault->subscription.fd, &resync);
}

FIXTURE_VARIANT_ADD(fault_subscribe, resync) {
	.call = { .call = call_resync },
};

static int call_kick(void *arg)
{
	struct fault *fault = arg;

	return mqt_ioctl(fault->subscription.fd, MQ_IOC_KICK, NULL);
}

FIXTURE_VARIANT_ADD(fault_subscribe, kick) {
	.call = { .call = call_kick },
	.spotless = true,
};

static int call_ack(void *arg)
{
	struct fault *fault = arg;
	struct mq_ack ack = { .position = 1 };

	return mqt_ioctl(fault->subscription.fd, MQ_IOC_ACK, &ack);
}

FIXTURE_VARIANT_ADD(fault_subscribe, ack) {
	.call = { .call = call_ack },
};

static int map(struct fault *fault, uint64_t offset, size_t len, int prot)
{
	volatile char *memory = mmap(NULL, len, prot, MAP_SHARED, fault->subscription.fd, offset);

	if (memory == MAP_FAILED)
		return -errno;
	fault->mapped = (void *)memory;
	fault->mapped_len = len;
	/* Its pages come when they are touched. */
	(void)memory[0];
	(void)memory[len - 1];
	return 0;
}

/* By itself: a mapping that could not be ended would stay, and its channel. */
static void unmap(void *arg)
{
	struct fault *fault = arg;

	if (fault->mapped)
		munmap(fault->mapped, fault->mapped_len);
	fault->mapped = NULL;
}

static int call_map_ring(void *arg)
{
	struct fault *fault = arg;

	return map(fault, MQ_MMAP_RING, fault->subscription.ring_size, PROT_READ);
}

static int call_map_control(void *arg)
{
	return map(arg, MQ_MMAP_CONTROL, 4096, PROT_READ | PROT_WRITE);
}

static int call_map_status(void *arg)
{
	return map(arg, MQ_MMAP_STATUS, 4096, PROT_READ);
}

FIXTURE_VARIANT_ADD(fault_subscribe, map_ring) {
	.call = { .call = call_map_ring, .end = unmap },
};

FIXTURE_VARIANT_ADD(fault_subscribe, map_control) {
	.call = { .call = call_map_control, .end = unmap },
};

FIXTURE_VARIANT_ADD(fault_subscribe, map_status) {
	.call = { .call = call_map_status, .end = unmap },
};

FIXTURE_SETUP(fault_subscribe)
{
	ASSERT_EQ(0, fault_set_up(&self->fault));
}

FIXTURE_TEARDOWN(fault_subscribe)
{
	fault_tear_down(&self->fault);
}

TEST_F(fault_subscribe, at_each_place)
{
	fault_test(_metadata, &self->fault, &variant->call, NAME, variant->spotless);
}

TEST_HARNESS_MAIN
