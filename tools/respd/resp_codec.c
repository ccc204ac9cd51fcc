// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include "resp_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void resp_parser_init(struct resp_parser *parser, size_t max_request)
{
	*parser = (struct resp_parser){
		.max = max_request < RESP_REQUEST_MAX ? max_request : RESP_REQUEST_MAX,
	};
}

void resp_parser_free(struct resp_parser *parser)
{
	free(parser->argv);
	free(parser->words);
	resp_parser_init(parser, 0);
}

void resp_parser_next(struct resp_parser *parser)
{
	/* One large request doesn't keep its memory for the connection's life. */
	if (parser->room > 64) {
		free(parser->argv);
		parser->argv = NULL;
		parser->room = 0;
	}
	free(parser->words);
	parser->words = NULL;
	parser->argc = 0;
	parser->size = 0;
	parser->state = RESP_STATE_START;
	parser->at = 0;
	parser->scanned = 0;
	parser->left = 0;
}

bool resp_integer(const char *text, size_t len, int64_t *value)
{
	bool negative = len && text[0] == '-';
	size_t i = negative;
	int64_t sum = 0;

	if (i == len || (text[i] == '0' && len > 1))
		return false;
	for (; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_sub_overflow(sum, text[i] - '0', &sum))
			return false;
	}
	/* Counted below zero, where INT64_MIN has its place. */
	if (!negative && sum == INT64_MIN)
		return false;
	*value = negative ? sum : -sum;
	return true;
}

static enum resp_result bad(struct resp_parser *parser, const char *error)
{
	snprintf(parser->error, sizeof(parser->error), "%s", error);
	parser->state = RESP_STATE_BAD;
	return RESP_BAD;
}

static bool add_arg(struct resp_parser *parser, size_t offset, size_t len)
{
	if (parser->argc == parser->room) {
		uint32_t room = parser->room ? parser->room * 2 : 8;
		struct resp_arg *argv = reallocarray(parser->argv, room, sizeof(*argv));

		if (!argv)
			return false;
		parser->argv = argv;
		parser->room = room;
	}
	parser->argv[parser->argc++] = (struct resp_arg){ .offset = offset, .len = len };
	return true;
}

/* All words are there. Asked again, the request may lie somewhere else. */
static enum resp_result done(struct resp_parser *parser, const char *data)
{
	const char *base = parser->words ? parser->words : data;
	uint32_t i;

	for (i = 0; i < parser->argc; i++)
		parser->argv[i].data = base + parser->argv[i].offset;
	parser->size = parser->at;
	parser->state = RESP_STATE_DONE;
	return RESP_REQUEST;
}

/* Looks for the end of the line at parser->at; its length is at most RESP_LINE_MAX. */
static enum resp_result find_end(struct resp_parser *parser, const char *data, size_t len,
				 char mark, const char *too_long, size_t *end)
{
	const char *hit = memchr(data + parser->scanned, mark, len - parser->scanned);

	parser->scanned = hit ? (size_t)(hit - data) : len;
	if (parser->scanned - parser->at > RESP_LINE_MAX)
		return bad(parser, too_long);
	*end = parser->scanned;
	return hit ? RESP_REQUEST : RESP_MORE;
}

/* The number in a line such as "*3\r\n"; the line's LF is taken unseen, as Redis does. */
static enum resp_result take_number(struct resp_parser *parser, const char *data, size_t len,
				    const char *too_long, const char *invalid, int64_t *value)
{
	size_t end;
	enum resp_result result = find_end(parser, data, len, '\r', too_long, &end);

	if (result != RESP_REQUEST)
		return result;
	if (len - end < 2)
		return RESP_MORE;
	if (!resp_integer(data + parser->at + 1, end - parser->at - 1, value))
		return bad(parser, invalid);
	parser->at = end + 2;
	parser->scanned = parser->at;
	return RESP_REQUEST;
}

static enum resp_result parse_count(struct resp_parser *parser, const char *data, size_t len)
{
	static const char invalid[] = "invalid multibulk length";
	int64_t count = 0;
	enum resp_result result = take_number(parser, data, len, "too big mbulk count string",
					      invalid, &count);

	if (result != RESP_REQUEST)
		return result;
	if (count > RESP_ARGS_MAX)
		return bad(parser, invalid);
	if (count <= 0)
		return done(parser, data);
	parser->left = count;
	parser->state = RESP_STATE_LENGTH;
	return RESP_MORE;
}

static enum resp_result parse_length(struct resp_parser *parser, const char *data, size_t len)
{
	static const char invalid[] = "invalid bulk length";
	enum resp_result result;
	int64_t bulk = 0;
	char expected[32];
	char got;

	if (parser->at >= len)
		return RESP_MORE;
	got = data[parser->at];
	if (got != '$') {
		if (got == '\r' || got == '\n')
			got = ' ';
		snprintf(expected, sizeof(expected), "expected '$', got '%c'", got);
		return bad(parser, expected);
	}
	result = take_number(parser, data, len, "too big bulk count string", invalid, &bulk);
	if (result != RESP_REQUEST)
		return result;
	if (bulk < 0 || (uint64_t)bulk > parser->max)
		return bad(parser, invalid);
	if (parser->at + bulk + 2 > parser->max)
		return bad(parser, "too big request");
	parser->bulk = bulk;
	parser->state = RESP_STATE_BYTES;
	return RESP_MORE;
}

static enum resp_result parse_bytes(struct resp_parser *parser, const char *data, size_t len)
{
	if (len - parser->at < (size_t)parser->bulk + 2)
		return RESP_MORE;
	if (!add_arg(parser, parser->at, parser->bulk))
		return bad(parser, "out of memory");
	/* The two bytes behind are CR and LF; Redis does not look, nor do we. */
	parser->at += parser->bulk + 2;
	parser->scanned = parser->at;
	if (!--parser->left)
		return done(parser, data);
	parser->state = RESP_STATE_LENGTH;
	return RESP_MORE;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Takes what follows a backslash inside "...": 1 or 3 bytes. */
static size_t take_escape(const char *text, size_t len, char *byte)
{
	static const char letters[] = "nrtba";
	static const char bytes[] = "\n\r\t\b\a";
	const char *hit;

	if (len >= 3 && text[0] == 'x' && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0) {
		*byte = hex_digit(text[1]) << 4 | hex_digit(text[2]);
		return 3;
	}
	hit = text[0] ? strchr(letters, text[0]) : NULL;
	*byte = hit ? bytes[hit - letters] : text[0];
	return 1;
}

/**
 * take_quoted() - take the rest of a quoted part of a word
 * @text: behind the opening quote
 * @len: bytes there
 * @quote: which one it is
 * @word: where the bytes go
 * @word_len: how many are there already
 *
 * Return: bytes taken, the closing quote included; 0: it is missing, or
 * something other than a space follows it.
 */
static size_t take_quoted(const char *text, size_t len, char quote, char *word,
			  size_t *word_len)
{
	size_t i = 0;

	while (i < len && text[i] != quote) {
		if (text[i] != '\\' || i + 1 == len) {
			word[(*word_len)++] = text[i++];
		} else if (quote == '"') {
			i++;
			i += take_escape(text + i, len - i, &word[(*word_len)++]);
		} else {
			i += text[i + 1] == '\'';
			word[(*word_len)++] = text[i++];
		}
	}
	if (i == len || (i + 1 < len && !is_space(text[i + 1])))
		return 0;
	return i + 1;
}

/* Takes one word; 0: unbalanced quotes. The word is never longer than its text. */
static size_t take_word(const char *text, size_t len, char *word, size_t *word_len)
{
	size_t i = 0;

	while (i < len && !is_space(text[i])) {
		if (text[i] == '"' || text[i] == '\'') {
			size_t took = take_quoted(text + i + 1, len - i - 1, text[i], word,
						  word_len);

			return took ? i + 1 + took : 0;
		}
		word[(*word_len)++] = text[i++];
	}
	return i;
}

static enum resp_result split_words(struct resp_parser *parser, const char *text, size_t len)
{
	size_t used = 0;
	size_t i = 0;

	parser->words = malloc(len + 1);
	if (!parser->words)
		return bad(parser, "out of memory");
	for (;;) {
		size_t start = used;
		size_t took;

		while (i < len && is_space(text[i]))
			i++;
		if (i == len)
			return done(parser, NULL);
		took = take_word(text + i, len - i, parser->words, &used);
		if (!took)
			return bad(parser, "unbalanced quotes in request");
		i += took;
		if (!add_arg(parser, start, used - start))
			return bad(parser, "out of memory");
	}
}

static enum resp_result parse_inline(struct resp_parser *parser, const char *data, size_t len)
{
	size_t end;
	enum resp_result result = find_end(parser, data, len, '\n', "too big inline request",
					   &end);

	if (result != RESP_REQUEST)
		return result;
	parser->at = end + 1;
	if (end && data[end - 1] == '\r')
		end--;
	/* Like Redis, a line ends at a NUL. */
	return split_words(parser, data, strnlen(data, end));
}

enum resp_result resp_parse(struct resp_parser *parser, const char *data, size_t len)
{
	for (;;) {
		enum resp_state before = parser->state;
		size_t at = parser->at;
		enum resp_result result = RESP_MORE;

		switch (parser->state) {
		case RESP_STATE_START:
			if (!len)
				return RESP_MORE;
			parser->state = data[0] == '*' ? RESP_STATE_COUNT : RESP_STATE_INLINE;
			break;
		case RESP_STATE_INLINE:
			result = parse_inline(parser, data, len);
			break;
		case RESP_STATE_COUNT:
			result = parse_count(parser, data, len);
			break;
		case RESP_STATE_LENGTH:
			result = parse_length(parser, data, len);
			break;
		case RESP_STATE_BYTES:
			result = parse_bytes(parser, data, len);
			break;
		case RESP_STATE_DONE:
			return done(parser, data);
		case RESP_STATE_BAD:
			return RESP_BAD;
		}
		if (result != RESP_MORE || (parser->state == before && parser->at == at))
			return result;
	}
}
