// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include "mqtt_codec.h"

static void put_header(struct writer *writer, enum mqtt_type type, uint8_t flags, size_t remaining)
{
	if (remaining > MQTT_REMAINING_MAX) {
		writer->failed = true;
		return;
	}
	writer_u8(writer, (uint8_t)(type << 4 | flags));
	mqtt_put_varint(writer, (uint32_t)remaining);
}

static void put_binary(struct writer *writer, struct mqtt_bytes bytes)
{
	if (bytes.len > UINT16_MAX)
		writer->failed = true;
	writer_be16(writer, (uint16_t)bytes.len);
	writer_bytes(writer, bytes.data, bytes.len);
}

/* ---- CONNACK ----------------------------------------------------------- */

uint8_t mqtt_connack_3(uint8_t reason)
{
	switch (reason) {
	case MQTT_SUCCESS:
		return 0;
	case MQTT_BAD_VERSION:
		return 1;
	case MQTT_BAD_CLIENT_ID:
		return 2;
	case MQTT_BAD_CREDENTIALS:
		return 4;
	case MQTT_NOT_AUTHORIZED:
		return 5;
	case MQTT_SERVER_BUSY:
		return 3;
	default:
		return 0;
	}
}

static void put_byte_property(struct writer *writer, enum mqtt_property id, uint8_t value)
{
	writer_u8(writer, id);
	writer_u8(writer, value);
}

static void put_two_property(struct writer *writer, enum mqtt_property id, uint16_t value)
{
	writer_u8(writer, id);
	writer_be16(writer, value);
}

static void put_four_property(struct writer *writer, enum mqtt_property id, uint32_t value)
{
	writer_u8(writer, id);
	writer_be32(writer, value);
}

/* What this server can do; what is at its default isn't told. */
static void put_capabilities(struct writer *writer, const struct mqtt_connack *connack)
{
	put_byte_property(writer, MQTT_MAXIMUM_QOS, 1);
	put_byte_property(writer, MQTT_SUBSCRIPTION_IDS_AVAILABLE, 0);
	put_byte_property(writer, MQTT_SHARED_AVAILABLE, 0);
	if (connack->receive_max)
		put_two_property(writer, MQTT_RECEIVE_MAX, connack->receive_max);
	if (connack->topic_alias_max)
		put_two_property(writer, MQTT_TOPIC_ALIAS_MAX, connack->topic_alias_max);
	if (connack->maximum_packet_size)
		put_four_property(writer, MQTT_MAXIMUM_PACKET_SIZE, connack->maximum_packet_size);
	if (connack->session_expiry_zero)
		put_four_property(writer, MQTT_SESSION_EXPIRY, 0);
	if (connack->has_keep_alive)
		put_two_property(writer, MQTT_SERVER_KEEP_ALIVE, connack->server_keep_alive);
	if (connack->assigned_client_id.len) {
		writer_u8(writer, MQTT_ASSIGNED_CLIENT_ID);
		put_binary(writer, connack->assigned_client_id);
	}
}

void mqtt_put_connack(struct writer *writer, unsigned int version,
		      const struct mqtt_connack *connack)
{
	uint8_t buffer[128];
	struct writer properties = writer_at(buffer, sizeof(buffer));

	if (version != MQTT_5) {
		put_header(writer, MQTT_CONNACK, 0, 2);
		writer_u8(writer, 0);
		writer_u8(writer, mqtt_connack_3(connack->reason));
		return;
	}
	if (!connack->reason)
		put_capabilities(&properties, connack);
	writer->failed |= properties.failed;
	put_header(writer, MQTT_CONNACK, 0,
		   2 + mqtt_varint_size((uint32_t)properties.used) + properties.used);
	writer_u8(writer, 0);
	writer_u8(writer, connack->reason);
	mqtt_put_varint(writer, (uint32_t)properties.used);
	writer_bytes(writer, buffer, properties.used);
}

/* ---- PUBLISH ----------------------------------------------------------- */

static size_t deliver_remaining(unsigned int version, const struct mqtt_deliver *deliver)
{
	size_t size = 2 + (size_t)deliver->topic.len + deliver->payload.len;

	if (deliver->qos)
		size += 2;
	if (version == MQTT_5)
		size += mqtt_varint_size(deliver->properties.len) + (size_t)deliver->properties.len;
	return size;
}

size_t mqtt_deliver_size(unsigned int version, const struct mqtt_deliver *deliver)
{
	size_t remaining = deliver_remaining(version, deliver);

	if (remaining > MQTT_REMAINING_MAX)
		return 0;
	return 1 + mqtt_varint_size((uint32_t)remaining) + remaining;
}

size_t mqtt_put_deliver(struct writer *writer, unsigned int version,
			const struct mqtt_deliver *deliver)
{
	size_t start = writer->used;
	size_t id = 0;

	put_header(writer, MQTT_PUBLISH, (uint8_t)(deliver->qos << 1 | deliver->retain),
		   deliver_remaining(version, deliver));
	put_binary(writer, deliver->topic);
	if (deliver->qos) {
		id = writer->used - start;
		writer_be16(writer, 0);
	}
	if (version == MQTT_5) {
		mqtt_put_varint(writer, deliver->properties.len);
		writer_bytes(writer, deliver->properties.data, deliver->properties.len);
	}
	writer_bytes(writer, deliver->payload.data, deliver->payload.len);
	return id;
}

/* ---- the small ones ---------------------------------------------------- */

void mqtt_put_ack(struct writer *writer, unsigned int version, enum mqtt_type type,
		  uint16_t id, uint8_t reason)
{
	bool told = version == MQTT_5 && reason != MQTT_SUCCESS;

	put_header(writer, type, type == MQTT_PUBREL ? 2 : 0, told ? 3 : 2);
	writer_be16(writer, id);
	if (told)
		writer_u8(writer, reason);
}

void mqtt_put_suback(struct writer *writer, unsigned int version, enum mqtt_type type,
		     uint16_t id, const uint8_t *reasons, size_t count)
{
	if (type == MQTT_UNSUBACK && version != MQTT_5)
		count = 0;
	put_header(writer, type, 0, 2 + (version == MQTT_5) + count);
	writer_be16(writer, id);
	if (version == MQTT_5)
		writer_u8(writer, 0);
	writer_bytes(writer, reasons, count);
}

void mqtt_put_pingresp(struct writer *writer)
{
	put_header(writer, MQTT_PINGRESP, 0, 0);
}

void mqtt_put_disconnect(struct writer *writer, unsigned int version, uint8_t reason)
{
	if (version != MQTT_5)
		return;
	put_header(writer, MQTT_DISCONNECT, 0, 1);
	writer_u8(writer, reason);
}
