// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Generic netlink calls, see netlink.h. */
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* A list that changes while it is dumped is asked for again, so often. */
#define DUMP_TRIES 16

/* ---- attributes ------------------------------------------------------------ */

static int note_attribute(const struct nlattr *attr, void *data)
{
	struct libmq_attributes *attributes = data;
	uint16_t type = mnl_attr_get_type(attr);

	/* Of repeated ones the first; unknown ones are a newer kernel's. */
	if (type <= MQ_A_MAX && !attributes->of[type])
		attributes->of[type] = attr;
	return MNL_CB_OK;
}

void libmq_parse(const struct nlmsghdr *message, struct libmq_attributes *attributes)
{
	memset(attributes, 0, sizeof(*attributes));
	mnl_attr_parse(message, sizeof(struct genlmsghdr), note_attribute, attributes);
}

uint64_t libmq_attr_u64(const struct libmq_attributes *attributes, uint16_t type)
{
	const struct nlattr *attr = attributes->of[type];
	uint64_t value = 0;

	if (attr && mnl_attr_get_payload_len(attr) == sizeof(value))
		memcpy(&value, mnl_attr_get_payload(attr), sizeof(value));
	return value;
}

uint32_t libmq_attr_u32(const struct libmq_attributes *attributes, uint16_t type)
{
	const struct nlattr *attr = attributes->of[type];
	uint32_t value = 0;

	if (attr && mnl_attr_get_payload_len(attr) == sizeof(value))
		memcpy(&value, mnl_attr_get_payload(attr), sizeof(value));
	return value;
}

void libmq_attr_name(const struct libmq_attributes *attributes, uint16_t type, char *name)
{
	const struct nlattr *attr = attributes->of[type];
	size_t len;

	name[0] = '\0';
	if (!attr)
		return;
	len = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	if (len > LIBMQ_NAME_MAX)
		len = LIBMQ_NAME_MAX;
	memcpy(name, mnl_attr_get_payload(attr), len);
	name[len] = '\0';
}

/* ---- requests -------------------------------------------------------------- */

static struct nlmsghdr *begin(struct libmq_admin *admin, uint16_t type, uint8_t command,
			      uint16_t flags)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(admin->request);
	struct genlmsghdr *generic;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	generic = mnl_nlmsg_put_extra_header(request, sizeof(*generic));
	generic->cmd = command;
	generic->version = MQ_GENL_VERSION;
	return request;
}

struct nlmsghdr *libmq_request(struct libmq_admin *admin, uint8_t command, uint16_t flags)
{
	return begin(admin, admin->family, command, flags);
}

int libmq_request_put(struct nlmsghdr *request, uint16_t type, const void *data, size_t len)
{
	if (len > UINT16_MAX - MNL_ATTR_HDRLEN ||
	    !mnl_attr_put_check(request, LIBMQ_REQUEST_SIZE, type, len, data))
		return -E2BIG;
	return 0;
}

/* ---- answers --------------------------------------------------------------- */

static int note_text(const struct nlattr *attr, void *data)
{
	struct libmq_admin *admin = data;
	size_t len;

	if (mnl_attr_get_type(attr) != NLMSGERR_ATTR_MSG)
		return MNL_CB_OK;
	len = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	if (len >= sizeof(admin->message))
		len = sizeof(admin->message) - 1;
	memcpy(admin->message, mnl_attr_get_payload(attr), len);
	admin->message[len] = '\0';
	return MNL_CB_OK;
}

/* An error carries the request's header (NETLINK_CAP_ACK), then attributes. */
static void take_text(struct libmq_admin *admin, const struct nlmsghdr *message, size_t fixed)
{
	if ((message->nlmsg_flags & NLM_F_ACK_TLVS) && mnl_nlmsg_get_payload_len(message) > fixed)
		mnl_attr_parse(message, fixed, note_text, admin);
}

static int error_of(struct libmq_admin *admin, const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*error))
		return -EBADMSG;
	if (error->error)
		take_text(admin, message, sizeof(*error));
	return error->error;
}

/* The end of a dump says whether it failed. */
static int done_of(struct libmq_admin *admin, const struct nlmsghdr *message)
{
	int error = 0;

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
	if (error < 0)
		take_text(admin, message, sizeof(error));
	return error < 0 ? error : 0;
}

/**
 * struct answer - what is collected of an answer
 * @bytes: its messages, one behind the other
 * @len: bytes of them
 * @interrupted: a dump that is not consistent
 */
struct answer {
	char *bytes;
	size_t len;
	bool interrupted;
};

static int keep(struct answer *answer, const struct nlmsghdr *message)
{
	size_t len = MNL_ALIGN(message->nlmsg_len);
	char *bigger = realloc(answer->bytes, answer->len + len);

	if (!bigger)
		return -ENOMEM;
	memcpy(bigger + answer->len, message, message->nlmsg_len);
	answer->bytes = bigger;
	answer->len += len;
	return 0;
}

/* One message of an answer. 1: it was the last; 0: go on; or an error. */
static int take_message(struct libmq_admin *admin, struct answer *answer,
			const struct nlmsghdr *message)
{
	int error;

	if (message->nlmsg_seq != admin->sequence)
		return 0;
	answer->interrupted |= message->nlmsg_flags & NLM_F_DUMP_INTR;
	switch (message->nlmsg_type) {
	case NLMSG_ERROR:
		error = error_of(admin, message);
		return error ? error : 1;
	case NLMSG_DONE:
		error = done_of(admin, message);
		return error ? error : 1;
	}
	return keep(answer, message);
}

static int receive(struct libmq_admin *admin, struct answer *answer)
{
	char buffer[65536] __attribute__((aligned(8)));
	int done = 0;

	while (!done) {
		ssize_t got = mnl_socket_recvfrom(admin->socket, buffer, sizeof(buffer));
		const struct nlmsghdr *message = (const void *)buffer;
		int left = got;

		if (got < 0 && errno != EINTR)
			return -errno;
		while (!done && got > 0 && mnl_nlmsg_ok(message, left)) {
			done = take_message(admin, answer, message);
			message = mnl_nlmsg_next(message, &left);
		}
	}
	return done < 0 ? done : 0;
}

static int exchange(struct libmq_admin *admin, struct nlmsghdr *request, struct answer *answer)
{
	*answer = (struct answer){};
	admin->message[0] = '\0';
	request->nlmsg_seq = ++admin->sequence;
	if (mnl_socket_sendto(admin->socket, request, request->nlmsg_len) < 0)
		return -errno;
	return receive(admin, answer);
}

/* The callbacks come after the answer is whole: they may call us again. */
static int hand_out(const struct answer *answer, mnl_cb_t take, void *arg)
{
	size_t at = 0;
	int stop = 0;

	while (take && !stop && at < answer->len) {
		const struct nlmsghdr *message = (const void *)(answer->bytes + at);

		stop = take(message, arg);
		at += MNL_ALIGN(message->nlmsg_len);
	}
	return stop;
}

int libmq_call(struct libmq_admin *admin, struct nlmsghdr *request, mnl_cb_t take, void *arg)
{
	struct answer answer;
	int error;

	request->nlmsg_flags |= NLM_F_ACK;
	error = exchange(admin, request, &answer);
	if (!error)
		error = hand_out(&answer, take, arg);
	free(answer.bytes);
	return error;
}

int libmq_dump(struct libmq_admin *admin, struct nlmsghdr *request, mnl_cb_t take, void *arg)
{
	struct answer answer;
	int error = -EAGAIN;
	int tries;

	request->nlmsg_flags |= NLM_F_DUMP;
	for (tries = 0; tries < DUMP_TRIES && error == -EAGAIN; tries++) {
		error = exchange(admin, request, &answer);
		if (!error && answer.interrupted)
			error = -EAGAIN;
		else if (!error)
			error = hand_out(&answer, take, arg);
		free(answer.bytes);
	}
	return error;
}

/* ---- open ------------------------------------------------------------------ */

static int note_group(const struct nlattr *nest, struct libmq_admin *admin)
{
	const struct nlattr *attr;
	const char *name = "";
	uint32_t id = 0;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID)
			id = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_NAME &&
			 mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			name = mnl_attr_get_str(attr);
	}
	if (!strcmp(name, MQ_GENL_EVENTS))
		admin->group = id;
	return MNL_CB_OK;
}

static int note_family(const struct nlmsghdr *message, void *data)
{
	struct libmq_admin *admin = data;
	const struct nlattr *group;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, message, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			admin->family = mnl_attr_get_u16(attr);
		if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GROUPS)
			mnl_attr_for_each_nested(group, attr)
				note_group(group, admin);
	}
	return 0;
}

static int find_family(struct libmq_admin *admin)
{
	struct nlmsghdr *request = begin(admin, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	int error;

	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, MQ_GENL_NAME);
	error = libmq_call(admin, request, note_family, admin);
	if (error)
		return error;
	return admin->family ? 0 : -ENOENT;
}

static int open_socket(struct libmq_admin *admin)
{
	int on = 1;

	admin->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!admin->socket || mnl_socket_bind(admin->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* Texts with refusals, without the request they refuse. */
	mnl_socket_setsockopt(admin->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(admin->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	return find_family(admin);
}

int libmq_admin_open(struct libmq_admin **admin)
{
	struct libmq_admin *new = calloc(1, sizeof(*new));
	int error;

	if (!new)
		return -ENOMEM;
	error = open_socket(new);
	if (error) {
		libmq_admin_close(new);
		return error;
	}
	*admin = new;
	return 0;
}

void libmq_admin_close(struct libmq_admin *admin)
{
	if (!admin)
		return;
	if (admin->socket)
		mnl_socket_close(admin->socket);
	if (admin->events)
		mnl_socket_close(admin->events);
	free(admin->pending);
	free(admin);
}

const char *libmq_admin_message(const struct libmq_admin *admin)
{
	return admin->message;
}
