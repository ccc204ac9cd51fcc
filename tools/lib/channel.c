// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A channel: opening its node and asking what it is. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

/* Room for claims that the first call offers; grown if it is too little. */
#define CLAIMS_ROOM 1024

static int open_mode(unsigned int flags)
{
	switch (flags) {
	case LIBMQ_OPEN_READ:
		return O_RDONLY;
	case LIBMQ_OPEN_WRITE:
		return O_WRONLY;
	case LIBMQ_OPEN_READ | LIBMQ_OPEN_WRITE:
		return O_RDWR;
	}
	return -EINVAL;
}

static int node_path(char *path, size_t size, const char *directory, const char *name)
{
	size_t len = strlen(name);
	int used;

	if (!len || strchr(name, '/') || name[0] == '.')
		return -EINVAL;
	if (len > LIBMQ_NAME_MAX)
		return -ENAMETOOLONG;
	used = snprintf(path, size, "%s/%s", directory ? directory : LIBMQ_DIRECTORY, name);
	return (size_t)used < size ? 0 : -ENAMETOOLONG;
}

/* Whether it is a channel is for MQ_IOC_INFO to say; ask character devices only. */
static int identify(struct libmq_channel *channel)
{
	struct mq_info info = {};
	struct stat stat;
	int error;

	if (fstat(channel->fd, &stat) < 0)
		return -errno;
	if (!S_ISCHR(stat.st_mode))
		return -ENOTTY;
	error = libmq_ioctl(channel->fd, MQ_IOC_INFO, &info);
	if (error)
		return error;
	channel->id = info.id;
	channel->overflow = info.overflow;
	channel->max_record = info.max_record;
	channel->evictable = info.evict_after;
	channel->readers_hold = info.hold == MQ_HOLD_READERS;
	return 0;
}

int libmq_channel_open(struct libmq_channel **channel, const char *directory,
		       const char *name, unsigned int flags)
{
	struct libmq_channel *new;
	char path[PATH_MAX];
	int mode = open_mode(flags);
	int error;

	if (mode < 0)
		return mode;
	error = node_path(path, sizeof(path), directory, name);
	if (error)
		return error;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->flags = flags;
	strcpy(new->name, name);
	/* O_NONBLOCK: a FIFO of that name must not stop us. */
	new->fd = open(path, mode | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	error = new->fd < 0 ? -errno : identify(new);
	if (error) {
		libmq_channel_close(new);
		return error;
	}
	*channel = new;
	return 0;
}

void libmq_channel_close(struct libmq_channel *channel)
{
	if (!channel)
		return;
	if (channel->fd >= 0)
		close(channel->fd);
	free(channel);
}

const char *libmq_channel_name(const struct libmq_channel *channel)
{
	return channel->name;
}

int libmq_channel_fd(const struct libmq_channel *channel)
{
	return channel->fd;
}

int libmq_channel_position(const struct libmq_channel *channel, uint64_t *head,
			   uint64_t *generation)
{
	struct mq_info info = {};
	int error = libmq_ioctl(channel->fd, MQ_IOC_INFO, &info);

	if (error)
		return error;
	/* Its generation stands still then. */
	if (info.state == MQ_CHANNEL_DEAD)
		return -ENODEV;
	*head = info.head;
	*generation = info.generation;
	return 0;
}

static void info_numbers(struct libmq_channel_info *to, const struct mq_info *from)
{
	*to = (struct libmq_channel_info){
		.id = from->id,
		.generation = from->generation,
		.first = from->first,
		.oldest = from->oldest,
		.head = from->head,
		.bytes = from->bytes,
		.slots = from->slots,
		.max_record = from->max_record,
		.overflow = from->overflow,
		.dead = from->state == MQ_CHANNEL_DEAD,
		.subscriptions = from->subscriptions,
		.publishers = from->publishers,
		.retained = from->retained,
		.retained_max = from->retained_max,
		.retained_bytes = from->retained_bytes,
		.retained_bytes_max = from->retained_bytes_max,
		.published = from->published,
		.refused = from->refused,
		.overwritten = from->overwritten,
		.node_passed = from->node_passed,
		.evict_after = from->evict_after,
		.hold = LIBMQ_HOLD_WRITERS + from->hold,
		.evicted = from->evicted,
		.wills = from->wills,
		.wills_lost = from->wills_lost,
		.expired = from->expired,
	};
	memcpy(to->refusals, from->refusals, sizeof(to->refusals));
	memcpy(to->name, from->name, sizeof(to->name));
	to->name[LIBMQ_NAME_MAX] = '\0';
}

/* Pointers and text lie in one block, so that one free() ends both. */
static int info_claims(struct libmq_channel_info *info, const char *text, size_t size)
{
	unsigned int count = 0;
	char *copy;
	size_t i;

	for (i = 0; i < size; i++)
		count += text[i] == '\0';
	if (!count || text[size - 1] != '\0')
		return count ? -EBADMSG : 0;
	info->claims = malloc(count * sizeof(*info->claims) + size);
	if (!info->claims)
		return -ENOMEM;
	copy = (char *)(info->claims + count);
	memcpy(copy, text, size);
	for (i = 0; i < count; i++, copy += strlen(copy) + 1)
		info->claims[i] = copy;
	info->claims_count = count;
	return 0;
}

int libmq_channel_info(const struct libmq_channel *channel, struct libmq_channel_info *info)
{
	size_t room = CLAIMS_ROOM;
	struct mq_info raw;
	char *text = NULL;
	int error;

	do {
		char *bigger = realloc(text, room);

		if (!bigger) {
			free(text);
			return -ENOMEM;
		}
		text = bigger;
		raw = (struct mq_info){ .claims_size = room, .claims = (uintptr_t)text };
		error = libmq_ioctl(channel->fd, MQ_IOC_INFO, &raw);
		if (error || raw.claims_size <= room)
			break;
		/* Claims may grow between two calls; so may the room. */
		room = raw.claims_size * 2;
	} while (true);
	if (!error) {
		info_numbers(info, &raw);
		error = info_claims(info, text, raw.claims_size);
	}
	free(text);
	return error;
}

void libmq_channel_info_free(struct libmq_channel_info *info)
{
	free(info->claims);
	info->claims = NULL;
	info->claims_count = 0;
}
