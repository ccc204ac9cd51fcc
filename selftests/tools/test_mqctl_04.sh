#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# The node with plain tools: cat, echo, dd.

. "$(dirname "$0")/lib.sh"
plan 17

channel_create node --topics 'x' --slots 1K
node=/dev/mq/node

# Whether the process sleeps in a system call.
sleeps()
{
	[ "$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat")" = S ]
}

start native mqctl sub -v -C 3 '+'
native=$pid
wait_filters 1
check "echo publishes" bash -c "echo hello >$node"
check "each write is a message" bash -c "{ echo one; echo two; } >$node"
wait "$native"
equal "on the topic named like the channel" "$(tr '\n' '|' <"$work/native")" \
	"node hello||node one||node two||"
equal "writing nothing publishes nothing" \
	"$(: >$node; dd if=/dev/null of=$node status=none; member "$(mqctl channel show node --json)" published)" 3

start reader cat $node
reader=$pid
wait_for sleeps "$reader"
check "cat waits when there is nothing" kill -0 "$reader"
equal "and has got nothing from before" "$(wc -c <"$work/reader")" 0
echo first >$node
check "cat gets what comes" wait_for grep -qx first "$work/reader"
mqctl pub -n x
mqctl pub x second
check "payloads of all topics; empty ones don't end it" wait_for grep -q second "$work/reader"
stop "$reader"

# One record a call; a short buffer gets the rest with the next call.
exec {fd}<$node
mqctl pub x abcdefgh
mqctl pub x ij
equal "dd reads in pieces" "$(dd bs=3 count=4 status=none <&$fd | tr '\n' '|')" "abcdefghij"
exec {fd}<&-
exec {fd}<$node
says "O_NONBLOCK: EAGAIN when there is nothing" 1 "temporarily unavailable" \
	dd if=$node iflag=nonblock count=1
exec {fd}<&-

head -c 100000 /dev/zero >"$work/large"
says "a write that is too large" 1 "too long" dd if="$work/large" of=$node bs=100000
check "one that is not is one message" dd if="$work/large" of=$node bs=60000 count=1
equal "whole" "$(mqctl sub --from oldest -N --channel node -C 5 node | wc -c)" $((20 + 60000))

# A reader that is overtaken goes on, and what it lost is counted.
exec {fd}<$node
seq 5000 | mqctl pub -l x
equal "an overtaken reader goes on at the oldest record" \
	"$(dd bs=16 count=1 status=none <&$fd)" "$(mqctl sub --from oldest -C 1 x)"
check "what went by is counted" \
	test "$(member "$(mqctl channel show node --json)" node_passed)" -ge 3976
exec {fd}<&-

start last cat $node
last=$pid
wait_for sleeps "$last"
mqctl pub x end
mqctl channel delete node
check "after the deletion cat gets the rest and ends" wait "$last"
equal "the rest" "$(cat "$work/last")" end
