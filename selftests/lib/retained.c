// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Retained values, and "retained, then live, once each" while others publish. */
#include <malloc.h>
#include <pthread.h>

#include "fixture.h"

#define TOPICS 64

FIXTURE(retained)
{
	struct libmq_admin *admin;
	struct libmq_bus *bus;
	struct libmq_record record;
	struct libmq_gap gap;
};

FIXTURE_SETUP(retained)
{
	static const char *const claim[] = { "ret/#" };
	struct libmq_channel_opts opts = {
		.slots = 1 << 15, .claims = claim, .claims_count = 1,
	};

	memset(self, 0, sizeof(*self));
	self->admin = admin_open();
	ASSERT_NE(NULL, self->admin);
	ASSERT_EQ(0, channel_anew(self->admin, "libret", opts));
	ASSERT_EQ(0, libmq_bus_open(&self->bus, NULL));
}

FIXTURE_TEARDOWN(retained)
{
	libmq_bus_close(self->bus);
	libmq_admin_delete(self->admin, "libret");
	libmq_admin_close(self->admin);
}

/* What a subscriber has seen of each topic: the numbers must go up by one. */
struct seen {
	uint64_t last[TOPICS];
	unsigned int wrong;
	unsigned int records;
};

static void see(struct seen *seen, const struct libmq_record *record)
{
	unsigned int topic = atoi(record->topic + 4);
	uint64_t number = number_of(record);

	if (topic >= TOPICS || (seen->last[topic] && number != seen->last[topic] + 1)) {
		printf("# topic %u: %llu after %llu\n", topic, (unsigned long long)number,
		       topic < TOPICS ? (unsigned long long)seen->last[topic] : 0);
		seen->wrong++;
		return;
	}
	seen->last[topic] = number;
	seen->records++;
}

static int see_retained(void *arg, const struct libmq_record *record)
{
	see(arg, record);
	return 0;
}

static void topic_of(char *topic, unsigned int number)
{
	/* Terminated within the record, so that atoi() ends there. */
	sprintf(topic, "ret/%u/", number);
}

static int retain(struct libmq_bus *bus, unsigned int topic, uint64_t number)
{
	char text[32];

	topic_of(text, topic);
	return bus_publish_number(bus, text, number, LIBMQ_RETAIN);
}

TEST_F(retained, lists_values_and_what_cleared_them)
{
	struct seen seen = {};
	struct libmq_message clear = { .topic = "ret/3/", .topic_len = 6, .flags = LIBMQ_RETAIN };
	struct libmq_result result;
	unsigned int i;

	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, retain(self->bus, i, 1));
	ASSERT_EQ(0, retain(self->bus, 5, 7));
	ASSERT_EQ(1, libmq_bus_publish(self->bus, &clear, &result, 1));
	ASSERT_EQ(0, libmq_bus_subscribe(self->bus, "ret/#", 5, 1));
	ASSERT_EQ(0, libmq_bus_retained(self->bus, "ret/#", 5, see_retained, &seen));
	EXPECT_EQ(9, seen.records);
	EXPECT_EQ(0, seen.wrong);
	EXPECT_EQ(0, seen.last[3]);
	EXPECT_EQ(7, seen.last[5]);
	/* What was published before the subscription is not live. */
	EXPECT_EQ(LIBMQ_NONE, libmq_bus_next(self->bus, &self->record, &self->gap));
	EXPECT_EQ(-EINVAL, libmq_bus_retained(self->bus, "#/x", 3, see_retained, &seen));
}

static int stop_at_third(void *arg, const struct libmq_record *record)
{
	unsigned int *count = arg;

	return record->topic_len && ++*count == 3 ? 42 : 0;
}

TEST_F(retained, listing_can_be_ended)
{
	unsigned int count = 0;
	unsigned int i;

	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, retain(self->bus, i, 1));
	EXPECT_EQ(42, libmq_bus_retained(self->bus, "ret/+/+", 7, stop_at_third, &count));
	EXPECT_EQ(3, count);
}

static int count_bytes(void *arg, const struct libmq_record *record)
{
	uint64_t *bytes = arg;

	*bytes += record->payload_len;
	return 0;
}

/* More than one call's worth of them, and single ones larger than its buffer. */
TEST_F(retained, lists_what_does_not_fit_one_call)
{
	static char payload[60000];
	struct libmq_message message = { .payload = payload, .flags = LIBMQ_RETAIN };
	struct libmq_result result;
	uint64_t bytes = 0;
	unsigned int i;
	char topic[32];

	for (i = 0; i < 300; i++) {
		topic_of(topic, i);
		message.topic = topic;
		message.topic_len = strlen(topic);
		message.payload_len = i % 10 ? 1000 : sizeof(payload);
		ASSERT_EQ(1, libmq_bus_publish(self->bus, &message, &result, 1));
	}
	ASSERT_EQ(0, libmq_bus_retained(self->bus, "#", 1, count_bytes, &bytes));
	EXPECT_EQ(30 * sizeof(payload) + 270 * 1000, bytes);
}

struct load {
	unsigned int rounds;
	int error;
};

/* Counts up in every topic, retained, from a thread and a bus of its own. */
static void *publish_load(void *arg)
{
	struct load *load = arg;
	struct libmq_bus *bus;
	unsigned int round;
	unsigned int topic;

	load->error = libmq_bus_open(&bus, NULL);
	if (load->error)
		return NULL;
	for (round = 1; round <= load->rounds && !load->error; round++)
		for (topic = 0; topic < TOPICS && !load->error; topic++)
			load->error = retain(bus, topic, round);
	libmq_bus_close(bus);
	return NULL;
}

#define SUBSCRIBERS 20

/* One of the subscribers that share the bus. */
struct subscriber {
	bool there;
	uint64_t mark;
	struct seen seen;
};

static void share(struct libmq_bus *bus, struct subscriber *subscribers,
		  const struct libmq_record *record)
{
	unsigned int i;

	for (i = 0; i < SUBSCRIBERS; i++)
		if (subscribers[i].there &&
		    !libmq_bus_record_before(bus, record, subscribers[i].mark))
			see(&subscribers[i].seen, record);
}

static int join(struct libmq_bus *bus, struct subscriber *subscriber, unsigned int weight)
{
	int error = libmq_bus_subscribe(bus, "ret/#", 5, weight);

	if (!error)
		error = libmq_bus_retained(bus, "ret/#", 5, see_retained, &subscriber->seen);
	subscriber->mark = libmq_bus_mark(bus);
	subscriber->there = true;
	return error;
}

/*
 * Subscribers join one after the other while a thread publishes; each sees in
 * each topic a value, then every later one, without a hole or a repetition.
 */
TEST_F(retained, then_live_once_each)
{
	static struct subscriber subscribers[SUBSCRIBERS];
	struct load load = { .rounds = volume(400) };
	unsigned int joined = 0;
	unsigned int read = 0;
	unsigned int topic;
	pthread_t thread;
	int found;

	ASSERT_EQ(0, pthread_create(&thread, NULL, publish_load, &load));
	while (subscribers[0].seen.last[TOPICS - 1] < load.rounds) {
		/* They join with records unread: before those are looked at. */
		if (joined < SUBSCRIBERS && read >= joined * load.rounds * TOPICS / 30) {
			ASSERT_EQ(0, join(self->bus, &subscribers[joined], joined + 1));
			joined++;
		}
		found = libmq_bus_next(self->bus, &self->record, &self->gap);
		if (found == LIBMQ_NONE) {
			ASSERT_LT(0, libmq_bus_wait(self->bus, LIBMQ_WAIT_RECORD, SOON_MS));
			continue;
		}
		ASSERT_EQ(LIBMQ_RECORD, found);
		share(self->bus, subscribers, &self->record);
		read++;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, load.error);
	EXPECT_LE(SUBSCRIBERS / 2, joined);
	for (; joined; joined--) {
		EXPECT_EQ(0, subscribers[joined - 1].seen.wrong);
		for (topic = 0; topic < TOPICS; topic++)
			EXPECT_EQ(load.rounds, subscribers[joined - 1].seen.last[topic]);
	}
}

TEST_F(retained, mark_without_a_listing)
{
	uint64_t mark;

	ASSERT_EQ(0, libmq_bus_subscribe(self->bus, "ret/#", 5, 1));
	ASSERT_EQ(0, retain(self->bus, 1, 1));
	ASSERT_EQ(0, libmq_bus_retained(self->bus, "ret/#", 5, NULL, NULL));
	mark = libmq_bus_mark(self->bus);
	ASSERT_EQ(0, retain(self->bus, 1, 2));
	ASSERT_EQ(LIBMQ_RECORD, libmq_bus_next(self->bus, &self->record, &self->gap));
	EXPECT_TRUE(libmq_bus_record_before(self->bus, &self->record, mark));
	EXPECT_FALSE(libmq_bus_record_before(self->bus, &self->record, mark - 1));
	ASSERT_EQ(LIBMQ_RECORD, libmq_bus_next(self->bus, &self->record, &self->gap));
	EXPECT_FALSE(libmq_bus_record_before(self->bus, &self->record, mark));
}

static int make_mark(struct libmq_bus *bus)
{
	return libmq_bus_retained(bus, "ret/quiet", 9, NULL, NULL);
}

/* While the record before a mark is in hand, more marks do not make it later. */
TEST_F(retained, marks_made_with_a_record_in_hand)
{
	uint64_t mark;

	ASSERT_EQ(0, libmq_bus_subscribe(self->bus, "ret/quiet", 9, 1));
	ASSERT_EQ(0, bus_publish_number(self->bus, "ret/quiet", 1, 0));
	ASSERT_EQ(0, make_mark(self->bus));
	mark = libmq_bus_mark(self->bus);
	ASSERT_EQ(LIBMQ_RECORD, libmq_bus_next(self->bus, &self->record, &self->gap));
	ASSERT_EQ(0, make_mark(self->bus));
	EXPECT_TRUE(libmq_bus_record_before(self->bus, &self->record, mark));
}

static size_t memory_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

TEST_F(retained, marks_take_no_memory_where_nothing_matches)
{
	enum { MARKS = 1000 };
	size_t before;
	uint64_t i;

	ASSERT_EQ(0, libmq_bus_subscribe(self->bus, "ret/quiet", 9, 1));
	ASSERT_EQ(0, bus_publish_number(self->bus, "ret/other", 0, 0));
	ASSERT_EQ(0, make_mark(self->bus));
	before = memory_in_use();
	for (i = 0; i < MARKS; i++) {
		ASSERT_EQ(0, bus_publish_number(self->bus, "ret/other", i, 0));
		ASSERT_EQ(0, make_mark(self->bus));
		ASSERT_EQ(LIBMQ_NONE, libmq_bus_next(self->bus, &self->record, &self->gap));
	}
	/* Each would take more than a byte. */
	EXPECT_GT(before + MARKS, memory_in_use());
}

TEST_HARNESS_MAIN
