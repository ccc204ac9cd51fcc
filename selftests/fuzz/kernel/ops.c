// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The table of operations: name, function, how often, and whether insn.d is mischief. */
#include "kfuzz.h"

static int do_nothing(struct kf_thread *t, const struct kf_insn *insn)
{
	(void)t;
	(void)insn;
	return 0;
}

#define OP(name, weight)	{ #name, kf_##name, weight, false }
#define IOCTL(name, weight)	{ #name, kf_ioctl, weight, true }

const struct kf_op kf_ops[KF_OPS] = {
	[KF_NOTHING] = { "nothing", do_nothing, 0, false },
	[KF_PART] = { "part", do_nothing, 12, false },
	[KF_CREATE] = OP(create, 6),
	[KF_DELETE] = OP(delete, 3),
	[KF_PURGE] = OP(purge, 3),
	[KF_GET] = OP(get, 3),
	[KF_SUBSCRIPTIONS] = OP(subscriptions, 3),
	[KF_SET] = OP(set, 6),
	[KF_ATTR] = OP(attr, 4),
	[KF_SEND] = OP(send, 3),
	[KF_EVENTS] = OP(events, 1),
	[KF_PARAM] = OP(param, 2),
	[KF_OPEN] = OP(open, 8),
	[KF_CLOSE] = OP(close, 6),
	[KF_DUP] = OP(dup, 3),
	[KF_PASS] = OP(pass, 2),
	[KF_NONBLOCK] = OP(nonblock, 2),
	[KF_READ] = OP(read, 14),
	[KF_WRITE] = OP(write, 6),
	[KF_POLL] = OP(poll, 6),
	[KF_EPOLL] = OP(epoll, 4),
	[KF_SEEK] = OP(seek, 1),
	[KF_IOCTL] = { "ioctl", kf_ioctl_any, 3, false },
	[KF_FORK] = OP(fork, 2),
	[KF_USER] = OP(user, 2),
	[KF_YIELD] = OP(yield, 1),
	[KF_INFO] = IOCTL(info, 4),
	[KF_SUBSCRIBE] = IOCTL(subscribe, 10),
	[KF_PUBLISHER] = IOCTL(publisher, 6),
	[KF_RETAINED] = IOCTL(retained, 8),
	[KF_PUBLISHER_INFO] = IOCTL(publisher_info, 4),
	[KF_PUBLISH] = IOCTL(publish, 30),
	[KF_RECORD] = { "record", kf_record, 14, true },
	[KF_BATCH] = IOCTL(batch, 12),
	[KF_WILL_SET] = IOCTL(will_set, 8),
	[KF_WILL_CLEAR] = IOCTL(will_clear, 4),
	[KF_FILTER_ADD] = IOCTL(filter_add, 16),
	[KF_FILTER_REMOVE] = IOCTL(filter_remove, 6),
	[KF_RESYNC] = IOCTL(resync, 8),
	[KF_KICK] = IOCTL(kick, 4),
	[KF_RECEIVE] = IOCTL(receive, 10),
	[KF_ACK] = IOCTL(ack, 6),
	[KF_MAP] = OP(map, 8),
	[KF_UNMAP] = OP(unmap, 2),
	[KF_REMAP] = OP(remap, 2),
	[KF_PROTECT] = OP(protect, 2),
	[KF_CONTROL] = OP(control, 8),
	[KF_LOOK] = OP(look, 6),
	[KF_RING] = OP(ring, 4),
	[KF_BY_RING] = OP(by_ring, 6),
	[KF_RING_POLL] = OP(ring_poll, 4),
	[KF_RING_READ] = OP(ring_read, 4),
	[KF_RING_CANCEL] = OP(ring_cancel, 2),
	[KF_RING_REAP] = OP(ring_reap, 4),
};
