// SPDX-License-Identifier: GPL-2.0-only
/* read(2) on a subscription: whole records that match, see linux/mq.h. */
#include <linux/align.h>
#include <linux/fs.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include "read.h"
#include "subscription.h"

u32 mq_read_size(const struct mq_ring_data *data)
{
	return ALIGN(sizeof(struct mq_record) + data->topic_len + data->payload_len +
		     data->metadata_len, 8);
}

static int read_put(char __user **to, const void *from, u32 len)
{
	if (copy_to_user(*to, from, len))
		return -EFAULT;
	*to += len;
	return 0;
}

int mq_read_put(char __user *to, const struct mq_ring_view *view)
{
	const struct mq_ring_data *data = &view->data;
	const struct mq_record record = {
		.size = mq_read_size(data),
		.topic_len = data->topic_len,
		.flags = data->flags,
		.payload_len = data->payload_len,
		.metadata_len = data->metadata_len,
		.sequence = view->sequence,
		.time = view->time,
		.publisher = view->publisher,
	};
	char __user *end = to + record.size;

	if (read_put(&to, &record, sizeof(record)) ||
	    read_put(&to, data->topic, data->topic_len) ||
	    read_put(&to, data->payload, data->payload_len) ||
	    read_put(&to, data->metadata, data->metadata_len))
		return -EFAULT;
	return clear_user(to, end - to) ? -EFAULT : 0;
}

bool mq_subscription_matches(struct mq_subscription *subscription, const struct mq_ring_view *view)
{
	struct mq_filter_link *link;
	bool matches = false;

	rcu_read_lock();
	list_for_each_entry_rcu(link, &subscription->links, in_subscription) {
		matches = mq_filter_link_matches(link, view->sequence,
						 (const char *)view->data.topic,
						 view->data.topic_len);
		if (matches)
			break;
	}
	rcu_read_unlock();
	return matches;
}

/*
 * One record to @buf. Return: bytes put; 0: it does not match; -ESTALE: it was
 * overwritten meanwhile; -EMSGSIZE: more than @len; -EFAULT.
 */
static ssize_t read_one(struct mq_subscription *subscription, u64 sequence,
			char __user *buf, size_t len)
{
	const struct mq_ring *ring = &subscription->channel->data.ring;
	struct mq_ring_view view;
	ssize_t size = 0;
	int err = 0;

	if (!mq_ring_peek(ring, sequence, &view))
		return -ESTALE;
	if (mq_subscription_matches(subscription, &view)) {
		size = mq_read_size(&view.data);
		err = size > len ? -EMSGSIZE : mq_read_put(buf, &view);
	}
	/* After the last use; an overwritten record may have looked like anything. */
	if (!mq_ring_intact(ring, sequence))
		return -ESTALE;
	return err ? err : size;
}

/* What matches and fits, from the cursor on; 0: nothing there. */
static ssize_t read_some(struct mq_subscription *subscription, char __user *buf, size_t len)
{
	const struct mq_ring *ring = &subscription->channel->data.ring;
	u64 position = mq_subscription_position(subscription);
	u64 head = mq_ring_head(ring);
	ssize_t done = 0;
	ssize_t err = 0;
	u32 work = 0;

	lockdep_assert_held(&subscription->lock);
	mq_subscription_notice(subscription);
	/* Without a filter yet, its place in the past is kept. */
	if (READ_ONCE(subscription->fresh))
		return 0;
	while (position < head) {
		ssize_t size;

		size = read_one(subscription, position, buf + done, len - done);
		if (size == -ESTALE) {
			struct mq_gap gap;

			mq_subscription_resync(subscription, &position, &gap);
			/* The gap may have closed beyond the head we knew. */
			if (!done)
				head = mq_ring_head(ring);
			continue;
		}
		if (size < 0) {
			err = size;
			break;
		}
		position++;
		done += size;
		if (size)
			subscription->delivered++;
		if (mq_subscription_rest(subscription, &work)) {
			err = -EINTR;
			break;
		}
	}
	mq_subscription_advance(subscription, position);
	return done ? done : err;
}

ssize_t mq_subscription_read(struct file *file, char __user *buf, size_t len, loff_t *off)
{
	struct mq_subscription *subscription = file->private_data;
	struct mq_channel *channel = subscription->channel;

	for (;;) {
		/* Before looking: what was published before death is seen. */
		bool dead = READ_ONCE(channel->data.dead);
		ssize_t done;

		if (mutex_lock_interruptible(&subscription->lock))
			return -EINTR;
		done = read_some(subscription, buf, len);
		mutex_unlock(&subscription->lock);
		if (done || dead)
			return done;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(subscription->wq,
					     mq_subscription_readable(subscription)))
			return -EINTR;
	}
}
