/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_session.c - clients of a sink without faults: dialogue, batching, limits, TLS, counts
 */
#include <stdio.h>
#include "stage.h"

#define MARK(seq) "X-Volley-ID: 00000000000000aa-" seq "-1767225600500000000\r\n\r\nx\r\n.\r\n"

static uint64_t replies(const struct stage *s, const char *command, int code)
{
	for (size_t i = 0; i < s->status.reply_count; i++)
		if (!strcmp(s->status.replies[i].command, command) &&
		    s->status.replies[i].code == code)
			return s->status.replies[i].count;
	return 0;
}

static void test_message(void **state)
{
	struct stage s;
	struct peer p;

	(void)state;
	stage_init(&s, NULL);
	stage_start(&s);
	peer_open(&s, &p, STAGE_SMTP);
	peer_expect(&p, GREETING);
	peer_say(&p, HELO, HELO_OK);
	peer_say(&p, OPEN, OPEN_OK);
	peer_say(&p, "DATA\r\n", DATA_OK);
	peer_say(&p, "Subject: x\r\n\r\nhello\r\n.\r\n", "250 2.0.0 Ok\r\n");
	peer_say(&p, "QUIT\r\n", BYE);
	assert_true(p.is_closed);
	assert_int_equal(p.end, LINK_END_EOF);
	peer_fini(&p);
	stage_stop(&s);
	assert_int_equal(s.status.messages.accepted, 1);
	assert_int_equal(s.status.messages.recipients, 1);
	assert_int_equal(s.status.messages.octets, 21);
	assert_int_equal(s.status.sessions.accepted, 1);
	assert_int_equal(s.status.sessions.peak, 1);
	assert_int_equal(s.status.protocol.commands, 5);
	assert_int_equal(s.status.protocol.faulty, 0);
	assert_int_equal(replies(&s, "connect", 220), 1);
	assert_int_equal(replies(&s, "dot", 250), 1);
	assert_int_equal(replies(&s, "quit", 221), 1);
	assert_int_equal(s.status.client_count, 1);
	assert_int_equal(s.status.clients[0].messages, 1);
	assert_int_equal(s.status.clients[0].octets, 21);
	stage_fini(&s);
}

/* What comes in one piece is answered in one piece; the order is kept however much it is. */
static void test_pipelining(void **state)
{
	struct stage s;
	struct peer p;
	struct buf in, out;

	(void)state;
	stage_init(&s, NULL);
	stage_start(&s);
	peer_open(&s, &p, STAGE_SMTP);
	buf_init(&in, 1 << 20);
	buf_init(&out, 1 << 20);
	buf_append_text(&in, HELO "MAIL FROM:<a@b.example>\r\n");
	buf_append_text(&out, GREETING HELO_OK "250 2.1.0 Ok\r\n");
	for (int i = 0; i < 1000; i++) {
		assert_true(buf_printf(&in, "RCPT TO:<user%d@d.example>\r\n", i));
		buf_append_text(&out, "250 2.1.5 Ok\r\n");
	}
	buf_append_text(&in, "DATA\r\n");
	buf_append_text(&out, DATA_OK);
	buf_append(&out, "", 1);
	peer_send_octets(&p, in.data, in.len);
	peer_expect(&p, out.data);
	peer_say(&p, "x\r\n.\r\nNOOP\r\nQUIT\r\n", "250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n" BYE);
	peer_fini(&p);
	stage_stop(&s);
	assert_int_equal(s.status.messages.recipients, 1000);
	buf_fini(&in);
	buf_fini(&out);
	stage_fini(&s);
}

/* Whichever way the network cuts the input, the same is said. */
static void test_splits(void **state)
{
	struct sim_rule rule = {.effect = SIM_PATH,
				.path = {.delay_ns = 1000, .split = SIM_SPLIT_OCTETS}};
	struct stage s;
	struct peer p;

	(void)state;
	stage_init(&s, NULL);
	stage_start(&s);
	assert_int_equal(sim_rule_add(s.sim, &rule, NULL), 0);
	peer_open(&s, &p, STAGE_SMTP);
	peer_send(&p, HELO OPEN "DATA\r\n..x\r\n.y\r\n" MARK("3") "BDAT 3\r\nQUIT\r\n");
	peer_expect(&p, GREETING HELO_OK OPEN_OK DATA_OK
		    "250 2.0.0 Ok\r\n503 5.5.1 MAIL first\r\n500 5.5.2 Command not recognized\r\n");
	peer_fini(&p);
	stage_stop(&s);
	assert_int_equal(s.status.end_to_end.received, 1);
	assert_int_equal(s.status.messages.octets, 4 + 3 + strlen(MARK("3")) - 3);
	stage_fini(&s);
}

static void test_lmtp(void **state)
{
	static const char *const rules[] = {"dot:reply=450 4.2.2 Full;every=2", NULL};
	struct stage s;
	struct peer p;

	(void)state;
	stage_init(&s, rules);
	stage_start(&s);
	peer_open(&s, &p, STAGE_LMTP);
	peer_expect(&p, "220 sink.example LMTP volley\r\n");
	peer_send(&p, "LHLO x\r\n");
	stage_run(&s, NS_PER_MS);
	p.got_taken = p.got.len;
	peer_say(&p, OPEN "RCPT TO:<e@f.example>\r\nRCPT TO:<g@h.example>\r\n",
		 OPEN_OK "250 2.1.5 Ok\r\n250 2.1.5 Ok\r\n");
	peer_say(&p, "DATA\r\nx\r\n.\r\n",
		 DATA_OK "250 2.0.0 Ok\r\n450 4.2.2 Full\r\n250 2.0.0 Ok\r\n");
	peer_fini(&p);
	stage_stop(&s);
	assert_int_equal(s.status.messages.accepted, 1);
	assert_int_equal(s.status.messages.recipients, 2);
	assert_int_equal(replies(&s, "dot", 250), 2);
	assert_int_equal(replies(&s, "dot", 450), 1);
	stage_fini(&s);
}

static void test_tls(void **state)
{
	struct stage s;
	struct peer p, q;

	(void)state;
	stage_init(&s, NULL);
	stage_start(&s);
	peer_open(&s, &p, STAGE_SMTP);
	peer_expect(&p, GREETING);
	peer_say(&p, HELO "STARTTLS\r\n", HELO_OK "220 2.0.0 Ready to start TLS\r\n");
	peer_tls(&p);
	assert_true(p.is_sealed);
	peer_say(&p, "MAIL FROM:<a@b.example>\r\n", "503 5.5.1 Say hello first\r\n");
	peer_say(&p, HELO OPEN "DATA\r\n", HELO_OK OPEN_OK DATA_OK);
	peer_say(&p, MARK("0"), "250 2.0.0 Ok\r\n");
	peer_open(&s, &q, STAGE_SMTPS);
	peer_tls(&q);
	peer_expect(&q, GREETING);
	peer_say(&q, HELO "STARTTLS\r\n", HELO_OK "502 5.5.1 Command not implemented\r\n");
	peer_fini(&q);
	peer_fini(&p);
	/* Not TLS on a port that wants it. */
	peer_open(&s, &p, STAGE_SMTPS);
	peer_send(&p, "EHLO x\r\n");
	stage_run(&s, 10 * NS_PER_MS);
	assert_true(p.is_closed);
	peer_fini(&p);
	stage_stop(&s);
	assert_int_equal(s.status.sessions.sealed, 2);
	assert_int_equal(s.status.tls_count, 1);
	assert_int_equal(s.status.tls[0].count, 2);
	assert_int_equal(s.status.tls_failure_count, 1);
	assert_string_equal(s.status.tls_failures[0].name, secure_failure_name(SECURE_NOT_TLS));
	stage_fini(&s);
}

/* RFC 3207 s5: clear text behind STARTTLS ends the connection; nothing of it is taken. */
static void test_injection(void **state)
{
	static const char *const rules[] = {"starttls:delay=50ms", NULL};
	struct stage s;
	struct peer p;

	(void)state;
	for (int is_late = 0; is_late < 2; is_late++) {
		stage_init(&s, is_late ? rules : NULL);
		stage_start(&s);
		peer_open(&s, &p, STAGE_SMTP);
		peer_expect(&p, GREETING);
		peer_say(&p, HELO, HELO_OK);
		peer_send(&p, is_late ? "STARTTLS\r\n" : "STARTTLS\r\n" OPEN);
		if (is_late) {
			stage_run(&s, 10 * NS_PER_MS);
			peer_send(&p, OPEN);
			stage_run(&s, 100 * NS_PER_MS);
		}
		peer_expect(&p, "554 5.5.1 Commands in clear behind STARTTLS; closing\r\n");
		assert_true(p.is_closed);
		peer_fini(&p);
		stage_stop(&s);
		assert_int_equal(s.status.protocol.injections, 1);
		assert_int_equal(replies(&s, "mail", 250), 0);
		stage_fini(&s);
	}
}

static void test_session_limit(void **state)
{
	struct stage s;
	struct peer peers[3];

	(void)state;
	stage_init(&s, NULL);
	s.plan.session_max = 2;
	stage_start(&s);
	peer_open(&s, &peers[0], STAGE_SMTP);
	peer_open(&s, &peers[1], STAGE_SMTP);
	peer_open(&s, &peers[2], STAGE_SMTP);
	peer_expect(&peers[2], "421 4.7.0 Too many connections, try again later\r\n");
	assert_true(peers[2].is_closed);
	peer_fini(&peers[2]);
	/* One leaves, one may come. */
	peer_say(&peers[0], "QUIT\r\n", GREETING BYE);
	peer_fini(&peers[0]);
	peer_open(&s, &peers[0], STAGE_SMTP);
	peer_expect(&peers[0], GREETING);
	peer_fini(&peers[0]);
	peer_fini(&peers[1]);
	stage_stop(&s);
	assert_int_equal(s.status.sessions.over_limit, 1);
	assert_int_equal(s.status.sessions.peak, 2);
	assert_int_equal(replies(&s, "connect", 421), 1);
	stage_fini(&s);
}

static void test_idle_and_errors(void **state)
{
	struct stage s;
	struct peer p, q;

	(void)state;
	stage_init(&s, NULL);
	s.plan.idle_ns = 10 * NS_PER_SEC;
	s.plan.errors_max = 3;
	stage_start(&s);
	peer_open(&s, &p, STAGE_SMTP);
	peer_expect(&p, GREETING);
	/* Traffic puts the time-out off. */
	for (int i = 0; i < 5; i++) {
		stage_run(&s, 6 * NS_PER_SEC);
		peer_say(&p, "NOOP\r\n", "250 2.0.0 Ok\r\n");
	}
	stage_run(&s, 9 * NS_PER_SEC);
	peer_expect(&p, "");
	stage_run(&s, 11 * NS_PER_SEC);
	peer_expect(&p, "421 4.4.2 Timeout, closing\r\n");
	assert_true(p.is_closed);
	peer_fini(&p);
	/* A handshake that never comes is ended too. */
	peer_open(&s, &q, STAGE_SMTPS);
	stage_run(&s, 25 * NS_PER_SEC);
	assert_true(q.is_closed);
	peer_fini(&q);
	peer_open(&s, &q, STAGE_SMTP);
	peer_say(&q, "A\r\nB\r\nC\r\nD\r\nNOOP\r\n",
		 GREETING
		 "500 5.5.2 Command not recognized\r\n500 5.5.2 Command not recognized\r\n"
		 "500 5.5.2 Command not recognized\r\n421 4.7.0 Too many errors, closing\r\n");
	assert_true(q.is_closed);
	peer_fini(&q);
	stage_stop(&s);
	assert_int_equal(s.status.sessions.timed_out, 2);
	stage_fini(&s);
}

/* Received, duplicated, lost; refused messages are not received. */
static void test_end_to_end(void **state)
{
	static const char *const rules[] = {"dot:reply=554 5.7.1 No;after=5", NULL};
	static const char *const seqs[] = {"0", "3", "1", "3", "7", "2"};
	struct stage s;
	struct peer p;

	(void)state;
	stage_init(&s, rules);
	stage_start(&s);
	peer_open(&s, &p, STAGE_SMTP);
	peer_say(&p, HELO, GREETING HELO_OK);
	for (int i = 0; i < 6; i++) {
		char text[200];

		peer_say(&p, OPEN "DATA\r\n", OPEN_OK DATA_OK);
		snprintf(text, sizeof(text),
			 "Subject: a\r\nX-Volley-ID: 00000000000000aa-%s-%lld\r\n"
			 "\r\n.\r\n",
			 seqs[i], (long long)clock_wall_ns(sim_clock(s.sim)) - 5 * NS_PER_MS);
		peer_say(&p, text, i < 5 ? "250 2.0.0 Ok\r\n" : "554 5.7.1 No\r\n");
	}
	peer_say(&p, OPEN "DATA\r\nX-Volley-ID: what\r\n\r\n.\r\n",
		 OPEN_OK DATA_OK "554 5.7.1 No\r\n");
	peer_fini(&p);
	stage_stop(&s);
	assert_int_equal(s.status.run_count, 1);
	assert_string_equal(s.status.runs[0].id, "00000000000000aa");
	assert_int_equal(s.status.runs[0].received, 4);
	assert_int_equal(s.status.runs[0].duplicated, 1);
	assert_int_equal(s.status.runs[0].highest, 7);
	assert_int_equal(s.status.runs[0].lost, 4);
	assert_int_equal(s.status.runs[0].latency.count, 4);
	/* 5 ms, and what the simulated network took. */
	assert_in_range(s.status.runs[0].latency.min_us, 5000, 5100);
	assert_true(s.status.end_to_end.is_known);
	assert_int_equal(s.status.end_to_end.lost, 4);
	assert_int_equal(s.status.ids_malformed, 1);
	assert_int_equal(s.status.messages.rejected, 2);
	stage_fini(&s);
}

/* Leaving: those at rest are told, those within a message may end it, nobody is waited for. */
static void test_stop(void **state)
{
	struct stage s;
	struct peer idle, busy, stuck;

	(void)state;
	stage_init(&s, NULL);
	stage_start(&s);
	peer_open(&s, &idle, STAGE_SMTP);
	peer_expect(&idle, GREETING);
	peer_open(&s, &busy, STAGE_SMTP);
	peer_say(&busy, HELO OPEN "DATA\r\nx", GREETING HELO_OK OPEN_OK DATA_OK);
	peer_open(&s, &stuck, STAGE_SMTP);
	peer_say(&stuck, HELO OPEN "DATA\r\nx", GREETING HELO_OK OPEN_OK DATA_OK);
	sink_worker_stop(&s.worker);
	peer_expect(&idle, "421 4.3.2 Service shutting down\r\n");
	assert_true(idle.is_closed);
	peer_say(&busy, "\r\n.\r\n", "250 2.0.0 Ok\r\n421 4.3.2 Service shutting down\r\n");
	assert_true(busy.is_closed);
	stage_stop(&s);
	assert_true(stuck.is_closed);
	assert_int_equal(s.status.messages.accepted, 1);
	assert_int_equal(s.status.messages.broken, 1);
	assert_int_equal(s.status.sessions.open_at_end, 1);
	assert_int_equal(replies(&s, "unasked", 421), 2);
	peer_fini(&idle);
	peer_fini(&busy);
	peer_fini(&stuck);
	stage_fini(&s);
}

/* A client that goes away in the midst of things leaves nothing behind. */
static void test_broken(void **state)
{
	static const char *const parts[] = {
		"",
		"HEL",
		HELO "MAIL FR",
		HELO OPEN "DATA\r\nabc",
		HELO OPEN "BDAT 10\r\nab",
		HELO OPEN "DATA\r\nabc\r\n.\r\n",
	};
	struct stage s;

	(void)state;
	stage_init(&s, NULL);
	stage_start(&s);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		for (int is_reset = 0; is_reset < 2; is_reset++) {
			struct peer p;

			peer_open(&s, &p, STAGE_SMTP);
			if (parts[i][0])
				peer_send(&p, parts[i]);
			if (!is_reset)
				stage_run(&s, NS_PER_MS);
			peer_fini(&p);
		}
	stage_run(&s, NS_PER_SEC);
	assert_int_equal(s.worker.session_count, 0);
	stage_stop(&s);
	assert_true(s.status.messages.broken >= 2);
	stage_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),	      cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_splits),	      cmocka_unit_test(test_lmtp),
		cmocka_unit_test(test_tls),	      cmocka_unit_test(test_injection),
		cmocka_unit_test(test_session_limit), cmocka_unit_test(test_idle_and_errors),
		cmocka_unit_test(test_end_to_end),    cmocka_unit_test(test_stop),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
