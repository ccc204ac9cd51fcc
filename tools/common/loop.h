/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: The io_uring loop
 *
 * One loop per thread. Everything that can be under way is a struct loop_op
 * embedded in its owner; its function is called once per completion, and until
 * an operation is over (loop_op_active() is false) its owner must stay. To get
 * rid of one, loop_cancel() it and wait for its last completion.
 *
 * Multishot operations (accept, receive) complete many times; the loop tells
 * the last one by calling with @more false. They end on errors, on cancel and
 * when the kernel runs out of something; starting them again is the owner's
 * decision.
 *
 * Received bytes lie in buffers that belong to the loop. The function that got
 * one gives it back with loop_buffer_put(), at any time in the same turn or
 * later; without free buffers receiving ends with -ENOBUFS.
 *
 * A turn: wait (or not), handle all completions, run due timers, call the turn
 * function. That one does what is worth doing once for all that came in: it
 * publishes, drains and sends. It says how the loop may wait.
 *
 * Needs Linux 6.1 and nothing newer: multishot accept (5.19), multishot
 * receive (6.0), provided-buffer rings (5.19).
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <liburing.h>

struct loop_op;

/**
 * typedef loop_done_fn - an operation completed
 * @op: the operation
 * @result: as the system call returns it, errors as negative errno
 * @buffer: a received buffer's number, or -1
 * @more: multishot: it goes on
 */
typedef void (*loop_done_fn)(struct loop_op *op, int result, int buffer, bool more);

/**
 * struct loop_op - something that can be under way in the kernel
 * @done: called for each completion
 * @active: it is under way
 *
 * Zero is an idle one.
 */
struct loop_op {
	loop_done_fn done;
	bool active;
};

/**
 * struct loop_timer - something to do at a given time
 * @run: called once, when it is due; may set it again
 * @due: in ms of loop_now()
 * @place: private: position in the heap + 1, 0: not set
 *
 * Zero is an idle one.
 */
struct loop_timer {
	void (*run)(struct loop_timer *timer);
	uint64_t due;
	size_t place;
};

/* How the loop may wait for the next turn. */
enum loop_wait {
	LOOP_SLEEP,	/* until something completes or a timer is due */
	LOOP_GO_ON,	/* not at all: there is more to do */
};

/**
 * struct loop_opts - what a loop is made of
 * @entries: submission entries
 * @buffers: number of receive buffers, a power of two up to 32768
 * @buffer_size: bytes of each
 * @turn: called at the end of each turn
 * @arg: for @turn
 */
struct loop_opts {
	unsigned int entries;
	unsigned int buffers;
	size_t buffer_size;
	enum loop_wait (*turn)(void *arg);
	void *arg;
};

/**
 * struct loop - the loop
 * @opts: as given
 * @ring: io_uring
 * @buffer_ring: where free buffers are offered to the kernel
 * @buffers: all buffers, one after the other
 * @timers: binary heap, the next one first
 * @timers_count: entries in it
 * @timers_size: room for entries
 * @now: time of this turn in ms
 * @stopping: loop_stop() was called
 */
struct loop {
	struct loop_opts opts;
	struct io_uring ring;
	struct io_uring_buf_ring *buffer_ring;
	uint8_t *buffers;
	struct loop_timer **timers;
	size_t timers_count;
	size_t timers_size;
	uint64_t now;
	bool stopping;
};

/*
 * Return: 0 or a negative errno. When io_uring is missing or forbidden
 * (-ENOSYS, -EPERM), the log says so and how to allow it.
 */
int loop_init(struct loop *loop, const struct loop_opts *opts);
void loop_exit(struct loop *loop);

/* Runs turns until loop_stop(). Return: 0, or the error that ended it. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* CLOCK_MONOTONIC in ms, as of the beginning of this turn. */
static inline uint64_t loop_now(const struct loop *loop)
{
	return loop->now;
}

/*
 * Starting operations. The op must be idle. Each returns 0 or -EAGAIN (the
 * kernel takes no more submissions right now; nothing was started).
 */
int loop_accept(struct loop *loop, struct loop_op *op, int fd);
int loop_recv(struct loop *loop, struct loop_op *op, int fd);
/* @message and what it points to must stay until loop_submit() or the turn's end. */
int loop_sendmsg(struct loop *loop, struct loop_op *op, int fd, const struct msghdr *message);
int loop_poll(struct loop *loop, struct loop_op *op, int fd, unsigned int events);
/* Asks for the end of an operation; its last completion still comes. */
void loop_cancel(struct loop *loop, struct loop_op *op);

/* Hands what was started to the kernel now. */
void loop_submit(struct loop *loop);

static inline bool loop_op_active(const struct loop_op *op)
{
	return op->active;
}

static inline uint8_t *loop_buffer(const struct loop *loop, int buffer)
{
	return loop->buffers + (size_t)buffer * loop->opts.buffer_size;
}

void loop_buffer_put(struct loop *loop, int buffer);

/*
 * Sets a timer, or sets it anew. Return: 0 or -ENOMEM; setting anew never
 * fails.
 */
int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t due);
/* Total: an idle timer is fine. */
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

static inline bool loop_timer_is_set(const struct loop_timer *timer)
{
	return timer->place != 0;
}

#endif /* COMMON_LOOP_H */
