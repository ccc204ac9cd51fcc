// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Conditional publishing: the expected sequence holds, or the present one comes back. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-expect"
#define OTHER "t-expect-other"
#define PROCESSES 4

FIXTURE(expect) {
	int node;
	int publisher;
};

FIXTURE_SETUP(expect)
{
	const struct mqt_config config = {
		.name = NAME, .slots = 64, .bytes = 65536, .overflow = MQ_OVERFLOW_REJECT,
		.retained_max = 8, .claims = { "a/#", "b" },
	};

	mqt_delete(OTHER);
	ASSERT_EQ(0, mqt_create(&config));
	self->node = mqt_node(NAME, O_RDONLY);
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
}

FIXTURE_TEARDOWN(expect)
{
	mqt_delete(NAME);
	mqt_delete(OTHER);
}

static void expecting(struct mq_publish *record, const char *topic, uint64_t expect,
		      uint16_t flags)
{
	mqt_record(record, topic, "payload", 7);
	record->flags = MQ_PUBLISH_EXPECT | flags;
	record->expect = expect;
}

/* A publish that finds another value: what it says, and that it did nothing. */
static void unmet(struct __test_metadata *_metadata, FIXTURE_DATA(expect) * self,
		  struct mq_publish *record, uint64_t present)
{
	struct mq_publish before = *record;
	struct mq_info info, after;

	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(-ESTALE, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, record));
	before.result = -ESTALE;
	before.receivers = 0;
	before.sequence = present;
	/* All else is as it was, the time poisoned. */
	EXPECT_EQ(0, memcmp(&before, record, sizeof(before)));
	ASSERT_EQ(0, mqt_info(NAME, &after));
	EXPECT_EQ(0, memcmp(&info, &after, sizeof(info)));
}

TEST_F(expect, holds_or_tells_what_is_there)
{
	struct mq_publish record;

	/* There is none. */
	expecting(&record, "a/1", 5, MQ_RECORD_RETAIN);
	unmet(_metadata, self, &record, 0);
	expecting(&record, "a/1", 0, MQ_RECORD_RETAIN);
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
	EXPECT_EQ(0, record.result);
	EXPECT_EQ(1U, record.sequence);
	/* There is one now. */
	expecting(&record, "a/1", 0, MQ_RECORD_RETAIN);
	unmet(_metadata, self, &record, 1);
	/* One of another topic is no matter, and neither is what is not retained. */
	ASSERT_EQ(0, mqt_retain(self->publisher, "a/2", "x", 1));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "not retained"));
	expecting(&record, "a/1", 3, MQ_RECORD_RETAIN);
	unmet(_metadata, self, &record, 1);
	expecting(&record, "a/1", 1, MQ_RECORD_RETAIN);
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
	EXPECT_EQ(4U, record.sequence);
	expecting(&record, "a/1", 1, MQ_RECORD_RETAIN);
	unmet(_metadata, self, &record, 4);
}

TEST_F(expect, without_retaining)
{
	struct mq_publish record;
	struct mq_info info;

	ASSERT_EQ(0, mqt_retain(self->publisher, "a/1", "x", 1));
	expecting(&record, "a/1", 0, 0);
	unmet(_metadata, self, &record, 1);
	expecting(&record, "a/1", 1, 0);
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
	EXPECT_EQ(2U, record.sequence);
	/* The value is that of before. */
	expecting(&record, "a/1", 1, 0);
	EXPECT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(1U, info.retained);
}

TEST_F(expect, clearing)
{
	struct mq_publish record;
	struct mq_info info;

	ASSERT_EQ(0, mqt_retain(self->publisher, "a/1", "x", 1));
	expecting(&record, "a/1", 2, MQ_RECORD_RETAIN);
	record.payload_len = 0;
	unmet(_metadata, self, &record, 1);
	record.expect = 1;
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(0U, info.retained);
	/* Gone is none. */
	expecting(&record, "a/1", 1, MQ_RECORD_RETAIN);
	unmet(_metadata, self, &record, 0);
	expecting(&record, "a/1", 0, MQ_RECORD_RETAIN);
	EXPECT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
}

TEST_F(expect, the_flag_stays_here)
{
	struct mqt_subscription subscription;
	struct mq_publish record;
	struct mqt_view view;
	struct mqt_map map;

	ASSERT_EQ(0, mqt_subscribe_to(&subscription, NAME, 0, "#"));
	ASSERT_EQ(0, mqt_map(&map, &subscription));
	expecting(&record, "a/1", 0, MQ_RECORD_RETAIN | 0x4200);
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
	ASSERT_EQ(0, mqt_peek(&map, 1, &view));
	EXPECT_EQ(MQ_RECORD_RETAIN | 0x4200U, view.flags);
	EXPECT_EQ(1U, record.receivers);
}

TEST_F(expect, arguments_that_cannot_be)
{
	struct mq_publish record;

	mqt_record(&record, "a/1", "x", 1);
	record.expect = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	record.flags = MQ_RECORD_RETAIN;
	EXPECT_EQ(EINVAL, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	record.flags = MQ_PUBLISH_EXPECT | MQ_RECORD_WILL;
	EXPECT_EQ(EINVAL, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
}

/* Which of the two an ESTALE means is seen by the sequence. */
TEST_F(expect, another_owner_leaves_the_sequence_alone)
{
	const struct mqt_config other = { .name = OTHER, .slots = 64, .claims = { "a/other" } };
	struct mq_publish record;

	expecting(&record, "c", 5, MQ_RECORD_RETAIN);
	EXPECT_EQ(ESTALE, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	ASSERT_EQ(0, mqt_retain(self->publisher, "a/other", "x", 1));
	ASSERT_EQ(0, mqt_create(&other));
	expecting(&record, "a/other", 1, MQ_RECORD_RETAIN);
	EXPECT_EQ(ESTALE, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	record.expect = 2;
	EXPECT_EQ(ESTALE, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
}

/* What is refused for another reason has no sequence to tell. */
TEST_F(expect, other_refusals)
{
	struct mqt_subscription holder;
	struct mq_publish record;
	char topic[16];
	int i;

	for (i = 0; i < 8; i++) {
		snprintf(topic, sizeof(topic), "a/%d", i);
		ASSERT_EQ(0, mqt_retain(self->publisher, topic, "x", 1));
	}
	expecting(&record, "b", 0, MQ_RECORD_RETAIN);
	EXPECT_EQ(EDQUOT, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	ASSERT_EQ(0, mqt_subscribe_to(&holder, NAME, MQ_SUBSCRIBE_HOLD, "#"));
	for (i = 0; i < 64; i++)
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", ""));
	expecting(&record, "a/1", 2, MQ_RECORD_RETAIN);
	EXPECT_EQ(EAGAIN, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	/* What does not hold needs no space to be refused. */
	expecting(&record, "a/1", 3, MQ_RECORD_RETAIN);
	unmet(_metadata, self, &record, 2);
}

/* In a batch each is compared with what those before it left. */
TEST_F(expect, in_a_batch)
{
	struct mq_publish record[5];
	struct mq_publish_batch batch = { .count = 5, .records = (uintptr_t)record };

	expecting(&record[0], "a/1", 0, MQ_RECORD_RETAIN);
	expecting(&record[1], "a/1", 1, MQ_RECORD_RETAIN);
	expecting(&record[2], "a/1", 1, MQ_RECORD_RETAIN);
	expecting(&record[3], "c", 9, 0);
	expecting(&record[4], "a/1", 2, 0);
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &batch));
	EXPECT_EQ(5U, batch.done);
	EXPECT_EQ(1U, record[0].sequence);
	EXPECT_EQ(2U, record[1].sequence);
	EXPECT_EQ(-ESTALE, record[2].result);
	EXPECT_EQ(2U, record[2].sequence);
	EXPECT_EQ(0U, record[2].receivers);
	EXPECT_EQ(MQT_POISON * 0x0101010101010101ULL, record[2].time);
	EXPECT_EQ(-ESTALE, record[3].result);
	EXPECT_EQ(MQT_POISON * 0x0101010101010101ULL, record[3].sequence);
	EXPECT_EQ(0, record[4].result);
	EXPECT_EQ(3U, record[4].sequence);
}

/* The refusal stays what it is if it can't be told in full. */
TEST_F(expect, told_to_memory_that_cannot_be_written)
{
	struct mq_publish *record = mqt_shared(4096);

	expecting(record, "a/1", 7, 0);
	ASSERT_EQ(0, mprotect(record, 4096, PROT_READ));
	EXPECT_EQ(-ESTALE, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, record));
}

/* The value of "a/count" and its sequence; 0 and 0 without one. */
static int look(int node, uint64_t *value, uint64_t *sequence)
{
	uint64_t buffer[16];
	const struct mq_record *record = (void *)buffer;
	struct mq_retained listing = {
		.filter = (uintptr_t)"a/count", .filter_len = 7,
		.buffer = (uintptr_t)buffer, .buffer_size = sizeof(buffer),
	};
	int error = mqt_ioctl(node, MQ_IOC_RETAINED, &listing);

	*value = 0;
	*sequence = 0;
	if (error || !listing.count)
		return error;
	*sequence = record->sequence;
	memcpy(value, (char *)(record + 1) + record->topic_len, sizeof(*value));
	return 0;
}

/* What INCR is made of: look, add, put back if nobody was faster. */
static int count_up(unsigned int rounds)
{
	int node = mqt_node(NAME, O_RDONLY);
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	struct mq_publish record;
	uint64_t value;
	int error;

	while (rounds) {
		mqt_record(&record, "a/count", &value, sizeof(value));
		record.flags = MQ_PUBLISH_EXPECT | MQ_RECORD_RETAIN;
		if (look(node, &value, (uint64_t *)&record.expect))
			return 1;
		value++;
		error = mqt_ioctl(fd, MQ_IOC_PUBLISH, &record);
		if (error && error != -ESTALE)
			return 1;
		/* Who was late learns of a later one. */
		if (error && record.sequence <= record.expect)
			return 1;
		rounds -= !error;
	}
	return 0;
}

TEST_F(expect, counting_loses_nothing)
{
	unsigned int rounds = mqt_count(5000);
	uint64_t value, sequence;
	pid_t child[PROCESSES];
	int i, status;

	for (i = 0; i < PROCESSES; i++) {
		child[i] = fork();
		if (!child[i])
			_exit(count_up(rounds));
	}
	for (i = 0; i < PROCESSES; i++) {
		ASSERT_EQ(child[i], waitpid(child[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	ASSERT_EQ(0, look(self->node, &value, &sequence));
	EXPECT_EQ((uint64_t)rounds * PROCESSES, value);
	/* Only those that held went in. */
	EXPECT_EQ(value, sequence);
}

TEST_HARNESS_MAIN
