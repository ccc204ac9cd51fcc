// SPDX-License-Identifier: GPL-2.0-only
/* Reading and writing a node: payloads for plain tools, see linux/mq.h. */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include "node.h"

/* Goes on at the oldest record if the ring has passed the reader. */
static void node_catch_up(struct mq_node *node)
{
	struct mq_channel *channel = node->channel;
	u64 oldest = mq_ring_oldest(&channel->data.ring);

	if (oldest <= node->position)
		return;
	spin_lock(&channel->data.lock);
	channel->data.counters.node_passed += oldest - node->position;
	spin_unlock(&channel->data.lock);
	WRITE_ONCE(node->position, oldest);
	node->offset = 0;
}

/* As much of the next payload as fits; 0: nothing there. */
static ssize_t node_read_some(struct mq_node *node, char __user *buf, size_t len)
{
	const struct mq_ring *ring = &node->channel->data.ring;
	u64 head = mq_ring_head(ring);

	lockdep_assert_held(&node->lock);
	for (node_catch_up(node); node->position < head; node_catch_up(node)) {
		struct mq_ring_view view;
		size_t count = 0;
		bool fault;

		if (!mq_ring_peek(ring, node->position, &view))
			continue;
		if (view.data.payload_len > node->offset)
			count = min_t(size_t, len, view.data.payload_len - node->offset);
		fault = copy_to_user(buf, view.data.payload + node->offset, count);
		if (!mq_ring_intact(ring, node->position))
			continue;
		if (fault)
			return -EFAULT;
		node->offset += count;
		if (node->offset >= view.data.payload_len) {
			WRITE_ONCE(node->position, node->position + 1);
			node->offset = 0;
		}
		if (count)
			return count;
		cond_resched();
	}
	return 0;
}

ssize_t mq_node_read(struct file *file, char __user *buf, size_t len, loff_t *off)
{
	struct mq_node *node = file->private_data;
	struct mq_channel *channel = node->channel;

	if (!len)
		return 0;
	for (;;) {
		/*
		 * Before looking: what was published before death is seen.
		 * Pairs with mq_channel_kill().
		 */
		bool dead = smp_load_acquire(&channel->data.dead);
		ssize_t done;

		if (mutex_lock_interruptible(&node->lock))
			return -EINTR;
		done = node_read_some(node, buf, len);
		mutex_unlock(&node->lock);
		if (done || dead)
			return done;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		/* Pairs with the smp_mb() in publish_wake(). */
		if (wait_event_interruptible(channel->readers,
					     READ_ONCE(channel->data.dead) ||
					     mq_ring_head(&channel->data.ring) >
					     READ_ONCE(node->position)))
			return -EINTR;
	}
}

/*
 * The node's publisher, made when it is first needed, by who opened the node: it
 * may be somebody else who writes.
 */
static struct mq_publisher *node_publisher(struct mq_node *node)
{
	struct mq_publisher *publisher;

	if (mutex_lock_interruptible(&node->lock))
		return ERR_PTR(-EINTR);
	publisher = node->publisher;
	if (!publisher) {
		publisher = mq_publisher_new(node->channel, node->identity, node->user);
		if (!IS_ERR(publisher))
			node->publisher = publisher;
	}
	mutex_unlock(&node->lock);
	return publisher;
}

ssize_t mq_node_write(struct file *file, const char __user *buf, size_t len, loff_t *off)
{
	struct mq_node *node = file->private_data;
	struct mq_publisher *publisher;
	int err;

	if (!len)
		return 0;
	publisher = node_publisher(node);
	if (IS_ERR(publisher))
		return PTR_ERR(publisher);
	err = mq_publisher_write(publisher, file->f_flags & O_NONBLOCK, buf, len);
	return err ? err : len;
}
