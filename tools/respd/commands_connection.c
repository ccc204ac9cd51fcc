// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* AUTH, ECHO, HELLO, PING, QUIT, RESET, SELECT */
#include "respd.h"

/* There are no passwords: the one user there is, "default", needs none. */
static bool authenticate(const struct request *request, const struct resp_arg *user)
{
	if (word_is(user, "default"))
		return true;
	resp_put_error(request->out,
		       "WRONGPASS invalid username-password pair or user is disabled.");
	return false;
}

void command_auth(const struct request *request)
{
	if (request->argc > 3)
		resp_put_error(request->out, "ERR syntax error");
	else if (request->argc == 2)
		resp_put_error(request->out,
			       "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?");
	else if (authenticate(request, &request->argv[1]))
		resp_put_simple(request->out, "OK");
}

void command_echo(const struct request *request)
{
	resp_put_bulk(request->out, request->argv[1].data, request->argv[1].len);
}

void command_ping(const struct request *request)
{
	const struct client *client = request->client;
	struct resp_out *out = request->out;
	struct resp_arg word = { .data = "" };

	if (request->argc > 2) {
		resp_put_error(out, "ERR wrong number of arguments for 'ping' command");
		return;
	}
	if (request->argc == 2)
		word = request->argv[1];
	if (client->version == 2 && client_is_subscriber(client)) {
		resp_put_array(out, 2);
		resp_put_text(out, "pong");
		resp_put_bulk(out, word.data, word.len);
	} else if (request->argc == 2) {
		resp_put_bulk(out, word.data, word.len);
	} else {
		resp_put_simple(out, "PONG");
	}
}

void command_quit(const struct request *request)
{
	resp_put_simple(request->out, "OK");
	request->client->quits = true;
}

void command_reset(const struct request *request)
{
	struct client *client = request->client;

	subscription_remove_all(client);
	client_set_text(&client->name, NULL);
	client->version = 2;
	client->reply = CLIENT_REPLY_ON;
	client->no_evict = false;
	request->out->version = 2;
	resp_put_simple(request->out, "RESET");
}

void command_select(const struct request *request)
{
	int64_t index = 0;

	if (!word_integer(request, 1, &index))
		return;
	if (index)
		resp_put_error(request->out, "ERR DB index is out of range");
	else
		resp_put_simple(request->out, "OK");
}

/* ---- HELLO ------------------------------------------------------------- */

static bool hello_version(const struct request *request, int64_t *version)
{
	const struct resp_arg *word = &request->argv[1];

	if (!resp_integer(word->data, word->len, version)) {
		resp_put_error(request->out,
			       "ERR Protocol version is not an integer or out of range");
		return false;
	}
	if (*version != 2 && *version != 3) {
		resp_put_error(request->out, "NOPROTO unsupported protocol version");
		return false;
	}
	return true;
}

static bool hello_name(const struct request *request, const struct resp_arg *word)
{
	if (client_name_valid(word))
		return true;
	resp_put_error(request->out,
		       "ERR Client names cannot contain spaces, newlines or special characters.");
	return false;
}

/* Nothing takes effect unless all options are good. */
static bool hello_options(const struct request *request, const struct resp_arg **name)
{
	uint32_t i = 2;

	while (i < request->argc) {
		const struct resp_arg *word = &request->argv[i];
		uint32_t more = request->argc - i - 1;

		if (word_is(word, "auth") && more >= 2) {
			if (!authenticate(request, word + 1))
				return false;
			i += 3;
		} else if (word_is(word, "setname") && more >= 1) {
			if (!hello_name(request, word + 1))
				return false;
			*name = word + 1;
			i += 2;
		} else {
			resp_put_error(request->out, "ERR Syntax error in HELLO option '%.*s'",
				       (int)(word->len < 128 ? word->len : 128), word->data);
			return false;
		}
	}
	return true;
}

static void put_greeting(struct resp_out *out, const struct client *client)
{
	resp_put_map(out, 7);
	resp_put_text(out, "server");
	resp_put_text(out, "redis");
	resp_put_text(out, "version");
	resp_put_text(out, RESPD_REDIS_VERSION);
	resp_put_text(out, "proto");
	resp_put_integer(out, client->version);
	resp_put_text(out, "id");
	resp_put_integer(out, (int64_t)client->id);
	resp_put_text(out, "mode");
	resp_put_text(out, "standalone");
	resp_put_text(out, "role");
	resp_put_text(out, "master");
	resp_put_text(out, "modules");
	resp_put_array(out, 0);
}

void command_hello(const struct request *request)
{
	struct client *client = request->client;
	const struct resp_arg *name = NULL;
	int64_t version = client->version;

	if (request->argc > 1 && !hello_version(request, &version))
		return;
	if (!hello_options(request, &name))
		return;
	if (name && !client_set_text(&client->name, name)) {
		request->out->failed = true;
		return;
	}
	client->version = (int)version;
	request->out->version = client->version;
	put_greeting(request->out, client);
}
