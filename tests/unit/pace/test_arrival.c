/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_arrival.c - due times of an open loop: exact, repeatable, and of the right distribution
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "pace/arrival.h"

#define MICRO UINT64_C(1000000)

static struct arrival_stage stage_of(const char *text)
{
	struct arrival_stage stage;
	struct err e = {0};

	if (arrival_stage_parse(span_of(text), &stage, &e) != 0)
		fail_msg("%s: %s", text, e.text);
	return stage;
}

static uint64_t count_until(struct arrival *a, int64_t until_ns)
{
	return arrival_skip(a, until_ns);
}

/* Message k of 7/s is due at k/7 s, rounded up to a nanosecond: no drift after a million. */
static void constant_is_exact(void **state)
{
	struct arrival_stage stage = {INT64_C(200000) * NS_PER_SEC, 7 * MICRO, 7 * MICRO};
	struct arrival a;
	uint64_t number;
	int64_t due, begin = 12345;

	(void)state;
	arrival_init(&a, &stage, 1, ARRIVAL_CONSTANT, 0, 0, 1);
	assert_true(arrival_next_ns(&a) == TIME_NEVER);
	arrival_begin(&a, begin);
	for (uint64_t k = 0; k < 1000000; k++) {
		int64_t want = begin + (int64_t)((k * (uint64_t)NS_PER_SEC + 6) / 7);

		assert_true(arrival_next_ns(&a) == want);
		assert_false(arrival_take(&a, want - 1, &number, &due));
		assert_true(arrival_take(&a, want, &number, &due));
		assert_true(number == k && due == want);
	}
	arrival_fini(&a);
}

/* Each stage holds rate x length messages, and the next one begins where it ends. */
static void stages_follow_each_other(void **state)
{
	struct arrival_stage stages[] = {stage_of("2s@100/s"), stage_of("1s@0/s"),
					 stage_of("3s@1000/s")};
	struct arrival a;

	(void)state;
	arrival_init(&a, stages, 3, ARRIVAL_CONSTANT, 0, 0, 1);
	arrival_begin(&a, 0);
	assert_int_equal(count_until(&a, 2 * NS_PER_SEC), 200);
	assert_int_equal(count_until(&a, 3 * NS_PER_SEC), 0);
	assert_int_equal(count_until(&a, 4 * NS_PER_SEC), 1000);
	assert_int_equal(count_until(&a, 60 * NS_PER_SEC), 2000);
	assert_true(arrival_next_ns(&a) == TIME_NEVER);
	assert_true(arrival_length_ns(&a) == 6 * NS_PER_SEC);
	arrival_fini(&a);
}

/* A ramp's integral is a parabola: half of the time holds a quarter of what rises from 0. */
static void ramps_are_parabolas(void **state)
{
	struct arrival_stage up = stage_of("10s@0/s..2000/s"), down = stage_of("10s@2000/s..0/s");
	struct arrival a;

	(void)state;
	arrival_init(&a, &up, 1, ARRIVAL_CONSTANT, 0, 0, 1);
	arrival_begin(&a, 0);
	assert_in_range(count_until(&a, 5 * NS_PER_SEC), 2499, 2501);
	assert_in_range(count_until(&a, 10 * NS_PER_SEC), 7499, 7501);
	arrival_fini(&a);
	arrival_init(&a, &down, 1, ARRIVAL_CONSTANT, 0, 0, 1);
	arrival_begin(&a, 0);
	assert_in_range(count_until(&a, 5 * NS_PER_SEC), 7499, 7501);
	assert_in_range(count_until(&a, 10 * NS_PER_SEC), 2499, 2501);
	assert_true(fabs(arrival_rate_at(&a, 5 * NS_PER_SEC) - 1000) < 0.001);
	arrival_fini(&a);
}

static void due_times_never_go_back(void **state)
{
	struct arrival_stage stages[] = {stage_of("5s@1/s..9000/s"), stage_of("5s@9000/s..3/s"),
					 stage_of("2s@333/s")};

	(void)state;
	for (int kind = ARRIVAL_CONSTANT; kind <= ARRIVAL_POISSON; kind++) {
		struct arrival a;
		uint64_t number, count = 0;
		int64_t due, last = 0;

		arrival_init(&a, stages, 3, (enum arrival_kind)kind, 0, 0, 99);
		arrival_begin(&a, 0);
		while (arrival_take(&a, TIME_NEVER - 1, &number, &due)) {
			assert_true(due >= last && number == count);
			last = due;
			count++;
		}
		assert_true(last <= 12 * NS_PER_SEC);
		arrival_fini(&a);
	}
}

/* Gaps of a Poisson process are exponential: mean 1/rate, and a share of 1/e is longer than it. */
static void poisson_gaps_are_exponential(void **state)
{
	struct arrival_stage stage = stage_of("1000s@1000/s");
	struct arrival a;
	uint64_t number, longer = 0, count = 0;
	int64_t due, last = 0;
	double sum = 0, squares = 0;

	(void)state;
	arrival_init(&a, &stage, 1, ARRIVAL_POISSON, 0, 0, 7);
	arrival_begin(&a, 0);
	while (count < 500000 && arrival_take(&a, TIME_NEVER - 1, &number, &due)) {
		double gap = (double)(due - last) / NS_PER_MS;

		last = due;
		sum += gap;
		squares += gap * gap;
		longer += gap > 1.0;
		count++;
	}
	assert_int_equal(count, 500000);
	assert_true(fabs(sum / (double)count - 1.0) < 0.01);
	assert_true(fabs(squares / (double)count - 2.0) < 0.05);
	assert_true(fabs((double)longer / (double)count - exp(-1)) < 0.005);
	arrival_fini(&a);
}

static void same_seed_same_arrivals(void **state)
{
	struct arrival_stage stage = stage_of("10s@100/s..500/s");
	struct arrival a, b, c;
	uint64_t number;
	int64_t due_a, due_b, due_c;
	int differing = 0;

	(void)state;
	arrival_init(&a, &stage, 1, ARRIVAL_POISSON, 0, 0, 5);
	arrival_init(&b, &stage, 1, ARRIVAL_POISSON, 0, 0, 5);
	arrival_init(&c, &stage, 1, ARRIVAL_POISSON, 0, 0, 6);
	arrival_begin(&a, 0);
	arrival_begin(&b, 0);
	arrival_begin(&c, 0);
	for (int i = 0; i < 1000; i++) {
		assert_true(arrival_take(&a, TIME_NEVER - 1, &number, &due_a));
		assert_true(arrival_take(&b, TIME_NEVER - 1, &number, &due_b));
		assert_true(arrival_take(&c, TIME_NEVER - 1, &number, &due_c));
		assert_true(due_a == due_b);
		differing += due_a != due_c;
	}
	assert_true(differing > 900);
	arrival_fini(&a);
	arrival_fini(&b);
	arrival_fini(&c);
}

static void a_limit_ends_the_schedule(void **state)
{
	struct arrival_stage stage = stage_of("1h@1000/s");
	struct arrival a;

	(void)state;
	arrival_init(&a, &stage, 1, ARRIVAL_CONSTANT, 123, 0, 1);
	arrival_begin(&a, 0);
	assert_int_equal(count_until(&a, TIME_NEVER - 1), 123);
	assert_true(arrival_next_ns(&a) == TIME_NEVER);
	arrival_fini(&a);
}

/* Those that are due in the warm-up come on top of the limit, up to its last nanosecond. */
static void a_limit_leaves_the_warm_up_out(void **state)
{
	struct arrival_stage stage = stage_of("1h@1000/s");
	struct arrival a;

	(void)state;
	arrival_init(&a, &stage, 1, ARRIVAL_CONSTANT, 123, 2 * NS_PER_SEC, 1);
	arrival_begin(&a, 5 * NS_PER_SEC);
	assert_int_equal(count_until(&a, 7 * NS_PER_SEC), 2000);
	assert_int_equal(count_until(&a, TIME_NEVER - 1), 123);
	assert_true(arrival_next_ns(&a) == TIME_NEVER);
	arrival_fini(&a);
}

/* A schedule by number alone has a stage without end, at any rate: the 128 bits hold. */
static void a_stage_without_end(void **state)
{
	/* Rates at which length times rate, in messages of 2^-32, passes 2^128, some by little. */
	static const uint64_t rates[] = {34359738368, 34359738369, 68719476736, 50000000000,
					 ARRIVAL_RATE_MAX * MICRO};

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct arrival_stage stage = {INT64_MAX / 4, rates[i], rates[i]};
		struct arrival a;
		uint64_t number;
		int64_t due = 0;

		arrival_init(&a, &stage, 1, ARRIVAL_CONSTANT, 100000, 0, 1);
		arrival_begin(&a, 0);
		while (arrival_take(&a, TIME_NEVER - 1, &number, &due))
			;
		assert_int_equal(number, 99999);
		assert_true(llabs(due - (int64_t)(99999e15 / (double)rates[i])) <= 2);
		arrival_fini(&a);
	}
}

/* Too short or too long for its arithmetic, a ramp is refused; a plain stage is not. */
static void ramps_have_bounds(void **state)
{
	struct arrival_stage stage;
	struct err e = {0};

	(void)state;
	assert_int_equal(arrival_stage_parse(SPAN("0.5us@1/s..1000/s"), &stage, &e), -1);
	assert_non_null(strstr(e.text, "ramp"));
	assert_int_equal(arrival_stage_parse(SPAN("4000h@1/s..1000/s"), &stage, &e), -1);
	assert_int_equal(arrival_stage_parse(SPAN("0.5us@1/s"), &stage, &e), 0);
	assert_int_equal(arrival_stage_parse(SPAN("4000h@1000/s"), &stage, &e), 0);
	assert_int_equal(arrival_stage_parse(SPAN("1ms@1/s..1000/s"), &stage, &e), 0);
	assert_int_equal(arrival_stage_parse(SPAN("3600h@0/s..10000000/s"), &stage, &e), 0);
}

/* The longest ramp to the highest rate: half of rate times length. */
static void the_longest_ramp(void **state)
{
	struct arrival_stage stage = {ARRIVAL_RAMP_MAX, 0, ARRIVAL_RATE_MAX * MICRO};
	struct arrival a;
	uint64_t number;
	int64_t due = 0;

	(void)state;
	arrival_init(&a, &stage, 1, ARRIVAL_CONSTANT, 1000, 0, 1);
	arrival_begin(&a, 0);
	while (arrival_take(&a, TIME_NEVER - 1, &number, &due))
		;
	/* k = rate * t^2 / (2 * length): the 1,000th after sqrt(2 * 999 * length / rate). */
	assert_int_equal(number, 999);
	assert_true(fabs((double)due / 1e9 - sqrt(2 * 999 * 12960000.0 / 1e7)) < 0.001);
	arrival_fini(&a);
}

static void bad_stages_are_told(void **state)
{
	static const char *const bad[] = {
		"",	    "30s",     "@100/s",  "30s@",     "x@100/s",
		"0s@100/s", "30s@x/s", "30s@1..", "30s@-1/s", "30s@100000001/s"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct arrival_stage stage;
		struct err e = {0};

		if (arrival_stage_parse(span_of(bad[i]), &stage, &e) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(e.status, EXIT_USAGE);
		assert_non_null(strstr(e.text, "stage"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constant_is_exact),
		cmocka_unit_test(stages_follow_each_other),
		cmocka_unit_test(ramps_are_parabolas),
		cmocka_unit_test(due_times_never_go_back),
		cmocka_unit_test(poisson_gaps_are_exponential),
		cmocka_unit_test(same_seed_same_arrivals),
		cmocka_unit_test(a_limit_ends_the_schedule),
		cmocka_unit_test(a_limit_leaves_the_warm_up_out),
		cmocka_unit_test(a_stage_without_end),
		cmocka_unit_test(ramps_have_bounds),
		cmocka_unit_test(the_longest_ramp),
		cmocka_unit_test(bad_stages_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
