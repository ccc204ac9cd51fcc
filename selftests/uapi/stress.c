// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Several processes at once: no reader ever takes a torn record for a whole
 * one, each record is read, missed or skipped exactly once, and channels that
 * come and go under their users take everything with them.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-stress"
#define SLOTS 64U
#define BYTES 16384U
#define PAYLOAD_MAX 2500U

/* What the processes found, in memory that all share. */
struct report {
	uint64_t ready;
	uint64_t go;
	uint64_t published;
	uint64_t whole;
	uint64_t torn;
	uint64_t wrong;
	uint64_t rounds;
	bool stop;
};

static void add(uint64_t *counter, uint64_t value)
{
	__atomic_add_fetch(counter, value, __ATOMIC_RELEASE);
}

static bool stopped(const struct report *report)
{
	return __atomic_load_n(&report->stop, __ATOMIC_ACQUIRE);
}

static pid_t start(int (*work)(struct report *report, unsigned int me), struct report *report,
		   unsigned int me)
{
	pid_t child = fork();

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(work(report, me));
	}
	return child;
}

static void join(struct __test_metadata *_metadata, const pid_t *children, unsigned int count)
{
	unsigned int i;
	int status;

	for (i = 0; i < count; i++) {
		ASSERT_EQ(children[i], waitpid(children[i], &status, 0));
		EXPECT_EQ(0, status) TH_LOG("process %u", i);
	}
}

/* A topic that tells the seed and is short or long. */
static void make_topic(char *topic, uint64_t seed)
{
	int len = sprintf(topic, "s/%llu/", (unsigned long long)seed);

	memset(topic + len, 't', seed % 5 ? 3 : 100);
	topic[len + (seed % 5 ? 3 : 100)] = '\0';
}

static uint32_t payload_len(uint64_t seed)
{
	return seed * 2654435761U % PAYLOAD_MAX;
}

static int publish_many(struct report *report, unsigned int me)
{
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	unsigned int i, count = mqt_count(20000);
	uint8_t payload[PAYLOAD_MAX];
	char topic[160];

	add(&report->ready, 1);
	mqt_wait_count(&report->go, 1);
	for (i = 0; i < count; i++) {
		uint64_t seed = i * 8ULL + me;
		int error;

		make_topic(topic, seed);
		mqt_fill(payload, payload_len(seed), seed);
		while ((error = mqt_publish(fd, topic, payload, payload_len(seed))) == -EAGAIN)
			mqt_poll(fd, POLLOUT, -1);
		if (error)
			return 1;
		add(&report->published, 1);
	}
	return 0;
}

/* Whether parts of a record belong together. */
static bool record_right(const char *topic, uint32_t topic_len, const void *payload, uint32_t len)
{
	char text[160], expected[160];
	uint64_t seed;

	if (topic_len >= sizeof(text))
		return false;
	memcpy(text, topic, topic_len);
	text[topic_len] = '\0';
	seed = strtoull(text + 2, NULL, 10);
	make_topic(expected, seed);
	return !strcmp(text, expected) && len == payload_len(seed) &&
	       mqt_filled(payload, len, seed);
}

/* Reads one record as a lossy reader must; counts what became of it. */
static int read_checked(const struct mqt_map *map, uint64_t sequence, struct report *report)
{
	uint8_t payload[16384];
	char topic[256];
	struct mqt_view view;
	int error = mqt_peek(map, sequence, &view);

	if (error)
		return error;
	/* Still may turn into anything: copy within bounds, then ask. */
	if (view.topic_len > sizeof(topic) || view.payload_len > sizeof(payload))
		return mqt_intact(map, sequence) ? -EBADMSG : -ESTALE;
	memcpy(topic, view.topic, view.topic_len);
	memcpy(payload, view.payload, view.payload_len);
	if (!mqt_intact(map, sequence)) {
		add(&report->torn, 1);
		return -ESTALE;
	}
	if (!record_right(topic, view.topic_len, payload, view.payload_len))
		add(&report->wrong, 1);
	add(&report->whole, 1);
	return 0;
}

static int read_lossy(struct report *report, unsigned int me)
{
	uint64_t delivered = 0, passed = 0, missed = 0, sequence;
	struct mqt_subscription subscription;
	struct mq_resync resync;
	struct mqt_map map;

	if (mqt_subscribe_to(&subscription, NAME, 0, "s/#") || mqt_map(&map, &subscription))
		return 1;
	add(&report->ready, 1);
	for (sequence = subscription.position;;) {
		int error = read_checked(&map, sequence, report);

		if (!error) {
			sequence++;
			delivered++;
		} else if (error == -ESTALE) {
			mqt_advance(&map, subscription.fd, sequence, delivered);
			if (mqt_resync(subscription.fd, &resync))
				return 2;
			sequence = resync.position;
			passed += resync.passed;
			missed += resync.missed;
		} else if (error != -EAGAIN) {
			return 3;
		} else if (stopped(report) && sequence == mqt_head(&map)) {
			break;
		} else if (me % 2) {
			mqt_poll(subscription.fd, POLLIN, 10);
		}
	}
	/* Every record was delivered or passed; all match, so passed is missed. */
	if (delivered + passed != sequence - subscription.position || passed != missed)
		return 4;
	return map.status->missed == missed ? 0 : 5;
}

static int read_holding(struct report *report, unsigned int me)
{
	struct mqt_subscription subscription;
	struct mqt_map map;
	uint64_t sequence;

	if (mqt_subscribe_to(&subscription, NAME, MQ_SUBSCRIBE_HOLD, "s/#") ||
	    mqt_map(&map, &subscription))
		return 1;
	add(&report->ready, 1);
	for (sequence = subscription.position;;) {
		int error = read_checked(&map, sequence, report);

		if (error && error != -EAGAIN)
			return 2;
		sequence += !error;
		/* Not after each: the ring runs full. */
		if (error || sequence % (1 + me * 7) == 0)
			mqt_advance(&map, subscription.fd, sequence,
				    sequence - subscription.position);
		if (!error)
			continue;
		if (stopped(report) && sequence == mqt_head(&map))
			return map.status->passed ? 3 : 0;
		mqt_poll(subscription.fd, POLLIN, 10);
	}
}

FIXTURE(stress) {
	uint64_t memory;
	struct report *report;
};

FIXTURE_SETUP(stress)
{
	mqt_delete(NAME);
	self->memory = mqt_param("memory");
	self->report = mqt_shared(sizeof(*self->report));
}

FIXTURE_TEARDOWN(stress)
{
	mqt_delete(NAME);
	mqt_wait_memory(self->memory);
}

/* Runs three publishers against two readers. */
static void run(struct __test_metadata *_metadata, FIXTURE_DATA(stress) * self, uint32_t overflow,
		int (*reader)(struct report *report, unsigned int me))
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = BYTES, .overflow = overflow,
		.claims = { "s/#" },
	};
	struct report *report = self->report;
	pid_t readers[2], publishers[3];
	struct mq_info info;
	unsigned int i;

	ASSERT_EQ(0, mqt_create(&config));
	for (i = 0; i < 2; i++)
		readers[i] = start(reader, report, i);
	for (i = 0; i < 3; i++)
		publishers[i] = start(publish_many, report, i);
	mqt_wait_count(&report->ready, 5);
	add(&report->go, 1);
	join(_metadata, publishers, 3);
	__atomic_store_n(&report->stop, true, __ATOMIC_RELEASE);
	join(_metadata, readers, 2);
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(3U * mqt_count(20000), info.published);
	EXPECT_EQ(info.published, report->published);
	EXPECT_EQ(info.published, info.head - info.first);
	EXPECT_EQ(0U, report->wrong);
	EXPECT_EQ(0U, info.subscriptions);
	EXPECT_EQ(0U, info.publishers);
}

TEST_F(stress, lossy_readers_take_no_torn_record)
{
	run(_metadata, self, MQ_OVERFLOW_DROP_OLDEST, read_lossy);
	EXPECT_LT(0U, self->report->whole);
	TH_LOG("%llu whole, %llu overwritten while they were read",
	       (unsigned long long)self->report->whole, (unsigned long long)self->report->torn);
}

TEST_F(stress, holding_readers_take_everything)
{
	run(_metadata, self, MQ_OVERFLOW_REJECT, read_holding);
	EXPECT_EQ(2 * 3U * mqt_count(20000), self->report->whole);
	EXPECT_EQ(0U, self->report->torn);
}

/* Uses whatever channel is there until told to stop. */
static int use_what_comes(struct report *report, unsigned int me)
{
	while (!stopped(report)) {
		struct mqt_subscription subscription;
		uint64_t buffer[64];
		int publisher, i;

		publisher = mqt_publisher(NAME, 0);
		if (publisher < 0) {
			if (publisher != -ENOENT && publisher != -ENODEV && publisher != -ENXIO)
				return 10 - publisher;
			sched_yield();
			continue;
		}
		if (mqt_subscribe_to(&subscription, NAME, me % 2 ? MQ_SUBSCRIBE_HOLD : 0, "#")) {
			close(publisher);
			continue;
		}
		for (i = 0; i < 50; i++) {
			int error = mqt_retain(publisher, me % 2 ? "s/1" : "s/2", "payload", 7);

			if (error == -ENODEV)
				break;
			if (error && error != -EAGAIN && error != -ESTALE)
				return 10 - error;
			while (read(subscription.fd, buffer, sizeof(buffer)) > 0)
				add(&report->whole, 1);
		}
		close(subscription.fd);
		close(publisher);
		add(&report->rounds, 1);
	}
	return 0;
}

TEST_F(stress, channels_come_and_go_while_in_use)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = BYTES, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "s/#" },
	};
	pid_t users[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		users[i] = start(use_what_comes, self->report, i);
	for (i = 0; i < mqt_count(300); i++) {
		uint64_t rounds = self->report->rounds;

		ASSERT_EQ(0, mqt_create(&config));
		/* Used before it goes, now by more, now by less. */
		mqt_wait_count(&self->report->rounds, rounds + i % 5 + 1);
		ASSERT_EQ(0, mqt_delete(NAME));
	}
	__atomic_store_n(&self->report->stop, true, __ATOMIC_RELEASE);
	join(_metadata, users, 4);
	EXPECT_LT(0U, self->report->whole);
}

TEST_HARNESS_MAIN
