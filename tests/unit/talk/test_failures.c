/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_failures.c - how a conversation fails at each of its points, and what is told of it
 */
#include "stage.h"
#include <stdio.h>

#define LINES_MAX 16

/* A point of plain_script: its place, the phase that is struck there, and what was before. */
static const struct point {
	const char *phase;
	const char *before; /* the log up to there */
	bool has_message, is_in_doubt;
} points[] = {
	{"banner", "connect=2000", false, false},
	{"ehlo", "connect=2000 banner=2000/220", false, false},
	{"mail", "connect=2000 banner=2000/220 ehlo=2000/250 READY", true, false},
	{"rcpt", "connect=2000 banner=2000/220 ehlo=2000/250 READY mail=2000/250", true, false},
	{"data", "connect=2000 banner=2000/220 ehlo=2000/250 READY mail=2000/250 rcpt=2000/250",
	 true, false},
	{"accept",
	 "connect=2000 banner=2000/220 ehlo=2000/250 READY mail=2000/250 rcpt=2000/250 "
	 "data=2000/354",
	 true, true},
	{"quit",
	 "connect=2000 banner=2000/220 ehlo=2000/250 READY mail=2000/250 rcpt=2000/250 "
	 "data=2000/354 body=0 accept=2000/250 DONE(1,0,0)",
	 false, false},
};
#define POINT_COUNT (sizeof(points) / sizeof(points[0]))

/* The plain script with another line at one point, after which nothing is waited for. */
static const struct line *struck_script(size_t point, const char *say, enum act act)
{
	static struct line script[LINES_MAX];

	memset(script, 0, sizeof(script));
	memcpy(script, plain_script, (point + 1) * sizeof(*script));
	script[point].say = say;
	script[point].act = act;
	return script;
}

static struct stage *struck_stage(size_t point, const char *say, enum act act)
{
	struct stage *s = stage_new(NULL);

	stage_place(s, "198.51.100.1", struck_script(point, say, act));
	stage_open(s);
	stage_run(s);
	return s;
}

static void expect_log(struct stage *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void expect_log(struct stage *s, const char *fmt, ...)
{
	char text[sizeof(s->log)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	assert_string_equal(s->log, text);
	assert_int_equal(s->closed, 1);
	stage_free(s);
}

/* ---- links that break ---- */

static void broken_at_each_point(enum act act, const char *kind)
{
	for (size_t i = 0; i < POINT_COUNT; i++) {
		const struct point *p = &points[i];
		struct stage *s = struck_stage(i, NULL, act);
		const char *outcome = p->is_in_doubt   ? ", 0/0/0 in doubt 1"
				      : p->has_message ? ", 0/0/0 undecided 1"
						       : "";

		expect_log(s, "%s CLOSED(%s at %s%s)", p->before, kind, p->phase, outcome);
	}
}

static void the_server_hangs_up(void **state)
{
	(void)state;
	broken_at_each_point(SAY_CLOSE, "closed early");
}

static void the_server_resets(void **state)
{
	(void)state;
	broken_at_each_point(SAY_RESET, "reset");
}

/* ---- silence ---- */

static void silence_at_each_point(void **state)
{
	(void)state;
	for (size_t i = 0; i < POINT_COUNT; i++) {
		const struct point *p = &points[i];
		struct stage *s = struck_stage(i, NULL, HOLD);
		/* Two round trips less each: connect counts one, the others one each. */
		int64_t asked_ns = s->begin_ns + (2 + 2 * (int64_t)i) * MS;
		const char *outcome = p->is_in_doubt   ? ", 0/0/0 in doubt 1"
				      : p->has_message ? ", 0/0/0 undecided 1"
						       : "";

		assert_in_range(s->closed_ns - asked_ns, 10 * NS_PER_SEC,
				10 * NS_PER_SEC + 2 * WHEEL_TICK_NS);
		expect_log(s, "%s CLOSED(timed out at %s%s)", p->before, p->phase, outcome);
	}
}

/* Each phase has a time-out of its own. */
static void each_phase_has_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < POINT_COUNT; i++) {
		struct stage *s = stage_new(NULL);
		struct smtp_timeouts *t = &s->smtp.timeouts;
		int64_t *const own[POINT_COUNT] = {&t->banner_ns, &t->ehlo_ns, &t->mail_ns,
						   &t->rcpt_ns,	  &t->data_ns, &t->dot_ns,
						   &t->quit_ns};

		*own[i] = 70 * MS;
		stage_place(s, "198.51.100.1", struck_script(i, NULL, HOLD));
		stage_open(s);
		stage_run(s);
		assert_in_range(s->closed_ns - s->begin_ns - (2 + 2 * (int64_t)i) * MS, 70 * MS,
				70 * MS + 2 * WHEEL_TICK_NS);
		stage_free(s);
	}
}

/* A server that is never late does not time out, however long a session lasts. */
static void slow_but_in_time(void **state)
{
	struct line script[LINES_MAX] = {{0}};
	struct stage *s = stage_new(NULL);

	(void)state;
	memcpy(script, plain_script, POINT_COUNT * sizeof(*script));
	for (size_t i = 0; i < POINT_COUNT; i++)
		script[i].after_ns = 9900 * MS;
	stage_place(s, "198.51.100.1", script);
	stage_open(s);
	stage_run(s);
	expect_log(s, "connect=2000 banner=9902000/220 ehlo=9902000/250 READY mail=9902000/250 "
		      "rcpt=9902000/250 data=9902000/354 body=0 accept=9902000/250 DONE(1,0,0) "
		      "quit=9902000/221 CLOSED(none)");
}

/* ---- 421 ---- */

static void closing_at_each_point(void **state)
{
	static const char *const kinds[POINT_COUNT] = {
		"refused at connect at banner", "server closing (421) at ehlo",
		"server closing (421) at mail", "server closing (421) at rcpt",
		"server closing (421) at data", "server closing (421) at accept",
	};

	(void)state;
	for (size_t i = 0; i < POINT_COUNT - 1; i++) {
		const struct point *p = &points[i];
		struct stage *s = struck_stage(i, "421 4.3.2 closing\r\n", SAY_CLOSE);

		assert_string_equal(s->detail, "4.3.2 closing");
		/* Each recipient has its answer: deferred, and nothing is in doubt. */
		if (p->has_message)
			assert_string_equal(s->reply_text, "4.3.2 closing");
		expect_log(s, "%s%s %s=2000/421 CLOSED(%s%s)", p->before,
			   p->is_in_doubt ? " body=0" : "", p->phase, kinds[i],
			   p->has_message ? ", 0/1/0 undecided 0" : "");
	}
}

/* To QUIT anything is an answer (RFC 5321 s4.1.1.10). */
static void closing_at_quit(void **state)
{
	(void)state;
	expect_log(struck_stage(6, "421 4.3.2 closing\r\n", SAY_CLOSE),
		   "%s quit=2000/421 CLOSED(none)", points[6].before);
}

/* ---- what servers say ---- */

static const struct saying {
	size_t point;
	const char *say, *log;
} sayings[] = {
	{0, "HTTP/1.1 400 Bad Request\r\n\r\n", "CLOSED(not SMTP at banner, for good)"},
	{0, "554 5.7.1 go away\r\n",
	 "banner=2000/554 CLOSED(refused at connect at banner, for good)"},
	{0, "450 4.7.1 later\r\n", "banner=2000/450 CLOSED(refused at connect at banner)"},
	{0, "\x15\x03\x01\x00\x02\x02\x46", "CLOSED(TLS on a plain port at banner, for good)"},
	{1, "250-one\r\n550 two\r\n", "CLOSED(malformed reply at ehlo, for good)"},
	{1, "450 4.3.0 later\r\n", "ehlo=2000/450 CLOSED(EHLO refused at ehlo)"},
	{2, "250 fine\r\n250 unasked\r\n",
	 "mail=2000/250 unasked=-/250 CLOSED(unasked reply at rcpt, for good?)"},
	{2, "what\r\n", "CLOSED(malformed reply at mail, for good, 0/0/0 undecided 1)"},
};

static void what_servers_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
		struct stage *s = struck_stage(sayings[i].point, sayings[i].say, SAY);

		/* Two replies at once: the second one answers a command that is not out yet. */
		if (strstr(sayings[i].log, "unasked") != NULL) {
			assert_non_null(strstr(s->log, "CLOSED(unasked reply at "));
			assert_non_null(strstr(s->log, "0/0/0 undecided 1)"));
			stage_free(s);
			continue;
		}
		expect_log(s, "%s %s", points[sayings[i].point].before, sayings[i].log);
	}
}

/* ---- TLS ---- */

static struct stage *tls_stage(const struct stage_options *o, enum smtp_tls_use use)
{
	struct stage *s = stage_new(o);

	s->smtp.tls = use;
	return s;
}

static void tls_that_fails(void **state)
{
	static const struct sim_certificate expired = {"mx.example.com", "Test CA", 0, 1, false, 0};
	static const struct sim_sealed_fault alert[] = {{.kind = SECURE_ALERT, .alert = 40}};
	struct stage *s = tls_stage(&(struct stage_options){.server_tls.certificate = &expired},
				    SMTP_TLS_IMPLICIT);

	(void)state;
	stage_place(s, "198.51.100.1", plain_script)->is_sealed = true;
	stage_open(s);
	stage_run(s);
	expect_log(s, "connect=2000 CLOSED(tls certificate expired at tls, for good)");

	s = tls_stage(&(struct stage_options){.server_tls = {.faults = alert, .fault_count = 1}},
		      SMTP_TLS_IMPLICIT);
	stage_place(s, "198.51.100.1", plain_script)->is_sealed = true;
	stage_open(s);
	stage_run(s);
	assert_string_equal(s->detail, "alert: handshake failure");
	expect_log(s, "connect=2000 CLOSED(tls alert at tls, for good)");

	/* A plain port. */
	s = tls_stage(NULL, SMTP_TLS_IMPLICIT);
	stage_place(s, "198.51.100.1", plain_script);
	stage_open(s);
	stage_run(s);
	assert_non_null(strstr(s->detail, "220 mx.example.com ready"));
	expect_log(s, "connect=2000 CLOSED(tls not TLS at tls, for good)");
}

/* Neither an answer to ClientHello nor an end. */
static void tls_that_hangs(void **state)
{
	static const struct line mute[] = {{.act = HOLD}, {0}};
	struct stage *s = tls_stage(NULL, SMTP_TLS_IMPLICIT);

	(void)state;
	stage_place(s, "198.51.100.1", mute);
	stage_open(s);
	stage_run(s);
	assert_in_range(s->closed_ns - s->begin_ns, 5 * NS_PER_SEC + 2 * MS,
			5 * NS_PER_SEC + 2 * MS + 2 * WHEEL_TICK_NS);
	assert_non_null(strstr(s->log, "timed out at tls"));
	expect_log(s, "connect=2000 CLOSED(timed out at tls)");
}

static void tls_that_breaks_off(void **state)
{
	static const struct line hang_up[] = {{.after_ns = 5 * MS, .act = SAY_CLOSE}, {0}};
	struct stage *s = tls_stage(NULL, SMTP_TLS_IMPLICIT);

	(void)state;
	stage_place(s, "198.51.100.1", hang_up);
	stage_open(s);
	stage_run(s);
	/* Its end stands with octets unread: a reset, as on Linux. */
	assert_true(strcmp(s->kind, "reset") == 0 || strcmp(s->kind, "closed early") == 0);
	assert_non_null(strstr(s->log, " at tls)"));
	stage_free(s);
}

#define TO_STARTTLS                                                                                \
	{.say = "220 mx.example.com ready\r\n"},                                                   \
	{                                                                                          \
		.expect = "EHLO", .say = "250-mx.example.com\r\n250 STARTTLS\r\n"                  \
	}

static void starttls_plays(const struct line *script, const char *log)
{
	struct stage *s = tls_stage(NULL, SMTP_TLS_START);

	stage_place(s, "198.51.100.1", script);
	stage_open(s);
	stage_run(s);
	expect_log(s, "connect=2000 banner=2000/220 ehlo=2000/250 %s", log);
}

static void starttls_that_fails(void **state)
{
	static const struct line injected[] = {
		TO_STARTTLS, {.expect = "STARTTLS", .say = "220 go\r\n250 injected\r\n"}, {0}};
	/* In a segment of its own the clear text meets the handshake. */
	static const struct line injected_later[] = {
		TO_STARTTLS,
		{.expect = "STARTTLS", .say = "220 go\r\n"},
		{.say = "250 injected\r\n", .after_ns = 100 * US},
		{0}};
	static const struct line refused[] = {
		TO_STARTTLS, {.expect = "STARTTLS", .say = "454 4.7.0 no TLS now\r\n"}, {0}};
	static const struct line forbidden[] = {
		TO_STARTTLS, {.expect = "STARTTLS", .say = "554 5.7.0 no TLS\r\n"}, {0}};
	static const struct line mute[] = {TO_STARTTLS, {.expect = "STARTTLS", .act = HOLD}, {0}};

	(void)state;
	starttls_plays(injected,
		       "starttls=-/220 CLOSED(clear text behind STARTTLS at tls, for good)");
	starttls_plays(injected_later, "starttls=-/220 CLOSED(tls not TLS at tls, for good)");
	starttls_plays(refused, "starttls=-/454 CLOSED(STARTTLS refused at tls)");
	starttls_plays(forbidden, "starttls=-/554 CLOSED(STARTTLS refused at tls, for good)");
	starttls_plays(mute, "CLOSED(timed out at tls)");
}

static void starttls_not_offered(void **state)
{
	struct stage *s = tls_stage(NULL, SMTP_TLS_START);

	(void)state;
	stage_place(s, "198.51.100.1", plain_script);
	stage_open(s);
	stage_run(s);
	expect_log(s, "connect=2000 banner=2000/220 ehlo=2000/250 "
		      "CLOSED(STARTTLS not offered at tls, for good)");
}

/*
 * A server that answers commands before it has read them. The kernel takes 24 octets of ours here,
 * 8 in its buffer and 16 in the peer's: EHLO gets out, STARTTLS does not before the server reads.
 */
static const struct line hasty_script[] = {
	{.say = "220 mx.example.com ready\r\n"},
	{.say = "250-mx.example.com\r\n250 STARTTLS\r\n", .after_ns = 10 * MS},
	{.say = "220 go\r\n", .after_ns = 10 * MS},
	{.expect = "EHLO"},
	{.expect = "STARTTLS", .act = SAY_TLS},
	{.expect = "EHLO", .say = "250 mx.example.com\r\n"},
	{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .act = SAY_CLOSE},
	{0},
};

static struct stage *hasty_stage(const struct line *script)
{
	struct stage *s = tls_stage(&(struct stage_options){.receive_buffer = 16}, SMTP_TLS_START);

	s->target.send_buffer = 8;
	s->target.receive_buffer = 65536;
	s->messages = 0;
	stage_place(s, "198.51.100.1", script)->never_reads = true;
	stage_open(s);
	stage_run_until(s, s->begin_ns + 40 * MS);
	return s;
}

static void a_reply_that_overtakes_its_command(void **state)
{
	struct stage *s = hasty_stage(hasty_script);

	(void)state;
	assert_string_equal(s->log, "connect=2000 banner=2000/220 ehlo=10000/250 starttls=-/220");
	assert_true(s->talk.channel.is_sending);
	assert_null(s->talk.channel.sealed);
	channel_receive(&s->peers[0].channel, true);
	stage_run(s);
	assert_non_null(strstr(s->log, " READY quit="));
	assert_non_null(strstr(s->log, "/221 CLOSED(none)"));
	assert_non_null(strstr(s->log, "starttls=-/220 tls="));
	stage_free(s);
}

static void overtaking_and_injecting(void **state)
{
	static struct line script[LINES_MAX];
	struct stage *s;

	(void)state;
	memcpy(script, hasty_script, sizeof(hasty_script));
	script[3] = (struct line){.say = "250 injected\r\n", .after_ns = 5 * MS};
	s = hasty_stage(script);
	stage_run(s);
	expect_log(s, "connect=2000 banner=2000/220 ehlo=10000/250 starttls=-/220 "
		      "CLOSED(clear text behind STARTTLS at tls, for good)");
}

static void overtaking_and_falling_silent(void **state)
{
	struct stage *s = hasty_stage(hasty_script);

	(void)state;
	stage_run(s);
	/* The reply came 23 ms after the begin; TLS may take 5 s from there. */
	assert_in_range(s->closed_ns - s->begin_ns, 5 * NS_PER_SEC + 20 * MS,
			5 * NS_PER_SEC + 30 * MS);
	expect_log(s, "connect=2000 banner=2000/220 ehlo=10000/250 starttls=-/220 "
		      "CLOSED(timed out at tls)");
}

/* ---- AUTH ---- */

static void auth_that_fails(void **state)
{
	static const struct line refused[] = {
		{.say = "220 mx.example.com ready\r\n"},
		{.expect = "EHLO", .say = "250-mx.example.com\r\n250 AUTH PLAIN\r\n"},
		{.expect = "AUTH PLAIN", .say = "535 5.7.8 wrong\r\n"},
		{0}};
	struct sasl_params auth = {.user = "user", .password = "pass", .allow_clear = true};
	struct stage *s = stage_new(NULL);

	(void)state;
	s->smtp.auth = &auth;
	s->smtp.is_auth_required = true;
	stage_place(s, "198.51.100.1", refused);
	stage_open(s);
	stage_run(s);
	expect_log(s, "connect=2000 banner=2000/220 ehlo=2000/250 auth=2000/535 "
		      "CLOSED(AUTH refused at auth, for good)");
	s = stage_new(NULL);
	s->smtp.auth = &auth;
	s->smtp.is_auth_required = true;
	stage_place(s, "198.51.100.1", plain_script);
	stage_open(s);
	stage_run(s);
	expect_log(s, "connect=2000 banner=2000/220 ehlo=2000/250 "
		      "CLOSED(no usable AUTH mechanism at auth, for good)");
	sasl_thread_fini();
}

/* ---- deadlines that move while something is being sent ---- */

/*
 * Chunked and pipelined, the replies to MAIL and RCPT come while the content is still going out;
 * the time-out of MAIL, begun when all went out, must not strike after it was answered.
 */
static char large[1000000];

static void replies_while_sending(void **state)
{
	static const struct line script[] = {
		{.say = "220 mx.example.com ready\r\n"},
		{.expect = "EHLO",
		 .say = "250-mx.example.com\r\n250-PIPELINING\r\n250 CHUNKING\r\n"},
		{.expect = "MAIL", .say = "250 2.1.0 fine\r\n", .after_ns = 60 * MS},
		{.expect = "RCPT", .say = "250 2.1.5 fine\r\n", .after_ns = 60 * MS},
		{.expect = "BDAT", .say = "250 2.0.0 taken\r\n"},
		{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .act = SAY_CLOSE},
		{0}};
	struct stage *s = stage_new(&(struct stage_options){.bandwidth = 2000000});

	(void)state;
	memset(large, 'x', sizeof(large));
	s->content = (struct iovec){large, sizeof(large)};
	s->message.size = sizeof(large);
	s->smtp.use_pipelining = s->smtp.use_chunking = true;
	s->smtp.timeouts.mail_ns = s->smtp.timeouts.rcpt_ns = 100 * MS;
	stage_place(s, "198.51.100.1", script);
	stage_open(s);
	stage_run(s);
	assert_int_equal(s->peers[0].content, sizeof(large));
	assert_non_null(strstr(s->log, "/250 DONE(1,0,0) quit="));
	assert_non_null(strstr(s->log, " body="));
	stage_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_server_hangs_up),
		cmocka_unit_test(the_server_resets),
		cmocka_unit_test(silence_at_each_point),
		cmocka_unit_test(each_phase_has_its_own),
		cmocka_unit_test(slow_but_in_time),
		cmocka_unit_test(closing_at_each_point),
		cmocka_unit_test(closing_at_quit),
		cmocka_unit_test(what_servers_say),
		cmocka_unit_test(tls_that_fails),
		cmocka_unit_test(tls_that_hangs),
		cmocka_unit_test(tls_that_breaks_off),
		cmocka_unit_test(starttls_that_fails),
		cmocka_unit_test(starttls_not_offered),
		cmocka_unit_test(a_reply_that_overtakes_its_command),
		cmocka_unit_test(overtaking_and_injecting),
		cmocka_unit_test(overtaking_and_falling_silent),
		cmocka_unit_test(auth_that_fails),
		cmocka_unit_test(replies_while_sending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
