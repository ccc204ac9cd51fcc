// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory: every call on a descriptor survives that any one of its allocations
 * and copies fails; what it refuses then, it has not done. The debug kernel
 * injects these faults; the stock kernel has none to inject, there each call
 * simply has to succeed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-fault"
#define FILTER "new/level/+/here"

static const struct mqt_config config = {
	.name = NAME, .slots = 64, .bytes = 65536, .overflow = MQ_OVERFLOW_REJECT,
	.claims = { "a/#", "b" },
};

FIXTURE(fault) {
	uint64_t memory;
	/* -1: this kernel injects none. */
	int fail_nth;
	int node;
	int publisher;
	/* Made and used up by a call. */
	int fresh;
	struct mqt_subscription subscription;
	struct mq_publish record[3];
	char payload[8192];
	char room[65536];
};

FIXTURE_SETUP(fault)
{
	mqt_delete(NAME);
	self->memory = mqt_param("memory");
	ASSERT_EQ(0, mqt_create(&config));
	self->node = mqt_node(NAME, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->node);
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "a/#"));
	/* The first write makes the publisher of the node. */
	ASSERT_EQ(1, write(self->node, "x", 1));
	self->fail_nth = mqt_fault_open();
	if (self->fail_nth < 0)
		ASSERT_STRNE("debug", getenv("MQ_KERNEL") ?: "");
	self->fresh = -1;
}

FIXTURE_TEARDOWN(fault)
{
	mqt_delete(NAME);
	close(self->node);
	close(self->publisher);
	close(self->subscription.fd);
	mqt_wait_memory(self->memory);
}

#define fixture FIXTURE_DATA(fault)

/* ---- before, after, and what counts as done ----------------------------- */

static void new_publisher(void *arg)
{
	fixture *self = arg;

	self->fresh = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
}

static void new_node(void *arg)
{
	fixture *self = arg;

	self->fresh = mqt_node(NAME, O_RDWR | O_NONBLOCK);
}

static void close_fresh(void *arg)
{
	fixture *self = arg;

	if (self->fresh >= 0)
		close(self->fresh);
	self->fresh = -1;
}

static void have_record(void *arg)
{
	fixture *self = arg;

	while (read(self->subscription.fd, self->room, sizeof(self->room)) > 0)
		;
	mqt_publish(self->publisher, "a/1", self->payload, 10);
}

static void have_node_record(void *arg)
{
	new_node(arg);
	have_record(arg);
}

static void have_retained(void *arg)
{
	fixture *self = arg;

	mqt_retain(self->publisher, "a/retained", self->payload, 1000);
}

static void have_filter(void *arg)
{
	fixture *self = arg;

	mqt_filter_add(self->subscription.fd, FILTER, 1, NULL);
}

static void drop_filter(void *arg)
{
	fixture *self = arg;

	mqt_filter_remove(self->subscription.fd, FILTER);
}

static void clear_wills(void *arg)
{
	fixture *self = arg;
	struct mq_will_clear clear = { .flags = MQ_WILL_ALL };

	mqt_ioctl(self->publisher, MQ_IOC_WILL_CLEAR, &clear);
}

/* The results could not be told, but a whole record is there: EFAULT says so. */
static bool one_more_record(void *arg, const struct mqt_state *before,
			    const struct mqt_state *after)
{
	(void)arg;
	return after->info.head == before->info.head + 1;
}

static bool one_more_filter(void *arg, const struct mqt_state *before,
			    const struct mqt_state *after)
{
	(void)arg;
	return after->filters == before->filters + 1;
}

static bool one_filter_less(void *arg, const struct mqt_state *before,
			    const struct mqt_state *after)
{
	(void)arg;
	return after->filters == before->filters - 1;
}

static bool one_more_will(void *arg, const struct mqt_state *before,
			  const struct mqt_state *after)
{
	(void)arg;
	return after->info.wills == before->info.wills + 1;
}

static bool no_wills(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	(void)arg;
	(void)before;
	return !after->info.wills;
}

/* ---- the node ----------------------------------------------------------- */

static int call_open(void *arg)
{
	fixture *self = arg;

	self->fresh = mqt_node(NAME, O_RDWR);
	return self->fresh < 0 ? self->fresh : 0;
}

static int call_publisher(void *arg)
{
	struct mq_publisher_new args = { .flags = MQ_PUBLISHER_NONBLOCK };
	fixture *self = arg;

	self->fresh = mqt_ioctl(self->node, MQ_IOC_PUBLISHER, &args);
	return self->fresh < 0 ? self->fresh : 0;
}

static int call_subscribe(void *arg)
{
	struct mq_subscribe args = { .flags = MQ_SUBSCRIBE_HOLD, .start = MQ_START_OLDEST };
	fixture *self = arg;

	self->fresh = mqt_ioctl(self->node, MQ_IOC_SUBSCRIBE, &args);
	return self->fresh < 0 ? self->fresh : 0;
}

static int call_info(void *arg)
{
	char claims[64];
	struct mq_info info = { .claims = (uintptr_t)claims, .claims_size = sizeof(claims) };
	fixture *self = arg;

	return mqt_ioctl(self->node, MQ_IOC_INFO, &info);
}

static int call_list(void *arg)
{
	fixture *self = arg;
	struct mq_retained listing = {
		.filter = (uintptr_t)"#", .filter_len = 1,
		.buffer = (uintptr_t)self->room, .buffer_size = sizeof(self->room),
	};

	return mqt_ioctl(self->node, MQ_IOC_RETAINED, &listing);
}

static int call_publisher_info(void *arg)
{
	fixture *self = arg;
	struct mq_publisher_info info = {
		.label = (uintptr_t)self->room, .label_size = 256, .id = self->record[0].sequence,
	};
	struct mq_publisher_new args = { };
	struct mq_publish record;
	int error;

	/* Nobody has this one yet; it has to have published. */
	error = mqt_ioctl(self->node, MQ_IOC_PUBLISHER, &args);
	if (error < 0)
		return error;
	self->fresh = error;
	info.id = args.id;
	mqt_record(&record, "a/who", "x", 1);
	error = mqt_ioctl(self->fresh, MQ_IOC_PUBLISH, &record);
	return error ? error : mqt_ioctl(self->node, MQ_IOC_PUBLISHER_INFO, &info);
}

static int call_node_read(void *arg)
{
	fixture *self = arg;

	return read(self->fresh, self->room, sizeof(self->room)) == 10 ? 0 : -errno;
}

static int call_node_write(void *arg)
{
	fixture *self = arg;

	return write(self->fresh, self->payload, 100) == 100 ? 0 : -errno;
}

static bool node_wrote(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	struct mqt_state copy = *after;

	/* A publisher that was made stays with the node. */
	(void)arg;
	copy.info.publishers = before->info.publishers;
	return !memcmp(&copy, before, sizeof(copy));
}

/* ---- publishers --------------------------------------------------------- */

static int call_publish(void *arg)
{
	fixture *self = arg;

	return mqt_publish(self->publisher, "a/1", self->payload, 10);
}

static int call_publish_large(void *arg)
{
	fixture *self = arg;

	/* A new publisher has no staging buffer yet. */
	return mqt_publish(self->fresh, "a/1", self->payload, sizeof(self->payload));
}

static int call_retain(void *arg)
{
	fixture *self = arg;

	return mqt_retain(self->publisher, "a/retained", self->payload, 1000);
}

static int call_clear(void *arg)
{
	fixture *self = arg;

	return mqt_retain(self->publisher, "a/retained", NULL, 0);
}

static int call_expect(void *arg)
{
	fixture *self = arg;
	struct mq_publish record;
	int error;

	mqt_record(&record, "a/expected", self->payload, 100);
	record.flags = MQ_PUBLISH_EXPECT;
	error = mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record);
	/* Not known to every module. */
	return error == -EINVAL ? -ENOTTY : error;
}

static int run_batch(fixture *self, uint32_t flags)
{
	struct mq_publish_batch batch = {
		.flags = flags, .count = 3, .records = (uintptr_t)self->record,
	};
	int error, i;

	for (i = 0; i < 3; i++)
		mqt_record(&self->record[i], "a/1", self->payload, 3000 * i);
	error = mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &batch);
	return error || batch.done == 3 ? error : self->record[batch.done - 1].result;
}

static int call_batch(void *arg)
{
	return run_batch(arg, 0);
}

/* As many went in as say so; one whose result could not be told may be another. */
static bool batch_told(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	uint64_t went = after->info.head - before->info.head, told = 0;
	fixture *self = arg;
	int i;

	for (i = 0; i < 3; i++)
		told += !self->record[i].result;
	return told <= went && went <= 3;
}

static int call_atomic(void *arg)
{
	int error = run_batch(arg, MQ_BATCH_ATOMIC);

	return error == -EINVAL ? -ENOTTY : error;
}

static bool all_or_none(void *arg, const struct mqt_state *before, const struct mqt_state *after)
{
	(void)arg;
	return after->info.head == before->info.head + 3;
}

static int call_will_set(void *arg)
{
	fixture *self = arg;
	struct mq_will will = {
		.id = 1, .topic = (uintptr_t)"a/will", .topic_len = 6,
		.payload = (uintptr_t)self->payload, .payload_len = 1000,
		.record_flags = MQ_RECORD_RETAIN,
	};

	return mqt_ioctl(self->publisher, MQ_IOC_WILL_SET, &will);
}

static void have_will(void *arg)
{
	call_will_set(arg);
}

static int call_will_clear(void *arg)
{
	struct mq_will_clear clear = { .id = 1 };
	fixture *self = arg;

	return mqt_ioctl(self->publisher, MQ_IOC_WILL_CLEAR, &clear);
}

/* ---- subscriptions ------------------------------------------------------ */

static int call_filter_add(void *arg)
{
	fixture *self = arg;

	return mqt_filter_add(self->subscription.fd, FILTER, 1, NULL);
}

static int call_filter_remove(void *arg)
{
	fixture *self = arg;

	return mqt_filter_remove(self->subscription.fd, FILTER);
}

static int call_read(void *arg)
{
	fixture *self = arg;

	return read(self->subscription.fd, self->room, sizeof(self->room)) > 0 ? 0 : -errno;
}

static int call_receive(void *arg)
{
	fixture *self = arg;
	struct mq_receive receive = {
		.buffer = (uintptr_t)self->room, .buffer_size = sizeof(self->room),
	};

	return mqt_ioctl(self->subscription.fd, MQ_IOC_RECEIVE, &receive);
}

/* The results of a receive could not be told: what it took is counted as taken. */
static bool one_more_delivered(void *arg, const struct mqt_state *before,
			       const struct mqt_state *after)
{
	(void)arg;
	return after->delivered == before->delivered + 1;
}

static int call_resync(void *arg)
{
	struct mq_resync resync;
	fixture *self = arg;

	return mqt_resync(self->subscription.fd, &resync);
}

static int call_kick(void *arg)
{
	fixture *self = arg;

	return mqt_ioctl(self->subscription.fd, MQ_IOC_KICK, NULL);
}

static int call_ack(void *arg)
{
	fixture *self = arg;
	struct mq_ack ack = { .position = 1 };

	return mqt_ioctl(self->subscription.fd, MQ_IOC_ACK, &ack);
}

static int map_once(fixture *self, uint64_t offset, size_t len, int prot)
{
	volatile char *memory = mmap(NULL, len, prot, MAP_SHARED, self->subscription.fd, offset);

	if (memory == MAP_FAILED)
		return -errno;
	/* Its pages come when they are touched. */
	(void)memory[0];
	(void)memory[len - 1];
	return munmap((void *)memory, len) ? -errno : 0;
}

static int call_map_ring(void *arg)
{
	fixture *self = arg;

	return map_once(self, MQ_MMAP_RING, self->subscription.ring_size, PROT_READ);
}

static int call_map_control(void *arg)
{
	return map_once(arg, MQ_MMAP_CONTROL, 4096, PROT_READ | PROT_WRITE);
}

static int call_map_status(void *arg)
{
	return map_once(arg, MQ_MMAP_STATUS, 4096, PROT_READ);
}

/* ------------------------------------------------------------------------- */

static const struct mqt_fault_call calls[] = {
	{ "open", call_open, NULL, close_fresh, NULL },
	{ "publisher", call_publisher, NULL, close_fresh, NULL },
	{ "subscribe", call_subscribe, NULL, close_fresh, NULL },
	{ "info", call_info, NULL, NULL, NULL },
	{ "list", call_list, have_retained, NULL, NULL },
	{ "read of a node", call_node_read, have_node_record, close_fresh, NULL },
	{ "write to a node", call_node_write, new_node, close_fresh, node_wrote },
	{ "publish", call_publish, NULL, NULL, one_more_record },
	{ "large publish", call_publish_large, new_publisher, close_fresh, one_more_record },
	{ "retain", call_retain, NULL, NULL, one_more_record },
	{ "clear", call_clear, have_retained, NULL, one_more_record },
	{ "expect", call_expect, NULL, NULL, one_more_record },
	{ "batch", call_batch, NULL, NULL, batch_told },
	{ "atomic batch", call_atomic, NULL, NULL, all_or_none },
	{ "will", call_will_set, NULL, clear_wills, one_more_will },
	{ "goodbye", call_will_clear, have_will, clear_wills, no_wills },
	{ "filter", call_filter_add, NULL, drop_filter, one_more_filter },
	{ "filter away", call_filter_remove, have_filter, drop_filter, one_filter_less },
	{ "read", call_read, have_record, NULL, NULL },
	{ "receive", call_receive, have_record, NULL, one_more_delivered },
	{ "resync", call_resync, NULL, NULL, NULL },
	{ "kick", call_kick, NULL, NULL, NULL },
	{ "ack", call_ack, NULL, NULL, NULL },
	{ "map ring", call_map_ring, NULL, NULL, NULL },
	{ "map control", call_map_control, NULL, NULL, NULL },
	{ "map status", call_map_status, NULL, NULL, NULL },
};

TEST_F(fault, every_place_that_can_fail)
{
	char why[MQT_WHY] = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		int failures = mqt_fault_sweep(&calls[i], self, self->fail_nth, NAME, why);

		ASSERT_NE(MQT_FAULT_BAD, failures) TH_LOG("%s", why);
		if (failures == MQT_FAULT_UNKNOWN)
			TH_LOG("%s: unknown to this module", calls[i].name);
		/* MQ_IOC_KICK takes nothing and gives nothing. */
		else if (self->fail_nth >= 0 && calls[i].call != call_kick)
			EXPECT_LT(0, failures) TH_LOG("%s", calls[i].name);
	}
}

/* Several steps, of which those before the fault stay done. */
TEST_F(fault, who_published)
{
	const struct mqt_fault_call call = { "publisher info", call_publisher_info, NULL, NULL,
					     NULL };
	unsigned int nth;
	bool injected = self->fail_nth >= 0;
	int error = call_publisher_info(self);

	close_fresh(self);
	if (error == -ENOTTY) {
		TH_LOG("%s: unknown to this module", call.name);
		return;
	}
	ASSERT_EQ(0, error);
	for (nth = 1; injected; nth++) {
		mqt_fault_arm(self->fail_nth, nth);
		error = call.call(self);
		injected = mqt_fault_disarm(self->fail_nth);
		close_fresh(self);
		ASSERT_TRUE(injected || !error);
	}
}

TEST_HARNESS_MAIN
