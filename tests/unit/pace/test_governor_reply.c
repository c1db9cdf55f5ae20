/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_governor_reply.c - one path: what it does about replies
 */
#include "path.h"

/* ---- pauses ---- */

static void nothing_goes_in_a_pause(void **state)
{
	struct governor_reaction r;
	struct governor_wait wait;
	struct path p;
	int64_t began_ns;

	(void)state;
	begin_pausing(&p);
	path_make(&p);
	began_ns = p.now_ns;
	must_open(&p);
	assert_true(send(&p, &wait));
	r = reply(&p, 421, "4.7.0 slow down", PHASE_MAIL, 0);
	assert_true(r.pause_ns == 10 * MIN && r.scope == SCOPE_SOURCE && r.asked_less);
	over(&p, GOVERNOR_THROTTLED);
	assert_int_equal(governor_keep(p.governor, 1, p.now_ns), GOVERNOR_PAUSED);
	close_one(&p, GOVERNOR_REPLIED, true);
	for (p.now_ns = began_ns; p.now_ns < began_ns + 10 * MIN; p.now_ns += 7 * SEC) {
		assert_true(governor_is_paused(p.governor, p.now_ns));
		assert_false(send(&p, &wait));
		assert_int_equal(wait.hold, HOLD_PAUSE);
		assert_true(wait.when_ns == began_ns + 10 * MIN);
		assert_false(open_one(&p, &wait));
		assert_int_equal(wait.hold, HOLD_PAUSE);
	}
	assert_int_equal(facts(&p).pauses, 1);
	assert_int_equal(facts(&p).throttled, 1);
	assert_int_equal(facts(&p).connections, 0);
	path_end(&p);
}

/* One connection, one message on it, and what becomes of that decides. */
static void one_probe_ends_a_pause(void **state)
{
	struct governor_wait wait;
	struct path p;

	(void)state;
	begin_pausing(&p);
	path_make(&p);
	must_open(&p);
	(void)reply(&p, 421, "4.7.0 slow down", PHASE_SESSION, 0);
	close_one(&p, GOVERNOR_REPLIED, true);
	p.now_ns += 10 * MIN;
	assert_true(open_one(&p, &wait));
	assert_false(open_one(&p, &wait));
	assert_true(wait.when_ns == TIME_NEVER);
	governor_connected(p.governor, p.now_ns);
	assert_true(send(&p, &wait));
	assert_false(send(&p, &wait));
	assert_false(open_one(&p, &wait));
	/* Refused again: the pause begins anew. */
	(void)reply(&p, 421, "4.7.0 slow down", PHASE_MAIL, 0);
	over(&p, GOVERNOR_THROTTLED);
	close_one(&p, GOVERNOR_REPLIED, true);
	assert_false(open_one(&p, &wait));
	assert_true(wait.when_ns >= p.now_ns + 10 * MIN);
	p.now_ns = wait.when_ns;
	assert_true(open_one(&p, &wait));
	governor_connected(p.governor, p.now_ns);
	assert_true(send(&p, &wait));
	over(&p, GOVERNOR_ACCEPTED);
	/* Open again, bit by bit: not all ten connections at once, but all of them in a minute. */
	for (int i = 0; i < 9; i++)
		if (open_one(&p, &wait))
			governor_connected(p.governor, p.now_ns);
	assert_in_range(facts(&p).connections, 1, 3);
	p.now_ns += MIN;
	while (facts(&p).connections < 10)
		must_open(&p);
	path_end(&p);
}

/* The probe's connection ends before a message was on it: another one may go. */
static void a_probe_that_comes_to_nothing(void **state)
{
	struct governor_wait wait;
	struct path p;

	(void)state;
	begin_pausing(&p);
	path_make(&p);
	governor_pause(p.governor, MIN, p.now_ns);
	p.now_ns += MIN;
	assert_true(open_one(&p, &wait));
	governor_not_connected(p.governor, p.now_ns);
	assert_true(open_one(&p, &wait));
	governor_connected(p.governor, p.now_ns);
	close_one(&p, GOVERNOR_QUIT, true);
	assert_true(open_one(&p, &wait));
	/* This one finds the server gone: a rest. */
	close_one(&p, GOVERNOR_DROPPED, false);
	assert_false(open_one(&p, &wait));
	assert_int_equal(wait.hold, HOLD_REST);
	assert_true(wait.when_ns > p.now_ns && wait.when_ns != TIME_NEVER);
	assert_int_equal(facts(&p).rests, 1);
	path_end(&p);
}

static void a_trigger_takes_three(void **state)
{
	struct path p;

	(void)state;
	begin_pausing(&p);
	path_make(&p);
	assert_true(reply(&p, 451, "4.3.2 busy", PHASE_RCPT, 0).pause_ns == 0);
	p.now_ns += 50 * SEC;
	assert_true(reply(&p, 451, "4.3.2 busy", PHASE_RCPT, 0).pause_ns == 0);
	/* The first one is over a minute ago by now. */
	p.now_ns += 11 * SEC;
	assert_true(reply(&p, 451, "4.3.2 busy", PHASE_RCPT, 0).pause_ns == 0);
	p.now_ns += 11 * SEC;
	assert_true(reply(&p, 451, "4.3.2 busy", PHASE_RCPT, 0).pause_ns == 5 * MIN);
	assert_true(governor_is_paused(p.governor, p.now_ns));
	assert_int_equal(facts(&p).throttled, 4);
	path_end(&p);
}

static void until_the_window_ends(void **state)
{
	struct path p;
	struct limit *l;

	(void)state;
	begin_pausing(&p);
	l = by_hand_limit(&p.hand, "daily", LIMIT_MESSAGES, LIMIT_PER_ACCOUNT, 500, 24 * HOUR);
	l->window = LIMIT_FIXED;
	/* Wall time is the monotonic one here: at 1000 s the day has 23:43:20 left. */
	path_make(&p);
	assert_true(reply(&p, 452, "quota", PHASE_MAIL, 0).pause_ns == 24 * HOUR - 1000 * SEC);
	path_end(&p);
	begin_pausing(&p);
	by_hand_limit(&p.hand, "daily", LIMIT_MESSAGES, LIMIT_PER_ACCOUNT, 500, 24 * HOUR);
	p.params.scale = 3600;
	path_make(&p);
	assert_true(reply(&p, 452, "quota", PHASE_MAIL, 0).pause_ns == 24 * SEC);
	path_end(&p);
}

static void some_replies_are_nothing_to_a_path(void **state)
{
	struct governor_reaction r;
	struct governor_wait wait;
	struct path p;

	(void)state;
	begin_pausing(&p);
	path_make(&p);
	must_open(&p);
	for (int i = 0; i < 100; i++) {
		r = reply(&p, 450, "4.2.2 mailbox full", PHASE_RCPT, 0);
		assert_true(r.order == ORDER_NONE && r.pause_ns == 0 && !r.asked_less);
	}
	assert_true(send(&p, &wait));
	over(&p, GOVERNOR_REFUSED);
	assert_int_equal(facts(&p).throttled, 0);
	assert_int_equal(facts(&p).cuts, 0);
	assert_int_equal(reply(&p, 535, "5.7.8 no", PHASE_AUTH, 0).order, ORDER_ABORT);
	close_one(&p, GOVERNOR_QUIT, true);
	path_end(&p);
}

/* ---- dials without adaptive control ---- */

static void a_path_is_slowed_and_recovers(void **state)
{
	uint64_t usual, slowed;
	struct path p;

	(void)state;
	begin_pausing(&p);
	p.hand.profile.headroom_millis = 0;
	by_hand_limit(&p.hand, "minutely", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 1000, MIN);
	p.params.interval_ns = MIN;
	path_make(&p);
	usual = send_for(&p, MIN, 1000, MIN);
	/* Twice within the interval: that was one reason. */
	(void)reply(&p, 455, "too fast", PHASE_MAIL, 0);
	(void)reply(&p, 455, "too fast", PHASE_MAIL, 0);
	assert_int_equal(facts(&p).cuts, 1);
	slowed = send_for(&p, MIN, 1000, MIN);
	assert_in_range(slowed, usual * 45 / 100, usual * 60 / 100);
	p.now_ns += 6 * MIN;
	assert_in_range(send_for(&p, MIN, 1000, MIN), usual * 97 / 100, usual * 103 / 100);
	path_end(&p);
}

static void fewer_connections(void **state)
{
	struct governor_wait wait;
	struct path p;

	(void)state;
	begin_pausing(&p);
	p.params.interval_ns = MIN;
	path_make(&p);
	for (int i = 0; i < 8; i++)
		must_open(&p);
	(void)reply(&p, 456, "too many", PHASE_BANNER, 0);
	assert_false(open_one(&p, &wait));
	assert_int_equal(wait.hold, HOLD_CONNECTIONS);
	/* Four too many: told one by one, and never below what may stay. */
	for (int i = 0; i < 4; i++)
		assert_int_equal(governor_keep(p.governor, 1, p.now_ns), GOVERNOR_SURPLUS);
	assert_int_equal(governor_keep(p.governor, 1, p.now_ns), GOVERNOR_KEEP);
	for (int i = 0; i < 4; i++)
		governor_closed(p.governor,
				&(struct governor_closing){.end = GOVERNOR_QUIT,
							   .was_greeted = true,
							   .was_surplus = true},
				p.now_ns);
	assert_int_equal(facts(&p).connections, 4);
	/* One more for each quiet interval. */
	p.now_ns += MIN;
	assert_true(open_one(&p, &wait));
	assert_false(open_one(&p, &wait));
	path_end(&p);
}

static void messages_per_connection_are_learned(void **state)
{
	struct governor_reaction r;
	struct path p;

	(void)state;
	begin_pausing(&p);
	path_make(&p);
	must_open(&p);
	assert_int_equal(governor_keep(p.governor, 50, p.now_ns), GOVERNOR_KEEP);
	r = reply(&p, 454, "enough on this one", PHASE_MAIL, 20);
	assert_int_equal(r.order, ORDER_CLOSE);
	assert_int_equal(governor_keep(p.governor, 19, p.now_ns), GOVERNOR_KEEP);
	assert_int_equal(governor_keep(p.governor, 20, p.now_ns), GOVERNOR_USED_UP);
	assert_int_equal(facts(&p).messages_per_connection, 20);
	path_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_goes_in_a_pause),
		cmocka_unit_test(one_probe_ends_a_pause),
		cmocka_unit_test(a_probe_that_comes_to_nothing),
		cmocka_unit_test(a_trigger_takes_three),
		cmocka_unit_test(until_the_window_ends),
		cmocka_unit_test(some_replies_are_nothing_to_a_path),
		cmocka_unit_test(a_path_is_slowed_and_recovers),
		cmocka_unit_test(fewer_connections),
		cmocka_unit_test(messages_per_connection_are_learned),
	};

	return cmocka_run_group_tests_name("pace: governor's replies", tests, NULL, NULL);
}
