/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_imposed.c - clients of a sink on which a profile is imposed, as a dialogue: the greeting
 * that is none, a close without a word, faults beside it, LMTP, TLS, the status
 */
#include <stdio.h>
#include "imposing.h"
#include "stage.h"

#define SEC NS_PER_SEC
#define OK  "250 2.0.0 Ok\r\n"

static void impose(struct stage *s, const struct hand_profile *p)
{
	struct sink_imposition at = {.profile = &p->profile};

	assert_int_equal(sink_plan_impose(&s->plan, &at, NULL), 0);
}

static const struct sink_status_limit *row(const struct stage *s, const char *name)
{
	for (size_t i = 0; i < s->status.limit_count; i++)
		if (!strcmp(s->status.limits[i].name, name))
			return &s->status.limits[i];
	fail_msg("there is no row %s", name);
	return NULL;
}

/* The third connection hears no greeting; when one leaves there is room again. */
static void test_connections(void **state)
{
	struct hand_profile p;
	struct peer peers[3];
	struct stage s;
	int limit;

	(void)state;
	stage_init(&s, NULL);
	hand_profile_init(&p, "hand");
	limit = hand_limit(&p, "open", 2, LIMIT_CONNECTIONS, LIMIT_PER_SOURCE, LIMIT_AT_ONCE, 0);
	hand_over(&p, limit, PHASE_BANNER, "554 Too many from you");
	impose(&s, &p);
	stage_start(&s);
	peer_open(&s, &peers[0], STAGE_SMTP);
	peer_open(&s, &peers[1], STAGE_SMTP);
	peer_open(&s, &peers[2], STAGE_SMTP);
	peer_expect(&peers[2], "554 Too many from you\r\n");
	assert_true(peers[2].is_closed);
	peer_fini(&peers[2]);
	peer_say(&peers[0], "QUIT\r\n", GREETING BYE);
	peer_fini(&peers[0]);
	peer_open(&s, &peers[0], STAGE_SMTP);
	peer_say(&peers[0], HELO OPEN "DATA\r\n", GREETING HELO_OK OPEN_OK DATA_OK);
	peer_say(&peers[0], "x\r\n.\r\n", OK);
	/* TLS from the start: counted when it is accepted, not when it has shaken hands. */
	peer_open(&s, &peers[2], STAGE_SMTPS);
	peer_tls(&peers[2]);
	peer_expect(&peers[2], "554 Too many from you\r\n");
	for (int i = 0; i < 3; i++)
		peer_fini(&peers[i]);
	stage_stop(&s);
	assert_int_equal(row(&s, "open")->passed, 3);
	assert_int_equal(row(&s, "open")->refused, 2);
	assert_int_equal(row(&s, "open")->counted, 2);
	assert_int_equal(s.status.rule_count, 1);
	assert_int_equal(s.status.rules[0].said, 2);
	stage_fini(&s);
}

/* Without a word: at the connection, at MAIL, after the message. */
static void test_silence(void **state)
{
	static const enum phase at[] = {PHASE_BANNER, PHASE_MAIL, PHASE_ACCEPT};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct hand_profile p;
		struct stage s;
		struct peer q;

		stage_init(&s, NULL);
		hand_profile_init(&p, "hand");
		p.rules[hand_rule(&p, CAUSE_PROBABILITY, at[i], "")].when_ppm = 1000000;
		impose(&s, &p);
		stage_start(&s);
		peer_open(&s, &q, STAGE_SMTP);
		if (at[i] != PHASE_BANNER) {
			peer_say(&q, HELO, GREETING HELO_OK);
			peer_send(&q, OPEN "DATA\r\n");
		}
		stage_run(&s, 10 * NS_PER_MS);
		if (at[i] == PHASE_ACCEPT)
			peer_say(&q, "x\r\n.\r\n", OPEN_OK DATA_OK);
		else
			peer_expect(&q, "");
		assert_true(q.is_closed);
		assert_int_equal(q.end, LINK_END_EOF);
		peer_fini(&q);
		stage_stop(&s);
		assert_int_equal(s.status.messages.accepted, 0);
		assert_int_equal(s.status.messages.unanswered, at[i] == PHASE_ACCEPT);
		stage_fini(&s);
	}
}

/* What is refused in the midst of a pipelined block leaves the rest as it should be. */
static void test_pipelined(void **state)
{
	struct hand_profile p;
	struct stage s;
	struct peer q;

	(void)state;
	stage_init(&s, NULL);
	hand_profile_init(&p, "hand");
	hand_limit(&p, "each", 2, LIMIT_RECIPIENTS, LIMIT_PER_MESSAGE, LIMIT_AT_ONCE, 0);
	hand_over(&p,
		  hand_limit(&p, "rate", 2, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_ROLLING,
			     60 * SEC),
		  PHASE_MAIL, "450 4.7.0 Later");
	impose(&s, &p);
	stage_start(&s);
	peer_open(&s, &q, STAGE_SMTP);
	peer_say(&q, HELO OPEN "RCPT TO:<2@d.example>\r\nRCPT TO:<3@d.example>\r\nDATA\r\n",
		 GREETING HELO_OK OPEN_OK
		 "250 2.1.5 Ok\r\n452 4.5.3 Too many recipients\r\n" DATA_OK);
	peer_say(&q, "x\r\n.\r\n", OK);
	peer_say(&q, OPEN "DATA\r\n", OPEN_OK DATA_OK);
	peer_say(&q, "x\r\n.\r\n", OK);
	peer_say(&q, OPEN "DATA\r\nNOOP\r\n",
		 "450 4.7.0 Later\r\n503 5.5.1 MAIL first\r\n503 5.5.1 MAIL first\r\n" OK);
	stage_run(&s, 61 * SEC);
	peer_say(&q, OPEN "DATA\r\n", OPEN_OK DATA_OK);
	peer_say(&q, "x\r\n.\r\n", OK);
	peer_fini(&q);
	stage_stop(&s);
	assert_int_equal(s.status.messages.accepted, 3);
	assert_int_equal(s.status.messages.recipients, 4);
	assert_int_equal(row(&s, "rate")->passed, 3);
	assert_int_equal(row(&s, "rate")->counted, 2);
	stage_fini(&s);
}

/* Faults are asked first: what they answer takes nothing of a limit; delays leave it alone. */
static void test_beside_faults(void **state)
{
	static const char *const rules[] = {"mail:reply=451 4.0.0 Fault;first=2", "mail:delay=50ms",
					    NULL};
	struct hand_profile p;
	struct stage s;
	struct peer q;

	(void)state;
	stage_init(&s, rules);
	hand_profile_init(&p, "hand");
	hand_limit(&p, "rate", 1, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_ROLLING, 60 * SEC);
	impose(&s, &p);
	stage_start(&s);
	peer_open(&s, &q, STAGE_SMTP);
	peer_say(&q, HELO, GREETING HELO_OK);
	for (int i = 0; i < 4; i++) {
		peer_send(&q, "MAIL FROM:<a@b.example>\r\nRSET\r\n");
		stage_run(&s, 60 * NS_PER_MS);
		peer_expect(&q, i < 2	 ? "451 4.0.0 Fault\r\n" OK
				: i == 2 ? "250 2.1.0 Ok\r\n" OK
					 : "421 4.7.0 Too many messages, try again later\r\n");
	}
	assert_true(q.is_closed);
	peer_fini(&q);
	stage_stop(&s);
	assert_int_equal(row(&s, "rate")->passed, 1);
	assert_int_equal(row(&s, "rate")->refused, 1);
	stage_fini(&s);
}

/* Connects and greets; whatever is said to that is passed over. */
static void open_greeted(struct stage *s, struct peer *q, enum stage_listener at, const char *hello)
{
	peer_open(s, q, at);
	peer_send(q, hello);
	stage_run(s, 10 * NS_PER_MS);
	q->got_taken = q->got.len;
}

static void test_lmtp(void **state)
{
	struct hand_profile p;
	struct stage s;
	struct peer q;
	int limit;

	(void)state;
	stage_init(&s, NULL);
	hand_profile_init(&p, "hand");
	limit = hand_limit(&p, "rate", 1, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_ROLLING,
			   60 * SEC);
	hand_over(&p, limit, PHASE_ACCEPT, "450 4.7.0 Later");
	impose(&s, &p);
	stage_start(&s);
	open_greeted(&s, &q, STAGE_LMTP, "LHLO x\r\n");
	for (int i = 0; i < 2; i++) {
		peer_say(&q, OPEN "RCPT TO:<e@f.example>\r\nDATA\r\n",
			 OPEN_OK "250 2.1.5 Ok\r\n" DATA_OK);
		peer_say(&q, "x\r\n.\r\n", i ? "450 4.7.0 Later\r\n450 4.7.0 Later\r\n" : OK OK);
	}
	peer_fini(&q);
	stage_stop(&s);
	assert_int_equal(s.status.messages.accepted, 1);
	assert_int_equal(s.status.messages.deferred, 1);
	assert_int_equal(row(&s, "rate")->passed, 1);
	stage_fini(&s);
}

/* BDAT: the step of DATA has no command of its own where one chunk is all. */
static void test_chunks(void **state)
{
	struct hand_profile p;
	struct stage s;
	struct peer q;
	int limit;

	(void)state;
	stage_init(&s, NULL);
	hand_profile_init(&p, "hand");
	limit = hand_limit(&p, "rate", 1, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_ROLLING,
			   60 * SEC);
	hand_over(&p, limit, PHASE_DATA, "450 4.7.0 Later");
	impose(&s, &p);
	stage_start(&s);
	open_greeted(&s, &q, STAGE_SMTP, "EHLO x\r\n");
	peer_say(&q, OPEN "BDAT 3 LAST\r\nabc", OPEN_OK OK);
	peer_say(&q, OPEN "BDAT 3 LAST\r\nabc", OPEN_OK "450 4.7.0 Later\r\n");
	peer_say(&q, OPEN "BDAT 3\r\nabcBDAT 0 LAST\r\n",
		 OPEN_OK "450 4.7.0 Later\r\n503 5.5.1 MAIL first\r\n");
	peer_fini(&q);
	stage_stop(&s);
	assert_int_equal(s.status.messages.accepted, 1);
	stage_fini(&s);
}

/* The provider's words for a login that failed; the account counts from then on. */
static void test_login(void **state)
{
	struct hand_profile p;
	struct stage s;
	struct peer q;

	(void)state;
	stage_init(&s, NULL);
	hand_profile_init(&p, "hand");
	hand_rule(&p, CAUSE_LOGIN, PHASE_AUTH, "535 5.7.139 Authentication unsuccessful [{id}]");
	hand_limit(&p, "rate", 1, LIMIT_MESSAGES, LIMIT_PER_ACCOUNT, LIMIT_ROLLING, 60 * SEC);
	hand_rule(&p, CAUSE_NO_LOGIN, PHASE_MAIL, "530 5.7.57 Client not authenticated");
	p.profile.submission.needs_login = true;
	assert_int_equal(sink_account_add(&s.plan, SPAN("u@b.example:secret"), NULL), 0);
	s.plan.allow_clear_auth = true;
	s.plan.seed = 3;
	impose(&s, &p);
	stage_start(&s);
	open_greeted(&s, &q, STAGE_SMTP, "EHLO x\r\n");
	peer_say(&q, "MAIL FROM:<a@b.example>\r\n", "530 5.7.57 Client not authenticated\r\n");
	/* u@b.example with a wrong password. */
	peer_send(&q, "AUTH PLAIN AHVAYi5leGFtcGxlAHdyb25n\r\n");
	stage_run(&s, 10 * NS_PER_MS);
	assert_memory_equal(q.got.data + q.got_taken, "535 5.7.139 Authentication unsuccessful [",
			    41);
	q.got_taken = q.got.len;
	peer_say(&q, "AUTH PLAIN AHVAYi5leGFtcGxlAHNlY3JldA==\r\n",
		 "235 2.7.0 Authentication successful\r\n");
	peer_say(&q, OPEN "RSET\r\n", OPEN_OK OK);
	peer_say(&q, OPEN, "421 4.7.0 Too many messages, try again later\r\n");
	peer_fini(&q);
	stage_stop(&s);
	assert_string_equal(row(&s, "rate")->worst, "u@b.example");
	stage_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections), cmocka_unit_test(test_silence),
		cmocka_unit_test(test_pipelined),   cmocka_unit_test(test_beside_faults),
		cmocka_unit_test(test_lmtp),	    cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_login),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
