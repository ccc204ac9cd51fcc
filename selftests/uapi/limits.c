// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Limits that are a number of something, of a channel or of a user: who runs into
 * one gets its errno and nothing else happens, but that it is counted and told, and
 * by whom; and who is exempt.
 */
#include <sys/resource.h>
#include <linux/capability.h>
#include <kselftest_harness.h>
#include "limits_test.h"

#define USER 1000U
/* Pages of a subscription that count as locked. */
#define PAGES 2U

#define NOBODY -1

enum base { NODE, PUBLISHER, SUBSCRIPTION };

/*
 * @param: its parameter; NULL: RLIMIT_MEMLOCK
 * @base: what the calls are made on
 * @undo: gives up what @run made last
 * @capability: who has it is exempt; NOBODY is
 */
struct kind {
	const char *param;
	enum mq_limit limit;
	int error;
	enum base base;
	int (*run)(int fd);
	int (*undo)(int fd);
	int capability;
};

static int set_most(const struct kind *kind, const struct mqt_agent *agent, uint64_t most)
{
	const struct rlimit pages = { most * PAGES * 4096, most * PAGES * 4096 };

	if (kind->param)
		return mqt_param_set(kind->param, most);
	return prlimit(agent->pid, RLIMIT_MEMLOCK, &pages, NULL) ? -errno : 0;
}

/* A descriptor for the calls, on the account of who makes them. */
static int make_base(const struct kind *kind, const struct mqt_agent *agent, int node)
{
	if (kind->base == NODE)
		return node;
	return mqt_agent_ask(agent, kind->base == PUBLISHER ? open_publisher : subscribe, node);
}

/* Two may be there, then three; and one that is given up makes room. */
static void run_into(struct __test_metadata *_metadata, struct stage *stage,
		     const struct kind *kind, const struct mqt_agent *agent)
{
	int base = make_base(kind, agent, stage->node);
	int last;

	ASSERT_LE(0, base);
	ASSERT_EQ(0, set_most(kind, agent, 2));
	ASSERT_LE(0, mqt_agent_ask(agent, kind->run, base));
	ASSERT_LE(0, mqt_agent_ask(agent, kind->run, base));
	EXPECT_STREQ("", refused(stage, agent, kind->run, base, kind->limit, kind->error));
	ASSERT_EQ(0, set_most(kind, agent, 3));
	last = mqt_agent_ask(agent, kind->run, base);
	EXPECT_LE(0, last);
	EXPECT_EQ(-kind->error, mqt_agent_ask(agent, kind->run, base));
	EXPECT_EQ(0, mqt_agent_ask(agent, kind->undo, kind->base == NODE ? last : base));
	EXPECT_LE(0, mqt_agent_ask(agent, kind->run, base));
	EXPECT_EQ(2U, refusals(kind->limit));
	/* There are more already than there may be. */
	ASSERT_EQ(0, set_most(kind, agent, 1));
	EXPECT_EQ(-kind->error, mqt_agent_ask(agent, kind->run, base));
	EXPECT_EQ(3U, refusals(kind->limit));
}

FIXTURE(channel) {
	struct stage stage;
};

FIXTURE_VARIANT(channel) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(channel, subscriptions) {
	.kind = { "max_subscriptions", MQ_LIMIT_SUBSCRIPTIONS, EUSERS, NODE, subscribe, close_fd,
		  NOBODY },
};

FIXTURE_VARIANT_ADD(channel, publishers) {
	.kind = { "max_publishers", MQ_LIMIT_PUBLISHERS, EUSERS, NODE, open_publisher, close_fd,
		  NOBODY },
};

FIXTURE_VARIANT_ADD(channel, filters_of_a_subscription) {
	.kind = { "max_filters_per_subscription", MQ_LIMIT_FILTERS, EMFILE, SUBSCRIPTION,
		  add_filter, remove_filter, NOBODY },
};

FIXTURE_VARIANT_ADD(channel, filters) {
	.kind = { "max_filters_per_channel", MQ_LIMIT_FILTERS, ENFILE, SUBSCRIPTION,
		  add_filter, remove_filter, NOBODY },
};

FIXTURE_VARIANT_ADD(channel, wills_of_a_publisher) {
	.kind = { "max_wills_per_publisher", MQ_LIMIT_WILLS, EMFILE, PUBLISHER,
		  set_will, clear_will, NOBODY },
};

FIXTURE_SETUP(channel)
{
	ASSERT_EQ(0, set_up(&self->stage));
}

FIXTURE_TEARDOWN(channel)
{
	EXPECT_EQ(0, tear_down(&self->stage));
}

/* These know no exemption: the test has all capabilities. */
TEST_F(channel, one_too_many)
{
	run_into(_metadata, &self->stage, &variant->kind, &self->stage.me);
}

FIXTURE(user) {
	struct stage stage;
};

FIXTURE_VARIANT(user) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(user, subscriptions) {
	.kind = { "max_subscriptions_per_user", MQ_LIMIT_USER, EDQUOT, NODE, subscribe, close_fd,
		  CAP_SYS_RESOURCE },
};

FIXTURE_VARIANT_ADD(user, publishers) {
	.kind = { "max_publishers_per_user", MQ_LIMIT_USER, EDQUOT, NODE, open_publisher, close_fd,
		  CAP_SYS_RESOURCE },
};

FIXTURE_VARIANT_ADD(user, filters) {
	.kind = { "max_filters_per_user", MQ_LIMIT_USER, EDQUOT, SUBSCRIPTION, add_filter,
		  remove_filter, CAP_SYS_RESOURCE },
};

FIXTURE_VARIANT_ADD(user, wills) {
	.kind = { "max_wills_per_user", MQ_LIMIT_USER, EDQUOT, PUBLISHER, set_will, clear_will,
		  CAP_SYS_RESOURCE },
};

FIXTURE_VARIANT_ADD(user, locked_memory) {
	.kind = { NULL, MQ_LIMIT_MEMLOCK, ENOBUFS, NODE, subscribe, close_fd, CAP_IPC_LOCK },
};

FIXTURE_SETUP(user)
{
	ASSERT_EQ(0, set_up(&self->stage));
}

FIXTURE_TEARDOWN(user)
{
	EXPECT_EQ(0, tear_down(&self->stage));
}

TEST_F(user, one_too_many)
{
	ASSERT_EQ(0, mqt_agent_start(&self->stage.agent[0], USER, 0));
	run_into(_metadata, &self->stage, &variant->kind, &self->stage.agent[0]);
}

/* It is the capability that counts, not the user. */
TEST_F(user, exempt)
{
	const struct kind *kind = &variant->kind;
	struct stage *stage = &self->stage;
	struct mqt_agent *agent = stage->agent;
	int base;

	ASSERT_EQ(0, mqt_agent_start(&agent[0], 0, kind->capability));
	base = make_base(kind, &agent[0], stage->node);
	ASSERT_LE(0, base);
	ASSERT_EQ(0, set_most(kind, &agent[0], 0));
	EXPECT_STREQ("", refused(stage, &agent[0], kind->run, base, kind->limit, kind->error));
	ASSERT_EQ(0, mqt_agent_start(&agent[1], 0, CAP_SYS_TIME));
	base = make_base(kind, &agent[1], stage->node);
	ASSERT_LE(0, base);
	ASSERT_EQ(0, set_most(kind, &agent[1], 0));
	EXPECT_LE(0, mqt_agent_ask(&agent[1], kind->run, base));
	EXPECT_EQ(1U, refusals(kind->limit));
}

/* Two processes, two channels, one account; another user has another. */
TEST_F(user, one_account)
{
	const struct kind *kind = &variant->kind;
	struct stage *stage = &self->stage;
	struct mqt_agent *agent = stage->agent;
	int base[3], i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, mqt_agent_start(&agent[i], USER + i / 2, 0));
		base[i] = make_base(kind, &agent[i], i == 1 ? stage->other : stage->node);
		ASSERT_LE(0, base[i]);
		ASSERT_EQ(0, set_most(kind, &agent[i], 2));
	}
	ASSERT_LE(0, mqt_agent_ask(&agent[0], kind->run, base[0]));
	/* That channel has topics of its own. */
	ASSERT_LE(0, mqt_agent_ask(&agent[1], kind->run == set_will ? set_will_of_other : kind->run,
				   base[1]));
	EXPECT_STREQ("", refused(stage, &agent[0], kind->run, base[0], kind->limit, kind->error));
	EXPECT_LE(0, mqt_agent_ask(&agent[2], kind->run, base[2]));
	/* Who dies gives up all. */
	mqt_agent_end(&agent[1]);
	EXPECT_LE(0, mqt_agent_ask(&agent[0], kind->run, base[0]));
}

/* ---- whose account it is ------------------------------------------------- */

FIXTURE(limits) {
	struct stage stage;
	int publisher;
	int subscription;
};

FIXTURE_SETUP(limits)
{
	ASSERT_EQ(0, set_up(&self->stage));
	self->publisher = open_publisher(self->stage.node);
	ASSERT_LE(0, self->publisher);
	self->subscription = subscribe(self->stage.node);
	ASSERT_LE(0, self->subscription);
}

FIXTURE_TEARDOWN(limits)
{
	EXPECT_EQ(0, tear_down(&self->stage));
}

/* What one limit refuses counts for no other. */
TEST_F(limits, nothing_is_taken)
{
	struct mqt_agent *agent = &self->stage.agent[0];
	int node = self->stage.node;
	int publisher, i;

	ASSERT_EQ(0, mqt_agent_start(agent, USER, 0));
	ASSERT_EQ(0, mqt_param_set("max_subscriptions_per_user", 1));
	ASSERT_EQ(0, mqt_param_set("max_publishers_per_user", 2));
	ASSERT_EQ(0, mqt_param_set("max_wills_per_user", 1));
	publisher = mqt_agent_ask(agent, open_publisher, node);
	ASSERT_LE(0, publisher);
	ASSERT_EQ(0, mqt_param_set("max_subscriptions", 1));
	ASSERT_EQ(0, mqt_param_set("max_publishers", 2));
	ASSERT_EQ(2U, repeat(set_large_will, self->publisher, 2));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EUSERS, mqt_agent_ask(agent, subscribe, node));
		EXPECT_EQ(-EUSERS, mqt_agent_ask(agent, open_publisher, node));
		EXPECT_EQ(-EDQUOT, mqt_agent_ask(agent, set_large_will, publisher));
	}
	EXPECT_EQ(0U, refusals(MQ_LIMIT_USER));
	EXPECT_EQ(3U, refusals(MQ_LIMIT_WILLS));
	ASSERT_EQ(0, mqt_param_set("max_subscriptions", 2));
	ASSERT_EQ(0, mqt_param_set("max_publishers", 3));
	EXPECT_LE(0, mqt_agent_ask(agent, subscribe, node));
	EXPECT_LE(0, mqt_agent_ask(agent, open_publisher, node));
	EXPECT_EQ(0, mqt_agent_ask(agent, set_will, publisher));
	EXPECT_EQ(-EDQUOT, mqt_agent_ask(agent, set_will, publisher));
}

/* The account is that of the maker; told of is who ran into it. */
TEST_F(limits, a_descriptor_that_is_passed_on)
{
	struct mqt_agent *agent = &self->stage.agent[0];
	int pidfd, fd;

	ASSERT_EQ(0, mqt_agent_start(agent, USER, 0));
	fd = mqt_agent_ask(agent, subscribe, self->stage.node);
	pidfd = syscall(SYS_pidfd_open, agent->pid, 0);
	fd = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mqt_param_set("max_filters_per_user", 1));
	EXPECT_EQ(0, add_filter(fd));
	EXPECT_STREQ("", refused(&self->stage, &self->stage.me, add_filter, fd, MQ_LIMIT_USER,
				 EDQUOT));
	EXPECT_EQ(0, add_filter(self->subscription));
	/* And the other way: who is exempt has made it. */
	EXPECT_EQ(0, mqt_agent_ask(agent, add_filter, self->subscription));
}

static int open_node(int unused)
{
	(void)unused;
	return mqt_node(NAME, O_RDWR);
}

/* The publisher behind a node is on the account of who opened it. */
TEST_F(limits, a_write_to_a_node)
{
	struct mqt_agent *agent = &self->stage.agent[0];
	int pidfd, theirs, node;

	ASSERT_EQ(0, mqt_agent_start(agent, 0, CAP_SYS_RESOURCE));
	theirs = mqt_agent_ask(agent, open_node, 0);
	ASSERT_LE(0, theirs);
	pidfd = syscall(SYS_pidfd_open, agent->pid, 0);
	node = syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
	ASSERT_LE(0, node);
	ASSERT_EQ(0, mqt_param_set("max_publishers_per_user", 0));
	EXPECT_STREQ("", refused(&self->stage, agent, write_node, theirs, MQ_LIMIT_USER, EDQUOT));
	EXPECT_EQ(-EDQUOT, write_node(node));
	EXPECT_EQ(2U, refusals(MQ_LIMIT_USER));
	EXPECT_EQ(0, write_node(self->stage.node));
	ASSERT_EQ(0, mqt_param_set("max_publishers_per_user", 1));
	EXPECT_EQ(0, write_node(node));
	/* It is there by now. */
	ASSERT_EQ(0, mqt_param_set("max_publishers_per_user", 0));
	EXPECT_EQ(0, mqt_agent_ask(agent, write_node, theirs));
}

TEST_HARNESS_MAIN
