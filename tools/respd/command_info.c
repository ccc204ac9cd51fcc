// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* COMMAND and HELP: what clients are told about the table of commands. */
#include <stdio.h>
#include <string.h>

#include "glob.h"
#include "respd.h"

static const char *const flag_names[] = {
	"admin", "pubsub", "noscript", "loading", "stale", "fast", "no_auth", "allow_busy",
};

#define FLAG_NAMES (sizeof(flag_names) / sizeof(flag_names[0]))

static const char *const group_names[] = {
	[COMMAND_CONNECTION] = "connection",
	[COMMAND_MESSAGING] = "pubsub",
	[COMMAND_SERVER] = "server",
};

static size_t count_commands(const struct command *list)
{
	size_t count = 0;

	while (list && list[count].name)
		count++;
	return count;
}

/* ---- INFO -------------------------------------------------------------- */

static void put_flags(struct resp_out *out, unsigned int flags)
{
	resp_put_set(out, (size_t)__builtin_popcount(flags & COMMAND_SHOWN));
	for (size_t i = 0; i < FLAG_NAMES; i++)
		if (flags & 1U << i)
			resp_put_simple(out, flag_names[i]);
}

/* Categories of access control lists, as far as they follow from the rest. */
static void put_categories(struct resp_out *out, const struct command *command)
{
	const char *names[5];
	size_t count = 0;

	if (command->flags & COMMAND_PUBSUB)
		names[count++] = "@pubsub";
	if (command->flags & COMMAND_ADMIN)
		names[count++] = "@admin";
	names[count++] = command->flags & COMMAND_FAST ? "@fast" : "@slow";
	if (command->flags & COMMAND_ADMIN)
		names[count++] = "@dangerous";
	if (command->group == COMMAND_CONNECTION)
		names[count++] = "@connection";
	resp_put_set(out, count);
	for (size_t i = 0; i < count; i++)
		resp_put_simple(out, names[i]);
}

/* No command has keys. Subcommands have no subcommands: the depth is two. */
static void put_entry(struct resp_out *out, const struct command *command)
{
	resp_put_array(out, 10);
	resp_put_text(out, command->name);
	resp_put_integer(out, command->arity);
	put_flags(out, command->flags);
	resp_put_integer(out, 0);
	resp_put_integer(out, 0);
	resp_put_integer(out, 0);
	put_categories(out, command);
	resp_put_set(out, 0);
	resp_put_set(out, 0);
}

static void put_info(struct resp_out *out, const struct command *command)
{
	const struct command *sub = command->sub;

	put_entry(out, command);
	resp_put_set(out, count_commands(sub));
	for (; sub && sub->name; sub++) {
		put_entry(out, sub);
		resp_put_set(out, 0);
	}
}

void command_command(const struct request *request)
{
	resp_put_array(request->out, count_commands(commands));
	for (const struct command *at = commands; at->name; at++)
		put_info(request->out, at);
}

void command_command_info(const struct request *request)
{
	if (request->argc == 2) {
		command_command(request);
		return;
	}
	resp_put_array(request->out, request->argc - 2);
	for (uint32_t i = 2; i < request->argc; i++) {
		const struct command *command = command_find_full(&request->argv[i]);

		if (command)
			put_info(request->out, command);
		else if (request->out->version < 3)
			resp_put_raw(request->out, "*-1\r\n", 5);
		else
			resp_put_null(request->out);
	}
}

void command_command_count(const struct request *request)
{
	resp_put_integer(request->out, (int64_t)count_commands(commands));
}

void command_command_list(const struct request *request)
{
	const struct resp_arg *pattern = NULL;
	size_t count = 0;

	if (request->argc == 5 && word_is(&request->argv[2], "filterby") &&
	    word_is(&request->argv[3], "pattern")) {
		pattern = &request->argv[4];
	} else if (request->argc != 2) {
		resp_put_error(request->out, "ERR syntax error");
		return;
	}
	for (int put = 0; put < 2; put++) {
		if (put && pattern)
			resp_put_array(request->out, count);
		else if (put)
			resp_put_set(request->out, count);
		for (const struct command *at = commands; at->name; at++) {
			if (pattern && !glob_match(pattern->data, pattern->len, at->name,
						   strlen(at->name)))
				continue;
			if (put)
				resp_put_text(request->out, at->name);
			else
				count++;
		}
	}
}

/* ---- DOCS -------------------------------------------------------------- */

static void put_pair(struct resp_out *out, const char *name, const char *value)
{
	resp_put_text(out, name);
	resp_put_text(out, value);
}

static void put_doc(struct resp_out *out, const struct command *command)
{
	resp_put_text(out, command->name);
	resp_put_map(out, command->sub ? 4 : 3);
	put_pair(out, "summary", command->summary);
	put_pair(out, "since", command->since);
	put_pair(out, "group", group_names[command->group]);
	if (!command->sub)
		return;
	resp_put_text(out, "subcommands");
	resp_put_map(out, count_commands(command->sub));
	for (const struct command *at = command->sub; at->name; at++) {
		resp_put_text(out, at->name);
		resp_put_map(out, 3);
		put_pair(out, "summary", at->summary);
		put_pair(out, "since", at->since);
		put_pair(out, "group", group_names[at->group]);
	}
}

/* Unlike INFO, DOCS leaves out what it does not know. */
void command_command_docs(const struct request *request)
{
	size_t count = 0;

	if (request->argc == 2) {
		resp_put_map(request->out, count_commands(commands));
		for (const struct command *at = commands; at->name; at++)
			put_doc(request->out, at);
		return;
	}
	for (uint32_t i = 2; i < request->argc; i++)
		count += !!command_find_full(&request->argv[i]);
	resp_put_map(request->out, count);
	for (uint32_t i = 2; i < request->argc; i++) {
		const struct command *command = command_find_full(&request->argv[i]);

		if (command)
			put_doc(request->out, command);
	}
}

/* ---- HELP -------------------------------------------------------------- */

static void put_help(struct resp_out *out, const struct command *command)
{
	const char *own = command_own_name(command);
	char line[512];
	size_t i;

	snprintf(line, sizeof(line), "%s%s%s", own, command->usage[0] ? " " : "",
		 command->usage);
	for (i = 0; i < strlen(own); i++)
		if (line[i] >= 'a' && line[i] <= 'z')
			line[i] = (char)(line[i] - 0x20);
	resp_put_simple(out, line);
	snprintf(line, sizeof(line), "    %s", command->summary);
	resp_put_simple(out, line);
}

void command_help(const struct request *request)
{
	const struct command *command = command_find(commands, &request->argv[0]);
	char line[128];

	resp_put_array(request->out, 1 + 2 * count_commands(command->sub));
	snprintf(line, sizeof(line),
		 "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", command->name);
	for (size_t i = 0; command->name[i]; i++)
		line[i] = (char)(line[i] - 0x20);
	resp_put_simple(request->out, line);
	for (const struct command *at = command->sub; at->name; at++)
		put_help(request->out, at);
}
