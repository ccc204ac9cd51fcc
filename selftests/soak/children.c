// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The processes of the soak, see children.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "children.h"
#include "content.h"
#include "mq_test.h"
#include "publishers.h"
#include "subscribers.h"

#define MS 1000000ULL
/* How long one may take to leave, and one that was killed to be gone. */
#define PATIENCE (60 * 1000 * MS)

/**
 * struct process - the director's side of a child
 * @pid: 0: there is none
 * @end: when it is killed or told to leave
 * @killing: it is to be killed
 * @leaving: when it was told to leave or killed, 0: not yet
 * @stop: when it is stopped, 0: not any more
 * @resume: when it is continued, 0: it is not stopped
 */
struct process {
	pid_t pid;
	uint64_t end;
	uint64_t leaving;
	uint64_t stop;
	uint64_t resume;
	bool killing;
	bool dead;
};

struct children_sums children_sums;
static struct process processes[BOOKS_CHILDREN];

/* ---- in the child ---------------------------------------------------- */

static void on_signal(int number)
{
	(void)number;
}

/* Inherited, because the signal may come before a child can ask for anything. */
void children_init(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	/* It ends whatever one sleeps in; whether to leave stands in the books. */
	sigaction(SIGUSR1, &action, NULL);
}

/* Opens the node of some channel and joins its life; the node or -1. */
static int child_join(struct child *child, struct dice *dice, struct life **life)
{
	while (!__atomic_load_n(&child->stop, __ATOMIC_ACQUIRE)) {
		struct mq_info info = {};
		int node = mqt_node(content_name(dice_roll(dice, BOOKS_CHANNELS)), O_RDWR);

		if (node >= 0 && !mqt_ioctl(node, MQ_IOC_INFO, &info)) {
			*life = books_join(child, info.id);
			if (*life)
				return node;
		}
		if (node >= 0)
			close(node);
		else if (node != -ENOENT && node != -ENXIO && node != -ENODEV)
			books_fault(NULL, "opening a node: error %d", node);
		/* Between two lives, or not in the books yet. */
		usleep(2000);
	}
	return -1;
}

static void child_run(struct child *child, uint64_t seed)
{
	struct dice dice = { .state = seed };
	struct life *life;
	int node;

	/* What the director has open would keep channels. */
	close_range(3, ~0U, 0);
	setpriority(PRIO_PROCESS, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	node = child_join(child, &dice, &life);
	if (node < 0)
		return;
	if (child->publishes)
		publisher_run(child, life, node, &dice);
	else if (dice_percent(&dice, 10))
		node_reader_run(child, life, node, &dice);
	else
		subscriber_run(child, life, node, &dice);
	close(node);
}

/* ---- in the director ------------------------------------------------- */

static void process_start(uint32_t index, struct dice *dice, uint32_t kill, uint32_t life_ms)
{
	struct child *child = &books->children[index];
	struct process *process = &processes[index];
	uint64_t now = mqt_now(), seed = dice_next(dice);
	/* Short lives are as many as long ones. */
	uint64_t length = (life_ms * MS >> dice_roll(dice, 5)) / 100 * dice_between(dice, 50, 100);

	*process = (struct process){ .end = now + length };
	process->killing = dice_percent(dice, kill);
	if (dice_percent(dice, 15))
		process->stop = now + length / 100 * dice_between(dice, 10, 90);
	child->publishes = dice_percent(dice, 40);
	child->stop = false;
	child->life = -1;
	process->pid = fork();
	if (!process->pid) {
		child_run(child, seed);
		_exit(0);
	}
	if (process->pid < 0) {
		books_fault(NULL, "fork: error %d", errno);
		process->pid = 0;
	}
	children_sums.born++;
}

static void process_dismiss(uint32_t index)
{
	struct process *process = &processes[index];

	if (!process->leaving)
		process->leaving = mqt_now();
	__atomic_store_n(&books->children[index].stop, true, __ATOMIC_SEQ_CST);
	/* Again and again: it may be about to fall asleep. */
	kill(process->pid, SIGUSR1);
}

/* One that neither leaves nor dies: where it is. */
static void process_stuck(uint32_t index)
{
	struct process *process = &processes[index];
	char path[64], where[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stack", process->pid);
	file = fopen(path, "r");
	if (file) {
		where[fread(where, 1, sizeof(where) - 1, file)] = '\0';
		fclose(file);
	}
	books_fault(NULL, "a %s does not %s: %s",
		    books->children[index].publishes ? "publisher" : "reader",
		    process->killing ? "die" : "leave", where);
	if (process->killing)
		process->dead = true;
	process->killing = true;
	process->leaving = mqt_now();
	kill(process->pid, SIGKILL);
}

/* Stops and continues it when it is due; it was a long sleep for it. */
static void process_suspend(struct process *process, struct dice *dice, uint64_t now)
{
	if (process->stop && now >= process->stop) {
		kill(process->pid, SIGSTOP);
		process->stop = 0;
		process->resume = now + dice_between(dice, 10, 1200) * MS;
		children_sums.suspended++;
	} else if (process->resume && now >= process->resume) {
		kill(process->pid, SIGCONT);
		process->resume = 0;
	}
}

static void process_tend(uint32_t index, struct dice *dice)
{
	struct process *process = &processes[index];
	uint64_t now = mqt_now();

	if (process->leaving) {
		if (now - process->leaving > PATIENCE && !process->dead)
			process_stuck(index);
		else if (!process->killing)
			process_dismiss(index);
	} else if (process->killing && now >= process->end) {
		/* Also one that is stopped. */
		kill(process->pid, SIGKILL);
		process->leaving = now;
		return;
	}
	process_suspend(process, dice, now);
	if (!process->leaving && now >= process->end && !process->resume)
		process_dismiss(index);
}

static void process_reap(uint32_t index)
{
	struct child *child = &books->children[index];
	struct process *process = &processes[index];
	int status;

	if (waitpid(process->pid, &status, WNOHANG) != process->pid)
		return;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && child->life >= 0) {
		children_sums.killed++;
		children_sums.publishers_killed += child->publishes;
	} else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
		books_fault(NULL, "a %s died of signal %d",
			    child->publishes ? "publisher" : "reader", WTERMSIG(status));
	}
	books_leave(child);
	process->pid = 0;
}

void children_tend(struct dice *dice, uint32_t count, uint32_t kill, uint32_t life_ms)
{
	uint32_t i;

	for (i = 0; i < BOOKS_CHILDREN; i++) {
		if (processes[i].pid)
			process_reap(i);
		if (processes[i].pid)
			process_tend(i, dice);
		else if (i < count)
			process_start(i, dice, kill, life_ms);
	}
}

bool children_use(const struct life *life, bool publishers)
{
	int32_t index = life - books->lives;
	uint32_t i;

	for (i = 0; i < BOOKS_CHILDREN; i++)
		if (__atomic_load_n(&books->children[i].life, __ATOMIC_SEQ_CST) == index &&
		    (!publishers || books->children[i].publishes))
			return true;
	return false;
}

void children_dismiss(const struct life *life)
{
	int32_t index = life ? life - books->lives : -1;
	uint32_t i;

	for (i = 0; i < BOOKS_CHILDREN; i++) {
		const struct child *child = &books->children[i];

		if (!processes[i].pid || processes[i].killing)
			continue;
		if (!life || (child->publishes &&
			      __atomic_load_n(&child->life, __ATOMIC_SEQ_CST) == index))
			process_dismiss(i);
	}
}

uint32_t children_count(void)
{
	uint32_t i, count = 0;

	for (i = 0; i < BOOKS_CHILDREN; i++)
		count += !!processes[i].pid;
	return count;
}

void children_end(void)
{
	uint32_t i;

	for (i = 0; i < BOOKS_CHILDREN; i++)
		if (processes[i].pid)
			kill(processes[i].pid, SIGKILL);
}
