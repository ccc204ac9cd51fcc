/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Showing channels
 *
 * To the administrator from netlink, to anybody else from the nodes: the same
 * values, but for the memory a channel takes, and a channel whose node is
 * closed to this user has a name, an owner and a mode only.
 *
 * list, show and stats print the same values for programs and a choice of them
 * for people.
 */
#ifndef MQCTL_SHOW_H
#define MQCTL_SHOW_H

#include "mqctl.h"

struct libmq_admin;
struct print;

enum show_form {
	SHOW_LIST,
	SHOW_DETAILS,
	SHOW_STATS,
};

/*
 * Prints the channel @name, or, NULL, all of them, as a table of @print. @admin
 * may be NULL. Returns a status; failures are told.
 */
int show_channels(struct print *print, enum show_form form, struct libmq_admin *admin,
		  const char *name);

/*
 * Opens the administrator's interface if this user may; else *admin is NULL.
 * Returns a status: fails if there is nothing to look at.
 */
int show_open_admin(struct libmq_admin **admin);

int list_run(struct command_line *line);
int show_run(struct command_line *line);

#endif /* MQCTL_SHOW_H */
