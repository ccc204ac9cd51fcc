/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A command of io_uring that waits for records (MQ_RECEIVE_WAIT, Linux 6.7): it
 * completes exactly once, is not used once it is over, and does not stay parked
 * while there is something to receive.
 *
 *   issue    mark, park; found something: receive		module/parked.c
 *   park     wait queue lock: listed, barrier, look again
 *   task     receive, else park again
 *   wake     wait queue lock: take it off, send it to its task
 *   cancel   wait queue lock: is it listed? take it off, complete
 *   publish  matched, barrier, is anybody queued? wake	module/subscription.c
 *   unlock   subscription mutex, barrier, contended? wake
 *
 * Who takes the command off the list under the lock of the wait queue sees to it
 * that it completes. A ring lasts until its commands are over: one that completes
 * after the ring is gone completes a second time.
 *
 * Memory is x86-like (TSO), as in wake.pml: what is looked at without its lock
 * becomes visible at some later time, at the writer's next full barrier, or
 * before somebody else gets the lock. What nobody sees a part of is one step.
 *
 * A command that a worker thread issues while its task runs, a publisher, and
 * either another reader or a deletion; the ring may end at any time. The command
 * is asleep for ever only if nothing is there, else the verifier finds an invalid
 * end state. Each BROKEN_* takes away one thing that the protocol needs:
 *
 *   TAKE       a wake-up leaves the command on the list
 *   CANCEL     cancellation completes a command that is not on the list
 *   MARK       a command is marked as one to cancel after it is parked
 *   LOOK_LATE  the second look comes after the lock
 *   RETURN     a result is returned for a command that was marked
 *   LOOK       no second look
 *   AGAIN      a command that was woken and found nothing does not park again
 *   PARK       no barrier before the second look
 *   PUBLISH    no barrier in publish
 *   UNLOCK     no barrier after unlock
 *   CONTENDED  an unlock does not look for commands
 *   DELETE     a deletion wakes nobody
 */
#define RECORDS	2

/* Records that match: published; visible to all; received. */
byte raised;
byte matched;
byte taken;
bool dead;

/* The wait queue lock; the command is on the list; whether that is seen. */
bool wait_lock;
bool listed;
bool queued;

/* The subscription mutex; whether that is seen; the command waits for it. */
bool mutex;
bool locked;
bool contended;

/* Of the command: to run in its task; marked as one to cancel; completed. */
bool work;
bool marked;
bool completed;

/* The ring ends. */
bool ending;

#define READABLE	(matched > taken || dead)

active proctype store_buffer()
{
end:	do
	:: matched != raised -> matched = raised
	:: queued != listed -> queued = listed
	:: locked != mutex -> locked = mutex
	od
}

/* Any use of the command. */
inline use()
{
	over = completed;
	assert(!over)
}

inline complete()
{
	twice = completed;
	assert(!twice);
	completed = true;
	marked = false
}

/* With the wait queue lock, whose holder before has made all of it visible. */
inline wake()
{
	queued = listed;
	contended = false;
	if
	:: listed ->
		use();
		work = true;
#ifndef BROKEN_TAKE
		listed = false
#endif
	:: else
	fi
}

/* ---- the command ----------------------------------------------------- */

/* With the lock; without it the command may be gone. */
inline look_again()
{
	if
	:: busy -> stay = locked
	:: else -> stay = !READABLE
	fi;
	if
	:: stay
	:: else -> use(); listed = false
	fi
}

inline park()
{
	atomic {
		!wait_lock -> wait_lock = true;
		queued = listed;
		use();
		listed = true;
		contended = contended || busy
	};
#ifndef BROKEN_PARK
	queued == listed;
#endif
	atomic {
#if defined(BROKEN_LOOK)
		stay = true;
#elif !defined(BROKEN_LOOK_LATE)
		look_again();
#endif
		wait_lock = false;
#ifndef BROKEN_LOOK_LATE
		busy = false
	}
#else
	};
	atomic { look_again(); busy = false }
#endif
}

/* Whether there was something; @busy: another one reads. */
inline take()
{
	busy = mutex;
	found = !busy && READABLE;
	taken = taken + (found && matched > taken)
}

inline receive()
{
	do
	:: atomic {
		use();
		take();
		if
		:: found -> complete(); break
		:: else
		fi
	   };
#ifdef BROKEN_AGAIN
		break;
#endif
		park();
		if
		:: stay -> break
		:: else
		fi
	od;
	atomic { found = false; stay = false }
}

/* mq_parked_wait(), in a worker thread of the ring: the task goes on meanwhile. */
active proctype issue()
{
	bool busy, found, stay, over, twice;

	atomic { !mutex -> take() };
	if
	:: found -> atomic { complete() }
	:: else ->
#ifndef BROKEN_MARK
		marked = true;
#endif
		park();
#ifdef BROKEN_MARK
		atomic { use(); marked = true };
#endif
		if
		:: stay -> stay = false
#ifdef BROKEN_RETURN
		/* io_uring completes it, and does not expect a mark. */
		:: else -> atomic { complete(); marked = true }
#else
		:: else -> receive()
#endif
		fi
	fi
}

/* The command's own, where it is sent to look for records. */
active proctype task()
{
	bool busy, found, stay, over, twice;

	do
	:: atomic { work && ending -> work = false; complete() }
	:: atomic { work -> work = false }; receive()
	:: completed && !work -> break
	/* Nothing else happens: asleep. */
	:: timeout && !READABLE && !ending -> break
	od
}

/* ---- the others ------------------------------------------------------ */

active proctype publisher()
{
	bool over;

	do
	:: raised == RECORDS || dead -> break
	:: else ->
		raised++;
#ifndef BROKEN_PUBLISH
		matched == raised;
#endif
		if
		:: queued -> atomic { !wait_lock -> wake() }
		:: else
		fi
	od
}

/* Another reader, or an administrator who deletes the channel. */
active proctype other()
{
	bool over;

	if
	:: atomic {
		!mutex -> mutex = true;
		locked = true;
		taken = taken + (matched > taken)
	   };
		mutex = false;
#ifndef BROKEN_UNLOCK
		locked == mutex;
#endif
		if
#ifndef BROKEN_CONTENDED
		:: contended -> atomic { !wait_lock -> wake() }
#endif
		:: else
		fi
	:: dead = true;
#ifndef BROKEN_DELETE
		atomic { !wait_lock -> wake() }
#endif
	fi
}

/*
 * The ring cancels what is marked; in vain, and so left out, while it is to run.
 * A lock of the ring keeps the command from completing meanwhile.
 */
#ifdef BROKEN_CANCEL
#define CANCELS	(marked)
#else
#define CANCELS	(marked && (listed || completed))
#endif

inline cancel()
{
	queued = listed;
	use();
	listed = false;
	complete()
}

active proctype ring()
{
	bool over, twice;

	if
	:: ending = true
	:: true -> goto lasts
	fi;
	do
	:: completed -> break
	:: atomic { CANCELS && !wait_lock -> cancel() }
	od;
lasts:	skip
}
