// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Looking at channels and changing them while they live; who may. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <linux/capability.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-admin"
#define OTHER "t-admin-other"

FIXTURE(admin) {
	int publisher;
};

FIXTURE_SETUP(admin)
{
	const struct mqt_config config = {
		.name = NAME, .slots = 64, .bytes = 8192, .claims = { "plant/#" },
	};

	mqt_delete(OTHER);
	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
}

FIXTURE_TEARDOWN(admin)
{
	mqt_delete(NAME);
	mqt_delete(OTHER);
}

static void request_set(struct mqt_request *request)
{
	mqt_request_start(request, MQ_CMD_CHANNEL_SET);
	mqt_request_str(request, MQ_A_NAME, NAME);
}

TEST_F(admin, unknown_names)
{
	static const unsigned int commands[] = {
		MQ_CMD_CHANNEL_DELETE, MQ_CMD_CHANNEL_GET, MQ_CMD_CHANNEL_SET,
		MQ_CMD_CHANNEL_PURGE,
	};
	static struct mqt_reply reply;
	struct mqt_request request;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		mqt_request_start(&request, commands[i]);
		if (commands[i] == MQ_CMD_CHANNEL_SET)
			mqt_request_u32(&request, MQ_A_RETAINED_MAX, 1);
		EXPECT_EQ(-EINVAL, mqt_request_send(&request, &reply));
		mqt_request_str(&request, MQ_A_NAME, "t-no-such");
		EXPECT_EQ(-ENOENT, mqt_request_send(&request, &reply));
		EXPECT_STRNE("", reply.text);
	}
	mqt_request_start(&request, MQ_CMD_SUBSCRIPTION_GET);
	mqt_request_str(&request, MQ_A_NAME, "t-no-such");
	EXPECT_EQ(-ENOENT, mqt_request_dump(&request, NULL, NULL));
}

TEST_F(admin, set_claims)
{
	static struct mqt_reply reply;
	struct mqt_request request;
	struct mq_info before, after;
	unsigned int i, found = 0;

	ASSERT_EQ(0, mqt_info(NAME, &before));
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "plant/1", "x"));
	request_set(&request);
	mqt_request_put(&request, MQ_A_CLAIM, "a/#", 3);
	mqt_request_put(&request, MQ_A_CLAIM, "b", 1);
	ASSERT_EQ(0, mqt_request_send(&request, NULL));
	ASSERT_EQ(0, mqt_info(NAME, &after));
	EXPECT_NE(before.generation, after.generation);
	EXPECT_EQ(-ESTALE, mqt_publish_str(self->publisher, "plant/1", "x"));
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "a/1", "x"));
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "b", "x"));
	EXPECT_EQ(0, mqt_publish_str(self->publisher, NAME, "x"));
	ASSERT_EQ(0, mqt_get(NAME, &reply));
	for (i = 0; i < reply.attrs.claim_count; i++)
		found += mqt_claim_is(&reply.attrs, i, "a/#") + mqt_claim_is(&reply.attrs, i, "b");
	EXPECT_EQ(2U, found);

	request_set(&request);
	mqt_request_put(&request, MQ_A_CLAIMS_NONE, NULL, 0);
	ASSERT_EQ(0, mqt_request_send(&request, NULL));
	EXPECT_EQ(-ESTALE, mqt_publish_str(self->publisher, "a/1", "x"));
	EXPECT_EQ(0, mqt_publish_str(self->publisher, NAME, "x"));
}

TEST_F(admin, refused_claims_leave_the_old)
{
	const struct mqt_config other = {
		.name = OTHER, .slots = 64, .bytes = 4096, .claims = { "theirs" },
	};
	static const char * const bad[] = { "theirs", OTHER, "a+", "" };
	static const int error[] = { -EEXIST, -EEXIST, -EINVAL, -EINVAL };
	struct mqt_request request;
	unsigned int i;

	ASSERT_EQ(0, mqt_create(&other));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		request_set(&request);
		mqt_request_put(&request, MQ_A_CLAIM, "mine/#", 6);
		mqt_request_put(&request, MQ_A_CLAIM, bad[i], strlen(bad[i]));
		EXPECT_EQ(error[i], mqt_request_send(&request, NULL)) TH_LOG("'%s'", bad[i]);
		EXPECT_EQ(0, mqt_publish_str(self->publisher, "plant/1", "x"));
		EXPECT_EQ(-ESTALE, mqt_publish_str(self->publisher, "mine/1", "x"));
	}
	request_set(&request);
	for (i = 0; i <= MQ_CLAIMS_MAX; i++) {
		char claim[16];

		snprintf(claim, sizeof(claim), "claim/%u", i);
		mqt_request_put(&request, MQ_A_CLAIM, claim, strlen(claim));
	}
	EXPECT_EQ(-E2BIG, mqt_request_send(&request, NULL));
	/* One's own claims again are no conflict. */
	request_set(&request);
	mqt_request_put(&request, MQ_A_CLAIM, "plant/#", 7);
	mqt_request_put(&request, MQ_A_CLAIM, "more", 4);
	EXPECT_EQ(0, mqt_request_send(&request, NULL));
}

TEST_F(admin, the_best_claim_owns)
{
	const struct mqt_config other = {
		.name = OTHER, .slots = 64, .bytes = 4096,
		.claims = { "plant/+/temperature", "plant/7/#", "$own/#", "#" },
	};
	int publisher;

	ASSERT_EQ(0, mqt_publish_str(self->publisher, "plant/7/x", "x"));
	ASSERT_EQ(0, mqt_create(&other));
	publisher = mqt_publisher(OTHER, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, publisher);
	EXPECT_EQ(-ESTALE, mqt_publish_str(self->publisher, "plant/7/x", "x"));
	EXPECT_EQ(0, mqt_publish_str(publisher, "plant/7/x", "x"));
	EXPECT_EQ(0, mqt_publish_str(publisher, "plant/1/temperature", "x"));
	EXPECT_EQ(-ESTALE, mqt_publish_str(self->publisher, "plant/1/temperature", "x"));
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "plant/1/pressure", "x"));
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "plant", "x"));
	EXPECT_EQ(0, mqt_publish_str(publisher, "elsewhere", "x"));
	EXPECT_EQ(-ESTALE, mqt_publish_str(publisher, NAME, "x"));
	/* '#' does not claim what begins with '$'. */
	EXPECT_EQ(-ESTALE, mqt_publish_str(publisher, "$other/x", "x"));
	EXPECT_EQ(0, mqt_publish_str(publisher, "$own/x", "x"));
	/* What is deleted owns nothing. */
	ASSERT_EQ(0, mqt_delete(OTHER));
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "plant/7/x", "x"));
}

TEST_F(admin, set_limits)
{
	static struct mqt_reply reply;
	struct mqt_request request;

	request_set(&request);
	mqt_request_u32(&request, MQ_A_RETAINED_MAX, 1);
	mqt_request_u64(&request, MQ_A_RETAINED_BYTES_MAX, 100);
	ASSERT_EQ(0, mqt_request_send(&request, NULL));
	ASSERT_EQ(0, mqt_get(NAME, &reply));
	EXPECT_EQ(1U, mqt_u32(&reply.attrs, MQ_A_RETAINED_MAX));
	EXPECT_EQ(100U, mqt_u64(&reply.attrs, MQ_A_RETAINED_BYTES_MAX));
	EXPECT_EQ(0, mqt_retain(self->publisher, "plant/1", "x", 1));
	EXPECT_EQ(-EDQUOT, mqt_retain(self->publisher, "plant/2", "x", 1));
}

TEST_F(admin, purge)
{
	struct mqt_subscription subscription;
	struct mq_retained listing = {};
	struct mqt_view view;
	struct mqt_map map;
	char secret[512];
	uint64_t i;

	memset(secret, 'S', sizeof(secret));
	ASSERT_EQ(0, mqt_subscribe_to(&subscription, NAME, 0, "#"));
	ASSERT_EQ(0, mqt_map(&map, &subscription));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, mqt_retain(self->publisher, "plant/1", secret, i % 2 ? 512 : 10));
	ASSERT_EQ(0, mqt_purge(NAME));
	EXPECT_EQ(11U, mqt_head(&map));
	EXPECT_EQ(11U, mqt_oldest(&map));
	for (i = 0; i < map.header->bytes; i++)
		ASSERT_EQ(0, map.bytes[i]);
	for (i = 0; i < map.header->slots * MQ_SLOT_INLINE; i++)
		ASSERT_EQ(0, map.slots[i / MQ_SLOT_INLINE].data[i % MQ_SLOT_INLINE]);
	listing.filter = (uintptr_t)"#";
	listing.filter_len = 1;
	listing.buffer = (uintptr_t)secret;
	listing.buffer_size = sizeof(secret);
	EXPECT_EQ(0, mqt_ioctl(mqt_node(NAME, O_RDONLY), MQ_IOC_RETAINED, &listing));
	EXPECT_EQ(0U, listing.count);
	EXPECT_EQ(0U, listing.more);
	/* It goes on as if nothing had been. */
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "plant/1", "new"));
	EXPECT_EQ(0, mqt_peek(&map, 11, &view));
	EXPECT_EQ(3U, view.payload_len);
}

struct seen {
	unsigned int name;
	unsigned int other;
};

static void see_channel(const struct mqt_attrs *attrs, void *arg)
{
	struct seen *seen = arg;

	seen->name += !strcmp(NAME, mqt_str(attrs, MQ_A_NAME));
	seen->other += !strcmp(OTHER, mqt_str(attrs, MQ_A_NAME));
}

TEST_F(admin, dump_of_channels)
{
	const struct mqt_config other = { .name = OTHER, .slots = 64, .bytes = 4096 };
	struct mqt_request request;
	struct seen seen = {};

	ASSERT_EQ(0, mqt_create(&other));
	mqt_request_start(&request, MQ_CMD_CHANNEL_GET);
	ASSERT_EQ(0, mqt_request_dump(&request, see_channel, &seen));
	EXPECT_EQ(1U, seen.name);
	EXPECT_EQ(1U, seen.other);
}

/* Copies what a test looks at: the message is gone after the call. */
struct subscription_seen {
	unsigned int count;
	uint64_t id[8];
	uint32_t pid, filters, state;
	uint64_t position, verified, lag, passed, missed, delivered, wakes;
};

static void see_subscription(const struct mqt_attrs *attrs, void *arg)
{
	struct subscription_seen *seen = arg;

	if (strcmp(NAME, mqt_str(attrs, MQ_A_NAME)))
		return;
	if (seen->count < ARRAY_SIZE(seen->id))
		seen->id[seen->count] = mqt_u64(attrs, MQ_A_SUBSCRIPTION_ID);
	seen->count++;
	seen->pid = mqt_u32(attrs, MQ_A_PID);
	seen->filters = mqt_u32(attrs, MQ_A_FILTERS);
	seen->state = mqt_u32(attrs, MQ_A_SUBSCRIPTION_STATE);
	seen->position = mqt_u64(attrs, MQ_A_POSITION);
	seen->verified = mqt_u64(attrs, MQ_A_VERIFIED);
	seen->lag = mqt_u64(attrs, MQ_A_LAG);
	seen->passed = mqt_u64(attrs, MQ_A_PASSED);
	seen->missed = mqt_u64(attrs, MQ_A_MISSED);
	seen->delivered = mqt_u64(attrs, MQ_A_DELIVERED);
	seen->wakes = mqt_u64(attrs, MQ_A_WAKES);
}

TEST_F(admin, dump_of_subscriptions)
{
	struct mqt_subscription first, second;
	struct subscription_seen seen = {};
	struct mqt_request request;
	char buffer[256];
	int i;

	ASSERT_EQ(0, mqt_subscribe_to(&first, NAME, 0, "plant/#"));
	ASSERT_EQ(0, mqt_subscribe_to(&second, NAME, 0, "plant/1"));
	ASSERT_EQ(0, mqt_filter_add(second.fd, "plant/2", 1, NULL));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "plant/1", "x"));
	ASSERT_LT(0, read(second.fd, buffer, sizeof(struct mq_record) + 8));
	mqt_request_start(&request, MQ_CMD_SUBSCRIPTION_GET);
	mqt_request_str(&request, MQ_A_NAME, NAME);
	ASSERT_EQ(0, mqt_request_dump(&request, see_subscription, &seen));
	ASSERT_EQ(2U, seen.count);
	EXPECT_EQ(first.id, seen.id[0]);
	EXPECT_EQ(second.id, seen.id[1]);
	EXPECT_EQ((uint32_t)getpid(), seen.pid);
	EXPECT_EQ(2U, seen.filters);
	EXPECT_EQ(0U, seen.state);
	EXPECT_EQ(2U, seen.position);
	EXPECT_EQ(2U, seen.lag);
	EXPECT_EQ(0U, seen.passed);
	EXPECT_EQ(0U, seen.missed);
	EXPECT_EQ(1U, seen.delivered);
	EXPECT_EQ(0U, seen.wakes);
	/* All channels: these two are among them. */
	memset(&seen, 0, sizeof(seen));
	mqt_request_start(&request, MQ_CMD_SUBSCRIPTION_GET);
	ASSERT_EQ(0, mqt_request_dump(&request, see_subscription, &seen));
	EXPECT_EQ(2U, seen.count);
}

TEST_F(admin, capabilities)
{
	static const int capabilities[] = { CAP_NET_ADMIN, CAP_SYS_ADMIN };
	struct mqt_request request;
	unsigned int i, cmd;

	for (i = 0; i < ARRAY_SIZE(capabilities); i++) {
		ASSERT_EQ(0, mqt_capability(capabilities[i], false));
		for (cmd = MQ_CMD_CHANNEL_CREATE; cmd <= MQ_CMD_CHANNEL_PURGE; cmd++) {
			mqt_request_start(&request, cmd);
			mqt_request_str(&request, MQ_A_NAME, NAME);
			EXPECT_EQ(-EPERM, mqt_request_send(&request, NULL)) TH_LOG("%u", cmd);
		}
		mqt_request_start(&request, MQ_CMD_SUBSCRIPTION_GET);
		EXPECT_EQ(-EPERM, mqt_request_dump(&request, NULL, NULL));
		mqt_request_start(&request, MQ_CMD_CHANNEL_GET);
		EXPECT_EQ(-EPERM, mqt_request_dump(&request, NULL, NULL));
		if (capabilities[i] == CAP_NET_ADMIN)
			EXPECT_EQ(-EPERM, mqt_events_open());
		ASSERT_EQ(0, mqt_capability(capabilities[i], true));
	}
	EXPECT_EQ(0, mqt_get(NAME, &(struct mqt_reply){}));
}

TEST_F(admin, other_network_namespaces)
{
	int status;
	pid_t child = fork();

	if (!child)
		_exit(unshare(CLONE_NEWNET) ? 1 : mqt_get(NAME, &(struct mqt_reply){}) != -ENOENT);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(admin, events)
{
	const struct mqt_config other = { .name = OTHER, .slots = 64, .bytes = 4096 };
	static const unsigned int order[] = {
		MQ_EVENT_CREATED, MQ_EVENT_SUBSCRIBED, MQ_EVENT_PUBLISHER_OPENED,
		MQ_EVENT_UNSUBSCRIBED, MQ_EVENT_PUBLISHER_CLOSED, MQ_EVENT_CHANGED,
		MQ_EVENT_PURGED, MQ_EVENT_DELETED,
	};
	struct mqt_subscription subscription;
	static struct mqt_reply event;
	struct mqt_request request;
	int publisher, events = mqt_events_open();
	uint64_t time = 0, id = 0;
	unsigned int i;

	ASSERT_LE(0, events);
	ASSERT_EQ(0, mqt_create(&other));
	ASSERT_EQ(0, mqt_subscribe_to(&subscription, OTHER, 0, "#"));
	publisher = mqt_publisher(OTHER, 0);
	close(subscription.fd);
	close(publisher);
	mqt_request_start(&request, MQ_CMD_CHANNEL_SET);
	mqt_request_str(&request, MQ_A_NAME, OTHER);
	mqt_request_u32(&request, MQ_A_RETAINED_MAX, 1);
	ASSERT_EQ(0, mqt_request_send(&request, NULL));
	ASSERT_EQ(0, mqt_purge(OTHER));
	ASSERT_EQ(0, mqt_delete(OTHER));
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		ASSERT_EQ(0, mqt_events_next(events, &event));
		EXPECT_EQ(MQ_CMD_EVENT, (int)event.cmd);
		ASSERT_EQ(order[i], mqt_u32(&event.attrs, MQ_A_EVENT));
		EXPECT_STREQ(OTHER, mqt_str(&event.attrs, MQ_A_NAME));
		EXPECT_LE(time, mqt_u64(&event.attrs, MQ_A_TIME));
		time = mqt_u64(&event.attrs, MQ_A_TIME);
		id = id ? id : mqt_u64(&event.attrs, MQ_A_ID);
		EXPECT_EQ(id, mqt_u64(&event.attrs, MQ_A_ID));
		if (order[i] == MQ_EVENT_SUBSCRIBED || order[i] == MQ_EVENT_UNSUBSCRIBED)
			EXPECT_EQ(subscription.id, mqt_u64(&event.attrs, MQ_A_SUBSCRIPTION_ID));
		if (i >= 1 && i <= 4)
			EXPECT_EQ((uint32_t)getpid(), mqt_u32(&event.attrs, MQ_A_PID));
	}
}

TEST_HARNESS_MAIN
