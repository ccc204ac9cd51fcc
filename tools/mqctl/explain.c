// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "explain.h"
#include "nodes.h"
#include "options.h"

int vcomplain(const char *format, va_list arguments)
{
	/* What was printed before belongs before the complaint. */
	fflush(stdout);
	fputs("mqctl: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	return STATUS_FAILED;
}

int complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vcomplain(format, arguments);
	va_end(arguments);
	return STATUS_FAILED;
}

bool module_loaded(void)
{
	return !access("/sys/module/mq", F_OK);
}

int explain_module(void)
{
	return complain("the kernel module is not loaded: run 'modprobe mq' as root");
}

/* ---- channels -------------------------------------------------------- */

#define NAMES_SHOWN 20

static int list_names(const char *name, const struct nodes *nodes)
{
	char text[NAMES_SHOWN * (LIBMQ_NAME_MAX + 2) + 8] = "";
	size_t i;

	for (i = 0; i < nodes->count && i < NAMES_SHOWN; i++) {
		if (i)
			strcat(text, ", ");
		strcat(text, nodes->list[i].name);
	}
	if (i < nodes->count)
		strcat(text, ", ...");
	return complain("there is no channel '%s'; there %s: %s", name,
			nodes->count == 1 ? "is" : "are", text);
}

static const char *closest_node(const char *name, const struct nodes *nodes)
{
	const char *names[256];
	size_t i;

	for (i = 0; i < nodes->count && i < 256; i++)
		names[i] = nodes->list[i].name;
	return closest(name, names, i, sizeof(*names));
}

int explain_no_channel(const char *name)
{
	struct nodes nodes;
	const char *near;

	if (!module_loaded())
		return explain_module();
	nodes_read(&nodes);
	near = closest_node(name, &nodes);
	if (!nodes.count)
		complain("there is no channel '%s', nor any other: "
			 "'mqctl channel create %s' makes it", name, name);
	else if (near)
		complain("there is no channel '%s', did you mean '%s'?", name, near);
	else
		list_names(name, &nodes);
	nodes_free(&nodes);
	return STATUS_FAILED;
}

static int explain_access(const char *name)
{
	struct passwd *user;
	struct group *group;
	struct node node;

	if (!node_stat(&node, name))
		return explain_no_channel(name);
	user = getpwuid(node.uid);
	group = getgrgid(node.gid);
	return complain("not permitted: " NODES_DIRECTORY "/%s belongs to %s:%s with mode %04o; "
			"run as that user, or let root widen it with chgrp and chmod",
			name, user ? user->pw_name : "(unnamed)",
			group ? group->gr_name : "(unnamed)", node.mode);
}

int explain_channel(int error, const char *name)
{
	char text[256];

	if (error == -ENOENT)
		return explain_no_channel(name);
	if (error == -EACCES || error == -EPERM)
		return explain_access(name);
	if (error == -ENODEV)
		return complain("the channel '%s' was deleted", name);
	return complain("%s", libmq_strerror(error, text, sizeof(text), name));
}

/* ---- administration -------------------------------------------------- */

int explain_admin(const struct libmq_admin *admin, int error, const char *verb,
		  const char *name)
{
	const char *message = admin ? libmq_admin_message(admin) : "";
	char text[256];

	if (!admin && error == -ENOENT)
		return explain_module();
	if (error == -EPERM)
		return complain("not permitted to %s: this needs root (CAP_NET_ADMIN and "
				"CAP_SYS_ADMIN); try 'sudo mqctl ...'", verb);
	if (error == -ENOENT && name)
		return explain_no_channel(name);
	/* The kernel puts the module's name in front. */
	if (!strncmp(message, "mq: ", 4))
		message += 4;
	if (!*message)
		message = libmq_strerror(error, text, sizeof(text), name);
	if (error == -EEXIST)
		return complain("cannot %s: %s ('mqctl channel list' shows who has which)", verb,
				message);
	if (error == -ERANGE || error == -ENFILE || error == -EDQUOT)
		return complain("cannot %s: %s (limits: /sys/module/mq/parameters)", verb, message);
	return complain("cannot %s: %s", verb, message);
}

/* ---- topics ---------------------------------------------------------- */

/* A channel, other than @except, whose claims match the topic. */
static const struct node *claimant(const struct nodes *nodes, const char *except,
				   const struct libmq_message *message)
{
	size_t i;

	for (i = 0; i < nodes->count; i++) {
		const struct node *node = &nodes->list[i];

		if (except && !strcmp(node->name, except))
			continue;
		if (node_claims_topic(node, message->topic, message->topic_len))
			return node;
	}
	return NULL;
}

static const struct node *refusing(const struct nodes *nodes)
{
	size_t i;

	for (i = 0; i < nodes->count; i++)
		if (nodes->list[i].error == -EACCES)
			return &nodes->list[i];
	return NULL;
}

static int explain_unclaimed(const char *channel, const struct libmq_message *message)
{
	const struct node *owner, *closed;
	int topic_len = message->topic_len;
	struct nodes nodes;

	nodes_read(&nodes);
	owner = claimant(&nodes, channel, message);
	closed = refusing(&nodes);
	if (channel && owner)
		complain("the topic '%.*s' belongs to the channel '%s', not to '%s': "
			 "leave out --channel", topic_len, message->topic, owner->name, channel);
	else if (!channel && closed && !owner)
		complain("no channel that you may open claims the topic '%.*s', and '%s' is closed "
			 "to you: run as root, or let root widen " NODES_DIRECTORY "/%s with chgrp "
			 "and chmod",
			 topic_len, message->topic, closed->name, closed->name);
	else if (nodes.count)
		complain("no channel claims the topic '%.*s': 'mqctl channel set %s --topics ...' "
			 "claims it (--topics '#': everything; name all claims of the channel)",
			 topic_len, message->topic, channel ? channel : nodes.list[0].name);
	else
		complain("there is no channel: 'mqctl channel create bus --topics '#'' makes one "
			 "that takes every topic");
	nodes_free(&nodes);
	return STATUS_FAILED;
}

/* The owner of the topic may be read, or seen, but not written. */
static int explain_forbidden(const char *channel, const struct libmq_message *message)
{
	const struct node *owner;
	struct nodes nodes;

	if (channel)
		return explain_access(channel);
	nodes_read(&nodes);
	owner = claimant(&nodes, NULL, message);
	if (!owner)
		owner = refusing(&nodes);
	if (owner)
		explain_access(owner->name);
	else
		complain("not permitted to publish '%.*s'", (int)message->topic_len,
			 message->topic);
	nodes_free(&nodes);
	return STATUS_FAILED;
}

int explain_publish(int error, const char *channel, const struct libmq_message *message)
{
	int topic_len = message->topic_len;
	char text[256], topic[128];

	if (!module_loaded())
		return explain_module();
	switch (error) {
	case -ESTALE:
		return explain_unclaimed(channel, message);
	case -EACCES:
		return explain_forbidden(channel, message);
	case -EAGAIN:
		return complain("no space: a subscription holds the ring of '%.*s' and does not "
				"read ('mqctl stats' shows which); without --no-wait this would wait",
				topic_len, message->topic);
	case -EMSGSIZE:
		return complain("the message of %u bytes is larger than its channel takes: 'mqctl "
				"channel list' shows the limit, 'mqctl channel create --max-record' "
				"sets it", message->payload_len);
	case -EDQUOT:
		return complain("the retained values of the channel are at their limit: clear some "
				"('mqctl pub --retain -n TOPIC') or raise it "
				"('mqctl channel set NAME --retained N --retained-bytes SIZE')");
	case -EINVAL:
		return complain("'%.*s' is not a topic: 1 to 65535 bytes without '+' and '#'",
				topic_len, message->topic);
	default:
		if (channel)
			return explain_channel(error, channel);
		snprintf(topic, sizeof(topic), "%.*s", topic_len, message->topic);
		return complain("%s", libmq_strerror(error, text, sizeof(text), topic));
	}
}

int explain_unexpected(const struct libmq_message *message, uint64_t present)
{
	int topic_len = message->topic_len;

	if (!present)
		return complain("'%.*s' has no retained value (any more): --expect 0 publishes "
				"if that is still so", topic_len, message->topic);
	if (!message->expect)
		return complain("'%.*s' has a retained value already, sequence %llu: look at it "
				"('mqctl sub --json -C 1 ...'), then try with --expect %llu",
				topic_len, message->topic, (unsigned long long)present,
				(unsigned long long)present);
	return complain("the retained value of '%.*s' has sequence %llu, not %llu: somebody has "
			"set it meanwhile; look at it ('mqctl sub --json -C 1 ...'), then try with "
			"--expect %llu", topic_len, message->topic, (unsigned long long)present,
			(unsigned long long)message->expect, (unsigned long long)present);
}

int explain_will(int error, const char *channel, const struct libmq_message *message)
{
	int topic_len = message->topic_len;

	switch (error) {
	case -EDQUOT:
		return complain("the channel of '%.*s' keeps no more wills: they take a quarter of "
				"its ring at most, and retained ones count as retained values "
				"('mqctl channel show' tells which limit it was); or this user has "
				"as many as max_wills_per_user allows "
				"(/sys/module/mq/parameters)", topic_len, message->topic);
	case -EAGAIN:
		return complain("no space to set aside for the will: a subscription holds the ring "
				"of '%.*s' and does not read ('mqctl stats' shows which); without "
				"--no-wait this would wait", topic_len, message->topic);
	case -EMFILE:
		return complain("the will was refused: max_wills_per_publisher "
				"(/sys/module/mq/parameters), or too many open files");
	case -ERANGE:
		return complain("the delay of the will is longer than max_will_delay allows "
				"(/sys/module/mq/parameters)");
	default:
		return explain_publish(error, channel, message);
	}
}

int explain_filter(const char *filter)
{
	const struct node *closed;
	struct nodes nodes;
	bool claimed = false;
	size_t i;

	nodes_read(&nodes);
	closed = refusing(&nodes);
	for (i = 0; i < nodes.count && !claimed; i++)
		claimed = node_claims_filter(&nodes.list[i], filter, strlen(filter));
	if (!claimed && closed)
		complain("no channel that you may open claims topics that match '%s', and '%s' is "
			 "closed to you; waiting for one", filter, closed->name);
	else if (!claimed)
		complain("no channel claims topics that match '%s'; waiting for one "
			 "('mqctl channel create NAME --topics ...')", filter);
	nodes_free(&nodes);
	return STATUS_FAILED;
}
