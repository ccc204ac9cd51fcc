// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include "mqtt_codec.h"
#include "utf8.h"

/* ---- numbers and texts ------------------------------------------------- */

uint32_t mqtt_take_varint(struct cursor *cursor)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < 4; i++) {
		uint8_t byte = cursor_u8(cursor);

		value |= (uint32_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		/* The shortest form is the only one. */
		if (i && !byte)
			cursor->failed = true;
		return cursor->failed ? 0 : value;
	}
	cursor->failed = true;
	return 0;
}

void mqtt_put_varint(struct writer *writer, uint32_t value)
{
	do {
		writer_u8(writer, (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0)));
		value >>= 7;
	} while (value);
}

unsigned int mqtt_varint_size(uint32_t value)
{
	return value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : 4;
}

bool mqtt_text_valid(const void *data, size_t len)
{
	return !memchr(data, '\0', len) && utf8_valid(data, len);
}

bool mqtt_names_topic(struct mqtt_bytes text)
{
	return text.len && !memchr(text.data, '+', text.len) && !memchr(text.data, '#', text.len);
}

struct mqtt_bytes mqtt_take_binary(struct cursor *cursor)
{
	uint16_t len = cursor_be16(cursor);
	const uint8_t *data = cursor_bytes(cursor, len);

	return (struct mqtt_bytes){ data, data ? len : 0 };
}

uint8_t mqtt_take_text(struct cursor *cursor, struct mqtt_bytes *text)
{
	*text = mqtt_take_binary(cursor);
	if (cursor->failed || !mqtt_text_valid(text->data, text->len)) {
		cursor->failed = true;
		return MQTT_MALFORMED;
	}
	return MQTT_SUCCESS;
}

/* ---- the table --------------------------------------------------------- */

enum kind { NONE, BYTE, FLAG, TWO, FOUR, VARINT, TEXT, BINARY, PAIR };

#define IN(type) (1U << (type))
#define IN_WILL IN(MQTT_WILL_PROPERTIES)
#define IN_ACKS (IN(MQTT_PUBACK) | IN(MQTT_PUBREC) | IN(MQTT_PUBREL) | IN(MQTT_PUBCOMP))

/*
 * What a client may send: what it is, where, and whether 0 is not allowed. Of
 * those that only servers send none is here: they are malformed. A client's
 * PUBLISH must not hold a subscription identifier.
 */
static const struct property_rule {
	uint8_t kind;
	bool not_zero;
	uint32_t packets;
} rules[MQTT_PROPERTIES] = {
	[MQTT_PAYLOAD_FORMAT] = { FLAG, false, IN(MQTT_PUBLISH) | IN_WILL },
	[MQTT_MESSAGE_EXPIRY] = { FOUR, false, IN(MQTT_PUBLISH) | IN_WILL },
	[MQTT_CONTENT_TYPE] = { TEXT, false, IN(MQTT_PUBLISH) | IN_WILL },
	[MQTT_RESPONSE_TOPIC] = { TEXT, true, IN(MQTT_PUBLISH) | IN_WILL },
	[MQTT_CORRELATION_DATA] = { BINARY, false, IN(MQTT_PUBLISH) | IN_WILL },
	[MQTT_SUBSCRIPTION_ID] = { VARINT, true, IN(MQTT_SUBSCRIBE) },
	[MQTT_SESSION_EXPIRY] = { FOUR, false, IN(MQTT_CONNECT) | IN(MQTT_DISCONNECT) },
	[MQTT_AUTH_METHOD] = { TEXT, false, IN(MQTT_CONNECT) | IN(MQTT_AUTH) },
	[MQTT_AUTH_DATA] = { BINARY, false, IN(MQTT_CONNECT) | IN(MQTT_AUTH) },
	[MQTT_REQUEST_PROBLEM_INFO] = { FLAG, false, IN(MQTT_CONNECT) },
	[MQTT_WILL_DELAY] = { FOUR, false, IN_WILL },
	[MQTT_REQUEST_RESPONSE_INFO] = { FLAG, false, IN(MQTT_CONNECT) },
	[MQTT_REASON_STRING] = { TEXT, false, IN_ACKS | IN(MQTT_DISCONNECT) | IN(MQTT_AUTH) },
	[MQTT_RECEIVE_MAX] = { TWO, true, IN(MQTT_CONNECT) },
	[MQTT_TOPIC_ALIAS_MAX] = { TWO, false, IN(MQTT_CONNECT) },
	[MQTT_TOPIC_ALIAS] = { TWO, false, IN(MQTT_PUBLISH) },
	[MQTT_USER_PROPERTY] = { PAIR, false, ~0U },
	[MQTT_MAXIMUM_PACKET_SIZE] = { FOUR, true, IN(MQTT_CONNECT) },
};

static uint32_t take_number(struct cursor *cursor, uint8_t kind)
{
	switch (kind) {
	case BYTE:
	case FLAG:
		return cursor_u8(cursor);
	case TWO:
		return cursor_be16(cursor);
	case FOUR:
		return cursor_be32(cursor);
	case VARINT:
		return mqtt_take_varint(cursor);
	default:
		return 0;
	}
}

bool mqtt_property_next(struct cursor *raw, struct mqtt_property_value *value)
{
	uint32_t id;
	uint8_t kind;

	*value = (struct mqtt_property_value){ 0 };
	if (raw->failed || !raw->left)
		return false;
	id = mqtt_take_varint(raw);
	kind = id < MQTT_PROPERTIES ? rules[id].kind : NONE;
	if (kind == NONE)
		raw->failed = true;
	value->id = id;
	value->number = take_number(raw, kind);
	if (kind == BINARY)
		value->text = mqtt_take_binary(raw);
	else if (kind == TEXT || kind == PAIR)
		mqtt_take_text(raw, &value->text);
	if (kind == PAIR)
		mqtt_take_text(raw, &value->value);
	return !raw->failed;
}

/* ---- checking ---------------------------------------------------------- */

static uint8_t check_value(const struct mqtt_properties *properties, unsigned int type,
			   const struct mqtt_property_value *value)
{
	const struct property_rule *rule = &rules[value->id];

	if (!(rule->packets & IN(type))) {
		bool misplaced = value->id == MQTT_SUBSCRIPTION_ID && type == MQTT_PUBLISH;

		return misplaced ? MQTT_PROTOCOL_ERROR : MQTT_MALFORMED;
	}
	if (mqtt_has(properties, value->id) && rule->kind != PAIR)
		return MQTT_PROTOCOL_ERROR;	/* twice */
	if (rule->kind == FLAG && value->number > 1)
		return MQTT_PROTOCOL_ERROR;
	if (value->id == MQTT_RESPONSE_TOPIC)
		return mqtt_names_topic(value->text) ? MQTT_SUCCESS : MQTT_PROTOCOL_ERROR;
	if (rule->not_zero && !value->number)
		return MQTT_PROTOCOL_ERROR;
	return MQTT_SUCCESS;
}

static void keep_value(struct mqtt_properties *properties, const struct mqtt_property_value *value)
{
	properties->present |= UINT64_C(1) << value->id;
	switch (value->id) {
	case MQTT_PAYLOAD_FORMAT:
		properties->payload_format = (uint8_t)value->number;
		break;
	case MQTT_MESSAGE_EXPIRY:
		properties->message_expiry = value->number;
		break;
	case MQTT_CONTENT_TYPE:
		properties->content_type = value->text;
		break;
	case MQTT_RESPONSE_TOPIC:
		properties->response_topic = value->text;
		break;
	case MQTT_CORRELATION_DATA:
		properties->correlation_data = value->text;
		break;
	case MQTT_SESSION_EXPIRY:
		properties->session_expiry = value->number;
		break;
	case MQTT_AUTH_METHOD:
		properties->auth_method = value->text;
		break;
	case MQTT_REQUEST_PROBLEM_INFO:
		properties->request_problem_info = (uint8_t)value->number;
		break;
	case MQTT_WILL_DELAY:
		properties->will_delay = value->number;
		break;
	case MQTT_REASON_STRING:
		properties->reason_string = value->text;
		break;
	case MQTT_RECEIVE_MAX:
		properties->receive_max = (uint16_t)value->number;
		break;
	case MQTT_TOPIC_ALIAS_MAX:
		properties->topic_alias_max = (uint16_t)value->number;
		break;
	case MQTT_TOPIC_ALIAS:
		properties->topic_alias = (uint16_t)value->number;
		break;
	case MQTT_MAXIMUM_PACKET_SIZE:
		properties->maximum_packet_size = value->number;
		break;
	default:	/* of interest as present only, or found in @raw */
		break;
	}
}

uint8_t mqtt_take_properties(struct cursor *cursor, unsigned int type,
			     struct mqtt_properties *properties)
{
	uint32_t len = mqtt_take_varint(cursor);
	struct cursor raw = cursor_sub(cursor, len);
	struct mqtt_property_value value;

	*properties = (struct mqtt_properties){ .raw = { raw.data, (uint32_t)raw.left } };
	while (mqtt_property_next(&raw, &value)) {
		uint8_t reason = check_value(properties, type, &value);

		if (reason)
			return reason;
		keep_value(properties, &value);
	}
	if (raw.failed)
		return MQTT_MALFORMED;
	if (mqtt_has(properties, MQTT_AUTH_DATA) && !mqtt_has(properties, MQTT_AUTH_METHOD))
		return MQTT_PROTOCOL_ERROR;
	return MQTT_SUCCESS;
}
