// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The messages, and whether they are the right ones. */
#include <stdio.h>
#include <string.h>

#include "exchange.h"

/* How far around the expected message a wrong one is looked for. */
#define SEARCH 2000

/* SplitMix64: a good number from a poor one. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/*
 * Mostly the size of a sensor's message; one in 64 a power of two, all of them
 * in turn up to the largest; one in 512 anything.
 */
static size_t size_of(uint32_t index, uint64_t seed)
{
	if (index % 64 == 0)
		return (size_t)1 << index / 64 % 17;
	if (index % 512 == 1)
		return 1 + seed % SIZE_MAX_BYTES;
	return 1 + seed % 200;
}

size_t content_make(const struct exchange *exchange, uint32_t publisher, uint32_t index,
		    uint8_t *bytes)
{
	uint64_t seed = mix((uint64_t)publisher << 32 | index);
	size_t size, i;

	if (index == exchange->count)
		return (size_t)sprintf((char *)bytes, "the end of publisher %u", publisher);
	size = size_of(index, seed);
	for (i = 0; i < size; i += sizeof(seed)) {
		size_t left = size - i;

		seed = mix(seed);
		memcpy(bytes + i, &seed, left < sizeof(seed) ? left : sizeof(seed));
	}
	return size;
}

static uint32_t publisher_of(const struct exchange *exchange, const char *topic, size_t len)
{
	uint32_t publisher = 0;

	while (publisher < PUBLISHERS && (strlen(exchange->topics[publisher]) != len ||
					  memcmp(exchange->topics[publisher], topic, len)))
		publisher++;
	return publisher;
}

/* Says what came instead, if it is a message of about that time. */
static void explain(struct checker *checker, uint32_t publisher, const void *payload, size_t len)
{
	uint32_t next = checker->next[publisher];
	uint32_t index = next > SEARCH ? next - SEARCH : 0;

	for (; index < next + SEARCH && index <= checker->exchange->count; index++) {
		if (content_make(checker->exchange, publisher, index, checker->scratch) == len &&
		    !memcmp(checker->scratch, payload, len)) {
			exchange_say("%s: publisher %u: message %u came where %u should: %s",
				     checker->who, publisher, index, next,
				     index < next ? "twice or late" : "some were lost");
			return;
		}
	}
	exchange_say("%s: publisher %u: message %u is not what was sent (%zu bytes came)",
		     checker->who, publisher, next, len);
}

bool checker_take(struct checker *checker, const char *topic, size_t topic_len,
		  const void *payload, size_t len)
{
	uint32_t publisher = publisher_of(checker->exchange, topic, topic_len);
	size_t size;

	if (publisher == PUBLISHERS) {
		exchange_say("%s: a message on another topic came: %.*s", checker->who,
			     (int)topic_len, topic);
		return false;
	}
	if (checker->next[publisher] > checker->exchange->count) {
		exchange_say("%s: publisher %u: a message came after the last", checker->who,
			     publisher);
		return false;
	}
	size = content_make(checker->exchange, publisher, checker->next[publisher],
			    checker->scratch);
	if (size != len || memcmp(checker->scratch, payload, len)) {
		explain(checker, publisher, payload, len);
		return false;
	}
	checker->next[publisher]++;
	checker->bytes += len;
	return true;
}

bool checker_done(const struct checker *checker)
{
	for (uint32_t i = 0; i < PUBLISHERS; i++)
		if (checker->next[i] <= checker->exchange->count)
			return false;
	return true;
}

void checker_report(const struct checker *checker)
{
	exchange_say("%s: %u and %u of %u messages each were right, %llu bytes", checker->who,
		     checker->next[0], checker->next[1], checker->exchange->count + 1,
		     (unsigned long long)checker->bytes);
}
