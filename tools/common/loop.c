// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The turn, and starting and ending operations. Timers are in loop_timer.c. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "log.h"
#include "loop.h"
#include "loop_timer.h"

#define BUFFER_GROUP 0

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void explain_setup(int error)
{
	if (error == -EPERM)
		log_error("io_uring is not permitted here: allow it with 'sysctl kernel.io_uring_disabled=0', or, in a container, allow io_uring_setup, io_uring_enter and io_uring_register in its seccomp profile");
	else if (error == -ENOSYS)
		log_error("this kernel has no io_uring, or a seccomp profile hides it: use Linux 6.1 or later with CONFIG_IO_URING, or allow io_uring_setup, io_uring_enter and io_uring_register in the profile");
	else if (error == -ENOMEM)
		log_error("no memory for io_uring: raise RLIMIT_MEMLOCK ('LimitMEMLOCK=' in the unit)");
	else
		log_error("io_uring cannot be set up: %s; Linux 6.1 or later is needed",
			  strerror(-error));
}

/*
 * Completions are run when this thread asks for them, not by interrupting it
 * (6.1). Kernels without that still work with the plain flags.
 */
static int setup_ring(struct loop *loop)
{
	static const unsigned int modes[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_COOP_TASKRUN,
		0,
	};
	int error = -EINVAL;

	for (size_t i = 0; error == -EINVAL && i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct io_uring_params params = {
			.flags = modes[i] | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
			.cq_entries = loop->opts.entries * 4,
		};

		error = io_uring_queue_init_params(loop->opts.entries, &loop->ring, &params);
	}
	return error;
}

static size_t buffer_ring_size(const struct loop *loop)
{
	return loop->opts.buffers * sizeof(struct io_uring_buf);
}

static void *map_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int setup_buffers(struct loop *loop)
{
	struct io_uring_buf_reg reg = { .ring_entries = loop->opts.buffers, .bgid = BUFFER_GROUP };
	int error;

	loop->buffer_ring = map_memory(buffer_ring_size(loop));
	loop->buffers = map_memory(loop->opts.buffers * loop->opts.buffer_size);
	if (!loop->buffer_ring || !loop->buffers)
		return -ENOMEM;
	reg.ring_addr = (uintptr_t)loop->buffer_ring;
	error = io_uring_register_buf_ring(&loop->ring, &reg, 0);
	if (error)
		return error;
	io_uring_buf_ring_init(loop->buffer_ring);
	for (unsigned int i = 0; i < loop->opts.buffers; i++)
		loop_buffer_put(loop, (int)i);
	return 0;
}

int loop_init(struct loop *loop, const struct loop_opts *opts)
{
	int error;

	memset(loop, 0, sizeof(*loop));
	loop->opts = *opts;
	loop->now = clock_ms();
	loop->ring.ring_fd = -1;
	error = setup_ring(loop);
	if (error) {
		explain_setup(error);
		return error;
	}
	error = setup_buffers(loop);
	if (error) {
		explain_setup(error);
		loop_exit(loop);
	}
	return error;
}

void loop_exit(struct loop *loop)
{
	/* The ring goes first: the kernel may still write to the buffers. */
	if (loop->ring.ring_fd >= 0)
		io_uring_queue_exit(&loop->ring);
	if (loop->buffer_ring)
		munmap(loop->buffer_ring, buffer_ring_size(loop));
	if (loop->buffers)
		munmap(loop->buffers, loop->opts.buffers * loop->opts.buffer_size);
	loop_timers_exit(loop);
	memset(loop, 0, sizeof(*loop));
	loop->ring.ring_fd = -1;
}

static void complete(struct loop *loop)
{
	struct io_uring_cqe *cqe;
	unsigned int head, seen = 0;

	io_uring_for_each_cqe(&loop->ring, head, cqe) {
		struct loop_op *op = (struct loop_op *)(uintptr_t)cqe->user_data;
		bool more = cqe->flags & IORING_CQE_F_MORE;
		int buffer = -1;

		seen++;
		if (!op)	/* a cancel: its target says the rest */
			continue;
		if (cqe->flags & IORING_CQE_F_BUFFER)
			buffer = (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
		op->active = more;
		op->done(op, cqe->res, buffer, more);
	}
	io_uring_cq_advance(&loop->ring, seen);
}

static struct __kernel_timespec time_to_wait(const struct loop *loop, enum loop_wait wait)
{
	uint64_t ms = 0;
	uint64_t due;

	if (wait == LOOP_SLEEP) {
		ms = 3600 * 1000;
		if (loop_timers_next(loop, &due)) {
			uint64_t now = clock_ms();

			ms = due <= now ? 0 : due - now < ms ? due - now : ms;
		}
	}
	return (struct __kernel_timespec){
		.tv_sec = (long long)(ms / 1000),
		.tv_nsec = (long long)(ms % 1000) * 1000000,
	};
}

static bool is_transient(int error)
{
	return error >= 0 || error == -ETIME || error == -EINTR || error == -EAGAIN ||
	       error == -EBUSY;
}

int loop_run(struct loop *loop)
{
	enum loop_wait wait = LOOP_GO_ON;

	while (!loop->stopping) {
		struct __kernel_timespec timeout = time_to_wait(loop, wait);
		struct io_uring_cqe *cqe;
		int error = io_uring_submit_and_wait_timeout(&loop->ring, &cqe, 1, &timeout, NULL);

		if (!is_transient(error)) {
			log_error("io_uring failed: %s", strerror(-error));
			return error;
		}
		loop->now = clock_ms();
		complete(loop);
		loop_timers_run(loop);
		/*
		 * What wasn't taken still points to memory of the last turn: the
		 * turn function must not reuse it yet.
		 */
		if (io_uring_sq_ready(&loop->ring))
			loop_submit(loop);
		wait = LOOP_GO_ON;
		if (!io_uring_sq_ready(&loop->ring))
			wait = loop->opts.turn(loop->opts.arg);
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
}

void loop_submit(struct loop *loop)
{
	io_uring_submit(&loop->ring);
}

static struct io_uring_sqe *next_sqe(struct loop *loop)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);

	if (sqe)
		return sqe;
	loop_submit(loop);
	return io_uring_get_sqe(&loop->ring);
}

static int start(struct io_uring_sqe *sqe, struct loop_op *op)
{
	io_uring_sqe_set_data(sqe, op);
	op->active = true;
	return 0;
}

int loop_accept(struct loop *loop, struct loop_op *op, int fd)
{
	struct io_uring_sqe *sqe = next_sqe(loop);

	if (!sqe)
		return -EAGAIN;
	io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
	return start(sqe, op);
}

int loop_recv(struct loop *loop, struct loop_op *op, int fd)
{
	struct io_uring_sqe *sqe = next_sqe(loop);

	if (!sqe)
		return -EAGAIN;
	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = BUFFER_GROUP;
	return start(sqe, op);
}

int loop_sendmsg(struct loop *loop, struct loop_op *op, int fd, const struct msghdr *message)
{
	struct io_uring_sqe *sqe = next_sqe(loop);

	if (!sqe)
		return -EAGAIN;
	io_uring_prep_sendmsg(sqe, fd, message, MSG_NOSIGNAL);
	return start(sqe, op);
}

int loop_poll(struct loop *loop, struct loop_op *op, int fd, unsigned int events)
{
	struct io_uring_sqe *sqe = next_sqe(loop);

	if (!sqe)
		return -EAGAIN;
	io_uring_prep_poll_add(sqe, fd, events);
	return start(sqe, op);
}

void loop_cancel(struct loop *loop, struct loop_op *op)
{
	struct io_uring_sqe *sqe;

	if (!op->active)
		return;
	sqe = next_sqe(loop);
	if (!sqe)
		return;
	io_uring_prep_cancel64(sqe, (uintptr_t)op, 0);
	io_uring_sqe_set_data(sqe, NULL);
}

void loop_buffer_put(struct loop *loop, int buffer)
{
	io_uring_buf_ring_add(loop->buffer_ring, loop_buffer(loop, buffer),
			      (unsigned int)loop->opts.buffer_size, (unsigned short)buffer,
			      io_uring_buf_ring_mask(loop->opts.buffers), 0);
	io_uring_buf_ring_advance(loop->buffer_ring, 1);
}
