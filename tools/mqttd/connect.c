// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include "session.h"

/* What this server does not do, as a reason; or MQTT_SUCCESS. */
static uint8_t check_connect(const struct mqtt_connect *connect)
{
	if (mqtt_has(&connect->properties, MQTT_AUTH_METHOD))
		return MQTT_BAD_AUTH_METHOD;
	if (connect->version == MQTT_5 && connect->will.qos > 1)
		return MQTT_BAD_QOS;
	return MQTT_SUCCESS;
}

/* The smaller one of what the client takes and what we would send. */
static uint16_t window(const struct session *session, const struct mqtt_connect *connect)
{
	uint16_t most = (uint16_t)session->mqttd->max_inflight;

	if (!mqtt_has(&connect->properties, MQTT_RECEIVE_MAX))
		return most;
	return connect->properties.receive_max < most ? connect->properties.receive_max : most;
}

static void accept_client(struct session *session, const struct mqtt_connect *connect)
{
	struct mqttd *mqttd = session->mqttd;
	struct mqtt_connack connack = {
		.topic_alias_max = TOPIC_ALIAS_MAX,
		.maximum_packet_size = (uint32_t)session->conn.input_max,
		.session_expiry_zero = connect->properties.session_expiry,
	};
	uint8_t buffer[256];
	struct writer writer = writer_at(buffer, sizeof(buffer));
	uint16_t keep_alive = connect->keep_alive;

	if (connect->version == MQTT_5 && mqttd->max_keep_alive &&
	    (!keep_alive || keep_alive > mqttd->max_keep_alive)) {
		keep_alive = (uint16_t)mqttd->max_keep_alive;
		connack.has_keep_alive = true;
		connack.server_keep_alive = keep_alive;
	}
	if (!connect->client_id.len)
		connack.assigned_client_id = (struct mqtt_bytes){
			(const uint8_t *)session->client_id, session->client_id_len,
		};
	session_set_keep_alive(session, keep_alive);
	mqtt_put_connack(&writer, session->version, &connack);
	conn_write(&session->conn, buffer, writer.used);
}

int session_connect(struct session *session, const struct mqtt_packet *packet)
{
	const struct mqtt_connect *connect = &packet->connect;
	uint8_t reason = check_connect(connect);

	if (reason)
		return session_refuse(session, reason, "CONNECT");
	if (connect->properties.maximum_packet_size)
		session->packet_max = connect->properties.maximum_packet_size;
	session->session_expiry = connect->properties.session_expiry;
	/* The identifier last: with it the client counts as connected. */
	if (will_take(session, &connect->will) ||
	    inflight_init(&session->inflight, window(session, connect)) ||
	    session_name(session, connect->client_id, connect->clean)) {
		will_forget(session);
		return session_refuse(session, MQTT_SERVER_BUSY, "out of memory");
	}
	/* Before the client hears that it is connected. */
	will_register(session);
	accept_client(session, connect);
	return 0;
}
