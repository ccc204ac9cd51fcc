// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* Up to this size a copy with its identifier is cheaper than three pieces. */
#define COPY_MAX 512

/**
 * struct waiting - a QoS 1 PUBLISH that waits for a place in the window
 * @next: behind it
 * @packet: the packet, in a block of its own
 * @id: where its identifier belongs
 */
struct waiting {
	struct waiting *next;
	struct span packet;
	uint32_t id;
};

int inflight_init(struct inflight *inflight, uint16_t max)
{
	inflight->ids = calloc(max, sizeof(*inflight->ids));
	inflight->max = max;
	inflight->last = &inflight->first;
	return inflight->ids ? 0 : -ENOMEM;
}

void inflight_exit(struct inflight *inflight)
{
	while (inflight->first) {
		struct waiting *waiting = inflight->first;

		inflight->first = waiting->next;
		span_put(waiting->packet);
		free(waiting);
	}
	free(inflight->ids);
	memset(inflight, 0, sizeof(*inflight));
}

static int find(const struct inflight *inflight, uint16_t id)
{
	for (int i = 0; i < inflight->count; i++)
		if (inflight->ids[i] == id)
			return i;
	return -1;
}

static uint16_t take_id(struct inflight *inflight)
{
	do {
		if (!++inflight->last_id)
			inflight->last_id = 1;
	} while (find(inflight, inflight->last_id) >= 0);
	inflight->ids[inflight->count++] = inflight->last_id;
	return inflight->last_id;
}

static void send_part(struct conn *conn, struct span packet, uint32_t offset, uint32_t len)
{
	struct span part = span_part(packet, offset, len);

	conn_send(conn, part);
	span_put(part);
}

static void send_now(struct session *session, struct span packet, uint32_t at)
{
	uint16_t id = take_id(&session->inflight);
	uint8_t bytes[2] = { (uint8_t)(id >> 8), (uint8_t)id };
	uint8_t copy[COPY_MAX];

	if (packet.len <= COPY_MAX) {
		memcpy(copy, span_data(packet), packet.len);
		memcpy(copy + at, bytes, sizeof(bytes));
		conn_write(&session->conn, copy, packet.len);
		return;
	}
	send_part(&session->conn, packet, 0, at);
	conn_write(&session->conn, bytes, sizeof(bytes));
	send_part(&session->conn, packet, at + 2, packet.len - at - 2);
}

/*
 * Copied into a block of its own: it may wait long, and shared blocks are not
 * to be kept alive for one message.
 */
static void wait_for_place(struct session *session, struct span packet, uint32_t id)
{
	struct inflight *inflight = &session->inflight;
	struct waiting *waiting = malloc(sizeof(*waiting));

	if (waiting) {
		waiting->packet = blocks_copy_alone(&session->conn.worker->private_blocks,
						    span_data(packet), packet.len);
		waiting->next = NULL;
		waiting->id = id;
	}
	if (!waiting || !waiting->packet.block) {
		free(waiting);
		conn_fail(&session->conn);
		return;
	}
	*inflight->last = waiting;
	inflight->last = &waiting->next;
	conn_charge(&session->conn, (ssize_t)packet.len);
}

void inflight_send(struct session *session, struct span packet, uint32_t id)
{
	if (session->inflight.count < session->inflight.max)
		send_now(session, packet, id);
	else
		wait_for_place(session, packet, id);
}

bool inflight_acknowledge(struct session *session, uint16_t id)
{
	struct inflight *inflight = &session->inflight;
	struct waiting *waiting = inflight->first;
	int at = find(inflight, id);

	if (at < 0)
		return false;
	inflight->count--;
	memmove(inflight->ids + at, inflight->ids + at + 1,
		(size_t)(inflight->count - at) * sizeof(*inflight->ids));
	if (!waiting)
		return true;
	inflight->first = waiting->next;
	if (!inflight->first)
		inflight->last = &inflight->first;
	/* Charged until it is in the queue, so that the sum never dips. */
	send_now(session, waiting->packet, waiting->id);
	conn_charge(&session->conn, -(ssize_t)waiting->packet.len);
	span_put(waiting->packet);
	free(waiting);
	return true;
}
