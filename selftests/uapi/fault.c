// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * No memory, on a node: every call survives that any one of its allocations and
 * copies fails; what it refuses then, it has not done.
 */
#include <kselftest_harness.h>
#include "fault_test.h"

FIXTURE(fault) {
	struct fault fault;
};

FIXTURE_VARIANT(fault) {
	struct mqt_fault_call call;
};

static int call_open(void *arg)
{
	struct fault *fault = arg;

	fault->fresh = mqt_node(NAME, O_RDWR);
	return fault->fresh < 0 ? fault->fresh : 0;
}

static bool told_open(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;
	struct mq_info info = { };

	return !mqt_ioctl(fault->fresh, MQ_IOC_INFO, &info) && info.id == after->info.id;
}

FIXTURE_VARIANT_ADD(fault, open) {
	.call = { .call = call_open, .end = close_fresh, .told = told_open,
		  .errors = { ENOMEM, EFAULT } },
};

static int call_publisher(void *arg)
{
	struct mq_publisher_new args = { .flags = MQ_PUBLISHER_NONBLOCK };
	struct fault *fault = arg;

	fault->fresh = mqt_ioctl(fault->node, MQ_IOC_PUBLISHER, &args);
	fault->id = args.id;
	return fault->fresh < 0 ? fault->fresh : 0;
}

static void done_publisher(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	(void)after;
	expected->info.publishers++;
}

/* It publishes, by that number. */
static bool told_publisher(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;
	const struct mq_record *record = (void *)fault->room;

	have_record(arg);
	(void)after;
	return !mqt_publish(fault->fresh, "a/1", fault->payload, 1) &&
	       read(fault->subscription.fd, fault->room, sizeof(fault->room)) > 0 &&
	       fault->id == ((const struct mq_record *)(fault->room + record->size))->publisher &&
	       fault->id != record->publisher;
}

FIXTURE_VARIANT_ADD(fault, publisher) {
	.call = { .call = call_publisher, .end = close_fresh, .done = done_publisher,
		  .told = told_publisher, .errors = { ENOMEM, EFAULT } },
};

static struct mq_subscribe subscribed;

static int call_subscribe(void *arg)
{
	struct fault *fault = arg;

	subscribed = (struct mq_subscribe){ .flags = MQ_SUBSCRIBE_HOLD,
					    .start = MQ_START_OLDEST };
	fault->fresh = mqt_ioctl(fault->node, MQ_IOC_SUBSCRIBE, &subscribed);
	return fault->fresh < 0 ? fault->fresh : 0;
}

static void done_subscribe(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	expected->info.subscriptions++;
	expected->subscriptions++;
	expected->positions += after->info.oldest;
}

/* What it says is what it is: all of the past can be read. */
static bool told_subscribe(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;

	return subscribed.position == after->info.oldest &&
	       subscribed.id > fault->subscription.id &&
	       subscribed.ring_size == fault->subscription.ring_size &&
	       !mqt_filter_add(fault->fresh, "a/past", 1, NULL) &&
	       read(fault->fresh, fault->room, sizeof(fault->room)) ==
	       sizeof(struct mq_record) + 16;
}

static void have_past(void *arg)
{
	struct fault *fault = arg;

	mqt_purge(NAME);
	mqt_publish(fault->publisher, "a/past", fault->payload, 10);
}

FIXTURE_VARIANT_ADD(fault, subscribe) {
	.call = { .call = call_subscribe, .prepare = have_past, .end = close_fresh,
		  .done = done_subscribe, .told = told_subscribe,
		  .errors = { ENOMEM, EFAULT } },
};

static struct mq_info informed;
static const char all_claims[] = NAME "\0a/#\0b";

static int call_info(void *arg)
{
	struct fault *fault = arg;

	memset(&informed, MQT_POISON, sizeof(informed));
	informed.flags = 0;
	informed.claims = (uintptr_t)fault->room;
	informed.claims_size = sizeof(fault->room);
	memset(informed.reserved, 0, sizeof(informed.reserved));
	return mqt_ioctl(fault->node, MQ_IOC_INFO, &informed);
}

static bool told_info(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;

	/* Which mqt_state_get() leaves out. */
	informed.claims = 0;
	informed.generation = 0;
	return !memcmp(&informed, &after->info, sizeof(informed)) &&
	       informed.claims_size == sizeof(all_claims) &&
	       !memcmp(fault->room, all_claims, sizeof(all_claims));
}

FIXTURE_VARIANT_ADD(fault, info) {
	.call = { .call = call_info, .told = told_info, .errors = { EFAULT } },
};

static int call_list(void *arg)
{
	struct fault *fault = arg;
	struct mq_retained listing = {
		.filter = (uintptr_t)"#", .filter_len = 1,
		.buffer = (uintptr_t)fault->room, .buffer_size = sizeof(fault->room),
	};
	int error = mqt_ioctl(fault->node, MQ_IOC_RETAINED, &listing);

	fault->result = listing.count;
	return error;
}

static bool told_list(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;

	return fault->result == 1 &&
	       fault_is_record(fault, (void *)fault->room, RETAINED, RETAINED_LEN,
			       after->info.head - 1);
}

FIXTURE_VARIANT_ADD(fault, list) {
	.call = { .call = call_list, .prepare = have_retained, .told = told_list,
		  .errors = { EFAULT, ENOMEM } },
};

/* A publisher that is known because it has published. */
static void have_known(void *arg)
{
	struct mq_publisher_new args = { };
	struct fault *fault = arg;

	close_fresh(arg);
	fault->fresh = mqt_ioctl(fault->node, MQ_IOC_PUBLISHER, &args);
	fault->id = args.id;
	mqt_publish_str(fault->fresh, "a/who", "x");
}

static struct mq_publisher_info known;

static int call_publisher_info(void *arg)
{
	struct fault *fault = arg;

	known = (struct mq_publisher_info){
		.label = (uintptr_t)fault->room, .label_size = 256, .id = fault->id,
	};
	return mqt_ioctl(fault->node, MQ_IOC_PUBLISHER_INFO, &known);
}

static bool told_publisher_info(void *arg, const struct mqt_state *after)
{
	(void)arg;
	return known.pid == (uint32_t)getpid() && !known.uid && !known.gid &&
	       known.state == MQ_PUBLISHER_OPEN && known.last == after->info.head - 1;
}

FIXTURE_VARIANT_ADD(fault, publisher_info) {
	.call = { .call = call_publisher_info, .prepare = have_known,
		  .told = told_publisher_info, .errors = { EFAULT } },
};

static void have_node_record(void *arg)
{
	new_node(arg);
	have_record(arg);
}

static int call_read(void *arg)
{
	struct fault *fault = arg;

	return read(fault->fresh, fault->room, sizeof(fault->room)) == 10 ? 0 : -errno;
}

/* Once: a refused read has left it there, and this one has not. */
static bool told_read(void *arg, const struct mqt_state *after)
{
	struct fault *fault = arg;

	(void)after;
	return !memcmp(fault->room, fault->payload, 10) &&
	       read(fault->fresh, fault->room, 1) == -1 && errno == EAGAIN;
}

FIXTURE_VARIANT_ADD(fault, read) {
	.call = { .call = call_read, .prepare = have_node_record, .told = told_read,
		  .errors = { EFAULT } },
};

static int call_write(void *arg)
{
	struct fault *fault = arg;

	return write(fault->fresh, fault->payload, 100) == 100 ? 0 : -errno;
}

/* A publisher that was made stays with the node, whatever became of the record. */
static void kept_publisher(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	expected->info.publishers += after->info.publishers == expected->info.publishers + 1;
}

static void done_write(void *arg, struct mqt_state *expected, const struct mqt_state *after)
{
	(void)arg;
	expected->info.publishers++;
	expect_published(expected, after, 1);
}

FIXTURE_VARIANT_ADD(fault, write) {
	.call = { .call = call_write, .prepare = new_node, .done = done_write,
		  .kept = kept_publisher, .errors = { EFAULT, ENOMEM }, .anew = true },
};

FIXTURE_SETUP(fault)
{
	ASSERT_EQ(0, fault_set_up(&self->fault, MQ_OVERFLOW_REJECT));
}

FIXTURE_TEARDOWN(fault)
{
	fault_tear_down(&self->fault);
}

TEST_F(fault, at_each_place)
{
	fault_test(_metadata, &self->fault, &variant->call, NAME, false);
}

TEST_HARNESS_MAIN
