// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * kill -9 of publishers and subscribers under load: who survives goes on, the
 * counts add up, and nothing of the dead is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-kill"
#define SLOTS 1024U
#define PUBLISHERS_MAX 512
#define PAYLOAD 300U

/* What processes tell each other. */
struct shared {
	bool stop;
	/* Bumped by the victims with each thing they do. */
	uint64_t victim_did[2];
	uint64_t survivor_published;
	uint64_t received;
	uint64_t disordered;
	uint64_t broken;
	uint64_t reader_done;
};

FIXTURE(kill) {
	uint64_t memory;
	struct shared *shared;
	pid_t publisher;
	pid_t reader;
};

static bool stopped(const struct shared *shared)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
}

static void did(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELEASE);
}

static pid_t start(void (*work)(struct shared *shared), struct shared *shared)
{
	pid_t child = fork();

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		work(shared);
		_exit(0);
	}
	return child;
}

/* Publishes its own count, waiting for space; false if that failed. */
static bool publish_number(int fd, uint64_t number)
{
	uint64_t payload[PAYLOAD / 8];
	int error;

	mqt_fill(payload, sizeof(payload), number);
	payload[0] = number;
	do {
		error = mqt_publish(fd, number % 2 ? "n/odd" : "n/even", payload,
				    number % 3 ? sizeof(payload) : 8);
		if (error == -EAGAIN)
			mqt_poll(fd, POLLOUT, -1);
	} while (error == -EAGAIN);
	return !error;
}

static void publish_for_ever(struct shared *shared)
{
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	uint64_t number;

	for (number = 0; publish_number(fd, number); number++)
		did(&shared->victim_did[0]);
	_exit(1);
}

static void publish_batches_for_ever(struct shared *shared)
{
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	struct mq_publish record[8];
	struct mq_publish_batch batch = { .records = (uintptr_t)record };
	uint64_t payload[8][PAYLOAD / 8], number = 0;
	unsigned int i;

	for (;;) {
		for (i = 0; i < 8; i++) {
			mqt_fill(payload[i], sizeof(payload[i]), number + i);
			payload[i][0] = number + i;
			mqt_record(&record[i], "n/batch", payload[i],
				   (number + i) % 3 ? sizeof(payload[i]) : 8);
		}
		batch.count = 8;
		if (mqt_ioctl(fd, MQ_IOC_PUBLISH_BATCH, &batch))
			_exit(1);
		/* The last one was refused if the batch ended there. */
		number += batch.done - !!record[batch.done - 1].result;
		if (record[batch.done - 1].result)
			mqt_poll(fd, POLLOUT, -1);
		did(&shared->victim_did[0]);
	}
}

static void read_for_ever(struct shared *shared)
{
	struct mqt_subscription subscription;
	uint64_t buffer[512];

	if (mqt_subscribe(&subscription, NAME, MQ_SUBSCRIBE_HOLD, MQ_START_OLDEST, 0) ||
	    mqt_filter_add(subscription.fd, "n/#", 1, NULL) ||
	    mqt_filter_add(subscription.fd, "n/+", 1, NULL))
		_exit(1);
	while (read(subscription.fd, buffer, sizeof(buffer)) > 0)
		did(&shared->victim_did[1]);
	_exit(1);
}

static void read_mapped_for_ever(struct shared *shared)
{
	struct mqt_subscription subscription;
	struct mqt_view view;
	struct mqt_map map;
	uint64_t sequence;

	if (mqt_subscribe_to(&subscription, NAME, MQ_SUBSCRIBE_HOLD, "n/odd") ||
	    mqt_map(&map, &subscription))
		_exit(1);
	for (sequence = subscription.position;; sequence++) {
		while (mqt_peek(&map, sequence, &view) == -EAGAIN)
			mqt_poll(subscription.fd, POLLIN, 10);
		mqt_advance(&map, subscription.fd, sequence + 1, 0);
		did(&shared->victim_did[1]);
	}
}

static void survive_publishing(struct shared *shared)
{
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);

	while (!stopped(shared) && publish_number(fd, shared->survivor_published))
		did(&shared->survivor_published);
	/* Open until all is counted. */
	mqt_wait_count(&shared->reader_done, 1);
}

/* The next number of a publisher; a new one begins at 0. */
static uint64_t *next_number(uint64_t publisher)
{
	static struct {
		uint64_t publisher, next;
	} known[PUBLISHERS_MAX];
	unsigned int i;

	for (i = 0; i < PUBLISHERS_MAX; i++) {
		if (!known[i].publisher)
			known[i].publisher = publisher;
		if (known[i].publisher == publisher)
			return &known[i].next;
	}
	abort();
}

static void check_record(struct shared *shared, const struct mq_record *record)
{
	uint64_t payload[PAYLOAD / 8], expected[PAYLOAD / 8];
	uint64_t *next = next_number(record->publisher);
	uint32_t len = *next % 3 ? sizeof(payload) : 8;

	mqt_fill(expected, sizeof(expected), *next);
	expected[0] = *next;
	if (record->payload_len != len) {
		shared->disordered++;
	} else {
		memcpy(payload, (char *)(record + 1) + record->topic_len, len);
		shared->broken += !!memcmp(payload, expected, len);
	}
	++*next;
	did(&shared->received);
}

static void survive_reading(struct shared *shared)
{
	struct mqt_subscription subscription;
	uint64_t buffer[2048];
	ssize_t len, at;

	if (mqt_subscribe(&subscription, NAME, MQ_SUBSCRIBE_HOLD, 0, 0) ||
	    mqt_filter_add(subscription.fd, "n/#", 1, NULL))
		_exit(1);
	/* Ready: the others may begin. */
	did(&shared->reader_done);
	while ((len = read(subscription.fd, buffer, sizeof(buffer))) > 0) {
		for (at = 0; at < len; at += ((struct mq_record *)((char *)buffer + at))->size)
			check_record(shared, (struct mq_record *)((char *)buffer + at));
	}
	/* The channel was deleted, and all was read. */
	_exit(!!len);
}

FIXTURE_SETUP(kill)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 131072, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "n/#" },
	};

	mqt_delete(NAME);
	self->memory = mqt_param("memory");
	ASSERT_EQ(0, mqt_create(&config));
	self->shared = mqt_shared(sizeof(*self->shared));
	self->reader = start(survive_reading, self->shared);
	mqt_wait_count(&self->shared->reader_done, 1);
	self->shared->reader_done = 0;
	self->publisher = start(survive_publishing, self->shared);
	mqt_wait_count(&self->shared->survivor_published, 1);
}

FIXTURE_TEARDOWN(kill)
{
	mqt_delete(NAME);
}

/* Starts a victim, lets it do something, kills it at some moment. */
static bool kill_one(struct shared *shared, void (*work)(struct shared *shared),
		     unsigned int kind, unsigned int *seed)
{
	uint64_t begin = __atomic_load_n(&shared->victim_did[kind], __ATOMIC_ACQUIRE);
	unsigned int spin = rand_r(seed) % 20000;
	pid_t victim = start(work, shared);
	int status;

	mqt_wait_count(&shared->victim_did[kind], begin + 1 + rand_r(seed) % 20);
	/* Anywhere between two things it does. */
	while (spin--)
		__asm__ volatile("" ::: "memory");
	kill(victim, SIGKILL);
	return waitpid(victim, &status, 0) == victim && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

static void (* const works[4])(struct shared *shared) = {
	publish_for_ever, read_for_ever, publish_batches_for_ever, read_mapped_for_ever,
};

TEST_F(kill, at_random_moments_under_load)
{
	const char *volume = getenv("MQ_VOLUME");
	/* Written in the requirements: 200, and 40 on the slow kernel. */
	unsigned int i, count = volume && atoi(volume) > 1 ? 40 : 200;
	unsigned int seed = 1;
	struct mq_info info;
	uint64_t published;
	int status;

	for (i = 0; i < count; i++) {
		unsigned int work = i % 4;

		published = self->shared->survivor_published;
		ASSERT_TRUE(kill_one(self->shared, works[work], work % 2, &seed))
			TH_LOG("round %u", i);
		/* Survivors go on. */
		mqt_wait_count(&self->shared->survivor_published, published + 2);
		ASSERT_EQ(0, mqt_info(NAME, &info));
		ASSERT_EQ(1U, info.subscriptions);
		ASSERT_EQ(1U, info.publishers);
	}
	__atomic_store_n(&self->shared->stop, true, __ATOMIC_RELEASE);
	do {
		published = self->shared->survivor_published;
		ASSERT_EQ(0, mqt_info(NAME, &info));
		mqt_wait_count(&self->shared->received, info.published);
	} while (published != self->shared->survivor_published);
	__atomic_store_n(&self->shared->reader_done, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(self->publisher, waitpid(self->publisher, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(info.head - info.first, info.published);
	EXPECT_EQ(0U, info.publishers);
	EXPECT_LE(self->shared->survivor_published, info.published);
	ASSERT_EQ(0, mqt_delete(NAME));
	ASSERT_EQ(self->reader, waitpid(self->reader, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(info.published, self->shared->received);
	EXPECT_EQ(0U, self->shared->disordered);
	EXPECT_EQ(0U, self->shared->broken);
	/* Nothing is held for the dead. */
	mqt_wait_memory(self->memory);
}

TEST_HARNESS_MAIN
