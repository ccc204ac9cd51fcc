// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"
#include "log.h"

#define OPTIONS_MAX	64
#define HELP_COLUMN	34

static const struct cmdline_option builtin[] = {
	{ .name = "help", .help = "show this and end" },
	{ .name = "version", .help = "show the version and end" },
	{ 0 },
};

static int wrong(const struct cmdline *cmdline, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(const struct cmdline *cmdline, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: ", cmdline->program);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\nTry '%s --help'.\n", cmdline->program);
	return -EINVAL;
}

/* ---- help -------------------------------------------------------------- */

static void help_option(const struct cmdline_option *option)
{
	const char *line = option->help;
	int used = printf("  --%s%s%s", option->name, option->value ? " " : "",
			  option->value ? option->value : "");

	if (used >= HELP_COLUMN) {
		printf("\n");
		used = 0;
	}
	while (line) {
		const char *end = strchr(line, '\n');
		int len = end ? (int)(end - line) : (int)strlen(line);

		printf("%*s%.*s\n", HELP_COLUMN - used, "", len, line);
		used = 0;
		line = end ? end + 1 : NULL;
	}
}

static void help(const struct cmdline *cmdline)
{
	printf("Usage: %s [OPTION...]\n%s\n\n", cmdline->program, cmdline->summary);
	for (size_t t = 0; cmdline->tables[t]; t++)
		for (const struct cmdline_option *o = cmdline->tables[t]; o->name; o++)
			help_option(o);
	for (const struct cmdline_option *o = builtin; o->name; o++)
		help_option(o);
}

/* ---- values ------------------------------------------------------------ */

static unsigned int size_shift(char suffix)
{
	switch (suffix) {
	case 'K':
	case 'k':
		return 10;
	case 'M':
	case 'm':
		return 20;
	case 'G':
	case 'g':
		return 30;
	default:
		return 0;
	}
}

static bool parse_number(const char *text, bool size, uint64_t *value)
{
	unsigned long long number;
	unsigned int shift;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno)
		return false;
	shift = size && *end ? size_shift(*end) : 0;
	if (shift)
		end++;
	if (*end || number > UINT64_MAX >> shift)
		return false;
	*value = (uint64_t)number << shift;
	return true;
}

static bool parse_seconds(const char *text, uint64_t *ms)
{
	double seconds;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	seconds = strtod(text, &end);
	if (*end || !(seconds >= 0 && seconds <= 1e9))
		return false;
	*ms = (uint64_t)(seconds * 1000 + 0.5);
	return true;
}

static int out_of_range(const struct cmdline *cmdline, const struct cmdline_option *option,
			const char *text)
{
	const char *kind = "a number";
	double unit = option->type == CMDLINE_SECONDS ? 1000 : 1;

	if (option->type == CMDLINE_SIZE)
		kind = "a number of bytes (K, M and G are powers of 1024)";
	else if (option->type == CMDLINE_SECONDS)
		kind = "seconds";
	return wrong(cmdline, "--%s takes %s from %.15g to %.15g, not '%s'", option->name, kind,
		     (double)option->min / unit, (double)option->max / unit, text);
}

static int set_value(const struct cmdline *cmdline, const struct cmdline_option *option,
		     const char *text)
{
	struct cmdline_list *list = option->target;
	uint64_t number;
	bool good;

	switch (option->type) {
	case CMDLINE_FLAG:
		*(bool *)option->target = true;
		return 0;
	case CMDLINE_TEXT:
		*(const char **)option->target = text;
		return 0;
	case CMDLINE_LIST:
		if (list->count == CMDLINE_LIST_MAX)
			return wrong(cmdline, "--%s can be given %d times at most", option->name,
				     CMDLINE_LIST_MAX);
		list->values[list->count++] = text;
		return 0;
	case CMDLINE_LEVEL:
		if (log_parse_level(text, option->target))
			return 0;
		return wrong(cmdline, "--%s takes error, warning, notice, info or debug, not '%s'",
			     option->name, text);
	default:
		break;
	}
	good = option->type == CMDLINE_SECONDS ? parse_seconds(text, &number) :
	       parse_number(text, option->type == CMDLINE_SIZE, &number);
	if (!good || number < option->min || number > option->max)
		return out_of_range(cmdline, option, text);
	*(uint64_t *)option->target = number;
	return 0;
}

/* ---- parsing ----------------------------------------------------------- */

static size_t add_table(const struct cmdline_option *table, const struct cmdline_option **options,
			struct option *longs, size_t count)
{
	for (; table->name && count < OPTIONS_MAX; table++, count++) {
		options[count] = table;
		longs[count] = (struct option){
			table->name, table->value ? required_argument : no_argument, NULL,
			(int)count,
		};
	}
	return count;
}

static int take(const struct cmdline *cmdline, const struct cmdline_option *option)
{
	if (option == &builtin[0]) {
		help(cmdline);
		return 1;
	}
	if (option == &builtin[1]) {
		printf("%s %s\n", cmdline->program, cmdline->version);
		return 1;
	}
	return set_value(cmdline, option, optarg);
}

int cmdline_parse(const struct cmdline *cmdline, int argc, char **argv)
{
	const struct cmdline_option *options[OPTIONS_MAX];
	struct option longs[OPTIONS_MAX + 1];
	size_t count = add_table(builtin, options, longs, 0);
	int error = 0;

	for (size_t t = 0; cmdline->tables[t]; t++)
		count = add_table(cmdline->tables[t], options, longs, count);
	longs[count] = (struct option){ 0 };
	opterr = 0;
	optind = 1;
	while (!error) {
		int word = optind;
		int index = getopt_long(argc, argv, "+:", longs, NULL);

		if (index == -1)
			break;
		if (index == ':')
			error = wrong(cmdline, "%s needs a value", argv[word]);
		else if (index == '?')
			error = wrong(cmdline, "there is no option %s, or it takes no value",
				      argv[word]);
		else
			error = take(cmdline, options[index]);
	}
	if (!error && optind < argc)
		error = wrong(cmdline, "'%s' is not an option", argv[optind]);
	return error;
}
