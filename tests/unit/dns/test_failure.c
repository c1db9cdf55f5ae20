/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_failure.c - servers that fail, lie, or say nothing
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "server.h"
#include "wire.h"

/* A record whose name points to itself: octet 29 follows the question for "broken.test.". */
static const uint8_t pointer_loop[] = {0xC0, 29, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4};

#define FOR_BOTH(host, ...)                                                                        \
	{.name = host, .type = TYPE_A, __VA_ARGS__},                                               \
	{                                                                                          \
		.name = host, .type = TYPE_AAAA, __VA_ARGS__                                       \
	}

static const struct script table[] = {
	FOR_BOTH("silent.test.", .behaviour = SILENT),
	FOR_BOTH("servfail.test.", .flags = 2),
	FOR_BOTH("refused.test.", .flags = 5),
	FOR_BOTH("notimp.test.", .flags = 4),
	FOR_BOTH("wrong-id.test.", .behaviour = WRONG_ID, .answers = "@ 300 A 192.0.2.66"),
	FOR_BOTH("wrong-question.test.", .behaviour = WRONG_QUESTION,
		 .answers = "@ 300 A 192.0.2.66"),
	FOR_BOTH("short.test.", .behaviour = SHORT),
	FOR_BOTH("broken.test.", .behaviour = RAW, .raw = pointer_loop,
		 .raw_len = sizeof(pointer_loop), .answer_count = 1),
	FOR_BOTH("fewer.test.", .behaviour = RAW, .answer_count = 3),
	FOR_BOTH("loop-a.test.", .answers = "@ 300 CNAME loop-b.test."),
	FOR_BOTH("loop-b.test.", .answers = "@ 300 CNAME loop-a.test."),
	FOR_BOTH("self.test.", .answers = "@ 300 CNAME @"),
	FOR_BOTH("odd-alias.test.", .answers = "@ 300 CNAME a/b.test."),
	FOR_BOTH("referral.test.", .authorities = "test. 300 NS ns.test."),
	{.name = "forged.test.",
	 .type = TYPE_A,
	 .behaviour = FORGED_FIRST,
	 .answers = "@ 300 A 192.0.2.1"},
	{.name = "late.test.",
	 .type = TYPE_A,
	 .behaviour = SILENT_ONCE,
	 .answers = "@ 300 A 192.0.2.1"},
	{.name = "big.test.",
	 .type = TYPE_A,
	 .behaviour = TRUNCATED,
	 .answers = "@ 300 A 192.0.2.1"},
	{.name = "half.test.", .type = TYPE_A, .answers = "@ 300 A 192.0.2.1"},
	{.name = "half.test.", .type = TYPE_AAAA, .flags = 2},
	{.name = "v4.test.", .type = TYPE_A, .answers = "@ 300 A 192.0.2.4"},
	{.name = "mx-servfail.test.", .type = TYPE_MX, .flags = 2},
	{.name = "mx-servfail.test.", .type = TYPE_A, .answers = "@ 300 A 192.0.2.1"},
	{.name = "mx-silent.test.", .type = TYPE_MX, .behaviour = SILENT},
	{.name = "mx-one-bad.test.",
	 .type = TYPE_MX,
	 .answers = "@ 300 MX 10 servfail.test.\n@ 300 MX 20 v4.test."},
	{.name = "mx-all-bad.test.",
	 .type = TYPE_MX,
	 .answers = "@ 300 MX 10 nowhere.test.\n@ 300 MX 20 servfail.test."},
	{0},
};

static const struct script all_good[] = {
	{.name = "servfail.test.", .type = TYPE_A, .answers = "@ 300 A 192.0.2.7"},
	{.name = "refused.test.", .type = TYPE_A, .answers = "@ 300 A 192.0.2.7"},
	{.name = "silent.test.", .type = TYPE_A, .answers = "@ 300 A 192.0.2.7"},
	{.name = "broken.test.", .type = TYPE_A, .answers = "@ 300 A 192.0.2.7"},
	{.name = "v4.test.", .type = TYPE_A, .answers = "@ 300 A 192.0.2.7"},
	{0},
};

/*
 * Where silence is the point, a resolver gives up soon; everywhere else it waits so long that a
 * busy machine does not matter.
 */
#define SHORT_TIMEOUT (40 * NS_PER_MS)

struct fixture {
	struct server *server;
	struct resolver *resolver;
	struct resolver *hasty; /* time-outs: 2 x 40 ms */
	struct keeper keeper;
};

static struct resolver *hasty_at(const char *const *servers, int count, int tries)
{
	return resolver_with((struct dns_options){
		.servers = servers,
		.server_count = count,
		.timeout_ns = SHORT_TIMEOUT,
		.tries = tries,
	});
}

static int set_up(void **state)
{
	static struct fixture f;
	const char *address;

	f.server = server_start(table);
	address = server_address(f.server);
	f.resolver = resolver_at(address, NULL, 0);
	f.hasty = hasty_at(&address, 1, 2);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	resolver_free(f->resolver);
	resolver_free(f->hasty);
	server_stop(f->server);
	return 0;
}

static void expect_at(struct resolver *r, struct fixture *f, enum resolver_question question,
		      const char *name, const char *expected, const char *detail)
{
	ask(r, question, name, &f->keeper);
	assert_string_equal(answer_text(&f->keeper.answer), expected);
	if (!strstr(f->keeper.answer.detail, detail))
		fail_msg("\"%s\" is not in \"%s\"", detail, f->keeper.answer.detail);
}

static void expect(struct fixture *f, enum resolver_question question, const char *name,
		   const char *expected, const char *detail)
{
	expect_at(f->resolver, f, question, name, expected, detail);
}

static void test_silence(void **state)
{
	struct fixture *f = *state;
	struct dns_counters counters;

	expect_at(f->hasty, f, RESOLVE_HOST, "silent.test", "timed out", "did not answer");
	/* The resolver gave up, whether or not the server has come to read the second one. */
	for (int i = 0; i < 1000 && server_asked(f->server, "silent.test.", TYPE_A) < 2; i++)
		poll(NULL, 0, 10);
	assert_int_equal(server_asked(f->server, "silent.test.", TYPE_A), 2);
	dns_counters_read(f->hasty, &counters);
	assert_int_equal(counters.queries, 4);
	assert_int_equal(counters.repeated, 2);
	assert_int_equal(counters.timed_out, 4);
	assert_true(f->keeper.answer.took_ns >= 2 * SHORT_TIMEOUT);
	expect_at(f->hasty, f, RESOLVE_DOMAIN, "mx-silent.test", "timed out", "MX mx-silent.test");
}

static void test_a_lost_query_is_repeated(void **state)
{
	struct fixture *f = *state;
	const char *address = server_address(f->server);
	struct resolver *r = hasty_at(&address, 1, 100);

	ask(r, RESOLVE_HOST, "late.test", &f->keeper);
	assert_string_equal(answer_text(&f->keeper.answer), "0 late.test 192.0.2.1");
	assert_true(server_asked(f->server, "late.test.", TYPE_A) >= 2);
	resolver_free(r);
}

static void test_codes_that_say_failure(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_HOST, "servfail.test", "server failure", "answered SERVFAIL");
	/* The server has spoken: it is not asked the same again. */
	assert_int_equal(server_asked(f->server, "servfail.test.", TYPE_A), 1);
	expect(f, RESOLVE_HOST, "refused.test", "query refused", "answered REFUSED");
	expect(f, RESOLVE_HOST, "notimp.test", "server failure", "answered NOTIMP");
	expect(f, RESOLVE_HOST, "referral.test", "server failure", "refers to other servers");
}

/* RFC 9520 s3.2: a failure is kept for a moment, so that not every message asks again. */
static void test_failures_are_kept_for_seconds(void **state)
{
	struct fixture *f = *state;
	const char *address = server_address(f->server);
	struct fake_clock clock;
	struct resolver *r;

	fake_clock_init(&clock);
	r = resolver_at(address, &clock, 0);
	ask(r, RESOLVE_DOMAIN, "mx-servfail.test", &f->keeper);
	ask(r, RESOLVE_DOMAIN, "mx-servfail.test", &f->keeper);
	assert_int_equal(server_asked(f->server, "mx-servfail.test.", TYPE_MX), 1);
	assert_int_equal(f->keeper.answer.cause, RESOLVER_SERVFAIL);
	clock.now_ns += 5 * NS_PER_SEC;
	ask(r, RESOLVE_DOMAIN, "mx-servfail.test", &f->keeper);
	assert_int_equal(server_asked(f->server, "mx-servfail.test.", TYPE_MX), 2);
	resolver_free(r);
}

static void test_answers_that_are_not_ours(void **state)
{
	struct fixture *f = *state;

	expect_at(f->hasty, f, RESOLVE_HOST, "wrong-id.test", "timed out", "did not answer");
	expect_at(f->hasty, f, RESOLVE_HOST, "wrong-question.test", "timed out", "did not answer");
	expect_at(f->hasty, f, RESOLVE_HOST, "short.test", "timed out", "did not answer");
	expect(f, RESOLVE_HOST, "forged.test", "0 forged.test 192.0.2.1", "");
}

static void test_broken_answers(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_HOST, "broken.test", "malformed answer", "broken answer section");
	expect(f, RESOLVE_HOST, "fewer.test", "malformed answer", "broken answer section");
}

static void test_alias_loops(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_HOST, "loop-a.test", "malformed answer", "loop of aliases");
	assert_true(server_asked(f->server, NULL, 0) < 60);
	expect(f, RESOLVE_HOST, "self.test", "malformed answer", "loop of aliases");
	expect(f, RESOLVE_HOST, "odd-alias.test", "malformed answer", "no host name");
	assert_int_equal(server_asked(f->server, "a/b.test.", TYPE_A), 0);
}

/* Addresses that were found are used, whatever became of the other family. */
static void test_half_an_answer_is_an_answer(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_HOST, "half.test", "0 half.test 192.0.2.1", "");
	/* But not for longer than the failure is remembered: the other half may come back. */
	assert_true(f->keeper.answer.expires_ns < clock_now(clock_system()) + 6 * NS_PER_SEC);
}

/* RFC 5321 s5.1: only the absence of MX records makes the domain its own exchanger. */
static void test_no_implicit_mx_after_a_failure(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_DOMAIN, "mx-servfail.test", "server failure", "MX mx-servfail.test");
	assert_false(f->keeper.answer.is_implicit_mx);
	assert_int_equal(server_asked(f->server, "mx-servfail.test.", TYPE_A), 0);
}

static void test_failing_exchangers(void **state)
{
	struct fixture *f = *state;

	expect(f, RESOLVE_DOMAIN, "mx-one-bad.test", "20 v4.test 192.0.2.4", "");
	/* One exchanger does not exist, the other may exist: the whole is temporary. */
	expect(f, RESOLVE_DOMAIN, "mx-all-bad.test", "server failure", "servfail.test");
}

static void test_the_next_server_is_asked(void **state)
{
	struct fixture *f = *state;
	struct server *good = server_start(all_good);
	const char *servers[] = {server_address(f->server), server_address(good)};
	static const char *const names[] = {"servfail.test", "refused.test", "broken.test",
					    "silent.test"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct resolver *r = hasty_at(servers, 2, 100);

		ask(r, RESOLVE_HOST, names[i], &f->keeper);
		assert_int_equal(f->keeper.answer.cause, RESOLVER_OK);
		assert_int_equal(f->keeper.answer.addresses[0].v4[3], 7);
		resolver_free(r);
	}
	server_stop(good);
}

/* What exists nowhere is not asked for elsewhere: NXDOMAIN is an answer. */
static void test_no_such_name_is_final(void **state)
{
	struct fixture *f = *state;
	struct server *good = server_start(all_good);
	const char *servers[] = {server_address(f->server), server_address(good)};
	struct resolver *r = resolver_with((struct dns_options){
		.servers = servers,
		.server_count = 2,
	});

	ask(r, RESOLVE_DOMAIN, "nowhere.test", &f->keeper);
	assert_int_equal(f->keeper.answer.cause, RESOLVER_NO_NAME);
	assert_int_equal(server_asked(good, NULL, 0), 0);
	resolver_free(r);
	server_stop(good);
}

/* After one time-out, the questions that follow do not wait for the dead server first. */
static void test_a_dead_server_is_asked_last(void **state)
{
	struct fixture *f = *state;
	struct server *good = server_start(all_good);
	const char *servers[] = {server_address(f->server), server_address(good)};
	struct resolver *r = resolver_with((struct dns_options){
		.servers = servers,
		.server_count = 2,
		.timeout_ns = 2 * NS_PER_SEC,
	});

	ask(r, RESOLVE_HOST, "silent.test", &f->keeper);
	assert_int_equal(f->keeper.answer.cause, RESOLVER_OK);
	ask(r, RESOLVE_HOST, "v4.test", &f->keeper);
	assert_int_equal(f->keeper.answer.addresses[0].v4[3], 7);
	assert_int_equal(server_asked(f->server, "v4.test.", TYPE_A), 0);
	resolver_free(r);
	server_stop(good);
}

static void test_what_was_said_goes_before_silence(void **state)
{
	struct fixture *f = *state;
	char nobody[32];
	int fd = server_nobody(nobody);
	const char *servers[] = {nobody, server_address(f->server)};
	struct resolver *r = resolver_with((struct dns_options){
		.servers = servers,
		.server_count = 2,
		.tries = 1,
	});

	ask(r, RESOLVE_HOST, "refused.test", &f->keeper);
	assert_int_equal(f->keeper.answer.cause, RESOLVER_REFUSED);
	resolver_free(r);
	close(fd);
}

static void test_nobody_listens(void **state)
{
	struct fixture *f = *state;
	char nobody[32];
	int fd = server_nobody(nobody);
	const char *server = nobody;
	struct resolver *r = resolver_at(server, NULL, 0); /* patient: the kernel says it at once */

	ask(r, RESOLVE_HOST, "v4.test", &f->keeper);
	assert_int_equal(f->keeper.answer.cause, RESOLVER_TIMED_OUT);
	assert_non_null(strstr(f->keeper.answer.detail, "cannot be reached"));
	assert_non_null(strstr(f->keeper.answer.detail, nobody));
	resolver_free(r);
	close(fd);
}

/* Queries by UDP that are under way outlive a connection that is refused. */
static void test_a_server_without_tcp(void **state)
{
	struct fixture *f = *state;
	struct server *s = server_start_without_tcp(table);
	const char *address = server_address(s);
	struct resolver *r = hasty_at(&address, 1, 100);
	const struct resolver_request late = {"late.test", 25, RESOLVE_HOST, RESOLVE_IPV4};
	const struct resolver_request big = {"big.test", 25, RESOLVE_HOST, RESOLVE_IPV4};
	struct keeper other;
	struct err e = {0};

	keeper_init(&f->keeper);
	keeper_init(&other);
	assert_int_equal(resolver_ask(r, &late, &f->keeper.user, &e), 0);
	assert_int_equal(resolver_ask(r, &big, &other.user, &e), 0);
	resolver_drain(r);
	assert_int_equal(f->keeper.answer.cause, RESOLVER_OK);
	assert_int_equal(other.answer.cause, RESOLVER_TIMED_OUT);
	assert_non_null(strstr(other.answer.detail, "TCP"));
	resolver_free(r);
	server_stop(s);
}

static void test_requests_that_are_unusable(void **state)
{
	static const char *const names[] = {
		"",	      ".", "a..b", "a b", "user@example.test", "b\xC3\xBCrger.example",
		"evil\n.test"};
	struct fixture *f = *state;

	keeper_init(&f->keeper);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct resolver_request request = {names[i], 25, RESOLVE_HOST, RESOLVE_ANY};
		struct err e = {0};

		assert_int_equal(resolver_ask(f->resolver, &request, &f->keeper.user, &e), -1);
		assert_int_equal(e.status, EXIT_USAGE);
		assert_null(strchr(e.text, '\n'));
	}
	assert_int_equal(resolver_turn(f->resolver, TIME_NEVER), 0);
	assert_int_equal(f->keeper.count, 0);
}

static void test_unusable_options(void **state)
{
	static const char *const many[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3",
					   "192.0.2.4", "192.0.2.5", "192.0.2.6",
					   "192.0.2.7", "192.0.2.8", "192.0.2.9"};
	static const char *const bad_server[] = {"192.0.2.1", "dns.example"};
	static const char *const bad_pin[] = {"a.test:25:192.0.2.1", "a.test:25"};
	const struct dns_options options[] = {
		{.servers = many, .server_count = 9},
		{.servers = bad_server, .server_count = 2},
		{.servers = many, .server_count = 1, .pins = bad_pin, .pin_count = 2},
		{.servers = many, .server_count = 1, .tries = -1},
		{.servers = many, .server_count = 1, .timeout_ns = -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct err e = {0};

		assert_null(dns_new(&options[i], &e));
		assert_int_equal(e.status, EXIT_USAGE);
		assert_string_not_equal(e.text, "");
	}
}

static void test_free_with_open_look_ups(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"silent.test", "mx-silent.test", "v4.test"};
	const char *address = server_address(f->server);
	struct resolver *r = hasty_at(&address, 1, 2);
	struct err e = {0};

	keeper_init(&f->keeper);
	for (int i = 0; i < 3; i++) {
		const struct resolver_request request = {names[i], 25, RESOLVE_DOMAIN, RESOLVE_ANY};
		assert_int_equal(resolver_ask(r, &request, &f->keeper.user, &e), 0);
	}
	assert_int_equal(resolver_turn(r, 0), 3);
	resolver_free(r);
	assert_int_equal(f->keeper.count, 0);
}

/* More questions than may be in flight: all are answered, none waits for ever. */
static void test_more_than_in_flight(void **state)
{
	struct fixture *f = *state;
	const char *address = server_address(f->server);
	struct resolver *r = resolver_with((struct dns_options){
		.servers = &address,
		.server_count = 1,
		.in_flight_max = 2,
	});
	static struct keeper keepers[40];
	struct err e = {0};

	for (int i = 0; i < 40; i++) {
		char name[32];
		const struct resolver_request request = {name, 25, RESOLVE_DOMAIN, RESOLVE_ANY};

		snprintf(name, sizeof(name), "n%d.test", i);
		keeper_init(&keepers[i]);
		assert_int_equal(resolver_ask(r, &request, &keepers[i].user, &e), 0);
	}
	resolver_drain(r);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(keepers[i].count, 1);
		assert_int_equal(keepers[i].answer.cause, RESOLVER_NO_NAME);
	}
	resolver_free(r);
}

/* A user that asks for the next name from within the answer for the last one. */
struct chain {
	struct resolver_user user;
	struct resolver *resolver;
	int left;
};

static void on_chain(struct resolver_user *self, const struct resolver_answer *answer)
{
	struct chain *c = (struct chain *)self;
	const struct resolver_request request = {"192.0.2.1", 25, RESOLVE_HOST, RESOLVE_ANY};
	struct err e = {0};

	assert_int_equal(answer->cause, RESOLVER_OK);
	if (c->left-- > 0)
		assert_int_equal(resolver_ask(c->resolver, &request, &c->user, &e), 0);
}

static void test_asking_from_within_an_answer(void **state)
{
	struct fixture *f = *state;
	struct chain c = {.user = {on_chain}, .resolver = f->resolver, .left = 5};
	const struct resolver_request request = {"192.0.2.1", 25, RESOLVE_HOST, RESOLVE_ANY};
	struct err e = {0};
	int turns = 0;

	assert_int_equal(resolver_ask(f->resolver, &request, &c.user, &e), 0);
	do
		turns++;
	while (resolver_turn(f->resolver, TIME_NEVER) > 0);
	assert_int_equal(c.left, -1);
	/* One answer a turn: an endless chain does not make an endless turn. */
	assert_int_equal(turns, 6);
}

/* A control thread polls other things too, and calls the resolver when it is its turn. */
static void test_polling_from_outside(void **state)
{
	struct fixture *f = *state;
	const struct resolver_request request = {"v4.test", 25, RESOLVE_DOMAIN, RESOLVE_ANY};
	struct pollfd fds[2 * DNS_SERVER_MAX];
	struct err e = {0};
	int64_t until_ns;
	bool has_polled = false;

	keeper_init(&f->keeper);
	assert_int_equal(dns_poll_fds(f->resolver, fds, 16, &until_ns), 0);
	assert_int_equal(until_ns, TIME_NEVER);
	assert_int_equal(resolver_ask(f->resolver, &request, &f->keeper.user, &e), 0);
	dns_poll_fds(f->resolver, fds, 16, &until_ns);
	assert_true(until_ns <= clock_now(clock_system()));
	while (resolver_turn(f->resolver, 0) > 0) {
		int count = dns_poll_fds(f->resolver, fds, 16, &until_ns);

		assert_in_range(count, 1, 16);
		assert_true(until_ns != TIME_NEVER);
		if (until_ns > clock_now(clock_system())) {
			poll(fds, (nfds_t)count,
			     (int)((until_ns - clock_now(clock_system())) / NS_PER_MS) + 1);
			has_polled = true;
		}
	}
	assert_true(has_polled);
	assert_int_equal(f->keeper.count, 1);
	assert_string_equal(answer_text(&f->keeper.answer), "0 v4.test 192.0.2.4");
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(test_silence),
		WITH_SERVER(test_a_lost_query_is_repeated),
		WITH_SERVER(test_codes_that_say_failure),
		WITH_SERVER(test_failures_are_kept_for_seconds),
		WITH_SERVER(test_answers_that_are_not_ours),
		WITH_SERVER(test_broken_answers),
		WITH_SERVER(test_alias_loops),
		WITH_SERVER(test_half_an_answer_is_an_answer),
		WITH_SERVER(test_no_implicit_mx_after_a_failure),
		WITH_SERVER(test_failing_exchangers),
		WITH_SERVER(test_the_next_server_is_asked),
		WITH_SERVER(test_no_such_name_is_final),
		WITH_SERVER(test_a_dead_server_is_asked_last),
		WITH_SERVER(test_what_was_said_goes_before_silence),
		WITH_SERVER(test_nobody_listens),
		WITH_SERVER(test_a_server_without_tcp),
		WITH_SERVER(test_requests_that_are_unusable),
		cmocka_unit_test(test_unusable_options),
		WITH_SERVER(test_free_with_open_look_ups),
		WITH_SERVER(test_more_than_in_flight),
		WITH_SERVER(test_asking_from_within_an_answer),
		WITH_SERVER(test_polling_from_outside),
	};

	return cmocka_run_group_tests_name("dns/failure", tests, NULL, NULL);
}
