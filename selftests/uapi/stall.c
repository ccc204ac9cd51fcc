// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A publisher whose memory is slow, or goes away while it publishes, stalls
 * and spoils nothing but its own record.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/userfaultfd.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-stall"
#define PAGE 4096U

static const struct mqt_config config = {
	.name = NAME, .slots = 64, .bytes = 262144, .max_record = 16384, .claims = { "#" },
};

FIXTURE(stall) {
	int userfault;
	struct mqt_fuse fuse;
	uint64_t stalls;
	char *memory;
	int publisher;
	struct mqt_subscription subscription;
	struct mqt_map map;
};

FIXTURE_VARIANT(stall) {
	bool fuse;
};

FIXTURE_VARIANT_ADD(stall, userfaultfd) {
	.fuse = false,
};

FIXTURE_VARIANT_ADD(stall, fuse) {
	.fuse = true,
};

FIXTURE_SETUP(stall)
{
	ASSERT_EQ(0, mqt_create(&config));
	self->userfault = mqt_userfault_open();
	ASSERT_LE(0, self->userfault);
	ASSERT_EQ(0, mqt_fuse_start(&self->fuse));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
}

FIXTURE_TEARDOWN(stall)
{
	mqt_fuse_stop(&self->fuse);
	mqt_delete(NAME);
}

/* New memory of one page that stalls at its first use and then is all 'f'. */
static char *slow_memory(FIXTURE_DATA(stall) * self, bool fuse)
{
	self->memory = fuse ? mqt_fuse_map(&self->fuse) : mqt_userfault_map(self->userfault);
	return self->memory;
}

static void wait_stalled(FIXTURE_DATA(stall) * self, bool fuse)
{
	if (fuse)
		mqt_wait_count(self->fuse.stalled, ++self->stalls);
	else if (mqt_userfault_wait(self->userfault))
		abort();
}

static void release(FIXTURE_DATA(stall) * self, bool fuse)
{
	static char page[PAGE];
	struct uffdio_copy copy = {
		.dst = (uintptr_t)self->memory, .src = (uintptr_t)page, .len = PAGE,
	};

	memset(page, 'f', PAGE);
	if (fuse)
		mqt_fuse_release(&self->fuse, 1);
	else if (ioctl(self->userfault, UFFDIO_COPY, &copy))
		abort();
}

/* What a stalled thread does, and what became of it. */
struct victim {
	int fd;
	bool write;
	struct mq_publish record;
	volatile pid_t tid;
	int result;
};

static void *publish_slowly(void *arg)
{
	struct victim *victim = arg;

	__atomic_store_n(&victim->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	if (victim->write)
		victim->result = write(victim->fd, (void *)(uintptr_t)victim->record.payload,
				       victim->record.payload_len) < 0 ? -errno : 0;
	else
		victim->result = mqt_ioctl(victim->fd, MQ_IOC_PUBLISH, &victim->record);
	return NULL;
}

/* Everything else that one can do with the channel: goes on. */
static void use_channel(struct __test_metadata *_metadata, FIXTURE_DATA(stall) * self)
{
	struct mq_retained listing = { .filter = (uintptr_t)"#", .filter_len = 1 };
	int other = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	struct mqt_subscription subscription;
	struct mqt_view view;
	char payload[1000];
	unsigned int i;

	ASSERT_LE(0, other);
	for (i = 0; i < 200; i++) {
		uint64_t sequence = mqt_head(&self->map);

		mqt_fill(payload, sizeof(payload), i);
		ASSERT_EQ(0, mqt_publish(other, "other", payload, sizeof(payload)));
		ASSERT_EQ(0, mqt_peek(&self->map, sequence, &view));
		ASSERT_TRUE(mqt_filled(view.payload, sizeof(payload), i));
	}
	ASSERT_EQ(0, mqt_subscribe_to(&subscription, NAME, 0, "other/+"));
	EXPECT_EQ(0, mqt_ioctl(mqt_node(NAME, O_RDONLY), MQ_IOC_RETAINED, &listing));
	EXPECT_EQ(0, mqt_purge(NAME));
	close(subscription.fd);
	close(other);
}

static void check_slow_record(struct __test_metadata *_metadata, FIXTURE_DATA(stall) * self,
			      const struct victim *victim)
{
	uint64_t sequence = mqt_head(&self->map) - 1;
	struct mqt_view view;
	unsigned int i;

	ASSERT_EQ(0, mqt_peek(&self->map, sequence, &view));
	EXPECT_EQ(victim->record.payload_len, view.payload_len);
	for (i = 0; i < view.payload_len; i++)
		ASSERT_EQ('f', view.payload[i]);
	for (i = 0; i < view.metadata_len; i++)
		ASSERT_EQ('f', view.metadata[i]);
}

static void stall_one(struct __test_metadata *_metadata, FIXTURE_DATA(stall) * self, bool fuse,
		      struct victim *victim)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, publish_slowly, victim));
	wait_stalled(self, fuse);
	use_channel(_metadata, self);
	release(self, fuse);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, victim->result);
	check_slow_record(_metadata, self, victim);
}

TEST_F(stall, each_part_of_a_record)
{
	static const uint32_t sizes[] = { 60, 200, 4096 };
	char page[PAGE];
	unsigned int i;

	memset(page, 'f', sizeof(page));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct victim victim = { .fd = self->publisher };

		ASSERT_NE(NULL, slow_memory(self, variant->fuse));
		mqt_record(&victim.record, "slow", self->memory, sizes[i]);
		stall_one(_metadata, self, variant->fuse, &victim);

		ASSERT_NE(NULL, slow_memory(self, variant->fuse));
		mqt_record(&victim.record, "slow", page, 1);
		victim.record.metadata = (uintptr_t)self->memory;
		victim.record.metadata_len = sizes[i];
		stall_one(_metadata, self, variant->fuse, &victim);

		ASSERT_NE(NULL, slow_memory(self, variant->fuse));
		mqt_record(&victim.record, "", page, 1);
		victim.record.topic = (uintptr_t)self->memory;
		victim.record.topic_len = sizes[i];
		stall_one(_metadata, self, variant->fuse, &victim);
	}
}

TEST_F(stall, a_write_to_the_node)
{
	struct victim victim = { .fd = mqt_node(NAME, O_WRONLY), .write = true };

	ASSERT_NE(NULL, slow_memory(self, variant->fuse));
	mqt_record(&victim.record, NAME, self->memory, 3000);
	stall_one(_metadata, self, variant->fuse, &victim);
}

static void on_signal(int signal)
{
	(void)signal;
}

TEST_F(stall, others_on_the_same_publisher_can_be_interrupted)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct victim slow = { .fd = self->publisher };
	struct victim second = { .fd = self->publisher };
	pthread_t threads[2];

	sigaction(SIGUSR1, &action, NULL);
	ASSERT_NE(NULL, slow_memory(self, variant->fuse));
	mqt_record(&slow.record, "slow", self->memory, 100);
	mqt_record(&second.record, "second", "x", 1);
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, publish_slowly, &slow));
	wait_stalled(self, variant->fuse);
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, publish_slowly, &second));
	mqt_wait_thread_in_call(&second.tid, SYS_ioctl);
	pthread_kill(threads[1], SIGUSR1);
	pthread_join(threads[1], NULL);
	EXPECT_EQ(-EINTR, second.result);
	EXPECT_EQ(1U, mqt_head(&self->map));
	release(self, variant->fuse);
	pthread_join(threads[0], NULL);
	EXPECT_EQ(0, slow.result);
	EXPECT_EQ(2U, mqt_head(&self->map));
}

TEST_F(stall, the_channel_is_deleted_meanwhile)
{
	struct victim victim = { .fd = self->publisher };
	pthread_t thread;

	ASSERT_NE(NULL, slow_memory(self, variant->fuse));
	mqt_record(&victim.record, "slow", self->memory, 4096);
	ASSERT_EQ(0, pthread_create(&thread, NULL, publish_slowly, &victim));
	wait_stalled(self, variant->fuse);
	ASSERT_EQ(0, mqt_delete(NAME));
	ASSERT_EQ(0, mqt_create(&config));
	release(self, variant->fuse);
	pthread_join(thread, NULL);
	EXPECT_EQ(-ENODEV, victim.result);
}

/* A process that stalls itself for ever and tells when it does. */
static void stall_for_ever(volatile uint64_t *stalled)
{
	struct victim victim = { .fd = mqt_publisher(NAME, 0) };
	int userfault = mqt_userfault_open();
	pthread_t thread;

	mqt_record(&victim.record, "slow", mqt_userfault_map(userfault), 4096);
	if (pthread_create(&thread, NULL, publish_slowly, &victim) || mqt_userfault_wait(userfault))
		abort();
	__atomic_store_n(stalled, 1, __ATOMIC_RELEASE);
	for (;;)
		pause();
}

FIXTURE(memory) {
	int publisher;
	struct mqt_subscription subscription;
	struct mqt_map map;
};

FIXTURE_SETUP(memory)
{
	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
}

FIXTURE_TEARDOWN(memory)
{
	mqt_delete(NAME);
}

TEST_F(memory, killed_while_it_stalls)
{
	volatile uint64_t *stalled = mqt_shared(sizeof(*stalled));
	struct mq_info info;
	pid_t child;

	child = fork();
	if (!child)
		stall_for_ever(stalled);
	mqt_wait_count(stalled, 1);
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(2U, info.publishers);
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(1U, info.publishers);
	EXPECT_EQ(0U, info.published);
}

/* A thread that uses a subscription: reads to some memory, or resyncs. */
struct reader {
	int fd;
	char *buffer;
	volatile pid_t tid;
	ssize_t result;
};

static void *use_subscription(void *arg)
{
	struct reader *reader = arg;
	struct mq_resync resync;

	__atomic_store_n(&reader->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	if (reader->buffer) {
		reader->result = read(reader->fd, reader->buffer, PAGE);
		if (reader->result < 0)
			reader->result = -errno;
	} else {
		reader->result = mqt_resync(reader->fd, &resync);
	}
	return NULL;
}

TEST_F(memory, a_reader_whose_buffer_stalls)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct reader slow = { .fd = self->subscription.fd };
	struct reader second = { .fd = self->subscription.fd };
	int userfault = mqt_userfault_open();
	const struct mq_record *record;
	pthread_t threads[2];
	char payload[1000];
	unsigned int i;

	sigaction(SIGUSR1, &action, NULL);
	slow.buffer = mqt_userfault_map(userfault);
	ASSERT_NE(NULL, slow.buffer);
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "first", "x"));
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, use_subscription, &slow));
	ASSERT_EQ(0, mqt_userfault_wait(userfault));
	/* Overtaken while it copies. */
	for (i = 2; i <= 200; i++) {
		mqt_fill(payload, sizeof(payload), i);
		ASSERT_EQ(0, mqt_publish(self->publisher, "good", payload, sizeof(payload)));
	}
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, use_subscription, &second));
	mqt_wait_thread_in_call(&second.tid, SYS_ioctl);
	pthread_kill(threads[1], SIGUSR1);
	pthread_join(threads[1], NULL);
	EXPECT_EQ(-EINTR, second.result);
	ASSERT_EQ(0, mqt_userfault_give(userfault, slow.buffer));
	pthread_join(threads[0], NULL);
	/* What it was about to copy is gone; it gets what is there. */
	ASSERT_LT(0, slow.result);
	record = (void *)slow.buffer;
	EXPECT_LE(mqt_oldest(&self->map), record->sequence);
	EXPECT_TRUE(mqt_filled((char *)(record + 1) + record->topic_len, sizeof(payload),
			       record->sequence));
	EXPECT_EQ(record->sequence - 1, self->map.status->passed);
}

/* Memory that is taken away and given back again and again. */
#define SHAKY_SIZE (3 * PAGE)

struct shaky {
	char *memory;
	bool stop;
};

static void *shake(void *arg)
{
	struct shaky *shaky = arg;

	while (!__atomic_load_n(&shaky->stop, __ATOMIC_ACQUIRE)) {
		mmap(shaky->memory, SHAKY_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		memset(shaky->memory, 0x55, SHAKY_SIZE);
		/* Nothing may come to lie there: take it away by covering it. */
		mmap(shaky->memory + PAGE, SHAKY_SIZE - PAGE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
	return NULL;
}

/* Every byte was read once, from the one mapping or the other. */
static bool shaky_record(const struct mqt_view *view)
{
	uint32_t i;

	for (i = 0; i < view->payload_len; i++)
		if (view->payload[i] && view->payload[i] != 0x55)
			return false;
	return view->payload_len == SHAKY_SIZE;
}

TEST_F(memory, unmapped_by_a_second_thread)
{
	unsigned int wanted = mqt_count(300), whole = 0, faults = 0;
	const struct mqt_map *map = &self->map;
	struct shaky shaky = {};
	struct mqt_view view;
	pthread_t thread;
	char good[1000];

	shaky.memory = mmap(NULL, SHAKY_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)shaky.memory);
	ASSERT_EQ(0, pthread_create(&thread, NULL, shake, &shaky));
	while (whole < wanted || faults < wanted / 10) {
		uint64_t head = mqt_head(map);
		int error = mqt_publish(self->publisher, "shaky", shaky.memory, SHAKY_SIZE);

		if (error) {
			ASSERT_EQ(-EFAULT, error);
			ASSERT_EQ(head, mqt_head(map));
			faults++;
		} else {
			ASSERT_EQ(0, mqt_peek(map, head, &view));
			ASSERT_TRUE(shaky_record(&view));
			whole++;
		}
		/* Its neighbours are as they should be. */
		head = mqt_head(map);
		mqt_fill(good, sizeof(good), head);
		ASSERT_EQ(0, mqt_publish(self->publisher, "good", good, sizeof(good)));
		ASSERT_EQ(0, mqt_peek(map, head, &view));
		ASSERT_TRUE(mqt_filled(view.payload, sizeof(good), head));
	}
	__atomic_store_n(&shaky.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
