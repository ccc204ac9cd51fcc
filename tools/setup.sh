#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# Installs the Debian packages that building and testing need and that are
# missing. Quick and silent when none is. With "deep" those of make lint-deep, too.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
packages=(
	# building
	gcc make pkg-config libc6-dev liburing-dev libmnl-dev libbpf-dev bpftool
	linux-headers-amd64 kmod
	# the debug kernel
	linux-source-6.1 bc flex bison libelf-dev libssl-dev xz-utils perl
	# the test machine
	qemu-system-x86 busybox-static linux-image-amd64 cpio gzip util-linux
	procps iproute2
	# checks
	clang libclang-rt-14-dev sparse shellcheck spin jq
	# manual pages
	python3-docutils
	# other people's clients, and brokers to compare with
	mosquitto mosquitto-clients redis-server redis-tools
	libmosquitto-dev libhiredis-dev
)
[ "${1:-}" != deep ] || packages+=(coccinelle clang-tidy)

# Installed for their programs: their services shall not run here.
services=(mosquitto redis-server)

die() {
	echo "setup: $*" >&2
	exit 1
}

# Without systemd, run level 1 keeps invoke-rc.d from starting a service. With
# it, a unit masked while its package is installed isn't started either, and is
# disabled afterwards. A service that was here before is left alone.
apt_install() {
	local masked=() service

	if [ -d /run/systemd/system ]; then
		for service in "${services[@]}"; do
			if [[ " ${missing[*]} " == *" $service "* ]]; then
				masked+=("$service.service")
			fi
		done
	fi
	((${#masked[@]} == 0)) ||
		"${sudo[@]}" systemctl -q mask --runtime "${masked[@]}"
	local status=0
	"${sudo[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
		apt-get -o DPkg::Lock::Timeout=600 install -y -q \
		--no-install-recommends "${missing[@]}" || status=$?
	if ((${#masked[@]} > 0)); then
		"${sudo[@]}" systemctl -q unmask --runtime "${masked[@]}"
		"${sudo[@]}" systemctl -q disable "${masked[@]}" || :
	fi
	return "$status"
}

find_missing() {
	local installed package

	missing=()
	installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' \
		"${packages[@]}" 2>/dev/null | sed -n 's/^.i. *//p') || :
	for package in "${packages[@]}"; do
		grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
	done
	# Image and headers may both be there and yet not fit together.
	if ((${#missing[@]} == 0)) && ! "$here/vm/kernel.sh" stock \
		>/dev/null 2>&1; then
		missing=(linux-image-amd64 linux-headers-amd64)
	fi
}

command -v dpkg-query >/dev/null ||
	die "this is not Debian; the packages needed are: ${packages[*]}"
find_missing
((${#missing[@]} > 0)) || exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null ||
		die "not root and no sudo; please install: ${missing[*]}"
	sudo=(sudo)
fi

echo "setup: installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Package lists may be absent or stale: fetched only when that shows.
if ! apt_install >"$log" 2>&1 && ! {
	"${sudo[@]}" apt-get -q update && apt_install
} >>"$log" 2>&1; then
	tail -n 30 "$log" >&2
	die "apt-get could not install what is missing (see above)"
fi
find_missing
((${#missing[@]} == 0)) || die "still missing: ${missing[*]}"
