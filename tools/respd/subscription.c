// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "glob.h"
#include "respd.h"

/* ---- the table --------------------------------------------------------- */

int subscription_table_init(struct subscription_table *table)
{
	*table = (struct subscription_table){ 0 };
	if (buckets_init(&table->subscriptions) || buckets_init(&table->pattern_texts) ||
	    buckets_init(&table->wides))
		return -ENOMEM;
	return 0;
}

void subscription_table_exit(struct subscription_table *table)
{
	buckets_exit(&table->subscriptions);
	buckets_exit(&table->pattern_texts);
	buckets_exit(&table->wides);
}

void subscription_list_init(struct subscription_list *list)
{
	*list = (struct subscription_list){ .last = &list->first };
}

/* The client's id keeps the subscribers of one channel apart. */
static uint32_t hash_of(const struct client *client, bool pattern, const char *name, size_t len)
{
	return buckets_hash((uint32_t)(client->id * 2654435761U) ^ pattern, name, len);
}

struct subscription *subscription_find(struct client *client, bool pattern,
				       const char *name, size_t len)
{
	uint32_t hash = hash_of(client, pattern, name, len);
	struct bucket_entry *entry = buckets_first(&respd_of(client)->table.subscriptions, hash);

	for (; entry; entry = entry->chain) {
		struct subscription *at = subscription_of(entry);

		if (entry->hash == hash && at->client == client && !at->pattern == !pattern &&
		    at->len == len && !memcmp(at->name, name, len))
			return at;
	}
	return NULL;
}

static void insert(struct client *client, struct subscription *subscription)
{
	struct subscription_list *list = &client->subscriptions;

	buckets_add(&respd_of(client)->table.subscriptions, &subscription->entry,
		    hash_of(client, subscription->pattern, subscription->name,
			    subscription->len));
	subscription->previous = list->last;
	*list->last = subscription;
	list->last = &subscription->next;
	if (subscription->pattern)
		list->patterns++;
	else
		list->channels++;
}

static void extract(struct subscription *subscription)
{
	struct client *client = subscription->client;
	struct subscription_list *list = &client->subscriptions;

	buckets_remove(&respd_of(client)->table.subscriptions, &subscription->entry);
	*subscription->previous = subscription->next;
	if (subscription->next)
		subscription->next->previous = subscription->previous;
	else
		list->last = subscription->previous;
	if (subscription->pattern)
		list->patterns--;
	else
		list->channels--;
}

/* ---- filters that cover patterns --------------------------------------- */

static struct wide *wide_get(struct respd *respd, const char *filter, size_t len, int *error)
{
	struct buckets *wides = &respd->table.wides;
	uint32_t hash = buckets_hash(0, filter, len);
	struct bucket_entry *entry;
	struct wide *wide;

	for (entry = buckets_first(wides, hash); entry; entry = entry->chain) {
		wide = (struct wide *)entry;
		if (wide->len == len && !memcmp(wide->filter, filter, len)) {
			wide->uses++;
			return wide;
		}
	}
	wide = malloc(sizeof(*wide) + len);
	*error = wide ? libmq_bus_subscribe(respd->worker->bus, filter, len, 0) : -ENOMEM;
	if (*error) {
		free(wide);
		return NULL;
	}
	wide->uses = 1;
	wide->len = (uint32_t)len;
	memcpy(wide->filter, filter, len);
	buckets_add(wides, &wide->entry, hash);
	return wide;
}

static void wide_put(struct respd *respd, struct wide *wide)
{
	if (--wide->uses)
		return;
	libmq_bus_unsubscribe(respd->worker->bus, wide->filter, wide->len);
	buckets_remove(&respd->table.wides, &wide->entry);
	free(wide);
}

/* ---- patterns ---------------------------------------------------------- */

static struct pattern *pattern_find(struct respd *respd, const char *text, size_t len)
{
	struct bucket_entry *entry = buckets_first(&respd->table.pattern_texts,
						   buckets_hash(0, text, len));

	for (; entry; entry = entry->chain) {
		struct pattern *pattern = (struct pattern *)entry;

		if (pattern->len == len && !memcmp(pattern->text, text, len))
			return pattern;
	}
	return NULL;
}

static void pattern_link(struct subscription_table *table, struct pattern *pattern)
{
	buckets_add(&table->pattern_texts, &pattern->entry,
		    buckets_hash(0, pattern->text, pattern->len));
	pattern->next = table->patterns;
	pattern->previous = &table->patterns;
	if (pattern->next)
		pattern->next->previous = &pattern->next;
	table->patterns = pattern;
}

static void pattern_unlink(struct subscription_table *table, struct pattern *pattern)
{
	buckets_remove(&table->pattern_texts, &pattern->entry);
	*pattern->previous = pattern->next;
	if (pattern->next)
		pattern->next->previous = pattern->previous;
}

static struct pattern *pattern_create(struct respd *respd, const char *text, size_t len,
				      int *error)
{
	ssize_t filter_len = name_filter_of_pattern(text, len, respd->topic,
						    sizeof(respd->topic));
	struct pattern *pattern;

	if (filter_len < 0) {
		*error = (int)filter_len;
		return NULL;
	}
	pattern = calloc(1, sizeof(*pattern) + len);
	if (!pattern) {
		*error = -ENOMEM;
		return NULL;
	}
	pattern->wide = wide_get(respd, respd->topic, (size_t)filter_len, error);
	if (!pattern->wide) {
		free(pattern);
		return NULL;
	}
	pattern->len = (uint32_t)len;
	if (len)
		memcpy(pattern->text, text, len);
	pattern_link(&respd->table, pattern);
	return pattern;
}

/* Joins the pattern, which is made if nobody has it yet. */
static int pattern_join(struct respd *respd, struct subscription *subscription)
{
	struct pattern *pattern = pattern_find(respd, subscription->name, subscription->len);
	int error = 0;

	if (!pattern)
		pattern = pattern_create(respd, subscription->name, subscription->len, &error);
	if (!pattern)
		return error;
	subscription->pattern = pattern;
	subscription->pattern_next = pattern->first;
	subscription->pattern_previous = &pattern->first;
	if (pattern->first)
		pattern->first->pattern_previous = &subscription->pattern_next;
	pattern->first = subscription;
	pattern->count++;
	return 0;
}

static void pattern_leave(struct respd *respd, struct subscription *subscription)
{
	struct pattern *pattern = subscription->pattern;

	*subscription->pattern_previous = subscription->pattern_next;
	if (subscription->pattern_next)
		subscription->pattern_next->pattern_previous = subscription->pattern_previous;
	if (--pattern->count)
		return;
	pattern_unlink(&respd->table, pattern);
	wide_put(respd, pattern->wide);
	free(pattern);
}

bool pattern_matches(const struct pattern *pattern, const struct resp_arg *channel,
		     const char *topic, size_t topic_len)
{
	const struct wide *wide = pattern->wide;

	return libmq_topic_match(wide->filter, wide->len, topic, topic_len) &&
	       glob_match(pattern->text, pattern->len, channel->data, channel->len);
}

uint32_t subscription_count_matches(const struct subscription_table *table,
				    const struct resp_arg *channel,
				    const char *topic, size_t topic_len)
{
	uint32_t count = 0;

	for (const struct pattern *at = table->patterns; at; at = at->next)
		if (pattern_matches(at, channel, topic, topic_len))
			count += at->count;
	return count;
}

/* ---- subscriptions ----------------------------------------------------- */

static int channel_join(struct respd *respd, struct subscription *subscription)
{
	ssize_t len = name_to_topic(subscription->name, subscription->len, respd->topic,
				    sizeof(respd->topic));

	if (len < 0)
		return (int)len;
	return worker_subscribe(respd->worker, &subscription->sub, respd->topic, (size_t)len);
}

void subscription_remove(struct subscription *subscription)
{
	struct respd *respd = respd_of(subscription->client);

	extract(subscription);
	if (subscription->pattern)
		pattern_leave(respd, subscription);
	else
		worker_unsubscribe(respd->worker, &subscription->sub);
	free(subscription);
}

/* The client was not there for what is in the channels by now. */
static int set_mark(struct respd *respd, struct subscription *subscription)
{
	const struct pattern *pattern = subscription->pattern;
	const struct subs_filter *filter = subscription->sub.filter;
	struct libmq_bus *bus = respd->worker->bus;
	int error = libmq_bus_retained(bus, pattern ? pattern->wide->filter : filter->text,
				       pattern ? pattern->wide->len : filter->len, NULL, NULL);

	subscription->mark = libmq_bus_mark(bus);
	return error;
}

int subscription_add(struct client *client, bool pattern, const char *name, size_t len)
{
	struct respd *respd = respd_of(client);
	struct subscription *subscription = calloc(1, sizeof(*subscription) + len);
	int error;

	if (!subscription)
		return -ENOMEM;
	subscription->client = client;
	subscription->len = (uint32_t)len;
	if (len)
		memcpy(subscription->name, name, len);
	error = pattern ? pattern_join(respd, subscription) : channel_join(respd, subscription);
	if (error) {
		free(subscription);
		return error;
	}
	insert(client, subscription);
	error = set_mark(respd, subscription);
	if (error)
		subscription_remove(subscription);
	return error;
}

void subscription_remove_all(struct client *client)
{
	while (client->subscriptions.first)
		subscription_remove(client->subscriptions.first);
}
