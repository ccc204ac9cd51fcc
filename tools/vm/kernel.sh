#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# Finds kernels, and makes the debug kernel when it isn't in the cache.
#
#   kernel.sh stock          release of the newest Debian kernel here that has
#                            both image and headers
#   kernel.sh running        release of the running kernel if its headers are here,
#                            otherwise the same as stock
#   kernel.sh source         unpacked linux-source-6.1 (unpacks it at first use)
#   kernel.sh debug          build directory of the debug kernel (builds it)
#   kernel.sh debug-release  its release, without building
#
# Each prints one line on stdout; progress goes to stderr. The cache is
# ${XDG_CACHE_HOME:-~/.cache}/mq. A source tree appears there by rename and a
# kernel counts only once .complete exists, so an interrupted run costs nothing
# but its time; a lock makes a second run wait instead of building too.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mq
tarball=/usr/src/linux-source-6.1.tar.xz
fragment=$here/debug.config

die() {
	echo "kernel.sh: $*" >&2
	exit 1
}

stock_release() {
	local image release newest=

	for image in $(printf '%s\n' /boot/vmlinuz-*-amd64 | sort -V); do
		release=${image#/boot/vmlinuz-}
		case $release in
		*-rt-* | *-cloud-*) continue ;;
		esac
		[ -e "$image" ] && [ -e "/lib/modules/$release/build/Makefile" ] &&
			newest=$release
	done
	[ -n "$newest" ] ||
		die "no Debian kernel with headers is installed: run 'make setup'"
	echo "$newest"
}

running_release() {
	if [ -e "/lib/modules/$(uname -r)/build/Makefile" ]; then
		uname -r
	else
		stock_release
	fi
}

source_version() {
	dpkg-query -W -f '${Version}' linux-source-6.1 2>/dev/null ||
		die "linux-source-6.1 is not installed: run 'make setup'"
}

# Everything that decides what the built kernel is like.
debug_key() {
	{
		source_version
		gcc -dumpfullversion
		grep '^CONFIG_' "$fragment" | LC_ALL=C sort
	} | sha256sum | cut -c1-10
}

with_lock() {
	mkdir -p "$cache"
	exec 9>"$cache/lock"
	if ! flock -n 9; then
		echo "waiting for another run that prepares the kernel..." >&2
		flock 9
	fi
}

source_dir() {
	local version dir

	version=$(source_version)
	dir=$cache/linux-source-6.1_$version
	if [ ! -e "$dir/Makefile" ]; then
		with_lock
	fi
	if [ ! -e "$dir/Makefile" ]; then
		[ -e "$tarball" ] || die "$tarball is missing: run 'make setup'"
		echo "unpacking $(basename "$tarball") into $cache, once" >&2
		rm -rf "$cache/unpack"
		mkdir "$cache/unpack"
		tar -xJf "$tarball" -C "$cache/unpack"
		mv "$cache/unpack/linux-source-6.1" "$dir"
		rmdir "$cache/unpack"
	fi
	exec 9>&-
	echo "$dir"
}

# A counter of compiled files every few seconds, so that six quiet minutes
# don't look like a hang.
show_progress() {
	local log=$1 pid=$2 start=$SECONDS

	while kill -0 "$pid" 2>/dev/null; do
		sleep 2
		if [ -t 2 ]; then
			printf '\r  %d files, %d s ' \
				"$(grep -c '^  [A-Z]' "$log" || :)" \
				$((SECONDS - start)) >&2
		elif (((SECONDS - start) % 60 < 2)); then
			printf '  %d files, %d s\n' \
				"$(grep -c '^  [A-Z]' "$log" || :)" \
				$((SECONDS - start)) >&2
		fi
	done
	[ ! -t 2 ] || echo >&2
}

debug_dir() {
	local key dir source log pid

	key=$(debug_key)
	dir=$cache/debug-$key
	if [ -e "$dir/.complete" ]; then
		echo "$dir"
		return
	fi
	source=$(source_dir)
	with_lock
	if [ -e "$dir/.complete" ]; then
		echo "$dir"
		return
	fi

	mkdir -p "$dir"
	log=$dir/build.log
	cp "$fragment" "$dir/fragment"
	echo "CONFIG_LOCALVERSION=\"-mq-debug-$key\"" >>"$dir/fragment"
	echo "building the debug kernel in $dir: about 6-10 minutes, once" >&2
	(
		exec >"$log" 2>&1 9>&-
		unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES
		cd "$source"
		export KCONFIG_ALLCONFIG="$dir/fragment"
		nice make O="$dir" allnoconfig
		nice make O="$dir" -j"$(nproc)" bzImage modules
	) &
	pid=$!
	trap 'kill "$pid" 2>/dev/null; wait "$pid"; exit 130' INT TERM
	show_progress "$log" "$pid"
	trap - INT TERM
	if ! wait "$pid"; then
		tail -n 20 "$log" >&2
		die "the debug kernel did not build; all output: $log"
	fi
	check_config "$dir"
	touch "$dir/.complete"
	exec 9>&-
	echo "$dir"
}

# An option that a dependency silently dropped would make the checks blind.
check_config() {
	local line missing=

	while read -r line; do
		case $line in
		CONFIG_*) grep -qxF -- "$line" "$1/.config" || missing+=" ${line%%=*}" ;;
		esac
	done <"$1/fragment"
	[ -z "$missing" ] || die "not in force in the debug kernel:$missing"
}

case ${1:-} in
stock) stock_release ;;
running) running_release ;;
source) source_dir ;;
debug) debug_dir ;;
debug-release)
	version=$(source_version)
	echo "${version%%-*}-mq-debug-$(debug_key)"
	;;
*) die "usage: kernel.sh stock|running|source|debug|debug-release" ;;
esac
