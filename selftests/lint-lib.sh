# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# What lint.sh and lint-deep.sh share.

# run_checks NAME...: one TAP line for each of these functions; fails if one does.
run_checks() {
	local name number=0 start output failed=0

	mkdir -p build
	echo "TAP version 13"
	echo "1..$#"
	for name; do
		number=$((number + 1))
		start=$SECONDS
		if output=$("$name" 2>&1); then
			echo "ok $number - $name ($((SECONDS - start)) s)"
		else
			echo "not ok $number - $name"
			head -n 80 <<<"$output" | sed 's/^/# /'
			failed=1
		fi
	done
	return "$failed"
}
