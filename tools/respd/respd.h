/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: mq-respd, the Redis side of mq
 *
 * The objects, who owns whom:
 *
 *   respd          one per worker: the table of subscriptions, the buffer that
 *     |            replies are written in, counters of INFO
 *     +- client    one per connection: parser, protocol version, name
 *     |    +- subscription   of a channel or of a pattern (subscription.h)
 *     +- pattern   a distinct pattern and its subscriptions
 *          +- wide           the topic filter that the kernel has for it
 *
 * The path of a request: client.c takes it from the parser and runs it through
 * the table in command.c; a function of commands_*.c does it and writes its
 * reply into respd->out, which client.c queues. PUBLISH alone is answered
 * later, when the worker has published the batch of this turn; any other
 * command first waits for the replies of the PUBLISHes before it.
 *
 * The path of a record: deliver.c finds the subscriptions, writes the message
 * once per protocol version (and pattern), and queues references to it.
 */
#ifndef RESPD_RESPD_H
#define RESPD_RESPD_H

#include "command.h"
#include "name.h"
#include "resp_codec.h"
#include "subscription.h"
#include "worker.h"

/* What this daemon tells clients that ask for the version of Redis. */
#define RESPD_REDIS_VERSION "7.0.15"

enum client_reply {
	CLIENT_REPLY_ON,
	CLIENT_REPLY_OFF,
	CLIENT_REPLY_SKIP_NEXT,		/* asked for: the next command */
	CLIENT_REPLY_SKIP,		/* this command */
};

/**
 * struct client - a connection that speaks RESP
 * @conn: connection; must be first
 * @parser: where it is in the present request
 * @id: its number, never used twice
 * @version: of the protocol, 2 or 3
 * @reply: CLIENT REPLY
 * @waiting: PUBLISHes that have no result yet
 * @quits: QUIT was executed
 * @no_evict: CLIENT NO-EVICT, kept for CLIENT LIST
 * @since: when it connected (loop_now())
 * @name: CLIENT SETNAME, or NULL
 * @lib_name: CLIENT SETINFO LIB-NAME, or NULL
 * @lib_version: CLIENT SETINFO LIB-VER, or NULL
 * @command: what it executed last
 * @subscriptions: its channels and patterns
 */
struct client {
	struct conn conn;
	struct resp_parser parser;
	uint64_t id;
	int version;
	enum client_reply reply;
	uint32_t waiting;
	bool quits;
	bool no_evict;
	uint64_t since;
	char *name;
	char *lib_name;
	char *lib_version;
	const struct command *command;
	struct subscription_list subscriptions;
};

/**
 * struct respd - what the worker's clients share
 * @worker: the worker
 * @table: subscriptions
 * @out: the reply that is being written
 * @next_id: of the next client
 * @started: when (loop_now())
 * @commands: requests executed
 * @malformed: budget for log lines about clients that don't speak RESP
 * @topic: room for the topic, filter or name that is being translated
 */
struct respd {
	struct worker *worker;
	struct subscription_table table;
	struct resp_out out;
	uint64_t next_id;
	uint64_t started;
	uint64_t commands;
	struct log_source malformed;
	char topic[NAME_TOPIC_MAX];
};

static inline struct client *client_of(struct conn *conn)
{
	return (struct client *)conn;
}

static inline struct respd *respd_of(const struct client *client)
{
	return client->conn.worker->context;
}

/* ---- client.c ---------------------------------------------------------- */

extern const struct protocol respd_protocol;

/* RESP2 knows no pushes: such a client may do little else while it subscribes. */
static inline bool client_is_subscriber(const struct client *client)
{
	return client->subscriptions.channels || client->subscriptions.patterns;
}

/* Queues what was written into respd->out even if CLIENT REPLY says no. */
void client_push(struct client *client);
/* Publishes for PUBLISH; the answer follows when the result is known. */
void client_publish(struct client *client, const struct libmq_message *message);
/* Whether a word may be the name of a client: printable, without spaces. */
bool client_name_valid(const struct resp_arg *word);
/* Replaces *text by a copy of the word; empty: by NULL. False: no memory. */
bool client_set_text(char **text, const struct resp_arg *word);

/* ---- deliver.c --------------------------------------------------------- */

/* Queues a record for all clients that want it. */
void respd_deliver(struct worker *worker, const struct libmq_record *record);

#endif /* RESPD_RESPD_H */
