/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Output blocks
 *
 * What goes out is written once and sent many times. A worker encodes each
 * record once per protocol version into its current block; every client that
 * gets it queues a span of that block (output.h) and holds a reference to it.
 * A block whose references are gone is used again.
 *
 *	uint8_t *at = blocks_reserve(&blocks, 200);
 *	size_t len = encode(at, 200);
 *	struct span span = blocks_commit(&blocks, len);
 *	... output_span(&conn->output, span) for each client ...
 *	span_put(span);
 *
 * Blocks of BLOCKS_SIZE come from the pool. Something larger than a quarter of
 * that gets a block of its own, so that it neither wastes the rest of one nor
 * keeps the small messages beside it in memory.
 *
 * One thread per struct blocks; references are plain numbers.
 */
#ifndef COMMON_BLOCKS_H
#define COMMON_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define BLOCKS_SIZE	(64 * 1024)
#define BLOCKS_LARGE	(BLOCKS_SIZE / 4)

struct blocks;

/**
 * struct block - memory that is written once and then only read
 * @pool: where it comes from and where it goes
 * @next: in the pool's list of free blocks
 * @references: spans that point into it, and the pool's own while it is current
 * @size: bytes of @data: BLOCKS_SIZE, or what one large thing needs
 * @used: bytes written
 * @data: the bytes
 */
struct block {
	struct blocks *pool;
	struct block *next;
	uint32_t references;
	uint32_t size;
	uint32_t used;
	uint8_t data[];
};

/**
 * struct span - some bytes of a block, and a reference to it
 * @block: the block; NULL: no span (memory ran out)
 * @offset: where they begin
 * @len: how many
 */
struct span {
	struct block *block;
	uint32_t offset;
	uint32_t len;
};

/**
 * struct blocks - blocks of one worker
 * @current: where the next small thing is written
 * @reserved: the block that blocks_reserve() gave room in, until the commit
 * @free: blocks without references
 * @free_count: how many; those above BLOCKS_SPARE go back to the system
 * @memory: bytes that all blocks take now, for statistics
 */
struct blocks {
	struct block *current;
	struct block *reserved;
	struct block *free;
	uint32_t free_count;
	uint64_t memory;
};

#define BLOCKS_SPARE 16

/* Zero is an empty pool. All spans must be put before. */
void blocks_exit(struct blocks *blocks);

/*
 * Room for up to @size bytes (at most 1 GiB), until the next call on @blocks.
 * Return: NULL if there is no memory.
 */
uint8_t *blocks_reserve(struct blocks *blocks, size_t size);
/* Keeps the first @len of the reserved bytes. The caller owns the reference. */
struct span blocks_commit(struct blocks *blocks, size_t len);
/* Reserve, copy and commit in one. */
struct span blocks_copy(struct blocks *blocks, const void *bytes, size_t len);
/* As blocks_copy(), but in a block of exactly that size. */
struct span blocks_copy_alone(struct blocks *blocks, const void *bytes, size_t len);

static inline uint8_t *span_data(struct span span)
{
	return span.block->data + span.offset;
}

/* Another reference to the same bytes, or to a part of them. */
struct span span_get(struct span span);
struct span span_part(struct span span, uint32_t offset, uint32_t len);
/* Total: takes the empty span too. */
void span_put(struct span span);

#endif /* COMMON_BLOCKS_H */
