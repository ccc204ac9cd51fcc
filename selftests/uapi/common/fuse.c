// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A FUSE file system with one file, whose every read waits until it is told to
 * go on: memory whose faults take as long as somebody wants.
 *
 * The server is a process of its own. A thread that waits for an answer can't
 * be killed, so its own process must not be the one that has to answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/fuse.h>
#include "../mq_test.h"

#define FILE_ID 2

static void fill_attr(struct fuse_attr *attr, uint64_t id)
{
	memset(attr, 0, sizeof(*attr));
	attr->ino = id;
	attr->nlink = 1;
	attr->mode = id == FILE_ID ? S_IFREG | 0600 : S_IFDIR | 0700;
	attr->size = id == FILE_ID ? MQT_FUSE_SIZE : 0;
	attr->blksize = 4096;
}

static void answer(int fd, const struct fuse_in_header *request, int error, const void *data,
		   size_t len)
{
	struct fuse_out_header header = {
		.len = sizeof(header) + len, .error = error, .unique = request->unique,
	};
	struct iovec parts[2] = { { &header, sizeof(header) }, { (void *)data, len } };

	/* An interrupted request has no one to answer; that is its error. */
	if (writev(fd, parts, 2) < 0 && errno != ENOENT)
		_exit(1);
}

static void answer_read(int fd, const struct fuse_in_header *request,
			const struct fuse_read_in *in, struct mqt_fuse *fuse)
{
	static char data[MQT_FUSE_SIZE];
	uint32_t size = in->size < MQT_FUSE_SIZE ? in->size : MQT_FUSE_SIZE;
	char byte;

	__atomic_add_fetch(fuse->stalled, 1, __ATOMIC_RELEASE);
	if (read(fuse->gate[0], &byte, 1) != 1)
		_exit(1);
	memset(data, 'f', size);
	answer(fd, request, 0, data, size);
}

static void serve_one(int fd, const struct fuse_in_header *request, struct mqt_fuse *fuse)
{
	const void *body = request + 1;
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION, .minor = 31,
				      .max_write = 4096 };
	struct fuse_entry_out entry = { .nodeid = FILE_ID };
	struct fuse_attr_out attr = {};
	struct fuse_open_out open_out = {};

	switch (request->opcode) {
	case FUSE_INIT:
		answer(fd, request, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		fill_attr(&entry.attr, FILE_ID);
		answer(fd, request, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		fill_attr(&attr.attr, request->nodeid);
		answer(fd, request, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		answer(fd, request, 0, &open_out, sizeof(open_out));
		break;
	case FUSE_READ:
		answer_read(fd, request, body, fuse);
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		answer(fd, request, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(fd, request, -EOPNOTSUPP, NULL, 0);
	}
}

static void serve(int fd, struct mqt_fuse *fuse)
{
	static uint64_t buffer[8192];

	for (;;) {
		ssize_t len = read(fd, buffer, sizeof(buffer));

		if (len < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
			continue;
		/* ENODEV: unmounted. */
		if (len < (ssize_t)sizeof(struct fuse_in_header))
			_exit(0);
		serve_one(fd, (void *)buffer, fuse);
	}
}

static void load_module(void)
{
	pid_t child = fork();

	if (!child) {
		execl("/sbin/modprobe", "modprobe", "-q", "fuse", NULL);
		_exit(1);
	}
	/* Where it is built in there is nothing to load. */
	waitpid(child, NULL, 0);
}

int mqt_fuse_start(struct mqt_fuse *fuse)
{
	char options[64];
	int fd;

	load_module();
	snprintf(fuse->directory, sizeof(fuse->directory), "/tmp/mqt-fuse.XXXXXX");
	fuse->stalled = mqt_shared(sizeof(*fuse->stalled));
	if (!mkdtemp(fuse->directory) || pipe2(fuse->gate, O_CLOEXEC))
		return -errno;
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40700,user_id=0,group_id=0", fd);
	if (mount("mqt", fuse->directory, "fuse", MS_NOSUID | MS_NODEV, options))
		return -errno;
	fuse->server = fork();
	if (!fuse->server) {
		/* Never outlive the test, or the machine can't be unmounted. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fd, fuse);
	}
	close(fd);
	return fuse->server < 0 ? -errno : 0;
}

void *mqt_fuse_map(const struct mqt_fuse *fuse)
{
	char path[64];
	void *memory;
	int fd;

	snprintf(path, sizeof(path), "%s/file", fuse->directory);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	memory = mmap(NULL, MQT_FUSE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

void mqt_fuse_release(const struct mqt_fuse *fuse, unsigned int reads)
{
	while (reads--)
		if (write(fuse->gate[1], "!", 1) != 1)
			abort();
}

void mqt_fuse_stop(struct mqt_fuse *fuse)
{
	umount2(fuse->directory, MNT_DETACH);
	kill(fuse->server, SIGKILL);
	waitpid(fuse->server, NULL, 0);
	rmdir(fuse->directory);
	close(fuse->gate[0]);
	close(fuse->gate[1]);
}
