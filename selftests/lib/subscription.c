// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Reading one channel: order, filters, gaps, holding, the end of a channel. */
#include "fixture.h"

#define SLOTS 256

FIXTURE(subscription)
{
	struct libmq_admin *admin;
	struct libmq_channel *channel;
	struct libmq_publisher *publisher;
	struct libmq_subscription *subscription;
	struct libmq_record record;
	struct libmq_gap gap;
};

FIXTURE_VARIANT(subscription)
{
	enum libmq_overflow overflow;
	bool hold;
};

FIXTURE_VARIANT_ADD(subscription, lossy) {
	.overflow = LIBMQ_DROP_OLDEST,
	.hold = false,
};

FIXTURE_VARIANT_ADD(subscription, holding) {
	.overflow = LIBMQ_REJECT,
	.hold = true,
};

FIXTURE_SETUP(subscription)
{
	struct libmq_channel_opts opts = {
		.slots = SLOTS,
		.bytes = 65536,
		.overflow = variant->overflow,
		.claims = (const char *const[]){ "lib/#" },
		.claims_count = 1,
	};

	memset(self, 0, sizeof(*self));
	self->admin = admin_open();
	ASSERT_NE(NULL, self->admin);
	ASSERT_EQ(0, channel_anew(self->admin, "lib", opts));
	ASSERT_EQ(0, libmq_channel_open(&self->channel, NULL, "lib",
					LIBMQ_OPEN_READ | LIBMQ_OPEN_WRITE));
	ASSERT_EQ(0, libmq_publisher_open(&self->publisher, self->channel));
}

FIXTURE_TEARDOWN(subscription)
{
	libmq_subscription_close(self->subscription);
	libmq_publisher_close(self->publisher);
	libmq_channel_close(self->channel);
	libmq_admin_delete(self->admin, "lib");
	libmq_admin_close(self->admin);
}

/* Opens self->subscription. */
static int subscribe(struct _test_data_subscription *self,
		     const struct _fixture_variant_subscription *variant, enum libmq_start start)
{
	struct libmq_subscription_opts opts = {
		.size = sizeof(opts),
		.start = start,
		.hold = variant->hold,
	};

	return libmq_subscription_open(&self->subscription, self->channel, &opts);
}

static int add(struct _test_data_subscription *self, const char *filter)
{
	return libmq_subscription_add(self->subscription, filter, strlen(filter), 1, NULL);
}

static int next(struct _test_data_subscription *self)
{
	return libmq_subscription_next(self->subscription, &self->record, &self->gap);
}

TEST_F(subscription, reads_in_order_what_matches)
{
	static const char *const topics[] = { "lib/b", "lib/a" };
	uint64_t number;

	ASSERT_EQ(0, subscribe(self, variant, LIBMQ_START_LATEST));
	ASSERT_EQ(0, add(self, "lib/a"));
	for (number = 0; number < 200; number++)
		ASSERT_EQ(0, publish_number(self->publisher, topics[number % 2], number));
	for (number = 1; number < 200; number += 2) {
		ASSERT_EQ(LIBMQ_RECORD, next(self));
		EXPECT_EQ(number, number_of(&self->record));
		EXPECT_TRUE(topic_is(&self->record, "lib/a"));
		EXPECT_EQ(libmq_publisher_id(self->publisher), self->record.publisher);
		EXPECT_EQ(self->channel, self->record.channel);
	}
	EXPECT_EQ(LIBMQ_NONE, next(self));
}

/* Publishes a record of these lengths and tells whether it came back as it was. */
static bool same_after_all(struct _test_data_subscription *self, size_t topic_len,
			   size_t payload_len, size_t metadata_len)
{
	static char topic[3000] = "lib/";
	static char payload[3000];
	static char metadata[300];
	struct libmq_message message = {
		.topic = topic, .topic_len = topic_len,
		.payload = payload, .payload_len = payload_len,
		.metadata = metadata, .metadata_len = metadata_len,
		.flags = LIBMQ_QOS_1,
	};
	const struct libmq_record *got = &self->record;
	struct libmq_result result;
	size_t i;

	for (i = 0; i < sizeof(payload); i++)
		payload[i] = i;
	memset(topic + 4, 't', sizeof(topic) - 4);
	memset(metadata, 'm', sizeof(metadata));
	if (libmq_publisher_publish(self->publisher, &message, &result, 1) != 1 ||
	    result.result || result.receivers != 1 || next(self) != LIBMQ_RECORD)
		return false;
	return got->sequence == result.sequence && got->time == result.time &&
	       got->flags == LIBMQ_QOS_1 && got->topic_len == topic_len &&
	       got->payload_len == payload_len && got->metadata_len == metadata_len &&
	       !memcmp(got->topic, topic, topic_len) &&
	       !memcmp(got->payload, payload, payload_len) &&
	       !memcmp(got->metadata, metadata, metadata_len);
}

/* Every layout: inline, topic inline, all in the byte area. */
TEST_F(subscription, brings_all_parts_whole)
{
	size_t topic_len;
	size_t payload_len;

	ASSERT_EQ(0, subscribe(self, variant, LIBMQ_START_LATEST));
	ASSERT_EQ(0, add(self, "lib/#"));
	for (topic_len = 5; topic_len <= 3000; topic_len = topic_len * 2 + 3)
		for (payload_len = 0; payload_len <= 2000; payload_len = payload_len * 3 + 1)
			EXPECT_TRUE(same_after_all(self, topic_len, payload_len,
						   payload_len % 300));
	EXPECT_TRUE(same_after_all(self, 20, 30, 30));
	EXPECT_TRUE(same_after_all(self, 20, 30, 31));
	EXPECT_TRUE(same_after_all(self, 80, 1, 0));
	EXPECT_TRUE(same_after_all(self, 81, 0, 0));
	EXPECT_EQ(LIBMQ_NONE, next(self));
}

TEST_F(subscription, starts_where_it_was_told)
{
	struct libmq_subscription_opts later = {
		.size = sizeof(later), .start = LIBMQ_START_SEQUENCE,
	};
	uint64_t first;
	uint64_t number;

	for (number = 0; number < 10; number++)
		ASSERT_EQ(0, publish_number(self->publisher, "lib/a", number));
	ASSERT_EQ(0, subscribe(self, variant, LIBMQ_START_OLDEST));
	/* Nothing moves before the first filter. */
	EXPECT_EQ(LIBMQ_NONE, next(self));
	ASSERT_EQ(0, add(self, "lib/a"));
	ASSERT_EQ(0, add(self, "lib/b"));
	ASSERT_EQ(LIBMQ_RECORD, next(self));
	EXPECT_EQ(0, number_of(&self->record));
	first = self->record.sequence;
	libmq_subscription_close(self->subscription);

	later.sequence = first + 7;
	ASSERT_EQ(0, libmq_subscription_open(&self->subscription, self->channel, &later));
	ASSERT_EQ(0, add(self, "lib/+"));
	ASSERT_EQ(LIBMQ_RECORD, next(self));
	EXPECT_EQ(7, number_of(&self->record));
	libmq_subscription_close(self->subscription);

	ASSERT_EQ(0, subscribe(self, variant, LIBMQ_START_LATEST));
	ASSERT_EQ(0, publish_number(self->publisher, "lib/a", 10));
	ASSERT_EQ(0, add(self, "lib/a"));
	ASSERT_EQ(0, publish_number(self->publisher, "lib/a", 11));
	/* 10 lies before the filter was in force. */
	ASSERT_EQ(LIBMQ_RECORD, next(self));
	EXPECT_EQ(11, number_of(&self->record));
}

TEST_F(subscription, filters_begin_and_end)
{
	uint64_t sequence;

	ASSERT_EQ(0, subscribe(self, variant, LIBMQ_START_LATEST));
	ASSERT_EQ(0, add(self, "lib/a"));
	ASSERT_EQ(0, publish_number(self->publisher, "lib/a", 1));
	ASSERT_EQ(0, publish_number(self->publisher, "lib/b", 2));
	ASSERT_EQ(0, libmq_subscription_add(self->subscription, "lib/b", 5, 1, &sequence));
	ASSERT_EQ(0, publish_number(self->publisher, "lib/b", 3));
	ASSERT_EQ(LIBMQ_RECORD, next(self));
	EXPECT_EQ(1, number_of(&self->record));
	ASSERT_EQ(LIBMQ_RECORD, next(self));
	EXPECT_EQ(3, number_of(&self->record));
	EXPECT_EQ(sequence, self->record.sequence);
	ASSERT_EQ(0, publish_number(self->publisher, "lib/b", 4));
	EXPECT_EQ(0, libmq_subscription_remove(self->subscription, "lib/b", 5));
	EXPECT_EQ(-ENOENT, libmq_subscription_remove(self->subscription, "lib/b", 5));
	EXPECT_EQ(LIBMQ_NONE, next(self));
	EXPECT_EQ(-EINVAL, add(self, "lib/#/a"));
	EXPECT_EQ(-E2BIG, add(self, "/////////////////////////////////"));
}

/* 10,000 filters, literal and not: the answer is that of the plain matcher. */
TEST_F(subscription, many_filters_match_as_one_would)
{
	unsigned int filters = volume(10000);
	unsigned int wanted = 0;
	unsigned int got = 0;
	unsigned int i;
	char text[64];

	ASSERT_EQ(0, subscribe(self, variant, LIBMQ_START_LATEST));
	for (i = 0; i < filters; i++) {
		static const char *const shapes[] = {
			"lib/%u", "lib/%u/+/x", "lib/+/%u", "lib/%u/y/#",
		};

		snprintf(text, sizeof(text), shapes[i % 4], i);
		ASSERT_EQ(0, add(self, text));
	}
	for (i = 0; i < 2 * filters; i++) {
		static const char *const shapes[] = {
			"lib/%u", "lib/%u/q/x", "lib/q/%u", "lib/%u/y",
		};
		unsigned int shape = (i / 3) % 4;
		bool match = i < filters && i % 4 == shape;

		snprintf(text, sizeof(text), shapes[shape], i);
		/* "lib/N/y" is also of the shape "lib/N/+/x"? No: it ends before. */
		ASSERT_EQ(0, publish_number(self->publisher, text, i));
		wanted += match;
		if (next(self) == LIBMQ_RECORD) {
			EXPECT_TRUE(match);
			EXPECT_EQ(i, number_of(&self->record));
			got++;
		}
	}
	EXPECT_LT(filters / 8, wanted);
	EXPECT_EQ(wanted, got);
}

TEST_F(subscription, sleeps_and_wakes)
{
	ASSERT_EQ(0, subscribe(self, variant, LIBMQ_START_LATEST));
	ASSERT_EQ(0, add(self, "lib/a"));
	EXPECT_EQ(0, libmq_subscription_wait(self->subscription, 0));
	ASSERT_EQ(0, publish_number(self->publisher, "lib/b", 1));
	EXPECT_EQ(0, libmq_subscription_wait(self->subscription, 0));
	EXPECT_FALSE(libmq_subscription_prepare_sleep(self->subscription));
	ASSERT_EQ(0, publish_number(self->publisher, "lib/a", 2));
	EXPECT_TRUE(libmq_subscription_prepare_sleep(self->subscription));
	EXPECT_EQ(1, libmq_subscription_wait(self->subscription, SOON_MS));
	ASSERT_EQ(LIBMQ_RECORD, next(self));
	EXPECT_EQ(2, number_of(&self->record));
	EXPECT_EQ(LIBMQ_NONE, next(self));
	EXPECT_EQ(0, libmq_subscription_wait(self->subscription, 0));
}

TEST_F(subscription, ends_after_all_was_read)
{
	ASSERT_EQ(0, subscribe(self, variant, LIBMQ_START_LATEST));
	ASSERT_EQ(0, add(self, "lib/a"));
	ASSERT_EQ(0, publish_number(self->publisher, "lib/a", 1));
	ASSERT_EQ(0, publish_number(self->publisher, "lib/a", 2));
	ASSERT_EQ(0, libmq_admin_delete(self->admin, "lib"));
	EXPECT_EQ(-ENODEV, publish_number(self->publisher, "lib/a", 3));
	EXPECT_EQ(1, libmq_subscription_wait(self->subscription, SOON_MS));
	ASSERT_EQ(LIBMQ_RECORD, next(self));
	ASSERT_EQ(LIBMQ_RECORD, next(self));
	EXPECT_EQ(2, number_of(&self->record));
	EXPECT_EQ(LIBMQ_ENDED, next(self));
	EXPECT_EQ(LIBMQ_ENDED, next(self));
	EXPECT_EQ(-ENODEV, libmq_subscription_wait(self->subscription, SOON_MS));
}

TEST_F(subscription, purge_is_a_gap_of_what_was_unread)
{
	static const char *const topics[] = { "lib/a", "lib/b", "lib/b" };
	uint64_t number;

	ASSERT_EQ(0, subscribe(self, variant, LIBMQ_START_LATEST));
	ASSERT_EQ(0, add(self, "lib/a"));
	for (number = 0; number < 12; number++)
		ASSERT_EQ(0, publish_number(self->publisher, topics[number % 3], number));
	ASSERT_EQ(LIBMQ_RECORD, next(self));
	ASSERT_EQ(0, libmq_admin_purge(self->admin, "lib"));
	ASSERT_EQ(LIBMQ_LAGGED, next(self));
	EXPECT_EQ(3, self->gap.missed);
	EXPECT_FALSE(self->gap.at_most);
	EXPECT_EQ(LIBMQ_NONE, next(self));
	ASSERT_EQ(0, publish_number(self->publisher, "lib/a", 12));
	ASSERT_EQ(LIBMQ_RECORD, next(self));
	EXPECT_EQ(12, number_of(&self->record));
}

TEST_HARNESS_MAIN
