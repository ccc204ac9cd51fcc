// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <stdio.h>
#include <string.h>

#include "explain.h"
#include "print.h"
#include "stream.h"

static struct print print;

void stream_begin(bool json)
{
	print_init(&print, stdout, json);
}

int stream_flush(void)
{
	int error = print_flush(&print);

	return error ? complain("cannot write: %s", strerror(-error)) : STATUS_OK;
}

void stream_published(const struct libmq_message *message, const struct libmq_result *result)
{
	print_line(&print);
	print_bytes(&print, "topic", message->topic, message->topic_len);
	print_number(&print, "sequence", "sequence", result->sequence);
	print_number(&print, "receivers", "receivers", result->receivers);
	print_time(&print, "time", NULL, result->time);
	print_end(&print);
}

/* People get the payload as it is, whatever bytes it has. */
static void plain_record(const struct stream_style *style, const struct libmq_record *record)
{
	if (style->topic) {
		fwrite(record->topic, 1, record->topic_len, stdout);
		putchar(' ');
	}
	fwrite(record->payload, 1, record->payload_len, stdout);
	if (!style->no_newline)
		putchar('\n');
}

void stream_record(const struct stream_style *style, const struct libmq_record *record)
{
	if (!print.json) {
		plain_record(style, record);
		return;
	}
	print_line(&print);
	print_string(&print, "channel", NULL, libmq_channel_name(record->channel));
	print_number(&print, "sequence", NULL, record->sequence);
	print_time(&print, "time", NULL, record->time);
	print_number(&print, "publisher", NULL, record->publisher);
	print_bytes(&print, "topic", record->topic, record->topic_len);
	print_flag(&print, "retain", NULL, record->flags & LIBMQ_RETAIN);
	print_flag(&print, "will", NULL, record->flags & LIBMQ_WILL);
	print_bytes(&print, "payload", record->payload, record->payload_len);
	if (record->metadata_len)
		print_bytes(&print, "metadata", record->metadata, record->metadata_len);
	print_end(&print);
}

void stream_gap(const struct libmq_gap *gap)
{
	if (!print.json)
		return;
	print_line(&print);
	print_string(&print, "channel", NULL, libmq_channel_name(gap->channel));
	print_number(&print, "passed", NULL, gap->passed);
	print_number(&print, "missed", NULL, gap->missed);
	print_flag(&print, "at_most", NULL, gap->at_most);
	print_flag(&print, "evicted", NULL, gap->evicted);
	print_end(&print);
}

/* What belongs to an event of this type alone. */
static void event_details(const struct libmq_event *event)
{
	bool lost = event->type == LIBMQ_EVENT_WILL && !event->sequence;

	switch (event->type) {
	case LIBMQ_EVENT_LAGGED:
		print_number(&print, "passed", "passed", event->passed);
		print_number(&print, "missed", "missed", event->missed);
		break;
	case LIBMQ_EVENT_WILL:
		print_flag(&print, "lost", lost ? "lost" : NULL, lost);
		if (!lost)
			print_number(&print, "sequence", "sequence", event->sequence);
		break;
	case LIBMQ_EVENT_EVICTED:
		print_number(&print, "sequence", "sequence", event->sequence);
		break;
	case LIBMQ_EVENT_REFUSED:
		print_number(&print, "uid", "uid", event->uid);
		print_string(&print, "limit", "limit", libmq_limit_name(event->limit));
		break;
	default:
		break;
	}
}

static bool about_publisher(enum libmq_event_type type)
{
	return type == LIBMQ_EVENT_PUBLISHER_OPENED || type == LIBMQ_EVENT_PUBLISHER_CLOSED ||
	       type == LIBMQ_EVENT_WILL;
}

void stream_event(const struct libmq_event *event)
{
	const char *name = libmq_event_name(event->type);
	bool publisher = about_publisher(event->type);

	print_line(&print);
	print_time(&print, "time", "", event->time);
	print_string(&print, "event", "", name ? name : "unknown");
	print_string(&print, "channel", "", event->channel);
	print_number(&print, "channel_id", NULL, event->channel_id);
	if (event->id)
		print_number(&print, publisher ? "publisher" : "subscription",
			     publisher ? "publisher" : "subscription", event->id);
	if (event->pid)
		print_number(&print, "pid", "pid", event->pid);
	event_details(event);
	if (event->suppressed)
		print_number(&print, "suppressed", "suppressed", event->suppressed);
	print_end(&print);
}
