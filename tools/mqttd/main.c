// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* mq-mqttd: MQTT clients on mq channels. See session.h for the map. */
#include "daemon.h"
#include "session.h"

static struct mqttd mqttd = { .max_inflight = 100 };

static const struct cmdline_option options[] = {
	{ "max-inflight", "N", "QoS 1 messages a client may have unacknowledged",
	  CMDLINE_NUMBER, &mqttd.max_inflight, 1, 1000 },
	{ "max-keep-alive", "SECONDS",
	  "longest keep alive; MQTT 5.0 clients that ask for more are told this one",
	  CMDLINE_NUMBER, &mqttd.max_keep_alive, 0, 65535 },
	{ 0 },
};

static const struct protocol protocol = {
	.name = "mqtt",
	.conn_size = sizeof(struct session),
	.opened = session_opened,
	.input = session_input,
	.published = session_published,
	.must_read = session_must_read,
	.record = deliver_record,
	.too_slow = session_too_slow,
	.stopping = session_stopping,
	.closed = session_closed,
	.freed = session_freed,
};

static int start(struct worker *worker)
{
	return sessions_init(&mqttd, worker);
}

static void stop(struct worker *worker)
{
	(void)worker;
	wills_stop(&mqttd);
}

static const struct daemon this_daemon = {
	.program = "mq-mqttd",
	.summary = "Serves MQTT 3.1, 3.1.1 and 5.0 clients on the topics of mq channels.",
	.protocol = &protocol,
	.options = options,
	.listen = "127.0.0.1:1883",
	.defaults = {
		.input_max = 1024 * 1024,
		.queue_max = 1024 * 1024,
		.slow_timeout = 5000,
	},
	.start = start,
	.stop = stop,
};

int main(int argc, char **argv)
{
	int status = daemon_main(&this_daemon, argc, argv);

	sessions_exit(&mqttd);
	return status;
}
