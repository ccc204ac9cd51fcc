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
 * @route: its route
 * @retained: its retained copy; after the commit what that replaced
 * @receivers: sum of weights
 * @sequence: its sequence
 * @time: its time
 */
struct mq_staged {
	struct mq_ring_data data;
	u32 need;
	int result;
	struct mq_route route;
	struct mq_retained_value *retained;
	u32 receivers;
	u64 sequence;
	u64 time;
};

/**
 * struct mq_publish_wait - whether a publish waits for space
 * @may: it does on a channel that blocks; else EAGAIN
 * @timeout: at most so long for a record, in jiffies (or MAX_SCHEDULE_TIMEOUT)
 */
struct mq_publish_wait {
	bool may;
	unsigned long timeout;
};

/**
 * struct mq_publisher - a publisher
 *
 * Constant:
 * @channel: its channel (a reference)
 * @id: module-wide, never reused
 * @pid: process that made it, in the initial pid namespace
 * @timeout: &mq_publish_wait.timeout of its records
 *
 * @waiting: who has the lock waits for space (READ_ONCE)
 * @lock: the publisher mutex; guards all that follows
 * @stage: kernel copies of what is being published
 * @stage_size: its size
 * @stage_used: bytes used
 * @staged_count: records in @staged
 * @staged: records
 * @generation: of the channel, for which the routes below hold
 * @last_len: bytes of @last_topic; 0: none
 * @last_route: route of @last_topic
 * @last_topic: the topic routed last
 * @pool_used: entries in @pool
 * @pool: filter entries; valid only under RCU, in the generation above, and
 *	with the channel lock to prove that
 */
struct mq_publisher {
	struct mq_channel *channel;
	u64 id;
	u32 pid;
	unsigned long timeout;

	bool waiting;
	struct mutex lock; /* the publisher mutex */
	u8 *stage;
	u32 stage_size;
	u32 stage_used;
	u32 staged_count;
	struct mq_staged staged[MQ_CHUNK_RECORDS];
	u64 generation;
	u32 last_len;
	struct mq_route last_route;
	char last_topic[MQ_ROUTE_TOPIC_MAX];
	u32 pool_used;
	void *pool[MQ_ROUTE_POOL];
};

/**
 * mq_publish_staged() - publish the staged records in order
 * @publisher: its lock held, no other
 * @sync: the caller is about to sleep
 * @wait: whether to wait for space; the records before are published by then
 * @done: records that have their result; the rest was not tried
 *
 * Return: 0, or what ended it (the last of @done has it): -EAGAIN, -ETIMEDOUT or
 * -EINTR for lack of space, -ENODEV.
 */
int mq_publish_staged(struct mq_publisher *publisher, bool sync, struct mq_publish_wait wait,
		      u32 *done);

#endif /* MQ_PUBLISH_H */
