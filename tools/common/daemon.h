/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: What every daemon's main() does
 *
 * Options that all have, descriptor limit, signals, listeners, one worker. The
 * order of starting: options, limits, worker (loop and bus), listeners,
 * protocol's own start, "listening on ..." lines, loop. SIGTERM and SIGINT
 * stop: listeners close, clients get their last words, at most
 * DAEMON_STOP_MS. SIGUSR1 writes the counters into the log. SIGPIPE is ignored.
 */
#ifndef COMMON_DAEMON_H
#define COMMON_DAEMON_H

#include "cmdline.h"
#include "worker.h"

#define DAEMON_STOP_MS	3000

/**
 * struct daemon - a daemon
 * @program: name
 * @summary: first line of its help
 * @protocol: what it speaks
 * @options: its own options, or NULL
 * @listen: where it listens when no --listen is given
 * @defaults: limits when no option says otherwise
 * @start: optional: options are read and the worker is there; @worker->context
 *	may be set. A negative errno ends the program.
 * @stop: optional: the loop has ended; before the worker goes away
 */
struct daemon {
	const char *program;
	const char *summary;
	const struct protocol *protocol;
	const struct cmdline_option *options;
	const char *listen;
	struct worker_opts defaults;
	int (*start)(struct worker *worker);
	void (*stop)(struct worker *worker);
};

/* Return: exit status: 0 stopped by a signal, 1 failed, 2 wrong use. */
int daemon_main(const struct daemon *daemon, int argc, char **argv);

#endif /* COMMON_DAEMON_H */
