/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Limits
 *
 * What a refusal leaves behind: a count per channel and limit (enum mq_limit),
 * and an event for administrators, at most one a second for each, so that who
 * runs into a limit in a loop floods nobody. Whoever refuses returns what
 * mq_limit_refuse() returns. Process context, without a spinlock.
 */
#ifndef MQ_LIMIT_H
#define MQ_LIMIT_H

#include <linux/atomic.h>
#include <linux/mq.h>

struct mq_channel;

/**
 * struct mq_refusals - how often the limits of a channel refused something
 * @count: by enum mq_limit
 * @told: jiffies of the last event, by enum mq_limit
 */
struct mq_refusals {
	atomic64_t count[MQ_LIMITS];
	unsigned long told[MQ_LIMITS];
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

#endif /* MQ_LIMIT_H */
