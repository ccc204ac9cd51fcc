// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Administration: what is created is listed, refusals say why, events come. */
#include <poll.h>
#include <sys/stat.h>

#include "fixture.h"

FIXTURE(admin)
{
	struct libmq_admin *admin;
};

FIXTURE_SETUP(admin)
{
	self->admin = admin_open();
	ASSERT_NE(NULL, self->admin);
	libmq_admin_delete(self->admin, "libadm");
}

FIXTURE_TEARDOWN(admin)
{
	libmq_admin_delete(self->admin, "libadm");
	libmq_admin_close(self->admin);
}

struct found {
	unsigned int count;
	unsigned int claims;
	char second[16];
	struct libmq_channel_stats stats;
};

static int find(void *arg, const struct libmq_channel_stats *stats)
{
	struct found *found = arg;

	if (strcmp(stats->info.name, "libadm"))
		return 0;
	found->count++;
	found->stats = *stats;
	found->claims = stats->info.claims_count;
	if (found->claims > 1)
		snprintf(found->second, sizeof(found->second), "%s", stats->info.claims[1]);
	return 0;
}

static int create(struct libmq_admin *admin)
{
	static const char *const claims[] = { "adm/#", "adm2/+" };

	return channel_anew(admin, "libadm", (struct libmq_channel_opts){
		.slots = 512, .bytes = 131072, .max_record = 4096, .overflow = LIBMQ_REJECT,
		.uid = 12, .gid = 34, .mode = 0640, .first = 1000, .retained_max = 5,
		.retained_bytes_max = 5000, .claims = claims, .claims_count = 2 });
}

TEST_F(admin, lists_what_was_created)
{
	struct found one = {};
	struct found all = {};
	struct stat node;

	ASSERT_EQ(0, create(self->admin));
	ASSERT_EQ(0, libmq_admin_channels(self->admin, "libadm", find, &one));
	ASSERT_EQ(0, libmq_admin_channels(self->admin, NULL, find, &all));
	EXPECT_EQ(1, one.count);
	EXPECT_EQ(1, all.count);
	EXPECT_EQ(512, one.stats.info.slots);
	EXPECT_EQ(131072, one.stats.info.bytes);
	EXPECT_EQ(4096, one.stats.info.max_record);
	EXPECT_EQ(LIBMQ_REJECT, one.stats.info.overflow);
	EXPECT_EQ(1000, one.stats.info.first);
	EXPECT_EQ(1000, one.stats.info.head);
	EXPECT_EQ(5, one.stats.info.retained_max);
	EXPECT_EQ(5000, one.stats.info.retained_bytes_max);
	EXPECT_EQ(12, one.stats.uid);
	EXPECT_EQ(34, one.stats.gid);
	EXPECT_EQ(0640, one.stats.mode);
	EXPECT_LT(512 * 128 + 131072, one.stats.memory);
	EXPECT_EQ(3, one.claims);
	EXPECT_EQ(0, strcmp("adm/#", one.second));
	EXPECT_EQ(one.stats.info.id, all.stats.info.id);
	ASSERT_EQ(0, stat("/dev/mq/libadm", &node));
	EXPECT_EQ(12, node.st_uid);
	EXPECT_EQ(34, node.st_gid);
	EXPECT_EQ(0640, node.st_mode & 07777);
	EXPECT_EQ(-ENOENT, libmq_admin_channels(self->admin, "libnone", find, &one));
}

TEST_F(admin, says_the_same_as_the_node)
{
	struct libmq_channel_info info;
	struct libmq_channel *channel;
	struct found found = {};

	ASSERT_EQ(0, create(self->admin));
	ASSERT_EQ(0, libmq_admin_channels(self->admin, "libadm", find, &found));
	ASSERT_EQ(0, libmq_channel_open(&channel, NULL, "libadm", LIBMQ_OPEN_READ));
	ASSERT_EQ(0, libmq_channel_info(channel, &info));
	EXPECT_EQ(found.stats.info.id, info.id);
	EXPECT_EQ(found.stats.info.slots, info.slots);
	EXPECT_EQ(found.stats.info.bytes, info.bytes);
	EXPECT_EQ(found.stats.info.head, info.head);
	EXPECT_FALSE(info.dead);
	ASSERT_EQ(3, info.claims_count);
	EXPECT_EQ(0, strcmp("libadm", info.claims[0]));
	EXPECT_EQ(0, strcmp("adm/#", info.claims[1]));
	EXPECT_EQ(0, strcmp("adm2/+", info.claims[2]));
	libmq_channel_info_free(&info);
	libmq_channel_close(channel);
}

/* 32 claims of a length that takes more than the first call's room. */
TEST_F(admin, many_long_claims_come_back)
{
	static char text[32][200];
	const char *claims[32];
	struct libmq_channel_info info;
	struct libmq_channel *channel;
	unsigned int i;

	for (i = 0; i < 32; i++) {
		memset(text[i], 'a' + i % 26, sizeof(text[i]) - 1);
		text[i][0] = 'A' + i;
		claims[i] = text[i];
	}
	ASSERT_EQ(0, channel_anew(self->admin, "libadm", (struct libmq_channel_opts){
		  .claims = claims, .claims_count = 32 }));
	ASSERT_EQ(0, libmq_channel_open(&channel, NULL, "libadm", LIBMQ_OPEN_WRITE));
	ASSERT_EQ(0, libmq_channel_info(channel, &info));
	ASSERT_EQ(33, info.claims_count);
	for (i = 0; i < 32; i++)
		EXPECT_EQ(0, strcmp(claims[i], info.claims[i + 1]));
	libmq_channel_info_free(&info);
	libmq_channel_close(channel);
}

TEST_F(admin, refusals_say_why)
{
	struct libmq_channel_opts opts = { .size = sizeof(opts) };

	ASSERT_EQ(0, create(self->admin));
	EXPECT_EQ(-EEXIST, libmq_admin_create(self->admin, "libadm", NULL));
	EXPECT_LT(0, strlen(libmq_admin_message(self->admin)));
	EXPECT_EQ(-ENOENT, libmq_admin_delete(self->admin, "libnone"));
	EXPECT_LT(0, strlen(libmq_admin_message(self->admin)));
	EXPECT_EQ(-EINVAL, libmq_admin_create(self->admin, "lib adm", NULL));
	opts.slots = 65;
	EXPECT_EQ(-EINVAL, libmq_admin_create(self->admin, "libadm2", &opts));
	EXPECT_LT(0, strlen(libmq_admin_message(self->admin)));
	opts.slots = 128;
	EXPECT_EQ(-EOPNOTSUPP, libmq_admin_set(self->admin, "libadm", &opts));
	EXPECT_EQ(0, libmq_admin_purge(self->admin, "libadm"));
	EXPECT_EQ(0, strlen(libmq_admin_message(self->admin)));
}

TEST_F(admin, set_changes_limits_and_claims)
{
	struct libmq_channel_opts opts = { .size = sizeof(opts) };
	struct found found = {};

	ASSERT_EQ(0, create(self->admin));
	opts.retained_max = 9;
	ASSERT_EQ(0, libmq_admin_set(self->admin, "libadm", &opts));
	ASSERT_EQ(0, libmq_admin_channels(self->admin, "libadm", find, &found));
	EXPECT_EQ(9, found.stats.info.retained_max);
	EXPECT_EQ(5000, found.stats.info.retained_bytes_max);
	EXPECT_EQ(3, found.claims);
	opts.claims_none = true;
	ASSERT_EQ(0, libmq_admin_set(self->admin, "libadm", &opts));
	ASSERT_EQ(0, libmq_admin_channels(self->admin, "libadm", find, &found));
	EXPECT_EQ(1, found.claims);
}

static int take_subscription(void *arg, const struct libmq_subscription_stats *stats)
{
	struct libmq_subscription_stats *to = arg;

	*to = *stats;
	return 0;
}

TEST_F(admin, shows_subscriptions)
{
	struct libmq_subscription_opts hold = { .size = sizeof(hold), .hold = true };
	struct libmq_subscription_stats stats = {};
	struct libmq_subscription *subscription;
	struct libmq_channel *channel;

	ASSERT_EQ(0, create(self->admin));
	ASSERT_EQ(0, libmq_channel_open(&channel, NULL, "libadm",
					LIBMQ_OPEN_READ | LIBMQ_OPEN_WRITE));
	ASSERT_EQ(0, libmq_subscription_open(&subscription, channel, &hold));
	ASSERT_EQ(0, libmq_subscription_add(subscription, "adm/#", 5, 1, NULL));
	ASSERT_EQ(0, libmq_admin_subscriptions(self->admin, "libadm", take_subscription, &stats));
	EXPECT_EQ(0, strcmp("libadm", stats.channel));
	EXPECT_EQ(1, stats.filters);
	EXPECT_EQ((uint32_t)getpid(), stats.pid);
	EXPECT_EQ(1000, stats.position);
	EXPECT_TRUE(stats.holding);
	EXPECT_FALSE(stats.dead);
	libmq_subscription_close(subscription);
	libmq_channel_close(channel);
}

TEST_F(admin, numbers_of_the_module)
{
	uint64_t memory = 0, more = 0, refused = 0, bound = 0;

	ASSERT_EQ(0, libmq_module_parameter("memory", &memory));
	ASSERT_EQ(0, create(self->admin));
	ASSERT_EQ(0, libmq_module_parameter("memory", &more));
	EXPECT_LT(memory + 131072, more);
	ASSERT_EQ(0, libmq_module_parameter("max_slots", &bound));
	ASSERT_EQ(0, libmq_module_parameter("refused_slots", &refused));
	EXPECT_EQ(-ERANGE, channel_anew(self->admin, "libadm", (struct libmq_channel_opts){
		  .slots = 2 * bound }));
	ASSERT_EQ(0, libmq_module_parameter("refused_slots", &more));
	EXPECT_EQ(refused + 1, more);
	EXPECT_EQ(-ENOENT, libmq_module_parameter("none", &more));
	EXPECT_EQ(-EPROTO, libmq_module_parameter("../initstate", &more));
	EXPECT_EQ(refused + 1, more);
}

/* Waits for an event of a type of our channel. */
static int await(struct libmq_admin *admin, enum libmq_event_type type, struct libmq_event *event)
{
	struct pollfd fd = { .fd = libmq_admin_fd(admin), .events = POLLIN };
	int got;

	for (;;) {
		got = libmq_admin_event(admin, event);
		if (got < 0)
			return got;
		if (got && event->type == type && !strcmp(event->channel, "libadm"))
			return 0;
		if (!got && poll(&fd, 1, SOON_MS) <= 0)
			return -ETIMEDOUT;
	}
}

TEST_F(admin, events_come_in_order)
{
	struct libmq_publisher *publisher;
	struct libmq_channel *channel;
	struct libmq_event event;
	uint64_t id;

	EXPECT_EQ(-EBADF, libmq_admin_fd(self->admin));
	EXPECT_EQ(-EBADF, libmq_admin_event(self->admin, &event));
	ASSERT_EQ(0, libmq_admin_listen(self->admin));
	EXPECT_EQ(0, libmq_admin_event(self->admin, &event));
	ASSERT_EQ(0, create(self->admin));
	ASSERT_EQ(0, libmq_channel_open(&channel, NULL, "libadm", LIBMQ_OPEN_WRITE));
	ASSERT_EQ(0, libmq_publisher_open(&publisher, channel));
	id = libmq_publisher_id(publisher);
	libmq_publisher_close(publisher);
	libmq_channel_close(channel);
	ASSERT_EQ(0, libmq_admin_delete(self->admin, "libadm"));

	ASSERT_EQ(0, await(self->admin, LIBMQ_EVENT_CREATED, &event));
	EXPECT_NE(0, event.channel_id);
	EXPECT_NE(0, event.time);
	ASSERT_EQ(0, await(self->admin, LIBMQ_EVENT_PUBLISHER_OPENED, &event));
	EXPECT_EQ(id, event.id);
	EXPECT_EQ((uint32_t)getpid(), event.pid);
	ASSERT_EQ(0, await(self->admin, LIBMQ_EVENT_PUBLISHER_CLOSED, &event));
	ASSERT_EQ(0, await(self->admin, LIBMQ_EVENT_DELETED, &event));
}

/* So many publishers come and go. */
static int come_and_go(struct libmq_channel *channel, unsigned int count)
{
	struct libmq_publisher *publisher;
	int error = 0;

	for (; count && !error; count--) {
		error = libmq_publisher_open(&publisher, channel);
		if (!error)
			libmq_publisher_close(publisher);
	}
	return error;
}

TEST_F(admin, events_beyond_a_hundred_are_counted)
{
	uint64_t opened = 0, told = 0, suppressed = 0;
	struct libmq_channel *channel;
	struct libmq_event event;
	int got;

	ASSERT_EQ(0, libmq_admin_listen(self->admin));
	ASSERT_EQ(0, create(self->admin));
	ASSERT_EQ(0, libmq_channel_open(&channel, NULL, "libadm", LIBMQ_OPEN_WRITE));
	while (!suppressed) {
		/* In a row, or a slow machine makes no hundred in a second. */
		ASSERT_EQ(0, come_and_go(channel, 250));
		opened += 250;
		/* The next one that is told tells of all that were not. */
		do {
			ASSERT_EQ(0, come_and_go(channel, 1));
			opened++;
			while ((got = libmq_admin_event(self->admin, &event)) > 0) {
				if (event.type != LIBMQ_EVENT_PUBLISHER_OPENED)
					continue;
				told++;
				suppressed += event.suppressed;
			}
			ASSERT_EQ(0, got);
			ASSERT_GE(opened, told + suppressed);
		} while (opened != told + suppressed);
	}
	EXPECT_LE(100U, told);
	libmq_channel_close(channel);
}

TEST_F(admin, needs_privileges)
{
	struct libmq_admin *admin;

	ASSERT_EQ(0, seteuid(65534));
	ASSERT_EQ(0, libmq_admin_open(&admin));
	EXPECT_EQ(-EPERM, libmq_admin_create(admin, "libadm", NULL));
	libmq_admin_close(admin);
	ASSERT_EQ(0, seteuid(0));
}

TEST_HARNESS_MAIN
