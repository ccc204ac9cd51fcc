#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mq-mqttd: clients that break rules, go silent, are replaced, or die.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mqtt.sh"
plan 42

channel_create bus --topics '#' --overflow reject
mqttd
subscriber witness -q 1 -t 'alive/#' -t 'will/#'
alive=0

# lives: the daemon serves others, and the witness is still connected.
lives()
{
	alive=$((alive + 1))
	pub -t alive/n -q 1 -m "$alive" && wait_for grep -q "^M alive/n 1 0 $alive$" "$work/witness"
}

# refused NAME ANSWER HEX...: on these bytes the daemon answers ANSWER and closes.
refused()
{
	local name=$1 answer=$2

	shift 2
	connect
	send "$@"
	same_bytes "$name" "$(receive 1000)" "$answer"
	disconnect
}

ok3=20020000
ok5="20110000 0e 2401 2900 2a00 220020 2700100000"

refused "no MQTT at all" "" 474554202f20485454502f312e310d0a0d0a
refused "PUBLISH before CONNECT" "" "30030001 7478"
refused "a reserved packet type" "" 0000
refused "a length of five bytes" "" 10ffffffffff01
refused "3.1.1: reserved bit in CONNECT" "" "100d00044d5154540403000000 0161"
refused "3.1.1: no identifier, no clean session" 20020002 "100c00044d5154540400000000 00"
refused "an unknown version is told so" "20030084 00" "100d00044d5154540902000000 0161"
refused "5.0: reserved bit in CONNECT" 2003008100 "100e00044d51545405030000 00 000161"
refused "5.0: an authentication method" 2003008c00 \
	"101400044d51545405020000 06 15 000378 7878 000161"
refused "5.0: a property twice" 2003008200 "101400044d51545405020000 06 210001210001 000161"
refused "a second CONNECT" "$ok3" "$(connect_3 61)" "$(connect_3 61)"
refused "5.0: a second CONNECT" "$ok5 e00182" "$(connect_5 61)" "$(connect_5 61)"
refused "3.1.1: QoS 2" "$ok3" "$(connect_3 61)" "3406000174000178"
refused "5.0: QoS 2" "$ok5 e0019b" "$(connect_5 61)" "34060001740001 00"
refused "5.0: QoS 3" "$ok5 e00181" "$(connect_5 61)" "36060001740001 00"
refused "5.0: a wildcard in a topic" "$ok5 e00190" "$(connect_5 61)" "30050001 23 0078"
refused "5.0: a topic that is not UTF-8" "$ok5 e00181" "$(connect_5 61)" "30050001 ff 0078"
refused "5.0: an unknown topic alias" "$ok5 e00182" "$(connect_5 61)" "30060000 03 230001"
refused "5.0: a topic alias above the limit" "$ok5 e00194" "$(connect_5 61)" \
	"30060000 03 230021"
refused "5.0: a subscription identifier" "$ok5 e001a1" "$(connect_5 61)" \
	"82090001 020b01 000161 00"
refused "5.0: a packet only servers send" "$ok5 e00182" "$(connect_5 61)" d000
refused "5.0: a packet above the limit" "$ok5 e00195" "$(connect_5 61)" 30ffffff7f
refused "5.0: acknowledgements come before the reason" "$ok5 40030001 10 e00182" \
	"$(connect_5 61)" "32060001 61 0001 00 d000"
refused "3.1.1: SUBSCRIBE without a filter" "$ok3" "$(connect_3 61)" 82020001
refused "3.1.1: a filter that is none" "$ok3" "$(connect_3 61)" "82070001 0002612b 00"
check "nobody else is disturbed" lives
check "the log tells who and why" grep -q \
	"127.0.0.1:[0-9]*: client '' closed: malformed packet: CONNECT" "$work/mqttd.err"

# What 5.0 can say without closing: "$share/g/a" (0x9e), "+a" (0x8f), "ok".
connect
send "$(connect_5 62)"
receive 19 >"$work/ignored"
send "821a0001 00 000a 2473686172652f672f61 00 00022b61 00 00026f6b 02"
same_bytes "5.0: reasons in SUBACK" "$(receive 8)" "90060001 00 9e8f01"
send "a20c0002 00 00026f6b 0003 78787a"
same_bytes "5.0: reasons in UNSUBACK" "$(receive 7)" "b0050002 00 0011"
send "820f0003 00 000162 00 000163 00 000162 00 a20c0004 00 000163 000163 000162"
same_bytes "5.0: twice in one packet" "$(receive 16)" "90060003 00 000000 b0060004 00 001100"
disconnect

# Nobody who has no time for them is waited for.
connect
same_bytes "without CONNECT the connection ends" "$(receive 100)" ""
disconnect
connect
send "100e00044d51545405020001 00 000163"
receive 19 >"$work/ignored"
same_bytes "keep alive: silence ends the connection" "$(receive 100)" "e0018d"
disconnect
subscriber chatty -k 5 -i chatty -t 'k/#'
chatty=$pid

# Take-over: the first one is told; the second one works.
connect
send "$(connect_5 74)"
receive 19 >"$work/ignored"
first=$raw
connect
send "$(connect_5 74)" c000
same_bytes "the one that comes is served" "$(receive 21)" "$ok5 d000"
disconnect
raw=$first
same_bytes "the one before is told" "$(receive 100)" "e0018e"
disconnect

# Wills: of a client that dies, not of one that says goodbye.
reader dies -q 1 -t w/1 --will-topic will/dies --will-payload gone --will-qos 1 -i dies
stop "$reader" KILL
check "the will of a client that dies" wait_for grep -q '^M will/dies 1 0 gone$' "$work/witness"
# Will "will/q", goodbye with and without.
will="101c00044d51545404060000 000165 0006 77696c6c2f71 0005 6c65667421"
connect
send "$will" e000
receive 100 >"$work/ignored"
disconnect
check "others are still served" lives
equal "no will after a goodbye" "$(grep -c 'will/q' "$work/witness")" 0
connect
send "$will" 0000
receive 100 >"$work/ignored"
disconnect
check "a will after a broken rule" wait_for grep -q '^M will/q 0 0 left!$' "$work/witness"
check "the client that keeps its connection alive has kept it" kill -0 "$chatty"

# Topics that nobody claims, and a channel that comes later.
mqctl channel delete bus
channels=()
says "5.0: an unclaimed topic" 0 "RC:144" mosquitto_pub -d -V 5 -p "$port" -q 1 -t x -m y
channel_create late --topics 'late/#'
reaches()
{
	mosquitto_pub -d -V 5 -p "$port" -q 1 -t late/x -m y 2>&1 | grep -qE 'RC:(0|16)\)'
}
check "a channel made later is used" wait_for reaches
check "the daemon ends well" stop "$daemon"
