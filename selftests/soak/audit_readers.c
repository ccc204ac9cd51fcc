// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The way of each reader, segment by segment. */
#include "audit.h"
#include "ledger.h"
#include "subscribers.h"

/**
 * struct matches - what matches in a part of the log
 * @wanted: records that the reader must take if it can
 * @least: those that it must count as missed if it can't
 * @most: those that it may count as missed
 * @multiple: likewise, each as often as filters match it
 * @holes: records that may match or not
 */
struct matches {
	uint32_t wanted;
	uint32_t least;
	uint32_t most;
	uint32_t multiple;
	uint32_t holes;
};

static void count_one(struct matches *matches, const struct ledger *ledger,
		      const struct reader *reader, uint64_t sequence)
{
	uint8_t topic = ledger->topics[sequence - ledger->life->first];
	bool wanted = false, least = false, most = false;
	uint32_t i;

	if (topic == LEDGER_HOLE) {
		matches->holes++;
		return;
	}
	for (i = 0; i < reader->filter_count; i++) {
		const struct filter *filter = &reader->filters[i];

		if (!(content_matches(ledger->life->channel, filter->index) >> topic & 1))
			continue;
		wanted |= sequence >= filter->from && sequence < filter->until;
		least |= sequence >= filter->from_sure && sequence < filter->until;
		if (sequence >= filter->from && sequence < filter->until_sure) {
			most = true;
			matches->multiple++;
		}
	}
	matches->wanted += wanted;
	matches->least += least;
	matches->most += most;
}

/* Whether a filter is in force from @from to @to, or never between. */
static bool all_or_none(const struct filter *filter, uint64_t from, uint64_t to)
{
	return (filter->from_sure <= from && filter->until >= to) || filter->from >= to ||
	       filter->until_sure <= from;
}

/* Without changes between, two sets of topics say all. False: there are changes. */
static bool count_fast(struct matches *matches, const struct ledger *ledger,
		       const struct reader *reader, uint64_t from, uint64_t to)
{
	uint32_t once = 0, i;
	uint64_t at;

	for (i = 0; i < reader->filter_count; i++) {
		const struct filter *filter = &reader->filters[i];
		uint32_t more = content_matches(ledger->life->channel, filter->index);

		if (!all_or_none(filter, from, to))
			return false;
		if (filter->from >= to || filter->until_sure <= from)
			continue;
		/* A topic of two filters counts twice. */
		if (once & more)
			return false;
		once |= more;
	}
	for (at = from; at < to; at++) {
		uint8_t topic = ledger->topics[at - ledger->life->first];

		if (topic == LEDGER_HOLE)
			matches->holes++;
		else
			matches->wanted += once >> topic & 1;
	}
	matches->least = matches->wanted;
	matches->most = matches->wanted;
	matches->multiple = matches->wanted;
	return true;
}

static struct matches count(const struct ledger *ledger, const struct reader *reader,
			    uint64_t from, uint64_t to)
{
	struct matches matches = {};
	uint64_t at;

	if (!count_fast(&matches, ledger, reader, from, to))
		for (at = from; at < to; at++)
			count_one(&matches, ledger, reader, at);
	return matches;
}

/* Whether a reader can't lose anything, neither by eviction nor by a purge. */
static bool reader_holds(const struct ledger *ledger, const struct reader *reader)
{
	return reader->holding && !reader->evicted && !ledger->life->purges;
}

/*
 * Whether the numbers of a segment are right. A filter that reaches into the past may
 * find that what matched no filter before has gone: that is wanted, and may miss.
 */
static bool segment_right(const struct segment *segment, const struct matches *matches, bool holds)
{
	uint32_t len = segment->progress >> 32;
	uint32_t delivered = segment->progress;
	uint64_t told = delivered + segment->missed;

	/* What goes by a holder matches nothing. */
	if (holds && (delivered < matches->least || (segment->missed && !segment->at_most)))
		return false;
	switch (segment->kind) {
	case SEGMENT_READ:
		return delivered >= matches->least && delivered <= matches->wanted;
	case SEGMENT_SKIP:
		return !matches->least && !segment->passed && !segment->missed;
	case SEGMENT_GAP:
		return segment->passed == len && told >= matches->least &&
		       (segment->at_most || told <= matches->most + matches->holes);
	default:
		return delivered <= matches->wanted && told >= matches->least &&
		       (segment->at_most || told <= matches->most + matches->holes) &&
		       segment->passed <= len - delivered &&
		       segment->passed >= matches->wanted - delivered;
	}
}

static void segment_fault(const struct ledger *ledger, const struct reader *reader,
			  const struct segment *segment, const struct matches *matches)
{
	static const char * const kinds[] = { "read", "gap", "skipped", "read and gap" };
	struct life *life = ledger->life;
	uint32_t i;

	books_fault(life, "reader %zu (kind %u%s%s, from %llu): %s of %u from %llu: delivered %u, passed %llu, missed %llu%s; the log: %u wanted, %u..%u may be missed, %u holes",
		    reader - life->readers, reader->kind,
		    !reader->holding ? "" : reader->evicted ? ", evicted" : ", holding",
		    reader->ended ? "" : ", killed", (unsigned long long)reader->start,
		    kinds[segment->kind], (uint32_t)(segment->progress >> 32),
		    (unsigned long long)segment->from, (uint32_t)segment->progress,
		    (unsigned long long)segment->passed, (unsigned long long)segment->missed,
		    segment->at_most ? " at most" : "", matches->wanted, matches->least,
		    matches->most, matches->holes);
	for (i = 0; i < reader->filter_count; i++)
		books_fault(life, "reader %zu: filter %s from %llu (%llu) until %llu (%llu)",
			    reader - life->readers,
			    content_filter(life->channel, reader->filters[i].index),
			    (unsigned long long)reader->filters[i].from,
			    (unsigned long long)reader->filters[i].from_sure,
			    (unsigned long long)reader->filters[i].until,
			    (unsigned long long)reader->filters[i].until_sure);
}

/* Filters that overlap: what they match together bounds what was told together. */
static void audit_at_most(const struct ledger *ledger, const struct reader *reader)
{
	struct matches all = {};
	uint64_t told = 0;
	uint32_t i;

	all = count(ledger, reader, reader->start, books_reader_at(reader));
	for (i = 0; i < reader->segment_count; i++)
		told += (uint32_t)reader->segments[i].progress + reader->segments[i].missed;
	if (told > all.multiple + (uint64_t)all.holes * reader->filter_count)
		books_fault(ledger->life, "reader %zu was told of %llu records at most, its filters matched %u times, there are %u holes",
			    reader - ledger->life->readers, (unsigned long long)told,
			    all.multiple, all.holes);
}

static void audit_reader(const struct ledger *ledger, const struct reader *reader)
{
	bool at_most = false;
	uint32_t i;

	if (reader->start < ledger->life->first || books_reader_at(reader) > ledger->info.head) {
		books_fault(ledger->life, "reader %zu went from %llu to %llu",
			    reader - ledger->life->readers, (unsigned long long)reader->start,
			    (unsigned long long)books_reader_at(reader));
		return;
	}
	for (i = 0; i < reader->segment_count; i++) {
		const struct segment *segment = &reader->segments[i];
		uint64_t to = segment->from + (segment->progress >> 32);
		struct matches matches = count(ledger, reader, segment->from, to);

		if (!segment_right(segment, &matches, reader_holds(ledger, reader)))
			segment_fault(ledger, reader, segment, &matches);
		audit_sums.gaps += segment->passed && !segment->at_most;
		audit_sums.gaps_at_most += segment->at_most;
		at_most |= segment->at_most;
	}
	if (at_most)
		audit_at_most(ledger, reader);
	audit_sums.readers++;
}

void audit_readers(const struct ledger *ledger)
{
	const struct life *life = ledger->life;
	uint32_t i;

	for (i = 0; i < life->reader_count; i++)
		if (life->readers[i].kind != SUBSCRIBER_LIAR && life->readers[i].segment_count)
			audit_reader(ledger, &life->readers[i]);
}
