// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Creating, changing and deleting channels. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "netlink.h"

static int put_name(struct nlmsghdr *request, const char *name)
{
	return libmq_request_put(request, MQ_A_NAME, name, strlen(name) + 1);
}

static void put_u32(struct nlmsghdr *request, uint16_t type, uint32_t value)
{
	if (value)
		mnl_attr_put_u32(request, type, value);
}

static void put_u64(struct nlmsghdr *request, uint16_t type, uint64_t value)
{
	if (value)
		mnl_attr_put_u64(request, type, value);
}

static int put_claims(struct nlmsghdr *request, const struct libmq_channel_opts *opts)
{
	unsigned int i;
	int error = 0;

	if (opts->claims_none)
		mnl_attr_put(request, MQ_A_CLAIMS_NONE, 0, NULL);
	for (i = 0; i < opts->claims_count && !error; i++)
		error = libmq_request_put(request, MQ_A_CLAIM, opts->claims[i],
					  strlen(opts->claims[i]));
	return error;
}

/* The numbers come first: they always fit. */
static int put_opts(struct nlmsghdr *request, const struct libmq_channel_opts *opts)
{
	put_u32(request, MQ_A_SLOTS, opts->slots);
	put_u64(request, MQ_A_BYTES, opts->bytes);
	put_u32(request, MQ_A_MAX_RECORD, opts->max_record);
	put_u32(request, MQ_A_OVERFLOW, opts->overflow);
	put_u32(request, MQ_A_UID, opts->uid);
	put_u32(request, MQ_A_GID, opts->gid);
	put_u32(request, MQ_A_MODE, opts->mode);
	put_u64(request, MQ_A_FIRST, opts->first);
	put_u32(request, MQ_A_RETAINED_MAX, opts->retained_max);
	put_u64(request, MQ_A_RETAINED_BYTES_MAX, opts->retained_bytes_max);
	if (opts->evict_never)
		mnl_attr_put_u32(request, MQ_A_EVICT_AFTER, 0);
	else
		put_u32(request, MQ_A_EVICT_AFTER, opts->evict_after);
	if (opts->hold)
		mnl_attr_put_u32(request, MQ_A_HOLD, opts->hold - LIBMQ_HOLD_WRITERS);
	return put_claims(request, opts);
}

static int send_opts(struct libmq_admin *admin, uint8_t command, const char *name,
		     const struct libmq_channel_opts *given)
{
	struct libmq_channel_opts opts;
	struct nlmsghdr *request;
	int error = libmq_options(&opts, sizeof(opts), given);

	if (error)
		return error;
	request = libmq_request(admin, command, 0);
	error = put_name(request, name);
	if (!error)
		error = put_opts(request, &opts);
	if (error)
		return error;
	return libmq_call(admin, request, NULL, NULL);
}

static int send_name(struct libmq_admin *admin, uint8_t command, const char *name)
{
	struct nlmsghdr *request = libmq_request(admin, command, 0);
	int error = put_name(request, name);

	return error ? error : libmq_call(admin, request, NULL, NULL);
}

int libmq_admin_create(struct libmq_admin *admin, const char *name,
		       const struct libmq_channel_opts *opts)
{
	return send_opts(admin, MQ_CMD_CHANNEL_CREATE, name, opts);
}

int libmq_admin_delete(struct libmq_admin *admin, const char *name)
{
	return send_name(admin, MQ_CMD_CHANNEL_DELETE, name);
}

int libmq_admin_purge(struct libmq_admin *admin, const char *name)
{
	return send_name(admin, MQ_CMD_CHANNEL_PURGE, name);
}

/*
 * Sleeping programs look for moved claims when the directory of nodes changes
 * (bus_node.c). Other times of the node are such a change and harm nobody. If
 * it fails, they notice with their next record.
 */
static void tell_sleepers(const char *name)
{
	char path[PATH_MAX];

	if (strchr(name, '/'))
		return;
	snprintf(path, sizeof(path), "%s/%s", LIBMQ_DIRECTORY, name);
	utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

int libmq_admin_set(struct libmq_admin *admin, const char *name,
		    const struct libmq_channel_opts *opts)
{
	int error = send_opts(admin, MQ_CMD_CHANNEL_SET, name, opts);

	if (!error)
		tell_sleepers(name);
	return error;
}
