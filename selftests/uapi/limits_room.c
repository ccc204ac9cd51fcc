// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Limits that are room: in the ring, among the retained values, for filters; and
 * how often a limit tells of itself.
 */
#include <linux/netlink.h>
#include <kselftest_harness.h>
#include "limits_test.h"

FIXTURE(limits_room) {
	struct stage stage;
	int publisher;
	int subscription;
};

FIXTURE_SETUP(limits_room)
{
	ASSERT_EQ(0, set_up(&self->stage));
	self->publisher = open_publisher(self->stage.node);
	ASSERT_LE(0, self->publisher);
	self->subscription = subscribe(self->stage.node);
	ASSERT_LE(0, self->subscription);
}

FIXTURE_TEARDOWN(limits_room)
{
	EXPECT_EQ(0, tear_down(&self->stage));
}

static const char *i_am_refused(FIXTURE_DATA(limits_room) * self, int (*run)(int fd), int fd,
				enum mq_limit limit, int error)
{
	return refused(&self->stage, &self->stage.me, run, fd, limit, error);
}

/* The first write makes a publisher. */
TEST_F(limits_room, write_to_a_node)
{
	ASSERT_EQ(0, mqt_param_set("max_publishers", 1));
	EXPECT_STREQ("", i_am_refused(self, write_node, self->stage.node, MQ_LIMIT_PUBLISHERS,
				      EUSERS));
	close(self->publisher);
	EXPECT_EQ(0, write_node(self->stage.node));
	EXPECT_EQ(-EUSERS, open_publisher(self->stage.node));
}

TEST_F(limits_room, bytes_of_filters)
{
	ASSERT_EQ(0, add_filter(self->subscription));
	ASSERT_EQ(0, mqt_param_set("max_filter_bytes", 1));
	EXPECT_STREQ("", i_am_refused(self, add_filter, self->subscription, MQ_LIMIT_FILTERS,
				      ENFILE));
	EXPECT_EQ(0, remove_filter(self->subscription));
	EXPECT_EQ(0, add_filter(self->subscription));
}

TEST_F(limits_room, a_quarter_of_the_slots)
{
	ASSERT_EQ(SLOTS / 4, repeat(set_will, self->publisher, SLOTS / 4));
	EXPECT_STREQ("", i_am_refused(self, set_will, self->publisher, MQ_LIMIT_WILLS, EDQUOT));
	EXPECT_EQ(0, clear_will(self->publisher));
	EXPECT_EQ(0, set_will(self->publisher));
}

TEST_F(limits_room, a_quarter_of_the_bytes)
{
	ASSERT_EQ(2U, repeat(set_large_will, self->publisher, 2));
	EXPECT_STREQ("", i_am_refused(self, set_large_will, self->publisher, MQ_LIMIT_WILLS,
				      EDQUOT));
	/* What stays in its slot takes none. */
	EXPECT_EQ(0, set_will(self->publisher));
}

TEST_F(limits_room, retained_values)
{
	ASSERT_EQ(RETAINED_MAX, repeat(retain, self->publisher, RETAINED_MAX));
	EXPECT_STREQ("", i_am_refused(self, retain, self->publisher, MQ_LIMIT_RETAINED, EDQUOT));
	EXPECT_EQ(0, mqt_retain(self->publisher, name("r", made), "new", 3));
	EXPECT_EQ(0, mqt_retain(self->publisher, name("r", made), "", 0));
	EXPECT_EQ(0, retain(self->publisher));
}

TEST_F(limits_room, bytes_of_retained_values)
{
	ASSERT_EQ(0, retain_half(self->publisher));
	EXPECT_STREQ("", i_am_refused(self, retain_half, self->publisher, MQ_LIMIT_RETAINED,
				      EDQUOT));
	EXPECT_EQ(0, retain(self->publisher));
}

/* Each record of a batch is refused for itself. */
TEST_F(limits_room, a_batch_of_retained_values)
{
	static const char * const topics[] = { "r/1", "r/2", "r/3", "r/4", "r/5" };
	struct mq_publish record[ARRAY_SIZE(topics)];
	struct mq_publish_batch batch = { .count = ARRAY_SIZE(topics),
					  .records = (uintptr_t)record };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(topics); i++) {
		mqt_record(&record[i], topics[i], "x", 1);
		record[i].flags = MQ_RECORD_RETAIN;
	}
	take_events(&self->stage, NAME);
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &batch));
	EXPECT_EQ(ARRAY_SIZE(topics), batch.done);
	for (i = 0; i < ARRAY_SIZE(topics); i++)
		EXPECT_EQ(i < RETAINED_MAX ? 0 : -EDQUOT, record[i].result);
	EXPECT_EQ(ARRAY_SIZE(topics) - RETAINED_MAX, refusals(MQ_LIMIT_RETAINED));
	EXPECT_EQ(1U, take_events(&self->stage, NAME).count);
}

TEST_F(limits_room, retained_wills)
{
	ASSERT_EQ(RETAINED_MAX, repeat(set_retained_will, self->publisher, RETAINED_MAX));
	EXPECT_STREQ("", i_am_refused(self, set_retained_will, self->publisher, MQ_LIMIT_RETAINED,
				      EDQUOT));
	EXPECT_EQ(0, set_will(self->publisher));
}

/* However often, and of each limit and channel for itself. */
TEST_F(limits_room, an_event_a_second)
{
	uint64_t begin = mqt_now(), count = 0, seconds;
	int other = mqt_ioctl(self->stage.other, MQ_IOC_SUBSCRIBE, &(struct mq_subscribe){ });
	unsigned int told = 0;
	struct mqt_reply reply;

	ASSERT_EQ(0, mqt_param_set("max_filters_per_subscription", 0));
	ASSERT_EQ(0, mqt_param_set("max_publishers", 1));
	take_events(&self->stage, NAME);
	while (told < 3) {
		ASSERT_EQ(-EMFILE, add_filter(self->subscription));
		told += take_events(&self->stage, NAME).count;
		if (!count++) {
			EXPECT_EQ(1U, told);
			EXPECT_EQ(-EUSERS, open_publisher(self->stage.node));
			EXPECT_EQ(1U, take_events(&self->stage, NAME).count);
			EXPECT_EQ(-EMFILE, add_filter(other));
			EXPECT_EQ(1U, take_events(&self->stage, OTHER).count);
		}
	}
	seconds = (mqt_now() - begin) / 1000000000;
	EXPECT_LE(told, seconds + 2);
	EXPECT_EQ(count, refusals(MQ_LIMIT_FILTERS));
	EXPECT_EQ(1U, refusals(MQ_LIMIT_PUBLISHERS));
	/* Administrators see the same numbers. */
	ASSERT_EQ(0, mqt_get(NAME, &reply));
	ASSERT_TRUE(mqt_has(&reply.attrs, MQ_A_REFUSALS));
	ASSERT_EQ(NLA_HDRLEN + MQ_LIMITS * sizeof(count), reply.attrs.at[MQ_A_REFUSALS]->nla_len);
	EXPECT_EQ(0, memcmp(&count, (char *)reply.attrs.at[MQ_A_REFUSALS] + NLA_HDRLEN +
			    MQ_LIMIT_FILTERS * sizeof(count), sizeof(count)));
}

TEST_HARNESS_MAIN
