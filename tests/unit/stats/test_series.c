/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_series.c - rows stay in order, in bounds, and add up when merged
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "stats/series.h"

static struct series_row row(int64_t t_s, uint64_t n, int64_t p50_us)
{
	return (struct series_row){
		.t_s = t_s,
		.started = n,
		.accepted = 2 * n,
		.deferred = 3 * n,
		.rejected = 4 * n,
		.failed = 5 * n,
		.sessions = 6 * n,
		.bytes = 7 * n,
		.p50_us = p50_us,
		.p99_us = p50_us == SERIES_NONE ? SERIES_NONE : 2 * p50_us,
	};
}

static void is_row(const struct series_row *r, int64_t t_s, uint64_t n, int64_t p50_us)
{
	struct series_row expected = row(t_s, n, p50_us);

	assert_memory_equal(r, &expected, sizeof(expected));
}

static void append_row(struct series *s, int64_t t_s, uint64_t n, int64_t p50_us)
{
	struct series_row r = row(t_s, n, p50_us);

	assert_true(series_append(s, &r));
}

static void grows_up_to_its_bound(void **state)
{
	struct series_row r = row(1000, 1, 1);
	struct series s;

	(void)state;
	series_init(&s, 1000);
	for (int64_t t = 0; t < 1000; t++)
		append_row(&s, t, 1, t);
	assert_false(series_append(&s, &r));
	assert_int_equal(s.count, 1000);
	assert_int_equal(s.dropped, 1);
	is_row(&s.rows[999], 999, 1, 999);
	/* The last second still takes what belongs to it. */
	append_row(&s, 999, 2, SERIES_NONE);
	assert_int_equal(s.rows[999].sessions, 6 * 2);
	s.rows[999].sessions = 6 * 3;
	is_row(&s.rows[999], 999, 3, 999);
	series_fini(&s);
	assert_int_equal(s.count, 0);
	append_row(&s, -5, 1, 1);
	series_fini(&s);
}

static void merges_by_second(void **state)
{
	struct series a, b;

	(void)state;
	series_init(&a, 100);
	series_init(&b, 100);
	append_row(&a, -1, 1, SERIES_NONE);
	append_row(&a, 0, 1, 100);
	append_row(&a, 2, 1, SERIES_NONE);
	append_row(&a, 5, 1, 500);
	append_row(&b, 0, 10, 50);
	append_row(&b, 1, 10, 60);
	append_row(&b, 2, 10, 70);
	append_row(&b, 7, 10, 80);
	assert_true(series_merge(&a, &b));
	assert_int_equal(a.count, 6);
	is_row(&a.rows[0], -1, 1, SERIES_NONE);
	is_row(&a.rows[1], 0, 11, 100);
	is_row(&a.rows[2], 1, 10, 60);
	is_row(&a.rows[3], 2, 11, 70);
	is_row(&a.rows[4], 5, 1, 500);
	is_row(&a.rows[5], 7, 10, 80);
	append_row(&a, 8, 1, 1);
	assert_int_equal(a.count, 7);
	series_fini(&b);
	assert_true(series_merge(&a, &b));
	assert_int_equal(a.count, 7);
	assert_true(series_merge(&b, &a));
	assert_int_equal(b.count, 7);
	series_fini(&a);
	series_fini(&b);
}

static void merge_keeps_the_bound(void **state)
{
	struct series a, b;

	(void)state;
	series_init(&a, 3);
	series_init(&b, 10);
	append_row(&a, 0, 1, 1);
	append_row(&a, 4, 1, 1);
	for (int64_t t = 0; t < 6; t++)
		append_row(&b, t, 1, 1);
	assert_false(series_merge(&a, &b));
	assert_int_equal(a.count, 3);
	assert_int_equal(a.dropped, 3);
	is_row(&a.rows[0], 0, 2, 1);
	is_row(&a.rows[1], 1, 1, 1);
	is_row(&a.rows[2], 2, 1, 1);
	series_fini(&a);
	series_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_up_to_its_bound),
		cmocka_unit_test(merges_by_second),
		cmocka_unit_test(merge_keeps_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
