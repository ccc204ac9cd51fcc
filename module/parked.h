/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Parked commands
 *
 * MQ_IOC_RECEIVE with MQ_RECEIVE_WAIT as a command of io_uring, when there is
 * nothing to receive. Where io_uring can cancel what waits (Linux 6.7), such a
 * command is parked: it is on the list of its subscription and costs no thread.
 * One relay in the subscription's wait queue stands for all of them. Elsewhere
 * it waits in a worker thread of its ring, which signals interrupt.
 *
 * A parked command is on its way to completion once it is taken off the list,
 * under the lock of the wait queue; who takes it off sees to it, so that it
 * completes exactly once:
 *
 *   the relay     records came, or the channel was deleted. All parked commands
 *                 go, because the task of any one may be stopped, and look for
 *                 records in their tasks: who finds none parks again
 *   the unlock    of the subscription mutex, if a command could not wait for it
 *   cancellation  by io_uring: the ring or the task ends
 *
 * A parked command pins its file, and thereby the subscription.
 */
#ifndef MQ_PARKED_H
#define MQ_PARKED_H

#include <linux/list.h>
#include <linux/wait.h>

struct io_uring_cmd;
struct mq_receive;
struct mq_subscription;

/**
 * struct mq_parked - the parked commands of a subscription
 * @commands: list of them
 * @relay: in the wait queue while there are any
 * @count: commands that wait, parked, woken or in a worker thread
 * @contended: one of them waits for the subscription mutex (READ_ONCE)
 *
 * Lock: that of &mq_subscription.wq.
 */
struct mq_parked {
	struct list_head commands;
	struct wait_queue_entry relay;
	unsigned int count;
	bool contended;
};

void mq_parked_init(struct mq_parked *parked);

/**
 * mq_parked_wait() - wait for records and receive them
 * @cmd: command of a subscription
 * @issue_flags: of io_uring
 * @user: the argument; was found valid, and is looked at again
 *
 * Return: -EIOCBQUEUED: io_uring gets the result later; MQ_CONTENDED: issue it
 * again where it may wait; the result: 0 or an errno of struct mq_receive.
 */
int mq_parked_wait(struct io_uring_cmd *cmd, unsigned int issue_flags,
		   struct mq_receive __user *user);

/* Sends all parked commands to look for records. */
void mq_parked_wake(struct mq_subscription *subscription);

/* IO_URING_F_CANCEL: completes a command, unless it is completing already. */
void mq_parked_cancel(struct io_uring_cmd *cmd, unsigned int issue_flags);

#endif /* MQ_PARKED_H */
