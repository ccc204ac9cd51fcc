// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Attributes that cannot be: whatever a request has beside what its command lists,
 * or in another size, refuses all of it, and all is as before.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-attributes"
#define OTHER "t-attributes-other"

/* The longest attribute that is tried. */
#define LONGEST 256

/* Commands as a set. */
#define ON(command) (1U << (command))
#define ALL (ON(MQ_CMD_CHANNEL_CREATE) | ON(MQ_CMD_CHANNEL_DELETE) | ON(MQ_CMD_CHANNEL_GET) | \
	     ON(MQ_CMD_CHANNEL_SET) | ON(MQ_CMD_CHANNEL_PURGE) | ON(MQ_CMD_SUBSCRIPTION_GET))
#define CONFIG (ON(MQ_CMD_CHANNEL_CREATE) | ON(MQ_CMD_CHANNEL_SET))

/* What commands list, from linux/mq_netlink.h, and the sizes that can be. */
static const struct {
	unsigned int type;
	unsigned int commands;
	size_t least, most;
	bool fixed;	/* in a live channel */
} listed[] = {
	{ MQ_A_NAME, ALL, 1, LONGEST, false },
	{ MQ_A_SLOTS, CONFIG, 4, 4, true },
	{ MQ_A_BYTES, CONFIG, 8, 8, true },
	{ MQ_A_MAX_RECORD, CONFIG, 4, 4, true },
	{ MQ_A_OVERFLOW, CONFIG, 4, 4, true },
	{ MQ_A_UID, CONFIG, 4, 4, true },
	{ MQ_A_GID, CONFIG, 4, 4, true },
	{ MQ_A_MODE, CONFIG, 4, 4, true },
	{ MQ_A_CLAIM, CONFIG, 1, 255, false },
	{ MQ_A_CLAIMS_NONE, ON(MQ_CMD_CHANNEL_SET), 0, 0, false },
	{ MQ_A_FIRST, CONFIG, 8, 8, true },
	{ MQ_A_RETAINED_MAX, CONFIG, 4, 4, false },
	{ MQ_A_RETAINED_BYTES_MAX, CONFIG, 8, 8, false },
	{ MQ_A_EVICT_AFTER, CONFIG, 4, 4, false },
	{ MQ_A_HOLD, CONFIG, 4, 4, false },
};

/* A command and how it is asked. */
struct question {
	unsigned int command;
	bool dump;
};

static const struct question questions[] = {
	{ MQ_CMD_CHANNEL_CREATE, false },
	{ MQ_CMD_CHANNEL_DELETE, false },
	{ MQ_CMD_CHANNEL_GET, false },
	{ MQ_CMD_CHANNEL_GET, true },
	{ MQ_CMD_CHANNEL_SET, false },
	{ MQ_CMD_CHANNEL_PURGE, false },
	{ MQ_CMD_SUBSCRIPTION_GET, true },
};

FIXTURE(attributes) {
	struct mqt_subscription subscription;
	struct mqt_state before;
	struct mqt_request request;
	int socket;
	unsigned int answers;
};

FIXTURE_SETUP(attributes)
{
	const struct mqt_config config = {
		.name = NAME, .slots = 64, .bytes = 8192, .overflow = MQ_OVERFLOW_REJECT,
		.claims = { "a/#" },
	};
	int publisher;

	mqt_delete(OTHER);
	ASSERT_EQ(0, mqt_create(&config));
	ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "a/#"));
	publisher = mqt_publisher(NAME, MQ_PUBLISHER_NONBLOCK);
	ASSERT_EQ(0, mqt_retain(publisher, "a/1", "x", 1));
	ASSERT_EQ(0, mqt_state_get(NAME, &self->before));
	mqt_request_start(&self->request, MQ_CMD_CHANNEL_GET);
	self->socket = mqt_request_open(&self->request);
	ASSERT_LE(0, self->socket);
}

/* What became of what refused requests were to leave alone; empty: nothing. */
static const char *changed(FIXTURE_DATA(attributes) * self)
{
	struct mqt_state after;

	if (mqt_node(OTHER, O_RDONLY) != -ENOENT)
		return "a channel was created";
	if (mqt_state_get(NAME, &after))
		return "no state";
	return mqt_state_differs(&self->before, &after) ?: "";
}

FIXTURE_TEARDOWN(attributes)
{
	EXPECT_STREQ("", changed(self));
	mqt_delete(NAME);
	mqt_delete(OTHER);
}

/* A request that would have its effect, or its answer, as it is. */
static void begin(FIXTURE_DATA(attributes) * self, const struct question *question,
		  const char *name)
{
	unsigned int family = ((struct nlmsghdr *)self->request.data)->nlmsg_type;

	mqt_request_start(&self->request, question->command);
	((struct nlmsghdr *)self->request.data)->nlmsg_type = family;
	if (name)
		mqt_request_str(&self->request, MQ_A_NAME, name);
	if (question->command == MQ_CMD_CHANNEL_SET)
		mqt_request_u32(&self->request, MQ_A_RETAINED_MAX, 1);
}

/* It makes one channel and leaves the other alone. */
static const char *name_for(const struct question *question)
{
	return question->command == MQ_CMD_CHANNEL_CREATE ? OTHER : NAME;
}

static void count(const struct mqt_attrs *attrs, void *arg)
{
	(void)attrs;
	++*(unsigned int *)arg;
}

/* Whether it was refused with that errno, or the other one, and by a reason. */
static bool refused_by(FIXTURE_DATA(attributes) * self, const struct question *question,
		       int error, int other)
{
	static struct mqt_reply reply;
	int result;

	self->answers = 0;
	if (question->dump)
		result = mqt_request_dump_on(self->socket, &self->request, count, &self->answers);
	else
		result = mqt_request_on(self->socket, &self->request, &reply);
	if ((result == -error || result == -other) && !self->answers &&
	    (question->dump || reply.text[0]))
		return true;
	fprintf(stderr, "# command %u%s: %d instead of %d '%s'\n", question->command,
		question->dump ? " as a dump" : "", result, -error, reply.text);
	return false;
}

static bool refused(FIXTURE_DATA(attributes) * self, const struct question *question, int error)
{
	return refused_by(self, question, error, error);
}

/* Likewise, because of one more attribute of that size. */
static bool refuses(FIXTURE_DATA(attributes) * self, const struct question *question,
		    unsigned int type, size_t size)
{
	static const char bytes[LONGEST + 1];

	/* A second name would be one too many. */
	begin(self, question, type == MQ_A_NAME ? NULL : name_for(question));
	mqt_request_put(&self->request, type, bytes, size);
	/* Of a flag with a value kernels think differently. */
	if (refused_by(self, question, EINVAL,
		       type == MQ_A_CLAIMS_NONE && size ? ERANGE : EINVAL))
		return true;
	fprintf(stderr, "# with attribute %u of %zu bytes\n", type, size);
	return false;
}

TEST_F(attributes, the_requests_without_them)
{
	static const struct mqt_config config = { .name = NAME, .slots = 64, .bytes = 4096 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(questions); i++) {
		const struct question *question = &questions[i];

		ASSERT_EQ(0, mqt_create(&config));
		ASSERT_EQ(0, mqt_subscribe_to(&self->subscription, NAME, 0, "#"));
		self->answers = 0;
		begin(self, question, name_for(question));
		if (!question->dump) {
			EXPECT_EQ(0, mqt_request_on(self->socket, &self->request, NULL));
			continue;
		}
		EXPECT_EQ(0, mqt_request_dump_on(self->socket, &self->request, count,
						 &self->answers));
		EXPECT_EQ(1U, self->answers);
	}
	ASSERT_EQ(0, mqt_delete(OTHER));
	ASSERT_EQ(0, mqt_state_get(NAME, &self->before));
}

static void other_sizes(struct __test_metadata *_metadata, FIXTURE_DATA(attributes) * self,
			const struct question *question, unsigned int type, size_t least,
			size_t most)
{
	if (least)
		EXPECT_TRUE(refuses(self, question, type, 0));
	if (least > 1)
		EXPECT_TRUE(refuses(self, question, type, least - 1));
	if (most < LONGEST)
		EXPECT_TRUE(refuses(self, question, type, most + 1));
}

TEST_F(attributes, of_another_size)
{
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(questions); i++)
		for (k = 0; k < ARRAY_SIZE(listed); k++)
			if (listed[k].commands & ON(questions[i].command))
				other_sizes(_metadata, self, &questions[i], listed[k].type,
					    listed[k].least, listed[k].most);
}

static bool lists(unsigned int command, unsigned int type)
{
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(listed); k++)
		if (listed[k].type == type)
			return listed[k].commands & ON(command);
	return false;
}

/* What only answers have, what other commands list, and what nobody knows. */
TEST_F(attributes, that_a_command_does_not_list)
{
	static const size_t sizes[] = { 0, 4, 8 };
	static const unsigned int unknown[] = {
		MQ_A_UNSPEC, MQ_A_MAX + 1, MQ_A_MAX + 2, UINT8_MAX + 1, NLA_TYPE_MASK,
	};
	const struct question *question;
	unsigned int i, k, type;

	for (i = 0; i < ARRAY_SIZE(questions) * ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i % ARRAY_SIZE(sizes)];

		question = &questions[i / ARRAY_SIZE(sizes)];
		for (type = MQ_A_NAME; type <= MQ_A_MAX; type++)
			if (!lists(question->command, type))
				EXPECT_TRUE(refuses(self, question, type, size));
		for (k = 0; k < ARRAY_SIZE(unknown); k++)
			EXPECT_TRUE(refuses(self, question, unknown[k], size));
	}
}

/* One of the right size that says it has others in it, and bytes that are none. */
TEST_F(attributes, that_are_none)
{
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(questions); i++) {
		for (k = 0; k < ARRAY_SIZE(listed); k++)
			if (listed[k].commands & ON(questions[i].command))
				EXPECT_TRUE(refuses(self, &questions[i],
						    listed[k].type | NLA_F_NESTED,
						    listed[k].least));
		begin(self, &questions[i], name_for(&questions[i]));
		memset(self->request.data + self->request.len, 0, NLA_HDRLEN);
		self->request.len += NLA_HDRLEN;
		EXPECT_TRUE(refused(self, &questions[i], EINVAL));
	}
}

TEST_F(attributes, a_name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(questions); i++) {
		const struct question *question = &questions[i];
		bool create = question->command == MQ_CMD_CHANNEL_CREATE;

		/* Only a dump can do without. */
		begin(self, question, NULL);
		if (!question->dump)
			EXPECT_TRUE(refused(self, question, EINVAL));
		mqt_request_put(&self->request, MQ_A_NAME, name_for(question),
				strlen(name_for(question)));
		EXPECT_TRUE(refused(self, question, EINVAL));
		/* No channel has the empty name, and none can get it. */
		begin(self, question, "");
		EXPECT_TRUE(refused(self, question, create ? EINVAL : ENOENT));
	}
}

TEST_F(attributes, claims_and_none)
{
	static const struct question create = { MQ_CMD_CHANNEL_CREATE, false };
	static const struct question set = { MQ_CMD_CHANNEL_SET, false };

	begin(self, &create, OTHER);
	mqt_request_put(&self->request, MQ_A_CLAIMS_NONE, NULL, 0);
	EXPECT_TRUE(refused(self, &create, EINVAL));
	mqt_request_put(&self->request, MQ_A_CLAIM, "b", 1);
	EXPECT_TRUE(refused(self, &create, EINVAL));
	begin(self, &set, NAME);
	mqt_request_put(&self->request, MQ_A_CLAIM, "b", 1);
	mqt_request_put(&self->request, MQ_A_CLAIMS_NONE, NULL, 0);
	EXPECT_TRUE(refused(self, &set, EINVAL));
	begin(self, &set, NAME);
	mqt_request_put(&self->request, MQ_A_CLAIMS_NONE, NULL, 0);
	mqt_request_put(&self->request, MQ_A_CLAIM, "b", 1);
	EXPECT_TRUE(refused(self, &set, EINVAL));
}

TEST_F(attributes, nothing_to_change)
{
	static const struct question get = { MQ_CMD_CHANNEL_GET, false };
	static const struct question set = { MQ_CMD_CHANNEL_SET, false };

	/* A request of a name only. */
	begin(self, &get, NAME);
	((struct genlmsghdr *)NLMSG_DATA(self->request.data))->cmd = MQ_CMD_CHANNEL_SET;
	EXPECT_TRUE(refused(self, &set, EINVAL));
}

/* Not even beside what could. */
TEST_F(attributes, what_cannot_change)
{
	static const struct question set = { MQ_CMD_CHANNEL_SET, false };
	const uint64_t value = 4096;
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(listed); k++) {
		if (!listed[k].fixed)
			continue;
		begin(self, &set, NAME);
		mqt_request_put(&self->request, listed[k].type, &value, listed[k].least);
		EXPECT_TRUE(refused(self, &set, EOPNOTSUPP));
	}
}

/* No command has that number, or it is not asked that way. */
TEST_F(attributes, questions_that_cannot_be)
{
	static const struct question none[] = {
		{ MQ_CMD_UNSPEC, false },
		{ MQ_CMD_SUBSCRIPTION_GET, false },
		{ MQ_CMD_EVENT, false },
		{ MQ_CMD_MAX + 1, false },
		{ UINT8_MAX, false },
		{ MQ_CMD_CHANNEL_CREATE, true },
		{ MQ_CMD_CHANNEL_DELETE, true },
		{ MQ_CMD_CHANNEL_SET, true },
		{ MQ_CMD_CHANNEL_PURGE, true },
		{ MQ_CMD_EVENT, true },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(none); i++) {
		begin(self, &none[i], name_for(&none[i]));
		self->answers = 0;
		EXPECT_EQ(-EOPNOTSUPP,
			  none[i].dump ?
			  mqt_request_dump_on(self->socket, &self->request, count, &self->answers) :
			  mqt_request_on(self->socket, &self->request, NULL));
		EXPECT_EQ(0U, self->answers);
	}
}

TEST_HARNESS_MAIN
