// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What the parser makes of some bytes must not depend on the pieces they come in,
 * and requests written out again must be read as themselves.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "resp_codec.h"

static void put_request(struct resp_out *out, const struct resp_parser *parser)
{
	resp_put_array(out, parser->argc);
	for (uint32_t i = 0; i < parser->argc; i++)
		resp_put_bulk(out, parser->argv[i].data, parser->argv[i].len);
}

/* Parses all of it, step bytes at a time, each time at a new address. */
static bool run(const char *data, size_t len, size_t step, size_t limit, struct resp_out *out)
{
	enum resp_result result = RESP_MORE;
	struct resp_parser parser;
	size_t end = 0;
	char *piece;

	resp_parser_init(&parser, limit);
	while (result == RESP_REQUEST || (result == RESP_MORE && end < len)) {
		if (result == RESP_MORE)
			end += len - end < step ? len - end : step;
		piece = memcpy(malloc(end ? end : 1), data, end);
		result = resp_parse(&parser, piece, end);
		if (result == RESP_REQUEST) {
			put_request(out, &parser);
			data += parser.size;
			len -= parser.size;
			end -= parser.size;
			resp_parser_next(&parser);
		}
		free(piece);
	}
	if (result == RESP_BAD)
		resp_put_error(out, "%s", parser.error);
	resp_parser_free(&parser);
	return result == RESP_MORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resp_out out[3] = { { .version = 2 }, { .version = 2 }, { .version = 2 } };
	bool good = run((const char *)data, size, size + 1, 4096, &out[0]);

	run((const char *)data, size, size ? 1 + data[0] % 7 : 1, 4096, &out[1]);
	assert(out[0].len == out[1].len);
	assert(!out[0].len || !memcmp(out[0].data, out[1].data, out[0].len));
	assert(!good || !out[0].len || run(out[0].data, out[0].len, 64, 1 << 20, &out[2]));
	assert(!out[2].len || !memcmp(out[0].data, out[2].data, out[0].len));
	for (int i = 0; i < 3; i++)
		resp_out_free(&out[i]);
	return 0;
}
