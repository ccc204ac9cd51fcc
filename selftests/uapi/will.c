// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Wills: set, replaced, cleared, published; what they reserve, and every refusal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-will"
#define OTHER "t-will-other"
#define SLOTS 64U
#define BYTES 65536U
#define WILLS_MAX (SLOTS / 4)
#define RETAINED_MAX 3U

FIXTURE(will) {
	int node;
	int publisher;
	uint64_t publisher_id;
	struct mqt_subscription subscription;
	struct mqt_map map;
	uint64_t max_delay;
	char payload[BYTES];
};

FIXTURE_SETUP(will)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = BYTES, .overflow = MQ_OVERFLOW_REJECT,
		.retained_max = RETAINED_MAX, .retained_bytes_max = 1000,
		.claims = { "a/#", "b" },
	};
	struct mq_publisher_new args = { .flags = MQ_PUBLISHER_NONBLOCK };

	mqt_delete(OTHER);
	self->max_delay = mqt_param("max_will_delay");
	ASSERT_EQ(0, mqt_create(&config));
	self->node = mqt_node(NAME, O_RDWR);
	self->publisher = mqt_ioctl(self->node, MQ_IOC_PUBLISHER, &args);
	ASSERT_LE(0, self->publisher);
	self->publisher_id = args.id;
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
	mqt_fill(self->payload, sizeof(self->payload), 5);
}

FIXTURE_TEARDOWN(will)
{
	EXPECT_EQ(0, mqt_param_set("max_will_delay", self->max_delay));
	mqt_delete(NAME);
	mqt_delete(OTHER);
}

static struct mq_info info(void)
{
	struct mq_info info;

	if (mqt_info(NAME, &info))
		abort();
	return info;
}

/* Values that are retained now. */
static int retained(int node)
{
	uint64_t buffer[512];
	struct mq_retained listing = {
		.filter = (uintptr_t)"#", .filter_len = 1,
		.buffer = (uintptr_t)buffer, .buffer_size = sizeof(buffer),
	};

	return mqt_ioctl(node, MQ_IOC_RETAINED, &listing) ? -1 : (int)listing.count;
}

static int retain_will(int fd, uint64_t id, const char *topic, const void *payload, size_t len)
{
	struct mq_will will;

	mqt_will(&will, id, topic, payload, len);
	will.record_flags = MQ_RECORD_RETAIN;
	return mqt_ioctl(fd, MQ_IOC_WILL_SET, &will);
}

TEST_F(will, the_record_as_it_was_set)
{
	struct mqt_view view;
	struct mq_will will;

	mqt_will(&will, 77, "a/will", self->payload, 1000);
	will.metadata = (uintptr_t)"meta";
	will.metadata_len = 4;
	will.record_flags = 0x4200;
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_WILL_SET, &will));
	EXPECT_EQ(1U, info().wills);
	/* Nobody sees it before its time, or what becomes of this memory. */
	EXPECT_EQ(1U, mqt_head(&self->map));
	memset(self->payload, 0, sizeof(self->payload));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "alive"));
	close(self->publisher);
	ASSERT_EQ(3U, mqt_head(&self->map));
	ASSERT_EQ(0, mqt_peek(&self->map, 2, &view));
	EXPECT_EQ(MQ_RECORD_WILL | 0x4200U, view.flags);
	EXPECT_EQ(self->publisher_id, view.publisher);
	EXPECT_EQ(6U, view.topic_len);
	EXPECT_EQ(0, memcmp("a/will", view.topic, 6));
	EXPECT_EQ(1000U, view.payload_len);
	EXPECT_TRUE(mqt_filled(view.payload, 1000, 5));
	EXPECT_EQ(4U, view.metadata_len);
	EXPECT_EQ(0, memcmp("meta", view.metadata, 4));
	EXPECT_EQ(POLLIN, mqt_poll(self->subscription.fd, POLLIN, 0));
	EXPECT_EQ(0U, info().wills);
	EXPECT_EQ(0U, info().wills_lost);
	EXPECT_EQ(2U, info().published);
}

TEST_F(will, several_in_order_of_setting)
{
	ASSERT_EQ(0, mqt_will_set(self->publisher, 7, "a/1", "first"));
	ASSERT_EQ(0, mqt_will_set(self->publisher, 3, "b", "second"));
	ASSERT_EQ(0, mqt_will_set(self->publisher, UINT64_MAX, "a/1", "third"));
	ASSERT_EQ(0, mqt_will_set(self->publisher, 0, "a/2", ""));
	EXPECT_EQ(4U, info().wills);
	close(self->publisher);
	EXPECT_STREQ("!a/1=first !b=second !a/1=third !a/2= ",
		     mqt_read_text(self->subscription.fd));
}

TEST_F(will, replaced)
{
	struct mq_will will;

	ASSERT_EQ(0, mqt_will_set(self->publisher, 1, "a/1", "old"));
	ASSERT_EQ(0, mqt_will_set(self->publisher, 2, "a/2", "other"));
	ASSERT_EQ(0, mqt_will_set(self->publisher, 1, "a/3", "new"));
	EXPECT_EQ(2U, info().wills);
	/* What is refused leaves the one there is. */
	EXPECT_EQ(-ESTALE, mqt_will_set(self->publisher, 1, "c", "not ours"));
	EXPECT_EQ(-EINVAL, mqt_will_set(self->publisher, 1, "a/#", "no topic"));
	mqt_will(&will, 1, "a/1", self->payload, BYTES);
	EXPECT_EQ(-EMSGSIZE, mqt_ioctl(self->publisher, MQ_IOC_WILL_SET, &will));
	EXPECT_EQ(-EDQUOT, retain_will(self->publisher, 1, "a/1", self->payload, 1000));
	EXPECT_EQ(2U, info().wills);
	close(self->publisher);
	EXPECT_STREQ("!a/2=other !a/3=new ", mqt_read_text(self->subscription.fd));
}

TEST_F(will, cleared)
{
	int fd = self->publisher;

	ASSERT_EQ(0, mqt_will_set(fd, 1, "a/1", "x"));
	ASSERT_EQ(0, mqt_will_set(fd, 2, "a/2", "x"));
	ASSERT_EQ(0, mqt_will_set(fd, 3, "a/3", "x"));
	EXPECT_EQ(1, mqt_will_clear(fd, 0, 2));
	EXPECT_EQ(-ENOENT, mqt_will_clear(fd, 0, 2));
	EXPECT_EQ(2U, info().wills);
	EXPECT_EQ(2, mqt_will_clear(fd, MQ_WILL_ALL, 0));
	EXPECT_EQ(0, mqt_will_clear(fd, MQ_WILL_ALL, 0));
	EXPECT_EQ(0, mqt_will_clear(fd, MQ_WILL_ALL | MQ_WILL_PUBLISH, 0));
	EXPECT_EQ(-ENOENT, mqt_will_clear(fd, MQ_WILL_PUBLISH, 1));
	EXPECT_EQ(0U, info().wills);
	/* An id is free again. */
	ASSERT_EQ(0, mqt_will_set(fd, 2, "a/2", "again"));
	close(fd);
	EXPECT_STREQ("!a/2=again ", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(0U, info().wills_lost);
}

TEST_F(will, published_by_hand)
{
	int fd = self->publisher;
	struct mq_will will;

	ASSERT_EQ(0, mqt_will_set(fd, 1, "a/1", "1"));
	/* Its delay is for who goes without a goodbye. */
	mqt_will(&will, 2, "a/2", "2", 1);
	will.delay_ms = 3600000;
	ASSERT_EQ(0, mqt_ioctl(fd, MQ_IOC_WILL_SET, &will));
	ASSERT_EQ(0, mqt_will_set(fd, 3, "a/3", "3"));
	EXPECT_EQ(1, mqt_will_clear(fd, MQ_WILL_PUBLISH, 3));
	EXPECT_STREQ("!a/3=3 ", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(2, mqt_will_clear(fd, MQ_WILL_PUBLISH | MQ_WILL_ALL, 0));
	EXPECT_STREQ("!a/1=1 !a/2=2 ", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(0U, info().wills);
	close(fd);
	EXPECT_STREQ("", mqt_read_text(self->subscription.fd));
}

TEST_F(will, of_each_publisher)
{
	int second = mqt_publisher(NAME, 0);

	/* The same id is another will. */
	ASSERT_EQ(0, mqt_will_set(self->publisher, 1, "a/1", "one"));
	ASSERT_EQ(0, mqt_will_set(second, 1, "a/1", "two"));
	EXPECT_EQ(2U, info().wills);
	EXPECT_EQ(1, mqt_will_clear(self->publisher, MQ_WILL_ALL, 0));
	EXPECT_EQ(1U, info().wills);
	close(second);
	EXPECT_STREQ("!a/1=two ", mqt_read_text(self->subscription.fd));
}

/* ---- what is reserved --------------------------------------------------- */

static void hold(struct __test_metadata *_metadata, struct mqt_subscription *holder,
		 uint32_t start)
{
	ASSERT_EQ(0, mqt_subscribe(holder, NAME, MQ_SUBSCRIBE_HOLD | MQ_SUBSCRIBE_NONBLOCK,
				   start, 0));
	ASSERT_EQ(0, mqt_filter_add(holder->fd, "#", 1, NULL));
}

/* Publishes until there is no space; returns how many went in. */
static unsigned int fill(int fd, const void *payload, size_t len)
{
	unsigned int count = 0;

	while (!mqt_publish(fd, "b", payload, len))
		count++;
	return count;
}

TEST_F(will, a_full_held_ring_takes_it)
{
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	struct mqt_subscription holder;
	struct mq_will will;

	hold(_metadata, &holder, MQ_START_LATEST);
	/* Two by their slots, one by its bytes. */
	ASSERT_EQ(0, mqt_will_set(self->publisher, 1, "a/1", "1"));
	mqt_will(&will, 2, "a/2", self->payload, 8000);
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_WILL_SET, &will));
	ASSERT_EQ(7U, fill(fd, self->payload, 8128));
	EXPECT_EQ(SLOTS - 2 - 7, fill(fd, "", 0));
	ASSERT_EQ(-EAGAIN, mqt_publish_str(self->publisher, "b", ""));
	close(self->publisher);
	EXPECT_EQ(SLOTS + 1, info().head);
	EXPECT_EQ(1U, info().oldest);
	EXPECT_EQ(0U, info().wills_lost);
	/* And now it is really full. */
	EXPECT_EQ(-EAGAIN, mqt_publish_str(fd, "b", ""));
	EXPECT_EQ(-EAGAIN, mqt_will_set(fd, 1, "a/1", "1"));
}

/* Records that nobody holds are no free space: a holder may come for them. */
TEST_F(will, a_new_holder_at_the_oldest_leaves_it_alone)
{
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	struct mqt_subscription holder;
	unsigned int i;
	char id[8];

	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, mqt_publish(fd, "b", self->payload, i * 7 % 2000));
	for (i = 0; i < WILLS_MAX; i++) {
		snprintf(id, sizeof(id), "%u", i);
		ASSERT_EQ(0, mqt_will_set(self->publisher, i, "a/will", id));
	}
	mqt_read_text(self->subscription.fd);
	hold(_metadata, &holder, MQ_START_OLDEST);
	EXPECT_EQ(info().oldest, holder.position);
	fill(fd, "", 0);
	close(self->publisher);
	/* All are there, and the holder lost nothing. */
	EXPECT_EQ(0U, info().wills_lost);
	EXPECT_EQ(holder.position, info().oldest);
	EXPECT_EQ(info().oldest + SLOTS, info().head);
	EXPECT_NE(NULL, strstr(mqt_read_text(holder.fd), "!a/will=0 !a/will=1 !a/will=2 "));
	EXPECT_EQ(0, mqt_poll(holder.fd, POLLPRI, 0));
}

TEST_F(will, no_space_to_reserve)
{
	struct mqt_subscription holder;
	struct mqt_map map;

	hold(_metadata, &holder, MQ_START_LATEST);
	ASSERT_EQ(0, mqt_map(&map, &holder));
	ASSERT_EQ(SLOTS, fill(self->publisher, "", 0));
	EXPECT_EQ(-EAGAIN, mqt_will_set(self->publisher, 1, "a/1", "x"));
	EXPECT_EQ(0U, info().wills);
	EXPECT_EQ(0, mqt_poll(self->publisher, POLLOUT, 0));
	mqt_advance(&map, holder.fd, SLOTS, SLOTS - 1);
	EXPECT_EQ(POLLOUT, mqt_poll(self->publisher, POLLOUT, -1));
	EXPECT_EQ(0, mqt_will_set(self->publisher, 1, "a/1", "x"));
	EXPECT_EQ(1U, info().wills);
}

/* What is cleared makes room for who waits. */
TEST_F(will, cleared_makes_room)
{
	struct mqt_subscription holder;
	unsigned int i;

	hold(_metadata, &holder, MQ_START_LATEST);
	for (i = 0; i < WILLS_MAX; i++)
		ASSERT_EQ(0, mqt_will_set(self->publisher, i, "a/1", "x"));
	EXPECT_EQ(SLOTS - WILLS_MAX, fill(self->publisher, "", 0));
	EXPECT_EQ(0, mqt_poll(self->publisher, POLLOUT, 0));
	EXPECT_EQ((int)WILLS_MAX, mqt_will_clear(self->publisher, MQ_WILL_ALL, 0));
	EXPECT_EQ(POLLOUT, mqt_poll(self->publisher, POLLOUT, -1));
	EXPECT_EQ(WILLS_MAX, fill(self->publisher, "", 0));
}

TEST_F(will, a_quarter_of_the_slots)
{
	int other = mqt_publisher(NAME, 0);
	unsigned int i;

	for (i = 0; i < WILLS_MAX; i++)
		ASSERT_EQ(0, mqt_will_set(i % 2 ? other : self->publisher, i, "a/1", "x"));
	EXPECT_EQ(-EDQUOT, mqt_will_set(other, 99, "a/1", "x"));
	EXPECT_EQ(-EDQUOT, mqt_will_set(self->publisher, 99, "a/1", "x"));
	EXPECT_EQ(2U, info().refusals[MQ_LIMIT_WILLS]);
	EXPECT_EQ(WILLS_MAX, info().wills);
	/* One for one. */
	EXPECT_EQ(0, mqt_will_set(other, 1, "a/1", "y"));
	EXPECT_EQ(1, mqt_will_clear(other, 0, 3));
	EXPECT_EQ(0, mqt_will_set(self->publisher, 99, "a/1", "x"));
}

TEST_F(will, a_quarter_of_the_bytes)
{
	struct mq_will will;

	mqt_will(&will, 1, "a/1", self->payload, BYTES / 8);
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_WILL_SET, &will));
	will.id = 2;
	will.payload_len = BYTES / 8 + 1;
	EXPECT_EQ(EDQUOT, mqt_refusal(self->publisher, MQ_IOC_WILL_SET, &will));
	will.payload_len = BYTES / 8;
	EXPECT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_WILL_SET, &will));
	/* In the place of an equal one there is room, for a larger there is none. */
	EXPECT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_WILL_SET, &will));
	will.payload_len++;
	EXPECT_EQ(EDQUOT, mqt_refusal(self->publisher, MQ_IOC_WILL_SET, &will));
	/* A small one needs no bytes. */
	EXPECT_EQ(0, mqt_will_set(self->publisher, 3, "a/1", "x"));
	EXPECT_EQ(2U, info().refusals[MQ_LIMIT_WILLS]);
	EXPECT_EQ(3U, info().wills);
}

TEST_F(will, so_many_for_a_publisher)
{
	uint64_t most = mqt_param("max_wills_per_publisher");
	int other = mqt_publisher(NAME, 0);

	EXPECT_EQ(65536U, most);
	ASSERT_EQ(0, mqt_param_set("max_wills_per_publisher", 2));
	EXPECT_EQ(0, mqt_will_set(self->publisher, 1, "a/1", "x"));
	EXPECT_EQ(0, mqt_will_set(self->publisher, 2, "a/1", "x"));
	EXPECT_EQ(-EMFILE, mqt_will_set(self->publisher, 3, "a/1", "x"));
	EXPECT_EQ(0, mqt_will_set(self->publisher, 2, "a/1", "y"));
	EXPECT_EQ(0, mqt_will_set(other, 3, "a/1", "x"));
	EXPECT_EQ(0, mqt_param_set("max_wills_per_publisher", most));
	EXPECT_EQ(1U, info().refusals[MQ_LIMIT_WILLS]);
	EXPECT_EQ(0, mqt_will_set(self->publisher, 3, "a/1", "x"));
	EXPECT_EQ(4U, info().wills);
}

/* ---- retained ----------------------------------------------------------- */

TEST_F(will, becomes_the_retained_value)
{
	uint64_t buffer[64];
	const struct mq_record *record = (void *)buffer;
	struct mq_retained listing = {
		.filter = (uintptr_t)"#", .filter_len = 1,
		.buffer = (uintptr_t)buffer, .buffer_size = sizeof(buffer),
	};

	ASSERT_EQ(0, mqt_retain(self->publisher, "a/state", "online", 6));
	ASSERT_EQ(0, retain_will(self->publisher, 1, "a/state", "offline", 7));
	/* Hidden until then. */
	EXPECT_EQ(1U, info().retained);
	EXPECT_EQ(13U, info().retained_bytes);
	close(self->publisher);
	ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_RETAINED, &listing));
	ASSERT_EQ(1U, listing.count);
	EXPECT_EQ(2U, record->sequence);
	EXPECT_EQ(MQ_RECORD_RETAIN | MQ_RECORD_WILL, record->flags);
	EXPECT_EQ(self->publisher_id, record->publisher);
	EXPECT_EQ(0, memcmp("a/stateoffline", record + 1, 14));
	EXPECT_EQ(14U, info().retained_bytes);
}

TEST_F(will, clears_the_retained_value)
{
	ASSERT_EQ(0, mqt_retain(self->publisher, "a/state", "online", 6));
	ASSERT_EQ(0, retain_will(self->publisher, 1, "a/state", "", 0));
	EXPECT_EQ(1, retained(self->node));
	close(self->publisher);
	EXPECT_EQ(0, retained(self->node));
	EXPECT_EQ(3U, info().head);
}

TEST_F(will, has_its_place_among_the_retained)
{
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	struct mqt_request request;

	ASSERT_EQ(0, retain_will(self->publisher, 1, "a/1", "x", 1));
	ASSERT_EQ(0, retain_will(self->publisher, 2, "a/2", "x", 1));
	ASSERT_EQ(0, mqt_retain(fd, "a/3", "x", 1));
	/* Three there may be. */
	EXPECT_EQ(-EDQUOT, mqt_retain(fd, "a/4", "x", 1));
	EXPECT_EQ(-EDQUOT, retain_will(fd, 1, "a/4", "x", 1));
	EXPECT_EQ(-EDQUOT, retain_will(fd, 1, "a/3", "x", 1));
	EXPECT_EQ(3U, info().refusals[MQ_LIMIT_RETAINED]);
	EXPECT_EQ(0U, info().refusals[MQ_LIMIT_WILLS]);
	EXPECT_EQ(2U, info().wills);
	/* In the place of one, or without retaining, it is another matter. */
	EXPECT_EQ(0, retain_will(self->publisher, 1, "a/0", "x", 1));
	EXPECT_EQ(0, retain_will(fd, 1, "a/3", "", 0));
	EXPECT_EQ(0, mqt_will_set(fd, 2, "a/4", "x"));
	/* Whatever the limits become. */
	mqt_request_start(&request, MQ_CMD_CHANNEL_SET);
	mqt_request_str(&request, MQ_A_NAME, NAME);
	mqt_request_u32(&request, MQ_A_RETAINED_MAX, 1);
	mqt_request_u64(&request, MQ_A_RETAINED_BYTES_MAX, 1);
	ASSERT_EQ(0, mqt_request_send(&request, NULL));
	close(self->publisher);
	EXPECT_EQ(3U, info().retained);
	EXPECT_EQ(0U, info().wills_lost);
	close(fd);
	EXPECT_EQ(2U, info().retained);
}

TEST_F(will, has_bytes_among_the_retained)
{
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);

	EXPECT_EQ(-EDQUOT, retain_will(self->publisher, 1, "b", self->payload, 1000));
	ASSERT_EQ(0, retain_will(self->publisher, 1, "b", self->payload, 899));
	EXPECT_EQ(-EDQUOT, mqt_retain(fd, "b", self->payload, 100));
	EXPECT_EQ(0, mqt_retain(fd, "b", self->payload, 99));
	EXPECT_EQ(1, mqt_will_clear(self->publisher, MQ_WILL_ALL, 0));
	EXPECT_EQ(0, mqt_retain(fd, "b", self->payload, 999));
}

TEST_F(will, expires_after_it_was_published)
{
	struct mq_will will;

	mqt_will(&will, 1, "a/1", "x", 1);
	will.record_flags = MQ_RECORD_RETAIN;
	will.expiry_ns = 1;
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_WILL_SET, &will));
	will.id = 2;
	will.topic = (uintptr_t)"a/2";
	will.expiry_ns = 3600 * 1000000000ULL;
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_WILL_SET, &will));
	EXPECT_EQ(0U, info().expired);
	close(self->publisher);
	while (info().expired < 1)
		;
	EXPECT_EQ(1, retained(self->node));
	EXPECT_STREQ("!a/1=x !a/2=x ", mqt_read_text(self->subscription.fd));
}

/* Values that expired leave room for a will, as they do for others. */
TEST_F(will, takes_the_place_of_what_expired)
{
	struct mq_publish record;
	unsigned int i, j;
	char topic[16];

	for (i = 0; i < mqt_count(200); i++) {
		for (j = 0; j < RETAINED_MAX; j++) {
			snprintf(topic, sizeof(topic), "a/%u/%u", i, j);
			mqt_record(&record, topic, "x", 1);
			record.flags = MQ_RECORD_RETAIN;
			record.expiry_ns = 1;
			ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
		}
		ASSERT_EQ(0, retain_will(self->publisher, 1, "a/1", "x", 1));
		ASSERT_EQ(1, mqt_will_clear(self->publisher, 0, 1));
	}
	EXPECT_EQ(0U, info().refusals[MQ_LIMIT_RETAINED]);
}

/* ---- refusals and losses ------------------------------------------------ */

/* Sets will 1 with a delay: 0, or the errno that refused it. */
static int delayed(int fd, uint32_t delay_ms)
{
	struct mq_will will;
	int error;

	mqt_will(&will, 1, "a/1", "x", 1);
	will.delay_ms = delay_ms;
	error = mqt_refusal(fd, MQ_IOC_WILL_SET, &will);
	return error == MQT_SUCCEEDED ? 0 : error;
}

TEST_F(will, a_delay_has_a_bound)
{
	struct mqt_reply event;
	int events;

	EXPECT_EQ(3600000U, self->max_delay);
	EXPECT_EQ(0, delayed(self->publisher, self->max_delay));
	events = mqt_events_open();
	ASSERT_LE(0, events);
	EXPECT_EQ(ERANGE, delayed(self->publisher, self->max_delay + 1));
	ASSERT_EQ(0, mqt_events_next(events, &event));
	EXPECT_EQ(MQ_EVENT_REFUSED, (int)mqt_u32(&event.attrs, MQ_A_EVENT));
	EXPECT_EQ(MQ_LIMIT_WILLS, (int)mqt_u32(&event.attrs, MQ_A_LIMIT));
	EXPECT_EQ(ERANGE, delayed(self->publisher, UINT32_MAX));
	EXPECT_EQ(2U, info().refusals[MQ_LIMIT_WILLS]);
	EXPECT_EQ(1U, info().wills);
	ASSERT_EQ(0, mqt_param_set("max_will_delay", 0));
	EXPECT_EQ(ERANGE, delayed(self->publisher, 1));
	EXPECT_EQ(3U, info().refusals[MQ_LIMIT_WILLS]);
	/* The one of before is there, until it is replaced by one without a delay. */
	EXPECT_EQ(1U, info().wills);
	EXPECT_EQ(0, delayed(self->publisher, 0));
	close(self->publisher);
	EXPECT_STREQ("!a/1=x ", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(0U, info().wills);
}

TEST_F(will, lost_to_another_owner)
{
	const struct mqt_config other = { .name = OTHER, .slots = 64, .claims = { "a/theirs" } };
	struct mqt_reply event;
	int events, i;

	ASSERT_EQ(0, mqt_will_set(self->publisher, 1, "a/1", "x"));
	ASSERT_EQ(0, retain_will(self->publisher, 2, "a/theirs", "x", 1));
	ASSERT_EQ(0, mqt_will_set(self->publisher, 3, "b", "y"));
	ASSERT_EQ(0, mqt_create(&other));
	events = mqt_events_open();
	ASSERT_LE(0, events);
	close(self->publisher);
	EXPECT_STREQ("!a/1=x !b=y ", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(0U, info().wills);
	EXPECT_EQ(1U, info().wills_lost);
	EXPECT_EQ(0U, info().retained);
	/* Each is told: what was published, and what was lost. */
	for (i = 0; i < 3; i++) {
		static const uint64_t sequence[] = { 1, 0, 2 };

		ASSERT_EQ(0, mqt_events_next(events, &event));
		EXPECT_EQ(MQ_EVENT_WILL, (int)mqt_u32(&event.attrs, MQ_A_EVENT));
		EXPECT_EQ(self->publisher_id, mqt_u64(&event.attrs, MQ_A_PUBLISHER_ID));
		EXPECT_EQ((uint32_t)getpid(), mqt_u32(&event.attrs, MQ_A_PID));
		EXPECT_TRUE(mqt_has(&event.attrs, MQ_A_SEQUENCE));
		EXPECT_EQ(sequence[i], mqt_u64(&event.attrs, MQ_A_SEQUENCE));
	}
	/* What it had reserved is free: three values, a quarter of the slots. */
	self->publisher = mqt_publisher(NAME, 0);
	for (i = 0; i < (int)RETAINED_MAX; i++)
		EXPECT_EQ(0, retain_will(self->publisher, i, "a/1", "x", 1));
	for (; i < (int)WILLS_MAX; i++)
		EXPECT_EQ(0, mqt_will_set(self->publisher, i, "a/1", "x"));
}

TEST_F(will, lost_when_it_is_to_be_published)
{
	const struct mqt_config other = { .name = OTHER, .slots = 64, .claims = { "a/theirs" } };

	ASSERT_EQ(0, mqt_will_set(self->publisher, 1, "a/theirs", "x"));
	ASSERT_EQ(0, mqt_will_set(self->publisher, 2, "a/1", "x"));
	ASSERT_EQ(0, mqt_create(&other));
	/* Not published: it is not counted. */
	EXPECT_EQ(1, mqt_will_clear(self->publisher, MQ_WILL_ALL | MQ_WILL_PUBLISH, 0));
	EXPECT_EQ(1U, info().wills_lost);
	EXPECT_EQ(0U, info().wills);
	ASSERT_EQ(0, mqt_delete(OTHER));
}

TEST_F(will, lost_with_the_channel)
{
	struct mq_info last = {};

	ASSERT_EQ(0, mqt_will_set(self->publisher, 1, "a/1", "x"));
	ASSERT_EQ(0, mqt_will_set(self->publisher, 2, "a/1", "x"));
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(-ENODEV, mqt_will_set(self->publisher, 3, "a/1", "x"));
	EXPECT_EQ(-ENODEV, mqt_will_clear(self->publisher, MQ_WILL_ALL, 0));
	close(self->publisher);
	ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_INFO, &last));
	EXPECT_EQ(0U, last.wills);
	EXPECT_EQ(2U, last.wills_lost);
	EXPECT_EQ(1U, last.head);
}

TEST_F(will, arguments_that_cannot_be)
{
	struct mq_will_clear clear = {};
	struct mq_will good, will;
	int fd = self->publisher;
	unsigned int i;

	mqt_will(&good, 1, "a/1", "x", 1);
	for (i = 1; i < 32; i++) {
		will = good;
		will.flags = 1U << i;
		EXPECT_EQ(EINVAL, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
	}
	for (i = 0; i < 16; i++) {
		will = good;
		will.record_flags = 1U << i;
		if (!(will.record_flags & (MQ_RECORD_RETAIN | MQ_RECORD_USER_MASK)))
			EXPECT_EQ(EINVAL, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
	}
	will = good;
	will.reserved0 = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
	for (i = 0; i < 2; i++) {
		will = good;
		will.reserved[i] = 1;
		EXPECT_EQ(EINVAL, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
		clear.reserved[i] = 1;
		EXPECT_EQ(EINVAL, mqt_refusal(fd, MQ_IOC_WILL_CLEAR, &clear));
		clear.reserved[i] = 0;
	}
	will = good;
	will.expiry_ns = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
	will = good;
	will.topic_len = 0;
	EXPECT_EQ(EINVAL, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
	will = good;
	will.topic = (uintptr_t)"a/+";
	EXPECT_EQ(EINVAL, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
	will = good;
	will.topic = (uintptr_t)"c/1";
	EXPECT_EQ(ESTALE, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
	clear.flags = 0x4;
	EXPECT_EQ(EINVAL, mqt_refusal(fd, MQ_IOC_WILL_CLEAR, &clear));
	clear.flags = MQ_WILL_ALL;
	clear.id = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(fd, MQ_IOC_WILL_CLEAR, &clear));
	clear.flags = 0;
	EXPECT_EQ(ENOENT, mqt_refusal(fd, MQ_IOC_WILL_CLEAR, &clear));
	EXPECT_EQ(ENOTTY, mqt_refusal(self->node, MQ_IOC_WILL_SET, &good));
	EXPECT_EQ(ENOTTY, mqt_refusal(self->subscription.fd, MQ_IOC_WILL_CLEAR, &clear));
	EXPECT_EQ(0U, info().wills);
}

TEST_F(will, sizes_and_pointers)
{
	int fd = self->publisher;
	struct mq_will will;

	mqt_will(&will, 1, "a/1", self->payload, BYTES / 4 - 2);
	EXPECT_EQ(EMSGSIZE, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
	will.payload_len = UINT32_MAX;
	will.metadata_len = 5;
	EXPECT_EQ(EMSGSIZE, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
	mqt_will(&will, 1, "a/1", mqt_nowhere(), 1);
	EXPECT_EQ(EFAULT, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
	mqt_will(&will, 1, "a/1", "x", 1);
	will.metadata = (uintptr_t)mqt_nowhere();
	will.metadata_len = 1;
	EXPECT_EQ(EFAULT, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
	will.metadata_len = 0;
	will.topic = (uintptr_t)mqt_nowhere();
	EXPECT_EQ(EFAULT, mqt_refusal(fd, MQ_IOC_WILL_SET, &will));
	EXPECT_EQ(-EFAULT, mqt_ioctl(fd, MQ_IOC_WILL_SET, mqt_nowhere()));
	EXPECT_EQ(-EFAULT, mqt_ioctl(fd, MQ_IOC_WILL_CLEAR, mqt_nowhere()));
	EXPECT_EQ(0U, info().wills);
	/* A record as large as may be. */
	mqt_will(&will, 1, "a/1", self->payload, BYTES / 4 - 3);
	EXPECT_EQ(0, mqt_ioctl(fd, MQ_IOC_WILL_SET, &will));
}

TEST_F(will, what_administrators_see)
{
	struct mqt_reply reply;

	ASSERT_EQ(0, mqt_will_set(self->publisher, 1, "a/1", "x"));
	ASSERT_EQ(0, mqt_get(NAME, &reply));
	EXPECT_EQ(1U, mqt_u64(&reply.attrs, MQ_A_WILLS));
	EXPECT_EQ(0U, mqt_u64(&reply.attrs, MQ_A_WILLS_LOST));
	EXPECT_TRUE(mqt_has(&reply.attrs, MQ_A_WILLS_LOST));
	/* A purge is about records: the will is none yet. */
	ASSERT_EQ(0, mqt_purge(NAME));
	close(self->publisher);
	EXPECT_STREQ("!a/1=x ", mqt_read_text(self->subscription.fd));
}

TEST_HARNESS_MAIN
