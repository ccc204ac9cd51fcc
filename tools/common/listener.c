// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "listener.h"
#include "log.h"

#define UNIX_PREFIX "unix:"

static int refuse(const struct listener *listener, int error, const char *why)
{
	log_error("cannot listen on %s: %s", listener->spec, why);
	return error;
}

/* ---- unix sockets ------------------------------------------------------ */

static int unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Somebody accepts, or would, were its backlog not full. */
static bool in_use(const struct sockaddr_un *address)
{
	int fd = unix_socket();
	bool used;

	if (fd < 0)
		return true;
	used = !connect(fd, (const struct sockaddr *)address, sizeof(*address)) || errno == EAGAIN;
	close(fd);
	return used;
}

/* Removes what a killed daemon left; touches nothing else. */
static int remove_stale(const struct listener *listener, const struct sockaddr_un *address)
{
	struct stat file;

	if (lstat(address->sun_path, &file))
		return errno == ENOENT ? 0 : refuse(listener, -errno, strerror(errno));
	if (!S_ISSOCK(file.st_mode))
		return refuse(listener, -EEXIST, "a file that is not a socket has this name");
	if (in_use(address))
		return refuse(listener, -EADDRINUSE, "another program listens there");
	if (unlink(address->sun_path) && errno != ENOENT)
		return refuse(listener, -errno, strerror(errno));
	return 0;
}

static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0117);
	int error = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;

	umask(before);
	return error;
}

static int open_unix(struct listener *listener, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int error;

	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return refuse(listener, -ENAMETOOLONG, "a path of 1 to 107 bytes is needed behind 'unix:'");
	strcpy(address.sun_path, path);
	error = remove_stale(listener, &address);
	if (error)
		return error;
	listener->fd = unix_socket();
	if (listener->fd < 0)
		return refuse(listener, -errno, strerror(errno));
	error = bind_private(listener->fd, &address);
	if (error)
		return refuse(listener, error, strerror(-error));
	listener->path = path;
	return 0;
}

/* ---- internet sockets -------------------------------------------------- */

/* Splits ADDR:PORT or [ADDR]:PORT. */
static bool split(const char *spec, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(spec, ':');
	size_t len;

	if (!colon || colon == spec || !colon[1])
		return false;
	len = (size_t)(colon - spec);
	if (*spec == '[') {
		if (colon[-1] != ']')
			return false;
		spec++;
		len -= 2;
	} else if (memchr(spec, ':', len)) {
		return false;
	}
	if (!len || len >= size)
		return false;
	memcpy(host, spec, len);
	host[len] = '\0';
	*port = colon + 1;
	return true;
}

static int bind_first(struct listener *listener, const struct addrinfo *address)
{
	int one = 1;

	listener->fd = socket(address->ai_family,
			      address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
			      address->ai_protocol);
	if (listener->fd < 0)
		return -errno;
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* [::] shall not take the port of 0.0.0.0 away. */
	if (address->ai_family == AF_INET6)
		setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	return bind(listener->fd, address->ai_addr, address->ai_addrlen) ? -errno : 0;
}

static int open_internet(struct listener *listener)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *addresses;
	const char *port;
	char host[256];
	int error;

	if (!split(listener->spec, host, sizeof(host), &port))
		return refuse(listener, -EINVAL, "ADDRESS:PORT, [V6ADDRESS]:PORT or unix:PATH is needed");
	error = getaddrinfo(host, port, &hints, &addresses);
	if (error)
		return refuse(listener, -EINVAL, gai_strerror(error));
	error = bind_first(listener, addresses);
	freeaddrinfo(addresses);
	return error ? refuse(listener, error, strerror(-error)) : 0;
}

/* ---- accepting --------------------------------------------------------- */

static void start_accept(struct listener *listener)
{
	struct loop *loop = listener->loop;

	if (listener->fd < 0 || listener->accept.active)
		return;
	if (loop_accept(loop, &listener->accept, listener->fd))
		loop_timer_set(loop, &listener->pause, loop_now(loop) + LISTENER_PAUSE_MS);
}

static void pause_over(struct loop_timer *timer)
{
	start_accept((struct listener *)((char *)timer - offsetof(struct listener, pause)));
}

static void accept_done(struct loop_op *op, int result, int buffer, bool more)
{
	struct listener *listener =
		(struct listener *)((char *)op - offsetof(struct listener, accept));

	(void)buffer;
	if (result >= 0)
		listener->accepted(listener->arg, result);
	else if (listener->fd >= 0 && result != -ECANCELED && result != -ECONNABORTED)
		log_warning("%s: accepting failed: %s; trying again in %d ms", listener->spec,
			    strerror(-result), LISTENER_PAUSE_MS);
	if (more || listener->fd < 0)
		return;
	if (result >= 0 || result == -ECONNABORTED)
		start_accept(listener);
	else
		loop_timer_set(listener->loop, &listener->pause,
			       loop_now(listener->loop) + LISTENER_PAUSE_MS);
}

int listener_open(struct listener *listener, const char *spec)
{
	int error;

	memset(listener, 0, sizeof(*listener));
	listener->spec = spec;
	listener->fd = -1;
	listener->accept.done = accept_done;
	listener->pause.run = pause_over;
	if (!strncmp(spec, UNIX_PREFIX, strlen(UNIX_PREFIX)))
		error = open_unix(listener, spec + strlen(UNIX_PREFIX));
	else
		error = open_internet(listener);
	if (!error && listen(listener->fd, LISTENER_BACKLOG))
		error = refuse(listener, -errno, strerror(errno));
	if (error)
		listener_close(listener);
	return error;
}

void listener_start(struct listener *listener, struct loop *loop,
		    void (*accepted)(void *arg, int fd), void *arg)
{
	listener->loop = loop;
	listener->accepted = accepted;
	listener->arg = arg;
	start_accept(listener);
	log_notice("listening on %s", listener->spec);
}

void listener_close(struct listener *listener)
{
	if (listener->fd < 0)
		return;
	if (listener->loop) {
		loop_timer_clear(listener->loop, &listener->pause);
		loop_cancel(listener->loop, &listener->accept);
		loop_submit(listener->loop);
	}
	close(listener->fd);
	listener->fd = -1;
	if (listener->path)
		unlink(listener->path);
}
