// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The bus: owners of topics, channels that come, go and change, space. */
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

FIXTURE(bus)
{
	struct libmq_admin *admin;
	struct libmq_bus *bus;
	struct libmq_record record;
	struct libmq_gap gap;
};

static const char *const channels[] = { "libbusa", "libbusb", "libbusc" };

static void delete_all(struct libmq_admin *admin)
{
	size_t i;

	for (i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
		libmq_admin_delete(admin, channels[i]);
}

FIXTURE_SETUP(bus)
{
	memset(self, 0, sizeof(*self));
	self->admin = admin_open();
	ASSERT_NE(NULL, self->admin);
	delete_all(self->admin);
}

FIXTURE_TEARDOWN(bus)
{
	libmq_bus_close(self->bus);
	delete_all(self->admin);
	libmq_admin_close(self->admin);
}

static int create(struct libmq_admin *admin, const char *name, const char *claim)
{
	struct libmq_channel_opts opts = { .slots = 256, .claims = &claim, .claims_count = 1 };

	return channel_anew(admin, name, opts);
}

static int open_bus(struct _test_data_bus *self)
{
	return libmq_bus_open(&self->bus, NULL);
}

static int subscribe(struct _test_data_bus *self, const char *filter)
{
	return libmq_bus_subscribe(self->bus, filter, strlen(filter), 1);
}

static int publish(struct _test_data_bus *self, const char *topic, uint64_t number)
{
	return bus_publish_number(self->bus, topic, number, 0);
}

/* The number of the next record, UINT64_MAX: none came. */
static uint64_t next_number(struct _test_data_bus *self)
{
	if (bus_next_soon(self->bus, &self->record, &self->gap) != LIBMQ_RECORD)
		return UINT64_MAX;
	return number_of(&self->record);
}

static const char *from(const struct _test_data_bus *self)
{
	return libmq_channel_name(self->record.channel);
}

TEST_F(bus, topics_go_to_their_owner)
{
	static const struct {
		const char *topic;
		const char *owner;
	} topics[] = {
		{ "bt/x", "libbusa" },		/* bt/# */
		{ "bt/x/y", "libbusb" },	/* bt/+/y before bt/# */
		{ "bt/lit/y", "libbusc" },	/* bt/lit/# before bt/+/y */
		{ "bt/lit", "libbusc" },	/* its parent level */
		{ "bt", "libbusa" },
		{ "libbusb", "libbusb" },	/* each owns its name */
	};
	size_t i;

	ASSERT_EQ(0, create(self->admin, "libbusa", "bt/#"));
	ASSERT_EQ(0, create(self->admin, "libbusb", "bt/+/y"));
	ASSERT_EQ(0, create(self->admin, "libbusc", "bt/lit/#"));
	ASSERT_EQ(0, open_bus(self));
	ASSERT_LE(3, libmq_bus_channels(self->bus));
	ASSERT_EQ(0, subscribe(self, "#"));
	for (i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
		ASSERT_EQ(0, publish(self, topics[i].topic, i));
		ASSERT_EQ(i, next_number(self));
		EXPECT_EQ(0, strcmp(topics[i].owner, from(self)));
	}
	EXPECT_EQ(-ESTALE, publish(self, "nobody/owns/this", 1));
	EXPECT_EQ(-EINVAL, publish(self, "bt/+", 1));
	EXPECT_EQ(-EINVAL, publish(self, "nobody/#", 1));
	EXPECT_EQ(LIBMQ_NONE, libmq_bus_next(self->bus, &self->record, &self->gap));
}

TEST_F(bus, batch_keeps_order_and_tells_each_result)
{
	enum { COUNT = 700 };
	static struct libmq_message messages[COUNT];
	static struct libmq_result results[COUNT];
	static uint64_t numbers[COUNT];
	uint64_t last_a = 0;
	uint64_t last_b = 0;
	unsigned int i;
	unsigned int good = 0;

	ASSERT_EQ(0, create(self->admin, "libbusa", "ba/#"));
	ASSERT_EQ(0, create(self->admin, "libbusb", "bb/#"));
	ASSERT_EQ(0, open_bus(self));
	for (i = 0; i < COUNT; i++) {
		static const char *const topics[] = { "ba/1", "bb/1", "ba/1", "bc/none", "ba/#" };

		numbers[i] = i;
		messages[i] = numbered(topics[i < 300 ? 0 : i % 5], &numbers[i], 0);
	}
	for (i = 0; i < COUNT; i++)
		results[i].result = 1;
	good = libmq_bus_publish(self->bus, messages, results, COUNT);
	EXPECT_EQ(300 + 3 * 80, good);
	for (i = 0; i < COUNT; i++) {
		int kind = i < 300 ? 0 : i % 5;
		uint64_t *last = kind == 1 ? &last_b : &last_a;

		EXPECT_EQ(kind == 3 ? -ESTALE : kind == 4 ? -EINVAL : 0, results[i].result);
		if (results[i].result)
			continue;
		EXPECT_LT(*last, results[i].sequence);
		*last = results[i].sequence;
	}
}

TEST_F(bus, joins_what_appears_later_from_its_start)
{
	struct libmq_bus *other = NULL;
	uint64_t number;

	ASSERT_EQ(0, create(self->admin, "libbusa", "later/a"));
	ASSERT_EQ(0, libmq_bus_open(&other, NULL));
	ASSERT_EQ(0, bus_publish_number(other, "later/a", 1, 0));
	ASSERT_EQ(0, open_bus(self));
	ASSERT_EQ(0, subscribe(self, "later/#"));
	EXPECT_EQ(0, libmq_bus_wait(self->bus, LIBMQ_WAIT_RECORD, 0));
	/* The program sleeps, a channel comes, and has records before we look. */
	ASSERT_EQ(0, create(self->admin, "libbusb", "later/b"));
	for (number = 0; number < 10; number++)
		ASSERT_EQ(0, bus_publish_number(other, "later/b", number, 0));
	libmq_bus_close(other);
	for (number = 0; number < 10; number++)
		EXPECT_EQ(number, next_number(self));
	EXPECT_EQ(0, strcmp("libbusb", from(self)));
	EXPECT_EQ(LIBMQ_NONE, libmq_bus_next(self->bus, &self->record, &self->gap));
}

/* Deleted and made again under the same name: all of the old, then the new. */
TEST_F(bus, follows_a_channel_that_is_made_again)
{
	unsigned int round;

	ASSERT_EQ(0, create(self->admin, "libbusa", "again/#"));
	ASSERT_EQ(0, open_bus(self));
	ASSERT_EQ(0, subscribe(self, "again/#"));
	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, publish(self, "again/x", 2 * round));
		ASSERT_EQ(0, create(self->admin, "libbusa", "again/#"));
		ASSERT_EQ(0, publish(self, "again/x", 2 * round + 1));
		EXPECT_EQ(2 * round, next_number(self));
		EXPECT_EQ(2 * round + 1, next_number(self));
	}
	ASSERT_EQ(0, libmq_admin_delete(self->admin, "libbusa"));
	EXPECT_EQ(-ESTALE, publish(self, "again/x", 1));
	EXPECT_EQ(LIBMQ_NONE, libmq_bus_next(self->bus, &self->record, &self->gap));
}

/*
 * The same for who only publishes for a while. (Its open nodes keep the old
 * directories of nodes alive: no event tells of their end.)
 */
TEST_F(bus, publishes_to_a_channel_that_is_made_again)
{
	uint64_t round;

	ASSERT_EQ(0, create(self->admin, "libbusa", "again/#"));
	ASSERT_EQ(0, open_bus(self));
	ASSERT_EQ(0, subscribe(self, "again/#"));
	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, publish(self, "again/x", round));
		ASSERT_EQ(0, create(self->admin, "libbusa", "again/#"));
	}
	ASSERT_EQ(0, publish(self, "again/x", round));
	for (round = 0; round < 6; round++)
		EXPECT_EQ(round, next_number(self));
}

/* The directory goes with the last channel and comes with the first. */
TEST_F(bus, outlives_the_directory)
{
	unsigned int before;

	ASSERT_EQ(0, open_bus(self));
	before = libmq_bus_channels(self->bus);
	ASSERT_EQ(0, subscribe(self, "dir/#"));
	EXPECT_EQ(0, libmq_bus_wait(self->bus, LIBMQ_WAIT_RECORD, 0));
	ASSERT_EQ(0, create(self->admin, "libbusa", "dir/#"));
	ASSERT_EQ(0, publish(self, "dir/x", 1));
	EXPECT_EQ(1, next_number(self));
	EXPECT_EQ(before + 1, libmq_bus_channels(self->bus));
	ASSERT_EQ(0, libmq_admin_delete(self->admin, "libbusa"));
	EXPECT_EQ(0, libmq_bus_wait(self->bus, LIBMQ_WAIT_RECORD, 0) & ~LIBMQ_WAIT_RECORD);
	EXPECT_EQ(LIBMQ_NONE, libmq_bus_next(self->bus, &self->record, &self->gap));
	EXPECT_EQ(before, libmq_bus_channels(self->bus));
	ASSERT_EQ(0, create(self->admin, "libbusa", "dir/#"));
	ASSERT_EQ(0, publish(self, "dir/x", 2));
	EXPECT_EQ(2, next_number(self));
}

/* A topic moves to a channel that the subscriber was not on. */
TEST_F(bus, follows_claims_that_move)
{
	static const char *const claim[] = { "mv/x" };
	struct libmq_channel_opts claims = {
		.size = sizeof(claims), .claims = claim, .claims_count = 1,
	};
	struct libmq_bus *other = NULL;

	ASSERT_EQ(0, create(self->admin, "libbusa", "mv/#"));
	ASSERT_EQ(0, create(self->admin, "libbusb", "elsewhere/#"));
	ASSERT_EQ(0, open_bus(self));
	ASSERT_EQ(0, libmq_bus_open(&other, NULL));
	ASSERT_EQ(0, subscribe(self, "mv/+"));
	ASSERT_EQ(0, bus_publish_number(other, "mv/x", 1, 0));
	EXPECT_EQ(1, next_number(self));
	EXPECT_EQ(0, strcmp("libbusa", from(self)));
	EXPECT_EQ(0, libmq_bus_wait(self->bus, LIBMQ_WAIT_RECORD, 0));

	ASSERT_EQ(0, libmq_admin_set(self->admin, "libbusb", &claims));
	ASSERT_EQ(0, bus_publish_number(other, "mv/x", 2, 0));
	ASSERT_EQ(0, bus_publish_number(other, "mv/y", 3, 0));
	/* Different channels: in either order. */
	EXPECT_EQ(5, next_number(self) + next_number(self));
	claims = LIBMQ_OPTS(libmq_channel_opts, .claims_none = true);
	ASSERT_EQ(0, libmq_admin_set(self->admin, "libbusb", &claims));
	ASSERT_EQ(0, bus_publish_number(other, "mv/x", 4, 0));
	EXPECT_EQ(4, next_number(self));
	EXPECT_EQ(0, strcmp("libbusa", from(self)));
	libmq_bus_close(other);
}

TEST_F(bus, filters_are_removed_everywhere)
{
	ASSERT_EQ(0, create(self->admin, "libbusa", "rm/a"));
	ASSERT_EQ(0, create(self->admin, "libbusb", "rm/b"));
	ASSERT_EQ(0, open_bus(self));
	ASSERT_EQ(0, subscribe(self, "rm/#"));
	ASSERT_EQ(0, subscribe(self, "rm/b"));
	EXPECT_EQ(-EINVAL, subscribe(self, "rm/#/x"));
	ASSERT_EQ(0, libmq_bus_unsubscribe(self->bus, "rm/#", 4));
	EXPECT_EQ(-ENOENT, libmq_bus_unsubscribe(self->bus, "rm/#", 4));
	ASSERT_EQ(0, publish(self, "rm/a", 1));
	ASSERT_EQ(0, publish(self, "rm/b", 2));
	EXPECT_EQ(2, next_number(self));
	EXPECT_EQ(LIBMQ_NONE, libmq_bus_next(self->bus, &self->record, &self->gap));
}

TEST_F(bus, receivers_are_the_sum_of_weights)
{
	uint64_t number = 1;
	struct libmq_message message = numbered("w/x", &number, 0);
	struct libmq_result result;

	ASSERT_EQ(0, create(self->admin, "libbusa", "w/#"));
	ASSERT_EQ(0, open_bus(self));
	ASSERT_EQ(0, libmq_bus_subscribe(self->bus, "w/x", 3, 5));
	ASSERT_EQ(0, libmq_bus_subscribe(self->bus, "w/+", 3, 2));
	ASSERT_EQ(1, libmq_bus_publish(self->bus, &message, &result, 1));
	EXPECT_EQ(7, result.receivers);
	ASSERT_EQ(0, libmq_bus_subscribe(self->bus, "w/x", 3, 1));
	ASSERT_EQ(1, libmq_bus_publish(self->bus, &message, &result, 1));
	EXPECT_EQ(3, result.receivers);
}

/* ---- without descriptors ----------------------------------------------------- */

#define SPARES 3

struct spares {
	int fds[SPARES];
	struct rlimit limit;
};

/* Takes descriptors that are to be below those of all that is opened from now on. */
static int take_spares(struct spares *spares)
{
	int i;

	for (i = 0; i < SPARES; i++) {
		spares->fds[i] = dup(STDERR_FILENO);
		if (spares->fds[i] < 0)
			return -errno;
	}
	return getrlimit(RLIMIT_NOFILE, &spares->limit);
}

/* So many can be opened from now on, whatever is closed that came after them. */
static int leave_spares(const struct spares *spares, int count)
{
	struct rlimit limit = {
		.rlim_cur = spares->fds[count ? count - 1 : 0] + !!count,
		.rlim_max = spares->limit.rlim_max,
	};
	int i;

	for (i = 0; i < count; i++)
		close(spares->fds[i]);
	return setrlimit(RLIMIT_NOFILE, &limit);
}

static int give_descriptors(const struct spares *spares)
{
	return setrlimit(RLIMIT_NOFILE, &spares->limit);
}

/* A directory that cannot be read says nothing about the channels in it. */
TEST_F(bus, keeps_its_channels_without_descriptors)
{
	struct spares spares;
	unsigned int before;

	ASSERT_EQ(0, create(self->admin, "libbusa", "fda/#"));
	ASSERT_EQ(0, take_spares(&spares));
	ASSERT_EQ(0, open_bus(self));
	ASSERT_EQ(0, publish(self, "fda/x", 1));
	before = libmq_bus_channels(self->bus);
	ASSERT_EQ(0, create(self->admin, "libbusb", "fdb/#"));
	ASSERT_EQ(0, leave_spares(&spares, 0));
	EXPECT_EQ(LIBMQ_WAIT_RECORD, libmq_bus_wait(self->bus, LIBMQ_WAIT_RECORD, 0));
	EXPECT_EQ(-EMFILE, libmq_bus_next(self->bus, &self->record, &self->gap));
	/* Tried again, not told again. */
	EXPECT_EQ(0, libmq_bus_wait(self->bus, LIBMQ_WAIT_RECORD, 0));
	EXPECT_EQ(LIBMQ_NONE, libmq_bus_next(self->bus, &self->record, &self->gap));
	EXPECT_EQ(before, libmq_bus_channels(self->bus));
	EXPECT_EQ(0, publish(self, "fda/x", 2));
	ASSERT_EQ(0, give_descriptors(&spares));
	EXPECT_EQ(0, libmq_bus_wait(self->bus, LIBMQ_WAIT_RECORD, 0));
	EXPECT_EQ(before + 1, libmq_bus_channels(self->bus));
}

/* The old one ends when the new one, of the same name, cannot be opened. */
TEST_F(bus, joins_later_what_it_had_no_descriptor_for)
{
	struct libmq_bus *other = NULL;
	struct spares spares;

	ASSERT_EQ(0, create(self->admin, "libbusa", "fd/#"));
	ASSERT_EQ(0, libmq_bus_open(&other, NULL));
	ASSERT_EQ(0, take_spares(&spares));
	ASSERT_EQ(0, open_bus(self));
	ASSERT_EQ(0, subscribe(self, "fd/#"));
	ASSERT_EQ(0, publish(self, "fd/x", 1));
	ASSERT_EQ(0, create(self->admin, "libbusa", "fd/#"));
	/* For the directory. */
	ASSERT_EQ(0, leave_spares(&spares, 1));
	EXPECT_EQ(1, next_number(self));
	EXPECT_EQ(-EMFILE, bus_next_soon(self->bus, &self->record, &self->gap));
	EXPECT_EQ(-ESTALE, publish(self, "fd/x", 2));
	ASSERT_EQ(0, give_descriptors(&spares));
	ASSERT_EQ(0, bus_publish_number(other, "fd/x", 3, 0));
	EXPECT_EQ(3, next_number(self));
	EXPECT_EQ(0, publish(self, "fd/x", 4));
	EXPECT_EQ(4, next_number(self));
	libmq_bus_close(other);
}

TEST_F(bus, subscribes_later_what_it_had_no_descriptor_for)
{
	struct libmq_bus *other = NULL;
	struct spares spares;
	uint64_t first;

	ASSERT_EQ(0, libmq_bus_open(&other, NULL));
	ASSERT_EQ(0, take_spares(&spares));
	ASSERT_EQ(0, open_bus(self));
	ASSERT_EQ(0, subscribe(self, "+/x"));
	ASSERT_EQ(0, create(self->admin, "libbusa", "fda/#"));
	ASSERT_EQ(0, create(self->admin, "libbusb", "fdb/#"));
	ASSERT_EQ(0, bus_publish_number(other, "fda/x", 1, 0));
	ASSERT_EQ(0, bus_publish_number(other, "fdb/x", 2, 0));
	/* For both nodes, and the directory, whose one serves one subscription. */
	ASSERT_EQ(0, leave_spares(&spares, 3));
	EXPECT_EQ(-EMFILE, bus_next_soon(self->bus, &self->record, &self->gap));
	first = next_number(self);
	EXPECT_EQ(0, libmq_bus_wait(self->bus, LIBMQ_WAIT_RECORD, 0));
	ASSERT_EQ(0, give_descriptors(&spares));
	EXPECT_EQ(3, first + next_number(self));
	libmq_bus_close(other);
}

/* ---- modes --------------------------------------------------------------------- */

/* A node that becomes accessible is joined; one that is not, is named. */
TEST_F(bus, respects_the_mode_of_nodes)
{
	ASSERT_EQ(0, create(self->admin, "libbusa", "mode/#"));
	ASSERT_EQ(0, create(self->admin, "libbusb", "ro/#"));
	ASSERT_EQ(0, chmod("/dev/mq/libbusb", 0444));
	ASSERT_EQ(0, seteuid(65534));
	ASSERT_EQ(0, open_bus(self));
	ASSERT_EQ(0, subscribe(self, "mode/#"));
	EXPECT_EQ(-EACCES, publish(self, "ro/x", 1));
	/* Whether anybody owns it is not for us to see. */
	EXPECT_EQ(-ESTALE, publish(self, "mode/x", 1));
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, create(self->admin, "libbusc", "#"));
	ASSERT_EQ(0, chmod("/dev/mq/libbusc", 0666));
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(0, publish(self, "any/x", 2));
	/* Now it is: not libbusc. */
	EXPECT_EQ(-EACCES, publish(self, "mode/x", 2));
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, chmod("/dev/mq/libbusa", 0666));
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(0, publish(self, "mode/x", 3));
	EXPECT_EQ(3, next_number(self));
	ASSERT_EQ(0, seteuid(0));
}

TEST_HARNESS_MAIN
