/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: The index of topic filters
 *
 * Answers "who wants this topic" for the clients of one worker, as the
 * kernel's index does for the subscriptions of a channel: a hash table of
 * (parent, level) -> node, '+' an ordinary child, '#' a filter kept at its
 * parent. Matching costs look-ups for the topic's levels and the filters that
 * match, however many do not.
 *
 * Equal filters share a struct subs_filter; a client's interest in it is a
 * struct sub, embedded in what the protocol keeps about a subscription. The
 * kernel sees each filter once, with the number of its subs as weight
 * (worker_subscribe() does that).
 */
#ifndef COMMON_SUBS_H
#define COMMON_SUBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct subs_node;
struct sub;

/**
 * struct subs_filter - one filter
 * @first: its subs, latest first
 * @count: how many
 * @node: where it lives
 * @hash: it ends with '#': the filter is about what lies below @node
 * @len: bytes of @text
 * @text: the filter
 */
struct subs_filter {
	struct sub *first;
	uint32_t count;
	struct subs_node *node;
	bool hash;
	uint32_t len;
	char text[];
};

/**
 * struct sub - somebody's interest in a filter
 * @filter: the filter; NULL: not in the index
 * @next: of the same filter
 * @previous: pointer that points here
 */
struct sub {
	struct subs_filter *filter;
	struct sub *next;
	struct sub **previous;
};

/**
 * struct subs - the index
 * @root: above the first levels
 * @table: hash table of all nodes, chained
 * @size: its buckets, a power of two
 * @nodes: nodes in it
 * @filters: distinct filters
 */
struct subs {
	struct subs_node *root;
	struct subs_node **table;
	uint32_t size;
	uint32_t nodes;
	uint32_t filters;
};

int subs_init(struct subs *subs);
/* All subs must be gone. */
void subs_exit(struct subs *subs);

/*
 * The filter must be valid (libmq_filter_valid()).
 * Return: 0 or -ENOMEM. sub->filter->count is 1 if the filter is new.
 */
int subs_add(struct subs *subs, struct sub *sub, const char *filter, size_t len);
/*
 * Return: how many subs the filter still has; at 0 it is freed.
 */
uint32_t subs_remove(struct subs *subs, struct sub *sub);

/* Finds a filter by its text, or NULL. */
struct subs_filter *subs_find(const struct subs *subs, const char *filter, size_t len);

/* Calls @take for each filter that matches. @take must not change the index. */
void subs_match(const struct subs *subs, const char *topic, size_t len,
		void (*take)(void *arg, struct subs_filter *filter), void *arg);

#endif /* COMMON_SUBS_H */
