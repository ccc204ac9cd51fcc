// SPDX-License-Identifier: GPL-2.0-only
/* Identities of publishers, see identity.h. */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>
#include "compat.h"
#include "identity.h"

/* A longer label, with its NUL, is left out: a part of it would be another one. */
#define IDENTITY_LABEL_MAX	4096
/*
 * How many a call drops at most. It adds one: more than that keeps those that the
 * ring has passed from becoming more.
 */
#define IDENTITY_DROP		4

/* ---- taking it ------------------------------------------------------- */

static u64 identity_cgroup(void)
{
	u64 id = 0;

#ifdef CONFIG_CGROUPS
	rcu_read_lock();
	id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();
#endif
	return id;
}

static struct mq_identity *identity_alloc(const char *label, u32 len)
{
	u32 size = len && len < IDENTITY_LABEL_MAX ? len + 1 : 0;
	struct mq_identity *identity;

	identity = kzalloc(struct_size(identity, label, size), GFP_KERNEL_ACCOUNT);
	if (!identity)
		return ERR_PTR(-ENOMEM);
	identity->label_size = size;
	if (size)
		memcpy(identity->label, label, len);
	return identity;
}

/*
 * With the label as text, because what numbers mean is up to the security module:
 * AppArmor forgets those that no process has any more.
 */
static struct mq_identity *identity_alloc_labelled(void)
{
	struct lsm_context text = { };
	struct mq_identity *identity;
	struct lsm_prop prop = { };
	int err;

	security_current_getlsmprop_subj(&prop);
	err = security_lsmprop_to_secctx(&prop, &text, LSM_ID_UNDEF);
	if (err == -ENOMEM)
		return ERR_PTR(err);
	/* No security module has labels, or this task none. */
	if (err < 0 || !text.context)
		return identity_alloc(NULL, 0);
	/* Some count the NUL, some don't. */
	identity = identity_alloc(text.context, strnlen(text.context, text.len));
	security_release_secctx(&text);
	return identity;
}

struct mq_identity *mq_identity_new(const struct cred *cred)
{
	struct mq_identity *identity = identity_alloc_labelled();

	if (IS_ERR(identity))
		return identity;
	kref_init(&identity->ref);
	RB_CLEAR_NODE(&identity->by_id);
	RB_CLEAR_NODE(&identity->by_last);
	identity->pid = get_pid(task_tgid(current));
	identity->uid = cred->euid;
	identity->gid = cred->egid;
	identity->cgroup = identity_cgroup();
	identity->started = current->group_leader->start_boottime;
	identity->opened = ktime_get_real_ns();
	return identity;
}

struct mq_identity *mq_identity_get(struct mq_identity *identity)
{
	kref_get(&identity->ref);
	return identity;
}

static void identity_free(struct kref *ref)
{
	struct mq_identity *identity = container_of(ref, struct mq_identity, ref);

	put_pid(identity->pid);
	kfree(identity);
}

void mq_identity_put(struct mq_identity *identity)
{
	if (identity)
		kref_put(&identity->ref, identity_free);
}

/* ---- telling it ------------------------------------------------------ */

u32 mq_identity_pid(const struct mq_identity *identity)
{
	return pid_nr(identity->pid);
}

void mq_identity_info(const struct mq_identity *identity, struct mq_publisher_info *info)
{
	struct user_namespace *users = current_user_ns();

	info->label_size = identity->label_size;
	info->pid = pid_nr_ns(identity->pid, task_active_pid_ns(current));
	info->uid = from_kuid_munged(users, identity->uid);
	info->gid = from_kgid_munged(users, identity->gid);
	info->state = READ_ONCE(identity->closed) ? MQ_PUBLISHER_CLOSED : MQ_PUBLISHER_OPEN;
	info->cgroup = identity->cgroup;
	/* As the caller reads its clock, and /proc/PID/stat. */
	info->started = timens_add_boottime_ns(identity->started);
	info->opened = identity->opened;
	info->last = READ_ONCE(identity->last);
}

/* ---- the set --------------------------------------------------------- */

void mq_identities_init(struct mq_identities *set)
{
	spin_lock_init(&set->lock);
	set->by_id = RB_ROOT;
	set->by_last = RB_ROOT_CACHED;
}

static bool identity_id_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct mq_identity, by_id)->id <
	       rb_entry(b, struct mq_identity, by_id)->id;
}

static bool identity_last_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct mq_identity, by_last)->last <
	       rb_entry(b, struct mq_identity, by_last)->last;
}

static int identity_compare_id(const void *id, const struct rb_node *node)
{
	u64 other = rb_entry(node, struct mq_identity, by_id)->id;

	return *(const u64 *)id < other ? -1 : *(const u64 *)id > other;
}

static void identities_insert(struct mq_identities *set, struct mq_identity *identity)
{
	lockdep_assert_held(&set->lock);
	mq_identity_get(identity);
	rb_add(&identity->by_id, &set->by_id, identity_id_less);
}

/* Out of the set; the caller puts its reference without the lock. */
static struct mq_identity *identities_erase(struct mq_identities *set,
					    struct mq_identity *identity)
{
	lockdep_assert_held(&set->lock);
	rb_erase(&identity->by_id, &set->by_id);
	RB_CLEAR_NODE(&identity->by_id);
	if (!RB_EMPTY_NODE(&identity->by_last)) {
		rb_erase_cached(&identity->by_last, &set->by_last);
		RB_CLEAR_NODE(&identity->by_last);
		set->closed--;
	}
	return identity;
}

static void identities_add_closed(struct mq_identities *set, struct mq_identity *identity)
{
	lockdep_assert_held(&set->lock);
	rb_add_cached(&identity->by_last, &set->by_last, identity_last_less);
	set->closed++;
}

/* Takes out some whose records are gone; how many. */
static unsigned int identities_take_old(struct mq_identities *set, u64 oldest,
					struct mq_identity **old)
{
	unsigned int count = 0;

	lockdep_assert_held(&set->lock);
	while (count < IDENTITY_DROP) {
		struct rb_node *first = rb_first_cached(&set->by_last);
		struct mq_identity *identity;

		if (!first)
			break;
		identity = rb_entry(first, struct mq_identity, by_last);
		if (identity->last >= oldest)
			break;
		old[count++] = identities_erase(set, identity);
	}
	return count;
}

static void identities_put(struct mq_identity **old, unsigned int count)
{
	while (count--)
		mq_identity_put(old[count]);
}

void mq_identities_open(struct mq_identities *set, struct mq_identity *identity, u64 id,
			u64 oldest)
{
	struct mq_identity *old[IDENTITY_DROP];
	unsigned int count;

	identity->id = id;
	spin_lock(&set->lock);
	identities_insert(set, identity);
	count = identities_take_old(set, oldest, old);
	spin_unlock(&set->lock);
	identities_put(old, count);
}

void mq_identities_close(struct mq_identities *set, struct mq_identity *identity, u64 oldest)
{
	struct mq_identity *old[IDENTITY_DROP];
	struct mq_identity *silent = NULL;
	unsigned int count;

	spin_lock(&set->lock);
	WRITE_ONCE(identity->closed, true);
	if (identity->last)
		identities_add_closed(set, identity);
	else
		silent = identities_erase(set, identity);
	count = identities_take_old(set, oldest, old);
	spin_unlock(&set->lock);
	identities_put(old, count);
	mq_identity_put(silent);
}

void mq_identities_late(struct mq_identities *set, struct mq_identity *identity, u64 sequence)
{
	struct mq_identity *had = NULL;
	u64 last, seen;

	spin_lock(&set->lock);
	if (!identity->closed) {
		/* The close finds it so. Until then it may publish what is later. */
		for (last = READ_ONCE(identity->last); last < sequence; last = seen) {
			seen = cmpxchg64(&identity->last, last, sequence);
			if (seen == last)
				break;
		}
		spin_unlock(&set->lock);
		return;
	}
	if (!RB_EMPTY_NODE(&identity->by_id))
		had = identities_erase(set, identity);
	WRITE_ONCE(identity->last, max(identity->last, sequence));
	identities_insert(set, identity);
	identities_add_closed(set, identity);
	spin_unlock(&set->lock);
	mq_identity_put(had);
}

struct mq_identity *mq_identities_find(struct mq_identities *set, u64 id, u64 oldest)
{
	struct mq_identity *identity = NULL;
	struct rb_node *node;

	spin_lock(&set->lock);
	node = rb_find(&id, &set->by_id, identity_compare_id);
	if (node) {
		identity = rb_entry(node, struct mq_identity, by_id);
		if (identity->closed && identity->last < oldest)
			identity = NULL;
		else
			mq_identity_get(identity);
	}
	spin_unlock(&set->lock);
	return identity;
}

void mq_identities_destroy(struct mq_identities *set)
{
	struct mq_identity *identity, *next;

	rbtree_postorder_for_each_entry_safe(identity, next, &set->by_id, by_id) {
		mq_identity_put(identity);
		cond_resched();
	}
	mq_identities_init(set);
}
