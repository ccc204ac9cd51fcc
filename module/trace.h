/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Trace points
 *
 * One at each change of state, named by the object that changes; what is
 * refused has a twin (mq_publish_error). Arguments are plain numbers and
 * strings, so a point knows no object and objects owe it nothing. None takes a
 * lock: all may be called with the channel lock held or inside RCU.
 *
 * Names of channels are copied whole. Of a filter at most MQ_TRACE_FILTER
 * bytes are shown, because an event must fit a page of the trace buffer; the
 * length is the real one. Strings are copied by hand instead of by
 * __assign_str(), whose arguments differ between kernels.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mq

#if !defined(MQ_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MQ_TRACE_H

#include <linux/minmax.h>
#include <linux/mq_ring.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

/* Most bytes of a filter that an event carries. */
#define MQ_TRACE_FILTER		256u

DECLARE_EVENT_CLASS(mq_channel,
		    TP_PROTO(const char *name, u64 id),
		    TP_ARGS(name, id),
		    TP_STRUCT__entry(__field(u64, id)
				     __array(char, name, MQ_NAME_MAX + 1)),
		    TP_fast_assign(__entry->id = id;
				   strscpy(__entry->name, name, sizeof(__entry->name));),
		    TP_printk("channel=%llu name=%s", __entry->id, __entry->name));

DEFINE_EVENT(mq_channel, mq_channel_create,
	     TP_PROTO(const char *name, u64 id),
	     TP_ARGS(name, id));

DEFINE_EVENT(mq_channel, mq_channel_delete,
	     TP_PROTO(const char *name, u64 id),
	     TP_ARGS(name, id));

DEFINE_EVENT(mq_channel, mq_channel_purge,
	     TP_PROTO(const char *name, u64 id),
	     TP_ARGS(name, id));

TRACE_EVENT(mq_subscribe,
	    TP_PROTO(u64 channel, u64 subscription, u32 pid, bool holding),
	    TP_ARGS(channel, subscription, pid, holding),
	    TP_STRUCT__entry(__field(u64, channel)
			     __field(u64, subscription)
			     __field(u32, pid)
			     __field(bool, holding)),
	    TP_fast_assign(__entry->channel = channel;
			   __entry->subscription = subscription;
			   __entry->pid = pid;
			   __entry->holding = holding;),
	    TP_printk("channel=%llu subscription=%llu pid=%u holding=%d",
		      __entry->channel, __entry->subscription, __entry->pid, __entry->holding));

TRACE_EVENT(mq_unsubscribe,
	    TP_PROTO(u64 channel, u64 subscription),
	    TP_ARGS(channel, subscription),
	    TP_STRUCT__entry(__field(u64, channel)
			     __field(u64, subscription)),
	    TP_fast_assign(__entry->channel = channel;
			   __entry->subscription = subscription;),
	    TP_printk("channel=%llu subscription=%llu", __entry->channel, __entry->subscription));

/* @sequence: from which the filter is in force. */
TRACE_EVENT(mq_filter_add,
	    TP_PROTO(u64 subscription, const char *filter, u32 len, u64 sequence),
	    TP_ARGS(subscription, filter, len, sequence),
	    TP_STRUCT__entry(__field(u64, subscription)
			     __field(u64, sequence)
			     __field(u32, len)
			     __dynamic_array(char, filter, min(len, MQ_TRACE_FILTER) + 1)),
	    TP_fast_assign(__entry->subscription = subscription;
			   __entry->sequence = sequence;
			   __entry->len = len;
			   memcpy(__get_str(filter), filter, min(len, MQ_TRACE_FILTER));
			   __get_str(filter)[min(len, MQ_TRACE_FILTER)] = '\0';),
	    TP_printk("subscription=%llu filter=%s len=%u sequence=%llu", __entry->subscription,
		      __get_str(filter), __entry->len, __entry->sequence));

TRACE_EVENT(mq_filter_remove,
	    TP_PROTO(u64 subscription, const char *filter, u32 len),
	    TP_ARGS(subscription, filter, len),
	    TP_STRUCT__entry(__field(u64, subscription)
			     __field(u32, len)
			     __dynamic_array(char, filter, min(len, MQ_TRACE_FILTER) + 1)),
	    TP_fast_assign(__entry->subscription = subscription;
			   __entry->len = len;
			   memcpy(__get_str(filter), filter, min(len, MQ_TRACE_FILTER));
			   __get_str(filter)[min(len, MQ_TRACE_FILTER)] = '\0';),
	    TP_printk("subscription=%llu filter=%s len=%u", __entry->subscription,
		      __get_str(filter), __entry->len));

/* @receivers: sum of the weights of the filters that matched. */
TRACE_EVENT(mq_publish,
	    TP_PROTO(u64 channel, u64 sequence, u32 topic_hash, u32 payload_len, u32 receivers),
	    TP_ARGS(channel, sequence, topic_hash, payload_len, receivers),
	    TP_STRUCT__entry(__field(u64, channel)
			     __field(u64, sequence)
			     __field(u32, topic_hash)
			     __field(u32, payload_len)
			     __field(u32, receivers)),
	    TP_fast_assign(__entry->channel = channel;
			   __entry->sequence = sequence;
			   __entry->topic_hash = topic_hash;
			   __entry->payload_len = payload_len;
			   __entry->receivers = receivers;),
	    TP_printk("channel=%llu sequence=%llu topic_hash=%08x payload_len=%u receivers=%u",
		      __entry->channel, __entry->sequence, __entry->topic_hash,
		      __entry->payload_len, __entry->receivers));

/* @error: negative errno. */
TRACE_EVENT(mq_publish_error,
	    TP_PROTO(u64 channel, int error),
	    TP_ARGS(channel, error),
	    TP_STRUCT__entry(__field(u64, channel)
			     __field(int, error)),
	    TP_fast_assign(__entry->channel = channel;
			   __entry->error = error;),
	    TP_printk("channel=%llu error=%d", __entry->channel, __entry->error));

/* A will came to its end: published, or given up with an error. */
TRACE_EVENT(mq_will,
	    TP_PROTO(u64 channel, u64 publisher, u64 will, u64 sequence, int error),
	    TP_ARGS(channel, publisher, will, sequence, error),
	    TP_STRUCT__entry(__field(u64, channel)
			     __field(u64, publisher)
			     __field(u64, will)
			     __field(u64, sequence)
			     __field(int, error)),
	    TP_fast_assign(__entry->channel = channel;
			   __entry->publisher = publisher;
			   __entry->will = will;
			   __entry->sequence = sequence;
			   __entry->error = error;),
	    TP_printk("channel=%llu publisher=%llu will=%llu sequence=%llu error=%d",
		      __entry->channel, __entry->publisher, __entry->will, __entry->sequence,
		      __entry->error));

TRACE_EVENT(mq_wake,
	    TP_PROTO(u64 subscription),
	    TP_ARGS(subscription),
	    TP_STRUCT__entry(__field(u64, subscription)),
	    TP_fast_assign(__entry->subscription = subscription;),
	    TP_printk("subscription=%llu", __entry->subscription));

/* @hold: first record that must stay, after a look at all cursors. */
TRACE_EVENT(mq_scan,
	    TP_PROTO(u64 channel, u64 hold, u64 next),
	    TP_ARGS(channel, hold, next),
	    TP_STRUCT__entry(__field(u64, channel)
			     __field(u64, hold)
			     __field(u64, head)),
	    TP_fast_assign(__entry->channel = channel;
			   __entry->hold = hold;
			   __entry->head = next;),
	    TP_printk("channel=%llu hold=%llu head=%llu", __entry->channel, __entry->hold,
		      __entry->head));

/* @sequence: the first record that it held. */
TRACE_EVENT(mq_evict,
	    TP_PROTO(u64 channel, u64 subscription, u64 sequence),
	    TP_ARGS(channel, subscription, sequence),
	    TP_STRUCT__entry(__field(u64, channel)
			     __field(u64, subscription)
			     __field(u64, sequence)),
	    TP_fast_assign(__entry->channel = channel;
			   __entry->subscription = subscription;
			   __entry->sequence = sequence;),
	    TP_printk("channel=%llu subscription=%llu sequence=%llu", __entry->channel,
		      __entry->subscription, __entry->sequence));

/* One gap: records that went by unread, and how many of them matched. */
TRACE_EVENT(mq_lagged,
	    TP_PROTO(u64 subscription, u64 passed, u64 missed),
	    TP_ARGS(subscription, passed, missed),
	    TP_STRUCT__entry(__field(u64, subscription)
			     __field(u64, passed)
			     __field(u64, missed)),
	    TP_fast_assign(__entry->subscription = subscription;
			   __entry->passed = passed;
			   __entry->missed = missed;),
	    TP_printk("subscription=%llu passed=%llu missed=%llu", __entry->subscription,
		      __entry->passed, __entry->missed));

#endif /* MQ_TRACE_H */

/* Outside the guard: the kernel's headers read this file several times. */
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
