/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Netlink
 *
 * Administration over generic netlink, as linux/mq.h describes it: translates
 * attributes into calls of channel.h and back, and owns the family that events
 * are sent over. It keeps no state of its own and decides nothing but who may
 * ask: what a value may be is checked where the channel is made, so that a
 * refusal has the errno of the contract and a text that names the reason.
 *
 * Operations run in parallel; the channel's own locks order them.
 *
 *   netlink.c       the family, commands that change something
 *   netlink_dump.c  answers: a channel, all channels, subscriptions
 */
#ifndef MQ_NETLINK_H
#define MQ_NETLINK_H

#include <linux/netlink.h>

struct genl_family;
struct genl_info;

/* The family; its id is known after mq_netlink_init(). */
extern struct genl_family mq_netlink_family;

int mq_netlink_init(void);
/* Waits for operations under way. Nothing sends events over it afterwards. */
void mq_netlink_exit(void);

/* netlink_dump.c: operations of the family; start refuses who may not ask. */
int mq_netlink_channel_get(struct sk_buff *request, struct genl_info *info);
int mq_netlink_dump_start(struct netlink_callback *cb);
int mq_netlink_channel_dump(struct sk_buff *skb, struct netlink_callback *cb);
int mq_netlink_subscription_dump(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* MQ_NETLINK_H */
