// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Topics and filters: the kernel's own matcher, and where two filters meet. */
#include "private.h"

bool libmq_topic_valid(const char *topic, size_t len)
{
	return len <= MQ_TOPIC_LEN_MAX && mq_topic_valid(topic, len);
}

bool libmq_filter_valid(const char *filter, size_t len)
{
	return len <= MQ_TOPIC_LEN_MAX && mq_filter_valid(filter, len);
}

bool libmq_topic_match(const char *filter, size_t filter_len,
		       const char *topic, size_t topic_len)
{
	if (filter_len > MQ_TOPIC_LEN_MAX || topic_len > MQ_TOPIC_LEN_MAX)
		return false;
	return mq_topic_match(filter, filter_len, topic, topic_len);
}

/* Length of the level that starts at @text. */
static size_t level_len(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] == '/')
			break;
	return i;
}

static bool level_is(const char *text, size_t len, char wildcard)
{
	return len == 1 && text[0] == wildcard;
}

static bool wild(const char *text, size_t len)
{
	size_t level = level_len(text, len);

	return level_is(text, level, '+') || level_is(text, level, '#');
}

/* A wildcard in the first level never meets a name that begins with '$'. */
static bool hidden(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return (a_len && a[0] == '$' && wild(b, b_len)) ||
	       (b_len && b[0] == '$' && wild(a, a_len));
}

static bool rest_is_multi(const char *text, size_t len)
{
	return len == 2 && text[0] == '/' && text[1] == '#';
}

bool libmq_filter_overlap(const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (!libmq_filter_valid(a, a_len) || !libmq_filter_valid(b, b_len))
		return false;
	if (hidden(a, a_len, b, b_len))
		return false;
	for (;;) {
		size_t x = level_len(a, a_len);
		size_t y = level_len(b, b_len);

		if (level_is(a, x, '#') || level_is(b, y, '#'))
			return true;
		if (!level_is(a, x, '+') && !level_is(b, y, '+') &&
		    (x != y || __builtin_memcmp(a, b, x)))
			return false;
		a += x;
		a_len -= x;
		b += y;
		b_len -= y;
		if (!a_len)
			return !b_len || rest_is_multi(b, b_len);
		if (!b_len)
			return rest_is_multi(a, a_len);
		a++;
		a_len--;
		b++;
		b_len--;
	}
}
