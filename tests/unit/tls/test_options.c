/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_options.c - options that make no sense and files that are not what they should be
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "pair.h"
#include <wolfssl/options.h>

static char folder[] = "/tmp/volley-tls-XXXXXX";
static char path[64];

static int set_up(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/file.pem", folder);
	return cert_set_up(state);
}

static int tear_down(void **state)
{
	cert_tear_down(state);
	unlink(path);
	return rmdir(folder);
}

static void write_file(struct span a, struct span b)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(a.data, 1, a.len, file), a.len);
	assert_int_equal(fwrite(b.data, 1, b.len, file), b.len);
	assert_int_equal(fclose(file), 0);
}

static void refuse(struct tls_options o, const char *words)
{
	struct err e = {0};

	assert_null(tls_new(&o, &e));
	assert_int_equal(e.status, EXIT_USAGE);
	if (!strstr(e.text, words))
		fail_msg("'%s' is not in '%s'", words, e.text);
}

static void accept(struct tls_options o)
{
	secure_free(new_secure(&o));
}

static void test_versions(void **state)
{
	struct tls_options o = client_options(&cert);

	(void)state;
	o.min_version = TLS_VERSION_1_3;
	o.max_version = TLS_VERSION_1_2;
	refuse(o, "above the highest");
	o.min_version = TLS_VERSION_1_2;
	accept(o);
}

static void test_ciphers(void **state)
{
	struct tls_options o = client_options(&cert);

	(void)state;
	o.ciphers = "TLS_AES_128_GCM_SHA265";
	refuse(o, "'TLS_AES_128_GCM_SHA265'");
	o.ciphers = "TLS_AES_128_GCM_SHA256:";
	refuse(o, "''");
	o.ciphers = "";
	refuse(o, "''");
	o.ciphers = "TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
		    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:TLS13-AES256-GCM-SHA384";
	accept(o);
	o.ciphers = "TLS_AES_128_GCM_SHA256";
	accept(o);
	o.max_version = TLS_VERSION_1_2;
	refuse(o, "none of the cipher suites asked for is one of TLS 1.2");
	o.max_version = TLS_VERSION_DEFAULT;
	o.min_version = TLS_VERSION_1_3;
	o.ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
	refuse(o, "none of the cipher suites asked for is one of TLS 1.3");
	o.ciphers = "NULL";
	refuse(o, "TLS 1.3");
}

static void test_groups(void **state)
{
	struct tls_options o = client_options(&cert);

	(void)state;
	o.groups = "X25519:P-257";
	refuse(o, "'P-257'");
	o.groups = "x25519:secp256r1:p-384:prime256v1:P-521";
	accept(o);
	o.groups = "X25519:X25519:X25519:X25519:X25519:X25519:X25519:X25519:X25519";
	refuse(o, "more than");
}

static void test_ca_files(void **state)
{
	struct tls_options o = {.role = SECURE_CLIENT, .ca_file = "/nonexistent/ca.pem"};

	(void)state;
	refuse(o, "can't open the CA file /nonexistent/ca.pem: No such file");
	o.ca_file = folder;
	refuse(o, "can't read the CA file");
	o.ca_file = path;
	write_file(SPAN("not a certificate\n"), SPAN(""));
	refuse(o, "no usable CA certificate in");
	write_file(SPAN(""), SPAN(""));
	refuse(o, "no usable CA certificate in");
	write_file(buf_span(&cert.ca), SPAN("\n"));
	accept(o);
	o.ca_file = NULL;
	o.ca_path = "/nonexistent";
	refuse(o, "can't open the CA folder");
	o.ca_path = folder;
	accept(o);
	/* Nothing is read when nothing is verified. */
	o.ca_path = "/nonexistent";
	o.verify = TLS_VERIFY_NONE;
	accept(o);
}

static void test_ca_file_is_used(void **state)
{
	struct tls_options client = {.role = SECURE_CLIENT}, server = server_options(&cert);
	struct certificate other;

	(void)state;
	make_certificate(&other);
	for (int i = 0; i < 3; i++) {
		struct secure *client_tls, *server_tls;
		struct pair p = {0};

		/* The right one in a file, among others in a file, in a folder. */
		write_file(i == 1 ? buf_span(&other.ca) : SPAN(""), buf_span(&cert.ca));
		client.ca_file = i < 2 ? path : NULL;
		client.ca_path = i < 2 ? NULL : folder;
		client_tls = new_secure(&client);
		server_tls = new_secure(&server);
		assert_true(pair_connect(&p, client_tls, server_tls, "localhost", NULL));
		pair_close(&p);
		secure_free(client_tls);
		secure_free(server_tls);
	}
	certificate_fini(&other);
}

static void test_own_certificate(void **state)
{
	struct tls_options o = {.role = SECURE_SERVER};
	struct certificate other;

	(void)state;
	refuse(o, "a TLS server needs a certificate");
	o.key_file = path;
	refuse(o, "without its certificate");
	o.key_file = NULL;
	o.cert_file = "/nonexistent/cert.pem";
	refuse(o, "can't open the certificate file");
	o.cert_file = path;
	write_file(buf_span(&cert.cert), SPAN(""));
	refuse(o, "no usable private key in");
	write_file(buf_span(&cert.cert), buf_span(&cert.key));
	accept(o);
	o.key_file = "/nonexistent/key.pem";
	refuse(o, "can't open the key file");
	o.role = SECURE_CLIENT;
	o.verify = TLS_VERIFY_NONE;
	o.key_file = NULL;
	accept(o);

	make_certificate(&other);
	o = server_options(&cert);
	o.key_pem = buf_span(&other.key);
#ifdef VOLLEY_LEAN_BUILD /* Debian's build finds every key a good one. */
	refuse(o, "is not that of the certificate");
#endif
	certificate_fini(&other);
}

static void test_require_client_cert_needs_ca(void **state)
{
	struct tls_options o = server_options(&cert);

	(void)state;
	o.require_client_cert = true;
	refuse(o, "without a CA");
	o.ca_pem = buf_span(&cert.ca);
	accept(o);
}

static void test_words(void **state)
{
	enum tls_verify verify = TLS_VERIFY_FULL;
	enum tls_version version = TLS_VERSION_DEFAULT;

	(void)state;
	assert_true(tls_verify_parse(SPAN("none"), &verify));
	assert_int_equal(verify, TLS_VERIFY_NONE);
	assert_true(tls_verify_parse(SPAN("CA"), &verify));
	assert_int_equal(verify, TLS_VERIFY_CA);
	assert_true(tls_verify_parse(SPAN("full"), &verify));
	assert_int_equal(verify, TLS_VERIFY_FULL);
	assert_false(tls_verify_parse(SPAN("yes"), &verify));
	assert_false(tls_verify_parse(SPAN(""), &verify));
	assert_true(tls_version_parse(SPAN("1.2"), &version));
	assert_int_equal(version, TLS_VERSION_1_2);
	assert_true(tls_version_parse(SPAN("TLSv1.3"), &version));
	assert_int_equal(version, TLS_VERSION_1_3);
	assert_true(tls_version_parse(SPAN("tls1.2"), &version));
	assert_int_equal(version, TLS_VERSION_1_2);
	assert_false(tls_version_parse(SPAN("1.1"), &version));
	assert_false(tls_version_parse(SPAN("TLSv1"), &version));
	assert_false(tls_version_parse(SPAN(""), &version));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_ciphers),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_ca_files),
		cmocka_unit_test(test_ca_file_is_used),
		cmocka_unit_test(test_own_certificate),
		cmocka_unit_test(test_require_client_cert_needs_ca),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("tls options", tests, set_up, tear_down);
}
