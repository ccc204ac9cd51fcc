/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Ledger
 *
 * The log of a life that is over, made ready for counting. The audit makes one and
 * hands it to the parts of itself; there is one at a time.
 */
#ifndef SOAK_LEDGER_H
#define SOAK_LEDGER_H

#include "channels.h"

/* The topic of a hole. */
#define LEDGER_HOLE 0xff

/**
 * struct ledger - a log for counting
 * @info: the last word of the kernel
 * @count: records that were published
 * @holes: how many of them are not known
 * @topics: of each record
 */
struct ledger {
	struct channel *channel;
	struct life *life;
	struct mq_info info;
	uint32_t count;
	uint32_t holes;
	uint8_t topics[BOOKS_LOG];
};

static inline uint64_t ledger_tag(const struct ledger *ledger, uint32_t at)
{
	return ledger->life->log[at];
}

/* What must add up of each reader (audit_readers.c). */
void audit_readers(const struct ledger *ledger);
/* The last retained value of each topic (audit_retained.c). */
void audit_retained(const struct ledger *ledger);

#endif /* SOAK_LEDGER_H */
