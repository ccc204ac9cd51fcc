// SPDX-License-Identifier: GPL-2.0-only
/* Publisher: its life and its interface, see publisher.h and publish.h. */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
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
#include "user.h"
#include "will.h"

/* What a publisher stages in until it needs more. */
#define PUBLISHER_STAGE_FIRST	4096

static atomic64_t publisher_ids;

/* ---- staging --------------------------------------------------------- */

static int publisher_resize(struct mq_publisher *publisher, u32 size)
{
	u8 *stage = kvmalloc(size, GFP_KERNEL_ACCOUNT);

	if (!stage)
		return -ENOMEM;
	kvfree(publisher->stage);
	publisher->stage = stage;
	publisher->stage_size = size;
	return 0;
}

int mq_publisher_grow(struct mq_publisher *publisher)
{
	return publisher_resize(publisher, max_t(u32, MQ_CHUNK_BYTES,
						 publisher->channel->data.ring.config.max_record));
}

/*
 * Room for @size bytes. Return: 0; -ENOSPC: first publish what is staged;
 * -ENOMEM.
 */
static int publisher_room(struct mq_publisher *publisher, u32 size)
{
	if (publisher->stage_used && publisher->stage_used + size > MQ_CHUNK_BYTES)
		return -ENOSPC;
	if (publisher->stage_used + size <= publisher->stage_size)
		return 0;
	/* Growing is for an empty buffer: what is staged is pointed to. */
	if (publisher->stage_used)
		return -ENOSPC;
	return mq_publisher_grow(publisher);
}

static int publisher_check(const struct mq_publisher *publisher, const struct mq_publish *args)
{
	const u16 known = MQ_RECORD_RETAIN | MQ_RECORD_USER_MASK | MQ_PUBLISH_EXPECT;

	if (args->flags & ~known || args->reserved0 || !args->topic_len)
		return -EINVAL;
	if (args->expect && !(args->flags & MQ_PUBLISH_EXPECT))
		return -EINVAL;
	if (args->expiry_ns && !(args->flags & MQ_RECORD_RETAIN))
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

int mq_publisher_stage(struct mq_publisher *publisher, const struct mq_publish *args,
		       const char *name)
{
	struct mq_staged *staged = &publisher->staged[publisher->staged_count];
	struct mq_ring_data *data = &staged->data;
	int err;

	/* A refused one takes a place, too. */
	if (publisher->staged_count == MQ_CHUNK_RECORDS)
		return -ENOSPC;
	memset(staged, 0, sizeof(*staged));
	err = publisher_check(publisher, args);
	if (err)
		goto refused;
	err = publisher_room(publisher, args->topic_len + args->payload_len + args->metadata_len);
	if (err)
		return err;
	data->topic_len = args->topic_len;
	data->payload_len = args->payload_len;
	data->metadata_len = args->metadata_len;
	data->flags = args->flags & ~MQ_PUBLISH_EXPECT;
	staged->conditional = args->flags & MQ_PUBLISH_EXPECT;
	staged->expect = args->expect;
	staged->expiry_ns = args->expiry_ns;
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

void mq_publisher_unstage(struct mq_publisher *publisher)
{
	while (publisher->staged_count)
		mq_retained_put(publisher->staged[--publisher->staged_count].retained);
	publisher->stage_used = 0;
}

/* ---- publishing ------------------------------------------------------ */

/* As it is asked for at the time of the call. */
static struct mq_publish_wait publisher_wait(const struct mq_publisher *publisher, bool nonblock)
{
	return (struct mq_publish_wait){ .may = !nonblock, .timeout = publisher->timeout };
}

int mq_publisher_lock(struct mq_publisher *publisher, struct mq_publish_wait wait)
{
	if (wait.lock == MQ_PUBLISH_LOCKED)
		return 0;
	if (wait.lock == MQ_PUBLISH_BEHIND || (!wait.may && READ_ONCE(publisher->waiting))) {
		mq_space_refuse(publisher->channel);
		return -EAGAIN;
	}
	return mutex_lock_interruptible(&publisher->lock) ? -EINTR : 0;
}

void mq_publisher_unlock(struct mq_publisher *publisher, struct mq_publish_wait wait)
{
	if (wait.lock != MQ_PUBLISH_LOCKED)
		mutex_unlock(&publisher->lock);
}

int mq_publisher_report(const struct mq_staged *staged, struct mq_publish __user *user)
{
	const struct {
		__s32 result;
		__u32 receivers;
		__u64 sequence;
		__u64 time;
	} out = { staged->result, staged->receivers, staged->sequence, staged->time };

	static_assert(sizeof(out) == sizeof(struct mq_publish) -
				     offsetof(struct mq_publish, result));
	if (staged->unmet)
		return copy_to_user(&user->result, &out, offsetof(typeof(out), time)) ? -EFAULT : 0;
	if (staged->result)
		return put_user(staged->result, &user->result);
	return copy_to_user(&user->result, &out, sizeof(out)) ? -EFAULT : 0;
}

static int publisher_ioctl_publish(struct mq_publisher *publisher, struct mq_publish_wait wait,
				   struct mq_publish __user *user)
{
	struct mq_publish args;
	u32 done;
	int err;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	err = mq_publisher_lock(publisher, wait);
	if (err)
		return err;
	err = mq_publisher_stage(publisher, &args, NULL);
	if (!err) {
		mq_publish_staged(publisher, false, wait, &done);
		err = publisher->staged[0].result;
		/* A refusal stays one, told in full or not. */
		if (!err)
			err = mq_publisher_report(&publisher->staged[0], user);
		else if (publisher->staged[0].unmet)
			mq_publisher_report(&publisher->staged[0], user);
	}
	mq_publisher_unstage(publisher);
	mq_publisher_unlock(publisher, wait);
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
		err = mq_publisher_stage(publisher, &args, NULL);
	}
	return err == -ENOSPC ? 0 : err;
}

/*
 * One chunk of a batch: stage, publish, report. @done counts the records that
 * have their result, unless @untold: one of them could not be told. Return: what
 * ended the batch, or 0.
 */
static int publisher_chunk(struct mq_publisher *publisher, struct mq_publish __user *user,
			   u32 count, bool sync, struct mq_publish_wait wait, u32 *done,
			   bool *untold)
{
	int stage_err, err;
	u32 i;

	err = mq_publisher_lock(publisher, wait);
	if (err) {
		if (put_user(err, &user->result))
			return -EFAULT;
		*done = 1;
		return err;
	}
	stage_err = publisher_stage_chunk(publisher, user, count);
	err = mq_publish_staged(publisher, sync, wait, done);
	/* They are published, whether or not that can be told. */
	for (i = 0; i < *done; i++)
		if (mq_publisher_report(&publisher->staged[i], user + i))
			*untold = true;
	mq_publisher_unstage(publisher);
	mq_publisher_unlock(publisher, wait);

	if (*untold)
		return -EFAULT;
	if (!err && stage_err) {
		/* The record that could not be staged has its result, too. */
		err = stage_err;
		if (put_user(stage_err, &user[*done].result))
			return -EFAULT;
		(*done)++;
	}
	return err;
}

static int publisher_ioctl_batch(struct mq_publisher *publisher, struct mq_publish_wait wait,
				 struct mq_publish_batch __user *arg)
{
	struct mq_publish __user *user;
	struct mq_publish_batch args;
	bool untold = false;
	u32 done = 0;
	int err = 0;
	bool sync;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~(MQ_BATCH_SYNC | MQ_BATCH_ATOMIC) || !args.count ||
	    args.count > MQ_BATCH_MAX || args.reserved[0] || args.reserved[1] ||
	    args.reserved[2])
		return -EINVAL;
	user = u64_to_user_ptr(args.records);
	sync = args.flags & MQ_BATCH_SYNC;
	if (args.flags & MQ_BATCH_ATOMIC) {
		if (args.count > MQ_ATOMIC_MAX)
			return -E2BIG;
		err = mq_publisher_atomic(publisher, user, args.count, sync, wait);
		if (err)
			return err;
		done = args.count;
	}
	while (done < args.count && !err) {
		u32 some = 0;

		err = publisher_chunk(publisher, user + done, args.count - done, sync, wait, &some,
				      &untold);
		done += some;
		cond_resched();
	}
	/* With nothing reported there is no record to carry the reason. */
	if (!done)
		return err;
	return untold || put_user(done, &arg->done) ? -EFAULT : 0;
}

int mq_publisher_write(struct mq_publisher *publisher, bool nonblock, const char __user *payload,
		       size_t len)
{
	const struct mq_publish_wait wait = publisher_wait(publisher, nonblock);
	const char *name = publisher->channel->name;
	const struct mq_publish args = {
		.topic_len = strlen(name),
		.payload_len = min_t(size_t, len, U32_MAX),
		.payload = (u64)(unsigned long)payload,
	};
	u32 done;
	int err;

	err = mq_publisher_lock(publisher, wait);
	if (err)
		return err;
	err = mq_publisher_stage(publisher, &args, name);
	if (!err) {
		mq_publish_staged(publisher, false, wait, &done);
		err = publisher->staged[0].result;
	}
	mq_publisher_unstage(publisher);
	mq_publisher_unlock(publisher, wait);
	return err;
}

/* ---- life ------------------------------------------------------------ */

/* Counts a publisher of the channel and the user, if there may be another one. */
static int publisher_enter(struct mq_channel *channel, struct mq_user *user)
{
	int err = -EUSERS;

	if (!mq_user_charge(user, MQ_USER_PUBLISHERS))
		return mq_limit_refuse(channel, MQ_LIMIT_USER, -EDQUOT);
	mutex_lock(&channel->endpoints.lock);
	if (channel->endpoints.publisher_count < READ_ONCE(mq_max_publishers)) {
		WRITE_ONCE(channel->endpoints.publisher_count,
			   channel->endpoints.publisher_count + 1);
		err = 0;
	}
	mutex_unlock(&channel->endpoints.lock);
	if (!err)
		return 0;
	mq_user_uncharge(user, MQ_USER_PUBLISHERS);
	return mq_limit_refuse(channel, MQ_LIMIT_PUBLISHERS, err);
}

static void publisher_leave(struct mq_channel *channel, struct mq_user *user)
{
	mutex_lock(&channel->endpoints.lock);
	WRITE_ONCE(channel->endpoints.publisher_count, channel->endpoints.publisher_count - 1);
	mutex_unlock(&channel->endpoints.lock);
	mq_user_uncharge(user, MQ_USER_PUBLISHERS);
}

static void publisher_tell(const struct mq_publisher *publisher, enum mq_event event)
{
	mq_channel_endpoint_event(publisher->channel, event, publisher->id, publisher->pid,
				  from_kuid(&init_user_ns, publisher->identity->uid));
}

struct mq_publisher *mq_publisher_new(struct mq_channel *channel, struct mq_identity *identity,
				      struct mq_user *user)
{
	struct mq_publisher *publisher;
	int err;

	if (READ_ONCE(channel->data.dead))
		return ERR_PTR(-ENODEV);
	err = publisher_enter(channel, user);
	if (err)
		return ERR_PTR(err);
	publisher = kvzalloc(sizeof(*publisher), GFP_KERNEL_ACCOUNT);
	if (!publisher || publisher_resize(publisher, PUBLISHER_STAGE_FIRST)) {
		kvfree(publisher);
		publisher_leave(channel, user);
		return ERR_PTR(-ENOMEM);
	}
	mq_publish_init(publisher, channel);
	publisher->id = atomic64_inc_return(&publisher_ids);
	publisher->pid = mq_identity_pid(identity);
	publisher->identity = mq_identity_get(identity);
	publisher->user = mq_user_get(user);
	mq_channel_get(channel);
	mq_identities_open(&channel->identities, identity, publisher->id,
			   mq_ring_oldest(&channel->data.ring));
	publisher_tell(publisher, MQ_EVENT_PUBLISHER_OPENED);
	return publisher;
}

void mq_publisher_free(struct mq_publisher *publisher)
{
	struct mq_channel *channel;

	if (!publisher)
		return;
	channel = publisher->channel;
	publisher_leave(channel, publisher->user);
	mq_identities_close(&channel->identities, publisher->identity,
			    mq_ring_oldest(&channel->data.ring));
	publisher_tell(publisher, MQ_EVENT_PUBLISHER_CLOSED);
	mq_publish_destroy(publisher);
	mq_identity_put(publisher->identity);
	mq_user_put(publisher->user);
	kvfree(publisher->stage);
	kvfree(publisher);
	mq_channel_put(channel);
}

static long publisher_command(struct mq_publisher *publisher, struct mq_publish_wait wait,
			      unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case MQ_IOC_PUBLISH:
		return publisher_ioctl_publish(publisher, wait, arg);
	case MQ_IOC_PUBLISH_BATCH:
		return publisher_ioctl_batch(publisher, wait, arg);
	case MQ_IOC_WILL_SET:
		return mq_will_set(publisher, (void __user *)arg);
	case MQ_IOC_WILL_CLEAR:
		return mq_will_clear(publisher, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static long publisher_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct mq_publisher *publisher = file->private_data;
	const struct mq_publish_wait wait =
		publisher_wait(publisher, file->f_flags & O_NONBLOCK);

	return publisher_command(publisher, wait, cmd, (void __user *)arg);
}

long mq_publisher_command(struct file *file, unsigned int cmd, void __user *arg, bool nowait)
{
	struct mq_publisher *publisher = file->private_data;
	struct mq_publish_wait wait =
		publisher_wait(publisher, nowait || file->f_flags & O_NONBLOCK);
	long result;

	if (!nowait)
		return publisher_command(publisher, wait, cmd, arg);
	/* For all chunks of a batch: after one there is no way back. */
	if (mutex_trylock(&publisher->lock))
		wait.lock = MQ_PUBLISH_LOCKED;
	else if (READ_ONCE(publisher->waiting))
		wait.lock = MQ_PUBLISH_BEHIND;
	else
		return MQ_CONTENDED;
	result = publisher_command(publisher, wait, cmd, arg);
	if (wait.lock == MQ_PUBLISH_LOCKED)
		mutex_unlock(&publisher->lock);
	return result;
}

static __poll_t publisher_poll(struct file *file, poll_table *wait)
{
	struct mq_publisher *publisher = file->private_data;

	poll_wait(file, &publisher->channel->space, wait);
	return mq_space_poll(publisher->channel);
}

static int publisher_flush(struct file *file, fl_owner_t owner)
{
	mq_will_flush(file->private_data);
	return 0;
}

static int publisher_release(struct inode *inode, struct file *file)
{
	mq_will_release(file->private_data);
	mq_publisher_free(file->private_data);
	mq_endpoint_put();
	return 0;
}

static const struct file_operations publisher_fops = {
	.owner = THIS_MODULE,
	.poll = publisher_poll,
	.unlocked_ioctl = publisher_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = mq_uring_publisher,
	.flush = publisher_flush,
	.release = publisher_release,
	.llseek = noop_llseek,
};

/* A publisher made by the caller. */
static struct mq_publisher *publisher_new_of_caller(struct mq_channel *channel)
{
	struct mq_publisher *publisher;
	struct mq_identity *identity;
	struct mq_user *user;

	user = mq_user_of_caller();
	if (IS_ERR(user))
		return ERR_CAST(user);
	/* What the file will have as f_cred. */
	identity = mq_identity_new(current_cred());
	if (IS_ERR(identity)) {
		mq_user_put(user);
		return ERR_CAST(identity);
	}
	publisher = mq_publisher_new(channel, identity, user);
	mq_identity_put(identity);
	mq_user_put(user);
	return publisher;
}

struct file *mq_publisher_open(struct mq_channel *channel, struct mq_publisher_new *args,
			       fmode_t node_mode)
{
	struct mq_publisher *publisher;
	struct file *file;

	if (args->flags & ~MQ_PUBLISHER_NONBLOCK || args->reserved[0] || args->reserved[1])
		return ERR_PTR(-EINVAL);
	if (!(node_mode & FMODE_WRITE))
		return ERR_PTR(-EACCES);
	publisher = publisher_new_of_caller(channel);
	if (IS_ERR(publisher))
		return ERR_CAST(publisher);
	publisher->timeout = args->timeout_ms * (u64)NSEC_PER_MSEC;
	file = mq_endpoint_file("mq-publisher", &publisher_fops, publisher,
				args->flags & MQ_PUBLISHER_NONBLOCK ? O_NONBLOCK : 0);
	if (IS_ERR(file))
		mq_publisher_free(publisher);
	else
		args->id = publisher->id;
	return file;
}
