/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * emit.c - a document written out as YAML again
 *
 * Values are quoted whenever a reader could take them for something else, in any context. Lines
 * are made first, with a mark between value and origin, and aligned in a second pass; the mark is
 * an octet that no value holds, since tree.c refuses control characters.
 */
#include "profile/emit.h"
#include <ctype.h>
#include <limits.h>
#include "base/escape.h"

#define MARK	     '\x01'
#define ALIGN_MAX    64 /* longer lines do not push the origins of all others aside */
#define FLOW_MAX     72 /* octets of a list that stands on one line */
#define INDENT	     2	/* spaces a level */
#define DOCUMENT_MAX ((size_t)64 << 20)

/* ---- single values ---- */

static bool is_plain(struct span text)
{
	static const char *const words[] = {"null", "Null", "NULL"};

	if (text.len == 0 ||
	    (!isalnum((unsigned char)text.data[0]) && !strchr("_/.", text.data[0])))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_equal(text, span_of(words[i])))
			return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		bool is_inner = i + 1 < text.len && text.data[i + 1] != ' ';

		if (isalnum(c) || strchr("_/.%@+-()", c))
			continue;
		if ((c == ' ' && i + 1 < text.len) || (c == ':' && is_inner))
			continue;
		return false;
	}
	/* "..." would end the document. */
	return text.data[0] != '.' || isalnum((unsigned char)text.data[text.len - 1]);
}

static bool emit_quoted(struct span text, struct buf *out)
{
	bool needs_escapes = memchr(text.data, '\n', text.len) || memchr(text.data, '\t', text.len);
	bool is_well = buf_append(out, needs_escapes ? "\"" : "'", 1);

	for (size_t i = 0; i < text.len && is_well; i++) {
		char c = text.data[i];

		if (needs_escapes && c == '\n')
			is_well = buf_append_text(out, "\\n");
		else if (needs_escapes && c == '\t')
			is_well = buf_append_text(out, "\\t");
		else if (needs_escapes && (c == '"' || c == '\\'))
			is_well = buf_append(out, "\\", 1) && buf_append(out, &c, 1);
		else if (!needs_escapes && c == '\'')
			is_well = buf_append_text(out, "''");
		else
			is_well = buf_append(out, &c, 1);
	}
	return is_well && buf_append(out, needs_escapes ? "\"" : "'", 1);
}

static bool emit_text(struct span text, struct buf *out)
{
	return is_plain(text) ? buf_append(out, text.data, text.len) : emit_quoted(text, out);
}

bool emit_value(const struct tree_node *node, struct buf *out)
{
	bool is_mapping = node->kind == TREE_MAPPING;
	bool is_well;

	if (node->kind == TREE_NULL)
		return buf_append_text(out, "null");
	if (node->kind == TREE_SCALAR)
		return emit_text(node->text, out);
	is_well = buf_append(out, is_mapping ? "{" : "[", 1);
	for (size_t i = 0; i < node->count && is_well; i++) {
		is_well = i == 0 || buf_append_text(out, ", ");
		if (is_well && is_mapping)
			is_well = emit_text(node->items[i].key, out) && buf_append_text(out, ": ");
		is_well = is_well && emit_value(node->items[i].value, out);
	}
	return is_well && buf_append(out, is_mapping ? "}" : "]", 1);
}

/* ---- lines ---- */

struct emitter {
	struct buf lines;
	struct buf scratch; /* one value */
	bool is_well;
};

/* What stands beside a value: the mapping that holds it, and what that one is called. */
struct context {
	const struct tree_node *mapping;
	bool has_marks; /* its values are figures */
};

static void add(struct emitter *e, const char *data, size_t len)
{
	e->is_well = e->is_well && buf_append(&e->lines, data, len);
}

static void add_indent(struct emitter *e, int level)
{
	for (int i = 0; i < level * INDENT; i++)
		add(e, " ", 1);
}

static struct span mark_of(const struct tree_node *mapping, const char *key, const char *otherwise)
{
	const struct tree_item *item = tree_find(mapping, key);

	return item && item->value->kind == TREE_SCALAR ? item->value->text : span_of(otherwise);
}

static bool is_figure(const struct context *c, struct span key)
{
	static const char *const words[] = {"of",   "per",    "window", "counts",
					    "sure", "source", "start"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_equal(key, span_of(words[i])))
			return false;
	return c->has_marks;
}

static void end_line(struct emitter *e, const struct context *c, struct span key,
		     struct profile_place place)
{
	char file[PATH_MAX];

	/* A path may hold what ends a line. */
	escape_text(span_of(place.file), ESCAPE_CONTROLS, file, sizeof(file));
	if (place.line == 0)
		e->is_well = e->is_well && buf_printf(&e->lines, "%c# by default", MARK);
	else
		e->is_well =
			e->is_well && buf_printf(&e->lines, "%c# %s:%d", MARK, file, place.line);
	if (is_figure(c, key)) {
		struct span source = mark_of(c->mapping, "source", "no source");
		struct span sure = mark_of(c->mapping, "sure", "assumed");

		e->is_well = e->is_well && buf_printf(&e->lines, "; %.*s, %.*s", (int)sure.len,
						      sure.data, (int)source.len, source.data);
	}
	add(e, "\n", 1);
}

/* True when the value can stand on the line of its key; e->scratch holds it then. */
static bool fits_line(struct emitter *e, const struct tree_node *node)
{
	bool is_flat = true;

	for (size_t i = 0; i < node->count && is_flat; i++) {
		const struct tree_node *value = node->items[i].value;

		is_flat = value->count == 0 &&
			  (node->kind == TREE_SEQUENCE || (value->place.line == node->place.line &&
							   value->place.file == node->place.file));
	}
	if (!is_flat)
		return false;
	buf_clear(&e->scratch);
	e->is_well = e->is_well && emit_value(node, &e->scratch);
	return node->count == 0 || e->scratch.len <= FLOW_MAX;
}

static void emit_members(struct emitter *e, const struct tree_node *node, int level,
			 const struct context *c, bool is_begun);

/* What follows "key:" or "-". */
static void emit_member(struct emitter *e, const struct tree_item *item, int level,
			const struct context *c, const struct context *inner)
{
	if (fits_line(e, item->value)) {
		add(e, " ", 1);
		add(e, e->scratch.data, e->scratch.len);
		end_line(e, c, item->key, item->value->place);
		return;
	}
	if (item->key.len == 0) {
		add(e, " ", 1);
		emit_members(e, item->value, level + 1, inner, true);
		return;
	}
	add(e, "\n", 1);
	emit_members(e, item->value, level + 1, inner, false);
}

/* is_begun: the first member stands on the line that is there already. */
static void emit_members(struct emitter *e, const struct tree_node *node, int level,
			 const struct context *c, bool is_begun)
{
	for (size_t i = 0; i < node->count && e->is_well; i++) {
		const struct tree_item *item = &node->items[i];
		struct context inner = {item->value, c->has_marks};

		if (i > 0 || !is_begun)
			add_indent(e, level);
		if (node->kind == TREE_MAPPING) {
			e->is_well = e->is_well && emit_text(item->key, &e->lines);
			add(e, ":", 1);
		} else {
			add(e, "-", 1);
		}
		emit_member(e, item, level, c, &inner);
	}
}

static void emit_root(struct emitter *e, const struct tree_node *root)
{
	for (size_t i = 0; i < root->count && e->is_well; i++) {
		const struct tree_item *item = &root->items[i];
		struct context outer = {root, false};
		struct context inner = {item->value,
					span_equal(item->key, SPAN("limits")) ||
						span_equal(item->key, SPAN("retry")) ||
						span_equal(item->key, SPAN("reputation"))};

		if (i > 0 && item->value->kind == TREE_MAPPING)
			add(e, "\n", 1);
		e->is_well = e->is_well && emit_text(item->key, &e->lines);
		add(e, ":", 1);
		emit_member(e, item, 0, &outer, &inner);
	}
}

/* ---- alignment ---- */

/* Columns of a text in UTF-8. */
static size_t columns(struct span text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
	return count;
}

/* The next line without its line end, divided at the mark. */
static struct span take_line(struct span *rest, struct span *ret_origin)
{
	struct span text;

	span_cut(rest, '\n', ret_origin);
	span_cut(ret_origin, MARK, &text);
	return text;
}

static bool align(struct span lines, struct buf *out)
{
	struct span rest = lines, line, origin;
	size_t column = 0;

	while (rest.len > 0) {
		size_t width;

		line = take_line(&rest, &origin);
		width = origin.len > 0 ? columns(line) : 0;
		if (width <= ALIGN_MAX && width > column)
			column = width;
	}
	for (rest = lines; rest.len > 0;) {
		size_t width;

		line = take_line(&rest, &origin);
		width = columns(line);
		if (!buf_append(out, line.data, line.len))
			return false;
		if (origin.len > 0 &&
		    !buf_printf(out, "%*s%.*s", (int)(width < column ? column - width + 2 : 2), "",
				(int)origin.len, origin.data))
			return false;
		if (!buf_append(out, "\n", 1))
			return false;
	}
	return true;
}

bool emit_document(const struct tree_node *root, struct buf *out)
{
	struct emitter e = {.is_well = true};
	bool is_well;

	buf_init(&e.lines, DOCUMENT_MAX);
	buf_init(&e.scratch, DOCUMENT_MAX);
	emit_root(&e, root);
	is_well = e.is_well && align(buf_span(&e.lines), out);
	buf_fini(&e.lines);
	buf_fini(&e.scratch);
	return is_well;
}
