#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# Permissions: what another user may do, and what it is told.

. "$(dirname "$0")/lib.sh"
plan 22

# As a user without any privilege, in no group but its own and what is given.
as_user()
{
	setpriv --reuid nobody --regid nogroup --clear-groups -- "$@"
}

as_member()
{
	setpriv --reuid nobody --regid nogroup --groups games -- "$@"
}

channel_create closed --topics 'closed/#'
says "create" 1 "this needs root" as_user mqctl channel create x
says "delete" 1 "this needs root" as_user mqctl channel delete closed
says "set" 1 "this needs root" as_user mqctl channel set closed --no-topics
says "purge" 1 "this needs root" as_user mqctl channel purge closed
says "monitor" 1 "this needs root" as_user mqctl monitor
says "pub to the channel" 1 "belongs to root:root with mode 0600" \
	as_user mqctl pub --channel closed closed/x 1
says "pub to the bus" 1 "/dev/mq/closed" as_user mqctl pub closed/x 1
says "sub on the channel" 1 "chgrp and chmod" as_user mqctl sub --channel closed 'closed/#'
says "sub on the bus" 27 "'closed' is closed to you" as_user mqctl sub -W 0.2 'closed/#'
says "list shows the name" 0 "closed" as_user mqctl channel list
json=$(as_user mqctl channel list --json)
equal "and hides the rest" "$(member "$json" mode) $(member "$json" slots) $(member "$json" topics)" \
	'0600 null null'
says "show of what is not there" 1 "did you mean 'closed'" as_user mqctl channel show closd

chmod 0644 /dev/mq/closed
json=$(as_user mqctl channel list --json)
equal "who may read the node sees all but the memory" \
	"$(member "$json" slots) $(member "$json" topics) $(member "$json" memory)" \
	'4096 ["closed","closed/#"] null'
mqctl pub -r closed/x 1
equal "and reads messages" "$(as_user mqctl sub -C 1 closed/x)" 1
says "but publishes none" 1 "mode 0644" as_user mqctl pub closed/x 2
says "stats shows channels, and what it cannot" 1 "this needs root" as_user mqctl stats
equal "its JSON is whole" "$(as_user mqctl stats --json 2>/dev/null | jq -c '[.channels[0].name, .subscriptions]')" \
	'["closed",[]]'

channel_create group --group games --topics 'group/#' --overflow reject
says "not a member" 1 "root:games with mode 0660" as_user mqctl pub --channel group group/x 1
check "a member publishes" as_member mqctl pub group/x 1
equal "a member reads" "$(as_member mqctl sub --channel group --from oldest -C 1 group/x)" 1
equal "a member may hold: it may write" \
	"$(as_member mqctl sub --hold --channel group --from oldest -C 1 group/x)" 1
chmod 0640 /dev/mq/group
says "who may only read may not hold" 1 "writing as well as reading" \
	as_member mqctl sub --hold --channel group 'group/#'
