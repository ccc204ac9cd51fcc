// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Memory is on the account (control group) of who caused it: a channel's ring of its
 * creator, what is published, kept and registered of who does it. It stays there, and
 * goes when that goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/capability.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-charge"
#define CGROUPS "/sys/fs/cgroup"
#define MIB (1024 * 1024)
#define BYTES (8 * MIB)
#define MAX_RECORD MIB

/* Each of these makes two MiB, roughly; wills are a quarter of the ring at most. */
#define VALUES 32U
#define VALUE 60000U
#define SUBSCRIPTIONS 250U
#define PUBLISHERS 2U

/* Who makes a channel, and who uses it. */
enum who { CREATOR, USER, BOTH };

static const char * const groups[BOTH] = { CGROUPS "/mq-charge-0", CGROUPS "/mq-charge-1" };

FIXTURE(charge) {
	struct mqt_agent agent[BOTH];
	uint64_t before[BOTH];
};

static const char *path_of(enum who who, const char *file)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", groups[who], file);
	return path;
}

static uint64_t memory_of(enum who who)
{
	return mqt_read_number(path_of(who, "memory.current"));
}

/* What CPUs keep of a group for their next charges (a batch of 64 pages each), and more. */
static uint64_t slack(void)
{
	return (sysconf(_SC_NPROCESSORS_ONLN) + 1) * 64 * 4096;
}

/* Whether a group has so much more than it had, roughly. */
static bool has_more(FIXTURE_DATA(charge) * self, enum who who, uint64_t size)
{
	uint64_t memory = memory_of(who);

	if (memory + slack() >= self->before[who] + size &&
	    memory <= self->before[who] + 3 * size + slack())
		return true;
	fprintf(stderr, "# group %d: %llu, then %llu; not %llu more\n", who,
		(unsigned long long)self->before[who], (unsigned long long)memory,
		(unsigned long long)size);
	return false;
}

/* Waits until a group has what it had. Some of it goes with a grace period. */
static void wait_as_before(FIXTURE_DATA(charge) * self, enum who who)
{
	while (memory_of(who) > self->before[who] + slack())
		sched_yield();
}

/* ---- what an agent does -------------------------------------------------- */

/* Its descriptors, and what it sends. */
static int kept[SUBSCRIPTIONS];
static char payload[VALUE];

static int enter(int who)
{
	return mqt_write_file(path_of(who, "cgroup.procs"), "0");
}

static int create(int unused)
{
	const struct mqt_config config = {
		.name = NAME, .slots = 1024, .bytes = BYTES, .max_record = MAX_RECORD,
		.retained_bytes_max = BYTES, .claims = { "#" },
	};

	(void)unused;
	return mqt_create(&config);
}

static int close_kept(int unused)
{
	unsigned int i;

	(void)unused;
	for (i = 0; i < SUBSCRIPTIONS; i++)
		if (kept[i] > 0)
			close(kept[i]);
	memset(kept, 0, sizeof(kept));
	return 0;
}

static int subscribe(int unused)
{
	struct mqt_subscription subscription;
	unsigned int i;
	int error = 0;

	(void)unused;
	for (i = 0; i < SUBSCRIPTIONS && !error; i++) {
		error = mqt_subscribe(&subscription, NAME, 0, MQ_START_LATEST, 0);
		kept[i] = error ? 0 : subscription.fd;
	}
	return error;
}

/* Publishers whose staging buffer has room for the largest record. */
static int stage(int unused)
{
	unsigned int i;
	int error = 0;

	(void)unused;
	for (i = 0; i < PUBLISHERS && !error; i++) {
		kept[i] = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
		error = kept[i] < 0 ? kept[i] : mqt_publish(kept[i], "a", payload, VALUE);
	}
	return error;
}

static int add_filters(int unused)
{
	char filter[VALUE + 1];
	struct mqt_subscription subscription;
	unsigned int i;
	int error = mqt_subscribe(&subscription, NAME, 0, MQ_START_LATEST, 0);

	(void)unused;
	kept[0] = error ? 0 : subscription.fd;
	memset(filter, 'f', VALUE);
	filter[VALUE] = '\0';
	for (i = 0; i < VALUES && !error; i++) {
		filter[0] = 'A' + i;
		error = mqt_filter_add(kept[0], filter, 1, NULL);
	}
	return error;
}

static int set_wills(int unused)
{
	struct mq_will will;
	unsigned int i;
	int error = 0;

	(void)unused;
	kept[0] = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	for (i = 0; i < VALUES && !error; i++) {
		mqt_will(&will, i, "a", payload, VALUE);
		error = mqt_ioctl(kept[0], MQ_IOC_WILL_SET, &will);
	}
	return error;
}

static int clear_wills(int unused)
{
	int count = mqt_will_clear(kept[0], MQ_WILL_ALL, 0);

	close_kept(unused);
	return count == VALUES ? 0 : -EPROTO;
}

static int retain_of(uint32_t size)
{
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	char topic[16];
	unsigned int i;
	int error = 0;

	for (i = 0; i < VALUES && !error; i++) {
		snprintf(topic, sizeof(topic), "r/%u", i);
		error = mqt_retain(fd, topic, payload, size);
	}
	close(fd);
	return error;
}

static int retain(int unused)
{
	(void)unused;
	return retain_of(VALUE);
}

static int clear_retained(int unused)
{
	(void)unused;
	return retain_of(0);
}

/* ---- tests ---------------------------------------------------------------- */

FIXTURE_VARIANT(charge) {
	int (*make)(int unused);
	int (*undo)(int unused);
	uint64_t size;
};

FIXTURE_VARIANT_ADD(charge, subscriptions) {
	/* Its control and its status page. */
	subscribe, close_kept, SUBSCRIPTIONS * 2 * 4096,
};

FIXTURE_VARIANT_ADD(charge, staging) {
	stage, close_kept, PUBLISHERS * MAX_RECORD,
};

FIXTURE_VARIANT_ADD(charge, filters) {
	add_filters, close_kept, VALUES * VALUE,
};

FIXTURE_VARIANT_ADD(charge, wills) {
	set_wills, clear_wills, VALUES * VALUE,
};

FIXTURE_VARIANT_ADD(charge, retained) {
	retain, clear_retained, VALUES * VALUE,
};

FIXTURE_SETUP(charge)
{
	enum who who;

	mqt_delete(NAME);
	mqt_write_file(CGROUPS "/cgroup.subtree_control", "+memory");
	for (who = 0; who < BOTH; who++) {
		rmdir(groups[who]);
		ASSERT_EQ(0, mkdir(groups[who], 0755));
		/* The capability is one that nobody needs. */
		ASSERT_EQ(0, mqt_agent_start(&self->agent[who], 0, CAP_SYS_TIME));
		ASSERT_EQ(0, mqt_agent_ask(&self->agent[who], enter, who));
		self->before[who] = memory_of(who);
	}
	ASSERT_EQ(0, mqt_agent_ask(&self->agent[CREATOR], create, 0));
}

FIXTURE_TEARDOWN(charge)
{
	enum who who;

	for (who = 0; who < BOTH; who++)
		mqt_agent_end(&self->agent[who]);
	mqt_delete(NAME);
	for (who = 0; who < BOTH; who++)
		while (rmdir(groups[who]) && errno == EBUSY)
			sched_yield();
}

TEST_F(charge, who_causes_it)
{
	bool stays = variant->make == retain;

	ASSERT_EQ(0, mqt_agent_ask(&self->agent[USER], variant->make, 0));
	EXPECT_TRUE(has_more(self, USER, variant->size));
	/* The channel is what it was. */
	EXPECT_TRUE(has_more(self, CREATOR, BYTES));
	EXPECT_GT(self->before[CREATOR] + BYTES + slack() + variant->size / 2, memory_of(CREATOR));
	ASSERT_EQ(0, mqt_agent_ask(&self->agent[USER], variant->undo, 0));
	wait_as_before(self, USER);
	EXPECT_TRUE(has_more(self, CREATOR, BYTES));

	/* A value stays where it is, and a channel, whoever lives. */
	ASSERT_EQ(0, mqt_agent_ask(&self->agent[USER], variant->make, 0));
	mqt_agent_end(&self->agent[CREATOR]);
	mqt_agent_end(&self->agent[USER]);
	if (!stays)
		wait_as_before(self, USER);
	EXPECT_TRUE(has_more(self, USER, stays ? variant->size : 0));
	EXPECT_TRUE(has_more(self, CREATOR, BYTES));
	ASSERT_EQ(0, mqt_delete(NAME));
	wait_as_before(self, CREATOR);
	wait_as_before(self, USER);
}

TEST_HARNESS_MAIN
