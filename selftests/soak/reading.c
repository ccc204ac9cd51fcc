// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Subscribers that read by system calls: read(2) and MQ_IOC_RECEIVE. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include "content.h"
#include "subscribers.h"

static uint64_t buffer[SUBSCRIBER_BUFFER / 8];

static struct mqt_view reading_view(const struct mq_record *record)
{
	struct mqt_view view = {
		.sequence = record->sequence,
		.time = record->time,
		.publisher = record->publisher,
		.topic = (const char *)(record + 1),
		.topic_len = record->topic_len,
		.payload_len = record->payload_len,
		.metadata_len = record->metadata_len,
		.flags = record->flags,
	};

	view.payload = (const uint8_t *)view.topic + view.topic_len;
	view.metadata = view.payload + view.payload_len;
	return view;
}

/* Whether the sizes of a record fit together. */
static bool reading_sound(const struct mq_record *record, size_t room)
{
	uint64_t need = sizeof(*record) + (uint64_t)record->topic_len + record->payload_len +
			record->metadata_len;

	return room >= sizeof(*record) && record->size <= room && !(record->size % 8) &&
	       record->size >= need && record->size < need + 8;
}

/* Checks what came; how many records. They lie from where we stood up to @to. */
static uint32_t reading_check(struct subscriber *subscriber, size_t len, uint64_t to)
{
	uint64_t least = books_reader_at(subscriber->page);
	uint32_t count = 0;
	size_t at = 0;

	while (at < len) {
		const struct mq_record *record = (void *)((char *)buffer + at);
		const char *wrong = "is nonsense";
		struct mqt_view view = {};
		uint64_t tag = 0;

		if (!reading_sound(record, len - at)) {
			subscriber_check(subscriber, &view, wrong, tag);
			break;
		}
		view = reading_view(record);
		wrong = content_check(subscriber->life, &view, &tag);
		if (!wrong && (view.sequence < least || view.sequence >= to))
			wrong = "comes twice, or from where the cursor is not yet";
		if (!wrong && !subscriber_wants(subscriber, view.sequence, tag))
			wrong = "matches no filter";
		subscriber_check(subscriber, &view, wrong, tag);
		least = view.sequence + 1;
		at += record->size;
		count++;
	}
	return count;
}

/* MQ_IOC_RECEIVE as read(2); what else it tells is checked here. */
static ssize_t reading_receive(struct subscriber *subscriber, size_t room)
{
	const struct mq_status *status = subscriber->map.status;
	struct mq_receive args = { .buffer = (uintptr_t)buffer, .buffer_size = room };
	int error = mqt_ioctl(subscriber->subscription.fd, MQ_IOC_RECEIVE, &args);

	if (error == -ENODEV)
		return 0;
	if (error)
		return error;
	if (args.position != subscriber->map.control->cursor ||
	    args.passed != status->passed - subscriber->told_passed ||
	    args.missed != status->missed - subscriber->told_missed)
		books_fault(subscriber->life, "reader %zu received up to %llu, passed %llu, missed %llu; its pages say %llu, %llu, %llu",
			    subscriber->page - subscriber->life->readers,
			    (unsigned long long)args.position, (unsigned long long)args.passed,
			    (unsigned long long)args.missed,
			    (unsigned long long)subscriber->map.control->cursor,
			    (unsigned long long)(status->passed - subscriber->told_passed),
			    (unsigned long long)(status->missed - subscriber->told_missed));
	subscriber->told_passed = status->passed;
	subscriber->told_missed = status->missed;
	return args.buffer_size;
}

static ssize_t reading_call(struct subscriber *subscriber, size_t room)
{
	ssize_t len;

	if (subscriber->page->kind == SUBSCRIBER_RECEIVE)
		return reading_receive(subscriber, room);
	len = read(subscriber->subscription.fd, buffer, room);
	return len < 0 ? -errno : len;
}

void reading_run(struct subscriber *subscriber)
{
	static const size_t rooms[] = { 256, 4096, SUBSCRIBER_BUFFER };
	size_t small = rooms[dice_roll(subscriber->dice, 3)], room = small;

	while (!subscriber_over(subscriber)) {
		ssize_t len = reading_call(subscriber, room);
		/* Only our calls move it: the kernel's position after this one. */
		uint64_t to = subscriber->map.control->cursor;
		uint32_t count = len > 0 ? reading_check(subscriber, len, to) : 0;

		if (to < books_reader_at(subscriber->page)) {
			books_fault(subscriber->life, "reader %zu was set back from %llu to %llu",
				    subscriber->page - subscriber->life->readers,
				    (unsigned long long)books_reader_at(subscriber->page),
				    (unsigned long long)to);
			return;
		}
		subscriber_note(subscriber, SEGMENT_READ, to, count);
		room = len == -EMSGSIZE ? SUBSCRIBER_BUFFER : small;
		if (!len)
			return;
		if (len == -EAGAIN)
			mqt_poll(subscriber->subscription.fd, POLLIN,
				 dice_roll(subscriber->dice, 200));
		else if (len < 0 && len != -EMSGSIZE && len != -EINTR)
			books_fault(subscriber->life, "reading: error %zd", len);
		subscriber_rest(subscriber);
	}
}
