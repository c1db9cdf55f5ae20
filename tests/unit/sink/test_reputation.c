/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_reputation.c - how a client's standing rises, falls and heals
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "sink/reputation.h"

static const struct profile_reputation model = {
	.is_given = true,
	.share_millis = {50, 300, 1000, 10},
	.rise_messages = 3,
	.fall_refusals = 4,
	.fall_ns = 60 * NS_PER_SEC,
	.heal_ns = 3600 * NS_PER_SEC,
};

static enum reputation accept(struct standing *s, int count)
{
	struct reputation_move move = {0};

	for (int i = 0; i < count; i++)
		move = standing_accepted(s, &model, 0);
	return move.to;
}

static void test_rise(void **state)
{
	struct reputations *r = reputations_new(1);
	struct standing *s = reputations_find(r, 7, REPUTATION_NEW);
	struct reputation_move move;

	(void)state;
	assert_ptr_equal(s, reputations_find(r, 7, REPUTATION_POOR));
	assert_int_equal(accept(s, 2), REPUTATION_NEW);
	/* A refusal is a break: it begins anew. */
	move = standing_refused(s, &model, 0);
	assert_int_equal(move.to, REPUTATION_NEW);
	assert_int_equal(accept(s, 2), REPUTATION_NEW);
	move = standing_accepted(s, &model, 0);
	assert_int_equal(move.from, REPUTATION_NEW);
	assert_int_equal(move.to, REPUTATION_WARMING);
	assert_int_equal(accept(s, 3), REPUTATION_GOOD);
	assert_int_equal(accept(s, 30), REPUTATION_GOOD);
	reputations_free(r);
}

static void test_fall_and_heal(void **state)
{
	(void)state;
	for (uint32_t scale = 1; scale <= 60; scale += 59) {
		struct reputations *r = reputations_new(scale);
		struct standing *s = reputations_find(r, 7, REPUTATION_GOOD);
		int64_t now_ns = 1000 * NS_PER_SEC, step_ns = 30 * NS_PER_SEC / scale;
		uint64_t counts[REPUTATION_COUNT];

		/* Too slow to matter. */
		for (int i = 0; i < 10; i++, now_ns += step_ns)
			assert_int_equal(standing_refused(s, &model, now_ns).to, REPUTATION_GOOD);
		now_ns += 2 * step_ns;
		for (int i = 0; i < 4; i++, now_ns += step_ns / 10)
			assert_int_equal(standing_refused(s, &model, now_ns).to,
					 i < 3 ? REPUTATION_GOOD : REPUTATION_POOR);
		assert_int_equal(accept(s, 100), REPUTATION_POOR);
		/* Each refusal renews the wait. */
		now_ns += 119 * step_ns;
		assert_int_equal(standing_refused(s, &model, now_ns).to, REPUTATION_POOR);
		assert_int_equal(standing_level(s, &model, now_ns + 119 * step_ns),
				 REPUTATION_POOR);
		assert_int_equal(standing_level(s, &model, now_ns + 120 * step_ns),
				 REPUTATION_WARMING);
		reputations_count(r, counts);
		assert_int_equal(counts[REPUTATION_WARMING], 1);
		reputations_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rise),
		cmocka_unit_test(test_fall_and_heal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
