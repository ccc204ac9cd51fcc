// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Publishing one record: where it lies in the ring, and every refusal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-publish"
#define OTHER "t-publish-other"
#define BYTES 65536U
#define MAX_RECORD 16384U
#define SLOTS 64U

FIXTURE(publish) {
	int publisher;
	struct mqt_subscription subscription;
	struct mqt_map map;
	char topic[MAX_RECORD + 1];
	uint8_t payload[MAX_RECORD + 1];
	uint8_t metadata[MAX_RECORD + 1];
};

FIXTURE_SETUP(publish)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = BYTES, .max_record = MAX_RECORD,
		.claims = { "#" },
	};

	mqt_delete(OTHER);
	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
	memset(self->topic, 't', MAX_RECORD);
}

FIXTURE_TEARDOWN(publish)
{
	mqt_delete(NAME);
	mqt_delete(OTHER);
}

/* Publishes a record of three given lengths with contents from a seed. */
static int publish_sizes(FIXTURE_DATA(publish) * self, uint32_t topic, uint32_t payload,
			 uint32_t metadata, struct mq_publish *record, uint64_t seed)
{
	mqt_fill(self->payload, payload, seed);
	mqt_fill(self->metadata, metadata, ~seed);
	mqt_record(record, "", self->payload, payload);
	record->topic = (uintptr_t)self->topic;
	record->topic_len = topic;
	record->metadata = (uintptr_t)self->metadata;
	record->metadata_len = metadata;
	return mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, record);
}

/* Where a part of a record has to lie: inside the slot or in the byte area. */
static bool in_slot(const struct mqt_map *map, uint64_t sequence, const void *part)
{
	const struct mq_slot *slot = &map->slots[sequence & (SLOTS - 1)];

	return (const uint8_t *)part >= slot->data &&
	       (const uint8_t *)part <= slot->data + MQ_SLOT_INLINE;
}

static void check_record(struct __test_metadata *_metadata, FIXTURE_DATA(publish) * self,
			 const struct mq_publish *record, uint64_t seed)
{
	const struct mq_slot *slot = &self->map.slots[record->sequence & (SLOTS - 1)];
	uint32_t size = record->topic_len + record->payload_len + record->metadata_len;
	struct mqt_view view;

	ASSERT_EQ(0, mqt_peek(&self->map, record->sequence, &view));
	EXPECT_EQ(record->topic_len, view.topic_len);
	EXPECT_EQ(record->payload_len, view.payload_len);
	EXPECT_EQ(record->metadata_len, view.metadata_len);
	EXPECT_EQ(record->flags, view.flags);
	EXPECT_EQ(record->time, view.time);
	EXPECT_EQ(mq_topic_hash(view.topic, view.topic_len), slot->topic_hash);
	EXPECT_EQ(0U, slot->position % MQ_BYTES_ALIGN);
	EXPECT_EQ(0, memcmp(self->topic, view.topic, view.topic_len));
	EXPECT_TRUE(mqt_filled(view.payload, view.payload_len, seed));
	EXPECT_TRUE(mqt_filled(view.metadata, view.metadata_len, ~seed));
	EXPECT_EQ(size <= MQ_SLOT_INLINE, in_slot(&self->map, record->sequence, view.payload));
	EXPECT_EQ(view.topic_len <= MQ_SLOT_INLINE,
		  in_slot(&self->map, record->sequence, view.topic));
	EXPECT_TRUE(mqt_intact(&self->map, record->sequence));
}

TEST_F(publish, layouts_at_every_boundary)
{
	static const struct {
		uint32_t topic, payload, metadata;
	} sizes[] = {
		{ 1, 0, 0 }, { 1, 1, 1 }, { 20, 59, 0 }, { 20, 60, 0 }, { 20, 61, 0 },
		{ 20, 0, 59 }, { 20, 0, 60 }, { 20, 0, 61 }, { 20, 30, 29 }, { 20, 30, 30 },
		{ 20, 30, 31 }, { 79, 0, 0 }, { 79, 1, 0 }, { 79, 1, 1 }, { 79, 2, 0 },
		{ 80, 0, 0 }, { 80, 1, 0 }, { 80, 0, 1 }, { 80, 64, 64 }, { 81, 0, 0 },
		{ 81, 1, 0 }, { 81, 0, 1 }, { 81, 100, 100 }, { 300, 0, 0 }, { 1000, 63, 1 },
		{ 1, MAX_RECORD - 1, 0 }, { 1, 0, MAX_RECORD - 1 }, { 80, MAX_RECORD - 80, 0 },
		{ 81, MAX_RECORD - 82, 1 }, { MAX_RECORD, 0, 0 }, { 5000, 5000, 5000 },
	};
	struct mq_publish record;
	uint64_t time = 0;
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, publish_sizes(self, sizes[i].topic, sizes[i].payload,
					   sizes[i].metadata, &record, i));
		EXPECT_EQ(0, record.result);
		EXPECT_EQ(1U, record.receivers);
		EXPECT_EQ(i + 1U, record.sequence);
		EXPECT_LE(time, record.time);
		time = record.time;
		check_record(_metadata, self, &record, i);
		EXPECT_EQ(i + 2U, mqt_head(&self->map));
	}
}

/* Bytes of the byte area that a record takes. */
static uint64_t area_need(const struct mq_publish *record)
{
	uint32_t body = record->payload_len + record->metadata_len;
	uint32_t size = record->topic_len + body;

	if (size <= MQ_SLOT_INLINE)
		return 0;
	if (record->topic_len > MQ_SLOT_INLINE)
		body = size;
	return (body + MQ_BYTES_ALIGN - 1) / MQ_BYTES_ALIGN * MQ_BYTES_ALIGN;
}

TEST_F(publish, wraps_many_times)
{
	unsigned int count = mqt_count(4000);
	uint64_t position = 0, time = 0;
	struct mq_publish record;
	unsigned int i;

	for (i = 0; i < count; i++) {
		uint32_t topic = 1 + i * 7 % 120;
		uint32_t payload = i * 131 % 3000;
		uint32_t metadata = i * 17 % 90;

		ASSERT_EQ(0, publish_sizes(self, topic, payload, metadata, &record, i));
		ASSERT_EQ(i + 1U, record.sequence);
		ASSERT_LE(time, record.time);
		time = record.time;
		check_record(_metadata, self, &record, i);
		/* In order of sequence, without a gap. */
		ASSERT_EQ(position, self->map.slots[record.sequence & (SLOTS - 1)].position);
		position += area_need(&record);
		/* What is not overwritten is as it was. */
		ASSERT_LE(mqt_oldest(&self->map) + 1, mqt_head(&self->map));
		ASSERT_LE(mqt_head(&self->map) - mqt_oldest(&self->map), SLOTS);
	}
	EXPECT_LT(5 * BYTES, position);
}

TEST_F(publish, all_in_the_ring_stays_intact)
{
	unsigned int count = mqt_count(2000);
	struct mq_publish record;
	struct mqt_view view;
	unsigned int i;
	uint64_t old;

	for (i = 1; i <= count; i++) {
		ASSERT_EQ(0, publish_sizes(self, 5, i * 577 % 4000, 0, &record, i));
		for (old = mqt_oldest(&self->map); old <= i; old++) {
			ASSERT_EQ(0, mqt_peek(&self->map, old, &view));
			ASSERT_EQ(old * 577 % 4000, view.payload_len);
			ASSERT_TRUE(mqt_filled(view.payload, view.payload_len, old));
		}
	}
}

TEST_F(publish, flags_travel)
{
	struct mqt_view view;
	struct mq_publish record;

	mqt_record(&record, "a", "b", 1);
	record.flags = MQ_RECORD_USER_MASK;
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
	ASSERT_EQ(0, mqt_peek(&self->map, record.sequence, &view));
	EXPECT_EQ(MQ_RECORD_USER_MASK, (int)view.flags);
	record.flags = MQ_RECORD_RETAIN | 0x100;
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
	ASSERT_EQ(0, mqt_peek(&self->map, record.sequence, &view));
	EXPECT_EQ(MQ_RECORD_RETAIN | 0x100, (int)view.flags);
}

TEST_F(publish, the_slot_names_the_publisher)
{
	struct mq_publisher_new args = {};
	struct mqt_view view;
	int fd = mqt_ioctl(mqt_node(NAME, O_WRONLY), MQ_IOC_PUBLISHER, &args);

	ASSERT_EQ(0, mqt_publish_str(fd, "a", "b"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a", "b"));
	ASSERT_EQ(0, mqt_peek(&self->map, 1, &view));
	EXPECT_EQ(args.id, view.publisher);
	ASSERT_EQ(0, mqt_peek(&self->map, 2, &view));
	EXPECT_NE(args.id, view.publisher);
}

TEST_F(publish, time_never_goes_back)
{
	struct timespec now, past;
	struct mq_publish first, second;

	mqt_record(&first, "a", "b", 1);
	mqt_record(&second, "a", "b", 1);
	ASSERT_EQ(0, clock_gettime(CLOCK_REALTIME, &now));
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &first));
	/* It is the time of day ... */
	EXPECT_LE(now.tv_sec * 1000000000ULL + now.tv_nsec, first.time);
	past = now;
	past.tv_sec -= 3600;
	ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &past));
	EXPECT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &second));
	ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &now));
	/* ... but a clock that is set back does not put records out of order. */
	EXPECT_LE(first.time, second.time);
}

/* A refusal that changed neither ring nor retained values. */
static int refused(FIXTURE_DATA(publish) * self, struct mq_publish *record)
{
	struct mq_info before, after;
	int error;

	mqt_info(NAME, &before);
	error = mqt_refusal(self->publisher, MQ_IOC_PUBLISH, record);
	mqt_info(NAME, &after);
	return memcmp(&before, &after, sizeof(before)) ? MQT_CHANGED : error;
}

TEST_F(publish, not_a_topic)
{
	static const char * const bad[] = { "", "+", "#", "a/+", "a/#", "a+b", "a#" };
	struct mq_publish record;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		mqt_record(&record, bad[i], "x", 1);
		EXPECT_EQ(EINVAL, refused(self, &record)) TH_LOG("'%s'", bad[i]);
	}
	mqt_record(&record, "a\0b", "x", 1);
	record.topic_len = 3;
	EXPECT_EQ(EINVAL, refused(self, &record));
}

TEST_F(publish, unknown_flags_and_fields)
{
	struct mq_publish record;
	unsigned int i;

	for (i = 0; i < 16; i++) {
		mqt_record(&record, "a", "x", 1);
		record.flags = 1 << i;
		if (record.flags & (MQ_RECORD_RETAIN | MQ_RECORD_USER_MASK | MQ_PUBLISH_EXPECT))
			continue;
		EXPECT_EQ(EINVAL, refused(self, &record)) TH_LOG("flag %x", record.flags);
	}
	mqt_record(&record, "a", "x", 1);
	record.reserved0 = 1;
	EXPECT_EQ(EINVAL, refused(self, &record));
	/* Each belongs to a flag that is not set. */
	mqt_record(&record, "a", "x", 1);
	record.expect = 1;
	EXPECT_EQ(EINVAL, refused(self, &record));
	mqt_record(&record, "a", "x", 1);
	record.expiry_ns = 1;
	EXPECT_EQ(EINVAL, refused(self, &record));
}

TEST_F(publish, too_large)
{
	struct mq_publish record;

	mqt_record(&record, "a", self->payload, MAX_RECORD);
	EXPECT_EQ(EMSGSIZE, refused(self, &record));
	mqt_record(&record, "a", self->payload, MAX_RECORD - 1);
	record.metadata = (uintptr_t)self->metadata;
	record.metadata_len = 1;
	EXPECT_EQ(EMSGSIZE, refused(self, &record));
	/* Sums that do not fit 32 bits. */
	mqt_record(&record, "a", self->payload, UINT32_MAX);
	EXPECT_EQ(EMSGSIZE, refused(self, &record));
	record.metadata_len = 2;
	EXPECT_EQ(EMSGSIZE, refused(self, &record));
	record.payload_len = 0x80000000;
	record.metadata_len = 0x80000000;
	EXPECT_EQ(EMSGSIZE, refused(self, &record));
}

TEST_F(publish, bad_pointers)
{
	struct mq_publish record;
	unsigned int len;

	/* Both the short and the staged way. */
	for (len = 10; len <= 10000; len *= 10) {
		mqt_record(&record, "a", mqt_nowhere(), len);
		EXPECT_EQ(EFAULT, refused(self, &record));
		mqt_record(&record, "a", self->payload, len);
		record.metadata = (uintptr_t)mqt_nowhere();
		record.metadata_len = len / 10;
		EXPECT_EQ(EFAULT, refused(self, &record));
		mqt_record(&record, "a", self->payload, len);
		record.topic = (uintptr_t)mqt_nowhere();
		EXPECT_EQ(EFAULT, refused(self, &record));
		/* Kernel memory is no memory of ours. */
		record.topic = 0xffffffff81000000;
		EXPECT_EQ(EFAULT, refused(self, &record));
	}
	EXPECT_EQ(-EFAULT, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, mqt_nowhere()));
	/* A pointer to nothing is never followed. */
	mqt_record(&record, "a", mqt_nowhere(), 0);
	record.metadata = (uintptr_t)mqt_nowhere();
	EXPECT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
}

TEST_F(publish, topics_of_others)
{
	const struct mqt_config other = {
		.name = OTHER, .slots = 64, .bytes = 4096, .claims = { "theirs/#" },
	};
	struct mq_publish record;

	/* Known to the publisher from before, and then lost. */
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "theirs/1", "x"));
	ASSERT_EQ(0, mqt_create(&other));
	mqt_record(&record, "theirs/1", "x", 1);
	EXPECT_EQ(ESTALE, refused(self, &record));
	mqt_record(&record, OTHER, "x", 1);
	EXPECT_EQ(ESTALE, refused(self, &record));
	/* Nobody owns it: '#' claims nothing that begins with '$'. */
	mqt_record(&record, "$SYS/x", "x", 1);
	EXPECT_EQ(ESTALE, refused(self, &record));
	ASSERT_EQ(0, mqt_delete(OTHER));
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "theirs/1", "x"));
}

TEST_F(publish, poll_after_delete)
{
	EXPECT_EQ(POLLOUT, mqt_poll(self->publisher, POLLOUT, 0));
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(POLLHUP | POLLERR, mqt_poll(self->publisher, 0, -1));
	EXPECT_EQ(-ENODEV, mqt_publish_str(self->publisher, "a", "b"));
	EXPECT_EQ(MQ_CHANNEL_DEAD, self->map.header->state);
}

TEST_HARNESS_MAIN
