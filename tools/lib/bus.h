/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Bus
 *
 * All channels that this process may open, seen as one space of topics.
 *
 *   bus.c          open, close, next, sleeping and waiting
 *   bus_node.c     nodes: open, retire, drop; watching the directory
 *   bus_owner.c    claims, and which channel owns a topic
 *   bus_filter.c   filters and the subscriptions that carry them
 *   bus_publish.c  publishing and waiting for space
 *   bus_will.c     wills
 *   bus_retained.c retained values and marks
 *
 * A node goes through these states:
 *
 *   seen      its name is in the directory; it may not be open to us (yet)
 *   open      channel is set: it claims topics, may publish, may be read
 *   retired   its channel is dead: its claims are gone and what is left in its
 *             ring is read before anything else, so that a channel of the same
 *             name that follows it comes after it; then it is dropped
 *
 * What the bus knows of the world is brought up to date (libmq_bus_update())
 * when the directory changed (inotify), when the ring of a subscription or a
 * channel shows that claims moved (generation), or when the kernel refused a
 * publish because of that.
 */
#ifndef LIBMQ_BUS_H
#define LIBMQ_BUS_H

#include <sys/types.h>

#include "subscription.h"

/**
 * struct libmq_stamp - where a channel stood when a mark was made
 * @mark: the mark
 * @sequence: records below it were published before
 */
struct libmq_stamp {
	uint64_t mark;
	uint64_t sequence;
};

/**
 * struct libmq_node - a name in the directory
 * @next: next node
 * @channel: NULL: could not be opened
 * @publisher: made with the first publish
 * @subscription: made with the first filter that meets the claims
 * @dev: identity of the node: its file system,
 * @ino: inode
 * @rdev: and device number
 * @seen: number of the last look at the directory that found it
 * @born: when it was first seen, on the scale of &libmq_bus.order
 * @claims_head: head of the channel when its claims were read last
 * @info: the channel as read then; claims are valid while not retired
 * @retired: see above
 * @full: in the space set: it gave -EAGAIN
 * @stalled: number of the publish call in which it gave -EAGAIN
 * @wills: @publisher has or had a will
 * @stamps: marks that unread records may still lie before
 * @stamps_first: the first that is not behind us
 * @stamps_count: how many, with those behind us
 * @stamps_room: room for how many
 * @name: name
 */
struct libmq_node {
	struct libmq_node *next;
	struct libmq_channel *channel;
	struct libmq_publisher *publisher;
	struct libmq_subscription *subscription;
	dev_t dev;
	ino_t ino;
	dev_t rdev;
	uint64_t seen;
	uint64_t born;
	uint64_t claims_head;
	struct libmq_channel_info info;
	bool retired;
	bool full;
	uint64_t stalled;
	bool wills;
	struct libmq_stamp *stamps;
	unsigned int stamps_first;
	unsigned int stamps_count;
	unsigned int stamps_room;
	char name[LIBMQ_NAME_MAX + 1];
};

/* A claim and the node that has it. */
struct libmq_claim {
	struct libmq_node *node;
	const char *text;
	size_t len;
};

struct libmq_owner_cache;

/**
 * struct libmq_bus - the bus
 * @directory: where the nodes are
 * @hold: hold the rings of channels that reject
 * @nodes: all nodes, the oldest first
 * @nodes_count: how many
 * @retired_count: how many of them are retired
 * @filters: filters asked for
 * @order: counts nodes seen and filters added
 * @looks: counts looks at the directory
 * @denied: nodes in the directory that could not be opened
 *
 * @generation: of the claims that are known
 * @claims: all claims, the winning one first
 * @claims_count: how many
 * @cache: owners of topics looked up before
 *
 * @notify: inotify descriptor
 * @watch: watch of the directory, or -1
 * @watch_parent: watch of its parent while it does not exist, or -1
 * @epoll: readable when a subscription is, or @notify
 * @space: readable when a channel that was full has space
 * @space_event: in @space: a full channel went
 *
 * @turn: node whose turn it is to be read
 * @burst: records that it gave in this turn
 * @last: node of the record that the caller has
 * @calls: counts publish calls
 * @mark: last mark made
 * @error: what went wrong while following changes; told by next()
 * @lacks: descriptors or memory ran out in that: look again, changed or not
 * @lack_told: next() has told that, or will
 */
struct libmq_bus {
	char *directory;
	bool hold;
	struct libmq_node *nodes;
	unsigned int nodes_count;
	unsigned int retired_count;
	struct libmq_filters filters;
	uint64_t order;
	uint64_t looks;
	unsigned int denied;

	uint64_t generation;
	struct libmq_claim *claims;
	unsigned int claims_count;
	struct libmq_owner_cache *cache;

	int notify;
	int watch;
	int watch_parent;
	int epoll;
	int space;
	int space_event;

	struct libmq_node *turn;
	unsigned int burst;
	struct libmq_node *last;
	uint64_t calls;
	uint64_t mark;
	int error;
	bool lacks;
	bool lack_told;
};

/* bus_node.c */

/* Starts watching the directory. */
int libmq_bus_watch(struct libmq_bus *bus);
/* Takes what inotify has to say; true: the directory changed. */
bool libmq_bus_notified(struct libmq_bus *bus);
/* Whether something ran out that may be there again at any time. */
bool libmq_bus_serious(int error);
/* Opens what appeared, retires what went. */
int libmq_bus_look(struct libmq_bus *bus);
/* Its channel is gone: no claims, no publishing; maybe something to read. */
void libmq_bus_retire(struct libmq_bus *bus, struct libmq_node *node);
/* Closes a node and forgets it. */
void libmq_bus_drop(struct libmq_bus *bus, struct libmq_node *node);

/* bus_owner.c */

/* Reads all claims anew if they moved (or @force). 1: they were read. */
int libmq_bus_claims(struct libmq_bus *bus, bool force);
/* The node that owns a topic, or NULL. */
struct libmq_node *libmq_bus_owner(struct libmq_bus *bus, const char *topic, size_t len);
/* Whether a filter can meet a topic that a node owns. */
bool libmq_node_meets(const struct libmq_node *node, const char *filter, size_t len);
void libmq_bus_claims_free(struct libmq_bus *bus);

/* bus_filter.c */

/*
 * Puts the filters of the bus on a node whose claims were just read; @before
 * is where its head was when they had been read before, LIBMQ_FROM_NOW: never.
 * Return: whether all are there; libmq_bus_failed() knows why not.
 */
bool libmq_bus_put_filters(struct libmq_bus *bus, struct libmq_node *node, uint64_t before);

/* bus_publish.c */

/* Makes the node's publisher if there is none. */
int libmq_node_publisher(struct libmq_node *node);
/*
 * Last words on what a message, or will, was refused with: no owner, one that
 * cannot be opened, or not even a topic.
 */
int libmq_bus_explain(struct libmq_bus *bus, const struct libmq_message *message, int result);
/* The node gave -EAGAIN: its space is waited for; it has some. */
void libmq_bus_space_wait(struct libmq_bus *bus, struct libmq_node *node);
void libmq_bus_space_done(struct libmq_bus *bus, struct libmq_node *node);
/* Wait no more for the space of channels that have some. */
void libmq_bus_space_taken(struct libmq_bus *bus);
/* A full channel goes: whoever waits for its space must try again. */
void libmq_bus_space_gone(struct libmq_bus *bus, struct libmq_node *node);

/* bus_retained.c */

/* Records of a node below @sequence are done with: stamps up to it are history. */
void libmq_bus_pass_stamps(struct libmq_node *node, uint64_t sequence);

/* bus.c */

/*
 * Brings everything up to date; @force: reads claims anew in any case.
 * 1: claims were read anew; 0: nothing had changed.
 */
int libmq_bus_update(struct libmq_bus *bus, bool force);
/* Nobody waits for it: next() tells. If it is tried @again: only the first time. */
void libmq_bus_failed(struct libmq_bus *bus, int error, bool again);

#endif /* LIBMQ_BUS_H */
