// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Atomic batches: consecutive sequences for all, or nothing and the reason for each. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-atomic"
#define SMALL "t-atomic-small"
#define SLOTS 256U
#define BYTES 262144U
#define MAX_RECORD 65536U

FIXTURE(atomic) {
	int publisher;
	struct mq_publish record[MQ_ATOMIC_MAX + 1];
	struct mq_publish before[MQ_ATOMIC_MAX + 1];
	struct mq_publish_batch batch;
	char payload[MAX_RECORD];
};

FIXTURE_SETUP(atomic)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = BYTES, .max_record = MAX_RECORD,
		.overflow = MQ_OVERFLOW_REJECT, .retained_max = 3, .retained_bytes_max = 1000,
		.claims = { "a/#", "b" },
	};
	unsigned int i;

	mqt_delete(SMALL);
	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	for (i = 0; i <= MQ_ATOMIC_MAX; i++)
		mqt_record(&self->record[i], "a/1", self->payload, i);
	self->batch.flags = MQ_BATCH_ATOMIC;
	self->batch.records = (uintptr_t)self->record;
	self->batch.count = 4;
	memset(&self->batch.done, MQT_POISON, sizeof(self->batch.done));
}

FIXTURE_TEARDOWN(atomic)
{
	mqt_delete(NAME);
	mqt_delete(SMALL);
}

static int send_batch(FIXTURE_DATA(atomic) * self)
{
	memcpy(self->before, self->record, sizeof(self->record));
	return mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &self->batch);
}

static void make(struct mq_publish *record, const char *topic, uint16_t flags, uint32_t len)
{
	static const char payload[1024];

	mqt_record(record, topic, payload, len);
	record->flags = flags;
}

/* A refused record has its result and nothing else. */
static bool only_result(FIXTURE_DATA(atomic) * self, unsigned int i, int result)
{
	self->before[i].result = result;
	return !memcmp(&self->before[i], &self->record[i], sizeof(self->record[i]));
}

static uint64_t head(void)
{
	struct mq_info info;

	return mqt_info(NAME, &info) ? 0 : info.head;
}

/* Sends a batch that is refused: these results, and nothing else happened. */
static void refused(struct __test_metadata *_metadata, FIXTURE_DATA(atomic) * self,
		    const int *results)
{
	struct mq_info before, after;
	unsigned int i;

	ASSERT_EQ(0, mqt_info(NAME, &before));
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(self->batch.count, self->batch.done);
	for (i = 0; i < self->batch.count; i++)
		EXPECT_TRUE(only_result(self, i, results[i]))
			TH_LOG("record %u: %d", i, self->record[i].result);
	EXPECT_EQ(0, memcmp(self->before, self->record, sizeof(self->record)));
	ASSERT_EQ(0, mqt_info(NAME, &after));
	memset(before.refusals, 0, sizeof(before.refusals));
	memset(after.refusals, 0, sizeof(after.refusals));
	before.refused = after.refused;
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

TEST_F(atomic, all_go_in)
{
	struct mqt_subscription subscription;
	unsigned int i, bytes = 0;
	struct mqt_view view;
	struct mqt_map map;

	ASSERT_EQ(0, mqt_subscribe_to(&subscription, NAME, 0, "a/#"));
	ASSERT_EQ(0, mqt_map(&map, &subscription));
	mqt_fill(self->payload, sizeof(self->payload), 3);
	/* As much as may be, to the byte. */
	for (i = 0; i < MQ_ATOMIC_MAX; i++) {
		self->record[i].payload_len = MQ_ATOMIC_BYTES_MAX / MQ_ATOMIC_MAX - 3;
		bytes += 3 + self->record[i].payload_len;
	}
	ASSERT_EQ(MQ_ATOMIC_BYTES_MAX, (int)bytes);
	self->batch.count = MQ_ATOMIC_MAX;
	self->batch.flags |= MQ_BATCH_SYNC;
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(MQ_ATOMIC_MAX, (int)self->batch.done);
	for (i = 0; i < MQ_ATOMIC_MAX; i++) {
		EXPECT_EQ(0, self->record[i].result);
		EXPECT_EQ(i + 1U, self->record[i].sequence);
		EXPECT_EQ(1U, self->record[i].receivers);
		ASSERT_EQ(0, mqt_peek(&map, i + 1, &view));
		EXPECT_EQ(self->record[i].time, view.time);
		EXPECT_TRUE(mqt_filled(view.payload, view.payload_len, 3));
	}
	EXPECT_EQ(0, memcmp(&self->before[i], &self->record[i], sizeof(self->before[i])));
	EXPECT_EQ(POLLIN, mqt_poll(subscription.fd, POLLIN, 0));
}

TEST_F(atomic, one_record_is_a_batch)
{
	self->batch.count = 1;
	make(&self->record[0], "a/1", 0, 0);
	self->record[0].payload = (uintptr_t)self->payload;
	self->record[0].payload_len = MQ_ATOMIC_BYTES_MAX - 3;
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(1U, self->batch.done);
	EXPECT_EQ(1U, self->record[0].sequence);
}

TEST_F(atomic, one_that_is_refused_cancels_the_rest)
{
	static const int invalid[] = { -ECANCELED, -EINVAL, -ECANCELED, -ECANCELED };
	static const int several[] = { -EINVAL, -ESTALE, -ECANCELED, -EMSGSIZE };
	static char large[2048];
	struct mqt_config small = {
		.name = SMALL, .slots = 64, .bytes = 4096, .max_record = 1024,
	};

	self->record[1].topic_len = 0;
	refused(_metadata, self, invalid);
	/* A topic is looked at later than lengths are. */
	make(&self->record[1], "a/+", 0, 1);
	refused(_metadata, self, invalid);
	/* Each that is refused says why. */
	ASSERT_EQ(0, mqt_create(&small));
	self->publisher = mqt_publisher(SMALL, MQ_PUBLISHER_NONBLOCK);
	make(&self->record[0], SMALL, 0x2, 1);
	make(&self->record[1], "a/1", 0, 1);
	make(&self->record[2], SMALL, 0, 1);
	make(&self->record[3], SMALL, 0, 0);
	self->record[3].payload = (uintptr_t)large;
	self->record[3].payload_len = sizeof(large);
	refused(_metadata, self, several);
}

TEST_F(atomic, what_cannot_be_read_cancels_the_rest)
{
	static const int results[] = { -EINVAL, -ECANCELED, -EFAULT, -ECANCELED };

	self->record[0].topic_len = 0;
	self->record[2].payload = (uintptr_t)mqt_nowhere();
	/* Behind what could not be read nothing else is looked at. */
	self->record[3].topic_len = 0;
	refused(_metadata, self, results);
	self->record[2].payload = (uintptr_t)self->payload;
	self->record[2].topic = (uintptr_t)mqt_nowhere();
	refused(_metadata, self, results);
}

TEST_F(atomic, expectations_are_of_the_state_before)
{
	unsigned int i;

	ASSERT_EQ(0, mqt_retain(self->publisher, "a/1", "x", 1));
	self->batch.count = 3;
	make(&self->record[0], "a/1", MQ_RECORD_RETAIN | MQ_PUBLISH_EXPECT, 1);
	self->record[0].expect = 1;
	make(&self->record[1], "a/1", MQ_PUBLISH_EXPECT, 1);
	self->record[1].expect = 2;
	make(&self->record[2], "a/2", MQ_RECORD_RETAIN | MQ_PUBLISH_EXPECT, 1);
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(3U, self->batch.done);
	EXPECT_TRUE(only_result(self, 0, -ECANCELED));
	EXPECT_EQ(-ESTALE, self->record[1].result);
	EXPECT_EQ(1U, self->record[1].sequence);
	EXPECT_EQ(0U, self->record[1].receivers);
	EXPECT_EQ(self->before[1].time, self->record[1].time);
	EXPECT_TRUE(only_result(self, 2, -ECANCELED));
	EXPECT_EQ(2U, head());

	self->record[1].expect = 1;
	ASSERT_EQ(0, send_batch(self));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, self->record[i].result);
		EXPECT_EQ(i + 2U, self->record[i].sequence);
	}
}

/* A transfer between two: both are as they were, or neither is touched. */
TEST_F(atomic, two_values_at_once)
{
	ASSERT_EQ(0, mqt_retain(self->publisher, "a/1", "x", 1));
	ASSERT_EQ(0, mqt_retain(self->publisher, "a/2", "x", 1));
	self->batch.count = 2;
	make(&self->record[0], "a/1", MQ_RECORD_RETAIN | MQ_PUBLISH_EXPECT, 1);
	self->record[0].expect = 1;
	make(&self->record[1], "a/2", MQ_RECORD_RETAIN | MQ_PUBLISH_EXPECT, 1);
	self->record[1].expect = 2;
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(3U, self->record[0].sequence);
	EXPECT_EQ(4U, self->record[1].sequence);
	/* The same again is late. */
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(-ESTALE, self->record[0].result);
	EXPECT_EQ(3U, self->record[0].sequence);
	EXPECT_EQ(-ESTALE, self->record[1].result);
	EXPECT_EQ(4U, self->record[1].sequence);
	EXPECT_EQ(5U, head());
}

TEST_F(atomic, new_values_must_fit_together)
{
	static const int count[] = { -ECANCELED, -ECANCELED, -EDQUOT, -ECANCELED };
	static const int bytes[] = { -ECANCELED, -EDQUOT, -ECANCELED, -ECANCELED };
	struct mq_info info;

	/* One is there, three may be. What the batch clears makes no room in it. */
	ASSERT_EQ(0, mqt_retain(self->publisher, "a/0", "x", 1));
	make(&self->record[0], "a/1", MQ_RECORD_RETAIN, 1);
	make(&self->record[1], "a/2", MQ_RECORD_RETAIN, 1);
	make(&self->record[2], "a/3", MQ_RECORD_RETAIN, 1);
	make(&self->record[3], "a/0", MQ_RECORD_RETAIN, 0);
	refused(_metadata, self, count);
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(1U, info.refusals[MQ_LIMIT_RETAINED]);
	/* Of 1000 bytes 4 are taken. */
	make(&self->record[0], "a/1", MQ_RECORD_RETAIN, 500);
	make(&self->record[1], "a/2", MQ_RECORD_RETAIN, 491);
	make(&self->record[2], "a/0", MQ_RECORD_RETAIN, 1);
	refused(_metadata, self, bytes);
	make(&self->record[1], "a/2", MQ_RECORD_RETAIN, 490);
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(0, self->record[0].result);
	EXPECT_EQ(0, self->record[3].result);
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(2U, info.retained);
	EXPECT_EQ(996U, info.retained_bytes);
}

TEST_F(atomic, the_last_of_a_topic_stays)
{
	struct mq_info info;

	self->batch.count = 3;
	make(&self->record[0], "a/1", MQ_RECORD_RETAIN, 9);
	make(&self->record[1], "a/1", MQ_RECORD_RETAIN, 0);
	make(&self->record[2], "a/1", MQ_RECORD_RETAIN, 5);
	ASSERT_EQ(0, send_batch(self));
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(1U, info.retained);
	EXPECT_EQ(8U, info.retained_bytes);
	make(&self->record[2], "a/1", MQ_PUBLISH_EXPECT, 0);
	self->record[2].expect = 3;
	self->batch.records = (uintptr_t)&self->record[2];
	self->batch.count = 1;
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(0, self->record[2].result);
}

TEST_F(atomic, space_for_all_or_none)
{
	static const int full[] = { -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN };
	struct mqt_subscription holder;
	struct mqt_map map;
	struct mq_info info;
	unsigned int i;

	ASSERT_EQ(0, mqt_subscribe_to(&holder, NAME, MQ_SUBSCRIBE_HOLD, "#"));
	ASSERT_EQ(0, mqt_map(&map, &holder));
	for (i = 0; i < SLOTS - 3; i++)
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", ""));
	refused(_metadata, self, full);
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(1U, info.refused);
	EXPECT_EQ(0, mqt_poll(self->publisher, POLLOUT, 0));
	/* Three would have gone in. */
	mqt_advance(&map, holder.fd, SLOTS, SLOTS - 1);
	EXPECT_EQ(POLLOUT, mqt_poll(self->publisher, POLLOUT, -1));
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(SLOTS - 2, self->record[0].sequence);
	EXPECT_EQ(SLOTS + 1, self->record[3].sequence);
}

TEST_F(atomic, bytes_for_all_or_none)
{
	static const int full[] = { -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN };
	struct mqt_subscription holder;
	unsigned int i;

	ASSERT_EQ(0, mqt_subscribe_to(&holder, NAME, MQ_SUBSCRIBE_HOLD, "#"));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, mqt_publish(self->publisher, "b", self->payload, MAX_RECORD - 1));
	/* 65,536 bytes are left, and then 320 less: for three of these. */
	ASSERT_EQ(0, mqt_publish(self->publisher, "b", self->payload, 257));
	for (i = 0; i < 4; i++)
		mqt_record(&self->record[i], "b", self->payload, 16320);
	refused(_metadata, self, full);
	close(holder.fd);
	EXPECT_EQ(POLLOUT, mqt_poll(self->publisher, POLLOUT, -1));
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(5U, self->record[0].sequence);
}

TEST_F(atomic, too_much)
{
	struct mqt_config small = {
		.name = SMALL, .slots = 64, .bytes = 16384, .max_record = 4096,
	};
	unsigned int i;

	self->batch.count = MQ_ATOMIC_MAX + 1;
	EXPECT_EQ(E2BIG, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, &self->batch));
	self->batch.count = 2;
	mqt_record(&self->record[0], "b", self->payload, MQ_ATOMIC_BYTES_MAX / 2 - 1);
	mqt_record(&self->record[1], "b", self->payload, MQ_ATOMIC_BYTES_MAX / 2);
	EXPECT_EQ(E2BIG, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, &self->batch));
	/* Sums that 32 bits do not hold, of records that can't be. */
	self->record[0].payload_len = UINT32_MAX;
	self->record[1].metadata_len = UINT32_MAX;
	EXPECT_EQ(E2BIG, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, &self->batch));
	EXPECT_EQ(1U, head());
	/* What a ring never has at once, beside what wills may take. */
	ASSERT_EQ(0, mqt_create(&small));
	self->publisher = mqt_publisher(SMALL, MQ_PUBLISHER_NONBLOCK);
	for (i = 0; i < 49; i++)
		mqt_record(&self->record[i], SMALL, self->payload, 1);
	self->batch.count = 49;
	EXPECT_EQ(E2BIG, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, &self->batch));
	self->batch.count = 48;
	EXPECT_EQ(0, send_batch(self));
	EXPECT_EQ(0, self->record[47].result);
	for (i = 0; i < 4; i++)
		mqt_record(&self->record[i], SMALL, self->payload, 3072);
	self->batch.count = 4;
	self->record[3].payload_len++;
	EXPECT_EQ(E2BIG, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, &self->batch));
	self->record[3].payload_len--;
	EXPECT_EQ(0, send_batch(self));
	EXPECT_EQ(52U, self->record[3].sequence);
}

TEST_F(atomic, arguments_that_cannot_be)
{
	struct mq_publish_batch *batch = &self->batch;
	void *shared = mqt_shared(8192);

	batch->flags |= 0x4;
	EXPECT_EQ(EINVAL, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, batch));
	batch->flags = MQ_BATCH_ATOMIC;
	batch->count = 0;
	EXPECT_EQ(EINVAL, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, batch));
	batch->count = MQ_BATCH_MAX + 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, batch));
	batch->count = 4;
	batch->records = (uintptr_t)mqt_nowhere();
	EXPECT_EQ(EFAULT, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, batch));
	/* The third lies on a page that is not there. */
	memcpy((char *)shared + 4096 - 2 * sizeof(self->record[0]), self->record,
	       2 * sizeof(self->record[0]));
	batch->records = (uintptr_t)shared + 4096 - 2 * sizeof(self->record[0]);
	munmap((char *)shared + 4096, 4096);
	EXPECT_EQ(EFAULT, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, batch));
	EXPECT_EQ(1U, head());
	/* Results that can't be told: published all the same. */
	batch->count = 2;
	ASSERT_EQ(0, mprotect(shared, 4096, PROT_READ));
	EXPECT_EQ(EFAULT, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, batch));
	EXPECT_EQ(3U, head());
}

TEST_F(atomic, a_deleted_channel)
{
	unsigned int i;

	ASSERT_EQ(0, mqt_delete(NAME));
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(4U, self->batch.done);
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(only_result(self, i, -ENODEV));
}

/* More filters match than the routes of one round can name. */
TEST_F(atomic, topics_that_match_many_filters)
{
	struct mqt_subscription subscription;
	char topic[MQ_ATOMIC_MAX][32], filter[32];
	unsigned int i, j;

	ASSERT_EQ(0, mqt_subscribe(&subscription, NAME, MQ_SUBSCRIBE_NONBLOCK, 0, 0));
	/* Eight for each topic: three of its levels are literal or '+'. */
	for (i = 0; i < MQ_ATOMIC_MAX; i++)
		for (j = 0; j < 8; j++) {
			snprintf(filter, sizeof(filter), "a/%s/%s/%u/%s", j & 1 ? "+" : "x",
				 j & 2 ? "+" : "x", i, j & 4 ? "+" : "x");
			ASSERT_EQ(0, mqt_filter_add(subscription.fd, filter, 1, NULL));
		}
	for (i = 0; i < MQ_ATOMIC_MAX; i++) {
		snprintf(topic[i], sizeof(topic[i]), "a/x/x/%u/x", i);
		mqt_record(&self->record[i], topic[i], "x", 1);
	}
	self->batch.count = MQ_ATOMIC_MAX;
	ASSERT_EQ(0, send_batch(self));
	for (i = 0; i < MQ_ATOMIC_MAX; i++) {
		EXPECT_EQ(0, self->record[i].result);
		EXPECT_EQ(8U, self->record[i].receivers);
		EXPECT_EQ(i + 1U, self->record[i].sequence);
	}
	/* And once more, with what the first one left behind. */
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(2U * MQ_ATOMIC_MAX, self->record[MQ_ATOMIC_MAX - 1].sequence);
	EXPECT_EQ(8U, self->record[MQ_ATOMIC_MAX - 1].receivers);
}

struct rival {
	unsigned int count;
	unsigned int failed;
};

static void *publish_batches(void *arg)
{
	struct rival *rival = arg;
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	struct mq_publish record[16];
	struct mq_publish_batch batch = {
		.flags = MQ_BATCH_ATOMIC, .count = 16, .records = (uintptr_t)record,
	};
	unsigned int i, j;

	for (i = 0; i < rival->count; i++) {
		for (j = 0; j < 16; j++)
			mqt_record(&record[j], j % 3 ? "b" : "a/x", "rival", 5);
		rival->failed += mqt_ioctl(fd, MQ_IOC_PUBLISH_BATCH, &batch) || batch.done != 16;
		for (j = 0; j < 16; j++)
			rival->failed += record[j].result ||
					 record[j].sequence != record[0].sequence + j;
	}
	close(fd);
	return NULL;
}

/* Nothing comes between, whatever moves the routes meanwhile. */
TEST_F(atomic, two_at_once)
{
	struct rival rivals[2] = { { .count = mqt_count(2000) }, { .count = mqt_count(2000) } };
	struct mqt_subscription subscription;
	pthread_t threads[2];
	int i;

	ASSERT_EQ(0, mqt_subscribe(&subscription, NAME, 0, 0, 0));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, publish_batches, &rivals[i]));
	while (head() < 1 + 2 * 16 * mqt_count(2000)) {
		ASSERT_EQ(0, mqt_filter_add(subscription.fd, "a/+", 1, NULL));
		ASSERT_EQ(0, mqt_filter_remove(subscription.fd, "a/+"));
		ASSERT_EQ(0U, rivals[0].failed + rivals[1].failed);
	}
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0U, rivals[0].failed + rivals[1].failed);
	EXPECT_EQ(1U + 2 * 16 * mqt_count(2000), head());
}

TEST_HARNESS_MAIN
