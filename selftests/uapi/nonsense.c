// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A subscriber that writes nonsense to its control page disturbs nobody. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-nonsense"
#define SLOTS 256U

FIXTURE(nonsense) {
	struct mqt_subscription hostile;
	struct mqt_map map;
	bool stop;
	uint64_t rounds[3];
	unsigned int count;
	unsigned int failed;
};

FIXTURE_VARIANT(nonsense) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(nonsense, lossy) {
	.flags = 0,
};

/* Its right to hold is all that it can misuse, and it gives that up. */
FIXTURE_VARIANT_ADD(nonsense, holding) {
	.flags = MQ_SUBSCRIBE_HOLD,
};

FIXTURE_SETUP(nonsense)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "#" },
	};

	ASSERT_EQ(0, mqt_create(&config));
	ASSERT_EQ(0, mqt_subscribe_to(&self->hostile, NAME, variant->flags, "#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->hostile));
	self->count = mqt_count(20000);
}

FIXTURE_TEARDOWN(nonsense)
{
	mqt_delete(NAME);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Values that hurt: random ones, near the truth, extremes. */
static uint64_t nonsense_value(uint64_t *state, uint64_t head)
{
	switch (next_random(state) % 6) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - next_random(state) % 4;
	case 2:
		return head + next_random(state) % 8;
	case 3:
		return head - next_random(state) % SLOTS;
	case 4:
		return 1ULL << next_random(state) % 64;
	default:
		return next_random(state);
	}
}

static bool stopped(FIXTURE_DATA(nonsense) * self)
{
	return __atomic_load_n(&self->stop, __ATOMIC_ACQUIRE);
}

static void write_nonsense(FIXTURE_DATA(nonsense) * self, unsigned int me)
{
	volatile uint64_t *word = (void *)self->map.control;
	uint64_t state = 88172645463325252ULL + me;

	while (!stopped(self)) {
		uint64_t head = mqt_head(&self->map);
		unsigned int i;

		/* The fields, and the page behind them. */
		for (i = 0; i < 8; i++)
			word[i] = nonsense_value(&state, head);
		word[next_random(&state) % 512] = next_random(&state);
		__atomic_add_fetch(&self->rounds[me], 1, __ATOMIC_RELEASE);
	}
}

static void *first_writer(void *arg)
{
	write_nonsense(arg, 0);
	return NULL;
}

static void *second_writer(void *arg)
{
	write_nonsense(arg, 1);
	return NULL;
}

/* Makes the kernel use what the others write. */
static void *caller(void *arg)
{
	FIXTURE_DATA(nonsense) * self = arg;
	struct mq_resync resync;
	uint64_t buffer[512];
	uint64_t sequence;

	while (!stopped(self)) {
		if (read(self->hostile.fd, buffer, sizeof(buffer)) < 0 && errno != EAGAIN)
			__atomic_add_fetch(&self->failed, 1, __ATOMIC_RELAXED);
		mqt_poll(self->hostile.fd, POLLIN, 0);
		mqt_ioctl(self->hostile.fd, MQ_IOC_KICK, NULL);
		if (mqt_resync(self->hostile.fd, &resync) ||
		    resync.position > mqt_head(&self->map) ||
		    mqt_filter_add(self->hostile.fd, "x/#", 1, &sequence) ||
		    mqt_filter_remove(self->hostile.fd, "x/#"))
			__atomic_add_fetch(&self->failed, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&self->rounds[2], 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Publishes numbers, waiting for space as it must. */
static void *publisher(void *arg)
{
	FIXTURE_DATA(nonsense) * self = arg;
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	uint64_t payload[20];
	unsigned int i;

	for (i = 0; i < self->count; i++) {
		int error;

		mqt_fill(payload, sizeof(payload), i);
		payload[0] = i;
		while ((error = mqt_publish(fd, "numbers", payload, sizeof(payload))) == -EAGAIN)
			mqt_poll(fd, POLLOUT, -1);
		if (error)
			__atomic_add_fetch(&self->failed, 1, __ATOMIC_RELAXED);
	}
	close(fd);
	return NULL;
}

/* Takes all records of an honest holder: how many came as they should. */
static unsigned int take_numbers(int fd, unsigned int count)
{
	const struct mq_record *record;
	uint64_t buffer[512], payload[20], expected[20];
	unsigned int next = 0;
	ssize_t len, at;

	while (next < count) {
		len = read(fd, buffer, sizeof(buffer));
		for (at = 0; at < len; at += record->size) {
			record = (void *)((char *)buffer + at);
			memcpy(payload, (char *)(record + 1) + record->topic_len, sizeof(payload));
			mqt_fill(expected, sizeof(expected), next);
			expected[0] = next;
			if (record->sequence != next + 1 ||
			    record->payload_len != sizeof(payload) ||
			    memcmp(payload, expected, sizeof(payload)))
				return next;
			next++;
		}
		if (len <= 0)
			break;
	}
	return next;
}

TEST_F(nonsense, in_a_loop_from_two_threads)
{
	void *(* const work[])(void *) = { first_writer, second_writer, caller, publisher };
	struct mqt_subscription honest;
	pthread_t threads[4];
	struct mq_info info;
	struct mqt_map map;
	unsigned int i;

	ASSERT_EQ(0, mqt_subscribe(&honest, NAME, MQ_SUBSCRIBE_HOLD, 0, 0));
	ASSERT_EQ(0, mqt_filter_add(honest.fd, "numbers", 1, NULL));
	ASSERT_EQ(0, mqt_map(&map, &honest));
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, work[i], self));
		/* The nonsense is there before the first record is. */
		if (i < 3)
			mqt_wait_count(&self->rounds[i], 1);
	}
	ASSERT_EQ(self->count, take_numbers(honest.fd, self->count));
	__atomic_store_n(&self->stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0U, self->failed);
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(self->count, info.published);
	EXPECT_EQ(self->count + 1U, info.head);
	EXPECT_EQ(2U, info.subscriptions);
	EXPECT_EQ(0U, map.status->passed);
	EXPECT_EQ(0U, map.status->missed);
	EXPECT_EQ(MQ_SUBSCRIPTION_HOLDING, (int)map.status->state);
	/* Nothing of the nonsense outlives its owner. */
	mqt_unmap(&self->map);
	close(self->hostile.fd);
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(1U, info.subscriptions);
}

TEST_HARNESS_MAIN
