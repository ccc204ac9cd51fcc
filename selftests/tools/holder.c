// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * holder WHAT NAME: keeps one thing of a channel, and nothing else of mq, until it
 * is killed; says "holding" when it does. test_unload_01.sh runs it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "uring_test.h"

static int hold_node(const char *name)
{
	return mqt_node(name, O_RDWR);
}

static int hold_publisher(const char *name)
{
	return mqt_publisher(name, 0);
}

static int hold_subscription(const char *name)
{
	struct mqt_subscription subscription;
	int error = mqt_subscribe_to(&subscription, name, 0, "#");

	return error ? error : subscription.fd;
}

static int hold_mapping(const char *name)
{
	struct mqt_subscription subscription;
	struct mqt_map map;
	int error = mqt_subscribe_to(&subscription, name, 0, "#");

	if (!error)
		error = mqt_map(&map, &subscription);
	if (!error)
		close(subscription.fd);
	return error;
}

/* One that waits: parked, or in a worker thread. */
static int hold_command(const char *name)
{
	static struct mq_receive receive;
	static uint64_t buffer[512];
	static struct mqu ring;
	int fd = hold_subscription(name);
	int error = fd < 0 ? fd : mqu_init(&ring, (struct mqu_kind){});

	if (error)
		return error;
	mqt_receive(&receive, MQ_RECEIVE_WAIT, buffer, sizeof(buffer));
	mqu_prep(&ring, fd, MQ_IOC_RECEIVE, &receive);
	if (mqu_submit(&ring) != 1)
		return -EIO;
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*hold)(const char *name);
	} kinds[] = {
		{ "node", hold_node },
		{ "publisher", hold_publisher },
		{ "subscription", hold_subscription },
		{ "mapping", hold_mapping },
		{ "command", hold_command },
	};
	unsigned int i;
	int result = -EINVAL;

	for (i = 0; argc == 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name))
			result = kinds[i].hold(argv[2]);
	if (result < 0) {
		fprintf(stderr, "holder: %s\n", strerror(-result));
		return 1;
	}
	puts("holding");
	fflush(stdout);
	for (;;)
		pause();
}
