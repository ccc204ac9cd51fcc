/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Claims
 *
 * A channel claims topic filters, always its own name among them. The owner of
 * a topic is the channel whose matching claim wins level by level from the
 * left: literal before '+' before '#'. No two channels have the same claim, so
 * every topic has one owner or none.
 *
 * Changing needs the admin mutex; mq_claim_owner() needs RCU. After a change
 * the caller moves the generation of every channel (mq_channel_set_*), which
 * makes publishers ask again.
 */
#ifndef MQ_CLAIM_H
#define MQ_CLAIM_H

#include <linux/kref.h>
#include <linux/types.h>

struct mq_channel;

/**
 * struct mq_claim - one claim
 * @channel: whose
 * @rcu: frees it
 * @len: bytes of @filter
 * @filter: the claim, NUL-terminated
 */
struct mq_claim {
	struct mq_channel *channel;
	struct rcu_head rcu;
	u32 len;
	char filter[];
};

/**
 * struct mq_claims - the claims of a channel, in their order
 * @ref: the channel, and who copies them
 * @count: how many
 * @claim: them
 */
struct mq_claims {
	struct kref ref;
	u32 count;
	struct mq_claim *claim[];
};

int mq_claim_init(void);
void mq_claim_exit(void);

/**
 * mq_claims_new() - claims that are in force nowhere yet
 * @channel: of this channel
 * @filters: valid filters
 * @lens: their lengths
 * @count: how many
 *
 * Return: the claims, or ERR_PTR(-ENOMEM).
 */
struct mq_claims *mq_claims_new(struct mq_channel *channel, const char *const *filters,
				const u32 *lens, u32 count);
/* The last reference frees them, after a grace period. NULL is fine. */
void mq_claims_put(struct mq_claims *claims);
/* Bytes of all filters, each with its NUL. */
u32 mq_claims_size(const struct mq_claims *claims);

/* Puts all in force or none: -EEXIST, -ENOMEM. */
int mq_claims_add(struct mq_claims *claims);
void mq_claims_remove(struct mq_claims *claims);

/**
 * mq_claims_swap() - put other claims of the same channel in force
 * @old: in force; not any more after success
 * @claims: no two of them are equal
 *
 * Return: 0, or -EEXIST or -ENOMEM and @old stays.
 */
int mq_claims_swap(struct mq_claims *old, struct mq_claims *claims);

/* The channel that owns a topic, or NULL; to compare, not to use. RCU. */
const struct mq_channel *mq_claim_owner(const char *topic, u32 len);

#endif /* MQ_CLAIM_H */
