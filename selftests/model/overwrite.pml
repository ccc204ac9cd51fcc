/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Reading a ring that is being overwritten: a reader that accepts a record has
 * the whole record, whatever the writer did meanwhile. The steps W1..W4 and
 * R1..R4 are those of linux/mq_ring.h.
 *
 * Memory is weak: each word has a store buffer of its own, so stores become
 * visible in any order unless a barrier stands between them; a release or a
 * write barrier lets all earlier stores become visible first. Loads between
 * two barriers of the reader happen in any order.
 *
 * Two slots, a record of two words that both hold its sequence. Each BROKEN_*
 * takes away one thing that the protocol needs; run.sh shows that it is missed.
 */
#define SLOTS	2
#define RECORDS	5

/* Words: a and b of each slot, commit of each slot, oldest. */
#define A(s)		((s) % SLOTS)
#define B(s)		(SLOTS + (s) % SLOTS)
#define COMMIT(s)	(2 * SLOTS + (s) % SLOTS)
#define OLDEST		(3 * SLOTS)
#define WORDS		(3 * SLOTS + 1)

byte memory[WORDS];
/* Stores that are not visible yet; a word has one at a time. */
byte late[WORDS];
bool is_late[WORDS];

#define VISIBLE	(!is_late[0] && !is_late[1] && !is_late[2] && !is_late[3] && \
		 !is_late[4] && !is_late[5] && !is_late[6])

inline store(word, value)
{
	atomic { !is_late[word] -> late[word] = value; is_late[word] = true }
}

inline appear(word)
{
	memory[word] = late[word];
	is_late[word] = false
}

active proctype store_buffer()
{
end:	do
	:: atomic { is_late[0] -> appear(0) }
	:: atomic { is_late[1] -> appear(1) }
	:: atomic { is_late[2] -> appear(2) }
	:: atomic { is_late[3] -> appear(3) }
	:: atomic { is_late[4] -> appear(4) }
	:: atomic { is_late[5] -> appear(5) }
	:: atomic { is_late[6] -> appear(6) }
	od
}

active proctype writer()
{
	byte s;

	do
	:: s == RECORDS -> break
	:: else ->
#ifndef BROKEN_OLDEST_LATE
		if
		:: s >= SLOTS ->
			store(OLDEST, s - SLOTS + 1);		/* W1 */
#ifndef BROKEN_WRITE_BARRIER
			VISIBLE
#endif
		:: else
		fi;
#endif
		store(A(s), s);					/* W2 */
		store(B(s), s);
#ifndef BROKEN_RELEASE
		VISIBLE;
#endif
		store(COMMIT(s), s + 1);			/* W3 */
#ifdef BROKEN_OLDEST_LATE
		if
		:: s >= SLOTS -> VISIBLE; store(OLDEST, s - SLOTS + 1)
		:: else
		fi;
#endif
		s++
	od
}

active proctype reader()
{
	byte s, a, b, commit, oldest;
	bool have_a, have_b, have_commit, have_oldest;
	bool torn;

	select(s : 0 .. (RECORDS - 1));
	do
	:: !have_commit ->					/* R1 */
		commit = memory[COMMIT(s)];
		have_commit = true
#ifdef BROKEN_ACQUIRE
	:: !have_a ->
#else
	:: have_commit && !have_a ->				/* R2 */
#endif
		a = memory[A(s)];
		have_a = true
#ifdef BROKEN_ACQUIRE
	:: !have_b ->
#else
	:: have_commit && !have_b ->
#endif
		b = memory[B(s)];
		have_b = true
#ifdef BROKEN_READ_BARRIER
	:: have_commit && !have_oldest ->
#else
	:: have_a && have_b && have_commit && !have_oldest ->	/* R3, R4 */
#endif
		oldest = memory[OLDEST];
		have_oldest = true
	:: have_a && have_b && have_commit && have_oldest -> break
	od;
#ifdef BROKEN_LOOK
	oldest = 0;
#endif
	if
	:: commit == s + 1 && oldest <= s ->
		torn = a != s || b != s;
		assert(!torn)
	:: else
	fi
}
