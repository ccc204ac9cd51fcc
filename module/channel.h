/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Channel
 *
 * A named ring with a policy. States: built (not visible), live (in the
 * registry, has a node), dead (deleted: no name, no node, takes no record;
 * lives on while files hold it).
 *
 * References are those of its device (mq_channel_get(), mq_channel_put()):
 * registry, files of the node, endpoints (each has the ring mapped at most as
 * long as its file lives). The last one frees everything, in process context.
 *
 * Creating, deleting, setting and purging take the admin mutex themselves.
 */
#ifndef MQ_CHANNEL_H
#define MQ_CHANNEL_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/mq.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "claim.h"
#include "filter.h"
#include "identity.h"
#include "limit.h"
#include "registry.h"
#include "retain.h"
#include "ring.h"

struct mq_publisher;
struct netlink_ext_ack;

/* Minor numbers there are; given cyclically, so a stale node gets ENXIO. */
#define MQ_MINORS	65536U

/**
 * struct mq_channel_config - what a channel is made of
 * @name: NUL-terminated
 * @ring: sizes
 * @overflow: enum mq_overflow
 * @evict_after: milliseconds, 0: never
 * @hold: enum mq_hold
 * @uid: owner of the node
 * @gid: group of the node
 * @mode: permission bits of the node
 * @retained_max: most retained values
 * @retained_bytes_max: most bytes of them
 * @claims: filters beside the name
 * @claim_lens: their lengths
 * @claims_count: how many
 */
struct mq_channel_config {
	const char *name;
	struct mq_ring_config ring;
	u32 overflow;
	u32 evict_after;
	u32 hold;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
	u32 retained_max;
	u64 retained_bytes_max;
	const char *const *claims;
	const u32 *claim_lens;
	u32 claims_count;
};

/**
 * struct mq_channel_counters - what happened so far; channel lock
 * @published: records
 * @refused: publishes refused for lack of space (EAGAIN, ETIMEDOUT)
 * @node_passed: records that went by node readers unread
 * @evicted: subscriptions that lost the right to hold
 * @wills_lost: wills that could not be published
 */
struct mq_channel_counters {
	u64 published;
	u64 refused;
	u64 node_passed;
	u64 evicted;
	u64 wills_lost;
};

/**
 * struct mq_channel - a channel
 *
 * Constant after creation:
 * @dev: its device; holds the references
 * @id: unique until reboot
 * @overflow: enum mq_overflow
 * @uid: of the node at creation
 * @gid: likewise
 * @mode: likewise
 * @name: NUL-terminated
 *
 * @evict_after: milliseconds after which holders are evicted, 0: never (READ_ONCE;
 *	admin mutex to change)
 * @hold: enum mq_hold, likewise
 *
 * @claims: admin mutex; replaced under the channel lock too, so that readers need
 *	only that to take a reference
 * @registered: has a device node to delete; admin mutex
 *
 * @filters: filter index, has its own lock
 *
 * @wills.lock: the will mutex: wills of all publishers (will.h)
 * @wills.speaker: publisher through which wills are published; made with the
 *	first will, freed with the channel
 * @wills.pending: wills whose delay is not over, by when it is
 * @wills.work: publishes them; has a reference while it is queued or runs
 *
 * @endpoints.lock: endpoints mutex: list of subscriptions, scan
 * @endpoints.subscriptions: all (RCU)
 * @endpoints.subscription_count: how many (READ_ONCE)
 * @endpoints.publisher_count: how many (READ_ONCE)
 *
 * @data.lock: the channel lock
 * @data.ring: ring; mapped and read by everybody
 * @data.generation: moves when routes may have changed
 * @data.dead: deleted (READ_ONCE)
 * @data.holders: number of holding subscriptions
 * @data.hold: no holder needs a record below this, as far as known; moved by
 *	the scan. Without holders nothing is held
 * @data.starved: a publish found no space since 1/16 was free last
 * @data.full_told: MQ_EVENT_FULL was sent for this starvation
 * @data.moved: @data.hold moved on, and publishes that wait were not woken since
 * @data.starved_slots: what "enough" means while starved
 * @data.starved_bytes: likewise
 * @data.retained: retained values
 * @data.expire_at: when @expire_work looks at them next (CLOCK_BOOTTIME in ns),
 *	U64_MAX: not at all
 * @data.wills: wills that have something reserved
 * @data.counters: counters
 *
 * @identities: who made its publishers, has its own lock
 *
 * @refusals: what limits refused, by enum mq_limit; atomic
 *
 * @readers: node readers wait here
 * @crowded: there are too many for a publish to wake (READ_ONCE)
 * @space: who waits for space: polls and publishes
 * @space_work: scans cursors while somebody waits for space
 * @look_head: when the head gets here, @wake_work looks at subscriptions: one may
 *	have reached its watermark
 * @look_oldest: likewise for the oldest record: one may have a gap
 * @wake_all: @wake_work is to wake who has something to read (xchg)
 * @wake_work: looks at subscriptions; wakes them when a publish has too many to
 *	wake
 * @expire_work: takes out retained values that expired
 */
struct mq_channel {
	struct device dev;
	u64 id;
	u32 overflow;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
	char name[MQ_NAME_MAX + 1];

	u32 evict_after;
	u32 hold;

	struct mq_claims *claims;
	bool registered;

	struct mq_filters filters;

	struct {
		struct mutex lock; /* the will mutex */
		struct mq_publisher *speaker;
		struct rb_root_cached pending;
		struct delayed_work work;
	} wills;

	struct {
		struct mutex lock; /* the endpoints mutex */
		struct list_head subscriptions;
		u32 subscription_count;
		u32 publisher_count;
	} endpoints;

	struct {
		spinlock_t lock; /* the channel lock */
		struct mq_ring ring;
		u64 generation;
		bool dead;
		u32 holders;
		u64 hold;
		bool starved;
		bool full_told;
		bool moved;
		u32 starved_slots;
		u64 starved_bytes;
		struct mq_retained_set retained;
		u64 expire_at;
		u32 wills;
		struct mq_channel_counters counters;
	} data;

	struct mq_identities identities;

	struct mq_refusals refusals[MQ_LIMITS];

	wait_queue_head_t readers;
	bool crowded;
	wait_queue_head_t space;
	struct delayed_work space_work;
	atomic64_t look_head;
	atomic64_t look_oldest;
	u32 wake_all;
	struct work_struct wake_work;
	struct delayed_work expire_work;
};

/**
 * struct mq_channel_works - what the works of a channel do
 * @space: &mq_channel.space_work (space.c)
 * @wake: &mq_channel.wake_work (subscription_wake.c)
 * @expire: &mq_channel.expire_work (expire.c)
 * @will: &mq_channel.wills.work (will_end.c)
 */
struct mq_channel_works {
	work_func_t space;
	work_func_t wake;
	work_func_t expire;
	work_func_t will;
};

/* Sets up the class of devices; @works must stay. */
int mq_channel_init(const struct mq_channel_works *works);
void mq_channel_exit(void);
/* Bytes that all channels hold of the parameter max_bytes. */
u64 mq_channel_memory(void);

/**
 * mq_channel_create() - make a channel and its node
 * @config: values are checked here
 * @extack: gets the reason of a refusal
 *
 * Return: 0 or the errno documented at MQ_CMD_CHANNEL_CREATE.
 */
int mq_channel_create(const struct mq_channel_config *config,
		      struct netlink_ext_ack *extack);

/* By name. -ENOENT. */
int mq_channel_delete(const char *name, struct netlink_ext_ack *extack);
int mq_channel_purge(const char *name, struct netlink_ext_ack *extack);

/* Whether a configuration can be: errno and reason if not. No other effect. */
int mq_channel_check(const struct mq_channel_config *config, struct netlink_ext_ack *extack);
int mq_channel_check_claims(const char *const *claims, const u32 *lens, u32 count,
			    struct netlink_ext_ack *extack);
/* Likewise for who may hold, and how long, on a channel that overflows so. */
int mq_channel_check_hold(u32 overflow, u32 evict_after, u32 hold, struct netlink_ext_ack *extack);

/*
 * A built channel that nobody can see yet, of a checked configuration.
 * mq_channel_put() ends it. ERR_PTR: -EDQUOT (counted and told), -ENOMEM.
 */
struct mq_channel *mq_channel_build(const struct mq_channel_config *config);

/* The claims of a channel: its name and these; ERR_PTR(-ENOMEM). */
struct mq_claims *mq_channel_claims_new(struct mq_channel *channel, const char *const *claims,
					const u32 *lens, u32 count);

/* Dead from now on: takes no record; everybody who waits learns it. */
void mq_channel_kill(struct mq_channel *channel);

/**
 * struct mq_channel_change - what mq_channel_set() changes
 * @retained_max: NULL: leave
 * @retained_bytes_max: NULL: leave
 * @evict_after: NULL: leave
 * @hold: NULL: leave
 * @set_claims: replace the claims
 * @claims: by these
 * @claim_lens: their lengths
 * @claims_count: how many
 */
struct mq_channel_change {
	const u32 *retained_max;
	const u64 *retained_bytes_max;
	const u32 *evict_after;
	const u32 *hold;
	bool set_claims;
	const char *const *claims;
	const u32 *claim_lens;
	u32 claims_count;
};

int mq_channel_set(const char *name, const struct mq_channel_change *change,
		   struct netlink_ext_ack *extack);

/* A reference to a channel, or NULL. */
struct mq_channel *mq_channel_get_by_name(const char *name);
struct mq_channel *mq_channel_get_by_minor(unsigned int minor);
/* The next channel by minor number from @minor on, or NULL; for dumps. */
struct mq_channel *mq_channel_get_from(unsigned long *minor);
void mq_channel_get(struct mq_channel *channel);
void mq_channel_put(struct mq_channel *channel);

static inline unsigned int mq_channel_minor(const struct mq_channel *channel)
{
	return MINOR(channel->dev.devt) - MINOR(mq_registry_devt());
}

/**
 * mq_channel_info() - where a channel stands
 * @channel: channel
 * @info: all "out" fields but claims_size are filled
 */
void mq_channel_info(struct mq_channel *channel, struct mq_info *info);

/* The present claims, own name first, with a reference; without the admin mutex. */
struct mq_claims *mq_channel_claims_get(struct mq_channel *channel);

/**
 * mq_channel_reroute() - make publishers route anew
 * @channel: claims or filters changed; channel lock
 */
static inline void mq_channel_reroute(struct mq_channel *channel)
{
	lockdep_assert_held(&channel->data.lock);
	/* After what changed. Pairs with the acquire in publish_once(). */
	smp_store_release(&channel->data.generation, channel->data.generation + 1);
}

/* Tells administrators; see event.h. */
void mq_channel_event(const struct mq_channel *channel, enum mq_event event);
/* Of a subscription or publisher, who made it, and its user in the initial namespace. */
void mq_channel_endpoint_event(const struct mq_channel *channel, enum mq_event event, u64 id,
			       u32 pid, u32 uid);

/* Looks for space soon: a holder advanced, closed or died. Any context. */
void mq_channel_kick(struct mq_channel *channel);

/* Looks at pending wills soon: one is the first now, or the channel died. */
void mq_channel_kick_wills(struct mq_channel *channel);

/* Wakes subscriptions that have something to read, soon. Any context. */
void mq_channel_wake_later(struct mq_channel *channel);

/*
 * Wakes all who wait and asked for one of @events. What they wait for on a queue of
 * the channel is there for each of them: one that is exclusive (EPOLLEXCLUSIVE) has
 * not taken it from the others.
 */
static inline void mq_wake_all(struct wait_queue_head *wq, __poll_t events)
{
	__wake_up(wq, TASK_NORMAL, 0, poll_to_key(events));
}

/* Whether more wait than a publish is to wake. */
bool mq_wait_crowded(struct wait_queue_head *wq);
/*
 * poll_wait() that sets *@crowded if now too many wait: any number of epolls can watch
 * one descriptor, and it is not publishers who are to pay for that.
 */
void mq_poll_wait(struct file *file, struct wait_queue_head *wq, poll_table *wait,
		  bool *crowded);
/* Looks at them again, soon: a bound of @look_head or @look_oldest was reached. */
void mq_channel_look_later(struct mq_channel *channel);

#endif /* MQ_CHANNEL_H */
