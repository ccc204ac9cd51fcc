// SPDX-License-Identifier: GPL-2.0-only
/* Tree of topic filters, see tree.h. */
#include <linux/jhash.h>
#include <linux/rcupdate.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/mq_topic.h>
#include "tree.h"

/* A literal level below a node: what the hash table is searched for. */
struct tree_key {
	const struct mq_tree_node *parent;
	const char *level;
	u32 len;
};

static u32 tree_hash(const struct mq_tree_node *parent, const char *level, u32 len, u32 seed)
{
	return jhash(level, len, seed ^ (u32)((unsigned long)parent >> 5));
}

static u32 tree_key_hash(const void *data, u32 len, u32 seed)
{
	const struct tree_key *key = data;

	return tree_hash(key->parent, key->level, key->len, seed);
}

static u32 tree_node_hash(const void *data, u32 len, u32 seed)
{
	const struct mq_tree_node *node = data;

	return tree_hash(node->parent, node->level, node->len, seed);
}

static int tree_node_differs(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct mq_tree_node *node = data;
	const struct tree_key *key = arg->key;

	return node->parent != key->parent || node->len != key->len ||
	       memcmp(node->level, key->level, key->len);
}

static const struct rhashtable_params tree_params = {
	.head_offset = offsetof(struct mq_tree_node, link),
	.hashfn = tree_key_hash,
	.obj_hashfn = tree_node_hash,
	.obj_cmpfn = tree_node_differs,
	.automatic_shrinking = true,
};

int mq_tree_init(struct mq_tree *tree)
{
	int err;

	tree->root = kzalloc(sizeof(*tree->root), GFP_KERNEL_ACCOUNT);
	if (!tree->root)
		return -ENOMEM;
	err = rhashtable_init(&tree->table, &tree_params);
	if (err) {
		kfree(tree->root);
		tree->root = NULL;
	}
	return err;
}

void mq_tree_destroy(struct mq_tree *tree)
{
	if (!tree->root)
		return;
	rhashtable_destroy(&tree->table);
	kfree(tree->root);
	tree->root = NULL;
}

/* Length of the level that starts at @text. */
static u32 tree_level(const char *text, u32 len)
{
	const char *slash = memchr(text, '/', len);

	return slash ? slash - text : len;
}

static bool tree_is_plus(const char *level, u32 len)
{
	return len == 1 && level[0] == '+';
}

static struct mq_tree_node *tree_child(struct mq_tree *tree, struct mq_tree_node *node,
				       const char *level, u32 len)
{
	const struct tree_key key = { .parent = node, .level = level, .len = len };

	if (!READ_ONCE(node->literals))
		return NULL;
	return rhashtable_lookup(&tree->table, &key, tree_params);
}

static void tree_node_link(struct mq_tree_node *node, bool plus)
{
	if (plus)
		rcu_assign_pointer(node->parent->plus, node);
	else
		WRITE_ONCE(node->parent->literals, node->parent->literals + 1);
	node->parent->children++;
}

/* A new child; its siblings have another level. */
static struct mq_tree_node *tree_grow(struct mq_tree *tree, struct mq_tree_node *parent,
				      const char *level, u32 len)
{
	bool plus = tree_is_plus(level, len);
	struct mq_tree_node *node;
	int err = 0;

	node = kvzalloc(struct_size(node, level, len), GFP_KERNEL_ACCOUNT);
	if (!node)
		return ERR_PTR(-ENOMEM);
	node->parent = parent;
	node->len = len;
	memcpy(node->level, level, len);
	if (!plus)
		err = rhashtable_insert_fast(&tree->table, &node->link, tree_params);
	if (err) {
		kvfree(node);
		return ERR_PTR(-ENOMEM);
	}
	tree_node_link(node, plus);
	return node;
}

/* Frees a node and those above it that nothing needs any more. */
static void tree_prune(struct mq_tree *tree, struct mq_tree_node *node)
{
	while (node->parent && !node->children && !rcu_access_pointer(node->exact) &&
	       !rcu_access_pointer(node->multi)) {
		struct mq_tree_node *parent = node->parent;

		if (tree_is_plus(node->level, node->len)) {
			RCU_INIT_POINTER(parent->plus, NULL);
		} else {
			rhashtable_remove_fast(&tree->table, &node->link, tree_params);
			WRITE_ONCE(parent->literals, parent->literals - 1);
		}
		parent->children--;
		kfree_rcu(node, rcu);
		node = parent;
	}
}

/*
 * The node at which a filter's entry hangs, and which of its two places that
 * is; with @grow made if it is not there. NULL or ERR_PTR if it is not.
 */
static struct mq_tree_node *tree_node(struct mq_tree *tree, const char *filter, u32 len,
				      bool *multi, bool grow)
{
	struct mq_tree_node *node = tree->root;
	u32 at = 0;

	*multi = false;
	while (at <= len) {
		u32 level = tree_level(filter + at, len - at);
		struct mq_tree_node *child;

		if (level == 1 && filter[at] == '#') {
			*multi = true;
			break;
		}
		rcu_read_lock();
		if (tree_is_plus(filter + at, level))
			child = rcu_dereference(node->plus);
		else
			child = tree_child(tree, node, filter + at, level);
		rcu_read_unlock();
		/* Nobody else changes the tree: the child stays. */
		if (!child && grow)
			child = tree_grow(tree, node, filter + at, level);
		if (IS_ERR(child))
			tree_prune(tree, node);
		if (IS_ERR_OR_NULL(child))
			return child;
		node = child;
		at += level + 1;
	}
	return node;
}

static void __rcu **tree_place(struct mq_tree_node *node, bool multi)
{
	return multi ? &node->multi : &node->exact;
}

void *mq_tree_find(struct mq_tree *tree, const char *filter, u32 len)
{
	struct mq_tree_node *node;
	bool multi;

	node = tree_node(tree, filter, len, &multi, false);
	return node ? rcu_dereference_protected(*tree_place(node, multi), true) : NULL;
}

int mq_tree_insert(struct mq_tree *tree, const char *filter, u32 len, void *entry)
{
	struct mq_tree_node *node;
	bool multi;

	node = tree_node(tree, filter, len, &multi, true);
	if (IS_ERR(node))
		return PTR_ERR(node);
	if (rcu_access_pointer(*tree_place(node, multi)))
		return -EEXIST;
	rcu_assign_pointer(*tree_place(node, multi), entry);
	return 0;
}

void mq_tree_replace(struct mq_tree *tree, const char *filter, u32 len, void *entry)
{
	struct mq_tree_node *node;
	bool multi;

	node = tree_node(tree, filter, len, &multi, false);
	if (!WARN_ON_ONCE(!node))
		rcu_assign_pointer(*tree_place(node, multi), entry);
}

void mq_tree_remove(struct mq_tree *tree, const char *filter, u32 len)
{
	struct mq_tree_node *node;
	bool multi;

	node = tree_node(tree, filter, len, &multi, false);
	if (WARN_ON_ONCE(!node))
		return;
	RCU_INIT_POINTER(*tree_place(node, multi), NULL);
	tree_prune(tree, node);
}

/*
 * A walk goes down depth first with its own stack. A place is a node whose
 * level matched and where the topic goes on: beyond its end when it is used up.
 */
struct tree_place {
	struct mq_tree_node *node;
	u32 at;
	bool only_multi;
};

struct tree_walk {
	struct mq_tree *tree;
	const char *topic;
	u32 len;
	u32 steps;
	u32 depth;
	struct tree_place stack[2 * MQ_FILTER_LEVELS_MAX + 2];
};

static void tree_push(struct tree_walk *walk, struct mq_tree_node *node, u32 at, bool only_multi)
{
	/* Each of at most 32 levels leaves two places at most waiting. */
	if (node && !WARN_ON_ONCE(walk->depth == ARRAY_SIZE(walk->stack)))
		walk->stack[walk->depth++] = (struct tree_place){ node, at, only_multi };
}

/* Whether wildcards of @node may match: not at the root for "$..." topics. */
static bool tree_wild(const struct tree_walk *walk, const struct mq_tree_node *node)
{
	return node->parent || walk->topic[0] != '$';
}

/* Pushes the children that match the next level, the literal one on top. */
static void tree_descend(struct tree_walk *walk, const struct tree_place *place)
{
	const char *level = walk->topic + place->at;
	u32 len = tree_level(level, walk->len - place->at);
	u32 next = place->at + len + 1;

	/* Many nodes may have to look for the same long level. */
	if (READ_ONCE(place->node->literals))
		walk->steps += len / MQ_TREE_STEP_BYTES;
	if (tree_wild(walk, place->node))
		tree_push(walk, rcu_dereference(place->node->plus), next, false);
	tree_push(walk, tree_child(walk->tree, place->node, level, len), next, false);
}

int mq_tree_match(struct mq_tree *tree, const char *topic, u32 len, void **matches)
{
	struct tree_walk walk = { .tree = tree, .topic = topic, .len = len };
	int found = 0;

	tree_push(&walk, tree->root, 0, false);
	while (walk.depth) {
		struct tree_place place = walk.stack[--walk.depth];
		void *entry;

		if (walk.steps++ >= MQ_TREE_STEPS_MAX)
			return -E2BIG;
		entry = rcu_dereference(place.node->multi);
		if (entry && tree_wild(&walk, place.node))
			matches[found++] = entry;
		if (place.at <= len) {
			tree_descend(&walk, &place);
			continue;
		}
		entry = rcu_dereference(place.node->exact);
		if (entry)
			matches[found++] = entry;
	}
	return found;
}

void *mq_tree_best(struct mq_tree *tree, const char *topic, u32 len)
{
	struct tree_walk walk = { .tree = tree, .topic = topic, .len = len };

	tree_push(&walk, tree->root, 0, false);
	while (walk.depth) {
		struct tree_place place = walk.stack[--walk.depth];
		void *entry;

		if (place.only_multi || place.at > len) {
			entry = place.only_multi ? NULL : rcu_dereference(place.node->exact);
			if (!entry && tree_wild(&walk, place.node))
				entry = rcu_dereference(place.node->multi);
			if (entry)
				return entry;
			continue;
		}
		/* What lies deeper wins; '#' here is what remains. */
		if (rcu_access_pointer(place.node->multi))
			tree_push(&walk, place.node, place.at, true);
		tree_descend(&walk, &place);
	}
	return NULL;
}
