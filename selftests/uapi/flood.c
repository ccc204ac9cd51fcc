// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Events that users cause in a loop: some are told, the others counted, and what
 * administrators wait for comes through.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-flood"
#define SLOTS 64U
/* Far more than are told. */
#define FLOOD 2000
#define PARTS 4
/* What libmq asks for: room for a thousand events. */
#define ROOM (1024 * 1024)
#define SECOND 1000000000ULL

/* Whose flood it is, and who has nothing to do with it. */
#define FLOODER 4711
#define BYSTANDER 4712

FIXTURE(flood) {
	int events;
	int publisher;
	struct mqt_subscription holder;
	struct mqt_agent flooder;
	struct mqt_agent bystander;
	struct mqt_reply event;
	uint64_t told[MQ_EVENT_REFUSED + 1];
	uint64_t suppressed[MQ_EVENT_REFUSED + 1];
	uint32_t last_pid[MQ_EVENT_REFUSED + 1];
};

/* An agent's order: does it @times, and returns how often that worked. */
FIXTURE_VARIANT(flood) {
	int (*cause)(int times);
	unsigned int kinds[2];
};

static int subscribe(int times)
{
	struct mqt_subscription subscription;
	int i;

	for (i = 0; i < times; i++)
		if (mqt_subscribe(&subscription, NAME, 0, MQ_START_LATEST, 0) ||
		    close(subscription.fd))
			break;
	return i;
}

FIXTURE_VARIANT_ADD(flood, subscriptions) {
	.cause = subscribe,
	.kinds = { MQ_EVENT_SUBSCRIBED, MQ_EVENT_UNSUBSCRIBED },
};

static int open_publisher(int times)
{
	int i;

	for (i = 0; i < times; i++)
		if (close(mqt_publisher(NAME, 0)))
			break;
	return i;
}

FIXTURE_VARIANT_ADD(flood, publishers) {
	.cause = open_publisher,
	.kinds = { MQ_EVENT_PUBLISHER_OPENED, MQ_EVENT_PUBLISHER_CLOSED },
};

/* Once the ring is full each record makes a gap. */
static int lag(int times)
{
	int i, publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	struct mqt_subscription subscription;

	if (mqt_subscribe_to(&subscription, NAME, 0, "#"))
		return -1;
	for (i = 0; i < (int)SLOTS; i++)
		if (mqt_publish_str(publisher, "x", ""))
			return -1;
	for (i = 0; i < times; i++) {
		struct mq_resync resync = { };

		if (mqt_publish_str(publisher, "x", "") || mqt_resync(subscription.fd, &resync) ||
		    resync.passed != 1)
			break;
	}
	close(publisher);
	close(subscription.fd);
	return i;
}

FIXTURE_VARIANT_ADD(flood, gaps) {
	.cause = lag,
	.kinds = { MQ_EVENT_LAGGED, MQ_EVENT_LAGGED },
};

static int publish_wills(int times)
{
	int i, publisher = mqt_publisher(NAME, 0);

	for (i = 0; i < times; i++)
		if (mqt_will_set(publisher, 1, "x", "gone") ||
		    mqt_will_clear(publisher, MQ_WILL_PUBLISH, 1) != 1)
			break;
	close(publisher);
	return i;
}

FIXTURE_VARIANT_ADD(flood, wills) {
	.cause = publish_wills,
	.kinds = { MQ_EVENT_WILL, MQ_EVENT_WILL },
};

FIXTURE_SETUP(flood)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 4096, .overflow = MQ_OVERFLOW_REJECT,
		.evict_after = 1, .mode = 0666, .claims = { "#" },
	};
	int room = ROOM;

	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, mqt_create(&config));
	ASSERT_EQ(0, mqt_agent_start(&self->flooder, FLOODER, 0));
	ASSERT_EQ(0, mqt_agent_start(&self->bystander, BYSTANDER, 0));
	/* It holds nothing until there is something for it. */
	ASSERT_EQ(0, mqt_subscribe_to(&self->holder, NAME, MQ_SUBSCRIBE_HOLD, "held"));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	self->events = mqt_events_open();
	ASSERT_LE(0, self->events);
	ASSERT_EQ(0, fcntl(self->events, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, setsockopt(self->events, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)));
}

FIXTURE_TEARDOWN(flood)
{
	mqt_agent_end(&self->flooder);
	mqt_agent_end(&self->bystander);
	mqt_delete(NAME);
}

/* Takes all events that there are. 0, or -errno: some were lost. */
static int take(FIXTURE_DATA(flood) * self)
{
	int error;

	while (!(error = mqt_events_next(self->events, &self->event))) {
		const struct mqt_attrs *attrs = &self->event.attrs;
		uint32_t kind = mqt_u32(attrs, MQ_A_EVENT);

		if (strcmp(NAME, mqt_str(attrs, MQ_A_NAME)) || kind > MQ_EVENT_REFUSED)
			continue;
		self->told[kind]++;
		self->last_pid[kind] = mqt_u32(attrs, MQ_A_PID);
		if (mqt_has(attrs, MQ_A_SUPPRESSED))
			self->suppressed[kind] += mqt_u64(attrs, MQ_A_SUPPRESSED);
	}
	return error == -EAGAIN ? 0 : error;
}

/*
 * The flood, in parts: on a slow machine it lasts for many seconds, and in each some
 * are told. Whether all of it came, and what was told was taken.
 */
static bool flood(FIXTURE_DATA(flood) * self, int (*cause)(int times))
{
	int i;

	for (i = 0; i < PARTS; i++)
		if (mqt_agent_ask(&self->flooder, cause, FLOOD / PARTS) != FLOOD / PARTS ||
		    take(self))
			return false;
	return true;
}

/* A holder that does not read is evicted; it was told all the same. */
static int evict(FIXTURE_DATA(flood) * self)
{
	struct mq_info info = { };
	int error = mqt_publish_str(self->publisher, "held", "");

	while (!error && !info.evicted) {
		error = mqt_publish_str(self->publisher, "x", "");
		if (!error || error == -EAGAIN)
			error = mqt_info(NAME, &info);
	}
	return error;
}

TEST_F(flood, is_counted_and_drowns_nothing)
{
	const uint64_t begun = mqt_now();
	uint64_t most;
	int i;

	ASSERT_TRUE(flood(self, variant->cause));
	/* Those of each second that began, and of one that had begun before. */
	most = MQ_EVENTS_PER_SECOND * ((mqt_now() - begun) / SECOND + 2);
	ASSERT_EQ(0, evict(self));
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(1U, self->told[MQ_EVENT_EVICTED]);
	for (i = 0; i < 2; i++) {
		unsigned int kind = variant->kinds[i];

		EXPECT_LE(MQ_EVENTS_PER_SECOND, self->told[kind]);
		EXPECT_GE(most, self->told[kind]);
		EXPECT_GT(FLOOD, self->told[kind]);
	}
	/* Who does the same once is told at once, and what was left out before. */
	ASSERT_EQ(1, mqt_agent_ask(&self->bystander, variant->cause, 1));
	ASSERT_EQ(0, take(self));
	for (i = 0; i < 2; i++) {
		unsigned int kind = variant->kinds[i];

		EXPECT_EQ((uint32_t)self->bystander.pid, self->last_pid[kind]);
		EXPECT_EQ(FLOOD + 1U, self->told[kind] + self->suppressed[kind]);
	}
	/* And an administrator's own events come through. */
	ASSERT_TRUE(flood(self, variant->cause));
	ASSERT_EQ(0, mqt_delete(NAME));
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(1U, self->told[MQ_EVENT_DELETED]);
}

TEST_HARNESS_MAIN
