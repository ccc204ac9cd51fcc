#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mqctl channel: create, list, show, set, purge, delete.

. "$(dirname "$0")/lib.sh"
plan 33

# show NAME: its JSON in $json.
show()
{
	json=$(mqctl channel show "$1" --json)
}

# of KEY...: members of $json.
of()
{
	local key all=''

	for key; do
		all+=" $(member "$json" "$key")"
	done
	echo "${all# }"
}

check "an empty list is no failure" mqctl channel list
equal "an empty list is valid JSON" "$(mqctl channel list --json)" '{"channels":[]}'

channel_create one
check "the node is there" test -c /dev/mq/one
equal "it belongs to root alone" "$(stat -c '%U:%G %a' /dev/mq/one)" "root:root 600"
show one
check "show is valid JSON" jq -e . <<<"$json"
equal "--json may stand in front" "$(mqctl --json channel show one)" "$json"
equal "sizes by default" "$(of slots bytes max_record)" "4096 4194304 65536"
equal "limits of retained values by default" "$(of retained_max retained_bytes_max)" "65536 16777216"
equal "policy and first sequence by default" "$(of overflow first)" "drop-oldest 1"
equal "it claims its name" "$(of topics)" '["one"]'

channel_create two --slots 64 --bytes 64K --max-record 16K --overflow reject \
	--owner daemon:games --mode 0640 --first 1000 --retained 7 \
	--retained-bytes 4K --topics 'a/+,b/#' -t c
show two
equal "sizes as given" "$(of slots bytes max_record)" "64 65536 16384"
equal "policy and first sequence as given" "$(of overflow first)" "reject 1000"
equal "owner and mode as given" "$(stat -c '%U:%G %a' /dev/mq/two)" "daemon:games 640"
equal "owner and mode are shown" "$(of owner group mode)" "daemon games 0640"
equal "limits of retained values as given" "$(of retained_max retained_bytes_max)" "7 4096"
equal "claims of two options, one with a comma" "$(of topics)" '["two","a/+","b/#","c"]'
chown nobody /dev/mq/two
show two
equal "the present owner is shown" "$(of owner)" nobody

channel_create three --group games
equal "a group may read and write" "$(stat -c '%U:%G %a' /dev/mq/three)" "root:games 660"

list=$(mqctl channel list --json)
equal "list has them all" "$(jq -r '[.channels[].name] | sort | join(" ")' <<<"$list")" \
	"one three two"
check "list has what show has" test "${list/"${json:13:-2}"/}" != "$list"
table=$(mqctl channel list)
equal "the table has a title and a line for each" "$(wc -l <<<"$table")" 4
check "the table tells claims" test "${table/two,a\/+,b\/#,c/}" != "$table"
says "show takes several names" 0 "Name                 three" mqctl channel show two three

says "a name that is taken" 1 "a channel of this name exists" mqctl channel create one
check "--if-missing is content with it" mqctl channel create one --if-missing --slots 64
show one
equal "and changes nothing" "$(of slots)" 4096
says "a claim that is taken, with --if-missing" 1 "has one of these claims" \
	mqctl channel create four --if-missing --topics b/#

mqctl channel set two --topics 'x/#' --retained 9 --retained-bytes 8K
show two
equal "set replaces claims and limits" "$(of topics retained_max retained_bytes_max)" \
	'["two","x/#"] 9 8192'
mqctl channel set two --no-topics
show two
equal "set takes all claims away" "$(of topics)" '["two"]'

mqctl pub one 1
mqctl pub --retain one 2
show one
equal "two records, one retained" "$(of records retained)" "2 1"
mqctl channel purge one
show one
equal "none after a purge, and sequences go on" "$(of records retained head)" "0 0 3"

check "several are deleted at once" mqctl channel delete one two
equal "their nodes are gone" "$(ls /dev/mq)" three
