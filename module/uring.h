/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Commands of io_uring
 *
 * IORING_OP_URING_CMD on a publisher or a subscription does what the ioctl of
 * the same number does. The command area of the SQE (struct mq_uring) lies in
 * memory that the user may be writing: each field is read once, 16 bytes
 * whatever the ring's SQEs are, and what it points to is copied by the ioctl's
 * own code. Pointers are 64 bits wide in there, so 32-bit programs need nothing
 * of their own.
 *
 * io_uring issues a command from its submitter first and asks it not to wait
 * (IO_URING_F_NONBLOCK). Three things could: another caller who uses the
 * endpoint, space, and records.
 *
 *   the endpoint is in use  -EAGAIN to io_uring, which issues the command again
 *                           from a worker thread of the submitter, where it
 *                           waits as the ioctl does
 *   no space                the command completes with the result EAGAIN
 *   no records              likewise, or with MQ_RECEIVE_WAIT, see parked.h
 *
 * Memory of the user may fault in either case, as with every read and write of
 * io_uring: it delays the one who submitted it.
 */
#ifndef MQ_URING_H
#define MQ_URING_H

struct io_uring_cmd;

/* file_operations.uring_cmd of a publisher and of a subscription. */
int mq_uring_publisher(struct io_uring_cmd *cmd, unsigned int issue_flags);
int mq_uring_subscription(struct io_uring_cmd *cmd, unsigned int issue_flags);

#endif /* MQ_URING_H */
