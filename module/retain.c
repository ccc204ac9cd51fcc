// SPDX-License-Identifier: GPL-2.0-only
/* Retained values of a channel, see retain.h. */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "retain.h"

static u32 retained_size(const struct mq_ring_data *data)
{
	return data->topic_len + data->payload_len + data->metadata_len;
}

struct mq_retained_value *mq_retained_alloc(const struct mq_ring_data *data)
{
	struct mq_retained_value *value;

	value = kvzalloc(struct_size(value, bytes, retained_size(data)), GFP_KERNEL_ACCOUNT);
	if (!value)
		return ERR_PTR(-ENOMEM);
	kref_init(&value->ref);
	value->data = *data;
	value->data.topic = value->bytes;
	value->data.payload = value->data.topic + data->topic_len;
	value->data.metadata = value->data.payload + data->payload_len;
	return value;
}

struct mq_retained_value *mq_retained_new(const struct mq_ring_data *data)
{
	struct mq_retained_value *value = mq_retained_alloc(data);
	u8 *at;

	if (IS_ERR(value))
		return value;
	at = value->bytes;
	memcpy(at, data->topic, data->topic_len);
	at += data->topic_len;
	memcpy(at, data->payload, data->payload_len);
	at += data->payload_len;
	memcpy(at, data->metadata, data->metadata_len);
	return value;
}

static void retained_free(struct kref *ref)
{
	struct mq_retained_value *value = container_of(ref, struct mq_retained_value, ref);

	/* A purge promises that; which one it is nobody knows here. */
	kvfree_sensitive(value, struct_size(value, bytes, retained_size(&value->data)));
}

void mq_retained_put(struct mq_retained_value *value)
{
	if (value)
		kref_put(&value->ref, retained_free);
}

/* Order of the tree by topic. */
static int retained_compare(const struct mq_ring_data *a, const struct mq_ring_data *b)
{
	if (a->topic_hash != b->topic_hash)
		return a->topic_hash < b->topic_hash ? -1 : 1;
	if (a->topic_len != b->topic_len)
		return a->topic_len < b->topic_len ? -1 : 1;
	return memcmp(a->topic, b->topic, a->topic_len);
}

static struct mq_retained_value *retained_find(const struct mq_retained_set *set,
					       const struct mq_ring_data *data)
{
	struct rb_node *node = set->by_topic.rb_node;

	while (node) {
		struct mq_retained_value *value =
			rb_entry(node, struct mq_retained_value, by_topic);
		int order = retained_compare(data, &value->data);

		if (!order)
			return value;
		node = order < 0 ? node->rb_left : node->rb_right;
	}
	return NULL;
}

u64 mq_retained_sequence(const struct mq_retained_set *set, const struct mq_ring_data *data,
			 u64 now)
{
	const struct mq_retained_value *value = retained_find(set, data);

	return value && !mq_retained_expired(value, now) ? value->sequence : 0;
}

/* Whether so much may come to what is there, reserved and admitted. */
static bool retained_room(const struct mq_retained_set *set,
			  const struct mq_retained_growth *growth, u32 count, u32 bytes)
{
	return (!count || (u64)set->count + set->reserved.count + growth->count + count <=
			  set->count_max) &&
	       set->bytes + set->reserved.bytes + growth->bytes + bytes <= set->bytes_max;
}

int mq_retained_admit(const struct mq_retained_set *set, const struct mq_ring_data *data,
		      struct mq_retained_growth *growth)
{
	const struct mq_retained_value *old = retained_find(set, data);
	u32 old_size = old ? retained_size(&old->data) : 0;
	u32 size = retained_size(data);

	if (!data->payload_len || size <= old_size)
		return 0;
	if (!retained_room(set, growth, !old, size - old_size))
		return -EDQUOT;
	growth->count += !old;
	growth->bytes += size - old_size;
	return 0;
}

int mq_retained_reserve(struct mq_retained_set *set, const struct mq_ring_data *data)
{
	const struct mq_retained_growth none = { };
	u32 size = retained_size(data);

	if (!retained_room(set, &none, 1, size))
		return -EDQUOT;
	set->reserved.count++;
	set->reserved.bytes += size;
	return 0;
}

void mq_retained_release(struct mq_retained_set *set, const struct mq_ring_data *data)
{
	set->reserved.count--;
	set->reserved.bytes -= retained_size(data);
}

static bool retained_expires_first(struct rb_node *node, const struct rb_node *other)
{
	return rb_entry(node, struct mq_retained_value, by_expiry)->expires <
	       rb_entry(other, struct mq_retained_value, by_expiry)->expires;
}

static void retained_insert(struct mq_retained_set *set, struct mq_retained_value *value)
{
	struct rb_node **link = &set->by_topic.rb_node;
	struct rb_node *parent = NULL;

	while (*link) {
		parent = *link;
		if (retained_compare(&value->data, &rb_entry(parent, struct mq_retained_value,
							     by_topic)->data) < 0)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&value->by_topic, parent, link);
	rb_insert_color(&value->by_topic, &set->by_topic);

	/* Its sequence is the highest. */
	parent = rb_last(&set->by_sequence);
	rb_link_node(&value->by_sequence, parent,
		     parent ? &parent->rb_right : &set->by_sequence.rb_node);
	rb_insert_color(&value->by_sequence, &set->by_sequence);
	if (value->expires)
		rb_add_cached(&value->by_expiry, &set->by_expiry, retained_expires_first);
	set->count++;
	set->bytes += retained_size(&value->data);
}

static void retained_erase(struct mq_retained_set *set, struct mq_retained_value *value)
{
	rb_erase(&value->by_topic, &set->by_topic);
	rb_erase(&value->by_sequence, &set->by_sequence);
	if (value->expires)
		rb_erase_cached(&value->by_expiry, &set->by_expiry);
	set->count--;
	set->bytes -= retained_size(&value->data);
}

struct mq_retained_value *mq_retained_replace(struct mq_retained_set *set,
					      const struct mq_ring_data *data,
					      struct mq_retained_value *value, u64 now)
{
	struct mq_retained_value *old = retained_find(set, data);

	if (old) {
		set->expired += mq_retained_expired(old, now);
		retained_erase(set, old);
	}
	if (value)
		retained_insert(set, value);
	return old;
}

struct mq_retained_value *mq_retained_expire(struct mq_retained_set *set, u64 now)
{
	struct rb_node *first = rb_first_cached(&set->by_expiry);
	struct mq_retained_value *value = rb_entry_safe(first, struct mq_retained_value, by_expiry);

	if (!value || !mq_retained_expired(value, now))
		return NULL;
	retained_erase(set, value);
	set->expired++;
	return value;
}

u64 mq_retained_deadline(const struct mq_retained_set *set)
{
	const struct rb_node *first = rb_first_cached(&set->by_expiry);

	return first ? rb_entry(first, struct mq_retained_value, by_expiry)->expires : U64_MAX;
}

struct mq_retained_value *mq_retained_next(const struct mq_retained_set *set, u64 after)
{
	struct rb_node *node = set->by_sequence.rb_node;
	struct mq_retained_value *next = NULL;

	while (node) {
		struct mq_retained_value *value =
			rb_entry(node, struct mq_retained_value, by_sequence);

		if (value->sequence > after) {
			next = value;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return next;
}

struct mq_retained_value *mq_retained_take(struct mq_retained_set *set, u64 before)
{
	struct mq_retained_value *value = mq_retained_next(set, 0);

	if (!value || value->sequence >= before)
		return NULL;
	retained_erase(set, value);
	return value;
}
