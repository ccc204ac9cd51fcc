// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "wait.h"

#define NS_PER_S 1000000000LL

static volatile sig_atomic_t stopped;
static sigset_t unblocked;
static int64_t deadline;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

void wait_begin(int timeout_ms)
{
	struct sigaction action = { .sa_handler = stop };
	sigset_t blocked;

	deadline = timeout_ms < 0 ? -1 : now() + timeout_ms * 1000000LL;
	/* Blocked but for ppoll(): none gets lost between look and sleep. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

enum wait_end wait_over(void)
{
	sigset_t pending;

	if (deadline >= 0 && now() >= deadline)
		return WAIT_TIMEOUT;
	sigpending(&pending);
	if (stopped || sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM))
		return WAIT_SIGNAL;
	return WAIT_READY;
}

enum wait_end wait_for(int fd)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	struct timespec left = { 0 };
	enum wait_end end = wait_over();

	/* A stream that never pauses does not outrun the deadline. */
	if (end != WAIT_READY)
		return end;
	if (deadline >= 0) {
		int64_t ns = deadline - now();

		if (ns < 0)
			ns = 0;
		left.tv_sec = ns / NS_PER_S;
		left.tv_nsec = ns % NS_PER_S;
	}
	for (;;) {
		int ready = ppoll(&polled, fd < 0 ? 0 : 1, deadline < 0 ? NULL : &left, &unblocked);

		if (ready > 0)
			return WAIT_READY;
		if (!ready)
			return WAIT_TIMEOUT;
		if (stopped)
			return WAIT_SIGNAL;
	}
}
