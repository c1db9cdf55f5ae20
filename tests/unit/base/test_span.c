/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_span.c - cutting a span at marks
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/span.h"

/* Expects the parts of text, and that a mark follows each but the last. */
static void expect_parts(struct span text, const char *const *parts, size_t count)
{
	struct span part;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(span_cut(&text, ',', &part), i + 1 < count);
		assert_true(span_equal(part, span_of(parts[i])));
	}
	assert_int_equal(text.len, 0);
}

static void test_cut(void **state)
{
	static const char *const one[] = {"a"}, *const three[] = {"a", "bc", "d"},
				 *const gaps[] = {"", "a", "", ""}, *const none[] = {""};

	(void)state;
	expect_parts(SPAN("a"), one, 1);
	expect_parts(SPAN("a,bc,d"), three, 3);
	expect_parts(SPAN(",a,,"), gaps, 4);
	expect_parts(SPAN(""), none, 1);
	expect_parts((struct span){0}, none, 1);
}

/* Only the text's own octets are looked at. */
static void test_ends(void **state)
{
	struct span rest = {"ab,c", 2}, part;

	(void)state;
	assert_false(span_cut(&rest, ',', &part));
	assert_true(span_equal(part, SPAN("ab")));
	rest = (struct span){"a\0b,c", 5};
	assert_true(span_cut(&rest, ',', &part));
	assert_int_equal(part.len, 3);
	assert_true(span_equal(rest, SPAN("c")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
