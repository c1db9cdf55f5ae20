/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_server_session.c - TLS, AUTH, announcements, and replies that the owner chooses
 */
#include "server_talk.h"

/* RFC 3207 s4, s5. */
static void test_starttls(void **state)
{
	static const struct dialogue dialogues[] = {
		{"all is forgotten",
		 {0},
		 {EHLO "STARTTLS\r\n", MAIL EHLO MAIL},
		 "220 2.0.0 Ready to start TLS\r\n503 5.5.1 Say hello first\r\n" MAIL_OK,
		 NULL},
		{"once",
		 {0},
		 {EHLO "STARTTLS\r\n", EHLO "STARTTLS\r\n"},
		 "220 2.0.0 Ready to start TLS\r\n503 5.5.1 Already done\r\n",
		 NULL},
		{"required",
		 {.is_tls_required = true, .accounts = &talk_accounts},
		 {EHLO MAIL "AUTH CRAM-MD5\r\nSTARTTLS\r\n", EHLO MAIL},
		 "530 5.7.0 Must issue STARTTLS first\r\n530 5.7.0 Must issue STARTTLS first\r\n"
		 "220 2.0.0 Ready to start TLS\r\n" MAIL_OK,
		 NULL},
		{"not offered",
		 {.extensions = SMTP_EXT_ENHANCEDSTATUSCODES},
		 {EHLO "STARTTLS\r\n"},
		 "502 5.5.1 Command not implemented\r\n",
		 NULL},
		{"an argument, or no hello",
		 {0},
		 {"STARTTLS\r\n" EHLO "STARTTLS now\r\n"},
		 "503 5.5.1 Say hello first\r\n501 5.5.4 Syntax error in argument\r\n",
		 NULL},
	};

	(void)state;
	CHECK(dialogues);
}

/* RFC 3207 s5: commands in clear behind STARTTLS must not be taken as said under TLS. */
static void test_injection(void **state)
{
	struct dialogue d = {"injection", {0}, {NULL}, NULL, NULL};
	struct smtp_server_texts texts;
	struct smtp_server_event ev;
	struct heard h;
	size_t used;

	(void)state;
	talk_prepare(&d, &texts);
	talk_begin(&h, &texts);
	talk_feed(&h, EHLO "STARTTLS\r\n" MAIL);
	talk_expect(&h.out, "554 5.5.1 Commands in clear behind STARTTLS; closing\r\n", "at once");
	assert_true(smtp_server_is_closing(&h.server));
	talk_expect(&h.events, "", "at once");
	talk_end(&h);

	/* It came while the reply was put off. */
	talk_begin(&h, &texts);
	talk_feed(&h, EHLO);
	assert_int_equal(smtp_server_feed(&h.server, SPAN("STARTTLS\r\n"), &used, &ev),
			 SMTP_SERVER_EVENT);
	assert_int_equal(smtp_server_feed(&h.server, SPAN(MAIL), &used, &ev), SMTP_SERVER_WAIT);
	assert_int_equal(used, 0);
	smtp_server_injected(&h.server);
	assert_int_equal(smtp_server_answer(&h.server, &h.out), 554);
	assert_true(smtp_server_is_closing(&h.server));
	talk_end(&h);
}

/* RFC 4954. "secret" of joe: PLAIN is \0joe\0secret. */
static void test_auth(void **state)
{
	static const struct dialogue dialogues[] = {
		{"PLAIN",
		 {.accounts = &talk_accounts, .allow_clear_auth = true, .is_auth_required = true},
		 {EHLO MAIL "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n" MAIL},
		 "530 5.7.0 Authentication required\r\n235 2.7.0 Authentication "
		 "successful\r\n" MAIL_OK,
		 NULL},
		{"PLAIN, asked",
		 {.accounts = &talk_accounts, .allow_clear_auth = true},
		 {EHLO "AUTH PLAIN\r\nAGpvZQBzZWNyZXQ=\r\nAUTH PLAIN\r\n"},
		 "334 \r\n235 2.7.0 Authentication successful\r\n503 5.5.1 Already done\r\n",
		 NULL},
		{"LOGIN",
		 {.accounts = &talk_accounts, .allow_clear_auth = true},
		 {EHLO "AUTH LOGIN\r\nam9l\r\nc2VjcmV0\r\n"},
		 "334 VXNlciBOYW1l\r\n334 UGFzc3dvcmQ=\r\n235 2.7.0 Authentication successful\r\n",
		 NULL},
		{"LOGIN, name at once",
		 {.accounts = &talk_accounts, .allow_clear_auth = true},
		 {EHLO "AUTH LOGIN am9l\r\nc2VjcmV0\r\n"},
		 "334 UGFzc3dvcmQ=\r\n235 2.7.0 Authentication successful\r\n",
		 NULL},
		{"wrong password, then right",
		 {.accounts = &talk_accounts, .allow_clear_auth = true},
		 {EHLO "AUTH PLAIN AGpvZQB3cm9uZw==\r\nAUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"},
		 "535 5.7.8 Authentication credentials invalid\r\n235 2.7.0 Authentication "
		 "successful\r\n",
		 NULL},
		{"cancelled, not base64, unknown, in clear",
		 {.accounts = &talk_accounts},
		 {EHLO "AUTH PLAIN\r\nAUTH FOO\r\nAUTH\r\nAUTH CRAM-MD5 eA==\r\n"},
		 "538 5.7.11 Encryption required for this mechanism\r\n"
		 "504 5.5.4 Unrecognized authentication type\r\n501 5.5.4 Syntax error in "
		 "argument\r\n"
		 "501 5.5.4 Syntax error in argument\r\n",
		 NULL},
		{"cancelled, not base64",
		 {.accounts = &talk_accounts, .allow_clear_auth = true},
		 {EHLO "AUTH PLAIN\r\n*\r\nAUTH PLAIN\r\n???\r\nNOOP\r\n"},
		 "334 \r\n501 5.7.0 Authentication cancelled\r\n334 \r\n501 5.5.2 Not "
		 "base64\r\n" DOT_OK,
		 NULL},
		{"not offered",
		 {0},
		 {EHLO "AUTH PLAIN\r\n"},
		 "502 5.5.1 Command not implemented\r\n",
		 NULL},
		{"not within a transaction, not before hello",
		 {.accounts = &talk_accounts, .allow_clear_auth = true},
		 {"AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n" EHLO MAIL "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"},
		 "503 5.5.1 Say hello first\r\n" MAIL_OK "503 5.5.1 Not within a transaction\r\n",
		 NULL},
	};

	(void)state;
	CHECK(dialogues);
	sasl_thread_fini();
}

/* What EHLO tells depends on TLS and on what is allowed in clear. */
static void test_announcement(void **state)
{
	struct dialogue d = {"announcement",
			     {.accounts = &talk_accounts, .size_max = 1000, .rcpt_max = 7},
			     {NULL},
			     NULL,
			     NULL};
	struct smtp_server_texts texts;

	(void)state;
	talk_prepare(&d, &texts);
	assert_non_null(strstr(texts.ehlo[0], "-STARTTLS\r\n"));
	assert_null(strstr(texts.ehlo[1], "STARTTLS"));
	assert_non_null(strstr(texts.ehlo[0], "-AUTH CRAM-MD5\r\n"));
	assert_non_null(strstr(texts.ehlo[1], "PLAIN"));
	assert_non_null(strstr(texts.ehlo[0], "-SIZE 1000\r\n"));
	assert_non_null(strstr(texts.ehlo[0], "LIMITS RCPTMAX=7"));
	assert_int_equal(texts.greeting_len, strlen("220 mx.example ESMTP volley\r\n"));
	d.params.accounts = NULL;
	talk_prepare(&d, &texts);
	assert_null(strstr(texts.ehlo[1], "AUTH"));
	d.params.name = "bad name";
	assert_int_equal(smtp_server_texts_init(&texts, &d.params, NULL), -1);
}

/* What a reply does follows from its code, whoever chose it; not for what was out of order. */
static void test_other_replies(void **state)
{
	struct dialogue d = {"other replies", {0}, {NULL}, NULL, NULL};
	struct smtp_server_texts texts;
	struct smtp_server_event ev;
	struct heard h;
	size_t used;

	(void)state;
	talk_prepare(&d, &texts);
	talk_begin(&h, &texts);
	talk_feed(&h, EHLO MAIL);
	assert_int_equal(smtp_server_feed(&h.server, SPAN(RCPT), &used, &ev), SMTP_SERVER_EVENT);
	assert_true(smtp_server_reply(&h.server, 450, SPAN("450 busy\r\n"), &h.out));
	assert_int_equal(h.server.rcpt_count, 0);
	h.out.len = 0;
	talk_feed(&h, "DATA\r\n");
	talk_expect(&h.out, "554 5.5.1 No valid recipients\r\n", "all refused");
	/* DATA out of order does not begin a message, even if somebody says 354. */
	assert_int_equal(smtp_server_feed(&h.server, SPAN("DATA\r\n"), &used, &ev),
			 SMTP_SERVER_EVENT);
	smtp_server_settle(&h.server, 354);
	assert_int_equal(h.server.state, SMTP_SERVER_MAIL);
	assert_int_equal(smtp_server_feed(&h.server, SPAN("NOOP\r\n"), &used, &ev),
			 SMTP_SERVER_EVENT);
	smtp_server_settle(&h.server, 421);
	assert_true(smtp_server_is_closing(&h.server));
	talk_end(&h);

	/* RFC 5321 s3.1: after another greeting than 220 only QUIT is heard. */
	smtp_server_init(&h.server, &texts, false);
	assert_int_equal(smtp_server_feed(&h.server, SPAN(""), &used, &ev), SMTP_SERVER_EVENT);
	assert_int_equal(ev.request.verb, SMTP_VERB_CONNECT);
	smtp_server_settle(&h.server, 554);
	assert_int_equal(smtp_server_feed(&h.server, SPAN(EHLO), &used, &ev), SMTP_SERVER_EVENT);
	assert_int_equal(smtp_server_answer_code(&h.server), 503);
	smtp_server_settle(&h.server, 503);
	assert_int_equal(smtp_server_feed(&h.server, SPAN("QUIT\r\n"), &used, &ev),
			 SMTP_SERVER_EVENT);
	assert_int_equal(smtp_server_answer_code(&h.server), 221);
	smtp_server_settle(&h.server, 221);
	smtp_server_fini(&h.server);
}

/* A buffer without room: nothing has happened, and it can be tried again. */
static void test_no_room(void **state)
{
	struct dialogue d = {"no room", {0}, {NULL}, NULL, NULL};
	struct smtp_server_texts texts;
	struct smtp_server_event ev;
	struct smtp_server s;
	struct buf small, large;
	size_t used;

	(void)state;
	talk_prepare(&d, &texts);
	buf_init(&small, 10);
	buf_init(&large, 1000);
	smtp_server_init(&s, &texts, false);
	assert_int_equal(smtp_server_feed(&s, SPAN(""), &used, &ev), SMTP_SERVER_EVENT);
	assert_int_equal(smtp_server_answer(&s, &small), 0);
	assert_true(s.is_owed);
	assert_int_equal(smtp_server_answer(&s, &large), 220);
	assert_int_equal(s.state, SMTP_SERVER_HELLO);
	smtp_server_fini(&s);
	buf_fini(&small);
	buf_fini(&large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starttls),      cmocka_unit_test(test_injection),
		cmocka_unit_test(test_auth),	      cmocka_unit_test(test_announcement),
		cmocka_unit_test(test_other_replies), cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
