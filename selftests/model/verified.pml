/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * The verified rule: a holding subscription loses no matching record that it
 * has not passed, and one that nothing matched does not pin the ring.
 *
 *   publish  generation, last, head		module/publish.c
 *   scan     head, then links of holders	module/space.c, subscription.c
 *   filter   listed, in force, past counted	module/subscription_filter.c
 *   reader   cursor, goes on at verified	tools/lib/read.c
 *
 * Each step is atomic and seen at once: the locks, and release and acquire of
 * head, order all that counts here. Without one of the two the order would be
 * that of BROKEN_LAST_LATE or BROKEN_HEAD_LATE.
 *
 * Two slots, both taken at first; one subscription; two filters, A and B, of
 * which others may have had B before; each record matches A, B or none. The
 * publisher waits until its space is there; somebody scans all the time.
 * Each BROKEN_* takes away one thing that the protocol needs:
 *
 *   HEAD_LATE     the scan reads head after it looked at the links
 *   LAST_LATE     last of an entry moves after head
 *   GENERATION    a publish does not route anew when the generation moved
 *   MUTEX         a filter comes while a scan is under way
 *   FRESH         the scan does not respect a place in the past without filter
 *   PAST          until its past is counted, a filter is taken not to match
 *   COUNTED       and it is never counted
 *   VERIFIED      a filter that reaches back leaves verified as it is
 *   HOLD          and the hold of the channel
 *   FROM          what an entry matched before a filter began counts for it
 *   VERIFY        the scan never moves verified
 */
#define SLOTS	2
#define RECORDS	4
#define NEVER	255

#define A	0
#define B	1

#define MAX(a, b)	((a) > (b) -> (a) : (b))

/* Of the ring; the filters that a record matches are a mask. */
byte head = SLOTS;
byte oldest;
byte topic[SLOTS];

byte hold;
byte generation;
bool channel_lock;
bool endpoints_mutex;

/* Filters that the tree has, and when each matched last. */
byte tree;
byte last[2];

/* The subscription, its links, its pages. */
byte start = NEVER;
bool fresh;
bool listed[2];
byte from[2] = NEVER;
byte past[2];
bool started_past[2];
byte cursor;
byte verified;

/*
 * For the verifier: a filter has not counted its past yet; the subscription did
 * nothing since the scan took its cursor.
 */
bool counting;
bool settled;

#define FULL	(head - MAX(hold, oldest) >= SLOTS)

/* Whether record @s is one that the subscription is to get. */
#define MATCHES(s, f)	(((topic[(s) % SLOTS] >> f) & 1) && from[f] != NEVER && \
			 ((s) >= from[f] || started_past[f]))
#define WANTED(s)	(fresh || MATCHES(s, A) || MATCHES(s, B))
/* Both of the ring: from @begin to @end none is. */
#define IDLE(s, begin, end)	((s) < (begin) || (s) >= (end) || !WANTED(s))
#define NONE_WANTED(begin, end)	(IDLE(oldest, begin, end) && \
				 IDLE(oldest + 1, begin, end))

/* ---- publish --------------------------------------------------------- */

inline mark(sequence)
{
	if
	:: route & match -> last[match - 1] = sequence + 1
	:: else
	fi
}

inline choose(mask)
{
	if
	:: mask = 0
	:: mask = 1 << A
	:: mask = 1 << B
	fi
}

proctype publisher()
{
	byte walked, route, match;
	bool lost;

end:	do
	:: atomic { head < RECORDS && !FULL -> walked = generation; route = tree }
		atomic {
			!channel_lock -> channel_lock = true;
#ifndef BROKEN_GENERATION
			if
			:: generation != walked -> route = tree
			:: else
			fi;
#endif
			if
			:: FULL -> goto unlock
			:: else
			fi;
			choose(match);
#ifndef BROKEN_LAST_LATE
			mark(head)
#endif
		};
		d_step {
			if
			:: head - oldest == SLOTS ->
				lost = oldest >= cursor && WANTED(oldest);
				assert(!lost);
				oldest++
			:: else
			fi;
			topic[head % SLOTS] = match;
			head++
		};
#ifdef BROKEN_LAST_LATE
		mark(head - 1);
#endif
unlock:		atomic { channel_lock = false; walked = 0; route = 0; match = 0 }
	od
}

/* ---- scan ------------------------------------------------------------ */

/* Whether a link knows of a match at or after @since. */
inline look(f)
{
#ifdef BROKEN_FROM
	matched = matched || listed[f] && MAX(last[f], past[f]) > since
#else
	matched = matched || listed[f] && (last[f] > from[f] -> last[f] : past[f]) > since
#endif
}

proctype scanner()
{
	byte known, since;
	bool matched, pinned;

end:	do
	:: atomic { !endpoints_mutex -> endpoints_mutex = true; known = head };
		atomic {
			since = MAX(cursor, verified);
#ifndef BROKEN_FRESH
			matched = fresh;
			since = (fresh -> cursor : since);
#endif
			settled = !fresh && !counting;
			look(A)
		};
		atomic {
			look(B);
#ifdef BROKEN_HEAD_LATE
			known = head;
#endif
			if
#ifndef BROKEN_VERIFY
			:: !matched ->
				verified = MAX(verified, known);
				since = MAX(since, verified)
#endif
			:: else
			fi
		};
		atomic {
			!channel_lock -> hold = since;
			/* Unless a record is about to come: see mark(). */
			pinned = settled && since < known && last[A] <= head &&
				last[B] <= head && NONE_WANTED(since, head);
			assert(!pinned);
			known = 0; since = 0; matched = false; settled = false;
			endpoints_mutex = false
		}
	od
}

/* ---- subscription ---------------------------------------------------- */

inline read_on()
{
	do
	:: d_step { cursor < head -> cursor++; settled = false }
	:: d_step {
		verified > cursor ->
		lost = !NONE_WANTED(cursor, verified);
		assert(!lost);
		cursor = verified;
		settled = false
	   }
	:: break
	od
}

inline enforce(f)
{
	listed[f] = true;
	generation++;
	settled = false;
	from[f] = head;
	started_past[f] = position == start;
	if
	:: started_past[f] && position < head ->
#ifndef BROKEN_PAST
		past[f] = head;
#endif
#ifndef BROKEN_VERIFIED
		verified = position;
#endif
#ifndef BROKEN_HOLD
		hold = (hold < position -> hold : position);
#endif
		counting = true
	:: else
	fi
}

/* The last match that is there, below where the filter began. */
inline count(f)
{
	s = from[f];
	do
	:: s > MAX(position, oldest) && !((topic[(s - 1) % SLOTS] >> f) & 1) -> s--
	:: else -> break
	od;
	past[f] = (s > MAX(position, oldest) -> s : 0);
	s = 0
}

inline add(f)
{
	atomic { tree = tree | (1 << f); position = cursor };
	atomic {
#ifdef BROKEN_MUTEX
		!channel_lock ->
#else
		!endpoints_mutex && !channel_lock ->
#endif
		enforce(f)
	};
#ifndef BROKEN_COUNTED
	if
	:: atomic { counting && !channel_lock -> count(f) }
	:: !counting
	fi;
#endif
	d_step { counting = false; fresh = false; position = 0 }
}

proctype subscriber()
{
	byte position, s;
	bool lost;

	add(A);
	read_on();
	add(B);
	read_on()
}

init {
	atomic {
		/* What is there, and whether others have filter B. */
		choose(topic[0]);
		choose(topic[1]);
		if
		:: tree = 1 << B; last[B] = (topic[1] >> B -> 2 : topic[0] >> B)
		:: skip
		fi;
		/* At the head or in the past. */
		if
		:: cursor = head
		:: start = 0; fresh = true
		fi;
		verified = cursor;
		hold = cursor;
		run publisher();
		run scanner();
		run subscriber()
	}
}
