/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Eviction against a reader that advances: a holder whose first held record is
 * too old loses the right to hold while a publisher lacks space, and notices.
 *
 *   scan     cursors; evicts: status, then hold		module/space.c
 *   publish  oldest, slot, head, below the hold only	module/ring.c
 *   reader   uses a batch in place, then is it intact?	tools/lib/read.c
 *   resync   what was passed				module/gap.c
 *   release  holds no more, unless evicted before	module/subscription.c
 *
 * Each step is atomic and seen at once; overwrite.pml has the barriers between
 * slots and oldest, block.pml how a publisher falls asleep. The holds of the
 * channel lock that nobody sees a part of are one step.
 *
 * Two slots. All records match. Two holders: a reader, and another one that
 * moves its cursor or not, and may go. A clock makes records too old whenever it
 * likes, in order. Each BROKEN_* takes away one thing that the protocol needs:
 *
 *   INTACT  a reader that held believes in its batch without asking
 *   STATUS  the status tells of an eviction after the hold was given up
 *   HOLD    scans go on counting the cursor of a reader that was evicted
 *   WAKE    an eviction does not wake the publisher
 *   LEAVE   one that was evicted gives up its hold a second time when it goes
 *   PASSED  what was passed counts from where it was evicted, not from the cursor
 */
#define SLOTS	2
#define RECORDS	4

/* Of the ring; a slot has the sequence of its record. */
byte slot[SLOTS];
byte oldest;
byte head;

byte hold;
byte holders = 2;
bool channel_lock;
bool endpoints_mutex;

/* A publisher lacks space; it sleeps until it is woken. */
bool starved;
bool woken;

/* Records below are too old. */
byte old;

#define READER	0
#define OTHER	1

/* What the kernel knows of a holder, and its pages. */
bool holding[2] = true;
byte evicted_at;
byte cursor[2];
bool status = true;

#define MIN(a, b)	((a) < (b) -> (a) : (b))
#define FULL		(head - (holders -> hold : head) >= SLOTS)
#define NEEDS(who)	(holding[who] && oldest >= cursor[who])

active proctype clock()
{
end:	do
	:: old < head -> old++
	od
}

active proctype publisher()
{
	bool lacking, lost;

	do
	:: head == RECORDS -> break
	:: else ->
		atomic {
			!channel_lock ->
			lacking = FULL;
			starved = starved || lacking;
			channel_lock = !lacking
		};
		if
		:: lacking ->
			/* Asleep. */
			atomic { woken -> woken = false }
		:: else ->
			atomic {
				if
				:: head - oldest == SLOTS ->
					lost = NEEDS(READER) || NEEDS(OTHER);
					assert(!lost);
					oldest++
				:: else
				fi
			};
			slot[head % SLOTS] = head;
			atomic { head++; channel_lock = false }
		fi
	od
}

/* Takes the cursor of a holder, and its hold if that is too old. */
inline look(who)
{
	if
	:: holding[who] ->
		position = cursor[who];
		if
		:: position < MIN(known, old) ->
			holding[who] = false;
			left++;
#ifdef BROKEN_HOLD
			lowest = MIN(lowest, position);
#endif
			if
			:: who == READER ->
				evicted_at = position;
#ifndef BROKEN_STATUS
				status = false
#endif
			:: else
			fi
		:: else ->
			lowest = MIN(lowest, position);
			young = young || position < known
		fi;
		position = 0
#ifdef BROKEN_HOLD
	:: else -> lowest = (who == READER -> MIN(lowest, cursor[who]) : lowest)
#else
	:: else
#endif
	fi
}

active proctype scanner()
{
	byte known, lowest, position, left;
	bool young, stuck;

end:	do
	:: atomic {
		starved && !endpoints_mutex ->
		endpoints_mutex = true;
		known = head;
		lowest = head
	   };
		atomic { look(READER) };
		atomic { look(OTHER) };
		atomic {
			!channel_lock ->
			hold = lowest;
			holders = holders - left;
			starved = FULL;
			/* Who lacks space waits for one that is young enough. */
			stuck = starved && !young;
			assert(!stuck);
#ifdef BROKEN_WAKE
			woken = !starved && !left;
#else
			woken = !starved;
#endif
			known = 0; lowest = 0; left = 0; young = false;
			endpoints_mutex = false
		}
#ifdef BROKEN_STATUS
		; status = holding[READER]
#endif
	od
}

active proctype reader()
{
	byte delivered, passed, next, end;
	bool whole, intact, torn, miscounted;

	do
	:: cursor[READER] == RECORDS -> break
	:: cursor[READER] < head ->
		/* A batch: all that is there, in place. */
		atomic { end = head; next = cursor[READER]; whole = true };
		do
		:: next < end ->
			d_step { whole = whole && slot[next % SLOTS] == next; next++ }
		:: else -> break
		od;
#ifdef BROKEN_INTACT
		intact = true;
#else
		/* Either tells. */
		if
		:: intact = status
		:: intact = false
		fi;
		if
		:: !intact -> intact = oldest <= cursor[READER]
		:: else
		fi;
#endif
		if
		:: intact -> atomic {
			torn = !whole;
			assert(!torn);
			delivered = delivered + end - cursor[READER];
			cursor[READER] = end
		   }
		:: else -> atomic {
#ifdef BROKEN_PASSED
			passed = passed + oldest - evicted_at;
			evicted_at = oldest;
#else
			passed = passed + oldest - cursor[READER];
#endif
			cursor[READER] = oldest
		   }
		fi;
		atomic { next = 0; end = 0; whole = false; intact = false }
	od;
	atomic {
		miscounted = delivered + passed != RECORDS;
		assert(!miscounted)
	}
}

active proctype other()
{
	do
	:: cursor[OTHER] < head -> cursor[OTHER]++
	:: break
	od;
	/* Goes, whenever it likes. */
	atomic {
		!endpoints_mutex && !channel_lock ->
#ifndef BROKEN_LEAVE
		holders = holders - holding[OTHER];
#else
		holders--;
#endif
		holding[OTHER] = false
	}
}
