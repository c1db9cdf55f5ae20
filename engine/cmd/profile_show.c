/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * profile_show.c - what volley profile show and diff print
 */
#include "cmd/profile_show.h"
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include "base/escape.h"
#include "profile/diff.h"
#include "profile/emit.h"
#include "profile/tree.h"

#define OUTPUT_MAX ((size_t)64 << 20)

static int out_of_memory(struct err *e)
{
	return err_set(e, EXIT_FAILED, ENOMEM, "memory is exhausted");
}

int profile_show(struct profile_store *store, const char *name, FILE *out, struct err *e)
{
	const struct tree_node *root = profile_store_document(store, name, e);
	struct buf text;
	int status = 0;

	if (!root)
		return -1;
	buf_init(&text, OUTPUT_MAX);
	if (emit_document(root, &text))
		fwrite(text.data, 1, text.len, out);
	else
		status = out_of_memory(e);
	buf_fini(&text);
	return status;
}

/* ---- JSON ---- */

/* JSON is UTF-8, and a path may be any octets. */
static const char *safe_path(const char *path, char out[PATH_MAX])
{
	escape_text(span_of(path), ESCAPE_CONTROLS, out, PATH_MAX);
	return out;
}

static json_t *origin_json(struct profile_place place)
{
	char file[PATH_MAX];

	return place.line > 0 ? json_sprintf("%s:%d", safe_path(place.file, file), place.line)
			      : json_null();
}

static json_t *node_json(const struct tree_node *node)
{
	json_t *object;

	switch (node->kind) {
	case TREE_SCALAR:
		return json_pack("{s:s%, s:o}", "value", node->text.data, node->text.len, "origin",
				 origin_json(node->place));
	case TREE_NULL:
		return json_pack("{s:n, s:o}", "value", "origin", origin_json(node->place));
	case TREE_SEQUENCE:
		object = json_array();
		for (size_t i = 0; i < node->count; i++)
			json_array_append_new(object, node_json(node->items[i].value));
		return object;
	case TREE_MAPPING:
		break;
	}
	object = json_object();
	for (size_t i = 0; i < node->count; i++)
		json_object_set_new(object, node->items[i].key.data,
				    node_json(node->items[i].value));
	return object;
}

int profile_show_json(struct profile_store *store, const char *name, FILE *out, struct err *e)
{
	const struct tree_node *root = profile_store_document(store, name, e);
	const char *path = root ? profile_store_path(store, name, e) : NULL;
	json_t *document;
	char file[PATH_MAX];

	if (!path)
		return -1;
	document = json_pack("{s:s, s:s, s:o}", "name", name, "file", safe_path(path, file),
			     "document", node_json(root));
	if (!document)
		return out_of_memory(e);
	json_dumpf(document, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(document);
	return 0;
}

/* ---- differences ---- */

struct printer {
	struct diff_visitor visitor; /* first: the callback finds the struct by it */
	FILE *out;
	struct buf text;
	bool is_out_of_memory;
};

static void print_value(struct printer *p, const struct tree_node *node)
{
	buf_clear(&p->text);
	if (emit_value(node, &p->text))
		fwrite(p->text.data, 1, p->text.len, p->out);
	else
		p->is_out_of_memory = true;
}

static void print(struct diff_visitor *self, enum diff_kind kind, const char *path,
		  const struct tree_node *left, const struct tree_node *right)
{
	struct printer *p = (struct printer *)self;
	static const char marks[] = {
		[DIFF_ONLY_LEFT] = '-',
		[DIFF_ONLY_RIGHT] = '+',
		[DIFF_VALUE] = '~',
		[DIFF_ORDER] = '~',
	};

	fprintf(p->out, "%c %s: ", marks[kind], path);
	if (kind == DIFF_ORDER) {
		fputs("what both have stands in another order\n", p->out);
		return;
	}
	if (left)
		print_value(p, left);
	if (kind == DIFF_VALUE)
		fputs(" -> ", p->out);
	if (right)
		print_value(p, right);
	fputc('\n', p->out);
}

int profile_show_diff(struct profile_store *store, const char *left, const char *right, FILE *out,
		      struct err *e)
{
	const struct tree_node *a = profile_store_document(store, left, e);
	const struct tree_node *b = a ? profile_store_document(store, right, e) : NULL;
	struct printer p = {.visitor = {print}, .out = out};

	if (!b)
		return -1;
	buf_init(&p.text, OUTPUT_MAX);
	diff_trees(a, b, &p.visitor);
	buf_fini(&p.text);
	return p.is_out_of_memory ? out_of_memory(e) : 0;
}
