/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_verify.c - what each level of verification accepts, and how it says no
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "pair.h"

static struct certificate good, stranger;

static int set_up(void **state)
{
	(void)state;
	make_certificate(&good);
	make_certificate(&stranger);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	certificate_fini(&good);
	certificate_fini(&stranger);
	return 0;
}

static struct certificate make(const struct certificate_request *request)
{
	struct certificate c;
	struct err e = {0};

	if (tls_certificate_make(request, &c, &e) < 0)
		fail_msg("%s", e.text);
	return c;
}

/* A handshake with both versions; the failure that the client saw, the same for both. */
static enum secure_failure outcome(const struct tls_options *client,
				   const struct tls_options *server, const char *name)
{
	static const enum tls_version versions[] = {TLS_VERSION_1_2, TLS_VERSION_1_3};
	enum secure_failure seen[2];

	for (int i = 0; i < 2; i++) {
		struct tls_options c = *client;
		struct secure *client_tls, *server_tls;
		struct pair p = {0};
		bool is_open;

		c.min_version = c.max_version = versions[i];
		client_tls = new_secure(&c);
		server_tls = new_secure(server);
		is_open = pair_connect(&p, client_tls, server_tls, name, NULL);
		seen[i] = end_failure(&p.client);
		assert_int_equal(is_open, seen[i] == SECURE_OK);
		assert_int_equal(p.client.step == SECURE_FAILED, seen[i] != SECURE_OK);
		assert_int_equal(end_detail(&p.client)[0] != '\0', seen[i] != SECURE_OK);
		pair_close(&p);
		secure_free(client_tls);
		secure_free(server_tls);
	}
	assert_int_equal(seen[0], seen[1]);
	return seen[0];
}

static enum secure_failure outcome_of(const struct certificate *shown,
				      const struct certificate *trusted, enum tls_verify verify,
				      const char *name)
{
	struct tls_options client = client_options(trusted), server = server_options(shown);

	client.verify = verify;
	return outcome(&client, &server, name);
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		enum secure_failure failure;
	} cases[] = {
		{"localhost", SECURE_OK},
		{"LocalHost", SECURE_OK},
		{"mx1.example.org", SECURE_OK},
		{"127.0.0.1", SECURE_OK},
		{"2001:db8::1", SECURE_OK},
		{"2001:0DB8:0::0001", SECURE_OK},
		{"example.org", SECURE_CERT_NAME},
		{"a.b.example.org", SECURE_CERT_NAME}, /* RFC 6125 s6.4.3: one label */
		{"localhost.example.com", SECURE_CERT_NAME},
		{"127.0.0.2", SECURE_CERT_NAME},
		{"2001:db8::2", SECURE_CERT_NAME},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(outcome_of(&good, &good, TLS_VERIFY_FULL, cases[i].name),
				 cases[i].failure);
		assert_int_equal(outcome_of(&good, &good, TLS_VERIFY_CA, cases[i].name), SECURE_OK);
	}
	assert_int_equal(outcome_of(&good, &good, TLS_VERIFY_CA, NULL), SECURE_OK);
}

static void test_untrusted(void **state)
{
	struct tls_options client = client_options(&stranger), server = server_options(&good);
	struct buf chain;

	(void)state;
	assert_int_equal(outcome_of(&good, &stranger, TLS_VERIFY_FULL, "localhost"),
			 SECURE_CERT_UNTRUSTED);
	assert_int_equal(outcome_of(&good, &stranger, TLS_VERIFY_CA, "localhost"),
			 SECURE_CERT_UNTRUSTED);
	assert_int_equal(outcome_of(&good, &stranger, TLS_VERIFY_NONE, "localhost"), SECURE_OK);
	assert_int_equal(outcome_of(&good, &stranger, TLS_VERIFY_NONE, NULL), SECURE_OK);

	/* A chain that brings its own root is not thereby a self-signed certificate. */
	buf_init(&chain, 1u << 16);
	assert_true(buf_append(&chain, good.cert.data, good.cert.len));
	assert_true(buf_append(&chain, good.ca.data, good.ca.len));
	server.cert_pem = buf_span(&chain);
	assert_int_equal(outcome(&client, &server, "localhost"), SECURE_CERT_UNTRUSTED);
	client.ca_pem = buf_span(&good.ca);
	assert_int_equal(outcome(&client, &server, "localhost"), SECURE_OK);
	buf_fini(&chain);
}

static void test_self_signed(void **state)
{
	struct certificate_request request = usual_request();
	struct certificate c;

	(void)state;
	request.self_signed = true;
	c = make(&request);
	assert_int_equal(c.ca.len, 0);
	assert_int_equal(outcome_of(&c, &good, TLS_VERIFY_FULL, "localhost"),
			 SECURE_CERT_SELF_SIGNED);
	assert_int_equal(outcome_of(&c, &good, TLS_VERIFY_NONE, "localhost"), SECURE_OK);
	certificate_fini(&c);
}

static void test_dates(void **state)
{
	struct certificate_request request = usual_request();
	struct certificate c;

	(void)state;
	request.issuer = &good;
	request.not_before = days_from_now(-10);
	request.not_after = days_from_now(-9);
	c = make(&request);
	assert_int_equal(outcome_of(&c, &good, TLS_VERIFY_FULL, "localhost"), SECURE_CERT_EXPIRED);
	assert_int_equal(outcome_of(&c, &good, TLS_VERIFY_CA, "localhost"), SECURE_CERT_EXPIRED);
	assert_int_equal(outcome_of(&c, &good, TLS_VERIFY_NONE, "localhost"), SECURE_OK);
	certificate_fini(&c);

	request.not_before = days_from_now(9);
	request.not_after = days_from_now(10);
	c = make(&request);
	assert_int_equal(outcome_of(&c, &good, TLS_VERIFY_FULL, "localhost"), SECURE_CERT_NOT_YET);
	assert_int_equal(outcome_of(&c, &good, TLS_VERIFY_NONE, "localhost"), SECURE_OK);
	certificate_fini(&c);

	/* Far dates take the other form of time (RFC 5280 s4.1.2.5). */
	request.not_before = days_from_now(-1);
	request.not_after = days_from_now(365 * 60);
	c = make(&request);
	assert_int_equal(outcome_of(&c, &good, TLS_VERIFY_FULL, "localhost"), SECURE_OK);
	certificate_fini(&c);
}

static void test_details_tell_the_cause(void **state)
{
	struct tls_options client = client_options(&good), server = server_options(&good);
	struct secure *client_tls = new_secure(&client), *server_tls = new_secure(&server);
	struct pair p = {0};

	(void)state;
	assert_false(pair_connect(&p, client_tls, server_tls, "elsewhere.example", NULL));
	assert_string_equal(end_detail(&p.client), "the peer's certificate is for another name");
	/* The server learns of it by an alert. */
	assert_int_equal(end_failure(&p.server), SECURE_ALERT);
	assert_string_equal(end_detail(&p.server), "alert: bad certificate");
	pair_close(&p);
	secure_free(client_tls);
	secure_free(server_tls);
}

static void test_full_needs_a_name(void **state)
{
	struct tls_options client = client_options(&good);
	struct secure *tls = new_secure(&client);
	struct secure_request request = {.role = SECURE_CLIENT};
	struct err e = {0};
	struct buf tx;

	(void)state;
	buf_init(&tx, 1u << 16);
	assert_null(secure_open(tls, &request, &tx, &e));
	assert_int_equal(e.status, EXIT_USAGE);
	buf_fini(&tx);
	secure_free(tls);
}

/* In TLS 1.3 the client is done before the server has judged its certificate, RFC 8446 s4.4.2. */
static void client_certificate(enum tls_version version, const struct certificate *own,
			       enum secure_failure server_failure,
			       enum secure_failure client_failure)
{
	struct tls_options client = client_options(&good), server = server_options(&good);
	struct secure *client_tls, *server_tls;
	struct pair p = {0};

	client.min_version = client.max_version = version;
	if (own) {
		client.cert_pem = buf_span(&own->cert);
		client.key_pem = buf_span(&own->key);
	}
	server.require_client_cert = true;
	server.ca_pem = buf_span(&good.ca);
	client_tls = new_secure(&client);
	server_tls = new_secure(&server);
	pair_connect(&p, client_tls, server_tls, "localhost", NULL);
	assert_int_equal(p.server.opens, server_failure == SECURE_OK);
	assert_int_equal(end_failure(&p.server), server_failure);
	assert_int_equal(end_failure(&p.client), client_failure);
	pair_close(&p);
	secure_free(client_tls);
	secure_free(server_tls);
}

static void test_client_certificate(void **state)
{
	struct certificate_request request = usual_request();
	struct certificate c;

	(void)state;
	client_certificate(TLS_VERSION_1_2, &good, SECURE_OK, SECURE_OK);
	client_certificate(TLS_VERSION_1_3, &good, SECURE_OK, SECURE_OK);
	client_certificate(TLS_VERSION_1_2, NULL, SECURE_CERT_MISSING, SECURE_ALERT);
	client_certificate(TLS_VERSION_1_3, NULL, SECURE_CERT_MISSING, SECURE_CERT_MISSING);
	client_certificate(TLS_VERSION_1_2, &stranger, SECURE_CERT_UNTRUSTED, SECURE_ALERT);
	client_certificate(TLS_VERSION_1_3, &stranger, SECURE_CERT_UNTRUSTED, SECURE_ALERT);
	request.issuer = &good;
	request.not_before = days_from_now(-10);
	request.not_after = days_from_now(-9);
	c = make(&request);
	client_certificate(TLS_VERSION_1_3, &c, SECURE_CERT_EXPIRED, SECURE_ALERT);
	certificate_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_untrusted),
		cmocka_unit_test(test_self_signed),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_details_tell_the_cause),
		cmocka_unit_test(test_full_needs_a_name),
		cmocka_unit_test(test_client_certificate),
	};

	return cmocka_run_group_tests_name("tls verify", tests, set_up, tear_down);
}
