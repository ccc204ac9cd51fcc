/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Failures in words
 *
 * Each function prints what happened and what to do about it, looking at the
 * machine for the cause (is the module loaded, which channels are there, who
 * owns the node, what do they claim), and returns STATUS_FAILED.
 */
#ifndef MQCTL_EXPLAIN_H
#define MQCTL_EXPLAIN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "libmq.h"

int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
int vcomplain(const char *format, va_list arguments);

bool module_loaded(void);
int explain_module(void);
/* No channel is called @name. */
int explain_no_channel(const char *name);
/* A channel could not be opened or used. */
int explain_channel(int error, const char *name);
/* libmq_admin_open() failed, or what @admin was asked to do to @name. */
int explain_admin(const struct libmq_admin *admin, int error, const char *verb,
		  const char *name);
/* A message was refused; @channel is NULL when the bus chose one. */
int explain_publish(int error, const char *channel, const struct libmq_message *message);
/* The retained value of its topic is another one than expected; 0: there is none. */
int explain_unexpected(const struct libmq_message *message, uint64_t present);
/* A will was refused; @channel as above. */
int explain_will(int error, const char *channel, const struct libmq_message *message);
/* Nobody can publish what this filter matches, as far as this user can see. */
int explain_filter(const char *filter);

#endif /* MQCTL_EXPLAIN_H */
