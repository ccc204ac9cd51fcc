/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Running into limits
 *
 * What the programs about limits share: two channels, calls that make one more of
 * something, and what has to come of one that is refused.
 */
#ifndef MQ_LIMITS_TEST_H
#define MQ_LIMITS_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "mq_test.h"

#define NAME "t-limits"
#define OTHER "t-limits-other"
#define SLOTS 64U
#define BYTES 65536U
#define RETAINED_MAX 3U
#define RETAINED_BYTES 1000U

static const char * const params[] = {
	"max_subscriptions", "max_publishers", "max_filters_per_subscription",
	"max_filters_per_channel", "max_filter_bytes", "max_wills_per_publisher",
	"max_subscriptions_per_user", "max_publishers_per_user", "max_filters_per_user",
	"max_wills_per_user",
};

/* What all tests here have. Descriptors above @events are closed at the end. */
struct stage {
	uint64_t params[ARRAY_SIZE(params)];
	uint64_t memory;
	int events;
	int node;
	int other;
	struct mqt_agent me;
	struct mqt_agent agent[3];
	char why[96];
};

static inline int set_up(struct stage *stage)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = BYTES, .overflow = MQ_OVERFLOW_REJECT,
		.retained_max = RETAINED_MAX, .retained_bytes_max = RETAINED_BYTES,
		.claims = { "r/#", "w/#" },
	};
	const struct mqt_config other = {
		.name = OTHER, .slots = SLOTS, .bytes = BYTES, .claims = { "v/#" },
	};
	unsigned int i;
	int error;

	mqt_delete(NAME);
	mqt_delete(OTHER);
	stage->memory = mqt_param("memory");
	error = mqt_create(&config) ?: mqt_create(&other);
	if (error)
		return error;
	for (i = 0; i < ARRAY_SIZE(params); i++)
		stage->params[i] = mqt_param(params[i]);
	stage->events = mqt_events_open();
	stage->node = mqt_node(NAME, O_RDWR);
	stage->other = mqt_node(OTHER, O_RDWR);
	if (stage->events < 0 || stage->node < 0 || stage->other < 0 ||
	    fcntl(stage->events, F_SETFL, O_NONBLOCK))
		return -EBADF;
	return 0;
}

/* Leaves nothing: the next test compares memory. */
static inline int tear_down(struct stage *stage)
{
	int error = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(params); i++)
		error = mqt_param_set(params[i], stage->params[i]) ?: error;
	for (i = 0; i < ARRAY_SIZE(stage->agent); i++)
		mqt_agent_end(&stage->agent[i]);
	mqt_delete(NAME);
	mqt_delete(OTHER);
	syscall(SYS_close_range, stage->events, ~0U, 0);
	mqt_wait_memory(stage->memory);
	return error;
}

/* ---- calls -------------------------------------------------------------- */

/* What it returns or -errno; -EPROTO: refused, but its argument has changed. */
static inline int call(int fd, unsigned long cmd, void *arg)
{
	char before[512];
	int result;

	memcpy(before, arg, _IOC_SIZE(cmd));
	result = mqt_ioctl(fd, cmd, arg);
	return result < 0 && memcmp(before, arg, _IOC_SIZE(cmd)) ? -EPROTO : result;
}

static inline int subscribe(int node)
{
	struct mq_subscribe args = { .flags = MQ_SUBSCRIBE_NONBLOCK };

	return call(node, MQ_IOC_SUBSCRIBE, &args);
}

static inline int open_publisher(int node)
{
	struct mq_publisher_new args = { .flags = MQ_PUBLISHER_NONBLOCK };

	return call(node, MQ_IOC_PUBLISHER, &args);
}

static inline int write_node(int node)
{
	return write(node, "x", 1) == 1 ? 0 : -errno;
}

/*
 * Filters, wills and values that are made have a number; so what is made or given
 * up next has a name, whichever process does it.
 */
static unsigned int made;

static inline const char *name(const char *prefix, unsigned int number)
{
	static char text[32];

	snprintf(text, sizeof(text), "%s/%d/%u", prefix, getpid(), number);
	return text;
}

static inline int count_made(int result)
{
	made += result >= 0;
	return result;
}

static inline int add_filter(int fd)
{
	struct mq_filter args = { .weight = 1 };

	args.filter = (uintptr_t)name("f", made + 1);
	args.filter_len = strlen(name("f", made + 1));
	return count_made(call(fd, MQ_IOC_FILTER_ADD, &args));
}

static inline int remove_filter(int fd)
{
	return mqt_filter_remove(fd, name("f", made));
}

static inline int set_will_of(int fd, const char *topic, uint32_t len, uint16_t flags)
{
	static char payload[BYTES];
	struct mq_will will;

	mqt_will(&will, made + 1, topic, payload, len);
	will.record_flags = flags;
	return count_made(call(fd, MQ_IOC_WILL_SET, &will));
}

static inline int set_will(int fd)
{
	return set_will_of(fd, "w/1", 1, 0);
}

static inline int set_will_of_other(int fd)
{
	return set_will_of(fd, "v/1", 1, 0);
}

static inline int set_large_will(int fd)
{
	return set_will_of(fd, "w/1", BYTES / 8, 0);
}

static inline int set_retained_will(int fd)
{
	return set_will_of(fd, name("w", made + 1), 1, MQ_RECORD_RETAIN);
}

static inline int clear_will(int fd)
{
	return mqt_will_clear(fd, 0, made) == 1 ? 0 : -errno;
}

static inline int retain_of(int fd, uint32_t len)
{
	static char payload[RETAINED_BYTES];
	struct mq_publish record;

	mqt_record(&record, name("r", made + 1), payload, len);
	record.flags = MQ_RECORD_RETAIN;
	return count_made(call(fd, MQ_IOC_PUBLISH, &record));
}

static inline int retain(int fd)
{
	return retain_of(fd, 1);
}

static inline int retain_half(int fd)
{
	return retain_of(fd, RETAINED_BYTES / 2);
}

static inline int close_fd(int fd)
{
	return close(fd);
}

/* How many went in before one was refused. */
static inline unsigned int repeat(int (*run)(int fd), int fd, unsigned int most)
{
	unsigned int count;

	for (count = 0; count < most; count++)
		if (run(fd) < 0)
			break;
	return count;
}

/* ---- what a refusal does ------------------------------------------------- */

/* What events said; of several the last. */
struct told {
	unsigned int count;
	uint32_t event, limit, uid, pid;
	uint64_t id;
};

static inline struct told take_events(const struct stage *stage, const char *channel)
{
	static struct mqt_reply event;
	struct told told = { };

	while (!mqt_events_next(stage->events, &event)) {
		if (strcmp(mqt_str(&event.attrs, MQ_A_NAME), channel))
			continue;
		told.count++;
		told.event = mqt_u32(&event.attrs, MQ_A_EVENT);
		told.limit = mqt_u32(&event.attrs, MQ_A_LIMIT);
		told.uid = mqt_u32(&event.attrs, MQ_A_UID);
		told.pid = mqt_u32(&event.attrs, MQ_A_PID);
		told.id = mqt_u64(&event.attrs, MQ_A_ID);
	}
	return told;
}

static inline const char *differs(struct stage *stage, const char *what, int64_t wanted,
				  int64_t seen)
{
	snprintf(stage->why, sizeof(stage->why), "%s: %lld, not %lld", what, (long long)seen,
		 (long long)wanted);
	return stage->why;
}

/* A call that is refused by a limit. Empty, or what is not as it should be. */
static inline const char *refused(struct stage *stage, const struct mqt_agent *who,
				  int (*run)(int fd), int fd, enum mq_limit limit, int error)
{
	struct mqt_state before, after;
	struct told told;
	int result;

	take_events(stage, NAME);
	if (mqt_state_get(NAME, &before))
		return "no state before";
	result = mqt_agent_ask(who, run, fd);
	if (mqt_state_get(NAME, &after))
		return "no state after";
	told = take_events(stage, NAME);
	if (result != -error)
		return differs(stage, "result", -error, result);
	before.info.refusals[limit]++;
	if (mqt_state_differs(&before, &after))
		return mqt_state_differs(&before, &after);
	if (told.count != 1 || told.event != MQ_EVENT_REFUSED)
		return differs(stage, "events", 1, told.count);
	if (told.id != before.info.id)
		return differs(stage, "id", before.info.id, told.id);
	if (told.limit != limit)
		return differs(stage, "limit", limit, told.limit);
	if (told.uid != who->uid)
		return differs(stage, "uid", who->uid, told.uid);
	if (told.pid != (uint32_t)(who->pid ?: getpid()))
		return differs(stage, "pid", who->pid ?: getpid(), told.pid);
	return "";
}

static inline uint64_t refusals(enum mq_limit limit)
{
	struct mq_info info;

	return mqt_info(NAME, &info) ? UINT64_MAX : info.refusals[limit];
}

#endif /* MQ_LIMITS_TEST_H */
