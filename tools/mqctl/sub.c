// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "nodes.h"
#include "options.h"
#include "stream.h"
#include "wait.h"

/*
 * One subscribing: to the bus, or, with @channel_name or a start in the past
 * (sequences are a channel's own), to one channel. @marks and @from say per
 * filter from where on live records count: what came before was delivered as
 * a retained value, or was there before we asked.
 */
struct subscribing {
	struct command_line *line;
	char **filters;
	unsigned int count;
	const char *channel_name;
	bool hold, no_retained, in_past;
	struct libmq_subscription_opts start;
	long limit;			/* messages to print; 0: no limit */
	int timeout_ms;			/* or -1 */
	struct stream_style style;

	struct libmq_bus *bus;
	struct libmq_channel *channel;
	struct libmq_subscription *subscription;
	uint64_t *marks;		/* of the bus, or sequences of the channel */
	unsigned int listing;		/* filter whose retained values come now */

	long printed;
	uint64_t missed;
};

enum {
	OPTION_CHANNEL = 256, OPTION_HOLD, OPTION_FROM,
};

static const struct option_def sub_options[] = {
	{ 'v', "verbose", NULL, "print the topic in front of each payload" },
	{ 'C', "count", "COUNT", "end after COUNT messages" },
	{ 'W', "timeout", "SECONDS", "end after SECONDS, with status 27" },
	{ 'N', "no-newline", NULL, "no newline after each payload" },
	{ 'R', "no-retained", NULL, "no retained values, only what comes from now on" },
	{ OPTION_CHANNEL, "channel", "NAME", "subscribe to this channel alone" },
	{ OPTION_HOLD, "hold", NULL, "make publishers wait rather than lose messages" },
	{ OPTION_FROM, "from", "oldest|SEQUENCE", "begin in the past of one channel" },
	{ 0 }
};

/* ---- printing -------------------------------------------------------- */

static bool enough(const struct subscribing *s)
{
	return s->limit && s->printed >= s->limit;
}

static void show_record(struct subscribing *s, const struct libmq_record *record)
{
	stream_record(&s->style, record);
	s->printed++;
}

static void show_gap(struct subscribing *s, const struct libmq_gap *gap)
{
	const char *name = libmq_channel_name(gap->channel);

	s->missed += gap->missed;
	stream_gap(gap);
	complain("too slow: %s%llu messages were lost (%llu records of '%s' went by)",
		 gap->at_most ? "at most " : "", (unsigned long long)gap->missed,
		 (unsigned long long)gap->passed, name);
}

/* ---- retained, then live, once each ---------------------------------- */

/* libmq_retained_fn. A topic that an earlier filter matches has come already. */
static int take_retained(void *arg, const struct libmq_record *record)
{
	struct subscribing *s = arg;
	unsigned int i;

	for (i = 0; i < s->listing; i++)
		if (libmq_topic_match(s->filters[i], strlen(s->filters[i]),
				      record->topic, record->topic_len))
			return 0;
	show_record(s, record);
	return enough(s);
}

static bool before(const struct subscribing *s, const struct libmq_record *record,
		   unsigned int filter)
{
	if (s->no_retained)
		return false;
	if (s->bus)
		return libmq_bus_record_before(s->bus, record, s->marks[filter]);
	return record->sequence < s->marks[filter];
}

/* Whether a live record is new to a filter that matches it. */
static bool is_new(const struct subscribing *s, const struct libmq_record *record)
{
	unsigned int i;

	for (i = 0; i < s->count; i++)
		if (libmq_topic_match(s->filters[i], strlen(s->filters[i]),
				      record->topic, record->topic_len) &&
		    !before(s, record, i))
			return true;
	return false;
}

/* ---- subscribing ----------------------------------------------------- */

static int filter_failed(const struct subscribing *s, const char *filter, int error)
{
	char text[256];

	if (error == -E2BIG)
		return complain("the filter '%s' has too many levels (at most 32)", filter);
	if (error == -EMFILE || error == -ENFILE)
		return complain("too many filters: the limits are the parameters max_filter* in "
				"/sys/module/mq/parameters");
	return complain("cannot subscribe to '%s'%s%s: %s", filter,
			s->channel_name ? " on " : "", s->channel_name ? s->channel_name : "",
			libmq_strerror(error, text, sizeof(text), filter));
}

static int add_to_bus(struct subscribing *s, unsigned int i)
{
	const char *filter = s->filters[i];
	size_t length = strlen(filter);
	int error;

	error = libmq_bus_subscribe(s->bus, filter, length, 1);
	if (error)
		return filter_failed(s, filter, error);
	s->listing = i;
	if (!s->no_retained && !enough(s)) {
		error = libmq_bus_retained(s->bus, filter, length, take_retained, s);
		if (error < 0)
			return filter_failed(s, filter, error);
		s->marks[i] = libmq_bus_mark(s->bus);
	}
	return STATUS_OK;
}

static int add_to_channel(struct subscribing *s, unsigned int i)
{
	const char *filter = s->filters[i];
	size_t length = strlen(filter);
	uint64_t sequence;
	int error;

	error = libmq_subscription_add(s->subscription, filter, length, 1, &sequence);
	if (error)
		return filter_failed(s, filter, error);
	/* From the past on: the records themselves come, retained or not. */
	s->marks[i] = s->in_past ? 0 : sequence;
	s->listing = i;
	if (!s->no_retained && !s->in_past && !enough(s))
		error = libmq_channel_retained(s->channel, filter, length, 0, sequence,
					       take_retained, s);
	return error < 0 ? filter_failed(s, filter, error) : STATUS_OK;
}

static int hold_failed(const struct subscribing *s, int error)
{
	if (error == -EINVAL)
		return complain("the channel '%s' drops its oldest records: nobody can hold it "
				"(create it with --overflow reject or block)", s->channel_name);
	if (error == -EACCES)
		return complain("--hold can stop publishers and needs " NODES_DIRECTORY "/%s "
				"open for writing as well as reading, or 'mqctl channel set %s "
				"--hold readers'", s->channel_name, s->channel_name);
	return explain_channel(error, s->channel_name);
}

static int open_channel(struct subscribing *s)
{
	unsigned int access = LIBMQ_OPEN_READ | (s->hold ? LIBMQ_OPEN_WRITE : 0);
	int error;

	error = libmq_channel_open(&s->channel, NODES_DIRECTORY, s->channel_name, access);
	/* A channel may let its readers hold it. */
	if (error == -EACCES && s->hold)
		error = libmq_channel_open(&s->channel, NODES_DIRECTORY, s->channel_name,
					   LIBMQ_OPEN_READ);
	if (error)
		return explain_channel(error, s->channel_name);
	s->start.hold = s->hold;
	error = libmq_subscription_open(&s->subscription, s->channel, &s->start);
	if (error == -ERANGE)
		return complain("the sequence %llu is not published yet ('mqctl channel show %s')",
				(unsigned long long)s->start.sequence, s->channel_name);
	if (error)
		return s->hold ? hold_failed(s, error) : explain_channel(error, s->channel_name);
	return STATUS_OK;
}

static int open_bus(struct subscribing *s)
{
	struct libmq_bus_opts opts = LIBMQ_OPTS(libmq_bus_opts, .hold = s->hold);
	char text[256];
	unsigned int i;
	int error;

	if (!module_loaded())
		return explain_module();
	error = libmq_bus_open(&s->bus, &opts);
	if (error)
		return complain("%s", libmq_strerror(error, text, sizeof(text), NODES_DIRECTORY));
	for (i = 0; i < s->count; i++)
		explain_filter(s->filters[i]);
	return STATUS_OK;
}

/* The one channel whose past --from is about. */
static int find_channel(struct subscribing *s)
{
	static char found[LIBMQ_NAME_MAX + 1];
	unsigned int hits = 0, f;
	struct nodes nodes;
	size_t i;

	nodes_read(&nodes);
	for (i = 0; i < nodes.count; i++) {
		for (f = 0; f < s->count; f++)
			if (node_claims_filter(&nodes.list[i], s->filters[f],
					       strlen(s->filters[f])))
				break;
		if (f < s->count && !hits++)
			memcpy(found, nodes.list[i].name, sizeof(found));
	}
	nodes_free(&nodes);
	if (!hits && !module_loaded())
		return explain_module();
	if (hits != 1)
		return complain("%s channel claims topics that match: --from needs --channel NAME",
				hits ? "more than one" : "no");
	s->channel_name = found;
	return STATUS_OK;
}

static int subscribe(struct subscribing *s)
{
	int status = STATUS_OK;
	unsigned int i;

	s->marks = calloc(s->count, sizeof(*s->marks));
	if (!s->marks)
		return complain("out of memory");
	if (s->in_past && !s->channel_name)
		status = find_channel(s);
	if (status == STATUS_OK)
		status = s->channel_name ? open_channel(s) : open_bus(s);
	for (i = 0; status == STATUS_OK && i < s->count; i++)
		status = s->bus ? add_to_bus(s, i) : add_to_channel(s, i);
	return status;
}

static void unsubscribe(struct subscribing *s)
{
	libmq_subscription_close(s->subscription);
	libmq_channel_close(s->channel);
	libmq_bus_close(s->bus);
	free(s->marks);
}

/* ---- reading --------------------------------------------------------- */

static int next(struct subscribing *s, struct libmq_record *record, struct libmq_gap *gap)
{
	return s->bus ? libmq_bus_next(s->bus, record, gap) :
			libmq_subscription_next(s->subscription, record, gap);
}

/* Prints all that is there; returns what ended it, as enum libmq_next. */
static int drain(struct subscribing *s)
{
	struct libmq_record record;
	struct libmq_gap gap;
	int got;

	while (!enough(s)) {
		got = next(s, &record, &gap);
		if (got == LIBMQ_LAGGED)
			show_gap(s, &gap);
		else if (got != LIBMQ_RECORD)
			return got;
		else if (is_new(s, &record))
			show_record(s, &record);
		if (wait_over() != WAIT_READY)
			break;
	}
	return LIBMQ_NONE;
}

static enum wait_end sleep_until_more(struct subscribing *s)
{
	if (s->bus ? libmq_bus_prepare_sleep(s->bus) :
		     libmq_subscription_prepare_sleep(s->subscription))
		return wait_over();
	return wait_for(s->bus ? libmq_bus_fd(s->bus) : libmq_subscription_fd(s->subscription));
}

static int read_all(struct subscribing *s)
{
	enum wait_end end = WAIT_READY;
	int got;

	for (;;) {
		got = drain(s);
		if (stream_flush() != STATUS_OK)
			return STATUS_FAILED;
		if (enough(s))
			return STATUS_OK;
		if (got == LIBMQ_ENDED)
			return complain("the channel '%s' was deleted", s->channel_name);
		if (got < 0)
			return explain_channel(got, s->channel_name ? s->channel_name : "the bus");
		end = sleep_until_more(s);
		if (end != WAIT_READY)
			return end == WAIT_TIMEOUT ? STATUS_TIMEOUT : STATUS_OK;
	}
}

/* ---- the verb -------------------------------------------------------- */

static void read_from(struct subscribing *s)
{
	s->in_past = true;
	s->start.start = LIBMQ_START_OLDEST;
	if (!strcmp(s->line->value, "oldest"))
		return;
	s->start.start = LIBMQ_START_SEQUENCE;
	s->start.sequence = value_number(s->line, "from", 1, UINT64_MAX);
}

static void read_options(struct subscribing *s)
{
	int id;

	while ((id = options_next(s->line)) >= 0) {
		switch (id) {
		case 'v':
			s->style.topic = true;
			break;
		case 'C':
			s->limit = (long)value_number(s->line, "count", 1, INT32_MAX);
			break;
		case 'W':
			s->timeout_ms = value_seconds(s->line, "timeout");
			break;
		case 'N':
			s->style.no_newline = true;
			break;
		case 'R':
			s->no_retained = true;
			break;
		case OPTION_CHANNEL:
			s->channel_name = s->line->value;
			break;
		case OPTION_HOLD:
			s->hold = true;
			break;
		case OPTION_FROM:
			read_from(s);
			break;
		}
	}
}

static int sub_run(struct command_line *line)
{
	struct subscribing s = { .line = line, .timeout_ms = -1 };
	unsigned int i;
	int status;

	s.start = LIBMQ_OPTS(libmq_subscription_opts, .start = LIBMQ_START_LATEST);
	read_options(&s);
	s.filters = line->operands;
	s.count = (unsigned int)line->operand_count;
	for (i = 0; i < s.count; i++)
		if (!libmq_filter_valid(s.filters[i], strlen(s.filters[i])))
			usage_error(line, "'%s' is not a topic filter: at most 32 levels, '+' "
				    "stands for a whole level, '#' for all at the end",
				    s.filters[i]);
	stream_begin(line->json);
	wait_begin(s.timeout_ms);
	status = subscribe(&s);
	if (status == STATUS_OK)
		status = read_all(&s);
	if (s.missed)
		complain("%llu messages were lost in all", (unsigned long long)s.missed);
	unsubscribe(&s);
	return status;
}

static const struct verb sub_verb = {
	.operands = "FILTER...",
	.summary = "print messages as they come",
	.options = sub_options,
	.operands_min = 1,
	.operands_max = -1,
	.run = sub_run,
};

const struct noun sub_noun = {
	.name = "sub",
	.summary = "print messages: retained values, then what comes",
	.verbs = &sub_verb,
	.count = 1,
};
