/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Ring
 *
 * The mapped, read-only ring of a channel and how one record of it is read
 * (steps R1..R4 of linux/mq_ring.h). A ring is mapped once and stays the same
 * until unmapped, also after the channel was deleted. It knows nothing of
 * cursors and filters.
 *
 * Nothing in it is trusted: sizes are checked once against the length of the
 * mapping and kept here, the words of a slot are taken into locals and bounded
 * before use.
 */
#ifndef LIBMQ_RING_H
#define LIBMQ_RING_H

#include "private.h"

/**
 * struct libmq_ring - a mapped ring
 * @header: its first page
 * @slots: slots
 * @bytes: byte area, mapped twice in a row
 * @size: length of the mapping
 * @slots_mask: number of slots - 1
 * @bytes_mask: size of the byte area - 1
 * @max_record: most bytes of a record
 */
struct libmq_ring {
	const struct mq_ring_header *header;
	const struct mq_slot *slots;
	const uint8_t *bytes;
	size_t size;
	uint64_t slots_mask;
	uint64_t bytes_mask;
	uint32_t max_record;
};

/**
 * struct libmq_view - where a record lies in the ring
 * @record: its fields; pointers lead into the ring
 * @topic_hash: hash of the topic, a hint
 */
struct libmq_view {
	struct libmq_record record;
	uint32_t topic_hash;
};

/* -EPROTO: what is mapped is not a ring that this library knows. */
int libmq_ring_map(struct libmq_ring *ring, int fd, uint64_t size);
/* A zeroed ring is fine. */
void libmq_ring_unmap(struct libmq_ring *ring);

/* All records below it are committed. */
uint64_t libmq_ring_head(const struct libmq_ring *ring);
uint64_t libmq_ring_oldest(const struct libmq_ring *ring);
bool libmq_ring_dead(const struct libmq_ring *ring);
uint64_t libmq_ring_generation(const struct libmq_ring *ring);
bool libmq_ring_space_wanted(const struct libmq_ring *ring);

/*
 * R1, R2: finds record @sequence, which lies below the head. What the view
 * says is only true if libmq_ring_intact() says so afterwards.
 * Return: 0, -ESTALE: overwritten, -EBADMSG: not a record.
 */
int libmq_ring_view(const struct libmq_ring *ring, uint64_t sequence, struct libmq_view *view);

/* R3, R4: whether what was read of record @sequence so far was that record. */
bool libmq_ring_intact(const struct libmq_ring *ring, uint64_t sequence);

#endif /* LIBMQ_RING_H */
