// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Faults at will, and what a channel is like before and after them. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../mq_test.h"

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return len < 0 ? -errno : 0;
}

int mqt_fault_open(void)
{
	static const char * const settings[][2] = {
		{ "failslab/verbose", "0" }, { "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" }, { "failslab/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" }, { "fail_page_alloc/min-order", "0" },
	};
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	char path[96];
	unsigned int i;

	if (fd < 0)
		return -errno;
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int error;

		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i][0]);
		error = write_text(path, settings[i][1]);
		if (error) {
			close(fd);
			return error;
		}
	}
	return fd;
}

void mqt_fault_arm(int fd, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (fd >= 0 && pwrite(fd, text, len, 0) != len)
		abort();
}

/*
 * Reading and writing the number copy, too: a fault that is left may hit them,
 * and is used up by it.
 */
bool mqt_fault_disarm(int fd)
{
	char text[16] = "";
	ssize_t len;

	if (fd < 0)
		return false;
	len = pread(fd, text, sizeof(text) - 1, 0);
	if (len > 0 && !atoi(text))
		return true;
	if (pwrite(fd, "0", 1, 0) != 1 && pwrite(fd, "0", 1, 0) != 1)
		abort();
	return false;
}

/* ---- state -------------------------------------------------------------- */

static void add_subscription(const struct mqt_attrs *attrs, void *arg)
{
	struct mqt_state *state = arg;

	state->subscriptions++;
	state->filters += mqt_u32(attrs, MQ_A_FILTERS);
	state->positions += mqt_u64(attrs, MQ_A_POSITION);
	state->delivered += mqt_u64(attrs, MQ_A_DELIVERED);
	state->passed += mqt_u64(attrs, MQ_A_PASSED);
}

static uint64_t hash_bytes(const char *bytes, size_t len, uint64_t hash)
{
	while (len--)
		hash = (hash ^ (uint8_t)*bytes++) * 0x100000001b3ULL;
	return hash;
}

/* All retained values, by one listing that has room for them. */
static int hash_retained(int node, struct mqt_state *state)
{
	static char room[1 << 18];
	struct mq_retained listing = {
		.filter = (uintptr_t)"#", .filter_len = 1,
		.buffer = (uintptr_t)room, .buffer_size = sizeof(room),
	};
	int error = mqt_ioctl(node, MQ_IOC_RETAINED, &listing);

	if (!error)
		state->retained = hash_bytes(room, listing.buffer_size, listing.count);
	/* There is no more to say about a channel that was deleted. */
	return error == -ENODEV ? 0 : error;
}

int mqt_state_get(const char *name, struct mqt_state *state)
{
	static char claims[16384];
	struct mqt_request request;
	int node = mqt_node(name, O_RDONLY);
	int error;

	memset(state, 0, sizeof(*state));
	state->memory = mqt_param("memory");
	if (node < 0)
		return node == -ENOENT ? 0 : node;
	memset(claims, 0, sizeof(claims));
	state->info.claims = (uintptr_t)claims;
	state->info.claims_size = sizeof(claims);
	error = mqt_ioctl(node, MQ_IOC_INFO, &state->info);
	if (!error)
		error = hash_retained(node, state);
	close(node);
	if (error)
		return error;
	state->claims = hash_bytes(claims, sizeof(claims), 0);
	/* It moves with any try to change claims; and what was refused is counted. */
	state->info.generation = 0;
	memset(state->info.refusals, 0, sizeof(state->info.refusals));
	mqt_request_start(&request, MQ_CMD_SUBSCRIPTION_GET);
	mqt_request_str(&request, MQ_A_NAME, name);
	return mqt_request_dump(&request, add_subscription, state);
}

/* ---- sweeps ------------------------------------------------------------- */

static int fail(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, MQT_WHY, format, args);
	va_end(args);
	return MQT_FAULT_BAD;
}

/* Once from beginning to end, without a fault. */
static int run_whole(const struct mqt_fault_call *call, void *self)
{
	int error;

	if (call->prepare)
		call->prepare(self);
	error = call->call(self);
	if (call->end)
		call->end(self);
	return error;
}

/* With a fault at @nth; whether all is as it should be then. */
static int run_faulty(const struct mqt_fault_call *call, void *self, int fd, unsigned int nth,
		      const char *channel, bool *injected, char *why)
{
	struct mqt_state before, after;
	int error;

	if (call->prepare)
		call->prepare(self);
	if (mqt_state_get(channel, &before))
		return fail(why, "%s: no state before", call->name);
	mqt_fault_arm(fd, nth);
	error = call->call(self);
	*injected = mqt_fault_disarm(fd);
	if (error && !*injected)
		return fail(why, "%s: %d without a fault at %u", call->name, error, nth);
	if (error && mqt_state_get(channel, &after))
		return fail(why, "%s: no state after", call->name);
	if (error && memcmp(&before, &after, sizeof(before)) &&
	    !(call->done && call->done(self, &before, &after)))
		return fail(why, "%s: %d at place %u, and not as before: %s", call->name, error,
			    nth, mqt_state_differs(&before, &after));
	if (call->end)
		call->end(self);
	return !!error;
}

int mqt_fault_sweep(const struct mqt_fault_call *call, void *self, int fd, const char *channel,
		    char *why)
{
	int error = run_whole(call, self);
	bool injected = fd >= 0;
	int failures = 0;
	unsigned int nth;

	if (error == -ENOTTY)
		return MQT_FAULT_UNKNOWN;
	if (error)
		return fail(why, "%s without a fault: %d", call->name, error);
	for (nth = 1; injected; nth++) {
		error = run_faulty(call, self, fd, nth, channel, &injected, why);
		if (error < 0)
			return error;
		failures += error;
		error = run_whole(call, self);
		if (error)
			return fail(why, "%s after a fault at %u: %d", call->name, nth, error);
	}
	return failures;
}

const char *mqt_state_differs(const struct mqt_state *before, const struct mqt_state *after)
{
	const struct {
		const char *name;
		bool differs;
	} fields[] = {
		{ "memory", before->memory != after->memory },
		{ "claims", before->claims != after->claims },
		{ "retained", before->retained != after->retained },
		{ "subscriptions", before->subscriptions != after->subscriptions },
		{ "filters", before->filters != after->filters },
		{ "positions", before->positions != after->positions },
		{ "delivered", before->delivered != after->delivered },
		{ "passed", before->passed != after->passed },
		{ "head", before->info.head != after->info.head },
		{ "oldest", before->info.oldest != after->info.oldest },
		{ "publishers", before->info.publishers != after->info.publishers },
		{ "info.retained", before->info.retained != after->info.retained },
		{ "retained_max", before->info.retained_max != after->info.retained_max },
		{ "wills", before->info.wills != after->info.wills },
		{ "refused", before->info.refused != after->info.refused },
	};
	unsigned int i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].differs)
			return fields[i].name;
	return "another field of struct mq_info";
}
