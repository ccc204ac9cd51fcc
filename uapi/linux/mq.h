/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * DOC: The user interface of mq
 *
 * A channel is a character device /dev/mq/NAME. Three kinds of file descriptor:
 *
 *   node          open("/dev/mq/NAME"). read(2), write(2) and poll(2) serve plain tools; the ioctls
 *                 below make the other two kinds, which outlive it.
 *   publisher     from MQ_IOC_PUBLISHER on a node open for writing.
 *   subscription  from MQ_IOC_SUBSCRIBE on a node open for reading.
 *
 * Some ioctls are commands of io_uring, too: &mq_uring.
 *
 * Identity is the descriptor: what a descriptor may do was decided when it was made, and fork(2),
 * dup(2) and SCM_RIGHTS pass it on. It ends with its last close, of a subscription also the last
 * munmap(2), and of either the last io_uring command. The ioctls set O_CLOEXEC; fcntl(2) can change
 * O_NONBLOCK. A wait ends with EINTR on a signal, whatever SA_RESTART says.
 *
 * The node. open(2) fails with ENXIO if the channel is gone.
 *   read   the payload of the next record, from the head at open onwards. One record a call; the
 *          rest of a payload longer than the buffer comes with the next calls. Empty payloads are
 *          skipped. Blocks unless O_NONBLOCK (EAGAIN). 0 (end of file) only after the channel was
 *          deleted and all was read. A reader that falls behind goes on at the oldest record; the
 *          rest of a payload that was begun is lost then. It never holds the ring. EMSGSIZE never.
 *   write  one record on the topic named like the channel, payload = the bytes of the call, all of
 *          them (0 bytes: nothing is written, returns 0). Waits for space without a time limit
 *          where a publish does. The errors of MQ_IOC_PUBLISH, the first time those of
 *          MQ_IOC_PUBLISHER too; EPIPE never.
 *   poll   EPOLLIN: there is a record (if its payload is empty a read waits on). EPOLLOUT: as for a
 *          publisher. EPOLLHUP: the channel was deleted; EPOLLERR never.
 *
 * Numbers. Structures have the same layout for 32- and 64-bit programs and native byte order. "in"
 * fields are read; "out" fields are written and not looked at; one that is both has to be set anew
 * for each call. Pointers travel as __u64. Fields named reserved and unknown flags must be 0, else
 * EINVAL before any effect. When a call fails, "out" fields are unchanged unless said otherwise.
 * EFAULT: a pointer of the call does not point to memory; if that was one to write to, the call may
 * have had its effect (a descriptor is made only if it can be told). ENOTTY: no such command on
 * this kind of descriptor. ENODEV: the channel was deleted; MQ_IOC_RECEIVE says so only when all
 * was read, MQ_IOC_INFO, MQ_IOC_PUBLISHER_INFO, MQ_IOC_FILTER_REMOVE, MQ_IOC_RESYNC, MQ_IOC_KICK
 * and MQ_IOC_ACK never. These are not repeated below.
 *
 * Topics and channels. A topic is owned by at most one channel: of all claims that match it, the
 * one that wins level by level from the left: a literal level before '+' before '#', and a claim
 * that ends with the topic before one that goes on with "/#". No other channel takes records of
 * that topic (ESTALE). A client finds channels in /dev/mq (inotify(7) tells of new ones), their
 * claims by MQ_IOC_INFO, and looks again when &mq_ring_header.generation moves and once after each
 * ESTALE. (Loaded after a head, the generation is no older than that of the records below.) A
 * filter is added on each channel that has a claim which it overlaps: mq_filter_overlap(). Order
 * is that of sequences and thus within one channel.
 *
 * Netlink. Beyond what linux/mq_netlink.h says: a request is a struct genlmsghdr and attributes;
 * one that the command does not list, or of another size, is EINVAL (a flag with a value may be
 * ERANGE, by the kernel). Names end with a NUL, claims do not and have 1..255 bytes. Both dumps may
 * be given MQ_A_NAME. There is one answer for each
 *
 *   channel       MQ_A_NAME to MQ_A_MODE, MQ_A_CLAIM (repeated, the name first), MQ_A_FIRST to
 *                 MQ_A_MINOR, MQ_A_EVICT_AFTER, MQ_A_HOLD, MQ_A_EVICTED, MQ_A_WILLS to
 *                 MQ_A_REFUSALS. MQ_A_UID, MQ_A_GID and MQ_A_MODE are those of the creation.
 *   subscription  MQ_A_NAME, MQ_A_ID, MQ_A_SUBSCRIPTION_ID to MQ_A_SUBSCRIPTION_STATE,
 *                 MQ_A_EVICTED_AT; in order of id within a channel.
 *
 * in no order of attributes that counts; unknown ones are to be skipped. Events that a listener's
 * socket had no room for are lost: recvmsg(2) says ENOBUFS.
 */
#ifndef _UAPI_LINUX_MQ_H
#define _UAPI_LINUX_MQ_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/mq_netlink.h>
#include <linux/mq_ring.h>
#include <linux/mq_topic.h>

#define MQ_IOC_MAGIC		0xd6

/**
 * enum mq_overflow - what happens when a record finds no space
 * @MQ_OVERFLOW_DROP_OLDEST: the oldest records go. Nobody can hold the ring
 * @MQ_OVERFLOW_REJECT: records held by a subscription stay and the publish fails with EAGAIN;
 *	without a holder the oldest go
 * @MQ_OVERFLOW_BLOCK: records held by a subscription stay and the publish waits for space: until
 *	&mq_publisher_new.timeout_ms (ETIMEDOUT) or a signal (EINTR), and not at all with O_NONBLOCK
 *	(EAGAIN); without a holder the oldest go
 *
 * Further values are refused with EINVAL. With "evict after T" (MQ_A_EVICT_AFTER) a publish that
 * lacks space takes the right to hold from every subscription whose first held record is older than
 * T. What counts is the age of that record, not whether the reader makes progress.
 */
enum mq_overflow {
	MQ_OVERFLOW_DROP_OLDEST	= 0,
	MQ_OVERFLOW_REJECT	= 1,
	MQ_OVERFLOW_BLOCK	= 2,
};

/**
 * enum mq_hold - who may make subscriptions that hold the ring
 * @MQ_HOLD_WRITERS: who opened the node for reading and writing: holding is the
 *	right to stop publishers
 * @MQ_HOLD_READERS: who opened it for reading
 */
enum mq_hold {
	MQ_HOLD_WRITERS		= 0,
	MQ_HOLD_READERS		= 1,
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
 * @refused: out: publishes refused for lack of space (EAGAIN, ETIMEDOUT)
 * @overwritten: out: records that left the ring, to make room or by a purge
 * @node_passed: out: records that went by unread or read in part only, all
 *	node readers together
 * @name: out: the name, NUL-terminated
 * @evict_after: out: milliseconds, 0: never
 * @hold: out: enum mq_hold
 * @evicted: out: subscriptions that lost the right to hold
 * @wills: out: wills that are registered or wait for their delay
 * @wills_lost: out: wills that could not be published: their topic had another
 *	owner by then, or the channel was deleted
 * @expired: out: retained values that expired
 * @refusals: out: how often each limit of the channel refused something (enum
 *	mq_limit below MQ_LIMITS)
 * @reserved: in: 0
 *
 * MQ_IOC_INFO on any node; whoever can open a node may ask. Errors: EINVAL.
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
	__u32 evict_after;
	__u32 hold;
	__u64 evicted;
	__u64 wills;
	__u64 wills_lost;
	__u64 expired;
	__u64 refusals[8];
	__u64 reserved[8];
};

/**
 * enum mq_start - where a subscription starts
 * @MQ_START_LATEST: at the head: only what is published from now on
 * @MQ_START_OLDEST: at the oldest record in the ring
 * @MQ_START_SEQUENCE: at &mq_subscribe.sequence, the head at most (else ERANGE); if
 *	that is no longer in the ring, at the oldest, and what lies between (from
 *	&mq_info.first on) counts in &mq_status.passed
 */
enum mq_start {
	MQ_START_LATEST		= 0,
	MQ_START_OLDEST		= 1,
	MQ_START_SEQUENCE	= 2,
};

/*
 * The subscription holds the ring: on a channel that rejects or blocks, records that match it and
 * lie at or above its cursor are not overwritten (a purge takes them all the same). Needs a node
 * opened for reading and writing (or enum mq_hold), else EACCES; EINVAL if the channel drops the
 * oldest. While publishes lack space, one that starts at a record older than "evict after T" is
 * evicted from the start: nobody can stop them by coming again and again.
 */
#define MQ_SUBSCRIBE_HOLD	0x1
/* read(2) on the new descriptor does not block (O_NONBLOCK): EAGAIN. */
#define MQ_SUBSCRIBE_NONBLOCK	0x2

/**
 * struct mq_subscribe - make a subscription
 * @flags: in: MQ_SUBSCRIBE_*
 * @start: in: enum mq_start
 * @sequence: in: for MQ_START_SEQUENCE, else 0
 * @id: out: number of the subscription, for humans and statistics
 * @position: out: first record it will look at
 * @ring_size: out: bytes to map at MQ_MMAP_RING for the whole ring
 * @reserved: in: 0
 *
 * MQ_IOC_SUBSCRIBE on a node returns the new descriptor. It has no filter and matches nothing; add
 * filters next. One that does not start at the head keeps (or, holding, holds) its position until
 * the first filter is added. "Retained, then live": start at the latest, see &mq_filter.
 *
 * Errors: EACCES (node not open for reading, or see MQ_SUBSCRIBE_HOLD), EINVAL, ERANGE, EUSERS
 * (parameter max_subscriptions of the module), EDQUOT (parameter max_subscriptions_per_user),
 * ENOBUFS (RLIMIT_MEMLOCK), EMFILE, ENFILE, ENOMEM.
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

/* Publishes on the new descriptor do not wait for space (O_NONBLOCK): EAGAIN. */
#define MQ_PUBLISHER_NONBLOCK	0x1

/**
 * struct mq_publisher_new - make a publisher
 * @flags: in: MQ_PUBLISHER_*
 * @timeout_ms: in: how long a publish waits for space on a channel that blocks,
 *	in milliseconds; 0: as long as it takes
 * @id: out: what the slots of its records will carry; unique until reboot
 * @reserved: in: 0
 *
 * MQ_IOC_PUBLISHER on a node returns the new descriptor. Who makes this call is who
 * MQ_IOC_PUBLISHER_INFO names, whoever uses the descriptor later. Errors: EACCES (node not open for
 * writing), EINVAL, EUSERS (parameter max_publishers), EDQUOT (parameter max_publishers_per_user),
 * EMFILE, ENFILE, ENOMEM.
 */
struct mq_publisher_new {
	__u32 flags;
	__u32 timeout_ms;
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
 * MQ_IOC_RETAINED on a node open for reading, in order of sequence; it never blocks. A call looks
 * at a bounded number of values, so it may return no record and @more. A value that is replaced
 * meanwhile moves to its new sequence and shows up once, or, if that is at or above @before, not at
 * all.
 *
 * Errors: EACCES, EINVAL, EMSGSIZE (the next record does not fit and none was put; @buffer_size
 * then says what it needs, all else is unchanged), ENOMEM.
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

/**
 * enum mq_publisher_state - &mq_publisher_info.state
 * @MQ_PUBLISHER_OPEN: its descriptor is open
 * @MQ_PUBLISHER_CLOSED: closed; known while records of it are in the ring
 */
enum mq_publisher_state {
	MQ_PUBLISHER_OPEN	= 0,
	MQ_PUBLISHER_CLOSED	= 1,
};

/**
 * struct mq_publisher_info - who made a publisher
 * @flags: in: 0
 * @label_size: in: room at @label in bytes; out: bytes of the label with its
 *	NUL; 0: none, or above 4096
 * @label: in: where to put the security label of the maker (LSM). If it does
 *	not fit, nothing is put there
 * @id: in: &mq_slot.publisher
 * @pid: out: process in the caller's pid namespace; 0: not visible there
 * @uid: out: effective user in the caller's user namespace, or the overflow uid
 * @gid: out: effective group, likewise
 * @state: out: enum mq_publisher_state
 * @cgroup: out: id of the control group (version 2) then; 0: none
 * @started: out: start of the process, CLOCK_BOOTTIME in ns
 * @opened: out: when the publisher was made, CLOCK_REALTIME in ns
 * @last: out: sequence of its last record; 0: none yet
 * @reserved: in: 0
 *
 * MQ_IOC_PUBLISHER_INFO on a node open for reading or on a subscription, also after the channel was
 * deleted. For the publisher behind write(2) on a node the maker is who opened the node, and
 * @opened when. A process that is gone keeps its number here: only with the same @started is the
 * process that has the number now the maker.
 *
 * Errors: EACCES, EINVAL, ENOENT (no such publisher, or it is closed and none of its records is in
 * the ring any more).
 */
struct mq_publisher_info {
	__u32 flags;
	__u32 label_size;
	__u64 label;
	__u64 id;
	__u32 pid;
	__u32 uid;
	__u32 gid;
	__u32 state;
	__u64 cgroup;
	__u64 started;
	__u64 opened;
	__u64 last;
	__u64 reserved[3];
};

/* ------------------------------------------------------------------------
 * Publishers
 */

/*
 * Flags of one record to publish are MQ_RECORD_RETAIN, MQ_RECORD_USER_MASK and
 * this one, which does not travel: publish only if &mq_publish.expect holds.
 */
#define MQ_PUBLISH_EXPECT	0x0080

/**
 * struct mq_publish - one record to publish, and what became of it
 * @flags: in: MQ_RECORD_*, MQ_PUBLISH_EXPECT
 * @topic_len: in: bytes at @topic
 * @reserved0: in: 0
 * @payload_len: in: bytes at @payload; may be 0
 * @metadata_len: in: bytes at @metadata; may be 0
 * @topic: in: a topic that this channel owns
 * @payload: in: pointer
 * @metadata: in: pointer; opaque to the kernel
 * @expect: in: with MQ_PUBLISH_EXPECT: the sequence of the topic's retained
 *	value as the caller knows it, 0: there is none; without it: 0
 * @expiry_ns: in: with MQ_RECORD_RETAIN: the retained value goes away that many
 *	ns after it was set (CLOCK_BOOTTIME); 0: it stays. Without it: 0
 * @result: out: 0, or the negative errno that refused this record
 * @receivers: out: sum of the weights of the filters that matched; of all
 *	filters, if more than 128 are candidates, of which each counts once more for
 *	every KiB of the level of the topic that is compared
 * @sequence: out: its sequence; if @expect does not hold: that of the value
 *	that is there, 0: none
 * @time: out: CLOCK_REALTIME in ns
 *
 * With MQ_RECORD_RETAIN the record becomes the retained value of its topic,
 * or, with an empty payload, removes it; the record itself is published in
 * either case.
 *
 * MQ_IOC_PUBLISH with one of these: the "out" fields are written on success, and all but @time if
 * @expect does not hold. Errors:
 *   EINVAL    not a topic, unknown flag, a field that must be 0 and is not
 *   EMSGSIZE  topic + payload + metadata above &mq_info.max_record
 *   ESTALE    another channel owns this topic, or none does (@sequence is untouched); or @expect
 *             does not hold (@sequence is written, never with the highest number: put that there
 *             before to tell the two apart)
 *   EAGAIN    no space: a subscription holds the ring (wait for EPOLLOUT); with O_NONBLOCK also
 *             behind another thread that waits for space on this descriptor
 *   ETIMEDOUT no space within &mq_publisher_new.timeout_ms
 *   EDQUOT    retained: a new topic and the channel's retained values are at their limit, or a
 *             larger value than before and too few bytes
 *   ENOMEM    no memory for staging or for the retained copy
 *   EINTR     interrupted while it waited for space or for another thread that published on this
 *             descriptor
 * A refused record changes nothing. EFAULT also says that the "out" fields could not be written:
 * then the record is published all the same.
 *
 * poll on a publisher: EPOLLOUT, but not from a publish on the channel that lacked space until 1/16
 * of slots and bytes (and what that publish needed) is free. It promises nothing: others may be
 * first. EPOLLOUT | EPOLLHUP | EPOLLERR: deleted.
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
	__u64 expect;
	__u64 expiry_ns;
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
/* All records are published or none. */
#define MQ_BATCH_ATOMIC		0x2

/* Most records of one MQ_IOC_PUBLISH_BATCH. */
#define MQ_BATCH_MAX		1024
/* Most records and bytes (topic + payload + metadata) of an atomic one. */
#define MQ_ATOMIC_MAX		64
#define MQ_ATOMIC_BYTES_MAX	65536

/**
 * struct mq_publish_batch - several records in one call
 * @flags: in: MQ_BATCH_*
 * @count: in: how many records, 1..MQ_BATCH_MAX
 * @records: in: array of struct mq_publish
 * @done: out: how many records have their @result
 * @reserved: in: 0
 *
 * MQ_IOC_PUBLISH_BATCH takes the records in order and sets @result of each (and the other "out"
 * fields of each as MQ_IOC_PUBLISH does). A record that is refused for what it is (EINVAL,
 * EMSGSIZE, ESTALE, EDQUOT) does not stop those behind it. At EAGAIN, ETIMEDOUT, ENOMEM, ENODEV,
 * EFAULT or EINTR the batch ends: that record has its @result, those behind it are untouched, @done
 * counts up to and including it. Records of different publishers may come between.
 *
 * With MQ_BATCH_ATOMIC the records get consecutive sequences, or none is published: then each one
 * that is refused has its @result, all others have ECANCELED, and @done is @count; all have what
 * ends a batch, EFAULT and ENOMEM of one record excepted, which refuse that one. What @expect and
 * the limits of retained values are compared with is the state before the batch: together its new
 * values must fit, whatever it clears. Readers may see a part of it for a moment, never for good.
 *
 * Returns 0 if @done was written, even if no record went in. Errors: EINVAL (flags, count,
 * reserved), E2BIG (atomic, and above MQ_ATOMIC_MAX, MQ_ATOMIC_BYTES_MAX or three quarters of the
 * ring's slots or bytes, the rest being for wills), EFAULT (@records; also that the result of a
 * record that was tried could not be written); and, nothing being tried, of an atomic batch EINTR
 * and EAGAIN (behind another thread on this descriptor, as with MQ_IOC_PUBLISH).
 */
struct mq_publish_batch {
	__u32 flags;
	__u32 count;
	__u64 records;
	__u32 done;
	__u32 reserved[3];
};

/* The will is also published when the process that set it exits. */
#define MQ_WILL_ON_EXIT		0x1

/**
 * struct mq_will - a record that is published if its publisher goes away
 * @flags: in: MQ_WILL_*
 * @delay_ms: in: how long after that, in milliseconds; parameter max_will_delay at most
 * @id: in: which will of this publisher; an equal one is replaced
 * @record_flags: in: MQ_RECORD_RETAIN, MQ_RECORD_USER_MASK
 * @topic_len: in: bytes at @topic
 * @payload_len: in: bytes at @payload
 * @metadata_len: in: bytes at @metadata
 * @reserved0: in: 0
 * @topic: in: a topic that this channel owns
 * @payload: in: pointer
 * @metadata: in: pointer
 * @expiry_ns: in: as &mq_publish.expiry_ns
 * @reserved: in: 0
 *
 * MQ_IOC_WILL_SET on a publisher. With the last close of the descriptor its wills are published, in
 * the order in which they were set, with MQ_RECORD_WILL and the publisher's id; so a killed process
 * speaks its last words. Because fork(2) and SCM_RIGHTS delay the last close, MQ_WILL_ON_EXIT makes
 * the end of the process that set the will enough, if it has the descriptor open then: the end of
 * all its threads, of whichever of them set it.
 *
 * Its place in the ring, and among the retained values, is reserved now, so that publishing it
 * needs no memory and can't be refused for lack of space; all wills together reserve at most a
 * quarter of the slots and of the byte area. A will is lost, and counted (&mq_info.wills_lost),
 * only if its topic belongs to another channel by then, or the channel is deleted first.
 *
 * Never waits for space. Errors: EINVAL, EMSGSIZE, ESTALE (not the owner of the topic), EDQUOT (a
 * quarter of the ring, the retained values' limits, or parameter max_wills_per_user), EMFILE
 * (parameter max_wills_per_publisher), ERANGE (parameter max_will_delay), EAGAIN (holders leave no
 * space to reserve; try again on EPOLLOUT), ENOMEM, EINTR. A will that was to be replaced stays
 * then.
 */
struct mq_will {
	__u32 flags;
	__u32 delay_ms;
	__u64 id;
	__u16 record_flags;
	__u16 topic_len;
	__u32 payload_len;
	__u32 metadata_len;
	__u32 reserved0;
	__u64 topic;
	__u64 payload;
	__u64 metadata;
	__u64 expiry_ns;
	__u64 reserved[2];
};

/* All wills of this publisher, not only &mq_will_clear.id. */
#define MQ_WILL_ALL		0x1
/* Publish them now instead of forgetting them. */
#define MQ_WILL_PUBLISH		0x2

/**
 * struct mq_will_clear - a goodbye
 * @flags: in: MQ_WILL_ALL, MQ_WILL_PUBLISH
 * @count: out: how many wills were cleared or published, without those lost
 * @id: in: which; with MQ_WILL_ALL: 0
 * @reserved: in: 0
 *
 * MQ_IOC_WILL_CLEAR on a publisher. Errors: EINVAL, ENOENT (no will of this id; with MQ_WILL_ALL
 * never), EINTR.
 */
struct mq_will_clear {
	__u32 flags;
	__u32 count;
	__u64 id;
	__u64 reserved[2];
};

/* ------------------------------------------------------------------------
 * Subscriptions
 *
 * read(2): whole records that match (struct mq_record), as many as fit, from the cursor on; the
 * cursor moves behind them. Each matching record goes to exactly one caller, however many share the
 * descriptor. EMSGSIZE: the next does not fit. EAGAIN: none there, with O_NONBLOCK. 0: the channel
 * was deleted and all was read. A gap is skipped and counted (&mq_status.passed).
 *
 * poll: EPOLLIN: a matching record at or above the cursor may be read (or was lost: see EPOLLPRI).
 * EPOLLPRI: records went by unread or the right to hold was lost, and neither read(2),
 * MQ_IOC_RECEIVE nor MQ_IOC_RESYNC has taken notice yet. EPOLLIN | EPOLLHUP: channel deleted.
 *
 * Who reads the mapped ring instead uses neither read(2) nor MQ_IOC_RECEIVE beside it, and does,
 * from @position P on, what linux/mq_ring.h says, one thread at a time:
 *
 *   map    ring (&mq_subscribe.ring_size; slots and bytes are where the header says), control and
 *          status page. 64-bit words are loaded and stored in one piece. A child of fork(2) has no
 *          mapping. Mappings stay good after a deletion.
 *   look   s = header.state, then h = header.head, each by load-acquire. P = h: nothing there, and
 *          nothing to come if s is MQ_CHANNEL_DEAD. &mq_status.verified above P (h at most): go on
 *          there.
 *   read   record P < h, R1 to R4. R2 checks topic_len > 0 and, in 64 bits, topic_len + payload_len
 *          + metadata_len <= header.max_record: then all of it lies in the mapping. It is wanted,
 *          and counts in "delivered" once, if mq_topic_match() says so for a filter that is in
 *          force at P: from its @sequence on, or reaching back. R1 or R4 fails: "lost".
 *   done   &mq_control.delivered, then &mq_control.cursor = P by store-release; the cursor never
 *          goes back. Now and then, and before "lost", "sleep" and a change of filters. Who holds:
 *          full barrier; header.space_wanted is not 0: MQ_IOC_KICK.
 *   lost   MQ_IOC_RESYNC; P = its position. (Who was evicted finds it in &mq_status.state; with a
 *          load-acquire of that, &mq_status.evicted_at is there.)
 *   sleep  no_wake = 0; full barrier; "look" again; nothing there: poll. Awake: no_wake = 1, if at
 *          all: while it is not 0, a record wakes no poll, read(2) or waiting command.
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
 * MQ_IOC_FILTER_ADD adds a filter, or sets the weight of one that is there. "Retained, then live,
 * once each": take retained values with a sequence below @sequence, then live records from
 * @sequence on. A filter reaches back only while the cursor is where the subscription started, by
 * MQ_START_OLDEST or MQ_START_SEQUENCE: then records from there to @sequence that match are
 * delivered too. MQ_IOC_FILTER_REMOVE removes it (weight 0). What it alone matched and was not read
 * yet is not delivered any more, and not missed either.
 *
 * Errors: EINVAL (not a filter), E2BIG (above MQ_FILTER_LEVELS_MAX levels), EMFILE (add: parameter
 * max_filters_per_subscription), ENFILE (add: parameters max_filters_per_channel and
 * max_filter_bytes), EDQUOT (add: parameter max_filters_per_user), ENOENT (remove), ENOMEM, EINTR.
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
 * @missed: out: how many of them matched: matched - delivered - still readable. An upper bound if
 *	filters of this subscription overlap (with more than 1024, some with a wildcard, that is
 *	taken for granted), if a topic had more than 128 candidate filters, or if publishes
 *	overtook the count again and again
 * @reserved: in: 0
 *
 * MQ_IOC_RESYNC when a reader finds &mq_ring_header.oldest above its cursor. Numbers are those of
 * this gap; the totals go to the status page too. 0 and 0 if the cursor is in the ring still, or if
 * nothing from it on matched: @position is the cursor then, or the head. Set &mq_control.cursor and
 * &mq_control.delivered first. Errors: EINVAL, EINTR.
 */
struct mq_resync {
	__u32 flags;
	__u32 reserved0;
	__u64 position;
	__u64 passed;
	__u64 missed;
	__u64 reserved[2];
};

/* The command waits until there is something to receive (io_uring only). */
#define MQ_RECEIVE_WAIT		0x1

/* Most commands that wait at one subscription. */
#define MQ_RECEIVE_WAIT_MAX	16

/**
 * struct mq_receive - take matching records
 * @flags: in: MQ_RECEIVE_WAIT
 * @buffer_size: in: room at @buffer; out: bytes used
 * @buffer: in: where to put records (struct mq_record)
 * @count: out: records put there
 * @reserved0: in: 0
 * @position: out: the cursor after the call
 * @passed: out: records of the channel that went by unread since the last call
 *	that told of a gap
 * @missed: out: those of them that matched
 * @reserved: in: 0
 *
 * MQ_IOC_RECEIVE on a subscription: read(2) with its results in a structure; it never waits for
 * records. As an io_uring command with MQ_RECEIVE_WAIT it completes when there is something (while
 * it waits &mq_control.wake_records counts) or the channel is deleted; it reads the structure again
 * then. From Linux 6.7 on it waits by itself, keeps the subscription open, and ends with ECANCELED
 * when its ring or task ends; IORING_OP_ASYNC_CANCEL does not find it. Before, it occupies a worker
 * thread of the ring meanwhile, and a cancellation ends it with EINTR or ECANCELED. MQ_RECEIVE_WAIT
 * in an ioctl is EINVAL.
 *
 * Errors: EINVAL, EAGAIN (nothing there), EMSGSIZE (the next record does not fit; @buffer_size then
 * says what it needs), ENODEV (deleted, and all was read), EBUSY (MQ_RECEIVE_WAIT_MAX commands wait
 * already), EINTR. EFAULT also says that the "out" fields could not be written: then the records
 * are taken all the same.
 */
struct mq_receive {
	__u32 flags;
	__u32 buffer_size;
	__u64 buffer;
	__u32 count;
	__u32 reserved0;
	__u64 position;
	__u64 passed;
	__u64 missed;
	__u64 reserved[2];
};

/**
 * struct mq_ack - give up records
 * @flags: in: 0
 * @reserved0: in: 0
 * @position: in: new cursor: done with all below; clamped like
 *	&mq_control.cursor; out: the cursor now
 *
 * MQ_IOC_ACK on a subscription: what storing &mq_control.cursor does, with MQ_IOC_KICK if a
 * publisher waits for space. Errors: EINVAL.
 */
struct mq_ack {
	__u32 flags;
	__u32 reserved0;
	__u64 position;
};

/**
 * struct mq_uring - command area of an IORING_OP_URING_CMD
 * @arg: the ioctl's argument
 * @reserved: 0, else EINVAL
 *
 * An SQE of 64 or 128 bytes: fd of a publisher or subscription (IOSQE_FIXED_FILE too), cmd_op =
 * MQ_IOC_PUBLISH, MQ_IOC_PUBLISH_BATCH, MQ_IOC_RECEIVE or MQ_IOC_ACK, uring_cmd_flags = 0 (else
 * EINVAL), this structure at cmd, byte 48. The argument, and what that points to, is read when the
 * command is issued and must stay until it completes. The completion's result is what the ioctl
 * would return; EOPNOTSUPP for a number that is not a command of this descriptor, and on a node.
 *
 * A publish does not wait for space here: EAGAIN, unless the ring hands the command to a worker
 * thread (IOSQE_ASYNC, or somebody else was using the descriptor) and there is no O_NONBLOCK: then
 * it waits as the ioctl does. Commands may overtake each other; IOSQE_IO_LINK keeps an order.
 * Waiting for space or records: IORING_OP_POLL_ADD, multishot too, or MQ_RECEIVE_WAIT.
 */
struct mq_uring {
	__u64 arg;
	__u64 reserved;
};

#define MQ_IOC_INFO		_IOWR(MQ_IOC_MAGIC, 0x00, struct mq_info)
#define MQ_IOC_SUBSCRIBE	_IOWR(MQ_IOC_MAGIC, 0x01, struct mq_subscribe)
#define MQ_IOC_PUBLISHER	_IOWR(MQ_IOC_MAGIC, 0x02, struct mq_publisher_new)
#define MQ_IOC_RETAINED		_IOWR(MQ_IOC_MAGIC, 0x03, struct mq_retained)
#define MQ_IOC_PUBLISHER_INFO	_IOWR(MQ_IOC_MAGIC, 0x04, struct mq_publisher_info)

#define MQ_IOC_PUBLISH		_IOWR(MQ_IOC_MAGIC, 0x20, struct mq_publish)
#define MQ_IOC_PUBLISH_BATCH	_IOWR(MQ_IOC_MAGIC, 0x21, struct mq_publish_batch)
#define MQ_IOC_WILL_SET		_IOWR(MQ_IOC_MAGIC, 0x22, struct mq_will)
#define MQ_IOC_WILL_CLEAR	_IOWR(MQ_IOC_MAGIC, 0x23, struct mq_will_clear)

#define MQ_IOC_FILTER_ADD	_IOWR(MQ_IOC_MAGIC, 0x40, struct mq_filter)
#define MQ_IOC_FILTER_REMOVE	_IOWR(MQ_IOC_MAGIC, 0x41, struct mq_filter)
#define MQ_IOC_RESYNC		_IOWR(MQ_IOC_MAGIC, 0x42, struct mq_resync)
/* Look for space now: a publisher may wait for the advanced cursor. No argument, no error. */
#define MQ_IOC_KICK		_IO(MQ_IOC_MAGIC, 0x43)
#define MQ_IOC_RECEIVE		_IOWR(MQ_IOC_MAGIC, 0x44, struct mq_receive)
#define MQ_IOC_ACK		_IOWR(MQ_IOC_MAGIC, 0x45, struct mq_ack)

#endif /* _UAPI_LINUX_MQ_H */
