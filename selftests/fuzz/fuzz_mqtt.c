// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The first byte picks the version, the rest is what a client sends. Nothing
 * outside a frame is read, and a PUBLISH written again reads back the same.
 */
#include "mqtt_codec.h"
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

static bool same(struct mqtt_bytes a, struct mqtt_bytes b)
{
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

static void publish_again(unsigned int version, const struct mqtt_publish *publish)
{
	struct mqtt_deliver deliver = {
		publish->retain, publish->qos, publish->topic, publish->properties.raw,
		publish->payload,
	};
	size_t size = mqtt_deliver_size(version, &deliver);
	struct writer writer = writer_at(malloc(size), size);
	size_t id = mqtt_put_deliver(&writer, version, &deliver);
	struct mqtt_packet again;
	struct mqtt_frame frame;

	CHECK(!writer.failed && writer.used == size && !id == !publish->qos);
	if (id)
		writer.data[id + 1] = 1;
	CHECK(mqtt_frame(writer.data, size, &frame) == (int64_t)size);
	CHECK(!mqtt_decode(&frame, version, &again) && again.type == MQTT_PUBLISH);
	CHECK(same(again.publish.topic, publish->topic) &&
	      same(again.publish.payload, publish->payload));
	CHECK(again.publish.properties.present == publish->properties.present);
	free(writer.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int version = size ? MQTT_3_1 + *data++ % 3 : MQTT_5;
	size_t left = size ? size - 1 : 0;
	struct mqtt_packet packet;
	struct mqtt_frame frame;

	for (int64_t len; (len = mqtt_frame(data, left, &frame)) > 0; data += len) {
		uint8_t *body = malloc(frame.len + !frame.len);
		uint8_t reason;

		frame.body = memcpy(body, frame.body, frame.len);
		reason = mqtt_decode(&frame, version, &packet);
		if (!reason && packet.type == MQTT_PUBLISH && packet.publish.topic.len)
			publish_again(version, &packet.publish);
		free(body);
		left -= (size_t)len;
	}
	return 0;
}
