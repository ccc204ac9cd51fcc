// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * mq-pub TOPIC PAYLOAD... publishes each PAYLOAD on TOPIC.
 *
 * Build: cc pub.c -o pub $(pkg-config --cflags --libs libmq)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmq.h>

static int publish(struct libmq_bus *bus, const char *topic, const char *payload)
{
	struct libmq_message message = {
		.topic = topic,
		.topic_len = (uint16_t)strlen(topic),
		.payload = payload,
		.payload_len = (uint32_t)strlen(payload),
	};
	struct libmq_result result;

	/* A full channel says -EAGAIN: wait for space and try again. */
	while (!libmq_bus_publish(bus, &message, &result, 1)) {
		if (result.result != -EAGAIN)
			return result.result;
		libmq_bus_wait(bus, LIBMQ_WAIT_SPACE, -1);
	}
	printf("sequence %llu, %u receivers\n", (unsigned long long)result.sequence,
	       result.receivers);
	return 0;
}

int main(int argc, char **argv)
{
	struct libmq_bus *bus = NULL;
	char text[256];
	int error, i;

	if (argc < 3 || !libmq_topic_valid(argv[1], strlen(argv[1]))) {
		fprintf(stderr, "usage: %s TOPIC PAYLOAD...\n", argv[0]);
		return 2;
	}
	error = libmq_bus_open(&bus, NULL);
	for (i = 2; !error && i < argc; i++)
		error = publish(bus, argv[1], argv[i]);
	if (error)
		fprintf(stderr, "%s: %s\n", argv[0],
			libmq_strerror(error, text, sizeof(text), argv[1]));
	libmq_bus_close(bus);
	return error ? 1 : 0;
}
