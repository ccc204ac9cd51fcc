/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Will
 *
 * A record that is published when its publisher goes away. States:
 *
 *   registered   with its publisher, in order of setting and by id
 *   pending      the publisher is gone, its delay is not over: with the channel
 *   ended        published, cleared, or given up: its topic has another owner by
 *                then, or the channel is dead
 *
 * Everything that its publishing takes, it has from the first moment on: a copy
 * of the record, which becomes the retained value if it is one; its place in the
 * ring (mq_ring_reserve()); its place among the retained values; and the speaker
 * of its channel, a publisher without a file through which wills take the usual
 * path (publish.h). So the end of a process needs no memory and waits for no
 * user: not for who holds the ring, and not for who stalls its publisher mutex.
 *
 * The will mutex of the channel guards all its wills and the speaker. While wills
 * are pending, the work is queued or runs, and holds a reference to the channel.
 */
#ifndef MQ_WILL_H
#define MQ_WILL_H

#include "publish.h"

/**
 * struct mq_will_entry - a will
 * @node: by id, of its publisher; pending: by time, of the channel
 * @list: in order of setting, of its publisher; or of those whose time has come
 * @id: of the will
 * @publisher_id: of its publisher
 * @pid: of its publisher
 * @identity: of its publisher (a reference)
 * @user: on whose account it goes (a reference, or NULL)
 * @process: whose end is enough (a reference); NULL: only the last close
 * @delay_ms: how long it is pending
 * @due: when that is over, CLOCK_BOOTTIME in ns; 0: it was never pending
 * @expiry_ns: of the retained value
 * @data: its record; the pointers lead into @value, or where that went
 * @value: memory of the record, and the retained value to be
 */
struct mq_will_entry {
	struct rb_node node;
	struct list_head list;
	u64 id;
	u64 publisher_id;
	u32 pid;
	struct mq_identity *identity;
	struct mq_user *user;
	struct pid *process;
	u32 delay_ms;
	u64 due;
	u64 expiry_ns;
	struct mq_ring_data data;
	struct mq_retained_value *value;
};

/* MQ_IOC_WILL_SET and MQ_IOC_WILL_CLEAR. */
int mq_will_set(struct mq_publisher *publisher, void __user *arg);
int mq_will_clear(struct mq_publisher *publisher, void __user *arg);

/* A descriptor was closed, perhaps by the end of a process that set a will. */
void mq_will_flush(struct mq_publisher *publisher);

/* The publisher goes away: its wills are published or become pending. */
void mq_will_release(struct mq_publisher *publisher);

/**
 * mq_will_unreserve() - give back what a will has reserved
 * @channel: channel, locked
 * @data: the will's record: it takes its place now, or nobody does
 */
void mq_will_unreserve(struct mq_channel *channel, const struct mq_ring_data *data);

static inline bool mq_will_retains(const struct mq_ring_data *data)
{
	return data->flags & MQ_RECORD_RETAIN && data->payload_len;
}

/* Takes a will out of its publisher's; what it reserved stays so. */
void mq_will_leave(struct mq_wills *wills, struct mq_will_entry *will);
/* Frees one that has nothing reserved. NULL is fine. */
void mq_will_free(struct mq_will_entry *will);
/* What is no longer reserved is there for others. */
void mq_will_made_room(struct mq_channel *channel);

/**
 * mq_will_publish() - publish wills (will_end.c)
 * @channel: its will mutex held; dropped in between
 * @list: wills of nobody any more; freed, published or given up
 *
 * Return: how many were published.
 */
u32 mq_will_publish(struct mq_channel *channel, struct list_head *list);

/* Work function of &mq_channel.wills.work. */
void mq_will_work(struct work_struct *work);

#endif /* MQ_WILL_H */
