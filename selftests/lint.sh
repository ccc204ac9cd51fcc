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
	! nm -D --defined-only build/clang/lib/libmq.so.0 |
		awk '$2 != "A" && $3 !~ /^libmq_/ { print $3 " is visible" }' |
		grep .
}

uapi_page() {
	tools/doc/uapi-rst.pl --check
}

# The description for syzkaller has every ioctl and every command of netlink.
syzkaller() {
	local name bad=0

	while read -r name; do
		if ! grep -qF "[$name]" selftests/fuzz/kernel/mq.txt; then
			echo "selftests/fuzz/kernel/mq.txt: $name is missing"
			bad=1
		fi
	done < <(sed -nE -e 's/^#define (MQ_IOC_[A-Z_]+)[[:space:]]+_IO.*/\1/p' \
		-e 's/^\t(MQ_CMD_[A-Z_]+),$/\1/p' uapi/linux/mq.h uapi/linux/mq_netlink.h |
		grep -v '^MQ_CMD_UNSPEC$')
	return "$bad"
}

run_checks kernel_style userspace_style sizes licences sparse_module \
	sparse_userspace clang_build exports shell_style uapi_page syzkaller
