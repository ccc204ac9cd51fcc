/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Options of a verb
 *
 * options_next() walks the options of a verb, in any place among its operands,
 * and serves --json and --help by itself. After it returned -1 the operands
 * are line->operands. Wrong usage is reported and ends the program with
 * STATUS_USAGE: these functions return only what is usable.
 */
#ifndef MQCTL_OPTIONS_H
#define MQCTL_OPTIONS_H

#include "mqctl.h"

struct option;

/**
 * struct command_line - the words of one verb
 * @noun: noun
 * @verb: verb
 * @argc: number of words, the verb's name being the first
 * @argv: the words
 * @value: value of the option just returned
 * @json: --json was given
 * @operands: after the last option: the operands, terminated by NULL
 * @operand_count: how many
 * @longs: what getopt_long() takes, built at the first call
 * @shorts: likewise
 */
struct command_line {
	const struct noun *noun;
	const struct verb *verb;
	int argc;
	char **argv;
	const char *value;
	bool json;
	char **operands;
	int operand_count;
	struct option *longs;
	char *shorts;
};

/* What every verb takes. */
#define OPTIONS_COMMON 2
extern const struct option_def options_common[OPTIONS_COMMON + 1];

/* The next option's id, or -1. */
int options_next(struct command_line *line);

/* Prints what is wrong and how to get help, and ends the program. */
void usage_error(const struct command_line *line, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* The value of an option; @name is what the option is called. */
uint64_t value_number(const struct command_line *line, const char *name,
		      uint64_t min, uint64_t max);
/* As a number, with the suffixes K, M and G (powers of 1024). */
uint64_t value_size(const struct command_line *line, const char *name, uint64_t max);
/* Seconds, decimals allowed, as milliseconds. */
int value_seconds(const struct command_line *line, const char *name);
uint32_t value_mode(const struct command_line *line, const char *name);
/* USER[:GROUP]; a user alone brings no group. */
void value_owner(const struct command_line *line, const char *name,
		 uint32_t *uid, uint32_t *gid);
uint32_t value_group(const struct command_line *line, const char *name);

/*
 * The one of @count names that @word was probably meant to be, or NULL. @stride
 * is the distance in bytes from one name's pointer to the next.
 */
const char *closest(const char *word, const void *names, size_t count, size_t stride);

#endif /* MQCTL_OPTIONS_H */
