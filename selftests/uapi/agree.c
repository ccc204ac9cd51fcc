// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Six readers with overlapping filters, two of which hold and are evicted: what
 * the kernel says that each lost is what a count says that is kept here.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-agree"
#define SLOTS 64U
#define READERS 6U
#define FILTERS 3U

static const char *const topics[] = { "a/x", "a/y", "b/x", "b/y", "c/x", "c/z", "d" };

/*
 * @filters: what it wants
 * @flags: MQ_SUBSCRIBE_HOLD
 * @every: reads every so many rounds; 0: only at the end
 * @most: records at a time
 * @overlap: its own filters overlap: missed is an upper bound
 */
static const struct kind {
	const char *filters[FILTERS];
	uint32_t flags;
	unsigned int every, most;
	bool overlap;
} kinds[READERS] = {
	{ { "a/#" }, MQ_SUBSCRIBE_HOLD, 0, 0, false },
	{ { "+/x" }, 0, 0, 0, false },
	{ { "a/x", "b/y" }, 0, 1, 1000, false },
	{ { "#" }, MQ_SUBSCRIBE_HOLD, 1, 20, false },
	{ { "a/+", "b/+", "d" }, 0, 3, 50, false },
	{ { "a/#", "+/x" }, 0, 2, 30, true },
};

/* A reader, and what was counted here. */
struct reader {
	struct mqt_subscription subscription;
	struct mqt_map map;
	uint64_t next, delivered, passed, missed;
	unsigned int gaps;
};

FIXTURE(agree) {
	int publisher;
	struct reader reader[READERS];
};

FIXTURE_SETUP(agree)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .overflow = MQ_OVERFLOW_BLOCK,
		.evict_after = 1, .claims = { "#" },
	};
	unsigned int i, j;

	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, 0);
	ASSERT_LE(0, self->publisher);
	for (i = 0; i < READERS; i++) {
		struct reader *reader = &self->reader[i];

		ASSERT_EQ(0, mqt_subscribe_to(&reader->subscription, NAME, kinds[i].flags,
					      kinds[i].filters[0]));
		for (j = 1; j < FILTERS && kinds[i].filters[j]; j++)
			ASSERT_EQ(0, mqt_filter_add(reader->subscription.fd, kinds[i].filters[j], 1,
						    NULL));
		ASSERT_EQ(0, mqt_map(&reader->map, &reader->subscription));
		reader->next = 1;
	}
}

FIXTURE_TEARDOWN(agree)
{
	mqt_delete(NAME);
}

/* The same in every run, and not in step with anything. */
static const char *topic_of(uint64_t sequence)
{
	return topics[sequence * sequence % 101 % ARRAY_SIZE(topics)];
}

static bool wants(const struct kind *kind, uint64_t sequence)
{
	const char *topic = topic_of(sequence);
	unsigned int i;

	for (i = 0; i < FILTERS && kind->filters[i]; i++)
		if (mq_topic_match(kind->filters[i], strlen(kind->filters[i]), topic,
				   strlen(topic)))
			return true;
	return false;
}

static uint64_t wanted(const struct kind *kind, uint64_t from, uint64_t to)
{
	uint64_t count = 0;

	for (; from < to; from++)
		count += wants(kind, from);
	return count;
}

/* Closes a gap if there is one; whether the kernel and we count the same. */
static bool resync(struct reader *reader, const struct kind *kind)
{
	uint64_t missed, passed;
	struct mq_resync call;

	if (mqt_oldest(&reader->map) <= reader->next)
		return true;
	mqt_advance(&reader->map, reader->subscription.fd, reader->next, reader->delivered);
	if (mqt_resync(reader->subscription.fd, &call))
		return false;
	passed = call.position - reader->next;
	missed = wanted(kind, reader->next, call.position);
	reader->next = call.position;
	/* What nobody wanted is no gap. */
	if (!call.passed && !call.missed)
		return !missed;
	reader->gaps++;
	reader->passed += passed;
	reader->missed += missed;
	if (kind->overlap)
		return call.passed == passed && call.missed >= missed &&
		       call.flags == MQ_RESYNC_AT_MOST;
	return call.passed == passed && call.missed == missed && !call.flags;
}

/* Reads up to @most records in place, and looks at each. */
static bool read_some(struct reader *reader, const struct kind *kind, unsigned int most)
{
	bool right = true;

	while (most-- && reader->next < mqt_head(&reader->map)) {
		struct mqt_view view;

		right = right && resync(reader, kind);
		if (mqt_peek(&reader->map, reader->next, &view))
			return false;
		right = right && view.topic_len == strlen(topic_of(reader->next)) &&
			!memcmp(view.topic, topic_of(reader->next), view.topic_len);
		reader->delivered += wants(kind, reader->next);
		reader->next++;
	}
	mqt_advance(&reader->map, reader->subscription.fd, reader->next, reader->delivered);
	return right;
}

TEST_F(agree, six_readers)
{
	unsigned int rounds = mqt_count(60), round, i, count;
	uint64_t sequence = 1, end;

	for (round = 1; round <= rounds; round++) {
		/* From a few to more than the ring has. */
		count = 1 + round * 37 % (2 * SLOTS);
		for (; count; count--, sequence++)
			ASSERT_EQ(0, mqt_publish_str(self->publisher, topic_of(sequence), "x"));
		for (i = 0; i < READERS; i++)
			if (kinds[i].every && !(round % kinds[i].every))
				EXPECT_TRUE(read_some(&self->reader[i], &kinds[i], kinds[i].most));
	}
	end = sequence;
	for (i = 0; i < READERS; i++) {
		struct reader *reader = &self->reader[i];
		const struct mq_status *status = reader->map.status;

		EXPECT_TRUE(read_some(reader, &kinds[i], UINT32_MAX));
		EXPECT_EQ(end, reader->next);
		EXPECT_EQ(wanted(&kinds[i], 1, end), reader->delivered + reader->missed);
		EXPECT_EQ(reader->passed, status->passed);
		if (kinds[i].overlap) {
			EXPECT_LE(reader->missed, status->missed);
			EXPECT_EQ(status->missed, status->missed_at_most);
		} else {
			EXPECT_EQ(reader->missed, status->missed);
			EXPECT_EQ(0U, status->missed_at_most);
		}
		EXPECT_LT(0U, reader->gaps);
		EXPECT_EQ(kinds[i].flags ? (uint32_t)MQ_SUBSCRIPTION_EVICTED : 0U, status->state);
		EXPECT_EQ(!!kinds[i].flags, !!status->evicted_at);
		EXPECT_EQ(0, mqt_poll(reader->subscription.fd, POLLIN | POLLPRI, 0));
	}
}

TEST_HARNESS_MAIN
