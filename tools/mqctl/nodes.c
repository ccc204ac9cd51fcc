// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "nodes.h"

bool node_stat(struct node *node, const char *name)
{
	char path[sizeof(NODES_DIRECTORY) + 1 + LIBMQ_NAME_MAX];
	struct stat status;

	memset(node, 0, sizeof(*node));
	if (strlen(name) > LIBMQ_NAME_MAX)
		return false;
	strcpy(node->name, name);
	snprintf(path, sizeof(path), NODES_DIRECTORY "/%s", name);
	if (stat(path, &status) || !S_ISCHR(status.st_mode))
		return false;
	node->uid = status.st_uid;
	node->gid = status.st_gid;
	node->mode = status.st_mode & 07777;
	node->minor = minor(status.st_rdev);
	return true;
}

static int node_info(struct node *node)
{
	struct libmq_channel *channel;
	int error;

	error = libmq_channel_open(&channel, NODES_DIRECTORY, node->name, LIBMQ_OPEN_READ);
	if (error == -EACCES)
		error = libmq_channel_open(&channel, NODES_DIRECTORY, node->name,
					   LIBMQ_OPEN_WRITE);
	if (error)
		return error;
	error = libmq_channel_info(channel, &node->info);
	libmq_channel_close(channel);
	return error;
}

static int add_node(struct nodes *nodes, const char *name)
{
	struct node *list;

	list = reallocarray(nodes->list, nodes->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	nodes->list = list;
	if (!node_stat(&list[nodes->count], name))
		return 0;
	list[nodes->count].error = node_info(&list[nodes->count]);
	nodes->count++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->name, ((const struct node *)b)->name);
}

int nodes_read(struct nodes *nodes)
{
	struct dirent *entry;
	int error = 0;
	DIR *directory;

	memset(nodes, 0, sizeof(*nodes));
	directory = opendir(NODES_DIRECTORY);
	if (!directory)
		return errno == ENOENT ? 0 : -errno;
	while (!error && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			error = add_node(nodes, entry->d_name);
	closedir(directory);
	if (nodes->count)
		qsort(nodes->list, nodes->count, sizeof(*nodes->list), by_name);
	return error;
}

void nodes_free(struct nodes *nodes)
{
	size_t i;

	for (i = 0; i < nodes->count; i++)
		libmq_channel_info_free(&nodes->list[i].info);
	free(nodes->list);
	memset(nodes, 0, sizeof(*nodes));
}

bool node_claims_topic(const struct node *node, const char *topic, size_t len)
{
	unsigned int i;

	for (i = 0; i < node->info.claims_count; i++) {
		const char *claim = node->info.claims[i];

		if (libmq_topic_match(claim, strlen(claim), topic, len))
			return true;
	}
	return false;
}

bool node_claims_filter(const struct node *node, const char *filter, size_t len)
{
	unsigned int i;

	for (i = 0; i < node->info.claims_count; i++) {
		const char *claim = node->info.claims[i];

		if (libmq_filter_overlap(claim, strlen(claim), filter, len))
			return true;
	}
	return false;
}
