// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define LINE_MAX_BYTES 1024

static struct {
	const char *program;
	enum log_level level;
	bool journal;
} the_log = { .program = "mq", .level = LOG_LEVEL_INFO };

static const struct {
	const char *word;
	enum log_level level;
} levels[] = {
	{ "error", LOG_LEVEL_ERROR },	  { "warning", LOG_LEVEL_WARNING },
	{ "notice", LOG_LEVEL_NOTICE },	  { "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },
};

void log_open(const char *program)
{
	the_log.program = program;
	the_log.journal = getenv("JOURNAL_STREAM") && !isatty(STDERR_FILENO);
}

void log_set_level(enum log_level level)
{
	the_log.level = level;
}

bool log_parse_level(const char *word, enum log_level *level)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (!strcmp(word, levels[i].word)) {
			*level = levels[i].level;
			return true;
		}
	}
	return false;
}

static const char *level_word(enum log_level level)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (levels[i].level == level)
			return levels[i].word;
	return "?";
}

static int put_prefix(char *line, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm when;
	char date[32];

	if (the_log.journal)
		return snprintf(line, size, "<%d>", (int)level);
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &when);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &when);
	return snprintf(line, size, "%s.%03ld %s: %s: ", date, now.tv_nsec / 1000000,
			the_log.program, level_word(level));
}

static void put_line(enum log_level level, uint64_t hidden, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

static void put_line(enum log_level level, uint64_t hidden, const char *format, va_list arguments)
{
	char line[LINE_MAX_BYTES];
	size_t room = sizeof(line) - 1;		/* the newline */
	size_t used;
	ssize_t written;
	int n;

	used = (size_t)put_prefix(line, room, level);
	n = vsnprintf(line + used, room - used, format, arguments);
	used += n > 0 ? (size_t)n : 0;
	if (hidden && used < room) {
		n = snprintf(line + used, room - used, " (and %" PRIu64 " lines like this were left out)",
			     hidden);
		used += n > 0 ? (size_t)n : 0;
	}
	if (used > room - 1)
		used = room - 1;
	line[used++] = '\n';
	written = write(STDERR_FILENO, line, used);
	(void)written;	/* there is nobody to tell */
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list arguments;

	if (level > the_log.level)
		return;
	va_start(arguments, format);
	put_line(level, 0, format, arguments);
	va_end(arguments);
}

void log_limited(struct log_source *source, enum log_level level, const char *format, ...)
{
	struct timespec now;
	va_list arguments;
	uint64_t ms;

	if (level > the_log.level)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (ms - source->since >= LOG_SOURCE_INTERVAL_MS) {
		source->since = ms;
		source->lines = 0;
	}
	if (source->lines >= LOG_SOURCE_LINES) {
		source->hidden++;
		return;
	}
	source->lines++;
	va_start(arguments, format);
	put_line(level, source->hidden, format, arguments);
	va_end(arguments);
	source->hidden = 0;
}

const char *log_quote(char *buffer, size_t size, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *at = bytes;
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		bool plain = at[i] >= ' ' && at[i] < 0x7f && at[i] != '\\' && at[i] != '\'';
		size_t need = plain ? 1 : 4;

		/* "..." and the terminator always fit behind what is there. */
		if (used + need + 4 > size) {
			memcpy(buffer + used, "...", 3);
			used += 3;
			break;
		}
		if (plain) {
			buffer[used++] = (char)at[i];
			continue;
		}
		buffer[used++] = '\\';
		buffer[used++] = 'x';
		buffer[used++] = digits[at[i] >> 4];
		buffer[used++] = digits[at[i] & 15];
	}
	buffer[used] = '\0';
	return buffer;
}
