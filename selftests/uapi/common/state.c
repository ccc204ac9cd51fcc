// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What a channel is like, to compare before and after a call. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "../mq_test.h"

static void add_subscription(const struct mqt_attrs *attrs, void *arg)
{
	struct mqt_state *state = arg;

	state->subscriptions++;
	state->filters += mqt_u32(attrs, MQ_A_FILTERS);
	state->positions += mqt_u64(attrs, MQ_A_POSITION);
	state->delivered += mqt_u64(attrs, MQ_A_DELIVERED);
	state->passed += mqt_u64(attrs, MQ_A_PASSED);
}

static uint64_t hash_bytes(const char *bytes, size_t len, uint64_t hash)
{
	while (len--)
		hash = (hash ^ (uint8_t)*bytes++) * 0x100000001b3ULL;
	return hash;
}

/* All retained values, by one listing that has room for them. */
static int hash_retained(int node, struct mqt_state *state)
{
	static char room[1 << 18];
	struct mq_retained listing = {
		.filter = (uintptr_t)"#", .filter_len = 1,
		.buffer = (uintptr_t)room, .buffer_size = sizeof(room),
	};
	int error = mqt_ioctl(node, MQ_IOC_RETAINED, &listing);

	if (!error)
		state->retained = hash_bytes(room, listing.buffer_size, listing.count);
	/* There is no more to say about a channel that was deleted. */
	return error == -ENODEV ? 0 : error;
}

int mqt_state_get(const char *name, struct mqt_state *state)
{
	struct mqt_request request;
	char claims[4096] = "";
	int node = mqt_node(name, O_RDONLY);
	int error;

	memset(state, 0, sizeof(*state));
	state->memory = mqt_param("memory");
	if (node < 0)
		return node == -ENOENT ? 0 : node;
	state->info.claims = (uintptr_t)claims;
	state->info.claims_size = sizeof(claims);
	error = mqt_ioctl(node, MQ_IOC_INFO, &state->info);
	if (!error)
		error = hash_retained(node, state);
	close(node);
	if (error)
		return error;
	state->claims = hash_bytes(claims, sizeof(claims), 0);
	state->info.claims = 0;
	/* It moves with any try to change claims. */
	state->info.generation = 0;
	mqt_request_start(&request, MQ_CMD_SUBSCRIPTION_GET);
	mqt_request_str(&request, MQ_A_NAME, name);
	return mqt_request_dump(&request, add_subscription, state);
}

const char *mqt_state_differs(const struct mqt_state *before, const struct mqt_state *after)
{
	const struct {
		const char *name;
		bool differs;
	} fields[] = {
		{ "claims", before->claims != after->claims },
		{ "retained values", before->retained != after->retained },
		{ "subscriptions", before->subscriptions != after->subscriptions },
		{ "filters", before->filters != after->filters },
		{ "positions", before->positions != after->positions },
		{ "delivered", before->delivered != after->delivered },
		{ "passed", before->passed != after->passed },
		{ "head", before->info.head != after->info.head },
		{ "oldest", before->info.oldest != after->info.oldest },
		{ "publishers", before->info.publishers != after->info.publishers },
		{ "count of retained", before->info.retained != after->info.retained },
		{ "retained_max", before->info.retained_max != after->info.retained_max },
		{ "wills", before->info.wills != after->info.wills },
		{ "refused", before->info.refused != after->info.refused },
		{ "refusals", memcmp(before->info.refusals, after->info.refusals,
				     sizeof(before->info.refusals)) },
	};
	struct mqt_state copy = *after;
	unsigned int i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].differs)
			return fields[i].name;
	copy.memory = before->memory;
	if (memcmp(before, &copy, sizeof(copy)))
		return "another field of struct mq_info";
	return before->memory == after->memory ? NULL : MQT_STATE_MEMORY;
}
