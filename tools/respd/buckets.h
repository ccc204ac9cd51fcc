/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Buckets, a hash table
 *
 * Entries are embedded in what they find. Whoever looks something up walks the
 * entries of its hash and compares:
 *
 *	for (entry = buckets_first(buckets, hash); entry; entry = entry->chain)
 */
#ifndef RESPD_BUCKETS_H
#define RESPD_BUCKETS_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct bucket_entry - one entry
 * @chain: next of the same bucket
 * @hash: its hash
 */
struct bucket_entry {
	struct bucket_entry *chain;
	uint32_t hash;
};

/**
 * struct buckets - the table
 * @first: entries, by hash
 * @size: a power of two
 * @count: entries
 */
struct buckets {
	struct bucket_entry **first;
	uint32_t size;
	uint32_t count;
};

/* 0 or -ENOMEM. */
int buckets_init(struct buckets *buckets);
/* All entries must be gone. A zeroed table is fine. */
void buckets_exit(struct buckets *buckets);

/* @seed keeps equal texts of different owners apart. */
uint32_t buckets_hash(uint32_t seed, const char *text, size_t len);

struct bucket_entry *buckets_first(const struct buckets *buckets, uint32_t hash);
void buckets_add(struct buckets *buckets, struct bucket_entry *entry, uint32_t hash);
void buckets_remove(struct buckets *buckets, struct bucket_entry *entry);

#endif /* RESPD_BUCKETS_H */
