/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: What the programs on the raw interface share
 *
 * Thin wrappers that turn errno into a negative return value, the mapping of a
 * ring with the reader's side of its barriers, a little raw netlink, and ways
 * to wait for what another thread or process does. They decide nothing: what
 * is right stands in the programs. libmq is never used here.
 *
 * Include after <kselftest_harness.h>. The files in common/ do not include the
 * harness, because it defines functions.
 */
#ifndef MQ_TEST_H
#define MQ_TEST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <linux/mq.h>

/* Emulated machines are slow; nothing waits this long when all is well. */
#ifdef TEST_TIMEOUT_DEFAULT
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300
#endif

/* What "out" fields are filled with before a call. */
#define MQT_POISON 0xa5

/* ------------------------------------------------------------------------
 * Netlink (netlink.c)
 */

struct nlattr;

/* A request under construction. */
struct mqt_request {
	uint32_t len;
	union {
		uint64_t align;
		char data[8192];
	};
};

/* Attributes of one message; valid as long as its buffer. */
struct mqt_attrs {
	const struct nlattr *at[MQ_A_MAX + 1];
	const struct nlattr *claims[MQ_CLAIMS_MAX + 1];
	unsigned int claim_count;
};

/* An answer or an event. @text: the reason of a refusal. */
struct mqt_reply {
	struct mqt_attrs attrs;
	unsigned int cmd;
	char text[256];
	union {
		uint64_t align;
		char data[16384];
	};
};

void mqt_request_start(struct mqt_request *request, unsigned int cmd);
void mqt_request_put(struct mqt_request *request, unsigned int type, const void *data,
		     size_t len);
void mqt_request_str(struct mqt_request *request, unsigned int type, const char *value);
void mqt_request_u32(struct mqt_request *request, unsigned int type, uint32_t value);
void mqt_request_u64(struct mqt_request *request, unsigned int type, uint64_t value);

/* Sends and waits for the answer or acknowledgment: 0 or -errno. */
int mqt_request_send(struct mqt_request *request, struct mqt_reply *reply);

/* Sends as a dump; @each is called for every message. 0 or -errno. */
int mqt_request_dump(struct mqt_request *request,
		     void (*each)(const struct mqt_attrs *attrs, void *arg), void *arg);

/* The two steps of these: a socket for the request, or -errno; and the rest. */
int mqt_request_open(struct mqt_request *request);
int mqt_request_on(int fd, struct mqt_request *request, struct mqt_reply *reply);
int mqt_request_dump_on(int fd, struct mqt_request *request,
			void (*each)(const struct mqt_attrs *attrs, void *arg), void *arg);

bool mqt_has(const struct mqt_attrs *attrs, unsigned int type);
uint64_t mqt_u64(const struct mqt_attrs *attrs, unsigned int type);
uint32_t mqt_u32(const struct mqt_attrs *attrs, unsigned int type);
const char *mqt_str(const struct mqt_attrs *attrs, unsigned int type);
/* Whether claim @i is these bytes. */
bool mqt_claim_is(const struct mqt_attrs *attrs, unsigned int i, const char *claim);

/* A socket that hears events; -errno. */
int mqt_events_open(void);
/* The next event; blocks. 0 or -errno (ENOBUFS: some were lost). */
int mqt_events_next(int fd, struct mqt_reply *event);

/* A channel to create; what is 0 is left to its default. */
struct mqt_config {
	const char *name;
	uint32_t slots;
	uint64_t bytes;
	uint32_t max_record;
	uint32_t overflow;
	uint64_t first;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t retained_max;
	uint64_t retained_bytes_max;
	uint32_t evict_after;
	uint32_t hold;
	const char *claims[MQ_CLAIMS_MAX + 1];
};

/* Puts a configuration into a request, for those who want more. */
void mqt_request_config(struct mqt_request *request, const struct mqt_config *config);
/* Deletes a left-over of that name first. */
int mqt_create(const struct mqt_config *config);
int mqt_delete(const char *name);
int mqt_purge(const char *name);
int mqt_get(const char *name, struct mqt_reply *reply);

/* ------------------------------------------------------------------------
 * Descriptors (endpoint.c)
 */

/* open(2) of the node. */
int mqt_node(const char *name, int flags);
/* Full MQ_IOC_INFO without claims. */
int mqt_info(const char *name, struct mq_info *info);

/* A publisher. @flags: MQ_PUBLISHER_*. */
int mqt_publisher(const char *name, uint32_t flags);
int mqt_publisher_timeout(const char *name, uint32_t flags, uint32_t timeout_ms);

/* A subscription and what the kernel said about it. */
struct mqt_subscription {
	int fd;
	uint64_t id;
	uint64_t position;
	uint64_t ring_size;
};

/* 0 or -errno; the node is opened read-write if @flags hold. */
int mqt_subscribe(struct mqt_subscription *subscription, const char *name, uint32_t flags,
		  uint32_t start, uint64_t sequence);
/* From the head, one filter of weight 1, non-blocking. */
int mqt_subscribe_to(struct mqt_subscription *subscription, const char *name, uint32_t flags,
		     const char *filter);

/* Adds a filter; @sequence may be NULL. 0 or -errno. */
int mqt_filter_add(int fd, const char *filter, uint32_t weight, uint64_t *sequence);
int mqt_filter_remove(int fd, const char *filter);
/* 0 or -errno. */
int mqt_resync(int fd, struct mq_resync *resync);

/* Fills a record to publish, its "out" fields with poison. */
void mqt_record(struct mq_publish *record, const char *topic, const void *payload, size_t len);
/* 0 or -errno. */
int mqt_ioctl(int fd, unsigned long cmd, void *arg);
int mqt_publish(int fd, const char *topic, const void *payload, size_t len);
int mqt_publish_str(int fd, const char *topic, const char *payload);
int mqt_retain(int fd, const char *topic, const void *payload, size_t len);

/* Fills a call for records, its "out" fields with poison. */
struct mq_receive *mqt_receive(struct mq_receive *receive, uint32_t flags, void *buffer,
			       uint32_t size);

/* Fills a will. */
void mqt_will(struct mq_will *will, uint64_t id, const char *topic, const void *payload,
	      size_t len);
/* Sets one of text with default flags. 0 or -errno. */
int mqt_will_set(int fd, uint64_t id, const char *topic, const char *payload);
/* How many were cleared or published, or -errno. @flags: MQ_WILL_*. */
int mqt_will_clear(int fd, uint32_t flags, uint64_t id);

/*
 * Reads all that a non-blocking subscription has: "topic=payload " for each, a
 * '!' before those that are wills. Valid until the next call.
 */
const char *mqt_read_text(int fd);

/* mqt_refusal(): the call was not refused, or it changed its argument. */
#define MQT_SUCCEEDED -1
#define MQT_CHANGED -2
/* The errno of a call that is to fail and to leave its argument alone. */
int mqt_refusal(int fd, unsigned long cmd, void *arg);

/* poll(2) on one descriptor; revents or -errno. */
int mqt_poll(int fd, short events, int timeout_ms);

/* ------------------------------------------------------------------------
 * Threads that wait (blocked.c)
 */

/* A thread that publishes one record; @result once it is joined. */
struct mqt_blocked {
	int fd;
	const char *topic;
	struct mq_publish record;
	int result;
	volatile pid_t tid;
	volatile uint64_t done;
	pthread_t thread;
};

/* Starts it, and waits until it sleeps in the call (or is done). */
void mqt_blocked_start(struct mqt_blocked *blocked, int fd, const char *topic);
/* Waits for its end: what the call returned, 0 or -errno. */
int mqt_blocked_join(struct mqt_blocked *blocked);

/* A thread that sleeps in poll(2) until something comes. */
struct mqt_poller {
	int fd;
	short events;
	int revents;
	volatile pid_t tid;
	pthread_t thread;
};

/* Starts it, and waits until it sleeps. */
void mqt_poller_start(struct mqt_poller *poller, int fd, short events);
/* Waits for its end: what mqt_poll() returned. */
int mqt_poller_join(struct mqt_poller *poller);

/* ------------------------------------------------------------------------
 * The ring (map.c)
 */

struct mqt_map {
	const struct mq_ring_header *header;
	const struct mq_slot *slots;
	const uint8_t *bytes;
	struct mq_control *control;
	const struct mq_status *status;
	uint64_t size;
};

/* Maps ring, control and status page of a subscription. 0 or -errno. */
int mqt_map(struct mqt_map *map, const struct mqt_subscription *subscription);
void mqt_unmap(struct mqt_map *map);

/* A record in the ring; the pointers lead into it. */
struct mqt_view {
	uint64_t sequence;
	uint64_t time;
	uint64_t publisher;
	const char *topic;
	const uint8_t *payload;
	const uint8_t *metadata;
	uint32_t topic_len;
	uint32_t payload_len;
	uint32_t metadata_len;
	uint32_t flags;
};

uint64_t mqt_head(const struct mqt_map *map);
uint64_t mqt_oldest(const struct mqt_map *map);
/* R1 and R2: 0, -EAGAIN (not there yet), -ESTALE (gone), -EBADMSG (nonsense). */
int mqt_peek(const struct mqt_map *map, uint64_t sequence, struct mqt_view *view);
/* R3 and R4. */
bool mqt_intact(const struct mqt_map *map, uint64_t sequence);
/* Moves the cursor, counts, and kicks if a publisher wants space. */
void mqt_advance(const struct mqt_map *map, int fd, uint64_t cursor, uint64_t delivered);

/* ------------------------------------------------------------------------
 * Memory that makes others wait (fuse.c)
 */

/* Size of the file; its bytes are 'f'. */
#define MQT_FUSE_SIZE 4096

/* @stalled: how many reads came so far. */
struct mqt_fuse {
	pid_t server;
	char directory[32];
	int gate[2];
	volatile uint64_t *stalled;
};

int mqt_fuse_start(struct mqt_fuse *fuse);
/* The file in memory; its first use waits for a release. NULL: failed. */
void *mqt_fuse_map(const struct mqt_fuse *fuse);
/* Lets that many reads go on, also ones to come. */
void mqt_fuse_release(const struct mqt_fuse *fuse, unsigned int reads);
void mqt_fuse_stop(struct mqt_fuse *fuse);

/* ------------------------------------------------------------------------
 * The same without a file: pages of userfaultfd(2) (userfault.c)
 */

#define MQT_USERFAULT_SIZE 4096

/* A descriptor for pages, or -errno. */
int mqt_userfault_open(void);
/* A page that stalls whoever uses it first, until it is given. NULL: failed. */
void *mqt_userfault_map(int fd);
/* Waits until somebody stalls. 0 or -errno. */
int mqt_userfault_wait(int fd);
/* Lets them go on; the page is all zeros. 0 or -errno. */
int mqt_userfault_give(int fd, const void *page);

/* ------------------------------------------------------------------------
 * What a channel is like (state.c)
 */

/* As far as it can be asked; zero but for @memory if there is no channel. */
struct mqt_state {
	struct mq_info info;
	uint64_t memory;
	uint64_t claims;	/* hashes */
	uint64_t retained;
	uint64_t subscriptions;	/* and the sums over them: */
	uint64_t filters;
	uint64_t positions;
	uint64_t delivered;
	uint64_t passed;
};

/* 0 or -errno. */
int mqt_state_get(const char *name, struct mqt_state *state);
/* mqt_state_differs(): in the memory, and in nothing else. */
#define MQT_STATE_MEMORY "memory"
/* The first field in which they differ; NULL: none. */
const char *mqt_state_differs(const struct mqt_state *before, const struct mqt_state *after);

/* ------------------------------------------------------------------------
 * Faults (fault.c)
 */

/* This thread's faults: a descriptor, or -errno: this kernel injects none. */
int mqt_fault_open(void);
/* Lets the n-th allocation or copy from now on fail. */
void mqt_fault_arm(int fd, unsigned int nth);
/* Whether it did; none fails any more. */
bool mqt_fault_disarm(int fd);

#define MQT_FAULT_ERRORS 4

/*
 * A call to be failed at each of its places.
 * @call: 0 or -errno
 * @prepare: before the first time, and when the call has had an effect
 * @await: after each time: the end of what the call has set going
 * @end: after each time, and after all have looked
 * @fd: whose faults: as mqt_fault_open(); the caller's if left out
 * @done: makes of the state before what it is after the call; left out: the same
 * @kept: the same for a call that was refused, if it keeps something
 * @told: whether what a call that succeeded has put out is right
 * @errors: with which errnos it may be refused; each of them has to come
 * @late: those of them with which it may have been done all the same, entirely,
 *	when only its answer was lost
 * @anew: @prepare before each time: what a refused call leaves spares the next one
 *	a place
 *
 * All but @call may be left out. Only @call meets faults. What @done and @kept can't
 * know they take from @after, once they have looked at it.
 */
struct mqt_fault_call {
	int (*call)(void *self);
	void (*prepare)(void *self);
	void (*await)(void *self);
	void (*end)(void *self);
	int (*fd)(void *self);
	void (*done)(void *self, struct mqt_state *expected, const struct mqt_state *after);
	void (*kept)(void *self, struct mqt_state *expected, const struct mqt_state *after);
	bool (*told)(void *self, const struct mqt_state *after);
	int errors[MQT_FAULT_ERRORS];
	int late[MQT_FAULT_ERRORS];
	bool anew;
};

/*
 * How many places failed, how often the call was refused, and which of its errors
 * have come (bits).
 */
struct mqt_fault_sweep {
	unsigned int places;
	unsigned int refused;
	unsigned int came;
	char why[160];
};

/*
 * Fails a call at its first place, its second, and so on, until there are no more;
 * twice. Whenever it was refused, the state of @channel was as before; whenever it
 * was not, with a fault or without, it was done. Empty, or what was wrong. Without
 * faults (@fd below 0) the call just has to be done.
 */
const char *mqt_fault_sweep(const struct mqt_fault_call *call, void *self, int fd,
			    const char *channel, struct mqt_fault_sweep *sweep);

/* ------------------------------------------------------------------------
 * Somebody else (agent.c)
 */

/* A process that makes calls for the test; without @pid it is the test itself. */
struct mqt_agent {
	pid_t pid;
	uint32_t uid;
	int line;
};

/* A process of that user; one of root lacks that capability. 0 or -errno. */
int mqt_agent_start(struct mqt_agent *agent, uint32_t uid, int capability);
/* What @run returns there. It has the descriptors of its start, and its own. */
int mqt_agent_ask(const struct mqt_agent *agent, int (*run)(int fd), int fd);
/* Kills it; fine if there is none. */
void mqt_agent_end(struct mqt_agent *agent);

/* ------------------------------------------------------------------------
 * Surroundings (env.c)
 */

/* A count that is full on the stock kernel and a tenth on the slow one. */
unsigned int mqt_count(unsigned int full);

/* Parameters of the module. */
uint64_t mqt_param(const char *name);
int mqt_param_set(const char *name, uint64_t value);
/* Waits until the module holds no more than that for its channels. */
void mqt_wait_memory(uint64_t most);

/* Writes a text to a file that is there. 0 or -errno. */
int mqt_write_file(const char *path, const char *text);
/* The text of a file, cut at @size; -errno. */
int mqt_read_file(const char *path, char *text, size_t size);
/* The number in a file; UINT64_MAX, with which no test can pass, if there is none. */
uint64_t mqt_read_number(const char *path);

/* A new process that runs this; returns what it did (0..255), or -1. */
int mqt_in_child(int (*run)(void *arg), void *arg);
/* This process is for good of a user without privileges, and its group. 0 or -errno. */
int mqt_become(uint32_t uid);

/* Takes a capability out of the effective set, or puts it back. 0 or -errno. */
int mqt_capability(int capability, bool on);

/* Waits until a thread of this process sleeps in system call @nr. */
void mqt_wait_in_call(pid_t tid, long nr);
/* Likewise a thread that has not told its id yet: waits for *tid first. */
void mqt_wait_thread_in_call(const volatile pid_t *tid, long nr);
/* Whether it does now. */
bool mqt_in_call(pid_t tid, long nr);
/* Waits until *counter is at least that. */
void mqt_wait_count(const volatile uint64_t *counter, uint64_t least);
/* Memory that children share, zeroed. */
void *mqt_shared(size_t size);

/* A pointer to no memory. */
void *mqt_nowhere(void);

uint64_t mqt_now(void);

/* Bytes that follow from a seed, and whether they still do. */
void mqt_fill(void *data, size_t len, uint64_t seed);
bool mqt_filled(const void *data, size_t len, uint64_t seed);

#endif /* MQ_TEST_H */
