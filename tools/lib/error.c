// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What failures mean, and what to do about them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

#define NO_CHANNEL \
	"there is no such channel: 'mqctl channel list' shows those there are, " \
	"'mqctl channel create NAME' makes one"
#define NO_MODULE \
	"the kernel module is not loaded: load it with 'modprobe mq' or 'insmod mq.ko'"

static const struct {
	int error;
	const char *text;
} sentences[] = {
	{ EACCES,
	  "the channel's node in /dev/mq is not open to this user: join its group, or let "
	  "the administrator change its owner or mode (chown, chmod, a udev rule)" },
	{ EPERM,
	  "administration needs CAP_NET_ADMIN and CAP_SYS_ADMIN: run it as root" },
	{ ESTALE,
	  "no channel that this user can open owns this topic: create one that claims it "
	  "('mqctl channel create NAME --topics FILTER'); or its retained value is not the "
	  "expected one" },
	{ ECANCELED,
	  "not published, because another message of the same atomic batch was refused" },
	{ EXDEV,
	  "the topics of an atomic batch belong to several channels: publish those of one "
	  "channel together" },
	{ EAGAIN,
	  "the channel is full: a subscription that holds it has not read yet; wait for "
	  "space, or find it with 'mqctl stats'" },
	{ ETIMEDOUT,
	  "the channel is full, and no space came in time: a subscription that holds it "
	  "does not read; find it with 'mqctl stats'" },
	{ ENODEV,
	  "the channel was deleted" },
	{ ENXIO,
	  "the node leads to no channel: it was deleted, or the node is a stale copy; "
	  "remove it or make it anew" },
	{ ENOTTY,
	  "this is not an mq channel" },
	{ EMSGSIZE,
	  "topic, payload and metadata together are larger than the channel's largest "
	  "record: send less, or create it with a larger --max-record" },
	{ EDQUOT,
	  "a limit is reached: retained values of the channel ('mqctl channel set'), its "
	  "wills (a quarter of the ring), what one user may have (module parameters "
	  "max_*_per_user), or the memory of all channels (max_bytes)" },
	{ EINVAL,
	  "not a valid topic, filter or option: a topic has 1 to 65535 bytes without NUL, "
	  "'+' and '#'" },
	{ E2BIG,
	  "too many: a filter has at most 32 levels, a channel at most 32 claims, an atomic "
	  "batch at most 64 messages, 64 KiB and three quarters of the ring" },
	{ EMFILE,
	  "too many open files (ulimit -n), filters of this subscription or wills of this "
	  "publisher (module parameters max_filters_per_subscription, "
	  "max_wills_per_publisher)" },
	{ ENFILE,
	  "too many open files in the system, channels (module parameter max_channels) or "
	  "filters of the channel (module parameter max_filters_per_channel)" },
	{ EUSERS,
	  "the channel has as many subscriptions or publishers as it may (module parameters "
	  "max_subscriptions, max_publishers)" },
	{ EEXIST,
	  "the name or one of the claims is taken by another channel: 'mqctl channel "
	  "list' shows by which" },
	{ ENAMETOOLONG,
	  "a channel's name has at most 63 bytes" },
	{ ERANGE,
	  "out of range: a sequence above the head, or a size or the delay of a will above a "
	  "module parameter (max_slots, max_will_delay)" },
	{ EOPNOTSUPP,
	  "this cannot be changed in a live channel: delete it and create it anew" },
	{ ENOMEM,
	  "out of memory" },
	{ EBADMSG,
	  "the data is malformed" },
	{ EPROTO,
	  "this library and the loaded module do not fit together: install the same "
	  "version of both" },
	{ ENOBUFS,
	  "no room: events came faster than they were read and some are lost, or this user "
	  "has as much locked memory as it may (ulimit -l)" },
};

static const char *sentence(int error)
{
	size_t i;

	if (error == ENOENT)
		return access("/sys/module/mq", F_OK) ? NO_MODULE : NO_CHANNEL;
	for (i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (sentences[i].error == error)
			return sentences[i].text;
	return strerror(error);
}

const char *libmq_strerror(int error, char *buffer, size_t size, const char *what)
{
	const char *text = sentence(error < 0 ? -error : error);

	if (!size)
		return buffer;
	if (what)
		snprintf(buffer, size, "%s: %s", what, text);
	else
		snprintf(buffer, size, "%s", text);
	return buffer;
}
