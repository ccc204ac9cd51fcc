#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# compat.sh COMPILER FLAGS... : prints compat_probe.h for one kernel.
#
# A probe is a name and a piece of code; the name is defined if the code
# compiles. compat.h turns the names into the upstream functions they stand for.
# All headers stand in `headers`, which has to compile by itself: a broken
# kernel tree must stop the build, not look like an old kernel.

compiler=("$@" '-DKBUILD_MODNAME="probe"' -Werror -Wno-unused)

headers='
#include <linux/device.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/security.h>
#include <net/genetlink.h>
#if __has_include(<linux/io_uring/cmd.h>)
#include <linux/io_uring/cmd.h>
#else
#include <linux/io_uring.h>
#endif
'

compile() {
	"${compiler[@]}" -x c -c -o /dev/null - <<<"$headers$1"
}

probe() {
	if compile "$2" 2>/dev/null; then
		echo "#define $1 1"
	fi
}

if ! compile ''; then
	echo "compat.sh: this kernel's headers do not compile" >&2
	exit 1
fi

echo "/* Made by compat.sh for one kernel: do not edit. */"

probe HAVE_VM_FLAGS_SET '
static void f(struct vm_area_struct *vma) { vm_flags_set(vma, VM_IO); }'

probe HAVE_CLASS_CREATE_ONE_ARG '
static struct class *f(void) { return class_create("probe"); }'

probe HAVE_TYPE_DEVNODE_CONST '
static char *f(const struct device *dev, umode_t *mode, kuid_t *uid, kgid_t *gid)
{ return NULL; }
static struct device_type t = { .devnode = f };'

probe HAVE_GENL_SPLIT_PRE_DOIT '
static int f(const struct genl_split_ops *ops, struct sk_buff *skb,
	     struct genl_info *info) { return 0; }
static struct genl_family g = { .pre_doit = f };'

probe HAVE_LSM_PROP '
static void f(struct lsm_prop *prop) { security_current_getlsmprop_subj(prop); }'

probe HAVE_LSM_CONTEXT '
static void f(struct lsm_context *cp) { security_release_secctx(cp); }'

probe HAVE_LSMPROP_TO_SECCTX_OF_ONE '
static int f(struct lsm_prop *prop, struct lsm_context *cp)
{ return security_lsmprop_to_secctx(prop, cp, LSM_ID_UNDEF); }'

probe HAVE_HRTIMER_SETUP '
static enum hrtimer_restart f(struct hrtimer *timer) { return HRTIMER_NORESTART; }
static void g(struct hrtimer *timer)
{ hrtimer_setup(timer, f, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT); }'

probe HAVE_IO_URING_CMD_H '
#if !__has_include(<linux/io_uring/cmd.h>)
#error
#endif'

probe HAVE_IO_URING_CMD_SQE '
static const void *f(struct io_uring_cmd *cmd) { return cmd->sqe->cmd; }'

probe HAVE_IO_URING_CMD_DONE32 '
static void f(struct io_uring_cmd *cmd) { io_uring_cmd_done32(cmd, 0, 0, 0); }'

probe HAVE_IO_URING_F_CANCEL '
static void f(struct io_uring_cmd *cmd)
{ io_uring_cmd_mark_cancelable(cmd, IO_URING_F_CANCEL); }'

probe HAVE_IO_URING_F_TASK_DEAD '
static unsigned int f(void) { return IO_URING_F_TASK_DEAD; }'

probe HAVE_IO_URING_CMD_FROM_TW '
static bool f(struct io_tw_req req, io_tw_token_t tw)
{ return tw.cancel && io_uring_cmd_from_tw(req); }'
