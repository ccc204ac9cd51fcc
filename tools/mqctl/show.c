// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "explain.h"
#include "nodes.h"
#include "options.h"
#include "print.h"
#include "show.h"

/*
 * A channel as it is shown: owner, mode and minor come from @node, the rest
 * from @info; NULL: this user may not know.
 */
struct view {
	struct print *print;
	enum show_form form;
	const struct node *node;
	const struct libmq_channel_info *info;
	const uint64_t *memory;
};

/* ---- values ---------------------------------------------------------- */

/* What a value is called in each form; NULL: people don't see it there. */
struct title {
	const char *list, *details, *stats;
};

static const char *pick(const struct view *view, struct title title)
{
	switch (view->form) {
	case SHOW_LIST:
		return title.list;
	case SHOW_DETAILS:
		return title.details;
	default:
		return title.stats;
	}
}

static void number(const struct view *view, const char *key, struct title title, uint64_t value)
{
	if (view->info)
		print_number(view->print, key, pick(view, title), value);
	else
		print_none(view->print, key, pick(view, title));
}

static void size(const struct view *view, const char *key, struct title title, uint64_t value)
{
	if (view->info)
		print_size(view->print, key, pick(view, title), value);
	else
		print_none(view->print, key, pick(view, title));
}

static void text(const struct view *view, const char *key, struct title title, const char *value)
{
	if (view->info)
		print_string(view->print, key, pick(view, title), value);
	else
		print_none(view->print, key, pick(view, title));
}

static void show_owner(const struct view *view)
{
	const struct passwd *user = getpwuid(view->node->uid);
	const struct group *group = getgrgid(view->node->gid);
	char uid[16], gid[16], both[128];

	snprintf(uid, sizeof(uid), "%u", view->node->uid);
	snprintf(gid, sizeof(gid), "%u", view->node->gid);
	snprintf(both, sizeof(both), "%s:%s", user ? user->pw_name : uid,
		 group ? group->gr_name : gid);
	print_string(view->print, NULL, pick(view, (struct title){ "OWNER", "Owner", NULL }), both);
	print_string(view->print, "owner", NULL, user ? user->pw_name : uid);
	print_string(view->print, "group", NULL, group ? group->gr_name : gid);
	print_mode(view->print, "mode", pick(view, (struct title){ "MODE", "Mode", NULL }),
		   view->node->mode);
}

/* What was decided at creation. */
static void show_shape(const struct view *view, const struct libmq_channel_info *info)
{
	static const char *const policies[] = { "drop-oldest", "reject", "block" };

	number(view, "slots", (struct title){ "SLOTS", "Slots", NULL }, info->slots);
	size(view, "bytes", (struct title){ "BYTES", "Bytes", NULL }, info->bytes);
	size(view, "max_record", (struct title){ "LARGEST", "Largest message", NULL },
	     info->max_record);
	text(view, "overflow", (struct title){ "WHEN-FULL", "When full", NULL },
	     info->overflow < ARRAY_SIZE(policies) ? policies[info->overflow] : "unknown");
	number(view, "evict_after", (struct title){ NULL, "Evict after ms", NULL },
	       info->evict_after);
	text(view, "hold", (struct title){ NULL, "May hold", NULL },
	     info->hold == LIBMQ_HOLD_READERS ? "readers" : "writers");
	number(view, "first", (struct title){ NULL, "First sequence", NULL }, info->first);
}

static void show_ring(const struct view *view, const struct libmq_channel_info *info)
{
	number(view, "oldest", (struct title){ NULL, "Oldest sequence", NULL }, info->oldest);
	number(view, "head", (struct title){ NULL, "Next sequence", NULL }, info->head);
	number(view, "records", (struct title){ "RECORDS", "Records", "RECORDS" },
	       info->head - info->oldest);
	number(view, "published", (struct title){ NULL, "Published", "PUBLISHED" },
	       info->published);
	number(view, "refused", (struct title){ NULL, "Refused", "REFUSED" }, info->refused);
	number(view, "evicted", (struct title){ NULL, "Evicted", "EVICTED" }, info->evicted);
	number(view, "overwritten", (struct title){ NULL, "Overwritten", "OVERWRITTEN" },
	       info->overwritten);
	number(view, "node_passed", (struct title){ NULL, "Lost to node readers", "NODE-LOST" },
	       info->node_passed);
	number(view, "publishers", (struct title){ "PUBS", "Publishers", "PUBS" },
	       info->publishers);
	number(view, "subscriptions", (struct title){ "SUBS", "Subscriptions", "SUBS" },
	       info->subscriptions);
}

static void show_retained(const struct view *view, const struct libmq_channel_info *info)
{
	number(view, "retained", (struct title){ "RETAINED", "Retained values", "RETAINED" },
	       info->retained);
	number(view, "retained_max", (struct title){ NULL, "  at most", NULL },
	       info->retained_max);
	size(view, "retained_bytes", (struct title){ NULL, "Retained bytes", NULL },
	     info->retained_bytes);
	size(view, "retained_bytes_max", (struct title){ NULL, "  at most", NULL },
	     info->retained_bytes_max);
	number(view, "expired", (struct title){ NULL, "  expired", "EXPIRED" }, info->expired);
}

/* People see the total, and in detail which limits made it. */
static void show_refusals(const struct view *view, const struct libmq_channel_info *info)
{
	uint64_t total = 0;
	int limit;

	for (limit = 0; limit < LIBMQ_LIMITS; limit++)
		total += info->refusals[limit];
	number(view, NULL, (struct title){ NULL, "Refused by limits", "LIMITED" }, total);
	if (!view->info) {
		print_none(view->print, "refusals", NULL);
		return;
	}
	print_object(view->print, "refusals");
	for (limit = 0; limit < LIBMQ_LIMITS; limit++) {
		bool seen = view->form == SHOW_DETAILS && info->refusals[limit];
		const char *name = libmq_limit_name(limit);
		char title[32];

		snprintf(title, sizeof(title), "  %s", name);
		print_number(view->print, name, seen ? title : NULL, info->refusals[limit]);
	}
	print_end(view->print);
}

static void show_wills(const struct view *view, const struct libmq_channel_info *info)
{
	number(view, "wills", (struct title){ NULL, "Wills", "WILLS" }, info->wills);
	number(view, "wills_lost", (struct title){ NULL, "Wills lost", "WILLS-LOST" },
	       info->wills_lost);
}

static void show_identity(const struct view *view, const struct libmq_channel_info *info)
{
	const char *title = pick(view, (struct title){ NULL, "Memory", "MEMORY" });

	if (view->memory)
		print_size(view->print, "memory", title, *view->memory);
	else
		print_none(view->print, "memory", title);
	print_number(view->print, "minor", pick(view, (struct title){ NULL, "Minor", NULL }),
		     view->node->minor);
	number(view, "id", (struct title){ NULL, "Identity", NULL }, info->id);
	number(view, "generation", (struct title){ NULL, "Claims generation", NULL },
	       info->generation);
}

static void show_channel(struct view *view)
{
	static const struct libmq_channel_info unknown;
	const struct libmq_channel_info *info = view->info ? view->info : &unknown;
	const char *topics = pick(view, (struct title){ "TOPICS", "Topics", NULL });

	if (view->form == SHOW_DETAILS)
		print_object(view->print, NULL);
	else
		print_row(view->print);
	print_string(view->print, "name", pick(view, (struct title){ "NAME", "Name", "CHANNEL" }),
		     view->node->name);
	show_owner(view);
	show_shape(view, info);
	show_ring(view, info);
	show_retained(view, info);
	show_wills(view, info);
	show_refusals(view, info);
	show_identity(view, info);
	if (view->info)
		print_strings(view->print, "topics", topics, info->claims, info->claims_count);
	else
		print_none(view->print, "topics", topics);
	print_end(view->print);
}

/* ---- where from ------------------------------------------------------ */

/* libmq_channel_fn */
static int show_admin_channel(void *arg, const struct libmq_channel_stats *stats)
{
	struct view *view = arg;
	struct node node;

	/* The node may have been given to somebody else since. */
	if (!node_stat(&node, stats->info.name)) {
		memcpy(node.name, stats->info.name, sizeof(node.name));
		node.uid = stats->uid;
		node.gid = stats->gid;
		node.mode = stats->mode;
		node.minor = stats->minor;
	}
	view->node = &node;
	view->info = &stats->info;
	view->memory = &stats->memory;
	show_channel(view);
	return 0;
}

static int show_nodes(struct view *view, const char *name)
{
	struct nodes nodes;
	bool found = false;
	size_t i;
	int error;

	error = nodes_read(&nodes);
	for (i = 0; i < nodes.count; i++) {
		if (name && strcmp(nodes.list[i].name, name))
			continue;
		found = true;
		view->node = &nodes.list[i];
		view->info = nodes.list[i].error ? NULL : &nodes.list[i].info;
		show_channel(view);
	}
	nodes_free(&nodes);
	if (error)
		return complain("cannot read " NODES_DIRECTORY ": %s", strerror(-error));
	return name && !found ? explain_no_channel(name) : STATUS_OK;
}

int show_channels(struct print *print, enum show_form form, struct libmq_admin *admin,
		  const char *name)
{
	struct view view = { .print = print, .form = form };
	int error;

	if (!admin)
		return show_nodes(&view, name);
	error = libmq_admin_channels(admin, name, show_admin_channel, &view);
	if (error == -EPERM)
		return show_nodes(&view, name);
	return error < 0 ? explain_admin(admin, error, "look at channels", name) : STATUS_OK;
}

int show_open_admin(struct libmq_admin **admin)
{
	int error = libmq_admin_open(admin);

	if (!error)
		return STATUS_OK;
	*admin = NULL;
	if (error == -EPERM)
		return STATUS_OK;
	return explain_admin(NULL, error, "look at channels", NULL);
}

/* ---- verbs ----------------------------------------------------------- */

static int run(struct command_line *line, enum show_form form)
{
	struct libmq_admin *admin;
	struct print print;
	int status, i = 0;

	while (options_next(line) >= 0)
		;
	status = show_open_admin(&admin);
	if (status != STATUS_OK)
		return status;
	print_init(&print, stdout, line->json);
	print_begin(&print);
	if (form == SHOW_DETAILS)
		print_list(&print, "channels");
	else
		print_table(&print, "channels");
	do {
		if (show_channels(&print, form, admin, line->operands[i]) != STATUS_OK)
			status = STATUS_FAILED;
	} while (line->operands[i] && line->operands[++i]);
	print_end(&print);
	print_end(&print);
	libmq_admin_close(admin);
	return print_flush(&print) ? complain("cannot write") : status;
}

int list_run(struct command_line *line)
{
	return run(line, SHOW_LIST);
}

int show_run(struct command_line *line)
{
	return run(line, SHOW_DETAILS);
}
