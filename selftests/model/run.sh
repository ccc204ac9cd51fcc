#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# Verifies the Promela models with spin, in all states, and that each model
# finds the fault once a part of the protocol is taken away. One TAP line each.

set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
failed=0

# verify NAME MODEL VERDICT DEFINE...: the verdict is "holds", "sleeps" (somebody
# waits for ever) or "torn" (a reader accepts what is not a record).
verify() {
	local name=$1 model=$2 expected=$3 verdict=unclear

	shift 3
	(
		cd "$work" && rm -f pan* && spin -a "${@/#/-D}" "$here/$model.pml" &&
			gcc -w -O1 -DSAFETY -DNOREDUCE -o pan pan.c && ./pan -m100000 -w18
	) >"$work/log" 2>&1
	if grep -q 'errors: 0$' "$work/log" &&
		! grep -q 'max search depth too small' "$work/log"; then
		verdict=holds
	elif grep -q '^pan:1: invalid end state' "$work/log"; then
		verdict=sleeps
	elif grep -q '^pan:1: assertion violated' "$work/log"; then
		verdict=torn
	fi
	number=$((number + 1))
	if [ "$verdict" = "$expected" ]; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		echo "# expected: $expected, found: $verdict"
		sed 's/^/# /' "$work/log"
		failed=1
	fi
}

echo "1..15"
verify "wake: poll" wake holds ONESHOT
verify "wake: poll, no barrier in publish" wake sleeps ONESHOT BROKEN_PUBLISHER_BARRIER
verify "wake: poll, no barrier in poll" wake sleeps ONESHOT BROKEN_POLL_BARRIER
verify "wake: multishot" wake holds
verify "wake: multishot, no barrier in publish" wake sleeps BROKEN_PUBLISHER_BARRIER
verify "wake: multishot, no barrier in libmq" wake sleeps BROKEN_SUBSCRIBER_BARRIER
verify "wake: multishot, no second look in libmq" wake sleeps BROKEN_SUBSCRIBER_LOOK
verify "wake: multishot, disarmed by a wake-up" wake sleeps BROKEN_DISARM
verify "overwrite" overwrite holds
verify "overwrite: no write barrier after oldest" overwrite torn BROKEN_WRITE_BARRIER
verify "overwrite: oldest moves after the slot" overwrite torn BROKEN_OLDEST_LATE
verify "overwrite: commit without release" overwrite torn BROKEN_RELEASE
verify "overwrite: commit without acquire" overwrite torn BROKEN_ACQUIRE
verify "overwrite: no read barrier before oldest" overwrite torn BROKEN_READ_BARRIER
verify "overwrite: nobody looks at oldest" overwrite torn BROKEN_LOOK
exit "$failed"
