// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "explain.h"
#include "options.h"
#include "print.h"
#include "show.h"

/* Totals over the subscriptions that were shown. */
struct subscriptions {
	struct print *print;
	unsigned int count;
	uint64_t at_most;
};

/* What the process calls itself; "" if it is gone. */
static void program_name(uint32_t pid, char *name, size_t size)
{
	char path[32];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	name[0] = '\0';
	file = fopen(path, "re");
	if (!file)
		return;
	if (!fgets(name, (int)size, file))
		name[0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	fclose(file);
}

/* libmq_subscription_fn */
static int show_subscription(void *arg, const struct libmq_subscription_stats *stats)
{
	struct subscriptions *subscriptions = arg;
	struct print *print = subscriptions->print;
	char program[32];

	program_name(stats->pid, program, sizeof(program));
	subscriptions->count++;
	subscriptions->at_most += stats->missed_at_most;
	print_row(print);
	print_string(print, "channel", "CHANNEL", stats->channel);
	print_number(print, "id", "ID", stats->id);
	print_number(print, "pid", "PID", stats->pid);
	print_string(print, "program", "PROGRAM", program);
	print_number(print, "filters", "FILTERS", stats->filters);
	print_number(print, "position", NULL, stats->position);
	print_number(print, "verified", NULL, stats->verified);
	print_number(print, "lag", "LAG", stats->lag);
	print_number(print, "passed", "PASSED", stats->passed);
	print_number(print, "missed", "MISSED", stats->missed);
	print_number(print, "missed_at_most", NULL, stats->missed_at_most);
	print_number(print, "delivered", "DELIVERED", stats->delivered);
	print_number(print, "wakes", "WAKES", stats->wakes);
	print_flag(print, "holding", "HOLDING", stats->holding);
	print_number(print, "evicted_at", "EVICTED-AT", stats->evicted_at);
	print_flag(print, "deleted", NULL, stats->dead);
	print_end(print);
	return 0;
}

static int show_subscriptions(struct print *print, struct libmq_admin *admin, const char *name)
{
	struct subscriptions subscriptions = { .print = print };
	int error = -EPERM;

	print_heading(print, "Subscriptions:");
	print_table(print, "subscriptions");
	if (admin)
		error = libmq_admin_subscriptions(admin, name, show_subscription, &subscriptions);
	print_end(print);
	if (!error && !subscriptions.count)
		print_note(print, "none");
	if (subscriptions.at_most)
		print_note(print, "Of MISSED, %llu may be counted more than once: filters of a "
			   "subscription overlap.", (unsigned long long)subscriptions.at_most);
	return error < 0 ? explain_admin(admin, error, "look at subscriptions", name) : STATUS_OK;
}

/* What counts for all channels together. */
static void show_module(struct print *print)
{
	static const struct {
		enum libmq_limit limit;
		const char *parameter, *title;
	} limits[] = {
		{ LIBMQ_LIMIT_CHANNELS, "refused_channels", "  by max_channels" },
		{ LIBMQ_LIMIT_BYTES, "refused_bytes", "  by max_bytes" },
		{ LIBMQ_LIMIT_SLOTS, "refused_slots", "  by max_slots" },
	};
	uint64_t value;
	size_t i;

	print_heading(print, "Module:");
	print_object(print, "module");
	if (libmq_module_parameter("memory", &value))
		print_none(print, "memory", "Memory");
	else
		print_size(print, "memory", "Memory", value);
	print_note(print, "Refused channels");
	print_object(print, "refusals");
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		const char *name = libmq_limit_name(limits[i].limit);

		if (libmq_module_parameter(limits[i].parameter, &value))
			print_none(print, name, limits[i].title);
		else
			print_number(print, name, limits[i].title, value);
	}
	print_end(print);
	print_end(print);
}

static int stats_run(struct command_line *line)
{
	struct libmq_admin *admin;
	struct print print;
	const char *name;
	int status;

	while (options_next(line) >= 0)
		;
	name = line->operands[0];
	status = show_open_admin(&admin);
	if (status != STATUS_OK)
		return status;
	print_init(&print, stdout, line->json);
	print_begin(&print);
	print_table(&print, "channels");
	status = show_channels(&print, SHOW_STATS, admin, name);
	print_end(&print);
	if (status == STATUS_OK)
		status = show_subscriptions(&print, admin, name);
	if (!name)
		show_module(&print);
	print_end(&print);
	libmq_admin_close(admin);
	return print_flush(&print) ? complain("cannot write") : status;
}

static const struct verb stats_verb = {
	.operands = "[NAME]",
	.summary = "numbers of channels and subscriptions: who lags, what was missed",
	.operands_max = 1,
	.run = stats_run,
};

const struct noun stats_noun = {
	.name = "stats",
	.summary = "who lags, what was missed, what was refused",
	.verbs = &stats_verb,
	.count = 1,
};
