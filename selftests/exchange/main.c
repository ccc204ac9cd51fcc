// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * exchange PATH COUNT MQTT-PORT REDIS-PORT
 *
 * Starts the receivers of a path, then its publishers, and prints one TAP line
 * for each. COUNT messages in all, divided by MQ_VOLUME. Channels and daemons
 * must be there; see selftests/tools/test_exchange_01.sh.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exchange.h"

#define PATIENCE_MS 60000

/**
 * struct path - a way for messages to go
 * @name: of the path
 * @topics: of the publishers
 * @publish: what a publisher does
 * @receive: what the receivers do; up to two
 * @receivers: what they are called
 */
struct path {
	const char *name;
	const char *topics[PUBLISHERS];
	publish_fn publish;
	receive_fn receive[2];
	const char *receivers[2];
};

static const struct path paths[] = {
	{ "mqtt-redis", { "exchange/0", "exchange/1" }, mqtt_publish,
	  { redis_receive }, { "Redis" } },
	{ "redis-mqtt", { "exchange/0", "exchange/1" }, redis_publish,
	  { mqtt_receive }, { "MQTT" } },
	{ "native-both", { "exchange/0", "exchange/1" }, native_publish,
	  { redis_receive, mqtt_receive }, { "Redis", "MQTT" } },
	{ "shell-both", { "shell0", "shell1" }, shell_publish,
	  { redis_receive, mqtt_receive }, { "Redis", "MQTT" } },
};

static int volume = 1;

int64_t exchange_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int exchange_patience(void)
{
	return volume > 1 ? 2 * PATIENCE_MS : PATIENCE_MS;
}

int exchange_say(const char *format, ...)
{
	char line[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	/* Several processes write: a line is one write. */
	dprintf(STDOUT_FILENO, "# %.*s\n", len, line);
	return 1;
}

void exchange_ready(int ready)
{
	if (write(ready, "", 1) != 1)
		exchange_say("cannot say that it is ready: %s", strerror(errno));
}

static pid_t start_receiver(const struct exchange *exchange, receive_fn receive, int ready[2])
{
	pid_t pid = fork();

	if (pid)
		return pid;
	close(ready[0]);
	_exit(receive(exchange, ready[1]));
}

static pid_t start_publisher(const struct exchange *exchange, publish_fn publish,
			     uint32_t publisher)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	_exit(publish(exchange, publisher));
}

static int test_number;

static int result(bool good, const char *path, const char *what, const char *who)
{
	dprintf(STDOUT_FILENO, "%sok %d - %s: %s %s\n", good ? "" : "not ", ++test_number, path,
		who, what);
	return !good;
}

static bool ended_well(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	if (WIFSIGNALED(status))
		exchange_say("killed by signal %d", WTERMSIG(status));
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* Waits until all receivers have subscribed, or have ended without it. */
static bool wait_ready(int ready, int count)
{
	char byte;

	while (count && read(ready, &byte, 1) == 1)
		count--;
	return !count;
}

static int run(const struct path *path, const struct exchange *exchange)
{
	int receivers = path->receive[1] ? 2 : 1;
	pid_t pids[2], publishers[PUBLISHERS];
	int ready[2], failed = 0;
	bool started;

	dprintf(STDOUT_FILENO, "TAP version 13\n1..%d\n", receivers + PUBLISHERS);
	if (pipe(ready))
		return 1;
	for (int i = 0; i < receivers; i++)
		pids[i] = start_receiver(exchange, path->receive[i], ready);
	close(ready[1]);
	started = wait_ready(ready[0], receivers);
	for (uint32_t i = 0; i < PUBLISHERS; i++)
		publishers[i] = started ? start_publisher(exchange, path->publish, i) : -1;
	for (int i = 0; i < PUBLISHERS; i++)
		failed |= result(ended_well(publishers[i]), path->name,
				 "has published everything", i ? "publisher 1" : "publisher 0");
	for (int i = 0; i < receivers; i++)
		failed |= result(ended_well(pids[i]), path->name,
				 "got every message once, in order, byte for byte",
				 path->receivers[i]);
	return failed;
}

int main(int argc, char **argv)
{
	const char *divisor = getenv("MQ_VOLUME");
	struct exchange exchange = { 0 };

	if (argc != 5) {
		fprintf(stderr, "usage: exchange PATH COUNT MQTT-PORT REDIS-PORT\n");
		return 2;
	}
	if (divisor && atoi(divisor) > 0)
		volume = atoi(divisor);
	exchange.count = (uint32_t)(atoi(argv[2]) / PUBLISHERS / volume);
	exchange.mqtt_port = atoi(argv[3]);
	exchange.redis_port = atoi(argv[4]);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (strcmp(argv[1], paths[i].name))
			continue;
		memcpy(exchange.topics, paths[i].topics, sizeof(exchange.topics));
		return run(&paths[i], &exchange);
	}
	fprintf(stderr, "exchange: no path '%s'\n", argv[1]);
	return 2;
}
