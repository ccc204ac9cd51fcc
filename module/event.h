/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Events
 *
 * What administrators are told, over the multicast group of the netlink
 * family (enum mq_event in linux/mq.h). Sent from process context without a
 * spinlock; nobody listening costs one test; no memory means a lost event,
 * which the listener's socket reports.
 *
 * Of what users cause in a loop if they like (MQ_EVENT_SUBSCRIBED to
 * MQ_EVENT_LAGGED) so many a second are sent, for each user and kind, and the
 * others are counted (MQ_EVENTS_PER_SECOND). Other kinds are what listeners are
 * there for: each is sent.
 */
#ifndef MQ_EVENT_H
#define MQ_EVENT_H

#include <linux/types.h>
#include <linux/mq.h>

/**
 * struct mq_event_report - an event
 * @event: which
 * @name: of the channel
 * @channel_id: its id; 0: it was not made
 * @endpoint_id: subscription or publisher, or 0
 * @pid: its process, or 0
 * @passed: MQ_EVENT_LAGGED
 * @missed: MQ_EVENT_LAGGED
 * @sequence: MQ_EVENT_EVICTED, MQ_EVENT_WILL
 * @limit: MQ_EVENT_REFUSED
 * @uid: who caused it, in the initial user namespace: MQ_EVENT_REFUSED, and those
 *	that are bounded for each user
 */
struct mq_event_report {
	enum mq_event event;
	const char *name;
	u64 channel_id;
	u64 endpoint_id;
	u32 pid;
	u64 passed;
	u64 missed;
	u64 sequence;
	u32 limit;
	u32 uid;
};

struct genl_family;

/* From netlink.c: the family that carries events, NULL: none (any more). */
void mq_event_family(const struct genl_family *family);
void mq_event_send(const struct mq_event_report *report);

#endif /* MQ_EVENT_H */
