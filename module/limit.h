/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Limits
 *
 * What a refusal leaves behind: a count per channel and limit (enum mq_limit),
 * or, if no channel is made because of it, per limit; and an event for
 * administrators, at most one a second for each, so that who runs into a limit in
 * a loop floods nobody. Whoever refuses returns what mq_limit_refuse() returns.
 * Process context, without a spinlock.
 */
#ifndef MQ_LIMIT_H
#define MQ_LIMIT_H

#include <linux/atomic.h>
#include <linux/mq.h>

struct mq_channel;

/**
 * struct mq_refusals - how often a limit refused something
 * @count: so often
 * @told: jiffies of the last event
 */
struct mq_refusals {
	atomic64_t count;
	unsigned long told;
};

/**
 * mq_limit_refuse() - the caller ran into a limit
 * @channel: of this channel
 * @limit: which
 * @err: the negative errno of the refusal
 *
 * Return: @err.
 */
int mq_limit_refuse(struct mq_channel *channel, enum mq_limit limit, int err);

/* Likewise of the module, MQ_LIMIT_CHANNELS or above: channel @name is not made. */
int mq_limit_refuse_channel(const char *name, enum mq_limit limit, int err);
/* How often that one refused a channel. */
u64 mq_limit_refused(enum mq_limit limit);

#endif /* MQ_LIMIT_H */
