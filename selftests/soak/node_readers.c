// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Children that read a node as cat(1) does. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include "content.h"
#include "subscribers.h"

/* Its own file of the node; it begins at the head that it was opened at. */
static int node_reader_open(struct life *life, int node, struct node_reader *page, int flags)
{
	struct mq_info info = {};
	int fd;

	if (mqt_ioctl(node, MQ_IOC_INFO, &info))
		return -ENODEV;
	page->start_low = info.head;
	fd = mqt_node(content_name(life->channel), O_RDONLY | flags);
	if (fd < 0)
		return fd;
	/* The name may lead to the next life already. */
	if (mqt_ioctl(fd, MQ_IOC_INFO, &info) || info.id != life->id) {
		close(fd);
		return -ENODEV;
	}
	__atomic_store_n(&page->start_high, info.head, __ATOMIC_RELEASE);
	return fd;
}

static void node_reader_check(struct life *life, const void *buffer, size_t len, uint32_t *numbers)
{
	uint64_t tag;
	const char *wrong = content_check_payload(life, buffer, len, &tag);
	uint32_t number = content_number(tag);

	if (wrong) {
		books_fault(life, "a node gave payload %llx of %zu bytes, which %s",
			    (unsigned long long)tag, len, wrong);
		return;
	}
	if (!tag || number & CONTENT_WILL)
		return;
	if (number <= numbers[content_publisher(tag)])
		books_fault(life, "a node gave record %llx after number %u",
			    (unsigned long long)tag, numbers[content_publisher(tag)]);
	numbers[content_publisher(tag)] = number;
}

void node_reader_run(struct child *child, struct life *life, int node, struct dice *dice)
{
	struct node_reader *page = books_node_reader_new(life);
	uint32_t numbers[BOOKS_PUBLISHERS] = {};
	uint32_t pause = dice_percent(dice, 50) ? 0 : dice_roll(dice, 30000);
	uint8_t *buffer = malloc(SUBSCRIBER_BUFFER);
	int fd;

	if (!page || !buffer)
		return;
	fd = node_reader_open(life, node, page, dice_percent(dice, 50) ? O_NONBLOCK : 0);
	while (fd >= 0 && !__atomic_load_n(&child->stop, __ATOMIC_ACQUIRE)) {
		ssize_t len = read(fd, buffer, SUBSCRIBER_BUFFER);

		if (!len) {
			page->at_end = true;
			break;
		}
		if (len > 0) {
			node_reader_check(life, buffer, len, numbers);
			__atomic_store_n(&page->delivered, page->delivered + 1, __ATOMIC_RELEASE);
			books_add(&books->totals.delivered, 1);
		} else if (errno == EAGAIN) {
			mqt_poll(fd, POLLIN, dice_roll(dice, 200));
		} else if (errno != EINTR) {
			books_fault(life, "reading a node: error %d", errno);
		}
		if (pause)
			usleep(dice_roll(dice, pause));
	}
	if (fd >= 0)
		close(fd);
	free(buffer);
}
