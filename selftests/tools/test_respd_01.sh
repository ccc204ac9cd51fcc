#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mq-respd: messages reach redis-cli by channel and by pattern, in RESP2 and RESP3.

. "$(dirname "$0")/lib.sh"
plan 32

channel_create bus --topics '#'
start_daemon respd mq-respd --listen "unix:$work/sock" --listen 127.0.0.1:7379

cli()
{
	redis-cli -s "$work/sock" "$@"
}

# lines NAME N: the output of NAME has at least so many lines.
lines()
{
	[ -e "$work/$1" ] && [ "$(wc -l <"$work/$1")" -ge "$2" ]
}

# got NAME N: the last lines it printed, on one line.
got()
{
	tail -n "$2" "$work/$1" | paste -sd' '
}

# subscriber NAME LINES COMMAND...: runs until killed; has subscribed on return.
subscriber()
{
	local name=$1 count=$2

	shift 2
	start "$name" redis-cli "$@"
	wait_for lines "$name" "$count"
}

equal "nobody is there" "$(cli publish a/b x)" 0
subscriber two 6 -s "$work/sock" subscribe a/b c+d
two=$pid
subscriber three 3 -3 -p 7379 subscribe a/b
three=$pid
subscriber glob 6 -s "$work/sock" psubscribe 'a/?' '*[x-z]'
glob=$pid

equal "PUBLISH counts channels and patterns" "$(cli publish a/b 'hello world')" 3
wait_for lines two 9
wait_for lines three 6
wait_for lines glob 10
equal "RESP2 subscriber" "$(got two 3)" "message a/b hello world"
equal "RESP3 subscriber" "$(got three 3)" "message a/b hello world"
equal "pattern subscriber" "$(got glob 4)" "pmessage a/? a/b hello world"

equal "two patterns of one client count twice" "$(cli publish a/z 1)" 2
wait_for lines glob 18
equal "a message comes once per pattern" "$(got glob 8)" \
	"pmessage *[x-z] a/z 1 pmessage a/? a/z 1"
equal "'*' reaches across '/'" "$(cli publish deep/er/x 2)" 1
wait_for lines glob 22

equal "a name with '+' is a channel" "$(cli publish c+d plus)" 1
wait_for lines two 12
equal "its subscriber sees its name" "$(got two 3)" "message c+d plus"
equal "its topic is escaped" "$(mqctl pub c%2Bd native && wait_for lines two 15 && got two 3)" \
	"message c+d native"
subscriber odd 12 -s "$work/sock" subscribe 'a#' '100%' '%2B' "$(printf 'n\xff')"
for name in 'a#' '100%' '%2B' "$(printf 'n\xff')"; do
	cli publish "$name" "for it" >"$work/ignored"
done
wait_for lines odd 24
equal "other odd names come back as they were" "$(got odd 12)" \
	"message a# for it message 100% for it message %2B for it message $(printf 'n\xff') for it"

equal "PUBSUB CHANNELS" "$(cli pubsub channels | sort | head -n 3 | paste -sd' ')" \
	"$(printf '%%2B\n100%%\na#\na/b\nc+d\nn\xff\n' | sort | head -n 3 | paste -sd' ')"
equal "PUBSUB CHANNELS with a pattern" "$(cli pubsub channels '?/*')" a/b
equal "PUBSUB NUMSUB" "$(cli pubsub numsub a/b c+d none | paste -sd' ')" "a/b 2 c+d 1 none 0"
equal "PUBSUB NUMPAT" "$(cli pubsub numpat)" 2

# Records of others, and to others.
mqctl pub a/b 'from native'
wait_for lines two 18
equal "a native message reaches Redis" "$(got two 3)" "message a/b from native"
before=$(filters)
start native mqctl sub -v -C 1 'n/#'
wait_filters $((before + 1))
equal "a native subscriber counts as a receiver" "$(cli publish n/1 'to native')" 1
check "it ends after its message" wait "$pid"
equal "and has got it" "$(<"$work/native")" "n/1 to native"

# Own last filters go when the last subscriber goes.
before=$(filters)
stop "$glob"
have_fewer()
{
	[ "$(filters)" -lt "$1" ]
}
check "a client that goes takes its filters along" wait_for have_fewer "$before"
stop "$two"
stop "$three"
zero()
{
	[ "$(cli publish a/b x)" = 0 ]
}
check "nobody is left" wait_for zero

# What clients of 7.2 and later begin with; the server of test_respd_02 knows none of it.
info()
{
	printf '%s\n' "$@" 'client info' | cli | sed 's/.* \(lib-name=\)/\1/' | paste -sd' '
}
equal "CLIENT SETINFO is kept for its connection" \
	"$(info 'client setinfo lib-name redis-py' 'client setinfo LIB-VER 5.0.1')" \
	"OK OK lib-name=redis-py lib-ver=5.0.1"
equal "and for no other" "$(info)" "lib-name= lib-ver="
equal "one that cannot be leaves the old" \
	"$(info 'client setinfo lib-ver 1' 'client setinfo lib-ver "a b"' 2>&1 | tr -s ' ')" \
	"OK ERR lib-ver cannot contain spaces, newlines or special characters. lib-name= lib-ver=1"
says "there are no others" 0 "ERR Unrecognized option 'lib-foo'" \
	redis-cli -s "$work/sock" client setinfo lib-foo x

# What no channel claims.
mqctl channel delete bus
channels=()
channel_create plant --topics 'plant/#'
says "an unclaimed topic names the remedy" 0 \
	"ERR no channel claims topic 'x/y'; create one: mqctl channel create NAME --topics 'x/#'" \
	redis-cli -s "$work/sock" publish x/y z
equal "a channel made later is used at once" "$(cli publish plant/1 z)" 0
says "empty names are refused" 0 "ERR a channel name may not be empty" \
	redis-cli -s "$work/sock" publish "" z
says "empty names are no channels" 0 "ERR a channel name may not be empty" \
	redis-cli -s "$work/sock" subscribe ""
big=$(head -c 70000 /dev/zero | tr '\0' x)
says "a message above the channel's limit is refused" 0 "ERR " \
	redis-cli -s "$work/sock" publish plant/1 "$big"
equal "and the connection goes on" "$(cli ping)" PONG
