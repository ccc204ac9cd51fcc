// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Calls that wait for another thread and are interrupted by a signal: they say
 * EINTR and have done nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-interrupted"
#define SLOTS 1024U
/* Who keeps a lock busy, and with how many filters or wills each: a quarter holds all. */
#define KEEPERS 3
#define MANY 64U

struct stage {
	int publisher;
	struct mqt_subscription subscription;
};

static void on_signal(int signal)
{
	(void)signal;
}

static int set_up(struct stage *stage)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 65536, .claims = { "a/#" },
	};
	/* It ends a wait whatever it has of SA_RESTART. */
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	int error = mqt_create(&config);

	if (error || sigaction(SIGUSR1, &action, NULL))
		return error ?: -errno;
	stage->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	if (stage->publisher < 0)
		return stage->publisher;
	return mqt_subscribe_to(&stage->subscription, NAME, 0, "a/1");
}

/* ---- behind one that stalls --------------------------------------------- */

FIXTURE(interrupted) {
	struct stage stage;
};

FIXTURE_SETUP(interrupted)
{
	ASSERT_EQ(0, set_up(&self->stage));
}

FIXTURE_TEARDOWN(interrupted)
{
	mqt_delete(NAME);
}

/* A thread that makes one call; @result once it is joined. */
struct caller {
	int fd;
	unsigned long cmd;
	void *args;
	volatile pid_t tid;
	int result;
};

static void *make_call(void *arg)
{
	struct caller *caller = arg;

	__atomic_store_n(&caller->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	caller->result = mqt_ioctl(caller->fd, caller->cmd, caller->args);
	return NULL;
}

/* Interrupts @second while @slow, whose memory @page is, has what it waits for. */
static void interrupt(struct __test_metadata *_metadata, int userfault, void *page,
		      struct caller *slow, struct caller *second)
{
	pthread_t threads[2];

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, make_call, slow));
	ASSERT_EQ(0, mqt_userfault_wait(userfault));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, make_call, second));
	mqt_wait_thread_in_call(&second->tid, SYS_ioctl);
	ASSERT_EQ(0, pthread_kill(threads[1], SIGUSR1));
	pthread_join(threads[1], NULL);
	EXPECT_EQ(-EINTR, second->result);
	ASSERT_EQ(0, mqt_userfault_give(userfault, page));
	pthread_join(threads[0], NULL);
	EXPECT_EQ(0, slow->result);
}

TEST_F(interrupted, filter_remove)
{
	struct mq_filter args = { .filter = (uintptr_t)"a/1", .filter_len = 3 }, before;
	struct mq_receive receive;
	struct caller slow = {
		.fd = self->stage.subscription.fd, .cmd = MQ_IOC_RECEIVE, .args = &receive,
	};
	struct caller second = {
		.fd = self->stage.subscription.fd, .cmd = MQ_IOC_FILTER_REMOVE, .args = &args,
	};
	int userfault = mqt_userfault_open();
	void *page = mqt_userfault_map(userfault);

	ASSERT_NE(NULL, page);
	memset(&args.sequence, MQT_POISON, sizeof(args.sequence));
	before = args;
	mqt_receive(&receive, 0, page, MQT_USERFAULT_SIZE);
	ASSERT_EQ(0, mqt_publish_str(self->stage.publisher, "a/1", "x"));
	interrupt(_metadata, userfault, page, &slow, &second);
	EXPECT_EQ(0, memcmp(&before, &args, sizeof(args)));
	EXPECT_EQ(1U, receive.count);
	/* It is there still. */
	EXPECT_EQ(0, mqt_filter_remove(self->stage.subscription.fd, "a/1"));
}

/* Nothing is tried: no record of it has a result. */
TEST_F(interrupted, atomic_batch)
{
	struct mq_publish record[2], before[2], slowly;
	struct mq_publish_batch batch = {
		.flags = MQ_BATCH_ATOMIC, .count = 2, .records = (uintptr_t)record,
	};
	struct caller slow = {
		.fd = self->stage.publisher, .cmd = MQ_IOC_PUBLISH, .args = &slowly,
	};
	struct caller second = {
		.fd = self->stage.publisher, .cmd = MQ_IOC_PUBLISH_BATCH, .args = &batch,
	};
	int userfault = mqt_userfault_open();
	void *page = mqt_userfault_map(userfault);
	uint32_t done;

	ASSERT_NE(NULL, page);
	mqt_record(&slowly, "a/1", page, 1);
	mqt_record(&record[0], "a/1", "y", 1);
	mqt_record(&record[1], "a/1", "z", 1);
	memcpy(before, record, sizeof(record));
	memset(&batch.done, MQT_POISON, sizeof(batch.done));
	done = batch.done;
	interrupt(_metadata, userfault, page, &slow, &second);
	EXPECT_EQ(0, memcmp(before, record, sizeof(record)));
	EXPECT_EQ(done, batch.done);
	EXPECT_EQ(1U, slowly.sequence);
	EXPECT_EQ(1U, slowly.receivers);
	/* The next record is the second. */
	ASSERT_EQ(0, mqt_ioctl(self->stage.publisher, MQ_IOC_PUBLISH_BATCH, &batch));
	EXPECT_EQ(2U, record[0].sequence);
}

/* ---- behind those that are busy ----------------------------------------- */

/*
 * Filters and wills of a channel have one lock each, which nobody has while user
 * memory is used. So others keep it busy, and a thread goes on until it was
 * interrupted while it waited.
 */
struct busy {
	int fd;
	int (*call)(int fd);
	int (*undo)(int fd);
	int result;
	bool done;
};

static int add_filter(int fd)
{
	return mqt_filter_add(fd, "a/2", 1, NULL);
}

static int remove_filter(int fd)
{
	return mqt_filter_remove(fd, "a/2");
}

static int set_will(int fd)
{
	return mqt_will_set(fd, 1, "a/1", "x");
}

static int clear_will(int fd)
{
	int count = mqt_will_clear(fd, 0, 1);

	return count == 1 ? 0 : count;
}

static void *call_until_interrupted(void *arg)
{
	struct busy *busy = arg;
	int undone;

	do {
		busy->result = busy->call(busy->fd);
		if (busy->result)
			break;
		while ((undone = busy->undo(busy->fd)) == -EINTR)
			;
	} while (!undone);
	__atomic_store_n(&busy->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool is_done(const struct busy *busy)
{
	return __atomic_load_n(&busy->done, __ATOMIC_ACQUIRE);
}

/* Subscriptions that come and go, each with many filters. */
static void *use_filters(void *arg)
{
	while (!is_done(arg)) {
		struct mqt_subscription subscription;
		char filter[16];
		unsigned int i;

		if (mqt_subscribe(&subscription, NAME, 0, MQ_START_LATEST, 0))
			abort();
		for (i = 0; i < MANY; i++) {
			snprintf(filter, sizeof(filter), "b/%u", i);
			if (mqt_filter_add(subscription.fd, filter, 1, NULL))
				abort();
		}
		close(subscription.fd);
	}
	return NULL;
}

/* Publishers that come and go, each with many wills. */
static void *use_wills(void *arg)
{
	while (!is_done(arg)) {
		int fd = mqt_publisher(NAME, 0);
		unsigned int i;

		for (i = 0; i < MANY; i++)
			if (mqt_will_set(fd, i, "a/1", "x"))
				abort();
		close(fd);
	}
	return NULL;
}

FIXTURE(contended) {
	struct stage stage;
};

FIXTURE_VARIANT(contended) {
	int (*call)(int fd);
	int (*undo)(int fd);
	/* After an interrupted call: takes away what it was about, and what that says. */
	int (*take)(int fd);
	int taken;
	void *(*keep_busy)(void *arg);
};

FIXTURE_VARIANT_ADD(contended, filter_add) {
	add_filter, remove_filter, remove_filter, -ENOENT, use_filters,
};

FIXTURE_VARIANT_ADD(contended, filter_remove) {
	remove_filter, add_filter, remove_filter, 0, use_filters,
};

FIXTURE_VARIANT_ADD(contended, will_set) {
	set_will, clear_will, clear_will, -ENOENT, use_wills,
};

FIXTURE_VARIANT_ADD(contended, will_clear) {
	clear_will, set_will, clear_will, 0, use_wills,
};

FIXTURE_SETUP(contended)
{
	ASSERT_EQ(0, set_up(&self->stage));
}

FIXTURE_TEARDOWN(contended)
{
	mqt_delete(NAME);
}

TEST_F(contended, until_interrupted)
{
	struct busy busy = { .call = variant->call, .undo = variant->undo };
	pthread_t threads[1 + KEEPERS];
	unsigned int i;

	busy.fd = variant->keep_busy == use_wills ? self->stage.publisher :
						    self->stage.subscription.fd;
	/* What the call is to take away has to be there. */
	if (!variant->taken)
		ASSERT_EQ(0, busy.undo(busy.fd));
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, call_until_interrupted, &busy));
	for (i = 1; i <= KEEPERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, variant->keep_busy, &busy));
	while (!is_done(&busy)) {
		ASSERT_EQ(0, pthread_kill(threads[0], SIGUSR1));
		sched_yield();
	}
	for (i = 0; i <= KEEPERS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(-EINTR, busy.result);
	EXPECT_EQ(variant->taken, variant->take(busy.fd));
}

TEST_HARNESS_MAIN
