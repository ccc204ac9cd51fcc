/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: What pub, sub and monitor print: one line per thing
 *
 * Buffered: stream_flush() before sleeping and at the end.
 */
#ifndef MQCTL_STREAM_H
#define MQCTL_STREAM_H

#include "mqctl.h"

#include "libmq.h"

/**
 * struct stream_style - how records look to people
 * @topic: the topic in front
 * @no_newline: no newline behind
 */
struct stream_style {
	bool topic;
	bool no_newline;
};

void stream_begin(bool json);
/* STATUS_OK, or STATUS_FAILED, and the cause is told. */
int stream_flush(void);

void stream_published(const struct libmq_message *message, const struct libmq_result *result);
void stream_record(const struct stream_style *style, const struct libmq_record *record);
/* For programs; people are told on standard error. */
void stream_gap(const struct libmq_gap *gap);
void stream_event(const struct libmq_event *event);

#endif /* MQCTL_STREAM_H */
