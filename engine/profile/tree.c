/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tree.c - a YAML file as a tree whose every value knows the file and line it was written in
 *
 * libyaml hands out events, each with its place; the tree is built by recursive descent over them,
 * so that its depth is the depth of our own calls and bounded by one argument. What is refused is
 * refused at its event, before anything is built of it.
 */
#include "profile/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

struct builder {
	struct arena *arena;
	const char *file;
	struct span text;
	yaml_parser_t yaml;
	struct err *err;
};

/* NULL, so that a caller can write "return refuse(...)". */
__attribute__((format(printf, 3, 4))) static void *refuse(struct builder *b, size_t line,
							  const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	err_set(b->err, EXIT_USAGE, 0, "%s:%zu: %s", b->file, line, text);
	return NULL;
}

static void *out_of_memory(struct builder *b)
{
	err_set(b->err, EXIT_FAILED, ENOMEM, "%s: memory is exhausted", b->file);
	return NULL;
}

/* ---- what libyaml finds wrong ---- */

static size_t line_of_offset(struct span text, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset && i < text.len; i++)
		line += text.data[i] == '\n';
	return line;
}

/* True when the line begins with white space that holds a tab. */
static bool is_tab_indented(struct span text, size_t line)
{
	size_t i = 0;

	for (; line > 1 && i < text.len; i++)
		line -= text.data[i] == '\n';
	for (; i < text.len && (text.data[i] == ' ' || text.data[i] == '\t'); i++)
		if (text.data[i] == '\t')
			return true;
	return false;
}

static void *refuse_syntax(struct builder *b)
{
	const yaml_parser_t *y = &b->yaml;
	size_t line = y->problem_mark.line + 1;

	switch (y->error) {
	case YAML_MEMORY_ERROR:
		return out_of_memory(b);
	case YAML_READER_ERROR:
		return refuse(b, line_of_offset(b->text, y->problem_offset),
			      "this is no text in UTF-8 (%s)", y->problem);
	default:
		break;
	}
	if (is_tab_indented(b->text, line))
		return refuse(b, line,
			      "the line is indented with a tab, which YAML forbids: use spaces");
	return refuse(b, line, "this is not valid YAML: %s%s%s", y->problem ? y->problem : "error",
		      y->context ? " " : "", y->context ? y->context : "");
}

static bool next_event(struct builder *b, yaml_event_t *event)
{
	if (yaml_parser_parse(&b->yaml, event))
		return true;
	refuse_syntax(b);
	return false;
}

/* ---- nodes ---- */

static const struct tree_node *build(struct builder *b, const yaml_event_t *event, int depth);

static bool is_null_word(struct span text)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_equal(text, span_of(words[i])))
			return true;
	return false;
}

/* Line feeds and tabs may stand in a text; other controls, which escapes can make, may not. */
static bool is_printable(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return false;
		/* U+0080..U+009F: a terminal reads U+009B as the start of a command. */
		if (c == 0xc2 && i + 1 < text.len && (unsigned char)text.data[i + 1] < 0xa0)
			return false;
	}
	return true;
}

/* Anchors and tags may stand at every kind of node. */
static bool is_bare(struct builder *b, const yaml_event_t *event, const yaml_char_t *anchor,
		    const yaml_char_t *tag)
{
	size_t line = event->start_mark.line + 1;

	if (anchor)
		refuse(b, line, "the anchor \"&%s\" is not allowed in a profile: write it out",
		       (const char *)anchor);
	else if (tag)
		refuse(b, line, "the tag \"%s\" is not allowed in a profile: leave it out",
		       (const char *)tag);
	return !anchor && !tag;
}

static struct tree_node *node_new(struct builder *b, const yaml_event_t *event, enum tree_kind kind)
{
	struct tree_node *node = arena_alloc(b->arena, sizeof(*node));

	if (!node)
		return out_of_memory(b);
	node->kind = kind;
	node->place = (struct profile_place){b->file, (int)event->start_mark.line + 1};
	return node;
}

static const struct tree_node *build_scalar(struct builder *b, const yaml_event_t *event)
{
	struct span text = {(const char *)event->data.scalar.value, event->data.scalar.length};
	bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct tree_node *node;

	if (!is_bare(b, event, event->data.scalar.anchor, event->data.scalar.tag))
		return NULL;
	if (!is_printable(text))
		return refuse(b, event->start_mark.line + 1,
			      "the text holds a control character: leave it out");
	node = node_new(b, event, is_plain && is_null_word(text) ? TREE_NULL : TREE_SCALAR);
	if (!node)
		return NULL;
	node->text = (struct span){arena_text(b->arena, text), text.len};
	return node->text.data ? node : out_of_memory(b);
}

/* Room for one more; what was there before stays behind in the arena. */
static struct tree_item *item_add(struct builder *b, struct tree_node *node, size_t *cap)
{
	if (node->count >= TREE_ITEMS_MAX)
		return refuse(b, (size_t)node->place.line,
			      "this has more than %d members: divide it", TREE_ITEMS_MAX);
	if (node->count == *cap) {
		size_t more = *cap > 0 ? 2 * *cap : 8;
		struct tree_item *items = arena_array(b->arena, more, sizeof(*items));

		if (!items)
			return out_of_memory(b);
		if (node->count > 0)
			memcpy(items, node->items, node->count * sizeof(*items));
		node->items = items;
		*cap = more;
	}
	return &node->items[node->count++];
}

static const struct tree_node *build_sequence(struct builder *b, const yaml_event_t *event,
					      int depth)
{
	struct tree_node *node;
	size_t cap = 0;

	if (!is_bare(b, event, event->data.sequence_start.anchor, event->data.sequence_start.tag))
		return NULL;
	node = node_new(b, event, TREE_SEQUENCE);
	while (node) {
		const struct tree_node *value;
		struct tree_item *item;
		yaml_event_t next;

		if (!next_event(b, &next))
			return NULL;
		if (next.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&next);
			break;
		}
		value = build(b, &next, depth);
		yaml_event_delete(&next);
		item = value ? item_add(b, node, &cap) : NULL;
		if (!item)
			return NULL;
		*item = (struct tree_item){.place = value->place, .value = value};
	}
	return node;
}

static int by_key(const void *left, const void *right)
{
	const struct tree_item *a = *(const struct tree_item *const *)left;
	const struct tree_item *b = *(const struct tree_item *const *)right;
	size_t len = a->key.len < b->key.len ? a->key.len : b->key.len;
	int order = len > 0 ? memcmp(a->key.data, b->key.data, len) : 0;

	if (order == 0 && a->key.len != b->key.len)
		order = a->key.len < b->key.len ? -1 : 1;
	return order != 0 ? order : (a > b) - (a < b);
}

/* Sorted, so that a mapping of thousands of keys costs no square of them. */
static bool keys_are_unique(struct builder *b, const struct tree_node *node)
{
	const struct tree_item **sorted, *again = NULL, *first = NULL;

	if (node->count < 2)
		return true;
	sorted = calloc(node->count, sizeof(*sorted));
	if (!sorted)
		return out_of_memory(b);
	for (size_t i = 0; i < node->count; i++)
		sorted[i] = &node->items[i];
	qsort(sorted, node->count, sizeof(*sorted), by_key);
	for (size_t i = 1; i < node->count; i++) {
		/* The one that stands first in the file is told. */
		if (!span_equal(sorted[i]->key, sorted[i - 1]->key) || (again && sorted[i] > again))
			continue;
		again = sorted[i];
		first = sorted[i - 1];
	}
	free(sorted);
	if (again)
		refuse(b, (size_t)again->place.line,
		       "\"%s\" is given twice, first in line %d: keep one of them", again->key.data,
		       first->place.line);
	return !again;
}

static const struct tree_node *build_mapping(struct builder *b, const yaml_event_t *event,
					     int depth)
{
	struct tree_node *node;
	size_t cap = 0;

	if (!is_bare(b, event, event->data.mapping_start.anchor, event->data.mapping_start.tag))
		return NULL;
	node = node_new(b, event, TREE_MAPPING);
	while (node) {
		const struct tree_node *key, *value;
		struct tree_item *item;
		yaml_event_t next;

		if (!next_event(b, &next))
			return NULL;
		if (next.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&next);
			break;
		}
		key = build(b, &next, depth);
		yaml_event_delete(&next);
		if (!key)
			return NULL;
		if ((key->kind != TREE_SCALAR && key->kind != TREE_NULL) || key->text.len == 0)
			return refuse(b, (size_t)key->place.line,
				      "a key is a word: what stands before the colon is none");
		if (!next_event(b, &next))
			return NULL;
		value = build(b, &next, depth);
		yaml_event_delete(&next);
		item = value ? item_add(b, node, &cap) : NULL;
		if (!item)
			return NULL;
		*item = (struct tree_item){key->text, key->place, value};
	}
	return node && keys_are_unique(b, node) ? node : NULL;
}

/* The node that begins with the event; the event stays the caller's. */
static const struct tree_node *build(struct builder *b, const yaml_event_t *event, int depth)
{
	size_t line = event->start_mark.line + 1;

	if (depth >= TREE_DEPTH_MAX)
		return refuse(b, line, "values are nested more than %d deep: a profile is flatter",
			      TREE_DEPTH_MAX);
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return build_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return build_sequence(b, event, depth + 1);
	case YAML_MAPPING_START_EVENT:
		return build_mapping(b, event, depth + 1);
	case YAML_ALIAS_EVENT:
		return refuse(b, line,
			      "the alias \"*%s\" is not allowed in a profile: write it out, or "
			      "quote it when the asterisk is meant",
			      (const char *)event->data.alias.anchor);
	default:
		return refuse(b, line, "this is not valid YAML");
	}
}

/* ---- documents ---- */

/* What stands between the start of the stream and the root, or after it. */
static bool skip_to_root(struct builder *b, yaml_event_t *event)
{
	bool is_document;

	if (!next_event(b, event)) /* the start of the stream */
		return false;
	yaml_event_delete(event);
	if (!next_event(b, event))
		return false;
	is_document = event->type == YAML_DOCUMENT_START_EVENT;
	if (is_document && event->data.document_start.tag_directives.start !=
				   event->data.document_start.tag_directives.end) {
		refuse(b, event->start_mark.line + 1,
		       "%%TAG is not allowed in a profile: leave it out");
		yaml_event_delete(event);
		return false;
	}
	yaml_event_delete(event);
	if (!is_document) {
		refuse(b, 1, "the file is empty: a profile needs at least \"title: ...\"");
		return false;
	}
	return next_event(b, event);
}

static bool ends_after_root(struct builder *b)
{
	yaml_event_t event;
	bool is_end;

	if (!next_event(b, &event)) /* the end of the document */
		return false;
	yaml_event_delete(&event);
	if (!next_event(b, &event))
		return false;
	is_end = event.type == YAML_STREAM_END_EVENT;
	if (!is_end)
		refuse(b, event.start_mark.line + 1,
		       "a second document begins here: a file holds one profile");
	yaml_event_delete(&event);
	return is_end;
}

static const struct tree_node *build_root(struct builder *b)
{
	const struct tree_node *root;
	yaml_event_t event;

	if (!skip_to_root(b, &event))
		return NULL;
	root = build(b, &event, 0);
	yaml_event_delete(&event);
	if (!root)
		return NULL;
	if (root->kind == TREE_NULL)
		return refuse(b, 1, "the file is empty: a profile needs at least \"title: ...\"");
	if (root->kind != TREE_MAPPING)
		return refuse(b, (size_t)root->place.line,
			      "a profile is a mapping: lines of the form \"key: value\"");
	return ends_after_root(b) ? root : NULL;
}

const struct tree_node *tree_parse(struct arena *a, const char *file, struct span text,
				   struct err *e)
{
	struct builder b = {.arena = a, .file = file, .text = text, .err = e};
	const struct tree_node *root;

	if (text.len > TREE_FILE_MAX)
		return refuse(&b, 1, "the file is larger than %zu KiB: this is no profile",
			      TREE_FILE_MAX / 1024);
	/* A byte order mark is no text; the encoding is given below, so libyaml leaves it there. */
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		b.text = span_skip(text, 3);
	if (!yaml_parser_initialize(&b.yaml))
		return out_of_memory(&b);
	yaml_parser_set_encoding(&b.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&b.yaml, (const unsigned char *)(b.text.data ? b.text.data : ""), b.text.len);
	root = build_root(&b);
	yaml_parser_delete(&b.yaml);
	return root;
}

/* Reads at most one octet more than allowed, so that the size is judged where all else is. */
static char *read_file(const char *path, int fd, size_t *ret_len, struct err *e)
{
	char *text = malloc(TREE_FILE_MAX + 1);
	size_t len = 0;

	if (!text) {
		err_set(e, EXIT_FAILED, ENOMEM, "%s: memory is exhausted", path);
		return NULL;
	}
	while (len <= TREE_FILE_MAX) {
		ssize_t got = read(fd, text + len, TREE_FILE_MAX + 1 - len);

		if (got == 0)
			break;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			err_set(e, EXIT_USAGE, errno, "%s:1: cannot be read: %s", path,
				strerror(errno));
			free(text);
			return NULL;
		}
		len += (size_t)got;
	}
	*ret_len = len;
	return text;
}

const struct tree_node *tree_load(struct arena *a, const char *path, struct err *e)
{
	const struct tree_node *root = NULL;
	char *file = arena_text(a, span_of(path)), *text;
	struct stat facts;
	size_t len;
	int fd;

	if (!file) {
		err_set(e, EXIT_FAILED, ENOMEM, "%s: memory is exhausted", path);
		return NULL;
	}
	/* Not to wait for a writer where somebody left a pipe. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &facts) != 0) {
		err_set(e, EXIT_USAGE, errno, "%s:1: cannot be read: %s", path, strerror(errno));
	} else if (!S_ISREG(facts.st_mode)) {
		err_set(e, EXIT_USAGE, 0, "%s:1: this is no file: a profile is a text file", path);
	} else {
		text = read_file(path, fd, &len, e);
		if (text)
			root = tree_parse(a, file, (struct span){text, len}, e);
		free(text);
	}
	if (fd >= 0)
		close(fd);
	return root;
}

/* ---- reading ---- */

const struct tree_item *tree_find_span(const struct tree_node *node, struct span key)
{
	if (!node || node->kind != TREE_MAPPING)
		return NULL;
	for (size_t i = 0; i < node->count; i++)
		if (span_equal(node->items[i].key, key))
			return &node->items[i];
	return NULL;
}

const struct tree_item *tree_find(const struct tree_node *node, const char *key)
{
	return tree_find_span(node, span_of(key));
}

bool tree_equal(const struct tree_node *a, const struct tree_node *b)
{
	if (a->kind != b->kind || a->count != b->count)
		return false;
	if (a->kind == TREE_SCALAR && !span_equal(a->text, b->text))
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!span_equal(a->items[i].key, b->items[i].key) ||
		    !tree_equal(a->items[i].value, b->items[i].value))
			return false;
	}
	return true;
}
