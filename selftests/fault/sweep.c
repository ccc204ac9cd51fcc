// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * sweep PROGRAM...: fails the n-th allocation or copy of each test of each
 * program, for n = 1 and so on until every test got through without a fault. The
 * tests may fail then, and do; the kernel must not: after each run nothing of
 * mq is left. Whether the kernel complained or lost memory is for its log and
 * kmemleak to say. For the test machine, as root; prints TAP.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "inject.h"
#include "mq_test.h"

#define STATE "/tmp/mq-sweep-state"
#define GROUP "/sys/fs/cgroup/mq-sweep"
#define PARAMS "/sys/module/mq/parameters"
#define PARAMS_MAX 32
#define SETTLE_NS 20000000000ULL

static struct {
	unsigned int limit;
	unsigned int seconds;
	/* From here on not every place: each is that many percent behind the last. */
	unsigned int dense;
	unsigned int step;
	const char *library;
} options = { .limit = 15, .dense = 64, .step = 10 };

static struct inject *state;
static uint64_t memory_before, references_before;

static struct {
	char name[256];
	uint64_t value;
} params[PARAMS_MAX];

static unsigned int param_count;

/* ---- what is there besides the programs --------------------------------- */

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return len < 0 ? -errno : 0;
}

/* Calls @each for each name in a directory. */
static void each_name(const char *path, void (*each)(const char *name))
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			each(entry->d_name);
	if (directory)
		closedir(directory);
}

static void save_param(const char *name)
{
	if (!strncmp(name, "max_", 4) && param_count < PARAMS_MAX) {
		snprintf(params[param_count].name, sizeof(params[0].name), "%s", name);
		params[param_count++].value = mqt_param(name);
	}
}

static void delete_channel(const char *name)
{
	int error = mqt_delete(name);
	char path[512];

	if (error == -ENOENT) {
		/* A node that a test made by itself. */
		snprintf(path, sizeof(path), "/dev/mq/%s", name);
		unlink(path);
	}
}

static uint64_t module_references(void)
{
	char text[32] = "";
	int fd = open("/sys/module/mq/refcnt", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		abort();
	close(fd);
	return strtoull(text, NULL, 10);
}

/* Ends what a program left and puts everything back; whether that is possible. */
static bool clean_up(void)
{
	uint64_t start = mqt_now();
	unsigned int i;

	write_text(GROUP "/cgroup.kill", "1");
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	for (i = 0; i < param_count; i++)
		mqt_param_set(params[i].name, params[i].value);
	each_name("/dev/mq", delete_channel);
	while (mqt_param("memory") > memory_before || module_references() > references_before) {
		if (mqt_now() - start > SETTLE_NS) {
			printf("# left: %" PRIu64 " bytes, %" PRIu64 " references\n",
			       mqt_param("memory"), module_references());
			return false;
		}
		sched_yield();
	}
	return true;
}

/* ---- one run ------------------------------------------------------------ */

static void exec_program(const char *program)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write_text(GROUP "/cgroup.procs", "0"))
		_exit(126);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	setenv(INJECT_STATE, STATE, 1);
	setenv("LD_PRELOAD", options.library, 1);
	/* As little of each as possible: every fault costs a run. */
	setenv("MQ_VOLUME", "1000", 1);
	execl(program, program, NULL);
	_exit(127);
}

/* Whether it could be run, and left nothing. */
static bool run(const char *program, unsigned int nth)
{
	int status = 0;
	pid_t pid;

	state->nth = nth;
	state->limit = options.limit;
	state->tests = 0;
	state->injected = 0;
	fflush(stdout);
	pid = fork();
	if (!pid)
		exec_program(program);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	/* That tests fail is as it should be; but there must have been some. */
	if (!state->tests || !WIFEXITED(status)) {
		printf("# %s does not run: status %#x\n", program, status);
		clean_up();
		return false;
	}
	return clean_up();
}

static unsigned int next_place(unsigned int nth)
{
	unsigned int step = nth < options.dense ? 1 : nth * options.step / 100;

	return nth + (step ? step : 1);
}

static bool sweep(const char *program, char *text, size_t size)
{
	uint64_t end = mqt_now() + options.seconds * 1000000000ULL;
	unsigned int nth = 1, runs = 0, faults = 0;
	const char *name = strrchr(program, '/');

	memset(state, 0, sizeof(*state));
	name = name ? name + 1 : program;
	do {
		if (!run(program, nth)) {
			snprintf(text, size, "%s, with the faults at place %u", name, nth);
			return false;
		}
		runs++;
		faults += state->injected;
		nth = next_place(nth);
	} while (state->injected && (!options.seconds || mqt_now() < end));
	snprintf(text, size, "%s: %u faults in %u tests, %u runs, %s", name, faults, state->tests,
		 runs, state->injected ? "not all places" : "to the end");
	return faults;
}

/* ------------------------------------------------------------------------- */

static void prepare(void)
{
	int fd = open(STATE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(*state)))
		abort();
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (state == MAP_FAILED || (mkdir(GROUP, 0755) && errno != EEXIST))
		abort();
	close(fd);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	each_name(PARAMS, save_param);
	memory_before = mqt_param("memory");
	references_before = module_references();
}

static bool parse(int argc, char **argv)
{
	static const struct option known[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "dense", required_argument, NULL, 'd' },
		{ "step", required_argument, NULL, 'p' },
		{ "limit", required_argument, NULL, 'l' },
		{ }
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		unsigned int value = optarg ? atoi(optarg) : 0;

		if (option == 's')
			options.seconds = value;
		else if (option == 'd')
			options.dense = value;
		else if (option == 'p')
			options.step = value;
		else if (option == 'l')
			options.limit = value;
		else
			return false;
	}
	return optind < argc;
}

int main(int argc, char **argv)
{
	static char library[4096];
	int i, fd, bad = 0;
	char *slash;

	if (!parse(argc, argv)) {
		fprintf(stderr, "usage: sweep [--seconds N (for each)] [--dense PLACES] [--step PERCENT]\n"
				"             [--limit SECONDS (of a test)] PROGRAM...\n");
		return 2;
	}
	if (readlink("/proc/self/exe", library, sizeof(library) - 32) < 0)
		abort();
	slash = strrchr(library, '/');
	strcpy(slash, "/libinject.so");
	options.library = library;
	printf("TAP version 13\n1..%d\n", argc - optind);
	fd = mqt_fault_open();
	if (fd < 0) {
		printf("Bail out! This kernel injects no faults\n");
		return 1;
	}
	close(fd);
	prepare();
	for (i = optind; i < argc; i++) {
		char text[256];
		bool good = sweep(argv[i], text, sizeof(text));

		bad += !good;
		printf("%sok %d - %s\n", good ? "" : "not ", i - optind + 1, text);
		fflush(stdout);
	}
	return bad ? 1 : 0;
}
