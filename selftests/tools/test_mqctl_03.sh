#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mqctl: each failure a person can cause is told in words, with the remedy.

. "$(dirname "$0")/lib.sh"
plan 47

# ---- wrong usage: status 2, and the nearest right word ----

says "no noun" 2 "Usage: mqctl NOUN" mqctl
says "a wrong noun" 2 "did you mean 'channel'" mqctl chanel list
says "a noun unlike any" 2 "'mqctl help' lists" mqctl xyzzyxyzzy
says "no verb" 2 "mqctl channel create NAME" mqctl channel
says "a wrong verb" 2 "did you mean 'channel delete'" mqctl channel delte x
says "a wrong option" 2 "did you mean --overflow" mqctl channel create x --overflw reject
says "a wrong letter" 2 "there is no option -Z" mqctl sub -Z x
says "an option without its value" 2 "needs a value" mqctl sub x -C
says "a value too many" 2 "takes no value" mqctl sub --verbose=1 x
says "an operand missing" 2 "NAME is missing" mqctl channel create
says "an operand too many" 2 "'b' is one word too many" mqctl channel create a b
says "help is offered" 2 "Try 'mqctl help channel create'" mqctl channel create
says "a wrong noun for help" 2 "did you mean 'stats'" mqctl help stat
says "no payload" 2 "PAYLOAD is missing" mqctl pub topic
says "two payloads" 2 "with -n there is no PAYLOAD" mqctl pub -n topic x
says "two sources" 2 "exclude each other" mqctl pub -n -l topic
says "a wildcard in a topic" 2 "is not a topic" mqctl pub a/+ x
says "a filter that is none" 2 "'#' for all at the end" mqctl sub 'a/#/b'
says "too many levels" 2 "at most 32 levels" mqctl sub "$(printf 'a/%.0s' {1..40})"
says "a time that is none" 2 "not a number of seconds" mqctl sub -W soon x
says "a count that is none" 2 "from 1 to" mqctl sub -C 0 x
says "a size that is none" 2 "a number of bytes, K, M or G" mqctl channel create x --bytes 4X
says "no power of two" 2 "1024 is" mqctl channel create x --slots 1000
says "a wrong policy" 2 "did you mean reject" mqctl channel create x --overflow rejct
says "an unknown user" 2 "there is no user nosuch" mqctl channel create x --owner nosuch
says "an unknown group" 2 "there is no group nosuch" mqctl channel create x --group nosuch
says "a mode that is none" 2 "such as 0660" mqctl channel create x --mode 888
says "a claim that is none" 2 "is not a topic filter" mqctl channel create x --topics 'a#'
says "nothing to set" 2 "nothing to set" mqctl channel set x

# ---- no channel ----

says "pub without any channel" 1 "mqctl channel create bus" mqctl pub a b
says "show without any channel" 1 "'mqctl channel create x' makes it" mqctl channel show x
says "sub waits for a channel, and says so" 27 "waiting for one" mqctl sub -W 0.2 a
channel_create bus --topics 'plant/#'
channel_create depot --max-record 1K
says "a name like another" 1 "did you mean 'bus'" mqctl channel delete bsu
says "a name unlike any" 1 "there are: bus, depot" mqctl channel purge something-else
says "sub on no channel" 1 "did you mean 'depot'" mqctl sub --channel depto x

# ---- no owner ----

says "a topic that nobody claims" 1 "'mqctl channel set bus --topics ...' claims it" mqctl pub a b
says "a topic of another channel" 1 "belongs to the channel 'bus', not to 'depot'" \
	mqctl pub --channel depot plant/x 1
says "a filter that no claim meets" 27 "no channel claims topics" mqctl sub -W 0.2 other

# ---- limits ----

head -c 2000 /dev/zero >"$work/large"
says "a message that is too large" 1 "--max-record" mqctl pub depot -f "$work/large"
says "a file larger than any channel takes" 1 "larger than any channel takes" \
	bash -c 'head -c 2000000 /dev/zero | mqctl pub -s depot'
says "a file that is not there" 1 "cannot open /nonexistent" mqctl pub depot -f /nonexistent
printf '1\n%01500d\n3\n' 2 >"$work/lines"
says "the line that is too large" 1 "that was line 2" bash -c "mqctl pub -l depot <$work/lines"
equal "the lines around it went in" "$(mqctl sub --from oldest --channel depot -C 2 depot | tr '\n' ' ')" "1 3 "
says "too many slots" 1 "/sys/module/mq/parameters" mqctl channel create x --slots 1G
says "a record larger than a quarter" 1 "4 * max_record" \
	mqctl channel create x --bytes 64K --max-record 32K
channel_create few --retained 1
mqctl pub -r few 1
mqctl channel set few --topics 'few/#'
says "too many retained values" 1 "--retained-bytes" mqctl pub -r few/2 2
says "holding a channel that drops" 1 "--overflow reject" mqctl sub --hold --channel bus 'plant/#'
