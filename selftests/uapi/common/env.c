// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What the tests need of their surroundings. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/capability.h>
#include "../mq_test.h"

unsigned int mqt_count(unsigned int full)
{
	const char *volume = getenv("MQ_VOLUME");
	int divisor = volume ? atoi(volume) : 1;
	unsigned int count = full / (divisor > 0 ? divisor : 1);

	return count ? count : 1;
}

static void param_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "/sys/module/mq/parameters/%s", name);
}

int mqt_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : write(fd, text, strlen(text));
	int error = len < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

int mqt_read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);
	int error = len < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	text[len < 0 ? 0 : len] = '\0';
	return error;
}

uint64_t mqt_read_number(const char *path)
{
	char text[32];

	if (mqt_read_file(path, text, sizeof(text)) || !text[0])
		return UINT64_MAX;
	return strtoull(text, NULL, 0);
}

uint64_t mqt_param(const char *name)
{
	char path[128];

	param_path(path, sizeof(path), name);
	return mqt_read_number(path);
}

int mqt_param_set(const char *name, uint64_t value)
{
	char path[128], text[32];

	param_path(path, sizeof(path), name);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return mqt_write_file(path, text);
}

int mqt_in_child(int (*run)(void *arg), void *arg)
{
	int status;
	pid_t child = fork();

	if (!child)
		_exit(run(arg));
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int mqt_become(uint32_t uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		return -errno;
	return 0;
}

void mqt_wait_memory(uint64_t most)
{
	/* The last reference may be put by a grace period. */
	while (mqt_param("memory") > most)
		sched_yield();
}

int mqt_capability(int capability, bool on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	uint32_t *effective = &data[CAP_TO_INDEX(capability)].effective;

	if (syscall(SYS_capget, &header, data))
		return -errno;
	if (on)
		*effective |= CAP_TO_MASK(capability);
	else
		*effective &= ~CAP_TO_MASK(capability);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

bool mqt_in_call(pid_t tid, long nr)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	/* "running" while it runs; a thread that sleeps shows its call. */
	return !mqt_read_file(path, text, sizeof(text)) &&
	       text[0] >= '0' && text[0] <= '9' && atol(text) == nr;
}

void mqt_wait_in_call(pid_t tid, long nr)
{
	while (!mqt_in_call(tid, nr))
		sched_yield();
}

void mqt_wait_thread_in_call(const volatile pid_t *tid, long nr)
{
	pid_t id;

	while (!(id = __atomic_load_n(tid, __ATOMIC_ACQUIRE)))
		sched_yield();
	mqt_wait_in_call(id, nr);
}

void mqt_wait_count(const volatile uint64_t *counter, uint64_t least)
{
	while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) < least)
		sched_yield();
}

void *mqt_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

void *mqt_nowhere(void)
{
	/* The lowest page that could be mapped, with vm.mmap_min_addr, is above. */
	static void * volatile nowhere = (void *)8;

	return nowhere;
}

uint64_t mqt_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static uint64_t mix(uint64_t value)
{
	value ^= value >> 33;
	value *= 0xff51afd7ed558ccdULL;
	value ^= value >> 33;
	return value;
}

void mqt_fill(void *data, size_t len, uint64_t seed)
{
	uint8_t *byte = data;
	uint64_t word = mix(seed + 1);
	size_t i;

	for (i = 0; i < len; i++)
		byte[i] = (word >> (i % 8 * 8)) + i / 8;
}

bool mqt_filled(const void *data, size_t len, uint64_t seed)
{
	const uint8_t *byte = data;
	uint64_t word = mix(seed + 1);
	size_t i;

	for (i = 0; i < len; i++)
		if (byte[i] != (uint8_t)((word >> (i % 8 * 8)) + i / 8))
			return false;
	return true;
}
