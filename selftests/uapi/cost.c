// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What a publish of 64 bytes costs with nobody there, and with a thousand
 * subscriptions that it does not concern: they get nothing, and cost a tenth
 * more at most. The latter holds for instructions, which are what time counts in
 * a machine that says MQ_ICOUNT=yes (tools/vm/run --icount); elsewhere the
 * figures are nanoseconds, of which nothing can be said.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-cost"
#define ROUNDS 51
#define PER_ROUND 40
#define CROWD 1000

FIXTURE(cost) {
	int publisher;
	uint64_t receivers;
};

FIXTURE_SETUP(cost)
{
	const struct mqt_config config = {
		.name = NAME, .slots = 1024, .bytes = 1 << 20, .claims = { "plant/#" },
	};

	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
}

FIXTURE_TEARDOWN(cost)
{
	mqt_delete(NAME);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The median over small rounds: what disturbs one of them does not count. */
static uint64_t publish_cost(FIXTURE_DATA(cost) * self, const char *topic)
{
	uint64_t round[ROUNDS];
	struct mq_publish record;
	char payload[64] = "";
	unsigned int i, j;

	mqt_record(&record, topic, payload, sizeof(payload));
	for (i = 0; i < ROUNDS; i++) {
		uint64_t begin = mqt_now();

		for (j = 0; j < PER_ROUND; j++) {
			if (mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record))
				return 0;
			self->receivers += record.receivers;
		}
		round[i] = (mqt_now() - begin) / PER_ROUND;
	}
	qsort(round, ROUNDS, sizeof(round[0]), compare);
	return round[ROUNDS / 2];
}

static int add_subscription(const char *format, unsigned int i)
{
	struct mqt_subscription subscription;
	char filter[64];

	snprintf(filter, sizeof(filter), format, i);
	return mqt_subscribe_to(&subscription, NAME, 0, filter);
}

static bool counts_instructions(void)
{
	return !strcmp(getenv("MQ_ICOUNT") ?: "", "yes");
}

static void show(const char *what, uint64_t cost)
{
	printf("# publish of 64 bytes, %s: %llu\n", what, (unsigned long long)cost);
	fflush(stdout);
}

TEST_F(cost, of_subscriptions_that_do_not_match)
{
	struct rlimit limit = { 4096, 4096 };
	uint64_t alone, crowd;
	unsigned int i;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	alone = publish_cost(self, "plant/line1/temperature");
	show("no subscription", alone);
	for (i = 0; i < CROWD; i++)
		ASSERT_EQ(0, add_subscription("plant/line2/sensor%u/#", i));
	crowd = publish_cost(self, "plant/line1/temperature");
	show("1000 subscriptions that do not match", crowd);
	EXPECT_LT(0U, alone);
	EXPECT_LT(0U, crowd);
	if (counts_instructions())
		EXPECT_LE(10 * crowd, 11 * alone);
	EXPECT_EQ(0U, self->receivers);
}

TEST_F(cost, of_subscriptions_that_match)
{
	uint64_t cost;
	unsigned int i;

	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, add_subscription("plant/#", i));
	cost = publish_cost(self, "plant/line1/temperature");
	show("10 subscriptions that match, none asleep", cost);
	EXPECT_LT(0U, cost);
	EXPECT_EQ(10U * ROUNDS * PER_ROUND, self->receivers);
}

TEST_HARNESS_MAIN
