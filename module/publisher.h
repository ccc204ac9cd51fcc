/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Publisher
 *
 * An endpoint that writes, and the path of a record: stage, route, commit,
 * wake (mq.h). A node that is written to has one as well.
 *
 * A publisher is used by one caller at a time (its mutex). What it needs for
 * publishing, it has before any lock is taken: a staging buffer, which grows
 * once when a record or a batch asks for it, and the retained copies.
 */
#ifndef MQ_PUBLISHER_H
#define MQ_PUBLISHER_H

#include <linux/fs.h>
#include "channel.h"

struct mq_publisher;
struct mq_user;

/**
 * mq_publisher_new() - a publisher without a file, for a node
 * @channel: its channel; gets a reference
 * @identity: who made it; gets a reference
 * @user: on whose account it goes; gets a reference
 *
 * Return: the publisher or ERR_PTR(-EUSERS, -EDQUOT, -ENODEV, -ENOMEM).
 */
struct mq_publisher *mq_publisher_new(struct mq_channel *channel, struct mq_identity *identity,
				      struct mq_user *user);
/* NULL is fine. */
void mq_publisher_free(struct mq_publisher *publisher);

/* MQ_IOC_PUBLISHER: makes a publisher with a file; as mq_subscription_open(). */
struct file *mq_publisher_open(struct mq_channel *channel, struct mq_publisher_new *args,
			       fmode_t node_mode);

/**
 * mq_publisher_write() - publish one payload on the topic of the channel's name
 * @publisher: publisher
 * @nonblock: do not wait for space
 * @payload: user memory
 * @len: bytes, not 0
 *
 * Return: 0 or an errno documented at struct mq_publish.
 */
int mq_publisher_write(struct mq_publisher *publisher, bool nonblock, const char __user *payload,
		       size_t len);

/* MQ_IOC_PUBLISHER_INFO, on a node open for reading or a subscription (publisher_info.c). */
int mq_publisher_info(struct mq_channel *channel, void __user *arg);

/**
 * mq_publisher_command() - MQ_IOC_PUBLISH and MQ_IOC_PUBLISH_BATCH
 * @file: of a publisher
 * @cmd: which
 * @arg: its argument
 * @nowait: wait neither for another caller nor for space
 *
 * Return: 0 or an errno documented there; MQ_CONTENDED.
 */
long mq_publisher_command(struct file *file, unsigned int cmd, void __user *arg, bool nowait);

#endif /* MQ_PUBLISHER_H */
