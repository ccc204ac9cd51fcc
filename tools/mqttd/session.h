/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: MQTT sessions
 *
 *   main.c       options; the protocol's table for the worker
 *   session.c    clients by identifier, take-over, errors, keep-alive, the end
 *   input.c      frames from a connection, the table of packets
 *   connect.c    CONNECT
 *   publish.c    PUBLISH and PUBACK from clients, and what becomes of them
 *   subscribe.c  SUBSCRIBE, UNSUBSCRIBE, retained values
 *   deliver.c    records to clients: who gets them, encoded once per variant
 *   inflight.c   the window of QoS 1 messages to one client
 *   metadata.c   MQTT 5.0 properties <-> metadata of records
 *   will.c       what is published when a client goes without a goodbye
 *   mqtt_*codec  the wire format
 *
 * A session lives as long as its connection: that is told to clients (session
 * present 0, session expiry 0). Before CONNECT its version is 0 and it is in
 * no table.
 *
 * A will is left with the kernel as long as it may be needed, so that it is
 * published, once, whatever becomes of this daemon; the daemon tells the kernel
 * to forget it or to publish it now. It is
 *
 *   the session's   from CONNECT to the end of the connection
 *   waiting         for its delay (at most the session expiry that the client
 *                   asked for), and until what the client published before is in:
 *                   in mqttd.wills, by client identifier
 *   published       or forgotten: a client that comes back in time, and does not
 *                   begin a new session, is not dead
 *
 * The kernel may refuse to take it (limits, no channel for the topic): then the
 * daemon alone has it, which is logged and counted. It publishes that one, and one
 * that the kernel has lost (channel deleted, claims moved), like any message.
 */
#ifndef MQTTD_SESSION_H
#define MQTTD_SESSION_H

#include "mqtt_codec.h"
#include "worker.h"

#define CONNECT_TIMEOUT_MS	10000
#define SUBSCRIPTIONS_MAX	4096	/* of one client */
#define TOPIC_ALIAS_MAX		32	/* from one client */
/*
 * Filters of one client overlap as it likes, so retained values may be due to it
 * many times over. With so many bytes unread it gets no others.
 */
#define RETAINED_UNREAD_MAX	(64 << 20)
#define WILL_BUCKETS		1024

struct request;
struct session;
struct will;

/**
 * struct mqttd - what all sessions of a worker share
 * @worker: the worker
 * @table: sessions by client identifier, chained
 * @size: buckets, a power of two
 * @count: sessions in it
 * @max_inflight: --max-inflight
 * @max_keep_alive: --max-keep-alive in seconds; 0: whatever clients ask for
 * @deliveries: number of the record that is being delivered
 * @properties: room for the properties of one record
 * @properties_size: bytes of it
 * @bad_log: budget for lines about clients that break the rules
 * @record_log: and about records that can't be sent to MQTT clients
 * @will_log: and about wills that the kernel does not take
 * @will_ids: counts wills that the kernel has taken
 * @wills: wills that wait, by client identifier, chained
 * @stopping: no delay is waited for any more
 * @ended: nothing at all is: the loop does not run any more
 */
struct mqttd {
	struct worker *worker;
	struct session **table;
	uint32_t size;
	uint32_t count;
	uint64_t max_inflight;
	uint64_t max_keep_alive;
	uint64_t deliveries;
	uint8_t *properties;
	size_t properties_size;
	struct log_source bad_log;
	struct log_source record_log;
	struct log_source will_log;
	uint64_t will_ids;
	struct will *wills[WILL_BUCKETS];
	bool stopping;
	bool ended;
};

/**
 * struct subscription - what a client wants
 * @sub: in the worker's index
 * @session: whose
 * @next: of the same session
 * @previous: pointer that points here
 * @mark: libmq_bus_mark() of its beginning
 * @request: of the SUBSCRIBE being handled, or NULL
 * @qos: granted
 * @no_local: not what the client itself publishes
 * @retain_as_published: keep the retain flag
 */
struct subscription {
	struct sub sub;
	struct session *session;
	struct subscription *next;
	struct subscription **previous;
	uint64_t mark;
	struct request *request;
	uint8_t qos;
	bool no_local;
	bool retain_as_published;
};

/* A QoS 1 message that waits for a place in the window. */
struct waiting;

/**
 * struct inflight - QoS 1 messages on their way to a client
 * @ids: packet identifiers of those not yet acknowledged, oldest first
 * @count: how many
 * @max: the window
 * @last_id: identifier given last
 * @first: messages that wait for a place
 * @last: the pointer to append at
 */
struct inflight {
	uint16_t *ids;
	uint16_t count;
	uint16_t max;
	uint16_t last_id;
	struct waiting *first;
	struct waiting **last;
};

/**
 * struct session - a client
 * @conn: its connection; first
 * @mqttd: shared
 * @chain: in the table
 * @client_id: identifier, terminated; NULL before CONNECT
 * @client_id_len: bytes of it
 * @version: enum mqtt_version; 0 before CONNECT
 * @keep_alive: ms without a word after which it is gone; 0: for ever
 * @timer: of that, or of the time until CONNECT
 * @session_expiry: as the client asked in CONNECT
 * @refused: it has been told why it is closed: nothing may follow
 * @packet_max: longest packet that the client takes
 * @aliases: its topic aliases, 1 first; texts of their own, or NULL
 * @subscriptions: what it wants
 * @subscription_count: how many
 * @no_local_count: those of them with No Local
 * @inflight: QoS 1 messages to it
 * @will: its will, or NULL
 * @delivery: number of the record for which the next four are meant
 * @delivery_next: next client that gets it
 * @delivery_qos: highest QoS of its subscriptions that match
 * @delivery_retain: one of them wants the retain flag as published
 */
struct session {
	struct conn conn;
	struct mqttd *mqttd;
	struct session *chain;
	char *client_id;
	uint32_t client_id_len;
	uint8_t version;
	uint32_t keep_alive;
	struct loop_timer timer;
	uint32_t session_expiry;
	bool refused;
	uint32_t packet_max;
	struct mqtt_bytes *aliases;
	struct subscription *subscriptions;
	uint32_t subscription_count;
	uint32_t no_local_count;
	struct inflight inflight;
	struct will *will;
	uint64_t delivery;
	struct session *delivery_next;
	uint8_t delivery_qos;
	bool delivery_retain;
};

static inline struct session *conn_session(struct conn *conn)
{
	return (struct session *)conn;
}

/* ---- session.c --------------------------------------------------------- */

int sessions_init(struct mqttd *mqttd, struct worker *worker);
void sessions_exit(struct mqttd *mqttd);

/* Functions of struct protocol. */
int session_opened(struct conn *conn);
void session_closed(struct conn *conn);
void session_freed(struct conn *conn);
void session_too_slow(struct conn *conn);
void session_stopping(struct conn *conn);
bool session_must_read(struct conn *conn);

/*
 * Gives the session its identifier and puts it into the table; whoever had the
 * identifier before is told so and closed, and its session ends (@clean) or is
 * taken for this one. An empty identifier is replaced.
 * Return: 0 or -ENOMEM.
 */
int session_name(struct session *session, struct mqtt_bytes client_id, bool clean);
uint32_t session_hash(const char *client_id, uint32_t len);
void session_set_keep_alive(struct session *session, uint16_t seconds);

/*
 * The client broke a rule, or can't be served: tells it (DISCONNECT of 5.0,
 * CONNACK before the connection is accepted), logs @what, and closes.
 * Return: -1, what struct protocol's input() returns then.
 */
int session_refuse(struct session *session, uint8_t reason, const char *what);
/* Sends DISCONNECT (5.0) and closes, without a word in the log. */
void session_disconnect(struct session *session, uint8_t reason);

/* ---- input.c, connect.c ------------------------------------------------ */

ssize_t session_input(struct conn *conn, const uint8_t *data, size_t len);
/* Handlers of packets: 0, or what session_refuse() returned. */
int session_connect(struct session *session, const struct mqtt_packet *packet);

/* ---- publish.c --------------------------------------------------------- */

int session_publish(struct session *session, const struct mqtt_packet *packet);
int session_puback(struct session *session, const struct mqtt_packet *packet);
void session_published(struct conn *conn, uint64_t cookie, const struct libmq_message *message,
		       const struct libmq_result *result);
void session_free_aliases(struct session *session);

/* ---- subscribe.c ------------------------------------------------------- */

int session_subscribe(struct session *session, const struct mqtt_packet *packet);
int session_unsubscribe(struct session *session, const struct mqtt_packet *packet);
void session_unsubscribe_all(struct session *session);

/* ---- deliver.c --------------------------------------------------------- */

/* A record came from a channel. */
void deliver_record(struct worker *worker, const struct libmq_record *record);
/* A retained value for one client. */
void deliver_retained(struct session *session, const struct libmq_record *record, uint8_t qos);

/* ---- inflight.c -------------------------------------------------------- */

int inflight_init(struct inflight *inflight, uint16_t max);
void inflight_exit(struct inflight *inflight);
/*
 * Sends a QoS 1 PUBLISH whose packet identifier lies at @id, now or when the
 * window has a place.
 */
void inflight_send(struct session *session, struct span packet, uint32_t id);
/* The client has acknowledged. Return: false: there is no such message. */
bool inflight_acknowledge(struct session *session, uint16_t id);

/* ---- metadata.c -------------------------------------------------------- */

/* Bytes that metadata_write() needs at most. */
size_t metadata_size(const struct mqtt_properties *properties, uint32_t client_id_len);
/* Return: bytes of metadata. @client_id NULL: without. */
size_t metadata_write(uint8_t *buffer, size_t size, const struct mqtt_properties *properties,
		      const char *client_id, uint32_t client_id_len);

/**
 * struct metadata - what a record's metadata says to an MQTT daemon
 * @expired: it is too old
 * @client_id: who published it, or empty
 * @properties: raw properties for MQTT 5.0; valid until the next record
 */
struct metadata {
	bool expired;
	struct mqtt_bytes client_id;
	struct mqtt_bytes properties;
};

/* Whatever the metadata is, what comes out can be sent. */
void metadata_read(struct mqttd *mqttd, const struct libmq_record *record,
		   struct metadata *metadata);

/* ---- will.c ------------------------------------------------------------ */

/* Copies what CONNECT says. Return: -ENOMEM. */
int will_take(struct session *session, const struct mqtt_will *will);
/* The session would end that long after its connection: no delay is longer. */
void will_session_expiry(struct session *session, uint32_t seconds);
/* Leaves it with the kernel; the client is connected now. */
void will_register(struct session *session);
/* The client said goodbye. Total. */
void will_forget(struct session *session);
/* The connection has ended: publishes the will, if there is one, when it is time. */
void will_fire(struct session *session);
/* The session is freed; its messages have gone to the worker's own source. */
void will_orphan(struct session *session);
/*
 * A client connects with the identifier of @session, which ends, or of one whose
 * will waits; @clean: it begins a new session.
 */
void will_taken_over(struct session *session, bool clean);
void will_client_returns(struct session *session, bool clean);
/* The daemon ends: publishes all that wait. */
void wills_stop(struct mqttd *mqttd);

#endif /* MQTTD_SESSION_H */
