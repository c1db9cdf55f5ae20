/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_sealed_failures.c - sealed links: everything that a handshake can fail of
 */
#include <stdio.h>
#include "sealed_pair.h"

static const struct {
	const char *name;
	enum sim_verify verify;
	const char *trusted;
	struct sim_certificate shown;
	enum secure_failure client;
	const char *alert; /* what the server hears */
} certificate_cases[] = {
	{NAME, SIM_VERIFY_FULL, NULL, {NAME, "CA", 0, 0, 0, 0}, SECURE_OK, NULL},
	{"MX.Example.com", SIM_VERIFY_FULL, NULL, {NAME, "CA", 0, 0, 0, 0}, SECURE_OK, NULL},
	{"a.sub.example.com",
	 SIM_VERIFY_FULL,
	 NULL,
	 {"x *.sub.example.com", "CA", 0, 0, 0, 0},
	 SECURE_OK,
	 NULL},
	{"a.b.sub.example.com",
	 SIM_VERIFY_FULL,
	 NULL,
	 {"*.sub.example.com", "CA", 0, 0, 0, 0},
	 SECURE_CERT_NAME,
	 "bad certificate"},
	{"sub.example.com",
	 SIM_VERIFY_FULL,
	 NULL,
	 {"*.sub.example.com", "CA", 0, 0, 0, 0},
	 SECURE_CERT_NAME,
	 "bad certificate"},
	{"else.example.com", SIM_VERIFY_CA, NULL, {NAME, "CA", 0, 0, 0, 0}, SECURE_OK, NULL},
	{NULL, SIM_VERIFY_FULL, NULL, {NAME, "CA", 0, 0, 0, 0}, SECURE_OK, NULL},
	{NAME, SIM_VERIFY_FULL, "A CA", {NAME, "CA", 0, 0, 0, 0}, SECURE_OK, NULL},
	{NAME,
	 SIM_VERIFY_FULL,
	 "A B",
	 {NAME, "CA", 0, 0, 0, 0},
	 SECURE_CERT_UNTRUSTED,
	 "unknown CA"},
	{NAME,
	 SIM_VERIFY_FULL,
	 NULL,
	 {NAME, NULL, 0, 0, 0, 0},
	 SECURE_CERT_SELF_SIGNED,
	 "unknown CA"},
	{NAME, SIM_VERIFY_NONE, NULL, {NAME, NULL, 0, 5, 0, 0}, SECURE_OK, NULL},
	{NAME,
	 SIM_VERIFY_FULL,
	 NULL,
	 {NAME, "CA", 0, 1767225599, 0, 0},
	 SECURE_CERT_EXPIRED,
	 "certificate expired"},
	{NAME, SIM_VERIFY_FULL, NULL, {NAME, "CA", 0, 1767225600, 0, 0}, SECURE_OK, NULL},
	{NAME,
	 SIM_VERIFY_FULL,
	 NULL,
	 {NAME, "CA", 1767225601, 0, 0, 0},
	 SECURE_CERT_NOT_YET,
	 "bad certificate"},
	{NAME,
	 SIM_VERIFY_CA,
	 NULL,
	 {NAME, "CA", 0, 0, true, 0},
	 SECURE_CERT_REVOKED,
	 "certificate revoked"},
};

static void certificates(void **state)
{
	(void)state;
	for (int version = SIM_TLS_1_2; version <= SIM_TLS_1_3; version++) {
		for (size_t i = 0; i < sizeof(certificate_cases) / sizeof(certificate_cases[0]);
		     i++) {
			static struct pair p;
			enum secure_failure failure;
			char expected[64];

			pair_contexts(
				&p,
				(struct sim_secure_options){.verify = certificate_cases[i].verify,
							    .trusted = certificate_cases[i].trusted,
							    .max_version = version},
				(struct sim_secure_options){.certificate =
								    &certificate_cases[i].shown});
			pair_begin(&p, certificate_cases[i].name);
			pair_talk(&p);
			failure = secure_failure_of(p.c.session, NULL, 0);
			if (failure != certificate_cases[i].client)
				fail_msg("case %zu: %s", i, secure_failure_name(failure));
			if (failure == SECURE_OK) {
				pair_expect_open(&p);
			} else {
				snprintf(expected, sizeof(expected), "alert: %s",
					 certificate_cases[i].alert);
				assert_int_equal(p.c.opened_count + p.s.opened_count, 0);
				assert_int_equal(secure_failure_of(p.s.session, NULL, 0),
						 SECURE_ALERT);
				assert_string_equal(p.s.detail, expected);
				assert_non_null(strstr(p.c.detail, "certificate"));
			}
			pair_close(&p);
		}
	}
}

static void nothing_in_common(void **state)
{
	static const struct {
		struct sim_secure_options client, server;
		enum secure_failure at_client, at_server;
	} cases[] = {
		{{.max_version = SIM_TLS_1_2},
		 {.min_version = SIM_TLS_1_3},
		 SECURE_VERSION,
		 SECURE_VERSION},
		{{.min_version = SIM_TLS_1_3},
		 {.max_version = SIM_TLS_1_2},
		 SECURE_VERSION,
		 SECURE_VERSION},
		{{.ciphers = "TLS_AES_128_GCM_SHA256"},
		 {.ciphers = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"},
		 SECURE_ALERT,
		 SECURE_NO_COMMON},
		{{.groups = "X25519"}, {.groups = "P-256:P-384"}, SECURE_ALERT, SECURE_NO_COMMON},
	};
	static struct pair p;
	struct secure_facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pair_contexts(&p, cases[i].client, cases[i].server);
		pair_begin(&p, NAME);
		pair_talk(&p);
		assert_int_equal(secure_failure_of(p.c.session, NULL, 0), cases[i].at_client);
		assert_int_equal(secure_failure_of(p.s.session, NULL, 0), cases[i].at_server);
		pair_close(&p);
	}
	/* The server's order of suites counts, the client's of groups; names of both kinds do. */
	pair_contexts(
		&p,
		(struct sim_secure_options){
			.ciphers = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384",
			.groups = "p-384:x25519"},
		(struct sim_secure_options){
			.ciphers = "TLS_AES_128_GCM_SHA256:TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:"
				   "ECDHE-RSA-AES128-GCM-SHA256"});
	pair_begin(&p, NAME);
	pair_talk(&p);
	pair_expect_open(&p);
	secure_facts_of(p.c.session, &facts);
	assert_string_equal(facts.version, "TLSv1.2");
	assert_string_equal(facts.cipher, "ECDHE-RSA-AES256-GCM-SHA384");
	assert_string_equal(facts.group, "P-384");
	pair_close(&p);
}

static void client_certificates(void **state)
{
	static const struct sim_certificate client = {.names = "client", .issuer = "GoodCA"};
	static const struct sim_certificate stranger = {.names = "client", .issuer = "BadCA"};

	(void)state;
	for (int version = SIM_TLS_1_2; version <= SIM_TLS_1_3; version++) {
		static struct pair p;
		struct sim_secure_options c = {.max_version = version};
		struct sim_secure_options s = {.require_client_cert = true, .trusted = "GoodCA"};

		c.certificate = &client;
		pair_contexts(&p, c, s);
		pair_begin(&p, NAME);
		pair_talk(&p);
		pair_expect_open(&p);
		pair_close(&p);

		c.certificate = NULL;
		pair_contexts(&p, c, s);
		pair_begin(&p, NAME);
		pair_talk(&p);
		assert_int_equal(p.s.opened_count, 0);
		assert_int_equal(secure_failure_of(p.s.session, NULL, 0), SECURE_CERT_MISSING);
		/* With TLS 1.3 the client thinks itself open before it hears of it. */
		assert_int_equal(p.c.opened_count, version == SIM_TLS_1_3);
		assert_int_equal(secure_failure_of(p.c.session, NULL, 0), SECURE_CERT_MISSING);
		pair_close(&p);

		c.certificate = &stranger;
		pair_contexts(&p, c, s);
		pair_begin(&p, NAME);
		pair_talk(&p);
		assert_int_equal(secure_failure_of(p.s.session, NULL, 0), SECURE_CERT_UNTRUSTED);
		assert_int_equal(secure_failure_of(p.c.session, NULL, 0), SECURE_ALERT);
		pair_close(&p);
	}
}

static void faults(void **state)
{
	static const struct {
		enum secure_failure kind;
		uint8_t alert;
		enum secure_failure seen;
		const char *detail;
	} cases[] = {
		{SECURE_NOT_TLS, 0, SECURE_NOT_TLS, "the peer sent \"500 5.5.1 what was that?\""},
		{SECURE_ALERT, 112, SECURE_ALERT, "alert: unrecognized name"},
		{SECURE_ALERT, 0, SECURE_ALERT, "alert: handshake failure"},
		{SECURE_ALERT, 99, SECURE_ALERT, "alert: number 99"},
		{SECURE_VERSION, 0, SECURE_VERSION, "alert: protocol version"},
		{SECURE_NO_COMMON, 0, SECURE_ALERT, "alert: handshake failure"},
		{SECURE_CERT_EXPIRED, 0, SECURE_CERT_EXPIRED, "the peer's certificate has expired"},
		{SECURE_CERT_NOT_YET, 0, SECURE_CERT_NOT_YET,
		 "the peer's certificate is not valid yet"},
		{SECURE_CERT_UNTRUSTED, 0, SECURE_CERT_UNTRUSTED,
		 "the peer's certificate is signed by no trusted CA"},
		{SECURE_CERT_SELF_SIGNED, 0, SECURE_CERT_SELF_SIGNED,
		 "the peer's certificate is signed by itself"},
		{SECURE_CERT_NAME, 0, SECURE_CERT_NAME,
		 "the peer's certificate is for another name"},
		{SECURE_CERT_REVOKED, 0, SECURE_CERT_REVOKED, "the peer's certificate is revoked"},
		{SECURE_CERT_MISSING, 0, SECURE_CERT_MISSING, "alert: certificate required"},
		{SECURE_CERT_OTHER, 0, SECURE_CERT_OTHER, "the peer's certificate is unreadable"},
		{SECURE_RECORD, 0, SECURE_RECORD, "a record longer than allowed"},
		{SECURE_CLOSED_EARLY, 0, SECURE_CLOSED_EARLY, "the peer sent close_notify"},
		{SECURE_INTERNAL, 0, SECURE_ALERT, "alert: internal error"},
		{SECURE_NO_MEMORY, 0, SECURE_ALERT, "alert: internal error"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct pair p;
		struct sim_sealed_fault fault = {.server_name = "MX.example.com",
						 .kind = cases[i].kind,
						 .alert = cases[i].alert};

		pair_contexts(&p, (struct sim_secure_options){.trusted = "GoodCA"},
			      (struct sim_secure_options){.faults = &fault, .fault_count = 1});
		pair_begin(&p, NAME);
		pair_talk(&p);
		if (secure_failure_of(p.c.session, NULL, 0) != cases[i].seen ||
		    strcmp(p.c.detail, cases[i].detail) != 0)
			fail_msg("case %zu: %s: %s", i,
				 secure_failure_name(secure_failure_of(p.c.session, NULL, 0)),
				 p.c.detail);
		pair_end(&p);
		/* Another name is served as ever. */
		pair_begin(&p, "a.sub.example.com");
		pair_talk(&p);
		pair_expect_open(&p);
		pair_close(&p);
	}
}

static void faults_have_odds(void **state)
{
	struct sim_sealed_fault fault = {.probability = 0.5, .kind = SECURE_ALERT};
	static struct pair p;
	int failed = 0;

	(void)state;
	pair_contexts(&p, (struct sim_secure_options){0},
		      (struct sim_secure_options){.faults = &fault, .fault_count = 1});
	for (int i = 0; i < 100; i++) {
		pair_begin(&p, NAME);
		pair_talk(&p);
		failed += p.c.opened_count == 0;
		if (i < 99)
			pair_end(&p);
	}
	assert_in_range(failed, 30, 70);
	pair_close(&p);
}

static void strangers(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		enum secure_failure at_server;
	} cases[] = {
		{"EHLO there\r\n", 12, SECURE_NOT_TLS},
		{"GET / HTTP/1.1\r\n", 16, SECURE_NOT_TLS},
		{"\x16\x09\x01", 3, SECURE_NOT_TLS},
		{"\x16\x03\x01\xff\xff", 5, SECURE_RECORD},
		{"\x16\x03\x01\x00\x00", 5, SECURE_RECORD},
		{"\x16\x03\x01\x00\x04\x01\x00\x00\x09", 9, SECURE_RECORD},
		{"\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9, SECURE_RECORD},
		{"\x16\x03\x01\x00\x04\x14\x00\x00\x00", 9, SECURE_RECORD},
		{"\x17\x03\x03\x00\x01x", 6, SECURE_RECORD},
		{"\x15\x03\x03\x00\x01x", 6, SECURE_RECORD},
		{"\x15\x03\x03\x00\x02\x01\x00", 7, SECURE_CLOSED_EARLY},
		{"\x15\x03\x03\x00\x02\x02\x46", 7, SECURE_VERSION},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct pair p;

		pair_contexts(&p, (struct sim_secure_options){0}, (struct sim_secure_options){0});
		pair_begin(&p, NAME);
		pair_feed(&p, &p.s, (struct span){cases[i].text, cases[i].len});
		if (secure_failure_of(p.s.session, NULL, 0) != cases[i].at_server)
			fail_msg("case %zu: %s", i, p.s.detail);
		/* Failed for good, whatever comes. */
		pair_feed(&p, &p.s, SPAN("more"));
		assert_int_equal(p.s.last, SECURE_FAILED);
		pair_close(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates),	       cmocka_unit_test(nothing_in_common),
		cmocka_unit_test(client_certificates), cmocka_unit_test(faults),
		cmocka_unit_test(faults_have_odds),    cmocka_unit_test(strangers),
	};

	return cmocka_run_group_tests_name("sim: sealed links that fail", tests, NULL, NULL);
}
