/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_backoff.c - retries and breakers on a clock that is an argument
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "pace/backoff.h"

#define SEC    NS_PER_SEC
#define MINUTE (60 * SEC)
#define HOUR   (60 * MINUTE)

static const struct profile_retry plain = {
	.first_ns = 10 * MINUTE,
	.max_ns = 4 * HOUR,
	.give_up_ns = 72 * HOUR,
	.factor_millis = 2000,
	.greylist_ns = 5 * MINUTE,
};

static const struct breaker_params params = {
	.failures_max = 3,
	.rest_ns = 60 * SEC,
	.rest_max_ns = 600 * SEC,
	.spread_ns = 100 * SEC,
};

static struct rng rng;

static int seed_it(void **state)
{
	(void)state;
	rng_init(&rng, 20240607);
	return 0;
}

/* --- retries ---------------------------------------------------------------------------------- */

static void delays_grow_up_to_the_maximum(void **state)
{
	static const int64_t minutes[] = {10, 20, 40, 80, 160, 240, 240, 240};
	struct backoff b;
	int64_t now_ns = 17;

	(void)state;
	backoff_init(&b);
	for (size_t i = 0; i < sizeof(minutes) / sizeof(*minutes); i++) {
		int64_t when_ns = backoff_next(&b, &plain, 0, 1, &rng, now_ns);

		assert_int_equal(when_ns - now_ns, minutes[i] * MINUTE);
		now_ns = when_ns;
	}
	assert_int_equal(b.attempts, 8);
	assert_int_equal(b.first_attempt_ns, 17);
}

static void any_factor_is_a_schedule(void **state)
{
	struct profile_retry retry = plain;
	struct backoff b;

	(void)state;
	retry.factor_millis = 1500;
	backoff_init(&b);
	(void)backoff_next(&b, &retry, 0, 1, &rng, 0);
	assert_int_equal(backoff_next(&b, &retry, 0, 1, &rng, 0), 15 * MINUTE);
	assert_int_equal(backoff_next(&b, &retry, 0, 1, &rng, 0), 22 * MINUTE + 30 * SEC);
	/* No growth at all, and none that runs away after very many attempts. */
	retry.factor_millis = 1000;
	b.attempts = UINT32_MAX;
	assert_int_equal(backoff_next(&b, &retry, 0, 1, &rng, 0), 10 * MINUTE);
	retry.factor_millis = 1001;
	retry.first_ns = 1;
	assert_int_equal(backoff_next(&b, &retry, 0, 1, &rng, 0), 4 * HOUR);
	retry.factor_millis = UINT32_MAX;
	retry.max_ns = retry.give_up_ns = INT64_MAX;
	assert_true(backoff_next(&b, &retry, 0, 1, &rng, HOUR) == TIME_NEVER);
	/* A first delay above the maximum is the maximum. */
	retry = plain;
	retry.max_ns = MINUTE;
	backoff_init(&b);
	assert_int_equal(backoff_next(&b, &retry, 0, 1, &rng, 0), MINUTE);
}

static void jitter_stays_in_its_bounds(void **state)
{
	struct profile_retry retry = plain;
	int64_t least_ns = INT64_MAX, most_ns = 0, sum_ns = 0;

	(void)state;
	retry.jitter_millis = 100;
	for (int i = 0; i < 10000; i++) {
		struct backoff b;
		int64_t delay_ns;

		backoff_init(&b);
		delay_ns = backoff_next(&b, &retry, 0, 1, &rng, 0);
		assert_true(delay_ns >= 9 * MINUTE && delay_ns <= 11 * MINUTE);
		least_ns = delay_ns < least_ns ? delay_ns : least_ns;
		most_ns = delay_ns > most_ns ? delay_ns : most_ns;
		sum_ns += delay_ns / 10000;
	}
	/* It is spread over all of them, and its mean is what was asked for. */
	assert_true(least_ns < 9 * MINUTE + SEC && most_ns > 11 * MINUTE - SEC);
	assert_true(sum_ns > 10 * MINUTE - 3 * SEC && sum_ns < 10 * MINUTE + 3 * SEC);
	/* The whole of a delay may be chance; it is never negative. */
	retry.jitter_millis = 5000;
	for (int i = 0; i < 1000; i++) {
		struct backoff b;
		int64_t delay_ns;

		backoff_init(&b);
		delay_ns = backoff_next(&b, &retry, 0, 1, &rng, 0);
		assert_true(delay_ns >= 0 && delay_ns <= 20 * MINUTE);
	}
}

static void it_gives_up_by_age(void **state)
{
	struct profile_retry retry = plain;
	struct backoff b;
	int64_t now_ns = HOUR, when_ns;
	int attempts = 0;

	(void)state;
	retry.give_up_ns = HOUR;
	backoff_init(&b);
	while ((when_ns = backoff_next(&b, &retry, 0, 1, &rng, now_ns)) != TIME_NEVER) {
		assert_true(when_ns <= 2 * HOUR);
		now_ns = when_ns;
		attempts++;
	}
	/* At 10 and 30 minutes; 70 would be too late. */
	assert_int_equal(attempts, 2);
	/* Exactly at that age it is still tried. */
	retry.first_ns = HOUR;
	backoff_init(&b);
	assert_int_equal(backoff_next(&b, &retry, 0, 1, &rng, HOUR), 2 * HOUR);
}

static void a_hold_is_the_least(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b);
	assert_int_equal(backoff_next(&b, &plain, plain.greylist_ns, 1, &rng, 0), 10 * MINUTE);
	backoff_init(&b);
	assert_int_equal(backoff_next(&b, &plain, 25 * MINUTE, 1, &rng, 0), 25 * MINUTE);
	assert_int_equal(backoff_next(&b, &plain, 25 * MINUTE, 1, &rng, 0), 25 * MINUTE);
	assert_int_equal(backoff_next(&b, &plain, 25 * MINUTE, 1, &rng, 0), 40 * MINUTE);
	assert_true(backoff_next(&b, &plain, 100 * HOUR, 1, &rng, 0) == TIME_NEVER);
	assert_true(backoff_next(&b, &plain, INT64_MAX, 1, &rng, HOUR) == TIME_NEVER);
}

static void greylisting_has_its_least_delay(void **state)
{
	struct profile_retry retry = plain;

	(void)state;
	retry.first_ns = 20 * SEC;
	retry.jitter_millis = 100;
	for (int i = 0; i < 100; i++) {
		struct backoff b;

		backoff_init(&b);
		assert_int_equal(backoff_next(&b, &retry, retry.greylist_ns, 1, &rng, SEC),
				 SEC + 5 * MINUTE);
	}
}

static void scale_divides_everything(void **state)
{
	struct backoff b;

	(void)state;
	backoff_init(&b);
	assert_int_equal(backoff_next(&b, &plain, 0, 60, &rng, 0), 10 * SEC);
	assert_int_equal(backoff_next(&b, &plain, 0, 60, &rng, 0), 20 * SEC);
	assert_int_equal(backoff_next(&b, &plain, 60 * MINUTE, 60, &rng, 0), MINUTE);
	assert_true(backoff_next(&b, &plain, 0, 60, &rng, 72 * MINUTE) == TIME_NEVER);
	backoff_init(&b);
	assert_int_equal(backoff_next(&b, &plain, 0, 0, &rng, 0), 10 * MINUTE);
}

/* --- breakers --------------------------------------------------------------------------------- */

/* Fails until it opens; when that is over. */
static int64_t open_it(struct breaker *b, int64_t now_ns)
{
	while (b->state != BREAKER_OPEN)
		breaker_failed(b, &params, &rng, now_ns);
	return b->until_ns;
}

static void failures_in_a_row_open_it(void **state)
{
	struct breaker b;
	int64_t when_ns = 0;

	(void)state;
	breaker_init(&b);
	assert_true(breaker_may(&b, 0, &when_ns));
	breaker_failed(&b, &params, &rng, 0);
	breaker_failed(&b, &params, &rng, 0);
	breaker_succeeded(&b, &params, 0); /* the row begins anew */
	breaker_failed(&b, &params, &rng, 0);
	breaker_failed(&b, &params, &rng, 0);
	assert_true(breaker_may(&b, 0, &when_ns));
	breaker_failed(&b, &params, &rng, 0);
	assert_int_equal(b.state, BREAKER_OPEN);
	assert_false(breaker_may(&b, 0, &when_ns));
	assert_true(when_ns >= 60 * SEC && when_ns <= 66 * SEC);
	assert_false(breaker_may(&b, when_ns - 1, &when_ns));
}

static void one_probe_decides(void **state)
{
	struct breaker b;
	int64_t now_ns, when_ns = 0;

	(void)state;
	breaker_init(&b);
	now_ns = open_it(&b, 0);
	assert_true(breaker_may(&b, now_ns, &when_ns));
	for (int i = 0; i < 5; i++) {
		when_ns = 0;
		assert_false(breaker_may(&b, now_ns + i * HOUR, &when_ns));
		assert_true(when_ns == TIME_NEVER);
	}
	assert_int_equal(b.state, BREAKER_HALF_OPEN);
	breaker_succeeded(&b, &params, now_ns);
	assert_int_equal(b.state, BREAKER_CLOSED);
	assert_true(breaker_may(&b, now_ns, &when_ns));
	assert_true(breaker_may(&b, now_ns, &when_ns));
	/* Once closed, a single failure does not open it again. */
	breaker_failed(&b, &params, &rng, now_ns);
	assert_int_equal(b.state, BREAKER_CLOSED);
}

static void rests_double_up_to_the_maximum(void **state)
{
	static const int64_t seconds[] = {60, 120, 240, 480, 600, 600};
	struct breaker b;
	int64_t now_ns = 0, when_ns = 0;

	(void)state;
	breaker_init(&b);
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		int64_t until_ns = open_it(&b, now_ns);

		assert_true(until_ns - now_ns >= seconds[i] * SEC);
		assert_true(until_ns - now_ns <= seconds[i] * SEC * 11 / 10);
		now_ns = until_ns;
		assert_true(breaker_may(&b, now_ns, &when_ns));
	}
	/* A success between: the first rest again. */
	breaker_succeeded(&b, &params, now_ns);
	assert_true(open_it(&b, now_ns) <= now_ns + 66 * SEC);
}

/* What was still under way when it opened neither prolongs a rest nor ends it. */
static void stragglers_change_nothing(void **state)
{
	struct breaker b, before;
	int64_t until_ns;

	(void)state;
	breaker_init(&b);
	until_ns = open_it(&b, 0);
	before = b;
	for (int i = 0; i < 10; i++)
		breaker_failed(&b, &params, &rng, SEC);
	breaker_succeeded(&b, &params, SEC);
	assert_memory_equal(&b, &before, sizeof(b));
	assert_int_equal(b.until_ns, until_ns);
}

static void a_pause_extends_and_never_shortens(void **state)
{
	struct breaker b;
	int64_t until_ns, when_ns = 0;

	(void)state;
	breaker_init(&b);
	breaker_pause(&b, 10 * MINUTE, SEC);
	assert_false(breaker_may(&b, SEC, &when_ns));
	assert_int_equal(when_ns, SEC + 10 * MINUTE);
	breaker_pause(&b, MINUTE, 2 * SEC);
	assert_int_equal(b.until_ns, SEC + 10 * MINUTE);
	breaker_pause(&b, 20 * MINUTE, 3 * SEC);
	assert_int_equal(b.until_ns, 3 * SEC + 20 * MINUTE);
	breaker_pause(&b, INT64_MAX, 3 * SEC);
	assert_true(b.until_ns == TIME_NEVER);

	/* A rest after failures stands as well, and a probe's reply may ask for a pause. */
	breaker_init(&b);
	until_ns = open_it(&b, 0);
	breaker_pause(&b, SEC, 0);
	assert_int_equal(b.until_ns, until_ns);
	assert_true(breaker_may(&b, until_ns, &when_ns));
	breaker_pause(&b, 5 * SEC, until_ns);
	assert_false(breaker_may(&b, until_ns, &when_ns));
	assert_int_equal(when_ns, until_ns + 5 * SEC);
	assert_true(breaker_may(&b, when_ns, &when_ns));
}

static void a_backlog_is_spread(void **state)
{
	struct breaker b;
	uint32_t last = 0;
	int64_t now_ns, when_ns = 0;

	(void)state;
	breaker_init(&b);
	assert_int_equal(breaker_share_millis(&b, 0), 1000);
	breaker_pause(&b, MINUTE, 0);
	assert_int_equal(breaker_share_millis(&b, SEC), 0);
	now_ns = MINUTE;
	assert_true(breaker_may(&b, now_ns, &when_ns));
	assert_int_equal(breaker_share_millis(&b, now_ns), 50);
	breaker_succeeded(&b, &params, now_ns);
	assert_int_equal(breaker_share_millis(&b, now_ns - 1), 50);
	for (int64_t t = 0; t < 100; t++) {
		uint32_t share = breaker_share_millis(&b, now_ns + t * SEC);

		assert_true(share > last && share < 1000);
		last = share;
	}
	assert_int_equal(breaker_share_millis(&b, now_ns + 50 * SEC), 525);
	assert_int_equal(breaker_share_millis(&b, now_ns + 100 * SEC), 1000);
	/* More success does not begin the spread anew; another pause ends it. */
	breaker_succeeded(&b, &params, now_ns + 50 * SEC);
	assert_int_equal(breaker_share_millis(&b, now_ns + 50 * SEC), 525);
	breaker_pause(&b, MINUTE, now_ns + 50 * SEC);
	assert_int_equal(breaker_share_millis(&b, now_ns + 51 * SEC), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(delays_grow_up_to_the_maximum, seed_it),
		cmocka_unit_test_setup(any_factor_is_a_schedule, seed_it),
		cmocka_unit_test_setup(jitter_stays_in_its_bounds, seed_it),
		cmocka_unit_test_setup(it_gives_up_by_age, seed_it),
		cmocka_unit_test_setup(a_hold_is_the_least, seed_it),
		cmocka_unit_test_setup(greylisting_has_its_least_delay, seed_it),
		cmocka_unit_test_setup(scale_divides_everything, seed_it),
		cmocka_unit_test_setup(failures_in_a_row_open_it, seed_it),
		cmocka_unit_test_setup(one_probe_decides, seed_it),
		cmocka_unit_test_setup(rests_double_up_to_the_maximum, seed_it),
		cmocka_unit_test_setup(stragglers_change_nothing, seed_it),
		cmocka_unit_test_setup(a_pause_extends_and_never_shortens, seed_it),
		cmocka_unit_test_setup(a_backlog_is_spread, seed_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
