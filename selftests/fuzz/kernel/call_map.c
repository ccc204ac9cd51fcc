// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Mappings of subscriptions: made, moved, written where they may be, looked at. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "kfuzz.h"

#define PAGE 4096ULL

static bool lock_map(struct kf_map *map)
{
	/* Another thread is at it; a child has the lock as it was then. */
	return !pthread_mutex_trylock(&map->lock);
}

static void unlock_map(struct kf_map *map)
{
	pthread_mutex_unlock(&map->lock);
}

static struct kf_map *choose_map(const struct kf_insn *insn)
{
	unsigned int i;

	for (i = 0; i < KF_MAPS; i++) {
		struct kf_map *map = &kf_state.maps[(insn->res + i) % KF_MAPS];

		if (__atomic_load_n(&map->address, __ATOMIC_RELAXED))
			return map;
	}
	return &kf_state.maps[insn->res % KF_MAPS];
}

static void set_map(struct kf_map *map, uint8_t *address, size_t len)
{
	__atomic_store_n(&map->address, address, __ATOMIC_RELAXED);
	map->len = len;
}

static void drop_map(struct kf_map *map)
{
	if (map->address && munmap(map->address, map->len))
		abort();
	set_map(map, NULL, 0);
}

void kf_maps_clear(void)
{
	unsigned int i;

	for (i = 0; i < KF_MAPS; i++)
		drop_map(&kf_state.maps[i]);
}

/* ---- mmap --------------------------------------------------------------- */

/* What is asked for. */
struct wish {
	uint64_t offset;
	uint64_t len;
	int prot;
	int flags;
};

static struct wish make_wish(const struct kf_insn *insn, const struct kf_sub *sub)
{
	uint64_t ring = sub ? sub->ring_size : 65536;
	struct wish wish = { .len = PAGE, .prot = PROT_READ, .flags = MAP_SHARED };

	switch (insn->a % 8) {
	case 0:
	case 1:
		wish.offset = MQ_MMAP_RING;
		wish.len = ring;
		break;
	case 2:
	case 3:
		wish.offset = MQ_MMAP_CONTROL;
		wish.prot |= PROT_WRITE;
		break;
	case 4:
		wish.offset = MQ_MMAP_STATUS;
		break;
	case 5:
		wish.offset = MQ_MMAP_RING + insn->v % 64 * PAGE;
		wish.len = (1 + insn->v / 64 % 64) * PAGE;
		break;
	case 6:
		wish.offset = kf_value(insn->v) & ~(PAGE - 1);
		break;
	default:
		wish.offset = (insn->v & 1 ? MQ_MMAP_CONTROL : MQ_MMAP_STATUS) +
			      insn->v / 2 % 3 * PAGE - PAGE;
		wish.len = (1 + insn->v / 8 % 3) * PAGE;
	}
	if (insn->b >= 192)
		wish.prot = insn->b % 8;
	if (insn->c >= 240)
		wish.flags = MAP_PRIVATE;
	return wish;
}

static void check_granted(const struct wish *wish, const struct kf_sub *sub)
{
	bool control = wish->offset == MQ_MMAP_CONTROL;
	uint64_t room = PAGE;

	if (wish->flags & MAP_PRIVATE)
		kf_finding("a private mapping");
	if (wish->prot & PROT_EXEC || (wish->prot & PROT_WRITE && !control))
		kf_finding("offset %#" PRIx64 " is mapped with %d", wish->offset, wish->prot);
	if (!control && wish->offset != MQ_MMAP_STATUS)
		room = sub && wish->offset < sub->ring_size ? sub->ring_size - wish->offset : 0;
	if (sub && wish->len > room)
		kf_finding("offset %#" PRIx64 " is mapped with %" PRIu64 " bytes", wish->offset,
			   wish->len);
}

KF_RUN(map)
{
	struct kf_slot slot = kf_slot_get(KF_SUB, insn->res);
	struct kf_map *map = &kf_state.maps[insn->c % KF_MAPS];
	struct kf_sub *sub = kf_sub_of(slot);
	struct wish wish = make_wish(insn, sub);
	int error = 0;
	void *address;

	(void)t;
	if (!lock_map(map))
		return -EBUSY;
	drop_map(map);
	address = mmap(NULL, wish.len, wish.prot, wish.flags, slot.fd, wish.offset);
	if (address == MAP_FAILED) {
		error = -errno;
		if (slot.kind == KF_SUB && errno != EACCES && errno != EINVAL &&
		    errno != ENOMEM && errno != EBADF && errno != EOVERFLOW)
			kf_finding("mmap: %s", strerrorname_np(errno));
	} else if (slot.kind == KF_URING || slot.kind == KF_OTHER) {
		munmap(address, wish.len);
	} else {
		set_map(map, address, wish.len);
		map->what = wish.offset;
		map->sub = slot.kind == KF_SUB ? slot.sub : 0;
		if (slot.kind != KF_SUB)
			kf_finding("a node or a publisher can be mapped");
		else
			check_granted(&wish, sub);
	}
	unlock_map(map);
	return error;
}

/* a: all, the first page, the last */
KF_RUN(unmap)
{
	struct kf_map *map = choose_map(insn);

	(void)t;
	if (!lock_map(map))
		return -EBUSY;
	if (map->address && insn->a % 3 && map->len > PAGE) {
		bool front = insn->a % 3 == 1;

		munmap(front ? map->address : map->address + map->len - PAGE, PAGE);
		set_map(map, map->address + (front ? PAGE : 0), map->len - PAGE);
		/* No whole ring any more. */
		map->sub = 0;
	} else {
		drop_map(map);
	}
	unlock_map(map);
	return 0;
}

/* a: smaller, larger, moved; never beyond what mmap would give */
KF_RUN(remap)
{
	struct kf_map *map = choose_map(insn);
	size_t len = insn->a % 4 == 0 ? PAGE : insn->a % 4 == 1 ? map->len * 2 : map->len;
	int flags = insn->a % 4 == 3 ? MREMAP_MAYMOVE | MREMAP_DONTUNMAP : MREMAP_MAYMOVE;
	int error = -EBUSY;
	void *address;

	(void)t;
	if (!lock_map(map))
		return error;
	if (map->address) {
		address = mremap(map->address, map->len, len, flags);
		error = address == MAP_FAILED ? -errno : 0;
		if (!error) {
			if (len > map->len)
				kf_finding("a mapping can grow");
			if (insn->a % 4 == 3)
				munmap(map->address, map->len);
			set_map(map, address, len);
			map->sub = 0;
		}
	}
	unlock_map(map);
	return error;
}

KF_RUN(protect)
{
	struct kf_map *map = choose_map(insn);
	int prot = insn->b % 8;
	int error = -EBUSY;

	(void)t;
	if (!lock_map(map))
		return error;
	if (map->address) {
		error = mprotect(map->address, map->len, prot) ? -errno : 0;
		if (!error && (prot & PROT_EXEC ||
			       (prot & PROT_WRITE && map->what != MQ_MMAP_CONTROL)))
			kf_finding("offset %#" PRIx64 " can be made %d", map->what, prot);
		/* And advice, which must not take pages away from others. */
		if (insn->c >= 192)
			madvise(map->address, map->len, insn->c % 26);
	}
	unlock_map(map);
	return error;
}

/* ---- looking and writing ------------------------------------------------ */

/*
 * Sets the control page's field a to value b, c times, going up or to and fro.
 * A page that is not there (any more) is a signal.
 */
static void scribble(const struct kf_map *map, const struct kf_insn *insn)
{
	struct mq_control *control = (void *)map->address;
	volatile uint64_t *words = (void *)control;
	unsigned int i;

	for (i = 0; i <= insn->c; i++) {
		uint64_t value = kf_value(insn->b) + (insn->v & 1 ? i : 0);

		if (insn->v & 2 && i & 1)
			value = kf_value(insn->b + 1);
		switch (insn->a % 8) {
		case 0:
		case 1:
			__atomic_store_n(&control->cursor, value, __ATOMIC_RELEASE);
			break;
		case 2:
			__atomic_store_n(&control->delivered, value, __ATOMIC_RELAXED);
			break;
		case 3:
			__atomic_store_n(&control->no_wake, value, __ATOMIC_RELAXED);
			break;
		case 4:
			__atomic_store_n(&control->wake_records, value, __ATOMIC_RELAXED);
			break;
		case 5:
			__atomic_store_n(&control->wake_usec, value, __ATOMIC_RELAXED);
			break;
		case 6:
			__atomic_store_n(&control->reserved, value, __ATOMIC_RELAXED);
			break;
		default:
			words[insn->v % 512] = value;
		}
	}
}

/* Runs @look where a page may be missing: whether none was. */
static bool guarded(struct kf_thread *t, void (*look)(const struct kf_map *map,
						      const struct kf_insn *insn),
		    const struct kf_map *map, const struct kf_insn *insn)
{
	t->guarded = 1;
	if (!sigsetjmp(t->guard, 1)) {
		look(map, insn);
		t->guarded = 0;
		return true;
	}
	if (t->guarded == SIGBUS)
		kf_finding("SIGBUS in a mapping at %#" PRIx64, map->what);
	t->guarded = 0;
	return false;
}

static struct kf_map *choose_control(const struct kf_insn *insn)
{
	unsigned int i;

	for (i = 0; i < KF_MAPS; i++) {
		struct kf_map *map = &kf_state.maps[(insn->res + i) % KF_MAPS];

		if (__atomic_load_n(&map->address, __ATOMIC_RELAXED) &&
		    map->what == MQ_MMAP_CONTROL)
			return map;
	}
	return NULL;
}

KF_RUN(control)
{
	struct kf_map *map = choose_control(insn);
	int error = -ENXIO;

	if (!map || !lock_map(map))
		return error;
	if (map->address && map->what == MQ_MMAP_CONTROL)
		error = guarded(t, scribble, map, insn) ? 0 : -EFAULT;
	unlock_map(map);
	return error;
}

/* Every record between oldest and head is there and whole, or gone meanwhile. */
static void look_at_ring(const struct mqt_map *ring)
{
	uint64_t head = mqt_head(ring), sequence = mqt_oldest(ring);

	if (ring->header->magic != MQ_RING_MAGIC || ring->header->state > MQ_CHANNEL_DEAD ||
	    !memchr(ring->header->name, 0, sizeof(ring->header->name)))
		kf_finding("the header of a ring is none");
	for (; sequence < head; sequence++) {
		uint8_t copy[1024];
		struct mqt_view view;
		int error = mqt_peek(ring, sequence, &view);
		uint32_t len;

		if (error == -EAGAIN || error == -EBADMSG) {
			if (mqt_intact(ring, sequence))
				kf_finding("record %" PRIu64 " below head %" PRIu64 " is not there",
					   sequence, head);
			continue;
		}
		len = view.topic_len + view.payload_len + view.metadata_len;
		/* Copied, then asked, then looked at; large ones are for read(2). */
		if (error || len > sizeof(copy))
			continue;
		memcpy(copy, view.payload, view.payload_len);
		memcpy(copy + view.payload_len, view.metadata, view.metadata_len);
		memcpy(copy + view.payload_len + view.metadata_len, view.topic, view.topic_len);
		view.payload = copy;
		view.metadata = copy + view.payload_len;
		view.topic = (char *)view.metadata + view.metadata_len;
		if (mqt_intact(ring, sequence))
			kf_check_record(&view);
	}
}

static bool status_right(const volatile struct mq_status *status)
{
	return !(status->state & ~(MQ_SUBSCRIPTION_HOLDING | MQ_SUBSCRIPTION_DEAD |
				   MQ_SUBSCRIPTION_EVICTED)) &&
	       status->missed <= status->passed && status->missed_at_most <= status->missed;
}

static void look_at_status(const struct mq_status *status)
{
	unsigned int i;

	/* Its fields change one by one. */
	for (i = 0; i < 1000 && !status_right(status); i++)
		sched_yield();
	if (i == 1000)
		kf_finding("status %#x, passed %" PRIu64 ", missed %" PRIu64 ", %" PRIu64
			   " of them at most", status->state, (uint64_t)status->passed,
			   (uint64_t)status->missed, (uint64_t)status->missed_at_most);
}

static void look_at(const struct kf_map *map, const struct kf_insn *insn)
{
	const struct kf_sub *sub = map->sub ? &kf_state.subs[map->sub] : NULL;
	struct mqt_map ring = { .header = (void *)map->address };

	(void)insn;
	if (map->what == MQ_MMAP_STATUS) {
		look_at_status((void *)map->address);
	} else if (map->what == MQ_MMAP_RING && sub && map->len == sub->ring_size) {
		ring.slots = (void *)(map->address + ring.header->slots_offset);
		ring.bytes = map->address + ring.header->bytes_offset;
		look_at_ring(&ring);
	}
}

KF_RUN(look)
{
	struct kf_map *map = choose_map(insn);
	int error = -ENXIO;

	if (!lock_map(map))
		return -EBUSY;
	if (map->address)
		error = guarded(t, look_at, map, insn) ? 0 : -EFAULT;
	unlock_map(map);
	return error;
}
