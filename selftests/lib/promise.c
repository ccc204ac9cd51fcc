// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What a publisher can rely on: expectations, atomic batches, expiry. */
#include "promise.h"

FIXTURE(promise)
{
	struct libmq_admin *admin;
	struct libmq_channel *channel;
	struct libmq_publisher *publisher;
	struct libmq_bus *bus;
	struct libmq_message messages[65];
	struct libmq_result results[65];
};

FIXTURE_SETUP(promise)
{
	memset(self, 0, sizeof(*self));
	self->admin = admin_open();
	ASSERT_NE(NULL, self->admin);
	ASSERT_EQ(0, promise_channel(self->admin, NAME, "pro/#"));
	ASSERT_EQ(0, promise_channel(self->admin, OTHER, "other/#"));
	ASSERT_EQ(0, libmq_channel_open(&self->channel, NULL, NAME,
					LIBMQ_OPEN_READ | LIBMQ_OPEN_WRITE));
	ASSERT_EQ(0, libmq_publisher_open(&self->publisher, self->channel));
	ASSERT_EQ(0, libmq_bus_open(&self->bus, NULL));
	/* Whatever is not written is seen. */
	memset(self->results, 0xa5, sizeof(self->results));
}

FIXTURE_TEARDOWN(promise)
{
	libmq_bus_close(self->bus);
	libmq_publisher_close(self->publisher);
	libmq_channel_close(self->channel);
	libmq_admin_delete(self->admin, NAME);
	libmq_admin_delete(self->admin, OTHER);
	libmq_admin_close(self->admin);
}

static struct libmq_message expecting(const char *topic, uint64_t expect, uint16_t flags)
{
	struct libmq_message message = text_message(topic, "value");

	message.flags = LIBMQ_EXPECT | flags;
	message.expect = expect;
	return message;
}

/* A result that says no and nothing else. */
static bool refused(const struct libmq_result *result, int error, uint64_t sequence)
{
	return result->result == error && !result->receivers && !result->time &&
	       result->sequence == sequence;
}

static int publish(struct __test_metadata *_metadata, FIXTURE_DATA(promise) * self,
		   struct libmq_message message)
{
	memset(self->results, 0xa5, sizeof(self->results[0]));
	EXPECT_EQ(1, libmq_publisher_publish(self->publisher, &message, self->results, 1));
	return self->results[0].result;
}

TEST_F(promise, an_expectation_holds_or_tells_what_is_there)
{
	struct libmq_result *result = self->results;

	publish(_metadata, self, expecting("pro/1", 7, LIBMQ_RETAIN));
	EXPECT_TRUE(refused(result, -ESTALE, 0));
	ASSERT_EQ(0, publish(_metadata, self, expecting("pro/1", 0, LIBMQ_RETAIN)));
	EXPECT_EQ(1, result->sequence);
	EXPECT_NE(0, result->time);
	publish(_metadata, self, expecting("pro/1", 0, LIBMQ_RETAIN));
	EXPECT_TRUE(refused(result, -ESTALE, 1));
	ASSERT_EQ(0, publish(_metadata, self, expecting("pro/1", 1, 0)));
	EXPECT_EQ(2, result->sequence);
	/* That was not retained. */
	EXPECT_EQ(0, publish(_metadata, self, expecting("pro/1", 1, LIBMQ_RETAIN)));
	EXPECT_EQ(4, info_of(self->channel).head);
}

TEST_F(promise, no_owner_is_told_from_an_expectation)
{
	struct libmq_message message = expecting("nobody/1", 0, 0);

	publish(_metadata, self, message);
	EXPECT_TRUE(refused(self->results, -ESTALE, LIBMQ_NO_OWNER));
	memset(self->results, 0xa5, sizeof(self->results));
	EXPECT_EQ(0, libmq_bus_publish(self->bus, &message, self->results, 1));
	EXPECT_TRUE(refused(self->results, -ESTALE, LIBMQ_NO_OWNER));
	message.flags = 0;
	EXPECT_EQ(0, libmq_bus_publish(self->bus, &message, self->results, 1));
	EXPECT_TRUE(refused(self->results, -ESTALE, LIBMQ_NO_OWNER));
}

TEST_F(promise, fields_that_do_not_go_together)
{
	struct libmq_message message = text_message("pro/1", "x");

	message.expect = 1;
	publish(_metadata, self, message);
	EXPECT_TRUE(refused(self->results, -EINVAL, 0));
	message.expect = 0;
	message.expiry_ns = 1;
	publish(_metadata, self, message);
	EXPECT_TRUE(refused(self->results, -EINVAL, 0));
	message.expiry_ns = 0;
	message.flags = LIBMQ_WILL;
	publish(_metadata, self, message);
	EXPECT_TRUE(refused(self->results, -EINVAL, 0));
	EXPECT_EQ(1, info_of(self->channel).head);
}

TEST_F(promise, on_the_bus_one_that_does_not_hold_stops_nobody)
{
	struct libmq_message *messages = self->messages;

	messages[0] = expecting("pro/1", 0, LIBMQ_RETAIN);
	messages[1] = expecting("pro/1", 9, LIBMQ_RETAIN);
	messages[2] = expecting("other/1", 0, LIBMQ_RETAIN);
	messages[3] = expecting("pro/1", 1, LIBMQ_RETAIN);
	EXPECT_EQ(3, libmq_bus_publish(self->bus, messages, self->results, 4));
	EXPECT_EQ(1, self->results[0].sequence);
	EXPECT_TRUE(refused(&self->results[1], -ESTALE, 1));
	EXPECT_EQ(0, self->results[2].result);
	EXPECT_EQ(2, self->results[3].sequence);
}

/* ---- all or none ----------------------------------------------------------- */

TEST_F(promise, atomic_batches_go_in_whole)
{
	unsigned int i;

	for (i = 0; i < 48; i++)
		self->messages[i] = text_message("pro/1", "x");
	ASSERT_EQ(0, libmq_publisher_publish_atomic(self->publisher, self->messages,
						    self->results, 48));
	for (i = 0; i < 48; i++) {
		EXPECT_EQ(0, self->results[i].result);
		EXPECT_EQ(i + 1, self->results[i].sequence);
	}
	ASSERT_EQ(0, libmq_bus_publish_atomic(self->bus, self->messages, self->results, 2));
	EXPECT_EQ(49, self->results[0].sequence);
	EXPECT_EQ(50, self->results[1].sequence);
}

static void set_three(struct libmq_message *messages)
{
	messages[0] = expecting("pro/1", 0, LIBMQ_RETAIN);
	messages[1] = expecting("pro/2", 5, LIBMQ_RETAIN);
	messages[2] = expecting("pro/3", 0, LIBMQ_RETAIN);
}

TEST_F(promise, or_not_at_all)
{
	struct libmq_result *results = self->results;

	set_three(self->messages);
	EXPECT_EQ(-ESTALE, libmq_publisher_publish_atomic(self->publisher, self->messages,
							  results, 3));
	EXPECT_TRUE(refused(&results[0], -ECANCELED, 0));
	EXPECT_TRUE(refused(&results[1], -ESTALE, 0));
	EXPECT_TRUE(refused(&results[2], -ECANCELED, 0));
	memset(results, 0xa5, sizeof(self->results));
	EXPECT_EQ(-ESTALE, libmq_bus_publish_atomic(self->bus, self->messages, results, 3));
	EXPECT_TRUE(refused(&results[0], -ECANCELED, 0));
	EXPECT_TRUE(refused(&results[1], -ESTALE, 0));
	EXPECT_TRUE(refused(&results[2], -ECANCELED, 0));
	EXPECT_EQ(1, info_of(self->channel).head);
	EXPECT_EQ(0, info_of(self->channel).retained);
	self->messages[1].expect = 0;
	EXPECT_EQ(0, libmq_bus_publish_atomic(self->bus, self->messages, results, 3));
	EXPECT_EQ(3, info_of(self->channel).retained);
}

TEST_F(promise, atomic_batches_that_cannot_be)
{
	static char large[4000];
	unsigned int i;

	EXPECT_EQ(-EINVAL, libmq_publisher_publish_atomic(self->publisher, self->messages,
							  self->results, 0));
	EXPECT_EQ(-EINVAL, libmq_bus_publish_atomic(self->bus, self->messages, self->results, 0));
	for (i = 0; i < 65; i++)
		self->messages[i] = text_message("pro/1", "x");
	EXPECT_EQ(-E2BIG, libmq_publisher_publish_atomic(self->publisher, self->messages,
							 self->results, 65));
	for (i = 0; i < 65; i++)
		EXPECT_TRUE(refused(&self->results[i], -E2BIG, 0));
	/* Above three quarters of the slots; then above 64 KiB. */
	memset(self->results, 0xa5, sizeof(self->results));
	EXPECT_EQ(-E2BIG, libmq_bus_publish_atomic(self->bus, self->messages, self->results, 49));
	EXPECT_TRUE(refused(&self->results[48], -E2BIG, 0));
	for (i = 0; i < 17; i++) {
		self->messages[i].payload = large;
		self->messages[i].payload_len = sizeof(large);
	}
	EXPECT_EQ(-E2BIG, libmq_publisher_publish_atomic(self->publisher, self->messages,
							 self->results, 17));
	self->messages[0].payload_len = 5000;
	EXPECT_EQ(-EMSGSIZE, libmq_publisher_publish_atomic(self->publisher, self->messages,
							    self->results, 2));
	EXPECT_TRUE(refused(&self->results[0], -EMSGSIZE, 0));
	EXPECT_TRUE(refused(&self->results[1], -ECANCELED, 0));
	EXPECT_EQ(1, info_of(self->channel).head);
}

TEST_F(promise, atomic_batches_have_one_channel)
{
	struct libmq_result *results = self->results;

	self->messages[0] = text_message("pro/1", "x");
	self->messages[1] = text_message("other/1", "x");
	self->messages[2] = text_message("pro/2", "x");
	EXPECT_EQ(-EXDEV, libmq_bus_publish_atomic(self->bus, self->messages, results, 3));
	EXPECT_TRUE(refused(&results[0], -ECANCELED, 0));
	EXPECT_TRUE(refused(&results[1], -EXDEV, 0));
	EXPECT_TRUE(refused(&results[2], -ECANCELED, 0));
	self->messages[1] = text_message("nobody/1", "x");
	EXPECT_EQ(-ESTALE, libmq_bus_publish_atomic(self->bus, self->messages, results, 3));
	EXPECT_TRUE(refused(&results[0], -ECANCELED, 0));
	EXPECT_TRUE(refused(&results[1], -ESTALE, LIBMQ_NO_OWNER));
	self->messages[1] = text_message("pro/#", "x");
	EXPECT_EQ(-EINVAL, libmq_bus_publish_atomic(self->bus, self->messages, results, 3));
	EXPECT_TRUE(refused(&results[1], -EINVAL, 0));
	EXPECT_TRUE(refused(&results[2], -ECANCELED, 0));
	EXPECT_EQ(1, info_of(self->channel).head);
}

TEST_F(promise, atomic_batches_follow_the_claims)
{
	self->messages[0] = text_message("pro/1", "x");
	self->messages[1] = text_message("pro/2", "x");
	ASSERT_EQ(0, libmq_bus_publish_atomic(self->bus, self->messages, self->results, 2));
	ASSERT_EQ(0, claim(self->admin, NAME, NULL));
	ASSERT_EQ(0, claim(self->admin, OTHER, "pro/#"));
	EXPECT_EQ(0, libmq_bus_publish_atomic(self->bus, self->messages, self->results, 2));
	EXPECT_EQ(1, self->results[0].sequence);
	EXPECT_EQ(3, info_of(self->channel).head);
	ASSERT_EQ(0, libmq_admin_delete(self->admin, OTHER));
	EXPECT_EQ(-ESTALE, libmq_bus_publish_atomic(self->bus, self->messages, self->results, 2));
	ASSERT_EQ(0, libmq_admin_delete(self->admin, NAME));
	EXPECT_EQ(-ENODEV, libmq_publisher_publish_atomic(self->publisher, self->messages,
							  self->results, 2));
	EXPECT_TRUE(refused(&self->results[1], -ENODEV, 0));
}

TEST_F(promise, without_space_atomic_batches_wait)
{
	struct libmq_subscription *holder = holding(self->channel, "pro/#");
	struct libmq_publisher_opts wait = LIBMQ_OPTS(libmq_publisher_opts,
		.wait = true, .timeout_ms = 20);
	struct libmq_publisher *waiting;
	struct libmq_record record;
	struct libmq_gap gap;
	unsigned int i;

	ASSERT_NE(NULL, holder);
	for (i = 0; i < 40; i++)
		self->messages[i] = text_message("pro/1", "x");
	ASSERT_EQ(0, libmq_bus_publish_atomic(self->bus, self->messages, self->results, 40));
	EXPECT_EQ(-EAGAIN, libmq_bus_publish_atomic(self->bus, self->messages, self->results, 40));
	for (i = 0; i < 40; i++)
		EXPECT_TRUE(refused(&self->results[i], -EAGAIN, 0));
	EXPECT_EQ(41, info_of(self->channel).head);
	while (libmq_subscription_next(holder, &record, &gap) == LIBMQ_RECORD)
		;
	EXPECT_EQ(LIBMQ_WAIT_SPACE, libmq_bus_wait(self->bus, LIBMQ_WAIT_SPACE, SOON_MS));
	EXPECT_EQ(0, libmq_bus_publish_atomic(self->bus, self->messages, self->results, 40));
	EXPECT_EQ(80, self->results[39].sequence);
	libmq_subscription_close(holder);
	/* On a channel that blocks, a publisher may wait. */
	ASSERT_EQ(0, channel_anew(self->admin, OTHER, (struct libmq_channel_opts){
		  .slots = 64, .overflow = LIBMQ_BLOCK }));
	libmq_channel_close(self->channel);
	ASSERT_EQ(0, libmq_channel_open(&self->channel, NULL, OTHER,
					LIBMQ_OPEN_READ | LIBMQ_OPEN_WRITE));
	ASSERT_EQ(0, libmq_publisher_open_opts(&waiting, self->channel, &wait));
	holder = holding(self->channel, OTHER);
	ASSERT_NE(NULL, holder);
	for (i = 0; i < 40; i++)
		self->messages[i] = text_message(OTHER, "x");
	ASSERT_EQ(0, libmq_publisher_publish_atomic(waiting, self->messages, self->results, 40));
	EXPECT_EQ(-ETIMEDOUT, libmq_publisher_publish_atomic(waiting, self->messages,
							     self->results, 40));
	EXPECT_TRUE(refused(&self->results[39], -ETIMEDOUT, 0));
	libmq_subscription_close(holder);
	libmq_publisher_close(waiting);
}

TEST_F(promise, retained_values_have_their_limit)
{
	unsigned int i;

	for (i = 0; i < RETAINED_MAX + 1; i++) {
		static char topics[RETAINED_MAX + 1][16];

		snprintf(topics[i], sizeof(topics[i]), "pro/%u", i);
		self->messages[i] = expecting(topics[i], 0, LIBMQ_RETAIN);
	}
	EXPECT_EQ(-EDQUOT, libmq_publisher_publish_atomic(self->publisher, self->messages,
							  self->results, RETAINED_MAX + 1));
	EXPECT_EQ(0, info_of(self->channel).retained);
	EXPECT_EQ(RETAINED_MAX, libmq_publisher_publish(self->publisher, self->messages,
							self->results, RETAINED_MAX));
	EXPECT_EQ(-EDQUOT, publish(_metadata, self, expecting("pro/x", 0, LIBMQ_RETAIN)));
	EXPECT_LE(2, info_of(self->channel).refusals[LIBMQ_LIMIT_RETAINED]);
}

/* ---- expiry ---------------------------------------------------------------- */

static int count_values(void *arg, const struct libmq_record *record)
{
	unsigned int *count = arg;

	*count += record->payload_len > 0;
	return 0;
}

TEST_F(promise, values_expire)
{
	struct libmq_message message = expecting("pro/short", 0, LIBMQ_RETAIN);
	struct libmq_message stays = expecting("pro/long", 0, LIBMQ_RETAIN);
	unsigned int count = 0;
	unsigned int i;

	message.expiry_ns = 30 * 1000000;
	stays.expiry_ns = 3600ULL * 1000000000;
	ASSERT_EQ(0, publish(_metadata, self, message));
	ASSERT_EQ(0, publish(_metadata, self, stays));
	for (i = 0; info_of(self->channel).retained == 2 && i < SOON_MS / 10; i++)
		usleep(10000);
	EXPECT_EQ(1, info_of(self->channel).retained);
	EXPECT_EQ(1, info_of(self->channel).expired);
	EXPECT_EQ(1, stats_of(self->admin, NAME).info.expired);
	EXPECT_EQ(0, libmq_channel_retained(self->channel, "#", 1, 0, 0, count_values, &count));
	EXPECT_EQ(1, count);
	/* What expired is not there to be expected. */
	publish(_metadata, self, expecting("pro/short", 1, 0));
	EXPECT_TRUE(refused(self->results, -ESTALE, 0));
	EXPECT_EQ(0, publish(_metadata, self, expecting("pro/short", 0, LIBMQ_RETAIN)));
}

TEST_HARNESS_MAIN
