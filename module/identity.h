/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Identity
 *
 * Who made a publisher. Taken from the process that opens it, or that opens
 * the node which is written to later, and never asked again: a descriptor is
 * passed on, also to programs that may more than who opened it.
 *
 * A channel knows identities by the id of their publisher. Open: the publisher
 * is there. Closed: known until the ring has passed its last record. No record
 * is the last of two publishers, so there are at most as many closed ones to
 * know as the ring has slots. Those behind the ring are not told any more; each
 * opening and closing drops some of them, more than it adds, so that they take
 * no room beside the others. Nobody walks far under the lock.
 *
 * The lock of the set is a leaf. Identities are reference-counted: one
 * reference is the set's, one the publisher's.
 */
#ifndef MQ_IDENTITY_H
#define MQ_IDENTITY_H

#include <linux/kref.h>
#include <linux/mq.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>

struct cred;
struct pid;

/**
 * struct mq_identity - who made a publisher
 *
 * Constant:
 * @ref: references
 * @pid: the process (a reference)
 * @uid: its effective user
 * @gid: its effective group
 * @cgroup: id of its control group (version 2), 0: none
 * @started: its start, CLOCK_BOOTTIME in ns
 * @opened: when this was taken, CLOCK_REALTIME in ns
 * @label_size: bytes of @label with its NUL, 0: none
 *
 * Guarded by the set's lock:
 * @id: of the publisher; constant from mq_identities_open() on
 * @by_id: in the set
 * @by_last: in the set, if closed
 * @closed: its publisher is gone
 *
 * @last: sequence of its last record, 0: none. The publisher's, which stores it
 *	under the channel lock; once closed, the set's. READ_ONCE
 *
 * @label: security label, NUL-terminated
 */
struct mq_identity {
	struct kref ref;
	struct pid *pid;
	kuid_t uid;
	kgid_t gid;
	u64 cgroup;
	u64 started;
	u64 opened;
	u32 label_size;

	bool closed;
	u64 id;
	struct rb_node by_id;
	struct rb_node by_last;

	u64 last;

	char label[];
};

/**
 * struct mq_identities - the identities of a channel
 * @lock: guards the trees
 * @by_id: all
 * @by_last: the closed ones by their last record
 * @closed: how many those are
 */
struct mq_identities {
	spinlock_t lock; /* the identities lock */
	struct rb_root by_id;
	struct rb_root_cached by_last;
	u32 closed;
};

/**
 * mq_identity_new() - who the caller is now
 * @cred: its credentials as the descriptor has them (f_cred)
 *
 * Return: the identity, in no set, or ERR_PTR(-ENOMEM).
 */
struct mq_identity *mq_identity_new(const struct cred *cred);
struct mq_identity *mq_identity_get(struct mq_identity *identity);
/* NULL is fine. */
void mq_identity_put(struct mq_identity *identity);

/* Its process in the initial pid namespace. */
u32 mq_identity_pid(const struct mq_identity *identity);

/**
 * mq_identity_info() - tell the caller who somebody is
 * @identity: who
 * @info: the "out" fields are filled, as the namespaces of the caller see them;
 *	@info->label_size is what the label takes
 */
void mq_identity_info(const struct mq_identity *identity, struct mq_publisher_info *info);

void mq_identities_init(struct mq_identities *set);
/* No publisher is left. */
void mq_identities_destroy(struct mq_identities *set);

/**
 * mq_identities_open() - a publisher begins
 * @set: of its channel
 * @identity: who made it; in no set
 * @id: of the publisher
 * @oldest: the oldest record in the ring
 */
void mq_identities_open(struct mq_identities *set, struct mq_identity *identity, u64 id,
			u64 oldest);

/**
 * mq_identities_close() - a publisher is gone
 * @set: of its channel
 * @identity: who made it; @identity->last is final
 * @oldest: the oldest record in the ring
 */
void mq_identities_close(struct mq_identities *set, struct mq_identity *identity, u64 oldest);

/**
 * mq_identities_late() - a record came after its publisher was gone
 * @set: of its channel
 * @identity: who made the publisher, which publishes no more; the caller has a
 *	reference
 * @sequence: of the record, above all that came before
 *
 * For a will with a delay: its maker is known again until the ring passes it.
 */
void mq_identities_late(struct mq_identities *set, struct mq_identity *identity, u64 sequence);

/**
 * mq_identities_find() - who made a publisher
 * @set: of its channel
 * @id: of the publisher
 * @oldest: the oldest record in the ring
 *
 * Return: the identity, with a reference, or NULL: no such publisher, or it is
 * gone and so are its records.
 */
struct mq_identity *mq_identities_find(struct mq_identities *set, u64 id, u64 oldest);

#endif /* MQ_IDENTITY_H */
