/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: The module at a glance
 *
 * Objects, each with one .c, one .h and one prefix:
 *
 *   registry      the live channels, their administration
 *   channel       a named ring with policy, claims, retained values, filter
 *                 index and lists of its endpoints; one device node
 *   ring          shared memory: header, slots, byte area (leaf)
 *   tree          topic filters as a tree of levels, read under RCU (leaf)
 *   filter        the filter index of a channel: which subscriptions a topic
 *                 concerns
 *   space         who holds the ring: scans cursors, wakes waiting publishers
 *   claim         which channel owns a topic (one tree for the module)
 *   retain        the retained values of a channel
 *   expire        takes out retained values whose time has come
 *   publisher     an endpoint that writes
 *   will          a record that is published when its publisher goes away
 *   subscription  an endpoint that reads
 *   identity      who made a publisher (leaf)
 *   user          what one user has over all channels, and may have (leaf)
 *   limit         what happens when a limit refuses something
 *   parked        commands of io_uring that wait at a subscription
 *   uring         commands of io_uring: ioctls of endpoints without the call
 *   endpoint      the pseudo-filesystem that endpoint files live on
 *   cdev          the node: open, read, write, poll, ioctl
 *   netlink       administration
 *   event         what administrators are told
 *
 * Who calls whom:
 *
 *   main -> {cdev, netlink} -> {publisher, will, subscription, space, expire}
 *        -> registry -> channel -> {filter, claim, retain, limit, identity}
 *        -> {ring, tree, event}
 *
 * The path of one record (publisher.c):
 *
 *   stage    copy topic, payload, metadata from user memory; check (may fault)
 *   route    under RCU: owner of the topic, matching filters (cached by topic)
 *   commit   channel lock: generation, space, sequence, slot, head, retained,
 *            filters' marks
 *   wake     barrier, then the wait queues of matching subscriptions
 *
 * Locks, outermost first. A lock is never taken while one below it is held:
 *
 *   admin mutex (registry.c)           channels, their names, claims
 *     will mutex (channel)             wills of its publishers, their speaker
 *       publisher mutex, subscription mutex, node mutex
 *                                      one endpoint's users; its owner's memory
 *                                      may fault under them, but not under the
 *                                      publisher mutex of a speaker
 *       filter mutex (channel)         filter index, filters of subscriptions
 *         endpoints mutex (channel)    list of subscriptions, scan of cursors
 *           channel lock (spin)        ring, routes, retained, counters
 *             identities lock, users lock, event budgets (spin, leaves)
 *             wait queue lock
 *               timer lock of a subscription (spin, interrupts off)
 *
 * Events are sent without spinlocks; mutexes may be held. The channel lock is
 * taken in process context only and nothing allocates, faults or sleeps under it.
 * RCU protects what a publish walks: tree nodes,
 * filter entries, links, subscriptions, claims.
 */
#ifndef MQ_H
#define MQ_H

#include <linux/jiffies.h>
#include <linux/timekeeping.h>
#include <linux/types.h>

struct workqueue_struct;

/* For what may take its time; empty when the module goes. NULL before mq_begin(). */
extern struct workqueue_struct *mq_workqueue;

/*
 * What channels need of the module, apart from being found (main.c). Called once by
 * it, or, where unit tests run before it begins, around a suite.
 */
int mq_begin(void);
void mq_end(void);

/* Longest sleep of a work item, so that it notices a suspended machine. */
#define MQ_DELAY_MAX		(3600ULL * NSEC_PER_SEC)

/* Jiffies from now until @when, CLOCK_BOOTTIME in ns, or for MQ_DELAY_MAX. */
static inline unsigned long mq_delay_until(u64 when)
{
	u64 now = ktime_get_boottime_ns();

	return when <= now ? 0 : nsecs_to_jiffies(min(when - now, MQ_DELAY_MAX)) + 1;
}

/* Most records and bytes that one hold of the channel lock writes. */
#define MQ_CHUNK_RECORDS	64
#define MQ_CHUNK_BYTES		(64 * 1024)

/* Most subscriptions that a publish wakes itself; a work item does the rest. */
#define MQ_WAKE_MAX		64
/* Most subscriptions that it looks at for that. */
#define MQ_WAKE_LOOKS		4096

/*
 * No errno, nothing that a user sees: somebody else is using this endpoint, and
 * the caller may not wait for that. Nothing was done.
 */
#define MQ_CONTENDED		1

/*
 * Bounds for users, parameters of the module (main.c says what each is).
 * Read with READ_ONCE: they can be changed at any time.
 */
extern unsigned int mq_max_channels;
extern unsigned long mq_max_bytes;
extern unsigned int mq_max_slots;
extern unsigned int mq_max_subscriptions;
extern unsigned int mq_max_publishers;
extern unsigned int mq_max_filters_per_subscription;
extern unsigned int mq_max_filters_per_channel;
extern unsigned long mq_max_filter_bytes;
extern unsigned int mq_max_wills_per_publisher;
extern unsigned int mq_max_will_delay;
extern unsigned int mq_max_subscriptions_per_user;
extern unsigned int mq_max_publishers_per_user;
extern unsigned int mq_max_filters_per_user;
extern unsigned int mq_max_wills_per_user;

#endif /* MQ_H */
