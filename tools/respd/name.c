// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <string.h>

#include "name.h"

static const struct {
	char byte;
	char digits[3];
} escapes[] = {
	{ '\0', "00" }, { '#', "23" }, { '+', "2B" }, { '%', "25" },
};

#define ESCAPES (sizeof(escapes) / sizeof(escapes[0]))

/* Which escape the two bytes behind a '%' are, or -1. */
static int find_escape(const char *text, size_t len)
{
	for (size_t i = 0; len >= 2 && i < ESCAPES; i++)
		if (text[0] == escapes[i].digits[0] && text[1] == escapes[i].digits[1])
			return (int)i;
	return -1;
}

/* Digits that the byte at text[0] must be written with, or NULL. */
static const char *needs_escape(const char *text, size_t len)
{
	for (size_t i = 0; i < ESCAPES; i++) {
		if (text[0] != escapes[i].byte)
			continue;
		if (text[0] == '%' && find_escape(text + 1, len - 1) < 0)
			return NULL;
		return escapes[i].digits;
	}
	return NULL;
}

static ssize_t escape(const char *name, size_t len, char *topic, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		const char *digits = needs_escape(name + i, len - i);

		if (used + (digits ? 3 : 1) > size)
			return -ENAMETOOLONG;
		topic[used++] = digits ? '%' : name[i];
		if (digits) {
			topic[used++] = digits[0];
			topic[used++] = digits[1];
		}
	}
	return (ssize_t)used;
}

ssize_t name_to_topic(const char *name, size_t len, char *topic, size_t size)
{
	if (!len)
		return -EINVAL;
	return escape(name, len, topic, size < NAME_TOPIC_MAX ? size : NAME_TOPIC_MAX);
}

size_t name_from_topic(const char *topic, size_t len, char *name)
{
	size_t used = 0;
	size_t i = 0;

	while (i < len) {
		int found = topic[i] == '%' ? find_escape(topic + i + 1, len - i - 1) : -1;

		name[used++] = found < 0 ? topic[i] : escapes[found].byte;
		i += found < 0 ? 1 : 3;
	}
	return used;
}

ssize_t name_filter_of_pattern(const char *pattern, size_t len, char *filter, size_t size)
{
	unsigned int levels = 1;
	size_t cut = 0;
	ssize_t used;

	if (size > NAME_TOPIC_MAX)
		size = NAME_TOPIC_MAX;
	if (size < 2)
		return -ENAMETOOLONG;
	/* The part before '/#' is at most one level less than a filter may have. */
	for (size_t i = 0; i < len && !strchr("*?[\\", pattern[i]) &&
	     levels < NAME_FILTER_LEVELS_MAX; i++) {
		if (pattern[i] == '/') {
			cut = i + 1;
			levels++;
		}
	}
	if (!cut) {
		filter[0] = '#';
		return 1;
	}
	used = escape(pattern, cut, filter, size - 1);
	if (used < 0)
		return used;
	filter[used++] = '#';
	return used;
}
