// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* ---- topic aliases ----------------------------------------------------- */

void session_free_aliases(struct session *session)
{
	if (!session->aliases)
		return;
	for (int i = 0; i < TOPIC_ALIAS_MAX; i++)
		free((void *)session->aliases[i].data);
	free(session->aliases);
	session->aliases = NULL;
}

static uint8_t set_alias(struct session *session, uint16_t alias, struct mqtt_bytes topic)
{
	struct mqtt_bytes *slot;
	uint8_t *copy = malloc(topic.len);

	if (!session->aliases)
		session->aliases = calloc(TOPIC_ALIAS_MAX, sizeof(*session->aliases));
	if (!copy || !session->aliases) {
		free(copy);
		return MQTT_SERVER_BUSY;
	}
	/* Messages in the batch may have the text that goes now. */
	if (session->conn.source.batched)
		worker_flush(session->conn.worker);
	memcpy(copy, topic.data, topic.len);
	slot = &session->aliases[alias - 1];
	free((void *)slot->data);
	*slot = (struct mqtt_bytes){ copy, topic.len };
	return MQTT_SUCCESS;
}

/* Sets or uses the alias, if there is one. */
static uint8_t resolve_topic(struct session *session, const struct mqtt_publish *publish,
			     struct mqtt_bytes *topic)
{
	uint16_t alias = publish->properties.topic_alias;

	*topic = publish->topic;
	if (!mqtt_has(&publish->properties, MQTT_TOPIC_ALIAS))
		return MQTT_SUCCESS;
	if (!alias || alias > TOPIC_ALIAS_MAX)
		return MQTT_BAD_ALIAS;
	if (topic->len)
		return set_alias(session, alias, *topic);
	if (!session->aliases || !session->aliases[alias - 1].len)
		return MQTT_PROTOCOL_ERROR;
	*topic = session->aliases[alias - 1];
	return MQTT_SUCCESS;
}

/* ---- PUBLISH ----------------------------------------------------------- */

/*
 * The client's name goes along only if it has asked not to get its own
 * messages: nobody else's No Local can ever be about it.
 */
static bool add_metadata(struct session *session, const struct mqtt_publish *publish,
			 struct libmq_message *message)
{
	const char *id = session->no_local_count ? session->client_id : NULL;
	uint32_t id_len = id ? session->client_id_len : 0;
	size_t size = metadata_size(&publish->properties, id_len);
	uint8_t *metadata;

	if (!publish->properties.raw.len && !id)
		return true;
	metadata = batch_scratch(&session->conn.worker->batch, size);
	if (!metadata)
		return false;
	message->metadata = metadata;
	message->metadata_len =
		(uint32_t)metadata_write(metadata, size, &publish->properties, id, id_len);
	return true;
}

int session_publish(struct session *session, const struct mqtt_packet *packet)
{
	const struct mqtt_publish *publish = &packet->publish;
	struct libmq_message message;
	struct mqtt_bytes topic;
	uint8_t reason;

	if (publish->qos > 1)
		return session_refuse(session, MQTT_BAD_QOS, "PUBLISH with QoS 2");
	reason = resolve_topic(session, publish, &topic);
	if (reason)
		return session_refuse(session, reason, "PUBLISH");
	message = (struct libmq_message){
		.topic = (const char *)topic.data,
		.topic_len = (uint16_t)topic.len,
		.payload = publish->payload.data,
		.payload_len = publish->payload.len,
		.flags = (uint16_t)((publish->retain ? LIBMQ_RETAIN : 0) |
				    (publish->qos ? LIBMQ_QOS_1 : LIBMQ_QOS_0)),
	};
	if (!add_metadata(session, publish, &message))
		return session_refuse(session, MQTT_TOO_LARGE, "properties of PUBLISH");
	conn_publish(&session->conn, &message, publish->id);
	return 0;
}

/* ---- what becomes of it ------------------------------------------------ */

static uint8_t result_reason(const struct libmq_result *result)
{
	switch (result->result) {
	case 0:
		return result->receivers ? MQTT_SUCCESS : MQTT_NO_MATCHING_SUBSCRIBERS;
	case -ESTALE:
	case -EINVAL:
		return MQTT_BAD_TOPIC;
	case -EACCES:
	case -EPERM:
		return MQTT_NOT_AUTHORIZED;
	case -EMSGSIZE:
	case -EDQUOT:
		return MQTT_QUOTA_EXCEEDED;
	default:
		return MQTT_UNSPECIFIED_ERROR;
	}
}

void session_published(struct conn *conn, uint64_t cookie, const struct libmq_message *message,
		       const struct libmq_result *result)
{
	struct session *session = conn_session(conn);
	uint8_t buffer[8];
	struct writer writer = writer_at(buffer, sizeof(buffer));

	(void)message;
	if (!cookie || session->refused)
		return;		/* QoS 0, or DISCONNECT was the last word */
	mqtt_put_ack(&writer, session->version, MQTT_PUBACK, (uint16_t)cookie,
		     result_reason(result));
	conn_write(conn, buffer, writer.used);
}

int session_puback(struct session *session, const struct mqtt_packet *packet)
{
	if (!inflight_acknowledge(session, packet->ack.id))
		log_debug("%s: PUBACK for %u, which is not under way", session->conn.peer,
			  packet->ack.id);
	return 0;
}
