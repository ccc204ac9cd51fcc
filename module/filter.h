/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Filter index of a channel
 *
 * Equal filters of all subscriptions share one entry, found through a tree.
 * An entry says when it last matched and how often; a link ties it to one
 * subscription. The cost of a publish grows with the distinct filters that
 * match its topic, never with subscriptions that don't.
 *
 * Life of an entry: made with its first link, in the tree until its last link is
 * unlinked, freed with the last one that is freed, after a grace period. Adding
 * and removing needs the filter mutex; both move the channel's generation under
 * the channel lock, so a publisher that routed before does it again. last, matched and weight of an
 * entry belong to the channel lock; last may be read without it.
 *
 * A topic with too many candidate filters matches "all": then all_last and
 * all_matched of the index stand for every entry, and counts derived from
 * them are upper bounds.
 */
#ifndef MQ_FILTER_H
#define MQ_FILTER_H

#include <linux/mutex.h>
#include "tree.h"

struct mq_subscription;

/**
 * struct mq_filter_entry - a distinct filter of a channel
 * @last: sequence + 1 of the last record it matched (channel lock; READ_ONCE)
 * @matched: how many records it matched (channel lock)
 * @weight: sum of the weights of its links (channel lock)
 * @links: its subscriptions (RCU; filter mutex to change)
 * @users: links that are not freed (filter mutex)
 * @rcu: frees it
 * @len: bytes of @text
 * @text: the filter
 */
struct mq_filter_entry {
	u64 last;
	u64 matched;
	u64 weight;
	struct list_head links;
	struct rcu_head rcu;
	u32 users;
	u32 len;
	char text[];
};

/**
 * struct mq_filter_link - a filter of a subscription
 * @entry: its entry
 * @subscription: whose; valid under RCU
 * @in_entry: in @entry->links
 * @in_subscription: in the subscription's links
 * @rcu: frees it
 * @from: sequence from which it is in force for records published live
 * @past: sequence + 1 of the last match below @from that the subscription
 *	is to see all the same (it started in the past), 0: none
 * @base: what @entry->matched was when it began, less the matches below @from
 * @counted: records below this are in the sum that a gap is closed with, 0: none
 *	(subscription mutex)
 * @weight: what it adds to @entry->weight (channel lock)
 * @started_past: records below @from belong to the subscription too
 * @wild: has a wildcard
 */
struct mq_filter_link {
	struct mq_filter_entry *entry;
	struct mq_subscription *subscription;
	struct list_head in_entry;
	struct list_head in_subscription;
	struct rcu_head rcu;
	u64 from;
	u64 past;
	u64 base;
	u64 counted;
	u32 weight;
	bool started_past;
	bool wild;
};

/**
 * struct mq_filters - the index
 * @lock: the filter mutex
 * @tree: entries by filter
 * @links: number of links (filter mutex)
 * @bytes: what they take of memory, roughly (filter mutex)
 * @weight: sum of the weights of all links (channel lock)
 * @all_last: sequence + 1 of the last record that counts as matching all
 *	(channel lock; READ_ONCE)
 * @all_matched: how many there were (channel lock)
 */
struct mq_filters {
	struct mutex lock; /* the filter mutex */
	struct mq_tree tree;
	u32 links;
	u64 bytes;
	u64 weight;
	u64 all_last;
	u64 all_matched;
};

int mq_filters_init(struct mq_filters *filters);
/* No link is left; a zeroed index is fine. */
void mq_filters_destroy(struct mq_filters *filters);

/**
 * mq_filter_link_new() - make a link and put its entry into the tree
 * @filters: index, its lock held
 * @filter: valid filter, not yet one of @subscription
 * @len: its length
 * @subscription: whose
 *
 * The link is not in force: the caller lists it in the subscription and the
 * entry (mq_filter_link_list()) and gives it its numbers under the channel
 * lock. Return: the link or ERR_PTR(-ENOMEM).
 */
struct mq_filter_link *mq_filter_link_new(struct mq_filters *filters, const char *filter,
					  u32 len, struct mq_subscription *subscription);

/**
 * mq_filter_link_unlink() - take a link out of its entry
 * @filters: index, its lock held
 * @link: link
 *
 * With its last link an entry leaves the tree. Publishers may have it in their
 * routes still: the caller moves the generation (mq_channel_reroute()), so that
 * nobody uses them any more, and only then frees.
 */
void mq_filter_link_unlink(struct mq_filters *filters, struct mq_filter_link *link);

/*
 * Takes an unlinked link out of its subscription; frees it, and its entry with the
 * last one, after RCU. The filter mutex may have been let go of since.
 */
void mq_filter_link_free(struct mq_filters *filters, struct mq_filter_link *link);

/* Whether a link concerns a record: its place and its topic. */
bool mq_filter_link_matches(const struct mq_filter_link *link, u64 sequence,
			    const char *topic, u32 len);

/* Sequence + 1 of the last record a link knows to match, 0: none. */
u64 mq_filter_link_last(const struct mq_filter_link *link);

#endif /* MQ_FILTER_H */
