// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * mq-latency TOPIC [COUNT] measures how long a message takes from one process
 * to another: through the channel that owns TOPIC, to a reader that sleeps and
 * to one that spins on the mapped ring, and, in the same run and the same way,
 * through a pipe. One message is under way at a time; a reader that sleeps has
 * the time to fall asleep. Times are from just before the call that sends to
 * just after the message was read.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libmq.h"

#define COUNT_DEFAULT	2000
#define PAYLOAD		64		/* bytes */
#define PAUSE_NS	300000		/* for the reader to fall asleep */
#define GIVE_UP_NS	10000000000ULL	/* a message that takes this is lost */

/* Shared by both processes. */
struct shared {
	atomic_uint ready;	/* the reader reads */
	atomic_uint taken;	/* messages that it has read */
	atomic_uint failed;
	uint64_t times[];	/* how long each took, in ns */
};

/* One way of handing over; the functions return 0 or a negative errno. */
struct way {
	const char *name;
	bool spin;
	int (*open_reader)(void);
	int (*read)(void *payload);		/* waits */
	int (*open_writer)(void);
	int (*write)(const void *payload);
};

static const char *topic;
static struct shared *shared;
static const struct way *way;
static int pipe_fds[2];
static struct libmq_bus *bus;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* ---- pipe ------------------------------------------------------------ */

static int pipe_open(void)
{
	return 0;
}

static int pipe_read(void *payload)
{
	return read(pipe_fds[0], payload, PAYLOAD) == PAYLOAD ? 0 : -EIO;
}

static int pipe_write(const void *payload)
{
	return write(pipe_fds[1], payload, PAYLOAD) == PAYLOAD ? 0 : -EIO;
}

/* ---- mq -------------------------------------------------------------- */

static int bus_open_writer(void)
{
	return libmq_bus_open(&bus, NULL);
}

static int bus_open_reader(void)
{
	int error = libmq_bus_open(&bus, NULL);

	return error ? error : libmq_bus_subscribe(bus, topic, strlen(topic), 1);
}

static int bus_read(void *payload)
{
	struct pollfd polled = { .fd = libmq_bus_fd(bus), .events = POLLIN };
	struct libmq_record record;
	struct libmq_gap gap;
	int got;

	for (;;) {
		got = libmq_bus_next(bus, &record, &gap);
		if (got == LIBMQ_RECORD && record.payload_len == PAYLOAD) {
			memcpy(payload, record.payload, PAYLOAD);
			return 0;
		}
		if (got)
			return got < 0 ? got : -EIO;
		if (!way->spin && !libmq_bus_prepare_sleep(bus))
			poll(&polled, 1, -1);
	}
}

static int bus_write(const void *payload)
{
	struct libmq_message message = {
		.topic = topic,
		.topic_len = (uint16_t)strlen(topic),
		.payload = payload,
		.payload_len = PAYLOAD,
	};
	struct libmq_result result;

	libmq_bus_publish(bus, &message, &result, 1);
	return result.result;
}

static const struct way ways[] = {
	{ "pipe, reader asleep", false, pipe_open, pipe_read, pipe_open, pipe_write },
	{ "mq, reader asleep", false, bus_open_reader, bus_read, bus_open_writer, bus_write },
	{ "mq, reader spinning", true, bus_open_reader, bus_read, bus_open_writer, bus_write },
};

/* ---- both processes -------------------------------------------------- */

static int reader(unsigned int count)
{
	char payload[PAYLOAD];
	uint64_t sent;
	unsigned int i;
	int error;

	error = way->open_reader();
	atomic_store(&shared->ready, 1);
	for (i = 0; !error && i < count; i++) {
		error = way->read(payload);
		memcpy(&sent, payload, sizeof(sent));
		shared->times[i] = now() - sent;
		atomic_store(&shared->taken, i + 1);
	}
	atomic_store(&shared->failed, error ? 1 : 0);
	return error;
}

/* Waits until the reader has come so far. */
static int wait_until(const atomic_uint *counter, unsigned int value)
{
	uint64_t start = now();

	while (atomic_load(counter) < value) {
		if (atomic_load(&shared->failed) || now() - start > GIVE_UP_NS)
			return -ETIMEDOUT;
		sched_yield();
	}
	return 0;
}

static int writer(unsigned int count)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	char payload[PAYLOAD] = { 0 };
	uint64_t sent;
	unsigned int i;
	int error;

	error = way->open_writer();
	if (!error)
		error = wait_until(&shared->ready, 1);
	for (i = 0; !error && i < count; i++) {
		nanosleep(&pause, NULL);
		sent = now();
		memcpy(payload, &sent, sizeof(sent));
		error = way->write(payload);
		if (!error)
			error = wait_until(&shared->taken, i + 1);
	}
	libmq_bus_close(bus);
	bus = NULL;
	return error;
}

static int by_time(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int measure(unsigned int count)
{
	int error, status;
	pid_t child;

	atomic_store(&shared->ready, 0);
	atomic_store(&shared->taken, 0);
	atomic_store(&shared->failed, 0);
	fflush(stdout);
	child = fork();
	if (child < 0)
		return -errno;
	if (!child)
		_exit(reader(count) ? 1 : 0);
	error = writer(count);
	if (error)
		kill(child, SIGKILL);
	if (waitpid(child, &status, 0) == child && !error && !status) {
		qsort(shared->times, count, sizeof(*shared->times), by_time);
		printf("%-22s median %7.1f us   p99 %7.1f us\n", way->name,
		       (double)shared->times[count / 2] / 1000,
		       (double)shared->times[count - 1 - count / 100] / 1000);
	}
	return error;
}

int main(int argc, char **argv)
{
	unsigned int count = argc > 2 ? (unsigned int)atoi(argv[2]) : COUNT_DEFAULT;
	size_t i, size = sizeof(*shared) + count * sizeof(shared->times[0]);
	char text[256];
	int error;

	if (argc < 2 || argc > 3 || !count || !libmq_topic_valid(argv[1], strlen(argv[1]))) {
		fprintf(stderr, "usage: %s TOPIC [COUNT]\n", argv[0]);
		return 2;
	}
	topic = argv[1];
	shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || pipe(pipe_fds)) {
		perror(argv[0]);
		return 1;
	}
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		way = &ways[i];
		error = measure(count);
		if (error) {
			fprintf(stderr, "%s: %s: %s\n", argv[0], way->name,
				libmq_strerror(error, text, sizeof(text), topic));
			return 1;
		}
	}
	return 0;
}
