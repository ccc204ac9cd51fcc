// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * How long a stopped holder stalls publishers, and how soon a will follows the
 * death of its publisher, beside what the kernel needs to tell of a death through
 * a pipe. Asserted is what is told, and in which order; times are printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <kselftest_harness.h>
#include "hold_test.h"

#define NAME "t-measure"
#define SLOTS 64U
#define ROUNDS_MAX 200U

FIXTURE(measure) {
	int publisher;
	int events;
	struct mqt_subscription reader;
	struct mqt_map map;
};

FIXTURE_SETUP(measure)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .overflow = MQ_OVERFLOW_BLOCK,
		.evict_after = 100, .claims = { "#" },
	};

	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, 0);
	ASSERT_LE(0, self->publisher);
	self->events = mqt_events_open();
	ASSERT_LE(0, self->events);
	/* Does not hold, and so delays nobody. */
	ASSERT_EQ(0, mqt_subscribe_to(&self->reader, NAME, 0, "will/#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->reader));
}

FIXTURE_TEARDOWN(measure)
{
	mqt_delete(NAME);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Prints the figures of a run; its median. */
static double show(const char *what, uint64_t *times, unsigned int count)
{
	qsort(times, count, sizeof(times[0]), compare);
	printf("# %s, %u rounds: median %.1f us, longest %.1f us\n", what, count,
	       times[count / 2] / 1e3, times[count - 1] / 1e3);
	fflush(stdout);
	return times[count / 2];
}

/* ---- a stopped holder --------------------------------------------------- */

static bool next_evicted(int events, struct mqt_reply *event)
{
	do {
		if (mqt_events_next(events, event))
			return false;
	} while (mqt_u32(&event->attrs, MQ_A_EVENT) != MQ_EVENT_EVICTED ||
		 strcmp(mqt_str(&event->attrs, MQ_A_NAME), NAME));
	return true;
}

/* Publishes @count records from @first on; the longest time one took, and where. */
static uint64_t publish_from(int fd, uint64_t first, unsigned int count, struct mq_publish *longest)
{
	uint64_t most = 0;
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct mq_publish record;
		uint64_t begin, took;

		mqt_record(&record, topic_of(first + i), "x", 1);
		begin = mqt_now();
		if (mqt_ioctl(fd, MQ_IOC_PUBLISH, &record) || record.sequence != first + i)
			return UINT64_MAX;
		took = mqt_now() - begin;
		if (took > most) {
			most = took;
			*longest = record;
		}
	}
	return most;
}

/* One holder's fate. How long the publish took that lacked space; and the others. */
static uint64_t stop_a_holder(struct __test_metadata *_metadata, FIXTURE_DATA(measure) * self,
			      struct stopped *holder, uint64_t *others)
{
	uint64_t first, oldest, fast, stall, after;
	struct mq_publish waited, unused;
	struct mqt_reply event;
	pid_t child = start_stopped(holder, NAME);
	int status;

	ASSERT_LT(0, child);
	first = holder->position;
	/* One of its own, or space that it does not need might come before it is old enough. */
	ASSERT_EQ(1U, first % 3);
	fast = publish_from(self->publisher, first, SLOTS, &unused);
	stall = publish_from(self->publisher, first + SLOTS, 1, &waited);
	after = publish_from(self->publisher, first + SLOTS + 1, 2 * SLOTS + 2 + 3 * (first % 5),
			     &unused);
	ASSERT_NE(UINT64_MAX, fast);
	ASSERT_NE(UINT64_MAX, stall);
	ASSERT_NE(UINT64_MAX, after);
	*others = fast > after ? fast : after;

	ASSERT_TRUE(next_evicted(self->events, &event));
	EXPECT_EQ(holder->id, mqt_u64(&event.attrs, MQ_A_SUBSCRIPTION_ID));
	EXPECT_EQ((uint32_t)child, mqt_u32(&event.attrs, MQ_A_PID));
	EXPECT_EQ(first, mqt_u64(&event.attrs, MQ_A_SEQUENCE));
	/* Told before the record went in that needed the space. */
	EXPECT_LE(mqt_u64(&event.attrs, MQ_A_TIME), waited.time);

	oldest = mqt_oldest(&self->map);
	kill(child, SIGCONT);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ((uint32_t)MQ_SUBSCRIPTION_EVICTED, holder->state);
	EXPECT_EQ(POLLIN | POLLPRI, holder->after);
	EXPECT_EQ(0, holder->error);
	EXPECT_EQ(0U, holder->resync.flags);
	EXPECT_EQ(oldest, holder->resync.position);
	EXPECT_EQ(oldest - first, holder->resync.passed);
	EXPECT_EQ(count_mine(first, oldest), holder->resync.missed);
	EXPECT_EQ(first, holder->status.evicted_at);
	EXPECT_EQ(oldest - first, holder->status.passed);
	EXPECT_EQ(count_mine(first, oldest), holder->status.missed);
	EXPECT_EQ(0U, holder->status.missed_at_most);
	return stall;
}

TEST_F(measure, the_stall_by_a_stopped_holder)
{
	unsigned int i, rounds = mqt_count(30);
	struct stopped *holder = mqt_shared(sizeof(*holder));
	uint64_t stalls[ROUNDS_MAX], others[ROUNDS_MAX];
	struct mq_info info;

	for (i = 0; i < rounds; i++) {
		memset(holder, 0, sizeof(*holder));
		stalls[i] = stop_a_holder(_metadata, self, holder, &others[i]);
	}
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(rounds, info.evicted);
	EXPECT_EQ(0U, info.refused);
	show("publish behind a stopped holder, evict-after 100 ms", stalls, rounds);
	show("the slowest of the publishes beside it", others, rounds);
}

/* ---- a will, and a pipe --------------------------------------------------- */

/* A thread that sleeps until there is something to read, and reads it. */
struct waiter {
	int fd;
	volatile pid_t tid;
	uint64_t done;
	int revents;
	ssize_t len;
	char text[256];
	pthread_t thread;
};

static void *wait_and_read(void *arg)
{
	struct waiter *waiter = arg;

	__atomic_store_n(&waiter->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	waiter->revents = mqt_poll(waiter->fd, POLLIN, -1);
	waiter->len = read(waiter->fd, waiter->text, sizeof(waiter->text));
	waiter->done = mqt_now();
	return NULL;
}

/* Kills a process that sleeps; how long until the waiter has read. */
static uint64_t kill_and_wait(struct waiter *waiter, int fd, pid_t victim)
{
	uint64_t begin;

	*waiter = (struct waiter){ .fd = fd };
	if (victim < 0 || pthread_create(&waiter->thread, NULL, wait_and_read, waiter))
		abort();
	mqt_wait_thread_in_call(&waiter->tid, SYS_poll);
	begin = mqt_now();
	kill(victim, SIGKILL);
	pthread_join(waiter->thread, NULL);
	waitpid(victim, NULL, 0);
	return waiter->done - begin;
}

/* Tells that it is ready, and sleeps. */
static void linger(int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_publisher(int ready, unsigned int round)
{
	pid_t child = fork();
	char text[16];
	int fd;

	if (child)
		return child;
	snprintf(text, sizeof(text), "%u", round);
	fd = mqt_publisher(NAME, 0);
	if (mqt_will_set(fd, 1, "will/last", text) || mqt_publish_str(fd, "alive", text))
		_exit(1);
	linger(ready);
	return 0;
}

static uint64_t death_by_will(struct __test_metadata *_metadata, FIXTURE_DATA(measure) * self,
			      unsigned int round)
{
	const struct mq_record *record;
	struct waiter waiter;
	uint64_t head, took;
	int ready[2];
	char text[32];
	pid_t child;

	ASSERT_EQ(0, pipe(ready));
	child = start_publisher(ready[1], round);
	ASSERT_EQ(1, read(ready[0], text, 1));
	head = mqt_head(&self->map);
	took = kill_and_wait(&waiter, self->reader.fd, child);
	EXPECT_EQ(POLLIN, waiter.revents);
	/* Right behind all else that it said. */
	record = (void *)waiter.text;
	snprintf(text, sizeof(text), "will/last%u", round);
	ASSERT_EQ((ssize_t)record->size, waiter.len);
	EXPECT_EQ(head, record->sequence);
	EXPECT_EQ(MQ_RECORD_WILL, record->flags);
	EXPECT_EQ(strlen(text), (size_t)record->topic_len + record->payload_len);
	EXPECT_EQ(0, memcmp(text, record + 1, strlen(text)));
	close(ready[0]);
	close(ready[1]);
	return took;
}

static uint64_t death_by_pipe(struct __test_metadata *_metadata)
{
	struct waiter waiter;
	uint64_t took;
	int line[2];
	char byte;
	pid_t child;

	ASSERT_EQ(0, pipe(line));
	child = fork();
	if (!child)
		linger(line[1]);
	close(line[1]);
	ASSERT_EQ(1, read(line[0], &byte, 1));
	took = kill_and_wait(&waiter, line[0], child);
	EXPECT_EQ(POLLHUP, waiter.revents);
	EXPECT_EQ(0, waiter.len);
	close(line[0]);
	return took;
}

TEST_F(measure, from_death_to_will)
{
	uint64_t will[ROUNDS_MAX], other[ROUNDS_MAX];
	unsigned int i, rounds = mqt_count(ROUNDS_MAX);
	struct mq_info info;
	double ratio;

	/* In turns: what else goes on disturbs both alike. */
	for (i = 0; i < rounds; i++) {
		other[i] = death_by_pipe(_metadata);
		will[i] = death_by_will(_metadata, self, i);
	}
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(0U, info.wills);
	EXPECT_EQ(0U, info.wills_lost);
	EXPECT_EQ(2U * rounds, info.published);
	ratio = 1 / show("from SIGKILL to the end of a pipe", other, rounds);
	ratio *= show("from SIGKILL to a will", will, rounds);
	printf("# a will takes %.2f times as long as the end of a pipe\n", ratio);
	fflush(stdout);
}

TEST_HARNESS_MAIN
