/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: libmq, the library of mq
 *
 * Two levels:
 *
 *   bus       What most programs want: topics, whatever channel owns them.
 *             libmq_bus_open(), _publish(), _subscribe(), _next(), _wait().
 *   channel   One /dev/mq/NAME: libmq_channel, libmq_publisher and
 *             libmq_subscription map directly to the kernel's objects.
 *
 * and libmq_admin for administration (create, delete, events; needs
 * CAP_NET_ADMIN and CAP_SYS_ADMIN).
 *
 * Conventions. Functions return 0 (or a count) or a negative errno; nothing is
 * printed, errno is not used. An object is used by one thread at a time;
 * different objects are independent. Each object is closed by its _close(),
 * which takes NULL. Options structures begin with their size: use the
 * LIBMQ_OPTS() initialiser; NULL stands for all defaults. Lengths are in bytes,
 * text needs no terminator unless its type is a plain `const char *` without
 * a length. Times are CLOCK_REALTIME in ns unless said otherwise. All
 * descriptors are O_CLOEXEC. After fork() only the parent uses the objects.
 *
 * This header needs nothing but the C library.
 */
#ifndef LIBMQ_H
#define LIBMQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIBMQ_VERSION "0.1.0"
#define LIBMQ_NAME_MAX 63

/* Initialises an options structure and its size. */
#define LIBMQ_OPTS(type, ...) ((struct type){ .size = sizeof(struct type), __VA_ARGS__ })

/* Flags of a record. */
#define LIBMQ_RETAIN		0x0001	/* the retained value of its topic */
#define LIBMQ_WILL		0x0002	/* read only: the kernel published a will */
#define LIBMQ_EXPECT		0x0080	/* publish only: if libmq_message.expect holds */
/*
 * Bits that the kernel carries for applications. 0x0300 says which MQTT QoS
 * the publisher used: a record of a native or Redis publisher says nothing
 * (LIBMQ_QOS_UNSET) and goes out with what the MQTT subscriber was granted.
 */
#define LIBMQ_QOS_MASK		0x0300
#define LIBMQ_QOS_UNSET		0x0000
#define LIBMQ_QOS_0		0x0100
#define LIBMQ_QOS_1		0x0200
#define LIBMQ_QOS_2		0x0300
#define LIBMQ_USER_MASK		0xff00	/* all application bits */

/**
 * struct libmq_message - what to publish
 * @topic: topic
 * @payload: payload
 * @metadata: metadata: TLVs as libmq_tlv_put() writes them, or NULL
 * @topic_len: bytes of topic
 * @payload_len: bytes of payload
 * @metadata_len: bytes of metadata
 * @flags: LIBMQ_RETAIN | LIBMQ_EXPECT | application bits
 * @expect: with LIBMQ_EXPECT: the sequence of the topic's retained value as the
 *	caller knows it, 0: there is none. If that does not hold, the message is
 *	refused with -ESTALE. Without LIBMQ_EXPECT: 0
 * @expiry_ns: with LIBMQ_RETAIN: the retained value goes away that many ns after
 *	it was set; 0: it stays. Without it: 0
 */
struct libmq_message {
	const char *topic;
	const void *payload;
	const void *metadata;
	uint16_t topic_len;
	uint16_t flags;
	uint32_t payload_len;
	uint32_t metadata_len;
	uint64_t expect;
	uint64_t expiry_ns;
};

/* libmq_result.sequence of an -ESTALE that is not about an expectation. */
#define LIBMQ_NO_OWNER UINT64_MAX

/**
 * struct libmq_result - what became of a message
 * @result: 0, or a negative errno: -EAGAIN no space (wait for
 *	LIBMQ_WAIT_SPACE), -ETIMEDOUT no space in time, -EINTR a signal came
 *	while it waited for space, -ESTALE no channel (or another) owns the topic,
 *	or libmq_message.expect does not hold,
 *	-EMSGSIZE, -EINVAL not a topic, or fields that do not go together,
 *	-EDQUOT retained values are at their
 *	limit, -EACCES the owning channel's node is not open to this user,
 *	-ENODEV channel deleted, -ECANCELED another message of the same atomic
 *	batch was refused
 * @receivers: sum of the weights of all filters that matched
 * @sequence: sequence in its channel; of an -ESTALE: the sequence of the
 *	retained value that is there, 0: none, or LIBMQ_NO_OWNER
 * @time: CLOCK_REALTIME in ns
 */
struct libmq_result {
	int result;
	uint32_t receivers;
	uint64_t sequence;
	uint64_t time;
};

struct libmq_channel;
struct libmq_publisher;
struct libmq_subscription;
struct libmq_bus;
struct libmq_admin;

/**
 * struct libmq_record - a record that was read
 * @topic: topic, not terminated
 * @payload: payload
 * @metadata: metadata
 * @topic_len: bytes of topic
 * @flags: LIBMQ_RETAIN | LIBMQ_WILL | application bits
 * @payload_len: bytes of payload
 * @metadata_len: bytes of metadata
 * @sequence: sequence in its channel
 * @time: when it was published
 * @publisher: id of its publisher
 * @channel: the channel it is from; valid while that is open
 *
 * The pointers lead into the mapped ring, or, from a subscription that does
 * not hold or may be evicted, into a validated copy. They are good until the next call of a
 * _next(), _prepare_sleep(), _wait(), _remove() or _unsubscribe() on the same
 * subscription or bus; publishing leaves them as they are.
 */
struct libmq_record {
	const char *topic;
	const void *payload;
	const void *metadata;
	uint16_t topic_len;
	uint16_t flags;
	uint32_t payload_len;
	uint32_t metadata_len;
	uint64_t sequence;
	uint64_t time;
	uint64_t publisher;
	const struct libmq_channel *channel;
};

/**
 * struct libmq_gap - records that were lost to a reader
 * @channel: of this channel
 * @passed: records of the channel that went by; exact
 * @missed: those that matched, 1 or more
 * @at_most: @missed is an upper bound
 * @evicted: the subscription held the ring for too long (evict-after) and has
 *	lost the right to: it is lossy now
 *
 * Records that went by unread and that no filter matched are no loss and are
 * not told here; the statistics of the subscription count them.
 */
struct libmq_gap {
	const struct libmq_channel *channel;
	uint64_t passed;
	uint64_t missed;
	bool at_most;
	bool evicted;
};

/* What the _next() calls return. */
enum libmq_next {
	LIBMQ_NONE = 0,		/* nothing to read now */
	LIBMQ_RECORD = 1,	/* *record is filled */
	LIBMQ_LAGGED = 2,	/* *gap is filled; go on reading */
	LIBMQ_ENDED = 3,	/* subscription: channel deleted, all read */
};

/* Version of the library in use (LIBMQ_VERSION: of the header). */
const char *libmq_version(void);

/*
 * A number among the parameters of the loaded module, for anybody. Errors: -ENOENT
 * (no module, or none of that name), -EPROTO (not a number).
 */
int libmq_module_parameter(const char *name, uint64_t *value);

/**
 * libmq_strerror() - what a failure means and what to do about it
 * @error: negative errno that a function of this library returned
 * @buffer: where to put one sentence, NUL-terminated
 * @size: room there
 * @what: name of the channel, topic or file concerned, or NULL
 *
 * Return: @buffer.
 */
const char *libmq_strerror(int error, char *buffer, size_t size, const char *what);

/* ---- topics ---------------------------------------------------------- */

bool libmq_topic_valid(const char *topic, size_t len);
bool libmq_filter_valid(const char *filter, size_t len);
bool libmq_topic_match(const char *filter, size_t filter_len,
		       const char *topic, size_t topic_len);
/* Whether some topic could match both filters. */
bool libmq_filter_overlap(const char *a, size_t a_len, const char *b, size_t b_len);

/* ---- metadata -------------------------------------------------------- */

/*
 * Metadata is a row of TLVs: type (1 byte), length (varint of 1..3 bytes, 7
 * bits each, low first), value. Types below; readers skip what they do not
 * know. The values of the MQTT types are MQTT 5.0's wire form without the
 * property identifier.
 */
enum libmq_tlv {
	LIBMQ_TLV_CONTENT_TYPE		= 0x03,	/* UTF-8 */
	LIBMQ_TLV_RESPONSE_TOPIC	= 0x08,	/* topic */
	LIBMQ_TLV_CORRELATION		= 0x09,	/* bytes */
	LIBMQ_TLV_EXPIRY		= 0x02,	/* u32 BE: s, from record time */
	LIBMQ_TLV_PAYLOAD_FORMAT	= 0x01,	/* 1 byte */
	LIBMQ_TLV_USER_PROPERTY		= 0x26,	/* u16 BE len, name, value */
	LIBMQ_TLV_MQTT_CLIENT		= 0x80,	/* id of publishing client */
};

/* Appends a TLV at *used; -ENOSPC when it does not fit in size. */
int libmq_tlv_put(void *buffer, size_t size, size_t *used, uint8_t type,
		  const void *value, uint32_t len);
/*
 * Takes the TLV at *offset and moves *offset behind it. 1: taken; 0: at the
 * end; -EBADMSG: not TLVs.
 */
int libmq_tlv_next(const void *metadata, uint32_t metadata_len, uint32_t *offset,
		   uint8_t *type, const void **value, uint32_t *len);

/* ---- wills ----------------------------------------------------------- */

/**
 * struct libmq_will_opts - options of libmq_publisher_will_set() and of the bus
 * @size: set by LIBMQ_OPTS()
 * @delay_ms: how long after the end it is published; -ERANGE: longer than parameter
 *	max_will_delay of the module
 * @on_exit: the end of this process is enough, even if another one has inherited
 *	the descriptor (fork) and lives on
 */
struct libmq_will_opts {
	size_t size;
	uint32_t delay_ms;
	bool on_exit;
};

/* ---- bus ------------------------------------------------------------- */

/**
 * struct libmq_bus_opts - options of libmq_bus_open()
 * @size: set by LIBMQ_OPTS()
 * @hold: hold the ring of channels that reject or block (where that is
 *	permitted),
 *	so that nothing is lost as long as this program reads
 * @directory: where the nodes are; NULL: /dev/mq
 */
struct libmq_bus_opts {
	size_t size;
	bool hold;
	const char *directory;
};

/**
 * libmq_bus_open() - open the bus: all channels this user may open
 * @bus: out
 * @opts: or NULL
 *
 * Channels that appear or go later are noticed (inotify). No channel at all,
 * or no /dev/mq, is not an error.
 *
 * Return: 0, -ENOMEM, -EMFILE, -ENFILE.
 */
int libmq_bus_open(struct libmq_bus **bus, const struct libmq_bus_opts *opts);
void libmq_bus_close(struct libmq_bus *bus);

/* How many channels are open now (0: module not loaded, none, or no access). */
unsigned int libmq_bus_channels(const struct libmq_bus *bus);

/**
 * libmq_bus_publish() - publish messages to the channels that own their topics
 * @bus: bus
 * @messages: @count messages
 * @results: @count results; each is set
 * @count: how many
 *
 * Neighbours of one channel go in one call to the kernel; their order is kept.
 * Does not block. When a message gets -EAGAIN, those behind it of the same
 * channel get -EAGAIN too, untried: publish them again in the same order after
 * libmq_bus_wait(LIBMQ_WAIT_SPACE). A topic whose owner changed is looked up
 * again, once.
 *
 * Return: number of messages whose result is 0.
 */
int libmq_bus_publish(struct libmq_bus *bus, const struct libmq_message *messages,
		      struct libmq_result *results, unsigned int count);

/**
 * libmq_bus_publish_atomic() - publish all messages or none
 * @bus: bus
 * @messages: @count messages, on topics that one channel owns
 * @results: @count results; each is set
 * @count: how many; at most 64, with 64 KiB in all
 *
 * What their expectations are compared with is the state before the batch. Does
 * not block. Return: 0: all are published; else none is, each message that was
 * refused has its result, the others have -ECANCELED, and this is the first
 * result that is not -ECANCELED: those of struct libmq_result, -EXDEV (the topic
 * belongs to another channel than the first one's), -E2BIG, -EINVAL.
 */
int libmq_bus_publish_atomic(struct libmq_bus *bus, const struct libmq_message *messages,
			     struct libmq_result *results, unsigned int count);

/**
 * libmq_bus_will_set() - what is to be published when this program goes away
 * @bus: bus
 * @id: which will of this bus; one that has this id is replaced
 * @message: topic, payload, metadata, flags without LIBMQ_EXPECT, expiry
 * @opts: or NULL
 *
 * The kernel publishes it when the program ends, however it does, or closes the
 * bus: who ends well says goodbye with libmq_bus_wills_clear() before. It stays
 * with the channel that owns the topic now: if that is deleted, or the topic has
 * another owner by then, it is lost (and counted by the channel).
 *
 * Return: 0, or, a will to be replaced stays then: -EDQUOT (a quarter of the
 * ring, retained values, or wills of this user are at their limit), -EMFILE (of
 * this publisher), -EAGAIN (no space to set aside; wait for LIBMQ_WAIT_SPACE),
 * -ESTALE, -EACCES, -EMSGSIZE, -EINVAL, -ENOMEM; or of opening a publisher:
 * -EUSERS, -EDQUOT, -EMFILE, -ENFILE.
 */
int libmq_bus_will_set(struct libmq_bus *bus, uint64_t id, const struct libmq_message *message,
		       const struct libmq_will_opts *opts);
/* Forgets a will. -ENOENT: there is none of this id, or its channel is gone. */
int libmq_bus_will_clear(struct libmq_bus *bus, uint64_t id);
/* Publishes it now. -ENOENT likewise; -ESTALE: it is lost, see there. */
int libmq_bus_will_publish(struct libmq_bus *bus, uint64_t id);
/* The same for all wills of this bus. Return: how many. */
int libmq_bus_wills_clear(struct libmq_bus *bus);
int libmq_bus_wills_publish(struct libmq_bus *bus);

/**
 * libmq_bus_subscribe() - add a filter, or change its weight
 * @bus: bus
 * @filter: topic filter
 * @len: its length
 * @weight: clients behind it, what it adds to libmq_result.receivers
 *
 * The filter is put on every channel, now or in future, whose claims can meet
 * it. A channel that appears later is joined from its oldest record. On
 * failure the filter is nowhere. Return: 0, -EINVAL (not a filter), -E2BIG,
 * -EMFILE, -ENFILE, -EUSERS, -ENOMEM.
 */
int libmq_bus_subscribe(struct libmq_bus *bus, const char *filter, size_t len,
			uint32_t weight);
/* -ENOENT: no such filter. */
int libmq_bus_unsubscribe(struct libmq_bus *bus, const char *filter, size_t len);

/**
 * typedef libmq_retained_fn - takes one retained value
 * @arg: as given
 * @record: good until the function returns; libmq_record.channel is set
 *
 * Return: 0 to go on, else the listing ends and returns this.
 */
typedef int (*libmq_retained_fn)(void *arg, const struct libmq_record *record);

/**
 * libmq_bus_retained() - the retained values a new subscriber gets
 * @bus: bus
 * @filter: topic filter that was given to libmq_bus_subscribe() before
 * @len: its length
 * @take: called for each value; NULL: none is listed, only the mark is made
 *	(a subscriber who does not want retained values). It may publish, but
 *	not subscribe, read or wait on the bus
 * @arg: for @take
 *
 * "Retained, then live, once each": for each channel it fixes a sequence E,
 * the channel's head at the time of this call, and lists the values with a
 * sequence below E. The same subscriber then skips live records with a
 * sequence below libmq_bus_mark() of their channel, taken right after this
 * call: records that this bus has yet to read but that were published before.
 *
 * Return: 0, what @take returned, or a negative errno.
 */
int libmq_bus_retained(struct libmq_bus *bus, const char *filter, size_t len,
		       libmq_retained_fn take, void *arg);

/**
 * libmq_bus_mark() - a number that orders subscribing against reading
 * @bus: bus
 *
 * One bus serves many subscribers (the clients of a daemon) that come at
 * different times, and reads behind what is published. A subscriber therefore
 * keeps, for each of its filters, the mark made when that was added:
 *
 *	libmq_bus_subscribe(filter)	once, or again with a new weight
 *	libmq_bus_retained(filter)	makes a mark; lists, or with @take NULL not
 *	mark = libmq_bus_mark()		keep it with (subscriber, filter)
 *
 * and, for each record, takes it if one of its filters matches for which
 * libmq_bus_record_before(bus, record, mark) is false. What that tells is
 * whether the record was published before the mark was made: then the
 * subscriber has had its topic's retained value, or was not there yet.
 * Only for the record that libmq_bus_next() returned last.
 * Return: the present mark.
 */
uint64_t libmq_bus_mark(const struct libmq_bus *bus);
bool libmq_bus_record_before(const struct libmq_bus *bus,
			     const struct libmq_record *record, uint64_t mark);

/**
 * libmq_bus_next() - the next record of any channel
 * @bus: bus
 * @record: filled if LIBMQ_RECORD is returned
 * @gap: filled if LIBMQ_LAGGED is returned
 *
 * Channels take turns; within one the order is that of sequence. Never blocks.
 * A negative errno is told once (a channel that appeared could not be opened or
 * subscribed, a record was malformed): go on reading. What lacked descriptors or
 * memory is tried again before each sleep.
 * Return: LIBMQ_NONE, LIBMQ_RECORD, LIBMQ_LAGGED or a negative errno.
 */
int libmq_bus_next(struct libmq_bus *bus, struct libmq_record *record,
		   struct libmq_gap *gap);

/* A pollable descriptor: readable when libmq_bus_next() may have something. */
int libmq_bus_fd(const struct libmq_bus *bus);

/*
 * Tells the kernel that this program is about to sleep on libmq_bus_fd(); also
 * looks for channels that came or went. Return: true if there is something to
 * read after all: don't sleep. libmq_bus_next() tells that it is awake again:
 * whoever sleeps on libmq_bus_fd() by itself must call this each time before.
 */
bool libmq_bus_prepare_sleep(struct libmq_bus *bus);

#define LIBMQ_WAIT_RECORD	0x1	/* something to read */
#define LIBMQ_WAIT_SPACE	0x2	/* space in a channel that gave -EAGAIN */

/*
 * Waits for any of the events, at most timeout_ms (-1: for ever). Return: the
 * events that came, 0: time-out, -EINTR, or another negative errno.
 */
int libmq_bus_wait(struct libmq_bus *bus, unsigned int events, int timeout_ms);

/*
 * A pollable descriptor that becomes readable when a channel that gave -EAGAIN
 * to libmq_bus_publish() has space again (or was deleted). Level-triggered; it
 * is quiet again when a message was published there, or after
 * libmq_bus_wait(bus, LIBMQ_WAIT_SPACE, 0): who has nothing left to publish
 * calls that, who has tries again.
 */
int libmq_bus_space_fd(const struct libmq_bus *bus);

/* ---- one channel ----------------------------------------------------- */

enum libmq_overflow {
	LIBMQ_DROP_OLDEST = 0,
	LIBMQ_REJECT = 1,
	LIBMQ_BLOCK = 2,
};

/* Who may hold a channel: see enum mq_hold. 0 stands for "not said". */
enum libmq_hold {
	LIBMQ_HOLD_WRITERS = 1,
	LIBMQ_HOLD_READERS = 2,
};

/* What a refusal ran into: see enum mq_limit. */
enum libmq_limit {
	LIBMQ_LIMIT_SUBSCRIPTIONS = 0,
	LIBMQ_LIMIT_PUBLISHERS,
	LIBMQ_LIMIT_FILTERS,
	LIBMQ_LIMIT_WILLS,
	LIBMQ_LIMIT_RETAINED,
	LIBMQ_LIMIT_USER,
	LIBMQ_LIMIT_MEMLOCK,
	LIBMQ_LIMITS,			/* of a channel; the others are the module's */
	LIBMQ_LIMIT_CHANNELS = 16,
	LIBMQ_LIMIT_BYTES,
	LIBMQ_LIMIT_SLOTS,
};

/* One word; "unknown" for numbers of newer kernels. */
const char *libmq_limit_name(enum libmq_limit limit);

/**
 * struct libmq_channel_info - what a channel is and where it stands
 *
 * The fields are those of struct mq_info in linux/mq.h; @claims points to
 * @claims_count filters, terminated, the channel's own name first, and is freed
 * with the info.
 */
struct libmq_channel_info {
	char name[LIBMQ_NAME_MAX + 1];
	uint64_t id, generation, first, oldest, head, bytes;
	uint32_t slots, max_record, overflow;
	bool dead;
	uint32_t subscriptions, publishers, retained, retained_max;
	uint64_t retained_bytes, retained_bytes_max;
	uint64_t published, refused, overwritten, node_passed;
	uint32_t evict_after;		/* ms; 0: never */
	enum libmq_hold hold;
	uint64_t evicted;
	uint64_t wills, wills_lost, expired;
	uint64_t refusals[8];		/* by enum libmq_limit */
	unsigned int claims_count;
	char **claims;
};

#define LIBMQ_OPEN_READ		0x1
#define LIBMQ_OPEN_WRITE	0x2

/*
 * Opens the node DIRECTORY/NAME (directory NULL: /dev/mq). Errors: -ENOENT,
 * -EACCES, -ENXIO (stale node), -ENAMETOOLONG, -ENOTTY (not a channel).
 */
int libmq_channel_open(struct libmq_channel **channel, const char *directory,
		       const char *name, unsigned int flags);
void libmq_channel_close(struct libmq_channel *channel);
const char *libmq_channel_name(const struct libmq_channel *channel);
int libmq_channel_fd(const struct libmq_channel *channel);
int libmq_channel_info(const struct libmq_channel *channel,
		       struct libmq_channel_info *info);
void libmq_channel_info_free(struct libmq_channel_info *info);
/* Retained values with after < sequence < before (0: no bound). */
int libmq_channel_retained(const struct libmq_channel *channel, const char *filter,
			   size_t len, uint64_t after, uint64_t before,
			   libmq_retained_fn take, void *arg);

/**
 * struct libmq_publisher_opts - options of libmq_publisher_open_opts()
 * @size: set by LIBMQ_OPTS()
 * @wait: on a channel that blocks, publishes wait for space; else: -EAGAIN
 * @timeout_ms: that long for each message, then -ETIMEDOUT; 0: no limit
 */
struct libmq_publisher_opts {
	size_t size;
	bool wait;
	uint32_t timeout_ms;
};

int libmq_publisher_open(struct libmq_publisher **publisher,
			 const struct libmq_channel *channel);
int libmq_publisher_open_opts(struct libmq_publisher **publisher,
			      const struct libmq_channel *channel,
			      const struct libmq_publisher_opts *opts);
/* Publishes its wills, too. */
void libmq_publisher_close(struct libmq_publisher *publisher);
uint64_t libmq_publisher_id(const struct libmq_publisher *publisher);
int libmq_publisher_fd(const struct libmq_publisher *publisher);
/*
 * Publishes in order; returns how many messages have their result (the rest
 * was not tried, see MQ_IOC_PUBLISH_BATCH) or a negative errno.
 */
int libmq_publisher_publish(struct libmq_publisher *publisher,
			    const struct libmq_message *messages,
			    struct libmq_result *results, unsigned int count);

/* As libmq_bus_publish_atomic(); waits for space if the publisher does. */
int libmq_publisher_publish_atomic(struct libmq_publisher *publisher,
				   const struct libmq_message *messages,
				   struct libmq_result *results, unsigned int count);

/* Wills of this publisher, as those of the bus above. */
int libmq_publisher_will_set(struct libmq_publisher *publisher, uint64_t id,
			     const struct libmq_message *message,
			     const struct libmq_will_opts *opts);
int libmq_publisher_will_clear(struct libmq_publisher *publisher, uint64_t id);
int libmq_publisher_will_publish(struct libmq_publisher *publisher, uint64_t id);
int libmq_publisher_wills_clear(struct libmq_publisher *publisher);
int libmq_publisher_wills_publish(struct libmq_publisher *publisher);

enum libmq_start {
	LIBMQ_START_LATEST = 0,
	LIBMQ_START_OLDEST = 1,
	LIBMQ_START_SEQUENCE = 2,
};

/**
 * struct libmq_subscription_opts - options of libmq_subscription_open()
 * @size: set by LIBMQ_OPTS()
 * @start: where to start
 * @sequence: for LIBMQ_START_SEQUENCE
 * @hold: hold the ring (see MQ_SUBSCRIBE_HOLD)
 * @spin: never ask for wake-ups: the caller polls _next()
 */
struct libmq_subscription_opts {
	size_t size;
	enum libmq_start start;
	uint64_t sequence;
	bool hold;
	bool spin;
};

int libmq_subscription_open(struct libmq_subscription **subscription,
			    const struct libmq_channel *channel,
			    const struct libmq_subscription_opts *opts);
void libmq_subscription_close(struct libmq_subscription *subscription);
/*
 * Adds a filter or changes its weight. *sequence (may be NULL): from where on it
 * is in force. Records before that are read too if the subscription did not
 * start at the latest and was not read yet. -E2BIG, -EMFILE, -ENFILE.
 */
int libmq_subscription_add(struct libmq_subscription *subscription,
			   const char *filter, size_t len, uint32_t weight,
			   uint64_t *sequence);
int libmq_subscription_remove(struct libmq_subscription *subscription,
			      const char *filter, size_t len);
/*
 * As libmq_bus_next(), and LIBMQ_ENDED. The record is in place in the ring for
 * a holding subscription; the cursor moves on with the next call.
 */
int libmq_subscription_next(struct libmq_subscription *subscription,
			    struct libmq_record *record, struct libmq_gap *gap);
int libmq_subscription_fd(const struct libmq_subscription *subscription);
bool libmq_subscription_prepare_sleep(struct libmq_subscription *subscription);
/* Waits for a record: 1, 0: time-out, -EINTR, -ENODEV: ended. */
int libmq_subscription_wait(struct libmq_subscription *subscription, int timeout_ms);

/* ---- administration -------------------------------------------------- */

/**
 * struct libmq_channel_opts - of libmq_admin_create() and _set()
 *
 * A 0 or NULL stands for the default (create) or "as it is" (set).
 * See enum mq_attr in linux/mq.h for units, ranges and defaults.
 */
struct libmq_channel_opts {
	size_t size;
	uint32_t slots;
	uint64_t bytes;
	uint32_t max_record;
	enum libmq_overflow overflow;
	uint32_t uid, gid;
	uint32_t mode;			/* 0: 0600 */
	uint64_t first;
	uint32_t retained_max;
	uint64_t retained_bytes_max;
	const char *const *claims;	/* @claims_count of them */
	unsigned int claims_count;
	bool claims_none;		/* set: remove all claims */
	uint32_t evict_after;		/* ms */
	bool evict_never;		/* set: @evict_after is 0 from now on */
	enum libmq_hold hold;
};

/*
 * -ENOENT: the module is not loaded. The calls below return what linux/mq.h says
 * of their commands, and -EPERM. Callbacks are called when the whole list is
 * there, so they may call again; a list that changes faster than it can be
 * read: -EAGAIN.
 */
int libmq_admin_open(struct libmq_admin **admin);
void libmq_admin_close(struct libmq_admin *admin);
/* What the kernel said about the last failure, or "". */
const char *libmq_admin_message(const struct libmq_admin *admin);
int libmq_admin_create(struct libmq_admin *admin, const char *name,
		       const struct libmq_channel_opts *opts);
int libmq_admin_delete(struct libmq_admin *admin, const char *name);
int libmq_admin_set(struct libmq_admin *admin, const char *name,
		    const struct libmq_channel_opts *opts);
int libmq_admin_purge(struct libmq_admin *admin, const char *name);

/**
 * struct libmq_channel_stats - a channel as the administrator sees it
 * @info: as libmq_channel_info()
 * @uid: owner of the node at creation
 * @gid: group
 * @mode: mode
 * @minor: minor number
 * @memory: bytes it holds of the module's max_bytes
 */
struct libmq_channel_stats {
	struct libmq_channel_info info;
	uint32_t uid, gid, mode, minor;
	uint64_t memory;
};

/**
 * struct libmq_subscription_stats - one subscription
 *
 * See the attributes of these names in enum mq_attr of linux/mq.h.
 */
struct libmq_subscription_stats {
	char channel[LIBMQ_NAME_MAX + 1];
	uint64_t id;
	uint32_t pid;
	bool holding, dead;
	uint32_t filters;
	uint64_t position, verified, lag, passed, missed, missed_at_most, delivered, wakes;
	uint64_t evicted_at;		/* 0: never */
};

typedef int (*libmq_channel_fn)(void *arg, const struct libmq_channel_stats *stats);
typedef int (*libmq_subscription_fn)(void *arg, const struct libmq_subscription_stats *stats);

/* name NULL: all channels. */
int libmq_admin_channels(struct libmq_admin *admin, const char *name,
			 libmq_channel_fn take, void *arg);
int libmq_admin_subscriptions(struct libmq_admin *admin, const char *name,
			      libmq_subscription_fn take, void *arg);

enum libmq_event_type {
	LIBMQ_EVENT_CREATED = 1,
	LIBMQ_EVENT_DELETED,
	LIBMQ_EVENT_CHANGED,
	LIBMQ_EVENT_PURGED,
	LIBMQ_EVENT_SUBSCRIBED,
	LIBMQ_EVENT_UNSUBSCRIBED,
	LIBMQ_EVENT_PUBLISHER_OPENED,
	LIBMQ_EVENT_PUBLISHER_CLOSED,
	LIBMQ_EVENT_LAGGED,
	LIBMQ_EVENT_FULL,
	LIBMQ_EVENT_SPACE,
	LIBMQ_EVENT_EVICTED,
	LIBMQ_EVENT_WILL,
	LIBMQ_EVENT_REFUSED,
};

/**
 * struct libmq_event - something happened
 * @type: what; unknown numbers may come from newer kernels
 * @channel: name
 * @channel_id: identity of the channel; 0: REFUSED, and it was not created
 * @time: when
 * @id: of the subscription or publisher, or 0
 * @pid: its process, or that of who was refused, or 0
 * @passed: LAGGED
 * @missed: LAGGED
 * @sequence: EVICTED: the first record it held; WILL: of the record, 0: the will
 *	was lost
 * @uid: REFUSED: user of the process
 * @limit: REFUSED: what it ran into
 * @suppressed: (UN)SUBSCRIBED, PUBLISHER_OPENED and CLOSED, LAGGED: how many of this
 *	type were left out since the last one that came: one user caused more than
 *	100 of them in a second
 */
struct libmq_event {
	enum libmq_event_type type;
	char channel[LIBMQ_NAME_MAX + 1];
	uint64_t channel_id;
	uint64_t time;
	uint64_t id;
	uint32_t pid;
	uint64_t passed, missed;
	uint64_t sequence;
	uint32_t uid;
	enum libmq_limit limit;
	uint64_t suppressed;
};

const char *libmq_event_name(enum libmq_event_type type);
/*
 * Joins the events; libmq_admin_fd() is then readable when one is there (it is
 * -EBADF before).
 */
int libmq_admin_listen(struct libmq_admin *admin);
int libmq_admin_fd(const struct libmq_admin *admin);
/* 1: *event is filled; 0: none now; -ENOBUFS: events were lost; go on. */
int libmq_admin_event(struct libmq_admin *admin, struct libmq_event *event);

#ifdef __cplusplus
}
#endif

#endif /* LIBMQ_H */
