/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_date.c - moments as text
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/date.h"

static void test_digits(void **state)
{
	const int64_t at_ns = INT64_C(1795281384123456789);
	char text[DATE_TEXT_MAX];

	(void)state;
	assert_string_equal(date_text(at_ns, 0, text), "2026-11-21T17:16:24Z");
	assert_string_equal(date_text(at_ns, 3, text), "2026-11-21T17:16:24.123Z");
	assert_string_equal(date_text(at_ns, 6, text), "2026-11-21T17:16:24.123456Z");
	assert_string_equal(date_text(at_ns, 9, text), "2026-11-21T17:16:24.123456789Z");
}

static void test_edges(void **state)
{
	char text[DATE_TEXT_MAX];

	(void)state;
	assert_string_equal(date_text(0, 3, text), "1970-01-01T00:00:00.000Z");
	/* Cut off, not rounded: this second is not over yet. */
	assert_string_equal(date_text(INT64_C(951782399999999999), 3, text),
			    "2000-02-28T23:59:59.999Z");
	assert_string_equal(date_text(INT64_C(951782400000000000), 6, text),
			    "2000-02-29T00:00:00.000000Z");
	assert_string_equal(date_text(INT64_MAX, 9, text), "2262-04-11T23:47:16.854775807Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
