/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: What one client has yet to get
 *
 * A queue of spans (blocks.h). Spans that continue each other become one, so a
 * client that takes every record sends few long pieces. Bytes leave in order
 * from the front; output_sent() takes off what a send has moved.
 *
 * The queue knows no limit: its owner watches output->bytes. What it does
 * bound is the memory behind the bytes: a client that gets one record in a
 * thousand would keep whole blocks alive for a few bytes each. With more than
 * OUTPUT_BLOCKS_MAX blocks, and one per BLOCKS_LARGE queued bytes, the small
 * spans at the end of the queue are copied out of theirs.
 */
#ifndef COMMON_OUTPUT_H
#define COMMON_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "blocks.h"

#define OUTPUT_BLOCKS_MAX 32

/**
 * struct output - the queue
 * @spans: ring of spans
 * @size: room in it, a power of two
 * @first: number of the first span (masked by @size - 1)
 * @count: spans queued
 * @bytes: bytes queued
 * @flying: bytes at the front that a send has been given
 * @blocks: how often neighbouring spans are of different blocks, + 1
 */
struct output {
	struct span *spans;
	uint32_t size;
	uint32_t first;
	uint32_t count;
	size_t bytes;
	size_t flying;
	uint32_t blocks;
};

/* Zero is an empty queue. */
void output_exit(struct output *output);

/*
 * Queues the bytes of a span; takes a reference of its own.
 * Return: 0 or -ENOMEM, and then nothing changed.
 */
int output_span(struct output *output, struct span span);

/*
 * The bytes from the front as at most @max pieces; they are flying until
 * output_sent(). Return: number of pieces.
 */
unsigned int output_gather(struct output *output, struct iovec *pieces, unsigned int max);
/* A send is over: @len bytes of the flying ones have gone, the rest has not. */
void output_sent(struct output *output, size_t len);

#endif /* COMMON_OUTPUT_H */
