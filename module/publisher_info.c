// SPDX-License-Identifier: GPL-2.0-only
/* MQ_IOC_PUBLISHER_INFO: who made a publisher. */
#include <linux/string.h>
#include <linux/uaccess.h>
#include "publisher.h"

/* What the identity says of the label and the rest, to user memory. */
static int info_put(const struct mq_identity *identity, struct mq_publisher_info *info,
		    void __user *arg)
{
	u32 room = info->label_size;

	mq_identity_info(identity, info);
	if (info->label_size <= room &&
	    copy_to_user(u64_to_user_ptr(info->label), identity->label, info->label_size))
		return -EFAULT;
	return copy_to_user(arg, info, sizeof(*info)) ? -EFAULT : 0;
}

int mq_publisher_info(struct mq_channel *channel, void __user *arg)
{
	struct mq_publisher_info info;
	struct mq_identity *identity;
	int err;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.flags || memchr_inv(info.reserved, 0, sizeof(info.reserved)))
		return -EINVAL;
	identity = mq_identities_find(&channel->identities, info.id,
				      mq_ring_oldest(&channel->data.ring));
	if (!identity)
		return -ENOENT;
	err = info_put(identity, &info, arg);
	mq_identity_put(identity);
	return err;
}
