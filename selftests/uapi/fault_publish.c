// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory, on a publisher: every call survives that any one of its allocations
 * and copies fails; what it refuses then, it has not done, or says what it has.
 */
#include <kselftest_harness.h>
#include "fault_test.h"

FIXTURE(fault_publish) {
	struct fault fault;
};

FIXTURE_VARIANT(fault_publish) {
	struct mqt_fault_call call;
};

static int call_publish(void *arg)
{
	struct fault *fault = arg;

	return mqt_publish(fault->publisher, "a/1", fault->payload, 10);
}

FIXTURE_VARIANT_ADD(fault_publish, small) {
	.call = { .call = call_publish, .done = one_more_record },
};

static int call_large(void *arg)
{
	struct fault *fault = arg;

	/* A new publisher has no staging buffer yet. */
	return mqt_publish(fault->fresh, "a/1", fault->payload, sizeof(fault->payload));
}

FIXTURE_VARIANT_ADD(fault_publish, large) {
	.call = { .call = call_large, .prepare = new_publisher, .done = one_more_record,
		  .anew = true },
};

static int call_retain(void *arg)
{
	struct fault *fault = arg;

	return mqt_retain(fault->publisher, "a/retained", fault->payload, 1000);
}

FIXTURE_VARIANT_ADD(fault_publish, retain) {
	.call = { .call = call_retain, .done = one_more_record },
};

static int call_clear(void *arg)
{
	struct fault *fault = arg;

	return mqt_retain(fault->publisher, "a/retained", NULL, 0);
}

FIXTURE_VARIANT_ADD(fault_publish, clear) {
	.call = { .call = call_clear, .prepare = have_retained, .done = one_more_record },
};

static int call_expiring(void *arg)
{
	struct fault *fault = arg;
	struct mq_publish record;

	mqt_record(&record, "a/expiring", fault->payload, 100);
	record.flags = MQ_RECORD_RETAIN;
	record.expiry_ns = UINT64_MAX / 4;
	return mqt_ioctl(fault->publisher, MQ_IOC_PUBLISH, &record);
}

FIXTURE_VARIANT_ADD(fault_publish, expiring) {
	.call = { .call = call_expiring, .done = one_more_record },
};

static int call_expect(void *arg)
{
	struct fault *fault = arg;
	struct mq_publish record;

	mqt_record(&record, "a/expected", fault->payload, 100);
	record.flags = MQ_PUBLISH_EXPECT;
	return mqt_ioctl(fault->publisher, MQ_IOC_PUBLISH, &record);
}

FIXTURE_VARIANT_ADD(fault_publish, expect) {
	.call = { .call = call_expect, .done = one_more_record },
};

static int run_batch(struct fault *fault, uint32_t flags)
{
	struct mq_publish_batch batch = {
		.flags = flags, .count = 3, .records = (uintptr_t)fault->record,
	};
	int error, i;

	for (i = 0; i < 3; i++)
		mqt_record(&fault->record[i], "a/1", fault->payload, 3000 * i);
	error = mqt_ioctl(fault->fresh, MQ_IOC_PUBLISH_BATCH, &batch);
	return error || batch.done == 3 ? error : fault->record[batch.done - 1].result;
}

static int call_batch(void *arg)
{
	return run_batch(arg, 0);
}

/* As many went in as say so; one whose result could not be told may be another. */
static bool batch_told(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	uint64_t went = after->info.head - before->info.head, told = 0;
	struct fault *fault = arg;
	int i;

	for (i = 0; i < 3; i++)
		told += !fault->record[i].result;
	return told <= went && went <= 3;
}

FIXTURE_VARIANT_ADD(fault_publish, batch) {
	.call = { .call = call_batch, .prepare = new_publisher, .done = batch_told, .anew = true },
};

static int call_atomic(void *arg)
{
	return run_batch(arg, MQ_BATCH_ATOMIC);
}

static bool all_went(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	(void)arg;
	return after->info.head == before->info.head + 3;
}

FIXTURE_VARIANT_ADD(fault_publish, atomic_batch) {
	.call = { .call = call_atomic, .prepare = new_publisher, .done = all_went, .anew = true },
};

static int call_will(void *arg)
{
	struct fault *fault = arg;
	struct mq_will will;

	mqt_will(&will, 1, "a/will", fault->payload, 1000);
	will.record_flags = MQ_RECORD_RETAIN;
	return mqt_ioctl(fault->publisher, MQ_IOC_WILL_SET, &will);
}

static int call_goodbye(void *arg)
{
	struct mq_will_clear clear = { .id = 1 };
	struct fault *fault = arg;

	return mqt_ioctl(fault->publisher, MQ_IOC_WILL_CLEAR, &clear);
}

static void clear_wills(void *arg)
{
	struct fault *fault = arg;

	mqt_will_clear(fault->publisher, MQ_WILL_ALL, 0);
}

static void have_will(void *arg)
{
	call_will(arg);
}

static bool one_more_will(void *arg, const struct mqt_state *before,
			  const struct mqt_state *after)
{
	(void)arg;
	return after->info.wills == before->info.wills + 1;
}

static bool no_wills(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	(void)arg;
	return before->info.wills == 1 && !after->info.wills;
}

FIXTURE_VARIANT_ADD(fault_publish, will) {
	.call = { .call = call_will, .end = clear_wills, .done = one_more_will },
};

FIXTURE_VARIANT_ADD(fault_publish, goodbye) {
	.call = { .call = call_goodbye, .prepare = have_will, .done = no_wills },
};

FIXTURE_SETUP(fault_publish)
{
	ASSERT_EQ(0, fault_set_up(&self->fault));
}

FIXTURE_TEARDOWN(fault_publish)
{
	fault_tear_down(&self->fault);
}

TEST_F(fault_publish, at_each_place)
{
	fault_test(_metadata, &self->fault, &variant->call, NAME, false);
}

TEST_HARNESS_MAIN
