/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_names.c - the zone and the resolver over it
 */
#include "support.h"
#include "sim/zone.h"

#define MS NS_PER_MS

static const char zone_text[] = "; what the tests ask for\n"
				"example.com        3600 MX    20 mx2.example.com.\n"
				"example.com         600 MX    10 mx1.example.com\r\n"
				"example.com             MX    30 gone.example.com\n"
				"mx1.example.com    1200 A     192.0.2.10\n"
				"MX1.example.com    1200 AAAA  2001:db8::10\n"
				"mx2.example.com         A     192.0.2.20 ; a comment\n"
				"\n"
				"silent.example          MX    0 .\n"
				"plain.example       100 A     192.0.2.30\n"
				"www.example.com      50 CNAME mx1.example.com\n"
				"loop.example            CNAME pool.example\n"
				"pool.example            CNAME loop.example\n"
				"*.bench.example         A     192.0.2.40\n"
				"broken.example          SERVFAIL\n"
				"refused.example         REFUSED\n"
				"slow.example            TIMEOUT\n"
				"nowhere.example         NXDOMAIN\n"
				"half.example            MX    10 broken.example\n"
				"half.example            MX    20 mx2.example.com\n"
				"worst.example           MX    10 broken.example\n"
				"worst.example           MX    10 missing.example\n"
				"orphan.example          MX    10 missing.example\n"
				"four.example            MX    10 mx2.example.com\n"
				"far.example             A     192.0.2.50\n"
				"far.example             DELAY 250ms\n";

struct asker {
	struct resolver_user base;
	struct resolver_answer answer;
	int count;
};

struct names {
	struct sim *sim;
	struct sim_zone *zone;
	struct resolver *resolver;
	struct asker asker;
};

static void on_answer(struct resolver_user *self, const struct resolver_answer *answer)
{
	struct asker *a = (struct asker *)self;

	a->answer = *answer;
	a->count++;
}

static void open_names(struct names *n, uint64_t seed)
{
	struct err e = {0};

	*n = (struct names){.sim = new_world(seed, 0), .zone = sim_zone_new()};
	if (sim_zone_load(n->zone, span_of(zone_text), &e) < 0)
		fail_msg("%s", e.text);
	n->resolver = sim_resolver(
		n->sim, n->zone,
		&(struct sim_resolver_options){.delay_ns = 10 * MS, .timeout_ns = 3 * NS_PER_SEC},
		&e);
	assert_non_null(n->resolver);
	n->asker.base.on_answer = on_answer;
}

static void close_names(struct names *n)
{
	resolver_free(n->resolver);
	sim_zone_free(n->zone);
	sim_free(n->sim);
}

static const struct resolver_answer *ask(struct names *n, const char *name,
					 enum resolver_question question,
					 enum resolver_families families)
{
	struct resolver_request r = {name, 2525, question, families};
	int count = n->asker.count;
	struct err e = {0};

	if (resolver_ask(n->resolver, &r, &n->asker.base, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(n->asker.count, count); /* never from within */
	while (resolver_turn(n->resolver, TIME_NEVER) > 0)
		;
	assert_int_equal(n->asker.count, count + 1);
	return &n->asker.answer;
}

static void exchangers_in_order(void **state)
{
	static struct names n;
	const struct resolver_answer *a;
	int64_t start;

	(void)state;
	open_names(&n, 1);
	start = clock_now(sim_clock(n.sim));
	a = ask(&n, "Example.COM.", RESOLVE_DOMAIN, RESOLVE_ANY);
	assert_int_equal(a->cause, RESOLVER_OK);
	assert_int_equal(a->exchanger_count, 2);
	assert_string_equal(a->exchangers[0].name, "mx1.example.com");
	assert_int_equal(a->exchangers[0].preference, 10);
	assert_int_equal(a->exchangers[0].address_count, 2);
	assert_string_equal(a->exchangers[1].name, "mx2.example.com");
	assert_int_equal(a->address_count, 3);
	assert_int_equal(a->addresses[0].family, ENDPOINT_IPV6);
	assert_int_equal(a->addresses[1].family, ENDPOINT_IPV4);
	assert_int_equal(a->addresses[2].port, 2525);
	assert_false(a->is_implicit_mx);
	assert_false(a->is_from_cache);
	assert_int_equal(a->took_ns, 20 * MS);
	assert_int_equal(clock_now(sim_clock(n.sim)), start + 20 * MS);
	assert_int_equal(a->expires_ns, start + 20 * MS + 300 * NS_PER_SEC);
	a = ask(&n, "example.com", RESOLVE_DOMAIN, RESOLVE_IPV4);
	assert_int_equal(a->address_count, 2);
	close_names(&n);
}

static void causes(void **state)
{
	static const struct {
		const char *name;
		enum resolver_question question;
		enum resolver_families families;
		enum resolver_cause cause;
		int64_t took_ns;
	} cases[] = {
		{"silent.example", RESOLVE_DOMAIN, RESOLVE_ANY, RESOLVER_NULL_MX, 10 * MS},
		{"no.such.name", RESOLVE_DOMAIN, RESOLVE_ANY, RESOLVER_NO_NAME, 10 * MS},
		{"no.such.name", RESOLVE_HOST, RESOLVE_ANY, RESOLVER_NO_NAME, 10 * MS},
		{"nowhere.example", RESOLVE_DOMAIN, RESOLVE_ANY, RESOLVER_NO_NAME, 10 * MS},
		{"example", RESOLVE_HOST, RESOLVE_ANY, RESOLVER_NO_ADDRESS, 10 * MS},
		{"silent.example", RESOLVE_HOST, RESOLVE_ANY, RESOLVER_NO_ADDRESS, 10 * MS},
		{"plain.example", RESOLVE_HOST, RESOLVE_IPV6, RESOLVER_NO_ADDRESS, 10 * MS},
		{"four.example", RESOLVE_DOMAIN, RESOLVE_IPV6, RESOLVER_NO_ADDRESS, 20 * MS},
		{"orphan.example", RESOLVE_DOMAIN, RESOLVE_ANY, RESOLVER_NO_ADDRESS, 20 * MS},
		{"worst.example", RESOLVE_DOMAIN, RESOLVE_ANY, RESOLVER_SERVFAIL, 20 * MS},
		{"half.example", RESOLVE_DOMAIN, RESOLVE_ANY, RESOLVER_OK, 20 * MS},
		{"broken.example", RESOLVE_DOMAIN, RESOLVE_ANY, RESOLVER_SERVFAIL, 10 * MS},
		{"refused.example", RESOLVE_HOST, RESOLVE_ANY, RESOLVER_REFUSED, 10 * MS},
		{"slow.example", RESOLVE_HOST, RESOLVE_ANY, RESOLVER_TIMED_OUT,
		 10 * MS + 3 * NS_PER_SEC},
		{"loop.example", RESOLVE_HOST, RESOLVE_ANY, RESOLVER_MALFORMED, 10 * MS},
		{"bad..name", RESOLVE_HOST, RESOLVE_ANY, RESOLVER_MALFORMED, 0},
		{"far.example", RESOLVE_HOST, RESOLVE_ANY, RESOLVER_OK, 260 * MS},
		{"a.bench.example", RESOLVE_HOST, RESOLVE_ANY, RESOLVER_OK, 10 * MS},
		{"a.b.bench.example", RESOLVE_HOST, RESOLVE_ANY, RESOLVER_OK, 10 * MS},
		{"bench.example", RESOLVE_HOST, RESOLVE_ANY, RESOLVER_NO_ADDRESS, 10 * MS},
		{"x.plain.example", RESOLVE_HOST, RESOLVE_ANY, RESOLVER_NO_NAME, 10 * MS},
		{"192.0.2.1", RESOLVE_DOMAIN, RESOLVE_ANY, RESOLVER_OK, 0},
		{"2001:db8::1", RESOLVE_HOST, RESOLVE_IPV4, RESOLVER_NO_ADDRESS, 0},
	};
	static struct names n;

	(void)state;
	open_names(&n, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct resolver_answer *a =
			ask(&n, cases[i].name, cases[i].question, cases[i].families);

		if (a->cause != cases[i].cause || a->took_ns != cases[i].took_ns)
			fail_msg("%s: %s after %lld ns (%s)", cases[i].name,
				 resolver_cause_name(a->cause), (long long)a->took_ns, a->detail);
		assert_int_equal(a->address_count > 0, a->cause == RESOLVER_OK);
		assert_int_equal(a->exchanger_count > 0, a->cause == RESOLVER_OK);
		assert_int_equal(a->detail[0] != '\0', a->cause != RESOLVER_OK);
	}
	close_names(&n);
}

static void implicit_and_literal(void **state)
{
	static struct names n;
	const struct resolver_answer *a;
	int64_t start;

	(void)state;
	open_names(&n, 1);
	start = clock_now(sim_clock(n.sim));
	a = ask(&n, "plain.example", RESOLVE_DOMAIN, RESOLVE_ANY);
	assert_true(a->is_implicit_mx);
	assert_string_equal(a->exchangers[0].name, "plain.example");
	assert_int_equal(a->expires_ns, start + 20 * MS + 100 * NS_PER_SEC);
	a = ask(&n, "www.example.com", RESOLVE_HOST, RESOLVE_ANY);
	assert_int_equal(a->address_count, 2);
	assert_string_equal(a->exchangers[0].name, "www.example.com");
	assert_int_equal(a->expires_ns, clock_now(sim_clock(n.sim)) + 50 * NS_PER_SEC);
	a = ask(&n, "2001:db8::1", RESOLVE_DOMAIN, RESOLVE_ANY);
	assert_int_equal(a->addresses[0].family, ENDPOINT_IPV6);
	assert_int_equal(a->expires_ns, TIME_NEVER);
	close_names(&n);
}

static void unusable_requests(void **state)
{
	static struct names n;
	char name[RESOLVER_NAME_MAX + 1];
	struct resolver_request r = {name, 25, RESOLVE_HOST, RESOLVE_ANY};
	struct err e = {0};

	(void)state;
	open_names(&n, 1);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(resolver_ask(n.resolver, &r, &n.asker.base, &e), -1);
	assert_int_equal(e.status, EXIT_USAGE);
	name[0] = '\0';
	assert_int_equal(resolver_ask(n.resolver, &r, &n.asker.base, &e), -1);
	close_names(&n);
}

static void zones_change(void **state)
{
	static struct names n;
	struct err e = {0};

	(void)state;
	open_names(&n, 1);
	sim_zone_forget(n.zone, SPAN("Plain.Example."));
	sim_zone_forget(n.zone, SPAN("never.there"));
	assert_int_equal(ask(&n, "plain.example", RESOLVE_HOST, RESOLVE_ANY)->cause,
			 RESOLVER_NO_NAME);
	assert_int_equal(sim_zone_load(n.zone, SPAN("plain.example AAAA ::7"), &e), 0);
	assert_int_equal(ask(&n, "plain.example", RESOLVE_HOST, RESOLVE_ANY)->cause, RESOLVER_OK);
	close_names(&n);
}

static void bad_lines(void **state)
{
	static const char *const lines[] = {
		"x",
		"x TXT hello",
		"x A",
		"x A 2001:db8::1",
		"x AAAA 192.0.2.1",
		"x MX mx.example",
		"x MX 70000 mx.example",
		"x MX 10",
		"x CNAME a..b",
		".. A 192.0.2.1",
		"x DELAY soon",
		"x 99999999999 A 192.0.2.1",
	};
	struct sim_zone *z = sim_zone_new();

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[100] = "fine.example A 192.0.2.1\n";
		struct err e = {0};

		strncat(text, lines[i], sizeof(text) - strlen(text) - 1);
		if (sim_zone_load(z, span_of(text), &e) != -1)
			fail_msg("\"%s\" is understood", lines[i]);
		assert_non_null(strstr(e.text, "line 2"));
	}
	sim_zone_free(z);
}

/* Ten exchangers of one preference: the seed decides, and decides the same again. */
static void seeds_shuffle(void **state)
{
	char orders[3][10];

	(void)state;
	for (int run = 0; run < 3; run++) {
		static struct names n;
		const struct resolver_answer *a;

		open_names(&n, run == 2 ? 8 : 7);
		for (char c = '0'; c <= '9'; c++) {
			char line[] = "many.example MX 10 ?.example\n?.example A 192.0.2.1\n";
			char *mark;

			while ((mark = strchr(line, '?')))
				*mark = c;
			assert_int_equal(sim_zone_load(n.zone, span_of(line), NULL), 0);
		}
		a = ask(&n, "many.example", RESOLVE_DOMAIN, RESOLVE_ANY);
		assert_int_equal(a->exchanger_count, 10);
		for (int i = 0; i < 10; i++)
			orders[run][i] = a->exchangers[i].name[0];
		close_names(&n);
	}
	assert_memory_equal(orders[0], orders[1], 10);
	assert_memory_not_equal(orders[0], orders[2], 10);
}

/* Many at once, answered in the order of their time; some dropped with the resolver. */
static void many_look_ups(void **state)
{
	static struct names n;
	static struct asker askers[1000];
	struct resolver_request far = {"far.example", 25, RESOLVE_HOST, RESOLVE_ANY};
	struct resolver_request near = {"plain.example", 25, RESOLVE_HOST, RESOLVE_ANY};

	(void)state;
	open_names(&n, 1);
	for (int i = 0; i < 1000; i++) {
		askers[i].count = 0;
		askers[i].base.on_answer = on_answer;
		assert_int_equal(
			resolver_ask(n.resolver, i & 1 ? &far : &near, &askers[i].base, NULL), 0);
	}
	assert_int_equal(resolver_turn(n.resolver, 0), 1000);
	assert_int_equal(resolver_turn(n.resolver, TIME_NEVER), 500);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(askers[i].count, i & 1 ? 0 : 1);
	close_names(&n);
	for (int i = 1; i < 1000; i += 2)
		assert_int_equal(askers[i].count, 0);
}

/* --- As an actor's */

struct asking_actor {
	struct sim_actor actor;
	int open_count, steps;
};

static int64_t step(struct sim_actor *actor, int64_t now_ns)
{
	struct asking_actor *a = (struct asking_actor *)actor;

	a->steps++;
	a->open_count = resolver_turn(actor->resolver, now_ns);
	return TIME_NEVER;
}

static void answers_step_an_actor(void **state)
{
	static struct names n;
	struct asking_actor a;
	struct resolver_request r = {"far.example", 25, RESOLVE_HOST, RESOLVE_ANY};

	(void)state;
	open_names(&n, 1);
	a = (struct asking_actor){.actor = {.resolver = n.resolver, .step = step}};
	sim_add(n.sim, &a.actor);
	assert_int_equal(resolver_ask(n.resolver, &r, &n.asker.base, NULL), 0);
	run_dry(n.sim);
	assert_int_equal(n.asker.count, 1);
	assert_int_equal(a.open_count, 0);
	assert_int_equal(a.steps, 2);
	sim_remove(n.sim, &a.actor);
	close_names(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchangers_in_order),	 cmocka_unit_test(causes),
		cmocka_unit_test(implicit_and_literal),	 cmocka_unit_test(unusable_requests),
		cmocka_unit_test(zones_change),		 cmocka_unit_test(bad_lines),
		cmocka_unit_test(seeds_shuffle),	 cmocka_unit_test(many_look_ups),
		cmocka_unit_test(answers_step_an_actor),
	};

	return cmocka_run_group_tests_name("sim: names", tests, NULL, NULL);
}
