/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flow.c - data in bulk: order, back-pressure, and whose the lent memory is
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "scenario.h"

#define MIB	    (1u << 20)
#define BULK_SIZE   (4 * MIB) /* more than two sockets of loopback hold with small buffers */
#define BUFFER_SIZE 16384

static char *bulk(size_t len)
{
	char *data = malloc(len);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = pattern_at(i);
	return data;
}

static const struct link_options small_buffers = {
	.send_buffer = BUFFER_SIZE,
	.receive_buffer = BUFFER_SIZE,
};
static const struct listen_options small_window = {.receive_buffer = BUFFER_SIZE};

static void send_bulk(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_OPENED)
		peer_send(p, p->arg, BULK_SIZE);
}

static void send_bulk_then_close(struct peer *p, const struct link_event *ev)
{
	send_bulk(p, ev);
	if (ev->kind == LINK_SENT)
		peer_close(p);
}

static void send_segments_then_close(struct peer *p, const struct link_event *ev)
{
	struct iovec segments[LINK_SEGMENTS_MAX];
	char *data = p->arg;

	if (ev->kind == LINK_OPENED) {
		for (size_t i = 0; i < LINK_SEGMENTS_MAX; i++)
			segments[i] = (struct iovec){data + i * (MIB / LINK_SEGMENTS_MAX),
						     MIB / LINK_SEGMENTS_MAX};
		peer_send_segments(p, segments, LINK_SEGMENTS_MAX);
		memset(segments, 0, sizeof(segments)); /* the array itself was copied */
	} else if (ev->kind == LINK_SENT) {
		peer_close(p);
	}
}

static void mebibyte_in_16_segments(struct world *w)
{
	char *data = bulk(MIB);
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	h.is_checking = true;
	peer_init(&p, w, send_segments_then_close);
	p.arg = data;
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	run_to_the_end(w, &p, NULL);
	run_to_the_end(w, &h.peers[0], NULL);
	assert_string_equal(p.log, "OSC(closed here)");
	assert_string_equal(h.peers[0].log, "ABC(closed early)");
	assert_int_equal(h.peers[0].received, MIB);
	assert_int_equal(h.peers[0].wrong, 0);
	free(data);
}

static void bulk_through_small_buffers(struct world *w)
{
	char *data = bulk(BULK_SIZE);
	struct host h;
	struct peer p;

	host_open(&h, w, &small_window, NULL);
	h.is_checking = true;
	peer_init(&p, w, send_bulk_then_close);
	p.arg = data;
	assert_true(peer_connect(&p, &h.listener->endpoint, &small_buffers));
	run_to_the_end(w, &p, NULL);
	run_to_the_end(w, &h.peers[0], NULL);
	assert_string_equal(p.log, "OSC(closed here)");
	assert_string_equal(h.peers[0].log, "ABC(closed early)");
	assert_int_equal(h.peers[0].received, BULK_SIZE);
	assert_int_equal(h.peers[0].wrong, 0);
	free(data);
}

/* Empty segments, and a send of nothing at all, are sent like any other. */
static void send_empty(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_OPENED) {
		peer_send(p, "", 0);
	} else if (ev->kind == LINK_SENT && p->stage == 0) {
		struct iovec segments[3] = {{0}, {.iov_base = p->arg, .iov_len = 2}, {0}};

		p->stage = 1;
		peer_send_segments(p, segments, 3);
	} else if (ev->kind == LINK_SENT) {
		peer_close(p);
	}
}

static void empty_sends(struct world *w)
{
	char *data = bulk(2);
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	h.is_checking = true;
	peer_init(&p, w, send_empty);
	p.arg = data;
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	run_to_the_end(w, &p, NULL);
	run_to_the_end(w, &h.peers[0], NULL);
	assert_string_equal(p.log, "OSSC(closed here)");
	assert_int_equal(h.peers[0].received, 2);
	assert_int_equal(h.peers[0].wrong, 0);
	free(data);
}

static void wait_for_accept(struct world *w, struct host *h)
{
	while (h->count == 0)
		world_step(w);
}

static void sent_waits_for_a_paused_peer(struct world *w)
{
	char *data = bulk(BULK_SIZE);
	struct host h;
	struct peer p;

	host_open(&h, w, &small_window, NULL);
	h.starts_paused = h.is_checking = true;
	peer_init(&p, w, send_bulk_then_close);
	p.arg = data;
	assert_true(peer_connect(&p, &h.listener->endpoint, &small_buffers));
	wait_for_accept(w, &h);
	world_steps(w, 50);
	assert_string_equal(p.log, "O");
	assert_string_equal(h.peers[0].log, "A");
	peer_receive(&h.peers[0], true);
	run_to_the_end(w, &p, &h.peers[0]);
	assert_string_equal(p.log, "OSC(closed here)");
	assert_string_equal(h.peers[0].log, "ABC(closed early)");
	assert_int_equal(h.peers[0].received, BULK_SIZE);
	assert_int_equal(h.peers[0].wrong, 0);
	free(data);
}

static void pause_on_bytes(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_BYTES)
		peer_receive(p, false);
}

static void pause_and_resume(struct world *w)
{
	char *data = bulk(BULK_SIZE);
	uint64_t received = 0;
	struct host h;
	struct peer p;
	int rounds = 0;

	host_open(&h, w, &small_window, pause_on_bytes);
	h.is_checking = true;
	peer_init(&p, w, send_bulk);
	p.arg = data;
	assert_true(peer_connect(&p, &h.listener->endpoint, &small_buffers));
	wait_for_accept(w, &h);
	for (; rounds < 5; rounds++) {
		while (h.peers[0].received == received)
			world_step(w);
		world_steps(w, 3); /* what had been reaped before may still have come */
		received = h.peers[0].received;
		world_steps(w, 10);
		assert_int_equal(h.peers[0].received, received);
		peer_receive(&h.peers[0], true);
	}
	assert_int_equal(h.peers[0].wrong, 0);
	peer_close(&p);
	peer_close(&h.peers[0]);
	run_to_the_end(w, &p, &h.peers[0]);
	free(data);
}

/* What the kernel had taken arrives; what it had not is ours again with CLOSED. */
static void close_with_a_send_in_flight(struct world *w)
{
	char *data = bulk(BULK_SIZE);
	struct host h;
	struct peer p;

	host_open(&h, w, &small_window, NULL);
	h.starts_paused = h.is_checking = true;
	peer_init(&p, w, send_bulk);
	p.arg = data;
	assert_true(peer_connect(&p, &h.listener->endpoint, &small_buffers));
	wait_for_accept(w, &h);
	world_steps(w, 30);
	peer_close(&p);
	assert_true(world_until(w, peer_is_over, &p));
	memset(data, 0xee, BULK_SIZE);
	free(data);
	peer_receive(&h.peers[0], true);
	run_to_the_end(w, &p, &h.peers[0]);
	assert_string_equal(p.log, "OC(closed here)");
	assert_string_equal(h.peers[0].log, "ABC(closed early)");
	assert_true(h.peers[0].received > 0 && h.peers[0].received < BULK_SIZE);
	assert_int_equal(h.peers[0].wrong, 0);
}

static void abort_with_a_send_in_flight(struct world *w)
{
	char *data = bulk(BULK_SIZE);
	struct host h;
	struct peer p;

	host_open(&h, w, &small_window, NULL);
	h.starts_paused = h.is_checking = true;
	peer_init(&p, w, send_bulk);
	p.arg = data;
	assert_true(peer_connect(&p, &h.listener->endpoint, &small_buffers));
	wait_for_accept(w, &h);
	world_steps(w, 30);
	peer_abort(&p);
	assert_true(world_until(w, peer_is_over, &p));
	memset(data, 0xee, BULK_SIZE);
	free(data);
	peer_receive(&h.peers[0], true);
	run_to_the_end(w, &p, &h.peers[0]);
	assert_string_equal(p.log, "OC(closed here)");
	assert_string_equal(h.peers[0].log, "ABC(reset)");
	assert_int_equal(h.peers[0].wrong, 0);
}

static void shut_when_sent(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_OPENED) {
		peer_send(p, p->arg, 5);
		peer_shut(p); /* waits for the send */
	}
}

static void half_close(struct world *w)
{
	char *data = bulk(5);
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	h.is_checking = true;
	peer_init(&p, w, shut_when_sent);
	p.arg = data;
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	run_to_the_end(w, &p, NULL);
	run_to_the_end(w, &h.peers[0], NULL);
	assert_string_equal(p.log, "OSC(closed early)");
	assert_string_equal(h.peers[0].log, "ABC(closed early)");
	assert_int_equal(h.peers[0].received, 5);
	free(data);
}

static void send_bulk_at_once(struct peer *p)
{
	peer_send(p, p->arg, BULK_SIZE);
}

static void shut_and_pause(struct peer *p, const struct link_event *ev)
{
	if (ev->kind == LINK_OPENED) {
		peer_receive(p, false);
		peer_shut(p);
	}
}

/* A peer that shut its side still reads: the send goes on to its end, and EOF is told then. */
static void eof_with_a_send_in_flight(struct world *w)
{
	char *data = bulk(BULK_SIZE);
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	h.on_accepted = send_bulk_at_once;
	h.arg = data;
	peer_init(&p, w, shut_and_pause);
	p.is_checking = true;
	assert_true(peer_connect(&p, &h.listener->endpoint, &small_buffers));
	wait_for_accept(w, &h);
	world_steps(w, 30);
	assert_string_equal(h.peers[0].log, "A");
	peer_receive(&p, true);
	run_to_the_end(w, &p, &h.peers[0]);
	assert_string_equal(h.peers[0].log, "ASC(closed early)");
	assert_string_equal(p.log, "OBC(closed early)");
	assert_int_equal(p.received, BULK_SIZE);
	assert_int_equal(p.wrong, 0);
	free(data);
}

static void close_at_once(struct peer *p)
{
	peer_close(p);
}

/* Who does not read hears of the peer's end by sending: the second send finds the reset. */
static void sending_to_a_closed_peer(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	h.on_accepted = close_at_once;
	peer_init(&p, w, NULL);
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	while (p.opened_count == 0)
		world_step(w);
	peer_receive(&p, false);
	if (h.count == 0 || !peer_is_over(&h.peers[0])) {
		wait_for_accept(w, &h);
		assert_true(world_until(w, peer_is_over, &h.peers[0]));
	}
	if (p.closed_count == 0) {
		peer_send(&p, "one", 3);
		world_steps(w, 10);
		assert_string_equal(p.log, "OS");
		peer_send(&p, "two", 3);
	}
	run_to_the_end(w, &p, NULL);
	assert_string_equal(p.log, "OSC(reset)");
}

/* Closing with octets unread is a reset to the peer, as RFC 1122 s4.2.2.13 wants it. */
static void closing_unread_is_a_reset(struct world *w)
{
	struct host h;
	struct peer p;

	host_open(&h, w, NULL, NULL);
	h.starts_paused = true;
	peer_init(&p, w, shut_when_sent);
	p.script = NULL;
	assert_true(peer_connect(&p, &h.listener->endpoint, NULL));
	while (p.opened_count == 0)
		world_step(w);
	wait_for_accept(w, &h);
	peer_send(&p, "unread", 6);
	world_steps(w, 10);
	assert_string_equal(p.log, "OS");
	peer_close(&h.peers[0]);
	run_to_the_end(w, &p, &h.peers[0]);
	assert_string_equal(p.log, "OSC(reset)");
	assert_string_equal(h.peers[0].log, "AC(closed here)");
}

const struct scenario flow_scenarios[] = {
	{"1 MiB in 16 segments", mebibyte_in_16_segments, {0}},
	{"4 MiB through small buffers", bulk_through_small_buffers, {0}},
	{"empty sends", empty_sends, {0}},
	{"SENT waits for a paused peer", sent_waits_for_a_paused_peer, {0}},
	{"pause and resume", pause_and_resume, {0}},
	{"close with a send in flight", close_with_a_send_in_flight, {0}},
	{"abort with a send in flight", abort_with_a_send_in_flight, {0}},
	{"half close", half_close, {0}},
	{"EOF with a send in flight", eof_with_a_send_in_flight, {0}},
	{"sending to a closed peer", sending_to_a_closed_peer, {0}},
	{"closing with octets unread", closing_unread_is_a_reset, {0}},
	{0},
};
