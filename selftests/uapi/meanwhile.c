// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What a second thread changes while a call runs: lengths of what is published, which
 * are taken once, and descriptors that others wait for.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-meanwhile"
#define RECORDS 8U
#define LESS 3U

/* All records of a batch fit an atomic one. */
#define TOPIC "abcde"
#define PAYLOAD 5000U
#define METADATA 2500U

static const struct mqt_config config = {
	.name = NAME, .slots = 64, .bytes = 262144, .max_record = 16384, .claims = { "#" },
};

/* What a thread changes until it is told to stop. */
struct victim {
	struct mq_publish record[RECORDS];
	struct mq_publish_batch batch;
	bool stop;
};

FIXTURE(meanwhile) {
	int publisher;
	struct mqt_subscription subscription;
	struct mqt_map map;
	struct victim victim;
	char payload[PAYLOAD];
	char metadata[METADATA];
	/* How many of each length came. */
	unsigned int large, small;
};

FIXTURE_SETUP(meanwhile)
{
	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
	mqt_fill(self->payload, PAYLOAD, 1);
	mqt_fill(self->metadata, METADATA, 2);
	self->victim.batch.records = (uintptr_t)self->victim.record;
	self->victim.batch.count = RECORDS;
}

FIXTURE_TEARDOWN(meanwhile)
{
	mqt_delete(NAME);
}

/* ---- lengths -------------------------------------------------------------- */

/* Every combination of a long and a short part comes up. */
static void *change_lengths(void *arg)
{
	struct victim *victim = arg;
	unsigned int i, round = 0;

	while (!__atomic_load_n(&victim->stop, __ATOMIC_ACQUIRE)) {
		round++;
		for (i = 0; i < RECORDS; i++) {
			struct mq_publish *record = &victim->record[i];

			__atomic_store_n(&record->payload_len, round & 1 ? PAYLOAD : 1,
					 __ATOMIC_RELAXED);
			__atomic_store_n(&record->metadata_len, round & 2 ? METADATA : 0,
					 __ATOMIC_RELAXED);
			__atomic_store_n(&record->topic_len, round & 4 ? strlen(TOPIC) : 1,
					 __ATOMIC_RELAXED);
		}
		__atomic_store_n(&victim->batch.count, round & 8 ? RECORDS : LESS,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

/* One that somebody could have meant: each part is long or short, and what it was. */
static bool meant(FIXTURE_DATA(meanwhile) * self, const struct mqt_view *view)
{
	self->large += view->payload_len == PAYLOAD;
	self->small += view->payload_len == 1;
	return (view->payload_len == PAYLOAD || view->payload_len == 1) &&
	       (view->metadata_len == METADATA || view->metadata_len == 0) &&
	       (view->topic_len == strlen(TOPIC) || view->topic_len == 1) &&
	       !memcmp(view->topic, TOPIC, view->topic_len) &&
	       mqt_filled(view->payload, view->payload_len, 1) &&
	       mqt_filled(view->metadata, view->metadata_len, 2);
}

/* The records of a batch, with lengths for a start. */
static void fill_victim(FIXTURE_DATA(meanwhile) * self)
{
	unsigned int i;

	for (i = 0; i < RECORDS; i++) {
		mqt_record(&self->victim.record[i], TOPIC, self->payload, PAYLOAD);
		self->victim.record[i].metadata = (uintptr_t)self->metadata;
	}
}

/* One call; how many records went in is what the kernel took for their number. */
static unsigned int publish(FIXTURE_DATA(meanwhile) * self, unsigned long cmd, uint32_t flags)
{
	struct victim *victim = &self->victim;

	fill_victim(self);
	victim->batch.flags = flags;
	memset(&victim->batch.done, MQT_POISON, sizeof(victim->batch.done));
	if (cmd == MQ_IOC_PUBLISH)
		return mqt_ioctl(self->publisher, cmd, &victim->record[0]) ? 0 : 1;
	return mqt_ioctl(self->publisher, cmd, &victim->batch) ? 0 : victim->batch.done;
}

FIXTURE_VARIANT(meanwhile) {
	unsigned long cmd;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(meanwhile, publish) {
	MQ_IOC_PUBLISH, 0,
};

FIXTURE_VARIANT_ADD(meanwhile, batch) {
	MQ_IOC_PUBLISH_BATCH, 0,
};

FIXTURE_VARIANT_ADD(meanwhile, atomic_batch) {
	MQ_IOC_PUBLISH_BATCH, MQ_BATCH_ATOMIC,
};

TEST_F(meanwhile, lengths_change)
{
	unsigned int wanted = mqt_count(1000), untouched, i;
	struct mq_publish before;
	struct mqt_view view;
	pthread_t thread;

	mqt_record(&before, TOPIC, "", 0);
	fill_victim(self);
	ASSERT_EQ(0, pthread_create(&thread, NULL, change_lengths, &self->victim));
	while (self->large < wanted || self->small < wanted) {
		uint64_t head = mqt_head(&self->map);
		unsigned int done = publish(self, variant->cmd, variant->flags);

		ASSERT_TRUE(done == 1 || done == LESS || done == RECORDS) TH_LOG("%u", done);
		ASSERT_EQ(head + done, mqt_head(&self->map));
		for (i = 0; i < done; i++) {
			ASSERT_EQ(0, self->victim.record[i].result);
			ASSERT_EQ(head + i, self->victim.record[i].sequence);
			ASSERT_EQ(0, mqt_peek(&self->map, head + i, &view));
			ASSERT_TRUE(meant(self, &view));
		}
		for (untouched = done; untouched < RECORDS; untouched++)
			ASSERT_EQ(before.result, self->victim.record[untouched].result);
	}
	__atomic_store_n(&self->victim.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

/* ---- descriptors ---------------------------------------------------------- */

FIXTURE(closed) {
	int publisher;
	int epoll;
	/* How many events came. */
	volatile uint64_t seen;
	bool stop;
};

FIXTURE_SETUP(closed)
{
	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->epoll);
}

FIXTURE_TEARDOWN(closed)
{
	mqt_delete(NAME);
}

static void *watch(void *arg)
{
	FIXTURE_DATA(closed) * self = arg;
	struct epoll_event events[4];

	while (!__atomic_load_n(&self->stop, __ATOMIC_ACQUIRE)) {
		/* There may be nobody who would end it. */
		int count = epoll_wait(self->epoll, events, ARRAY_SIZE(events), 10);

		if (count < 0)
			abort();
		__atomic_add_fetch(&self->seen, count, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void *speak(void *arg)
{
	FIXTURE_DATA(closed) * self = arg;

	while (!__atomic_load_n(&self->stop, __ATOMIC_ACQUIRE))
		if (mqt_publish_str(self->publisher, "a", "x"))
			abort();
	return NULL;
}

/* Its wait queue is in use, and goes with its last descriptor. */
TEST_F(closed, while_it_is_watched)
{
	struct epoll_event event = {};
	pthread_t threads[2];
	struct mq_info info;
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, watch, self));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, speak, self));
	for (i = 0; i < mqt_count(1000); i++) {
		struct mqt_subscription subscription;

		ASSERT_EQ(0, mqt_subscribe_to(&subscription, NAME, 0, "#"));
		event.events = EPOLLIN | EPOLLPRI | (i % 2 ? EPOLLET : 0);
		ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, subscription.fd, &event));
		mqt_wait_count(&self->seen, self->seen + 1);
		ASSERT_EQ(0, close(subscription.fd));
	}
	__atomic_store_n(&self->stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, epoll_wait(self->epoll, &event, 1, 0));
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(0U, info.subscriptions);
}

TEST_HARNESS_MAIN
