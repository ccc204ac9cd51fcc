// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The node as plain tools use it: read, write, poll. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-node"
#define SLOTS 64U
/* More than a publish wakes itself. */
#define CROWD 70

FIXTURE(node) {
	int reader;
	int writer;
	char buffer[4096];
};

FIXTURE_SETUP(node)
{
	const struct mqt_config config = { .name = NAME, .slots = SLOTS, .bytes = 16384 };

	ASSERT_EQ(0, mqt_create(&config));
	self->reader = mqt_node(NAME, O_RDONLY | O_NONBLOCK);
	self->writer = mqt_node(NAME, O_WRONLY);
	ASSERT_LE(0, self->reader);
	ASSERT_LE(0, self->writer);
}

FIXTURE_TEARDOWN(node)
{
	mqt_delete(NAME);
}

/* What read(2) gave, as a string; "!" and the errno if it failed. */
static const char *text(FIXTURE_DATA(node) * self, int fd, size_t size)
{
	ssize_t len = read(fd, self->buffer, size);

	if (len < 0)
		snprintf(self->buffer, sizeof(self->buffer), "!%d", errno);
	else
		self->buffer[len] = '\0';
	return self->buffer;
}

static ssize_t say(int fd, const char *words)
{
	return write(fd, words, strlen(words));
}

TEST_F(node, a_write_is_a_record_for_every_reader)
{
	int other = mqt_node(NAME, O_RDONLY | O_NONBLOCK);
	struct mqt_subscription subscription;
	struct mqt_view view;
	struct mqt_map map;

	ASSERT_EQ(0, mqt_subscribe_to(&subscription, NAME, 0, NAME));
	ASSERT_EQ(0, mqt_map(&map, &subscription));
	EXPECT_EQ(5, say(self->writer, "hello"));
	EXPECT_EQ(5, say(self->writer, "world"));
	EXPECT_STREQ("hello", text(self, self->reader, 100));
	EXPECT_STREQ("world", text(self, self->reader, 100));
	EXPECT_STREQ("hello", text(self, other, 100));
	EXPECT_STREQ("world", text(self, other, 100));
	EXPECT_EQ(-1, read(self->reader, self->buffer, 1));
	EXPECT_EQ(EAGAIN, errno);
	/* Its topic is the name of the channel. */
	ASSERT_EQ(0, mqt_peek(&map, 1, &view));
	EXPECT_EQ(strlen(NAME), view.topic_len);
	EXPECT_EQ(0, memcmp(NAME, view.topic, strlen(NAME)));
	EXPECT_EQ(0, memcmp("hello", view.payload, 5));
	EXPECT_EQ(0U, view.metadata_len);
}

TEST_F(node, a_reader_starts_at_the_head)
{
	int late;

	ASSERT_EQ(5, say(self->writer, "early"));
	late = mqt_node(NAME, O_RDONLY | O_NONBLOCK);
	EXPECT_STREQ("!11", text(self, late, 100));
	ASSERT_EQ(4, say(self->writer, "late"));
	EXPECT_STREQ("late", text(self, late, 100));
}

TEST_F(node, a_long_payload_continues_in_the_next_read)
{
	say(self->writer, "0123456789");
	say(self->writer, "next");
	EXPECT_STREQ("0123", text(self, self->reader, 4));
	EXPECT_STREQ("4567", text(self, self->reader, 4));
	EXPECT_STREQ("89", text(self, self->reader, 4));
	EXPECT_STREQ("next", text(self, self->reader, 4));
	EXPECT_STREQ("!11", text(self, self->reader, 4));
}

TEST_F(node, empty_payloads_are_skipped)
{
	int publisher = mqt_publisher(NAME, 0);
	struct mq_info before, after;

	ASSERT_EQ(0, mqt_publish(publisher, NAME, NULL, 0));
	EXPECT_STREQ("!11", text(self, self->reader, 100));
	EXPECT_EQ(0, mqt_poll(self->reader, POLLIN, 0));
	ASSERT_EQ(0, mqt_publish(publisher, NAME, NULL, 0));
	ASSERT_EQ(0, mqt_publish_str(publisher, NAME, "full"));
	EXPECT_STREQ("full", text(self, self->reader, 100));
	/* Nothing written is no record. */
	ASSERT_EQ(0, mqt_info(NAME, &before));
	EXPECT_EQ(0, write(self->writer, "", 0));
	ASSERT_EQ(0, mqt_info(NAME, &after));
	EXPECT_EQ(before.head, after.head);
}

struct sleeper {
	int fd;
	volatile pid_t tid;
	ssize_t result;
	int error;
	char buffer[64];
};

static void *sleep_in_read(void *arg)
{
	struct sleeper *sleeper = arg;

	__atomic_store_n(&sleeper->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	sleeper->result = read(sleeper->fd, sleeper->buffer, sizeof(sleeper->buffer));
	sleeper->error = errno;
	return NULL;
}

static void start_sleeper(pthread_t *thread, struct sleeper *sleeper)
{
	memset(sleeper, 0, sizeof(*sleeper));
	sleeper->fd = mqt_node(NAME, O_RDONLY);
	pthread_create(thread, NULL, sleep_in_read, sleeper);
	mqt_wait_thread_in_call(&sleeper->tid, SYS_read);
}

TEST_F(node, a_blocking_read_is_woken_by_a_write)
{
	struct sleeper sleeper;
	pthread_t thread;

	start_sleeper(&thread, &sleeper);
	ASSERT_EQ(8, say(self->writer, "good day"));
	pthread_join(thread, NULL);
	EXPECT_EQ(8, sleeper.result);
	EXPECT_EQ(0, memcmp("good day", sleeper.buffer, 8));
}

TEST_F(node, an_empty_record_does_not_end_a_blocking_read)
{
	int publisher = mqt_publisher(NAME, 0);
	struct sleeper sleeper;
	pthread_t thread;

	start_sleeper(&thread, &sleeper);
	ASSERT_EQ(0, mqt_publish(publisher, NAME, NULL, 0));
	ASSERT_EQ(0, mqt_publish_str(publisher, NAME, "x"));
	pthread_join(thread, NULL);
	EXPECT_EQ(1, sleeper.result);
	EXPECT_EQ('x', sleeper.buffer[0]);
}

static void on_signal(int signal)
{
	(void)signal;
}

TEST_F(node, a_signal_interrupts_a_read)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct sleeper sleeper;
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	start_sleeper(&thread, &sleeper);
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	EXPECT_EQ(-1, sleeper.result);
	EXPECT_EQ(EINTR, sleeper.error);
}

TEST_F(node, end_of_file_after_delete)
{
	struct sleeper sleeper;
	pthread_t thread;

	start_sleeper(&thread, &sleeper);
	say(self->writer, "one");
	pthread_join(thread, NULL);
	start_sleeper(&thread, &sleeper);
	say(self->reader, "never");
	ASSERT_EQ(0, mqt_delete(NAME));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, sleeper.result);
	/* What was published before can still be read. */
	EXPECT_STREQ("one", text(self, self->reader, 100));
	EXPECT_EQ(0, read(self->reader, self->buffer, 100));
	EXPECT_EQ(0, read(self->reader, self->buffer, 100));
	EXPECT_EQ(-1, say(self->writer, "late"));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENOENT, mqt_node(NAME, O_RDONLY));
}

TEST_F(node, a_stale_node_is_refused)
{
	const struct mqt_config again = { .name = NAME, .slots = SLOTS, .bytes = 4096 };
	struct stat stat_buf;

	ASSERT_EQ(0, stat("/dev/mq/" NAME, &stat_buf));
	unlink("/dev/t-stale");
	ASSERT_EQ(0, mknod("/dev/t-stale", S_IFCHR | 0600, stat_buf.st_rdev));
	EXPECT_LE(0, open("/dev/t-stale", O_RDONLY));
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(-1, open("/dev/t-stale", O_RDONLY));
	EXPECT_EQ(ENXIO, errno);
	/* The next channel of that name is another one. */
	ASSERT_EQ(0, mqt_create(&again));
	EXPECT_EQ(-1, open("/dev/t-stale", O_RDONLY));
	EXPECT_EQ(ENXIO, errno);
	unlink("/dev/t-stale");
}

TEST_F(node, poll)
{
	EXPECT_EQ(0, mqt_poll(self->reader, POLLIN, 0));
	EXPECT_EQ(POLLOUT, mqt_poll(self->writer, POLLOUT, 0));
	say(self->writer, "word");
	EXPECT_EQ(POLLIN, mqt_poll(self->reader, POLLIN, 0));
	EXPECT_STREQ("wo", text(self, self->reader, 2));
	EXPECT_EQ(POLLIN, mqt_poll(self->reader, POLLIN, 0));
	EXPECT_STREQ("rd", text(self, self->reader, 2));
	EXPECT_EQ(0, mqt_poll(self->reader, POLLIN, 0));
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(POLLHUP, mqt_poll(self->reader, POLLIN, -1) & POLLHUP);
	EXPECT_EQ(POLLHUP, mqt_poll(self->writer, 0, -1) & POLLHUP);
}

TEST_F(node, a_sleeping_poll_is_woken)
{
	struct mqt_poller poller;

	mqt_poller_start(&poller, self->reader, POLLIN);
	say(self->writer, "x");
	EXPECT_EQ(POLLIN, mqt_poller_join(&poller));
	EXPECT_STREQ("x", text(self, self->reader, 10));
	mqt_poller_start(&poller, self->reader, POLLIN);
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(POLLHUP, mqt_poller_join(&poller) & POLLHUP);
}

TEST_F(node, a_lagging_reader_goes_on_at_the_oldest)
{
	struct mq_info info;
	char word[16];
	unsigned int i;

	say(self->writer, "0123456789");
	EXPECT_STREQ("0123", text(self, self->reader, 4));
	for (i = 2; i <= 3 * SLOTS; i++) {
		snprintf(word, sizeof(word), "%u", i);
		ASSERT_LT(0, say(self->writer, word));
	}
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_LE(2 * SLOTS, info.oldest);
	EXPECT_EQ(0U, info.node_passed);
	/* The rest of "0123456789" is lost. */
	for (i = info.oldest; i < info.head; i++) {
		snprintf(word, sizeof(word), "%u", i);
		EXPECT_STREQ(word, text(self, self->reader, 100));
	}
	EXPECT_STREQ("!11", text(self, self->reader, 100));
	ASSERT_EQ(0, mqt_info(NAME, &info));
	/* The first record counts: its reader did not get all of it. */
	EXPECT_EQ(info.oldest - 1, info.node_passed);
	EXPECT_EQ(3ULL * SLOTS, info.published);
	EXPECT_EQ(info.oldest - 1, info.overwritten);
}

TEST_F(node, errors)
{
	static char long_text[8192];

	EXPECT_EQ(-1, write(self->writer, long_text, 4096 - strlen(NAME) + 1));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(4096 - (ssize_t)strlen(NAME),
		  write(self->writer, long_text, 4096 - strlen(NAME)));
	EXPECT_EQ(-1, write(self->writer, mqt_nowhere(), 4));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, read(self->reader, mqt_nowhere(), 4));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, say(self->reader, "x"));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, read(self->writer, self->buffer, 1));
	EXPECT_EQ(EBADF, errno);
}

TEST_F(node, the_inode_decides_who_may_open)
{
	EXPECT_EQ(0, setegid(1000));
	EXPECT_EQ(0, seteuid(1000));
	EXPECT_EQ(-EACCES, mqt_node(NAME, O_RDONLY));
	EXPECT_EQ(0, seteuid(0));
	ASSERT_EQ(0, chmod("/dev/mq/" NAME, 0644));
	EXPECT_EQ(0, seteuid(1000));
	EXPECT_LE(0, mqt_node(NAME, O_RDONLY));
	EXPECT_EQ(-EACCES, mqt_node(NAME, O_WRONLY));
	/* What was opened before stays open. */
	EXPECT_EQ(1, say(self->writer, "x"));
	EXPECT_EQ(0, seteuid(0));
	EXPECT_EQ(0, setegid(0));
}

TEST_F(node, a_full_channel)
{
	const struct mqt_config reject = {
		.name = NAME, .slots = SLOTS, .bytes = 16384, .overflow = MQ_OVERFLOW_REJECT,
	};
	struct mqt_subscription holder;
	unsigned int i;
	int writer;

	ASSERT_EQ(0, mqt_create(&reject));
	writer = mqt_node(NAME, O_WRONLY | O_NONBLOCK);
	ASSERT_EQ(0, mqt_subscribe_to(&holder, NAME, MQ_SUBSCRIBE_HOLD, "#"));
	for (i = 0; i < SLOTS; i++)
		EXPECT_EQ(1, say(writer, "x"));
	EXPECT_EQ(-1, say(writer, "x"));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, mqt_poll(writer, POLLOUT, 0));
	close(holder.fd);
	EXPECT_EQ(POLLOUT, mqt_poll(writer, POLLOUT, -1));
	EXPECT_EQ(1, say(writer, "x"));
}

/* So many that a publish leaves them to a work item; then few again. */
TEST_F(node, a_crowd_of_pollers)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	unsigned int round, i, count = CROWD;
	int epoll[CROWD];

	for (i = 0; i < CROWD; i++) {
		epoll[i] = epoll_create1(EPOLL_CLOEXEC);
		ASSERT_LE(0, epoll[i]);
		ASSERT_EQ(0, epoll_ctl(epoll[i], EPOLL_CTL_ADD, self->reader, &event));
	}
	for (round = 0; round < 4; round++) {
		ASSERT_EQ(1, say(self->writer, "x"));
		for (i = 0; i < count; i++)
			ASSERT_EQ(1, epoll_wait(epoll[i], &event, 1, -1));
		EXPECT_STREQ("x", text(self, self->reader, 1));
		while (round == 1 && count > 1)
			close(epoll[--count]);
	}
}

TEST_HARNESS_MAIN
