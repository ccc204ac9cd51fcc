// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Wills of publishers and of the bus, what refuses them, and what is told of that. */
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>

#include "promise.h"

#define WILLS_MAX (SLOTS / 4)
#define NOBODY 65534

FIXTURE(will)
{
	struct libmq_admin *admin;
	struct libmq_channel *channel;
	struct libmq_channel *other;
	struct libmq_publisher *publisher;
	struct libmq_subscription *subscription;
	struct libmq_bus *bus;
	struct libmq_record record;
	struct libmq_gap gap;
};

FIXTURE_SETUP(will)
{
	memset(self, 0, sizeof(*self));
	self->admin = admin_open();
	ASSERT_NE(NULL, self->admin);
	ASSERT_EQ(0, promise_channel(self->admin, NAME, "pro/#"));
	ASSERT_EQ(0, promise_channel(self->admin, OTHER, "other/#"));
	ASSERT_EQ(0, libmq_channel_open(&self->channel, NULL, NAME,
					LIBMQ_OPEN_READ | LIBMQ_OPEN_WRITE));
	ASSERT_EQ(0, libmq_channel_open(&self->other, NULL, OTHER, LIBMQ_OPEN_READ));
	ASSERT_EQ(0, libmq_publisher_open(&self->publisher, self->channel));
	self->subscription = subscribed(self->channel, "#", false);
	ASSERT_NE(NULL, self->subscription);
	ASSERT_EQ(0, libmq_bus_open(&self->bus, NULL));
}

FIXTURE_TEARDOWN(will)
{
	libmq_bus_close(self->bus);
	libmq_subscription_close(self->subscription);
	libmq_publisher_close(self->publisher);
	libmq_channel_close(self->other);
	libmq_channel_close(self->channel);
	libmq_admin_delete(self->admin, NAME);
	libmq_admin_delete(self->admin, OTHER);
	libmq_admin_close(self->admin);
}

/* The next record, waiting for it, or "". */
static const char *next_text(FIXTURE_DATA(will) * self)
{
	static char text[64];
	int found;

	while (!(found = libmq_subscription_next(self->subscription, &self->record, &self->gap)))
		if (libmq_subscription_wait(self->subscription, SOON_MS) <= 0)
			break;
	snprintf(text, sizeof(text), "%.*s", found == LIBMQ_RECORD ?
		 (int)self->record.payload_len : 0, (const char *)self->record.payload);
	return text;
}

static bool next_is(FIXTURE_DATA(will) * self, const char *text)
{
	const char *next = next_text(self);

	if (!strcmp(next, text))
		return true;
	printf("# got '%s', not '%s'\n", next, text);
	return false;
}

static bool silent(FIXTURE_DATA(will) * self)
{
	return libmq_subscription_next(self->subscription, &self->record, &self->gap) ==
	       LIBMQ_NONE;
}

/* ---- of a publisher -------------------------------------------------------- */

TEST_F(will, published_when_its_publisher_is_closed)
{
	uint64_t id = libmq_publisher_id(self->publisher);
	struct libmq_message message = text_message("pro/1", "gone");

	message.metadata = "meta";
	message.metadata_len = 4;
	message.flags = LIBMQ_RETAIN | LIBMQ_QOS_1;
	ASSERT_EQ(0, libmq_publisher_will_set(self->publisher, 5, &message, NULL));
	EXPECT_EQ(1, info_of(self->channel).wills);
	EXPECT_EQ(1, stats_of(self->admin, NAME).info.wills);
	EXPECT_TRUE(silent(self));
	libmq_publisher_close(self->publisher);
	self->publisher = NULL;
	ASSERT_TRUE(next_is(self, "gone"));
	EXPECT_TRUE(topic_is(&self->record, "pro/1"));
	EXPECT_EQ(LIBMQ_WILL | LIBMQ_RETAIN | LIBMQ_QOS_1, self->record.flags);
	EXPECT_EQ(id, self->record.publisher);
	EXPECT_EQ(4, self->record.metadata_len);
	EXPECT_EQ(1, info_of(self->channel).retained);
	EXPECT_EQ(0, info_of(self->channel).wills);
	EXPECT_TRUE(silent(self));
}

TEST_F(will, replaced_cleared_and_published)
{
	struct libmq_publisher *publisher = self->publisher;

	EXPECT_EQ(-ENOENT, libmq_publisher_will_clear(publisher, 1));
	EXPECT_EQ(-ENOENT, libmq_publisher_will_publish(publisher, 1));
	EXPECT_EQ(0, libmq_publisher_wills_clear(publisher));
	ASSERT_EQ(0, set_will(publisher, 1, "pro/1", "one"));
	ASSERT_EQ(0, set_will(publisher, 1, "pro/1", "two"));
	EXPECT_EQ(1, info_of(self->channel).wills);
	EXPECT_EQ(0, libmq_publisher_will_publish(publisher, 1));
	EXPECT_TRUE(next_is(self, "two"));
	EXPECT_EQ(-ENOENT, libmq_publisher_will_publish(publisher, 1));
	ASSERT_EQ(0, set_will(publisher, 1, "pro/1", "three"));
	EXPECT_EQ(0, libmq_publisher_will_clear(publisher, 1));
	EXPECT_EQ(-ENOENT, libmq_publisher_will_clear(publisher, 1));
	ASSERT_EQ(0, set_will(publisher, 9, "pro/1", "four"));
	ASSERT_EQ(0, set_will(publisher, 3, "pro/1", "five"));
	EXPECT_EQ(2, libmq_publisher_wills_publish(publisher));
	EXPECT_TRUE(next_is(self, "four"));
	EXPECT_TRUE(next_is(self, "five"));
	ASSERT_EQ(0, set_will(publisher, 1, "pro/1", "six"));
	ASSERT_EQ(0, set_will(publisher, 2, "pro/1", "seven"));
	EXPECT_EQ(2, libmq_publisher_wills_clear(publisher));
	libmq_publisher_close(publisher);
	self->publisher = NULL;
	EXPECT_TRUE(silent(self));
	EXPECT_EQ(0, info_of(self->channel).wills_lost);
}

TEST_F(will, delayed)
{
	struct libmq_will_opts opts = LIBMQ_OPTS(libmq_will_opts, .delay_ms = 50);
	struct libmq_message message = text_message("pro/1", "late");

	ASSERT_EQ(0, libmq_publisher_will_set(self->publisher, 1, &message, &opts));
	ASSERT_EQ(0, set_will(self->publisher, 2, "pro/1", "at once"));
	libmq_publisher_close(self->publisher);
	self->publisher = NULL;
	EXPECT_TRUE(next_is(self, "at once"));
	EXPECT_TRUE(next_is(self, "late"));
}

/* A value that goes away again some time after its publisher. */
TEST_F(will, expires)
{
	struct libmq_message message = text_message("pro/1", "offline");
	unsigned int i;

	message.flags = LIBMQ_RETAIN;
	message.expiry_ns = 20 * 1000000;
	ASSERT_EQ(0, libmq_publisher_will_set(self->publisher, 1, &message, NULL));
	EXPECT_EQ(1, libmq_publisher_wills_publish(self->publisher));
	for (i = 0; !info_of(self->channel).expired && i < SOON_MS / 10; i++)
		usleep(10000);
	EXPECT_EQ(1, info_of(self->channel).expired);
	EXPECT_EQ(0, info_of(self->channel).retained);
}

TEST_F(will, that_cannot_be)
{
	struct libmq_publisher *publisher = self->publisher;
	struct { struct libmq_will_opts opts; uint64_t newer; } newer = { .newer = 1 };
	struct libmq_message message = text_message("pro/1", "x");
	static char large[5000];

	newer.opts.size = sizeof(newer);
	EXPECT_EQ(-EINVAL, libmq_publisher_will_set(publisher, 1, &message, &newer.opts));
	message.expect = 1;
	EXPECT_EQ(-EINVAL, libmq_publisher_will_set(publisher, 1, &message, NULL));
	message.flags = LIBMQ_EXPECT;
	message.expect = 0;
	EXPECT_EQ(-EINVAL, libmq_publisher_will_set(publisher, 1, &message, NULL));
	message.flags = 0;
	message.expiry_ns = 1;
	EXPECT_EQ(-EINVAL, libmq_publisher_will_set(publisher, 1, &message, NULL));
	EXPECT_EQ(-EINVAL, set_will(publisher, 1, "pro/+", "x"));
	EXPECT_EQ(-EINVAL, set_will(publisher, 1, "", "x"));
	EXPECT_EQ(-ESTALE, set_will(publisher, 1, "other/1", "x"));
	message.expiry_ns = 0;
	message.payload = large;
	message.payload_len = sizeof(large);
	EXPECT_EQ(-EMSGSIZE, libmq_publisher_will_set(publisher, 1, &message, NULL));
	EXPECT_EQ(0, info_of(self->channel).wills);
	ASSERT_EQ(0, set_will(publisher, 1, "pro/1", "x"));
	ASSERT_EQ(0, libmq_admin_delete(self->admin, NAME));
	EXPECT_EQ(-ENODEV, set_will(publisher, 2, "pro/1", "x"));
	EXPECT_EQ(-ENODEV, libmq_publisher_will_clear(publisher, 1));
	EXPECT_EQ(-ENODEV, libmq_publisher_will_publish(publisher, 1));
	EXPECT_EQ(-ENODEV, libmq_publisher_wills_clear(publisher));
	EXPECT_EQ(-ENODEV, libmq_publisher_wills_publish(publisher));
}

/* ---- limits ---------------------------------------------------------------- */

TEST_F(will, a_quarter_of_the_ring)
{
	unsigned int i;

	for (i = 0; i < WILLS_MAX; i++)
		ASSERT_EQ(0, set_will(self->publisher, i, "pro/1", "x"));
	EXPECT_EQ(-EDQUOT, set_will(self->publisher, i, "pro/1", "x"));
	/* In the place of another one, as large: nothing more is needed. */
	EXPECT_EQ(0, set_will(self->publisher, 0, "pro/1", "y"));
	EXPECT_EQ(-EDQUOT, bus_will(self->bus, 1, "pro/1", "x"));
	EXPECT_EQ(2, info_of(self->channel).refusals[LIBMQ_LIMIT_WILLS]);
	EXPECT_EQ(2, stats_of(self->admin, NAME).info.refusals[LIBMQ_LIMIT_WILLS]);
	EXPECT_EQ(0, stats_of(self->admin, NAME).info.refusals[LIBMQ_LIMIT_USER]);
	EXPECT_EQ(WILLS_MAX, libmq_publisher_wills_clear(self->publisher));
}

TEST_F(will, retained_values_of_wills_count)
{
	struct libmq_message message = text_message("pro/1", "x");
	static char topics[RETAINED_MAX + 1][16];
	unsigned int i;

	message.flags = LIBMQ_RETAIN;
	for (i = 0; i <= RETAINED_MAX; i++) {
		snprintf(topics[i], sizeof(topics[i]), "pro/%u", i);
		message.topic = topics[i];
		EXPECT_EQ(i < RETAINED_MAX ? 0 : -EDQUOT,
			  libmq_publisher_will_set(self->publisher, i, &message, NULL));
	}
	EXPECT_EQ(1, info_of(self->channel).refusals[LIBMQ_LIMIT_RETAINED]);
	libmq_publisher_wills_clear(self->publisher);
}

TEST_F(will, as_many_as_a_publisher_may_have)
{
	char before[32];

	ASSERT_EQ(0, write_parameter("max_wills_per_publisher", "1", before, sizeof(before)));
	EXPECT_EQ(0, set_will(self->publisher, 1, "pro/1", "x"));
	EXPECT_EQ(-EMFILE, set_will(self->publisher, 2, "pro/1", "x"));
	EXPECT_EQ(0, bus_will(self->bus, 1, "pro/1", "x"));
	EXPECT_EQ(-EMFILE, bus_will(self->bus, 2, "pro/1", "x"));
	EXPECT_EQ(0, bus_will(self->bus, 1, "pro/1", "y"));
	ASSERT_EQ(0, write_parameter("max_wills_per_publisher", before, NULL, 0));
	libmq_publisher_wills_clear(self->publisher);
	libmq_bus_wills_clear(self->bus);
}

/* As a user without privileges; the result is the exit status. */
static int two_wills_as_nobody(void)
{
	struct libmq_publisher *publisher;
	struct libmq_channel *channel;

	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY) ||
	    libmq_channel_open(&channel, NULL, NAME, LIBMQ_OPEN_WRITE) ||
	    libmq_publisher_open(&publisher, channel) || set_will(publisher, 1, "pro/1", "nobody"))
		return 1;
	return set_will(publisher, 2, "pro/1", "x") == -EDQUOT ? 0 : 2;
}

TEST_F(will, as_many_as_a_user_may_have_and_the_events)
{
	struct libmq_event event;
	char before[32];
	int status;
	pid_t child;

	ASSERT_EQ(0, write_parameter("max_wills_per_user", "1", before, sizeof(before)));
	ASSERT_EQ(0, libmq_admin_listen(self->admin));
	child = fork();
	if (!child)
		_exit(two_wills_as_nobody());
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, write_parameter("max_wills_per_user", before, NULL, 0));
	ASSERT_EQ(0, await(self->admin, LIBMQ_EVENT_REFUSED, &event));
	EXPECT_EQ(LIBMQ_LIMIT_USER, event.limit);
	EXPECT_EQ(NOBODY, event.uid);
	EXPECT_EQ((uint32_t)child, event.pid);
	EXPECT_EQ(0, event.sequence);
	/* The one that it had is published with its end. */
	ASSERT_EQ(0, await(self->admin, LIBMQ_EVENT_WILL, &event));
	EXPECT_EQ(1, event.sequence);
	EXPECT_EQ((uint32_t)child, event.pid);
	EXPECT_TRUE(next_is(self, "nobody"));
	EXPECT_EQ(self->record.publisher, event.id);
	EXPECT_EQ(1, info_of(self->channel).refusals[LIBMQ_LIMIT_USER]);
}

TEST_F(will, what_everything_is_called)
{
	EXPECT_STREQ("will", libmq_event_name(LIBMQ_EVENT_WILL));
	EXPECT_STREQ("refused", libmq_event_name(LIBMQ_EVENT_REFUSED));
	EXPECT_STREQ("unknown", libmq_event_name(LIBMQ_EVENT_REFUSED + 1));
	EXPECT_STREQ("subscriptions", libmq_limit_name(LIBMQ_LIMIT_SUBSCRIPTIONS));
	EXPECT_STREQ("wills", libmq_limit_name(LIBMQ_LIMIT_WILLS));
	EXPECT_STREQ("memlock", libmq_limit_name(LIBMQ_LIMIT_MEMLOCK));
	EXPECT_STREQ("channels", libmq_limit_name(LIBMQ_LIMIT_CHANNELS));
	EXPECT_STREQ("slots", libmq_limit_name(LIBMQ_LIMIT_SLOTS));
	EXPECT_STREQ("unknown", libmq_limit_name(LIBMQ_LIMITS));
	EXPECT_STREQ("unknown", libmq_limit_name(LIBMQ_LIMIT_SLOTS + 1));
	EXPECT_STREQ("unknown", libmq_limit_name(-1));
}

TEST_F(will, without_space_to_set_aside)
{
	struct libmq_subscription *holder = holding(self->channel, "pro/#");
	uint64_t number;

	ASSERT_NE(NULL, holder);
	for (number = 0; number < SLOTS; number++)
		ASSERT_EQ(0, publish_number(self->publisher, "pro/1", number));
	EXPECT_EQ(-EAGAIN, set_will(self->publisher, 1, "pro/1", "x"));
	EXPECT_EQ(-EAGAIN, bus_will(self->bus, 1, "pro/1", "x"));
	EXPECT_EQ(0, libmq_bus_wait(self->bus, LIBMQ_WAIT_SPACE, 0));
	libmq_subscription_close(holder);
	EXPECT_EQ(LIBMQ_WAIT_SPACE, libmq_bus_wait(self->bus, LIBMQ_WAIT_SPACE, SOON_MS));
	EXPECT_EQ(0, bus_will(self->bus, 1, "pro/1", "x"));
	EXPECT_EQ(1, libmq_bus_wills_clear(self->bus));
}

/* ---- of the bus ------------------------------------------------------------ */

TEST_F(will, of_the_bus_goes_to_the_owner_of_its_topic)
{
	struct libmq_bus *bus = self->bus;

	EXPECT_EQ(-ENOENT, libmq_bus_will_clear(bus, 1));
	EXPECT_EQ(0, libmq_bus_wills_publish(bus));
	EXPECT_EQ(-ESTALE, bus_will(bus, 1, "nobody/1", "x"));
	EXPECT_EQ(-EINVAL, bus_will(bus, 1, "pro/#", "x"));
	ASSERT_EQ(0, bus_will(bus, 1, "pro/1", "one"));
	ASSERT_EQ(0, bus_will(bus, 2, "pro/1", "two"));
	EXPECT_EQ(2, info_of(self->channel).wills);
	/* The same will on a topic of another channel. */
	ASSERT_EQ(0, bus_will(bus, 2, "other/1", "two"));
	EXPECT_EQ(1, info_of(self->channel).wills);
	EXPECT_EQ(1, info_of(self->other).wills);
	EXPECT_EQ(0, libmq_bus_will_publish(bus, 1));
	EXPECT_EQ(-ENOENT, libmq_bus_will_publish(bus, 1));
	EXPECT_TRUE(next_is(self, "one"));
	EXPECT_EQ(0, libmq_bus_will_clear(bus, 2));
	EXPECT_EQ(0, info_of(self->other).wills);
	ASSERT_EQ(0, bus_will(bus, 1, "pro/1", "x"));
	ASSERT_EQ(0, bus_will(bus, 2, "other/1", "x"));
	EXPECT_EQ(2, libmq_bus_wills_clear(bus));
	ASSERT_EQ(0, bus_will(bus, 1, "pro/1", "three"));
	ASSERT_EQ(0, bus_will(bus, 2, "other/1", "x"));
	EXPECT_EQ(2, libmq_bus_wills_publish(bus));
	EXPECT_TRUE(next_is(self, "three"));
	ASSERT_EQ(0, bus_will(bus, 1, "pro/1", "closed"));
	libmq_bus_close(bus);
	self->bus = NULL;
	EXPECT_TRUE(next_is(self, "closed"));
}

TEST_F(will, lost_when_the_topic_has_another_owner)
{
	struct libmq_event event;

	ASSERT_EQ(0, libmq_admin_listen(self->admin));
	ASSERT_EQ(0, bus_will(self->bus, 1, "pro/1", "x"));
	ASSERT_EQ(0, claim(self->admin, NAME, NULL));
	ASSERT_EQ(0, claim(self->admin, OTHER, "pro/#"));
	EXPECT_EQ(-ESTALE, libmq_bus_will_publish(self->bus, 1));
	EXPECT_EQ(-ENOENT, libmq_bus_will_publish(self->bus, 1));
	EXPECT_EQ(1, info_of(self->channel).wills_lost);
	EXPECT_EQ(1, stats_of(self->admin, NAME).info.wills_lost);
	ASSERT_EQ(0, await(self->admin, LIBMQ_EVENT_WILL, &event));
	EXPECT_EQ(0, event.sequence);
	/* Set anew, it goes to the new one, without a hint that claims moved. */
	EXPECT_EQ(0, bus_will(self->bus, 1, "pro/1", "x"));
	EXPECT_EQ(1, info_of(self->other).wills);
	ASSERT_EQ(0, libmq_admin_delete(self->admin, OTHER));
	EXPECT_EQ(-ENOENT, libmq_bus_will_publish(self->bus, 1));
	EXPECT_EQ(0, libmq_bus_wills_publish(self->bus));
	EXPECT_EQ(0, libmq_bus_wills_clear(self->bus));
	EXPECT_EQ(-ESTALE, bus_will(self->bus, 1, "pro/1", "x"));
}

/* The program goes on: nobody shall hear that it has ended. */
TEST_F(will, a_node_that_is_removed_is_no_end)
{
	ASSERT_EQ(0, bus_will(self->bus, 1, "pro/1", "x"));
	ASSERT_EQ(0, unlink("/dev/mq/" NAME));
	libmq_bus_prepare_sleep(self->bus);
	EXPECT_EQ(0, info_of(self->channel).wills);
	EXPECT_TRUE(silent(self));
	EXPECT_EQ(-ENOENT, libmq_bus_will_publish(self->bus, 1));
}

/* A process with wills on a bus of its own; both ends of @pipe are its. */
static void live(const int pipe[2], const struct libmq_will_opts *opts, bool bequeath)
{
	struct libmq_message message = text_message("pro/1", "killed");
	struct libmq_bus *bus;
	char byte;

	if (libmq_bus_open(&bus, NULL) || libmq_bus_will_set(bus, 1, &message, opts))
		_exit(1);
	/* Its child inherits the descriptors and outlives it. */
	if (bequeath && !fork()) {
		close(pipe[1]);
		_exit(read(pipe[0], &byte, 1) != 0);
	}
	write(pipe[1], "x", 1);
	pause();
	_exit(1);
}

static pid_t start_life(const struct libmq_will_opts *opts, bool bequeath, int *alive)
{
	int up[2], down[2];
	pid_t child;
	char byte;

	if (pipe(up) || pipe(down))
		return -1;
	child = fork();
	if (!child) {
		close(up[0]);
		close(down[1]);
		live((int []){ down[0], up[1] }, opts, bequeath);
	}
	close(up[1]);
	close(down[0]);
	if (read(up[0], &byte, 1) != 1)
		child = -1;
	close(up[0]);
	*alive = down[1];
	return child;
}

TEST_F(will, speaks_for_who_is_killed)
{
	int alive;
	pid_t child = start_life(NULL, false, &alive);

	ASSERT_LT(0, child);
	EXPECT_TRUE(silent(self));
	ASSERT_EQ(0, kill(child, SIGKILL));
	waitpid(child, NULL, 0);
	EXPECT_TRUE(next_is(self, "killed"));
	EXPECT_TRUE(silent(self));
	close(alive);
}

TEST_F(will, on_exit_does_not_wait_for_who_inherited)
{
	struct libmq_will_opts opts = LIBMQ_OPTS(libmq_will_opts, .on_exit = true);
	int alive;
	pid_t child = start_life(&opts, true, &alive);

	ASSERT_LT(0, child);
	ASSERT_EQ(0, kill(child, SIGKILL));
	waitpid(child, NULL, 0);
	EXPECT_TRUE(next_is(self, "killed"));
	close(alive);
	/* Without it, the last one counts. */
	child = start_life(NULL, true, &alive);
	ASSERT_LT(0, child);
	ASSERT_EQ(0, kill(child, SIGKILL));
	waitpid(child, NULL, 0);
	EXPECT_TRUE(silent(self));
	close(alive);
	EXPECT_TRUE(next_is(self, "killed"));
}

TEST_HARNESS_MAIN
