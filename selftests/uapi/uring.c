// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Commands of io_uring that finish at once, on each kind of ring. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <kselftest_harness.h>
#include "uring_test.h"

#define NAME "t-uring"
#define SLOTS 256U
#define PAGE 4096U

FIXTURE(uring) {
	struct mqu ring;
	int publisher;
	struct mqt_subscription subscription;
	struct mqt_map map;
	uint64_t buffer[8192];
	struct mq_receive receive;
};

FIXTURE_VARIANT(uring) {
	struct mqu_kind kind;
};

FIXTURE_VARIANT_ADD(uring, plain) {};

FIXTURE_VARIANT_ADD(uring, worker) {
	.kind.flags = IOSQE_ASYNC,
};

FIXTURE_VARIANT_ADD(uring, large) {
	.kind.setup = IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
};

FIXTURE_VARIANT_ADD(uring, deferred) {
	.kind.setup = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
};

FIXTURE_VARIANT_ADD(uring, thread) {
	.kind.setup = IORING_SETUP_SQPOLL,
};

FIXTURE_VARIANT_ADD(uring, fixed) {
	.kind.flags = IOSQE_FIXED_FILE,
};

FIXTURE_SETUP(uring)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 1 << 20, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "#" },
	};

	ASSERT_EQ(0, mqt_create(&config));
	self->publisher = mqt_publisher(NAME, 0);
	ASSERT_LE(0, self->publisher);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "a/#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
	ASSERT_EQ(0, mqu_init(&self->ring, variant->kind));
}

FIXTURE_TEARDOWN(uring)
{
	mqu_exit(&self->ring);
	mqt_delete(NAME);
}

static struct mq_receive *call(FIXTURE_DATA(uring) * self, uint32_t size)
{
	return mqt_receive(&self->receive, 0, self->buffer, size);
}

static int publish(FIXTURE_DATA(uring) * self, struct mq_publish *record)
{
	return mqu_call(&self->ring, self->publisher, MQ_IOC_PUBLISH, record);
}

static int refusal(FIXTURE_DATA(uring) * self, struct mq_publish *record)
{
	return mqu_refusal(&self->ring, self->publisher, MQ_IOC_PUBLISH, record);
}

/* Fills the ring so that the next publish finds no space. */
static int fill(FIXTURE_DATA(uring) * self, struct mqt_subscription *holder)
{
	int publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	int error = mqt_subscribe_to(holder, NAME, MQ_SUBSCRIBE_HOLD, "#");

	(void)self;
	while (!error)
		error = mqt_publish_str(publisher, "full", "x");
	close(publisher);
	return error;
}

/* ---- publishing ------------------------------------------------------ */

TEST_F(uring, publish)
{
	struct mq_publish record;
	struct mqt_view view;

	mqt_record(&record, "a/1", "payload", 7);
	record.metadata = (uintptr_t)"meta";
	record.metadata_len = 4;
	record.flags = 0x1200;
	ASSERT_EQ(0, publish(self, &record));
	EXPECT_EQ(0, record.result);
	EXPECT_EQ(1U, record.receivers);
	EXPECT_EQ(1U, record.sequence);
	ASSERT_EQ(0, mqt_peek(&self->map, 1, &view));
	EXPECT_EQ(view.time, record.time);
	EXPECT_EQ(0x1200U, view.flags);
	EXPECT_EQ(0, memcmp("a/1", view.topic, 3));
	EXPECT_EQ(7U, view.payload_len);
	EXPECT_EQ(0, memcmp("payload", view.payload, 7));
	EXPECT_EQ(4U, view.metadata_len);
	EXPECT_EQ(0, memcmp("meta", view.metadata, 4));
	EXPECT_EQ(2U, mqt_head(&self->map));
}

TEST_F(uring, publish_is_refused_as_by_ioctl)
{
	struct mq_publish record;
	static char large[1 << 18];

	mqt_record(&record, "not/+/this", "x", 1);
	EXPECT_EQ(EINVAL, refusal(self, &record));
	mqt_record(&record, "a", "x", 1);
	record.reserved0 = 1;
	EXPECT_EQ(EINVAL, refusal(self, &record));
	mqt_record(&record, "a", large, sizeof(large));
	EXPECT_EQ(EMSGSIZE, refusal(self, &record));
	mqt_record(&record, "$SYS/other", "x", 1);
	EXPECT_EQ(ESTALE, refusal(self, &record));
	mqt_record(&record, "a", mqt_nowhere(), 1);
	EXPECT_EQ(EFAULT, refusal(self, &record));
	EXPECT_EQ(-EFAULT, publish(self, mqt_nowhere()));
	EXPECT_EQ(1U, mqt_head(&self->map));
	mqt_record(&record, "a", "x", 1);
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(ENODEV, refusal(self, &record));
}

TEST_F(uring, publish_without_space)
{
	struct mq_publish_batch batch = { .count = 2 };
	struct mqt_subscription holder;
	struct mq_publish record[2];

	ASSERT_EQ(-EAGAIN, fill(self, &holder));
	mqt_record(&record[0], "a/1", "x", 1);
	mqt_record(&record[1], "a/1", "x", 1);
	EXPECT_EQ(EAGAIN, refusal(self, record));
	batch.records = (uintptr_t)record;
	EXPECT_EQ(0, mqu_call(&self->ring, self->publisher, MQ_IOC_PUBLISH_BATCH, &batch));
	EXPECT_EQ(1U, batch.done);
	EXPECT_EQ(-EAGAIN, record[0].result);
	EXPECT_EQ(0xa5a5a5a5U, (uint32_t)record[1].result);
	close(holder.fd);
	EXPECT_EQ(POLLOUT, mqt_poll(self->publisher, POLLOUT, -1));
	EXPECT_EQ(0, publish(self, record));
}

TEST_F(uring, batch)
{
	struct mq_publish_batch batch = { .count = 200 };
	struct mq_publish record[200];
	struct mqt_view view;
	uint64_t i;

	/* More than is published in one hold of a lock; two are refused. */
	for (i = 0; i < batch.count; i++)
		mqt_record(&record[i], i == 70 ? "no/#" : "a/1", &i, i == 150 ? 1 << 18 : 8);
	for (i = 0; i < batch.count; i++)
		record[i].payload = (uintptr_t)&record[i].payload_len;
	batch.records = (uintptr_t)record;
	batch.done = 0xa5a5a5a5;
	ASSERT_EQ(0, mqu_call(&self->ring, self->publisher, MQ_IOC_PUBLISH_BATCH, &batch));
	EXPECT_EQ(batch.count, batch.done);
	for (i = 0; i < batch.count; i++) {
		int expected = i == 70 ? -EINVAL : i == 150 ? -EMSGSIZE : 0;

		ASSERT_EQ(expected, record[i].result);
		if (!expected)
			ASSERT_EQ(0, mqt_peek(&self->map, record[i].sequence, &view));
	}
	EXPECT_EQ(198U, record[199].sequence);
	EXPECT_EQ(199U, mqt_head(&self->map));
}

TEST_F(uring, batch_is_refused_as_by_ioctl)
{
	struct mq_publish_batch batch = { .count = 1 };
	struct mq_publish record;

	mqt_record(&record, "a/1", "x", 1);
	batch.records = (uintptr_t)&record;
	batch.flags = 0x80;
	EXPECT_EQ(EINVAL, mqu_refusal(&self->ring, self->publisher, MQ_IOC_PUBLISH_BATCH,
				      &batch));
	batch.flags = 0;
	batch.count = 0;
	EXPECT_EQ(EINVAL, mqu_refusal(&self->ring, self->publisher, MQ_IOC_PUBLISH_BATCH,
				      &batch));
	batch.count = 1;
	batch.records = (uintptr_t)mqt_nowhere();
	EXPECT_EQ(EFAULT, mqu_refusal(&self->ring, self->publisher, MQ_IOC_PUBLISH_BATCH,
				      &batch));
	EXPECT_EQ(-EFAULT, mqu_call(&self->ring, self->publisher, MQ_IOC_PUBLISH_BATCH,
				    mqt_nowhere()));
	EXPECT_EQ(1U, mqt_head(&self->map));
}

/* ---- receiving ------------------------------------------------------- */

TEST_F(uring, receive)
{
	const struct mq_record *record = (void *)self->buffer;
	int fd = self->subscription.fd;

	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "not this"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "payload"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/2", "payload"));
	ASSERT_EQ(0, mqu_call(&self->ring, fd, MQ_IOC_RECEIVE, call(self, 56)));
	EXPECT_EQ(56U, self->receive.buffer_size);
	EXPECT_EQ(1U, self->receive.count);
	EXPECT_EQ(3U, self->receive.position);
	EXPECT_EQ(0U, self->receive.passed);
	EXPECT_EQ(0U, self->receive.missed);
	EXPECT_EQ(2U, record->sequence);
	EXPECT_EQ(0, memcmp("a/1payload", record + 1, 10));
	call(self, 55);
	EXPECT_EQ(-EMSGSIZE, mqu_call(&self->ring, fd, MQ_IOC_RECEIVE, &self->receive));
	EXPECT_EQ(56U, self->receive.buffer_size);
	EXPECT_EQ(0xa5a5a5a5U, self->receive.count);
	call(self, 56)->buffer = (uintptr_t)mqt_nowhere();
	EXPECT_EQ(EFAULT, mqu_refusal(&self->ring, fd, MQ_IOC_RECEIVE, &self->receive));
	ASSERT_EQ(0, mqu_call(&self->ring, fd, MQ_IOC_RECEIVE, call(self, PAGE)));
	EXPECT_EQ(3U, record->sequence);
	call(self, PAGE);
	EXPECT_EQ(EAGAIN, mqu_refusal(&self->ring, fd, MQ_IOC_RECEIVE, &self->receive));
}

TEST_F(uring, receive_is_refused_as_by_ioctl)
{
	int fd = self->subscription.fd;

	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "payload"));
	call(self, PAGE)->flags = 0x2;
	EXPECT_EQ(EINVAL, mqu_refusal(&self->ring, fd, MQ_IOC_RECEIVE, &self->receive));
	call(self, PAGE)->reserved0 = 1;
	EXPECT_EQ(EINVAL, mqu_refusal(&self->ring, fd, MQ_IOC_RECEIVE, &self->receive));
	call(self, PAGE)->reserved[1] = 1;
	EXPECT_EQ(EINVAL, mqu_refusal(&self->ring, fd, MQ_IOC_RECEIVE, &self->receive));
	EXPECT_EQ(-EFAULT, mqu_call(&self->ring, fd, MQ_IOC_RECEIVE, mqt_nowhere()));
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(0, mqu_call(&self->ring, fd, MQ_IOC_RECEIVE, call(self, PAGE)));
	call(self, PAGE);
	EXPECT_EQ(ENODEV, mqu_refusal(&self->ring, fd, MQ_IOC_RECEIVE, &self->receive));
}

TEST_F(uring, ack)
{
	struct mqt_subscription holder;
	struct mq_ack args = { .position = 1000000 };
	uint64_t head;

	ASSERT_EQ(-EAGAIN, fill(self, &holder));
	head = mqt_head(&self->map);
	EXPECT_EQ(0, mqt_poll(self->publisher, POLLOUT, 0));
	ASSERT_EQ(0, mqu_call(&self->ring, holder.fd, MQ_IOC_ACK, &args));
	EXPECT_EQ(head, args.position);
	EXPECT_EQ(POLLOUT, mqt_poll(self->publisher, POLLOUT, 0));
	args.position = 1;
	ASSERT_EQ(0, mqu_call(&self->ring, holder.fd, MQ_IOC_ACK, &args));
	EXPECT_EQ(head, args.position);
	args.flags = 1;
	EXPECT_EQ(EINVAL, mqu_refusal(&self->ring, holder.fd, MQ_IOC_ACK, &args));
	args.flags = 0;
	args.reserved0 = 1;
	EXPECT_EQ(EINVAL, mqu_refusal(&self->ring, holder.fd, MQ_IOC_ACK, &args));
	EXPECT_EQ(-EFAULT, mqu_call(&self->ring, holder.fd, MQ_IOC_ACK, mqt_nowhere()));
}

/* ---- the SQE --------------------------------------------------------- */

TEST_F(uring, other_commands)
{
	struct mq_publish record;
	struct mq_info info = {};
	struct mq_ack ack = {};
	int node = mqt_node(NAME, O_RDWR);

	mqt_record(&record, "a/1", "x", 1);
	call(self, PAGE);
	EXPECT_EQ(-EOPNOTSUPP, mqu_call(&self->ring, node, MQ_IOC_INFO, &info));
	EXPECT_EQ(-EOPNOTSUPP, mqu_call(&self->ring, node, MQ_IOC_PUBLISH, &record));
	EXPECT_EQ(-EOPNOTSUPP, mqu_call(&self->ring, self->publisher, MQ_IOC_ACK, &ack));
	EXPECT_EQ(-EOPNOTSUPP, mqu_call(&self->ring, self->publisher, 0, &record));
	/* An ioctl, but no command. */
	EXPECT_EQ(-EOPNOTSUPP, mqu_call(&self->ring, self->subscription.fd, MQ_IOC_KICK, NULL));
	EXPECT_EQ(-EOPNOTSUPP, mqu_call(&self->ring, self->subscription.fd, MQ_IOC_PUBLISH,
					&record));
	EXPECT_EQ(-EOPNOTSUPP, mqu_call(&self->ring, self->publisher,
					MQ_IOC_PUBLISH ^ (1 << _IOC_SIZESHIFT), &record));
	EXPECT_EQ(1U, mqt_head(&self->map));
}

/* A command with something in its SQE that does not belong there. */
static int odd_call(FIXTURE_DATA(uring) * self, int fd, uint32_t cmd, void *arg,
		    uint64_t reserved, uint32_t uring_cmd_flags)
{
	struct io_uring_sqe *sqe = mqu_prep(&self->ring, fd, cmd, arg);

	mqu_area(sqe)->reserved = reserved;
	sqe->rw_flags = uring_cmd_flags;
	mqu_submit(&self->ring);
	return mqu_wait(&self->ring, NULL, NULL);
}

TEST_F(uring, odd_commands)
{
	const struct iovec memory = { .iov_base = self->buffer, .iov_len = PAGE };
	struct mq_publish record;
	uint64_t bit;

	ASSERT_EQ(0, io_uring_register_buffers(&self->ring.ring, &memory, 1));
	mqt_record(&record, "a/1", "x", 1);
	call(self, PAGE);
	for (bit = 1; bit; bit <<= 1)
		ASSERT_EQ(-EINVAL, odd_call(self, self->publisher, MQ_IOC_PUBLISH, &record, bit,
					    0));
	/* IORING_URING_CMD_FIXED, and one that is none. */
	for (bit = 1; bit < 1ULL << 32; bit <<= 1)
		ASSERT_EQ(-EINVAL, odd_call(self, self->publisher, MQ_IOC_PUBLISH, &record, 0,
					    bit));
	EXPECT_EQ(1U, mqt_head(&self->map));
	ASSERT_EQ(0, publish(self, &record));
	EXPECT_EQ(-EINVAL, odd_call(self, self->subscription.fd, MQ_IOC_RECEIVE, &self->receive,
				    1, 0));
	EXPECT_EQ(-EINVAL, odd_call(self, self->subscription.fd, MQ_IOC_RECEIVE, &self->receive,
				    0, 1));
	EXPECT_EQ(1U, self->map.control->cursor);
}

/* A thread that writes to the SQEs of others. */
struct meddler {
	struct io_uring_sqe *sqes;
	unsigned int shift;
	uint64_t args[2];
	uint64_t turns;
	bool stop;
};

static void *meddle(void *arg)
{
	struct meddler *meddler = arg;
	uint64_t turn = 0;
	unsigned int i;

	while (!__atomic_load_n(&meddler->stop, __ATOMIC_ACQUIRE)) {
		for (i = 0; i < MQU_ENTRIES; i++) {
			struct mq_uring *area = mqu_area(&meddler->sqes[i << meddler->shift]);

			__atomic_store_n(&area->arg, meddler->args[turn % 2], __ATOMIC_RELAXED);
			__atomic_store_n(&area->reserved, turn % 3 == 0, __ATOMIC_RELAXED);
		}
		__atomic_store_n(&meddler->turns, ++turn, __ATOMIC_RELEASE);
	}
	return NULL;
}

TEST_F(uring, an_sqe_that_changes)
{
	unsigned int published = 0, refused = 0, wanted = mqt_count(2000);
	struct mq_publish records[2];
	struct meddler meddler = {
		.sqes = self->ring.ring.sq.sqes,
		.shift = !!(variant->kind.setup & IORING_SETUP_SQE128),
		.args = { (uintptr_t)&records[0], (uintptr_t)&records[1] },
	};
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, meddle, &meddler));
	mqt_wait_count(&meddler.turns, 1);
	while (published < wanted || refused < wanted / 10) {
		uint64_t head = mqt_head(&self->map);
		struct mqt_view view;
		bool second;
		int result;

		mqt_record(&records[0], "a/1", "first", 5);
		mqt_record(&records[1], "a/second", "one", 3);
		result = publish(self, &records[0]);
		if (result) {
			/* As a result of io_uring, not of what it was not asked for. */
			ASSERT_EQ(-EINVAL, result);
			ASSERT_EQ(head, mqt_head(&self->map));
			refused++;
			continue;
		}
		published++;
		ASSERT_EQ(0, mqt_peek(&self->map, head, &view));
		second = view.topic_len != 3;
		ASSERT_EQ(0, memcmp(second ? "one" : "first", view.payload, view.payload_len));
		ASSERT_EQ(head, records[second].sequence);
		ASSERT_NE(head, records[!second].sequence);
	}
	__atomic_store_n(&meddler.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

TEST_F(uring, linked)
{
	struct mq_ack ack = { .position = 2 };
	struct mq_publish record[2];
	struct io_uring_sqe *sqe;
	uint64_t user_data;
	unsigned int i;

	/* Each needs what the one before has done. */
	mqt_record(&record[0], "a/1", "payload", 7);
	mqt_record(&record[1], "a/2", "payload", 7);
	for (i = 0; i < 2; i++) {
		sqe = mqu_prep(&self->ring, self->publisher, MQ_IOC_PUBLISH, &record[i]);
		sqe->flags |= IOSQE_IO_LINK;
		sqe->user_data = i;
	}
	sqe = mqu_prep(&self->ring, self->subscription.fd, MQ_IOC_ACK, &ack);
	sqe->flags |= IOSQE_IO_LINK;
	sqe->user_data = 2;
	sqe = mqu_prep(&self->ring, self->subscription.fd, MQ_IOC_RECEIVE, call(self, PAGE));
	sqe->user_data = 3;
	mqu_submit(&self->ring);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, mqu_wait(&self->ring, &user_data, NULL));
		EXPECT_EQ(i, user_data);
	}
	EXPECT_EQ(1U, self->receive.count);
	EXPECT_EQ(3U, self->receive.position);
}

TEST_F(uring, links_break)
{
	struct mqt_subscription holder;
	struct mq_publish record;
	struct mq_ack ack = { .position = 1000000 };
	struct io_uring_sqe *sqe;
	uint64_t user_data;
	int result;

	/* EAGAIN is a result: the command behind it does not run. */
	ASSERT_EQ(-EAGAIN, fill(self, &holder));
	mqt_record(&record, "a/1", "x", 1);
	sqe = mqu_prep(&self->ring, self->publisher, MQ_IOC_PUBLISH, &record);
	sqe->flags |= IOSQE_IO_LINK;
	sqe->user_data = 1;
	mqu_prep(&self->ring, holder.fd, MQ_IOC_ACK, &ack)->user_data = 2;
	mqu_submit(&self->ring);
	result = mqu_wait(&self->ring, &user_data, NULL);
	EXPECT_EQ(user_data == 1 ? -EAGAIN : -ECANCELED, result);
	result = mqu_wait(&self->ring, &user_data, NULL);
	EXPECT_EQ(user_data == 1 ? -EAGAIN : -ECANCELED, result);
	EXPECT_EQ(1000000U, ack.position);
	EXPECT_EQ(0, mqt_poll(self->publisher, POLLOUT, 0));
}

/* ---- an endpoint in use ---------------------------------------------- */

/* A thread that uses an endpoint, with memory that stalls. */
struct victim {
	int fd;
	struct mq_publish record;
	void *buffer;
	int result;
};

static void *stall(void *arg)
{
	struct victim *victim = arg;

	if (victim->buffer)
		victim->result = read(victim->fd, victim->buffer, 56) == 56 ? 0 : -errno;
	else
		victim->result = mqt_ioctl(victim->fd, MQ_IOC_PUBLISH, &victim->record);
	return NULL;
}

/* Starts the thread; returns when it stalls in the middle of its call. */
static pthread_t stall_start(int userfault, struct victim *victim)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, stall, victim) || mqt_userfault_wait(userfault))
		abort();
	return thread;
}

static void stall_end(int userfault, const void *page, pthread_t thread)
{
	if (mqt_userfault_give(userfault, page))
		abort();
	pthread_join(thread, NULL);
}

TEST_F(uring, beside_a_publisher_that_stalls)
{
	int userfault = mqt_userfault_open();
	struct victim victim = { .fd = self->publisher };
	char *page = mqt_userfault_map(userfault);
	struct mq_publish_batch batch = { .count = 200 };
	struct mq_publish record, records[200];
	uint64_t user_data, sum = 0;
	pthread_t thread;
	unsigned int i;

	ASSERT_NE(NULL, page);
	mqt_record(&victim.record, "a/slow", page, 1);
	thread = stall_start(userfault, &victim);
	mqt_record(&record, "a/1", "x", 1);
	for (i = 0; i < batch.count; i++)
		mqt_record(&records[i], "a/2", "x", 1);
	batch.records = (uintptr_t)records;
	mqu_prep(&self->ring, self->publisher, MQ_IOC_PUBLISH, &record)->user_data = 1;
	mqu_prep(&self->ring, self->publisher, MQ_IOC_PUBLISH_BATCH, &batch)->user_data = 2;
	ASSERT_LE(0, mqu_submit(&self->ring));
	/* They wait for their turn, and nobody waits for them. */
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	EXPECT_EQ(1U, mqt_head(&self->map));
	stall_end(userfault, page, thread);
	EXPECT_EQ(0, victim.result);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, mqu_wait(&self->ring, &user_data, NULL));
		sum += user_data;
	}
	EXPECT_EQ(3U, sum);
	EXPECT_EQ(1U, victim.record.sequence);
	EXPECT_EQ(0, record.result);
	EXPECT_EQ(200U, batch.done);
	EXPECT_EQ(0, records[199].result);
	EXPECT_EQ(203U, mqt_head(&self->map));
}

TEST_F(uring, beside_a_reader_that_stalls)
{
	int userfault = mqt_userfault_open();
	struct victim victim = { .fd = self->subscription.fd };
	const struct mq_record *record = (void *)self->buffer;
	pthread_t thread;

	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "payload"));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/2", "payload"));
	victim.buffer = mqt_userfault_map(userfault);
	ASSERT_NE(NULL, victim.buffer);
	thread = stall_start(userfault, &victim);
	mqu_prep(&self->ring, self->subscription.fd, MQ_IOC_RECEIVE, call(self, PAGE));
	ASSERT_LE(0, mqu_submit(&self->ring));
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	stall_end(userfault, victim.buffer, thread);
	EXPECT_EQ(0, victim.result);
	EXPECT_EQ(0, mqu_wait(&self->ring, NULL, NULL));
	EXPECT_EQ(1U, self->receive.count);
	EXPECT_EQ(2U, record->sequence);
}

/* ---- poll ------------------------------------------------------------ */

static void poll_start(FIXTURE_DATA(uring) * self, int fd, short events)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring.ring);

	if (self->ring.kind.flags & IOSQE_FIXED_FILE)
		fd = mqu_fixed(&self->ring, fd);
	io_uring_prep_poll_multishot(sqe, fd, events);
	sqe->flags = self->ring.kind.flags;
	mqu_submit(&self->ring);
}

/* Waits for an event that is @wanted; others, and that one again, pass. */
static bool poll_says(FIXTURE_DATA(uring) * self, short wanted)
{
	uint32_t flags = IORING_CQE_F_MORE;
	int events = 0;

	while (!(events & wanted) && flags & IORING_CQE_F_MORE)
		events = mqu_wait(&self->ring, NULL, &flags);
	return events > 0 && events & wanted;
}

TEST_F(uring, poll_of_a_subscription)
{
	unsigned int i;

	poll_start(self, self->subscription.fd, POLLIN);
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "not this"));
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "a/1", "payload"));
		ASSERT_TRUE(poll_says(self, POLLIN));
		ASSERT_EQ(0, mqt_ioctl(self->subscription.fd, MQ_IOC_RECEIVE, call(self, PAGE)));
		ASSERT_EQ(1U, self->receive.count);
	}
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_TRUE(poll_says(self, POLLHUP));
}

TEST_F(uring, poll_of_a_publisher)
{
	struct mq_ack ack = { .position = 1000000 };
	struct mqt_subscription holder;
	unsigned int i;

	poll_start(self, self->publisher, POLLOUT);
	ASSERT_TRUE(poll_says(self, POLLOUT));
	ASSERT_EQ(-EAGAIN, fill(self, &holder));
	for (i = 0; i < 3; i++) {
		int error = 0;

		ASSERT_TRUE(mqu_goes_on(&self->ring));
		ASSERT_EQ(0, mqt_ioctl(holder.fd, MQ_IOC_ACK, &ack));
		ASSERT_TRUE(poll_says(self, POLLOUT));
		while (!error)
			error = mqt_publish_str(self->publisher, "full", "x");
		ASSERT_EQ(-EAGAIN, error);
		ack.position = 1000000;
	}
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_TRUE(poll_says(self, POLLHUP));
}

TEST_F(uring, poll_of_a_node)
{
	int node = mqt_node(NAME, O_RDONLY | O_NONBLOCK);
	char text[16];
	unsigned int i;

	poll_start(self, node, POLLIN);
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "payload"));
		ASSERT_TRUE(poll_says(self, POLLIN));
		ASSERT_EQ(7, read(node, text, sizeof(text)));
	}
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_TRUE(poll_says(self, POLLHUP));
}

/* A record is there for the reader of each node: an exclusive one takes it from none. */
TEST_F(uring, exclusive_polls_of_nodes)
{
	struct io_uring_sqe *sqe;
	uint32_t flags;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		sqe = io_uring_get_sqe(&self->ring.ring);
		io_uring_prep_poll_add(sqe, mqt_node(NAME, O_RDONLY), POLLIN | EPOLLEXCLUSIVE);
		mqu_submit(&self->ring);
	}
	EXPECT_TRUE(mqu_goes_on(&self->ring));
	ASSERT_EQ(0, mqt_publish_str(self->publisher, "b", "payload"));
	for (i = 0; i < 2; i++)
		EXPECT_LT(0, mqu_wait(&self->ring, NULL, &flags) & POLLIN);
}

TEST_HARNESS_MAIN
