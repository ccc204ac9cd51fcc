// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* CLIENT and its subcommands */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "respd.h"

bool client_name_valid(const struct resp_arg *word)
{
	for (uint32_t i = 0; i < word->len; i++)
		if (word->data[i] < '!' || word->data[i] > '~')
			return false;
	return true;
}

static void set_text(const struct request *request, char **text, const struct resp_arg *word,
		     const char *what)
{
	if (!client_name_valid(word))
		resp_put_error(request->out,
			       "ERR %s cannot contain spaces, newlines or special characters.",
			       what);
	else if (client_set_text(text, word))
		resp_put_simple(request->out, "OK");
	else
		request->out->failed = true;
}

void command_client_getname(const struct request *request)
{
	if (request->client->name)
		resp_put_text(request->out, request->client->name);
	else
		resp_put_null(request->out);
}

void command_client_setname(const struct request *request)
{
	set_text(request, &request->client->name, &request->argv[2], "Client names");
}

void command_client_setinfo(const struct request *request)
{
	struct client *client = request->client;
	const struct resp_arg *word = &request->argv[2];

	if (word_is(word, "lib-name"))
		set_text(request, &client->lib_name, &request->argv[3], "lib-name");
	else if (word_is(word, "lib-ver"))
		set_text(request, &client->lib_version, &request->argv[3], "lib-ver");
	else
		resp_put_error(request->out, "ERR Unrecognized option '%.*s'",
			       (int)(word->len < 128 ? word->len : 128), word->data);
}

void command_client_id(const struct request *request)
{
	resp_put_integer(request->out, (int64_t)request->client->id);
}

void command_client_no_evict(const struct request *request)
{
	bool on = word_is(&request->argv[2], "on");

	if (!on && !word_is(&request->argv[2], "off")) {
		resp_put_error(request->out, "ERR syntax error");
		return;
	}
	request->client->no_evict = on;
	resp_put_simple(request->out, "OK");
}

void command_client_reply(const struct request *request)
{
	struct client *client = request->client;
	const struct resp_arg *word = &request->argv[2];

	if (word_is(word, "on")) {
		client->reply = CLIENT_REPLY_ON;
		resp_put_simple(request->out, "OK");
	} else if (word_is(word, "off")) {
		client->reply = CLIENT_REPLY_OFF;
	} else if (word_is(word, "skip")) {
		if (client->reply != CLIENT_REPLY_OFF)
			client->reply = CLIENT_REPLY_SKIP_NEXT;
	} else {
		resp_put_error(request->out, "ERR syntax error");
	}
}

/* ---- INFO and LIST ----------------------------------------------------- */

static const char *text_or_none(const char *text)
{
	return text ? text : "";
}

/* A line of "name=value" words; addresses have no spaces here. */
static void put_client(struct resp_out *line, const struct client *client)
{
	const struct conn *conn = &client->conn;
	uint64_t now = loop_now(&conn->worker->loop);
	char text[512], peer[CONN_PEER_MAX];
	char flags[4] = "";
	size_t len = strlen(conn->peer);
	int used;

	for (size_t i = 0; i <= len; i++)
		peer[i] = conn->peer[i] == ' ' ? '=' : conn->peer[i];
	strcat(flags, client_is_subscriber(client) ? "P" : "");
	strcat(flags, conn->local_uid >= 0 ? "U" : "");
	strcat(flags, client->no_evict ? "e" : "");
	used = snprintf(text, sizeof(text),
			"id=%" PRIu64 " addr=%s laddr= fd=%d name=%.64s age=%" PRIu64
			" idle=%" PRIu64 " flags=%s db=0 sub=%" PRIu32 " psub=%" PRIu32
			" ssub=0 multi=-1 qbuf=%zu oll=%" PRIu32 " omem=%zu cmd=%s user=default redir=-1 resp=%d lib-name=%.64s lib-ver=%.64s\n",
			client->id, peer, conn->fd, text_or_none(client->name),
			(now - client->since) / 1000, (now - conn->heard) / 1000,
			flags[0] ? flags : "N", client->subscriptions.channels,
			client->subscriptions.patterns, conn->input.used, conn->output.count,
			conn_queued(conn), client->command ? client->command->name : "NULL",
			client->version, text_or_none(client->lib_name),
			text_or_none(client->lib_version));
	resp_put_raw(line, text, (size_t)used < sizeof(text) ? (size_t)used : sizeof(text) - 1);
}

static void put_lines(const struct request *request, struct resp_out *lines)
{
	request->out->failed |= lines->failed;
	resp_put_verbatim(request->out, lines->data, lines->len);
	resp_out_free(lines);
}

void command_client_info(const struct request *request)
{
	struct resp_out lines = { 0 };

	put_client(&lines, request->client);
	put_lines(request, &lines);
}

/**
 * struct list_filter - what CLIENT LIST was asked for
 * @type: word behind TYPE, or NULL
 * @ids: words behind ID
 * @id_count: how many
 */
struct list_filter {
	const struct resp_arg *type;
	const struct resp_arg *ids;
	uint32_t id_count;
};

static bool parse_list(const struct request *request, struct list_filter *filter)
{
	const struct resp_arg *word = &request->argv[2];
	int64_t id;

	if (request->argc == 2)
		return true;
	if (request->argc == 4 && word_is(word, "type")) {
		filter->type = word + 1;
		if (word_is(word + 1, "normal") || word_is(word + 1, "pubsub") ||
		    word_is(word + 1, "master") || word_is(word + 1, "replica"))
			return true;
		resp_put_error(request->out, "ERR Unknown client type '%.*s'",
			       (int)(word[1].len < 128 ? word[1].len : 128), word[1].data);
		return false;
	}
	if (request->argc < 4 || !word_is(word, "id")) {
		resp_put_error(request->out, "ERR syntax error");
		return false;
	}
	filter->ids = word + 1;
	filter->id_count = request->argc - 3;
	for (uint32_t i = 0; i < filter->id_count; i++) {
		if (!resp_integer(filter->ids[i].data, filter->ids[i].len, &id)) {
			resp_put_error(request->out, "ERR Invalid client ID");
			return false;
		}
	}
	return true;
}

static bool is_listed(const struct client *client, const struct list_filter *filter)
{
	int64_t id;

	if (filter->type)
		return word_is(filter->type, client_is_subscriber(client) ? "pubsub" : "normal");
	for (uint32_t i = 0; i < filter->id_count; i++)
		if (resp_integer(filter->ids[i].data, filter->ids[i].len, &id) &&
		    (uint64_t)id == client->id)
			return true;
	return !filter->ids;
}

void command_client_list(const struct request *request)
{
	struct list_filter filter = { 0 };
	struct resp_out lines = { 0 };
	struct conn *conn;

	if (!parse_list(request, &filter))
		return;
	for (conn = request->client->conn.worker->connections; conn; conn = conn->next)
		if (conn->state == CONN_OPEN && is_listed(client_of(conn), &filter))
			put_client(&lines, client_of(conn));
	put_lines(request, &lines);
}
