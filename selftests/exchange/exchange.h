/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: The exchange test
 *
 * Publishers of one kind (MQTT, Redis, native, shell) send a known sequence of
 * messages, receivers of another kind check that it arrives: every byte, in
 * order, nothing lost, nothing twice. The clients are the real ones:
 * libmosquitto, hiredis, libmq, write(), sh and dd.
 *
 * There are two publishers at a time, each with a topic of its own. A message
 * can be a single byte, too small for a number, so both sides make the
 * sequence anew from (publisher, index). The last message of a publisher is a
 * mark that says so: whatever came twice would come before it.
 *
 * Every publisher and receiver is a process of its own; main.c starts them
 * and collects their exit statuses. A receiver tells when it has subscribed.
 * Whoever sees no progress for exchange_patience() ms gives up and says where
 * it stands.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PUBLISHERS	2
#define SIZE_MAX_BYTES	65536

/**
 * struct exchange - what is exchanged
 * @topics: of each publisher
 * @count: messages of each publisher, without the mark
 * @mqtt_port: of mq-mqttd on 127.0.0.1
 * @redis_port: of mq-respd on 127.0.0.1
 */
struct exchange {
	const char *topics[PUBLISHERS];
	uint32_t count;
	int mqtt_port;
	int redis_port;
};

/* Both return an exit status: 0: all went well. */
typedef int (*publish_fn)(const struct exchange *exchange, uint32_t publisher);
typedef int (*receive_fn)(const struct exchange *exchange, int ready);

int mqtt_publish(const struct exchange *exchange, uint32_t publisher);
int mqtt_receive(const struct exchange *exchange, int ready);
int redis_publish(const struct exchange *exchange, uint32_t publisher);
int redis_receive(const struct exchange *exchange, int ready);
int native_publish(const struct exchange *exchange, uint32_t publisher);
int shell_publish(const struct exchange *exchange, uint32_t publisher);

/* ---- content.c --------------------------------------------------------- */

/* Makes a message in @bytes (SIZE_MAX_BYTES). Return: its size, 1 or more. */
size_t content_make(const struct exchange *exchange, uint32_t publisher, uint32_t index,
		    uint8_t *bytes);

/**
 * struct checker - what a receiver has seen
 * @exchange: exchange
 * @who: for diagnostics
 * @next: index of the message that must come next, for each publisher
 * @bytes: received
 * @scratch: the message that should have come
 */
struct checker {
	const struct exchange *exchange;
	const char *who;
	uint32_t next[PUBLISHERS];
	uint64_t bytes;
	uint8_t scratch[SIZE_MAX_BYTES];
};

/* Return: false if it is not the next message of its publisher; it was said. */
bool checker_take(struct checker *checker, const char *topic, size_t topic_len,
		  const void *payload, size_t len);
bool checker_done(const struct checker *checker);
/* Says how far it came, as a comment. */
void checker_report(const struct checker *checker);

/* ---- main.c ------------------------------------------------------------ */

/* ms without progress after which there will be none. */
int exchange_patience(void);
/* CLOCK_MONOTONIC in ms. */
int64_t exchange_now(void);
void exchange_ready(int ready);
/* A comment line; returns 1, an exit status. */
int exchange_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* EXCHANGE_H */
