// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The ioctls: their arguments, and what must come of them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "kfuzz.h"

void kf_poison(void *field, size_t size)
{
	memset(field, MQT_POISON, size);
}

#define POISON(field) kf_poison(&(field), sizeof(field))

/* A size for results, small or large. */
static uint32_t out_size(uint16_t v)
{
	uint32_t size = v & 0x100 ? 65536 : kf_length(v & 0xff) * 8;

	return size < KF_OUT ? size : KF_OUT;
}

/* ---- nodes -------------------------------------------------------------- */

static void build_info(struct kf_thread *t, const struct kf_insn *insn, void *args)
{
	struct mq_info *info = args;

	info->claims_size = kf_length(insn->a);
	if (info->claims_size > 4096)
		info->claims_size = 4096;
	POISON(info->id);
	memset(&info->generation, MQT_POISON,
	       offsetof(struct mq_info, reserved) - offsetof(struct mq_info, generation));
	info->claims = (uintptr_t)kf_pointer(t, kf_bad(insn, KF_BAD_TOPIC),
					     kf_out(t, info->claims_size), info->claims_size);
	if (!t->wild)
		kf_poison(t->out, info->claims_size);
}

static void check_info(struct kf_thread *t, const struct kf_insn *insn, const void *before,
		       const void *after)
{
	const struct mq_info *old = before, *info = after;

	(void)insn;
	if (info->first > info->oldest || info->oldest > info->head ||
	    info->published != info->head - info->first ||
	    info->overwritten != info->oldest - info->first)
		kf_finding("first %" PRIu64 ", oldest %" PRIu64 ", head %" PRIu64
			   ", published %" PRIu64 ", overwritten %" PRIu64,
			   (uint64_t)info->first, (uint64_t)info->oldest, (uint64_t)info->head,
			   (uint64_t)info->published, (uint64_t)info->overwritten);
	if (info->state > MQ_CHANNEL_DEAD || info->overflow > MQ_OVERFLOW_BLOCK ||
	    info->slots < MQ_SLOTS_MIN || info->head - info->oldest > info->slots ||
	    !memchr(info->name, 0, sizeof(info->name)))
		kf_finding("%s: state %u, overflow %u, slots %u", info->name, info->state,
			   info->overflow, info->slots);
	kf_told_head(info->head);
	if (t->wild)
		return;
	/* All of them or nothing. */
	kf_out_check(t, info->claims_size <= old->claims_size ? info->claims_size : 0);
	if (info->claims_size <= old->claims_size &&
	    (t->out[info->claims_size - 1] || strcmp((char *)t->out, info->name)))
		kf_finding("%s: the claims are no text or lack the name", info->name);
}

static void build_subscribe(struct kf_thread *t, const struct kf_insn *insn, void *args)
{
	struct mq_subscribe *subscribe = args;

	subscribe->flags = insn->a & MQ_SUBSCRIBE_HOLD;
	/* Most do not wait: what waits, waits until it is interrupted. */
	if (insn->a < 128)
		subscribe->flags |= MQ_SUBSCRIBE_NONBLOCK;
	subscribe->start = insn->b < 192 ? insn->b % 3 : insn->b;
	if (subscribe->start == MQ_START_SEQUENCE || insn->b > 250)
		subscribe->sequence = kf_value(insn->c);
	POISON(subscribe->id);
	POISON(subscribe->position);
	POISON(subscribe->ring_size);
	if (subscribe->start > MQ_START_SEQUENCE ||
	    (subscribe->sequence && subscribe->start != MQ_START_SEQUENCE))
		t->refusal = "a start that there is not";
	if (t->slot.kind == KF_NODE && t->slot.mode == O_WRONLY)
		t->refusal = "a node that is not open for reading";
}

static void check_subscribe(struct kf_thread *t, const struct kf_insn *insn, const void *before,
			    const void *after)
{
	const struct mq_subscribe *subscribe = after;

	(void)t;
	(void)insn;
	(void)before;
	if (!subscribe->position || subscribe->position >= 1ULL << 63 ||
	    subscribe->ring_size % 4096 || subscribe->ring_size > 1ULL << 40 ||
	    subscribe->id >= 1ULL << 63)
		kf_finding("subscription %" PRIu64 " at %" PRIu64 ", ring of %" PRIu64,
			   (uint64_t)subscribe->id, (uint64_t)subscribe->position,
			   (uint64_t)subscribe->ring_size);
	kf_told_head(subscribe->position);
}

static void build_publisher(struct kf_thread *t, const struct kf_insn *insn, void *args)
{
	struct mq_publisher_new *publisher = args;

	publisher->flags = insn->a < 192 ? MQ_PUBLISHER_NONBLOCK : 0;
	publisher->timeout_ms = insn->b < 128 ? 0 : kf_length(insn->b - 128);
	POISON(publisher->id);
	if (t->slot.kind == KF_NODE && t->slot.mode == O_RDONLY)
		t->refusal = "a node that is not open for writing";
}

static void check_publisher(struct kf_thread *t, const struct kf_insn *insn, const void *before,
			    const void *after)
{
	const struct mq_publisher_new *publisher = after;

	(void)t;
	(void)insn;
	(void)before;
	if (!publisher->id || publisher->id >= 1ULL << 63)
		kf_finding("publisher %" PRIu64, (uint64_t)publisher->id);
	kf_state.publisher = publisher->id;
}

/* A filter in memory of its own; @t->refusal if it is none. */
static void *copy_filter(struct kf_thread *t, const struct kf_insn *insn, unsigned int which,
			 uint32_t *len)
{
	struct kf_text filter = kf_filter(which);
	unsigned int bad = kf_bad(insn, KF_BAD_TOPIC);
	void *copy = kf_alloc(t, filter.len + 1);

	if (copy)
		memcpy(copy, filter.text, filter.len);
	else
		filter.len = 0;
	*len = filter.len;
	if (!filter.valid || !filter.len)
		t->refusal = "not a filter";
	if (bad >= 6)
		t->refusal = NULL;
	else if (bad && filter.len)
		t->refusal = "a filter that is nowhere";
	return kf_pointer(t, bad, copy, filter.len);
}

static void build_retained(struct kf_thread *t, const struct kf_insn *insn, void *args)
{
	struct mq_retained *retained = args;
	uint32_t len;

	retained->filter = (uintptr_t)copy_filter(t, insn, insn->a % KF_FILTERS, &len);
	retained->filter_len = len;
	retained->after = insn->b < 128 ? 0 : kf_value(insn->b);
	retained->before = insn->c < 128 ? 0 : kf_value(insn->c);
	retained->buffer_size = out_size(insn->v);
	retained->buffer = (uintptr_t)kf_pointer(t, kf_bad(insn, KF_BAD_PAYLOAD),
						 kf_out(t, retained->buffer_size),
						 retained->buffer_size);
	POISON(retained->count);
	POISON(retained->more);
	if (t->slot.kind == KF_NODE && t->slot.mode == O_WRONLY)
		t->refusal = "a node that is not open for reading";
}

/* That the listed values are between the bounds and match. */
static void check_listed(const struct mq_retained *old, const uint8_t *buffer, size_t len)
{
	const char *filter = (void *)(uintptr_t)old->filter;
	size_t at;

	for (at = 0; at < len;) {
		const struct mq_record *record = (const void *)(buffer + at);

		if (!mq_topic_match(filter, old->filter_len, (const char *)(record + 1),
				    record->topic_len))
			kf_finding("a retained value is listed that does not match");
		if (record->sequence <= old->after ||
		    (old->before && record->sequence >= old->before))
			kf_finding("retained value %" PRIu64 " is not in (%" PRIu64 ", %" PRIu64
				   ")", (uint64_t)record->sequence, (uint64_t)old->after,
				   (uint64_t)old->before);
		if (!(record->flags & MQ_RECORD_RETAIN))
			kf_finding("a retained value without the flag");
		kf_state.retained = record->sequence;
		at += record->size;
	}
}

static void check_retained(struct kf_thread *t, const struct kf_insn *insn, const void *before,
			   const void *after)
{
	const struct mq_retained *old = before, *retained = after;

	(void)insn;
	if (retained->buffer_size > old->buffer_size || retained->more > 1 ||
	    retained->after < old->after)
		kf_finding("a listing of %u bytes in %u, more %u, after %" PRIu64 " came %" PRIu64,
			   retained->buffer_size, old->buffer_size, retained->more,
			   (uint64_t)old->after, (uint64_t)retained->after);
	if (t->wild)
		return;
	kf_out_check(t, old->buffer_size);
	if (kf_check_records(t->out, retained->buffer_size, NULL) != retained->count)
		kf_finding("a listing that counts %u", retained->count);
	else
		check_listed(old, t->out, retained->buffer_size);
}

static bool changed_size(const void *before, const void *after, size_t at, size_t size)
{
	uint8_t copy[KF_ARGS_MAX];

	memcpy(copy, before, size);
	memcpy(copy + at, (const uint8_t *)after + at, sizeof(uint32_t));
	return !memcmp(copy, after, size);
}

static bool changed_retained(const void *before, const void *after, int error)
{
	return error == EMSGSIZE &&
	       changed_size(before, after, offsetof(struct mq_retained, buffer_size),
			    sizeof(struct mq_retained));
}

static void build_publisher_info(struct kf_thread *t, const struct kf_insn *insn, void *args)
{
	struct mq_publisher_info *info = args;

	info->label_size = kf_length(insn->b) & 0xfff;
	info->label = (uintptr_t)kf_pointer(t, kf_bad(insn, KF_BAD_TOPIC),
					    kf_out(t, info->label_size), info->label_size);
	if (!t->wild)
		kf_poison(t->out, info->label_size);
	info->id = insn->a < 128 ? kf_state.publisher : kf_value(insn->a);
	memset(&info->pid, MQT_POISON, offsetof(struct mq_publisher_info, reserved) -
				       offsetof(struct mq_publisher_info, pid));
	if (t->slot.kind == KF_NODE && t->slot.mode == O_WRONLY)
		t->refusal = "a node that is not open for reading";
}

static void check_publisher_info(struct kf_thread *t, const struct kf_insn *insn,
				 const void *before, const void *after)
{
	const struct mq_publisher_info *old = before, *info = after;

	(void)insn;
	if (info->id != old->id || info->state > MQ_PUBLISHER_CLOSED ||
	    info->pid > 1U << 22 || info->started >= 1ULL << 63 || info->last >= 1ULL << 63)
		kf_finding("publisher %" PRIu64 " in state %u, process %u", (uint64_t)info->id,
			   info->state, info->pid);
	if (!t->wild)
		kf_out_check(t, info->label_size <= old->label_size ? info->label_size : 0);
}

/* ---- publishers --------------------------------------------------------- */

static void build_will_clear(struct kf_thread *t, const struct kf_insn *insn, void *args)
{
	struct mq_will_clear *clear = args;

	clear->flags = insn->a & (MQ_WILL_ALL | MQ_WILL_PUBLISH);
	clear->id = insn->b % 8 < 4 && clear->flags & MQ_WILL_ALL ? 0 : insn->b % 4;
	POISON(clear->count);
	if (clear->flags & MQ_WILL_ALL && clear->id)
		t->refusal = "all wills and one of them";
}

static void check_will_clear(struct kf_thread *t, const struct kf_insn *insn, const void *before,
			     const void *after)
{
	const struct mq_will_clear *clear = after;

	(void)t;
	(void)insn;
	(void)before;
	if (clear->count > 65536)
		kf_finding("%u wills cleared", clear->count);
}

/* ---- subscriptions ------------------------------------------------------ */

static void build_filter(struct kf_thread *t, const struct kf_insn *insn, void *args)
{
	unsigned int which = insn->a < 208 ? insn->a % KF_FILTERS : KF_FILTERS + insn->v;
	struct kf_sub *sub = kf_sub_of(t->slot);
	struct mq_filter *filter = args;
	uint32_t len;

	filter->filter = (uintptr_t)copy_filter(t, insn, which, &len);
	filter->filter_len = len;
	if (insn->op == KF_FILTER_ADD)
		filter->weight = insn->b < 128 ? 1 : kf_value(insn->b);
	POISON(filter->sequence);
	if (sub && insn->op == KF_FILTER_ADD)
		__atomic_fetch_or(&sub->filters, 1ULL << (which >= KF_FILTERS || t->wild ? 63 :
							  which), __ATOMIC_RELAXED);
}

static void check_filter(struct kf_thread *t, const struct kf_insn *insn, const void *before,
			 const void *after)
{
	const struct mq_filter *filter = after;

	(void)t;
	(void)insn;
	(void)before;
	if (!filter->sequence || filter->sequence >= 1ULL << 63)
		kf_finding("a filter in force from %" PRIu64, (uint64_t)filter->sequence);
	kf_told_head(filter->sequence);
}

static void build_resync(struct kf_thread *t, const struct kf_insn *insn, void *args)
{
	struct mq_resync *resync = args;

	(void)t;
	(void)insn;
	POISON(resync->position);
	POISON(resync->passed);
	POISON(resync->missed);
}

static void check_resync(struct kf_thread *t, const struct kf_insn *insn, const void *before,
			 const void *after)
{
	const struct kf_sub *sub = kf_sub_of(t->slot);
	const struct mq_resync *resync = after;

	(void)insn;
	(void)before;
	if (resync->flags & ~MQ_RESYNC_AT_MOST || resync->missed > resync->passed ||
	    resync->passed > resync->position)
		kf_finding("resync: flags %#x, at %" PRIu64 ", passed %" PRIu64 ", missed %" PRIu64,
			   resync->flags, (uint64_t)resync->position, (uint64_t)resync->passed,
			   (uint64_t)resync->missed);
	/* Who holds loses nothing, unless the administrator wills it. */
	if (sub && sub->flags & MQ_SUBSCRIBE_HOLD && sub->start != MQ_START_SEQUENCE &&
	    resync->passed && !kf_state.purged && !kf_state.evicting)
		kf_finding("%" PRIu64 " records went by one who holds", (uint64_t)resync->passed);
}

static void build_receive(struct kf_thread *t, const struct kf_insn *insn, void *args)
{
	struct mq_receive *receive = args;

	receive->flags = insn->a < 240 ? 0 : MQ_RECEIVE_WAIT;
	receive->buffer_size = out_size(insn->v);
	receive->buffer = (uintptr_t)kf_pointer(t, kf_bad(insn, KF_BAD_PAYLOAD),
						kf_out(t, receive->buffer_size),
						receive->buffer_size);
	POISON(receive->count);
	POISON(receive->position);
	POISON(receive->passed);
	POISON(receive->missed);
	if (receive->flags && t->by_ring < 0)
		t->refusal = "an ioctl that is to wait";
}

static void check_receive(struct kf_thread *t, const struct kf_insn *insn, const void *before,
			  const void *after)
{
	const struct mq_receive *old = before, *receive = after;

	(void)insn;
	if (receive->buffer_size > old->buffer_size || receive->missed > receive->passed ||
	    receive->position >= 1ULL << 63)
		kf_finding("received %u bytes in %u, at %" PRIu64 ", passed %" PRIu64
			   ", missed %" PRIu64, receive->buffer_size, old->buffer_size,
			   (uint64_t)receive->position, (uint64_t)receive->passed,
			   (uint64_t)receive->missed);
	if (t->wild)
		return;
	kf_out_check(t, old->buffer_size);
	if (kf_check_records(t->out, receive->buffer_size, kf_sub_of(t->slot)) != receive->count)
		kf_finding("received what counts %u", receive->count);
}

static bool changed_receive(const void *before, const void *after, int error)
{
	return error == EMSGSIZE &&
	       changed_size(before, after, offsetof(struct mq_receive, buffer_size),
			    sizeof(struct mq_receive));
}

static void build_ack(struct kf_thread *t, const struct kf_insn *insn, void *args)
{
	struct mq_ack *ack = args;

	(void)t;
	ack->position = kf_value(insn->a);
}

static void build_nothing(struct kf_thread *t, const struct kf_insn *insn, void *args)
{
	(void)t;
	(void)insn;
	(void)args;
}

#define RESERVED(type) offsetof(struct type, reserved)

const struct kf_call kf_calls[KF_CALLS] = {
	{ KF_INFO, KF_NODE, KF_NODE, MQ_IOC_INFO, RESERVED(mq_info), 0x80,
	  { EINVAL, ENOMEM }, build_info, check_info, NULL },
	{ KF_SUBSCRIBE, KF_NODE, KF_NODE, MQ_IOC_SUBSCRIBE, RESERVED(mq_subscribe), 0x80,
	  { EACCES, EINVAL, ERANGE, EUSERS, EDQUOT, ENOBUFS, EMFILE, ENFILE, ENOMEM },
	  build_subscribe, check_subscribe, NULL },
	{ KF_PUBLISHER, KF_NODE, KF_NODE, MQ_IOC_PUBLISHER, RESERVED(mq_publisher_new), 0x80,
	  { EACCES, EINVAL, EUSERS, EDQUOT, EMFILE, ENFILE, ENOMEM },
	  build_publisher, check_publisher, NULL },
	{ KF_RETAINED, KF_NODE, KF_NODE, MQ_IOC_RETAINED, RESERVED(mq_retained), 0x80,
	  { EACCES, EINVAL, EMSGSIZE, ENOMEM },
	  build_retained, check_retained, changed_retained },
	{ KF_PUBLISHER_INFO, KF_NODE, KF_SUB, MQ_IOC_PUBLISHER_INFO,
	  RESERVED(mq_publisher_info), 0x80, { EACCES, EINVAL, ENOENT, ENOMEM },
	  build_publisher_info, check_publisher_info, NULL },
	{ KF_PUBLISH, KF_PUB, KF_PUB, MQ_IOC_PUBLISH, offsetof(struct mq_publish, reserved0), 0x40,
	  { EINVAL, EMSGSIZE, ESTALE, EAGAIN, ETIMEDOUT, EDQUOT, ENOMEM, EINTR },
	  kf_build_publish, kf_check_publish, kf_changed_publish },
	{ KF_BATCH, KF_PUB, KF_PUB, MQ_IOC_PUBLISH_BATCH, RESERVED(mq_publish_batch), 0x80,
	  { EINVAL, E2BIG, EINTR }, kf_build_batch, kf_check_batch, NULL },
	{ KF_WILL_SET, KF_PUB, KF_PUB, MQ_IOC_WILL_SET, RESERVED(mq_will), 0x80,
	  { EINVAL, EMSGSIZE, ESTALE, EDQUOT, EMFILE, ERANGE, EAGAIN, ENOMEM, EINTR },
	  kf_build_will, NULL, NULL },
	{ KF_WILL_CLEAR, KF_PUB, KF_PUB, MQ_IOC_WILL_CLEAR, RESERVED(mq_will_clear), 0x80,
	  { EINVAL, ENOENT, EINTR }, build_will_clear, check_will_clear, NULL },
	{ KF_FILTER_ADD, KF_SUB, KF_SUB, MQ_IOC_FILTER_ADD, RESERVED(mq_filter), 0x80,
	  { EINVAL, E2BIG, EMFILE, ENFILE, EDQUOT, ENOMEM, EINTR },
	  build_filter, check_filter, NULL },
	{ KF_FILTER_REMOVE, KF_SUB, KF_SUB, MQ_IOC_FILTER_REMOVE, RESERVED(mq_filter), 0x80,
	  { EINVAL, E2BIG, ENOENT, ENOMEM, EINTR }, build_filter, check_filter, NULL },
	{ KF_RESYNC, KF_SUB, KF_SUB, MQ_IOC_RESYNC, RESERVED(mq_resync), 0x80,
	  { EINVAL, EINTR }, build_resync, check_resync, NULL },
	{ KF_KICK, KF_SUB, KF_SUB, MQ_IOC_KICK, 0, 0, { 0 }, build_nothing, NULL, NULL },
	{ KF_RECEIVE, KF_SUB, KF_SUB, MQ_IOC_RECEIVE, RESERVED(mq_receive), 0x80,
	  { EINVAL, EAGAIN, EBUSY, EMSGSIZE, EINTR },
	  build_receive, check_receive, changed_receive },
	{ KF_ACK, KF_SUB, KF_SUB, MQ_IOC_ACK, offsetof(struct mq_ack, reserved0), 0x80,
	  { EINVAL }, build_ack, NULL, NULL },
};

const struct kf_call *kf_call_of(unsigned int op)
{
	unsigned int i;

	for (i = 0; i < KF_CALLS; i++)
		if (kf_calls[i].op == op)
			return &kf_calls[i];
	abort();
}

bool kf_errno_known(const struct kf_call *call, int error)
{
	unsigned int i;

	/* What every call may say. */
	if (error == EFAULT || error == ENOTTY || error == ENODEV || error == EBADF)
		return true;
	for (i = 0; call->errnos[i]; i++)
		if (call->errnos[i] == error)
			return true;
	return false;
}
