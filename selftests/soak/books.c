// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The books, see books.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "books.h"
#include "mq_test.h"

struct books *books;

void books_open(uint64_t seed)
{
	struct dice dice = { .state = seed ^ 0x7061747465726e };
	unsigned int i;

	books = mqt_shared(sizeof(*books));
	for (i = 0; i < BOOKS_PATTERN; i += 8)
		*(uint64_t *)(books->pattern + i) = dice_next(&dice);
	for (i = 0; i < BOOKS_CHILDREN; i++)
		books->children[i].life = -1;
}

void books_fault(const struct life *life, const char *format, ...)
{
	uint32_t at = __atomic_fetch_add(&books->fault_count, 1, __ATOMIC_RELAXED);
	static const char * const overflow[] = { "drop-oldest", "reject", "block" };
	struct fault *fault;
	va_list args;
	int len = 0;

	if (at >= BOOKS_FAULTS)
		return;
	fault = &books->faults[at];
	if (life)
		len = snprintf(fault->text, sizeof(fault->text),
			       "channel soak-%u, life %u (%s, %u slots, %llu bytes, from %llu): ",
			       life->channel, life->serial, overflow[life->overflow], life->slots,
			       (unsigned long long)life->bytes, (unsigned long long)life->first);
	va_start(args, format);
	vsnprintf(fault->text + len, sizeof(fault->text) - len, format, args);
	va_end(args);
	__atomic_store_n(&fault->ready, true, __ATOMIC_RELEASE);
}

/* ---- lives ----------------------------------------------------------- */

static void life_clear(struct life *life)
{
	uint32_t logged = life->tickets < BOOKS_LOG ? life->tickets : BOOKS_LOG;

	/* Only what was used: a life takes a megabyte. */
	memset(life->log, 0, logged * sizeof(life->log[0]));
	memset(life->readers, 0, life->reader_count * sizeof(life->readers[0]));
	memset(life, 0, offsetof(struct life, readers));
	memset(life->node_readers, 0, sizeof(life->node_readers));
}

struct life *books_life_new(void)
{
	unsigned int i;

	for (i = 0; i < BOOKS_LIVES; i++) {
		if (books_life_state(&books->lives[i]) != LIFE_FREE)
			continue;
		life_clear(&books->lives[i]);
		return &books->lives[i];
	}
	return NULL;
}

uint32_t books_life_state(const struct life *life)
{
	return __atomic_load_n(&life->state, __ATOMIC_ACQUIRE);
}

void books_life_set(struct life *life, uint32_t state)
{
	/* Pairs with the fence in books_join(). */
	__atomic_store_n(&life->state, state, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static bool life_may_join(const struct life *life, const struct child *child, uint64_t id)
{
	uint32_t state = books_life_state(life);

	return life->id == id && (state == LIFE_LIVE ||
				  (state == LIFE_CLOSING && !child->publishes));
}

struct life *books_join(struct child *child, uint64_t id)
{
	unsigned int i;

	for (i = 0; i < BOOKS_LIVES; i++) {
		if (!life_may_join(&books->lives[i], child, id))
			continue;
		/*
		 * Either the director sees that we joined, or we see that the life
		 * is over. Pairs with the fence in books_life_set().
		 */
		__atomic_store_n(&child->life, i, __ATOMIC_SEQ_CST);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (life_may_join(&books->lives[i], child, id))
			return &books->lives[i];
		books_leave(child);
	}
	return NULL;
}

void books_leave(struct child *child)
{
	__atomic_store_n(&child->life, -1, __ATOMIC_RELEASE);
}

bool books_tickets_take(struct life *life, uint32_t count)
{
	if (__atomic_add_fetch(&life->tickets, count, __ATOMIC_RELAXED) <= BOOKS_LOG)
		return true;
	books_tickets_return(life, count);
	return false;
}

void books_tickets_return(struct life *life, uint32_t count)
{
	__atomic_sub_fetch(&life->tickets, count, __ATOMIC_RELAXED);
}

void books_log(struct life *life, uint64_t sequence, uint64_t tag)
{
	uint64_t there = 0;

	if (sequence < life->first || sequence - life->first >= BOOKS_LOG) {
		books_fault(life, "record %llx has sequence %llu, which cannot be",
			    (unsigned long long)tag, (unsigned long long)sequence);
		return;
	}
	if (__atomic_compare_exchange_n(&life->log[sequence - life->first], &there, tag, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) || there == tag)
		return;
	books_fault(life, "sequence %llu is record %llx for one process and %llx for another",
		    (unsigned long long)sequence, (unsigned long long)there,
		    (unsigned long long)tag);
}

uint64_t books_logged(const struct life *life, uint64_t sequence)
{
	return __atomic_load_n(&life->log[sequence - life->first], __ATOMIC_ACQUIRE);
}

/* The next page of a kind; -1: there is none. */
static int page_new(uint32_t *count, uint32_t most)
{
	uint32_t at = __atomic_load_n(count, __ATOMIC_RELAXED);

	do {
		if (at >= most)
			return -1;
	} while (!__atomic_compare_exchange_n(count, &at, at + 1, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return at;
}

struct publisher *books_publisher_new(struct life *life)
{
	int at = page_new(&life->publisher_count, BOOKS_PUBLISHERS);

	return at < 0 ? NULL : &life->publishers[at];
}

struct reader *books_reader_new(struct life *life)
{
	int at = page_new(&life->reader_count, BOOKS_READERS);

	return at < 0 ? NULL : &life->readers[at];
}

struct node_reader *books_node_reader_new(struct life *life)
{
	int at = page_new(&life->node_reader_count, BOOKS_NODE_READERS);

	return at < 0 ? NULL : &life->node_readers[at];
}

/* ---- the way of a reader --------------------------------------------- */

uint64_t books_reader_at(const struct reader *reader)
{
	const struct segment *last;

	if (!reader->segment_count)
		return reader->start;
	last = &reader->segments[reader->segment_count - 1];
	return last->from + (last->progress >> 32);
}

bool books_reader_room(const struct reader *reader)
{
	/* A step may take two. */
	return reader->segment_count + 2 <= BOOKS_SEGMENTS;
}

void books_reader_segment(struct reader *reader, struct segment segment)
{
	uint32_t at = reader->segment_count;

	segment.from = books_reader_at(reader);
	reader->segments[at] = segment;
	__atomic_store_n(&reader->segment_count, at + 1, __ATOMIC_RELEASE);
}

void books_reader_read(struct reader *reader, uint64_t to, uint32_t delivered)
{
	uint64_t more = (to - books_reader_at(reader)) << 32 | delivered;
	uint32_t count = reader->segment_count;
	struct segment *last = &reader->segments[count - 1];

	if (!count || last->kind != SEGMENT_READ)
		books_reader_segment(reader, (struct segment){ .progress = more });
	else
		__atomic_store_n(&last->progress, last->progress + more, __ATOMIC_RELEASE);
}
