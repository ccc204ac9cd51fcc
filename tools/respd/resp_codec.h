/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: RESP, the wire format of Redis
 *
 * Requests: an incremental parser of what clients send, which is an array of
 * bulk strings ("*2\r\n$4\r\nPING\r\n...") or a line of words ("PING hi\r\n").
 * It looks at bytes that the caller keeps; it does no input and no output. The
 * caller shows it everything that has come since the beginning of the present
 * request; the parser goes on where it stopped, so each byte is looked at once
 * however small the pieces are, and the result never depends on the pieces.
 * The bytes may move between two calls; asked again after RESP_REQUEST it
 * answers the same, with argv pointing to where the bytes are now.
 *
 *	switch (resp_parse(&parser, data, len)) {
 *	case RESP_MORE:		read more
 *	case RESP_REQUEST:	use parser.argv, drop parser.size bytes, resp_parser_next()
 *	case RESP_BAD:		send "-ERR Protocol error: " parser.error, close
 *	}
 *
 * Everything is bounded: lines by RESP_LINE_MAX, the words of a request by
 * RESP_ARGS_MAX, its bytes by the caller. Memory grows with what has arrived,
 * never with what a client announces. Limits and words of errors are those of
 * Redis 7.0, except that a whole request is bounded too.
 *
 * Replies: resp_put_*() append to a growing buffer. It knows the version of
 * the protocol, so a map is an array of twice the length in RESP2. Running out
 * of memory sets out->failed once and makes the rest do nothing: check it at
 * the end.
 */
#ifndef RESPD_RESP_CODEC_H
#define RESPD_RESP_CODEC_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESP_LINE_MAX		(64 * 1024)
#define RESP_ARGS_MAX		65536
/* No request may be longer, whatever the caller allows. */
#define RESP_REQUEST_MAX	(1U << 30)

/**
 * struct resp_arg - one word of a request
 * @data: its bytes, not terminated; set when the request is complete
 * @len: how many
 * @offset: where it begins in the request
 */
struct resp_arg {
	const char *data;
	uint32_t len;
	uint32_t offset;
};

enum resp_state {
	RESP_STATE_START,
	RESP_STATE_INLINE,
	RESP_STATE_COUNT,	/* in the line "*COUNT" */
	RESP_STATE_LENGTH,	/* in a line "$LENGTH" */
	RESP_STATE_BYTES,	/* in the bytes of a bulk string */
	RESP_STATE_DONE,
	RESP_STATE_BAD,
};

enum resp_result {
	RESP_MORE,
	RESP_REQUEST,
	RESP_BAD,
};

/**
 * struct resp_parser - where the parser is in a request
 * @argv: words of the complete request; may be none
 * @argc: how many
 * @size: bytes that the complete request took
 * @error: after RESP_BAD, what is wrong: one line without "-ERR Protocol error: "
 * @state: private from here on
 * @at: offset of the line or bulk string that is being looked at
 * @scanned: no end of line before this offset
 * @left: bulk strings still to come
 * @bulk: bytes of the present one
 * @room: entries that @argv has memory for
 * @max: longest request
 * @words: memory of the words of an inline request
 */
struct resp_parser {
	struct resp_arg *argv;
	uint32_t argc;
	size_t size;
	char error[64];

	enum resp_state state;
	size_t at;
	size_t scanned;
	uint32_t left;
	uint32_t bulk;
	uint32_t room;
	size_t max;
	char *words;
};

void resp_parser_init(struct resp_parser *parser, size_t max_request);
void resp_parser_free(struct resp_parser *parser);
enum resp_result resp_parse(struct resp_parser *parser, const char *data, size_t len);
/* Gets ready for the next request; what argv points to is gone. */
void resp_parser_next(struct resp_parser *parser);

/* An optional '-', digits without a leading zero, nothing else. */
bool resp_integer(const char *text, size_t len, int64_t *value);

/**
 * struct resp_out - a reply that is being written
 * @data: bytes
 * @len: how many
 * @size: room
 * @version: 2 or 3
 * @fixed: @data is the caller's: it neither grows nor is freed
 * @failed: memory or room ran out; what was put since is missing
 */
struct resp_out {
	char *data;
	size_t len;
	size_t size;
	int version;
	bool fixed;
	bool failed;
};

void resp_out_free(struct resp_out *out);
void resp_put_raw(struct resp_out *out, const void *data, size_t len);
void resp_put_simple(struct resp_out *out, const char *text);
/* The text begins with the error's code; CR and LF in it become spaces. */
void resp_put_error(struct resp_out *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void resp_put_integer(struct resp_out *out, int64_t value);
void resp_put_bulk(struct resp_out *out, const void *data, size_t len);
void resp_put_text(struct resp_out *out, const char *text);
/* Text for people: a verbatim string in RESP3. */
void resp_put_verbatim(struct resp_out *out, const char *text, size_t len);
void resp_put_null(struct resp_out *out);
void resp_put_array(struct resp_out *out, size_t count);
void resp_put_map(struct resp_out *out, size_t pairs);
void resp_put_set(struct resp_out *out, size_t count);
void resp_put_push(struct resp_out *out, size_t count);

/* Room that resp_put_message() needs at most. */
size_t resp_message_size(const struct resp_arg *pattern, const struct resp_arg *channel,
			 size_t len);
/* What a subscriber gets; pattern NULL: a "message", else a "pmessage". */
void resp_put_message(struct resp_out *out, const struct resp_arg *pattern,
		      const struct resp_arg *channel, const void *payload, size_t len);

#endif /* RESPD_RESP_CODEC_H */
