// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Small things that every file needs, and the version. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

const char *libmq_version(void)
{
	return LIBMQ_VERSION;
}

int libmq_module_parameter(const char *name, uint64_t *value)
{
	char path[128], text[32], *end;
	unsigned long long number;
	ssize_t length;
	int fd;

	if (snprintf(path, sizeof(path), "/sys/module/mq/parameters/%s", name) >=
	    (int)sizeof(path))
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return -EPROTO;
	text[length] = '\0';
	number = strtoull(text, &end, 10);
	if (end == text || *end != '\n')
		return -EPROTO;
	*value = number;
	return 0;
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
