/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_descriptors.c - more links than `ulimit -n`, and what happens when descriptors run out
 *
 * The limit is lowered for the whole test program; nothing here may need more than 200.
 */
#include "harness.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LIMIT = 200, RINGS = 3, LINKS = 500 };

static int lower_the_limit(void **state)
{
	const struct rlimit limit = {LIMIT, LIMIT};

	(void)state;
	return setrlimit(RLIMIT_NOFILE, &limit);
}

static int count_of(const struct end *ends, int count, size_t got_len, int closed)
{
	int matching = 0;

	for (int i = 0; i < count; i++)
		matching += ends[i].got_len >= got_len && ends[i].closed >= closed;
	return matching;
}

/* 500 connections from 3 rings to 3 others, all open at once under a limit of 200. */
static void test_more_links_than_descriptors(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	const unsigned capacity = (unsigned)ring_link_capacity();
	struct transport *clients[RINGS], *servers[RINGS];
	struct server listening[RINGS];
	struct end *ends = calloc(LINKS, sizeof *ends);

	(void)state;
	if (!kernel_has_prompt_direct())
		skip();
	assert_in_range(capacity, (LINKS + RINGS - 1) / RINGS, LIMIT);
	for (int i = 0; i < RINGS; i++) {
		const struct ring_options options = {.link_max = capacity};

		clients[i] = harness_ring_of(true, options);
		servers[i] = harness_ring_of(true, options);
		listening[i] = (struct server){.greeting = "220 hello\r\n"};
		server_start(&listening[i], servers[i], &at);
	}
	for (int i = 0; i < LINKS; i++)
		end_connect(clients[i % RINGS], &ends[i], &listening[i % RINGS].listener->endpoint,
			    NULL);
	for (int rounds = 0; rounds < 5000 && count_of(ends, LINKS, 11, 0) < LINKS; rounds++)
		for (int i = 0; i < RINGS; i++) {
			assert_true(transport_turn(clients[i], 0, NULL) >= 0);
			assert_true(transport_turn(servers[i], 0, NULL) >= 0);
		}
	assert_int_equal(count_of(ends, LINKS, 11, 0), LINKS);
	for (int i = 0; i < LINKS; i++)
		assert_int_equal(ends[i].closed, 0);
	for (int i = 0; i < RINGS; i++) {
		assert_int_equal(clients[i]->counters.no_descriptors, 0);
		server_stop(&listening[i]);
		assert_all_home(servers[i]);
		transport_free(clients[i]);
		transport_free(servers[i]);
	}
	free(ends);
}

/* A table smaller than link_max: those that find no slot are told so, the others go on. */
static void test_full_table(void **state)
{
	enum { SLOTS = 10, COUNT = 30 };
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t, *far;
	struct server server = {.greeting = "220 hello\r\n"};
	struct end ends[COUNT];

	(void)state;
	if (!kernel_has_prompt_direct())
		skip();
	t = harness_ring_of(true, (struct ring_options){.link_max = COUNT, .table_size = SLOTS});
	far = harness_ring_of(true, (struct ring_options){.link_max = COUNT});
	server_start(&server, far, &at);
	for (int i = 0; i < COUNT; i++)
		end_connect(t, &ends[i], &server.listener->endpoint, NULL);
	turn_some(t, 3);
	for (int i = SLOTS; i < COUNT; i++) {
		assert_int_equal(ends[i].closed, 1);
		assert_int_equal(ends[i].why, LINK_END_NO_DESCRIPTORS);
	}
	assert_int_equal(t->counters.no_descriptors, COUNT - SLOTS);
	for (int rounds = 0; rounds < 500 && count_of(ends, SLOTS, 11, 0) < SLOTS; rounds++) {
		turn_some(far, 1);
		turn_some(t, 1);
	}
	assert_int_equal(count_of(ends, SLOTS, 11, 0), SLOTS);
	/* A slot that comes free is used again. */
	link_close(ends[0].link);
	TURN_UNTIL(t, ends[0].closed);
	end_connect(t, &ends[0], &server.listener->endpoint, NULL);
	TURN_UNTIL(t, ends[0].opened);
	server_stop(&server);
	transport_free(t);
	transport_free(far);
}

/* A listener whose ring has hardly a slot left accepts with what there is. */
static void test_listener_in_a_full_table(void **state)
{
	enum { COUNT = 12 };
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t, *far;
	struct server server = {.greeting = "220 hello\r\n"};
	struct end ends[COUNT];

	(void)state;
	if (!kernel_has_prompt_direct())
		skip();
	t = harness_ring_of(true, (struct ring_options){.link_max = COUNT});
	far = harness_ring_of(true, (struct ring_options){.link_max = COUNT, .table_size = 4});
	server_start(&server, far, &at);
	for (int i = 0; i < COUNT; i++)
		end_connect(t, &ends[i], &server.listener->endpoint, NULL);
	for (int rounds = 0; rounds < 2000 && count_of(ends, COUNT, 11, 0) < COUNT; rounds++) {
		turn_some(far, 1);
		turn_some(t, 1);
		for (int i = 0; i < COUNT; i++)
			if (ends[i].got_len && ends[i].link)
				link_close(ends[i].link);
	}
	assert_int_equal(count_of(ends, COUNT, 11, 0), COUNT);
	server_stop(&server);
	assert_all_home(far);
	transport_free(t);
	transport_free(far);
}

/* No ordinary descriptor left: connects fail by name; accepts rest, and go on when there is one. */
static void test_no_descriptor_left(void **state)
{
	enum { COUNT = 8 };
	const struct endpoint any = endpoint_any("0.0.0.0"); /* accepts into descriptors */
	struct transport *t = harness_ring_of(false, (struct ring_options){.link_max = COUNT});
	struct transport *far = harness_ring_of(false, (struct ring_options){.link_max = COUNT});
	struct server server = {.greeting = "220 hello\r\n"};
	struct endpoint to = endpoint_any("127.0.0.1");
	struct end ends[COUNT], refused;
	int filler[LIMIT], count = 0;

	(void)state;
	server_start(&server, far, &any);
	turn_some(far, 2);
	to.port = server.listener->endpoint.port;
	for (int i = 0; i < COUNT; i++)
		end_connect(t, &ends[i], &to, NULL);
	while (count < LIMIT && (filler[count] = dup(0)) >= 0)
		count++;
	turn_some(t, 3); /* all descriptors taken: each connect is told */
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(ends[i].why, LINK_END_NO_DESCRIPTORS);
		assert_int_equal(ends[i].os_error, EMFILE);
	}
	assert_int_equal(t->counters.no_descriptors, COUNT);
	close(filler[--count]);
	end_connect(t, &ends[0], &to, NULL); /* takes the last one */
	TURN_UNTIL(t, ends[0].opened);
	turn_some(far, 5);
	assert_int_equal(server.accepted, 0);
	assert_true(far->counters.no_descriptors > 0);
	assert_true(far->counters.accept_errors > 0);
	/* It rests: turns that wait, not a spin of failing accepts. */
	const uint64_t errors = far->counters.accept_errors, turns = far->counters.turns;
	const int64_t until_ns = clock_now(far->clock) + 20 * NS_PER_MS;
	while (clock_now(far->clock) < until_ns)
		assert_true(transport_turn(far, until_ns, NULL) >= 0);
	assert_in_range(far->counters.turns - turns, 1, 1000);
	assert_in_range(far->counters.accept_errors - errors, 0, LISTENER_ACCEPTS);
	close(filler[--count]);
	TURN_UNTIL(far, server.accepted == 1 && server.ends->sent);
	TURN_UNTIL(t, ends[0].got_len == 11);
	end_connect(t, &refused, &to, NULL);
	TURN_UNTIL(t, refused.closed);
	assert_int_equal(refused.why, LINK_END_NO_DESCRIPTORS);
	while (count)
		close(filler[--count]);
	server_stop(&server);
	transport_free(t);
	transport_free(far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_more_links_than_descriptors),
		cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_listener_in_a_full_table),
		cmocka_unit_test(test_no_descriptor_left),
	};

	return cmocka_run_group_tests_name("torture/descriptors", tests, lower_the_limit, NULL);
}
