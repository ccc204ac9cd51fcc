// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>

#include "explain.h"
#include "options.h"
#include "stream.h"
#include "wait.h"

static const struct option_def monitor_options[] = {
	{ 'C', "count", "COUNT", "end after COUNT events" },
	{ 'W', "timeout", "SECONDS", "end after SECONDS, with status 27" },
	{ 0 }
};

/* Prints the events that are there; lowers *left, if that is above 0. */
static int drain(struct libmq_admin *admin, long *left)
{
	struct libmq_event event;
	int got;

	while (wait_over() == WAIT_READY) {
		got = libmq_admin_event(admin, &event);
		if (got == -ENOBUFS) {
			complain("events came faster than they were printed: some are lost");
			continue;
		}
		if (got <= 0)
			return got;
		stream_event(&event);
		if (*left > 0 && !--*left)
			return 1;
	}
	return 0;
}

static int follow(struct libmq_admin *admin, long left)
{
	enum wait_end end;
	int got;

	for (;;) {
		got = drain(admin, &left);
		if (stream_flush() != STATUS_OK)
			return STATUS_FAILED;
		if (got < 0)
			return explain_admin(admin, got, "watch events", NULL);
		if (got)
			return STATUS_OK;
		end = wait_for(libmq_admin_fd(admin));
		if (end != WAIT_READY)
			return end == WAIT_TIMEOUT ? STATUS_TIMEOUT : STATUS_OK;
	}
}

static int monitor_run(struct command_line *line)
{
	int timeout_ms = -1, status, error, id;
	struct libmq_admin *admin;
	long limit = 0;

	while ((id = options_next(line)) >= 0) {
		if (id == 'C')
			limit = (long)value_number(line, "count", 1, INT32_MAX);
		else
			timeout_ms = value_seconds(line, "timeout");
	}
	error = libmq_admin_open(&admin);
	if (error)
		return explain_admin(NULL, error, "watch events", NULL);
	stream_begin(line->json);
	wait_begin(timeout_ms);
	error = libmq_admin_listen(admin);
	status = error ? explain_admin(admin, error, "watch events", NULL) : follow(admin, limit);
	libmq_admin_close(admin);
	return status;
}

static const struct verb monitor_verb = {
	.summary = "print what happens to channels, as it happens",
	.options = monitor_options,
	.run = monitor_run,
};

const struct noun monitor_noun = {
	.name = "monitor",
	.summary = "live events: channels, publishers, subscriptions, losses",
	.verbs = &monitor_verb,
	.count = 1,
};
