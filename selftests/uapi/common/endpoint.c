// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The three kinds of descriptor and their calls. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "../mq_test.h"

int mqt_ioctl(int fd, unsigned long cmd, void *arg)
{
	int result = ioctl(fd, cmd, arg);

	return result < 0 ? -errno : result;
}

int mqt_refusal(int fd, unsigned long cmd, void *arg)
{
	char before[512];
	int result;

	if (_IOC_SIZE(cmd) > sizeof(before))
		abort();
	memcpy(before, arg, _IOC_SIZE(cmd));
	result = mqt_ioctl(fd, cmd, arg);
	if (result >= 0)
		return MQT_SUCCEEDED;
	return memcmp(before, arg, _IOC_SIZE(cmd)) ? MQT_CHANGED : -result;
}

int mqt_node(const char *name, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/dev/mq/%s", name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int mqt_info(const char *name, struct mq_info *info)
{
	int node = mqt_node(name, O_RDONLY);
	int error;

	if (node < 0)
		return node;
	memset(info, 0, sizeof(*info));
	error = mqt_ioctl(node, MQ_IOC_INFO, info);
	close(node);
	return error;
}

int mqt_publisher(const char *name, uint32_t flags)
{
	return mqt_publisher_timeout(name, flags, 0);
}

int mqt_publisher_timeout(const char *name, uint32_t flags, uint32_t timeout_ms)
{
	struct mq_publisher_new args = { .flags = flags, .timeout_ms = timeout_ms };
	int node = mqt_node(name, O_WRONLY);
	int fd;

	if (node < 0)
		return node;
	fd = mqt_ioctl(node, MQ_IOC_PUBLISHER, &args);
	close(node);
	return fd;
}

int mqt_subscribe(struct mqt_subscription *subscription, const char *name, uint32_t flags,
		  uint32_t start, uint64_t sequence)
{
	struct mq_subscribe args = { .flags = flags, .start = start, .sequence = sequence };
	int node = mqt_node(name, flags & MQ_SUBSCRIBE_HOLD ? O_RDWR : O_RDONLY);
	int fd;

	if (node < 0)
		return node;
	fd = mqt_ioctl(node, MQ_IOC_SUBSCRIBE, &args);
	close(node);
	if (fd < 0)
		return fd;
	*subscription = (struct mqt_subscription){
		.fd = fd,
		.id = args.id,
		.position = args.position,
		.ring_size = args.ring_size,
	};
	return 0;
}

int mqt_subscribe_to(struct mqt_subscription *subscription, const char *name, uint32_t flags,
		     const char *filter)
{
	int error = mqt_subscribe(subscription, name, flags | MQ_SUBSCRIBE_NONBLOCK,
				  MQ_START_LATEST, 0);

	if (!error)
		error = mqt_filter_add(subscription->fd, filter, 1, NULL);
	return error;
}

static int filter_call(int fd, unsigned long cmd, const char *filter, uint32_t weight,
		       uint64_t *sequence)
{
	struct mq_filter args = {
		.filter_len = strlen(filter),
		.filter = (uintptr_t)filter,
		.weight = weight,
	};
	int error = mqt_ioctl(fd, cmd, &args);

	if (!error && sequence)
		*sequence = args.sequence;
	return error;
}

int mqt_filter_add(int fd, const char *filter, uint32_t weight, uint64_t *sequence)
{
	return filter_call(fd, MQ_IOC_FILTER_ADD, filter, weight, sequence);
}

int mqt_filter_remove(int fd, const char *filter)
{
	return filter_call(fd, MQ_IOC_FILTER_REMOVE, filter, 0, NULL);
}

int mqt_resync(int fd, struct mq_resync *resync)
{
	memset(resync, 0, sizeof(*resync));
	return mqt_ioctl(fd, MQ_IOC_RESYNC, resync);
}

void mqt_record(struct mq_publish *record, const char *topic, const void *payload, size_t len)
{
	memset(record, 0, sizeof(*record));
	record->topic = (uintptr_t)topic;
	record->topic_len = strlen(topic);
	record->payload = (uintptr_t)payload;
	record->payload_len = len;
	memset(&record->result, MQT_POISON, sizeof(record->result));
	memset(&record->receivers, MQT_POISON, sizeof(record->receivers));
	memset(&record->sequence, MQT_POISON, sizeof(record->sequence));
	memset(&record->time, MQT_POISON, sizeof(record->time));
}

int mqt_publish(int fd, const char *topic, const void *payload, size_t len)
{
	struct mq_publish record;

	mqt_record(&record, topic, payload, len);
	return mqt_ioctl(fd, MQ_IOC_PUBLISH, &record);
}

int mqt_publish_str(int fd, const char *topic, const char *payload)
{
	return mqt_publish(fd, topic, payload, strlen(payload));
}

int mqt_retain(int fd, const char *topic, const void *payload, size_t len)
{
	struct mq_publish record;

	mqt_record(&record, topic, payload, len);
	record.flags = MQ_RECORD_RETAIN;
	return mqt_ioctl(fd, MQ_IOC_PUBLISH, &record);
}

struct mq_receive *mqt_receive(struct mq_receive *receive, uint32_t flags, void *buffer,
			       uint32_t size)
{
	memset(receive, MQT_POISON, sizeof(*receive));
	receive->flags = flags;
	receive->buffer_size = size;
	receive->buffer = (uintptr_t)buffer;
	receive->reserved0 = 0;
	memset(receive->reserved, 0, sizeof(receive->reserved));
	return receive;
}

void mqt_will(struct mq_will *will, uint64_t id, const char *topic, const void *payload,
	      size_t len)
{
	memset(will, 0, sizeof(*will));
	will->id = id;
	will->topic = (uintptr_t)topic;
	will->topic_len = strlen(topic);
	will->payload = (uintptr_t)payload;
	will->payload_len = len;
}

int mqt_will_set(int fd, uint64_t id, const char *topic, const char *payload)
{
	struct mq_will will;

	mqt_will(&will, id, topic, payload, strlen(payload));
	return mqt_ioctl(fd, MQ_IOC_WILL_SET, &will);
}

int mqt_will_clear(int fd, uint32_t flags, uint64_t id)
{
	struct mq_will_clear clear = { .flags = flags, .id = id };
	int error = mqt_ioctl(fd, MQ_IOC_WILL_CLEAR, &clear);

	return error ? error : (int)clear.count;
}

const char *mqt_read_text(int fd)
{
	static char text[65536];
	uint64_t buffer[4096];
	size_t used = 0;
	ssize_t len, at;

	text[0] = '\0';
	while ((len = read(fd, buffer, sizeof(buffer))) > 0)
		for (at = 0; at < len;) {
			const struct mq_record *record = (void *)((char *)buffer + at);
			const char *topic = (void *)(record + 1);
			size_t room = sizeof(text) - used;
			size_t more = snprintf(text + used, room, "%s%.*s=%.*s ",
					       record->flags & MQ_RECORD_WILL ? "!" : "",
					       record->topic_len, topic, (int)record->payload_len,
					       topic + record->topic_len);

			if (more >= room)
				return "too much";
			used += more;
			at += record->size;
		}
	return text;
}

int mqt_poll(int fd, short events, int timeout_ms)
{
	struct pollfd entry = { .fd = fd, .events = events };

	if (poll(&entry, 1, timeout_ms) < 0)
		return -errno;
	return entry.revents;
}
