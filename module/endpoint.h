/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Endpoint files
 *
 * Publishers and subscriptions are files of an own pseudo-filesystem, each
 * with an inode of its own. Such a file keeps the module, and so does the mount,
 * to the end of the last fput().
 */
#ifndef MQ_ENDPOINT_H
#define MQ_ENDPOINT_H

#include <linux/fs.h>

/**
 * mq_endpoint_file() - make an endpoint file
 * @name: what /proc/PID/fd shows
 * @fops: its operations, owner set
 * @private: its private_data
 * @flags: O_NONBLOCK or 0
 *
 * Open for reading and writing. fput() calls ->release, which is to call
 * mq_endpoint_put().
 * Return: the file or ERR_PTR(-ENOMEM, -ENFILE).
 */
struct file *mq_endpoint_file(const char *name, const struct file_operations *fops,
			      void *private, int flags);

/* An endpoint file is released. */
void mq_endpoint_put(void);

#endif /* MQ_ENDPOINT_H */
