/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: A client's connection
 *
 * Belongs to one worker from conn_open() to its end. A protocol (below)
 * embeds it as the first member of what it knows about a client.
 *
 *	OPEN	 input is parsed, output is sent
 *	CLOSING	 no input is parsed any more; what is queued is still sent
 *	LINGER	 all is sent, our direction is shut; input is read and dropped
 *		 until the peer closes or CONN_LINGER_MS pass, so that the last
 *		 words aren't overtaken by a reset
 *	DEAD	 the socket is shut; the memory goes when the kernel has returned
 *		 the operations that were under way
 *
 * conn_close() leads through all of them, conn_kill() to DEAD at once, and
 * the protocol's closed() is called once, on leaving OPEN: from then on the
 * connection gets nothing but its last words.
 *
 * Input. Parsed in place in the loop's receive buffer when a packet is whole;
 * a partial one is kept in conn->input, at most input_max bytes. Parsing stops
 * while the source is stalled (publish.h) or the connection is slow (below), and
 * with it, reading. It goes on as long as the protocol's must_read() says so: a
 * client whose acknowledgements are what the worker waits for must not be cut
 * off from sending them.
 *
 * Output. conn->queued is what the client has yet to get: bytes in the output
 * queue and what the protocol holds back (conn_charge()). Beyond
 * conn->queue_max the connection is *slow*: the worker stops draining the bus
 * until it is not (by half of max-queue), at most slow-client-timeout; then the
 * client gets its last words behind what is queued, and as long again to take it
 * all. An answer may raise conn->queue_max (conn_queue_allow()): it comes down as
 * the queue gets shorter, and a client that takes nothing for
 * slow-client-timeout is closed like a slow one.
 * What a connection leaves in its queue when it dies is counted.
 */
#ifndef COMMON_CONN_H
#define COMMON_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "log.h"
#include "loop.h"
#include "output.h"
#include "publish.h"

struct conn;
struct worker;

#define CONN_LINGER_MS	2000
#define CONN_PEER_MAX	64

/**
 * struct protocol - what makes a daemon speak its protocol
 * @name: "mqtt"
 * @conn_size: bytes of the structure that begins with a struct conn; it is
 *	zeroed before opened()
 * @opened: a client has connected; a negative errno closes it
 * @input: parse one packet at @data; what it publishes may point into it.
 *	Return: bytes it took; 0: it is not whole yet; negative: the packet is
 *	malformed and the protocol has sent its error: the connection closes.
 * @published: a message of this client has its result
 * @must_read: optional: while its publishes wait for space, or it is slow, the
 *	client must still be read (up to conn->queue_max waiting bytes)
 * @record: a record came: encode it and queue it for the clients that want it
 * @too_slow: optional: last words for a client that did not keep up
 * @stopping: optional: last words when the daemon stops
 * @closed: the connection leaves OPEN: forget its subscriptions, publish its
 *	will (worker_publish())
 * @freed: last call: free what is left
 */
struct protocol {
	const char *name;
	size_t conn_size;
	int (*opened)(struct conn *conn);
	ssize_t (*input)(struct conn *conn, const uint8_t *data, size_t len);
	void (*published)(struct conn *conn, uint64_t cookie,
			  const struct libmq_message *message,
			  const struct libmq_result *result);
	bool (*must_read)(struct conn *conn);
	void (*record)(struct worker *worker, const struct libmq_record *record);
	void (*too_slow)(struct conn *conn);
	void (*stopping)(struct conn *conn);
	void (*closed)(struct conn *conn);
	void (*freed)(struct conn *conn);
};

enum conn_state {
	CONN_OPEN,
	CONN_CLOSING,
	CONN_LINGER,
	CONN_DEAD,
};

/**
 * struct conn_input - bytes that make no whole packet yet
 * @data: @size bytes of memory, @used of them filled, those before @taken parsed
 * @taken: see @data
 * @used: see @data
 * @size: see @data
 * @batched: messages in the batch may point into @data
 */
struct conn_input {
	uint8_t *data;
	size_t taken, used, size;
	bool batched;
};

/**
 * struct conn - a connection
 * @worker: whose it is
 * @protocol: what it speaks
 * @fd: socket
 * @state: see above
 * @peer: for the log: "192.0.2.1:40000", "unix:pid 12"
 * @local_uid: user of a unix socket's other end, or -1
 * @source: what it publishes
 * @input: see struct conn_input
 * @input_max: longest packet
 * @input_ended: the peer has shut its direction
 * @heard: when something last came from it, or reading began (loop_now())
 * @output: what it has yet to get
 * @charged: bytes the protocol holds back
 * @queue_max: limit of conn_queued(): max-queue, and what was allowed beyond
 * @slow: it is over the limit
 * @failed: conn_fail() was called
 * @timer: ends a slow one, one with more than max-queue that takes nothing, or a
 *	closing one that does not get on
 * @recv: multishot receive
 * @send: the send under way
 * @message: of that send
 * @dirty: it is in the worker's list of connections with something to send
 * @dirty_next: in that list
 * @next: in the worker's list of all, or of those to be freed
 * @previous: pointer that points here
 */
struct conn {
	struct worker *worker;
	const struct protocol *protocol;
	int fd;
	enum conn_state state;
	char peer[CONN_PEER_MAX];
	int64_t local_uid;

	struct source source;
	struct conn_input input;
	size_t input_max;
	bool input_ended;
	uint64_t heard;

	struct output output;
	size_t charged;
	size_t queue_max;
	bool slow;
	bool failed;
	struct loop_timer timer;

	struct loop_op recv;
	struct loop_op send;
	struct msghdr message;
	bool dirty;
	struct conn *dirty_next;
	struct conn *next;
	struct conn **previous;
};

/* Queues bytes that only this client gets; a copy is taken. */
void conn_write(struct conn *conn, const void *bytes, size_t len);
/* Queues bytes that others may get too; takes its own reference. */
void conn_send(struct conn *conn, struct span span);
/* The protocol holds back @delta bytes more (or, negative, fewer). */
void conn_charge(struct conn *conn, ssize_t delta);

static inline size_t conn_queued(const struct conn *conn)
{
	return conn->output.bytes + conn->charged;
}

/*
 * Raises the limit by @bytes just queued: an answer that may rightly be larger
 * than it (retained values).
 */
void conn_queue_allow(struct conn *conn, size_t bytes);

/*
 * It can't get what it should: closes it at the end of the turn, so that
 * whoever is delivering need not expect connections to vanish.
 */
void conn_fail(struct conn *conn);

/* Publishes. The result comes by protocol->published() when it is known. */
void conn_publish(struct conn *conn, const struct libmq_message *message, uint64_t cookie);

/* Sends what is queued and closes. */
void conn_close(struct conn *conn);
/* Closes now; what is queued is dropped, counted in bytes. */
void conn_kill(struct conn *conn);

/* ---- for worker.c ------------------------------------------------------ */

/* Takes the socket over, in any case. Return: NULL if it had to be closed. */
struct conn *conn_open(struct worker *worker, const struct protocol *protocol, int fd);
/* The turn has something to do for it: sending, reading, closing. */
void conn_mark(struct conn *conn);
/* Does it. */
void conn_flush(struct conn *conn);
/* Parses and reads, or stops reading, as its state has it now. */
void conn_resume(struct conn *conn);
/* Stops reading while nothing may be parsed. */
void conn_pause(struct conn *conn);
/* Frees a dead one whose operations are over. Return: whether it was. */
bool conn_reap(struct conn *conn);

static inline struct conn *source_conn(struct source *source)
{
	return (struct conn *)((char *)source - offsetof(struct conn, source));
}

#endif /* COMMON_CONN_H */
