// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What children that read have in common, see subscribers.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "content.h"
#include "subscribers.h"

bool subscriber_over(const struct subscriber *subscriber)
{
	return __atomic_load_n(&subscriber->child->stop, __ATOMIC_ACQUIRE) ||
	       !books_reader_room(subscriber->page);
}

/* ---- filters --------------------------------------------------------- */

static struct filter *filter_present(struct reader *page, uint32_t index)
{
	uint32_t i;

	for (i = 0; i < page->filter_count; i++)
		if (page->filters[i].index == index && page->filters[i].until == UINT64_MAX)
			return &page->filters[i];
	return NULL;
}

static int filter_call(struct subscriber *subscriber, unsigned long cmd, uint32_t index,
		       uint64_t *sequence)
{
	const char *text = content_filter(subscriber->life->channel, index);
	struct mq_filter args = {
		.filter = (uintptr_t)text,
		.filter_len = strlen(text),
		.weight = cmd == MQ_IOC_FILTER_ADD,
	};
	int error = mqt_ioctl(subscriber->subscription.fd, cmd, &args);

	if (error && error != -EINTR && error != -ENODEV)
		books_fault(subscriber->life, "filter %s: error %d", text, error);
	*sequence = args.sequence;
	return error;
}

void subscriber_filter_add(struct subscriber *subscriber)
{
	uint32_t index = dice_roll(subscriber->dice, CONTENT_FILTERS);
	struct reader *page = subscriber->page;
	uint64_t at = books_reader_at(page);
	uint64_t sequence;

	if (page->filter_count == BOOKS_FILTERS || filter_present(page, index))
		return;
	if (filter_call(subscriber, MQ_IOC_FILTER_ADD, index, &sequence))
		return;
	if (sequence < at)
		books_fault(subscriber->life, "a filter is in force from %llu, its reader at %llu",
			    (unsigned long long)sequence, (unsigned long long)at);
	page->filters[page->filter_count] = (struct filter){
		.index = index,
		.from = subscriber->in_past && at == page->start ? at : sequence,
		.from_sure = sequence,
		.until = UINT64_MAX,
		.until_sure = UINT64_MAX,
	};
	__atomic_store_n(&page->filter_count, page->filter_count + 1, __ATOMIC_RELEASE);
}

static void subscriber_filter_remove(struct subscriber *subscriber)
{
	struct reader *page = subscriber->page;
	struct filter *filter;
	uint64_t sequence;

	if (!page->filter_count)
		return;
	filter = &page->filters[dice_roll(subscriber->dice, page->filter_count)];
	if (filter->until != UINT64_MAX)
		return;
	if (filter_call(subscriber, MQ_IOC_FILTER_REMOVE, filter->index, &sequence))
		return;
	filter->until_sure = sequence;
	filter->until = books_reader_at(page);
}

bool subscriber_wants(const struct subscriber *subscriber, uint64_t sequence, uint64_t tag)
{
	uint32_t topic = content_of(subscriber->life, tag).topic;
	const struct reader *page = subscriber->page;
	uint32_t i;

	for (i = 0; i < page->filter_count; i++) {
		const struct filter *filter = &page->filters[i];

		if (sequence >= filter->from && sequence < filter->until &&
		    content_matches(subscriber->life->channel, filter->index) >> topic & 1)
			return true;
	}
	return false;
}

void subscriber_rest(struct subscriber *subscriber)
{
	struct dice *dice = subscriber->dice;

	if (dice_percent(dice, 2))
		subscriber_filter_add(subscriber);
	else if (dice_percent(dice, 2))
		subscriber_filter_remove(subscriber);
	if (subscriber->pause)
		usleep(dice_roll(dice, subscriber->pause));
}

/* ---- records --------------------------------------------------------- */

/* The kernel's number of a publisher is the same in all its records. */
static bool check_publisher(struct life *life, uint64_t id, uint64_t tag)
{
	uint64_t known = 0;
	uint64_t *is = &life->publishers[content_publisher(tag)].id;

	if (__atomic_compare_exchange_n(is, &known, id, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE) || known == id)
		return true;
	books_fault(life, "record %llx is of publisher %llu, others of %llu",
		    (unsigned long long)tag, (unsigned long long)id, (unsigned long long)known);
	return false;
}

static void check_order(struct subscriber *subscriber, const struct mqt_view *view, uint64_t tag)
{
	uint32_t *last = &subscriber->numbers[content_publisher(tag)];
	uint32_t number = content_number(tag);

	if (view->time < subscriber->time)
		books_fault(subscriber->life, "record %llu is older than the one before",
			    (unsigned long long)view->sequence);
	subscriber->time = view->time;
	/* Wills have no place among the others. */
	if (number & CONTENT_WILL)
		return;
	if (number <= *last)
		books_fault(subscriber->life, "sequence %llu: record %llx comes after number %u",
			    (unsigned long long)view->sequence, (unsigned long long)tag, *last);
	*last = number;
}

bool subscriber_check(struct subscriber *subscriber, const struct mqt_view *view,
		      const char *wrong, uint64_t tag)
{
	if (wrong) {
		books_fault(subscriber->life, "sequence %llu, reader %zu: record %llx %s",
			    (unsigned long long)view->sequence,
			    subscriber->page - subscriber->life->readers,
			    (unsigned long long)tag, wrong);
		return false;
	}
	if (!check_publisher(subscriber->life, view->publisher, tag))
		return false;
	check_order(subscriber, view, tag);
	books_log(subscriber->life, view->sequence, tag);
	return true;
}

/* Notes if it lost the right to hold. */
static void subscriber_note_state(struct subscriber *subscriber)
{
	struct life *life = subscriber->life;

	if (!(subscriber->map.status->state & MQ_SUBSCRIPTION_EVICTED))
		return;
	if (!__atomic_load_n(&life->evicts, __ATOMIC_ACQUIRE))
		books_fault(life, "reader %zu was evicted, of a channel that evicts nobody",
			    subscriber->page - life->readers);
	subscriber->page->evicted = true;
}

void subscriber_note(struct subscriber *subscriber, uint32_t kind, uint64_t to,
		     uint32_t delivered)
{
	const struct mq_status *status = subscriber->map.status;
	uint64_t passed = status->passed - subscriber->passed;
	uint64_t missed = status->missed - subscriber->missed;

	books_add(&books->totals.delivered, delivered);
	books_add(&books->totals.missed, missed);
	subscriber->delivered += delivered;
	/* Before the segment: the loss of a holder is right only with the reason for it. */
	subscriber_note_state(subscriber);
	if (kind == SEGMENT_READ && !passed && !missed) {
		books_reader_read(subscriber->page, to, delivered);
		return;
	}
	books_reader_segment(subscriber->page, (struct segment){
		.kind = kind == SEGMENT_READ ? SEGMENT_MIXED : kind,
		.at_most = status->missed_at_most != subscriber->at_most,
		.progress = (to - books_reader_at(subscriber->page)) << 32 | delivered,
		.passed = passed,
		.missed = missed,
	});
	subscriber->passed += passed;
	subscriber->missed += missed;
	subscriber->at_most = status->missed_at_most;
}

/* ---- life ------------------------------------------------------------ */

static int subscriber_open(struct subscriber *subscriber, int node)
{
	struct dice *dice = subscriber->dice;
	struct life *life = subscriber->life;
	struct mq_subscribe args = {
		.flags = dice_percent(dice, 50) ? MQ_SUBSCRIBE_NONBLOCK : 0,
		.start = dice_percent(dice, 60) ? MQ_START_LATEST : MQ_START_OLDEST,
	};
	struct mq_info info = {};
	int fd;

	if (life->overflow != MQ_OVERFLOW_DROP_OLDEST && dice_percent(dice, 50))
		args.flags |= MQ_SUBSCRIBE_HOLD;
	if (args.start == MQ_START_OLDEST && dice_percent(dice, 50) &&
	    !mqt_ioctl(node, MQ_IOC_INFO, &info)) {
		args.start = MQ_START_SEQUENCE;
		args.sequence = info.head - dice_roll(dice, life->slots * 2);
		if (args.sequence > info.head || args.sequence < life->first)
			args.sequence = life->first;
	}
	fd = mqt_ioctl(node, MQ_IOC_SUBSCRIBE, &args);
	if (fd < 0)
		return fd;
	subscriber->subscription = (struct mqt_subscription){
		.fd = fd, .id = args.id, .position = args.position, .ring_size = args.ring_size,
	};
	subscriber->in_past = args.start != MQ_START_LATEST;
	subscriber->page->holding = args.flags & MQ_SUBSCRIBE_HOLD;
	subscriber->page->start = args.position;
	if (mqt_map(&subscriber->map, &subscriber->subscription))
		return -ENOMEM;
	/* The position of the subscription told of these. */
	subscriber->passed = subscriber->map.status->passed;
	subscriber->told_passed = subscriber->passed;
	if (args.sequence && args.position - args.sequence != subscriber->passed)
		books_fault(life, "a start at %llu instead of %llu passed %llu records",
			    (unsigned long long)args.position, (unsigned long long)args.sequence,
			    (unsigned long long)subscriber->passed);
	return 0;
}

static uint32_t subscriber_kind(struct dice *dice)
{
	uint32_t roll = dice_roll(dice, 100);

	if (roll < 50)
		return SUBSCRIBER_MAPPED;
	if (roll < 90)
		return dice_percent(dice, 50) ? SUBSCRIBER_RECEIVE : SUBSCRIBER_READ;
	return SUBSCRIBER_LIAR;
}

void subscriber_run(struct child *child, struct life *life, int node, struct dice *dice)
{
	static const uint32_t pauses[] = { 0, 0, 1000, 20000, 200000 };
	struct subscriber subscriber = {
		.child = child, .life = life, .dice = dice,
		.page = books_reader_new(life),
		.pause = pauses[dice_roll(dice, 5)],
		.batch = dice_between(dice, 1, 64),
	};
	int error;
	uint32_t i;

	if (!subscriber.page)
		return;
	subscriber.page->kind = subscriber_kind(dice);
	error = subscriber_open(&subscriber, node);
	if (error) {
		if (error != -ENODEV)
			books_fault(life, "no subscription: error %d", error);
		return;
	}
	for (i = dice_between(dice, 1, 3); i; i--)
		subscriber_filter_add(&subscriber);
	if (subscriber.page->kind == SUBSCRIBER_MAPPED)
		mapped_run(&subscriber);
	else if (subscriber.page->kind == SUBSCRIBER_LIAR)
		liar_run(&subscriber);
	else
		reading_run(&subscriber);
	subscriber_note_state(&subscriber);
	subscriber.page->ended = true;
	/* A mapping keeps the file: both must go before the descriptor counts as gone. */
	mqt_unmap(&subscriber.map);
	close(subscriber.subscription.fd);
}
