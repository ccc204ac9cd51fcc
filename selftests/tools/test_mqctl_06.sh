#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mqctl stats and monitor: the numbers are true.

. "$(dirname "$0")/lib.sh"
plan 29

channel_create lossy --topics 'lossy/#' --slots 64
channel_create strict --topics 'strict/#' --slots 64 --overflow reject

# number CHANNEL KEY: of its only subscription.
number()
{
	local json

	json=$(mqctl stats "$1" --json)
	member "${json#*subscriptions\":[}" "$2"
}

equal "stats is one JSON document" "$(mqctl stats --json | jq -c 'keys')" '["channels","module","subscriptions"]'
says "stats in words, without subscriptions" 0 "none" mqctl stats
says "stats of what is not there" 1 "did you mean 'lossy'" mqctl stats losy

# ---- a lossy subscriber that sleeps through three rings ----

start sleeper mqctl sub --json 'lossy/want'
sleeper=$pid
wait_filters 1
equal "who subscribes" "$(mqctl stats lossy --json |
	jq -c '.subscriptions[0] | [.channel, .program, .pid, .filters, .lag, .holding]')" \
	"[\"lossy\",\"mqctl\",$sleeper,1,0,false]"
mqctl pub lossy/want first
wait_for grep -q first "$work/sleeper"
kill -STOP "$sleeper"
# Three lengths of the ring; of the 64 that match, the ring keeps the last 32.
yes a | head -n 32 | mqctl pub -l lossy/want
seq 128 | mqctl pub -l lossy/other
yes a | head -n 32 | mqctl pub -l lossy/want
equal "lag: all that came since" "$(number lossy lag)" 192
oldest=$(member "$(mqctl channel show lossy --json)" oldest)
kill -CONT "$sleeper"
check "the subscriber is told" wait_for grep -q passed "$work/sleeper"
gap=$(grep passed "$work/sleeper")
passed_records=$(member "$gap" passed)
missed=$(member "$gap" missed)
# The last record is the last of 'want'; when it is there, all is read.
mqctl pub lossy/want end
check "it goes on reading" wait_for grep -q '"payload":"end"' "$work/sleeper"
got=$(grep -c '"payload":"a"' "$work/sleeper")
equal "passed: from its cursor to the oldest record" "$passed_records" $((oldest - 2))
equal "missed: exactly those that matched" "$missed $got" "32 32"
equal "stats tells the same" "$(number lossy passed) $(number lossy missed)" \
	"$passed_records $missed"
equal "delivered: first, what was left, and end" "$(number lossy delivered)" $((got + 2))
wakes=$(number lossy wakes)
check "it was woken, and not for every record" test "$wakes" -ge 1 -a "$wakes" -le 66
stop "$sleeper"
check "standard error tells people" grep -q 'messages were lost' "$work/sleeper.err"
equal "a subscription is gone when its process is" "$(filters)" 0

# ---- a holder ----

start holder mqctl sub --hold --channel strict 'strict/#'
holder=$pid
wait_filters 1
equal "a holder is shown" "$(number strict holding)" true
kill -STOP "$holder"
start events mqctl monitor --json
monitor=$pid
# The monitor listens when it sees a channel come.
probe()
{
	mqctl channel create probe
	mqctl channel delete probe
	grep -q probe "$work/events"
}
wait_for probe
seq 200 | mqctl pub --no-wait -l strict/x 2>/dev/null
equal "what found no space was refused and is counted" \
	"$(mqctl stats strict --json | grep -oE '"(published|refused|overwritten)":[0-9]+' | tr '\n' ' ')" \
	'"published":64 "refused":1 "overwritten":0 '
kill -CONT "$holder"
check "full and space are events" wait_for grep -q '"event":"space","channel":"strict"' "$work/events"
check "full came before" grep -q '"event":"full","channel":"strict"' "$work/events"
stop "$holder"

# ---- what is refused for all channels together ----

refused_slots()
{
	mqctl stats --json | jq .module.refusals.slots
}
before=$(refused_slots)
mqctl channel create refused --slots 1G 2>/dev/null
equal "a channel that a limit refused is counted" "$(refused_slots)" $((before + 1))
says "and shown" 0 "  by max_slots       $((before + 1))" mqctl stats
told()
{
	mqctl channel create refused --slots 1G 2>/dev/null
	grep -qE '"event":"refused","channel":"refused","channel_id":0,.*"uid":0,"limit":"slots"' \
		"$work/events"
}
check "and an event" wait_for told

# ---- events ----

check "a subscription that goes is an event" \
	wait_for grep -q "\"event\":\"unsubscribed\",\"channel\":\"strict\".*\"pid\":$holder" "$work/events"
mqctl channel set lossy --topics 'lossy/+'
mqctl channel purge lossy
mqctl pub lossy/x 1
mqctl channel delete lossy
check "a channel that goes is an event" \
	wait_for grep -q '"event":"deleted","channel":"lossy"' "$work/events"
equal "events come in order" \
	"$(jq -r 'select(.channel == "lossy") | .event' "$work/events" | tr '\n' ' ')" \
	"changed purged publisher-opened publisher-closed deleted "
flood()
{
	local i

	for ((i = 0; i < 300; i++)); do
		echo x >/dev/mq/strict
	done
	grep -q "\"event\":\"$1\",\"channel\":\"strict\",.*\"suppressed\":[1-9]" "$work/events"
}
check "too many of a kind are counted instead" wait_for flood publisher-opened
check "of each kind for itself" wait_for flood publisher-closed
check "every line is JSON" jq -e . "$work/events"
stop "$monitor"
says "-C and -W end a monitor" 27 "" mqctl monitor -C 5 -W 0.2
start lines mqctl monitor -C 1
monitor=$pid
make_event()
{
	mqctl channel create probe
	mqctl channel delete probe
	[ -s "$work/lines" ]
}
wait_for make_event
wait "$monitor"
check "in words: time, event, channel" \
	grep -qE '^[-0-9]+ [0-9:.]+ (created|deleted) probe' "$work/lines"
