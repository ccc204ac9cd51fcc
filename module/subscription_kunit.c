// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the cursor: what the kernel makes of the word that a user wrote
 * into the control page, whatever it is.
 */
#include <kunit/test.h>
#include "subscription.h"

/* Highest first sequence of a channel. */
#define FAR	BIT_ULL(62)

struct subscription_test {
	struct mq_channel channel;
	struct mq_ring_header header;
	struct mq_control control;
	struct mq_status status;
	struct mq_subscription subscription;
};

/* Where a reader stands: @shadow is what the kernel took last. */
static void place(struct subscription_test *t, u64 shadow, u64 head, u64 word)
{
	atomic64_set(&t->subscription.position, shadow);
	t->header.head = head;
	t->control.cursor = word;
}

static void position_is_clamped(struct kunit *test)
{
	static const struct {
		u64 shadow, head, word, want;
	} cases[] = {
		/* Forward, to what exists. */
		{ 10, 100, 10, 10 },
		{ 10, 100, 11, 11 },
		{ 10, 100, 99, 99 },
		{ 10, 100, 100, 100 },
		/* Beyond the head. */
		{ 10, 100, 101, 100 },
		{ 10, 100, S64_MAX, 100 },
		{ 10, 100, BIT_ULL(63), 100 },
		{ 10, 100, U64_MAX, 100 },
		{ 100, 100, U64_MAX, 100 },
		/* Back. */
		{ 10, 100, 9, 10 },
		{ 10, 100, 0, 10 },
		{ 100, 100, 99, 100 },
		/* A head that was read before the last position was taken. */
		{ 100, 90, 95, 100 },
		{ 100, 90, 100, 100 },
		{ 100, 90, U64_MAX, 100 },
		/* Nothing there yet. */
		{ 1, 1, 0, 1 },
		{ 1, 1, 1, 1 },
		{ 1, 1, 2, 1 },
		/* Large numbers are no negative ones. */
		{ FAR, FAR + 100, FAR + 3, FAR + 3 },
		{ FAR, FAR + 100, FAR - 1, FAR },
		{ FAR, FAR + 100, 0, FAR },
		{ FAR, FAR + 100, FAR + 101, FAR + 100 },
		{ FAR, FAR + 100, U64_MAX, FAR + 100 },
	};
	struct subscription_test *t = test->priv;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		place(t, cases[i].shadow, cases[i].head, cases[i].word);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].want,
				    mq_subscription_position(&t->subscription), "case %u", i);
		/* That is what it took, and the word is the user's. */
		KUNIT_EXPECT_EQ_MSG(test, cases[i].want,
				    (u64)atomic64_read(&t->subscription.position), "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].word, t->control.cursor, "case %u", i);
	}
}

static void position_only_grows(struct kunit *test)
{
	static const u64 words[] = { 20, 19, U64_MAX, 0, 30, 21 };
	static const u64 heads[] = { 25, 25, 25, 40, 40, 40 };
	static const u64 wants[] = { 20, 20, 25, 25, 30, 30 };
	struct subscription_test *t = test->priv;
	u32 i;

	place(t, 10, 25, 10);
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		t->control.cursor = words[i];
		t->header.head = heads[i];
		KUNIT_EXPECT_EQ_MSG(test, wants[i], mq_subscription_position(&t->subscription),
				    "step %u", i);
	}
}

/* Who read by a call while its page says something else. */
static void advance_sets_both(struct kunit *test)
{
	struct subscription_test *t = test->priv;

	place(t, 10, 100, 0);
	mq_subscription_advance(&t->subscription, 50);
	KUNIT_EXPECT_EQ(test, 50ULL, t->control.cursor);
	KUNIT_EXPECT_EQ(test, 50ULL, mq_subscription_position(&t->subscription));
	/* Another one was further meanwhile: it stays there. */
	mq_subscription_advance(&t->subscription, 40);
	KUNIT_EXPECT_EQ(test, 40ULL, t->control.cursor);
	KUNIT_EXPECT_EQ(test, 50ULL, mq_subscription_position(&t->subscription));
}

/* Without a filter nothing matches. */
static void hold_is_verified(struct kunit *test)
{
	static const struct {
		u64 position, verified, head;
		bool fresh;
		u64 hold, then;
	} cases[] = {
		{ 10, 10, 100, true, 10, 10 },
		{ 10, 10, 100, false, 100, 100 },
		{ 10, 60, 100, false, 100, 100 },
		/* An old head takes nothing back. */
		{ 10, 80, 70, false, 80, 80 },
		{ 90, 80, 70, false, 90, 80 },
	};
	struct subscription_test *t = test->priv;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		place(t, cases[i].position, 100, cases[i].position);
		t->status.verified = cases[i].verified;
		t->subscription.fresh = cases[i].fresh;
		mutex_lock(&t->channel.endpoints.lock);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].hold,
				    mq_subscription_hold(&t->subscription, cases[i].head),
				    "case %u", i);
		mutex_unlock(&t->channel.endpoints.lock);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].then, t->status.verified, "case %u", i);
	}
}

static int subscription_test_init(struct kunit *test)
{
	struct subscription_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	mutex_init(&t->channel.endpoints.lock);
	t->channel.data.ring.header = &t->header;
	t->subscription.channel = &t->channel;
	t->subscription.control = &t->control;
	t->subscription.status = &t->status;
	INIT_LIST_HEAD(&t->subscription.links);
	test->priv = t;
	return 0;
}

static struct kunit_case subscription_cases[] = {
	KUNIT_CASE(position_is_clamped),
	KUNIT_CASE(position_only_grows),
	KUNIT_CASE(advance_sets_both),
	KUNIT_CASE(hold_is_verified),
	{ }
};

static struct kunit_suite subscription_suite = {
	.name = "mq_subscription",
	.init = subscription_test_init,
	.test_cases = subscription_cases,
};

kunit_test_suite(subscription_suite);
