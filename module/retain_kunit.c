// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of retained values. A long random run is held against a model:
 * an array with one place per topic.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/mq_topic.h>
#include <linux/prandom.h>
#include <linux/string.h>
#include "retain.h"

#define TOPICS	16

struct retain_test {
	struct mq_retained_set set;
	u64 next;		/* sequence */
	u64 now;		/* the clock */
	u64 expiry;		/* of the next value; 0: it stays */
	struct mq_ring_data data;
	char topic[16];
	u8 payload[64];
	u8 metadata[8];
	struct model {
		u64 sequence;	/* 0: no value */
		u32 payload_len;
	} model[TOPICS];
};

/* A record on topic "t/N", 4 bytes long, with 2 bytes of metadata. */
static const struct mq_ring_data *record(struct retain_test *t, int number, u32 payload_len)
{
	snprintf(t->topic, sizeof(t->topic), "t/%02d", number);
	memset(t->payload, 'a' + number, sizeof(t->payload));
	memcpy(t->metadata, "md", 2);
	t->data = (struct mq_ring_data){
		.topic = (u8 *)t->topic,
		.topic_len = strlen(t->topic),
		.topic_hash = mq_topic_hash(t->topic, strlen(t->topic)),
		.payload = t->payload,
		.payload_len = payload_len,
		.metadata = t->metadata,
		.metadata_len = 2,
		.flags = MQ_RECORD_RETAIN,
	};
	return &t->data;
}

/* As a publish does it: admit, make, put in with its numbers. */
static int retain_data(struct kunit *test, const struct mq_ring_data *data)
{
	struct retain_test *t = test->priv;
	struct mq_retained_value *value = NULL;
	struct mq_retained_growth growth = { };
	int err;

	err = mq_retained_admit(&t->set, data, &growth);
	if (err)
		return err;
	if (data->payload_len) {
		value = mq_retained_new(data);
		KUNIT_ASSERT_FALSE(test, IS_ERR(value));
		value->sequence = t->next;
		value->time = 1000 + t->next;
		value->publisher = 7;
		value->expires = t->expiry ? t->now + t->expiry : 0;
	}
	t->next++;
	mq_retained_put(mq_retained_replace(&t->set, data, value, t->now));
	return 0;
}

static int retain(struct kunit *test, int number, u32 payload_len)
{
	struct retain_test *t = test->priv;

	return retain_data(test, record(t, number, payload_len));
}

static void expect_value(struct kunit *test, const struct mq_retained_value *value, u64 sequence,
			 int number, u32 payload_len)
{
	struct retain_test *t = test->priv;
	const struct mq_ring_data *want = record(t, number, payload_len);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, value);
	KUNIT_EXPECT_EQ(test, sequence, value->sequence);
	KUNIT_EXPECT_EQ(test, 1000 + sequence, value->time);
	KUNIT_EXPECT_EQ(test, 7ULL, value->publisher);
	KUNIT_EXPECT_EQ(test, want->flags, value->data.flags);
	KUNIT_EXPECT_EQ(test, want->topic_hash, value->data.topic_hash);
	KUNIT_ASSERT_EQ(test, want->topic_len, value->data.topic_len);
	KUNIT_ASSERT_EQ(test, want->payload_len, value->data.payload_len);
	KUNIT_ASSERT_EQ(test, want->metadata_len, value->data.metadata_len);
	KUNIT_EXPECT_EQ(test, 0, memcmp(want->topic, value->data.topic, want->topic_len));
	KUNIT_EXPECT_EQ(test, 0, memcmp(want->payload, value->data.payload, payload_len));
	KUNIT_EXPECT_EQ(test, 0, memcmp(want->metadata, value->data.metadata, 2));
}

/* ---- one value --------------------------------------------------------- */

static void retain_copies(struct kunit *test)
{
	struct retain_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, 0, retain(test, 3, 20));
	/* The buffers it came from are used again. */
	memset(t->topic, 'x', sizeof(t->topic));
	memset(t->payload, 'x', sizeof(t->payload));
	memset(t->metadata, 'x', sizeof(t->metadata));
	expect_value(test, mq_retained_next(&t->set, 0), 1, 3, 20);
	KUNIT_EXPECT_EQ(test, 1U, t->set.count);
	KUNIT_EXPECT_EQ(test, 4ULL + 20 + 2, t->set.bytes);
}

static void retain_replaces(struct kunit *test)
{
	struct retain_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, 0, retain(test, 3, 20));
	KUNIT_ASSERT_EQ(test, 0, retain(test, 3, 30));
	KUNIT_EXPECT_EQ(test, 1U, t->set.count);
	KUNIT_EXPECT_EQ(test, 4ULL + 30 + 2, t->set.bytes);
	expect_value(test, mq_retained_next(&t->set, 0), 2, 3, 30);
	KUNIT_EXPECT_NULL(test, mq_retained_next(&t->set, 2));
}

static void retain_clears(struct kunit *test)
{
	struct retain_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, 0, retain(test, 3, 20));
	KUNIT_ASSERT_EQ(test, 0, retain(test, 4, 20));
	KUNIT_ASSERT_EQ(test, 0, retain(test, 3, 0));
	KUNIT_EXPECT_EQ(test, 1U, t->set.count);
	expect_value(test, mq_retained_next(&t->set, 0), 2, 4, 20);
	/* What is not there may be cleared. */
	KUNIT_EXPECT_EQ(test, 0, retain(test, 3, 0));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 4, 0));
	KUNIT_EXPECT_EQ(test, 0U, t->set.count);
	KUNIT_EXPECT_EQ(test, 0ULL, t->set.bytes);
	KUNIT_EXPECT_NULL(test, mq_retained_next(&t->set, 0));
}

/* Who reads a value keeps it while it is replaced. */
static void retain_outlives_replacement(struct kunit *test)
{
	struct retain_test *t = test->priv;
	struct mq_retained_value *value;

	KUNIT_ASSERT_EQ(test, 0, retain(test, 3, 20));
	value = mq_retained_next(&t->set, 0);
	kref_get(&value->ref);
	KUNIT_ASSERT_EQ(test, 0, retain(test, 3, 30));
	expect_value(test, value, 1, 3, 20);
	KUNIT_EXPECT_EQ(test, 1U, kref_read(&value->ref));
	mq_retained_put(value);
	mq_retained_put(NULL);
}

/* Topics are told apart by what they are; the hash only orders them. */
static void retain_survives_equal_hashes(struct kunit *test)
{
	struct retain_test *t = test->priv;
	int round, number;

	for (round = 0; round < 2; round++)
		for (number = 0; number < TOPICS; number++) {
			record(t, number, 10 + number);
			t->data.topic_hash = 5;
			KUNIT_ASSERT_EQ(test, 0, retain_data(test, &t->data));
		}
	KUNIT_EXPECT_EQ(test, (u32)TOPICS, t->set.count);
	record(t, 7, 0);
	t->data.topic_hash = 5;
	KUNIT_ASSERT_EQ(test, 0, retain_data(test, &t->data));
	KUNIT_EXPECT_EQ(test, (u32)TOPICS - 1, t->set.count);
}

/* ---- limits ------------------------------------------------------------ */

static void retain_limits_count(struct kunit *test)
{
	struct retain_test *t = test->priv;

	t->set.count_max = 2;
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 20));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 2, 20));
	KUNIT_EXPECT_EQ(test, -EDQUOT, retain(test, 3, 20));
	/* Even one that is smaller than any. */
	KUNIT_EXPECT_EQ(test, -EDQUOT, retain(test, 3, 1));
	/* Replacing, larger too, and clearing go on. */
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 40));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 3, 0));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 3, 20));
	KUNIT_EXPECT_EQ(test, 2U, t->set.count);
}

static void retain_limits_bytes(struct kunit *test)
{
	struct retain_test *t = test->priv;

	t->set.bytes_max = 60;
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 20));		/* 26 */
	KUNIT_EXPECT_EQ(test, -EDQUOT, retain(test, 2, 29));	/* 61 */
	KUNIT_EXPECT_EQ(test, 0, retain(test, 2, 28));		/* 60 */
	KUNIT_EXPECT_EQ(test, -EDQUOT, retain(test, 1, 21));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 20));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 10));		/* 50 */
	KUNIT_EXPECT_EQ(test, 0, retain(test, 2, 38));		/* 60 */
	KUNIT_EXPECT_EQ(test, 60ULL, t->set.bytes);
	expect_value(test, mq_retained_next(&t->set, 0), 4, 1, 10);
}

/* Limits below what is there: what takes no more goes on. */
static void retain_limits_lowered(struct kunit *test)
{
	struct retain_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 20));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 2, 20));
	t->set.count_max = 1;
	t->set.bytes_max = 30;
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 20));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 2, 19));
	KUNIT_EXPECT_EQ(test, -EDQUOT, retain(test, 1, 21));
	KUNIT_EXPECT_EQ(test, -EDQUOT, retain(test, 3, 1));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 2, 0));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 24));		/* 30 */
	t->set.count_max = 0;
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 24));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 0));
	KUNIT_EXPECT_EQ(test, -EDQUOT, retain(test, 1, 1));
}

/* ---- listing ----------------------------------------------------------- */

static void retain_lists_in_order(struct kunit *test)
{
	static const int order[] = { 2, 0, 1 };
	struct retain_test *t = test->priv;
	struct mq_retained_value *value;
	u64 after = 0;
	int i;

	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, 0, retain(test, i, 10));
	/* 0 and 1 move behind 2. */
	KUNIT_ASSERT_EQ(test, 0, retain(test, 0, 10));
	KUNIT_ASSERT_EQ(test, 0, retain(test, 1, 10));
	for (i = 0; i < 3; i++) {
		value = mq_retained_next(&t->set, after);
		expect_value(test, value, 3 + i, order[i], 10);
		after = value->sequence;
	}
	KUNIT_EXPECT_NULL(test, mq_retained_next(&t->set, after));
	KUNIT_EXPECT_NULL(test, mq_retained_next(&t->set, U64_MAX));
}

static void retain_takes_all(struct kunit *test)
{
	struct retain_test *t = test->priv;
	struct mq_retained_value *value;
	int count = 0;
	int i;

	for (i = 0; i < TOPICS; i++)
		KUNIT_ASSERT_EQ(test, 0, retain(test, i, 10));
	while ((value = mq_retained_take(&t->set, U64_MAX))) {
		KUNIT_EXPECT_EQ(test, 1U, kref_read(&value->ref));
		mq_retained_put(value);
		count++;
	}
	KUNIT_EXPECT_EQ(test, TOPICS, count);
	KUNIT_EXPECT_EQ(test, 0U, t->set.count);
	KUNIT_EXPECT_EQ(test, 0ULL, t->set.bytes);
	KUNIT_EXPECT_NULL(test, mq_retained_next(&t->set, 0));
}

/* ---- reservations ------------------------------------------------------ */

static void retain_reserves(struct kunit *test)
{
	struct retain_test *t = test->priv;

	t->set.count_max = 3;
	t->set.bytes_max = 100;
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 20));				/* 26 */
	KUNIT_EXPECT_EQ(test, 0, mq_retained_reserve(&t->set, record(t, 2, 34))); /* 66 */
	/* It is no value yet, but counts as one. */
	KUNIT_EXPECT_EQ(test, 1U, t->set.count);
	KUNIT_EXPECT_EQ(test, 26ULL, t->set.bytes);
	KUNIT_EXPECT_EQ(test, -EDQUOT, retain(test, 3, 29));			/* 101 */
	KUNIT_EXPECT_EQ(test, 0, retain(test, 3, 18));				/* 90 */
	KUNIT_EXPECT_EQ(test, -EDQUOT, retain(test, 4, 1));
	KUNIT_EXPECT_EQ(test, -EDQUOT, mq_retained_reserve(&t->set, record(t, 4, 1)));
	KUNIT_EXPECT_EQ(test, -EDQUOT, retain(test, 1, 31));			/* 101 */
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 30));				/* 100 */
	/* Its time comes: the place is there. */
	mq_retained_release(&t->set, record(t, 2, 34));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 2, 34));
	KUNIT_EXPECT_EQ(test, 3U, t->set.count);
	KUNIT_EXPECT_EQ(test, 100ULL, t->set.bytes);
	KUNIT_EXPECT_EQ(test, 0U, t->set.reserved.count);
	KUNIT_EXPECT_EQ(test, 0ULL, t->set.reserved.bytes);
}

/* For a topic that has a value as well: it may be cleared meanwhile. */
static void retain_reserves_besides_a_value(struct kunit *test)
{
	struct retain_test *t = test->priv;

	t->set.count_max = 2;
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 20));
	KUNIT_EXPECT_EQ(test, 0, mq_retained_reserve(&t->set, record(t, 1, 20)));
	KUNIT_EXPECT_EQ(test, -EDQUOT, mq_retained_reserve(&t->set, record(t, 1, 20)));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 0));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 2, 20));
	KUNIT_EXPECT_EQ(test, -EDQUOT, retain(test, 3, 20));
	mq_retained_release(&t->set, record(t, 1, 20));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 20));
	KUNIT_EXPECT_EQ(test, 2U, t->set.count);
}

/* What is admitted together adds up, whatever of it is cleared. */
static void retain_admits_together(struct kunit *test)
{
	struct mq_retained_growth growth = { };
	struct retain_test *t = test->priv;

	t->set.count_max = 3;
	t->set.bytes_max = 100;
	KUNIT_EXPECT_EQ(test, 0, retain(test, 1, 20));
	KUNIT_EXPECT_EQ(test, 0, mq_retained_admit(&t->set, record(t, 1, 0), &growth));
	KUNIT_EXPECT_EQ(test, 0, mq_retained_admit(&t->set, record(t, 1, 10), &growth));
	KUNIT_EXPECT_EQ(test, 0, mq_retained_admit(&t->set, record(t, 2, 20), &growth));
	KUNIT_EXPECT_EQ(test, -EDQUOT, mq_retained_admit(&t->set, record(t, 3, 43), &growth));
	KUNIT_EXPECT_EQ(test, 0, mq_retained_admit(&t->set, record(t, 3, 32), &growth));
	KUNIT_EXPECT_EQ(test, 2U, growth.count);
	KUNIT_EXPECT_EQ(test, 64ULL, growth.bytes);
	KUNIT_EXPECT_EQ(test, -EDQUOT, mq_retained_admit(&t->set, record(t, 4, 1), &growth));
	KUNIT_EXPECT_EQ(test, 0, mq_retained_admit(&t->set, record(t, 1, 30), &growth));
	KUNIT_EXPECT_EQ(test, -EDQUOT, mq_retained_admit(&t->set, record(t, 1, 21), &growth));
}

/* ---- expiry ------------------------------------------------------------ */

static u64 sequence_at(struct kunit *test, int number, u64 now)
{
	struct retain_test *t = test->priv;

	return mq_retained_sequence(&t->set, record(t, number, 1), now);
}

static void retain_expires(struct kunit *test)
{
	struct retain_test *t = test->priv;
	struct mq_retained_value *value;

	KUNIT_EXPECT_EQ(test, U64_MAX, mq_retained_deadline(&t->set));
	KUNIT_EXPECT_NULL(test, mq_retained_expire(&t->set, U64_MAX));
	t->now = 100;
	t->expiry = 50;
	KUNIT_ASSERT_EQ(test, 0, retain(test, 1, 20));
	t->expiry = 0;
	KUNIT_ASSERT_EQ(test, 0, retain(test, 2, 20));
	KUNIT_EXPECT_EQ(test, 150ULL, mq_retained_deadline(&t->set));
	KUNIT_EXPECT_EQ(test, 1ULL, sequence_at(test, 1, 149));
	KUNIT_EXPECT_EQ(test, 0ULL, sequence_at(test, 1, 150));
	KUNIT_EXPECT_EQ(test, 2ULL, sequence_at(test, 2, U64_MAX));
	KUNIT_EXPECT_NULL(test, mq_retained_expire(&t->set, 149));
	value = mq_retained_next(&t->set, 0);
	KUNIT_EXPECT_FALSE(test, mq_retained_expired(value, 149));
	KUNIT_EXPECT_TRUE(test, mq_retained_expired(value, 150));
	KUNIT_EXPECT_PTR_EQ(test, value, mq_retained_expire(&t->set, 150));
	mq_retained_put(value);
	KUNIT_EXPECT_NULL(test, mq_retained_expire(&t->set, U64_MAX));
	KUNIT_EXPECT_EQ(test, 1U, t->set.count);
	KUNIT_EXPECT_EQ(test, 26ULL, t->set.bytes);
	KUNIT_EXPECT_EQ(test, 1ULL, t->set.expired);
	KUNIT_EXPECT_EQ(test, U64_MAX, mq_retained_deadline(&t->set));
}

/* Whatever the order they came in, they go in that of their time. */
static void retain_expires_in_order(struct kunit *test)
{
	struct retain_test *t = test->priv;
	struct mq_retained_value *value;
	u64 last = 0;
	int i;

	for (i = 0; i < TOPICS; i++) {
		t->expiry = 1 + i * 7 % TOPICS / 2;
		KUNIT_ASSERT_EQ(test, 0, retain(test, i, 10));
	}
	for (i = 0; i < TOPICS; i++) {
		u64 deadline = mq_retained_deadline(&t->set);

		KUNIT_EXPECT_GE(test, deadline, last);
		KUNIT_EXPECT_NULL(test, mq_retained_expire(&t->set, deadline - 1));
		value = mq_retained_expire(&t->set, deadline);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, value);
		KUNIT_EXPECT_EQ(test, deadline, value->expires);
		mq_retained_put(value);
		last = deadline;
	}
	KUNIT_EXPECT_EQ(test, 0U, t->set.count);
	KUNIT_EXPECT_EQ(test, 0ULL, t->set.bytes);
	KUNIT_EXPECT_EQ(test, (u64)TOPICS, t->set.expired);
}

/* Another value has its own time; one that was replaced late had expired. */
static void retain_replaces_what_expires(struct kunit *test)
{
	struct retain_test *t = test->priv;

	t->expiry = 50;
	KUNIT_ASSERT_EQ(test, 0, retain(test, 1, 20));
	t->now = 49;
	KUNIT_ASSERT_EQ(test, 0, retain(test, 1, 20));
	KUNIT_EXPECT_EQ(test, 0ULL, t->set.expired);
	KUNIT_EXPECT_EQ(test, 99ULL, mq_retained_deadline(&t->set));
	t->now = 99;
	t->expiry = 0;
	KUNIT_ASSERT_EQ(test, 0, retain(test, 1, 20));
	KUNIT_EXPECT_EQ(test, 1ULL, t->set.expired);
	KUNIT_EXPECT_EQ(test, U64_MAX, mq_retained_deadline(&t->set));
	t->expiry = 1;
	KUNIT_ASSERT_EQ(test, 0, retain(test, 2, 20));
	KUNIT_ASSERT_EQ(test, 0, retain(test, 2, 0));
	KUNIT_EXPECT_EQ(test, 1ULL, t->set.expired);
	KUNIT_EXPECT_EQ(test, U64_MAX, mq_retained_deadline(&t->set));
	KUNIT_EXPECT_EQ(test, 1U, t->set.count);
}

/* Until it is taken out it takes its place. */
static void retain_limits_what_expired(struct kunit *test)
{
	struct retain_test *t = test->priv;

	t->set.count_max = 1;
	t->expiry = 1;
	KUNIT_ASSERT_EQ(test, 0, retain(test, 1, 20));
	t->now = 10;
	KUNIT_EXPECT_EQ(test, -EDQUOT, retain(test, 2, 20));
	mq_retained_put(mq_retained_expire(&t->set, t->now));
	KUNIT_EXPECT_EQ(test, 0, retain(test, 2, 20));
	t->now = 20;
	/* Its own topic takes it over. */
	KUNIT_EXPECT_EQ(test, 0, retain(test, 2, 20));
	KUNIT_EXPECT_EQ(test, 2ULL, t->set.expired);
}

/* The set is what the model says: as many, as large, in this order. */
static void expect_model(struct kunit *test)
{
	struct retain_test *t = test->priv;
	u32 count = 0;
	u64 bytes = 0;
	u64 after = 0;
	int i, next;

	for (i = 0; i < TOPICS; i++) {
		count += t->model[i].sequence != 0;
		bytes += t->model[i].sequence ? 6 + t->model[i].payload_len : 0;
	}
	KUNIT_ASSERT_EQ(test, count, t->set.count);
	KUNIT_ASSERT_EQ(test, bytes, t->set.bytes);
	while (count--) {
		for (next = -1, i = 0; i < TOPICS; i++)
			if (t->model[i].sequence > after &&
			    (next < 0 || t->model[i].sequence < t->model[next].sequence))
				next = i;
		KUNIT_ASSERT_GE(test, next, 0);
		expect_value(test, mq_retained_next(&t->set, after), t->model[next].sequence, next,
			     t->model[next].payload_len);
		after = t->model[next].sequence;
	}
	KUNIT_EXPECT_NULL(test, mq_retained_next(&t->set, after));
}

static void retain_is_the_model(struct kunit *test)
{
	struct retain_test *t = test->priv;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < 2000; i++) {
		u32 number = prandom_u32_state(&rnd) % TOPICS;
		u32 len = prandom_u32_state(&rnd) % 4 ? 1 + prandom_u32_state(&rnd) % 63 : 0;

		t->model[number].sequence = len ? t->next : 0;
		t->model[number].payload_len = len;
		KUNIT_ASSERT_EQ(test, 0, retain(test, number, len));
		if (i % 20 == 0)
			expect_model(test);
	}
	expect_model(test);
}

static int retain_test_init(struct kunit *test)
{
	struct retain_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->set.count_max = U32_MAX;
	t->set.bytes_max = U64_MAX;
	t->next = 1;
	test->priv = t;
	return 0;
}

static void retain_test_exit(struct kunit *test)
{
	struct retain_test *t = test->priv;
	struct mq_retained_value *value;

	while (t && (value = mq_retained_take(&t->set, U64_MAX)))
		mq_retained_put(value);
}

static struct kunit_case retain_cases[] = {
	KUNIT_CASE(retain_copies),
	KUNIT_CASE(retain_replaces),
	KUNIT_CASE(retain_clears),
	KUNIT_CASE(retain_outlives_replacement),
	KUNIT_CASE(retain_survives_equal_hashes),
	KUNIT_CASE(retain_limits_count),
	KUNIT_CASE(retain_limits_bytes),
	KUNIT_CASE(retain_limits_lowered),
	KUNIT_CASE(retain_lists_in_order),
	KUNIT_CASE(retain_takes_all),
	KUNIT_CASE(retain_reserves),
	KUNIT_CASE(retain_reserves_besides_a_value),
	KUNIT_CASE(retain_admits_together),
	KUNIT_CASE(retain_expires),
	KUNIT_CASE(retain_expires_in_order),
	KUNIT_CASE(retain_replaces_what_expires),
	KUNIT_CASE(retain_limits_what_expired),
	KUNIT_CASE(retain_is_the_model),
	{ }
};

static struct kunit_suite retain_suite = {
	.name = "mq_retain",
	.init = retain_test_init,
	.exit = retain_test_exit,
	.test_cases = retain_cases,
};

kunit_test_suite(retain_suite);
