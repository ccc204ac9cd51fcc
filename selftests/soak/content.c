// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Records that tell what they are, see content.h. */
#include <stdio.h>
#include <string.h>
#include "content.h"
#include "publishers.h"

#define TEXT_MAX 256

static char names[BOOKS_CHANNELS][16];
static char topics[BOOKS_CHANNELS][CONTENT_TOPICS][TEXT_MAX];
static char filters[BOOKS_CHANNELS][CONTENT_FILTERS][TEXT_MAX];
static char claims[BOOKS_CHANNELS][2][16];
static uint32_t matches[BOOKS_CHANNELS][CONTENT_FILTERS];

/* ---- texts ----------------------------------------------------------- */

static void init_topics(unsigned int channel)
{
	unsigned int next = (channel + 1) % BOOKS_CHANNELS;
	char (*topic)[TEXT_MAX] = topics[channel];
	unsigned int i;
	int len;

	strcpy(topic[CONTENT_TOPIC_NAME], names[channel]);
	for (i = 0; i < 12; i++)
		sprintf(topic[1 + i], "s%u/%u/%c", channel, i / 3, "xyz"[i % 3]);
	sprintf(topic[13], "s%u", channel);
	/* Longer than a slot. */
	len = sprintf(topic[14], "s%u/long/", channel);
	memset(topic[14] + len, 'l', 180);
	sprintf(topic[CONTENT_TOPIC_OWN], "s%u/w/x", channel);
	sprintf(topic[CONTENT_TOPIC_NEXT], "s%u/w/x", next);
}

static void init_filters(unsigned int channel)
{
	static const char * const pattern[CONTENT_FILTERS] = {
		"#", "s%u/#", "s%u/+/x", "s%u/1/+", "s%u/+/+", "+/2/#", "s%u/0/x", "s%u/1/y",
		"s%u/3/z", "s%u/w/#", "+/w/x", "s%u/long/#", "s%u/nothing/#", "soak-%u",
	};
	unsigned int i, j;

	for (i = 0; i < CONTENT_FILTERS; i++) {
		char *filter = filters[channel][i];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(filter, TEXT_MAX, pattern[i], channel);
#pragma GCC diagnostic pop
		for (j = 0; j < CONTENT_TOPICS; j++) {
			const char *topic = topics[channel][j];

			if (mq_topic_match(filter, strlen(filter), topic, strlen(topic)))
				matches[channel][i] |= 1U << j;
		}
	}
}

void content_init(void)
{
	unsigned int i;

	for (i = 0; i < BOOKS_CHANNELS; i++) {
		sprintf(names[i], "soak-%u", i);
		sprintf(claims[i][0], "s%u/#", i);
		sprintf(claims[i][1], "s%u/w/#", (i + 1) % BOOKS_CHANNELS);
		init_topics(i);
		init_filters(i);
	}
}

const char *content_name(uint32_t channel)
{
	return names[channel];
}

const char *content_topic(uint32_t channel, uint32_t topic)
{
	return topics[channel][topic];
}

const char *content_filter(uint32_t channel, uint32_t filter)
{
	return filters[channel][filter];
}

uint32_t content_matches(uint32_t channel, uint32_t filter)
{
	return matches[channel][filter];
}

bool content_overlap(uint32_t channel, uint32_t a, uint32_t b)
{
	const char *x = filters[channel][a], *y = filters[channel][b];

	return mq_filter_overlap(x, strlen(x), y, strlen(y));
}

const char *content_claim(uint32_t channel)
{
	return claims[channel][0];
}

const char *content_claim_next(uint32_t channel)
{
	return claims[channel][1];
}

/* ---- tags ------------------------------------------------------------ */

uint64_t content_tag(const struct life *life, uint32_t publisher, uint32_t number)
{
	/* Never 0: serials begin at 1. */
	return (uint64_t)(life->serial & 0xffff) << 48 | (uint64_t)(publisher & 0xffff) << 32 |
	       number;
}

uint32_t content_publisher(uint64_t tag)
{
	return tag >> 32 & 0xffff;
}

uint32_t content_number(uint64_t tag)
{
	return tag;
}

static uint32_t content_size(const struct life *life, struct dice *dice, uint32_t room)
{
	uint32_t kind = dice_roll(dice, 100);

	if (kind < 5)
		return 0;
	if (kind < 55)
		return dice_roll(dice, 64);
	if (kind < 85)
		return dice_roll(dice, 512);
	if (kind < 97)
		return dice_roll(dice, life->max_record / 4);
	return kind < 99 ? dice_roll(dice, room) : room;
}

struct content content_of(const struct life *life, uint64_t tag)
{
	const struct publisher *publisher = &life->publishers[content_publisher(tag)];
	struct dice dice = { .state = life->seed ^ dice_mix(tag) };
	struct content content = {};
	uint32_t room;

	if (publisher->kind == PUBLISHER_WRITER && !(content_number(tag) & CONTENT_WILL)) {
		content.payload_len = content_size(life, &dice, life->max_record - 64);
		if (content.payload_len < CONTENT_TAG_SIZE)
			content.payload_len = CONTENT_TAG_SIZE;
		return content;
	}
	content.topic = dice_roll(&dice, CONTENT_TOPICS);
	content.retain = dice_percent(&dice, 15);
	content.expires = content.retain && dice_percent(&dice, 10);
	content.flags = dice_next(&dice) & MQ_RECORD_USER_MASK;
	content.metadata_len = dice_percent(&dice, 30) ? dice_roll(&dice, 40) : 0;
	room = life->max_record - strlen(content_topic(life->channel, content.topic)) - 40;
	content.payload_len = content_size(life, &dice, room);
	if (content.payload_len < CONTENT_TAG_SIZE && content.metadata_len < CONTENT_TAG_SIZE)
		content.metadata_len = CONTENT_TAG_SIZE;
	return content;
}

/* ---- bytes ----------------------------------------------------------- */

/* Where the bytes of a part lie in the pattern. */
static const uint8_t *content_bytes(uint64_t tag, uint32_t part)
{
	return books->pattern + dice_mix(tag * 2 + part) % (BOOKS_PATTERN - 128 * 1024);
}

static uint64_t content_word(const struct life *life, uint64_t tag)
{
	return dice_mix(tag ^ life->seed);
}

/* A part, with the tag at its beginning or without. */
static void content_put(const struct life *life, uint64_t tag, uint32_t part, bool tagged,
			uint8_t *to, uint32_t len)
{
	memcpy(to, content_bytes(tag, part), len);
	if (tagged) {
		uint64_t word = content_word(life, tag);

		memcpy(to, &tag, sizeof(tag));
		memcpy(to + sizeof(tag), &word, sizeof(word));
	}
}

static bool content_same(const struct life *life, uint64_t tag, uint32_t part, bool tagged,
			 const uint8_t *is, uint32_t len)
{
	uint32_t skip = tagged ? CONTENT_TAG_SIZE : 0;
	uint64_t word = content_word(life, tag);

	if (tagged && memcmp(is + sizeof(tag), &word, sizeof(word)))
		return false;
	return !memcmp(is + skip, content_bytes(tag, part) + skip, len - skip);
}

void content_make(const struct life *life, uint64_t tag, uint8_t *buffer,
		  struct mq_publish *record)
{
	struct content content = content_of(life, tag);
	bool in_payload = content.payload_len >= CONTENT_TAG_SIZE;
	uint8_t *metadata = buffer + content.payload_len;

	mqt_record(record, content_topic(life->channel, content.topic), buffer,
		   content.payload_len);
	content_put(life, tag, 0, in_payload, buffer, content.payload_len);
	content_put(life, tag, 1, !in_payload, metadata, content.metadata_len);
	record->metadata = (uintptr_t)metadata;
	record->metadata_len = content.metadata_len;
	record->flags = content.flags | (content.retain ? MQ_RECORD_RETAIN : 0);
	record->expiry_ns = content.expires ? 20000000 : 0;
}

/* Whether a tag that was read can be one of this life. */
static const char *content_check_tag(const struct life *life, uint64_t tag)
{
	if (tag >> 48 != (life->serial & 0xffff))
		return "is of another life";
	if (content_publisher(tag) >= BOOKS_PUBLISHERS ||
	    content_publisher(tag) >= __atomic_load_n(&life->publisher_count, __ATOMIC_ACQUIRE))
		return "is of a publisher that does not exist";
	return NULL;
}

const char *content_check(const struct life *life, const struct mqt_view *view, uint64_t *tag)
{
	bool in_payload = view->payload_len >= CONTENT_TAG_SIZE;
	const char *topic, *wrong;
	struct content content;
	uint32_t flags;

	if (!in_payload && view->metadata_len < CONTENT_TAG_SIZE)
		return "has no tag";
	memcpy(tag, in_payload ? view->payload : view->metadata, sizeof(*tag));
	wrong = content_check_tag(life, *tag);
	if (wrong)
		return wrong;
	content = content_of(life, *tag);
	topic = content_topic(life->channel, content.topic);
	flags = content.flags | (content.retain ? MQ_RECORD_RETAIN : 0) |
		(content_number(*tag) & CONTENT_WILL ? MQ_RECORD_WILL : 0);
	if (view->payload_len != content.payload_len)
		return "has another length";
	if (view->metadata_len != content.metadata_len)
		return "has another length of metadata";
	if (view->topic_len != strlen(topic) || memcmp(view->topic, topic, view->topic_len))
		return "has another topic";
	if (view->flags != flags)
		return "has other flags";
	if (!content_same(life, *tag, 0, in_payload, view->payload, view->payload_len))
		return "has another payload";
	if (!content_same(life, *tag, 1, !in_payload, view->metadata, view->metadata_len))
		return "has other metadata";
	return NULL;
}

const char *content_check_payload(const struct life *life, const void *payload, uint32_t len,
				  uint64_t *tag)
{
	const char *wrong;

	*tag = 0;
	if (len < CONTENT_TAG_SIZE)
		return NULL;
	memcpy(tag, payload, sizeof(*tag));
	wrong = content_check_tag(life, *tag);
	if (wrong)
		return wrong;
	if (content_of(life, *tag).payload_len != len)
		return "has another length";
	return content_same(life, *tag, 0, true, payload, len) ? NULL : "has another payload";
}
