// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "subs.h"

#define TABLE_MIN 256

/**
 * struct subs_node - one level of some filters
 * @chain: next in the bucket
 * @parent: level above, NULL for the root
 * @plus: child for '+', or NULL
 * @children: how many, '+' included
 * @exact: filter that ends here, or NULL
 * @below: filter that ends here with "/#", or NULL
 * @hash: of parent and text
 * @len: bytes of @text
 * @text: the level
 */
struct subs_node {
	struct subs_node *chain;
	struct subs_node *parent;
	struct subs_node *plus;
	uint32_t children;
	struct subs_filter *exact;
	struct subs_filter *below;
	uint32_t hash;
	uint32_t len;
	char text[];
};

/* A level of a topic or filter, and what comes behind it. */
struct level {
	const char *text;
	size_t len;
	const char *rest;	/* NULL: it was the last one */
	size_t rest_len;
};

static struct level next_level(const char *text, size_t len)
{
	const char *slash = memchr(text, '/', len);

	if (!slash)
		return (struct level){ text, len, NULL, 0 };
	return (struct level){
		text, (size_t)(slash - text), slash + 1, len - (size_t)(slash + 1 - text),
	};
}

static uint32_t hash_level(const struct subs_node *parent, const char *text, size_t len)
{
	uint64_t hash = 14695981039346656037ULL ^ (uintptr_t)parent;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 1099511628211ULL;
	return (uint32_t)(hash ^ hash >> 32);
}

static struct subs_node *find_child(const struct subs *subs, const struct subs_node *parent,
				    const char *text, size_t len)
{
	uint32_t hash = hash_level(parent, text, len);
	struct subs_node *node = subs->table[hash & (subs->size - 1)];

	while (node && (node->hash != hash || node->parent != parent || node->len != len ||
			memcmp(node->text, text, len)))
		node = node->chain;
	return node;
}

/* No memory: the chains get longer, which is not an error. */
static void grow_table(struct subs *subs)
{
	uint32_t size = subs->size * 2;
	struct subs_node **table;

	if (subs->nodes < subs->size)
		return;
	table = calloc(size, sizeof(struct subs_node *));
	if (!table)
		return;
	for (uint32_t i = 0; i < subs->size; i++) {
		while (subs->table[i]) {
			struct subs_node *node = subs->table[i];

			subs->table[i] = node->chain;
			node->chain = table[node->hash & (size - 1)];
			table[node->hash & (size - 1)] = node;
		}
	}
	free(subs->table);
	subs->table = table;
	subs->size = size;
}

static struct subs_node *add_child(struct subs *subs, struct subs_node *parent,
				   const char *text, size_t len)
{
	struct subs_node *node = calloc(1, sizeof(*node) + len);

	if (!node)
		return NULL;
	grow_table(subs);
	node->parent = parent;
	node->hash = hash_level(parent, text, len);
	node->len = (uint32_t)len;
	memcpy(node->text, text, len);
	node->chain = subs->table[node->hash & (subs->size - 1)];
	subs->table[node->hash & (subs->size - 1)] = node;
	subs->nodes++;
	parent->children++;
	if (len == 1 && text[0] == '+')
		parent->plus = node;
	return node;
}

/* Frees the node and those above it that are good for nothing any more. */
static void prune(struct subs *subs, struct subs_node *node)
{
	while (node->parent && !node->children && !node->exact && !node->below) {
		struct subs_node **at = &subs->table[node->hash & (subs->size - 1)];
		struct subs_node *parent = node->parent;

		while (*at != node)
			at = &(*at)->chain;
		*at = node->chain;
		if (parent->plus == node)
			parent->plus = NULL;
		parent->children--;
		subs->nodes--;
		free(node);
		node = parent;
	}
}

int subs_init(struct subs *subs)
{
	memset(subs, 0, sizeof(*subs));
	subs->root = calloc(1, sizeof(*subs->root));
	subs->table = calloc(TABLE_MIN, sizeof(struct subs_node *));
	subs->size = TABLE_MIN;
	if (subs->root && subs->table)
		return 0;
	subs_exit(subs);
	return -ENOMEM;
}

void subs_exit(struct subs *subs)
{
	free(subs->root);
	free(subs->table);
	memset(subs, 0, sizeof(*subs));
}

/* Walks to the filter's node; *hash tells whether it ends with '#'. */
static struct subs_node *walk(const struct subs *subs, const char *filter, size_t len,
			      struct subs *grow, bool *hash)
{
	struct subs_node *node = subs->root;
	const char *at = filter;
	size_t left = len;

	*hash = false;
	while (at) {
		struct level level = next_level(at, left);
		struct subs_node *child;

		if (!level.rest && level.len == 1 && level.text[0] == '#') {
			*hash = true;
			break;
		}
		child = find_child(subs, node, level.text, level.len);
		if (!child && grow) {
			child = add_child(grow, node, level.text, level.len);
			if (!child)
				prune(grow, node);
		}
		if (!child)
			return NULL;
		node = child;
		at = level.rest;
		left = level.rest_len;
	}
	return node;
}

struct subs_filter *subs_find(const struct subs *subs, const char *filter, size_t len)
{
	bool hash;
	struct subs_node *node = walk(subs, filter, len, NULL, &hash);

	if (!node)
		return NULL;
	return hash ? node->below : node->exact;
}

static struct subs_filter *add_filter(struct subs *subs, const char *text, size_t len)
{
	struct subs_filter *filter = calloc(1, sizeof(*filter) + len + 1);

	if (!filter)
		return NULL;
	filter->node = walk(subs, text, len, subs, &filter->hash);
	if (!filter->node) {
		free(filter);
		return NULL;
	}
	memcpy(filter->text, text, len);
	filter->len = (uint32_t)len;
	*(filter->hash ? &filter->node->below : &filter->node->exact) = filter;
	subs->filters++;
	return filter;
}

int subs_add(struct subs *subs, struct sub *sub, const char *filter, size_t len)
{
	struct subs_filter *found = subs_find(subs, filter, len);

	if (!found)
		found = add_filter(subs, filter, len);
	if (!found)
		return -ENOMEM;
	sub->filter = found;
	sub->next = found->first;
	sub->previous = &found->first;
	if (sub->next)
		sub->next->previous = &sub->next;
	found->first = sub;
	found->count++;
	return 0;
}

uint32_t subs_remove(struct subs *subs, struct sub *sub)
{
	struct subs_filter *filter = sub->filter;

	*sub->previous = sub->next;
	if (sub->next)
		sub->next->previous = sub->previous;
	memset(sub, 0, sizeof(*sub));
	if (--filter->count)
		return filter->count;
	*(filter->hash ? &filter->node->below : &filter->node->exact) = NULL;
	prune(subs, filter->node);
	subs->filters--;
	free(filter);
	return 0;
}

/* What the walk over a topic carries along. */
struct match {
	const struct subs *subs;
	void (*take)(void *arg, struct subs_filter *filter);
	void *arg;
	bool dollar;	/* the topic begins with '$': no wildcard on level one */
};

/*
 * As deep as the deepest filter, which the library limits to 32 levels.
 * @topic NULL: the topic's levels are used up.
 */
static void match_below(const struct match *match, const struct subs_node *node,
			const char *topic, size_t len)
{
	bool wild = node->parent || !match->dollar;
	struct subs_node *child;
	struct level level;

	if (node->below && wild)
		match->take(match->arg, node->below);
	if (!topic) {
		if (node->exact)
			match->take(match->arg, node->exact);
		return;
	}
	if (!node->children)
		return;
	level = next_level(topic, len);
	if (node->plus && wild)
		match_below(match, node->plus, level.rest, level.rest_len);
	child = find_child(match->subs, node, level.text, level.len);
	if (child && child != node->plus)
		match_below(match, child, level.rest, level.rest_len);
}

void subs_match(const struct subs *subs, const char *topic, size_t len,
		void (*take)(void *arg, struct subs_filter *filter), void *arg)
{
	struct match match = { subs, take, arg, len && topic[0] == '$' };

	match_below(&match, subs->root, topic, len);
}
