/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_window.c - the counters of each kind of window, at their edges
 *
 * That no window is ever passed is shown by tests/property/test_limits.c; here stand the single
 * cases: when a wait ends, what is given back, what is far too large.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "pace/window.h"

#define SEC NS_PER_SEC

/* --- fixed ------------------------------------------------------------------------------------ */

static void fixed_starts_at_multiples(void **state)
{
	struct window_fixed w;

	(void)state;
	window_fixed_init(&w, 10 * SEC, 3 * SEC);
	assert_true(window_fixed_when(&w, 5, 5, 12 * SEC) <= 12 * SEC);
	window_fixed_take(&w, 5, 12 * SEC);
	assert_int_equal(window_fixed_when(&w, 5, 1, 12 * SEC), 13 * SEC);
	assert_int_equal(window_fixed_when(&w, 5, 1, 13 * SEC - 1), 13 * SEC);
	assert_int_equal(window_fixed_used(&w, 13 * SEC - 1), 5);
	assert_int_equal(window_fixed_used(&w, 13 * SEC), 0);
	assert_true(window_fixed_when(&w, 5, 5, 13 * SEC) <= 13 * SEC);
	window_fixed_take(&w, 2, 13 * SEC);
	assert_int_equal(window_fixed_used(&w, 14 * SEC), 2);
	/* Before the origin windows have the same edges. */
	window_fixed_init(&w, 10 * SEC, 3 * SEC);
	window_fixed_take(&w, 5, 1 * SEC);
	assert_int_equal(window_fixed_when(&w, 5, 1, 1 * SEC), 3 * SEC);
}

static void fixed_waits_for_a_clock_that_lags(void **state)
{
	struct window_fixed w;

	(void)state;
	window_fixed_init(&w, 10 * SEC, 0);
	window_fixed_take(&w, 1, 20 * SEC);
	assert_int_equal(window_fixed_when(&w, 5, 1, 20 * SEC - 1), 20 * SEC);
	assert_true(window_fixed_when(&w, 5, 1, 20 * SEC) <= 20 * SEC);
}

static void fixed_gives_back_within_its_window(void **state)
{
	struct window_fixed w;

	(void)state;
	window_fixed_init(&w, 10 * SEC, 0);
	window_fixed_take(&w, 5, 9 * SEC);
	window_fixed_take(&w, 4, 10 * SEC);
	window_fixed_give_back(&w, 5, 9 * SEC); /* of the window before: too late */
	assert_int_equal(window_fixed_used(&w, 10 * SEC), 4);
	window_fixed_give_back(&w, 3, 10 * SEC);
	assert_int_equal(window_fixed_used(&w, 10 * SEC), 1);
	window_fixed_give_back(&w, 3, 10 * SEC);
	assert_int_equal(window_fixed_used(&w, 10 * SEC), 0);
}

static void fixed_lets_the_too_large_pass_when_empty(void **state)
{
	struct window_fixed w;

	(void)state;
	window_fixed_init(&w, 10 * SEC, 0);
	window_fixed_take(&w, 1, 0);
	assert_int_equal(window_fixed_when(&w, 5, 100, 1), 10 * SEC);
	assert_true(window_fixed_when(&w, 5, 100, 10 * SEC) <= 10 * SEC);
	window_fixed_take(&w, 100, 10 * SEC);
	assert_int_equal(window_fixed_when(&w, 5, 1, 10 * SEC), 20 * SEC);
}

/* --- rolling ---------------------------------------------------------------------------------- */

static void rolling_frees_a_period_later(void **state)
{
	struct window_rolling w;
	int64_t when_ns;

	(void)state;
	window_rolling_init(&w, 64 * SEC);
	window_rolling_take(&w, 3, 10 * SEC);
	window_rolling_take(&w, 2, 20 * SEC + 1);
	assert_int_equal(window_rolling_used(&w, 30 * SEC), 5);
	when_ns = window_rolling_when(&w, 5, 2, 30 * SEC);
	assert_true(when_ns >= 74 * SEC && when_ns <= 75 * SEC);
	when_ns = window_rolling_when(&w, 5, 4, 30 * SEC);
	assert_true(when_ns >= 84 * SEC && when_ns <= 85 * SEC);
	assert_int_equal(window_rolling_used(&w, 75 * SEC), 2);
	assert_int_equal(window_rolling_used(&w, 85 * SEC), 0);
	assert_int_equal(window_rolling_used(&w, 1000 * SEC), 0);
	assert_true(window_rolling_when(&w, 5, 5, 1000 * SEC) <= 1000 * SEC);
}

/* A period that is no multiple of the slots: they are longer, never shorter. */
static void rolling_counts_to_the_last_nanosecond(void **state)
{
	(void)state;
	for (int64_t period_ns = 1; period_ns < 200; period_ns++) {
		for (int64_t start_ns = 0; start_ns < 10; start_ns++) {
			struct window_rolling w;
			int64_t when_ns;

			window_rolling_init(&w, period_ns);
			window_rolling_take(&w, 1, start_ns);
			when_ns = window_rolling_when(&w, 1, 1, start_ns);
			assert_true(when_ns >= start_ns + period_ns);
			assert_true(when_ns <= start_ns + period_ns + 64 + period_ns / 64 + 1);
		}
	}
}

static void rolling_gives_back_where_it_was(void **state)
{
	struct window_rolling w;

	(void)state;
	window_rolling_init(&w, 64 * SEC);
	window_rolling_take(&w, 3, 10 * SEC);
	window_rolling_take(&w, 2, 20 * SEC);
	window_rolling_give_back(&w, 1, 10 * SEC);
	assert_int_equal(window_rolling_used(&w, 20 * SEC), 4);
	assert_int_equal(window_rolling_used(&w, 76 * SEC), 2);
	window_rolling_give_back(&w, 9, 20 * SEC);
	assert_int_equal(window_rolling_used(&w, 20 * SEC), 2);
	window_rolling_take(&w, 1, 200 * SEC);
	window_rolling_give_back(&w, 2, 10 * SEC); /* long free */
	window_rolling_give_back(&w, 2, 300 * SEC);
	assert_int_equal(window_rolling_used(&w, 200 * SEC), 1);
}

static void rolling_waits_for_a_clock_that_lags(void **state)
{
	struct window_rolling w;

	(void)state;
	window_rolling_init(&w, 64 * SEC);
	window_rolling_take(&w, 1, 10 * SEC);
	assert_int_equal(window_rolling_when(&w, 5, 1, 10 * SEC - 1), 10 * SEC);
}

/* --- smooth and debt -------------------------------------------------------------------------- */

static void one_a_period_is_one_a_period(void **state)
{
	struct window_flow w;
	int64_t now_ns = 5;

	(void)state;
	window_flow_init(&w, WINDOW_STRICT, 1, 0, SEC, now_ns);
	for (int i = 0; i < 5; i++) {
		assert_true(window_flow_when(&w, 1, now_ns) <= now_ns);
		window_flow_take(&w, 1, now_ns);
		assert_int_equal(window_flow_when(&w, 1, now_ns), now_ns + SEC);
		now_ns += SEC;
	}
}

struct extreme {
	uint64_t limit, burst;
	int64_t period_ns;
	uint64_t at_once, rate; /* and so many a period after that */
};

static void rates_from_tiny_to_huge(void **state)
{
	static const struct extreme table[] = {
		{3, 0, 86400 * SEC, 1, 3},
		{2, 2, 31 * 86400 * SEC, 2, 1},
		{100, 0, SEC, 2, 99},
		{319444, 0, 600 * SEC, 6388, 313057},
		{1000, 1, 3600 * SEC, 1, 1000},
		{1000, 5000, 3600 * SEC, 1000, 1},
		{1000, 400, 3600 * SEC, 400, 601},
		{UINT64_C(3000000000), 1, SEC, 1, UINT64_C(3000000000)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const struct extreme *t = &table[i];
		struct window_flow w;
		uint64_t taken = 0;

		window_flow_init(&w, WINDOW_STRICT, t->limit, t->burst, t->period_ns, 7);
		while (window_flow_when(&w, 1, 7) <= 7) {
			window_flow_take(&w, 1, 7);
			taken++;
		}
		assert_int_equal(taken, t->at_once);
		for (int n = 1; n < 5; n++) {
			double exact_ns = (double)t->period_ns / (double)t->rate * n;
			int64_t when_ns = window_flow_when(&w, 1, 7);

			assert_true((double)(when_ns - 7) >= exact_ns);
			assert_true((double)(when_ns - 7) < exact_ns + 1.001);
			/* One nanosecond is time for three. */
			window_flow_take(&w, 1, t->rate > NS_PER_SEC ? 7 : when_ns);
		}
	}
}

static void large_amounts_rest_or_are_paced(void **state)
{
	struct window_flow w;

	(void)state;
	/* 100 in 100 s, 1 at once. Strict: ten at once only after a rest of nine. */
	window_flow_init(&w, WINDOW_STRICT, 100, 1, 100 * SEC, 0);
	assert_true(window_flow_when(&w, 10, 0) <= 0);
	window_flow_take(&w, 10, 0);
	assert_int_equal(window_flow_when(&w, 1, 0), 10 * SEC);
	assert_int_equal(window_flow_when(&w, 10, 0), 19 * SEC);
	/* What could never fit waits until a whole limit would, and then runs into debt. */
	assert_int_equal(window_flow_when(&w, 1000, 0), window_flow_when(&w, 100, 0));
	window_flow_take(&w, 1000, 109 * SEC);
	assert_int_equal(window_flow_when(&w, 1, 109 * SEC), 1109 * SEC);

	window_flow_init(&w, WINDOW_PACED, 100, 1, 100 * SEC, 0);
	window_flow_take(&w, 10, 0);
	assert_int_equal(window_flow_when(&w, 10, 0), 10 * SEC);
	assert_int_equal(window_flow_when(&w, 1, 0), 10 * SEC);
}

static void debt_may_be_overdrawn(void **state)
{
	struct window_flow w;

	(void)state;
	/* The account of 1 a second: five pass, then nothing for five seconds. */
	window_flow_init(&w, WINDOW_DEBT, 1, 0, SEC, 0);
	assert_true(window_flow_when(&w, 5, 0) <= 0);
	window_flow_take(&w, 5, 0);
	assert_int_equal(window_flow_when(&w, 1, 0), 5 * SEC);
	assert_int_equal(window_flow_used(&w, 0), 5);

	window_flow_init(&w, WINDOW_DEBT, 10, 3, SEC, 0);
	for (int i = 0; i < 9; i++)
		window_flow_take(&w, 1, 0);
	assert_true(window_flow_when(&w, 50, 0) <= 0);
	window_flow_take(&w, 50, 0);
	assert_int_equal(window_flow_when(&w, 1, 0), 5 * SEC);
	assert_int_equal(window_flow_used(&w, 5 * SEC), 9);
	assert_int_equal(window_flow_used(&w, 60 * SEC), 0);
}

static void the_last_take_is_undone(void **state)
{
	struct window_flow w;

	(void)state;
	window_flow_init(&w, WINDOW_STRICT, 3, 0, 3 * SEC, 0);
	window_flow_take(&w, 1, 0);
	window_flow_give_back(&w, 1, 0);
	assert_true(window_flow_when(&w, 1, 0) <= 0);
	/* A part of it: as if that part had not been asked for. */
	window_flow_take(&w, 3, 0);
	window_flow_give_back(&w, 2, 0);
	assert_int_equal(window_flow_when(&w, 1, 0), SEC);
	window_flow_give_back(&w, 1, 0);
	assert_true(window_flow_when(&w, 1, 0) <= 0);
}

/* With a rest between, nothing may come of what was taken before it. */
static void a_rest_uses_up_what_is_given_back(void **state)
{
	struct window_flow w;
	int64_t now_ns = 100 * SEC;

	(void)state;
	window_flow_init(&w, WINDOW_STRICT, 100, 5, 96 * SEC, 0);
	window_flow_take(&w, 1, 0);
	for (int i = 0; i < 5; i++)
		window_flow_take(&w, 1, now_ns);
	window_flow_give_back(&w, 1, 0);
	assert_int_equal(window_flow_when(&w, 1, now_ns), now_ns + SEC);
	/* Without one it is there to be used. */
	for (int64_t i = 1; i <= 20; i++)
		window_flow_take(&w, 1, now_ns + i * SEC);
	assert_int_equal(window_flow_when(&w, 1, now_ns + 20 * SEC), now_ns + 21 * SEC);
	window_flow_give_back(&w, 1, now_ns + 18 * SEC);
	assert_true(window_flow_when(&w, 1, now_ns + 20 * SEC) <= now_ns + 20 * SEC);
}

static void a_new_limit_pays_at_its_own_rate(void **state)
{
	struct window_flow w;

	(void)state;
	window_flow_init(&w, WINDOW_STRICT, 1, 0, 3600 * SEC, 0);
	window_flow_take(&w, 1, 0);
	assert_int_equal(window_flow_when(&w, 1, SEC), 3600 * SEC);
	window_flow_set(&w, 36, 0); /* one in 100 s */
	assert_int_equal(window_flow_when(&w, 1, 0), 100 * SEC);
	window_flow_set(&w, 18, 0);
	assert_int_equal(window_flow_when(&w, 1, 0), 200 * SEC);
	/* What was taken at the old rate is not given back at the new one. */
	window_flow_give_back(&w, 1, 0);
	assert_int_equal(window_flow_when(&w, 1, 0), 200 * SEC);
}

static void the_estimate_follows_the_period(void **state)
{
	struct window_flow w;

	(void)state;
	window_flow_init(&w, WINDOW_STRICT, 100, 1, 100 * SEC, 0);
	for (int64_t i = 0; i < 100; i++)
		window_flow_take(&w, 1, i * SEC);
	assert_int_equal(window_flow_used(&w, 99 * SEC), 100);
	assert_int_equal(window_flow_used(&w, 150 * SEC), 50);
	assert_int_equal(window_flow_used(&w, 200 * SEC), 0);
	window_flow_take(&w, 1, 150 * SEC);
	assert_int_equal(window_flow_used(&w, 175 * SEC), 26);
	window_flow_take(&w, 1, 500 * SEC);
	assert_int_equal(window_flow_used(&w, 500 * SEC), 1);
}

/* Amounts, limits and times at the ends of their types. */
static void nothing_overflows(void **state)
{
	static const int64_t periods[] = {1, 13 * NS_PER_MS, SEC, 31 * 86400 * SEC};
	static const uint64_t amounts[] = {1, 1000, UINT64_C(1) << 40, INT64_MAX};

	(void)state;
	for (int p = 0; p < 4; p++) {
		for (int a = 0; a < 4; a++) {
			for (int l = 0; l < 12; l++) {
				const int64_t now_ns = INT64_C(1) << 60;
				struct window_flow w;

				window_flow_init(&w, (enum window_flow_kind)(l % 3), amounts[l / 3],
						 l % 2 ? amounts[l / 3] : 0, periods[p], now_ns);
				for (int n = 0; n < 20; n++)
					window_flow_take(&w, amounts[a], now_ns);
				assert_true(window_flow_when(&w, amounts[a], now_ns) >= now_ns);
				assert_true(window_flow_when(&w, amounts[a], now_ns) < TIME_NEVER);
				window_flow_set(&w, amounts[3 - l / 3], now_ns);
				window_flow_give_back(&w, amounts[a], now_ns);
				assert_true(window_flow_when(&w, 1, now_ns) < TIME_NEVER);
				(void)window_flow_used(&w, now_ns + 1);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_starts_at_multiples),
		cmocka_unit_test(fixed_waits_for_a_clock_that_lags),
		cmocka_unit_test(fixed_gives_back_within_its_window),
		cmocka_unit_test(fixed_lets_the_too_large_pass_when_empty),
		cmocka_unit_test(rolling_frees_a_period_later),
		cmocka_unit_test(rolling_counts_to_the_last_nanosecond),
		cmocka_unit_test(rolling_gives_back_where_it_was),
		cmocka_unit_test(rolling_waits_for_a_clock_that_lags),
		cmocka_unit_test(one_a_period_is_one_a_period),
		cmocka_unit_test(rates_from_tiny_to_huge),
		cmocka_unit_test(large_amounts_rest_or_are_paced),
		cmocka_unit_test(debt_may_be_overdrawn),
		cmocka_unit_test(the_last_take_is_undone),
		cmocka_unit_test(a_rest_uses_up_what_is_given_back),
		cmocka_unit_test(a_new_limit_pays_at_its_own_rate),
		cmocka_unit_test(the_estimate_follows_the_period),
		cmocka_unit_test(nothing_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
