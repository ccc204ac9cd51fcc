// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Listing the retained values of a channel. */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

/* The kernel looks at a bounded number of values a call; so is the buffer. */
#define BUFFER_SIZE 65536

struct listing {
	const struct libmq_channel *channel;
	libmq_retained_fn take;
	void *arg;
	void *buffer;
	uint32_t size;
};

static int hand_out(struct listing *listing, const struct mq_record *raw)
{
	const char *data = (const char *)(raw + 1);
	struct libmq_record record = {
		.topic = data,
		.payload = data + raw->topic_len,
		.metadata = data + raw->topic_len + raw->payload_len,
		.topic_len = raw->topic_len,
		.flags = raw->flags,
		.payload_len = raw->payload_len,
		.metadata_len = raw->metadata_len,
		.sequence = raw->sequence,
		.time = raw->time,
		.publisher = raw->publisher,
		.channel = listing->channel,
	};

	return listing->take(listing->arg, &record);
}

static int hand_out_all(struct listing *listing, uint32_t used)
{
	uint32_t at = 0;
	int stop = 0;

	while (!stop && used - at >= sizeof(struct mq_record)) {
		const struct mq_record *raw;

		raw = (const struct mq_record *)((const char *)listing->buffer + at);
		if (raw->size < sizeof(*raw) || raw->size > used - at)
			return -EBADMSG;
		stop = hand_out(listing, raw);
		at += raw->size;
	}
	return stop;
}

static int grow(struct listing *listing, uint32_t size)
{
	void *bigger;

	if (size <= listing->size)
		return -EMSGSIZE;
	bigger = realloc(listing->buffer, size);
	if (!bigger)
		return -ENOMEM;
	listing->buffer = bigger;
	listing->size = size;
	return 0;
}

static int list(struct listing *listing, struct mq_retained *call)
{
	int error;

	do {
		call->buffer = (uintptr_t)listing->buffer;
		call->buffer_size = listing->size;
		call->count = 0;
		call->more = 0;
		error = libmq_ioctl(listing->channel->fd, MQ_IOC_RETAINED, call);
		if (error == -EMSGSIZE) {
			call->more = 1;
			error = grow(listing, call->buffer_size);
		} else if (!error) {
			error = hand_out_all(listing, call->buffer_size);
		}
	} while (!error && call->more);
	return error;
}

int libmq_channel_retained(const struct libmq_channel *channel, const char *filter,
			   size_t len, uint64_t after, uint64_t before,
			   libmq_retained_fn take, void *arg)
{
	struct mq_retained call = {
		.filter_len = len,
		.filter = (uintptr_t)filter,
		.after = after,
		.before = before,
	};
	struct listing listing = {
		.channel = channel,
		.take = take,
		.arg = arg,
		.size = BUFFER_SIZE,
	};
	int error;

	if (!libmq_filter_valid(filter, len))
		return -EINVAL;
	listing.buffer = malloc(listing.size);
	if (!listing.buffer)
		return -ENOMEM;
	error = list(&listing, &call);
	free(listing.buffer);
	return error;
}
