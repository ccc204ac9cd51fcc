/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Sleeping until something comes
 *
 * For verbs that run until a count, a time-out, or Ctrl-C: SIGINT and SIGTERM
 * end the sleep, so that the verb prints its totals and ends by itself.
 */
#ifndef MQCTL_WAIT_H
#define MQCTL_WAIT_H

#include <stdbool.h>
#include <stdint.h>

enum wait_end {
	WAIT_READY,
	WAIT_TIMEOUT,
	WAIT_SIGNAL,
};

/* Catches the signals; timeout_ms below 0: no deadline. */
void wait_begin(int timeout_ms);
/* Sleeps until @fd is readable. */
enum wait_end wait_for(int fd);
/* Whether the deadline passed or a signal came: WAIT_READY if neither. */
enum wait_end wait_over(void);

#endif /* MQCTL_WAIT_H */
