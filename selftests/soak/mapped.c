// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Subscribers that read the ring in memory. */
#include <errno.h>
#include <poll.h>
#include "content.h"
#include "subscribers.h"

#define BATCH_MAX 64

/* A record that was looked at; it counts once it is known to have been whole. */
struct seen {
	struct mqt_view view;
	uint64_t tag;
	const char *wrong;
};

/* What there is from the cursor on; *@overtaken: the ring was faster. */
static uint32_t mapped_look(struct subscriber *subscriber, struct seen *seen, bool *overtaken)
{
	const struct mqt_map *map = &subscriber->map;
	uint64_t from = books_reader_at(subscriber->page);
	uint32_t count;

	*overtaken = false;
	for (count = 0; count < subscriber->batch; count++) {
		struct seen *next = &seen[count];
		int error = mqt_peek(map, from + count, &next->view);

		if (error == -EAGAIN)
			break;
		next->tag = 0;
		next->wrong = error ? "is nonsense" :
			      content_check(subscriber->life, &next->view, &next->tag);
		/* A lossy reader asks for each; a holding one at the end, for all. */
		if (error == -ESTALE ||
		    (!subscriber->page->holding && !mqt_intact(map, from + count))) {
			*overtaken = true;
			break;
		}
	}
	if (subscriber->page->holding && count && !mqt_intact(map, from)) {
		*overtaken = true;
		count = 0;
	}
	if (*overtaken)
		books_add(&books->totals.torn, 1);
	return count;
}

/* Notes a gap that the kernel tells of. */
static void mapped_resync(struct subscriber *subscriber)
{
	uint64_t at = books_reader_at(subscriber->page);
	const struct mq_status *status = subscriber->map.status;
	struct mq_resync resync;
	int error = mqt_resync(subscriber->subscription.fd, &resync);

	if (error == -EINTR)
		return;
	if (error || resync.position <= at || resync.position > mqt_head(&subscriber->map) ||
	    (resync.passed && resync.passed != resync.position - at) ||
	    status->passed != subscriber->passed + resync.passed ||
	    status->missed != subscriber->missed + resync.missed) {
		books_fault(subscriber->life, "reader %zu, a resync at %llu: error %d, position %llu, passed %llu, missed %llu; in total %llu and %llu, before %llu and %llu",
			    subscriber->page - subscriber->life->readers, (unsigned long long)at,
			    error, (unsigned long long)resync.position,
			    (unsigned long long)resync.passed, (unsigned long long)resync.missed,
			    (unsigned long long)status->passed,
			    (unsigned long long)status->missed,
			    (unsigned long long)subscriber->passed,
			    (unsigned long long)subscriber->missed);
	}
	subscriber_note(subscriber, resync.passed ? SEGMENT_GAP : SEGMENT_SKIP, resync.position,
			0);
}

/* Takes what there is; false: nothing. */
static bool mapped_take(struct subscriber *subscriber)
{
	static struct seen seen[BATCH_MAX];
	uint64_t at = books_reader_at(subscriber->page);
	uint32_t i, count, wanted = 0;
	bool overtaken;

	count = mapped_look(subscriber, seen, &overtaken);
	for (i = 0; i < count; i++)
		if (subscriber_check(subscriber, &seen[i].view, seen[i].wrong, seen[i].tag))
			wanted += subscriber_wants(subscriber, at + i, seen[i].tag);
	if (count)
		subscriber_note(subscriber, SEGMENT_READ, at + count, wanted);
	mqt_advance(&subscriber->map, subscriber->subscription.fd, at + count,
		    subscriber->delivered);
	if (overtaken)
		mapped_resync(subscriber);
	return count || overtaken;
}

/* What the kernel says does not match need not be looked at. */
static void mapped_skip(struct subscriber *subscriber)
{
	uint64_t verified = __atomic_load_n(&subscriber->map.status->verified, __ATOMIC_ACQUIRE);

	if (verified <= books_reader_at(subscriber->page))
		return;
	subscriber_note(subscriber, SEGMENT_SKIP, verified, 0);
	mqt_advance(&subscriber->map, subscriber->subscription.fd, verified,
		    subscriber->delivered);
}

static void mapped_wait(struct subscriber *subscriber, bool no_wake)
{
	uint32_t *word = &subscriber->map.control->no_wake;

	__atomic_store_n(word, 0, __ATOMIC_RELAXED);
	/* Pairs with the barrier of a publish between head and the wait queue. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (mqt_head(&subscriber->map) == books_reader_at(subscriber->page))
		mqt_poll(subscriber->subscription.fd, POLLIN, dice_roll(subscriber->dice, 200));
	__atomic_store_n(word, no_wake, __ATOMIC_RELAXED);
}

static bool mapped_at_end(const struct subscriber *subscriber)
{
	const struct mq_ring_header *header = subscriber->map.header;

	/* The state first: what was published before death is seen. */
	return __atomic_load_n(&header->state, __ATOMIC_ACQUIRE) == MQ_CHANNEL_DEAD &&
	       mqt_head(&subscriber->map) == books_reader_at(subscriber->page);
}

void mapped_run(struct subscriber *subscriber)
{
	bool no_wake = dice_percent(subscriber->dice, 30);

	while (!subscriber_over(subscriber) && !mapped_at_end(subscriber)) {
		if (dice_percent(subscriber->dice, 10))
			mapped_skip(subscriber);
		if (!mapped_take(subscriber))
			mapped_wait(subscriber, no_wake);
		subscriber_rest(subscriber);
	}
}
