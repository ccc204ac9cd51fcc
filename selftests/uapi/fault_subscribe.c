// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory, on a subscription: every call and mapping survives that any one of its
 * allocations and copies fails; what it refuses then, it has not done.
 */
#include <sys/mman.h>
#include <kselftest_harness.h>
#include "fault_calls.h"

#define FILTER "new/level/+/here"

FIXTURE(fault_subscribe) {
	struct fault fault;
};

FIXTURE_VARIANT(fault_subscribe) {
	const struct mqt_fault_call *call;
	bool spotless;
};

FIXTURE_VARIANT_ADD(fault_subscribe, receive) {
	.call = &fault_receive_call,
};

FIXTURE_VARIANT_ADD(fault_subscribe, ack) {
	.call = &fault_ack_call,
};

static int call_filter_add(void *arg)
{
	struct fault *fault = arg;

	return mqt_filter_add(fault->subscription.fd, FILTER, 1, &fault->id);
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

static void done_filter_add(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	expected->filters++;
}

static bool told_filter_add(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;

	return fault->id == after->info.head;
}

static void done_filter_remove(void *arg, struct mqt_state *expected,
			       const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	expected->filters--;
}

static const struct mqt_fault_call filter_add = {
	.call = call_filter_add, .end = drop_filter, .done = done_filter_add,
	.told = told_filter_add, .errors = { EFAULT, ENOMEM }, .late = { EFAULT },
};

FIXTURE_VARIANT_ADD(fault_subscribe, filter_add) {
	.call = &filter_add,
};

static const struct mqt_fault_call filter_remove = {
	.call = call_filter_remove, .prepare = have_filter, .done = done_filter_remove,
	.errors = { EFAULT, ENOMEM }, .late = { EFAULT },
};

FIXTURE_VARIANT_ADD(fault_subscribe, filter_remove) {
	.call = &filter_remove,
};

static int call_read(void *arg)
{
	struct fault *fault = arg;

	return read(fault->subscription.fd, fault->room, sizeof(fault->room)) > 0 ? 0 : -errno;
}

static bool told_read(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;

	return fault_is_record(fault, (void *)fault->room, "a/1", 10, after->info.head - 1);
}

static const struct mqt_fault_call reading = {
	.call = call_read, .prepare = have_record, .done = done_receive, .told = told_read,
	.errors = { EFAULT },
};

FIXTURE_VARIANT_ADD(fault_subscribe, read) {
	.call = &reading,
};

/* The ring has gone on without it, once around and more. */
static void have_gap(void *arg)
{
	struct fault *fault = arg;
	unsigned int i;

	have_record(arg);
	for (i = 0; i < SLOTS + 8; i++)
		mqt_publish(fault->publisher, "a/1", fault->payload, 10);
}

static struct mq_resync resynced;

static int call_resync(void *arg)
{
	struct fault *fault = arg;

	return mqt_resync(fault->subscription.fd, &resynced);
}

/* It goes on where the ring begins; what is passed was so before. */
static void done_resync(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	expected->positions = expected->info.oldest;
}

static bool told_resync(void *arg, const struct mqt_state *after)
{
	(void)arg;
	/* All that there were but those in the ring. */
	return resynced.position == after->info.oldest &&
	       resynced.passed == SLOTS + 9 - (after->info.head - after->info.oldest) &&
	       resynced.missed == resynced.passed && !resynced.flags;
}

static const struct mqt_fault_call resync = {
	.call = call_resync, .prepare = have_gap, .done = done_resync, .told = told_resync,
	.errors = { EFAULT }, .late = { EFAULT },
};

FIXTURE_VARIANT_ADD(fault_subscribe, resync) {
	.call = &resync,
};

static int call_kick(void *arg)
{
	struct fault *fault = arg;

	return mqt_ioctl(fault->subscription.fd, MQ_IOC_KICK, NULL);
}

static const struct mqt_fault_call kick = {
	.call = call_kick,
};

FIXTURE_VARIANT_ADD(fault_subscribe, kick) {
	.call = &kick,
	.spotless = true,
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

/* It is the ring, and moves with it. */
static bool told_ring(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;
	const struct mq_ring_header *header = fault->mapped;

	mqt_publish(fault->publisher, "a/1", fault->payload, 10);
	return __atomic_load_n(&header->head, __ATOMIC_ACQUIRE) == after->info.head + 1;
}

/* What is stored there the kernel takes. */
static bool told_control(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;
	struct mq_control *control = fault->mapped;
	struct mq_ack ack = { };

	mqt_publish(fault->publisher, "a/1", fault->payload, 10);
	__atomic_store_n(&control->cursor, after->info.head + 1, __ATOMIC_RELEASE);
	return !mqt_ioctl(fault->subscription.fd, MQ_IOC_ACK, &ack) &&
	       ack.position == after->info.head + 1;
}

static bool told_status(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;
	const struct mq_status *status = fault->mapped;
	uint64_t passed = status->passed;

	have_gap(arg);
	return !mqt_resync(fault->subscription.fd, &resynced) &&
	       passed == after->passed && status->passed == passed + resynced.passed;
}

static const struct mqt_fault_call map_ring = {
	.call = call_map_ring, .end = unmap, .told = told_ring, .errors = { ENOMEM },
};

FIXTURE_VARIANT_ADD(fault_subscribe, map_ring) {
	.call = &map_ring,
};

static const struct mqt_fault_call map_control = {
	.call = call_map_control, .end = unmap, .told = told_control, .errors = { ENOMEM },
};

FIXTURE_VARIANT_ADD(fault_subscribe, map_control) {
	.call = &map_control,
};

static const struct mqt_fault_call map_status = {
	.call = call_map_status, .end = unmap, .told = told_status, .errors = { ENOMEM },
};

FIXTURE_VARIANT_ADD(fault_subscribe, map_status) {
	.call = &map_status,
};

FIXTURE_SETUP(fault_subscribe)
{
	ASSERT_EQ(0, fault_set_up(&self->fault, MQ_OVERFLOW_REJECT));
}

FIXTURE_TEARDOWN(fault_subscribe)
{
	fault_tear_down(&self->fault);
}

TEST_F(fault_subscribe, at_each_place)
{
	fault_test(_metadata, &self->fault, variant->call, NAME, variant->spotless);
}

TEST_HARNESS_MAIN
