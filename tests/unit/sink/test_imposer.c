/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_imposer.c - limits of a profile: every unit, scope and window, what is given back, how the
 * sink's own count agrees, and threads that share a limit
 */
#include <pthread.h>
#include <stdio.h>
#include "imposing.h"

#define SEC NS_PER_SEC

static const struct sink_status_limit *limit_row(const struct sink_status *s, const char *name)
{
	for (size_t i = 0; i < s->limit_count; i++)
		if (!strcmp(s->limits[i].name, name))
			return &s->limits[i];
	fail_msg("there is no row %s", name);
	return NULL;
}

static void check_row(struct imposing *m, const char *name, uint64_t passed, uint64_t refused,
		      uint64_t counted)
{
	struct sink_status s;
	const struct sink_status_limit *row;

	sink_status_init(&s);
	imposer_stop(m->imposer);
	assert_true(imposer_fill(m->imposer, &s));
	row = limit_row(&s, name);
	if (row->passed != passed || row->refused != refused || row->counted != counted)
		fail_msg("%s: passed %llu refused %llu counted %llu, wanted %llu %llu %llu", name,
			 (unsigned long long)row->passed, (unsigned long long)row->refused,
			 (unsigned long long)row->counted, (unsigned long long)passed,
			 (unsigned long long)refused, (unsigned long long)counted);
	sink_status_fini(&s);
}

/* Connections at once: taken when accepted, given back when closed, for each address alone. */
static void test_connections(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *a, *b, *c, *d;
	bool is_refused;

	(void)state;
	imposing_prepare(&m, &p);
	hand_limit(&p, "open", 2, LIMIT_CONNECTIONS, LIMIT_PER_SOURCE, LIMIT_AT_ONCE, 0);
	imposing_begin(&m, &p);
	a = client(&m, "", NULL);
	b = client(&m, "", NULL);
	c = client(&m, "", &is_refused);
	assert_true(is_refused);
	assert_string_equal(said(), "421 4.7.0 Too many connections at once, try again later");
	assert_true(said_close());
	leave(&m, c);
	d = client(&m, "192.0.2.2", NULL);
	leave(&m, a);
	a = client(&m, "", NULL);
	leave(&m, a);
	leave(&m, b);
	leave(&m, d);
	check_row(&m, "open", 4, 1, 2);
	imposing_fini(&m);
}

/* How many of tries messages at one moment pass. */
static int burst(struct imposing *m, struct imposer_session *x, int tries)
{
	int passed = 0;

	for (int i = 0; i < tries; i++)
		passed += message(m, x);
	return passed;
}

/* Each kind of window, at the scale of one and of sixty. */
static void test_windows(void **state)
{
	static const enum limit_window windows[] = {LIMIT_SMOOTH, LIMIT_FIXED, LIMIT_ROLLING,
						    LIMIT_DEBT};

	(void)state;
	for (uint32_t scale = 1; scale <= 60; scale += 59)
		for (size_t i = 0; i < 4; i++) {
			struct imposing m;
			struct hand_profile p;
			struct imposer_session *x;
			int64_t window_ns = 60 * SEC / scale;

			imposing_prepare(&m, &p);
			hand_limit(&p, "rate", 10, LIMIT_MESSAGES, LIMIT_PER_SOURCE, windows[i],
				   60 * SEC);
			m.plan.scale = scale;
			imposing_begin(&m, &p);
			/* From the begin of a window on. */
			m.now_ns = 60 * SEC;
			x = client(&m, "", NULL);
			assert_int_equal(burst(&m, x, 30), 10);
			assert_string_equal(said(), "421 4.7.0 Too many messages, try again later");
			m.now_ns += window_ns / 2;
			if (windows[i] == LIMIT_FIXED || windows[i] == LIMIT_ROLLING)
				assert_int_equal(burst(&m, x, 30), 0);
			m.now_ns += window_ns;
			assert_true(burst(&m, x, 30) > 0);
			leave(&m, x);
			imposing_fini(&m);
		}
}

/*
 * A thread's question may bear an older stamp than what another has counted: where a later window
 * has begun, it is the later one that has room.
 */
static void test_late_stamp(void **state)
{
	static const enum limit_window windows[] = {LIMIT_FIXED, LIMIT_ROLLING};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct imposing m;
		struct hand_profile p;
		struct imposer_session *x;
		struct imposer_question q = {
			.step = AT_MAIL, .path = SPAN("a@b.example"), .recipient_idx = -1};

		imposing_prepare(&m, &p);
		hand_limit(&p, "rate", 2, LIMIT_MESSAGES, LIMIT_PER_SOURCE, windows[i], 60 * SEC);
		imposing_begin(&m, &p);
		m.now_ns = q.now_ns = 119 * SEC;
		x = client(&m, "", NULL);
		assert_int_equal(burst(&m, x, 3), 2);
		m.now_ns = 300 * SEC;
		assert_int_equal(burst(&m, x, 1), 1);
		/* Asked in the first window, answered in the last. */
		assert_false(imposer_ask(x, &q));
		imposer_settled(x, SMTP_VERB_DOT, 250, true, true, 10, m.now_ns);
		assert_true(imposer_ask(x, &q));
		imposer_said(x);
		check_row(&m, "rate", 4, 2, 2);
		leave(&m, x);
		imposing_fini(&m);
	}
}

/* Whom a limit counts together. */
static void test_scopes(void **state)
{
	static const struct {
		enum limit_scope scope;
		bool other_address, other_account, other_sender; /* is free of the first one */
	} cases[] = {
		{LIMIT_PER_SOURCE, true, false, false}, {LIMIT_PER_SOURCE_SITE, true, false, false},
		{LIMIT_PER_SITE, false, false, false},	{LIMIT_PER_ACCOUNT, false, true, false},
		{LIMIT_PER_SENDER, false, false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imposing m;
		struct hand_profile p;
		struct imposer_session *x, *y;

		imposing_prepare(&m, &p);
		hand_limit(&p, "rate", 1, LIMIT_MESSAGES, cases[i].scope, LIMIT_ROLLING, 60 * SEC);
		imposing_begin(&m, &p);
		x = client(&m, "", NULL);
		y = client(&m, "192.0.2.2", NULL);
		assert_true(mail(&m, x, "u", "a@b.example", 0));
		assert_false(mail(&m, x, "u", "z@B.example", 0));
		assert_int_equal(mail(&m, y, "u", "a@b.example", 0), cases[i].other_address);
		assert_int_equal(mail(&m, x, "v", "a@b.example", 0), cases[i].other_account);
		assert_int_equal(mail(&m, x, "u", "a@c.example", 0), cases[i].other_sender);
		leave(&m, x);
		leave(&m, y);
		imposing_fini(&m);
	}
}

/* Without a login an account's limit counts the address. */
static void test_no_login(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;

	(void)state;
	imposing_prepare(&m, &p);
	hand_limit(&p, "rate", 2, LIMIT_MESSAGES, LIMIT_PER_ACCOUNT, LIMIT_ROLLING, 60 * SEC);
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_int_equal(burst(&m, x, 5), 2);
	assert_true(mail(&m, x, "u", "a@b.example", 0));
	leave(&m, x);
	x = client(&m, "", NULL);
	assert_int_equal(burst(&m, x, 5), 0);
	leave(&m, x);
	imposing_fini(&m);
}

static void test_recipients(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;

	(void)state;
	imposing_prepare(&m, &p);
	hand_limit(&p, "each", 3, LIMIT_RECIPIENTS, LIMIT_PER_MESSAGE, LIMIT_AT_ONCE, 0);
	hand_limit(&p, "hour", 5, LIMIT_RECIPIENTS, LIMIT_PER_SOURCE, LIMIT_ROLLING, 3600 * SEC);
	hand_limit(&p, "mailbox", 1, LIMIT_RECIPIENTS, LIMIT_PER_RECIPIENT, LIMIT_ROLLING,
		   60 * SEC);
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_true(mail(&m, x, NULL, "a@b.example", 0));
	assert_true(rcpt(&m, x, "1@d.example"));
	assert_false(rcpt(&m, x, "1@D.example"));
	assert_string_equal(
		said(), "450 4.2.1 The recipient is receiving mail too quickly, try again later");
	assert_true(rcpt(&m, x, "2@d.example"));
	assert_true(rcpt(&m, x, "3@d.example"));
	assert_false(rcpt(&m, x, "4@d.example"));
	assert_string_equal(said(), "452 4.5.3 Too many recipients");
	assert_false(said_close());
	assert_true(data(&m, x) && dot(&m, x, 10, 250));
	/* The next message begins anew; of the hour two are left. */
	assert_true(mail(&m, x, NULL, "a@b.example", 0));
	assert_true(rcpt(&m, x, "5@d.example"));
	assert_true(rcpt(&m, x, "6@d.example"));
	assert_false(rcpt(&m, x, "7@d.example"));
	assert_string_equal(said(), "452 4.5.3 Too many recipients, try again later");
	leave(&m, x);
	check_row(&m, "hour", 5, 1, 5);
	check_row(&m, "each", 5, 1, 3);
	imposing_fini(&m);
}

static void test_per_connection(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;

	(void)state;
	imposing_prepare(&m, &p);
	hand_limit(&p, "each", 3, LIMIT_MESSAGES, LIMIT_PER_CONNECTION, LIMIT_AT_ONCE, 0);
	hand_limit(&p, "minute", 2, LIMIT_MESSAGES, LIMIT_PER_CONNECTION, LIMIT_ROLLING, 60 * SEC);
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_int_equal(burst(&m, x, 3), 2);
	m.now_ns += 61 * SEC;
	assert_int_equal(burst(&m, x, 3), 1);
	assert_string_equal(said(), "421 4.7.0 Too many messages on this connection");
	assert_true(said_close());
	leave(&m, x);
	/* Another connection has its own. */
	x = client(&m, "", NULL);
	assert_int_equal(burst(&m, x, 3), 2);
	leave(&m, x);
	check_row(&m, "each", 5, 2, 3);
	check_row(&m, "minute", 5, 2, 2);
	imposing_fini(&m);
}

/* As declared, and as it turns out; volume over a time. */
static void test_octets(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;

	(void)state;
	imposing_prepare(&m, &p);
	hand_limit(&p, "size", 1000, LIMIT_OCTETS, LIMIT_PER_MESSAGE, LIMIT_AT_ONCE, 0);
	hand_limit(&p, "volume", 1500, LIMIT_OCTETS, LIMIT_PER_SOURCE, LIMIT_ROLLING, 60 * SEC);
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_false(mail(&m, x, NULL, "a@b.example", 1001));
	assert_string_equal(said(), "552 5.3.4 Message size exceeds limit");
	assert_true(mail(&m, x, NULL, "a@b.example", 1000) && rcpt(&m, x, "c@d.example"));
	assert_true(data(&m, x));
	assert_false(dot(&m, x, 1001, 250));
	assert_string_equal(said(), "552 5.3.4 Message size exceeds limit");
	for (int i = 0; i < 2; i++) {
		assert_true(mail(&m, x, NULL, "a@b.example", 0) && rcpt(&m, x, "c@d.example"));
		assert_true(data(&m, x));
		assert_int_equal(dot(&m, x, 900, 250), i == 0);
	}
	assert_string_equal(said(), "452 4.3.1 Too much data, try again later");
	leave(&m, x);
	check_row(&m, "volume", 900, 1, 900);
	imposing_fini(&m);
}

/* What was not accepted does not count where only that counts, and does where attempts count. */
static void test_given_back(void **state)
{
	(void)state;
	for (int counts_accepted = 0; counts_accepted < 2; counts_accepted++) {
		struct imposing m;
		struct hand_profile p;
		struct imposer_session *x;
		int limit;

		imposing_prepare(&m, &p);
		limit = hand_limit(&p, "rate", 3, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_ROLLING,
				   60 * SEC);
		p.profile.limits[limit].limit.counts_accepted = counts_accepted;
		imposing_begin(&m, &p);
		x = client(&m, "", NULL);
		/* Refused at the dot, broken off, begun anew: none of them was accepted. */
		assert_true(mail(&m, x, NULL, "a@b.example", 0) && rcpt(&m, x, "c@d.example"));
		assert_true(data(&m, x) && dot(&m, x, 10, 451));
		assert_true(mail(&m, x, NULL, "a@b.example", 0) && rcpt(&m, x, "c@d.example"));
		leave(&m, x);
		x = client(&m, "", NULL);
		assert_true(mail(&m, x, NULL, "a@b.example", 0));
		assert_int_equal(burst(&m, x, 5), counts_accepted ? 3 : 0);
		leave(&m, x);
		check_row(&m, "rate", 3, counts_accepted ? 2 : 5, 3);
		imposing_fini(&m);
	}
}

/* Several limits are passed together or not at all. */
static void test_all_or_none(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x, *y;

	(void)state;
	imposing_prepare(&m, &p);
	hand_limit(&p, "source", 2, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_ROLLING, 60 * SEC);
	hand_limit(&p, "site", 3, LIMIT_MESSAGES, LIMIT_PER_SITE, LIMIT_ROLLING, 60 * SEC);
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	y = client(&m, "192.0.2.2", NULL);
	assert_int_equal(burst(&m, x, 10), 2);
	assert_int_equal(burst(&m, y, 10), 1);
	leave(&m, x);
	leave(&m, y);
	check_row(&m, "source", 3, 8, 2);
	check_row(&m, "site", 3, 9, 3);
	imposing_fini(&m);
}

/* A limit is taken where its rule speaks: the provider's own words, at its own step. */
static void test_steps(void **state)
{
	static const struct {
		enum phase at;
		int step; /* at which the second message stops: MAIL, RCPT, DATA, the dot */
	} cases[] = {{PHASE_MAIL, 0}, {PHASE_RCPT, 1}, {PHASE_DATA, 2}, {PHASE_ACCEPT, 3}};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct imposing m;
		struct hand_profile p;
		struct imposer_session *x;
		int limit, step = 0;

		imposing_prepare(&m, &p);
		limit = hand_limit(&p, "rate", 1, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_ROLLING,
				   60 * SEC);
		hand_over(&p, limit, cases[i].at, "450 4.7.1 Slow down, {ip}");
		imposing_begin(&m, &p);
		x = client(&m, "", NULL);
		assert_true(message(&m, x));
		if (mail(&m, x, NULL, "a@b.example", 0) && ++step && rcpt(&m, x, "c@d.example") &&
		    ++step && data(&m, x) && ++step)
			step += dot(&m, x, 10, 250);
		assert_int_equal(step, cases[i].step);
		assert_string_equal(said(), "450 4.7.1 Slow down, 192.0.2.1");
		leave(&m, x);
		imposing_fini(&m);
	}
}

/* A provider that refuses the login while the quota is spent, and the message after it. */
static void test_at_login(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;
	int limit;

	(void)state;
	imposing_prepare(&m, &p);
	limit = hand_limit(&p, "day", 1, LIMIT_MESSAGES, LIMIT_PER_ACCOUNT, LIMIT_FIXED,
			   86400 * SEC);
	hand_over(&p, limit, PHASE_AUTH, "454 Throttling failure: Daily message quota exceeded.");
	hand_over(&p, limit, PHASE_ACCEPT, "454 Throttling failure: at the end");
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_true(login(&m, x, "u"));
	assert_true(mail(&m, x, "u", "a@b.example", 0) && rcpt(&m, x, "c@d.example"));
	assert_true(data(&m, x) && dot(&m, x, 10, 250));
	assert_true(mail(&m, x, "u", "a@b.example", 0) && rcpt(&m, x, "c@d.example"));
	assert_true(data(&m, x));
	assert_false(dot(&m, x, 10, 250));
	assert_string_equal(said(), "454 Throttling failure: at the end");
	leave(&m, x);
	x = client(&m, "", NULL);
	assert_false(login(&m, x, "u"));
	assert_string_equal(said(), "454 Throttling failure: Daily message quota exceeded.");
	assert_true(login(&m, x, "v"));
	leave(&m, x);
	imposing_fini(&m);
}

/* The rate to one recipient, told at the end of the message. */
static void test_told_later(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;
	int limit;

	(void)state;
	imposing_prepare(&m, &p);
	limit = hand_limit(&p, "mailbox", 1, LIMIT_MESSAGES, LIMIT_PER_RECIPIENT, LIMIT_ROLLING,
			   3600 * SEC);
	hand_over(&p, limit, PHASE_ACCEPT, "554 5.2.121 Too many to {address} at {domain}");
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_true(message(&m, x));
	assert_true(mail(&m, x, NULL, "a@b.example", 0));
	assert_true(rcpt(&m, x, "c@d.example"));
	assert_true(data(&m, x));
	assert_false(dot(&m, x, 10, 250));
	assert_string_equal(said(), "554 5.2.121 Too many to c@d.example at d.example");
	leave(&m, x);
	imposing_fini(&m);
}

/* The sink's own count of a window that begins anywhere, and of one at its multiples. */
static void test_own_count(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;

	(void)state;
	imposing_prepare(&m, &p);
	hand_limit(&p, "fixed", 10, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_FIXED, 64 * SEC);
	hand_limit(&p, "rolling", 100, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_ROLLING, 64 * SEC);
	imposing_begin(&m, &p);
	/* Ten before the window's end, ten after its begin. */
	m.now_ns = 128 * SEC - INT64_C(1800000000) % 64 * SEC - SEC;
	x = client(&m, "", NULL);
	assert_int_equal(burst(&m, x, 12), 10);
	m.now_ns += 2 * SEC;
	assert_int_equal(burst(&m, x, 12), 10);
	leave(&m, x);
	check_row(&m, "fixed", 20, 4, 10);
	check_row(&m, "rolling", 20, 0, 20);
	imposing_fini(&m);
}

/* A refusal of DATA is one of each attempt. */
static void test_data_again(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;
	int limit;

	(void)state;
	imposing_prepare(&m, &p);
	limit = hand_limit(&p, "rate", 1, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_ROLLING,
			   60 * SEC);
	hand_over(&p, limit, PHASE_DATA, "451 4.7.1 Later");
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_true(message(&m, x));
	assert_true(mail(&m, x, NULL, "a@b.example", 0) && rcpt(&m, x, "c@d.example"));
	assert_false(data(&m, x));
	assert_false(data(&m, x));
	m.now_ns += 61 * SEC;
	assert_true(data(&m, x) && dot(&m, x, 10, 250));
	leave(&m, x);
	check_row(&m, "rate", 2, 2, 1);
	imposing_fini(&m);
}

/* Whoever is refused most often is the worst. */
static void test_worst(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;
	struct sink_status s;

	(void)state;
	imposing_prepare(&m, &p);
	hand_limit(&p, "rate", 1, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_ROLLING, 64 * SEC);
	imposing_begin(&m, &p);
	for (int i = 0; i < 5; i++) {
		char address[32];

		snprintf(address, sizeof(address), "192.0.2.%d", 10 + i);
		x = client(&m, address, NULL);
		burst(&m, x, i == 3 ? 10 : 3);
		leave(&m, x);
	}
	sink_status_init(&s);
	imposer_stop(m.imposer);
	assert_true(imposer_fill(m.imposer, &s));
	assert_int_equal(s.limits[0].keys, 5);
	assert_string_equal(s.limits[0].worst, "192.0.2.13");
	assert_int_equal(s.limits[0].worst_refused, 9);
	assert_int_equal(s.limits[0].refused, 4 * 2 + 9);
	sink_status_fini(&s);
	imposing_fini(&m);
}

/* --- Threads ------------------------------------------------------------------------------- */

#define THREADS	 4
#define MESSAGES 2000

struct worker {
	struct imposing *m;
	pthread_t thread;
	int passed, connected;
};

/* Asks without the helpers, whose last words are the whole program's. */
static void *work(void *argument)
{
	struct worker *w = argument;
	struct endpoint peer, local;
	struct imposer_facts facts = {.peer = &peer, .local = &local};
	struct imposer_question q = {.now_ns = w->m->now_ns, .recipient_idx = -1};
	struct imposer_session *x;

	endpoint_parse_address(SPAN("192.0.2.1"), &peer);
	endpoint_parse_address(SPAN("192.0.2.200"), &local);
	for (int i = 0; i < MESSAGES; i++) {
		x = imposer_session_new(w->m->imposer, &facts);
		q.step = AT_BANNER;
		if (!imposer_ask(x, &q)) {
			w->connected++;
			q.step = AT_MAIL;
			q.path = SPAN("a@b.example");
			w->passed += !imposer_ask(x, &q);
			imposer_settled(x, SMTP_VERB_DOT, 250, true, true, 10, q.now_ns);
		}
		imposer_session_free(x, q.now_ns);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct worker workers[THREADS];
	struct imposing m;
	struct hand_profile p;
	int passed = 0, connected = 0;
	struct sink_status s;

	(void)state;
	imposing_prepare(&m, &p);
	hand_limit(&p, "rate", 5000, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_ROLLING, 64 * SEC);
	hand_limit(&p, "open", 2, LIMIT_CONNECTIONS, LIMIT_PER_SOURCE, LIMIT_AT_ONCE, 0);
	imposing_begin(&m, &p);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.m = &m};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		passed += workers[i].passed;
		connected += workers[i].connected;
	}
	sink_status_init(&s);
	imposer_stop(m.imposer);
	assert_true(imposer_fill(m.imposer, &s));
	assert_true(passed <= 5000);
	assert_true(connected > 0 && passed == (connected < 5000 ? connected : 5000));
	assert_int_equal(limit_row(&s, "rate")->passed, passed);
	assert_int_equal(limit_row(&s, "rate")->counted, passed);
	assert_true(limit_row(&s, "open")->counted <= 2);
	assert_int_equal(limit_row(&s, "open")->passed, connected);
	sink_status_fini(&s);
	imposing_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections),    cmocka_unit_test(test_windows),
		cmocka_unit_test(test_late_stamp),     cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_no_login),       cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_per_connection), cmocka_unit_test(test_octets),
		cmocka_unit_test(test_given_back),     cmocka_unit_test(test_all_or_none),
		cmocka_unit_test(test_steps),	       cmocka_unit_test(test_at_login),
		cmocka_unit_test(test_told_later),     cmocka_unit_test(test_own_count),
		cmocka_unit_test(test_worst),	       cmocka_unit_test(test_data_again),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
