#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# The examples, help, the man page and completion.

. "$(dirname "$0")/lib.sh"
plan 14

top=$(cd "$(dirname "$0")/../.." && pwd)
man=$top/Documentation/man/mqctl.8.rst

# ---- examples ----

channel_create bus --topics '#'
start subscriber mq-sub 'plant/+'
wait_filters 1
says "mq-pub publishes" 0 "1 receivers" mq-pub plant/temp 21.5 22
check "mq-sub prints" wait_for grep -qx 'plant/temp 22' "$work/subscriber"
equal "both messages, in order" "$(tr '\n' '|' <"$work/subscriber")" "plant/temp 21.5|plant/temp 22|"
says "mq-pub tells why not" 1 "" mq-pub "\$nobody/claims" x
check "the examples have fewer than 60 lines" \
	test "$(wc -l <"$top/tools/examples/pub.c")" -lt 60 -a \
	"$(wc -l <"$top/tools/examples/sub.c")" -lt 60

# ---- help ----

says "help" 0 "monitor" mqctl help
says "help of a noun" 0 "mqctl channel purge NAME" mqctl help channel
says "help of a verb" 0 "--retained-bytes SIZE" mqctl help channel create
says "--help of a verb" 0 "--retained-bytes SIZE" mqctl channel create --help
says "version" 0 "module loaded        yes" mqctl version
check "version as JSON" jq -e .module_loaded <<<"$(mqctl version --json)"

# Options that help knows and the man page does not.
undocumented()
{
	local noun

	for noun in "channel create" "channel set" pub sub monitor stats; do
		# shellcheck disable=SC2086 # two words
		mqctl help $noun | grep -o -e '--[a-z-]*'
	done | sort -u | while IFS= read -r option; do
		grep -q -e "$option" "$man" || echo "$option"
	done
}
equal "the man page has every option" "$(undocumented)" ""

# ---- completion ----

# complete WORD...: what bash would offer for the last word.
offers()
{
	local COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()

	_mqctl
	echo "${COMPREPLY[*]}"
}
# shellcheck source=/dev/null
. "$top/tools/mqctl/mqctl.bash"
equal "nouns, verbs, channels" \
	"$(offers mqctl ch) $(offers mqctl channel d) $(offers mqctl channel show b)" \
	"channel delete bus"
equal "options, values" \
	"$(offers mqctl channel create x --over) $(offers mqctl channel create x --overflow re)" \
	"--overflow reject"
