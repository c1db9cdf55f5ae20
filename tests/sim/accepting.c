/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * accepting.c - listeners, and how many links there may be
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "scenario.h"

#define HELLO "hello"

/* Answers when the whole of it has come, however it was cut. */
static void echo(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_BYTES && p->received == strlen(HELLO))
		peer_send(p, HELLO, strlen(HELLO));
}

static void hello_then_close(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_OPENED)
		peer_send(p, HELLO, strlen(HELLO));
	else if (ev->kind == LINK_BYTES && p->received == strlen(HELLO))
		peer_close(p);
}

static void hello(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_OPENED)
		peer_send(p, HELLO, strlen(HELLO));
}

static void close_on_sent(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_SENT)
		peer_close(p);
}

static void say_goodbye(struct peer *p)
{
	peer_send(p, "bye", 3);
}

static void two_listeners(struct world *w)
{
	struct endpoint at = unix_endpoint(w, "b");
	static struct host tcp, local;
	struct peer p, q;

	host_open(&tcp, w, NULL, echo);
	host_open_at(&local, w, &at, NULL, close_on_sent);
	local.on_accepted = say_goodbye;
	peer_init(&p, w, hello_then_close);
	peer_init(&q, w, NULL);
	assert_true(peer_connect(&p, &tcp.listener->endpoint, NULL));
	assert_true(peer_connect(&q, &local.listener->endpoint, NULL));
	run_to_the_end(w, &p, &q);
	assert_int_equal(tcp.count, 1);
	assert_int_equal(local.count, 1);
	run_to_the_end(w, &tcp.peers[0], &local.peers[0]);
	assert_string_equal(p.log, "OSBC(closed here)");
	assert_string_equal(q.log, "OBC(closed early)");
}

static void unwanted_is_reset(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	h.leaves_user_null = true;
	peer_init(&p, w, NULL);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	run_to_the_end(w, &p, NULL);
	assert_int_equal(h.count, 1);
	assert_string_equal(p.log, "OC(reset)");
}

static void address_in_use(struct world *w)
{
	struct host h;
	struct err e = {0};

	host_open(&h, w, NULL, NULL);
	assert_null(transport_listen(w->server, &h.listener->endpoint, NULL, &h.user, &e));
	assert_int_equal(e.status, EXIT_FAILED);
	assert_true(strlen(e.text) > 0);
}

static void paused_listener(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, echo);
	world_steps(w, 3);
	host_pause(&h, true);
	world_steps(w, 3);
	peer_init(&p, w, hello_then_close);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	world_steps(w, 20);
	assert_string_equal(p.log, "OS");
	assert_int_equal(h.count, 0);
	host_pause(&h, false);
	run_to_the_end(w, &p, NULL);
	run_to_the_end(w, &h.peers[0], NULL);
	assert_string_equal(p.log, "OSBC(closed here)");
	assert_string_equal(h.peers[0].log, "ABSC(closed early)");
}

static void no_more_links_to_open(struct world *w)
{
	static struct peer peers[5];
	struct host h;

	host_open(&h, w, NULL, NULL);
	for (int i = 0; i < 5; i++) {
		peer_init(&peers[i], w, NULL);
		assert_int_equal(peer_connect(&peers[i], &h.listener->endpoint, NULL), i < 4);
	}
	while (h.count < 4)
		world_step(w);
	peer_close(&peers[0]);
	run_to_the_end(w, &peers[0], NULL);
	assert_true(peer_connect(&peers[4], &h.listener->endpoint, NULL));
	while (h.count < 5)
		world_step(w);
	for (int i = 1; i < 5; i++) {
		peer_close(&peers[i]);
		run_to_the_end(w, &peers[i], NULL);
	}
	assert_int_equal(w->client->counters.links_peak, 4);
}

/* The third is connected by the kernel, and accepted once there is room. */
static void no_more_links_to_accept(struct world *w)
{
	struct peer peers[3];
	struct host h;

	host_open(&h, w, NULL, echo);
	for (int i = 0; i < 3; i++) {
		peer_init(&peers[i], w, hello);
		assert_true(peer_connect(&peers[i], &h.listener->endpoint, NULL));
	}
	world_steps(w, 30);
	assert_int_equal(h.count, 2);
	for (int i = 0; i < 3; i++) {
		peer_close(&peers[i]);
		run_to_the_end(w, &peers[i], NULL);
	}
	while (h.count < 3)
		world_step(w);
	for (int i = 0; i < 3; i++)
		run_to_the_end(w, &h.peers[i], NULL);
	assert_int_equal(w->server->counters.links_peak, 2);
}

const struct scenario accepting_scenarios[] = {
	{"two listeners", two_listeners, {0}},
	{"an accept without a user is reset", unwanted_is_reset, {0}},
	{"an address in use", address_in_use, {0}},
	{"a paused listener", paused_listener, {0}},
	{"no more links to open", no_more_links_to_open, {.client_links = 4}},
	{"no more links to accept", no_more_links_to_accept, {.server_links = 2}},
	{0},
};
