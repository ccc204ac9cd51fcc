/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Subscribers
 *
 * Children that read. subscribers.c has what all have in common: the descriptor,
 * filters that come and go, what is checked of each record. How they get at
 * records is their kind:
 *
 *   mapped	the ring in memory and a cursor of their own (mapped.c)
 *   read	read(2) on the subscription (reading.c)
 *   receive	MQ_IOC_RECEIVE (reading.c)
 *   liar	writes nonsense to its control page (liar.c); what it is told about
 *		losses means nothing, but what it gets must be records
 *   node	read(2) on the node (node_readers.c); has no subscription
 *
 * Each notes its way in its page (struct reader): every sequence from its start to
 * where it stands is in one segment. It checks at once what it can know alone: each
 * record whole, wanted, in order. What needs the books of the others is checked
 * when the life is over (audit.h).
 */
#ifndef SOAK_SUBSCRIBERS_H
#define SOAK_SUBSCRIBERS_H

#include "books.h"
#include "mq_test.h"

enum subscriber_kind {
	SUBSCRIBER_MAPPED,
	SUBSCRIBER_READ,
	SUBSCRIBER_RECEIVE,
	SUBSCRIBER_LIAR,
};

/* Room for the largest record that read(2) gives. */
#define SUBSCRIBER_BUFFER (80 * 1024)

/**
 * struct subscriber - a subscription at work
 * @in_past: it began at the oldest record or a given one
 * @pause: it sleeps up to that many microseconds now and then
 * @batch: most records that it takes at once
 * @delivered: records that it took
 * @passed: what the kernel told so far, altogether
 * @missed: likewise
 * @at_most: likewise
 * @told_passed: what MQ_IOC_RECEIVE told; a call that fails leaves it to the next
 * @told_missed: likewise
 * @time: of the last record
 * @numbers: of the last record of each publisher
 */
struct subscriber {
	struct child *child;
	struct life *life;
	struct dice *dice;
	struct reader *page;
	struct mqt_subscription subscription;
	struct mqt_map map;
	bool in_past;
	uint32_t pause;
	uint32_t batch;
	uint64_t delivered;
	uint64_t passed;
	uint64_t missed;
	uint64_t at_most;
	uint64_t told_passed;
	uint64_t told_missed;
	uint64_t time;
	uint32_t numbers[BOOKS_PUBLISHERS];
};

/**
 * subscriber_run() - read until told to leave or all is read of a dead channel
 * @child: whose
 * @life: joined
 * @node: the node, open for reading and writing
 * @dice: its luck
 */
void subscriber_run(struct child *child, struct life *life, int node, struct dice *dice);

/* Likewise from a node of its own. */
void node_reader_run(struct child *child, struct life *life, int node, struct dice *dice);

/* ---- for the kinds ---- */

void mapped_run(struct subscriber *subscriber);
void reading_run(struct subscriber *subscriber);
void liar_run(struct subscriber *subscriber);

/* Whether it is to leave, or its page is full. */
bool subscriber_over(const struct subscriber *subscriber);

/* Between two steps: sleeps perhaps, adds or removes a filter perhaps. */
void subscriber_rest(struct subscriber *subscriber);
void subscriber_filter_add(struct subscriber *subscriber);

/* Checks what a record says of itself and of its place; *@tag is its tag. */
bool subscriber_check(struct subscriber *subscriber, const struct mqt_view *view,
		      const char *wrong, uint64_t tag);

/* Whether its filters want a record. */
bool subscriber_wants(const struct subscriber *subscriber, uint64_t sequence, uint64_t tag);

/* A segment that the kernel's totals since the last one belong to. */
void subscriber_note(struct subscriber *subscriber, uint32_t kind, uint64_t to,
		     uint32_t delivered);

#endif /* SOAK_SUBSCRIBERS_H */
