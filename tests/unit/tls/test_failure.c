/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_failure.c - what goes wrong on the wire, and how it is told apart
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/rng.h"
#include "pair.h"

static struct pair open_pair(size_t split)
{
	struct tls_options client = client_options(&cert), server = server_options(&cert);
	struct pair p = {.split = split};

	pair_open(&p, new_secure(&client), new_secure(&server), "localhost", NULL);
	return p;
}

static void close_pair(struct pair *p)
{
	pair_close(p);
	secure_free(p->client.secure);
	secure_free(p->server.secure);
}

static void test_plain_text_instead_of_tls(void **state)
{
	static const struct {
		const char *text, *detail;
	} cases[] = {
		{"220 mail.example.com ESMTP\r\n", "the peer sent \"220 mail.example.com ESMTP\""},
		{"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",
		 "the peer sent \"HTTP/1.1 400 Bad Request\""},
		{"\x1b[2J\x07", "the peer sent \"\\x1b[2J\\x07\""},
		{"\x16GARBAGE", "the peer sent \"\\x16GARBAGE\""},
		{"220-a line that goes on and on and on until nobody reads it any more\r\n",
		 "the peer sent \"220-a line that goes on and on and on until nobo...\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair p = open_pair(0);

		pair_feed(&p, &p.client, span_of(cases[i].text));
		assert_int_equal(p.client.step, SECURE_FAILED);
		assert_int_equal(end_failure(&p.client), SECURE_NOT_TLS);
		assert_string_equal(end_detail(&p.client), cases[i].detail);
		close_pair(&p);
	}
}

static void test_plain_text_to_server(void **state)
{
	struct pair p = open_pair(0);

	(void)state;
	pair_feed(&p, &p.server, SPAN("EHLO client.example\r\n"));
	assert_int_equal(end_failure(&p.server), SECURE_NOT_TLS);
	assert_string_equal(end_detail(&p.server), "the peer sent \"EHLO client.example\"");
	assert_int_equal(p.server.tx.len, 0);
	close_pair(&p);

	p = open_pair(1);
	pair_feed(&p, &p.server, SPAN("EHLO"));
	assert_int_equal(end_failure(&p.server), SECURE_NOT_TLS);
	assert_string_equal(end_detail(&p.server), "the peer sent \"E\"");
	close_pair(&p);
}

static void feed_client(const char *bytes, size_t len, enum secure_failure failure,
			const char *detail)
{
	for (size_t split = 0; split < 2; split++) {
		struct pair p = open_pair(split);

		pair_feed(&p, &p.client, (struct span){bytes, len});
		assert_int_equal(p.client.step, SECURE_FAILED);
		assert_int_equal(end_failure(&p.client), failure);
		if (detail)
			assert_string_equal(end_detail(&p.client), detail);
		/* A failed session stays failed, and harmless. */
		pair_feed(&p, &p.client, (struct span){bytes, len});
		assert_int_equal(p.client.step, SECURE_FAILED);
		assert_int_equal(end_failure(&p.client), failure);
		secure_shut(p.client.session, &p.client.tx);
		close_pair(&p);
	}
}

static void test_alerts_by_name(void **state)
{
	(void)state;
	feed_client("\x15\x03\x03\x00\x02\x02\x28", 7, SECURE_ALERT, "alert: handshake failure");
	feed_client("\x15\x03\x03\x00\x02\x02\x30", 7, SECURE_ALERT, "alert: unknown CA");
	feed_client("\x15\x03\x03\x00\x02\x02\x50", 7, SECURE_ALERT, "alert: internal error");
	feed_client("\x15\x03\x03\x00\x02\x02\x70", 7, SECURE_ALERT, "alert: unrecognized name");
	feed_client("\x15\x03\x03\x00\x02\x02\xc8", 7, SECURE_ALERT, "alert: number 200");
	feed_client("\x15\x03\x03\x00\x02\x02\x46", 7, SECURE_VERSION, "alert: protocol version");
	feed_client("\x15\x03\x03\x00\x02\x02\x74", 7, SECURE_CERT_MISSING,
		    "alert: certificate required");
	feed_client("\x15\x03\x01\x00\x02\x02\x46", 7, SECURE_VERSION, "alert: protocol version");
	feed_client("\x15\x03\x03\x00\x02\x01\x00", 7, SECURE_CLOSED_EARLY, NULL);
}

static void test_server_of_tls_1_1(void **state)
{
	static const char hello[] = "\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02"
				    "0123456789abcdef0123456789abcdef\x00\xc0\x09\x00";

	(void)state;
	feed_client(hello, sizeof(hello) - 1, SECURE_VERSION, NULL);
}

static void test_malformed_records(void **state)
{
	(void)state;
	/* A length above 2^14 + 256, RFC 8446 s5.2. */
	feed_client("\x16\x03\x03\xff\xff\x02", 6, SECURE_RECORD, NULL);
	/* A handshake message of a type that does not exist. */
	feed_client("\x16\x03\x03\x00\x04\x63\x00\x00\x00", 9, SECURE_RECORD, NULL);
	/* Finished, where ServerHello is due. */
	feed_client("\x16\x03\x03\x00\x08\x14\x00\x00\x04\x01\x02\x03\x04", 13, SECURE_RECORD,
		    NULL);
}

static enum secure_failure failure_between(struct tls_options client, struct tls_options server,
					   enum secure_failure *ret_server)
{
	struct secure *client_tls = new_secure(&client), *server_tls = new_secure(&server);
	struct pair p = {0};
	enum secure_failure seen;

	assert_false(pair_connect(&p, client_tls, server_tls, "localhost", NULL));
	seen = end_failure(&p.client);
	*ret_server = end_failure(&p.server);
	pair_close(&p);
	secure_free(client_tls);
	secure_free(server_tls);
	return seen;
}

static void test_no_common_version(void **state)
{
	struct tls_options client = client_options(&cert), server = server_options(&cert);
	enum secure_failure at_server;

	(void)state;
	client.min_version = TLS_VERSION_1_3;
	server.max_version = TLS_VERSION_1_2;
	/* A server of TLS 1.2 finds no suite of its own; that the version is at fault it can't
	 * know. */
	assert_int_equal(failure_between(client, server, &at_server), SECURE_ALERT);
	assert_int_equal(at_server, SECURE_NO_COMMON);
	client.min_version = TLS_VERSION_DEFAULT;
	client.max_version = TLS_VERSION_1_2;
	server.max_version = TLS_VERSION_DEFAULT;
	server.min_version = TLS_VERSION_1_3;
	assert_int_equal(failure_between(client, server, &at_server), SECURE_VERSION);
	assert_int_equal(at_server, SECURE_VERSION);
}

static void test_no_common_cipher(void **state)
{
	struct tls_options client = client_options(&cert), server = server_options(&cert);
	enum secure_failure at_server;

	(void)state;
	client.ciphers = "TLS_AES_256_GCM_SHA384";
	server.ciphers = "TLS_AES_128_GCM_SHA256";
	/* The client is told by an alert; only the server knows that it was the suites. */
	assert_int_equal(failure_between(client, server, &at_server), SECURE_ALERT);
	assert_int_equal(at_server, SECURE_NO_COMMON);
	client.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
	server.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
	assert_int_equal(failure_between(client, server, &at_server), SECURE_ALERT);
	assert_int_equal(at_server, SECURE_NO_COMMON);
}

static void tamper(enum tls_version version, size_t at_from_end)
{
	struct tls_options client = client_options(&cert), server = server_options(&cert);
	struct secure *client_tls, *server_tls;
	struct iovec plain = {(void *)(uintptr_t) "250 queued\r\n", 12};
	struct pair p = {0};

	client.min_version = client.max_version = version;
	client_tls = new_secure(&client);
	server_tls = new_secure(&server);
	assert_true(pair_connect(&p, client_tls, server_tls, "localhost", NULL));
	assert_int_equal(secure_seal(p.server.session, &plain, 1, SIZE_MAX, &p.server.tx), 12);
	p.server.tx.data[p.server.tx.len - at_from_end] ^= 0x20;
	pair_deliver(&p, &p.server, &p.client);
	assert_int_equal(p.client.step, SECURE_FAILED);
	assert_int_equal(end_failure(&p.client), SECURE_RECORD);
	assert_int_equal(p.client.received.len, 0);
	/* The peer is told: bad_record_mac, RFC 8446 s6.2. */
	pair_run(&p);
	assert_int_equal(end_failure(&p.server), SECURE_ALERT);
	assert_string_equal(end_detail(&p.server), "alert: bad record MAC");
	pair_close(&p);
	secure_free(client_tls);
	secure_free(server_tls);
}

static void test_tampered_records(void **state)
{
	(void)state;
	tamper(TLS_VERSION_1_3, 1);
	tamper(TLS_VERSION_1_3, 20);
	tamper(TLS_VERSION_1_2, 1);
	tamper(TLS_VERSION_1_2, 20);
}

static void test_record_of_other_version_when_open(void **state)
{
	struct pair p = open_pair(0);

	(void)state;
	pair_run(&p);
	pair_feed(&p, &p.client, SPAN("220 mail.example.com ESMTP\r\n"));
	assert_int_equal(p.client.step, SECURE_FAILED);
	assert_int_equal(end_failure(&p.client), SECURE_RECORD);
	close_pair(&p);
}

/* What the library wants to send finds no room: a failure, no crash, no half record later. */
static void test_no_room_for_handshake(void **state)
{
	struct tls_options client = client_options(&cert);
	struct secure *tls = new_secure(&client);
	struct secure_request request = {.role = SECURE_CLIENT, .server_name = "localhost"};
	struct err e = {0};
	struct buf tx;

	(void)state;
	buf_init(&tx, 16);
	assert_null(secure_open(tls, &request, &tx, &e));
	assert_int_equal(e.status, EXIT_FAILED);
	buf_fini(&tx);
	secure_free(tls);
}

/* One octet of the handshake changed, in either direction: it fails for a reason, or does not. */
static void test_mutated_handshakes(void **state)
{
	struct tls_options client = client_options(&cert), server = server_options(&cert);
	struct secure *client_tls = new_secure(&client), *server_tls = new_secure(&server);
	struct rng rng;
	int failed = 0;

	(void)state;
	rng_init(&rng, 20260101);
	for (int i = 0; i < 200; i++) {
		struct pair p = {0};
		bool at_client = rng_below(&rng, 2);
		int flight = (int)rng_below(&rng, 2);

		pair_open(&p, client_tls, server_tls, "localhost", NULL);
		for (int turn = 0; p.client.tx.len > 0 || p.server.tx.len > 0; turn++) {
			struct buf *tx = at_client ? &p.client.tx : &p.server.tx;

			assert_in_range(turn, 0, 10);
			if (!at_client && turn == flight)
				pair_deliver(&p, &p.client, &p.server);
			if (turn == flight && tx->len > 0)
				tx->data[rng_below(&rng, tx->len)] ^=
					(char)(1u << rng_below(&rng, 8));
			pair_deliver(&p, &p.client, &p.server);
			pair_deliver(&p, &p.server, &p.client);
		}
		assert_int_equal(p.client.step == SECURE_FAILED,
				 end_failure(&p.client) != SECURE_OK);
		assert_int_equal(p.server.step == SECURE_FAILED,
				 end_failure(&p.server) != SECURE_OK);
		if (end_failure(&p.client) != SECURE_OK || end_failure(&p.server) != SECURE_OK)
			failed++;
		pair_close(&p);
	}
	/* Nearly everything is covered by the transcript's hash; record heads alone are not. */
	assert_in_range(failed, 150, 200);
	secure_free(client_tls);
	secure_free(server_tls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_text_instead_of_tls),
		cmocka_unit_test(test_plain_text_to_server),
		cmocka_unit_test(test_alerts_by_name),
		cmocka_unit_test(test_server_of_tls_1_1),
		cmocka_unit_test(test_malformed_records),
		cmocka_unit_test(test_no_common_version),
		cmocka_unit_test(test_no_common_cipher),
		cmocka_unit_test(test_tampered_records),
		cmocka_unit_test(test_record_of_other_version_when_open),
		cmocka_unit_test(test_no_room_for_handshake),
		cmocka_unit_test(test_mutated_handshakes),
	};

	return cmocka_run_group_tests_name("tls failure", tests, cert_set_up, cert_tear_down);
}
