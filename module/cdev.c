// SPDX-License-Identifier: GPL-2.0-only
/* The node /dev/mq/NAME: open, poll, ioctl; see cdev.h. */
#include <linux/cdev.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "cdev.h"
#include "node.h"
#include "registry.h"
#include "space.h"
#include "subscription.h"
#include "user.h"

static struct cdev cdev_all;

static void cdev_free(struct mq_node *node)
{
	mq_publisher_free(node->publisher);
	mq_identity_put(node->identity);
	mq_user_put(node->user);
	if (node->channel)
		mq_channel_put(node->channel);
	kfree(node);
}

/* Who a publisher of this node is made by, if it comes to that. */
static int cdev_attest(struct mq_node *node, const struct file *file)
{
	struct mq_identity *identity;
	struct mq_user *user;

	identity = mq_identity_new(file->f_cred);
	if (IS_ERR(identity))
		return PTR_ERR(identity);
	node->identity = identity;
	user = mq_user_of_caller();
	if (IS_ERR(user))
		return PTR_ERR(user);
	node->user = user;
	return 0;
}

static int cdev_open(struct inode *inode, struct file *file)
{
	struct mq_node *node;
	int err = 0;

	node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);
	if (!node)
		return -ENOMEM;
	mutex_init(&node->lock);
	node->channel = mq_channel_get_by_minor(iminor(inode) - MINOR(mq_registry_devt()));
	if (!node->channel)
		err = -ENXIO;
	else if (file->f_mode & FMODE_WRITE)
		err = cdev_attest(node, file);
	if (err) {
		cdev_free(node);
		return err;
	}
	node->position = mq_ring_head(&node->channel->data.ring);
	file->private_data = node;
	return stream_open(inode, file);
}

static int cdev_release(struct inode *inode, struct file *file)
{
	cdev_free(file->private_data);
	return 0;
}

static __poll_t cdev_poll(struct file *file, poll_table *wait)
{
	struct mq_node *node = file->private_data;
	struct mq_channel *channel = node->channel;
	__poll_t mask = 0;

	if (file->f_mode & FMODE_READ)
		mq_poll_wait(file, &channel->readers, wait, &channel->crowded);
	if (file->f_mode & FMODE_WRITE)
		poll_wait(file, &channel->space, wait);
	/* Queued before we look. Pairs with the smp_mb() in publish_wake(). */
	smp_mb();
	if (file->f_mode & FMODE_WRITE)
		mask |= mq_space_poll(channel) & ~EPOLLERR;
	if (file->f_mode & FMODE_READ &&
	    mq_ring_head(&channel->data.ring) > READ_ONCE(node->position))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(channel->data.dead))
		mask |= EPOLLHUP | (file->f_mode & FMODE_READ ? EPOLLIN | EPOLLRDNORM : 0);
	return mask;
}

/* Copies claims to the user, each with its NUL. */
static int cdev_put_claims(const struct mq_claims *claims, char __user *to)
{
	u32 i;

	for (i = 0; i < claims->count; i++) {
		const struct mq_claim *claim = claims->claim[i];

		if (copy_to_user(to, claim->filter, claim->len + 1))
			return -EFAULT;
		to += claim->len + 1;
	}
	return 0;
}

static int cdev_ioctl_info(struct mq_channel *channel, struct mq_info __user *arg)
{
	struct mq_claims *claims;
	struct mq_info info;
	int err = 0;
	u32 room;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.flags || memchr_inv(info.reserved, 0, sizeof(info.reserved)))
		return -EINVAL;
	room = info.claims_size;
	memset(info.name, 0, sizeof(info.name));
	/*
	 * The generation before the claims: if they change in between, it is that
	 * of older ones, and whoever compares it asks again.
	 */
	mq_channel_info(channel, &info);
	claims = mq_channel_claims_get(channel);
	info.claims_size = mq_claims_size(claims);
	if (room >= info.claims_size)
		err = cdev_put_claims(claims, u64_to_user_ptr(info.claims));
	mq_claims_put(claims);
	if (err)
		return err;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

/*
 * Gives a new endpoint to the caller: descriptor last, because what has a
 * descriptor cannot be taken back.
 */
static int cdev_install(struct file *file, void __user *arg, const void *args, size_t size)
{
	int fd;

	if (IS_ERR(file))
		return PTR_ERR(file);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		fput(file);
		return fd;
	}
	if (copy_to_user(arg, args, size)) {
		put_unused_fd(fd);
		fput(file);
		return -EFAULT;
	}
	fd_install(fd, file);
	return fd;
}

static int cdev_ioctl_subscribe(struct mq_channel *channel, fmode_t mode, void __user *arg)
{
	struct mq_subscribe args;
	struct file *file;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	file = mq_subscription_open(channel, &args, mode);
	return cdev_install(file, arg, &args, sizeof(args));
}

static int cdev_ioctl_publisher(struct mq_channel *channel, fmode_t mode, void __user *arg)
{
	struct mq_publisher_new args;
	struct file *file;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	file = mq_publisher_open(channel, &args, mode);
	return cdev_install(file, arg, &args, sizeof(args));
}

static long cdev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct mq_node *node = file->private_data;
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case MQ_IOC_INFO:
		return cdev_ioctl_info(node->channel, user);
	case MQ_IOC_SUBSCRIBE:
		return cdev_ioctl_subscribe(node->channel, file->f_mode, user);
	case MQ_IOC_PUBLISHER:
		return cdev_ioctl_publisher(node->channel, file->f_mode, user);
	case MQ_IOC_RETAINED:
		if (!(file->f_mode & FMODE_READ))
			return -EACCES;
		return mq_node_retained(node, user);
	case MQ_IOC_PUBLISHER_INFO:
		if (!(file->f_mode & FMODE_READ))
			return -EACCES;
		return mq_publisher_info(node->channel, user);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations cdev_fops = {
	.owner = THIS_MODULE,
	.open = cdev_open,
	.read = mq_node_read,
	.write = mq_node_write,
	.poll = cdev_poll,
	.unlocked_ioctl = cdev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = cdev_release,
};

int mq_cdev_init(void)
{
	cdev_init(&cdev_all, &cdev_fops);
	cdev_all.owner = THIS_MODULE;
	return cdev_add(&cdev_all, mq_registry_devt(), MQ_MINORS);
}

void mq_cdev_exit(void)
{
	cdev_del(&cdev_all);
}
