// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include "daemon.h"
#include "respd.h"

/* A record of 1 MiB, a topic, and what RESP puts around them. */
#define INPUT_MAX	((1 << 20) + (128 << 10))

static struct respd respd;

static int start(struct worker *worker)
{
	respd.worker = worker;
	respd.started = loop_now(&worker->loop);
	worker->context = &respd;
	return subscription_table_init(&respd.table);
}

/* Clients first: what they leave behind is in the table. */
static void stop(struct worker *worker)
{
	if (worker->context != &respd)
		return;
	while (worker->connections)
		conn_kill(worker->connections);
	subscription_table_exit(&respd.table);
	resp_out_free(&respd.out);
}

static const struct daemon respd_daemon = {
	.program = "mq-respd",
	.summary = "connects Redis clients to mq's channels (publish and subscribe)",
	.protocol = &respd_protocol,
	.listen = "127.0.0.1:6379",
	.defaults = {
		.input_max = INPUT_MAX,
		.queue_max = 32 << 20,
		.slow_timeout = 10000,
	},
	.start = start,
	.stop = stop,
};

int main(int argc, char **argv)
{
	return daemon_main(&respd_daemon, argc, argv);
}
