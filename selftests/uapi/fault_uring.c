// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory, for commands of io_uring: the same as for the ioctls, whatever of it is
 * io_uring's own.
 */
#include <kselftest_harness.h>
#include "fault_calls.h"
#include "uring_test.h"

FIXTURE(fault_uring) {
	struct fault fault;
	struct mqu ring;
};

FIXTURE_VARIANT(fault_uring) {
	const struct mqt_fault_call *call;
};

/* In the thread that submits it, which has the faults. */
static int through_ring(void *ring, int fd, unsigned int cmd, void *arg)
{
	mqu_prep(ring, fd, cmd, arg);
	/* Without memory of its own io_uring has not taken it. */
	while (mqu_submit(ring) != 1)
		;
	return mqu_wait(ring, NULL, NULL);
}

FIXTURE_VARIANT_ADD(fault_uring, publish) {
	.call = &fault_publish_call,
};

FIXTURE_VARIANT_ADD(fault_uring, publish_large) {
	.call = &fault_large_call,
};

FIXTURE_VARIANT_ADD(fault_uring, publish_retained) {
	.call = &fault_retain_call,
};

FIXTURE_VARIANT_ADD(fault_uring, batch) {
	.call = &fault_batch_call,
};

FIXTURE_VARIANT_ADD(fault_uring, atomic_batch) {
	.call = &fault_atomic_call,
};

FIXTURE_VARIANT_ADD(fault_uring, receive) {
	.call = &fault_receive_call,
};

/* There is something: it does not have to wait. */
static int call_receive_wait(void *arg)
{
	return fault_receive(arg, MQ_RECEIVE_WAIT);
}

static const struct mqt_fault_call receive_wait = {
	.call = call_receive_wait, .prepare = have_record, .done = done_receive,
	.told = told_receive, .errors = { EFAULT }, .late = { EFAULT },
};

FIXTURE_VARIANT_ADD(fault_uring, receive_wait) {
	.call = &receive_wait,
};

FIXTURE_VARIANT_ADD(fault_uring, ack) {
	.call = &fault_ack_call,
};

FIXTURE_SETUP(fault_uring)
{
	const struct mqu_kind plain = { };

	ASSERT_EQ(0, fault_set_up(&self->fault, MQ_OVERFLOW_REJECT));
	ASSERT_EQ(0, mqu_init(&self->ring, plain));
	self->fault.command = through_ring;
	self->fault.ring = &self->ring;
}

FIXTURE_TEARDOWN(fault_uring)
{
	mqu_exit(&self->ring);
	fault_tear_down(&self->fault);
}

TEST_F(fault_uring, at_each_place)
{
	fault_test(_metadata, &self->fault, variant->call, NAME, false);
}

TEST_HARNESS_MAIN
