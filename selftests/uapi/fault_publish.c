// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory, on a publisher: every publish survives that any one of its allocations
 * and copies fails; what it refuses then, it has not done, or says what it has.
 */
#include <kselftest_harness.h>
#include "fault_calls.h"

FIXTURE(fault_publish) {
	struct fault fault;
};

FIXTURE_VARIANT(fault_publish) {
	const struct mqt_fault_call *call;
};

FIXTURE_VARIANT_ADD(fault_publish, small) {
	.call = &fault_publish_call,
};

FIXTURE_VARIANT_ADD(fault_publish, large) {
	.call = &fault_large_call,
};

FIXTURE_VARIANT_ADD(fault_publish, retain) {
	.call = &fault_retain_call,
};

FIXTURE_VARIANT_ADD(fault_publish, batch) {
	.call = &fault_batch_call,
};

FIXTURE_VARIANT_ADD(fault_publish, atomic_batch) {
	.call = &fault_atomic_call,
};

static int call_clear(void *arg)
{
	struct fault *fault = arg;

	return fault_publish(fault, fault->publisher, 0, MQ_RECORD_RETAIN);
}

static void done_clear(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	expect_published(expected, after, 1);
	expect_no_retained(expected);
}

static const struct mqt_fault_call clear = {
	.call = call_clear, .prepare = have_retained, .done = done_clear, .told = told_record,
	.errors = { EFAULT }, .late = { EFAULT },
};

FIXTURE_VARIANT_ADD(fault_publish, clear) {
	.call = &clear,
};

static int call_expiring(void *arg)
{
	struct fault *fault = arg;
	struct mq_publish *record = &fault->record[0];

	mqt_record(record, RETAINED, fault->payload, RETAINED_LEN);
	record->flags = MQ_RECORD_RETAIN;
	record->expiry_ns = UINT64_MAX / 4;
	return mqt_ioctl(fault->publisher, MQ_IOC_PUBLISH, record);
}

static const struct mqt_fault_call expiring = {
	.call = call_expiring, .done = done_retain, .told = told_record,
	.errors = { EFAULT, ENOMEM }, .late = { EFAULT },
};

FIXTURE_VARIANT_ADD(fault_publish, expiring) {
	.call = &expiring,
};

static int call_expect(void *arg)
{
	struct fault *fault = arg;
	struct mq_publish *record = &fault->record[0];

	mqt_record(record, "a/expected", fault->payload, 100);
	record->flags = MQ_PUBLISH_EXPECT;
	return mqt_ioctl(fault->publisher, MQ_IOC_PUBLISH, record);
}

static const struct mqt_fault_call expect = {
	.call = call_expect, .done = done_record, .told = told_record,
	.errors = { EFAULT }, .late = { EFAULT },
};

FIXTURE_VARIANT_ADD(fault_publish, expect) {
	.call = &expect,
};

/* Refused in any case, also if that can't be told in full. */
static int call_unmet(void *arg)
{
	struct fault *fault = arg;
	struct mq_publish *record = &fault->record[0];

	mqt_record(record, RETAINED, fault->payload, 100);
	record->flags = MQ_PUBLISH_EXPECT;
	fault->result = mqt_ioctl(fault->publisher, MQ_IOC_PUBLISH, record);
	return fault->result == -ESTALE ? 0 : fault->result ?: -EBADMSG;
}

static const struct mqt_fault_call unmet = {
	.call = call_unmet, .prepare = have_retained, .errors = { EFAULT },
};

FIXTURE_VARIANT_ADD(fault_publish, unmet) {
	.call = &unmet,
};

FIXTURE_SETUP(fault_publish)
{
	ASSERT_EQ(0, fault_set_up(&self->fault, MQ_OVERFLOW_REJECT));
}

FIXTURE_TEARDOWN(fault_publish)
{
	fault_tear_down(&self->fault);
}

TEST_F(fault_publish, at_each_place)
{
	fault_test(_metadata, &self->fault, variant->call, NAME, false);
}

TEST_HARNESS_MAIN
