#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# The test machine tells the truth: what a command prints and returns, and what
# must not pass for success. Runs outside of it.

cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export MQ_OUT=$work/out TMPDIR=$work/tmp
mkdir "$TMPDIR"
number=0 failures=0

# is NAME GOT WANTED
is() {
	number=$((number + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		printf '# got: %s\n# wanted: %s\n' "$2" "$3"
		sed 's/^/# /' "$work/stderr"
		failures=$((failures + 1))
	fi
}

# machine OPTION... -- COMMAND...: leaves status, and stdout and stderr in files.
machine() {
	tools/vm/run --no-module "$@" >"$work/stdout" 2>"$work/stderr"
	status=$?
}

said() {
	grep -q -- "$1" "$work/stderr" && echo said
}

echo "TAP version 13"
echo "1..14"

# shellcheck disable=SC2016
MQ_GIVEN='a b' machine -- sh -c \
	'printf "%s|" "$PWD" "$1" "$MQ_GIVEN"; echo x >"$MQ_OUT/file"; exit 3' - 'q "r'
is "the exit status is the command's" "$status" 3
is "directory, arguments and environment arrive" "$(<"$work/stdout")" \
	"$PWD|q \"r|a b|"
is "MQ_OUT is writable" "$(<"$MQ_OUT/file")" x

machine -- dd if=/bin/busybox bs=64k status=none
is "output arrives byte for byte" \
	"$(sha256sum <"$work/stdout")" "$(sha256sum </bin/busybox)"
is "success is 0" "$status" 0

machine -- sh -c 'echo "BUG: not a real one" >/dev/kmsg'
is "a bug in the kernel's log fails a run that succeeded" "$status" 125
is "and is shown" "$(said 'BUG: not a real one')" said

machine -- sh -c 'echo c >/proc/sysrq-trigger'
is "a machine that dies fails the run" "$status" 125
is "and its last words are shown" "$(said 'Kernel panic')" said

machine --timeout 12 -- sleep 1000
is "a machine that does not end is killed" "$status" 124
is "and that is said" "$(said 'killed after 12 seconds')" said

env --default-signal=INT tools/vm/run --no-module -- \
	sh -c 'echo started; sleep 1000' >"$work/stdout" 2>"$work/stderr" &
run=$!
until [ -s "$work/stdout" ] || ! kill -0 "$run" 2>/dev/null; do
	read -rt 0.1 <> <(:) || :
done
machine_pid=$(pgrep -P "$run" qemu)
kill -INT "$run"
wait "$run"
is "Ctrl-C ends a run" $? 130
is "and its machine" "$(kill -0 "${machine_pid:-1}" 2>&1 | grep -o 'No such')" \
	"No such"
is "and leaves no files" "$(ls "$TMPDIR")" ""
exit $((failures > 0))
