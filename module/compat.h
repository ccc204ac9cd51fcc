/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Names that older kernels lack
 *
 * The module is written against the newest kernel it supports. What an older
 * one (down to 6.1) lacks is defined here under its upstream name, so that no
 * other file asks for a version. Whether a name is there is found out by
 * compiling a few lines against the kernel at hand (compat_probe.h, made by
 * the build), never by a version number: distributions backport.
 *
 * Include this after the kernel's headers.
 */
#ifndef MQ_COMPAT_H
#define MQ_COMPAT_H

#include <linux/device.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/security.h>
#include <net/genetlink.h>
#include "compat_probe.h"

/* 6.2: genl_family.pre_doit() gets one operation, do or dump. */
#ifndef HAVE_GENL_SPLIT_PRE_DOIT
#define genl_split_ops genl_ops
#endif

/* 6.2: device_type.devnode() promises not to change the device. */
#ifdef HAVE_TYPE_DEVNODE_CONST
#define devnode_device const struct device
#else
#define devnode_device struct device
#endif

/* 6.3: vm_flags is changed by functions, which see to locks. */
#ifndef HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.4: a class is not owned by a module. */
#ifndef HAVE_CLASS_CREATE_ONE_ARG
#undef class_create
#define class_create(name) \
({ \
	static struct lock_class_key class_key; \
	__class_create(THIS_MODULE, name, &class_key); \
})
#endif

/* 6.8: security modules have numbers. */
#ifndef LSM_ID_UNDEF
#define LSM_ID_UNDEF 0
#endif

/*
 * 6.13: what a task is to security modules is more than a number. 6.14: its text
 * is a structure. Later: the module that is asked for it can be chosen.
 */
#ifndef HAVE_LSM_CONTEXT
struct lsm_context {
	char *context;
	u32 len;
};

static inline void compat_release_secctx(struct lsm_context *cp)
{
	security_release_secctx(cp->context, cp->len);
}

#define security_release_secctx(cp) compat_release_secctx(cp)
#endif

#ifndef HAVE_LSM_PROP
struct lsm_prop {
	u32 secid;
};

static inline void security_current_getlsmprop_subj(struct lsm_prop *prop)
{
	security_current_getsecid_subj(&prop->secid);
}

static inline int security_lsmprop_to_secctx(struct lsm_prop *prop, struct lsm_context *cp,
					     int lsmid)
{
	return security_secid_to_secctx(prop->secid, &cp->context, &cp->len);
}
#elif !defined(HAVE_LSM_CONTEXT)
static inline int compat_lsmprop_to_secctx(struct lsm_prop *prop, struct lsm_context *cp)
{
	return security_lsmprop_to_secctx(prop, &cp->context, &cp->len);
}

#define security_lsmprop_to_secctx(prop, cp, lsmid) compat_lsmprop_to_secctx(prop, cp)
#elif !defined(HAVE_LSMPROP_TO_SECCTX_OF_ONE)
#define security_lsmprop_to_secctx(prop, cp, lsmid) security_lsmprop_to_secctx(prop, cp)
#endif

/* 6.13: a timer is given its function when it is set up. */
#ifndef HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* ---- commands of io_uring -------------------------------------------- */

/* 6.8: they have a header of their own. */
#ifdef HAVE_IO_URING_CMD_H
#include <linux/io_uring/cmd.h>
#else
#include <linux/io_uring.h>
#endif

/* 6.6: a command points to its SQE; before, to the command area in it. */
#ifdef HAVE_IO_URING_CMD_SQE
#define io_uring_cmd_area(ioucmd, type) ((const type *)(ioucmd)->sqe->cmd)
#else
#define io_uring_cmd_area(ioucmd, type) ((const type *)(ioucmd)->cmd)
#endif

/* 6.6: flags that users may set. */
#ifndef IORING_URING_CMD_MASK
#define IORING_URING_CMD_MASK IORING_URING_CMD_FIXED
#endif

/* 6.7: commands that wait can be cancelled. */
#ifdef HAVE_IO_URING_F_CANCEL
#define IO_URING_CMD_CAN_WAIT true
#else
#define IO_URING_CMD_CAN_WAIT false
#define IO_URING_F_CANCEL 0U
static inline void io_uring_cmd_mark_cancelable(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
}
#endif

/* 6.10: the typed form of cmd->pdu. */
#ifndef io_uring_cmd_to_pdu
#define io_uring_cmd_to_pdu(cmd, type) \
({ \
	static_assert(sizeof(type) <= sizeof((cmd)->pdu)); \
	(type *)&(cmd)->pdu; \
})
#endif

/* 6.18: without the second result, which is for large CQEs. */
#ifndef HAVE_IO_URING_CMD_DONE32
static inline void compat_io_uring_cmd_done(struct io_uring_cmd *cmd, s32 ret,
					    unsigned int issue_flags)
{
	io_uring_cmd_done(cmd, ret, 0, issue_flags);
}

#define io_uring_cmd_done compat_io_uring_cmd_done
#endif

/*
 * Defines @name for io_uring_cmd_complete_in_task(); it calls @work with the
 * command, the flags to complete it with, and whether its task or ring is about
 * to end: then the task may be another one, without the user's memory.
 */
#ifdef HAVE_IO_URING_CMD_FROM_TW /* 6.19 */
#define DEFINE_IO_URING_CMD_WORK(name, work) \
static void name(struct io_tw_req tw_req, io_tw_token_t tw) \
{ \
	work(io_uring_cmd_from_tw(tw_req), IO_URING_CMD_TASK_WORK_ISSUE_FLAGS, tw.cancel); \
}
#elif defined(HAVE_IO_URING_F_TASK_DEAD) /* 6.15 */
#define DEFINE_IO_URING_CMD_WORK(name, work) \
static void name(struct io_uring_cmd *cmd, unsigned int issue_flags) \
{ \
	work(cmd, issue_flags, issue_flags & IO_URING_F_TASK_DEAD); \
}
#else
#define DEFINE_IO_URING_CMD_WORK(name, work) \
static void name(struct io_uring_cmd *cmd, unsigned int issue_flags) \
{ \
	work(cmd, issue_flags, current->flags & (PF_EXITING | PF_KTHREAD)); \
}
#endif

#endif /* MQ_COMPAT_H */
