/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_tally.c - every count is kept, bounded in memory, and comes out in order
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "stats/tally.h"

static void counts_and_keeps_the_first_sample(void **state)
{
	const struct tally_entry *entry;
	struct tally t;

	(void)state;
	tally_init(&t, TALLY_KEYS_MAX);
	assert_null(tally_find(&t, 1));
	tally_add(&t, 1, SPAN("first"));
	tally_add(&t, 2, SPAN("other"));
	tally_add(&t, 1, SPAN("second"));
	tally_add(&t, 1, SPAN("third"));
	tally_add(&t, 0, SPAN(""));
	tally_add(&t, 0, SPAN("late"));
	entry = tally_find(&t, 1);
	assert_int_equal(entry->count, 3);
	assert_true(span_equal(tally_sample(entry), SPAN("first")));
	assert_int_equal(tally_find(&t, 0)->count, 2);
	assert_null(tally_find(&t, 3));
	assert_int_equal(t.total, 6);
	assert_int_equal(t.entry_count, 3);
	tally_fini(&t);
	assert_int_equal(t.total, 0);
}

static void cuts_long_samples(void **state)
{
	char text[TALLY_SAMPLE_MAX + 100];
	struct tally t;

	(void)state;
	memset(text, '\x1b', sizeof(text));
	tally_init(&t, 1);
	tally_add(&t, 7, (struct span){text, sizeof(text)});
	assert_int_equal(tally_find(&t, 7)->sample_len, TALLY_SAMPLE_MAX);
	assert_memory_equal(tally_find(&t, 7)->sample, text, TALLY_SAMPLE_MAX);
	tally_fini(&t);
}

static void keys_are_bounded(void **state)
{
	struct tally t;

	(void)state;
	tally_init(&t, 100);
	for (uint64_t round = 0; round < 3; round++)
		for (uint64_t key = 0; key < 1000; key++)
			tally_add(&t, key << 40, key == 100 ? SPAN("one too many") : SPAN("x"));
	assert_int_equal(t.entry_count, 100);
	for (uint64_t key = 0; key < 100; key++)
		assert_int_equal(tally_find(&t, key << 40)->count, 3);
	assert_null(tally_find(&t, UINT64_C(100) << 40));
	assert_int_equal(t.others.count, 3 * 900);
	assert_true(span_equal(tally_sample(&t.others), SPAN("one too many")));
	assert_int_equal(t.total, 3000);
	tally_fini(&t);
}

static void many_keys_are_all_found(void **state)
{
	struct tally t;

	(void)state;
	tally_init(&t, TALLY_KEYS_MAX);
	for (uint64_t key = 0; key < TALLY_KEYS_MAX; key++)
		for (uint64_t n = 0; n <= key % 3; n++)
			tally_add(&t, key * UINT64_C(0x100000001), SPAN("s"));
	assert_int_equal(t.entry_count, TALLY_KEYS_MAX);
	for (uint64_t key = 0; key < TALLY_KEYS_MAX; key++)
		assert_int_equal(tally_find(&t, key * UINT64_C(0x100000001))->count, key % 3 + 1);
	tally_fini(&t);
}

/* What is at hand from before the array moved, or was emptied, is no longer counted into. */
static void growing_and_clearing_forget_nothing_else(void **state)
{
	struct tally t;
	uint64_t expected = 0;

	(void)state;
	tally_init(&t, TALLY_KEYS_MAX);
	for (uint64_t key = 0; key < 3000; key++) {
		tally_add(&t, key, SPAN("new"));
		for (uint64_t old = 0; old < 8 && old <= key; old++)
			tally_add(&t, old, SPAN("old"));
	}
	for (uint64_t key = 0; key < 8; key++)
		assert_int_equal(tally_find(&t, key)->count, 1 + 3000 - key);
	for (uint32_t i = 0; i < t.entry_count; i++)
		expected += t.entries[i].count;
	assert_int_equal(t.total, expected);
	tally_clear(&t);
	assert_null(tally_find(&t, 7));
	tally_add(&t, 7, SPAN("again"));
	assert_int_equal(tally_find(&t, 7)->count, 1);
	assert_true(span_equal(tally_sample(tally_find(&t, 7)), SPAN("again")));
	assert_int_equal(t.total, 1);
	tally_fini(&t);
}

static void ranks_by_count_then_key(void **state)
{
	static const uint64_t expected[] = {30, 10, 40, 20};
	const struct tally_entry **ranked;
	struct tally t;
	size_t count = 77;

	(void)state;
	tally_init(&t, 4);
	assert_null(tally_rank(&t, &count));
	assert_int_equal(count, 0);
	tally_add_slow(&t, 20, 1, SPAN("x"));
	tally_add_slow(&t, 40, 5, SPAN("x"));
	tally_add_slow(&t, 10, 5, SPAN("x"));
	tally_add_slow(&t, 30, UINT64_C(1) << 40, SPAN("x"));
	tally_add_slow(&t, 50, 99, SPAN("x"));
	ranked = tally_rank(&t, &count);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(ranked[i]->key, expected[i]);
	free(ranked);
	assert_int_equal(t.others.count, 99);
	tally_fini(&t);
}

static void merges(void **state)
{
	struct tally a, b, empty;

	(void)state;
	tally_init(&a, 3);
	tally_init(&b, 3);
	tally_init(&empty, 3);
	tally_add(&a, 1, SPAN("a1"));
	tally_add(&a, 2, SPAN(""));
	tally_add(&b, 2, SPAN("b2"));
	tally_add(&b, 2, SPAN("b2"));
	tally_add(&b, 3, SPAN("b3"));
	tally_add(&b, 4, SPAN("b4"));
	tally_add(&b, 5, SPAN("b5"));
	tally_merge(&a, &b);
	assert_int_equal(a.total, 7);
	assert_int_equal(tally_find(&a, 1)->count, 1);
	assert_int_equal(tally_find(&a, 2)->count, 3);
	assert_true(span_equal(tally_sample(tally_find(&a, 2)), SPAN("b2")));
	assert_int_equal(tally_find(&a, 3)->count, 1);
	assert_int_equal(a.others.count, 2);
	assert_true(span_equal(tally_sample(&a.others), SPAN("b4")));
	tally_merge(&a, &empty);
	assert_int_equal(a.total, 7);
	tally_merge(&empty, &a);
	assert_int_equal(empty.total, 7);
	assert_int_equal(empty.others.count, 2);
	tally_fini(&a);
	tally_fini(&b);
	tally_fini(&empty);
}

static void keys_are_taken_apart_again(void **state)
{
	const struct tally_reply cases[] = {
		{0, 0, 0, 0, 0},
		{3, 250, 2, 1, 5},
		{65535, 599, 5, 999, 999},
		{1, 421, 4, 7, 28},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally_reply r = tally_reply_of(tally_reply_key(cases[i]));

		assert_int_equal(r.command, cases[i].command);
		assert_int_equal(r.code, cases[i].code);
		assert_int_equal(r.class, cases[i].class);
		assert_int_equal(r.subject, cases[i].subject);
		assert_int_equal(r.detail, cases[i].detail);
		for (size_t j = 0; j < i; j++)
			assert_true(tally_reply_key(cases[i]) != tally_reply_key(cases[j]));
	}
	assert_int_equal(tally_pair_first(tally_pair_key(4000000000, 7)), 4000000000);
	assert_int_equal(tally_pair_second(tally_pair_key(4000000000, 7)), 7);
	assert_true(tally_text_key(SPAN("TLSv1.3")) == tally_text_key(SPAN("TLSv1.3")));
	assert_true(tally_text_key(SPAN("TLSv1.3")) != tally_text_key(SPAN("TLSv1.2")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_and_keeps_the_first_sample),
		cmocka_unit_test(cuts_long_samples),
		cmocka_unit_test(keys_are_bounded),
		cmocka_unit_test(many_keys_are_all_found),
		cmocka_unit_test(growing_and_clearing_forget_nothing_else),
		cmocka_unit_test(ranks_by_count_then_key),
		cmocka_unit_test(merges),
		cmocka_unit_test(keys_are_taken_apart_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
