// SPDX-License-Identifier: GPL-2.0-only
/* Will: setting and clearing, see will.h. */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "expire.h"
#include "mq.h"
#include "space.h"
#include "user.h"
#include "will.h"

/* ---- making one ------------------------------------------------------ */

void mq_will_free(struct mq_will_entry *will)
{
	if (!will)
		return;
	mq_retained_put(will->value);
	put_pid(will->process);
	mq_identity_put(will->identity);
	mq_user_uncharge(will->user, MQ_USER_WILLS);
	mq_user_put(will->user);
	kfree(will);
}

static int will_check(const struct mq_publisher *publisher, const struct mq_will *args)
{
	if (args->flags & ~MQ_WILL_ON_EXIT || args->reserved0 || args->reserved[0] ||
	    args->reserved[1] || !args->topic_len ||
	    args->record_flags & ~(MQ_RECORD_RETAIN | MQ_RECORD_USER_MASK))
		return -EINVAL;
	if (args->expiry_ns && !(args->record_flags & MQ_RECORD_RETAIN))
		return -EINVAL;
	if ((u64)args->topic_len + args->payload_len + args->metadata_len >
	    publisher->channel->data.ring.config.max_record)
		return -EMSGSIZE;
	/* It keeps its place in the ring for so long, whoever is left to clear it. */
	if (args->delay_ms > READ_ONCE(mq_max_will_delay))
		return mq_limit_refuse(publisher->channel, MQ_LIMIT_WILLS, -ERANGE);
	return 0;
}

/* The parts of the record: the only read of user memory. */
static int will_copy(struct mq_will_entry *will, const struct mq_will *args)
{
	struct mq_ring_data *data = &will->value->data;
	u8 *at = will->value->bytes;

	if (copy_from_user(at, u64_to_user_ptr(args->topic), args->topic_len))
		return -EFAULT;
	at += args->topic_len;
	if (copy_from_user(at, u64_to_user_ptr(args->payload), args->payload_len))
		return -EFAULT;
	at += args->payload_len;
	if (copy_from_user(at, u64_to_user_ptr(args->metadata), args->metadata_len))
		return -EFAULT;
	if (!mq_topic_valid(data->topic, data->topic_len))
		return -EINVAL;
	data->topic_hash = mq_topic_hash(data->topic, data->topic_len);
	will->data = *data;
	return 0;
}

static struct mq_will_entry *will_new(const struct mq_publisher *publisher,
				      const struct mq_will *args)
{
	const struct mq_ring_data sizes = {
		.topic_len = args->topic_len,
		.payload_len = args->payload_len,
		.metadata_len = args->metadata_len,
		.flags = args->record_flags | MQ_RECORD_WILL,
	};
	struct mq_will_entry *will;
	int err;

	will = kzalloc(sizeof(*will), GFP_KERNEL_ACCOUNT);
	if (!will)
		return ERR_PTR(-ENOMEM);
	will->id = args->id;
	will->publisher_id = publisher->id;
	will->pid = publisher->pid;
	will->identity = mq_identity_get(publisher->identity);
	will->delay_ms = args->delay_ms;
	will->expiry_ns = args->expiry_ns;
	will->value = mq_retained_alloc(&sizes);
	err = PTR_ERR_OR_ZERO(will->value);
	if (err)
		will->value = NULL;
	else
		err = will_copy(will, args);
	if (err) {
		mq_will_free(will);
		return ERR_PTR(err);
	}
	if (args->flags & MQ_WILL_ON_EXIT)
		will->process = get_pid(task_tgid(current));
	return will;
}

/* ---- reserving ------------------------------------------------------- */

void mq_will_unreserve(struct mq_channel *channel, const struct mq_ring_data *data)
{
	lockdep_assert_held(&channel->data.lock);
	mq_ring_release(&channel->data.ring, mq_ring_need(data));
	if (mq_will_retains(data))
		mq_retained_release(&channel->data.retained, data);
	channel->data.wills--;
}

/*
 * Reserves for @will in the place of @old. Return: 0, or why not, and all is as
 * it was; @limit is what an -EDQUOT means.
 */
static int will_reserve(struct mq_channel *channel, const struct mq_will_entry *will,
			const struct mq_will_entry *old, enum mq_limit *limit)
{
	struct mq_retained_set *set = &channel->data.retained;
	struct mq_ring *ring = &channel->data.ring;
	struct mq_retained_growth values;
	struct mq_ring_space space;
	int err = -ENODEV;

	spin_lock(&channel->data.lock);
	space = ring->reserved;
	values = set->reserved;
	if (channel->data.dead)
		goto unlock;
	if (old)
		mq_will_unreserve(channel, &old->data);
	*limit = MQ_LIMIT_WILLS;
	err = mq_ring_reserve(ring, mq_ring_need(&will->data), mq_space_hold(channel));
	if (!err && mq_will_retains(&will->data)) {
		*limit = MQ_LIMIT_RETAINED;
		err = mq_retained_reserve(set, &will->data);
	}
	if (err) {
		ring->reserved = space;
		set->reserved = values;
	}
	channel->data.wills += !err || old;
unlock:
	spin_unlock(&channel->data.lock);
	return err;
}

/* With what can be done for it, process context. */
static int will_reserve_hard(struct mq_channel *channel, const struct mq_will_entry *will,
			     const struct mq_will_entry *old)
{
	enum mq_limit limit;
	int err = will_reserve(channel, will, old, &limit);

	if (err == -EDQUOT && limit == MQ_LIMIT_RETAINED) {
		/* Perhaps what fills them has expired. */
		mq_expire_sweep(channel);
		err = will_reserve(channel, will, old, &limit);
	}
	if (err == -EAGAIN) {
		mq_space_starve(channel, 1, mq_ring_need(&will->data));
		err = will_reserve(channel, will, old, &limit);
		if (err == -EAGAIN)
			mq_space_refuse(channel);
	}
	return err == -EDQUOT ? mq_limit_refuse(channel, limit, err) : err;
}

void mq_will_made_room(struct mq_channel *channel)
{
	if (READ_ONCE(channel->data.starved))
		mq_channel_kick(channel);
}

/* ---- setting --------------------------------------------------------- */

static struct mq_will_entry *will_find(const struct mq_wills *wills, u64 id)
{
	struct rb_node *node = wills->by_id.rb_node;

	while (node) {
		struct mq_will_entry *will = rb_entry(node, struct mq_will_entry, node);

		if (id == will->id)
			return will;
		node = id < will->id ? node->rb_left : node->rb_right;
	}
	return NULL;
}

static bool will_id_less(struct rb_node *node, const struct rb_node *other)
{
	return rb_entry(node, struct mq_will_entry, node)->id <
	       rb_entry(other, struct mq_will_entry, node)->id;
}

/* Adds it behind the others of its publisher. */
static void will_enter(struct mq_wills *wills, struct mq_will_entry *will)
{
	rb_add(&will->node, &wills->by_id, will_id_less);
	list_add_tail(&will->list, &wills->list);
	wills->count++;
	WRITE_ONCE(wills->on_exit, wills->on_exit + !!will->process);
}

void mq_will_leave(struct mq_wills *wills, struct mq_will_entry *will)
{
	rb_erase(&will->node, &wills->by_id);
	list_del(&will->list);
	wills->count--;
	WRITE_ONCE(wills->on_exit, wills->on_exit - !!will->process);
}

/*
 * Limits of wills, for one more; the ring's and the retained values' come with
 * will_reserve(). Puts it on the account of its publisher's maker.
 */
static int will_charge(struct mq_publisher *publisher, struct mq_will_entry *will)
{
	if (publisher->wills.count >= READ_ONCE(mq_max_wills_per_publisher))
		return mq_limit_refuse(publisher->channel, MQ_LIMIT_WILLS, -EMFILE);
	if (!mq_user_charge(publisher->user, MQ_USER_WILLS))
		return mq_limit_refuse(publisher->channel, MQ_LIMIT_USER, -EDQUOT);
	will->user = mq_user_get(publisher->user);
	return 0;
}

static int will_make_speaker(struct mq_channel *channel)
{
	struct mq_publisher *speaker;

	if (channel->wills.speaker)
		return 0;
	speaker = kvzalloc(sizeof(*speaker), GFP_KERNEL_ACCOUNT);
	if (!speaker)
		return -ENOMEM;
	/* It is the channel's own, and so holds no reference to it. */
	mq_publish_init(speaker, channel);
	channel->wills.speaker = speaker;
	return 0;
}

static bool will_owns(const struct mq_channel *channel, const struct mq_ring_data *data)
{
	bool owns;

	rcu_read_lock();
	owns = mq_claim_owner(data->topic, data->topic_len) == channel;
	rcu_read_unlock();
	return owns;
}

static int will_set_locked(struct mq_publisher *publisher, struct mq_will_entry *will)
{
	struct mq_channel *channel = publisher->channel;
	struct mq_will_entry *old = will_find(&publisher->wills, will->id);
	int err = 0;

	lockdep_assert_held(&channel->wills.lock);
	if (!old)
		err = will_charge(publisher, will);
	if (!err)
		err = will_make_speaker(channel);
	if (!err)
		err = will_reserve_hard(channel, will, old);
	if (err)
		return err;
	if (old) {
		swap(will->user, old->user);
		mq_will_leave(&publisher->wills, old);
		mq_will_free(old);
		mq_will_made_room(channel);
	}
	will_enter(&publisher->wills, will);
	return 0;
}

int mq_will_set(struct mq_publisher *publisher, void __user *arg)
{
	struct mq_channel *channel = publisher->channel;
	struct mq_will args;
	struct mq_will_entry *will;
	int err;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	err = will_check(publisher, &args);
	if (err)
		return err;
	will = will_new(publisher, &args);
	if (IS_ERR(will))
		return PTR_ERR(will);
	err = -ENODEV;
	if (!READ_ONCE(channel->data.dead))
		err = will_owns(channel, &will->data) ? 0 : -ESTALE;
	if (!err && mutex_lock_interruptible(&channel->wills.lock))
		err = -EINTR;
	if (!err) {
		err = will_set_locked(publisher, will);
		mutex_unlock(&channel->wills.lock);
	}
	if (err)
		mq_will_free(will);
	return err;
}

/* ---- clearing -------------------------------------------------------- */

static void will_forget(struct mq_channel *channel, struct list_head *list)
{
	struct mq_will_entry *will, *next;

	list_for_each_entry_safe(will, next, list, list) {
		spin_lock(&channel->data.lock);
		mq_will_unreserve(channel, &will->data);
		spin_unlock(&channel->data.lock);
		list_del(&will->list);
		mq_will_free(will);
		cond_resched();
	}
	mq_will_made_room(channel);
}

/* Takes one will, or all, out of those of its publisher: how many, or -ENOENT. */
static int will_take(struct mq_publisher *publisher, const struct mq_will_clear *args,
		     struct list_head *list)
{
	struct mq_will_entry *will, *next;
	int count = 0;

	if (!(args->flags & MQ_WILL_ALL)) {
		will = will_find(&publisher->wills, args->id);
		if (!will)
			return -ENOENT;
		mq_will_leave(&publisher->wills, will);
		list_add_tail(&will->list, list);
		return 1;
	}
	list_for_each_entry_safe(will, next, &publisher->wills.list, list) {
		mq_will_leave(&publisher->wills, will);
		list_add_tail(&will->list, list);
		count++;
	}
	return count;
}

int mq_will_clear(struct mq_publisher *publisher, void __user *arg)
{
	struct mq_channel *channel = publisher->channel;
	struct mq_will_clear __user *user = arg;
	struct mq_will_clear args;
	LIST_HEAD(list);
	int count;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~(MQ_WILL_ALL | MQ_WILL_PUBLISH) || args.reserved[0] ||
	    args.reserved[1] || (args.flags & MQ_WILL_ALL && args.id))
		return -EINVAL;
	if (READ_ONCE(channel->data.dead))
		return -ENODEV;
	if (mutex_lock_interruptible(&channel->wills.lock))
		return -EINTR;
	count = will_take(publisher, &args, &list);
	if (count > 0 && args.flags & MQ_WILL_PUBLISH)
		count = mq_will_publish(channel, &list);
	else
		will_forget(channel, &list);
	mutex_unlock(&channel->wills.lock);
	if (count < 0)
		return count;
	return put_user(count, &user->count) ? -EFAULT : 0;
}
