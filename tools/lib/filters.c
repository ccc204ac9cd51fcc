// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A set of filters, see filters.h. */
#include <stdlib.h>
#include <string.h>

#include "filters.h"

#define TABLE_MIN 16

/* A walk keeps at most one waiting node a level, and the one it is at. */
#define WALK_MAX (MQ_FILTER_LEVELS_MAX + 2)

static bool wildcard(const char *text, size_t len)
{
	return memchr(text, '+', len) || memchr(text, '#', len);
}

static uint32_t level_len(const char *text, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		if (text[i] == '/')
			break;
	return i;
}

/* ---- table of texts --------------------------------------------------- */

static void texts_insert(struct libmq_filters *filters, struct libmq_filter *filter)
{
	struct libmq_filter **bucket = &filters->texts[filter->hash & (filters->texts_size - 1)];

	filter->chain = *bucket;
	*bucket = filter;
}

static bool texts_grow(struct libmq_filters *filters)
{
	uint32_t size = filters->texts_size ? filters->texts_size * 2 : TABLE_MIN;
	struct libmq_filter **table;
	struct libmq_filter *filter;

	if (filters->count < filters->texts_size)
		return true;
	table = calloc(size, sizeof(*table));
	if (!table)
		return false;
	free(filters->texts);
	filters->texts = table;
	filters->texts_size = size;
	for (filter = filters->all; filter; filter = filter->next)
		texts_insert(filters, filter);
	return true;
}

static void texts_remove(struct libmq_filters *filters, struct libmq_filter *filter)
{
	struct libmq_filter **at = &filters->texts[filter->hash & (filters->texts_size - 1)];

	while (*at != filter)
		at = &(*at)->chain;
	*at = filter->chain;
}

static struct libmq_filter *texts_find(const struct libmq_filters *filters, const char *text,
				       size_t len, uint32_t hash)
{
	struct libmq_filter *filter;

	if (!filters->texts_size)
		return NULL;
	filter = filters->texts[hash & (filters->texts_size - 1)];
	for (; filter; filter = filter->chain)
		if (filter->hash == hash && filter->len == len && !memcmp(filter->text, text, len))
			return filter;
	return NULL;
}

/* ---- tree of levels ---------------------------------------------------- */

static uint32_t node_hash(const struct libmq_filter_node *parent, const char *text, uint32_t len)
{
	uint64_t mix = (uintptr_t)parent * 0x9e3779b97f4a7c15ULL;

	return mq_topic_hash(text, len) ^ (uint32_t)(mix >> 32);
}

static void nodes_insert(struct libmq_filters *filters, struct libmq_filter_node *node)
{
	struct libmq_filter_node **bucket = &filters->nodes[node->hash & (filters->nodes_size - 1)];

	node->chain = *bucket;
	*bucket = node;
}

static bool nodes_grow(struct libmq_filters *filters)
{
	uint32_t size = filters->nodes_size ? filters->nodes_size * 2 : TABLE_MIN;
	struct libmq_filter_node **old = filters->nodes;
	uint32_t old_size = filters->nodes_size;
	struct libmq_filter_node **table;
	uint32_t i;

	if (filters->nodes_count < old_size)
		return true;
	table = calloc(size, sizeof(*table));
	if (!table)
		return false;
	filters->nodes = table;
	filters->nodes_size = size;
	for (i = 0; i < old_size; i++) {
		while (old[i]) {
			struct libmq_filter_node *node = old[i];

			old[i] = node->chain;
			nodes_insert(filters, node);
		}
	}
	free(old);
	return true;
}

static struct libmq_filter_node *child_find(const struct libmq_filters *filters,
					    const struct libmq_filter_node *parent,
					    const char *text, uint32_t len)
{
	uint32_t hash = node_hash(parent, text, len);
	struct libmq_filter_node *node;

	if (!filters->nodes_size)
		return NULL;
	node = filters->nodes[hash & (filters->nodes_size - 1)];
	for (; node; node = node->chain)
		if (node->hash == hash && node->parent == parent && node->len == len &&
		    !memcmp(node->text, text, len))
			return node;
	return NULL;
}

static struct libmq_filter_node *child_add(struct libmq_filters *filters,
					   struct libmq_filter_node *parent,
					   const char *text, uint32_t len)
{
	struct libmq_filter_node *node;

	if (!nodes_grow(filters))
		return NULL;
	node = calloc(1, sizeof(*node) + len);
	if (!node)
		return NULL;
	node->parent = parent;
	node->hash = node_hash(parent, text, len);
	node->len = len;
	node->text = (char *)(node + 1);
	memcpy(node->text, text, len);
	nodes_insert(filters, node);
	filters->nodes_count++;
	parent->users++;
	if (len == 1 && text[0] == '+')
		parent->plus = node;
	return node;
}

/* Frees a node that nothing uses, and then its parents likewise. */
static void node_release(struct libmq_filters *filters, struct libmq_filter_node *node)
{
	while (node != &filters->root && !node->users) {
		struct libmq_filter_node **at;
		struct libmq_filter_node *parent = node->parent;

		at = &filters->nodes[node->hash & (filters->nodes_size - 1)];
		while (*at != node)
			at = &(*at)->chain;
		*at = node->chain;
		if (parent->plus == node)
			parent->plus = NULL;
		filters->nodes_count--;
		parent->users--;
		free(node);
		node = parent;
	}
}

static bool tree_add(struct libmq_filters *filters, struct libmq_filter *filter)
{
	struct libmq_filter_node *node = &filters->root;
	uint32_t at = 0;

	while (at <= filter->len && !(at < filter->len && filter->text[at] == '#')) {
		uint32_t len = level_len(filter->text + at, filter->len - at);
		struct libmq_filter_node *child;

		child = child_find(filters, node, filter->text + at, len);
		if (!child)
			child = child_add(filters, node, filter->text + at, len);
		if (!child) {
			node_release(filters, node);
			return false;
		}
		node = child;
		at += len + 1;
	}
	if (at < filter->len)
		node->below = filter;
	else
		node->ends = filter;
	node->users++;
	filter->node = node;
	return true;
}

static void tree_remove(struct libmq_filters *filters, struct libmq_filter *filter)
{
	struct libmq_filter_node *node = filter->node;

	if (node->ends == filter)
		node->ends = NULL;
	else
		node->below = NULL;
	node->users--;
	node_release(filters, node);
}

/* ---- set --------------------------------------------------------------- */

struct libmq_filter *libmq_filters_find(const struct libmq_filters *filters,
					const char *text, size_t len)
{
	return texts_find(filters, text, len, mq_topic_hash(text, len));
}

struct libmq_filter *libmq_filters_add(struct libmq_filters *filters,
				       const char *text, size_t len)
{
	struct libmq_filter *filter;

	if (!texts_grow(filters))
		return NULL;
	filter = calloc(1, sizeof(*filter) + len + 1);
	if (!filter)
		return NULL;
	filter->len = len;
	filter->hash = mq_topic_hash(text, len);
	memcpy(filter->text, text, len);
	if (wildcard(text, len) && !tree_add(filters, filter)) {
		free(filter);
		return NULL;
	}
	texts_insert(filters, filter);
	filter->next = filters->all;
	filter->link = &filters->all;
	if (filter->next)
		filter->next->link = &filter->next;
	filters->all = filter;
	filters->count++;
	return filter;
}

void libmq_filters_remove(struct libmq_filters *filters, struct libmq_filter *filter)
{
	if (filter->node)
		tree_remove(filters, filter);
	texts_remove(filters, filter);
	*filter->link = filter->next;
	if (filter->next)
		filter->next->link = filter->link;
	filters->count--;
	free(filter);
}

void libmq_filters_clear(struct libmq_filters *filters)
{
	while (filters->all)
		libmq_filters_remove(filters, filters->all);
	free(filters->texts);
	free(filters->nodes);
	memset(filters, 0, sizeof(*filters));
}

/* ---- matching ---------------------------------------------------------- */

static unsigned int verdict(const struct libmq_filter *filter, uint64_t sequence)
{
	if (!filter)
		return 0;
	return (sequence >= filter->from ? LIBMQ_FILTERS_MATCH : 0) |
	       (sequence >= filter->counted ? LIBMQ_FILTERS_COUNTED : 0);
}

struct waiting {
	const struct libmq_filter_node *node;
	uint32_t at;
};

/*
 * Depth first with a stack of its own. At each node two children can follow, of
 * which one is gone into at once, so one a level waits.
 */
static unsigned int tree_match(const struct libmq_filters *filters, const char *topic,
			       uint32_t len, uint64_t sequence)
{
	bool dollar = topic[0] == '$';
	struct waiting stack[WALK_MAX] = { { &filters->root, 0 } };
	unsigned int found = 0;
	unsigned int depth = 1;

	while (depth && found != (LIBMQ_FILTERS_MATCH | LIBMQ_FILTERS_COUNTED)) {
		const struct libmq_filter_node *node = stack[--depth].node;
		uint32_t at = stack[depth].at;
		bool hide = dollar && node == &filters->root;
		const struct libmq_filter_node *child;
		uint32_t level;

		if (!hide)
			found |= verdict(node->below, sequence);
		if (at > len) {
			found |= verdict(node->ends, sequence);
			continue;
		}
		level = level_len(topic + at, len - at);
		if (node->plus && !hide)
			stack[depth++] = (struct waiting){ node->plus, at + level + 1 };
		child = child_find(filters, node, topic + at, level);
		if (child && child != node->plus)
			stack[depth++] = (struct waiting){ child, at + level + 1 };
	}
	return found;
}

unsigned int libmq_filters_match(const struct libmq_filters *filters, const char *topic,
				 uint32_t len, uint32_t hash, uint64_t sequence)
{
	unsigned int found;

	found = verdict(texts_find(filters, topic, len, hash), sequence);
	if (found == (LIBMQ_FILTERS_MATCH | LIBMQ_FILTERS_COUNTED) || !filters->root.users)
		return found;
	return found | tree_match(filters, topic, len, sequence);
}
