// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Retained values: set, replace, clear, list, limits; then live, once each. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-retained"
#define COUNT_MAX 300U
#define BYTES_MAX 4096U

FIXTURE(retained) {
	int node;
	int publisher;
	uint64_t buffer[1024];
};

FIXTURE_SETUP(retained)
{
	const struct mqt_config config = {
		.name = NAME, .slots = 4096, .bytes = 1 << 20, .retained_max = COUNT_MAX,
		.retained_bytes_max = BYTES_MAX, .claims = { "#" },
	};

	ASSERT_EQ(0, mqt_create(&config));
	self->node = mqt_node(NAME, O_RDONLY);
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
}

FIXTURE_TEARDOWN(retained)
{
	mqt_delete(NAME);
}

static int retain_str(int fd, const char *topic, const char *payload)
{
	return mqt_retain(fd, topic, payload, strlen(payload));
}

static struct mq_retained listing_of(FIXTURE_DATA(retained) * self, const char *filter)
{
	struct mq_retained listing = {
		.filter = (uintptr_t)filter, .filter_len = strlen(filter),
		.buffer = (uintptr_t)self->buffer, .buffer_size = sizeof(self->buffer),
	};

	return listing;
}

/* Lists all that match, in one buffer: "topic=payload " for each. */
static const char *list(FIXTURE_DATA(retained) * self, const char *filter, uint64_t before)
{
	struct mq_retained listing = listing_of(self, filter);
	static char text[8192];
	uint64_t last = 0;
	int at = 0;

	text[0] = '\0';
	listing.before = before;
	do {
		const char *next = (void *)self->buffer;
		uint32_t i;

		listing.buffer_size = sizeof(self->buffer);
		if (mqt_ioctl(self->node, MQ_IOC_RETAINED, &listing))
			return "!";
		for (i = 0; i < listing.count; i++) {
			const struct mq_record *record = (void *)next;
			const char *topic = (void *)(record + 1);

			if (record->sequence <= last || !(record->flags & MQ_RECORD_RETAIN))
				return "!";
			last = record->sequence;
			at += sprintf(text + at, "%.*s=%.*s ", record->topic_len, topic,
				      (int)record->payload_len, topic + record->topic_len);
			next += record->size;
		}
		if (next != (char *)self->buffer + listing.buffer_size)
			return "!";
	} while (listing.more);
	return text;
}

TEST_F(retained, set_replace_clear)
{
	struct mq_info info;

	EXPECT_STREQ("", list(self, "#", 0));
	ASSERT_EQ(0, retain_str(self->publisher, "a", "1"));
	ASSERT_EQ(0, retain_str(self->publisher, "b", "2"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "c", "not retained"));
	EXPECT_STREQ("a=1 b=2 ", list(self, "#", 0));
	ASSERT_EQ(0, retain_str(self->publisher, "a", "three"));
	EXPECT_STREQ("b=2 a=three ", list(self, "#", 0));
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(2U, info.retained);
	EXPECT_EQ(2U + 6U, info.retained_bytes);
	ASSERT_EQ(0, retain_str(self->publisher, "b", ""));
	EXPECT_STREQ("a=three ", list(self, "#", 0));
	/* Clearing what is not there is fine, and published like the rest. */
	ASSERT_EQ(0, retain_str(self->publisher, "b", ""));
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(7U, info.head);
	EXPECT_EQ(1U, info.retained);
	EXPECT_EQ(6U, info.retained_bytes);
}

TEST_F(retained, the_record_as_it_was)
{
	const struct mq_record *got = (void *)self->buffer;
	struct mq_retained listing = listing_of(self, "topic");
	struct mq_publish record;

	mqt_record(&record, "topic", "payload", 7);
	record.metadata = (uintptr_t)"meta";
	record.metadata_len = 4;
	record.flags = MQ_RECORD_RETAIN | 0x4200;
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &record));
	memset(self->buffer, MQT_POISON, sizeof(self->buffer));
	ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_RETAINED, &listing));
	EXPECT_EQ(1U, listing.count);
	EXPECT_EQ(0U, listing.more);
	EXPECT_EQ(56U, listing.buffer_size);
	EXPECT_EQ(record.sequence, listing.after);
	EXPECT_EQ(56U, got->size);
	EXPECT_EQ(record.sequence, got->sequence);
	EXPECT_EQ(record.time, got->time);
	EXPECT_EQ(MQ_RECORD_RETAIN | 0x4200, got->flags);
	EXPECT_EQ(0, memcmp("topicpayloadmeta", got + 1, 16));
	EXPECT_EQ((char)MQT_POISON, ((char *)self->buffer)[56]);
}

TEST_F(retained, filters_and_bounds)
{
	const struct mq_record *first = (void *)self->buffer;
	struct mq_retained listing;

	ASSERT_EQ(0, retain_str(self->publisher, "a/1", "x"));
	ASSERT_EQ(0, retain_str(self->publisher, "b/1", "y"));
	ASSERT_EQ(0, retain_str(self->publisher, "a/2", "z"));
	ASSERT_EQ(0, retain_str(self->publisher, "a", "w"));
	EXPECT_STREQ("a/1=x a/2=z a=w ", list(self, "a/#", 0));
	EXPECT_STREQ("a/1=x b/1=y ", list(self, "+/1", 0));
	EXPECT_STREQ("a/1=x a/2=z ", list(self, "a/#", 4));
	EXPECT_STREQ("", list(self, "a/#", 1));
	EXPECT_STREQ("", list(self, "other", 0));
	listing = listing_of(self, "#");
	listing.after = 2;
	ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_RETAINED, &listing));
	EXPECT_EQ(2U, listing.count);
	EXPECT_EQ(3U, first->sequence);
	listing.after = UINT64_MAX;
	listing.buffer_size = sizeof(self->buffer);
	ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_RETAINED, &listing));
	EXPECT_EQ(0U, listing.count);
	EXPECT_EQ(0U, listing.more);
}

TEST_F(retained, in_several_calls)
{
	struct mq_retained listing = listing_of(self, "+/x");
	unsigned int i, seen = 0, calls = 0;
	char topic[16];

	for (i = 0; i < COUNT_MAX; i++) {
		snprintf(topic, sizeof(topic), "%u/%c", i, i % 2 ? 'x' : 'y');
		ASSERT_EQ(0, retain_str(self->publisher, topic, "v"));
	}
	do {
		listing.buffer_size = 200;
		ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_RETAINED, &listing));
		EXPECT_GE(200U, listing.buffer_size);
		seen += listing.count;
		calls++;
	} while (listing.more);
	EXPECT_EQ(COUNT_MAX / 2, seen);
	/* 200 bytes hold four of them. */
	EXPECT_LE(COUNT_MAX / 2 / 4, calls);
}

TEST_F(retained, a_record_that_does_not_fit)
{
	struct mq_retained listing = listing_of(self, "#"), before;

	ASSERT_EQ(0, mqt_retain(self->publisher, "a", self->buffer, 100));
	listing.buffer_size = 100;
	before = listing;
	EXPECT_EQ(-EMSGSIZE, mqt_ioctl(self->node, MQ_IOC_RETAINED, &listing));
	EXPECT_EQ(144U, listing.buffer_size);
	before.buffer_size = 144;
	EXPECT_EQ(0, memcmp(&before, &listing, sizeof(before)));
	EXPECT_EQ(0, mqt_ioctl(self->node, MQ_IOC_RETAINED, &listing));
	EXPECT_EQ(1U, listing.count);
}

TEST_F(retained, arguments_that_cannot_be)
{
	struct mq_retained good = listing_of(self, "#"), listing;

	ASSERT_EQ(0, retain_str(self->publisher, "a", "x"));
	listing = good;
	listing.flags = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->node, MQ_IOC_RETAINED, &listing));
	listing = good;
	listing.reserved[2] = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->node, MQ_IOC_RETAINED, &listing));
	listing = good;
	listing.filter = (uintptr_t)"a+";
	listing.filter_len = 2;
	EXPECT_EQ(EINVAL, mqt_refusal(self->node, MQ_IOC_RETAINED, &listing));
	listing.filter_len = 0;
	EXPECT_EQ(EINVAL, mqt_refusal(self->node, MQ_IOC_RETAINED, &listing));
	listing = good;
	listing.filter = (uintptr_t)mqt_nowhere();
	EXPECT_EQ(EFAULT, mqt_refusal(self->node, MQ_IOC_RETAINED, &listing));
	listing = good;
	listing.buffer = (uintptr_t)mqt_nowhere();
	EXPECT_EQ(EFAULT, mqt_refusal(self->node, MQ_IOC_RETAINED, &listing));
	EXPECT_EQ(-EFAULT, mqt_ioctl(self->node, MQ_IOC_RETAINED, mqt_nowhere()));
}

TEST_F(retained, a_limited_count)
{
	struct mq_publish record;
	struct mq_info before, after;
	char topic[16];
	unsigned int i;

	for (i = 0; i < COUNT_MAX; i++) {
		snprintf(topic, sizeof(topic), "%u", i);
		ASSERT_EQ(0, retain_str(self->publisher, topic, "v"));
	}
	ASSERT_EQ(0, mqt_info(NAME, &before));
	mqt_record(&record, "new", "v", 1);
	record.flags = MQ_RECORD_RETAIN;
	EXPECT_EQ(EDQUOT, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	ASSERT_EQ(0, mqt_info(NAME, &after));
	/* It is counted, and that is all. */
	before.refusals[MQ_LIMIT_RETAINED]++;
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
	/* Replacing and clearing still work, and clearing makes room. */
	EXPECT_EQ(0, retain_str(self->publisher, "7", "w"));
	EXPECT_EQ(0, retain_str(self->publisher, "new", ""));
	EXPECT_EQ(0, retain_str(self->publisher, "8", ""));
	EXPECT_EQ(0, retain_str(self->publisher, "new", "v"));
	EXPECT_EQ(-EDQUOT, retain_str(self->publisher, "8", "v"));
}

TEST_F(retained, limited_bytes)
{
	ASSERT_EQ(0, mqt_retain(self->publisher, "a", self->buffer, 2000));
	ASSERT_EQ(0, mqt_retain(self->publisher, "b", self->buffer, BYTES_MAX - 2001 - 1));
	EXPECT_EQ(-EDQUOT, mqt_retain(self->publisher, "c", self->buffer, 1));
	EXPECT_EQ(-EDQUOT, mqt_retain(self->publisher, "a", self->buffer, 2001));
	EXPECT_EQ(0, mqt_retain(self->publisher, "a", self->buffer, 2000));
	EXPECT_EQ(0, mqt_retain(self->publisher, "a", self->buffer, 1998));
	EXPECT_EQ(0, mqt_retain(self->publisher, "c", self->buffer, 1));
	EXPECT_EQ(-EDQUOT, mqt_retain(self->publisher, "a", self->buffer, 1999));
	EXPECT_EQ(0, mqt_retain(self->publisher, "b", NULL, 0));
	EXPECT_EQ(0, mqt_retain(self->publisher, "a", self->buffer, 2001));
}

/* Counts one topic up, retained, until told to stop. */
struct counter {
	bool stop;
	volatile uint64_t value;
};

static void *count_up(void *arg)
{
	struct counter *counter = arg;
	int fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	uint64_t value = 0;

	while (!__atomic_load_n(&counter->stop, __ATOMIC_ACQUIRE)) {
		if (mqt_retain(fd, value % 2 ? "odd" : "even", &value, sizeof(value)))
			break;
		__atomic_store_n(&counter->value, ++value, __ATOMIC_RELEASE);
	}
	close(fd);
	return NULL;
}

/* What a subscriber that takes retained values first sees of one topic. */
static int take_once_each(FIXTURE_DATA(retained) * self, uint64_t *last, uint64_t *next)
{
	struct mq_retained listing = listing_of(self, "odd");
	const struct mq_record *record = (void *)self->buffer;
	struct mqt_subscription subscription;
	struct mq_info info;
	uint64_t live = 0;
	int error;

	error = mqt_subscribe(&subscription, NAME, 0, MQ_START_LATEST, 0);
	if (!error)
		error = mqt_filter_add(subscription.fd, "odd", 1, &live);
	listing.before = live;
	if (!error)
		error = mqt_ioctl(self->node, MQ_IOC_RETAINED, &listing);
	if (error || listing.count > 1)
		return error ? error : -EEXIST;
	*last = 0;
	if (listing.count)
		memcpy(last, (char *)(record + 1) + record->topic_len, sizeof(*last));
	if (read(subscription.fd, self->buffer, 56) != 56)
		return -errno;
	memcpy(next, (char *)(record + 1) + record->topic_len, sizeof(*next));
	close(subscription.fd);
	/* On a busy machine the ring may come round between the two. */
	error = mqt_info(NAME, &info);
	if (error || info.oldest > live)
		return error;
	return listing.count;
}

TEST_F(retained, then_live_once_each)
{
	unsigned int wanted = mqt_count(800), hits = 0;
	struct counter counter = {};
	uint64_t last, next;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, count_up, &counter));
	mqt_wait_count(&counter.value, 10);
	while (hits < wanted) {
		int count = take_once_each(self, &last, &next);

		ASSERT_LE(0, count);
		/* Replaced meanwhile, the value comes live; else the next one does. */
		if (count)
			ASSERT_EQ(last + 2, next);
		hits += count;
	}
	__atomic_store_n(&counter.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	/* Once it is quiet there is always one. */
	EXPECT_LT(0, (int)strlen(list(self, "odd", 0)));
}

TEST_HARNESS_MAIN
