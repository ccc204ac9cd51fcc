/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: mqctl, the command line of mq
 *
 *   main.c      the table of nouns, finding a verb, help
 *   options.c   one table of options per verb gives getopt, help and "did you
 *               mean"; values of options
 *   nodes.c     the channels as anybody sees them: /dev/mq and what each says
 *   explain.c   failures in words: the cause and the remedy
 *   wait.c      sleeping until something comes, a deadline or a signal
 *   input.c     payloads from files and lines from standard input
 *   channel.c   channel create, delete, set, purge
 *   show.c      channel list, show
 *   stats.c     stats
 *   pub.c sub.c monitor.c
 *
 * A verb is one function: it reads its options, acts, prints, and returns an
 * exit status. Wrong usage ends the program where it is found, what fails
 * later goes through explain.c; nothing else writes to standard error.
 * A process runs one verb, so what a verb holds at a failure is left to exit.
 */
#ifndef MQCTL_H
#define MQCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Exit statuses; the man page says the same. */
enum {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_TIMEOUT = 27,	/* as mosquitto_sub */
};

/**
 * struct option_def - one option of a verb
 * @id: its letter, or, above 255, just a number
 * @name: its long name
 * @value: what its value is called in help, or NULL if it has none
 * @text: one line of help
 *
 * A table of them ends with a @name of NULL.
 */
struct option_def {
	int id;
	const char *name;
	const char *value;
	const char *text;
};

struct command_line;

/**
 * struct verb - something mqctl does
 * @name: name, or NULL for a noun that is its own verb
 * @operands: what it takes beside options, for help
 * @summary: one line of help
 * @options: its options beside --json and --help
 * @operands_min: fewest operands
 * @operands_max: most operands; -1: any number
 * @run: does it; returns an exit status
 */
struct verb {
	const char *name;
	const char *operands;
	const char *summary;
	const struct option_def *options;
	int operands_min;
	int operands_max;
	int (*run)(struct command_line *line);
};

/**
 * struct noun - verbs that belong together
 * @name: name
 * @summary: one line of help
 * @verbs: @count verbs
 * @count: how many
 */
struct noun {
	const char *name;
	const char *summary;
	const struct verb *verbs;
	size_t count;
};

extern const struct noun channel_noun, pub_noun, sub_noun, monitor_noun, stats_noun;

/* One line of usage and the options. */
void verb_usage(const struct noun *noun, const struct verb *verb);

#endif /* MQCTL_H */
