// SPDX-License-Identifier: GPL-2.0-only
/* Events: what administrators are told, see event.h. */
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
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

/* ---- how many users may cause ---------------------------------------- */

/* Kinds that are bounded for each user, or channel. */
#define EVENT_KINDS	(MQ_EVENT_WILL - MQ_EVENT_SUBSCRIBED + 1)
/* Users by the hash of their number: those of one place share what is there. */
#define EVENT_USERS_SHIFT	6

/**
 * struct event_budget - what was sent of a kind, for users of one place
 * @since: jiffies when the present second began
 * @sent: events in it
 */
struct event_budget {
	unsigned long since;
	unsigned int sent;
};

static DEFINE_SPINLOCK(event_budget_lock);	/* a leaf */
static struct event_budget event_budgets[1 << EVENT_USERS_SHIFT][EVENT_KINDS];
static u64 event_suppressed[EVENT_KINDS];

static bool event_bounded(enum mq_event event)
{
	return event >= MQ_EVENT_SUBSCRIBED && event <= MQ_EVENT_WILL;
}

/* On whose account it goes. */
static u32 event_place(const struct mq_event_report *report)
{
	/* The ring has become full, or not, by what many do. */
	if (report->event == MQ_EVENT_FULL || report->event == MQ_EVENT_SPACE)
		return hash_64(report->channel_id, EVENT_USERS_SHIFT);
	return hash_32(report->uid, EVENT_USERS_SHIFT);
}

/* Whether it may be sent; then it tells of @suppressed that could not before. */
static bool event_admit(const struct mq_event_report *report, u64 *suppressed)
{
	unsigned int kind = report->event - MQ_EVENT_SUBSCRIBED;
	struct event_budget *budget;
	bool admit;

	*suppressed = 0;
	if (!event_bounded(report->event))
		return true;
	budget = &event_budgets[event_place(report)][kind];
	spin_lock(&event_budget_lock);
	if (!time_in_range_open(jiffies, budget->since, budget->since + HZ)) {
		budget->since = jiffies;
		budget->sent = 0;
	}
	admit = budget->sent < MQ_EVENTS_PER_SECOND;
	budget->sent += admit;
	if (admit)
		swap(*suppressed, event_suppressed[kind]);
	else
		event_suppressed[kind]++;
	spin_unlock(&event_budget_lock);
	return admit;
}

/* An admitted one could not be made: the next one tells of it, and what it told. */
static void event_give_back(const struct mq_event_report *report, u64 suppressed)
{
	if (!event_bounded(report->event))
		return;
	spin_lock(&event_budget_lock);
	event_suppressed[report->event - MQ_EVENT_SUBSCRIBED] += suppressed + 1;
	spin_unlock(&event_budget_lock);
}

/* ---- sending ---------------------------------------------------------- */

/* Room for the largest event. */
static size_t event_size(void)
{
	return nla_total_size(sizeof(u32)) +			/* EVENT */
	       nla_total_size(MQ_NAME_MAX + 1) +		/* NAME */
	       2 * nla_total_size_64bit(sizeof(u64)) +		/* ID, TIME */
	       nla_total_size_64bit(sizeof(u64)) +		/* *_ID */
	       nla_total_size(sizeof(u32)) +			/* PID */
	       2 * nla_total_size_64bit(sizeof(u64)) +		/* PASSED, MISSED */
	       2 * nla_total_size_64bit(sizeof(u64)) +		/* SEQUENCE, SUPPRESSED */
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
				     const struct mq_event_report *report, u64 suppressed)
{
	struct sk_buff *skb = genlmsg_new(event_size(), GFP_KERNEL);
	void *header;

	if (!skb)
		return NULL;
	header = genlmsg_put(skb, 0, 0, family, 0, MQ_CMD_EVENT);
	/* It was allocated for the largest: a lack of room is our mistake. */
	if (WARN_ON_ONCE(!header || !event_put(skb, report) ||
			 (suppressed && nla_put_u64_64bit(skb, MQ_A_SUPPRESSED, suppressed,
							  MQ_A_PAD)))) {
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
	u64 suppressed;

	down_read(&event_lock);
	family = event_family;
	if (family && genl_has_listeners(family, &init_net, EVENT_GROUP) &&
	    event_admit(report, &suppressed)) {
		skb = event_message(family, report, suppressed);
		/*
		 * A listener without room in its socket learns of the loss by
		 * ENOBUFS; all of them do if there is no memory for the event.
		 */
		if (skb) {
			genlmsg_multicast(family, skb, 0, EVENT_GROUP, GFP_KERNEL);
		} else {
			event_give_back(report, suppressed);
			genl_set_err(family, &init_net, 0, EVENT_GROUP, -ENOBUFS);
		}
	}
	up_read(&event_lock);
}
