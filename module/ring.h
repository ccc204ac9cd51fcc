/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Ring
 *
 * The shared memory of a channel as linux/mq_ring.h lays it out, and the
 * arithmetic on it. A ring knows nothing of files, subscriptions or netlink.
 *
 * Space can be reserved for records to come. It is physically there: the ring
 * gives up old records for it at once, so that whoever holds the ring from its
 * oldest record on leaves it alone. In all that follows, free space is without
 * what is reserved.
 *
 * Writing (mq_ring_fits(), mq_ring_write(), mq_ring_drop()) needs the lock
 * that guards the ring: the channel lock; the caller asserts it. Reading
 * (mq_ring_peek(), mq_ring_intact()) needs no lock, only that the ring lives.
 *
 * The ring trusts nothing that users could write, because they can write
 * nothing in it; still a reader without the lock may see a slot change under
 * its eyes, so mq_ring_peek() bounds what it returns and mq_ring_intact()
 * tells afterwards whether it was good.
 */
#ifndef MQ_RING_INTERNAL_H
#define MQ_RING_INTERNAL_H

#include <linux/mm_types.h>
#include <linux/mq_ring.h>

/**
 * struct mq_ring_config - sizes of a ring
 * @slots: number of slots, a power of two
 * @max_record: most bytes in a record, at most @bytes / 4
 * @bytes: size of the byte area, a power of two, at least a page
 * @first: first sequence
 */
struct mq_ring_config {
	u32 slots;
	u32 max_record;
	u64 bytes;
	u64 first;
};

/**
 * struct mq_ring_space - a part of a ring
 * @slots: slots
 * @bytes: bytes of the byte area
 */
struct mq_ring_space {
	u32 slots;
	u64 bytes;
};

/* All reservations together are at most this part of a ring. */
#define MQ_RING_RESERVABLE	4

/**
 * struct mq_ring - a ring
 * @header: its header page
 * @slots: its slots
 * @bytes: its byte area, twice in a row
 * @config: its sizes
 * @pages: its pages: header, slots, byte area once
 * @page_count: how many
 * @memory: kernel mapping of it all
 * @stamps: for each slot, when its record was written: jiffies, cut to 32 bits;
 *	written under the lock, read with READ_ONCE elsewhere
 * @head: next sequence; written under the lock, read with READ_ONCE elsewhere
 * @oldest: oldest sequence readable; likewise
 * @position: where the byte area goes on; under the lock
 * @time: time of the last record; under the lock
 * @wiping: what was dropped is not zeroed yet; under the lock
 * @reserved: what is reserved; under the lock
 */
struct mq_ring {
	struct mq_ring_header *header;
	struct mq_slot *slots;
	u8 *bytes;
	struct mq_ring_config config;
	struct page **pages;
	unsigned long page_count;
	void *memory;
	u32 *stamps;
	u64 head;
	u64 oldest;
	u64 position;
	u64 time;
	bool wiping;
	struct mq_ring_space reserved;
};

/**
 * struct mq_ring_data - the parts of a record
 * @topic: topic
 * @payload: payload
 * @metadata: metadata
 * @payload_len: bytes of @payload
 * @metadata_len: bytes of @metadata
 * @topic_hash: mq_topic_hash() of @topic
 * @topic_len: bytes of @topic
 * @flags: MQ_RECORD_*
 */
struct mq_ring_data {
	const u8 *topic;
	const u8 *payload;
	const u8 *metadata;
	u32 payload_len;
	u32 metadata_len;
	u32 topic_hash;
	u16 topic_len;
	u16 flags;
};

/**
 * struct mq_ring_view - a record in the ring
 * @data: its parts; the pointers lead into the ring
 * @sequence: its sequence
 * @time: its time
 * @publisher: its publisher
 */
struct mq_ring_view {
	struct mq_ring_data data;
	u64 sequence;
	u64 time;
	u64 publisher;
};

/**
 * mq_ring_init() - allocate a ring
 * @ring: zeroed
 * @config: checked by the caller
 * @name: of the channel, for the header
 * @id: of the channel, for the header
 *
 * Pages are charged to the memory cgroup of the caller.
 * Return: 0 or -ENOMEM; in either case mq_ring_destroy() may be called.
 */
int mq_ring_init(struct mq_ring *ring, const struct mq_ring_config *config,
		 const char *name, u64 id);

/* Frees what mq_ring_init() made; a zeroed or half-built ring is fine. */
void mq_ring_destroy(struct mq_ring *ring);

/* Bytes a ring of these sizes takes of memory, with what only the kernel sees. */
u64 mq_ring_memory(const struct mq_ring_config *config);

/* Bytes of its user mapping: the byte area counts twice. */
u64 mq_ring_map_size(const struct mq_ring_config *config);

/* The page at an offset (in pages) of the user mapping, or NULL beyond it. */
struct page *mq_ring_page(const struct mq_ring *ring, unsigned long pgoff);

/* Bytes of the byte area that a record takes, a multiple of MQ_BYTES_ALIGN. */
u32 mq_ring_need(const struct mq_ring_data *data);

/**
 * mq_ring_fits() - whether there is space
 * @ring: ring
 * @slots: that many slots
 * @bytes: and that many bytes of the byte area
 * @hold: without touching records from this one on
 */
bool mq_ring_fits(const struct mq_ring *ring, u32 slots, u64 bytes, u64 hold);

/**
 * mq_ring_write() - write a record and make it visible
 * @ring: ring
 * @data: the record; fits (mq_ring_fits())
 * @publisher: its publisher
 * @hold: the same as for mq_ring_fits()
 *
 * Return: its sequence; its time is then ring->time.
 */
u64 mq_ring_write(struct mq_ring *ring, const struct mq_ring_data *data,
		  u64 publisher, u64 hold);

/**
 * mq_ring_reserve() - reserve the place of one record
 * @ring: ring
 * @bytes: what it needs of the byte area (mq_ring_need())
 * @hold: without touching records from this one on
 *
 * Return: 0; -EDQUOT: beyond the reservable part; -EAGAIN: the hold leaves no
 * space.
 */
int mq_ring_reserve(struct mq_ring *ring, u64 bytes, u64 hold);

/* Ends a reservation; a record of this size fits now, whatever the hold. */
void mq_ring_release(struct mq_ring *ring, u64 bytes);

/**
 * struct mq_ring_wipe - how far zeroing has come
 * @slot: next sequence whose slot is to be zeroed
 * @slot_end: below this one
 * @byte: next position to be zeroed
 * @byte_end: below this one
 */
struct mq_ring_wipe {
	u64 slot;
	u64 slot_end;
	u64 byte;
	u64 byte_end;
};

/* Makes all records unreadable; @wipe is filled for mq_ring_wipe(). */
void mq_ring_drop(struct mq_ring *ring, struct mq_ring_wipe *wipe);

/**
 * mq_ring_wipe() - zero what dropped and older records left behind
 * @ring: ring
 * @wipe: from mq_ring_drop(); moved on
 *
 * Some 64 KiB at a time, so that the lock can be dropped in between; what new
 * records have taken meanwhile is left alone.
 * Return: true when done.
 */
bool mq_ring_wipe(struct mq_ring *ring, struct mq_ring_wipe *wipe);

/**
 * mq_ring_peek() - look at a record
 * @ring: ring
 * @sequence: below a head that was read with acquire
 * @view: filled
 *
 * Return: false if it is overwritten; after true, use @view, then ask
 * mq_ring_intact().
 */
bool mq_ring_peek(const struct mq_ring *ring, u64 sequence, struct mq_ring_view *view);

/* Whether what mq_ring_peek() showed was not overwritten until now. */
bool mq_ring_intact(const struct mq_ring *ring, u64 sequence);

/* Jiffies from a stamp to now; right if it is less than 2^32 jiffies old. */
static inline u32 mq_ring_age_at(u32 stamp, u32 now)
{
	return now - stamp;
}

/*
 * How old a record is, in jiffies: by a clock that nobody can set, other than
 * &mq_slot.time. @sequence is in the ring and stays there meanwhile. (After 49
 * days at 1000 Hz a record looks new once more.)
 */
u32 mq_ring_age(const struct mq_ring *ring, u64 sequence);

/* When a record was written, by CLOCK_REALTIME; nonsense if it is overwritten. */
u64 mq_ring_time(const struct mq_ring *ring, u64 sequence);

/* The head, so that all records below it are visible. */
static inline u64 mq_ring_head(const struct mq_ring *ring)
{
	/* Pairs with the release of header.head in mq_ring_write() (W4). */
	return smp_load_acquire(&ring->header->head);
}

static inline u64 mq_ring_oldest(const struct mq_ring *ring)
{
	return READ_ONCE(ring->header->oldest);
}

#endif /* MQ_RING_INTERNAL_H */
