// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What a reader is told that it missed, and what holding is good for. */
#include "fixture.h"

#define SLOTS 256

FIXTURE(gap)
{
	struct libmq_admin *admin;
	struct libmq_channel *channel;
	struct libmq_publisher *publisher;
	struct libmq_subscription *subscription;
	uint32_t evict_after;
	struct libmq_record record;
	struct libmq_gap gap;
};

FIXTURE_SETUP(gap)
{
	memset(self, 0, sizeof(*self));
	self->admin = admin_open();
	ASSERT_NE(NULL, self->admin);
}

FIXTURE_TEARDOWN(gap)
{
	libmq_subscription_close(self->subscription);
	libmq_publisher_close(self->publisher);
	libmq_channel_close(self->channel);
	libmq_admin_delete(self->admin, "libgap");
	libmq_admin_close(self->admin);
}

static int open_all(struct _test_data_gap *self, enum libmq_overflow overflow, bool hold)
{
	struct libmq_channel_opts opts = {
		.slots = SLOTS,
		.bytes = 65536,
		.overflow = overflow,
		.evict_after = self->evict_after,
		.claims = (const char *const[]){ "gap/#" },
		.claims_count = 1,
	};
	struct libmq_subscription_opts how = { .size = sizeof(how), .hold = hold };
	int error = channel_anew(self->admin, "libgap", opts);

	if (!error)
		error = libmq_channel_open(&self->channel, NULL, "libgap",
					   LIBMQ_OPEN_READ | LIBMQ_OPEN_WRITE);
	if (!error)
		error = libmq_publisher_open(&self->publisher, self->channel);
	if (!error)
		error = libmq_subscription_open(&self->subscription, self->channel, &how);
	return error;
}

static int add(struct _test_data_gap *self, const char *filter)
{
	return libmq_subscription_add(self->subscription, filter, strlen(filter), 1, NULL);
}

static int next(struct _test_data_gap *self)
{
	return libmq_subscription_next(self->subscription, &self->record, &self->gap);
}

/* One in three matches. */
static const char *mixed_topic(uint64_t number)
{
	return number % 3 ? "gap/no" : "gap/yes";
}

TEST_F(gap, sleeper_learns_exactly_what_it_missed)
{
	unsigned int round;
	uint64_t number = 0;
	uint64_t expected = 0;
	uint64_t told = 0;
	uint64_t passed = 0;
	uint64_t read = 0;
	uint64_t first;
	int found;

	ASSERT_EQ(0, open_all(self, LIBMQ_DROP_OLDEST, false));
	ASSERT_EQ(0, add(self, "gap/yes"));
	for (round = 0; round < 5; round++) {
		/* Some are read, then it sleeps through three rings. */
		uint64_t end = number + 3 * SLOTS + 17 * round;

		for (; number < end; number++) {
			ASSERT_EQ(0, publish_number(self->publisher, mixed_topic(number), number));
			expected += number % 3 == 0;
		}
		first = read + told;
		found = next(self);
		ASSERT_EQ(LIBMQ_LAGGED, found);
		EXPECT_FALSE(self->gap.at_most);
		EXPECT_FALSE(self->gap.evicted);
		EXPECT_LE(2 * SLOTS, self->gap.passed);
		told += self->gap.missed;
		passed += self->gap.passed;
		while ((found = next(self)) == LIBMQ_RECORD) {
			/* Dense in what matches: nothing between was lost untold. */
			EXPECT_EQ(3 * (first + self->gap.missed), number_of(&self->record));
			first++;
			read++;
		}
		EXPECT_EQ(LIBMQ_NONE, found);
		EXPECT_EQ(expected, read + told);
	}
	EXPECT_LT(passed / 3 - 5, told);
	EXPECT_GT(passed / 3 + 5, told);
}

TEST_F(gap, what_nobody_wanted_is_no_gap)
{
	uint64_t number;

	ASSERT_EQ(0, open_all(self, LIBMQ_DROP_OLDEST, false));
	ASSERT_EQ(0, add(self, "gap/yes"));
	for (number = 0; number < 3 * SLOTS; number++)
		ASSERT_EQ(0, publish_number(self->publisher, "gap/no", number));
	ASSERT_EQ(0, publish_number(self->publisher, "gap/yes", number));
	ASSERT_EQ(LIBMQ_RECORD, next(self));
	EXPECT_EQ(number, number_of(&self->record));
	EXPECT_EQ(LIBMQ_NONE, next(self));
}

/* Filters come and go; the sum stays right. */
TEST_F(gap, counts_while_filters_change)
{
	uint64_t number;
	uint64_t read = 0;

	ASSERT_EQ(0, open_all(self, LIBMQ_DROP_OLDEST, false));
	ASSERT_EQ(0, publish_number(self->publisher, "gap/yes", 0));
	ASSERT_EQ(0, add(self, "gap/yes"));
	/* 0 was before the filter: neither delivered nor missed. */
	for (number = 1; number < 30; number++)
		ASSERT_EQ(0, publish_number(self->publisher, mixed_topic(number), number));
	while (read < 5 && next(self) == LIBMQ_RECORD)
		read++;
	ASSERT_EQ(5, read);
	ASSERT_EQ(0, add(self, "gap/other"));
	ASSERT_EQ(0, publish_number(self->publisher, "gap/other", 1));
	ASSERT_EQ(0, publish_number(self->publisher, "gap/other", 2));
	ASSERT_EQ(0, libmq_subscription_remove(self->subscription, "gap/other", 9));
	/* Four "yes" of the 29 are unread; they and what follows go by. */
	for (number = 0; number < 3 * SLOTS; number++)
		ASSERT_EQ(0, publish_number(self->publisher, mixed_topic(number), number));
	ASSERT_EQ(LIBMQ_LAGGED, next(self));
	for (read = 0; next(self) == LIBMQ_RECORD;)
		read++;
	EXPECT_FALSE(self->gap.at_most);
	EXPECT_EQ(4 + SLOTS, read + self->gap.missed);
}

TEST_F(gap, overlapping_filters_say_at_most)
{
	uint64_t number;

	ASSERT_EQ(0, open_all(self, LIBMQ_DROP_OLDEST, false));
	ASSERT_EQ(0, add(self, "gap/yes"));
	ASSERT_EQ(0, add(self, "gap/+"));
	for (number = 0; number < 3 * SLOTS; number++)
		ASSERT_EQ(0, publish_number(self->publisher, mixed_topic(number), number));
	ASSERT_EQ(LIBMQ_LAGGED, next(self));
	EXPECT_TRUE(self->gap.at_most);
	EXPECT_LE(self->gap.passed, self->gap.missed);
}

TEST_F(gap, holder_loses_nothing)
{
	uint64_t published = 0;
	uint64_t read = 0;

	ASSERT_EQ(0, open_all(self, LIBMQ_REJECT, true));
	ASSERT_EQ(0, add(self, "gap/yes"));
	while (published < 20 * SLOTS) {
		int error = publish_number(self->publisher, mixed_topic(published), published);

		if (!error) {
			published++;
			continue;
		}
		ASSERT_EQ(-EAGAIN, error);
		while (next(self) == LIBMQ_RECORD)
			EXPECT_EQ(3 * read++, number_of(&self->record));
	}
	while (next(self) == LIBMQ_RECORD)
		EXPECT_EQ(3 * read++, number_of(&self->record));
	EXPECT_EQ((20 * SLOTS + 2) / 3, read);
}

/* Reading one record at a time frees space in steps, not only at the end. */
TEST_F(gap, holder_gives_space_while_it_reads)
{
	uint64_t published = 0;
	uint64_t i;

	ASSERT_EQ(0, open_all(self, LIBMQ_REJECT, true));
	ASSERT_EQ(0, add(self, "gap/#"));
	while (!publish_number(self->publisher, "gap/a", published))
		published++;
	EXPECT_EQ(SLOTS, published);
	for (i = 0; i < SLOTS / 4; i++)
		ASSERT_EQ(LIBMQ_RECORD, next(self));
	EXPECT_EQ(0, publish_number(self->publisher, "gap/a", published));
}

TEST_F(gap, holder_that_nothing_matches_holds_nothing)
{
	uint64_t number;

	ASSERT_EQ(0, open_all(self, LIBMQ_REJECT, true));
	ASSERT_EQ(0, add(self, "gap/yes"));
	for (number = 0; number < 5 * SLOTS; number++)
		ASSERT_EQ(0, publish_number(self->publisher, "gap/no", number));
	ASSERT_EQ(0, publish_number(self->publisher, "gap/yes", number));
	ASSERT_EQ(LIBMQ_RECORD, next(self));
	EXPECT_EQ(number, number_of(&self->record));
	EXPECT_EQ(LIBMQ_NONE, next(self));
}

/* Publishers wait for it a while; then it loses like others, and is told why. */
TEST_F(gap, holder_that_does_not_read_is_evicted)
{
	uint64_t published = 0;
	uint64_t read = 0;

	self->evict_after = 10;
	ASSERT_EQ(0, open_all(self, LIBMQ_REJECT, true));
	ASSERT_EQ(0, add(self, "gap/yes"));
	while (published < 4 * SLOTS) {
		int error = publish_number(self->publisher, mixed_topic(published), published);

		/* Until it has held for too long. */
		ASSERT_TRUE(!error || error == -EAGAIN);
		published += !error;
	}
	ASSERT_EQ(LIBMQ_LAGGED, next(self));
	EXPECT_TRUE(self->gap.evicted);
	EXPECT_FALSE(self->gap.at_most);
	EXPECT_EQ(self->channel, self->gap.channel);
	EXPECT_LE(3 * SLOTS, self->gap.passed);
	while (next(self) == LIBMQ_RECORD)
		EXPECT_EQ(3 * (self->gap.missed + read++), number_of(&self->record));
	EXPECT_EQ((4 * SLOTS + 2) / 3, read + self->gap.missed);
	/* It stays what it is: the next gap says so again. */
	for (; published < 8 * SLOTS; published++)
		ASSERT_EQ(0, publish_number(self->publisher, "gap/yes", published));
	ASSERT_EQ(LIBMQ_LAGGED, next(self));
	EXPECT_TRUE(self->gap.evicted);
}

TEST_HARNESS_MAIN
