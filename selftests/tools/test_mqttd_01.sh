#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mq-mqttd: messages between mosquitto's clients, versions, QoS, wildcards.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/mqtt.sh"
plan 22

channel_create bus --topics '#' --overflow reject
mqttd

for version in mqttv31 mqttv311 mqttv5; do
	subscriber "$version.0" -V "$version" -q 0 -t "$version/#"
	subscriber "$version.1" -V "$version" -q 1 -t "$version/+"
	pub -V "$version" -t "$version/a" -q 0 -m zero
	pub -V "$version" -t "$version/b" -q 1 -m one
	equal "$version, subscribed with QoS 0" "$(got "$version.0" 2)" \
		"$version/a 0 0 zero,$version/b 0 0 one"
	equal "$version, subscribed with QoS 1" "$(got "$version.1" 2)" \
		"$version/a 0 0 zero,$version/b 1 0 one"
done
subscriber two -q 2 -t 'q/#'
pub -t q/down -q 1 -m published-1
equal "QoS 2 is granted as 1" "$(got two 1)" "q/down 1 0 published-1"
check "as its SUBACK says" grep -q '^Subscribed (mid: 1): 1' "$work/two"

# Wildcards; overlapping filters of one client bring one copy, at the best QoS.
subscriber plus -t 'w/+/c'
subscriber hash -t 'w/#'
subscriber both -q 1 -t 'w/b/c' -t 'w/+/+'
subscriber all -t '#'
pub -t w/b/c -q 1 -m 1
pub -t w -m 2
pub -t w/b/c/d -m 3
pub -t '$quiet/w' -m 4
pub -t w/b/c -q 1 -m 5
equal "+ is one level" "$(got plus 2)" "w/b/c 0 0 1,w/b/c 0 0 5"
equal "# is the parent and all below" "$(got hash 4)" \
	"w/b/c 0 0 1,w 0 0 2,w/b/c/d 0 0 3,w/b/c 0 0 5"
equal "overlapping filters bring one copy" "$(got both 2)" "w/b/c 1 0 1,w/b/c 1 0 5"
equal "\$ topics don't match #" "$(got all 4)" "w/b/c 0 0 1,w 0 0 2,w/b/c/d 0 0 3,w/b/c 0 0 5"

# The other listener, and both at once.
subscriber unix --unix "$work/sock" -t 'u/#'
pub -t u/tcp -m from-tcp
mosquitto_pub --unix "$work/sock" -t u/unix -m from-unix
equal "unix socket" "$(got unix 2)" "u/tcp 0 0 from-tcp,u/unix 0 0 from-unix"
equal "its mode" "$(stat -c %a "$work/sock")" 660

# Large payloads, byte for byte; a channel takes 64 KiB a record by default.
for size in 1 500 2049 65000; do
	head -c "$size" /dev/urandom >"$work/sent.$size"
	cat "$work/sent.$size"
done >"$work/sent"
reader large -q 1 -t large -N -C 4
for size in 1 500 2049 65000; do
	pub -t large -q 1 -f "$work/sent.$size"
done
check "large messages arrive" reader_ends
check "payloads are byte for byte the same" cmp "$work/sent" "$work/large"
head -c 70000 /dev/zero >"$work/big"
says "a message above the channel's limit is refused" 0 "RC:151" \
	mosquitto_pub -d -V 5 -p "$port" -t large -q 1 -f "$work/big"

# Order and completeness, many at a time.
count=$(volume 10000)
reader many -q 1 -t many -C "$count"
seq 1 "$count" >"$work/sent"
pub -t many -q 1 -l <"$work/sent"
check "$count messages arrive" reader_ends
check "in order" cmp "$work/sent" "$work/many"

# Both ways between MQTT and programs that use the channel directly.
subscriber mixed -q 1 -t 'm/#'
mqctl pub m/native hello
before=$(filters)
start native mqctl sub -v -C 1 'm/to'
native=$pid
wait_filters $((before + 1))
pub -t m/to -m back
check "a native subscriber gets what MQTT publishes" wait "$native"
equal "and that is it" "$(<"$work/native")" "m/to back"
equal "a native message comes with the granted QoS" "$(got mixed 2)" \
	"m/native 1 0 hello,m/to 0 0 back"
