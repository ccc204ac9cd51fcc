// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * When wills speak: at the last close, whoever has the descriptor by then and
 * however its process ends; at the end of a process; after a delay.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-will-end"
#define SLOTS 32768U
#define HOUR_MS 3600000U
/* Processes that outlive who started them; their ids lie behind the steps. */
#define LINGERERS 8

FIXTURE(will_end) {
	int node;
	int publisher;
	struct mqt_subscription subscription;
	uint64_t *step;
	uint64_t memory;
};

FIXTURE_SETUP(will_end)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "a/#" },
	};

	mqt_delete(NAME);
	self->memory = mqt_param("memory");
	ASSERT_EQ(0, mqt_create(&config));
	self->node = mqt_node(NAME, O_RDONLY);
	self->publisher = mqt_publisher(NAME, 0);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "#"));
	/* What processes have come to. */
	self->step = mqt_shared(4096);
}

FIXTURE_TEARDOWN(will_end)
{
	int i;

	for (i = 0; i < LINGERERS; i++)
		if (self->step[LINGERERS + i])
			kill(self->step[LINGERERS + i], SIGKILL);
	mqt_delete(NAME);
}

static struct mq_info info(void)
{
	struct mq_info info;

	if (mqt_info(NAME, &info))
		abort();
	return info;
}

static uint64_t boottime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void step(uint64_t *step)
{
	__atomic_add_fetch(step, 1, __ATOMIC_RELEASE);
}

static pid_t start(void)
{
	pid_t child = fork();

	if (!child)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child;
}

/* A process that has all descriptors of this one and does nothing. */
static void linger(uint64_t *step)
{
	uint64_t *pid = step + LINGERERS;
	pid_t child;

	while (*pid)
		pid++;
	child = fork();
	if (!child)
		for (;;)
			pause();
	*pid = child;
}

static bool ended(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child;
}

static bool killed(pid_t child)
{
	return !kill(child, SIGKILL) && ended(child);
}

static int will_with(int fd, uint64_t id, const char *payload, uint32_t flags, uint32_t delay_ms)
{
	struct mq_will will;

	mqt_will(&will, id, "a/will", payload, strlen(payload));
	will.flags = flags;
	will.delay_ms = delay_ms;
	return mqt_ioctl(fd, MQ_IOC_WILL_SET, &will);
}

/* ---- the last close ----------------------------------------------------- */

TEST_F(will_end, a_killed_process_is_heard_by_who_waits)
{
	struct mqt_reply event;
	int events;
	pid_t child = start();

	if (!child) {
		int fd = mqt_publisher(NAME, 0);

		if (!will_with(fd, 1, "last words", 0, 0))
			step(self->step);
		for (;;)
			pause();
	}
	mqt_wait_count(self->step, 1);
	EXPECT_STREQ("", mqt_read_text(self->subscription.fd));
	events = mqt_events_open();
	/* A subscriber that sleeps is woken by nothing but the will. */
	if (!start()) {
		__atomic_store_n(self->step + 1, getpid(), __ATOMIC_RELEASE);
		if (mqt_poll(self->subscription.fd, POLLIN, -1) == POLLIN)
			step(self->step + 2);
		_exit(0);
	}
	mqt_wait_count(self->step + 1, 1);
	mqt_wait_in_call(self->step[1], SYS_poll);
	ASSERT_TRUE(killed(child));
	mqt_wait_count(self->step + 2, 1);
	EXPECT_STREQ("!a/will=last words ", mqt_read_text(self->subscription.fd));
	ASSERT_EQ(0, mqt_events_next(events, &event));
	EXPECT_EQ(MQ_EVENT_WILL, (int)mqt_u32(&event.attrs, MQ_A_EVENT));
	EXPECT_EQ((uint32_t)child, mqt_u32(&event.attrs, MQ_A_PID));
	EXPECT_EQ(1U, mqt_u64(&event.attrs, MQ_A_SEQUENCE));
	/* What came first is told first. */
	ASSERT_EQ(0, mqt_events_next(events, &event));
	EXPECT_EQ(MQ_EVENT_PUBLISHER_CLOSED, (int)mqt_u32(&event.attrs, MQ_A_EVENT));
}

TEST_F(will_end, a_child_keeps_it)
{
	pid_t child;

	ASSERT_EQ(0, will_with(self->publisher, 1, "x", 0, 0));
	child = start();
	if (!child)
		for (;;)
			pause();
	close(self->publisher);
	EXPECT_STREQ("", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(1U, info().wills);
	ASSERT_TRUE(killed(child));
	EXPECT_STREQ("!a/will=x ", mqt_read_text(self->subscription.fd));
}

static bool send_descriptor(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1;
}

TEST_F(will_end, a_descriptor_under_way_keeps_it)
{
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, will_with(self->publisher, 1, "x", MQ_WILL_ON_EXIT, 0));
	ASSERT_TRUE(send_descriptor(pair[0], self->publisher));
	close(self->publisher);
	EXPECT_STREQ("", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(1U, info().wills);
	close(pair[0]);
	close(pair[1]);
	/* The socket's descriptors may be put by a work item. */
	EXPECT_EQ(POLLIN, mqt_poll(self->subscription.fd, POLLIN, -1));
	EXPECT_STREQ("!a/will=x ", mqt_read_text(self->subscription.fd));
}

/* Many on one descriptor, in order, more than one hold of the lock takes. */
TEST_F(will_end, thousands_by_id)
{
	unsigned int i, count = mqt_count(SLOTS / 4);
	struct mqt_view view;
	struct mqt_map map;
	uint32_t number;
	struct mq_will will;

	ASSERT_EQ(0, mqt_map(&map, &self->subscription));
	for (i = 0; i < count; i++) {
		number = i;
		mqt_will(&will, (uint64_t)i * 2654435761U, "a/many", &number, sizeof(number));
		ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_WILL_SET, &will));
	}
	EXPECT_EQ(count, info().wills);
	/* Every third goes in peace. */
	for (i = 0; i < count; i += 3)
		ASSERT_EQ(1, mqt_will_clear(self->publisher, 0, (uint64_t)i * 2654435761U));
	EXPECT_EQ(count - (count + 2) / 3, info().wills);
	close(self->publisher);
	EXPECT_EQ(0U, info().wills);
	EXPECT_EQ(1 + count - (count + 2) / 3, mqt_head(&map));
	for (i = 0; i < mqt_head(&map) - 1; i++) {
		ASSERT_EQ(0, mqt_peek(&map, i + 1, &view));
		memcpy(&number, view.payload, sizeof(number));
		ASSERT_EQ(i / 2 * 3 + i % 2 + 1, number);
		ASSERT_EQ(MQ_RECORD_WILL, (int)view.flags);
	}
}

/* Killed by the dozen while others publish: each is heard, once. */
TEST_F(will_end, of_many_processes)
{
	unsigned int i, round, count = mqt_count(200);
	pid_t child[8], other;
	uint64_t heard = 0;

	other = start();
	if (!other)
		while (!mqt_publish_str(self->publisher, "a/other", "x"))
			step(self->step + 1);
	for (round = 0; round < (count + 7) / 8; round++) {
		*self->step = 0;
		for (i = 0; i < 8; i++) {
			child[i] = start();
			if (!child[i]) {
				int fd = mqt_publisher(NAME, 0);

				if (!will_with(fd, 1, "x", 0, 0) && !will_with(fd, 2, "y", 0, 0))
					step(self->step);
				for (;;)
					pause();
			}
		}
		mqt_wait_count(self->step, 8);
		for (i = 0; i < 8; i++)
			ASSERT_EQ(0, kill(child[i], SIGKILL));
		for (i = 0; i < 8; i++)
			ASSERT_TRUE(ended(child[i]));
		ASSERT_EQ(0U, info().wills);
		ASSERT_EQ(0U, info().wills_lost);
		heard += 16;
	}
	ASSERT_TRUE(killed(other));
	/* The last one of the other may not have come to count itself. */
	EXPECT_LE(heard + self->step[1], info().published);
	EXPECT_GE(heard + self->step[1] + 1, info().published);
}

/* ---- the end of a process ----------------------------------------------- */

TEST_F(will_end, on_exit_although_a_child_has_it)
{
	pid_t setter = start();

	if (!setter) {
		int fd = mqt_publisher(NAME, 0);

		if (will_with(fd, 1, "at the close", 0, 0) ||
		    will_with(fd, 2, "on exit", MQ_WILL_ON_EXIT, 0))
			_exit(1);
		linger(self->step);
		/* Not the one who set them: its end says nothing. */
		if (!fork())
			_exit(0);
		wait(NULL);
		step(self->step);
		for (;;)
			pause();
	}
	mqt_wait_count(self->step, 1);
	EXPECT_STREQ("", mqt_read_text(self->subscription.fd));
	ASSERT_TRUE(killed(setter));
	EXPECT_STREQ("!a/will=on exit ", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(1U, info().wills);
	ASSERT_EQ(0, kill(self->step[LINGERERS], SIGKILL));
	EXPECT_EQ(POLLIN, mqt_poll(self->subscription.fd, POLLIN, -1));
	/* Once. */
	EXPECT_STREQ("!a/will=at the close ", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(0U, info().wills);
}

/* Closing is no exit, and neither is the end of a thread. */
static void *set_and_end(void *arg)
{
	int fd = *(int *)arg;

	/* With descriptors of its own, so that its end closes them. */
	if (will_with(fd, 1, "thread", MQ_WILL_ON_EXIT, 0) || unshare(CLONE_FILES))
		abort();
	return NULL;
}

TEST_F(will_end, on_exit_of_the_process_not_of_a_thread)
{
	pid_t setter = start();

	if (!setter) {
		int fd = mqt_publisher(NAME, 0);
		pthread_t thread;

		if (pthread_create(&thread, NULL, set_and_end, &fd))
			_exit(1);
		pthread_join(thread, NULL);
		close(dup(fd));
		linger(self->step);
		step(self->step);
		for (;;)
			pause();
	}
	mqt_wait_count(self->step, 1);
	EXPECT_STREQ("", mqt_read_text(self->subscription.fd));
	EXPECT_EQ(1U, info().wills);
	ASSERT_TRUE(killed(setter));
	EXPECT_STREQ("!a/will=thread ", mqt_read_text(self->subscription.fd));
}

/* A process of several threads, all of which end at once. */
static void *sleep_for_ever(void *arg)
{
	step(arg);
	for (;;)
		pause();
	return NULL;
}

TEST_F(will_end, on_exit_of_many_threads)
{
	pid_t setter = start();

	if (!setter) {
		int fd = mqt_publisher(NAME, 0);
		pthread_t thread;
		int i;

		for (i = 0; i < 4; i++)
			if (pthread_create(&thread, NULL, sleep_for_ever, self->step))
				_exit(1);
		if (will_with(fd, 1, "all", MQ_WILL_ON_EXIT, 0))
			_exit(1);
		linger(self->step);
		step(self->step);
		for (;;)
			pause();
	}
	mqt_wait_count(self->step, 5);
	ASSERT_TRUE(killed(setter));
	EXPECT_STREQ("!a/will=all ", mqt_read_text(self->subscription.fd));
}

/* Whoever stalls in a call on the descriptor holds up no will. */
TEST_F(will_end, on_exit_while_another_stalls)
{
	struct mqt_fuse fuse;
	pid_t setter;
	void *memory;

	ASSERT_EQ(0, mqt_fuse_start(&fuse));
	memory = mqt_fuse_map(&fuse);
	ASSERT_NE(NULL, memory);
	setter = start();
	if (!setter) {
		int fd = mqt_publisher(NAME, 0);

		if (will_with(fd, 1, "x", MQ_WILL_ON_EXIT, 0))
			_exit(1);
		if (!fork()) {
			/* Reads the payload, with the publisher's mutex. */
			mqt_publish(fd, "a/slow", memory, MQT_FUSE_SIZE);
			_exit(0);
		}
		for (;;)
			pause();
	}
	mqt_wait_count(fuse.stalled, 1);
	ASSERT_TRUE(killed(setter));
	EXPECT_STREQ("!a/will=x ", mqt_read_text(self->subscription.fd));
	mqt_fuse_release(&fuse, 1);
	EXPECT_EQ(POLLIN, mqt_poll(self->subscription.fd, POLLIN, -1));
	mqt_fuse_stop(&fuse);
}

/* ---- delays ------------------------------------------------------------- */

TEST_F(will_end, after_a_delay)
{
	uint64_t begin;

	ASSERT_EQ(0, will_with(self->publisher, 1, "late", 0, 60));
	ASSERT_EQ(0, will_with(self->publisher, 2, "now", 0, 0));
	ASSERT_EQ(0, will_with(self->publisher, 3, "sooner", 0, 30));
	ASSERT_EQ(0, will_with(self->publisher, 4, "never seen", 0, HOUR_MS));
	begin = boottime();
	close(self->publisher);
	while (info().head < 4)
		sched_yield();
	EXPECT_LE(begin + 60000000, boottime());
	EXPECT_STREQ("!a/will=now !a/will=sooner !a/will=late ",
		     mqt_read_text(self->subscription.fd));
	EXPECT_EQ(1U, info().wills);
	EXPECT_EQ(0U, info().publishers);
}

TEST_F(will_end, equal_delays_keep_the_order)
{
	unsigned int i, count = mqt_count(1000);
	struct mqt_view view;
	struct mqt_map map;
	uint32_t number;

	ASSERT_EQ(0, mqt_map(&map, &self->subscription));
	for (i = 0; i < count; i++) {
		struct mq_will will;

		number = i;
		mqt_will(&will, i, "a/many", &number, sizeof(number));
		will.delay_ms = 1;
		ASSERT_EQ(0, mqt_ioctl(self->publisher, MQ_IOC_WILL_SET, &will));
	}
	close(self->publisher);
	while (mqt_head(&map) <= count)
		sched_yield();
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, mqt_peek(&map, i + 1, &view));
		memcpy(&number, view.payload, sizeof(number));
		ASSERT_EQ(i, number);
	}
	while (info().wills)
		sched_yield();
}

/* Those of several publishers, each with its own id. */
TEST_F(will_end, delays_of_several)
{
	struct mq_publisher_new args[2] = {};
	struct mqt_view view;
	struct mqt_map map;
	int fd[2], i;

	ASSERT_EQ(0, mqt_map(&map, &self->subscription));
	for (i = 0; i < 2; i++) {
		fd[i] = mqt_ioctl(mqt_node(NAME, O_WRONLY), MQ_IOC_PUBLISHER, &args[i]);
		ASSERT_EQ(0, will_with(fd[i], 1, "x", 0, 20));
	}
	for (i = 0; i < 2; i++)
		close(fd[i]);
	while (mqt_head(&map) < 3)
		sched_yield();
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, mqt_peek(&map, i + 1, &view));
		EXPECT_EQ(args[i].id, view.publisher);
	}
}

TEST_F(will_end, a_deleted_channel_waits_for_no_delay)
{
	struct mq_info last;
	struct mqt_reply event;
	int events, lost = 0;

	ASSERT_EQ(0, will_with(self->publisher, 1, "x", 0, HOUR_MS));
	ASSERT_EQ(0, will_with(self->publisher, 2, "y", 0, HOUR_MS));
	close(self->publisher);
	EXPECT_EQ(2U, info().wills);
	events = mqt_events_open();
	ASSERT_EQ(0, mqt_delete(NAME));
	do {
		memset(&last, 0, sizeof(last));
		ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_INFO, &last));
	} while (last.wills_lost < 2);
	EXPECT_EQ(0U, last.wills);
	EXPECT_EQ(1U, last.head);
	while (lost < 2) {
		ASSERT_EQ(0, mqt_events_next(events, &event));
		if (mqt_u32(&event.attrs, MQ_A_EVENT) != MQ_EVENT_WILL)
			continue;
		EXPECT_TRUE(mqt_has(&event.attrs, MQ_A_SEQUENCE));
		EXPECT_EQ(0U, mqt_u64(&event.attrs, MQ_A_SEQUENCE));
		lost++;
	}
	close(self->node);
	close(self->subscription.fd);
	mqt_wait_memory(self->memory);
}

/* Nothing but the wills has it any more when it is deleted. */
TEST_F(will_end, a_channel_of_nobody)
{
	ASSERT_EQ(0, will_with(self->publisher, 1, "x", 0, HOUR_MS));
	close(self->publisher);
	close(self->node);
	close(self->subscription.fd);
	ASSERT_EQ(0, mqt_delete(NAME));
	mqt_wait_memory(self->memory);
}

/* Deleted at any moment while delays come to their end. */
TEST_F(will_end, deleted_meanwhile)
{
	const struct mqt_config config = { .name = NAME, .slots = 64, .claims = { "a/#" } };
	unsigned int round, i;

	close(self->node);
	close(self->subscription.fd);
	close(self->publisher);
	for (round = 0; round < mqt_count(50); round++) {
		ASSERT_EQ(0, mqt_create(&config));
		self->publisher = mqt_publisher(NAME, 0);
		for (i = 0; i < 8; i++)
			ASSERT_EQ(0, will_with(self->publisher, i, "x", 0, 1 + i % 3 * round % 7));
		close(self->publisher);
		while (round % 3 && info().head < round % 3)
			sched_yield();
		ASSERT_EQ(0, mqt_delete(NAME));
	}
	mqt_wait_memory(self->memory);
}

TEST_F(will_end, on_exit_with_a_delay)
{
	pid_t setter = start();

	if (!setter) {
		int fd = mqt_publisher(NAME, 0);

		if (will_with(fd, 1, "x", MQ_WILL_ON_EXIT, 20))
			_exit(1);
		linger(self->step);
		step(self->step);
		for (;;)
			pause();
	}
	mqt_wait_count(self->step, 1);
	ASSERT_TRUE(killed(setter));
	EXPECT_EQ(POLLIN, mqt_poll(self->subscription.fd, POLLIN, -1));
	EXPECT_STREQ("!a/will=x ", mqt_read_text(self->subscription.fd));
}

TEST_HARNESS_MAIN
