// SPDX-License-Identifier: GPL-2.0-only
/* Parked commands: waiting, waking, cancelling; see parked.h. */
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include "compat.h"
#include "mq.h"
#include "parked.h"
#include "subscription.h"

/**
 * struct parked_command - what a command keeps, in its pdu
 * @node: in &mq_parked.commands; empty: not parked
 * @user: its argument
 */
struct parked_command {
	struct list_head node;
	struct mq_receive __user *user;
};

static struct parked_command *parked_command(struct io_uring_cmd *cmd)
{
	return io_uring_cmd_to_pdu(cmd, struct parked_command);
}

static struct io_uring_cmd *parked_cmd(struct parked_command *command)
{
	return container_of((void *)command, struct io_uring_cmd, pdu);
}

/* ---- counting -------------------------------------------------------- */

static int parked_enter(struct mq_subscription *subscription)
{
	struct mq_parked *parked = &subscription->parked;
	int err = -EBUSY;

	spin_lock_irq(&subscription->wq.lock);
	if (parked->count < MQ_RECEIVE_WAIT_MAX) {
		parked->count++;
		err = 0;
	}
	spin_unlock_irq(&subscription->wq.lock);
	return err;
}

static void parked_leave(struct mq_subscription *subscription)
{
	spin_lock_irq(&subscription->wq.lock);
	subscription->parked.count--;
	spin_unlock_irq(&subscription->wq.lock);
}

/* Completes a command that is not parked. Afterwards its file may be gone. */
static void parked_done(struct io_uring_cmd *cmd, int result, unsigned int issue_flags)
{
	parked_leave(cmd->file->private_data);
	io_uring_cmd_done(cmd, result, issue_flags);
}

/* ---- parking --------------------------------------------------------- */

static void parked_take_off(struct mq_subscription *subscription, struct parked_command *command)
{
	struct mq_parked *parked = &subscription->parked;

	lockdep_assert_held(&subscription->wq.lock);
	list_del_init(&command->node);
	if (list_empty(&parked->commands))
		list_del_init(&parked->relay.entry);
}

/*
 * Parks a command; @contended: it waits for the subscription mutex. Return:
 * false: it is not parked, look again. Else it belongs to who takes it off, and
 * neither it nor the subscription may be used any more.
 */
static bool parked_park(struct mq_subscription *subscription, struct parked_command *command,
			bool contended)
{
	struct mq_parked *parked = &subscription->parked;
	bool stay;

	spin_lock_irq(&subscription->wq.lock);
	if (list_empty(&parked->commands))
		__add_wait_queue(&subscription->wq, &parked->relay);
	list_add_tail(&command->node, &parked->commands);
	if (contended)
		WRITE_ONCE(parked->contended, true);
	/*
	 * Queued before we look. Pairs with mq_subscription_raise() and with
	 * smp_mb() in mq_subscription_unlock(). Under the lock, because the
	 * command may be gone once we have let go of it.
	 */
	smp_mb();
	stay = contended ? mutex_is_locked(&subscription->lock) :
			   !mq_subscription_readable(subscription);
	if (!stay)
		parked_take_off(subscription, command);
	spin_unlock_irq(&subscription->wq.lock);
	return stay;
}

/* ---- receiving ------------------------------------------------------- */

static int parked_receive(struct mq_subscription *subscription, struct mq_receive __user *user,
			  bool nowait)
{
	struct mq_receive args;
	int err;

	err = mq_receive_get(&args, user, MQ_RECEIVE_WAIT);
	if (err)
		return err;
	err = mq_subscription_receive(subscription, &args, nowait);
	return mq_receive_put(&args, user, err);
}

/* Receives for a command that is not parked, or parks it. */
static void parked_run(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct mq_subscription *subscription = cmd->file->private_data;
	struct parked_command *command = parked_command(cmd);
	int result;

	do {
		result = parked_receive(subscription, command->user, true);
		if (result != -EAGAIN && result != MQ_CONTENDED) {
			parked_done(cmd, result, issue_flags);
			return;
		}
	} while (!parked_park(subscription, command, result == MQ_CONTENDED));
}

/* In the task of the command, where its memory is. */
static void parked_work(struct io_uring_cmd *cmd, unsigned int issue_flags, bool dead)
{
	if (dead)
		parked_done(cmd, -ECANCELED, issue_flags);
	else
		parked_run(cmd, issue_flags);
}

DEFINE_IO_URING_CMD_WORK(parked_task_work, parked_work)

/* Waits as read(2) does, in a worker thread. */
static int parked_block(struct mq_subscription *subscription, struct mq_receive __user *user)
{
	int err;

	do {
		if (wait_event_interruptible(subscription->wq,
					     mq_subscription_readable(subscription)))
			return -EINTR;
		err = parked_receive(subscription, user, false);
	} while (err == -EAGAIN);
	return err;
}

int mq_parked_wait(struct io_uring_cmd *cmd, unsigned int issue_flags,
		   struct mq_receive __user *user)
{
	struct mq_subscription *subscription = cmd->file->private_data;
	struct parked_command *command;
	int err;

	if (!IO_URING_CMD_CAN_WAIT && issue_flags & IO_URING_F_NONBLOCK)
		return MQ_CONTENDED;
	err = parked_enter(subscription);
	if (err)
		return err;
	if (!IO_URING_CMD_CAN_WAIT) {
		err = parked_block(subscription, user);
		parked_leave(subscription);
		return err;
	}
	command = parked_command(cmd);
	INIT_LIST_HEAD(&command->node);
	command->user = user;
	/* Before anybody can complete it: that takes the mark away. */
	io_uring_cmd_mark_cancelable(cmd, issue_flags);
	if (!parked_park(subscription, command, false))
		parked_run(cmd, issue_flags);
	return -EIOCBQUEUED;
}

/* ---- waking ---------------------------------------------------------- */

static void parked_wake(struct mq_subscription *subscription)
{
	struct mq_parked *parked = &subscription->parked;
	struct parked_command *command, *next;

	lockdep_assert_held(&subscription->wq.lock);
	WRITE_ONCE(parked->contended, false);
	list_for_each_entry_safe(command, next, &parked->commands, node) {
		parked_take_off(subscription, command);
		io_uring_cmd_complete_in_task(parked_cmd(command), parked_task_work);
	}
}

void mq_parked_wake(struct mq_subscription *subscription)
{
	spin_lock_irq(&subscription->wq.lock);
	parked_wake(subscription);
	spin_unlock_irq(&subscription->wq.lock);
}

/* Called by wake_up() with the lock held. */
static int parked_relay(struct wait_queue_entry *relay, unsigned int mode, int flags, void *key)
{
	__poll_t mask = key_to_poll(key);

	if (mask && !(mask & (EPOLLIN | EPOLLHUP)))
		return 0;
	parked_wake(container_of(relay, struct mq_subscription, parked.relay));
	return 1;
}

void mq_parked_cancel(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct mq_subscription *subscription = cmd->file->private_data;
	struct parked_command *command = parked_command(cmd);
	bool claimed;

	spin_lock_irq(&subscription->wq.lock);
	claimed = !list_empty(&command->node);
	if (claimed)
		parked_take_off(subscription, command);
	spin_unlock_irq(&subscription->wq.lock);
	if (claimed)
		parked_done(cmd, -ECANCELED, issue_flags);
}

void mq_parked_init(struct mq_parked *parked)
{
	INIT_LIST_HEAD(&parked->commands);
	init_waitqueue_func_entry(&parked->relay, parked_relay);
	INIT_LIST_HEAD(&parked->relay.entry);
}
