// SPDX-License-Identifier: GPL-2.0-only
/* Netlink family and the commands that change something, see netlink.h. */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/uidgid.h>
#include <net/genetlink.h>
#include "channel.h"
#include "compat.h"
#include "event.h"
#include "netlink.h"

/*
 * Types only. Netlink answers a value out of range with ERANGE and a text that
 * fits every family; mq_channel_create() knows the reason and the errno.
 */
static const struct nla_policy netlink_name_policy[] = {
	[MQ_A_NAME] = { .type = NLA_NUL_STRING },
};

static const struct nla_policy netlink_config_policy[] = {
	[MQ_A_NAME] = { .type = NLA_NUL_STRING },
	[MQ_A_SLOTS] = { .type = NLA_U32 },
	[MQ_A_BYTES] = { .type = NLA_U64 },
	[MQ_A_MAX_RECORD] = { .type = NLA_U32 },
	[MQ_A_OVERFLOW] = { .type = NLA_U32 },
	[MQ_A_UID] = { .type = NLA_U32 },
	[MQ_A_GID] = { .type = NLA_U32 },
	[MQ_A_MODE] = { .type = NLA_U32 },
	[MQ_A_CLAIM] = { .type = NLA_BINARY },
	[MQ_A_CLAIMS_NONE] = { .type = NLA_FLAG },
	[MQ_A_FIRST] = { .type = NLA_U64 },
	[MQ_A_RETAINED_MAX] = { .type = NLA_U32 },
	[MQ_A_RETAINED_BYTES_MAX] = { .type = NLA_U64 },
	[MQ_A_EVICT_AFTER] = { .type = NLA_U32 },
	[MQ_A_HOLD] = { .type = NLA_U32 },
};

/* The claims of a request; one more than allowed, so that too many show. */
struct netlink_claims {
	const char *filters[MQ_CLAIMS_MAX + 1];
	u32 lens[MQ_CLAIMS_MAX + 1];
	u32 count;
};

static void netlink_parse_claims(const struct genl_info *info, struct netlink_claims *claims)
{
	const struct nlattr *attr;
	int rest;

	claims->count = 0;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rest) {
		if (nla_type(attr) != MQ_A_CLAIM)
			continue;
		if (claims->count > MQ_CLAIMS_MAX)
			break;
		claims->filters[claims->count] = nla_data(attr);
		claims->lens[claims->count++] = nla_len(attr);
	}
}

static u32 netlink_u32(const struct genl_info *info, int attribute, u32 otherwise)
{
	const struct nlattr *attr = info->attrs[attribute];

	return attr ? nla_get_u32(attr) : otherwise;
}

static u64 netlink_u64(const struct genl_info *info, int attribute, u64 otherwise)
{
	const struct nlattr *attr = info->attrs[attribute];

	return attr ? nla_get_u64(attr) : otherwise;
}

static const char *netlink_name(const struct genl_info *info)
{
	return nla_data(info->attrs[MQ_A_NAME]);
}

static void netlink_parse_ring(const struct genl_info *info, struct mq_ring_config *ring)
{
	u64 fitting;

	ring->slots = netlink_u32(info, MQ_A_SLOTS, MQ_SLOTS_DEFAULT);
	ring->bytes = netlink_u64(info, MQ_A_BYTES, MQ_BYTES_DEFAULT);
	ring->first = netlink_u64(info, MQ_A_FIRST, 1);
	/* Who asks for a small byte area only does not mean large records. */
	fitting = clamp_t(u64, ring->bytes / 4, MQ_MAX_RECORD_MIN, MQ_MAX_RECORD_DEFAULT);
	ring->max_record = netlink_u32(info, MQ_A_MAX_RECORD, fitting);
}

/* Administrators are in the initial user namespace: numbers mean theirs. */
static int netlink_parse_owner(const struct genl_info *info, struct mq_channel_config *config)
{
	config->uid = make_kuid(&init_user_ns, netlink_u32(info, MQ_A_UID, 0));
	if (!uid_valid(config->uid)) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MQ_A_UID],
				    "mq: no user can have this uid");
		return -EINVAL;
	}
	config->gid = make_kgid(&init_user_ns, netlink_u32(info, MQ_A_GID, 0));
	if (!gid_valid(config->gid)) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MQ_A_GID],
				    "mq: no group can have this gid");
		return -EINVAL;
	}
	return 0;
}

static int netlink_parse_mode(const struct genl_info *info, struct mq_channel_config *config)
{
	u32 mode = netlink_u32(info, MQ_A_MODE, 0600);

	/* umode_t is narrower: look before it is cut. */
	if (mode & ~0777) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MQ_A_MODE],
				    "mq: mode has more than permission bits (0..0777)");
		return -EINVAL;
	}
	config->mode = mode;
	return 0;
}

static int netlink_channel_create(struct sk_buff *skb, struct genl_info *info)
{
	struct mq_channel_config config = { .name = netlink_name(info) };
	struct netlink_claims claims;
	int err;

	if (info->attrs[MQ_A_CLAIMS_NONE]) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MQ_A_CLAIMS_NONE],
				    "mq: a new channel has no claims to remove");
		return -EINVAL;
	}
	err = netlink_parse_owner(info, &config);
	if (!err)
		err = netlink_parse_mode(info, &config);
	if (err)
		return err;
	netlink_parse_ring(info, &config.ring);
	netlink_parse_claims(info, &claims);
	config.overflow = netlink_u32(info, MQ_A_OVERFLOW, MQ_OVERFLOW_DROP_OLDEST);
	config.evict_after = netlink_u32(info, MQ_A_EVICT_AFTER, 0);
	config.hold = netlink_u32(info, MQ_A_HOLD, MQ_HOLD_WRITERS);
	config.retained_max = netlink_u32(info, MQ_A_RETAINED_MAX, MQ_RETAINED_DEFAULT);
	config.retained_bytes_max = netlink_u64(info, MQ_A_RETAINED_BYTES_MAX,
						MQ_RETAINED_BYTES_DEFAULT);
	config.claims = claims.filters;
	config.claim_lens = claims.lens;
	config.claims_count = claims.count;
	return mq_channel_create(&config, info->extack);
}

static int netlink_channel_delete(struct sk_buff *skb, struct genl_info *info)
{
	return mq_channel_delete(netlink_name(info), info->extack);
}

static int netlink_channel_purge(struct sk_buff *skb, struct genl_info *info)
{
	return mq_channel_purge(netlink_name(info), info->extack);
}

/* What is made once: users' mappings or the node depend on it. */
static const struct {
	int attribute;
	const char *refusal;
} netlink_fixed[] = {
	{ MQ_A_SLOTS, "mq: slots cannot change in a live channel: delete and create it" },
	{ MQ_A_BYTES, "mq: bytes cannot change in a live channel: delete and create it" },
	{ MQ_A_MAX_RECORD, "mq: max_record cannot change in a live channel: delete and create it" },
	{ MQ_A_OVERFLOW, "mq: overflow cannot change in a live channel: delete and create it" },
	{ MQ_A_FIRST, "mq: first cannot change in a live channel: delete and create it" },
	{ MQ_A_UID, "mq: uid is that of the node: use chown on it" },
	{ MQ_A_GID, "mq: gid is that of the node: use chown on it" },
	{ MQ_A_MODE, "mq: mode is that of the node: use chmod on it" },
};

static int netlink_refuse_fixed(const struct genl_info *info)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(netlink_fixed); i++) {
		const struct nlattr *attr = info->attrs[netlink_fixed[i].attribute];

		if (!attr)
			continue;
		NL_SET_BAD_ATTR(info->extack, attr);
		info->extack->_msg = netlink_fixed[i].refusal;
		return -EOPNOTSUPP;
	}
	return 0;
}

static int netlink_parse_change(const struct genl_info *info, struct mq_channel_change *change,
				struct netlink_claims *claims)
{
	bool none = info->attrs[MQ_A_CLAIMS_NONE];

	netlink_parse_claims(info, claims);
	if (claims->count && none) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MQ_A_CLAIMS_NONE],
				    "mq: either claims or none, not both");
		return -EINVAL;
	}
	change->set_claims = claims->count || none;
	change->claims = claims->filters;
	change->claim_lens = claims->lens;
	change->claims_count = claims->count;
	if (!change->set_claims && !info->attrs[MQ_A_RETAINED_MAX] &&
	    !info->attrs[MQ_A_RETAINED_BYTES_MAX] && !info->attrs[MQ_A_EVICT_AFTER] &&
	    !info->attrs[MQ_A_HOLD]) {
		NL_SET_ERR_MSG_MOD(info->extack,
				   "nothing to change: give claims, retained limits, evict_after or hold");
		return -EINVAL;
	}
	return 0;
}

static int netlink_channel_set(struct sk_buff *skb, struct genl_info *info)
{
	u64 retained_bytes_max = netlink_u64(info, MQ_A_RETAINED_BYTES_MAX, 0);
	u32 retained_max = netlink_u32(info, MQ_A_RETAINED_MAX, 0);
	u32 evict_after = netlink_u32(info, MQ_A_EVICT_AFTER, 0);
	u32 hold = netlink_u32(info, MQ_A_HOLD, 0);
	struct mq_channel_change change = { };
	struct netlink_claims claims;
	int err;

	err = netlink_refuse_fixed(info);
	if (!err)
		err = netlink_parse_change(info, &change, &claims);
	if (err)
		return err;
	if (info->attrs[MQ_A_RETAINED_MAX])
		change.retained_max = &retained_max;
	if (info->attrs[MQ_A_RETAINED_BYTES_MAX])
		change.retained_bytes_max = &retained_bytes_max;
	if (info->attrs[MQ_A_EVICT_AFTER])
		change.evict_after = &evict_after;
	if (info->attrs[MQ_A_HOLD])
		change.hold = &hold;
	return mq_channel_set(netlink_name(info), &change, info->extack);
}

/* Before each command that is not a dump; netlink asked for CAP_NET_ADMIN. */
static int netlink_pre_doit(const struct genl_split_ops *ops, struct sk_buff *skb,
			    struct genl_info *info)
{
	if (!netlink_capable(skb, CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG_MOD(info->extack, "needs CAP_SYS_ADMIN besides CAP_NET_ADMIN");
		return -EPERM;
	}
	if (GENL_REQ_ATTR_CHECK(info, MQ_A_NAME)) {
		NL_SET_ERR_MSG_MOD(info->extack, "the name of a channel is missing");
		return -EINVAL;
	}
	return 0;
}

/* Each has its own policy: what an operation does not use is refused. */
static const struct genl_ops netlink_ops[] = {
	{
		.cmd = MQ_CMD_CHANNEL_CREATE,
		.flags = GENL_ADMIN_PERM,
		.policy = netlink_config_policy,
		.maxattr = ARRAY_SIZE(netlink_config_policy) - 1,
		.doit = netlink_channel_create,
	},
	{
		.cmd = MQ_CMD_CHANNEL_DELETE,
		.flags = GENL_ADMIN_PERM,
		.policy = netlink_name_policy,
		.maxattr = ARRAY_SIZE(netlink_name_policy) - 1,
		.doit = netlink_channel_delete,
	},
	{
		.cmd = MQ_CMD_CHANNEL_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = netlink_name_policy,
		.maxattr = ARRAY_SIZE(netlink_name_policy) - 1,
		.doit = mq_netlink_channel_get,
		.start = mq_netlink_dump_start,
		.dumpit = mq_netlink_channel_dump,
	},
	{
		.cmd = MQ_CMD_CHANNEL_SET,
		.flags = GENL_ADMIN_PERM,
		.policy = netlink_config_policy,
		.maxattr = ARRAY_SIZE(netlink_config_policy) - 1,
		.doit = netlink_channel_set,
	},
	{
		.cmd = MQ_CMD_CHANNEL_PURGE,
		.flags = GENL_ADMIN_PERM,
		.policy = netlink_name_policy,
		.maxattr = ARRAY_SIZE(netlink_name_policy) - 1,
		.doit = netlink_channel_purge,
	},
	{
		.cmd = MQ_CMD_SUBSCRIPTION_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = netlink_name_policy,
		.maxattr = ARRAY_SIZE(netlink_name_policy) - 1,
		.start = mq_netlink_dump_start,
		.dumpit = mq_netlink_subscription_dump,
	},
};

/* Events go to the first group: event.c. */
static const struct genl_multicast_group netlink_groups[] = {
	{ .name = MQ_GENL_EVENTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

struct genl_family mq_netlink_family __ro_after_init = {
	.name = MQ_GENL_NAME,
	.version = MQ_GENL_VERSION,
	.module = THIS_MODULE,
	.parallel_ops = true,
	.pre_doit = netlink_pre_doit,
	.ops = netlink_ops,
	.n_ops = ARRAY_SIZE(netlink_ops),
	.mcgrps = netlink_groups,
	.n_mcgrps = ARRAY_SIZE(netlink_groups),
};

int __init mq_netlink_init(void)
{
	int err;

	err = genl_register_family(&mq_netlink_family);
	if (!err)
		mq_event_family(&mq_netlink_family);
	return err;
}

void mq_netlink_exit(void)
{
	mq_event_family(NULL);
	genl_unregister_family(&mq_netlink_family);
}
