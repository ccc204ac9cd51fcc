// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Publishing to one channel: messages go to the kernel in chunks, an atomic batch
 * in one. Wills are in publisher_will.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

#define CHUNK 256

struct libmq_publisher {
	int fd;
	uint64_t id;
	struct mq_publish chunk[CHUNK];
};

int libmq_publisher_open(struct libmq_publisher **publisher, const struct libmq_channel *channel)
{
	return libmq_publisher_open_opts(publisher, channel, NULL);
}

int libmq_publisher_open_opts(struct libmq_publisher **publisher,
			      const struct libmq_channel *channel,
			      const struct libmq_publisher_opts *given)
{
	struct mq_publisher_new call = {};
	struct libmq_publisher_opts opts;
	struct libmq_publisher *new;
	int error = libmq_options(&opts, sizeof(opts), given);

	if (error)
		return error;
	call.flags = opts.wait ? 0 : MQ_PUBLISHER_NONBLOCK;
	call.timeout_ms = opts.timeout_ms;
	new = malloc(sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->fd = libmq_ioctl(channel->fd, MQ_IOC_PUBLISHER, &call);
	if (new->fd < 0) {
		error = new->fd;
		free(new);
		return error;
	}
	new->id = call.id;
	*publisher = new;
	return 0;
}

void libmq_publisher_close(struct libmq_publisher *publisher)
{
	if (!publisher)
		return;
	close(publisher->fd);
	free(publisher);
}

uint64_t libmq_publisher_id(const struct libmq_publisher *publisher)
{
	return publisher->id;
}

int libmq_publisher_fd(const struct libmq_publisher *publisher)
{
	return publisher->fd;
}

static void fill(struct mq_publish *to, const struct libmq_message *from)
{
	*to = (struct mq_publish){
		.flags = from->flags,
		.topic_len = from->topic_len,
		.payload_len = from->payload_len,
		.metadata_len = from->metadata_len,
		.topic = (uintptr_t)from->topic,
		.payload = (uintptr_t)from->payload,
		.metadata = (uintptr_t)from->metadata,
		.expect = from->expect,
		.expiry_ns = from->expiry_ns,
		.sequence = LIBMQ_NO_OWNER,
	};
}

static void take(struct libmq_result *to, const struct mq_publish *from)
{
	*to = (struct libmq_result){ .result = from->result };
	/* The kernel has written it if it is the expectation that does not hold. */
	if (from->result == -ESTALE)
		to->sequence = from->sequence;
	if (from->result)
		return;
	to->receivers = from->receivers;
	to->sequence = from->sequence;
	to->time = from->time;
}

/* One call to the kernel: how many messages have their result, or -errno. */
static int publish_chunk(struct libmq_publisher *publisher,
			 const struct libmq_message *messages,
			 struct libmq_result *results, unsigned int count, uint32_t flags)
{
	struct mq_publish_batch batch = {
		.flags = flags,
		.count = count,
		.records = (uintptr_t)publisher->chunk,
	};
	unsigned int i;
	int error;

	for (i = 0; i < count; i++)
		fill(&publisher->chunk[i], &messages[i]);
	error = libmq_ioctl(publisher->fd, MQ_IOC_PUBLISH_BATCH, &batch);
	if (error)
		return error;
	if (batch.done > count)
		return -EBADMSG;
	for (i = 0; i < batch.done; i++)
		take(&results[i], &publisher->chunk[i]);
	return batch.done;
}

/* Whether the kernel ends a batch at a record with this result. */
static bool ends_batch(int result)
{
	switch (result) {
	case -EAGAIN:
	case -ETIMEDOUT:
	case -ENOMEM:
	case -ENODEV:
	case -EFAULT:
	case -EINTR:
		return true;
	}
	return false;
}

int libmq_publisher_publish(struct libmq_publisher *publisher,
			    const struct libmq_message *messages,
			    struct libmq_result *results, unsigned int count)
{
	unsigned int at = 0;

	while (at < count) {
		unsigned int chunk = count - at < CHUNK ? count - at : CHUNK;
		int done = publish_chunk(publisher, messages + at, results + at, chunk, 0);

		if (done < 0)
			return at ? (int)at : done;
		at += done;
		if (!done || (unsigned int)done < chunk || ends_batch(results[at - 1].result))
			break;
	}
	return at;
}

int libmq_atomic_result(const struct libmq_result *results, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (results[i].result && results[i].result != -ECANCELED)
			return results[i].result;
	return 0;
}

int libmq_publisher_publish_atomic(struct libmq_publisher *publisher,
				   const struct libmq_message *messages,
				   struct libmq_result *results, unsigned int count)
{
	unsigned int i;
	int done = -E2BIG;

	if (count <= MQ_ATOMIC_MAX)
		done = publish_chunk(publisher, messages, results, count, MQ_BATCH_ATOMIC);
	if (done >= 0 && (unsigned int)done < count)
		done = -EBADMSG;
	for (i = 0; done < 0 && i < count; i++)
		results[i] = (struct libmq_result){ .result = done };
	return done < 0 ? done : libmq_atomic_result(results, count);
}
