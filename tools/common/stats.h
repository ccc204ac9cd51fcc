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

/**
 * struct stats - what is counted
 * @accepted: connections
 * @rejected: connections over a limit
 * @malformed: connections closed for bad input
 * @slow_closed: connections closed for being slow
 * @slow_waits: how often a slow client held up the drain
 * @bytes_in: bytes received
 * @bytes_out: bytes sent
 * @bytes_dropped: bytes still queued when their client was cut off
 * @records: records read from channels
 * @delivered: messages queued for clients
 * @undelivered: messages that could not be: no memory, or not sendable
 * @expired: records that were too old when their turn came
 * @published: messages that went into a channel
 * @unclaimed: messages on a topic that no channel owns
 * @denied: messages that were not permitted
 * @refused: messages refused for other reasons
 * @wills_unregistered: wills of clients that the kernel did not take
 * @lagged_passed: records of channels that went by unread
 * @lagged_missed: those of them that somebody wanted
 */
struct stats {
	uint64_t accepted, rejected, malformed;
	uint64_t slow_closed, slow_waits;
	uint64_t bytes_in, bytes_out, bytes_dropped;
	uint64_t records, delivered, undelivered, expired;
	uint64_t published, unclaimed, denied, refused;
	uint64_t wills_unregistered;
	uint64_t lagged_passed, lagged_missed;
};

void stats_log(const struct stats *stats);

#endif /* COMMON_STATS_H */
