/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A blocked publisher: one that sleeps for space is woken once enough is free.
 *
 *   publisher  queued, starved, space?, tick		module/publish.c
 *   starve     space_wanted, barrier, scan		module/space.c
 *   reader     cursor, barrier, space_wanted?, kick	tools/lib/read.c
 *   release    holds no more, kick			module/subscription.c
 *   tick       scan, again while anybody is queued	module/space.c
 *
 * Kick and tick do the same, and each of them does without the other: a reader
 * that kicks makes it sooner, one that lies or forgets is found by the tick.
 *
 * Memory is x86-like (TSO), as in wake.pml: a cursor and space_wanted become
 * visible at some later time, or at the writer's next full barrier; and
 * space_wanted, which is stored under the channel lock, before anybody else
 * gets that. What is done under the channel lock is one step.
 *
 * One slot. One publisher blocks, one has O_NONBLOCK; one holder reads, one
 * holds its first record until it dies. NO_KICK and NO_TICK leave out one of
 * the two; each BROKEN_* takes away one thing that the protocol needs:
 *
 *   READER_BARRIER  the reader has no barrier after the cursor   (with NO_TICK)
 *   STARVE_BARRIER  nor the kernel after space_wanted            (with NO_TICK)
 *   RELEASE         a holder that dies does not kick             (with NO_TICK)
 *   WATCH           the tick is started before the publisher
 *                   is queued                                    (with NO_KICK)
 *   RECHECK         the publisher looks for space before it is queued, not after
 *   WAKE            a scan that finds enough wakes nobody
 */
#define SLOTS	1
#define RECORDS	2

byte head;
byte hold;
byte holders = 2;
bool endpoints_mutex;

/* For whom has the lock, and what is visible to all others. */
bool starved;
bool wanted;

/* The reader's, and what is visible of it. */
byte done;
byte cursor;

/* The other holder, at its first record. */
bool dead;

/* The publisher is in the wait queue; was woken there; the work item is to run. */
bool queued;
bool woken;
bool tick;

#define FULL	(head - (holders -> hold : head) >= SLOTS)

active proctype store_buffer()
{
end:	do
	:: cursor != done -> cursor = done
	:: wanted != starved -> wanted = starved
	od
}

/* mq_space_scan() */
inline scan()
{
	atomic { !endpoints_mutex -> endpoints_mutex = true; oldest = head };
	oldest = (cursor < oldest -> cursor : oldest);
	atomic {
		wanted = starved;
		hold = (dead -> oldest : 0);
		enough = starved && !FULL;
		starved = starved && FULL;
		endpoints_mutex = false;
		oldest = 0
	};
#ifndef BROKEN_WAKE
	if
	:: enough -> d_step { woken = queued; enough = false }
	:: else
	fi
#endif
}

/* mq_space_starve() */
inline starve()
{
	d_step { wanted = starved; starved = true };
#ifndef BROKEN_STARVE_BARRIER
	wanted == starved;
#endif
	scan()
}

/* publish_round(): whether there was space. */
inline publish()
{
	d_step {
		wanted = starved;
		space = !FULL;
		head = head + space
	}
}

/* publish_starved(), after publish_round() found no space */
inline wait_for_space()
{
#ifdef BROKEN_WATCH
	tick = true;
#endif
#ifndef BROKEN_RECHECK
	queued = true;
#endif
	do
	:: starve();
		publish();
		if
		:: space -> break
		:: else
		fi;
#ifdef BROKEN_RECHECK
		queued = true;
#endif
#if !defined(NO_TICK) && !defined(BROKEN_WATCH)
		tick = true;
#endif
		/* Asleep. */
		d_step { woken -> woken = false }
	od;
	atomic { queued = false; woken = false }
}

active proctype blocking()
{
	byte i, oldest;
	bool enough, space;

	do
	:: i == RECORDS -> break
	:: else ->
		publish();
		if
		:: !space -> wait_for_space()
		:: else
		fi;
		i++
	od
}

active proctype nonblocking()
{
	byte oldest;
	bool enough, space;

	publish();
	if
	:: !space ->
		starve();
		publish();
		/* Refused: see mq_space_refuse(). */
		if
#ifndef NO_TICK
		:: !space && queued -> tick = true
#endif
		:: else
		fi
	:: else
	fi
}

active proctype reader()
{
	byte oldest;
	bool enough;

end:	do
	:: done < head ->
		done++;
#ifndef NO_KICK
#ifndef BROKEN_READER_BARRIER
		cursor == done;
#endif
		if
		:: wanted ->
			/* A system call. */
			cursor == done;
			if
			:: starved -> scan()
			:: else
			fi
		:: else
		fi
#endif
	od
}

active proctype holder()
{
	atomic {
		!endpoints_mutex -> dead = true;
		wanted = starved;
		holders--
	};
#ifndef BROKEN_RELEASE
	tick = true
#endif
}

active proctype work()
{
	byte oldest;
	bool enough;

end:	do
	:: tick ->
		tick = false;
		scan();
#ifndef NO_TICK
		if
		:: starved && queued -> tick = true
		:: else
		fi
#endif
	od
}
