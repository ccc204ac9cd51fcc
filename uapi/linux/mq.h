/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * DOC: The user interface of mq
 *
 * A channel is a character device /dev/mq/NAME. Three kinds of file descriptor:
 *
 *   node          open("/dev/mq/NAME"). read(2), write(2) and poll(2) serve
 *                 plain tools; the ioctls below make the other two kinds.
 *   publisher     from MQ_IOC_PUBLISHER on a node open for writing.
 *   subscription  from MQ_IOC_SUBSCRIBE on a node open for reading.
 *
 * Identity is the descriptor: what a descriptor may do was decided when it was
 * made, and fork(2), dup(2) and SCM_RIGHTS pass it on. It ends with its last
 * close. All are made with O_CLOEXEC.
 *
 * The node.
 *   read   the payload of the next record, from the head at open onwards. One
 *          record a call; the rest of a payload longer than the buffer comes
 *          with the next calls. Empty payloads are skipped. Blocks unless
 *          O_NONBLOCK (EAGAIN). 0 (end of file) only after the channel was
 *          deleted and all was read. A reader that falls behind goes on at the
 *          oldest record; the rest of a payload that was begun is lost then.
 *          It never holds the ring. EMSGSIZE never, EINTR on a signal.
 *   write  one record on the topic named like the channel, payload = the
 *          bytes of the call (0 bytes: nothing is written, returns 0). The
 *          errors of MQ_IOC_PUBLISH; EPIPE never.
 *   poll   EPOLLIN: a record may be read. EPOLLOUT: as for a publisher.
 *          EPOLLHUP: the channel was deleted.
 *
 * Numbers. Structures have the same layout for 32- and 64-bit programs and
 * native byte order. "in" fields are read, "out" fields written. Pointers
 * travel as __u64. Fields named reserved and unknown flags must be 0, else
 * EINVAL before any effect. When a call fails, "out" fields are unchanged
 * unless said otherwise. EFAULT: a pointer of the call does not point to
 * memory; ENOTTY: no such command on this kind of descriptor. ENODEV: the
 * channel was deleted; these are not repeated below.
 */
#ifndef _UAPI_LINUX_MQ_H
#define _UAPI_LINUX_MQ_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/mq_ring.h>
#include <linux/mq_topic.h>

#define MQ_IOC_MAGIC		0xd6

/**
 * enum mq_overflow - what happens when a record finds no space
 * @MQ_OVERFLOW_DROP_OLDEST: the oldest records go. Nobody can hold the ring
 * @MQ_OVERFLOW_REJECT: records held by a subscription stay and the publish
 *	fails with EAGAIN; without a holder the oldest go
 *
 * Further values are refused with EINVAL.
 */
enum mq_overflow {
	MQ_OVERFLOW_DROP_OLDEST	= 0,
	MQ_OVERFLOW_REJECT	= 1,
};

/* ------------------------------------------------------------------------
 * Nodes
 */

/**
 * struct mq_info - what a channel is and where it stands
 * @flags: in: 0
 * @claims_size: in: room at @claims in bytes; out: bytes that all claims take
 * @claims: in: where to put the claims: filters, each followed by a NUL, the
 *	channel's own name first. If they do not fit, nothing is put there
 *	(compare @claims_size with what was given)
 * @id: out: identity of this creation of the channel
 * @generation: out: changes whenever claims of any channel change
 * @first: out: sequence of the first record ever
 * @oldest: out: first record still in the ring
 * @head: out: sequence that the next record gets
 * @bytes: out: size of the byte area
 * @slots: out: number of slots
 * @max_record: out: most bytes of topic + payload + metadata
 * @overflow: out: enum mq_overflow
 * @state: out: enum mq_channel_state
 * @subscriptions: out: how many there are
 * @publishers: out: how many there are
 * @retained: out: retained values
 * @retained_max: out: most retained values
 * @retained_bytes: out: bytes of topic, payload and metadata they take
 * @retained_bytes_max: out: most such bytes
 * @published: out: records published since creation
 * @refused: out: publishes refused for lack of space (EAGAIN)
 * @overwritten: out: records that left the ring to make room
 * @node_passed: out: records that went by unread or read in part only, all
 *	node readers together
 * @name: out: the name, NUL-terminated
 *
 * MQ_IOC_INFO on any node; whoever can open a node may ask.
 */
struct mq_info {
	__u32 flags;
	__u32 claims_size;
	__u64 claims;
	__u64 id;
	__u64 generation;
	__u64 first;
	__u64 oldest;
	__u64 head;
	__u64 bytes;
	__u32 slots;
	__u32 max_record;
	__u32 overflow;
	__u32 state;
	__u32 subscriptions;
	__u32 publishers;
	__u32 retained;
	__u32 retained_max;
	__u64 retained_bytes;
	__u64 retained_bytes_max;
	__u64 published;
	__u64 refused;
	__u64 overwritten;
	__u64 node_passed;
	char name[MQ_NAME_MAX + 1];
	__u64 reserved[8];
};

/**
 * enum mq_start - where a subscription starts
 * @MQ_START_LATEST: at the head: only what is published from now on
 * @MQ_START_OLDEST: at the oldest record in the ring
 * @MQ_START_SEQUENCE: at &mq_subscribe.sequence; if that is no longer in the
 *	ring, at the oldest, and what lies between counts as passed; a
 *	sequence above the head: ERANGE
 */
enum mq_start {
	MQ_START_LATEST		= 0,
	MQ_START_OLDEST		= 1,
	MQ_START_SEQUENCE	= 2,
};

/*
 * The subscription holds the ring: on a channel that rejects, records that
 * match it and lie at or above its cursor are not overwritten. Needs a node
 * opened for reading and writing, else EACCES; EINVAL if the channel drops
 * the oldest.
 */
#define MQ_SUBSCRIBE_HOLD	0x1
/* read(2) on the new descriptor does not block (O_NONBLOCK). */
#define MQ_SUBSCRIBE_NONBLOCK	0x2

/**
 * struct mq_subscribe - make a subscription
 * @flags: in: MQ_SUBSCRIBE_*
 * @start: in: enum mq_start
 * @sequence: in: for MQ_START_SEQUENCE, else 0
 * @id: out: number of the subscription, for humans and statistics
 * @position: out: first record it will look at
 * @ring_size: out: bytes to map at MQ_MMAP_RING for the whole ring
 *
 * MQ_IOC_SUBSCRIBE on a node returns the new descriptor. It has no filter and
 * matches nothing; add filters next. One that does not start at the head
 * keeps (or, holding, holds) its position until the first filter is added.
 *
 * Errors: EACCES (node not open for reading, or see MQ_SUBSCRIBE_HOLD), EINVAL,
 * ERANGE, EUSERS (parameter max_subscriptions of the module), EMFILE, ENFILE,
 * ENOMEM.
 */
struct mq_subscribe {
	__u32 flags;
	__u32 start;
	__u64 sequence;
	__u64 id;
	__u64 position;
	__u64 ring_size;
	__u64 reserved[3];
};

/* Publishes on the new descriptor do not block (O_NONBLOCK). */
#define MQ_PUBLISHER_NONBLOCK	0x1

/**
 * struct mq_publisher_new - make a publisher
 * @flags: in: MQ_PUBLISHER_*
 * @id: out: what the slots of its records will carry; unique until reboot
 *
 * MQ_IOC_PUBLISHER on a node returns the new descriptor.
 *
 * Errors: EACCES (node not open for writing), EINVAL, EUSERS (parameter
 * max_publishers), EMFILE, ENFILE, ENOMEM.
 */
struct mq_publisher_new {
	__u32 flags;
	__u32 reserved0;
	__u64 id;
	__u64 reserved[2];
};

/**
 * struct mq_record - a record as the kernel copies it out
 * @size: bytes from this header to the next, a multiple of 8
 * @topic_len: bytes of topic
 * @flags: MQ_RECORD_*
 * @payload_len: bytes of payload
 * @metadata_len: bytes of metadata
 * @sequence: its sequence
 * @time: CLOCK_REALTIME in ns
 * @publisher: id of its publisher
 *
 * Topic, payload and metadata follow the header in this order without gaps;
 * zero bytes fill up to @size.
 */
struct mq_record {
	__u32 size;
	__u16 topic_len;
	__u16 flags;
	__u32 payload_len;
	__u32 metadata_len;
	__u64 sequence;
	__u64 time;
	__u64 publisher;
};

/**
 * struct mq_retained - read retained values
 * @flags: in: 0
 * @filter_len: in: bytes at @filter
 * @filter: in: only topics that match it
 * @after: in: only values with a sequence above this; 0: from the first.
 *	out: give this next time
 * @before: in: only values with a sequence below this (see MQ_IOC_FILTER_ADD);
 *	0: no bound
 * @buffer: in: where to put records (struct mq_record)
 * @buffer_size: in: room there; out: bytes used
 * @count: out: records put there
 * @more: out: 1 if the listing is not at its end: call again
 * @reserved: in: 0
 *
 * MQ_IOC_RETAINED on a node open for reading, in order of sequence. A call
 * looks at a bounded number of values, so it may return no record and @more.
 * A value that is replaced meanwhile moves to its new sequence and shows up
 * once, or, if that is at or above @before, not at all.
 *
 * Errors: EACCES, EINVAL, EMSGSIZE (the next record does not fit and none was
 * put; @buffer_size then says what it needs).
 */
struct mq_retained {
	__u32 flags;
	__u32 filter_len;
	__u64 filter;
	__u64 after;
	__u64 before;
	__u64 buffer;
	__u32 buffer_size;
	__u32 count;
	__u32 more;
	__u32 reserved[3];
};

/* ------------------------------------------------------------------------
 * Publishers
 */

/* Flags of one record are MQ_RECORD_RETAIN and MQ_RECORD_USER_MASK. */

/**
 * struct mq_publish - one record to publish, and what became of it
 * @flags: in: MQ_RECORD_*
 * @topic_len: in: bytes at @topic
 * @reserved0: in: 0
 * @payload_len: in: bytes at @payload; may be 0
 * @metadata_len: in: bytes at @metadata; may be 0
 * @topic: in: a topic that this channel owns
 * @payload: in: pointer
 * @metadata: in: pointer; opaque to the kernel
 * @reserved: in: 0
 * @result: out: 0, or the negative errno that refused this record
 * @receivers: out: sum of the weights of the filters that matched; of all
 *	filters, if more than 128 are candidates
 * @sequence: out: its sequence
 * @time: out: CLOCK_REALTIME in ns
 *
 * With MQ_RECORD_RETAIN the record becomes the retained value of its topic,
 * or, with an empty payload, removes it; the record itself is published in
 * either case.
 *
 * MQ_IOC_PUBLISH with one of these: the "out" fields are written on success
 * only. Errors:
 *   EINVAL    not a topic, unknown flag, a reserved field that is not 0
 *   EMSGSIZE  topic + payload + metadata above &mq_info.max_record
 *   ESTALE    another channel owns this topic, or none does
 *   EAGAIN    no space: a subscription holds the ring (wait for EPOLLOUT)
 *   EDQUOT    retained: a new topic and the channel's retained values are at
 *             their limit, or a larger value than before and too few bytes
 *   ENOMEM    no memory for staging or for the retained copy
 *   EINTR     interrupted while another thread published on this descriptor
 * A refused record changes nothing. EFAULT also says that the "out" fields
 * could not be written: then the record is published all the same.
 *
 * poll on a publisher: EPOLLOUT: after an EAGAIN, 1/16 of the ring is free
 * again (always set before the first EAGAIN); EPOLLHUP | EPOLLERR: deleted.
 */
struct mq_publish {
	__u16 flags;
	__u16 topic_len;
	__u32 reserved0;
	__u32 payload_len;
	__u32 metadata_len;
	__u64 topic;
	__u64 payload;
	__u64 metadata;
	__u64 reserved[2];
	__s32 result;
	__u32 receivers;
	__u64 sequence;
	__u64 time;
};

/*
 * Wake sleepers as one about to sleep itself: the scheduler may then run them
 * on this CPU at once. A hint.
 */
#define MQ_BATCH_SYNC		0x1

/* Most records of one MQ_IOC_PUBLISH_BATCH. */
#define MQ_BATCH_MAX		1024

/**
 * struct mq_publish_batch - several records in one call
 * @flags: in: MQ_BATCH_*
 * @count: in: how many records, 1..MQ_BATCH_MAX
 * @records: in: array of struct mq_publish
 * @done: out: how many records have their @result
 * @reserved: in: 0
 *
 * MQ_IOC_PUBLISH_BATCH takes the records in order and sets @result of each
 * (and the other "out" fields of each that went in). A record that is refused
 * for what it is (EINVAL, EMSGSIZE, ESTALE, EDQUOT) does not stop those behind
 * it. At EAGAIN, ENOMEM, ENODEV, EFAULT or EINTR the batch ends: that record
 * has its @result, those behind it are untouched, @done counts up to and
 * including it. Records of different publishers may come between.
 *
 * Returns 0 if @done was written, even if no record went in. Errors: EINVAL
 * (flags, count, reserved), EFAULT (@records), EINTR (nothing was tried).
 */
struct mq_publish_batch {
	__u32 flags;
	__u32 count;
	__u64 records;
	__u32 done;
	__u32 reserved[3];
};

/* ------------------------------------------------------------------------
 * Subscriptions
 *
 * read(2): whole records that match (struct mq_record), as many as fit, from
 * the cursor on; the cursor moves behind them. Each matching record goes to
 * exactly one caller, however many share the descriptor. EMSGSIZE: the next
 * does not fit. EAGAIN: none there, with O_NONBLOCK; EINTR. 0: the channel was
 * deleted and all was read.
 *
 * poll: EPOLLIN: a matching record may be read. EPOLLHUP: channel deleted.
 */

/**
 * struct mq_filter - add, change or remove a filter
 * @flags: in: 0
 * @filter_len: in: bytes at @filter
 * @filter: in: topic filter
 * @weight: in: what it adds to &mq_publish.receivers (clients behind it)
 * @reserved0: in: 0
 * @sequence: out: sequence from which the filter (or its new weight) is, or,
 *	removed, is no longer, in force
 * @reserved: in: 0
 *
 * MQ_IOC_FILTER_ADD adds a filter, or sets the weight of one that is there.
 * "Retained, then live, once each": take retained values with a sequence below
 * @sequence, then live records from @sequence on. A filter reaches back only
 * while the cursor is where the subscription started: then records from there
 * to @sequence that match are delivered too (a start in the past).
 * MQ_IOC_FILTER_REMOVE removes it (weight 0). What it alone matched and was not
 * read yet is not delivered any more, and not missed either.
 *
 * Errors: EINVAL (not a filter), E2BIG (above MQ_FILTER_LEVELS_MAX levels),
 * EMFILE (add: parameter max_filters_per_subscription), ENFILE (add:
 * parameters max_filters_per_channel and max_filter_bytes), ENOENT (remove),
 * ENOMEM, EINTR.
 */
struct mq_filter {
	__u32 flags;
	__u32 filter_len;
	__u64 filter;
	__u32 weight;
	__u32 reserved0;
	__u64 sequence;
	__u64 reserved[2];
};

/* &mq_resync.missed is an upper bound. */
#define MQ_RESYNC_AT_MOST	0x1

/**
 * struct mq_resync - close a gap
 * @flags: in: 0; out: MQ_RESYNC_*
 * @reserved0: in: 0
 * @position: out: where to go on; the kernel has set the cursor to it
 * @passed: out: records of the channel that went by unread; exact
 * @missed: out: how many of them matched: matched - delivered - still
 *	readable. An upper bound if filters of this subscription overlap (with
 *	more than 1024, some with a wildcard, that is taken for granted), or if
 *	a topic had more than 128 candidate filters
 *
 * MQ_IOC_RESYNC when a reader finds &mq_ring_header.oldest above its cursor.
 * Without a gap: its cursor, 0 and 0. The totals go to the status page too.
 * Set &mq_control.cursor and &mq_control.delivered first. EINTR.
 */
struct mq_resync {
	__u32 flags;
	__u32 reserved0;
	__u64 position;
	__u64 passed;
	__u64 missed;
	__u64 reserved[2];
};

#define MQ_IOC_INFO		_IOWR(MQ_IOC_MAGIC, 0x00, struct mq_info)
#define MQ_IOC_SUBSCRIBE	_IOWR(MQ_IOC_MAGIC, 0x01, struct mq_subscribe)
#define MQ_IOC_PUBLISHER	_IOWR(MQ_IOC_MAGIC, 0x02, struct mq_publisher_new)
#define MQ_IOC_RETAINED		_IOWR(MQ_IOC_MAGIC, 0x03, struct mq_retained)

#define MQ_IOC_PUBLISH		_IOWR(MQ_IOC_MAGIC, 0x20, struct mq_publish)
#define MQ_IOC_PUBLISH_BATCH	_IOWR(MQ_IOC_MAGIC, 0x21, struct mq_publish_batch)

#define MQ_IOC_FILTER_ADD	_IOWR(MQ_IOC_MAGIC, 0x40, struct mq_filter)
#define MQ_IOC_FILTER_REMOVE	_IOWR(MQ_IOC_MAGIC, 0x41, struct mq_filter)
#define MQ_IOC_RESYNC		_IOWR(MQ_IOC_MAGIC, 0x42, struct mq_resync)
/* Look for space now: a publisher may be waiting for the advanced cursor. */
#define MQ_IOC_KICK		_IO(MQ_IOC_MAGIC, 0x43)

/* ------------------------------------------------------------------------
 * Administration: generic netlink family MQ_GENL_NAME, initial network
 * namespace, CAP_NET_ADMIN and CAP_SYS_ADMIN (EPERM). Refusals carry a text
 * (NLMSGERR_ATTR_MSG).
 */

#define MQ_GENL_NAME		"mq"
#define MQ_GENL_VERSION		1
/* Multicast group of events; CAP_NET_ADMIN to join. */
#define MQ_GENL_EVENTS		"events"

/**
 * enum mq_cmd - netlink commands
 * @MQ_CMD_CHANNEL_CREATE: MQ_A_NAME; optional MQ_A_SLOTS, MQ_A_BYTES,
 *	MQ_A_MAX_RECORD, MQ_A_OVERFLOW, MQ_A_UID, MQ_A_GID, MQ_A_MODE, MQ_A_CLAIM
 *	(repeated), MQ_A_FIRST, MQ_A_RETAINED_MAX, MQ_A_RETAINED_BYTES_MAX.
 *	Errors: EINVAL (a value that cannot be), ENAMETOOLONG, EEXIST (name or
 *	claim taken), ERANGE (above a module parameter), ENFILE (parameter
 *	max_channels), EDQUOT (parameter max_bytes), E2BIG (more than
 *	MQ_CLAIMS_MAX claims), ENOMEM
 * @MQ_CMD_CHANNEL_DELETE: MQ_A_NAME. Errors: ENOENT
 * @MQ_CMD_CHANNEL_GET: MQ_A_NAME, or as a dump: all. Errors: ENOENT
 * @MQ_CMD_CHANNEL_SET: MQ_A_NAME and what to change live: MQ_A_CLAIM (the
 *	whole list anew, or MQ_A_CLAIMS_NONE), MQ_A_RETAINED_MAX,
 *	MQ_A_RETAINED_BYTES_MAX. Errors: ENOENT, EEXIST, E2BIG, EINVAL,
 *	EOPNOTSUPP (what cannot change in a live channel), ENOMEM
 * @MQ_CMD_CHANNEL_PURGE: MQ_A_NAME: drops and zeroes all records and retained
 *	values (not what publishers' staging buffers still hold). Errors: ENOENT
 * @MQ_CMD_SUBSCRIPTION_GET: dump of the subscriptions of MQ_A_NAME, or of all
 *	channels. Errors: ENOENT
 * @MQ_CMD_EVENT: to the multicast group: MQ_A_EVENT and what belongs to it
 */
enum mq_cmd {
	MQ_CMD_UNSPEC,
	MQ_CMD_CHANNEL_CREATE,
	MQ_CMD_CHANNEL_DELETE,
	MQ_CMD_CHANNEL_GET,
	MQ_CMD_CHANNEL_SET,
	MQ_CMD_CHANNEL_PURGE,
	MQ_CMD_SUBSCRIPTION_GET,
	MQ_CMD_EVENT,
	__MQ_CMD_MAX,
	MQ_CMD_MAX = __MQ_CMD_MAX - 1,
};

/* Most claims of a channel beside its own name. */
#define MQ_CLAIMS_MAX		32

/* Sizes a channel gets when none are given. */
#define MQ_SLOTS_DEFAULT	4096
#define MQ_BYTES_DEFAULT	(4096 * 1024)
#define MQ_MAX_RECORD_DEFAULT	(64 * 1024)
#define MQ_RETAINED_DEFAULT	65536
#define MQ_RETAINED_BYTES_DEFAULT (16 * 1024 * 1024)
#define MQ_SLOTS_MIN		64
#define MQ_MAX_RECORD_MIN	128
#define MQ_MAX_RECORD_MAX	(1024 * 1024)

/**
 * enum mq_attr - netlink attributes
 * @MQ_A_NAME: string, 1..63 of [A-Za-z0-9._-], not beginning with '.' or '-'
 * @MQ_A_ID: u64
 * @MQ_A_SLOTS: u32, power of two, from MQ_SLOTS_MIN to parameter max_slots
 * @MQ_A_BYTES: u64, power of two, at least 4 * MQ_A_MAX_RECORD and a page
 * @MQ_A_MAX_RECORD: u32, MQ_MAX_RECORD_MIN..MQ_MAX_RECORD_MAX; a default
 *	that does not fit MQ_A_BYTES / 4 is lowered to it
 * @MQ_A_OVERFLOW: u32, enum mq_overflow
 * @MQ_A_UID: u32, owner of the node in the initial user namespace (0)
 * @MQ_A_GID: u32, group of the node (0)
 * @MQ_A_MODE: u32, permission bits of the node (0600), 0..0777
 * @MQ_A_CLAIM: a topic filter, bytes; repeated
 * @MQ_A_CLAIMS_NONE: flag: no claims but the name
 * @MQ_A_FIRST: u64, sequence of the first record (1), 1..2^62
 * @MQ_A_RETAINED_MAX: u32, most retained values
 * @MQ_A_RETAINED_BYTES_MAX: u64, most bytes they take
 * @MQ_A_OLDEST: u64
 * @MQ_A_HEAD: u64
 * @MQ_A_STATE: u32
 * @MQ_A_SUBSCRIPTIONS: u32
 * @MQ_A_PUBLISHERS: u32
 * @MQ_A_RETAINED: u32
 * @MQ_A_RETAINED_BYTES: u64
 * @MQ_A_PUBLISHED: u64
 * @MQ_A_REFUSED: u64
 * @MQ_A_OVERWRITTEN: u64
 * @MQ_A_NODE_PASSED: u64
 * @MQ_A_MEMORY: u64, bytes that the channel holds of parameter max_bytes
 * @MQ_A_MINOR: u32, minor number of the node
 * @MQ_A_SUBSCRIPTION_ID: u64
 * @MQ_A_PID: u32, process that made the subscription or publisher (initial
 *	pid namespace)
 * @MQ_A_POSITION: u64, cursor as the kernel last took it
 * @MQ_A_VERIFIED: u64
 * @MQ_A_LAG: u64, records from max(position, verified) to the head; 0 if none
 *	of them matches
 * @MQ_A_PASSED: u64, including a gap that the reader has not resynced yet
 * @MQ_A_MISSED: u64
 * @MQ_A_MISSED_AT_MOST: u64
 * @MQ_A_DELIVERED: u64
 * @MQ_A_WAKES: u64
 * @MQ_A_FILTERS: u32, how many the subscription has
 * @MQ_A_SUBSCRIPTION_STATE: u32, enum mq_subscription_state
 * @MQ_A_EVENT: u32, enum mq_event
 * @MQ_A_TIME: u64, CLOCK_REALTIME in ns
 * @MQ_A_PUBLISHER_ID: u64
 * @MQ_A_PAD: padding of 64-bit values
 */
enum mq_attr {
	MQ_A_UNSPEC,
	MQ_A_NAME,
	MQ_A_ID,
	MQ_A_SLOTS,
	MQ_A_BYTES,
	MQ_A_MAX_RECORD,
	MQ_A_OVERFLOW,
	MQ_A_UID,
	MQ_A_GID,
	MQ_A_MODE,
	MQ_A_CLAIM,
	MQ_A_CLAIMS_NONE,
	MQ_A_FIRST,
	MQ_A_RETAINED_MAX,
	MQ_A_RETAINED_BYTES_MAX,
	MQ_A_OLDEST,
	MQ_A_HEAD,
	MQ_A_STATE,
	MQ_A_SUBSCRIPTIONS,
	MQ_A_PUBLISHERS,
	MQ_A_RETAINED,
	MQ_A_RETAINED_BYTES,
	MQ_A_PUBLISHED,
	MQ_A_REFUSED,
	MQ_A_OVERWRITTEN,
	MQ_A_NODE_PASSED,
	MQ_A_MEMORY,
	MQ_A_MINOR,
	MQ_A_SUBSCRIPTION_ID,
	MQ_A_PID,
	MQ_A_POSITION,
	MQ_A_VERIFIED,
	MQ_A_LAG,
	MQ_A_PASSED,
	MQ_A_MISSED,
	MQ_A_MISSED_AT_MOST,
	MQ_A_DELIVERED,
	MQ_A_WAKES,
	MQ_A_FILTERS,
	MQ_A_SUBSCRIPTION_STATE,
	MQ_A_EVENT,
	MQ_A_TIME,
	MQ_A_PUBLISHER_ID,
	MQ_A_PAD,
	__MQ_A_MAX,
	MQ_A_MAX = __MQ_A_MAX - 1,
};

/**
 * enum mq_event - MQ_A_EVENT; each carries MQ_A_NAME, MQ_A_ID and MQ_A_TIME
 * @MQ_EVENT_CREATED: channel created
 * @MQ_EVENT_DELETED: channel deleted
 * @MQ_EVENT_CHANGED: claims or limits set
 * @MQ_EVENT_PURGED: channel purged
 * @MQ_EVENT_SUBSCRIBED: MQ_A_SUBSCRIPTION_ID, MQ_A_PID
 * @MQ_EVENT_UNSUBSCRIBED: MQ_A_SUBSCRIPTION_ID, MQ_A_PID: its last close
 * @MQ_EVENT_PUBLISHER_OPENED: MQ_A_PUBLISHER_ID, MQ_A_PID
 * @MQ_EVENT_PUBLISHER_CLOSED: MQ_A_PUBLISHER_ID, MQ_A_PID
 * @MQ_EVENT_LAGGED: MQ_A_SUBSCRIPTION_ID, MQ_A_PID, MQ_A_PASSED, MQ_A_MISSED of
 *	this gap
 * @MQ_EVENT_FULL: the channel began to refuse publishes
 * @MQ_EVENT_SPACE: 1/16 is free again
 */
enum mq_event {
	MQ_EVENT_UNSPEC,
	MQ_EVENT_CREATED,
	MQ_EVENT_DELETED,
	MQ_EVENT_CHANGED,
	MQ_EVENT_PURGED,
	MQ_EVENT_SUBSCRIBED,
	MQ_EVENT_UNSUBSCRIBED,
	MQ_EVENT_PUBLISHER_OPENED,
	MQ_EVENT_PUBLISHER_CLOSED,
	MQ_EVENT_LAGGED,
	MQ_EVENT_FULL,
	MQ_EVENT_SPACE,
};

#endif /* _UAPI_LINUX_MQ_H */
