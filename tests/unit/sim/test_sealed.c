/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_sealed.c - sealed links: handshakes, records, resumption, damage
 */
#include "sealed_pair.h"
#include "base/rng.h"

static void opens_and_carries_data(void **state)
{
	static const enum sim_tls_version versions[] = {SIM_TLS_1_2, SIM_TLS_1_3};

	(void)state;
	for (int i = 0; i < 2; i++) {
		static struct pair p;
		struct secure_facts facts;

		pair_contexts(&p, (struct sim_secure_options){.max_version = versions[i]},
			      (struct sim_secure_options){0});
		pair_begin(&p, NAME);
		assert_in_range(p.c.tx.len, 400, 600); /* a ClientHello */
		assert_int_equal(p.c.tx.data[0], 22);
		pair_carry(&p, &p.c, &p.s);
		assert_in_range(p.s.tx.len, 1300, 1900);
		pair_talk(&p);
		pair_expect_open(&p);
		assert_int_equal(p.flights, i == 0 ? 4 : 3);
		secure_facts_of(p.s.session, &facts);
		assert_string_equal(facts.version, i == 0 ? "TLSv1.2" : "TLSv1.3");
		assert_string_equal(facts.cipher, i == 0 ? "ECDHE-ECDSA-AES128-GCM-SHA256"
							 : "TLS_AES_128_GCM_SHA256");
		assert_string_equal(facts.group, "X25519");
		assert_false(facts.is_resumed);
		pair_send_text(&p, &p.c, "EHLO there\r\n");
		pair_send_text(&p, &p.s, "250 hello\r\n");
		pair_talk(&p);
		assert_memory_equal(p.s.got, "EHLO there\r\n", 12);
		assert_memory_equal(p.c.got, "250 hello\r\n", 11);
		assert_int_equal(p.client->handshakes_full, 1);
		assert_int_equal(p.server->handshakes_full, 1);
		secure_shut(p.c.session, &p.c.tx);
		pair_talk(&p);
		assert_int_equal(p.s.last, SECURE_CLOSED);
		pair_close(&p);
	}
}

static void any_split_is_the_same(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 7, 100, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		static struct pair p;

		pair_contexts(&p, (struct sim_secure_options){.resume = true},
			      (struct sim_secure_options){.resume = true});
		p.piece = pieces[i];
		p.out_size = i + 1;
		pair_begin(&p, NAME);
		pair_talk(&p);
		pair_expect_open(&p);
		pair_send_text(&p, &p.s, "a reply that comes in pieces");
		pair_send_text(&p, &p.s, " and another");
		pair_talk(&p);
		assert_int_equal(p.c.got_len, 40);
		assert_memory_equal(p.c.got, "a reply that comes in pieces and another", 40);
		pair_close(&p);
	}
}

static void records_are_whole_and_limited(void **state)
{
	static struct pair p;
	static char text[40000];
	struct iovec v[3] = {{text, 100}, {text + 100, 0}, {text + 100, 39900}};

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 % 251);
	pair_contexts(&p, (struct sim_secure_options){0}, (struct sim_secure_options){0});
	pair_begin(&p, NAME);
	pair_talk(&p);
	pair_expect_open(&p);
	assert_int_equal(secure_seal(p.c.session, v, 3, 1000, &p.c.tx), 1000);
	assert_int_equal(p.c.tx.len, 1000 + 5 + 17); /* one record, segments joined */
	v[0].iov_len = 0;
	v[2] = (struct iovec){text + 1000, 39000};
	assert_int_equal(secure_seal(p.c.session, v, 3, SIZE_MAX, &p.c.tx), 39000);
	assert_int_equal(p.c.tx.len, 40000 + 4 * (5 + 17));
	pair_talk(&p);
	assert_int_equal(p.s.got_len, sizeof(text));
	assert_memory_equal(p.s.got, text, sizeof(text));
	/* No room: nothing is sealed, and the session goes on. */
	buf_fini(&p.c.tx);
	buf_init(&p.c.tx, 10);
	assert_int_equal(secure_seal(p.c.session, v, 3, SIZE_MAX, &p.c.tx), 0);
	buf_fini(&p.c.tx);
	buf_init(&p.c.tx, TX_LIMIT);
	p.s.got_len = 0;
	pair_send_text(&p, &p.c, "still here");
	pair_talk(&p);
	assert_memory_equal(p.s.got, "still here", 10);
	pair_close(&p);
}

static void resumes_once_a_ticket(void **state)
{
	static const enum sim_tls_version versions[] = {SIM_TLS_1_2, SIM_TLS_1_3};

	(void)state;
	for (int i = 0; i < 2; i++) {
		static struct pair p;
		int tickets = i == 0 ? 1 : 2;
		struct secure_facts facts;

		pair_contexts(
			&p, (struct sim_secure_options){.max_version = versions[i], .resume = true},
			(struct sim_secure_options){.resume = true});
		pair_begin(&p, NAME);
		pair_talk(&p);
		pair_expect_open(&p);
		pair_end(&p);
		for (int k = 0; k < tickets; k++) {
			pair_begin(&p, NAME);
			pair_carry(&p, &p.c, &p.s);
			assert_true(p.s.tx.len < 400); /* no certificate */
			pair_talk(&p);
			pair_expect_open(&p);
			secure_facts_of(p.c.session, &facts);
			assert_true(facts.is_resumed);
			pair_end(&p);
		}
		assert_int_equal(p.client->handshakes_full, 1);
		assert_int_equal(p.client->handshakes_resumed, tickets);
		assert_int_equal(p.server->handshakes_resumed, tickets);
		pair_begin(&p, NAME);
		pair_talk(&p);
		pair_close(&p);
	}
}

static void another_host_takes_no_tickets(void **state)
{
	static struct pair p;
	struct sim_certificate other = {.names = "mx.example.com other", .issuer = "GoodCA"};
	struct sim_secure_options o = {
		.role = SECURE_SERVER, .certificate = &other, .resume = true};
	struct secure *first;

	(void)state;
	pair_contexts(&p, (struct sim_secure_options){.resume = true},
		      (struct sim_secure_options){.resume = true});
	pair_begin(&p, NAME);
	pair_talk(&p);
	pair_end(&p);
	first = p.server;
	p.server = sim_secure(p.sim, &o, NULL);
	pair_begin(&p, NAME);
	pair_talk(&p);
	pair_expect_open(&p);
	assert_int_equal(p.client->handshakes_resumed, 0);
	assert_int_equal(p.client->handshakes_full, 2);
	secure_free(first);
	pair_close(&p);
}

/* A damaged octet anywhere in what is exchanged never crashes, and never goes unnoticed in a tag.
 */
static void damage_is_survived(void **state)
{
	struct rng rng;

	(void)state;
	rng_init(&rng, 99);
	for (int round = 0; round < 300; round++) {
		static struct pair p;
		struct end *victim;

		pair_contexts(&p, (struct sim_secure_options){.resume = true},
			      (struct sim_secure_options){.resume = true});
		pair_begin(&p, NAME);
		for (int flight = (int)rng_below(&rng, 4); flight > 0; flight--) {
			pair_carry(&p, &p.c, &p.s);
			pair_carry(&p, &p.s, &p.c);
		}
		if (p.c.opened_count && p.s.opened_count) {
			pair_send_text(&p, &p.c, "some text");
			pair_send_text(&p, &p.s, "some other text");
		}
		victim = p.c.tx.len > 0 ? &p.c : &p.s;
		if (victim->tx.len > 0)
			victim->tx.data[rng_below(&rng, victim->tx.len)] ^=
				(char)(1u << rng_below(&rng, 8));
		pair_talk(&p);
		pair_close(&p);
	}
}

static void replays_are_noticed(void **state)
{
	static struct pair p;
	struct span record;

	(void)state;
	pair_contexts(&p, (struct sim_secure_options){0}, (struct sim_secure_options){0});
	pair_begin(&p, NAME);
	pair_talk(&p);
	pair_send_text(&p, &p.c, "once");
	record = buf_span(&p.c.tx);
	pair_feed(&p, &p.s, record);
	assert_int_equal(p.s.last, SECURE_MORE);
	pair_feed(&p, &p.s, record);
	assert_int_equal(p.s.last, SECURE_FAILED);
	assert_int_equal(secure_failure_of(p.s.session, NULL, 0), SECURE_RECORD);
	pair_close(&p);
}

static void bad_options(void **state)
{
	static const struct sim_secure_options options[] = {
		{.role = SECURE_SERVER},
		{.ciphers = "NULL-MD5"},
		{.ciphers = ""},
		{.groups = "X25519:"},
		{.min_version = SIM_TLS_1_3, .max_version = SIM_TLS_1_2},
	};
	struct sim *s = new_world(1, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct err e = {0};

		assert_null(sim_secure(s, &options[i], &e));
		assert_int_equal(e.status, EXIT_USAGE);
	}
	sim_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_and_carries_data),
		cmocka_unit_test(any_split_is_the_same),
		cmocka_unit_test(records_are_whole_and_limited),
		cmocka_unit_test(resumes_once_a_ticket),
		cmocka_unit_test(another_host_takes_no_tickets),
		cmocka_unit_test(damage_is_survived),
		cmocka_unit_test(replays_are_noticed),
		cmocka_unit_test(bad_options),
	};

	return cmocka_run_group_tests_name("sim: sealed links", tests, NULL, NULL);
}
