// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory for wills: setting and clearing them survives that any one of its
 * allocations and copies fails. The end of a publisher or of a process can't be
 * refused, and has to publish them at every place.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <kselftest_harness.h>
#include "fault_test.h"

/* Of a will that is not to be the retained value. */
#define TOPIC "a/will"
#define TOPIC_LEN 500U
#define WILL_FLAGS(retain) (MQ_RECORD_WILL | ((retain) ? MQ_RECORD_RETAIN : 0U))

struct wills {
	struct fault fault;
	uint32_t count;
	/* A process that set one, and its faults. */
	pid_t process;
	int process_faults;
	uint64_t *set;
};

FIXTURE(fault_will) {
	struct wills wills;
};

FIXTURE_VARIANT(fault_will) {
	struct mqt_fault_call call;
};

static int set_will(struct fault *fault, int fd, uint64_t id, bool retain, uint32_t flags,
		    uint32_t delay_ms)
{
	struct mq_will will;

	mqt_will(&will, id, retain ? RETAINED : TOPIC, fault->payload,
		 retain ? RETAINED_LEN : TOPIC_LEN);
	will.record_flags = retain ? MQ_RECORD_RETAIN : 0;
	will.flags = flags;
	will.delay_ms = delay_ms;
	return mqt_ioctl(fd, MQ_IOC_WILL_SET, &will);
}

/* ---- the will is in the ring, and the retained value -------------------- */

static void done_words(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	expect_published(expected, after, 1);
	expected->info.wills--;
}

static void done_retained_words(void *arg, struct mqt_state *expected,
				const struct mqt_state *after)
{
	done_words(arg, expected, after);
	expect_retained(arg, expected, after, after->info.head - 1);
}

static bool told_words(void *arg, const struct mqt_state *after)
{
	return fault_reads(arg, TOPIC, TOPIC_LEN, WILL_FLAGS(false), after->info.head - 1);
}

static bool told_retained_words(void *arg, const struct mqt_state *after)
{
	return fault_reads(arg, RETAINED, RETAINED_LEN, WILL_FLAGS(true), after->info.head - 1);
}

/* The work of a delayed will has no faults; it may take its time. */
static void await_words(void *arg)
{
	struct fault *fault = arg;

	mqt_poll(fault->subscription.fd, POLLIN, -1);
}

/* ---- setting -------------------------------------------------------------- */

static int call_set(void *arg)
{
	struct fault *fault = arg;

	return set_will(fault, fault->publisher, 1, true, MQ_WILL_ON_EXIT, 5);
}

static void done_set(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	expected->info.wills++;
}

/* It is what it was to be, as a goodbye shows. */
static bool told_set(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;

	return mqt_will_clear(fault->publisher, MQ_WILL_PUBLISH, 1) == 1 &&
	       fault_reads(fault, RETAINED, RETAINED_LEN, WILL_FLAGS(true), after->info.head);
}

static void clear_wills(void *arg)
{
	struct fault *fault = arg;

	mqt_will_clear(fault->publisher, MQ_WILL_ALL, 0);
}

FIXTURE_VARIANT_ADD(fault_will, set) {
	.call = { .call = call_set, .end = clear_wills, .done = done_set, .told = told_set,
		  .errors = { EFAULT, ENOMEM } },
};

static void have_smaller(void *arg)
{
	struct fault *fault = arg;

	set_will(fault, fault->publisher, 1, false, 0, 0);
}

/* The one that was there stays. */
static void kept_smaller(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	struct fault *fault = arg;

	/* Which one it is the state does not say: hear it. */
	drain(fault);
	if (mqt_will_clear(fault->publisher, MQ_WILL_PUBLISH, 1) != 1 ||
	    !fault_reads(fault, TOPIC, TOPIC_LEN, WILL_FLAGS(false), after->info.head))
		expected->info.wills = 0;
}

FIXTURE_VARIANT_ADD(fault_will, replace) {
	.call = { .call = call_set, .prepare = have_smaller, .end = clear_wills,
		  .kept = kept_smaller, .told = told_set, .errors = { EFAULT, ENOMEM },
		  .anew = true },
};

/* ---- goodbyes ------------------------------------------------------------- */

/* One with a delay, which a goodbye spares it. */
static void have_wills(void *arg)
{
	struct fault *fault = arg;

	drain(fault);
	set_will(fault, fault->publisher, 1, false, 0, 3600000);
	set_will(fault, fault->publisher, 2, true, 0, 0);
}

static int goodbye(struct wills *wills, uint32_t flags, uint64_t id)
{
	struct mq_will_clear clear = { .flags = flags, .id = id };
	int error = mqt_ioctl(wills->fault.publisher, MQ_IOC_WILL_CLEAR, &clear);

	wills->count = clear.count;
	return error;
}

static bool told_one(void *arg, const struct mqt_state *after)
{
	struct wills *wills = arg;

	(void)after;
	return wills->count == 1;
}

static bool told_both(void *arg, const struct mqt_state *after)
{
	struct wills *wills = arg;

	(void)after;
	return wills->count == 2;
}

static int call_clear(void *arg)
{
	return goodbye(arg, 0, 2);
}

static void done_clear(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	expected->info.wills--;
}

FIXTURE_VARIANT_ADD(fault_will, clear) {
	.call = { .call = call_clear, .prepare = have_wills, .done = done_clear,
		  .told = told_one, .errors = { EFAULT }, .late = { EFAULT } },
};

static int call_clear_all(void *arg)
{
	return goodbye(arg, MQ_WILL_ALL, 0);
}

static void done_clear_all(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	expected->info.wills = 0;
}

FIXTURE_VARIANT_ADD(fault_will, clear_all) {
	.call = { .call = call_clear_all, .prepare = have_wills, .done = done_clear_all,
		  .told = told_both, .errors = { EFAULT }, .late = { EFAULT } },
};

static int call_publish(void *arg)
{
	return goodbye(arg, MQ_WILL_PUBLISH, 1);
}

static bool told_publish(void *arg, const struct mqt_state *after)
{
	return told_one(arg, after) && told_words(arg, after);
}

FIXTURE_VARIANT_ADD(fault_will, publish) {
	.call = { .call = call_publish, .prepare = have_wills, .done = done_words,
		  .told = told_publish, .errors = { EFAULT }, .late = { EFAULT } },
};

static int call_publish_all(void *arg)
{
	return goodbye(arg, MQ_WILL_PUBLISH | MQ_WILL_ALL, 0);
}

static void done_publish_all(void *arg, struct mqt_state *expected,
			     const struct mqt_state *after)
{
	done_words(arg, expected, after);
	done_retained_words(arg, expected, after);
}

/* In order of setting. */
static bool told_publish_all(void *arg, const struct mqt_state *after)
{
	return told_both(arg, after) && told_retained_words(arg, after);
}

FIXTURE_VARIANT_ADD(fault_will, publish_all) {
	.call = { .call = call_publish_all, .prepare = have_wills, .done = done_publish_all,
		  .told = told_publish_all, .errors = { EFAULT }, .late = { EFAULT } },
};

/* ---- the last close ------------------------------------------------------ */

static void have_last(struct fault *fault, bool retain, uint32_t delay_ms)
{
	drain(fault);
	new_publisher(fault);
	set_will(fault, fault->fresh, 1, retain, 0, delay_ms);
}

static void have_plain(void *arg)
{
	have_last(arg, false, 0);
}

static void have_retaining(void *arg)
{
	have_last(arg, true, 0);
}

static void have_delayed(void *arg)
{
	have_last(arg, true, 1);
}

static int call_close(void *arg)
{
	struct fault *fault = arg;
	int error = close(fault->fresh) ? -errno : 0;

	fault->fresh = -1;
	return error;
}

static void done_close(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	done_words(arg, expected, after);
	expected->info.publishers--;
}

static void done_retained_close(void *arg, struct mqt_state *expected,
				const struct mqt_state *after)
{
	done_retained_words(arg, expected, after);
	expected->info.publishers--;
}

FIXTURE_VARIANT_ADD(fault_will, close) {
	.call = { .call = call_close, .prepare = have_plain, .done = done_close,
		  .told = told_words },
};

FIXTURE_VARIANT_ADD(fault_will, close_retained) {
	.call = { .call = call_close, .prepare = have_retaining, .done = done_retained_close,
		  .told = told_retained_words },
};

FIXTURE_VARIANT_ADD(fault_will, close_delayed) {
	.call = { .call = call_close, .prepare = have_delayed, .await = await_words,
		  .done = done_retained_close, .told = told_retained_words },
};

/* ---- the end of a process --------------------------------------------------- */

/* One that has set a will on a descriptor which stays open here. */
static void have_process(struct wills *wills, bool retain, uint32_t delay_ms)
{
	struct fault *fault = &wills->fault;
	char path[64];

	drain(fault);
	new_publisher(fault);
	*wills->set = 0;
	wills->process = fork();
	if (!wills->process) {
		if (!set_will(fault, fault->fresh, 1, retain, MQ_WILL_ON_EXIT, delay_ms))
			__atomic_store_n(wills->set, 1, __ATOMIC_RELEASE);
		for (;;)
			pause();
	}
	mqt_wait_count(wills->set, 1);
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", wills->process);
	wills->process_faults = fault->fail_nth < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);
	if (fault->fail_nth >= 0 && wills->process_faults < 0)
		abort();
}

static void process_plain(void *arg)
{
	have_process(arg, false, 0);
}

static void process_retaining(void *arg)
{
	have_process(arg, true, 0);
}

static void process_delayed(void *arg)
{
	have_process(arg, true, 1);
}

static int process_faults(void *arg)
{
	struct wills *wills = arg;

	return wills->process_faults;
}

/* Until all of it has ended, but what there is to ask about it. */
static int call_kill(void *arg)
{
	struct wills *wills = arg;
	siginfo_t info;

	if (kill(wills->process, SIGKILL) ||
	    waitid(P_PID, wills->process, &info, WEXITED | WNOWAIT))
		return -errno;
	return 0;
}

static void reap(void *arg)
{
	struct wills *wills = arg;

	waitpid(wills->process, NULL, 0);
	if (wills->process_faults >= 0)
		close(wills->process_faults);
}

FIXTURE_VARIANT_ADD(fault_will, exit) {
	.call = { .call = call_kill, .prepare = process_plain, .end = reap,
		  .fd = process_faults, .done = done_words, .told = told_words },
};

FIXTURE_VARIANT_ADD(fault_will, exit_retained) {
	.call = { .call = call_kill, .prepare = process_retaining, .end = reap,
		  .fd = process_faults, .done = done_retained_words,
		  .told = told_retained_words },
};

FIXTURE_VARIANT_ADD(fault_will, exit_delayed) {
	.call = { .call = call_kill, .prepare = process_delayed, .await = await_words,
		  .end = reap, .fd = process_faults, .done = done_retained_words,
		  .told = told_retained_words },
};

FIXTURE_SETUP(fault_will)
{
	ASSERT_EQ(0, fault_set_up(&self->wills.fault, MQ_OVERFLOW_REJECT));
	self->wills.set = mqt_shared(sizeof(*self->wills.set));
}

FIXTURE_TEARDOWN(fault_will)
{
	fault_tear_down(&self->wills.fault);
}

TEST_F(fault_will, at_each_place)
{
	fault_test(_metadata, &self->wills.fault, &variant->call, NAME, false);
}

TEST_HARNESS_MAIN
