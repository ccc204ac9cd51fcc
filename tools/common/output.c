// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

static struct span *span_at(const struct output *output, uint32_t index)
{
	return &output->spans[(output->first + index) & (output->size - 1)];
}

void output_exit(struct output *output)
{
	for (uint32_t i = 0; i < output->count; i++)
		span_put(*span_at(output, i));
	free(output->spans);
	memset(output, 0, sizeof(*output));
}

static int grow(struct output *output)
{
	uint32_t size = output->size ? output->size * 2 : 16;
	struct span *spans;

	if (output->count < output->size)
		return 0;
	spans = malloc(size * sizeof(*spans));
	if (!spans)
		return -ENOMEM;
	for (uint32_t i = 0; i < output->count; i++)
		spans[i] = *span_at(output, i);
	free(output->spans);
	output->spans = spans;
	output->size = size;
	output->first = 0;
	return 0;
}

static void count_blocks(struct output *output)
{
	output->blocks = output->count ? 1 : 0;
	for (uint32_t i = 1; i < output->count; i++)
		output->blocks += span_at(output, i)->block != span_at(output, i - 1)->block;
}

/* How many spans at the front a send under way points into. */
static uint32_t flying_spans(const struct output *output)
{
	size_t left = output->flying;
	uint32_t i;

	for (i = 0; i < output->count && left; i++) {
		uint32_t len = span_at(output, i)->len;

		left -= len < left ? len : left;
	}
	return i;
}

static void replace(struct output *output, uint32_t from, struct span span)
{
	for (uint32_t i = from; i < output->count; i++)
		span_put(*span_at(output, i));
	output->count = from;
	*span_at(output, output->count++) = span;
	count_blocks(output);
}

/*
 * Copies the row of small spans at the end into one block. Large ones before
 * them keep blocks of which they are a good part. No memory: it stays as it is.
 */
static void compact(struct output *output)
{
	uint32_t flying = flying_spans(output);
	uint32_t from = output->count;
	struct span whole;
	size_t bytes = 0;
	uint8_t *copy;

	while (from > flying && span_at(output, from - 1)->len < BLOCKS_LARGE)
		bytes += span_at(output, --from)->len;
	if (output->count - from < 2)
		return;
	copy = malloc(bytes);
	if (!copy)
		return;
	bytes = 0;
	for (uint32_t i = from; i < output->count; i++) {
		struct span *span = span_at(output, i);

		memcpy(copy + bytes, span_data(*span), span->len);
		bytes += span->len;
	}
	whole = blocks_copy_alone(span_at(output, from)->block->pool, copy, bytes);
	free(copy);
	if (whole.block)
		replace(output, from, whole);
}

int output_span(struct output *output, struct span span)
{
	struct span *last = output->count ? span_at(output, output->count - 1) : NULL;
	int error;

	if (last && last->block == span.block && last->offset + last->len == span.offset) {
		last->len += span.len;
		output->bytes += span.len;
		return 0;
	}
	error = grow(output);
	if (error)
		return error;
	if (!output->count || span_at(output, output->count - 1)->block != span.block)
		output->blocks++;
	*span_at(output, output->count++) = span_get(span);
	output->bytes += span.len;
	if (output->blocks > OUTPUT_BLOCKS_MAX + output->bytes / BLOCKS_LARGE)
		compact(output);
	return 0;
}

unsigned int output_gather(struct output *output, struct iovec *pieces, unsigned int max)
{
	unsigned int n = output->count < max ? output->count : max;

	output->flying = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct span *span = span_at(output, i);

		pieces[i] = (struct iovec){ span_data(*span), span->len };
		output->flying += span->len;
	}
	return n;
}

static void pop(struct output *output)
{
	struct span *first = span_at(output, 0);

	if (output->count == 1 || span_at(output, 1)->block != first->block)
		output->blocks--;
	span_put(*first);
	output->first++;
	output->count--;
}

void output_sent(struct output *output, size_t len)
{
	output->flying = 0;
	output->bytes -= len;
	while (len) {
		struct span *first = span_at(output, 0);

		if (len < first->len) {
			first->offset += (uint32_t)len;
			first->len -= (uint32_t)len;
			return;
		}
		len -= first->len;
		pop(output);
	}
}
