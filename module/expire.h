/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Expiry
 *
 * Takes retained values out whose time has come. Nobody depends on it but the
 * memory and the limits: an expired value is none for all who look (retain.h).
 *
 * channel->data.expire_at is when the work item looks next. A publish that sets
 * a value which expires before that sends the work to look at once, and to find
 * its next time by itself; so the two can't overtake each other. The timer of
 * the work stands still while the machine is suspended, the clock of the values
 * does not: after that values go late, but count as gone in time.
 */
#ifndef MQ_EXPIRE_H
#define MQ_EXPIRE_H

#include "channel.h"

/* Takes out what has expired, a value at a time. Not under a spinlock. */
void mq_expire_sweep(struct mq_channel *channel);

/* A value came that expires before &mq_channel.data.expire_at. */
void mq_expire_kick(struct mq_channel *channel);

/* Work function of &mq_channel.expire_work. */
void mq_expire_work(struct work_struct *work);

#endif /* MQ_EXPIRE_H */
