/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_hdr.c - the histogram's places, bounds and percentiles by example
 *
 * Random values against a sorted array are in tests/property/test_hdr.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "stats/hdr.h"

static void places_are_those_of_the_format(void **state)
{
	/* Worked out by hand from the format's rules for 1..3,600,000,000 with 3 digits. */
	static const struct {
		int64_t value;
		int index;
		int64_t lowest, highest;
	} cases[] = {
		{0, 0, 0, 0},
		{1, 1, 1, 1},
		{2047, 2047, 2047, 2047},
		{2048, 2048, 2048, 2049},
		{2049, 2048, 2048, 2049},
		{4095, 3071, 4094, 4095},
		{4096, 3072, 4096, 4099},
		{5000, 3298, 5000, 5003},
		{1000000, 11169, 999936, 1000447},
		{HDR_HIGHEST_US, 23220, INT64_C(3598712832), INT64_C(3600809983)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(hdr_index(cases[i].value), cases[i].index);
		assert_true(hdr_lowest_at(cases[i].index) == cases[i].lowest);
		assert_true(hdr_highest_at(cases[i].index) == cases[i].highest);
	}
	for (int i = 1; i < HDR_COUNTS; i++) {
		assert_true(hdr_lowest_at(i) == hdr_highest_at(i - 1) + 1);
		assert_int_equal(hdr_index(hdr_lowest_at(i)), i);
		assert_int_equal(hdr_index(hdr_highest_at(i)), i);
	}
}

static void empty_is_empty(void **state)
{
	struct hdr *h = hdr_new(), *other = hdr_new();

	(void)state;
	assert_non_null(h);
	assert_non_null(other);
	assert_int_equal(hdr_percentile(h, 99), 0);
	assert_int_equal(hdr_samples_beyond(h, 50), 0);
	assert_true(hdr_mean(h) == 0);
	hdr_merge(h, other);
	hdr_clear(h);
	hdr_add_value(h, 5, 0);
	assert_int_equal(h->total, 0);
	assert_int_equal(h->max_us, -1);
	hdr_free(h);
	hdr_free(other);
	hdr_free(NULL);
}

static void rounds_and_bounds(void **state)
{
	static const struct {
		int64_t ns, us;
		uint64_t clipped;
	} cases[] = {
		{0, 0, 0},
		{499, 0, 0},
		{500, 1, 0},
		{1499, 1, 0},
		{1500, 2, 0},
		{-1, 0, 0},
		{INT64_MIN, 0, 0},
		{INT64_C(3600000000499), HDR_HIGHEST_US, 0},
		{INT64_C(3600000000500), HDR_HIGHEST_US, 1},
		{INT64_MAX, HDR_HIGHEST_US, 1},
	};
	struct hdr *h = hdr_new();

	(void)state;
	assert_non_null(h);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hdr_record_ns(h, cases[i].ns);
		assert_int_equal(h->total, 1);
		assert_true(h->min_us == cases[i].us && h->max_us == cases[i].us);
		assert_int_equal(h->clipped, cases[i].clipped);
		assert_true(hdr_percentile(h, 50) == cases[i].us);
		hdr_clear(h);
		assert_int_equal(h->clipped, 0);
	}
	hdr_free(h);
}

static void percentiles_of_a_thousand(void **state)
{
	static const struct {
		double percentile;
		int64_t value;
		uint64_t beyond;
	} cases[] = {
		{0, 1, 999},	  {0.1, 1, 999},  {0.11, 2, 998}, {50, 500, 500},
		{90, 900, 100},	  {99, 990, 10},  {99.9, 999, 1}, {99.91, 1000, 0},
		{99.99, 1000, 0}, {100, 1000, 0}, {250, 1000, 0},
	};
	struct hdr *h = hdr_new();

	(void)state;
	assert_non_null(h);
	for (int64_t value = 1000; value >= 1; value--)
		hdr_record_ns(h, value * 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(hdr_percentile(h, cases[i].percentile), cases[i].value);
		assert_int_equal(hdr_samples_beyond(h, cases[i].percentile), cases[i].beyond);
	}
	assert_true(hdr_mean(h) == 500.5);
	hdr_free(h);
}

static void never_above_the_maximum(void **state)
{
	struct hdr *h = hdr_new();

	(void)state;
	assert_non_null(h);
	hdr_add_value(h, 5000, 99);
	assert_int_equal(hdr_percentile(h, 50), 5000);
	hdr_add_value(h, 9000, 1);
	assert_int_equal(hdr_percentile(h, 50), 5003);
	assert_int_equal(hdr_percentile(h, 100), 9000);
	hdr_free(h);
}

static void merge_is_as_if_recorded_in_one(void **state)
{
	struct hdr *a = hdr_new(), *b = hdr_new(), *all = hdr_new();

	(void)state;
	assert_true(a && b && all);
	for (int64_t i = 0; i < 20000; i++) {
		int64_t value = i * i * 13 % 5000000;

		hdr_add_value(i % 3 ? a : b, value, 1);
		hdr_add_value(all, value, 1);
	}
	hdr_add_value(a, INT64_C(1) << 40, 2);
	hdr_add_value(all, INT64_C(1) << 40, 2);
	hdr_merge(b, a);
	assert_memory_equal(b, all, sizeof(*all));
	hdr_clear(b);
	hdr_merge(b, all);
	assert_memory_equal(b, all, sizeof(*all));
	hdr_free(a);
	hdr_free(b);
	hdr_free(all);
}

static void clear_leaves_nothing(void **state)
{
	struct hdr *h = hdr_new(), *fresh = hdr_new();

	(void)state;
	assert_true(h && fresh);
	hdr_add_value(h, 0, 1);
	hdr_add_value(h, HDR_HIGHEST_US, 1);
	hdr_add_value(h, 123456, 7);
	hdr_clear(h);
	assert_memory_equal(h, fresh, sizeof(*h));
	hdr_free(h);
	hdr_free(fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_those_of_the_format),
		cmocka_unit_test(empty_is_empty),
		cmocka_unit_test(rounds_and_bounds),
		cmocka_unit_test(percentiles_of_a_thousand),
		cmocka_unit_test(never_above_the_maximum),
		cmocka_unit_test(merge_is_as_if_recorded_in_one),
		cmocka_unit_test(clear_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
