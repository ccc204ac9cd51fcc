// SPDX-License-Identifier: GPL-2.0-only
/* Routing what is staged: who owns the topics, which filters match; see publish.h. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "publish.h"

void mq_publish_init(struct mq_publisher *publisher, struct mq_channel *channel)
{
	mutex_init(&publisher->lock);
	publisher->channel = channel;
	INIT_LIST_HEAD(&publisher->wills.list);
	publisher->pool = publisher->pool_own;
	publisher->pool_size = MQ_ROUTE_POOL;
}

void mq_publish_destroy(struct mq_publisher *publisher)
{
	if (publisher->pool != publisher->pool_own)
		kvfree(publisher->pool);
}

static bool route_is_last(const struct mq_publisher *publisher,
			  const struct mq_ring_data *data)
{
	return publisher->last_len == data->topic_len &&
	       !memcmp(publisher->last_topic, data->topic, data->topic_len);
}

/* Forgets routes of another generation; keeps that of the last topic else. */
static void route_begin(struct mq_publisher *publisher, u64 generation)
{
	struct mq_route *last = &publisher->last_route;

	if (publisher->generation != generation)
		publisher->last_len = 0;
	publisher->generation = generation;
	publisher->pool_used = 0;
	if (!publisher->last_len)
		return;
	memmove(publisher->pool, publisher->pool + last->first,
		last->count * sizeof(*publisher->pool));
	last->first = 0;
	publisher->pool_used = last->count;
}

static struct mq_route route_find(struct mq_publisher *publisher,
				  const struct mq_ring_data *data)
{
	struct mq_channel *channel = publisher->channel;
	struct mq_route route = { .first = publisher->pool_used };
	const char *topic = (const char *)data->topic;
	int found;

	if (mq_claim_owner(topic, data->topic_len) != channel) {
		route.result = -ESTALE;
		return route;
	}
	found = mq_tree_match(&channel->filters.tree, topic, data->topic_len,
			      publisher->pool + publisher->pool_used);
	if (found < 0) {
		route.all = true;
		return route;
	}
	route.count = found;
	publisher->pool_used += found;
	return route;
}

u32 mq_publish_route(struct mq_publisher *publisher, u32 start, u64 generation)
{
	u32 i;

	route_begin(publisher, generation);
	for (i = start; i < publisher->staged_count; i++) {
		struct mq_staged *staged = &publisher->staged[i];

		if (staged->result)
			continue;
		if (route_is_last(publisher, &staged->data)) {
			staged->route = publisher->last_route;
			continue;
		}
		if (publisher->pool_used + MQ_TREE_MATCHES_MAX > publisher->pool_size)
			break;
		staged->route = route_find(publisher, &staged->data);
		publisher->last_len = 0;
		if (staged->data.topic_len <= MQ_ROUTE_TOPIC_MAX) {
			publisher->last_len = staged->data.topic_len;
			memcpy(publisher->last_topic, staged->data.topic, publisher->last_len);
			publisher->last_route = staged->route;
		}
	}
	return i;
}

int mq_publish_widen(struct mq_publisher *publisher)
{
	void **pool = kvmalloc_array(MQ_ROUTE_POOL_MAX, sizeof(*pool), GFP_KERNEL_ACCOUNT);

	if (!pool)
		return -ENOMEM;
	mq_publish_destroy(publisher);
	publisher->pool = pool;
	publisher->pool_size = MQ_ROUTE_POOL_MAX;
	publisher->last_len = 0;
	return 0;
}
