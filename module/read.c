// SPDX-License-Identifier: GPL-2.0-only
/* Taking records: read(2), MQ_IOC_RECEIVE, MQ_IOC_ACK on a subscription, see linux/mq.h. */
#include <linux/align.h>
#include <linux/fs.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include "mq.h"
#include "read.h"
#include "space.h"
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

/**
 * struct read_taken - what became of a call
 * @count: records put
 * @need: with -EMSGSIZE: bytes that the next record takes
 */
struct read_taken {
	u32 count;
	u32 need;
};

/*
 * One record to @buf. Return: bytes put; 0: it does not match; -ESTALE: it was
 * overwritten meanwhile; -EMSGSIZE: @need is more than @len; -EFAULT.
 */
static ssize_t read_one(struct mq_subscription *subscription, u64 sequence,
			char __user *buf, size_t len, u32 *need)
{
	const struct mq_ring *ring = &subscription->channel->data.ring;
	struct mq_ring_view view;
	ssize_t size = 0;
	int err = 0;

	if (!mq_ring_peek(ring, sequence, &view))
		return -ESTALE;
	if (mq_subscription_matches(subscription, &view)) {
		*need = mq_read_size(&view.data);
		size = *need;
		err = size > len ? -EMSGSIZE : mq_read_put(buf, &view);
	}
	/* After the last use; an overwritten record may have looked like anything. */
	if (!mq_ring_intact(ring, sequence))
		return -ESTALE;
	return err ? err : size;
}

/* What matches and fits, from the cursor on; 0: nothing there. */
static ssize_t read_some(struct mq_subscription *subscription, char __user *buf, size_t len,
			 struct read_taken *taken)
{
	const struct mq_ring *ring = &subscription->channel->data.ring;
	u64 position = mq_subscription_position(subscription);
	u64 head = mq_ring_head(ring);
	ssize_t done = 0;
	ssize_t err = 0;
	u32 work = 0;

	lockdep_assert_held(&subscription->lock);
	mq_subscription_notice(subscription);
	memset(taken, 0, sizeof(*taken));
	/* Without a filter yet, its place in the past is kept. */
	if (READ_ONCE(subscription->fresh))
		return 0;
	while (position < head) {
		ssize_t size;

		size = read_one(subscription, position, buf + done, len - done, &taken->need);
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
		if (size) {
			WRITE_ONCE(subscription->delivered, subscription->delivered + 1);
			taken->count++;
		}
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
		/*
		 * Before looking: what was published before death is seen.
		 * Pairs with mq_channel_kill().
		 */
		bool dead = smp_load_acquire(&channel->data.dead);
		struct read_taken taken;
		ssize_t done;

		if (mutex_lock_interruptible(&subscription->lock))
			return -EINTR;
		done = read_some(subscription, buf, len, &taken);
		mq_subscription_unlock(subscription);
		if (done || dead)
			return done;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(subscription->wq,
					     mq_subscription_readable(subscription)))
			return -EINTR;
	}
}

/* ---- MQ_IOC_RECEIVE -------------------------------------------------- */

int mq_receive_get(struct mq_receive *args, const struct mq_receive __user *user, u32 flags)
{
	if (copy_from_user(args, user, sizeof(*args)))
		return -EFAULT;
	if (args->flags & ~flags || args->reserved0 || args->reserved[0] || args->reserved[1])
		return -EINVAL;
	return 0;
}

int mq_receive_put(const struct mq_receive *args, struct mq_receive __user *user, int err)
{
	if (err == -EMSGSIZE && put_user(args->buffer_size, &user->buffer_size))
		return -EFAULT;
	if (!err && copy_to_user(user, args, sizeof(*args)))
		return -EFAULT;
	return err;
}

/* Tells of what went by since the last call that told. */
static void receive_tell(struct mq_subscription *subscription, struct mq_receive *args)
{
	lockdep_assert_held(&subscription->lock);
	args->passed = subscription->passed - subscription->told_passed;
	args->missed = subscription->missed - subscription->told_missed;
	mq_subscription_told(subscription);
}

int mq_subscription_receive(struct mq_subscription *subscription, struct mq_receive *args,
			    bool nowait)
{
	/* As in mq_subscription_read(). */
	bool dead = smp_load_acquire(&subscription->channel->data.dead);
	struct read_taken taken;
	ssize_t done;

	if (nowait && !mutex_trylock(&subscription->lock))
		return MQ_CONTENDED;
	if (!nowait && mutex_lock_interruptible(&subscription->lock))
		return -EINTR;
	done = read_some(subscription, u64_to_user_ptr(args->buffer), args->buffer_size, &taken);
	if (done > 0) {
		args->position = atomic64_read(&subscription->position);
		receive_tell(subscription, args);
	}
	mq_subscription_unlock(subscription);

	if (!done)
		return dead ? -ENODEV : -EAGAIN;
	if (done == -EMSGSIZE)
		args->buffer_size = taken.need;
	if (done < 0)
		return done;
	args->buffer_size = done;
	args->count = taken.count;
	return 0;
}

/* ---- MQ_IOC_ACK ------------------------------------------------------ */

int mq_subscription_ack(struct mq_subscription *subscription, struct mq_ack __user *user)
{
	struct mq_channel *channel = subscription->channel;
	struct mq_ack args;
	u64 position;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (args.flags || args.reserved0)
		return -EINVAL;
	position = mq_subscription_position(subscription);
	position = clamp(args.position, position, mq_ring_head(&channel->data.ring));
	mq_subscription_advance(subscription, position);
	/*
	 * Either we see that somebody lacks space, or its scan sees the cursor.
	 * Pairs with smp_mb() in mq_space_starve().
	 */
	smp_mb();
	if (READ_ONCE(channel->data.starved))
		mq_space_scan(channel);
	return put_user(position, &user->position);
}
