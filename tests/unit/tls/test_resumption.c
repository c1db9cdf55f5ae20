/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_resumption.c - tickets: given out, kept, used once, and never across keys
 */
#include <setjmp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "pair.h"
#include "tls/internal.h"

static struct secure *client_of(enum tls_version version, bool resume, unsigned tickets_max)
{
	struct tls_options o = client_options(&cert);

	o.min_version = o.max_version = version;
	o.resume = resume;
	o.tickets_max = tickets_max;
	return new_secure(&o);
}

static struct secure *server_of(bool resume)
{
	struct tls_options o = server_options(&cert);

	o.resume = resume;
	return new_secure(&o);
}

/* A whole session; says whether it was resumed, both sides agreeing. */
static bool visit(struct secure *client, struct secure *server, const char *key)
{
	struct iovec plain = {(void *)(uintptr_t) "NOOP\r\n", 6};
	struct pair p = {0};
	bool is_resumed;

	assert_true(pair_connect(&p, client, server, "localhost", key));
	is_resumed = end_facts(&p.client).is_resumed;
	assert_int_equal(end_facts(&p.server).is_resumed, is_resumed);
	assert_int_equal(secure_seal(p.client.session, &plain, 1, SIZE_MAX, &p.client.tx), 6);
	assert_int_equal(secure_seal(p.server.session, &plain, 1, SIZE_MAX, &p.server.tx), 6);
	pair_run(&p);
	assert_int_equal(p.server.received.len, 6);
	assert_int_equal(p.client.received.len, 6);
	pair_close(&p);
	return is_resumed;
}

static size_t tickets_of(struct secure *client)
{
	return ((struct tls *)client)->tickets.count;
}

static void test_resumes(void **state)
{
	static const enum tls_version versions[] = {TLS_VERSION_1_2, TLS_VERSION_1_3};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct secure *client = client_of(versions[i], true, 0), *server = server_of(true);

		assert_false(visit(client, server, "a:25"));
		assert_int_equal(tickets_of(client), 1);
		for (int round = 0; round < 3; round++)
			assert_true(visit(client, server, "a:25"));
		assert_int_equal(tickets_of(client), 1);
		/* Another key knows nothing of it, and no key never resumes. */
		assert_false(visit(client, server, "b:25"));
		assert_false(visit(client, server, NULL));
		assert_true(visit(client, server, "b:25"));
		assert_int_equal(client->handshakes_full, 3);
		assert_int_equal(client->handshakes_resumed, 4);
		assert_int_equal(server->handshakes_resumed, 4);
		secure_free(client);
		secure_free(server);
	}
}

static void test_off_at_either_side(void **state)
{
	static const enum tls_version versions[] = {TLS_VERSION_1_2, TLS_VERSION_1_3};

	(void)state;
	for (int i = 0; i < 4; i++) {
		bool at_client = i & 1;
		struct secure *client = client_of(versions[i / 2], at_client, 0);
		struct secure *server = server_of(!at_client);

		for (int round = 0; round < 3; round++)
			assert_false(visit(client, server, "a:25"));
		assert_int_equal(client->handshakes_full, 3);
		assert_int_equal(server->handshakes_full, 3);
		secure_free(client);
		secure_free(server);
	}
}

/* RFC 8446 sC.4: two sessions at once never offer the same ticket. */
static void test_ticket_is_used_once(void **state)
{
	struct secure *client = client_of(TLS_VERSION_1_3, true, 0), *server = server_of(true);
	struct pair p[3] = {0};

	(void)state;
	assert_false(visit(client, server, "a:25"));
	assert_int_equal(tickets_of(client), 1);
	for (int i = 0; i < 3; i++) {
		pair_open(&p[i], client, server, "localhost", "a:25");
		assert_int_equal(tickets_of(client), 0);
	}
	for (int i = 0; i < 3; i++) {
		pair_run(&p[i]);
		assert_int_equal(end_facts(&p[i].client).is_resumed, i == 0);
	}
	assert_int_equal(tickets_of(client), 3);
	for (int i = 0; i < 3; i++)
		pair_close(&p[i]);
	assert_int_equal(tickets_of(client), 3);
	secure_free(client);
	secure_free(server);
}

/* The pool forgets its oldest first, whichever key that is of. */
static void test_pool_is_bounded(void **state)
{
	static const char *const keys[] = {"a", "b", "c", "d"};
	struct secure *client = client_of(TLS_VERSION_1_3, true, 3), *server = server_of(true);

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_false(visit(client, server, keys[i]));
	assert_int_equal(tickets_of(client), 3);
	assert_false(visit(client, server, "a"));
	assert_true(visit(client, server, "d"));
	assert_true(visit(client, server, "c"));
	secure_free(client);
	secure_free(server);
}

/* A session that is still open when its ticket is evicted or taken, and then ends. */
static void test_ticket_outlives_and_predeceases_its_session(void **state)
{
	struct secure *client = client_of(TLS_VERSION_1_3, true, 1), *server = server_of(true);
	struct pair first = {0}, second = {0};

	(void)state;
	assert_true(pair_connect(&first, client, server, "localhost", "a"));
	assert_int_equal(tickets_of(client), 1);
	assert_true(pair_connect(&second, client, server, "localhost", "b"));
	assert_int_equal(tickets_of(client), 1);
	pair_close(&first);
	assert_true(visit(client, server, "b"));
	pair_close(&second);
	assert_true(visit(client, server, "b"));
	secure_free(client);
	secure_free(server);
}

static void *server_thread(void *ret_server)
{
	*(struct secure **)ret_server = server_of(true);
	return NULL;
}

/* Workers of a sink have contexts of their own; a client may come back to any of them. */
static void test_tickets_are_good_for_all_threads(void **state)
{
	struct secure *client = client_of(TLS_VERSION_1_3, true, 0), *server = server_of(true),
		      *other;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, server_thread, &other), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(visit(client, server, "a"));
	assert_true(visit(client, other, "a"));
	assert_true(visit(client, server, "a"));
	secure_free(client);
	secure_free(server);
	secure_free(other);
}

/* A server that can't open a ticket goes on with a full handshake. */
static void test_foreign_ticket_is_refused_in_peace(void **state)
{
	unsigned char name[WOLFSSL_TICKET_NAME_SZ], iv[WOLFSSL_TICKET_IV_SZ],
		mac[WOLFSSL_TICKET_MAC_SZ];
	unsigned char ticket[48] = "secret", copy[48];
	int len = 0;

	(void)state;
	assert_int_equal(
		tls_ticket_seal(NULL, name, iv, mac, 1, ticket, sizeof(ticket), &len, NULL),
		WOLFSSL_TICKET_RET_OK);
	assert_int_equal(len, sizeof(ticket));
	assert_memory_not_equal(ticket, "secret", 6);
	memcpy(copy, ticket, sizeof(copy));
	assert_int_equal(tls_ticket_seal(NULL, name, iv, mac, 0, copy, sizeof(copy), &len, NULL),
			 WOLFSSL_TICKET_RET_OK);
	assert_string_equal((char *)copy, "secret");
	mac[0] ^= 1;
	memcpy(copy, ticket, sizeof(copy));
	assert_int_equal(tls_ticket_seal(NULL, name, iv, mac, 0, copy, sizeof(copy), &len, NULL),
			 WOLFSSL_TICKET_RET_REJECT);
	mac[0] ^= 1;
	name[3] ^= 1;
	assert_int_equal(
		tls_ticket_seal(NULL, name, iv, mac, 0, ticket, sizeof(ticket), &len, NULL),
		WOLFSSL_TICKET_RET_REJECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resumes),
		cmocka_unit_test(test_off_at_either_side),
		cmocka_unit_test(test_ticket_is_used_once),
		cmocka_unit_test(test_pool_is_bounded),
		cmocka_unit_test(test_ticket_outlives_and_predeceases_its_session),
		cmocka_unit_test(test_tickets_are_good_for_all_threads),
		cmocka_unit_test(test_foreign_ticket_is_refused_in_peace),
	};

	return cmocka_run_group_tests_name("tls resumption", tests, cert_set_up, cert_tear_down);
}
