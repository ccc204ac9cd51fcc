/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Calls without memory
 *
 * What the programs about faults share: a channel with everything that a call may
 * need, and the test of one call. The debug kernel injects the faults; other
 * kernels have none, there each call simply has to work.
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
	struct mq_publish record[3];
	struct mqt_request request;
	char payload[8192];
	char room[65536];
};

static inline int fault_set_up(struct fault *fault)
{
	const struct mqt_config config = {
		.name = NAME, .slots = 64, .bytes = 65536, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "a/#", "b" },
	};
	int error;

	mqt_delete(NAME);
	fault->memory = mqt_param("memory");
	error = mqt_create(&config);
	if (error)
		return error;
	fault->fresh = -1;
	fault->events = mqt_events_open();
	fault->node = mqt_node(NAME, O_RDWR | O_NONBLOCK);
	fault->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	error = mqt_subscribe_to(&fault->subscription, NAME, 0, "a/#");
	if (error || fault->events < 0 || fault->node < 0 || fault->publisher < 0)
		return error ?: -EBADF;
	fault->fail_nth = mqt_fault_open();
	return fault->fail_nth < 0 && !strcmp(getenv("MQ_KERNEL") ?: "", "debug") ?
	       fault->fail_nth : 0;
}

/* Nothing is left, also of what failed. */
static inline void fault_tear_down(struct fault *fault)
{
	mqt_delete(NAME);
	close(fault->events);
	close(fault->node);
	close(fault->publisher);
	close(fault->subscription.fd);
	mqt_wait_memory(fault->memory);
}

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

/* One record waits to be read, and no more. */
static inline void have_record(void *arg)
{
	struct fault *fault = arg;

	while (read(fault->subscription.fd, fault->room, sizeof(fault->room)) > 0)
		;
	mqt_publish(fault->publisher, "a/1", fault->payload, 10);
}

static inline void have_retained(void *arg)
{
	struct fault *fault = arg;

	mqt_retain(fault->publisher, "a/retained", fault->payload, 1000);
}

/* The results could not be told, but a whole record is there: EFAULT says so. */
static inline bool one_more_record(void *arg, const struct mqt_state *before,
				   const struct mqt_state *after)
{
	(void)arg;
	return after->info.head == before->info.head + 1;
}

/* The test of one call; @spotless: it neither allocates nor copies. */
static inline void fault_test(struct __test_metadata *_metadata, struct fault *fault,
			      const struct mqt_fault_call *call, const char *channel,
			      bool spotless)
{
	struct mqt_fault_sweep sweep;

	ASSERT_STREQ("", mqt_fault_sweep(call, fault, fault->fail_nth, channel, &sweep));
	EXPECT_EQ(fault->fail_nth >= 0 && !spotless, sweep.refused > 0);
	printf("# %u places failed, %u calls refused\n", sweep.places, sweep.refused);
	fflush(stdout);
	close_fresh(fault);
}

#endif /* MQ_FAULT_TEST_H */
