/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Commands
 *
 * One table of commands, one function per command, all of one shape. What can
 * be known from the table is checked and answered in command.c: unknown names,
 * wrong numbers of words, commands that a RESP2 subscriber may not use, HELP
 * of the commands that have subcommands, and all of COMMAND's answers. A new
 * command is a function in commands_*.c, a declaration below and a line in
 * the table.
 */
#ifndef RESPD_COMMAND_H
#define RESPD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resp_codec.h"

struct client;
struct command;

/**
 * struct request - a command to be executed
 * @client: who asks
 * @argv: words, the command's own first
 * @argc: how many
 * @out: where the reply goes
 */
struct request {
	struct client *client;
	const struct resp_arg *argv;
	uint32_t argc;
	struct resp_out *out;
};

/* The names that COMMAND INFO uses for these are in command_info.c. */
enum command_flags {
	COMMAND_ADMIN		= 1 << 0,
	COMMAND_PUBSUB		= 1 << 1,
	COMMAND_NOSCRIPT	= 1 << 2,
	COMMAND_LOADING		= 1 << 3,
	COMMAND_STALE		= 1 << 4,
	COMMAND_FAST		= 1 << 5,
	COMMAND_NO_AUTH		= 1 << 6,
	COMMAND_ALLOW_BUSY	= 1 << 7,
	COMMAND_SHOWN		= (1 << 8) - 1,
	/* The rest is not shown to clients. */
	COMMAND_SUBSCRIBER	= 1 << 8,	/* a RESP2 subscriber may use it */
	COMMAND_BATCHED		= 1 << 9,	/* PUBLISH: answered with the whole batch */
	COMMAND_SETTLES		= 1 << 10,	/* what was published before is delivered first */
};

enum command_group {
	COMMAND_CONNECTION,
	COMMAND_MESSAGING,
	COMMAND_SERVER,
};

typedef void (*command_fn)(const struct request *request);

/**
 * struct command - a command or subcommand
 * @name: in lower case, as COMMAND shows it; a subcommand: "client|id"
 * @arity: number of words, the command itself (and subcommand) included;
 *	negative: at least so many
 * @flags: enum command_flags
 * @group: for COMMAND DOCS
 * @since: version of Redis that has it
 * @run: does it; NULL: only with a subcommand
 * @usage: what HELP shows behind the name, or ""
 * @summary: one sentence, for HELP and COMMAND DOCS
 * @sub: its subcommands, ended by one without a name; or NULL
 */
struct command {
	const char *name;
	int arity;
	unsigned int flags;
	enum command_group group;
	const char *since;
	command_fn run;
	const char *usage;
	const char *summary;
	const struct command *sub;
};

/* All commands, ended by one without a name. */
extern const struct command commands[];

static inline bool command_counts(const struct command *command, uint32_t argc)
{
	return command->arity < 0 ? argc >= (uint32_t)-command->arity :
				    argc == (uint32_t)command->arity;
}

/* Subcommands: the part of the name behind '|'. */
const char *command_own_name(const struct command *command);
/* By name, in any case, without subcommands; NULL: none. */
const struct command *command_find(const struct command *list, const struct resp_arg *word);
/* By name or "name|subcommand". */
const struct command *command_find_full(const struct resp_arg *word);
/*
 * The command that a request asks for. NULL: refused, and the error was
 * written.
 */
const struct command *command_of(const struct request *request);

/* Whether a word is this one, in any case. */
bool word_is(const struct resp_arg *word, const char *text);
/* The word as a number; else the error is written and false returned. */
bool word_integer(const struct request *request, uint32_t index, int64_t *value);

/* commands_connection.c */
void command_auth(const struct request *request);
void command_echo(const struct request *request);
void command_hello(const struct request *request);
void command_ping(const struct request *request);
void command_quit(const struct request *request);
void command_reset(const struct request *request);
void command_select(const struct request *request);

/* commands_client.c */
void command_client_getname(const struct request *request);
void command_client_id(const struct request *request);
void command_client_info(const struct request *request);
void command_client_list(const struct request *request);
void command_client_no_evict(const struct request *request);
void command_client_reply(const struct request *request);
void command_client_setinfo(const struct request *request);
void command_client_setname(const struct request *request);

/* commands_pubsub.c */
void command_publish(const struct request *request);
void command_subscribe(const struct request *request);
void command_psubscribe(const struct request *request);
void command_unsubscribe(const struct request *request);
void command_punsubscribe(const struct request *request);
void command_pubsub_channels(const struct request *request);
void command_pubsub_numpat(const struct request *request);
void command_pubsub_numsub(const struct request *request);

/* commands_server.c */
void command_config_get(const struct request *request);
void command_config_set(const struct request *request);
void command_info(const struct request *request);

/* command_info.c */
void command_command(const struct request *request);
void command_command_count(const struct request *request);
void command_command_docs(const struct request *request);
void command_command_info(const struct request *request);
void command_command_list(const struct request *request);
/* HELP of whatever command it is the subcommand of. */
void command_help(const struct request *request);

#endif /* RESPD_COMMAND_H */
