/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Administration over generic netlink
 *
 *   netlink.c      one call: request and answer; dumps
 *   admin.c        create, delete, set, purge
 *   admin_list.c   channels and subscriptions
 *   admin_event.c  events
 */
#ifndef LIBMQ_NETLINK_H
#define LIBMQ_NETLINK_H

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "private.h"

/* Room for a request: 32 claims of any length do not fit, 60 KiB of them do. */
#define LIBMQ_REQUEST_SIZE 65536
#define LIBMQ_MESSAGE_SIZE 256

/**
 * struct libmq_admin - a connection to the module
 * @socket: for calls
 * @events: for events; NULL: not listening
 * @family: number of the generic netlink family
 * @group: number of its multicast group of events
 * @sequence: of the last call
 * @message: what the kernel said about the last failure
 * @request: where requests are built
 * @pending: events that arrived with the one handed out last
 * @pending_at: where the next of them starts
 * @pending_len: bytes of them
 */
struct libmq_admin {
	struct mnl_socket *socket;
	struct mnl_socket *events;
	uint16_t family;
	uint32_t group;
	uint32_t sequence;
	char message[LIBMQ_MESSAGE_SIZE];
	char request[LIBMQ_REQUEST_SIZE];
	char *pending;
	size_t pending_at;
	size_t pending_len;
};

/* Begins a request of the family in @request. */
struct nlmsghdr *libmq_request(struct libmq_admin *admin, uint8_t command, uint16_t flags);

/*
 * Adds bytes to a request. Strings go with their terminator. -E2BIG: no room.
 */
int libmq_request_put(struct nlmsghdr *request, uint16_t type, const void *data, size_t len);

/* Sends a request; @take gets each message of the answer (may be NULL). */
int libmq_call(struct libmq_admin *admin, struct nlmsghdr *request, mnl_cb_t take, void *arg);

/* The same for a dump; the answer is whole or the call fails. */
int libmq_dump(struct libmq_admin *admin, struct nlmsghdr *request, mnl_cb_t take, void *arg);

/* Attributes of an answer by type; those it lacks are NULL. */
struct libmq_attributes {
	const struct nlattr *of[MQ_A_MAX + 1];
};

void libmq_parse(const struct nlmsghdr *message, struct libmq_attributes *attributes);
uint64_t libmq_attr_u64(const struct libmq_attributes *attributes, uint16_t type);
uint32_t libmq_attr_u32(const struct libmq_attributes *attributes, uint16_t type);
/* Copies a string of at most LIBMQ_NAME_MAX bytes. */
void libmq_attr_name(const struct libmq_attributes *attributes, uint16_t type, char *name);

#endif /* LIBMQ_NETLINK_H */
