/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_roll.c - addresses out of patterns and files
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "mail/roll.h"
#include "scratch.h"

static const struct roll_format sender = {"--from", "--from-file", true, false};
static const struct roll_format recipient = {"--to", "--to-file", false, false};
static const struct roll_format numbered = {"--to", "--to-file", false, true};

static void assert_picks(const struct roll *r, uint64_t idx, const char *expected)
{
	char memory[1024], *cursor = memory;
	bool is_utf8;
	struct span address = roll_pick(r, idx, &cursor, &is_utf8);

	assert_true((size_t)(cursor - memory) <= r->len_max);
	assert_true(address.len <= r->len_max);
	if (!span_equal(address, span_of(expected)))
		fail_msg("%llu: %.*s, not %s", (unsigned long long)idx, (int)address.len,
			 address.data, expected);
}

static void patterns(void **state)
{
	static const struct {
		const char *pattern;
		const struct roll_format *format;
		uint64_t idx;
		const char *address;
	} cases[] = {
		{"a@example.com", &recipient, 0, "a@example.com"},
		{"<a@example.com>", &recipient, 9, "a@example.com"},
		{"user%d@example.com", &recipient, 0, "user1@example.com"},
		{"user%d@example.com", &recipient, 99, "user100@example.com"},
		{"user%06d@example.com", &recipient, 41, "user000042@example.com"},
		{"user%{1-3}@example.com", &recipient, 2, "user3@example.com"},
		{"user%{1-3}@example.com", &recipient, 3, "user1@example.com"},
		{"user%{001-100}@example.com", &recipient, 6, "user007@example.com"},
		{"u%d@d%{0-9}.example.com", &recipient, 12, "u13@d2.example.com"},
		{"a%%b@example.com", &recipient, 0, "a%b@example.com"},
		{"a@example.com", &numbered, 6, "a7@example.com"},
		{"a%%b@example.com", &numbered, 6, "a%b7@example.com"},
		{"a%d@example.com", &numbered, 6, "a7@example.com"},
		{"\"a b\"@example.com", &recipient, 0, "\"a b\"@example.com"},
		{"", &sender, 3, ""},
		{"<>", &sender, 3, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct roll r;
		struct err e = {0};

		if (roll_from_pattern(cases[i].pattern, cases[i].format, &e, &r) < 0)
			fail_msg("%s: %s", cases[i].pattern, e.text);
		assert_picks(&r, cases[i].idx, cases[i].address);
		roll_fini(&r);
	}
}

static void populations(void **state)
{
	static const struct {
		const char *pattern;
		uint64_t population;
	} cases[] = {
		{"a@example.com", 1},
		{"a%d@example.com", 0},
		{"a%{1-3}@d%{1-50}.example.com", 50},
		{"a%d@d%{1-50}.example.com", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct roll r;
		struct err e = {0};

		assert_int_equal(roll_from_pattern(cases[i].pattern, &recipient, &e, &r), 0);
		assert_int_equal(r.population, cases[i].population);
		roll_fini(&r);
	}
}

static void bad_patterns(void **state)
{
	static const struct {
		const char *pattern, *words;
	} cases[] = {
		{"", "is empty"},
		{"<>", "is empty"},
		{"user%d", "has no domain"},
		{"user%x@example.com", "none of %d"},
		{"user%@example.com", "none of %d"},
		{"user%{1}@example.com", "none of %d"},
		{"user%{9-1}@example.com", "none of %d"},
		{"user%{1-2@example.com", "none of %d"},
		{"user%99d@example.com", "none of %d"},
		{"a b@example.com", "space"},
		{"a\r\n@example.com", "control"},
		{"%d%d%d%d%d%d%d%d%d@example.com", "numbers"},
		{"a12345678901234567890123456789012345678901234567890123456789%d@example.com",
		 "too long"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct roll r;
		struct err e = {0};

		if (roll_from_pattern(cases[i].pattern, &recipient, &e, &r) == 0)
			fail_msg("\"%s\" was taken", cases[i].pattern);
		assert_int_equal(e.status, EXIT_USAGE);
		if (!strstr(e.text, cases[i].words))
			fail_msg("\"%s\" does not say \"%s\"", e.text, cases[i].words);
	}
}

static void files(void **state)
{
	const char *path = scratch_text("list", "# customers\n"
						"a@example.com\n"
						"\n"
						"  <b@example.com>  \r\n"
						"\xC3\xA9@example.com");
	char memory[64], *cursor = memory;
	struct roll r;
	struct err e = {0};
	bool is_utf8;

	(void)state;
	assert_int_equal(roll_from_file(path, &recipient, &e, &r), 0);
	assert_int_equal(r.population, 3);
	assert_true(r.may_be_utf8);
	assert_picks(&r, 0, "a@example.com");
	assert_picks(&r, 1, "b@example.com");
	assert_picks(&r, 2, "\xC3\xA9@example.com");
	assert_picks(&r, 4, "b@example.com");
	roll_pick(&r, 1, &cursor, &is_utf8);
	assert_false(is_utf8);
	roll_pick(&r, 2, &cursor, &is_utf8);
	assert_true(is_utf8);
	assert_ptr_equal(cursor, memory);
	roll_fini(&r);

	path = scratch_text("senders", "<>\na@example.com\n");
	assert_int_equal(roll_from_file(path, &sender, &e, &r), 0);
	assert_picks(&r, 0, "");
	assert_picks(&r, 1, "a@example.com");
	roll_fini(&r);
}

static void long_files(void **state)
{
	const size_t size = 100000 * 24;
	char *text = malloc(size), *end = text;
	struct roll r;
	struct err e = {0};

	(void)state;
	for (int i = 0; i < 100000; i++)
		end += snprintf(end, size - (size_t)(end - text), "u%d@example.com\n", i);
	assert_int_equal(roll_from_file(scratch_write("long", text, (size_t)(end - text)),
					&recipient, &e, &r),
			 0);
	free(text);
	assert_int_equal(r.population, 100000);
	assert_picks(&r, 0, "u0@example.com");
	assert_picks(&r, 65536, "u65536@example.com");
	assert_picks(&r, 99999, "u99999@example.com");
	assert_picks(&r, 100000, "u0@example.com");
	roll_fini(&r);
}

static void bad_files(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "holds no address"},
		{"# nothing\n\n", "holds no address"},
		{"a@example.com\nno-domain\n", ":2: \"no-domain\" has no domain"},
		{"a@example.com\n\n<>\n", ":3: \"\" is empty"},
		{"a@example.com extra\n", ":1: "},
		{"\x1b[31m@example.com\n", "control character"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct roll r;
		struct err e = {0};
		char name[32];

		snprintf(name, sizeof(name), "bad-%zu", i);
		if (roll_from_file(scratch_text(name, cases[i].text), &recipient, &e, &r) == 0)
			fail_msg("case %zu was taken", i);
		assert_int_equal(e.status, EXIT_USAGE);
		if (!strstr(e.text, cases[i].words))
			fail_msg("\"%s\" does not say \"%s\"", e.text, cases[i].words);
		assert_null(strchr(e.text, '\x1b'));
	}
	{
		struct roll r;
		struct err e = {0};

		assert_int_equal(roll_from_file("/does/not/exist", &recipient, &e, &r), -1);
		assert_non_null(strstr(e.text, "--to-file: cannot open /does/not/exist"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),	cmocka_unit_test(populations),
		cmocka_unit_test(bad_patterns), cmocka_unit_test(files),
		cmocka_unit_test(long_files),	cmocka_unit_test(bad_files),
	};

	return cmocka_run_group_tests_name("mail: addresses", tests, scratch_setup,
					   scratch_teardown);
}
