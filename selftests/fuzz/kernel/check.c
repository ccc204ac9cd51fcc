// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Topics, filters and records that tell whether they are whole. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kfuzz.h"

#define MANY_LEVELS "0/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/0/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f"
#define TEXT80 "01234567890123456789012345678901234567890123456789012345678901234567890123456789"

static char long_text[MQ_TOPIC_LEN_MAX + 2];

#define TEXT(string) { string, sizeof(string) - 1, true }
#define NONE(string) { string, sizeof(string) - 1, false }

static struct kf_text topics[KF_TOPICS] = {
	TEXT("a"), TEXT("a/b"), TEXT("a/b/c"), TEXT("b"), TEXT("kf-0"), TEXT("kf-1"),
	TEXT("kf-2"), TEXT("kf-3"), TEXT("a/1"), TEXT("a/2"), TEXT("a/3"), TEXT("a/4"),
	TEXT("b/1/2/3"), TEXT("c/d"), TEXT("$x/y"), TEXT("$x"), TEXT("a//b"), TEXT("/"),
	TEXT("/a"), TEXT("a/"), TEXT(TEXT80), TEXT("a/" TEXT80), TEXT("a/" TEXT80 TEXT80),
	TEXT("a/" MANY_LEVELS), TEXT("a/\xff\x01"), { long_text, 1000, true },
	{ long_text, MQ_TOPIC_LEN_MAX, true }, NONE(""), NONE("a/+"), NONE("a/#"),
	NONE("a\0b"), NONE("+"),
};

static struct kf_text filters[KF_FILTERS] = {
	TEXT("#"), TEXT("a"), TEXT("a/#"), TEXT("+"), TEXT("a/+"), TEXT("+/+"), TEXT("a/b"),
	TEXT("a/b/c"), TEXT("+/b"), TEXT("+/b/#"), TEXT("+/#"), TEXT("kf-0"), TEXT("kf-1"),
	TEXT("kf-2"), TEXT("kf-3"), TEXT("b"), TEXT("b/#"), TEXT("b/+/2/+"), TEXT("a/1"),
	TEXT("a/2"), TEXT("c/#"), TEXT("c/d"), TEXT("$x/#"), TEXT("$x/+"), TEXT("$x"),
	TEXT("a//b"), TEXT("a/+/b"), TEXT("/"), TEXT("/+"), TEXT("+/"), TEXT("a/"),
	TEXT("a/" TEXT80), TEXT("+/" TEXT80 "/#"), TEXT(MANY_LEVELS), TEXT("+/+/+/+/+/+/+/+/#"),
	{ long_text, 1000, true }, { long_text, MQ_TOPIC_LEN_MAX, true },
	NONE("a/" MANY_LEVELS), NONE(""), NONE("a#"), NONE("a/#/b"), NONE("+a"), NONE("a/b+"),
	NONE("#/"), NONE("##"), NONE("a\0b"), NONE("+\0"), NONE("a/+#"),
};

void kf_text_init(void)
{
	unsigned int i;

	memset(long_text, 'l', sizeof(long_text));
	memcpy(long_text, "a/", 2);
	for (i = 0; i < KF_TOPICS; i++)
		if (topics[i].valid != mq_topic_valid(topics[i].text, topics[i].len))
			abort();
	for (i = 0; i < KF_FILTERS; i++)
		if (filters[i].valid != mq_filter_valid(filters[i].text, filters[i].len))
			abort();
}

struct kf_text kf_topic(unsigned int which)
{
	return topics[which % KF_TOPICS];
}

/* Those of the table, and behind it as many others as there are numbers. */
struct kf_text kf_filter(unsigned int which)
{
	static __thread char text[48];
	struct kf_text filter = { .text = text, .valid = true };

	if (which < KF_FILTERS)
		return filters[which];
	/* Some are many that match one topic: a/b/c. */
	switch (which % 4) {
	case 0:
		filter.len = sprintf(text, "f/%u/+", which);
		break;
	case 1:
		filter.len = sprintf(text, "+/%u/#", which);
		break;
	default:
		filter.len = sprintf(text, "a/%u", which % 64);
	}
	return filter;
}

/*
 * What a record is made of stands at the beginning of its payload, or, with
 * less room, of its metadata; all other bytes follow from it.
 */
struct content {
	uint32_t payload_len;
	uint32_t metadata_len;
	uint32_t topic;
	uint32_t check;
};

static uint32_t content_check(const struct content *content)
{
	uint32_t check = 0x6d71;

	check = (check ^ content->payload_len) * 0x9e3779b1U;
	check = (check ^ content->metadata_len) * 0x9e3779b1U;
	return (check ^ content->topic) * 0x9e3779b1U;
}

static void part_make(uint8_t *part, uint32_t len, const struct content *content, uint64_t seed)
{
	uint32_t head = len < sizeof(*content) ? 0 : sizeof(*content);

	memcpy(part, content, head);
	mqt_fill(part + head, len - head, seed + len);
}

void kf_content_make(uint8_t *payload, uint32_t payload_len, uint8_t *metadata,
		     uint32_t metadata_len, unsigned int topic)
{
	struct content content = { payload_len, metadata_len, topic, 0 };

	content.check = content_check(&content);
	part_make(payload, payload_len, &content, 1);
	part_make(metadata, metadata_len, &content, 2);
}

/* Whether one of the two parts is what was published. */
static bool part_right(const uint8_t *part, uint32_t len, const struct mqt_view *view,
		       uint64_t seed)
{
	struct content content;

	if (len < sizeof(content))
		return mqt_filled(part, len, seed + len);
	memcpy(&content, part, sizeof(content));
	if (content.check != content_check(&content) ||
	    content.payload_len != view->payload_len ||
	    content.metadata_len != view->metadata_len)
		return false;
	if (content.topic == KF_TOPIC_NAME) {
		if (view->topic_len != 4 || memcmp(view->topic, "kf-", 3))
			return false;
	} else if (content.topic >= KF_TOPICS || view->topic_len != topics[content.topic].len ||
		   memcmp(view->topic, topics[content.topic].text, view->topic_len)) {
		return false;
	}
	return mqt_filled(part + sizeof(content), len - sizeof(content), seed + len);
}

void kf_check_record(const struct mqt_view *view)
{
	if (!view->sequence || !view->time || !view->publisher)
		kf_finding("a record without sequence, time or publisher");
	if (view->flags & ~(MQ_RECORD_RETAIN | MQ_RECORD_WILL | MQ_RECORD_USER_MASK))
		kf_finding("record %" PRIu64 " has the flags %#x", view->sequence, view->flags);
	if (!mq_topic_valid(view->topic, view->topic_len))
		kf_finding("record %" PRIu64 " has no topic", view->sequence);
	if (view->flags & KF_WILD)
		return;
	if (!part_right(view->payload, view->payload_len, view, 1) ||
	    !part_right(view->metadata, view->metadata_len, view, 2))
		kf_finding("record %" PRIu64 " is not what was published: %u, %u, %u bytes",
			   view->sequence, view->topic_len, view->payload_len,
			   view->metadata_len);
}

/* A record goes to one caller, and only if a filter asks for it. */
static void check_delivery(struct kf_sub *sub, const struct mqt_view *view)
{
	uint64_t filters_mask = __atomic_load_n(&sub->filters, __ATOMIC_RELAXED);
	uint64_t at = view->sequence - sub->position;
	unsigned int i;

	if (view->sequence < sub->position) {
		kf_finding("record %" PRIu64 " from before the start at %" PRIu64,
			   view->sequence, sub->position);
		return;
	}
	if (at < KF_SEEN_BITS) {
		uint8_t bit = 1 << at % 8;

		if (__atomic_fetch_or(&sub->seen[at / 8], bit, __ATOMIC_RELAXED) & bit)
			kf_finding("record %" PRIu64 " was given twice", view->sequence);
	}
	if (filters_mask >> 63)
		return;
	for (i = 0; i < KF_FILTERS; i++)
		if (filters_mask >> i & 1 &&
		    mq_topic_match(filters[i].text, filters[i].len, view->topic, view->topic_len))
			return;
	kf_finding("record %" PRIu64 " was given, but no filter matches", view->sequence);
}

uint32_t kf_check_records(const uint8_t *buffer, size_t len, struct kf_sub *sub)
{
	uint64_t sequence = 0, record_time = 0;
	uint32_t count = 0;
	size_t at = 0;

	while (at < len) {
		struct mqt_view view = { };
		struct mq_record record;
		uint64_t size;

		if (len - at < sizeof(record)) {
			kf_finding("%zu bytes behind the last record", len - at);
			break;
		}
		memcpy(&record, buffer + at, sizeof(record));
		size = sizeof(record) + (uint64_t)record.topic_len + record.payload_len +
		       record.metadata_len;
		if (record.size > len - at || record.size != ((size + 7) & ~7ULL)) {
			kf_finding("a record of %u bytes with %" PRIu64 " in %zu", record.size,
				   size, len - at);
			break;
		}
		view.sequence = record.sequence;
		view.time = record.time;
		view.publisher = record.publisher;
		view.topic_len = record.topic_len;
		view.payload_len = record.payload_len;
		view.metadata_len = record.metadata_len;
		view.flags = record.flags;
		view.topic = (const char *)buffer + at + sizeof(record);
		view.payload = (const uint8_t *)view.topic + view.topic_len;
		view.metadata = view.payload + view.payload_len;
		kf_check_record(&view);
		if (sub)
			check_delivery(sub, &view);
		if (record.sequence <= sequence || record.time < record_time)
			kf_finding("record %" PRIu64 " behind %" PRIu64, view.sequence, sequence);
		for (; size < record.size; size++)
			if (buffer[at + size])
				kf_finding("record %" PRIu64 " is not filled up with zeros",
					   view.sequence);
		sequence = record.sequence;
		record_time = record.time;
		at += record.size;
		count++;
	}
	return count;
}
