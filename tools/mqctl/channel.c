// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <string.h>

#include "explain.h"
#include "nodes.h"
#include "options.h"
#include "show.h"

/* More than a channel takes: the kernel says so. */
#define CLAIMS_MAX 64

enum {
	OPTION_SLOTS = 256, OPTION_BYTES, OPTION_MAX_RECORD, OPTION_OVERFLOW,
	OPTION_OWNER, OPTION_GROUP, OPTION_MODE, OPTION_FIRST, OPTION_RETAINED,
	OPTION_RETAINED_BYTES, OPTION_IF_MISSING, OPTION_NO_TOPICS, OPTION_EVICT_AFTER,
	OPTION_HOLD,
};

static const struct option_def create_options[] = {
	{ 't', "topics", "FILTER[,...]", "claim the topics that match; may be repeated" },
	{ OPTION_SLOTS, "slots", "N", "records in the ring, a power of two (4096)" },
	{ OPTION_BYTES, "bytes", "SIZE", "room for larger payloads, a power of two (4M)" },
	{ OPTION_MAX_RECORD, "max-record", "SIZE", "largest message (64K)" },
	{ OPTION_OVERFLOW, "overflow", "POLICY",
	  "drop-oldest (default); reject or block: what holders have not read stays" },
	{ OPTION_EVICT_AFTER, "evict-after", "MS",
	  "who holds a message older than that loses the right to (never)" },
	{ OPTION_HOLD, "hold", "WHO", "who may hold: writers of the node (default) or readers" },
	{ OPTION_OWNER, "owner", "USER[:GROUP]", "owner of the node (root)" },
	{ OPTION_GROUP, "group", "GROUP", "group of the node (root)" },
	{ OPTION_MODE, "mode", "MODE", "mode of the node (0600; 0660 when a group is named)" },
	{ OPTION_FIRST, "first", "SEQUENCE", "sequence of the first record (1)" },
	{ OPTION_RETAINED, "retained", "N", "most retained values (65536)" },
	{ OPTION_RETAINED_BYTES, "retained-bytes", "SIZE", "most bytes they take (16M)" },
	{ OPTION_IF_MISSING, "if-missing", NULL, "succeed if there is a channel NAME already" },
	{ 0 }
};

static const struct option_def set_options[] = {
	{ 't', "topics", "FILTER[,...]", "claim these topics and no others; may be repeated" },
	{ OPTION_NO_TOPICS, "no-topics", NULL, "claim nothing but the channel's own name" },
	{ OPTION_RETAINED, "retained", "N", "most retained values" },
	{ OPTION_RETAINED_BYTES, "retained-bytes", "SIZE", "most bytes they take" },
	{ OPTION_EVICT_AFTER, "evict-after", "MS",
	  "who holds a message older than that loses the right to; 0: never" },
	{ OPTION_HOLD, "hold", "WHO", "who may hold from now on: writers or readers" },
	{ 0 }
};

/* What the options of create and set say. */
struct settings {
	struct libmq_channel_opts opts;
	const char *claims[CLAIMS_MAX];
	bool group_named, if_missing, any;
};

/* ---- options --------------------------------------------------------- */

/* Splits the value at commas. */
static void read_topics(struct command_line *line, struct settings *settings)
{
	char *text = strdup(line->value), *filter;

	if (!text)
		usage_error(line, "out of memory");
	while ((filter = strsep(&text, ","))) {
		if (!libmq_filter_valid(filter, strlen(filter)))
			usage_error(line, "--topics: '%s' is not a topic filter: '+' stands for a "
				    "whole level, '#' for all at the end", filter);
		if (settings->opts.claims_count == CLAIMS_MAX)
			usage_error(line, "--topics: more than %d", CLAIMS_MAX);
		settings->claims[settings->opts.claims_count++] = filter;
	}
	settings->opts.claims = settings->claims;
}

static uint64_t power_of_two(struct command_line *line, const char *name, uint64_t number)
{
	uint64_t power = 1;

	while (power < number)
		power <<= 1;
	if (power != number)
		usage_error(line, "--%s %s is not a power of two: %llu is", name, line->value,
			    (unsigned long long)power);
	return number;
}

/* Which of @count words the value is; @all names them for people. */
static unsigned int read_word(struct command_line *line, const char *name,
			      const char *const *words, unsigned int count, const char *all)
{
	const char *near;
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!strcmp(line->value, words[i]))
			return i;
	near = closest(line->value, words, count, sizeof(*words));
	usage_error(line, "--%s %s: %s%s%s", name, line->value, near ? "did you mean " : "",
		    near ? near : all, near ? "?" : "");
}

static void read_hold_option(struct command_line *line, struct settings *settings, int id)
{
	static const char *const policies[] = { "drop-oldest", "reject", "block" };
	static const char *const who[] = { "writers", "readers" };
	struct libmq_channel_opts *opts = &settings->opts;

	switch (id) {
	case OPTION_OVERFLOW:
		opts->overflow = LIBMQ_DROP_OLDEST +
				 read_word(line, "overflow", policies, ARRAY_SIZE(policies),
					   "it is drop-oldest, reject or block");
		break;
	case OPTION_HOLD:
		opts->hold = LIBMQ_HOLD_WRITERS + read_word(line, "hold", who, ARRAY_SIZE(who),
							    "it is writers or readers");
		break;
	case OPTION_EVICT_AFTER:
		opts->evict_after = (uint32_t)value_number(line, "evict-after", 0, 3600000);
		opts->evict_never = !opts->evict_after;
		break;
	}
}

static void read_node_option(struct command_line *line, struct settings *settings, int id)
{
	struct libmq_channel_opts *opts = &settings->opts;

	switch (id) {
	case OPTION_OWNER:
		value_owner(line, "owner", &opts->uid, &opts->gid);
		settings->group_named |= !!strchr(line->value, ':');
		break;
	case OPTION_GROUP:
		opts->gid = value_group(line, "group");
		settings->group_named = true;
		break;
	case OPTION_MODE:
		opts->mode = value_mode(line, "mode");
		break;
	}
}

static void read_option(struct command_line *line, struct settings *settings, int id)
{
	struct libmq_channel_opts *opts = &settings->opts;

	settings->any = true;
	switch (id) {
	case 't':
		read_topics(line, settings);
		break;
	case OPTION_NO_TOPICS:
		opts->claims_none = true;
		break;
	case OPTION_SLOTS:
		opts->slots = (uint32_t)power_of_two(line, "slots",
						     value_size(line, "slots", 1U << 31));
		break;
	case OPTION_BYTES:
		opts->bytes = power_of_two(line, "bytes", value_size(line, "bytes", 1ULL << 40));
		break;
	case OPTION_MAX_RECORD:
		opts->max_record = (uint32_t)value_size(line, "max-record", 1U << 31);
		break;
	case OPTION_OVERFLOW:
	case OPTION_HOLD:
	case OPTION_EVICT_AFTER:
		read_hold_option(line, settings, id);
		break;
	case OPTION_FIRST:
		opts->first = value_number(line, "first", 1, 1ULL << 62);
		break;
	case OPTION_RETAINED:
		opts->retained_max = (uint32_t)value_number(line, "retained", 1, UINT32_MAX);
		break;
	case OPTION_RETAINED_BYTES:
		opts->retained_bytes_max = value_size(line, "retained-bytes", 1ULL << 40);
		break;
	case OPTION_IF_MISSING:
		settings->if_missing = true;
		break;
	default:
		read_node_option(line, settings, id);
	}
}

static void read_settings(struct command_line *line, struct settings *settings)
{
	int id;

	memset(settings, 0, sizeof(*settings));
	settings->opts.size = sizeof(settings->opts);
	while ((id = options_next(line)) >= 0)
		read_option(line, settings, id);
	if (settings->opts.claims_none && settings->opts.claims_count)
		usage_error(line, "either --topics or --no-topics");
	if (settings->group_named && !settings->opts.mode)
		settings->opts.mode = 0660;
}

/* ---- verbs ----------------------------------------------------------- */

static int create_run(struct command_line *line)
{
	struct libmq_admin *admin;
	struct settings settings;
	struct node node;
	const char *name;
	int error;

	read_settings(line, &settings);
	name = line->operands[0];
	error = libmq_admin_open(&admin);
	if (error)
		return explain_admin(NULL, error, "create a channel", NULL);
	error = libmq_admin_create(admin, name, &settings.opts);
	if (error == -EEXIST && settings.if_missing && node_stat(&node, name))
		error = 0;
	if (error)
		explain_admin(admin, error, "create a channel", name);
	libmq_admin_close(admin);
	return error ? STATUS_FAILED : STATUS_OK;
}

static int set_run(struct command_line *line)
{
	struct libmq_admin *admin;
	struct settings settings;
	int error;

	read_settings(line, &settings);
	if (!settings.any)
		usage_error(line, "nothing to set");
	error = libmq_admin_open(&admin);
	if (error)
		return explain_admin(NULL, error, "change a channel", NULL);
	error = libmq_admin_set(admin, line->operands[0], &settings.opts);
	if (error)
		explain_admin(admin, error, "change a channel", line->operands[0]);
	libmq_admin_close(admin);
	return error ? STATUS_FAILED : STATUS_OK;
}

/* Does one thing to each channel that is named; goes on after a failure. */
static int each_name(struct command_line *line, const char *what,
		     int (*act)(struct libmq_admin *admin, const char *name))
{
	int status = STATUS_OK, error, i;
	struct libmq_admin *admin;

	while (options_next(line) >= 0)
		;
	error = libmq_admin_open(&admin);
	if (error)
		return explain_admin(NULL, error, what, NULL);
	for (i = 0; i < line->operand_count; i++) {
		error = act(admin, line->operands[i]);
		if (error)
			status = explain_admin(admin, error, what, line->operands[i]);
	}
	libmq_admin_close(admin);
	return status;
}

static int delete_run(struct command_line *line)
{
	return each_name(line, "delete a channel", libmq_admin_delete);
}

static int purge_run(struct command_line *line)
{
	return each_name(line, "purge a channel", libmq_admin_purge);
}

static const struct verb channel_verbs[] = {
	{
		.name = "create",
		.operands = "NAME",
		.summary = "make a channel",
		.options = create_options,
		.operands_min = 1,
		.operands_max = 1,
		.run = create_run,
	}, {
		.name = "delete",
		.operands = "NAME...",
		.summary = "delete channels; who uses one is told",
		.operands_min = 1,
		.operands_max = -1,
		.run = delete_run,
	}, {
		.name = "list",
		.summary = "one line per channel",
		.run = list_run,
	}, {
		.name = "show",
		.operands = "NAME...",
		.summary = "everything about channels",
		.operands_min = 1,
		.operands_max = -1,
		.run = show_run,
	}, {
		.name = "set",
		.operands = "NAME",
		.summary = "change the claims or the limits of a live channel",
		.options = set_options,
		.operands_min = 1,
		.operands_max = 1,
		.run = set_run,
	}, {
		.name = "purge",
		.operands = "NAME...",
		.summary = "drop and zero all records and retained values",
		.operands_min = 1,
		.operands_max = -1,
		.run = purge_run,
	},
};

const struct noun channel_noun = {
	.name = "channel",
	.summary = "create, delete, look at and change channels",
	.verbs = channel_verbs,
	.count = ARRAY_SIZE(channel_verbs),
};
