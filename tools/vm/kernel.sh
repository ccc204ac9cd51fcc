#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# Finds the kernels, and makes those that aren't in the cache.
#
#   stock    Debian's: the newest installed one that has image and headers
#   next     what Debian's backports have: image and headers, unpacked
#   debug    linux-source-6.1, built with machine.config and debug.config
#   newest   the same of the newest source in Debian's unstable suite
#   kcsan    linux-source-6.1, built with machine.config and kcsan.config
#
#   kernel.sh release KERNEL   its release
#   kernel.sh kdir KERNEL      what modules are built against
#   kernel.sh image KERNEL     what QEMU boots
#   kernel.sh root KERNEL      what its lib/modules is in; nothing for a built one
#   kernel.sh running          release of the running kernel if its headers are
#                              here, otherwise the same as stock
#   kernel.sh source           unpacked linux-source-6.1 (unpacks it at first use)
#   kernel.sh update           fetches next and newest again
#
# Each prints one line on stdout; progress goes to stderr. The cache is
# ${XDG_CACHE_HOME:-~/.cache}/mq. What is unpacked appears there by rename, and
# what is built counts only once .complete exists, so an interrupted run costs
# nothing but its time; a lock makes a second run wait instead of building too.
# What was fetched is kept until an update: no run depends on the network, or
# changes by it, once it worked.

set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mq
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die() {
	echo "kernel.sh: $*" >&2
	exit 1
}

# lock WHAT: one at a time makes it.
lock() {
	mkdir -p "$cache"
	exec 9>"$cache/lock-$1"
	if ! flock -n 9; then
		echo "waiting for another run that prepares $1..." >&2
		flock 9
	fi
}

unlock() {
	exec 9>&-
}

# --- installed ---

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

# unpack_source TARBALL DIR: both of one linux-source package. Holds the lock.
unpack_source() {
	[ -e "$1" ] || die "$1 is missing: run 'make setup'"
	echo "unpacking $(basename "$1") into $cache, once" >&2
	rm -rf "$2.unpack"
	mkdir "$2.unpack"
	tar -xJf "$1" -C "$2.unpack"
	mv "$2.unpack"/linux-source-* "$2"
	rmdir "$2.unpack"
}

source_dir() {
	local dir

	dir=$cache/linux-source-6.1_$(source_version)
	if [ ! -e "$dir/Makefile" ]; then
		lock source
		[ -e "$dir/Makefile" ] ||
			unpack_source /usr/src/linux-source-6.1.tar.xz "$dir"
		unlock
	fi
	echo "$dir"
}

# --- fetched from Debian's archive, not installed ---

codename() {
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "$VERSION_CODENAME")
}

# The mirror that this machine gets Debian from, as apt itself understands its
# lists of sources.
mirror() {
	apt-get --print-uris update 2>/dev/null |
		sed -n "s,^'\(.*\)/dists/$(codename)/.*,\1,p" | awk 'NR == 1'
}

# apt_open KERNEL SUITE: package lists of one suite in $fetch, apart from the
# machine's apt, which neither sees nor feels anything of it. Holds the lock.
apt_open() {
	local suite=$2 uri

	fetch=$cache/fetch-$1
	uri=$(mirror)
	[ -n "$uri" ] || die "apt has no Debian mirror to get $suite from"
	[ -e "$keyring" ] || die "$keyring is missing: it vouches for what is fetched"
	rm -rf "$fetch"
	mkdir -p "$fetch"/{lists/partial,cache/archives/partial,debs,tree}
	echo "deb [signed-by=$keyring] $uri $suite main" >"$fetch/sources.list"
	cat >"$fetch/apt.conf" <<-END
		#clear APT::Update;
		APT::Update::Error-Mode "any";
		APT::Sandbox::User "root";
		APT::Default-Release "";
		Acquire::Languages "none";
		Acquire::Retries "2";
		Dir::Etc::SourceList "$fetch/sources.list";
		Dir::Etc::SourceParts "-";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		Dir::State::Lists "$fetch/lists";
		Dir::State::Status "/dev/null";
		Dir::Cache "$fetch/cache";
	END
	apt-get -c "$fetch/apt.conf" -qq update >&2 ||
		die "no package lists of $suite from $uri: is there a network?"
}

# unpack_debs PACKAGE...: into $fetch/tree.
unpack_debs() {
	local deb

	echo "fetching $*, once" >&2
	(cd "$fetch/debs" && apt-get -c "$fetch/apt.conf" -qq download "$@") >&2 ||
		die "could not fetch $*"
	for deb in "$fetch"/debs/*.deb; do
		dpkg-deb -x "$deb" "$fetch/tree"
	done
}

depends() {
	apt-cache -c "$fetch/apt.conf" depends "$1" | sed -n 's/^ *Depends: *//p'
}

# keep DIR LINK: what was fetched gets its name, and the link finds it.
keep() {
	[ -e "$1" ] || mv "$fetch/tree" "$1"
	ln -sfn "$(basename "$1")" "$cache/$2"
	rm -rf "$fetch"
}

# Headers name each other by where they would be installed. Their vmlinux is for
# the type information of modules, which takes pahole to make.
fetch_next() {
	local suite release headers dir

	suite=$(codename)-backports
	apt_open next "$suite"
	release=$(depends linux-image-amd64 | sed -n 's/^linux-image-//p' | awk 'NR == 1')
	[ -n "$release" ] || die "$suite has no linux-image-amd64"
	dir=$cache/next-$release
	if [ ! -e "$dir" ]; then
		mapfile -t headers < <(depends "linux-headers-$release" |
			grep -E '^linux-(headers|kbuild|compiler)-')
		unpack_debs "linux-image-$release" "linux-headers-$release" \
			"${headers[@]}"
		sed -i "s,/usr/src/,$dir&,g" \
			"$fetch/tree/usr/src/linux-headers-$release/Makefile"
		rm -f "$fetch/tree/usr/src/linux-headers-$release/vmlinux"
		depmod -b "$fetch/tree" "$release"
	fi
	keep "$dir" next
}

fetch_newest() {
	local package version dir

	apt_open newest sid
	package=$(apt-cache -c "$fetch/apt.conf" pkgnames linux-source- |
		grep -xE 'linux-source-[0-9.]+' | sort -V | tail -n 1)
	[ -n "$package" ] || die "the unstable suite has no linux-source"
	version=$(apt-cache -c "$fetch/apt.conf" show "$package" |
		sed -n 's/^Version: //p' | awk 'NR == 1')
	dir=$cache/${package}_$version
	if [ ! -e "$dir" ]; then
		unpack_debs "$package"
		unpack_source "$fetch/tree/usr/src/$package.tar.xz" "$fetch/source"
		rm -rf "$fetch/tree"
		mv "$fetch/source" "$fetch/tree"
	fi
	keep "$dir" newest
}

# fetched LINK: the directory, fetched if there is none.
fetched() {
	if [ ! -e "$cache/$1" ]; then
		lock "$1"
		[ -e "$cache/$1" ] || "fetch_$1"
		unlock
	fi
	readlink -f "$cache/$1"
}

update() {
	local kernel

	for kernel in next newest; do
		lock "$kernel"
		"fetch_$kernel"
		unlock
	done
}

# --- built ---

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

# What a built kernel is made of. In the fragments a later line replaces an
# earlier one of the same option; "# CONFIG_X is not set" takes it out.
recipe() {
	local object kasan_flags=()

	fragments=("$here/machine.config")
	make_flags=()
	# What watches isn't watched itself: that would be slow, and never find
	# anything of ours.
	for object in lockdep unwind_frame extable stacktrace kmemleak debugobjects \
			smp_processor_id; do
		kasan_flags+=("KASAN_SANITIZE_$object.o=n")
	done
	case $1 in
	debug)
		source=$(source_dir)
		fragments+=("$here/debug.config")
		make_flags+=("${kasan_flags[@]}")
		;;
	newest)
		source=$(fetched newest)
		fragments+=("$here/debug.config" "$here/newest.config")
		make_flags+=("${kasan_flags[@]}")
		;;
	kcsan)
		source=$(source_dir)
		fragments+=("$here/kcsan.config")
		# The kernel itself isn't watched: its races are not ours, and
		# it would be several times slower. What orders mq's accesses
		# has to tell KCSAN so.
		make_flags+=(KCSAN_SANITIZE=n)
		for object in spinlock qspinlock mutex rwsem workqueue tree; do
			make_flags+=("KCSAN_INSTRUMENT_BARRIERS_$object.o=y")
		done
		;;
	*) die "there is no kernel '$1': stock, next, newest, debug, kcsan" ;;
	esac
}

options() {
	awk '
	/^CONFIG_/ { name = $0; sub(/=.*/, "", name); line[name] = $0 }
	/^# CONFIG_[A-Z0-9_]+ is not set$/ { delete line[$2] }
	END { for (name in line) print line[name] }' "${fragments[@]}" | sort
}

# An option that a dependency silently dropped would make the checks blind.
check_config() {
	local line missing=

	while read -r line; do
		grep -qxF -- "$line" "$1/.config" || missing+=" ${line%%=*}"
	done <"$1/fragment"
	[ -z "$missing" ] || die "not in force in $1:$missing"
}

# build NAME KEY DIR: of the recipe. Holds the lock.
build() {
	local name=$1 key=$2 dir=$3 log=$3/build.log pid

	mkdir -p "$dir"
	{
		options
		echo "CONFIG_LOCALVERSION=\"-mq-$name-$key\""
	} >"$dir/fragment"
	echo "building the $name kernel in $dir: about 6-10 minutes, once" >&2
	(
		exec >"$log" 2>&1 9>&-
		unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES
		cd "$source"
		export KCONFIG_ALLCONFIG="$dir/fragment"
		nice make O="$dir" "${make_flags[@]}" allnoconfig
		check_config "$dir"
		nice make O="$dir" "${make_flags[@]}" -j"$(nproc)" bzImage modules
	) &
	pid=$!
	trap 'kill "$pid" 2>/dev/null; wait "$pid"; exit 130' INT TERM
	show_progress "$log" "$pid"
	trap - INT TERM
	if ! wait "$pid"; then
		tail -n 20 "$log" >&2
		die "the $name kernel did not build; all output: $log"
	fi
	touch "$dir/.complete"
}

# built NAME: its directory, by everything that decides what the kernel is like.
built() {
	local source fragments make_flags key dir

	recipe "$1"
	key=$({
		printf '%s' "${source##*_}"
		gcc -dumpfullversion
		options
		printf '%s' "${make_flags[@]}"
	} | sha256sum | cut -c1-10)
	dir=$cache/$1-$key
	if [ ! -e "$dir/.complete" ]; then
		lock "$1"
		[ -e "$dir/.complete" ] || build "$1" "$key" "$dir"
		unlock
	fi
	echo "$dir"
}

# describe KERNEL: sets release, kdir, image and root.
describe() {
	local dir

	root=
	case $1 in
	stock)
		release=$(stock_release)
		kdir=/lib/modules/$release/build
		image=/boot/vmlinuz-$release
		root=/
		;;
	next)
		root=$(fetched next)
		release=${root##*/next-}
		kdir=$root/usr/src/linux-headers-$release
		image=$root/boot/vmlinuz-$release
		;;
	*)
		kdir=$(built "$1")
		release=$(<"$kdir/include/config/kernel.release")
		image=$kdir/arch/x86/boot/bzImage
		;;
	esac
}

case ${1:-} in
release | kdir | image | root)
	describe "${2:-}"
	echo "${!1}"
	;;
running) running_release ;;
source) source_dir ;;
update) update ;;
*) die "usage: kernel.sh release|kdir|image|root KERNEL, or running|source|update" ;;
esac
