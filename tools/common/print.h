/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: One call prints text and JSON
 *
 * A program says once what it has to say; for people it becomes a table or a
 * list, for programs JSON, so the two cannot drift apart.
 *
 * Containers:
 *   document  print_begin() .. print_end(): one JSON object
 *   table     rows of values; text is aligned, with a line of titles
 *   list      objects; text has a blank line between them
 *   object    values; text has one "title  value" on each of its lines
 *   line      one thing of a stream: a JSON object, or text, that ends with a
 *             newline; not inside a document
 *
 * Values have a key for JSON and a title for people. A key of NULL is for
 * people only, a title of NULL for programs only. In a line the text of a value
 * is "title=value", or the bare value if the title is "".
 *
 * Titles are constants. Rows of one table have the same values in the same
 * order. Control characters in text become '?': what a stranger called a topic
 * does not steer a terminal.
 *
 * A struct print is used by one thread. What could not be written is reported
 * by print_flush(), once at the end: a full disk is not looked for at each call.
 */
#ifndef COMMON_PRINT_H
#define COMMON_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum print_container {
	PRINT_NOTHING,
	PRINT_DOCUMENT,
	PRINT_TABLE,
	PRINT_LIST,
	PRINT_ROW,
	PRINT_OBJECT,
	PRINT_LINE,
};

/* What people see of a value in a table; a number goes to the right. */
struct print_cell {
	char *text;
	bool number;
};

#define PRINT_DEPTH 6
#define PRINT_COLUMNS 24

/**
 * struct print - where printing stands
 * @out: there
 * @json: JSON, not text
 * @color: @out is a terminal
 * @depth: how many containers are open
 * @containers: which
 * @members: how many values each has
 * @titles: of the table that is being made
 * @columns: how many
 * @cells: of all rows so far, row by row
 * @cell_count: how many
 */
struct print {
	FILE *out;
	bool json;
	bool color;
	unsigned int depth;
	enum print_container containers[PRINT_DEPTH];
	unsigned int members[PRINT_DEPTH];
	const char *titles[PRINT_COLUMNS];
	size_t columns;
	struct print_cell *cells;
	size_t cell_count;
};

void print_init(struct print *print, FILE *out, bool json);
/* 0, or a negative errno if anything could not be written. */
int print_flush(struct print *print);

void print_begin(struct print *print);
void print_table(struct print *print, const char *key);
void print_row(struct print *print);
void print_list(struct print *print, const char *key);
void print_object(struct print *print, const char *key);
void print_line(struct print *print);
/* Closes the container opened last. */
void print_end(struct print *print);

void print_string(struct print *print, const char *key, const char *title, const char *value);
void print_number(struct print *print, const char *key, const char *title, uint64_t value);
void print_flag(struct print *print, const char *key, const char *title, bool value);
/* Unknown: null, and "-" for people. */
void print_none(struct print *print, const char *key, const char *title);
/* Bytes; people see 4K, 16M. */
void print_size(struct print *print, const char *key, const char *title, uint64_t value);
/* Nanoseconds since 1970; people see local time. */
void print_time(struct print *print, const char *key, const char *title, uint64_t value);
void print_mode(struct print *print, const char *key, const char *title, unsigned int value);
void print_strings(struct print *print, const char *key, const char *title,
		   char *const *values, size_t count);
/* Any bytes, in JSON a string, or, if not UTF-8, base64 under KEY_base64. */
void print_bytes(struct print *print, const char *key, const void *data, size_t length);
/* For people only: a blank line and a heading, before a table or an object. */
void print_heading(struct print *print, const char *text);
/* For people only: a line of text. */
void print_note(struct print *print, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* COMMON_PRINT_H */
