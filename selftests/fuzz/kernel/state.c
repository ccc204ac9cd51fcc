// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What a program has at hand: slots, memory, pointers, values. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "kfuzz.h"

struct kf_state kf_state;

/* Two pages, the second not there; and one that is read-only. */
static uint8_t *half_pages, *fixed_page;
static long page_size;

static void *pages(size_t len, int prot)
{
	void *memory = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

void kf_state_init(void)
{
	unsigned int i;

	page_size = sysconf(_SC_PAGESIZE);
	half_pages = pages(2 * page_size, PROT_READ | PROT_WRITE);
	if (mprotect(half_pages + page_size, page_size, PROT_NONE))
		abort();
	fixed_page = pages(page_size, PROT_READ);
	for (i = 0; i < KF_MAPS; i++)
		pthread_mutex_init(&kf_state.maps[i].lock, NULL);
	kf_state_reset();
}

void kf_thread_init(struct kf_thread *t, unsigned int me)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGUSR1,
	};

	memset(t, 0, sizeof(*t));
	t->me = me;
	t->arena = pages(KF_ARENA, PROT_READ | PROT_WRITE);
	t->out = pages(KF_OUT, PROT_READ | PROT_WRITE);
	kf_cover_start(&t->cover);
	event._sigev_un._tid = syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &event, &t->timer))
		abort();
}

/* Everything a program made is gone; forget it. */
void kf_state_reset(void)
{
	unsigned int i, j;

	for (i = 0; i < KF_KINDS; i++)
		for (j = 0; j < KF_PER_KIND; j++)
			kf_state.slots[i][j] = UINT64_MAX;
	for (i = 0; i < KF_SUBS && kf_state.subs[i].used; i++)
		memset(&kf_state.subs[i], 0, sizeof(kf_state.subs[i]));
	/* The first is nobody's: for those beyond the last. */
	kf_state.subs[0].used = true;
	kf_state.sub_count = 1;
	kf_state.next_fd = KF_FD_FIRST;
	kf_state.head = 1;
	kf_state.retained = 0;
	kf_state.purged = false;
	for (i = 0; i < ARRAY_LEN(kf_state.children); i++)
		kf_state.children[i] = 0;
}

void *kf_alloc(struct kf_thread *t, size_t len)
{
	uint8_t *memory = t->arena + t->arena_used;

	if (len > KF_ARENA - t->arena_used)
		return NULL;
	t->arena_used += (len + 7) & ~(size_t)7;
	memset(memory, 0, len);
	return memory;
}

/* ---- slots -------------------------------------------------------------- */

static uint64_t slot_pack(struct kf_slot slot)
{
	return (uint32_t)slot.fd | (uint64_t)slot.kind << 32 | (uint64_t)slot.mode << 40 |
	       (uint64_t)slot.sub << 48;
}

static struct kf_slot slot_unpack(uint64_t packed)
{
	return (struct kf_slot){
		.fd = packed == UINT64_MAX ? -1 : (int)(uint32_t)packed,
		.kind = packed >> 32,
		.mode = packed >> 40,
		.sub = packed >> 48,
	};
}

static _Atomic uint64_t *slot_find(enum kf_kind kind, uint8_t res)
{
	unsigned int i;

	if (res >= 232)
		return &kf_state.slots[res % KF_KINDS][res / KF_KINDS % KF_PER_KIND];
	/* Rather another one than none. */
	for (i = 0; i < KF_PER_KIND; i++) {
		_Atomic uint64_t *slot = &kf_state.slots[kind][(res + i) % KF_PER_KIND];

		if (*slot != UINT64_MAX)
			return slot;
	}
	return &kf_state.slots[kind][res % KF_PER_KIND];
}

struct kf_slot kf_slot_get(enum kf_kind kind, uint8_t res)
{
	return slot_unpack(*slot_find(kind, res));
}

struct kf_slot kf_slot_take(enum kf_kind kind, uint8_t res)
{
	return slot_unpack(atomic_exchange(slot_find(kind, res), UINT64_MAX));
}

int kf_slot_put(int fd, enum kf_kind kind, uint8_t where, uint8_t mode, uint8_t sub)
{
	struct kf_slot slot = { .kind = kind, .mode = mode, .sub = sub };

	/*
	 * A number is used once, so that a thread that still knows it can't meet
	 * another file under it.
	 */
	slot.fd = kf_state.next_fd < KF_FD_LAST ?
		  fcntl(fd, F_DUPFD_CLOEXEC, atomic_fetch_add(&kf_state.next_fd, 1)) : -1;
	close(fd);
	if (slot.fd < 0)
		return -1;
	kf_state.slots[kind][where % KF_PER_KIND] = slot_pack(slot);
	return slot.fd;
}

struct kf_sub *kf_sub_of(struct kf_slot slot)
{
	return slot.kind == KF_SUB && slot.sub ? &kf_state.subs[slot.sub] : NULL;
}

/* ---- operands ----------------------------------------------------------- */

const char *kf_name(unsigned int which)
{
	static const char * const names[KF_NAMES] = { "kf-0", "kf-1", "kf-2", "kf-3" };
	static const char * const bad[] = {
		"", "-kf", ".kf", "kf/0", "kf 0", "kf-none",
		"0123456789012345678901234567890123456789012345678901234567890123",
	};

	return which < 248 ? names[which % KF_NAMES] : bad[which % ARRAY_LEN(bad)];
}

unsigned int kf_bad(const struct kf_insn *insn, unsigned int first)
{
	return insn->d >= first && insn->d < first + KF_POINTERS ? insn->d - first : 0;
}

/* In a mapping of a ring, a control or a status page, whatever comes of it. */
static void *pointer_into_map(size_t len)
{
	unsigned int i;

	for (i = 0; i < KF_MAPS; i++) {
		const struct kf_map *map = &kf_state.maps[i];
		uint8_t *address = __atomic_load_n(&map->address, __ATOMIC_RELAXED);

		if (address)
			return address + (len & 0xff0);
	}
	return fixed_page;
}

void *kf_pointer(struct kf_thread *t, unsigned int how, void *good, size_t len)
{
	if (how)
		t->wild = true;
	switch (how) {
	case 1:
		return NULL;
	case 2:
		return mqt_nowhere();
	case 3:
		return (void *)0xffff888000000000UL;
	case 4:
		return (void *)0x8000000000000000UL;
	case 5:
		len = len / 2 < (size_t)page_size ? len / 2 : (size_t)page_size;
		if (good)
			memcpy(half_pages + page_size - len, good, len);
		return half_pages + page_size - len;
	case 6:
		return fixed_page;
	case 7:
		return pointer_into_map(len);
	default:
		return good;
	}
}

uint64_t kf_value(unsigned int which)
{
	uint64_t head = kf_state.head;

	switch (which % 32) {
	case 0: return 0;
	case 1: return head;
	case 2: return head - 1;
	case 3: return head + 1;
	case 4: return kf_state.retained;
	case 5: return head - 64;
	case 6: return head / 2;
	case 7: return 1;
	case 8: return 2;
	case 9: return 64;
	case 10: return UINT64_MAX;
	case 11: return 1ULL << 63;
	case 12: return INT64_MAX;
	case 13: return 1ULL << 62;
	case 14: return UINT32_MAX;
	case 15: return 1ULL << 32;
	case 16: return 1000000;
	case 17: return 1000000000;
	case 18: return kf_state.retained + 1;
	case 19: return head + 64;
	case 20: return UINT64_MAX - 1;
	case 21: return head - 8;
	case 22: return head - 16;
	case 23: return 3600000;
	case 24: return 3600001;
	default: return which;
	}
}

uint32_t kf_length(unsigned int which)
{
	static const uint32_t lengths[] = {
		0, 1, 7, 8, 16, 40, 41, 63, 64, 65, 78, 79, 80, 81, 100, 127, 128, 129, 255, 256,
		257, 500, 512, 1000, 1024, 2000, 2048, 4000, 4095, 4096, 4097, 8192, 16000, 16384,
		30000, 65000, 65535, 65536, 65537, 100000, 1 << 20, INT32_MAX, UINT32_MAX - 40,
		UINT32_MAX,
	};

	/* Small ones rather than large ones. */
	return which < 192 ? which : lengths[which % ARRAY_LEN(lengths)];
}
