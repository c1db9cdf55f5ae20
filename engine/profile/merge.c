/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * merge.c - a profile's document laid over the one that it extends
 *
 * One recursion over both trees. The path of keys that led to a mapping decides the few special
 * cases; it is a chain of frames on the stack.
 */
#include "profile/merge.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct merger {
	struct arena *arena;
	struct err *err;
	bool without_identity;
};

/* Where in the document: the innermost key first. */
struct frame {
	const struct frame *outer; /* NULL: this is the root */
	struct span key;
};

static const char *const kind_words[] = {
	[TREE_NULL] = "nothing",
	[TREE_SCALAR] = "one value",
	[TREE_SEQUENCE] = "a list",
	[TREE_MAPPING] = "a mapping",
};

static void *out_of_memory(struct err *e)
{
	err_set(e, EXIT_FAILED, ENOMEM, "memory is exhausted while profiles are merged");
	return NULL;
}

/* "retry.first"; returns text. */
static const char *path_text(const struct frame *frame, struct span last, char *text, size_t size)
{
	char outer[128] = "";

	if (frame && frame->outer)
		path_text(frame->outer, frame->key, outer, sizeof(outer));
	snprintf(text, size, "%s%s%.*s", outer, outer[0] ? "." : "", (int)last.len, last.data);
	return text;
}

static bool is_at(const struct frame *frame, const char *key)
{
	return frame->outer && !frame->outer->outer && span_equal(frame->key, span_of(key));
}

/* Of the mappings in which a source stands beside a figure. */
static bool holds_figures(const struct frame *frame)
{
	return is_at(frame, "retry") || is_at(frame, "submission") ||
	       (frame->outer && is_at(frame->outer, "limits"));
}

static bool is_mark(struct span key)
{
	return span_equal(key, SPAN("source")) || span_equal(key, SPAN("sure"));
}

/* True when the child gives another figure: what the parent's marks say is not true of it. */
static bool drops_marks(const struct frame *frame, const struct tree_node *child,
			const struct tree_node *parent)
{
	bool is_changed = false;

	if (!holds_figures(frame))
		return false;
	for (size_t i = 0; i < child->count && !is_changed; i++) {
		const struct tree_item *before = tree_find_span(parent, child->items[i].key);

		is_changed = !is_mark(child->items[i].key) &&
			     !(before && tree_equal(before->value, child->items[i].value));
	}
	return is_changed;
}

static const struct tree_node *merge_mappings(struct merger *m, const struct frame *frame,
					      const struct tree_node *child,
					      const struct tree_node *parent);

/* The value that a key has for both; NULL with the error set. */
static const struct tree_node *merge_values(struct merger *m, const struct frame *frame,
					    const struct tree_item *child,
					    const struct tree_item *parent)
{
	const struct tree_node *a = child->value, *b = parent->value;
	struct frame inner = {frame, child->key};
	char path[256];

	if (a->kind == TREE_NULL || b->kind == TREE_NULL)
		return a;
	/* A single value may stand for a list of one. */
	if (a->kind != b->kind && (a->kind == TREE_MAPPING || b->kind == TREE_MAPPING)) {
		err_set(m->err, EXIT_USAGE, 0,
			"%s:%d: %s: this is %s, and %s where it is inherited from (%s:%d)",
			a->place.file, a->place.line,
			path_text(frame, child->key, path, sizeof(path)), kind_words[a->kind],
			kind_words[b->kind], b->place.file, b->place.line);
		return NULL;
	}
	if (a->kind != TREE_MAPPING || span_equal(child->key, SPAN("when")))
		return a;
	return merge_mappings(m, &inner, a, b);
}

/* A null with nothing below it is a misspelt name, or one that the parent has given up. */
static bool takes_something(struct merger *m, const struct frame *frame,
			    const struct tree_item *item, bool is_inherited)
{
	char path[256];

	if (item->value->kind != TREE_NULL || (is_inherited && item->value->text.len > 0))
		return true;
	if (item->value->text.len == 0)
		err_set(m->err, EXIT_USAGE, 0, "%s:%d: %s: there is no value behind the colon",
			item->place.file, item->place.line,
			path_text(frame, item->key, path, sizeof(path)));
	else
		err_set(m->err, EXIT_USAGE, 0,
			"%s:%d: %s: null takes away what is inherited, but nothing of that name is",
			item->place.file, item->place.line,
			path_text(frame, item->key, path, sizeof(path)));
	return false;
}

static bool is_identity(struct span key)
{
	static const char *const keys[] = {"title", "about",	  "provider",  "recognise",
					   "match", "submission", "reputation"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (span_equal(key, span_of(keys[i])))
			return true;
	return false;
}

/* What the parent has under that key, as far as it is inherited. */
static const struct tree_item *inherited(const struct merger *m, const struct frame *frame,
					 const struct tree_node *parent, struct span key)
{
	/* What the parent extends is the parent's own business. */
	if (!frame->outer &&
	    (span_equal(key, SPAN("extends")) || (m->without_identity && is_identity(key))))
		return NULL;
	return tree_find_span(parent, key);
}

/* The parent's members, changed where the child changes them. */
static bool add_inherited(struct merger *m, const struct frame *frame,
			  const struct tree_node *child, const struct tree_node *parent,
			  struct tree_node *merged)
{
	bool drops = drops_marks(frame, child, parent);

	for (size_t i = 0; i < parent->count; i++) {
		const struct tree_item *from = &parent->items[i];
		const struct tree_item *over = tree_find_span(child, from->key);
		struct tree_item *item = &merged->items[merged->count];

		if (!over && drops && is_mark(from->key))
			continue;
		if (!inherited(m, frame, parent, from->key))
			continue;
		*item = *from;
		/* A rule that says the same again is still the parent's. */
		if (over && !(is_at(frame, "replies") && tree_equal(over->value, from->value))) {
			*item = *over;
			item->value = merge_values(m, frame, over, from);
			if (!item->value)
				return false;
		}
		merged->count++;
	}
	return true;
}

/* What the child adds: below it nothing is inherited. */
static bool check_new(struct merger *m, const struct frame *frame, const struct tree_node *node)
{
	for (size_t i = 0; i < node->count; i++) {
		struct frame inner = {frame, node->items[i].key};

		if (node->kind == TREE_MAPPING &&
		    !takes_something(m, frame, &node->items[i], false))
			return false;
		if (!check_new(m, &inner, node->items[i].value))
			return false;
	}
	return true;
}

static const struct tree_node *merge_mappings(struct merger *m, const struct frame *frame,
					      const struct tree_node *child,
					      const struct tree_node *parent)
{
	struct tree_node *merged = arena_alloc(m->arena, sizeof(*merged));

	if (!merged)
		return out_of_memory(m->err);
	*merged = (struct tree_node){.kind = TREE_MAPPING, .place = child->place};
	merged->items = arena_array(m->arena, child->count + parent->count, sizeof(*merged->items));
	if (!merged->items)
		return out_of_memory(m->err);
	for (size_t i = 0; i < child->count; i++) {
		const struct tree_item *item = &child->items[i];
		bool is_inherited = inherited(m, frame, parent, item->key) != NULL;

		struct frame inner = {frame, item->key};

		if (!takes_something(m, frame, item, is_inherited))
			return NULL;
		if (is_inherited)
			continue;
		if (!check_new(m, &inner, item->value))
			return NULL;
		merged->items[merged->count++] = *item;
	}
	if (!add_inherited(m, frame, child, parent, merged))
		return NULL;
	if (merged->count > TREE_ITEMS_MAX) {
		err_set(m->err, EXIT_USAGE, 0,
			"%s:%d: with what is inherited this has more than %d members",
			child->place.file, child->place.line, TREE_ITEMS_MAX);
		return NULL;
	}
	return merged;
}

const struct tree_node *merge_trees(struct arena *a, const struct tree_node *child,
				    const struct tree_node *parent, bool without_identity,
				    struct err *e)
{
	struct merger m = {a, e, without_identity};
	struct frame root = {0};

	return merge_mappings(&m, &root, child, parent);
}

int merge_check_alone(const struct tree_node *root, struct err *e)
{
	struct merger m = {.err = e};
	struct frame frame = {0};

	return check_new(&m, &frame, root) ? 0 : -1;
}
