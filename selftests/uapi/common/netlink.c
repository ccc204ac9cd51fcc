// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Just enough generic netlink: one socket per request, so that a test that
 * forks or starts threads shares nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "../mq_test.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

union buffer {
	struct nlmsghdr header;
	char data[32768];
};

static void request_start(struct mqt_request *request, unsigned int family, unsigned int cmd,
			  unsigned int version)
{
	struct nlmsghdr *header = (void *)request->data;
	struct genlmsghdr *genl = NLMSG_DATA(header);

	memset(request->data, 0, NLMSG_LENGTH(GENL_HDRLEN));
	header->nlmsg_type = family;
	genl->cmd = cmd;
	genl->version = version;
	request->len = NLMSG_LENGTH(GENL_HDRLEN);
}

void mqt_request_start(struct mqt_request *request, unsigned int cmd)
{
	/* The family is filled in by mqt_request_open(). */
	request_start(request, 0, cmd, MQ_GENL_VERSION);
}

void mqt_request_put(struct mqt_request *request, unsigned int type, const void *data,
		     size_t len)
{
	struct nlattr *attr = (void *)(request->data + request->len);

	if (request->len + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(request->data))
		abort();
	memset(attr, 0, NLA_HDRLEN + NLA_ALIGN(len));
	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((char *)attr + NLA_HDRLEN, data, len);
	request->len += NLA_HDRLEN + NLA_ALIGN(len);
}

void mqt_request_str(struct mqt_request *request, unsigned int type, const char *value)
{
	mqt_request_put(request, type, value, strlen(value) + 1);
}

void mqt_request_u32(struct mqt_request *request, unsigned int type, uint32_t value)
{
	mqt_request_put(request, type, &value, sizeof(value));
}

void mqt_request_u64(struct mqt_request *request, unsigned int type, uint64_t value)
{
	mqt_request_put(request, type, &value, sizeof(value));
}

static const void *attr_data(const struct nlattr *attr)
{
	return (const char *)attr + NLA_HDRLEN;
}

static const struct nlattr *attr_next(const struct nlattr *attr)
{
	return (const void *)((const char *)attr + NLA_ALIGN(attr->nla_len));
}

static bool attr_ok(const struct nlattr *attr, const char *end)
{
	return (const char *)attr + NLA_HDRLEN <= end && attr->nla_len >= NLA_HDRLEN &&
	       (const char *)attr + attr->nla_len <= end;
}

static void parse_attrs(const struct nlmsghdr *header, struct mqt_attrs *attrs)
{
	const char *end = (const char *)header + header->nlmsg_len;
	const struct nlattr *attr = (const void *)((char *)NLMSG_DATA(header) + GENL_HDRLEN);

	memset(attrs, 0, sizeof(*attrs));
	for (; attr_ok(attr, end); attr = attr_next(attr)) {
		unsigned int type = attr->nla_type & NLA_TYPE_MASK;

		if (type == MQ_A_CLAIM && attrs->claim_count <= MQ_CLAIMS_MAX)
			attrs->claims[attrs->claim_count++] = attr;
		if (type <= MQ_A_MAX)
			attrs->at[type] = attr;
	}
}

static int socket_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int one = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (fd < 0)
		return -errno;
	if (bind(fd, (void *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one))) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

static int socket_send(int fd, struct mqt_request *request, unsigned int flags)
{
	struct nlmsghdr *header = (void *)request->data;

	header->nlmsg_len = request->len;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	return send(fd, request->data, request->len, 0) < 0 ? -errno : 0;
}

/* The text of an extended acknowledgment follows the header it answers. */
static void parse_text(const struct nlmsghdr *header, char *text, size_t size)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);
	const char *end = (const char *)header + header->nlmsg_len;
	size_t skip = sizeof(*error);
	const struct nlattr *attr;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(error->msg.nlmsg_len) - sizeof(error->msg);
	attr = (const void *)((const char *)error + skip);
	for (; attr_ok(attr, end); attr = attr_next(attr))
		if ((attr->nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG)
			snprintf(text, size, "%s", (const char *)attr_data(attr));
}

/* Reads until the acknowledgment; the last message before it is the reply. */
static int socket_answer(int fd, struct mqt_reply *reply)
{
	static __thread union buffer buffer;

	for (;;) {
		ssize_t len = recv(fd, buffer.data, sizeof(buffer.data), 0);
		struct nlmsghdr *header = &buffer.header;

		if (len < 0)
			return -errno;
		for (; NLMSG_OK(header, len); header = NLMSG_NEXT(header, len)) {
			if (header->nlmsg_type == NLMSG_ERROR) {
				parse_text(header, reply->text, sizeof(reply->text));
				return ((struct nlmsgerr *)NLMSG_DATA(header))->error;
			}
			if (header->nlmsg_len > sizeof(reply->data))
				return -EMSGSIZE;
			memcpy(reply->data, header, header->nlmsg_len);
			reply->cmd = ((struct genlmsghdr *)NLMSG_DATA(header))->cmd;
			parse_attrs((void *)reply->data, &reply->attrs);
		}
	}
}

/* The id of the family, and with @group that of its group of events. */
static int family_find(int fd, uint32_t *group)
{
	static __thread struct mqt_reply reply;
	struct mqt_request request;
	const char *end;
	const struct nlattr *attr;
	int family = -ENOENT;
	int error;

	request_start(&request, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	mqt_request_str(&request, CTRL_ATTR_FAMILY_NAME, MQ_GENL_NAME);
	error = socket_send(fd, &request, NLM_F_ACK);
	if (!error)
		error = socket_answer(fd, &reply);
	if (error)
		return error;
	end = reply.data + ((struct nlmsghdr *)reply.data)->nlmsg_len;
	attr = (const void *)(reply.data + NLMSG_LENGTH(GENL_HDRLEN));
	for (; attr_ok(attr, end); attr = attr_next(attr)) {
		unsigned int type = attr->nla_type & NLA_TYPE_MASK;
		const struct nlattr *sub;

		if (type == CTRL_ATTR_FAMILY_ID)
			family = *(const uint16_t *)attr_data(attr);
		if (type != CTRL_ATTR_MCAST_GROUPS || !group)
			continue;
		/* The family has one group: nest of groups, nest of fields. */
		sub = attr_data(attr_data(attr));
		for (; attr_ok(sub, (const char *)attr + attr->nla_len); sub = attr_next(sub))
			if (sub->nla_type == CTRL_ATTR_MCAST_GRP_ID)
				*group = *(const uint32_t *)attr_data(sub);
	}
	return family;
}

int mqt_request_open(struct mqt_request *request)
{
	int fd = socket_open();
	int family;

	if (fd < 0)
		return fd;
	family = family_find(fd, NULL);
	if (family < 0) {
		close(fd);
		return family;
	}
	((struct nlmsghdr *)request->data)->nlmsg_type = family;
	return fd;
}

int mqt_request_on(int fd, struct mqt_request *request, struct mqt_reply *reply)
{
	static __thread struct mqt_reply unused;
	int error;

	if (!reply)
		reply = &unused;
	memset(reply, 0, sizeof(*reply));
	error = socket_send(fd, request, NLM_F_ACK);
	return error ? error : socket_answer(fd, reply);
}

int mqt_request_send(struct mqt_request *request, struct mqt_reply *reply)
{
	int fd = mqt_request_open(request);
	int error;

	if (fd < 0)
		return fd;
	error = mqt_request_on(fd, request, reply);
	close(fd);
	return error;
}

static int dump_receive(int fd, void (*each)(const struct mqt_attrs *attrs, void *arg), void *arg)
{
	static __thread union buffer buffer;

	for (;;) {
		ssize_t len = recv(fd, buffer.data, sizeof(buffer.data), 0);
		struct nlmsghdr *header = &buffer.header;

		if (len < 0)
			return -errno;
		for (; NLMSG_OK(header, len); header = NLMSG_NEXT(header, len)) {
			struct mqt_attrs attrs;

			/* Both carry an error first; that of a dump's end counts too. */
			if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
				return *(int *)NLMSG_DATA(header);
			parse_attrs(header, &attrs);
			each(&attrs, arg);
		}
	}
}

int mqt_request_dump_on(int fd, struct mqt_request *request,
			void (*each)(const struct mqt_attrs *attrs, void *arg), void *arg)
{
	int error = socket_send(fd, request, NLM_F_DUMP);

	return error ? error : dump_receive(fd, each, arg);
}

int mqt_request_dump(struct mqt_request *request,
		     void (*each)(const struct mqt_attrs *attrs, void *arg), void *arg)
{
	int fd = mqt_request_open(request);
	int error;

	if (fd < 0)
		return fd;
	error = mqt_request_dump_on(fd, request, each, arg);
	close(fd);
	return error;
}

bool mqt_has(const struct mqt_attrs *attrs, unsigned int type)
{
	return attrs->at[type];
}

/* A value that is missing or of another size reads as all ones. */
uint64_t mqt_u64(const struct mqt_attrs *attrs, unsigned int type)
{
	uint64_t value = UINT64_MAX;

	if (attrs->at[type] && attrs->at[type]->nla_len == NLA_HDRLEN + sizeof(value))
		memcpy(&value, attr_data(attrs->at[type]), sizeof(value));
	return value;
}

uint32_t mqt_u32(const struct mqt_attrs *attrs, unsigned int type)
{
	uint32_t value = UINT32_MAX;

	if (attrs->at[type] && attrs->at[type]->nla_len == NLA_HDRLEN + sizeof(value))
		memcpy(&value, attr_data(attrs->at[type]), sizeof(value));
	return value;
}

const char *mqt_str(const struct mqt_attrs *attrs, unsigned int type)
{
	const struct nlattr *attr = attrs->at[type];

	/* The terminator is a part of it. */
	if (!attr || attr->nla_len <= NLA_HDRLEN || ((const char *)attr)[attr->nla_len - 1])
		return "";
	return attr_data(attr);
}

bool mqt_claim_is(const struct mqt_attrs *attrs, unsigned int i, const char *claim)
{
	return i < attrs->claim_count &&
	       attrs->claims[i]->nla_len == NLA_HDRLEN + strlen(claim) &&
	       !memcmp(attr_data(attrs->claims[i]), claim, strlen(claim));
}

int mqt_events_open(void)
{
	uint32_t group = 0;
	int fd = socket_open();
	int family;

	if (fd < 0)
		return fd;
	family = family_find(fd, &group);
	if (family >= 0 &&
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		family = -errno;
	if (family < 0) {
		close(fd);
		return family;
	}
	return fd;
}

int mqt_events_next(int fd, struct mqt_reply *event)
{
	ssize_t len = recv(fd, event->data, sizeof(event->data), 0);

	if (len < 0)
		return -errno;
	event->cmd = ((struct genlmsghdr *)NLMSG_DATA((struct nlmsghdr *)event->data))->cmd;
	parse_attrs((void *)event->data, &event->attrs);
	return 0;
}

static void put_u32(struct mqt_request *request, unsigned int type, uint32_t value)
{
	if (value)
		mqt_request_u32(request, type, value);
}

static void put_u64(struct mqt_request *request, unsigned int type, uint64_t value)
{
	if (value)
		mqt_request_u64(request, type, value);
}

void mqt_request_config(struct mqt_request *request, const struct mqt_config *config)
{
	unsigned int i;

	mqt_request_start(request, MQ_CMD_CHANNEL_CREATE);
	mqt_request_str(request, MQ_A_NAME, config->name);
	put_u32(request, MQ_A_SLOTS, config->slots);
	put_u64(request, MQ_A_BYTES, config->bytes);
	put_u32(request, MQ_A_MAX_RECORD, config->max_record);
	put_u32(request, MQ_A_OVERFLOW, config->overflow);
	put_u64(request, MQ_A_FIRST, config->first);
	put_u32(request, MQ_A_MODE, config->mode);
	put_u32(request, MQ_A_UID, config->uid);
	put_u32(request, MQ_A_GID, config->gid);
	put_u32(request, MQ_A_RETAINED_MAX, config->retained_max);
	put_u64(request, MQ_A_RETAINED_BYTES_MAX, config->retained_bytes_max);
	put_u32(request, MQ_A_EVICT_AFTER, config->evict_after);
	put_u32(request, MQ_A_HOLD, config->hold);
	for (i = 0; i <= MQ_CLAIMS_MAX && config->claims[i]; i++)
		mqt_request_put(request, MQ_A_CLAIM, config->claims[i], strlen(config->claims[i]));
}

int mqt_create(const struct mqt_config *config)
{
	struct mqt_request request;
	int error = mqt_delete(config->name);

	if (error && error != -ENOENT)
		return error;
	mqt_request_config(&request, config);
	return mqt_request_send(&request, NULL);
}

static int request_by_name(unsigned int cmd, const char *name, struct mqt_reply *reply)
{
	struct mqt_request request;

	mqt_request_start(&request, cmd);
	mqt_request_str(&request, MQ_A_NAME, name);
	return mqt_request_send(&request, reply);
}

int mqt_delete(const char *name)
{
	return request_by_name(MQ_CMD_CHANNEL_DELETE, name, NULL);
}

int mqt_purge(const char *name)
{
	return request_by_name(MQ_CMD_CHANNEL_PURGE, name, NULL);
}

int mqt_get(const char *name, struct mqt_reply *reply)
{
	return request_by_name(MQ_CMD_CHANNEL_GET, name, reply);
}
