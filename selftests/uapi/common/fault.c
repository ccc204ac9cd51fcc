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

static bool call_done(const struct mqt_fault_call *call, void *self,
		      const struct mqt_state *before, const struct mqt_state *after)
{
	return call->done && call->done(self, before, after);
}

/* What is freed late is not a difference; what never is hangs, and fails so. */
static int settled_state(const char *channel, const struct mqt_state *before,
			 struct mqt_state *state)
{
	int error;

	do {
		error = mqt_state_get(channel, state);
	} while (!error && before && state->memory > before->memory &&
		 state->info.id == before->info.id);
	return error;
}

/* One pass through the places; empty, or what was wrong. */
static const char *pass(const struct mqt_fault_call *call, void *self, int fd,
			const char *channel, struct mqt_fault_sweep *sweep)
{
	struct mqt_state before, after;
	bool fresh = true, injected;
	unsigned int nth = 0;
	int error;

	do {
		if ((fresh || call->anew) && call->prepare)
			call->prepare(self);
		if ((fresh || call->anew) && mqt_state_get(channel, &before))
			return "no state before";
		mqt_fault_arm(fd, ++nth);
		error = call->call(self);
		injected = mqt_fault_disarm(fd);
		if (error && settled_state(channel, &before, &after))
			return "no state after";
		/* Most refuse: then all is as it was, and ready for the next. */
		fresh = !error || mqt_state_differs(&before, &after);
		if (error && (!injected || (fresh && !call_done(call, self, &before, &after)))) {
			snprintf(sweep->why, sizeof(sweep->why), "%d at place %u, changed: %s",
				 error, nth, mqt_state_differs(&before, &after) ?: "nothing");
			return sweep->why;
		}
		sweep->refused += !!error;
		if (call->end)
			call->end(self);
	} while (injected);
	sweep->places += nth - 1;
	return "";
}

const char *mqt_fault_sweep(const struct mqt_fault_call *call, void *self, int fd,
			    const char *channel, struct mqt_fault_sweep *sweep)
{
	const char *why;

	memset(sweep, 0, sizeof(*sweep));
	why = pass(call, self, fd, channel, sweep);
	/* What is made once only, and stays, had a place that hid another one. */
	return *why ? why : pass(call, self, fd, channel, sweep);
}
