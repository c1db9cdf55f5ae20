/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tree.h - a YAML file as a tree whose every value knows the file and line it was written in
 *
 * A part of YAML 1.1 on purpose: one document, a mapping, of scalars, sequences and mappings with
 * plain keys. Anchors, aliases, tags and keys given twice are refused, since a reader of a profile
 * should see what it says without knowing YAML by heart. Size and depth are bounded.
 *
 * Trees are immutable once parsed, and live as long as their arena; texts end in a NUL that is not
 * counted.
 */
#ifndef VOLLEY_PROFILE_TREE_H
#define VOLLEY_PROFILE_TREE_H
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "profile/arena.h"
#include "profile/profile.h"

#define TREE_FILE_MAX  ((size_t)1 << 20) /* octets of a file */
#define TREE_DEPTH_MAX 32
#define TREE_ITEMS_MAX 8192 /* of one mapping or sequence */

enum tree_kind {
	TREE_NULL, /* nothing, "~" or "null", unquoted */
	TREE_SCALAR,
	TREE_SEQUENCE,
	TREE_MAPPING,
};

struct tree_node {
	enum tree_kind kind;
	struct profile_place place;
	struct span text; /* SCALAR; NULL: how it was written, maybe empty */
	struct tree_item *items;
	size_t count; /* of items */
};

/* A member of a mapping, or of a sequence: there the key is empty. */
struct tree_item {
	struct span key;
	struct profile_place place; /* of the key; in a sequence of the value */
	const struct tree_node *value;
};

/*
 * Parses a file's text; file is its path, for places and messages, and must live as long as the
 * arena. NULL with *e: EXIT_USAGE and "FILE:LINE: what is wrong, what to do".
 */
const struct tree_node *tree_parse(struct arena *a, const char *file, struct span text,
				   struct err *e);

/* Reads a file and parses it; the path is copied into the arena. Errors as tree_parse(). */
const struct tree_node *tree_load(struct arena *a, const char *path, struct err *e);

/* The member of that key; NULL: none, or node is no mapping, or NULL. */
const struct tree_item *tree_find(const struct tree_node *node, const char *key);
const struct tree_item *tree_find_span(const struct tree_node *node, struct span key);

/* True when both say the same, wherever they were written. */
bool tree_equal(const struct tree_node *a, const struct tree_node *b);

#endif
