/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * life.c - how links begin and end
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "scenario.h"

#define HELLO "hello"

/* --- Scripts of peers */

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

static void close_when_open(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_OPENED)
		peer_close(p);
}

static void abort_when_open(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_OPENED)
		peer_abort(p);
}

static void abort_on_bytes(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_BYTES && p->received == strlen(HELLO))
		peer_abort(p);
}

static void close_on_sent(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_SENT)
		peer_close(p);
}

static void close_when_late(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_OPENED)
		peer_deadline(p, world_now(p->world) + 3 * NS_PER_MS);
	else if (ev->kind == LINK_LATE)
		peer_close(p);
}

static void say_goodbye(struct peer *p)
{
	peer_send(p, "bye", 3);
}

/* --- Scenarios */

static void run_echo(struct world *w, struct host *h)
{
	struct peer p;

	peer_init(&p, w, hello_then_close);
	assert_true(peer_connect(&p, &h->listener->endpoint, NULL));
	assert_int_equal(p.opened_count, 0);
	run_to_the_end(w, &p, NULL);
	assert_int_equal(h->count, 1);
	run_to_the_end(w, &h->peers[0], NULL);
	assert_string_equal(p.log, "OSBC(closed here)");
	assert_string_equal(h->peers[0].log, "ABSC(closed early)");
	assert_int_equal(h->peers[0].received, strlen(HELLO));
}

static void open_echo_close(struct world *w)
{
	struct host h;

	host_open(&h, w, NULL, echo);
	run_echo(w, &h);
	assert_true(endpoint_equal(&h.peers[0].local, &h.listener->endpoint));
	assert_true(endpoint_is_loopback(&h.peers[0].remote));
	assert_int_not_equal(h.peers[0].remote.port, 0);
	assert_int_equal(w->client->counters.links_opened, 1);
	assert_int_equal(w->server->counters.links_opened, 1);
	assert_int_equal(w->client->counters.links_peak, 1);
	assert_int_equal(w->client->counters.bytes_out, strlen(HELLO));
	assert_int_equal(w->client->counters.bytes_in, strlen(HELLO));
}

static void open_echo_close_unix(struct world *w)
{
	struct endpoint at = unix_endpoint(w, "a");
	struct host h;

	host_open_at(&h, w, &at, NULL, echo);
	run_echo(w, &h);
	assert_int_equal(h.peers[0].remote.family, ENDPOINT_UNIX);
	assert_true(endpoint_equal(&h.peers[0].local, &at));
}

static void source_address_is_seen(struct world *w)
{
	struct endpoint source;
	struct link_options o = {.source = &source};
	struct host h;
	struct peer p;

	assert_true(endpoint_parse_address(SPAN("127.0.0.77"), &source));
	host_open(&h, w, NULL, NULL);
	peer_init(&p, w, close_when_open);
	assert_true(peer_connect(&p, &h.listener->endpoint, &o));
	memset(&source, 0, sizeof(source)); /* it was copied */
	run_to_the_end(w, &p, NULL);
	run_to_the_end(w, &h.peers[0], NULL);
	assert_string_equal(p.log, "OC(closed here)");
	assert_true(endpoint_parse_address(SPAN("127.0.0.77"), &source));
	assert_true(endpoint_same_address(&h.peers[0].remote, &source));
}

static void wildcard_tells_local_address(struct world *w)
{
	struct endpoint any, to;
	struct host h;
	struct peer p;

	assert_true(endpoint_parse_address(SPAN("0.0.0.0"), &any));
	assert_true(endpoint_parse_address(SPAN("127.0.0.9"), &to));
	host_open_at(&h, w, &any, NULL, NULL);
	to.port = h.listener->endpoint.port;
	peer_init(&p, w, close_when_open);
	assert_true(peer_connect(&p, &to, NULL));
	run_to_the_end(w, &p, NULL);
	run_to_the_end(w, &h.peers[0], NULL);
	assert_true(endpoint_equal(&h.peers[0].local, &to));
}

static void peer_ends(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, close_on_sent);
	h.on_accepted = say_goodbye;
	peer_init(&p, w, NULL);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	run_to_the_end(w, &p, &h.peers[0]);
	assert_string_equal(p.log, "OBC(closed early)");
	assert_string_equal(h.peers[0].log, "ASC(closed here)");
	assert_int_equal(p.received, 3);
}

static void local_close(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	peer_init(&p, w, close_when_open);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	run_to_the_end(w, &p, NULL);
	run_to_the_end(w, &h.peers[0], NULL);
	assert_string_equal(p.log, "OC(closed here)");
	assert_string_equal(h.peers[0].log, "AC(closed early)");
}

static void close_before_open(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	peer_init(&p, w, NULL);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	peer_close(&p);
	run_to_the_end(w, &p, NULL);
	assert_string_equal(p.log, "C(closed here)");
}

/* What comes first may be the reset or the accept; either way the server hears of the reset. */
static void client_aborts(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	peer_init(&p, w, abort_when_open);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	run_to_the_end(w, &p, NULL);
	run_to_the_end(w, &h.peers[0], NULL);
	assert_string_equal(p.log, "OC(closed here)");
	assert_string_equal(h.peers[0].log, "AC(reset)");
}

static void server_aborts(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, abort_on_bytes);
	peer_init(&p, w, hello);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	run_to_the_end(w, &p, &h.peers[0]);
	assert_string_equal(p.log, "OSC(reset)");
	assert_string_equal(h.peers[0].log, "ABC(closed here)");
}

static void abort_on_sent(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_SENT)
		peer_abort(p);
}

/* Both have arrived when the client looks: the octets come first, the reset is not forgotten. */
static void bytes_and_a_reset_at_once(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, abort_on_sent);
	peer_init(&p, w, NULL);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	while (p.opened_count == 0 || h.count == 0)
		world_step(w);
	world_steps(w, 3);
	peer_send(&h.peers[0], "bye", 3);
	while (h.peers[0].closed_count == 0)
		assert_true(transport_turn(w->server, world_now(w) + NS_PER_MS, NULL) >= 0);
	run_to_the_end(w, &p, &h.peers[0]);
	assert_string_equal(p.log, "OBC(reset)");
	assert_string_equal(h.peers[0].log, "ASC(closed here)");
}

static void hello_then_abort(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_OPENED)
		peer_send(p, HELLO, strlen(HELLO));
	else if (ev->kind == LINK_SENT)
		peer_abort(p);
}

/* A client that is gone again before it was accepted. */
static void bytes_and_a_reset_before_accept(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	world_steps(w, 3);
	peer_init(&p, w, hello_then_abort);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	while (p.closed_count == 0)
		assert_true(transport_turn(w->client, world_now(w) + NS_PER_MS, NULL) >= 0);
	while (h.count == 0)
		world_step(w);
	run_to_the_end(w, &p, &h.peers[0]);
	assert_string_equal(p.log, "OSC(closed here)");
	assert_string_equal(h.peers[0].log, "ABC(reset)");
}

/* The same with an orderly end. */
static void bytes_and_an_end_at_once(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, close_on_sent);
	peer_init(&p, w, NULL);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	while (p.opened_count == 0 || h.count == 0)
		world_step(w);
	world_steps(w, 3);
	peer_send(&h.peers[0], "bye", 3);
	while (h.peers[0].closed_count == 0)
		assert_true(transport_turn(w->server, world_now(w) + NS_PER_MS, NULL) >= 0);
	run_to_the_end(w, &p, &h.peers[0]);
	assert_string_equal(p.log, "OBC(closed early)");
	assert_string_equal(h.peers[0].log, "ASC(closed here)");
}

static void abort_on_unix_is_an_end(struct world *w)
{
	struct endpoint at = unix_endpoint(w, "a");
	struct host h;
	struct peer p;

	host_open_at(&h, w, &at, NULL, abort_on_bytes);
	peer_init(&p, w, hello);
	assert_true(peer_connect(&p, &at, NULL));
	run_to_the_end(w, &p, &h.peers[0]);
	assert_string_equal(p.log, "OSC(closed early)");
	assert_string_equal(h.peers[0].log, "ABC(closed here)");
}

static void abort_after_close(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	peer_init(&p, w, NULL);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	while (p.opened_count == 0 || h.count == 0)
		world_step(w);
	peer_close(&p);
	peer_abort(&p);
	run_to_the_end(w, &p, &h.peers[0]);
	assert_string_equal(p.log, "OC(closed here)");
	assert_string_equal(h.peers[0].log, "AC(reset)");
}

static void refused(struct world *w)
{
	struct endpoint at;
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	at = h.listener->endpoint;
	host_close(&h);
	world_steps(w, 10);
	peer_init(&p, w, NULL);
	assert_true(peer_connect(&p, &at, NULL));
	assert_int_equal(p.closed_count, 0);
	run_to_the_end(w, &p, NULL);
	assert_string_equal(p.log, "C(refused)");
}

static void missing_path(struct world *w)
{
	struct endpoint at = unix_endpoint(w, "missing");
	struct peer p;

	peer_init(&p, w, NULL);
	assert_true(peer_connect(&p, &at, NULL));
	assert_int_equal(p.closed_count, 0);
	run_to_the_end(w, &p, NULL);
	assert_string_equal(p.log, "C(refused)");
}

static void foreign_source(struct world *w)
{
	struct endpoint source;
	struct link_options o = {.source = &source};
	struct host h;
	struct peer p;

	assert_true(endpoint_parse_address(SPAN("192.0.2.1"), &source));
	host_open(&h, w, NULL, NULL);
	peer_init(&p, w, NULL);
	assert_true(peer_connect(&p, &h.listener->endpoint, &o));
	run_to_the_end(w, &p, NULL);
	assert_string_equal(p.log, "C(source address not local)");
	assert_true(endpoint_parse_address(SPAN("::1"), &source));
	peer_init(&p, w, NULL);
	assert_true(peer_connect(&p, &h.listener->endpoint, &o));
	run_to_the_end(w, &p, NULL);
	assert_string_equal(p.log, "C(source address not local)");
}

static void taken_source_port(struct world *w)
{
	struct endpoint source;
	struct link_options o = {.source = &source};
	struct host h;
	struct peer first, second;

	host_open(&h, w, NULL, NULL);
	peer_init(&first, w, NULL);
	assert_true(peer_connect(&first, &h.listener->endpoint, NULL));
	while (h.count == 0)
		world_step(w);
	source = h.peers[0].remote;
	peer_init(&second, w, NULL);
	assert_true(peer_connect(&second, &h.listener->endpoint, &o));
	run_to_the_end(w, &second, NULL);
	assert_string_equal(second.log, "C(no local port)");
	peer_close(&first);
	run_to_the_end(w, &first, &h.peers[0]);
}

static void late_then_close(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	peer_init(&p, w, close_when_late);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	run_to_the_end(w, &p, NULL);
	run_to_the_end(w, &h.peers[0], NULL);
	assert_string_equal(p.log, "OLC(closed here)");
	assert_string_equal(h.peers[0].log, "AC(closed early)");
}

/* Moved, unset, and unset by closing: only the one that stands fires, once. */
static void deadlines_move(struct world *w)
{
	struct host h;
	struct peer p, q;
	int64_t now;

	host_open(&h, w, NULL, NULL);
	peer_init(&p, w, NULL);
	peer_init(&q, w, NULL);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	assert_true(peer_connect(&q, &h.listener->endpoint, NULL));
	while (p.opened_count + q.opened_count < 2 || h.count < 2)
		world_step(w);
	now = world_now(w);
	peer_deadline(&p, now + NS_PER_MS);
	peer_deadline(&p, now + 4 * NS_PER_MS);
	peer_deadline(&q, now + NS_PER_MS);
	peer_deadline(&q, TIME_NEVER);
	while (p.late_count == 0) {
		assert_true(world_now(w) < now + 10 * NS_PER_SEC);
		world_step(w);
	}
	assert_true(world_now(w) >= now + 4 * NS_PER_MS);
	peer_deadline(&q, world_now(w));
	peer_close(&q);
	peer_close(&p);
	run_to_the_end(w, &p, &q);
	assert_string_equal(p.log, "OLC(closed here)");
	assert_string_equal(q.log, "OC(closed here)");
}

static void wake_ends_a_wait(struct world *w)
{
	struct err e = {0};

	world_steps(w, 2);
	transport_wake(w->client);
	/* Without the wake this would take a day. */
	assert_int_equal(transport_turn(w->client, world_now(w) + 86400 * NS_PER_SEC, &e), 0);
}

static void freed_without_events(struct world *w)
{
	static struct peer peers[3];
	static struct host h;

	host_open(&h, w, NULL, NULL);
	for (int i = 0; i < 3; i++) {
		peer_init(&peers[i], w, hello);
		assert_true(peer_connect(&peers[i], &h.listener->endpoint, NULL));
	}
	while (h.count < 2)
		world_step(w);
	peer_deadline(&peers[1], world_now(w));
	w->in_call = true; /* from here on no event may come */
}

const struct scenario life_scenarios[] = {
	{"open, echo, close", open_echo_close, {0}},
	{"the same over a Unix socket", open_echo_close_unix, {0}},
	{"a source address is taken and seen", source_address_is_seen, {0}},
	{"a wildcard listener tells the local address", wildcard_tells_local_address, {0}},
	{"the peer closes: EOF", peer_ends, {0}},
	{"closed here", local_close, {0}},
	{"closed before it was open", close_before_open, {0}},
	{"abort of a client is a reset", client_aborts, {0}},
	{"abort of a server is a reset", server_aborts, {0}},
	{"bytes and a reset at once", bytes_and_a_reset_at_once, {0}},
	{"bytes and a reset before the accept", bytes_and_a_reset_before_accept, {0}},
	{"bytes and an end at once", bytes_and_an_end_at_once, {0}},
	{"abort over a Unix socket is an end", abort_on_unix_is_an_end, {0}},
	{"abort after close is a reset", abort_after_close, {0}},
	{"refused", refused, {0}},
	{"a Unix path that is not there", missing_path, {0}},
	{"a source that is not this host's", foreign_source, {0}},
	{"a source port that is taken", taken_source_port, {0}},
	{"late, then closed", late_then_close, {0}},
	{"deadlines are moved and unset", deadlines_move, {0}},
	{"a wake ends a wait", wake_ends_a_wait, {0}},
	{"freed without events", freed_without_events, {0}},
	{0},
};
