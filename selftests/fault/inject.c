// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Loaded into a program of tests, in front of libc: the harness makes a process
 * for each test with fork(2), gives it a time limit with alarm(2) and awaits it
 * with waitpid(2). Only these calls of the harness itself are changed; what its
 * tests fork has no faults.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "inject.h"

/* libc's own. */
typedef pid_t (*fork_type)(void);

static struct inject *state;
static pid_t harness, test;
/* Of the test that runs. */
static uint32_t *beyond, *places;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv(INJECT_STATE);
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (state == MAP_FAILED)
		abort();
	harness = getpid();
	/* Programs that these start are none of ours. */
	unsetenv("LD_PRELOAD");
}

static bool is_over(void)
{
	return *beyond && state->nth >= *beyond;
}

static void arm(uint32_t nth)
{
	int fd = open("/proc/thread-self/fail-nth", O_WRONLY | O_CLOEXEC);
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (fd < 0 || write(fd, text, len) != len)
		abort();
	/* Its first places are those of this call. */
	close(fd);
}

/* What is left of the number of a process that has ended but is not forgotten. */
static long fault_left(pid_t pid)
{
	char path[64], text[16] = "";
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (len <= 0)
		abort();
	return atol(text);
}

pid_t fork(void)
{
	fork_type next = (fork_type)dlsym(RTLD_NEXT, "fork");
	pid_t pid;

	if (!state || getpid() != harness)
		return next();
	if (state->tests == INJECT_TESTS_MAX)
		abort();
	beyond = &state->beyond[state->tests];
	places = &state->places[state->tests++];
	pid = next();
	if (pid > 0)
		test = pid;
	if (pid)
		return pid;
	/* A pass, as the harness has it. */
	if (is_over())
		_exit(0);
	arm(state->nth);
	return 0;
}

/* Notes whether a test that has ended came to the fault. */
static void look(pid_t pid)
{
	long left = fault_left(pid);
	uint32_t came_to = state->nth - left;

	if (left > 0)
		*beyond = came_to + 1;
	else
		state->injected++;
	if (*places < came_to)
		*places = came_to;
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	pid_t (*next)(pid_t pid, int *status, int options) = dlsym(RTLD_NEXT, "waitpid");
	siginfo_t info;

	if (!state || getpid() != harness || pid != test)
		return next(pid, status, options);
	/* A fault that it has left is a fact only once it has ended. */
	while (waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
		if (errno != EINTR)
			abort();
	if (!is_over())
		look(pid);
	return next(pid, status, options);
}

unsigned int alarm(unsigned int seconds)
{
	unsigned int (*next)(unsigned int seconds) = dlsym(RTLD_NEXT, "alarm");

	if (state && getpid() == harness && seconds > state->limit)
		seconds = state->limit;
	return next(seconds);
}
