// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A full channel on the bus: what is refused, and how a publisher learns of space. */
#include <poll.h>

#include "fixture.h"

#define SLOTS 256

FIXTURE(space)
{
	struct libmq_admin *admin;
	struct libmq_bus *bus;
	struct libmq_bus *reader;
	struct libmq_record record;
	struct libmq_gap gap;
};

static int create(struct libmq_admin *admin)
{
	static const char *const claim[] = { "full/#" };
	struct libmq_channel_opts opts = {
		.slots = SLOTS, .overflow = LIBMQ_REJECT, .claims = claim, .claims_count = 1,
	};

	return channel_anew(admin, "libfull", opts);
}

FIXTURE_SETUP(space)
{
	static const char *const claim[] = { "free/#" };

	memset(self, 0, sizeof(*self));
	self->admin = admin_open();
	ASSERT_NE(NULL, self->admin);
	ASSERT_EQ(0, create(self->admin));
	ASSERT_EQ(0, channel_anew(self->admin, "libfree", (struct libmq_channel_opts){
		  .claims = claim, .claims_count = 1 }));
	ASSERT_EQ(0, libmq_bus_open(&self->bus, NULL));
	ASSERT_EQ(0, libmq_bus_open(&self->reader, &LIBMQ_OPTS(libmq_bus_opts, .hold = true)));
	ASSERT_EQ(0, libmq_bus_subscribe(self->reader, "full/+", 6, 1));
}

FIXTURE_TEARDOWN(space)
{
	libmq_bus_close(self->reader);
	libmq_bus_close(self->bus);
	libmq_admin_delete(self->admin, "libfull");
	libmq_admin_delete(self->admin, "libfree");
	libmq_admin_close(self->admin);
}

static int space_there(struct libmq_bus *bus)
{
	struct pollfd fd = { .fd = libmq_bus_space_fd(bus), .events = POLLIN };

	return poll(&fd, 1, 0);
}

static uint64_t fill(struct _test_data_space *self)
{
	uint64_t number = 0;

	while (!bus_publish_number(self->bus, "full/x", number, 0))
		number++;
	return number;
}

TEST_F(space, those_behind_a_refused_one_wait_too)
{
	struct libmq_message messages[6];
	struct libmq_result results[6];
	uint64_t number = 7;
	unsigned int i;

	EXPECT_EQ(0, space_there(self->bus));
	ASSERT_EQ(SLOTS, fill(self));
	for (i = 0; i < 6; i++)
		messages[i] = numbered(i == 2 ? "free/x" : "full/x", &number, 0);
	EXPECT_EQ(1, libmq_bus_publish(self->bus, messages, results, 6));
	for (i = 0; i < 6; i++)
		EXPECT_EQ(i == 2 ? 0 : -EAGAIN, results[i].result);
	EXPECT_EQ(0, space_there(self->bus));
}

TEST_F(space, is_told_and_taken)
{
	unsigned int read;

	ASSERT_EQ(SLOTS, fill(self));
	EXPECT_EQ(0, libmq_bus_wait(self->bus, LIBMQ_WAIT_SPACE, 0));
	for (read = 0; read < SLOTS / 2; read++)
		ASSERT_EQ(LIBMQ_RECORD, libmq_bus_next(self->reader, &self->record, &self->gap));
	EXPECT_EQ(LIBMQ_WAIT_SPACE, libmq_bus_wait(self->bus, LIBMQ_WAIT_SPACE, SOON_MS));
	/* Taken: quiet until the next refusal. */
	EXPECT_EQ(0, space_there(self->bus));
	EXPECT_EQ(0, bus_publish_number(self->bus, "full/x", 1, 0));
	EXPECT_EQ(0, space_there(self->bus));
}

TEST_F(space, publishing_quiets_the_descriptor)
{
	struct pollfd fd = { .events = POLLIN };
	unsigned int read;

	ASSERT_EQ(SLOTS, fill(self));
	for (read = 0; read < SLOTS / 2; read++)
		ASSERT_EQ(LIBMQ_RECORD, libmq_bus_next(self->reader, &self->record, &self->gap));
	fd.fd = libmq_bus_space_fd(self->bus);
	ASSERT_EQ(1, poll(&fd, 1, SOON_MS));
	/* Level-triggered, whatever happens on other channels. */
	EXPECT_EQ(0, bus_publish_number(self->bus, "free/x", 1, 0));
	EXPECT_EQ(1, space_there(self->bus));
	EXPECT_EQ(0, bus_publish_number(self->bus, "full/x", 1, 0));
	EXPECT_EQ(0, space_there(self->bus));
}

/* Who waits for space in a channel must not wait for ever when it is deleted. */
TEST_F(space, end_of_the_channel_ends_the_wait)
{
	ASSERT_EQ(SLOTS, fill(self));
	ASSERT_EQ(0, libmq_admin_delete(self->admin, "libfull"));
	EXPECT_EQ(LIBMQ_WAIT_SPACE, libmq_bus_wait(self->bus, LIBMQ_WAIT_SPACE, SOON_MS));
	EXPECT_EQ(-ESTALE, bus_publish_number(self->bus, "full/x", 1, 0));

	ASSERT_EQ(0, create(self->admin));
	/* The reader holds the new one too, as soon as it has looked. */
	EXPECT_LE(0, libmq_bus_wait(self->reader, LIBMQ_WAIT_RECORD, 0));
	ASSERT_EQ(SLOTS, fill(self));
	ASSERT_EQ(0, libmq_admin_delete(self->admin, "libfull"));
	/* Noticing it in passing (inotify) loses the wake-up no more. */
	EXPECT_FALSE(libmq_bus_prepare_sleep(self->bus));
	EXPECT_EQ(LIBMQ_WAIT_SPACE, libmq_bus_wait(self->bus, LIBMQ_WAIT_SPACE, SOON_MS));
}

TEST_HARNESS_MAIN
