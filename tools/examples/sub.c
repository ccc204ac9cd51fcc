// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * mq-sub FILTER prints each message that matches FILTER, and what was lost.
 *
 * Build: cc sub.c -o sub $(pkg-config --cflags --libs libmq)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmq.h>

/* Takes all that is there. */
static int drain(struct libmq_bus *bus)
{
	struct libmq_record record;
	struct libmq_gap gap;
	int got;

	while ((got = libmq_bus_next(bus, &record, &gap)) > 0) {
		if (got == LIBMQ_LAGGED)
			fprintf(stderr, "too slow: %llu messages lost\n",
				(unsigned long long)gap.missed);
		else
			printf("%.*s %.*s\n", record.topic_len, record.topic,
			       (int)record.payload_len, (const char *)record.payload);
	}
	fflush(stdout);
	return got;
}

int main(int argc, char **argv)
{
	struct libmq_bus *bus = NULL;
	char text[256];
	int error;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FILTER\n", argv[0]);
		return 2;
	}
	error = libmq_bus_open(&bus, NULL);
	if (!error)
		error = libmq_bus_subscribe(bus, argv[1], strlen(argv[1]), 1);
	/* Spins by calling libmq_bus_next() again and again, or sleeps, as here. */
	while (error >= 0 || error == -EINTR) {
		error = drain(bus);
		if (error >= 0)
			error = libmq_bus_wait(bus, LIBMQ_WAIT_RECORD, -1);
	}
	fprintf(stderr, "%s: %s\n", argv[0], libmq_strerror(error, text, sizeof(text), argv[1]));
	libmq_bus_close(bus);
	return 1;
}
