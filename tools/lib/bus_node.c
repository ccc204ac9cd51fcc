// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Nodes of the bus: which channels there are, and following changes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus.h"

#define WATCH_DIRECTORY (IN_CREATE | IN_DELETE | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | \
			 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define WATCH_PARENT (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

/* ---- watching ----------------------------------------------------------- */

static int watch_parent(struct libmq_bus *bus)
{
	char path[PATH_MAX];
	char *slash;

	if (bus->watch_parent >= 0)
		return 0;
	snprintf(path, sizeof(path), "%s", bus->directory);
	slash = strrchr(path, '/');
	if (!slash)
		strcpy(path, ".");
	else if (slash == path)
		strcpy(path, "/");
	else
		*slash = '\0';
	bus->watch_parent = inotify_add_watch(bus->notify, path, WATCH_PARENT);
	return bus->watch_parent < 0 && errno != ENOENT ? -errno : 0;
}

/* Watches what the directory's name leads to now; that may be another one. */
static int watch_directory(struct libmq_bus *bus)
{
	int watch = inotify_add_watch(bus->notify, bus->directory, WATCH_DIRECTORY);

	if (watch < 0 && (errno == ENOSPC || errno == ENOMEM))
		return -errno;
	if (bus->watch >= 0 && bus->watch != watch)
		inotify_rm_watch(bus->notify, bus->watch);
	bus->watch = watch;
	return 0;
}

/*
 * The directory comes with the first channel and goes with the last; while it
 * is not there, its parent tells. Looked for again after the parent is
 * watched: it may have come in between. Done at every look, because the end of
 * a directory is told only when the last of its nodes is closed, here or
 * elsewhere.
 */
int libmq_bus_watch(struct libmq_bus *bus)
{
	int error = watch_directory(bus);

	if (!error && bus->watch < 0) {
		error = watch_parent(bus);
		if (!error)
			error = watch_directory(bus);
	}
	if (!error && bus->watch >= 0 && bus->watch_parent >= 0) {
		inotify_rm_watch(bus->notify, bus->watch_parent);
		bus->watch_parent = -1;
	}
	return error;
}

/* The kernel took a watch away. */
static void note_event(struct libmq_bus *bus, const struct inotify_event *event)
{
	if (!(event->mask & IN_IGNORED))
		return;
	if (event->wd == bus->watch)
		bus->watch = -1;
	if (event->wd == bus->watch_parent)
		bus->watch_parent = -1;
}

bool libmq_bus_notified(struct libmq_bus *bus)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false;
	ssize_t got;

	while ((got = read(bus->notify, buffer, sizeof(buffer))) > 0) {
		const char *at = buffer;

		while (at < buffer + got) {
			const struct inotify_event *event = (const void *)at;

			note_event(bus, event);
			at += sizeof(*event) + event->len;
		}
		any = true;
	}
	return any;
}

/* ---- one node ------------------------------------------------------------ */

static struct libmq_node *find_node(struct libmq_bus *bus, const char *name,
				    const struct stat *stat)
{
	struct libmq_node *node;

	for (node = bus->nodes; node; node = node->next)
		if (!node->retired && node->dev == stat->st_dev && node->ino == stat->st_ino &&
		    node->rdev == stat->st_rdev && !strcmp(node->name, name))
			return node;
	return NULL;
}

static void unlink_node(struct libmq_bus *bus, struct libmq_node *node)
{
	struct libmq_node **at = &bus->nodes;

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	bus->nodes_count--;
	bus->retired_count -= node->retired;
	if (bus->turn == node) {
		bus->turn = node->next;
		bus->burst = 0;
	}
	if (bus->last == node)
		bus->last = NULL;
}

void libmq_bus_drop(struct libmq_bus *bus, struct libmq_node *node)
{
	unlink_node(bus, node);
	if (node->full)
		libmq_bus_space_gone(bus, node);
	libmq_subscription_close(node->subscription);
	libmq_publisher_close(node->publisher);
	libmq_channel_close(node->channel);
	libmq_channel_info_free(&node->info);
	free(node->stamps);
	free(node);
}

/*
 * What was published before it went is still read. If its channel lives on (the
 * node was removed by hand, or the end is yet to show), so does what we have
 * of it; the subscription will tell.
 */
void libmq_bus_retire(struct libmq_bus *bus, struct libmq_node *node)
{
	if (!node->subscription) {
		/* Wills are for the end of the program, which goes on. */
		if (node->wills)
			libmq_publisher_wills_clear(node->publisher);
		libmq_bus_drop(bus, node);
		return;
	}
	if (node->retired || !libmq_ring_dead(&node->subscription->ring))
		return;
	node->retired = true;
	bus->retired_count++;
	if (node->full)
		libmq_bus_space_gone(bus, node);
	libmq_publisher_close(node->publisher);
	node->publisher = NULL;
	node->wills = false;
}

static struct libmq_node *new_node(struct libmq_bus *bus, const char *name,
				   const struct stat *stat)
{
	struct libmq_node *node = calloc(1, sizeof(*node));
	struct libmq_node **at = &bus->nodes;

	if (!node)
		return NULL;
	strcpy(node->name, name);
	node->dev = stat->st_dev;
	node->ino = stat->st_ino;
	node->rdev = stat->st_rdev;
	node->born = ++bus->order;
	node->claims_head = LIBMQ_FROM_NOW;
	while (*at)
		at = &(*at)->next;
	*at = node;
	bus->nodes_count++;
	return node;
}

/* Two nodes may lead to one channel (a renamed or second node). */
static bool known_channel(struct libmq_bus *bus, const struct libmq_node *node, uint64_t id)
{
	const struct libmq_node *other;

	for (other = bus->nodes; other; other = other->next)
		if (other != node && other->channel && other->channel->id == id)
			return true;
	return false;
}

/* As much as the node permits: both ways, reading, writing. */
static int open_node(struct libmq_bus *bus, struct libmq_node *node)
{
	static const unsigned int ways[] = {
		LIBMQ_OPEN_READ | LIBMQ_OPEN_WRITE, LIBMQ_OPEN_READ, LIBMQ_OPEN_WRITE,
	};
	int error = -EACCES;
	unsigned int i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]) && error == -EACCES; i++)
		error = libmq_channel_open(&node->channel, bus->directory, node->name, ways[i]);
	if (error)
		return error;
	if (known_channel(bus, node, node->channel->id)) {
		libmq_channel_close(node->channel);
		node->channel = NULL;
	}
	return 0;
}

/* ---- the directory ------------------------------------------------------- */

/* A failure of one node is not one of the bus, unless we ran out of something. */
bool libmq_bus_serious(int error)
{
	return error == -ENOMEM || error == -EMFILE || error == -ENFILE;
}

static int look_at_name(struct libmq_bus *bus, int directory, const char *name)
{
	struct libmq_node *node;
	struct stat stat;
	int error;

	if (name[0] == '.' || strlen(name) > LIBMQ_NAME_MAX)
		return 0;
	if (fstatat(directory, name, &stat, 0) < 0)
		return libmq_bus_serious(-errno) ? -errno : 0;
	if (!S_ISCHR(stat.st_mode))
		return 0;
	node = find_node(bus, name, &stat);
	if (!node)
		node = new_node(bus, name, &stat);
	if (!node)
		return -ENOMEM;
	node->seen = bus->looks;
	error = node->channel ? 0 : open_node(bus, node);
	bus->denied += error == -EACCES;
	return libmq_bus_serious(error) ? error : 0;
}

static void retire_unseen(struct libmq_bus *bus)
{
	struct libmq_node *node = bus->nodes;

	while (node) {
		struct libmq_node *next = node->next;

		if (!node->retired && node->seen != bus->looks)
			libmq_bus_retire(bus, node);
		node = next;
	}
}

int libmq_bus_look(struct libmq_bus *bus)
{
	struct dirent *entry;
	DIR *directory;
	int error;

	/* First the watch, then the look: nothing slips through in between. */
	error = libmq_bus_watch(bus);
	if (error)
		return error;
	bus->looks++;
	bus->denied = 0;
	directory = opendir(bus->directory);
	/* Without one there are no channels; unless it only can't be read now. */
	if (!directory && libmq_bus_serious(-errno))
		error = -errno;
	while (directory && !error && (entry = readdir(directory)))
		error = look_at_name(bus, dirfd(directory), entry->d_name);
	if (directory)
		closedir(directory);
	if (!error)
		retire_unseen(bus);
	return error;
}
