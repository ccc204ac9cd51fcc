// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The conservation soak: for some minutes processes publish, read, sleep, lie and
 * are killed, on channels that come and go under them; then everything that was
 * published must have been delivered or counted, and nothing may be left. See
 * director.h for what happens, audit.h for what must add up.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "audit.h"
#include "children.h"
#include "director.h"

static struct {
	double minutes;
	uint64_t seed;
	uint64_t least;
	uint32_t children;
	bool json;
} options = { .minutes = 0.4, .least = 1, .children = 12 };

static void usage(FILE *to)
{
	fputs("usage: soak [OPTION...]\n"
	      "Lets processes use and lose channels, and checks that nothing is lost uncounted.\n"
	      "\n"
	      "  --minutes N   how long (0.4)\n"
	      "  --seed N      decide as the run that printed this seed\n"
	      "  --least N     fail with fewer kills of processes that use a channel, or with\n"
	      "                fewer deletions (1)\n"
	      "  --children N  processes at once (12, at most 32)\n"
	      "  --json        the summary as JSON on standard output; all else goes to\n"
	      "                standard error\n"
	      "\n"
	      "Exit status: 0 if the books balance and enough happened, 1 if not, 2: bad\n"
	      "options.\n", to);
}

static bool parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "minutes", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 's' },
		{ "least", required_argument, NULL, 'l' },
		{ "children", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'm':
			options.minutes = atof(optarg);
			break;
		case 's':
			options.seed = strtoull(optarg, NULL, 0);
			break;
		case 'l':
			options.least = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			options.children = atoi(optarg);
			break;
		case 'j':
			options.json = true;
			break;
		case 'h':
			return false;
		default:
			exit(2);
		}
	}
	if (optind < argc || options.minutes <= 0 || options.children < 1 ||
	    options.children > BOOKS_CHILDREN) {
		usage(stderr);
		exit(2);
	}
	return true;
}

static FILE *chatter(void)
{
	return options.json ? stderr : stdout;
}

static void progress(void)
{
	const struct totals *totals = &books->totals;

	fprintf(chatter(), "# %llu s: published %llu, delivered %llu, missed %llu, kills %llu, deletions %llu, evictions %llu, wills %llu\n",
		(unsigned long long)director_sums.seconds, (unsigned long long)totals->published,
		(unsigned long long)totals->delivered, (unsigned long long)totals->missed,
		(unsigned long long)children_sums.killed,
		(unsigned long long)director_sums.deletions,
		(unsigned long long)audit_sums.evictions, (unsigned long long)audit_sums.wills);
	fflush(chatter());
}

static void fault(const char *text)
{
	fprintf(chatter(), "# imbalance: %s\n", text);
	fflush(chatter());
}

/**
 * struct figure - a number of the summary
 * @least: with less of it too little was tested
 */
struct figure {
	const char *name;
	uint64_t value;
	uint64_t least;
};

#define FIGURES 28

static void figures_take(struct figure *figures)
{
	const struct totals *totals = &books->totals;
	/* What takes some luck, and time. */
	uint64_t rare = options.minutes >= 1;
	const struct figure all[FIGURES] = {
		{ "seed", options.seed, 0 },
		{ "seconds", director_sums.seconds, 0 },
		{ "processes", children_sums.born, 1 },
		{ "kills", children_sums.killed, options.least },
		{ "kills_of_publishers", children_sums.publishers_killed, rare },
		{ "suspends", children_sums.suspended, rare },
		{ "deletions", director_sums.deletions, options.least },
		{ "purges", director_sums.purges, rare },
		{ "limits_set", director_sums.limits, rare },
		{ "claims_moved", director_sums.claims, rare },
		{ "published", totals->published, 1 },
		{ "refused", totals->refused, rare },
		{ "stale", totals->stale, 0 },
		{ "over_quota", totals->quota, 0 },
		{ "delivered", totals->delivered, 1 },
		{ "missed", totals->missed, rare },
		{ "overtaken", totals->torn, 0 },
		{ "lives_audited", audit_sums.lives, 1 },
		{ "records_audited", audit_sums.records, 1 },
		{ "records_unknown", audit_sums.holes, 0 },
		{ "readers_audited", audit_sums.readers, 1 },
		{ "gaps_exact", audit_sums.gaps, rare },
		{ "gaps_at_most", audit_sums.gaps_at_most, 0 },
		{ "retained_compared", audit_sums.retained, rare },
		{ "evictions", audit_sums.evictions, rare },
		{ "wills", audit_sums.wills, rare },
		{ "wills_lost", audit_sums.wills_lost, 0 },
		{ "faults", director_sums.faults, 0 },
	};

	memcpy(figures, all, sizeof(all));
}

static void summary(const struct figure *figures)
{
	unsigned int i;

	for (i = 0; i < FIGURES; i++)
		if (options.json)
			printf("%s\n\t\"%s\": %llu", i ? "," : "{", figures[i].name,
			       (unsigned long long)figures[i].value);
		else
			printf("# %-20s %12llu\n", figures[i].name,
			       (unsigned long long)figures[i].value);
	if (options.json)
		printf("\n}\n");
}

/* What happens too rarely is not tested. */
static bool enough(const struct figure *figures)
{
	bool good = true;
	unsigned int i;

	for (i = 0; i < FIGURES; i++) {
		if (figures[i].value >= figures[i].least)
			continue;
		fprintf(chatter(), "# %s: %llu, not %llu or more\n", figures[i].name,
			(unsigned long long)figures[i].value,
			(unsigned long long)figures[i].least);
		good = false;
	}
	return good;
}

static bool result(unsigned int number, bool good, const char *text)
{
	fprintf(chatter(), "%sok %u - %s\n", good ? "" : "not ", number, text);
	return good;
}

int main(int argc, char **argv)
{
	struct figure figures[FIGURES];
	bool balance, much;

	if (!parse_options(argc, argv)) {
		usage(stdout);
		return 0;
	}
	if (!options.seed)
		options.seed = time(NULL);
	fprintf(chatter(), "TAP version 13\n1..2\n# seed %llu\n",
		(unsigned long long)options.seed);
	/* Children must not print it again. */
	fflush(NULL);
	director_run(options.seed, options.minutes * 60, options.children, progress, fault);
	figures_take(figures);
	summary(figures);
	balance = result(1, !director_sums.faults, "the books balance");
	much = result(2, enough(figures), "everything happened, and often enough");
	return !(balance && much);
}
