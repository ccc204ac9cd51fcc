// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Who decides what happens, see director.h. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "audit.h"
#include "channels.h"
#include "children.h"
#include "director.h"

#define MS 1000000ULL
#define SECOND (1000 * MS)
#define TICK_USEC 5000
#define PROGRESS_EVERY (5 * SECOND)
/* Kills and deletions in a hundred seconds, each. */
#define RATE 220
/* How long a gentle deletion waits for publishers. */
#define GENTLE (5 * SECOND)
/* How long the end may take until nothing is left. */
#define END (180 * SECOND)
/* So many faults say enough. */
#define FAULTS_MAX (BOOKS_FAULTS / 2)

/**
 * struct slot - a name, and the life that has it now
 * @channel: NULL: none; one is created at @next
 * @next: when to do something with it
 * @end: when to delete it
 * @closing: since when publishers are to leave, 0: they are not
 */
struct slot {
	struct channel *channel;
	uint64_t next;
	uint64_t end;
	uint64_t closing;
};

struct director_sums director_sums;
static struct channel channels[BOOKS_LIVES];
static struct slot slots[BOOKS_CHANNELS];
static struct dice dice;
static uint32_t serial;
/* What adapts to the machine. */
static uint32_t kill_percent = 55;
static uint32_t child_ms = 2000;
static uint32_t channel_ms = 3000;

/* ---- a slot ---------------------------------------------------------- */

static void slot_create(struct slot *slot, uint64_t now)
{
	struct life *life = books_life_new();
	uint32_t length = channel_ms >> dice_roll(&dice, 3);
	struct channel *channel;
	int error;

	/* All books are waiting for their last users: later. */
	if (!life)
		return;
	channel = &channels[life - books->lives];
	error = channel_create(channel, life, slot - slots, ++serial, &dice);
	if (error) {
		books_fault(NULL, "creating a channel: error %d", error);
		channel->life = NULL;
		slot->next = now + SECOND;
		return;
	}
	slot->channel = channel;
	slot->end = now + dice_between(&dice, length / 2, length) * MS;
	slot->next = now + dice_roll(&dice, length) * MS;
	slot->closing = 0;
}

static void slot_delete(struct slot *slot, uint64_t now)
{
	channel_delete(slot->channel);
	director_sums.deletions++;
	slot->channel = NULL;
	/* Most at once, in the face of who uses the old one. */
	slot->next = dice_percent(&dice, 70) ? now : now + dice_roll(&dice, 300) * MS;
}

static void slot_administrate(struct slot *slot)
{
	switch (dice_roll(&dice, 3)) {
	case 0:
		channel_purge(slot->channel);
		director_sums.purges++;
		break;
	case 1:
		channel_set_limits(slot->channel, &dice);
		director_sums.limits++;
		break;
	default:
		channel_move_claim(slot->channel);
		director_sums.claims++;
	}
}

static void slot_close(struct slot *slot, uint64_t now)
{
	struct life *life = slot->channel->life;

	if (!slot->closing) {
		slot->closing = now;
		books_life_set(life, LIFE_CLOSING);
	}
	children_dismiss(life);
	if (!children_use(life, true))
		channel_list_retained(slot->channel);
	else if (now - slot->closing < GENTLE)
		return;
	slot_delete(slot, now);
}

static void slot_tend(struct slot *slot, uint64_t now, bool over)
{
	struct life *life;

	if (!slot->channel) {
		if (!over && now >= slot->next)
			slot_create(slot, now);
		return;
	}
	channel_scan(slot->channel);
	life = slot->channel->life;
	if (slot->closing || over) {
		slot_close(slot, now);
	} else if (now >= slot->end ||
		   __atomic_load_n(&life->tickets, __ATOMIC_RELAXED) > BOOKS_LOG - 1000) {
		if (dice_percent(&dice, 50))
			slot_close(slot, now);
		else
			slot_delete(slot, now);
	} else if (now >= slot->next) {
		slot_administrate(slot);
		slot->next = now + dice_between(&dice, 50, channel_ms) * MS;
	}
}

/* ---- the whole ------------------------------------------------------- */

/* Closes the books of lives that nobody uses any more; whether one is left. */
static bool audit_some(void)
{
	bool left = false;
	unsigned int i;

	for (i = 0; i < BOOKS_LIVES; i++) {
		struct channel *channel = &channels[i];

		if (!channel->life)
			continue;
		if (books_life_state(channel->life) != LIFE_DEAD ||
		    children_use(channel->life, false)) {
			left = true;
			continue;
		}
		audit(channel);
		channel_close(channel);
	}
	return left;
}

/* Shorter lives if there were too few deaths until now. */
static void adapt(uint64_t elapsed)
{
	uint64_t wanted = elapsed * RATE / 100 / SECOND;

	if (children_sums.killed < wanted) {
		kill_percent = 90;
		child_ms = child_ms > 200 ? child_ms * 3 / 4 : child_ms;
	} else {
		kill_percent = 55;
		child_ms = child_ms < 2000 ? child_ms * 5 / 4 : child_ms;
	}
	if (director_sums.deletions < wanted)
		channel_ms = channel_ms > 200 ? channel_ms * 3 / 4 : channel_ms;
	else
		channel_ms = channel_ms < 3000 ? channel_ms * 5 / 4 : channel_ms;
}

static void tell_faults(void (*fault)(const char *text))
{
	static uint32_t told;

	while (told < BOOKS_FAULTS && __atomic_load_n(&books->faults[told].ready,
						      __ATOMIC_ACQUIRE))
		fault(books->faults[told++].text);
	director_sums.faults = __atomic_load_n(&books->fault_count, __ATOMIC_ACQUIRE);
}

static void tick(uint64_t now, uint32_t children, bool over)
{
	unsigned int i;

	children_tend(&dice, over ? 0 : children, kill_percent, child_ms);
	for (i = 0; i < BOOKS_CHANNELS; i++)
		slot_tend(&slots[i], now, over);
}

/* Waits until everybody has left and every life is audited. */
static void finish(void (*fault)(const char *text))
{
	uint64_t begin = mqt_now(), now;

	while (children_count() || audit_some()) {
		now = mqt_now();
		children_dismiss(NULL);
		tick(now, 0, true);
		tell_faults(fault);
		if (now - begin > END) {
			books_fault(NULL, "%u processes do not end", children_count());
			children_end();
			return;
		}
		usleep(TICK_USEC);
	}
}

/* Nothing of the soak is left in the module or in /dev/mq. */
static void check_empty(uint64_t memory)
{
	uint64_t begin = mqt_now();
	struct dirent *entry;
	DIR *nodes;

	/* The last reference may be put by a grace period. */
	while (mqt_param("memory") != memory && mqt_now() - begin < END)
		sched_yield();
	if (mqt_param("memory") != memory)
		books_fault(NULL, "the module holds %llu bytes, before %llu",
			    (unsigned long long)mqt_param("memory"), (unsigned long long)memory);
	nodes = opendir("/dev/mq");
	while (nodes && (entry = readdir(nodes)))
		if (!strncmp(entry->d_name, "soak-", 5))
			books_fault(NULL, "the node %s is left", entry->d_name);
	if (nodes)
		closedir(nodes);
}

void director_run(uint64_t seed, uint64_t seconds, uint32_t children, void (*progress)(void),
		  void (*fault)(const char *text))
{
	uint64_t begin = mqt_now(), now = begin, shown = begin, memory;

	/* It looks at records before they are gone. */
	setpriority(PRIO_PROCESS, 0, -10);
	books_open(seed);
	content_init();
	children_init();
	dice.state = seed;
	channels_clear();
	memory = mqt_param("memory");
	while (now - begin < seconds * SECOND && director_sums.faults < FAULTS_MAX) {
		tick(now, children, false);
		audit_some();
		tell_faults(fault);
		director_sums.seconds = (now - begin) / SECOND;
		if (now - shown >= PROGRESS_EVERY) {
			adapt(now - begin);
			progress();
			shown = now;
		}
		usleep(TICK_USEC);
		now = mqt_now();
	}
	finish(fault);
	check_empty(memory);
	director_sums.seconds = (mqt_now() - begin) / SECOND;
	tell_faults(fault);
}
