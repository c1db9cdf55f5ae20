/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_rng.c - the generator is the published one, and its distributions have their moments
 *
 * Streams are seeded, so the moments are the same in every run: nothing here is left to chance.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>
#include "base/rng.h"

#define DRAWS 200000

static void is_xoshiro256_starstar(void **state)
{
	/* The first numbers of the reference generator from the state 1, 2, 3, 4. */
	static const uint64_t expected[] = {
		UINT64_C(11520),
		UINT64_C(0),
		UINT64_C(1509978240),
		UINT64_C(1215971899390074240),
	};
	struct rng r = {{1, 2, 3, 4}};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_true(rng_next(&r) == expected[i]);
}

static void is_seeded_by_splitmix64(void **state)
{
	/* splitmix64 from the seed 0. */
	static const uint64_t expected[4] = {
		UINT64_C(0xe220a8397b1dcdaf),
		UINT64_C(0x6e789e6aa1b965f4),
		UINT64_C(0x06c45d188009454f),
		UINT64_C(0xf88bb8a8724c81ec),
	};
	struct rng r;

	(void)state;
	rng_init(&r, 0);
	assert_memory_equal(r.state, expected, sizeof(expected));
}

static void forks_differ(void **state)
{
	struct rng a, b;

	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		for (uint64_t purpose = 0; purpose < 20; purpose++) {
			rng_fork(&a, seed, purpose);
			rng_fork(&b, seed, purpose);
			assert_memory_equal(&a, &b, sizeof(a));
			rng_fork(&b, purpose, seed);
			assert_int_equal(memcmp(&a, &b, sizeof(a)) == 0, seed == purpose);
			rng_fork(&b, seed, purpose + 1);
			assert_memory_not_equal(&a, &b, sizeof(a));
			rng_init(&b, seed);
			assert_memory_not_equal(&a, &b, sizeof(a));
		}
	}
}

static void below_is_even(void **state)
{
	struct rng r;
	int counts[7] = {0};

	(void)state;
	rng_init(&r, 1);
	for (int i = 0; i < 70000; i++) {
		uint64_t value = rng_below(&r, 7);

		assert_true(value < 7);
		counts[value]++;
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(counts[i], 9600, 10400);
	assert_int_equal(rng_below(&r, 1), 0);
	for (int i = 0; i < 1000; i++)
		assert_true(rng_below(&r, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

static void distributions_have_their_moments(void **state)
{
	double unit = 0, exponential = 0, normal = 0, squares = 0;
	struct rng r;

	(void)state;
	rng_init(&r, 2);
	for (int i = 0; i < DRAWS; i++) {
		double u = rng_unit(&r), e = rng_exponential(&r, 5.0);
		double n = rng_normal(&r, 10.0, 2.0);

		assert_true(u >= 0 && u < 1);
		assert_true(e >= 0 && isfinite(e));
		assert_true(isfinite(n));
		unit += u;
		exponential += e;
		normal += n;
		squares += (n - 10.0) * (n - 10.0);
	}
	assert_true(fabs(unit / DRAWS - 0.5) < 0.005);
	assert_true(fabs(exponential / DRAWS - 5.0) < 0.05);
	assert_true(fabs(normal / DRAWS - 10.0) < 0.05);
	assert_true(fabs(squares / DRAWS - 4.0) < 0.1);
	assert_true(rng_normal(&r, 3.0, 0) == 3.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_xoshiro256_starstar),
		cmocka_unit_test(is_seeded_by_splitmix64),
		cmocka_unit_test(forks_differ),
		cmocka_unit_test(below_is_even),
		cmocka_unit_test(distributions_have_their_moments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
