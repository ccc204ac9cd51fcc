// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The process that programs run in. It is told of a program by a byte in a pipe
 * and answers with one; if none comes in time, it is killed, and if it can't be
 * killed, that is worse. What is about to run lies in $MQ_OUT before, because
 * the machine may not survive it: kfuzz.last, the last programs one behind the
 * other, each with zeros behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kfuzz.h"

/* An emulated machine on a busy host is slow: all are far from the usual. */
#define LIMIT_MS	60000
#define KILL_MS		60000
#define LAST		16

static pid_t worker;
static int to_worker = -1, from_worker = -1;
static unsigned int threads_of_worker;
static int kernel_log = -1, last_file = -1;
static unsigned int last_at;

struct kf_shared *kf_shared;

void kf_finding(const char *format, ...)
{
	va_list args;

	/* The first one counts, of whatever process or thread. */
	if (__atomic_exchange_n(&kf_shared->finding_taken, 1, __ATOMIC_ACQUIRE))
		return;
	va_start(args, format);
	vsnprintf(kf_shared->finding, sizeof(kf_shared->finding), format, args);
	va_end(args);
}

static void work(int in, int out, unsigned int threads)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	kf_exec_init(threads);
	while (read(in, &byte, 1) == 1) {
		kf_exec_program(&kf_shared->program);
		if (write(out, &byte, 1) != 1)
			break;
	}
	_exit(0);
}

static void start_worker(void)
{
	int there[2], back[2];

	if (pipe2(there, O_CLOEXEC) || pipe2(back, O_CLOEXEC))
		abort();
	fflush(stdout);
	worker = fork();
	if (worker < 0)
		abort();
	if (!worker) {
		close(there[1]);
		close(back[0]);
		work(there[0], back[1], threads_of_worker);
	}
	close(there[0]);
	close(back[1]);
	to_worker = there[1];
	from_worker = back[0];
}

void kf_run_stop(void)
{
	if (worker > 0) {
		kill(worker, SIGKILL);
		waitpid(worker, NULL, 0);
		close(to_worker);
		close(from_worker);
	}
	worker = 0;
}

void kf_run_init(unsigned int threads)
{
	const char *out = getenv("MQ_OUT");
	char path[512];

	threads_of_worker = threads;
	kf_shared = mqt_shared(sizeof(*kf_shared));
	kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kernel_log >= 0)
		lseek(kernel_log, 0, SEEK_END);
	if (out) {
		snprintf(path, sizeof(path), "%s/kfuzz.last", out);
		last_file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	}
}

static void keep_last(const struct kf_program *program)
{
	struct kf_insn padded[KF_INSNS_MAX] = { };

	if (last_file < 0)
		return;
	memcpy(padded, program->insn, program->count * sizeof(padded[0]));
	if (pwrite(last_file, padded, sizeof(padded), last_at++ % LAST * sizeof(padded)) < 0)
		return;
}

/* What the kernel says as a warning or worse while programs run is about them. */
static void ask_kernel(void)
{
	char line[2048], *text;
	ssize_t len;

	while (kernel_log >= 0) {
		len = read(kernel_log, line, sizeof(line) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			break;
		line[len] = '\0';
		text = strchr(line, ';');
		/*
		 * "priority,sequence,time,flags;text"; from 8 on it is not the kernel.
		 * Netlink itself grumbles at what programs send, timers at a host
		 * that lets the machine wait.
		 */
		if (text && atoi(line) <= 4 && strncmp(text, ";netlink: ", 10) &&
		    strncmp(text, ";hrtimer: interrupt took", 24)) {
			text[1 + strcspn(text + 1, "\n")] = '\0';
			kf_finding("the kernel said: %s", text + 1);
		}
	}
}

/* The kernel's side of each thread of the process. */
static void print_stacks(pid_t pid)
{
	char command[128];

	snprintf(command, sizeof(command), "for i in /proc/%d/task/*; do cat $i/comm $i/stack; done",
		 pid);
	fflush(stdout);
	if (system(command))
		printf("# no stacks\n");
}

static void end_of_worker(void)
{
	struct pollfd wait = { .fd = from_worker, .events = POLLIN };
	int status = 0;
	char byte;

	kill(worker, SIGKILL);
	/* The pipe closes with the last thread. */
	while (poll(&wait, 1, KILL_MS) > 0)
		if (read(from_worker, &byte, 1) <= 0)
			break;
	if (waitpid(worker, &status, WNOHANG) == worker || !kill(worker, 0)) {
		if (waitpid(worker, &status, WNOHANG) == 0) {
			print_stacks(worker);
			printf("Bail out! A process can't be killed\n");
			exit(1);
		}
	}
	close(to_worker);
	close(from_worker);
	worker = 0;
}

/* Waits for the worker's answer; what there is to say if none comes. */
static void await_worker(void)
{
	struct pollfd wait = { .fd = from_worker, .events = POLLIN };
	int status, ready;
	char byte;

	do {
		ready = poll(&wait, 1, LIMIT_MS);
	} while (ready < 0 && errno == EINTR);
	if (ready > 0 && read(from_worker, &byte, 1) == 1)
		return;
	if (ready > 0) {
		waitpid(worker, &status, 0);
		kf_finding("the process that ran it ended with status %#x", status);
		close(to_worker);
		close(from_worker);
		worker = 0;
		return;
	}
	kf_finding("did not end within %d s", LIMIT_MS / 1000);
	print_stacks(worker);
	end_of_worker();
}

bool kf_run_program(const struct kf_program *program)
{
	if (!worker)
		start_worker();
	kf_shared->program = *program;
	kf_shared->finding_taken = 0;
	kf_shared->finding[0] = '\0';
	kf_shared->place_count = 0;
	kf_shared->edge_count = 0;
	memset(kf_shared->result, 0, sizeof(kf_shared->result));
	keep_last(program);
	if (write(to_worker, "x", 1) != 1)
		kf_finding("the process that runs programs is gone");
	await_worker();
	ask_kernel();
	return !kf_shared->finding_taken;
}
