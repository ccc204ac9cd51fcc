/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * DOC: The shared memory of a channel
 *
 * A channel is one ring:
 *
 *   +--------+---------------------+-----------------+-----------------+
 *   | header | N slots of 128 B    | D bytes         | the same D bytes|
 *   +--------+---------------------+-----------------+-----------------+
 *   0        slots_offset          bytes_offset      bytes_offset + D
 *
 * N and D are powers of two. The byte area is mapped twice in a row, so that
 * what a record stores in it is always contiguous. All of it is written by
 * the kernel alone and mapped read-only by everybody.
 *
 * A record has a sequence, dense from header.first. Record S lives in slot
 * S & (N - 1). The data of a record is topic, payload and metadata:
 *
 *   topic + payload + metadata <= MQ_SLOT_INLINE:
 *	all three in slot.data, in that order; nothing in the byte area
 *   else, topic <= MQ_SLOT_INLINE:
 *	topic in slot.data; payload then metadata at slot.position
 *   else:
 *	payload, metadata, then topic at slot.position
 *
 * "At position P" means byte P & (D - 1) of the byte area. Positions only
 * grow; each record starts at a multiple of MQ_BYTES_ALIGN, and takes the
 * bytes from its own position up to that of the next record.
 *
 * DOC: Reading a record, and who orders what
 *
 * The kernel publishes record S in this order (module/ring.c):
 *
 *   W1  header.oldest = first record that stays		then write barrier
 *   W2  bytes and slot fields of S, except commit
 *   W3  slot.commit = S + 1				store-release
 *   W4  header.head = S + 1				store-release
 *
 * A reader of record S does:
 *
 *   R1  c = slot.commit					load-acquire
 *	 c < S + 1: not there yet; c > S + 1: overwritten
 *   R2  copy the header words, check them against the sizes, use the data
 *   R3							read barrier
 *   R4  header.oldest <= S, else S was overwritten: discard what R2 gave
 *
 * W3 pairs with R1 (the record is whole), W1 with R3-R4 (an overwrite is
 * noticed). A record becomes visible whole; no reader waits for a writer. A
 * reader that holds (MQ_SUBSCRIBE_HOLD) may do R3-R4 once for a batch;
 * between R1 and R4 the words of a slot may change, so a reader takes each
 * into a local, checks the local, and never trusts a length it has not
 * checked.
 *
 * header.head may be read instead of a commit word: load-acquire of a head
 * above S means that record S is committed. Both may be polled.
 */
#ifndef _UAPI_LINUX_MQ_RING_H
#define _UAPI_LINUX_MQ_RING_H

#include <linux/types.h>

#define MQ_RING_MAGIC		0x676e6972716d0001ULL	/* layout 1 */
#define MQ_HEADER_SIZE		4096	/* the slots begin behind it, on a page: slots_offset */
#define MQ_SLOT_SIZE		128
#define MQ_SLOT_INLINE		80
#define MQ_BYTES_ALIGN		64
#define MQ_NAME_MAX		63	/* longest channel name in bytes */

/**
 * enum mq_channel_state - header.state
 * @MQ_CHANNEL_LIVE: takes records
 * @MQ_CHANNEL_DEAD: deleted: no record will follow, those in the ring stay
 *	readable until unmapped
 */
enum mq_channel_state {
	MQ_CHANNEL_LIVE	= 0,
	MQ_CHANNEL_DEAD	= 1,
};

/**
 * struct mq_ring_header - the first page of a ring
 * @magic: MQ_RING_MAGIC
 * @id: identity of this creation of the channel; unique until reboot, also
 *	across channels of the same name
 * @first: sequence of the first record ever
 * @slots: N, number of slots, a power of two
 * @max_record: most bytes of topic + payload + metadata in one record
 * @bytes: D, size of the byte area, a power of two, at least a page
 * @slots_offset: where the slots start, in bytes from the header
 * @bytes_offset: where the byte area starts, in bytes from the header
 * @name: the channel's name, NUL-terminated
 *
 * @head: sequence that the next record gets; all below are committed
 * @oldest: first record that can still be read; moves before anything is
 *	overwritten, by N / 64 records at a time when the ring is full
 *
 * @state: enum mq_channel_state
 * @space_wanted: not 0: a publisher waits for space; whoever advances its
 *	cursor then does a full barrier and MQ_IOC_KICK (a scan comes anyway,
 *	a kick makes it sooner)
 * @generation: changes whenever claims of any channel change
 *
 * The first group never changes. @head, @oldest and the rest lie on cache
 * line pairs of their own.
 */
struct mq_ring_header {
	__u64 magic;
	__u64 id;
	__u64 first;
	__u32 slots;
	__u32 max_record;
	__u64 bytes;
	__u64 slots_offset;
	__u64 bytes_offset;
	char name[MQ_NAME_MAX + 1];
	__u64 reserved0[1];

	__u64 head;
	__u64 reserved1[15];

	__u64 oldest;
	__u64 reserved2[15];

	__u32 state;
	__u32 space_wanted;
	__u64 generation;
	__u64 reserved3[14];
};

/*
 * Record flags. Bits of MQ_RECORD_USER_MASK belong to applications: the
 * kernel carries them. All others are the kernel's; unknown ones are refused
 * when publishing and ignored when reading.
 */
#define MQ_RECORD_RETAIN	0x0001	/* published as its topic's retained value */
#define MQ_RECORD_WILL		0x0002	/* set by the kernel: a will that it published */
#define MQ_RECORD_USER_MASK	0xff00

/**
 * struct mq_slot - one record's place in the ring
 * @commit: sequence + 1 of the record that lies here; 0: none ever did
 * @position: where its part of the byte area starts (or would, if it has none)
 * @time: CLOCK_REALTIME in ns when the sequence was given; never below that
 *	of the record before
 * @publisher: id of the publisher that wrote it (module-wide, never reused)
 * @payload_len: bytes of payload
 * @metadata_len: bytes of metadata
 * @topic_hash: mq_topic_hash() of the topic
 * @topic_len: bytes of topic, 1..65535
 * @flags: MQ_RECORD_*
 * @data: inline data, see above
 *
 * The words never hold payload: no payload can look like a record.
 */
struct mq_slot {
	__u64 commit;
	__u64 position;
	__u64 time;
	__u64 publisher;
	__u32 payload_len;
	__u32 metadata_len;
	__u32 topic_hash;
	__u16 topic_len;
	__u16 flags;
	__u8 data[MQ_SLOT_INLINE];
};

/**
 * struct mq_control - one page per subscription, written by its owner
 * @cursor: next sequence that the owner wants: it is done with all below
 *	(store-release after the last use of a record; pairs with the
 *	load-acquire of the kernel's scan). The kernel clamps what it reads
 *	to [its own last value, head].
 * @delivered: how many matching records the owner has taken so far through
 *	the mapping; what read(2) took is counted by the kernel. Feeds the
 *	"missed" figure only.
 * @no_wake: not 0: the owner is awake and looks at the ring by itself, no
 *	wake-up is needed. Before sleeping the owner sets 0, does a full
 *	barrier and looks again; the barrier pairs with the one a publish
 *	does between head and the wait queue.
 * @wake_records: watermark: a publish wakes the owner, and poll says EPOLLIN,
 *	only once the head is that many records of the channel beyond the cursor
 *	(0 and 1: at the first record that matches), or a publisher lacks the space
 *	that this subscription holds
 * @wake_usec: and at the latest that many microseconds after the first of them
 *	that matched, 0: no such limit; above 60,000,000 counts as that.
 *	read(2) and a command with MQ_RECEIVE_WAIT sleep by the watermark; they
 *	and MQ_IOC_RECEIVE take what is there without it
 * @reserved: must stay 0
 *
 * The kernel reads each field once per use and believes none: nonsense here
 * loses, delays or duplicates records for its owner and for nobody else.
 */
struct mq_control {
	__u64 cursor;
	__u64 delivered;
	__u32 no_wake;
	__u32 wake_records;
	__u32 wake_usec;
	__u32 reserved;
};

/**
 * enum mq_subscription_state - status.state, bits
 * @MQ_SUBSCRIPTION_HOLDING: its unread matching records hold the ring
 * @MQ_SUBSCRIPTION_DEAD: its channel was deleted
 * @MQ_SUBSCRIPTION_EVICTED: it held the ring too long and is lossy from
 *	&mq_status.evicted_at on
 */
enum mq_subscription_state {
	MQ_SUBSCRIPTION_HOLDING	= 0x1,
	MQ_SUBSCRIPTION_DEAD	= 0x2,
	MQ_SUBSCRIPTION_EVICTED	= 0x4,
};

/**
 * struct mq_status - one page per subscription, written by the kernel
 * @state: enum mq_subscription_state
 * @verified: no record in [cursor, verified) matches: a reader may go on
 *	there; the records skipped so are not a gap
 * @passed: records of the channel that went by unread, in total; exact
 * @missed: those of them that matched, in total
 * @missed_at_most: how much of @missed is an upper bound (see MQ_IOC_RESYNC)
 * @wakes: how often a publish woke this subscription
 * @evicted_at: first record it held when it lost the right to hold; 0: never
 *
 * @passed and @missed are brought up to date by MQ_IOC_RESYNC, MQ_IOC_RECEIVE and
 * read(2).
 */
struct mq_status {
	__u32 state;
	__u32 reserved0;
	__u64 verified;
	__u64 passed;
	__u64 missed;
	__u64 missed_at_most;
	__u64 wakes;
	__u64 evicted_at;
	__u64 reserved[9];
};

/*
 * mmap offsets on a subscription. The ring is mapped from MQ_MMAP_RING with
 * PROT_READ and MAP_SHARED, whole or in part (the length of all of it comes
 * from MQ_IOC_SUBSCRIBE); MQ_MMAP_CONTROL may be mapped writable, one page;
 * MQ_MMAP_STATUS read-only, one page. Refusals: EPERM for PROT_EXEC, EACCES for
 * a writable mapping of what is read-only, EINVAL for MAP_PRIVATE and for an
 * offset or length beyond the object. mprotect(2) later: EACCES.
 */
#define MQ_MMAP_RING		0x0000000000ULL
#define MQ_MMAP_CONTROL		0x8000000000ULL
#define MQ_MMAP_STATUS		0x8000100000ULL

#endif /* _UAPI_LINUX_MQ_RING_H */
