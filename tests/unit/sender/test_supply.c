/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_supply.c - which message is next, when it is due, and when there is none any more
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "sender/supply.h"

#define MS    NS_PER_MS
#define BEGIN (5 * NS_PER_SEC)

static uint64_t number;
static int64_t due_ns;

/* Before each one is taken it is looked at, which changes nothing and answers the same. */
static enum supply_answer next_at(struct supply *s, int64_t now_ns)
{
	int64_t peeked_ns = -1;
	enum supply_answer peeked = supply_peek(s, now_ns, &peeked_ns);
	enum supply_answer answer = supply_next(s, now_ns, &number, &due_ns);

	assert_int_equal(peeked, answer);
	if (answer == SUPPLY_WAIT)
		assert_int_equal(peeked_ns, due_ns);
	return answer;
}

static void closed_by_number(void **state)
{
	struct sender_plan p = {.sessions = 2, .messages = 3};
	struct supply s;

	(void)state;
	supply_init(&s, &p, BEGIN);
	assert_true(supply_measure_begin_ns(&s) == BEGIN);
	assert_true(supply_measure_end_ns(&s) == TIME_NEVER);
	for (uint64_t i = 0; i < 3; i++) {
		assert_false(supply_is_over(&s, BEGIN));
		assert_int_equal(next_at(&s, BEGIN + (int64_t)i), SUPPLY_MESSAGE);
		assert_int_equal(number, i);
		assert_int_equal(due_ns, BEGIN + (int64_t)i);
	}
	assert_true(supply_is_over(&s, BEGIN));
	for (int i = 0; i < 5; i++)
		assert_int_equal(next_at(&s, BEGIN + MS), SUPPLY_OVER);
	/* Asked in vain, it does not count on. */
	assert_int_equal(s.taken, 3);
	assert_int_equal(supply_left_over(&s, BEGIN + MS), 0);
	supply_fini(&s);
}

static void closed_by_time(void **state)
{
	struct sender_plan p = {
		.sessions = 2, .duration_ns = NS_PER_SEC, .warmup_ns = 2 * NS_PER_SEC};
	struct supply s;

	(void)state;
	supply_init(&s, &p, BEGIN);
	assert_true(supply_measure_begin_ns(&s) == BEGIN + 2 * NS_PER_SEC);
	assert_true(supply_measure_end_ns(&s) == BEGIN + 3 * NS_PER_SEC);
	assert_int_equal(next_at(&s, BEGIN + 3 * NS_PER_SEC - 1), SUPPLY_MESSAGE);
	assert_int_equal(next_at(&s, BEGIN + 3 * NS_PER_SEC), SUPPLY_OVER);
	supply_fini(&s);
}

/* Those of the warm-up have numbers, and do not count. */
static void closed_with_a_warm_up_by_number(void **state)
{
	struct sender_plan p = {.sessions = 2, .messages = 3, .warmup_ns = NS_PER_SEC};
	struct supply s;

	(void)state;
	supply_init(&s, &p, BEGIN);
	for (uint64_t i = 0; i < 10; i++) {
		assert_int_equal(next_at(&s, BEGIN + NS_PER_SEC - 1), SUPPLY_MESSAGE);
		assert_int_equal(number, i);
	}
	for (uint64_t i = 10; i < 13; i++) {
		assert_int_equal(next_at(&s, BEGIN + NS_PER_SEC), SUPPLY_MESSAGE);
		assert_int_equal(number, i);
	}
	assert_int_equal(next_at(&s, BEGIN + NS_PER_SEC), SUPPLY_OVER);
	supply_fini(&s);
}

/* With --idle nothing begins before all sessions stand, and then the hold comes first. */
static void held(void **state)
{
	struct sender_plan p = {.sessions = 3, .messages = 1, .idle_ns = 4 * NS_PER_SEC};
	struct supply s;

	(void)state;
	supply_init(&s, &p, BEGIN);
	assert_int_equal(next_at(&s, BEGIN), SUPPLY_WAIT);
	assert_true(due_ns == TIME_NEVER);
	assert_true(supply_measure_begin_ns(&s) == TIME_NEVER);
	assert_false(supply_settled(&s, BEGIN + MS));
	assert_false(supply_settled(&s, BEGIN + 2 * MS));
	assert_true(supply_settled(&s, BEGIN + 3 * MS));
	assert_int_equal(next_at(&s, BEGIN + 4 * MS), SUPPLY_WAIT);
	assert_true(due_ns == BEGIN + 3 * MS + 4 * NS_PER_SEC);
	assert_false(supply_is_over(&s, due_ns - 1));
	assert_int_equal(next_at(&s, due_ns), SUPPLY_MESSAGE);
	assert_int_equal(next_at(&s, due_ns), SUPPLY_OVER);
	supply_fini(&s);
}

/* --idle alone: held, and that is all. */
static void held_alone(void **state)
{
	struct sender_plan p = {.sessions = 1, .idle_ns = NS_PER_SEC};
	struct supply s;

	(void)state;
	supply_init(&s, &p, BEGIN);
	assert_true(supply_settled(&s, BEGIN));
	assert_int_equal(next_at(&s, BEGIN + NS_PER_SEC - 1), SUPPLY_WAIT);
	assert_int_equal(next_at(&s, BEGIN + NS_PER_SEC), SUPPLY_OVER);
	supply_fini(&s);
}

static struct sender_plan open_plan(uint64_t rate, int64_t length_ns)
{
	struct sender_plan p = {
		.sessions = 1,
		.is_open_loop = true,
		.stage_count = 1,
		.duration_ns = length_ns,
		.stages = {{length_ns, rate * 1000000, rate * 1000000}},
	};

	return p;
}

static void open_loop(void **state)
{
	struct sender_plan p = open_plan(10, NS_PER_SEC);
	struct supply s;

	(void)state;
	supply_init(&s, &p, BEGIN);
	assert_int_equal(next_at(&s, BEGIN), SUPPLY_WAIT);
	assert_true(supply_settled(&s, BEGIN));
	assert_int_equal(next_at(&s, BEGIN), SUPPLY_MESSAGE);
	assert_int_equal(due_ns, BEGIN);
	assert_int_equal(next_at(&s, BEGIN + 99 * MS), SUPPLY_WAIT);
	assert_int_equal(due_ns, BEGIN + 100 * MS);
	/* Late: each keeps its due time. */
	for (int i = 1; i < 4; i++) {
		assert_int_equal(next_at(&s, BEGIN + 350 * MS), SUPPLY_MESSAGE);
		assert_int_equal(due_ns, BEGIN + i * 100 * MS);
		assert_int_equal(number, i);
	}
	assert_int_equal(next_at(&s, BEGIN + 350 * MS), SUPPLY_WAIT);
	/* Five were due until 850 ms and were not taken. */
	assert_int_equal(supply_left_over(&s, BEGIN + 850 * MS), 5);
	supply_fini(&s);
}

static void the_last_ones(void **state)
{
	struct sender_plan p = open_plan(10, NS_PER_SEC);
	struct supply s;

	(void)state;
	supply_init(&s, &p, BEGIN);
	supply_settled(&s, BEGIN);
	for (int i = 0; i < 8; i++)
		assert_int_equal(next_at(&s, BEGIN + 750 * MS), SUPPLY_MESSAGE);
	/* At the end nothing more is given out by the way, but what was due before it is there. */
	assert_int_equal(next_at(&s, BEGIN + NS_PER_SEC), SUPPLY_OVER);
	assert_true(supply_take_last(&s, &number, &due_ns));
	assert_int_equal(due_ns, BEGIN + 800 * MS);
	assert_true(supply_take_last(&s, &number, &due_ns));
	assert_int_equal(number, 9);
	assert_false(supply_take_last(&s, &number, &due_ns));
	assert_int_equal(supply_left_over(&s, BEGIN + NS_PER_SEC), 0);
	supply_fini(&s);
}

static void told_to_stop(void **state)
{
	struct sender_plan p = open_plan(10, NS_PER_SEC);
	struct supply s;

	(void)state;
	supply_init(&s, &p, BEGIN);
	supply_settled(&s, BEGIN);
	supply_stop(&s, BEGIN + 450 * MS);
	supply_stop(&s, BEGIN + 900 * MS);
	assert_true(s.stop_ns == BEGIN + 450 * MS);
	assert_true(supply_is_over(&s, BEGIN));
	assert_int_equal(next_at(&s, BEGIN), SUPPLY_OVER);
	assert_false(supply_take_last(&s, &number, &due_ns));
	assert_int_equal(supply_left_over(&s, BEGIN + 450 * MS), 5);
	supply_fini(&s);
}

/* What was due in the warm-up and not taken is no loss of the measured part. */
static void left_over_without_the_warm_up(void **state)
{
	struct sender_plan p = open_plan(10, 3 * NS_PER_SEC);
	struct supply s;

	(void)state;
	p.warmup_ns = NS_PER_SEC;
	p.duration_ns -= p.warmup_ns;
	supply_init(&s, &p, BEGIN);
	supply_settled(&s, BEGIN);
	assert_int_equal(supply_left_over(&s, BEGIN + 3 * NS_PER_SEC), 20);
	supply_fini(&s);
}

/* ---- many threads ---- */

#define TAKERS 4

static struct supply shared;
static uint64_t taken_by[TAKERS];
static unsigned char seen[20000];

static void *take(void *arg)
{
	uint64_t *count = arg, n;
	int64_t due;

	while (supply_next(&shared, BEGIN, &n, &due) == SUPPLY_MESSAGE) {
		__atomic_fetch_add(&seen[n], 1, __ATOMIC_RELAXED);
		(*count)++;
	}
	return NULL;
}

static void each_number_is_given_out_once(void **state)
{
	struct sender_plan p = {.sessions = 4, .messages = sizeof(seen)};
	pthread_t threads[TAKERS];
	uint64_t sum = 0;

	(void)state;
	memset(seen, 0, sizeof(seen));
	memset(taken_by, 0, sizeof(taken_by));
	supply_init(&shared, &p, BEGIN);
	for (int i = 0; i < TAKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take, &taken_by[i]), 0);
	for (int i = 0; i < TAKERS; i++) {
		pthread_join(threads[i], NULL);
		sum += taken_by[i];
	}
	assert_int_equal(sum, sizeof(seen));
	for (size_t i = 0; i < sizeof(seen); i++)
		assert_int_equal(seen[i], 1);
	supply_fini(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_by_number),
		cmocka_unit_test(closed_by_time),
		cmocka_unit_test(closed_with_a_warm_up_by_number),
		cmocka_unit_test(held),
		cmocka_unit_test(held_alone),
		cmocka_unit_test(open_loop),
		cmocka_unit_test(the_last_ones),
		cmocka_unit_test(told_to_stop),
		cmocka_unit_test(left_over_without_the_warm_up),
		cmocka_unit_test(each_number_is_given_out_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
