// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Retained values: the last retained record of each topic. */
#include "audit.h"
#include "ledger.h"

/**
 * struct last - the last word on a topic
 * @sequence: the value that is retained, 0: none
 * @unsure: it may have gone, or another may have come, when it was listed
 */
struct last {
	uint64_t sequence;
	bool unsure;
};

/* What the record at a place in the log does to its topic's value. */
static void last_apply(const struct ledger *ledger, uint32_t at, struct last *last)
{
	const struct life *life = ledger->life;
	uint64_t sequence = life->first + at;
	struct content content = content_of(life, ledger_tag(ledger, at));

	if (!content.retain)
		return;
	/* A will that came while they were listed: before or after its topic. */
	if (sequence >= ledger->channel->listed_low &&
	    sequence != ledger->channel->retained[content.topic]) {
		last->unsure = true;
		return;
	}
	last->sequence = content.payload_len ? sequence : 0;
	last->unsure = content.expires;
	/* A purge took what was older than itself. */
	if (!life->purges || sequence >= life->purge_high)
		return;
	if (sequence < life->purge_low)
		last->sequence = 0;
	else
		last->unsure = true;
}

static void last_find(const struct ledger *ledger, struct last *last)
{
	uint32_t at, topic;
	uint32_t end = ledger->channel->listed_high - ledger->life->first;

	for (at = 0; at < end; at++) {
		topic = ledger->topics[at];
		if (topic != LEDGER_HOLE) {
			last_apply(ledger, at, &last[topic]);
			continue;
		}
		for (topic = 0; topic < CONTENT_TOPICS; topic++)
			last[topic].unsure = true;
	}
}

void audit_retained(const struct ledger *ledger)
{
	const struct channel *channel = ledger->channel;
	struct last last[CONTENT_TOPICS] = {};
	uint32_t topic, count = 0;
	bool unsure = false;

	if (!channel->listed)
		return;
	last_find(ledger, last);
	for (topic = 0; topic < CONTENT_TOPICS; topic++) {
		uint64_t is = channel->retained[topic];

		count += !!is;
		unsure |= last[topic].unsure;
		if (is == last[topic].sequence || (last[topic].unsure && !is))
			continue;
		books_fault(ledger->life, "the retained value of %s is that of sequence %llu, not of %llu",
			    content_topic(ledger->life->channel, topic), (unsigned long long)is,
			    (unsigned long long)last[topic].sequence);
	}
	if (count != channel->retained_count && channel->listed_low == channel->listed_high &&
	    !unsure)
		books_fault(ledger->life, "%u retained values are listed, %u were counted", count,
			    channel->retained_count);
	audit_sums.retained += count;
}
