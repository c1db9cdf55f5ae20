/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store.c - finds, loads and holds profiles
 *
 * A file becomes a document once (tree, merged with what it extends), and a document becomes a
 * profile when somebody wants to use it. Documents are known by their real path, so that a circle
 * of extends is seen whatever way leads round it, and a parent of thousands is read once. A parent
 * is checked as a profile before its children are, each fault thus told where it was made.
 */
#include "profile/store.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/escape.h"
#include "profile/decode.h"
#include "profile/lint.h"
#include "profile/merge.h"
#include "profile/search.h"

struct document {
	struct document *next;
	struct arena arena;
	const char *path, *real_path;
	struct search_place at;
	char name[PROFILE_NAME_MAX];
	const struct tree_node *merged;
	struct document *parent;      /* NULL: it extends nothing */
	struct profile_place extends; /* where it says so */
	struct profile *profile;      /* NULL until it is checked */
	bool is_kept;		      /* a caller or another document needs it */
};

struct profile_store {
	struct search search;
	struct document *documents;
	char path[PATH_MAX];
};

/* The documents that are being opened, innermost first. */
struct chain {
	const struct chain *outer;
	const struct document *document;
	int depth;
};

struct profile_store *profile_store_new(const char *const *folders, int folder_count)
{
	struct profile_store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (search_init(&s->search, folders, folder_count) < 0) {
		profile_store_free(s);
		return NULL;
	}
	return s;
}

static void document_free(struct document *d)
{
	struct arena arena = d->arena; /* it holds the document itself */

	arena_fini(&arena);
}

void profile_store_free(struct profile_store *s)
{
	struct document *next;

	if (!s)
		return;
	for (struct document *d = s->documents; d; d = next) {
		next = d->next;
		document_free(d);
	}
	search_fini(&s->search);
	free(s);
}

static void *out_of_memory(struct err *e)
{
	err_set(e, EXIT_FAILED, ENOMEM, "memory is exhausted while profiles are loaded");
	return NULL;
}

/* ---- documents ---- */

static struct document *document_new(const struct search_place *at, struct err *e)
{
	struct arena arena = {0};
	struct document *d = arena_alloc(&arena, sizeof(*d));
	char real[PATH_MAX];

	if (!d) {
		arena_fini(&arena);
		return out_of_memory(e);
	}
	d->path = arena_text(&arena, span_of(at->path));
	d->real_path = realpath(at->path, real) ? arena_text(&arena, span_of(real)) : d->path;
	d->arena = arena;
	d->at = *at;
	d->at.path = d->path;
	snprintf(d->name, sizeof(d->name), "%s", at->name);
	if (d->path && d->real_path)
		return d;
	document_free(d);
	return out_of_memory(e);
}

static struct document *document_find(struct profile_store *s, const char *real_path)
{
	for (struct document *d = s->documents; d; d = d->next)
		if (strcmp(d->real_path, real_path) == 0)
			return d;
	return NULL;
}

/* The circle from the document on that is extended again; NULL, so that it can be returned. */
static struct document *refuse_circle(const struct chain *chain, const struct document *again,
				      struct err *e)
{
	const struct chain *links[PROFILE_CHAIN_MAX + 1];
	const struct document *last = chain->document;
	char text[ERR_TEXT_MAX] = "";
	size_t len = 0;
	int count = 0;

	for (const struct chain *c = chain; c; c = c->outer) {
		links[count++] = c;
		if (strcmp(c->document->real_path, again->real_path) == 0)
			break;
	}
	while (count-- > 0) {
		const struct document *d = links[count]->document;
		const struct document *to = count > 0 ? links[count - 1]->document : again;
		int more =
			snprintf(text + len, sizeof(text) - len, "%s%s:%d extends %s",
				 len > 0 ? ", " : "", d->extends.file, d->extends.line, to->name);

		if (more > 0 && len + (size_t)more < sizeof(text))
			len += (size_t)more;
	}
	err_set(e, EXIT_USAGE, 0, "%s:%d: extends goes in a circle: %s", last->extends.file,
		last->extends.line, text);
	return NULL;
}

static struct document *document_open(struct profile_store *s, const struct search_place *at,
				      const struct chain *chain, struct err *e);

/* What the document extends; *ret_word is NULL where that is nothing. */
static int read_extends(struct document *d, const struct tree_node *root, const char **ret_word,
			struct err *e)
{
	const struct tree_item *item = tree_find(root, "extends");

	d->extends = (struct profile_place){d->path, 1};
	*ret_word = strcmp(d->name, "base") == 0 ? NULL : "base";
	if (!item)
		return 0;
	d->extends = item->place;
	if (item->value->kind != TREE_SCALAR || item->value->text.len == 0)
		return err_set(e, EXIT_USAGE, 0,
			       "%s:%d: extends: expected the name of one profile, or none",
			       item->place.file, item->place.line);
	*ret_word = item->value->text.data;
	if (strcmp(*ret_word, "none") == 0)
		*ret_word = NULL;
	return 0;
}

static int open_parent(struct profile_store *s, struct document *d, const char *word,
		       const struct chain *chain, struct err *e)
{
	struct chain link = {chain, d, chain ? chain->depth + 1 : 1};
	struct search_place at;

	if (link.depth > PROFILE_CHAIN_MAX)
		return err_set(e, EXIT_USAGE, 0,
			       "%s:%d: extends: more than %d profiles extend each other",
			       d->extends.file, d->extends.line, PROFILE_CHAIN_MAX);
	if (search_parent(&s->search, &d->at, word, &at, e) < 0)
		return err_prefix(e, "%s:%d: extends", d->extends.file, d->extends.line);
	d->parent = document_open(s, &at, &link, e);
	if (!d->parent)
		return -1;
	d->parent->is_kept = true;
	return 0;
}

/* Where a key of the root stands when a document is shown: as in profiles/README.md. */
static size_t rank_of(struct span key)
{
	static const char *const keys[] = {
		"title",      "about",	    "provider", "extends", "recognise",
		"match",      "submission", "headroom", "limits",  "retry",
		"reputation", "replies",    "sources",
	};
	size_t i = 0;

	while (i < sizeof(keys) / sizeof(keys[0]) && !span_equal(key, span_of(keys[i])))
		i++;
	return i;
}

static int by_rank(const void *left, const void *right)
{
	const struct tree_item *a = left, *b = right;
	size_t rank_a = rank_of(a->key), rank_b = rank_of(b->key);

	if (rank_a != rank_b)
		return rank_a < rank_b ? -1 : 1;
	return a->place.line - b->place.line;
}

/*
 * The merged document always says what it extends, so that it can be written out and read again
 * from anywhere: a path is absolute then, and what was not said stands in line 0.
 */
static const struct tree_node *with_extends(struct document *d, const char *word)
{
	const struct tree_item *said = tree_find(d->merged, "extends");
	struct tree_node *root = arena_alloc(&d->arena, sizeof(*root));
	struct tree_node *value = arena_alloc(&d->arena, sizeof(*value));
	struct tree_item *items =
		arena_array(&d->arena, d->merged->count + 1, sizeof(*root->items));
	const char *text = !word ? "none" : search_is_path(word) ? d->parent->real_path : word;
	size_t count = 0;

	if (!root || !value || !items)
		return NULL;
	*value = (struct tree_node){.kind = TREE_SCALAR, .place = d->extends};
	value->text = (struct span){arena_text(&d->arena, span_of(text)), strlen(text)};
	if (!value->text.data)
		return NULL;
	if (!said)
		value->place.line = 0;
	items[count++] = (struct tree_item){SPAN("extends"), value->place, value};
	for (size_t i = 0; i < d->merged->count; i++)
		if (&d->merged->items[i] != said)
			items[count++] = d->merged->items[i];
	qsort(items, count, sizeof(*items), by_rank);
	*root = *d->merged;
	root->items = items;
	root->count = count;
	return root;
}

static int document_read(struct profile_store *s, struct document *d, const struct chain *chain,
			 struct err *e)
{
	const struct tree_node *root = tree_load(&d->arena, d->path, e);
	const char *word;

	if (!root || read_extends(d, root, &word, e) < 0)
		return -1;
	if (!word) {
		d->merged = root;
		if (merge_check_alone(root, e) < 0)
			return -1;
	} else {
		if (open_parent(s, d, word, chain, e) < 0)
			return -1;
		d->merged = merge_trees(&d->arena, root, d->parent->merged,
					strcmp(d->parent->name, "base") == 0, e);
		if (!d->merged)
			return -1;
	}
	d->merged = with_extends(d, word);
	return d->merged || out_of_memory(e) ? 0 : -1;
}

static struct document *document_open(struct profile_store *s, const struct search_place *at,
				      const struct chain *chain, struct err *e)
{
	struct document *d = document_new(at, e), *known;

	if (!d)
		return NULL;
	for (const struct chain *c = chain; c; c = c->outer) {
		if (strcmp(c->document->real_path, d->real_path) == 0) {
			refuse_circle(chain, d, e);
			document_free(d);
			return NULL;
		}
	}
	known = document_find(s, d->real_path);
	if (known) {
		document_free(d);
		return known;
	}
	if (document_read(s, d, chain, e) < 0) {
		document_free(d);
		return NULL;
	}
	d->next = s->documents;
	s->documents = d;
	return d;
}

static struct document *document_of(struct profile_store *s, const char *name, struct err *e)
{
	struct search_place at;

	if (search_name(&s->search, name, &at, e) < 0)
		return NULL;
	return document_open(s, &at, NULL, e);
}

/* Drops what nobody needs; a document that was just opened stands in front. */
static void document_drop(struct profile_store *s, struct document *d)
{
	struct document **link = &s->documents;

	if (d->is_kept)
		return;
	while (*link != d)
		link = &(*link)->next;
	*link = d->next;
	document_free(d);
}

/* ---- profiles ---- */

/* Makes the profile of a document, its parents' first. False with faults added. */
static bool document_check(struct document *d, struct faults *f)
{
	struct decode_request request = {
		.root = d->merged,
		.name = d->name,
		.file = d->path,
		.is_root = !d->parent || strcmp(d->name, "base") == 0,
	};
	struct profile *p;

	if (d->profile)
		return true;
	if (d->parent && !document_check(d->parent, f))
		return false;
	p = arena_alloc(&d->arena, sizeof(*p));
	if (!p) {
		f->is_out_of_memory = true;
		return false;
	}
	decode_profile(&d->arena, &request, f, p);
	if (f->count == 0 && !f->is_out_of_memory)
		lint_profile(p, d->path, f);
	if (f->count > 0 || f->is_out_of_memory)
		return false;
	d->profile = p;
	return true;
}

const struct profile *profile_store_load(struct profile_store *s, const char *name, struct err *e)
{
	struct document *d = document_of(s, name, e);
	struct faults faults = {0};

	if (!d)
		return NULL;
	if (document_check(d, &faults))
		d->is_kept = true;
	else
		(void)faults_result(&faults, e);
	faults_fini(&faults);
	if (d->is_kept && d->profile)
		return d->profile;
	document_drop(s, d);
	return NULL;
}

void profile_store_check(struct profile_store *s, const char *name, struct faults *f)
{
	struct err e = {0};
	struct document *d = document_of(s, name, &e);

	if (!d) {
		faults_take(f, &e);
		return;
	}
	document_check(d, f);
	document_drop(s, d);
}

const struct tree_node *profile_store_document(struct profile_store *s, const char *name,
					       struct err *e)
{
	struct document *d = document_of(s, name, e);

	if (!d)
		return NULL;
	d->is_kept = true;
	return d->merged;
}

/* ---- lists ---- */

/* Members of a mapping that were not taken away. */
static size_t count_members(const struct tree_node *root, const char *key)
{
	const struct tree_item *item = tree_find(root, key);
	size_t count = 0;

	if (!item || item->value->kind != TREE_MAPPING)
		return 0;
	for (size_t i = 0; i < item->value->count; i++)
		count += item->value->items[i].value->kind != TREE_NULL;
	return count;
}

static bool has_member(const struct tree_node *root, const char *outer, const char *inner)
{
	const struct tree_item *item = tree_find(root, outer);
	const struct tree_item *member = item ? tree_find(item->value, inner) : NULL;

	return member && (member->value->kind == TREE_SCALAR || member->value->count > 0);
}

int profile_store_summary(struct profile_store *s, const char *name,
			  struct profile_summary *ret_summary, struct err *e)
{
	struct document *d = document_of(s, name, e);
	const struct tree_item *title;
	struct span text = SPAN("");

	if (!d)
		return -1;
	title = tree_find(d->merged, "title");
	if (title && title->value->kind == TREE_SCALAR)
		text = title->value->text;
	*ret_summary = (struct profile_summary){
		.is_destination = has_member(d->merged, "match", "mx") ||
				  has_member(d->merged, "match", "domains"),
		.is_submission = has_member(d->merged, "submission", "servers"),
		.limits = count_members(d->merged, "limits"),
		.rules = count_members(d->merged, "replies"),
	};
	escape_text(text, ESCAPE_CONTROLS, ret_summary->title, sizeof(ret_summary->title));
	document_drop(s, d);
	return 0;
}

const char *const *profile_store_names(struct profile_store *s, size_t *ret_count, struct err *e)
{
	return search_names(&s->search, ret_count, e);
}

const char *profile_store_path(struct profile_store *s, const char *name, struct err *e)
{
	struct search_place at;

	if (search_name(&s->search, name, &at, e) < 0)
		return NULL;
	snprintf(s->path, sizeof(s->path), "%s", at.path);
	return s->path;
}
