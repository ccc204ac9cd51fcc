// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Reading from a subscription: read(2), poll(2), the two pages, wake-ups. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-receive"
#define SLOTS 1024U

FIXTURE(receive) {
	int publisher;
	struct mqt_subscription subscription;
	struct mqt_map map;
	uint64_t buffer[1024];
};

FIXTURE_SETUP(receive)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 1 << 20, .claims = { "#" },
	};

	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "a/#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
}

FIXTURE_TEARDOWN(receive)
{
	mqt_delete(NAME);
}

static const struct mq_record *record_at(const void *buffer, size_t offset)
{
	return (const void *)((const char *)buffer + offset);
}

/* Reads one call's worth; the sequence of its first record, 0 if none. */
static uint64_t first_read(FIXTURE_DATA(receive) * self, int fd)
{
	ssize_t len = read(fd, self->buffer, sizeof(self->buffer));

	return len > 0 ? record_at(self->buffer, 0)->sequence : 0;
}

TEST_F(receive, the_format)
{
	static const char text[] = "payload and metadata";
	const struct mq_record *record;
	struct mq_publish sent[2];
	ssize_t len;

	mqt_record(&sent[0], "a/1", text, 7);
	sent[0].metadata = (uintptr_t)text + 12;
	sent[0].metadata_len = 8;
	sent[0].flags = 0x1200;
	mqt_record(&sent[1], "a", NULL, 0);
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &sent[0]));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "not this"));
	ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_PUBLISH, &sent[1]));
	memset(self->buffer, MQT_POISON, sizeof(self->buffer));
	len = read(self->subscription.fd, self->buffer, sizeof(self->buffer));
	/* 40 + 3 + 7 + 8, and 40 + 1, in multiples of 8. */
	ASSERT_EQ(64 + 48, len);
	record = record_at(self->buffer, 0);
	EXPECT_EQ(64U, record->size);
	EXPECT_EQ(3U, record->topic_len);
	EXPECT_EQ(7U, record->payload_len);
	EXPECT_EQ(8U, record->metadata_len);
	EXPECT_EQ(0x1200U, record->flags);
	EXPECT_EQ(sent[0].sequence, record->sequence);
	EXPECT_EQ(sent[0].time, record->time);
	EXPECT_EQ(self->map.slots[1].publisher, record->publisher);
	EXPECT_EQ(0, memcmp("a/1payloadmetadata\0\0\0\0\0", record + 1, 24));
	record = record_at(self->buffer, 64);
	EXPECT_EQ(48U, record->size);
	EXPECT_EQ(sent[1].sequence, record->sequence);
	EXPECT_EQ(0U, record->payload_len);
	EXPECT_EQ(0, memcmp("a\0\0\0\0\0\0\0", record + 1, 8));
	EXPECT_EQ((char)MQT_POISON, ((char *)self->buffer)[len]);
	EXPECT_EQ(-1, read(self->subscription.fd, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(receive, as_many_as_fit)
{
	int fd = self->subscription.fd;
	int i;

	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "12345"));
	EXPECT_EQ(96, read(fd, self->buffer, 100));
	EXPECT_EQ(2U, record_at(self->buffer, 48)->sequence);
	EXPECT_EQ(-1, read(fd, self->buffer, 47));
	EXPECT_EQ(EMSGSIZE, errno);
	/* What did not fit is still there. */
	EXPECT_EQ(48, read(fd, self->buffer, 48));
	EXPECT_EQ(3U, record_at(self->buffer, 0)->sequence);
	EXPECT_EQ(-1, read(fd, mqt_nowhere(), 48));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(96, read(fd, self->buffer, sizeof(self->buffer)));
}

TEST_F(receive, large_records)
{
	static char large[60000];
	static uint64_t room[8192];
	const struct mq_record *record = record_at(room, 0);

	mqt_fill(large, sizeof(large), 1);
	ASSERT_EQ(0, mqt_publish(self->publisher, "a/1", large, sizeof(large)));
	ASSERT_EQ(40 + 60008, read(self->subscription.fd, room, sizeof(room)));
	EXPECT_TRUE(mqt_filled((char *)(record + 1) + 3, sizeof(large), 1));
}

TEST_F(receive, from_the_past)
{
	struct mqt_subscription past;
	uint64_t sequence;

	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "x"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b/1", "x"));
	ASSERT_EQ(0, mqt_subscribe(&past, NAME, MQ_SUBSCRIBE_NONBLOCK, MQ_START_OLDEST, 0));
	EXPECT_EQ(1U, past.position);
	/* Without a filter nothing matches. */
	EXPECT_EQ(-1, read(past.fd, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, mqt_poll(past.fd, POLLIN, 0));
	ASSERT_EQ(0, mqt_filter_add(past.fd, "b/+", 1, &sequence));
	EXPECT_EQ(3U, sequence);
	EXPECT_EQ(POLLIN, mqt_poll(past.fd, POLLIN, 0));
	EXPECT_EQ(2U, first_read(self, past.fd));
	EXPECT_EQ(0U, first_read(self, past.fd));
}

TEST_F(receive, a_filter_is_in_force_from_its_sequence)
{
	int fd = self->subscription.fd;
	uint64_t sequence;

	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "before"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a", "before"));
	ASSERT_EQ(0, mqt_filter_add(fd, "b", 1, &sequence));
	EXPECT_EQ(3U, sequence);
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "after"));
	EXPECT_EQ(2 * 48, read(fd, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ(2U, record_at(self->buffer, 0)->sequence);
	EXPECT_EQ(3U, record_at(self->buffer, 48)->sequence);
	ASSERT_EQ(0, mqt_filter_remove(fd, "b"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "late"));
	EXPECT_EQ(0U, first_read(self, fd));
}

TEST_F(receive, overlapping_filters_give_a_record_once)
{
	ASSERT_EQ(0, mqt_filter_add(self->subscription.fd, "a/+", 1, NULL));
	ASSERT_EQ(0, mqt_filter_add(self->subscription.fd, "#", 1, NULL));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "x"));
	EXPECT_EQ(48, read(self->subscription.fd, self->buffer, sizeof(self->buffer)));
}

TEST_F(receive, the_cursor_is_clamped_and_only_grows)
{
	struct mq_control *control = self->map.control;
	int fd = self->subscription.fd;
	int i;

	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "x"));
	__atomic_store_n(&control->cursor, 5, __ATOMIC_RELEASE);
	EXPECT_EQ(5U, first_read(self, fd));
	EXPECT_EQ(11U, control->cursor);
	__atomic_store_n(&control->cursor, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(0U, first_read(self, fd));
	/* Beyond the head is the head: what comes is not lost by it. */
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "x"));
	__atomic_store_n(&control->cursor, UINT64_MAX, __ATOMIC_RELEASE);
	EXPECT_EQ(0U, first_read(self, fd));
	EXPECT_EQ(12U, control->cursor);
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "x"));
	EXPECT_EQ(12U, first_read(self, fd));
}

TEST_F(receive, end_of_file_after_delete)
{
	int fd = self->subscription.fd;

	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "last"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "not this"));
	EXPECT_EQ(POLLIN, mqt_poll(fd, POLLIN, 0));
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(POLLIN | POLLHUP, mqt_poll(fd, POLLIN, 0));
	EXPECT_EQ(MQ_SUBSCRIPTION_DEAD, (int)self->map.status->state);
	EXPECT_EQ(1U, first_read(self, fd));
	EXPECT_EQ(0, read(fd, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ(POLLHUP, mqt_poll(fd, 0, -1));
}

/* A thread that sleeps in read(2) or poll(2) until something comes. */
struct sleeper {
	int fd;
	bool in_poll;
	volatile pid_t tid;
	ssize_t result;
	int error;
	uint64_t buffer[64];
};

static void *sleep_until_record(void *arg)
{
	struct sleeper *sleeper = arg;

	__atomic_store_n(&sleeper->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	if (sleeper->in_poll)
		sleeper->result = mqt_poll(sleeper->fd, POLLIN, -1);
	else
		sleeper->result = read(sleeper->fd, sleeper->buffer, sizeof(sleeper->buffer));
	sleeper->error = errno;
	return NULL;
}

static pthread_t start_sleeper(struct sleeper *sleeper, int fd, bool in_poll)
{
	pthread_t thread;

	*sleeper = (struct sleeper){ .fd = fd, .in_poll = in_poll };
	pthread_create(&thread, NULL, sleep_until_record, sleeper);
	mqt_wait_thread_in_call(&sleeper->tid, in_poll ? SYS_poll : SYS_read);
	return thread;
}

TEST_F(receive, only_a_match_wakes_a_reader)
{
	struct mqt_subscription blocking;
	struct sleeper sleeper;
	struct mqt_map map;
	pthread_t thread;

	ASSERT_EQ(0, mqt_subscribe(&blocking, NAME, 0, 0, 0));
	ASSERT_EQ(0, mqt_filter_add(blocking.fd, "c", 1, NULL));
	ASSERT_EQ(0, mqt_map(&map, &blocking));
	thread = start_sleeper(&sleeper, blocking.fd, false);
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "not this"));
	EXPECT_EQ(0U, map.status->wakes);
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "c", "this"));
	pthread_join(thread, NULL);
	EXPECT_EQ(48, sleeper.result);
	EXPECT_EQ(2U, record_at(sleeper.buffer, 0)->sequence);
	EXPECT_EQ(1U, map.status->wakes);
	/* Nobody sleeps, nobody is woken. */
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "c", "this"));
	EXPECT_EQ(1U, map.status->wakes);
	/* Delete ends the sleep of those who have read all. */
	EXPECT_EQ(48, read(blocking.fd, self->buffer, sizeof(self->buffer)));
	thread = start_sleeper(&sleeper, blocking.fd, false);
	ASSERT_EQ(0, mqt_delete(NAME));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, sleeper.result);
}

TEST_F(receive, who_asks_not_to_be_woken_is_not)
{
	struct sleeper sleeper;
	pthread_t thread;

	self->map.control->no_wake = 1;
	thread = start_sleeper(&sleeper, self->subscription.fd, true);
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "x"));
	EXPECT_EQ(0U, self->map.status->wakes);
	__atomic_store_n(&self->map.control->no_wake, 0, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "x"));
	pthread_join(thread, NULL);
	EXPECT_EQ(POLLIN, sleeper.result);
	EXPECT_EQ(1U, self->map.status->wakes);
}

static void on_signal(int signal)
{
	(void)signal;
}

TEST_F(receive, a_signal_interrupts_a_read)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct mqt_subscription blocking;
	struct sleeper sleeper;
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	ASSERT_EQ(0, mqt_subscribe(&blocking, NAME, 0, 0, 0));
	thread = start_sleeper(&sleeper, blocking.fd, false);
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	EXPECT_EQ(-1, sleeper.result);
	EXPECT_EQ(EINTR, sleeper.error);
}

TEST_F(receive, more_sleepers_than_a_publish_wakes_itself)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct epoll_event events[200];
	struct mqt_subscription one;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned int round, woken;

	ASSERT_LE(0, epoll);
	for (event.data.u32 = 0; event.data.u32 < ARRAY_SIZE(events); event.data.u32++) {
		ASSERT_EQ(0, mqt_subscribe_to(&one, NAME, 0, event.data.u32 % 2 ? "c" : "+"));
		ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, one.fd, &event));
	}
	/* Waiters of this kind stay queued: they have to be woken each time. */
	for (round = 0; round < 3; round++) {
		bool seen[ARRAY_SIZE(events)] = {};
		int count, i;

		ASSERT_EQ(0, mqt_publish_str(self->publisher, "c", "x"));
		for (woken = 0; woken < ARRAY_SIZE(events);) {
			count = epoll_wait(epoll, events, ARRAY_SIZE(events), -1);
			ASSERT_LT(0, count);
			for (i = 0; i < count; i++) {
				woken += !seen[events[i].data.u32];
				seen[events[i].data.u32] = true;
			}
		}
	}
}

TEST_F(receive, a_crowd_of_pollers)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct mqt_subscription crowded, other;
	unsigned int round, i;
	int epoll[70];

	ASSERT_EQ(0, mqt_subscribe_to(&crowded, NAME, 0, "c"));
	ASSERT_EQ(0, mqt_subscribe_to(&other, NAME, 0, "c"));
	for (i = 0; i < ARRAY_SIZE(epoll); i++) {
		epoll[i] = epoll_create1(EPOLL_CLOEXEC);
		ASSERT_LE(0, epoll[i]);
		ASSERT_EQ(0, epoll_ctl(epoll[i], EPOLL_CTL_ADD, crowded.fd, &event));
	}
	for (round = 0; round < 3; round++) {
		struct mqt_poller poller;

		mqt_poller_start(&poller, other.fd, POLLIN);
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "c", "x"));
		EXPECT_EQ(POLLIN, mqt_poller_join(&poller));
		for (i = 0; i < ARRAY_SIZE(epoll); i++)
			ASSERT_EQ(1, epoll_wait(epoll[i], &event, 1, -1));
		ASSERT_EQ(48, read(other.fd, self->buffer, sizeof(self->buffer)));
	}
}

/* Callers that share a descriptor; each notes what it was given. */
struct sharer {
	int fd;
	unsigned int *given;
};

static void *share(void *arg)
{
	struct sharer *sharer = arg;
	uint64_t buffer[100];
	ssize_t len, at;

	while ((len = read(sharer->fd, buffer, sizeof(buffer))) > 0)
		for (at = 0; at < len; at += record_at(buffer, at)->size)
			__atomic_add_fetch(&sharer->given[record_at(buffer, at)->sequence], 1,
					   __ATOMIC_RELAXED);
	return NULL;
}

TEST_F(receive, each_record_goes_to_one_caller)
{
	unsigned int i, count = mqt_count(SLOTS / 2);
	static unsigned int given[SLOTS];
	struct mqt_subscription shared;
	struct sharer sharer = { .given = given };
	pthread_t threads[4];

	ASSERT_EQ(0, mqt_subscribe(&shared, NAME, 0, 0, 0));
	ASSERT_EQ(0, mqt_filter_add(shared.fd, "c", 1, NULL));
	sharer.fd = shared.fd;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, share, &sharer));
	for (i = 1; i <= count; i++)
		ASSERT_EQ(0, mqt_publish_str(self->publisher, i % 3 ? "c" : "b", "x"));
	/* The readers end when all is read. */
	ASSERT_EQ(0, mqt_delete(NAME));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	for (i = 1; i <= count; i++)
		ASSERT_EQ(i % 3 ? 1U : 0U, given[i]) TH_LOG("record %u", i);
}

TEST_F(receive, no_gap_no_loss)
{
	struct mq_resync resync;

	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "x"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "x"));
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	EXPECT_EQ(1U, resync.position);
	EXPECT_EQ(0U, resync.passed);
	EXPECT_EQ(0U, resync.missed);
	EXPECT_EQ(0U, resync.flags);
	resync.flags = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->subscription.fd, MQ_IOC_RESYNC, &resync));
	resync.flags = 0;
	resync.reserved0 = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->subscription.fd, MQ_IOC_RESYNC, &resync));
	resync.reserved0 = 0;
	resync.reserved[0] = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->subscription.fd, MQ_IOC_RESYNC, &resync));
	EXPECT_EQ(-EFAULT, mqt_ioctl(self->subscription.fd, MQ_IOC_RESYNC, mqt_nowhere()));
}

TEST_HARNESS_MAIN
