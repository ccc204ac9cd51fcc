// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the set of identities: whom it knows, what it drops. A long
 * random run is held against a model: an array with one place per publisher.
 */
#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "identity.h"

#define SLOTS		64
#define PUBLISHERS	4096
/* One closing adds an identity before it drops some. */
#define CLOSED_MAX	(SLOTS + 1)

struct identity_test {
	struct mq_identities set;
	u64 oldest;
	u64 head;
};

static struct mq_identity *open_publisher(struct kunit *test, u64 id)
{
	struct identity_test *t = test->priv;
	struct mq_identity *identity = mq_identity_new(current_cred());

	KUNIT_ASSERT_FALSE(test, IS_ERR(identity));
	mq_identities_open(&t->set, identity, id, t->oldest);
	return identity;
}

/* As a publish does it: the ring keeps the last SLOTS records. */
static void publish(struct kunit *test, struct mq_identity *identity)
{
	struct identity_test *t = test->priv;

	identity->last = t->head++;
	if (t->head - t->oldest > SLOTS)
		t->oldest = t->head - SLOTS;
}

static void close_publisher(struct kunit *test, struct mq_identity *identity)
{
	struct identity_test *t = test->priv;

	mq_identities_close(&t->set, identity, t->oldest);
	mq_identity_put(identity);
}

static bool known(struct kunit *test, u64 id)
{
	struct identity_test *t = test->priv;
	struct mq_identity *identity = mq_identities_find(&t->set, id, t->oldest);
	bool found = identity;

	if (identity)
		KUNIT_EXPECT_EQ(test, id, identity->id);
	mq_identity_put(identity);
	return found;
}

/* One closed publisher that left a record. */
static void speak(struct kunit *test, u64 id)
{
	struct mq_identity *identity = open_publisher(test, id);

	publish(test, identity);
	close_publisher(test, identity);
}

static void identity_is_the_caller(struct kunit *test)
{
	struct mq_identity *identity = mq_identity_new(current_cred());

	KUNIT_ASSERT_FALSE(test, IS_ERR(identity));
	KUNIT_EXPECT_EQ(test, (u32)task_tgid_nr(current), mq_identity_pid(identity));
	KUNIT_EXPECT_TRUE(test, uid_eq(identity->uid, current_euid()));
	KUNIT_EXPECT_TRUE(test, gid_eq(identity->gid, current_egid()));
	KUNIT_EXPECT_EQ(test, current->group_leader->start_boottime, identity->started);
	KUNIT_EXPECT_EQ(test, 0ULL, identity->last);
	mq_identity_put(identity);
	mq_identity_put(NULL);
}

static void identity_known_while_open(struct kunit *test)
{
	struct identity_test *t = test->priv;
	struct mq_identity *identity;

	KUNIT_EXPECT_FALSE(test, known(test, 7));
	identity = open_publisher(test, 7);
	KUNIT_EXPECT_TRUE(test, known(test, 7));
	KUNIT_EXPECT_FALSE(test, known(test, 6));
	KUNIT_EXPECT_FALSE(test, known(test, 8));
	publish(test, identity);
	/* The ring passes its record: it is there all the same. */
	t->oldest = t->head;
	KUNIT_EXPECT_TRUE(test, known(test, 7));
	close_publisher(test, identity);
	KUNIT_EXPECT_FALSE(test, known(test, 7));
}

static void identity_without_a_record_is_forgotten(struct kunit *test)
{
	struct identity_test *t = test->priv;

	close_publisher(test, open_publisher(test, 7));
	KUNIT_EXPECT_FALSE(test, known(test, 7));
	KUNIT_EXPECT_EQ(test, 0U, t->set.closed);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&t->set.by_id));
}

static void identity_known_until_the_ring_passes(struct kunit *test)
{
	struct identity_test *t = test->priv;

	speak(test, 7);
	t->oldest = 1;
	KUNIT_EXPECT_TRUE(test, known(test, 7));
	t->oldest = 2;
	KUNIT_EXPECT_FALSE(test, known(test, 7));
}

/* Closing is not in the order of last records. */
static void identity_drops_the_oldest_first(struct kunit *test)
{
	struct identity_test *t = test->priv;
	struct mq_identity *early = open_publisher(test, 1);
	struct mq_identity *late = open_publisher(test, 2);

	publish(test, early);
	publish(test, late);
	close_publisher(test, late);
	close_publisher(test, early);
	t->oldest = 2;
	KUNIT_EXPECT_FALSE(test, known(test, 1));
	KUNIT_EXPECT_TRUE(test, known(test, 2));
	close_publisher(test, open_publisher(test, 3));
	KUNIT_EXPECT_EQ(test, 1U, t->set.closed);
	KUNIT_EXPECT_TRUE(test, known(test, 2));
}

/* What a reader found stays whole, whatever the set drops. */
static void identity_outlives_the_set(struct kunit *test)
{
	struct identity_test *t = test->priv;
	struct mq_identity *identity;

	speak(test, 7);
	identity = mq_identities_find(&t->set, 7, t->oldest);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, identity);
	t->oldest = t->head;
	close_publisher(test, open_publisher(test, 8));
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&t->set.by_id));
	KUNIT_EXPECT_EQ(test, 7ULL, identity->id);
	mq_identity_put(identity);
}

/* The ring passes all at once; then each call drops more than it adds. */
static void identity_set_is_bounded(struct kunit *test)
{
	struct identity_test *t = test->priv;
	u64 id;

	for (id = 1; id <= SLOTS; id++)
		speak(test, id);
	KUNIT_EXPECT_EQ(test, (u32)SLOTS, t->set.closed);
	t->oldest = t->head;
	for (; id <= PUBLISHERS; id++) {
		speak(test, id);
		KUNIT_ASSERT_LE(test, t->set.closed, (u32)CLOSED_MAX);
	}
	KUNIT_EXPECT_TRUE(test, known(test, PUBLISHERS));
	KUNIT_EXPECT_TRUE(test, known(test, PUBLISHERS - SLOTS + 1));
	KUNIT_EXPECT_FALSE(test, known(test, PUBLISHERS - SLOTS));
}

static void identity_of_a_late_record(struct kunit *test)
{
	struct identity_test *t = test->priv;
	struct mq_identity *heard = open_publisher(test, 1);
	struct mq_identity *silent = open_publisher(test, 2);

	mq_identity_get(heard);
	mq_identity_get(silent);
	publish(test, heard);
	close_publisher(test, heard);
	close_publisher(test, silent);
	/* One is in the set still, the other is not. */
	mq_identities_late(&t->set, heard, t->head++);
	mq_identities_late(&t->set, silent, t->head++);
	KUNIT_EXPECT_EQ(test, 2U, t->set.closed);
	t->oldest = t->head - 1;
	KUNIT_EXPECT_FALSE(test, known(test, 1));
	KUNIT_EXPECT_TRUE(test, known(test, 2));
	mq_identity_put(heard);
	mq_identity_put(silent);
}

static void identity_is_the_model(struct kunit *test)
{
	struct identity_test *t = test->priv;
	struct model {
		struct mq_identity *identity;	/* NULL: closed */
		u64 last;
	} *model = kunit_kzalloc(test, PUBLISHERS * sizeof(*model), GFP_KERNEL);
	struct rnd_state random;
	u64 opened = 0;
	u64 id, i;

	KUNIT_ASSERT_NOT_NULL(test, model);
	prandom_seed_state(&random, 4711);
	while (opened < PUBLISHERS) {
		struct model *one = &model[opened];

		one->identity = open_publisher(test, ++opened);
		for (i = prandom_u32_state(&random) % 4; i--;) {
			id = prandom_u32_state(&random) % opened;
			if (!model[id].identity)
				continue;
			if (prandom_u32_state(&random) % 2) {
				publish(test, model[id].identity);
				model[id].last = t->head - 1;
			} else {
				close_publisher(test, model[id].identity);
				model[id].identity = NULL;
			}
		}
		id = prandom_u32_state(&random) % opened;
		KUNIT_ASSERT_EQ(test, known(test, id + 1),
				model[id].identity || model[id].last >= t->oldest);
		KUNIT_ASSERT_LE(test, t->set.closed, (u32)CLOSED_MAX);
	}
	for (id = 0; id < opened; id++) {
		KUNIT_EXPECT_EQ(test, known(test, id + 1),
				model[id].identity || model[id].last >= t->oldest);
		if (model[id].identity)
			close_publisher(test, model[id].identity);
	}
}

static int identity_test_init(struct kunit *test)
{
	struct identity_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	mq_identities_init(&t->set);
	t->oldest = 1;
	t->head = 1;
	test->priv = t;
	return 0;
}

static void identity_test_exit(struct kunit *test)
{
	struct identity_test *t = test->priv;

	mq_identities_destroy(&t->set);
}

static struct kunit_case identity_cases[] = {
	KUNIT_CASE(identity_is_the_caller),
	KUNIT_CASE(identity_known_while_open),
	KUNIT_CASE(identity_without_a_record_is_forgotten),
	KUNIT_CASE(identity_known_until_the_ring_passes),
	KUNIT_CASE(identity_drops_the_oldest_first),
	KUNIT_CASE(identity_outlives_the_set),
	KUNIT_CASE(identity_set_is_bounded),
	KUNIT_CASE(identity_of_a_late_record),
	KUNIT_CASE(identity_is_the_model),
	{ }
};

static struct kunit_suite identity_suite = {
	.name = "mq_identity",
	.init = identity_test_init,
	.exit = identity_test_exit,
	.test_cases = identity_cases,
};

kunit_test_suite(identity_suite);
