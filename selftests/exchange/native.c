// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Publishers without a daemon: libmq, and a node as a shell writes to it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exchange.h"
#include "libmq.h"

/* ---- libmq ------------------------------------------------------------- */

#define BATCH 32

/* Publishes @count messages, waiting for space as often as it takes. */
static int publish_batch(struct libmq_bus *bus, const struct libmq_message *messages,
			 uint32_t count)
{
	struct libmq_result results[BATCH];
	char text[256];

	for (;;) {
		uint32_t done = 0;
		int events;

		libmq_bus_publish(bus, messages, results, count);
		while (done < count && !results[done].result)
			done++;
		if (done == count)
			return 0;
		if (results[done].result != -EAGAIN)
			return exchange_say("native: %s",
					    libmq_strerror(results[done].result, text,
							   sizeof(text), messages->topic));
		messages += done;
		count -= done;
		events = libmq_bus_wait(bus, LIBMQ_WAIT_SPACE, exchange_patience());
		if (events <= 0 && events != -EINTR)
			return exchange_say("native: no space within %d ms",
					    exchange_patience());
	}
}

int native_publish(const struct exchange *exchange, uint32_t publisher)
{
	static uint8_t bytes[BATCH][SIZE_MAX_BYTES];
	struct libmq_message messages[BATCH];
	const char *topic = exchange->topics[publisher];
	struct libmq_bus *bus;
	uint32_t index = 0;
	int status = libmq_bus_open(&bus, NULL) < 0;

	while (!status && index <= exchange->count) {
		uint32_t count = 0;

		for (; count < BATCH && index <= exchange->count; count++, index++)
			messages[count] = (struct libmq_message){
				.topic = topic, .topic_len = (uint16_t)strlen(topic),
				.payload = bytes[count],
				.payload_len = (uint32_t)content_make(exchange, publisher, index,
								      bytes[count]),
			};
		status = publish_batch(bus, messages, count);
	}
	if (status)
		exchange_say("publisher %u stopped before message %u", publisher, index);
	else
		libmq_bus_close(bus);
	return status;
}

/* ---- the node ---------------------------------------------------------- */

/* So many messages go through real programs; a process each takes its time. */
#define BY_PROGRAM 20

static int run(const char *command)
{
	int status = system(command);

	return status ? exchange_say("status %d: %.200s", status, command) : 0;
}

/* printf of the shell: as octal escapes, in one write. */
static int by_printf(const char *node, const uint8_t *bytes, size_t size)
{
	char command[2048];
	size_t used = (size_t)sprintf(command, "printf '");

	for (size_t i = 0; i < size; i++)
		used += (size_t)sprintf(command + used, "\\%03o", bytes[i]);
	snprintf(command + used, sizeof(command) - used, "' >%s", node);
	return run(command);
}

static int by_dd(const char *node, const uint8_t *bytes, size_t size)
{
	char command[256];
	FILE *pipe;

	snprintf(command, sizeof(command),
		 "dd bs=64K iflag=fullblock conv=notrunc status=none of=%s", node);
	pipe = popen(command, "w");
	if (!pipe || fwrite(bytes, 1, size, pipe) != size || pclose(pipe))
		return exchange_say("failed: %s", command);
	return 0;
}

/* One message per write, as echo does; a full ring says EAGAIN. */
static int by_write(int fd, const uint8_t *bytes, size_t size)
{
	struct pollfd space = { .fd = fd, .events = POLLOUT };

	for (;;) {
		ssize_t written = write(fd, bytes, size);

		if (written == (ssize_t)size)
			return 0;
		if (written >= 0)
			return exchange_say("write: %zd of %zu bytes", written, size);
		if (errno != EAGAIN)
			return exchange_say("write: %s", strerror(errno));
		if (poll(&space, 1, exchange_patience()) != 1)
			return exchange_say("write: no space within %d ms", exchange_patience());
	}
}

int shell_publish(const struct exchange *exchange, uint32_t publisher)
{
	static uint8_t bytes[SIZE_MAX_BYTES];
	char node[128];
	int status = 0;
	uint32_t index;
	int fd;

	/* What is written to a node is a message on the topic of its name. */
	snprintf(node, sizeof(node), "/dev/mq/%s", exchange->topics[publisher]);
	fd = open(node, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return exchange_say("%s: %s", node, strerror(errno));
	for (index = 0; !status && index <= exchange->count; index++) {
		size_t size = content_make(exchange, publisher, index, bytes);

		if (index >= BY_PROGRAM)
			status = by_write(fd, bytes, size);
		else if (size <= 200)
			status = by_printf(node, bytes, size);
		else
			status = by_dd(node, bytes, size);
	}
	if (status)
		exchange_say("publisher %u stopped at message %u", publisher, index - 1);
	close(fd);
	return status;
}
