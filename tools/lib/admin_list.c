// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Listing channels and subscriptions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netlink.h"

struct channel_listing {
	libmq_channel_fn take;
	void *arg;
};

struct subscription_listing {
	libmq_subscription_fn take;
	void *arg;
};

/* A newer kernel has more limits, an older one fewer. */
static void take_refusals(struct libmq_channel_info *info, const struct libmq_attributes *from)
{
	const struct nlattr *attr = from->of[MQ_A_REFUSALS];
	size_t len = attr ? mnl_attr_get_payload_len(attr) : 0;

	if (len > sizeof(info->refusals))
		len = sizeof(info->refusals);
	if (len)
		memcpy(info->refusals, mnl_attr_get_payload(attr), len);
}

static void take_numbers(struct libmq_channel_stats *stats, const struct libmq_attributes *from)
{
	struct libmq_channel_info *info = &stats->info;

	libmq_attr_name(from, MQ_A_NAME, info->name);
	info->id = libmq_attr_u64(from, MQ_A_ID);
	info->first = libmq_attr_u64(from, MQ_A_FIRST);
	info->oldest = libmq_attr_u64(from, MQ_A_OLDEST);
	info->head = libmq_attr_u64(from, MQ_A_HEAD);
	info->bytes = libmq_attr_u64(from, MQ_A_BYTES);
	info->slots = libmq_attr_u32(from, MQ_A_SLOTS);
	info->max_record = libmq_attr_u32(from, MQ_A_MAX_RECORD);
	info->overflow = libmq_attr_u32(from, MQ_A_OVERFLOW);
	info->dead = libmq_attr_u32(from, MQ_A_STATE) == MQ_CHANNEL_DEAD;
	info->subscriptions = libmq_attr_u32(from, MQ_A_SUBSCRIPTIONS);
	info->publishers = libmq_attr_u32(from, MQ_A_PUBLISHERS);
	info->retained = libmq_attr_u32(from, MQ_A_RETAINED);
	info->retained_max = libmq_attr_u32(from, MQ_A_RETAINED_MAX);
	info->retained_bytes = libmq_attr_u64(from, MQ_A_RETAINED_BYTES);
	info->retained_bytes_max = libmq_attr_u64(from, MQ_A_RETAINED_BYTES_MAX);
	info->published = libmq_attr_u64(from, MQ_A_PUBLISHED);
	info->refused = libmq_attr_u64(from, MQ_A_REFUSED);
	info->overwritten = libmq_attr_u64(from, MQ_A_OVERWRITTEN);
	info->node_passed = libmq_attr_u64(from, MQ_A_NODE_PASSED);
	info->evict_after = libmq_attr_u32(from, MQ_A_EVICT_AFTER);
	info->hold = LIBMQ_HOLD_WRITERS + libmq_attr_u32(from, MQ_A_HOLD);
	info->evicted = libmq_attr_u64(from, MQ_A_EVICTED);
	info->wills = libmq_attr_u64(from, MQ_A_WILLS);
	info->wills_lost = libmq_attr_u64(from, MQ_A_WILLS_LOST);
	info->expired = libmq_attr_u64(from, MQ_A_EXPIRED);
	take_refusals(info, from);
	stats->uid = libmq_attr_u32(from, MQ_A_UID);
	stats->gid = libmq_attr_u32(from, MQ_A_GID);
	stats->mode = libmq_attr_u32(from, MQ_A_MODE);
	stats->minor = libmq_attr_u32(from, MQ_A_MINOR);
	stats->memory = libmq_attr_u64(from, MQ_A_MEMORY);
}

/* Claims are repeated attributes of bytes; the name is a claim of its own. */
static bool is_claim(const struct nlattr *attr, const char *name)
{
	size_t len = strlen(name);

	return mnl_attr_get_type(attr) == MQ_A_CLAIM &&
	       !(mnl_attr_get_payload_len(attr) == len &&
		 !memcmp(mnl_attr_get_payload(attr), name, len));
}

static int take_claims(struct libmq_channel_info *info, const struct nlmsghdr *message)
{
	size_t bytes = strlen(info->name) + 1;
	unsigned int count = 1;
	const struct nlattr *attr;
	char *text;

	mnl_attr_for_each(attr, message, sizeof(struct genlmsghdr)) {
		if (is_claim(attr, info->name)) {
			count++;
			bytes += mnl_attr_get_payload_len(attr) + 1;
		}
	}
	info->claims = calloc(1, count * sizeof(*info->claims) + bytes);
	if (!info->claims)
		return -ENOMEM;
	text = (char *)(info->claims + count);
	info->claims[info->claims_count++] = strcpy(text, info->name);
	text += strlen(text) + 1;
	mnl_attr_for_each(attr, message, sizeof(struct genlmsghdr)) {
		if (!is_claim(attr, info->name))
			continue;
		info->claims[info->claims_count++] = text;
		memcpy(text, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
		text += mnl_attr_get_payload_len(attr) + 1;
	}
	return 0;
}

static int take_channel(const struct nlmsghdr *message, void *data)
{
	const struct channel_listing *listing = data;
	struct libmq_channel_stats stats = {};
	struct libmq_attributes attributes;
	int stop;

	libmq_parse(message, &attributes);
	take_numbers(&stats, &attributes);
	stop = take_claims(&stats.info, message);
	if (!stop)
		stop = listing->take(listing->arg, &stats);
	libmq_channel_info_free(&stats.info);
	return stop;
}

static int take_subscription(const struct nlmsghdr *message, void *data)
{
	const struct subscription_listing *listing = data;
	struct libmq_subscription_stats stats = {};
	struct libmq_attributes from;
	uint32_t state;

	libmq_parse(message, &from);
	state = libmq_attr_u32(&from, MQ_A_SUBSCRIPTION_STATE);
	libmq_attr_name(&from, MQ_A_NAME, stats.channel);
	stats.id = libmq_attr_u64(&from, MQ_A_SUBSCRIPTION_ID);
	stats.pid = libmq_attr_u32(&from, MQ_A_PID);
	stats.holding = state & MQ_SUBSCRIPTION_HOLDING;
	stats.dead = state & MQ_SUBSCRIPTION_DEAD;
	stats.filters = libmq_attr_u32(&from, MQ_A_FILTERS);
	stats.position = libmq_attr_u64(&from, MQ_A_POSITION);
	stats.verified = libmq_attr_u64(&from, MQ_A_VERIFIED);
	stats.lag = libmq_attr_u64(&from, MQ_A_LAG);
	stats.passed = libmq_attr_u64(&from, MQ_A_PASSED);
	stats.missed = libmq_attr_u64(&from, MQ_A_MISSED);
	stats.missed_at_most = libmq_attr_u64(&from, MQ_A_MISSED_AT_MOST);
	stats.delivered = libmq_attr_u64(&from, MQ_A_DELIVERED);
	stats.wakes = libmq_attr_u64(&from, MQ_A_WAKES);
	stats.evicted_at = libmq_attr_u64(&from, MQ_A_EVICTED_AT);
	return listing->take(listing->arg, &stats);
}

int libmq_admin_channels(struct libmq_admin *admin, const char *name,
			 libmq_channel_fn take, void *arg)
{
	struct channel_listing listing = { .take = take, .arg = arg };
	struct nlmsghdr *request = libmq_request(admin, MQ_CMD_CHANNEL_GET, 0);
	int error;

	if (!name)
		return libmq_dump(admin, request, take_channel, &listing);
	error = libmq_request_put(request, MQ_A_NAME, name, strlen(name) + 1);
	return error ? error : libmq_call(admin, request, take_channel, &listing);
}

int libmq_admin_subscriptions(struct libmq_admin *admin, const char *name,
			      libmq_subscription_fn take, void *arg)
{
	struct subscription_listing listing = { .take = take, .arg = arg };
	struct nlmsghdr *request = libmq_request(admin, MQ_CMD_SUBSCRIPTION_GET, 0);
	int error = 0;

	if (name)
		error = libmq_request_put(request, MQ_A_NAME, name, strlen(name) + 1);
	return error ? error : libmq_dump(admin, request, take_subscription, &listing);
}
