// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Wills of the bus. The id is the bus's, the will is kept by the publisher of the
 * channel that owns its topic; which one that was is asked of the kernel, so there
 * is nothing here that could be out of date.
 */
#include <errno.h>

#include "bus.h"

static int set_will(struct libmq_bus *bus, uint64_t id, const struct libmq_message *message,
		    const struct libmq_will_opts *opts, struct libmq_node **node)
{
	int error;

	*node = libmq_bus_owner(bus, message->topic, message->topic_len);
	if (!*node)
		return -ESTALE;
	error = libmq_node_publisher(*node);
	if (error)
		return error;
	error = libmq_publisher_will_set((*node)->publisher, id, message, opts);
	(*node)->wills |= !error;
	if (error == -EAGAIN)
		libmq_bus_space_wait(bus, *node);
	return error;
}

/*
 * Has a will cleared or published wherever it is, but on @except. -ENOENT: no
 * channel has it; one that is dead has none.
 */
static int each_will(struct libmq_bus *bus, uint64_t id, const struct libmq_node *except,
		     int (*act)(struct libmq_publisher *publisher, uint64_t id))
{
	struct libmq_node *node;
	int result = -ENOENT;

	for (node = bus->nodes; node; node = node->next) {
		int error;

		if (!node->wills || node == except)
			continue;
		error = act(node->publisher, id);
		if (error != -ENOENT && error != -ENODEV)
			result = error;
	}
	return result;
}

static int each_node(struct libmq_bus *bus, int (*act)(struct libmq_publisher *publisher))
{
	struct libmq_node *node;
	int total = 0;

	for (node = bus->nodes; node; node = node->next) {
		int count = node->wills ? act(node->publisher) : 0;

		if (count < 0 && count != -ENODEV)
			return count;
		total += count > 0 ? count : 0;
	}
	return total;
}

int libmq_bus_will_set(struct libmq_bus *bus, uint64_t id, const struct libmq_message *message,
		       const struct libmq_will_opts *opts)
{
	struct libmq_node *node;
	int error = set_will(bus, id, message, opts, &node);

	if ((error == -ESTALE || error == -ENODEV) &&
	    libmq_bus_update(bus, error == -ENODEV) > 0)
		error = set_will(bus, id, message, opts, &node);
	if (error)
		return libmq_bus_explain(bus, message, error);
	/* The one that it replaces may be another channel's. */
	each_will(bus, id, node, libmq_publisher_will_clear);
	return 0;
}

int libmq_bus_will_clear(struct libmq_bus *bus, uint64_t id)
{
	return each_will(bus, id, NULL, libmq_publisher_will_clear);
}

int libmq_bus_will_publish(struct libmq_bus *bus, uint64_t id)
{
	return each_will(bus, id, NULL, libmq_publisher_will_publish);
}

int libmq_bus_wills_clear(struct libmq_bus *bus)
{
	return each_node(bus, libmq_publisher_wills_clear);
}

int libmq_bus_wills_publish(struct libmq_bus *bus)
{
	return each_node(bus, libmq_publisher_wills_publish);
}
