// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What is published: records, batches, wills. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "kfuzz.h"

/* insn.c of a record */
#define C_RETAIN	0x01
#define C_EXPECT	0x02
#define C_EXPIRY	0x04
#define C_USER		0x08
/* The upper half chooses a value. */

void kf_told_head(uint64_t head)
{
	kf_state.head = head;
}

uint8_t *kf_out_now(struct kf_thread *t, uint32_t size)
{
	if (size < KF_OUT)
		memset(t->out + size, MQT_POISON, size + 64 < KF_OUT ? 64 : KF_OUT - size);
	return t->out;
}

uint8_t *kf_out(struct kf_thread *t, uint32_t size)
{
	/* What a ring writes comes later. */
	return t->by_ring >= 0 ? kf_alloc(t, size) : kf_out_now(t, size);
}

void kf_out_check(const struct kf_thread *t, uint32_t size)
{
	unsigned int i;

	for (i = 0; i < 64 && size + i < KF_OUT; i++)
		if (t->out[size + i] != MQT_POISON)
			kf_finding("written behind a buffer of %u bytes", size);
}

/* ---- the parts of a record ---------------------------------------------- */

/* Where they are and how long. */
struct parts {
	void *topic;
	void *payload;
	void *metadata;
	uint32_t payload_len;
	uint32_t metadata_len;
	uint16_t topic_len;
	bool wild;
};

/* insn: a: topic, b: metadata, v: payload */
static struct parts make_parts(struct kf_thread *t, const struct kf_insn *insn)
{
	struct kf_text topic = kf_topic(insn->a);
	struct parts parts = {
		.topic_len = topic.len,
		.payload_len = kf_length(insn->v & 0xff),
		.metadata_len = insn->b < 128 ? 0 : kf_length(insn->b - 128),
	};
	uint64_t size = (uint64_t)topic.len + parts.payload_len + parts.metadata_len;
	bool was_wild = t->wild;
	uint8_t *text;

	if (!topic.valid)
		t->refusal = "not a topic";
	if (size > MQ_MAX_RECORD_MAX)
		t->refusal = "too large a record";
	text = size > KF_ARENA ? NULL : kf_alloc(t, size + 1);
	if (text) {
		memcpy(text, topic.text, topic.len);
		parts.topic = text;
		parts.payload = text + topic.len;
		parts.metadata = text + topic.len + parts.payload_len;
		kf_content_make(parts.payload, parts.payload_len, parts.metadata,
				parts.metadata_len, insn->a % KF_TOPICS);
	} else {
		parts.topic = (void *)topic.text;
		parts.payload = t->out;
		parts.metadata = t->out;
	}
	t->wild = !text;
	parts.topic = kf_pointer(t, kf_bad(insn, KF_BAD_TOPIC), parts.topic, topic.len);
	parts.payload = kf_pointer(t, kf_bad(insn, KF_BAD_PAYLOAD), parts.payload,
				   parts.payload_len);
	parts.metadata = kf_pointer(t, kf_bad(insn, KF_BAD_LATER), parts.metadata,
				    parts.metadata_len);
	parts.wild = t->wild;
	/* These pointers change nothing about the structure that has them. */
	t->wild = was_wild;
	if (parts.wild && kf_bad(insn, KF_BAD_TOPIC) >= 6)
		t->refusal = NULL;
	if (topic.len && kf_bad(insn, KF_BAD_TOPIC) && kf_bad(insn, KF_BAD_TOPIC) < 5)
		t->refusal = "a topic that is nowhere";
	return parts;
}

static uint16_t record_flags(const struct kf_insn *insn, bool wild)
{
	uint16_t flags = wild ? KF_WILD : 0;

	if (insn->c & C_RETAIN)
		flags |= MQ_RECORD_RETAIN;
	if (insn->c & C_USER)
		flags |= 0x4100;
	return flags;
}

void kf_build_publish(struct kf_thread *t, const struct kf_insn *insn, void *args)
{
	struct parts parts = make_parts(t, insn);
	struct mq_publish *record = args;

	record->flags = record_flags(insn, parts.wild);
	record->topic_len = parts.topic_len;
	record->payload_len = parts.payload_len;
	record->metadata_len = parts.metadata_len;
	record->topic = (uintptr_t)parts.topic;
	record->payload = (uintptr_t)parts.payload;
	record->metadata = (uintptr_t)parts.metadata;
	if (insn->c & C_EXPECT) {
		record->flags |= MQ_PUBLISH_EXPECT;
		record->expect = kf_value(insn->c >> 4);
	}
	if (insn->c & C_EXPIRY)
		record->expiry_ns = kf_value(16 + (insn->c >> 4));
	if (record->expiry_ns && !(insn->c & C_RETAIN))
		t->refusal = "an expiry without a retained value";
	memset(&record->result, MQT_POISON,
	       sizeof(*record) - offsetof(struct mq_publish, result));
}

static void check_published(const struct mq_publish *record)
{
	if (record->result)
		kf_finding("a record went in with the result %d", record->result);
	if (!record->sequence || record->sequence >= 1ULL << 63 || record->time >= 1ULL << 63)
		kf_finding("a record went in as %" PRIu64 ", at %" PRIu64,
			   (uint64_t)record->sequence, (uint64_t)record->time);
	kf_told_head(record->sequence + 1);
	if (record->flags & MQ_RECORD_RETAIN)
		kf_state.retained = record->sequence;
}

KF_CHECK(publish)
{
	(void)t;
	(void)insn;
	(void)before;
	check_published(after);
}

bool kf_changed_publish(const void *before, const void *after, int error)
{
	const struct mq_publish *old = before, *new = after;

	return error == ESTALE && old->flags & MQ_PUBLISH_EXPECT && old->time == new->time &&
	       !memcmp(old, new, offsetof(struct mq_publish, result));
}

KF_RUN(record)
{
	struct mq_publish *record = &t->records[t->record_count % ARRAY_LEN(t->records)];

	memset(record, 0, sizeof(*record));
	kf_build_publish(t, insn, record);
	if (insn->d == KF_BAD_RESERVED)
		record->reserved0 = 1;
	if (insn->d == KF_BAD_FLAG)
		record->flags |= 0x40;
	t->record_count++;
	return 0;
}

/* ---- batches ------------------------------------------------------------ */

static uint32_t batch_count(const struct kf_thread *t, const struct kf_insn *insn)
{
	uint32_t have = t->record_count < ARRAY_LEN(t->records) ? t->record_count :
			ARRAY_LEN(t->records);

	switch (insn->b % 8) {
	case 5:
		return insn->v % 65;
	case 6:
		return insn->v % 300;
	case 7:
		return insn->v % 1100;
	default:
		return have;
	}
}

/* a: flags, b, v: how many; the records go around. */
KF_BUILD(batch)
{
	struct mq_publish_batch *batch = args;
	struct mq_publish *records;
	uint32_t i, have, count = batch_count(t, insn);

	have = t->record_count < ARRAY_LEN(t->records) ? t->record_count : ARRAY_LEN(t->records);
	records = count ? kf_alloc(t, count * sizeof(*records)) : NULL;
	if (!have || !records)
		count = 0;
	for (i = 0; i < count; i++)
		records[i] = t->records[i % have];
	batch->flags = insn->a & (MQ_BATCH_SYNC | MQ_BATCH_ATOMIC);
	batch->count = count;
	batch->records = (uintptr_t)kf_pointer(t, kf_bad(insn, KF_BAD_TOPIC), records,
					       count * sizeof(*records));
	kf_poison(&batch->done, sizeof(batch->done));
	if (!count || count > MQ_BATCH_MAX)
		t->refusal = "a batch of none or too many";
	if (batch->flags & MQ_BATCH_ATOMIC && count > MQ_ATOMIC_MAX)
		t->refusal = "too large an atomic batch";
	if (!(insn->c & 1))
		t->record_count = 0;
}

/* A record of a batch that did not go in; whether it did. */
static bool check_result(const struct mq_publish *record)
{
	if (record->result > 0 || record->result < -4095)
		kf_finding("a record of a batch has the result %d", record->result);
	if (!record->result)
		check_published(record);
	return !record->result;
}

static bool is_poison(const void *data, size_t len)
{
	const uint8_t *bytes = data;

	while (len && *bytes == MQT_POISON) {
		bytes++;
		len--;
	}
	return !len;
}

KF_CHECK(batch)
{
	const struct mq_publish_batch *batch = after;
	const struct mq_publish *records = (void *)(uintptr_t)batch->records;
	bool atomic = batch->flags & MQ_BATCH_ATOMIC;
	uint64_t last = 0, last_time = 0;
	uint32_t i, went = 0;

	(void)before;
	if (!batch->done || batch->done > batch->count)
		kf_finding("of a batch of %u, %u are done", batch->count, batch->done);
	if (kf_bad(insn, KF_BAD_TOPIC) || t->wild)
		return;
	for (i = 0; i < batch->count; i++) {
		const struct mq_publish *record = &records[i];

		if (i >= batch->done) {
			if (!is_poison(&record->result, sizeof(*record) -
				       offsetof(struct mq_publish, result)))
				kf_finding("record %u of a batch of which %u are done", i,
					   batch->done);
			continue;
		}
		if (!check_result(record))
			continue;
		went++;
		if (record->sequence <= last || record->time < last_time ||
		    (atomic && last && record->sequence != last + 1))
			kf_finding("a batch has record %" PRIu64 " behind %" PRIu64,
				   (uint64_t)record->sequence, last);
		last = record->sequence;
		last_time = record->time;
	}
	if (atomic && went && went != batch->count)
		kf_finding("%u of %u records of an atomic batch", went, batch->count);
}

/* ---- wills -------------------------------------------------------------- */

/* The delay comes with the expiry: insn.c. */
KF_BUILD(will)
{
	struct parts parts = make_parts(t, insn);
	struct mq_will *will = args;

	will->flags = insn->c & C_EXPECT ? MQ_WILL_ON_EXIT : 0;
	will->id = insn->v >> 14;
	will->delay_ms = (insn->v >> 8) % 8 == 7 ? kf_value(insn->c >> 4) : 0;
	will->record_flags = record_flags(insn, parts.wild);
	will->topic_len = parts.topic_len;
	will->payload_len = parts.payload_len;
	will->metadata_len = parts.metadata_len;
	will->topic = (uintptr_t)parts.topic;
	will->payload = (uintptr_t)parts.payload;
	will->metadata = (uintptr_t)parts.metadata;
	if (insn->c & C_EXPIRY)
		will->expiry_ns = kf_value(16 + (insn->c >> 4));
	if (will->expiry_ns && !(insn->c & C_RETAIN))
		t->refusal = "an expiry without a retained value";
}
