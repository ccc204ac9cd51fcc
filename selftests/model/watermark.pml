/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * The watermark: a subscription that is to be told of MARK records, not of fewer,
 * is told of what matched once the ring has MARK more than it has read, whether
 * those match or not.
 *
 *   poll     queued, barrier, due? else defer		module/subscription_wake.c
 *   publish  head, barrier; if it matches: matched, barrier, queued? due? else defer
 *            head beyond the bound? have the work item look	module/publish.c
 *   work     bound = never, barrier, deferred? due? else defer
 *   defer    deferred, barrier, lower the bound if it is above, barrier, due?
 *
 * Who finds the bound low enough does not touch it, and counts on the work item to
 * find @deferred when it takes the bound away: both store, then look at what the
 * other one stores.
 *
 * Memory is x86-like (TSO), as in wake.pml. Lowering the bound is a compare and
 * exchange, and thus a full barrier. The time limit of the mark, scans for space and
 * a second subscription are left out: each only tells earlier.
 *
 * The sleeper is asleep for ever only if it need not be told, else the verifier
 * finds an invalid end state. Each BROKEN_* takes away one thing:
 *
 *   DEFER    no barrier before the bound is looked at
 *   PUBLISH  no barrier in publish
 *   WORK     no barrier after the bound is taken away
 *   ORDER    the work item looks before it takes the bound away
 *   LOOK     no second look after the bound is lowered
 *   AGAIN    the work item does not lower the bound again
 *   LOWER    who defers leaves the bound alone
 */
#define RECORDS	4
#define MARK	2
#define NEVER	255

/* What all see. */
byte head;
byte matched;
byte position;
byte look_head = NEVER;
bool deferred;
bool queued;
bool called;
bool work;

/* Stores of the sleeper, the publisher and the work item that are not visible yet. */
chan sleeping = [4] of { mtype, byte };
chan publishing = [4] of { mtype, byte };
chan working = [4] of { mtype, byte };
mtype = { HEAD, POSITION, DEFERRED, QUEUED, LOOK_HEAD };

#define DUE(at)	(head - (at) >= MARK)

inline drain(stores)
{
	stores?where, value;
	if
	:: where == HEAD -> head = value
	:: where == POSITION -> position = value
	:: where == DEFERRED -> deferred = value
	:: where == QUEUED -> queued = value
	:: where == LOOK_HEAD -> look_head = value
	fi
}

active proctype store_buffer()
{
	mtype where;
	byte value;

end:	do
	:: atomic { drain(sleeping) }
	:: atomic { drain(publishing) }
	:: atomic { drain(working) }
	od
}

/* ---- what several do, each with its own stores ----------------------- */

inline lower(stores, bound)
{
#ifdef BROKEN_LOWER
	skip
#else
	if
	:: look_head > bound ->
		empty(stores);
		atomic {
			if
			:: look_head > bound -> look_head = bound
			:: else
			fi
		}
	:: else
	fi
#endif
}

/* @due: whether it is to be told now. */
inline defer(stores, at)
{
	stores!DEFERRED, true;
#ifndef BROKEN_DEFER
	empty(stores);
#endif
	lower(stores, at + MARK);
	empty(stores);
#ifndef BROKEN_LOOK
	due = DUE(at)
#endif
}

/* With nothing in the way: the counter of wake-ups is a barrier. */
inline call()
{
	called = queued
}

/* ---- the three ------------------------------------------------------- */

active proctype sleeper()
{
	byte at;
	bool due;

	do
	:: at = head;
		sleeping!POSITION, at;
		called = false;
		sleeping!QUEUED, true;
		empty(sleeping);
		due = matched > at && DUE(at);
		if
		:: matched > at && !due -> defer(sleeping, at)
		:: else
		fi;
		if
		:: due
		:: !due ->
			if
			:: called
			/* Nothing else happens, and nothing has to. */
			:: timeout && !(matched > at && DUE(at)) -> break
			fi
		fi;
		due = false;
		sleeping!QUEUED, false;
		empty(sleeping)
	od
}

active proctype publisher()
{
	byte next, at;
	bool due;

	do
	:: next == RECORDS -> break
	:: next < RECORDS ->
		next++;
		publishing!HEAD, next;
#ifndef BROKEN_PUBLISH
		empty(publishing);
#endif
		if
		:: true
		:: true ->
			/* It matches. Raising it is a barrier. */
			empty(publishing);
			matched = next;
			if
			:: queued ->
				at = position;
				due = DUE(at);
				if
				:: due
				:: else -> defer(publishing, at)
				fi
			:: else
			fi;
			if
			:: due && queued ->
				publishing!DEFERRED, false;
				empty(publishing);
				call()
			:: else
			fi;
			due = false
		fi;
		if
		:: next >= look_head -> work = true
		:: else
		fi
	od
}

inline look()
{
	at = position;
	due = deferred && matched > at;
	if
	:: due ->
		due = DUE(at);
#ifndef BROKEN_AGAIN
		if
		:: due
		:: else ->
			lower(working, at + MARK);
			due = DUE(at)
		fi
#endif
	:: else
	fi;
	if
	:: due && queued -> deferred = false; call()
	:: else
	fi
}

active proctype work_item()
{
	byte at;
	bool due;

end:	do
	:: atomic { work -> work = false };
#ifdef BROKEN_ORDER
		look();
#endif
		working!LOOK_HEAD, NEVER;
#ifndef BROKEN_WORK
		empty(working);
#endif
#ifndef BROKEN_ORDER
		look()
#endif
	od
}
