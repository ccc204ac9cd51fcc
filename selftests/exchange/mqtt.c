// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* libmosquitto on both sides. */
#include <stdio.h>
#include <string.h>

#include <mosquitto.h>

#include "exchange.h"

/* Messages that have no PUBACK yet. */
#define PENDING_MAX 64

/**
 * struct side - one client
 * @checker: receiver: what came
 * @ready: receiver: where to tell that it has subscribed
 * @connected: CONNACK said yes
 * @pending: publisher: messages without a PUBACK
 * @failed: something is wrong
 * @progress: when something last happened
 */
struct side {
	struct checker checker;
	int ready;
	bool connected;
	uint32_t pending;
	bool failed;
	int64_t progress;
};

static void connected(struct mosquitto *mosq, void *arg, int code)
{
	struct side *side = arg;

	(void)mosq;
	side->connected = !code;
	side->failed |= code != 0;
	side->progress = exchange_now();
}

static void subscribed(struct mosquitto *mosq, void *arg, int id, int count, const int *granted)
{
	struct side *side = arg;

	(void)mosq;
	(void)id;
	side->failed |= count != PUBLISHERS || granted[0] != 1 || granted[1] != 1;
	side->progress = exchange_now();
	exchange_ready(side->ready);
}

static void acknowledged(struct mosquitto *mosq, void *arg, int id)
{
	struct side *side = arg;

	(void)mosq;
	(void)id;
	side->pending--;
	side->progress = exchange_now();
}

static void received(struct mosquitto *mosq, void *arg, const struct mosquitto_message *message)
{
	struct side *side = arg;

	(void)mosq;
	side->progress = exchange_now();
	if (!side->failed)
		side->failed = !checker_take(&side->checker, message->topic,
					     strlen(message->topic), message->payload,
					     (size_t)message->payloadlen);
}

/* Return: false if it is of no use to go on. */
static bool turn(struct mosquitto *mosq, struct side *side)
{
	int error = mosquitto_loop(mosq, 1000, 1);

	if (error) {
		exchange_say("MQTT: %s", mosquitto_strerror(error));
		return false;
	}
	if (exchange_now() - side->progress > exchange_patience()) {
		exchange_say("MQTT: nothing has happened for %d ms", exchange_patience());
		return false;
	}
	return !side->failed;
}

static struct mosquitto *open_client(const struct exchange *exchange, struct side *side,
				     const char *id)
{
	struct mosquitto *mosq;
	int error;

	mosquitto_lib_init();
	mosq = mosquitto_new(id, true, side);
	if (!mosq)
		return NULL;
	mosquitto_connect_callback_set(mosq, connected);
	mosquitto_subscribe_callback_set(mosq, subscribed);
	mosquitto_publish_callback_set(mosq, acknowledged);
	mosquitto_message_callback_set(mosq, received);
	mosquitto_max_inflight_messages_set(mosq, PENDING_MAX);
	side->progress = exchange_now();
	error = mosquitto_connect(mosq, "127.0.0.1", exchange->mqtt_port, 600);
	if (error)
		exchange_say("MQTT: cannot connect to port %d: %s", exchange->mqtt_port,
			     mosquitto_strerror(error));
	while (!error && !side->connected)
		error = !turn(mosq, side);
	if (!error)
		return mosq;
	mosquitto_destroy(mosq);
	return NULL;
}

int mqtt_receive(const struct exchange *exchange, int ready)
{
	static struct side side;
	struct mosquitto *mosq;

	side.checker.exchange = exchange;
	side.checker.who = "MQTT";
	side.ready = ready;
	mosq = open_client(exchange, &side, "exchange-receiver");
	if (!mosq || mosquitto_subscribe_multiple(mosq, NULL, PUBLISHERS,
						  (char *const *)exchange->topics, 1, 0, NULL))
		return 1;
	while (!checker_done(&side.checker) && turn(mosq, &side))
		;
	checker_report(&side.checker);
	mosquitto_disconnect(mosq);
	mosquitto_destroy(mosq);
	return side.failed || !checker_done(&side.checker);
}

static int publish_all(const struct exchange *exchange, uint32_t publisher,
		       struct mosquitto *mosq, struct side *side)
{
	static uint8_t bytes[SIZE_MAX_BYTES];
	uint32_t index = 0;

	while (index <= exchange->count || side->pending) {
		size_t size;

		if (index > exchange->count || side->pending >= PENDING_MAX) {
			if (!turn(mosq, side))
				return exchange_say("publisher %u stopped before message %u",
						    publisher, index);
			continue;
		}
		size = content_make(exchange, publisher, index++, bytes);
		side->pending++;
		if (mosquitto_publish(mosq, NULL, exchange->topics[publisher], (int)size, bytes,
				      1, false))
			return exchange_say("publisher %u: message %u was not taken", publisher,
					    index - 1);
	}
	return 0;
}

int mqtt_publish(const struct exchange *exchange, uint32_t publisher)
{
	static struct side side;
	struct mosquitto *mosq;
	char id[32];
	int status;

	snprintf(id, sizeof(id), "exchange-%u", publisher);
	mosq = open_client(exchange, &side, id);
	if (!mosq)
		return 1;
	status = publish_all(exchange, publisher, mosq, &side);
	mosquitto_disconnect(mosq);
	mosquitto_destroy(mosq);
	return status;
}
