/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_ends.c - how a conversation ends: after QUIT, when aborted, when the server has had enough
 */
#include "stage.h"
#include <stdio.h>

static struct stage *run_script(const struct line *script, int messages)
{
	struct stage *s = stage_new(NULL);

	s->messages = messages;
	stage_place(s, "198.51.100.1", script);
	stage_open(s);
	stage_run(s);
	return s;
}

/* ---- after QUIT ---- */

static const struct line lingering_script[] = {
	{.say = "220 mx.example.com ready\r\n"},
	{.expect = "EHLO", .say = "250 mx.example.com\r\n"},
	{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .act = HOLD},
	{0},
};

/* The server closes first, so that TIME-WAIT and the port are not ours. */
static void the_server_closes(void **state)
{
	struct stage *s = run_script(plain_script, 1);

	(void)state;
	assert_non_null(strstr(s->log, "CLOSED(none)"));
	/* FIN follows the 221 in the same millisecond. */
	assert_int_equal(s->closed_ns - s->begin_ns, 16 * MS);
	stage_free(s);
}

static void the_server_never_closes(void **state)
{
	struct stage *s = run_script(lingering_script, 0);

	(void)state;
	assert_string_equal(s->log, "connect=2000 banner=2000/220 ehlo=2000/250 READY "
				    "quit=2000/221 CLOSED(none)");
	assert_in_range(s->closed_ns - s->begin_ns, NS_PER_SEC + 8 * MS,
			NS_PER_SEC + 8 * MS + 2 * WHEEL_TICK_NS);
	assert_int_equal(s->peers[0].closed_as, LINK_END_RESET);
	stage_free(s);
}

/* ---- aborted ---- */

/* Aborts when the log has come to end in these words. */
static const char *abort_behind;

static void abort_at(struct stage *s, const struct talk_event *ev)
{
	size_t len = strlen(s->log), tail = strlen(abort_behind);

	if (ev->kind != TALK_CLOSED && len >= tail &&
	    strcmp(s->log + len - tail, abort_behind) == 0)
		talk_abort(&s->talk);
}

static void aborted_at_each_event(void **state)
{
	static const char *const log =
		"connect=2000 banner=2000/220 ehlo=2000/250 READY mail=2000/250 rcpt=2000/250 "
		"data=2000/354 body=0 accept=2000/250 DONE(1,0,0) quit=2000/221";
	static const char *const behind[] = {"connect=2000",  "banner=2000/220", "ehlo=2000/250",
					     "READY",	      "mail=2000/250",	 "rcpt=2000/250",
					     "data=2000/354", "body=0",		 "accept=2000/250",
					     "DONE(1,0,0)",   "quit=2000/221"};

	(void)state;
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
		struct stage *s = stage_new(NULL);
		char expected[sizeof(s->log)];
		const char *end = strstr(log, behind[i]), *outcome = "";

		assert_non_null(end);
		if (i >= 3 && i <= 6)
			outcome = ", 0/0/0 undecided 1";
		else if (i == 7)
			outcome = ", 0/0/0 undecided 0";
		/* When the body is told, the reply to the dot is there, but not told yet. */
		if (i == 7 || i == 8)
			outcome = ", 1/0/0 undecided 0";
		snprintf(expected, sizeof(expected), "%.*s CLOSED(none%s)",
			 (int)(end + strlen(behind[i]) - log), log, outcome);
		abort_behind = behind[i];
		s->on_event = abort_at;
		stage_place(s, "198.51.100.1", plain_script);
		stage_open(s);
		stage_run(s);
		/* The body's step and that of its reply come in one go. */
		if (i == 7)
			assert_non_null(strstr(s->log, "body=0 accept=2000/250 CLOSED(none"));
		else
			assert_string_equal(s->log, expected);
		assert_int_equal(s->closed, 1);
		stage_free(s);
	}
}

/* Aborted at any millisecond: in the middle of everything. */
static void aborted_at_any_time(void **state)
{
	int in_doubt = 0, undecided = 0, decided = 0;

	(void)state;
	for (int ms = 0; ms < 20; ms++) {
		for (int use = SMTP_TLS_NONE; use <= SMTP_TLS_IMPLICIT; use++) {
			struct stage *s = stage_new(NULL);

			s->smtp.tls = (enum smtp_tls_use)use;
			stage_place(s, "198.51.100.1", plain_script)->is_sealed =
				use == SMTP_TLS_IMPLICIT;
			stage_open(s);
			stage_run_until(s, s->begin_ns + ms * MS + 500 * US);
			talk_abort(&s->talk);
			talk_abort(&s->talk);
			assert_false(talk_is_ready(&s->talk));
			stage_run(s);
			assert_int_equal(s->closed, 1);
			assert_non_null(strstr(s->log, "CLOSED(none"));
			in_doubt += strstr(s->log, "in doubt 1") != NULL;
			undecided += strstr(s->log, "undecided 1") != NULL;
			decided += strstr(s->log, "DONE(1,0,0)") != NULL;
			stage_free(s);
		}
	}
	/* The dot's round trip is 2 ms, that of MAIL, RCPT and DATA 6. */
	assert_int_equal(in_doubt, 2 * 2);
	assert_int_equal(undecided, 2 * 6);
	assert_true(decided > 0);
}

/* ---- when the server has had enough ---- */

static const struct line bored_script[] = {
	{.say = "220 mx.example.com ready\r\n"},
	{.expect = "EHLO", .say = "250 mx.example.com\r\n"},
	{.say = "421 4.4.2 idle for too long\r\n", .after_ns = NS_PER_SEC, .act = SAY_CLOSE},
	{0},
};

static bool was_ready_at_421;

static void look_when_told_421(struct stage *s, const struct talk_event *ev)
{
	if (ev->kind == TALK_STEP && ev->reply != NULL && ev->reply->code == 421)
		was_ready_at_421 = talk_is_ready(&s->talk);
}

/* An idle session that is told 421 takes no message from then on, though CLOSED is to come. */
static void told_421_while_idle(void **state)
{
	struct stage *s = stage_new(NULL);

	(void)state;
	s->messages = -1;
	was_ready_at_421 = true;
	s->on_event = look_when_told_421;
	stage_place(s, "198.51.100.1", bored_script);
	stage_open(s);
	stage_run_until(s, s->begin_ns + 500 * MS);
	assert_true(talk_is_ready(&s->talk));
	stage_run(s);
	assert_false(was_ready_at_421);
	assert_string_equal(s->log,
			    "connect=2000 banner=2000/220 ehlo=2000/250 READY unasked=-/421 "
			    "CLOSED(server closing (421) at session)");
	stage_free(s);
}

/* A server that simply goes away while the session is idle, in clear and sealed. */
static void hung_up_while_idle(void **state)
{
	static const struct line script[] = {
		{.say = "220 mx.example.com ready\r\n"},
		{.expect = "EHLO", .say = "250 mx.example.com\r\n"},
		{.after_ns = NS_PER_SEC, .act = SAY_CLOSE},
		{0},
	};

	(void)state;
	for (int use = SMTP_TLS_NONE; use <= SMTP_TLS_IMPLICIT; use++) {
		struct stage *s = stage_new(NULL);

		s->messages = -1;
		s->smtp.tls = (enum smtp_tls_use)use;
		stage_place(s, "198.51.100.1", script)->is_sealed = use == SMTP_TLS_IMPLICIT;
		stage_open(s);
		stage_run(s);
		assert_non_null(strstr(s->log, "READY CLOSED(closed early at session)"));
		stage_free(s);
	}
}

/* ---- what goes with the end ---- */

/* The decisive reply of a message that broke is still there, however long it is. */
static void a_long_reply_and_a_break(void **state)
{
	static char refusal[700] = "550 5.1.1 ", all[600];
	static struct line script[] = {
		{.say = "220 mx.example.com ready\r\n"},
		{.expect = "EHLO", .say = "250 mx.example.com\r\n"},
		{.expect = "MAIL", .say = "250 2.1.0 fine\r\n"},
		{.expect = "RCPT", .say = refusal},
		{.expect = "RCPT", .act = SAY_CLOSE},
		{0},
	};
	struct stage *s;
	size_t len = strlen(refusal);

	(void)state;
	while (len < 450) {
		refusal[len] = (char)('a' + len % 26);
		len++;
	}
	memcpy(all, refusal + 4, len - 4);
	memcpy(refusal + len, "\r\n", 3);
	s = stage_new(NULL);
	s->message.rcpt_count = 2;
	stage_place(s, "198.51.100.1", script);
	stage_open(s);
	stage_run(s);
	assert_string_equal(s->reply_text, all);
	assert_non_null(strstr(s->log, "CLOSED(closed early at rcpt, 0/0/1 undecided 1)"));
	stage_free(s);
}

/* What a server says goes escaped into the words for people. */
static void a_nasty_reply(void **state)
{
	static const struct line script[] = {
		{.say = "554 5.7.1 \x1b[2Jgo \x01 away\r\n"},
		{0},
	};
	struct stage *s = run_script(script, 0);

	(void)state;
	for (const char *p = s->detail; *p; p++)
		assert_true((unsigned char)*p >= 0x20);
	assert_non_null(strstr(s->detail, "go"));
	stage_free(s);
}

/* ---- not sent at all ---- */

static const struct line small_script[] = {
	{.say = "220 mx.example.com ready\r\n"},
	{.expect = "EHLO", .say = "250-mx.example.com\r\n250 SIZE 10\r\n"},
	{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .act = SAY_CLOSE},
	{0},
};

/* The server said how much it takes: the message is over without a word. */
static void too_large_for_the_server(void **state)
{
	struct stage *s = run_script(small_script, 3);

	(void)state;
	assert_string_equal(s->log, "connect=2000 banner=2000/220 ehlo=2000/250 READY "
				    "DONE(0,0,1) DONE(0,0,1) DONE(0,0,1) quit=2000/221 "
				    "CLOSED(none)");
	stage_free(s);
}

/* ---- again ---- */

static void open_again(struct stage *s, const struct talk_event *ev)
{
	if (ev->kind != TALK_CLOSED || s->closed > 1)
		return;
	s->messages = 1;
	assert_true(talk_open(&s->talk, &s->hub, &s->target, NULL, &s->user, ev->at_ns));
}

static void opened_again_when_closed(void **state)
{
	struct stage *s = stage_new(NULL);
	const char *second;

	(void)state;
	s->on_event = open_again;
	stage_place(s, "198.51.100.1", plain_script);
	stage_open(s);
	stage_run_until(s, s->begin_ns + 16 * MS);
	second = strstr(s->log, "CLOSED(none)");
	assert_non_null(second);
	assert_true(talk_is_open(&s->talk));
	stage_run(s);
	assert_int_equal(s->closed, 2);
	assert_string_equal(second + strlen("CLOSED(none) "),
			    "connect=2000 banner=2000/220 ehlo=2000/250 READY mail=2000/250 "
			    "rcpt=2000/250 data=2000/354 body=0 accept=2000/250 DONE(1,0,0) "
			    "quit=2000/221 CLOSED(none)");
	stage_free(s);
}

/* An idle talk gives its memory back to the hub. */
static void idle_holds_nothing(void **state)
{
	struct stage *s = stage_new(NULL);

	(void)state;
	s->messages = -1;
	stage_place(s, "198.51.100.1", plain_script);
	stage_open(s);
	stage_run(s);
	assert_true(talk_is_ready(&s->talk));
	assert_null(s->talk.tx.data);
	assert_null(s->talk.detail);
	assert_int_equal(s->hub.spare_count, 1);
	talk_quit(&s->talk, clock_now(sim_clock(s->sim)));
	talk_abort(&s->talk);
	stage_run(s);
	stage_free(s);
}

/* ---- words ---- */

static void each_failure_has_a_name(void **state)
{
	char room[TALK_KIND_MAX];

	(void)state;
	for (int i = LINK_END_LOCAL; i < LINK_END_COUNT; i++) {
		struct talk_failure f = {.cause = TALK_CAUSE_LINK, .end = (enum link_end)i};

		assert_string_equal(talk_failure_kind(&f, room), link_end_name(f.end));
		assert_non_null(talk_failure_hint(&f));
	}
	for (int i = SECURE_OK + 1; i < SECURE_FAILURE_COUNT; i++) {
		struct talk_failure f = {.cause = TALK_CAUSE_TLS, .tls = (enum secure_failure)i};

		assert_ptr_equal(talk_failure_kind(&f, room), room);
		assert_memory_equal(room, "tls ", 4);
		assert_string_equal(room + 4, secure_failure_name(f.tls));
		assert_non_null(talk_failure_hint(&f));
	}
	for (int i = SMTP_FAULT_NONE + 1; i < SMTP_FAULT_COUNT; i++) {
		struct talk_failure f = {.cause = TALK_CAUSE_SMTP, .smtp = (enum smtp_fault)i};

		assert_string_equal(talk_failure_kind(&f, room), smtp_fault_name(f.smtp));
		assert_non_null(talk_failure_hint(&f));
	}
}

/* The hints that the bad targets of the issue lead to. */
static void hints_that_help(void **state)
{
	static const struct {
		struct talk_failure failure;
		const char *word;
	} hints[] = {
		{{.cause = TALK_CAUSE_LINK, .end = LINK_END_REFUSED}, "running"},
		{{.cause = TALK_CAUSE_LINK, .end = LINK_END_TIMED_OUT}, "firewall"},
		{{.cause = TALK_CAUSE_LINK, .end = LINK_END_TIMED_OUT, .phase = PHASE_TLS},
		 "smtp+starttls://"},
		{{.cause = TALK_CAUSE_LINK, .end = LINK_END_NO_PORTS}, "--source-ip"},
		{{.cause = TALK_CAUSE_TLS, .tls = SECURE_NOT_TLS}, "smtp://"},
		{{.cause = TALK_CAUSE_TLS, .tls = SECURE_CERT_EXPIRED}, "renew"},
		{{.cause = TALK_CAUSE_TLS, .tls = SECURE_CERT_NAME}, "--tls-verify ca"},
		{{.cause = TALK_CAUSE_SMTP, .smtp = SMTP_FAULT_TLS_ON_PLAIN}, "smtps://"},
		{{.cause = TALK_CAUSE_SMTP, .smtp = SMTP_FAULT_NOT_SMTP}, "port"},
		{{.cause = TALK_CAUSE_SMTP, .smtp = SMTP_FAULT_REFUSED_AUTH}, "password"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (strstr(talk_failure_hint(&hints[i].failure), hints[i].word) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", talk_failure_hint(&hints[i].failure),
				 hints[i].word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_server_closes),
		cmocka_unit_test(the_server_never_closes),
		cmocka_unit_test(aborted_at_each_event),
		cmocka_unit_test(aborted_at_any_time),
		cmocka_unit_test(told_421_while_idle),
		cmocka_unit_test(hung_up_while_idle),
		cmocka_unit_test(a_long_reply_and_a_break),
		cmocka_unit_test(a_nasty_reply),
		cmocka_unit_test(too_large_for_the_server),
		cmocka_unit_test(opened_again_when_closed),
		cmocka_unit_test(idle_holds_nothing),
		cmocka_unit_test(each_failure_has_a_name),
		cmocka_unit_test(hints_that_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
