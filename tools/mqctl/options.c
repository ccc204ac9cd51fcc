// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "options.h"

const struct option_def options_common[OPTIONS_COMMON + 1] = {
	{ 'j', "json", NULL, "print JSON" },
	{ 'h', "help", NULL, "print this help" },
	{ 0 }
};

void usage_error(const struct command_line *line, const char *format, ...)
{
	const char *verb = line->verb->name;
	va_list arguments;

	va_start(arguments, format);
	vcomplain(format, arguments);
	va_end(arguments);
	fprintf(stderr, "Try 'mqctl help %s%s%s'.\n", line->noun->name,
		verb ? " " : "", verb ? verb : "");
	exit(STATUS_USAGE);
}

/* ---- did you mean ---------------------------------------------------- */

#define WORD_MAX 32	/* names and words beyond are not compared */

/* Edits (insert, delete, replace) that make @b of @a. */
static size_t distance(const char *a, const char *b)
{
	size_t b_len = strlen(b), row[WORD_MAX + 1], edits, i, j;

	for (j = 0; j <= b_len; j++)
		row[j] = j;
	for (i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= b_len; j++) {
			edits = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < edits)
				edits = row[j] + 1;
			if (row[j - 1] + 1 < edits)
				edits = row[j - 1] + 1;
			row[j] = edits;
		}
	}
	return row[b_len];
}

const char *closest(const char *word, const void *names, size_t count, size_t stride)
{
	size_t length = strlen(word), best = length / 3 + 2, i;
	const char *found = NULL;

	if (length > WORD_MAX)
		return NULL;
	for (i = 0; i < count; i++) {
		const char *name;
		size_t d;

		memcpy(&name, (const char *)names + i * stride, sizeof(name));
		if (!name || strlen(name) > WORD_MAX)
			continue;
		/* An abbreviation is nearer than any other word. */
		d = length && !strncmp(name, word, length) ? 0 : distance(word, name);
		if (d < best) {
			best = d;
			found = name;
		}
	}
	return found;
}

/* ---- walking --------------------------------------------------------- */

static void add_option(struct command_line *line, size_t index, const struct option_def *def)
{
	struct option *option = &line->longs[index];
	char *end = line->shorts + strlen(line->shorts);

	option->name = def->name;
	option->has_arg = def->value ? required_argument : no_argument;
	option->val = def->id;
	if (def->id < 256) {
		*end++ = (char)def->id;
		if (def->value)
			*end++ = ':';
		*end = '\0';
	}
}

static void prepare(struct command_line *line)
{
	const struct option_def *def = line->verb->options;
	size_t count = 0, i;

	while (def && def[count].name)
		count++;
	line->longs = calloc(count + OPTIONS_COMMON + 1, sizeof(*line->longs));
	/* ':' in front makes getopt tell a missing value apart. */
	line->shorts = calloc(1, 2 * (count + OPTIONS_COMMON) + 2);
	if (!line->longs || !line->shorts)
		exit(complain("out of memory"));
	strcpy(line->shorts, ":");
	for (i = 0; i < count; i++)
		add_option(line, i, &def[i]);
	for (i = 0; i < OPTIONS_COMMON; i++)
		add_option(line, count + i, &options_common[i]);
	opterr = 0;
	optind = 1;
}

static void unknown_option(const struct command_line *line)
{
	const char *word = line->argv[optind - 1], *near;
	size_t count = 0;

	if (optopt && optopt < 256 && strncmp(word, "--", 2))
		usage_error(line, "there is no option -%c", optopt);
	if (optopt)
		usage_error(line, "the option %.*s takes no value",
			    (int)strcspn(word, "="), word);
	while (line->longs[count].name)
		count++;
	near = closest(word + 2, &line->longs->name, count, sizeof(*line->longs));
	if (near)
		usage_error(line, "there is no option %s, did you mean --%s?", word, near);
	usage_error(line, "there is no option %s", word);
}

static void take_operands(struct command_line *line)
{
	const struct verb *verb = line->verb;

	line->operands = line->argv + optind;
	line->operand_count = line->argc - optind;
	if (line->operand_count < verb->operands_min)
		usage_error(line, "%s is missing", verb->operands);
	if (verb->operands_max >= 0 && line->operand_count > verb->operands_max)
		usage_error(line, "'%s' is one word too many",
			    line->operands[verb->operands_max]);
}

int options_next(struct command_line *line)
{
	int id;

	if (!line->longs)
		prepare(line);
	for (;;) {
		id = getopt_long(line->argc, line->argv, line->shorts, line->longs, NULL);
		line->value = optarg;
		switch (id) {
		case -1:
			take_operands(line);
			return -1;
		case 'j':
			line->json = true;
			break;
		case 'h':
			verb_usage(line->noun, line->verb);
			exit(STATUS_OK);
		case '?':
			unknown_option(line);
			break;
		case ':':
			usage_error(line, "the option %s needs a value", line->argv[optind - 1]);
		default:
			return id;
		}
	}
}

/* ---- values ---------------------------------------------------------- */

/* Takes the digits at the start of the value; *rest is what follows them. */
static uint64_t digits(const struct command_line *line, const char *name, char **rest)
{
	uint64_t number;

	errno = 0;
	number = strtoull(line->value, rest, 10);
	if (*rest == line->value || line->value[0] < '0' || line->value[0] > '9' || errno)
		usage_error(line, "--%s %s is not a number", name, line->value);
	return number;
}

uint64_t value_number(const struct command_line *line, const char *name,
		      uint64_t min, uint64_t max)
{
	char *rest;
	uint64_t number = digits(line, name, &rest);

	if (*rest)
		usage_error(line, "--%s %s is not a number", name, line->value);
	if (number < min || number > max)
		usage_error(line, "--%s must be from %llu to %llu", name,
			    (unsigned long long)min, (unsigned long long)max);
	return number;
}

uint64_t value_size(const struct command_line *line, const char *name, uint64_t max)
{
	static const char suffixes[] = "KMG";
	char *rest;
	uint64_t number = digits(line, name, &rest);
	const char *suffix = *rest ? strchr(suffixes, *rest & ~0x20) : NULL;
	unsigned int shift = suffix ? 10 * (unsigned int)(suffix - suffixes + 1) : 0;

	if (*rest && (!suffix || rest[1]))
		usage_error(line, "--%s %s is not a size: a number of bytes, K, M or G",
			    name, line->value);
	if (!number || number > max >> shift)
		usage_error(line, "--%s must be from 1 to %llu", name, (unsigned long long)max);
	return number << shift;
}

int value_seconds(const struct command_line *line, const char *name)
{
	char *rest;
	double seconds = strtod(line->value, &rest);

	if (rest == line->value || *rest || !(seconds > 0 && seconds <= 1e6))
		usage_error(line, "--%s %s is not a number of seconds", name, line->value);
	return (int)(seconds * 1000);
}

uint32_t value_mode(const struct command_line *line, const char *name)
{
	char *rest;
	unsigned long mode = strtoul(line->value, &rest, 8);

	if (rest == line->value || *rest || !mode || mode > 0777)
		usage_error(line, "--%s %s is not a mode such as 0660", name, line->value);
	return (uint32_t)mode;
}

/* A number stands for itself, as with chown. */
static bool number_id(const char *text, uint32_t *id)
{
	char *rest;
	unsigned long number;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoul(text, &rest, 10);
	if (*rest || errno || number >= UINT32_MAX)
		return false;
	*id = (uint32_t)number;
	return true;
}

static uint32_t group_id(const struct command_line *line, const char *name, const char *text)
{
	struct group *group = getgrnam(text);
	uint32_t gid = 0;

	if (!group && !number_id(text, &gid))
		usage_error(line, "--%s: there is no group %s", name, text);
	return group ? group->gr_gid : gid;
}

void value_owner(const struct command_line *line, const char *name,
		 uint32_t *uid, uint32_t *gid)
{
	size_t length = strcspn(line->value, ":");
	char user[64];
	struct passwd *passwd;

	if (!length || length >= sizeof(user))
		usage_error(line, "--%s %s is not USER or USER:GROUP", name, line->value);
	memcpy(user, line->value, length);
	user[length] = '\0';
	passwd = getpwnam(user);
	if (passwd)
		*uid = passwd->pw_uid;
	else if (!number_id(user, uid))
		usage_error(line, "--%s: there is no user %s", name, user);
	if (line->value[length])
		*gid = group_id(line, name, line->value + length + 1);
}

uint32_t value_group(const struct command_line *line, const char *name)
{
	return group_id(line, name, line->value);
}
