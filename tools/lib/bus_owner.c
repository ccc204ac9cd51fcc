// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Claims of the bus: which channel owns a topic. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"

/* Claims may move while they are read; then they are read again, so often. */
#define READ_TRIES 8

#define CACHE_SIZE 1024
/* Longer topics are looked up each time. */
#define CACHE_TOPIC_MAX 116

struct cache_entry {
	struct libmq_node *node;
	uint32_t hash;
	uint8_t len;
	char topic[CACHE_TOPIC_MAX];
};

struct libmq_owner_cache {
	struct cache_entry entries[CACHE_SIZE];
};

/* ---- order of claims ----------------------------------------------------- */

/* The end of a filter wins over a literal level, that over '+', that over '#'. */
enum rank { RANK_END, RANK_LITERAL, RANK_ONE, RANK_MULTI };

static enum rank rank(const char *at, const char *end)
{
	if (at > end)
		return RANK_END;
	if (at < end && *at == '#')
		return RANK_MULTI;
	if (at < end && *at == '+')
		return RANK_ONE;
	return RANK_LITERAL;
}

static const char *next_level(const char *at, const char *end)
{
	while (at < end && *at != '/')
		at++;
	return at + 1;
}

/*
 * Orders claims so that the first that matches a topic owns it. Of two that
 * match the same topic the first level in which their kinds differ decides;
 * comparing the rows of kinds alone does that, and is a total order.
 */
static int compare(const void *left, const void *right)
{
	const struct libmq_claim *a = left;
	const struct libmq_claim *b = right;
	const char *a_at = a->text;
	const char *b_at = b->text;

	for (;;) {
		enum rank x = rank(a_at, a->text + a->len);
		enum rank y = rank(b_at, b->text + b->len);

		if (x != y)
			return x < y ? -1 : 1;
		if (x == RANK_END)
			return 0;
		a_at = next_level(a_at, a->text + a->len);
		b_at = next_level(b_at, b->text + b->len);
	}
}

/* ---- reading claims ------------------------------------------------------- */

void libmq_bus_claims_free(struct libmq_bus *bus)
{
	free(bus->claims);
	bus->claims = NULL;
	bus->claims_count = 0;
	if (bus->cache)
		memset(bus->cache, 0, sizeof(*bus->cache));
}

static bool usable(const struct libmq_node *node)
{
	return node->channel && !node->retired;
}

/* Everything is stored anew: claims point into the nodes' infos. */
static int build_table(struct libmq_bus *bus)
{
	struct libmq_node *node;
	unsigned int count = 0;
	unsigned int i;

	libmq_bus_claims_free(bus);
	for (node = bus->nodes; node; node = node->next)
		count += usable(node) ? node->info.claims_count : 0;
	if (!count)
		return 0;
	bus->claims = calloc(count, sizeof(*bus->claims));
	if (!bus->claims)
		return -ENOMEM;
	for (node = bus->nodes; node; node = node->next)
		for (i = 0; usable(node) && i < node->info.claims_count; i++)
			bus->claims[bus->claims_count++] = (struct libmq_claim){
				.node = node,
				.text = node->info.claims[i],
				.len = strlen(node->info.claims[i]),
			};
	qsort(bus->claims, bus->claims_count, sizeof(*bus->claims), compare);
	return 0;
}

/* Reads the claims of one node; the node may be gone afterwards. */
static int read_node(struct libmq_bus *bus, struct libmq_node *node, uint64_t *generation)
{
	struct libmq_channel_info info = {};
	int error = libmq_channel_info(node->channel, &info);

	if (error == -ENODEV || (!error && info.dead)) {
		libmq_channel_info_free(&info);
		libmq_bus_retire(bus, node);
		return 0;
	}
	if (error)
		return error;
	libmq_channel_info_free(&node->info);
	node->info = info;
	if (!*generation)
		*generation = info.generation;
	return info.generation == *generation ? 0 : -EAGAIN;
}

/* One pass over all nodes; -EAGAIN: claims moved in the middle of it. */
static int read_nodes(struct libmq_bus *bus)
{
	struct libmq_node *node = bus->nodes;
	uint64_t generation = 0;
	int error = 0;

	while (node && (!error || error == -EAGAIN)) {
		struct libmq_node *next = node->next;
		int failed = 0;

		/* Before its claims: a later change shows as a difference. */
		if (node->subscription)
			node->subscription->generation =
				libmq_ring_generation(&node->subscription->ring);
		if (usable(node))
			failed = read_node(bus, node, &generation);
		if (failed)
			error = failed;
		node = next;
	}
	bus->generation = generation;
	return error;
}

static bool moved(struct libmq_bus *bus)
{
	struct libmq_node *node;
	uint64_t generation;
	uint64_t head;

	for (node = bus->nodes; node; node = node->next) {
		if (!usable(node))
			continue;
		if (libmq_channel_position(node->channel, &head, &generation))
			return true;
		return generation != bus->generation;
	}
	return false;
}

/* Reads all claims into a table. Without memory there is none. */
static int read_claims(struct libmq_bus *bus)
{
	int error = -EAGAIN;
	int tries;

	/* The table points into what is now read anew. */
	libmq_bus_claims_free(bus);
	for (tries = 0; tries < READ_TRIES && error == -EAGAIN; tries++)
		error = read_nodes(bus);
	/* Still moving: what we have is as good as any; the next look repeats. */
	if (!error || error == -EAGAIN)
		error = build_table(bus);
	/* No claims have this generation: they have moved at the next look. */
	if (error)
		bus->generation = 0;
	return error;
}

int libmq_bus_claims(struct libmq_bus *bus, bool force)
{
	struct libmq_node *node;
	int error;

	if (!force && !moved(bus))
		return 0;
	error = read_claims(bus);
	if (error)
		return error;
	for (node = bus->nodes; node; node = node->next) {
		/* Filters that could not be put begin there when they can. */
		if (usable(node) && libmq_bus_put_filters(bus, node, node->claims_head))
			node->claims_head = node->info.head;
	}
	bus->lack_told &= bus->lacks;
	return 1;
}

bool libmq_node_meets(const struct libmq_node *node, const char *filter, size_t len)
{
	unsigned int i;

	if (!usable(node))
		return false;
	for (i = 0; i < node->info.claims_count; i++)
		if (libmq_filter_overlap(filter, len, node->info.claims[i],
					 strlen(node->info.claims[i])))
			return true;
	return false;
}

/* ---- looking up an owner -------------------------------------------------- */

static struct libmq_node *look_up(struct libmq_bus *bus, const char *topic, size_t len)
{
	unsigned int i;

	for (i = 0; i < bus->claims_count; i++) {
		const struct libmq_claim *claim = &bus->claims[i];

		if (mq_topic_match(claim->text, claim->len, topic, len))
			return claim->node;
	}
	return NULL;
}

/* Without memory for a cache there is none. */
static struct cache_entry *cache_slot(struct libmq_bus *bus, uint32_t hash, size_t len)
{
	if (!len || len > CACHE_TOPIC_MAX)
		return NULL;
	if (!bus->cache)
		bus->cache = calloc(1, sizeof(*bus->cache));
	return bus->cache ? &bus->cache->entries[(hash ^ hash >> 16) % CACHE_SIZE] : NULL;
}

struct libmq_node *libmq_bus_owner(struct libmq_bus *bus, const char *topic, size_t len)
{
	uint32_t hash = mq_topic_hash(topic, len);
	struct cache_entry *entry = cache_slot(bus, hash, len);

	if (entry && entry->node && entry->hash == hash && entry->len == len &&
	    !memcmp(entry->topic, topic, len))
		return entry->node;
	if (entry) {
		entry->node = look_up(bus, topic, len);
		entry->hash = hash;
		entry->len = len;
		memcpy(entry->topic, topic, len);
		return entry->node;
	}
	return look_up(bus, topic, len);
}
