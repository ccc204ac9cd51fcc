// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "session.h"

#define TABLE_MIN 256

/* ---- the table --------------------------------------------------------- */

uint32_t session_hash(const char *id, uint32_t len)
{
	uint32_t hash = 2166136261u;

	for (uint32_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)id[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static struct session **bucket(const struct mqttd *mqttd, const char *id, uint32_t len)
{
	return &mqttd->table[session_hash(id, len) & (mqttd->size - 1)];
}

static void grow_table(struct mqttd *mqttd)
{
	struct session **table = calloc(mqttd->size * 2, sizeof(struct session *));
	struct session **old = mqttd->table;
	uint32_t size = mqttd->size;

	if (!table)
		return;		/* longer chains, no error */
	mqttd->table = table;
	mqttd->size = size * 2;
	for (uint32_t i = 0; i < size; i++) {
		while (old[i]) {
			struct session *session = old[i];
			struct session **to = bucket(mqttd, session->client_id,
						     session->client_id_len);

			old[i] = session->chain;
			session->chain = *to;
			*to = session;
		}
	}
	free(old);
}

static struct session *table_find(const struct mqttd *mqttd, const char *id, uint32_t len)
{
	struct session *session = *bucket(mqttd, id, len);

	while (session && (session->client_id_len != len || memcmp(session->client_id, id, len)))
		session = session->chain;
	return session;
}

static void table_add(struct mqttd *mqttd, struct session *session)
{
	struct session **at;

	if (mqttd->count >= mqttd->size)
		grow_table(mqttd);
	at = bucket(mqttd, session->client_id, session->client_id_len);
	session->chain = *at;
	*at = session;
	mqttd->count++;
}

static void table_remove(struct mqttd *mqttd, struct session *session)
{
	struct session **at;

	if (!session->client_id)
		return;
	at = bucket(mqttd, session->client_id, session->client_id_len);
	while (*at && *at != session)
		at = &(*at)->chain;
	if (!*at)
		return;		/* taken over */
	*at = session->chain;
	mqttd->count--;
}

int sessions_init(struct mqttd *mqttd, struct worker *worker)
{
	mqttd->worker = worker;
	worker->context = mqttd;
	mqttd->size = TABLE_MIN;
	mqttd->table = calloc(TABLE_MIN, sizeof(struct session *));
	return mqttd->table ? 0 : -ENOMEM;
}

void sessions_exit(struct mqttd *mqttd)
{
	free(mqttd->table);
	free(mqttd->properties);
	mqttd->table = NULL;
	mqttd->properties = NULL;
}

/* ---- identifiers ------------------------------------------------------- */

static int make_id(char *buffer, size_t size)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	return snprintf(buffer, size, "mq-%016" PRIx64, random);
}

int session_name(struct session *session, struct mqtt_bytes client_id, bool clean)
{
	struct mqttd *mqttd = session->mqttd;
	struct session *before;
	char made[32];

	if (!client_id.len) {
		int len = make_id(made, sizeof(made));

		if (len < 0)
			return len;
		client_id = (struct mqtt_bytes){ (const uint8_t *)made, (uint32_t)len };
	}
	session->client_id = malloc(client_id.len + 1);
	if (!session->client_id)
		return -ENOMEM;
	memcpy(session->client_id, client_id.data, client_id.len);
	session->client_id[client_id.len] = '\0';
	session->client_id_len = client_id.len;
	before = table_find(mqttd, session->client_id, session->client_id_len);
	if (before) {
		log_info("%s: its client identifier was taken over by %s", before->conn.peer,
			 session->conn.peer);
		will_taken_over(before, clean);
		session_disconnect(before, MQTT_TAKEN_OVER);
	}
	will_client_returns(session, clean);
	table_add(mqttd, session);
	return 0;
}

/* ---- being told off ---------------------------------------------------- */

/* The last packet it gets: acknowledgements come before it, or not at all. */
static void put_refusal(struct session *session, uint8_t reason)
{
	uint8_t buffer[16];
	struct writer writer = writer_at(buffer, sizeof(buffer));
	struct mqtt_connack connack = { .reason = reason };

	if (session->conn.source.batched)
		worker_flush(session->conn.worker);
	session->refused = true;
	if (session->client_id)
		mqtt_put_disconnect(&writer, session->version, reason);
	else if (session->version == MQTT_5 || (session->version && mqtt_connack_3(reason)))
		mqtt_put_connack(&writer, session->version, &connack);
	conn_write(&session->conn, buffer, writer.used);
}

void session_disconnect(struct session *session, uint8_t reason)
{
	if (session->conn.state != CONN_OPEN)
		return;
	put_refusal(session, reason);
	conn_close(&session->conn);
}

int session_refuse(struct session *session, uint8_t reason, const char *what)
{
	char id[64] = "";

	if (session->client_id)
		log_quote(id, sizeof(id), session->client_id, session->client_id_len);
	log_limited(&session->mqttd->bad_log, LOG_LEVEL_WARNING, "%s: client '%s' closed: %s: %s",
		    session->conn.peer, id, mqtt_reason_text(reason), what);
	session_disconnect(session, reason);
	return -1;
}

void session_too_slow(struct conn *conn)
{
	put_refusal(conn_session(conn), MQTT_QUOTA_EXCEEDED);
}

void session_stopping(struct conn *conn)
{
	struct session *session = conn_session(conn);

	session->mqttd->stopping = true;
	if (session->client_id)
		put_refusal(session, MQTT_SERVER_STOPS);
}

/* ---- time -------------------------------------------------------------- */

static void set_timer(struct session *session, uint64_t due)
{
	if (loop_timer_set(&session->mqttd->worker->loop, &session->timer, due))
		session_refuse(session, MQTT_SERVER_BUSY, "out of memory");
}

/*
 * Packets only note the time; what is due is found out when the timer runs. A
 * client that isn't read, because its publishes wait for space or it leaves too
 * much unread itself, can't be heard.
 */
static void timer_run(struct loop_timer *timer)
{
	struct session *session =
		(struct session *)((char *)timer - offsetof(struct session, timer));
	struct worker *worker = session->mqttd->worker;
	uint64_t due = session->conn.heard + session->keep_alive;

	if (!session->client_id) {
		session_refuse(session, MQTT_KEEP_ALIVE_TIMEOUT, "no CONNECT came");
		return;
	}
	if (source_stalled(&session->conn.source) || session->conn.slow)
		due = loop_now(&worker->loop) + session->keep_alive;
	if (due > loop_now(&worker->loop))
		set_timer(session, due);
	else
		session_refuse(session, MQTT_KEEP_ALIVE_TIMEOUT,
			       "nothing came for one and a half times the keep alive");
}

void session_set_keep_alive(struct session *session, uint16_t seconds)
{
	struct loop *loop = &session->mqttd->worker->loop;

	session->keep_alive = (uint32_t)seconds * 1500;
	if (seconds)
		set_timer(session, loop_now(loop) + session->keep_alive);
	else
		loop_timer_clear(loop, &session->timer);
}

/* ---- beginning and end ------------------------------------------------- */

int session_opened(struct conn *conn)
{
	struct session *session = conn_session(conn);
	struct loop *loop = &conn->worker->loop;

	session->mqttd = conn->worker->context;
	session->packet_max = UINT32_MAX;
	session->timer.run = timer_run;
	return loop_timer_set(loop, &session->timer, loop_now(loop) + CONNECT_TIMEOUT_MS);
}

void session_closed(struct conn *conn)
{
	struct session *session = conn_session(conn);

	loop_timer_clear(&conn->worker->loop, &session->timer);
	table_remove(session->mqttd, session);
	session_unsubscribe_all(session);
	will_fire(session);
}

void session_freed(struct conn *conn)
{
	struct session *session = conn_session(conn);

	will_orphan(session);
	inflight_exit(&session->inflight);
	session_free_aliases(session);
	free(session->client_id);
}

/*
 * Its acknowledgements open the window for what waits in its queue; not to
 * read them while the queue holds up the bus would be a deadlock.
 */
bool session_must_read(struct conn *conn)
{
	return conn_session(conn)->inflight.count > 0;
}
