// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Wills of a publisher: the kernel keeps them, this library remembers nothing. */
#include <errno.h>

#include "private.h"

int libmq_publisher_will_set(struct libmq_publisher *publisher, uint64_t id,
			     const struct libmq_message *message,
			     const struct libmq_will_opts *given)
{
	struct libmq_will_opts opts;
	struct mq_will will = {
		.id = id,
		.record_flags = message->flags,
		.topic_len = message->topic_len,
		.payload_len = message->payload_len,
		.metadata_len = message->metadata_len,
		.topic = (uintptr_t)message->topic,
		.payload = (uintptr_t)message->payload,
		.metadata = (uintptr_t)message->metadata,
		.expiry_ns = message->expiry_ns,
	};
	int error = libmq_options(&opts, sizeof(opts), given);

	if (error)
		return error;
	/* Nobody would be there to hear that it does not hold. */
	if (message->expect)
		return -EINVAL;
	will.delay_ms = opts.delay_ms;
	will.flags = opts.on_exit ? MQ_WILL_ON_EXIT : 0;
	return libmq_ioctl(libmq_publisher_fd(publisher), MQ_IOC_WILL_SET, &will);
}

static int clear(struct libmq_publisher *publisher, uint64_t id, uint32_t flags)
{
	struct mq_will_clear call = { .flags = flags, .id = id };
	int error = libmq_ioctl(libmq_publisher_fd(publisher), MQ_IOC_WILL_CLEAR, &call);

	return error ? error : (int)call.count;
}

int libmq_publisher_will_clear(struct libmq_publisher *publisher, uint64_t id)
{
	int count = clear(publisher, id, 0);

	return count < 0 ? count : 0;
}

int libmq_publisher_will_publish(struct libmq_publisher *publisher, uint64_t id)
{
	int count = clear(publisher, id, MQ_WILL_PUBLISH);

	if (count < 0)
		return count;
	return count ? 0 : -ESTALE;
}

int libmq_publisher_wills_clear(struct libmq_publisher *publisher)
{
	return clear(publisher, 0, MQ_WILL_ALL);
}

int libmq_publisher_wills_publish(struct libmq_publisher *publisher)
{
	return clear(publisher, 0, MQ_WILL_ALL | MQ_WILL_PUBLISH);
}
