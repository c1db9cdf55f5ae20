/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_tree.c - YAML as a tree: places, what is refused and in which line, bounds
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/buf.h"
#include "profile/tree.h"

static const struct tree_node *parse(struct arena *a, struct span text, struct err *e)
{
	*e = (struct err){0};
	return tree_parse(a, "f.yaml", text, e);
}

static void test_places(void **state)
{
	struct arena a = {0};
	struct err e;
	const struct tree_node *root = parse(&a,
					     SPAN("# a comment\n"
						  "title: Some thing # more\n"
						  "limits:\n"
						  "  one: {max: 5,\n"
						  "        of: messages}\n"
						  "match:\n"
						  "  mx: [a.example,\n"
						  "       b.example]\n"
						  "text: >\n"
						  "  folded\n"
						  "  lines\n"
						  "no: ~\n"
						  "quoted: '~'\n"
						  "\"two\\nlines\": \"a\\tb\"\n"),
					     &e);
	const struct tree_node *limits, *mx;

	(void)state;
	assert_non_null(root);
	assert_int_equal(root->count, 7);
	assert_string_equal(tree_find(root, "title")->value->text.data, "Some thing");
	assert_int_equal(tree_find(root, "title")->place.line, 2);
	assert_string_equal(tree_find(root, "title")->place.file, "f.yaml");
	limits = tree_find(root, "limits")->value;
	assert_int_equal(tree_find(tree_find(limits, "one")->value, "of")->place.line, 5);
	mx = tree_find(tree_find(root, "match")->value, "mx")->value;
	assert_int_equal(mx->kind, TREE_SEQUENCE);
	assert_int_equal(mx->items[1].value->place.line, 8);
	assert_string_equal(tree_find(root, "text")->value->text.data, "folded lines\n");
	assert_int_equal(tree_find(root, "no")->value->kind, TREE_NULL);
	assert_int_equal(tree_find(root, "quoted")->value->kind, TREE_SCALAR);
	assert_string_equal(tree_find(root, "two\nlines")->value->text.data, "a\tb");
	assert_null(tree_find(root, "nothing"));
	assert_null(tree_find(tree_find(root, "title")->value, "title"));
	arena_fini(&a);
}

static void test_refused(void **state)
{
	static const struct {
		struct span text;
		const char *said;
	} cases[] = {
		{SPAN_INIT(""), "f.yaml:1: the file is empty"},
		{SPAN_INIT("\n\n# only this\n"), "f.yaml:1: the file is empty"},
		{SPAN_INIT("---\n...\n"), "f.yaml:1: the file is empty"},
		{SPAN_INIT("- a\n- b\n"), "f.yaml:1: a profile is a mapping"},
		{SPAN_INIT("\njust words\n"), "f.yaml:2: a profile is a mapping"},
		{SPAN_INIT("a: 1\nb: 2\na: 3\nb: 4\n"),
		 "f.yaml:3: \"a\" is given twice, first in line 1"},
		{SPAN_INIT("m:\n  k: 1\n  k: 1\n"), "f.yaml:3: \"k\" is given twice"},
		{SPAN_INIT("a: 1\nb: &here 2\n"), "f.yaml:2: the anchor \"&here\""},
		{SPAN_INIT("a: &m\n  b: 1\n"), "f.yaml:1: the anchor \"&m\""},
		{SPAN_INIT("a: &s [b]\n"), "f.yaml:1: the anchor \"&s\""},
		{SPAN_INIT("a: 1\n\nmx: [*google]\n"), "f.yaml:3: the alias \"*google\""},
		{SPAN_INIT("a: 1\nb: !!int 2\n"), "f.yaml:2: the tag \"tag:yaml.org,2002:int\""},
		{SPAN_INIT("a: !x {}\n"), "f.yaml:1: the tag \"!x\""},
		{SPAN_INIT("%TAG !e! tag:example.net,2000:\n---\na: 1\n"), "f.yaml:1: %TAG"},
		{SPAN_INIT("a: 1\n---\nb: 2\n"), "f.yaml:2: a second document"},
		{SPAN_INIT("a: 1\n...\n---\nb: 2\n"), "f.yaml:3: a second document"},
		{SPAN_INIT("a:\n\tb: 1\n"), "f.yaml:2: the line is indented with a tab"},
		{SPAN_INIT("a:\n  b: 1\n \tc: 2\n"), "f.yaml:3: the line is indented with a tab"},
		{SPAN_INIT("a: 1\n  b: 2\n"), "f.yaml:2: this is not valid YAML: mapping values"},
		{SPAN_INIT("a: [1, 2\n"), "f.yaml:2: this is not valid YAML"},
		{SPAN_INIT("a: 'open\n"), "this is not valid YAML"},
		{SPAN_INIT("a: 1\nb: caf\xe9\n"), "f.yaml:2: this is no text in UTF-8"},
		{SPAN_INIT("a: 1\n\nb: \x01\n"), "f.yaml:3: this is no text in UTF-8"},
		{SPAN_INIT("\x7f"
			   "ELF\x02\x01\x01\0\0\0"),
		 "f.yaml:1: this is no text in UTF-8"},
		{SPAN_INIT("\xff\xfe"
			   "a\0:\0"),
		 "f.yaml:1: this is no text in UTF-8"},
		{SPAN_INIT("a: \"\\e[31m\"\n"), "f.yaml:1: the text holds a control character"},
		{SPAN_INIT("a: 1\nb: \"\\0\"\n"), "f.yaml:2: the text holds a control character"},
		{SPAN_INIT("a: \"\\x9b\"\n"), "f.yaml:1: the text holds a control character"},
		{SPAN_INIT("? [a]\n: 1\n"), "f.yaml:1: a key is a word"},
		{SPAN_INIT("a: 1\n? {b: c}\n: 1\n"), "f.yaml:2: a key is a word"},
		{SPAN_INIT("'': 1\n"), "f.yaml:1: a key is a word"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a = {0};
		struct err e;

		if (parse(&a, cases[i].text, &e))
			fail_msg("case %zu passed: %s", i, cases[i].said);
		if (!strstr(e.text, cases[i].said))
			fail_msg("\"%s\" does not say \"%s\"", e.text, cases[i].said);
		assert_int_equal(strncmp(e.text, "f.yaml:", 7), 0);
		assert_int_equal(e.status, EXIT_USAGE);
		arena_fini(&a);
	}
}

static void test_byte_order_mark(void **state)
{
	struct arena a = {0};
	struct err e;
	const struct tree_node *root = parse(&a, SPAN("\xef\xbb\xbftitle: x\n"), &e);

	(void)state;
	assert_non_null(root);
	assert_non_null(tree_find(root, "title"));
	arena_fini(&a);
}

/* A value in so many lists within each other. */
static bool nests(int depth)
{
	struct arena a = {0};
	struct buf text;
	struct err e;
	bool passed;

	buf_init(&text, 1 << 20);
	assert_true(buf_append_text(&text, "a: "));
	for (int i = 0; i < depth; i++)
		assert_true(buf_append_text(&text, "["));
	for (int i = 0; i < depth; i++)
		assert_true(buf_append_text(&text, "]"));
	passed = parse(&a, buf_span(&text), &e) != NULL;
	if (!passed)
		assert_string_equal(e.text,
				    "f.yaml:1: values are nested more than 32 deep: a profile is "
				    "flatter");
	buf_fini(&text);
	arena_fini(&a);
	return passed;
}

static void test_bounds(void **state)
{
	struct arena a = {0};
	struct buf text;
	struct err e;

	(void)state;
	assert_true(nests(30));
	assert_false(nests(32));
	assert_false(nests(100000));

	/* A file of just the size that is allowed, and one octet more. */
	buf_init(&text, TREE_FILE_MAX + 1);
	assert_true(buf_append_text(&text, "a: b\n#"));
	assert_true(buf_reserve(&text, TREE_FILE_MAX + 1 - text.len));
	memset(text.data + text.len, 'x', TREE_FILE_MAX + 1 - text.len);
	assert_non_null(parse(&a, (struct span){text.data, TREE_FILE_MAX}, &e));
	assert_null(parse(&a, (struct span){text.data, TREE_FILE_MAX + 1}, &e));
	assert_non_null(strstr(e.text, "f.yaml:1: the file is larger than 1024 KiB"));
	buf_fini(&text);

	/* One member more than is allowed; the keys are sorted, not compared each with each. */
	buf_init(&text, TREE_FILE_MAX);
	for (int i = 0; i <= TREE_ITEMS_MAX; i++)
		assert_true(buf_printf(&text, "k%d: v\n", i));
	assert_null(parse(&a, buf_span(&text), &e));
	assert_non_null(strstr(e.text, "f.yaml:1: this has more than 8192 members"));
	buf_fini(&text);
	arena_fini(&a);
}

/* However a file is cut, it is a tree or one sentence with its place. */
static void test_cut_anywhere(void **state)
{
	static const char text[] = "title: \"a \\\"b\\\" \\u00e9\"\n"
				   "m: {x: [1, 'it''s', {y: z}], 'q': ~}\n"
				   "t: |\n"
				   "  one\n"
				   "   two\n"
				   "s:\n"
				   "- a\n"
				   "- b: c\n"
				   "  d: e\n";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		char *copy = malloc(len + 1); /* exact, so that a read beyond it is seen */
		struct arena a = {0};
		struct err e;

		assert_non_null(copy);
		memcpy(copy, text, len);
		if (!parse(&a, (struct span){copy, len}, &e))
			assert_int_equal(strncmp(e.text, "f.yaml:", 7), 0);
		free(copy);
		arena_fini(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_byte_order_mark), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
