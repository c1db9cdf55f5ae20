/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_meter.c - the independent count against one that remembers everything
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/rng.h"
#include "sink/meter.h"

#define EVENTS 3000
#define PERIOD INT64_C(6400)

struct event {
	int64_t at_ns;
	uint64_t amount;
};

/* The greatest sum over METER_PARTS parts, and over windows from their multiples. */
static void remember(const struct event *events, int count, int64_t align_ns, uint64_t *ret_sliding,
		     uint64_t *ret_window)
{
	int64_t part = PERIOD / METER_PARTS;

	*ret_sliding = *ret_window = 0;
	for (int i = 0; i < count; i++) {
		int64_t last = (events[i].at_ns + align_ns) / part;
		int64_t window = (events[i].at_ns + align_ns) / PERIOD;
		uint64_t sliding = 0, in_window = 0;

		for (int k = 0; k <= i; k++) {
			int64_t at = events[k].at_ns + align_ns;

			sliding += at / part > last - METER_PARTS ? events[k].amount : 0;
			in_window += at / PERIOD == window ? events[k].amount : 0;
		}
		*ret_sliding = sliding > *ret_sliding ? sliding : *ret_sliding;
		*ret_window = in_window > *ret_window ? in_window : *ret_window;
	}
}

static void test_against_memory(void **state)
{
	static struct event events[EVENTS];

	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		uint64_t sliding, window;
		struct meter m;
		struct rng rng;
		int64_t now_ns = 100000;

		rng_init(&rng, seed);
		meter_init(&m, PERIOD, 777);
		for (int i = 0; i < EVENTS; i++) {
			now_ns += (int64_t)rng_below(&rng, seed == 4 ? 9000 : 200);
			events[i] = (struct event){now_ns, rng_below(&rng, 5)};
			meter_add(&m, events[i].amount, now_ns);
		}
		remember(events, EVENTS, 777, &sliding, &window);
		assert_int_equal(m.sliding_max, sliding);
		assert_int_equal(m.window_max, window);
	}
}

static void test_give_back(void **state)
{
	struct meter m;

	(void)state;
	meter_init(&m, PERIOD, 0);
	meter_add(&m, 10, 64000);
	meter_add(&m, 5, 65000);
	meter_take_back(&m, 10, 64000);
	assert_int_equal(meter_sum(&m, 65000), 5);
	/* What has left the window is not given back to another. */
	meter_add(&m, 7, 80000);
	meter_take_back(&m, 5, 65000);
	assert_int_equal(meter_sum(&m, 80000), 7);
	assert_int_equal(meter_sum(&m, 80000 + PERIOD), 0);
	assert_int_equal(m.sliding_max, 15);
}

static void test_at_once(void **state)
{
	struct meter m;

	(void)state;
	meter_init(&m, 0, 0);
	for (int i = 0; i < 10; i++) {
		meter_add(&m, 1, i);
		if (i % 2)
			meter_take_back(&m, 1, i);
	}
	assert_int_equal(m.sliding, 5);
	assert_int_equal(m.sliding_max, 6);
	assert_int_equal(m.window_max, 6);
}

/* Threads are not quite at the same time: what comes late counts where it belongs. */
static void test_late(void **state)
{
	struct meter m;

	(void)state;
	meter_init(&m, PERIOD, 0);
	meter_add(&m, 1, 640000);
	meter_add(&m, 1, 639990);
	meter_add(&m, 1, 1);
	assert_int_equal(meter_sum(&m, 640000), 2);
	assert_int_equal(m.window_max, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_memory),
		cmocka_unit_test(test_give_back),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
