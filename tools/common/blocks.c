// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <stdlib.h>
#include <string.h>

#include "blocks.h"

#define SIZE_LIMIT (1U << 30)

static struct block *block_new(struct blocks *pool, size_t size)
{
	struct block *block = malloc(sizeof(*block) + size);

	if (!block)
		return NULL;
	*block = (struct block){ .pool = pool, .references = 1, .size = (uint32_t)size };
	pool->memory += sizeof(*block) + size;
	return block;
}

static void block_free(struct block *block)
{
	block->pool->memory -= sizeof(*block) + block->size;
	free(block);
}

/* The last reference is gone. */
static void block_retire(struct block *block)
{
	struct blocks *pool = block->pool;

	if (block->size != BLOCKS_SIZE || pool->free_count >= BLOCKS_SPARE) {
		block_free(block);
		return;
	}
	block->next = pool->free;
	pool->free = block;
	pool->free_count++;
}

static void block_put(struct block *block)
{
	if (!--block->references)
		block_retire(block);
}

static struct block *take_free(struct blocks *blocks)
{
	struct block *block = blocks->free;

	if (!block)
		return block_new(blocks, BLOCKS_SIZE);
	blocks->free = block->next;
	blocks->free_count--;
	block->references = 1;
	block->used = 0;
	return block;
}

void blocks_exit(struct blocks *blocks)
{
	if (blocks->reserved && blocks->reserved != blocks->current)
		block_put(blocks->reserved);
	if (blocks->current)
		block_put(blocks->current);
	while (blocks->free) {
		struct block *block = blocks->free;

		blocks->free = block->next;
		block_free(block);
	}
	memset(blocks, 0, sizeof(*blocks));
}

/* A reservation that was never committed is given back here. */
static void forget_reserved(struct blocks *blocks)
{
	if (blocks->reserved && blocks->reserved != blocks->current)
		block_put(blocks->reserved);
	blocks->reserved = NULL;
}

uint8_t *blocks_reserve(struct blocks *blocks, size_t size)
{
	struct block *current = blocks->current;

	forget_reserved(blocks);
	if (size > SIZE_LIMIT)
		return NULL;
	if (size > BLOCKS_LARGE) {
		blocks->reserved = block_new(blocks, size);
		return blocks->reserved ? blocks->reserved->data : NULL;
	}
	if (current && current->references == 1)
		current->used = 0;	/* nobody else needs what is in it */
	if (!current || current->size - current->used < size) {
		if (current)
			block_put(current);
		blocks->current = take_free(blocks);
		current = blocks->current;
	}
	blocks->reserved = current;
	return current ? current->data + current->used : NULL;
}

struct span blocks_commit(struct blocks *blocks, size_t len)
{
	struct block *block = blocks->reserved;
	struct span span = { .block = block, .offset = block->used, .len = (uint32_t)len };

	block->used += (uint32_t)len;
	/* A block of its own comes with one reference: it becomes the caller's. */
	if (block == blocks->current)
		block->references++;
	blocks->reserved = NULL;
	return span;
}

struct span blocks_copy(struct blocks *blocks, const void *bytes, size_t len)
{
	uint8_t *at = blocks_reserve(blocks, len);

	if (!at)
		return (struct span){ 0 };
	memcpy(at, bytes, len);
	return blocks_commit(blocks, len);
}

struct span blocks_copy_alone(struct blocks *blocks, const void *bytes, size_t len)
{
	struct block *block = len > SIZE_LIMIT ? NULL : block_new(blocks, len);

	if (!block)
		return (struct span){ 0 };
	memcpy(block->data, bytes, len);
	block->used = (uint32_t)len;
	return (struct span){ .block = block, .len = (uint32_t)len };
}

struct span span_get(struct span span)
{
	if (span.block)
		span.block->references++;
	return span;
}

struct span span_part(struct span span, uint32_t offset, uint32_t len)
{
	span.offset += offset;
	span.len = len;
	return span_get(span);
}

void span_put(struct span span)
{
	if (span.block)
		block_put(span.block);
}
