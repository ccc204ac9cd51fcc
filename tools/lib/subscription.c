// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Making a subscription, its filters, sleeping. Reading is in read.c. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "subscription.h"

/* Records between two stores of the cursor, at most (and a 16th of the ring). */
#define STEP_MAX 64

static int map_pages(struct libmq_subscription *subscription)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *map;

	map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, subscription->fd,
		   MQ_MMAP_CONTROL);
	if (map == MAP_FAILED)
		return -errno;
	subscription->control = map;
	subscription->page = page;
	map = mmap(NULL, page, PROT_READ, MAP_SHARED, subscription->fd, MQ_MMAP_STATUS);
	if (map == MAP_FAILED)
		return -errno;
	subscription->status = map;
	return 0;
}

static void set_start(struct libmq_subscription *subscription, uint64_t position,
		      const struct libmq_subscription_opts *opts)
{
	uint64_t step = (subscription->ring.slots_mask + 1) / 16;

	subscription->next = position;
	subscription->done = position;
	subscription->stored = position;
	subscription->head = position;
	/* One that starts at the head has no past, for the kernel too. */
	subscription->start = opts->start == LIBMQ_START_LATEST ? UINT64_MAX : position;
	subscription->step = step < STEP_MAX ? step : STEP_MAX;
	subscription->started_past = subscription->start == position;
	subscription->spin = opts->spin;
	subscription->asleep = true;
	subscription->in_place = subscription->status->state & MQ_SUBSCRIPTION_HOLDING;
	__atomic_store_n(&subscription->control->cursor, position, __ATOMIC_RELEASE);
}

static int subscribe(struct libmq_subscription *subscription,
		     const struct libmq_subscription_opts *opts)
{
	struct mq_subscribe call = {
		.flags = MQ_SUBSCRIBE_NONBLOCK | (opts->hold ? MQ_SUBSCRIBE_HOLD : 0),
		.start = opts->start,
		.sequence = opts->sequence,
	};
	int error;

	subscription->fd = libmq_ioctl(subscription->channel->fd, MQ_IOC_SUBSCRIBE, &call);
	if (subscription->fd < 0)
		return subscription->fd;
	error = libmq_ring_map(&subscription->ring, subscription->fd, call.ring_size);
	if (error)
		return error;
	error = map_pages(subscription);
	if (error)
		return error;
	set_start(subscription, call.position, opts);
	return 0;
}

int libmq_subscription_open(struct libmq_subscription **subscription,
			    const struct libmq_channel *channel,
			    const struct libmq_subscription_opts *given)
{
	struct libmq_subscription_opts opts;
	struct libmq_subscription *new;
	int error = libmq_options(&opts, sizeof(opts), given);

	if (error)
		return error;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->fd = -1;
	new->channel = channel;
	error = subscribe(new, &opts);
	if (error) {
		libmq_subscription_close(new);
		return error;
	}
	*subscription = new;
	return 0;
}

void libmq_subscription_close(struct libmq_subscription *subscription)
{
	if (!subscription)
		return;
	if (subscription->status)
		munmap((void *)subscription->status, subscription->page);
	if (subscription->control)
		munmap(subscription->control, subscription->page);
	libmq_ring_unmap(&subscription->ring);
	if (subscription->fd >= 0)
		close(subscription->fd);
	libmq_filters_clear(&subscription->filters);
	free(subscription->copy);
	free(subscription);
}

/* Where a new filter, in force from @sequence on, begins. See subscription.h. */
static void set_begin(struct libmq_subscription *subscription, struct libmq_filter *filter,
		      uint64_t from, uint64_t sequence)
{
	filter->from = from < sequence ? from : sequence;
	filter->counted = subscription->stored == subscription->start ? 0 : sequence;
	if (filter->from < filter->counted && subscription->unverified < sequence)
		subscription->unverified = sequence;
}

int libmq_subscription_put(struct libmq_subscription *subscription, const char *text,
			   size_t len, uint32_t weight, uint64_t from, uint64_t *sequence)
{
	struct mq_filter call = {
		.filter_len = len,
		.filter = (uintptr_t)text,
		.weight = weight,
	};
	struct libmq_filter *filter;
	bool fresh = false;
	int error;

	if (len > MQ_TOPIC_LEN_MAX || !mq_filter_levels(text, len))
		return -EINVAL;
	if (!mq_filter_valid(text, len))
		return -E2BIG;
	filter = libmq_filters_find(&subscription->filters, text, len);
	if (!filter) {
		/* Before the call: it must not succeed for a filter we lack. */
		fresh = true;
		filter = libmq_filters_add(&subscription->filters, text, len);
		if (!filter)
			return -ENOMEM;
	}
	/* The kernel counts from the start if the cursor is there. */
	libmq_subscription_store(subscription);
	error = libmq_ioctl(subscription->fd, MQ_IOC_FILTER_ADD, &call);
	if (error) {
		if (fresh)
			libmq_filters_remove(&subscription->filters, filter);
		return error;
	}
	filter->weight = weight;
	if (fresh)
		set_begin(subscription, filter, from, call.sequence);
	if (sequence)
		*sequence = call.sequence;
	return 0;
}

int libmq_subscription_add(struct libmq_subscription *subscription, const char *filter,
			   size_t len, uint32_t weight, uint64_t *sequence)
{
	return libmq_subscription_put(subscription, filter, len, weight,
				      subscription->started_past ? 0 : LIBMQ_FROM_NOW, sequence);
}

int libmq_subscription_remove(struct libmq_subscription *subscription,
			      const char *text, size_t len)
{
	struct mq_filter call = { .filter_len = len, .filter = (uintptr_t)text };
	struct libmq_filter *filter;
	int error;

	if (!libmq_filter_valid(text, len))
		return -EINVAL;
	filter = libmq_filters_find(&subscription->filters, text, len);
	if (!filter)
		return -ENOENT;
	/* What it matched below the cursor was delivered, the rest is not wanted. */
	subscription->done = subscription->next;
	libmq_subscription_store(subscription);
	error = libmq_ioctl(subscription->fd, MQ_IOC_FILTER_REMOVE, &call);
	/* The kernel forgets filters when the channel dies. */
	if (error && error != -ENOENT && error != -ENODEV)
		return error;
	libmq_filters_remove(&subscription->filters, filter);
	return 0;
}

int libmq_subscription_fd(const struct libmq_subscription *subscription)
{
	return subscription->fd;
}

int libmq_subscription_wait(struct libmq_subscription *subscription, int timeout_ms)
{
	struct pollfd fd = { .fd = subscription->fd, .events = POLLIN };
	int64_t started = libmq_now_ms();

	while (!libmq_subscription_prepare_sleep(subscription)) {
		int ready = poll(&fd, 1, libmq_remaining_ms(timeout_ms, started));

		if (ready < 0)
			return -errno;
		if (!ready)
			return libmq_subscription_prepare_sleep(subscription);
	}
	if (libmq_ring_dead(&subscription->ring) &&
	    libmq_ring_head(&subscription->ring) == subscription->next)
		return -ENODEV;
	return 1;
}
