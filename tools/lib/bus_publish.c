// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Publishing on the bus, and waiting for space. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bus.h"

/* ---- space ----------------------------------------------------------------- */

void libmq_bus_space_wait(struct libmq_bus *bus, struct libmq_node *node)
{
	struct epoll_event event = { .events = EPOLLOUT };

	node->stalled = bus->calls;
	if (node->full)
		return;
	event.data.ptr = node;
	node->full = !epoll_ctl(bus->space, EPOLL_CTL_ADD, libmq_publisher_fd(node->publisher),
				&event);
	/* Who can't be told when to come back must come back at once. */
	if (!node->full)
		eventfd_write(bus->space_event, 1);
}

void libmq_bus_space_done(struct libmq_bus *bus, struct libmq_node *node)
{
	struct epoll_event event = {};

	if (!node->full)
		return;
	epoll_ctl(bus->space, EPOLL_CTL_DEL, libmq_publisher_fd(node->publisher), &event);
	node->full = false;
}

void libmq_bus_space_gone(struct libmq_bus *bus, struct libmq_node *node)
{
	libmq_bus_space_done(bus, node);
	eventfd_write(bus->space_event, 1);
}

void libmq_bus_space_taken(struct libmq_bus *bus)
{
	struct libmq_node *node;
	eventfd_t value;

	eventfd_read(bus->space_event, &value);
	for (node = bus->nodes; node; node = node->next) {
		struct pollfd fd = { .events = POLLOUT };

		if (!node->full)
			continue;
		fd.fd = libmq_publisher_fd(node->publisher);
		if (poll(&fd, 1, 0) > 0)
			libmq_bus_space_done(bus, node);
	}
}

/* ---- publishing ------------------------------------------------------------ */

/* A result that says: the owner of the topic is to be looked up (again). */
static bool astray(const struct libmq_result *result)
{
	return result->result == -ENODEV ||
	       (result->result == -ESTALE && result->sequence == LIBMQ_NO_OWNER);
}

static void fail(struct libmq_result *results, unsigned int count, int error)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		results[i] = (struct libmq_result){
			.result = error, .sequence = error == -ESTALE ? LIBMQ_NO_OWNER : 0,
		};
}

int libmq_node_publisher(struct libmq_node *node)
{
	if (node->publisher)
		return 0;
	if (!(node->channel->flags & LIBMQ_OPEN_WRITE))
		return -EACCES;
	return libmq_publisher_open(&node->publisher, node->channel);
}

/*
 * Publishes neighbours of one channel. One that is refused for lack of space
 * stops those behind it; any other failure is that message's own.
 */
static void publish_run(struct libmq_bus *bus, struct libmq_node *node,
			const struct libmq_message *messages,
			struct libmq_result *results, unsigned int count)
{
	unsigned int at = 0;
	int error = libmq_node_publisher(node);

	if (error) {
		fail(results, count, error);
		return;
	}
	while (at < count && node->stalled != bus->calls) {
		int done = libmq_publisher_publish(node->publisher, messages + at,
						   results + at, count - at);

		if (done <= 0) {
			fail(results + at, count - at, done ? done : -EIO);
			return;
		}
		at += done;
		if (results[at - 1].result == -EINTR)
			at--;
		else if (results[at - 1].result == -EAGAIN)
			libmq_bus_space_wait(bus, node);
		else
			libmq_bus_space_done(bus, node);
	}
	fail(results + at, count - at, -EAGAIN);
}

/* How many messages from @at on have the same owner, up to @count in all. */
static unsigned int run_length(struct libmq_bus *bus, const struct libmq_node *node,
			       const struct libmq_message *messages, unsigned int count)
{
	unsigned int i;

	for (i = 1; i < count; i++)
		if (libmq_bus_owner(bus, messages[i].topic, messages[i].topic_len) != node)
			break;
	return i;
}

static void publish_some(struct libmq_bus *bus, const struct libmq_message *messages,
			 struct libmq_result *results, unsigned int count)
{
	unsigned int at = 0;

	while (at < count) {
		struct libmq_node *node = libmq_bus_owner(bus, messages[at].topic,
							  messages[at].topic_len);
		unsigned int run = run_length(bus, node, messages + at, count - at);

		if (node)
			publish_run(bus, node, messages + at, results + at, run);
		else
			fail(results + at, run, -ESTALE);
		at += run;
	}
}

/* Second try for those that went to the wrong channel; neighbours together. */
static void publish_astray(struct libmq_bus *bus, const struct libmq_message *messages,
			   struct libmq_result *results, unsigned int count)
{
	unsigned int at = 0;

	while (at < count) {
		unsigned int end = at;

		while (end < count && astray(&results[end]))
			end++;
		publish_some(bus, messages + at, results + at, end - at);
		at = end + 1;
	}
}

/*
 * If there is an owner as far as we know, and the kernel knows another, that is
 * a channel that we cannot open.
 */
int libmq_bus_explain(struct libmq_bus *bus, const struct libmq_message *message, int result)
{
	if (result != -ESTALE && result != -ENODEV)
		return result;
	if (!mq_topic_valid(message->topic, message->topic_len))
		return -EINVAL;
	if (bus->denied && libmq_bus_owner(bus, message->topic, message->topic_len))
		return -EACCES;
	return -ESTALE;
}

/* If no claim moved since, a second try would end like the first. */
static bool try_again(struct libmq_bus *bus, const struct libmq_result *results,
		      unsigned int count)
{
	bool again = false;
	bool gone = false;
	unsigned int i;

	for (i = 0; i < count; i++) {
		again |= astray(&results[i]);
		gone |= results[i].result == -ENODEV;
	}
	return again && libmq_bus_update(bus, gone) > 0;
}

static void explain_all(struct libmq_bus *bus, const struct libmq_message *messages,
			struct libmq_result *results, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (astray(&results[i]))
			fail(&results[i], 1,
			     libmq_bus_explain(bus, &messages[i], results[i].result));
}

int libmq_bus_publish(struct libmq_bus *bus, const struct libmq_message *messages,
		      struct libmq_result *results, unsigned int count)
{
	int published = 0;
	unsigned int i;

	bus->calls++;
	publish_some(bus, messages, results, count);
	if (try_again(bus, results, count))
		publish_astray(bus, messages, results, count);
	explain_all(bus, messages, results, count);
	for (i = 0; i < count; i++)
		published += !results[i].result;
	return published;
}

/* ---- all or none ----------------------------------------------------------- */

/* The node that owns all topics, or NULL, and results say what is in the way. */
static struct libmq_node *common_owner(struct libmq_bus *bus,
				       const struct libmq_message *messages,
				       struct libmq_result *results, unsigned int count)
{
	struct libmq_node *first = NULL;
	bool common = true;
	unsigned int i;

	fail(results, count, -ECANCELED);
	for (i = 0; i < count; i++) {
		struct libmq_node *node = libmq_bus_owner(bus, messages[i].topic,
							  messages[i].topic_len);

		if (!first)
			first = node;
		if (!node)
			fail(&results[i], 1, -ESTALE);
		else if (node != first)
			fail(&results[i], 1, -EXDEV);
		common &= node && node == first;
	}
	return common ? first : NULL;
}

static void publish_atomic(struct libmq_bus *bus, const struct libmq_message *messages,
			   struct libmq_result *results, unsigned int count)
{
	struct libmq_node *node = common_owner(bus, messages, results, count);
	int error;

	if (!node)
		return;
	error = libmq_node_publisher(node);
	if (error) {
		fail(results, count, error);
		return;
	}
	do {
		error = libmq_publisher_publish_atomic(node->publisher, messages, results, count);
	} while (error == -EINTR);
	if (error == -EAGAIN)
		libmq_bus_space_wait(bus, node);
	else if (!error)
		libmq_bus_space_done(bus, node);
}

int libmq_bus_publish_atomic(struct libmq_bus *bus, const struct libmq_message *messages,
			     struct libmq_result *results, unsigned int count)
{
	if (!count)
		return -EINVAL;
	bus->calls++;
	publish_atomic(bus, messages, results, count);
	if (try_again(bus, results, count))
		publish_atomic(bus, messages, results, count);
	explain_all(bus, messages, results, count);
	return libmq_atomic_result(results, count);
}
