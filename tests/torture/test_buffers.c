/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_buffers.c - receive buffers run out (ENOBUFS), and every byte arrives all the same
 */
#include "harness.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { COUNT = 300, REPLY = 2500 };

static char reply[REPLY + 1];

static int count_of(const struct end *ends, size_t got_len)
{
	int matching = 0;

	for (int i = 0; i < COUNT; i++)
		matching += ends[i].got_len == got_len;
	return matching;
}

/* Hundreds of replies at once, each longer than all four buffers hold together. */
static void test_four_buffers(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct harness *h = *state;
	struct rlimit limit;
	struct transport *t, *far;
	struct server server = {0};
	struct end *ends = calloc(COUNT, sizeof *ends), *e;
	uint64_t sum = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 1000)
		skip();
	t = harness_ring(state, (struct ring_options){
					.link_max = COUNT, .buffer_count = 4, .buffer_size = 512});
	far = harness_ring_of(h->is_direct, (struct ring_options){.link_max = COUNT});
	for (int i = 0; i < REPLY; i++) {
		reply[i] = (char)('a' + i % 26);
		sum = sum * 31 + (unsigned char)reply[i];
	}
	server_start(&server, far, &at);
	for (int i = 0; i < COUNT; i++)
		end_connect(t, &ends[i], &server.listener->endpoint, NULL);
	for (int rounds = 0; rounds < 500 && server.accepted < COUNT; rounds++) {
		turn_some(t, 1);
		turn_some(far, 1);
	}
	turn_some(t, 10); /* all receives are armed */
	for (e = server.ends; e; e = e->chain)
		end_send(e, reply);
	for (e = server.ends; e; e = e->chain)
		TURN_UNTIL(far, e->sent == 1);
	/* Those that are closed while they wait for a buffer must come home, too. */
	assert_true(transport_turn(t, 0, NULL) >= 0);
	for (int i = 0; i < COUNT; i += 10)
		link_close(ends[i].link);
	for (int i = 0; i < COUNT; i++)
		if (i % 10)
			TURN_UNTIL(t, ends[i].got_len == REPLY);
		else
			TURN_UNTIL(t, ends[i].closed);
	for (int i = 0; i < COUNT; i++)
		if (i % 10)
			assert_true(ends[i].got_sum == sum);
	assert_true(count_of(ends, REPLY) >= COUNT - COUNT / 10);
	assert_true(t->counters.no_buffers > 0);
	/* A second round over the same links. */
	for (e = server.ends; e; e = e->chain)
		if (e->link)
			end_send(e, "again");
	for (int rounds = 0; rounds < 500 && count_of(ends, REPLY + 5) < COUNT * 9 / 10; rounds++) {
		turn_some(far, 1);
		turn_some(t, 1);
	}
	assert_int_equal(count_of(ends, REPLY + 5), COUNT * 9 / 10);
	server_stop(&server);
	for (int i = 0; i < COUNT; i++)
		TURN_UNTIL(t, ends[i].closed);
	assert_all_home(t);
	transport_free(far);
	free(ends);
}

/* One buffer of one octet still makes progress. */
static void test_one_octet(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct harness *h = *state;
	struct transport *t = harness_ring(
		state, (struct ring_options){.link_max = 2, .buffer_count = 1, .buffer_size = 1});
	struct transport *far = harness_ring_of(h->is_direct, (struct ring_options){.link_max = 2});
	struct server server = {.greeting = "220 hello\r\n"};
	struct end ends[2];

	server_start(&server, far, &at);
	end_connect(t, &ends[0], &server.listener->endpoint, NULL);
	end_connect(t, &ends[1], &server.listener->endpoint, NULL);
	for (int rounds = 0;
	     rounds < 500 && (ends[0].got_len < 11 || ends[1].got_len < 11 || !server.ends);
	     rounds++) {
		turn_some(t, 1);
		turn_some(far, 1);
	}
	assert_memory_equal(ends[0].got, "220 hello\r\n", 11);
	assert_memory_equal(ends[1].got, "220 hello\r\n", 11);
	server_stop(&server);
	TURN_UNTIL(t, ends[0].closed && ends[1].closed);
	assert_all_home(t);
	transport_free(far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_four_buffers),
		BOTH(test_one_octet),
	};

	return cmocka_run_group_tests_name("torture/buffers", tests, NULL, NULL);
}
