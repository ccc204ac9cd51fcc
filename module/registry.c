// SPDX-License-Identifier: GPL-2.0-only
/* Registry of live channels and their administration; see channel.h. */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>
#include "channel.h"
#include "mq.h"
#include "registry.h"
#include "trace.h"

static DEFINE_MUTEX(channel_admin);	/* the admin mutex of mq.h */
static DEFINE_XARRAY_ALLOC(channel_registry);	/* live channels by minor */
static u32 channel_next_minor;		/* admin mutex */
static unsigned int channel_count;	/* admin mutex */
static u64 channel_claims_generation;	/* admin mutex */
static dev_t channel_devt;

int mq_registry_init(void)
{
	return alloc_chrdev_region(&channel_devt, 0, MQ_MINORS, "mq");
}

dev_t mq_registry_devt(void)
{
	return channel_devt;
}

/* A live channel may be on its way out: then it is as good as gone. */
static struct mq_channel *channel_try_get(struct mq_channel *channel)
{
	return channel && kobject_get_unless_zero(&channel->dev.kobj) ? channel : NULL;
}

struct mq_channel *mq_channel_get_by_minor(unsigned int minor)
{
	struct mq_channel *channel;

	xa_lock(&channel_registry);
	channel = channel_try_get(xa_load(&channel_registry, minor));
	xa_unlock(&channel_registry);
	return channel;
}

struct mq_channel *mq_channel_get_from(unsigned long *minor)
{
	struct mq_channel *channel;

	xa_lock(&channel_registry);
	for (channel = xa_find(&channel_registry, minor, ULONG_MAX, XA_PRESENT);
	     channel && !channel_try_get(channel);
	     channel = xa_find_after(&channel_registry, minor, ULONG_MAX, XA_PRESENT))
		;
	xa_unlock(&channel_registry);
	return channel;
}

static struct mq_channel *channel_find(const char *name)
{
	struct mq_channel *channel;
	unsigned long minor;

	lockdep_assert_held(&channel_admin);
	xa_for_each(&channel_registry, minor, channel)
		if (!strcmp(channel->name, name))
			return channel;
	return NULL;
}

struct mq_channel *mq_channel_get_by_name(const char *name)
{
	struct mq_channel *channel;

	mutex_lock(&channel_admin);
	channel = channel_find(name);
	if (channel)
		mq_channel_get(channel);
	mutex_unlock(&channel_admin);
	return channel;
}

/* Claims changed: every publisher asks again who owns its topics. */
static void channel_move_generations(void)
{
	struct mq_channel *channel;
	unsigned long minor;

	lockdep_assert_held(&channel_admin);
	WRITE_ONCE(channel_claims_generation, channel_claims_generation + 1);
	xa_for_each(&channel_registry, minor, channel) {
		spin_lock(&channel->data.lock);
		mq_channel_reroute(channel);
		WRITE_ONCE(channel->data.ring.header->generation, channel_claims_generation);
		spin_unlock(&channel->data.lock);
	}
}

static int channel_claim(struct mq_claims *claims, struct netlink_ext_ack *extack)
{
	int err;

	err = mq_claims_add(claims);
	if (err == -EEXIST)
		NL_SET_ERR_MSG_MOD(extack, "another channel has one of these claims or this name");
	return err;
}

/* Registers a built channel: claims, minor, node. */
static int channel_register(struct mq_channel *channel, struct netlink_ext_ack *extack)
{
	u32 minor;
	int err;

	lockdep_assert_held(&channel_admin);
	if (channel_count >= min(READ_ONCE(mq_max_channels), MQ_MINORS)) {
		NL_SET_ERR_MSG_MOD(extack, "module parameter max_channels allows no more channels");
		return mq_limit_refuse_channel(channel->name, MQ_LIMIT_CHANNELS, -ENFILE);
	}
	if (channel_find(channel->name)) {
		NL_SET_ERR_MSG_MOD(extack, "a channel of this name exists");
		return -EEXIST;
	}
	err = channel_claim(channel->claims, extack);
	if (err)
		return err;
	err = xa_alloc_cyclic(&channel_registry, &minor, channel,
			      XA_LIMIT(0, MQ_MINORS - 1), &channel_next_minor, GFP_KERNEL);
	if (err < 0)
		goto unclaim;
	channel->dev.devt = channel_devt + minor;
	channel_count++;
	channel_move_generations();
	err = device_add(&channel->dev);
	if (err)
		goto unregister;
	channel->registered = true;
	return 0;

unregister:
	channel_count--;
	xa_erase(&channel_registry, minor);
	mq_channel_kill(channel);
unclaim:
	mq_claims_remove(channel->claims);
	channel_move_generations();
	return err;
}

int mq_channel_create(const struct mq_channel_config *config, struct netlink_ext_ack *extack)
{
	struct mq_channel *channel;
	int err;

	err = mq_channel_check(config, extack);
	if (err)
		return err;
	channel = mq_channel_build(config);
	if (IS_ERR(channel)) {
		if (PTR_ERR(channel) == -EDQUOT)
			NL_SET_ERR_MSG_MOD(extack,
					   "module parameter max_bytes allows no more memory");
		return PTR_ERR(channel);
	}
	mutex_lock(&channel_admin);
	err = channel_register(channel, extack);
	if (!err) {
		trace_mq_channel_create(channel->name, channel->id);
		mq_channel_event(channel, MQ_EVENT_CREATED);
	}
	mutex_unlock(&channel_admin);
	if (err)
		mq_channel_put(channel);
	return err;
}

static void channel_unregister(struct mq_channel *channel)
{
	lockdep_assert_held(&channel_admin);
	mq_claims_remove(channel->claims);
	xa_erase(&channel_registry, mq_channel_minor(channel));
	channel_count--;
	mq_channel_kill(channel);
	channel_move_generations();
	device_del(&channel->dev);
	trace_mq_channel_delete(channel->name, channel->id);
	mq_channel_event(channel, MQ_EVENT_DELETED);
	/* The registry's reference. */
	mq_channel_put(channel);
}

static struct mq_channel *channel_lock_by_name(const char *name, struct netlink_ext_ack *extack)
{
	struct mq_channel *channel;

	mutex_lock(&channel_admin);
	channel = channel_find(name);
	if (!channel) {
		NL_SET_ERR_MSG_MOD(extack, "no such channel");
		mutex_unlock(&channel_admin);
	}
	return channel;
}

int mq_channel_delete(const char *name, struct netlink_ext_ack *extack)
{
	struct mq_channel *channel = channel_lock_by_name(name, extack);

	if (!channel)
		return -ENOENT;
	channel_unregister(channel);
	mutex_unlock(&channel_admin);
	return 0;
}

/* Drops the values that are older than @before; later ones are no concern. */
static void channel_drop_retained(struct mq_channel *channel, u64 before)
{
	struct mq_retained_value *value;

	do {
		spin_lock(&channel->data.lock);
		value = mq_retained_take(&channel->data.retained, before);
		spin_unlock(&channel->data.lock);
		mq_retained_put(value);
		cond_resched();
	} while (value);
}

int mq_channel_purge(const char *name, struct netlink_ext_ack *extack)
{
	struct mq_channel *channel = channel_lock_by_name(name, extack);
	struct mq_ring_wipe wipe;
	u64 before;
	bool done;

	if (!channel)
		return -ENOENT;
	spin_lock(&channel->data.lock);
	mq_ring_drop(&channel->data.ring, &wipe);
	before = channel->data.ring.head;
	spin_unlock(&channel->data.lock);
	channel_drop_retained(channel, before);
	do {
		spin_lock(&channel->data.lock);
		done = mq_ring_wipe(&channel->data.ring, &wipe);
		spin_unlock(&channel->data.lock);
		cond_resched();
	} while (!done);
	/* Holders were overtaken: there is space now. */
	mq_channel_kick(channel);
	mq_channel_wake_later(channel);
	trace_mq_channel_purge(channel->name, channel->id);
	mq_channel_event(channel, MQ_EVENT_PURGED);
	mutex_unlock(&channel_admin);
	return 0;
}

static int channel_replace_claims(struct mq_channel *channel,
				  const struct mq_channel_change *change,
				  struct netlink_ext_ack *extack)
{
	struct mq_claims *claims;
	int err;

	lockdep_assert_held(&channel_admin);
	claims = mq_channel_claims_new(channel, change->claims, change->claim_lens,
				       change->claims_count);
	if (IS_ERR(claims))
		return PTR_ERR(claims);
	/*
	 * Before and after: a record that goes by the new claims already must
	 * not look to its readers as if nothing had changed.
	 */
	channel_move_generations();
	err = mq_claims_swap(channel->claims, claims);
	if (err == -EEXIST)
		NL_SET_ERR_MSG_MOD(extack, "another channel has one of these claims");
	if (!err) {
		spin_lock(&channel->data.lock);
		swap(channel->claims, claims);
		spin_unlock(&channel->data.lock);
	}
	channel_move_generations();
	mq_claims_put(claims);
	return err;
}

int mq_channel_set(const char *name, const struct mq_channel_change *change,
		   struct netlink_ext_ack *extack)
{
	struct mq_channel *channel;
	int err = 0;

	if (change->set_claims)
		err = mq_channel_check_claims(change->claims, change->claim_lens,
					      change->claims_count, extack);
	if (err)
		return err;
	channel = channel_lock_by_name(name, extack);
	if (!channel)
		return -ENOENT;
	err = mq_channel_check_hold(channel->overflow,
				    change->evict_after ? *change->evict_after : 0,
				    change->hold ? *change->hold : MQ_HOLD_WRITERS, extack);
	if (!err && change->set_claims)
		err = channel_replace_claims(channel, change, extack);
	if (!err) {
		struct mq_retained_set *set = &channel->data.retained;

		spin_lock(&channel->data.lock);
		if (change->retained_max)
			set->count_max = *change->retained_max;
		if (change->retained_bytes_max)
			set->bytes_max = *change->retained_bytes_max;
		spin_unlock(&channel->data.lock);
		/* Who waits for space scans each tick, and goes by it then. */
		if (change->evict_after)
			WRITE_ONCE(channel->evict_after, *change->evict_after);
		if (change->hold)
			WRITE_ONCE(channel->hold, *change->hold);
		mq_channel_event(channel, MQ_EVENT_CHANGED);
	}
	mutex_unlock(&channel_admin);
	return err;
}

void mq_registry_clear(void)
{
	struct mq_channel *channel;
	unsigned long minor;

	/* No file is left: the module would not go. */
	mutex_lock(&channel_admin);
	xa_for_each(&channel_registry, minor, channel)
		channel_unregister(channel);
	mutex_unlock(&channel_admin);
}

void mq_registry_exit(void)
{
	xa_destroy(&channel_registry);
	unregister_chrdev_region(channel_devt, MQ_MINORS);
}
