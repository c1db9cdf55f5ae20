/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diff.c - what two documents say differently, key by key
 *
 * A member that was taken away (a null, see merge.h) counts as one that is not there.
 */
#include "profile/diff.h"
#include <stdio.h>

#define PATH_SIZE 512

static const struct tree_item *member(const struct tree_node *mapping, struct span key)
{
	const struct tree_item *item = tree_find_span(mapping, key);

	return item && item->value->kind != TREE_NULL ? item : NULL;
}

static void path_add(char path[PATH_SIZE], size_t len, struct span key)
{
	snprintf(path + len, PATH_SIZE - len, "%s%.*s", len > 0 ? "." : "", (int)key.len, key.data);
}

/* False when both have the same members in another order. */
static bool is_same_order(const struct tree_node *left, const struct tree_node *right)
{
	size_t at = 0;

	for (size_t i = 0; i < left->count; i++) {
		const struct tree_item *item = &left->items[i];

		if (item->value->kind == TREE_NULL || !member(right, item->key))
			continue;
		while (at < right->count && !span_equal(right->items[at].key, item->key))
			at++;
		if (at == right->count)
			return false;
	}
	return true;
}

static void compare(const struct tree_node *left, const struct tree_node *right,
		    char path[PATH_SIZE], struct diff_visitor *visitor)
{
	size_t len = strlen(path);

	if (left->kind != TREE_MAPPING || right->kind != TREE_MAPPING) {
		if (!tree_equal(left, right))
			visitor->differs(visitor, DIFF_VALUE, path, left, right);
		return;
	}
	for (size_t i = 0; i < left->count; i++) {
		const struct tree_item *item = &left->items[i];
		const struct tree_item *other = member(right, item->key);

		if (item->value->kind == TREE_NULL)
			continue;
		path_add(path, len, item->key);
		if (other)
			compare(item->value, other->value, path, visitor);
		else
			visitor->differs(visitor, DIFF_ONLY_LEFT, path, item->value, NULL);
		path[len] = '\0';
	}
	for (size_t i = 0; i < right->count; i++) {
		const struct tree_item *item = &right->items[i];

		if (item->value->kind == TREE_NULL || member(left, item->key))
			continue;
		path_add(path, len, item->key);
		visitor->differs(visitor, DIFF_ONLY_RIGHT, path, NULL, item->value);
		path[len] = '\0';
	}
	if (strcmp(path, "replies") == 0 && !is_same_order(left, right))
		visitor->differs(visitor, DIFF_ORDER, path, left, right);
}

void diff_trees(const struct tree_node *left, const struct tree_node *right,
		struct diff_visitor *visitor)
{
	char path[PATH_SIZE] = "";

	compare(left, right, path, visitor);
}
