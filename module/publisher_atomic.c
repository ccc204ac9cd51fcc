// SPDX-License-Identifier: GPL-2.0-only
/* Atomic batches: all records go in together or none does, see linux/mq.h. */
#include <linux/string.h>
#include <linux/uaccess.h>
#include "publish.h"

/* In the place of a record that is refused and could not be staged. */
static void atomic_refuse(struct mq_publisher *publisher, int err)
{
	struct mq_staged *staged = &publisher->staged[publisher->staged_count++];

	memset(staged, 0, sizeof(*staged));
	staged->result = err;
}

/* Whether a ring can take so much at once, whatever wills reserve of it. */
static bool atomic_can_fit(const struct mq_publisher *publisher)
{
	const struct mq_ring_config *config = &publisher->channel->data.ring.config;
	u64 need = 0;
	u32 i;

	for (i = 0; i < publisher->staged_count; i++)
		need += publisher->staged[i].need;
	return publisher->staged_count <= config->slots / 4 * 3 && need <= config->bytes / 4 * 3;
}

/*
 * Stages all records of an atomic batch. The first that can't be staged is
 * refused, which cancels those behind it. Return: 0, or why there is no batch.
 */
static int atomic_stage(struct mq_publisher *publisher, struct mq_publish __user *user,
			u32 count)
{
	u64 bytes = 0;
	int err = 0;
	u32 i;

	/* Now, because what is staged is pointed to. */
	if (publisher->stage_size < MQ_CHUNK_BYTES)
		err = mq_publisher_grow(publisher);
	for (i = 0; i < count; i++) {
		struct mq_publish args;

		if (copy_from_user(&args, user + i, sizeof(args)))
			return -EFAULT;
		bytes += (u64)args.topic_len + args.payload_len + args.metadata_len;
		if (bytes > MQ_ATOMIC_BYTES_MAX)
			return -E2BIG;
		if (!err)
			err = mq_publisher_stage(publisher, &args, NULL);
		if (err) {
			atomic_refuse(publisher, err);
			err = -ECANCELED;
		}
	}
	return atomic_can_fit(publisher) ? 0 : -E2BIG;
}

int mq_publisher_atomic(struct mq_publisher *publisher, struct mq_publish __user *user,
			u32 count, bool sync, struct mq_publish_wait wait)
{
	u32 done, i;
	int err;

	err = mq_publisher_lock(publisher, wait);
	if (err)
		return err;
	err = atomic_stage(publisher, user, count);
	if (!err) {
		publisher->atomic = true;
		mq_publish_staged(publisher, sync, wait, &done);
		publisher->atomic = false;
		for (i = 0; i < done; i++)
			if (mq_publisher_report(&publisher->staged[i], user + i))
				err = -EFAULT;
	}
	mq_publisher_unstage(publisher);
	mq_publisher_unlock(publisher, wait);
	return err;
}
