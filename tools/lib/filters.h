/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Filters
 *
 * A set of topic filters that tells fast whether one of them matches a topic.
 * Its cost grows with the filters that can match, not with their number: a
 * literal one is found by the hash that a slot carries, those with wildcards
 * through a tree of levels (children of a node are found by hash; '+' is an
 * ordinary child, '#' an entry on its parent).
 *
 * Texts are valid filters; the caller checks. A leaf: it knows nothing of
 * rings and channels.
 */
#ifndef LIBMQ_FILTERS_H
#define LIBMQ_FILTERS_H

#include "private.h"

struct libmq_filter_node;

/**
 * struct libmq_filter - a filter of a set
 * @next: the next of the set, in no particular order
 * @link: what points to this one
 * @chain: the next with the same hash
 * @node: where it hangs in the tree; NULL: it is literal
 * @from: matches only records from this sequence on
 * @counted: the kernel counts what it matches from this sequence on
 * @order: for the owner of the set: when it was added
 * @weight: clients behind it
 * @hash: of @text
 * @len: bytes of @text
 * @text: the filter, terminated
 */
struct libmq_filter {
	struct libmq_filter *next;
	struct libmq_filter **link;
	struct libmq_filter *chain;
	struct libmq_filter_node *node;
	uint64_t from;
	uint64_t counted;
	uint64_t order;
	uint32_t weight;
	uint32_t hash;
	uint32_t len;
	char text[];
};

/**
 * struct libmq_filter_node - a level of filters with wildcards
 * @parent: the level before; NULL: the root
 * @chain: the next with the same hash of (parent, text)
 * @plus: child '+'
 * @ends: filter that ends here
 * @below: filter that goes on with '#' and ends
 * @users: children and filters
 * @hash: of @parent and @text
 * @len: bytes of @text
 * @text: the level, behind the node
 */
struct libmq_filter_node {
	struct libmq_filter_node *parent;
	struct libmq_filter_node *chain;
	struct libmq_filter_node *plus;
	struct libmq_filter *ends;
	struct libmq_filter *below;
	uint32_t users;
	uint32_t hash;
	uint32_t len;
	char *text;
};

/**
 * struct libmq_filters - a set of filters; zeroed: empty
 * @all: its filters
 * @count: how many
 * @texts: table of filters by the hash of their text
 * @texts_size: its size, a power of two, or 0
 * @nodes: table of the nodes of the tree by parent and text
 * @nodes_size: its size, a power of two, or 0
 * @nodes_count: how many
 * @root: root of the tree
 */
struct libmq_filters {
	struct libmq_filter *all;
	uint32_t count;
	struct libmq_filter **texts;
	uint32_t texts_size;
	struct libmq_filter_node **nodes;
	uint32_t nodes_size;
	uint32_t nodes_count;
	struct libmq_filter_node root;
};

#define LIBMQ_FILTERS_MATCH	0x1	/* some filter wants the record */
#define LIBMQ_FILTERS_COUNTED	0x2	/* the kernel counts it as a match */

void libmq_filters_clear(struct libmq_filters *filters);
struct libmq_filter *libmq_filters_find(const struct libmq_filters *filters,
					const char *text, size_t len);
/* Adds a filter that is not in the set; NULL: no memory. */
struct libmq_filter *libmq_filters_add(struct libmq_filters *filters,
				       const char *text, size_t len);
void libmq_filters_remove(struct libmq_filters *filters, struct libmq_filter *filter);

/*
 * Return: LIBMQ_FILTERS_*, 0: no filter matches. @topic may change while it is
 * read (another record takes its place): the answer is then worth nothing,
 * but nothing else happens.
 */
unsigned int libmq_filters_match(const struct libmq_filters *filters, const char *topic,
				 uint32_t len, uint32_t hash, uint64_t sequence);

#endif /* LIBMQ_FILTERS_H */
