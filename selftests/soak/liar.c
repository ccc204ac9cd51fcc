// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Subscribers whose control page is not to be trusted. */
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "content.h"
#include "subscribers.h"

/* Values that hurt: random ones, near the truth, extremes. */
static uint64_t liar_value(struct subscriber *subscriber)
{
	struct dice *dice = subscriber->dice;
	uint64_t head = mqt_head(&subscriber->map);

	switch (dice_roll(dice, 6)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - dice_roll(dice, 4);
	case 2:
		return head + dice_roll(dice, 8);
	case 3:
		return head - dice_roll(dice, subscriber->life->slots);
	case 4:
		return 1ULL << dice_roll(dice, 64);
	default:
		return dice_next(dice);
	}
}

static void liar_lie(struct subscriber *subscriber)
{
	volatile uint64_t *word = (void *)subscriber->map.control;
	unsigned int i;

	for (i = 0; i < sizeof(struct mq_control) / 8; i++)
		word[i] = liar_value(subscriber);
	word[dice_roll(subscriber->dice, 512)] = dice_next(subscriber->dice);
}

/* Whatever it said, what it gets are records of this channel. */
static void liar_check(struct subscriber *subscriber, const char *buffer, ssize_t len)
{
	ssize_t at = 0;

	while (at < len) {
		const struct mq_record *record = (void *)(buffer + at);
		struct mqt_view view = {
			.sequence = record->sequence,
			.topic = (const char *)(record + 1),
			.topic_len = record->topic_len,
			.payload = (const uint8_t *)(record + 1) + record->topic_len,
			.payload_len = record->payload_len,
			.metadata_len = record->metadata_len,
			.flags = record->flags,
		};
		const char *wrong;
		uint64_t tag = 0;

		view.metadata = view.payload + view.payload_len;
		wrong = content_check(subscriber->life, &view, &tag);
		if (wrong) {
			books_fault(subscriber->life, "a liar got sequence %llu: %llx %s",
				    (unsigned long long)view.sequence, (unsigned long long)tag,
				    wrong);
			return;
		}
		books_log(subscriber->life, view.sequence, tag);
		at += record->size;
	}
}

void liar_run(struct subscriber *subscriber)
{
	static uint64_t buffer[SUBSCRIBER_BUFFER / 8];
	int fd = subscriber->subscription.fd;

	while (!subscriber_over(subscriber)) {
		struct mq_resync resync;
		ssize_t len;

		liar_lie(subscriber);
		/* A read may sleep as long as it likes now; so it asks first. */
		if (mqt_poll(fd, POLLIN, dice_roll(subscriber->dice, 20)) & POLLIN) {
			len = read(fd, buffer, sizeof(buffer));
			if (!len)
				return;
			liar_check(subscriber, (const char *)buffer, len);
		}
		ioctl(fd, MQ_IOC_KICK);
		if (!mqt_resync(fd, &resync) && resync.position > mqt_head(&subscriber->map))
			books_fault(subscriber->life, "a liar was set to %llu, beyond the head",
				    (unsigned long long)resync.position);
		subscriber_rest(subscriber);
	}
}
