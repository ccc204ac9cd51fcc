#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mqctl channel: create, list, show, set, purge, delete.

. "$(dirname "$0")/lib.sh"
plan 33

# value NAME FILTER: what jq finds in the channel.
value()
{
	mqctl channel show "$1" --json | jq -r ".channels[0]$2"
}

check "an empty list is no failure" mqctl channel list
equal "an empty list is valid JSON" "$(mqctl channel list --json)" '{"channels":[]}'

channel_create one
check "the node is there" test -c /dev/mq/one
equal "it belongs to root alone" "$(stat -c '%U:%G %a' /dev/mq/one)" "root:root 600"
equal "slots by default" "$(value one .slots)" 4096
equal "bytes by default" "$(value one .bytes)" 4194304
equal "largest message by default" "$(value one .max_record)" 65536
equal "it drops the oldest" "$(value one .overflow)" drop-oldest
equal "it claims its name" "$(value one '.topics | join(" ")')" one

channel_create two --slots 64 --bytes 64K --max-record 16K --overflow reject \
	--owner daemon:games --mode 0640 --first 1000 --retained 7 \
	--retained-bytes 4K --topics 'a/+,b/#' -t c
equal "sizes as given" "$(value two '| "\(.slots) \(.bytes) \(.max_record)"')" "64 65536 16384"
equal "policy as given" "$(value two .overflow)" reject
equal "owner and mode as given" "$(stat -c '%U:%G %a' /dev/mq/two)" "daemon:games 640"
equal "owner and mode are shown" "$(value two '| "\(.owner) \(.group) \(.mode)"')" \
	"daemon games 0640"
equal "first sequence as given" "$(value two .first)" 1000
equal "limits of retained values as given" \
	"$(value two '| "\(.retained_max) \(.retained_bytes_max)"')" "7 4096"
equal "claims of two options, one with a comma" "$(value two '.topics | join(" ")')" \
	"two a/+ b/# c"
chown nobody /dev/mq/two
equal "the present owner is shown" "$(value two .owner)" nobody

channel_create three --group games
equal "a group may read and write" "$(stat -c '%U:%G %a' /dev/mq/three)" "root:games 660"

equal "list has them all" "$(mqctl channel list --json | jq -r '[.channels[].name] | sort | join(" ")')" \
	"one three two"
equal "the table has a title and a line for each" "$(mqctl channel list | wc -l)" 4
says "the table tells claims" 0 "two,a/+,b/#,c" mqctl channel list
says "show takes several names" 0 "Name                 three" mqctl channel show two three
equal "list and show agree" "$(mqctl channel list --json | jq -S '.channels[] | select(.name == "two")')" \
	"$(mqctl channel show two --json | jq -S '.channels[0]')"

says "a name that is taken" 1 "a channel of this name exists" mqctl channel create one
check "--if-missing is content with it" mqctl channel create one --if-missing --slots 64
equal "and changes nothing" "$(value one .slots)" 4096
says "a claim that is taken, with --if-missing" 1 "has one of these claims" \
	mqctl channel create four --if-missing --topics b/#

mqctl channel set two --topics 'x/#' --retained 9 --retained-bytes 8K
equal "set replaces claims and limits" \
	"$(value two '| "\(.topics | join(" ")) \(.retained_max) \(.retained_bytes_max)"')" \
	"two x/# 9 8192"
mqctl channel set two --no-topics
equal "set takes all claims away" "$(value two '.topics | join(" ")')" two

mqctl pub one 1
mqctl pub --retain one 2
equal "two records, one retained" "$(value one '| "\(.records) \(.retained)"')" "2 1"
mqctl channel purge one
equal "none after a purge, and sequences go on" \
	"$(value one '| "\(.records) \(.retained) \(.head)"')" "0 0 3"

check "several are deleted at once" mqctl channel delete one two
equal "their nodes are gone" "$(ls /dev/mq)" three
