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

/* Mounted while there is an endpoint, see mq_endpoint_put(). */
static struct vfsmount *endpoint_mount;
static int endpoint_count;

static int endpoint_fs_init(struct fs_context *fc)
{
	if (!init_pseudo(fc, ENDPOINT_FS_MAGIC))
		return -ENOMEM;
	fc->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	return 0;
}

static struct file_system_type endpoint_fs = {
	.name = "mq",
	/* The last mntput() of a file comes after its module_put(), and ends here. */
	.owner = THIS_MODULE,
	.init_fs_context = endpoint_fs_init,
	.kill_sb = kill_anon_super,
};

void mq_endpoint_put(void)
{
	simple_release_fs(&endpoint_mount, &endpoint_count);
}

struct file *mq_endpoint_file(const char *name, const struct file_operations *fops,
			      void *private, int flags)
{
	struct inode *inode;
	struct file *file;
	int err;

	err = simple_pin_fs(&endpoint_fs, &endpoint_mount, &endpoint_count);
	if (err)
		return ERR_PTR(err);
	inode = alloc_anon_inode(endpoint_mount->mnt_sb);
	if (IS_ERR(inode)) {
		mq_endpoint_put();
		return ERR_CAST(inode);
	}
	/* The last fput() gives this back; alloc_file_pseudo() does not take it. */
	__module_get(fops->owner);
	file = alloc_file_pseudo(inode, endpoint_mount, name, O_RDWR | flags, fops);
	if (IS_ERR(file)) {
		iput(inode);
		module_put(fops->owner);
		mq_endpoint_put();
		return file;
	}
	file->private_data = private;
	return file;
}
