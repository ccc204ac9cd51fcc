// SPDX-License-Identifier: GPL-2.0-only
/* Channel: registry, life cycle, administration; see channel.h. */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/ctype.h>
#include "channel.h"
#include "compat.h"
#include "event.h"
#include "mq.h"

/* Longest claim; keeps an administrator's answer within one message. */
#define CHANNEL_CLAIM_LEN_MAX	255
/* Highest first sequence: leaves 2^62 records before numbers could wrap. */
#define CHANNEL_FIRST_MAX	BIT_ULL(62)

static atomic64_t channel_ids;
static atomic64_t channel_bytes;	/* against mq_max_bytes */
static struct class *channel_class;
static const struct mq_channel_works *channel_works;

int mq_channel_init(const struct mq_channel_works *works)
{
	channel_works = works;
	channel_class = class_create("mq");
	return PTR_ERR_OR_ZERO(channel_class);
}

void mq_channel_exit(void)
{
	class_destroy(channel_class);
}

u64 mq_channel_memory(void)
{
	return atomic64_read(&channel_bytes);
}

static struct mq_channel *channel_of(const struct device *dev)
{
	return container_of(dev, struct mq_channel, dev);
}

static char *channel_devnode(devnode_device *dev, umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	const struct mq_channel *channel = channel_of(dev);

	/*
	 * Asked again without these when the node goes away. The mode with its type:
	 * devtmpfs takes 0 for none, and makes 0600 of it.
	 */
	if (mode)
		*mode = S_IFCHR | channel->mode;
	if (uid)
		*uid = channel->uid;
	if (gid)
		*gid = channel->gid;
	/* Without a name the node would not come, or, worse, not go. */
	return kasprintf(GFP_KERNEL | __GFP_NOFAIL, "mq/%s", channel->name);
}

static int channel_charge(u64 bytes)
{
	unsigned long max = READ_ONCE(mq_max_bytes);

	if (bytes > max)
		return -EDQUOT;
	if (atomic64_add_return(bytes, &channel_bytes) > max) {
		atomic64_sub(bytes, &channel_bytes);
		return -EDQUOT;
	}
	return 0;
}

/* The last reference is gone: nobody can find, wait for or write it. */
static void channel_release(struct device *dev)
{
	struct mq_channel *channel = channel_of(dev);
	struct mq_retained_value *value;

	/* They hold no reference: stop them before what they use goes. */
	cancel_delayed_work_sync(&channel->space_work);
	cancel_work_sync(&channel->wake_work);
	cancel_delayed_work_sync(&channel->expire_work);
	/* The work of the wills had a reference: it is over, and they are. */
	kvfree(channel->wills.speaker);
	mq_filters_destroy(&channel->filters);
	mq_identities_destroy(&channel->identities);
	while ((value = mq_retained_take(&channel->data.retained, U64_MAX)))
		mq_retained_put(value);
	mq_claims_put(channel->claims);
	if (channel->data.ring.config.bytes)
		atomic64_sub(mq_ring_memory(&channel->data.ring.config), &channel_bytes);
	mq_ring_destroy(&channel->data.ring);
	kfree(channel);
}

static const struct device_type channel_type = {
	.name = "mq_channel",
	.devnode = channel_devnode,
	.release = channel_release,
};

void mq_channel_get(struct mq_channel *channel)
{
	get_device(&channel->dev);
}

void mq_channel_put(struct mq_channel *channel)
{
	put_device(&channel->dev);
}

void mq_channel_kick(struct mq_channel *channel)
{
	mod_delayed_work(mq_workqueue, &channel->space_work, 0);
}

void mq_channel_kick_wills(struct mq_channel *channel)
{
	mq_channel_get(channel);
	/* If it was queued it has its reference. */
	if (mod_delayed_work(mq_workqueue, &channel->wills.work, 0))
		mq_channel_put(channel);
}

void mq_channel_wake_later(struct mq_channel *channel)
{
	WRITE_ONCE(channel->wake_all, 1);
	queue_work(mq_workqueue, &channel->wake_work);
}

bool mq_wait_crowded(struct wait_queue_head *wq)
{
	struct wait_queue_entry *entry;
	unsigned int count = 0;

	spin_lock_irq(&wq->lock);
	list_for_each_entry(entry, &wq->head, entry)
		if (++count > MQ_WAKE_MAX)
			break;
	spin_unlock_irq(&wq->lock);
	return count > MQ_WAKE_MAX;
}

void mq_poll_wait(struct file *file, struct wait_queue_head *wq, poll_table *wait, bool *crowded)
{
	poll_wait(file, wq, wait);
	/* Only then it queued. */
	if (wait && wait->_qproc && mq_wait_crowded(wq))
		WRITE_ONCE(*crowded, true);
}

void mq_channel_look_later(struct mq_channel *channel)
{
	queue_work(mq_workqueue, &channel->wake_work);
}

void mq_channel_event(const struct mq_channel *channel, enum mq_event event)
{
	mq_channel_endpoint_event(channel, event, 0, 0, 0);
}

void mq_channel_endpoint_event(const struct mq_channel *channel, enum mq_event event, u64 id,
			       u32 pid, u32 uid)
{
	const struct mq_event_report report = {
		.event = event,
		.name = channel->name,
		.channel_id = channel->id,
		.endpoint_id = id,
		.pid = pid,
		.uid = uid,
	};

	mq_event_send(&report);
}

/* ---- checking a configuration ---------------------------------------- */

static int channel_check_name(const char *name, struct netlink_ext_ack *extack)
{
	size_t len = strlen(name);
	size_t i;

	if (len > MQ_NAME_MAX) {
		NL_SET_ERR_MSG_MOD(extack, "channel name is longer than 63 bytes");
		return -ENAMETOOLONG;
	}
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("._-", name[i])))
			break;
	if (!len || i < len || name[0] == '.' || name[0] == '-') {
		NL_SET_ERR_MSG_MOD(extack,
				   "a name is A-Z a-z 0-9 . _ - and begins with neither . nor -");
		return -EINVAL;
	}
	return 0;
}

static int channel_check_sizes(const struct mq_ring_config *config, const char *name,
			       struct netlink_ext_ack *extack)
{
	if (config->slots < MQ_SLOTS_MIN || !is_power_of_2(config->slots)) {
		NL_SET_ERR_MSG_MOD(extack, "slots must be a power of two, at least 64");
		return -EINVAL;
	}
	if (config->slots > READ_ONCE(mq_max_slots)) {
		NL_SET_ERR_MSG_MOD(extack, "more slots than module parameter max_slots allows");
		return mq_limit_refuse_channel(name, MQ_LIMIT_SLOTS, -ERANGE);
	}
	if (config->max_record < MQ_MAX_RECORD_MIN || config->max_record > MQ_MAX_RECORD_MAX) {
		NL_SET_ERR_MSG_MOD(extack, "max_record must be 128 bytes to 1 MiB");
		return -EINVAL;
	}
	if (config->bytes < PAGE_SIZE || !is_power_of_2(config->bytes) ||
	    config->bytes / 4 < config->max_record) {
		NL_SET_ERR_MSG_MOD(extack,
				   "bytes must be a power of two, >= a page and >= 4 * max_record");
		return -EINVAL;
	}
	if (!config->first || config->first > CHANNEL_FIRST_MAX) {
		NL_SET_ERR_MSG_MOD(extack, "first sequence must be 1..2^62");
		return -EINVAL;
	}
	return 0;
}

int mq_channel_check_claims(const char *const *claims, const u32 *lens, u32 count,
			    struct netlink_ext_ack *extack)
{
	u32 i, j;

	if (count > MQ_CLAIMS_MAX) {
		NL_SET_ERR_MSG_MOD(extack, "more than 32 claims");
		return -E2BIG;
	}
	for (i = 0; i < count; i++)
		if (lens[i] > CHANNEL_CLAIM_LEN_MAX || !mq_filter_valid(claims[i], lens[i])) {
			NL_SET_ERR_MSG_MOD(extack,
					   "a claim is no topic filter of <= 32 levels and <= 255 bytes");
			return -EINVAL;
		}
	for (i = 0; i < count; i++)
		for (j = 0; j < i; j++)
			if (lens[i] == lens[j] && !memcmp(claims[i], claims[j], lens[i])) {
				NL_SET_ERR_MSG_MOD(extack, "the same claim twice");
				return -EEXIST;
			}
	return 0;
}

int mq_channel_check_hold(u32 overflow, u32 evict_after, u32 hold, struct netlink_ext_ack *extack)
{
	const char *text = NULL;

	if (hold > MQ_HOLD_READERS)
		text = "mq: unknown kind of who may hold";
	else if (evict_after > MQ_EVICT_AFTER_MAX)
		text = "mq: evict_after must be 0 (never) to 3600000 ms";
	else if (overflow == MQ_OVERFLOW_DROP_OLDEST && evict_after)
		text = "mq: evict_after is for channels that reject or block: nobody holds here";
	else if (overflow == MQ_OVERFLOW_DROP_OLDEST && hold == MQ_HOLD_READERS)
		text = "mq: hold is for channels that reject or block: nobody holds here";
	if (!text)
		return 0;
	if (extack)
		extack->_msg = text;
	return -EINVAL;
}

int mq_channel_check(const struct mq_channel_config *config, struct netlink_ext_ack *extack)
{
	int err;

	err = channel_check_name(config->name, extack);
	if (err)
		return err;
	if (config->overflow > MQ_OVERFLOW_BLOCK) {
		NL_SET_ERR_MSG_MOD(extack, "unknown overflow policy");
		return -EINVAL;
	}
	err = mq_channel_check_hold(config->overflow, config->evict_after, config->hold, extack);
	if (err)
		return err;
	if (config->mode & ~0777) {
		NL_SET_ERR_MSG_MOD(extack, "mode has more than permission bits");
		return -EINVAL;
	}
	err = channel_check_sizes(&config->ring, config->name, extack);
	if (err)
		return err;
	return mq_channel_check_claims(config->claims, config->claim_lens, config->claims_count,
				       extack);
}

/* ---- building -------------------------------------------------------- */

struct mq_claims *mq_channel_claims_new(struct mq_channel *channel, const char *const *claims,
					const u32 *lens, u32 count)
{
	const char *all[MQ_CLAIMS_MAX + 1] = { channel->name };
	u32 all_lens[MQ_CLAIMS_MAX + 1] = { strlen(channel->name) };
	u32 n = 1;
	u32 i;

	for (i = 0; i < count; i++) {
		if (lens[i] == all_lens[0] && !memcmp(claims[i], channel->name, lens[i]))
			continue;
		all[n] = claims[i];
		all_lens[n++] = lens[i];
	}
	return mq_claims_new(channel, all, all_lens, n);
}

static void channel_init_fields(struct mq_channel *channel, const struct mq_channel_config *config)
{
	channel->id = atomic64_inc_return(&channel_ids);
	channel->overflow = config->overflow;
	channel->evict_after = config->evict_after;
	channel->hold = config->hold;
	channel->uid = config->uid;
	channel->gid = config->gid;
	channel->mode = config->mode;
	strscpy(channel->name, config->name, sizeof(channel->name));
	mutex_init(&channel->wills.lock);
	channel->wills.pending = RB_ROOT_CACHED;
	INIT_DELAYED_WORK(&channel->wills.work, channel_works->will);
	mutex_init(&channel->endpoints.lock);
	INIT_LIST_HEAD(&channel->endpoints.subscriptions);
	mq_identities_init(&channel->identities);
	spin_lock_init(&channel->data.lock);
	channel->data.hold = config->ring.first;
	channel->data.retained.count_max = config->retained_max;
	channel->data.retained.bytes_max = config->retained_bytes_max;
	channel->data.expire_at = U64_MAX;
	init_waitqueue_head(&channel->readers);
	init_waitqueue_head(&channel->space);
	INIT_DELAYED_WORK(&channel->space_work, channel_works->space);
	atomic64_set(&channel->look_head, S64_MAX);
	atomic64_set(&channel->look_oldest, S64_MAX);
	INIT_WORK(&channel->wake_work, channel_works->wake);
	INIT_DELAYED_WORK(&channel->expire_work, channel_works->expire);
}

struct mq_channel *mq_channel_build(const struct mq_channel_config *config)
{
	struct mq_channel *channel;
	int err;

	err = channel_charge(mq_ring_memory(&config->ring));
	if (err)
		return ERR_PTR(mq_limit_refuse_channel(config->name, MQ_LIMIT_BYTES, err));
	channel = kzalloc(sizeof(*channel), GFP_KERNEL_ACCOUNT);
	if (!channel) {
		atomic64_sub(mq_ring_memory(&config->ring), &channel_bytes);
		return ERR_PTR(-ENOMEM);
	}
	channel_init_fields(channel, config);
	/* From here on channel_release() frees; it needs to know the charge. */
	channel->data.ring.config = config->ring;
	device_initialize(&channel->dev);
	channel->dev.class = channel_class;
	channel->dev.type = &channel_type;

	err = mq_ring_init(&channel->data.ring, &config->ring, channel->name, channel->id);
	if (!err)
		err = mq_filters_init(&channel->filters);
	if (!err)
		err = dev_set_name(&channel->dev, "%s", channel->name);
	if (!err) {
		channel->claims = mq_channel_claims_new(channel, config->claims,
							config->claim_lens,
							config->claims_count);
		err = PTR_ERR_OR_ZERO(channel->claims);
	}
	if (err) {
		if (IS_ERR(channel->claims))
			channel->claims = NULL;
		mq_channel_put(channel);
		return ERR_PTR(err);
	}
	return channel;
}

/* ---- the end and the present state ------------------------------------ */

void mq_channel_kill(struct mq_channel *channel)
{
	bool wills;

	spin_lock(&channel->data.lock);
	/* Behind all that was published. Pairs with the acquire of who reads. */
	smp_store_release(&channel->data.dead, true);
	wills = channel->data.wills;
	mq_channel_reroute(channel);
	/* Likewise, for who maps the ring. Pairs with the acquire in libmq. */
	smp_store_release(&channel->data.ring.header->state, MQ_CHANNEL_DEAD);
	spin_unlock(&channel->data.lock);
	mq_wake_all(&channel->readers, EPOLLIN | EPOLLRDNORM | EPOLLHUP);
	mq_wake_all(&channel->space, EPOLLOUT | EPOLLWRNORM | EPOLLHUP | EPOLLERR);
	mq_channel_wake_later(channel);
	/* Those that are pending have nothing to wait for. */
	if (wills)
		mq_channel_kick_wills(channel);
}

struct mq_claims *mq_channel_claims_get(struct mq_channel *channel)
{
	struct mq_claims *claims;

	spin_lock(&channel->data.lock);
	claims = channel->claims;
	kref_get(&claims->ref);
	spin_unlock(&channel->data.lock);
	return claims;
}

void mq_channel_info(struct mq_channel *channel, struct mq_info *info)
{
	const struct mq_ring *ring = &channel->data.ring;
	unsigned int i;

	info->id = channel->id;
	info->first = ring->config.first;
	info->bytes = ring->config.bytes;
	info->slots = ring->config.slots;
	info->max_record = ring->config.max_record;
	info->overflow = channel->overflow;
	info->evict_after = READ_ONCE(channel->evict_after);
	info->hold = READ_ONCE(channel->hold);
	strscpy(info->name, channel->name, sizeof(info->name));
	info->subscriptions = READ_ONCE(channel->endpoints.subscription_count);
	info->publishers = READ_ONCE(channel->endpoints.publisher_count);
	memset(info->refusals, 0, sizeof(info->refusals));
	for (i = 0; i < MQ_LIMITS; i++)
		info->refusals[i] = atomic64_read(&channel->refusals[i].count);

	spin_lock(&channel->data.lock);
	info->generation = ring->header->generation;
	info->oldest = ring->oldest;
	info->head = ring->head;
	info->state = ring->header->state;
	info->retained = channel->data.retained.count;
	info->retained_max = channel->data.retained.count_max;
	info->retained_bytes = channel->data.retained.bytes;
	info->retained_bytes_max = channel->data.retained.bytes_max;
	info->published = channel->data.counters.published;
	info->refused = channel->data.counters.refused;
	info->overwritten = ring->oldest - ring->config.first;
	info->node_passed = channel->data.counters.node_passed;
	info->evicted = channel->data.counters.evicted;
	info->expired = channel->data.retained.expired;
	info->wills = channel->data.wills;
	info->wills_lost = channel->data.counters.wills_lost;
	spin_unlock(&channel->data.lock);
}
