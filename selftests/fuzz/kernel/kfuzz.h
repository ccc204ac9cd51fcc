/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: A fuzzer of the kernel's interface
 *
 * Runs in the test machine, as root, and does with mq whatever linux/mq.h
 * allows and forbids: calls on the right and the wrong kind of descriptor, good
 * and bad pointers, lengths and flags, mappings, control pages that another
 * thread writes, netlink, io_uring, descriptors that are shared, passed on and
 * closed at any moment. Whether the kernel takes harm is for KASAN, lockdep and
 * their like to say; besides, what the header promises is checked.
 *
 *   program    a test case: a string of instructions of 8 bytes: an operation,
 *              a resource and operands. Any bytes are a program; bytes that
 *              are no operation do nothing, so that zeros may follow
 *   part       a program is cut by instructions KF_PART: the first part runs
 *              alone, the others then at the same time, in threads
 *   slots      the resources that operations make and use: descriptors by
 *              kind, mappings. All threads share them
 *   finding    what must not be. The first of a program counts
 *   corpus     programs that each reached code that none before reached
 *
 * Files, each knowing only those above it in this list:
 *
 *   check.c    records that tell whether they are whole; topics and filters
 *   places.c   which places of the module's code can be reached
 *   cover.c    which of them a thread went through (kcov)
 *   state.c    slots, memory, pointers: what a program has at hand
 *   call_*.c   the operations
 *   ops.c      the table of operations
 *   exec.c     runs a program and afterwards finds everything gone
 *   run.c      the process that programs run in, and its time limit
 *   program.c  making, changing, reading and printing programs
 *   corpus.c   what is kept
 *   main.c     options, rounds, report
 *
 * Two processes: one runs programs, many of them, and may hang or be killed;
 * the other chooses them and watches. What both know is struct kf_shared.
 */
#ifndef KFUZZ_H
#define KFUZZ_H

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include "mq_test.h"

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* ---- programs ---------------------------------------------------------- */

struct kf_insn {
	uint8_t op;
	uint8_t res;	/* which descriptor, see kf_slot_get() */
	uint8_t a;
	uint8_t b;
	uint8_t c;
	uint8_t d;	/* mischief, see enum kf_mischief */
	uint16_t v;
};

#define KF_INSNS_MAX 96

struct kf_program {
	uint32_t count;
	struct kf_insn insn[KF_INSNS_MAX];
};

/* The numbers are what files of the corpus hold: new ones go to the end. */
enum kf_opcode {
	KF_NOTHING,
	KF_PART,
	/* administration */
	KF_CREATE, KF_DELETE, KF_PURGE, KF_GET, KF_SUBSCRIPTIONS, KF_SET,
	KF_ATTR, KF_SEND, KF_EVENTS, KF_PARAM,
	/* any descriptor */
	KF_OPEN, KF_CLOSE, KF_DUP, KF_PASS, KF_NONBLOCK, KF_READ, KF_WRITE, KF_POLL,
	KF_EPOLL, KF_SEEK, KF_IOCTL, KF_FORK, KF_USER, KF_YIELD,
	/* ioctls */
	KF_INFO, KF_SUBSCRIBE, KF_PUBLISHER, KF_RETAINED, KF_PUBLISHER_INFO,
	KF_PUBLISH, KF_RECORD, KF_BATCH, KF_WILL_SET, KF_WILL_CLEAR,
	KF_FILTER_ADD, KF_FILTER_REMOVE, KF_RESYNC, KF_KICK, KF_RECEIVE, KF_ACK,
	/* memory */
	KF_MAP, KF_UNMAP, KF_REMAP, KF_PROTECT, KF_CONTROL, KF_LOOK,
	/* io_uring */
	KF_RING, KF_BY_RING, KF_RING_POLL, KF_RING_READ, KF_RING_CANCEL, KF_RING_REAP,
	KF_OPS,
};

struct kf_thread;

/*
 * @run: 0 or more, or -errno
 * @weight: how often it is chosen
 * @mischief: insn.d is enum kf_mischief
 */
struct kf_op {
	const char *name;
	int (*run)(struct kf_thread *t, const struct kf_insn *insn);
	unsigned int weight;
	bool mischief;
};

extern const struct kf_op kf_ops[KF_OPS];

/* program.c */
uint64_t kf_random(uint64_t *seed, uint64_t below);
void kf_program_make(struct kf_program *program, uint64_t *seed);
void kf_program_change(struct kf_program *program, const struct kf_program *other,
		       uint64_t *seed);
int kf_program_read(struct kf_program *program, const char *path);
int kf_program_write(const struct kf_program *program, const char *path);
void kf_program_print(const struct kf_program *program, const int32_t *results);

/* ---- what both processes know ------------------------------------------ */

#define KF_TEXT_MAX	(1 << 20)	/* bytes of the module's code */
#define KF_PLACES_MAX	(1 << 15)	/* places in it that one program reaches */
#define KF_EDGES	(1 << 16)

struct kf_shared {
	struct kf_program program;
	int32_t result[KF_INSNS_MAX];
	char finding[512];
	uint32_t finding_taken;
	/* Where it went: unique offsets, and unique hashes of two in a row. */
	uint32_t place_count;
	uint32_t edge_count;
	uint32_t place[KF_PLACES_MAX];
	uint16_t edge[KF_EDGES];
	/* How often each operation ran and succeeded, over all programs. */
	uint64_t tried[KF_OPS];
	uint64_t succeeded[KF_OPS];
	/* The module has no such command. */
	bool unknown[KF_OPS];
};

extern struct kf_shared *kf_shared;

/* Says what must not be. Anybody may, also a child of a program. */
void kf_finding(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- check.c: contents -------------------------------------------------- */

/* Records with this flag have contents that nobody can know. */
#define KF_WILD 0x8000

#define KF_TOPICS	32
#define KF_FILTERS	48
/* The topic of a record that came by write(2): the name of its channel. */
#define KF_TOPIC_NAME	255

struct kf_text {
	const char *text;
	uint32_t len;
	bool valid;
};

void kf_text_init(void);
struct kf_text kf_topic(unsigned int which);
struct kf_text kf_filter(unsigned int which);

/* Payload and metadata of a record, such that kf_check_content() knows them. */
void kf_content_make(uint8_t *payload, uint32_t payload_len, uint8_t *metadata,
		     uint32_t metadata_len, unsigned int topic);

struct kf_sub;

/* Everything that can be said about a record; says it. */
void kf_check_record(const struct mqt_view *view);
/*
 * Records that the kernel put at @buffer. @sub: from this subscription, or
 * NULL. Return: how many.
 */
uint32_t kf_check_records(const uint8_t *buffer, size_t len, struct kf_sub *sub);

/* ---- cover.c ------------------------------------------------------------ */

struct kf_cover {
	int fd;
	uint64_t *area;
};

/* Whether this kernel tells; finds the module. */
bool kf_cover_init(void);
/* For the calling thread, once. */
void kf_cover_start(struct kf_cover *cover);
void kf_cover_reset(struct kf_cover *cover);
/* Adds to the places of kf_shared. */
void kf_cover_collect(struct kf_cover *cover);
void kf_cover_forget(void);

/* How much of the module's code that tells where a call goes was reached. */
struct kf_reach {
	unsigned int functions;
	unsigned int functions_all;
	unsigned int places;
	unsigned int places_all;
};

/* @print: names the functions that were not. */
struct kf_reach kf_cover_reach(const uint8_t *reached, bool print);
/* places.c: sets places[] where mq.ko tells; false: it is not to be read. */
bool kf_places(uint8_t *places, uint64_t text_start);

/* ---- state.c: what a program has at hand -------------------------------- */

enum kf_kind {
	KF_NODE, KF_PUB, KF_SUB, KF_URING, KF_OTHER, KF_KINDS,
};

#define KF_PER_KIND	4
#define KF_NAMES	4
#define KF_MAPS		4
#define KF_SUBS		64
#define KF_SEEN_BITS	4096

/*
 * A subscription that a program made. @filters: those it ever got, by
 * kf_filter(), bit 63: others, too. @seen: the records that read(2) and
 * MQ_IOC_RECEIVE gave, from @position on.
 */
struct kf_sub {
	uint64_t filters;
	uint64_t position;
	uint64_t ring_size;
	uint32_t flags;
	uint32_t start;
	bool used;
	uint8_t seen[KF_SEEN_BITS / 8];
};

/*
 * A descriptor. @mode: of a node: O_RDONLY and so on; @sub: of a subscription:
 * which of kf_state.subs, 0: of none; of a ring of io_uring: its number.
 */
struct kf_slot {
	int fd;
	uint8_t kind;
	uint8_t mode;
	uint8_t sub;
};

/* A mapping. @what: the offset it was asked for; @lock: who looks or changes. */
struct kf_map {
	pthread_mutex_t lock;
	uint8_t *address;
	size_t len;
	uint64_t what;
	uint8_t sub;
};

struct kf_state {
	_Atomic uint64_t slots[KF_KINDS][KF_PER_KIND];
	_Atomic int next_fd;
	struct kf_sub subs[KF_SUBS];
	_Atomic unsigned int sub_count;
	struct kf_map maps[KF_MAPS];
	/* What the last calls told: the head, a retained value, a publisher. */
	_Atomic uint64_t head;
	_Atomic uint64_t retained;
	_Atomic uint64_t publisher;
	_Atomic int children[8];
	/* Records can be gone, also from under who holds them: purged, evicted. */
	_Atomic bool purged;
	_Atomic bool evicting;
	_Atomic bool params_changed;
	_Atomic bool limits_changed;
};

extern struct kf_state kf_state;

/* Descriptors of programs have numbers from here on, each number only once. */
#define KF_FD_FIRST	100
#define KF_FD_LAST	60000

#define KF_ARENA	(1 << 20)
#define KF_OUT		(1 << 18)

struct kf_thread {
	unsigned int me;
	pthread_t thread;
	timer_t timer;
	struct kf_cover cover;
	/* Where a SIGBUS or SIGSEGV goes on while @guarded; its number. */
	sigjmp_buf guard;
	volatile int guarded;
	/* The program and what of it this thread runs now. */
	const struct kf_program *program;
	uint32_t at;
	uint32_t end;
	bool child;
	/* Memory for arguments, given out once per program; and for results. */
	uint8_t *arena;
	size_t arena_used;
	uint8_t *out;
	/* A batch, and a request of netlink, under construction. */
	struct mq_publish records[64];
	uint32_t record_count;
	struct mqt_request request;
	/* The next ioctl goes through this ring (call_uring.c). */
	int by_ring;
	uint8_t by_ring_flags;
	bool by_ring_reserved;
	/* The descriptor of the call that is being prepared. */
	struct kf_slot slot;
	/* Why this call must not succeed; NULL: it may. */
	const char *refusal;
	/* The call's memory may change, or not be there. */
	bool wild;
};

void kf_state_init(void);
void kf_thread_init(struct kf_thread *t, unsigned int me);
void kf_state_reset(void);
/* Zeroed memory that stays to the end of the program; NULL: used up. */
void *kf_alloc(struct kf_thread *t, size_t len);

/* A descriptor of this kind, or now and then of any. fd -1: there is none. */
struct kf_slot kf_slot_get(enum kf_kind kind, uint8_t res);
/* Gives the new descriptor @fd its number and its slot. Return: the number. */
int kf_slot_put(int fd, enum kf_kind kind, uint8_t where, uint8_t mode, uint8_t sub);
/* Takes it out of its slot, for one caller only. */
struct kf_slot kf_slot_take(enum kf_kind kind, uint8_t res);
struct kf_sub *kf_sub_of(struct kf_slot slot);

const char *kf_name(unsigned int which);

/* Bad pointers by @how, *good without: see state.c. Sets t->wild, t->refusal. */
void *kf_pointer(struct kf_thread *t, unsigned int how, void *good, size_t len);
uint64_t kf_value(unsigned int which);
uint32_t kf_length(unsigned int which);

/* What an instruction does wrong, from insn.d; below KF_GOOD nothing. */
#define KF_GOOD 224
enum kf_mischief {
	KF_BAD_RESERVED = KF_GOOD, KF_BAD_FLAG, KF_BAD_COMMAND, KF_BAD_FD,
	/* A pointer, each in the ways of kf_pointer(). */
	KF_BAD_ARG,
	KF_BAD_TOPIC = KF_BAD_ARG + 8,
	KF_BAD_PAYLOAD = KF_BAD_TOPIC + 8,
	KF_BAD_LATER = KF_BAD_PAYLOAD + 8,
};

#define KF_POINTERS 8

/* How a pointer of this kind is bad in @insn: 0: it is good. */
unsigned int kf_bad(const struct kf_insn *insn, unsigned int first);

/* ---- operations --------------------------------------------------------- */

#define KF_RUN(name) int kf_##name(struct kf_thread *t, const struct kf_insn *insn)

/* call_admin.c, call_param.c */
KF_RUN(create);
KF_RUN(delete);
KF_RUN(purge);
KF_RUN(get);
KF_RUN(subscriptions);
KF_RUN(set);
KF_RUN(attr);
KF_RUN(send);
KF_RUN(events);
KF_RUN(param);
void kf_admin_init(void);
void kf_param_init(void);
/* Puts parameters and limits back. */
void kf_param_restore(void);

/* call_file.c */
KF_RUN(open);
KF_RUN(close);
KF_RUN(dup);
KF_RUN(pass);
KF_RUN(nonblock);
KF_RUN(read);
KF_RUN(write);
KF_RUN(poll);
KF_RUN(epoll);
KF_RUN(seek);
KF_RUN(fork);
KF_RUN(user);
KF_RUN(yield);

/*
 * call_ioctl.c runs ioctls, call_record.c and call_args.c fill in and check
 * their arguments. @kind: of descriptor, also the one in @kind2.
 */
struct kf_call {
	uint8_t op;
	uint8_t kind;
	uint8_t kind2;
	unsigned long cmd;
	/* Where a byte is that must be 0. */
	uint16_t reserved;
	/* A flag that nobody knows. */
	uint16_t unknown;
	/* Documented ones besides those of every call; ends with 0. */
	int errnos[16];
	/* Fills @args, which are zero; poisons what is "out". */
	void (*build)(struct kf_thread *t, const struct kf_insn *insn, void *args);
	/* Looks at what a success wrote; @result is 0 or more, or a new descriptor. */
	void (*check)(struct kf_thread *t, const struct kf_insn *insn, const void *before,
		      const void *after);
	/* What a refusal may write; NULL: nothing. */
	bool (*changed)(const void *before, const void *after, int error);
};

#define KF_ARGS_MAX 512
#define KF_CALLS 15

extern const struct kf_call kf_calls[KF_CALLS];

KF_RUN(ioctl);
KF_RUN(ioctl_any);
KF_RUN(record);
const struct kf_call *kf_call_of(unsigned int op);
/*
 * What is to be thought of the result (0 or more, or -errno) of a call whose
 * arguments were @before and are @args.
 */
void kf_call_judge(struct kf_thread *t, const struct kf_call *call, const struct kf_insn *insn,
		   const void *before, const void *args, int result);

/* call_record.c */
#define KF_BUILD(name) void kf_build_##name(struct kf_thread *t, const struct kf_insn *insn, \
					    void *args)
#define KF_CHECK(name) void kf_check_##name(struct kf_thread *t, const struct kf_insn *insn, \
					    const void *before, const void *after)
KF_BUILD(publish);
KF_CHECK(publish);
KF_BUILD(batch);
KF_CHECK(batch);
KF_BUILD(will);
bool kf_changed_publish(const void *before, const void *after, int error);
void kf_poison(void *field, size_t size);
/* Notes what a call told, for later ones. */
void kf_told_head(uint64_t head);
/* Room for results of about @size bytes behind which nothing may be written. */
uint8_t *kf_out(struct kf_thread *t, uint32_t size);
/* The same for what is no ioctl, which a ring never takes. */
uint8_t *kf_out_now(struct kf_thread *t, uint32_t size);
/* Whether nothing was; says so. */
void kf_out_check(const struct kf_thread *t, uint32_t size);
/* Whether the header says that this call may fail so. */
bool kf_errno_known(const struct kf_call *call, int error);

/* call_map.c */
KF_RUN(map);
KF_RUN(unmap);
KF_RUN(remap);
KF_RUN(protect);
KF_RUN(control);
KF_RUN(look);
/* Unmaps what is left. */
void kf_maps_clear(void);

/* call_uring.c */
KF_RUN(ring);
KF_RUN(by_ring);
KF_RUN(ring_poll);
KF_RUN(ring_read);
KF_RUN(ring_cancel);
KF_RUN(ring_reap);
/* An ioctl as a command of the ring that kf_by_ring() named. */
int kf_ring_command(struct kf_thread *t, const struct kf_call *call, unsigned long cmd,
		    void *arg, void *args);
void kf_rings_clear(void);

/* ---- exec.c, run.c ------------------------------------------------------ */

/* Makes the threads; in the process that runs programs. */
void kf_exec_init(unsigned int threads);
void kf_exec_program(const struct kf_program *program);
/* Runs instructions from t->at to t->end. */
void kf_exec_some(struct kf_thread *t);

/* Whether the last program left no finding; the text is in kf_shared. */
bool kf_run_program(const struct kf_program *program);
void kf_run_init(unsigned int threads);
void kf_run_stop(void);

/* ---- corpus.c ----------------------------------------------------------- */

/*
 * @directory: where those that reach a new place go as files, NULL: nowhere.
 * @unsaved: those that did not
 */
struct kf_corpus {
	struct kf_program *program;
	unsigned int count;
	unsigned int room;
	uint8_t places[KF_TEXT_MAX];
	uint8_t edges[KF_EDGES];
	unsigned int place_count;
	unsigned int edge_count;
	const char *directory;
	unsigned int saved;
	unsigned int unsaved;
	unsigned int bytes;
};

/* From now on the corpus goes to files, too: 0 or -errno. */
int kf_corpus_open(struct kf_corpus *corpus, const char *directory);
/* Keeps @program, which ran just now, if it reached something new. */
void kf_corpus_offer(struct kf_corpus *corpus, const struct kf_program *program);
/* Programs of a directory, sorted by name: 0 or -errno. */
int kf_corpus_each(const char *directory,
		   bool (*each)(const struct kf_program *program, const char *path, void *arg),
		   void *arg);

#endif /* KFUZZ_H */
