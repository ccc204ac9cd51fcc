// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "publish.h"

/**
 * struct stalled - a message that waits
 * @next: behind it
 * @cookie: as its source calls it
 * @message: points into @data
 * @result: set if @done
 * @done: it went in, or was refused, and waits only for those before it
 * @size: bytes of this and @data
 * @data: topic, metadata, payload
 */
struct stalled {
	struct stalled *next;
	uint64_t cookie;
	struct libmq_message message;
	struct libmq_result result;
	bool done;
	size_t size;
	uint8_t data[];
};

void source_init(struct source *source, published_fn published)
{
	memset(source, 0, sizeof(*source));
	source->published = published;
	source->last = &source->first;
}

/* ---- lists of sources -------------------------------------------------- */

static void source_unlink(struct batch *batch, struct source *source)
{
	if (!source->previous)
		return;
	*source->previous = source->next;
	if (source->next)
		source->next->previous = source->previous;
	else if (batch->stalled_last == &source->next)
		batch->stalled_last = source->previous;
	source->next = NULL;
	source->previous = NULL;
}

static void source_stall(struct batch *batch, struct source *source)
{
	source_unlink(batch, source);
	source->previous = batch->stalled_last;
	*batch->stalled_last = source;
	batch->stalled_last = &source->next;
}

static void source_resume(struct batch *batch, struct source *source)
{
	source_unlink(batch, source);
	source->next = batch->resumed;
	source->previous = &batch->resumed;
	if (source->next)
		source->next->previous = &source->next;
	batch->resumed = source;
}

struct source *batch_resumed(struct batch *batch)
{
	struct source *source = batch->resumed;

	if (source)
		source_unlink(batch, source);
	return source;
}

/* Return: how many messages were waiting. */
static uint64_t forget(struct source *source)
{
	uint64_t count = 0;

	while (source->first) {
		struct stalled *stalled = source->first;

		source->first = stalled->next;
		count += !stalled->done;
		free(stalled);
	}
	source->last = &source->first;
	source->bytes = 0;
	return count;
}

int batch_init(struct batch *batch, struct libmq_bus *bus)
{
	memset(batch, 0, sizeof(*batch));
	batch->bus = bus;
	batch->stalled_last = &batch->stalled;
	batch->scratch = malloc(BATCH_SCRATCH);
	return batch->scratch ? 0 : -ENOMEM;
}

void batch_exit(struct batch *batch)
{
	while (batch->stalled) {
		struct source *source = batch->stalled;

		source_unlink(batch, source);
		batch->lost += forget(source);
	}
	if (batch->lost)
		log_warning("%llu messages were accepted from clients and not published: the channels had no space in time",
			    (unsigned long long)batch->lost);
	free(batch->scratch);
	memset(batch, 0, sizeof(*batch));
}

/* ---- messages that wait ------------------------------------------------ */

static void append(struct source *source, struct stalled *stalled)
{
	stalled->next = NULL;
	*source->last = stalled;
	source->last = &stalled->next;
	source->bytes += stalled->size;
}

static void tell(struct batch *batch, struct source *source, uint64_t cookie,
		 const struct libmq_message *message, const struct libmq_result *result)
{
	if (result->result)
		batch->failed++;
	else
		batch->published++;
	source->published(source, cookie, message, result);
}

static struct stalled *copy_message(const struct libmq_message *message, uint64_t cookie)
{
	size_t bytes = (size_t)message->topic_len + message->metadata_len + message->payload_len;
	struct stalled *stalled = malloc(sizeof(*stalled) + bytes);
	uint8_t *at;

	if (!stalled)
		return NULL;
	*stalled = (struct stalled){
		.cookie = cookie, .message = *message, .size = sizeof(*stalled) + bytes,
	};
	at = stalled->data;
	stalled->message.topic = memcpy(at, message->topic, message->topic_len);
	at += message->topic_len;
	stalled->message.metadata = at;
	if (message->metadata_len)
		memcpy(at, message->metadata, message->metadata_len);
	at += message->metadata_len;
	stalled->message.payload = at;
	if (message->payload_len)
		memcpy(at, message->payload, message->payload_len);
	return stalled;
}

/* @result is -EAGAIN, or what has to be told after the messages before it. */
static void wait_for_space(struct batch *batch, struct source *source, uint64_t cookie,
			   const struct libmq_message *message, const struct libmq_result *result)
{
	struct stalled *stalled = copy_message(message, cookie);

	if (!stalled) {
		struct libmq_result lost = { .result = -ENOMEM };

		batch->lost++;
		tell(batch, source, cookie, message, result->result == -EAGAIN ? &lost : result);
		return;
	}
	stalled->result = *result;
	stalled->done = result->result != -EAGAIN;
	if (!source_stalled(source))
		source_stall(batch, source);
	append(source, stalled);
	batch->waited += !stalled->done;
}

/* Tells the results at the front. Return: whether something still waits. */
static bool tell_front(struct batch *batch, struct source *source)
{
	while (source->first && source->first->done) {
		struct stalled *stalled = source->first;

		source->first = stalled->next;
		if (!source->first)
			source->last = &source->first;
		source->bytes -= stalled->size;
		tell(batch, source, stalled->cookie, &stalled->message, &stalled->result);
		free(stalled);
	}
	return source->first;
}

/*
 * Tries the messages from *at on; moves *at behind those it tried.
 * Return: whether all have gone in, or were refused for good.
 */
static bool retry_some(struct batch *batch, struct stalled **at)
{
	struct stalled *tried[BATCH_MAX];
	unsigned int count = 0;
	bool all = true;

	for (; *at && count < BATCH_MAX; *at = (*at)->next) {
		if ((*at)->done)
			continue;
		tried[count] = *at;
		batch->messages[count++] = (*at)->message;
	}
	if (!count)
		return true;
	libmq_bus_publish(batch->bus, batch->messages, batch->results, count);
	for (unsigned int i = 0; i < count; i++) {
		tried[i]->result = batch->results[i];
		tried[i]->done = batch->results[i].result != -EAGAIN;
		all &= tried[i]->done;
	}
	return all;
}

static void retry_source(struct batch *batch, struct source *source)
{
	struct stalled *at = source->first;

	/* Space that comes now belongs to those that found none, not to those behind. */
	while (at && retry_some(batch, &at))
		;
	if (!tell_front(batch, source))
		source_resume(batch, source);
}

void batch_retry(struct batch *batch)
{
	struct source *source, *next;

	batch_flush(batch);
	batch->telling = true;
	batch->retry = false;
	for (source = batch->stalled; source; source = next) {
		next = source->next;
		retry_source(batch, source);
	}
	batch->telling = false;
}

uint64_t source_exit(struct batch *batch, struct source *source, struct source *heir)
{
	source_unlink(batch, source);
	if (!source->first)
		return 0;
	if (heir->bytes + source->bytes > HEIR_MAX) {
		uint64_t lost = forget(source);

		batch->lost += lost;
		return lost;
	}
	if (!source_stalled(heir))
		source_stall(batch, heir);
	*heir->last = source->first;
	heir->last = source->last;
	heir->bytes += source->bytes;
	batch->retry = true;
	source->first = NULL;
	source->last = &source->first;
	source->bytes = 0;
	return 0;
}

/* ---- the batch --------------------------------------------------------- */

void *batch_scratch(struct batch *batch, size_t size)
{
	void *memory;

	size = (size + 7) & ~(size_t)7;
	if (size > BATCH_SCRATCH)
		return NULL;
	if (size > BATCH_SCRATCH - batch->scratch_used)
		batch_flush(batch);
	if (size > BATCH_SCRATCH - batch->scratch_used)
		return NULL;	/* results are being told */
	memory = batch->scratch + batch->scratch_used;
	batch->scratch_used += size;
	return memory;
}

static const struct libmq_result later = { .result = -EAGAIN };

void batch_defer(struct batch *batch, struct source *source,
		 const struct libmq_message *message)
{
	/* Not before what the source has in the batch. */
	if (source->batched)
		batch_flush(batch);
	wait_for_space(batch, source, 0, message, &later);
	batch->retry = true;
}

void batch_publish(struct batch *batch, struct source *source,
		   const struct libmq_message *message, uint64_t cookie)
{
	unsigned int i;

	if (batch->telling || source_stalled(source)) {
		wait_for_space(batch, source, cookie, message, &later);
		batch->retry |= batch->telling;
		return;
	}
	i = batch->count++;
	batch->messages[i] = *message;
	batch->sources[i] = source;
	batch->cookies[i] = cookie;
	source->batched++;
	if (batch->count == BATCH_MAX)
		batch_flush(batch);
}

static void settle(struct batch *batch, unsigned int i)
{
	struct source *source = batch->sources[i];
	const struct libmq_result *result = &batch->results[i];

	source->batched--;
	if (result->result == -EAGAIN || source_stalled(source))
		wait_for_space(batch, source, batch->cookies[i], &batch->messages[i], result);
	else
		tell(batch, source, batch->cookies[i], &batch->messages[i], result);
}

void batch_flush(struct batch *batch)
{
	if (batch->telling)
		return;
	if (batch->count) {
		libmq_bus_publish(batch->bus, batch->messages, batch->results, batch->count);
		batch->telling = true;
		for (unsigned int i = 0; i < batch->count; i++)
			settle(batch, i);
		batch->telling = false;
		batch->count = 0;
	}
	batch->scratch_used = 0;
}
