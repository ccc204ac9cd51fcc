/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Space
 *
 * Who holds the ring of a channel, and who waits for it. A holding
 * subscription holds from max(its cursor, verified): whoever lacks space scans
 * the cursors and finds, for holders that nothing matched, that they need
 * nothing below the head. channel->data.hold is the lowest record that any
 * holder needed at the last scan; publishes overwrite below it only.
 *
 * Starved: from a publish that found no space until 1/16 of the ring (and
 * what that publish needed) is free. While starved, header.space_wanted asks
 * readers to kick, and as long as anybody waits, a work item scans every tick.
 *
 * Who waits is in the queue channel->space: polls for EPOLLOUT and publishes on
 * a channel that blocks. The end of the starvation wakes all of them, so that
 * space is used in batches. A tick that finds some space but not that much wakes
 * publishes only: theirs may be a record that fits.
 *
 * Evict after T: when a publish lacks space, and at each scan while somebody
 * waits for it, holders whose first held record is older than T lose the right
 * to hold. They and the administrators are told, then the space is given away. Who
 * comes to hold such a record meanwhile is evicted from the start.
 */
#ifndef MQ_SPACE_H
#define MQ_SPACE_H

#include "channel.h"

struct mq_subscription;

/* First record that must stay. Channel lock. */
u64 mq_space_hold(const struct mq_channel *channel);

/**
 * mq_space_starve() - a publish lacks space: look for some
 * @channel: channel
 * @slots: what it needs of the slots
 * @bytes: and of the byte area
 *
 * Takes the endpoints mutex. Afterwards the publish tries once more.
 */
void mq_space_starve(struct mq_channel *channel, u32 slots, u64 bytes);

/* A publish was refused for lack of space: counts, tells, keeps scanning. */
void mq_space_refuse(struct mq_channel *channel);

/* A publish is about to sleep in channel->space: tells, scans until it wakes. */
void mq_space_wait(struct mq_channel *channel);

/*
 * Takes the cursors of all holders; if somebody lacks space, evicts those that
 * hold too old a record; wakes who waits for space, if there is.
 */
void mq_space_scan(struct mq_channel *channel);

/*
 * A holder comes (endpoints mutex held) at @position. Return: false: it does not hold.
 * While others lack space nobody takes hold of what is old enough to be evicted for,
 * or whoever comes again and again would stop them for ever.
 */
bool mq_space_join(struct mq_channel *channel, u64 position);

/* Tells the administrators that a subscription was evicted, from @position on. */
void mq_space_tell_evicted(const struct mq_subscription *subscription, u64 position);

/* A holder goes (endpoints mutex held, off the list). */
void mq_space_leave(struct mq_channel *channel);

/* EPOLLOUT, or 0 while starved; with EPOLLHUP when dead. After poll_wait(). */
__poll_t mq_space_poll(struct mq_channel *channel);

/* Work function of &mq_channel.space_work. */
void mq_space_work(struct work_struct *work);

#endif /* MQ_SPACE_H */
