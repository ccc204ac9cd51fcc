// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>

#include "buckets.h"

#define SIZE_MIN 64

int buckets_init(struct buckets *buckets)
{
	*buckets = (struct buckets){ .size = SIZE_MIN };
	buckets->first = calloc(buckets->size, sizeof(*buckets->first));
	return buckets->first ? 0 : -ENOMEM;
}

void buckets_exit(struct buckets *buckets)
{
	free(buckets->first);
	buckets->first = NULL;
}

/* FNV-1a */
uint32_t buckets_hash(uint32_t seed, const char *text, size_t len)
{
	uint32_t hash = 2166136261U ^ seed;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)text[i]) * 16777619U;
	return hash;
}

static struct bucket_entry **bucket_of(const struct buckets *buckets, uint32_t hash)
{
	return &buckets->first[(hash ^ hash >> 16) & (buckets->size - 1)];
}

struct bucket_entry *buckets_first(const struct buckets *buckets, uint32_t hash)
{
	return *bucket_of(buckets, hash);
}

static void put(struct buckets *buckets, struct bucket_entry *entry)
{
	struct bucket_entry **bucket = bucket_of(buckets, entry->hash);

	entry->chain = *bucket;
	*bucket = entry;
}

/* Without memory the chains get longer, that is all. */
static void grow(struct buckets *buckets)
{
	uint32_t size = buckets->size;
	struct bucket_entry **old = buckets->first;
	struct bucket_entry **bigger = calloc(size * 2UL, sizeof(*bigger));

	if (!bigger)
		return;
	buckets->first = bigger;
	buckets->size = size * 2;
	for (uint32_t i = 0; i < size; i++) {
		while (old[i]) {
			struct bucket_entry *moved = old[i];

			old[i] = moved->chain;
			put(buckets, moved);
		}
	}
	free(old);
}

void buckets_add(struct buckets *buckets, struct bucket_entry *entry, uint32_t hash)
{
	if (buckets->count >= buckets->size)
		grow(buckets);
	entry->hash = hash;
	put(buckets, entry);
	buckets->count++;
}

void buckets_remove(struct buckets *buckets, struct bucket_entry *entry)
{
	struct bucket_entry **at = bucket_of(buckets, entry->hash);

	while (*at != entry)
		at = &(*at)->chain;
	*at = entry->chain;
	buckets->count--;
}
