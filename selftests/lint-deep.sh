#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# What takes minutes to say about the sources: the kernel's own coccinelle scripts
# and clang-tidy, on the module. One TAP line each; make lint-deep, and part of make check-all.

set -uo pipefail

. "$(dirname "$0")/lint-lib.sh"
cd "$(dirname "$0")/.." || exit 1
source=$(tools/vm/kernel.sh source) || exit 1

# One script of the kernel on the whole module.
cocci_one() {
	spatch -D report --very-quiet --no-show-diff --no-includes --timeout 120 \
		--cocci-file "$1" module/*.c module/*.h 2>/dev/null |
		grep -E '^module/.*:[0-9]+' | sed "s,\$,  [$(basename "$1")],"
}
export -f cocci_one

# Those of tests/ are no rules but exercises.
coccinelle() {
	local found

	found=$(find "$source/scripts/coccinelle" -name '*.cocci' ! -path '*/tests/*' |
		sort | xargs -P "$(nproc)" -I{} bash -c 'cocci_one {}')
	[ -z "$found" ] || { echo "$found" && return 1; }
}

# The options of the compiler that Kbuild used, less what clang doesn't know.
module_options() {
	local release=$1

	sed -n 's/^cmd_.*ring\.o := //p' "build/$release/.ring.o.cmd" |
		grep -oE -- "(-nostdinc|-(I|D|std=)[^ ]*|-mcmodel=kernel|-mno-(sse|mmx|sse2|3dnow|avx|80387|red-zone)|-fno-[a-z-]+|-fshort-wchar|-m64)" |
		grep -vE 'conserve|allow-store|jump-tables|ipa|var-tracking|modulo|stack-clash|delete-null|asynchronous|KBUILD_(BASENAME|MODNAME)|__KBUILD'
}

tidy_checks='-*,clang-analyzer-*,bugprone-*,linuxkernel-*'
tidy_checks+=',-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier'
tidy_checks+=',-bugprone-macro-parentheses,-bugprone-branch-clone'
tidy_checks+=',-bugprone-narrowing-conversions,-bugprone-assignment-in-if-condition'
tidy_checks+=',-bugprone-implicit-widening-of-multiplication-result'
tidy_checks+=',-bugprone-suspicious-include,-bugprone-sizeof-expression'
tidy_checks+=',-bugprone-suspicious-string-compare'
tidy_checks+=',-bugprone-posix-return,-bugprone-not-null-terminated-result'
tidy_checks+=',-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling'

clang_tidy() {
	local release headers

	release=$(tools/vm/kernel.sh release stock) || return
	make -s module KERNEL=stock >/dev/null || return
	headers=/lib/modules/$release/build
	mapfile -t options < <(module_options "$release")
	# linux/compiler-version.h and friends come by -include FILE.
	mapfile -t includes < <(grep -oE -- '-include [^ ]+' "build/$release/.ring.o.cmd" |
		awk '{ print "-include"; print $2 }')
	(cd "$headers" && find "$OLDPWD/module" -name '*.c' ! -name '*_kunit.c' -print0 |
		xargs -0 -P "$(nproc)" -I{} clang-tidy --quiet \
			--checks="$tidy_checks" {} -- -DMODULE '-DKBUILD_MODNAME="mq"' \
			'-DKBUILD_BASENAME="mq"' -D__KBUILD_MODNAME=kmod_mq -w \
			"${options[@]}" "${includes[@]}") >build/tidy-module 2>&1
	# Of our own lines only.
	! grep -E '/(module|uapi)/[^ ]*: (warning|error): ' build/tidy-module | sort -u
}

run_checks coccinelle clang_tidy
