// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include "mqtt_codec.h"

/* ---- words ------------------------------------------------------------- */

const char *mqtt_type_text(enum mqtt_type type)
{
	static const char *const words[MQTT_TYPES] = {
		"packet of type 0", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC",
		"PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK",
		"PINGREQ", "PINGRESP", "DISCONNECT", "AUTH",
	};

	return type < MQTT_TYPES ? words[type] : "?";
}

const char *mqtt_reason_text(uint8_t reason)
{
	static const struct {
		uint8_t reason;
		const char *text;
	} texts[] = {
		{ MQTT_SUCCESS, "success" },
		{ MQTT_MALFORMED, "malformed packet" },
		{ MQTT_PROTOCOL_ERROR, "protocol error" },
		{ MQTT_IMPLEMENTATION_ERROR, "implementation error" },
		{ MQTT_BAD_VERSION, "unsupported protocol version" },
		{ MQTT_BAD_CLIENT_ID, "client identifier not valid" },
		{ MQTT_BAD_CREDENTIALS, "bad user name or password" },
		{ MQTT_NOT_AUTHORIZED, "not authorized" },
		{ MQTT_SERVER_BUSY, "server busy" },
		{ MQTT_SERVER_STOPS, "server shutting down" },
		{ MQTT_BAD_AUTH_METHOD, "bad authentication method" },
		{ MQTT_KEEP_ALIVE_TIMEOUT, "keep alive timeout" },
		{ MQTT_TAKEN_OVER, "session taken over" },
		{ MQTT_BAD_FILTER, "topic filter invalid" },
		{ MQTT_BAD_TOPIC, "topic name invalid" },
		{ MQTT_RECEIVE_MAXIMUM, "receive maximum exceeded" },
		{ MQTT_BAD_ALIAS, "topic alias invalid" },
		{ MQTT_TOO_LARGE, "packet too large" },
		{ MQTT_QUOTA_EXCEEDED, "quota exceeded" },
		{ MQTT_BAD_PAYLOAD, "payload format invalid" },
		{ MQTT_BAD_QOS, "QoS not supported" },
		{ MQTT_NO_SHARED_SUBSCRIPTIONS, "shared subscriptions not supported" },
		{ MQTT_NO_SUBSCRIPTION_IDS, "subscription identifiers not supported" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].reason == reason)
			return texts[i].text;
	return "unspecified error";
}

/* ---- frames ------------------------------------------------------------ */

int64_t mqtt_frame(const uint8_t *data, size_t len, struct mqtt_frame *frame)
{
	uint32_t remaining = 0;

	*frame = (struct mqtt_frame){ 0 };
	for (unsigned int i = 0; i < 4; i++) {
		if (len < i + 2)
			return 0;
		remaining |= (uint32_t)(data[i + 1] & 0x7f) << (7 * i);
		if (data[i + 1] & 0x80)
			continue;
		if (i && !data[i + 1])
			return -1;	/* not the shortest form */
		frame->type = data[0] >> 4;
		frame->flags = data[0] & 0x0f;
		frame->len = remaining;
		frame->body = data + i + 2;
		return len - i - 2 < remaining ? 0 : (int64_t)i + 2 + remaining;
	}
	return -1;
}

/* ---- CONNECT ----------------------------------------------------------- */

#define CONNECT_CLEAN		0x02
#define CONNECT_WILL		0x04
#define CONNECT_WILL_RETAIN	0x20
#define CONNECT_PASSWORD	0x40
#define CONNECT_USER		0x80

static bool is_text(struct mqtt_bytes bytes, const char *text)
{
	return bytes.len == strlen(text) && !memcmp(bytes.data, text, bytes.len);
}

static uint8_t take_version(struct cursor *cursor, struct mqtt_connect *connect)
{
	struct mqtt_bytes name = mqtt_take_binary(cursor);
	uint8_t level = cursor_u8(cursor);

	if (cursor->failed)
		return MQTT_MALFORMED;
	if (is_text(name, "MQIsdp") && level == MQTT_3_1) {
		connect->version = MQTT_3_1;
		return MQTT_SUCCESS;
	}
	if (!is_text(name, "MQTT"))
		return is_text(name, "MQIsdp") ? MQTT_BAD_VERSION : MQTT_PROTOCOL_ERROR;
	connect->version = level > MQTT_5 ? MQTT_5 : MQTT_3_1_1;
	if (level != MQTT_3_1_1 && level != MQTT_5)
		return MQTT_BAD_VERSION;
	connect->version = level;
	return MQTT_SUCCESS;
}

static uint8_t take_connect_flags(struct cursor *cursor, struct mqtt_connect *connect)
{
	uint8_t flags = cursor_u8(cursor);
	struct mqtt_will *will = &connect->will;

	connect->clean = flags & CONNECT_CLEAN;
	connect->has_user = flags & CONNECT_USER;
	connect->has_password = flags & CONNECT_PASSWORD;
	will->present = flags & CONNECT_WILL;
	will->retain = flags & CONNECT_WILL_RETAIN;
	will->qos = flags >> 3 & 3;
	if (flags & 1 || will->qos > 2 || (!will->present && (will->qos || will->retain)))
		return MQTT_MALFORMED;
	if (connect->has_password && !connect->has_user && connect->version != MQTT_5)
		return MQTT_MALFORMED;
	connect->keep_alive = cursor_be16(cursor);
	return MQTT_SUCCESS;
}

static uint8_t take_will(struct cursor *cursor, struct mqtt_connect *connect)
{
	struct mqtt_will *will = &connect->will;
	uint8_t reason = MQTT_SUCCESS;

	if (!will->present)
		return MQTT_SUCCESS;
	if (connect->version == MQTT_5)
		reason = mqtt_take_properties(cursor, MQTT_WILL_PROPERTIES, &will->properties);
	if (!reason)
		reason = mqtt_take_text(cursor, &will->topic);
	will->payload = mqtt_take_binary(cursor);
	if (!reason && !mqtt_names_topic(will->topic))
		reason = MQTT_BAD_TOPIC;
	return reason;
}

static uint8_t take_credentials(struct cursor *cursor, struct mqtt_connect *connect)
{
	uint8_t reason = MQTT_SUCCESS;

	if (connect->has_user)
		reason = mqtt_take_text(cursor, &connect->user);
	if (connect->has_password)
		connect->password = mqtt_take_binary(cursor);
	return reason;
}

static uint8_t take_connect(struct cursor *cursor, const struct mqtt_frame *frame,
			    unsigned int version, struct mqtt_packet *packet)
{
	struct mqtt_connect *connect = &packet->connect;
	uint8_t reason;

	(void)frame;
	(void)version;
	reason = take_version(cursor, connect);
	if (!reason)
		reason = take_connect_flags(cursor, connect);
	if (!reason && connect->version == MQTT_5)
		reason = mqtt_take_properties(cursor, MQTT_CONNECT, &connect->properties);
	if (!reason)
		reason = mqtt_take_text(cursor, &connect->client_id);
	if (!reason)
		reason = take_will(cursor, connect);
	if (!reason)
		reason = take_credentials(cursor, connect);
	/* Only 5.0 names a client; in 3.1.1 it must not want a session. */
	if (!reason && !cursor->failed && !connect->client_id.len && connect->version != MQTT_5 &&
	    !(connect->version == MQTT_3_1_1 && connect->clean))
		reason = MQTT_BAD_CLIENT_ID;
	return reason;
}

/* ---- PUBLISH and its acknowledgements ---------------------------------- */

static uint8_t take_publish(struct cursor *cursor, const struct mqtt_frame *frame,
			    unsigned int version, struct mqtt_packet *packet)
{
	struct mqtt_publish *publish = &packet->publish;
	uint8_t reason;

	publish->dup = frame->flags & 8;
	publish->qos = frame->flags >> 1 & 3;
	publish->retain = frame->flags & 1;
	if (publish->qos > 2 || (publish->dup && !publish->qos))
		return MQTT_MALFORMED;
	reason = mqtt_take_text(cursor, &publish->topic);
	if (reason)
		return reason;
	if (publish->qos) {
		publish->id = cursor_be16(cursor);
		if (!publish->id)
			return MQTT_MALFORMED;
	}
	if (version == MQTT_5)
		reason = mqtt_take_properties(cursor, MQTT_PUBLISH, &publish->properties);
	if (reason)
		return reason;
	if (!publish->topic.len && !mqtt_has(&publish->properties, MQTT_TOPIC_ALIAS))
		return MQTT_PROTOCOL_ERROR;
	if (publish->topic.len && !mqtt_names_topic(publish->topic))
		return MQTT_BAD_TOPIC;
	publish->payload.len = (uint32_t)cursor->left;
	publish->payload.data = cursor_bytes(cursor, cursor->left);
	return MQTT_SUCCESS;
}

/* Reason codes that acknowledgements of a client may hold. */
static bool ack_reason_valid(enum mqtt_type type, uint8_t reason)
{
	static const uint8_t valid[] = {
		MQTT_SUCCESS, MQTT_NO_MATCHING_SUBSCRIBERS, MQTT_UNSPECIFIED_ERROR,
		MQTT_IMPLEMENTATION_ERROR, MQTT_NOT_AUTHORIZED, MQTT_BAD_TOPIC, 0x91,
		MQTT_QUOTA_EXCEEDED, MQTT_BAD_PAYLOAD,
	};

	if (type == MQTT_PUBREL || type == MQTT_PUBCOMP)
		return reason == MQTT_SUCCESS || reason == 0x92;
	return memchr(valid, reason, sizeof(valid));
}

static uint8_t take_ack(struct cursor *cursor, const struct mqtt_frame *frame,
			unsigned int version, struct mqtt_packet *packet)
{
	struct mqtt_ack *ack = &packet->ack;

	ack->id = cursor_be16(cursor);
	if (!ack->id)
		return MQTT_MALFORMED;
	if (version != MQTT_5 || !cursor->left)
		return MQTT_SUCCESS;
	ack->reason = cursor_u8(cursor);
	if (!ack_reason_valid(frame->type, ack->reason))
		return MQTT_PROTOCOL_ERROR;
	return cursor->left ? mqtt_take_properties(cursor, frame->type, &ack->properties) :
			      MQTT_SUCCESS;
}

/* ---- SUBSCRIBE and UNSUBSCRIBE ----------------------------------------- */

bool mqtt_topic_next(struct cursor *topics, bool options, struct mqtt_topic *topic)
{
	uint8_t bits = 0;

	*topic = (struct mqtt_topic){ 0 };
	if (topics->failed || !topics->left)
		return false;
	mqtt_take_text(topics, &topic->filter);
	if (options)
		bits = cursor_u8(topics);
	topic->qos = bits & 3;
	topic->no_local = bits & 4;
	topic->retain_as_published = bits & 8;
	topic->retain_handling = bits >> 4 & 3;
	if (bits & 0xc0 || topic->qos > 2 || topic->retain_handling > 2)
		topics->failed = true;
	return !topics->failed;
}

/* Options other than QoS came with 5.0; a shared filter can't have No Local. */
static uint8_t check_topic(const struct mqtt_topic *topic, unsigned int version)
{
	bool options = topic->no_local || topic->retain_as_published || topic->retain_handling;

	if (version != MQTT_5 && options)
		return MQTT_MALFORMED;
	if (!topic->filter.len)
		return MQTT_MALFORMED;
	if (topic->no_local && topic->filter.len > 7 && !memcmp(topic->filter.data, "$share/", 7))
		return MQTT_PROTOCOL_ERROR;
	return MQTT_SUCCESS;
}

static uint8_t take_subscribe(struct cursor *cursor, const struct mqtt_frame *frame,
			      unsigned int version, struct mqtt_packet *packet)
{
	struct mqtt_subscribe *subscribe = &packet->subscribe;
	struct mqtt_topic topic;
	uint8_t reason;

	subscribe->id = cursor_be16(cursor);
	if (!subscribe->id)
		return MQTT_MALFORMED;
	if (version == MQTT_5) {
		reason = mqtt_take_properties(cursor, frame->type, &subscribe->properties);
		if (reason)
			return reason;
	}
	subscribe->topics = (struct mqtt_bytes){ cursor->data, (uint32_t)cursor->left };
	while (mqtt_topic_next(cursor, frame->type == MQTT_SUBSCRIBE, &topic)) {
		reason = check_topic(&topic, version);
		if (reason)
			return reason;
		subscribe->count++;
	}
	return subscribe->count || cursor->failed ? MQTT_SUCCESS : MQTT_PROTOCOL_ERROR;
}

/* ---- the others -------------------------------------------------------- */

static uint8_t take_nothing(struct cursor *cursor, const struct mqtt_frame *frame,
			    unsigned int version, struct mqtt_packet *packet)
{
	(void)cursor;
	(void)frame;
	(void)version;
	(void)packet;
	return MQTT_SUCCESS;
}

static bool disconnect_reason_valid(enum mqtt_type type, uint8_t reason)
{
	static const uint8_t valid[] = {
		MQTT_SUCCESS, MQTT_DISCONNECT_WITH_WILL, MQTT_UNSPECIFIED_ERROR, MQTT_MALFORMED,
		MQTT_PROTOCOL_ERROR, MQTT_IMPLEMENTATION_ERROR, MQTT_BAD_TOPIC,
		MQTT_RECEIVE_MAXIMUM, MQTT_BAD_ALIAS, MQTT_TOO_LARGE, 0x96, MQTT_QUOTA_EXCEEDED,
		0x98, MQTT_BAD_PAYLOAD,
	};

	if (type == MQTT_AUTH)
		return reason == MQTT_SUCCESS || reason == 0x18 || reason == 0x19;
	return memchr(valid, reason, sizeof(valid));
}

static uint8_t take_disconnect(struct cursor *cursor, const struct mqtt_frame *frame,
			       unsigned int version, struct mqtt_packet *packet)
{
	struct mqtt_disconnect *disconnect = &packet->disconnect;

	if (frame->type == MQTT_AUTH && version != MQTT_5)
		return MQTT_PROTOCOL_ERROR;
	if (version != MQTT_5 || !cursor->left)
		return MQTT_SUCCESS;
	disconnect->reason = cursor_u8(cursor);
	if (!disconnect_reason_valid(frame->type, disconnect->reason))
		return MQTT_PROTOCOL_ERROR;
	return cursor->left ? mqtt_take_properties(cursor, frame->type, &disconnect->properties) :
			      MQTT_SUCCESS;
}

/* ---- dispatch ---------------------------------------------------------- */

#define ANY_FLAGS 0xff

static const struct {
	uint8_t (*take)(struct cursor *cursor, const struct mqtt_frame *frame,
			unsigned int version, struct mqtt_packet *packet);
	uint8_t flags;
} takers[MQTT_TYPES] = {
	[MQTT_CONNECT] = { take_connect, 0 },
	[MQTT_PUBLISH] = { take_publish, ANY_FLAGS },
	[MQTT_PUBACK] = { take_ack, 0 },
	[MQTT_PUBREC] = { take_ack, 0 },
	[MQTT_PUBREL] = { take_ack, 2 },
	[MQTT_PUBCOMP] = { take_ack, 0 },
	[MQTT_SUBSCRIBE] = { take_subscribe, 2 },
	[MQTT_UNSUBSCRIBE] = { take_subscribe, 2 },
	[MQTT_PINGREQ] = { take_nothing, 0 },
	[MQTT_DISCONNECT] = { take_disconnect, 0 },
	[MQTT_AUTH] = { take_disconnect, 0 },
};

uint8_t mqtt_decode(const struct mqtt_frame *frame, unsigned int version,
		    struct mqtt_packet *packet)
{
	struct cursor cursor = cursor_at(frame->body, frame->len);
	uint8_t reason;

	*packet = (struct mqtt_packet){ .type = frame->type };
	if (!frame->type)
		return MQTT_MALFORMED;
	if (!takers[frame->type].take)
		return MQTT_PROTOCOL_ERROR;
	/* 3.1 uses DUP and QoS in headers where 3.1.1 reserves them. */
	if (takers[frame->type].flags != ANY_FLAGS && frame->flags != takers[frame->type].flags &&
	    version != MQTT_3_1)
		return MQTT_MALFORMED;
	reason = takers[frame->type].take(&cursor, frame, version, packet);
	if (!reason && (cursor.failed || cursor.left))
		reason = MQTT_MALFORMED;
	return reason;
}
