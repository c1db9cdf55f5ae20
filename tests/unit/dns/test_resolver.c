/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_resolver.c - which exchangers and addresses come out, in which order, and how long they hold
 *
 * Against a scripted server on loopback. RFC 5321 s5.1, RFC 7505, RFC 8305 s4, RFC 6761 s6.3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "server.h"
#include "wire.h"

static const struct script table[] = {
	{.name = "host.test.", .type = TYPE_A, .answers = "@ 300 A 192.0.2.1\n@ 300 A 192.0.2.2"},
	{.name = "host.test.",
	 .type = TYPE_AAAA,
	 .answers = "@ 60 AAAA 2001:db8::1\n@ 60 AAAA 2001:db8::2\n@ 60 AAAA 2001:db8::3"},
	{.name = "v4.test.", .type = TYPE_A, .answers = "@ 300 A 192.0.2.4"},
	{.name = "v6.test.", .type = TYPE_AAAA, .answers = "@ 300 AAAA 2001:db8::6"},
	{.name = "mail.test.",
	 .type = TYPE_MX,
	 .answers = "@ 300 MX 20 v6.test.\n@ 300 MX 10 V4.test.\n@ 300 MX 30 host.test."},
	{.name = "equal.test.",
	 .type = TYPE_MX,
	 .answers = "@ 300 MX 10 v4.test.\n@ 300 MX 10 v6.test.\n@ 300 MX 5 host.test."},
	{.name = "twice.test.",
	 .type = TYPE_MX,
	 .answers = "@ 300 MX 20 v4.test.\n@ 300 MX 10 v4.test.\n@ 300 MX 15 v6.test."},
	{.name = "null.test.", .type = TYPE_MX, .answers = "@ 300 MX 0 ."},
	{.name = "null-and-more.test.",
	 .type = TYPE_MX,
	 .answers = "@ 300 MX 0 .\n@ 300 MX 10 v4.test."},
	{.name = "dot-10.test.", .type = TYPE_MX, .answers = "@ 300 MX 10 ."},
	{.name = "dangling.test.",
	 .type = TYPE_MX,
	 .answers = "@ 300 MX 10 nowhere.test.\n@ 300 MX 20 v4.test."},
	{.name = "all-dangling.test.",
	 .type = TYPE_MX,
	 .answers = "@ 300 MX 10 nowhere.test.\n@ 300 MX 20 empty.test."},
	{.name = "empty.test.", .type = TYPE_MX, .behaviour = SILENT},
	{.name = "alias.test.",
	 .type = TYPE_MX,
	 .answers = "@ 300 CNAME mail.test.\n"
		    "mail.test. 100 MX 7 v4.test."},
	{.name = "far.test.", .type = TYPE_MX, .answers = "@ 30 CNAME mail.test."},
	{.name = "far-host.test.", .type = TYPE_A, .answers = "@ 30 CNAME v4.test."},
	{.name = "far-host.test.", .type = TYPE_AAAA, .answers = "@ 30 CNAME v4.test."},
	{.name = "to-alias.test.", .type = TYPE_MX, .answers = "@ 300 MX 10 far-host.test."},
	{.name = "no-ttl.test.", .type = TYPE_A, .answers = "@ 0 A 192.0.2.1"},
	{.name = "short.test.", .type = TYPE_A, .answers = "@ 10 A 192.0.2.1"},
	{.name = "long.test.", .type = TYPE_A, .answers = "@ 2147483647 A 192.0.2.1"},
	{.name = "big.test.",
	 .type = TYPE_A,
	 .behaviour = TRUNCATED,
	 .answers = "@ 300 A 192.0.2.1\n@ 300 A 192.0.2.2\n@ 300 A 192.0.2.3"},
	{.name = "odd-mx.test.",
	 .type = TYPE_MX,
	 .answers = "@ 300 MX 10 a/b.test.\n@ 300 MX 20 v4.test."},
	{0},
};

struct fixture {
	struct server *server;
	struct fake_clock clock;
	struct resolver *resolver;
	struct keeper keeper;
};

static int set_up(void **state)
{
	static struct fixture f;

	f.server = server_start(table);
	fake_clock_init(&f.clock);
	f.resolver = resolver_at(server_address(f.server), &f.clock, 1);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	resolver_free(f->resolver);
	server_stop(f->server);
	return 0;
}

static void expect(struct fixture *f, enum resolver_question question, const char *name,
		   const char *expected)
{
	ask(f->resolver, question, name, &f->keeper);
	assert_string_equal(answer_text(&f->keeper.answer), expected);
}

/* RFC 8305 s4: the families alternate, IPv6 first. */
static void test_host_in_both_families(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_HOST, "Host.TEST.",
	       "0 host.test 2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 2001:db8::3");
	for (int i = 0; i < f->keeper.answer.address_count; i++)
		assert_int_equal(f->keeper.answer.addresses[i].port, 25);
	assert_false(f->keeper.answer.is_implicit_mx);
	assert_string_equal(f->keeper.answer.detail, "");
	/* The smallest of the TTLs. */
	assert_int_equal(f->keeper.answer.expires_ns, f->clock.now_ns + 60 * NS_PER_SEC);
}

static void test_one_family_is_enough(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_HOST, "v4.test", "0 v4.test 192.0.2.4");
	expect(f, RESOLVE_HOST, "v6.test", "0 v6.test 2001:db8::6");
}

static void ask_family(struct fixture *f, enum resolver_families families, const char *name)
{
	const struct resolver_request request = {name, 587, RESOLVE_HOST, families};
	struct err e = {0};

	keeper_init(&f->keeper);
	assert_int_equal(resolver_ask(f->resolver, &request, &f->keeper.user, &e), 0);
	resolver_drain(f->resolver);
	assert_int_equal(f->keeper.count, 1);
}

static void test_only_the_wanted_family_is_asked_for(void **state)
{
	struct fixture *f = *state;

	ask_family(f, RESOLVE_IPV4, "host.test");
	assert_string_equal(answer_text(&f->keeper.answer), "0 host.test 192.0.2.1 192.0.2.2");
	assert_int_equal(f->keeper.answer.addresses[0].port, 587);
	assert_int_equal(server_asked(f->server, "host.test.", TYPE_AAAA), 0);
	ask_family(f, RESOLVE_IPV6, "v4.test");
	assert_int_equal(f->keeper.answer.cause, RESOLVER_NO_ADDRESS);
	assert_int_equal(server_asked(f->server, "v4.test.", TYPE_A), 0);
}

static void test_unknown_host(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_HOST, "nowhere.test", "no such name");
	assert_non_null(strstr(f->keeper.answer.detail, "nowhere.test"));
	assert_non_null(strstr(f->keeper.answer.detail, "NXDOMAIN"));
	expect(f, RESOLVE_DOMAIN, "nowhere.test", "no such name");
	assert_non_null(strstr(f->keeper.answer.detail, "MX nowhere.test"));
	/* A name without addresses is another thing than no name. */
	expect(f, RESOLVE_HOST, "mail.test", "no address");
}

static void test_exchangers_by_preference(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_DOMAIN, "mail.test",
	       "10 v4.test 192.0.2.4 | 20 v6.test 2001:db8::6 | "
	       "30 host.test 2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 2001:db8::3");
	assert_false(f->keeper.answer.is_implicit_mx);
	assert_int_equal(f->keeper.answer.expires_ns, f->clock.now_ns + 60 * NS_PER_SEC);
}

/* RFC 5321 s5.1: equal preferences are spread at random; the order repeats with the seed. */
static void test_equal_preferences_are_shuffled(void **state)
{
	struct fixture *f = *state;
	bool has_seen_v4_first = false, has_seen_v6_first = false;
	char first[2][RESOLVER_NAME_MAX];

	for (uint64_t seed = 0; seed < 24; seed++) {
		const char *address = server_address(f->server);

		for (int run = 0; run < 2; run++) {
			struct resolver *r = resolver_at(address, &f->clock, seed);

			ask(r, RESOLVE_DOMAIN, "equal.test", &f->keeper);
			resolver_free(r);
			assert_int_equal(f->keeper.answer.exchanger_count, 3);
			assert_string_equal(f->keeper.answer.exchangers[0].name, "host.test");
			snprintf(first[run], sizeof(first[run]), "%s",
				 f->keeper.answer.exchangers[1].name);
		}
		assert_string_equal(first[0], first[1]);
		has_seen_v4_first |= strcmp(first[0], "v4.test") == 0;
		has_seen_v6_first |= strcmp(first[0], "v6.test") == 0;
	}
	assert_true(has_seen_v4_first);
	assert_true(has_seen_v6_first);
}

/* One look-up after the other spreads too, from the cache. */
static void test_each_look_up_is_shuffled(void **state)
{
	struct fixture *f = *state;
	bool has_seen_v4_first = false, has_seen_v6_first = false;

	for (int i = 0; i < 64; i++) {
		ask(f->resolver, RESOLVE_DOMAIN, "equal.test", &f->keeper);
		has_seen_v4_first |= strcmp(f->keeper.answer.exchangers[1].name, "v4.test") == 0;
		has_seen_v6_first |= strcmp(f->keeper.answer.exchangers[1].name, "v6.test") == 0;
	}
	assert_true(has_seen_v4_first);
	assert_true(has_seen_v6_first);
	assert_int_equal(server_asked(f->server, "equal.test.", TYPE_MX), 1);
}

static void test_a_host_named_twice_counts_once(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_DOMAIN, "twice.test", "10 v4.test 192.0.2.4 | 15 v6.test 2001:db8::6");
}

/* RFC 7505 s3: a single "." with preference 0 says that the domain takes no mail. */
static void test_null_mx(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_DOMAIN, "null.test", "null MX");
	assert_int_equal(server_asked(f->server, "null.test.", TYPE_A), 0);
	assert_int_equal(f->keeper.answer.expires_ns, f->clock.now_ns + 300 * NS_PER_SEC);
	/* Beside others it is a mistake, and is left out. */
	expect(f, RESOLVE_DOMAIN, "null-and-more.test", "10 v4.test 192.0.2.4");
	/* With another preference it points to nothing. */
	expect(f, RESOLVE_DOMAIN, "dot-10.test", "no address");
}

/* RFC 5321 s5.1: no MX record makes the domain its own exchanger, and only then. */
static void test_implicit_mx(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_DOMAIN, "v4.test", "0 v4.test 192.0.2.4");
	assert_true(f->keeper.answer.is_implicit_mx);
	expect(f, RESOLVE_DOMAIN, "far-host.test", "0 far-host.test 192.0.2.4");
	assert_true(f->keeper.answer.is_implicit_mx);
}

static void test_exchangers_that_point_to_nothing(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_DOMAIN, "dangling.test", "20 v4.test 192.0.2.4");
	/* "if ... none of them are usable": no fall-back to the domain's own address. */
	expect(f, RESOLVE_DOMAIN, "all-dangling.test", "no address");
	assert_false(f->keeper.answer.is_implicit_mx);
	assert_int_equal(server_asked(f->server, "all-dangling.test.", TYPE_A), 0);
	assert_non_null(strstr(f->keeper.answer.detail, "all-dangling.test"));
	/* What is no host name is not even asked for. */
	expect(f, RESOLVE_DOMAIN, "odd-mx.test", "20 v4.test 192.0.2.4");
	assert_int_equal(server_asked(f->server, "a/b.test.", TYPE_A), 0);
}

static void test_aliases(void **state)
{
	struct fixture *f = *state;

	/* Told in one message. */
	expect(f, RESOLVE_DOMAIN, "alias.test", "7 v4.test 192.0.2.4");
	assert_int_equal(server_asked(f->server, "mail.test.", TYPE_MX), 0);
	/* The target had to be asked for; the alias bounds how long it holds. */
	expect(f, RESOLVE_DOMAIN, "far.test",
	       "10 v4.test 192.0.2.4 | 20 v6.test 2001:db8::6 | "
	       "30 host.test 2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 2001:db8::3");
	assert_int_equal(server_asked(f->server, "mail.test.", TYPE_MX), 1);
	assert_int_equal(f->keeper.answer.expires_ns, f->clock.now_ns + 30 * NS_PER_SEC);
	/* The exchanger keeps the name that the MX record gave it. */
	expect(f, RESOLVE_DOMAIN, "to-alias.test", "10 far-host.test 192.0.2.4");
}

static void test_truncated_answers_are_fetched_by_tcp(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_HOST, "big.test", "0 big.test 192.0.2.1 192.0.2.2 192.0.2.3");
	assert_int_equal(server_asked_by_tcp(f->server), 1);
}

/* --- the cache -------------------------------------------------------------------------------- */

static void test_ttl_is_honoured(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_HOST, "short.test", "0 short.test 192.0.2.1");
	assert_false(f->keeper.answer.is_from_cache);
	f->clock.now_ns += 10 * NS_PER_SEC - 1;
	expect(f, RESOLVE_HOST, "short.test", "0 short.test 192.0.2.1");
	assert_true(f->keeper.answer.is_from_cache);
	assert_int_equal(f->keeper.answer.expires_ns, f->clock.now_ns + 1);
	assert_int_equal(server_asked(f->server, "short.test.", TYPE_A), 1);
	f->clock.now_ns += 1;
	expect(f, RESOLVE_HOST, "short.test", "0 short.test 192.0.2.1");
	assert_false(f->keeper.answer.is_from_cache);
	assert_int_equal(server_asked(f->server, "short.test.", TYPE_A), 2);
}

static void test_ttl_of_zero_is_not_kept(void **state)
{
	struct fixture *f = *state;

	for (int i = 1; i <= 3; i++) {
		expect(f, RESOLVE_HOST, "no-ttl.test", "0 no-ttl.test 192.0.2.1");
		assert_int_equal(f->keeper.answer.expires_ns, f->clock.now_ns);
		assert_int_equal(server_asked(f->server, "no-ttl.test.", TYPE_A), i);
	}
}

static void test_a_ttl_of_years_is_cut(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_HOST, "long.test", "0 long.test 192.0.2.1");
	f->clock.now_ns += 86400 * NS_PER_SEC;
	expect(f, RESOLVE_HOST, "long.test", "0 long.test 192.0.2.1");
	assert_int_equal(server_asked(f->server, "long.test.", TYPE_A), 2);
}

/* RFC 2308: that there is nothing is kept as well, for as long as the SOA record says: 60 s. */
static void test_negative_answers_are_kept(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_DOMAIN, "nowhere.test", "no such name");
	f->clock.now_ns += 59 * NS_PER_SEC;
	expect(f, RESOLVE_DOMAIN, "nowhere.test", "no such name");
	assert_true(f->keeper.answer.is_from_cache);
	assert_int_equal(server_asked(f->server, "nowhere.test.", TYPE_MX), 1);
	f->clock.now_ns += NS_PER_SEC;
	expect(f, RESOLVE_DOMAIN, "nowhere.test", "no such name");
	assert_int_equal(server_asked(f->server, "nowhere.test.", TYPE_MX), 2);
}

static void test_the_cache_is_bounded(void **state)
{
	struct fixture *f = *state;
	const char *address = server_address(f->server);
	struct resolver *r = resolver_with((struct dns_options){
		.servers = &address,
		.server_count = 1,
		.cache_max = 2,
		.clock = &f->clock.clock,
	});
	struct dns_counters counters;

	ask(r, RESOLVE_HOST, "v4.test", &f->keeper);
	ask(r, RESOLVE_HOST, "v6.test", &f->keeper);
	ask(r, RESOLVE_HOST, "v4.test", &f->keeper);
	assert_int_equal(server_asked(f->server, "v4.test.", TYPE_A), 2);
	dns_counters_read(r, &counters);
	assert_int_equal(counters.cache_drops, 4);
	assert_int_equal(counters.queries, 6);
	resolver_free(r);
}

/* Many domains behind the same exchangers ask for their addresses once. */
static void test_equal_questions_are_asked_once(void **state)
{
	struct fixture *f = *state;
	static struct keeper keepers[50];
	const struct resolver_request request = {"mail.test", 25, RESOLVE_DOMAIN, RESOLVE_ANY};
	struct dns_counters counters;
	struct err e = {0};

	for (int i = 0; i < 50; i++) {
		keeper_init(&keepers[i]);
		assert_int_equal(resolver_ask(f->resolver, &request, &keepers[i].user, &e), 0);
	}
	resolver_drain(f->resolver);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(keepers[i].count, 1);
		assert_int_equal(keepers[i].answer.exchanger_count, 3);
	}
	assert_int_equal(server_asked(f->server, NULL, 0), 7); /* MX, and 3 hosts x A, AAAA */
	dns_counters_read(f->resolver, &counters);
	assert_int_equal(counters.queries, 7);
	assert_true(counters.shared > 0);
}

/* --- names that need no server ---------------------------------------------------------------- */

static void test_literals(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_HOST, "192.0.2.77", "0 192.0.2.77 192.0.2.77");
	assert_int_equal(f->keeper.answer.expires_ns, TIME_NEVER);
	expect(f, RESOLVE_DOMAIN, "[IPv6:2001:DB8::1]", "0 2001:db8::1 2001:db8::1");
	ask_family(f, RESOLVE_IPV6, "192.0.2.77");
	assert_int_equal(f->keeper.answer.cause, RESOLVER_NO_ADDRESS);
	assert_int_equal(server_asked(f->server, NULL, 0), 0);
}

/* RFC 6761 s6.3: always the loopback address, and no server is asked. */
static void test_localhost(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_HOST, "localhost", "0 localhost ::1 127.0.0.1");
	expect(f, RESOLVE_DOMAIN, "mail.LOCALHOST.", "0 mail.localhost ::1 127.0.0.1");
	ask_family(f, RESOLVE_IPV4, "localhost");
	assert_string_equal(answer_text(&f->keeper.answer), "0 localhost 127.0.0.1");
	assert_int_equal(server_asked(f->server, NULL, 0), 0);
}

static void test_pins(void **state)
{
	struct fixture *f = *state;
	const char *address = server_address(f->server);
	const char *pins[] = {"pinned.test:25:192.0.2.50,[2001:db8::50],192.0.2.51",
			      "v6.test:25:192.0.2.60"};
	struct resolver *r = resolver_with((struct dns_options){
		.servers = &address,
		.server_count = 1,
		.pins = pins,
		.pin_count = 2,
	});

	ask(r, RESOLVE_HOST, "Pinned.test", &f->keeper);
	assert_string_equal(answer_text(&f->keeper.answer),
			    "0 pinned.test 2001:db8::50 192.0.2.50 192.0.2.51");
	assert_int_equal(f->keeper.answer.expires_ns, TIME_NEVER);
	/* A pinned domain is its own exchanger. */
	ask(r, RESOLVE_DOMAIN, "pinned.test", &f->keeper);
	assert_string_equal(answer_text(&f->keeper.answer),
			    "0 pinned.test 2001:db8::50 192.0.2.50 192.0.2.51");
	assert_true(f->keeper.answer.is_implicit_mx);
	assert_int_equal(server_asked(f->server, NULL, 0), 0);
	/* An exchanger may be pinned as well. */
	ask(r, RESOLVE_DOMAIN, "twice.test", &f->keeper);
	assert_string_equal(answer_text(&f->keeper.answer),
			    "10 v4.test 192.0.2.4 | 15 v6.test 192.0.2.60");
	resolver_free(r);
}

static void test_a_pin_for_all_names(void **state)
{
	struct fixture *f = *state;
	const char *address = server_address(f->server), *pin = "*:25:127.0.0.1";
	struct resolver *r = resolver_with((struct dns_options){
		.servers = &address,
		.server_count = 1,
		.pins = &pin,
		.pin_count = 1,
	});
	const struct resolver_request other_port = {"v4.test", 587, RESOLVE_HOST, RESOLVE_ANY};
	struct err e = {0};

	ask(r, RESOLVE_DOMAIN, "anything.example", &f->keeper);
	assert_string_equal(answer_text(&f->keeper.answer), "0 anything.example 127.0.0.1");
	keeper_init(&f->keeper);
	assert_int_equal(resolver_ask(r, &other_port, &f->keeper.user, &e), 0);
	resolver_drain(r);
	assert_string_equal(answer_text(&f->keeper.answer), "0 v4.test 192.0.2.4");
	resolver_free(r);
}

/* The hosts file goes before the servers, for hosts and not for domains. */
static void test_hosts_file(void **state)
{
	struct fixture *f = *state;
	const char *address = server_address(f->server);
	char path[] = "/tmp/volley-hosts-XXXXXX";
	const struct dns_options options = {
		.servers = &address,
		.server_count = 1,
		.hosts_path = path,
	};
	int fd = mkstemp(path);
	static const char text[] = "192.0.2.90 v4.test other\n2001:db8::90 v4.test\n";
	struct err e = {0};
	struct resolver *r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	r = dns_new(&options, &e);
	assert_non_null(r);
	ask(r, RESOLVE_HOST, "v4.test", &f->keeper);
	assert_string_equal(answer_text(&f->keeper.answer), "0 v4.test 2001:db8::90 192.0.2.90");
	assert_int_equal(server_asked(f->server, NULL, 0), 0);
	ask(r, RESOLVE_HOST, "v6.test", &f->keeper);
	assert_string_equal(answer_text(&f->keeper.answer), "0 v6.test 2001:db8::6");
	ask(r, RESOLVE_DOMAIN, "v4.test", &f->keeper);
	assert_string_equal(answer_text(&f->keeper.answer), "0 v4.test 192.0.2.4");
	resolver_free(r);
	unlink(path);
}

/* Without servers of its own, a resolver takes the system's; what is known needs none of them. */
static void test_the_servers_of_the_system(void **state)
{
	const struct dns_options options = {0};
	struct err e = {0};
	struct resolver *r = dns_new(&options, &e);
	struct keeper k;

	(void)state;
	assert_non_null(r);
	ask(r, RESOLVE_HOST, "192.0.2.1", &k);
	assert_string_equal(answer_text(&k.answer), "0 192.0.2.1 192.0.2.1");
	resolver_free(r);
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(test_host_in_both_families),
		WITH_SERVER(test_one_family_is_enough),
		WITH_SERVER(test_only_the_wanted_family_is_asked_for),
		WITH_SERVER(test_unknown_host),
		WITH_SERVER(test_exchangers_by_preference),
		WITH_SERVER(test_equal_preferences_are_shuffled),
		WITH_SERVER(test_each_look_up_is_shuffled),
		WITH_SERVER(test_a_host_named_twice_counts_once),
		WITH_SERVER(test_null_mx),
		WITH_SERVER(test_implicit_mx),
		WITH_SERVER(test_exchangers_that_point_to_nothing),
		WITH_SERVER(test_aliases),
		WITH_SERVER(test_truncated_answers_are_fetched_by_tcp),
		WITH_SERVER(test_ttl_is_honoured),
		WITH_SERVER(test_ttl_of_zero_is_not_kept),
		WITH_SERVER(test_a_ttl_of_years_is_cut),
		WITH_SERVER(test_negative_answers_are_kept),
		WITH_SERVER(test_the_cache_is_bounded),
		WITH_SERVER(test_equal_questions_are_asked_once),
		WITH_SERVER(test_literals),
		WITH_SERVER(test_localhost),
		WITH_SERVER(test_pins),
		WITH_SERVER(test_a_pin_for_all_names),
		WITH_SERVER(test_hosts_file),
		cmocka_unit_test(test_the_servers_of_the_system),
	};

	return cmocka_run_group_tests_name("dns/resolver", tests, NULL, NULL);
}
