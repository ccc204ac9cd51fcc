/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: A worker
 *
 * One thread, one loop, one bus with one subscription per channel, and the
 * connections that were handed to it. A turn:
 *
 *	1. the loop gave what arrived to the connections; they parsed it and put
 *	   what they publish into the batch
 *	2. the batch is published at once
 *	3. the bus is drained once: each record is encoded once and queued for
 *	   the clients that want it
 *	4. each client with something queued gets one send
 *	5. receive buffers go back to the loop, dead connections go away
 *
 * Every delivery takes that path, also between two clients of one worker: what
 * a client publishes comes back through the channel like anything else.
 *
 * Workers share nothing. One is enough today; worker_adopt() is the hand-over
 * for the day when an acceptor feeds several.
 */
#ifndef COMMON_WORKER_H
#define COMMON_WORKER_H

#include "blocks.h"
#include "conn.h"
#include "loop.h"
#include "publish.h"
#include "stats.h"
#include "subs.h"

#define WORKER_IOVECS 4096

/**
 * struct worker_opts - limits of a worker and its connections
 * @input_max: longest packet
 * @queue_max: bytes a client may leave queued
 * @slow_timeout: ms that a client over the limit may hold up the others
 * @busy_poll: us to look for records before sleeping
 * @connections_max: most connections
 */
struct worker_opts {
	size_t input_max;
	size_t queue_max;
	unsigned int slow_timeout;
	unsigned int busy_poll;
	unsigned int connections_max;
};

/**
 * struct worker - the worker
 * @opts: limits
 * @protocol: what its connections speak
 * @context: the protocol's own
 * @loop: loop
 * @bus: bus
 * @subs: who wants what
 * @batch: what is to be published in this turn
 * @own: source of messages that no connection answers for (wills, heirs)
 * @blocks: records, encoded once
 * @private_blocks: what one client alone gets
 * @connections: all that are not dead
 * @connection_count: how many
 * @dead: connections to be freed
 * @dirty: connections with something to send
 * @spent: receive buffers that the batch may still point into
 * @spent_count: how many
 * @iovecs: pieces of the sends of this turn
 * @iovecs_used: how many
 * @slow: connections over their limit: while there are any, the bus is not drained
 * @bus_poll: waiting for records
 * @space_poll: waiting for space
 * @awake_until: busy polling ends, in us
 * @stats: counters
 * @drained: records taken from the bus in this turn
 * @refused_log: budget for lines about refused publishes
 * @slow_log: and about slow clients
 * @full_log: and about connections over the limit
 * @lost_log: and about what clients left waiting
 */
struct worker {
	struct worker_opts opts;
	const struct protocol *protocol;
	void *context;
	struct loop loop;
	struct libmq_bus *bus;
	struct subs subs;
	struct batch batch;
	struct source own;
	struct blocks blocks;
	struct blocks private_blocks;
	struct conn *connections;
	unsigned int connection_count;
	struct conn *dead;
	struct conn *dirty;
	int *spent;
	unsigned int spent_count;
	struct iovec iovecs[WORKER_IOVECS];
	unsigned int iovecs_used;
	unsigned int slow;
	struct loop_op bus_poll;
	struct loop_op space_poll;
	uint64_t awake_until;
	struct stats stats;
	unsigned int drained;
	struct log_source refused_log;
	struct log_source slow_log;
	struct log_source full_log;
	struct log_source lost_log;
};

int worker_init(struct worker *worker, const struct worker_opts *opts,
		const struct protocol *protocol, void *context);
/* All connections are closed at once. */
void worker_exit(struct worker *worker);

/* A connected socket becomes a connection of this worker; @fd is taken over. */
void worker_adopt(struct worker *worker, int fd);

/*
 * Subscribes in the index and on the bus, with the number of subs as weight.
 * Return: 0 or what libmq_bus_subscribe() returns.
 */
int worker_subscribe(struct worker *worker, struct sub *sub, const char *filter, size_t len);
/* Total: a sub that is in no index is fine. */
void worker_unsubscribe(struct worker *worker, struct sub *sub);

/* Publishes for nobody in particular (a will); everything is copied. */
void worker_publish(struct worker *worker, const struct libmq_message *message);
/*
 * Publishes now what is in the batch. For a command that must come after the
 * publishes before it: afterwards they are in the channel, or the connection's
 * source is stalled.
 */
void worker_flush(struct worker *worker);
/*
 * Publishes what is in the batch and delivers what has been published, as far
 * as one turn goes: before somebody subscribes or unsubscribes, so that what
 * came before finds those who subscribed then.
 */
void worker_settle(struct worker *worker);

/* Counts what became of a message of @who; the log says what was refused. */
void worker_count_result(struct worker *worker, const char *who,
			 const struct libmq_message *message,
			 const struct libmq_result *result);
/* The batch may point into this receive buffer: keep it to the turn's end. */
void worker_spend(struct worker *worker, int buffer);

/* Tells all connections that the daemon stops and closes them. */
void worker_stop(struct worker *worker);

#endif /* COMMON_WORKER_H */
