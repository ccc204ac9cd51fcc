// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The daemon keeps the will and publishes it like anything else. It is one
 * message with all it needs, which is also what the kernel would be given to
 * publish by itself should the daemon go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/**
 * struct will - the message
 * @message: points into @data
 * @data: topic, payload, metadata
 */
struct will {
	struct libmq_message message;
	uint8_t data[];
};

/*
 * A delay makes no difference: the session ends with the connection, and with
 * it the delay (MQTT 5.0, section 3.1.3.2.2).
 */
int will_set(struct session *session, const struct mqtt_will *will)
{
	size_t metadata = metadata_size(&will->properties, 0);
	struct will *copy;
	uint8_t *at;

	if (!will->present)
		return 0;
	copy = malloc(sizeof(*copy) + will->topic.len + will->payload.len + metadata);
	if (!copy)
		return -ENOMEM;
	at = copy->data;
	copy->message = (struct libmq_message){
		.topic = memcpy(at, will->topic.data, will->topic.len),
		.topic_len = (uint16_t)will->topic.len,
		.payload_len = will->payload.len,
		.flags = (uint16_t)((will->retain ? LIBMQ_RETAIN : 0) |
				    (will->qos ? LIBMQ_QOS_1 : LIBMQ_QOS_0)),
	};
	at += will->topic.len;
	copy->message.payload = memcpy(at, will->payload.data, will->payload.len);
	at += will->payload.len;
	copy->message.metadata = at;
	copy->message.metadata_len =
		(uint32_t)metadata_write(at, metadata, &will->properties, NULL, 0);
	session->will = copy;
	return 0;
}

void will_forget(struct session *session)
{
	free(session->will);
	session->will = NULL;
}

void will_fire(struct session *session)
{
	if (session->will)
		worker_publish(session->mqttd->worker, &session->will->message);
	will_forget(session);
}
