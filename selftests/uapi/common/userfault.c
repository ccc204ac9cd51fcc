// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Memory whose first use stalls until the test gives it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include "../mq_test.h"

int mqt_userfault_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	return fd < 0 || ioctl(fd, UFFDIO_API, &api) ? -errno : fd;
}

void *mqt_userfault_map(int fd)
{
	void *page = mmap(NULL, MQT_USERFAULT_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register range = {
		.range = { (uintptr_t)page, MQT_USERFAULT_SIZE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(fd, UFFDIO_REGISTER, &range) ? NULL : page;
}

int mqt_userfault_wait(int fd)
{
	struct uffd_msg message;

	return read(fd, &message, sizeof(message)) == sizeof(message) ? 0 : -errno;
}

int mqt_userfault_give(int fd, const void *page)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)page, MQT_USERFAULT_SIZE } };

	return ioctl(fd, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;
}
