// SPDX-License-Identifier: GPL-2.0-only
/* Endpoint files, see endpoint.h. */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include "endpoint.h"

#define ENDPOINT_FS_MAGIC	0x6d710001

static struct vfsmount *endpoint_mount;

static int endpoint_fs_init(struct fs_context *fc)
{
	return init_pseudo(fc, ENDPOINT_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type endpoint_fs = {
	.name = "mq",
	/* No owner: the mount made here would keep the module for ever. */
	.init_fs_context = endpoint_fs_init,
	.kill_sb = kill_anon_super,
};

int mq_endpoint_init(void)
{
	endpoint_mount = kern_mount(&endpoint_fs);
	return PTR_ERR_OR_ZERO(endpoint_mount);
}

void mq_endpoint_exit(void)
{
	kern_unmount(endpoint_mount);
}

struct file *mq_endpoint_file(const char *name, const struct file_operations *fops,
			      void *private, int flags)
{
	struct inode *inode;
	struct file *file;

	inode = alloc_anon_inode(endpoint_mount->mnt_sb);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	/* The last fput() gives this back; alloc_file_pseudo() does not take it. */
	__module_get(fops->owner);
	file = alloc_file_pseudo(inode, endpoint_mount, name, O_RDWR | flags, fops);
	if (IS_ERR(file)) {
		iput(inode);
		module_put(fops->owner);
		return file;
	}
	file->private_data = private;
	return file;
}
