/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: MQTT 3.1, 3.1.1 and 5.0, the wire format
 *
 * Pure: bytes to structures and back, no sockets, no state, no memory. Texts
 * of a decoded packet point into its bytes.
 *
 *	len = mqtt_frame(data, len, &frame);	0: not whole yet
 *	reason = mqtt_decode(&frame, version, &packet);
 *	mqtt_put_publish(&writer, version, &packet.publish);
 *
 * Decoding is strict: reserved bits, lengths that must be used up, UTF-8, what
 * may stand where and how often. What is wrong is told as MQTT 5.0's reason
 * code; a 3.x connection has no way to pass it on but the log has. What the
 * codec does not judge is policy: limits of the server, whether a filter is
 * good, QoS that it doesn't do.
 *
 *	mqtt_codec.c		frames and packets that clients send
 *	mqtt_property_codec.c	properties
 *	mqtt_put_codec.c	packets that the server sends
 */
#ifndef MQTTD_MQTT_CODEC_H
#define MQTTD_MQTT_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cursor.h"

/* Bytes of the fixed header at most, and the largest remaining length. */
#define MQTT_HEADER_MAX		5
#define MQTT_REMAINING_MAX	268435455

enum mqtt_version {
	MQTT_3_1 = 3,
	MQTT_3_1_1 = 4,
	MQTT_5 = 5,
};

enum mqtt_type {
	MQTT_CONNECT = 1,
	MQTT_CONNACK,
	MQTT_PUBLISH,
	MQTT_PUBACK,
	MQTT_PUBREC,
	MQTT_PUBREL,
	MQTT_PUBCOMP,
	MQTT_SUBSCRIBE,
	MQTT_SUBACK,
	MQTT_UNSUBSCRIBE,
	MQTT_UNSUBACK,
	MQTT_PINGREQ,
	MQTT_PINGRESP,
	MQTT_DISCONNECT,
	MQTT_AUTH,
	MQTT_TYPES,
};

/* MQTT 5.0, section 2.4; 3.x's own codes are in mqtt_connack_3(). */
enum mqtt_reason {
	MQTT_SUCCESS = 0x00,
	MQTT_GRANTED_1 = 0x01,
	MQTT_DISCONNECT_WITH_WILL = 0x04,
	MQTT_NO_MATCHING_SUBSCRIBERS = 0x10,
	MQTT_NO_SUBSCRIPTION = 0x11,
	MQTT_UNSPECIFIED_ERROR = 0x80,
	MQTT_MALFORMED = 0x81,
	MQTT_PROTOCOL_ERROR = 0x82,
	MQTT_IMPLEMENTATION_ERROR = 0x83,
	MQTT_BAD_VERSION = 0x84,
	MQTT_BAD_CLIENT_ID = 0x85,
	MQTT_BAD_CREDENTIALS = 0x86,
	MQTT_NOT_AUTHORIZED = 0x87,
	MQTT_SERVER_BUSY = 0x89,
	MQTT_SERVER_STOPS = 0x8b,
	MQTT_BAD_AUTH_METHOD = 0x8c,
	MQTT_KEEP_ALIVE_TIMEOUT = 0x8d,
	MQTT_TAKEN_OVER = 0x8e,
	MQTT_BAD_FILTER = 0x8f,
	MQTT_BAD_TOPIC = 0x90,
	MQTT_RECEIVE_MAXIMUM = 0x93,
	MQTT_BAD_ALIAS = 0x94,
	MQTT_TOO_LARGE = 0x95,
	MQTT_QUOTA_EXCEEDED = 0x97,
	MQTT_BAD_PAYLOAD = 0x99,
	MQTT_BAD_QOS = 0x9b,
	MQTT_NO_SHARED_SUBSCRIPTIONS = 0x9e,
	MQTT_NO_SUBSCRIPTION_IDS = 0xa1,
};

/* "malformed packet", for the log. */
const char *mqtt_reason_text(uint8_t reason);
const char *mqtt_type_text(enum mqtt_type type);

/* Some bytes. Texts are valid UTF-8 without U+0000. */
struct mqtt_bytes {
	const uint8_t *data;
	uint32_t len;
};

/* ---- properties ------------------------------------------------------- */

enum mqtt_property {
	MQTT_PAYLOAD_FORMAT = 0x01,
	MQTT_MESSAGE_EXPIRY = 0x02,
	MQTT_CONTENT_TYPE = 0x03,
	MQTT_RESPONSE_TOPIC = 0x08,
	MQTT_CORRELATION_DATA = 0x09,
	MQTT_SUBSCRIPTION_ID = 0x0b,
	MQTT_SESSION_EXPIRY = 0x11,
	MQTT_ASSIGNED_CLIENT_ID = 0x12,
	MQTT_SERVER_KEEP_ALIVE = 0x13,
	MQTT_AUTH_METHOD = 0x15,
	MQTT_AUTH_DATA = 0x16,
	MQTT_REQUEST_PROBLEM_INFO = 0x17,
	MQTT_WILL_DELAY = 0x18,
	MQTT_REQUEST_RESPONSE_INFO = 0x19,
	MQTT_RESPONSE_INFO = 0x1a,
	MQTT_SERVER_REFERENCE = 0x1c,
	MQTT_REASON_STRING = 0x1f,
	MQTT_RECEIVE_MAX = 0x21,
	MQTT_TOPIC_ALIAS_MAX = 0x22,
	MQTT_TOPIC_ALIAS = 0x23,
	MQTT_MAXIMUM_QOS = 0x24,
	MQTT_RETAIN_AVAILABLE = 0x25,
	MQTT_USER_PROPERTY = 0x26,
	MQTT_MAXIMUM_PACKET_SIZE = 0x27,
	MQTT_WILDCARDS_AVAILABLE = 0x28,
	MQTT_SUBSCRIPTION_IDS_AVAILABLE = 0x29,
	MQTT_SHARED_AVAILABLE = 0x2a,
	MQTT_PROPERTIES,
};

/**
 * struct mqtt_property_value - one property
 * @id: which
 * @number: a number's value
 * @text: a text's, or a user property's name
 * @value: a user property's value
 */
struct mqtt_property_value {
	enum mqtt_property id;
	uint32_t number;
	struct mqtt_bytes text;
	struct mqtt_bytes value;
};

/**
 * struct mqtt_properties - the properties of a packet, checked
 * @raw: their bytes without the length in front
 * @present: bit (1 << id) for each that is there
 * @payload_format: MQTT_PAYLOAD_FORMAT, and so on; 0 or empty if not there.
 *
 * User properties are found with mqtt_property_next() over @raw.
 */
struct mqtt_properties {
	struct mqtt_bytes raw;
	uint64_t present;
	uint8_t payload_format;
	uint8_t request_problem_info;
	uint16_t receive_max;
	uint16_t topic_alias_max;
	uint16_t topic_alias;
	uint32_t message_expiry;
	uint32_t session_expiry;
	uint32_t will_delay;
	uint32_t maximum_packet_size;
	struct mqtt_bytes content_type;
	struct mqtt_bytes response_topic;
	struct mqtt_bytes correlation_data;
	struct mqtt_bytes auth_method;
	struct mqtt_bytes reason_string;
};

static inline bool mqtt_has(const struct mqtt_properties *properties, enum mqtt_property id)
{
	return properties->present & UINT64_C(1) << id;
}

/* A will's properties come in CONNECT, with rules of their own. */
#define MQTT_WILL_PROPERTIES 0

/*
 * Takes the properties of a packet of @type (or MQTT_WILL_PROPERTIES), with
 * their length. Return: MQTT_SUCCESS or a reason.
 */
uint8_t mqtt_take_properties(struct cursor *cursor, unsigned int type,
			     struct mqtt_properties *properties);
/* Takes the next of some properties. Return: false at the end. */
bool mqtt_property_next(struct cursor *raw, struct mqtt_property_value *value);

/* 1..4 bytes, 7 bits each, low first. Fails on longer or padded ones. */
uint32_t mqtt_take_varint(struct cursor *cursor);
void mqtt_put_varint(struct writer *writer, uint32_t value);
unsigned int mqtt_varint_size(uint32_t value);
/* Length and text; @text is checked. Return: MQTT_SUCCESS or MQTT_MALFORMED. */
uint8_t mqtt_take_text(struct cursor *cursor, struct mqtt_bytes *text);
struct mqtt_bytes mqtt_take_binary(struct cursor *cursor);
bool mqtt_text_valid(const void *data, size_t len);
/* Whether a text may be published on: not empty, no wildcards. */
bool mqtt_names_topic(struct mqtt_bytes text);

/* ---- packets from clients ---------------------------------------------- */

/**
 * struct mqtt_frame - a packet that is whole
 * @type: type
 * @flags: low bits of the first byte
 * @body: what follows the fixed header
 * @len: bytes of @body
 */
struct mqtt_frame {
	enum mqtt_type type;
	uint8_t flags;
	const uint8_t *body;
	uint32_t len;
};

/*
 * Return: bytes of the packet at @data; 0: more are needed (frame->type and
 * ->len are set if they are known, else type is 0); -1: not a packet.
 */
int64_t mqtt_frame(const uint8_t *data, size_t len, struct mqtt_frame *frame);

struct mqtt_will {
	bool present;
	bool retain;
	uint8_t qos;
	struct mqtt_bytes topic;
	struct mqtt_bytes payload;
	struct mqtt_properties properties;
};

struct mqtt_connect {
	uint8_t version;
	bool clean;
	bool has_user;
	bool has_password;
	uint16_t keep_alive;
	struct mqtt_bytes client_id;
	struct mqtt_bytes user;
	struct mqtt_bytes password;
	struct mqtt_will will;
	struct mqtt_properties properties;
};

struct mqtt_publish {
	bool dup;
	bool retain;
	uint8_t qos;
	uint16_t id;		/* not 0 if qos is not */
	struct mqtt_bytes topic;
	struct mqtt_bytes payload;
	struct mqtt_properties properties;
};

/* PUBACK, PUBREC, PUBREL, PUBCOMP */
struct mqtt_ack {
	uint16_t id;
	uint8_t reason;
	struct mqtt_properties properties;
};

/* SUBSCRIBE and UNSUBSCRIBE; mqtt_topic_next() takes what @topics holds. */
struct mqtt_subscribe {
	uint16_t id;
	unsigned int count;
	struct mqtt_bytes topics;
	struct mqtt_properties properties;
};

struct mqtt_topic {
	struct mqtt_bytes filter;
	uint8_t qos;
	uint8_t retain_handling;
	bool no_local;
	bool retain_as_published;
};

/* Takes the next filter; @options tells SUBSCRIBE from UNSUBSCRIBE. */
bool mqtt_topic_next(struct cursor *topics, bool options, struct mqtt_topic *topic);

/* DISCONNECT and AUTH */
struct mqtt_disconnect {
	uint8_t reason;
	struct mqtt_properties properties;
};

struct mqtt_packet {
	enum mqtt_type type;
	union {
		struct mqtt_connect connect;
		struct mqtt_publish publish;
		struct mqtt_ack ack;
		struct mqtt_subscribe subscribe;
		struct mqtt_disconnect disconnect;
	};
};

/*
 * @version: of the connection; CONNECT brings its own. Packets that only a
 * server sends are a MQTT_PROTOCOL_ERROR.
 * Return: MQTT_SUCCESS or a reason. After MQTT_BAD_VERSION and
 * MQTT_BAD_CLIENT_ID packet->connect.version is set.
 */
uint8_t mqtt_decode(const struct mqtt_frame *frame, unsigned int version,
		    struct mqtt_packet *packet);

/* ---- packets from the server ------------------------------------------- */

/*
 * Each writes one whole packet, or fails the writer. Properties that a version
 * hasn't got are left out.
 */

/**
 * struct mqtt_connack - what the server tells a client that connects
 * @reason: MQTT_SUCCESS or why not
 * @receive_max: see MQTT 5.0, section 3.2.2.3, as all others
 * @topic_alias_max: 0: none
 * @maximum_packet_size: 0: not told
 * @server_keep_alive: told if @has_keep_alive
 * @has_keep_alive: see @server_keep_alive
 * @session_expiry_zero: tell that the session ends with the connection
 * @assigned_client_id: empty: not told
 */
struct mqtt_connack {
	uint8_t reason;
	uint16_t receive_max;
	uint16_t topic_alias_max;
	uint32_t maximum_packet_size;
	uint16_t server_keep_alive;
	bool has_keep_alive;
	bool session_expiry_zero;
	struct mqtt_bytes assigned_client_id;
};

void mqtt_put_connack(struct writer *writer, unsigned int version,
		      const struct mqtt_connack *connack);

/**
 * struct mqtt_deliver - a PUBLISH that goes out
 * @retain: retain flag
 * @qos: 0 or 1
 * @topic: topic
 * @properties: raw properties (MQTT 5.0)
 * @payload: payload
 */
struct mqtt_deliver {
	bool retain;
	uint8_t qos;
	struct mqtt_bytes topic;
	struct mqtt_bytes properties;
	struct mqtt_bytes payload;
};

/* Bytes of the packet; 0: more than a packet can have. */
size_t mqtt_deliver_size(unsigned int version, const struct mqtt_deliver *deliver);
/*
 * Writes the packet with packet identifier 0. Return: where in the packet that
 * is (QoS 0 has none: 0).
 */
size_t mqtt_put_deliver(struct writer *writer, unsigned int version,
			const struct mqtt_deliver *deliver);

/* PUBACK and its like. */
void mqtt_put_ack(struct writer *writer, unsigned int version, enum mqtt_type type,
		  uint16_t id, uint8_t reason);
/* SUBACK; UNSUBACK, which has no @reasons before MQTT 5.0. */
void mqtt_put_suback(struct writer *writer, unsigned int version, enum mqtt_type type,
		     uint16_t id, const uint8_t *reasons, size_t count);
void mqtt_put_pingresp(struct writer *writer);
/* Nothing before MQTT 5.0: there a server just closes. */
void mqtt_put_disconnect(struct writer *writer, unsigned int version, uint8_t reason);

/* Return code of CONNACK in 3.x for a reason; 0: there is none, the server just closes. */
uint8_t mqtt_connack_3(uint8_t reason);

#endif /* MQTTD_MQTT_CODEC_H */
