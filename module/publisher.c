// SPDX-License-Identifier: GPL-2.0-only
/* Publisher: its life and its interface, see publisher.h and publish.h. */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "endpoint.h"
#include "mq.h"
#include "publish.h"
#include "publisher.h"
#include "space.h"
#include "trace.h"
#include "uring.h"

/* What a publisher stages in until it needs more. */
#define PUBLISHER_STAGE_FIRST	4096

static atomic64_t publisher_ids;

/* ---- staging --------------------------------------------------------- */

static int publisher_grow(struct mq_publisher *publisher, u32 size)
{
	u8 *stage = kvmalloc(size, GFP_KERNEL_ACCOUNT);

	if (!stage)
		return -ENOMEM;
	kvfree(publisher->stage);
	publisher->stage = stage;
	publisher->stage_size = size;
	return 0;
}

/*
 * Room for @size bytes. Return: 0; -ENOSPC: first publish what is staged;
 * -ENOMEM.
 */
static int publisher_room(struct mq_publisher *publisher, u32 size)
{
	u32 most = max_t(u32, MQ_CHUNK_BYTES, publisher->channel->data.ring.config.max_record);

	if (publisher->staged_count == MQ_CHUNK_RECORDS)
		return -ENOSPC;
	if (publisher->stage_used && publisher->stage_used + size > MQ_CHUNK_BYTES)
		return -ENOSPC;
	if (publisher->stage_used + size <= publisher->stage_size)
		return 0;
	/* Growing is for an empty buffer: what is staged is pointed to. */
	if (publisher->stage_used)
		return -ENOSPC;
	return publisher_grow(publisher, most);
}

static int publisher_check(const struct mq_publisher *publisher, const struct mq_publish *args)
{
	if (args->flags & ~(MQ_RECORD_RETAIN | MQ_RECORD_USER_MASK) || args->reserved0 ||
	    args->expect || args->expiry_ns || !args->topic_len)
		return -EINVAL;
	if ((u64)args->topic_len + args->payload_len + args->metadata_len >
	    publisher->channel->data.ring.config.max_record)
		return -EMSGSIZE;
	return 0;
}

/* Copies one part of a record to the stage; the only read of user memory. */
static const u8 *publisher_copy(struct mq_publisher *publisher, u64 from, u32 len)
{
	u8 *to = publisher->stage + publisher->stage_used;

	if (copy_from_user(to, u64_to_user_ptr(from), len))
		return NULL;
	publisher->stage_used += len;
	return to;
}

/*
 * Stages one record. One that is refused for what it is goes there with its
 * result. Return: 0; -ENOSPC: the chunk is full; or what ends the batch.
 */
static int publisher_stage(struct mq_publisher *publisher, const struct mq_publish *args,
			   const char *name)
{
	struct mq_staged *staged = &publisher->staged[publisher->staged_count];
	struct mq_ring_data *data = &staged->data;
	int err = publisher_check(publisher, args);

	memset(staged, 0, sizeof(*staged));
	if (err) {
		if (publisher->staged_count == MQ_CHUNK_RECORDS)
			return -ENOSPC;
		goto refused;
	}
	err = publisher_room(publisher, args->topic_len + args->payload_len + args->metadata_len);
	if (err)
		return err;
	data->topic_len = args->topic_len;
	data->payload_len = args->payload_len;
	data->metadata_len = args->metadata_len;
	data->flags = args->flags;
	if (name) {
		data->topic = name;
	} else {
		data->topic = publisher_copy(publisher, args->topic, args->topic_len);
		if (!data->topic)
			return -EFAULT;
	}
	data->payload = publisher_copy(publisher, args->payload, args->payload_len);
	data->metadata = publisher_copy(publisher, args->metadata, args->metadata_len);
	if (!data->payload || !data->metadata)
		return -EFAULT;
	if (!mq_topic_valid(data->topic, data->topic_len)) {
		err = -EINVAL;
		goto refused;
	}
	data->topic_hash = mq_topic_hash(data->topic, data->topic_len);
	staged->need = mq_ring_need(data);
	if (data->flags & MQ_RECORD_RETAIN && data->payload_len) {
		staged->retained = mq_retained_new(data);
		if (IS_ERR(staged->retained)) {
			staged->retained = NULL;
			return -ENOMEM;
		}
	}
refused:
	staged->result = err;
	publisher->staged_count++;
	return 0;
}

static void publisher_unstage(struct mq_publisher *publisher)
{
	while (publisher->staged_count)
		mq_retained_put(publisher->staged[--publisher->staged_count].retained);
	publisher->stage_used = 0;
}

/* ---- publishing ------------------------------------------------------ */

/* Tells the user what became of a staged record. */
static int publisher_report(const struct mq_staged *staged, struct mq_publish __user *user)
{
	const struct {
		__s32 result;
		__u32 receivers;
		__u64 sequence;
		__u64 time;
	} out = { staged->result, staged->receivers, staged->sequence, staged->time };

	static_assert(sizeof(out) == sizeof(struct mq_publish) -
				     offsetof(struct mq_publish, result));
	if (staged->result)
		return put_user(staged->result, &user->result);
	return copy_to_user(&user->result, &out, sizeof(out)) ? -EFAULT : 0;
}

static int publisher_lock(struct mq_publisher *publisher, bool nowait)
{
	if (nowait)
		return mutex_trylock(&publisher->lock) ? 0 : MQ_CONTENDED;
	return mutex_lock_interruptible(&publisher->lock) ? -EINTR : 0;
}

int mq_publisher_publish(struct mq_publisher *publisher, struct mq_publish __user *user,
			 bool nowait)
{
	struct mq_publish args;
	u32 done;
	int err;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	err = publisher_lock(publisher, nowait);
	if (err)
		return err;
	err = publisher_stage(publisher, &args, NULL);
	if (!err) {
		mq_publish_staged(publisher, false, &done);
		err = publisher->staged[0].result;
		if (!err)
			err = publisher_report(&publisher->staged[0], user);
	}
	publisher_unstage(publisher);
	mutex_unlock(&publisher->lock);
	return err;
}

/* Stages from @user on, at most @count; what ended it, if not the chunk's end. */
static int publisher_stage_chunk(struct mq_publisher *publisher, struct mq_publish __user *user,
				 u32 count)
{
	int err = 0;

	while (publisher->staged_count < count && !err) {
		struct mq_publish args;

		if (publisher->staged_count == MQ_CHUNK_RECORDS)
			break;
		if (copy_from_user(&args, user + publisher->staged_count, sizeof(args)))
			return -EFAULT;
		err = publisher_stage(publisher, &args, NULL);
	}
	return err == -ENOSPC ? 0 : err;
}

/*
 * One chunk of a batch: stage, publish, report. @done counts the records that
 * have their result. Return: what ended the batch, or 0.
 */
static int publisher_chunk(struct mq_publisher *publisher, struct mq_publish __user *user,
			   u32 count, bool sync, u32 *done)
{
	int fault = 0;
	int stage_err, err;
	u32 i;

	lockdep_assert_held(&publisher->lock);
	stage_err = publisher_stage_chunk(publisher, user, count);
	err = mq_publish_staged(publisher, sync, done);
	/* They are published, whether or not that can be told. */
	for (i = 0; i < *done; i++)
		if (publisher_report(&publisher->staged[i], user + i))
			fault = -EFAULT;
	publisher_unstage(publisher);

	if (!err && !fault && stage_err) {
		/* The record that could not be staged has its result, too. */
		err = stage_err;
		fault = put_user(stage_err, &user[*done].result);
		if (!fault)
			(*done)++;
	}
	return fault ? fault : err;
}

/* The same for one who has not locked; others may publish between chunks. */
static int publisher_lock_chunk(struct mq_publisher *publisher, struct mq_publish __user *user,
				u32 count, bool sync, u32 *done)
{
	int err;

	if (mutex_lock_interruptible(&publisher->lock)) {
		*done = !put_user(-EINTR, &user->result);
		return -EINTR;
	}
	err = publisher_chunk(publisher, user, count, sync, done);
	mutex_unlock(&publisher->lock);
	return err;
}

int mq_publisher_publish_batch(struct mq_publisher *publisher,
			       struct mq_publish_batch __user *arg, bool nowait)
{
	int (*chunk)(struct mq_publisher *publisher, struct mq_publish __user *user,
		     u32 count, bool sync, u32 *done);
	struct mq_publish __user *user;
	struct mq_publish_batch args;
	u32 done = 0;
	int err = 0;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~MQ_BATCH_SYNC || !args.count || args.count > MQ_BATCH_MAX ||
	    args.reserved[0] || args.reserved[1] || args.reserved[2])
		return -EINVAL;
	/* Once, for there is no way back to a caller who may wait after a chunk. */
	if (nowait && publisher_lock(publisher, true))
		return MQ_CONTENDED;
	chunk = nowait ? publisher_chunk : publisher_lock_chunk;
	user = u64_to_user_ptr(args.records);
	while (done < args.count && !err) {
		u32 some = 0;

		err = chunk(publisher, user + done, args.count - done,
			    args.flags & MQ_BATCH_SYNC, &some);
		done += some;
		cond_resched();
	}
	if (nowait)
		mutex_unlock(&publisher->lock);
	/* With nothing reported there is no record to carry the reason. */
	if (!done)
		return err;
	return put_user(done, &arg->done) ? -EFAULT : 0;
}

int mq_publisher_write(struct mq_publisher *publisher, const char __user *payload, size_t len)
{
	const char *name = publisher->channel->name;
	const struct mq_publish args = {
		.topic_len = strlen(name),
		.payload_len = min_t(size_t, len, U32_MAX),
		.payload = (u64)(unsigned long)payload,
	};
	u32 done;
	int err;

	if (mutex_lock_interruptible(&publisher->lock))
		return -EINTR;
	err = publisher_stage(publisher, &args, name);
	if (!err) {
		mq_publish_staged(publisher, false, &done);
		err = publisher->staged[0].result;
	}
	publisher_unstage(publisher);
	mutex_unlock(&publisher->lock);
	return err;
}

/* ---- life ------------------------------------------------------------ */

/* Counts a publisher of the channel, if there may be another one. */
static int publisher_enter(struct mq_channel *channel)
{
	int err = -EUSERS;

	mutex_lock(&channel->endpoints.lock);
	if (channel->endpoints.publisher_count < READ_ONCE(mq_max_publishers)) {
		channel->endpoints.publisher_count++;
		err = 0;
	}
	mutex_unlock(&channel->endpoints.lock);
	return err ? mq_limit_refuse(channel, MQ_LIMIT_PUBLISHERS, err) : 0;
}

static void publisher_leave(struct mq_channel *channel)
{
	mutex_lock(&channel->endpoints.lock);
	channel->endpoints.publisher_count--;
	mutex_unlock(&channel->endpoints.lock);
}

struct mq_publisher *mq_publisher_new(struct mq_channel *channel)
{
	struct mq_publisher *publisher;
	int err;

	if (READ_ONCE(channel->data.dead))
		return ERR_PTR(-ENODEV);
	err = publisher_enter(channel);
	if (err)
		return ERR_PTR(err);
	publisher = kvzalloc(sizeof(*publisher), GFP_KERNEL_ACCOUNT);
	if (!publisher || publisher_grow(publisher, PUBLISHER_STAGE_FIRST)) {
		kvfree(publisher);
		publisher_leave(channel);
		return ERR_PTR(-ENOMEM);
	}
	mutex_init(&publisher->lock);
	publisher->id = atomic64_inc_return(&publisher_ids);
	publisher->pid = task_tgid_nr(current);
	publisher->channel = channel;
	mq_channel_get(channel);
	mq_channel_event(channel, MQ_EVENT_PUBLISHER_OPENED, publisher->id, publisher->pid);
	return publisher;
}

void mq_publisher_free(struct mq_publisher *publisher)
{
	struct mq_channel *channel;

	if (!publisher)
		return;
	channel = publisher->channel;
	publisher_leave(channel);
	mq_channel_event(channel, MQ_EVENT_PUBLISHER_CLOSED, publisher->id, publisher->pid);
	kvfree(publisher->stage);
	kvfree(publisher);
	mq_channel_put(channel);
}

static long publisher_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct mq_publisher *publisher = file->private_data;

	switch (cmd) {
	case MQ_IOC_PUBLISH:
		return mq_publisher_publish(publisher, (void __user *)arg, false);
	case MQ_IOC_PUBLISH_BATCH:
		return mq_publisher_publish_batch(publisher, (void __user *)arg, false);
	default:
		return -ENOTTY;
	}
}

static __poll_t publisher_poll(struct file *file, poll_table *wait)
{
	struct mq_publisher *publisher = file->private_data;

	poll_wait(file, &publisher->channel->space, wait);
	return mq_space_poll(publisher->channel);
}

static int publisher_release(struct inode *inode, struct file *file)
{
	mq_publisher_free(file->private_data);
	return 0;
}

static const struct file_operations publisher_fops = {
	.owner = THIS_MODULE,
	.poll = publisher_poll,
	.unlocked_ioctl = publisher_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = mq_uring_publisher,
	.release = publisher_release,
	.llseek = noop_llseek,
};

struct file *mq_publisher_open(struct mq_channel *channel, struct mq_publisher_new *args,
			       fmode_t node_mode)
{
	struct mq_publisher *publisher;
	struct file *file;

	if (args->flags & ~MQ_PUBLISHER_NONBLOCK || args->timeout_ms || args->reserved[0] ||
	    args->reserved[1])
		return ERR_PTR(-EINVAL);
	if (!(node_mode & FMODE_WRITE))
		return ERR_PTR(-EACCES);
	publisher = mq_publisher_new(channel);
	if (IS_ERR(publisher))
		return ERR_CAST(publisher);
	file = mq_endpoint_file("mq-publisher", &publisher_fops, publisher,
				args->flags & MQ_PUBLISHER_NONBLOCK ? O_NONBLOCK : 0);
	if (IS_ERR(file))
		mq_publisher_free(publisher);
	else
		args->id = publisher->id;
	return file;
}
