// SPDX-License-Identifier: GPL-2.0-only
/* Filters of a subscription: adding, changing, removing. */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "mq.h"
#include "subscription.h"
#include "trace.h"
#include "user.h"

/* With more filters than this a new one is not compared with all others. */
#define FILTER_OVERLAP_MAX	1024

/* Copies and checks the arguments; *text is then to be kvfree()d. */
static int filter_args(struct mq_filter *args, void __user *arg, char **text)
{
	u32 levels;

	if (copy_from_user(args, arg, sizeof(*args)))
		return -EFAULT;
	if (args->flags || args->reserved0 || args->reserved[0] || args->reserved[1] ||
	    !args->filter_len || args->filter_len > MQ_TOPIC_LEN_MAX)
		return -EINVAL;
	*text = kvmalloc(args->filter_len, GFP_KERNEL_ACCOUNT);
	if (!*text)
		return -ENOMEM;
	if (copy_from_user(*text, u64_to_user_ptr(args->filter), args->filter_len)) {
		kvfree(*text);
		return -EFAULT;
	}
	levels = mq_filter_levels(*text, args->filter_len);
	if (levels && levels <= MQ_FILTER_LEVELS_MAX)
		return 0;
	kvfree(*text);
	return levels ? -E2BIG : -EINVAL;
}

static struct mq_filter_link *filter_find(struct mq_subscription *subscription,
					  const char *text, u32 len)
{
	struct mq_filters *filters = &subscription->channel->filters;
	struct mq_filter_entry *entry;
	struct mq_filter_link *link;

	lockdep_assert_held(&filters->lock);
	entry = mq_tree_find(&filters->tree, text, len);
	if (entry)
		list_for_each_entry(link, &entry->links, in_entry)
			if (link->subscription == subscription)
				return link;
	return NULL;
}

/* Notes whether a record could match two filters of this subscription. */
static void filter_note_overlap(struct mq_subscription *subscription,
				const struct mq_filter_link *added)
{
	const struct mq_filter_entry *a = added->entry;
	struct mq_filter_link *link;

	/* Two different literal filters never do. */
	if (subscription->overlap || (!added->wild && !subscription->wild_count))
		return;
	if (subscription->link_count >= FILTER_OVERLAP_MAX) {
		WRITE_ONCE(subscription->overlap, true);
		return;
	}
	list_for_each_entry(link, &subscription->links, in_subscription) {
		const struct mq_filter_entry *b = link->entry;

		if ((added->wild || link->wild) &&
		    mq_filter_overlap(a->text, a->len, b->text, b->len))
			WRITE_ONCE(subscription->overlap, true);
	}
}

/* Puts a listed link in force. Channel lock. */
static u64 filter_begin(struct mq_subscription *subscription, struct mq_filter_link *link,
			u32 weight, u64 position)
{
	struct mq_channel *channel = subscription->channel;
	u64 start = READ_ONCE(subscription->start);
	/* A resync may be about to move the position to where start is by now. */
	bool past = start != U64_MAX && position <= start;
	u64 from = channel->data.ring.head;

	lockdep_assert_held(&channel->data.lock);
	mq_channel_reroute(channel);
	/* Until the past is counted, the last record of it is taken to match. */
	WRITE_ONCE(link->past, past && position < from ? from : 0);
	WRITE_ONCE(link->started_past, past);
	WRITE_ONCE(link->from, from);
	link->base = link->entry->matched;
	link->weight = weight;
	link->entry->weight += weight;
	channel->filters.weight += weight;
	if (!link->past)
		return from;
	/* What other filters did not want, this one may: look again. */
	WRITE_ONCE(subscription->status->verified, position);
	if (subscription->holding)
		channel->data.hold = min(channel->data.hold, position);
	return from;
}

/*
 * Counts what a filter matched between @position and where it began. That takes
 * as long as the ring is long; the subscription mutex alone keeps the link.
 */
static void filter_count_past(struct mq_subscription *subscription, struct mq_filter_link *link,
			      u64 position)
{
	struct mq_channel *channel = subscription->channel;
	u64 matched, last;

	lockdep_assert_held(&subscription->lock);
	matched = mq_subscription_count(subscription, link, &position, link->from, &last);
	spin_lock(&channel->data.lock);
	WRITE_ONCE(link->past, last);
	link->base -= matched;
	spin_unlock(&channel->data.lock);
	/* Somebody may sleep on what was there all the time. */
	mq_subscription_wake(subscription, last, false);
}

/* Lists a new link and puts it in force at @position; from which sequence. */
static u64 filter_enforce(struct mq_subscription *subscription, struct mq_filter_link *link,
			  u32 weight, u64 position)
{
	struct mq_channel *channel = subscription->channel;
	u64 from;

	/* No scan between: it would take the new link for one without matches. */
	mutex_lock(&channel->endpoints.lock);
	list_add_tail_rcu(&link->in_subscription, &subscription->links);
	spin_lock(&channel->data.lock);
	from = filter_begin(subscription, link, weight, position);
	spin_unlock(&channel->data.lock);
	mutex_unlock(&channel->endpoints.lock);
	return from;
}

/* @past: a new one, if the ring has records for it that it has not counted yet. */
static int filter_add_locked(struct mq_subscription *subscription, const char *text,
			     struct mq_filter *args, u64 position, struct mq_filter_link **past)
{
	struct mq_channel *channel = subscription->channel;
	struct mq_filters *filters = &channel->filters;
	struct mq_filter_link *link;

	lockdep_assert_held(&filters->lock);
	if (READ_ONCE(channel->data.dead))
		return -ENODEV;
	link = filter_find(subscription, text, args->filter_len);
	if (link) {
		spin_lock(&channel->data.lock);
		link->entry->weight += (u64)args->weight - link->weight;
		filters->weight += (u64)args->weight - link->weight;
		link->weight = args->weight;
		args->sequence = channel->data.ring.head;
		spin_unlock(&channel->data.lock);
		return 0;
	}
	if (subscription->link_count >= READ_ONCE(mq_max_filters_per_subscription))
		return mq_limit_refuse(channel, MQ_LIMIT_FILTERS, -EMFILE);
	if (filters->links >= READ_ONCE(mq_max_filters_per_channel) ||
	    filters->bytes >= READ_ONCE(mq_max_filter_bytes))
		return mq_limit_refuse(channel, MQ_LIMIT_FILTERS, -ENFILE);
	if (!mq_user_charge(subscription->user, MQ_USER_FILTERS))
		return mq_limit_refuse(channel, MQ_LIMIT_USER, -EDQUOT);
	link = mq_filter_link_new(filters, text, args->filter_len, subscription);
	if (IS_ERR(link)) {
		mq_user_uncharge(subscription->user, MQ_USER_FILTERS);
		return PTR_ERR(link);
	}
	filter_note_overlap(subscription, link);
	subscription->wild_count += link->wild;
	WRITE_ONCE(subscription->link_count, subscription->link_count + 1);
	args->sequence = filter_enforce(subscription, link, args->weight, position);
	trace_mq_filter_add(subscription->id, text, args->filter_len, args->sequence);
	if (link->past)
		*past = link;
	return 0;
}

static int filter_add(struct mq_subscription *subscription, const char *text,
		      struct mq_filter *args)
{
	struct mq_filters *filters = &subscription->channel->filters;
	struct mq_filter_link *past = NULL;
	u64 position;
	int err;

	lockdep_assert_held(&subscription->lock);
	if (mutex_lock_interruptible(&filters->lock))
		return -EINTR;
	position = mq_subscription_position(subscription);
	err = filter_add_locked(subscription, text, args, position, &past);
	mutex_unlock(&filters->lock);
	if (past)
		filter_count_past(subscription, past, position);
	if (!err)
		mq_subscription_begin(subscription);
	return err;
}

int mq_subscription_filter_add(struct mq_subscription *subscription, void __user *arg)
{
	struct mq_filter args;
	char *text;
	int err;

	err = filter_args(&args, arg, &text);
	if (err)
		return err;
	err = -EINTR;
	if (!mutex_lock_interruptible(&subscription->lock)) {
		err = filter_add(subscription, text, &args);
		mq_subscription_unlock(subscription);
	}
	kvfree(text);
	if (!err && copy_to_user(arg, &args, sizeof(args)))
		return -EFAULT;
	return err;
}

/*
 * Takes a link out of force. What it matched since the beginning, and up to which
 * sequence.
 */
static u64 filter_end(struct mq_subscription *subscription, struct mq_filter_link *link,
		      u64 *head)
{
	struct mq_channel *channel = subscription->channel;
	u64 matched;

	/*
	 * The numbers first: publishers that don't find the entry any more don't
	 * count what it matches.
	 */
	spin_lock(&channel->data.lock);
	*head = channel->data.ring.head;
	link->entry->weight -= link->weight;
	channel->filters.weight -= link->weight;
	matched = link->entry->matched - link->base;
	spin_unlock(&channel->data.lock);
	mq_filter_link_unlink(&channel->filters, link);
	spin_lock(&channel->data.lock);
	mq_channel_reroute(channel);
	spin_unlock(&channel->data.lock);
	return matched;
}

/*
 * Counts what of @matched is unread before @head, while publishers and others who
 * add filters go on, and takes the link away.
 */
static void filter_drop(struct mq_subscription *subscription, struct mq_filter_link *link,
			u64 matched, u64 head)
{
	struct mq_channel *channel = subscription->channel;
	u64 position = mq_subscription_position(subscription);
	u64 from = position;
	u64 unread;

	/* With the lock nobody reads: what is unread now stays so. */
	lockdep_assert_held(&subscription->lock);
	/* Matches that are still to be read will not be delivered: not lost. */
	unread = mq_subscription_count(subscription, link, &from, head, NULL);
	/* What the ring took before is: nobody else may remember its gap. */
	if (from > position && mq_filter_link_last(link) > position)
		subscription->lost = from;
	spin_lock(&channel->data.lock);
	subscription->removed_matched += matched - unread;
	WRITE_ONCE(link->started_past, false);
	WRITE_ONCE(link->from, U64_MAX);
	spin_unlock(&channel->data.lock);
	subscription->wild_count -= link->wild;
	WRITE_ONCE(subscription->link_count, subscription->link_count - 1);
	mutex_lock(&channel->filters.lock);
	mq_filter_link_free(&channel->filters, link);
	mutex_unlock(&channel->filters.lock);
	mq_user_uncharge(subscription->user, MQ_USER_FILTERS);
}

static int filter_remove(struct mq_subscription *subscription, const char *text,
			 struct mq_filter *args)
{
	struct mq_filters *filters = &subscription->channel->filters;
	struct mq_filter_link *link;
	u64 matched = 0;

	if (mutex_lock_interruptible(&filters->lock))
		return -EINTR;
	link = filter_find(subscription, text, args->filter_len);
	if (link)
		matched = filter_end(subscription, link, &args->sequence);
	mutex_unlock(&filters->lock);
	if (!link)
		return -ENOENT;
	filter_drop(subscription, link, matched, args->sequence);
	trace_mq_filter_remove(subscription->id, text, args->filter_len);
	return 0;
}

int mq_subscription_filter_remove(struct mq_subscription *subscription, void __user *arg)
{
	struct mq_filter args;
	char *text;
	int err;

	err = filter_args(&args, arg, &text);
	if (err)
		return err;
	err = args.weight ? -EINVAL : 0;
	if (!err && mutex_lock_interruptible(&subscription->lock))
		err = -EINTR;
	if (!err) {
		err = filter_remove(subscription, text, &args);
		mq_subscription_unlock(subscription);
	}
	kvfree(text);
	if (!err && copy_to_user(arg, &args, sizeof(args)))
		return -EFAULT;
	return err;
}

void mq_subscription_filters_clear(struct mq_subscription *subscription)
{
	struct mq_channel *channel = subscription->channel;
	struct mq_filter_link *link, *next;

	mutex_lock(&channel->filters.lock);
	list_for_each_entry(link, &subscription->links, in_subscription) {
		mq_filter_link_unlink(&channel->filters, link);
		spin_lock(&channel->data.lock);
		link->entry->weight -= link->weight;
		channel->filters.weight -= link->weight;
		spin_unlock(&channel->data.lock);
		cond_resched();
	}
	spin_lock(&channel->data.lock);
	mq_channel_reroute(channel);
	spin_unlock(&channel->data.lock);
	list_for_each_entry_safe(link, next, &subscription->links, in_subscription) {
		mq_filter_link_free(&channel->filters, link);
		mq_user_uncharge(subscription->user, MQ_USER_FILTERS);
		cond_resched();
	}
	mutex_unlock(&channel->filters.lock);
}
