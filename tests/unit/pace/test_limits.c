/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_limits.c - the table of limits: readings, cells, several at once, all or nothing
 *
 * That no limit is passed is shown by tests/property/test_limits.c and test_limits_threads.c.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "pace/limits.h"

#define SEC  NS_PER_SEC
#define HOUR (3600 * SEC)
#define DAY  (24 * HOUR)

static const struct limits_reading as_written = {.share_millis = 1000, .scale = 1};

static struct limits *table;

static int set_up(void **state)
{
	(void)state;
	table = limits_new(0);
	return table ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	limits_free(table);
	return 0;
}

static struct limit limit_make(enum limit_window window, uint64_t amount, int64_t period_ns)
{
	return (struct limit){
		.unit = LIMIT_MESSAGES, .window = window, .amount = amount, .period_ns = period_ns};
}

/* A cell of its own for each call. */
static struct limit_cell *cell_make(const struct limit *l, const struct limits_reading *reading)
{
	static uint64_t key;
	struct limit_cell *c = limits_cell(table, l, reading, 1, ++key, 0);

	assert_non_null(c);
	return c;
}

static bool take(struct limit_cell *c, uint64_t amount, int64_t now_ns, int64_t *ret_when_ns)
{
	const struct limits_claim claim = {.cell = c, .amount = amount};
	int binding = -1;
	bool is_taken = limits_take(&claim, 1, now_ns, ret_when_ns, &binding);

	assert_int_equal(binding, is_taken ? -1 : 0);
	return is_taken;
}

struct reading_case {
	uint64_t amount;
	uint32_t headroom_millis, share_millis;
	uint64_t expected;
};

static void amounts_are_read_below_headroom(void **state)
{
	static const struct reading_case table_of[] = {
		{200, 0, 1000, 200},
		{200, 200, 1000, 160},
		{200, 200, 50, 8},
		{5, 200, 1000, 4},
		{3, 200, 1000, 2},
		{1, 200, 1000, 1},
		{1000, 1000, 1000, 1},
		{1000, 2000, 1000, 1},
		{1000, 0, 0, 1},
		{999, 333, 777, 517},
		{10, 0, 10, 1},
		{INT64_MAX, 0, 1000, INT64_MAX},
		{UINT64_MAX, 0, 1000, INT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table_of) / sizeof(*table_of); i++) {
		const struct reading_case *t = &table_of[i];
		struct limit l = limit_make(LIMIT_ROLLING, t->amount, HOUR);
		struct limits_reading reading = {.headroom_millis = t->headroom_millis,
						 .share_millis = t->share_millis};

		assert_int_equal(limits_state(cell_make(&l, &reading), 0).amount, t->expected);
	}
}

static void scale_divides_the_period(void **state)
{
	const struct limits_reading reading = {.share_millis = 1000, .scale = 3600};
	struct limit l = limit_make(LIMIT_SMOOTH, 10, HOUR);
	struct limit_cell *c = cell_make(&l, &reading);
	int64_t when_ns = 0;

	(void)state;
	assert_int_equal(limits_state(c, 0).period_ns, SEC);
	assert_true(take(c, 1, 0, &when_ns));
	assert_false(take(c, 1, 0, &when_ns));
	assert_int_equal(when_ns, SEC / 10);
}

static void fixed_windows_follow_midnight_and_reset(void **state)
{
	/* The wall clock stands at 22:30 UTC of some day when the monotonic one begins. */
	const int64_t wall_offset_ns = 20000 * DAY + 22 * HOUR + HOUR / 2;
	struct limits *t = limits_new(wall_offset_ns);
	struct limits_reading fast = {.share_millis = 1000, .scale = 3600};
	struct limit l = limit_make(LIMIT_FIXED, 1, DAY);
	struct limit_cell *c;
	int64_t when_ns = 0;

	(void)state;
	c = limits_cell(t, &l, &as_written, 1, 1, 0);
	assert_true(take(c, 1, 0, &when_ns));
	assert_false(take(c, 1, 1, &when_ns));
	assert_int_equal(when_ns, HOUR + HOUR / 2);
	l.reset_ns = 8 * HOUR;
	c = limits_cell(t, &l, &as_written, 2, 1, 0);
	assert_true(take(c, 1, 0, &when_ns));
	assert_false(take(c, 1, 1, &when_ns));
	assert_int_equal(when_ns, 9 * HOUR + HOUR / 2);
	/* A day in 24 s, from midnight: 22:30 is 81,000 s, 0 beyond a multiple. */
	l.reset_ns = 0;
	c = limits_cell(t, &l, &fast, 3, 1, 0);
	assert_true(take(c, 1, 0, &when_ns));
	assert_false(take(c, 1, 5 * SEC, &when_ns));
	assert_int_equal(when_ns, 24 * SEC);
	limits_free(t);
}

static void a_sender_keeps_all_windows_smooth(void **state)
{
	static const enum limit_window windows[] = {LIMIT_FIXED, LIMIT_ROLLING, LIMIT_DEBT};
	struct limits_reading reading = as_written;

	(void)state;
	reading.is_smooth = true;
	for (int i = 0; i < 3; i++) {
		struct limit l = limit_make(windows[i], 10, HOUR);
		struct limit_cell *c = cell_make(&l, &reading);
		int64_t when_ns = 0;

		assert_true(take(c, 1, 0, &when_ns));
		assert_false(take(c, 1, 0, &when_ns));
		assert_int_equal(when_ns, HOUR / 10);
	}
}

static void connections_are_counted_and_given_back(void **state)
{
	struct limit l = {.unit = LIMIT_CONNECTIONS, .window = LIMIT_AT_ONCE, .amount = 2};
	struct limit_cell *c = cell_make(&l, &as_written);
	const struct limits_claim claim = {.cell = c, .amount = 1};
	struct limits_state standing;
	int64_t when_ns = 0;

	(void)state;
	assert_true(take(c, 1, 5, &when_ns));
	assert_true(take(c, 1, 5, &when_ns));
	assert_false(take(c, 1, 5, &when_ns));
	assert_true(when_ns == TIME_NEVER);
	standing = limits_state(c, 5);
	assert_int_equal(standing.used, 2);
	assert_int_equal(standing.amount, 2);
	assert_int_equal(standing.period_ns, 0);
	assert_true(standing.free_ns == TIME_NEVER);
	limits_give_back(&claim, 1, 5);
	assert_true(limits_state(c, 6).free_ns <= 6);
	assert_true(take(c, 1, 6, &when_ns));
	/* Fewer than are open: nobody more until enough have gone. */
	limits_set_amount(c, 1, 7);
	limits_give_back(&claim, 1, 7);
	assert_false(take(c, 1, 7, &when_ns));
	limits_give_back(&claim, 1, 7);
	assert_true(take(c, 1, 7, &when_ns));
	limits_give_back(&claim, 1, 7);
	limits_give_back(&claim, 1, 7); /* once too often: it never counts below zero */
	assert_int_equal(limits_state(c, 8).used, 0);
}

static void asking_takes_nothing(void **state)
{
	int64_t when_ns = 0;

	(void)state;
	for (int i = 0; i < LIMIT_WINDOW_COUNT; i++) {
		struct limit l = limit_make((enum limit_window)i, 1, i == LIMIT_AT_ONCE ? 0 : HOUR);
		struct limit_cell *c = cell_make(&l, &as_written);

		assert_true(take(c, 0, 0, &when_ns));
		assert_true(take(c, 0, 0, &when_ns));
		assert_int_equal(limits_state(c, 0).used, 0);
		assert_true(take(c, 1, 0, &when_ns));
		assert_false(take(c, 0, 0, &when_ns));
		assert_int_equal(limits_state(c, 0).used, 1);
	}
}

/* What is too large for ever is taken when the cell is empty. */
static void the_too_large_does_not_wait_for_ever(void **state)
{
	(void)state;
	for (int i = 0; i < LIMIT_WINDOW_COUNT; i++) {
		struct limit l = limit_make((enum limit_window)i, 5, i == LIMIT_AT_ONCE ? 0 : HOUR);
		struct limits_claim one;
		struct limit_cell *c;
		int64_t now_ns = 0, when_ns = 0;

		l.unit = LIMIT_OCTETS;
		c = cell_make(&l, &as_written);
		one = (struct limits_claim){.cell = c, .amount = 1};
		assert_true(take(c, 1, now_ns, &when_ns));
		while (!take(c, 100, now_ns, &when_ns)) {
			if (when_ns == TIME_NEVER)
				limits_give_back(&one, 1, now_ns);
			else
				now_ns = when_ns;
			assert_true(now_ns <= 2 * HOUR);
		}
		assert_false(take(c, 1, now_ns, &when_ns));
	}
}

static void several_are_taken_all_or_none(void **state)
{
	struct limit rate = limit_make(LIMIT_SMOOTH, 10, 10 * SEC);
	struct limit slow = limit_make(LIMIT_FIXED, 2, 3600 * SEC);
	struct limit open = {.unit = LIMIT_CONNECTIONS, .window = LIMIT_AT_ONCE, .amount = 3};
	struct limits_claim claims[] = {
		{.cell = cell_make(&rate, &as_written), .amount = 1},
		{.cell = cell_make(&slow, &as_written), .amount = 1},
		{.cell = cell_make(&open, &as_written), .amount = 1},
	};
	int64_t when_ns = 0;
	int binding = -1;

	(void)state;
	assert_true(limits_take(claims, 0, 0, &when_ns, &binding));
	assert_true(limits_take(claims, 3, 0, &when_ns, &binding));
	/* The rate alone refuses, and the others are as they were. */
	assert_false(limits_take(claims, 3, 0, &when_ns, &binding));
	assert_int_equal(binding, 0);
	assert_int_equal(when_ns, SEC);
	assert_int_equal(limits_state(claims[1].cell, 0).used, 1);
	assert_int_equal(limits_state(claims[2].cell, 0).used, 1);
	assert_true(limits_take(claims, 3, SEC, &when_ns, &binding));
	/* Two refuse: the one that takes longer decides, wherever it stands. */
	assert_false(limits_take(claims, 3, SEC, &when_ns, &binding));
	assert_int_equal(binding, 1);
	assert_int_equal(when_ns, 3600 * SEC);
	assert_int_equal(limits_state(claims[2].cell, SEC).used, 2);
	/* What waits for somebody else waits longest. */
	assert_true(take(claims[2].cell, 1, SEC, &when_ns));
	assert_false(limits_take(claims, 3, SEC, &when_ns, &binding));
	assert_int_equal(binding, 2);
	assert_true(when_ns == TIME_NEVER);
	limits_give_back(&claims[1], 1, SEC);
	assert_int_equal(limits_state(claims[1].cell, SEC).used, 1);
}

static void a_cell_may_stand_in_several_claims(void **state)
{
	struct limit l = limit_make(LIMIT_ROLLING, 6, HOUR);
	struct limit_cell *c = cell_make(&l, &as_written), *other = cell_make(&l, &as_written);
	const struct limits_claim claims[] = {
		{.cell = c, .amount = 3}, {.cell = other, .amount = 1}, {.cell = c, .amount = 3}};
	int64_t when_ns = 0;
	int binding = -1;

	(void)state;
	assert_true(take(c, 1, 0, &when_ns));
	assert_false(limits_take(claims, 3, 0, &when_ns, &binding));
	assert_int_equal(binding, 2);
	assert_int_equal(limits_state(c, 0).used, 1);
	assert_int_equal(limits_state(other, 0).used, 0);
	assert_true(limits_take(claims, 3, when_ns, &when_ns, &binding));
	assert_int_equal(limits_state(c, when_ns).used, 6);
}

static void a_cell_is_found_again(void **state)
{
	struct limit l = limit_make(LIMIT_ROLLING, 5, HOUR);
	struct limit other = limit_make(LIMIT_SMOOTH, 7, SEC);
	struct limit_cell *cells[3000];

	(void)state;
	assert_int_equal(limits_count(table), 0);
	for (uint64_t i = 0; i < 3000; i++) {
		cells[i] = limits_cell(table, &l, &as_written, i % 3, i / 3, 0);
		assert_non_null(cells[i]);
	}
	assert_int_equal(limits_count(table), 3000);
	for (uint64_t i = 0; i < 3000; i++)
		assert_ptr_equal(limits_cell(table, &other, &as_written, i % 3, i / 3, 0),
				 cells[i]);
	assert_int_equal(limits_count(table), 3000);
	assert_int_equal(limits_state(cells[0], 0).amount, 5);
	assert_false(limits_is_full(table));
}

static void a_full_table_says_so(void **state)
{
	struct limit l = {.unit = LIMIT_CONNECTIONS, .window = LIMIT_AT_ONCE, .amount = 1};
	struct limit_cell *first = NULL;

	(void)state;
	for (uint64_t i = 0; i < LIMITS_CELLS_MAX; i++) {
		struct limit_cell *c = limits_cell(table, &l, &as_written, 1, i, 0);

		assert_non_null(c);
		if (i == 0)
			first = c;
	}
	assert_false(limits_is_full(table));
	assert_null(limits_cell(table, &l, &as_written, 2, 0, 0));
	assert_true(limits_is_full(table));
	assert_int_equal(limits_count(table), LIMITS_CELLS_MAX);
	assert_ptr_equal(limits_cell(table, &l, &as_written, 1, 0, 0), first);
}

static void *make_cells(void *argument)
{
	struct limit_cell **cells = argument;
	struct limit l = limit_make(LIMIT_SMOOTH, 5, HOUR);

	for (uint64_t i = 0; i < 2000; i++)
		cells[i] = limits_cell(table, &l, &as_written, 9, i, 0);
	return NULL;
}

static void threads_find_the_same_cells(void **state)
{
	static struct limit_cell *cells[3][2000];
	pthread_t threads[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_cells, cells[i]), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_memory_equal(cells[0], cells[1], sizeof(cells[0]));
	assert_memory_equal(cells[0], cells[2], sizeof(cells[0]));
	assert_int_equal(limits_count(table), 2000);
}

static void too_fast_a_scale_is_refused(void **state)
{
	struct limit l = {.unit = LIMIT_MESSAGES,
			  .scope = LIMIT_PER_ACCOUNT,
			  .window = LIMIT_FIXED,
			  .amount = 200,
			  .period_ns = HOUR};
	struct err e = {0};

	(void)state;
	assert_int_equal(limits_check_scale(&l, 3600, &e), 0);
	assert_int_equal(limits_check_scale(&l, 0, &e), 0);
	assert_int_equal(limits_check_scale(&l, 276923, &e), 0);
	assert_int_equal(e.status, EXIT_WELL);
	assert_int_equal(limits_check_scale(&l, 276924, &e), -1);
	assert_int_equal(e.status, EXIT_USAGE);
	assert_non_null(strstr(e.text, "at most 276923"));
	assert_non_null(strstr(e.text, "200 messages"));
	l.period_ns = NS_PER_MS;
	assert_int_equal(limits_check_scale(&l, 1, &e), -1);
	assert_non_null(strstr(e.text, "longer period"));
	l.window = LIMIT_AT_ONCE;
	l.period_ns = 0;
	assert_int_equal(limits_check_scale(&l, 1000000, &e), 0);
}

int main(void)
{
#define WITH_TABLE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_TABLE(amounts_are_read_below_headroom),
		WITH_TABLE(scale_divides_the_period),
		cmocka_unit_test(fixed_windows_follow_midnight_and_reset),
		WITH_TABLE(a_sender_keeps_all_windows_smooth),
		WITH_TABLE(connections_are_counted_and_given_back),
		WITH_TABLE(asking_takes_nothing),
		WITH_TABLE(the_too_large_does_not_wait_for_ever),
		WITH_TABLE(several_are_taken_all_or_none),
		WITH_TABLE(a_cell_may_stand_in_several_claims),
		WITH_TABLE(a_cell_is_found_again),
		WITH_TABLE(a_full_table_says_so),
		WITH_TABLE(threads_find_the_same_cells),
		cmocka_unit_test(too_fast_a_scale_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
