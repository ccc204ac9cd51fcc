#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# What can be said about the sources without running them: one TAP line per kind
# of check. Nothing is silenced in a source file; rules that make no sense for
# a folder are named here.

set -uo pipefail

. "$(dirname "$0")/lint-lib.sh"
cd "$(dirname "$0")/.." || exit 1
source=$(tools/vm/kernel.sh source) || exit 1
mapfile -t c_files < <(find module uapi tools selftests -name '*.[ch]' | sort)
mapfile -t shell_files < <({
	find tools selftests module .ci -name '*.sh' -o -path '.ci/run'
	printf '%s\n' tools/vm/run tools/vm/init tools/vm/splats
} | sort)

checkpatch() {
	perl "$source/scripts/checkpatch.pl" --no-tree --strict -q --terse \
		--show-types --no-summary -f "$@"
}

kernel_style() {
	checkpatch module/*.[ch] uapi/linux/*.h
}

# Outside the kernel: the C library's types and attributes, whole sentences in one
# string, PRIu64, errno values without the kernel's meaning.
userspace_style() {
	local rules=PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,VOLATILE

	rules+=,ARRAY_SIZE,BIT_MACRO,PREFER_FALLTHROUGH,EMBEDDED_FUNCTION_NAME
	rules+=,SPLIT_STRING,LONG_LINE_STRING,CAMELCASE,ENOSYS
	# shellcheck disable=SC2046
	checkpatch --ignore "$rules" $(printf '%s\n' "${c_files[@]}" |
		grep -E '^(tools|selftests)/')
}

# Files of at most 800 lines, functions of at most 100.
sizes() {
	awk '
	FNR == 1 { begin = 0 }
	FNR == 801 { print FILENAME ": more than 800 lines"; bad = 1 }
	/^[{]/ { begin = FNR }
	/^[}]/ {
		if (begin && FNR - begin > 100) {
			print FILENAME ":" begin ": function of " \
				FNR - begin " lines"
			bad = 1
		}
		begin = 0
	}
	END { exit bad }' "${c_files[@]}"
}

licences() {
	local file bad=0

	while read -r file; do
		case $file in
		LICENSES/* | */corpus_* | */kernel/corpus/*) continue ;;
		esac
		if ! head -n 5 "$file" | grep -q 'SPDX-License-Identifier: '; then
			echo "$file: no SPDX line"
			bad=1
		fi
	done < <(git ls-files --cached --others --exclude-standard)
	return "$bad"
}

sparse_module() {
	local release output

	release=$(tools/vm/kernel.sh release stock) || return
	make -s module KERNEL=stock >/dev/null || return
	output=$(flock "build/$release/.lock" make -s \
		-C "/lib/modules/$release/build" M="$PWD/build/$release" \
		W=1 C=2 CHECK=sparse modules 2>&1) || {
		echo "$output"
		return 1
	}
	! grep -E '(warning|error): ' <<<"$output"
}

# Only what sparse says of our lines: it finds much in system headers.
sparse_userspace() {
	local file folder

	for file in tools/{lib,common,mqctl,mqttd,respd,examples,demo}/*.c; do
		folder=${file%/*}
		sparse -std=gnu11 -D_GNU_SOURCE -Wno-non-pointer-null \
			-Iuapi "-I$folder" -Itools/common -Itools/lib "$file" 2>&1
	done >build/sparse.out
	! grep -E '^(tools|uapi)/[^ ]*: (warning|error): ' build/sparse.out
}

clang_build() {
	local output

	output=$(make -s -f tools/Makefile BUILD=build/clang CC=clang \
		all tests 2>&1) && return
	grep -vE '^  (CC|LD|TEST) ' <<<"$output"
	return 1
}

shell_style() {
	shellcheck -x -P SCRIPTDIR -S warning "${shell_files[@]}"
}

# Shared objects don't show what they need not.
exports() {
	local symbols

	symbols=$(nm -D --defined-only build/clang/lib/libmq.so.0) || return
	grep -q ' libmq_' <<<"$symbols" || {
		echo "libmq.so.0 shows nothing of libmq"
		return 1
	}
	! awk '$2 != "A" && $3 !~ /^libmq_/ { print $3 " is visible" }' <<<"$symbols" |
		grep .
}

# Users must not be able to fill the kernel's log: pr_debug() is as loud as it gets.
# What warns of a bug of the module may.
quiet() {
	local levels='emerg|alert|crit|err|warn|warning|notice|info|cont'

	! grep -nE "\\b(_?printk|dump_stack|print_hex_dump|(pr|dev|netdev|net)_($levels))[a-z_]*[(]" \
		module/*.[ch]
}

uapi_page() {
	tools/doc/uapi-rst.pl --check
}

syzkaller=selftests/fuzz/kernel/mq.txt

# described WHAT PATTERN: fails if a name on standard input is not what the parentheses
# of the pattern find in the description for syzkaller.
described() {
	! comm -23 <(sort -u) <(sed -nE "s/$2/\\1/p" "$syzkaller" | sort -u) |
		sed "s,.*,$syzkaller: the $1 & is missing," | grep .
}

# Every ioctl, command of io_uring, command of netlink, and attribute of one.
syzkaller_calls() {
	local bad=0

	sed -nE 's/^#define (MQ_IOC_[A-Z_]+)[[:space:]]+_IO.*/\1/p' uapi/linux/mq.h |
		described ioctl '^ioctl[$]MQ_[A-Za-z_]+[(].* cmd const[[]([A-Z_]+)[]].*' || bad=1
	sed -n '/^ [*] struct mq_uring - /,/^ [*][/]/p' uapi/linux/mq.h |
		sed -n '/cmd_op =/,/uring_cmd_flags/p' | grep -oE 'MQ_IOC_[A-Z_]+' |
		described 'command of io_uring' \
			'^syz_io_uring_submit.*, (MQ_IOC_[A-Z_]+), mq_[a-z_]+[]][]][)]$' || bad=1
	sed -nE 's/^\t(MQ_CMD_[A-Z_]+),$/\1/p' uapi/linux/mq_netlink.h |
		grep -v '^MQ_CMD_UNSPEC$' |
		described 'command of netlink' '^sendmsg.*[[](MQ_CMD_[A-Z_]+)[]].*' || bad=1
	sed -n '/@MQ_CMD_CHANNEL_CREATE:/,/@MQ_CMD_EVENT:/{/@MQ_CMD_EVENT:/d;p}' \
		uapi/linux/mq_netlink.h | grep -oE 'MQ_A_[A-Z_]+' |
		described attribute '^\t(MQ_A_[A-Z_]+)[[:space:]]+nlattr[[]MQ_A_.*' || bad=1
	return "$bad"
}

# "STRUCT FIELD BITS COUNT" for what ioctls and commands of io_uring take.
uapi_fields() {
	gcc -E -P -Iuapi -include linux/mq.h -x c /dev/null | awk '
	BEGIN {
		while ((getline line <"uapi/linux/mq.h") > 0)
			if (line ~ /^#define MQ_IOC_/ && match(line, /mq_[a-z_]+[)]$/))
				taken[substr(line, RSTART, RLENGTH - 1)] = 1
		taken["mq_uring"] = 1
	}
	/^struct mq_[a-z_]+ [{]$/ { name = $2 }
	/^}/ { name = "" }
	name in taken && match($0, /^ (__[us][0-9]+|char) /) {
		bits = $1 == "char" ? 8 : substr($1, 4)
		sub(/^ [^ ]+ /, "")
		count = split($0, part, /[][+;]/) > 2 ? part[2] + part[3] : 1
		print name, part[1], bits, count
	}' | sort -s -k1,1
}

described_fields() {
	awk '
	/^(type )?mq_[a-z_]+([[].*)? [{]$/ { name = $1 == "type" ? $2 : $1; sub(/[[].*/, "", name) }
	/^}/ { name = "" }
	name && name != "mq_sqe" && /^\t/ {
		field = $1
		sub(/^\t[^\t]+\t+/, "")
		count = 1
		bits = 64
		if (/^array/ && match($0, /, [0-9]+[]]/))
			count = substr($0, RSTART + 2, RLENGTH - 3)
		if (!/^(ptr64|mq_sequence|mq_publisher_id)/ && match($0, /int(8|16|32|64)/))
			bits = substr($0, RSTART + 3, RLENGTH - 3)
		print name, field, bits, count
	}' "$syzkaller" | sort -s -k1,1
}

# Each structure has the same fields, as wide and as often, in the same order.
syzkaller_structures() {
	[ "$(uapi_fields | wc -l)" -gt 100 ] && diff <(uapi_fields) <(described_fields)
}

# Every flag and value that goes in, and nothing that is not in the headers.
syzkaller_names() {
	local bad=0 names

	names=$(sed 's/^#.*//' "$syzkaller" | grep -owE 'MQ_[A-Z_]+' | sort -u)
	{
		sed -nE 's/^#define (MQ_[A-Z_]+)[[:space:]]+0x[0-9a-f]+(ULL)?([[:space:]].*)?$/\1/p' \
			uapi/linux/mq.h uapi/linux/mq_ring.h |
			grep -vE '_MAGIC$|^MQ_RESYNC_AT_MOST$|^MQ_RECORD_WILL$'
		sed -n '/^enum mq_\(overflow\|hold\|start\) {/,/^}/p' uapi/linux/mq.h |
			grep -owE 'MQ_[A-Z_]+'
	} | sort -u | comm -23 - <(echo "$names") | sed "s,$, is not in $syzkaller," |
		grep . && bad=1
	comm -13 <(grep -ohwE 'MQ_[A-Z_]+' uapi/linux/*.h | sort -u) <(echo "$names") |
		sed 's,$, is not in uapi/linux,' | grep . && bad=1
	return "$bad"
}

run_checks kernel_style userspace_style sizes licences sparse_module \
	sparse_userspace clang_build exports quiet shell_style uapi_page syzkaller_calls \
	syzkaller_structures syzkaller_names
