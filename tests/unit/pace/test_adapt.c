/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_adapt.c - the two dials of adaptive control, step by step
 *
 * How they fare against whole servers is measured in tests/property/test_adapt.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/clock.h"
#include "pace/adapt.h"

#define MICRO	 UINT64_C(1000000)
#define INTERVAL (60 * NS_PER_SEC)
#define LATENCY	 (10 * NS_PER_MS)

static const struct adapt_params usual = {
	.rate_low = 1,
	.rate_high = 1000 * MICRO,
	.rate_first = 10 * MICRO,
	.connections_low = 1,
	.connections_high = 50,
	.connections_first = 5,
	.interval_ns = INTERVAL,
};

static void accept_at(struct adapt *a, int64_t now)
{
	adapt_tell(a, ADAPT_ACCEPTED, DIAL_NONE, false, 1, now);
}

static void refuse_rate_at(struct adapt *a, int64_t now)
{
	adapt_tell(a, ADAPT_REFUSED, DIAL_RATE, false, 1, now);
}

/*
 * One session that sends whatever may go, until now is reached, and is answered after LATENCY.
 * Returns how many went. *now is where it stands then.
 */
static uint64_t send_until(struct adapt *a, int64_t *now, int64_t until)
{
	uint64_t sent = 0;
	int64_t when = 0;

	while (*now < until) {
		if (adapt_take(a, *now, &when)) {
			*now += LATENCY;
			accept_at(a, *now);
			sent++;
		} else {
			assert_true(when > *now);
			*now = when;
		}
	}
	return sent;
}

static void messages_are_spaced_evenly(void **state)
{
	struct adapt *a = adapt_new(&usual, 0);
	int64_t when = 0;

	(void)state;
	assert_true(adapt_take(a, 0, &when));
	assert_false(adapt_take(a, 0, &when));
	assert_true(when == 100 * NS_PER_MS);
	assert_false(adapt_take(a, when - 1, &when));
	assert_true(adapt_take(a, when, &when));
	/* A slot missed by a late timer is made up for, an idle minute is not. */
	assert_true(adapt_take(a, 203 * NS_PER_MS, &when));
	assert_false(adapt_take(a, 299 * NS_PER_MS, &when));
	assert_true(when == 300 * NS_PER_MS);
	assert_true(adapt_take(a, 60 * NS_PER_SEC, &when));
	assert_false(adapt_take(a, 60 * NS_PER_SEC, &when));
	adapt_free(a);
}

static void it_grows_while_it_binds(void **state)
{
	struct adapt *a = adapt_new(&usual, 0);
	int64_t now = 0, when;

	(void)state;
	send_until(a, &now, 3 * NS_PER_SEC);
	assert_true(adapt_rate(a) > 20 * MICRO);
	/* One session is good for a hundred a second: the dial does not run away from that. */
	send_until(a, &now, 60 * NS_PER_SEC);
	assert_true(adapt_rate(a) >= 100 * MICRO && adapt_rate(a) <= 320 * MICRO);
	adapt_free(a);

	a = adapt_new(&usual, 0);
	for (now = 0; now < 60 * NS_PER_SEC; now += NS_PER_SEC) {
		assert_true(adapt_take(a, now, &when));
		accept_at(a, now + LATENCY);
	}
	assert_true(adapt_rate(a) == 10 * MICRO);
	adapt_free(a);
}

static void it_keeps_its_bounds(void **state)
{
	struct adapt_params p = usual;
	struct adapt *a;
	int64_t now = 0, when;

	(void)state;
	p.rate_high = 30 * MICRO;
	p.rate_low = 9 * MICRO;
	a = adapt_new(&p, 0);
	send_until(a, &now, 30 * NS_PER_SEC);
	assert_true(adapt_rate(a) == 30 * MICRO);
	for (int i = 0; i < 50; i++) {
		while (!adapt_take(a, now, &when))
			now = when;
		refuse_rate_at(a, now += LATENCY);
		while (!adapt_take(a, now, &when))
			now = when;
		accept_at(a, now += LATENCY);
	}
	assert_true(adapt_rate(a) == 9 * MICRO);
	adapt_free(a);
}

/* After a refusal nothing goes but one probe at a time, further and further apart. */
static void it_rests_and_probes(void **state)
{
	struct adapt *a = adapt_new(&usual, 0);
	int64_t now = 0, when = 0, wait = 0, refused;
	int probes = 0;

	(void)state;
	send_until(a, &now, 5 * NS_PER_SEC);
	assert_true(adapt_rate_refused(a) == 0);
	while (!adapt_take(a, now, &when))
		now = when;
	refused = now += LATENCY;
	refuse_rate_at(a, now);
	assert_true(adapt_rate_refused(a) == adapt_rate(a));
	/* What was under way is answered: no news of the limit, but of how long answers take. */
	refuse_rate_at(a, now + LATENCY / 2);
	while (now < refused + 10 * NS_PER_SEC) {
		if (!adapt_take(a, now, &when)) {
			assert_true(when > now);
			now = when;
			continue;
		}
		assert_false(adapt_take(a, now, &when));
		assert_true(now - refused >= LATENCY + LATENCY / 2);
		if (probes++ > 0)
			assert_true(now - wait > LATENCY);
		wait = now;
		refuse_rate_at(a, now += LATENCY);
	}
	/* Each wait is half as long again: ten seconds take a handful. */
	assert_in_range(probes, 5, 20);
	while (!adapt_take(a, now, &when))
		now = when;
	accept_at(a, now += LATENCY);
	assert_true(adapt_rate(a) < adapt_rate_refused(a));
	/* It goes on, one by one. */
	assert_true(send_until(a, &now, now + NS_PER_SEC) > 0);
	adapt_free(a);
}

/* A probe of which nothing is ever heard, or that did not go, is not the end. */
static void a_lost_probe_is_followed_by_another(void **state)
{
	struct adapt *a = adapt_new(&usual, 0);
	int64_t now = 0, when = 0, first;

	(void)state;
	send_until(a, &now, NS_PER_SEC);
	refuse_rate_at(a, now);
	while (!adapt_take(a, now, &when))
		now = when;
	first = now;
	assert_false(adapt_take(a, now, &when));
	adapt_give_back(a, now);
	assert_true(adapt_take(a, now, &when));
	while (!adapt_take(a, now, &when))
		now = when;
	assert_true(now > first && now < first + NS_PER_SEC);
	/* Refused for a reason of its own, it has passed. */
	adapt_tell(a, ADAPT_ENDED, DIAL_NONE, false, 1, now + LATENCY);
	assert_true(send_until(a, &now, now + NS_PER_SEC) > 1);
	adapt_free(a);
}

/* A limit of 20 in a second, refused beyond: it stays below, and is refused seldom. */
static void a_window_is_learned(void **state)
{
	struct adapt *a = adapt_new(&usual, 0);
	uint64_t accepted = 0, refused = 0, in_window = 0;
	int64_t now = 0, when, window = -1;

	(void)state;
	while (now < 120 * NS_PER_SEC) {
		if (!adapt_take(a, now, &when)) {
			now = when;
			continue;
		}
		if (now / NS_PER_SEC != window) {
			window = now / NS_PER_SEC;
			in_window = 0;
		}
		now += LATENCY;
		if (in_window++ < 20)
			accept_at(a, now);
		else
			refuse_rate_at(a, now);
		if (now < 60 * NS_PER_SEC)
			continue;
		accepted += in_window <= 20;
		refused += in_window > 20;
	}
	assert_true(accepted > 60 * 18);
	assert_true(refused * 50 < accepted);
	adapt_free(a);
}

/* ---- which dial ---- */

static void the_reply_says_which_dial(void **state)
{
	static const struct {
		enum pace_dial dial;
		bool is_before_mail, cuts_rate, cuts_connections;
	} rows[] = {
		{DIAL_RATE, false, true, false},
		{DIAL_RATE, true, true, false},
		{DIAL_SUSPEND, false, true, false},
		{DIAL_CONNECTIONS, true, false, true},
		{DIAL_CONNECTIONS, false, false, true},
		{DIAL_NONE, false, true, false},
		{DIAL_NONE, true, false, true},
		{DIAL_MESSAGES_PER_CONNECTION, false, false, false},
		{DIAL_RECIPIENTS_PER_MESSAGE, false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct adapt *a = adapt_new(&usual, 0);

		adapt_tell(a, ADAPT_REFUSED, rows[i].dial, rows[i].is_before_mail, 4, 1000);
		assert_int_equal(adapt_rate_refused(a) != 0, rows[i].cuts_rate);
		assert_int_equal(adapt_connections_refused(a) != 0, rows[i].cuts_connections);
		assert_int_equal(adapt_connections(a, 1000), rows[i].cuts_connections ? 3 : 5);
		adapt_free(a);
	}
}

/* ---- connections ---- */

/* Opens what may be open, up to a limit beyond which each is refused; a message on each. */
static uint32_t open_all(struct adapt *a, uint32_t open, uint32_t limit, int64_t now,
			 uint32_t *ret_refused)
{
	while (open < adapt_connections(a, now)) {
		if (open + 1 > limit) {
			adapt_tell(a, ADAPT_REFUSED, DIAL_CONNECTIONS, true, open + 1, now);
			++*ret_refused;
			break;
		}
		open++;
		adapt_tell(a, ADAPT_CONNECTED, DIAL_NONE, true, open, now);
	}
	for (uint32_t i = 0; i < open; i++)
		adapt_tell(a, ADAPT_ACCEPTED, DIAL_NONE, false, open, now);
	return open;
}

static void connections_stay_below_and_follow(void **state)
{
	struct adapt *a = adapt_new(&usual, 0);
	uint32_t open = 0, refused = 0, found;
	int64_t now = 0;

	(void)state;
	for (; now < INTERVAL; now += NS_PER_SEC / 10)
		open = open_all(a, open, 12, now, &refused);
	assert_int_equal(open, 12);
	assert_int_equal(adapt_connections_refused(a), 13);
	found = refused;
	for (; now < 11 * INTERVAL; now += NS_PER_SEC / 10)
		open = open_all(a, open, 12, now, &refused);
	/* Once in a quiet time, which has grown to the interval. */
	assert_in_range(refused - found, 5, 15);
	for (; now < 15 * INTERVAL; now += NS_PER_SEC / 10)
		open = open_all(a, open, 40, now, &refused);
	assert_int_equal(open, 40);
	adapt_free(a);
}

/* Those that were under way together are one refusal: twenty opened, five taken. */
static void a_burst_of_refusals_is_one(void **state)
{
	struct adapt_params p = usual;
	struct adapt *a;
	int64_t now = NS_PER_SEC;

	(void)state;
	p.connections_first = 20;
	a = adapt_new(&p, 0);
	for (uint32_t open = 20; open > 5; open--)
		adapt_tell(a, ADAPT_REFUSED, DIAL_CONNECTIONS, true, open, now += NS_PER_MS);
	/* Down with what is left, but not below half at once. */
	assert_int_equal(adapt_connections(a, now), 10);
	now += NS_PER_SEC;
	for (uint32_t open = 10; open > 5; open--)
		adapt_tell(a, ADAPT_REFUSED, DIAL_CONNECTIONS, true, open, now += NS_PER_MS);
	assert_int_equal(adapt_connections(a, now), 5);
	adapt_free(a);
}

static void single_drops_are_no_refusal(void **state)
{
	struct adapt *a = adapt_new(&usual, 0);

	(void)state;
	for (int i = 0; i < 100; i++) {
		adapt_tell(a, ADAPT_DROPPED, DIAL_NONE, false, 5, i * NS_PER_SEC);
		adapt_tell(a, ADAPT_DROPPED, DIAL_NONE, true, 5, i * NS_PER_SEC);
		adapt_tell(a, ADAPT_ACCEPTED, DIAL_NONE, false, 5, i * NS_PER_SEC);
	}
	assert_int_equal(adapt_connections_refused(a), 0);
	for (int i = 0; i < 3; i++)
		adapt_tell(a, ADAPT_DROPPED, DIAL_NONE, true, 5, 200 * NS_PER_SEC);
	assert_int_equal(adapt_connections_refused(a), 5);
	assert_int_equal(adapt_connections(a, 200 * NS_PER_SEC), 4);
	adapt_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_spaced_evenly),
		cmocka_unit_test(it_grows_while_it_binds),
		cmocka_unit_test(it_keeps_its_bounds),
		cmocka_unit_test(it_rests_and_probes),
		cmocka_unit_test(a_lost_probe_is_followed_by_another),
		cmocka_unit_test(a_window_is_learned),
		cmocka_unit_test(the_reply_says_which_dial),
		cmocka_unit_test(connections_stay_below_and_follow),
		cmocka_unit_test(a_burst_of_refusals_is_one),
		cmocka_unit_test(single_drops_are_no_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
