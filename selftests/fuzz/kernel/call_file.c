// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What can be done with descriptors as such. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#include "kfuzz.h"

#define CHECKED 6	/* insn.b from here on: a pointer that is no good */

/* a: name, b: how, v: slot */
KF_RUN(open)
{
	static const int modes[] = { O_RDWR, O_RDWR, O_RDONLY, O_WRONLY };
	int mode = modes[insn->b % ARRAY_LEN(modes)];
	int flags = insn->c < 192 ? O_NONBLOCK : 0;
	char path[128];
	int fd;

	(void)t;
	snprintf(path, sizeof(path), "/dev/mq/%s", kf_name(insn->a));
	/* With no name it is the directory. */
	fd = open(path, mode | flags | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		if (errno != ENOENT && errno != ENXIO && errno != EACCES && errno != EISDIR &&
		    errno != ENOMEM && errno != ENOTDIR && errno != EINTR)
			kf_finding("open of a node: %s", strerrorname_np(errno));
		return -errno;
	}
	return kf_slot_put(fd, path[strlen("/dev/mq/")] ? KF_NODE : KF_OTHER, insn->v, mode, 0);
}

/* Of which kind: c. */
static enum kf_kind kind_of(const struct kf_insn *insn)
{
	return insn->c % KF_KINDS;
}

KF_RUN(close)
{
	struct kf_slot slot = kf_slot_take(kind_of(insn), insn->res);

	(void)t;
	return close(slot.fd) ? -errno : 0;
}

KF_RUN(dup)
{
	struct kf_slot slot = kf_slot_get(kind_of(insn), insn->res);
	int fd = dup(slot.fd);

	(void)t;
	if (fd < 0)
		return -errno;
	return kf_slot_put(fd, slot.kind, insn->v, slot.mode, slot.sub);
}

static int pass_send(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { };
	struct iovec data = { .iov_base = "x", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) < 0 ? -errno : 0;
}

static int pass_receive(int socket)
{
	char space[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = space, .msg_controllen = sizeof(space),
	};
	struct cmsghdr *header;
	int fd;

	if (recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_len != CMSG_LEN(sizeof(int)))
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* SCM_RIGHTS; a: received, left in flight to the end, or gone with the sockets. */
KF_RUN(pass)
{
	struct kf_slot slot = kf_slot_get(kind_of(insn), insn->res);
	int sockets[2];
	int result;

	(void)t;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	result = pass_send(sockets[0], slot.fd);
	if (insn->b & 1 && result >= 0) {
		close(slot.fd);
		kf_slot_take(kind_of(insn), insn->res);
	}
	if (insn->a % 3 == 0 && result >= 0) {
		result = pass_receive(sockets[1]);
		if (result >= 0)
			result = kf_slot_put(result, slot.kind, insn->v, slot.mode, slot.sub);
	}
	if (insn->a % 3 == 1)
		kf_slot_put(sockets[1], KF_OTHER, insn->v, 0, 0);
	else
		close(sockets[1]);
	close(sockets[0]);
	return result;
}

KF_RUN(nonblock)
{
	struct kf_slot slot = kf_slot_get(kind_of(insn), insn->res);

	(void)t;
	return fcntl(slot.fd, F_SETFL, insn->a & 1 ? O_NONBLOCK : 0) ? -errno : 0;
}

/* ---- read and write ----------------------------------------------------- */

static ssize_t do_read(const struct kf_insn *insn, int fd, void *buffer, size_t len)
{
	struct iovec parts[2] = {
		{ .iov_base = buffer, .iov_len = len / 2 },
		{ .iov_base = (char *)buffer + len / 2, .iov_len = len - len / 2 },
	};

	switch (insn->a % 16) {
	case 14:
		return readv(fd, parts, 2);
	case 15:
		return pread(fd, buffer, len, insn->v);
	default:
		return read(fd, buffer, len);
	}
}

static void check_read(struct kf_thread *t, const struct kf_slot *slot, size_t len,
		       ssize_t done, int error)
{
	if (done > (ssize_t)len)
		kf_finding("read %zd bytes of %zu", done, len);
	if (done < 0 && error != EAGAIN && error != EINTR && error != EFAULT && error != EBADF &&
	    error != EINVAL && error != ESPIPE && !(slot->kind == KF_SUB && error == EMSGSIZE))
		kf_finding("read: %s is not what the header names", strerrorname_np(error));
	if (t->wild)
		return;
	kf_out_check(t, len);
	if (slot->kind == KF_SUB && done > 0)
		kf_check_records(t->out, done, kf_sub_of(*slot));
}

/* c: of which kind; v: how much */
KF_RUN(read)
{
	struct kf_slot slot = kf_slot_get(insn->c % 3 == 1 ? KF_NODE : KF_SUB, insn->res);
	size_t len = insn->v & 0x100 ? 65536 : kf_length(insn->v & 0xff) * 8ULL;
	bool ours = slot.kind == KF_SUB || slot.kind == KF_NODE;
	ssize_t done;
	void *buffer;

	if (len > KF_OUT / 2)
		len = KF_OUT / 2;
	t->wild = !ours || insn->a % 16 == 14;
	buffer = kf_pointer(t, insn->b < 248 ? 0 : insn->b % KF_POINTERS, kf_out_now(t, len), len);
	done = do_read(insn, slot.fd, buffer, len);
	if (done < 0)
		done = -errno;
	if (ours)
		check_read(t, &slot, len, done, -done);
	return done;
}

/* b: a bad pointer; v: how much. Only what can be known is written. */
KF_RUN(write)
{
	struct kf_slot slot = kf_slot_get(KF_NODE, insn->res);
	uint32_t len = kf_length(insn->v & 0xff);
	unsigned int bad = insn->b < 248 ? 0 : insn->b % CHECKED;
	uint8_t *payload = kf_alloc(t, len);
	ssize_t done;

	if (!payload)
		return -ENOBUFS;
	t->wild = false;
	kf_content_make(payload, len, NULL, 0, KF_TOPIC_NAME);
	done = write(slot.fd, kf_pointer(t, bad, payload, len), len);
	if (done < 0)
		done = -errno;
	if (slot.kind != KF_NODE)
		return done;
	if (done >= 0 && ((done && slot.mode == O_RDONLY) || done != len || (bad && len)))
		kf_finding("write of %u bytes to a node returned %zd", len, done);
	if (done < 0 && !kf_errno_known(kf_call_of(KF_PUBLISH), -done) && done != -EUSERS &&
	    done != -EINVAL)
		kf_finding("write to a node: %s is not what the header names",
			   strerrorname_np(-done));
	return done;
}

/* ---- waiting ------------------------------------------------------------ */

KF_RUN(poll)
{
	struct kf_slot slot = kf_slot_get(kind_of(insn), insn->res);
	struct pollfd entry = { .fd = slot.fd, .events = insn->v };
	int count;

	(void)t;
	count = poll(&entry, 1, insn->a < 192 ? 0 : 5);
	if (count < 0)
		return -errno;
	if (entry.revents & ~(insn->v | POLLERR | POLLHUP | POLLNVAL))
		kf_finding("poll for %#x says %#x", insn->v, entry.revents);
	return entry.revents;
}

/* A new epoll, or one that is there gets or loses something. */
KF_RUN(epoll)
{
	struct kf_slot slot = kf_slot_get(kind_of(insn), insn->res);
	struct kf_slot old = kf_slot_get(KF_OTHER, insn->b);
	struct epoll_event event = { .events = insn->v | (insn->a & 1 ? EPOLLET : 0) };
	int fd;

	(void)t;
	if (insn->a % 8 == 7)
		return epoll_wait(old.fd, &event, 1, 0) < 0 ? -errno : 0;
	if (insn->a % 8 == 6)
		return epoll_ctl(old.fd, EPOLL_CTL_DEL, slot.fd, &event) ? -errno : 0;
	if (insn->a % 8 == 5)
		return epoll_ctl(old.fd, EPOLL_CTL_ADD, slot.fd, &event) ? -errno : 0;
	fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (epoll_ctl(fd, EPOLL_CTL_ADD, slot.fd, &event)) {
		int error = -errno;

		close(fd);
		return error;
	}
	return kf_slot_put(fd, KF_OTHER, insn->v, 0, 0);
}

/* Calls that should mean nothing here. */
KF_RUN(seek)
{
	struct kf_slot slot = kf_slot_get(kind_of(insn), insn->res);
	struct stat status;
	char path[64];
	int fd;

	switch (insn->a % 6) {
	case 0:
		return lseek(slot.fd, kf_value(insn->b), insn->v % 3) < 0 ? -errno : 0;
	case 1:
		return fstat(slot.fd, &status) ? -errno : 0;
	case 2:
		return ftruncate(slot.fd, kf_value(insn->b)) ? -errno : 0;
	case 3:
		return fsync(slot.fd) ? -errno : 0;
	case 4:
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", slot.fd);
		break;
	default:
		/* Opened anew: an endpoint must not come out of it. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", slot.fd);
	}
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (insn->a % 6 == 4 && read(fd, t->out, 4096) < 0)
		t->out[0] = 0;
	if (insn->a % 6 == 5 && (slot.kind == KF_PUB || slot.kind == KF_SUB))
		kf_finding("an endpoint could be opened by its name in /proc");
	close(fd);
	return 0;
}

/* ---- processes ---------------------------------------------------------- */

static void on_tick(int signal)
{
	(void)signal;
}

static void child_run(struct kf_thread *t, uint32_t count, bool killed)
{
	struct itimerval tick = { { 0, 20000 }, { 0, 20000 } };
	struct sigaction action = { .sa_handler = on_tick };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
	t->child = true;
	t->end = t->at + count < t->end ? t->at + count : t->end;
	kf_exec_some(t);
	if (killed)
		kill(getpid(), SIGKILL);
	_exit(0);
}

/* A child runs the next a instructions, too (b & 1: and is killed); b & 2: alone. */
KF_RUN(fork)
{
	uint32_t count = insn->a % 8;
	unsigned int i;
	pid_t child;

	if (t->child)
		return -EAGAIN;
	for (i = 0; i < ARRAY_LEN(kf_state.children); i++) {
		int none = 0;

		/* -1: about to be started */
		if (atomic_compare_exchange_strong(&kf_state.children[i], &none, -1))
			break;
	}
	if (i == ARRAY_LEN(kf_state.children))
		return -EAGAIN;
	child = fork();
	if (!child)
		child_run(t, count, insn->b & 1);
	kf_state.children[i] = child > 0 ? child : 0;
	if (child < 0)
		return -errno;
	if (insn->b & 2)
		t->at = t->at + count < t->end ? t->at + count : t->end;
	return 0;
}

/* Another user, for this thread; 0: root again. */
KF_RUN(user)
{
	unsigned int user = insn->a % 3 ? 1000 + insn->a % 3 : 0;

	(void)t;
	return syscall(SYS_setresuid, user, user, 0) ? -errno : 0;
}

KF_RUN(yield)
{
	unsigned int i;

	(void)t;
	for (i = 0; i < insn->a; i++)
		sched_yield();
	return 0;
}
