#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mq-mqttd: clients that ask for much and take little, and that go while they wait.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mqtt.sh"
plan 17

# So much that no socket's buffers hold it.
printf -v payload '%060000d' 0
# shellcheck disable=SC2059
printf "\x31\xe8\xd4\x03\0\x06big/%d$payload" {10..59} >"$work/retained"
total=$((50 * 60001))
subscribe=820b00010000056269672f2300	# "big/#"

# logs N PATTERN: the daemon has so many such lines.
logs()
{
	[ "$(grep -c "$2" "$work/mqttd.err")" -ge "$1" ]
}

channel_create bus --topics '#' --overflow reject
mqttd --slow-client-timeout 600
connect
send "$(connect_3 72)"
cat "$work/retained" >&"$raw"
send c000
same_bytes "retained values are taken" "$(receive 6)" 20020000d000
check "a peer that vanishes will be missed" \
	grep -q 'timer:(keepalive' <(ss -Htno "sport = :$port")
disconnect

# Mosquitto waits until somebody takes what it prints. No more than --max-queue is
# due to it from its retained values on.
subscriber witness -t big/live
witness=$pid
mkfifo "$work/pipe"
mosquitto_sub --unix "$work/sock" -t 'big/#' >"$work/pipe" &
large=$!
started+=("$large")
exec {pipe}<"$work/pipe"
equal "a client takes half of a large answer" "$(head -c 1400000 <&"$pipe" | wc -c)" 1400000
pub -t big/live -m live
equal "and holds up nobody" "$(got witness 1)" "big/live 0 0 live"
equal "it gets the other half" \
	"$(head -c $((total - 1400000 + 5)) <&"$pipe" | tail -n 1)" live
exec {pipe}<&-
stop "$large"
stop "$witness"

connect
send "$(connect_5 6d)" "$(printf "$subscribe%.0s" {1..40})"
check "a client that asks again and again and reads nothing is closed" \
	wait_for logs 1 "client 'm' closed: quota exceeded: SUBSCRIBE"
disconnect

# The last words reach one that sends too much.
head -c $((8 << 20)) /dev/zero >"$work/zeroes"
connect
send "$(connect_5 62)"
receive 19 >"$work/ignored"
pours()
{
	send 30ffffff7f && cat "$work/zeroes" >&"$raw"
}
check "what is above the limit is read and dropped" pours
same_bytes "and answered" "$(receive 100)" e00195
disconnect

# A channel that is full, as its reader stands still.
channel_create small --topics 'o/#' --overflow reject --slots 64 --bytes 65536 \
	--max-record 4096
count=$(volume 20000)

# stopped_reader N FILTER: a native one, for N messages. Its filter is in two
# channels, as "bus" has a claim for all.
stopped_reader()
{
	before=$(filters)
	start native mqctl sub --hold -C "$1" "$2"
	reader=$pid
	wait_filters $((before + 2))
	kill -STOP "$reader"
}

# It must be read, as it has something to acknowledge, so it may have many waiting.
wait_filters 0
connect
send "$(connect_3 77)" "8206 0001 0001 77 01"
receive 9 >"$work/ignored"
pub -t w -q 1 -m m
receive 8 >"$work/ignored"
stopped_reader "$count" 'o/#'
seq -f %06g 1 "$count" >"$work/sent"
# shellcheck disable=SC2046
printf '\x30\x0b\0\x03o/a%s' $(<"$work/sent") >"$work/flood"
cat "$work/flood" >&"$raw"
kill -CONT "$reader"
check "many messages wait for space, and go in" reader_ends
check "in order" cmp "$work/sent" "$work/native"
disconnect

# Half-closed: it has sent all, and stays for the answers.
{
	bytes "$(connect_3 68)"
	for ((i = 1; i <= 1000; i++)); do
		bytes "3208 0003 6f2f61 $(printf %04x "$i") 78"
	done
} >"$work/half.sent"
wait_filters 0
stopped_reader 1000 'o/#'
start half half_closed "$work/half.sent"
half=$pid
wait_for grep -qs sent "$work/half.err"
kill -CONT "$reader"
check "what a half-closed client has sent goes in" reader_ends
wait "$half"
equal "and is answered" "$(wc -c <"$work/half")" $((4 + 4 * 1000))

stop "$daemon"
mqttd --max-queue 65536 --slow-client-timeout 3
connect
send "$(connect_5 6e)" "$(printf "$subscribe%.0s" {1..5})"
check "who takes nothing of what it asked for is closed" \
	wait_for logs 1 "did not take them within 3000 ms"
disconnect

# One that gets its own messages and reads none. Its pings are not read either then.
channel_create lossy --topics 'own/#' --bytes 4M
# shellcheck disable=SC2059
printf "\x30\xe8\xd4\x03\0\x06own/%d$payload" {10..99} {10..99} >"$work/own"
connect
send "100d00044d5154540402 0001 0001 6b" "820a 0001 0005 6f776e2f23 00"
cat "$work/own" >&"$raw" &
started+=($!)
check "a slow one has its time, whatever its keep alive is" \
	wait_for logs 2 "did not take them within 3000 ms"
disconnect

# Clients that go while their messages wait leave them, but not without end.
channel_create deep --topics 'd/#' --overflow reject --bytes 4M --max-record 1M
wait_filters 0
stopped_reader 10 'd/#'
taken()
{
	! ss -Htn "sport = :$port" | grep -qv '^[A-Z0-9-]* *0 '
}
{
	bytes "$(connect_3 64)" "30c7843d 0003 642f61"
	head -c 1000002 /dev/zero
} >"$work/leave"
leave()
{
	connect
	cat "$work/leave" >&"$raw"
	wait_for taken
	# With CONNACK unread this is a reset.
	disconnect
	grep -q 'messages are lost' "$work/mqttd.err"
}
check "what clients leave waiting is bounded" wait_for leave
kill -CONT "$reader"
check "and what was kept goes in" reader_ends
check "the daemon ends well" stop "$daemon"
