// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn_input.h"
#include "worker.h"

/*
 * Whether what the client sends may be parsed now, and so be read: not while
 * its messages wait for space, and not while it leaves our answers unread.
 */
static bool takes_input(struct conn *conn)
{
	if (conn->state != CONN_OPEN)
		return false;
	if (!source_stalled(&conn->source) && !conn->slow)
		return true;
	return conn->protocol->must_read && conn->source.bytes < conn->queue_max &&
	       conn->protocol->must_read(conn);
}

/* Return: bytes taken; all of them once the connection closes. */
static size_t parse(struct conn *conn, const uint8_t *data, size_t len)
{
	size_t taken = 0;

	while (taken < len && takes_input(conn)) {
		ssize_t n = conn->protocol->input(conn, data + taken, len - taken);

		if (!n)
			break;
		if (n < 0) {
			conn->worker->stats.malformed++;
			conn_close(conn);
			break;
		}
		taken += (size_t)n;
	}
	return conn->state == CONN_OPEN ? taken : len;
}

/* What is in the batch may point into the memory that is about to move. */
static void release_input(struct conn *conn)
{
	if (conn->input.batched && conn->source.batched)
		worker_flush(conn->worker);
	conn->input.batched = false;
}

static int make_room(struct conn_input *input, size_t len)
{
	size_t size = input->size ? input->size : 4096;
	uint8_t *data;

	if (input->taken) {
		input->used -= input->taken;
		memmove(input->data, input->data + input->taken, input->used);
		input->taken = 0;
	}
	while (size - input->used < len)
		size *= 2;
	if (size == input->size)
		return 0;
	data = realloc(input->data, size);
	if (!data)
		return -ENOMEM;
	input->data = data;
	input->size = size;
	return 0;
}

static void keep(struct conn *conn, const uint8_t *data, size_t len)
{
	struct conn_input *input = &conn->input;

	if (!len)
		return;
	release_input(conn);
	if (conn->state != CONN_OPEN)
		return;
	if (make_room(input, len)) {
		log_error("%s: closed: no memory for its input", conn->peer);
		conn_kill(conn);
		return;
	}
	memcpy(input->data + input->used, data, len);
	input->used += len;
}

static void parse_kept(struct conn *conn)
{
	struct conn_input *input = &conn->input;

	input->taken += parse(conn, input->data + input->taken, input->used - input->taken);
	input->batched = conn->source.batched;
	if (input->taken < input->used) {
		/* Protocols know their limits; this one is the last resort. */
		if (takes_input(conn) && input->used - input->taken > conn->input_max) {
			conn->worker->stats.malformed++;
			log_info("%s: closed: a packet of more than %zu bytes", conn->peer,
				 conn->input_max);
			conn_close(conn);
		}
		return;
	}
	input->taken = 0;
	input->used = 0;
}

static void take(struct conn *conn, const uint8_t *data, size_t len)
{
	size_t taken = 0;

	if (conn->input.used) {
		keep(conn, data, len);
		if (conn->state == CONN_OPEN)
			parse_kept(conn);
		return;
	}
	/* What the batch points to is the receive buffer, except for old input. */
	release_input(conn);
	taken = parse(conn, data, len);
	keep(conn, data + taken, len - taken);
}

/* The peer sends nothing more. What it has sent before still counts. */
static void end_input(struct conn *conn)
{
	conn->input_ended = true;
	/* What is in the batch is to be answered, or to wait, before it closes. */
	if (conn->source.batched)
		worker_flush(conn->worker);
	if (conn->state == CONN_LINGER)
		conn_kill(conn);
	else if (!source_stalled(&conn->source) && takes_input(conn))
		conn_close(conn);
}

void conn_read(struct conn *conn)
{
	if (conn->recv.active || conn->input_ended)
		return;
	if (conn->state != CONN_LINGER && !takes_input(conn))
		return;
	/* While nobody listened, its silence meant nothing. */
	conn->heard = loop_now(&conn->worker->loop);
	if (loop_recv(&conn->worker->loop, &conn->recv, conn->fd))
		conn_kill(conn);
}

void conn_pause(struct conn *conn)
{
	if (conn->state == CONN_OPEN && conn->recv.active && !takes_input(conn))
		loop_cancel(&conn->worker->loop, &conn->recv);
}

void conn_resume(struct conn *conn)
{
	if (conn->state != CONN_OPEN)
		return;
	if (!takes_input(conn)) {
		conn_pause(conn);
		return;
	}
	if (conn->input.used)
		parse_kept(conn);
	if (conn->state == CONN_OPEN && conn->input_ended)
		end_input(conn);
	else
		conn_read(conn);
}

void conn_received(struct loop_op *op, int result, int buffer, bool more)
{
	struct conn *conn = (struct conn *)((char *)op - offsetof(struct conn, recv));
	struct worker *worker = conn->worker;

	if (result > 0) {
		conn->heard = loop_now(&worker->loop);
		worker->stats.bytes_in += (uint64_t)result;
		if (conn->state == CONN_OPEN)
			take(conn, loop_buffer(&worker->loop, buffer), (size_t)result);
	}
	if (buffer >= 0)
		worker_spend(worker, buffer);
	if (more || conn->state == CONN_DEAD)
		return;
	if (!result)
		end_input(conn);
	else if (result > 0 || result == -ENOBUFS || result == -ECANCELED || result == -EINTR)
		conn_mark(conn);	/* the turn reads on if it may */
	else
		conn_kill(conn);
}

void conn_input_exit(struct conn *conn)
{
	free(conn->input.data);
	conn->input = (struct conn_input){ 0 };
}
