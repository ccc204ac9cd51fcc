// SPDX-License-Identifier: GPL-2.0-only
/* Will: what happens to it when its publisher goes away, see will.h. */
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include "event.h"
#include "mq.h"
#include "trace.h"
#include "will.h"

/* ---- publishing ------------------------------------------------------ */

static u32 will_size(const struct mq_will_entry *will)
{
	return will->data.topic_len + will->data.payload_len + will->data.metadata_len;
}

/* Puts the next wills of one publisher on the speaker's stage: one chunk. */
static void will_stage(struct mq_publisher *speaker, struct list_head *list,
		       struct list_head *chunk)
{
	struct mq_will_entry *will, *next;
	u32 bytes = 0;

	list_for_each_entry_safe(will, next, list, list) {
		struct mq_staged *staged = &speaker->staged[speaker->staged_count];

		bytes += will_size(will);
		if (speaker->staged_count == MQ_CHUNK_RECORDS)
			break;
		if (speaker->staged_count &&
		    (bytes > MQ_CHUNK_BYTES || will->publisher_id != speaker->id))
			break;
		speaker->id = will->publisher_id;
		/* Its publisher lives, if only to close. */
		speaker->identity = will->due ? NULL : will->identity;
		memset(staged, 0, sizeof(*staged));
		staged->data = will->data;
		staged->need = mq_ring_need(&will->data);
		staged->reserved = true;
		staged->expiry_ns = will->expiry_ns;
		if (mq_will_retains(&will->data)) {
			/* The stage owns it now, then the retained values. */
			staged->retained = will->value;
			will->value = NULL;
		}
		speaker->staged_count++;
		list_move_tail(&will->list, chunk);
	}
}

/* Those of the stage that were refused: what they reserved goes unused. */
static bool will_give_up(struct mq_channel *channel)
{
	const struct mq_publisher *speaker = channel->wills.speaker;
	bool lost = false;
	u32 i;

	spin_lock(&channel->data.lock);
	for (i = 0; i < speaker->staged_count; i++) {
		if (!speaker->staged[i].result)
			continue;
		mq_will_unreserve(channel, &speaker->staged[i].data);
		channel->data.counters.wills_lost++;
		lost = true;
	}
	spin_unlock(&channel->data.lock);
	return lost;
}

static void will_tell(struct mq_channel *channel, const struct mq_will_entry *will,
		      const struct mq_staged *staged)
{
	const struct mq_event_report report = {
		.event = MQ_EVENT_WILL,
		.name = channel->name,
		.channel_id = channel->id,
		.endpoint_id = will->publisher_id,
		.pid = will->pid,
		.uid = from_kuid(&init_user_ns, will->identity->uid),
		.sequence = staged->result ? 0 : staged->sequence,
	};

	mq_event_send(&report);
	trace_mq_will(channel->id, will->publisher_id, will->id, report.sequence,
		      staged->result);
}

static u32 will_publish_chunk(struct mq_channel *channel, struct list_head *list)
{
	const struct mq_publish_wait wait = { .lock = MQ_PUBLISH_LOCKED };
	struct mq_publisher *speaker = channel->wills.speaker;
	struct mq_will_entry *will, *next;
	u32 published = 0;
	LIST_HEAD(chunk);
	u32 done, i;
	int err;

	mutex_lock(&speaker->lock);
	will_stage(speaker, list, &chunk);
	err = mq_publish_staged(speaker, false, wait, &done);
	/* What ended it, ended it for all behind. */
	for (i = done; i < speaker->staged_count; i++)
		speaker->staged[i].result = err;
	if (will_give_up(channel))
		mq_will_made_room(channel);
	i = 0;
	list_for_each_entry_safe(will, next, &chunk, list) {
		const struct mq_staged *staged = &speaker->staged[i++];

		published += !staged->result;
		will_tell(channel, will, staged);
		if (will->due && !staged->result)
			mq_identities_late(&channel->identities, will->identity,
					   staged->sequence);
		list_del(&will->list);
		mq_will_free(will);
	}
	mq_publisher_unstage(speaker);
	mutex_unlock(&speaker->lock);
	return published;
}

u32 mq_will_publish(struct mq_channel *channel, struct list_head *list)
{
	u32 published = 0;

	while (!list_empty(list)) {
		lockdep_assert_held(&channel->wills.lock);
		published += will_publish_chunk(channel, list);
		mutex_unlock(&channel->wills.lock);
		cond_resched();
		mutex_lock(&channel->wills.lock);
	}
	return published;
}

/* ---- the end of a publisher or of a process -------------------------- */

static bool will_due_less(struct rb_node *node, const struct rb_node *other)
{
	return rb_entry(node, struct mq_will_entry, node)->due <
	       rb_entry(other, struct mq_will_entry, node)->due;
}

/* Starts its delay; whether it is the first to be over. */
static bool will_pend(struct mq_channel *channel, struct mq_will_entry *will)
{
	will->due = ktime_get_boottime_ns() + will->delay_ms * (u64)NSEC_PER_MSEC;
	rb_add_cached(&will->node, &channel->wills.pending, will_due_less);
	return rb_first_cached(&channel->wills.pending) == &will->node;
}

/* Wills leave their publisher: those that @process set; NULL: all. */
static void will_depart(struct mq_publisher *publisher, const struct pid *process)
{
	struct mq_channel *channel = publisher->channel;
	struct mq_will_entry *will, *next;
	bool first = false;
	LIST_HEAD(now);

	mutex_lock(&channel->wills.lock);
	list_for_each_entry_safe(will, next, &publisher->wills.list, list) {
		if (process && will->process != process)
			continue;
		mq_will_leave(&publisher->wills, will);
		/* If it dies behind this look: mq_channel_kill() kicks later. */
		if (will->delay_ms && !READ_ONCE(channel->data.dead))
			first |= will_pend(channel, will);
		else
			list_add_tail(&will->list, &now);
	}
	if (first)
		mq_channel_kick_wills(channel);
	mq_will_publish(channel, &now);
	mutex_unlock(&channel->wills.lock);
}

void mq_will_release(struct mq_publisher *publisher)
{
	if (publisher->wills.count)
		will_depart(publisher, NULL);
}

/* Whether the process of the caller ends, and not just one of its threads. */
static bool will_process_ends(void)
{
	const struct signal_struct *signal = current->signal;

	return current->flags & PF_EXITING &&
	       (READ_ONCE(signal->flags) & SIGNAL_GROUP_EXIT || !atomic_read(&signal->live));
}

void mq_will_flush(struct mq_publisher *publisher)
{
	if (READ_ONCE(publisher->wills.on_exit) && will_process_ends())
		will_depart(publisher, task_tgid(current));
}

/* ---- the end of a delay ---------------------------------------------- */

/* When the first pending will is due, U64_MAX: there is none. */
static u64 will_next(const struct mq_channel *channel)
{
	const struct rb_node *first = rb_first_cached(&channel->wills.pending);

	return first ? rb_entry(first, struct mq_will_entry, node)->due : U64_MAX;
}

/* Takes some wills whose time has come; of a dead channel, any. */
static void will_collect(struct mq_channel *channel, struct list_head *list)
{
	u64 now = READ_ONCE(channel->data.dead) ? U64_MAX - 1 : ktime_get_boottime_ns();
	u32 count;

	for (count = 0; count < MQ_CHUNK_RECORDS && will_next(channel) <= now; count++) {
		struct rb_node *node = rb_first_cached(&channel->wills.pending);
		struct mq_will_entry *will = rb_entry(node, struct mq_will_entry, node);

		rb_erase_cached(node, &channel->wills.pending);
		list_add_tail(&will->list, list);
	}
}

void mq_will_work(struct work_struct *work)
{
	struct mq_channel *channel =
		container_of(to_delayed_work(work), struct mq_channel, wills.work);
	LIST_HEAD(due);
	u64 next;

	mutex_lock(&channel->wills.lock);
	for (will_collect(channel, &due); !list_empty(&due); will_collect(channel, &due))
		mq_will_publish(channel, &due);
	next = will_next(channel);
	if (next != U64_MAX) {
		mq_channel_get(channel);
		/* Queued already, it will look at this one, too. */
		if (!queue_delayed_work(mq_workqueue, &channel->wills.work, mq_delay_until(next)))
			mq_channel_put(channel);
	}
	mutex_unlock(&channel->wills.lock);
	/* That of this run, perhaps the last one. */
	mq_channel_put(channel);
}
