/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_misbehave.c - what each fault rule does to a client
 */
#include <stdio.h>
#include "stage.h"

static struct stage stage;
static struct peer peer;

/* A sink with one rule, and a client that has connected. */
static void begin(const char *rule, enum stage_listener to)
{
	const char *const rules[] = {rule, NULL};

	stage_init(&stage, rules);
	stage_start(&stage);
	peer_open(&stage, &peer, to);
}

static void end(void)
{
	peer_fini(&peer);
	stage_stop(&stage);
	assert_int_equal(stage.status.fault_count, 1);
	assert_true(stage.status.faults[0].fired > 0);
	stage_fini(&stage);
}

static int64_t now(void)
{
	return clock_now(sim_clock(stage.sim));
}

static void test_reply(void **state)
{
	(void)state;
	begin("rcpt:reply=450 4.2.1 Busy;every=2", STAGE_SMTP);
	peer_say(&peer, HELO OPEN, GREETING HELO_OK OPEN_OK);
	peer_say(&peer, "RCPT TO:<e@f.example>\r\n", "450 4.2.1 Busy\r\n");
	/* The accepted one is a recipient all the same. */
	peer_say(&peer, "DATA\r\n.\r\n", DATA_OK "250 2.0.0 Ok\r\n");
	end();

	begin("mail:reply=421 4.7.0 Enough\\nreally", STAGE_SMTP);
	peer_say(&peer, HELO OPEN, GREETING HELO_OK "421-4.7.0 Enough\r\n421 really\r\n");
	assert_true(peer.is_closed);
	end();

	begin("banner:reply=554 No", STAGE_SMTP);
	peer_say(&peer, HELO "QUIT\r\n", "554 No\r\n503 5.5.1 Say hello first\r\n" BYE);
	end();

	begin("ehlo:reply=502 5.5.1 No;first=1", STAGE_SMTP);
	peer_say(&peer, "EHLO x\r\n" HELO, GREETING "502 5.5.1 No\r\n" HELO_OK);
	end();

	begin("starttls:reply=454 4.7.0 No", STAGE_SMTP);
	peer_say(&peer, HELO "STARTTLS\r\n" OPEN,
		 GREETING HELO_OK "554 5.5.1 Commands in clear behind STARTTLS; closing\r\n");
	peer_fini(&peer);
	peer_open(&stage, &peer, STAGE_SMTP);
	peer_say(&peer, HELO "STARTTLS\r\n", GREETING HELO_OK "454 4.7.0 No\r\n");
	peer_say(&peer, OPEN, OPEN_OK);
	end();

	begin("data:reply=451 4.3.0 No", STAGE_SMTP);
	peer_say(&peer, HELO OPEN "DATA\r\nRSET\r\n",
		 GREETING HELO_OK OPEN_OK "451 4.3.0 No\r\n250 2.0.0 Ok\r\n");
	end();

	begin("noop:reply=250 2.0.0 Hello;every=2", STAGE_SMTP);
	peer_say(&peer, "NOOP\r\nVRFY x\r\nRSET\r\n",
		 GREETING "250 2.0.0 Ok\r\n250 2.0.0 Hello\r\n250 2.0.0 Ok\r\n");
	end();
}

static void test_close_and_reset(void **state)
{
	(void)state;
	begin("mail:close", STAGE_SMTP);
	peer_say(&peer, HELO OPEN, GREETING HELO_OK);
	assert_true(peer.is_closed);
	assert_int_equal(peer.end, LINK_END_EOF);
	end();

	begin("rcpt:reset", STAGE_SMTP);
	peer_send(&peer, HELO OPEN);
	stage_run(&stage, 10 * NS_PER_MS);
	assert_int_equal(peer.end, LINK_END_RESET);
	end();

	begin("connect:close", STAGE_SMTP);
	peer_expect(&peer, "");
	assert_int_equal(peer.end, LINK_END_EOF);
	end();

	/* Between the dot and its reply: the message was got, and nobody was told. */
	begin("dot:close", STAGE_SMTP);
	peer_say(&peer, HELO OPEN "DATA\r\nx\r\n.\r\n", GREETING HELO_OK OPEN_OK DATA_OK);
	assert_int_equal(peer.end, LINK_END_EOF);
	peer_fini(&peer);
	stage_stop(&stage);
	assert_int_equal(stage.status.messages.unanswered, 1);
	assert_int_equal(stage.status.messages.accepted, 0);
	stage_fini(&stage);
}

static void test_refuse(void **state)
{
	(void)state;
	begin("connect:refuse;every=2", STAGE_SMTP);
	peer_expect(&peer, GREETING);
	peer_fini(&peer);
	peer_open(&stage, &peer, STAGE_SMTP);
	peer_expect(&peer, "");
	assert_int_equal(peer.end, LINK_END_RESET);
	peer_fini(&peer);
	stage_stop(&stage);
	assert_int_equal(stage.status.sessions.refused, 1);
	assert_int_equal(stage.status.sessions.accepted, 1);
	stage_fini(&stage);
}

/* Within the content, after so many octets and not before. */
static void test_body(void **state)
{
	(void)state;
	begin("body:reset;at=1000", STAGE_SMTP);
	peer_say(&peer, HELO OPEN "DATA\r\n", GREETING HELO_OK OPEN_OK DATA_OK);
	for (int i = 0; i < 9; i++)
		peer_say(&peer,
			 "98 octets.........................................................."
			 "..............................\r\n",
			 "");
	assert_false(peer.is_closed);
	peer_say(&peer,
		 "98 octets.........................................................."
		 "..............................\r\n",
		 "");
	assert_false(peer.is_closed);
	peer_say(&peer, "20 octets are enough\r\n", "");
	assert_int_equal(peer.end, LINK_END_RESET);
	peer_fini(&peer);
	stage_stop(&stage);
	assert_int_equal(stage.status.messages.broken, 1);
	stage_fini(&stage);

	begin("body:close", STAGE_SMTP);
	peer_say(&peer, HELO OPEN "DATA\r\n", GREETING HELO_OK OPEN_OK DATA_OK);
	assert_int_equal(peer.end, LINK_END_EOF);
	end();

	/* BDAT has a body too; a short message escapes. */
	begin("body:close;at=10", STAGE_SMTP);
	peer_say(&peer, HELO OPEN "BDAT 9 LAST\r\n123456789",
		 GREETING HELO_OK OPEN_OK "250 2.0.0 Ok\r\n");
	peer_say(&peer, OPEN "BDAT 11 LAST\r\n12345678901", OPEN_OK);
	assert_true(peer.is_closed);
	end();

	begin("body:stall;at=5", STAGE_SMTP);
	peer_say(&peer, HELO OPEN "DATA\r\n123456\r\n.\r\n", GREETING HELO_OK OPEN_OK DATA_OK);
	stage_run(&stage, 3600 * NS_PER_SEC);
	peer_expect(&peer, "");
	assert_false(peer.is_closed);
	end();
}

static void test_stall(void **state)
{
	(void)state;
	begin("mail:stall", STAGE_SMTP);
	peer_say(&peer, HELO OPEN, GREETING HELO_OK);
	/* Not even the time-out says a word. */
	stage_run(&stage, 3600 * NS_PER_SEC);
	peer_say(&peer, "NOOP\r\n", "");
	assert_false(peer.is_closed);
	end();
}

static void test_tarpit(void **state)
{
	int64_t began_ns;

	(void)state;
	begin("banner:tarpit=100ms", STAGE_SMTP);
	began_ns = now();
	while (peer.got.len < strlen(GREETING) && now() < began_ns + 60 * NS_PER_SEC)
		stage_run(&stage, 10 * NS_PER_MS);
	/* Octet after octet: the first at once, the last after all the others' time. */
	assert_in_range((peer.got_ns - began_ns) / NS_PER_MS, (strlen(GREETING) - 1) * 100 - 10,
			(strlen(GREETING) - 1) * 100 + 10);
	peer_expect(&peer, GREETING);
	stage_run(&stage, NS_PER_SEC);
	peer_say(&peer, HELO "QUIT\r\n", HELO_OK BYE);
	end();

	begin("quit:tarpit=10ms", STAGE_SMTP);
	peer_send(&peer, HELO "QUIT\r\n");
	stage_run(&stage, NS_PER_SEC);
	peer_expect(&peer, GREETING HELO_OK BYE);
	assert_true(peer.is_closed);
	end();
}

static void test_garbage(void **state)
{
	(void)state;
	begin("mail:garbage=100", STAGE_SMTP);
	peer_say(&peer, HELO, GREETING HELO_OK);
	peer_send(&peer, OPEN);
	stage_run(&stage, 10 * NS_PER_MS);
	/* 100 octets and a line end; then the refusal of RCPT, since there was no MAIL. */
	assert_int_equal(peer.got.len - peer.got_taken, 102 + strlen("503 5.5.1 MAIL first\r\n"));
	assert_true((peer.got.data[peer.got_taken] & 0x80) != 0);
	peer.got_taken = peer.got.len;
	peer_say(&peer, "QUIT\r\n", BYE);
	end();

	begin("dot:garbage", STAGE_SMTP);
	peer_say(&peer, HELO OPEN "DATA\r\n", GREETING HELO_OK OPEN_OK DATA_OK);
	peer_send(&peer, "x\r\n.\r\nNOOP\r\n");
	stage_run(&stage, 10 * NS_PER_MS);
	assert_int_equal(peer.got.len - peer.got_taken, 66 + strlen("250 2.0.0 Ok\r\n"));
	peer_fini(&peer);
	stage_stop(&stage);
	assert_int_equal(stage.status.messages.accepted, 0);
	assert_int_equal(stage.status.messages.unanswered, 1);
	stage_fini(&stage);
}

/* A reply line of 3 MB is exactly that long; the dialogue goes on after it. */
static void test_oversize(void **state)
{
	uint64_t before;

	(void)state;
	begin("rcpt:oversize=3000000", STAGE_SMTP);
	peer_say(&peer, HELO, GREETING HELO_OK);
	before = peer.got_total;
	peer_send(&peer, OPEN "RSET\r\n");
	stage_run(&stage, NS_PER_SEC);
	assert_int_equal(peer.got_total - before,
			 strlen("250 2.1.0 Ok\r\n") + 3000000 + strlen("250 2.0.0 Ok\r\n"));
	end();

	begin("mail:oversize=16", STAGE_SMTP);
	peer_say(&peer, HELO "MAIL FROM:<>\r\nNOOP\r\n",
		 GREETING HELO_OK "250 xxxxxxxxxx\r\n250 2.0.0 Ok\r\n");
	end();
}

static void test_endless(void **state)
{
	uint64_t before;

	(void)state;
	begin("ehlo:endless", STAGE_SMTP);
	before = peer.got_total;
	peer_send(&peer, HELO);
	stage_run(&stage, 20 * NS_PER_MS);
	assert_true(peer.got_total - before > 1000000);
	assert_memory_equal(peer.got.data, GREETING "250-and", strlen(GREETING "250-and"));
	end();
}

static void test_greylist(void **state)
{
	(void)state;
	begin("rcpt:greylist=60s", STAGE_SMTP);
	peer_say(&peer, HELO OPEN,
		 GREETING HELO_OK "250 2.1.0 Ok\r\n451 4.7.1 Greylisted, try again later\r\n");
	stage_run(&stage, 61 * NS_PER_SEC);
	peer_say(&peer, "RCPT TO:<c@d.example>\r\n", "250 2.1.5 Ok\r\n");
	/* Another recipient, another sender: each begins to wait. */
	peer_say(&peer, "RCPT TO:<other@d.example>\r\n",
		 "451 4.7.1 Greylisted, try again later\r\n");
	peer_say(&peer, "RSET\r\nMAIL FROM:<other@b.example>\r\nRCPT TO:<c@d.example>\r\n",
		 "250 2.0.0 Ok\r\n250 2.1.0 Ok\r\n451 4.7.1 Greylisted, try again later\r\n");
	end();
}

/* 100 kB at 10 kB/s take ten seconds, less what the buffers hold. */
static void test_slow_reading(void **state)
{
	static char body[1000000];
	int64_t began_ns;

	(void)state;
	begin("body:read=10k/s", STAGE_SMTP);
	memset(body, 'x', sizeof(body));
	memcpy(body + sizeof(body) - 5, "\r\n.\r\n", 5);
	peer_say(&peer, HELO OPEN "DATA\r\n", GREETING HELO_OK OPEN_OK DATA_OK);
	began_ns = now();
	peer_send_octets(&peer, body, sizeof(body));
	while (peer.got.len == peer.got_taken && now() - began_ns < 1000 * NS_PER_SEC)
		stage_run(&stage, 100 * NS_PER_MS);
	/* The last stretch is not paid for before its reply. */
	assert_in_range((now() - began_ns) / NS_PER_SEC, 95, 101);
	peer_expect(&peer, "250 2.0.0 Ok\r\n");
	/* The next command is read at once. */
	peer_say(&peer, "NOOP\r\n", "250 2.0.0 Ok\r\n");
	end();
}

static void test_tls_faults(void **state)
{
	static const char *const closing[] = {"tls:close", "tls:reset"};

	(void)state;
	begin("tls:alert=70", STAGE_SMTPS);
	peer_tls(&peer);
	assert_true(peer.is_closed);
	assert_int_equal(peer.failure, SECURE_VERSION);
	end();

	begin("tls:garbage", STAGE_SMTPS);
	peer_tls(&peer);
	assert_true(peer.is_closed);
	assert_int_equal(peer.failure, SECURE_NOT_TLS);
	end();

	begin("tls:stall", STAGE_SMTPS);
	peer_tls(&peer);
	stage_run(&stage, 1000 * NS_PER_SEC);
	assert_false(peer.is_sealed);
	assert_false(peer.is_closed);
	end();

	begin("tls:delay=2s", STAGE_SMTPS);
	peer_tls(&peer);
	stage_run(&stage, 1900 * NS_PER_MS);
	assert_false(peer.is_sealed);
	stage_run(&stage, 200 * NS_PER_MS);
	assert_true(peer.is_sealed);
	peer_expect(&peer, GREETING);
	end();

	for (int i = 0; i < 2; i++) {
		begin(closing[i], STAGE_SMTP);
		peer_say(&peer, HELO "STARTTLS\r\n",
			 GREETING HELO_OK "220 2.0.0 Ready to start TLS\r\n");
		stage_run(&stage, 10 * NS_PER_MS);
		assert_true(peer.is_closed);
		assert_int_equal(peer.end, i == 0 ? LINK_END_EOF : LINK_END_RESET);
		end();
	}

	begin("tls:alert", STAGE_SMTP);
	peer_say(&peer, HELO "STARTTLS\r\n", GREETING HELO_OK "220 2.0.0 Ready to start TLS\r\n");
	peer_tls(&peer);
	assert_true(peer.is_closed);
	assert_true(peer.failure == SECURE_ALERT || peer.failure == SECURE_NO_COMMON);
	end();
}

/*
 * Delays: what is imposed lies at the law's value, later by a tick of the wheel at most, and what
 * the document reports is what was imposed.
 */
static void test_delays(void **state)
{
	static const struct {
		const char *rule, *phase;
		uint64_t count;
	} cases[] = {
		{"connect:delay=40ms", "connect", 1}, {"banner:delay=40ms", "banner", 1},
		{"ehlo:delay=40ms", "ehlo", 1},	      {"mail:delay=40ms", "mail", 1},
		{"rcpt:delay=40ms", "rcpt", 3},	      {"data:delay=40ms", "data", 1},
		{"dot:delay=40ms", "dot", 1},	      {"quit:delay=40ms", "quit", 1},
		{"rset:delay=40ms", "rset", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t began_ns;

		begin(cases[i].rule, STAGE_SMTP);
		began_ns = now() - NS_PER_MS;
		peer_send(&peer,
			  "RSET\r\n" HELO OPEN "RCPT TO:<e@f.example>\r\nRCPT TO:<g@h.example>\r\n"
			  "DATA\r\nx\r\n.\r\nQUIT\r\n");
		stage_run(&stage, NS_PER_SEC);
		peer_expect(&peer, GREETING "250 2.0.0 Ok\r\n" HELO_OK OPEN_OK
					    "250 2.1.5 Ok\r\n250 2.1.5 Ok\r\n" DATA_OK
					    "250 2.0.0 Ok\r\n" BYE);
		assert_true(peer.is_closed);
		assert_true(peer.got_ns - began_ns >= (int64_t)cases[i].count * 40 * NS_PER_MS);
		assert_true(peer.got_ns - began_ns <
			    (int64_t)cases[i].count * 41 * NS_PER_MS + NS_PER_MS);
		peer_fini(&peer);
		stage_stop(&stage);
		assert_int_equal(stage.delays[0]->total, cases[i].count);
		assert_in_range(stage.delays[0]->min_us, 40000, 40070);
		assert_in_range(stage.delays[0]->max_us, 40000, 40070);
		assert_int_equal(stage.status.delay_count, 1);
		assert_string_equal(stage.status.delays[0].phase, cases[i].phase);
		assert_int_equal(stage.status.delays[0].delay.count, cases[i].count);
		stage_fini(&stage);
	}
}

/* Two hundred draws: the reported distribution is the law's. */
static void test_delay_law(void **state)
{
	struct peer others[10];

	(void)state;
	begin("noop:delay=uniform:10ms-30ms", STAGE_SMTP);
	for (int i = 0; i < 10; i++)
		peer_open(&stage, &others[i], STAGE_SMTP);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 10; i++)
			peer_send(&others[i], "NOOP\r\n");
		stage_run(&stage, 31 * NS_PER_MS);
	}
	for (int i = 0; i < 10; i++)
		peer_fini(&others[i]);
	peer_fini(&peer);
	stage_stop(&stage);
	assert_int_equal(stage.delays[0]->total, 1000);
	assert_in_range(stage.delays[0]->min_us, 10000, 10200);
	assert_in_range(stage.delays[0]->max_us, 29800, 30070);
	assert_in_range(stage.status.delays[0].delay.p50_us, 19000, 21000);
	stage_fini(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reply),	     cmocka_unit_test(test_close_and_reset),
		cmocka_unit_test(test_refuse),	     cmocka_unit_test(test_body),
		cmocka_unit_test(test_stall),	     cmocka_unit_test(test_tarpit),
		cmocka_unit_test(test_garbage),	     cmocka_unit_test(test_oversize),
		cmocka_unit_test(test_endless),	     cmocka_unit_test(test_greylist),
		cmocka_unit_test(test_slow_reading), cmocka_unit_test(test_tls_faults),
		cmocka_unit_test(test_delays),	     cmocka_unit_test(test_delay_law),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
