/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Listening sockets
 *
 * ADDR:PORT, [V6ADDR]:PORT, NAME:PORT (its first address) or unix:PATH. A
 * unix socket gets mode 0660 before anybody can connect. A socket file that
 * nobody listens on any more is replaced, one that is in use or isn't a socket
 * is not; it is removed at the end.
 *
 * An accepted socket goes to the listener's @accepted function, which owns it.
 * Running out of descriptors pauses accepting for LISTENER_PAUSE_MS.
 */
#ifndef COMMON_LISTENER_H
#define COMMON_LISTENER_H

#include "loop.h"

#define LISTENER_BACKLOG	1024
#define LISTENER_PAUSE_MS	200

/**
 * struct listener - one listening socket
 * @loop: loop
 * @spec: as given
 * @path: of a unix socket, or NULL
 * @fd: socket, -1: none
 * @accept: multishot accept
 * @pause: starts it again
 * @accepted: takes over each socket
 * @arg: for @accepted
 */
struct listener {
	struct loop *loop;
	const char *spec;
	const char *path;
	int fd;
	struct loop_op accept;
	struct loop_timer pause;
	void (*accepted)(void *arg, int fd);
	void *arg;
};

/*
 * Opens the socket. Return: 0 or a negative errno; the log has said why.
 */
int listener_open(struct listener *listener, const char *spec);
/* Starts accepting, and says "listening on SPEC" in the log. */
void listener_start(struct listener *listener, struct loop *loop,
		    void (*accepted)(void *arg, int fd), void *arg);
/* Stops accepting and closes. The op may still have a completion to come. */
void listener_close(struct listener *listener);

#endif /* COMMON_LISTENER_H */
