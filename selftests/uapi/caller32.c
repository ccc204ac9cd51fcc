// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What 32-bit programs are told is what all are told. Their way into the kernel is
 * open to 64-bit ones, too: int $0x80, with arguments in low memory. Where a kernel
 * has no such way, the same is asked twice by the usual one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-caller32"
/* ioctl(2) of i386. */
#define IOCTL32 54
#define WORDS 256U
#define CALLS 24U

static int ioctl32(int fd, unsigned long cmd, void *arg)
{
	int result = -ENOSYS;

#ifdef __x86_64__
	/* The kernel may clear what 32-bit programs do not have. */
	asm volatile("int $0x80" : "=a"(result)
		     : "a"(IOCTL32), "b"(fd), "c"((uint32_t)cmd), "d"(arg)
		     : "memory", "r8", "r9", "r10", "r11");
#endif
	return result;
}

static void no_such_way(int signal)
{
	(void)signal;
	_exit(0);
}

static int try_ioctl32(void *arg)
{
	const struct sigaction action = { .sa_handler = no_such_way };

	/* The kernel says nothing of a signal that is handled. */
	if (sigaction(SIGSEGV, &action, NULL))
		return 0;
	return ioctl32(-1, 0, arg) == -EBADF;
}

/* The arguments of all calls, and what they point to. */
struct arguments {
	struct mq_info info;
	struct mq_publisher_new publisher;
	struct mq_subscribe subscribe;
	struct mq_publisher_info publisher_info;
	struct mq_filter filter;
	struct mq_publish publish[3];
	struct mq_publish_batch batch;
	struct mq_will will;
	struct mq_will_clear clear;
	struct mq_retained retained;
	struct mq_receive receive;
	struct mq_resync resync;
	struct mq_ack ack;
	char topic[8];
	char wildcard[8];
	char payload[64];
	char claims[64];
	uint64_t values[WORDS];
	uint64_t records[WORDS];
};

/* What came of the calls: what each returned, and all arguments as they are then. */
struct story {
	unsigned int count;
	int results[CALLS];
	struct arguments after;
};

FIXTURE(caller32) {
	struct arguments *arguments;
	struct story stories[2];
};

FIXTURE_SETUP(caller32)
{
	int low = 0;

#ifdef __x86_64__
	low = MAP_32BIT;
#endif
	self->arguments = mmap(NULL, sizeof(*self->arguments), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | low, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->arguments);
}

FIXTURE_TEARDOWN(caller32)
{
	mqt_delete(NAME);
}

static void set_arguments(struct arguments *args)
{
	unsigned int i;

	memset(args, 0, sizeof(*args));
	strcpy(args->topic, "a/1");
	strcpy(args->wildcard, "a/#");
	mqt_fill(args->payload, sizeof(args->payload), 1);
	memset(args->claims, MQT_POISON, sizeof(args->claims));
	memset(args->values, MQT_POISON, sizeof(args->values));
	memset(args->records, MQT_POISON, sizeof(args->records));
	args->info.claims = (uintptr_t)args->claims;
	args->info.claims_size = sizeof(args->claims);
	args->publisher.flags = MQ_PUBLISHER_NONBLOCK;
	args->subscribe.flags = MQ_SUBSCRIBE_HOLD | MQ_SUBSCRIBE_NONBLOCK;
	args->filter.filter = (uintptr_t)args->wildcard;
	args->filter.filter_len = 3;
	args->filter.weight = 7;
	for (i = 0; i < ARRAY_SIZE(args->publish); i++) {
		mqt_record(&args->publish[i], args->topic, args->payload, 10 * i + 1);
		args->publish[i].metadata = (uintptr_t)args->topic;
		args->publish[i].metadata_len = i;
		args->publish[i].flags = MQ_RECORD_RETAIN;
	}
	args->batch.records = (uintptr_t)&args->publish[1];
	args->batch.count = 2;
	mqt_will(&args->will, 5, args->topic, args->payload, 20);
	args->clear.id = 5;
	args->clear.flags = MQ_WILL_PUBLISH;
	args->retained.filter = (uintptr_t)args->wildcard;
	args->retained.filter_len = 3;
	args->retained.buffer = (uintptr_t)args->values;
	args->retained.buffer_size = sizeof(args->values);
	mqt_receive(&args->receive, 0, args->records, sizeof(args->records));
	args->ack.position = 3;
}

static void forget_records(uint64_t *buffer, unsigned int count)
{
	struct mq_record *record = (void *)buffer;

	/* If a call failed there may be none. */
	for (; count && (uint64_t *)(record + 1) <= buffer + WORDS; count--) {
		record->time = 0;
		record->publisher = 0;
		record = (void *)((char *)record + record->size);
	}
}

/* What is another each time: times, and numbers that nothing else ever gets again. */
static void forget(struct arguments *args)
{
	unsigned int i;

	args->info.id = 0;
	args->info.generation = 0;
	args->publisher.id = 0;
	args->subscribe.id = 0;
	args->publisher_info.id = 0;
	args->publisher_info.opened = 0;
	for (i = 0; i < ARRAY_SIZE(args->publish); i++)
		args->publish[i].time = 0;
	forget_records(args->values, args->retained.count);
	forget_records(args->records, args->receive.count);
}

static int note(struct story *story, int result)
{
	if (story->count == CALLS)
		abort();
	story->results[story->count++] = result;
	return result;
}

/* Each call once with success, and refusals by what it needs to look at. */
static int tell(struct story *story, struct arguments *args,
		int (*call)(int fd, unsigned long cmd, void *arg))
{
	const struct mqt_config config = {
		.name = NAME, .slots = 64, .bytes = 8192, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "a/#" },
	};
	int node, publisher, subscription;

	if (mqt_create(&config))
		return -ENODEV;
	set_arguments(args);
	node = mqt_node(NAME, O_RDWR);
	publisher = call(node, MQ_IOC_PUBLISHER, &args->publisher);
	subscription = call(node, MQ_IOC_SUBSCRIBE, &args->subscribe);
	if (publisher < 0 || subscription < 0)
		return publisher < 0 ? publisher : subscription;
	note(story, call(subscription, MQ_IOC_FILTER_ADD, &args->filter));
	note(story, call(publisher, MQ_IOC_PUBLISH, &args->publish[0]));
	note(story, call(publisher, MQ_IOC_PUBLISH_BATCH, &args->batch));
	note(story, call(publisher, MQ_IOC_WILL_SET, &args->will));
	note(story, call(publisher, MQ_IOC_WILL_CLEAR, &args->clear));
	note(story, call(publisher, MQ_IOC_WILL_CLEAR, &args->clear));
	note(story, call(subscription, MQ_IOC_ACK, &args->ack));
	note(story, call(subscription, MQ_IOC_KICK, NULL));
	note(story, call(subscription, MQ_IOC_RECEIVE, &args->receive));
	note(story, call(subscription, MQ_IOC_RECEIVE, mqt_nowhere()));
	note(story, call(subscription, MQ_IOC_RESYNC, &args->resync));
	args->publisher_info.id = args->publisher.id;
	note(story, call(node, MQ_IOC_PUBLISHER_INFO, &args->publisher_info));
	note(story, call(subscription, MQ_IOC_PUBLISHER_INFO, &args->publisher_info));
	note(story, call(node, MQ_IOC_INFO, &args->info));
	note(story, call(node, MQ_IOC_RETAINED, &args->retained));
	args->filter.weight = 0;
	note(story, call(subscription, MQ_IOC_FILTER_REMOVE, &args->filter));
	note(story, call(node, MQ_IOC_PUBLISH, &args->publish[0]));
	note(story, call(publisher, MQ_IOC_INFO, &args->info));
	note(story, call(subscription, _IO(MQ_IOC_MAGIC, 0x40), &args->filter));
	close(subscription);
	close(publisher);
	close(node);
	forget(args);
	story->after = *args;
	return mqt_delete(NAME);
}

/* How many bytes are the same, up to the first that is not. */
static size_t same_bytes(const void *a, const void *b, size_t size)
{
	size_t same = 0;

	while (same < size && ((const char *)a)[same] == ((const char *)b)[same])
		same++;
	return same;
}

TEST_F(caller32, is_told_the_same)
{
	int (*other)(int fd, unsigned long cmd, void *arg) = mqt_ioctl;
	const struct story *story = self->stories;

	if (mqt_in_child(try_ioctl32, NULL) == 1)
		other = ioctl32;
	ASSERT_EQ(0, tell(&self->stories[0], self->arguments, mqt_ioctl));
	ASSERT_EQ(0, tell(&self->stories[1], self->arguments, other));
	/* It was worth to compare. */
	ASSERT_LT(16U, story[0].count);
	EXPECT_EQ(0, story[0].results[0]);
	EXPECT_EQ(MQ_CHANNEL_LIVE, (int)story[0].after.info.state);
	EXPECT_STREQ(NAME, story[0].after.claims);
	EXPECT_EQ(7U, story[0].after.publish[2].receivers);
	EXPECT_EQ(2U, story[0].after.batch.done);
	EXPECT_EQ(2U, story[0].after.receive.count);
	EXPECT_EQ(1U, story[0].after.retained.count);
	EXPECT_EQ((uint32_t)getpid(), story[0].after.publisher_info.pid);
	EXPECT_EQ(story[0].count, story[1].count);
	EXPECT_EQ(CALLS, same_bytes(story[0].results, story[1].results,
				    sizeof(story->results)) / sizeof(story->results[0]));
	EXPECT_EQ(sizeof(story->after), same_bytes(&story[0].after, &story[1].after,
						   sizeof(story->after)));
}

TEST_HARNESS_MAIN
