/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_times.c - the time of each phase, exact on the virtual clock
 *
 * The network takes 1 ms one way: a phase takes 2 ms more than the server.
 */
#include "stage.h"
#include <stdio.h>

static const struct line timed_script[] = {
	{.say = "220 mx.example.com ready\r\n", .after_ns = 3 * MS},
	{.expect = "EHLO", .say = "250 mx.example.com\r\n", .after_ns = 5 * MS},
	{.expect = "MAIL", .say = "250 2.1.0 fine\r\n", .after_ns = 7 * MS},
	{.expect = "RCPT", .say = "250 2.1.5 fine\r\n", .after_ns = 11 * MS},
	{.expect = "DATA", .say = "354 go ahead\r\n", .after_ns = 13 * MS},
	{.expect = ".", .say = "250 2.0.0 taken\r\n", .after_ns = 17 * MS},
	{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .after_ns = 19 * MS, .act = SAY_CLOSE},
	{0},
};

#define TIMED_LOG                                                                                  \
	"ehlo=7000/250 READY mail=9000/250 rcpt=13000/250 data=15000/354 body=0 "                  \
	"accept=19000/250 DONE(1,0,0) quit=21000/221 CLOSED(none)"

static void in_clear(void **state)
{
	struct stage *s = stage_new(NULL);

	(void)state;
	stage_place(s, "198.51.100.1", timed_script);
	stage_plays(s, "connect=2000 banner=5000/220 " TIMED_LOG);
}

static void in_octets(void **state)
{
	struct stage *s = stage_new(&(struct stage_options){.split = SIM_SPLIT_OCTETS});

	(void)state;
	stage_place(s, "198.51.100.1", timed_script);
	stage_plays(s, "connect=2000 banner=5000/220 " TIMED_LOG);
}

/* One round trip for the handshake of TLS 1.3; the greeting counts from its end. */
static void implicit_tls(void **state)
{
	struct stage *s = stage_new(NULL);

	(void)state;
	s->smtp.tls = SMTP_TLS_IMPLICIT;
	stage_place(s, "198.51.100.1", timed_script)->is_sealed = true;
	stage_plays(s, "connect=2000 tls=2000 banner=5000/220 " TIMED_LOG);
}

/* And two for TLS 1.2. */
static void implicit_tls_1_2(void **state)
{
	struct stage *s =
		stage_new(&(struct stage_options){.server_tls = {.max_version = SIM_TLS_1_2}});

	(void)state;
	s->smtp.tls = SMTP_TLS_IMPLICIT;
	stage_place(s, "198.51.100.1", timed_script)->is_sealed = true;
	/* The server's Finished is the last word: the greeting follows 3 ms behind. */
	stage_plays(s, "connect=2000 tls=4000 banner=3000/220 " TIMED_LOG);
}

static const struct line starttls_script[] = {
	{.say = "220 mx.example.com ready\r\n", .after_ns = 3 * MS},
	{.expect = "EHLO", .say = "250-mx.example.com\r\n250 STARTTLS\r\n", .after_ns = MS},
	{.expect = "STARTTLS", .say = "220 go\r\n", .after_ns = 4 * MS, .act = SAY_TLS},
	{.expect = "EHLO", .say = "250 mx.example.com\r\n", .after_ns = 5 * MS},
	{.expect = "MAIL", .say = "250 2.1.0 fine\r\n", .after_ns = 7 * MS},
	{.expect = "RCPT", .say = "250 2.1.5 fine\r\n", .after_ns = 11 * MS},
	{.expect = "DATA", .say = "354 go ahead\r\n", .after_ns = 13 * MS},
	{.expect = ".", .say = "250 2.0.0 taken\r\n", .after_ns = 17 * MS},
	{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .after_ns = 19 * MS, .act = SAY_CLOSE},
	{0},
};

/* The phase of TLS holds STARTTLS, its reply and the handshake. */
static void starttls(void **state)
{
	struct stage *s = stage_new(NULL);

	(void)state;
	s->smtp.tls = SMTP_TLS_START;
	stage_place(s, "198.51.100.1", starttls_script);
	stage_plays(
		s, "connect=2000 banner=5000/220 ehlo=3000/250 starttls=-/220 tls=8000 " TIMED_LOG);
}

static const struct line pipelined_script[] = {
	{.say = "220 mx.example.com ready\r\n"},
	{.expect = "EHLO", .say = "250-mx.example.com\r\n250 PIPELINING\r\n"},
	{.expect = "MAIL", .say = "250 2.1.0 fine\r\n", .after_ns = 7 * MS},
	{.expect = "RCPT", .say = "250 2.1.5 fine\r\n", .after_ns = 2 * MS},
	{.expect = "RCPT", .say = "550 5.1.1 nobody\r\n", .after_ns = 3 * MS},
	{.expect = "DATA", .say = "354 go ahead\r\n", .after_ns = 4 * MS},
	{.expect = ".", .say = "250 2.0.0 taken\r\n", .after_ns = 17 * MS},
	{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .act = SAY_CLOSE},
	{0},
};

/* All went out at one time: each time counts from there, as RFC 2920 lets the client see it. */
static void pipelined(void **state)
{
	struct stage *s = stage_new(NULL);

	(void)state;
	s->smtp.use_pipelining = true;
	s->message.rcpt_count = 2;
	stage_place(s, "198.51.100.1", pipelined_script);
	stage_plays(s, "connect=2000 banner=2000/220 ehlo=2000/250 READY mail=9000/250 "
		       "rcpt=11000/250 rcpt=14000/550 data=18000/354 body=0 accept=19000/250 "
		       "DONE(1,0,1) quit=2000/221 CLOSED(none)");
}

static const struct line bdat_script[] = {
	{.say = "220 mx.example.com ready\r\n"},
	{.expect = "EHLO", .say = "250-mx.example.com\r\n250 CHUNKING\r\n"},
	{.expect = "MAIL", .say = "250 2.1.0 fine\r\n"},
	{.expect = "RCPT", .say = "250 2.1.5 fine\r\n"},
	{.expect = "BDAT", .say = "250 2.0.0 taken\r\n", .after_ns = 17 * MS},
	{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .act = SAY_CLOSE},
	{0},
};

static void chunked(void **state)
{
	struct stage *s = stage_new(NULL);

	(void)state;
	s->smtp.use_chunking = true;
	stage_place(s, "198.51.100.1", bdat_script);
	stage_plays(s, "connect=2000 banner=2000/220 ehlo=2000/250 READY mail=2000/250 "
		       "rcpt=2000/250 body=0 accept=19000/250 DONE(1,0,0) quit=2000/221 "
		       "CLOSED(none)");
}

static const struct line lmtp_script[] = {
	{.say = "220 mx.example.com ready\r\n"},
	{.expect = "LHLO", .say = "250 mx.example.com\r\n", .after_ns = 5 * MS},
	{.expect = "MAIL", .say = "250 2.1.0 fine\r\n"},
	{.expect = "RCPT", .say = "250 2.1.5 fine\r\n"},
	{.expect = "RCPT", .say = "250 2.1.5 fine\r\n"},
	{.expect = "DATA", .say = "354 go ahead\r\n"},
	{.expect = ".", .say = "250 2.0.0 taken\r\n", .after_ns = MS},
	{.say = "452 4.2.2 full\r\n", .after_ns = 2 * MS},
	{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .act = SAY_CLOSE},
	{0},
};

/* A reply for each recipient, each timed from the dot; the body is told once. */
static void lmtp(void **state)
{
	struct stage *s = stage_new(NULL);

	(void)state;
	s->smtp.is_lmtp = true;
	s->message.rcpt_count = 2;
	stage_place(s, "198.51.100.1", lmtp_script);
	stage_plays(s, "connect=2000 banner=2000/220 ehlo=7000/250 READY mail=2000/250 "
		       "rcpt=2000/250 rcpt=2000/250 data=2000/354 body=0 accept=3000/250 "
		       "accept=5000/452 DONE(1,1,0) quit=2000/221 CLOSED(none)");
}

/*
 * A body of 1,000,000 octets through a wire of 1,000,000 octets a second: the last octets are taken
 * by the kernel while the send buffer and the peer's window, 128 KiB each, are still full of it,
 * and the reply to the dot comes when all has got through.
 */
static char large[1000000];

static void a_body_through_a_thin_wire(void **state)
{
	struct stage *s = stage_new(&(struct stage_options){.bandwidth = 1000000});
	struct peer *p;
	int body_us, accept_us;
	const char *at;

	(void)state;
	memset(large, 'x', sizeof(large));
	for (size_t i = 0; i + 78 <= sizeof(large); i += 78)
		memcpy(large + i + 76, "\r\n", 2);
	memcpy(large + sizeof(large) - 2, "\r\n", 2);
	s->content = (struct iovec){large, sizeof(large)};
	s->message.size = sizeof(large);
	stage_place(s, "198.51.100.1", plain_script);
	stage_open(s);
	stage_run(s);
	p = &s->peers[0];
	assert_int_equal(p->content, sizeof(large));
	at = strstr(s->log, "body=");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "body=%d accept=%d/250", &body_us, &accept_us), 2);
	assert_in_range(body_us, 1000000 - 2 * 131072, 1000000 - 131072);
	assert_in_range(body_us + accept_us, 1000000 + 2000, 1000000 + 2200);
	stage_free(s);
}

static const struct line refusing_script[] = {
	{.say = "220 mx.example.com ready\r\n"},
	{.expect = "EHLO", .say = "502 5.5.1 what?\r\n"},
	{.expect = "HELO", .say = "250 mx.example.com\r\n", .after_ns = MS},
	{.expect = "MAIL", .say = "250 2.1.0 fine\r\n"},
	{.expect = "RCPT", .say = "450 4.2.1 later\r\n"},
	{.expect = "RSET", .say = "250 2.0.0 reset\r\n", .after_ns = 500 * MS},
	{.expect = "MAIL", .say = "250 2.1.0 fine\r\n"},
	{.expect = "RCPT", .say = "550 5.1.1 nobody\r\n"},
	{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .act = SAY_CLOSE},
	{0},
};

/* HELO where EHLO is refused; a RSET of the protocol's own has no phase and no time. */
static void refusals(void **state)
{
	struct stage *s = stage_new(NULL);

	(void)state;
	s->messages = 2;
	stage_place(s, "198.51.100.1", refusing_script);
	stage_plays(s, "connect=2000 banner=2000/220 ehlo=2000/502 ehlo=3000/250 READY "
		       "mail=2000/250 rcpt=2000/450 DONE(0,1,0) rset=-/250 mail=2000/250 "
		       "rcpt=2000/550 DONE(0,0,1) quit=2000/221 CLOSED(none)");
}

static const struct line auth_script[] = {
	{.say = "220 mx.example.com ready\r\n"},
	{.expect = "EHLO", .say = "250-mx.example.com\r\n250 AUTH LOGIN\r\n"},
	{.expect = "AUTH LOGIN", .say = "334 VXNlcm5hbWU6\r\n", .after_ns = 3 * MS},
	{.expect = "dXNlcg==", .say = "334 UGFzc3dvcmQ6\r\n", .after_ns = 4 * MS},
	{.expect = "cGFzcw==", .say = "235 2.7.0 welcome\r\n", .after_ns = 5 * MS},
	{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .act = SAY_CLOSE},
	{0},
};

/* From AUTH to its final reply, challenges included. */
static void authentication(void **state)
{
	struct stage *s = stage_new(NULL);
	struct sasl_params auth = {
		.user = "user", .password = "pass", .mechanisms = SASL_LOGIN, .allow_clear = true};

	(void)state;
	s->smtp.auth = &auth;
	s->smtp.is_auth_required = true;
	s->messages = 0;
	stage_place(s, "198.51.100.1", auth_script);
	stage_plays(s, "connect=2000 banner=2000/220 ehlo=2000/250 auth=18000/235 READY "
		       "quit=2000/221 CLOSED(none)");
}

/* Several messages on one connection, each with times of its own. */
static const struct line three_script[] = {
	{.say = "220 mx.example.com ready\r\n"},
	{.expect = "EHLO", .say = "250 mx.example.com\r\n"},
	{.expect = "MAIL", .say = "250 fine\r\n", .after_ns = MS},
	{.expect = "RCPT", .say = "250 fine\r\n"},
	{.expect = "DATA", .say = "354 go ahead\r\n"},
	{.expect = ".", .say = "250 taken\r\n", .after_ns = 10 * MS},
	{.expect = "MAIL", .say = "250 fine\r\n", .after_ns = 2 * MS},
	{.expect = "RCPT", .say = "250 fine\r\n"},
	{.expect = "DATA", .say = "451 4.3.0 not now\r\n"},
	{.expect = "RSET", .say = "250 fine\r\n"},
	{.expect = "MAIL", .say = "250 fine\r\n", .after_ns = 3 * MS},
	{.expect = "RCPT", .say = "250 fine\r\n"},
	{.expect = "DATA", .say = "354 go ahead\r\n"},
	{.expect = ".", .say = "554 5.6.0 no\r\n", .after_ns = 30 * MS},
	{.expect = "QUIT", .say = "221 bye\r\n", .act = SAY_CLOSE},
	{0},
};

static void three_messages(void **state)
{
	struct stage *s = stage_new(NULL);

	(void)state;
	s->messages = 3;
	stage_place(s, "198.51.100.1", three_script);
	stage_plays(s, "connect=2000 banner=2000/220 ehlo=2000/250 READY "
		       "mail=3000/250 rcpt=2000/250 data=2000/354 body=0 accept=12000/250 "
		       "DONE(1,0,0) mail=4000/250 rcpt=2000/250 data=2000/451 DONE(0,1,0) "
		       "rset=-/250 mail=5000/250 rcpt=2000/250 data=2000/354 body=0 "
		       "accept=32000/554 DONE(0,0,1) quit=2000/221 CLOSED(none)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_clear),
		cmocka_unit_test(in_octets),
		cmocka_unit_test(implicit_tls),
		cmocka_unit_test(implicit_tls_1_2),
		cmocka_unit_test(starttls),
		cmocka_unit_test(pipelined),
		cmocka_unit_test(chunked),
		cmocka_unit_test(lmtp),
		cmocka_unit_test(a_body_through_a_thin_wire),
		cmocka_unit_test(refusals),
		cmocka_unit_test(authentication),
		cmocka_unit_test(three_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
