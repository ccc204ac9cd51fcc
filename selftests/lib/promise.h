/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What promise.c and will.c share: small channels, and looking at them. */
#ifndef SELFTESTS_LIB_PROMISE_H
#define SELFTESTS_LIB_PROMISE_H

#include <poll.h>

#include "fixture.h"

#define NAME "libpro"
#define OTHER "libother"
#define SLOTS 64
#define RETAINED_MAX 4

/* 64 slots, of which wills may take 16. */
static inline int promise_channel(struct libmq_admin *admin, const char *name, const char *claim)
{
	const char *const claims[] = { claim };

	return channel_anew(admin, name, (struct libmq_channel_opts){
		.slots = SLOTS, .bytes = 131072, .max_record = 4096, .overflow = LIBMQ_REJECT,
		.retained_max = RETAINED_MAX, .claims = claims, .claims_count = 1, .mode = 0666 });
}

/* From now on the channel claims this; NULL: nothing but its name. */
static inline int claim(struct libmq_admin *admin, const char *name, const char *claim)
{
	const char *const claims[] = { claim };
	struct libmq_channel_opts opts = LIBMQ_OPTS(libmq_channel_opts,
		.claims = claims, .claims_count = !!claim, .claims_none = !claim);

	return libmq_admin_set(admin, name, &opts);
}

static inline struct libmq_message text_message(const char *topic, const char *text)
{
	return (struct libmq_message){
		.topic = topic, .topic_len = strlen(topic),
		.payload = text, .payload_len = strlen(text),
	};
}

/* Its numbers; poisoned before. */
static inline struct libmq_channel_info info_of(const struct libmq_channel *channel)
{
	struct libmq_channel_info info;

	memset(&info, 0xa5, sizeof(info));
	if (libmq_channel_info(channel, &info))
		abort();
	libmq_channel_info_free(&info);
	return info;
}

static inline int take_stats(void *arg, const struct libmq_channel_stats *stats)
{
	memcpy(arg, stats, sizeof(*stats));
	return 0;
}

/* The same as the administrator sees it; without claims. */
static inline struct libmq_channel_stats stats_of(struct libmq_admin *admin, const char *name)
{
	struct libmq_channel_stats stats;

	if (libmq_admin_channels(admin, name, take_stats, &stats))
		abort();
	return stats;
}

static inline struct libmq_subscription *subscribed(const struct libmq_channel *channel,
						    const char *filter, bool hold)
{
	struct libmq_subscription_opts opts = LIBMQ_OPTS(libmq_subscription_opts, .hold = hold);
	struct libmq_subscription *subscription = NULL;

	if (libmq_subscription_open(&subscription, channel, &opts) ||
	    libmq_subscription_add(subscription, filter, strlen(filter), 1, NULL))
		return NULL;
	return subscription;
}

static inline struct libmq_subscription *holding(const struct libmq_channel *channel,
						 const char *filter)
{
	return subscribed(channel, filter, true);
}

static inline int set_will(struct libmq_publisher *publisher, uint64_t id, const char *topic,
			   const char *text)
{
	struct libmq_message message = text_message(topic, text);

	return libmq_publisher_will_set(publisher, id, &message, NULL);
}

static inline int bus_will(struct libmq_bus *bus, uint64_t id, const char *topic, const char *text)
{
	struct libmq_message message = text_message(topic, text);

	return libmq_bus_will_set(bus, id, &message, NULL);
}

/* Waits for an event of a type of our channel. */
static inline int await(struct libmq_admin *admin, enum libmq_event_type type,
			struct libmq_event *event)
{
	struct pollfd fd = { .fd = libmq_admin_fd(admin), .events = POLLIN };
	int got;

	for (;;) {
		memset(event, 0xa5, sizeof(*event));
		got = libmq_admin_event(admin, event);
		if (got < 0)
			return got;
		if (got && event->type == type && !strcmp(event->channel, NAME))
			return 0;
		if (!got && poll(&fd, 1, SOON_MS) <= 0)
			return -ETIMEDOUT;
	}
}

/* Sets a parameter of the module; @before gets what it was. */
static inline int write_parameter(const char *name, const char *value, char *before,
				  size_t size)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/mq/parameters/%s", name);
	file = fopen(path, "r+");
	if (!file)
		return -errno;
	if (before && !fgets(before, (int)size, file))
		*before = '\0';
	rewind(file);
	fputs(value, file);
	return fclose(file);
}

#endif /* SELFTESTS_LIB_PROMISE_H */
