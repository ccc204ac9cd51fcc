/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: The channels as anybody sees them
 *
 * What lies in /dev/mq, with owner and mode, and what each channel says of
 * itself to whoever can open it. Needs no privileges; a channel that this user
 * may not open is there with its error.
 */
#ifndef MQCTL_NODES_H
#define MQCTL_NODES_H

#include <stddef.h>
#include <stdint.h>

#include "libmq.h"

#define NODES_DIRECTORY "/dev/mq"

/**
 * struct node - one channel
 * @name: name
 * @uid: present owner of the node
 * @gid: its group
 * @mode: its permission bits
 * @minor: its minor number
 * @error: 0, or the negative errno that hides @info
 * @info: what the channel says
 */
struct node {
	char name[LIBMQ_NAME_MAX + 1];
	uint32_t uid, gid, mode, minor;
	int error;
	struct libmq_channel_info info;
};

struct nodes {
	struct node *list;	/* sorted by name */
	size_t count;
};

/* Owner, mode and minor of the node @name; false if there is none. */
bool node_stat(struct node *node, const char *name);

/* Fills *nodes; no /dev/mq is no channel. -ENOMEM, or an error of opendir(). */
int nodes_read(struct nodes *nodes);
void nodes_free(struct nodes *nodes);

/* Whether a claim of the channel matches the topic. */
bool node_claims_topic(const struct node *node, const char *topic, size_t len);
/* Whether some topic can match both the filter and a claim of the channel. */
bool node_claims_filter(const struct node *node, const char *filter, size_t len);

#endif /* MQCTL_NODES_H */
