// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Nobody writes the ring but the kernel: every way to a writable mapping. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-mapping"
#define BYTES 16384U

FIXTURE(mapping) {
	int publisher;
	struct mqt_subscription subscription;
	struct mqt_map map;
	size_t page;
	/* Header, slots, bytes, their second mapping, status page. */
	void *readonly[5];
};

FIXTURE_SETUP(mapping)
{
	const struct mqt_config config = {
		.name = NAME, .slots = 64, .bytes = BYTES, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "#" },
	};
	char payload[200];

	memset(payload, 'p', sizeof(payload));
	self->page = sysconf(_SC_PAGESIZE);
	ASSERT_EQ(0, mqt_create(&config));
	/* The strongest there is: from a node open for reading and writing. */
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, MQ_SUBSCRIBE_HOLD, "#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
	self->publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_EQ(0, mqt_publish(self->publisher, "topic", payload, sizeof(payload)));
	self->readonly[0] = (void *)self->map.header;
	self->readonly[1] = (void *)self->map.slots;
	self->readonly[2] = (void *)self->map.bytes;
	self->readonly[3] = (void *)(self->map.bytes + BYTES);
	self->readonly[4] = (void *)self->map.status;
}

FIXTURE_TEARDOWN(mapping)
{
	mqt_delete(NAME);
}

static int map_error(int fd, size_t size, int prot, int flags, uint64_t offset)
{
	return mmap(NULL, size, prot, flags, fd, offset) == MAP_FAILED ? errno : 0;
}

/* Writes one byte; false if that is a fault. */
static sigjmp_buf fault_jump;

static void on_fault(int signal)
{
	siglongjmp(fault_jump, signal);
}

static bool can_write(void *where)
{
	const struct sigaction action = { .sa_handler = on_fault };
	volatile char *byte = where;

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(fault_jump, 1))
		return false;
	*byte = *byte;
	return true;
}

TEST_F(mapping, mmap)
{
	static const int writable[] = { PROT_WRITE, PROT_READ | PROT_WRITE };
	static const int executable[] = { PROT_EXEC, PROT_READ | PROT_EXEC };
	const uint64_t offsets[] = {
		0, MQ_HEADER_SIZE, MQ_HEADER_SIZE + 64 * MQ_SLOT_SIZE, MQ_MMAP_STATUS,
	};
	int fd = self->subscription.fd;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (j = 0; j < ARRAY_SIZE(writable); j++)
			EXPECT_EQ(EACCES, map_error(fd, self->page, writable[j], MAP_SHARED,
						    offsets[i]));
		for (j = 0; j < ARRAY_SIZE(executable); j++)
			EXPECT_EQ(EPERM, map_error(fd, self->page, executable[j], MAP_SHARED,
						   offsets[i]));
		EXPECT_EQ(EINVAL, map_error(fd, self->page, PROT_READ, MAP_PRIVATE, offsets[i]));
		EXPECT_EQ(EINVAL, map_error(fd, self->page, PROT_READ | PROT_WRITE, MAP_PRIVATE,
					    offsets[i]));
		EXPECT_EQ(0, map_error(fd, self->page, PROT_READ, MAP_SHARED, offsets[i]));
	}
	EXPECT_EQ(EACCES, map_error(fd, self->subscription.ring_size, PROT_READ | PROT_WRITE,
				    MAP_SHARED, MQ_MMAP_RING));
	EXPECT_EQ(EPERM, map_error(fd, self->page, PROT_READ | PROT_EXEC, MAP_SHARED,
				   MQ_MMAP_CONTROL));
	EXPECT_EQ(EINVAL, map_error(fd, self->page, PROT_READ, MAP_PRIVATE, MQ_MMAP_CONTROL));
}

TEST_F(mapping, beyond_the_object)
{
	uint64_t size = self->subscription.ring_size;
	int fd = self->subscription.fd;

	EXPECT_EQ(EINVAL, map_error(fd, size + self->page, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(EINVAL, map_error(fd, self->page, PROT_READ, MAP_SHARED, size));
	EXPECT_EQ(EINVAL, map_error(fd, size, PROT_READ, MAP_SHARED, self->page));
	EXPECT_EQ(EINVAL, map_error(fd, 2 * self->page, PROT_READ, MAP_SHARED, MQ_MMAP_CONTROL));
	EXPECT_EQ(EINVAL, map_error(fd, 2 * self->page, PROT_READ, MAP_SHARED, MQ_MMAP_STATUS));
	EXPECT_EQ(EINVAL, map_error(fd, self->page, PROT_READ, MAP_SHARED,
				    MQ_MMAP_CONTROL - self->page));
	EXPECT_EQ(EINVAL, map_error(fd, self->page, PROT_READ, MAP_SHARED,
				    MQ_MMAP_CONTROL + self->page));
	EXPECT_EQ(EINVAL, map_error(fd, self->page, PROT_READ, MAP_SHARED,
				    MQ_MMAP_STATUS + self->page));
	EXPECT_EQ(EINVAL, map_error(fd, self->page, PROT_READ, MAP_SHARED, 1ULL << 62));
	/* A node maps nothing, a publisher neither. */
	EXPECT_NE(0, map_error(mqt_node(NAME, O_RDWR), self->page, PROT_READ, MAP_SHARED, 0));
	EXPECT_NE(0, map_error(self->publisher, self->page, PROT_READ, MAP_SHARED, 0));
}

TEST_F(mapping, in_parts)
{
	int fd = self->subscription.fd;
	uint64_t offset;
	char *part;

	for (offset = 0; offset < self->subscription.ring_size; offset += self->page) {
		part = mmap(NULL, self->page, PROT_READ, MAP_SHARED, fd, offset);
		ASSERT_NE(MAP_FAILED, part);
		EXPECT_EQ(0, memcmp(part, (char *)self->map.header + offset, self->page));
		EXPECT_FALSE(can_write(part));
		munmap(part, self->page);
	}
}

TEST_F(mapping, the_byte_area_comes_twice)
{
	char payload[3000];
	struct mqt_view view;
	uint64_t i;

	EXPECT_EQ(0, memcmp(self->map.bytes, self->map.bytes + BYTES, BYTES));
	/* Every record is in one piece, also the one across the end. */
	for (i = 2; i < 20; i++) {
		mqt_fill(payload, sizeof(payload), i);
		ASSERT_EQ(0, mqt_publish(self->publisher, "topic", payload, sizeof(payload)));
		ASSERT_EQ(0, mqt_peek(&self->map, i, &view));
		EXPECT_TRUE(mqt_filled(view.payload, view.payload_len, i));
		mqt_advance(&self->map, self->subscription.fd, i + 1, i);
	}
	EXPECT_EQ(0, memcmp(self->map.bytes, self->map.bytes + BYTES, BYTES));
}

TEST_F(mapping, mprotect)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(self->readonly); i++) {
		EXPECT_EQ(-1, mprotect(self->readonly[i], self->page, PROT_READ | PROT_WRITE));
		EXPECT_EQ(EACCES, errno);
		EXPECT_EQ(-1, mprotect(self->readonly[i], self->page, PROT_READ | PROT_EXEC));
		EXPECT_EQ(EACCES, errno);
		/* Less than it was, and back, but never more. */
		EXPECT_EQ(0, mprotect(self->readonly[i], self->page, PROT_NONE));
		EXPECT_EQ(-1, mprotect(self->readonly[i], self->page, PROT_WRITE));
		EXPECT_EQ(0, mprotect(self->readonly[i], self->page, PROT_READ));
		EXPECT_FALSE(can_write(self->readonly[i]));
	}
	EXPECT_EQ(-1, mprotect(self->map.control, self->page, PROT_READ | PROT_EXEC));
	EXPECT_TRUE(can_write(self->map.control));
}

TEST_F(mapping, mremap)
{
	size_t size = self->subscription.ring_size;
	void *ring = (void *)self->map.header;
	void *copy, *place;

	/* Growing would look beyond the ring. */
	EXPECT_EQ(MAP_FAILED, mremap(ring, size, size + self->page, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(self->map.control, self->page, 2 * self->page,
				     MREMAP_MAYMOVE));
	/* A second mapping (old size 0), if there is one, is as read-only. */
	copy = mremap(ring, 0, size, MREMAP_MAYMOVE);
	if (copy != MAP_FAILED) {
		EXPECT_FALSE(can_write(copy));
		EXPECT_EQ(-1, mprotect(copy, self->page, PROT_READ | PROT_WRITE));
		EXPECT_EQ(0, munmap(copy, size));
	}
	/* Moved, it is the same mapping. */
	place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ring = mremap(ring, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	ASSERT_EQ(place, ring);
	EXPECT_EQ(MQ_RING_MAGIC, ((struct mq_ring_header *)ring)->magic);
	EXPECT_FALSE(can_write(ring));
	EXPECT_EQ(-1, mprotect(ring, self->page, PROT_READ | PROT_WRITE));
	/* Shrunk too. */
	EXPECT_EQ(ring, mremap(ring, size, self->page, 0));
	EXPECT_EQ(-1, mprotect(ring, self->page, PROT_READ | PROT_WRITE));
}

TEST_F(mapping, through_proc_mem)
{
	int mem = open("/proc/self/mem", O_RDWR);
	unsigned int i;
	char byte = 1;

	ASSERT_LE(0, mem);
	for (i = 0; i < ARRAY_SIZE(self->readonly); i++) {
		uintptr_t where = (uintptr_t)self->readonly[i];

		EXPECT_EQ(-1, pwrite(mem, &byte, 1, where));
		EXPECT_EQ(1, pread(mem, &byte, 1, where));
		EXPECT_EQ(byte, *(char *)self->readonly[i]);
	}
	/* It works where writing is allowed. */
	EXPECT_EQ(1, pwrite(mem, "\1", 1, (uintptr_t)&self->map.control->no_wake));
	EXPECT_EQ(1U, self->map.control->no_wake);
}

TEST_F(mapping, through_ptrace)
{
	/* A page of our own to see that the tool itself works. */
	long *own = mqt_shared(self->page);
	unsigned int i;
	int status;
	pid_t child = fork();

	if (!child) {
		/* Mappings are not inherited: make them anew. */
		for (i = 0; i < ARRAY_SIZE(self->readonly); i++)
			munmap(self->readonly[i], self->page);
		if (mmap((void *)self->map.header, self->subscription.ring_size, PROT_READ,
			 MAP_SHARED | MAP_FIXED, self->subscription.fd, 0) == MAP_FAILED ||
		    mmap((void *)self->map.status, self->page, PROT_READ, MAP_SHARED | MAP_FIXED,
			 self->subscription.fd, MQ_MMAP_STATUS) == MAP_FAILED)
			_exit(1);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	for (i = 0; i < ARRAY_SIZE(self->readonly); i++) {
		EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, child, self->readonly[i], 42));
		EXPECT_EQ(EIO, errno);
	}
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, child, own, 42));
	EXPECT_EQ(42, *own);
	ptrace(PTRACE_CONT, child, 0, 0);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(MQ_RING_MAGIC, self->map.header->magic);
}

/* Each of these makes the kernel write to user memory on somebody's behalf. */
TEST_F(mapping, as_a_buffer_of_system_calls)
{
	int zero = open("/dev/zero", O_RDONLY);
	unsigned int i;
	char byte = 1;

	for (i = 0; i < ARRAY_SIZE(self->readonly); i++) {
		struct iovec local = { &byte, 1 };
		struct iovec remote = { self->readonly[i], 1 };

		EXPECT_EQ(-1, read(zero, self->readonly[i], 1));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(-1, madvise(self->readonly[i], self->page, MADV_REMOVE));
	}
	EXPECT_EQ(-1, pwrite(self->subscription.fd, &byte, 1, 0));
	EXPECT_EQ(-1, write(self->subscription.fd, &byte, 1));
	EXPECT_EQ(-1, ftruncate(self->subscription.fd, 0));
	EXPECT_EQ(-1, fallocate(self->subscription.fd, 3, 0, self->page));
	EXPECT_EQ(MQ_RING_MAGIC, self->map.header->magic);
}

TEST_F(mapping, as_a_registered_buffer)
{
	struct io_uring_params params = {};
	int ring = syscall(SYS_io_uring_setup, 4, &params);
	unsigned int i;

	ASSERT_LE(0, ring);
	for (i = 0; i < ARRAY_SIZE(self->readonly); i++) {
		struct iovec buffer = { self->readonly[i], self->page };

		EXPECT_EQ(-1, syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS,
				      &buffer, 1));
	}
}

TEST_F(mapping, under_userfaultfd)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	unsigned int i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	for (i = 0; i < ARRAY_SIZE(self->readonly); i++) {
		struct uffdio_register range = {
			.range = { (uintptr_t)self->readonly[i], self->page },
			.mode = UFFDIO_REGISTER_MODE_MISSING,
		};

		EXPECT_EQ(-1, ioctl(fd, UFFDIO_REGISTER, &range));
	}
}

TEST_F(mapping, outlives_descriptor_and_channel)
{
	struct mqt_view view;

	close(self->subscription.fd);
	ASSERT_EQ(0, mqt_delete(NAME));
	close(self->publisher);
	EXPECT_EQ(MQ_CHANNEL_DEAD, self->map.header->state);
	ASSERT_EQ(0, mqt_peek(&self->map, 1, &view));
	EXPECT_EQ(200U, view.payload_len);
	EXPECT_EQ('p', view.payload[199]);
	EXPECT_TRUE(mqt_intact(&self->map, 1));
	EXPECT_TRUE(can_write(self->map.control));
	mqt_unmap(&self->map);
}

TEST_F(mapping, is_not_inherited)
{
	int status;
	pid_t child = fork();

	if (!child)
		_exit(can_write(self->map.control) || !msync(self->readonly[0], 1, MS_ASYNC));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(can_write(self->map.control));
}

TEST_HARNESS_MAIN
