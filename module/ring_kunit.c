// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the ring: its layout as linux/mq_ring.h gives it, and the
 * arithmetic of space. What a record holds is derived from its sequence, so
 * that any record can be checked at any time.
 */
#include <kunit/test.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mq_topic.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "ring.h"

#define PUBLISHER	77
/* Without a holder nothing stays. */
#define NO_HOLD		U64_MAX

struct ring_test {
	struct mq_ring ring;
	struct mq_ring_data data;
	u8 bytes[16384];
};

/* The record that would come as @sequence, with these sizes. */
static const struct mq_ring_data *record(struct ring_test *t, u64 sequence, u16 topic_len,
					 u32 payload_len, u32 metadata_len)
{
	u32 i;

	for (i = 0; i < topic_len + payload_len + metadata_len; i++)
		t->bytes[i] = 'A' + (sequence * 7 + i) % 53;
	t->data = (struct mq_ring_data){
		.topic = t->bytes,
		.payload = t->bytes + topic_len,
		.metadata = t->bytes + topic_len + payload_len,
		.topic_len = topic_len,
		.payload_len = payload_len,
		.metadata_len = metadata_len,
		.topic_hash = mq_topic_hash(t->bytes, topic_len),
		.flags = sequence & MQ_RECORD_USER_MASK,
	};
	return &t->data;
}

static u64 put(struct ring_test *t, u16 topic_len, u32 payload_len, u32 metadata_len, u64 hold)
{
	const struct mq_ring_data *data = record(t, t->ring.head, topic_len, payload_len,
						 metadata_len);

	return mq_ring_write(&t->ring, data, PUBLISHER, hold);
}

static u64 put_inline(struct ring_test *t, u64 hold)
{
	return put(t, 3, 10, 0, hold);
}

static void expect_record(struct kunit *test, u64 sequence, u16 topic_len, u32 payload_len,
			  u32 metadata_len)
{
	struct ring_test *t = test->priv;
	const struct mq_ring_data *want = record(t, sequence, topic_len, payload_len, metadata_len);
	struct mq_ring_view view;

	KUNIT_ASSERT_TRUE(test, mq_ring_peek(&t->ring, sequence, &view));
	KUNIT_EXPECT_EQ(test, sequence, view.sequence);
	KUNIT_EXPECT_EQ(test, (u64)PUBLISHER, view.publisher);
	KUNIT_EXPECT_EQ(test, want->topic_len, view.data.topic_len);
	KUNIT_EXPECT_EQ(test, want->payload_len, view.data.payload_len);
	KUNIT_EXPECT_EQ(test, want->metadata_len, view.data.metadata_len);
	KUNIT_EXPECT_EQ(test, want->topic_hash, view.data.topic_hash);
	KUNIT_EXPECT_EQ(test, want->flags, view.data.flags);
	KUNIT_EXPECT_EQ(test, 0, memcmp(want->topic, view.data.topic, topic_len));
	KUNIT_EXPECT_EQ(test, 0, memcmp(want->payload, view.data.payload, payload_len));
	KUNIT_EXPECT_EQ(test, 0, memcmp(want->metadata, view.data.metadata, metadata_len));
	KUNIT_EXPECT_TRUE(test, mq_ring_intact(&t->ring, sequence));
}

static void ring_make(struct kunit *test, u32 slots, u64 bytes, u64 first)
{
	const struct mq_ring_config config = {
		.slots = slots, .bytes = bytes, .max_record = bytes / 4, .first = first,
	};
	struct ring_test *t = test->priv;

	mq_ring_destroy(&t->ring);
	KUNIT_ASSERT_EQ(test, 0, mq_ring_init(&t->ring, &config, "test", 5));
}

/* ---- layout ----------------------------------------------------------- */

static void ring_sizes(struct kunit *test)
{
	const struct mq_ring_config config = { .slots = 256, .bytes = 65536, .max_record = 16384 };
	const struct mq_ring_config tiny = { .slots = 1, .bytes = PAGE_SIZE, .max_record = 128 };
	u64 slots = 256 * MQ_SLOT_SIZE;

	/* With 4 bytes for each slot that users don't see. */
	KUNIT_EXPECT_EQ(test, MQ_HEADER_SIZE + slots + 65536 + 256 * 4, mq_ring_memory(&config));
	KUNIT_EXPECT_EQ(test, MQ_HEADER_SIZE + slots + 2 * 65536, mq_ring_map_size(&config));
	/* Slots take whole pages. */
	KUNIT_EXPECT_EQ(test, (u64)3 * PAGE_SIZE + 4, mq_ring_memory(&tiny));
}

static void ring_header(struct kunit *test)
{
	struct ring_test *t = test->priv;
	const struct mq_ring_header *header;

	ring_make(test, 64, 8192, 41);
	header = t->ring.header;
	KUNIT_EXPECT_EQ(test, MQ_RING_MAGIC, header->magic);
	KUNIT_EXPECT_EQ(test, 5ULL, header->id);
	KUNIT_EXPECT_EQ(test, 41ULL, header->first);
	KUNIT_EXPECT_EQ(test, 64U, header->slots);
	KUNIT_EXPECT_EQ(test, 2048U, header->max_record);
	KUNIT_EXPECT_EQ(test, 8192ULL, header->bytes);
	KUNIT_EXPECT_EQ(test, (u64)MQ_HEADER_SIZE, header->slots_offset);
	KUNIT_EXPECT_EQ(test, (u64)MQ_HEADER_SIZE + 8192, header->bytes_offset);
	KUNIT_EXPECT_STREQ(test, "test", header->name);
	KUNIT_EXPECT_EQ(test, 41ULL, header->head);
	KUNIT_EXPECT_EQ(test, 41ULL, header->oldest);
	KUNIT_EXPECT_EQ(test, (u32)MQ_CHANNEL_LIVE, header->state);
	KUNIT_EXPECT_PTR_EQ(test, t->ring.memory + header->slots_offset, (void *)t->ring.slots);
	KUNIT_EXPECT_PTR_EQ(test, t->ring.memory + header->bytes_offset, (void *)t->ring.bytes);
}

static void ring_maps_bytes_twice(struct kunit *test)
{
	struct ring_test *t = test->priv;
	const u32 twice = 8192 / PAGE_SIZE;
	u32 page, first;

	ring_make(test, 64, 8192, 1);
	first = t->ring.header->bytes_offset / PAGE_SIZE;
	for (page = 0; page < twice; page++)
		KUNIT_EXPECT_PTR_EQ(test, mq_ring_page(&t->ring, first + page),
				    mq_ring_page(&t->ring, first + twice + page));
	KUNIT_EXPECT_NULL(test, mq_ring_page(&t->ring, first + 2 * twice));
	KUNIT_EXPECT_NULL(test, mq_ring_page(&t->ring, ULONG_MAX));
	KUNIT_EXPECT_PTR_EQ(test, mq_ring_page(&t->ring, 0), vmalloc_to_page(t->ring.header));
	t->ring.bytes[5] = 0xaa;
	t->ring.bytes[8192 + 4097] = 0xbb;
	KUNIT_EXPECT_EQ(test, 0xaa, t->ring.bytes[8192 + 5]);
	KUNIT_EXPECT_EQ(test, 0xbb, t->ring.bytes[4097]);
}

static void ring_need_table(struct kunit *test)
{
	static const struct {
		u16 topic;
		u32 payload, metadata, need;
	} table[] = {
		{ 1, 0, 0, 0 },	     { 1, 79, 0, 0 },	 { 1, 0, 79, 0 },    { 1, 40, 39, 0 },
		{ 80, 0, 0, 0 },     { 1, 80, 0, 128 },	 { 1, 40, 40, 128 }, { 80, 1, 0, 64 },
		{ 17, 64, 0, 64 },   { 17, 60, 5, 128 }, { 81, 0, 0, 128 },  { 81, 47, 0, 128 },
		{ 81, 47, 1, 192 },  { 65535, 1, 0, 65536 },
	};
	struct ring_test *t = test->priv;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		t->data.topic_len = table[i].topic;
		t->data.payload_len = table[i].payload;
		t->data.metadata_len = table[i].metadata;
		KUNIT_EXPECT_EQ_MSG(test, table[i].need, mq_ring_need(&t->data), "row %zu", i);
	}
}

/* Where the three kinds of record lie. */
static void ring_places(struct kunit *test)
{
	struct ring_test *t = test->priv;
	struct mq_slot *slot;

	ring_make(test, 64, 8192, 1);
	put(t, 10, 50, 20, NO_HOLD);
	slot = &t->ring.slots[1];
	record(t, 1, 10, 50, 20);
	KUNIT_EXPECT_EQ(test, 2ULL, slot->commit);
	KUNIT_EXPECT_EQ(test, 0, memcmp(slot->data, t->bytes, 80));

	put(t, 80, 100, 28, NO_HOLD);
	slot = &t->ring.slots[2];
	record(t, 2, 80, 100, 28);
	KUNIT_EXPECT_EQ(test, 0ULL, slot->position);
	KUNIT_EXPECT_EQ(test, 0, memcmp(slot->data, t->bytes, 80));
	KUNIT_EXPECT_EQ(test, 0, memcmp(t->ring.bytes, t->bytes + 80, 128));

	put(t, 81, 3, 2, NO_HOLD);
	slot = &t->ring.slots[3];
	record(t, 3, 81, 3, 2);
	KUNIT_EXPECT_EQ(test, 128ULL, slot->position);
	KUNIT_EXPECT_EQ(test, 0, memcmp(t->ring.bytes + 128, t->bytes + 81, 5));
	KUNIT_EXPECT_EQ(test, 0, memcmp(t->ring.bytes + 133, t->bytes, 81));
	KUNIT_EXPECT_EQ(test, 256ULL, t->ring.position);

	expect_record(test, 1, 10, 50, 20);
	expect_record(test, 2, 80, 100, 28);
	expect_record(test, 3, 81, 3, 2);
	KUNIT_EXPECT_EQ(test, 4ULL, mq_ring_head(&t->ring));
	KUNIT_EXPECT_EQ(test, 1ULL, mq_ring_oldest(&t->ring));
}

static void ring_time_never_goes_back(struct kunit *test)
{
	struct ring_test *t = test->priv;
	const u64 future = U64_MAX / 2;

	ring_make(test, 64, 4096, 1);
	put_inline(t, NO_HOLD);
	KUNIT_EXPECT_GT(test, t->ring.slots[1].time, 0ULL);
	t->ring.time = future;
	put_inline(t, NO_HOLD);
	KUNIT_EXPECT_EQ(test, future, t->ring.slots[2].time);
}

static void ring_age_wraps(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0u, mq_ring_age_at(0, 0));
	KUNIT_EXPECT_EQ(test, 7u, mq_ring_age_at(5, 12));
	/* Over the end of 32 bits, which jiffies meet five minutes after boot. */
	KUNIT_EXPECT_EQ(test, 1u, mq_ring_age_at(U32_MAX, 0));
	KUNIT_EXPECT_EQ(test, 32u, mq_ring_age_at(U32_MAX - 15, 16));
	/* Old is never taken for something that is still to come. */
	KUNIT_EXPECT_EQ(test, 0x80000000u, mq_ring_age_at(0x80000001, 1));
	KUNIT_EXPECT_EQ(test, U32_MAX, mq_ring_age_at(1, 0));
	KUNIT_EXPECT_EQ(test, (u32)0x90000000, mq_ring_age_at(0x70000000, 0));
}

/* Its age is @least, and what went by since the test began at most. */
static void expect_age(struct kunit *test, u32 began, u64 sequence, u32 least)
{
	struct ring_test *t = test->priv;
	u32 age = mq_ring_age(&t->ring, sequence);

	KUNIT_EXPECT_GE(test, age, least);
	KUNIT_EXPECT_LE(test, age, least + ((u32)jiffies - began));
}

static void ring_age_of_records(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 began = (u32)jiffies;
	u64 i;

	ring_make(test, 4, PAGE_SIZE, 1);
	for (i = 1; i <= 4; i++)
		put_inline(t, NO_HOLD);
	for (i = 1; i <= 4; i++)
		expect_age(test, began, i, 0);
	/* Each slot has a stamp of its own. */
	t->ring.stamps[3] -= 3600000;
	expect_age(test, began, 3, 3600000);
	expect_age(test, began, 2, 0);
	expect_age(test, began, 4, 0);
	t->ring.stamps[2] -= 0xf0000000;
	expect_age(test, began, 2, 0xf0000000);
	/* Who comes next in a slot is young. */
	put_inline(t, NO_HOLD);
	put_inline(t, NO_HOLD);
	expect_age(test, began, 6, 0);
}

/* ---- space ------------------------------------------------------------ */

static void ring_fits_slots(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 i;

	ring_make(test, 64, 4096, 100);
	KUNIT_EXPECT_TRUE(test, mq_ring_fits(&t->ring, 64, 0, 0));
	KUNIT_EXPECT_FALSE(test, mq_ring_fits(&t->ring, 65, 0, NO_HOLD));
	for (i = 0; i < 64; i++)
		put_inline(t, 100);
	KUNIT_EXPECT_FALSE(test, mq_ring_fits(&t->ring, 1, 0, 100));
	/* Below the oldest is the oldest, above the head the head. */
	KUNIT_EXPECT_FALSE(test, mq_ring_fits(&t->ring, 1, 0, 0));
	KUNIT_EXPECT_TRUE(test, mq_ring_fits(&t->ring, 64, 0, NO_HOLD));
	KUNIT_EXPECT_TRUE(test, mq_ring_fits(&t->ring, 3, 0, 103));
	KUNIT_EXPECT_FALSE(test, mq_ring_fits(&t->ring, 4, 0, 103));
}

static void ring_fits_bytes(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 i;

	ring_make(test, 64, 4096, 1);
	KUNIT_EXPECT_TRUE(test, mq_ring_fits(&t->ring, 1, 4096, 0));
	KUNIT_EXPECT_FALSE(test, mq_ring_fits(&t->ring, 1, 4096 + 64, 0));
	for (i = 0; i < 4; i++)
		put(t, 8, 1016, 0, 1);
	KUNIT_EXPECT_EQ(test, 4096ULL, t->ring.position);
	KUNIT_EXPECT_TRUE(test, mq_ring_fits(&t->ring, 1, 0, 1));
	KUNIT_EXPECT_FALSE(test, mq_ring_fits(&t->ring, 1, 64, 1));
	KUNIT_EXPECT_TRUE(test, mq_ring_fits(&t->ring, 1, 1024, 2));
	KUNIT_EXPECT_FALSE(test, mq_ring_fits(&t->ring, 1, 1088, 2));
	KUNIT_EXPECT_TRUE(test, mq_ring_fits(&t->ring, 1, 4096, NO_HOLD));
	/* A record without bytes is held and holds none. */
	put_inline(t, 1);
	KUNIT_EXPECT_TRUE(test, mq_ring_fits(&t->ring, 1, 4096, 5));
}

/* Full, the ring gives up 1/64 at a time, so that oldest moves seldom. */
static void ring_oldest_moves_in_steps(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 i;

	ring_make(test, 256, 4096, 1);
	for (i = 0; i < 256; i++)
		put_inline(t, NO_HOLD);
	KUNIT_EXPECT_EQ(test, 1ULL, mq_ring_oldest(&t->ring));
	for (i = 0; i < 40; i++) {
		put_inline(t, NO_HOLD);
		KUNIT_EXPECT_EQ(test, 1ULL + 4 * (i / 4 + 1), mq_ring_oldest(&t->ring));
		KUNIT_EXPECT_EQ(test, t->ring.oldest, mq_ring_oldest(&t->ring));
	}
}

/* A step ends where somebody holds. */
static void ring_hold_ends_a_step(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 i;

	ring_make(test, 256, 4096, 1);
	for (i = 0; i < 256; i++)
		put_inline(t, 3);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_TRUE(test, mq_ring_fits(&t->ring, 1, 0, 3));
		put_inline(t, 3);
		KUNIT_EXPECT_EQ(test, 3ULL, mq_ring_oldest(&t->ring));
	}
	KUNIT_EXPECT_FALSE(test, mq_ring_fits(&t->ring, 1, 0, 3));
	expect_record(test, 3, 3, 10, 0);
}

/* A large record may need the bytes of many: no more go than must, in steps. */
static void ring_bytes_take_many(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 i;

	ring_make(test, 64, 4096, 1);
	for (i = 0; i < 64; i++)
		put(t, 8, 64, 9, NO_HOLD);
	/* 128 bytes each: 32 of them are there. */
	KUNIT_EXPECT_EQ(test, 33ULL, mq_ring_oldest(&t->ring));
	put(t, 8, 1016, 0, NO_HOLD);
	KUNIT_EXPECT_EQ(test, 41ULL, mq_ring_oldest(&t->ring));
	for (i = 41; i < 65; i++)
		expect_record(test, i, 8, 64, 9);
	expect_record(test, 65, 8, 1016, 0);
}

/* Sizes of a record, from its sequence: inline, in bytes, long topics. */
static void shape(u64 sequence, u16 *topic, u32 *payload, u32 *metadata)
{
	*topic = 1 + sequence * 37 % 120;
	*payload = sequence % 5 ? sequence * 101 % 900 : 0;
	*metadata = sequence % 3 ? 0 : sequence * 13 % 120;
}

/* After any number of rounds what is there is right and the rest is known gone. */
static void ring_wraps(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 payload, metadata;
	u64 sequence;
	u16 topic;
	int i;

	ring_make(test, 64, 8192, 1ULL << 62);
	for (i = 0; i < 1000; i++) {
		shape(t->ring.head, &topic, &payload, &metadata);
		put(t, topic, payload, metadata, NO_HOLD);
		if (i % 50)
			continue;
		KUNIT_ASSERT_LE(test, t->ring.head - t->ring.oldest, 64ULL);
		for (sequence = t->ring.oldest; sequence < t->ring.head; sequence++) {
			shape(sequence, &topic, &payload, &metadata);
			expect_record(test, sequence, topic, payload, metadata);
		}
		for (sequence = t->ring.config.first; sequence < t->ring.oldest; sequence++)
			KUNIT_EXPECT_FALSE(test, mq_ring_intact(&t->ring, sequence));
	}
	KUNIT_EXPECT_EQ(test, t->ring.config.first + 1000, mq_ring_head(&t->ring));
}

/* ---- reservations ------------------------------------------------------ */

static void ring_reserves_a_quarter(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 i;

	ring_make(test, 64, 4096, 1);
	KUNIT_EXPECT_EQ(test, -EDQUOT, mq_ring_reserve(&t->ring, 1024 + 64, NO_HOLD));
	KUNIT_EXPECT_EQ(test, 0, mq_ring_reserve(&t->ring, 1024, NO_HOLD));
	KUNIT_EXPECT_EQ(test, -EDQUOT, mq_ring_reserve(&t->ring, 64, NO_HOLD));
	for (i = 1; i < 16; i++)
		KUNIT_EXPECT_EQ(test, 0, mq_ring_reserve(&t->ring, 0, NO_HOLD));
	KUNIT_EXPECT_EQ(test, -EDQUOT, mq_ring_reserve(&t->ring, 0, NO_HOLD));
	KUNIT_EXPECT_EQ(test, 16U, t->ring.reserved.slots);
	KUNIT_EXPECT_EQ(test, 1024ULL, t->ring.reserved.bytes);
	/* Others have the rest. */
	KUNIT_EXPECT_TRUE(test, mq_ring_fits(&t->ring, 48, 3072, NO_HOLD));
	KUNIT_EXPECT_FALSE(test, mq_ring_fits(&t->ring, 49, 0, NO_HOLD));
	KUNIT_EXPECT_FALSE(test, mq_ring_fits(&t->ring, 1, 3072 + 64, NO_HOLD));
	mq_ring_release(&t->ring, 1024);
	KUNIT_EXPECT_TRUE(test, mq_ring_fits(&t->ring, 49, 4096, NO_HOLD));
	KUNIT_EXPECT_EQ(test, 0, mq_ring_reserve(&t->ring, 512, NO_HOLD));
}

/* Who holds keeps what is there, and what is reserved is beside it. */
static void ring_reserves_beside_a_hold(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 i;

	ring_make(test, 64, 4096, 1);
	KUNIT_EXPECT_EQ(test, 0, mq_ring_reserve(&t->ring, 128, 1));
	for (i = 0; i < 63; i++) {
		KUNIT_ASSERT_TRUE(test, mq_ring_fits(&t->ring, 1, 0, 1));
		put_inline(t, 1);
	}
	KUNIT_EXPECT_FALSE(test, mq_ring_fits(&t->ring, 1, 0, 1));
	KUNIT_EXPECT_EQ(test, -EAGAIN, mq_ring_reserve(&t->ring, 0, 1));
	KUNIT_EXPECT_EQ(test, 1U, t->ring.reserved.slots);
	mq_ring_release(&t->ring, 128);
	KUNIT_EXPECT_TRUE(test, mq_ring_fits(&t->ring, 1, 128, 1));
	put(t, 8, 100, 0, 1);
	KUNIT_EXPECT_EQ(test, 1ULL, mq_ring_oldest(&t->ring));
	expect_record(test, 1, 3, 10, 0);
	expect_record(test, 64, 8, 100, 0);
}

/* Full of records that nobody holds: old ones go at once, not when it is used. */
static void ring_reserves_what_is_there(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u64 oldest;
	u32 i;

	ring_make(test, 64, 4096, 1);
	for (i = 0; i < 200; i++)
		put(t, 8, 64, 9, NO_HOLD);
	for (i = 0; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, 0, mq_ring_reserve(&t->ring, 128, NO_HOLD));
		oldest = mq_ring_oldest(&t->ring);
		KUNIT_EXPECT_LE(test, t->ring.head + t->ring.reserved.slots - oldest, 64ULL);
		KUNIT_EXPECT_LE(test, t->ring.position + t->ring.reserved.bytes -
				      t->ring.slots[oldest % 64].position, 4096ULL);
	}
	/* A holder comes at the oldest. Nothing more goes in, but this does. */
	while (mq_ring_fits(&t->ring, 1, 128, oldest))
		put(t, 8, 64, 9, oldest);
	for (i = 0; i < 8; i++) {
		mq_ring_release(&t->ring, 128);
		KUNIT_ASSERT_TRUE(test, mq_ring_fits(&t->ring, 1, 128, oldest));
		put(t, 8, 120, 0, oldest);
		KUNIT_EXPECT_EQ(test, oldest, mq_ring_oldest(&t->ring));
	}
	expect_record(test, oldest, 8, 64, 9);
	KUNIT_EXPECT_EQ(test, 0U, t->ring.reserved.slots);
	KUNIT_EXPECT_EQ(test, 0ULL, t->ring.reserved.bytes);
}

/* Whatever comes between, what is reserved stays free. */
static void ring_keeps_reservations(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 payload, metadata;
	u64 position;
	u16 topic;
	u32 i;

	ring_make(test, 64, 8192, 1000);
	for (i = 0; i < 16; i++)
		KUNIT_ASSERT_EQ(test, 0, mq_ring_reserve(&t->ring, 128, NO_HOLD));
	for (i = 0; i < 1000; i++) {
		shape(t->ring.head, &topic, &payload, &metadata);
		put(t, topic, payload, metadata, NO_HOLD);
		position = t->ring.oldest == t->ring.head ? t->ring.position :
			   t->ring.slots[t->ring.oldest % 64].position;
		KUNIT_ASSERT_LE(test, t->ring.head - t->ring.oldest, 48ULL);
		KUNIT_ASSERT_LE(test, t->ring.position - position, 8192 - 16 * 128ULL);
	}
}

/* ---- reading what is not there ----------------------------------------- */

static void ring_peek_refuses(struct kunit *test)
{
	struct ring_test *t = test->priv;
	struct mq_ring_view view;
	struct mq_slot *slot;
	int i;

	ring_make(test, 64, 4096, 1);
	KUNIT_EXPECT_FALSE(test, mq_ring_peek(&t->ring, 1, &view));
	for (i = 0; i < 65; i++)
		put_inline(t, NO_HOLD);
	KUNIT_EXPECT_FALSE(test, mq_ring_peek(&t->ring, 1, &view));
	KUNIT_EXPECT_FALSE(test, mq_ring_intact(&t->ring, 1));
	KUNIT_EXPECT_TRUE(test, mq_ring_peek(&t->ring, 2, &view));
	KUNIT_EXPECT_FALSE(test, mq_ring_peek(&t->ring, 66, &view));

	/* Words of two records mixed, as a slow reader may see them. */
	slot = &t->ring.slots[2];
	slot->payload_len = 1025;
	KUNIT_EXPECT_FALSE(test, mq_ring_peek(&t->ring, 2, &view));
	slot->payload_len = U32_MAX;
	slot->metadata_len = 2;
	KUNIT_EXPECT_FALSE(test, mq_ring_peek(&t->ring, 2, &view));
	slot->payload_len = 1000;
	slot->metadata_len = 21;
	slot->position = U64_MAX;
	KUNIT_EXPECT_TRUE(test, mq_ring_peek(&t->ring, 2, &view));
	KUNIT_EXPECT_PTR_EQ(test, (void *)(t->ring.bytes + 4095), (void *)view.data.payload);
}

static void ring_drop_forgets(struct kunit *test)
{
	struct ring_test *t = test->priv;
	struct mq_ring_wipe wipe;
	int i;

	ring_make(test, 64, 4096, 1);
	for (i = 0; i < 10; i++)
		put(t, 8, 200, 0, NO_HOLD);
	mq_ring_drop(&t->ring, &wipe);
	KUNIT_EXPECT_EQ(test, 11ULL, mq_ring_oldest(&t->ring));
	KUNIT_EXPECT_EQ(test, 11ULL, mq_ring_head(&t->ring));
	for (i = 1; i <= 10; i++)
		KUNIT_EXPECT_FALSE(test, mq_ring_intact(&t->ring, i));
	KUNIT_EXPECT_TRUE(test, mq_ring_fits(&t->ring, 64, 4096, 0));
	while (!mq_ring_wipe(&t->ring, &wipe))
		;
	KUNIT_EXPECT_NULL(test, memchr_inv(t->ring.bytes, 0, 8192));
	for (i = 0; i < 64; i++) {
		KUNIT_EXPECT_NULL(test, memchr_inv(t->ring.slots[i].data, 0, MQ_SLOT_INLINE));
		KUNIT_EXPECT_EQ(test, 0U, t->ring.slots[i].topic_hash);
	}
	put(t, 8, 200, 0, NO_HOLD);
	expect_record(test, 11, 8, 200, 0);
}

/* Zeroing goes on while records come: it must not touch them. */
static void ring_wipe_spares_what_comes(struct kunit *test)
{
	struct ring_test *t = test->priv;
	struct mq_ring_wipe wipe;
	u64 sequence, dropped;
	int calls = 0;
	int i;

	ring_make(test, 2048, 1 << 18, 1);
	for (i = 0; i < 3000; i++)
		put(t, 8, 100, 0, NO_HOLD);
	mq_ring_drop(&t->ring, &wipe);
	dropped = t->ring.head;
	do {
		for (i = 0; i < 150; i++)
			put(t, 8, 100, 0, NO_HOLD);
		calls++;
	} while (!mq_ring_wipe(&t->ring, &wipe));
	KUNIT_EXPECT_GT(test, calls, 1);
	KUNIT_EXPECT_EQ(test, dropped, mq_ring_oldest(&t->ring));
	for (sequence = dropped; sequence < t->ring.head; sequence++)
		expect_record(test, sequence, 8, 100, 0);
	/* Of the others nothing is left: slots, and bytes behind the new ones. */
	for (i = t->ring.head; (u64)i < dropped + 2048; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(t->ring.slots[i % 2048].data, 0,
						   MQ_SLOT_INLINE));
	KUNIT_EXPECT_NULL(test, memchr_inv(t->ring.bytes + t->ring.position % (1 << 18), 0,
					   (1 << 18) - 128 * (t->ring.head - dropped)));
}

static void ring_half_built_is_fine(struct kunit *test)
{
	const struct mq_ring_config config = { .slots = 64, .bytes = 4096, .max_record = 1024 };
	struct mq_ring ring = { };

	mq_ring_destroy(&ring);
	KUNIT_ASSERT_EQ(test, 0, mq_ring_init(&ring, &config, "test", 1));
	mq_ring_destroy(&ring);
	mq_ring_destroy(&ring);
	KUNIT_EXPECT_NULL(test, ring.memory);
}

static int ring_test_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct ring_test), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void ring_test_exit(struct kunit *test)
{
	struct ring_test *t = test->priv;

	if (t)
		mq_ring_destroy(&t->ring);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(ring_sizes),
	KUNIT_CASE(ring_header),
	KUNIT_CASE(ring_maps_bytes_twice),
	KUNIT_CASE(ring_need_table),
	KUNIT_CASE(ring_places),
	KUNIT_CASE(ring_time_never_goes_back),
	KUNIT_CASE(ring_age_wraps),
	KUNIT_CASE(ring_age_of_records),
	KUNIT_CASE(ring_fits_slots),
	KUNIT_CASE(ring_fits_bytes),
	KUNIT_CASE(ring_oldest_moves_in_steps),
	KUNIT_CASE(ring_hold_ends_a_step),
	KUNIT_CASE(ring_bytes_take_many),
	KUNIT_CASE(ring_wraps),
	KUNIT_CASE(ring_reserves_a_quarter),
	KUNIT_CASE(ring_reserves_beside_a_hold),
	KUNIT_CASE(ring_reserves_what_is_there),
	KUNIT_CASE(ring_keeps_reservations),
	KUNIT_CASE(ring_peek_refuses),
	KUNIT_CASE(ring_drop_forgets),
	KUNIT_CASE(ring_wipe_spares_what_comes),
	KUNIT_CASE(ring_half_built_is_fine),
	{ }
};

static struct kunit_suite ring_suite = {
	.name = "mq_ring",
	.init = ring_test_init,
	.exit = ring_test_exit,
	.test_cases = ring_cases,
};

kunit_test_suite(ring_suite);
