#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mqctl: what publishers rely on (expectations, expiry, wills), and what limits say.

. "$(dirname "$0")/lib.sh"
plan 46

is()
{
	[ "$(of "$1" "$2")" = "$3" ]
}

# ---- wrong usage ----

says "expiry is for retained values" 2 "goes with --retain" mqctl pub --expiry 1 w/x y
says "one expectation, one message" 2 "not with -l" mqctl pub -l --expect 0 w/x
says "a sequence that is none" 2 "is not a number" mqctl pub --expect new w/x y
says "more of a will that is none" 2 "--will-delay without --will" mqctl pub --will-delay 1 w/x y
says "a will on no topic" 2 "is not a topic" mqctl pub --will-topic 'w/#' --will x w/x y

# ---- expectations and expiry ----

channel_create wills --topics 'w/#' --overflow reject --slots 64
check "as expected, none" mqctl pub -r --expect 0 w/a one
says "but now there is one" 1 "has a retained value already, sequence 1" \
	mqctl pub -r --expect 0 w/a two
says "as expected, that one" 0 "sequence=2" mqctl pub -v -r --expect 1 w/a two
says "which is no longer there" 1 "has sequence 2, not 1" mqctl pub -r --expect 1 w/a three
says "none of another topic" 1 "has no retained value" mqctl pub --expect 2 w/b three
equal "nothing of that went in" "$(of wills published)" 2
check "a value for a moment" mqctl pub -r --expiry 0.05 w/short x
check "goes by itself" wait_for is wills expired 1
equal "and leaves the other" "$(of wills retained)" 1

# ---- wills ----

mkfifo "$work/lines"
exec {lines}<>"$work/lines"

# live OPTION...: a publisher with a will that waits for lines; its process is $pid.
live()
{
	start pub bash -c "exec mqctl pub -l \"\$@\" <'$work/lines'" - "$@"
	wait_for is wills wills 1
}

start events mqctl monitor --json
start monitor mqctl monitor
listening()
{
	[ -s "$work/events" ] && [ -s "$work/monitor" ] || ! mqctl channel set wills --hold writers
}
wait_for listening
start sub mqctl sub --json -R 'w/#'
wait_filters 1

# heard TEXT: the subscriber has got it.
heard()
{
	grep -q "$1" "$work/sub"
}

live w/x --will killed
echo alive >&"$lines"
wait_for heard '"payload":"alive"'
equal "nobody hears the will of who lives" "$(grep -c killed "$work/sub")" 0
stop "$pid" KILL
check "killed: the kernel speaks for it" wait_for heard '"will":true,"payload":"killed"'
check "and knows of no other will" is wills wills 0
live w/x --will terminated
stop "$pid" TERM
check "a signal is no goodbye" wait_for heard '"payload":"terminated"'
live w/x --will moved --will-topic w/status --will-retain
stop "$pid" KILL
check "on another topic" wait_for heard '"topic":"w/status".*"payload":"moved"'
equal "retained" "$(mqctl sub -C 1 -W 5 w/status)" moved
live w/x --will by-channel --channel wills
stop "$pid" KILL
check "with a channel by name" wait_for heard '"payload":"by-channel"'
live w/x --will late --will-delay 0.2
stop "$pid" KILL
check "some time later" wait_for heard '"payload":"late"'

seq 3 | mqctl pub -l --will never w/x
seq 3 | mqctl pub -l --channel wills --will never w/x
equal "a good end says goodbye" "$(of wills wills)" 0
check "unless the will is for that, too" mqctl pub --will always --will-always w/x last
check "after what was published" wait_for heard '"payload":"always"'
head -c 70000 /dev/zero >"$work/large"
says "a failure" 1 "larger than its channel takes" mqctl pub --will failed -f "$work/large" w/x
check "is no good end" wait_for heard '"payload":"failed"'
equal "each was published once" "$(grep -c '"will":true' "$work/sub")" 7
equal "and none that should not be" "$(grep -c never "$work/sub")" 0
equal "none was lost" "$(of wills wills_lost)" 0

# ---- what cannot be ----

says "a topic that nobody claims" 1 "no channel claims" mqctl pub --will x --will-topic other/x w/x y
says "a delay that is too long" 1 "max_will_delay" mqctl pub --will x --will-delay 3601 w/x y
says "a will that is too large" 1 "larger than its channel takes" \
	mqctl pub --will "$(printf '%066000d' 0)" w/x y
channel_create tiny --topics 'tiny/#' --overflow reject --slots 64 --bytes 4096 --max-record 1024
start keeper bash -c "exec mqctl pub -l --will '$(printf '%0900d' 0)' tiny/x <'$work/lines'"
wait_for is tiny wills 1
says "a quarter of the ring" 1 "a quarter of its ring" \
	mqctl pub --will "$(printf '%0900d' 1)" tiny/x y
stop "$pid" KILL
limit=/sys/module/mq/parameters/max_wills_per_publisher
before=$(<"$limit")
echo 0 >"$limit"
says "a limit of the module" 1 "max_wills_per_publisher" mqctl pub --will x tiny/x y
echo "$before" >"$limit"
start holder mqctl sub --hold --channel tiny 'tiny/#'
holder=$pid
wait_filters 2
kill -STOP "$holder"
seq 100 | mqctl pub -l --no-wait tiny/x >"$work/ignored" 2>&1
says "no space to set aside" 1 "no space to set aside" mqctl pub --no-wait --will x tiny/x y
start waiter mqctl pub --will waited --will-always tiny/x y
waiter=$pid
kill -CONT "$holder"
check "without --no-wait it is waited for" wait "$waiter"
check "and kept" wait_for grep -qx waited "$work/holder"

# ---- what is told of it ----

equal "refusals by limit" "$(mqctl channel show tiny --json |
	jq -c '.channels[0].refusals | [.wills, .user, .memlock]')" "[2,0,0]"
says "in detail" 0 "  wills              2" mqctl channel show tiny
says "in the table" 0 "LIMITED" mqctl stats tiny
check "an event for each second" wait_for grep -q '"event":"refused".*"uid":0,"limit":"wills"' \
	"$work/events"
check "and for each will" wait_for grep -qE '"event":"will".*"publisher":[0-9]+.*"lost":false' \
	"$work/events"
check "in words" wait_for grep -qE ' refused tiny pid=[0-9]+ uid=0 limit=wills$' "$work/monitor"

live w/x --will lost
mqctl channel set wills --no-topics
stop "$pid" KILL
check "a will whose topic was given away is lost" wait_for is wills wills_lost 1
check "which is told" wait_for grep -qE ' will wills publisher=[0-9]+ pid=[0-9]+ lost=yes$' \
	"$work/monitor"
