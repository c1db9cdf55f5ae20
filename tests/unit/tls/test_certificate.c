/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_certificate.c - certificates made on the spot, of every kind of key
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "pair.h"

static void handshake_with(const struct certificate *c, enum tls_version version,
			   const char *cipher)
{
	struct tls_options client = client_options(c), server = server_options(c);
	struct secure *client_tls, *server_tls;
	struct pair p = {0};

	client.min_version = client.max_version = version;
	client.ciphers = cipher;
	client_tls = new_secure(&client);
	server_tls = new_secure(&server);
	if (!pair_connect(&p, client_tls, server_tls, "localhost", NULL))
		fail_msg("client: %s", end_detail(&p.client));
	pair_close(&p);
	secure_free(client_tls);
	secure_free(server_tls);
}

static void every_way(enum certificate_key key, const char *cipher_of_1_2)
{
	struct certificate_request request = usual_request();
	struct err e = {0};

	request.key = key;
	for (int i = 0; i < 2; i++) {
		struct certificate c = {0};

		request.self_signed = i;
		if (tls_certificate_make(&request, &c, &e) < 0)
			fail_msg("%s", e.text);
		assert_int_equal(c.ca.len > 0, !request.self_signed);
		assert_int_equal(c.ca_key.len > 0, !request.self_signed);
		/* client_options() trusts the CA, or the self-signed certificate itself. */
		handshake_with(&c, TLS_VERSION_1_3, NULL);
		handshake_with(&c, TLS_VERSION_1_2, cipher_of_1_2);
		certificate_fini(&c);
	}
}

static void test_ecdsa(void **state)
{
	(void)state;
	every_way(CERTIFICATE_ECDSA_P256, "ECDHE-ECDSA-AES128-GCM-SHA256");
}

static void test_rsa(void **state)
{
	(void)state;
	every_way(CERTIFICATE_RSA_2048, "ECDHE-RSA-AES128-GCM-SHA256");
}

static void test_ed25519(void **state)
{
	(void)state;
	every_way(CERTIFICATE_ED25519, "ECDHE-ECDSA-AES128-GCM-SHA256");
}

static void test_pem(void **state)
{
	struct certificate c;

	(void)state;
	make_certificate(&c);
	assert_memory_equal(c.cert.data, "-----BEGIN CERTIFICATE-----\n", 28);
	assert_memory_equal(c.ca.data, "-----BEGIN CERTIFICATE-----\n", 28);
	assert_memory_equal(c.key.data, "-----BEGIN EC PRIVATE KEY-----\n", 31);
	assert_int_equal(c.cert.data[c.cert.len - 1], '\n');
	certificate_fini(&c);
	assert_null(c.key.data);
}

static void test_two_are_never_alike(void **state)
{
	struct certificate a, b;

	(void)state;
	make_certificate(&a);
	make_certificate(&b);
	assert_false(span_equal(buf_span(&a.cert), buf_span(&b.cert)));
	assert_false(span_equal(buf_span(&a.key), buf_span(&b.key)));
	assert_false(span_equal(buf_span(&a.ca), buf_span(&b.ca)));
	certificate_fini(&a);
	certificate_fini(&b);
}

static void test_issuer_is_taken_over(void **state)
{
	struct certificate_request request = usual_request();
	struct certificate first, second;
	struct err e = {0};

	(void)state;
	make_certificate(&first);
	request.issuer = &first;
	assert_int_equal(tls_certificate_make(&request, &second, &e), 0);
	assert_true(span_equal(buf_span(&first.ca), buf_span(&second.ca)));
	handshake_with(&second, TLS_VERSION_1_3, NULL);
	certificate_fini(&first);
	certificate_fini(&second);
}

/* Names from one octet to the longest, so many that the list needs a long length in DER. */
static void test_many_and_long_names(void **state)
{
	static char long_name[254];
	const char *names[CERTIFICATE_NAMES_MAX];
	struct certificate_request request = usual_request();
	struct certificate c;
	struct err e = {0};

	(void)state;
	for (int i = 0; i < 253; i++)
		long_name[i] = i % 50 == 49 ? '.' : 'x';
	names[0] = long_name;
	for (int i = 1; i < CERTIFICATE_NAMES_MAX; i++)
		names[i] = "x";
	names[CERTIFICATE_NAMES_MAX - 1] = "localhost";
	request.names = names;
	for (int count = 1; count <= CERTIFICATE_NAMES_MAX; count += 31) {
		request.name_count = count;
		assert_int_equal(tls_certificate_make(&request, &c, &e), 0);
		if (count == CERTIFICATE_NAMES_MAX)
			handshake_with(&c, TLS_VERSION_1_3, NULL);
		certificate_fini(&c);
	}
}

static void test_bad_requests(void **state)
{
	static const char *const empty[] = {""};
	static char too_long[255];
	static const char *const overlong[] = {too_long};
	struct certificate untouched = {.cert.limit = 42}, no_ca = {0};
	struct certificate_request request;
	struct err e = {0};

	(void)state;
	memset(too_long, 'x', 254);
	request = usual_request();
	request.name_count = 0;
	assert_int_equal(tls_certificate_make(&request, &untouched, &e), -1);
	assert_int_equal(e.status, EXIT_USAGE);
	request = usual_request();
	request.name_count = CERTIFICATE_NAMES_MAX + 1;
	assert_int_equal(tls_certificate_make(&request, &untouched, &e), -1);
	request = usual_request();
	request.names = empty;
	request.name_count = 1;
	assert_int_equal(tls_certificate_make(&request, &untouched, &e), -1);
	request.names = overlong;
	assert_int_equal(tls_certificate_make(&request, &untouched, &e), -1);
	request = usual_request();
	request.not_after = request.not_before;
	assert_int_equal(tls_certificate_make(&request, &untouched, &e), -1);
	request = usual_request();
	request.not_after = INT64_C(300000000000);
	assert_int_equal(tls_certificate_make(&request, &untouched, &e), -1);
	request = usual_request();
	request.issuer = &no_ca;
	assert_int_equal(tls_certificate_make(&request, &untouched, &e), -1);
	assert_int_equal(untouched.cert.limit, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ecdsa),
		cmocka_unit_test(test_rsa),
		cmocka_unit_test(test_ed25519),
		cmocka_unit_test(test_pem),
		cmocka_unit_test(test_two_are_never_alike),
		cmocka_unit_test(test_issuer_is_taken_over),
		cmocka_unit_test(test_many_and_long_names),
		cmocka_unit_test(test_bad_requests),
	};

	return cmocka_run_group_tests_name("tls certificate", tests, NULL, NULL);
}
