/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Registry
 *
 * The live channels: by name, by minor, one claim table for all of them. The
 * admin mutex makes changes one at a time; looking up by minor needs none.
 * Creating, deleting, setting and purging (channel.h) live here too.
 */
#ifndef MQ_REGISTRY_H
#define MQ_REGISTRY_H

#include <linux/types.h>

int mq_registry_init(void);
/* Deletes all channels. */
void mq_registry_clear(void);
void mq_registry_exit(void);
/* First device number of the MQ_MINORS. */
dev_t mq_registry_devt(void);

#endif /* MQ_REGISTRY_H */
