#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# Verifies the Promela models with spin, in all states, and that each model
# finds the fault once a part of the protocol is taken away. One TAP line each.

set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Verifications at a time.
jobs=2
number=0
failed=0

# examine DIRECTORY MODEL DEFINE...: runs spin and the verifier that it makes. Compiling
# takes longer than most searches: without optimisation.
examine() {
	local directory=$1 model=$2

	shift 2
	mkdir "$directory" && cd "$directory" && spin -a "${@/#/-D}" "$here/$model.pml" &&
		gcc -w -O0 -DSAFETY -DNOREDUCE -o pan pan.c && ./pan -m10000 -w18
}

# verdict: of the output that examine gives. What was not searched to the end, for
# lack of memory or depth, says nothing.
verdict() {
	local log=$1

	if grep -q 'errors: 0$' "$log" &&
		! grep -qE 'Search not completed|max search depth too small' "$log"; then
		echo holds
	elif grep -q '^pan:1: invalid end state' "$log"; then
		echo sleeps
	else
		sed -n 's/^pan:1: assertion violated  *!(\([a-z]*\)).*/\1/p' "$log"
	fi
}

# conclude: reports what runs in the background.
conclude() {
	local found i

	wait
	for ((i = number - ${#names[@]} + 1; i <= number; i++)); do
		found=$(verdict "$work/$i.log")
		if [ "$found" = "${expected[i]}" ]; then
			echo "ok $i - ${names[i]}"
		else
			echo "not ok $i - ${names[i]}"
			echo "# expected: ${expected[i]}, found: ${found:-unclear}"
			sed 's/^/# /' "$work/$i.log"
			failed=1
		fi
	done
	names=()
	expected=()
}

# verify NAME MODEL VERDICT DEFINE...: the verdict is "holds", "sleeps" (somebody
# waits for ever: an invalid end state), or the name of what a model asserts not to
# be:
#   torn        a reader accepts what is not a record
#   lost        a record goes that somebody is to get
#   pinned      the ring is held for nothing
#   stuck       a publisher waits for one that should have been evicted
#   miscounted  the books do not balance
#   unmarked    a publish marks nothing for a filter in force
#   stale       an entry is used that was freed
#   over        a command is used that was completed
#   twice       a command completes again
verify() {
	number=$((number + 1))
	names[number]=$1
	expected[number]=$3
	examine "$work/$number" "$2" "${@:4}" >"$work/$number.log" 2>&1 &
	((${#names[@]} < jobs)) || conclude
}

echo "1..74"
verify "wake: poll" wake holds ONESHOT
verify "wake: poll, no barrier in publish" wake sleeps ONESHOT BROKEN_PUBLISHER_BARRIER
verify "wake: poll, no barrier in poll" wake sleeps ONESHOT BROKEN_POLL_BARRIER
verify "wake: multishot" wake holds
verify "wake: multishot, no barrier in publish" wake sleeps BROKEN_PUBLISHER_BARRIER
verify "wake: multishot, no barrier in libmq" wake sleeps BROKEN_SUBSCRIBER_BARRIER
verify "wake: multishot, no second look in libmq" wake sleeps BROKEN_SUBSCRIBER_LOOK
verify "wake: multishot, disarmed by a wake-up" wake sleeps BROKEN_DISARM
verify "watermark" watermark holds
verify "watermark: no barrier before the bound" watermark sleeps BROKEN_DEFER
verify "watermark: no barrier in publish" watermark sleeps BROKEN_PUBLISH
verify "watermark: no barrier after the bound" watermark sleeps BROKEN_WORK
verify "watermark: the work item looks first" watermark sleeps BROKEN_ORDER
verify "watermark: no second look" watermark sleeps BROKEN_LOOK
verify "watermark: not deferred again" watermark sleeps BROKEN_AGAIN
verify "watermark: the bound is not lowered" watermark sleeps BROKEN_LOWER
verify "overwrite" overwrite holds
verify "overwrite: no write barrier after oldest" overwrite torn BROKEN_WRITE_BARRIER
verify "overwrite: oldest moves after the slot" overwrite torn BROKEN_OLDEST_LATE
verify "overwrite: commit without release" overwrite torn BROKEN_RELEASE
verify "overwrite: commit without acquire" overwrite torn BROKEN_ACQUIRE
verify "overwrite: no read barrier before oldest" overwrite torn BROKEN_READ_BARRIER
verify "overwrite: nobody looks at oldest" overwrite torn BROKEN_LOOK
verify "verified" verified holds
verify "verified: head read after the links" verified lost BROKEN_HEAD_LATE
verify "verified: last moves after head" verified lost BROKEN_LAST_LATE
verify "verified: no new route" verified lost BROKEN_GENERATION
verify "verified: a filter comes during a scan" verified lost BROKEN_MUTEX
verify "verified: no respect for a place in the past" verified lost BROKEN_FRESH
verify "verified: a past taken not to match" verified lost BROKEN_PAST
verify "verified: a past never counted" verified pinned BROKEN_COUNTED
verify "verified: verified not set back" verified lost BROKEN_VERIFIED
verify "verified: hold not lowered" verified lost BROKEN_HOLD
verify "verified: matches before the filter count" verified pinned BROKEN_FROM
verify "verified: verified never moves" verified pinned BROKEN_VERIFY
verify "evict" evict holds
verify "evict: no look after the batch" evict torn BROKEN_INTACT
verify "evict: status after the hold" evict torn BROKEN_STATUS
verify "evict: a cursor still counts" evict stuck BROKEN_HOLD
verify "evict: no wake-up" evict sleeps BROKEN_WAKE
verify "evict: leaves twice" evict lost BROKEN_LEAVE
verify "evict: passed from the eviction on" evict miscounted BROKEN_PASSED
verify "filter_walk" filter_walk holds
verify "filter_walk: no look at the generation" filter_walk unmarked BROKEN_COMPARE
verify "filter_walk: generation after the walk" filter_walk stale BROKEN_ACQUIRE
verify "filter_walk: a route kept too long" filter_walk stale BROKEN_CACHE
verify "filter_walk: rerouted before the entry is in" filter_walk unmarked BROKEN_ADD
verify "filter_walk: rerouted before the entry is out" filter_walk stale BROKEN_REMOVE
verify "filter_walk: counted after the entry is out" filter_walk miscounted BROKEN_COUNT
verify "filter_walk: no grace period" filter_walk stale BROKEN_GRACE
verify "filter_walk: wakes outside the section" filter_walk stale BROKEN_WAKE
verify "command" command holds
verify "command: a wake-up does not take it" command twice BROKEN_TAKE
verify "command: cancelled whoever has it" command over BROKEN_CANCEL
verify "command: marked after it is parked" command over BROKEN_MARK
verify "command: second look after the lock" command over BROKEN_LOOK_LATE
verify "command: returns a result" command over BROKEN_RETURN
verify "command: no second look" command sleeps BROKEN_LOOK
verify "command: does not park again" command sleeps BROKEN_AGAIN
verify "command: no barrier in park" command sleeps BROKEN_PARK
verify "command: no barrier in publish" command sleeps BROKEN_PUBLISH
verify "command: no barrier in unlock" command sleeps BROKEN_UNLOCK
verify "command: unlock does not look" command sleeps BROKEN_CONTENDED
verify "command: deletion wakes nobody" command sleeps BROKEN_DELETE
verify "block" block holds
verify "block: kicks alone" block holds NO_TICK
verify "block: ticks alone, and no barrier" block holds NO_KICK BROKEN_STARVE_BARRIER
verify "block: neither kicks nor ticks" block sleeps NO_TICK NO_KICK
verify "block: no ticks, no barrier in libmq" block sleeps NO_TICK BROKEN_READER_BARRIER
verify "block: no ticks, no barrier in starve" block sleeps NO_TICK BROKEN_STARVE_BARRIER
verify "block: no ticks, no kick in release" block sleeps NO_TICK BROKEN_RELEASE
verify "block: no kicks, tick before the queue" block sleeps NO_KICK BROKEN_WATCH
verify "block: looks before it is queued" block sleeps BROKEN_RECHECK
verify "block: no wake-up" block sleeps BROKEN_WAKE
conclude
exit "$failed"
