/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Channels
 *
 * What the director does with a channel: creates it for a life, administrates it,
 * deletes it. For each life it keeps a node open, which still tells the counters
 * of a channel that was deleted, and a mapping, through which it looks at records
 * to note in the log those that nobody else may have seen.
 *
 *   channel_create() -> scan, purge, set, move ... -> channel_delete()
 *	-> scan, info -> channel_close()
 */
#ifndef SOAK_CHANNELS_H
#define SOAK_CHANNELS_H

#include "books.h"
#include "content.h"
#include "mq_test.h"

/**
 * struct channel - the director's hold on a life
 * @life: whose; NULL: not in use
 * @scanned: records below are in the log, or were gone
 * @overtaken: records that were gone when the director looked
 * @claims_next: it has the claim that comes and goes
 * @listed: its retained values were listed, between the heads @listed_low and
 *	@listed_high
 * @retained: their sequences by topic, 0: none
 * @retained_count: how many the kernel said there are
 */
struct channel {
	struct life *life;
	int node;
	struct mqt_subscription subscription;
	struct mqt_map map;
	uint64_t scanned;
	uint64_t overtaken;
	bool claims_next;
	bool listed;
	uint64_t listed_low;
	uint64_t listed_high;
	uint64_t retained[CONTENT_TOPICS];
	uint32_t retained_count;
};

/* Deletes what a run before this one left. */
void channels_clear(void);

/* Creates a channel with luck's properties for an empty life. 0 or -errno. */
int channel_create(struct channel *channel, struct life *life, uint32_t number, uint32_t serial,
		   struct dice *dice);
/* Notes records that can be read. */
void channel_scan(struct channel *channel);
void channel_purge(struct channel *channel);
/* Limits of retained values, evict-after. */
void channel_set_limits(struct channel *channel, struct dice *dice);
/* Takes the claim on topics of the next channel, or gives it back. */
void channel_move_claim(struct channel *channel);
/* Lists the retained values; nobody publishes but wills. */
void channel_list_retained(struct channel *channel);
void channel_delete(struct channel *channel);
void channel_close(struct channel *channel);

#endif /* SOAK_CHANNELS_H */
