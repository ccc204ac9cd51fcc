// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * sweep PROGRAM...: fails the n-th allocation or copy of each test of each
 * program, for one n after the other. The tests may fail then, and do; the kernel
 * must not: after each run nothing of mq is left. Whether the kernel complained or
 * lost memory is for its log and kmemleak to say. For the test machine, as root;
 * prints TAP.
 *
 * A first run, without faults, counts the places. There are more than there is time
 * for. So the first pass through them doubles n, the next grows it by a half, then by
 * a quarter: when the time of a program is over, what was tried lies spread over all
 * of it, closest together at the beginning, where most of what is different happens.
 * How many of how many places failed is reported for each program.
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
#define PLACES_MAX (1U << 20)
#define CHANNELS_MAX 64
#define SETTLE_NS 30000000000ULL

static struct {
	unsigned int limit;
	unsigned int seconds;
	char library[4096];
} options = { .limit = 8, .seconds = 60 };

static struct inject *state;
static uint64_t memory_before, references_before;

static struct {
	char name[256];
	uint64_t value;
} params[PARAMS_MAX];

static unsigned int param_count;

/* What became of a program. */
struct progress {
	const char *program;
	uint64_t end;
	unsigned int runs, faults;
	unsigned int tests;
	/* This n is too large for each of them. */
	unsigned int bound;
	bool tried[PLACES_MAX];
	char why[128];
};

/* ---- what is there besides the programs --------------------------------- */

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

static uint64_t module_references(void)
{
	char text[32];

	if (mqt_read_file("/sys/module/mq/refcnt", text, sizeof(text)))
		abort();
	return strtoull(text, NULL, 10);
}

struct channels {
	unsigned int count;
	char name[CHANNELS_MAX][MQ_NAME_MAX + 1];
};

static void add_channel(const struct mqt_attrs *attrs, void *arg)
{
	struct channels *channels = arg;

	if (channels->count < CHANNELS_MAX)
		snprintf(channels->name[channels->count++], sizeof(channels->name[0]), "%s",
			 mqt_str(attrs, MQ_A_NAME));
}

/* All of them: one that was made without memory may have no node. */
static void delete_channels(void)
{
	struct channels channels = { };
	struct mqt_request request;
	unsigned int i;

	mqt_request_start(&request, MQ_CMD_CHANNEL_GET);
	mqt_request_dump(&request, add_channel, &channels);
	for (i = 0; i < channels.count; i++)
		mqt_delete(channels.name[i]);
}

/* One that could not be removed when its channel was, or that a test made. */
static void remove_node(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "/dev/mq/%s", name);
	unlink(path);
}

/* Whether what a program has started has ended. */
static bool all_ended(void)
{
	pid_t pid;

	mqt_write_file(GROUP "/cgroup.kill", "1");
	do {
		pid = waitpid(-1, NULL, WNOHANG);
	} while (pid > 0);
	return pid < 0 && errno == ECHILD;
}

/* Ends what a program left and puts everything back; whether that is possible. */
static bool clean_up(struct progress *progress)
{
	uint64_t start = mqt_now();
	unsigned int i;

	while (!all_ended() || mqt_param("memory") > memory_before ||
	       module_references() > references_before) {
		if (mqt_now() - start > SETTLE_NS) {
			snprintf(progress->why, sizeof(progress->why),
				 "left %" PRIu64 " bytes and %" PRIu64 " references",
				 mqt_param("memory") - memory_before,
				 module_references() - references_before);
			return false;
		}
		delete_channels();
		sched_yield();
	}
	each_name("/dev/mq", remove_node);
	for (i = 0; i < param_count; i++)
		mqt_param_set(params[i].name, params[i].value);
	return true;
}

/* ---- one run ------------------------------------------------------------ */

static void exec_program(const char *program)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mqt_write_file(GROUP "/cgroup.procs", "0"))
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

/* The time of a program is over. */
static void end_program(int signal)
{
	(void)signal;
	mqt_write_file(GROUP "/cgroup.kill", "1");
}

/* Waits for its end; whether it ran as it should, as long as there was time. */
static bool await_program(const struct progress *progress, pid_t pid)
{
	int64_t left = progress->end - mqt_now();
	int status = 0;

	/* The places are counted in any case. */
	if (progress->bound)
		alarm(left > 0 ? left / 1000000000 + 1 : 1);
	if (waitpid(pid, &status, 0) != pid)
		abort();
	alarm(0);
	return (WIFEXITED(status) && state->tests) ||
	       (progress->bound && mqt_now() > progress->end);
}

/* Whether it could be run, and left nothing. */
static bool run(struct progress *progress, unsigned int nth)
{
	bool good;
	pid_t pid;

	state->nth = nth;
	state->limit = options.limit;
	state->tests = 0;
	state->injected = 0;
	pid = fork();
	if (!pid)
		exec_program(progress->program);
	if (pid < 0)
		abort();
	good = await_program(progress, pid);
	progress->runs++;
	progress->faults += state->injected;
	if (!clean_up(progress))
		return false;
	/* That tests fail is as it should be; but there must have been some. */
	if (!good)
		snprintf(progress->why, sizeof(progress->why), "does not run");
	return good;
}

/* One pass; whether it, or the time, came to its end. */
static bool pass(struct progress *progress, unsigned int shift)
{
	unsigned int nth;

	for (nth = 1; nth < PLACES_MAX; nth += nth >> shift ?: 1) {
		if (mqt_now() > progress->end || nth >= progress->bound)
			return true;
		if (!progress->tried[nth] && !run(progress, nth))
			return false;
		progress->tried[nth] = true;
	}
	return true;
}

/* Counts the places; whether there are any. */
static bool count(struct progress *progress)
{
	unsigned int i;

	if (!run(progress, INJECT_COUNT))
		return false;
	progress->tests = state->tests;
	for (i = 0; i < progress->tests; i++)
		if (progress->bound < state->beyond[i])
			progress->bound = state->beyond[i];
	if (progress->bound < 2)
		snprintf(progress->why, sizeof(progress->why), "has no places");
	return progress->bound > 1;
}

/* Fails as many of the places as there is time for. */
static bool fail(struct progress *progress)
{
	unsigned int shift = 0;
	bool good;

	do {
		good = pass(progress, shift);
	} while (good && progress->bound >> shift++ > 1 && mqt_now() < progress->end);
	return good;
}

static unsigned int all_places(const struct progress *progress)
{
	unsigned int i, places = 0;

	for (i = 0; i < progress->tests; i++)
		places += state->places[i];
	return places;
}

static bool sweep(const char *program, char *text, size_t size)
{
	static struct progress progress;
	const char *name = strrchr(program, '/');
	uint64_t begin = mqt_now();
	bool good;

	memset(state, 0, sizeof(*state));
	memset(&progress, 0, sizeof(progress));
	progress.program = program;
	progress.end = begin + options.seconds * 1000000000ULL;
	name = name ? name + 1 : program;
	snprintf(text, size, "sweep: %s\n", name);
	mqt_write_file("/dev/kmsg", text);
	good = count(&progress) && fail(&progress);
	if (good)
		snprintf(text, size, "%s: %u of %u places in %u tests, %u runs (%u s)", name,
			 progress.faults, all_places(&progress), progress.tests, progress.runs,
			 (unsigned int)((mqt_now() - begin) / 1000000000));
	else
		snprintf(text, size, "%s, with the faults at place %u: %s", name, state->nth,
			 progress.why);
	return good && progress.faults;
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
	signal(SIGALRM, end_program);
	each_name(PARAMS, save_param);
	memory_before = mqt_param("memory");
	references_before = module_references();
}

/* It lies beside this program. */
static void find_library(void)
{
	ssize_t len = readlink("/proc/self/exe", options.library, sizeof(options.library) - 32);

	if (len < 0)
		abort();
	options.library[len] = '\0';
	strcpy(strrchr(options.library, '/'), "/libinject.so");
}

static bool parse(int argc, char **argv)
{
	static const struct option known[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "limit", required_argument, NULL, 'l' },
		{ }
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == 's')
			options.seconds = atoi(optarg);
		else if (option == 'l')
			options.limit = atoi(optarg);
		else
			return false;
	}
	return optind < argc;
}

int main(int argc, char **argv)
{
	int i, fd, bad = 0;

	if (!parse(argc, argv)) {
		fprintf(stderr,
			"usage: sweep [--seconds N] [--limit SECONDS (of a test)] PROGRAM...\n");
		return 2;
	}
	find_library();
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
