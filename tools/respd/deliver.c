// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* From a record to the clients that want it: written once, sent many times. */
#include "respd.h"

/**
 * struct delivery - one message on its way
 * @worker: worker
 * @channel: name of the channel
 * @pattern: the pattern it matched, for a pmessage; len and data
 * @is_pattern: it is a pmessage
 * @record: the record
 * @spans: the message in RESP2 and RESP3, as soon as somebody needs it
 */
struct delivery {
	struct worker *worker;
	struct resp_arg channel;
	struct resp_arg pattern;
	bool is_pattern;
	const struct libmq_record *record;
	struct span spans[2];
};

static struct span encode(struct delivery *delivery, int version)
{
	struct blocks *blocks = &delivery->worker->blocks;
	const struct libmq_record *record = delivery->record;
	const struct resp_arg *pattern = delivery->is_pattern ? &delivery->pattern : NULL;
	size_t size = resp_message_size(pattern, &delivery->channel, record->payload_len);
	struct resp_out out = { .version = version, .fixed = true, .size = size };

	out.data = (char *)blocks_reserve(blocks, size);
	if (!out.data)
		return (struct span){ 0 };
	resp_put_message(&out, pattern, &delivery->channel, record->payload,
			 record->payload_len);
	return blocks_commit(blocks, out.len);
}

static void send_to(struct delivery *delivery, const struct subscription *subscription)
{
	struct client *client = subscription->client;
	struct span *span = &delivery->spans[client->version - 2];

	if (libmq_bus_record_before(delivery->worker->bus, delivery->record,
				    subscription->mark))
		return;
	if (!span->block)
		*span = encode(delivery, client->version);
	if (span->block)
		delivery->worker->stats.delivered++;
	else
		delivery->worker->stats.undelivered++;
	/* Without memory for it the client is closed, but not while lists are walked. */
	conn_send(&client->conn, *span);
}

static void finish(struct delivery *delivery)
{
	for (int i = 0; i < 2; i++) {
		span_put(delivery->spans[i]);
		delivery->spans[i] = (struct span){ 0 };
	}
}

static void send_to_channel(struct delivery *delivery, struct subs_filter *filter)
{
	for (struct sub *sub = filter->first; sub; sub = sub->next)
		send_to(delivery, (struct subscription *)sub);
	finish(delivery);
}

static void send_to_pattern(struct delivery *delivery, struct pattern *pattern)
{
	struct subscription *at;

	delivery->pattern = (struct resp_arg){ .data = pattern->text, .len = pattern->len };
	delivery->is_pattern = true;
	for (at = pattern->first; at; at = at->pattern_next)
		send_to(delivery, at);
	finish(delivery);
}

void respd_deliver(struct worker *worker, const struct libmq_record *record)
{
	struct respd *respd = worker->context;
	struct delivery delivery = { .worker = worker, .record = record };
	struct subs_filter *filter = subs_find(&worker->subs, record->topic, record->topic_len);
	struct pattern *pattern;

	if (!filter && !respd->table.patterns)
		return;
	delivery.channel.data = respd->topic;
	delivery.channel.len = (uint32_t)name_from_topic(record->topic, record->topic_len,
							 respd->topic);
	if (filter)
		send_to_channel(&delivery, filter);
	for (pattern = respd->table.patterns; pattern; pattern = pattern->next)
		if (pattern_matches(pattern, &delivery.channel, record->topic,
				    record->topic_len))
			send_to_pattern(&delivery, pattern);
}
