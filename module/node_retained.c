// SPDX-License-Identifier: GPL-2.0-only
/* MQ_IOC_RETAINED: listing retained values in bounded steps. */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include "node.h"
#include "read.h"

/* Values that one call looks at. */
#define NODE_RETAINED_STEPS	1024

/* A reference to the next value in (after, before), or NULL. */
static struct mq_retained_value *retained_get(struct mq_channel *channel, u64 after, u64 before)
{
	struct mq_retained_value *value;

	spin_lock(&channel->data.lock);
	value = mq_retained_next(&channel->data.retained, after);
	if (value && before && value->sequence >= before)
		value = NULL;
	if (value)
		kref_get(&value->ref);
	spin_unlock(&channel->data.lock);
	return value;
}

static int retained_put(char __user *to, const struct mq_retained_value *value)
{
	const struct mq_ring_view view = {
		.data = value->data,
		.sequence = value->sequence,
		.time = value->time,
		.publisher = value->publisher,
	};

	return mq_read_put(to, &view);
}

/*
 * Lists into the buffer of @args; @args tells how far it came. -EMSGSIZE: not
 * even the first fits, it has *@needed bytes.
 */
static int retained_list(struct mq_channel *channel, struct mq_retained *args, const char *filter,
			 u32 *needed)
{
	char __user *to = u64_to_user_ptr(args->buffer);
	u32 room = args->buffer_size;
	unsigned int steps;
	int err = 0;

	args->buffer_size = 0;
	args->count = 0;
	args->more = 1;
	for (steps = 0; steps < NODE_RETAINED_STEPS && !err; steps++) {
		struct mq_retained_value *value;
		bool matches, fits;
		u64 now;
		u32 size;

		value = retained_get(channel, args->after, args->before);
		if (!value) {
			args->more = 0;
			break;
		}
		now = ktime_get_boottime_ns();
		size = mq_read_size(&value->data);
		fits = size <= room - args->buffer_size;
		matches = !mq_retained_expired(value, now) &&
			  mq_topic_match(filter, args->filter_len, value->data.topic,
					 value->data.topic_len);
		if (matches && fits) {
			err = retained_put(to + args->buffer_size, value);
			args->buffer_size += size;
			args->count++;
		}
		if (!matches || fits)
			args->after = value->sequence;
		mq_retained_put(value);
		if (matches && !fits) {
			*needed = size;
			return args->count ? 0 : -EMSGSIZE;
		}
		cond_resched();
	}
	return err;
}

int mq_node_retained(struct mq_node *node, void __user *arg)
{
	struct mq_retained __user *user = arg;
	struct mq_retained args;
	u32 needed = 0;
	char *filter;
	int err;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags || args.reserved[0] || args.reserved[1] || args.reserved[2] ||
	    !args.filter_len || args.filter_len > MQ_TOPIC_LEN_MAX)
		return -EINVAL;
	if (READ_ONCE(node->channel->data.dead))
		return -ENODEV;
	filter = kvmalloc(args.filter_len, GFP_KERNEL_ACCOUNT);
	if (!filter)
		return -ENOMEM;
	err = -EFAULT;
	if (!copy_from_user(filter, u64_to_user_ptr(args.filter), args.filter_len))
		err = mq_filter_valid(filter, args.filter_len) ? 0 : -EINVAL;
	if (!err) {
		err = retained_list(node->channel, &args, filter, &needed);
		if (!err && copy_to_user(arg, &args, sizeof(args)))
			err = -EFAULT;
		if (err == -EMSGSIZE && put_user(needed, &user->buffer_size))
			err = -EFAULT;
	}
	kvfree(filter);
	return err;
}
