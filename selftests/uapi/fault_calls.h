/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Calls of publishers and subscriptions to be failed
 *
 * Those that are there twice, by ioctl(2) and as commands of io_uring.
 */
#ifndef MQ_FAULT_CALLS_H
#define MQ_FAULT_CALLS_H

#include "fault_test.h"

static inline int fault_command(struct fault *fault, int fd, unsigned int cmd, void *arg)
{
	return fault->command ? fault->command(fault->ring, fd, cmd, arg) :
				mqt_ioctl(fd, cmd, arg);
}

/* ---- publishing --------------------------------------------------------- */

/* One record, in fault->record[0]. */
static inline int fault_publish(struct fault *fault, int fd, unsigned int len, uint32_t flags)
{
	mqt_record(&fault->record[0], flags & MQ_RECORD_RETAIN ? RETAINED : "a/1",
		   fault->payload, len);
	fault->record[0].flags = flags;
	return fault_command(fault, fd, MQ_IOC_PUBLISH, &fault->record[0]);
}

static inline int call_publish(void *arg)
{
	struct fault *fault = arg;

	return fault_publish(fault, fault->publisher, 10, 0);
}

/*
 * A new publisher has no staging buffer for it yet. That it can't have one takes more
 * than one fault: there are two ways to large memory.
 */
static inline int call_large(void *arg)
{
	struct fault *fault = arg;

	return fault_publish(fault, fault->fresh, sizeof(fault->payload), 0);
}

static inline int call_retain(void *arg)
{
	struct fault *fault = arg;

	return fault_publish(fault, fault->publisher, RETAINED_LEN, MQ_RECORD_RETAIN);
}

static inline void done_retain(void *arg, struct mqt_state *expected,
			       const struct mqt_state *after)
{
	expect_published(expected, after, 1);
	expect_retained(arg, expected, after, after->info.head - 1);
}

/* The "out" fields, and the record itself, for whom it is. */
static inline bool told_record(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;
	const struct mq_publish *record = &fault->record[0];
	const char *topic = (const char *)(uintptr_t)record->topic;

	return !record->result && record->receivers == fault->receivers &&
	       record->sequence == after->info.head - 1 &&
	       fault_reads(fault, topic, record->payload_len, record->flags & MQ_RECORD_RETAIN,
			   record->sequence);
}

static const struct mqt_fault_call fault_publish_call = {
	.call = call_publish, .done = done_record, .told = told_record,
	.errors = { EFAULT }, .late = { EFAULT },
};

static const struct mqt_fault_call fault_large_call = {
	.call = call_large, .prepare = new_publisher, .done = done_record,
	.told = told_record, .errors = { EFAULT }, .late = { EFAULT }, .anew = true,
};

static const struct mqt_fault_call fault_retain_call = {
	.call = call_retain, .done = done_retain, .told = told_record,
	.errors = { EFAULT, ENOMEM }, .late = { EFAULT },
};

/* ---- several ------------------------------------------------------------- */

/* An empty record, one to be retained, and one that needs a larger staging buffer. */
#define BATCH 3U
#define BATCH_RETAINED 1U
#define BATCH_LAST_LEN 6000U

/* The first result of a batch that is not due to another one. */
static inline int batch_result(const struct fault *fault)
{
	unsigned int i;

	for (i = 0; i < fault->batch.done && i < BATCH; i++)
		if (fault->record[i].result && fault->record[i].result != -ECANCELED)
			return fault->record[i].result;
	return 0;
}

static inline int fault_batch(struct fault *fault, uint32_t flags)
{
	memset(&fault->batch, 0, sizeof(fault->batch));
	fault->batch.flags = flags;
	fault->batch.count = BATCH;
	fault->batch.records = (uintptr_t)fault->record;
	mqt_record(&fault->record[0], "a/1", NULL, 0);
	mqt_record(&fault->record[1], RETAINED, fault->payload, RETAINED_LEN);
	fault->record[BATCH_RETAINED].flags = MQ_RECORD_RETAIN;
	mqt_record(&fault->record[2], "a/1", fault->payload, BATCH_LAST_LEN);
	fault->result = fault_command(fault, fault->fresh, MQ_IOC_PUBLISH_BATCH, &fault->batch);
	if (!fault->result)
		fault->result = batch_result(fault);
	return fault->result;
}

static inline int call_batch(void *arg)
{
	return fault_batch(arg, 0);
}

/* As many went in as say so; the one whose result could not be told, or not. */
static inline void done_batch(void *arg, struct mqt_state *expected,
			      const struct mqt_state *after)
{
	uint64_t went = after->info.head - expected->info.head, told = 0;
	struct fault *fault = arg;
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		told += !fault->record[i].result;
	if (went != told && !(went == told + 1 && fault->result == -EFAULT))
		return;
	if (went > BATCH_RETAINED)
		expect_retained(fault, expected, after, expected->info.head + BATCH_RETAINED);
	expect_published(expected, after, went);
}

static inline bool told_batch(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		if (fault->record[i].result || fault->record[i].receivers != fault->receivers ||
		    fault->record[i].sequence != after->info.head - BATCH + i)
			return false;
	return fault->batch.done == BATCH &&
	       fault_reads(fault, "a/1", BATCH_LAST_LEN, 0, after->info.head - 1);
}

static inline int call_atomic(void *arg)
{
	struct fault *fault = arg;
	int error = fault_batch(fault, MQ_BATCH_ATOMIC);
	unsigned int i, cancelled = 0;

	/* What refused one of them has cancelled the others. */
	for (i = 0; i < BATCH; i++)
		cancelled += fault->record[i].result == -ECANCELED;
	if (fault->batch.done && cancelled != (error ? BATCH - 1 : 0))
		return -EBADMSG;
	return error;
}

static inline void done_atomic(void *arg, struct mqt_state *expected,
			       const struct mqt_state *after)
{
	expect_retained(arg, expected, after, expected->info.head + BATCH_RETAINED);
	expect_published(expected, after, BATCH);
}

static const struct mqt_fault_call fault_batch_call = {
	.call = call_batch, .prepare = new_publisher, .done = done_batch,
	.told = told_batch, .errors = { EFAULT, ENOMEM }, .late = { EFAULT, ENOMEM },
	.anew = true,
};

static const struct mqt_fault_call fault_atomic_call = {
	.call = call_atomic, .prepare = new_publisher, .done = done_atomic,
	.told = told_batch, .errors = { EFAULT, ENOMEM }, .late = { EFAULT }, .anew = true,
};

/* ---- taking --------------------------------------------------------------- */

static inline int fault_receive(struct fault *fault, uint32_t flags)
{
	mqt_receive(&fault->receive, flags, fault->room, sizeof(fault->room));
	return fault_command(fault, fault->subscription.fd, MQ_IOC_RECEIVE, &fault->receive);
}

static inline int call_receive(void *arg)
{
	return fault_receive(arg, 0);
}

static inline void done_receive(void *arg, struct mqt_state *expected,
				const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	expected->delivered++;
	expected->positions++;
}

static inline bool told_receive(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;
	const struct mq_record *record = (void *)fault->room;

	return fault->receive.count == 1 && fault->receive.buffer_size == record->size &&
	       fault->receive.position == after->info.head && !fault->receive.passed &&
	       !fault->receive.missed &&
	       fault_is_record(fault, record, "a/1", 10, after->info.head - 1);
}

static const struct mqt_fault_call fault_receive_call = {
	.call = call_receive, .prepare = have_record, .done = done_receive,
	.told = told_receive, .errors = { EFAULT }, .late = { EFAULT },
};

static inline int call_ack(void *arg)
{
	struct fault *fault = arg;

	/* As far as it goes: up to the head. */
	fault->ack = (struct mq_ack){ .position = UINT64_MAX };
	return fault_command(fault, fault->subscription.fd, MQ_IOC_ACK, &fault->ack);
}

static inline void done_ack(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	expected->positions++;
}

static inline bool told_ack(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;

	return fault->ack.position == after->info.head;
}

static const struct mqt_fault_call fault_ack_call = {
	.call = call_ack, .prepare = have_record, .done = done_ack, .told = told_ack,
	.errors = { EFAULT }, .late = { EFAULT },
};

#endif /* MQ_FAULT_CALLS_H */
