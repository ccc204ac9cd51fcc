// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The table of commands, and what is checked before one is run. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "respd.h"

#define ANY		(COMMAND_LOADING | COMMAND_STALE)
#define CLIENT_FLAGS	(ANY | COMMAND_NOSCRIPT)
#define HELP(of)	{ of "|help", 2, ANY, COMMAND_CONNECTION, "5.0.0", command_help, \
			  "", "Prints this help.", NULL }

static const struct command client_commands[] = {
	{ "client|getname", 2, CLIENT_FLAGS, COMMAND_CONNECTION, "2.6.9", command_client_getname,
	  "", "Return the name of the current connection.", NULL },
	{ "client|id", 2, CLIENT_FLAGS, COMMAND_CONNECTION, "5.0.0", command_client_id,
	  "", "Return the ID of the current connection.", NULL },
	{ "client|info", 2, CLIENT_FLAGS, COMMAND_CONNECTION, "6.2.0", command_client_info,
	  "", "Return information about the current client connection.", NULL },
	{ "client|list", -2, CLIENT_FLAGS | COMMAND_ADMIN, COMMAND_CONNECTION, "2.4.0",
	  command_client_list, "[TYPE NORMAL|PUBSUB] [ID <id> ...]",
	  "Return information about client connections.", NULL },
	{ "client|no-evict", 3, CLIENT_FLAGS | COMMAND_ADMIN, COMMAND_CONNECTION, "7.0.0",
	  command_client_no_evict, "(ON|OFF)",
	  "Accepted and shown by LIST; clients are never evicted here.", NULL },
	{ "client|reply", 3, CLIENT_FLAGS, COMMAND_CONNECTION, "3.2.0", command_client_reply,
	  "(ON|OFF|SKIP)", "Control the replies sent to the current connection.", NULL },
	{ "client|setinfo", 4, CLIENT_FLAGS, COMMAND_CONNECTION, "7.2.0",
	  command_client_setinfo, "(LIB-NAME|LIB-VER) <text>",
	  "Say which client library the current connection uses.", NULL },
	{ "client|setname", 3, CLIENT_FLAGS, COMMAND_CONNECTION, "2.6.9",
	  command_client_setname, "<name>",
	  "Assign the name <name> to the current connection.", NULL },
	HELP("client"),
	{ 0 },
};

static const struct command command_commands[] = {
	{ "command|count", 2, ANY, COMMAND_SERVER, "2.8.13", command_command_count,
	  "", "Return the total number of commands.", NULL },
	{ "command|docs", -2, ANY, COMMAND_SERVER, "7.0.0", command_command_docs,
	  "[<command-name> ...]", "Return documentation details about commands.", NULL },
	{ "command|info", -2, ANY, COMMAND_SERVER, "2.8.13", command_command_info,
	  "[<command-name> ...]", "Return details about commands.", NULL },
	{ "command|list", -2, ANY, COMMAND_SERVER, "7.0.0", command_command_list,
	  "[FILTERBY PATTERN <pattern>]", "Return a list of all commands.", NULL },
	HELP("command"),
	{ 0 },
};

static const struct command config_commands[] = {
	{ "config|get", -3, CLIENT_FLAGS | COMMAND_ADMIN, COMMAND_SERVER, "2.0.0",
	  command_config_get, "<pattern> ...",
	  "Return parameters matching the glob-like <pattern> and their values.", NULL },
	{ "config|set", -4, CLIENT_FLAGS | COMMAND_ADMIN, COMMAND_SERVER, "2.0.0",
	  command_config_set, "<directive> <value>",
	  "Refused: the options of mq-respd are given when it starts.", NULL },
	HELP("config"),
	{ 0 },
};

static const struct command pubsub_commands[] = {
	{ "pubsub|channels", -2, ANY | COMMAND_PUBSUB, COMMAND_MESSAGING, "2.8.0",
	  command_pubsub_channels, "[<pattern>]",
	  "Return the currently active channels matching a <pattern> (default: '*').", NULL },
	{ "pubsub|numpat", 2, ANY | COMMAND_PUBSUB, COMMAND_MESSAGING, "2.8.0",
	  command_pubsub_numpat, "", "Return number of subscriptions to patterns.", NULL },
	{ "pubsub|numsub", -2, ANY | COMMAND_PUBSUB, COMMAND_MESSAGING, "2.8.0",
	  command_pubsub_numsub, "[<channel> ...]",
	  "Return the number of subscribers for the specified channels, excluding pattern subscriptions.",
	  NULL },
	HELP("pubsub"),
	{ 0 },
};

#define SUBSCRIBE_FLAGS	(CLIENT_FLAGS | COMMAND_PUBSUB | COMMAND_SUBSCRIBER | COMMAND_SETTLES)
#define AUTH_FLAGS	(CLIENT_FLAGS | COMMAND_FAST | COMMAND_NO_AUTH | COMMAND_ALLOW_BUSY)

const struct command commands[] = {
	{ "auth", -2, AUTH_FLAGS, COMMAND_CONNECTION, "1.0.0", command_auth,
	  "[<username>] <password>", "Authenticate to the server", NULL },
	{ "client", -2, 0, COMMAND_CONNECTION, "2.4.0", NULL, "",
	  "A container for client connection commands", client_commands },
	{ "command", -1, ANY, COMMAND_SERVER, "2.8.13", command_command, "",
	  "Get array of command details", command_commands },
	{ "config", -2, 0, COMMAND_SERVER, "2.0.0", NULL, "",
	  "A container for server configuration commands", config_commands },
	{ "echo", 2, ANY | COMMAND_FAST, COMMAND_CONNECTION, "1.0.0", command_echo, "<message>",
	  "Echo the given string", NULL },
	{ "hello", -1, AUTH_FLAGS, COMMAND_CONNECTION, "6.0.0", command_hello,
	  "[<protover> [AUTH <username> <password>] [SETNAME <clientname>]]",
	  "Handshake with the server", NULL },
	{ "info", -1, ANY, COMMAND_SERVER, "1.0.0", command_info, "[<section> ...]",
	  "Get information and statistics about the server", NULL },
	{ "ping", -1, COMMAND_FAST | COMMAND_SUBSCRIBER, COMMAND_CONNECTION, "1.0.0",
	  command_ping, "[<message>]", "Ping the server", NULL },
	{ "psubscribe", -2, SUBSCRIBE_FLAGS, COMMAND_MESSAGING, "2.0.0", command_psubscribe,
	  "<pattern> ...",
	  "Listen for messages published to channels matching the given patterns", NULL },
	{ "publish", 3, ANY | COMMAND_PUBSUB | COMMAND_FAST | COMMAND_BATCHED, COMMAND_MESSAGING,
	  "2.0.0", command_publish, "<channel> <message>", "Post a message to a channel", NULL },
	{ "pubsub", -2, 0, COMMAND_MESSAGING, "2.8.0", NULL, "",
	  "A container for Pub/Sub commands", pubsub_commands },
	{ "punsubscribe", -1, SUBSCRIBE_FLAGS, COMMAND_MESSAGING, "2.0.0", command_punsubscribe,
	  "[<pattern> ...]",
	  "Stop listening for messages posted to channels matching the given patterns", NULL },
	{ "quit", -1, AUTH_FLAGS | COMMAND_SUBSCRIBER, COMMAND_CONNECTION, "1.0.0",
	  command_quit, "", "Close the connection", NULL },
	{ "reset", 1, AUTH_FLAGS | COMMAND_SUBSCRIBER | COMMAND_SETTLES, COMMAND_CONNECTION, "6.2.0",
	  command_reset, "", "Reset the connection", NULL },
	{ "select", 2, ANY | COMMAND_FAST, COMMAND_CONNECTION, "1.0.0", command_select,
	  "<index>", "Change the selected database for the current connection", NULL },
	{ "subscribe", -2, SUBSCRIBE_FLAGS, COMMAND_MESSAGING, "2.0.0", command_subscribe,
	  "<channel> ...", "Listen for messages published to the given channels", NULL },
	{ "unsubscribe", -1, SUBSCRIBE_FLAGS, COMMAND_MESSAGING, "2.0.0", command_unsubscribe,
	  "[<channel> ...]", "Stop listening for messages posted to the given channels", NULL },
	{ 0 },
};

/* ---- words ------------------------------------------------------------- */

bool word_is(const struct resp_arg *word, const char *text)
{
	return word->len == strlen(text) && !strncasecmp(word->data, text, word->len);
}

bool word_integer(const struct request *request, uint32_t index, int64_t *value)
{
	const struct resp_arg *word = &request->argv[index];

	if (resp_integer(word->data, word->len, value))
		return true;
	resp_put_error(request->out, "ERR value is not an integer or out of range");
	return false;
}

/* ---- finding ----------------------------------------------------------- */

const char *command_own_name(const struct command *command)
{
	const char *bar = strchr(command->name, '|');

	return bar ? bar + 1 : command->name;
}

const struct command *command_find(const struct command *list, const struct resp_arg *word)
{
	for (; list && list->name; list++)
		if (word_is(word, command_own_name(list)))
			return list;
	return NULL;
}

const struct command *command_find_full(const struct resp_arg *word)
{
	const char *bar = memchr(word->data, '|', word->len);
	struct resp_arg first = *word;
	struct resp_arg second;
	const struct command *command;

	if (bar)
		first.len = (uint32_t)(bar - word->data);
	command = command_find(commands, &first);
	if (!bar || !command)
		return command;
	second.data = bar + 1;
	second.len = word->len - first.len - 1;
	return command_find(command->sub, &second);
}

/* ---- refusing ---------------------------------------------------------- */

/* Text of a word up to a NUL, as printf("%s") would take it, at most @max bytes. */
static int word_text(const struct resp_arg *word, size_t max)
{
	return (int)strnlen(word->data, word->len < max ? word->len : max);
}

static void refuse_unknown(const struct request *request)
{
	char list[256];
	size_t used = 0;

	list[0] = '\0';
	for (uint32_t i = 1; i < request->argc && used < 128; i++) {
		int len = word_text(&request->argv[i], 128 - used);

		used += (size_t)snprintf(list + used, sizeof(list) - used, "'%.*s' ", len,
					 request->argv[i].data);
	}
	resp_put_error(request->out, "ERR unknown command '%.*s', with args beginning with: %s",
		       word_text(&request->argv[0], 128), request->argv[0].data, list);
}

static void refuse_subcommand(const struct request *request, const struct command *command)
{
	char upper[32];
	size_t i;

	for (i = 0; command->name[i]; i++)
		upper[i] = (char)(command->name[i] & ~0x20);
	upper[i] = '\0';
	resp_put_error(request->out, "ERR unknown subcommand '%.*s'. Try %s HELP.",
		       word_text(&request->argv[1], 128), request->argv[1].data, upper);
}

static const struct command *find(const struct request *request)
{
	const struct command *command = command_find(commands, &request->argv[0]);
	const struct command *sub;

	if (!command) {
		refuse_unknown(request);
		return NULL;
	}
	if (!command->sub || request->argc < 2)
		return command;
	sub = command_find(command->sub, &request->argv[1]);
	if (!sub)
		refuse_subcommand(request, command);
	return sub;
}

const struct command *command_of(const struct request *request)
{
	const struct command *command = find(request);
	const struct client *client = request->client;

	if (!command)
		return NULL;
	if (!command->run || !command_counts(command, request->argc)) {
		resp_put_error(request->out, "ERR wrong number of arguments for '%s' command",
			       command->name);
		return NULL;
	}
	if (client->version == 2 && client_is_subscriber(client) &&
	    !(command->flags & COMMAND_SUBSCRIBER)) {
		resp_put_error(request->out,
			       "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
			       command->name);
		return NULL;
	}
	return command;
}
