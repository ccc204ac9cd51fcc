// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What needs no module: topics, filters, metadata, texts. */
#include "fixture.h"

FIXTURE(text)
{
	char text[256];
};

FIXTURE_SETUP(text)
{
	memset(self->text, 0, sizeof(self->text));
}

FIXTURE_TEARDOWN(text)
{
}

struct pair {
	const char *a;
	const char *b;
	bool meet;
};

typedef bool (*meets_fn)(const char *a, size_t a_len, const char *b, size_t b_len);

/* How many pairs get another answer; each is shown. */
static unsigned int wrong(meets_fn meets, const struct pair *pairs, size_t count, bool swapped)
{
	unsigned int found = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		const char *a = swapped ? pairs[i].b : pairs[i].a;
		const char *b = swapped ? pairs[i].a : pairs[i].b;

		if (meets(a, strlen(a), b, strlen(b)) == pairs[i].meet)
			continue;
		printf("# '%s' and '%s'\n", a, b);
		found++;
	}
	return found;
}

TEST_F(text, topics_are_valid)
{
	EXPECT_TRUE(libmq_topic_valid("a", 1));
	EXPECT_TRUE(libmq_topic_valid("/", 1));
	EXPECT_TRUE(libmq_topic_valid("a//b", 4));
	EXPECT_FALSE(libmq_topic_valid("", 0));
	EXPECT_FALSE(libmq_topic_valid("a+", 2));
	EXPECT_FALSE(libmq_topic_valid("a/#", 3));
	EXPECT_FALSE(libmq_topic_valid("a\0b", 3));
}

TEST_F(text, topic_length_has_a_limit)
{
	char *long_topic = malloc(65536);

	ASSERT_NE(NULL, long_topic);
	memset(long_topic, 'x', 65536);
	EXPECT_TRUE(libmq_topic_valid(long_topic, 65535));
	EXPECT_FALSE(libmq_topic_valid(long_topic, 65536));
	EXPECT_FALSE(libmq_filter_valid(long_topic, 65536));
	/* A length that a 32-bit number would cut to 1. */
	EXPECT_FALSE(libmq_topic_valid(long_topic, 0x100000001ULL));
	free(long_topic);
}

TEST_F(text, filters_are_valid)
{
	char deep[2 * 33];

	EXPECT_TRUE(libmq_filter_valid("#", 1));
	EXPECT_TRUE(libmq_filter_valid("+/+", 3));
	EXPECT_TRUE(libmq_filter_valid("a/+/#", 5));
	EXPECT_FALSE(libmq_filter_valid("a#", 2));
	EXPECT_FALSE(libmq_filter_valid("#/a", 3));
	EXPECT_FALSE(libmq_filter_valid("a+/b", 4));
	EXPECT_FALSE(libmq_filter_valid("", 0));
	memset(deep, '/', sizeof(deep));
	EXPECT_TRUE(libmq_filter_valid(deep, 31));
	EXPECT_FALSE(libmq_filter_valid(deep, 32));
}

TEST_F(text, filters_match)
{
	static const struct pair pairs[] = {
		{ "a/b", "a/b", true },		{ "a/b", "a/B", false },
		{ "a/+", "a/b", true },		{ "a/+", "a/", true },
		{ "a/+", "a", false },		{ "a/+", "a/b/c", false },
		{ "+", "a", true },		{ "+", "/a", false },
		{ "+/+", "/a", true },		{ "/+", "/a", true },
		{ "#", "a/b/c", true },		{ "#", "/", true },
		{ "a/#", "a", true },		{ "a/#", "a/b/c", true },
		{ "a/#", "ab", false },		{ "a/#", "a/", true },
		{ "+/b/#", "a/b", true },	{ "+/b/#", "a/c", false },
		{ "#", "$SYS/x", false },	{ "+/x", "$SYS/x", false },
		{ "$SYS/#", "$SYS/x", true },	{ "$SYS/+", "$SYS/x", true },
		{ "a/+/c", "a//c", true },	{ "a/b/+", "a/b", false },
	};

	EXPECT_EQ(0, wrong(libmq_topic_match, pairs, sizeof(pairs) / sizeof(pairs[0]), false));
}

TEST_F(text, filters_overlap)
{
	static const struct pair pairs[] = {
		{ "a/b", "a/b", true },		{ "a/b", "a/c", false },
		{ "a/+", "+/b", true },		{ "a/+", "b/+", false },
		{ "a/#", "a", true },		{ "a/#", "a/b/c", true },
		{ "a/#", "b/#", false },	{ "a/#", "+", true },
		{ "a/#", "+/+/+", true },	{ "#", "a/b", true },
		{ "#", "$SYS/a", false },	{ "+/a", "$SYS/a", false },
		{ "$SYS/#", "$SYS/+", true },	{ "a/+/c", "a/b/+", true },
		{ "a/b", "a/b/c", false },	{ "a/b/#", "a/b", true },
		{ "a/+/#", "a", false },	{ "a/+/#", "a/", true },
		{ "+/#", "a", true },		{ "", "a", false },
	};

	EXPECT_EQ(0, wrong(libmq_filter_overlap, pairs, sizeof(pairs) / sizeof(pairs[0]), false));
	EXPECT_EQ(0, wrong(libmq_filter_overlap, pairs, sizeof(pairs) / sizeof(pairs[0]), true));
}

TEST_F(text, tlvs_come_back)
{
	static const uint32_t lengths[] = { 0, 1, 127, 128, 16383, 16384, 70000 };
	static uint8_t value[70000];
	static uint8_t buffer[200000];
	uint32_t offset = 0;
	const void *got;
	size_t used = 0;
	uint8_t type;
	uint32_t len;
	size_t i;

	for (i = 0; i < sizeof(value); i++)
		value[i] = i * 7;
	for (i = 0; i < 7; i++)
		ASSERT_EQ(0, libmq_tlv_put(buffer, sizeof(buffer), &used, i + 1, value,
					   lengths[i]));
	for (i = 0; i < 7; i++) {
		ASSERT_EQ(1, libmq_tlv_next(buffer, used, &offset, &type, &got, &len));
		EXPECT_EQ(i + 1, type);
		ASSERT_EQ(lengths[i], len);
		EXPECT_EQ(0, memcmp(got, value, len));
	}
	EXPECT_EQ(0, libmq_tlv_next(buffer, used, &offset, &type, &got, &len));
	EXPECT_EQ(used, offset);
}

TEST_F(text, tlv_needs_room)
{
	uint8_t buffer[8];
	size_t used = 0;

	EXPECT_EQ(-ENOSPC, libmq_tlv_put(buffer, sizeof(buffer), &used, 1, "1234567", 7));
	EXPECT_EQ(0, used);
	EXPECT_EQ(0, libmq_tlv_put(buffer, sizeof(buffer), &used, 1, "123456", 6));
	EXPECT_EQ(8, used);
	EXPECT_EQ(-ENOSPC, libmq_tlv_put(buffer, sizeof(buffer), &used, 1, "", 0));
	used = 0;
	EXPECT_EQ(-ENOSPC, libmq_tlv_put(buffer, sizeof(buffer), &used, 1, "", 1u << 21));
}

TEST_F(text, bytes_that_are_no_tlvs)
{
	static const struct {
		uint8_t bytes[5];
		uint32_t len;
	} bad[] = {
		{ { 1 }, 1 },				/* no length */
		{ { 1, 2, 0 }, 3 },			/* value too short */
		{ { 1, 0x80 }, 2 },			/* length goes on */
		{ { 1, 0x80, 0x80, 0x80, 0 }, 5 },	/* and on */
		{ { 1, 0xff, 0xff, 0x7f }, 4 },		/* largest length */
	};
	const void *value;
	uint32_t offset;
	uint8_t type;
	uint32_t len;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		offset = 0;
		EXPECT_EQ(-EBADMSG, libmq_tlv_next(bad[i].bytes, bad[i].len, &offset, &type,
						   &value, &len));
		EXPECT_EQ(0, offset);
	}
	offset = 9;
	EXPECT_EQ(-EBADMSG, libmq_tlv_next(bad[0].bytes, 1, &offset, &type, &value, &len));
}

TEST_F(text, errors_have_a_sentence)
{
	char *text = self->text;
	size_t size = sizeof(self->text);

	libmq_strerror(-ESTALE, text, size, "plant/1");
	EXPECT_EQ(0, strncmp(text, "plant/1: ", 9));
	EXPECT_NE(NULL, strstr(text, "mqctl channel create"));
	libmq_strerror(-EACCES, text, size, NULL);
	EXPECT_NE(NULL, strstr(text, "udev"));
	EXPECT_EQ(9, strlen(libmq_strerror(-EAGAIN, text, 10, NULL)));
	/* What has no sentence has the C library's. */
	libmq_strerror(-EISDIR, text, size, NULL);
	EXPECT_EQ(0, strcmp(text, strerror(EISDIR)));
}

TEST_F(text, names_of_events_and_version)
{
	EXPECT_EQ(0, strcmp("created", libmq_event_name(LIBMQ_EVENT_CREATED)));
	EXPECT_EQ(0, strcmp("space", libmq_event_name(LIBMQ_EVENT_SPACE)));
	EXPECT_EQ(0, strcmp("unknown", libmq_event_name(99)));
	EXPECT_NE(NULL, strchr(libmq_version(), '.'));
}

/* A structure of a newer program: what it does not use is no matter. */
TEST_F(text, options_of_another_size)
{
	struct {
		struct libmq_bus_opts opts;
		uint64_t newer;
	} opts = { .opts = { .size = sizeof(opts), .directory = "/nowhere/mq" } };
	struct libmq_bus *bus = NULL;

	EXPECT_EQ(0, libmq_bus_open(&bus, &opts.opts));
	EXPECT_EQ(0, libmq_bus_channels(bus));
	libmq_bus_close(bus);
	opts.newer = 1;
	EXPECT_EQ(-EINVAL, libmq_bus_open(&bus, &opts.opts));
	opts.opts.size = 1;
	EXPECT_EQ(-EINVAL, libmq_bus_open(&bus, &opts.opts));
	libmq_bus_close(NULL);
}

TEST_F(text, channels_are_character_devices)
{
	char name[LIBMQ_NAME_MAX + 2] = {};
	struct libmq_channel *channel;

	EXPECT_EQ(-ENOENT, libmq_channel_open(&channel, "/nowhere", "x", LIBMQ_OPEN_READ));
	EXPECT_EQ(-ENOTTY, libmq_channel_open(&channel, "/dev", "null", LIBMQ_OPEN_READ));
	EXPECT_EQ(-ENOTTY, libmq_channel_open(&channel, "/etc", "passwd", LIBMQ_OPEN_READ));
	EXPECT_EQ(-EINVAL, libmq_channel_open(&channel, NULL, "../null", LIBMQ_OPEN_READ));
	EXPECT_EQ(-EINVAL, libmq_channel_open(&channel, NULL, "", LIBMQ_OPEN_READ));
	EXPECT_EQ(-EINVAL, libmq_channel_open(&channel, "/dev", "null", 0));
	memset(name, 'n', sizeof(name) - 1);
	EXPECT_EQ(-ENAMETOOLONG, libmq_channel_open(&channel, NULL, name, LIBMQ_OPEN_READ));
}

TEST_HARNESS_MAIN
