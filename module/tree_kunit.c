// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the tree of filters.
 *
 * Every filter and every topic that can be made of a small alphabet: the
 * matcher (linux/mq_topic.h) is held against a model that knows levels instead
 * of bytes, then the tree against the matcher.
 */
#include <kunit/test.h>
#include <linux/mq_topic.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "tree.h"

/*
 * A name by its levels, each one of: empty, "a", "$", and then "b" in a topic,
 * "+" in a filter. A filter may end in '#'.
 */
#define LETTERS		4
#define LETTER_OWN	3
#define LEVELS_MAX	4

struct name {
	u8 level[LEVELS_MAX];
	u8 levels;
	bool multi;
	bool found;
	u32 len;
	char text[2 * LEVELS_MAX + 2];
};

static void name_write(struct name *name, const char *letters)
{
	u8 i;

	name->len = 0;
	for (i = 0; i < name->levels; i++) {
		if (i)
			name->text[name->len++] = '/';
		if (letters[name->level[i]] != '-')
			name->text[name->len++] = letters[name->level[i]];
	}
	if (name->multi) {
		if (name->levels)
			name->text[name->len++] = '/';
		name->text[name->len++] = '#';
	}
	name->text[name->len] = '\0';
}

/* The name with this number; false: there is none, or it is empty. */
static bool name_make(struct name *name, u32 number, u8 levels, bool multi, const char *letters)
{
	u8 i;

	memset(name, 0, sizeof(*name));
	name->levels = levels;
	name->multi = multi;
	for (i = 0; i < levels; i++) {
		name->level[i] = number % LETTERS;
		number /= LETTERS;
	}
	name_write(name, letters);
	return !number && name->len;
}

static u32 names_of(u8 levels)
{
	return 1U << (2 * levels);	/* LETTERS to that power */
}

struct tree_test {
	struct mq_tree tree;
	void *matches[MQ_TREE_MATCHES_MAX];
	u32 count;
	struct name filters[2 * (1 + 4 + 16 + 64)];
};

#define FILTER_LEVELS	3
#define TOPIC_LEVELS	4

static void filters_make(struct tree_test *t)
{
	u32 number;
	u8 levels;

	for (levels = 0; levels <= FILTER_LEVELS; levels++)
		for (number = 0; number < 2 * names_of(levels); number++)
			t->count += name_make(&t->filters[t->count], number / 2, levels,
					      number % 2, "-a$+");
}

/* Calls @check for every topic. */
static void topics_each(struct kunit *test, void (*check)(struct kunit *, const struct name *))
{
	struct name topic;
	u32 number;
	u8 levels;

	for (levels = 1; levels <= TOPIC_LEVELS; levels++)
		for (number = 0; number < names_of(levels); number++)
			if (name_make(&topic, number, levels, false, "-a$b"))
				check(test, &topic);
}

/* The rules of MQTT 5.0, section 4.7, on levels. */
static bool model_match(const struct name *filter, const struct name *topic)
{
	bool first_is_wild = filter->levels ? filter->level[0] == LETTER_OWN : filter->multi;
	u8 i;

	if (topic->text[0] == '$' && first_is_wild)
		return false;
	if (filter->multi ? topic->levels < filter->levels : topic->levels != filter->levels)
		return false;
	for (i = 0; i < filter->levels; i++)
		if (filter->level[i] != LETTER_OWN && filter->level[i] != topic->level[i])
			return false;
	return true;
}

static void check_matcher(struct kunit *test, const struct name *topic)
{
	struct tree_test *t = test->priv;
	u32 i;

	for (i = 0; i < t->count; i++) {
		const struct name *filter = &t->filters[i];
		bool match = mq_topic_match(filter->text, filter->len, topic->text, topic->len);

		if (match != model_match(filter, topic))
			KUNIT_FAIL(test, "filter '%s', topic '%s': %d", filter->text,
				   topic->text, match);
	}
}

static void matcher_is_the_model(struct kunit *test)
{
	topics_each(test, check_matcher);
}

/* As a publish asks: without the RCU lock the tests may report at leisure. */
static int tree_match(struct tree_test *t, const char *topic, u32 len)
{
	int count;

	rcu_read_lock();
	count = mq_tree_match(&t->tree, topic, len, t->matches);
	rcu_read_unlock();
	return count;
}

static void *tree_best(struct tree_test *t, const char *topic, u32 len)
{
	void *best;

	rcu_read_lock();
	best = mq_tree_best(&t->tree, topic, len);
	rcu_read_unlock();
	return best;
}

/* All that the tree finds matches, each once, and nothing else does. */
static void check_tree(struct kunit *test, const struct name *topic)
{
	struct tree_test *t = test->priv;
	int expected = 0;
	int count;
	u32 i;

	for (i = 0; i < t->count; i++)
		t->filters[i].found = false;
	count = tree_match(t, topic->text, topic->len);
	for (i = 0; (int)i < count; i++) {
		struct name *filter = t->matches[i];

		KUNIT_EXPECT_FALSE_MSG(test, filter->found, "'%s' twice", filter->text);
		filter->found = true;
	}
	for (i = 0; i < t->count; i++) {
		const struct name *filter = &t->filters[i];
		bool match = mq_topic_match(filter->text, filter->len, topic->text, topic->len);

		expected += match;
		if (match != filter->found)
			KUNIT_FAIL(test, "filter '%s', topic '%s': %d", filter->text,
				   topic->text, filter->found);
	}
	KUNIT_EXPECT_EQ(test, expected, count);
}

/* Literal (or the end) before '+' before '#', from the left. */
static bool model_wins(const struct name *a, const struct name *b)
{
	u8 i;

	for (i = 0; i <= FILTER_LEVELS; i++) {
		int rank_a = i < a->levels ? a->level[i] == LETTER_OWN : 2 * a->multi;
		int rank_b = i < b->levels ? b->level[i] == LETTER_OWN : 2 * b->multi;

		if (rank_a != rank_b)
			return rank_a < rank_b;
	}
	return false;
}

static void check_best(struct kunit *test, const struct name *topic)
{
	struct tree_test *t = test->priv;
	const struct name *best = NULL;
	const struct name *found;
	u32 i;

	for (i = 0; i < t->count; i++)
		if (!t->filters[i].found && model_match(&t->filters[i], topic) &&
		    (!best || model_wins(&t->filters[i], best)))
			best = &t->filters[i];
	found = tree_best(t, topic->text, topic->len);
	KUNIT_EXPECT_PTR_EQ_MSG(test, best, found, "topic '%s': '%s'", topic->text,
				found ? found->text : "none");
}

static void tree_insert_all(struct kunit *test)
{
	struct tree_test *t = test->priv;
	u32 i;

	for (i = 0; i < t->count; i++) {
		struct name *filter = &t->filters[i];

		KUNIT_ASSERT_EQ(test, 0, mq_tree_insert(&t->tree, filter->text, filter->len,
							filter));
		KUNIT_EXPECT_EQ(test, -EEXIST, mq_tree_insert(&t->tree, filter->text,
							      filter->len, filter));
	}
}

static void tree_remove(struct tree_test *t, struct name *filter)
{
	mq_tree_remove(&t->tree, filter->text, filter->len);
	/* Marks it as not in the tree for check_best(). */
	filter->found = true;
}

static void tree_is_empty(struct kunit *test)
{
	struct tree_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, 0U, t->tree.root->children);
	KUNIT_EXPECT_EQ(test, 0U, t->tree.root->literals);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&t->tree.table.nelems));
}

static void tree_finds_what_matches(struct kunit *test)
{
	struct tree_test *t = test->priv;
	u32 i;

	tree_insert_all(test);
	topics_each(test, check_tree);
	for (i = 0; i < t->count; i++)
		tree_remove(t, &t->filters[i]);
	tree_is_empty(test);
}

/* With all filters, and again with ever fewer, so that others come to win. */
static void tree_finds_the_best(struct kunit *test)
{
	struct tree_test *t = test->priv;
	u32 i, third;

	tree_insert_all(test);
	for (third = 0; third < 3; third++) {
		topics_each(test, check_best);
		for (i = third; i < t->count; i += 3)
			tree_remove(t, &t->filters[i]);
	}
	topics_each(test, check_best);
	tree_is_empty(test);
}

static void tree_finds_what_is_there(struct kunit *test)
{
	struct tree_test *t = test->priv;
	u32 i;

	for (i = 0; i < t->count; i++)
		KUNIT_EXPECT_NULL(test, mq_tree_find(&t->tree, t->filters[i].text,
						     t->filters[i].len));
	tree_insert_all(test);
	for (i = 0; i < t->count; i++) {
		struct name *filter = &t->filters[i];

		KUNIT_EXPECT_PTR_EQ(test, (void *)filter,
				    mq_tree_find(&t->tree, filter->text, filter->len));
		tree_remove(t, filter);
		KUNIT_EXPECT_NULL(test, mq_tree_find(&t->tree, filter->text, filter->len));
	}
	tree_is_empty(test);
}

/* ---- limits ----------------------------------------------------------- */

/* Inserts all 2^levels filters of "a" and "+", each with @end; or removes them. */
static void tree_bush(struct kunit *test, u32 levels, const char *end, bool insert)
{
	struct tree_test *t = test->priv;
	char text[2 * MQ_FILTER_LEVELS_MAX];
	u32 len = 2 * levels - 1 + strlen(end);
	u32 number, i;

	for (number = 0; number < 1U << levels; number++) {
		for (i = 0; i < levels; i++) {
			text[2 * i] = number & (1U << i) ? '+' : 'a';
			text[2 * i + 1] = '/';
		}
		memcpy(&text[2 * levels - 1], end, strlen(end));
		if (!insert)
			mq_tree_remove(&t->tree, text, len);
		else
			KUNIT_ASSERT_EQ(test, 0, mq_tree_insert(&t->tree, text, len,
								&t->filters[number]));
	}
}

static void tree_tells_too_many(struct kunit *test)
{
	static const char topic[] = "a/a/a/a/a/a/a";
	struct tree_test *t = test->priv;

	/* 1 + 2 + ... + 64 places are 127; with a level more they are 255. */
	tree_bush(test, 6, "", true);
	KUNIT_EXPECT_EQ(test, 64, tree_match(t, topic, 11));
	tree_bush(test, 7, "", true);
	KUNIT_EXPECT_EQ(test, -E2BIG, tree_match(t, topic, 13));
	/* Who owns a topic is known all the same. */
	KUNIT_EXPECT_PTR_EQ(test, (void *)&t->filters[0], tree_best(t, topic, 13));
	tree_bush(test, 6, "", false);
	tree_bush(test, 7, "", false);
	tree_is_empty(test);
}

/* 64 nodes look for the last level of the topic: that has its price if it is long. */
static void tree_counts_long_levels(struct kunit *test)
{
	static const char topic[] = "a/a/a/a/a/a/b";
	u32 long_len = strlen(topic) - 1 + MQ_TREE_STEP_BYTES;
	struct tree_test *t = test->priv;
	char *long_topic;

	long_topic = kunit_kzalloc(test, long_len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, long_topic);
	memset(long_topic, 'b', long_len);
	memcpy(long_topic, topic, strlen(topic));

	tree_bush(test, 6, "/end", true);
	KUNIT_EXPECT_EQ(test, 0, tree_match(t, topic, strlen(topic)));
	KUNIT_EXPECT_EQ(test, 0, tree_match(t, long_topic, long_len - 1));
	KUNIT_EXPECT_EQ(test, -E2BIG, tree_match(t, long_topic, long_len));
	KUNIT_EXPECT_NULL(test, tree_best(t, long_topic, long_len));
	tree_bush(test, 6, "/end", false);
	tree_is_empty(test);
}

/* Any pointers will do as entries, if they differ. */
static void *tree_tooth(struct tree_test *t, int wild, int level)
{
	return &t->filters[wild * MQ_FILTER_LEVELS_MAX + level];
}

/*
 * At each of 32 levels "a", "+" and "#", so that a walk leaves many places
 * waiting. Inserts or removes them.
 */
static void tree_comb(struct kunit *test, bool insert)
{
	struct tree_test *t = test->priv;
	char text[2 * MQ_FILTER_LEVELS_MAX];
	int wild, level;

	for (level = 0; level < MQ_FILTER_LEVELS_MAX; level++)
		memcpy(&text[2 * level], "a/", 2);
	for (wild = 0; wild < 3; wild++)
		for (level = 0; level < MQ_FILTER_LEVELS_MAX; level++) {
			void *tooth = tree_tooth(t, wild, level);
			u32 len = 2 * level + 1;
			int err = 0;

			text[len - 1] = "a+#"[wild];
			if (insert)
				err = mq_tree_insert(&t->tree, text, len, tooth);
			else
				mq_tree_remove(&t->tree, text, len);
			KUNIT_ASSERT_EQ(test, 0, err);
			text[len - 1] = 'a';
		}
}

static void tree_goes_deep(struct kunit *test)
{
	const int last = MQ_FILTER_LEVELS_MAX - 1;
	const u32 len = 2 * MQ_FILTER_LEVELS_MAX - 1;
	struct tree_test *t = test->priv;
	char topic[2 * MQ_FILTER_LEVELS_MAX];
	int level;

	for (level = 0; level < MQ_FILTER_LEVELS_MAX; level++)
		memcpy(&topic[2 * level], "a/", 2);
	tree_comb(test, true);
	/* The literal, the '+' of the last level, every '#'. */
	KUNIT_EXPECT_EQ(test, 2 + MQ_FILTER_LEVELS_MAX, tree_match(t, topic, len));
	KUNIT_EXPECT_PTR_EQ(test, tree_tooth(t, 0, last), tree_best(t, topic, len));
	topic[2 * last] = 'b';
	KUNIT_EXPECT_PTR_EQ(test, tree_tooth(t, 1, last), tree_best(t, topic, len));
	topic[0] = 'b';
	KUNIT_EXPECT_PTR_EQ(test, tree_tooth(t, 2, 0), tree_best(t, topic, len));
	tree_comb(test, false);
	tree_is_empty(test);
}

static void tree_zeroed_is_fine(struct kunit *test)
{
	struct mq_tree tree = { };

	mq_tree_destroy(&tree);
	KUNIT_EXPECT_NULL(test, tree.root);
}

static int tree_test_init(struct kunit *test)
{
	struct tree_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	test->priv = t;
	filters_make(t);
	return mq_tree_init(&t->tree);
}

static void tree_test_exit(struct kunit *test)
{
	struct tree_test *t = test->priv;

	if (t)
		mq_tree_destroy(&t->tree);
}

static struct kunit_case tree_cases[] = {
	KUNIT_CASE(matcher_is_the_model),
	KUNIT_CASE(tree_finds_what_is_there),
	KUNIT_CASE(tree_finds_what_matches),
	KUNIT_CASE(tree_finds_the_best),
	KUNIT_CASE(tree_tells_too_many),
	KUNIT_CASE(tree_counts_long_levels),
	KUNIT_CASE(tree_goes_deep),
	KUNIT_CASE(tree_zeroed_is_fine),
	{ }
};

static struct kunit_suite tree_suite = {
	.name = "mq_tree",
	.init = tree_test_init,
	.exit = tree_test_exit,
	.test_cases = tree_cases,
};

kunit_test_suite(tree_suite);
