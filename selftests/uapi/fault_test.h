/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Calls without memory
 *
 * What the programs about faults share: a channel with everything that a call may
 * need, and the test of one call. The debug and the newest kernel inject the faults;
 * other kernels have none, there each call simply has to work.
 *
 * Include after <kselftest_harness.h>.
 */
#ifndef MQ_FAULT_TEST_H
#define MQ_FAULT_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "mq_test.h"

#define NAME "t-fault"
#define SLOTS 64U
/* The one topic with a retained value. */
#define RETAINED "a/retained"
#define RETAINED_LEN 1000U

struct fault {
	uint64_t memory;
	/* Below 0: this kernel injects none. */
	int fail_nth;
	/* Somebody hears events: they take memory. */
	int events;
	int node;
	int publisher;
	/* Made by a call, or for it. */
	int fresh;
	void *mapped;
	size_t mapped_len;
	uint64_t id;
	struct mqt_subscription subscription;
	/* How many subscriptions hear of a record. */
	unsigned int receivers;
	/* How a command is given, instead of by ioctl(2). */
	int (*command)(void *ring, int fd, unsigned int cmd, void *arg);
	void *ring;
	/* Arguments of calls, and what these returned. */
	int result;
	struct mq_publish record[3];
	struct mq_publish_batch batch;
	struct mq_receive receive;
	struct mq_ack ack;
	struct mqt_request request;
	struct mqt_reply reply;
	char payload[8192];
	char room[65536];
};

static inline bool fault_kernel(void)
{
	const char *kernel = getenv("MQ_KERNEL") ?: "";

	return !strcmp(kernel, "debug") || !strcmp(kernel, "newest");
}

static inline int fault_set_up(struct fault *fault, uint32_t overflow)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .overflow = overflow,
		.claims = { "a/#", "b" },
	};
	int error;

	mqt_delete(NAME);
	fault->memory = mqt_param("memory");
	error = mqt_create(&config);
	if (error)
		return error;
	mqt_fill(fault->payload, sizeof(fault->payload), 1);
	fault->fresh = -1;
	fault->events = mqt_events_open();
	fault->node = mqt_node(NAME, O_RDWR | O_NONBLOCK);
	fault->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	error = mqt_subscribe_to(&fault->subscription, NAME, 0, "a/#");
	fault->receivers = 1;
	if (error || fault->events < 0 || fault->node < 0 || fault->publisher < 0)
		return error ?: -EBADF;
	fault->fail_nth = mqt_fault_open();
	return fault->fail_nth < 0 && fault_kernel() ? fault->fail_nth : 0;
}

/* ---- what calls need before, and put away --------------------------------- */

static inline void close_fresh(void *arg)
{
	struct fault *fault = arg;

	if (fault->fresh >= 0)
		close(fault->fresh);
	fault->fresh = -1;
}

static inline void new_node(void *arg)
{
	struct fault *fault = arg;

	close_fresh(arg);
	fault->fresh = mqt_node(NAME, O_RDWR | O_NONBLOCK);
}

static inline void new_publisher(void *arg)
{
	struct fault *fault = arg;

	close_fresh(arg);
	fault->fresh = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
}

/* Nothing waits to be read. */
static inline void drain(struct fault *fault)
{
	while (read(fault->subscription.fd, fault->room, sizeof(fault->room)) > 0)
		;
}

/* One record does, and no more. */
static inline void have_record(void *arg)
{
	struct fault *fault = arg;

	drain(fault);
	mqt_publish(fault->publisher, "a/1", fault->payload, 10);
}

static inline void have_retained(void *arg)
{
	struct fault *fault = arg;

	mqt_retain(fault->publisher, RETAINED, fault->payload, RETAINED_LEN);
}

/* Nothing is left, also of what failed. */
static inline void fault_tear_down(struct fault *fault)
{
	close_fresh(fault);
	mqt_delete(NAME);
	close(fault->events);
	close(fault->node);
	close(fault->publisher);
	close(fault->subscription.fd);
	mqt_wait_memory(fault->memory);
}

/* ---- what has become of the channel -------------------------------------- */

/* @count records more; the ring and its readers may have lost what was before. */
static inline void expect_published(struct mqt_state *expected, const struct mqt_state *after,
				    unsigned int count)
{
	uint64_t before = expected->info.head;

	expected->info.head += count;
	expected->info.published += count;
	if (after->info.oldest <= expected->info.oldest || after->info.oldest > before)
		return;
	expected->info.oldest = after->info.oldest;
	expected->info.overwritten = after->info.oldest - after->info.first;
	expected->passed = after->passed;
}

static inline void done_record(void *arg, struct mqt_state *expected,
			       const struct mqt_state *after)
{
	(void)arg;
	expect_published(expected, after, 1);
}

/* Whether a record is that, with what fault->payload begins with. */
static inline bool fault_is_record(const struct fault *fault, const struct mq_record *record,
				   const char *topic, unsigned int len, uint64_t sequence)
{
	const char *bytes = (const void *)(record + 1);

	return record->sequence == sequence && record->topic_len == strlen(topic) &&
	       record->payload_len == len && !record->metadata_len &&
	       !memcmp(bytes, topic, record->topic_len) &&
	       !memcmp(bytes + record->topic_len, fault->payload, len);
}

/* Whether the only retained value is the record of that sequence. */
static inline bool fault_retains(struct fault *fault, uint64_t sequence)
{
	struct mq_retained listing = {
		.filter = (uintptr_t)"#", .filter_len = 1,
		.buffer = (uintptr_t)fault->room, .buffer_size = sizeof(fault->room),
	};

	return !mqt_ioctl(fault->node, MQ_IOC_RETAINED, &listing) && listing.count == 1 &&
	       fault_is_record(fault, (void *)fault->room, RETAINED, RETAINED_LEN, sequence);
}

/* The record of that sequence has become the only retained value. */
static inline void expect_retained(struct fault *fault, struct mqt_state *expected,
				   const struct mqt_state *after, uint64_t sequence)
{
	if (!fault_retains(fault, sequence))
		return;
	expected->retained = after->retained;
	expected->info.retained = 1;
	expected->info.retained_bytes = strlen(RETAINED) + RETAINED_LEN;
}

static inline void expect_no_retained(struct mqt_state *expected)
{
	expected->retained = 0;
	expected->info.retained = 0;
	expected->info.retained_bytes = 0;
}

/* Reads all that there is: whether the last record is that. */
static inline bool fault_reads(struct fault *fault, const char *topic, unsigned int len,
			       uint32_t flags, uint64_t sequence)
{
	const struct mq_record *last = NULL;
	ssize_t size, at;

	while ((size = read(fault->subscription.fd, fault->room, sizeof(fault->room))) > 0)
		for (at = 0; at < size; at += last->size)
			last = (void *)(fault->room + at);
	return last && last->flags == flags && fault_is_record(fault, last, topic, len, sequence);
}

/* ---- the test -------------------------------------------------------------- */

/* The test of one call; @spotless: it neither allocates nor copies. */
static inline void fault_test(struct __test_metadata *_metadata, struct fault *fault,
			      const struct mqt_fault_call *call, const char *channel,
			      bool spotless)
{
	struct mqt_fault_sweep sweep;

	ASSERT_STREQ("", mqt_fault_sweep(call, fault, fault->fail_nth, channel, &sweep));
	EXPECT_EQ(fault->fail_nth >= 0 && !spotless, sweep.places > 0);
	printf("# %u places failed, %u calls refused\n", sweep.places, sweep.refused);
	fflush(stdout);
}

#endif /* MQ_FAULT_TEST_H */
