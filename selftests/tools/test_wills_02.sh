#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mq-mqttd: wills of clients, whoever dies: a client, the daemon, or nobody.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mqtt.sh"
plan 49

# A client is one byte in hex; it is called so, and its will goes to will/BYTE.
# will_3 ID: CONNECT of MQTT 3.1.1, clean, with the will "gone".
will_3()
{
	echo "101b 0004 4d515454 04 06 0000 0001$1 0006 77696c6c2f$1 0004 676f6e65"
}

# will_5 ID CLEAN EXPIRY DELAY: of MQTT 5.0; CLEAN is 0 or 1, seconds.
will_5()
{
	local flags=$((4 + 2 * $2))

	printf '1027 0004 4d515454 05 %02x 0000 05 11%08x 0001%s 05 18%08x 0006 77696c6c2f%s %s' \
		"$flags" "$3" "$1" "$4" "$1" '0004 676f6e65'
}

# client PACKET: connects; all of $connack is read on return, so that a close is no
# reset that overtakes what was sent. Leaves it open as $raw.
client()
{
	connect
	send "$1"
	connack=$(receive 2)
	connack+=$(receive $((16#${connack:2})))
}

# of NAME KEY: what 'show' says of a channel.
of()
{
	member "$(mqctl channel show "$1" --json)" "$2"
}

is()
{
	[ "$(of "$1" "$2")" = "$3" ]
}

# The witness is no client: it sees the daemon die.
heard()
{
	grep -c "^will/$1 " "$work/witness"
}

has_heard()
{
	[ "$(heard "$1")" -ge 1 ]
}

# dies NAME ID [TIMES]: what was heard of the client in the end.
dies()
{
	wait_for has_heard "$2"
	# Whatever comes a second time comes before this.
	mqctl pub will/z "$1"
	wait_for grep -qF "will/z $1" "$work/witness"
	equal "$1" "$(heard "$2")" "${3:-1}"
}

# lives NAME ID: nothing was heard of it.
lives()
{
	mqctl pub will/z "$1"
	wait_for grep -qF "will/z $1" "$work/witness"
	equal "$1" "$(heard "$2")" 0
}

channel_create bus --topics '#'
start witness mqctl sub -v -R 'will/#'
wait_filters 1
mqttd

# ---- connections that end ----

client "$(will_3 61)"
equal "the kernel has the will" "$(of bus wills)" 1
send e000
check "it forgets it after a goodbye" wait_for is bus wills 0
disconnect
lives "and nobody hears of it" a
client "$(will_3 62)"
disconnect
dies "without a goodbye it is published" b
equal "and no more with the kernel" "$(of bus wills)" 0
start sub mosquitto_sub -p "$port" -t x -i killed --will-topic will/c --will-payload gone \
	--will-retain
wait_for is bus wills 1
stop "$pid" KILL
dies "a client that is killed" c
equal "retained" "$(mqctl sub -C 1 -W 5 will/c)" gone
client "$(will_5 64 1 0 0)"
send e00104
dies "a goodbye that wants it" d
disconnect

# ---- delays ----

client "$(will_5 65 1 0 3600)"
disconnect
dies "no delay is longer than the session" e
client "$(will_5 66 1 1 3600)"
disconnect
dies "or than the time that the client asked for" f
client "$(will_5 67 1 3600 3600)"
disconnect
client "$(will_5 68 1 3600 1)"
disconnect
dies "after its delay" h
lives "not before" g
equal "the kernel has it meanwhile" "$(of bus wills)" 1
client "$(will_5 67 0 3600 3600)"
lives "a client that is back in time is not dead" g
equal "it has one will" "$(of bus wills)" 1
client "$(will_5 67 0 3600 3600)"
lives "nor is one that takes over" g
client "$(will_5 67 1 3600 3600)"
dies "unless it begins a new session" g
disconnect
client "$(will_5 67 1 3600 3600)"
dies "that ends the delay, too" g 2
send e000
disconnect
client "$(will_5 69 0 0 0)"
client "$(will_5 69 0 0 0)"
dies "taken over without a delay" i
send e000
check "all of these are gone" wait_for is bus wills 0
disconnect

# ---- messages before the will ----

channel_create full --topics 'will/full/+' --overflow reject --slots 64
holds()
{
	[[ $(mqctl stats full --json) == *'"holding":true'* ]]
}
start holder mqctl sub --hold -v --channel full 'will/full/+'
holder=$pid
wait_for holds
# "will/full/x" is eleven bytes.
client "1020 0004 4d515454 04 06 0000 000178 000b 77696c6c2f66756c6c2f78 0004 676f6e65"
kill -STOP "$holder"
seq 100 | mqctl pub -l --no-wait will/full/x >"$work/ignored" 2>&1
send "3013 000b 77696c6c2f66756c6c2f78 6f6e6c696e65"
# What it has sent waits for space when somebody else takes its identifier.
wait_for is full refused 2
client "$(connect_3 78)"
equal "a will waits for what its client published" "$(of full wills)" 1
kill -CONT "$holder"
check "and comes" wait_for grep -q '^will/full/x gone' "$work/holder"
equal "behind it" "$(tail -n 2 "$work/holder" | paste -sd,)" "will/full/x online,will/full/x gone"
disconnect
stop "$holder"

# ---- what the kernel does not take ----

channel_create small --topics 'will/+' --slots 64
clients=()
for ((i = 0; i < 17; i++)); do
	printf -v id %02x $((0x41 + i))
	client "$(will_3 "$id")"
	clients+=("$raw")
done
same_bytes "one more than a quarter of the ring is served" "$connack" 20020000
equal "but not kept" "$(of small wills)" 16
check "which is logged" grep -q "will of client 'Q' would be lost.* a limit is reached" \
	"$work/mqttd.err"
kill -USR1 "$daemon"
check "and counted" wait_for grep -q 'counters:.* wills-unregistered=1' "$work/mqttd.err"
for raw in "${clients[@]}"; do
	disconnect
done
all_heard()
{
	[ "$(grep -c '^will/[A-Q] gone' "$work/witness")" -ge 17 ]
}
check "all of them are published" wait_for all_heard
dies "that one, too" Q
equal "each once" "$(grep '^will/[A-Q] gone' "$work/witness" | sort | uniq -d)" ""
parameter=/sys/module/mq/parameters/max_wills_per_publisher
before=$(<"$parameter")
echo 0 >"$parameter"
client "$(will_3 72)"
echo "$before" >"$parameter"
check "a limit of the module is told by name" \
	grep -q "will of client 'r'.*max_wills_per_publisher" "$work/mqttd.err"
disconnect
dies "and stops no will" r
client "$(will_3 73)"
mqctl channel delete small
disconnect
dies "nor does the end of its channel" s
client "$(will_3 74)"
channel_create other --topics 'will/+'
disconnect
dies "nor another owner of its topic" t
mqctl channel delete other
mqctl channel set bus --no-topics
client "$(will_3 76)"
check "no owner at all is logged" grep -q "will of client 'v'.*no channel" "$work/mqttd.err"
mqctl channel set bus --topics '#'
disconnect
dies "but there is one in the end" v
parameter=/sys/module/mq/parameters/max_will_delay
before=$(<"$parameter")
echo 1500 >"$parameter"
client "$(will_5 75 1 3600 3600)"
echo "$before" >"$parameter"
check "a delay that is too long for the kernel is cut there, which is logged" \
	grep -q "will of client 'u' would come after 1500 ms instead of 3600000 if" "$work/mqttd.err"
disconnect
lives "and there only" u

# ---- the daemon is killed ----

clients=()
for ((i = 0; i < 20; i++)); do
	printf -v id %02x $((0x41 + i))
	client "$(will_3 "$id")"
	clients+=("$raw")
done
client "$(will_3 57)"
send e000
wait_for is bus wills 21
disconnect
lines=$(wc -l <"$work/witness")
lost=$(of bus wills_lost)
client "$(will_5 77 1 3600 5)"
disconnect
# The daemon has seen the end of the connection when it serves the next one.
client "$(connect_3 79)"
equal "all have a will but one" "$(of bus wills)" 22
stop "$daemon" KILL
check "killed: the kernel publishes all" wait_for is bus wills 0
check "also the one that waited" wait_for has_heard w
check "and the one whose delay was cut" wait_for has_heard u
equal "each once" "$(tail -n +$((lines + 1)) "$work/witness" | grep '^will/[A-Tuw] gone' |
	sort | uniq -c | awk '$1 == 1' | wc -l)" 22
equal "but for who had said goodbye" "$(heard W)" 0
equal "none was lost" "$(of bus wills_lost)" "$lost"
disconnect
for raw in "${clients[@]}"; do
	disconnect
done

# ---- the daemon is stopped ----

mqttd
client "$(will_3 6a)"
living=$raw
client "$(will_5 6b 1 3600 3600)"
disconnect
client "$(connect_3 79)"
check "stopped: it ends well" stop "$daemon"
dies "with the will of who was connected" j
dies "and of who may have come back" k
disconnect
raw=$living
disconnect
equal "that was all" "$(of bus wills) $(of bus wills_lost)" "0 $lost"
