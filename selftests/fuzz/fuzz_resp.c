// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What the parser of RESP requests makes of some bytes must not depend on the
 * pieces they come in, every word must lie inside the request (the sanitizer
 * looks), and requests written out again must be read as themselves.
 */
#include "resp_codec.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

/* Writes the request as an array; this is also how the harness compares. */
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

	resp_parser_init(&parser, limit);
	while (result == RESP_REQUEST || (result == RESP_MORE && end < len)) {
		if (result == RESP_MORE)
			end += len - end < step ? len - end : step;
		char *piece = malloc(end + 1);

		memcpy(piece, data, end);
		result = resp_parse(&parser, piece, end);
		if (result == RESP_REQUEST) {
			CHECK(parser.size && parser.size <= end);
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
	struct resp_out whole = { .version = 2 }, pieces = whole, again = whole;
	bool good = run((const char *)data, size, size + 1, 4096, &whole);

	run((const char *)data, size, size ? 1 + data[0] % 7 : 1, 4096, &pieces);
	CHECK(whole.len == pieces.len && !memcmp(whole.data, pieces.data, whole.len));
	if (good && whole.len) {
		CHECK(run(whole.data, whole.len, 64, 1 << 20, &again));
		CHECK(whole.len == again.len && !memcmp(whole.data, again.data, again.len));
	}
	resp_out_free(&whole);
	resp_out_free(&pieces);
	resp_out_free(&again);
	return 0;
}
