/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * DOC: Topics and topic filters
 *
 * A topic is a '/'-separated name of 1..MQ_TOPIC_LEN_MAX bytes without NUL,
 * '+' and '#'. Levels may be empty ("a//b" has three). Bytes are compared as
 * they are: no normalisation, no case folding, no UTF-8 rules (a protocol
 * that has such rules enforces them before it publishes).
 *
 * A filter is a topic in which a whole level may be '+' (exactly one level,
 * empty or not) and the last level may be '#' (the parent itself and all that
 * lies below it). A filter whose first level is a wildcard does not match a
 * topic that begins with '$'. These are the rules of MQTT 5.0, section 4.7;
 * the claims of a channel follow them too.
 *
 * This file is the only matcher there is: the kernel, libmq and tests include
 * it. Everything is a pure function of its arguments: no allocation, no
 * recursion, time linear in the lengths. Text arrives with its length and
 * needs no terminator.
 */
#ifndef _UAPI_LINUX_MQ_TOPIC_H
#define _UAPI_LINUX_MQ_TOPIC_H

#include <linux/types.h>

/* Longest topic and longest filter in bytes. */
#define MQ_TOPIC_LEN_MAX	65535
/* Most levels of a filter; a topic may have more. */
#define MQ_FILTER_LEVELS_MAX	32

/**
 * mq_topic_valid() - whether some bytes are a topic
 * @topic: the bytes
 * @len: how many
 *
 * Return: 1 for a valid topic, else 0.
 */
static inline int mq_topic_valid(const char *topic, __u32 len)
{
	__u32 i;

	if (!len || len > MQ_TOPIC_LEN_MAX)
		return 0;
	for (i = 0; i < len; i++)
		if (topic[i] == '\0' || topic[i] == '+' || topic[i] == '#')
			return 0;
	return 1;
}

/**
 * mq_filter_levels() - how many levels a filter has
 * @filter: the bytes
 * @len: how many
 *
 * Return: 1 or more for a well-formed filter, however many that is (compare
 * with MQ_FILTER_LEVELS_MAX), 0 for anything else.
 */
static inline __u32 mq_filter_levels(const char *filter, __u32 len)
{
	__u32 levels = 1;
	__u32 i;

	if (!len || len > MQ_TOPIC_LEN_MAX)
		return 0;
	for (i = 0; i < len; i++) {
		int starts = !i || filter[i - 1] == '/';
		int ends = i + 1 == len || filter[i + 1] == '/';

		if (filter[i] == '\0')
			return 0;
		if (filter[i] == '/')
			levels++;
		else if (filter[i] == '+' && !(starts && ends))
			return 0;
		else if (filter[i] == '#' && !(starts && i + 1 == len))
			return 0;
	}
	return levels;
}

/**
 * mq_filter_valid() - whether some bytes are a filter a channel accepts
 * @filter: the bytes
 * @len: how many
 *
 * Return: 1 for a filter of at most MQ_FILTER_LEVELS_MAX levels, else 0.
 */
static inline int mq_filter_valid(const char *filter, __u32 len)
{
	__u32 levels = mq_filter_levels(filter, len);

	return levels && levels <= MQ_FILTER_LEVELS_MAX;
}

/**
 * mq_topic_match() - whether a filter matches a topic
 * @filter: a valid filter
 * @filter_len: its length
 * @topic: a valid topic
 * @topic_len: its length
 *
 * Safe on arbitrary bytes too: it reads within both lengths only. What it
 * answers is meaningful for a valid filter and a valid topic.
 *
 * Return: 1 if it matches, else 0.
 */
static inline int mq_topic_match(const char *filter, __u32 filter_len,
				 const char *topic, __u32 topic_len)
{
	__u32 f = 0;
	__u32 t = 0;

	if (topic_len && topic[0] == '$' && filter_len &&
	    (filter[0] == '+' || filter[0] == '#'))
		return 0;
	for (;;) {
		/* Both stand at the first byte of a level. */
		if (f < filter_len && filter[f] == '#')
			return 1;
		if (f < filter_len && filter[f] == '+') {
			f++;
			while (t < topic_len && topic[t] != '/')
				t++;
		} else {
			while (f < filter_len && filter[f] != '/') {
				if (t >= topic_len || topic[t] != filter[f])
					return 0;
				f++;
				t++;
			}
		}
		/* The level of the filter is used up; the topic's must be. */
		if (f >= filter_len)
			return t >= topic_len;
		if (t >= topic_len)
			return filter_len - f == 2 && filter[f + 1] == '#';
		if (topic[t] != '/' || filter[f] != '/')
			return 0;
		f++;
		t++;
	}
}

/**
 * mq_filter_overlap() - whether some topic could match both of two filters
 * @a: a valid filter
 * @a_len: its length
 * @b: a valid filter
 * @b_len: its length
 *
 * Return: 1 if some topic could, else 0.
 */
static inline int mq_filter_overlap(const char *a, __u32 a_len, const char *b, __u32 b_len)
{
	__u32 i = 0;
	__u32 j = 0;

	/* "$..." on one side, a wildcard at the first level of the other. */
	if (a_len && b_len && a[0] == '$' && (b[0] == '+' || b[0] == '#'))
		return 0;
	if (a_len && b_len && b[0] == '$' && (a[0] == '+' || a[0] == '#'))
		return 0;
	for (;;) {
		int wild = (i < a_len && a[i] == '+') || (j < b_len && b[j] == '+');
		__u32 i0 = i;
		__u32 j0 = j;

		if ((i < a_len && a[i] == '#') || (j < b_len && b[j] == '#'))
			return 1;
		while (i < a_len && a[i] != '/')
			i++;
		while (j < b_len && b[j] != '/')
			j++;
		if (!wild) {
			__u32 k;

			if (i - i0 != j - j0)
				return 0;
			for (k = 0; k < i - i0; k++)
				if (a[i0 + k] != b[j0 + k])
					return 0;
		}
		if (i >= a_len && j >= b_len)
			return 1;
		/* One ends here: the other may only go on with '#'. */
		if (i >= a_len)
			return b_len - j == 2 && b[j + 1] == '#';
		if (j >= b_len)
			return a_len - i == 2 && a[i + 1] == '#';
		i++;
		j++;
	}
}

/**
 * mq_topic_hash() - the hash that a slot carries of its topic
 * @topic: the bytes
 * @len: how many
 *
 * 32-bit FNV-1a. A hint for a reader that wants one literal topic: another
 * hash means another topic; the same hash means nothing.
 *
 * Return: the hash.
 */
static inline __u32 mq_topic_hash(const char *topic, __u32 len)
{
	__u32 hash = 2166136261u;
	__u32 i;

	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)topic[i]) * 16777619u;
	return hash;
}

#endif /* _UAPI_LINUX_MQ_TOPIC_H */
