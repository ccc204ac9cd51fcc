/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A filter that comes or goes while publishes walk: from the sequence that
 * FILTER_ADD returned on each matching record is marked for it, until
 * FILTER_REMOVE; and nobody uses an entry that is freed.
 *
 *   publish  generation, walk (or the route of the same	module/publish.c
 *            topic before, if the generation is the same),
 *            lock, generation?, mark, unlock, wake;
 *            all of it in an RCU section
 *   add      into the tree, then in force			module/filter.c
 *   remove   out of force, out of the tree, rerouted,	module/subscription_filter.c
 *            freed after a grace period
 *
 * Each step is atomic and seen at once: the acquire of the generation pairs with
 * the release of mq_channel_reroute(). Without one of the two the order would be
 * that of BROKEN_ACQUIRE or BROKEN_ADD. What is done in one hold of the channel
 * lock is one step.
 *
 * Two publishers, whose records all match. One filter is added, removed and
 * added again: two entries. Each BROKEN_* takes away one thing that the protocol
 * needs:
 *
 *   COMPARE  a publish does not look at the generation under the lock
 *   ACQUIRE  a publish reads the generation after the walk
 *   CACHE    a publish keeps the route of the topic when the generation moved
 *   ADD      the generation moves before the entry is in the tree
 *   REMOVE   the generation moves before the entry is out of the tree
 *   COUNT    what an entry matched is counted once it is out of the tree
 *   GRACE    an entry is freed at once
 *   WAKE     a publish wakes outside the RCU section
 */
#define PUBLISHERS	2
#define RECORDS		2
#define NONE		2
#define NEVER		255

byte head;
byte generation;

/* The entry of the filter that the tree has. */
byte tree = NONE;

/* Of entries: how many records they matched; to be freed; freed. */
byte matched[NONE];
bool dropped[NONE];
bool freed[NONE];

/* The one that is in force, and from where on. */
byte in_force = NONE;
byte from;

/* RCU sections. */
bool reading[PUBLISHERS];

inline use(entry)
{
	if
	:: entry != NONE ->
		stale = freed[entry];
		assert(!stale);
		stale = false
	:: else
	fi
}

proctype publisher(byte me)
{
	byte i, route = NONE, routed = NEVER, walked;
	bool stale, unmarked;

	do
	:: i == RECORDS -> break
	:: else ->
		reading[me] = true;
#ifdef BROKEN_ACQUIRE
		atomic {
			if
			:: routed == generation
			:: else -> route = tree
			fi
		};
		routed = generation;
#else
		walked = generation;
		atomic {
			if
#ifdef BROKEN_CACHE
			:: i > 0
#else
			:: routed == walked
#endif
			:: else -> route = tree
			fi;
			routed = walked;
			walked = 0
		};
#endif
		atomic {
			if
#ifndef BROKEN_COMPARE
			:: generation != routed ->
#ifndef BROKEN_CACHE
				route = tree;
#endif
				routed = generation
#endif
			:: else
			fi;
			use(route);
			unmarked = in_force != NONE && route != in_force;
			assert(!unmarked);
			if
			:: route != NONE -> matched[route]++
			:: else
			fi;
			head++
		};
#ifdef BROKEN_WAKE
		reading[me] = false;
#endif
		atomic { use(route); i++ };
		reading[me] = false
	od
}

inline add(entry)
{
#ifndef BROKEN_ADD
	tree = entry;
#endif
	atomic {
		generation++;
		in_force = entry;
		from = head;
		base = matched[entry]
	};
#ifdef BROKEN_ADD
	tree = entry
#endif
}

inline count(entry)
{
	in_force = NONE;
	miscounted = matched[entry] - base != head - from;
	assert(!miscounted);
	base = 0
}

inline remove(entry)
{
#ifdef BROKEN_COUNT
	/* For the verifier: none of those that follow needs a mark. */
	in_force = NONE;
#else
	atomic { count(entry) };
#endif
#ifdef BROKEN_REMOVE
	generation++;
	tree = NONE;
#else
	tree = NONE;
	atomic {
#ifdef BROKEN_COUNT
		count(entry);
#endif
		generation++
	};
#endif
	dropped[entry] = true
}

proctype filters()
{
	byte base;
	bool miscounted;

	add(0);
	remove(0);
	add(1);
	remove(1)
}

/* kfree_rcu(): after all sections that began before. */
proctype reclaim(byte entry)
{
end:	dropped[entry];
#ifndef BROKEN_GRACE
	!reading[0];
	!reading[1];
#endif
	freed[entry] = true
}

init {
	atomic {
		run publisher(0);
		run publisher(1);
		run filters();
		run reclaim(0);
		run reclaim(1)
	}
}
