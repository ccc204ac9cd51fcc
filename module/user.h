/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: User
 *
 * What one user has of the module, over all channels. A descriptor goes on the
 * account of the real user who made it, whoever uses it later, and holds a
 * reference on it; who has CAP_SYS_RESOURCE then has no account (NULL), which
 * is charged for nothing and refused nothing.
 *
 * Who is refused gets EDQUOT, counted as MQ_LIMIT_USER. Charging takes no lock;
 * finding and dropping an account takes a leaf spinlock.
 *
 * Pages that are a user's to fill count as locked memory, with what else the
 * user has locked (RLIMIT_MEMLOCK; not with CAP_IPC_LOCK).
 */
#ifndef MQ_USER_H
#define MQ_USER_H

#include <linux/types.h>

struct mq_user;
struct user_struct;

/**
 * enum mq_user_item - what is counted
 * @MQ_USER_SUBSCRIPTIONS: parameter max_subscriptions_per_user
 * @MQ_USER_PUBLISHERS: parameter max_publishers_per_user
 * @MQ_USER_FILTERS: parameter max_filters_per_user
 * @MQ_USER_WILLS: parameter max_wills_per_user
 */
enum mq_user_item {
	MQ_USER_SUBSCRIPTIONS,
	MQ_USER_PUBLISHERS,
	MQ_USER_FILTERS,
	MQ_USER_WILLS,
	MQ_USER_ITEMS,
};

/* The account of the caller with a reference; NULL: exempt; ERR_PTR(-ENOMEM). */
struct mq_user *mq_user_of_caller(void);
/* NULL is fine. */
struct mq_user *mq_user_get(struct mq_user *user);
void mq_user_put(struct mq_user *user);

/* Counts one more; false: there are as many as there may be. */
bool mq_user_charge(struct mq_user *user, enum mq_user_item item);
void mq_user_uncharge(struct mq_user *user, enum mq_user_item item);

/**
 * mq_user_lock_pages() - count pages as locked by the caller
 * @pages: how many
 *
 * Return: for mq_user_unlock_pages(); NULL: exempt; or ERR_PTR(-ENOBUFS).
 */
struct user_struct *mq_user_lock_pages(unsigned long pages);
void mq_user_unlock_pages(struct user_struct *locked, unsigned long pages);

#endif /* MQ_USER_H */
