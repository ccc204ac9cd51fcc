/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOC: Tree of topic filters
 *
 * Filters as a tree of levels: a literal level is found by (parent, level) in
 * a hash table, '+' hangs on its parent, and so does what a trailing '#'
 * stands for. A node carries up to two entries of the owner's (pointers): one
 * for the filter that ends there, one for that filter followed by "/#".
 *
 * Changing the tree needs the owner's mutex. Walking it needs RCU only. Nodes
 * are freed after a grace period; entries are the owner's to free, after one
 * too.
 */
#ifndef MQ_TREE_H
#define MQ_TREE_H

#include <linux/rhashtable.h>

/* Most nodes that a match looks at; beyond, the answer is "everything". */
#define MQ_TREE_STEPS_MAX	128
/* A level this long counts as one more node wherever it is looked for. */
#define MQ_TREE_STEP_BYTES	1024
/* Most entries that a match can find. */
#define MQ_TREE_MATCHES_MAX	(2 * MQ_TREE_STEPS_MAX)

/**
 * struct mq_tree_node - a level of filters
 * @link: in the hash table (literal levels)
 * @rcu: frees it
 * @parent: the level above; NULL at the root
 * @plus: the child '+'
 * @exact: entry of the filter that ends here
 * @multi: entry of the filter that ends in '#' below here
 * @children: how many nodes have this one as parent
 * @literals: how many of them are literal
 * @len: bytes of @level
 * @level: its text
 */
struct mq_tree_node {
	struct rhash_head link;
	struct rcu_head rcu;
	struct mq_tree_node *parent;
	struct mq_tree_node __rcu *plus;
	void __rcu *exact;
	void __rcu *multi;
	u32 children;
	u32 literals;
	u32 len;
	char level[];
};

struct mq_tree {
	struct rhashtable table;
	struct mq_tree_node *root;
};

int mq_tree_init(struct mq_tree *tree);
/* The tree is empty; a zeroed one is fine. May sleep. */
void mq_tree_destroy(struct mq_tree *tree);

/* The entry of exactly this filter, or NULL. */
void *mq_tree_find(struct mq_tree *tree, const char *filter, u32 len);

/**
 * mq_tree_insert() - add an entry
 * @tree: tree
 * @filter: valid filter
 * @len: its length
 * @entry: what to hang there
 *
 * Return: 0, -EEXIST, -ENOMEM.
 */
int mq_tree_insert(struct mq_tree *tree, const char *filter, u32 len, void *entry);

/* Another entry for a filter that is there. */
void mq_tree_replace(struct mq_tree *tree, const char *filter, u32 len, void *entry);

/* Takes the entry of a filter out; it was there. */
void mq_tree_remove(struct mq_tree *tree, const char *filter, u32 len);

/**
 * mq_tree_match() - entries of all filters that match a topic
 * @tree: tree
 * @topic: valid topic
 * @len: its length
 * @matches: room for MQ_TREE_MATCHES_MAX entries
 *
 * RCU. Return: how many, or -E2BIG: too many candidates, ask for all.
 */
int mq_tree_match(struct mq_tree *tree, const char *topic, u32 len, void **matches);

/**
 * mq_tree_best() - entry of the filter that wins level by level from the left
 * @tree: tree
 * @topic: valid topic
 * @len: its length
 *
 * Literal before '+' before '#'. RCU. Return: the entry or NULL.
 */
void *mq_tree_best(struct mq_tree *tree, const char *topic, u32 len);

#endif /* MQ_TREE_H */
