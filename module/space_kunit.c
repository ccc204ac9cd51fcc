// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of space: what a publisher gets when the ring is full, who is pressed
 * and who is evicted for it, by overflow policy, holders and the age of what they
 * hold. The channel has no node; its holders have no file and no filter, and so
 * hold where they stand.
 */
#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/poll.h>
#include "mq.h"
#include "publish.h"
#include "publisher.h"
#include "space.h"
#include "subscription.h"

#define SLOTS	64
/* Long beside what a test takes. */
#define AFTER	MQ_EVICT_AFTER_MAX

struct holder {
	struct mq_subscription subscription;
	struct mq_control control;
	struct mq_status status;
};

struct space_test {
	struct mq_channel *channel;
	struct mq_publisher *publisher;
	struct holder holder[2];
};

static void space_make(struct kunit *test, u32 overflow, u32 evict_after)
{
	const struct mq_channel_config config = {
		.name = "kunit-space",
		.ring = { .slots = SLOTS, .bytes = PAGE_SIZE, .max_record = 128, .first = 1 },
		.overflow = overflow,
		.evict_after = evict_after,
	};
	struct space_test *t = test->priv;
	struct mq_identity *identity;
	struct mq_channel *channel;

	channel = mq_channel_build(&config);
	KUNIT_ASSERT_FALSE(test, IS_ERR(channel));
	t->channel = channel;
	/* So that its topic is its own. */
	KUNIT_ASSERT_EQ(test, 0, mq_claims_add(channel->claims));
	identity = mq_identity_new(current_cred());
	KUNIT_ASSERT_FALSE(test, IS_ERR(identity));
	t->publisher = mq_publisher_new(channel, identity, NULL);
	mq_identity_put(identity);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->publisher));
	/* Waits as short as can be. */
	t->publisher->timeout = 1;
}

/* A subscription that holds from @position on. */
static void hold(struct space_test *t, struct holder *holder, u64 position)
{
	struct mq_subscription *subscription = &holder->subscription;
	struct mq_channel *channel = t->channel;

	memset(holder, 0, sizeof(*holder));
	subscription->channel = channel;
	subscription->control = &holder->control;
	subscription->status = &holder->status;
	subscription->holding = true;
	subscription->fresh = true;
	init_waitqueue_head(&subscription->wq);
	INIT_LIST_HEAD(&subscription->links);
	atomic64_set(&subscription->position, position);
	holder->control.cursor = position;
	holder->status.state = MQ_SUBSCRIPTION_HOLDING;
	mutex_lock(&channel->endpoints.lock);
	list_add_tail_rcu(&subscription->node, &channel->endpoints.subscriptions);
	spin_lock(&channel->data.lock);
	mq_space_join(channel, position);
	spin_unlock(&channel->data.lock);
	mutex_unlock(&channel->endpoints.lock);
}

static void space_unmake(struct space_test *t)
{
	struct mq_channel *channel = t->channel;
	struct mq_subscription *subscription, *next;

	if (!channel)
		return;
	if (!IS_ERR(t->publisher))
		mq_publisher_free(t->publisher);
	t->publisher = NULL;
	/* Nobody looks at them: no work is queued, and no publish runs. */
	cancel_delayed_work_sync(&channel->space_work);
	cancel_work_sync(&channel->wake_work);
	list_for_each_entry_safe(subscription, next, &channel->endpoints.subscriptions, node)
		list_del_rcu(&subscription->node);
	synchronize_rcu();
	mq_claims_remove(channel->claims);
	mq_channel_put(channel);
	t->channel = NULL;
}

static int publish(struct space_test *t, bool nonblock)
{
	return mq_publisher_write(t->publisher, nonblock, NULL, 0);
}

static void fill(struct kunit *test, u32 count)
{
	struct space_test *t = test->priv;

	while (count--)
		KUNIT_ASSERT_EQ(test, 0, publish(t, true));
}

/* As if a record had been written when it would be too old by now. */
static void make_old(struct space_test *t, u64 sequence)
{
	struct mq_ring *ring = &t->channel->data.ring;

	ring->stamps[sequence & (SLOTS - 1)] -= msecs_to_jiffies(AFTER) + 1;
}

/**
 * struct space_case - a full ring, and one record more
 * @overflow: enum mq_overflow
 * @evict_after: in milliseconds
 * @holds: where the holders stand; 0: there is none
 * @old: records below this are too old
 * @nonblock: the publisher does not wait
 * @result: what it gets
 * @evicted: which holders lose their right
 * @pressed: which are told to hurry
 */
struct space_case {
	u32 overflow;
	u32 evict_after;
	u64 holds[2];
	u64 old;
	bool nonblock;
	int result;
	bool evicted[2];
	bool pressed[2];
};

#define DROP	MQ_OVERFLOW_DROP_OLDEST
#define REJECT	MQ_OVERFLOW_REJECT
#define BLOCK	MQ_OVERFLOW_BLOCK

static const struct space_case space_table[] = {
	/* Nobody holds: the oldest goes, whatever the policy. */
	{ DROP, 0, { }, 0, true, 0 },
	{ DROP, 0, { }, 0, false, 0 },
	{ REJECT, 0, { }, 0, true, 0 },
	{ REJECT, AFTER, { }, 65, false, 0 },
	{ BLOCK, 0, { }, 0, false, 0 },
	{ BLOCK, AFTER, { }, 65, true, 0 },
	/* One that holds all: no age is too old, or that one is not. */
	{ REJECT, 0, { 1 }, 0, true, -EAGAIN, { }, { true } },
	{ REJECT, 0, { 1 }, 65, false, -EAGAIN, { }, { true } },
	{ REJECT, AFTER, { 1 }, 0, false, -EAGAIN, { }, { true } },
	{ BLOCK, 0, { 1 }, 65, true, -EAGAIN, { }, { true } },
	{ BLOCK, 0, { 1 }, 65, false, -ETIMEDOUT, { }, { true } },
	{ BLOCK, AFTER, { 1 }, 0, true, -EAGAIN, { }, { true } },
	{ BLOCK, AFTER, { 1 }, 0, false, -ETIMEDOUT, { }, { true } },
	/* It is: it goes, and nobody waits. */
	{ REJECT, AFTER, { 1 }, 2, true, 0, { true }, { true } },
	{ BLOCK, AFTER, { 1 }, 65, true, 0, { true }, { true } },
	{ BLOCK, AFTER, { 1 }, 2, false, 0, { true }, { true } },
	/* What lies below is old, what it holds is not; it leaves space. */
	{ REJECT, AFTER, { 2 }, 2, true, 0 },
	{ BLOCK, AFTER, { 33 }, 65, false, 0 },
	/* It has read all. */
	{ REJECT, AFTER, { 65 }, 65, true, 0 },
	/* Two: each by what it holds. */
	{ REJECT, AFTER, { 1, 1 }, 2, true, 0, { true, true }, { true, true } },
	{ REJECT, AFTER, { 1, 33 }, 33, true, 0, { true, false }, { true, true } },
	{ REJECT, AFTER, { 33, 1 }, 65, true, 0, { true, true }, { true, true } },
	{ BLOCK, AFTER, { 1, 65 }, 65, false, 0, { true, false }, { true, false } },
	{ BLOCK, AFTER, { 1, 33 }, 0, false, -ETIMEDOUT, { }, { true, true } },
	{ REJECT, 0, { 1, 33 }, 65, true, -EAGAIN, { }, { true, true } },
};

static void space_expect_holder(struct kunit *test, const struct space_case *now, u32 at, u32 i)
{
	const struct space_test *t = test->priv;
	const struct holder *holder = &t->holder[i];
	bool evicted = now->evicted[i];

	KUNIT_EXPECT_EQ_MSG(test, !evicted, holder->subscription.holding, "case %u.%u", at, i);
	KUNIT_EXPECT_EQ_MSG(test, evicted, holder->subscription.hold_lost, "case %u.%u", at, i);
	KUNIT_EXPECT_EQ_MSG(test, (u32)(evicted ? MQ_SUBSCRIPTION_EVICTED :
						  MQ_SUBSCRIPTION_HOLDING),
			    holder->status.state, "case %u.%u", at, i);
	KUNIT_EXPECT_EQ_MSG(test, evicted ? now->holds[i] : 0, holder->status.evicted_at,
			    "case %u.%u", at, i);
	KUNIT_EXPECT_EQ_MSG(test, now->pressed[i] ? 1 + SLOTS : 0,
			    (s64)atomic64_read(&holder->subscription.due), "case %u.%u", at, i);
}

static void space_expect(struct kunit *test, const struct space_case *now, u32 at)
{
	struct space_test *t = test->priv;
	struct mq_channel *channel = t->channel;
	u64 sequence;
	u32 i;

	fill(test, SLOTS);
	for (i = 0; i < ARRAY_SIZE(t->holder); i++)
		if (now->holds[i])
			hold(t, &t->holder[i], now->holds[i]);
	for (sequence = 1; sequence < now->old; sequence++)
		make_old(t, sequence);
	KUNIT_EXPECT_EQ_MSG(test, now->result, publish(t, now->nonblock), "case %u", at);
	for (i = 0; i < ARRAY_SIZE(t->holder); i++)
		if (now->holds[i])
			space_expect_holder(test, now, at, i);
	KUNIT_EXPECT_EQ_MSG(test, (u64)(now->evicted[0] + now->evicted[1]),
			    channel->data.counters.evicted, "case %u", at);
	KUNIT_EXPECT_EQ_MSG(test, (u64)!!now->result, channel->data.counters.refused, "case %u",
			    at);
	KUNIT_EXPECT_EQ_MSG(test, 1ULL + SLOTS + !now->result, channel->data.ring.head, "case %u",
			    at);
	KUNIT_EXPECT_EQ_MSG(test, 1ULL + !now->result, channel->data.ring.oldest, "case %u", at);
	KUNIT_EXPECT_EQ_MSG(test, !!now->result, (int)channel->data.starved, "case %u", at);
}

static void space_policy(struct kunit *test)
{
	struct space_test *t = test->priv;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(space_table); i++) {
		space_make(test, space_table[i].overflow, space_table[i].evict_after);
		space_expect(test, &space_table[i], i);
		space_unmake(t);
	}
}

/* Age is no reason while there is space. */
static void space_is_no_reason_to_evict(struct kunit *test)
{
	struct space_test *t = test->priv;
	u64 sequence;

	space_make(test, REJECT, AFTER);
	fill(test, SLOTS - 1);
	hold(t, &t->holder[0], 1);
	for (sequence = 1; sequence < SLOTS; sequence++)
		make_old(t, sequence);
	mq_space_scan(t->channel);
	KUNIT_EXPECT_EQ(test, 0, publish(t, true));
	KUNIT_EXPECT_TRUE(test, t->holder[0].subscription.holding);
	KUNIT_EXPECT_EQ(test, 0LL, (s64)atomic64_read(&t->holder[0].subscription.due));
	/* The next one lacks it. */
	KUNIT_EXPECT_EQ(test, 0, publish(t, true));
	KUNIT_EXPECT_FALSE(test, t->holder[0].subscription.holding);
	KUNIT_EXPECT_EQ(test, 1ULL, t->holder[0].status.evicted_at);
}

/* It ends when a sixteenth is free, not with the first record. */
static void space_starves_until_enough(struct kunit *test)
{
	struct space_test *t = test->priv;
	struct mq_channel *channel;

	space_make(test, REJECT, 0);
	channel = t->channel;
	fill(test, SLOTS);
	hold(t, &t->holder[0], 1);
	KUNIT_EXPECT_EQ(test, (__poll_t)(EPOLLOUT | EPOLLWRNORM), mq_space_poll(channel));
	KUNIT_EXPECT_EQ(test, -EAGAIN, publish(t, true));
	KUNIT_EXPECT_EQ(test, 1u, channel->data.ring.header->space_wanted);
	t->holder[0].control.cursor = 1 + SLOTS / 16 - 1;
	mq_space_scan(channel);
	KUNIT_EXPECT_TRUE(test, channel->data.starved);
	KUNIT_EXPECT_EQ(test, (__poll_t)0, mq_space_poll(channel));
	t->holder[0].control.cursor = 1 + SLOTS / 16;
	mq_space_scan(channel);
	KUNIT_EXPECT_FALSE(test, channel->data.starved);
	KUNIT_EXPECT_EQ(test, 0u, channel->data.ring.header->space_wanted);
	KUNIT_EXPECT_EQ(test, (__poll_t)(EPOLLOUT | EPOLLWRNORM), mq_space_poll(channel));
	fill(test, SLOTS / 16);
	KUNIT_EXPECT_EQ(test, -EAGAIN, publish(t, true));
}

/*
 * Some kernels run tests before the module begins, others after: what channels
 * need of it may not be there yet.
 */
static bool space_early;

static int space_suite_init(struct kunit_suite *suite)
{
	space_early = !mq_workqueue;
	return space_early ? mq_begin() : 0;
}

static void space_suite_exit(struct kunit_suite *suite)
{
	if (space_early)
		mq_end();
}

static int space_test_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct space_test), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void space_test_exit(struct kunit *test)
{
	if (test->priv)
		space_unmake(test->priv);
}

static struct kunit_case space_cases[] = {
	KUNIT_CASE(space_policy),
	KUNIT_CASE(space_is_no_reason_to_evict),
	KUNIT_CASE(space_starves_until_enough),
	{ }
};

static struct kunit_suite space_suite = {
	.name = "mq_space",
	.init = space_test_init,
	.exit = space_test_exit,
	.suite_init = space_suite_init,
	.suite_exit = space_suite_exit,
	.test_cases = space_cases,
};

kunit_test_suite(space_suite);
