// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The half of resp_codec.h that writes. */
#include "resp_codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void resp_out_free(struct resp_out *out)
{
	if (!out->fixed)
		free(out->data);
	out->data = NULL;
	out->len = 0;
	out->size = 0;
	out->failed = false;
}

/* Room for len bytes more, or NULL. */
static char *reserve(struct resp_out *out, size_t len)
{
	size_t size = out->size ? out->size : 256;
	char *data;

	if (out->failed)
		return NULL;
	if (out->size - out->len >= len)
		return out->data + out->len;
	while (size - out->len < len)
		size *= 2;
	data = out->fixed ? NULL : realloc(out->data, size);
	if (!data) {
		out->failed = true;
		return NULL;
	}
	out->data = data;
	out->size = size;
	return data + out->len;
}

void resp_put_raw(struct resp_out *out, const void *data, size_t len)
{
	char *to = reserve(out, len);

	if (!to)
		return;
	if (len)
		memcpy(to, data, len);
	out->len += len;
}

static void put_head(struct resp_out *out, char type, int64_t value)
{
	char line[32];
	int len = snprintf(line, sizeof(line), "%c%" PRId64 "\r\n", type, value);

	resp_put_raw(out, line, len);
}

void resp_put_simple(struct resp_out *out, const char *text)
{
	resp_put_raw(out, "+", 1);
	resp_put_raw(out, text, strlen(text));
	resp_put_raw(out, "\r\n", 2);
}

void resp_put_error(struct resp_out *out, const char *format, ...)
{
	char text[1024];
	va_list args;
	char *c;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (c = text; *c; c++)
		if (*c == '\r' || *c == '\n')
			*c = ' ';
	resp_put_raw(out, "-", 1);
	resp_put_raw(out, text, c - text);
	resp_put_raw(out, "\r\n", 2);
}

void resp_put_integer(struct resp_out *out, int64_t value)
{
	put_head(out, ':', value);
}

void resp_put_bulk(struct resp_out *out, const void *data, size_t len)
{
	put_head(out, '$', len);
	resp_put_raw(out, data, len);
	resp_put_raw(out, "\r\n", 2);
}

void resp_put_text(struct resp_out *out, const char *text)
{
	resp_put_bulk(out, text, strlen(text));
}

void resp_put_verbatim(struct resp_out *out, const char *text, size_t len)
{
	if (out->version < 3) {
		resp_put_bulk(out, text, len);
		return;
	}
	put_head(out, '=', len + 4);
	resp_put_raw(out, "txt:", 4);
	resp_put_raw(out, text, len);
	resp_put_raw(out, "\r\n", 2);
}

void resp_put_null(struct resp_out *out)
{
	if (out->version < 3)
		resp_put_raw(out, "$-1\r\n", 5);
	else
		resp_put_raw(out, "_\r\n", 3);
}

void resp_put_array(struct resp_out *out, size_t count)
{
	put_head(out, '*', count);
}

void resp_put_map(struct resp_out *out, size_t pairs)
{
	if (out->version < 3)
		put_head(out, '*', pairs * 2);
	else
		put_head(out, '%', pairs);
}

void resp_put_set(struct resp_out *out, size_t count)
{
	put_head(out, out->version < 3 ? '*' : '~', count);
}

void resp_put_push(struct resp_out *out, size_t count)
{
	put_head(out, out->version < 3 ? '*' : '>', count);
}

size_t resp_message_size(const struct resp_arg *pattern, const struct resp_arg *channel,
			 size_t len)
{
	/* Five lines of a type, a 64-bit number, CR and LF, the word, and CR LF after each. */
	return 256 + (pattern ? pattern->len : 0) + channel->len + len;
}

void resp_put_message(struct resp_out *out, const struct resp_arg *pattern,
		      const struct resp_arg *channel, const void *payload, size_t len)
{
	resp_put_push(out, pattern ? 4 : 3);
	resp_put_text(out, pattern ? "pmessage" : "message");
	if (pattern)
		resp_put_bulk(out, pattern->data, pattern->len);
	resp_put_bulk(out, channel->data, channel->len);
	resp_put_bulk(out, payload, len);
}
