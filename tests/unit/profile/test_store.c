/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_store.c - where profiles are found, what extends what, and what cannot be read
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "folder.h"

#define MANY 10000

static void test_search(void **state)
{
	struct folder f;
	const struct profile *p;
	struct err e = {0};
	char path[128];

	(void)state;
	folder_open(&f);
	folder_write(&f, "one.yaml", "title: given\n");
	folder_write(&f, "volley/profiles/one.yaml", "title: own\n");
	folder_write(&f, "volley/profiles/two.yaml", "title: own two\n");
	p = folder_load(&f, "one");
	assert_string_equal(p->title, "given");
	assert_ptr_equal(folder_load(&f, "one"), p);
	assert_string_equal(folder_load(&f, "two")->title, "own two");
	/* By path: the same file is the same profile. */
	snprintf(path, sizeof(path), "%s/./one.yaml", f.path);
	assert_ptr_equal(folder_load(&f, path), p);
	snprintf(path, sizeof(path), "%s/one.yaml", f.path);
	assert_string_equal(profile_store_path(f.store, "one", &e), path);

	assert_null(profile_store_load(f.store, "onne", &e));
	assert_string_equal(e.text, "there is no profile \"onne\", did you mean \"one\"?");
	assert_int_equal(e.status, EXIT_USAGE);
	assert_null(profile_store_load(f.store, "something-else-altogether", &e));
	assert_non_null(
		strstr(e.text, "there is no profile \"something-else-altogether\" in /tmp/"));
	assert_null(profile_store_load(f.store, "", &e));
	assert_non_null(strstr(e.text, "\"\" is no name of a profile"));
	assert_null(profile_store_load(f.store, "-x", &e));
	assert_null(profile_store_load(f.store, "./no/such.yaml", &e));
	assert_non_null(strstr(e.text, "./no/such.yaml:1: cannot be read: No such file"));
	folder_close(&f);
}

static void test_no_folder(void **state)
{
	static const char *const folders[] = {"/nonexistent/folder"};
	struct profile_store *s = profile_store_new(folders, 1);
	struct err e = {0};
	size_t count;

	(void)state;
	assert_non_null(s);
	assert_null(profile_store_load(s, "gmail", &e));
	assert_non_null(strstr(e.text, "--profile-dir: cannot open /nonexistent/folder"));
	assert_null(profile_store_names(s, &count, &e));
	assert_int_equal(e.status, EXIT_USAGE);
	profile_store_free(s);
}

static void test_extends(void **state)
{
	struct folder f;

	(void)state;
	folder_open(&f);
	/* A local override of the same name means the next one along the path. */
	folder_write(&f, "same.yaml", "extends: same\nabout: local\n");
	folder_write(&f, "volley/profiles/same.yaml", "title: own\nabout: shipped\n");
	assert_string_equal(folder_load(&f, "same")->title, "own");
	assert_string_equal(folder_load(&f, "same")->about, "local");
	folder_refuse_text(&f, "extends: wrong\n", 1,
			   "extends: this is \"wrong\" itself, and there is no other");

	/* A path is relative to the file that says it. */
	folder_write(&f, "sub/low.yaml", "title: low\n");
	folder_write(&f, "sub/high.yaml", "extends: ./low.yaml\nabout: high\n");
	folder_write(&f, "top.yaml", "extends: sub/high.yaml\n");
	assert_string_equal(folder_load(&f, "top")->title, "low");

	folder_write(&f, "alone.yaml",
		     "title: alone\nextends: none\nheadroom: 0%\n"
		     "retry: {first: 1m, factor: 1, max: 1m, give-up: 1h, jitter: 0%, "
		     "greylist: 1m}\n");
	assert_int_equal(folder_load(&f, "alone")->rule_count, 0);
	folder_refuse_text(&f, "title: x\nextends: none\n", 1, "\"headroom\" is missing");

	folder_refuse_text(&f, "title: x\nextends: bse\n", 2,
			   "extends: there is no profile \"bse\"");
	folder_refuse_text(&f, "title: x\nextends: tip\n", 2, "did you mean \"top\"?");
	/* What is wrong with a parent is told of the parent. */
	folder_write(&f, "bad.yaml", "title: x\nheadroom: 200%\n");
	folder_write(&f, "child.yaml", "extends: bad\n");
	folder_refuse(&f, "child", "bad.yaml:2", "headroom");
	folder_close(&f);
}

static void test_no_base(void **state)
{
	struct folder f;
	char path[128];

	(void)state;
	folder_open(&f);
	/* The folder's own base extends the one that is shipped, where there is one. */
	folder_write(&f, "base.yaml", "extends: ./gone.yaml\n");
	folder_write(&f, "x.yaml", "title: x\n");
	folder_refuse(&f, "x", "base.yaml:1", "gone.yaml cannot be read: No such file");
	snprintf(path, sizeof(path), "%s/base.yaml", f.path);
	assert_int_equal(unlink(path), 0);
	folder_close(&f);
}

static void test_circles(void **state)
{
	struct folder f;
	char text[64], name[16];

	(void)state;
	folder_open(&f);
	folder_write(&f, "a.yaml", "title: a\nextends: b\n");
	folder_write(&f, "b.yaml", "\n\nextends: c\n");
	folder_write(&f, "c.yaml", "extends: b\n");
	folder_refuse(&f, "a", "c.yaml:1", "extends goes in a circle: /");
	folder_refuse(&f, "a", "c.yaml:1", "b.yaml:3 extends c, /");
	folder_refuse(&f, "a", "c.yaml:1", "c.yaml:1 extends b");
	folder_write(&f, "self.yaml", "title: x\nextends: ./self.yaml\n");
	folder_refuse(&f, "self", "self.yaml:2", "self.yaml:2 extends self");
	/* A way round that never says the same path twice. */
	folder_write(&f, "d.yaml", "extends: sub/../d.yaml\n");
	folder_write(&f, "sub/e.yaml", "title: e\n");
	folder_refuse(&f, "d", "d.yaml:1", "extends goes in a circle");

	/* Sixteen are allowed. */
	folder_write(&f, "p0.yaml", "title: end\n");
	for (int i = 1; i <= 16; i++) {
		snprintf(name, sizeof(name), "p%d.yaml", i);
		snprintf(text, sizeof(text), "extends: p%d\n", i - 1);
		folder_write(&f, name, text);
	}
	assert_string_equal(folder_load(&f, "p14")->title, "end");
	folder_renew(&f);
	folder_refuse(&f, "p16", "p0.yaml:1", "more than 16 profiles extend each other");
	folder_close(&f);
}

static void test_unreadable(void **state)
{
	struct folder f;
	char path[128], to[128];

	(void)state;
	folder_open(&f);
	folder_refuse_text(&f, "", 1, "the file is empty");
	folder_write(&f, "dir.yaml/x", "");
	folder_refuse(&f, "dir", "dir.yaml:1", "this is no file");
	snprintf(path, sizeof(path), "%s/pipe.yaml", f.path);
	assert_int_equal(mkfifo(path, 0600), 0);
	folder_refuse(&f, "pipe", "pipe.yaml:1", "this is no file");
	snprintf(to, sizeof(to), "%s/loop.yaml", f.path);
	assert_int_equal(symlink("loop.yaml", to), 0);
	assert_null(profile_store_load(f.store, to, NULL));
	folder_write(&f, "secret.yaml", "title: x\n");
	snprintf(path, sizeof(path), "%s/secret.yaml", f.path);
	assert_int_equal(chmod(path, 0), 0);
	if (access(path, R_OK) != 0) /* root reads it all the same */
		folder_refuse(&f, "secret", "secret.yaml:1", "cannot be read: Permission denied");
	folder_close(&f);
}

/* Ten thousand, all but one of them broken: nobody sees it who does not ask for them. */
static void test_many(void **state)
{
	struct folder f;
	const char *const *names;
	struct err e = {0};
	size_t count = 0;
	char name[32];

	(void)state;
	folder_open(&f);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "p%05d.yaml", i);
		folder_write(&f, name, i == 7777 ? "title: good\n" : "{broken");
	}
	names = profile_store_names(f.store, &count, &e);
	assert_non_null(names);
	/* What is shipped is found as well. */
	assert_in_range(count, MANY, MANY + 1000);
	for (size_t i = 1; i < count; i++)
		assert_true(strcmp(names[i - 1], names[i]) < 0);
	for (size_t i = 0; i < count; i++)
		assert_string_not_equal(names[i], "base");
	assert_string_equal(folder_load(&f, "p07777")->title, "good");
	assert_null(profile_store_load(f.store, "p0777", &e));
	assert_non_null(strstr(e.text, "did you mean \"p0"));
	folder_refuse(&f, "p00000", "p00000.yaml:2", "this is not valid YAML");
	folder_close(&f);
}

static void test_summary(void **state)
{
	struct profile_summary s;
	struct folder f;
	struct err e = {0};

	(void)state;
	folder_open(&f);
	folder_write(&f, "both.yaml",
		     "title: Both\nmatch: {mx: [a.example]}\n"
		     "submission: {servers: [{host: h, port: 25, security: tls}]}\n"
		     "limits: {a: {max: 1, of: connections, per: source}}\n"
		     "replies: {busy: null}\n");
	folder_write(&f, "test.yaml", "title: \"T \\u009b\"\nmatch: {mx: []}\n");
	assert_int_equal(profile_store_summary(f.store, "both", &s, &e), 0);
	assert_string_equal(s.title, "Both");
	assert_true(s.is_destination && s.is_submission);
	assert_int_equal(s.limits, 1);
	assert_int_equal(s.rules, 1);
	assert_int_equal(profile_store_summary(f.store, "test", &s, &e), -1);
	folder_write(&f, "test.yaml", "title: T\nmatch: {mx: []}\n");
	assert_int_equal(profile_store_summary(f.store, "test", &s, &e), 0);
	assert_false(s.is_destination || s.is_submission);
	assert_int_equal(s.rules, 2);
	folder_close(&f);
}

/* Every profile that is shipped is right, and reads no other one of the same name by mistake. */
static void test_shipped(void **state)
{
	static const char *const folders[] = {PROFILES_DIR};
	struct profile_store *s = profile_store_new(folders, 1);
	const char *const *names;
	struct err e = {0};
	size_t count = 0;

	(void)state;
	assert_non_null(s);
	names = profile_store_names(s, &count, &e);
	assert_non_null(names);
	for (size_t i = 0; i < count; i++)
		if (!profile_store_load(s, names[i], &e))
			fail_msg("%s", e.text);
	profile_store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search),	cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_extends), cmocka_unit_test(test_no_base),
		cmocka_unit_test(test_circles), cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_many),	cmocka_unit_test(test_summary),
		cmocka_unit_test(test_shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
