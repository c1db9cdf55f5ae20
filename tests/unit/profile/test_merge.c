/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_merge.c - what a profile has of its own, what it inherits, in which order and from where
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "folder.h"
#include "profile/emit.h"
#include "profile/tree.h"

static const char parent[] =
	"title: Parent\n"
	"provider: P\n"
	"match: {mx: [a.example, b.example], domains: [c.example]}\n"
	"limits:\n"
	"  a: {max: 1, of: connections, per: source, source: S, sure: common}\n"
	"  b: {max: 2, of: connections, per: site}\n"
	"retry: {first: 20m, source: S, sure: common}\n"
	"replies:\n"
	"  one: {code: 421, text: one, class: throttled,\n"
	"        when: {over: a}, say: '421 one'}\n"
	"  two: {code: 421, text: two, class: throttled}\n"
	"  three: {code: 421, text: three, class: throttled}\n"
	"sources:\n"
	"  S: {what: somewhere}\n";

/* The names of a profile's rules, "one two three". */
static const char *rule_names(const struct profile *p, char out[256])
{
	out[0] = '\0';
	for (int i = 0; i < p->rule_count; i++) {
		size_t len = strlen(out);

		snprintf(out + len, 256 - len, "%s%s", i > 0 ? " " : "", p->rules[i].name);
	}
	return out;
}

static void test_layers(void **state)
{
	struct folder f;
	const struct profile *p;
	char names[256], path[128];

	(void)state;
	folder_open(&f);
	folder_write(&f, "parent.yaml", parent);
	folder_write(&f, "child.yaml",
		     "extends: parent\n"
		     "match: {mx: [z.example]}\n"
		     "replies:\n"
		     "  new: {code: 421, text: new, class: greylisted}\n"
		     "  two: {who: site}\n"
		     "  newer: {code: 421, text: newer, class: greylisted}\n"
		     "  one: {when: {octets: 5MB}}\n"
		     "  three: null\n");
	p = folder_load(&f, "child");
	/* Mappings by key, lists as a whole. */
	assert_string_equal(p->title, "Parent");
	assert_string_equal(p->provider, "P");
	assert_int_equal(p->mx_count, 1);
	assert_int_equal(p->domain_count, 1);
	assert_int_equal(p->limit_count, 2);
	/* New rules first in their own order, changed ones where they were, the base's last. */
	assert_string_equal(rule_names(p, names), "new newer one two busy nobody");
	assert_int_equal(p->own_rule_count, 4);
	assert_int_equal(p->rules[3].scope, SCOPE_SITE);
	assert_int_equal(p->rules[3].class, CLASS_THROTTLED);
	/* A condition is one of several: it is replaced, not merged. */
	assert_int_equal(p->rules[2].when, CAUSE_SIZE);
	assert_int_equal(p->rules[2].limit, -1);
	/* What is changed stands in the child, what is not in the parent. */
	snprintf(path, sizeof(path), "%s/child.yaml", f.path);
	assert_string_equal(p->rules[3].place.file, path);
	assert_int_equal(p->rules[3].place.line, 5);
	snprintf(path, sizeof(path), "%s/parent.yaml", f.path);
	assert_string_equal(p->limits[0].place.file, path);
	assert_int_equal(p->limits[0].place.line, 5);
	folder_close(&f);
}

/* The base is about nobody: whoever extends it has a title of his own. */
static void test_base_has_no_identity(void **state)
{
	struct folder f;

	(void)state;
	folder_open(&f);
	folder_write(&f, "base.yaml",
		     "title: Base\nprovider: any\nheadroom: 20%\nmatch: {mx: [a.example]}\n"
		     "retry: {first: 10m, factor: 2, max: 4h, give-up: 3d, jitter: 10%, "
		     "greylist: 5m}\n");
	folder_refuse_text(&f, "about: x\n", 1, "\"title\" is missing");
	folder_write(&f, "own.yaml", "title: Own\n");
	assert_string_equal(folder_load(&f, "own")->provider, "own");
	assert_int_equal(folder_load(&f, "own")->mx_count, 0);
	assert_string_equal(folder_load(&f, "base")->title, "Base");
	folder_close(&f);
}

/* A figure's source goes with the figure. */
static void test_marks(void **state)
{
	struct folder f;
	const struct profile *p;

	(void)state;
	folder_open(&f);
	folder_write(&f, "parent.yaml", parent);
	folder_write(
		&f, "child.yaml",
		"extends: parent\nlimits: {a: {max: 9}, b: {max: 3, source: S, sure: common}}\n");
	p = folder_load(&f, "child");
	assert_int_equal(p->limits[0].limit.amount, 9);
	assert_null(p->limits[0].source);
	assert_int_equal(p->limits[0].limit.sureness, SURE_ASSUMED);
	assert_string_equal(p->limits[1].source, "S");
	assert_int_equal(p->limits[1].limit.sureness, SURE_COMMON);
	/* The same figure again is the same figure. */
	folder_write(&f, "same.yaml", "extends: parent\nlimits: {a: {max: 1}}\n");
	p = folder_load(&f, "same");
	assert_string_equal(p->limits[0].source, "S");
	assert_int_equal(p->limits[0].limit.sureness, SURE_COMMON);
	/* Sureness without a figure's source is not inherited either. */
	folder_refuse_text(&f, "extends: parent\nlimits:\n  a: {max: 2, sure: common}\n", 3,
			   "what is common has a source");
	folder_close(&f);
}

static void test_taking_away(void **state)
{
	struct folder f;
	const struct profile *p;

	(void)state;
	folder_open(&f);
	folder_write(&f, "parent.yaml", parent);
	folder_write(&f, "child.yaml",
		     "extends: parent\nlimits: {b: ~}\nreplies: {three: null, nobody: null}\n");
	p = folder_load(&f, "child");
	assert_int_equal(p->limit_count, 1);
	assert_int_equal(p->rule_count, 3);
	/* A grandchild may give it back. */
	folder_write(&f, "grandchild.yaml",
		     "extends: child\nlimits: {b: {max: 7, of: connections, per: site}}\n");
	p = folder_load(&f, "grandchild");
	assert_int_equal(p->limit_count, 2);
	assert_int_equal(p->limits[1].limit.amount, 7);

	folder_refuse_text(&f, "extends: parent\nlimits:\n  c: null\n", 3,
			   "limits.c: null takes away what is inherited, but nothing of that name");
	folder_refuse_text(&f, "extends: parent\nlimits:\n  a: {sort: null}\n", 3,
			   "limits.a.sort: null takes away");
	folder_refuse_text(&f, "extends: parent\nlimits:\n  n:\n    max:\n", 4,
			   "limits.n.max: there is no value behind the colon");
	folder_refuse_text(&f, "extends: parent\nlimits:\n", 2,
			   "limits: there is no value behind the colon");
	folder_refuse_text(&f, "extends: parent\nabout: x\nlimits: {a: ~}\n", 3,
			   "limits.a: this limit cannot be taken away alone: replies.one");
	folder_close(&f);
}

static void test_kinds(void **state)
{
	struct folder f;

	(void)state;
	folder_open(&f);
	folder_write(&f, "parent.yaml", parent);
	folder_refuse_text(&f, "extends: parent\nlimits: [a]\n", 2,
			   "limits: this is a list, and a mapping where it is inherited");
	folder_refuse_text(&f, "extends: parent\ntitle: {a: b}\n", 2,
			   "title: this is a mapping, and one value where it is inherited");
	/* A single value stands for a list of one. */
	folder_write(&f, "child.yaml", "extends: parent\nmatch: {mx: only.example}\n");
	assert_int_equal(folder_load(&f, "child")->mx_count, 1);
	folder_close(&f);
}

/* What show prints is the profile again: the same values from the same places. */
static void test_shown_again(void **state)
{
	static const char *const names[] = {"child", "parent", "base"};
	struct folder f;

	(void)state;
	folder_open(&f);
	folder_write(&f, "parent.yaml", parent);
	folder_write(&f, "child.yaml",
		     "extends: parent\n"
		     "about: \"it's # not\\n\\\"a comment\\\": {x}\\ttab \\u00e9\"\n"
		     "limits: {a: {max: 9}, b: null}\n"
		     "replies:\n"
		     "  new: {code: [421, 4xx], text: '\\bnew: \"x\"\\\\', class: greylisted,\n"
		     "        samples: ['421 new: \"x\"\\']}\n"
		     "  two: {who: site}\n"
		     "  three: null\n");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct err e = {0};
		const struct tree_node *before, *after;
		struct buf text;
		char file[64];

		before = profile_store_document(f.store, names[i], &e);
		assert_non_null(before);
		buf_init(&text, 1 << 20);
		assert_true(emit_document(before, &text));
		assert_true(buf_append(&text, "", 1));
		snprintf(file, sizeof(file), "copy-of-%s.yaml", names[i]);
		folder_write(&f, file, text.data);
		snprintf(file, sizeof(file), "copy-of-%s", names[i]);
		after = profile_store_document(f.store, file, &e);
		if (!after)
			fail_msg("%s\n%s", e.text, text.data);
		if (!tree_equal(before, after))
			fail_msg("%s is another one when it is read again:\n%s", names[i],
				 text.data);
		/* An inherited rule that is said again is still inherited. */
		assert_int_equal(folder_load(&f, file)->rule_count,
				 folder_load(&f, names[i])->rule_count);
		assert_int_equal(folder_load(&f, file)->own_rule_count,
				 folder_load(&f, names[i])->own_rule_count);
		buf_fini(&text);
	}
	folder_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers), cmocka_unit_test(test_base_has_no_identity),
		cmocka_unit_test(test_marks),  cmocka_unit_test(test_taking_away),
		cmocka_unit_test(test_kinds),  cmocka_unit_test(test_shown_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
