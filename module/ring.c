// SPDX-License-Identifier: GPL-2.0-only
/* Ring: the shared memory of a channel, see ring.h and linux/mq_ring.h. */
#include <linux/align.h>
#include <linux/build_bug.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>
#include "ring.h"

/* The shared-memory format: what users' mappings depend on. */
static_assert(sizeof(struct mq_slot) == MQ_SLOT_SIZE);
static_assert(offsetof(struct mq_slot, data) == MQ_SLOT_SIZE - MQ_SLOT_INLINE);
static_assert(offsetof(struct mq_ring_header, head) == 128);
static_assert(offsetof(struct mq_ring_header, oldest) == 256);
static_assert(offsetof(struct mq_ring_header, state) == 384);
static_assert(sizeof(struct mq_ring_header) == 512);

/* When the ring is full, this part of it is given up at a time. */
#define MQ_RING_STEPS	64
/* Bytes that mq_ring_wipe() zeroes per call, roughly. */
#define MQ_RING_WIPE	(64 * 1024)

static unsigned long ring_slot_pages(const struct mq_ring_config *config)
{
	return DIV_ROUND_UP((u64)config->slots * MQ_SLOT_SIZE, PAGE_SIZE);
}

static unsigned long ring_header_pages(void)
{
	return DIV_ROUND_UP(MQ_HEADER_SIZE, PAGE_SIZE);
}

/* Bytes that are shared with users. */
static u64 ring_shared_bytes(const struct mq_ring_config *config)
{
	return ((u64)ring_header_pages() + ring_slot_pages(config)) * PAGE_SIZE + config->bytes;
}

u64 mq_ring_memory(const struct mq_ring_config *config)
{
	return ring_shared_bytes(config) + (u64)config->slots * sizeof(u32);
}

u64 mq_ring_map_size(const struct mq_ring_config *config)
{
	return ring_shared_bytes(config) + config->bytes;
}

static int ring_alloc_pages(struct mq_ring *ring)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	unsigned long count = ring_shared_bytes(&ring->config) >> PAGE_SHIFT;
	unsigned long twice = ring->config.bytes >> PAGE_SHIFT;

	/* The array lists the byte area twice, as vmap() below wants it. */
	ring->pages = kvcalloc(count + twice, sizeof(*ring->pages), GFP_KERNEL_ACCOUNT);
	if (!ring->pages)
		return -ENOMEM;
	while (ring->page_count < count) {
		struct page *page = alloc_page(gfp);

		if (!page)
			return -ENOMEM;
		ring->pages[ring->page_count++] = page;
	}
	memcpy(ring->pages + count, ring->pages + count - twice, twice * sizeof(*ring->pages));
	ring->memory = vmap(ring->pages, count + twice, VM_MAP, PAGE_KERNEL);
	return ring->memory ? 0 : -ENOMEM;
}

int mq_ring_init(struct mq_ring *ring, const struct mq_ring_config *config,
		 const char *name, u64 id)
{
	struct mq_ring_header *header;
	int err;

	ring->config = *config;
	err = ring_alloc_pages(ring);
	if (err)
		return err;
	ring->stamps = kvcalloc(config->slots, sizeof(*ring->stamps), GFP_KERNEL_ACCOUNT);
	if (!ring->stamps)
		return -ENOMEM;

	header = ring->memory;
	ring->header = header;
	ring->slots = ring->memory + ring_header_pages() * PAGE_SIZE;
	ring->bytes = (u8 *)ring->slots + ring_slot_pages(config) * PAGE_SIZE;
	ring->head = config->first;
	ring->oldest = config->first;

	header->magic = MQ_RING_MAGIC;
	header->id = id;
	header->first = config->first;
	header->slots = config->slots;
	header->max_record = config->max_record;
	header->bytes = config->bytes;
	header->slots_offset = (u8 *)ring->slots - (u8 *)ring->memory;
	header->bytes_offset = ring->bytes - (u8 *)ring->memory;
	strscpy(header->name, name, sizeof(header->name));
	header->head = config->first;
	header->oldest = config->first;
	return 0;
}

void mq_ring_destroy(struct mq_ring *ring)
{
	vunmap(ring->memory);
	/* User mappings are gone: each kept a file, and with it the channel. */
	while (ring->page_count)
		put_page(ring->pages[--ring->page_count]);
	kvfree(ring->pages);
	kvfree(ring->stamps);
	memset(ring, 0, sizeof(*ring));
}

struct page *mq_ring_page(const struct mq_ring *ring, unsigned long pgoff)
{
	unsigned long mapped = mq_ring_map_size(&ring->config) >> PAGE_SHIFT;

	if (pgoff >= mapped)
		return NULL;
	return ring->pages[array_index_nospec(pgoff, mapped)];
}

static struct mq_slot *ring_slot(const struct mq_ring *ring, u64 sequence)
{
	return &ring->slots[sequence & (ring->config.slots - 1)];
}

static u32 *ring_stamp(const struct mq_ring *ring, u64 sequence)
{
	return &ring->stamps[sequence & (ring->config.slots - 1)];
}

static u8 *ring_at(const struct mq_ring *ring, u64 position)
{
	return ring->bytes + (position & (ring->config.bytes - 1));
}

u32 mq_ring_need(const struct mq_ring_data *data)
{
	u32 rest = data->payload_len + data->metadata_len;

	if (data->topic_len + rest <= MQ_SLOT_INLINE)
		return 0;
	if (data->topic_len > MQ_SLOT_INLINE)
		rest += data->topic_len;
	return ALIGN(rest, MQ_BYTES_ALIGN);
}

/* Where record @sequence starts in the byte area; for the head: where it would. */
static u64 ring_position(const struct mq_ring *ring, u64 sequence)
{
	return sequence == ring->head ? ring->position : ring_slot(ring, sequence)->position;
}

/* Whether there is space if records from @from on stay. */
static bool ring_fits_from(const struct mq_ring *ring, u32 slots, u64 bytes, u64 from)
{
	slots += ring->reserved.slots;
	bytes += ring->reserved.bytes;
	return ring->head + slots - from <= ring->config.slots &&
	       ring->position + bytes - ring_position(ring, from) <= ring->config.bytes;
}

bool mq_ring_fits(const struct mq_ring *ring, u32 slots, u64 bytes, u64 hold)
{
	return ring_fits_from(ring, slots, bytes, clamp(hold, ring->oldest, ring->head));
}

/* Gives up old records until so much fits; @hold bounds that. */
static void ring_make_room(struct mq_ring *ring, u32 slots, u64 bytes, u64 hold)
{
	u64 step = max_t(u64, ring->config.slots / MQ_RING_STEPS, 1);
	u64 end = clamp(hold, ring->oldest, ring->head);
	u64 oldest = ring->oldest;

	while (!ring_fits_from(ring, slots, bytes, oldest)) {
		if (WARN_ON_ONCE(oldest == end))
			return;
		oldest = min(oldest + step, end);
	}
	if (oldest == ring->oldest)
		return;
	WRITE_ONCE(ring->oldest, oldest);
	WRITE_ONCE(ring->header->oldest, oldest);
	/*
	 * W1: readers learn that records go before anything is overwritten.
	 * Pairs with R3, the smp_rmb() in mq_ring_intact() and in libmq.
	 */
	smp_wmb();
}

/* Puts the data in place: the arithmetic of linux/mq_ring.h. */
static void ring_place(struct mq_ring *ring, struct mq_slot *slot,
		       const struct mq_ring_data *data, u32 need)
{
	u8 *at = ring_at(ring, ring->position);

	/* A record does not fill its place, and mq_ring_wipe() leaves that alone. */
	if (ring->wiping) {
		memset(slot->data, 0, sizeof(slot->data));
		memset(at, 0, need);
	}
	if (data->topic_len <= MQ_SLOT_INLINE)
		memcpy(slot->data, data->topic, data->topic_len);
	if (!need)
		at = slot->data + data->topic_len;
	memcpy(at, data->payload, data->payload_len);
	at += data->payload_len;
	memcpy(at, data->metadata, data->metadata_len);
	at += data->metadata_len;
	if (data->topic_len > MQ_SLOT_INLINE)
		memcpy(at, data->topic, data->topic_len);
}

u64 mq_ring_write(struct mq_ring *ring, const struct mq_ring_data *data,
		  u64 publisher, u64 hold)
{
	u32 need = mq_ring_need(data);
	u64 sequence = ring->head;
	struct mq_slot *slot = ring_slot(ring, sequence);

	ring_make_room(ring, 1, need, hold);
	ring->time = max_t(u64, ring->time, ktime_get_real_ns());

	/* W2: readers may look at these words while they change. */
	WRITE_ONCE(slot->position, ring->position);
	WRITE_ONCE(slot->time, ring->time);
	WRITE_ONCE(slot->publisher, publisher);
	WRITE_ONCE(slot->payload_len, data->payload_len);
	WRITE_ONCE(slot->metadata_len, data->metadata_len);
	WRITE_ONCE(slot->topic_hash, data->topic_hash);
	WRITE_ONCE(slot->topic_len, data->topic_len);
	WRITE_ONCE(slot->flags, data->flags);
	WRITE_ONCE(*ring_stamp(ring, sequence), (u32)jiffies);
	ring_place(ring, slot, data, need);
	ring->position += need;

	/* W3: the record is whole. Pairs with R1, the acquire of commit. */
	smp_store_release(&slot->commit, sequence + 1);
	WRITE_ONCE(ring->head, sequence + 1);
	/* W4: pairs with the acquire in mq_ring_head() and in libmq. */
	smp_store_release(&ring->header->head, sequence + 1);
	return sequence;
}

int mq_ring_reserve(struct mq_ring *ring, u64 bytes, u64 hold)
{
	struct mq_ring_space *reserved = &ring->reserved;

	if (reserved->slots + 1 > ring->config.slots / MQ_RING_RESERVABLE ||
	    reserved->bytes + bytes > ring->config.bytes / MQ_RING_RESERVABLE)
		return -EDQUOT;
	if (!mq_ring_fits(ring, 1, bytes, hold))
		return -EAGAIN;
	reserved->slots++;
	reserved->bytes += bytes;
	/* Now, not when it is used: a new holder may come at the oldest. */
	ring_make_room(ring, 0, 0, hold);
	return 0;
}

void mq_ring_release(struct mq_ring *ring, u64 bytes)
{
	ring->reserved.slots--;
	ring->reserved.bytes -= bytes;
}

void mq_ring_drop(struct mq_ring *ring, struct mq_ring_wipe *wipe)
{
	u64 slots = ring->config.slots;
	u64 bytes = ring->config.bytes;

	WRITE_ONCE(ring->oldest, ring->head);
	WRITE_ONCE(ring->header->oldest, ring->head);
	/* W1, as in ring_make_room(): mq_ring_wipe() overwrites next. */
	smp_wmb();
	ring->wiping = true;
	wipe->slot_end = ring->head;
	wipe->slot = max(ring->config.first, ring->head - min(ring->head, slots));
	wipe->byte_end = ring->position;
	wipe->byte = ring->position - min(ring->position, bytes);
}

bool mq_ring_wipe(struct mq_ring *ring, struct mq_ring_wipe *wipe)
{
	u64 slots = MQ_RING_WIPE / MQ_SLOT_SIZE;
	u64 count;

	/* What the ring has come round to belongs to new records. */
	wipe->slot = max(wipe->slot, ring->head - min_t(u64, ring->head, ring->config.slots));
	wipe->byte = max(wipe->byte, ring->position - min(ring->position, ring->config.bytes));

	for (; wipe->slot < wipe->slot_end && slots; wipe->slot++, slots--) {
		struct mq_slot *slot = ring_slot(ring, wipe->slot);

		memset(slot->data, 0, sizeof(slot->data));
		WRITE_ONCE(slot->topic_hash, 0);
	}
	if (wipe->byte < wipe->byte_end) {
		count = min_t(u64, wipe->byte_end - wipe->byte, MQ_RING_WIPE);
		memset(ring_at(ring, wipe->byte), 0, count);
		wipe->byte += count;
	}
	ring->wiping = wipe->slot < wipe->slot_end || wipe->byte < wipe->byte_end;
	return !ring->wiping;
}

bool mq_ring_peek(const struct mq_ring *ring, u64 sequence, struct mq_ring_view *view)
{
	const struct mq_slot *slot = ring_slot(ring, sequence);
	struct mq_ring_data *data = &view->data;
	const u8 *at;
	u64 size;

	/* R1: pairs with W3. */
	if (smp_load_acquire(&slot->commit) != sequence + 1)
		return false;

	view->sequence = sequence;
	view->time = READ_ONCE(slot->time);
	view->publisher = READ_ONCE(slot->publisher);
	data->payload_len = READ_ONCE(slot->payload_len);
	data->metadata_len = READ_ONCE(slot->metadata_len);
	data->topic_len = READ_ONCE(slot->topic_len);
	data->topic_hash = READ_ONCE(slot->topic_hash);
	data->flags = READ_ONCE(slot->flags);
	/* Words of two records may be mixed: bound their sum before use. */
	size = (u64)data->topic_len + data->payload_len + data->metadata_len;
	if (size > ring->config.max_record)
		return false;

	at = size <= MQ_SLOT_INLINE ? slot->data + data->topic_len :
				      ring_at(ring, READ_ONCE(slot->position));
	data->payload = at;
	data->metadata = at + data->payload_len;
	data->topic = data->topic_len <= MQ_SLOT_INLINE ? slot->data :
							  data->metadata + data->metadata_len;
	return true;
}

u64 mq_ring_time(const struct mq_ring *ring, u64 sequence)
{
	return READ_ONCE(ring_slot(ring, sequence)->time);
}

u32 mq_ring_age(const struct mq_ring *ring, u64 sequence)
{
	return mq_ring_age_at(READ_ONCE(*ring_stamp(ring, sequence)), (u32)jiffies);
}

bool mq_ring_intact(const struct mq_ring *ring, u64 sequence)
{
	/* R3: what was used was read before oldest is. Pairs with W1. */
	smp_rmb();
	return READ_ONCE(ring->header->oldest) <= sequence;
}
