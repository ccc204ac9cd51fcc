// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* io_uring, without its library: commands, polls and reads, cancelled at will. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/io_uring.h>
#include "kfuzz.h"

#define ENTRIES	16
#define RINGS	8
#define PENDING	64

/* A command that was submitted, to be judged when it completes. */
struct pending {
	const struct kf_call *call;
	uint8_t *before;
	uint8_t *args;
	const char *refusal;
	struct kf_slot slot;
	bool wild;
};

/* @lock: one thread at a time submits and reaps. */
struct ring {
	pthread_mutex_t lock;
	struct io_uring_params params;
	uint8_t *memory, *sqes;
	size_t size, sqes_size;
	struct pending pending[PENDING];
	unsigned int next;
};

static struct ring rings[RINGS];
static _Atomic unsigned int ring_count;

static uint32_t *word(const struct ring *ring, uint32_t offset)
{
	return (uint32_t *)(ring->memory + offset);
}

static bool map_ring(struct ring *ring, int fd)
{
	const struct io_uring_params *params = &ring->params;
	size_t cqe = params->flags & IORING_SETUP_CQE32 ? 32 : 16;
	size_t sqe = params->flags & IORING_SETUP_SQE128 ? 128 : 64;
	size_t cq_size = params->cq_off.cqes + params->cq_entries * cqe;

	ring->size = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
	if (ring->size < cq_size)
		ring->size = cq_size;
	ring->sqes_size = params->sq_entries * sqe;
	ring->memory = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			    fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, ring->sqes_size, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	return ring->memory != MAP_FAILED && ring->sqes != MAP_FAILED;
}

/* a: flags, v: slot */
KF_RUN(ring)
{
	static const uint32_t flags[] = {
		0, 0, 0, IORING_SETUP_SQE128, IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
		IORING_SETUP_COOP_TASKRUN, IORING_SETUP_SUBMIT_ALL,
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_IOPOLL,
	};
	unsigned int which = atomic_fetch_add(&ring_count, 1);
	struct ring *ring = &rings[which % RINGS];
	int fd;

	if (t->child || which >= RINGS) {
		atomic_fetch_sub(&ring_count, 1);
		return -EBUSY;
	}
	pthread_mutex_init(&ring->lock, NULL);
	memset(&ring->params, 0, sizeof(ring->params));
	memset(ring->pending, 0, sizeof(ring->pending));
	ring->memory = MAP_FAILED;
	ring->sqes = MAP_FAILED;
	ring->next = 0;
	ring->params.flags = flags[insn->a % ARRAY_LEN(flags)];
	fd = syscall(SYS_io_uring_setup, ENTRIES, &ring->params);
	if (fd < 0)
		return -errno;
	if (!map_ring(ring, fd)) {
		close(fd);
		return -ENOMEM;
	}
	return kf_slot_put(fd, KF_URING, insn->v, 0, which);
}

void kf_rings_clear(void)
{
	unsigned int i;

	for (i = 0; i < RINGS && i < ring_count; i++) {
		struct ring *ring = &rings[i];

		if (ring->memory != MAP_FAILED)
			munmap(ring->memory, ring->size);
		if (ring->sqes != MAP_FAILED)
			munmap(ring->sqes, ring->sqes_size);
		ring->memory = MAP_FAILED;
		ring->sqes = MAP_FAILED;
	}
	ring_count = 0;
}

/* The ring of an instruction, locked; NULL: none or busy. */
static struct ring *lock_ring(const struct kf_thread *t, uint8_t res, int *fd)
{
	struct kf_slot slot = kf_slot_get(KF_URING, res);
	struct ring *ring = &rings[slot.sub % RINGS];

	*fd = slot.fd;
	if (slot.fd < 0 || slot.kind != KF_URING || t->child || ring->memory == MAP_FAILED)
		return NULL;
	return pthread_mutex_trylock(&ring->lock) ? NULL : ring;
}

/* ---- completion --------------------------------------------------------- */

static void judge_success(struct kf_thread *t, const struct pending *pending)
{
	const struct kf_insn insn = { .op = pending->call->op };
	const struct mq_receive *receive = (void *)pending->args;

	if (pending->refusal)
		kf_finding("%s by a ring succeeded with %s", kf_ops[pending->call->op].name,
			   pending->refusal);
	if (pending->wild)
		return;
	if (pending->call->op == KF_RECEIVE)
		kf_check_records((void *)(uintptr_t)receive->buffer, receive->buffer_size,
				 kf_sub_of(pending->slot));
	else if (pending->call->check)
		pending->call->check(t, &insn, pending->before, pending->args);
}

/* Of a command; what else was asked for may say anything. */
static void complete(struct kf_thread *t, struct ring *ring, const struct io_uring_cqe *cqe)
{
	struct pending *pending;
	int error = -cqe->res;

	if (!cqe->user_data || cqe->user_data > PENDING)
		return;
	pending = &ring->pending[cqe->user_data - 1];
	if (!pending->call)
		return;
	if (cqe->res >= 0)
		judge_success(t, pending);
	else if (pending->slot.kind == pending->call->kind && error != EOPNOTSUPP &&
		 error != ECANCELED && error != EAGAIN && error != EINTR && error != EINVAL &&
		 !kf_errno_known(pending->call, error))
		kf_finding("%s by a ring: %s is not what the header names",
			   kf_ops[pending->call->op].name, strerrorname_np(error));
	pending->call = NULL;
}

static int reap(struct kf_thread *t, struct ring *ring)
{
	size_t size = ring->params.flags & IORING_SETUP_CQE32 ? 32 : 16;
	uint32_t mask = *word(ring, ring->params.cq_off.ring_mask);
	uint32_t *head = word(ring, ring->params.cq_off.head);
	uint32_t *tail = word(ring, ring->params.cq_off.tail);
	uint32_t at = *head;
	int count = 0;

	while (at != __atomic_load_n(tail, __ATOMIC_ACQUIRE) && count < 1000) {
		struct io_uring_cqe cqe;

		memcpy(&cqe, ring->memory + ring->params.cq_off.cqes + (at & mask) * size,
		       sizeof(cqe));
		complete(t, ring, &cqe);
		at++;
		count++;
		__atomic_store_n(head, at, __ATOMIC_RELEASE);
	}
	return count;
}

/* ---- submission --------------------------------------------------------- */

static int enter(int fd, unsigned int submit, unsigned int wait)
{
	int count = syscall(SYS_io_uring_enter, fd, submit, wait,
			    wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);

	return count < 0 ? -errno : count;
}

static int submit(struct kf_thread *t, struct ring *ring, int fd, const struct io_uring_sqe *sqe)
{
	size_t size = ring->params.flags & IORING_SETUP_SQE128 ? 128 : 64;
	uint32_t mask = *word(ring, ring->params.sq_off.ring_mask);
	uint32_t *tail = word(ring, ring->params.sq_off.tail);
	uint32_t head = __atomic_load_n(word(ring, ring->params.sq_off.head), __ATOMIC_ACQUIRE);
	uint32_t at = *tail & mask;
	int error;

	if (*tail - head >= ring->params.sq_entries)
		return -EBUSY;
	memset(ring->sqes + at * size, 0, size);
	memcpy(ring->sqes + at * size, sqe, sizeof(*sqe));
	word(ring, ring->params.sq_off.array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	error = enter(fd, 1, 0);
	reap(t, ring);
	return error;
}

/* By the ring of an instruction. */
static int submit_by(struct kf_thread *t, uint8_t res, const struct io_uring_sqe *sqe)
{
	struct ring *ring;
	int fd, error;

	ring = lock_ring(t, res, &fd);
	if (!ring)
		return -EBUSY;
	error = submit(t, ring, fd, sqe);
	pthread_mutex_unlock(&ring->lock);
	return error;
}

/* The next ioctl is a command; a: flags, b: more than the header knows. */
KF_RUN(by_ring)
{
	t->by_ring = insn->res;
	t->by_ring_flags = insn->a % 4 == 1 ? IOSQE_ASYNC :
			   insn->a % 4 == 2 ? IOSQE_IO_LINK : 0;
	t->by_ring_reserved = insn->b >= 240;
	return 0;
}

int kf_ring_command(struct kf_thread *t, const struct kf_call *call, unsigned long cmd,
		    void *arg, void *args)
{
	struct mq_uring area = { .arg = (uintptr_t)arg, .reserved = t->by_ring_reserved };
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_URING_CMD,
		.flags = t->by_ring_flags,
		.fd = t->slot.fd,
		.cmd_op = cmd,
	};
	size_t size = _IOC_SIZE(call->cmd);
	struct pending *pending;
	struct ring *ring;
	int fd, error;

	ring = lock_ring(t, t->by_ring, &fd);
	t->by_ring = -1;
	if (!ring)
		return -EBUSY;
	pending = &ring->pending[ring->next++ % PENDING];
	*pending = (struct pending){
		.call = call, .args = args, .slot = t->slot, .wild = t->wild || arg != args,
		.before = kf_alloc(t, size + 8),
		.refusal = area.reserved ? "a reserved field that is not 0" : t->refusal,
	};
	if (pending->before)
		memcpy(pending->before, args, size);
	else
		pending->call = NULL;
	memcpy(sqe.cmd, &area, sizeof(area));
	sqe.user_data = pending - ring->pending + 1;
	error = submit(t, ring, fd, &sqe);
	pthread_mutex_unlock(&ring->lock);
	return error;
}

/* c: of which kind, a: multishot, v: events */
KF_RUN(ring_poll)
{
	struct kf_slot slot = kf_slot_get(insn->c % KF_KINDS, insn->b);
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = slot.fd,
		.poll32_events = insn->v,
		.len = insn->a % 2 ? IORING_POLL_ADD_MULTI : 0,
		.user_data = 1000 + insn->a % 8,
	};

	return submit_by(t, insn->res, &sqe);
}

/* By a worker thread if a is odd: it waits there. What it takes nobody checks. */
KF_RUN(ring_read)
{
	struct kf_slot slot = kf_slot_get(insn->c & 1 ? KF_NODE : KF_SUB, insn->b);
	uint32_t len = kf_length(insn->v & 0xff) % 8192;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_READ,
		.flags = insn->a % 2 ? IOSQE_ASYNC : 0,
		.fd = slot.fd,
		.addr = (uintptr_t)kf_alloc(t, len),
		.len = len,
		.off = UINT64_MAX,
		.user_data = 1000 + insn->a % 8,
	};

	return sqe.addr ? submit_by(t, insn->res, &sqe) : -EBUSY;
}

KF_RUN(ring_cancel)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_ASYNC_CANCEL,
		.fd = kf_slot_get(insn->c % KF_KINDS, insn->b).fd,
		.addr = insn->v & 1 ? 1000 + insn->a % 8 : 1 + insn->a % PENDING,
		.cancel_flags = insn->a & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD |
					   IORING_ASYNC_CANCEL_ANY),
		.user_data = 2000,
	};

	return submit_by(t, insn->res, &sqe);
}

KF_RUN(ring_reap)
{
	struct ring *ring;
	int fd, count;

	ring = lock_ring(t, insn->res, &fd);
	if (!ring)
		return -EBUSY;
	enter(fd, ring->params.sq_entries, insn->a & 1);
	count = reap(t, ring);
	pthread_mutex_unlock(&ring->lock);
	return count;
}
