// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Administration by netlink: as meant, and any attributes for any command. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "kfuzz.h"

static uint16_t family;

/* ---- messages ----------------------------------------------------------- */

static int open_socket(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (fd >= 0)
		bind(fd, (void *)&address, sizeof(address));
	return fd;
}

static int send_message(int fd, struct mqt_request *request, unsigned int type,
			unsigned int flags)
{
	struct nlmsghdr *header = (void *)request->data;

	header->nlmsg_len = request->len;
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	return send(fd, request->data, request->len, 0) < 0 ? -errno : 0;
}

void kf_admin_init(void)
{
	struct mqt_request request;
	struct genlmsghdr *genl;
	char answer[8192];
	ssize_t len;
	size_t at;
	int fd;

	mqt_request_start(&request, CTRL_CMD_GETFAMILY);
	mqt_request_str(&request, CTRL_ATTR_FAMILY_NAME, MQ_GENL_NAME);
	genl = NLMSG_DATA((struct nlmsghdr *)request.data);
	genl->version = 1;
	fd = open_socket();
	if (send_message(fd, &request, GENL_ID_CTRL, 0))
		abort();
	len = recv(fd, answer, sizeof(answer), 0);
	close(fd);
	for (at = NLMSG_LENGTH(GENL_HDRLEN); len > 0 && at + NLA_HDRLEN < (size_t)len;) {
		const struct nlattr *attr = (void *)(answer + at);

		if (attr->nla_type == CTRL_ATTR_FAMILY_ID)
			memcpy(&family, attr + 1, sizeof(family));
		at += NLA_ALIGN(attr->nla_len);
	}
	if (!family)
		abort();
}

/* The commands, and the errors that the header names for each; 0 ends them. */
static const struct command {
	const char *name;
	int errnos[9];
} commands[] = {
	[MQ_CMD_CHANNEL_CREATE] = { "create", { EINVAL, ENAMETOOLONG, EEXIST, ERANGE, ENFILE,
						EDQUOT, E2BIG, ENOMEM } },
	[MQ_CMD_CHANNEL_DELETE] = { "delete", { ENOENT } },
	[MQ_CMD_CHANNEL_GET] = { "get", { ENOENT } },
	[MQ_CMD_CHANNEL_SET] = { "set", { ENOENT, EEXIST, E2BIG, EINVAL, EOPNOTSUPP, ENOMEM } },
	[MQ_CMD_CHANNEL_PURGE] = { "purge", { ENOENT } },
	[MQ_CMD_SUBSCRIPTION_GET] = { "subscriptions", { ENOENT } },
};

static bool errno_known(const struct command *command, int error)
{
	/* Of every command; of netlink itself, or this process; a lost answer. */
	static const int common[] = { EPERM, EINTR, ENOBUFS, EMSGSIZE };
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(common); i++)
		if (error == common[i])
			return true;
	for (i = 0; command->errnos[i]; i++)
		if (error == command->errnos[i])
			return true;
	return false;
}

/* @error: what came of a command (0 or -errno); @refusal: why it must not succeed. */
static int judge(unsigned int cmd, int error, const char *refusal)
{
	const struct command *command = &commands[cmd];

	if (!error && refusal)
		kf_finding("%s succeeded with %s", command->name, refusal);
	if (error && !errno_known(command, -error))
		kf_finding("%s: %s is not what the header names", command->name,
			   strerrorname_np(-error));
	return error;
}

/* ---- commands as they are meant ----------------------------------------- */

/* Returns why the channel can't be. */
static const char *put_sizes(struct mqt_request *request, const struct kf_insn *insn)
{
	static const uint32_t slots[] = { 64, 64, 128, 256 };
	static const uint64_t bytes[] = {
		16384, 4096, 65536, 262144, 16384, 5000, 1ULL << 40, 1ULL << 63,
	};
	static const uint32_t records[] = { 0, 128, 512, 1024, 4096, 16384, 65536, 64 };
	const char *refusal = NULL;
	uint64_t size = bytes[insn->b >> 4 & 7];
	uint32_t record = records[insn->v & 7];

	mqt_request_u32(request, MQ_A_SLOTS, insn->b == 255 ? 63 : slots[insn->b >> 2 & 3]);
	mqt_request_u64(request, MQ_A_BYTES, size);
	if (record)
		mqt_request_u32(request, MQ_A_MAX_RECORD, record);
	if (insn->b == 255 || size == 5000 || record == 64 || size / 4 < record)
		refusal = "a size that can't be";
	return refusal;
}

static const char *put_policy(struct mqt_request *request, const struct kf_insn *insn)
{
	static const uint64_t first[] = {
		1, 1, 100, 1ULL << 62, 0, (1ULL << 62) + 1, (1ULL << 32) - 5, 63,
	};
	uint32_t overflow = insn->b & 3;
	const char *refusal = NULL;
	uint64_t sequence = first[insn->d & 7];

	if (overflow)
		mqt_request_u32(request, MQ_A_OVERFLOW, overflow);
	if (sequence != 1)
		mqt_request_u64(request, MQ_A_FIRST, sequence);
	if (!sequence || sequence > 1ULL << 62 || overflow > MQ_OVERFLOW_BLOCK)
		refusal = "a first sequence or a policy that can't be";
	if (insn->b & 0x80) {
		mqt_request_u32(request, MQ_A_HOLD, MQ_HOLD_READERS);
		if (!overflow)
			refusal = "readers that hold where nobody can";
	}
	if (insn->d & 0x80) {
		kf_state.evicting = true;
		mqt_request_u32(request, MQ_A_EVICT_AFTER, (insn->v >> 8) * 4);
		if (!overflow && insn->v >> 8)
			refusal = "an eviction where nobody holds";
	}
	return refusal;
}

static void put_retained(struct mqt_request *request, unsigned int which)
{
	static const uint32_t counts[] = { 0, 1, 4, 1000 };
	static const uint64_t sizes[] = { 0, 64, 1000, 65536 };

	if (which & 3)
		mqt_request_u32(request, MQ_A_RETAINED_MAX, counts[which & 3]);
	if (which & 12)
		mqt_request_u64(request, MQ_A_RETAINED_BYTES_MAX, sizes[which >> 2 & 3]);
}

/* Sets of claims; the filters are those of kf_filter(). */
static const char *put_claims(struct mqt_request *request, unsigned int which)
{
	static const uint8_t sets[][5] = {
		{ 2, 15, 20 }, { 2, 22, 27 }, { 1, 8, 16 }, { 0, 22 }, { 5, 31 }, { 33, 10, 24 },
		{ 39 }, { 37 }, { 13, 2 }, { 2, 2 },
	};
	const uint8_t *set = sets[which % ARRAY_LEN(sets)];
	const char *refusal = NULL;
	unsigned int i;

	if (which >= 248) {
		for (i = 0; i < MQ_CLAIMS_MAX + which % 3; i++) {
			struct kf_text claim = kf_filter(KF_FILTERS + 4 * i);

			mqt_request_put(request, MQ_A_CLAIM, claim.text, claim.len);
		}
		return which % 3 ? "too many claims" : NULL;
	}
	for (i = 0; i < 5 && (set[i] || !i); i++) {
		struct kf_text claim = kf_filter(set[i]);

		mqt_request_put(request, MQ_A_CLAIM, claim.text, claim.len);
		if (!claim.valid)
			refusal = "a claim that is no filter";
		if (i && set[i] == set[i - 1])
			refusal = "the same claim twice";
	}
	return refusal;
}

/* a: name, b, d, v: sizes and policy, c: claims */
KF_RUN(create)
{
	const char *name = kf_name(insn->a);
	struct mqt_request *request = kf_alloc(t, sizeof(*request));
	const char *refusal, *more;

	if (!request)
		return -ENOBUFS;
	mqt_request_start(request, MQ_CMD_CHANNEL_CREATE);
	mqt_request_str(request, MQ_A_NAME, name);
	refusal = put_sizes(request, insn);
	more = put_policy(request, insn);
	refusal = more ?: refusal;
	put_retained(request, insn->d >> 3);
	more = put_claims(request, insn->c);
	refusal = more ?: refusal;
	mqt_request_u32(request, MQ_A_MODE, 0666);
	if (insn->a >= 248)
		refusal = "a name that can't be";
	return judge(MQ_CMD_CHANNEL_CREATE, mqt_request_send(request, NULL), refusal);
}

KF_RUN(delete)
{
	(void)t;
	return judge(MQ_CMD_CHANNEL_DELETE, mqt_delete(kf_name(insn->a)), NULL);
}

KF_RUN(purge)
{
	(void)t;
	kf_state.purged = true;
	return judge(MQ_CMD_CHANNEL_PURGE, mqt_purge(kf_name(insn->a)), NULL);
}

/* What an answer about a channel must say. */
static void check_channel(const struct mqt_attrs *attrs)
{
	uint64_t first = mqt_u64(attrs, MQ_A_FIRST), oldest = mqt_u64(attrs, MQ_A_OLDEST);
	uint64_t head = mqt_u64(attrs, MQ_A_HEAD), published = mqt_u64(attrs, MQ_A_PUBLISHED);

	if (!mqt_str(attrs, MQ_A_NAME)[0] || first > oldest || oldest > head ||
	    published != head - first || mqt_u64(attrs, MQ_A_OVERWRITTEN) != oldest - first)
		kf_finding("%s: first %" PRIu64 ", oldest %" PRIu64 ", head %" PRIu64
			   ", published %" PRIu64, mqt_str(attrs, MQ_A_NAME), first, oldest, head,
			   published);
	if (!attrs->claim_count)
		kf_finding("%s has no claims", mqt_str(attrs, MQ_A_NAME));
}

static void each_channel(const struct mqt_attrs *attrs, void *arg)
{
	(void)arg;
	check_channel(attrs);
}

/* a: name; b: all of them */
KF_RUN(get)
{
	struct mqt_reply *reply = kf_alloc(t, sizeof(*reply));
	struct mqt_request *request = kf_alloc(t, sizeof(*request));
	int error;

	if (!reply || !request)
		return -ENOBUFS;
	if (insn->b & 1) {
		mqt_request_start(request, MQ_CMD_CHANNEL_GET);
		error = mqt_request_dump(request, each_channel, NULL);
		return judge(MQ_CMD_CHANNEL_GET, error, NULL);
	}
	error = judge(MQ_CMD_CHANNEL_GET, mqt_get(kf_name(insn->a), reply), NULL);
	if (!error)
		check_channel(&reply->attrs);
	return error;
}

static void each_subscription(const struct mqt_attrs *attrs, void *arg)
{
	(void)arg;
	if (!mqt_str(attrs, MQ_A_NAME)[0] || !mqt_u64(attrs, MQ_A_SUBSCRIPTION_ID) ||
	    mqt_u64(attrs, MQ_A_MISSED) > mqt_u64(attrs, MQ_A_PASSED))
		kf_finding("subscription %" PRIu64 ": missed %" PRIu64 ", passed %" PRIu64,
			   mqt_u64(attrs, MQ_A_SUBSCRIPTION_ID), mqt_u64(attrs, MQ_A_MISSED),
			   mqt_u64(attrs, MQ_A_PASSED));
}

KF_RUN(subscriptions)
{
	struct mqt_request *request = kf_alloc(t, sizeof(*request));
	int error;

	if (!request)
		return -ENOBUFS;
	mqt_request_start(request, MQ_CMD_SUBSCRIPTION_GET);
	if (!(insn->b & 1))
		mqt_request_str(request, MQ_A_NAME, kf_name(insn->a));
	error = mqt_request_dump(request, each_subscription, NULL);
	return judge(MQ_CMD_SUBSCRIPTION_GET, error, NULL);
}

/* a: name, b: what, c: claims, d, v: values */
KF_RUN(set)
{
	struct mqt_request *request = kf_alloc(t, sizeof(*request));
	const char *refusal = NULL;

	if (!request)
		return -ENOBUFS;
	mqt_request_start(request, MQ_CMD_CHANNEL_SET);
	mqt_request_str(request, MQ_A_NAME, kf_name(insn->a));
	if (insn->b & 1)
		refusal = put_claims(request, insn->c);
	if (insn->b & 2)
		mqt_request_put(request, MQ_A_CLAIMS_NONE, NULL, 0);
	if ((insn->b & 3) == 3)
		refusal = "claims and none";
	if (insn->b & 4)
		put_retained(request, insn->d);
	if (insn->b & 8) {
		kf_state.evicting = true;
		mqt_request_u32(request, MQ_A_EVICT_AFTER, insn->v);
	}
	if (insn->b & 16)
		mqt_request_u32(request, MQ_A_HOLD, insn->v & 1);
	if (insn->b & 32) {
		mqt_request_u32(request, MQ_A_SLOTS, 128);
		refusal = "slots that can't change";
	}
	return judge(MQ_CMD_CHANNEL_SET, mqt_request_send(request, NULL), refusal);
}

/* ---- any message -------------------------------------------------------- */

/* Adds an attribute to the message of this thread: a: type, b: length, c: value. */
KF_RUN(attr)
{
	uint32_t len = insn->b < 64 ? 4 : insn->b < 128 ? 8 : kf_length(insn->b) % 300;
	unsigned int type = insn->a < 240 ? insn->a % (MQ_A_MAX + 2) : insn->v;
	struct kf_text claim = kf_filter(insn->c % KF_FILTERS);
	uint64_t value = kf_value(insn->c);
	uint8_t data[300] = { };

	if (!t->request.len)
		mqt_request_start(&t->request, MQ_CMD_CHANNEL_GET);
	if (t->request.len + len + 16 > sizeof(t->request.data))
		return -ENOSPC;
	if (type == MQ_A_NAME || type == MQ_A_CLAIM) {
		const char *name = kf_name(insn->c);

		len = type == MQ_A_NAME ? strlen(name) + 1 : claim.len % sizeof(data);
		memcpy(data, type == MQ_A_NAME ? name : claim.text, len);
	} else {
		memcpy(data, &value, sizeof(value));
	}
	mqt_request_put(&t->request, type, data, len);
	return 0;
}

/* Sends it: a: command, b: flags, c: how much of the answer is awaited. */
KF_RUN(send)
{
	static const uint16_t flags[] = { NLM_F_ACK, NLM_F_ACK, NLM_F_DUMP, 0,
					  NLM_F_ACK | NLM_F_DUMP, 0xffff };
	struct genlmsghdr *genl;
	struct nlmsghdr *header;
	int fd, error;

	if (!t->request.len)
		mqt_request_start(&t->request, MQ_CMD_CHANNEL_GET);
	header = (void *)t->request.data;
	genl = NLMSG_DATA(header);
	genl->cmd = insn->a < 192 ? insn->a % (MQ_CMD_MAX + 2) : insn->a;
	genl->version = insn->v & 0x100 ? insn->v : MQ_GENL_VERSION;
	kf_state.purged = true;
	kf_state.evicting = true;
	fd = open_socket();
	error = send_message(fd, &t->request, family, flags[insn->b % ARRAY_LEN(flags)]);
	t->request.len = 0;
	/* Some are closed with their answer under way, a dump in the middle. */
	if (!error && insn->c % 4)
		error = recv(fd, t->out, insn->c % 4 == 1 ? 64 : 32768, 0) < 0 ? -errno : 0;
	if (insn->c >= 224)
		kf_slot_put(fd, KF_OTHER, insn->v, 0, 0);
	else
		close(fd);
	return error;
}

/* A socket that hears events, to be read or to overflow. */
KF_RUN(events)
{
	int fd = mqt_events_open();

	(void)t;
	return fd < 0 ? fd : kf_slot_put(fd, KF_OTHER, insn->v, 0, 0);
}
