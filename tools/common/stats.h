/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Counters of a worker
 *
 * Plain numbers of one thread. stats_log() writes those that aren't zero in
 * one line; the daemons do so on SIGUSR1 and when they end.
 */
#ifndef COMMON_STATS_H
#define COMMON_STATS_H

#include <stdint.h>

/*
 * What is counted: member, and word in the log.
 */
#define STATS_LIST(COUNT)						\
	COUNT(accepted, "accepted")		/* connections */	\
	COUNT(rejected, "rejected")		/* over a limit */	\
	COUNT(malformed, "malformed")		/* closed for bad input */ \
	COUNT(slow_closed, "slow-closed")	/* closed for being slow */ \
	COUNT(slow_waits, "slow-waits")		/* held up the drain */	\
	COUNT(bytes_in, "bytes-in")					\
	COUNT(bytes_out, "bytes-out")					\
	COUNT(bytes_dropped, "bytes-dropped")	/* queued when a client was cut */ \
	COUNT(records, "records")		/* read from channels */ \
	COUNT(delivered, "delivered")		/* queued for clients */ \
	COUNT(undelivered, "undelivered")	/* no memory, or not sendable */ \
	COUNT(expired, "expired")		/* too old when their turn came */ \
	COUNT(published, "published")					\
	COUNT(unclaimed, "unclaimed")		/* no channel owns the topic */ \
	COUNT(denied, "denied")			/* not permitted */	\
	COUNT(refused, "refused")		/* for other reasons */	\
	COUNT(lagged_passed, "lagged-passed")				\
	COUNT(lagged_missed, "lagged-missed")

struct stats {
#define STATS_MEMBER(member, word) uint64_t member;
	STATS_LIST(STATS_MEMBER)
#undef STATS_MEMBER
};

void stats_log(const struct stats *stats);

#endif /* COMMON_STATS_H */
