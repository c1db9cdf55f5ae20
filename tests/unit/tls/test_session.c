/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_session.c - handshake, data and end of a TLS conversation over memory
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "pair.h"
#include "tls/internal.h"

#define LARGE (1u << 20)

struct contexts {
	struct secure *client, *server;
};

static struct contexts contexts_of(enum tls_version version)
{
	struct tls_options client = client_options(&cert), server = server_options(&cert);

	client.min_version = client.max_version = version;
	return (struct contexts){new_secure(&client), new_secure(&server)};
}

static void contexts_free(struct contexts c)
{
	secure_free(c.client);
	secure_free(c.server);
}

static void say(struct end *from, const char *text)
{
	struct iovec plain = {(void *)(uintptr_t)text, strlen(text)};

	assert_int_equal(secure_seal(from->session, &plain, 1, SIZE_MAX, &from->tx), plain.iov_len);
}

static void assert_received(struct end *end, const char *text)
{
	assert_int_equal(end->received.len, strlen(text));
	assert_memory_equal(end->received.data, text, strlen(text));
}

static void converse(enum tls_version version, size_t split, size_t out_size)
{
	struct contexts c = contexts_of(version);
	struct pair p = {.split = split, .out_size = out_size};

	assert_true(pair_connect(&p, c.client, c.server, "localhost", NULL));
	assert_int_equal(p.client.step, SECURE_MORE);
	assert_int_equal(p.server.step, SECURE_MORE);
	say(&p.server, "220 sink ESMTP\r\n");
	say(&p.client, "EHLO client\r\n");
	pair_run(&p);
	assert_received(&p.client, "220 sink ESMTP\r\n");
	assert_received(&p.server, "EHLO client\r\n");
	secure_shut(p.client.session, &p.client.tx);
	pair_run(&p);
	assert_int_equal(p.server.step, SECURE_CLOSED);
	assert_int_equal(c.client->handshakes_full, 1);
	assert_int_equal(c.server->handshakes_full, 1);
	assert_int_equal(c.client->handshakes_resumed, 0);
	pair_close(&p);
	contexts_free(c);
}

/* Property: how the stream is cut into pieces changes nothing. */
static void test_every_split(void **state)
{
	static const size_t splits[] = {0, 1, 2, 3, 5, 6, 64, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		converse(TLS_VERSION_1_2, splits[i], 0);
		converse(TLS_VERSION_1_3, splits[i], 0);
	}
	converse(TLS_VERSION_1_2, 1, 1);
	converse(TLS_VERSION_1_3, 0, 1);
}

static void test_facts(void **state)
{
	struct contexts c;
	struct pair p = {0};
	struct secure_facts facts;

	(void)state;
	c = contexts_of(TLS_VERSION_1_3);
	assert_true(pair_connect(&p, c.client, c.server, "localhost", NULL));
	facts = end_facts(&p.client);
	assert_string_equal(facts.version, "TLSv1.3");
	assert_string_equal(facts.cipher, tls_library_has_aes() ? "TLS_AES_128_GCM_SHA256"
								: "TLS_CHACHA20_POLY1305_SHA256");
	assert_string_equal(facts.group, "X25519");
	assert_false(facts.is_resumed);
	assert_string_equal(end_facts(&p.server).cipher, facts.cipher);
	pair_close(&p);
	contexts_free(c);

	c = contexts_of(TLS_VERSION_1_2);
	assert_true(pair_connect(&p, c.client, c.server, "localhost", NULL));
	facts = end_facts(&p.client);
	assert_string_equal(facts.version, "TLSv1.2");
	assert_string_equal(facts.cipher, tls_library_has_aes() ? "ECDHE-ECDSA-AES128-GCM-SHA256"
								: "ECDHE-ECDSA-CHACHA20-POLY1305");
	assert_string_equal(facts.group, "X25519");
	pair_close(&p);
	contexts_free(c);
}

static void test_chosen_cipher_and_group(void **state)
{
	struct tls_options client = client_options(&cert), server = server_options(&cert);
	struct contexts c;
	struct pair p = {0};
	struct secure_facts facts;

	(void)state;
	client.ciphers = "TLS_AES_256_GCM_SHA384";
	client.groups = "P-384:P-256";
	c = (struct contexts){new_secure(&client), new_secure(&server)};
	assert_true(pair_connect(&p, c.client, c.server, "localhost", NULL));
	facts = end_facts(&p.client);
	assert_string_equal(facts.cipher, "TLS_AES_256_GCM_SHA384");
	assert_string_equal(facts.group, "P-384");
	pair_close(&p);
	contexts_free(c);

	/* Suites of TLS 1.2 alone bound the version too. */
	client.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
	client.groups = "P-256";
	c = (struct contexts){new_secure(&client), new_secure(&server)};
	assert_true(pair_connect(&p, c.client, c.server, "localhost", NULL));
	facts = end_facts(&p.client);
	assert_string_equal(facts.version, "TLSv1.2");
	assert_string_equal(facts.cipher, "ECDHE-ECDSA-AES256-GCM-SHA384");
	assert_string_equal(facts.group, "P-256");
	pair_close(&p);
	contexts_free(c);
}

/* The share is for a group that the server doesn't take: HelloRetryRequest, RFC 8446 s4.1.4. */
static void test_hello_retry(void **state)
{
	struct tls_options client = client_options(&cert), server = server_options(&cert);
	struct contexts c;
	struct pair p = {.split = 1};

	(void)state;
	server.groups = "P-256";
	c = (struct contexts){new_secure(&client), new_secure(&server)};
	assert_true(pair_connect(&p, c.client, c.server, "localhost", NULL));
	assert_string_equal(end_facts(&p.client).group, "P-256");
	pair_close(&p);
	contexts_free(c);
}

/* The first share in ClientHello is X25519 (group 0x001d), and 32 octets long. */
static void test_key_share(void **state)
{
	static const char share[] = {0x00, 0x33, 0x00, 0x26, 0x00, 0x24, 0x00, 0x1d, 0x00, 0x20};
	static const char groups[] = {0x00, 0x1d, 0x00, 0x17, 0x00, 0x18};
	struct contexts c = contexts_of(TLS_VERSION_DEFAULT);
	struct pair p = {0};

	(void)state;
	pair_open(&p, c.client, c.server, "localhost", NULL);
	assert_non_null(memmem(p.client.tx.data, p.client.tx.len, share, sizeof(share)));
	assert_non_null(memmem(p.client.tx.data, p.client.tx.len, groups, sizeof(groups)));
	assert_non_null(memmem(p.client.tx.data, p.client.tx.len, "localhost", 9));
	pair_close(&p);
	/* An address is no SNI, RFC 6066 s3. */
	pair_open(&p, c.client, c.server, "127.0.0.1", NULL);
	assert_null(memmem(p.client.tx.data, p.client.tx.len, "127.0.0.1", 9));
	pair_close(&p);
	contexts_free(c);
}

static void send_large(struct pair *p, struct end *from, struct end *to, const char *text)
{
	/* Segments of odd sizes, an empty one among them, and a limit that falls inside one. */
	struct iovec plain[] = {
		{(void *)(uintptr_t)text, 1},
		{(void *)(uintptr_t)(text + 1), 0},
		{(void *)(uintptr_t)(text + 1), 99},
		{(void *)(uintptr_t)(text + 100), 40000},
		{(void *)(uintptr_t)(text + 40100), LARGE - 40100},
	};
	size_t done = 0;

	while (done < LARGE) {
		size_t sealed = secure_seal(from->session, plain, 5, 65536, &from->tx);
		size_t skip = sealed;

		assert_int_equal(sealed, LARGE - done < 65536 ? LARGE - done : 65536);
		done += sealed;
		for (int i = 0; i < 5; i++) {
			size_t cut = skip < plain[i].iov_len ? skip : plain[i].iov_len;

			plain[i].iov_base = (char *)plain[i].iov_base + cut;
			plain[i].iov_len -= cut;
			skip -= cut;
		}
		pair_run(p);
	}
	assert_int_equal(to->received.len, LARGE);
	assert_memory_equal(to->received.data, text, LARGE);
}

static void test_large_transfer(void **state)
{
	char *text = malloc(LARGE);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < LARGE; i++)
		text[i] = (char)(i * 2654435761u >> 24);
	for (int i = 0; i < 2; i++) {
		struct contexts c = contexts_of(i ? TLS_VERSION_1_3 : TLS_VERSION_1_2);
		struct pair p = {.split = 4096};

		assert_true(pair_connect(&p, c.client, c.server, "localhost", NULL));
		send_large(&p, &p.client, &p.server, text);
		send_large(&p, &p.server, &p.client, text);
		pair_close(&p);
		contexts_free(c);
	}
	free(text);
}

/* Many small segments become one record, not many. */
static void test_segments_are_joined(void **state)
{
	struct contexts c = contexts_of(TLS_VERSION_1_3);
	struct pair p = {0};
	struct iovec plain[16];

	(void)state;
	assert_true(pair_connect(&p, c.client, c.server, "localhost", NULL));
	for (int i = 0; i < 16; i++)
		plain[i] = (struct iovec){(void *)(uintptr_t) "RSET\r\n", 6};
	assert_int_equal(secure_seal(p.client.session, plain, 16, SIZE_MAX, &p.client.tx), 96);
	/* head, text, type of content, tag: RFC 8446 s5.2 */
	assert_int_equal(p.client.tx.len, 5 + 96 + 1 + 16);
	pair_run(&p);
	assert_int_equal(p.server.received.len, 96);
	pair_close(&p);
	contexts_free(c);
}

/* A buffer that may not grow stops sealing between records, and the session goes on after. */
static void test_seal_stops_at_full_buffer(void **state)
{
	static char text[65536];
	struct contexts c = contexts_of(TLS_VERSION_1_3);
	struct pair p = {0};
	struct iovec plain = {text, sizeof(text)};
	size_t sealed;

	(void)state;
	assert_true(pair_connect(&p, c.client, c.server, "localhost", NULL));
	buf_fini(&p.client.tx);
	buf_init(&p.client.tx, 40000);
	sealed = secure_seal(p.client.session, &plain, 1, SIZE_MAX, &p.client.tx);
	assert_int_equal(sealed, 2 * 16384);
	assert_int_equal(secure_seal(p.client.session, &plain, 1, SIZE_MAX, &p.client.tx), 0);
	pair_run(&p);
	assert_int_equal(p.server.received.len, sealed);
	assert_int_equal(secure_seal(p.client.session, &plain, 1, 100, &p.client.tx), 100);
	pair_run(&p);
	assert_int_equal(p.server.received.len, sealed + 100);
	assert_int_equal(end_failure(&p.client), SECURE_OK);
	pair_close(&p);
	contexts_free(c);
}

static void test_close_notify_both_ways(void **state)
{
	struct contexts c = contexts_of(TLS_VERSION_1_3);
	struct pair p = {0};

	(void)state;
	assert_true(pair_connect(&p, c.client, c.server, "localhost", NULL));
	say(&p.server, "221 bye\r\n");
	secure_shut(p.server.session, &p.server.tx);
	pair_run(&p);
	assert_received(&p.client, "221 bye\r\n");
	assert_int_equal(p.client.step, SECURE_CLOSED);
	assert_int_equal(end_failure(&p.client), SECURE_OK);
	secure_shut(p.client.session, &p.client.tx);
	pair_run(&p);
	assert_int_equal(p.server.step, SECURE_CLOSED);
	pair_close(&p);
	contexts_free(c);
}

/* RFC 8446 s4.6.3: an update that asks for one in return is answered, and data goes on. */
static void test_key_update(void **state)
{
	struct contexts c = contexts_of(TLS_VERSION_1_3);
	struct pair p = {0};
	struct tls_session *server;

	(void)state;
	assert_true(pair_connect(&p, c.client, c.server, "localhost", NULL));
	server = (struct tls_session *)p.server.session;
	server->tx = &p.server.tx;
	assert_int_equal(wolfSSL_update_keys(server->ssl), WOLFSSL_SUCCESS);
	server->tx = NULL;
	pair_deliver(&p, &p.server, &p.client);
	assert_true(p.client.tx.len > 0);
	say(&p.client, "MAIL FROM:<>\r\n");
	say(&p.server, "250 ok\r\n");
	pair_run(&p);
	assert_received(&p.server, "MAIL FROM:<>\r\n");
	assert_received(&p.client, "250 ok\r\n");
	pair_close(&p);
	contexts_free(c);
}

static void test_library_text(void **state)
{
	(void)state;
	assert_int_equal(strncmp(tls_library(), "wolfSSL 5.", 10), 0);
#ifdef VOLLEY_LEAN_BUILD
	assert_non_null(strstr(tls_library(), "(lean build, "));
#else
	assert_non_null(strstr(tls_library(), "(the distribution's build, "));
#endif
	assert_non_null(strstr(tls_library(), tls_library_has_aes() ? "AES" : "no "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_chosen_cipher_and_group),
		cmocka_unit_test(test_hello_retry),
		cmocka_unit_test(test_key_share),
		cmocka_unit_test(test_large_transfer),
		cmocka_unit_test(test_segments_are_joined),
		cmocka_unit_test(test_seal_stops_at_full_buffer),
		cmocka_unit_test(test_close_notify_both_ways),
		cmocka_unit_test(test_key_update),
		cmocka_unit_test(test_library_text),
	};

	return cmocka_run_group_tests_name("tls session", tests, cert_set_up, cert_tear_down);
}
