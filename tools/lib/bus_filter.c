// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Filters of the bus and the subscriptions that carry them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "bus.h"

/*
 * Where a filter begins on a node that it is new to:
 *   - its claims did not meet the filter when they were read last: where its
 *     head was then (before, it had no topic that the filter matches);
 *   - they were never read, and the node was not there when the filter was
 *     added: at its first record;
 *   - else now.
 */
static uint64_t begin(const struct libmq_node *node, const struct libmq_filter *filter,
		      uint64_t before)
{
	if (before != LIBMQ_FROM_NOW)
		return before;
	return node->born > filter->order ? 0 : LIBMQ_FROM_NOW;
}

/* Holding where the channel and the node permit it and the user asked for it. */
static bool may_hold(const struct libmq_bus *bus, const struct libmq_node *node)
{
	return bus->hold && node->channel->overflow != MQ_OVERFLOW_DROP_OLDEST &&
	       (node->channel->readers_hold || node->channel->flags & LIBMQ_OPEN_WRITE);
}

static int open_subscription(struct libmq_bus *bus, struct libmq_node *node, uint64_t from)
{
	struct libmq_subscription_opts opts = {
		.size = sizeof(opts),
		.start = LIBMQ_START_LATEST,
		.hold = may_hold(bus, node),
	};
	struct epoll_event event = { .events = EPOLLIN };
	int error;

	if (!from) {
		opts.start = LIBMQ_START_OLDEST;
	} else if (from != LIBMQ_FROM_NOW) {
		opts.start = LIBMQ_START_SEQUENCE;
		opts.sequence = from;
	}
	error = libmq_subscription_open(&node->subscription, node->channel, &opts);
	if (error)
		return error;
	event.data.ptr = node;
	if (epoll_ctl(bus->epoll, EPOLL_CTL_ADD, libmq_subscription_fd(node->subscription),
		      &event) < 0) {
		error = -errno;
		libmq_subscription_close(node->subscription);
		node->subscription = NULL;
		return error;
	}
	node->subscription->watch = true;
	node->subscription->generation = libmq_ring_generation(&node->subscription->ring);
	return 0;
}

/* A subscription without filters wants nothing; what it had not read, neither. */
static void close_unused(struct libmq_bus *bus, struct libmq_node *node)
{
	if (node->subscription->filters.count)
		return;
	libmq_subscription_close(node->subscription);
	node->subscription = NULL;
	node->stamps_first = node->stamps_count;
	/* Only that kept it. */
	if (node->retired)
		libmq_bus_drop(bus, node);
}

static int put(struct libmq_bus *bus, struct libmq_node *node,
	       const struct libmq_filter *filter, uint64_t from)
{
	int error = 0;

	if (!(node->channel->flags & LIBMQ_OPEN_READ))
		return 0;
	if (!node->subscription)
		error = open_subscription(bus, node, from);
	if (!error)
		error = libmq_subscription_put(node->subscription, filter->text, filter->len,
					       filter->weight, from, NULL);
	/* It died under our hands: the directory will tell. */
	return error == -ENODEV ? 0 : error;
}

static bool lacks(const struct libmq_node *node, const struct libmq_filter *filter)
{
	if (node->subscription &&
	    libmq_filters_find(&node->subscription->filters, filter->text, filter->len))
		return false;
	return libmq_node_meets(node, filter->text, filter->len);
}

bool libmq_bus_put_filters(struct libmq_bus *bus, struct libmq_node *node, uint64_t before)
{
	struct libmq_filter *filter;
	struct libmq_filter *first = NULL;
	int error = 0;

	/* The subscription starts where its first filter begins. */
	for (filter = bus->filters.all; filter; filter = filter->next)
		if (lacks(node, filter) &&
		    (!first || begin(node, filter, before) < begin(node, first, before)))
			first = filter;
	if (!first)
		return true;
	error = put(bus, node, first, begin(node, first, before));
	for (filter = bus->filters.all; filter && !error; filter = filter->next)
		if (lacks(node, filter))
			error = put(bus, node, filter, begin(node, filter, before));
	/* Limits of filters stay reached until somebody takes some off. */
	if (error)
		libmq_bus_failed(bus, error, !node->subscription && libmq_bus_serious(error));
	return !error;
}

/* ---- subscribing ---------------------------------------------------------- */

static int take_off(struct libmq_bus *bus, const char *filter, size_t len)
{
	struct libmq_node *node = bus->nodes;
	int error = 0;

	while (node) {
		struct libmq_node *next = node->next;
		int failed = -ENOENT;

		if (node->subscription)
			failed = libmq_subscription_remove(node->subscription, filter, len);
		if (failed && failed != -ENOENT)
			error = failed;
		if (!failed)
			close_unused(bus, node);
		node = next;
	}
	return error;
}

static int put_everywhere(struct libmq_bus *bus, const struct libmq_filter *filter)
{
	struct libmq_node *node;
	int error = 0;

	for (node = bus->nodes; node && !error; node = node->next)
		if (libmq_node_meets(node, filter->text, filter->len))
			error = put(bus, node, filter, LIBMQ_FROM_NOW);
	return error;
}

int libmq_bus_subscribe(struct libmq_bus *bus, const char *text, size_t len, uint32_t weight)
{
	struct libmq_filter *filter;
	int error;

	if (len > MQ_TOPIC_LEN_MAX || !mq_filter_levels(text, len))
		return -EINVAL;
	if (!mq_filter_valid(text, len))
		return -E2BIG;
	/* First what is there now: what comes later is joined from its start. */
	error = libmq_bus_update(bus, false);
	if (error < 0)
		return error;
	filter = libmq_filters_find(&bus->filters, text, len);
	if (filter) {
		filter->weight = weight;
		return put_everywhere(bus, filter);
	}
	filter = libmq_filters_add(&bus->filters, text, len);
	if (!filter)
		return -ENOMEM;
	filter->weight = weight;
	filter->order = ++bus->order;
	error = put_everywhere(bus, filter);
	if (error) {
		take_off(bus, text, len);
		libmq_filters_remove(&bus->filters, filter);
	}
	return error;
}

int libmq_bus_unsubscribe(struct libmq_bus *bus, const char *text, size_t len)
{
	struct libmq_filter *filter;

	if (!libmq_filter_valid(text, len))
		return -EINVAL;
	filter = libmq_filters_find(&bus->filters, text, len);
	if (!filter)
		return -ENOENT;
	libmq_filters_remove(&bus->filters, filter);
	return take_off(bus, text, len);
}
