// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* hiredis on both sides. */
#include <string.h>
#include <sys/time.h>

#include <hiredis/hiredis.h>

#include "exchange.h"

/* Messages that are sent before their replies are read. */
#define PIPELINE 64

static redisContext *open_client(const struct exchange *exchange)
{
	int patience = exchange_patience();
	struct timeval timeout = { .tv_sec = patience / 1000 };
	redisContext *redis = redisConnectWithTimeout("127.0.0.1", exchange->redis_port, timeout);

	if (redis && !redis->err && redisSetTimeout(redis, timeout) == REDIS_OK)
		return redis;
	exchange_say("Redis: cannot connect to port %d: %s", exchange->redis_port,
		     redis ? redis->errstr : "out of memory");
	if (redis)
		redisFree(redis);
	return NULL;
}

static redisReply *next_reply(redisContext *redis)
{
	void *reply = NULL;

	if (redisGetReply(redis, &reply) == REDIS_OK)
		return reply;
	exchange_say("Redis: no reply within %d ms: %s", exchange_patience(), redis->errstr);
	return NULL;
}

static bool take_message(struct checker *checker, const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
	    strcmp(reply->element[0]->str, "message")) {
		exchange_say("Redis: not a message: type %d, %zu elements, %s", reply->type,
			     reply->elements, reply->str ? reply->str : "");
		return false;
	}
	return checker_take(checker, reply->element[1]->str, reply->element[1]->len,
			    reply->element[2]->str, reply->element[2]->len);
}

static bool subscribe(redisContext *redis, const struct exchange *exchange)
{
	redisAppendCommand(redis, "SUBSCRIBE %s %s", exchange->topics[0], exchange->topics[1]);
	for (int i = 0; i < PUBLISHERS; i++) {
		redisReply *reply = next_reply(redis);
		bool good = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
			    reply->element[2]->integer == i + 1;

		if (reply && !good)
			exchange_say("Redis: cannot subscribe: %s", reply->str ? reply->str : "?");
		freeReplyObject(reply);
		if (!good)
			return false;
	}
	return true;
}

int redis_receive(const struct exchange *exchange, int ready)
{
	static struct checker checker;
	redisContext *redis = open_client(exchange);
	bool good;

	if (!redis)
		return 1;
	checker.exchange = exchange;
	checker.who = "Redis";
	good = subscribe(redis, exchange);
	if (good)
		exchange_ready(ready);
	while (good && !checker_done(&checker)) {
		redisReply *reply = next_reply(redis);

		good = reply && take_message(&checker, reply);
		freeReplyObject(reply);
	}
	checker_report(&checker);
	redisFree(redis);
	return !good;
}

/* Each reply is the number of receivers, at least the one that is checking. */
static bool take_counts(redisContext *redis, uint32_t publisher, uint32_t count)
{
	bool good = true;

	while (good && count--) {
		redisReply *reply = next_reply(redis);

		good = reply && reply->type == REDIS_REPLY_INTEGER && reply->integer >= 1;
		if (reply && !good)
			exchange_say("publisher %u: PUBLISH was answered with %lld %s", publisher,
				     reply->integer, reply->str ? reply->str : "");
		freeReplyObject(reply);
	}
	return good;
}

int redis_publish(const struct exchange *exchange, uint32_t publisher)
{
	static uint8_t bytes[SIZE_MAX_BYTES];
	redisContext *redis = open_client(exchange);
	uint32_t index, sent = 0;
	bool good = redis;

	for (index = 0; good && index <= exchange->count; index++) {
		size_t size = content_make(exchange, publisher, index, bytes);

		good = redisAppendCommand(redis, "PUBLISH %s %b", exchange->topics[publisher],
					  bytes, size) == REDIS_OK;
		if (good && (++sent == PIPELINE || index == exchange->count)) {
			good = take_counts(redis, publisher, sent);
			sent = 0;
		}
	}
	if (!good)
		exchange_say("publisher %u stopped at message %u", publisher, index);
	if (redis)
		redisFree(redis);
	return !good;
}
