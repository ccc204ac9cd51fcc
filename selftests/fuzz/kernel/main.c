// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Options, rounds, report. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kfuzz.h"

#define FINDINGS_MAX 20
/* A shorter program is looked for at most that often. */
#define TRIM_MAX 200

static struct {
	unsigned int seconds;
	unsigned int threads;
	unsigned int times;
	uint64_t seed;
	const char *corpora[8];
	unsigned int corpora_count;
	bool minimise;
	bool list;
	bool replay;
} options = { .seconds = 60, .threads = 2, .times = 1 };

static struct kf_corpus corpus;
static bool guided;
static uint64_t executions;
static unsigned int findings;

static void usage(void)
{
	puts("usage: kfuzz [OPTION...] [--replay FILE...]\n"
	     "\n"
	     "Runs programs of calls to mq, in the test machine, as root. Prints TAP.\n"
	     "\n"
	     "  --seconds N     how long (60)\n"
	     "  --seed N        of the random numbers (the time)\n"
	     "  --corpus DIR    programs to begin with; up to eight times\n"
	     "  --threads N     in which the parts of a program run (2)\n"
	     "  --replay        runs the programs of FILEs and prints what each call said\n"
	     "  --times N       each of them that often (1)\n"
	     "  --minimise      only looks for the fewest programs that reach what those of\n"
	     "                  the corpus reach\n"
	     "  --list          prints the functions of the module that were not reached\n"
	     "\n"
	     "What it finds goes to $MQ_OUT at once: finding-N, corpus/ (programs that reached\n"
	     "something new), and the last programs of a machine that died, kfuzz.last.");
}

static const char *out_path(const char *name)
{
	static char path[1024];
	const char *out = getenv("MQ_OUT");

	snprintf(path, sizeof(path), "%s/%s", out ? out : "/tmp", name);
	return path;
}

static void keep_files(struct kf_corpus *kept)
{
	int error = kf_corpus_open(kept, out_path("corpus"));

	if (!error)
		return;
	printf("Bail out! %s: %s\n", out_path("corpus"), strerror(-error));
	exit(1);
}

/* ---- one program -------------------------------------------------------- */

static void report_finding(const struct kf_program *program)
{
	char text[512], name[64];

	memcpy(text, kf_shared->finding, sizeof(text));
	snprintf(name, sizeof(name), "finding-%u", ++findings);
	printf("# %s: %s\n", name, text);
	kf_program_print(program, kf_shared->result);
	if (kf_program_write(program, out_path(name)))
		printf("# it could not be written to %s\n", out_path(name));
	fflush(stdout);
}

static bool run(const struct kf_program *program)
{
	executions++;
	if (kf_run_program(program))
		return true;
	report_finding(program);
	return false;
}

/* Whether the last program reached all of these places. */
static bool reached(const uint32_t *places, uint32_t count)
{
	static uint8_t now[KF_TEXT_MAX];
	uint32_t i, missing = 0;

	for (i = 0; i < kf_shared->place_count; i++)
		now[kf_shared->place[i]] = 1;
	for (i = 0; i < count; i++)
		missing += !now[places[i]];
	for (i = 0; i < kf_shared->place_count; i++)
		now[kf_shared->place[i]] = 0;
	return !missing;
}

/* The places that the last program reached and none before. */
static uint32_t fresh_places(uint32_t *places)
{
	uint32_t i, count = 0;

	for (i = 0; i < kf_shared->place_count; i++)
		if (!corpus.places[kf_shared->place[i]])
			places[count++] = kf_shared->place[i];
	return count;
}

/* Leaves out what is not needed to reach @places. */
static void trim(struct kf_program *program, const uint32_t *places, uint32_t count)
{
	unsigned int tries = 0;
	int at;

	for (at = program->count - 1; at >= 0 && tries < TRIM_MAX; at--, tries++) {
		struct kf_program shorter = *program;

		shorter.count--;
		memmove(&shorter.insn[at], &shorter.insn[at + 1],
			(shorter.count - at) * sizeof(shorter.insn[0]));
		if (!run(&shorter))
			return;
		if (reached(places, count))
			*program = shorter;
	}
}

/* Runs a program; keeps it, as short as can be, if it reached something new. */
static void try_program(struct kf_program *program)
{
	static uint32_t places[KF_PLACES_MAX];
	uint32_t count;

	if (!run(program))
		return;
	count = fresh_places(places);
	if (count) {
		trim(program, places, count);
		/* With what the shortened one reaches now, this time. */
		run(program);
	}
	kf_corpus_offer(&corpus, program);
}

/* ---- rounds ------------------------------------------------------------- */

static bool run_file(const struct kf_program *program, const char *path, void *arg)
{
	unsigned int *files = arg;
	unsigned int before = findings;

	run(program);
	if (findings > before)
		printf("# it is %s\n", path);
	kf_corpus_offer(&corpus, program);
	(*files)++;
	return findings < FINDINGS_MAX;
}

static void result(unsigned int number, bool good, const char *text)
{
	printf("%sok %u - %s\n", good ? "" : "not ", number, text);
	fflush(stdout);
}

static bool run_corpus(void)
{
	unsigned int files = 0;
	unsigned int i, failed = 0;

	for (i = 0; i < options.corpora_count; i++) {
		int error = kf_corpus_each(options.corpora[i], run_file, &files);

		if (!error)
			continue;
		printf("# %s: %s\n", options.corpora[i], strerror(-error));
		failed++;
	}
	printf("# %u programs of the corpus\n", files);
	return !failed && !findings;
}

static bool fuzz(void)
{
	uint64_t end = mqt_now() + options.seconds * 1000000000ULL;
	unsigned int before = findings;

	while (mqt_now() < end && findings < FINDINGS_MAX) {
		struct kf_program program;

		if (corpus.count && kf_random(&options.seed, 8)) {
			program = corpus.program[kf_random(&options.seed, corpus.count)];
			kf_program_change(&program, &corpus.program[kf_random(&options.seed,
									      corpus.count)],
					  &options.seed);
		} else {
			kf_program_make(&program, &options.seed);
		}
		try_program(&program);
	}
	return findings == before;
}

/* A fuzzer whose calls are all refused finds nothing and says nothing. */
static bool check_success(void)
{
	unsigned int op, never = 0;

	for (op = KF_CREATE; op < KF_OPS; op++) {
		printf("# %-14s %7llu calls, %7llu succeeded%s\n", kf_ops[op].name,
		       (unsigned long long)kf_shared->tried[op],
		       (unsigned long long)kf_shared->succeeded[op],
		       kf_shared->unknown[op] ? ", unknown to this module" : "");
		never += !kf_shared->succeeded[op] && !kf_shared->unknown[op];
	}
	return !never;
}

/* From the largest on: one that reaches nothing more than those before goes. */
static bool minimise(void)
{
	static struct kf_corpus smaller;
	unsigned int i;

	keep_files(&smaller);
	for (i = corpus.count; i-- > 0;) {
		run(&corpus.program[i]);
		kf_corpus_offer(&smaller, &corpus.program[i]);
	}
	printf("# %u places of %u\n", smaller.place_count, corpus.place_count);
	corpus = smaller;
	return !findings;
}

static void report(void)
{
	struct kf_reach reach;

	printf("# %llu programs ran\n", (unsigned long long)executions);
	if (!guided)
		return;
	reach = kf_cover_reach(corpus.places, options.list);
	printf("# %u of %u functions of the module\n", reach.functions, reach.functions_all);
	if (reach.places_all)
		printf("# %u of %u places in them, %u %%, and %u ways from one to the next\n",
		       reach.places, reach.places_all, 100 * reach.places / reach.places_all,
		       corpus.edge_count);
	if (reach.places != corpus.place_count)
		printf("# but it reached %u: mq.ko is not what is loaded\n", corpus.place_count);
	printf("# %u programs to keep, %u bytes, in %s\n", corpus.saved, corpus.bytes,
	       corpus.directory);
	if (corpus.unsaved)
		printf("# %u programs could not be written\n", corpus.unsaved);
}

static int run_all(void)
{
	if (!options.minimise)
		keep_files(&corpus);
	printf("TAP version 13\n1..%d\n", options.minimise ? 2 : 3);
	printf("# seed %llu\n", (unsigned long long)options.seed);
	if (!guided)
		printf("# this kernel does not tell where a call went (no kcov): by chance alone\n");
	result(1, run_corpus(), "the programs of the corpus run without a finding");
	if (options.minimise) {
		result(2, minimise(), "the fewest of them");
	} else {
		result(2, fuzz(), "programs made by chance run without a finding");
		result(3, check_success(), "every operation succeeded at least once");
	}
	report();
	return findings ? 1 : 0;
}

static int replay(char **files, int count)
{
	struct kf_program program;
	unsigned int again;
	int i, error;

	printf("TAP version 13\n1..%d\n", count);
	for (i = 0; i < count; i++) {
		bool good = true;

		error = kf_program_read(&program, files[i]);
		for (again = 0; again < options.times && good && !error; again++)
			good = run(&program);
		if (!error && good)
			kf_program_print(&program, kf_shared->result);
		result(i + 1, good && !error, files[i]);
	}
	return findings ? 1 : 0;
}

/* An option that takes a value; false: there is none such. */
static bool set_value(int option, const char *value)
{
	switch (option) {
	case 's':
		options.seconds = atoi(value);
		return true;
	case 'S':
		options.seed = strtoull(value, NULL, 0);
		return true;
	case 'c':
		if (options.corpora_count == ARRAY_LEN(options.corpora))
			return false;
		options.corpora[options.corpora_count++] = value;
		return true;
	case 't':
		options.threads = atoi(value);
		return true;
	case 'n':
		options.times = atoi(value);
		return true;
	}
	return false;
}

static bool parse(int argc, char **argv)
{
	static int replay_flag, minimise_flag, list_flag;
	static const struct option known[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'S' },
		{ "corpus", required_argument, NULL, 'c' },
		{ "threads", required_argument, NULL, 't' },
		{ "times", required_argument, NULL, 'n' },
		{ "replay", no_argument, &replay_flag, 1 },
		{ "minimise", no_argument, &minimise_flag, 1 },
		{ "list", no_argument, &list_flag, 1 },
		{ }
	};
	int option;

	options.seed = mqt_now() ^ getpid();
	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0)
		if (option && !set_value(option, optarg))
			return false;
	options.replay = replay_flag;
	options.minimise = minimise_flag;
	options.list = list_flag;
	return options.threads && (optind == argc) != options.replay;
}

int main(int argc, char **argv)
{
	int status;

	if (!parse(argc, argv)) {
		usage();
		return 2;
	}
	if (geteuid() || access("/sys/module/mq/refcnt", R_OK)) {
		fprintf(stderr, "kfuzz: needs root and mq.ko: run it with tools/vm/run\n");
		return 2;
	}
	guided = kf_cover_init();
	kf_text_init();
	kf_run_init(options.threads);
	status = options.replay ? replay(argv + optind, argc - optind) : run_all();
	kf_run_stop();
	return status;
}
