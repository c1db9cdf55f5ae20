/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_buf.c - the limit is never passed, and a failed append changes nothing
 */
#include "base/buf.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void grows_from_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100000);
	assert_null(b.data);
	for (int i = 0; i < 10000; i++)
		assert_true(buf_append(&b, "0123456789", 10));
	assert_int_equal(b.len, 100000);
	assert_true(b.cap <= 100000);
	assert_memory_equal(b.data + 99990, "0123456789", 10);
	buf_fini(&b);
	assert_null(b.data);
	assert_int_equal(b.limit, 100000);
	assert_true(buf_append_text(&b, "again"));
	buf_fini(&b);
}

static void limit_holds(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8);
	assert_true(buf_append_text(&b, "12345"));
	assert_false(buf_append_text(&b, "6789"));
	assert_int_equal(b.len, 5);
	assert_false(buf_reserve(&b, SIZE_MAX));
	assert_false(buf_reserve(&b, 4));
	assert_true(buf_reserve(&b, 3));
	assert_true(buf_append_text(&b, "678"));
	assert_false(buf_append(&b, "9", 1));
	assert_true(buf_append(&b, NULL, 0));
	assert_memory_equal(b.data, "12345678", 8);
	buf_fini(&b);
}

static void no_room_at_all(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_false(buf_append(&b, "x", 1));
	assert_true(buf_append(&b, "", 0));
	assert_true(buf_printf(&b, "%s", ""));
	assert_false(buf_printf(&b, "%d", 1));
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

static void formats_up_to_the_last_octet(void **state)
{
	struct buf b;

	(void)state;
	for (size_t limit = 8; limit < 13; limit++) {
		buf_init(&b, limit);
		assert_true(buf_append_text(&b, "ab"));
		assert_int_equal(buf_printf(&b, "%s-%d", "text", 1234), limit >= 11);
		if (limit >= 11) {
			assert_int_equal(b.len, 11);
			assert_memory_equal(b.data, "abtext-1234", 11);
		} else {
			assert_int_equal(b.len, 2);
			assert_memory_equal(b.data, "ab", 2);
		}
		buf_fini(&b);
	}
}

static void formats_long_text(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 50; i++)
		assert_true(buf_printf(&b, "%0*d", 997, i));
	assert_int_equal(b.len, 50 * 997);
	assert_memory_equal(b.data + 49 * 997 + 995, "49", 2);
	buf_fini(&b);
}

static void consumes_from_the_front(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	buf_consume(&b, 0);
	assert_true(buf_append_text(&b, "HELO there"));
	buf_consume(&b, 5);
	assert_true(span_equal(buf_span(&b), SPAN("there")));
	buf_consume(&b, 5);
	assert_int_equal(b.len, 0);
	assert_true(buf_append_text(&b, "x"));
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_from_nothing),
		cmocka_unit_test(limit_holds),
		cmocka_unit_test(no_room_at_all),
		cmocka_unit_test(formats_up_to_the_last_octet),
		cmocka_unit_test(formats_long_text),
		cmocka_unit_test(consumes_from_the_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
