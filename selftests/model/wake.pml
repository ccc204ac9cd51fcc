/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * The wake protocol: a publish wakes a subscriber that sleeps and wants it,
 * and none is left asleep with a record to read.
 *
 * Memory is x86-like (TSO) and thus no stronger than any supported machine in
 * what matters here, store-buffering: a store becomes visible to the other side
 * at some later time, or at the writer's next full barrier. Both sides store,
 * then look at what the other one stores:
 *
 *   publisher  head, barrier, wait queue, no_wake	module/publish.c
 *   poll       wait queue, barrier, head		module/subscription.c
 *   libmq      no_wake = 0, barrier, head		tools/lib
 *
 * ONESHOT is poll(2): each sleep queues anew and looks at the ring. Else the
 * waiter is a multishot or EPOLLET one: it stays queued and the kernel does
 * not look at the ring again on its behalf.
 *
 * The subscriber ends when it has read all records: asleep for ever is an
 * invalid end state, which the verifier reports. Each BROKEN_* takes away one
 * thing that the protocol needs; run.sh shows that it is missed then.
 */
#define RECORDS	3

/* What both sides see. */
byte head;
bool no_wake;
bool queued;
/* The waiter was called; for a multishot one: a completion is there. */
bool called;

/* The subscriber's stores that are not visible yet; its loads see them. */
chan stores = [4] of { mtype, bool };
mtype = { NO_WAKE, QUEUED };

/* The publisher's only store that can be late. */
byte late_head;

inline barrier()
{
	empty(stores)
}

/* Makes the subscriber's stores visible, in order, whenever it likes. */
active proctype store_buffer()
{
	mtype where;
	bool value;

end:	do
	:: atomic {
		stores?where, value;
		if
		:: where == NO_WAKE -> no_wake = value
		:: where == QUEUED -> queued = value
		fi
	}
	:: atomic { head < late_head -> head = late_head }
	od
}

active proctype publisher()
{
	bool seen;

	do
	:: late_head == RECORDS -> break
	:: else ->
		late_head++;
#ifndef BROKEN_PUBLISHER_BARRIER
		head == late_head;
#endif
		seen = queued;
		if
		:: seen && !no_wake ->
			atomic {
				called = true;
#ifdef BROKEN_DISARM
				/* "It was told": nobody will queue it again. */
				queued = false
#endif
			}
		:: else
		fi
	od
}

active proctype subscriber()
{
	byte next;

#ifndef ONESHOT
	stores!QUEUED, true;
	barrier();
#endif
	do
	:: next == RECORDS -> break
	:: next < RECORDS && next < head -> next++
	:: next < RECORDS && next == head ->
		/* Nothing there: get ready to sleep. */
		stores!NO_WAKE, false;
#ifndef BROKEN_SUBSCRIBER_BARRIER
		barrier();
#endif
#ifndef BROKEN_SUBSCRIBER_LOOK
		if
		:: next < head -> goto awake
		:: else
		fi;
#endif
#ifdef ONESHOT
		atomic { stores!QUEUED, true; called = false };
#ifndef BROKEN_POLL_BARRIER
		barrier();
#endif
		if
		:: next < head -> goto dequeue
		:: else
		fi;
#endif
		/* Asleep. */
		atomic { called -> called = false };
dequeue:
#ifdef ONESHOT
		stores!QUEUED, false;
		barrier();
#endif
awake:		stores!NO_WAKE, true
	od
}
