/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Publishing what is staged
 *
 * The second half of a record's path: route, commit, wake; and between them the
 * wait for space. Everything here works on kernel memory only: nothing faults,
 * nothing allocates.
 */
#ifndef MQ_PUBLISH_H
#define MQ_PUBLISH_H

#include "channel.h"
#include "mq.h"

/* Longest topic whose route a publisher remembers from call to call. */
#define MQ_ROUTE_TOPIC_MAX	128
/* Filter entries that the routes of one round can name. */
#define MQ_ROUTE_POOL		(2 * MQ_TREE_MATCHES_MAX)
/* And those of an atomic batch, which is one round: all, and the last route. */
#define MQ_ROUTE_POOL_MAX	((MQ_ATOMIC_MAX + 1) * MQ_TREE_MATCHES_MAX)

/**
 * struct mq_route - where records of a topic go
 * @result: 0, or -ESTALE: another channel owns the topic, or none
 * @first: index of its first entry in the publisher's pool
 * @count: number of entries
 * @all: counts as matching all filters
 */
struct mq_route {
	int result;
	u32 first;
	u32 count;
	bool all;
};

/**
 * struct mq_staged - a record in kernel memory
 * @data: its parts
 * @need: what it takes of the byte area
 * @result: 0 or why it is refused
 * @conditional: goes in only if @expect holds
 * @unmet: it did not; @sequence is that of the present value
 * @expect: sequence of the topic's retained value, 0: none
 * @expiry_ns: how long it stays as a retained value, 0: no limit
 * @route: its route
 * @reserved: a will: its place is reserved, nothing but its owner can refuse it
 * @retained: its retained copy; after the commit what that replaced
 * @receivers: sum of weights
 * @sequence: its sequence
 * @time: its time
 */
struct mq_staged {
	struct mq_ring_data data;
	u32 need;
	int result;
	bool conditional;
	bool unmet;
	u64 expect;
	u64 expiry_ns;
	struct mq_route route;
	bool reserved;
	struct mq_retained_value *retained;
	u32 receivers;
	u64 sequence;
	u64 time;
};

/**
 * enum mq_publish_lock - how a publish comes by the publisher mutex
 * @MQ_PUBLISH_LOCK: takes it, and waits for it
 * @MQ_PUBLISH_LOCKED: its caller has it and keeps it
 * @MQ_PUBLISH_BEHIND: not at all: who has it waits for space, EAGAIN
 */
enum mq_publish_lock {
	MQ_PUBLISH_LOCK,
	MQ_PUBLISH_LOCKED,
	MQ_PUBLISH_BEHIND,
};

/**
 * struct mq_publish_wait - whether a publish waits for space
 * @lock: and for the publisher mutex
 * @may: it does on a channel that blocks; else EAGAIN
 * @timeout: at most so long for a record, in ns; 0: as long as it takes
 */
struct mq_publish_wait {
	enum mq_publish_lock lock;
	bool may;
	u64 timeout;
};

/**
 * struct mq_wills - the wills of a publisher (will.h)
 * @by_id: all, by id
 * @list: all, in order of setting
 * @count: how many
 * @on_exit: how many of them the end of a process is enough for (READ_ONCE)
 */
struct mq_wills {
	struct rb_root by_id;
	struct list_head list;
	u32 count;
	u32 on_exit;
};

/**
 * struct mq_publisher - a publisher
 *
 * Constant:
 * @channel: its channel (a reference)
 * @id: module-wide, never reused
 * @pid: process that made it, in the initial pid namespace
 * @timeout: &mq_publish_wait.timeout of its records
 * @identity: who made it (a reference)
 * @user: on whose account it goes (a reference, or NULL)
 *
 * @wills: guarded by the will mutex of the channel
 *
 * @waiting: who has the lock waits for space (READ_ONCE)
 * @lock: the publisher mutex; guards all that follows
 * @stage: kernel copies of what is being published
 * @stage_size: its size
 * @stage_used: bytes used
 * @staged_count: records in @staged
 * @staged: records
 * @atomic: what is staged goes in together, or nothing does
 * @swept: expired retained values were taken out for what is staged
 * @expiring: it set a value that expires before anybody would look
 * @generation: of the channel, for which the routes below hold
 * @last_len: bytes of @last_topic; 0: none
 * @last_route: route of @last_topic
 * @last_topic: the topic routed last
 * @pool: filter entries; valid only under RCU, in the generation above, and
 *	with the channel lock to prove that
 * @pool_used: entries in @pool
 * @pool_size: most
 * @pool_own: where @pool points until an atomic batch needs more
 */
struct mq_publisher {
	struct mq_channel *channel;
	u64 id;
	u32 pid;
	u64 timeout;
	struct mq_identity *identity;
	struct mq_user *user;

	struct mq_wills wills;

	bool waiting;
	struct mutex lock; /* the publisher mutex */
	u8 *stage;
	u32 stage_size;
	u32 stage_used;
	u32 staged_count;
	struct mq_staged staged[MQ_CHUNK_RECORDS];
	bool atomic;
	bool swept;
	bool expiring;
	u64 generation;
	u32 last_len;
	struct mq_route last_route;
	char last_topic[MQ_ROUTE_TOPIC_MAX];
	void **pool;
	u32 pool_used;
	u32 pool_size;
	void *pool_own[MQ_ROUTE_POOL];
};

static_assert(MQ_ATOMIC_MAX <= MQ_CHUNK_RECORDS);
static_assert(MQ_ATOMIC_BYTES_MAX <= MQ_CHUNK_BYTES);

/* What publishing needs of a zeroed publisher. */
void mq_publish_init(struct mq_publisher *publisher, struct mq_channel *channel);
/* Frees what publishing took. */
void mq_publish_destroy(struct mq_publisher *publisher);

/**
 * mq_publish_route() - route what is staged (publish_route.c)
 * @publisher: its lock held
 * @start: from this record on
 * @generation: of the channel, read before
 *
 * As far as the pool goes. RCU.
 * Return: the end of what has a route.
 */
u32 mq_publish_route(struct mq_publisher *publisher, u32 start, u64 generation);

/* Room for the routes of a whole batch, or -ENOMEM. Forgets those there are. */
int mq_publish_widen(struct mq_publisher *publisher);

/* Makes the staging buffer as large as it will ever be: 0 or -ENOMEM. */
int mq_publisher_grow(struct mq_publisher *publisher);

/**
 * mq_publisher_stage() - copy a record to the stage
 * @publisher: its lock held
 * @args: the record; its pointers lead into user memory
 * @name: NULL, or its topic
 *
 * One that is refused for what it is goes there with its result.
 * Return: 0; -ENOSPC: the chunk is full; or what ends the batch.
 */
int mq_publisher_stage(struct mq_publisher *publisher, const struct mq_publish *args,
		       const char *name);
void mq_publisher_unstage(struct mq_publisher *publisher);

/*
 * Takes the publisher mutex: 0, -EINTR or -EAGAIN. Who must not wait for space
 * does not wait behind somebody who does, either.
 */
int mq_publisher_lock(struct mq_publisher *publisher, struct mq_publish_wait wait);
void mq_publisher_unlock(struct mq_publisher *publisher, struct mq_publish_wait wait);

/* Tells the user what became of a staged record. 0 or -EFAULT. */
int mq_publisher_report(const struct mq_staged *staged, struct mq_publish __user *user);

/**
 * mq_publisher_atomic() - publish a batch as a whole (publisher_atomic.c)
 * @publisher: publisher
 * @user: records
 * @count: at most MQ_ATOMIC_MAX
 * @sync: the caller is about to sleep
 * @wait: whether to wait for space
 *
 * Return: 0: each record has its result; else why there was no batch.
 */
int mq_publisher_atomic(struct mq_publisher *publisher, struct mq_publish __user *user,
			u32 count, bool sync, struct mq_publish_wait wait);

/**
 * mq_publish_staged() - publish the staged records in order
 * @publisher: its lock held, no other
 * @sync: the caller is about to sleep
 * @wait: whether to wait for space; the records before are published by then
 * @done: records that have their result; the rest was not tried
 *
 * An atomic batch goes in as a whole; else each record has its result: why it
 * is refused, or -ECANCELED. What ends it (below), ends it for all.
 *
 * Return: 0, or what ended it (the last of @done has it): -EAGAIN, -ETIMEDOUT or
 * -EINTR for lack of space, -ENODEV, -ENOMEM.
 */
int mq_publish_staged(struct mq_publisher *publisher, bool sync, struct mq_publish_wait wait,
		      u32 *done);

#endif /* MQ_PUBLISH_H */
