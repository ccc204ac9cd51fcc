// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <stdio.h>

#include "session.h"

static int ping(struct session *session, const struct mqtt_packet *packet)
{
	uint8_t buffer[2];
	struct writer writer = writer_at(buffer, sizeof(buffer));

	(void)packet;
	mqtt_put_pingresp(&writer);
	conn_write(&session->conn, buffer, writer.used);
	return 0;
}

static int disconnect(struct session *session, const struct mqtt_packet *packet)
{
	const struct mqtt_disconnect *goodbye = &packet->disconnect;

	if (!session->session_expiry && goodbye->properties.session_expiry)
		return session_refuse(session, MQTT_PROTOCOL_ERROR,
				      "a session expiry that CONNECT did not ask for");
	if (mqtt_has(&goodbye->properties, MQTT_SESSION_EXPIRY))
		will_session_expiry(session, goodbye->properties.session_expiry);
	if (goodbye->reason != MQTT_DISCONNECT_WITH_WILL)
		will_forget(session);
	conn_close(&session->conn);
	return 0;
}

static int unexpected(struct session *session, const struct mqtt_packet *packet)
{
	char what[64];

	snprintf(what, sizeof(what), "%s was not expected", mqtt_type_text(packet->type));
	return session_refuse(session, MQTT_PROTOCOL_ERROR, what);
}

/* One function per packet. QoS 2 and AUTH are not offered, so nobody may use them. */
static int (*const handlers[MQTT_TYPES])(struct session *session,
					 const struct mqtt_packet *packet) = {
	[MQTT_CONNECT] = session_connect,
	[MQTT_PUBLISH] = session_publish,
	[MQTT_PUBACK] = session_puback,
	[MQTT_PUBREC] = unexpected,
	[MQTT_PUBREL] = unexpected,
	[MQTT_PUBCOMP] = unexpected,
	[MQTT_SUBSCRIBE] = session_subscribe,
	[MQTT_UNSUBSCRIBE] = session_unsubscribe,
	[MQTT_PINGREQ] = ping,
	[MQTT_DISCONNECT] = disconnect,
	[MQTT_AUTH] = unexpected,
};

static int malformed(struct session *session, enum mqtt_type type, uint8_t reason)
{
	return session_refuse(session, reason, mqtt_type_text(type));
}

static int handle(struct session *session, const struct mqtt_frame *frame)
{
	struct mqtt_packet packet;
	uint8_t reason;

	if (session->client_id && frame->type == MQTT_CONNECT)
		return session_refuse(session, MQTT_PROTOCOL_ERROR, "a second CONNECT");
	reason = mqtt_decode(frame, session->version, &packet);
	if (frame->type == MQTT_CONNECT)
		session->version = packet.connect.version;
	if (reason)
		return malformed(session, frame->type, reason);
	return handlers[frame->type](session, &packet);
}

ssize_t session_input(struct conn *conn, const uint8_t *data, size_t len)
{
	struct session *session = conn_session(conn);
	struct mqtt_frame frame;
	int64_t size;
	int error;

	/* Its first byte tells: something else need not wait for its time-out. */
	if (!session->client_id && data[0] >> 4 != MQTT_CONNECT)
		return session_refuse(session, MQTT_PROTOCOL_ERROR,
				      "the first packet is not CONNECT");
	size = mqtt_frame(data, len, &frame);
	if (size < 0)
		return session_refuse(session, MQTT_MALFORMED, "not an MQTT packet");
	/* Known from its header: no need to let the rest come. */
	if (frame.len > conn->input_max - MQTT_HEADER_MAX)
		return session_refuse(session, MQTT_TOO_LARGE, mqtt_type_text(frame.type));
	if (!size)
		return 0;
	error = handle(session, &frame);
	return error ? error : (ssize_t)size;
}
