/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Content
 *
 * What records are made of. A record is named by its tag: life, publisher, number
 * of this publisher. All else about it, from its topic to the last byte, follows
 * from the tag and the seed of the life, so whoever reads one can make it again
 * and compare. The tag travels in the payload, or in the metadata if the payload is
 * too short for it, with a check word.
 *
 * The topics of a channel are few, so that sets of them are bits in a word; so is
 * what a filter matches.
 */
#ifndef SOAK_CONTENT_H
#define SOAK_CONTENT_H

#include <stdbool.h>
#include <stdint.h>
#include "books.h"
#include "mq_test.h"

#define CONTENT_TOPICS 17
#define CONTENT_FILTERS 14
/* The only topics whose claim moves between channels. */
#define CONTENT_TOPIC_NAME 0
#define CONTENT_TOPIC_OWN 15
#define CONTENT_TOPIC_NEXT 16

/* In the number of a will. */
#define CONTENT_WILL 0x80000000U

/* Bytes of the tag and its check word; shorter payloads do not have them. */
#define CONTENT_TAG_SIZE 16
/* Room for the content of one record beside its payload. */
#define CONTENT_BUFFER (64 * 1024 + 512)

/**
 * struct content - what a record is made of
 * @topic: which one
 * @retain: becomes the retained value
 * @expires: that goes away again after a moment
 * @flags: bits of the application
 */
struct content {
	uint32_t topic;
	bool retain;
	bool expires;
	uint16_t flags;
	uint32_t payload_len;
	uint32_t metadata_len;
};

/* Texts and tables, once. */
void content_init(void);

const char *content_name(uint32_t channel);
const char *content_topic(uint32_t channel, uint32_t topic);
const char *content_filter(uint32_t channel, uint32_t filter);
/* Topics that a filter matches, as bits. */
uint32_t content_matches(uint32_t channel, uint32_t filter);
/* Whether some topic could match both. */
bool content_overlap(uint32_t channel, uint32_t a, uint32_t b);
/* The claims of a channel beside its name. */
const char *content_claim(uint32_t channel);
/* The claim on a topic of the next channel that comes and goes. */
const char *content_claim_next(uint32_t channel);

uint64_t content_tag(const struct life *life, uint32_t publisher, uint32_t number);
uint32_t content_publisher(uint64_t tag);
uint32_t content_number(uint64_t tag);

/* What a tag stands for; its publisher's page has its kind. */
struct content content_of(const struct life *life, uint64_t tag);

/**
 * content_make() - make a record
 * @life: where it goes
 * @tag: which
 * @buffer: CONTENT_BUFFER bytes for its parts, or as many as its payload has and
 *	512 more
 * @record: to publish; its "out" fields are poisoned
 */
void content_make(const struct life *life, uint64_t tag, uint8_t *buffer,
		  struct mq_publish *record);

/**
 * content_check() - whether a record is what its publisher made
 * @life: where it was read
 * @view: the record; may change while we look, and may be anything
 * @tag: set to its tag, unless it is none
 *
 * Return: NULL, or what is wrong with it.
 */
const char *content_check(const struct life *life, const struct mqt_view *view, uint64_t *tag);

/* Likewise a payload without anything else; *@tag 0: too short to tell. */
const char *content_check_payload(const struct life *life, const void *payload, uint32_t len,
				  uint64_t *tag);

#endif /* SOAK_CONTENT_H */
