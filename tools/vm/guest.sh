#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# guest.sh TOP: process 1 of the test machine after the initramfs. Gives the
# command what a small Debian would have, runs it, leaves its exit status and
# the kernel's log in the control share, and ends the machine.
#
# /run/mq-vm, the control share of one run (made by run):
#   settings  shell variables: command, module, kernel, ...
#   status    exit status of the command; absent if the machine died
#   kernel.log, kmemleak
#   problem   why the command could not be started

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LANG=C.UTF-8
top=$1
control=/run/mq-vm
share=trans=virtio,version=9p2000.L,msize=512000

# The tree may lie below /tmp; it is taken out of the way of the new /tmp.
mount_tmpfs() {
	local dir inside=

	mount --bind "$top" /mnt
	for dir in /tmp /run /dev/shm; do
		mkdir -p "$dir"
		mount -t tmpfs -o mode=1777 tmpfs "$dir"
		case $top/ in
		"$dir"/*) inside=yes ;;
		esac
	done
	if [ "$inside" ]; then
		mkdir -p "$top"
		mount --bind /mnt "$top"
	fi
	umount /mnt
	chmod 755 /run
}

mount_all() {
	mount_tmpfs
	mkdir -p /dev/pts /run/lock "$control"
	mount -t devpts -o ptmxmode=666 devpts /dev/pts
	ln -sf pts/ptmx /dev/ptmx
	ln -sfn /proc/self/fd /dev/fd
	ln -sf fd/0 /dev/stdin
	ln -sf fd/1 /dev/stdout
	ln -sf fd/2 /dev/stderr
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount -t debugfs debugfs /sys/kernel/debug
	mount -t tracefs tracefs /sys/kernel/tracing
	[ ! -d /sys/kernel/security ] ||
		mount -t securityfs securityfs /sys/kernel/security
	mount -t 9p -o "rw,cache=none,$share" control "$control"
}

tune() {
	ip link set lo up
	echo mq-test >/proc/sys/kernel/hostname
	ulimit -n 65536
	echo 1 >/proc/sys/kernel/sysrq
	echo 0 >/proc/sys/kernel/printk_ratelimit
	[ ! -e /proc/sys/kernel/hung_task_timeout_secs ] ||
		echo 240 >/proc/sys/kernel/hung_task_timeout_secs
	[ ! -e /proc/sys/kernel/watchdog_thresh ] ||
		echo 60 >/proc/sys/kernel/watchdog_thresh
}

find_port() {
	local port

	for port in /sys/class/virtio-ports/*; do
		if [ "$(cat "$port/name")" = "$1" ]; then
			echo "/dev/${port##*/}"
		fi
	done
}

finish() {
	dmesg >"$control/kernel.log"
	[ -z "$1" ] || echo "$1" >"$control/status"
	sync
	# A machine without systemd-sysv has no other.
	/bin/busybox reboot -f
	# Not reached; process 1 must not end.
	while :; do read -r _; done
}

problem() {
	echo "$*" >"$control/problem"
	finish 126
}

# What was built runs from memory, too.
copy_build() {
	local from=$MQ_TOP/build

	export MQ_BUILD=/tmp/mq-build
	mkdir -p "$MQ_BUILD/$(uname -r)"
	cp -a "$from"/{bin,lib,selftests,selftests-tools} "$MQ_BUILD" 2>/dev/null
	cp "$from/$(uname -r)/mq.ko" "$MQ_BUILD/$(uname -r)" 2>/dev/null
}

load_module() {
	local output

	if ! output=$(insmod "$MQ_BUILD/$(uname -r)/mq.ko" $module_params 2>&1); then
		problem "mq.ko did not load: $output"
	fi
}

# Reported are blocks that two scans found unreferenced and unchanged and that
# are older than five seconds.
find_leaks() {
	local leaks=/sys/kernel/debug/kmemleak

	[ "$module" ] && [ -e "$leaks" ] || return
	echo scan >"$leaks"
	sleep 5.5
	echo scan >"$leaks"
	cat "$leaks" >"$control/kmemleak"
}

run_command() {
	local port status

	port=$(find_port mq.out)
	[ "$port" ] || problem "no output port"
	# Each program that looks at its locale would load a dozen files for it.
	export LANG=C
	# Through a pipe: a port can be opened only once, but /dev/stdout can
	# be opened by anybody. Background processes of the command may keep
	# the pipe open, so its end isn't waited for without limit.
	exec 3> >(exec cat >"$port")
	local relay=$!
	setsid -w bash -c 'exec 3>&-; cd "$0" && eval "$1"' "$directory" \
		"$command" </dev/null >&3 2>&1
	status=$?
	exec 3>&-
	find_leaks
	timeout 3 tail -s 0.05 --pid="$relay" -f /dev/null
	finish "$status"
}

run_shell() {
	local console=/dev/hvc0

	stty -F "$console" sane rows "$rows" columns "$columns"
	cd "$directory" || problem "no $directory"
	setsid -wc bash -c "$command" <"$console" >"$console" 2>&1
	finish $?
}

main() {
	mount_all
	module='' module_params='' shell='' directory='' command=''
	rows='' columns=''
	# shellcheck source=/dev/null
	. "$control/settings"
	mkdir -p "$MQ_OUT"
	mount -t 9p -o "rw,cache=none,$share" out "$MQ_OUT"
	tune
	copy_build
	export PATH=$MQ_BUILD/bin:$PATH
	[ -z "$module" ] || load_module
	if [ "$shell" ]; then
		run_shell
	else
		run_command
	fi
}

main
