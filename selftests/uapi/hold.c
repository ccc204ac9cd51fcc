// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Who holds the ring of a channel that rejects, and when space comes back. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <kselftest_harness.h>
#include "hold_test.h"

#define NAME "t-hold"
#define SLOTS 256U
#define ENOUGH (SLOTS / 16)

FIXTURE(hold) {
	int publisher;
	struct mqt_subscription holder;
	struct mqt_map map;
};

FIXTURE_SETUP(hold)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "#" },
	};

	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->holder, NAME, MQ_SUBSCRIBE_HOLD, "a/#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->holder));
}

FIXTURE_TEARDOWN(hold)
{
	mqt_delete(NAME);
}

TEST_F(hold, a_full_channel_refuses)
{
	struct mq_publish record;
	uint64_t refused = refused_count(NAME);

	EXPECT_EQ(MQ_SUBSCRIPTION_HOLDING, (int)self->map.status->state);
	EXPECT_EQ(POLLOUT, mqt_poll(self->publisher, POLLOUT, 0));
	EXPECT_EQ(SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
	mqt_record(&record, "a/x", "x", 1);
	EXPECT_EQ(EAGAIN, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	EXPECT_EQ(refused + 2, refused_count(NAME));
	EXPECT_EQ(SLOTS + 1, mqt_head(&self->map));
	EXPECT_EQ(1U, mqt_oldest(&self->map));
	EXPECT_NE(0U, self->map.header->space_wanted);
	EXPECT_EQ(0, mqt_poll(self->publisher, POLLOUT, 0));
	/* A record that does not match finds no space either. */
	mqt_record(&record, "b", "x", 1);
	EXPECT_EQ(EAGAIN, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	/* All of it is still there. */
	EXPECT_TRUE(mqt_intact(&self->map, 1));
}

TEST_F(hold, space_comes_when_the_holder_advances_and_kicks)
{
	EXPECT_EQ(SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
	/* Not enough yet for those who wait, so that they come in batches. */
	mqt_advance(&self->map, self->holder.fd, ENOUGH - 1, ENOUGH - 2);
	EXPECT_EQ(0, mqt_poll(self->publisher, POLLOUT, 0));
	mqt_advance(&self->map, self->holder.fd, ENOUGH + 1, ENOUGH);
	EXPECT_EQ(POLLOUT, mqt_poll(self->publisher, POLLOUT, 0));
	EXPECT_EQ(0U, self->map.header->space_wanted);
	EXPECT_EQ(ENOUGH, fill(self->publisher, "a/x", SLOTS));
}

TEST_F(hold, space_comes_without_a_kick)
{
	struct mqt_poller poller;

	EXPECT_EQ(SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
	mqt_poller_start(&poller, self->publisher, POLLOUT);
	/* A reader that forgets to kick: the scan finds its cursor. */
	__atomic_store_n(&self->map.control->cursor, SLOTS, __ATOMIC_RELEASE);
	EXPECT_EQ(POLLOUT, mqt_poller_join(&poller));
	EXPECT_EQ(SLOTS - 1, fill(self->publisher, "a/x", 2 * SLOTS));
}

TEST_F(hold, a_publish_finds_the_cursor_by_itself)
{
	EXPECT_EQ(SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
	__atomic_store_n(&self->map.control->cursor, 2, __ATOMIC_RELEASE);
	EXPECT_EQ(1U, fill(self->publisher, "a/x", 2 * SLOTS));
}

TEST_F(hold, space_comes_when_the_holder_reads)
{
	uint64_t buffer[8192];
	struct mqt_poller poller;

	EXPECT_EQ(SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
	mqt_poller_start(&poller, self->publisher, POLLOUT);
	EXPECT_EQ(SLOTS * 48, read(self->holder.fd, buffer, sizeof(buffer)));
	EXPECT_EQ(POLLOUT, mqt_poller_join(&poller));
	EXPECT_EQ(SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
}

TEST_F(hold, space_comes_when_the_holder_closes)
{
	struct mqt_poller poller;

	EXPECT_EQ(SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
	mqt_poller_start(&poller, self->publisher, POLLOUT);
	mqt_unmap(&self->map);
	close(self->holder.fd);
	EXPECT_EQ(POLLOUT, mqt_poller_join(&poller));
	/* Nobody holds now. */
	EXPECT_EQ(2 * SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
}

TEST_F(hold, space_comes_when_the_holder_is_killed)
{
	struct mqt_poller poller;
	pid_t holder = start_holder(NAME, "c");
	int status;

	ASSERT_LT(0, holder);
	EXPECT_EQ(SLOTS, fill(self->publisher, "c", 2 * SLOTS));
	mqt_poller_start(&poller, self->publisher, POLLOUT);
	kill(holder, SIGKILL);
	EXPECT_EQ(POLLOUT, mqt_poller_join(&poller));
	EXPECT_EQ(holder, waitpid(holder, &status, 0));
	EXPECT_EQ(2 * SLOTS, fill(self->publisher, "c", 2 * SLOTS));
}

TEST_F(hold, what_never_matches_holds_nothing)
{
	/* Asleep, and never told that records go by. */
	EXPECT_EQ(5 * SLOTS, fill(self->publisher, "b", 5 * SLOTS));
	EXPECT_EQ(0U, refused_count(NAME));
	EXPECT_LT(4 * SLOTS, self->map.status->verified);
	EXPECT_EQ(1U, self->map.control->cursor);
	EXPECT_EQ(0U, self->map.status->missed);
	EXPECT_EQ(0, mqt_poll(self->holder.fd, POLLIN, 0));
}

TEST_F(hold, it_holds_from_its_first_match)
{
	uint64_t match = 3 * SLOTS + 1;
	struct mqt_view view;
	unsigned int count;

	EXPECT_EQ(3 * SLOTS, fill(self->publisher, "b", 3 * SLOTS));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/x", "match"));
	count = fill(self->publisher, "b", 5 * SLOTS);
	/* All but what moves at a time. */
	EXPECT_GT(SLOTS, count);
	EXPECT_LE(SLOTS - 1 - SLOTS / 64, count);
	ASSERT_EQ(0, mqt_peek(&self->map, match, &view));
	EXPECT_EQ(5U, view.payload_len);
	EXPECT_TRUE(mqt_intact(&self->map, match));
	EXPECT_GE(match, self->map.status->verified);
	/* Taken, it holds nothing again. */
	mqt_advance(&self->map, self->holder.fd, match + 1, 1);
	EXPECT_EQ(5 * SLOTS, fill(self->publisher, "b", 5 * SLOTS));
}

TEST_F(hold, the_slowest_holder_counts)
{
	struct mqt_subscription fast, lossy;
	struct mqt_map map;

	ASSERT_EQ(0, mqt_subscribe_to(&fast, NAME, MQ_SUBSCRIBE_HOLD, "#"));
	ASSERT_EQ(0, mqt_subscribe_to(&lossy, NAME, 0, "#"));
	ASSERT_EQ(0, mqt_map(&map, &fast));
	EXPECT_EQ(SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
	mqt_advance(&map, fast.fd, SLOTS + 1, SLOTS);
	EXPECT_EQ(0U, fill(self->publisher, "a/x", 1));
	mqt_advance(&self->map, self->holder.fd, SLOTS + 1, SLOTS);
	/* The lossy one holds nothing. */
	EXPECT_EQ(SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
}

TEST_F(hold, bytes_can_be_what_lacks)
{
	static char large[8192];
	unsigned int i;

	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, mqt_publish(self->publisher, "a/x", large, sizeof(large)));
	EXPECT_EQ(-EAGAIN, mqt_publish(self->publisher, "a/x", large, sizeof(large)));
	EXPECT_EQ(0, mqt_poll(self->publisher, POLLOUT, 0));
	mqt_advance(&self->map, self->holder.fd, 2, 1);
	EXPECT_EQ(POLLOUT, mqt_poll(self->publisher, POLLOUT, -1));
	EXPECT_EQ(0, mqt_publish(self->publisher, "a/x", large, sizeof(large)));
	EXPECT_EQ(-EAGAIN, mqt_publish(self->publisher, "a/x", large, sizeof(large)));
	/* What needs none of them still goes in. */
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "a/x", "small"));
}

TEST_F(hold, from_the_past_without_a_filter_yet)
{
	struct mqt_subscription past;

	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "x"));
	ASSERT_EQ(0, mqt_subscribe(&past, NAME, MQ_SUBSCRIBE_HOLD | MQ_SUBSCRIBE_NONBLOCK,
				   MQ_START_OLDEST, 0));
	/* It holds its position until it has said what it wants. */
	EXPECT_EQ(SLOTS - 1, fill(self->publisher, "c", 2 * SLOTS));
	ASSERT_EQ(0, mqt_filter_add(past.fd, "b", 1, NULL));
	EXPECT_EQ(0U, fill(self->publisher, "c", 1));
	ASSERT_EQ(0, mqt_filter_add(past.fd, "other", 1, NULL));
	ASSERT_EQ(0, mqt_filter_remove(past.fd, "b"));
	EXPECT_EQ(SLOTS, fill(self->publisher, "c", SLOTS));
}

TEST_F(hold, events)
{
	static const uint32_t order[] = { MQ_EVENT_FULL, MQ_EVENT_SPACE };
	static struct mqt_reply event;
	int events = mqt_events_open();
	unsigned int i;

	ASSERT_LE(0, events);
	EXPECT_EQ(SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
	EXPECT_EQ(0U, fill(self->publisher, "a/x", 1));
	mqt_advance(&self->map, self->holder.fd, SLOTS + 1, SLOTS);
	/* Once each, however many were refused. */
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		ASSERT_EQ(0, mqt_events_next(events, &event));
		EXPECT_EQ(order[i], mqt_u32(&event.attrs, MQ_A_EVENT));
		EXPECT_STREQ(NAME, mqt_str(&event.attrs, MQ_A_NAME));
	}
}

TEST_F(hold, a_dead_channel_wakes_who_waits)
{
	struct mqt_poller poller;

	EXPECT_EQ(SLOTS, fill(self->publisher, "a/x", 2 * SLOTS));
	mqt_poller_start(&poller, self->publisher, POLLOUT);
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(POLLHUP | POLLERR, mqt_poller_join(&poller) & (POLLHUP | POLLERR));
	EXPECT_EQ(-ENODEV, mqt_publish_str(self->publisher, "a/x", "x"));
	/* What it holds stays readable. */
	EXPECT_TRUE(mqt_intact(&self->map, 1));
	EXPECT_EQ(MQ_CHANNEL_DEAD, self->map.header->state);
}

/* Such a topic counts as a match of all filters; who adds them may be anybody. */
TEST_F(hold, nobody_holds_for_the_filters_of_others)
{
	static const char topic[] = "b/b/b/b/b/b/b";
	struct mqt_subscription other;
	unsigned int i, level;
	struct mq_publish record;

	ASSERT_EQ(0, mqt_subscribe(&other, NAME, 0, MQ_START_LATEST, 0));
	for (i = 0; i < 128; i++) {
		char filter[sizeof(topic)];

		memcpy(filter, topic, sizeof(filter));
		for (level = 0; level < 7; level++)
			if (i >> level & 1)
				filter[2 * level] = '+';
		ASSERT_EQ(0, mqt_filter_add(other.fd, filter, 1, NULL));
	}
	mqt_record(&record, topic, "x", 1);
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
	ASSERT_EQ(129U, record.receivers);
	EXPECT_EQ(3 * SLOTS - 1, fill(self->publisher, topic, 3 * SLOTS - 1));
	/* What it reads it holds as ever, and what comes behind that. */
	ASSERT_EQ(1U, fill(self->publisher, "a/x", 1));
	EXPECT_EQ(SLOTS - 1, fill(self->publisher, topic, 2 * SLOTS));
	EXPECT_EQ(MQ_SUBSCRIPTION_HOLDING, (int)self->map.status->state);
}

TEST_HARNESS_MAIN
