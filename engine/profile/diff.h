/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diff.h - what two documents say differently, key by key
 *
 * Pure; any thread.
 */
#ifndef VOLLEY_PROFILE_DIFF_H
#define VOLLEY_PROFILE_DIFF_H
#include "profile/tree.h"

enum diff_kind {
	DIFF_ONLY_LEFT,
	DIFF_ONLY_RIGHT,
	DIFF_VALUE,
	DIFF_ORDER, /* of the members that both have: the first match wins there */
};

/* left or right is NULL where that side has nothing. */
struct diff_visitor {
	void (*differs)(struct diff_visitor *self, enum diff_kind kind, const char *path,
			const struct tree_node *left, const struct tree_node *right);
};

/*
 * Calls the visitor for each difference, in the order of the left document; what only the right
 * one has comes at the end of the mapping that holds it. Where a whole mapping stands on one side
 * alone it is told once. Places do not count, and order counts under "replies" alone.
 */
void diff_trees(const struct tree_node *left, const struct tree_node *right,
		struct diff_visitor *visitor);

#endif
