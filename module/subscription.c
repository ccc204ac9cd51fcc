// SPDX-License-Identifier: GPL-2.0-only
/* Subscription: life, cursor, waking, mapping; see subscription.h. */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat.h"
#include "endpoint.h"
#include "mq.h"
#include "publisher.h"
#include "space.h"
#include "subscription.h"
#include "trace.h"
#include "uring.h"
#include "user.h"

/* What a subscription has its user lock: the control and the status page. */
#define SUBSCRIPTION_PAGES	2

static atomic64_t subscription_ids;

static_assert(sizeof(struct mq_control) <= PAGE_SIZE);
static_assert(sizeof(struct mq_status) <= PAGE_SIZE);

/* ---- cursor ---------------------------------------------------------- */

u64 mq_subscription_position(struct mq_subscription *subscription)
{
	u64 head = mq_ring_head(&subscription->channel->data.ring);
	/* Pairs with the store-release by which a reader gives up records. */
	u64 cursor = smp_load_acquire(&subscription->control->cursor);
	s64 position = atomic64_read(&subscription->position);

	/* The user's word counts as far as it goes forward to what exists. */
	cursor = min(cursor, head);
	while (cursor > position)
		if (atomic64_try_cmpxchg(&subscription->position, &position, cursor))
			return cursor;
	return position;
}

void mq_subscription_advance(struct mq_subscription *subscription, u64 position)
{
	s64 old = atomic64_read(&subscription->position);

	while (position > old && !atomic64_try_cmpxchg(&subscription->position, &old, position))
		;
	WRITE_ONCE(subscription->control->cursor, position);
}

/* Whether one of its filters was found to match since. */
static bool subscription_found_since(struct mq_subscription *subscription, u64 position)
{
	struct mq_filter_link *link;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(link, &subscription->links, in_subscription) {
		found = mq_filter_link_last(link) > position;
		if (found)
			break;
	}
	rcu_read_unlock();
	return found;
}

/* Whether there was a record since that counts as a match of all filters. */
static bool subscription_all_since(const struct mq_subscription *subscription, u64 position)
{
	return READ_ONCE(subscription->channel->filters.all_last) > position &&
	       !list_empty(&subscription->links);
}

bool mq_subscription_matched_since(struct mq_subscription *subscription, u64 position)
{
	return subscription_all_since(subscription, position) ||
	       subscription_found_since(subscription, position);
}

u64 mq_subscription_hold(struct mq_subscription *subscription, u64 head)
{
	u64 position = mq_subscription_position(subscription);
	u64 start = max(position, READ_ONCE(subscription->status->verified));
	u64 end = start;

	lockdep_assert_held(&subscription->channel->endpoints.lock);
	if (READ_ONCE(subscription->fresh))
		return position;
	if (start >= head || subscription_found_since(subscription, start))
		return start;
	if (!subscription_all_since(subscription, start))
		end = head;
	else if (start >= mq_ring_oldest(&subscription->channel->data.ring))
		/* Else who adds many filters could make others hold what they don't read. */
		mq_subscription_first(subscription, &end, head);
	if (end > start)
		WRITE_ONCE(subscription->status->verified, end);
	return end;
}

void mq_subscription_evict(struct mq_subscription *subscription, u64 position)
{
	struct mq_status *status = subscription->status;

	lockdep_assert_held(&subscription->channel->endpoints.lock);
	subscription->holding = false;
	WRITE_ONCE(status->evicted_at, position);
	/* After that: who reads the state with acquire finds where it was. */
	smp_store_release(&status->state,
			  (status->state & ~MQ_SUBSCRIPTION_HOLDING) | MQ_SUBSCRIPTION_EVICTED);
	WRITE_ONCE(subscription->hold_lost, true);
	/* wq_has_sleeper() has the barrier; pairs with that in subscription_poll(). */
	if (wq_has_sleeper(&subscription->wq))
		mq_wake_all(&subscription->wq, EPOLLPRI);
}

void mq_subscription_unlock(struct mq_subscription *subscription)
{
	mutex_unlock(&subscription->lock);
	/*
	 * Either we see a command that parked because of the lock, or it sees
	 * the lock free. Pairs with smp_mb() in parked_park().
	 */
	smp_mb();
	if (READ_ONCE(subscription->parked.contended))
		mq_parked_wake(subscription);
}

/* ---- file operations ------------------------------------------------- */

static __poll_t subscription_poll(struct file *file, poll_table *wait)
{
	struct mq_subscription *subscription = file->private_data;
	__poll_t mask = 0;

	mq_poll_wait(file, &subscription->wq, wait, &subscription->crowded);
	/* Queued before we look. Pairs with wake_raise() and wq_has_sleeper(). */
	smp_mb();
	if (mq_subscription_readable(subscription))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (mq_subscription_lost(subscription, poll_requested_events(wait) & EPOLLPRI))
		mask |= EPOLLPRI;
	if (READ_ONCE(subscription->channel->data.dead))
		mask |= EPOLLHUP;
	return mask;
}

/* The page at an offset of the mapping, and whether a user may write it. */
static struct page *subscription_page(struct mq_subscription *subscription, unsigned long pgoff,
				      bool *writable)
{
	*writable = pgoff == MQ_MMAP_CONTROL >> PAGE_SHIFT;
	if (*writable)
		return virt_to_page(subscription->control);
	if (pgoff == MQ_MMAP_STATUS >> PAGE_SHIFT)
		return virt_to_page(subscription->status);
	return mq_ring_page(&subscription->channel->data.ring, pgoff);
}

static vm_fault_t subscription_fault(struct vm_fault *vmf)
{
	struct mq_subscription *subscription = vmf->vma->vm_file->private_data;
	bool writable;

	vmf->page = subscription_page(subscription, vmf->pgoff, &writable);
	if (!vmf->page)
		return VM_FAULT_SIGBUS;
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct subscription_vm_ops = {
	.fault = subscription_fault,
};

static int subscription_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct mq_subscription *subscription = file->private_data;
	unsigned long last = vma->vm_pgoff + vma_pages(vma) - 1;
	bool writable;

	/* VM_SHARED says nothing for all kinds of files, VM_MAYSHARE does. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (!subscription_page(subscription, vma->vm_pgoff, &writable))
		return -EINVAL;
	if (last != vma->vm_pgoff &&
	    (vma->vm_pgoff >= MQ_MMAP_CONTROL >> PAGE_SHIFT || last < vma->vm_pgoff ||
	     last >= mq_ring_map_size(&subscription->channel->data.ring.config) >> PAGE_SHIFT))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC || (!writable && vma->vm_flags & VM_WRITE))
		return -EACCES;

	/* Not now and not by mprotect() later. */
	vm_flags_clear(vma, writable ? VM_MAYEXEC : VM_MAYWRITE | VM_MAYEXEC);
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY);
	vma->vm_ops = &subscription_vm_ops;
	return 0;
}

static int subscription_ioctl_resync(struct mq_subscription *subscription,
				     struct mq_resync __user *arg)
{
	struct mq_resync args;
	struct mq_gap gap;
	u64 position;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags || args.reserved0 || args.reserved[0] || args.reserved[1])
		return -EINVAL;
	if (mutex_lock_interruptible(&subscription->lock))
		return -EINTR;
	mq_subscription_notice(subscription);
	position = mq_subscription_position(subscription);
	if (mq_subscription_resync(subscription, &position, &gap))
		mq_subscription_told(subscription);
	mq_subscription_advance(subscription, position);
	mq_subscription_unlock(subscription);

	args.flags = gap.at_most ? MQ_RESYNC_AT_MOST : 0;
	args.position = position;
	args.passed = gap.passed;
	args.missed = gap.missed;
	return copy_to_user(arg, &args, sizeof(args)) ? -EFAULT : 0;
}

static int subscription_ioctl_receive(struct mq_subscription *subscription,
				      struct mq_receive __user *arg)
{
	struct mq_receive args;
	int err;

	err = mq_receive_get(&args, arg, 0);
	if (err)
		return err;
	err = mq_subscription_receive(subscription, &args, false);
	return mq_receive_put(&args, arg, err);
}

static long subscription_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct mq_subscription *subscription = file->private_data;

	switch (cmd) {
	case MQ_IOC_FILTER_ADD:
		return mq_subscription_filter_add(subscription, (void __user *)arg);
	case MQ_IOC_FILTER_REMOVE:
		return mq_subscription_filter_remove(subscription, (void __user *)arg);
	case MQ_IOC_RESYNC:
		return subscription_ioctl_resync(subscription, (void __user *)arg);
	case MQ_IOC_KICK:
		/* Else nobody lacks space: readers can't keep the lock busy. */
		if (READ_ONCE(subscription->channel->data.starved))
			mq_space_scan(subscription->channel);
		return 0;
	case MQ_IOC_RECEIVE:
		return subscription_ioctl_receive(subscription, (void __user *)arg);
	case MQ_IOC_ACK:
		return mq_subscription_ack(subscription, (void __user *)arg);
	case MQ_IOC_PUBLISHER_INFO:
		return mq_publisher_info(subscription->channel, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

/* Puts it on the account of its maker, if there may be another one. */
static int subscription_charge(struct mq_subscription *subscription)
{
	struct mq_user *user = mq_user_of_caller();
	struct user_struct *locked;

	if (IS_ERR(user))
		return PTR_ERR(user);
	if (!mq_user_charge(user, MQ_USER_SUBSCRIPTIONS)) {
		mq_user_put(user);
		return mq_limit_refuse(subscription->channel, MQ_LIMIT_USER, -EDQUOT);
	}
	locked = mq_user_lock_pages(SUBSCRIPTION_PAGES);
	if (IS_ERR(locked)) {
		mq_user_uncharge(user, MQ_USER_SUBSCRIPTIONS);
		mq_user_put(user);
		return mq_limit_refuse(subscription->channel, MQ_LIMIT_MEMLOCK, PTR_ERR(locked));
	}
	subscription->user = user;
	subscription->locked = locked;
	return 0;
}

static void subscription_uncharge(struct mq_subscription *subscription)
{
	mq_user_unlock_pages(subscription->locked, SUBSCRIPTION_PAGES);
	mq_user_uncharge(subscription->user, MQ_USER_SUBSCRIPTIONS);
	mq_user_put(subscription->user);
}

static void subscription_free(struct mq_subscription *subscription)
{
	free_page((unsigned long)subscription->control);
	free_page((unsigned long)subscription->status);
	kfree(subscription);
}

static void subscription_free_rcu(struct rcu_head *rcu)
{
	subscription_free(container_of(rcu, struct mq_subscription, rcu));
}

static void subscription_tell(const struct mq_subscription *subscription, enum mq_event event)
{
	mq_channel_endpoint_event(subscription->channel, event, subscription->id,
				  subscription->pid, subscription->uid);
}

/* The end of a subscription, listed or open. */
static void subscription_close(struct mq_subscription *subscription)
{
	struct mq_channel *channel = subscription->channel;
	bool held;

	mq_subscription_filters_clear(subscription);
	mutex_lock(&channel->endpoints.lock);
	list_del_rcu(&subscription->node);
	WRITE_ONCE(channel->endpoints.subscription_count,
		   channel->endpoints.subscription_count - 1);
	held = subscription->holding;
	if (held)
		mq_space_leave(channel);
	mutex_unlock(&channel->endpoints.lock);
	/* Whoever waits for space may have waited for us. */
	if (held)
		mq_channel_kick(channel);

	mq_subscription_wake_end(subscription);
	trace_mq_unsubscribe(channel->id, subscription->id);
	subscription_tell(subscription, MQ_EVENT_UNSUBSCRIBED);
	subscription_uncharge(subscription);
	/* A publish may still look at the wait queue. */
	call_rcu(&subscription->rcu, subscription_free_rcu);
	mq_channel_put(channel);
}

static int subscription_release(struct inode *inode, struct file *file)
{
	subscription_close(file->private_data);
	mq_endpoint_put();
	return 0;
}

static const struct file_operations subscription_fops = {
	.owner = THIS_MODULE,
	.read = mq_subscription_read,
	.poll = subscription_poll,
	.mmap = subscription_mmap,
	.unlocked_ioctl = subscription_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = mq_uring_subscription,
	.release = subscription_release,
	.llseek = noop_llseek,
};

/* ---- opening --------------------------------------------------------- */

static int subscription_check(const struct mq_channel *channel, const struct mq_subscribe *args,
			      fmode_t node_mode)
{
	if (args->flags & ~(MQ_SUBSCRIBE_HOLD | MQ_SUBSCRIBE_NONBLOCK) ||
	    args->start > MQ_START_SEQUENCE || args->reserved[0] || args->reserved[1] ||
	    args->reserved[2])
		return -EINVAL;
	if (args->start != MQ_START_SEQUENCE && args->sequence)
		return -EINVAL;
	if (!(node_mode & FMODE_READ))
		return -EACCES;
	if (!(args->flags & MQ_SUBSCRIBE_HOLD))
		return 0;
	/* Holding is the right to stop publishers: for who may publish, or as told. */
	if (!(node_mode & FMODE_WRITE) && READ_ONCE(channel->hold) != MQ_HOLD_READERS)
		return -EACCES;
	return channel->overflow == MQ_OVERFLOW_DROP_OLDEST ? -EINVAL : 0;
}

static struct mq_subscription *subscription_new(struct mq_channel *channel)
{
	struct mq_subscription *subscription;

	subscription = kzalloc(sizeof(*subscription), GFP_KERNEL_ACCOUNT);
	if (!subscription)
		return NULL;
	subscription->control = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	subscription->status = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!subscription->control || !subscription->status) {
		subscription_free(subscription);
		return NULL;
	}
	subscription->channel = channel;
	subscription->pid = task_tgid_nr(current);
	subscription->uid = from_kuid(&init_user_ns, current_euid());
	init_waitqueue_head(&subscription->wq);
	mq_subscription_wake_init(subscription);
	mq_parked_init(&subscription->parked);
	INIT_LIST_HEAD(&subscription->links);
	mutex_init(&subscription->lock);
	return subscription;
}

/* Gives it its position, and if it holds, its hold. Channel lock. */
static int subscription_place(struct mq_subscription *subscription, struct mq_subscribe *args)
{
	struct mq_channel *channel = subscription->channel;
	const struct mq_ring *ring = &channel->data.ring;
	u64 position = ring->head;

	lockdep_assert_held(&channel->data.lock);
	if (channel->data.dead)
		return -ENODEV;
	if (args->start == MQ_START_OLDEST)
		position = ring->oldest;
	if (args->start == MQ_START_SEQUENCE) {
		if (args->sequence > ring->head)
			return -ERANGE;
		position = max(args->sequence, ring->oldest);
		subscription->passed = position - max(args->sequence, ring->config.first);
		/* By the position that this call returns. */
		subscription->told_passed = subscription->passed;
	}
	args->position = position;
	atomic64_set(&subscription->position, position);
	subscription->start = args->start == MQ_START_LATEST ? U64_MAX : position;
	subscription->fresh = position < ring->head;
	subscription->all_base = channel->filters.all_matched;
	subscription->control->cursor = position;
	subscription->status->verified = position;
	subscription->status->passed = subscription->passed;
	if (!(args->flags & MQ_SUBSCRIBE_HOLD))
		return 0;
	subscription->holding = mq_space_join(channel, position);
	if (subscription->holding)
		subscription->status->state = MQ_SUBSCRIPTION_HOLDING;
	else
		mq_subscription_evict(subscription, position);
	return 0;
}

/* Puts it on the channel's list; *@evicted: it was to hold, and may not. */
static int subscription_list(struct mq_subscription *subscription, struct mq_subscribe *args,
			     bool *evicted)
{
	struct mq_channel *channel = subscription->channel;
	int err;

	mutex_lock(&channel->endpoints.lock);
	if (channel->endpoints.subscription_count >= READ_ONCE(mq_max_subscriptions)) {
		mutex_unlock(&channel->endpoints.lock);
		return mq_limit_refuse(channel, MQ_LIMIT_SUBSCRIPTIONS, -EUSERS);
	}
	spin_lock(&channel->data.lock);
	err = subscription_place(subscription, args);
	spin_unlock(&channel->data.lock);
	if (!err) {
		/* Under the mutex: the list is in order of id. */
		subscription->id = atomic64_inc_return(&subscription_ids);
		WRITE_ONCE(channel->endpoints.subscription_count,
			   channel->endpoints.subscription_count + 1);
		list_add_tail_rcu(&subscription->node, &channel->endpoints.subscriptions);
		*evicted = args->flags & MQ_SUBSCRIBE_HOLD && !subscription->holding;
	}
	mutex_unlock(&channel->endpoints.lock);
	return err;
}

struct file *mq_subscription_open(struct mq_channel *channel, struct mq_subscribe *args,
				  fmode_t node_mode)
{
	struct mq_subscription *subscription;
	bool evicted = false;
	struct file *file;
	int err;

	err = subscription_check(channel, args, node_mode);
	if (err)
		return ERR_PTR(err);
	subscription = subscription_new(channel);
	if (!subscription)
		return ERR_PTR(-ENOMEM);
	err = subscription_charge(subscription);
	if (err)
		goto free;
	/* Whether publishes still lack space is what its right to hold depends on. */
	if (args->flags & MQ_SUBSCRIBE_HOLD && READ_ONCE(channel->data.starved))
		mq_space_scan(channel);
	err = subscription_list(subscription, args, &evicted);
	if (err)
		goto uncharge;
	mq_channel_get(channel);
	trace_mq_subscribe(channel->id, subscription->id, subscription->pid,
			   args->flags & MQ_SUBSCRIBE_HOLD);
	subscription_tell(subscription, MQ_EVENT_SUBSCRIBED);
	if (evicted)
		mq_space_tell_evicted(subscription, args->position);
	file = mq_endpoint_file("mq-subscription", &subscription_fops, subscription,
				args->flags & MQ_SUBSCRIBE_NONBLOCK ? O_NONBLOCK : 0);
	if (IS_ERR(file)) {
		subscription_close(subscription);
		return file;
	}
	args->id = subscription->id;
	args->ring_size = mq_ring_map_size(&channel->data.ring.config);
	return file;

uncharge:
	subscription_uncharge(subscription);
free:
	subscription_free(subscription);
	return ERR_PTR(err);
}

/* ---- statistics ------------------------------------------------------ */

static void subscription_stat(struct mq_subscription *subscription,
			      struct mq_subscription_stats *stats)
{
	const struct mq_ring *ring = &subscription->channel->data.ring;
	u64 head = mq_ring_head(ring);
	u64 oldest = mq_ring_oldest(ring);
	u64 seen;

	memset(stats, 0, sizeof(*stats));
	stats->id = subscription->id;
	stats->pid = subscription->pid;
	stats->state = READ_ONCE(subscription->status->state);
	stats->filters = READ_ONCE(subscription->link_count);
	stats->position = mq_subscription_position(subscription);
	stats->verified = READ_ONCE(subscription->status->verified);
	/* What lies before the head and does not match is nothing to catch up. */
	seen = max(stats->position, stats->verified);
	if (seen < head && mq_subscription_matched_since(subscription, seen))
		stats->lag = head - seen;
	stats->passed = READ_ONCE(subscription->passed);
	if (oldest > stats->position &&
	    mq_subscription_matched_since(subscription, stats->position))
		stats->passed += oldest - stats->position;
	stats->missed = READ_ONCE(subscription->missed);
	stats->missed_at_most = READ_ONCE(subscription->missed_at_most);
	stats->delivered = READ_ONCE(subscription->delivered) +
			   READ_ONCE(subscription->control->delivered);
	stats->wakes = atomic64_read(&subscription->wakes);
	stats->evicted_at = READ_ONCE(subscription->status->evicted_at);
}

unsigned int mq_subscription_stats(struct mq_channel *channel, u64 after,
				   struct mq_subscription_stats *stats, unsigned int max)
{
	struct mq_subscription *subscription;
	unsigned int count = 0;

	mutex_lock(&channel->endpoints.lock);
	list_for_each_entry(subscription, &channel->endpoints.subscriptions, node) {
		if (count == max)
			break;
		if (subscription->id > after)
			subscription_stat(subscription, &stats[count++]);
	}
	mutex_unlock(&channel->endpoints.lock);
	return count;
}
