/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: io_uring for the programs on the raw interface
 *
 * Thin wrappers around liburing for commands of publishers and subscriptions.
 * Programs whose name begins with uring, and fault_uring, are linked with it.
 */
#ifndef MQ_URING_TEST_H
#define MQ_URING_TEST_H

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include "mq_test.h"

#define MQU_ENTRIES 64

/* A kind of ring, and how commands are put into it. */
struct mqu_kind {
	unsigned int setup;	/* IORING_SETUP_* */
	unsigned int flags;	/* IOSQE_* */
};

struct mqu {
	struct io_uring ring;
	struct mqu_kind kind;
	/* Registered descriptors, for IOSQE_FIXED_FILE. */
	int fds[8];
};

/* 0 or -errno. */
static inline int mqu_init(struct mqu *mqu, struct mqu_kind kind)
{
	struct io_uring_params params = { .flags = kind.setup, .sq_thread_idle = 1000 };
	/* As many as commands can wait, where each needs a worker thread. */
	unsigned int workers[2] = { MQU_ENTRIES, MQU_ENTRIES };
	int error = io_uring_queue_init_params(MQU_ENTRIES, &mqu->ring, &params);

	mqu->kind = kind;
	memset(mqu->fds, 0xff, sizeof(mqu->fds));
	if (!error)
		error = io_uring_register_iowq_max_workers(&mqu->ring, workers);
	if (!error)
		error = io_uring_register_files_sparse(&mqu->ring, 8);
	return error;
}

static inline void mqu_exit(struct mqu *mqu)
{
	io_uring_queue_exit(&mqu->ring);
}

/* The number of a descriptor in the ring's table. */
static inline int mqu_fixed(struct mqu *mqu, int fd)
{
	int i = 0;

	while (mqu->fds[i] != -1 && mqu->fds[i] != fd)
		if (++i == 8)
			abort();
	if (mqu->fds[i] == -1 && io_uring_register_files_update(&mqu->ring, i, &fd, 1) != 1)
		abort();
	mqu->fds[i] = fd;
	return i;
}

static inline struct mq_uring *mqu_area(struct io_uring_sqe *sqe)
{
	/* sqe->cmd, which the compiler takes for nothing. */
	return (void *)((char *)sqe + 48);
}

/* Puts a command into the ring; it is submitted later. */
static inline struct io_uring_sqe *mqu_prep(struct mqu *mqu, int fd, uint32_t cmd, void *arg)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&mqu->ring);

	if (!sqe)
		abort();
	if (mqu->kind.flags & IOSQE_FIXED_FILE)
		fd = mqu_fixed(mqu, fd);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = cmd;
	sqe->flags = mqu->kind.flags;
	*mqu_area(sqe) = (struct mq_uring){ .arg = (uintptr_t)arg };
	/* What lies behind is nobody's. */
	if (mqu->kind.setup & IORING_SETUP_SQE128)
		memset(sqe + 1, MQT_POISON, sizeof(*sqe));
	return sqe;
}

static inline int mqu_submit(struct mqu *mqu)
{
	int result;

	do
		result = io_uring_submit(&mqu->ring);
	while (result == -EINTR);
	return result;
}

/* A completion: its result; its user data and flags, if they are wanted. */
static inline int mqu_wait(struct mqu *mqu, uint64_t *user_data, uint32_t *flags)
{
	struct io_uring_cqe *cqe;
	int result;

	do
		result = io_uring_wait_cqe(&mqu->ring, &cqe);
	while (result == -EINTR);
	if (result)
		abort();
	result = cqe->res;
	if (user_data)
		*user_data = cqe->user_data;
	if (flags)
		*flags = cqe->flags;
	io_uring_cqe_seen(&mqu->ring, cqe);
	return result;
}

/* A command to its end. */
static inline int mqu_call(struct mqu *mqu, int fd, uint32_t cmd, void *arg)
{
	mqu_prep(mqu, fd, cmd, arg);
	if (mqu_submit(mqu) < 0)
		abort();
	return mqu_wait(mqu, NULL, NULL);
}

/* As mqt_refusal(). */
static inline int mqu_refusal(struct mqu *mqu, int fd, uint32_t cmd, void *arg)
{
	char before[512];
	int result;

	if (_IOC_SIZE(cmd) > sizeof(before))
		abort();
	memcpy(before, arg, _IOC_SIZE(cmd));
	result = mqu_call(mqu, fd, cmd, arg);
	if (result >= 0)
		return MQT_SUCCEEDED;
	return memcmp(before, arg, _IOC_SIZE(cmd)) ? MQT_CHANGED : -result;
}

/* User data of a command that only shows that the ring goes on. */
#define MQU_NOP 0x6e6f70

/* Whether a command passes through the ring, and nothing else completes. */
static inline bool mqu_goes_on(struct mqu *mqu)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&mqu->ring);
	uint64_t user_data;

	io_uring_prep_nop(sqe);
	sqe->user_data = MQU_NOP;
	if (mqu_submit(mqu) < 0)
		abort();
	return !mqu_wait(mqu, &user_data, NULL) && user_data == MQU_NOP;
}

/* Linux from there on. */
static inline bool mqu_linux(int major, int minor)
{
	struct utsname name;
	int has_major = 0, has_minor = 0;

	uname(&name);
	if (sscanf(name.release, "%d.%d", &has_major, &has_minor) != 2)
		abort();
	return has_major > major || (has_major == major && has_minor >= minor);
}

#endif /* MQ_URING_TEST_H */
