/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What the tests of libmq share: channels of their own, and publishing numbers. */
#ifndef SELFTESTS_LIB_FIXTURE_H
#define SELFTESTS_LIB_FIXTURE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <kselftest_harness.h>
#include <libmq.h>

/* How long to wait for what must come; only a failing test waits that long. */
#define SOON_MS 20000

/* Volumes are divided by it (slow kernels). */
static inline unsigned int volume(unsigned int full)
{
	const char *divisor = getenv("MQ_VOLUME");
	int by = divisor ? atoi(divisor) : 1;

	return by > 1 ? full / by : full;
}

static inline struct libmq_admin *admin_open(void)
{
	struct libmq_admin *admin = NULL;
	int error = libmq_admin_open(&admin);

	if (error) {
		fprintf(stderr, "# admin: %s\n", strerror(-error));
		return NULL;
	}
	return admin;
}

/* A channel anew; one that a failed test left behind goes first. */
static inline int channel_anew(struct libmq_admin *admin, const char *name,
			       struct libmq_channel_opts opts)
{
	int error;

	opts.size = sizeof(opts);
	libmq_admin_delete(admin, name);
	error = libmq_admin_create(admin, name, &opts);
	if (error)
		fprintf(stderr, "# create %s: %s: %s\n", name, strerror(-error),
			libmq_admin_message(admin));
	return error;
}

/* The payload is the number. */
static inline struct libmq_message numbered(const char *topic, const uint64_t *number,
					    uint16_t flags)
{
	return (struct libmq_message){
		.topic = topic,
		.topic_len = strlen(topic),
		.payload = number,
		.payload_len = sizeof(*number),
		.flags = flags,
	};
}

static inline int publish_number(struct libmq_publisher *publisher, const char *topic,
				 uint64_t number)
{
	struct libmq_message message = numbered(topic, &number, 0);
	struct libmq_result result;
	int done = libmq_publisher_publish(publisher, &message, &result, 1);

	return done < 0 ? done : result.result;
}

static inline int bus_publish_number(struct libmq_bus *bus, const char *topic,
				     uint64_t number, uint16_t flags)
{
	struct libmq_message message = numbered(topic, &number, flags);
	struct libmq_result result;

	libmq_bus_publish(bus, &message, &result, 1);
	return result.result;
}

static inline uint64_t number_of(const struct libmq_record *record)
{
	uint64_t number = UINT64_MAX;

	if (record->payload_len == sizeof(number))
		memcpy(&number, record->payload, sizeof(number));
	return number;
}

static inline int topic_is(const struct libmq_record *record, const char *topic)
{
	return record->topic_len == strlen(topic) &&
	       !memcmp(record->topic, topic, record->topic_len);
}

/* What the bus has next, waiting for it. LIBMQ_NONE: it did not come. */
static inline int bus_next_soon(struct libmq_bus *bus, struct libmq_record *record,
				struct libmq_gap *gap)
{
	int found;

	while (!(found = libmq_bus_next(bus, record, gap)))
		if (libmq_bus_wait(bus, LIBMQ_WAIT_RECORD, SOON_MS) <= 0)
			break;
	return found;
}

#endif /* SELFTESTS_LIB_FIXTURE_H */
