// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A client's requests and replies: what the worker calls. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "respd.h"

/* Cookie of a PUBLISH whose answer the client does not want (CLIENT REPLY). */
#define COOKIE_SILENT 1

bool client_set_text(char **text, const struct resp_arg *word)
{
	char *copy = NULL;

	if (word && word->len) {
		copy = strndup(word->data, word->len);
		if (!copy)
			return false;
	}
	free(*text);
	*text = copy;
	return true;
}

static int opened(struct conn *conn)
{
	struct client *client = client_of(conn);
	struct respd *respd = respd_of(client);

	client->id = ++respd->next_id;
	client->version = 2;
	client->since = loop_now(&conn->worker->loop);
	subscription_list_init(&client->subscriptions);
	resp_parser_init(&client->parser, conn->input_max);
	return 0;
}

static void closed(struct conn *conn)
{
	subscription_remove_all(client_of(conn));
}

static void freed(struct conn *conn)
{
	struct client *client = client_of(conn);

	resp_parser_free(&client->parser);
	free(client->name);
	free(client->lib_name);
	free(client->lib_version);
}

/* ---- replies ----------------------------------------------------------- */

void client_push(struct client *client)
{
	struct resp_out *out = &respd_of(client)->out;

	if (out->failed) {
		log_error("%s: closed: no memory for a reply", client->conn.peer);
		conn_kill(&client->conn);
		out->failed = false;
	} else {
		conn_write(&client->conn, out->data, out->len);
	}
	out->len = 0;
}

static struct resp_out *begin_reply(struct client *client)
{
	struct resp_out *out = &respd_of(client)->out;

	out->len = 0;
	out->version = client->version;
	return out;
}

static bool is_silent(const struct client *client)
{
	return client->reply == CLIENT_REPLY_OFF || client->reply == CLIENT_REPLY_SKIP;
}

static void end_reply(struct client *client)
{
	struct resp_out *out = &respd_of(client)->out;

	if (is_silent(client) && !out->failed)
		out->len = 0;
	else if (out->len || out->failed)
		client_push(client);
}

/* Tells what to do: the first level is a good guess at what the channel is for. */
static void put_unclaimed(struct resp_out *out, const struct libmq_message *message)
{
	const char *slash = memchr(message->topic, '/', message->topic_len);
	size_t level = slash ? (size_t)(slash - message->topic) : message->topic_len;
	char topic[256], first[128];

	log_quote(topic, sizeof(topic), message->topic, message->topic_len);
	log_quote(first, sizeof(first), message->topic, level);
	resp_put_error(out, "ERR no channel claims topic '%s'; create one: mqctl channel create NAME --topics '%s/#'",
		       topic, first);
}

static void put_refused(struct resp_out *out, int error, const struct libmq_message *message)
{
	char topic[256], text[512];

	if (error == -ESTALE) {
		put_unclaimed(out, message);
		return;
	}
	log_quote(topic, sizeof(topic), message->topic, message->topic_len);
	libmq_strerror(error, text, sizeof(text), topic);
	resp_put_error(out, "%s %s", error == -EACCES ? "NOPERM" : "ERR", text);
}

/* The kernel counted those who subscribe to the channel; patterns are ours. */
static uint32_t count_receivers(struct respd *respd, const struct libmq_message *message,
				const struct libmq_result *result)
{
	struct resp_arg channel = { .data = respd->topic };

	if (!respd->table.patterns)
		return result->receivers;
	channel.len = (uint32_t)name_from_topic(message->topic, message->topic_len,
						respd->topic);
	return result->receivers + subscription_count_matches(&respd->table, &channel,
							      message->topic,
							      message->topic_len);
}

static void published(struct conn *conn, uint64_t cookie, const struct libmq_message *message,
		      const struct libmq_result *result)
{
	struct client *client = client_of(conn);
	struct resp_out *out;

	client->waiting--;
	if (cookie == COOKIE_SILENT)
		return;
	out = begin_reply(client);
	if (result->result)
		put_refused(out, result->result, message);
	else
		resp_put_integer(out, count_receivers(respd_of(client), message, result));
	client_push(client);
}

void client_publish(struct client *client, const struct libmq_message *message)
{
	client->waiting++;
	conn_publish(&client->conn, message, is_silent(client) ? COOKIE_SILENT : 0);
	/* The words of a request in a line are gone before the turn ends. */
	if (client->parser.words)
		worker_flush(client->conn.worker);
}

/* ---- requests ---------------------------------------------------------- */

/* Replies are in order: false: those of earlier PUBLISHes have to be waited for. */
static bool has_replied(struct client *client)
{
	if (client->waiting)
		worker_flush(client->conn.worker);
	return !client->waiting;
}

static void execute(struct client *client, const struct command *command,
		    const struct request *request)
{
	if (client->reply == CLIENT_REPLY_SKIP_NEXT)
		client->reply = CLIENT_REPLY_SKIP;
	else if (client->reply == CLIENT_REPLY_SKIP)
		client->reply = CLIENT_REPLY_ON;
	if (command) {
		client->command = command;
		command->run(request);
	}
	end_reply(client);
	if (client->quits)
		conn_close(&client->conn);
}

/*
 * PUBLISH is answered when the batch is published: nothing else may be written
 * for it, so a name whose topic may be too long, or is empty, goes alone.
 */
static bool joins_batch(const struct command *command, const struct request *request)
{
	return command && command->flags & COMMAND_BATCHED && request->argv[1].len &&
	       request->argv[1].len <= NAME_TOPIC_MAX / 3;
}

/* Return: false if it must be tried again later. */
static bool run_request(struct client *client)
{
	struct respd *respd = respd_of(client);
	struct request request = {
		.client = client, .argv = client->parser.argv, .argc = client->parser.argc,
		.out = begin_reply(client),
	};
	const struct command *command;

	if (!request.argc)
		return true;
	command = command_of(&request);
	if (!joins_batch(command, &request)) {
		if (!has_replied(client))
			return false;
		if (command && command->flags & COMMAND_SETTLES)
			worker_settle(client->conn.worker);
		/* Both may have used the buffer. */
		begin_reply(client);
		command = command_of(&request);
	}
	respd->commands++;
	execute(client, command, &request);
	return true;
}

static ssize_t refuse(struct client *client, const uint8_t *data, size_t len)
{
	struct respd *respd = respd_of(client);
	char sample[64];

	log_limited(&respd->malformed, LOG_LEVEL_WARNING, "%s: closed: protocol error: %s (in '%s')",
		    client->conn.peer, client->parser.error,
		    log_quote(sample, sizeof(sample), data, len));
	resp_put_error(begin_reply(client), "ERR Protocol error: %s", client->parser.error);
	client_push(client);
	return -EPROTO;
}

static ssize_t input(struct conn *conn, const uint8_t *data, size_t len)
{
	struct client *client = client_of(conn);
	ssize_t taken;

	switch (resp_parse(&client->parser, (const char *)data, len)) {
	case RESP_MORE:
		return 0;
	case RESP_BAD:
		return has_replied(client) ? refuse(client, data, len) : 0;
	case RESP_REQUEST:
		break;
	}
	if (!run_request(client))
		return 0;
	taken = (ssize_t)client->parser.size;
	resp_parser_next(&client->parser);
	return taken;
}

const struct protocol respd_protocol = {
	.name = "resp",
	.conn_size = sizeof(struct client),
	.opened = opened,
	.input = input,
	.published = published,
	.record = respd_deliver,
	.closed = closed,
	.freed = freed,
};
