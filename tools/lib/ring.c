// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The mapped ring, see ring.h; who orders what is told in linux/mq_ring.h. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "ring.h"

_Static_assert(sizeof(struct mq_slot) == MQ_SLOT_SIZE, "slot layout");

static bool power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

/* The fields of the header that never change, against the mapping's length. */
static bool plausible(const struct mq_ring_header *header, uint64_t size)
{
	uint64_t slots = header->slots;
	uint64_t bytes = header->bytes;
	uint64_t slots_end;

	if (header->magic != MQ_RING_MAGIC || !power_of_two(slots) || !power_of_two(bytes))
		return false;
	if (header->slots_offset < sizeof(*header) || header->slots_offset > size ||
	    header->bytes_offset > size || bytes > size)
		return false;
	slots_end = header->slots_offset + slots * MQ_SLOT_SIZE;
	return slots_end <= header->bytes_offset &&
	       bytes <= (size - header->bytes_offset) / 2 &&
	       header->max_record <= bytes &&
	       header->slots_offset % sizeof(uint64_t) == 0;
}

int libmq_ring_map(struct libmq_ring *ring, int fd, uint64_t size)
{
	const struct mq_ring_header *header;

	memset(ring, 0, sizeof(*ring));
	if (size < sizeof(*header) || size > SIZE_MAX)
		return -EPROTO;
	header = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, MQ_MMAP_RING);
	if (header == MAP_FAILED)
		return -errno;
	if (!plausible(header, size)) {
		munmap((void *)header, size);
		return -EPROTO;
	}
	ring->header = header;
	ring->size = size;
	ring->slots = (const void *)((const char *)header + header->slots_offset);
	ring->bytes = (const uint8_t *)header + header->bytes_offset;
	ring->slots_mask = (uint64_t)header->slots - 1;
	ring->bytes_mask = header->bytes - 1;
	ring->max_record = header->max_record;
	return 0;
}

void libmq_ring_unmap(struct libmq_ring *ring)
{
	if (ring->header)
		munmap((void *)ring->header, ring->size);
	ring->header = NULL;
}

uint64_t libmq_ring_head(const struct libmq_ring *ring)
{
	/* Pairs with W4: what lies below this head is whole. */
	return __atomic_load_n(&ring->header->head, __ATOMIC_ACQUIRE);
}

uint64_t libmq_ring_oldest(const struct libmq_ring *ring)
{
	return __atomic_load_n(&ring->header->oldest, __ATOMIC_RELAXED);
}

bool libmq_ring_dead(const struct libmq_ring *ring)
{
	/*
	 * Pairs with the store of the state behind the last record: a head
	 * that is loaded after this is final if the channel is dead.
	 */
	return __atomic_load_n(&ring->header->state, __ATOMIC_ACQUIRE) == MQ_CHANNEL_DEAD;
}

uint64_t libmq_ring_generation(const struct libmq_ring *ring)
{
	return __atomic_load_n(&ring->header->generation, __ATOMIC_RELAXED);
}

bool libmq_ring_space_wanted(const struct libmq_ring *ring)
{
	return __atomic_load_n(&ring->header->space_wanted, __ATOMIC_RELAXED);
}

/* The header words of a slot, each loaded once. */
static void slot_words(const struct mq_slot *slot, struct libmq_view *view, uint64_t *position)
{
	struct libmq_record *record = &view->record;

	*position = __atomic_load_n(&slot->position, __ATOMIC_RELAXED);
	record->time = __atomic_load_n(&slot->time, __ATOMIC_RELAXED);
	record->publisher = __atomic_load_n(&slot->publisher, __ATOMIC_RELAXED);
	record->payload_len = __atomic_load_n(&slot->payload_len, __ATOMIC_RELAXED);
	record->metadata_len = __atomic_load_n(&slot->metadata_len, __ATOMIC_RELAXED);
	record->topic_len = __atomic_load_n(&slot->topic_len, __ATOMIC_RELAXED);
	record->flags = __atomic_load_n(&slot->flags, __ATOMIC_RELAXED);
	view->topic_hash = __atomic_load_n(&slot->topic_hash, __ATOMIC_RELAXED);
}

/* The three places a record's parts can be in, see linux/mq_ring.h. */
static void locate(const struct libmq_ring *ring, const struct mq_slot *slot,
		   uint64_t position, struct libmq_record *record)
{
	const char *inside = (const char *)slot->data;
	const char *outside = (const char *)ring->bytes + (position & ring->bytes_mask);
	uint64_t total = (uint64_t)record->topic_len + record->payload_len + record->metadata_len;

	if (total <= MQ_SLOT_INLINE) {
		record->topic = inside;
		record->payload = inside + record->topic_len;
	} else {
		record->payload = outside;
		record->topic = record->topic_len <= MQ_SLOT_INLINE ? inside :
				outside + record->payload_len + record->metadata_len;
	}
	record->metadata = (const char *)record->payload + record->payload_len;
}

int libmq_ring_view(const struct libmq_ring *ring, uint64_t sequence, struct libmq_view *view)
{
	const struct mq_slot *slot = &ring->slots[sequence & ring->slots_mask];
	struct libmq_record *record = &view->record;
	uint64_t position;

	/* R1, pairs with W3: the words of the slot are those of this record. */
	if (__atomic_load_n(&slot->commit, __ATOMIC_ACQUIRE) != sequence + 1)
		return -ESTALE;
	slot_words(slot, view, &position);
	if (!record->topic_len ||
	    (uint64_t)record->topic_len + record->payload_len + record->metadata_len >
	    ring->max_record)
		return libmq_ring_intact(ring, sequence) ? -EBADMSG : -ESTALE;
	locate(ring, slot, position, record);
	record->sequence = sequence;
	record->channel = NULL;
	return 0;
}

bool libmq_ring_intact(const struct libmq_ring *ring, uint64_t sequence)
{
	/* R3, pairs with the write barrier behind W1. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return libmq_ring_oldest(ring) <= sequence;
}
