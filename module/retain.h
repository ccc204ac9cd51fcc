/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Retained values
 *
 * The last retained record of each topic, kept outside the ring with its
 * sequence. A value is made before the channel lock is taken, put in under it
 * and never changed; readers take a reference under the lock and copy without
 * it. Three trees: by topic for publishing, by sequence for listing, and by
 * expiry those values that have one.
 *
 * A value that expired is no value any more, whether or not somebody came to take
 * it out (expire.h): mq_retained_expired() is asked wherever one is looked at. The
 * time now is given by the caller: CLOCK_BOOTTIME in ns.
 *
 * Everything but mq_retained_new() and mq_retained_put() needs the channel
 * lock; the caller asserts it.
 */
#ifndef MQ_RETAIN_H
#define MQ_RETAIN_H

#include <linux/kref.h>
#include <linux/rbtree.h>
#include "ring.h"

/**
 * struct mq_retained_value - a retained value
 * @by_topic: in the set
 * @by_sequence: in the set
 * @by_expiry: in the set, if it expires
 * @ref: one of the set, one of each reader
 * @sequence: of the record that set it
 * @time: of that record
 * @publisher: of that record
 * @expires: when it goes away; 0: never
 * @data: parts of the record; the pointers lead into @bytes
 * @bytes: topic, payload, metadata
 */
struct mq_retained_value {
	struct rb_node by_topic;
	struct rb_node by_sequence;
	struct rb_node by_expiry;
	struct kref ref;
	u64 sequence;
	u64 time;
	u64 publisher;
	u64 expires;
	struct mq_ring_data data;
	u8 bytes[];
};

/**
 * struct mq_retained_growth - what values add to a set
 * @count: values
 * @bytes: bytes
 */
struct mq_retained_growth {
	u32 count;
	u64 bytes;
};

/**
 * struct mq_retained_set - the retained values of a channel
 * @by_topic: all, by (hash, topic)
 * @by_sequence: all, by sequence
 * @by_expiry: those that expire, by when
 * @count: how many
 * @count_max: most
 * @bytes: topic, payload and metadata of all
 * @bytes_max: most; a set whose limits were lowered may be above them
 * @expired: how many values expired
 * @reserved: room for values to come, which counts like values
 */
struct mq_retained_set {
	struct rb_root by_topic;
	struct rb_root by_sequence;
	struct rb_root_cached by_expiry;
	u32 count;
	u32 count_max;
	u64 bytes;
	u64 bytes_max;
	u64 expired;
	struct mq_retained_growth reserved;
};

static inline bool mq_retained_expired(const struct mq_retained_value *value, u64 now)
{
	return value->expires && value->expires <= now;
}

/**
 * mq_retained_alloc() - a value whose parts are not there yet
 * @data: the lengths of its parts
 *
 * The caller fills in the bytes, to which the pointers of its data lead already:
 * topic, payload, metadata. Return: the value or ERR_PTR(-ENOMEM).
 */
struct mq_retained_value *mq_retained_alloc(const struct mq_ring_data *data);
/* A copy of a record's parts; ERR_PTR(-ENOMEM). */
struct mq_retained_value *mq_retained_new(const struct mq_ring_data *data);
/* NULL is fine. Not under the channel lock. */
void mq_retained_put(struct mq_retained_value *value);

/* Sequence of the value of a topic, 0: there is none. */
u64 mq_retained_sequence(const struct mq_retained_set *set, const struct mq_ring_data *data,
			 u64 now);

/**
 * mq_retained_admit() - whether a value may go in
 * @set: set
 * @data: the record that sets it
 * @growth: of what was admitted before it and is not in yet; it is added
 *
 * Clearing always may; a new topic or a larger value only within the limits.
 * What expired counts until it is taken out.
 * Return: 0 or -EDQUOT.
 */
int mq_retained_admit(const struct mq_retained_set *set, const struct mq_ring_data *data,
		      struct mq_retained_growth *growth);

/**
 * mq_retained_reserve() - keep room for a value to come
 * @set: set
 * @data: the record that will set it
 *
 * Its topic may have a value now: who knows about then. Return: 0 or -EDQUOT.
 */
int mq_retained_reserve(struct mq_retained_set *set, const struct mq_ring_data *data);
/* Ends a reservation; the value needs not be admitted. */
void mq_retained_release(struct mq_retained_set *set, const struct mq_ring_data *data);

/**
 * mq_retained_replace() - set the value of a topic, or clear it
 * @set: set
 * @data: the record that does it
 * @value: admitted value with its numbers filled in; NULL: clear
 * @now: the time
 *
 * Return: the value that was there, for mq_retained_put(), or NULL.
 */
struct mq_retained_value *mq_retained_replace(struct mq_retained_set *set,
					      const struct mq_ring_data *data,
					      struct mq_retained_value *value, u64 now);

/* Takes out a value that expired; NULL: there is none (any more). */
struct mq_retained_value *mq_retained_expire(struct mq_retained_set *set, u64 now);
/* When the next one expires, U64_MAX: none does. */
u64 mq_retained_deadline(const struct mq_retained_set *set);

/* The first value with a sequence above @after, expired or not, or NULL. No
 * reference.
 */
struct mq_retained_value *mq_retained_next(const struct mq_retained_set *set, u64 after);

/* Takes out the oldest value if its sequence is below @before, else NULL. */
struct mq_retained_value *mq_retained_take(struct mq_retained_set *set, u64 before);

#endif /* MQ_RETAIN_H */
