/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Command lines of daemons
 *
 * One table says what an option is called, what its value must look like,
 * where it goes and what the help text says. Several tables can be given: the
 * common options and the program's own. Wrong use prints what is wrong and how
 * to get help.
 */
#ifndef COMMON_CMDLINE_H
#define COMMON_CMDLINE_H

#include <stddef.h>
#include <stdint.h>

enum cmdline_type {
	CMDLINE_FLAG,		/* bool: set to true */
	CMDLINE_TEXT,		/* const char *: the last one counts */
	CMDLINE_LIST,		/* struct cmdline_list: each one counts */
	CMDLINE_NUMBER,		/* uint64_t within min..max */
	CMDLINE_SIZE,		/* uint64_t bytes within min..max; K, M, G */
	CMDLINE_SECONDS,	/* uint64_t in ms within min..max; decimals */
	CMDLINE_LEVEL,		/* enum log_level */
};

#define CMDLINE_LIST_MAX 32

struct cmdline_list {
	const char *values[CMDLINE_LIST_MAX];
	unsigned int count;
};

/**
 * struct cmdline_option - one option
 * @name: without the dashes; NULL ends a table
 * @value: what help calls its value; NULL for a flag
 * @help: one or more lines, separated by '\n'
 * @type: what it is
 * @target: where it goes
 * @min: smallest value
 * @max: largest value
 */
struct cmdline_option {
	const char *name;
	const char *value;
	const char *help;
	enum cmdline_type type;
	void *target;
	uint64_t min;
	uint64_t max;
};

/**
 * struct cmdline - a program's command line
 * @program: name
 * @summary: the first line of help
 * @version: what --version prints behind the name
 * @tables: tables of options; NULL ends
 *
 * --help and --version are there by themselves.
 */
struct cmdline {
	const char *program;
	const char *summary;
	const char *version;
	const struct cmdline_option *const *tables;
};

/*
 * Return: 0: go on; 1: help or version was printed, end well; -EINVAL: wrong
 * use, said on standard error.
 */
int cmdline_parse(const struct cmdline *cmdline, int argc, char **argv);

#endif /* COMMON_CMDLINE_H */
