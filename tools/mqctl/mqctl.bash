# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# Bash completion of mqctl. Nouns, verbs and options come from its own help.

_mqctl_channels()
{
	local node

	for node in /dev/mq/*; do
		[ -e "$node" ] && echo "${node##*/}"
	done
}

# The first words of the indented lines of a help page; $1 words to skip there.
_mqctl_words()
{
	local skip=$1
	shift

	mqctl help "$@" 2>/dev/null |
		awk -v n="$((skip + 1))" '/^  [a-z]/ { print $n }'
}

_mqctl_options()
{
	mqctl help "$@" 2>/dev/null | grep -o -e ' --[a-z-]*'
}

_mqctl()
{
	local current=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD - 1]}
	local noun=${COMP_WORDS[1]} verb=
	local words=

	[ "$noun" = channel ] && verb=${COMP_WORDS[2]}
	COMPREPLY=()
	case $COMP_CWORD/$noun/$previous in
	1/*)
		words=$(_mqctl_words 0) ;;
	2/channel/*)
		words=$(_mqctl_words 2 channel) ;;
	2/help/*)
		words=$(_mqctl_words 0) ;;
	3/help/channel)
		words=$(_mqctl_words 2 channel) ;;
	*/--overflow)
		words="drop-oldest reject block" ;;
	*/channel/--hold)
		words="writers readers" ;;
	*/--from)
		words=oldest ;;
	*/--channel)
		words=$(_mqctl_channels) ;;
	*/--owner)
		words=$(compgen -u) ;;
	*/--group)
		words=$(compgen -g) ;;
	*/--file | */-f)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return ;;
	*)
		if [[ $current == -* ]]; then
			# shellcheck disable=SC2086 # an empty verb is no word
			words=$(_mqctl_options "$noun" $verb)
		elif [[ $noun == stats || ($noun == channel && $verb != create) ]]; then
			words=$(_mqctl_channels)
		fi ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _mqctl mqctl
