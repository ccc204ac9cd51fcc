// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What failures mean, and what to do about them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

static const char *missing(void)
{
	if (access("/sys/module/mq", F_OK))
		return "the kernel module is not loaded: load it with 'modprobe mq' or 'insmod mq.ko'";
	return "there is no such channel: 'mqctl channel list' shows those there are, 'mqctl channel create NAME' makes one";
}

static const char *sentence(int error)
{
	switch (error) {
	case -ENOENT:
		return missing();
	case -EACCES:
		return "the channel's node in /dev/mq is not open to this user: join its group, or let the administrator change its owner or mode (chown, chmod, a udev rule)";
	case -EPERM:
		return "administration needs CAP_NET_ADMIN and CAP_SYS_ADMIN: run it as root";
	case -ESTALE:
		return "no channel that this user can open owns this topic: create one that claims it ('mqctl channel create NAME --topics FILTER')";
	case -EAGAIN:
		return "the channel is full: a subscription that holds it has not read yet; wait for space, or find it with 'mqctl subscription list'";
	case -ENODEV:
		return "the channel was deleted";
	case -ENXIO:
		return "the node leads to no channel: it was deleted, or the node is a stale copy; remove it or make it anew";
	case -ENOTTY:
		return "this is not an mq channel";
	case -EMSGSIZE:
		return "topic, payload and metadata together are larger than the channel's largest record: send less, or create it with a larger --max-record";
	case -EDQUOT:
		return "a limit is reached: the channel's retained values (raise them with 'mqctl channel set'), or the memory of all channels (module parameter max_bytes)";
	case -EINVAL:
		return "not a valid topic, filter or option: a topic has 1 to 65535 bytes without NUL, '+' and '#'";
	case -E2BIG:
		return "too many: a filter has at most 32 levels, a channel at most 32 claims";
	case -EMFILE:
		return "too many open files (ulimit -n) or filters of this subscription (module parameter max_filters_per_subscription)";
	case -ENFILE:
		return "too many open files in the system, channels (module parameter max_channels) or filters of the channel (module parameter max_filters_per_channel)";
	case -EUSERS:
		return "too many subscriptions or publishers of this user (module parameters max_subscriptions, max_publishers)";
	case -EEXIST:
		return "the name or one of the claims is taken by another channel: 'mqctl channel list' shows by which";
	case -ENAMETOOLONG:
		return "a channel's name has at most 63 bytes";
	case -ERANGE:
		return "out of range: a sequence above the head, or a size above a module parameter";
	case -EOPNOTSUPP:
		return "this cannot be changed in a live channel: delete it and create it anew";
	case -ENOMEM:
		return "out of memory";
	case -EBADMSG:
		return "the data is malformed";
	case -EPROTO:
		return "this library and the loaded module do not fit together: install the same version of both";
	case -ENOBUFS:
		return "events came faster than they were read; some are lost";
	}
	return NULL;
}

const char *libmq_strerror(int error, char *buffer, size_t size, const char *what)
{
	const char *text = sentence(error);

	if (!size)
		return buffer;
	if (!text)
		text = strerror(error < 0 ? -error : error);
	if (what)
		snprintf(buffer, size, "%s: %s", what, text);
	else
		snprintf(buffer, size, "%s", text);
	return buffer;
}
