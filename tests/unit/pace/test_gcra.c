/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_gcra.c - a rate kept exactly, from one thread and from several
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/rng.h"
#include "pace/gcra.h"

/* In any stretch of time no more events pass than its length allows, and the burst. */
static void no_window_is_passed(void **state)
{
	struct gcra g;
	struct rng rng;
	int64_t times[5000], now = 0, when;
	int count = 0;

	(void)state;
	rng_init(&rng, 4711);
	gcra_init(&g, (struct rate){100, NS_PER_SEC}, 5, 0);
	while (count < 5000) {
		if (gcra_take(&g, now, &when))
			times[count++] = now;
		else
			assert_true(when > now);
		now += (int64_t)rng_below(&rng, 12 * NS_PER_MS);
	}
	for (int i = 0; i < count; i++) {
		for (int j = i; j < count && j < i + 300; j++) {
			int64_t span = times[j] - times[i];

			assert_true(j - i + 1 <= span / (10 * NS_PER_MS) + 5);
		}
	}
}

static void it_tells_when(void **state)
{
	struct gcra g;
	int64_t when = 0;

	(void)state;
	gcra_init(&g, (struct rate){10, NS_PER_SEC}, 1, 1000);
	assert_true(gcra_take(&g, 1000, &when));
	assert_false(gcra_take(&g, 1000, &when));
	assert_true(when == 1000 + 100 * NS_PER_MS);
	assert_true(gcra_take(&g, when, &when));
}

static void rate_zero_is_no_limit(void **state)
{
	struct gcra g;
	int64_t when;

	(void)state;
	gcra_init(&g, (struct rate){0, NS_PER_SEC}, 1, 0);
	for (int i = 0; i < 1000; i++)
		assert_true(gcra_take(&g, 0, &when));
}

struct taker {
	struct gcra *gcra;
	int taken;
};

static void *take_all(void *arg)
{
	struct taker *t = arg;
	int64_t when;

	/* Virtual time: every thread walks through the same second. */
	for (int64_t now = 0; now < NS_PER_SEC; now += NS_PER_SEC / 100000)
		t->taken += gcra_take(t->gcra, now, &when);
	return NULL;
}

static void threads_share_one_budget(void **state)
{
	struct gcra g;
	struct taker takers[4];
	pthread_t threads[4];
	int sum = 0;

	(void)state;
	gcra_init(&g, (struct rate){1000, NS_PER_SEC}, 1, 0);
	for (int i = 0; i < 4; i++) {
		takers[i] = (struct taker){&g, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, take_all, &takers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		sum += takers[i].taken;
	}
	assert_true(sum <= 1000);
	assert_true(sum >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_window_is_passed),
		cmocka_unit_test(it_tells_when),
		cmocka_unit_test(rate_zero_is_no_limit),
		cmocka_unit_test(threads_share_one_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
