// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "explain.h"
#include "input.h"
#include "nodes.h"
#include "options.h"
#include "stream.h"

/* Most messages given to the library at once. */
#define BATCH 256

/*
 * One publishing: to the bus, or, with @channel_name, to that channel. Its
 * messages all have one topic, hence one channel: what cannot go in now holds
 * up those behind it, and order is kept by sending them again in order.
 */
struct publishing {
	const char *channel_name;
	const char *topic;
	uint16_t flags;
	uint64_t expect, expiry_ns;
	bool no_wait, verbose, json;
	struct libmq_bus *bus;
	struct libmq_channel *channel;
	struct libmq_publisher *publisher;
	unsigned long published;
	unsigned long refused;
};

/* What the kernel shall publish if this program does not end well. */
struct testament {
	struct libmq_message message;
	struct libmq_will_opts opts;
	bool given, always;
	const char *part;	/* an option that says more about it, or NULL */
};

enum {
	OPTION_CHANNEL = 256, OPTION_NO_WAIT, OPTION_EXPECT, OPTION_EXPIRY,
	OPTION_WILL, OPTION_WILL_TOPIC, OPTION_WILL_RETAIN, OPTION_WILL_DELAY,
	OPTION_WILL_ALWAYS,
};

static const struct option_def pub_options[] = {
	{ 'l', "lines", NULL, "one message per line of standard input, but for empty ones" },
	{ 'f', "file", "FILE", "the payload is the content of FILE" },
	{ 's', "stdin", NULL, "the payload is all of standard input" },
	{ 'n', "null", NULL, "an empty payload" },
	{ 'r', "retain", NULL, "make it the retained value of TOPIC; with -n: clear that" },
	{ OPTION_EXPIRY, "expiry", "SECONDS", "with -r: the retained value goes away after that" },
	{ OPTION_EXPECT, "expect", "SEQUENCE",
	  "only if the retained value of TOPIC has that sequence; 0: if there is none" },
	{ OPTION_WILL, "will", "PAYLOAD",
	  "what the kernel publishes if this program is killed or fails" },
	{ OPTION_WILL_TOPIC, "will-topic", "TOPIC", "on this topic (TOPIC)" },
	{ OPTION_WILL_RETAIN, "will-retain", NULL, "as the retained value" },
	{ OPTION_WILL_DELAY, "will-delay", "SECONDS", "that long after the end" },
	{ OPTION_WILL_ALWAYS, "will-always", NULL, "after a good end, too" },
	{ OPTION_CHANNEL, "channel", "NAME", "publish to this channel" },
	{ OPTION_NO_WAIT, "no-wait", NULL, "fail when there is no space" },
	{ 'v', "verbose", NULL, "print sequence and receivers of each message" },
	{ 0 }
};

/* ---- where to -------------------------------------------------------- */

static int open_channel(struct publishing *publishing)
{
	int error;

	error = libmq_channel_open(&publishing->channel, NODES_DIRECTORY,
				   publishing->channel_name, LIBMQ_OPEN_WRITE);
	if (!error)
		error = libmq_publisher_open(&publishing->publisher, publishing->channel);
	return error ? explain_channel(error, publishing->channel_name) : STATUS_OK;
}

static int open_target(struct publishing *publishing)
{
	char text[256];
	int error;

	if (publishing->channel_name)
		return open_channel(publishing);
	error = libmq_bus_open(&publishing->bus, NULL);
	if (error)
		return complain("%s", libmq_strerror(error, text, sizeof(text), NODES_DIRECTORY));
	return STATUS_OK;
}

static void close_target(struct publishing *publishing)
{
	libmq_publisher_close(publishing->publisher);
	libmq_channel_close(publishing->channel);
	libmq_bus_close(publishing->bus);
}

/* Returns how many results are set, or a negative errno. */
static int try_publish(struct publishing *publishing, const struct libmq_message *messages,
		       struct libmq_result *results, unsigned int count)
{
	if (publishing->publisher)
		return libmq_publisher_publish(publishing->publisher, messages, results, count);
	libmq_bus_publish(publishing->bus, messages, results, count);
	return (int)count;
}

static int wait_for_space(struct publishing *publishing)
{
	struct pollfd polled = { .events = POLLOUT };
	int error = 0;

	if (publishing->publisher) {
		polled.fd = libmq_publisher_fd(publishing->publisher);
		if (poll(&polled, 1, -1) < 0)
			error = -errno;
	} else {
		error = libmq_bus_wait(publishing->bus, LIBMQ_WAIT_SPACE, -1);
	}
	return error < 0 && error != -EINTR ? error : 0;
}

/* ---- the will -------------------------------------------------------- */

static int set_will(struct publishing *publishing, const struct testament *will)
{
	int error;

	do {
		if (publishing->publisher)
			error = libmq_publisher_will_set(publishing->publisher, 0, &will->message,
							 &will->opts);
		else
			error = libmq_bus_will_set(publishing->bus, 0, &will->message,
						   &will->opts);
		if (error != -EAGAIN || publishing->no_wait)
			break;
		error = wait_for_space(publishing);
	} while (!error);
	return error ? explain_will(error, publishing->channel_name, &will->message) : STATUS_OK;
}

/* Who does not say goodbye has its will published with the end of its descriptors. */
static void say_goodbye(struct publishing *publishing)
{
	if (publishing->publisher)
		libmq_publisher_wills_clear(publishing->publisher);
	else
		libmq_bus_wills_clear(publishing->bus);
}

/* ---- publishing ------------------------------------------------------ */

static struct libmq_message make_message(const struct publishing *publishing,
					 const char *payload, size_t length)
{
	return (struct libmq_message){
		.topic = publishing->topic,
		.topic_len = (uint16_t)strlen(publishing->topic),
		.payload = payload,
		.payload_len = (uint32_t)length,
		.flags = publishing->flags,
		.expect = publishing->expect,
		.expiry_ns = publishing->expiry_ns,
	};
}

/* @present: the sequence that came with the result. */
static int one_failed(struct publishing *publishing, int error, uint64_t present,
		      const struct libmq_message *message, unsigned long line)
{
	int status;

	if (error == -ESTALE && present != LIBMQ_NO_OWNER)
		status = explain_unexpected(message, present);
	else
		status = explain_publish(error, publishing->channel_name, message);
	publishing->refused++;
	if (line)
		complain("that was line %lu; %lu messages were published before it", line,
			 publishing->published);
	return status;
}

/*
 * Publishes all, waiting for space. @lines: line number of each, or NULL. A
 * message that is too large is left out and told; anything else that is
 * refused would befall all others of the topic, and ends it.
 */
static int publish_all(struct publishing *publishing, const struct libmq_message *messages,
		       const unsigned long *lines, unsigned int count)
{
	struct libmq_result results[BATCH];
	uint64_t present = LIBMQ_NO_OWNER;
	unsigned int i = 0;
	int tried, j, error;

	while (i < count) {
		tried = try_publish(publishing, messages + i, results, count - i);
		for (j = 0, error = tried < 0 ? tried : 0; j < tried; j++, i++) {
			error = results[j].result;
			present = results[j].sequence;
			if (error && error != -EMSGSIZE)
				break;
			if (error) {
				one_failed(publishing, error, present, &messages[i],
					   lines ? lines[i] : 0);
				continue;
			}
			publishing->published++;
			if (publishing->verbose || publishing->json)
				stream_published(&messages[i], &results[j]);
		}
		if (error == -EAGAIN && !publishing->no_wait)
			error = wait_for_space(publishing);
		else if (error == -EMSGSIZE)
			error = 0;
		if (error)
			return one_failed(publishing, error, present, &messages[i],
					  lines ? lines[i] : 0);
	}
	return stream_flush();
}

static int publish_lines(struct publishing *publishing)
{
	struct input input = { .fd = STDIN_FILENO };
	struct libmq_message messages[BATCH];
	unsigned long lines[BATCH];
	int status = STATUS_OK;
	unsigned int count;
	const char *line;
	size_t length;
	int error;

	while (status == STATUS_OK && (!input.ended || input.taken < input.used)) {
		/* Lines that are there go at once, however many: no delay. */
		error = input_fill(&input);
		if (error == -EMSGSIZE)
			return complain("line %lu is longer than any channel takes",
					input.line + 1);
		if (error)
			return complain("cannot read standard input: %s", strerror(-error));
		for (count = 0; count < BATCH && (line = input_line(&input, &length)); count++) {
			messages[count] = make_message(publishing, line, length);
			lines[count] = input.line;
		}
		status = publish_all(publishing, messages, lines, count);
	}
	return status == STATUS_OK && publishing->refused ? STATUS_FAILED : status;
}

static int publish_one(struct publishing *publishing, const char *payload, size_t length)
{
	struct libmq_message message = make_message(publishing, payload, length);
	int status = publish_all(publishing, &message, NULL, 1);

	return status == STATUS_OK && publishing->refused ? STATUS_FAILED : status;
}

static int publish_file(struct publishing *publishing, const char *file)
{
	struct input input = { .fd = file ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO };
	const char *name = file ? file : "standard input";
	int error;

	if (input.fd < 0)
		return complain("cannot open %s: %s", name, strerror(errno));
	error = input_read_all(&input);
	if (error == -EMSGSIZE)
		return complain("%s is larger than any channel takes", name);
	if (error)
		return complain("cannot read %s: %s", name, strerror(-error));
	return publish_one(publishing, input.data, input.used);
}

/* ---- the verb -------------------------------------------------------- */

struct pub_words {
	const char *file;
	int source;	/* 'l', 'f', 's', 'n', or 0: the payload is an operand */
};

static void read_will_option(struct command_line *line, struct testament *will, int id)
{
	struct libmq_message *message = &will->message;

	switch (id) {
	case OPTION_WILL:
		will->given = true;
		message->payload = line->value;
		message->payload_len = (uint32_t)strlen(line->value);
		return;
	case OPTION_WILL_TOPIC:
		if (!libmq_topic_valid(line->value, strlen(line->value)))
			usage_error(line, "--will-topic: '%s' is not a topic: 1 to 65535 bytes "
				    "without '+' and '#'", line->value);
		message->topic = line->value;
		will->part = "--will-topic";
		return;
	case OPTION_WILL_RETAIN:
		message->flags = LIBMQ_RETAIN;
		will->part = "--will-retain";
		return;
	case OPTION_WILL_DELAY:
		will->opts.delay_ms = (uint32_t)value_seconds(line, "will-delay");
		will->part = "--will-delay";
		return;
	case OPTION_WILL_ALWAYS:
		will->always = true;
		will->part = "--will-always";
		return;
	}
}

static void read_source(struct command_line *line, struct pub_words *words, int id)
{
	if (words->source && words->source != id)
		usage_error(line, "-l, -f, -s and -n exclude each other");
	words->source = id;
	words->file = line->value;
}

static void read_option(struct command_line *line, struct publishing *publishing,
			struct testament *will, int id)
{
	switch (id) {
	case 'r':
		publishing->flags |= LIBMQ_RETAIN;
		break;
	case OPTION_EXPECT:
		publishing->flags |= LIBMQ_EXPECT;
		publishing->expect = value_number(line, "expect", 0, INT64_MAX);
		break;
	case OPTION_EXPIRY:
		publishing->expiry_ns = value_seconds(line, "expiry") * 1000000ULL;
		break;
	case OPTION_CHANNEL:
		publishing->channel_name = line->value;
		break;
	case OPTION_NO_WAIT:
		publishing->no_wait = true;
		break;
	case 'v':
		publishing->verbose = true;
		break;
	default:
		read_will_option(line, will, id);
	}
}

static void read_options(struct command_line *line, struct publishing *publishing,
			 struct testament *will, struct pub_words *words)
{
	int id;

	while ((id = options_next(line)) >= 0) {
		if (id == 'f' || id == 'l' || id == 's' || id == 'n')
			read_source(line, words, id);
		else
			read_option(line, publishing, will, id);
	}
	if (publishing->expiry_ns && !(publishing->flags & LIBMQ_RETAIN))
		usage_error(line, "--expiry is for retained values: it goes with --retain");
	if (publishing->flags & LIBMQ_EXPECT && words->source == 'l')
		usage_error(line, "--expect is for one message: not with -l");
	if (will->part && !will->given)
		usage_error(line, "%s without --will", will->part);
}

static void check_operands(struct command_line *line, const struct pub_words *words)
{
	const char *topic = line->operands[0];

	if (!words->source && line->operand_count < 2)
		usage_error(line, "PAYLOAD is missing (or one of -l, -f, -s and -n)");
	if (words->source && line->operand_count > 1)
		usage_error(line, "with -%c there is no PAYLOAD operand", words->source);
	if (!libmq_topic_valid(topic, strlen(topic)))
		usage_error(line, "'%s' is not a topic: 1 to 65535 bytes without '+' and '#'",
			    topic);
}

static int publish_words(struct publishing *publishing, const struct pub_words *words,
			 const char *payload)
{
	switch (words->source) {
	case 'l':
		return publish_lines(publishing);
	case 'f':
	case 's':
		return publish_file(publishing, words->file);
	case 'n':
		return publish_one(publishing, NULL, 0);
	default:
		return publish_one(publishing, payload, strlen(payload));
	}
}

static int pub_run(struct command_line *line)
{
	struct testament will = { .opts.size = sizeof(will.opts) };
	struct publishing publishing = { 0 };
	struct pub_words words = { 0 };
	int status;

	read_options(line, &publishing, &will, &words);
	check_operands(line, &words);
	publishing.topic = line->operands[0];
	publishing.json = line->json;
	if (!will.message.topic)
		will.message.topic = publishing.topic;
	will.message.topic_len = (uint16_t)strlen(will.message.topic);
	stream_begin(line->json);
	status = open_target(&publishing);
	if (status == STATUS_OK && will.given)
		status = set_will(&publishing, &will);
	if (status != STATUS_OK)
		return status;
	status = publish_words(&publishing, &words, line->operands[1]);
	if (status == STATUS_OK && !will.always)
		say_goodbye(&publishing);
	close_target(&publishing);
	return status;
}

static const struct verb pub_verb = {
	.operands = "TOPIC [PAYLOAD]",
	.summary = "publish a message, or many",
	.options = pub_options,
	.operands_min = 1,
	.operands_max = 2,
	.run = pub_run,
};

const struct noun pub_noun = {
	.name = "pub",
	.summary = "publish messages",
	.verbs = &pub_verb,
	.count = 1,
};
