// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define FILTER_LEVELS_MAX 32

/* Retain handling of MQTT 5.0. */
enum { RETAINED_ALWAYS = 0, RETAINED_IF_NEW = 1 };

/**
 * struct request - one filter of a SUBSCRIBE
 * @subscription: what it made; NULL: nothing, or a later one is for the same
 * @send_retained: retained values are wanted
 */
struct request {
	struct subscription *subscription;
	bool send_retained;
};

/* ---- the list ---------------------------------------------------------- */

/* In the shorter list of the two it is in: the filter's, and the session's. */
static struct subscription *find(const struct session *session, struct mqtt_bytes text)
{
	const struct subs_filter *filter = subs_find(&session->conn.worker->subs,
						     (const char *)text.data, text.len);
	struct subscription *at;

	if (!filter)
		return NULL;
	if (filter->count < session->subscription_count) {
		at = (struct subscription *)filter->first;
		while (at && at->session != session)
			at = (struct subscription *)at->sub.next;
	} else {
		at = session->subscriptions;
		while (at && at->sub.filter != filter)
			at = at->next;
	}
	return at;
}

static void drop(struct session *session, struct subscription *subscription)
{
	*subscription->previous = subscription->next;
	if (subscription->next)
		subscription->next->previous = subscription->previous;
	session->subscription_count--;
	session->no_local_count -= subscription->no_local;
	worker_unsubscribe(session->conn.worker, &subscription->sub);
	free(subscription);
}

void session_unsubscribe_all(struct session *session)
{
	while (session->subscriptions)
		drop(session, session->subscriptions);
}

static uint8_t add(struct session *session, const struct mqtt_topic *topic,
		   struct subscription **added)
{
	struct subscription *subscription;
	int error;

	if (session->subscription_count >= SUBSCRIPTIONS_MAX)
		return MQTT_QUOTA_EXCEEDED;
	subscription = calloc(1, sizeof(*subscription));
	if (!subscription)
		return MQTT_UNSPECIFIED_ERROR;
	error = worker_subscribe(session->conn.worker, &subscription->sub,
				 (const char *)topic->filter.data, topic->filter.len);
	if (error) {
		free(subscription);
		return error == -EINVAL ? MQTT_BAD_FILTER : MQTT_QUOTA_EXCEEDED;
	}
	subscription->session = session;
	subscription->next = session->subscriptions;
	subscription->previous = &session->subscriptions;
	if (subscription->next)
		subscription->next->previous = &subscription->next;
	session->subscriptions = subscription;
	session->subscription_count++;
	*added = subscription;
	return MQTT_SUCCESS;
}

/* ---- SUBSCRIBE --------------------------------------------------------- */

static unsigned int count_levels(struct mqtt_bytes filter)
{
	unsigned int levels = 1;

	for (uint32_t i = 0; i < filter.len; i++)
		levels += filter.data[i] == '/';
	return levels;
}

static uint8_t check_filter(struct mqtt_bytes filter)
{
	if (filter.len > 7 && !memcmp(filter.data, "$share/", 7))
		return MQTT_NO_SHARED_SUBSCRIPTIONS;
	if (libmq_filter_valid((const char *)filter.data, filter.len))
		return MQTT_SUCCESS;
	return count_levels(filter) > FILTER_LEVELS_MAX ? MQTT_QUOTA_EXCEEDED : MQTT_BAD_FILTER;
}

/* Return: what SUBACK says: the granted QoS or a reason. */
static uint8_t subscribe(struct session *session, const struct mqtt_topic *topic,
			 struct request *request)
{
	uint8_t reason = check_filter(topic->filter);
	struct subscription *subscription;
	bool is_new;

	if (reason)
		return reason;
	subscription = find(session, topic->filter);
	is_new = !subscription;
	if (is_new)
		reason = add(session, topic, &subscription);
	if (reason)
		return reason;
	session->no_local_count += topic->no_local;
	session->no_local_count -= subscription->no_local;
	subscription->no_local = topic->no_local;
	subscription->retain_as_published = topic->retain_as_published;
	subscription->qos = topic->qos ? 1 : 0;
	request->send_retained = topic->retain_handling == RETAINED_ALWAYS ||
				 (topic->retain_handling == RETAINED_IF_NEW && is_new);
	/* One listing is enough, however often a packet names the filter. */
	if (subscription->request) {
		request->send_retained |= subscription->request->send_retained;
		subscription->request->subscription = NULL;
	}
	subscription->request = request;
	request->subscription = subscription;
	return subscription->qos;
}

static int take_retained(void *arg, const struct libmq_record *record)
{
	struct subscription *subscription = arg;

	deliver_retained(subscription->session, record, subscription->qos);
	return subscription->session->conn.failed ? -ECANCELED : 0;
}

/*
 * Retained values, then what comes live from here on. A client that subscribes
 * again keeps its first mark: what is on the way to it must still arrive.
 */
static void send_retained(struct session *session, const struct request *request)
{
	struct subscription *subscription = request->subscription;
	struct libmq_bus *bus = session->conn.worker->bus;
	const struct subs_filter *filter = subscription->sub.filter;
	size_t queued = conn_queued(&session->conn);
	char text[256];
	int error;

	subscription->request = NULL;
	if (!request->send_retained && subscription->mark)
		return;
	if (request->send_retained && queued > RETAINED_UNREAD_MAX) {
		session_refuse(session, MQTT_QUOTA_EXCEEDED,
			       "SUBSCRIBE with so many retained values unread");
		return;
	}
	error = libmq_bus_retained(bus, filter->text, filter->len,
				   request->send_retained ? take_retained : NULL, subscription);
	if (!subscription->mark)
		subscription->mark = libmq_bus_mark(bus);
	if (error)
		log_warning("%s: retained values of '%s' could not be listed: %s",
			    session->conn.peer,
			    log_quote(text, sizeof(text), filter->text, filter->len),
			    strerror(-error));
	conn_queue_allow(&session->conn, conn_queued(&session->conn) - queued);
}

static void put_suback(struct session *session, enum mqtt_type type, uint16_t id,
		       const uint8_t *reasons, size_t count)
{
	size_t size = MQTT_HEADER_MAX + 3 + count;
	uint8_t *buffer = malloc(size);
	struct writer writer = writer_at(buffer, size);

	if (!buffer) {
		session_refuse(session, MQTT_SERVER_BUSY, "out of memory");
		return;
	}
	mqtt_put_suback(&writer, session->version, type, id, reasons, count);
	conn_write(&session->conn, buffer, writer.used);
	free(buffer);
}

/* 3.x knows only one reason, and closes on filters that are none. */
static int tell_3(struct session *session, uint8_t *reasons, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (reasons[i] == MQTT_BAD_FILTER)
			return session_refuse(session, MQTT_BAD_FILTER, "SUBSCRIBE");
		if (reasons[i] > 2)
			reasons[i] = MQTT_UNSPECIFIED_ERROR;
	}
	return 0;
}

static int subscribe_all(struct session *session, const struct mqtt_subscribe *asked,
			 uint8_t *reasons, struct request *requests)
{
	struct cursor topics = cursor_at(asked->topics.data, asked->topics.len);
	struct mqtt_topic topic;
	size_t count = 0;

	/* What it published before must be in the channels before the mark is made. */
	worker_flush(session->conn.worker);
	while (mqtt_topic_next(&topics, true, &topic)) {
		reasons[count] = subscribe(session, &topic, &requests[count]);
		count++;
	}
	if (session->version != MQTT_5 && tell_3(session, reasons, count))
		return -1;
	put_suback(session, MQTT_SUBACK, asked->id, reasons, count);
	for (size_t i = 0; i < count && session->conn.state == CONN_OPEN; i++)
		if (requests[i].subscription)
			send_retained(session, &requests[i]);
	return 0;
}

int session_subscribe(struct session *session, const struct mqtt_packet *packet)
{
	const struct mqtt_subscribe *asked = &packet->subscribe;
	struct request *requests;
	uint8_t *reasons;
	int error;

	if (mqtt_has(&asked->properties, MQTT_SUBSCRIPTION_ID))
		return session_refuse(session, MQTT_NO_SUBSCRIPTION_IDS, "SUBSCRIBE");
	reasons = calloc(asked->count, 1);
	requests = calloc(asked->count, sizeof(*requests));
	if (reasons && requests)
		error = subscribe_all(session, asked, reasons, requests);
	else
		error = session_refuse(session, MQTT_SERVER_BUSY, "out of memory");
	free(reasons);
	free(requests);
	return error;
}

/* ---- UNSUBSCRIBE ------------------------------------------------------- */

int session_unsubscribe(struct session *session, const struct mqtt_packet *packet)
{
	const struct mqtt_subscribe *unsubscribe = &packet->subscribe;
	struct cursor topics = cursor_at(unsubscribe->topics.data, unsubscribe->topics.len);
	uint8_t *reasons = calloc(unsubscribe->count, 1);
	struct mqtt_topic topic;
	size_t count = 0;

	if (!reasons)
		return session_refuse(session, MQTT_SERVER_BUSY, "out of memory");
	while (mqtt_topic_next(&topics, false, &topic)) {
		struct subscription *subscription = find(session, topic.filter);

		reasons[count++] = subscription ? MQTT_SUCCESS : MQTT_NO_SUBSCRIPTION;
		if (subscription)
			drop(session, subscription);
	}
	put_suback(session, MQTT_UNSUBACK, unsubscribe->id, reasons, count);
	free(reasons);
	return 0;
}
