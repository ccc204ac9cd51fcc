/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Books
 *
 * What every process of the soak notes, in one mapping that all share and that
 * survives whoever is killed. A channel from its creation to its deletion is a
 * life; a life has a page for each publisher, subscription and node reader that
 * used it, and a log with the tag of every record by sequence.
 *
 * Who writes what. A page belongs to the process that opened it. Each note is
 * made so that a kill between any two stores leaves a true, if older, state: a
 * publisher notes what it is about to do before the call and what became of it
 * after, a reader stores count and place in one word. Everybody fills the log, by
 * compare and exchange: who finds another tag than his own under a sequence has
 * found a fault. The director makes and closes lives; it looks into the pages of
 * a life only when no process uses it any more (child.life).
 */
#ifndef SOAK_BOOKS_H
#define SOAK_BOOKS_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/mq.h>
#include "dice.h"

#define BOOKS_CHANNELS 6
#define BOOKS_LIVES 24
#define BOOKS_CHILDREN 32
#define BOOKS_PUBLISHERS 96
#define BOOKS_READERS 96
#define BOOKS_NODE_READERS 32
#define BOOKS_FILTERS 8
#define BOOKS_SEGMENTS 160
#define BOOKS_WILLS 3
#define BOOKS_LOG 32768
#define BOOKS_FAULTS 64
#define BOOKS_PATTERN (192 * 1024)

/**
 * struct will - one will of a publisher; the numbers carry CONTENT_WILL
 * @current: number of the will that is set, 0: none
 * @next: number of the will that is being set, 0: none
 * @clearing: it is being cleared
 */
struct will {
	uint32_t current;
	uint32_t next;
	bool clearing;
};

/**
 * struct publisher - the page of a publisher
 * @kind: enum publisher_kind
 * @id: what the kernel calls it; 0: only the records of it will tell
 * @flight: records in the call that it is in
 * @will_flight: it is in a call about wills
 * @ended: everything is noted: it was not killed
 * @published: records that went in
 * @refused: calls that found no space (EAGAIN)
 * @waited: calls that gave up waiting for space (ETIMEDOUT, EINTR)
 * @will_refused: wills that found no space
 */
struct publisher {
	uint32_t kind;
	uint32_t flight;
	uint64_t id;
	uint32_t next;
	bool will_flight;
	bool ended;
	uint32_t published;
	uint32_t refused;
	uint32_t waited;
	uint32_t will_refused;
	struct will wills[BOOKS_WILLS];
};

/**
 * struct filter - a filter of a subscription, and for which records it counts
 * @index: which (content.h)
 * @from: first sequence that it must deliver
 * @from_sure: first sequence that it must count as missed; above @from only for
 *	a filter that reaches back: what was lost before it came may be counted
 * @until: first sequence that it does not deliver any more
 * @until_sure: first sequence that it must not count as missed
 */
struct filter {
	uint32_t index;
	uint64_t from;
	uint64_t from_sure;
	uint64_t until;
	uint64_t until_sure;
};

/**
 * enum segment_kind - how a reader got from one sequence to another
 * @SEGMENT_READ: it took every record that matches
 * @SEGMENT_GAP: overtaken: it got none
 * @SEGMENT_SKIP: the kernel said that nothing there matches
 * @SEGMENT_MIXED: took some, was overtaken somewhere between
 */
enum segment_kind {
	SEGMENT_READ,
	SEGMENT_GAP,
	SEGMENT_SKIP,
	SEGMENT_MIXED,
};

/**
 * struct segment - a part of the way of a reader
 * @kind: enum segment_kind
 * @at_most: @missed is an upper bound
 * @from: where it begins
 * @progress: bits 32..63: how long it is; 0..31: records delivered
 * @passed: what the kernel counted
 * @missed: likewise
 */
struct segment {
	uint32_t kind;
	bool at_most;
	uint64_t from;
	uint64_t progress;
	uint64_t passed;
	uint64_t missed;
};

/**
 * struct reader - the page of a subscription
 * @kind: enum subscriber_kind
 * @holding: it has the right to hold
 * @evicted: it saw that it lost that
 * @ended: everything is noted: it was not killed
 * @start: where it began
 * @filters: all that it ever had, also those that were removed
 * @segments: its way, without holes
 */
struct reader {
	uint32_t kind;
	bool holding;
	bool evicted;
	bool ended;
	uint64_t start;
	uint32_t filter_count;
	uint32_t segment_count;
	struct filter filters[BOOKS_FILTERS];
	struct segment segments[BOOKS_SEGMENTS];
};

/**
 * struct node_reader - the page of who reads a node
 * @start_low: it began at this sequence or above
 * @start_high: it began at this sequence or below
 * @delivered: payloads it got
 * @at_end: it read up to the end of a dead channel
 */
struct node_reader {
	uint64_t start_low;
	uint64_t start_high;
	uint64_t delivered;
	bool at_end;
};

/**
 * enum life_state - what is going on with a life
 * @LIFE_FREE: its books may be used anew
 * @LIFE_LIVE: the channel exists
 * @LIFE_CLOSING: publishers shall leave
 * @LIFE_DEAD: the channel was deleted; who uses it still reads it out
 */
enum life_state {
	LIFE_FREE,
	LIFE_LIVE,
	LIFE_CLOSING,
	LIFE_DEAD,
};

/**
 * struct life - a channel from creation to deletion
 * @channel: which of the names
 * @serial: number of this life in the run
 * @id: what the kernel calls it
 * @evicts: an evict-after was or is set
 * @purges: how many were begun
 * @purge_low: head before the last purge
 * @purge_high: head after it
 * @tickets: how many records went or go in, at most BOOKS_LOG
 * @log: tags of the records by sequence, 0: nobody has seen it
 */
struct life {
	uint32_t state;
	uint32_t channel;
	uint32_t serial;
	uint64_t id;
	uint64_t seed;
	uint64_t first;
	uint64_t bytes;
	uint32_t slots;
	uint32_t max_record;
	uint32_t overflow;
	bool evicts;
	uint32_t purges;
	uint64_t purge_low;
	uint64_t purge_high;
	uint32_t tickets;
	uint32_t publisher_count;
	uint32_t reader_count;
	uint32_t node_reader_count;
	struct publisher publishers[BOOKS_PUBLISHERS];
	struct reader readers[BOOKS_READERS];
	struct node_reader node_readers[BOOKS_NODE_READERS];
	uint64_t log[BOOKS_LOG];
};

/**
 * struct child - what a process and the director tell each other
 * @life: index of the life that it uses, -1: none
 * @publishes: it is a publisher
 * @stop: it shall leave
 */
struct child {
	int32_t life;
	bool publishes;
	bool stop;
};

/* Sums for people; the processes add to them. */
struct totals {
	uint64_t published;
	uint64_t delivered;
	uint64_t missed;
	uint64_t refused;
	uint64_t stale;
	uint64_t quota;
	uint64_t torn;
};

struct fault {
	bool ready;
	char text[512];
};

struct books {
	struct totals totals;
	uint32_t fault_count;
	struct fault faults[BOOKS_FAULTS];
	struct child children[BOOKS_CHILDREN];
	struct life lives[BOOKS_LIVES];
	uint8_t pattern[BOOKS_PATTERN];
};

/* The books of this process and its children. */
extern struct books *books;

void books_open(uint64_t seed);

static inline void books_add(uint64_t *counter, uint64_t value)
{
	__atomic_add_fetch(counter, value, __ATOMIC_RELAXED);
}

/* Notes what must not be; the director prints it. */
__attribute__((format(printf, 2, 3)))
void books_fault(const struct life *life, const char *format, ...);

/* ---- lives ---- */

/* A free one, emptied but still LIFE_FREE; NULL: all are in use. */
struct life *books_life_new(void);
uint32_t books_life_state(const struct life *life);
void books_life_set(struct life *life, uint32_t state);

/**
 * books_join() - begin to use a life
 * @child: whose
 * @id: what the kernel calls the channel
 *
 * The director waits for a process that joined before it closes the books. Return:
 * the life; NULL: it is not known, or on its way out.
 */
struct life *books_join(struct child *child, uint64_t id);
void books_leave(struct child *child);

/* Takes places in the log for @count records; false: it is full. */
bool books_tickets_take(struct life *life, uint32_t count);
void books_tickets_return(struct life *life, uint32_t count);

/* Notes which record has a sequence; compares if that was noted already. */
void books_log(struct life *life, uint64_t sequence, uint64_t tag);
/* The tag of a record, 0: not known. */
uint64_t books_logged(const struct life *life, uint64_t sequence);

/* Pages; NULL: no more of them. */
struct publisher *books_publisher_new(struct life *life);
struct reader *books_reader_new(struct life *life);
struct node_reader *books_node_reader_new(struct life *life);

/* ---- the way of a reader ---- */

/* Where it stands. */
uint64_t books_reader_at(const struct reader *reader);
/* Whether there is room for more. */
bool books_reader_room(const struct reader *reader);
/* It took @delivered records up to @to. */
void books_reader_read(struct reader *reader, uint64_t to, uint32_t delivered);
/* It went on to @to in another way; segment.from is filled in here. */
void books_reader_segment(struct reader *reader, struct segment segment);

#endif /* SOAK_BOOKS_H */
