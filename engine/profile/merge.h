/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * merge.h - a profile's document laid over the one that it extends
 *
 * Mappings merge key by key, to any depth but for "when", which is one choice of several and is
 * replaced whole; what the child says replaces what the parent says; lists are replaced whole; a
 * null takes away. Each value keeps the place where it was written. Nothing is copied that does
 * not change, so that a parent of hundreds of rules costs its children an array of pointers each.
 *
 * New members stand before the inherited ones, in the child's order, and an inherited member that
 * the child changes stays where it was: under replies: that order decides which rule comes first.
 *
 * Two rules keep the marks true. A rule that is repeated word for word remains the parent's. And a
 * figure's source goes with the figure: a child that gives a limit, the retry schedule or the
 * submission another value, and no source, does not inherit the old value's source and sureness.
 *
 * What was taken away stays in the result as a null, so that the result can be written out and
 * read again; readers skip it.
 */
#ifndef VOLLEY_PROFILE_MERGE_H
#define VOLLEY_PROFILE_MERGE_H
#include "profile/tree.h"

/*
 * without_identity: title, about, provider, recognise, match, submission and reputation of the
 * parent are left out: it is the base, which is about nobody.
 * Both must live as long as the arena. NULL with *e: EXIT_USAGE where a null of the child takes
 * nothing away or a value has another kind than the parent's (a list for a mapping).
 */
const struct tree_node *merge_trees(struct arena *a, const struct tree_node *child,
				    const struct tree_node *parent, bool without_identity,
				    struct err *e);

/* The child's document where it extends nothing: a null is an error there, for nothing is. */
int merge_check_alone(const struct tree_node *root, struct err *e);

#endif
