// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Creating channels: what each value may be, and each refusal. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/capability.h>
#include <kselftest_harness.h>
#include "mq_test.h"

#define NAME "t-create"
#define OTHER "t-create-other"

/* A creation that is to be refused: its errno, if a reason came with it. */
static int refusal(struct mqt_request *request)
{
	static struct mqt_reply reply;
	int error = mqt_request_send(request, &reply);

	if (!error)
		return MQT_SUCCEEDED;
	return reply.text[0] ? -error : MQT_CHANGED;
}

static int refusal_u32(unsigned int type, uint32_t value)
{
	struct mqt_request request;

	mqt_request_start(&request, MQ_CMD_CHANNEL_CREATE);
	mqt_request_str(&request, MQ_A_NAME, NAME);
	mqt_request_u32(&request, type, value);
	return refusal(&request);
}

static int refusal_u64(unsigned int type, uint64_t value)
{
	struct mqt_request request;

	mqt_request_start(&request, MQ_CMD_CHANNEL_CREATE);
	mqt_request_str(&request, MQ_A_NAME, NAME);
	mqt_request_u64(&request, type, value);
	return refusal(&request);
}

static int refusal_claim(const char *claim, size_t len)
{
	struct mqt_request request;

	mqt_request_start(&request, MQ_CMD_CHANNEL_CREATE);
	mqt_request_str(&request, MQ_A_NAME, NAME);
	mqt_request_put(&request, MQ_A_CLAIM, claim, len);
	return refusal(&request);
}

static int refusal_name(const char *name)
{
	struct mqt_request request;

	mqt_request_start(&request, MQ_CMD_CHANNEL_CREATE);
	mqt_request_str(&request, MQ_A_NAME, name);
	return refusal(&request);
}

static void count_one(const struct mqt_attrs *attrs, void *arg)
{
	unsigned int *count = arg;

	*count += mqt_has(attrs, MQ_A_NAME);
}

static unsigned int channels(void)
{
	struct mqt_request request;
	unsigned int count = 0;

	mqt_request_start(&request, MQ_CMD_CHANNEL_GET);
	return mqt_request_dump(&request, count_one, &count) ? 0 : count;
}

FIXTURE(create) {
	uint64_t memory;
	uint64_t max_channels;
	uint64_t max_bytes;
	uint64_t max_slots;
};

FIXTURE_SETUP(create)
{
	mqt_delete(NAME);
	mqt_delete(OTHER);
	self->memory = mqt_param("memory");
	self->max_channels = mqt_param("max_channels");
	self->max_bytes = mqt_param("max_bytes");
	self->max_slots = mqt_param("max_slots");
}

FIXTURE_TEARDOWN(create)
{
	EXPECT_EQ(0, mqt_param_set("max_channels", self->max_channels));
	EXPECT_EQ(0, mqt_param_set("max_bytes", self->max_bytes));
	EXPECT_EQ(0, mqt_param_set("max_slots", self->max_slots));
	mqt_delete(NAME);
	mqt_delete(OTHER);
}

TEST_F(create, defaults)
{
	const struct mqt_config config = { .name = NAME };
	static struct mqt_reply reply;
	const struct mqt_attrs *got = &reply.attrs;
	struct mq_info info;

	ASSERT_EQ(0, mqt_create(&config));
	ASSERT_EQ(0, mqt_get(NAME, &reply));
	EXPECT_EQ(MQ_CMD_CHANNEL_GET, (int)reply.cmd);
	EXPECT_STREQ(NAME, mqt_str(got, MQ_A_NAME));
	EXPECT_EQ(MQ_SLOTS_DEFAULT, mqt_u32(got, MQ_A_SLOTS));
	EXPECT_EQ(MQ_BYTES_DEFAULT, mqt_u64(got, MQ_A_BYTES));
	EXPECT_EQ(MQ_MAX_RECORD_DEFAULT, mqt_u32(got, MQ_A_MAX_RECORD));
	EXPECT_EQ(MQ_OVERFLOW_DROP_OLDEST, mqt_u32(got, MQ_A_OVERFLOW));
	EXPECT_EQ(0U, mqt_u32(got, MQ_A_UID));
	EXPECT_EQ(0U, mqt_u32(got, MQ_A_GID));
	EXPECT_EQ(0600U, mqt_u32(got, MQ_A_MODE));
	EXPECT_EQ(1U, mqt_u64(got, MQ_A_FIRST));
	EXPECT_EQ(1U, mqt_u64(got, MQ_A_OLDEST));
	EXPECT_EQ(1U, mqt_u64(got, MQ_A_HEAD));
	EXPECT_EQ(MQ_RETAINED_DEFAULT, mqt_u32(got, MQ_A_RETAINED_MAX));
	EXPECT_EQ(MQ_RETAINED_BYTES_DEFAULT, mqt_u64(got, MQ_A_RETAINED_BYTES_MAX));
	EXPECT_EQ(MQ_CHANNEL_LIVE, mqt_u32(got, MQ_A_STATE));
	EXPECT_EQ(0U, mqt_u32(got, MQ_A_SUBSCRIPTIONS));
	EXPECT_EQ(0U, mqt_u32(got, MQ_A_PUBLISHERS));
	EXPECT_EQ(0U, mqt_u32(got, MQ_A_RETAINED));
	EXPECT_EQ(0U, mqt_u64(got, MQ_A_RETAINED_BYTES));
	EXPECT_EQ(0U, mqt_u64(got, MQ_A_PUBLISHED));
	EXPECT_EQ(0U, mqt_u64(got, MQ_A_REFUSED));
	EXPECT_EQ(0U, mqt_u64(got, MQ_A_OVERWRITTEN));
	EXPECT_EQ(0U, mqt_u64(got, MQ_A_NODE_PASSED));
	EXPECT_EQ(self->memory + mqt_u64(got, MQ_A_MEMORY), mqt_param("memory"));
	EXPECT_LE(MQ_BYTES_DEFAULT + MQ_SLOTS_DEFAULT * MQ_SLOT_SIZE + MQ_HEADER_SIZE,
		  mqt_u64(got, MQ_A_MEMORY));
	ASSERT_EQ(0, mqt_info(NAME, &info));
	EXPECT_EQ(info.id, mqt_u64(got, MQ_A_ID));
	EXPECT_STREQ(NAME, info.name);
	EXPECT_EQ(MQ_SLOTS_DEFAULT, info.slots);
	EXPECT_EQ(MQ_BYTES_DEFAULT, info.bytes);
	EXPECT_EQ(MQ_MAX_RECORD_DEFAULT, info.max_record);
	EXPECT_EQ(sizeof(NAME), info.claims_size);
}

TEST_F(create, every_value)
{
	const struct mqt_config config = {
		.name = NAME, .slots = 256, .bytes = 65536, .max_record = 1000,
		.overflow = MQ_OVERFLOW_REJECT, .first = 1ULL << 62, .mode = 0640, .uid = 12,
		.gid = 34, .retained_max = 5, .retained_bytes_max = 6000,
		.claims = { "plant/#", "a/+/b" },
	};
	static struct mqt_reply reply;
	const struct mqt_attrs *got = &reply.attrs;
	struct stat stat_buf;

	ASSERT_EQ(0, mqt_create(&config));
	ASSERT_EQ(0, mqt_get(NAME, &reply));
	EXPECT_EQ(256U, mqt_u32(got, MQ_A_SLOTS));
	EXPECT_EQ(65536U, mqt_u64(got, MQ_A_BYTES));
	EXPECT_EQ(1000U, mqt_u32(got, MQ_A_MAX_RECORD));
	EXPECT_EQ(MQ_OVERFLOW_REJECT, mqt_u32(got, MQ_A_OVERFLOW));
	EXPECT_EQ(1ULL << 62, mqt_u64(got, MQ_A_FIRST));
	EXPECT_EQ(1ULL << 62, mqt_u64(got, MQ_A_HEAD));
	EXPECT_EQ(12U, mqt_u32(got, MQ_A_UID));
	EXPECT_EQ(34U, mqt_u32(got, MQ_A_GID));
	EXPECT_EQ(0640U, mqt_u32(got, MQ_A_MODE));
	EXPECT_EQ(5U, mqt_u32(got, MQ_A_RETAINED_MAX));
	EXPECT_EQ(6000U, mqt_u64(got, MQ_A_RETAINED_BYTES_MAX));
	EXPECT_TRUE(mqt_claim_is(got, 0, "plant/#") || mqt_claim_is(got, 1, "plant/#"));
	ASSERT_EQ(0, stat("/dev/mq/" NAME, &stat_buf));
	EXPECT_EQ(S_IFCHR | 0640U, stat_buf.st_mode);
	EXPECT_EQ(12U, stat_buf.st_uid);
	EXPECT_EQ(34U, stat_buf.st_gid);
	EXPECT_EQ(mqt_u32(got, MQ_A_MINOR), minor(stat_buf.st_rdev));
}

TEST_F(create, names)
{
	static const char * const bad[] = { "", ".a", "-a", "a/b", "a b", "a\n", "\xc3\xa4", "a+" };
	static const char * const good[] = { "0", "_", "A-z.0_9" };
	char longest[MQ_NAME_MAX + 2];
	struct mqt_request request;
	struct mqt_config config = { .slots = 64, .bytes = 4096 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(EINVAL, refusal_name(bad[i])) TH_LOG("name '%s'", bad[i]);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		config.name = good[i];
		EXPECT_EQ(0, mqt_create(&config)) TH_LOG("name '%s'", good[i]);
		EXPECT_EQ(0, mqt_delete(good[i]));
	}
	memset(longest, 'n', sizeof(longest) - 1);
	longest[MQ_NAME_MAX + 1] = '\0';
	EXPECT_EQ(ENAMETOOLONG, refusal_name(longest));
	longest[MQ_NAME_MAX] = '\0';
	config.name = longest;
	EXPECT_EQ(0, mqt_create(&config));
	EXPECT_EQ(0, mqt_delete(longest));
	mqt_request_start(&request, MQ_CMD_CHANNEL_CREATE);
	EXPECT_EQ(EINVAL, refusal(&request));
}

/* Nobody but root may open it then, whoever owns it. */
TEST_F(create, a_mode_of_nothing)
{
	struct mqt_request request;
	struct mqt_reply reply;
	struct stat stat_buf;

	mqt_request_start(&request, MQ_CMD_CHANNEL_CREATE);
	mqt_request_str(&request, MQ_A_NAME, NAME);
	mqt_request_u32(&request, MQ_A_MODE, 0);
	mqt_request_u32(&request, MQ_A_UID, 1000);
	ASSERT_EQ(0, mqt_request_send(&request, &reply));
	ASSERT_EQ(0, stat("/dev/mq/" NAME, &stat_buf));
	EXPECT_EQ((mode_t)S_IFCHR, stat_buf.st_mode);
	EXPECT_EQ(1000U, stat_buf.st_uid);
	ASSERT_EQ(0, mqt_get(NAME, &reply));
	EXPECT_EQ(0U, mqt_u32(&reply.attrs, MQ_A_MODE));
}

TEST_F(create, sizes_that_cannot_be)
{
	struct mqt_request request;
	const struct mqt_config small = {
		.name = NAME, .bytes = 4096, .max_record = 1025
	};

	EXPECT_EQ(EINVAL, refusal_u32(MQ_A_SLOTS, 0));
	EXPECT_EQ(EINVAL, refusal_u32(MQ_A_SLOTS, MQ_SLOTS_MIN / 2));
	EXPECT_EQ(EINVAL, refusal_u32(MQ_A_SLOTS, MQ_SLOTS_MIN + 1));
	EXPECT_EQ(EINVAL, refusal_u64(MQ_A_BYTES, 0));
	EXPECT_EQ(EINVAL, refusal_u64(MQ_A_BYTES, 2048));
	EXPECT_EQ(EINVAL, refusal_u64(MQ_A_BYTES, 5000));
	EXPECT_EQ(EINVAL, refusal_u32(MQ_A_MAX_RECORD, 0));
	EXPECT_EQ(EINVAL, refusal_u32(MQ_A_MAX_RECORD, MQ_MAX_RECORD_MIN - 1));
	EXPECT_EQ(EINVAL, refusal_u32(MQ_A_MAX_RECORD, MQ_MAX_RECORD_MAX + 1));
	EXPECT_EQ(EINVAL, refusal_u32(MQ_A_OVERFLOW, MQ_OVERFLOW_BLOCK + 1));
	EXPECT_EQ(EINVAL, refusal_u32(MQ_A_MODE, 01000));
	EXPECT_EQ(EINVAL, refusal_u32(MQ_A_UID, UINT32_MAX));
	EXPECT_EQ(EINVAL, refusal_u32(MQ_A_GID, UINT32_MAX));
	EXPECT_EQ(EINVAL, refusal_u64(MQ_A_FIRST, 0));
	EXPECT_EQ(EINVAL, refusal_u64(MQ_A_FIRST, (1ULL << 62) + 1));
	mqt_request_config(&request, &small);
	EXPECT_EQ(EINVAL, refusal(&request));
	/* A value of the wrong width is none. */
	EXPECT_EQ(EINVAL, refusal_u64(MQ_A_SLOTS, 64));
	EXPECT_EQ(self->memory, mqt_param("memory"));
}

TEST_F(create, default_max_record_is_lowered)
{
	const struct mqt_config config = { .name = NAME, .bytes = 4096 };
	static struct mqt_reply reply;

	ASSERT_EQ(0, mqt_create(&config));
	ASSERT_EQ(0, mqt_get(NAME, &reply));
	EXPECT_EQ(1024U, mqt_u32(&reply.attrs, MQ_A_MAX_RECORD));
}

TEST_F(create, taken_names_and_claims)
{
	const struct mqt_config config = { .name = NAME, .claims = { "plant/#" } };
	static const char * const taken[] = { "plant/#", NAME };
	struct mqt_request request;
	unsigned int i;

	ASSERT_EQ(0, mqt_create(&config));
	EXPECT_EQ(EEXIST, refusal_name(NAME));
	for (i = 0; i < ARRAY_SIZE(taken); i++) {
		mqt_request_start(&request, MQ_CMD_CHANNEL_CREATE);
		mqt_request_str(&request, MQ_A_NAME, OTHER);
		mqt_request_put(&request, MQ_A_CLAIM, taken[i], strlen(taken[i]));
		EXPECT_EQ(EEXIST, refusal(&request)) TH_LOG("claim '%s'", taken[i]);
	}
	/* A name is a claim too: nobody can take it who claimed it before. */
	mqt_request_start(&request, MQ_CMD_CHANNEL_CREATE);
	mqt_request_str(&request, MQ_A_NAME, OTHER);
	mqt_request_put(&request, MQ_A_CLAIM, "unborn", 6);
	ASSERT_EQ(0, mqt_request_send(&request, NULL));
	EXPECT_EQ(EEXIST, refusal_name("unborn"));
	/* Twice in one list. */
	ASSERT_EQ(0, mqt_delete(OTHER));
	mqt_request_put(&request, MQ_A_CLAIM, "unborn", 6);
	EXPECT_EQ(EEXIST, refusal(&request));
	/* A refused channel leaves nothing behind. */
	EXPECT_EQ(-ENOENT, mqt_node(OTHER, O_RDONLY));
	EXPECT_EQ(-ENOENT, mqt_get(OTHER, &(struct mqt_reply){}));
}

TEST_F(create, claims)
{
	char deep[2 * MQ_FILTER_LEVELS_MAX + 2];
	struct mqt_request request;
	char claim[16];
	int i;

	EXPECT_EQ(EINVAL, refusal_claim("a+", 2));
	EXPECT_EQ(EINVAL, refusal_claim("#/a", 3));
	EXPECT_EQ(EINVAL, refusal_claim("", 0));
	EXPECT_EQ(EINVAL, refusal_claim("a\0b", 3));
	for (i = 0; i <= MQ_FILTER_LEVELS_MAX; i++)
		memcpy(deep + 2 * i, "l/", 2);
	EXPECT_EQ(EINVAL, refusal_claim(deep, 2 * MQ_FILTER_LEVELS_MAX + 1));
	mqt_request_start(&request, MQ_CMD_CHANNEL_CREATE);
	mqt_request_str(&request, MQ_A_NAME, NAME);
	for (i = 0; i < MQ_CLAIMS_MAX; i++) {
		snprintf(claim, sizeof(claim), "claim/%d", i);
		mqt_request_put(&request, MQ_A_CLAIM, claim, strlen(claim));
	}
	ASSERT_EQ(0, mqt_request_send(&request, NULL));
	ASSERT_EQ(0, mqt_delete(NAME));
	mqt_request_put(&request, MQ_A_CLAIM, "one/more", 8);
	EXPECT_EQ(E2BIG, refusal(&request));
}

TEST_F(create, limits_of_the_module)
{
	const struct mqt_config config = { .name = NAME, .slots = 64, .bytes = 4096 };

	ASSERT_EQ(0, mqt_param_set("max_slots", 128));
	EXPECT_EQ(ERANGE, refusal_u32(MQ_A_SLOTS, 256));
	ASSERT_EQ(0, mqt_param_set("max_slots", self->max_slots));
	EXPECT_EQ(ERANGE, refusal_u32(MQ_A_SLOTS, 2 * self->max_slots));

	ASSERT_EQ(0, mqt_param_set("max_channels", channels()));
	EXPECT_EQ(ENFILE, refusal_name(NAME));
	ASSERT_EQ(0, mqt_param_set("max_channels", channels() + 1));
	EXPECT_EQ(0, mqt_create(&config));
	EXPECT_EQ(ENFILE, refusal_name(OTHER));
	EXPECT_EQ(0, mqt_delete(NAME));
	ASSERT_EQ(0, mqt_param_set("max_channels", self->max_channels));

	ASSERT_EQ(0, mqt_param_set("max_bytes", self->memory + 4096));
	EXPECT_EQ(EDQUOT, refusal_u32(MQ_A_SLOTS, 64));
	ASSERT_EQ(0, mqt_param_set("max_bytes", self->max_bytes));
	EXPECT_EQ(self->memory, mqt_param("memory"));
	EXPECT_EQ(0, mqt_create(&config));
}

/* A limit of the module: who runs into it, and how often that is told. */
struct module_limit {
	enum mq_limit limit;
	int error;
	const char *counter;
	unsigned int attribute;
	uint64_t value;
	uint64_t counted;
};

static const char *not_told(const struct mqt_attrs *attrs, const struct module_limit *limit,
			    uint64_t before)
{
	if (mqt_u32(attrs, MQ_A_EVENT) != MQ_EVENT_REFUSED)
		return "event";
	if (mqt_u32(attrs, MQ_A_LIMIT) != limit->limit)
		return "limit";
	if (mqt_u32(attrs, MQ_A_UID))
		return "uid";
	if (mqt_u32(attrs, MQ_A_PID) != (uint32_t)getpid())
		return "pid";
	if (mqt_has(attrs, MQ_A_ID))
		return "id";
	/* A second, less what a tick may be. */
	if (mqt_u64(attrs, MQ_A_TIME) < before + 900000000)
		return "time";
	return "";
}

/* Is refused until it was told twice. Empty, or what is not as it should be. */
static const char *run_into(const struct module_limit *limit, int events)
{
	static struct mqt_reply event;
	unsigned int told = 0, tries = 0;
	const char *wrong = "";
	uint64_t time = 0;

	while (told < 2 && !*wrong) {
		int error = limit->attribute == MQ_A_SLOTS ?
			    refusal_u32(limit->attribute, limit->value) :
			    refusal_u64(limit->attribute, limit->value);

		tries++;
		if (error != limit->error)
			return "errno";
		if (mqt_param(limit->counter) != limit->counted + tries)
			return "counter";
		while (!*wrong && !mqt_events_next(events, &event)) {
			if (strcmp(NAME, mqt_str(&event.attrs, MQ_A_NAME)))
				continue;
			told++;
			wrong = not_told(&event.attrs, limit, time);
			time = mqt_u64(&event.attrs, MQ_A_TIME);
		}
	}
	return *wrong || tries > told ? wrong : "each one is told";
}

TEST_F(create, limits_are_counted_and_told)
{
	struct module_limit limits[] = {
		{ MQ_LIMIT_CHANNELS, ENFILE, "refused_channels", MQ_A_BYTES, 4096, 0 },
		{ MQ_LIMIT_BYTES, EDQUOT, "refused_bytes", MQ_A_BYTES, 1ULL << 40, 0 },
		{ MQ_LIMIT_SLOTS, ERANGE, "refused_slots", MQ_A_SLOTS, 2 * self->max_slots, 0 },
	};
	int events = mqt_events_open();
	unsigned int i, j;

	ASSERT_LE(0, events);
	ASSERT_EQ(0, fcntl(events, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, mqt_param_set("max_channels", channels()));
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		for (j = 0; j < ARRAY_SIZE(limits); j++)
			limits[j].counted = mqt_param(limits[j].counter);
		EXPECT_STREQ("", run_into(&limits[i], events)) TH_LOG("%s", limits[i].counter);
		for (j = 0; j < ARRAY_SIZE(limits); j++)
			if (j != i)
				EXPECT_EQ(limits[j].counted, mqt_param(limits[j].counter));
		EXPECT_GT(0, mqt_param_set(limits[i].counter, 0));
	}
	EXPECT_EQ(self->memory, mqt_param("memory"));
}

TEST_F(create, parameters_are_bounds_not_wishes)
{
	/* A byte area beyond the bound of the module is refused, not tried. */
	EXPECT_EQ(EDQUOT, refusal_u64(MQ_A_BYTES, 1ULL << 62));
	EXPECT_EQ(self->memory, mqt_param("memory"));
}

TEST_HARNESS_MAIN
