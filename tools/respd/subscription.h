/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Who subscribes to what
 *
 * A channel is a literal topic: its subscriptions are in the worker's index
 * of filters, so the kernel has the topic as a filter whose weight is the
 * number of its subscribers.
 *
 * A pattern may match any name. The kernel gets the narrowest filter that
 * covers it (name.h), with weight 0, shared by all patterns that have the
 * same; which names really match is decided here, for records that came in
 * (deliver.c) and for the number that PUBLISH answers.
 *
 * Adding returns when the kernel has the filter in force: what is published
 * from then on will come, and nothing that was published before, even if others
 * have yet to get that (mark). The last subscription of a pattern or channel
 * takes its filter along.
 */
#ifndef RESPD_SUBSCRIPTION_H
#define RESPD_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buckets.h"
#include "resp_codec.h"
#include "subs.h"

/*
 * Most patterns of one client: each record and PUBLISH is compared with all there are,
 * and one filter of the kernel does for many. Of channels each has a filter there.
 */
#define PATTERNS_MAX	4096

struct client;
struct respd;

/**
 * struct wide - a filter that covers patterns
 * @entry: in the table; first
 * @uses: patterns
 * @len: bytes of @filter
 * @filter: the filter
 */
struct wide {
	struct bucket_entry entry;
	uint32_t uses;
	uint32_t len;
	char filter[];
};

/**
 * struct pattern - a distinct pattern
 * @entry: in the table; first
 * @next: of all, latest first
 * @previous: pointer that points here
 * @first: its subscriptions
 * @count: how many
 * @wide: the kernel's filter for it
 * @text: the pattern, @len bytes
 * @len: see @text
 */
struct pattern {
	struct bucket_entry entry;
	struct pattern *next;
	struct pattern **previous;
	struct subscription *first;
	uint32_t count;
	struct wide *wide;
	uint32_t len;
	char text[];
};

/**
 * struct subscription - one client's interest in a channel or pattern
 * @sub: channel: its place in the worker's index; first
 * @entry: in the table
 * @pattern: pattern: which; channel: NULL
 * @pattern_next: of the same pattern
 * @pattern_previous: pointer that points here
 * @client: whose
 * @next: of the same client, oldest first
 * @previous: pointer that points here
 * @mark: libmq_bus_mark() of its beginning
 * @len: bytes of @name
 * @name: channel or pattern as the client wrote it
 */
struct subscription {
	struct sub sub;
	struct bucket_entry entry;
	struct pattern *pattern;
	struct subscription *pattern_next;
	struct subscription **pattern_previous;
	struct client *client;
	struct subscription *next;
	struct subscription **previous;
	uint64_t mark;
	uint32_t len;
	char name[];
};

/**
 * struct subscription_list - the subscriptions of one client
 * @first: oldest
 * @last: the pointer to append at
 * @channels: how many are of channels
 * @patterns: how many are of patterns
 */
struct subscription_list {
	struct subscription *first;
	struct subscription **last;
	uint32_t channels;
	uint32_t patterns;
};

/**
 * struct subscription_table - all of one worker
 * @subscriptions: by client, kind and name
 * @pattern_texts: distinct patterns, by text
 * @patterns: all of those
 * @wides: filters that cover them
 */
struct subscription_table {
	struct buckets subscriptions;
	struct buckets pattern_texts;
	struct pattern *patterns;
	struct buckets wides;
};

static inline struct subscription *subscription_of(struct bucket_entry *entry)
{
	return (struct subscription *)((char *)entry - offsetof(struct subscription, entry));
}

int subscription_table_init(struct subscription_table *table);
/* All subscriptions must be gone. */
void subscription_table_exit(struct subscription_table *table);
void subscription_list_init(struct subscription_list *list);

struct subscription *subscription_find(struct client *client, bool pattern,
				       const char *name, size_t len);
/*
 * Adds one that the client does not have yet; of patterns it may have PATTERNS_MAX.
 * Return: 0; -EINVAL: an empty channel name; -ENAMETOOLONG; what
 * libmq_bus_subscribe() and libmq_bus_retained() return.
 */
int subscription_add(struct client *client, bool pattern, const char *name, size_t len);
void subscription_remove(struct subscription *subscription);
/* All of a client, without a word to it. */
void subscription_remove_all(struct client *client);

/*
 * Whether a pattern gets what is published on a channel and its topic: the kernel's
 * filter leaves topics with '$' out, even if they come for another subscription.
 */
bool pattern_matches(const struct pattern *pattern, const struct resp_arg *channel,
		     const char *topic, size_t topic_len);
/* How many subscriptions to patterns match a channel and its topic. */
uint32_t subscription_count_matches(const struct subscription_table *table,
				    const struct resp_arg *channel,
				    const char *topic, size_t topic_len);

#endif /* RESPD_SUBSCRIPTION_H */
