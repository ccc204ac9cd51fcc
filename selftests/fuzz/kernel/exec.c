// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Runs a program: its first part alone, the others in threads; then closes all
 * there is and looks whether the module has nothing left.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kfuzz.h"

#define THREADS_MAX	8
/* A call that waits is interrupted after that long, again and again. */
#define TICK_NS		10000000
/* How long work of the kernel may go on after the last close. */
#define SETTLE_MS	20000

static struct kf_thread main_thread, threads[THREADS_MAX];
static unsigned int thread_count;
static sem_t begin[THREADS_MAX], done;
static bool guided;
static uint64_t memory_before, references_before;
static __thread struct kf_thread *current_thread;

/* ---- signals ------------------------------------------------------------ */

static void on_tick(int signal)
{
	(void)signal;
}

static void on_fault(int signal)
{
	struct kf_thread *t = current_thread;

	if (!t || !t->guarded) {
		static const char text[] = "kfuzz: a fault of its own\n";

		if (write(2, text, sizeof(text) - 1) < 0)
			_exit(98);
		_exit(99);
	}
	t->guarded = signal;
	siglongjmp(t->guard, 1);
}

static void tick(struct kf_thread *t, long ns)
{
	const struct itimerspec spec = { { 0, ns }, { 0, ns } };

	timer_settime(t->timer, 0, &spec, NULL);
}

/* ---- running ------------------------------------------------------------ */

void kf_exec_some(struct kf_thread *t)
{
	while (t->at < t->end) {
		uint32_t at = t->at++;
		const struct kf_insn *insn = &t->program->insn[at];
		int result;

		if (insn->op >= KF_OPS)
			continue;
		result = kf_ops[insn->op].run(t, insn);
		if (t->child)
			continue;
		kf_shared->result[at] = result;
		__atomic_add_fetch(&kf_shared->tried[insn->op], 1, __ATOMIC_RELAXED);
		if (result >= 0)
			__atomic_add_fetch(&kf_shared->succeeded[insn->op], 1, __ATOMIC_RELAXED);
	}
}

/* The part that begins at @from; the next one begins where it returns. */
static uint32_t part_end(const struct kf_program *program, uint32_t from)
{
	uint32_t at = from;

	while (at < program->count && program->insn[at].op != KF_PART)
		at++;
	return at;
}

static void run_part(struct kf_thread *t, uint32_t from)
{
	t->at = from;
	t->end = part_end(t->program, from);
	t->by_ring = -1;
	kf_exec_some(t);
}

/* Every n-th of the later parts, one after the other. */
static void run_share(struct kf_thread *t, unsigned int shares)
{
	const struct kf_program *program = t->program;
	uint32_t at = part_end(program, 0);
	unsigned int part;

	tick(t, TICK_NS);
	for (part = 0; at < program->count; part++) {
		if (part % shares == t->me)
			run_part(t, at + 1);
		at = part_end(program, at + 1);
	}
	if (syscall(SYS_setresuid, 0, 0, 0))
		abort();
	tick(t, 0);
}

static void reset_thread(struct kf_thread *t, const struct kf_program *program)
{
	t->program = program;
	t->arena_used = 0;
	t->record_count = 0;
	t->request.len = 0;
	kf_cover_reset(&t->cover);
}

static void *run_thread(void *arg)
{
	struct kf_thread *t = arg;
	unsigned int me = t - threads;

	kf_thread_init(t, me);
	current_thread = t;
	sem_post(&done);
	for (;;) {
		while (sem_wait(&begin[me]))
			;
		run_share(t, thread_count);
		sem_post(&done);
	}
	return NULL;
}

static void wait_threads(unsigned int count)
{
	while (count)
		count -= !sem_wait(&done);
}

void kf_exec_init(unsigned int count)
{
	struct sigaction action = { .sa_handler = on_tick };
	unsigned int i;

	thread_count = count < THREADS_MAX ? count : THREADS_MAX;
	sigaction(SIGUSR1, &action, NULL);
	action.sa_handler = on_fault;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	guided = kf_cover_init();
	kf_text_init();
	kf_state_init();
	kf_admin_init();
	kf_param_init();
	kf_thread_init(&main_thread, 0);
	current_thread = &main_thread;
	sem_init(&done, 0, 0);
	for (i = 0; i < thread_count; i++) {
		sem_init(&begin[i], 0, 0);
		if (pthread_create(&threads[i].thread, NULL, run_thread, &threads[i]))
			abort();
	}
	wait_threads(thread_count);
	memory_before = mqt_param("memory");
	references_before = UINT64_MAX;
}

/* ---- the end ------------------------------------------------------------ */

static void end_children(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(kf_state.children); i++)
		if (kf_state.children[i] > 0) {
			kill(kf_state.children[i], SIGKILL);
			while (waitpid(kf_state.children[i], NULL, 0) < 0 && errno == EINTR)
				;
		}
}

static uint64_t module_references(void)
{
	char text[32] = "";
	int fd = open("/sys/module/mq/refcnt", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		abort();
	close(fd);
	return strtoull(text, NULL, 10);
}

/* Milliseconds since @start, after a short sleep: rings end in their own time. */
static uint64_t settle(uint64_t start)
{
	const struct timespec moment = { 0, 2000000 };

	nanosleep(&moment, NULL);
	return (mqt_now() - start) / 1000000;
}

/*
 * All descriptors are closed: nobody publishes or subscribes any more. Whether
 * there is such a channel.
 */
static bool check_channel_idle(const char *name)
{
	uint64_t start = mqt_now();
	struct mq_info info;
	int error;

	while (!(error = mqt_info(name, &info)) && (info.subscriptions || info.publishers))
		if (settle(start) > SETTLE_MS) {
			kf_finding("%s: all is closed, %u subscriptions and %u publishers are left",
				   name, info.subscriptions, info.publishers);
			break;
		}
	if (error && error != -ENOENT)
		kf_finding("%s: MQ_IOC_INFO at the end: %s", name, strerrorname_np(-error));
	return error != -ENOENT;
}

static void check_nothing_left(void)
{
	uint64_t start = mqt_now();
	unsigned int i;
	int error;

	for (i = 0; i < KF_NAMES; i++) {
		if (!check_channel_idle(kf_name(i)))
			continue;
		error = mqt_delete(kf_name(i));
		if (error)
			kf_finding("%s can't be deleted: %s", kf_name(i), strerrorname_np(-error));
	}
	while (mqt_param("memory") != memory_before)
		if (settle(start) > SETTLE_MS) {
			kf_finding("all is gone, and %" PRIu64 " bytes of rings are left",
				   mqt_param("memory"));
			memory_before = mqt_param("memory");
		}
	/* The first program tells how many the module has by itself. */
	if (references_before == UINT64_MAX)
		references_before = module_references();
	while (module_references() > references_before)
		if (settle(start) > SETTLE_MS) {
			kf_finding("all is gone, and the module is in use");
			references_before = module_references();
		}
}

static void clean_up(void)
{
	end_children();
	kf_maps_clear();
	kf_rings_clear();
	if (syscall(SYS_close_range, KF_FD_FIRST, ~0U, 0))
		abort();
	kf_param_restore();
}

void kf_exec_program(const struct kf_program *program)
{
	unsigned int i;

	kf_state_reset();
	reset_thread(&main_thread, program);
	for (i = 0; i < thread_count; i++)
		reset_thread(&threads[i], program);
	tick(&main_thread, TICK_NS);
	run_part(&main_thread, 0);
	if (syscall(SYS_setresuid, 0, 0, 0))
		abort();
	tick(&main_thread, 0);
	if (part_end(program, 0) < program->count) {
		for (i = 0; i < thread_count; i++)
			sem_post(&begin[i]);
		wait_threads(thread_count);
	}
	clean_up();
	if (guided) {
		kf_cover_forget();
		kf_cover_collect(&main_thread.cover);
		for (i = 0; i < thread_count; i++)
			kf_cover_collect(&threads[i].cover);
	}
	check_nothing_left();
}
