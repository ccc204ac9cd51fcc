/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Audit
 *
 * What must add up at the end of a life. Its log says which record each sequence
 * is; where it does not, a hole, nobody looked in time at a record whose
 * publisher could not tell: it wrote to the node, was killed, or spoke as a will.
 * Each hole must be one that some publisher may have made. What is counted from
 * the log is exact without holes and a range with them.
 *
 *   channel	published, refused, overwritten, evicted, wills are what their
 *		makers saw; nobody is left
 *   publisher	the records it was told of are there, once, in order
 *   will	once
 *   reader	every sequence of its way is accounted for: delivered + missed =
 *		what matched, passed is exact
 *   retained	the last one of each topic
 *
 * Prints nothing: what does not add up becomes a fault (books.h).
 */
#ifndef SOAK_AUDIT_H
#define SOAK_AUDIT_H

#include "channels.h"

/* What the audits found, for the summary. */
struct audit_sums {
	uint64_t lives;
	uint64_t records;
	uint64_t holes;
	uint64_t readers;
	uint64_t gaps;
	uint64_t gaps_at_most;
	uint64_t evictions;
	uint64_t wills;
	uint64_t wills_lost;
	uint64_t retained;
};

extern struct audit_sums audit_sums;

/* The channel is deleted, and nobody but the director uses it any more. */
void audit(struct channel *channel);

#endif /* SOAK_AUDIT_H */
