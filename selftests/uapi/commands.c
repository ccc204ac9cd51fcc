// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* MQ_IOC_RECEIVE and MQ_IOC_ACK: what they do, and each of their errors. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-commands"
#define SLOTS 64U
#define PAGE 4096U

FIXTURE(commands) {
	int publisher;
	struct mqt_subscription subscription;
	struct mqt_map map;
	uint64_t buffer[8192];
	struct mq_receive receive;
};

FIXTURE_SETUP(commands)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "#" },
	};

	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "a/#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
}

FIXTURE_TEARDOWN(commands)
{
	mqt_delete(NAME);
}

/* A call that has not been made: "in" fields set, the others poisoned. */
static struct mq_receive *call(FIXTURE_DATA(commands) * self, uint32_t buffer_size)
{
	return mqt_receive(&self->receive, 0, self->buffer, buffer_size);
}

/* Takes what fits into @size bytes: how many records, or -errno. */
static int receive(FIXTURE_DATA(commands) * self, uint32_t size)
{
	int error = mqt_ioctl(self->subscription.fd, MQ_IOC_RECEIVE, call(self, size));

	return error ? error : (int)self->receive.count;
}

static int refusal(FIXTURE_DATA(commands) * self)
{
	return mqt_refusal(self->subscription.fd, MQ_IOC_RECEIVE, &self->receive);
}

/* The sequence of record @index of the buffer. */
static uint64_t sequence_at(FIXTURE_DATA(commands) * self, unsigned int index)
{
	const struct mq_record *record = (void *)self->buffer;

	while (index--)
		record = (void *)((char *)record + record->size);
	return record->sequence;
}

static int publish_many(FIXTURE_DATA(commands) * self, const char *topic, unsigned int count)
{
	int error = 0;

	while (count-- && !error)
		error = mqt_publish_str(self->publisher, topic, "payload");
	return error;
}

/* ---- receive --------------------------------------------------------- */

TEST_F(commands, receive_takes_what_matches)
{
	const struct mq_record *record = (void *)self->buffer;

	ASSERT_EQ(0, publish_many(self, "a/1", 1));
	ASSERT_EQ(0, publish_many(self, "b", 1));
	ASSERT_EQ(0, publish_many(self, "a/22", 1));
	ASSERT_EQ(0, publish_many(self, "b", 1));
	ASSERT_EQ(2, receive(self, sizeof(self->buffer)));
	/* 40 + 3 + 7 and 40 + 4 + 7, in multiples of 8. */
	EXPECT_EQ(56U + 56U, self->receive.buffer_size);
	EXPECT_EQ((uintptr_t)self->buffer, self->receive.buffer);
	EXPECT_EQ(0U, self->receive.flags);
	EXPECT_EQ(0U, self->receive.reserved0);
	EXPECT_EQ(5U, self->receive.position);
	EXPECT_EQ(5U, self->map.control->cursor);
	EXPECT_EQ(0U, self->receive.passed);
	EXPECT_EQ(0U, self->receive.missed);
	EXPECT_EQ(1U, sequence_at(self, 0));
	EXPECT_EQ(3U, sequence_at(self, 1));
	EXPECT_EQ(7U, record->payload_len);
	EXPECT_EQ(0, memcmp("a/1payload", record + 1, 10));
	/* Each record to one caller. */
	EXPECT_EQ(-EAGAIN, receive(self, sizeof(self->buffer)));
	EXPECT_EQ(-1, read(self->subscription.fd, self->buffer, sizeof(self->buffer)));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(commands, receive_takes_what_fits)
{
	ASSERT_EQ(0, publish_many(self, "a/1", 3));
	EXPECT_EQ(2, receive(self, 2 * 56 + 55));
	EXPECT_EQ(2U * 56, self->receive.buffer_size);
	EXPECT_EQ(3U, self->receive.position);
	EXPECT_EQ(1, receive(self, 56));
	EXPECT_EQ(3U, sequence_at(self, 0));
	EXPECT_EQ(4U, self->receive.position);
}

TEST_F(commands, receive_never_blocks)
{
	struct mqt_subscription blocking;

	ASSERT_EQ(0, mqt_subscribe(&blocking, NAME, 0, MQ_START_LATEST, 0));
	/* Neither without a filter nor without a record. */
	call(self, PAGE);
	EXPECT_EQ(EAGAIN, mqt_refusal(blocking.fd, MQ_IOC_RECEIVE, &self->receive));
	ASSERT_EQ(0, mqt_filter_add(blocking.fd, "a/#", 1, NULL));
	EXPECT_EQ(EAGAIN, mqt_refusal(blocking.fd, MQ_IOC_RECEIVE, &self->receive));
	EXPECT_EQ(EAGAIN, refusal(self));
}

TEST_F(commands, receive_says_what_it_needs)
{
	struct mq_receive before;

	ASSERT_EQ(0, publish_many(self, "a/1", 1));
	before = *call(self, 55);
	memset(self->buffer, MQT_POISON, sizeof(self->buffer));
	EXPECT_EQ(-EMSGSIZE, mqt_ioctl(self->subscription.fd, MQ_IOC_RECEIVE, &self->receive));
	EXPECT_EQ(56U, self->receive.buffer_size);
	before.buffer_size = 56;
	EXPECT_EQ(0, memcmp(&before, &self->receive, sizeof(before)));
	EXPECT_EQ(1U, self->map.control->cursor);
	EXPECT_EQ(0xa5a5a5a5a5a5a5a5U, self->buffer[0]);
	call(self, 0);
	EXPECT_EQ(-EMSGSIZE, mqt_ioctl(self->subscription.fd, MQ_IOC_RECEIVE, &self->receive));
	EXPECT_EQ(56U, self->receive.buffer_size);
	EXPECT_EQ(1, receive(self, 56));
}

TEST_F(commands, receive_refuses_nonsense)
{
	ASSERT_EQ(0, publish_many(self, "a/1", 1));
	call(self, PAGE)->flags = MQ_RECEIVE_WAIT;
	EXPECT_EQ(EINVAL, refusal(self));
	call(self, PAGE)->flags = 0x2;
	EXPECT_EQ(EINVAL, refusal(self));
	call(self, PAGE)->flags = 0x80000000;
	EXPECT_EQ(EINVAL, refusal(self));
	call(self, PAGE)->reserved0 = 1;
	EXPECT_EQ(EINVAL, refusal(self));
	call(self, PAGE)->reserved[0] = 1;
	EXPECT_EQ(EINVAL, refusal(self));
	call(self, PAGE)->reserved[1] = 1;
	EXPECT_EQ(EINVAL, refusal(self));
	call(self, PAGE);
	EXPECT_EQ(ENOTTY, mqt_refusal(self->publisher, MQ_IOC_RECEIVE, &self->receive));
	EXPECT_EQ(ENOTTY, mqt_refusal(mqt_node(NAME, O_RDWR), MQ_IOC_RECEIVE, &self->receive));
	/* The record is still there. */
	EXPECT_EQ(1, receive(self, PAGE));
}

TEST_F(commands, receive_without_memory)
{
	struct mq_receive *frozen;

	ASSERT_EQ(0, publish_many(self, "a/1", 2));
	EXPECT_EQ(-EFAULT, mqt_ioctl(self->subscription.fd, MQ_IOC_RECEIVE, mqt_nowhere()));
	call(self, PAGE)->buffer = (uintptr_t)mqt_nowhere();
	EXPECT_EQ(EFAULT, refusal(self));
	EXPECT_EQ(1U, self->map.control->cursor);
	frozen = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)frozen);
	*frozen = *call(self, 55);
	ASSERT_EQ(0, mprotect(frozen, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, mqt_refusal(self->subscription.fd, MQ_IOC_RECEIVE, frozen));
	EXPECT_EQ(1U, self->map.control->cursor);
	/* Taken, but that can't be told. */
	ASSERT_EQ(0, mprotect(frozen, PAGE, PROT_READ | PROT_WRITE));
	*frozen = *call(self, 56);
	ASSERT_EQ(0, mprotect(frozen, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, mqt_refusal(self->subscription.fd, MQ_IOC_RECEIVE, frozen));
	EXPECT_EQ(1U, sequence_at(self, 0));
	EXPECT_EQ(1, receive(self, PAGE));
	EXPECT_EQ(2U, sequence_at(self, 0));
}

TEST_F(commands, receive_from_a_deleted_channel)
{
	ASSERT_EQ(0, publish_many(self, "a/1", 2));
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(1, receive(self, 56));
	EXPECT_EQ(1, receive(self, 56));
	call(self, PAGE);
	EXPECT_EQ(ENODEV, refusal(self));
	EXPECT_EQ(ENODEV, refusal(self));
}

TEST_F(commands, receive_tells_of_a_gap_once)
{
	uint64_t oldest;

	ASSERT_EQ(0, publish_many(self, "b", 2));
	ASSERT_EQ(0, publish_many(self, "a/1", 3 * SLOTS));
	oldest = mqt_oldest(&self->map);
	ASSERT_EQ(1, receive(self, 56));
	EXPECT_EQ(oldest, sequence_at(self, 0));
	EXPECT_EQ(oldest - 1, self->receive.passed);
	EXPECT_EQ(oldest - 3, self->receive.missed);
	EXPECT_EQ(oldest + 1, self->receive.position);
	EXPECT_EQ(self->receive.passed, self->map.status->passed);
	ASSERT_EQ(1, receive(self, 56));
	EXPECT_EQ(0U, self->receive.passed);
	EXPECT_EQ(0U, self->receive.missed);
}

TEST_F(commands, receive_tells_what_read_noticed)
{
	uint64_t passed, missed;

	/* A gap that read(2) steps over, then one of its own. */
	ASSERT_EQ(0, publish_many(self, "a/1", 3 * SLOTS));
	ASSERT_EQ(56, read(self->subscription.fd, self->buffer, 56));
	passed = self->map.status->passed;
	missed = self->map.status->missed;
	ASSERT_LT(0U, passed);
	ASSERT_EQ(1, receive(self, 56));
	EXPECT_EQ(passed, self->receive.passed);
	EXPECT_EQ(missed, self->receive.missed);
	ASSERT_EQ(0, publish_many(self, "a/1", 3 * SLOTS));
	ASSERT_EQ(56, read(self->subscription.fd, self->buffer, 56));
	ASSERT_EQ(0, publish_many(self, "a/1", 3 * SLOTS));
	ASSERT_EQ(1, receive(self, 56));
	EXPECT_EQ(self->map.status->passed - passed, self->receive.passed);
	EXPECT_EQ(self->map.status->missed - missed, self->receive.missed);
}

TEST_F(commands, receive_tells_not_what_others_told)
{
	struct mqt_subscription late;
	struct mq_resync resync;

	ASSERT_EQ(0, publish_many(self, "a/1", 3 * SLOTS));
	ASSERT_EQ(0, mqt_resync(self->subscription.fd, &resync));
	ASSERT_LT(0U, resync.passed);
	ASSERT_EQ(1, receive(self, 56));
	EXPECT_EQ(0U, self->receive.passed);
	EXPECT_EQ(0U, self->receive.missed);
	/* MQ_IOC_SUBSCRIBE says where it starts. */
	ASSERT_EQ(0, mqt_subscribe(&late, NAME, 0, MQ_START_SEQUENCE, 1));
	ASSERT_LT(1U, late.position);
	ASSERT_EQ(0, mqt_filter_add(late.fd, "a/#", 1, NULL));
	ASSERT_EQ(0, mqt_ioctl(late.fd, MQ_IOC_RECEIVE, call(self, 56)));
	EXPECT_EQ(0U, self->receive.passed);
	EXPECT_EQ(0U, self->receive.missed);
}

/* A thread that receives. */
struct receiver {
	int fd;
	volatile pid_t tid;
	struct mq_receive receive;
	int result;
};

static void *receive_there(void *arg)
{
	struct receiver *receiver = arg;

	__atomic_store_n(&receiver->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	receiver->result = mqt_ioctl(receiver->fd, MQ_IOC_RECEIVE, &receiver->receive);
	return NULL;
}

static void on_signal(int signal)
{
	(void)signal;
}

TEST_F(commands, receive_beside_one_that_stalls)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct receiver slow = { .fd = self->subscription.fd };
	struct receiver second = { .fd = self->subscription.fd };
	int userfault = mqt_userfault_open();
	void *page = mqt_userfault_map(userfault);
	pthread_t threads[2];

	ASSERT_NE(NULL, page);
	sigaction(SIGUSR1, &action, NULL);
	slow.receive = *call(self, PAGE);
	slow.receive.buffer = (uintptr_t)page;
	second.receive = *call(self, PAGE);
	ASSERT_EQ(0, publish_many(self, "a/1", 2));
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, receive_there, &slow));
	ASSERT_EQ(0, mqt_userfault_wait(userfault));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, receive_there, &second));
	mqt_wait_thread_in_call(&second.tid, SYS_ioctl);
	pthread_kill(threads[1], SIGUSR1);
	pthread_join(threads[1], NULL);
	EXPECT_EQ(-EINTR, second.result);
	EXPECT_EQ(0, memcmp(&second.receive, call(self, PAGE), sizeof(second.receive)));
	/* MQ_IOC_ACK waits for nobody. */
	EXPECT_EQ(0, mqt_ioctl(self->subscription.fd, MQ_IOC_ACK, &(struct mq_ack){}));
	ASSERT_EQ(0, mqt_userfault_give(userfault, page));
	pthread_join(threads[0], NULL);
	EXPECT_EQ(0, slow.result);
	EXPECT_EQ(2U, slow.receive.count);
}

/* ---- ack ------------------------------------------------------------- */

/* The cursor after an ack of @position, or -errno. */
static int64_t ack(int fd, uint64_t position)
{
	struct mq_ack args = { .position = position };
	int error = mqt_ioctl(fd, MQ_IOC_ACK, &args);

	return error ? error : (int64_t)args.position;
}

TEST_F(commands, ack_moves_the_cursor)
{
	int fd = self->subscription.fd;

	ASSERT_EQ(0, publish_many(self, "a/1", 10));
	EXPECT_EQ(4, ack(fd, 4));
	EXPECT_EQ(4U, self->map.control->cursor);
	ASSERT_EQ(1, receive(self, 56));
	EXPECT_EQ(4U, sequence_at(self, 0));
	/* Not back, and not beyond the head. */
	EXPECT_EQ(5, ack(fd, 3));
	EXPECT_EQ(5U, self->map.control->cursor);
	EXPECT_EQ(5, ack(fd, 0));
	EXPECT_EQ(11, ack(fd, UINT64_MAX));
	EXPECT_EQ(11U, self->map.control->cursor);
	EXPECT_EQ(-EAGAIN, receive(self, PAGE));
	EXPECT_EQ(0, mqt_poll(fd, POLLIN, 0));
}

TEST_F(commands, ack_beside_a_mapping)
{
	int fd = self->subscription.fd;

	ASSERT_EQ(0, publish_many(self, "a/1", 10));
	__atomic_store_n(&self->map.control->cursor, 6, __ATOMIC_RELEASE);
	EXPECT_EQ(6, ack(fd, 3));
	EXPECT_EQ(8, ack(fd, 8));
	__atomic_store_n(&self->map.control->cursor, 2, __ATOMIC_RELEASE);
	EXPECT_EQ(9, ack(fd, 9));
	ASSERT_EQ(1, receive(self, 56));
	EXPECT_EQ(9U, sequence_at(self, 0));
}

TEST_F(commands, ack_gives_space)
{
	struct mqt_subscription holder;
	uint64_t count = 0;

	ASSERT_EQ(0, mqt_subscribe_to(&holder, NAME, MQ_SUBSCRIBE_HOLD, "a/#"));
	while (!publish_many(self, "a/1", 1))
		count++;
	ASSERT_LE(SLOTS, count);
	EXPECT_EQ(0, mqt_poll(self->publisher, POLLOUT, 0));
	/* One is not enough to wake a publisher, all are. */
	EXPECT_EQ(2, ack(holder.fd, 2));
	EXPECT_EQ(0, mqt_poll(self->publisher, POLLOUT, 0));
	EXPECT_EQ((int64_t)count + 1, ack(holder.fd, count + 1));
	EXPECT_EQ(POLLOUT, mqt_poll(self->publisher, POLLOUT, 0));
	EXPECT_EQ(0, publish_many(self, "a/1", SLOTS / 2));
}

TEST_F(commands, ack_refuses_nonsense)
{
	struct mq_ack args = { .position = 2 };
	int fd = self->subscription.fd;

	ASSERT_EQ(0, publish_many(self, "a/1", 3));
	args.flags = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(fd, MQ_IOC_ACK, &args));
	args.flags = 0;
	args.reserved0 = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(fd, MQ_IOC_ACK, &args));
	args.reserved0 = 0;
	EXPECT_EQ(ENOTTY, mqt_refusal(self->publisher, MQ_IOC_ACK, &args));
	EXPECT_EQ(ENOTTY, mqt_refusal(mqt_node(NAME, O_RDWR), MQ_IOC_ACK, &args));
	EXPECT_EQ(-EFAULT, mqt_ioctl(fd, MQ_IOC_ACK, mqt_nowhere()));
	EXPECT_EQ(1U, self->map.control->cursor);
}

TEST_HARNESS_MAIN
