// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A record is matched once, which gives the clients that want it, each once
 * whatever number of its filters match, and encoded once per variant in which
 * somebody gets it. All clients of a variant queue the same bytes.
 */
#include <string.h>

#include "session.h"

/* Version (5.0 or not), QoS and retain flag make a variant. */
#define VARIANTS 8

/**
 * struct variant - a record as some clients get it
 * @made: the rest is set
 * @packet: PUBLISH; no block: it can't be sent
 * @id: where the packet identifier belongs (QoS 1)
 */
struct variant {
	bool made;
	struct span packet;
	uint32_t id;
};

/**
 * struct delivery - a record on its way
 * @mqttd: shared
 * @record: record
 * @metadata: what its metadata says
 * @first: clients that get it
 * @variants: encoded so far
 */
struct delivery {
	struct mqttd *mqttd;
	const struct libmq_record *record;
	struct metadata metadata;
	struct session *first;
	struct variant variants[VARIANTS];
};

/* ---- who --------------------------------------------------------------- */

static bool is_own(const struct delivery *delivery, const struct session *session)
{
	struct mqtt_bytes id = delivery->metadata.client_id;

	return id.len == session->client_id_len && !memcmp(id.data, session->client_id, id.len);
}

static bool wants(const struct delivery *delivery, const struct subscription *subscription)
{
	const struct worker *worker = delivery->mqttd->worker;

	if (libmq_bus_record_before(worker->bus, delivery->record, subscription->mark))
		return false;
	return !subscription->no_local || !delivery->metadata.client_id.len ||
	       !is_own(delivery, subscription->session);
}

static void add_client(struct delivery *delivery, const struct subscription *subscription)
{
	struct session *session = subscription->session;

	if (session->delivery != delivery->mqttd->deliveries) {
		session->delivery = delivery->mqttd->deliveries;
		session->delivery_qos = 0;
		session->delivery_retain = false;
		session->delivery_next = delivery->first;
		delivery->first = session;
	}
	if (subscription->qos > session->delivery_qos)
		session->delivery_qos = subscription->qos;
	session->delivery_retain |= subscription->retain_as_published;
}

static void take_filter(void *arg, struct subs_filter *filter)
{
	struct delivery *delivery = arg;

	for (struct sub *sub = filter->first; sub; sub = sub->next) {
		struct subscription *subscription = (struct subscription *)sub;

		if (wants(delivery, subscription))
			add_client(delivery, subscription);
	}
}

/* ---- what -------------------------------------------------------------- */

/* The lower one of what was published and what was granted. */
static uint8_t effective_qos(const struct libmq_record *record, uint8_t granted)
{
	return (record->flags & LIBMQ_QOS_MASK) == LIBMQ_QOS_0 ? 0 : granted;
}

static void encode(struct delivery *delivery, unsigned int version, uint8_t qos, bool retain,
		   struct variant *variant)
{
	const struct libmq_record *record = delivery->record;
	struct blocks *blocks = &delivery->mqttd->worker->blocks;
	struct mqtt_deliver deliver = {
		.retain = retain,
		.qos = qos,
		.topic = { (const uint8_t *)record->topic, record->topic_len },
		.properties = delivery->metadata.properties,
		.payload = { record->payload, record->payload_len },
	};
	size_t size = mqtt_deliver_size(version, &deliver);
	struct writer writer = { 0 };

	/*
	 * The one place that copies a payload out of the ring. A large one could
	 * be a span of ring memory instead, held until its send completes.
	 */
	variant->made = true;
	if (size)
		writer = writer_at(blocks_reserve(blocks, size), size);
	if (!writer.data)
		return;
	variant->id = (uint32_t)mqtt_put_deliver(&writer, version, &deliver);
	if (!writer.failed)
		variant->packet = blocks_commit(blocks, writer.used);
}

static void send_to(struct delivery *delivery, struct session *session, uint8_t qos, bool retain)
{
	struct stats *stats = &delivery->mqttd->worker->stats;
	unsigned int version = session->version == MQTT_5 ? MQTT_5 : MQTT_3_1_1;
	struct variant *variant =
		&delivery->variants[(version == MQTT_5) << 2 | qos << 1 | retain];

	if (session->conn.state != CONN_OPEN)
		return;
	if (!variant->made)
		encode(delivery, version, qos, retain, variant);
	/* A client that limits its packets does without longer ones. */
	if (!variant->packet.block || variant->packet.len > session->packet_max) {
		stats->undelivered++;
		return;
	}
	stats->delivered++;
	if (qos)
		inflight_send(session, variant->packet, variant->id);
	else
		conn_send(&session->conn, variant->packet);
}

static void release_variants(struct delivery *delivery)
{
	for (int i = 0; i < VARIANTS; i++)
		span_put(delivery->variants[i].packet);
}

/* Topics of other publishers are any bytes; clients would hang up on those. */
static bool sendable(struct delivery *delivery)
{
	const struct libmq_record *record = delivery->record;
	struct mqttd *mqttd = delivery->mqttd;
	char topic[128];

	if (delivery->metadata.expired) {
		mqttd->worker->stats.expired++;
		return false;
	}
	if (mqtt_text_valid(record->topic, record->topic_len))
		return true;
	mqttd->worker->stats.undelivered++;
	log_limited(&mqttd->record_log, LOG_LEVEL_WARNING,
		    "a record was not delivered: its topic '%s' is not UTF-8",
		    log_quote(topic, sizeof(topic), record->topic, record->topic_len));
	return false;
}

void deliver_record(struct worker *worker, const struct libmq_record *record)
{
	struct delivery delivery = { .mqttd = worker->context, .record = record };
	bool published_retained = record->flags & LIBMQ_RETAIN;
	struct session *session;

	delivery.mqttd->deliveries++;
	metadata_read(delivery.mqttd, record, &delivery.metadata);
	subs_match(&worker->subs, record->topic, record->topic_len, take_filter, &delivery);
	if (!delivery.first || !sendable(&delivery))
		return;
	for (session = delivery.first; session; session = session->delivery_next)
		send_to(&delivery, session, effective_qos(record, session->delivery_qos),
			session->delivery_retain && published_retained);
	release_variants(&delivery);
}

void deliver_retained(struct session *session, const struct libmq_record *record, uint8_t qos)
{
	struct delivery delivery = { .mqttd = session->mqttd, .record = record };

	metadata_read(delivery.mqttd, record, &delivery.metadata);
	if (!sendable(&delivery))
		return;
	send_to(&delivery, session, effective_qos(record, qos), true);
	release_variants(&delivery);
}
