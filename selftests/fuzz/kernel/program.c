// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Programs: making, changing, reading, writing, printing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kfuzz.h"

uint64_t kf_random(uint64_t *seed, uint64_t below)
{
	uint64_t value = *seed += 0x9e3779b97f4a7c15ULL;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ULL;
	value = (value ^ value >> 27) * 0x94d049bb133111ebULL;
	return (value ^ value >> 31) % below;
}

/* Small numbers, then some in the middle, and any. */
static uint8_t random_byte(uint64_t *seed)
{
	switch (kf_random(seed, 8)) {
	case 0:
	case 1:
		return 0;
	case 2:
	case 3:
	case 4:
		return kf_random(seed, 8);
	case 5:
		return kf_random(seed, 48);
	default:
		return kf_random(seed, 256);
	}
}

static uint8_t random_op(uint64_t *seed)
{
	unsigned int total = 0;
	uint64_t at;
	int op;

	for (op = 0; op < KF_OPS; op++)
		total += kf_ops[op].weight;
	at = kf_random(seed, total);
	for (op = 0; at >= kf_ops[op].weight; op++)
		at -= kf_ops[op].weight;
	return op;
}

static struct kf_insn random_insn(uint64_t *seed, uint8_t op)
{
	struct kf_insn insn = {
		.op = op,
		.res = kf_random(seed, 24) ? kf_random(seed, 232) : 232 + kf_random(seed, 24),
		.a = random_byte(seed),
		.b = random_byte(seed),
		.c = random_byte(seed),
		.d = random_byte(seed),
		.v = kf_random(seed, 2) ? random_byte(seed) : kf_random(seed, 65536),
	};

	/* Most calls are meant well: behind what is refused at once is nothing. */
	if (kf_ops[op].mischief)
		insn.d = kf_random(seed, 8) ? 0 : KF_GOOD + kf_random(seed, 256 - KF_GOOD);
	return insn;
}

static void add(struct kf_program *program, struct kf_insn insn)
{
	if (program->count < KF_INSNS_MAX)
		program->insn[program->count++] = insn;
}

/*
 * A channel and one of each kind of descriptor, ordinary but for a byte here and
 * there: else most calls meet nothing.
 */
static void make_usual(struct kf_program *program, uint64_t *seed)
{
	static const struct kf_insn usual[] = {
		{ .op = KF_CREATE }, { .op = KF_OPEN }, { .op = KF_PUBLISHER },
		{ .op = KF_SUBSCRIBE }, { .op = KF_FILTER_ADD },
		/* These not always: the ring, its control page, io_uring. */
		{ .op = KF_MAP }, { .op = KF_MAP, .a = 2, .c = 1 }, { .op = KF_RING },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(usual); i++) {
		struct kf_insn insn = usual[i], fresh = random_insn(seed, insn.op);

		if (i >= 5 && kf_random(seed, 4))
			continue;
		if (insn.op == KF_CREATE) {
			/* Policy and claims. */
			insn.b = kf_random(seed, 3);
			insn.c = kf_random(seed, 2) * kf_random(seed, 6);
		}
		if (insn.op == KF_SUBSCRIBE)
			insn.a = kf_random(seed, 2);
		if (!kf_random(seed, 4))
			((uint8_t *)&insn)[2 + kf_random(seed, 6)] =
				((uint8_t *)&fresh)[2 + kf_random(seed, 6)];
		add(program, insn);
	}
}

void kf_program_make(struct kf_program *program, uint64_t *seed)
{
	unsigned int i, count = 1 + kf_random(seed, 24);

	program->count = 0;
	if (kf_random(seed, 16))
		make_usual(program, seed);
	for (i = 0; i < count; i++)
		add(program, random_insn(seed, random_op(seed)));
}

static void insert(struct kf_program *program, unsigned int at, struct kf_insn insn)
{
	if (program->count == KF_INSNS_MAX)
		program->count--;
	memmove(&program->insn[at + 1], &program->insn[at],
		(program->count - at) * sizeof(insn));
	program->insn[at] = insn;
	program->count++;
}

static void change_operand(struct kf_insn *insn, uint64_t *seed)
{
	uint8_t *bytes = (uint8_t *)insn;
	unsigned int at = 1 + kf_random(seed, sizeof(*insn) - 1);
	struct kf_insn fresh = random_insn(seed, insn->op);

	switch (kf_random(seed, 4)) {
	case 0:
		bytes[at] ^= 1 << kf_random(seed, 8);
		break;
	case 1:
		bytes[at] += kf_random(seed, 2) ? 1 : -1;
		break;
	default:
		bytes[at] = ((uint8_t *)&fresh)[at];
	}
}

/* The beginning of @program and the end of @other. */
static void join_with(struct kf_program *program, const struct kf_program *other, uint64_t *seed)
{
	unsigned int keep = kf_random(seed, program->count + 1);
	unsigned int from = kf_random(seed, other->count + 1);

	program->count = keep;
	for (; from < other->count; from++)
		add(program, other->insn[from]);
}

static void change_once(struct kf_program *program, const struct kf_program *other,
			uint64_t *seed)
{
	unsigned int at, to;

	if (!program->count) {
		kf_program_make(program, seed);
		return;
	}
	at = kf_random(seed, program->count);
	switch (kf_random(seed, 8)) {
	case 0:
	case 1:
		insert(program, at, random_insn(seed, random_op(seed)));
		break;
	case 2:
		add(program, random_insn(seed, random_op(seed)));
		break;
	case 3:
		program->count--;
		memmove(&program->insn[at], &program->insn[at + 1],
			(program->count - at) * sizeof(program->insn[0]));
		break;
	case 4:
		/* Again, elsewhere: what was done once is done twice. */
		to = kf_random(seed, program->count);
		insert(program, to, program->insn[at]);
		break;
	case 5:
		join_with(program, other, seed);
		break;
	default:
		change_operand(&program->insn[at], seed);
	}
}

void kf_program_change(struct kf_program *program, const struct kf_program *other,
		       uint64_t *seed)
{
	unsigned int i, count = 1 + kf_random(seed, 5);

	for (i = 0; i < count; i++)
		change_once(program, other, seed);
}

int kf_program_read(struct kf_program *program, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	memset(program, 0, sizeof(*program));
	len = read(fd, program->insn, sizeof(program->insn));
	close(fd);
	if (len < 0)
		return -EIO;
	program->count = (len + sizeof(struct kf_insn) - 1) / sizeof(struct kf_insn);
	while (program->count && !program->insn[program->count - 1].op)
		program->count--;
	return 0;
}

int kf_program_write(const struct kf_program *program, const char *path)
{
	size_t size = program->count * sizeof(struct kf_insn);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, program->insn, size) != (ssize_t)size)
		error = -EIO;
	close(fd);
	return error;
}

void kf_program_print(const struct kf_program *program, const int32_t *results)
{
	unsigned int i;

	for (i = 0; i < program->count; i++) {
		const struct kf_insn *insn = &program->insn[i];
		const char *name = insn->op < KF_OPS ? kf_ops[insn->op].name : "?";

		printf("# %2u %-14s res=%u a=%u b=%u c=%u d=%u v=%u", i, name, insn->res, insn->a,
		       insn->b, insn->c, insn->d, insn->v);
		if (results && results[i] < 0)
			printf(" -> %s", strerrorname_np(-results[i]) ?: "?");
		else if (results)
			printf(" -> %d", results[i]);
		printf("\n");
	}
}
