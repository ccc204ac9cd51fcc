// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Threads that wait: for space in a publish, or in poll(2). */
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "../mq_test.h"

static void *publish_one(void *arg)
{
	struct mqt_blocked *blocked = arg;

	__atomic_store_n(&blocked->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	blocked->result = mqt_ioctl(blocked->fd, MQ_IOC_PUBLISH, &blocked->record);
	__atomic_store_n(&blocked->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

void mqt_blocked_start(struct mqt_blocked *blocked, int fd, const char *topic)
{
	pid_t tid;

	*blocked = (struct mqt_blocked){ .fd = fd, .topic = topic };
	mqt_record(&blocked->record, topic, "b", 1);
	if (pthread_create(&blocked->thread, NULL, publish_one, blocked))
		abort();
	while (!(tid = __atomic_load_n(&blocked->tid, __ATOMIC_ACQUIRE)))
		sched_yield();
	while (!__atomic_load_n(&blocked->done, __ATOMIC_ACQUIRE) && !mqt_in_call(tid, SYS_ioctl))
		sched_yield();
}

int mqt_blocked_join(struct mqt_blocked *blocked)
{
	pthread_join(blocked->thread, NULL);
	return blocked->result;
}

static void *poll_one(void *arg)
{
	struct mqt_poller *poller = arg;

	__atomic_store_n(&poller->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	poller->revents = mqt_poll(poller->fd, poller->events, -1);
	return NULL;
}

void mqt_poller_start(struct mqt_poller *poller, int fd, short events)
{
	*poller = (struct mqt_poller){ .fd = fd, .events = events };
	if (pthread_create(&poller->thread, NULL, poll_one, poller))
		abort();
	mqt_wait_thread_in_call(&poller->tid, SYS_poll);
}

int mqt_poller_join(struct mqt_poller *poller)
{
	pthread_join(poller->thread, NULL);
	return poller->revents;
}
