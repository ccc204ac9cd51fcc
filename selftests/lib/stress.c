// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Publishers and readers at once, small rings: nothing torn, nothing uncounted. */
#include <pthread.h>

#include "fixture.h"

#define PUBLISHERS 2
#define PAYLOAD_MAX 1500

FIXTURE(stress)
{
	struct libmq_admin *admin;
};

FIXTURE_SETUP(stress)
{
	self->admin = admin_open();
	ASSERT_NE(NULL, self->admin);
}

FIXTURE_TEARDOWN(stress)
{
	libmq_admin_delete(self->admin, "libstress");
	libmq_admin_close(self->admin);
}

static int create(struct libmq_admin *admin, enum libmq_overflow overflow)
{
	static const char *const claim[] = { "st/#" };
	struct libmq_channel_opts opts = {
		.slots = 128, .bytes = 65536, .overflow = overflow,
		.claims = claim, .claims_count = 1,
	};

	return channel_anew(admin, "libstress", opts);
}

/* Every byte of a payload follows from its first eight. */
static uint32_t make_payload(uint8_t *payload, uint64_t number)
{
	uint32_t len = 8 + number * 7919 % (PAYLOAD_MAX - 8);
	uint32_t i;

	memcpy(payload, &number, sizeof(number));
	for (i = 8; i < len; i++)
		payload[i] = number * 31 + i;
	return len;
}

static bool payload_is_whole(const struct libmq_record *record, uint64_t *number)
{
	uint8_t expected[PAYLOAD_MAX];

	if (record->payload_len < sizeof(*number))
		return false;
	memcpy(number, record->payload, sizeof(*number));
	return record->payload_len == make_payload(expected, *number) &&
	       !memcmp(record->payload, expected, record->payload_len);
}

struct worker {
	pthread_t thread;
	unsigned int id;
	uint64_t count;
	int error;
};

static void *publish_many(void *arg)
{
	struct worker *worker = arg;
	struct libmq_bus *bus;
	char topic[8];
	uint64_t number = 0;

	snprintf(topic, sizeof(topic), "st/%u", worker->id);
	worker->error = libmq_bus_open(&bus, NULL);
	while (!worker->error && number < worker->count) {
		uint8_t payload[PAYLOAD_MAX];
		struct libmq_message message = {
			.topic = topic, .topic_len = 4, .payload = payload,
			.payload_len = make_payload(payload, number),
		};
		struct libmq_result result;

		libmq_bus_publish(bus, &message, &result, 1);
		if (!result.result)
			number++;
		else if (result.result != -EAGAIN)
			worker->error = result.result;
		else if (libmq_bus_wait(bus, LIBMQ_WAIT_SPACE, SOON_MS) <= 0)
			worker->error = -ETIMEDOUT;
	}
	if (worker->error != -ENOMEM)
		libmq_bus_close(bus);
	return NULL;
}

struct tally {
	uint64_t read;
	uint64_t missed;
	uint64_t next[PUBLISHERS];
	unsigned int torn;
	unsigned int disordered;
};

static void count_record(struct tally *tally, const struct libmq_record *record, bool all)
{
	unsigned int publisher = record->topic[3] - '0';
	uint64_t number = 0;

	tally->read++;
	if (publisher >= PUBLISHERS || !payload_is_whole(record, &number)) {
		tally->torn++;
		return;
	}
	if (all ? number != tally->next[publisher] : number < tally->next[publisher])
		tally->disordered++;
	tally->next[publisher] = number + 1;
}

static int read_all(struct libmq_bus *bus, struct tally *tally, uint64_t total, bool all)
{
	struct libmq_record record;
	struct libmq_gap gap;

	while (tally->read + tally->missed < total) {
		int found = bus_next_soon(bus, &record, &gap);

		if (found == LIBMQ_RECORD)
			count_record(tally, &record, all);
		else if (found == LIBMQ_LAGGED)
			tally->missed += gap.missed;
		else
			return found ? found : -ETIMEDOUT;
	}
	return 0;
}

static int run(struct libmq_bus *bus, struct tally *tally, uint64_t each, bool all)
{
	struct worker workers[PUBLISHERS];
	unsigned int i;
	int error;

	for (i = 0; i < PUBLISHERS; i++) {
		workers[i] = (struct worker){ .id = i, .count = each };
		if (pthread_create(&workers[i].thread, NULL, publish_many, &workers[i]))
			return -EAGAIN;
	}
	error = read_all(bus, tally, PUBLISHERS * each, all);
	for (i = 0; i < PUBLISHERS; i++) {
		pthread_join(workers[i].thread, NULL);
		if (!error)
			error = workers[i].error;
	}
	return error;
}

TEST_F(stress, lossy_reader_gets_whole_records_and_exact_counts)
{
	uint64_t each = volume(20000);
	struct tally tally = {};
	struct libmq_bus *bus;

	ASSERT_EQ(0, create(self->admin, LIBMQ_DROP_OLDEST));
	ASSERT_EQ(0, libmq_bus_open(&bus, NULL));
	ASSERT_EQ(0, libmq_bus_subscribe(bus, "st/+", 4, 1));
	ASSERT_EQ(0, run(bus, &tally, each, false));
	EXPECT_EQ(PUBLISHERS * each, tally.read + tally.missed);
	EXPECT_EQ(0, tally.torn);
	EXPECT_EQ(0, tally.disordered);
	printf("# read %llu missed %llu\n", (unsigned long long)tally.read,
	       (unsigned long long)tally.missed);
	libmq_bus_close(bus);
}

TEST_F(stress, holding_reader_gets_every_record_in_order)
{
	uint64_t each = volume(20000);
	struct tally tally = {};
	struct libmq_bus *bus;

	ASSERT_EQ(0, create(self->admin, LIBMQ_REJECT));
	ASSERT_EQ(0, libmq_bus_open(&bus, &LIBMQ_OPTS(libmq_bus_opts, .hold = true)));
	ASSERT_EQ(0, libmq_bus_subscribe(bus, "st/+", 4, 1));
	ASSERT_EQ(0, run(bus, &tally, each, true));
	EXPECT_EQ(PUBLISHERS * each, tally.read);
	EXPECT_EQ(0, tally.missed);
	EXPECT_EQ(0, tally.torn);
	EXPECT_EQ(0, tally.disordered);
	libmq_bus_close(bus);
}

TEST_HARNESS_MAIN
