// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Small things that every file needs, and the version. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "private.h"

const char *libmq_version(void)
{
	return LIBMQ_VERSION;
}

int libmq_ioctl(int fd, unsigned long request, void *arg)
{
	int done;

	do {
		done = ioctl(fd, request, arg);
	} while (done < 0 && errno == EINTR);
	return done < 0 ? -errno : done;
}

int libmq_options(void *options, size_t size, const void *given)
{
	size_t given_size;
	size_t i;

	memset(options, 0, size);
	if (!given)
		return 0;
	memcpy(&given_size, given, sizeof(given_size));
	if (given_size < sizeof(given_size))
		return -EINVAL;
	for (i = size; i < given_size; i++)
		if (((const uint8_t *)given)[i])
			return -EINVAL;
	memcpy(options, given, given_size < size ? given_size : size);
	return 0;
}

int64_t libmq_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int libmq_remaining_ms(int timeout_ms, int64_t started)
{
	int64_t gone;

	if (timeout_ms < 0)
		return -1;
	gone = libmq_now_ms() - started;
	return gone >= timeout_ms ? 0 : (int)(timeout_ms - gone);
}
