// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The reader's side of linux/mq_ring.h. */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../mq_test.h"

int mqt_map(struct mqt_map *map, const struct mqt_subscription *subscription)
{
	int fd = subscription->fd;
	size_t page = sysconf(_SC_PAGESIZE);
	char *ring, *control, *status;

	ring = mmap(NULL, subscription->ring_size, PROT_READ, MAP_SHARED, fd, MQ_MMAP_RING);
	control = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, MQ_MMAP_CONTROL);
	status = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, MQ_MMAP_STATUS);
	if (ring == MAP_FAILED || control == MAP_FAILED || status == MAP_FAILED)
		return -errno;
	map->header = (void *)ring;
	map->slots = (void *)(ring + map->header->slots_offset);
	map->bytes = (void *)(ring + map->header->bytes_offset);
	map->control = (void *)control;
	map->status = (void *)status;
	map->size = subscription->ring_size;
	return 0;
}

void mqt_unmap(struct mqt_map *map)
{
	size_t page = sysconf(_SC_PAGESIZE);

	munmap((void *)map->header, map->size);
	munmap(map->control, page);
	munmap((void *)map->status, page);
}

uint64_t mqt_head(const struct mqt_map *map)
{
	return __atomic_load_n(&map->header->head, __ATOMIC_ACQUIRE);
}

uint64_t mqt_oldest(const struct mqt_map *map)
{
	return __atomic_load_n(&map->header->oldest, __ATOMIC_RELAXED);
}

/* Where the parts of a record lie, from words that were read once. */
static void view_locate(const struct mqt_map *map, const struct mq_slot *slot, uint64_t position,
			struct mqt_view *view)
{
	const uint8_t *area = map->bytes + (position & (map->header->bytes - 1));
	uint64_t size = (uint64_t)view->topic_len + view->payload_len + view->metadata_len;

	if (size <= MQ_SLOT_INLINE) {
		view->topic = (const char *)slot->data;
		view->payload = slot->data + view->topic_len;
	} else if (view->topic_len <= MQ_SLOT_INLINE) {
		view->topic = (const char *)slot->data;
		view->payload = area;
	} else {
		view->topic = (const char *)area + view->payload_len + view->metadata_len;
		view->payload = area;
	}
	view->metadata = view->payload + view->payload_len;
}

int mqt_peek(const struct mqt_map *map, uint64_t sequence, struct mqt_view *view)
{
	const struct mq_slot *slot = &map->slots[sequence & (map->header->slots - 1)];
	uint64_t commit = __atomic_load_n(&slot->commit, __ATOMIC_ACQUIRE);
	uint64_t position, size;

	if (commit < sequence + 1)
		return -EAGAIN;
	if (commit > sequence + 1)
		return -ESTALE;
	view->sequence = sequence;
	position = __atomic_load_n(&slot->position, __ATOMIC_RELAXED);
	view->time = __atomic_load_n(&slot->time, __ATOMIC_RELAXED);
	view->publisher = __atomic_load_n(&slot->publisher, __ATOMIC_RELAXED);
	view->topic_len = __atomic_load_n(&slot->topic_len, __ATOMIC_RELAXED);
	view->payload_len = __atomic_load_n(&slot->payload_len, __ATOMIC_RELAXED);
	view->metadata_len = __atomic_load_n(&slot->metadata_len, __ATOMIC_RELAXED);
	view->flags = __atomic_load_n(&slot->flags, __ATOMIC_RELAXED);
	size = (uint64_t)view->topic_len + view->payload_len + view->metadata_len;
	if (!view->topic_len || size > map->header->max_record || position % MQ_BYTES_ALIGN)
		return mqt_intact(map, sequence) ? -EBADMSG : -ESTALE;
	view_locate(map, slot, position, view);
	return 0;
}

bool mqt_intact(const struct mqt_map *map, uint64_t sequence)
{
	/* R3; pairs with the write barrier after W1. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return mqt_oldest(map) <= sequence;
}

void mqt_advance(const struct mqt_map *map, int fd, uint64_t cursor, uint64_t delivered)
{
	__atomic_store_n(&map->control->delivered, delivered, __ATOMIC_RELAXED);
	__atomic_store_n(&map->control->cursor, cursor, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&map->header->space_wanted, __ATOMIC_RELAXED))
		ioctl(fd, MQ_IOC_KICK);
}
