// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* When a subscription is told: watermarks, and EPOLLPRI for what went by unread. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-watermark"
#define SLOTS 256U
/* So late that no test sees it. */
#define NEVER_USEC 60000000U

FIXTURE(watermark) {
	int publisher;
	struct mqt_subscription subscription;
	struct mqt_map map;
	uint64_t buffer[8192];
};

static int set_up(FIXTURE_DATA(watermark) * self, uint32_t overflow, uint32_t flags)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .overflow = overflow,
		.claims = { "#" },
	};
	int error = mqt_create(&config);

	if (error)
		return error;
	self->publisher = mqt_publisher(NAME, 0);
	if (self->publisher < 0)
		return self->publisher;
	error = mqt_subscribe_to(&self->subscription, NAME, flags, "a/#");
	return error ? error : mqt_map(&self->map, &self->subscription);
}

FIXTURE_SETUP(watermark)
{
	ASSERT_EQ(0, set_up(self, MQ_OVERFLOW_DROP_OLDEST, 0));
}

FIXTURE_TEARDOWN(watermark)
{
	mqt_delete(NAME);
}

static void mark(FIXTURE_DATA(watermark) * self, uint32_t records, uint32_t usec)
{
	__atomic_store_n(&self->map.control->wake_records, records, __ATOMIC_RELAXED);
	__atomic_store_n(&self->map.control->wake_usec, usec, __ATOMIC_RELEASE);
}

static unsigned int publish(FIXTURE_DATA(watermark) * self, const char *topic, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (mqt_publish_str(self->publisher, topic, "x"))
			break;
	return i;
}

static short look(FIXTURE_DATA(watermark) * self)
{
	return mqt_poll(self->subscription.fd, POLLIN | POLLPRI, 0);
}

/* Somebody who sleeps until there is something. */
struct waiter {
	FIXTURE_DATA(watermark) * self;
	int epoll;
	short events;
	volatile pid_t tid;
	volatile uint64_t woken;
	int revents;
	uint64_t head;
	pthread_t thread;
};

static void *wait_by_poll(void *arg)
{
	struct waiter *waiter = arg;

	__atomic_store_n(&waiter->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	waiter->revents = mqt_poll(waiter->self->subscription.fd, waiter->events, -1);
	waiter->head = mqt_head(&waiter->self->map);
	__atomic_store_n(&waiter->woken, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *wait_by_read(void *arg)
{
	struct waiter *waiter = arg;

	__atomic_store_n(&waiter->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	waiter->revents = read(waiter->self->subscription.fd, waiter->self->buffer,
			       sizeof(waiter->self->buffer));
	__atomic_store_n(&waiter->woken, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void start(struct waiter *waiter, FIXTURE_DATA(watermark) * self,
		  void *(*how)(void *), short events, long nr)
{
	*waiter = (struct waiter){ .self = self, .events = events };
	pthread_create(&waiter->thread, NULL, how, waiter);
	mqt_wait_thread_in_call(&waiter->tid, nr);
}

/* ---- how many --------------------------------------------------------- */

TEST_F(watermark, none_and_one_are_the_first_record)
{
	EXPECT_EQ(0, look(self));
	ASSERT_EQ(1U, publish(self, "a/x", 1));
	EXPECT_EQ(POLLIN, look(self));
	mark(self, 1, NEVER_USEC);
	EXPECT_EQ(POLLIN, look(self));
	mark(self, 0, 1);
	EXPECT_EQ(POLLIN, look(self));
	mark(self, 2, 0);
	EXPECT_EQ(0, look(self));
}

TEST_F(watermark, records_of_the_channel_count)
{
	mark(self, 10, 0);
	ASSERT_EQ(1U, publish(self, "a/x", 1));
	ASSERT_EQ(8U, publish(self, "b", 8));
	EXPECT_EQ(0, look(self));
	ASSERT_EQ(1U, publish(self, "b", 1));
	EXPECT_EQ(POLLIN, look(self));
	/* From the cursor on. */
	mqt_advance(&self->map, self->subscription.fd, 6, 1);
	EXPECT_EQ(0, look(self));
	/* If none of them matches, there is nothing, however many. */
	ASSERT_EQ(100U, publish(self, "b", 100));
	mqt_advance(&self->map, self->subscription.fd, 50, 1);
	EXPECT_EQ(0, look(self));
}

TEST_F(watermark, what_is_below_can_be_read)
{
	mark(self, 100, 0);
	ASSERT_EQ(3U, publish(self, "a/x", 3));
	EXPECT_EQ(0, look(self));
	EXPECT_EQ(3 * 48, read(self->subscription.fd, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ(-1, read(self->subscription.fd, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(watermark, a_sleeper_is_woken_at_the_mark)
{
	struct waiter waiter;

	mark(self, 10, 0);
	start(&waiter, self, wait_by_poll, POLLIN, SYS_poll);
	ASSERT_EQ(9U, publish(self, "a/x", 9));
	EXPECT_EQ(0U, self->map.status->wakes);
	EXPECT_EQ(0U, waiter.woken);
	ASSERT_EQ(1U, publish(self, "a/x", 1));
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(POLLIN, waiter.revents);
	EXPECT_EQ(11U, waiter.head);
	EXPECT_EQ(1U, self->map.status->wakes);
}

/* A record that does not match makes the mark full. */
TEST_F(watermark, a_sleeper_is_woken_by_what_does_not_match)
{
	struct waiter waiter;

	mark(self, 10, 0);
	start(&waiter, self, wait_by_poll, POLLIN, SYS_poll);
	ASSERT_EQ(1U, publish(self, "a/x", 1));
	ASSERT_EQ(8U, publish(self, "b", 8));
	EXPECT_EQ(0U, self->map.status->wakes);
	ASSERT_EQ(1U, publish(self, "b", 1));
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(POLLIN, waiter.revents);
	EXPECT_EQ(1U, self->map.status->wakes);
}

TEST_F(watermark, read_sleeps_by_it)
{
	struct waiter waiter;

	ASSERT_EQ(0, fcntl(self->subscription.fd, F_SETFL, 0));
	mark(self, 5, 0);
	start(&waiter, self, wait_by_read, 0, SYS_read);
	ASSERT_EQ(4U, publish(self, "a/x", 4));
	EXPECT_EQ(0U, self->map.status->wakes);
	ASSERT_EQ(1U, publish(self, "a/x", 1));
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(5 * 48, waiter.revents);
}

/* A batch is woken for once, and one that is below not at all. */
TEST_F(watermark, batches)
{
	struct mq_publish record[8];
	struct mq_publish_batch batch = { .records = (uintptr_t)record };
	struct waiter waiter;
	unsigned int i;

	mark(self, 8, 0);
	start(&waiter, self, wait_by_poll, POLLIN, SYS_poll);
	for (i = 0; i < ARRAY_SIZE(record); i++)
		mqt_record(&record[i], "a/x", "x", 1);
	batch.count = 7;
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &batch));
	EXPECT_EQ(0U, self->map.status->wakes);
	batch.count = 8;
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH_BATCH, &batch));
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(POLLIN, waiter.revents);
	EXPECT_EQ(16U, waiter.head);
	EXPECT_EQ(1U, self->map.status->wakes);
}

/* A waiter that stays queued and is told of edges. */
TEST_F(watermark, edges)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned int round;

	ASSERT_LE(0, epoll);
	mark(self, 4, 0);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->subscription.fd, &event));
	for (round = 0; round < 5; round++) {
		const char *last = round % 2 ? "b" : "a/x";

		ASSERT_EQ(3U, publish(self, "a/x", 3));
		EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
		ASSERT_EQ(1U, publish(self, last, 1));
		EXPECT_EQ(1, epoll_wait(epoll, &event, 1, -1));
		EXPECT_EQ((uint32_t)EPOLLIN, event.events);
		/* Told once. */
		EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
		mqt_advance(&self->map, self->subscription.fd, 1 + 4 * (round + 1), 0);
	}
}

TEST_F(watermark, nothing_is_left_below_at_the_end)
{
	struct waiter waiter;

	mark(self, 100, 0);
	start(&waiter, self, wait_by_poll, POLLIN, SYS_poll);
	ASSERT_EQ(1U, publish(self, "a/x", 1));
	ASSERT_EQ(0, mqt_delete(NAME));
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(POLLIN | POLLHUP, waiter.revents);
}

/* ---- how long --------------------------------------------------------- */

/* The time of a record, on the clock that waiters are compared with. */
static uint64_t time_of(FIXTURE_DATA(watermark) * self, uint64_t sequence)
{
	struct mqt_view view;

	return mqt_peek(&self->map, sequence, &view) ? UINT64_MAX : view.time;
}

static uint64_t wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

TEST_F(watermark, a_sleeper_is_woken_in_time)
{
	struct waiter waiter;

	mark(self, 1000, 20000);
	start(&waiter, self, wait_by_poll, POLLIN, SYS_poll);
	ASSERT_EQ(1U, publish(self, "a/x", 1));
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(POLLIN, waiter.revents);
	EXPECT_EQ(1U, self->map.status->wakes);
	/* Not before: the machine may only make it later. */
	EXPECT_LE(20000000U, wall() - time_of(self, 1));
	/* From now on it is told, until it is read. */
	EXPECT_EQ(POLLIN, look(self));
	mqt_advance(&self->map, self->subscription.fd, 2, 1);
	EXPECT_EQ(0, look(self));
}

TEST_F(watermark, the_first_that_matched_counts)
{
	struct waiter waiter;

	mark(self, 1000, 50000);
	start(&waiter, self, wait_by_poll, POLLIN, SYS_poll);
	/* Old when the first one comes that matches. */
	ASSERT_EQ(5U, publish(self, "b", 5));
	while (wall() - time_of(self, 1) < 100000000)
		sched_yield();
	EXPECT_EQ(0U, waiter.woken);
	ASSERT_EQ(1U, publish(self, "a/x", 1));
	/* Later ones do not put it off. */
	while (!__atomic_load_n(&waiter.woken, __ATOMIC_ACQUIRE))
		publish(self, "a/x", 1), mqt_poll(self->publisher, 0, 5);
	pthread_join(waiter.thread, NULL);
	EXPECT_LE(50000000U, wall() - time_of(self, 6));
	EXPECT_GT(1000U, waiter.head);
}

/* What came before anybody asked has waited already. */
TEST_F(watermark, a_late_poll)
{
	mark(self, 1000, 20000);
	ASSERT_EQ(1U, publish(self, "a/x", 1));
	while (wall() - time_of(self, 1) < 40000000)
		sched_yield();
	EXPECT_EQ(POLLIN, mqt_poll(self->subscription.fd, POLLIN, -1));
}

TEST_F(watermark, again_and_again)
{
	unsigned int round, early = 0;

	mark(self, 1000, 2000);
	for (round = 1; round <= mqt_count(50); round++) {
		struct waiter waiter;

		start(&waiter, self, wait_by_poll, POLLIN, SYS_poll);
		ASSERT_EQ(1U, publish(self, "a/x", 1));
		pthread_join(waiter.thread, NULL);
		EXPECT_EQ(POLLIN, waiter.revents);
		early += wall() - time_of(self, round) < 2000000;
		mqt_advance(&self->map, self->subscription.fd, round + 1, round);
	}
	EXPECT_EQ(0U, early);
}

TEST_F(watermark, edges_in_time)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned int round;

	ASSERT_LE(0, epoll);
	mark(self, 1000, 3000);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->subscription.fd, &event));
	for (round = 1; round <= 5; round++) {
		ASSERT_EQ(1U, publish(self, "a/x", 1));
		EXPECT_EQ(1, epoll_wait(epoll, &event, 1, -1));
		mqt_advance(&self->map, self->subscription.fd, round + 1, round);
	}
}

/* The timer goes with its subscription, however it was armed. */
TEST_F(watermark, closed_while_it_waits)
{
	unsigned int i;

	mqt_unmap(&self->map);
	close(self->subscription.fd);
	for (i = 0; i < mqt_count(200); i++) {
		struct mqt_subscription subscription;
		struct mqt_map map;

		ASSERT_EQ(0, mqt_subscribe_to(&subscription, NAME, 0, "a/#"));
		ASSERT_EQ(0, mqt_map(&map, &subscription));
		map.control->wake_records = 1000;
		map.control->wake_usec = 1 + i * 10;
		publish(self, "a/x", 1);
		EXPECT_LE(0, mqt_poll(subscription.fd, POLLIN, 0));
		mqt_unmap(&map);
		close(subscription.fd);
	}
}

static void *publish_for_ever(void *arg)
{
	FIXTURE_DATA(watermark) * self = arg;
	int fd = mqt_publisher(NAME, 0);

	while (!mqt_publish_str(fd, "a/x", "x"))
		;
	close(fd);
	(void)self;
	return NULL;
}

/* Closed, re-armed and told at the same time, with any values. */
TEST_F(watermark, nonsense)
{
	static const uint32_t records[] = { 0, 1, 2, 3, 255, 256, 257, 1000, UINT32_MAX };
	static const uint32_t usec[] = { 0, 1, 7, 1000, NEVER_USEC, NEVER_USEC + 1, UINT32_MAX };
	struct mqt_subscription other;
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, mqt_subscribe_to(&other, NAME, 0, "a/#"));
	pthread_create(&thread, NULL, publish_for_ever, self);
	for (i = 0; i < mqt_count(3000); i++) {
		struct mqt_subscription subscription;
		struct mqt_map map;

		ASSERT_EQ(0, mqt_subscribe_to(&subscription, NAME, 0, "a/#"));
		ASSERT_EQ(0, mqt_map(&map, &subscription));
		map.control->wake_records = records[i % ARRAY_SIZE(records)];
		map.control->wake_usec = usec[i % ARRAY_SIZE(usec)];
		map.control->cursor = i % 5 ? UINT64_MAX : 0;
		mqt_poll(subscription.fd, POLLIN | POLLPRI, i % 3);
		map.control->wake_usec = 1;
		mqt_poll(subscription.fd, POLLIN, 0);
		mqt_unmap(&map);
		close(subscription.fd);
	}
	/* Nobody else noticed. */
	EXPECT_EQ(POLLIN, mqt_poll(other.fd, POLLIN, -1));
	ASSERT_EQ(0, mqt_delete(NAME));
	pthread_join(thread, NULL);
}

/* ---- holders ---------------------------------------------------------- */

/* A mark that the ring is too small for stops nobody. */
TEST_F(watermark, who_holds_is_told_when_space_lacks)
{
	struct waiter waiter;
	struct mqt_blocked blocked;

	ASSERT_EQ(0, set_up(self, MQ_OVERFLOW_BLOCK, MQ_SUBSCRIBE_HOLD));
	mark(self, 10 * SLOTS, 0);
	start(&waiter, self, wait_by_poll, POLLIN, SYS_poll);
	ASSERT_EQ(SLOTS, publish(self, "a/x", SLOTS));
	EXPECT_EQ(0U, waiter.woken);
	mqt_blocked_start(&blocked, self->publisher, "a/x");
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(POLLIN, waiter.revents);
	mqt_advance(&self->map, self->subscription.fd, SLOTS + 1, SLOTS);
	EXPECT_EQ(0, mqt_blocked_join(&blocked));
	/* And then the mark counts again. */
	EXPECT_EQ(0, look(self));
}

/* ---- what went by unread ---------------------------------------------- */

TEST_F(watermark, losses)
{
	struct mq_resync resync;

	ASSERT_EQ(SLOTS, publish(self, "a/x", SLOTS));
	EXPECT_EQ(POLLIN, look(self));
	ASSERT_EQ(1U, publish(self, "b", 1));
	EXPECT_EQ(POLLIN | POLLPRI, look(self));
	/* Whoever does not ask for it is told as well. */
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(mqt_oldest(&self->map), resync.position);
	EXPECT_EQ(POLLIN, look(self));
	ASSERT_EQ(SLOTS, publish(self, "b", SLOTS));
	EXPECT_EQ(POLLIN | POLLPRI, look(self));
	/* read(2) takes notice, even if it finds nothing. */
	EXPECT_EQ(-1, read(self->subscription.fd, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, look(self));
}

TEST_F(watermark, what_does_not_match_is_no_loss)
{
	ASSERT_EQ(3 * SLOTS, publish(self, "b", 3 * SLOTS));
	EXPECT_EQ(0, look(self));
}

/* The record that pushed them out matches, or it does not. */
TEST_F(watermark, who_sleeps_for_losses_is_woken)
{
	static const char * const topics[] = { "a/x", "b" };
	struct mq_resync resync;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(topics); i++) {
		struct waiter waiter;

		ASSERT_EQ(3U, publish(self, "a/x", 3));
		start(&waiter, self, wait_by_poll, POLLPRI, SYS_poll);
		ASSERT_EQ(SLOTS, publish(self, topics[i], SLOTS));
		pthread_join(waiter.thread, NULL);
		EXPECT_EQ(POLLPRI, waiter.revents);
		ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
		mqt_advance(&self->map, self->subscription.fd, mqt_head(&self->map), 0);
		EXPECT_EQ(0, look(self));
	}
}

TEST_F(watermark, a_waiter_that_stays_hears_of_each_loss)
{
	struct epoll_event event = { .events = EPOLLPRI | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct mq_resync resync;
	unsigned int round;

	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->subscription.fd, &event));
	for (round = 0; round < 4; round++) {
		ASSERT_EQ(1U, publish(self, "a/x", 1));
		EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
		ASSERT_EQ(SLOTS, publish(self, "b", SLOTS));
		EXPECT_EQ(1, epoll_wait(epoll, &event, 1, -1));
		EXPECT_EQ((uint32_t)EPOLLPRI, event.events & EPOLLPRI);
		ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
		EXPECT_EQ(1U, resync.missed);
		mqt_advance(&self->map, self->subscription.fd, mqt_head(&self->map), 0);
	}
}

TEST_F(watermark, a_purge_is_a_loss)
{
	struct waiter waiter;

	ASSERT_EQ(3U, publish(self, "a/x", 3));
	start(&waiter, self, wait_by_poll, POLLPRI, SYS_poll);
	ASSERT_EQ(0, mqt_purge(NAME));
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(POLLPRI, waiter.revents);
}

TEST_HARNESS_MAIN
