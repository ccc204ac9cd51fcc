/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: The log
 *
 * One line per event to standard error: with a time stamp on a terminal or in
 * a file, with systemd's priority prefix ("<6>") when the journal listens
 * (JOURNAL_STREAM is set). Lines are whole: each is one write().
 *
 * Events that strangers can cause (malformed input, refused publishes) go
 * through log_limited(): each source has a budget, and what was left out is
 * told in the next line that gets through. Nothing from the network is printed
 * raw: text goes through log_quote().
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers are syslog's. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* The program's name, shown in each line that goes to a terminal or file. */
void log_open(const char *program);
void log_set_level(enum log_level level);
/* "error", "warning", "notice", "info", "debug". Return: false for other words. */
bool log_parse_level(const char *word, enum log_level *level);

void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...)		log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...)	log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)		log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)		log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)		log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/**
 * struct log_source - a place that strangers can make noisy
 * @since: start of the present interval in ms (zero-initialise)
 * @lines: lines in it
 * @hidden: lines left out since the last one that was printed
 *
 * LOG_SOURCE_LINES lines per LOG_SOURCE_INTERVAL_MS.
 */
struct log_source {
	uint64_t since;
	uint32_t lines;
	uint64_t hidden;
};

#define LOG_SOURCE_LINES	10
#define LOG_SOURCE_INTERVAL_MS	10000

void log_limited(struct log_source *source, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Writes bytes as printable ASCII, the others as \xNN, cut with "..." to fit;
 * returns @buffer, terminated.
 */
const char *log_quote(char *buffer, size_t size, const void *bytes, size_t len);

#endif /* COMMON_LOG_H */
