// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Channel, publishers and wills at the end of a life, see audit.h. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include "audit.h"
#include "ledger.h"
#include "publishers.h"
#include "wills.h"

struct audit_sums audit_sums;

/* What the log has of a publisher. */
struct found {
	uint32_t records;
	uint32_t last;
	uint32_t wills[BOOKS_WILLS];
};

/* How many records may be, or must be, that are not in the log. */
struct missing {
	uint32_t least;
	uint32_t most;
};

static uint32_t above(uint32_t a, uint32_t b)
{
	return a > b ? a - b : 0;
}

/* ---- the log --------------------------------------------------------- */

/* Wills whose delay the deletion has ended are settled by a work item: soon. */
static int ask_info(const struct channel *channel, struct mq_info *info)
{
	unsigned int tries;
	int error;

	for (tries = 0; tries < 10000; tries++) {
		memset(info, 0, sizeof(*info));
		error = mqt_ioctl(channel->node, MQ_IOC_INFO, info);
		if (error || !info->wills)
			break;
		usleep(1000);
	}
	return error;
}

static bool ledger_make(struct ledger *ledger, struct channel *channel)
{
	struct life *life = channel->life;
	uint32_t at;

	memset(ledger, 0, offsetof(struct ledger, topics));
	ledger->channel = channel;
	ledger->life = life;
	if (ask_info(channel, &ledger->info) || ledger->info.id != life->id ||
	    ledger->info.head < life->first ||
	    ledger->info.head - life->first > BOOKS_LOG) {
		books_fault(life, "its information makes no sense: id %llu, head %llu",
			    (unsigned long long)ledger->info.id,
			    (unsigned long long)ledger->info.head);
		return false;
	}
	ledger->count = ledger->info.head - life->first;
	for (at = 0; at < BOOKS_LOG; at++) {
		uint64_t tag = ledger_tag(ledger, at);

		if (at >= ledger->count && tag)
			books_fault(life, "record %llx was seen at sequence %llu, head is %llu",
				    (unsigned long long)tag, (unsigned long long)life->first + at,
				    (unsigned long long)ledger->info.head);
		if (at >= ledger->count)
			continue;
		ledger->topics[at] = tag ? content_of(life, tag).topic : LEDGER_HOLE;
		ledger->holes += !tag;
	}
	return true;
}

/* Notes that the log has a will, which must be one that could be said. */
static void find_will(struct life *life, uint64_t tag, struct found *found)
{
	struct publisher *page = &life->publishers[content_publisher(tag)];
	uint32_t number = content_number(tag), slot;

	for (slot = 0; slot < BOOKS_WILLS; slot++) {
		struct will *will = &page->wills[slot];

		if (number != will->current && number != will->next)
			continue;
		found->wills[slot]++;
		audit_sums.wills++;
		return;
	}
	books_fault(life, "will %llx was published, but replaced or cleared before",
		    (unsigned long long)tag);
}

static void find_all(const struct ledger *ledger, struct found *found)
{
	struct life *life = ledger->life;
	uint32_t at;

	for (at = 0; at < ledger->count; at++) {
		uint64_t tag = ledger_tag(ledger, at);
		uint32_t number = content_number(tag);
		struct found *of = &found[content_publisher(tag)];

		if (!tag)
			continue;
		if (number & CONTENT_WILL) {
			find_will(life, tag, of);
			continue;
		}
		if (number <= of->last)
			books_fault(life, "sequence %llu: record %llx comes after number %u",
				    (unsigned long long)life->first + at,
				    (unsigned long long)tag, of->last);
		of->last = number;
		of->records++;
	}
}

/* ---- publishers ------------------------------------------------------ */

static void audit_publisher(struct life *life, uint32_t index, const struct found *found,
			    struct missing *missing)
{
	struct publisher *page = &life->publishers[index];
	uint32_t most = page->published + page->flight;

	/* What a writer published it does not know; the others noted each. */
	if (found->records > most ||
	    (page->kind != PUBLISHER_WRITER && found->records < page->published))
		books_fault(life, "publisher %u of kind %u published %u records (and %u when it was killed), the log has %u",
			    index, page->kind, page->published, page->flight, found->records);
	missing->least += above(page->published, found->records);
	missing->most += above(most, found->records);
}

static void audit_wills(const struct ledger *ledger, const struct found *found,
			struct missing *missing)
{
	struct life *life = ledger->life;
	uint32_t lost = ledger->info.wills_lost;
	struct missing wills = {};
	uint32_t i, slot;

	for (i = 0; i < life->publisher_count; i++) {
		for (slot = 0; slot < BOOKS_WILLS; slot++) {
			uint32_t least, is = found[i].wills[slot];
			uint32_t most = wills_expect(&life->publishers[i].wills[slot], &least);

			if (is > most || (is < least && !lost && !ledger->holes))
				books_fault(life, "will %u of publisher %u was published %u times, not %u..%u",
					    slot, i, is, least, most);
			wills.least += above(least, is);
			wills.most += above(most, is);
		}
	}
	/* Each is there, or lost, or a hole. */
	if (lost > wills.most || wills.least > lost + ledger->holes)
		books_fault(life, "%u to %u wills are not in the log; %u were lost, there are %u holes",
			    wills.least, wills.most, lost, ledger->holes);
	missing->least += above(wills.least, lost);
	missing->most += above(wills.most, lost);
	audit_sums.wills_lost += lost;
}

static void audit_publishers(const struct ledger *ledger)
{
	static struct found found[BOOKS_PUBLISHERS];
	struct life *life = ledger->life;
	struct missing missing = {};
	uint32_t i;

	memset(found, 0, sizeof(found));
	find_all(ledger, found);
	for (i = 0; i < life->publisher_count; i++)
		audit_publisher(life, i, &found[i], &missing);
	audit_wills(ledger, found, &missing);
	if (ledger->holes < missing.least || ledger->holes > missing.most)
		books_fault(life, "%u of %u records are not in the log; publishers account for %u..%u",
			    ledger->holes, ledger->count, missing.least, missing.most);
}

/* ---- the channel ----------------------------------------------------- */

static void check_range(struct life *life, const char *what, uint64_t is, uint64_t low,
			uint64_t high)
{
	if (is < low || is > high)
		books_fault(life, "%s is %llu, not %llu..%llu", what, (unsigned long long)is,
			    (unsigned long long)low, (unsigned long long)high);
}

static void audit_refused(const struct ledger *ledger)
{
	struct life *life = ledger->life;
	uint64_t low = 0, unsure = 0;
	uint32_t i;

	for (i = 0; i < life->publisher_count; i++) {
		const struct publisher *page = &life->publishers[i];

		low += page->refused;
		unsure += page->waited + page->will_refused + !!page->flight + page->will_flight;
	}
	check_range(life, "refused", ledger->info.refused, low, low + unsure);
}

static void audit_evicted(const struct ledger *ledger)
{
	struct life *life = ledger->life;
	uint64_t low = 0, high = 0;
	uint32_t i;

	for (i = 0; i < life->reader_count; i++) {
		low += life->readers[i].evicted;
		high += life->readers[i].holding;
	}
	check_range(life, "evicted", ledger->info.evicted, low, life->evicts ? high : 0);
	audit_sums.evictions += ledger->info.evicted;
}

/*
 * What node readers did not get. One that read to the end of a dead channel passed
 * what it did not get; empty payloads, which it skips, may be among that or not.
 */
static void audit_node_passed(const struct ledger *ledger)
{
	struct life *life = ledger->life;
	uint64_t low = 0, high = 0, empty = 0;
	uint32_t i;

	for (i = 0; i < ledger->count; i++) {
		uint64_t tag = ledger_tag(ledger, i);

		empty += !tag || !content_of(life, tag).payload_len;
	}
	for (i = 0; i < life->node_reader_count; i++) {
		const struct node_reader *page = &life->node_readers[i];
		uint64_t got = page->delivered;

		if (!page->start_high)
			continue;
		check_range(life, "payloads of a node reader", got, 0,
			    ledger->info.head - page->start_low);
		high += ledger->info.head - page->start_low - got;
		if (page->at_end && ledger->info.head - page->start_high > got + empty)
			low += ledger->info.head - page->start_high - got - empty;
	}
	check_range(life, "node_passed", ledger->info.node_passed, low, high);
}

static void audit_counters(const struct ledger *ledger)
{
	const struct mq_info *info = &ledger->info;
	struct life *life = ledger->life;
	uint64_t gone = info->oldest - info->first;

	check_range(life, "state", info->state, MQ_CHANNEL_DEAD, MQ_CHANNEL_DEAD);
	check_range(life, "first", info->first, life->first, life->first);
	check_range(life, "published", info->published, ledger->count, ledger->count);
	/* What a purge drops need not count as overwritten. */
	check_range(life, "overwritten", info->overwritten, life->purges ? 0 : gone, gone);
	/* The director has one. */
	check_range(life, "subscriptions", info->subscriptions, 1, 1);
	check_range(life, "publishers", info->publishers, 0, 0);
	check_range(life, "wills", info->wills, 0, 0);
	audit_refused(ledger);
	audit_evicted(ledger);
	audit_node_passed(ledger);
}

void audit(struct channel *channel)
{
	static struct ledger ledger;

	channel_scan(channel);
	audit_sums.lives++;
	if (!ledger_make(&ledger, channel))
		return;
	audit_sums.records += ledger.count;
	audit_sums.holes += ledger.holes;
	audit_counters(&ledger);
	audit_publishers(&ledger);
	audit_readers(&ledger);
	audit_retained(&ledger);
}
