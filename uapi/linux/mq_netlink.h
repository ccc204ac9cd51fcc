/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * DOC: Administration
 *
 * Generic netlink family MQ_GENL_NAME, initial network namespace, CAP_NET_ADMIN
 * and CAP_SYS_ADMIN (EPERM). Refusals carry a text (NLMSGERR_ATTR_MSG).
 */
#ifndef _UAPI_LINUX_MQ_NETLINK_H
#define _UAPI_LINUX_MQ_NETLINK_H

#define MQ_GENL_NAME		"mq"
#define MQ_GENL_VERSION		1
/* Multicast group of events; CAP_NET_ADMIN to join. */
#define MQ_GENL_EVENTS		"events"

/**
 * enum mq_cmd - netlink commands
 * @MQ_CMD_CHANNEL_CREATE: MQ_A_NAME; optional MQ_A_SLOTS, MQ_A_BYTES,
 *	MQ_A_MAX_RECORD, MQ_A_OVERFLOW, MQ_A_UID, MQ_A_GID, MQ_A_MODE, MQ_A_CLAIM
 *	(repeated), MQ_A_FIRST, MQ_A_RETAINED_MAX, MQ_A_RETAINED_BYTES_MAX,
 *	MQ_A_EVICT_AFTER, MQ_A_HOLD.
 *	Errors: EINVAL (a value that cannot be), ENAMETOOLONG, EEXIST (name or
 *	claim taken), ERANGE (above a module parameter), ENFILE (parameter
 *	max_channels), EDQUOT (parameter max_bytes), E2BIG (more than
 *	MQ_CLAIMS_MAX claims), ENOMEM
 * @MQ_CMD_CHANNEL_DELETE: MQ_A_NAME. Errors: ENOENT
 * @MQ_CMD_CHANNEL_GET: MQ_A_NAME, or as a dump: all. Errors: ENOENT
 * @MQ_CMD_CHANNEL_SET: MQ_A_NAME and what to change live: MQ_A_CLAIM (the
 *	whole list anew, or MQ_A_CLAIMS_NONE), MQ_A_RETAINED_MAX,
 *	MQ_A_RETAINED_BYTES_MAX, MQ_A_EVICT_AFTER, MQ_A_HOLD (for subscriptions
 *	made from now on). Errors: ENOENT, EEXIST, E2BIG, EINVAL,
 *	EOPNOTSUPP (what cannot change in a live channel), ENOMEM
 * @MQ_CMD_CHANNEL_PURGE: MQ_A_NAME: drops and zeroes all records and retained
 *	values (not wills, and not what publishers' staging buffers still hold).
 *	Errors: ENOENT
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

/* Longest time after which holders are evicted, in milliseconds. */
#define MQ_EVICT_AFTER_MAX	3600000

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
 * @MQ_A_UID: u32, owner of the node in the initial user namespace (0). In answers
 *	this and the next two are those of the creation: chmod(2) and chown(2) of the
 *	node do not show
 * @MQ_A_GID: u32, group of the node (0)
 * @MQ_A_MODE: u32, permission bits of the node (0600), 0..0777
 * @MQ_A_CLAIM: a topic filter, 1..255 bytes without a NUL; repeated
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
 * @MQ_A_EVICT_AFTER: u32, milliseconds, 0: never (0); at most MQ_EVICT_AFTER_MAX;
 *	not with MQ_OVERFLOW_DROP_OLDEST
 * @MQ_A_HOLD: u32, enum mq_hold (MQ_HOLD_WRITERS); MQ_HOLD_READERS not with
 *	MQ_OVERFLOW_DROP_OLDEST
 * @MQ_A_EVICTED: u64, subscriptions of the channel that lost the right to hold
 * @MQ_A_EVICTED_AT: u64, of a subscription: see &mq_status.evicted_at
 * @MQ_A_WILLS: u64
 * @MQ_A_WILLS_LOST: u64
 * @MQ_A_EXPIRED: u64, retained values that expired
 * @MQ_A_REFUSALS: u64[MQ_LIMITS], bytes: how often each limit refused something
 * @MQ_A_LIMIT: u32, enum mq_limit
 * @MQ_A_SEQUENCE: u64
 * @MQ_A_SUPPRESSED: u64, events of this kind that were left out since the last one
 *	that was sent (see MQ_EVENTS_PER_SECOND); only there if it is not 0
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
	MQ_A_EVICT_AFTER,
	MQ_A_HOLD,
	MQ_A_EVICTED,
	MQ_A_EVICTED_AT,
	MQ_A_WILLS,
	MQ_A_WILLS_LOST,
	MQ_A_EXPIRED,
	MQ_A_REFUSALS,
	MQ_A_LIMIT,
	MQ_A_SEQUENCE,
	MQ_A_SUPPRESSED,
	__MQ_A_MAX,
	MQ_A_MAX = __MQ_A_MAX - 1,
};

/**
 * enum mq_limit - what a refusal ran into, see &mq_info.refusals
 * @MQ_LIMIT_SUBSCRIPTIONS: parameter max_subscriptions; EUSERS
 * @MQ_LIMIT_PUBLISHERS: parameter max_publishers; EUSERS
 * @MQ_LIMIT_FILTERS: parameters max_filters_per_subscription (EMFILE), max_filters_per_channel,
 *	max_filter_bytes (ENFILE)
 * @MQ_LIMIT_WILLS: parameters max_wills_per_publisher (EMFILE), max_will_delay (ERANGE), a quarter
 *	of the ring (EDQUOT)
 * @MQ_LIMIT_RETAINED: MQ_A_RETAINED_MAX, MQ_A_RETAINED_BYTES_MAX; EDQUOT
 * @MQ_LIMIT_USER: parameters max_subscriptions_per_user, max_publishers_per_user,
 *	max_filters_per_user, max_wills_per_user; EDQUOT
 * @MQ_LIMIT_MEMLOCK: RLIMIT_MEMLOCK of the caller; ENOBUFS
 * @MQ_LIMITS: how many limits of a channel there are
 * @MQ_LIMIT_CHANNELS: parameter max_channels; ENFILE
 * @MQ_LIMIT_BYTES: parameter max_bytes; EDQUOT
 * @MQ_LIMIT_SLOTS: parameter max_slots; ERANGE
 * @MQ_LIMITS_END: one above the highest
 *
 * Limits per user count by the real user id of who made the descriptor, over all channels;
 * CAP_SYS_RESOURCE is exempt. User ids that somebody has been given for user namespaces (subuid(5))
 * are users of their own: a node is safe from them if only its owner and group may open it.
 * RLIMIT_MEMLOCK counts the two pages of each subscription with what else the user has locked;
 * CAP_IPC_LOCK is exempt.
 *
 * Those from MQ_LIMIT_CHANNELS on refuse the creation of a channel: they are counted for the whole
 * module, in its read-only parameters refused_channels, refused_bytes and refused_slots.
 *
 * Numbers of this file that bound one call or one descriptor (MQ_BATCH_MAX, MQ_FILTER_LEVELS_MAX,
 * MQ_RECEIVE_WAIT_MAX and the like) are no such limits: who runs into one asked for too much by
 * itself, whatever others do. Its errno says so; nothing is counted or told.
 */
enum mq_limit {
	MQ_LIMIT_SUBSCRIPTIONS,
	MQ_LIMIT_PUBLISHERS,
	MQ_LIMIT_FILTERS,
	MQ_LIMIT_WILLS,
	MQ_LIMIT_RETAINED,
	MQ_LIMIT_USER,
	MQ_LIMIT_MEMLOCK,
	MQ_LIMITS,

	MQ_LIMIT_CHANNELS	= 16,
	MQ_LIMIT_BYTES,
	MQ_LIMIT_SLOTS,
	MQ_LIMITS_END,
};

/*
 * Most events of a kind that one user causes in a second, of the kinds that anybody
 * who may open a node can cause in a loop: MQ_EVENT_SUBSCRIBED to MQ_EVENT_WILL; of
 * MQ_EVENT_FULL and MQ_EVENT_SPACE, for a channel. What is beyond is left out, so that
 * it does not push other events out of a listener's socket, and the next event of the
 * kind that is sent, whoever caused it, tells how many those were (MQ_A_SUPPRESSED). The
 * second begins with the first event; the user is who made the descriptor (effective user
 * id). Users share the number with others, if there are very many; so do channels.
 */
#define MQ_EVENTS_PER_SECOND	100

/**
 * enum mq_event - MQ_A_EVENT; each carries MQ_A_NAME, MQ_A_ID and MQ_A_TIME,
 *	unless it says otherwise
 * @MQ_EVENT_CREATED: channel created
 * @MQ_EVENT_DELETED: channel deleted
 * @MQ_EVENT_CHANGED: claims or limits set
 * @MQ_EVENT_PURGED: channel purged
 * @MQ_EVENT_SUBSCRIBED: MQ_A_SUBSCRIPTION_ID, MQ_A_PID. This and those up to
 *	MQ_EVENT_WILL: at most MQ_EVENTS_PER_SECOND, MQ_A_SUPPRESSED
 * @MQ_EVENT_UNSUBSCRIBED: MQ_A_SUBSCRIPTION_ID, MQ_A_PID: its last close
 * @MQ_EVENT_PUBLISHER_OPENED: MQ_A_PUBLISHER_ID, MQ_A_PID
 * @MQ_EVENT_PUBLISHER_CLOSED: MQ_A_PUBLISHER_ID, MQ_A_PID
 * @MQ_EVENT_LAGGED: MQ_A_SUBSCRIPTION_ID, MQ_A_PID, MQ_A_PASSED, MQ_A_MISSED of
 *	this gap
 * @MQ_EVENT_FULL: publishes begin to be refused, or to wait, for lack of space
 * @MQ_EVENT_SPACE: 1/16 is free again
 * @MQ_EVENT_EVICTED: MQ_A_SUBSCRIPTION_ID, MQ_A_PID, MQ_A_SEQUENCE: the first
 *	record it held. Comes before the publish that needed the space
 * @MQ_EVENT_WILL: MQ_A_PUBLISHER_ID, MQ_A_PID, MQ_A_SEQUENCE: of the will that
 *	was published; 0: a will was lost
 * @MQ_EVENT_REFUSED: MQ_A_LIMIT, MQ_A_UID, MQ_A_PID of who ran into a limit; at
 *	most one a second for each limit of a channel, all are counted. The limits
 *	of the module (MQ_LIMIT_CHANNELS and above) likewise: there is no MQ_A_ID
 *	then, and MQ_A_NAME is that of the channel that was not created
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
	MQ_EVENT_EVICTED,
	MQ_EVENT_WILL,
	MQ_EVENT_REFUSED,
};

#endif /* _UAPI_LINUX_MQ_NETLINK_H */
