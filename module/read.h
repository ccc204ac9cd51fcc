/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Records to user memory
 *
 * How a record looks when the kernel copies it out (struct mq_record): one
 * form for read(2) on a subscription and for retained values.
 */
#ifndef MQ_READ_H
#define MQ_READ_H

#include "ring.h"

/* Bytes that a record takes, header and padding included. */
u32 mq_read_size(const struct mq_ring_data *data);

/* Puts a record of mq_read_size() bytes; 0 or -EFAULT. May sleep. */
int mq_read_put(char __user *to, const struct mq_ring_view *view);

#endif /* MQ_READ_H */
