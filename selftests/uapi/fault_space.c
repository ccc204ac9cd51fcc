// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory, and no space: a publish that waits for a holder, or takes its right to
 * hold, survives that any one of its allocations and copies fails, before and after.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <kselftest_harness.h>
#include "fault_calls.h"

/* How long a publish waits in vain; longer than SOON. */
#define PATIENCE_MS 50
#define SOON 1
/* Longer than any test. */
#define NEVER MQ_EVICT_AFTER_MAX

struct space {
	struct fault fault;
	/* Waits, as long as it takes or for PATIENCE_MS. */
	int waiting;
	int patient;
	struct mqt_subscription holder;
	/* Another thread acks for the holder once the publish sleeps. */
	pthread_t thread;
	pid_t publishing;
	bool ended;
	bool slept;
	uint64_t acked;
};

FIXTURE(fault_space) {
	struct space space;
};

FIXTURE_VARIANT(fault_space) {
	struct mqt_fault_call call;
};

static void set_evict_after(struct space *space, uint32_t evict_after)
{
	struct mqt_request *request = &space->fault.request;

	mqt_request_start(request, MQ_CMD_CHANNEL_SET);
	mqt_request_str(request, MQ_A_NAME, NAME);
	mqt_request_u32(request, MQ_A_EVICT_AFTER, evict_after);
	if (mqt_request_send(request, NULL))
		abort();
}

/* A new holder, of all that there is room for. */
static void fill(struct space *space)
{
	int error;

	if (space->holder.fd >= 0)
		close(space->holder.fd);
	if (mqt_subscribe_to(&space->holder, NAME, MQ_SUBSCRIBE_HOLD, "a/#"))
		abort();
	do
		error = mqt_publish(space->fault.publisher, "a/1", space->fault.payload, 10);
	while (!error);
	if (error != -EAGAIN)
		abort();
}

static int publish(struct space *space, int fd)
{
	return fault_publish(&space->fault, fd, 10, 0);
}

/* ---- a wait ---------------------------------------------------------------- */

static uint64_t ack_all(const struct space *space)
{
	struct mq_ack ack = { .position = UINT64_MAX };

	return mqt_ioctl(space->holder.fd, MQ_IOC_ACK, &ack) ? 0 : ack.position;
}

static void *give_space(void *arg)
{
	struct space *space = arg;

	while (!__atomic_load_n(&space->ended, __ATOMIC_ACQUIRE)) {
		if (mqt_in_call(space->publishing, SYS_ioctl)) {
			space->slept = true;
			space->acked = ack_all(space);
			break;
		}
		sched_yield();
	}
	return NULL;
}

static void before_wait(void *arg)
{
	struct space *space = arg;

	fill(space);
	space->publishing = syscall(SYS_gettid);
	space->ended = false;
	space->slept = false;
	if (pthread_create(&space->thread, NULL, give_space, space))
		abort();
}

static int call_wait(void *arg)
{
	struct space *space = arg;
	int error = publish(space, space->waiting);

	__atomic_store_n(&space->ended, true, __ATOMIC_RELEASE);
	return error;
}

static void await_thread(void *arg)
{
	struct space *space = arg;

	pthread_join(space->thread, NULL);
}

static void done_wait(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	struct space *space = arg;

	expect_published(expected, after, 1);
	/* The record that went in had to wait for this. */
	if (space->slept && space->acked == after->info.head - 1)
		expected->positions += space->acked - space->holder.position;
}

FIXTURE_VARIANT_ADD(fault_space, wait) {
	.call = { .call = call_wait, .prepare = before_wait, .await = await_thread,
		  .done = done_wait, .told = told_record, .errors = { EFAULT },
		  .late = { EFAULT }, .anew = true },
};

/* ---- a wait in vain -------------------------------------------------------- */

static void before_refusal(void *arg)
{
	fill(arg);
}

static int call_refusal(void *arg)
{
	struct space *space = arg;
	int error = publish(space, space->patient);

	return error == -ETIMEDOUT ? 0 : error ?: -EBADMSG;
}

static void done_refusal(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	expected->info.refused++;
}

FIXTURE_VARIANT_ADD(fault_space, refusal) {
	.call = { .call = call_refusal, .prepare = before_refusal, .done = done_refusal,
		  .errors = { EFAULT } },
};

/* ---- an eviction --------------------------------------------------------- */

static void before_eviction(void *arg)
{
	struct space *space = arg;

	set_evict_after(space, NEVER);
	fill(space);
	/* By then what is held is older than SOON, as the kernel counts. */
	if (mqt_publish(space->patient, "a/1", "x", 1) != -ETIMEDOUT)
		abort();
	set_evict_after(space, SOON);
}

static int call_eviction(void *arg)
{
	struct space *space = arg;

	return publish(space, space->fault.publisher);
}

static void done_eviction(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	expect_published(expected, after, 1);
	expected->info.evicted++;
}

FIXTURE_VARIANT_ADD(fault_space, eviction) {
	.call = { .call = call_eviction, .prepare = before_eviction, .done = done_eviction,
		  .told = told_record, .errors = { EFAULT }, .late = { EFAULT } },
};

FIXTURE_SETUP(fault_space)
{
	struct space *space = &self->space;

	ASSERT_EQ(0, fault_set_up(&space->fault, MQ_OVERFLOW_BLOCK));
	space->holder.fd = -1;
	space->waiting = mqt_publisher(NAME, 0);
	space->patient = mqt_publisher_timeout(NAME, 0, PATIENCE_MS);
	ASSERT_LE(0, space->waiting);
	ASSERT_LE(0, space->patient);
	/* And the holder, evicted or not. */
	space->fault.receivers++;
}

FIXTURE_TEARDOWN(fault_space)
{
	close(self->space.holder.fd);
	close(self->space.waiting);
	close(self->space.patient);
	fault_tear_down(&self->space.fault);
}

TEST_F(fault_space, at_each_place)
{
	fault_test(_metadata, &self->space.fault, &variant->call, NAME, false);
}

TEST_HARNESS_MAIN
