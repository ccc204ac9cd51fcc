// SPDX-License-Identifier: GPL-2.0-only
/* KUnit tests of topics, filters and the matcher (linux/mq_topic.h). */
#include <kunit/test.h>
#include <linux/mq_topic.h>
#include <linux/slab.h>
#include <linux/string.h>

/* A row of a table: text, length (there may be NULs in it), answer. */
#define ROW(text, answer) { text, sizeof(text) - 1, answer }

static void topic_valid_table(struct kunit *test)
{
	static const struct {
		const char *topic;
		u32 len;
		int valid;
	} table[] = {
		ROW("a", 1), ROW("/", 1), ROW("a//b", 1), ROW("$SYS/load", 1),
		ROW(" ", 1), ROW("\xff\xfe", 1), ROW("plant/7/t", 1), ROW("", 0),
		ROW("a+", 0), ROW("a/#", 0), ROW("+", 0), ROW("a\0b", 0),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		KUNIT_EXPECT_EQ_MSG(test, table[i].valid,
				    mq_topic_valid(table[i].topic, table[i].len),
				    "topic '%s'", table[i].topic);
}

static void topic_length_limit(struct kunit *test)
{
	char *topic = kunit_kzalloc(test, MQ_TOPIC_LEN_MAX + 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, topic);
	memset(topic, 'a', MQ_TOPIC_LEN_MAX + 1);
	KUNIT_EXPECT_EQ(test, 1, mq_topic_valid(topic, MQ_TOPIC_LEN_MAX));
	KUNIT_EXPECT_EQ(test, 0, mq_topic_valid(topic, MQ_TOPIC_LEN_MAX + 1));
	KUNIT_EXPECT_EQ(test, 1, mq_filter_valid(topic, MQ_TOPIC_LEN_MAX));
	KUNIT_EXPECT_EQ(test, 0, mq_filter_valid(topic, MQ_TOPIC_LEN_MAX + 1));
	KUNIT_EXPECT_EQ(test, 1,
			mq_topic_match(topic, MQ_TOPIC_LEN_MAX, topic, MQ_TOPIC_LEN_MAX));
	KUNIT_EXPECT_EQ(test, 0,
			mq_topic_match(topic, MQ_TOPIC_LEN_MAX, topic, MQ_TOPIC_LEN_MAX - 1));
}

static void filter_levels_table(struct kunit *test)
{
	static const struct {
		const char *filter;
		u32 len;
		u32 levels;
	} table[] = {
		ROW("a", 1), ROW("+", 1), ROW("#", 1), ROW("/", 2), ROW("a/+/b", 3),
		ROW("a/#", 2), ROW("+/+", 2), ROW("//#", 3), ROW("+/#", 2), ROW("", 0),
		ROW("a+", 0), ROW("+a", 0), ROW("a/+b/c", 0), ROW("a#", 0),
		ROW("#/a", 0), ROW("a/#/b", 0), ROW("##", 0), ROW("++", 0),
		ROW("a\0/#", 0), ROW("#/", 0), ROW("a/b#", 0),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		KUNIT_EXPECT_EQ_MSG(test, table[i].levels,
				    mq_filter_levels(table[i].filter, table[i].len),
				    "filter '%s'", table[i].filter);
}

static void filter_level_limit(struct kunit *test)
{
	char filter[2 * MQ_FILTER_LEVELS_MAX + 1];

	memset(filter, '/', sizeof(filter));
	KUNIT_EXPECT_EQ(test, 1, mq_filter_valid(filter, MQ_FILTER_LEVELS_MAX - 1));
	KUNIT_EXPECT_EQ(test, 0, mq_filter_valid(filter, MQ_FILTER_LEVELS_MAX));
	KUNIT_EXPECT_EQ(test, (u32)sizeof(filter) + 1, mq_filter_levels(filter, sizeof(filter)));
}

static void topic_match_table(struct kunit *test)
{
	static const struct {
		const char *filter, *topic;
		int match;
	} table[] = {
		{ "sport/tennis/player1/#", "sport/tennis/player1", 1 },
		{ "sport/tennis/player1/#", "sport/tennis/player1/ranking", 1 },
		{ "sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", 1 },
		{ "sport/tennis/player1/#", "sport/tennis/player12", 0 },
		{ "sport/#", "sport", 1 },
		{ "#", "sport", 1 },
		{ "#", "/", 1 },
		{ "sport/tennis/+", "sport/tennis/player1", 1 },
		{ "sport/tennis/+", "sport/tennis/player1/ranking", 0 },
		{ "sport/+", "sport", 0 },
		{ "sport/+", "sport/", 1 },
		{ "+/+", "/finance", 1 },
		{ "/+", "/finance", 1 },
		{ "+", "/finance", 0 },
		{ "+/tennis/#", "sport/tennis", 1 },
		{ "+/tennis/#", "tennis", 0 },
		{ "#", "$SYS/monitor", 0 },
		{ "+/monitor", "$SYS/monitor", 0 },
		{ "$SYS/#", "$SYS/monitor", 1 },
		{ "$SYS/#", "$SYS", 1 },
		{ "$SYS/+", "$SYS/monitor", 1 },
		{ "a/+", "a/$b", 1 },
		{ "a/#", "a/$b", 1 },
		{ "a", "A", 0 },
		{ "a/b", "a/b/", 0 },
		{ "a/b/", "a/b", 0 },
		{ "a/+/c", "a//c", 1 },
		{ "a/+/+", "a/b", 0 },
		{ "a/b/#", "a", 0 },
		{ "ab", "a", 0 },
		{ "a", "ab", 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		KUNIT_EXPECT_EQ_MSG(test, table[i].match,
				    mq_topic_match(table[i].filter, strlen(table[i].filter),
						   table[i].topic, strlen(table[i].topic)),
				    "filter '%s', topic '%s'", table[i].filter, table[i].topic);
}

static void topic_hash_is_fnv1a(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0x811c9dc5U, mq_topic_hash("", 0));
	KUNIT_EXPECT_EQ(test, 0xe40c292cU, mq_topic_hash("a", 1));
	KUNIT_EXPECT_EQ(test, 0xbf9cf968U, mq_topic_hash("foobar", 6));
}

static struct kunit_case topic_cases[] = {
	KUNIT_CASE(topic_valid_table),
	KUNIT_CASE(topic_length_limit),
	KUNIT_CASE(topic_match_table),
	KUNIT_CASE(topic_hash_is_fnv1a),
	KUNIT_CASE(filter_levels_table),
	KUNIT_CASE(filter_level_limit),
	{ }
};

static struct kunit_suite topic_suite = {
	.name = "mq_topic",
	.test_cases = topic_cases,
};

kunit_test_suite(topic_suite);
