// SPDX-License-Identifier: GPL-2.0-only
/* Users: limits over all channels, see user.h. */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include "mq.h"
#include "user.h"

/**
 * struct mq_user - an account
 * @node: in user_table; user_lock
 * @refs: descriptors; user_lock
 * @uid: whose
 * @count: by enum mq_user_item
 */
struct mq_user {
	struct hlist_node node;
	unsigned long refs;
	kuid_t uid;
	atomic_t count[MQ_USER_ITEMS];
};

/* Users that have a descriptor: a handful. */
static DEFINE_HASHTABLE(user_table, 6);
static DEFINE_SPINLOCK(user_lock);

static const unsigned int *const user_max[MQ_USER_ITEMS] = {
	[MQ_USER_SUBSCRIPTIONS] = &mq_max_subscriptions_per_user,
	[MQ_USER_PUBLISHERS] = &mq_max_publishers_per_user,
	[MQ_USER_FILTERS] = &mq_max_filters_per_user,
	[MQ_USER_WILLS] = &mq_max_wills_per_user,
};

/* The account of a user, with a reference; @new if there is none yet. */
static struct mq_user *user_find(kuid_t uid, struct mq_user *new)
{
	struct mq_user *user;

	lockdep_assert_held(&user_lock);
	hash_for_each_possible(user_table, user, node, __kuid_val(uid)) {
		if (uid_eq(user->uid, uid)) {
			user->refs++;
			return user;
		}
	}
	if (new)
		hash_add(user_table, &new->node, __kuid_val(uid));
	return new;
}

struct mq_user *mq_user_of_caller(void)
{
	kuid_t uid = current_uid();
	struct mq_user *user, *new;

	/* Not worth a line in the audit log: most users don't have it. */
	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE))
		return NULL;
	spin_lock(&user_lock);
	user = user_find(uid, NULL);
	spin_unlock(&user_lock);
	if (user)
		return user;
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);
	new->uid = uid;
	new->refs = 1;
	spin_lock(&user_lock);
	user = user_find(uid, new);
	spin_unlock(&user_lock);
	if (user != new)
		kfree(new);
	return user;
}

struct mq_user *mq_user_get(struct mq_user *user)
{
	if (user) {
		spin_lock(&user_lock);
		user->refs++;
		spin_unlock(&user_lock);
	}
	return user;
}

void mq_user_put(struct mq_user *user)
{
	bool last;

	if (!user)
		return;
	spin_lock(&user_lock);
	last = !--user->refs;
	if (last)
		hash_del(&user->node);
	spin_unlock(&user_lock);
	if (last)
		kfree(user);
}

bool mq_user_charge(struct mq_user *user, enum mq_user_item item)
{
	unsigned int max = READ_ONCE(*user_max[item]);
	int count;

	if (!user)
		return true;
	count = atomic_read(&user->count[item]);
	do {
		if ((unsigned int)count >= max)
			return false;
	} while (!atomic_try_cmpxchg(&user->count[item], &count, count + 1));
	return true;
}

void mq_user_uncharge(struct mq_user *user, enum mq_user_item item)
{
	if (user)
		WARN_ON_ONCE(atomic_dec_return(&user->count[item]) < 0);
}

struct user_struct *mq_user_lock_pages(unsigned long pages)
{
	unsigned long max = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *locked = current_user();
	long count;

	if (ns_capable_noaudit(&init_user_ns, CAP_IPC_LOCK))
		return NULL;
	count = atomic_long_read(&locked->locked_vm);
	do {
		if (count + pages > max)
			return ERR_PTR(-ENOBUFS);
	} while (!atomic_long_try_cmpxchg(&locked->locked_vm, &count, count + pages));
	return get_uid(locked);
}

void mq_user_unlock_pages(struct user_struct *locked, unsigned long pages)
{
	if (!locked)
		return;
	atomic_long_sub(pages, &locked->locked_vm);
	free_uid(locked);
}
