// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* CONFIG, INFO */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "glob.h"
#include "respd.h"

/* ---- CONFIG ------------------------------------------------------------ */

/* What clients ask for at the start, answered as is true here. */
static const struct {
	const char *name;
	const char *value;
} parameters[] = {
	{ "appendonly", "no" },
	{ "databases", "1" },
	{ "notify-keyspace-events", "" },
	{ "save", "" },
	{ "timeout", "0" },
};

#define PARAMETERS (sizeof(parameters) / sizeof(parameters[0]))

static bool is_asked_for(const struct request *request, const char *name)
{
	for (uint32_t i = 2; i < request->argc; i++)
		if (glob_match(request->argv[i].data, request->argv[i].len, name, strlen(name)))
			return true;
	return false;
}

void command_config_get(const struct request *request)
{
	size_t count = 0;

	for (size_t i = 0; i < PARAMETERS; i++)
		count += is_asked_for(request, parameters[i].name);
	resp_put_map(request->out, count);
	for (size_t i = 0; i < PARAMETERS; i++) {
		if (!is_asked_for(request, parameters[i].name))
			continue;
		resp_put_text(request->out, parameters[i].name);
		resp_put_text(request->out, parameters[i].value);
	}
}

void command_config_set(const struct request *request)
{
	const struct resp_arg *word = &request->argv[2];

	resp_put_error(request->out,
		       "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
		       (int)(word->len < 128 ? word->len : 128), word->data);
}

/* ---- INFO -------------------------------------------------------------- */

struct section {
	const char *name;
	const char *title;
	int (*print)(const struct respd *respd, char *text, size_t size);
};

static int print_server(const struct respd *respd, char *text, size_t size)
{
	uint64_t uptime = (loop_now(&respd->worker->loop) - respd->started) / 1000;

	return snprintf(text, size,
			"redis_version:%s\r\nredis_mode:standalone\r\nserver:mq-respd\r\n"
			"mq_version:%s\r\nmq_channels:%u\r\nprocess_id:%ld\r\n"
			"uptime_in_seconds:%" PRIu64 "\r\nuptime_in_days:%" PRIu64 "\r\n",
			RESPD_REDIS_VERSION, libmq_version(),
			libmq_bus_channels(respd->worker->bus), (long)getpid(), uptime,
			uptime / 86400);
}

static int print_clients(const struct respd *respd, char *text, size_t size)
{
	const struct worker *worker = respd->worker;
	unsigned int subscribers = 0;

	for (struct conn *conn = worker->connections; conn; conn = conn->next)
		subscribers += client_is_subscriber(client_of(conn));
	return snprintf(text, size,
			"connected_clients:%u\r\nmaxclients:%u\r\nblocked_clients:0\r\n"
			"pubsub_clients:%u\r\nslow_clients:%u\r\n",
			worker->connection_count, worker->opts.connections_max, subscribers,
			worker->slow);
}

static int print_persistence(const struct respd *respd, char *text, size_t size)
{
	(void)respd;
	/* Some clients wait until this is 0. */
	return snprintf(text, size, "loading:0\r\n");
}

static int print_stats(const struct respd *respd, char *text, size_t size)
{
	const struct stats *stats = &respd->worker->stats;

	const struct {
		const char *name;
		uint64_t value;
	} lines[] = {
		{ "total_connections_received", stats->accepted },
		{ "total_commands_processed", respd->commands },
		{ "total_net_input_bytes", stats->bytes_in },
		{ "total_net_output_bytes", stats->bytes_out },
		{ "rejected_connections", stats->rejected },
		{ "pubsub_channels", respd->worker->subs.filters },
		{ "pubsub_patterns", respd->table.pattern_texts.count },
		{ "protocol_errors", stats->malformed },
		{ "published", stats->published },
		{ "publish_unclaimed", stats->unclaimed },
		{ "publish_refused", stats->denied + stats->refused },
		{ "records", stats->records },
		{ "delivered", stats->delivered },
		{ "undelivered", stats->undelivered },
		{ "slow_clients_closed", stats->slow_closed },
		{ "lagged_passed", stats->lagged_passed },
		{ "lagged_missed", stats->lagged_missed },
	};
	int used = 0;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		used += snprintf(text + used, size - (size_t)used, "%s:%" PRIu64 "\r\n",
				 lines[i].name, lines[i].value);
	return used;
}

static const struct section sections[] = {
	{ "server", "Server", print_server },
	{ "clients", "Clients", print_clients },
	{ "persistence", "Persistence", print_persistence },
	{ "stats", "Stats", print_stats },
};

#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

static bool is_wanted(const struct request *request, const char *name)
{
	for (uint32_t i = 1; i < request->argc; i++) {
		const struct resp_arg *word = &request->argv[i];

		if (word_is(word, name) || word_is(word, "all") || word_is(word, "default") ||
		    word_is(word, "everything"))
			return true;
	}
	return request->argc == 1;
}

void command_info(const struct request *request)
{
	const struct respd *respd = respd_of(request->client);
	char text[4096] = "";
	size_t used = 0;

	for (size_t i = 0; i < SECTIONS; i++) {
		if (!is_wanted(request, sections[i].name))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s# %s\r\n",
					 used ? "\r\n" : "", sections[i].title);
		used += (size_t)sections[i].print(respd, text + used, sizeof(text) - used);
	}
	resp_put_verbatim(request->out, text, used);
}
