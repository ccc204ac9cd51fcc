#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mq-mqttd: full rings, slow clients, and who pays for them.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mqtt.sh"
plan 14

# A small ring that rejects: publishers must wait for its readers.
channel_create small --topics '#' --overflow reject --slots 64 --bytes 65536 --max-record 4096
mqttd --max-queue 65536 --slow-client-timeout 2 --max-inflight 2

# lines NAME COUNT SIZE: numbered lines of that size.
lines()
{
	seq -f "%0$3g" 1 "$2" >"$work/$1"
}

count=$(volume 5000)
lines sent "$count" 200
reader one -q 1 -t one -C "$count"
mosquitto_pub -p "$port" -t one -q 0 -l <"$work/sent"
check "a QoS 0 flood through 64 slots arrives" reader_ends
check "in order" cmp "$work/sent" "$work/one"
reader two -q 1 -t two -C "$count"
mosquitto_pub --unix "$work/sock" -t two -q 1 -l <"$work/sent"
check "a QoS 1 flood through a window of 2 arrives" reader_ends
check "in order" cmp "$work/sent" "$work/two"

# A client that gets what it publishes itself: it is read and written at once.
connect
send "$(connect_3 73)" "8209 0001 0004 73656c66 00"
receive 9 >"$work/ignored"
printf -v payload '%0300d' 0
message="30b202 0004 73656c66"
for ((i = 0; i < count; i++)); do
	bytes "$message"
	printf '%s' "$payload"
done >"$work/self.sent"
timeout 120 head -c "$(stat -c %s "$work/self.sent")" <&"$raw" >"$work/self.got" &
self=$!
cat "$work/self.sent" >&"$raw"
check "a client that publishes to itself gets all" wait "$self"
check "byte for byte" cmp "$work/self.sent" "$work/self.got"
disconnect

# One that stops reading holds up the others for two seconds, no longer.
subscriber fast -q 0 -t slow
start sleeper mosquitto_sub --unix "$work/sock" -q 0 -t 'slow/#' -i sleeper
sleeper=$pid
wait_for have_filters 2
kill -STOP "$sleeper"
lines sent 3000 400
check "its publisher gets through" mosquitto_pub -p "$port" -t slow -q 1 -l <"$work/sent"
wait_for has_messages fast 3000
check "all reaches those who read" cmp "$work/sent" <(sed -n 's/^M slow 0 0 //p' "$work/fast")
slow="unix:pid $sleeper: closed: [0-9]* bytes were queued for it"
check "the slow one is closed, and the log says why" wait_for grep -q "$slow" "$work/mqttd.err"
kill -CONT "$sleeper"
stop "$sleeper"

# The same where the oldest goes: nobody waits, the loss is told.
channel_create lossy --topics 'lossy/#' --slots 64 --bytes 65536 --max-record 4096
start sleeper2 mosquitto_sub --unix "$work/sock" -q 0 -t 'lossy/#' -i sleeper2
sleeper=$pid
subscriber other -q 0 -t 'lossy/+'
kill -STOP "$sleeper"
flood()
{
	mqctl pub lossy/a -l <"$work/sent" && grep -q 'channel lossy: lagged' "$work/mqttd.err"
}
check "records that went by unread are told" wait_for flood
check "with both numbers" grep -qE 'lagged passed=[0-9]+ missed=(at most )?[0-9]+:' \
	"$work/mqttd.err"
stop "$sleeper" KILL
pub -t lossy/end -q 1 -m end
check "others go on" wait_for grep -q '^M lossy/end 0 0 end$' "$work/other"
kill -USR1 "$daemon"
check "counters on demand" wait_for grep -q 'counters:.* slow-closed=' "$work/mqttd.err"
check "the daemon ends well" stop "$daemon"
