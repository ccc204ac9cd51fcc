// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Filters: the kernel's index against the one matcher, weights, limits. */
#include <errno.h>
#include <fcntl.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-filter"
#define TEXTS_MAX 512

FIXTURE(filter) {
	int publisher;
	int fd;
	uint64_t per_subscription;
	uint64_t per_channel;
};

FIXTURE_SETUP(filter)
{
	const struct mqt_config config = {
		.name = NAME, .slots = 1024, .bytes = 1 << 20, .claims = { "#", "$x/#" },
	};
	struct mqt_subscription subscription;

	self->per_subscription = mqt_param("max_filters_per_subscription");
	self->per_channel = mqt_param("max_filters_per_channel");
	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe(&subscription, NAME, MQ_SUBSCRIBE_NONBLOCK, 0, 0));
	self->fd = subscription.fd;
}

FIXTURE_TEARDOWN(filter)
{
	EXPECT_EQ(0, mqt_param_set("max_filters_per_subscription", self->per_subscription));
	EXPECT_EQ(0, mqt_param_set("max_filters_per_channel", self->per_channel));
	mqt_delete(NAME);
}

struct texts {
	unsigned int count;
	char text[TEXTS_MAX][16];
};

/* All texts of one to three levels over some words, the last one any @tail. */
static void enumerate(struct texts *texts, const char * const *word, unsigned int words,
		      unsigned int tails)
{
	unsigned int levels, i, combinations = 1;

	for (levels = 1; levels <= 3; levels++) {
		for (i = 0; i < combinations * tails && texts->count < TEXTS_MAX; i++) {
			char *text = texts->text[texts->count];
			unsigned int rest = i / tails;
			unsigned int level;
			int at = 0;

			for (level = 1; level < levels; level++, rest /= words)
				at += sprintf(text + at, "%s/", word[rest % words]);
			at += sprintf(text + at, "%s", word[i % tails]);
			texts->count += at > 0;
		}
		combinations *= words;
	}
}

static const char * const topic_words[] = { "", "a", "b", "$x" };
/* '#' comes last: it ends a filter, nothing follows. */
static const char * const filter_words[] = { "", "a", "b", "$x", "+", "#" };

static void enumerate_both(struct texts *topics, struct texts *filters)
{
	memset(topics, 0, sizeof(*topics));
	memset(filters, 0, sizeof(*filters));
	enumerate(topics, topic_words, 4, 4);
	enumerate(filters, filter_words, 5, 6);
}

static int receivers(int publisher, const char *topic, uint32_t *count)
{
	struct mq_publish record;
	int error;

	mqt_record(&record, topic, "", 0);
	error = mqt_ioctl(publisher, MQ_IOC_PUBLISH, &record);
	*count = record.receivers;
	return error;
}

static uint32_t expected(const struct texts *filters, const char *topic, unsigned int step)
{
	uint32_t sum = 0;
	unsigned int f;

	for (f = 0; f < filters->count; f += step)
		if (mq_topic_match(filters->text[f], strlen(filters->text[f]), topic,
				   strlen(topic)))
			sum += f + 1;
	return sum;
}

TEST_F(filter, one_at_a_time_as_the_matcher_says)
{
	static struct texts topics, filters;
	unsigned int f, t, step = mqt_count(10) == 10 ? 1 : 7;
	uint32_t count;

	enumerate_both(&topics, &filters);
	ASSERT_EQ(83U, topics.count);
	ASSERT_EQ(185U, filters.count);
	for (f = 0; f < filters.count; f += step) {
		const char *filter = filters.text[f];

		ASSERT_EQ(0, mqt_filter_add(self->fd, filter, 1, NULL)) TH_LOG("'%s'", filter);
		for (t = 0; t < topics.count; t++) {
			const char *topic = topics.text[t];

			ASSERT_EQ(0, receivers(self->publisher, topic, &count))
				TH_LOG("topic '%s'", topic);
			ASSERT_EQ(mq_topic_match(filter, strlen(filter), topic, strlen(topic)),
				  (int)count) TH_LOG("'%s' '%s'", filter, topic);
		}
		ASSERT_EQ(0, mqt_filter_remove(self->fd, filter));
	}
}

TEST_F(filter, all_at_once_as_the_matcher_says)
{
	static struct texts topics, filters;
	unsigned int f, t;
	uint32_t count;

	enumerate_both(&topics, &filters);
	ASSERT_EQ(0, mqt_param_set("max_filters_per_subscription", TEXTS_MAX));
	for (f = 0; f < filters.count; f++)
		ASSERT_EQ(0, mqt_filter_add(self->fd, filters.text[f], f + 1, NULL));
	for (t = 0; t < topics.count; t++) {
		ASSERT_EQ(0, receivers(self->publisher, topics.text[t], &count));
		EXPECT_EQ(expected(&filters, topics.text[t], 1), count)
			TH_LOG("topic '%s'", topics.text[t]);
	}
	/* Filters that went must not take others with them. */
	for (f = 0; f < filters.count; f++)
		if (f % 3)
			ASSERT_EQ(0, mqt_filter_remove(self->fd, filters.text[f]));
	for (t = 0; t < topics.count; t++) {
		ASSERT_EQ(0, receivers(self->publisher, topics.text[t], &count));
		EXPECT_EQ(expected(&filters, topics.text[t], 3), count)
			TH_LOG("topic '%s'", topics.text[t]);
	}
}

TEST_F(filter, weights_add_up)
{
	struct mqt_subscription other;
	uint64_t sequence;
	uint32_t count;

	ASSERT_EQ(0, mqt_subscribe_to(&other, NAME, 0, "a/b"));
	ASSERT_EQ(0, mqt_filter_add(self->fd, "a/b", 10, &sequence));
	EXPECT_EQ(1U, sequence);
	ASSERT_EQ(0, mqt_filter_add(self->fd, "a/+", 100, NULL));
	ASSERT_EQ(0, receivers(self->publisher, "a/b", &count));
	EXPECT_EQ(111U, count);
	/* Another weight for the same filter, from the next record on. */
	ASSERT_EQ(0, mqt_filter_add(self->fd, "a/b", 20, &sequence));
	EXPECT_EQ(2U, sequence);
	ASSERT_EQ(0, receivers(self->publisher, "a/b", &count));
	EXPECT_EQ(121U, count);
	ASSERT_EQ(0, mqt_filter_add(self->fd, "a/b", 0, NULL));
	ASSERT_EQ(0, receivers(self->publisher, "a/b", &count));
	EXPECT_EQ(101U, count);
	close(other.fd);
	ASSERT_EQ(0, receivers(self->publisher, "a/b", &count));
	EXPECT_EQ(100U, count);
	ASSERT_EQ(0, mqt_filter_remove(self->fd, "a/+"));
	ASSERT_EQ(0, receivers(self->publisher, "a/b", &count));
	EXPECT_EQ(0U, count);
}

static int refused(int fd, unsigned long cmd, const char *filter, uint32_t len)
{
	struct mq_filter args = {
		.filter_len = len, .filter = (uintptr_t)filter,
		.weight = cmd == MQ_IOC_FILTER_ADD,
	};

	memset(&args.sequence, MQT_POISON, sizeof(args.sequence));
	return mqt_refusal(fd, cmd, &args);
}

TEST_F(filter, not_a_filter)
{
	static const char * const bad[] = { "", "a+", "+a", "a/b+/c", "#/a", "a#", "a/#/", "++" };
	struct mq_filter args = { .filter_len = 1, .filter = (uintptr_t)"a", .flags = 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(EINVAL, refused(self->fd, MQ_IOC_FILTER_ADD, bad[i], strlen(bad[i])))
			TH_LOG("'%s'", bad[i]);
		EXPECT_EQ(EINVAL, refused(self->fd, MQ_IOC_FILTER_REMOVE, bad[i], strlen(bad[i])))
			TH_LOG("'%s'", bad[i]);
	}
	EXPECT_EQ(EINVAL, refused(self->fd, MQ_IOC_FILTER_ADD, "a\0b", 3));
	EXPECT_EQ(EINVAL, refused(self->fd, MQ_IOC_FILTER_ADD, "a", MQ_TOPIC_LEN_MAX + 1));
	EXPECT_EQ(EINVAL, refused(self->fd, MQ_IOC_FILTER_ADD, "a", UINT32_MAX));
	EXPECT_EQ(EFAULT, refused(self->fd, MQ_IOC_FILTER_ADD, mqt_nowhere(), 5));
	EXPECT_EQ(EFAULT, refused(self->fd, MQ_IOC_FILTER_REMOVE, mqt_nowhere(), 5));
	EXPECT_EQ(-EFAULT, mqt_ioctl(self->fd, MQ_IOC_FILTER_ADD, mqt_nowhere()));
	EXPECT_EQ(-EFAULT, mqt_ioctl(self->fd, MQ_IOC_FILTER_REMOVE, mqt_nowhere()));
	EXPECT_EQ(ENOENT, refused(self->fd, MQ_IOC_FILTER_REMOVE, "never", 5));
	EXPECT_EQ(EINVAL, mqt_refusal(self->fd, MQ_IOC_FILTER_ADD, &args));
	args.flags = 0;
	args.reserved0 = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->fd, MQ_IOC_FILTER_ADD, &args));
	args.reserved0 = 0;
	args.reserved[1] = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->fd, MQ_IOC_FILTER_ADD, &args));
	args.reserved[1] = 0;
	args.weight = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->fd, MQ_IOC_FILTER_REMOVE, &args));
}

TEST_F(filter, levels)
{
	static const unsigned long commands[] = { MQ_IOC_FILTER_ADD, MQ_IOC_FILTER_REMOVE };
	static char deep[MQ_TOPIC_LEN_MAX];
	uint32_t count;
	int i;

	for (i = 0; i < (int)sizeof(deep); i++)
		deep[i] = i % 2 ? '/' : 'l';
	for (i = 0; i < (int)ARRAY_SIZE(commands); i++) {
		EXPECT_EQ(E2BIG, refused(self->fd, commands[i], deep,
					 2 * MQ_FILTER_LEVELS_MAX + 1));
		EXPECT_EQ(E2BIG, refused(self->fd, commands[i], deep, sizeof(deep)));
	}
	deep[2 * MQ_FILTER_LEVELS_MAX - 1] = '\0';
	EXPECT_EQ(0, mqt_filter_add(self->fd, deep, 1, NULL));
	ASSERT_EQ(0, receivers(self->publisher, deep, &count));
	EXPECT_EQ(1U, count);
	/* A topic may have more levels than any filter. */
	EXPECT_EQ(0, mqt_filter_add(self->fd, "l/#", 1, NULL));
	deep[2 * MQ_FILTER_LEVELS_MAX - 1] = '/';
	deep[1000] = '\0';
	ASSERT_EQ(0, receivers(self->publisher, deep, &count));
	EXPECT_EQ(1U, count);
	/* One level as long as a filter can be. */
	memset(deep, 'x', sizeof(deep));
	deep[MQ_TOPIC_LEN_MAX - 1] = '\0';
	EXPECT_EQ(0, mqt_filter_add(self->fd, deep, 1, NULL));
	EXPECT_EQ(0, mqt_filter_remove(self->fd, deep));
}

TEST_F(filter, limits_of_the_module)
{
	struct mqt_subscription other;

	ASSERT_EQ(0, mqt_param_set("max_filters_per_subscription", 2));
	ASSERT_EQ(0, mqt_filter_add(self->fd, "a", 1, NULL));
	ASSERT_EQ(0, mqt_filter_add(self->fd, "b", 1, NULL));
	EXPECT_EQ(EMFILE, refused(self->fd, MQ_IOC_FILTER_ADD, "c", 1));
	/* One that is there takes no room. */
	EXPECT_EQ(0, mqt_filter_add(self->fd, "b", 5, NULL));
	ASSERT_EQ(0, mqt_param_set("max_filters_per_channel", 3));
	ASSERT_EQ(0, mqt_subscribe_to(&other, NAME, 0, "a"));
	EXPECT_EQ(ENFILE, refused(other.fd, MQ_IOC_FILTER_ADD, "d", 1));
	EXPECT_EQ(0, mqt_filter_add(other.fd, "a", 7, NULL));
	ASSERT_EQ(0, mqt_filter_remove(self->fd, "a"));
	EXPECT_EQ(0, mqt_filter_add(other.fd, "d", 1, NULL));
}

TEST_F(filter, more_candidates_than_are_looked_at)
{
	/* Every combination of 'a' and '+' at eight levels matches. */
	char filter[16] = "a/a/a/a/a/a/a/a", buffer[512];
	struct mqt_subscription bystander;
	unsigned int i, bit;

	ASSERT_EQ(0, mqt_param_set("max_filters_per_subscription", 256));
	ASSERT_EQ(0, mqt_subscribe_to(&bystander, NAME, 0, "b"));
	for (i = 0; i < 256; i++) {
		for (bit = 0; bit < 8; bit++)
			filter[2 * bit] = i & 1 << bit ? '+' : 'a';
		ASSERT_EQ(0, mqt_filter_add(self->fd, filter, 1, NULL));
	}
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/a/a/a/a/a/a/a", "mine"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "theirs"));
	/* Nobody misses a record, nobody is given one that does not match. */
	EXPECT_EQ(sizeof(struct mq_record) + 24, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(1U, ((struct mq_record *)buffer)->sequence);
	EXPECT_EQ(sizeof(struct mq_record) + 8, read(bystander.fd, buffer, sizeof(buffer)));
	EXPECT_EQ(2U, ((struct mq_record *)buffer)->sequence);
}

TEST_HARNESS_MAIN
