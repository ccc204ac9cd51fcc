// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What publishers leave to be said, see wills.h. */
#include <errno.h>
#include <stdlib.h>
#include "content.h"
#include "wills.h"

static uint8_t buffer[CONTENT_BUFFER];

/* The content of a record as a will. */
static void will_make(struct life *life, uint64_t tag, uint32_t slot, struct mq_will *will)
{
	struct mq_publish record;

	content_make(life, tag, buffer, &record);
	*will = (struct mq_will){
		.id = slot,
		.record_flags = record.flags,
		.topic_len = record.topic_len,
		.payload_len = record.payload_len,
		.metadata_len = record.metadata_len,
		.topic = record.topic,
		.payload = record.payload,
		.metadata = record.metadata,
		.expiry_ns = record.expiry_ns,
	};
}

static void check_error(struct life *life, struct publisher *page, int error)
{
	switch (error) {
	case -EAGAIN:
		page->will_refused++;
		return;
	case -EINTR:
	case -EDQUOT:
	case -ESTALE:
	case -ENODEV:
		return;
	default:
		books_fault(life, "setting a will returned %d", error);
	}
}

static void will_set(struct life *life, struct publisher *page, uint32_t publisher, int fd,
		     uint32_t slot, struct dice *dice)
{
	struct will *will = &page->wills[slot];
	uint32_t number = CONTENT_WILL | ++page->next;
	struct mq_will args;
	int error;

	/* One that is replaced leaves its place in the log to the next. */
	if (!will->current && !books_tickets_take(life, 1))
		return;
	will_make(life, content_tag(life, publisher, number), slot, &args);
	args.flags = dice_percent(dice, 50) ? MQ_WILL_ON_EXIT : 0;
	args.delay_ms = dice_percent(dice, 20) ? dice_roll(dice, 100) : 0;
	page->will_flight = true;
	__atomic_store_n(&will->next, number, __ATOMIC_SEQ_CST);
	error = mqt_ioctl(fd, MQ_IOC_WILL_SET, &args);
	if (error)
		check_error(life, page, error);
	else
		__atomic_store_n(&will->current, number, __ATOMIC_SEQ_CST);
	__atomic_store_n(&will->next, 0, __ATOMIC_SEQ_CST);
	page->will_flight = false;
	if (!will->current)
		books_tickets_return(life, 1);
}

void wills_set_some(struct life *life, struct publisher *page, uint32_t publisher, int fd,
		    struct dice *dice)
{
	uint32_t slot;

	for (slot = 0; slot < BOOKS_WILLS; slot++)
		if (dice_percent(dice, 50))
			will_set(life, page, publisher, fd, slot, dice);
}

static void clearing(struct publisher *page, bool on)
{
	uint32_t slot;

	for (slot = 0; slot < BOOKS_WILLS; slot++)
		__atomic_store_n(&page->wills[slot].clearing, on, __ATOMIC_SEQ_CST);
}

void wills_goodbye(struct life *life, struct publisher *page, int fd, struct dice *dice)
{
	struct mq_will_clear args = { .flags = MQ_WILL_ALL };
	bool publish = dice_percent(dice, 30);
	uint32_t slot, set = 0;
	int error;

	for (slot = 0; slot < BOOKS_WILLS; slot++)
		set += !!page->wills[slot].current;
	if (!set || dice_percent(dice, 40))
		return;
	args.flags |= publish ? MQ_WILL_PUBLISH : 0;
	clearing(page, true);
	error = mqt_ioctl(fd, MQ_IOC_WILL_CLEAR, &args);
	/* Of a dead channel they are lost, now or at the end. */
	if (error && error != -ENODEV && error != -EINTR)
		books_fault(life, "clearing %u wills returned %d", set, error);
	/* Some may be lost that were to be published: their topics have moved away. */
	if (!error && (publish ? args.count > set : args.count != set))
		books_fault(life, "clearing %u wills cleared %u", set, args.count);
	if (!error && !publish)
		for (slot = 0; slot < BOOKS_WILLS; slot++)
			__atomic_store_n(&page->wills[slot].current, 0, __ATOMIC_SEQ_CST);
	if (error != -ENODEV)
		clearing(page, false);
}

uint32_t wills_expect(const struct will *will, uint32_t *least)
{
	bool setting = will->next && will->next != will->current;

	*least = will->current && !will->clearing;
	return will->current || setting;
}
