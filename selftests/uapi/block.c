// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* A channel that blocks: who waits for space, until when, and what ends it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <kselftest_harness.h>
#include "hold_test.h"

#define NAME "t-block"
#define SLOTS 64U
#define ENOUGH (SLOTS / 16)
#define BATCH 10U

FIXTURE(block) {
	int publisher;
	struct mqt_subscription holder;
	struct mqt_map map;
	struct mqt_blocked blocked;
	struct mq_publish record[BATCH];
	struct mq_publish before[BATCH];
	struct mq_publish_batch batch;
	int batch_result;
	volatile pid_t batch_tid;
};

static void ignore(int signal)
{
	(void)signal;
}

FIXTURE_SETUP(block)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .overflow = MQ_OVERFLOW_BLOCK,
		.claims = { "#" },
	};
	/* Calls are not restarted, whatever the handler asks for. */
	struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, 0);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->holder, NAME, MQ_SUBSCRIBE_HOLD, "a/#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->holder));
}

FIXTURE_TEARDOWN(block)
{
	mqt_delete(NAME);
}

/* A full ring, and a publish that waits for space in it. */
static void block(FIXTURE_DATA(block) * self)
{
	if (fill(self->publisher, "a/x", SLOTS) == SLOTS)
		mqt_blocked_start(&self->blocked, self->publisher, "a/x");
}

/* Only the result of a refusal has an errno, and nothing else changed. */
static bool only_refused(const struct mq_publish *record)
{
	struct mq_publish before;

	mqt_record(&before, "", "", 0);
	return !memcmp(&before.result, &record->result,
		       sizeof(before) - offsetof(struct mq_publish, result));
}

TEST_F(block, without_a_holder_the_oldest_go)
{
	mqt_unmap(&self->map);
	close(self->holder.fd);
	EXPECT_EQ(3 * SLOTS, fill(self->publisher, "a/x", 3 * SLOTS));
}

TEST_F(block, what_never_matches_holds_nothing)
{
	EXPECT_EQ(3 * SLOTS, fill(self->publisher, "b", 3 * SLOTS));
	EXPECT_EQ(0U, refused_count(NAME));
}

TEST_F(block, it_waits_for_one_record)
{
	block(self);
	EXPECT_FALSE(self->blocked.done);
	EXPECT_NE(0U, self->map.header->space_wanted);
	EXPECT_EQ(SLOTS + 1, mqt_head(&self->map));
	/* Nobody kicks, and less becomes free than EPOLLOUT would need. */
	__atomic_store_n(&self->map.control->cursor, 2, __ATOMIC_RELEASE);
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
	EXPECT_EQ(SLOTS + 1, self->blocked.record.sequence);
	EXPECT_EQ(SLOTS + 2, mqt_head(&self->map));
	/* It waited; nothing was refused. */
	EXPECT_EQ(0U, refused_count(NAME));
}

TEST_F(block, a_kick_makes_it_sooner)
{
	block(self);
	mqt_advance(&self->map, self->holder.fd, 1 + ENOUGH, ENOUGH);
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
	EXPECT_EQ(0U, self->map.header->space_wanted);
}

TEST_F(block, the_holder_reads)
{
	uint64_t buffer[8192];

	block(self);
	EXPECT_EQ(SLOTS * 48, read(self->holder.fd, buffer, sizeof(buffer)));
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
}

TEST_F(block, the_holder_closes)
{
	block(self);
	mqt_unmap(&self->map);
	close(self->holder.fd);
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
}

TEST_F(block, the_holder_dies)
{
	pid_t holder = start_holder(NAME, "c");
	int status;

	ASSERT_LT(0, holder);
	ASSERT_EQ(SLOTS, fill(self->publisher, "c", SLOTS));
	mqt_blocked_start(&self->blocked, self->publisher, "c");
	EXPECT_FALSE(self->blocked.done);
	kill(holder, SIGKILL);
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
	EXPECT_EQ(holder, waitpid(holder, &status, 0));
}

TEST_F(block, the_holder_drops_its_filter)
{
	block(self);
	ASSERT_EQ(0, mqt_filter_remove(self->holder.fd, "a/#"));
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
}

TEST_F(block, a_purge_gives_space)
{
	block(self);
	ASSERT_EQ(0, mqt_purge(NAME));
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
	EXPECT_EQ(SLOTS + 1, mqt_oldest(&self->map));
}

TEST_F(block, a_large_record_waits_for_its_bytes)
{
	static char large[16384 - MQ_BYTES_ALIGN];
	struct mqt_blocked blocked;
	unsigned int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, mqt_publish(self->publisher, "a/x", large, sizeof(large)));
	mqt_blocked_start(&blocked, self->publisher, "a/x");
	/* One that needs none of them goes in. */
	EXPECT_EQ(0, mqt_blocked_join(&blocked));
	mqt_record(&blocked.record, "a/x", large, sizeof(large));
	EXPECT_EQ(0, fcntl(self->publisher, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(EAGAIN, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &blocked.record));
	EXPECT_EQ(0, fcntl(self->publisher, F_SETFL, 0));
	__atomic_store_n(&self->map.control->cursor, 2, __ATOMIC_RELEASE);
	EXPECT_EQ(0, mqt_publish(self->publisher, "a/x", large, sizeof(large)));
}

TEST_F(block, not_with_o_nonblock)
{
	int nonblock = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	struct mq_publish record;

	ASSERT_LE(0, nonblock);
	ASSERT_EQ(SLOTS, fill(nonblock, "a/x", SLOTS));
	mqt_record(&record, "a/x", "x", 1);
	EXPECT_EQ(EAGAIN, mqt_refusal(nonblock, MQ_IOC_PUBLISH, &record));
	EXPECT_EQ(1U, refused_count(NAME));
	EXPECT_EQ(0, mqt_poll(nonblock, POLLOUT, 0));
	/* What counts is the flag when the call is made. */
	ASSERT_EQ(0, fcntl(nonblock, F_SETFL, 0));
	mqt_blocked_start(&self->blocked, nonblock, "a/x");
	EXPECT_FALSE(self->blocked.done);
	mqt_advance(&self->map, self->holder.fd, SLOTS + 1, SLOTS);
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
	ASSERT_EQ(SLOTS - 1, fill(self->publisher, "a/x", SLOTS - 1));
	ASSERT_EQ(0, fcntl(self->publisher, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(EAGAIN, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	EXPECT_EQ(2U, refused_count(NAME));
}

/* The next event of that kind. */
static uint64_t wait_event(int events, uint32_t kind)
{
	static struct mqt_reply event;

	do {
		if (mqt_events_next(events, &event))
			return 0;
	} while (mqt_u32(&event.attrs, MQ_A_EVENT) != kind);
	return mqt_u64(&event.attrs, MQ_A_TIME);
}

TEST_F(block, o_nonblock_does_not_wait_behind_who_waits)
{
	int events = mqt_events_open();
	struct mqt_blocked behind;
	struct mq_publish record;

	ASSERT_LE(0, events);
	block(self);
	/* It waits for space by now, and not only for a lock. */
	ASSERT_NE(0U, wait_event(events, MQ_EVENT_FULL));
	mqt_blocked_start(&behind, self->publisher, "a/x");
	ASSERT_EQ(0, fcntl(self->publisher, F_SETFL, O_NONBLOCK));
	mqt_record(&record, "a/x", "x", 1);
	EXPECT_EQ(EAGAIN, mqt_refusal(self->publisher, MQ_IOC_PUBLISH, &record));
	EXPECT_FALSE(behind.done);
	/* A signal ends the wait for another thread as well. */
	ASSERT_EQ(0, pthread_kill(behind.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, mqt_blocked_join(&behind));
	EXPECT_TRUE(only_refused(&behind.record));
	EXPECT_FALSE(self->blocked.done);
	mqt_advance(&self->map, self->holder.fd, SLOTS, SLOTS - 1);
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
}

TEST_F(block, until_the_timeout)
{
	int hasty = mqt_publisher_timeout(NAME, 0, 20);
	struct mq_publish record;
	uint64_t before;

	ASSERT_LE(0, hasty);
	ASSERT_EQ(SLOTS, fill(hasty, "a/x", SLOTS));
	mqt_record(&record, "a/x", "x", 1);
	before = mqt_now();
	EXPECT_EQ(ETIMEDOUT, mqt_refusal(hasty, MQ_IOC_PUBLISH, &record));
	/* Never sooner. */
	EXPECT_LE(20000000U, mqt_now() - before);
	EXPECT_EQ(1U, refused_count(NAME));
	EXPECT_EQ(SLOTS + 1, mqt_head(&self->map));
	/* What became free without anybody being told is found at the latest then. */
	__atomic_store_n(&self->map.control->cursor, 2, __ATOMIC_RELEASE);
	EXPECT_EQ(0, mqt_publish_str(hasty, "a/x", "x"));
	/* O_NONBLOCK does not wait for a timeout. */
	ASSERT_EQ(0, fcntl(hasty, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(EAGAIN, mqt_refusal(hasty, MQ_IOC_PUBLISH, &record));
}

TEST_F(block, a_long_timeout_is_not_a_short_one)
{
	int patient = mqt_publisher_timeout(NAME, 0, UINT32_MAX);

	ASSERT_LE(0, patient);
	ASSERT_EQ(SLOTS, fill(patient, "a/x", SLOTS));
	mqt_blocked_start(&self->blocked, patient, "a/x");
	EXPECT_FALSE(self->blocked.done);
	mqt_advance(&self->map, self->holder.fd, SLOTS, SLOTS - 1);
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
}

TEST_F(block, a_timeout_is_for_channels_that_block)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "#" },
	};
	int publisher;

	ASSERT_EQ(0, mqt_create(&config));
	publisher = mqt_publisher_timeout(NAME, 0, UINT32_MAX);
	ASSERT_LE(0, publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->holder, NAME, MQ_SUBSCRIBE_HOLD, "a/#"));
	ASSERT_EQ(SLOTS, fill(publisher, "a/x", SLOTS));
	EXPECT_EQ(-EAGAIN, mqt_publish_str(publisher, "a/x", "x"));
}

TEST_F(block, until_a_signal)
{
	block(self);
	ASSERT_EQ(0, pthread_kill(self->blocked.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, mqt_blocked_join(&self->blocked));
	EXPECT_TRUE(only_refused(&self->blocked.record));
	EXPECT_EQ(SLOTS + 1, mqt_head(&self->map));
	/* Who gives up is not refused. */
	EXPECT_EQ(0U, refused_count(NAME));
	/* Others keep waiting. */
	mqt_blocked_start(&self->blocked, self->publisher, "a/x");
	mqt_advance(&self->map, self->holder.fd, SLOTS, SLOTS - 1);
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
}

TEST_F(block, who_waits_can_be_killed)
{
	int status;
	pid_t child;

	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	child = fork();
	if (!child)
		_exit(!!mqt_publish_str(self->publisher, "a/x", "x"));
	mqt_wait_in_call(child, SYS_ioctl);
	kill(child, SIGKILL);
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	/* Its publisher is ours as well: nothing of it stays locked. */
	mqt_advance(&self->map, self->holder.fd, SLOTS + 1, SLOTS);
	EXPECT_EQ(0, mqt_publish_str(self->publisher, "a/x", "x"));
	EXPECT_EQ(SLOTS + 2, mqt_head(&self->map));
}

TEST_F(block, a_deletion_wakes_all)
{
	struct mqt_blocked waiter[4];
	unsigned int i;

	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	for (i = 0; i < ARRAY_SIZE(waiter); i++)
		mqt_blocked_start(&waiter[i], mqt_publisher(NAME, 0), "a/x");
	/* One more behind another's lock. */
	mqt_blocked_start(&self->blocked, waiter[0].fd, "a/x");
	ASSERT_EQ(0, mqt_delete(NAME));
	for (i = 0; i < ARRAY_SIZE(waiter); i++) {
		EXPECT_EQ(-ENODEV, mqt_blocked_join(&waiter[i]));
		EXPECT_TRUE(only_refused(&waiter[i].record));
	}
	EXPECT_EQ(-ENODEV, mqt_blocked_join(&self->blocked));
	EXPECT_EQ(SLOTS + 1, mqt_head(&self->map));
}

TEST_F(block, events)
{
	int events = mqt_events_open();
	struct mqt_blocked other;
	uint64_t full;

	ASSERT_LE(0, events);
	block(self);
	mqt_blocked_start(&other, mqt_publisher(NAME, 0), "a/x");
	full = wait_event(events, MQ_EVENT_FULL);
	EXPECT_NE(0U, full);
	mqt_advance(&self->map, self->holder.fd, SLOTS + 1, SLOTS);
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
	EXPECT_EQ(0, mqt_blocked_join(&other));
	/* One told for both. */
	EXPECT_LE(full, wait_event(events, MQ_EVENT_SPACE));
}

/* ---- batches --------------------------------------------------------- */

static void make_batch(FIXTURE_DATA(block) * self)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		mqt_record(&self->record[i], "a/x", "b", 1);
	memcpy(self->before, self->record, sizeof(self->record));
	self->batch = (struct mq_publish_batch){
		.count = BATCH, .records = (uintptr_t)self->record, .done = 77,
	};
}

static void *send_batch(void *arg)
{
	FIXTURE_DATA(block) * self = arg;

	__atomic_store_n(&self->batch_tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	self->batch_result = mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &self->batch);
	return NULL;
}

/* Room for so many records of a batch, which is then sent and waits. */
static pthread_t block_batch(FIXTURE_DATA(block) * self, unsigned int room)
{
	pthread_t thread;

	make_batch(self);
	fill(self->publisher, "a/x", SLOTS - room);
	pthread_create(&thread, NULL, send_batch, self);
	mqt_wait_thread_in_call(&self->batch_tid, SYS_ioctl);
	return thread;
}

/* Whether so many went in, the next one was refused so and the rest not tried. */
static bool batch_ended(FIXTURE_DATA(block) * self, unsigned int in, int result)
{
	unsigned int i;

	for (i = 0; i < in; i++)
		if (self->record[i].result || self->record[i].sequence != SLOTS - in + i + 1)
			return false;
	self->before[in].result = result;
	return self->batch.done == in + 1 &&
	       !memcmp(&self->before[in], &self->record[in],
		       sizeof(self->before) - in * sizeof(self->before[0]));
}

TEST_F(block, what_a_batch_published_is_there_while_it_waits)
{
	pthread_t thread = block_batch(self, 4);
	unsigned int i;

	while (mqt_head(&self->map) != SLOTS + 1)
		sched_yield();
	EXPECT_EQ(POLLIN, mqt_poll(self->holder.fd, POLLIN, -1));
	/* Little by little: it waits for each of the others. */
	for (i = 0; i < BATCH - 4; i++) {
		EXPECT_EQ(SLOTS + 1 + i, mqt_head(&self->map));
		__atomic_store_n(&self->map.control->cursor, 2 + i, __ATOMIC_RELEASE);
		while (mqt_head(&self->map) != SLOTS + 2 + i)
			sched_yield();
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, self->batch_result);
	EXPECT_EQ(BATCH, self->batch.done);
	for (i = 0; i < BATCH; i++) {
		EXPECT_EQ(0, self->record[i].result);
		EXPECT_EQ(SLOTS - 3 + i, self->record[i].sequence);
	}
}

TEST_F(block, a_batch_ends_at_a_signal)
{
	pthread_t thread = block_batch(self, 4);

	while (mqt_head(&self->map) != SLOTS + 1)
		sched_yield();
	mqt_wait_in_call(self->batch_tid, SYS_ioctl);
	ASSERT_EQ(0, pthread_kill(thread, SIGUSR1));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, self->batch_result);
	EXPECT_TRUE(batch_ended(self, 4, -EINTR));
}

TEST_F(block, a_batch_ends_at_the_timeout)
{
	close(self->publisher);
	self->publisher = mqt_publisher_timeout(NAME, 0, 10);
	ASSERT_LE(0, self->publisher);
	pthread_join(block_batch(self, 7), NULL);
	EXPECT_EQ(0, self->batch_result);
	EXPECT_TRUE(batch_ended(self, 7, -ETIMEDOUT));
	EXPECT_EQ(1U, refused_count(NAME));
}

TEST_F(block, a_batch_ends_with_o_nonblock)
{
	make_batch(self);
	ASSERT_EQ(SLOTS - 3, fill(self->publisher, "a/x", SLOTS - 3));
	ASSERT_EQ(0, fcntl(self->publisher, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &self->batch));
	EXPECT_TRUE(batch_ended(self, 3, -EAGAIN));
}

/* Another thread waits with this publisher; what cannot be told is not half done. */
TEST_F(block, a_batch_finds_the_publisher_busy)
{
	block(self);
	make_batch(self);
	ASSERT_EQ(0, fcntl(self->publisher, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &self->batch));
	EXPECT_TRUE(batch_ended(self, 0, -EAGAIN));
	self->batch.records = 8;
	self->batch.done = 77;
	EXPECT_EQ(-EFAULT, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &self->batch));
	EXPECT_EQ(77U, self->batch.done);
	mqt_advance(&self->map, self->holder.fd, SLOTS + 1, SLOTS);
	EXPECT_EQ(0, mqt_blocked_join(&self->blocked));
}

TEST_F(block, a_batch_ends_with_the_channel)
{
	pthread_t thread = block_batch(self, 2);

	while (mqt_head(&self->map) != SLOTS + 1)
		sched_yield();
	ASSERT_EQ(0, mqt_delete(NAME));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, self->batch_result);
	EXPECT_TRUE(batch_ended(self, 2, -ENODEV));
}

/* ---- the node -------------------------------------------------------- */

struct writer {
	int fd;
	volatile pid_t tid;
	int result;
};

static void *write_one(void *arg)
{
	struct writer *writer = arg;

	__atomic_store_n(&writer->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	writer->result = write(writer->fd, "text", 4);
	if (writer->result < 0)
		writer->result = -errno;
	return NULL;
}

TEST_F(block, a_node_blocks_too)
{
	struct writer writer = { .fd = mqt_node(NAME, O_WRONLY) };
	int nonblock = mqt_node(NAME, O_WRONLY | O_NONBLOCK);
	pthread_t thread;

	ASSERT_LE(0, writer.fd);
	ASSERT_LE(0, nonblock);
	/* What is written is held too: else a look at the holders could pass it. */
	ASSERT_EQ(0, mqt_filter_add(self->holder.fd, NAME, 1, NULL));
	ASSERT_EQ(SLOTS, fill(self->publisher, "a/x", SLOTS));
	EXPECT_EQ(-1, write(nonblock, "text", 4));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, mqt_poll(nonblock, POLLOUT, 0));
	pthread_create(&thread, NULL, write_one, &writer);
	mqt_wait_thread_in_call(&writer.tid, SYS_write);
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	EXPECT_EQ(-EINTR, writer.result);

	writer.tid = 0;
	pthread_create(&thread, NULL, write_one, &writer);
	mqt_wait_thread_in_call(&writer.tid, SYS_write);
	mqt_advance(&self->map, self->holder.fd, SLOTS + 1, SLOTS);
	pthread_join(thread, NULL);
	EXPECT_EQ(4, writer.result);
	EXPECT_EQ(POLLOUT, mqt_poll(nonblock, POLLOUT, 0));
	/* The flag of the moment, here too. */
	ASSERT_EQ(SLOTS - 1, fill(self->publisher, "a/x", SLOTS - 1));
	ASSERT_EQ(0, fcntl(writer.fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, write(writer.fd, "text", 4));
	EXPECT_EQ(EAGAIN, errno);
}

/* ---- many ------------------------------------------------------------ */

struct crowd {
	int fd;
	unsigned int count;
	unsigned int failed;
};

static void *publish_many(void *arg)
{
	struct crowd *crowd = arg;
	unsigned int i;

	for (i = 0; i < crowd->count; i++) {
		int result = mqt_publish_str(crowd->fd, "a/x", "x");

		/* This one may have a timeout, and tries again. */
		if (result == -ETIMEDOUT)
			i--;
		else
			crowd->failed += !!result;
	}
	return NULL;
}

static void *poll_many(void *arg)
{
	struct crowd *crowd = arg;
	unsigned int i;

	for (i = 0; i < crowd->count; i++) {
		int result = mqt_publish_str(crowd->fd, "a/x", "x");

		if (result == -EAGAIN) {
			mqt_poll(crowd->fd, POLLOUT, -1);
			i--;
		} else {
			crowd->failed += !!result;
		}
	}
	return NULL;
}

/* None is left asleep: two that wait, one with a timeout, one that polls. */
TEST_F(block, a_crowd)
{
	unsigned int count = mqt_count(4000), seen = 0, i;
	struct crowd crowd[4] = {
		{ .fd = mqt_publisher(NAME, 0) }, { .fd = mqt_publisher(NAME, 0) },
		{ .fd = mqt_publisher_timeout(NAME, 0, 2) },
		{ .fd = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK) },
	};
	uint64_t buffer[8 * 6];
	pthread_t thread[4];

	for (i = 0; i < ARRAY_SIZE(crowd); i++) {
		crowd[i].count = count;
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, i == 3 ? poll_many : publish_many,
					    &crowd[i]));
	}
	ASSERT_EQ(0, fcntl(self->holder.fd, F_SETFL, 0));
	/* Never more than 8 at a time. */
	while (seen < 4 * count) {
		ssize_t len = read(self->holder.fd, buffer, sizeof(buffer));

		ASSERT_LT(0, len);
		seen += len / 48;
	}
	for (i = 0; i < ARRAY_SIZE(crowd); i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0U, crowd[i].failed);
	}
	EXPECT_EQ(4 * count, seen);
	EXPECT_EQ(4 * count + 1, mqt_head(&self->map));
	EXPECT_EQ(0U, self->map.status->missed);
}

TEST_HARNESS_MAIN
