/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: The node /dev/mq/NAME
 *
 * One character device serves all minors; open looks the channel up. A node
 * is for plain tools (read, write, poll) and gives endpoints to others.
 */
#ifndef MQ_CDEV_H
#define MQ_CDEV_H

int mq_cdev_init(void);
void mq_cdev_exit(void);

#endif /* MQ_CDEV_H */
