// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Processes that make calls for a test, as somebody else. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../mq_test.h"

/* The code is the same in all processes, so its addresses are. */
struct order {
	int (*run)(int fd);
	int fd;
};

static void serve(int line)
{
	struct order order;
	int result;

	while (read(line, &order, sizeof(order)) == sizeof(order)) {
		result = order.run(order.fd);
		if (write(line, &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(0);
}

int mqt_agent_start(struct mqt_agent *agent, uint32_t uid, int capability)
{
	int line[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line))
		return -errno;
	agent->uid = uid;
	agent->line = line[0];
	agent->pid = fork();
	if (!agent->pid) {
		close(line[0]);
		if (uid ? mqt_become(uid) : mqt_capability(capability, false))
			_exit(1);
		/* A change of user ends it. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(line[1]);
	}
	close(line[1]);
	return agent->pid < 0 ? -errno : 0;
}

int mqt_agent_ask(const struct mqt_agent *agent, int (*run)(int fd), int fd)
{
	const struct order order = { run, fd };
	int result;

	if (!agent->pid)
		return run(fd);
	if (write(agent->line, &order, sizeof(order)) != sizeof(order) ||
	    read(agent->line, &result, sizeof(result)) != sizeof(result))
		return -EPIPE;
	return result;
}

void mqt_agent_end(struct mqt_agent *agent)
{
	if (agent->pid <= 0)
		return;
	kill(agent->pid, SIGKILL);
	waitpid(agent->pid, NULL, 0);
	close(agent->line);
	agent->pid = 0;
}
