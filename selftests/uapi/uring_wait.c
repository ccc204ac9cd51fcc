// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Commands of io_uring that wait: MQ_RECEIVE_WAIT. Each completes exactly once,
 * whatever ends it, and keeps nothing open. From Linux 6.7 on they are parked,
 * before they occupy worker threads; what differs is asserted on either side.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <kselftest_harness.h>
#include "uring_test.h"

#define NAME "t-uring-wait"
#define SLOTS 256U
#define PAGE 4096U
/* A record of these tests: header, "a/1", "payload". */
#define SIZE 56U

/* A command that waits, and where its records go. */
struct waiter {
	struct mq_receive receive;
	uint64_t buffer[SIZE / 8];
};

FIXTURE(wait) {
	struct mqu ring;
	int publisher;
	struct mqt_subscription subscription;
	struct mqt_map map;
	struct waiter waiters[MQ_RECEIVE_WAIT_MAX + 1];
};

FIXTURE_VARIANT(wait) {
	struct mqu_kind kind;
};

FIXTURE_VARIANT_ADD(wait, plain) {};

FIXTURE_VARIANT_ADD(wait, worker) {
	.kind.flags = IOSQE_ASYNC,
};

FIXTURE_VARIANT_ADD(wait, large) {
	.kind.setup = IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
};

FIXTURE_VARIANT_ADD(wait, deferred) {
	.kind.setup = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
};

FIXTURE_VARIANT_ADD(wait, thread) {
	.kind.setup = IORING_SETUP_SQPOLL,
};

FIXTURE_VARIANT_ADD(wait, fixed) {
	.kind.flags = IOSQE_FIXED_FILE,
};

static int create(void)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 1 << 20, .claims = { "#" },
	};

	return mqt_create(&config);
}

FIXTURE_SETUP(wait)
{
	ASSERT_EQ(0, create());
	self->publisher = mqt_publisher(NAME, 0);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "a/#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
	ASSERT_EQ(0, mqu_init(&self->ring, variant->kind));
}

FIXTURE_TEARDOWN(wait)
{
	mqu_exit(&self->ring);
	mqt_delete(NAME);
}

/* Whether commands that wait are parked and can be cancelled. */
static bool parks(void)
{
	return mqu_linux(6, 7);
}

/* Submits a command that waits; it completes with that user data. */
static struct waiter *wait_start(struct mqu *ring, int fd, struct waiter *waiter,
				 uint64_t user_data)
{
	mqt_receive(&waiter->receive, MQ_RECEIVE_WAIT, waiter->buffer, sizeof(waiter->buffer));
	memset(waiter->buffer, MQT_POISON, sizeof(waiter->buffer));
	mqu_prep(ring, fd, MQ_IOC_RECEIVE, &waiter->receive)->user_data = user_data;
	if (mqu_submit(ring) < 0)
		abort();
	return waiter;
}

static struct waiter *start(FIXTURE_DATA(wait) * self, unsigned int i)
{
	return wait_start(&self->ring, self->subscription.fd, &self->waiters[i], i);
}

static int publish(FIXTURE_DATA(wait) * self, const char *topic)
{
	return mqt_publish_str(self->publisher, topic, "payload");
}

/* The sequence of what a command that has completed received. */
static uint64_t received(const struct waiter *waiter)
{
	const struct mq_record *record = (const void *)waiter->buffer;

	if (waiter->receive.count != 1 || waiter->receive.buffer_size != SIZE ||
	    waiter->receive.position != record->sequence + 1 ||
	    memcmp("a/1payload", record + 1, 10))
		return 0;
	return record->sequence;
}

/* Whether nothing has been written to a command or its buffer. */
static bool untouched(const struct waiter *waiter)
{
	struct waiter before;

	mqt_receive(&before.receive, MQ_RECEIVE_WAIT, (void *)waiter->buffer,
		    sizeof(before.buffer));
	memset(before.buffer, MQT_POISON, sizeof(before.buffer));
	return !memcmp(&before, waiter, sizeof(before));
}

/* Waits until so many endpoints are left. */
static void wait_endpoints(uint32_t publishers, uint32_t subscriptions)
{
	struct mq_info info;

	do {
		sched_yield();
		if (mqt_info(NAME, &info))
			abort();
	} while (info.publishers != publishers || info.subscriptions != subscriptions);
}

/* ---- records --------------------------------------------------------- */

TEST_F(wait, for_nothing)
{
	ASSERT_EQ(0, publish(self, "a/1"));
	start(self, 0);
	EXPECT_EQ(0, mqu_wait(&self->ring, NULL, NULL));
	EXPECT_EQ(1U, received(&self->waiters[0]));
	EXPECT_EQ(0U, self->waiters[0].receive.passed);
	EXPECT_EQ(0U, self->waiters[0].receive.missed);
	EXPECT_EQ(MQ_RECEIVE_WAIT, (int)self->waiters[0].receive.flags);
}

TEST_F(wait, for_a_record)
{
	uint64_t i;

	for (i = 1; i < 20; i += 2) {
		start(self, 0);
		/* What does not match is not waited for. */
		ASSERT_TRUE(mqu_goes_on(&self->ring));
		ASSERT_EQ(0, publish(self, "b"));
		ASSERT_TRUE(mqu_goes_on(&self->ring));
		ASSERT_TRUE(untouched(&self->waiters[0]));
		ASSERT_EQ(0, publish(self, "a/1"));
		ASSERT_EQ(0, mqu_wait(&self->ring, NULL, NULL));
		ASSERT_EQ(i + 1, received(&self->waiters[0]));
	}
	EXPECT_TRUE(mqu_goes_on(&self->ring));
}

TEST_F(wait, each_record_for_one)
{
	bool seen[MQ_RECEIVE_WAIT_MAX + 1] = {};
	uint64_t user_data;
	unsigned int i;

	for (i = 0; i < MQ_RECEIVE_WAIT_MAX; i++)
		start(self, i);
	/* All wake up, each time, and one completes. */
	for (i = 1; i <= MQ_RECEIVE_WAIT_MAX; i++) {
		ASSERT_EQ(0, publish(self, "a/1"));
		ASSERT_EQ(0, mqu_wait(&self->ring, &user_data, NULL));
		ASSERT_GT(MQ_RECEIVE_WAIT_MAX, user_data);
		ASSERT_FALSE(seen[user_data]);
		seen[user_data] = true;
		ASSERT_EQ(i, received(&self->waiters[user_data]));
		ASSERT_TRUE(mqu_goes_on(&self->ring));
	}
	EXPECT_EQ(-1, read(self->subscription.fd, self->waiters, sizeof(self->waiters)));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(wait, beside_other_sleepers)
{
	struct pollfd entry = { .fd = self->subscription.fd, .events = POLLIN };
	struct mqt_subscription other;
	unsigned int i;

	/* On another subscription nothing is taken away. */
	ASSERT_EQ(0, mqt_subscribe_to(&other, NAME, 0, "a/1"));
	for (i = 1; i <= 10; i++) {
		wait_start(&self->ring, other.fd, &self->waiters[1], 1);
		ASSERT_TRUE(mqu_goes_on(&self->ring));
		ASSERT_EQ(0, publish(self, "a/1"));
		ASSERT_EQ(1, poll(&entry, 1, -1));
		ASSERT_EQ(0, mqu_wait(&self->ring, NULL, NULL));
		ASSERT_EQ(i, received(&self->waiters[1]));
		ASSERT_EQ((ssize_t)SIZE, read(self->subscription.fd, self->waiters, SIZE));
	}
}

/* What lies below the mark already when it comes to wait, and what comes then. */
TEST_F(wait, below_a_watermark)
{
	unsigned int i, rounds = mqt_count(100);
	struct waiter *waiter = NULL;

	__atomic_store_n(&self->map.control->wake_usec, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&self->map.control->wake_records, 1U << 30, __ATOMIC_RELAXED);
	for (i = 0; i < rounds; i++) {
		if (i % 2)
			waiter = start(self, 0);
		ASSERT_EQ(0, publish(self, "a/1"));
		if (!(i % 2))
			waiter = start(self, 0);
		ASSERT_EQ(0, mqu_wait(&self->ring, NULL, NULL));
		EXPECT_EQ(1U, waiter->receive.count);
		EXPECT_EQ(i + 2, waiter->receive.position);
	}
}

TEST_F(wait, for_a_gap)
{
	unsigned int i;

	start(self, 0);
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	ASSERT_EQ(0, publish(self, "a/1"));
	ASSERT_EQ(0, mqu_wait(&self->ring, NULL, NULL));
	for (i = 0; i < 3 * SLOTS; i++)
		ASSERT_EQ(0, publish(self, "a/1"));
	start(self, 0);
	ASSERT_EQ(0, mqu_wait(&self->ring, NULL, NULL));
	EXPECT_EQ(mqt_oldest(&self->map), received(&self->waiters[0]));
	EXPECT_EQ(mqt_oldest(&self->map) - 2, self->waiters[0].receive.passed);
	EXPECT_EQ(mqt_oldest(&self->map) - 2, self->waiters[0].receive.missed);
}

/* ---- errors ---------------------------------------------------------- */

TEST_F(wait, in_vain)
{
	struct waiter *waiter = &self->waiters[0];
	struct mq_receive *mapped;

	mqt_receive(&waiter->receive, MQ_RECEIVE_WAIT, waiter->buffer, SIZE - 1);
	mqu_prep(&self->ring, self->subscription.fd, MQ_IOC_RECEIVE, &waiter->receive);
	mqu_submit(&self->ring);
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	ASSERT_EQ(0, publish(self, "a/1"));
	EXPECT_EQ(-EMSGSIZE, mqu_wait(&self->ring, NULL, NULL));
	EXPECT_EQ(SIZE, waiter->receive.buffer_size);
	EXPECT_EQ(0xa5a5a5a5U, waiter->receive.count);
	EXPECT_EQ((ssize_t)SIZE, read(self->subscription.fd, waiter->buffer, SIZE));

	mqt_receive(&waiter->receive, MQ_RECEIVE_WAIT, mqt_nowhere(), SIZE);
	mqu_prep(&self->ring, self->subscription.fd, MQ_IOC_RECEIVE, &waiter->receive);
	mqu_submit(&self->ring);
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	ASSERT_EQ(0, publish(self, "a/1"));
	EXPECT_EQ(-EFAULT, mqu_wait(&self->ring, NULL, NULL));
	EXPECT_EQ((ssize_t)SIZE, read(self->subscription.fd, waiter->buffer, SIZE));

	/* Its argument did not stay. */
	mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)mapped);
	mqt_receive(mapped, MQ_RECEIVE_WAIT, waiter->buffer, SIZE);
	mqu_prep(&self->ring, self->subscription.fd, MQ_IOC_RECEIVE, mapped);
	mqu_submit(&self->ring);
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	munmap(mapped, PAGE);
	memset(waiter->buffer, MQT_POISON, sizeof(waiter->buffer));
	ASSERT_EQ(0, publish(self, "a/1"));
	EXPECT_EQ(-EFAULT, mqu_wait(&self->ring, NULL, NULL));
	/* A worker thread that had read it when it went takes the record all the same. */
	if (parks() || memcmp("a/1payload", (struct mq_record *)waiter->buffer + 1, 10))
		EXPECT_EQ((ssize_t)SIZE, read(self->subscription.fd, waiter->buffer, SIZE));
	EXPECT_EQ(0, memcmp("a/1payload", (struct mq_record *)waiter->buffer + 1, 10));
}

TEST_F(wait, no_more_than_the_limit)
{
	uint64_t user_data;
	unsigned int i;

	/* One of them is too many. */
	for (i = 0; i <= MQ_RECEIVE_WAIT_MAX; i++)
		start(self, i);
	EXPECT_EQ(-EBUSY, mqu_wait(&self->ring, &user_data, NULL));
	ASSERT_GE(MQ_RECEIVE_WAIT_MAX, user_data);
	EXPECT_TRUE(untouched(&self->waiters[user_data]));
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	/* Each that ends makes room. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, publish(self, "a/1"));
		ASSERT_EQ(0, mqu_wait(&self->ring, &user_data, NULL));
		start(self, user_data);
		ASSERT_TRUE(mqu_goes_on(&self->ring));
	}
	/* And nobody keeps a place. */
	for (i = 0; i < MQ_RECEIVE_WAIT_MAX; i++)
		ASSERT_EQ(0, publish(self, "a/1"));
	for (i = 0; i < MQ_RECEIVE_WAIT_MAX; i++)
		ASSERT_EQ(0, mqu_wait(&self->ring, NULL, NULL));
	for (i = 0; i < MQ_RECEIVE_WAIT_MAX; i++)
		start(self, i);
	EXPECT_TRUE(mqu_goes_on(&self->ring));
}

TEST_F(wait, for_a_channel_that_is_deleted)
{
	unsigned int i;

	for (i = 0; i < 5; i++)
		start(self, i);
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	ASSERT_EQ(0, mqt_delete(NAME));
	for (i = 0; i < 5; i++) {
		uint64_t user_data;

		EXPECT_EQ(-ENODEV, mqu_wait(&self->ring, &user_data, NULL));
		EXPECT_TRUE(untouched(&self->waiters[user_data]));
	}
	start(self, 0);
	EXPECT_EQ(-ENODEV, mqu_wait(&self->ring, NULL, NULL));
}

/* ---- ends ------------------------------------------------------------ */

/* How many commands a worker began too late: the descriptor was gone. */
static unsigned int late_commands(struct mqu *ring)
{
	struct io_uring_cqe *cqe;
	unsigned int head, count = 0;

	io_uring_for_each_cqe(&ring->ring, head, cqe)
		count += cqe->res == -EBADF;
	return count;
}

TEST_F(wait, until_the_ring_ends)
{
	struct mq_info info;
	unsigned int i;

	for (i = 0; i < 5; i++)
		start(self, i);
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	/* The commands keep the subscription open, and then nothing does. */
	mqt_unmap(&self->map);
	close(self->subscription.fd);
	do {
		sched_yield();
		ASSERT_EQ(0, mqt_info(NAME, &info));
		i = late_commands(&self->ring);
	} while (info.subscriptions != 1 && i < 5);
	/* Only workers look for the descriptor later than at the submission. */
	if (!(variant->kind.flags & IOSQE_ASYNC))
		EXPECT_EQ(0U, i);
	mqu_exit(&self->ring);
	wait_endpoints(1, 0);
	for (i = 0; i < 5; i++)
		EXPECT_TRUE(untouched(&self->waiters[i]));
	ASSERT_EQ(0, mqu_init(&self->ring, variant->kind));
}

/* A process that has commands of each kind in flight. */
static void hang(struct mqu_kind kind, volatile uint64_t *ready)
{
	static struct waiter waiters[5];
	struct mqt_subscription subscription;
	struct mq_publish record;
	int publisher = mqt_publisher(NAME, 0);
	struct mqu ring;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mqu_init(&ring, kind) || mqt_subscribe_to(&subscription, NAME, 0, "a/#"))
		abort();
	for (i = 0; i < 5; i++)
		wait_start(&ring, subscription.fd, &waiters[i], i);
	mqt_record(&record, "b", "x", 1);
	for (i = 0;; i++) {
		if (mqu_call(&ring, publisher, MQ_IOC_PUBLISH, &record))
			abort();
		__atomic_store_n(ready, i, __ATOMIC_RELEASE);
		if (i == 100)
			pause();
	}
}

TEST_F(wait, until_the_process_is_killed)
{
	volatile uint64_t *ready = mqt_shared(sizeof(*ready));
	pid_t child = fork();

	if (!child)
		hang(variant->kind, ready);
	mqt_wait_count(ready, 100);
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	wait_endpoints(1, 1);
}

/* Becomes another program with its commands in flight. */
TEST_F(wait, until_the_program_ends)
{
	volatile uint64_t *ready = mqt_shared(sizeof(*ready));
	struct mqt_subscription subscription;
	struct waiter *waiters;
	struct mqu *ring;
	pid_t child = fork();
	unsigned int i;

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		waiters = mqt_shared(5 * sizeof(*waiters));
		ring = mqt_shared(sizeof(*ring));
		if (mqu_init(ring, variant->kind) ||
		    mqt_subscribe_to(&subscription, NAME, 0, "a/#"))
			abort();
		for (i = 0; i < 5; i++)
			wait_start(ring, subscription.fd, &waiters[i], i);
		__atomic_store_n(ready, 1, __ATOMIC_RELEASE);
		execl("/bin/sleep", "sleep", "1000", NULL);
		_exit(1);
	}
	mqt_wait_count(ready, 1);
	wait_endpoints(1, 1);
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
}

TEST_F(wait, for_a_cancellation)
{
	struct io_uring_sqe *sqe;
	uint64_t user_data;
	int results[2];
	unsigned int i;

	start(self, 1);
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	sqe = io_uring_get_sqe(&self->ring.ring);
	io_uring_prep_cancel64(sqe, 1, 0);
	sqe->user_data = 0;
	mqu_submit(&self->ring);
	if (parks() && !(variant->kind.flags & IOSQE_ASYNC)) {
		/* Cancelling on request does not reach it; it goes on waiting. */
		EXPECT_EQ(-ENOENT, mqu_wait(&self->ring, &user_data, NULL));
		EXPECT_EQ(0U, user_data);
		ASSERT_EQ(0, publish(self, "a/1"));
		EXPECT_EQ(0, mqu_wait(&self->ring, &user_data, NULL));
		EXPECT_EQ(1U, user_data);
		EXPECT_EQ(1U, received(&self->waiters[1]));
		return;
	}
	/* Whether it is parked, or not yet: then it ends here, and without a record. */
	if (parks())
		ASSERT_EQ(0, publish(self, "a/1"));
	for (i = 0; i < 2; i++) {
		int result = mqu_wait(&self->ring, &user_data, NULL);

		ASSERT_GE(1U, user_data);
		results[user_data] = result;
	}
	if (parks()) {
		EXPECT_TRUE(!results[0] || results[0] == -ENOENT || results[0] == -EALREADY);
		EXPECT_EQ(results[0] ? 0 : -ECANCELED, results[1]);
		EXPECT_EQ(results[0] ? 1U : 0U, received(&self->waiters[1]));
		return;
	}
	/* The worker thread is told, or had not begun. */
	if (results[0])
		EXPECT_EQ(-EALREADY, results[0]);
	EXPECT_EQ(results[0] ? -EINTR : -ECANCELED, results[1]);
	EXPECT_TRUE(untouched(&self->waiters[1]));
}

/* ---- a ring whose task ends, or does not run ------------------------- */

FIXTURE(task) {
	int publisher;
	struct mqt_subscription subscription;
	struct mqu ring;
	struct waiter waiter;
};

FIXTURE_SETUP(task)
{
	ASSERT_EQ(0, create());
	self->publisher = mqt_publisher(NAME, 0);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "a/#"));
}

FIXTURE_TEARDOWN(task)
{
	mqu_exit(&self->ring);
	mqt_delete(NAME);
}

/* A thread that submits a command that waits. */
struct submitter {
	struct mqu *ring;
	int fd;
	struct waiter *waiter;
};

static void *submit_and_end(void *arg)
{
	struct submitter *submitter = arg;

	wait_start(submitter->ring, submitter->fd, submitter->waiter, 1);
	if (!mqu_goes_on(submitter->ring))
		abort();
	return NULL;
}

TEST_F(task, that_ends)
{
	struct submitter submitter = {
		.ring = &self->ring, .fd = self->subscription.fd, .waiter = &self->waiter,
	};
	uint64_t buffer[SIZE / 8];
	pthread_t thread;

	ASSERT_EQ(0, mqu_init(&self->ring, (struct mqu_kind){}));
	ASSERT_EQ(0, pthread_create(&thread, NULL, submit_and_end, &submitter));
	pthread_join(thread, NULL);
	/* The record goes to those who are there. */
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "payload"));
	EXPECT_EQ(parks() ? -ECANCELED : -EINTR, mqu_wait(&self->ring, NULL, NULL));
	EXPECT_TRUE(untouched(&self->waiter));
	EXPECT_EQ((ssize_t)SIZE, read(self->subscription.fd, buffer, SIZE));
}

/* A thread that reads one record to memory that stalls. */
static void *read_slowly(void *arg)
{
	struct waiter *slow = arg;

	return (void *)read((int)slow->receive.position, (void *)(uintptr_t)slow->receive.buffer,
			    SIZE);
}

TEST_F(task, that_must_not_wait)
{
	int userfault = mqt_userfault_open();
	void *page = mqt_userfault_map(userfault);
	const struct mq_record *record = page;
	struct waiter slow;
	pthread_t thread;
	void *len;

	ASSERT_NE(NULL, page);
	/* This ring does nothing until it is asked: the thread reads first. */
	ASSERT_EQ(0, mqu_init(&self->ring, (struct mqu_kind){
		.setup = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	}));
	wait_start(&self->ring, self->subscription.fd, &self->waiter, 1);
	slow.receive.position = self->subscription.fd;
	slow.receive.buffer = (uintptr_t)page;
	ASSERT_EQ(0, fcntl(self->subscription.fd, F_SETFL, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_slowly, &slow));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "payload"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "payload"));
	ASSERT_EQ(0, mqt_userfault_wait(userfault));
	if (parks()) {
		/* Woken, it finds the subscription in use, and waits on. */
		EXPECT_TRUE(mqu_goes_on(&self->ring));
		EXPECT_TRUE(untouched(&self->waiter));
	}
	ASSERT_EQ(0, mqt_userfault_give(userfault, page));
	pthread_join(thread, &len);
	EXPECT_EQ((long)SIZE, (long)len);
	EXPECT_EQ(0, mqu_wait(&self->ring, NULL, NULL));
	EXPECT_EQ(3U, record->sequence + received(&self->waiter));
	if (parks())
		EXPECT_EQ(2U, received(&self->waiter));
}

/* ---- all at once ----------------------------------------------------- */

struct storm {
	int publisher;
	int subscription;
	uint64_t received;
	bool stop;
};

/*
 * Makes rings, has them wait, and ends them in all states. What their commands
 * point to stays mapped: the kernel ends the last of them some time after the
 * exit of their ring, and may write there until then.
 */
static void *rings_come_and_go(void *arg)
{
	struct storm *storm = arg;
	unsigned int turn;

	for (turn = 0; !__atomic_load_n(&storm->stop, __ATOMIC_ACQUIRE); turn++) {
		struct mqu_kind kind = {
			.setup = turn % 2 ? IORING_SETUP_SINGLE_ISSUER |
					    IORING_SETUP_DEFER_TASKRUN : 0,
			.flags = turn % 3 ? 0 : IOSQE_ASYNC,
		};
		struct waiter *waiters = mqt_shared(4 * sizeof(*waiters));
		struct mqu ring;
		unsigned int i;

		if (mqu_init(&ring, kind))
			abort();
		for (i = 0; i < 4; i++)
			wait_start(&ring, storm->subscription, &waiters[i], i);
		for (i = 0; i < turn % 5; i++) {
			int result = mqu_wait(&ring, NULL, NULL);

			if (result && result != -EBUSY)
				abort();
			if (!result)
				__atomic_add_fetch(&storm->received, 1, __ATOMIC_RELEASE);
		}
		mqu_exit(&ring);
	}
	return NULL;
}

static void *publish_for_ever(void *arg)
{
	struct storm *storm = arg;

	while (!__atomic_load_n(&storm->stop, __ATOMIC_ACQUIRE))
		if (mqt_publish_str(storm->publisher, "a/1", "payload"))
			abort();
	return NULL;
}

TEST_F(task, storm)
{
	struct storm storm = {
		.publisher = self->publisher, .subscription = self->subscription.fd,
	};
	pthread_t threads[4];
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&threads[3], NULL, publish_for_ever, &storm));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, rings_come_and_go, &storm));
	mqt_wait_count(&storm.received, mqt_count(2000));
	__atomic_store_n(&storm.stop, true, __ATOMIC_RELEASE);
	/* The rings' last commands want something, too. */
	pthread_join(threads[3], NULL);
	for (i = 0; i < 3; i++)
		while (pthread_tryjoin_np(threads[i], NULL))
			ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "payload"));
	/*
	 * And the subscription is as it was, once the last commands have ended: until
	 * then they count, and take records.
	 */
	ASSERT_EQ(0, mqu_init(&self->ring, (struct mqu_kind){}));
	for (i = 0; i < 10;) {
		int result;

		wait_start(&self->ring, self->subscription.fd, &self->waiter, 1);
		while (!io_uring_cq_ready(&self->ring.ring))
			ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "payload"));
		result = mqu_wait(&self->ring, NULL, NULL);
		if (result == -EBUSY)
			continue;
		ASSERT_EQ(0, result);
		ASSERT_NE(0U, received(&self->waiter));
		i++;
	}
	close(self->subscription.fd);
	wait_endpoints(1, 0);
}

TEST_HARNESS_MAIN
