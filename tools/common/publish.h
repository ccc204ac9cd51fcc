/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: From sockets into channels
 *
 * All that clients publish in one turn goes to the kernel in one batch. A
 * message is put into the batch with pointers into the input it came in;
 * batch_flush() publishes and tells each message's source what became of it,
 * in the order in which that source published.
 *
 * A channel that rejects for lack of space gives -EAGAIN. Such a message is
 * copied and stays with its source, which is then *stalled*: its owner stops
 * taking input from it (so the client feels the back-pressure), and
 * batch_retry() publishes what is waiting when there is space. Nothing is
 * lost and nothing overtakes: while a source is stalled, what it publishes
 * waits behind, and results are told in order even if a later message went to
 * another channel at once.
 */
#ifndef COMMON_PUBLISH_H
#define COMMON_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libmq.h"

#define BATCH_MAX	256
/* Memory for metadata and the like that lives until the flush. */
#define BATCH_SCRATCH	(256 * 1024)

/* What clients that have gone may leave waiting, all together. */
#define HEIR_MAX	(16 << 20)

struct source;
struct stalled;

/**
 * typedef published_fn - a message has its result
 * @source: who published it
 * @cookie: as given to batch_publish()
 * @message: the message; good until the function returns
 * @result: never -EAGAIN
 *
 * What it publishes itself waits for the next batch_retry().
 */
typedef void (*published_fn)(struct source *source, uint64_t cookie,
			     const struct libmq_message *message,
			     const struct libmq_result *result);

/**
 * struct source - somebody who publishes
 * @published: told each result
 * @batched: messages of it in the batch
 * @first: what waits, oldest first; not NULL: the source is stalled
 * @last: the pointer to append at
 * @bytes: memory that waits
 * @next: in the batch's list of stalled or of resumed sources
 * @previous: pointer that points here; NULL: in none
 */
struct source {
	published_fn published;
	unsigned int batched;
	struct stalled *first;
	struct stalled **last;
	size_t bytes;
	struct source *next;
	struct source **previous;
};

/**
 * struct batch - what is to be published
 * @bus: where
 * @messages: messages
 * @results: their results
 * @sources: who published them
 * @cookies: and what they call them
 * @count: how many
 * @scratch: memory until the flush
 * @scratch_used: bytes of it in use
 * @stalled: sources that wait for space, longest first
 * @stalled_last: the pointer to append at
 * @resumed: sources that don't wait any more, until batch_resumed() gave them out
 * @telling: results are being told: the batch is in use
 * @retry: something waits that no channel has refused yet
 * @published: messages that went in, ever
 * @failed: messages that were refused for good
 * @waited: messages that had to wait for space
 * @lost: messages that could not be kept waiting (no memory, HEIR_MAX, or the end)
 */
struct batch {
	struct libmq_bus *bus;
	struct libmq_message messages[BATCH_MAX];
	struct libmq_result results[BATCH_MAX];
	struct source *sources[BATCH_MAX];
	uint64_t cookies[BATCH_MAX];
	unsigned int count;
	uint8_t *scratch;
	size_t scratch_used;
	struct source *stalled;
	struct source **stalled_last;
	struct source *resumed;
	bool telling;
	bool retry;
	uint64_t published, failed, waited, lost;
};

int batch_init(struct batch *batch, struct libmq_bus *bus);
void batch_exit(struct batch *batch);

void source_init(struct source *source, published_fn published);
/*
 * The owner goes away. What waits goes to @heir, so that a message that was
 * accepted is still published; its result is told to the heir. The batch must
 * hold nothing of it (batch_flush()).
 * Return: how many messages are lost because the heir would have more than
 * HEIR_MAX bytes: nobody was told that they went in.
 */
uint64_t source_exit(struct batch *batch, struct source *source, struct source *heir);

static inline bool source_stalled(const struct source *source)
{
	return source->first;
}

/*
 * Memory that lives until the next flush, at most BATCH_SCRATCH; flushes first
 * if there is too little left, so take it before anything is put in the batch
 * that it belongs to. NULL: @size is too large, or results are being told.
 */
void *batch_scratch(struct batch *batch, size_t size);

/*
 * Puts a message into the batch. What it points to must stay until the flush.
 * Flushes a full batch first.
 */
void batch_publish(struct batch *batch, struct source *source,
		   const struct libmq_message *message, uint64_t cookie);
void batch_flush(struct batch *batch);
/* Copies a message and lets it wait for the next batch_retry(). */
void batch_defer(struct batch *batch, struct source *source,
		 const struct libmq_message *message);
/* There may be space again: publishes what waits, as far as it goes. */
void batch_retry(struct batch *batch);
/* The next source that is not stalled any more, or NULL. */
struct source *batch_resumed(struct batch *batch);

#endif /* COMMON_PUBLISH_H */
