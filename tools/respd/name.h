/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Redis channel names and topics
 *
 * A name is any bytes, a topic has no NUL, '+' and '#'. The topic of a name is
 * the name with these three written as %00, %2B and %23. A '%' in a name stays
 * as it is, unless it would read as one of these or as %25: then it is written
 * %25. So names come back as they were, and the topics that other programs
 * use, "50%" among them, are names without a change.
 */
#ifndef RESPD_NAME_H
#define RESPD_NAME_H

#include <stddef.h>
#include <sys/types.h>

#define NAME_TOPIC_MAX		65535
#define NAME_FILTER_LEVELS_MAX	32

/*
 * The topic of a name. Return: its length; -EINVAL: the name is empty;
 * -ENAMETOOLONG: its topic is longer than @size or NAME_TOPIC_MAX.
 */
ssize_t name_to_topic(const char *name, size_t len, char *topic, size_t size);
/* The name of a topic; @name has room for @len bytes. Return: its length. */
size_t name_from_topic(const char *topic, size_t len, char *name);

/*
 * The narrowest topic filter that meets every name a glob pattern can match:
 * its literal beginning up to a '/', then "/#"; else "#", which leaves out
 * topics that begin with '$'. Return: as name_to_topic(), but never -EINVAL.
 */
ssize_t name_filter_of_pattern(const char *pattern, size_t len, char *filter, size_t size);

#endif /* RESPD_NAME_H */
