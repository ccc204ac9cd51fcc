// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Who made a publisher: what the kernel says of it is what the maker and /proc
 * say, in terms of who asks, whoever uses the descriptor, and as long as a
 * record is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <linux/capability.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-identity"
#define CGROUPS "/sys/fs/cgroup"
#define CGROUP CGROUPS "/mq-identity"
#define SLOTS 64U
#define LABEL_SIZE 4096
#define SECURITYFS "/sys/kernel/security"
#define APPARMOR_LABEL "/proc/self/attr/apparmor/current"
#define LOCKDEP "/proc/lockdep"
#define APPARMOR_NAMESPACE SECURITYFS "/apparmor/policy/namespaces/mq-identity"

FIXTURE(identity) {
	int node;
	bool mounted;
	struct mqt_subscription subscription;
	struct mqt_map map;
};

FIXTURE_SETUP(identity)
{
	const struct mqt_config config = {
		.name = NAME, .slots = SLOTS, .bytes = 8192, .mode = 0666, .claims = { "a/#" },
	};

	ASSERT_EQ(0, mqt_create(&config));
	self->node = mqt_node(NAME, O_RDWR);
	ASSERT_LE(0, self->node);
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "#"));
	ASSERT_EQ(0, mqt_map(&self->map, &self->subscription));
}

FIXTURE_TEARDOWN(identity)
{
	mqt_delete(NAME);
	rmdir(CGROUP);
	rmdir(APPARMOR_NAMESPACE);
	if (self->mounted)
		umount(SECURITYFS);
}

/* Poison wherever an answer is to come. */
static struct mq_publisher_info question(uint64_t id)
{
	struct mq_publisher_info info;

	memset(&info, MQT_POISON, sizeof(info));
	info.flags = 0;
	info.label_size = 0;
	info.label = 0;
	info.id = id;
	memset(info.reserved, 0, sizeof(info.reserved));
	return info;
}

static int ask(int fd, uint64_t id, struct mq_publisher_info *info)
{
	*info = question(id);
	return mqt_ioctl(fd, MQ_IOC_PUBLISHER_INFO, info);
}

static int refused(int fd, uint64_t id)
{
	struct mq_publisher_info info = question(id);

	return mqt_refusal(fd, MQ_IOC_PUBLISHER_INFO, &info);
}

static int publisher(int node, uint64_t *id)
{
	struct mq_publisher_new args = {};
	int fd = mqt_ioctl(node, MQ_IOC_PUBLISHER, &args);

	*id = args.id;
	return fd;
}

/* Who published the last record, by its slot. */
static uint64_t last_publisher(const struct mqt_map *map)
{
	struct mqt_view view = {};

	return mqt_peek(map, mqt_head(map) - 1, &view) ? 0 : view.publisher;
}

/* Field 22 of /proc/PID/stat: start of the process in clock ticks. */
static uint64_t start_ticks(pid_t pid)
{
	char path[64], text[1024], *at;
	unsigned int field;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (mqt_read_file(path, text, sizeof(text)))
		return 0;
	/* The name, field 2, may have anything in it. */
	at = strrchr(text, ')');
	for (field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static uint64_t to_ticks(uint64_t ns)
{
	return ns / (1000000000ULL / sysconf(_SC_CLK_TCK));
}

/* Id of the control group of this process: the inode of its directory. */
static uint64_t own_cgroup(void)
{
	char text[512], path[600], *at, *end;
	struct stat stat_of;

	if (mqt_read_file("/proc/self/cgroup", text, sizeof(text)))
		return 0;
	at = strstr(text, "0::/");
	if (!at)
		return 0;
	at += strlen("0::");
	end = strchr(at, '\n');
	if (end)
		*end = '\0';
	snprintf(path, sizeof(path), CGROUPS "%s", at);
	return stat(path, &stat_of) ? 0 : stat_of.st_ino;
}

static uint64_t realtime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

TEST_F(identity, the_maker)
{
	uint64_t before = realtime(), after, id;
	struct mq_publisher_info info;
	int fd = publisher(self->node, &id);

	after = realtime();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ask(self->node, id, &info));
	EXPECT_EQ(0U, info.flags);
	EXPECT_EQ(id, info.id);
	EXPECT_EQ((uint32_t)getpid(), info.pid);
	EXPECT_EQ(geteuid(), info.uid);
	EXPECT_EQ(getegid(), info.gid);
	EXPECT_EQ(MQ_PUBLISHER_OPEN, (int)info.state);
	EXPECT_NE(0U, own_cgroup());
	EXPECT_EQ(own_cgroup(), info.cgroup);
	EXPECT_NE(0U, start_ticks(getpid()));
	EXPECT_EQ(start_ticks(getpid()), to_ticks(info.started));
	EXPECT_LE(before, info.opened);
	EXPECT_GE(after, info.opened);
	EXPECT_EQ(0U, info.last);
	EXPECT_EQ(0U, info.reserved[0] | info.reserved[1] | info.reserved[2]);
	ASSERT_EQ(0, mqt_publish_str(fd, "a/1", "x"));
	ASSERT_EQ(0, mqt_publish_str(fd, "a/1", "x"));
	/* The same to a subscription. */
	ASSERT_EQ(0, ask(self->subscription.fd, id, &info));
	EXPECT_EQ((uint32_t)getpid(), info.pid);
	EXPECT_EQ(2U, info.last);
	EXPECT_EQ(id, last_publisher(&self->map));
}

struct maker {
	int node;
	uint64_t id;
	uint64_t started;
	pid_t pid;
};

/* Real and effective ids that differ: the effective ones are told. */
static int make_as_somebody(void *arg)
{
	struct maker *maker = arg;

	maker->pid = getpid();
	maker->started = start_ticks(getpid());
	if (setresgid(2001, 2002, 2001) || setresuid(1001, 1002, 1001))
		return 1;
	/* With what it opens files is not who it is. */
	setfsuid(1001);
	return mqt_publish_str(publisher(maker->node, &maker->id), "a/1", "x") ? 2 : 0;
}

TEST_F(identity, of_a_process_that_is_gone)
{
	struct maker *maker = mqt_shared(sizeof(*maker));
	struct mq_publisher_info info;

	maker->node = self->node;
	ASSERT_EQ(0, mqt_in_child(make_as_somebody, maker));
	ASSERT_EQ(0, ask(self->node, maker->id, &info));
	EXPECT_EQ((uint32_t)maker->pid, info.pid);
	EXPECT_EQ(maker->started, to_ticks(info.started));
	EXPECT_EQ(1002U, info.uid);
	EXPECT_EQ(2002U, info.gid);
	EXPECT_EQ(MQ_PUBLISHER_CLOSED, (int)info.state);
	EXPECT_EQ(1U, info.last);
}

static void *make_in_thread(void *arg)
{
	struct maker *maker = arg;

	publisher(maker->node, &maker->id);
	return NULL;
}

TEST_F(identity, of_a_thread_is_its_process)
{
	struct maker maker = { .node = self->node };
	struct mq_publisher_info info;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, make_in_thread, &maker));
	pthread_join(thread, NULL);
	ASSERT_EQ(0, ask(self->node, maker.id, &info));
	EXPECT_EQ((uint32_t)getpid(), info.pid);
	EXPECT_EQ(start_ticks(getpid()), to_ticks(info.started));
}

TEST_F(identity, the_control_group_then)
{
	struct mq_publisher_info info;
	struct stat directory;
	uint64_t id;
	int fd;

	rmdir(CGROUP);
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	ASSERT_EQ(0, stat(CGROUP, &directory));
	ASSERT_EQ(0, mqt_write_file(CGROUP "/cgroup.procs", "0"));
	fd = publisher(self->node, &id);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mqt_write_file(CGROUPS "/cgroup.procs", "0"));
	ASSERT_EQ(0, ask(self->node, id, &info));
	EXPECT_EQ(directory.st_ino, info.cgroup);
	EXPECT_NE(own_cgroup(), info.cgroup);
	/* It is a number, not a hold on the group. */
	EXPECT_EQ(0, rmdir(CGROUP));
}

/* The publisher is passed on, then used and left by another process. */
static int publish_as_other(void *arg)
{
	const int *fd = arg;

	if (mqt_become(1000))
		return 1;
	return mqt_publish_str(*fd, "a/1", "x") ? 2 : 0;
}

TEST_F(identity, a_descriptor_that_is_passed_on)
{
	struct mq_publisher_info info;
	uint64_t id;
	int fd = publisher(self->node, &id);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mqt_in_child(publish_as_other, &fd));
	EXPECT_EQ(id, last_publisher(&self->map));
	ASSERT_EQ(0, ask(self->node, id, &info));
	EXPECT_EQ((uint32_t)getpid(), info.pid);
	EXPECT_EQ(0U, info.uid);
	EXPECT_EQ(MQ_PUBLISHER_OPEN, (int)info.state);
	EXPECT_EQ(1U, info.last);
}

static int write_as_other(void *arg)
{
	const int *fd = arg;

	if (mqt_become(1000))
		return 1;
	return write(*fd, "x", 1) == 1 ? 0 : 2;
}

/* The event of the publisher behind a node names who opened it, too. */
TEST_F(identity, a_node_that_is_passed_on)
{
	static struct mqt_reply event;
	uint64_t before = realtime(), after;
	int node = mqt_node(NAME, O_WRONLY);
	int events = mqt_events_open();
	struct mq_publisher_info info;

	after = realtime();
	ASSERT_LE(0, events);
	ASSERT_EQ(0, mqt_in_child(write_as_other, &node));
	ASSERT_EQ(0, ask(self->node, last_publisher(&self->map), &info));
	EXPECT_EQ((uint32_t)getpid(), info.pid);
	EXPECT_EQ(0U, info.uid);
	EXPECT_EQ(0U, info.gid);
	EXPECT_EQ(start_ticks(getpid()), to_ticks(info.started));
	EXPECT_LE(before, info.opened);
	EXPECT_GE(after, info.opened);
	ASSERT_EQ(0, mqt_events_next(events, &event));
	ASSERT_EQ(MQ_EVENT_PUBLISHER_OPENED, (int)mqt_u32(&event.attrs, MQ_A_EVENT));
	EXPECT_EQ(info.id, mqt_u64(&event.attrs, MQ_A_PUBLISHER_ID));
	EXPECT_EQ((uint32_t)getpid(), mqt_u32(&event.attrs, MQ_A_PID));
	close(node);
	ASSERT_EQ(0, mqt_events_next(events, &event));
	ASSERT_EQ(MQ_EVENT_PUBLISHER_CLOSED, (int)mqt_u32(&event.attrs, MQ_A_EVENT));
	EXPECT_EQ((uint32_t)getpid(), mqt_u32(&event.attrs, MQ_A_PID));
	ASSERT_EQ(0, ask(self->node, info.id, &info));
	EXPECT_EQ(MQ_PUBLISHER_CLOSED, (int)info.state);
}

/* What a setuid program meets: root writes to what a user opened. */
static int open_as_user(void *arg)
{
	struct maker *maker = arg;
	int node;

	maker->pid = getpid();
	if (setresuid(1000, 1000, 0))
		return 1;
	node = mqt_node(NAME, O_WRONLY);
	if (node < 0 || setresuid(0, 0, 0))
		return 2;
	return write(node, "x", 1) == 1 ? 0 : 3;
}

TEST_F(identity, a_node_that_a_user_opened)
{
	struct maker *maker = mqt_shared(sizeof(*maker));
	struct mq_publisher_info info;

	ASSERT_EQ(0, mqt_in_child(open_as_user, maker));
	ASSERT_EQ(0, ask(self->node, last_publisher(&self->map), &info));
	EXPECT_EQ((uint32_t)maker->pid, info.pid);
	EXPECT_EQ(1000U, info.uid);
}

/* ---- namespaces ------------------------------------------------------ */

struct inside {
	int node;
	int gate[2];
	uint64_t parents;
	uint64_t own;
	struct mq_publisher_info of_parents;
	struct mq_publisher_info of_own;
	pid_t pid;
};

/* Process 1 of a pid namespace, root of a user namespace. */
static int look_from_inside(struct inside *inside)
{
	char byte;

	if (getpid() != 1 || geteuid() != 0)
		return 10;
	if (publisher(inside->node, &inside->own) < 0)
		return 11;
	if (ask(inside->node, inside->parents, &inside->of_parents) ||
	    ask(inside->node, inside->own, &inside->of_own))
		return 12;
	/* Until it was looked at from outside. */
	return read(inside->gate[0], &byte, 1) == 1 ? 0 : 13;
}

static int into_namespaces(struct inside *inside)
{
	int status;
	pid_t child;

	/* Who changed its user is not dumpable: its own files in /proc are root's. */
	if (mqt_become(1000) || prctl(PR_SET_DUMPABLE, 1) ||
	    unshare(CLONE_NEWUSER | CLONE_NEWPID))
		return 1;
	if (mqt_write_file("/proc/self/setgroups", "deny") ||
	    mqt_write_file("/proc/self/uid_map", "0 1000 1") ||
	    mqt_write_file("/proc/self/gid_map", "0 1000 1"))
		return 2;
	child = fork();
	if (!child)
		_exit(look_from_inside(inside));
	__atomic_store_n(&inside->pid, child, __ATOMIC_RELEASE);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 3;
	return WEXITSTATUS(status);
}

TEST_F(identity, in_other_namespaces)
{
	struct inside *inside = mqt_shared(sizeof(*inside));
	struct mq_publisher_info info;
	int fd, status;
	pid_t child;

	inside->node = self->node;
	fd = publisher(self->node, &inside->parents);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(inside->gate));
	child = fork();
	if (!child)
		_exit(into_namespaces(inside));
	mqt_wait_thread_in_call(&inside->pid, SYS_read);
	ASSERT_EQ(0, ask(self->node, inside->own, &info));
	EXPECT_EQ((uint32_t)inside->pid, info.pid);
	EXPECT_EQ(1000U, info.uid);
	EXPECT_EQ(1000U, info.gid);
	ASSERT_EQ(1, write(inside->gate[1], "", 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);

	EXPECT_EQ(1U, inside->of_own.pid);
	EXPECT_EQ(0U, inside->of_own.uid);
	EXPECT_EQ(0U, inside->of_own.gid);
	EXPECT_EQ(info.started, inside->of_own.started);
	EXPECT_EQ(info.cgroup, inside->of_own.cgroup);
	/* Who is not there has no number, and no name. */
	EXPECT_EQ(0U, inside->of_parents.pid);
	EXPECT_EQ(65534U, inside->of_parents.uid);
	EXPECT_EQ(65534U, inside->of_parents.gid);
	EXPECT_EQ(MQ_PUBLISHER_OPEN, (int)inside->of_parents.state);
}

/* ---- how long -------------------------------------------------------- */

TEST_F(identity, known_until_the_ring_passes_its_last_record)
{
	int other = mqt_publisher(NAME, 0), fd;
	struct mq_publisher_info info;
	struct mqt_view view;
	uint64_t id;

	fd = publisher(self->node, &id);
	ASSERT_EQ(0, mqt_publish_str(fd, "a/1", "x"));
	ASSERT_EQ(0, mqt_publish_str(other, "a/1", "x"));
	ASSERT_EQ(0, mqt_publish_str(fd, "a/1", "x"));
	close(fd);
	while (mqt_oldest(&self->map) <= 3) {
		ASSERT_EQ(0, ask(self->node, id, &info));
		ASSERT_EQ(MQ_PUBLISHER_CLOSED, (int)info.state);
		ASSERT_EQ(3U, info.last);
		ASSERT_EQ((uint32_t)getpid(), info.pid);
		ASSERT_EQ(0, mqt_publish_str(other, "a/1", "x"));
	}
	EXPECT_EQ(-ESTALE, mqt_peek(&self->map, 3, &view));
	EXPECT_EQ(ENOENT, refused(self->node, id));
	EXPECT_EQ(ENOENT, refused(self->subscription.fd, id));
}

TEST_F(identity, who_said_nothing_is_forgotten)
{
	struct mq_publisher_info info;
	uint64_t id;
	int fd = publisher(self->node, &id);

	ASSERT_EQ(0, ask(self->node, id, &info));
	EXPECT_EQ(-EINVAL, mqt_publish_str(fd, "a/+", "x"));
	close(fd);
	EXPECT_EQ(ENOENT, refused(self->node, id));
}

TEST_F(identity, purged_and_deleted)
{
	struct mq_publisher_info info;
	uint64_t first, second;
	int fd = publisher(self->node, &first);

	ASSERT_EQ(0, mqt_publish_str(fd, "a/1", "x"));
	close(fd);
	ASSERT_EQ(0, ask(self->node, first, &info));
	ASSERT_EQ(0, mqt_purge(NAME));
	EXPECT_EQ(ENOENT, refused(self->node, first));
	fd = publisher(self->node, &second);
	ASSERT_EQ(0, mqt_publish_str(fd, "a/1", "x"));
	/* Its records are readable still, and so is who wrote them. */
	ASSERT_EQ(0, mqt_delete(NAME));
	EXPECT_EQ(0, ask(self->node, second, &info));
	close(fd);
	EXPECT_EQ(0, ask(self->subscription.fd, second, &info));
	EXPECT_EQ((uint32_t)getpid(), info.pid);
}

/* Each leaves one record behind. */
static int open_and_close(void *arg)
{
	const int *node = arg;
	unsigned int i, count = mqt_count(50000);
	uint64_t id;

	if (mqt_write_file(CGROUP "/cgroup.procs", "0"))
		return 1;
	for (i = 0; i < count; i++) {
		int fd = publisher(*node, &id);

		if (mqt_publish_str(fd, "a/1", "x"))
			return 2;
		close(fd);
	}
	return mqt_write_file(CGROUPS "/cgroup.procs", "0") ? 3 : 0;
}

TEST_F(identity, memory_is_bounded)
{
	rmdir(CGROUP);
	mqt_write_file(CGROUPS "/cgroup.subtree_control", "+memory");
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	ASSERT_EQ(0, mqt_in_child(open_and_close, &self->node));
	/* Some of it waits for a grace period. The rest is what the ring knows. */
	while (mqt_read_number(CGROUP "/memory.current") > 512 * 1024)
		sched_yield();
}

/* ---- refusals -------------------------------------------------------- */

TEST_F(identity, refusals)
{
	int writer = mqt_node(NAME, O_WRONLY);
	struct mq_publisher_info info;
	unsigned int i;
	uint64_t id;
	int fd = publisher(self->node, &id);

	EXPECT_EQ(EACCES, refused(writer, id));
	EXPECT_EQ(ENOTTY, refused(fd, id));
	EXPECT_EQ(ENOENT, refused(self->node, 0));
	EXPECT_EQ(ENOENT, refused(self->node, id + 1));
	EXPECT_EQ(ENOENT, refused(self->node, UINT64_MAX));
	info = question(id);
	info.flags = 1;
	EXPECT_EQ(EINVAL, mqt_refusal(self->node, MQ_IOC_PUBLISHER_INFO, &info));
	info.flags = 0;
	for (i = 0; i < ARRAY_SIZE(info.reserved); i++) {
		info.reserved[i] = 1;
		EXPECT_EQ(EINVAL, mqt_refusal(self->node, MQ_IOC_PUBLISHER_INFO, &info));
		EXPECT_EQ(EINVAL, mqt_refusal(self->subscription.fd, MQ_IOC_PUBLISHER_INFO,
					      &info));
		info.reserved[i] = 0;
	}
	EXPECT_EQ(-EFAULT, mqt_ioctl(self->node, MQ_IOC_PUBLISHER_INFO, mqt_nowhere()));
	/* A publisher of another channel is none of this one. */
	ASSERT_EQ(0, mqt_create(&(struct mqt_config){ .name = NAME "-2", .bytes = 8192 }));
	EXPECT_EQ(ENOENT, refused(mqt_node(NAME "-2", O_RDONLY), id));
	EXPECT_EQ(0, mqt_delete(NAME "-2"));
}

/*
 * Without a security module there is no label. With one, what is told is the
 * context as the module names it; /proc may add a mode to it.
 */
TEST_F(identity, label)
{
	char label[LABEL_SIZE + 1], proc[LABEL_SIZE];
	struct mq_publisher_info info;
	uint32_t size;
	uint64_t id;

	ASSERT_LE(0, publisher(self->node, &id));
	ASSERT_EQ(0, ask(self->node, id, &info));
	size = info.label_size;
	if (mqt_read_file("/proc/self/attr/current", proc, sizeof(proc))) {
		EXPECT_EQ(0U, size);
		return;
	}
	ASSERT_LT(1U, size);
	ASSERT_GE((uint32_t)LABEL_SIZE, size);
	/* One byte too few: none is put there. */
	memset(label, MQT_POISON, sizeof(label));
	info = question(id);
	info.label = (uintptr_t)label;
	info.label_size = size - 1;
	ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_PUBLISHER_INFO, &info));
	EXPECT_EQ(size, info.label_size);
	EXPECT_EQ((char)MQT_POISON, label[0]);
	ASSERT_EQ(0, mqt_ioctl(self->node, MQ_IOC_PUBLISHER_INFO, &info));
	EXPECT_EQ(size - 1, strlen(label));
	EXPECT_EQ((char)MQT_POISON, label[size]);
	EXPECT_EQ(0, strncmp(label, proc, size - 1)) TH_LOG("'%s' '%s'", label, proc);
	info = question(id);
	info.label = (uintptr_t)mqt_nowhere();
	info.label_size = size;
	EXPECT_EQ(EFAULT, mqt_refusal(self->node, MQ_IOC_PUBLISHER_INFO, &info));
}

/* Of a publisher; empty: none. */
static const char *label_of(int fd, uint64_t id)
{
	static char label[LABEL_SIZE];
	struct mq_publisher_info info = question(id);

	memset(label, MQT_POISON, sizeof(label));
	info.label = (uintptr_t)label;
	info.label_size = sizeof(label);
	if (mqt_ioctl(fd, MQ_IOC_PUBLISHER_INFO, &info))
		return "refused";
	if (info.label_size && label[info.label_size - 1])
		return "not ended by its NUL";
	return info.label_size ? label : "";
}

/* Where there is AppArmor, a process gets another label by going to a namespace. */
static int change_label(int unused)
{
	(void)unused;
	return mqt_write_file(APPARMOR_LABEL, "changeprofile :mq-identity:unconfined");
}

static int publish_once(int node)
{
	uint64_t id;

	return mqt_publish_str(publisher(node, &id), "a/1", "x");
}

TEST_F(identity, labels_differ)
{
	char text[LABEL_SIZE];
	bool apparmor = !mqt_read_file(APPARMOR_LABEL, text, sizeof(text));
	const char *own = apparmor ? "unconfined" : "";
	const char *other = own;
	struct mqt_agent agent;
	uint64_t id;

	self->mounted = !mount("securityfs", SECURITYFS, "securityfs", 0, NULL);
	mqt_read_file(SECURITYFS "/lsm", text, sizeof(text));
	EXPECT_EQ(apparmor, !!strstr(text, "apparmor"));
	/* The capability is one that nobody needs. */
	ASSERT_EQ(0, mqt_agent_start(&agent, 0, CAP_SYS_TIME));
	/* Lockdep takes this mkdir of 7.2 itself for a deadlock, and is off from then on. */
	if (apparmor && access(LOCKDEP, F_OK)) {
		ASSERT_EQ(0, mkdir(APPARMOR_NAMESPACE, 0755));
		ASSERT_EQ(0, mqt_agent_ask(&agent, change_label, 0));
		other = ":mq-identity:unconfined";
	}
	ASSERT_EQ(0, mqt_agent_ask(&agent, publish_once, self->node));
	mqt_agent_end(&agent);
	EXPECT_STREQ(other, label_of(self->node, last_publisher(&self->map)));
	/* Where they differ: another one than that of who asks. */
	ASSERT_LE(0, publisher(self->node, &id));
	EXPECT_STREQ(own, label_of(self->node, id));
	if (other != own)
		EXPECT_EQ(0, rmdir(APPARMOR_NAMESPACE));
	EXPECT_STREQ(other, label_of(self->node, last_publisher(&self->map)));
}

TEST_HARNESS_MAIN
