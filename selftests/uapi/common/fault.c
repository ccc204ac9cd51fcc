// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Faults at will, one after the other through all places of a call. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../mq_test.h"

int mqt_fault_open(void)
{
	static const char * const settings[][2] = {
		{ "failslab/verbose", "0" }, { "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" }, { "failslab/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" }, { "fail_page_alloc/min-order", "0" },
	};
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	char path[96];
	unsigned int i;

	if (fd < 0)
		return -errno;
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int error;

		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i][0]);
		error = mqt_write_file(path, settings[i][1]);
		if (error) {
			close(fd);
			return error;
		}
	}
	return fd;
}

void mqt_fault_arm(int fd, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (fd >= 0 && pwrite(fd, text, len, 0) != len)
		abort();
}

/*
 * Reading and writing the number copy, too: a fault that is left may hit them,
 * and is used up by it.
 */
bool mqt_fault_disarm(int fd)
{
	char text[16] = "";
	ssize_t len;

	if (fd < 0)
		return false;
	len = pread(fd, text, sizeof(text) - 1, 0);
	if (len > 0 && !atoi(text))
		return true;
	if (pwrite(fd, "0", 1, 0) != 1 && pwrite(fd, "0", 1, 0) != 1)
		abort();
	return false;
}

/* Where an errno is among those; MQT_FAULT_ERRORS: nowhere. */
static unsigned int find_error(const int *errors, int error)
{
	unsigned int i = 0;

	while (i < MQT_FAULT_ERRORS && errors[i] != -error)
		i++;
	return i;
}

/* What of the state is not as it must be after that result; NULL: nothing. */
static const char *judge(const struct mqt_fault_call *call, void *self, int error,
			 const struct mqt_state *before, const struct mqt_state *after)
{
	struct mqt_state expected = *before;
	const char *why;

	if (error) {
		if (call->kept)
			call->kept(self, &expected, after);
		why = mqt_state_differs(&expected, after);
		if (!why || !strcmp(why, MQT_STATE_MEMORY) ||
		    find_error(call->late, error) == MQT_FAULT_ERRORS)
			return why;
		expected = *before;
	}
	if (call->done)
		call->done(self, &expected, after);
	return mqt_state_differs(&expected, after);
}

/* What is freed late is not a difference; what never is hangs, and fails so. */
static const char *judge_settled(const struct mqt_fault_call *call, void *self, int error,
				 const char *channel, const struct mqt_state *before,
				 struct mqt_state *after)
{
	const char *why;

	do {
		if (mqt_state_get(channel, after))
			return "no state after";
		why = judge(call, self, error, before, after);
	} while (why && !strcmp(why, MQT_STATE_MEMORY));
	return why;
}

/* One pass through the places; NULL, or what was wrong, the last time. */
static const char *pass(const struct mqt_fault_call *call, void *self, int fd,
			const char *channel, struct mqt_fault_sweep *sweep)
{
	struct mqt_state before, after;
	const char *why = NULL;
	bool fresh = true, injected;
	unsigned int nth = 0, which;
	int error, faults;

	do {
		if ((fresh || call->anew) && call->prepare)
			call->prepare(self);
		if ((fresh || call->anew) && mqt_state_get(channel, &before))
			return "no state before";
		faults = call->fd ? call->fd(self) : fd;
		mqt_fault_arm(faults, ++nth);
		error = call->call(self);
		injected = mqt_fault_disarm(faults);
		if (call->await)
			call->await(self);
		which = error ? find_error(call->errors, error) : 0;
		if (error && (!injected || which == MQT_FAULT_ERRORS))
			why = "the errno";
		if (!why)
			why = judge_settled(call, self, error, channel, &before, &after);
		if (!why && !error && call->told && !call->told(self, &after))
			why = "what it told";
		if (why)
			snprintf(sweep->why, sizeof(sweep->why), "%d at place %u: %s", error, nth,
				 why);
		/* Most refuse: then all is as it was, and ready for the next. */
		fresh = !error || why || mqt_state_differs(&before, &after);
		sweep->refused += !!error;
		sweep->came |= !!error << which;
		if (call->end)
			call->end(self);
	} while (injected && !why);
	sweep->places += nth - 1;
	return why ? sweep->why : NULL;
}

static const char *all_came(const struct mqt_fault_call *call, struct mqt_fault_sweep *sweep)
{
	unsigned int i;

	for (i = 0; i < MQT_FAULT_ERRORS && call->errors[i]; i++) {
		if (sweep->came & 1U << i)
			continue;
		snprintf(sweep->why, sizeof(sweep->why), "%d never came", -call->errors[i]);
		return sweep->why;
	}
	return NULL;
}

const char *mqt_fault_sweep(const struct mqt_fault_call *call, void *self, int fd,
			    const char *channel, struct mqt_fault_sweep *sweep)
{
	const char *why;

	memset(sweep, 0, sizeof(*sweep));
	why = pass(call, self, fd, channel, sweep);
	/* What is made once only, and stays, had a place that hid another one. */
	if (!why)
		why = pass(call, self, fd, channel, sweep);
	if (!why && fd >= 0)
		why = all_came(call, sweep);
	return why ?: "";
}
