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
	uint32_t children;
	bool json;
} options = { .minutes = 0.4, .children = 12 };

static void usage(FILE *to)
{
	fputs("usage: soak [OPTION...]\n"
	      "Lets processes use and lose channels, and checks that nothing is lost uncounted.\n"
	      "\n"
	      "  --minutes N   how long (0.4)\n"
	      "  --seed N      decide as the run that printed this seed\n"
	      "  --children N  processes at once (12, at most 32)\n"
	      "  --json        the summary as JSON on standard output; all else goes to\n"
	      "                standard error\n"
	      "\n"
	      "Exit status: 0 if the books balance, 1 if not, 2: bad options.\n", to);
}

static bool parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "minutes", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 's' },
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

/* A figure of the summary. */
static void figure(const char *name, uint64_t value, bool *first)
{
	if (options.json)
		printf("%s\n\t\"%s\": %llu", *first ? "" : ",", name, (unsigned long long)value);
	else
		printf("# %-20s %12llu\n", name, (unsigned long long)value);
	*first = false;
}

static void summary(void)
{
	const struct totals *totals = &books->totals;
	const struct {
		const char *name;
		uint64_t value;
	} figures[] = {
		{ "seed", options.seed },
		{ "seconds", director_sums.seconds },
		{ "features", books->features },
		{ "processes", children_sums.born },
		{ "kills", children_sums.killed },
		{ "kills_of_publishers", children_sums.publishers_killed },
		{ "suspends", children_sums.suspended },
		{ "deletions", director_sums.deletions },
		{ "purges", director_sums.purges },
		{ "limits_set", director_sums.limits },
		{ "claims_moved", director_sums.claims },
		{ "published", totals->published },
		{ "refused", totals->refused },
		{ "stale", totals->stale },
		{ "over_quota", totals->quota },
		{ "delivered", totals->delivered },
		{ "missed", totals->missed },
		{ "overtaken", totals->torn },
		{ "lives_audited", audit_sums.lives },
		{ "records_audited", audit_sums.records },
		{ "records_unknown", audit_sums.holes },
		{ "readers_audited", audit_sums.readers },
		{ "gaps_exact", audit_sums.gaps },
		{ "gaps_at_most", audit_sums.gaps_at_most },
		{ "retained_compared", audit_sums.retained },
		{ "evictions", audit_sums.evictions },
		{ "wills", audit_sums.wills },
		{ "wills_lost", audit_sums.wills_lost },
		{ "faults", director_sums.faults },
	};
	bool first = true;
	size_t i;

	if (options.json)
		printf("{");
	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		figure(figures[i].name, figures[i].value, &first);
	if (options.json)
		printf("\n}\n");
}

/* Nothing happened: then nothing was tested. */
static bool idle(void)
{
	return !children_sums.killed || !director_sums.deletions || !books->totals.published ||
	       !books->totals.delivered || !audit_sums.lives;
}

int main(int argc, char **argv)
{
	bool good;

	if (!parse_options(argc, argv)) {
		usage(stdout);
		return 0;
	}
	if (!options.seed)
		options.seed = time(NULL);
	fprintf(chatter(), "TAP version 13\n1..1\n# seed %llu\n",
		(unsigned long long)options.seed);
	/* Children must not print it again. */
	fflush(NULL);
	director_run(options.seed, options.minutes * 60, options.children, progress, fault);
	summary();
	good = !director_sums.faults && !idle();
	fprintf(chatter(), "%sok 1 - the books balance\n", good ? "" : "not ");
	return !good;
}
