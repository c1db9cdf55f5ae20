/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_wheel.c - the wheel's corner cases; random ones are in tests/property/test_wheel.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/wheel.h"

#define DAY (INT64_C(86400) * NS_PER_SEC)
#define ALL 1000000
#define T   WHEEL_TICK_NS

struct probe {
	struct timer timer;
	struct wheel *wheel;
	int fired;
	int64_t fired_ns;
	int64_t again_ns;     /* set again from within fire(), TIME_NEVER for no */
	struct probe *victim; /* dropped from within fire() */
};

static void probe_fire(struct timer *timer, int64_t now_ns)
{
	struct probe *p = (struct probe *)((char *)timer - offsetof(struct probe, timer));

	assert_false(timer_is_pending(timer));
	assert_true(now_ns >= timer->due_ns);
	p->fired++;
	p->fired_ns = now_ns;
	if (p->victim)
		wheel_drop(p->wheel, &p->victim->timer);
	wheel_set(p->wheel, timer, p->again_ns);
}

static struct probe probe_on(struct wheel *w)
{
	return (struct probe){
		.timer = {.fire = probe_fire},
		.wheel = w,
		.again_ns = TIME_NEVER,
	};
}

static void fires_on_the_tick_and_not_before(void **state)
{
	static const int64_t starts[] = {
		0, 1, T - 1, T, 123456789012345, INT64_C(1) << 58, -5 * DAY - 17, INT64_MAX / 2};
	static const int64_t ahead[] = {1,	T - 1,	  T,	      T + 1,	  63 * T,
					64 * T, 65 * T,	  4095 * T,   4096 * T,	  1000 * NS_PER_SEC,
					DAY,	40 * DAY, 3000 * DAY, 20000 * DAY};

	(void)state;
	for (size_t s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
		for (size_t a = 0; a < sizeof(ahead) / sizeof(ahead[0]); a++) {
			int64_t due = starts[s] + ahead[a];
			int64_t tick_end = ((due >> 16) + ((due & (T - 1)) != 0)) * T;
			struct wheel w;
			struct probe p = probe_on(&w);

			wheel_init(&w, starts[s]);
			wheel_set(&w, &p.timer, due);
			assert_int_equal(w.count, 1);
			assert_true(wheel_next_ns(&w) <= tick_end);
			assert_int_equal(wheel_expire(&w, tick_end - 1, ALL), 0);
			assert_true(wheel_next_ns(&w) == tick_end);
			assert_int_equal(wheel_expire(&w, tick_end, ALL), 1);
			assert_int_equal(p.fired, 1);
			assert_int_equal(w.count, 0);
			assert_true(wheel_next_ns(&w) == TIME_NEVER);
		}
	}
}

static void sleeps_through_idle_time(void **state)
{
	int64_t due = 30 * DAY + 12345, now = 77;
	struct wheel w;
	struct probe p = probe_on(&w);
	int wakeups = 0;

	(void)state;
	wheel_init(&w, now);
	wheel_set(&w, &p.timer, due);
	while (!p.fired) {
		int64_t next = wheel_next_ns(&w);

		assert_true(next > now);
		now = next;
		wheel_expire(&w, now, ALL);
		wakeups++;
	}
	/* One a level at most: four days or four weeks of idle time wake the loop a few times. */
	assert_in_range(wakeups, 1, WHEEL_LEVELS);
	assert_true(now >= due && now - due < T);
}

static void past_fires_at_the_next_call(void **state)
{
	struct wheel w;
	struct probe p = probe_on(&w);

	(void)state;
	wheel_init(&w, 10 * T + 5);
	wheel_set(&w, &p.timer, 0);
	assert_true(wheel_next_ns(&w) <= 10 * T + 5);
	assert_int_equal(wheel_expire(&w, 10 * T + 5, ALL), 1);
	/* Again from within fire(): once a call, not for ever in one. */
	p.again_ns = 0;
	wheel_set(&w, &p.timer, 10 * T);
	for (int i = 0; i < 5; i++)
		assert_int_equal(wheel_expire(&w, 10 * T + 5 + i * 3 * T, ALL), 1);
	assert_int_equal(p.fired, 6);
	wheel_drop(&w, &p.timer);
	assert_int_equal(w.count, 0);
	assert_true(wheel_next_ns(&w) == TIME_NEVER);
}

static void limit_is_kept_and_nobody_starves(void **state)
{
	enum { COUNT = 100 };
	struct wheel w;
	static struct probe probes[COUNT];
	struct probe greedy = probe_on(&w);

	(void)state;
	wheel_init(&w, 0);
	for (int i = 0; i < COUNT; i++) {
		probes[i] = probe_on(&w);
		wheel_set(&w, &probes[i].timer, 5 * T);
	}
	greedy.again_ns = 0;
	wheel_set(&w, &greedy.timer, 0);
	assert_int_equal(wheel_expire(&w, 5 * T, 0), 0);
	assert_true(wheel_next_ns(&w) <= 5 * T);
	for (int i = 0; i < 10; i++)
		assert_int_equal(wheel_expire(&w, 5 * T, 10), 10);
	/* The greedy one came first, and then again only behind all who were waiting. */
	assert_int_equal(greedy.fired, 1);
	assert_int_equal(wheel_expire(&w, 5 * T, 10), 2);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(probes[i].fired, 1);
	assert_int_equal(greedy.fired, 2);
	wheel_drop(&w, &greedy.timer);
	assert_int_equal(wheel_expire(&w, 5 * T, 10), 0);
}

static void moves_and_drops(void **state)
{
	struct wheel w;
	struct probe a = probe_on(&w), b = probe_on(&w);

	(void)state;
	wheel_init(&w, 0);
	wheel_drop(&w, &a.timer);
	wheel_set(&w, &a.timer, 10 * T);
	wheel_set(&w, &b.timer, 10 * T);
	wheel_set(&w, &a.timer, 20 * T);
	assert_int_equal(w.count, 2);
	assert_int_equal(wheel_expire(&w, 10 * T, ALL), 1);
	assert_int_equal(b.fired, 1);
	wheel_set(&w, &a.timer, 15 * T);
	assert_true(wheel_next_ns(&w) == 15 * T);
	wheel_drop(&w, &a.timer);
	wheel_drop(&w, &a.timer);
	assert_false(timer_is_pending(&a.timer));
	/* An emptied slot wakes nobody. */
	assert_true(wheel_next_ns(&w) == TIME_NEVER);
	assert_int_equal(wheel_expire(&w, DAY, ALL), 0);
	wheel_set(&w, &a.timer, TIME_NEVER);
	assert_false(timer_is_pending(&a.timer));
	wheel_set(&w, &a.timer, TIME_NEVER - 1);
	assert_true(wheel_next_ns(&w) < TIME_NEVER);
	wheel_drop(&w, &a.timer);
	assert_int_equal(w.count, 0);
}

static void drops_from_within_fire(void **state)
{
	struct wheel w;
	struct probe a = probe_on(&w), b = probe_on(&w), c = probe_on(&w);

	(void)state;
	wheel_init(&w, 0);
	a.victim = &b;
	b.victim = &a;
	wheel_set(&w, &a.timer, T);
	wheel_set(&w, &b.timer, T);
	wheel_set(&w, &c.timer, 2 * T);
	assert_int_equal(wheel_expire(&w, 3 * T, ALL), 2);
	assert_int_equal(a.fired + b.fired, 1);
	assert_int_equal(c.fired, 1);
	assert_int_equal(w.count, 0);
	/* The last of the queue drops itself out of it when the limit was reached before. */
	a.victim = NULL;
	wheel_set(&w, &a.timer, 0);
	wheel_set(&w, &b.timer, 0);
	assert_int_equal(wheel_expire(&w, 3 * T, 1), 1);
	wheel_drop(&w, &b.timer);
	wheel_set(&w, &c.timer, 0);
	assert_int_equal(wheel_expire(&w, 3 * T, ALL), 1);
	assert_int_equal(c.fired, 2);
}

static void fires_in_order_of_ticks(void **state)
{
	struct wheel w;
	struct probe probes[50];

	(void)state;
	wheel_init(&w, 0);
	for (int i = 0; i < 50; i++) {
		probes[i] = probe_on(&w);
		wheel_set(&w, &probes[i].timer, (int64_t)(i + 1) * (i + 1) * (i + 1) * T);
	}
	for (int i = 0; i < 50; i++) {
		assert_int_equal(wheel_expire(&w, DAY, 1), 1);
		assert_int_equal(probes[i].fired, 1);
	}
}

static void time_that_steps_back_is_borne(void **state)
{
	struct wheel w;
	struct probe p = probe_on(&w);

	(void)state;
	wheel_init(&w, 100 * T);
	wheel_set(&w, &p.timer, 110 * T);
	assert_int_equal(wheel_expire(&w, 50 * T, ALL), 0);
	assert_int_equal(wheel_expire(&w, 109 * T, ALL), 0);
	assert_int_equal(wheel_expire(&w, 110 * T, ALL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_on_the_tick_and_not_before),
		cmocka_unit_test(sleeps_through_idle_time),
		cmocka_unit_test(past_fires_at_the_next_call),
		cmocka_unit_test(limit_is_kept_and_nobody_starves),
		cmocka_unit_test(moves_and_drops),
		cmocka_unit_test(drops_from_within_fire),
		cmocka_unit_test(fires_in_order_of_ticks),
		cmocka_unit_test(time_that_steps_back_is_borne),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
