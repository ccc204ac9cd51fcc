#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mqctl pub and sub: what goes in comes out.

. "$(dirname "$0")/lib.sh"
plan 42

# Starts a subscriber and waits until its filters (so many in all) are in force.
subscribe()
{
	local name=$1 count=$2

	shift 2
	start "$name" mqctl sub "$@"
	wait_filters "$count"
}

channel_create bus --topics '#' --slots 16K --bytes 16M

# ---- payloads ----

subscribe plain 1 -C 7 p
subscriber=$pid
mqctl pub p hello
mqctl pub p ''
mqctl pub -n p
printf 'a\nb' | mqctl pub -s p
printf 'from a file' >"$work/file"
mqctl pub -f "$work/file" p
mqctl pub p -- -dash
printf 'x\n\ny' | mqctl pub -l p
check "-C ends the subscriber with status 0" wait "$subscriber"
printf 'hello\n\n\na\nb\nfrom a file\n-dash\nx\n' >"$work/wanted"
check "payloads arrive as they were sent" cmp "$work/plain" "$work/wanted"
equal "the last line counts without its newline, empty lines don't" \
	"$(mqctl sub -N --from oldest -C 8 p | tail -c 1)" y

subscribe verbose 1 -v -N -C 2 'v/+'
subscriber=$pid
mqctl pub v/1 a
mqctl pub v/2 b
wait "$subscriber"
equal "-v prints topics, -N no newlines" "$(cat "$work/verbose")" "v/1 av/2 b"

head -c 60000 /dev/urandom >"$work/sent"
subscribe noise 1 -N -C 1 noise
subscriber=$pid
mqctl pub -f "$work/sent" noise
wait "$subscriber"
check "60,000 random bytes come through" cmp "$work/noise" "$work/sent"

# ---- what pub says ----

equal "pub is silent" "$(mqctl pub q 1)" ""
says "-v tells sequence and receivers" 0 "receivers=0" mqctl pub -v q 2
subscribe counted 1 q
says "a subscriber is a receiver" 0 "receivers=1" mqctl pub -v q 3
stop "$pid"
equal "members of what pub says" "$(mqctl pub --json q 4 | jq -c keys)" \
	'["receivers","sequence","time","topic"]'

# ---- JSON of sub ----

mqctl pub --retain json/text 'quote " backslash \ tab	end'
printf '\xff\x00' | mqctl pub --retain -s json/bytes
json=$(mqctl sub --json -C 1 json/text)
equal "a payload that is UTF-8 is a string" "$(jq -r .payload <<<"$json")" \
	'quote " backslash \ tab	end'
equal "others are base64" "$(member "$(mqctl sub --json -C 1 json/bytes)" payload_base64)" "/wA="
equal "members of a record" "$(jq -c keys <<<"$json")" \
	'["channel","payload","publisher","retain","sequence","time","topic","will"]'
json=$(mqctl pub --json q 5)
age=$((EPOCHSECONDS - $(member "$json" time) / 1000000000))
check "time is now" test "$age" -ge 0 -a "$age" -lt 60

# ---- retained, then live, once each ----

mqctl pub -r keep/a 1
mqctl pub -r keep/b 2
mqctl pub keep/b 3
subscribe kept 2 -v -C 4 'keep/+' 'keep/#'
subscriber=$pid
mqctl pub -r keep/a 4
mqctl pub keep/c 5
wait "$subscriber"
equal "retained values, then live records, once each" "$(tr '\n' ',' <"$work/kept")" \
	"keep/a 1,keep/b 2,keep/a 4,keep/c 5,"
subscribe live 1 -R -v -C 1 'keep/#'
subscriber=$pid
mqctl pub keep/d 6
wait "$subscriber"
equal "-R leaves retained values out" "$(cat "$work/live")" "keep/d 6"
mqctl pub -r -n keep/a
equal "-r -n clears a retained value" "$(mqctl sub -v -W 1 'keep/+')" "keep/b 2"
equal "--channel gets retained values too" "$(mqctl sub --channel bus -v -C 1 'keep/b')" "keep/b 2"
equal "the same on the channel alone, two filters" \
	"$(mqctl sub --channel bus -v -W 1 'keep/b' 'keep/#')" "keep/b 2"

# ---- ends ----

says "-W ends with 27" 27 "" mqctl sub -W 0.2 silence
started_at=$SECONDS
mqctl sub -W 1 silence
check "-W takes about its time" test $((SECONDS - started_at)) -le 20
start interrupted mqctl sub '#'
wait_filters 1
check "SIGTERM ends it with 0" stop "$pid"
start interrupted mqctl sub '#'
wait_filters 1
check "SIGINT ends it with 0" stop "$pid" INT
# What is printed is flushed before sleeping, not at the end.
subscribe flushed 1 flush
mqctl pub flush now
check "a record is printed at once" wait_for grep -qx now "$work/flushed"
stop "$pid"
says "a full disk is told" 1 "cannot write" bash -c "mqctl sub --from oldest -C 8 p >/dev/full"

# ---- the past ----

equal "--from oldest" "$(mqctl sub --from oldest -C 1 p)" hello
sequence=$(member "$(mqctl pub --json past 1)" sequence)
mqctl pub past 2
equal "--from SEQUENCE" "$(mqctl sub --channel bus --from $((sequence + 1)) -C 1 past)" 2
says "--from the future" 1 "not published yet" mqctl sub --channel bus --from 99999999 past
channel_create other --topics 'other/#'
says "--from needs one channel" 1 "--channel NAME" mqctl sub --from oldest '#'

# ---- several channels ----

subscribe both 2 -v -C 2 '+/x'
subscriber=$pid
mqctl pub other/x 1
mqctl pub bus/x 2
wait "$subscriber"
equal "a filter meets both channels" "$(sort "$work/both" | tr '\n' ',')" "bus/x 2,other/x 1,"
subscribe later 1 -v -C 1 'new/#' 2>/dev/null
subscriber=$pid
channel_create new --topics 'new/#'
mqctl pub new/y 3
wait "$subscriber"
equal "a channel that comes later is joined" "$(cat "$work/later")" "new/y 3"

# ---- volume ----

count=$((100000 / MQ_VOLUME))
seq "$count" >"$work/lines"
channel_create full --topics 'full/#' --overflow reject --slots 256
start all mqctl sub --hold --channel full -C "$count" 'full/#'
subscriber=$pid
wait_filters 1
check "pub -l publishes $count lines, waiting for space" mqctl pub -l full/x <"$work/lines"
check "a holder takes them all" wait "$subscriber"
check "in order, none lost" cmp "$work/lines" "$work/all"
equal "the ring was full at times, and nothing was overwritten unread" \
	"$(member "$(mqctl stats full --json)" published)" "$count"
start all mqctl sub --hold --channel full -C "$count" 'full/#'
subscriber=$pid
wait_filters 1
check "the same to a channel by name" mqctl pub --channel full -l full/x <"$work/lines"
check "a holder takes them all, too" wait "$subscriber"
check "in order, none lost, again" cmp "$work/lines" "$work/all"
start stuck mqctl sub --hold --channel full 'full/#'
stuck=$pid
wait_filters 1
kill -STOP "$stuck"
says "--no-wait fails when there is no space" 1 "mqctl stats" \
	bash -c 'seq 1000 | mqctl pub --no-wait -l full/x'

refused()
{
	[ "$(member "$(mqctl stats full --json)" refused)" -gt "$1" ]
}

before=$(member "$(mqctl stats full --json)" refused)
start waiter mqctl pub full/x last
waiter=$pid
wait_for refused "$before"
check "without it pub waits" kill -0 "$waiter"
kill -CONT "$stuck"
check "until there is space" wait "$waiter"
stop "$stuck"

# ---- the end of a channel ----

start orphan mqctl sub --channel full 'full/#'
orphan=$pid
wait_filters 1
mqctl channel delete full
wait "$orphan"
equal "a subscriber of a deleted channel ends with 1" $? 1
check "and says why" grep -q "the channel 'full' was deleted" "$work/orphan.err"
