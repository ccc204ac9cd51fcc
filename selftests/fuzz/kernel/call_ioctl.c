// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Running ioctls, with and without mischief, and judging what they say. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include "kfuzz.h"

/* Spoils the arguments of a call and its number as insn.d says. */
static unsigned long do_mischief(struct kf_thread *t, const struct kf_call *call,
				 const struct kf_insn *insn, uint8_t *args)
{
	unsigned long cmd = call->cmd;

	switch (insn->d) {
	case KF_BAD_RESERVED:
		if (call->reserved) {
			args[call->reserved + (insn->v & 3)] = 1;
			t->refusal = "a reserved field that is not 0";
		}
		break;
	case KF_BAD_FLAG:
		if (call->unknown) {
			args[0] |= call->unknown;
			t->refusal = "an unknown flag";
		}
		break;
	case KF_BAD_COMMAND:
		t->refusal = "an unknown command";
		switch (insn->v & 3) {
		case 0:
			return cmd ^ 0x10;
		case 1:
			return cmd + (1 << _IOC_SIZESHIFT);
		case 2:
			return cmd ^ (1UL << _IOC_DIRSHIFT);
		default:
			return cmd ^ 0x100;
		}
	case KF_BAD_FD:
		t->slot.fd = insn->v & 1 ? -1 : 1 << 20;
		t->refusal = "not a descriptor";
		break;
	}
	return cmd;
}

/* The argument itself, or a pointer that is no good. */
static void *choose_arg(struct kf_thread *t, const struct kf_call *call,
			const struct kf_insn *insn, void *args)
{
	unsigned int how = kf_bad(insn, KF_BAD_ARG);
	size_t size = _IOC_SIZE(call->cmd);

	/* Each but MQ_IOC_KICK reads all of it and writes some of it. */
	if (size && how && how < 7)
		t->refusal = "an argument that is nowhere or can't be written";
	if (how == 7)
		t->refusal = NULL;
	return kf_pointer(t, how, args, size);
}

/* A new descriptor comes with what is known of it. */
static void adopt(struct kf_thread *t, const struct kf_insn *insn, const void *args, int fd)
{
	const struct mq_subscribe *subscribe = args;
	unsigned int which = 0;

	if (insn->op == KF_PUBLISHER) {
		kf_slot_put(fd, KF_PUB, insn->v, 0, 0);
		return;
	}
	if (!t->wild && kf_state.sub_count < KF_SUBS)
		which = atomic_fetch_add(&kf_state.sub_count, 1);
	if (which >= KF_SUBS)
		which = 0;
	if (which) {
		struct kf_sub *sub = &kf_state.subs[which];

		memset(sub, 0, sizeof(*sub));
		sub->used = true;
		sub->flags = subscribe->flags;
		sub->start = subscribe->start;
		sub->position = subscribe->position;
		sub->ring_size = subscribe->ring_size;
	}
	kf_slot_put(fd, KF_SUB, insn->v, 0, which);
}

static bool makes_fd(const struct kf_call *call)
{
	return call->op == KF_SUBSCRIBE || call->op == KF_PUBLISHER;
}

/* What a refusal must have left alone. */
static void judge_refusal(struct kf_thread *t, const struct kf_call *call, const void *before,
			  const void *args, int error)
{
	const char *name = kf_ops[call->op].name;
	bool ours = t->slot.kind == call->kind || t->slot.kind == call->kind2;

	if (ours && !kf_errno_known(call, error))
		kf_finding("%s: %s is not what the header names", name, strerrorname_np(error));
	/* EFAULT also says that results could not be written, or only in part. */
	if (t->wild || error == EFAULT || !memcmp(before, args, _IOC_SIZE(call->cmd)))
		return;
	if (!call->changed || !call->changed(before, args, error))
		kf_finding("%s: refused with %s, and changed its argument", name,
			   strerrorname_np(error));
}

void kf_call_judge(struct kf_thread *t, const struct kf_call *call, const struct kf_insn *insn,
		   const void *before, const void *args, int result)
{
	if (result < 0) {
		judge_refusal(t, call, before, args, -result);
		return;
	}
	if (t->refusal)
		kf_finding("%s succeeded with %s", kf_ops[call->op].name, t->refusal);
	if (!makes_fd(call) && result)
		kf_finding("%s returned %d", kf_ops[call->op].name, result);
	/* Behind a bad pointer is not what was written. */
	if (call->check && !kf_bad(insn, KF_BAD_ARG))
		call->check(t, insn, before, args);
}

KF_RUN(ioctl)
{
	const struct kf_call *call = kf_call_of(insn->op);
	size_t size = _IOC_SIZE(call->cmd);
	uint8_t before[KF_ARGS_MAX];
	unsigned long cmd;
	uint8_t *args;
	int result;
	void *arg;

	t->slot = kf_slot_get(call->kind, insn->res);
	t->refusal = NULL;
	t->wild = false;
	args = kf_alloc(t, size + 8);
	if (!args)
		return -ENOBUFS;
	if (t->slot.kind != call->kind && t->slot.kind != call->kind2)
		t->refusal = "the wrong kind of descriptor";
	call->build(t, insn, args);
	cmd = do_mischief(t, call, insn, args);
	memcpy(before, args, size);
	arg = choose_arg(t, call, insn, args);
	if (t->by_ring >= 0)
		return kf_ring_command(t, call, cmd, arg, args);
	result = ioctl(t->slot.fd, cmd, arg);
	if (result < 0)
		result = -errno;
	if (result == -ENOTTY && cmd == call->cmd && t->slot.kind == call->kind)
		kf_shared->unknown[insn->op] = true;
	kf_call_judge(t, call, insn, before, args, result);
	if (result >= 0 && makes_fd(call))
		adopt(t, insn, args, result);
	return result;
}

/* a: which command, b, c: what of it is changed; the argument is any bytes. */
KF_RUN(ioctl_any)
{
	struct kf_slot slot = kf_slot_get(insn->res % KF_KINDS, insn->b);
	const struct kf_call *call = &kf_calls[insn->a % KF_CALLS];
	unsigned long cmd = call->cmd;
	uint8_t *args = kf_alloc(t, KF_ARGS_MAX);
	unsigned int i;
	int result;

	if (!args)
		return -ENOBUFS;
	if (insn->a >= 192)
		cmd = _IOC(insn->c & 3, MQ_IOC_MAGIC, insn->b, insn->v & 0xff);
	/* Sparse ones: else the first check ends it. */
	for (i = 0; insn->c & 0x80 && i < _IOC_SIZE(call->cmd); i++)
		args[i] = kf_random(&(uint64_t){ insn->v + i }, 256);
	if (insn->c & 0x40)
		args[insn->v % KF_ARGS_MAX] = insn->c;
	result = ioctl(slot.fd, cmd, args);
	if (result < 0)
		return -errno;
	if (result)
		kf_slot_put(result, cmd == MQ_IOC_SUBSCRIBE ? KF_SUB : KF_PUB, insn->v, 0, 0);
	/* Published or found: nobody knows the bytes. */
	return result;
}
