// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Topics and filters: the kernel's own matcher. */
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

bool libmq_filter_overlap(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return libmq_filter_valid(a, a_len) && libmq_filter_valid(b, b_len) &&
	       mq_filter_overlap(a, a_len, b, b_len);
}
