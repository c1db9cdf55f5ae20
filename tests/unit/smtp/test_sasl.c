/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_sasl.c - each mechanism, the client's side against the server's
 *
 * SCRAM's nonces are random, so that it stands here and not among the dialogues; its mathematics
 * are checked by the server's side, and by a server that lies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "smtp/sasl.h"

static const char *password_of(const struct sasl_accounts *self, const char *user)
{
	(void)self;
	if (strcmp(user, "tim") == 0)
		return "tanstaaftanstaaf";
	if (strcmp(user, "a=b,c") == 0)
		return "token.of-a=b";
	return NULL;
}

static const struct sasl_accounts accounts = {.password = password_of};

static const enum sasl_mechanism all[] = {SASL_PLAIN,	      SASL_LOGIN,   SASL_CRAM_MD5,
					  SASL_SCRAM_SHA_256, SASL_XOAUTH2, SASL_OAUTHBEARER};
#define ALL_COUNT (sizeof(all) / sizeof(all[0]))

struct dialogue {
	enum sasl_step server; /* how it ended for the server */
	bool is_client_complete;
	char user[64];
	int rounds;
};

/* Plays the dialogue as SMTP does it: what the server says at its end is one more challenge. */
static struct dialogue play(const struct sasl_params *p, enum sasl_mechanism mechanism)
{
	struct sasl *client = sasl_client_new(p, mechanism);
	struct sasl *server = sasl_server_new(&accounts, mechanism);
	struct dialogue d = {.server = SASL_STEP_MORE};
	enum sasl_step step = SASL_STEP_MORE;
	struct buf challenge, response;

	assert_non_null(client);
	assert_non_null(server);
	buf_init(&challenge, 4096);
	buf_init(&response, 4096);
	if (sasl_is_client_first(mechanism))
		step = sasl_step(client, SPAN(""), &response);
	for (d.rounds = 0; d.rounds < 10 && step != SASL_STEP_FAILED; d.rounds++) {
		buf_clear(&challenge);
		d.server = sasl_step(server, buf_span(&response), &challenge);
		assert_string_equal(d.server == SASL_STEP_DONE ? "" : sasl_user(server), "");
		if (d.server == SASL_STEP_DONE && challenge.len == 0)
			break;
		buf_clear(&response);
		step = sasl_step(client, buf_span(&challenge), &response);
		if (d.server != SASL_STEP_MORE)
			break;
	}
	d.is_client_complete = sasl_is_complete(client);
	strncpy(d.user, sasl_user(server), sizeof(d.user) - 1);
	buf_fini(&challenge);
	buf_fini(&response);
	sasl_free(client);
	sasl_free(server);
	return d;
}

static void test_let_in(void **state)
{
	const struct sasl_params p = {.user = "tim", .password = "tanstaaftanstaaf", .host = "h"};

	(void)state;
	for (size_t i = 0; i < ALL_COUNT; i++) {
		struct dialogue d = play(&p, all[i]);

		assert_int_equal(d.server, SASL_STEP_DONE);
		assert_true(d.is_client_complete);
		assert_string_equal(d.user, "tim");
	}
}

static void test_wrong_password(void **state)
{
	const struct sasl_params p = {.user = "tim", .password = "tanstaaftanstaag", .host = "h"};

	(void)state;
	for (size_t i = 0; i < ALL_COUNT; i++) {
		struct dialogue d = play(&p, all[i]);

		assert_int_equal(d.server, SASL_STEP_FAILED);
		assert_string_equal(d.user, "");
		if (all[i] == SASL_SCRAM_SHA_256 || all[i] == SASL_XOAUTH2 ||
		    all[i] == SASL_OAUTHBEARER)
			assert_false(d.is_client_complete);
	}
}

static void test_unknown_user(void **state)
{
	const struct sasl_params p = {.user = "tom", .password = "tanstaaftanstaaf", .host = "h"};

	(void)state;
	for (size_t i = 0; i < ALL_COUNT; i++)
		assert_int_equal(play(&p, all[i]).server, SASL_STEP_FAILED);
}

/* Names and tokens with the characters that the OAuth mechanisms write in another way. */
static void test_odd_name(void **state)
{
	const struct sasl_params p = {.user = "a=b,c", .password = "token.of-a=b", .port = 25};

	(void)state;
	for (size_t i = 0; i < ALL_COUNT; i++) {
		struct dialogue d = play(&p, all[i]);

		assert_int_equal(d.server, SASL_STEP_DONE);
		assert_string_equal(d.user, "a=b,c");
	}
}

/* RFC 4616 s2: acting for somebody else needs leave, which nobody has here. */
static void test_authzid(void **state)
{
	struct sasl_params p = {.user = "tim", .password = "tanstaaftanstaaf", .authzid = "root"};

	(void)state;
	assert_int_equal(play(&p, SASL_PLAIN).server, SASL_STEP_FAILED);
	p.authzid = "tim";
	assert_int_equal(play(&p, SASL_PLAIN).server, SASL_STEP_DONE);
}

/* SCRAM remembers derived keys: a second login, other passwords between, and the first again. */
static void test_scram_memory(void **state)
{
	struct sasl_params good = {.user = "tim", .password = "tanstaaftanstaaf"};
	struct sasl_params other = {.user = "a=b,c", .password = "token.of-a=b"};
	struct sasl_params wrong = {.user = "tim", .password = "token.of-a=b"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(play(&good, SASL_SCRAM_SHA_256).server, SASL_STEP_DONE);
		assert_int_equal(play(&good, SASL_SCRAM_SHA_256).server, SASL_STEP_DONE);
		assert_int_equal(play(&other, SASL_SCRAM_SHA_256).server, SASL_STEP_DONE);
		assert_int_equal(play(&wrong, SASL_SCRAM_SHA_256).server, SASL_STEP_FAILED);
		assert_int_equal(play(&good, SASL_SCRAM_SHA_256).server, SASL_STEP_DONE);
	}
	sasl_thread_fini();
	assert_int_equal(play(&good, SASL_SCRAM_SHA_256).server, SASL_STEP_DONE);
}

/* A server without the password cannot prove itself: RFC 5802 s3. */
static void test_scram_server_lies(void **state)
{
	const struct sasl_params p = {.user = "tim", .password = "tanstaaftanstaaf"};
	struct sasl *client = sasl_client_new(&p, SASL_SCRAM_SHA_256);
	struct buf first, challenge, response;
	const char *nonce;

	(void)state;
	buf_init(&first, 4096);
	buf_init(&challenge, 4096);
	buf_init(&response, 4096);
	assert_int_equal(sasl_step(client, SPAN(""), &first), SASL_STEP_MORE);
	assert_memory_equal(first.data, "n,,n=tim,r=", 11);
	assert_true(buf_append(&first, "", 1));
	nonce = first.data + 11;
	assert_true(buf_printf(&challenge, "r=%sserver,s=QSXCR+Q6sek8bf92,i=4096", nonce));
	assert_int_equal(sasl_step(client, buf_span(&challenge), &response), SASL_STEP_MORE);
	assert_false(sasl_is_complete(client));
	buf_clear(&response);
	assert_int_equal(sasl_step(client, SPAN("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
				   &response),
			 SASL_STEP_FAILED);
	assert_false(sasl_is_complete(client));
	buf_fini(&first);
	buf_fini(&challenge);
	buf_fini(&response);
	sasl_free(client);
}

static void test_done_is_done(void **state)
{
	const struct sasl_params p = {.user = "tim", .password = "x"};
	struct sasl *client = sasl_client_new(&p, SASL_PLAIN);
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(sasl_step(client, SPAN(""), &out), SASL_STEP_DONE);
	assert_int_equal(sasl_step(client, SPAN("again"), &out), SASL_STEP_FAILED);
	buf_fini(&out);
	sasl_free(client);
	sasl_free(NULL);
}

/* Malformed messages to the OAuth servers. */
static void test_oauth_malformed(void **state)
{
	static const char *const messages[] = {"x",
					       "\001",
					       "\001\001",
					       "user=tim\001",
					       "user=tim\001auth=Bearer\001\001",
					       "user=tim\001auth=Basic tanstaaftanstaaf\001\001",
					       "auth=Bearer t\001\001",
					       "n,a=tim,\001auth=Bearer t",
					       "n,,\001auth=Bearer tanstaaftanstaaf\001\001",
					       "n,a=tim\001auth=Bearer tanstaaftanstaaf\001\001",
					       "y,a=tim,\001\001",
					       "n,a=,\001\001"};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(messages) / sizeof(messages[0]); i++) {
		struct sasl *s =
			sasl_server_new(&accounts, i % 2 ? SASL_XOAUTH2 : SASL_OAUTHBEARER);
		struct buf out;

		buf_init(&out, 4096);
		assert_int_equal(sasl_step(s, span_of(messages[i / 2]), &out), SASL_STEP_FAILED);
		assert_true(out.len > 0);
		assert_int_equal(sasl_step(s, SPAN("\001"), &out), SASL_STEP_FAILED);
		buf_fini(&out);
		sasl_free(s);
	}
}

/* Without an initial response the server asks for one with an empty challenge. */
static void test_asked_first(void **state)
{
	static const enum sasl_mechanism mechanisms[] = {SASL_PLAIN, SASL_XOAUTH2,
							 SASL_OAUTHBEARER};
	const struct sasl_params p = {.user = "tim", .password = "tanstaaftanstaaf"};

	(void)state;
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		struct sasl *client = sasl_client_new(&p, mechanisms[i]);
		struct sasl *server = sasl_server_new(&accounts, mechanisms[i]);
		struct buf challenge, response;

		buf_init(&challenge, 4096);
		buf_init(&response, 4096);
		assert_int_equal(sasl_step(server, SPAN(""), &challenge), SASL_STEP_MORE);
		assert_int_equal(challenge.len, 0);
		assert_int_equal(sasl_step(client, SPAN(""), &response), SASL_STEP_DONE);
		assert_int_equal(sasl_step(server, buf_span(&response), &challenge),
				 SASL_STEP_DONE);
		assert_string_equal(sasl_user(server), "tim");
		buf_fini(&challenge);
		buf_fini(&response);
		sasl_free(client);
		sasl_free(server);
	}
}

static void test_choose(void **state)
{
	struct sasl_params p = {.user = "u", .password = "p"};
	uint32_t every = SASL_PLAIN | SASL_LOGIN | SASL_CRAM_MD5 | SASL_SCRAM_SHA_256 |
			 SASL_XOAUTH2 | SASL_OAUTHBEARER;

	(void)state;
	assert_int_equal(sasl_choose(&p, every, true), SASL_SCRAM_SHA_256);
	assert_int_equal(sasl_choose(&p, every & ~(uint32_t)SASL_SCRAM_SHA_256, true),
			 SASL_CRAM_MD5);
	assert_int_equal(sasl_choose(&p, SASL_LOGIN | SASL_PLAIN, true), SASL_PLAIN);
	assert_int_equal(sasl_choose(&p, SASL_LOGIN | SASL_PLAIN, false), 0);
	assert_int_equal(sasl_choose(&p, SASL_XOAUTH2 | SASL_OAUTHBEARER, true), 0);
	p.mechanisms = SASL_XOAUTH2 | SASL_PLAIN;
	assert_int_equal(sasl_choose(&p, every, true), SASL_XOAUTH2);
	assert_int_equal(sasl_choose(&p, every, false), 0);
	p.allow_clear = true;
	assert_int_equal(sasl_choose(&p, every, false), SASL_XOAUTH2);
	assert_int_equal(sasl_choose(&p, 0, false), 0);
}

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALL_COUNT; i++)
		assert_int_equal(sasl_mechanism_from_name(span_of(sasl_mechanism_name(all[i]))),
				 all[i]);
	assert_int_equal(sasl_mechanism_from_name(SPAN("scram-sha-256")), SASL_SCRAM_SHA_256);
	assert_int_equal(sasl_mechanism_from_name(SPAN("SCRAM-SHA-1")), 0);
}

static int library_free(void **state)
{
	(void)state;
	sasl_thread_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_let_in),
		cmocka_unit_test(test_wrong_password),
		cmocka_unit_test(test_unknown_user),
		cmocka_unit_test(test_odd_name),
		cmocka_unit_test(test_authzid),
		cmocka_unit_test(test_scram_memory),
		cmocka_unit_test(test_scram_server_lies),
		cmocka_unit_test(test_done_is_done),
		cmocka_unit_test(test_oauth_malformed),
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_asked_first),
	};

	return cmocka_run_group_tests(tests, NULL, library_free);
}
