/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_governor.c - one path: what it lets go, and when
 */
#include <pthread.h>
#include "path.h"

/* ---- limits ---- */

static void a_budget_is_kept_and_used(void **state)
{
	struct path p;
	uint64_t count;

	(void)state;
	path_begin(&p);
	by_hand_limit(&p.hand, "hourly", LIMIT_MESSAGES, LIMIT_PER_ACCOUNT, 200, HOUR);
	by_hand_limit(&p.hand, "minutely", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 100, MIN);
	path_make(&p);
	count = send_for(&p, 20 * HOUR, 160, HOUR);
	assert_in_range(count, 20 * 160 * 95 / 100, 20 * 160 + 1);
	path_end(&p);
}

static void the_limit_that_binds_is_named(void **state)
{
	struct governor_wait wait;
	struct path p;

	(void)state;
	path_begin(&p);
	by_hand_limit(&p.hand, "hourly", LIMIT_MESSAGES, LIMIT_PER_SITE, 1000, HOUR)->burst = 800;
	by_hand_limit(&p.hand, "at-once", LIMIT_CONNECTIONS, LIMIT_PER_SOURCE, 2, 0);
	by_hand_limit(&p.hand, "second", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 1, SEC);
	path_make(&p);
	assert_true(send(&p, &wait));
	assert_false(send(&p, &wait));
	assert_int_equal(wait.hold, HOLD_LIMIT);
	assert_int_equal(wait.limit, 2);
	assert_true(open_one(&p, &wait));
	/* 20 % below 2 is 1. */
	assert_false(open_one(&p, &wait));
	assert_int_equal(wait.limit, 1);
	assert_true(wait.when_ns == TIME_NEVER);
	close_one(&p, GOVERNOR_QUIT, false);
	assert_true(open_one(&p, &wait));
	close_one(&p, GOVERNOR_QUIT, false);
	path_end(&p);
}

static void what_was_not_used_is_given_back(void **state)
{
	struct governor_wait wait;
	struct governor_charge c;
	struct path p;

	(void)state;
	path_begin(&p);
	p.hand.profile.headroom_millis = 0;
	by_hand_limit(&p.hand, "second", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 1, SEC);
	by_hand_limit(&p.hand, "opened", LIMIT_CONNECTIONS, LIMIT_PER_SOURCE, 1, SEC);
	path_make(&p);
	c = charge_at(p.now_ns);
	for (int i = 0; i < 5; i++) {
		assert_true(send(&p, &wait));
		governor_give_back(p.governor, &c, p.now_ns);
		assert_true(open_one(&p, &wait));
		governor_not_connected(p.governor, p.now_ns);
	}
	assert_int_equal(facts(&p).connections, 0);
	assert_true(send(&p, &wait));
	assert_false(send(&p, &wait));
	/* A connection that was tried counts in its second, whatever became of it. */
	assert_true(open_one(&p, &wait));
	close_one(&p, GOVERNOR_REPLIED, false);
	assert_false(open_one(&p, &wait));
	path_end(&p);
}

static void only_what_is_accepted_counts(void **state)
{
	struct governor_wait wait;
	struct path p;

	(void)state;
	path_begin(&p);
	p.hand.profile.headroom_millis = 0;
	by_hand_limit(&p.hand, "accepted", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 1, HOUR)
		->counts_accepted = true;
	path_make(&p);
	assert_true(send(&p, &wait));
	over(&p, GOVERNOR_REFUSED);
	assert_true(send(&p, &wait));
	/* Whether that one was counted, nobody knows. */
	over(&p, GOVERNOR_BROKEN);
	assert_false(send(&p, &wait));
	path_end(&p);
}

static void octets_are_charged_as_they_were(void **state)
{
	struct governor_charge most, real;
	struct governor_wait wait;
	struct path p;

	(void)state;
	path_begin(&p);
	p.hand.profile.headroom_millis = 0;
	by_hand_limit(&p.hand, "volume", LIMIT_OCTETS, LIMIT_PER_SOURCE, 10000, HOUR)->burst =
		10000;
	path_make(&p);
	most = charge_at(p.now_ns);
	most.octets = 5000;
	real = most;
	real.octets = 1000;
	for (int i = 0; i < 6; i++) {
		assert_true(governor_may_send(p.governor, &most, p.now_ns, &wait));
		governor_adjust(p.governor, &most, &real);
	}
	/* 6000 are used, and 5000 more would be too many. */
	assert_false(governor_may_send(p.governor, &most, p.now_ns, &wait));
	assert_true(governor_may_send(p.governor, &real, p.now_ns, &wait));
	path_end(&p);
}

static void within_a_connection_and_a_message(void **state)
{
	struct path p;

	(void)state;
	path_begin(&p);
	p.params.recipients_most = 10;
	by_hand_limit(&p.hand, "messages", LIMIT_MESSAGES, LIMIT_PER_CONNECTION, 20, 0);
	by_hand_limit(&p.hand, "addressed", LIMIT_RECIPIENTS, LIMIT_PER_CONNECTION, 155, 0);
	by_hand_limit(&p.hand, "recipients", LIMIT_RECIPIENTS, LIMIT_PER_MESSAGE, 100, 0);
	path_make(&p);
	must_open(&p);
	/* Known exactly here: no headroom. */
	assert_int_equal(governor_recipients_max(p.governor), 100);
	assert_int_equal(governor_keep(p.governor, 14, p.now_ns), GOVERNOR_KEEP);
	assert_int_equal(governor_keep(p.governor, 15, p.now_ns), GOVERNOR_USED_UP);
	close_one(&p, GOVERNOR_QUIT, true);
	path_end(&p);
}

/* ---- connections that fail ---- */

static void five_failures_are_a_rest(void **state)
{
	struct governor_wait wait;
	struct path p;

	(void)state;
	path_begin(&p);
	path_make(&p);
	for (int i = 0; i < 5; i++) {
		assert_true(open_one(&p, &wait));
		close_one(&p, GOVERNOR_DROPPED, false);
	}
	assert_false(open_one(&p, &wait));
	assert_int_equal(wait.hold, HOLD_REST);
	assert_int_equal(facts(&p).dropped, 5);
	assert_int_equal(facts(&p).rests, 1);
	path_end(&p);
}

/* While one stands, the path works: what is refused is one connection too many. */
static void not_while_another_stands(void **state)
{
	struct governor_wait wait;
	struct path p;

	(void)state;
	path_begin(&p);
	path_make(&p);
	must_open(&p);
	for (int i = 0; i < 50; i++) {
		assert_true(open_one(&p, &wait));
		close_one(&p, GOVERNOR_REPLIED, false);
	}
	/* Nor are our own faults the server's. */
	close_one(&p, GOVERNOR_QUIT, true);
	for (int i = 0; i < 50; i++) {
		assert_true(open_one(&p, &wait));
		close_one(&p, GOVERNOR_LOCAL, false);
	}
	assert_int_equal(facts(&p).rests, 0);
	assert_int_equal(facts(&p).connections, 0);
	path_end(&p);
}

/* ---- adaptive control ---- */

static void adaptive_control_alone(void **state)
{
	struct governor_wait wait;
	struct path p;
	int opened = 0;

	(void)state;
	begin_pausing(&p);
	p.params.profile = NULL;
	p.params.does_adapt = true;
	p.params.interval_ns = SEC;
	p.params.sessions = 40;
	path_make(&p);
	while (open_one(&p, &wait)) {
		governor_connected(p.governor, p.now_ns);
		opened++;
	}
	assert_in_range(opened, 1, 39);
	assert_int_equal(wait.hold, HOLD_CONNECTIONS);
	assert_true(wait.when_ns > p.now_ns && wait.when_ns <= p.now_ns + SEC);
	while (send(&p, &wait))
		over(&p, GOVERNOR_ACCEPTED);
	assert_int_equal(wait.hold, HOLD_RATE);
	assert_int_equal(facts(&p).cuts, 0);
	(void)reply(&p, 455, "too fast", PHASE_MAIL, 0);
	assert_int_equal(facts(&p).cuts, 1);
	assert_true(facts(&p).rate_refused_micro > 0);
	path_end(&p);
}

/* What the profile says is never passed, however well it goes. */
static void adaptive_control_within_a_profile(void **state)
{
	struct path p;

	(void)state;
	path_begin(&p);
	by_hand_limit(&p.hand, "minutely", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 600, MIN);
	p.params.does_adapt = true;
	path_make(&p);
	assert_in_range(send_for(&p, 10 * MIN, 480, MIN), 480 * 9, 480 * 10 + 10);
	path_end(&p);
}

/* ---- threads ---- */

struct thread {
	struct path *path;
	uint64_t sent;
};

static void *hammer(void *arg)
{
	struct thread *t = arg;
	struct governor *g = t->path->governor;

	for (int i = 0; i < 20000; i++) {
		struct governor_charge c = charge_at(t->path->now_ns);
		struct governor_wait wait;

		if (governor_may_connect(g, t->path->now_ns, &wait)) {
			governor_connected(g, t->path->now_ns);
			governor_closed(g,
					&(struct governor_closing){.end = GOVERNOR_QUIT,
								   .was_greeted = true},
					t->path->now_ns);
		}
		if (governor_may_send(g, &c, t->path->now_ns, &wait)) {
			governor_over(g, &c, i % 2 ? GOVERNOR_ACCEPTED : GOVERNOR_BROKEN,
				      t->path->now_ns);
			t->sent++;
		}
	}
	return NULL;
}

static void threads_share_one_budget(void **state)
{
	struct thread threads[3];
	pthread_t ids[3];
	uint64_t sent = 0;
	struct path p;

	(void)state;
	path_begin(&p);
	p.hand.profile.headroom_millis = 0;
	by_hand_limit(&p.hand, "hourly", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 30000, HOUR)->burst =
		30000;
	by_hand_limit(&p.hand, "connections", LIMIT_CONNECTIONS, LIMIT_PER_SOURCE, 2, 0);
	path_make(&p);
	for (int i = 0; i < 3; i++) {
		threads[i] = (struct thread){.path = &p};
		assert_int_equal(pthread_create(&ids[i], NULL, hammer, &threads[i]), 0);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(ids[i], NULL);
		sent += threads[i].sent;
	}
	assert_int_equal(sent, 30000);
	assert_int_equal(facts(&p).connections, 0);
	assert_in_range(facts(&p).connections_peak, 1, 2);
	path_end(&p);
}

static void intervals_follow_the_windows(void **state)
{
	struct by_hand hand;

	(void)state;
	assert_true(governor_interval_ns(NULL) == MIN);
	by_hand_init(&hand, "none");
	assert_true(governor_interval_ns(&hand.profile) == MIN);
	by_hand_limit(&hand, "daily", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 1000, 24 * HOUR);
	assert_true(governor_interval_ns(&hand.profile) == HOUR);
	by_hand_limit(&hand, "quick", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 14, 30 * SEC);
	by_hand_limit(&hand, "opened", LIMIT_CONNECTIONS, LIMIT_PER_SOURCE, 14, SEC);
	assert_true(governor_interval_ns(&hand.profile) == 30 * SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_budget_is_kept_and_used),
		cmocka_unit_test(the_limit_that_binds_is_named),
		cmocka_unit_test(what_was_not_used_is_given_back),
		cmocka_unit_test(only_what_is_accepted_counts),
		cmocka_unit_test(octets_are_charged_as_they_were),
		cmocka_unit_test(within_a_connection_and_a_message),
		cmocka_unit_test(five_failures_are_a_rest),
		cmocka_unit_test(not_while_another_stands),
		cmocka_unit_test(adaptive_control_alone),
		cmocka_unit_test(adaptive_control_within_a_profile),
		cmocka_unit_test(threads_share_one_budget),
		cmocka_unit_test(intervals_follow_the_windows),
	};

	return cmocka_run_group_tests_name("pace: governor", tests, NULL, NULL);
}
