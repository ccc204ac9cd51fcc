/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: What the files of the library share
 *
 * Only this library includes the kernel's headers. Internal functions carry
 * the prefix libmq_ too, because a static library has one name space with the
 * program it is linked to; libmq.map says which of them are public.
 *
 *   libmq_bus -> {libmq_subscription, libmq_publisher} -> libmq_channel
 *   libmq_subscription -> {libmq_filters, libmq_ring}
 *   libmq_admin -> netlink.h
 */
#ifndef LIBMQ_PRIVATE_H
#define LIBMQ_PRIVATE_H

/* The library is built with -fvisibility=hidden; what follows is public. */
#pragma GCC visibility push(default)
#include "libmq.h"
#pragma GCC visibility pop

#include <linux/mq.h>

#define LIBMQ_DIRECTORY "/dev/mq"

/**
 * struct libmq_channel - an open node
 * @fd: the node
 * @flags: LIBMQ_OPEN_*: what it is open for
 * @overflow: enum mq_overflow
 * @max_record: most bytes of topic + payload + metadata
 * @evictable: its holders may be evicted
 * @readers_hold: who may read it may hold it
 * @id: identity of this creation of the channel
 * @name: name, terminated
 */
struct libmq_channel {
	int fd;
	unsigned int flags;
	uint32_t overflow;
	uint32_t max_record;
	bool evictable;
	bool readers_hold;
	uint64_t id;
	char name[LIBMQ_NAME_MAX + 1];
};

/* ioctl(2) that returns -errno and repeats what a signal interrupted. */
int libmq_ioctl(int fd, unsigned long request, void *arg);

/*
 * Copies the options a caller gave (or none) into @options of @size bytes.
 * -EINVAL: the caller's structure is newer than this library and sets what
 * this library does not know, or its size is nonsense.
 */
int libmq_options(void *options, size_t size, const void *given);

/* Where a channel stands, see struct mq_info; -ENODEV: it was deleted. */
int libmq_channel_position(const struct libmq_channel *channel, uint64_t *head,
			   uint64_t *generation);

/* What an atomic batch came to: its first result that says why, or 0. */
int libmq_atomic_result(const struct libmq_result *results, unsigned int count);

/* CLOCK_MONOTONIC in ms. */
int64_t libmq_now_ms(void);

/* What is left of a time-out: -1 if there is none, else 0 or more ms. */
int libmq_remaining_ms(int timeout_ms, int64_t started);

#endif /* LIBMQ_PRIVATE_H */
