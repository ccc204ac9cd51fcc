// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* PUBLISH, (P)SUBSCRIBE, (P)UNSUBSCRIBE, PUBSUB */
#include <errno.h>
#include <string.h>

#include "glob.h"
#include "respd.h"

static void put_bad_name(struct resp_out *out, int error, const struct resp_arg *name)
{
	char quoted[128], text[512];

	log_quote(quoted, sizeof(quoted), name->data, name->len);
	if (!name->len)
		resp_put_error(out, "ERR a channel name may not be empty: a topic has at least one byte");
	else if (error == -ENAMETOOLONG)
		resp_put_error(out, "ERR name '%s' is too long: its topic may have %d bytes",
			       quoted, NAME_TOPIC_MAX);
	else if (error == -E2BIG)
		resp_put_error(out, "ERR name '%s' has more than %d levels ('/'): no filter may have more",
			       quoted, NAME_FILTER_LEVELS_MAX);
	else
		resp_put_error(out, "ERR %s", libmq_strerror(error, text, sizeof(text), quoted));
}

/* What the message points to lives until the batch is published. */
void command_publish(const struct request *request)
{
	struct client *client = request->client;
	const struct resp_arg *name = &request->argv[1];
	struct libmq_message message = {
		.topic = name->data,
		.payload = request->argv[2].data, .payload_len = request->argv[2].len,
	};
	ssize_t len = name->len;

	if (!libmq_topic_valid(name->data, name->len) || memchr(name->data, '%', name->len)) {
		char *topic = batch_scratch(&client->conn.worker->batch, NAME_TOPIC_MAX);

		len = name_to_topic(name->data, name->len, topic, NAME_TOPIC_MAX);
		message.topic = topic;
	}
	if (len < 0) {
		put_bad_name(request->out, (int)len, name);
		return;
	}
	message.topic_len = (uint16_t)len;
	client_publish(client, &message);
}

/* ---- subscribing ------------------------------------------------------- */

static uint32_t count_of(const struct client *client)
{
	return client->subscriptions.channels + client->subscriptions.patterns;
}

static void put_change(struct client *client, const char *what, const struct resp_arg *name)
{
	struct resp_out *out = &respd_of(client)->out;

	resp_put_push(out, 3);
	resp_put_text(out, what);
	if (name)
		resp_put_bulk(out, name->data, name->len);
	else
		resp_put_null(out);
	resp_put_integer(out, count_of(client));
}

/* Answered name by name, also to clients that want no replies. */
static void subscribe(const struct request *request, bool pattern)
{
	struct client *client = request->client;

	for (uint32_t i = 1; i < request->argc; i++) {
		const struct resp_arg *name = &request->argv[i];
		bool has = subscription_find(client, pattern, name->data, name->len);
		int error = 0;

		if (!has && pattern && client->subscriptions.patterns >= PATTERNS_MAX) {
			resp_put_error(request->out,
				       "ERR a connection may have at most %d patterns",
				       PATTERNS_MAX);
			continue;
		}
		if (!has)
			error = subscription_add(client, pattern, name->data, name->len);
		if (error)
			put_bad_name(request->out, error, name);
		else
			put_change(client, pattern ? "psubscribe" : "subscribe", name);
	}
	client_push(client);
}

void command_subscribe(const struct request *request)
{
	subscribe(request, false);
}

void command_psubscribe(const struct request *request)
{
	subscribe(request, true);
}

static void unsubscribe_one(struct client *client, bool pattern, const struct resp_arg *name)
{
	struct subscription *found = subscription_find(client, pattern, name->data, name->len);

	if (found)
		subscription_remove(found);
	put_change(client, pattern ? "punsubscribe" : "unsubscribe", name);
}

static void unsubscribe_all(struct client *client, bool pattern)
{
	struct subscription *at, *next;
	bool any = false;

	for (at = client->subscriptions.first; at; at = next) {
		struct resp_out *out = &respd_of(client)->out;

		next = at->next;
		if (!at->pattern == pattern)
			continue;
		any = true;
		resp_put_push(out, 3);
		resp_put_text(out, pattern ? "punsubscribe" : "unsubscribe");
		resp_put_bulk(out, at->name, at->len);
		subscription_remove(at);
		resp_put_integer(out, count_of(client));
	}
	if (!any)
		put_change(client, pattern ? "punsubscribe" : "unsubscribe", NULL);
}

static void unsubscribe(const struct request *request, bool pattern)
{
	struct client *client = request->client;

	if (request->argc == 1)
		unsubscribe_all(client, pattern);
	for (uint32_t i = 1; i < request->argc; i++)
		unsubscribe_one(client, pattern, &request->argv[i]);
	client_push(client);
}

void command_unsubscribe(const struct request *request)
{
	unsubscribe(request, false);
}

void command_punsubscribe(const struct request *request)
{
	unsubscribe(request, true);
}

/* ---- PUBSUB ------------------------------------------------------------ */

/* The first subscription of a channel stands for it. */
static const struct subscription *channel_at(struct bucket_entry *entry)
{
	const struct subscription *at = subscription_of(entry);

	return !at->pattern && at->sub.filter->first == &at->sub ? at : NULL;
}

/* Puts the names into @out, or only counts them if @out is NULL. */
static size_t list_channels(const struct buckets *buckets, const struct resp_arg *pattern,
			    struct resp_out *out)
{
	size_t count = 0;

	for (uint32_t i = 0; i < buckets->size; i++) {
		struct bucket_entry *entry = buckets->first[i];

		for (; entry; entry = entry->chain) {
			const struct subscription *at = channel_at(entry);

			if (!at ||
			    (pattern && !glob_match(pattern->data, pattern->len, at->name,
						    at->len)))
				continue;
			count++;
			if (out)
				resp_put_bulk(out, at->name, at->len);
		}
	}
	return count;
}

void command_pubsub_channels(const struct request *request)
{
	const struct buckets *buckets = &respd_of(request->client)->table.subscriptions;
	const struct resp_arg *pattern = request->argc > 2 ? &request->argv[2] : NULL;

	if (request->argc > 3) {
		resp_put_error(request->out,
			       "ERR unknown subcommand or wrong number of arguments for 'channels'. Try PUBSUB HELP.");
		return;
	}
	resp_put_array(request->out, list_channels(buckets, pattern, NULL));
	list_channels(buckets, pattern, request->out);
}

void command_pubsub_numpat(const struct request *request)
{
	resp_put_integer(request->out, respd_of(request->client)->table.pattern_texts.count);
}

void command_pubsub_numsub(const struct request *request)
{
	struct respd *respd = respd_of(request->client);

	resp_put_array(request->out, (request->argc - 2) * 2UL);
	for (uint32_t i = 2; i < request->argc; i++) {
		const struct resp_arg *name = &request->argv[i];
		ssize_t len = name_to_topic(name->data, name->len, respd->topic,
					    sizeof(respd->topic));
		struct subs_filter *filter = NULL;

		if (len > 0)
			filter = subs_find(&respd->worker->subs, respd->topic, (size_t)len);
		resp_put_bulk(request->out, name->data, name->len);
		resp_put_integer(request->out, filter ? filter->count : 0);
	}
}
