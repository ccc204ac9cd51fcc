#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mq-mqttd: retained values, and what MQTT 5.0 adds to a message.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mqtt.sh"
plan 21

channel_create bus --topics '#' --overflow reject
mqttd

pub -t r/a -q 1 -r -m first
pub -t r/a -q 1 -r -m second
pub -t r/b -q 1 -r -m other
pub -t r/c -q 1 -m passing
subscriber one -q 1 -t r/a
equal "the retained value comes on subscribing" "$(got one 1)" "r/a 1 1 second"
subscriber many -q 0 -t 'r/+'
wait_for has_messages many 2
equal "wildcards too" "$(sed -n 's/^M //p' "$work/many" | sort | paste -sd,)" \
	"r/a 0 1 second,r/b 0 1 other"
pub -t r/a -q 1 -r -m third
equal "then live, without the flag" "$(got one 2)" "r/a 1 1 second,r/a 1 0 third"
subscriber asis -V 5 --retain-as-published -q 1 -t r/a
pub -t r/a -q 1 -r -m fourth
equal "retain as published" "$(got asis 2)" "r/a 1 1 third,r/a 1 1 fourth"
pub -t r/a -q 1 -r -n
equal "clearing is a message" "$(got one 4)" \
	"r/a 1 1 second,r/a 1 0 third,r/a 1 0 fourth,r/a 1 0 "
subscriber after -q 1 -t 'r/#'
pub -t r/z -q 1 -m end
equal "a cleared value does not come" "$(got after 2)" "r/b 1 1 other,r/z 1 0 end"
mqctl pub --retain r/native kept
subscriber native -q 1 -t r/native
equal "a retained value of a native program" "$(got native 1)" "r/native 1 1 kept"

# Properties of messages.
reader props -V 5 -q 1 -t p -C 1 -F '%C|%R|%D|%F|%P|%E|%p'
pub -V 5 -t p -q 1 -m text -D publish content-type text/plain \
	-D publish response-topic re/ply -D publish correlation-data id7 \
	-D publish payload-format-indicator 1 -D publish user-property k1 v1 \
	-D publish user-property k2 v2 -D publish message-expiry-interval 100
check "a message with properties arrives" reader_ends
equal "all of them" "$(<"$work/props")" "text/plain|re/ply|id7|1|k1:v1 k2:v2|100|text"
subscriber old -V mqttv311 -q 1 -t p3
pub -V 5 -t p3 -q 1 -m text -D publish user-property k1 v1
equal "MQTT 3.1.1 gets the message without" "$(got old 1)" "p3 1 0 text"
pub -V 5 -t p/keep -q 1 -r -m text -D publish user-property k v \
	-D publish message-expiry-interval 1000
says "properties of a retained value" 0 "k:v 1 text" \
	mosquitto_sub -p "$port" -V 5 -t p/keep -C 1 -F '%P %r %p'
pub -V 5 -t e/short -q 1 -r -m gone -D publish message-expiry-interval 1
pub -V 5 -t e/short2 -q 1 -r -m kept
expired()
{
	mosquitto_sub -p "$port" -V 5 -t 'e/+' -C 1 -F '%p' >"$work/first" && grep -q kept "$work/first"
}
check "an expired value does not come" wait_for expired

# What mosquitto's clients can't be asked for: raw bytes. "s" is the last SUBACK.
connect
send "$(connect_5 6e)"
same_bytes "CONNACK tells what this server can do" "$(receive 19)" \
	"20110000 0e 2401 2900 2a00 220020 2700100000"
# r/b with retain handling 2, then 1 (new? no), then 0.
send "8209 0001 00 0003 722f62 20"
same_bytes "retain handling 2" "$(send c000; receive 8)" "90040001 0000 d000"
send "8209 0002 00 0003 722f62 10"
same_bytes "retain handling 1, not new" "$(send c000; receive 8)" "90040002 0000 d000"
send "8209 0003 00 0003 722f62 00"
same_bytes "retain handling 0" "$(receive 19)" "90040003 0000 310b0003 722f62 00 6f74686572"
# Three times in one packet, the last time without: they come once.
send "8215 0005 00 0003 722f62 00 0003 722f62 00 0003 722f62 20" c000
same_bytes "retained values come once for a SUBSCRIBE" "$(receive 23)" \
	"90060005 00 000000 310b0003 722f62 00 6f74686572 d000"
# "nl" with No Local, published by itself and by somebody else.
send "8208 0004 00 0002 6e6c 04"
same_bytes "No Local is granted" "$(receive 6)" "90040004 0000"
send "3208 0002 6e6c 0009 00 78"
same_bytes "what it publishes does not come back" "$(receive 4; send c000; receive 2)" "40020009 d000"
pub -t nl -m y
same_bytes "what others publish comes" "$(receive 8)" "3006 0002 6e6c 00 79"
# Topic "ta" by alias 1; the second message names the alias only.
subscriber alias -q 1 -t ta
send "320b 0002 7461 000a 03 230001 61" "3209 0000 000b 03 230001 62"
equal "a topic alias stands for its topic" "$(got alias 2)" "ta 1 0 a,ta 1 0 b"
disconnect
