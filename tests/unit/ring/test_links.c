/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_links.c - connections that go well: families, sizes, numbers, source addresses
 */
#include "harness.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void echo_over(void **state, const struct endpoint *at)
{
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 8});
	struct server server = {.echoes = true};
	struct end end;

	server_start(&server, t, at);
	end_connect(t, &end, &server.listener->endpoint, NULL);
	assert_int_equal(end.opened, 0); /* never from within the call */
	TURN_UNTIL(t, end.opened);
	end_send(&end, "EHLO here\r\n");
	assert_true(end.link->is_sending);
	assert_int_equal(end.sent, 0);
	TURN_UNTIL(t, end.got_len == 11);
	assert_memory_equal(end.got, "EHLO here\r\n", 11);
	assert_int_equal(end.sent, 1);
	assert_int_equal(server.accepted, 1);
	assert_int_equal(server.ends->peer.family, at->family);
	link_close(end.link);
	assert_int_equal(end.closed, 0);
	TURN_UNTIL(t, end.closed && server.ends->closed);
	assert_int_equal(end.why, LINK_END_LOCAL);
	assert_int_equal(server.ends->why, LINK_END_EOF);
	assert_int_equal(t->counters.bytes_in, 22);
	assert_int_equal(t->counters.bytes_out, 22);
	assert_int_equal(t->counters.links_opened, 2);
	assert_int_equal(t->counters.links_peak, 2);
	assert_int_equal(t->counters.stale_completions, 0);
	server_stop(&server);
	turn_some(t, 3);
	assert_all_home(t);
}

static void test_echo_ipv4(void **state)
{
	echo_over(state, &(struct endpoint){.family = ENDPOINT_IPV4, .v4 = {127, 0, 0, 1}});
}

static void test_echo_ipv6(void **state)
{
	const struct endpoint at = endpoint_any("::1");

	if (access("/proc/net/if_inet6", R_OK) != 0)
		skip();
	echo_over(state, &at);
}

static void test_echo_unix(void **state)
{
	const struct endpoint at = endpoint_unique_path();

	echo_over(state, &at);
	assert_int_not_equal(access(at.path, F_OK), 0); /* removed with its listener */
}

static int count_greeted(const struct end *ends, int count)
{
	int greeted = 0;

	for (int i = 0; i < count; i++)
		greeted += ends[i].got_len == 11;
	return greeted;
}

static int count_closed(const struct end *ends, int count, const struct server *server)
{
	int closed = 0;

	for (int i = 0; i < count; i++)
		closed += ends[i].closed;
	for (const struct end *e = server->ends; e; e = e->chain)
		closed += e->closed;
	return closed;
}

static void test_thousand_links_at_once(void **state)
{
	enum { COUNT = 1000 };
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct rlimit limit;
	struct transport *t;
	struct server server = {.greeting = "220 ready\r\n"};
	struct end *ends = calloc(COUNT, sizeof *ends);

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 2 * COUNT + 300)
		skip();
	t = harness_ring(state, (struct ring_options){.link_max = 2 * COUNT});
	server_start(&server, t, &at);
	for (int i = 0; i < COUNT; i++)
		end_connect(t, &ends[i], &server.listener->endpoint, NULL);
	TURN_UNTIL(t, count_greeted(ends, COUNT) == COUNT);
	assert_int_equal(t->counters.links_peak, 2 * COUNT);
	for (int i = 0; i < COUNT; i++)
		link_close(ends[i].link);
	TURN_UNTIL(t, count_closed(ends, COUNT, &server) == 2 * COUNT);
	server_stop(&server);
	turn_some(t, 3);
	assert_all_home(t);
	free(ends);
}

static void test_source_address(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1"), source = endpoint_any("127.0.0.77");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 8});
	struct server server = {0};
	struct end end;

	server_start(&server, t, &at);
	end_connect(t, &end, &server.listener->endpoint, &(struct link_options){.source = &source});
	TURN_UNTIL(t, end.opened && server.accepted);
	assert_true(endpoint_same_address(&server.ends->peer, &source));
	assert_true(server.ends->peer.port != 0);
	assert_true(endpoint_equal(&server.ends->local, &server.listener->endpoint));
	server_stop(&server);
}

static void test_source_port_and_buffers(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct endpoint source = endpoint_any("127.0.0.78");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 8});
	struct server server = {0};
	struct end first, second;

	server_start(&server, t, &at);
	end_connect(t, &first, &server.listener->endpoint,
		    &(struct link_options){
			    .source = &source, .send_buffer = 8192, .receive_buffer = 8192});
	TURN_UNTIL(t, first.opened && server.accepted);
	source = server.ends->peer; /* a port that is taken */
	end_connect(t, &second, &server.listener->endpoint,
		    &(struct link_options){.source = &source});
	TURN_UNTIL(t, second.closed);
	assert_int_equal(second.why, LINK_END_NO_PORTS);
	assert_int_equal(second.os_error, EADDRINUSE);
	assert_int_equal(second.opened, 0);
	server_stop(&server);
}

/* Far more than the socket takes at once, from 16 segments, empty ones among them. */
static void test_large_send_of_segments(void **state)
{
	enum { PART = 60000 };
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(
		state,
		(struct ring_options){.link_max = 8, .buffer_count = 8, .buffer_size = 2000});
	struct server server = {0};
	struct iovec segments[LINK_SEGMENTS_MAX];
	char *part = malloc(PART);
	uint64_t sum = 0;
	size_t total = 0;
	struct end end;

	for (int i = 0; i < PART; i++)
		part[i] = (char)(i * 7 + i / 251);
	for (int k = 0; k < LINK_SEGMENTS_MAX; k++) {
		const size_t skip = (size_t)k * 1000;

		segments[k] = (struct iovec){part + skip, k % 5 == 2 ? 0 : PART - skip};
		for (size_t i = 0; i < segments[k].iov_len; i++)
			sum = sum * 31 + (unsigned char)part[skip + i];
		total += segments[k].iov_len;
	}
	server_start(&server, t, &at);
	end_connect(t, &end, &server.listener->endpoint,
		    &(struct link_options){.send_buffer = 4096});
	TURN_UNTIL(t, end.opened && server.accepted);
	link_send(end.link, segments, LINK_SEGMENTS_MAX);
	memset(segments, 0, sizeof segments); /* the array was copied */
	TURN_UNTIL(t, server.ends->got_len == total);
	assert_true(server.ends->got_sum == sum);
	TURN_UNTIL(t, end.sent == 1);
	assert_int_equal(t->counters.bytes_out, total);
	server_stop(&server);
	free(part);
}

static void test_empty_send(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 8});
	struct server server = {0};
	struct end end;

	server_start(&server, t, &at);
	end_connect(t, &end, &server.listener->endpoint, NULL);
	TURN_UNTIL(t, end.opened && server.accepted);
	link_send(end.link, &(struct iovec){NULL, 0}, 1);
	assert_int_equal(end.sent, 0);
	TURN_UNTIL(t, end.sent == 1);
	assert_int_equal(server.ends->got_len, 0);
	server_stop(&server);
}

/* What is sent before OPENED goes out once the link is open. */
static void test_send_while_opening(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 8});
	struct server server = {0};
	struct end end;

	server_start(&server, t, &at);
	end_connect(t, &end, &server.listener->endpoint, NULL);
	end_send(&end, "early");
	link_shut(end.link);
	TURN_UNTIL(t, server.accepted && server.ends->closed);
	assert_int_equal(server.ends->got_len, 5);
	assert_int_equal(server.ends->why, LINK_END_EOF);
	assert_int_equal(end.sent, 1);
	TURN_UNTIL(t, end.closed);
	assert_int_equal(end.why, LINK_END_EOF);
	server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_echo_ipv4),
		BOTH(test_echo_ipv6),
		BOTH(test_echo_unix),
		BOTH(test_thousand_links_at_once),
		BOTH(test_source_address),
		BOTH(test_source_port_and_buffers),
		BOTH(test_large_send_of_segments),
		BOTH(test_empty_send),
		BOTH(test_send_while_opening),
	};

	return cmocka_run_group_tests_name("ring/links", tests, NULL, NULL);
}
