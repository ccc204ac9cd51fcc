// SPDX-License-Identifier: GPL-2.0-only
/* Claims: which channel owns a topic, see claim.h. */
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "claim.h"
#include "tree.h"

static struct mq_tree claim_tree;

int mq_claim_init(void)
{
	return mq_tree_init(&claim_tree);
}

void mq_claim_exit(void)
{
	mq_tree_destroy(&claim_tree);
}

static struct mq_claim *claim_new(struct mq_channel *channel, const char *filter, u32 len)
{
	struct mq_claim *claim;

	claim = kzalloc(struct_size(claim, filter, len + 1), GFP_KERNEL_ACCOUNT);
	if (!claim)
		return NULL;
	claim->channel = channel;
	claim->len = len;
	memcpy(claim->filter, filter, len);
	return claim;
}

struct mq_claims *mq_claims_new(struct mq_channel *channel, const char *const *filters,
				const u32 *lens, u32 count)
{
	struct mq_claims *claims;

	claims = kzalloc(struct_size(claims, claim, count), GFP_KERNEL_ACCOUNT);
	if (!claims)
		return ERR_PTR(-ENOMEM);
	kref_init(&claims->ref);
	while (claims->count < count) {
		u32 i = claims->count;

		claims->claim[i] = claim_new(channel, filters[i], lens[i]);
		if (!claims->claim[i]) {
			mq_claims_put(claims);
			return ERR_PTR(-ENOMEM);
		}
		claims->count++;
	}
	return claims;
}

static void claims_free(struct kref *ref)
{
	struct mq_claims *claims = container_of(ref, struct mq_claims, ref);
	u32 i;

	for (i = 0; i < claims->count; i++)
		kfree_rcu(claims->claim[i], rcu);
	kfree(claims);
}

void mq_claims_put(struct mq_claims *claims)
{
	if (claims)
		kref_put(&claims->ref, claims_free);
}

u32 mq_claims_size(const struct mq_claims *claims)
{
	u32 size = 0;
	u32 i;

	for (i = 0; i < claims->count; i++)
		size += claims->claim[i]->len + 1;
	return size;
}

static void claims_remove_some(struct mq_claims *claims, u32 count)
{
	while (count--)
		mq_tree_remove(&claim_tree, claims->claim[count]->filter,
			       claims->claim[count]->len);
}

int mq_claims_add(struct mq_claims *claims)
{
	u32 i;

	for (i = 0; i < claims->count; i++) {
		struct mq_claim *claim = claims->claim[i];
		int err = mq_tree_insert(&claim_tree, claim->filter, claim->len, claim);

		if (err) {
			claims_remove_some(claims, i);
			return err;
		}
	}
	return 0;
}

void mq_claims_remove(struct mq_claims *claims)
{
	claims_remove_some(claims, claims->count);
}

/* Takes out those that are in the tree themselves, not only an equal one. */
static void claims_remove_own(struct mq_claims *claims)
{
	u32 i;

	for (i = 0; i < claims->count; i++) {
		struct mq_claim *claim = claims->claim[i];

		if (mq_tree_find(&claim_tree, claim->filter, claim->len) == claim)
			mq_tree_remove(&claim_tree, claim->filter, claim->len);
	}
}

int mq_claims_swap(struct mq_claims *old, struct mq_claims *claims)
{
	struct mq_claim *claim, *present;
	int err = 0;
	u32 i;

	/* First what can fail: the claims that are new to the tree. */
	for (i = 0; i < claims->count && !err; i++) {
		claim = claims->claim[i];
		present = mq_tree_find(&claim_tree, claim->filter, claim->len);
		if (!present)
			err = mq_tree_insert(&claim_tree, claim->filter, claim->len, claim);
		else if (present->channel != claim->channel)
			err = -EEXIST;
	}
	if (err) {
		claims_remove_own(claims);
		return err;
	}
	for (i = 0; i < claims->count; i++) {
		claim = claims->claim[i];
		mq_tree_replace(&claim_tree, claim->filter, claim->len, claim);
	}
	claims_remove_own(old);
	return 0;
}

const struct mq_channel *mq_claim_owner(const char *topic, u32 len)
{
	const struct mq_claim *claim = mq_tree_best(&claim_tree, topic, len);

	return claim ? READ_ONCE(claim->channel) : NULL;
}
