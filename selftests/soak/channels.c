// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Channels of the director, see channels.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "channels.h"

/* Room for the largest retained value and more. */
#define RETAINED_ROOM (128 * 1024)

void channels_clear(void)
{
	unsigned int i;

	for (i = 0; i < BOOKS_CHANNELS; i++)
		mqt_delete(content_name(i));
}

/* ---- creating -------------------------------------------------------- */

static int create(const struct mqt_config *config, uint32_t evict_after)
{
	struct mqt_request request;

	mqt_request_config(&request, config);
	if (evict_after)
		mqt_request_u32(&request, MQ_A_EVICT_AFTER, evict_after);
	return mqt_request_send(&request, NULL);
}

static uint32_t roll_evict_after(struct dice *dice)
{
	return dice_between(dice, 20, 300);
}

static void roll_properties(struct life *life, struct dice *dice)
{
	static const uint32_t slots[] = { 64, 64, 128, 256, 1024 };
	static const uint32_t sizes[] = { 1024, 1024, 1024, 2048, 4096, 65536 };
	static const uint64_t firsts[] = { 1, 1, 1ULL << 32, 1ULL << 62 };

	life->slots = slots[dice_roll(dice, 5)];
	life->max_record = sizes[dice_roll(dice, 6)];
	life->bytes = (uint64_t)life->max_record * 4 << dice_roll(dice, 3);
	life->overflow = dice_roll(dice, MQ_OVERFLOW_BLOCK + 1);
	life->first = firsts[dice_roll(dice, 4)];
	life->seed = dice_next(dice);
}

/* The director's own eyes: a subscription without a filter, and its node. */
static int channel_open(struct channel *channel, const char *name)
{
	struct mq_subscribe args = { .flags = MQ_SUBSCRIBE_NONBLOCK };
	struct mq_info info = {};
	int error;

	channel->node = mqt_node(name, O_RDWR);
	if (channel->node < 0)
		return channel->node;
	error = mqt_ioctl(channel->node, MQ_IOC_INFO, &info);
	if (error)
		return error;
	channel->life->id = info.id;
	channel->subscription.fd = mqt_ioctl(channel->node, MQ_IOC_SUBSCRIBE, &args);
	if (channel->subscription.fd < 0)
		return channel->subscription.fd;
	channel->subscription.ring_size = args.ring_size;
	return mqt_map(&channel->map, &channel->subscription);
}

int channel_create(struct channel *channel, struct life *life, uint32_t number, uint32_t serial,
		   struct dice *dice)
{
	const struct mqt_config config = {
		.name = content_name(number),
		.claims = { content_claim(number) },
		.retained_max = dice_percent(dice, 50) ? dice_between(dice, 1, 10) : 0,
	};
	struct mqt_config full = config;
	uint32_t evict_after = 0;
	int error;

	roll_properties(life, dice);
	if (life->overflow != MQ_OVERFLOW_DROP_OLDEST && dice_percent(dice, 50))
		evict_after = roll_evict_after(dice);
	life->evicts = evict_after;
	life->channel = number;
	life->serial = serial;
	full.slots = life->slots;
	full.bytes = life->bytes;
	full.max_record = life->max_record;
	full.overflow = life->overflow;
	full.first = life->first;
	error = create(&full, evict_after);
	if (error)
		return error;
	memset(channel, 0, sizeof(*channel));
	channel->life = life;
	channel->scanned = life->first;
	error = channel_open(channel, config.name);
	if (!error)
		books_life_set(life, LIFE_LIVE);
	return error;
}

/* ---- looking --------------------------------------------------------- */

/* Looks at one record that is not in the log; false: it is gone. */
static bool scan_one(struct channel *channel, uint64_t sequence)
{
	struct life *life = channel->life;
	struct mqt_view view;
	uint64_t tag = 0;
	const char *wrong;
	int error = mqt_peek(&channel->map, sequence, &view);

	wrong = error ? "is nonsense" : content_check(life, &view, &tag);
	if (error == -ESTALE || !mqt_intact(&channel->map, sequence))
		return false;
	if (wrong)
		books_fault(life, "sequence %llu: record %llx %s", (unsigned long long)sequence,
			    (unsigned long long)tag, wrong);
	else
		books_log(life, sequence, tag);
	return true;
}

void channel_scan(struct channel *channel)
{
	struct life *life = channel->life;
	uint64_t head = mqt_head(&channel->map);
	uint64_t oldest = mqt_oldest(&channel->map);

	if (head - life->first > BOOKS_LOG) {
		books_fault(life, "more records than were published: head %llu",
			    (unsigned long long)head);
		return;
	}
	while (channel->scanned < head) {
		if (channel->scanned < oldest) {
			channel->overtaken += oldest - channel->scanned;
			channel->scanned = oldest;
		} else if (books_logged(life, channel->scanned) ||
			   scan_one(channel, channel->scanned)) {
			channel->scanned++;
		} else {
			oldest = mqt_oldest(&channel->map);
		}
	}
}

/* ---- administration -------------------------------------------------- */

static void check_done(const struct channel *channel, const char *what, int error)
{
	if (error)
		books_fault(channel->life, "%s: error %d", what, error);
}

void channel_purge(struct channel *channel)
{
	struct life *life = channel->life;

	/* Before: who finds a gap of the purge finds this. */
	__atomic_add_fetch(&life->purges, 1, __ATOMIC_SEQ_CST);
	life->purge_low = mqt_head(&channel->map);
	check_done(channel, "purge", mqt_purge(content_name(life->channel)));
	life->purge_high = mqt_head(&channel->map);
}

static void set_begin(struct channel *channel, struct mqt_request *request)
{
	mqt_request_start(request, MQ_CMD_CHANNEL_SET);
	mqt_request_str(request, MQ_A_NAME, content_name(channel->life->channel));
}

void channel_set_limits(struct channel *channel, struct dice *dice)
{
	struct life *life = channel->life;
	struct mqt_request request;

	set_begin(channel, &request);
	mqt_request_u32(&request, MQ_A_RETAINED_MAX, dice_between(dice, 0, 20));
	if (dice_percent(dice, 50))
		mqt_request_u64(&request, MQ_A_RETAINED_BYTES_MAX,
				dice_between(dice, 500, 200000));
	if (life->overflow != MQ_OVERFLOW_DROP_OLDEST && dice_percent(dice, 30)) {
		__atomic_store_n(&life->evicts, true, __ATOMIC_SEQ_CST);
		mqt_request_u32(&request, MQ_A_EVICT_AFTER,
				dice_percent(dice, 70) ? roll_evict_after(dice) : 0);
	}
	check_done(channel, "limits", mqt_request_send(&request, NULL));
}

void channel_move_claim(struct channel *channel)
{
	uint32_t number = channel->life->channel;
	struct mqt_request request;
	const char *claim = content_claim(number);

	channel->claims_next = !channel->claims_next;
	set_begin(channel, &request);
	mqt_request_put(&request, MQ_A_CLAIM, claim, strlen(claim));
	claim = content_claim_next(number);
	if (channel->claims_next)
		mqt_request_put(&request, MQ_A_CLAIM, claim, strlen(claim));
	check_done(channel, "claims", mqt_request_send(&request, NULL));
}

/* ---- retained values ------------------------------------------------- */

static uint32_t topic_of(const struct life *life, const struct mq_record *record)
{
	uint32_t topic;

	for (topic = 0; topic < CONTENT_TOPICS; topic++) {
		const char *text = content_topic(life->channel, topic);

		if (record->topic_len == strlen(text) &&
		    !memcmp(record + 1, text, record->topic_len))
			break;
	}
	return topic;
}

/* A retained value is the record that it came with. */
static void retained_note(struct channel *channel, const struct mq_record *record)
{
	struct life *life = channel->life;
	uint32_t topic = topic_of(life, record);
	const uint8_t *parts = (const uint8_t *)(record + 1);
	const struct mqt_view view = {
		.sequence = record->sequence,
		.flags = record->flags,
		.topic = (const char *)parts,
		.topic_len = record->topic_len,
		.payload = parts + record->topic_len,
		.payload_len = record->payload_len,
		.metadata = parts + record->topic_len + record->payload_len,
		.metadata_len = record->metadata_len,
	};
	uint64_t tag = 0;
	const char *wrong = content_check(life, &view, &tag);

	if (wrong || topic == CONTENT_TOPICS || channel->retained[topic]) {
		books_fault(life, "retained value of sequence %llu: record %llx %s",
			    (unsigned long long)record->sequence, (unsigned long long)tag,
			    wrong ? wrong : "is one of two, or of an unknown topic");
		return;
	}
	channel->retained[topic] = record->sequence;
	books_log(life, record->sequence, tag);
}

void channel_list_retained(struct channel *channel)
{
	static uint64_t buffer[RETAINED_ROOM / 8];
	struct mq_retained args = { .filter = (uintptr_t)"#", .filter_len = 1, .more = 1 };
	struct mq_info info = {};
	uint32_t at;
	int error = 0;

	channel->listed_low = mqt_head(&channel->map);
	memset(channel->retained, 0, sizeof(channel->retained));
	while (args.more && !error) {
		args.buffer = (uintptr_t)buffer;
		args.buffer_size = sizeof(buffer);
		args.more = 0;
		args.count = 0;
		error = mqt_ioctl(channel->node, MQ_IOC_RETAINED, &args);
		for (at = 0; !error && at < args.buffer_size;) {
			const struct mq_record *record = (void *)((char *)buffer + at);

			retained_note(channel, record);
			at += record->size;
		}
	}
	if (!error)
		error = mqt_ioctl(channel->node, MQ_IOC_INFO, &info);
	check_done(channel, "retained values", error);
	channel->retained_count = info.retained;
	channel->listed_high = mqt_head(&channel->map);
	channel->listed = !error;
}

/* ---- the end --------------------------------------------------------- */

void channel_delete(struct channel *channel)
{
	check_done(channel, "delete", mqt_delete(content_name(channel->life->channel)));
	books_life_set(channel->life, LIFE_DEAD);
}

void channel_close(struct channel *channel)
{
	mqt_unmap(&channel->map);
	close(channel->subscription.fd);
	close(channel->node);
	books_life_set(channel->life, LIFE_FREE);
	channel->life = NULL;
}
