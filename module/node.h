/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Node
 *
 * An open /dev/mq/NAME: where its reader stands, and its publisher once it
 * was written to.
 */
#ifndef MQ_NODE_H
#define MQ_NODE_H

#include <linux/fs.h>
#include "channel.h"
#include "publisher.h"

/**
 * struct mq_node - an open node
 * @channel: its channel (a reference)
 * @identity: who opened it for writing (a reference), else NULL
 * @user: on whose account a publisher goes then (a reference, or NULL)
 * @lock: the node mutex; guards what follows
 * @position: next record to read (READ_ONCE)
 * @offset: bytes of its payload that were read
 * @publisher: for write(); NULL before the first
 */
struct mq_node {
	struct mq_channel *channel;
	struct mq_identity *identity;
	struct mq_user *user;
	struct mutex lock; /* the node mutex */
	u64 position;
	u32 offset;
	struct mq_publisher *publisher;
};

/* read(2) and write(2) of a node (node.c). */
ssize_t mq_node_read(struct file *file, char __user *buf, size_t len, loff_t *off);
ssize_t mq_node_write(struct file *file, const char __user *buf, size_t len, loff_t *off);

/* MQ_IOC_RETAINED (node_retained.c). */
int mq_node_retained(struct mq_node *node, void __user *arg);

#endif /* MQ_NODE_H */
