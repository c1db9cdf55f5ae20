/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_client.c - what the dialogues of tests/protocol do not see of the SMTP client
 *
 * Times of commands and of the content, SCRAM (whose nonces are random), memory that is not to be
 * had, and what the client lends and borrows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "smtp/base64.h"
#include "smtp/client.h"

#define SEC NS_PER_SEC

static const char *password_of(const struct sasl_accounts *self, const char *user)
{
	(void)self;
	return strcmp(user, "tim") == 0 ? "tanstaaftanstaaf" : NULL;
}

static const struct sasl_accounts accounts = {.password = password_of};

struct session {
	struct smtp_client_params params;
	struct smtp_client client;
	struct smtp_event event; /* the last one */
	struct buf tx, written;
	int64_t now_ns;
};

static void session_start(struct session *s)
{
	s->params.helo_name = "client.example.org";
	smtp_timeouts_rfc5321(&s->params.timeouts);
	buf_init(&s->tx, 16384);
	buf_init(&s->written, 65536);
	s->now_ns = 100 * SEC;
	smtp_client_init(&s->client, &s->params, s->now_ns);
}

static void session_end(struct session *s)
{
	smtp_client_fini(&s->client);
	buf_fini(&s->tx);
	buf_fini(&s->written);
}

/* Feeds text until the client wants more; the kinds of the events, one digit each, as a number. */
static int feed(struct session *s, const char *text)
{
	struct span in = span_of(text);
	struct smtp_event event;
	size_t used;
	int kinds = 0;

	while (smtp_client_feed(&s->client, in, s->now_ns, &used, &event) == SMTP_FEED_EVENT) {
		s->event = event;
		kinds = kinds * 10 + (int)event.kind + 1;
		in = span_skip(in, used);
	}
	return kinds;
}

#define REPLY	  (SMTP_EVENT_REPLY + 1)
#define READY	  (SMTP_EVENT_READY + 1)
#define BODY	  (SMTP_EVENT_BODY + 1)
#define DONE	  (SMTP_EVENT_DONE + 1)
#define FAILED	  (SMTP_EVENT_FAILED + 1)
#define TWO(a, b) ((a)*10 + (b))

/* One output into written; the number of segments. */
static int put(struct session *s)
{
	struct iovec segments[8];
	int count = smtp_client_output(&s->client, s->now_ns, &s->tx, segments, 8);

	for (int i = 0; i < count; i++)
		assert_true(buf_append(&s->written, segments[i].iov_base, segments[i].iov_len));
	return count;
}

static void assert_written(struct session *s, const char *text)
{
	assert_true(span_equal(buf_span(&s->written), span_of(text)));
	buf_clear(&s->written);
}

static void put_and_send(struct session *s)
{
	if (put(s) == 0)
		return;
	smtp_client_sent(&s->client, s->now_ns);
	buf_clear(&s->tx);
}

static void session_open(struct session *s, const char *ehlo)
{
	session_start(s);
	assert_int_equal(feed(s, "220 mail\r\n"), REPLY);
	put_and_send(s);
	buf_clear(&s->written);
	assert_int_equal(feed(s, ehlo), TWO(REPLY, READY));
}

static const struct span one_rcpt = {"b@example.com", 13};
static const struct iovec one_line = {(void *)(uintptr_t) "x\r\n", 3};
static const struct smtp_message message = {
	.mail_from = {"a@example.org", 13},
	.rcpt = &one_rcpt,
	.rcpt_count = 1,
	.data = &one_line,
	.data_count = 1,
	.chunk = &one_line,
	.chunk_count = 1,
	.size = 3,
};

static void test_times(void **state)
{
	struct session s = {.now_ns = 0};

	(void)state;
	session_start(&s);
	assert_true(smtp_client_deadline(&s.client) == 400 * SEC);
	s.now_ns = 101 * SEC;
	assert_int_equal(feed(&s, "220 mail\r\n"), REPLY);
	assert_int_equal(s.event.command, SMTP_CONNECT);
	assert_int_equal(s.event.phase, PHASE_BANNER);
	assert_true(s.event.sent_ns == 100 * SEC);
	s.now_ns = 102 * SEC;
	put_and_send(&s);
	s.now_ns = 103 * SEC;
	assert_int_equal(feed(&s, "250 mail\r\n"), TWO(REPLY, READY));
	smtp_client_message(&s.client, &message, s.now_ns);
	s.now_ns = 104 * SEC;
	put_and_send(&s);
	s.now_ns = 105 * SEC;
	assert_int_equal(feed(&s, "250 ok\r\n"), REPLY);
	assert_int_equal(s.event.command, SMTP_MAIL);
	assert_true(s.event.sent_ns == 104 * SEC);
	put_and_send(&s);
	assert_int_equal(feed(&s, "250 ok\r\n"), REPLY);
	put_and_send(&s);
	assert_int_equal(feed(&s, "354 ok\r\n"), TWO(REPLY, BODY));
	assert_true(smtp_client_body_sent_ns(&s.client) == TIME_NEVER);
	s.now_ns = 106 * SEC;
	assert_true(put(&s) > 0);
	assert_true(smtp_client_body_sent_ns(&s.client) == TIME_NEVER);
	s.now_ns = 107 * SEC;
	smtp_client_sent(&s.client, s.now_ns);
	assert_true(smtp_client_body_sent_ns(&s.client) == 107 * SEC);
	s.now_ns = 108 * SEC;
	assert_int_equal(feed(&s, "250 ok\r\n"), TWO(REPLY, DONE));
	assert_true(smtp_client_body_sent_ns(&s.client) == 107 * SEC);
	session_end(&s);
}

/* The reply to the dot shows that the content was sent, whoever reports first. */
static void test_reply_before_sent(void **state)
{
	struct session s = {.now_ns = 0};
	struct smtp_event event;

	(void)state;
	s.params.use_pipelining = true;
	session_open(&s, "250-mail\r\n250 PIPELINING\r\n");
	smtp_client_message(&s.client, &message, s.now_ns);
	put_and_send(&s);
	feed(&s, "250 ok\r\n250 ok\r\n354 go\r\n");
	assert_int_equal(put(&s), 2);
	s.now_ns += SEC;
	assert_int_equal(feed(&s, "250 ok\r\n"), REPLY);
	assert_true(smtp_client_body_sent_ns(&s.client) == s.now_ns);
	assert_false(smtp_client_has_event(&s.client));
	assert_false(smtp_client_is_ready(&s.client));
	smtp_client_sent(&s.client, s.now_ns + SEC);
	assert_true(smtp_client_body_sent_ns(&s.client) == s.now_ns);
	assert_true(smtp_client_has_event(&s.client));
	/* An owner that only watches the deadline gets it as well. */
	assert_true(smtp_client_deadline(&s.client) == s.now_ns + SEC);
	smtp_client_late(&s.client, s.now_ns + SEC, &event);
	assert_int_equal(event.kind, SMTP_EVENT_DONE);
	assert_int_equal(event.outcome->accepted, 1);
	assert_true(smtp_client_is_ready(&s.client));
	assert_true(smtp_client_deadline(&s.client) == TIME_NEVER);
	session_end(&s);
}

/* A message that is refused before it is sent is reported by the deadline as well. */
static void test_local_refusal(void **state)
{
	struct session s = {.now_ns = 0};
	struct smtp_event event;

	(void)state;
	session_open(&s, "250-mail\r\n250 SIZE 2\r\n");
	smtp_client_message(&s.client, &message, s.now_ns);
	assert_int_equal(put(&s), 0);
	assert_true(smtp_client_has_event(&s.client));
	assert_true(smtp_client_deadline(&s.client) == s.now_ns);
	smtp_client_late(&s.client, s.now_ns, &event);
	assert_int_equal(event.kind, SMTP_EVENT_DONE);
	assert_int_equal(event.outcome->rejected, 1);
	assert_memory_equal(event.outcome->reply.text.data, SMTP_LOCAL_REPLY,
			    strlen(SMTP_LOCAL_REPLY));
	assert_true(smtp_client_is_ready(&s.client));
	session_end(&s);
}

static void challenge_feed(struct session *s, struct span raw, int *ret_kinds)
{
	struct buf line;

	buf_init(&line, 4096);
	assert_true(buf_append_text(&line, "334 ") && base64_encode(raw, &line) &&
		    buf_append(&line, "\r\n", 3));
	*ret_kinds = feed(s, line.data);
	buf_fini(&line);
}

/* Takes the client's line apart, the given words before it, and decodes the rest. */
static void line_decode(struct session *s, const char *words, struct buf *ret_raw)
{
	size_t skip = strlen(words);

	put_and_send(s);
	assert_true(s->written.len >= skip + 2);
	assert_memory_equal(s->written.data, words, skip);
	buf_clear(ret_raw);
	assert_true(base64_decode((struct span){s->written.data + skip, s->written.len - skip - 2},
				  ret_raw));
	buf_clear(&s->written);
}

/* SCRAM-SHA-256 as RFC 4954 carries it: the server's proof stands in a last challenge. */
static void test_scram(void **state)
{
	const struct sasl_params auth = {.user = "tim", .password = "tanstaaftanstaaf"};
	struct session s = {.params = {.auth = &auth, .is_auth_required = true}};
	struct sasl *server = sasl_server_new(&accounts, SASL_SCRAM_SHA_256);
	struct buf raw, challenge;
	int kinds;

	(void)state;
	buf_init(&raw, 4096);
	buf_init(&challenge, 4096);
	session_start(&s);
	assert_int_equal(feed(&s, "220 mail\r\n"), REPLY);
	put_and_send(&s);
	buf_clear(&s.written);
	assert_int_equal(feed(&s, "250-mail\r\n250 AUTH PLAIN SCRAM-SHA-256\r\n"), REPLY);
	line_decode(&s, "AUTH SCRAM-SHA-256 ", &raw);
	assert_int_equal(sasl_step(server, buf_span(&raw), &challenge), SASL_STEP_MORE);
	challenge_feed(&s, buf_span(&challenge), &kinds);
	assert_int_equal(kinds, 0);
	line_decode(&s, "", &raw);
	buf_clear(&challenge);
	assert_int_equal(sasl_step(server, buf_span(&raw), &challenge), SASL_STEP_DONE);
	challenge_feed(&s, buf_span(&challenge), &kinds);
	assert_int_equal(kinds, 0);
	put_and_send(&s);
	assert_written(&s, "\r\n");
	assert_int_equal(feed(&s, "235 ok\r\n"), TWO(REPLY, READY));
	assert_null(s.client.auth);
	session_end(&s);
	buf_fini(&raw);
	buf_fini(&challenge);
	sasl_free(server);
	sasl_thread_fini();
}

/* 235 without the server's proof: whoever it is, it does not know the password. */
static void test_scram_without_proof(void **state)
{
	const struct sasl_params auth = {.user = "tim", .password = "tanstaaftanstaaf"};
	struct session s = {.params = {.auth = &auth}};

	(void)state;
	session_start(&s);
	feed(&s, "220 mail\r\n");
	put_and_send(&s);
	feed(&s, "250-mail\r\n250 AUTH SCRAM-SHA-256\r\n");
	put_and_send(&s);
	assert_int_equal(feed(&s, "235 come in\r\n"), TWO(REPLY, FAILED));
	assert_int_equal(s.event.fault, SMTP_FAULT_BAD_CHALLENGE);
	session_end(&s);
	sasl_thread_fini();
}

/* What AUTH says never stands in the owner's buffer. */
static void test_auth_not_in_tx(void **state)
{
	const struct sasl_params auth = {.user = "tim", .password = "secret", .allow_clear = true};
	struct session s = {.params = {.auth = &auth}};

	(void)state;
	session_start(&s);
	feed(&s, "220 mail\r\n");
	put_and_send(&s);
	buf_clear(&s.written);
	feed(&s, "250-mail\r\n250 AUTH PLAIN\r\n");
	assert_int_equal(put(&s), 1);
	assert_int_equal(s.tx.len, 0);
	assert_written(&s, "AUTH PLAIN AHRpbQBzZWNyZXQ=\r\n");
	/* Refused before it was reported as sent: the line stays until then. */
	assert_int_equal(feed(&s, "535 no\r\n"), TWO(REPLY, FAILED));
	assert_non_null(s.client.auth);
	smtp_client_sent(&s.client, s.now_ns);
	assert_null(s.client.auth);
	session_end(&s);
	sasl_thread_fini();
}

static void test_no_room_for_output(void **state)
{
	struct session s = {.now_ns = 0};
	struct smtp_outcome outcome;
	enum smtp_command command;
	enum phase phase;

	(void)state;
	session_open(&s, "250 mail\r\n");
	smtp_client_message(&s.client, &message, s.now_ns);
	buf_fini(&s.tx);
	buf_init(&s.tx, 8);
	assert_int_equal(put(&s), 0);
	assert_true(smtp_client_has_event(&s.client));
	assert_int_equal(feed(&s, ""), FAILED);
	assert_int_equal(s.event.fault, SMTP_FAULT_NO_MEMORY);
	assert_int_equal(s.event.command, SMTP_MAIL);
	assert_true(smtp_client_broken(&s.client, &outcome, &command, &phase));
	assert_int_equal(outcome.undecided, 1);
	assert_false(outcome.is_in_doubt);
	assert_int_equal(command, SMTP_MAIL);
	assert_int_equal(phase, PHASE_MAIL);
	session_end(&s);
}

/* What the owner has in its buffer stays there. */
static void test_output_appends(void **state)
{
	struct session s = {.now_ns = 0};
	struct iovec segments[2];

	(void)state;
	session_open(&s, "250 mail\r\n");
	smtp_client_message(&s.client, &message, s.now_ns);
	assert_true(buf_append_text(&s.tx, "mine"));
	assert_int_equal(smtp_client_output(&s.client, s.now_ns, &s.tx, segments, 2), 1);
	assert_memory_equal(s.tx.data, "mineMAIL FROM:<", 15);
	assert_ptr_equal(segments[0].iov_base, s.tx.data + 4);
	session_end(&s);
}

/* Replies that come as a whole take no memory, whatever the message's fate. */
static void test_no_memory_taken(void **state)
{
	struct session s = {.now_ns = 0};

	(void)state;
	s.params.use_pipelining = true;
	session_open(&s, "250-mail\r\n250 PIPELINING\r\n");
	assert_null(s.client.parser.kept.data);
	for (int i = 0; i < 3; i++) {
		smtp_client_message(&s.client, &message, s.now_ns);
		put_and_send(&s);
		feed(&s, i == 0 ? "250 ok\r\n250 ok\r\n354 go\r\n"
				: "250 ok\r\n450 4.2.2 full\r\n554 nobody\r\n");
		put_and_send(&s);
		feed(&s, i == 0 ? "250 queued\r\n" : "250 reset\r\n");
		assert_null(s.client.parser.kept.data);
		assert_null(s.client.kept_long);
		assert_true(smtp_client_is_ready(&s.client));
	}
	session_end(&s);
}

static void test_init_again(void **state)
{
	struct session s = {.now_ns = 0};

	(void)state;
	session_open(&s, "250-mail\r\n250 SIZE 2\r\n");
	smtp_client_message(&s.client, &message, s.now_ns);
	smtp_client_fini(&s.client);
	smtp_client_fini(&s.client);
	assert_true(smtp_client_deadline(&s.client) == TIME_NEVER);
	smtp_client_init(&s.client, &s.params, s.now_ns);
	assert_int_equal(smtp_client_capabilities(&s.client)->extensions, 0);
	assert_int_equal(feed(&s, "220 mail\r\n"), REPLY);
	session_end(&s);
}

static void test_timeouts(void **state)
{
	struct smtp_timeouts t;

	(void)state;
	smtp_timeouts_rfc5321(&t);
	assert_true(t.banner_ns == 300 * SEC && t.mail_ns == 300 * SEC && t.rcpt_ns == 300 * SEC);
	assert_true(t.data_ns == 120 * SEC && t.body_ns == 180 * SEC && t.dot_ns == 600 * SEC);
	assert_true(t.ehlo_ns > 0 && t.starttls_ns > 0 && t.auth_ns > 0 && t.rset_ns > 0 &&
		    t.quit_ns > 0);
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < SMTP_COMMAND_COUNT; i++)
		assert_non_null(smtp_command_name((enum smtp_command)i));
	for (int i = 0; i < SMTP_FAULT_COUNT; i++)
		assert_non_null(smtp_fault_name((enum smtp_fault)i));
	assert_string_equal(smtp_command_name(SMTP_DOT), "dot");
	assert_string_equal(smtp_fault_name(SMTP_FAULT_NOT_SMTP), "not SMTP");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_reply_before_sent),
		cmocka_unit_test(test_local_refusal),
		cmocka_unit_test(test_scram),
		cmocka_unit_test(test_scram_without_proof),
		cmocka_unit_test(test_auth_not_in_tx),
		cmocka_unit_test(test_no_room_for_output),
		cmocka_unit_test(test_output_appends),
		cmocka_unit_test(test_no_memory_taken),
		cmocka_unit_test(test_init_again),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
