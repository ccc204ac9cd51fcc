// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * MQTT 5.0 properties that travel with a message are TLVs in the metadata of
 * its record; texts and binary data without the length that MQTT puts in
 * front, a user property as libmq.h says. Other publishers may write metadata
 * too, or what is none: whatever can't be sent is left out.
 */
#include <stdlib.h>
#include <time.h>

#include "session.h"

/* ---- from clients ------------------------------------------------------ */

/* A TLV is at most as long as the property and one byte. */
size_t metadata_size(const struct mqtt_properties *properties, uint32_t client_id_len)
{
	return 2 * (size_t)properties->raw.len + client_id_len + 8;
}

static void put_text(uint8_t *buffer, size_t size, size_t *used, uint8_t type,
		     struct mqtt_bytes text)
{
	libmq_tlv_put(buffer, size, used, type, text.data, text.len);
}

/*
 * The name and the value lie side by side in the packet, each with its length
 * in front: the TLV is the same without the value's.
 */
static void put_pair(uint8_t *buffer, size_t size, size_t *used,
		     const struct mqtt_property_value *pair)
{
	uint8_t *copy = malloc(2 + (size_t)pair->text.len + pair->value.len);
	struct writer writer = writer_at(copy, 2 + (size_t)pair->text.len + pair->value.len);

	if (!copy)
		return;
	writer_be16(&writer, (uint16_t)pair->text.len);
	writer_bytes(&writer, pair->text.data, pair->text.len);
	writer_bytes(&writer, pair->value.data, pair->value.len);
	libmq_tlv_put(buffer, size, used, LIBMQ_TLV_USER_PROPERTY, copy, (uint32_t)writer.used);
	free(copy);
}

static void put_expiry(uint8_t *buffer, size_t size, size_t *used, uint32_t seconds)
{
	uint8_t bytes[4];
	struct writer writer = writer_at(bytes, sizeof(bytes));

	writer_be32(&writer, seconds);
	libmq_tlv_put(buffer, size, used, LIBMQ_TLV_EXPIRY, bytes, sizeof(bytes));
}

size_t metadata_write(uint8_t *buffer, size_t size, const struct mqtt_properties *properties,
		      const char *client_id, uint32_t client_id_len)
{
	struct cursor raw = cursor_at(properties->raw.data, properties->raw.len);
	struct mqtt_property_value value;
	size_t used = 0;

	if (mqtt_has(properties, MQTT_PAYLOAD_FORMAT))
		libmq_tlv_put(buffer, size, &used, LIBMQ_TLV_PAYLOAD_FORMAT,
			      &properties->payload_format, 1);
	if (mqtt_has(properties, MQTT_MESSAGE_EXPIRY))
		put_expiry(buffer, size, &used, properties->message_expiry);
	if (mqtt_has(properties, MQTT_CONTENT_TYPE))
		put_text(buffer, size, &used, LIBMQ_TLV_CONTENT_TYPE, properties->content_type);
	if (mqtt_has(properties, MQTT_RESPONSE_TOPIC))
		put_text(buffer, size, &used, LIBMQ_TLV_RESPONSE_TOPIC,
			 properties->response_topic);
	if (mqtt_has(properties, MQTT_CORRELATION_DATA))
		put_text(buffer, size, &used, LIBMQ_TLV_CORRELATION,
			 properties->correlation_data);
	if (mqtt_has(properties, MQTT_USER_PROPERTY))
		while (mqtt_property_next(&raw, &value))
			if (value.id == MQTT_USER_PROPERTY)
				put_pair(buffer, size, &used, &value);
	if (client_id)
		libmq_tlv_put(buffer, size, &used, LIBMQ_TLV_MQTT_CLIENT, client_id,
			      client_id_len);
	return used;
}

/* ---- to clients -------------------------------------------------------- */

/* Room for the properties: a TLV grows by at most two lengths of two bytes. */
static bool make_room(struct mqttd *mqttd, size_t metadata_len)
{
	size_t size = metadata_len * 3 + 16;
	uint8_t *properties;

	if (size <= mqttd->properties_size)
		return true;
	properties = realloc(mqttd->properties, size);
	if (!properties)
		return false;
	mqttd->properties = properties;
	mqttd->properties_size = size;
	return true;
}

static void write_text(struct writer *writer, uint8_t id, const uint8_t *value, uint32_t len,
		       bool text)
{
	if (len > UINT16_MAX || (text && !mqtt_text_valid(value, len)))
		return;
	writer_u8(writer, id);
	writer_be16(writer, (uint16_t)len);
	writer_bytes(writer, value, len);
}

static void write_response_topic(struct writer *writer, const uint8_t *value, uint32_t len)
{
	if (mqtt_names_topic((struct mqtt_bytes){ value, len }))
		write_text(writer, MQTT_RESPONSE_TOPIC, value, len, true);
}

static void write_pair(struct writer *writer, const uint8_t *value, uint32_t len)
{
	struct cursor cursor = cursor_at(value, len);
	struct mqtt_bytes name = mqtt_take_binary(&cursor);

	if (cursor.failed || cursor.left > UINT16_MAX || !mqtt_text_valid(name.data, name.len) ||
	    !mqtt_text_valid(cursor.data, cursor.left))
		return;
	writer_u8(writer, MQTT_USER_PROPERTY);
	writer_be16(writer, (uint16_t)name.len);
	writer_bytes(writer, name.data, name.len);
	writer_be16(writer, (uint16_t)cursor.left);
	writer_bytes(writer, cursor.data, cursor.left);
}

/* What is left of the message's time; @expired if nothing is. */
static void write_expiry(struct writer *writer, const uint8_t *value, uint64_t time, bool *expired)
{
	struct cursor cursor = cursor_at(value, 4);
	uint32_t seconds = cursor_be32(&cursor);
	struct timespec now;
	uint64_t age;

	clock_gettime(CLOCK_REALTIME, &now);
	age = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	age = age > time ? (age - time) / 1000000000 : 0;
	*expired = age >= seconds;
	writer_u8(writer, MQTT_MESSAGE_EXPIRY);
	writer_be32(writer, *expired ? 0 : seconds - (uint32_t)age);
}

static void read_tlv(struct metadata *metadata, struct writer *writer, uint64_t time,
		     uint8_t type, const uint8_t *value, uint32_t len)
{
	switch (type) {
	case LIBMQ_TLV_PAYLOAD_FORMAT:
		if (len != 1 || *value > 1)
			break;
		writer_u8(writer, MQTT_PAYLOAD_FORMAT);
		writer_u8(writer, *value);
		break;
	case LIBMQ_TLV_EXPIRY:
		if (len == 4)
			write_expiry(writer, value, time, &metadata->expired);
		break;
	case LIBMQ_TLV_CONTENT_TYPE:
		write_text(writer, MQTT_CONTENT_TYPE, value, len, true);
		break;
	case LIBMQ_TLV_RESPONSE_TOPIC:
		write_response_topic(writer, value, len);
		break;
	case LIBMQ_TLV_CORRELATION:
		write_text(writer, MQTT_CORRELATION_DATA, value, len, false);
		break;
	case LIBMQ_TLV_USER_PROPERTY:
		write_pair(writer, value, len);
		break;
	case LIBMQ_TLV_MQTT_CLIENT:
		metadata->client_id = (struct mqtt_bytes){ value, len };
		break;
	default:
		break;
	}
}

void metadata_read(struct mqttd *mqttd, const struct libmq_record *record,
		   struct metadata *metadata)
{
	struct writer writer;
	const void *value;
	uint32_t offset = 0;
	uint64_t seen = 0;
	uint32_t len;
	uint8_t type;

	*metadata = (struct metadata){ 0 };
	if (!record->metadata_len || !make_room(mqttd, record->metadata_len))
		return;
	writer = writer_at(mqttd->properties, mqttd->properties_size);
	while (libmq_tlv_next(record->metadata, record->metadata_len, &offset, &type, &value,
			      &len) == 1) {
		/* Only user properties may be there more than once. */
		if (type < 64 && type != LIBMQ_TLV_USER_PROPERTY) {
			if (seen & UINT64_C(1) << type)
				continue;
			seen |= UINT64_C(1) << type;
		}
		read_tlv(metadata, &writer, record->time, type, value, len);
	}
	if (!writer.failed)
		metadata->properties = (struct mqtt_bytes){ writer.data, (uint32_t)writer.used };
}
