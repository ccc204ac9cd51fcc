// SPDX-License-Identifier: GPL-2.0-only
/* Commands of io_uring: from the SQE to the ioctls, see uring.h. */
#include <linux/fs.h>
#include <linux/kernel.h>
#include "compat.h"
#include "mq.h"
#include "publisher.h"
#include "subscription.h"
#include "uring.h"

/* The command area of an SQE that is not 128 bytes long. */
static_assert(sizeof(struct mq_uring) == 16);

static int uring_arg(const struct io_uring_cmd *cmd, void __user **arg)
{
	const struct mq_uring *area = io_uring_cmd_area(cmd, struct mq_uring);
	u64 pointer = READ_ONCE(area->arg);
	u64 reserved = READ_ONCE(area->reserved);

	/* No command here uses registered buffers or completes more than once. */
	if (reserved || cmd->flags & IORING_URING_CMD_MASK)
		return -EINVAL;
	*arg = u64_to_user_ptr(pointer);
	return 0;
}

/* Gives the result to io_uring, for which -EAGAIN has a meaning of its own. */
static int uring_result(struct io_uring_cmd *cmd, unsigned int issue_flags, int result)
{
	/* Again from a worker thread. */
	if (result == MQ_CONTENDED)
		return -EAGAIN;
	/* From a worker thread it is a result like others. */
	if (result == -EAGAIN && issue_flags & IO_URING_F_NONBLOCK) {
		io_uring_cmd_done(cmd, -EAGAIN, issue_flags);
		return -EIOCBQUEUED;
	}
	return result;
}

int mq_uring_publisher(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	void __user *arg;
	int result;

	result = uring_arg(cmd, &arg);
	if (result)
		return result;
	switch (cmd->cmd_op) {
	case MQ_IOC_PUBLISH:
	case MQ_IOC_PUBLISH_BATCH:
		result = mq_publisher_command(cmd->file, cmd->cmd_op, arg,
					      issue_flags & IO_URING_F_NONBLOCK);
		break;
	default:
		return -EOPNOTSUPP;
	}
	return uring_result(cmd, issue_flags, result);
}

static int uring_receive(struct io_uring_cmd *cmd, unsigned int issue_flags,
			 struct mq_receive __user *arg)
{
	struct mq_subscription *subscription = cmd->file->private_data;
	struct mq_receive args;
	int err;

	err = mq_receive_get(&args, arg, MQ_RECEIVE_WAIT);
	if (err)
		return err;
	err = mq_subscription_receive(subscription, &args, issue_flags & IO_URING_F_NONBLOCK);
	if (err == -EAGAIN && args.flags & MQ_RECEIVE_WAIT)
		return mq_parked_wait(cmd, issue_flags, arg);
	return mq_receive_put(&args, arg, err);
}

int mq_uring_subscription(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct mq_subscription *subscription = cmd->file->private_data;
	void __user *arg;
	int result;

	if (issue_flags & IO_URING_F_CANCEL) {
		mq_parked_cancel(cmd, issue_flags);
		return 0;
	}
	result = uring_arg(cmd, &arg);
	if (result)
		return result;
	switch (cmd->cmd_op) {
	case MQ_IOC_RECEIVE:
		result = uring_receive(cmd, issue_flags, arg);
		break;
	case MQ_IOC_ACK:
		result = mq_subscription_ack(subscription, arg);
		break;
	default:
		return -EOPNOTSUPP;
	}
	return uring_result(cmd, issue_flags, result);
}
