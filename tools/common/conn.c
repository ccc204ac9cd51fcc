// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* States, output and the end of a connection. Input is in conn_input.c. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "conn_input.h"
#include "worker.h"

#define SEND_PIECES	128

/* ---- who it is --------------------------------------------------------- */

static void name_ip(struct conn *conn, int family, const void *address, uint16_t port)
{
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(family, address, text, sizeof(text));
	snprintf(conn->peer, sizeof(conn->peer), family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		 text, ntohs(port));
}

static void name_local(struct conn *conn)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len)) {
		snprintf(conn->peer, sizeof(conn->peer), "unix:?");
		return;
	}
	conn->local_uid = peer.uid;
	snprintf(conn->peer, sizeof(conn->peer), "unix:pid %ld", (long)peer.pid);
}

static void set_option(struct conn *conn, int level, int option, int value)
{
	setsockopt(conn->fd, level, option, &value, sizeof(value));
}

static void set_options(struct conn *conn)
{
	/* Each send is all there is in a turn: nothing to wait for. */
	set_option(conn, IPPROTO_TCP, TCP_NODELAY, 1);
	/* A peer that vanished without a word is found out within ten minutes. */
	set_option(conn, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(conn, IPPROTO_TCP, TCP_KEEPIDLE, 300);
	set_option(conn, IPPROTO_TCP, TCP_KEEPINTVL, 100);
	set_option(conn, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

static void identify(struct conn *conn)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(address);

	conn->local_uid = -1;
	if (getpeername(conn->fd, (struct sockaddr *)&address, &len)) {
		snprintf(conn->peer, sizeof(conn->peer), "?");
	} else if (address.ss_family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)&address;

		name_ip(conn, AF_INET, &in->sin_addr, in->sin_port);
	} else if (address.ss_family == AF_INET6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;

		name_ip(conn, AF_INET6, &in6->sin6_addr, in6->sin6_port);
	} else {
		name_local(conn);
	}
	if (address.ss_family != AF_UNIX)
		set_options(conn);
}

/* ---- lists ------------------------------------------------------------- */

static void link_conn(struct conn **head, struct conn *conn)
{
	conn->next = *head;
	conn->previous = head;
	if (conn->next)
		conn->next->previous = &conn->next;
	*head = conn;
}

static void unlink_conn(struct conn *conn)
{
	*conn->previous = conn->next;
	if (conn->next)
		conn->next->previous = conn->previous;
}

void conn_mark(struct conn *conn)
{
	if (conn->dirty)
		return;
	conn->dirty = true;
	conn->dirty_next = conn->worker->dirty;
	conn->worker->dirty = conn;
}

/* ---- the queue and its limit ------------------------------------------- */

static void leave_slow(struct conn *conn)
{
	if (!conn->slow)
		return;
	conn->slow = false;
	conn->worker->slow--;
	conn_mark(conn);
	loop_timer_clear(&conn->worker->loop, &conn->timer);
}

static void become_slow(struct conn *conn)
{
	if (conn->slow)
		return;
	conn->slow = true;
	conn->worker->slow++;
	conn->worker->stats.slow_waits++;
	conn_mark(conn);
}

/* Runs while there is more than max-queue, allowed or not. */
static void check_timer(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (conn_queued(conn) > worker->opts.queue_max) {
		if (!loop_timer_is_set(&conn->timer) &&
		    loop_timer_set(&worker->loop, &conn->timer,
				   loop_now(&worker->loop) + worker->opts.slow_timeout))
			conn_fail(conn);
	} else if (!conn->slow) {
		loop_timer_clear(&worker->loop, &conn->timer);
	}
}

static void check_queue(struct conn *conn)
{
	size_t usual = conn->worker->opts.queue_max;
	size_t queued = conn_queued(conn);

	if (conn->state != CONN_OPEN)
		return;
	/* What was allowed goes with what has been taken, and leaves the usual room. */
	if (conn->queue_max > queued + usual)
		conn->queue_max = queued + usual;
	if (queued > conn->queue_max)
		become_slow(conn);
	else if (queued <= conn->queue_max - usual / 2)
		leave_slow(conn);
	check_timer(conn);
}

void conn_fail(struct conn *conn)
{
	if (conn->failed || conn->state == CONN_DEAD)
		return;
	log_error("%s: closed: no memory for its output", conn->peer);
	conn->failed = true;
	conn_mark(conn);
}

void conn_queue_allow(struct conn *conn, size_t bytes)
{
	if (conn->state != CONN_OPEN)
		return;
	conn->queue_max += bytes;
	if (conn_queued(conn) <= conn->queue_max)
		leave_slow(conn);
	check_timer(conn);
}

void conn_charge(struct conn *conn, ssize_t delta)
{
	conn->charged += (size_t)delta;
	check_queue(conn);
}

void conn_send(struct conn *conn, struct span span)
{
	if (conn->state > CONN_CLOSING || conn->failed)
		return;
	if (!span.block || output_span(&conn->output, span)) {
		conn_fail(conn);
		return;
	}
	conn_mark(conn);
	check_queue(conn);
}

void conn_write(struct conn *conn, const void *bytes, size_t len)
{
	struct span span;

	if (!len)
		return;
	span = blocks_copy(&conn->worker->private_blocks, bytes, len);
	conn_send(conn, span);
	span_put(span);
}

/* ---- sending ----------------------------------------------------------- */

static void sent(struct loop_op *op, int result, int buffer, bool more)
{
	struct conn *conn = (struct conn *)((char *)op - offsetof(struct conn, send));

	(void)buffer;
	(void)more;
	if (result < 0 && result != -EINTR && result != -EAGAIN) {
		output_sent(&conn->output, 0);
		if (conn->state != CONN_DEAD && result != -EPIPE && result != -ECONNRESET)
			log_info("%s: sending failed: %s", conn->peer, strerror(-result));
		conn_kill(conn);
		return;
	}
	output_sent(&conn->output, result > 0 ? (size_t)result : 0);
	conn->worker->stats.bytes_out += result > 0 ? (uint64_t)result : 0;
	if (conn->state == CONN_DEAD)
		return;
	/* One that takes what it was allowed has time anew; a slow one has not. */
	if (conn->state == CONN_OPEN && !conn->slow && result > 0)
		loop_timer_clear(&conn->worker->loop, &conn->timer);
	check_queue(conn);
	conn_mark(conn);
}

static void start_send(struct conn *conn)
{
	struct worker *worker = conn->worker;
	struct iovec *pieces;
	unsigned int count;

	if (worker->iovecs_used + SEND_PIECES > WORKER_IOVECS) {
		loop_submit(&worker->loop);
		worker->iovecs_used = 0;
	}
	pieces = worker->iovecs + worker->iovecs_used;
	count = output_gather(&conn->output, pieces, SEND_PIECES);
	worker->iovecs_used += count;
	conn->message = (struct msghdr){ .msg_iov = pieces, .msg_iovlen = count };
	if (loop_sendmsg(&worker->loop, &conn->send, conn->fd, &conn->message)) {
		output_sent(&conn->output, 0);
		conn_kill(conn);
	}
}

/* All that was queued has been sent: the peer may see the end now. */
static void start_linger(struct conn *conn)
{
	struct worker *worker = conn->worker;

	shutdown(conn->fd, SHUT_WR);
	conn->state = CONN_LINGER;
	if (conn->input_ended ||
	    loop_timer_set(&worker->loop, &conn->timer, loop_now(&worker->loop) + CONN_LINGER_MS))
		conn_kill(conn);
	else
		conn_read(conn);
}

void conn_flush(struct conn *conn)
{
	if (conn->failed)
		conn_kill(conn);
	if (conn->state == CONN_DEAD)
		return;
	if (conn->state == CONN_OPEN)
		conn_resume(conn);
	if (conn->state == CONN_DEAD || conn->send.active)
		return;
	if (conn->output.bytes)
		start_send(conn);
	else if (conn->state == CONN_CLOSING)
		start_linger(conn);
	else if (conn->state == CONN_LINGER)
		conn_read(conn);	/* if it ended for lack of buffers */
}

/* ---- the beginning and the end ----------------------------------------- */

static void published(struct source *source, uint64_t cookie,
		      const struct libmq_message *message, const struct libmq_result *result)
{
	struct conn *conn = source_conn(source);

	worker_count_result(conn->worker, conn->peer, message, result);
	conn->protocol->published(conn, cookie, message, result);
}

void conn_publish(struct conn *conn, const struct libmq_message *message, uint64_t cookie)
{
	batch_publish(&conn->worker->batch, &conn->source, message, cookie);
}

/* The client had its time: a slow one is told, a closing one is cut off. */
static void out_of_time(struct loop_timer *timer)
{
	struct conn *conn = (struct conn *)((char *)timer - offsetof(struct conn, timer));
	struct worker *worker = conn->worker;

	if (conn->state != CONN_OPEN) {
		conn_kill(conn);
		return;
	}
	worker->stats.slow_closed++;
	log_limited(&worker->slow_log, LOG_LEVEL_WARNING,
		    "%s: closed: %zu bytes were queued for it and it did not take them within %u ms (--max-queue, --slow-client-timeout)",
		    conn->peer, conn_queued(conn), worker->opts.slow_timeout);
	if (conn->protocol->too_slow)
		conn->protocol->too_slow(conn);
	conn_close(conn);
}

struct conn *conn_open(struct worker *worker, const struct protocol *protocol, int fd)
{
	struct conn *conn = calloc(1, protocol->conn_size);

	if (!conn) {
		log_error("a connection was closed at once: out of memory");
		close(fd);
		return NULL;
	}
	conn->worker = worker;
	conn->protocol = protocol;
	conn->fd = fd;
	conn->input_max = worker->opts.input_max;
	conn->queue_max = worker->opts.queue_max;
	conn->heard = loop_now(&worker->loop);
	conn->recv.done = conn_received;
	conn->send.done = sent;
	conn->timer.run = out_of_time;
	source_init(&conn->source, published);
	identify(conn);
	link_conn(&worker->connections, conn);
	worker->connection_count++;
	if (protocol->opened(conn))
		conn_kill(conn);
	else
		conn_mark(conn);	/* the turn starts reading */
	return conn;
}

/* Nothing that is for an open connection happens after this. */
static void leave_open(struct conn *conn, enum conn_state state)
{
	leave_slow(conn);
	conn->state = state;
	conn->protocol->closed(conn);
}

void conn_close(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (conn->state != CONN_OPEN)
		return;
	leave_open(conn, CONN_CLOSING);
	if (conn->state != CONN_CLOSING)
		return;
	conn_mark(conn);
	if (loop_timer_set(&worker->loop, &conn->timer,
			   loop_now(&worker->loop) + worker->opts.slow_timeout))
		conn_kill(conn);
}

void conn_kill(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (conn->state == CONN_DEAD)
		return;
	if (conn->state == CONN_OPEN)
		leave_open(conn, CONN_DEAD);
	conn->state = CONN_DEAD;
	worker->stats.bytes_dropped += conn->output.bytes;
	loop_timer_clear(&worker->loop, &conn->timer);
	/* Ends both operations; the cancels are for sockets that don't care. */
	shutdown(conn->fd, SHUT_RDWR);
	loop_cancel(&worker->loop, &conn->recv);
	loop_cancel(&worker->loop, &conn->send);
	unlink_conn(conn);
	worker->connection_count--;
	link_conn(&worker->dead, conn);
}

bool conn_reap(struct conn *conn)
{
	struct worker *worker = conn->worker;
	uint64_t lost;

	if (conn->recv.active || conn->send.active || conn->source.batched || conn->dirty)
		return false;
	lost = source_exit(&worker->batch, &conn->source, &worker->own);
	if (lost)
		log_limited(&worker->lost_log, LOG_LEVEL_WARNING,
			    "%s: %llu messages are lost: the client has gone, the channel has no space, and too much waits for it already",
			    conn->peer, (unsigned long long)lost);
	conn->protocol->freed(conn);
	output_exit(&conn->output);
	conn_input_exit(conn);
	unlink_conn(conn);
	close(conn->fd);
	free(conn);
	return true;
}
