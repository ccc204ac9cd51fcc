// SPDX-License-Identifier: GPL-2.0-only
/* Events: what administrators are told, see event.h. */
#include <linux/ktime.h>
#include <linux/rwsem.h>
#include <net/genetlink.h>
#include "event.h"

/* Index in the family's list of multicast groups. */
#define EVENT_GROUP	0

/*
 * Held for reading while an event is sent, so that the family does not go away
 * under it; innermost, nothing but memory is asked for inside.
 */
static DECLARE_RWSEM(event_lock);
static const struct genl_family *event_family;

void mq_event_family(const struct genl_family *family)
{
	down_write(&event_lock);
	event_family = family;
	up_write(&event_lock);
}

/* Room for the largest event. */
static size_t event_size(void)
{
	return nla_total_size(sizeof(u32)) +			/* EVENT */
	       nla_total_size(MQ_NAME_MAX + 1) +		/* NAME */
	       2 * nla_total_size_64bit(sizeof(u64)) +		/* ID, TIME */
	       nla_total_size_64bit(sizeof(u64)) +		/* *_ID */
	       nla_total_size(sizeof(u32)) +			/* PID */
	       2 * nla_total_size_64bit(sizeof(u64)) +		/* PASSED, MISSED */
	       nla_total_size_64bit(sizeof(u64)) +		/* SEQUENCE */
	       2 * nla_total_size(sizeof(u32));			/* LIMIT, UID */
}

static bool event_put_channel(struct sk_buff *skb, const struct mq_event_report *report)
{
	return !nla_put_u32(skb, MQ_A_EVENT, report->event) &&
	       !nla_put_string(skb, MQ_A_NAME, report->name) &&
	       (!report->channel_id ||
		!nla_put_u64_64bit(skb, MQ_A_ID, report->channel_id, MQ_A_PAD)) &&
	       !nla_put_u64_64bit(skb, MQ_A_TIME, ktime_get_real_ns(), MQ_A_PAD);
}

static bool event_put_endpoint(struct sk_buff *skb, const struct mq_event_report *report,
			       int id_attribute)
{
	return !nla_put_u64_64bit(skb, id_attribute, report->endpoint_id, MQ_A_PAD) &&
	       !nla_put_u32(skb, MQ_A_PID, report->pid);
}

static bool event_put_gap(struct sk_buff *skb, const struct mq_event_report *report)
{
	return !nla_put_u64_64bit(skb, MQ_A_PASSED, report->passed, MQ_A_PAD) &&
	       !nla_put_u64_64bit(skb, MQ_A_MISSED, report->missed, MQ_A_PAD);
}

static bool event_put_sequence(struct sk_buff *skb, const struct mq_event_report *report)
{
	return !nla_put_u64_64bit(skb, MQ_A_SEQUENCE, report->sequence, MQ_A_PAD);
}

static bool event_put_refusal(struct sk_buff *skb, const struct mq_event_report *report)
{
	return !nla_put_u32(skb, MQ_A_LIMIT, report->limit) &&
	       !nla_put_u32(skb, MQ_A_UID, report->uid) &&
	       !nla_put_u32(skb, MQ_A_PID, report->pid);
}

/* Everything that belongs to the event, as enum mq_event says. */
static bool event_put(struct sk_buff *skb, const struct mq_event_report *report)
{
	if (!event_put_channel(skb, report))
		return false;
	switch (report->event) {
	case MQ_EVENT_LAGGED:
		return event_put_endpoint(skb, report, MQ_A_SUBSCRIPTION_ID) &&
		       event_put_gap(skb, report);
	case MQ_EVENT_SUBSCRIBED:
	case MQ_EVENT_UNSUBSCRIBED:
		return event_put_endpoint(skb, report, MQ_A_SUBSCRIPTION_ID);
	case MQ_EVENT_PUBLISHER_OPENED:
	case MQ_EVENT_PUBLISHER_CLOSED:
		return event_put_endpoint(skb, report, MQ_A_PUBLISHER_ID);
	case MQ_EVENT_EVICTED:
		return event_put_endpoint(skb, report, MQ_A_SUBSCRIPTION_ID) &&
		       event_put_sequence(skb, report);
	case MQ_EVENT_WILL:
		return event_put_endpoint(skb, report, MQ_A_PUBLISHER_ID) &&
		       event_put_sequence(skb, report);
	case MQ_EVENT_REFUSED:
		return event_put_refusal(skb, report);
	default:
		return true;
	}
}

static struct sk_buff *event_message(const struct genl_family *family,
				     const struct mq_event_report *report)
{
	struct sk_buff *skb = genlmsg_new(event_size(), GFP_KERNEL);
	void *header;

	if (!skb)
		return NULL;
	header = genlmsg_put(skb, 0, 0, family, 0, MQ_CMD_EVENT);
	/* It was allocated for the largest: a lack of room is our mistake. */
	if (WARN_ON_ONCE(!header || !event_put(skb, report))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, header);
	return skb;
}

void mq_event_send(const struct mq_event_report *report)
{
	const struct genl_family *family;
	struct sk_buff *skb;

	down_read(&event_lock);
	family = event_family;
	if (family && genl_has_listeners(family, &init_net, EVENT_GROUP)) {
		skb = event_message(family, report);
		/*
		 * A listener without room in its socket learns of the loss by
		 * ENOBUFS; all of them do if there is no memory for the event.
		 */
		if (skb)
			genlmsg_multicast(family, skb, 0, EVENT_GROUP, GFP_KERNEL);
		else
			genl_set_err(family, &init_net, 0, EVENT_GROUP, -ENOBUFS);
	}
	up_read(&event_lock);
}
