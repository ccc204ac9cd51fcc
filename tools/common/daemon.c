// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon.h"
#include "listener.h"

/* Descriptors that are not connections: ring, channels, listeners, log. */
#define SPARE_DESCRIPTORS 128

/**
 * struct process - all there is of one daemon
 * @daemon: what it is
 * @listen: --listen
 * @level: --log-level
 * @busy_poll: --busy-poll, us
 * @connections: --max-connections, 0: what the descriptors allow
 * @packet: --max-packet-size
 * @queue: --max-queue
 * @slow: --slow-client-timeout, ms
 * @worker: the worker
 * @listeners: @listener_count open ones
 * @listener_count: see @listeners
 * @signals: signalfd
 * @signal_poll: waiting for it
 * @stop_timer: ends the stopping
 */
struct process {
	const struct daemon *daemon;
	struct cmdline_list listen;
	enum log_level level;
	uint64_t busy_poll, connections, packet, queue, slow;
	struct worker worker;
	struct listener listeners[CMDLINE_LIST_MAX];
	unsigned int listener_count;
	int signals;
	struct loop_op signal_poll;
	struct loop_timer stop_timer;
};

/* Its worker alone is too large for a stack. */
static struct process process = {
	.signals = -1, .level = LOG_LEVEL_INFO, .worker.loop.ring.ring_fd = -1,
};

static int parse_options(int argc, char **argv)
{
	const struct cmdline_option common[] = {
		{ "listen", "ADDR:PORT|unix:PATH", "where to listen; may be given several times",
		  CMDLINE_LIST, &process.listen, 0, 0 },
		{ "max-connections", "N", "most clients at a time; 0: as many as descriptors allow",
		  CMDLINE_NUMBER, &process.connections, 0, 1000000 },
		{ "max-packet-size", "BYTES", "longest packet or request a client may send",
		  CMDLINE_SIZE, &process.packet, 1024, 256U << 20 },
		{ "max-queue", "BYTES", "what a client may leave unread before it counts as slow",
		  CMDLINE_SIZE, &process.queue, 4096, 1U << 30 },
		{ "slow-client-timeout", "SECONDS",
		  "how long a slow client may hold up the others before it is closed",
		  CMDLINE_SECONDS, &process.slow, 10, 3600 * 1000 },
		{ "busy-poll", "USEC", "look for records that long before sleeping",
		  CMDLINE_NUMBER, &process.busy_poll, 0, 1000000 },
		{ "log-level", "LEVEL", "error, warning, notice, info or debug",
		  CMDLINE_LEVEL, &process.level, 0, 0 },
		{ 0 },
	};
	const struct cmdline_option *const tables[] = { common, process.daemon->options, NULL };
	const struct cmdline cmdline = {
		.program = process.daemon->program, .summary = process.daemon->summary,
		.version = libmq_version(), .tables = tables,
	};

	process.packet = process.daemon->defaults.input_max;
	process.queue = process.daemon->defaults.queue_max;
	process.slow = process.daemon->defaults.slow_timeout;
	return cmdline_parse(&cmdline, argc, argv);
}

/* One descriptor per client: take all the hard limit gives. */
static unsigned int connection_limit(void)
{
	struct rlimit limit;
	uint64_t most = 1024 - SPARE_DESCRIPTORS;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			getrlimit(RLIMIT_NOFILE, &limit);
		most = limit.rlim_cur > 2 * SPARE_DESCRIPTORS ?
		       limit.rlim_cur - SPARE_DESCRIPTORS : limit.rlim_cur / 2;
	}
	if (most > 1000000)
		most = 1000000;
	if (!process.connections)
		return (unsigned int)most;
	if (process.connections > most)
		log_warning("--max-connections is more than the descriptor limit allows: %" PRIu64
			    " (raise 'ulimit -n' or LimitNOFILE=)", most);
	return (unsigned int)(process.connections < most ? process.connections : most);
}

/* ---- signals ----------------------------------------------------------- */

static void stop_now(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(&process.worker.loop);
}

/*
 * Looks again soon: the clients' last words are on their way, and what still
 * waits for space in a channel may get in.
 */
static void stop_when_quiet(struct loop_timer *timer)
{
	struct worker *worker = &process.worker;
	uint64_t now = loop_now(&worker->loop);
	static uint64_t since;

	if (!since)
		since = now;
	if ((!worker->connections && !worker->batch.stalled) || now - since >= DAEMON_STOP_MS ||
	    loop_timer_set(&worker->loop, timer, now + 20))
		stop_now(timer);
}

static void close_listeners(void)
{
	for (unsigned int i = 0; i < process.listener_count; i++)
		listener_close(&process.listeners[i]);
}

static void begin_stop(int number)
{
	if (process.stop_timer.run)
		return;
	log_notice("stopping: %s", strsignal(number));
	close_listeners();
	worker_stop(&process.worker);
	process.stop_timer.run = stop_when_quiet;
	stop_when_quiet(&process.stop_timer);
}

static void signalled(struct loop_op *op, int result, int buffer, bool more)
{
	struct signalfd_siginfo info;

	(void)result;
	(void)buffer;
	(void)more;
	while (read(process.signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			stats_log(&process.worker.stats);
		else
			begin_stop((int)info.ssi_signo);
	}
	if (loop_poll(&process.worker.loop, op, process.signals, POLLIN))
		loop_stop(&process.worker.loop);
}

static int open_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	process.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return process.signals < 0 ? -errno : 0;
}

/* ---- starting ---------------------------------------------------------- */

static int open_listeners(void)
{
	if (!process.listen.count)
		process.listen.values[process.listen.count++] = process.daemon->listen;
	for (unsigned int i = 0; i < process.listen.count; i++) {
		int error = listener_open(&process.listeners[i], process.listen.values[i]);

		if (error)
			return error;
		process.listener_count++;
	}
	return 0;
}

static void accepted(void *arg, int fd)
{
	worker_adopt(arg, fd);
}

static void explain_no_channels(void)
{
	if (libmq_bus_channels(process.worker.bus))
		return;
	if (access("/sys/module/mq", F_OK))
		log_warning("the mq module is not loaded: 'modprobe mq', then create a channel: mqctl channel create bus --topics '#'");
	else
		log_warning("there is no channel that this user may open: create one with mqctl channel create bus --topics '#' (or see the owners and modes in /dev/mq)");
	log_warning("going on: channels are used as soon as they are there");
}

static int start(void)
{
	struct worker_opts opts = process.daemon->defaults;
	int error;

	opts.connections_max = connection_limit();
	opts.input_max = process.packet;
	opts.queue_max = process.queue;
	opts.slow_timeout = (unsigned int)process.slow;
	opts.busy_poll = (unsigned int)process.busy_poll;
	error = open_signals();
	if (!error)
		error = worker_init(&process.worker, &opts, process.daemon->protocol, NULL);
	if (!error)
		error = open_listeners();
	if (!error && process.daemon->start)
		error = process.daemon->start(&process.worker);
	if (error)
		return error;
	process.signal_poll.done = signalled;
	return loop_poll(&process.worker.loop, &process.signal_poll, process.signals, POLLIN);
}

static int serve(void)
{
	int error;

	explain_no_channels();
	for (unsigned int i = 0; i < process.listener_count; i++)
		listener_start(&process.listeners[i], &process.worker.loop, accepted,
			       &process.worker);
	error = loop_run(&process.worker.loop);
	if (process.daemon->stop)
		process.daemon->stop(&process.worker);
	stats_log(&process.worker.stats);
	return error;
}

int daemon_main(const struct daemon *daemon, int argc, char **argv)
{
	int error;

	process.daemon = daemon;
	error = parse_options(argc, argv);
	if (error)
		return error < 0 ? 2 : 0;
	log_open(daemon->program);
	log_set_level(process.level);
	error = start();
	if (error)
		log_error("cannot start: %s", strerror(-error));
	else
		error = serve();
	close_listeners();
	worker_exit(&process.worker);
	if (process.signals >= 0)
		close(process.signals);
	return error ? 1 : 0;
}
