// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The bus: opening, reading, sleeping. See bus.h. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "bus.h"

/* Records that one channel gives before the next has its turn. */
#define BURST 64

/*
 * Looks at the directory if it changed, and if something was lacking: that may
 * be there again without anybody saying so. Return: whether what is open changed.
 */
static bool follow_directory(struct libmq_bus *bus)
{
	unsigned int channels;
	int error;

	if (!libmq_bus_notified(bus) && !bus->lacks)
		return false;
	channels = libmq_bus_channels(bus);
	bus->lacks = false;
	error = libmq_bus_look(bus);
	if (error)
		libmq_bus_failed(bus, error, true);
	return !error || libmq_bus_channels(bus) != channels;
}

int libmq_bus_update(struct libmq_bus *bus, bool force)
{
	return libmq_bus_claims(bus, follow_directory(bus) || force);
}

void libmq_bus_failed(struct libmq_bus *bus, int error, bool again)
{
	if (!bus->error && !(again && bus->lack_told))
		bus->error = error;
	bus->lacks |= again;
	bus->lack_told |= again;
}

/* ---- open, close ----------------------------------------------------------- */

static int add_fd(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_fds(struct libmq_bus *bus)
{
	int error;

	bus->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (bus->notify < 0)
		return -errno;
	bus->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (bus->epoll < 0)
		return -errno;
	bus->space = epoll_create1(EPOLL_CLOEXEC);
	if (bus->space < 0)
		return -errno;
	bus->space_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bus->space_event < 0)
		return -errno;
	error = add_fd(bus->epoll, bus->notify);
	return error ? error : add_fd(bus->space, bus->space_event);
}

static int set_up(struct libmq_bus *bus, const char *directory)
{
	int error;

	bus->directory = strdup(directory ? directory : LIBMQ_DIRECTORY);
	if (!bus->directory)
		return -ENOMEM;
	error = open_fds(bus);
	if (error)
		return error;
	error = libmq_bus_look(bus);
	if (error)
		return error;
	error = libmq_bus_claims(bus, true);
	return error < 0 ? error : 0;
}

int libmq_bus_open(struct libmq_bus **bus, const struct libmq_bus_opts *given)
{
	struct libmq_bus_opts opts;
	struct libmq_bus *new;
	int error = libmq_options(&opts, sizeof(opts), given);

	if (error)
		return error;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->hold = opts.hold;
	new->notify = -1;
	new->watch = -1;
	new->watch_parent = -1;
	new->epoll = -1;
	new->space = -1;
	new->space_event = -1;
	error = set_up(new, opts.directory);
	if (error) {
		libmq_bus_close(new);
		return error;
	}
	*bus = new;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void libmq_bus_close(struct libmq_bus *bus)
{
	if (!bus)
		return;
	while (bus->nodes)
		libmq_bus_drop(bus, bus->nodes);
	libmq_bus_claims_free(bus);
	libmq_filters_clear(&bus->filters);
	close_fd(bus->notify);
	close_fd(bus->epoll);
	close_fd(bus->space);
	close_fd(bus->space_event);
	free(bus->cache);
	free(bus->directory);
	free(bus);
}

unsigned int libmq_bus_channels(const struct libmq_bus *bus)
{
	const struct libmq_node *node;
	unsigned int count = 0;

	for (node = bus->nodes; node; node = node->next)
		count += node->channel && !node->retired;
	return count;
}

/* ---- next ------------------------------------------------------------------ */

static void next_turn(struct libmq_bus *bus)
{
	bus->turn = bus->turn->next;
	bus->burst = 0;
}

static int follow_claims(struct libmq_bus *bus)
{
	int error = libmq_bus_update(bus, true);

	return error < 0 ? error : LIBMQ_NONE;
}

/* A channel that ended: nothing of it is left to read. */
static int end_node(struct libmq_bus *bus, struct libmq_node *node)
{
	libmq_bus_drop(bus, node);
	/* Its claims are in the table. */
	return follow_claims(bus);
}

/* One step of the node whose turn it is. */
static int step(struct libmq_bus *bus, struct libmq_record *record, struct libmq_gap *gap)
{
	struct libmq_node *node = bus->turn;
	int found;

	if (!node->subscription) {
		next_turn(bus);
		return LIBMQ_NONE;
	}
	found = libmq_subscription_step(node->subscription, record, gap);
	switch (found) {
	case LIBMQ_RECORD:
		bus->last = node;
		libmq_bus_pass_stamps(node, record->sequence);
		if (++bus->burst >= BURST)
			next_turn(bus);
		return found;
	case LIBMQ_NONE:
		next_turn(bus);
		return found;
	case LIBMQ_ENDED:
		return end_node(bus, node);
	}
	return found;
}

static int take_error(struct libmq_bus *bus)
{
	int error = bus->error;

	bus->error = 0;
	return error;
}

/* What channels that ended have left comes first; then all take turns. */
static void choose_turn(struct libmq_bus *bus)
{
	if (!bus->turn || bus->retired_count)
		bus->turn = bus->nodes;
	while (bus->retired_count && !bus->turn->retired)
		bus->turn = bus->turn->next;
}

/* The caller is done with the record it has. */
static void release_last(struct libmq_bus *bus)
{
	if (bus->last && bus->last->subscription)
		libmq_subscription_done(bus->last->subscription);
	bus->last = NULL;
}

int libmq_bus_next(struct libmq_bus *bus, struct libmq_record *record, struct libmq_gap *gap)
{
	/* One more than there are: the first may have begun in mid-turn. */
	unsigned int turns = bus->nodes_count + 1;
	int found;

	release_last(bus);
	if (bus->error)
		return take_error(bus);
	while (bus->nodes && turns) {
		choose_turn(bus);
		found = step(bus, record, gap);
		if (found == LIBMQ_CLAIMS)
			found = follow_claims(bus);
		else if (found == LIBMQ_NONE)
			turns--;
		if (found != LIBMQ_NONE)
			return found;
	}
	return LIBMQ_NONE;
}

/* ---- sleeping -------------------------------------------------------------- */

int libmq_bus_fd(const struct libmq_bus *bus)
{
	return bus->epoll;
}

int libmq_bus_space_fd(const struct libmq_bus *bus)
{
	return bus->space;
}

bool libmq_bus_prepare_sleep(struct libmq_bus *bus)
{
	struct libmq_node *node;
	bool there = false;

	if (follow_directory(bus)) {
		int error = libmq_bus_claims(bus, true);

		if (error < 0)
			libmq_bus_failed(bus, error, false);
	}
	for (node = bus->nodes; node; node = node->next)
		if (node->subscription)
			there |= libmq_subscription_prepare_sleep(node->subscription);
	return there || bus->error;
}

int libmq_bus_wait(struct libmq_bus *bus, unsigned int events, int timeout_ms)
{
	struct pollfd fds[2] = {
		{ .fd = events & LIBMQ_WAIT_RECORD ? bus->epoll : -1, .events = POLLIN },
		{ .fd = events & LIBMQ_WAIT_SPACE ? bus->space : -1, .events = POLLIN },
	};
	int64_t started = libmq_now_ms();

	for (;;) {
		unsigned int came = 0;
		int ready;

		if ((events & LIBMQ_WAIT_RECORD) && libmq_bus_prepare_sleep(bus))
			came = LIBMQ_WAIT_RECORD;
		ready = poll(fds, 2, came ? 0 : libmq_remaining_ms(timeout_ms, started));
		if (ready < 0)
			return -errno;
		if (fds[1].revents) {
			libmq_bus_space_taken(bus);
			came |= LIBMQ_WAIT_SPACE;
		}
		if (came || !ready)
			return came;
		/* Only the directory changed: look whether that gave a record. */
	}
}
