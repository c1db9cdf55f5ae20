/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_wheel.c - the timer wheel against a plain list, over days of virtual time
 *
 * How it works: 1. a few hundred timers are set, moved and dropped at random, by distances from
 * one nanosecond to years; 2. time moves on by random steps, or to the moment that wheel_next_ns()
 * names; 3. wheel_expire() is called with a random limit, while its callbacks set, move and drop
 * timers too; 4. after each call an array that holds every timer's due time says what should have
 * happened: nothing early, nothing forgotten, nothing twice, nothing later than asked for.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/rng.h"
#include "base/wheel.h"
#include "property.h"

#define TIMERS 300
#define STEPS  20000
#define ALL    1000000

struct model_timer {
	struct timer timer;
	bool is_pending; /* what the model says */
	int64_t due_ns;
	uint64_t fire_by; /* the call, counted from 1, in which it has to fire; 0: not due yet */
};

static struct model {
	struct rng rng;
	struct wheel wheel;
	struct model_timer timers[TIMERS];
	int64_t now_ns;
	uint64_t call; /* of wheel_expire() */
	bool is_quiet; /* callbacks only note what fired */
	int fired;
} m;

static int64_t rounded_up(int64_t ns)
{
	int64_t tick = ns / WHEEL_TICK_NS + (ns % WHEEL_TICK_NS > 0);

	return tick * WHEEL_TICK_NS;
}

/* From 1 ns to 2^max_bits ns, small ones as likely as large ones. */
static int64_t random_distance(int max_bits)
{
	int bits = (int)rng_below(&m.rng, (uint64_t)max_bits) + 1;

	return (int64_t)rng_below(&m.rng, UINT64_C(1) << bits) + 1;
}

static int64_t random_due(void)
{
	switch (rng_below(&m.rng, 10)) {
	case 0: /* past */
		return m.now_ns - random_distance(40);
	case 1: /* on a tick */
		return rounded_up(m.now_ns + random_distance(45));
	case 2: /* years: beyond the wheel's reach, too */
		return m.now_ns + random_distance(61);
	default:
		return m.now_ns + random_distance(50); /* 13 days */
	}
}

static void set_timer(struct model_timer *t, int64_t due_ns)
{
	wheel_set(&m.wheel, &t->timer, due_ns);
	assert_true(timer_is_pending(&t->timer));
	t->is_pending = true;
	t->due_ns = due_ns;
	t->fire_by = due_ns <= m.now_ns ? m.call + 1 : 0;
}

static void drop_timer(struct model_timer *t)
{
	wheel_drop(&m.wheel, &t->timer);
	assert_false(timer_is_pending(&t->timer));
	t->is_pending = false;
}

static void random_operation(void)
{
	struct model_timer *t = &m.timers[rng_below(&m.rng, TIMERS)];

	if (rng_below(&m.rng, 4) == 0)
		drop_timer(t);
	else
		set_timer(t, random_due());
}

static void model_fire(struct timer *timer, int64_t now_ns)
{
	struct model_timer *t =
		(struct model_timer *)((char *)timer - offsetof(struct model_timer, timer));

	assert_false(timer_is_pending(timer));
	assert_true(t->is_pending);
	assert_true(now_ns == m.now_ns);
	assert_true(t->due_ns <= now_ns);
	/* What is set while timers fire waits for the next call, however overdue it is. */
	assert_true(t->fire_by > 0 && t->fire_by <= m.call);
	t->is_pending = false;
	m.fired++;
	while (!m.is_quiet && rng_below(&m.rng, 3) == 0)
		random_operation();
}

/* When the first of all timers has to fire: at once if its time had come already, else by its tick.
 */
static int64_t earliest(void)
{
	int64_t first = TIME_NEVER;

	for (int i = 0; i < TIMERS; i++) {
		const struct model_timer *t = &m.timers[i];
		int64_t by = t->fire_by > 0 ? m.now_ns : rounded_up(t->due_ns);

		if (t->is_pending && by < first)
			first = by;
	}
	return first;
}

static int pending_count(void)
{
	int count = 0;

	for (int i = 0; i < TIMERS; i++)
		count += m.timers[i].is_pending;
	return count;
}

static void check_next(void)
{
	int64_t first = earliest(), next = wheel_next_ns(&m.wheel);

	assert_int_equal(m.wheel.count, pending_count());
	assert_true(next <= first);
	assert_int_equal(next == TIME_NEVER, first == TIME_NEVER);
}

/* Marks what has to fire in this call: what is due by its tick, and what was due when it was set.
 */
static void mark_due(void)
{
	for (int i = 0; i < TIMERS; i++) {
		struct model_timer *t = &m.timers[i];

		if (t->is_pending && t->fire_by == 0 && rounded_up(t->due_ns) <= m.now_ns)
			t->fire_by = m.call;
	}
}

static void expire(void)
{
	int limit = rng_below(&m.rng, 3) == 0 ? (int)rng_below(&m.rng, 5) : ALL;
	int fired;

	m.call++;
	m.fired = 0;
	mark_due();
	fired = wheel_expire(&m.wheel, m.now_ns, limit);
	assert_int_equal(fired, m.fired);
	assert_true(fired <= limit);
	if (fired == limit)
		return;
	for (int i = 0; i < TIMERS; i++)
		assert_false(m.timers[i].is_pending && m.timers[i].fire_by > 0 &&
			     m.timers[i].fire_by <= m.call);
}

static void run(uint64_t seed, uint64_t stream, int64_t start_ns)
{
	rng_fork(&m.rng, seed, stream);
	m.now_ns = start_ns;
	m.call = 0;
	m.is_quiet = false;
	wheel_init(&m.wheel, start_ns);
	for (int i = 0; i < TIMERS; i++)
		m.timers[i] = (struct model_timer){.timer.fire = model_fire};
	for (int step = 0; step < STEPS; step++) {
		int64_t next;

		for (uint64_t n = rng_below(&m.rng, 4); n > 0; n--)
			random_operation();
		check_next();
		next = wheel_next_ns(&m.wheel);
		switch (rng_below(&m.rng, 4)) {
		case 0:
			break; /* the same moment again */
		case 1:
			m.now_ns += random_distance(46);
			break;
		case 2:
			if (next != TIME_NEVER && next > m.now_ns)
				m.now_ns = next - 1; /* just before */
			break;
		default:
			if (next != TIME_NEVER && next > m.now_ns)
				m.now_ns = next;
			break;
		}
		/* Room for due times years ahead, however far the steps came. */
		if (m.now_ns > INT64_MAX - (INT64_C(1) << 62))
			break;
		expire();
	}
}

static void agrees_with_a_list(void **state)
{
	const uint64_t *seed = *state;

	run(*seed, 1, 0);
	run(*seed, 2, 1234567890123456789);
	run(*seed, 3, -(INT64_C(1) << 58) + 1); /* the top level wraps around on the way */
	run(*seed, 4, (INT64_C(1) << 58) - 5 * WHEEL_TICK_NS);
}

/* Sleeping by wheel_next_ns() alone fires each timer within its tick, with few wake-ups. */
static void sleeping_by_next_is_exact(void **state)
{
	const uint64_t *seed = *state;
	uint64_t wakeups = 0;

	rng_fork(&m.rng, *seed, 5);
	m.is_quiet = true;
	m.call = 0;
	m.now_ns = random_distance(61);
	wheel_init(&m.wheel, m.now_ns);
	for (int i = 0; i < TIMERS; i++) {
		m.timers[i] = (struct model_timer){.timer.fire = model_fire};
		set_timer(&m.timers[i], m.now_ns + random_distance(52));
	}
	while (m.wheel.count > 0) {
		int64_t next = wheel_next_ns(&m.wheel);
		int fired;

		assert_true(next > m.now_ns);
		assert_true(next <= earliest());
		m.now_ns = next;
		wakeups++;
		m.call++;
		m.fired = 0;
		mark_due();
		fired = wheel_expire(&m.wheel, m.now_ns, ALL);
		assert_int_equal(fired, m.fired);
		/* Whatever is left is due later than this tick. */
		assert_true(earliest() > m.now_ns);
	}
	assert_true(wakeups <= (uint64_t)TIMERS * WHEEL_LEVELS);
}

int main(void)
{
	uint64_t seed = property_seed();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(agrees_with_a_list, &seed),
		cmocka_unit_test_prestate(sleeping_by_next_is_exact, &seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
