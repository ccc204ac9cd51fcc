// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "print.h"
#include "utf8.h"

#define NS_PER_S 1000000000ULL
/* Titles of an object's values take this much; their values begin in a line. */
#define TITLE_WIDTH 20

void print_init(struct print *print, FILE *out, bool json)
{
	memset(print, 0, sizeof(*print));
	print->out = out;
	print->json = json;
	print->color = isatty(fileno(out));
}

int print_flush(struct print *print)
{
	errno = 0;
	if (!fflush(print->out) && !ferror(print->out))
		return 0;
	return errno ? -errno : -EIO;
}

static enum print_container current(const struct print *print)
{
	return print->depth ? print->containers[print->depth - 1] : PRINT_NOTHING;
}

/* ---- JSON ------------------------------------------------------------ */

static void json_string(FILE *out, const char *text, size_t length)
{
	size_t i;

	fputc('"', out);
	for (i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte == '"' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else if (byte < 0x20 || byte == 0x7f)
			fprintf(out, "\\u%04x", byte);
		else
			fputc(byte, out);
	}
	fputc('"', out);
}

static void json_base64(FILE *out, const unsigned char *data, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i;

	fputc('"', out);
	for (i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t bits = (uint32_t)data[i] << 16;

		if (left > 1)
			bits |= (uint32_t)data[i + 1] << 8;
		if (left > 2)
			bits |= data[i + 2];
		fputc(digits[bits >> 18], out);
		fputc(digits[bits >> 12 & 63], out);
		fputc(left > 1 ? digits[bits >> 6 & 63] : '=', out);
		fputc(left > 2 ? digits[bits & 63] : '=', out);
	}
	fputc('"', out);
}

/* What comes before a value in its container: a comma, and the key. */
static void json_member(struct print *print, const char *key, const char *suffix)
{
	if (print->depth && print->members[print->depth - 1]++)
		fputc(',', print->out);
	if (key)
		fprintf(print->out, "\"%s%s\":", key, suffix);
}

/* ---- text ------------------------------------------------------------ */

/* Takes @text over. */
static void add_cell(struct print *print, const char *title, char *text, bool number)
{
	struct print_cell *cells;

	/* The first row tells the titles. */
	if (print->cell_count == print->columns && print->columns < PRINT_COLUMNS &&
	    print->members[print->depth - 2] == 1)
		print->titles[print->columns++] = title;
	cells = reallocarray(print->cells, print->cell_count + 1, sizeof(*cells));
	if (!cells)
		abort();
	print->cells = cells;
	cells[print->cell_count].text = text;
	cells[print->cell_count++].number = number;
}

static int column_width(const struct print *print, size_t column)
{
	size_t width = strlen(print->titles[column]), length, i;

	for (i = column; i < print->cell_count; i += print->columns) {
		length = strlen(print->cells[i].text);
		if (length > width)
			width = length;
	}
	return (int)width;
}

/* One cell; the last of a row is not filled up with spaces. */
static void put_cell(const struct print *print, const char *text, int width, bool number,
		     bool last)
{
	if (number)
		fprintf(print->out, "%*s", width, text);
	else
		fprintf(print->out, "%-*s", last ? 0 : width, text);
	fputs(last ? "\n" : "  ", print->out);
}

static void put_table(const struct print *print)
{
	size_t columns = print->columns, column, i;
	int widths[PRINT_COLUMNS];

	fputs(print->color ? "\033[1m" : "", print->out);
	for (column = 0; column < columns; column++) {
		widths[column] = column_width(print, column);
		put_cell(print, print->titles[column], widths[column],
			 print->cells[column].number, column + 1 == columns);
	}
	fputs(print->color ? "\033[0m" : "", print->out);
	for (i = 0; i < print->cell_count; i++) {
		column = i % columns;
		put_cell(print, print->cells[i].text, widths[column], print->cells[i].number,
			 column + 1 == columns);
	}
}

static void finish_table(struct print *print)
{
	size_t i;

	if (print->cell_count)
		put_table(print);
	for (i = 0; i < print->cell_count; i++)
		free(print->cells[i].text);
	free(print->cells);
	print->cells = NULL;
	print->cell_count = 0;
	print->columns = 0;
}

static void put_text(struct print *print, const char *title, const char *value, bool number)
{
	char *text = strdup(value), *at;

	if (!text)
		abort();
	for (at = text; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	if (current(print) == PRINT_ROW) {
		add_cell(print, title, text, number);
		return;
	}
	if (current(print) == PRINT_LINE)
		fprintf(print->out, "%s%s%s%s", print->members[print->depth - 1]++ ? " " : "",
			title, *title ? "=" : "", text);
	else
		fprintf(print->out, "%-*s %s\n", TITLE_WIDTH, title, text);
	free(text);
}

void print_heading(struct print *print, const char *text)
{
	if (!print->json)
		fprintf(print->out, print->color ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

void print_note(struct print *print, const char *format, ...)
{
	va_list arguments;

	if (print->json)
		return;
	va_start(arguments, format);
	vfprintf(print->out, format, arguments);
	va_end(arguments);
	fputc('\n', print->out);
}

/* ---- containers ------------------------------------------------------ */

static bool is_array(enum print_container container)
{
	return container == PRINT_TABLE || container == PRINT_LIST;
}

static void begin(struct print *print, enum print_container container, const char *key)
{
	if (print->depth == PRINT_DEPTH)
		abort();
	if (print->json) {
		json_member(print, key, "");
		fputc(is_array(container) ? '[' : '{', print->out);
	} else if (print->depth && print->members[print->depth - 1]++ &&
		   current(print) == PRINT_LIST) {
		fputc('\n', print->out);
	}
	print->containers[print->depth] = container;
	print->members[print->depth++] = 0;
}

void print_begin(struct print *print)
{
	begin(print, PRINT_DOCUMENT, NULL);
}

void print_table(struct print *print, const char *key)
{
	begin(print, PRINT_TABLE, key);
}

void print_row(struct print *print)
{
	begin(print, PRINT_ROW, NULL);
}

void print_list(struct print *print, const char *key)
{
	begin(print, PRINT_LIST, key);
}

void print_object(struct print *print, const char *key)
{
	begin(print, PRINT_OBJECT, key);
}

void print_line(struct print *print)
{
	begin(print, PRINT_LINE, NULL);
}

void print_end(struct print *print)
{
	enum print_container container = current(print);

	print->depth--;
	if (print->json)
		fputc(is_array(container) ? ']' : '}', print->out);
	else if (container == PRINT_TABLE)
		finish_table(print);
	if (container == PRINT_LINE || (print->json && container == PRINT_DOCUMENT))
		fputc('\n', print->out);
}

/* ---- values ---------------------------------------------------------- */

/* @literal as it stands in JSON, @text as people see it. */
static void put_value(struct print *print, const char *key, const char *title,
		      const char *literal, const char *text, bool number)
{
	if (!print->json && title) {
		put_text(print, title, text, number);
	} else if (print->json && key) {
		json_member(print, key, "");
		fputs(literal, print->out);
	}
}

void print_bytes(struct print *print, const char *key, const void *data, size_t length)
{
	if (!print->json)
		return;
	if (utf8_valid(data, length)) {
		json_member(print, key, "");
		json_string(print->out, data, length);
	} else {
		json_member(print, key, "_base64");
		json_base64(print->out, data, length);
	}
}

void print_string(struct print *print, const char *key, const char *title, const char *value)
{
	if (!print->json && title)
		put_text(print, title, value, false);
	else if (key)
		print_bytes(print, key, value, strlen(value));
}

void print_number(struct print *print, const char *key, const char *title, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	put_value(print, key, title, text, text, true);
}

void print_flag(struct print *print, const char *key, const char *title, bool value)
{
	put_value(print, key, title, value ? "true" : "false", value ? "yes" : "no", false);
}

void print_none(struct print *print, const char *key, const char *title)
{
	put_value(print, key, title, "null", "-", true);
}

void print_size(struct print *print, const char *key, const char *title, uint64_t value)
{
	static const char suffixes[] = " KMGT";
	unsigned int scale = 0;
	uint64_t scaled = value;
	char literal[24], text[24];

	/* Only what the suffix tells exactly is shortened. */
	while (scaled && !(scaled & 1023) && scale < sizeof(suffixes) - 2) {
		scaled >>= 10;
		scale++;
	}
	snprintf(literal, sizeof(literal), "%llu", (unsigned long long)value);
	snprintf(text, sizeof(text), scale ? "%llu%c" : "%llu",
		 (unsigned long long)scaled, suffixes[scale]);
	put_value(print, key, title, literal, text, true);
}

void print_time(struct print *print, const char *key, const char *title, uint64_t value)
{
	time_t seconds = (time_t)(value / NS_PER_S);
	char literal[24], text[64] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), ".%06u",
		 (unsigned int)(value % NS_PER_S / 1000));
	snprintf(literal, sizeof(literal), "%llu", (unsigned long long)value);
	put_value(print, key, title, literal, text, false);
}

void print_mode(struct print *print, const char *key, const char *title, unsigned int value)
{
	char text[16], literal[20];

	snprintf(text, sizeof(text), "%04o", value);
	snprintf(literal, sizeof(literal), "\"%s\"", text);
	put_value(print, key, title, literal, text, false);
}

static void text_strings(struct print *print, const char *title, char *const *values,
			 size_t count)
{
	size_t size = 1, i;
	char *text;

	for (i = 0; i < count; i++)
		size += strlen(values[i]) + 1;
	text = calloc(1, size);
	if (!text)
		abort();
	for (i = 0; i < count; i++) {
		strcat(text, i ? "," : "");
		strcat(text, values[i]);
	}
	put_text(print, title, text, false);
	free(text);
}

void print_strings(struct print *print, const char *key, const char *title,
		   char *const *values, size_t count)
{
	size_t i;

	if (!print->json && title) {
		text_strings(print, title, values, count);
	} else if (print->json && key) {
		begin(print, PRINT_LIST, key);
		for (i = 0; i < count; i++)
			print_bytes(print, NULL, values[i], strlen(values[i]));
		print_end(print);
	}
}
