/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Holders
 *
 * What the programs about those who hold the ring share: a full ring, and holders
 * that are processes of their own, to be killed or to be stopped.
 */
#ifndef MQ_HOLD_TEST_H
#define MQ_HOLD_TEST_H

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "mq_test.h"

/* Publishes so many records, or until there is no space: how many went in. */
static inline unsigned int fill(int fd, const char *topic, unsigned int most)
{
	unsigned int count = 0;

	while (count < most && !mqt_publish_str(fd, topic, "x"))
		count++;
	return count;
}

static inline uint64_t refused_count(const char *name)
{
	struct mq_info info;

	return mqt_info(name, &info) ? UINT64_MAX : info.refused;
}

/* A process that holds what matches until it is killed; -1: it does not. */
static inline pid_t start_holder(const char *name, const char *filter)
{
	struct mqt_subscription holder;
	int ready[2];
	pid_t child;
	char byte;

	if (pipe(ready))
		return -1;
	child = fork();
	if (!child) {
		if (mqt_subscribe_to(&holder, name, MQ_SUBSCRIBE_HOLD, filter) ||
		    write(ready[1], "!", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	return read(ready[0], &byte, 1) == 1 ? child : -1;
}

/* ---- a holder that is stopped --------------------------------------------- */

/*
 * What it found out.
 * @before: its events before it stopped
 * @state, @evicted_at: in its status page when it went on, before any call
 * @after: its events then
 * @error: of the resync
 * @status: the page at the end
 */
struct stopped {
	uint64_t id, position;
	short before, after;
	uint32_t state;
	uint64_t evicted_at;
	int error;
	struct mq_resync resync;
	struct mq_status status;
};

static inline void be_stopped(struct stopped *stopped, const char *name)
{
	struct mqt_subscription holder;
	struct mqt_map map;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mqt_subscribe_to(&holder, name, MQ_SUBSCRIBE_HOLD, "mine/#") || mqt_map(&map, &holder))
		_exit(1);
	stopped->position = holder.position;
	stopped->before = mqt_poll(holder.fd, POLLIN | POLLPRI, 0);
	stopped->id = holder.id;
	raise(SIGSTOP);
	stopped->state = __atomic_load_n(&map.status->state, __ATOMIC_ACQUIRE);
	stopped->evicted_at = map.status->evicted_at;
	stopped->after = mqt_poll(holder.fd, POLLIN | POLLPRI, -1);
	stopped->error = mqt_resync(holder.fd, &stopped->resync);
	stopped->status = *map.status;
	/* It has taken notice. */
	_exit(mqt_poll(holder.fd, POLLPRI, 0) ? 2 : 0);
}

/* A process that holds and is stopped, in shared memory; -1: it is not. */
static inline pid_t start_stopped(struct stopped *stopped, const char *name)
{
	pid_t child = fork();
	int status;

	if (!child)
		be_stopped(stopped, name);
	return waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) ? child : -1;
}

/* What record @sequence is published on: two of three match the stopped one. */
static inline const char *topic_of(uint64_t sequence)
{
	return sequence % 3 ? "mine/x" : "other";
}

static inline uint64_t count_mine(uint64_t from, uint64_t to)
{
	uint64_t count = 0;

	for (; from < to; from++)
		count += *topic_of(from) == 'm';
	return count;
}

#endif /* MQ_HOLD_TEST_H */
