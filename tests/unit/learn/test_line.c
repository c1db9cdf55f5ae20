/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_line.c - one line of each kind of log, and what is none
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/clock.h"
#include "learn/line.h"
#include "learn/read.h"
#include "learn/stamp.h"

#define POSTFIX "Nov 21 14:05:01 out postfix/smtp[4711]: 4JfcC62DS0z1c1C: "

static enum line_result read(const char *text, struct line_scratch *s, struct learn_line *l)
{
	*l = (struct learn_line){0};
	return line_read(span_of(text), 2026, s, l);
}

static void assert_span(struct span got, const char *wanted)
{
	char text[LINE_TEXT_MAX + 1];

	assert_true(got.len < sizeof(text));
	if (got.len > 0)
		memcpy(text, got.data, got.len);
	text[got.len] = '\0';
	assert_string_equal(text, wanted);
}

/* ---- dates ---- */

static void stamps(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
		size_t used; /* 0: none */
	} cases[] = {
		{"2026-11-21T14:05:01Z", INT64_C(1795269901000000000), 20},
		{"2026-11-21T14:05:01.25Z x", INT64_C(1795269901250000000), 23},
		{"2026-11-21 14:05:01.123456789+01:30", INT64_C(1795264501123456789), 35},
		{"2026-11-21T14:05:01-0500", INT64_C(1795287901000000000), 24},
		{"2026-11-21T14:05:01", INT64_C(1795269901000000000), 19},
		{"1970-01-01T00:00:00Z", 0, 20},
		{"2026-13-21T14:05:01Z", 0, 0},
		{"2026-11-21T24:05:01Z", 0, 0},
		{"2026-11-21T14:05", 0, 0},
		{"9999-11-21T14:05:01Z", 0, 0},
		{"2026-11-21T14:05:01+9", 0, 0},
		{"", 0, 0},
	};
	int64_t ns = 77;
	char text[STAMP_DURATION_MAX], date[STAMP_DATE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t used = stamp_read_iso(span_of(cases[i].text), &ns);

		assert_int_equal(used, cases[i].used);
		if (used > 0)
			assert_int_equal(ns, cases[i].ns);
	}
	assert_int_equal(stamp_read_syslog(span_of("Nov  1 04:05:01 x"), 2026, &ns), 15);
	assert_int_equal(ns, INT64_C(1793505901000000000));
	assert_int_equal(stamp_read_syslog(span_of("Nov 21 04:05:0"), 2026, &ns), 0);
	assert_int_equal(stamp_read_syslog(span_of("Nix 21 04:05:01"), 2026, &ns), 0);
	assert_int_equal(stamp_year(INT64_C(1795269901000000000)), 2026);
	assert_string_equal(stamp_date(stamp_year_before(INT64_C(1795269901000000000)), date),
			    "2025-11-21");
	assert_string_equal(stamp_duration(3600 * NS_PER_SEC, text), "1h");
	assert_string_equal(stamp_duration(90 * NS_PER_SEC, text), "90s");
	assert_string_equal(stamp_duration(250 * NS_PER_MS, text), "250ms");
}

/* ---- volley ---- */

static void volley_message(void **state)
{
	struct line_scratch s;
	struct learn_line l;

	(void)state;
	line_scratch_init(&s);
	assert_int_equal(
		read("{\"time\":\"2026-11-21T14:05:01.000250Z\",\"outcome\":\"deferred\","
		     "\"session\":7,\"connection\":12,\"on_connection\":3,\"source\":null,"
		     "\"target\":\"smtp+starttls://mx.example.net:2525\",\"phase\":\"mail\","
		     "\"id\":\"00ff-9\",\"recipient\":\"a@b.example\",\"recipients\":2,"
		     "\"service_us\":250,\"command\":\"mail\",\"code\":421,\"enhanced\":\"4.7.0\","
		     "\"text\":\"4.7.0 Slow\\n4.7.0 down\\u0007\",\"later\":{\"x\":[1]}}",
		     &s, &l),
		LINE_EVENT);
	assert_int_equal(l.format, LEARN_VOLLEY);
	assert_int_equal(l.kind, LINE_REFUSED);
	assert_int_equal(l.at_ns, INT64_C(1795269901000250000));
	assert_int_equal(l.message_ns, 250000);
	assert_int_equal(l.phase, PHASE_MAIL);
	assert_int_equal(l.on_connection, 3);
	assert_int_equal(l.recipients, 2);
	assert_int_equal(l.reply.code, 421);
	assert_int_equal(l.reply.enhanced.subject, 7);
	assert_span(l.reply.text, "4.7.0 Slow\n4.7.0 down");
	assert_span(l.connection, "12");
	assert_span(l.site, "mx.example.net:2525");
	assert_span(l.host, "mx.example.net");
	assert_span(l.source, "");
	line_scratch_fini(&s);
}

static void volley_others(void **state)
{
#define HEAD "{\"time\":\"2026-11-21T14:05:01Z\",\"target\":\"smtp://[::1]:25\",\"connection\":1,"
	static const struct {
		const char *text;
		enum line_result result;
		enum line_kind kind;
		enum phase phase;
		uint16_t code;
		bool is_silent, is_partial;
	} cases[] = {
		{HEAD "\"outcome\":\"opened\",\"phase\":\"session\"}", LINE_EVENT, LINE_OPENED,
		 PHASE_SESSION, 0, false, false},
		{HEAD "\"outcome\":\"closed\",\"phase\":\"session\"}", LINE_EVENT, LINE_CLOSED,
		 PHASE_SESSION, 0, false, false},
		{HEAD "\"outcome\":\"session\",\"phase\":\"banner\",\"command\":\"connect\","
		      "\"code\":421,\"text\":\"4.7.0 Full\"}",
		 LINE_EVENT, LINE_TURNED_AWAY, PHASE_BANNER, 421, false, false},
		{HEAD "\"outcome\":\"session\",\"phase\":\"banner\",\"error\":\"refused at "
		      "connect\",\"text\":\"4.7.0 Full\"}",
		 LINE_EVENT, LINE_TURNED_AWAY, PHASE_BANNER, 421, false, false},
		{HEAD "\"outcome\":\"session\",\"phase\":\"banner\",\"error\":\"closed early\"}",
		 LINE_EVENT, LINE_TURNED_AWAY, PHASE_BANNER, 0, true, false},
		{HEAD "\"outcome\":\"session\",\"phase\":\"session\",\"error\":\"reset\"}",
		 LINE_EVENT, LINE_CLOSED, PHASE_SESSION, 0, true, false},
		{HEAD "\"outcome\":\"session\",\"phase\":\"connect\",\"error\":\"refused\"}",
		 LINE_IDLE, 0, 0, 0, false, false},
		{HEAD "\"outcome\":\"accepted\",\"phase\":\"accept\",\"code\":250}", LINE_EVENT,
		 LINE_ACCEPTED, PHASE_ACCEPT, 250, false, false},
		{HEAD "\"outcome\":\"deferred\",\"phase\":\"accept\",\"command\":\"rcpt\","
		      "\"code\":452,\"text\":\"4.5.3 Too many\"}",
		 LINE_EVENT, LINE_REFUSED, PHASE_RCPT, 452, false, true},
		{HEAD "\"outcome\":\"failed\",\"phase\":\"mail\",\"error\":\"closed early\"}",
		 LINE_EVENT, LINE_BROKEN, PHASE_MAIL, 0, true, false},
		{HEAD "\"outcome\":\"failed\",\"phase\":\"mail\",\"error\":\"timed out\"}",
		 LINE_IDLE, 0, 0, 0, false, false},
		{HEAD "\"outcome\":7}", LINE_NONE, 0, 0, 0, false, false},
		{"{\"outcome\":\"accepted\",\"time\":\"yesterday\"}", LINE_NONE, 0, 0, 0, false,
		 false},
	};
	struct line_scratch s;
	struct learn_line l;

	(void)state;
	line_scratch_init(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum line_result result = read(cases[i].text, &s, &l);

		if (result != cases[i].result)
			fail_msg("%s: %d", cases[i].text, (int)result);
		if (result != LINE_EVENT)
			continue;
		if (l.kind != cases[i].kind || l.phase != cases[i].phase ||
		    l.reply.code != cases[i].code || l.is_silent != cases[i].is_silent ||
		    l.is_partial != cases[i].is_partial)
			fail_msg("%s: kind %d phase %d code %u", cases[i].text, (int)l.kind,
				 (int)l.phase, (unsigned)l.reply.code);
		assert_span(l.host, "[::1]");
	}
	line_scratch_fini(&s);
}

/* ---- KumoMTA ---- */

static void kumomta(void **state)
{
	struct line_scratch s;
	struct learn_line l;

	(void)state;
	line_scratch_init(&s);
	assert_int_equal(
		read("{\"type\":\"TransientFailure\",\"id\":\"1d98\",\"sender\":\"a@b.example\","
		     "\"recipient\":\"c@d.example\",\"queue\":\"t@d.example\",\"site\":\"ip-1->"
		     "(alt1|alt2)?.mx.d.example.@smtp_client\",\"size\":9,\"response\":{\"code\":"
		     "421,\"enhanced_code\":{\"class\":4,\"subject\":7,\"detail\":28},\"content\":"
		     "\"Our system has\\ndetected\",\"command\":\"MAIL FROM:<a@b.example>\"},"
		     "\"peer_address\":{\"name\":\"alt1.mx.d.example.\",\"addr\":\"192.0.2.9\"},"
		     "\"timestamp\":1795269901,\"created\":1795269900,\"num_attempts\":2,"
		     "\"egress_source\":\"ip-1\",\"source_address\":{\"address\":"
		     "\"198.51.100.7:5000\"},\"session_id\":\"5d0a-77\"}",
		     &s, &l),
		LINE_EVENT);
	assert_int_equal(l.format, LEARN_KUMOMTA);
	assert_int_equal(l.kind, LINE_REFUSED);
	assert_int_equal(l.phase, PHASE_MAIL);
	assert_int_equal(l.at_ns, INT64_C(1795269901000000000));
	assert_int_equal(l.precision_ns, NS_PER_SEC);
	assert_span(l.reply.text, "4.7.28 Our system has\n4.7.28 detected");
	assert_int_equal(l.reply.enhanced.detail, 28);
	assert_span(l.site, "(alt1|alt2)?.mx.d.example");
	assert_span(l.host, "alt1.mx.d.example");
	assert_span(l.source, "ip-1");
	assert_span(l.connection, "5d0a-77");

	assert_int_equal(
		read("{\"type\":\"Reception\",\"timestamp\":1795269901,\"response\":{}}", &s, &l),
		LINE_IDLE);
	assert_int_equal(read("{\"type\":\"TransientFailure\",\"timestamp\":1795269901,"
			      "\"response\":{\"code\":451,\"content\":\"KumoMTA internal: no "
			      "route\"},\"peer_address\":{}}",
			      &s, &l),
			 LINE_IDLE);
	assert_int_equal(read("{\"type\":\"Delivery\",\"event_time\":1795269901.25,\"response\":"
			      "{\"code\":250,\"content\":\"OK\"},\"peer_address\":{\"name\":"
			      "\"mx.\"}}",
			      &s, &l),
			 LINE_EVENT);
	assert_int_equal(l.kind, LINE_ACCEPTED);
	assert_int_equal(l.at_ns, INT64_C(1795269901250000000));
	line_scratch_fini(&s);
}

/* ---- Postfix ---- */

static void postfix(void **state)
{
	struct line_scratch s;
	struct learn_line l;

	(void)state;
	line_scratch_init(&s);
	assert_int_equal(read(POSTFIX
			      "to=<a@b.example>, relay=mx.b.example[192.0.2.1]:25, conn_use=3, "
			      "delay=2.3, delays=0.02/0.01/1.2/1.1, dsn=4.7.0, status=deferred "
			      "(host mx.b.example[192.0.2.1] said: 421-4.7.0 Try again (later) "
			      "421 4.7.0 please (in reply to MAIL FROM command))",
			      &s, &l),
			 LINE_EVENT);
	assert_int_equal(l.format, LEARN_POSTFIX);
	assert_int_equal(l.kind, LINE_REFUSED);
	assert_int_equal(l.phase, PHASE_MAIL);
	assert_int_equal(l.process, 4711);
	assert_int_equal(l.on_connection, 3);
	assert_int_equal(l.connect_ns, 1200 * NS_PER_MS);
	assert_int_equal(l.message_ns, 1100 * NS_PER_MS);
	assert_int_equal(l.precision_ns, NS_PER_SEC);
	assert_span(l.reply.text, "4.7.0 Try again (later)\n4.7.0 please");
	assert_span(l.site, "mx.b.example");
	assert_span(l.recipient, "a@b.example");
	assert_span(l.message, "4JfcC62DS0z1c1C");

	assert_int_equal(read("2026-11-21T14:05:01.5+00:00 out postfix-bulk/lmtp[9]: ABCDE12: "
			      "to=<a@b.example>, relay=127.0.0.1[127.0.0.1]:2424, delay=1, "
			      "delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)",
			      &s, &l),
			 LINE_EVENT);
	assert_int_equal(l.kind, LINE_ACCEPTED);
	assert_int_equal(l.at_ns, INT64_C(1795269901500000000));
	assert_int_equal(l.on_connection, 1);
	assert_span(l.site, "127.0.0.1:2424");
	line_scratch_fini(&s);
}

static void postfix_others(void **state)
{
	static const struct {
		const char *text;
		enum line_result result;
		enum line_kind kind;
		enum phase phase;
		uint16_t code;
	} cases[] = {
		{POSTFIX "to=<a@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1, "
			 "delays=1/0/0/0, dsn=4.0.0, status=deferred (host mx.b.example[192.0.2.1] "
			 "refused to talk to me: 421 Too many connections)",
		 LINE_EVENT, LINE_TURNED_AWAY, PHASE_BANNER, 421},
		{POSTFIX "host mx.b.example[192.0.2.1] refused to talk to me: 554 Go away",
		 LINE_EVENT, LINE_TURNED_AWAY, PHASE_BANNER, 554},
		{POSTFIX "host mx.b.example[192.0.2.1] said: 450 Later (in reply to RCPT TO "
			 "command)",
		 LINE_IDLE, 0, 0, 0},
		{POSTFIX "to=<a@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1, "
			 "delays=1/0/0/0, dsn=4.4.2, status=deferred (lost connection with "
			 "mx.b.example[192.0.2.1] while sending RCPT TO)",
		 LINE_EVENT, LINE_BROKEN, PHASE_RCPT, 0},
		{POSTFIX "to=<a@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1, "
			 "delays=1/0/0/0, dsn=4.4.2, status=deferred (lost connection with "
			 "mx.b.example[192.0.2.1] while receiving the initial server greeting)",
		 LINE_EVENT, LINE_TURNED_AWAY, PHASE_BANNER, 0},
		{POSTFIX "to=<a@b.example>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, "
			 "status=deferred (connect to mx.b.example[192.0.2.1]:25: Connection timed "
			 "out)",
		 LINE_IDLE, 0, 0, 0},
		{POSTFIX "to=<a@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1, "
			 "delays=1/0/0/0, dsn=5.1.1, status=bounced (host mx.b.example[192.0.2.1] "
			 "said: 550 5.1.1 No such user (in reply to end of DATA command))",
		 LINE_EVENT, LINE_REFUSED, PHASE_ACCEPT, 550},
		{"Nov 21 14:05:01 out postfix/qmgr[1]: ABCDE12: removed", LINE_IDLE, 0, 0, 0},
		{"Nov 21 14:05:01 out postfix/smtp[1]: connect to x[192.0.2.1]:25: timed out",
		 LINE_IDLE, 0, 0, 0},
		{"Nov 21 14:05:01 out sshd[1]: hello", LINE_NONE, 0, 0, 0},
		{"hello", LINE_NONE, 0, 0, 0},
		{"{\"a\":1}", LINE_NONE, 0, 0, 0},
		{"{\"time\":", LINE_NONE, 0, 0, 0},
		{"[1]", LINE_NONE, 0, 0, 0},
	};
	struct line_scratch s;
	struct learn_line l;

	(void)state;
	line_scratch_init(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum line_result result = read(cases[i].text, &s, &l);

		if (result != cases[i].result)
			fail_msg("%s: %d", cases[i].text, (int)result);
		if (result == LINE_EVENT &&
		    (l.kind != cases[i].kind || l.phase != cases[i].phase ||
		     l.reply.code != cases[i].code || l.is_silent != (l.reply.code == 0)))
			fail_msg("%s: kind %d phase %d code %u", cases[i].text, (int)l.kind,
				 (int)l.phase, (unsigned)l.reply.code);
	}
	line_scratch_fini(&s);
}

static void cleaning(void **state)
{
	struct line_scratch s;

	(void)state;
	line_scratch_init(&s);
	assert_span(line_clean(SPAN(" a\tb\x7f\x1b[0m \n"), &s), "a b  [0m");
	assert_span(line_clean(SPAN("\xc3\xa9\xff\xc2\x85\xed\xa0\x80x"), &s), "\xc3\xa9??\?\?\?x");
	assert_span(line_clean(SPAN(""), &s), "");
	line_scratch_fini(&s);
}

/* ---- files ---- */

static void check_text(const char *text, size_t len, const char *wanted)
{
	struct observation *o = observation_new();
	struct err e = {0};

	assert_non_null(o);
	assert_int_equal(learn_read_text(o, (struct span){text, len}, "a.log",
					 INT64_C(1795269901) * NS_PER_SEC, &e),
			 -1);
	assert_int_equal(e.status, EXIT_USAGE);
	if (strstr(e.text, wanted) == NULL)
		fail_msg("%s", e.text);
	observation_free(o);
}

static void not_logs(void **state)
{
	static char binary[70000];

	(void)state;
	check_text("", 0, "a.log is empty");
	check_text("hello\nworld\n", 12, "none of its 2 lines");
	check_text(binary, sizeof(binary), "is no delivery log");
	check_text("Nov 21 14:05:01 out postfix/qmgr[1]: ABCDE12: removed", 54,
		   "none of its 1 lines tells of a delivery");
}

/* A log that goes through a new year ends in the year in which it was written. */
static void new_year(void **state)
{
#define SENT                                                                                       \
	" out postfix/smtp[1]: ABCDE12: to=<a@b.example>, relay=mx.b.example[192.0.2.1]:25, "      \
	"delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 Ok)\n"
	static const char log[] = "Dec 31 23:59:59" SENT "garbage\nJan  1 00:00:01" SENT;
	struct observation *o = observation_new();
	struct err e = {0};

	(void)state;
	assert_int_equal(
		learn_read_text(o, SPAN(log), "a.log", INT64_C(1795269901) * NS_PER_SEC, &e), 0);
	assert_int_equal(o->event_count, 2);
	assert_int_equal(o->events[0].end_ns, INT64_C(1767225599) * NS_PER_SEC);
	assert_int_equal(o->events[1].end_ns, INT64_C(1767225601) * NS_PER_SEC);
	assert_int_equal(o->files[0].unknown, 1);
	assert_int_equal(o->files[0].lines, 3);
	assert_int_equal(o->files[0].first_ns, INT64_C(1767225599) * NS_PER_SEC);
	observation_free(o);
}

/* Lines for a message's recipients are one message; uses of a connection are one connection. */
static void joining(void **state)
{
#define LINE(time, process, id, use, rest)                                                         \
	"Nov 21 14:05:" time " out postfix/smtp[" process "]: " id ": to=<a@b.example>, "          \
	"relay=mx.b.example[192.0.2.1]:25, " use "delay=1, delays=0/0/0/0.5, dsn=2.0.0, " rest     \
	"\n"
#define OK "status=sent (250 Ok)"
#define TOO_MANY                                                                                   \
	"status=deferred (host mx.b.example[192.0.2.1] said: 452 4.5.3 Too many (in reply to "     \
	"RCPT TO command))"
	static const char log[] = LINE("01", "1", "AAAAA1", "", OK)
		LINE("01", "1", "AAAAA1", "", OK) LINE("01", "1", "AAAAA1", "", TOO_MANY)
			LINE("02", "2", "AAAAA2", "conn_use=2, ", OK)
				LINE("03", "1", "AAAAA3", "", OK)
					LINE("09", "1", "AAAAA1", "conn_use=3, ", OK);
	struct observation *o = observation_new();
	struct err e = {0};

	(void)state;
	assert_int_equal(
		learn_read_text(o, SPAN(log), "a.log", INT64_C(1795269901) * NS_PER_SEC, &e), 0);
	assert_int_equal(observation_order(o), 0);
	assert_int_equal(o->event_count, 4);
	assert_int_equal(o->events[0].recipients, 3);
	assert_int_equal(o->events[0].refused, 1);
	assert_true(o->events[0].has_passed);
	assert_int_equal(o->connection_count, 2);
	assert_int_equal(o->events[1].connection, o->events[0].connection);
	assert_int_not_equal(o->events[2].connection, o->events[0].connection);
	assert_int_equal(o->events[3].connection, o->events[0].connection);
	assert_int_equal(observation_find_site(o, "*.b.example"), 0);
	assert_int_equal(observation_find_site(o, "mx.c.example"), -1);
	observation_free(o);
}

/* What breaks off after a refusal is its end; what breaks off by itself is not. */
static void aftermath(void **state)
{
#define BREAK(connection, use, rest)                                                               \
	"{\"time\":\"2026-11-21T14:05:0" use                                                       \
	"Z\",\"target\":\"smtp://mx.example\",\"connection\":" connection                          \
	",\"on_connection\":" use ",\"phase\":\"mail\"," rest "}\n"
#define REFUSED "\"outcome\":\"deferred\",\"command\":\"mail\",\"code\":450,\"text\":\"no\""
#define BROKEN	"\"outcome\":\"failed\",\"error\":\"closed early\""
#define PASSED	"\"outcome\":\"accepted\",\"code\":250"
	static const char log[] = BREAK("1", "1", REFUSED) BREAK("1", "2", BROKEN)
		BREAK("2", "3", PASSED) BREAK("2", "4", BROKEN);
	static const bool wanted[] = {false, true, false, false};
	struct observation *o = observation_new();
	struct err e = {0};

	(void)state;
	assert_int_equal(
		learn_read_text(o, SPAN(log), "a.log", INT64_C(1795269901) * NS_PER_SEC, &e), 0);
	assert_int_equal(observation_order(o), 0);
	assert_int_equal(o->event_count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(o->events[i].is_aftermath, wanted[i]);
	assert_int_equal(o->connections[0].messages, 1);
	assert_int_equal(o->connections[1].messages, 2);
	observation_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps),	 cmocka_unit_test(volley_message),
		cmocka_unit_test(volley_others), cmocka_unit_test(kumomta),
		cmocka_unit_test(postfix),	 cmocka_unit_test(postfix_others),
		cmocka_unit_test(cleaning),	 cmocka_unit_test(not_logs),
		cmocka_unit_test(new_year),	 cmocka_unit_test(joining),
		cmocka_unit_test(aftermath),
	};

	return cmocka_run_group_tests_name("learn/line", tests, NULL, NULL);
}
