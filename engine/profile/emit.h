/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * emit.h - a document written out as YAML again
 *
 * What is written reads back as the same tree. Any thread.
 */
#ifndef VOLLEY_PROFILE_EMIT_H
#define VOLLEY_PROFILE_EMIT_H
#include "base/buf.h"
#include "profile/tree.h"

/*
 * Each value on a line of its own with "# FILE:LINE" behind it, aligned; figures with their source
 * and sureness as well. What a profile takes away is written as null. False: the buffer is full or
 * memory exhausted.
 */
bool emit_document(const struct tree_node *root, struct buf *out);

/* One value on one line, "[a, b]" and "{key: value}" where it has parts, without its origin. */
bool emit_value(const struct tree_node *node, struct buf *out);

#endif
