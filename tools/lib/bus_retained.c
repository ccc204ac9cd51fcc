// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Retained values on the bus, and the marks that keep them apart from live records. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"

#define STAMPS_MIN 8

void libmq_bus_pass_stamps(struct libmq_node *node, uint64_t sequence)
{
	while (node->stamps_first < node->stamps_count &&
	       node->stamps[node->stamps_first].sequence <= sequence)
		node->stamps_first++;
}

static int make_room(struct libmq_node *node)
{
	unsigned int left = node->stamps_count - node->stamps_first;
	unsigned int room = left < STAMPS_MIN ? 2 * STAMPS_MIN : 2 * left;
	struct libmq_stamp *stamps;

	if (node->stamps_count < node->stamps_room)
		return 0;
	stamps = malloc(room * sizeof(*stamps));
	if (!stamps)
		return -ENOMEM;
	if (left)
		memcpy(stamps, node->stamps + node->stamps_first, left * sizeof(*stamps));
	free(node->stamps);
	node->stamps = stamps;
	node->stamps_first = 0;
	node->stamps_count = left;
	node->stamps_room = room;
	return 0;
}

static int stamp(struct libmq_bus *bus, struct libmq_node *node, uint64_t *head)
{
	uint64_t generation;
	int error = libmq_channel_position(node->channel, head, &generation);

	if (error)
		return error;
	/* Where nothing matches, no record is handed out that would do it. */
	if (node->subscription)
		libmq_bus_pass_stamps(node, node->subscription->done);
	/* The same place under an earlier mark says it for this one too. */
	if (node->stamps_first < node->stamps_count &&
	    node->stamps[node->stamps_count - 1].sequence == *head)
		return 0;
	error = make_room(node);
	if (!error)
		node->stamps[node->stamps_count++] = (struct libmq_stamp){ bus->mark, *head };
	return error;
}

struct owned {
	struct libmq_bus *bus;
	const struct libmq_node *node;
	libmq_retained_fn take;
	void *arg;
};

/* A value that an earlier owner of the topic still has is not its value. */
static int take_owned(void *arg, const struct libmq_record *record)
{
	struct owned *owned = arg;

	if (libmq_bus_owner(owned->bus, record->topic, record->topic_len) != owned->node)
		return 0;
	return owned->take(owned->arg, record);
}

static int list_node(struct libmq_bus *bus, struct libmq_node *node, const char *filter,
		     size_t len, libmq_retained_fn take, void *arg)
{
	struct owned owned = { .bus = bus, .node = node, .take = take, .arg = arg };
	uint64_t head;
	int error;

	if (!(node->channel->flags & LIBMQ_OPEN_READ))
		return 0;
	error = stamp(bus, node, &head);
	if (!error && take)
		error = libmq_channel_retained(node->channel, filter, len, 0, head,
					       take_owned, &owned);
	return error;
}

int libmq_bus_retained(struct libmq_bus *bus, const char *filter, size_t len,
		       libmq_retained_fn take, void *arg)
{
	struct libmq_node *node;
	int error = 0;

	if (!libmq_filter_valid(filter, len))
		return -EINVAL;
	bus->mark++;
	for (node = bus->nodes; node && !error; node = node->next) {
		if (!libmq_node_meets(node, filter, len))
			continue;
		error = list_node(bus, node, filter, len, take, arg);
		/* Deleted meanwhile: its values went with it. */
		if (error == -ENODEV)
			error = 0;
	}
	return error;
}

uint64_t libmq_bus_mark(const struct libmq_bus *bus)
{
	return bus->mark;
}

/*
 * Marks and heads only grow. Of the stamps that the record lies before, the
 * first has the smallest mark; libmq_bus_pass_stamps() took away those before.
 */
bool libmq_bus_record_before(const struct libmq_bus *bus, const struct libmq_record *record,
			     uint64_t mark)
{
	const struct libmq_node *node = bus->last;

	if (!node || node->channel != record->channel || node->stamps_first == node->stamps_count)
		return false;
	return record->sequence < node->stamps[node->stamps_first].sequence &&
	       node->stamps[node->stamps_first].mark <= mark;
}
