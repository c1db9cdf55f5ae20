/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_reuse.c - places that are given back and taken again, and what comes too late for them
 */
#include "harness.h"
#include <stdlib.h>
#include <string.h>

/* Three links, hundreds of connections: each incarnation hears only of itself. */
static void test_storm(void **state)
{
	enum { COUNT = 300, AT_ONCE = 3 };
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 2 * AT_ONCE});
	struct server server = {.greeting = "220 hello\r\n"};
	struct end ends[AT_ONCE];

	server_start(&server, t, &at);
	for (int i = 0; i < COUNT; i += AT_ONCE) {
		for (int k = 0; k < AT_ONCE; k++) {
			end_connect(t, &ends[k], &server.listener->endpoint, NULL);
			end_send(&ends[k], "QUIT\r\n");
		}
		for (int k = 0; k < AT_ONCE; k++) {
			TURN_UNTIL(t, ends[k].closed || ends[k].got_len == 11);
			if (ends[k].link && (i + k) % 2)
				link_abort(ends[k].link);
			else if (ends[k].link)
				link_close(ends[k].link);
		}
		for (int k = 0; k < AT_ONCE; k++)
			TURN_UNTIL(t, ends[k].closed);
		for (struct end *e = server.ends; e; e = e->chain)
			TURN_UNTIL(t, e->closed);
	}
	assert_int_equal(server.accepted, COUNT);
	assert_int_equal(ring_of(t)->link_fresh, 2 * AT_ONCE);
	assert_true(ring_of(t)->links[0].generation + ring_of(t)->links[1].generation >= COUNT / 6);
	server_stop(&server);
	turn_some(t, 3);
	assert_all_home(t);
}

/* A completion for an incarnation that is gone, buffer and all, is dropped and counted. */
static void test_stale_completions_are_dropped(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 4});
	struct ring *r = ring_of(t);
	struct server server = {0};
	struct end end;

	server_start(&server, t, &at);
	end_connect(t, &end, &server.listener->endpoint, NULL);
	TURN_UNTIL(t, end.opened && server.accepted);
	const uint32_t index = (uint32_t)((struct ring_link *)end.link - r->links);
	const uint32_t generation = r->links[index].generation;
	const struct end before = end;
	for (enum operation op = OP_SOCKET; op <= OP_LINK_LAST; op++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring);

		io_uring_prep_nop(sqe);
		sqe->user_data = user_data(op, generation - 1, index);
	}
	turn_some(t, 3);
	assert_int_equal(t->counters.stale_completions, OP_LINK_LAST);
	assert_memory_equal(&end, &before, sizeof end);
	/* And of a place that is free. */
	link_close(end.link);
	TURN_UNTIL(t, end.closed);
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring);
	io_uring_prep_nop(sqe);
	sqe->user_data = user_data(OP_RECEIVE, r->links[index].generation, index);
	turn_some(t, 2);
	assert_int_equal(t->counters.stale_completions, OP_LINK_LAST + 1);
	server_stop(&server);
}

/* The generation is 24 bits wide and starts over. */
static void test_generation_wraps(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 4});
	struct server server = {.greeting = "220\r\n"};
	struct end end;

	for (int i = 0; i < 4; i++)
		ring_of(t)->links[i].generation = GENERATION_MASK;
	server_start(&server, t, &at);
	for (int i = 0; i < 3; i++) {
		end_connect(t, &end, &server.listener->endpoint, NULL);
		TURN_UNTIL(t, end.got_len == 5);
		link_close(end.link);
		TURN_UNTIL(t, end.closed);
	}
	assert_in_range(ring_of(t)->links[0].generation, 0, 3);
	assert_int_equal(t->counters.stale_completions, 0);
	server_stop(&server);
}

struct chatter {
	struct link_user user;
	struct transport *t;
	struct endpoint to;
	int left, closed;
};

static void on_chatter(struct link_user *user, struct link *link, const struct link_event *event)
{
	struct chatter *c = (struct chatter *)user;

	if (event->kind == LINK_BYTES)
		link_close(link);
	if (event->kind != LINK_CLOSED)
		return;
	c->closed++;
	/* The next one from within CLOSED, as a sender with a connection a message does. */
	if (c->left-- > 0)
		assert_non_null(link_connect(c->t, &c->to, NULL, user));
}

static void test_reconnect_from_within_closed(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 1});
	struct transport *far = harness_ring_of(((struct harness *)*state)->is_direct,
						(struct ring_options){.link_max = 4});
	struct server server = {.greeting = "220\r\n"};

	server_start(&server, far, &at);
	struct chatter c = {.user = {on_chatter}, .t = t, .left = 100};
	c.to = server.listener->endpoint;
	assert_non_null(link_connect(t, &c.to, NULL, &c.user));
	for (int rounds = 0; rounds < 20000 && c.closed < 101; rounds++) {
		assert_true(transport_turn(t, 0, NULL) >= 0);
		assert_true(transport_turn(far, 0, NULL) >= 0);
	}
	assert_int_equal(c.closed, 101);
	assert_int_equal(t->counters.links_peak, 1);
	server_stop(&server);
	assert_all_home(t);
	transport_free(far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_storm),
		BOTH(test_stale_completions_are_dropped),
		BOTH(test_generation_wraps),
		BOTH(test_reconnect_from_within_closed),
	};

	return cmocka_run_group_tests_name("ring/reuse", tests, NULL, NULL);
}
