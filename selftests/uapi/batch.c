// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Publishing several records in one call. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-batch"
#define SLOTS 4096U
#define PAGE 4096U

FIXTURE(batch) {
	int publisher;
	struct mq_publish record[MQ_BATCH_MAX + 1];
	struct mq_publish before[MQ_BATCH_MAX + 1];
	struct mq_publish_batch batch;
	char payload[2048];
};

FIXTURE_SETUP(batch)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 4 << 20, .max_record = 2048,
		.overflow = MQ_OVERFLOW_REJECT, .retained_max = 1, .claims = { "a/#", "b" },
	};
	unsigned int i;

	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	for (i = 0; i <= MQ_BATCH_MAX; i++)
		mqt_record(&self->record[i], "a/1", self->payload, i);
	self->batch.records = (uintptr_t)self->record;
	self->batch.count = 8;
	memset(&self->batch.done, MQT_POISON, sizeof(self->batch.done));
}

FIXTURE_TEARDOWN(batch)
{
	mqt_delete(NAME);
}

static int send_batch(FIXTURE_DATA(batch) * self)
{
	memcpy(self->before, self->record, sizeof(self->record));
	return mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &self->batch);
}

static bool untouched(FIXTURE_DATA(batch) * self, unsigned int from)
{
	return !memcmp(self->before + from, self->record + from,
		       sizeof(self->record) - from * sizeof(self->record[0]));
}

/* A refused record has its result and nothing else. */
static bool only_result(FIXTURE_DATA(batch) * self, unsigned int i, int result)
{
	self->before[i].result = result;
	return !memcmp(&self->before[i], &self->record[i], sizeof(self->record[i]));
}

static uint64_t head(void)
{
	struct mq_info info;

	return mqt_info(NAME, &info) ? 0 : info.head;
}

TEST_F(batch, all_go_in)
{
	unsigned int i;

	self->batch.count = MQ_BATCH_MAX;
	self->batch.flags = MQ_BATCH_SYNC;
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(MQ_BATCH_MAX, (int)self->batch.done);
	for (i = 0; i < MQ_BATCH_MAX; i++) {
		ASSERT_EQ(0, self->record[i].result);
		ASSERT_EQ(i + 1U, self->record[i].sequence);
		ASSERT_EQ(0U, self->record[i].receivers);
		ASSERT_LE(self->record[i ? i - 1 : 0].time, self->record[i].time);
	}
	EXPECT_TRUE(untouched(self, MQ_BATCH_MAX));
	EXPECT_EQ(MQ_BATCH_MAX + 1U, head());
}

TEST_F(batch, what_is_wrong_with_one_does_not_stop_the_others)
{
	static char large[4096];

	self->record[0].flags = MQ_RECORD_RETAIN;
	self->record[0].payload_len = 1;
	self->record[1].topic_len = 0;
	self->record[2].flags = 0x2;
	self->record[3].payload = (uintptr_t)large;
	self->record[3].payload_len = sizeof(large);
	self->record[4].topic = (uintptr_t)"other";
	self->record[4].topic_len = 5;
	self->record[5].flags = MQ_RECORD_RETAIN;
	self->record[5].topic = (uintptr_t)"b";
	self->record[5].topic_len = 1;
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(8U, self->batch.done);
	EXPECT_EQ(1U, self->record[0].sequence);
	EXPECT_TRUE(only_result(self, 1, -EINVAL));
	EXPECT_TRUE(only_result(self, 2, -EINVAL));
	EXPECT_TRUE(only_result(self, 3, -EMSGSIZE));
	EXPECT_TRUE(only_result(self, 4, -ESTALE));
	EXPECT_TRUE(only_result(self, 5, -EDQUOT));
	EXPECT_EQ(2U, self->record[6].sequence);
	EXPECT_EQ(3U, self->record[7].sequence);
	EXPECT_TRUE(untouched(self, 8));
	EXPECT_EQ(4U, head());
}

TEST_F(batch, no_space_ends_it)
{
	struct mqt_subscription holder;
	unsigned int i;

	ASSERT_EQ(0, mqt_subscribe_to(&holder, NAME, MQ_SUBSCRIBE_HOLD, "#"));
	for (i = 0; i < SLOTS - 5; i++)
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", ""));
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(6U, self->batch.done);
	EXPECT_EQ(0, self->record[4].result);
	EXPECT_EQ(1U, self->record[4].receivers);
	EXPECT_TRUE(only_result(self, 5, -EAGAIN));
	EXPECT_TRUE(untouched(self, 6));
	EXPECT_EQ(SLOTS + 1, head());
	/* Not even one. */
	for (i = 0; i <= MQ_BATCH_MAX; i++)
		mqt_record(&self->record[i], "a/1", self->payload, 1);
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(1U, self->batch.done);
	EXPECT_TRUE(only_result(self, 0, -EAGAIN));
	EXPECT_TRUE(untouched(self, 1));
	EXPECT_EQ(0, mqt_poll(self->publisher, POLLOUT, 0));
}

TEST_F(batch, a_bad_pointer_ends_it)
{
	self->record[3].payload = (uintptr_t)mqt_nowhere();
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(4U, self->batch.done);
	EXPECT_EQ(3U, self->record[2].sequence);
	EXPECT_TRUE(only_result(self, 3, -EFAULT));
	EXPECT_TRUE(untouched(self, 4));
	EXPECT_EQ(4U, head());
}

/* They are published; but 0 would say that the results are there. */
TEST_F(batch, results_that_cannot_be_told)
{
	struct mq_publish *records = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)records);
	memcpy(records, self->record, 8 * sizeof(*records));
	ASSERT_EQ(0, mprotect(records, PAGE, PROT_READ));
	self->batch.records = (uintptr_t)records;
	EXPECT_EQ(EFAULT, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, &self->batch));
	EXPECT_EQ(9U, head());
	EXPECT_EQ(0, memcmp(records, self->record, 8 * sizeof(*records)));
}

TEST_F(batch, a_deleted_channel_ends_it)
{
	ASSERT_EQ(0, mqt_delete(NAME));
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(1U, self->batch.done);
	EXPECT_TRUE(only_result(self, 0, -ENODEV));
	EXPECT_TRUE(untouched(self, 1));
}

TEST_F(batch, arguments_that_cannot_be)
{
	struct mq_publish_batch *batch = &self->batch;
	unsigned int i;

	batch->flags = 0x4;
	EXPECT_EQ(EINVAL, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, batch));
	batch->flags = 0;
	batch->count = 0;
	EXPECT_EQ(EINVAL, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, batch));
	batch->count = MQ_BATCH_MAX + 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, batch));
	batch->count = 1;
	for (i = 0; i < ARRAY_SIZE(batch->reserved); i++) {
		batch->reserved[i] = 1;
		EXPECT_EQ(EINVAL, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, batch));
		batch->reserved[i] = 0;
	}
	batch->records = (uintptr_t)mqt_nowhere();
	EXPECT_EQ(EFAULT, mqt_refusal(self->publisher, MQ_IOC_PUBLISH_BATCH, batch));
	EXPECT_EQ(-EFAULT, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, mqt_nowhere()));
	EXPECT_EQ(1U, head());
}

TEST_F(batch, contents_arrive)
{
	struct mqt_subscription subscription;
	struct mqt_view view;
	struct mqt_map map;
	unsigned int i;

	ASSERT_EQ(0, mqt_subscribe_to(&subscription, NAME, 0, "#"));
	ASSERT_EQ(0, mqt_map(&map, &subscription));
	mqt_fill(self->payload, sizeof(self->payload), 7);
	/* More than one hold of the lock takes. */
	self->batch.count = 300;
	for (i = 0; i < 300; i++)
		self->record[i].payload_len = 1500 + i;
	ASSERT_EQ(0, send_batch(self));
	EXPECT_EQ(300U, self->batch.done);
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(1U, self->record[i].receivers);
		ASSERT_EQ(0, mqt_peek(&map, self->record[i].sequence, &view));
		ASSERT_EQ(1500 + i, view.payload_len);
		ASSERT_TRUE(mqt_filled(view.payload, view.payload_len, 7));
		ASSERT_EQ(self->record[i].time, view.time);
	}
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
	struct mq_publish_batch batch = { .count = 16, .records = (uintptr_t)record };
	unsigned int i, j;

	for (i = 0; i < rival->count; i++) {
		for (j = 0; j < 16; j++)
			mqt_record(&record[j], "b", "rival", 5);
		rival->failed += mqt_ioctl(fd, MQ_IOC_PUBLISH_BATCH, &batch) || batch.done != 16;
		for (j = 1; j < 16; j++)
			rival->failed += record[j].sequence <= record[j - 1].sequence ||
					 record[j].time < record[j - 1].time;
	}
	close(fd);
	return NULL;
}

TEST_F(batch, two_at_once)
{
	struct rival rivals[2] = { { .count = mqt_count(500) }, { .count = mqt_count(500) } };
	pthread_t threads[2];
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, publish_batches, &rivals[i]));
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0U, rivals[0].failed + rivals[1].failed);
	EXPECT_EQ(1U + 2 * 16 * mqt_count(500), head());
}

TEST_HARNESS_MAIN
