// SPDX-License-Identifier: GPL-2.0-only
/* Netlink answers: channels and subscriptions, see netlink.h. */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/genetlink.h>
#include "channel.h"
#include "netlink.h"
#include "subscription.h"

/* Longest claim, with its NUL or attribute padding (registry). */
#define ANSWER_CLAIM	256
/* Everything else in a message, generously. */
#define ANSWER_REST	1024
/* What the largest message about one channel takes. */
#define ANSWER_SIZE	((MQ_CLAIMS_MAX + 1) * nla_total_size(ANSWER_CLAIM) + ANSWER_REST)

/* Subscriptions that a dump takes from a channel at a time. */
#define DUMP_BATCH	64

static bool put_u32(struct sk_buff *skb, int attribute, u32 value)
{
	return !nla_put_u32(skb, attribute, value);
}

static bool put_u64(struct sk_buff *skb, int attribute, u64 value)
{
	return !nla_put_u64_64bit(skb, attribute, value, MQ_A_PAD);
}

static bool put_identity(struct sk_buff *skb, const struct mq_channel *channel)
{
	return !nla_put_string(skb, MQ_A_NAME, channel->name) &&
	       put_u64(skb, MQ_A_ID, channel->id) &&
	       put_u32(skb, MQ_A_MINOR, mq_channel_minor(channel)) &&
	       put_u32(skb, MQ_A_UID, from_kuid(&init_user_ns, channel->uid)) &&
	       put_u32(skb, MQ_A_GID, from_kgid(&init_user_ns, channel->gid)) &&
	       put_u32(skb, MQ_A_MODE, channel->mode) &&
	       put_u64(skb, MQ_A_MEMORY, mq_ring_memory(&channel->data.ring.config));
}

static bool put_config(struct sk_buff *skb, const struct mq_info *info)
{
	return put_u32(skb, MQ_A_SLOTS, info->slots) &&
	       put_u64(skb, MQ_A_BYTES, info->bytes) &&
	       put_u32(skb, MQ_A_MAX_RECORD, info->max_record) &&
	       put_u32(skb, MQ_A_OVERFLOW, info->overflow) &&
	       put_u64(skb, MQ_A_FIRST, info->first) &&
	       put_u32(skb, MQ_A_RETAINED_MAX, info->retained_max) &&
	       put_u64(skb, MQ_A_RETAINED_BYTES_MAX, info->retained_bytes_max) &&
	       put_u32(skb, MQ_A_EVICT_AFTER, info->evict_after) &&
	       put_u32(skb, MQ_A_HOLD, info->hold);
}

static bool put_state(struct sk_buff *skb, const struct mq_info *info)
{
	return put_u64(skb, MQ_A_OLDEST, info->oldest) &&
	       put_u64(skb, MQ_A_HEAD, info->head) &&
	       put_u32(skb, MQ_A_STATE, info->state) &&
	       put_u32(skb, MQ_A_SUBSCRIPTIONS, info->subscriptions) &&
	       put_u32(skb, MQ_A_PUBLISHERS, info->publishers) &&
	       put_u32(skb, MQ_A_RETAINED, info->retained) &&
	       put_u64(skb, MQ_A_RETAINED_BYTES, info->retained_bytes) &&
	       put_u64(skb, MQ_A_PUBLISHED, info->published) &&
	       put_u64(skb, MQ_A_REFUSED, info->refused) &&
	       put_u64(skb, MQ_A_OVERWRITTEN, info->overwritten) &&
	       put_u64(skb, MQ_A_NODE_PASSED, info->node_passed) &&
	       put_u64(skb, MQ_A_EVICTED, info->evicted) &&
	       put_u64(skb, MQ_A_EXPIRED, info->expired) &&
	       put_u64(skb, MQ_A_WILLS, info->wills) &&
	       put_u64(skb, MQ_A_WILLS_LOST, info->wills_lost) &&
	       !nla_put(skb, MQ_A_REFUSALS, MQ_LIMITS * sizeof(u64), info->refusals);
}

static bool put_claims(struct sk_buff *skb, const struct mq_claims *claims)
{
	u32 i;

	for (i = 0; i < claims->count; i++)
		if (nla_put(skb, MQ_A_CLAIM, claims->claim[i]->len, claims->claim[i]->filter))
			return false;
	return true;
}

/* One message about a channel. */
static int put_channel(struct sk_buff *skb, u32 portid, u32 seq, int flags,
		       struct mq_channel *channel)
{
	struct mq_info info = { };
	struct mq_claims *claims;
	void *header;
	bool fits;

	/* First: see cdev_ioctl_info(). */
	mq_channel_info(channel, &info);
	claims = mq_channel_claims_get(channel);
	header = genlmsg_put(skb, portid, seq, &mq_netlink_family, flags, MQ_CMD_CHANNEL_GET);
	fits = header && put_identity(skb, channel) && put_config(skb, &info) &&
	       put_state(skb, &info) && put_claims(skb, claims);
	mq_claims_put(claims);
	if (fits)
		genlmsg_end(skb, header);
	else if (header)
		genlmsg_cancel(skb, header);
	return fits ? 0 : -EMSGSIZE;
}

int mq_netlink_channel_get(struct sk_buff *request, struct genl_info *info)
{
	struct mq_channel *channel;
	struct sk_buff *skb;
	int err;

	channel = mq_channel_get_by_name(nla_data(info->attrs[MQ_A_NAME]));
	if (!channel) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MQ_A_NAME], "mq: no such channel");
		return -ENOENT;
	}
	err = -ENOMEM;
	skb = nlmsg_new(ANSWER_SIZE, GFP_KERNEL);
	if (skb)
		err = put_channel(skb, info->snd_portid, info->snd_seq, 0, channel);
	mq_channel_put(channel);
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return genlmsg_reply(skb, info);
}

/* ---- dumps ------------------------------------------------------------ */

/**
 * struct netlink_dump - how far a dump has come, in netlink_callback.ctx
 * @minor: the next channel is the first from this minor number on
 * @only: id of the one channel that was asked for, 0: all
 * @after: the next subscription is the first with an id above this
 */
struct netlink_dump {
	unsigned long minor;
	u64 only;
	u64 after;
};

static struct netlink_dump *dump_of(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct netlink_dump) > sizeof(cb->ctx));
	return (struct netlink_dump *)cb->ctx;
}

int mq_netlink_dump_start(struct netlink_callback *cb)
{
	const struct nlattr *name = nlmsg_find_attr(cb->nlh, GENL_HDRLEN, MQ_A_NAME);
	struct netlink_dump *dump = dump_of(cb);
	struct mq_channel *channel;

	if (!netlink_capable(cb->skb, CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG_MOD(cb->extack, "needs CAP_SYS_ADMIN besides CAP_NET_ADMIN");
		return -EPERM;
	}
	/* A single channel may need more than the usual size. */
	cb->min_dump_alloc = ANSWER_SIZE;
	if (!name)
		return 0;
	channel = mq_channel_get_by_name(nla_data(name));
	if (!channel) {
		NL_SET_ERR_MSG_MOD(cb->extack, "no such channel");
		return -ENOENT;
	}
	dump->minor = mq_channel_minor(channel);
	dump->only = channel->id;
	mq_channel_put(channel);
	return 0;
}

/* The channel that comes next, with a reference. */
static struct mq_channel *dump_channel(struct netlink_dump *dump)
{
	struct mq_channel *channel = mq_channel_get_from(&dump->minor);

	/* The one asked for is gone, or done with: there is no next. */
	if (channel && dump->only && dump->only != channel->id) {
		mq_channel_put(channel);
		return NULL;
	}
	return channel;
}

static void dump_channel_done(struct netlink_dump *dump)
{
	dump->minor++;
	dump->after = 0;
}

/* What no longer fits comes first in the next message. */
static int dump_result(const struct sk_buff *skb, int err)
{
	if (err && !(err == -EMSGSIZE && skb->len))
		return err;
	return skb->len;
}

int mq_netlink_channel_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct netlink_dump *dump = dump_of(cb);
	struct mq_channel *channel;
	int err = 0;

	while (!err && (channel = dump_channel(dump))) {
		err = put_channel(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				  NLM_F_MULTI, channel);
		mq_channel_put(channel);
		if (!err)
			dump_channel_done(dump);
	}
	return dump_result(skb, err);
}

static bool put_subscription(struct sk_buff *skb, const struct mq_channel *channel,
			     const struct mq_subscription_stats *stats)
{
	return !nla_put_string(skb, MQ_A_NAME, channel->name) &&
	       put_u64(skb, MQ_A_ID, channel->id) &&
	       put_u64(skb, MQ_A_SUBSCRIPTION_ID, stats->id) &&
	       put_u32(skb, MQ_A_PID, stats->pid) &&
	       put_u32(skb, MQ_A_SUBSCRIPTION_STATE, stats->state) &&
	       put_u32(skb, MQ_A_FILTERS, stats->filters) &&
	       put_u64(skb, MQ_A_POSITION, stats->position) &&
	       put_u64(skb, MQ_A_VERIFIED, stats->verified) &&
	       put_u64(skb, MQ_A_LAG, stats->lag) &&
	       put_u64(skb, MQ_A_PASSED, stats->passed) &&
	       put_u64(skb, MQ_A_MISSED, stats->missed) &&
	       put_u64(skb, MQ_A_MISSED_AT_MOST, stats->missed_at_most) &&
	       put_u64(skb, MQ_A_DELIVERED, stats->delivered) &&
	       put_u64(skb, MQ_A_WAKES, stats->wakes) &&
	       put_u64(skb, MQ_A_EVICTED_AT, stats->evicted_at);
}

static int dump_subscription(struct sk_buff *skb, struct netlink_callback *cb,
			     const struct mq_channel *channel,
			     const struct mq_subscription_stats *stats)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				   &mq_netlink_family, NLM_F_MULTI, MQ_CMD_SUBSCRIPTION_GET);

	if (!header)
		return -EMSGSIZE;
	if (!put_subscription(skb, channel, stats)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	dump_of(cb)->after = stats->id;
	return 0;
}

/* All subscriptions of a channel from dump->after on; @batch: DUMP_BATCH. */
static int dump_subscriptions(struct sk_buff *skb, struct netlink_callback *cb,
			      struct mq_channel *channel, struct mq_subscription_stats *batch)
{
	unsigned int count;
	unsigned int i;
	int err = 0;

	do {
		count = mq_subscription_stats(channel, dump_of(cb)->after, batch, DUMP_BATCH);
		for (i = 0; i < count && !err; i++)
			err = dump_subscription(skb, cb, channel, &batch[i]);
	} while (!err && count == DUMP_BATCH);
	return err;
}

int mq_netlink_subscription_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct netlink_dump *dump = dump_of(cb);
	struct mq_subscription_stats *batch;
	struct mq_channel *channel;
	int err = 0;

	batch = kmalloc_array(DUMP_BATCH, sizeof(*batch), GFP_KERNEL);
	if (!batch)
		return -ENOMEM;
	while (!err && (channel = dump_channel(dump))) {
		err = dump_subscriptions(skb, cb, channel, batch);
		mq_channel_put(channel);
		if (!err)
			dump_channel_done(dump);
	}
	kfree(batch);
	return dump_result(skb, err);
}
