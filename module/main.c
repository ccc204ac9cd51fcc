// SPDX-License-Identifier: GPL-2.0-only
/* The module: its parameters and the order in which its parts come and go. */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include "cdev.h"
#include "channel.h"
#include "claim.h"
#include "expire.h"
#include "limit.h"
#include "mq.h"
#include "netlink.h"
#include "registry.h"
#include "space.h"
#include "subscription.h"
#include "will.h"

unsigned int mq_max_channels = 256;
module_param_named(max_channels, mq_max_channels, uint, 0644);
MODULE_PARM_DESC(max_channels, "most channels; creating one more: ENFILE (256)");

unsigned long mq_max_bytes = 1UL << 30;
module_param_named(max_bytes, mq_max_bytes, ulong, 0644);
MODULE_PARM_DESC(max_bytes, "most bytes of all rings; beyond: EDQUOT (1 GiB)");

unsigned int mq_max_slots = 1U << 20;
module_param_named(max_slots, mq_max_slots, uint, 0644);
MODULE_PARM_DESC(max_slots, "most slots of a channel; beyond: ERANGE (1048576)");

unsigned int mq_max_subscriptions = 4096;
module_param_named(max_subscriptions, mq_max_subscriptions, uint, 0644);
MODULE_PARM_DESC(max_subscriptions, "most subscriptions of a channel; beyond: EUSERS (4096)");

unsigned int mq_max_publishers = 4096;
module_param_named(max_publishers, mq_max_publishers, uint, 0644);
MODULE_PARM_DESC(max_publishers, "most publishers of a channel; beyond: EUSERS (4096)");

unsigned int mq_max_filters_per_subscription = 16384;
module_param_named(max_filters_per_subscription, mq_max_filters_per_subscription, uint, 0644);
MODULE_PARM_DESC(max_filters_per_subscription,
		 "most filters of a subscription; beyond: EMFILE (16384)");

unsigned int mq_max_filters_per_channel = 262144;
module_param_named(max_filters_per_channel, mq_max_filters_per_channel, uint, 0644);
MODULE_PARM_DESC(max_filters_per_channel,
		 "most filters of all subscriptions of a channel; beyond: ENFILE (262144)");

unsigned long mq_max_filter_bytes = 64UL << 20;
module_param_named(max_filter_bytes, mq_max_filter_bytes, ulong, 0644);
MODULE_PARM_DESC(max_filter_bytes,
		 "most bytes of all filters of a channel, roughly; beyond: ENFILE (64 MiB)");

unsigned int mq_max_wills_per_publisher = 65536;
module_param_named(max_wills_per_publisher, mq_max_wills_per_publisher, uint, 0644);
MODULE_PARM_DESC(max_wills_per_publisher, "most wills of a publisher; beyond: EMFILE (65536)");

unsigned int mq_max_will_delay = 60 * 60 * 1000;
module_param_named(max_will_delay, mq_max_will_delay, uint, 0644);
MODULE_PARM_DESC(max_will_delay, "longest delay of a will in ms; beyond: ERANGE (3600000)");

unsigned int mq_max_subscriptions_per_user = 1024;
module_param_named(max_subscriptions_per_user, mq_max_subscriptions_per_user, uint, 0644);
MODULE_PARM_DESC(max_subscriptions_per_user,
		 "most subscriptions of a user; beyond: EDQUOT (1024)");

unsigned int mq_max_publishers_per_user = 1024;
module_param_named(max_publishers_per_user, mq_max_publishers_per_user, uint, 0644);
MODULE_PARM_DESC(max_publishers_per_user, "most publishers of a user; beyond: EDQUOT (1024)");

unsigned int mq_max_filters_per_user = 131072;
module_param_named(max_filters_per_user, mq_max_filters_per_user, uint, 0644);
MODULE_PARM_DESC(max_filters_per_user, "most filters of a user; beyond: EDQUOT (131072)");

unsigned int mq_max_wills_per_user = 65536;
module_param_named(max_wills_per_user, mq_max_wills_per_user, uint, 0644);
MODULE_PARM_DESC(max_wills_per_user, "most wills of a user; beyond: EDQUOT (65536)");

static int memory_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%llu\n", mq_channel_memory());
}

static const struct kernel_param_ops memory_ops = {
	.get = memory_get,
};
module_param_cb(memory, &memory_ops, NULL, 0444);
MODULE_PARM_DESC(memory, "bytes that all rings take now (read-only)");

static int refused_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%llu\n", mq_limit_refused((unsigned long)kp->arg));
}

static const struct kernel_param_ops refused_ops = {
	.get = refused_get,
};
module_param_cb(refused_channels, &refused_ops, (void *)MQ_LIMIT_CHANNELS, 0444);
MODULE_PARM_DESC(refused_channels, "channels that max_channels refused (read-only)");
module_param_cb(refused_bytes, &refused_ops, (void *)MQ_LIMIT_BYTES, 0444);
MODULE_PARM_DESC(refused_bytes, "channels that max_bytes refused (read-only)");
module_param_cb(refused_slots, &refused_ops, (void *)MQ_LIMIT_SLOTS, 0444);
MODULE_PARM_DESC(refused_slots, "channels that max_slots refused (read-only)");

struct workqueue_struct *mq_workqueue;

static const struct mq_channel_works works = {
	.space = mq_space_work,
	.wake = mq_subscription_wake_work,
	.expire = mq_expire_work,
	.will = mq_will_work,
};

int mq_begin(void)
{
	int err;

	mq_workqueue = alloc_workqueue("mq", WQ_UNBOUND, 0);
	if (!mq_workqueue)
		return -ENOMEM;
	err = mq_claim_init();
	if (err)
		goto exit_workqueue;
	err = mq_channel_init(&works);
	if (err)
		goto exit_claim;
	return 0;

exit_claim:
	mq_claim_exit();
exit_workqueue:
	destroy_workqueue(mq_workqueue);
	mq_workqueue = NULL;
	return err;
}

void mq_end(void)
{
	mq_channel_exit();
	/* Callbacks of call_rcu() are code of this module. */
	rcu_barrier();
	mq_claim_exit();
	destroy_workqueue(mq_workqueue);
	mq_workqueue = NULL;
}

static int __init mq_init(void)
{
	int err;

	err = mq_begin();
	if (err)
		return err;
	err = mq_registry_init();
	if (err)
		goto end;
	err = mq_cdev_init();
	if (err)
		goto exit_registry;
	err = mq_netlink_init();
	if (err)
		goto exit_cdev;
	return 0;

exit_cdev:
	mq_cdev_exit();
exit_registry:
	mq_registry_exit();
end:
	mq_end();
	return err;
}

static void __exit mq_exit(void)
{
	mq_netlink_exit();
	mq_cdev_exit();
	mq_registry_clear();
	/* Wills that were pending are given up, and with them goes their channel. */
	flush_workqueue(mq_workqueue);
	mq_registry_exit();
	mq_end();
}

module_init(mq_init);
module_exit(mq_exit);
MODULE_DESCRIPTION("mq: local message channels with a shared ring");
MODULE_AUTHOR("The mq authors");
MODULE_LICENSE("GPL");
