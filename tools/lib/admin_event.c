// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Events of the module. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink.h"

#define EVENT_BUFFER 65536
/* What the kernel may keep for us; beyond it events are lost, and that is told. */
#define RECEIVE_BUFFER (1024 * 1024)

const char *libmq_event_name(enum libmq_event_type type)
{
	static const char *const names[] = {
		[LIBMQ_EVENT_CREATED] = "created",
		[LIBMQ_EVENT_DELETED] = "deleted",
		[LIBMQ_EVENT_CHANGED] = "changed",
		[LIBMQ_EVENT_PURGED] = "purged",
		[LIBMQ_EVENT_SUBSCRIBED] = "subscribed",
		[LIBMQ_EVENT_UNSUBSCRIBED] = "unsubscribed",
		[LIBMQ_EVENT_PUBLISHER_OPENED] = "publisher-opened",
		[LIBMQ_EVENT_PUBLISHER_CLOSED] = "publisher-closed",
		[LIBMQ_EVENT_LAGGED] = "lagged",
		[LIBMQ_EVENT_FULL] = "full",
		[LIBMQ_EVENT_SPACE] = "space",
		[LIBMQ_EVENT_EVICTED] = "evicted",
		[LIBMQ_EVENT_WILL] = "will",
		[LIBMQ_EVENT_REFUSED] = "refused",
	};

	if ((unsigned int)type >= sizeof(names) / sizeof(names[0]) || !names[type])
		return "unknown";
	return names[type];
}

const char *libmq_limit_name(enum libmq_limit limit)
{
	static const char *const names[] = {
		[LIBMQ_LIMIT_SUBSCRIPTIONS] = "subscriptions",
		[LIBMQ_LIMIT_PUBLISHERS] = "publishers",
		[LIBMQ_LIMIT_FILTERS] = "filters",
		[LIBMQ_LIMIT_WILLS] = "wills",
		[LIBMQ_LIMIT_RETAINED] = "retained",
		[LIBMQ_LIMIT_USER] = "user",
		[LIBMQ_LIMIT_MEMLOCK] = "memlock",
		[LIBMQ_LIMIT_CHANNELS] = "channels",
		[LIBMQ_LIMIT_BYTES] = "bytes",
		[LIBMQ_LIMIT_SLOTS] = "slots",
	};

	if ((unsigned int)limit >= sizeof(names) / sizeof(names[0]) || !names[limit])
		return "unknown";
	return names[limit];
}

static int join(struct libmq_admin *admin, struct mnl_socket *socket)
{
	int size = RECEIVE_BUFFER;

	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* Beyond the system's limit only for the privileged; else what it gives. */
	if (setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) < 0)
		setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &admin->group,
				  sizeof(admin->group)) < 0)
		return -errno;
	return 0;
}

int libmq_admin_listen(struct libmq_admin *admin)
{
	struct mnl_socket *socket;
	int error;

	if (admin->events)
		return 0;
	if (!admin->group)
		return -ENOENT;
	if (!admin->pending)
		admin->pending = malloc(EVENT_BUFFER);
	if (!admin->pending)
		return -ENOMEM;
	socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!socket)
		return -errno;
	error = join(admin, socket);
	if (error) {
		mnl_socket_close(socket);
		return error;
	}
	admin->events = socket;
	return 0;
}

int libmq_admin_fd(const struct libmq_admin *admin)
{
	return admin->events ? mnl_socket_get_fd(admin->events) : -EBADF;
}

static bool take_event(const struct libmq_admin *admin, const struct nlmsghdr *message,
		       struct libmq_event *event)
{
	const struct genlmsghdr *generic = mnl_nlmsg_get_payload(message);
	struct libmq_attributes from;

	if (message->nlmsg_type != admin->family ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*generic) ||
	    generic->cmd != MQ_CMD_EVENT)
		return false;
	libmq_parse(message, &from);
	*event = (struct libmq_event){
		.type = libmq_attr_u32(&from, MQ_A_EVENT),
		.channel_id = libmq_attr_u64(&from, MQ_A_ID),
		.time = libmq_attr_u64(&from, MQ_A_TIME),
		.pid = libmq_attr_u32(&from, MQ_A_PID),
		.passed = libmq_attr_u64(&from, MQ_A_PASSED),
		.missed = libmq_attr_u64(&from, MQ_A_MISSED),
		.sequence = libmq_attr_u64(&from, MQ_A_SEQUENCE),
		.uid = libmq_attr_u32(&from, MQ_A_UID),
		.limit = libmq_attr_u32(&from, MQ_A_LIMIT),
		.suppressed = libmq_attr_u64(&from, MQ_A_SUPPRESSED),
	};
	libmq_attr_name(&from, MQ_A_NAME, event->channel);
	event->id = libmq_attr_u64(&from, from.of[MQ_A_SUBSCRIPTION_ID] ? MQ_A_SUBSCRIPTION_ID :
					  MQ_A_PUBLISHER_ID);
	return true;
}

static int refill(struct libmq_admin *admin)
{
	ssize_t got = mnl_socket_recvfrom(admin->events, admin->pending, EVENT_BUFFER);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	admin->pending_at = 0;
	admin->pending_len = got;
	return 1;
}

int libmq_admin_event(struct libmq_admin *admin, struct libmq_event *event)
{
	if (!admin->events)
		return -EBADF;
	for (;;) {
		const struct nlmsghdr *message;
		int left = admin->pending_len - admin->pending_at;
		int filled = 1;

		message = (const void *)(admin->pending + admin->pending_at);
		if (!mnl_nlmsg_ok(message, left)) {
			admin->pending_at = 0;
			admin->pending_len = 0;
			filled = refill(admin);
			if (filled <= 0)
				return filled;
			continue;
		}
		admin->pending_at += MNL_ALIGN(message->nlmsg_len);
		if (admin->pending_at > admin->pending_len)
			admin->pending_at = admin->pending_len;
		if (take_event(admin, message, event))
			return 1;
	}
}
