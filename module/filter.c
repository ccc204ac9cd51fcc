// SPDX-License-Identifier: GPL-2.0-only
/* Filter index of a channel, see filter.h. */
#include <linux/err.h>
#include <linux/rculist.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/mq_topic.h>
#include "filter.h"

int mq_filters_init(struct mq_filters *filters)
{
	mutex_init(&filters->lock);
	return mq_tree_init(&filters->tree);
}

void mq_filters_destroy(struct mq_filters *filters)
{
	mq_tree_destroy(&filters->tree);
}

/* The entry of a filter, made if there is none. */
static struct mq_filter_entry *filter_entry(struct mq_filters *filters, const char *filter, u32 len)
{
	struct mq_filter_entry *entry;
	int err;

	entry = mq_tree_find(&filters->tree, filter, len);
	if (entry)
		return entry;
	entry = kvzalloc(struct_size(entry, text, len), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&entry->links);
	entry->len = len;
	memcpy(entry->text, filter, len);
	err = mq_tree_insert(&filters->tree, filter, len, entry);
	if (err) {
		kvfree(entry);
		return ERR_PTR(err);
	}
	return entry;
}

/* What a filter takes of memory, with its levels in the tree; roughly. */
static u64 filter_bytes(const struct mq_filter_entry *entry)
{
	return 256 + 2 * entry->len + 128 * mq_filter_levels(entry->text, entry->len);
}

struct mq_filter_link *mq_filter_link_new(struct mq_filters *filters, const char *filter,
					  u32 len, struct mq_subscription *subscription)
{
	struct mq_filter_entry *entry;
	struct mq_filter_link *link;

	lockdep_assert_held(&filters->lock);
	link = kzalloc(sizeof(*link), GFP_KERNEL_ACCOUNT);
	if (!link)
		return ERR_PTR(-ENOMEM);
	entry = filter_entry(filters, filter, len);
	if (IS_ERR(entry)) {
		kfree(link);
		return ERR_CAST(entry);
	}
	link->entry = entry;
	entry->users++;
	link->subscription = subscription;
	link->wild = memchr(filter, '+', len) || memchr(filter, '#', len);
	/* Not in force before the caller says from when. */
	link->from = U64_MAX;
	list_add_tail_rcu(&link->in_entry, &entry->links);
	INIT_LIST_HEAD(&link->in_subscription);
	filters->links++;
	filters->bytes += filter_bytes(entry);
	return link;
}

void mq_filter_link_unlink(struct mq_filters *filters, struct mq_filter_link *link)
{
	struct mq_filter_entry *entry = link->entry;

	lockdep_assert_held(&filters->lock);
	list_del_rcu(&link->in_entry);
	if (list_empty(&entry->links))
		mq_tree_remove(&filters->tree, entry->text, entry->len);
	filters->links--;
	filters->bytes -= filter_bytes(entry);
}

void mq_filter_link_free(struct mq_filters *filters, struct mq_filter_link *link)
{
	lockdep_assert_held(&filters->lock);
	list_del_rcu(&link->in_subscription);
	if (!--link->entry->users)
		kfree_rcu(link->entry, rcu);
	kfree_rcu(link, rcu);
}

bool mq_filter_link_matches(const struct mq_filter_link *link, u64 sequence,
			    const char *topic, u32 len)
{
	if (sequence < READ_ONCE(link->from) && !READ_ONCE(link->started_past))
		return false;
	/*
	 * A topic in the ring may be overwritten while it is looked at: the caller
	 * asks mq_ring_intact() before the answer counts.
	 */
	return data_race(mq_topic_match(link->entry->text, link->entry->len, topic, len));
}

u64 mq_filter_link_last(const struct mq_filter_link *link)
{
	u64 last = READ_ONCE(link->entry->last);
	u64 from = READ_ONCE(link->from);

	/* The entry may be older than the link: its match need not be ours. */
	return last > from ? last : READ_ONCE(link->past);
}
