/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_chaos.c - everything at once, from a seed
 *
 * Two rings talk to each other while links on both sides are sent on, paused, resumed, given
 * deadlines, shut, closed and aborted at random, with few buffers, short queues and submits that
 * are refused now and then. Whatever the order:
 *   - each link is closed exactly once and hears nothing afterwards (checked in the harness);
 *   - what arrives is the beginning of what was sent, without gap or repetition;
 *   - a link that was sent on and neither closed nor aborted by its ends got all of it;
 *   - in the end every link, slot, buffer and vector is home.
 * The seed is printed; VOLLEY_SEED repeats it.
 */
#include "harness.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"

enum { PAIRS = 24, STEPS = 6000, CHUNK = 20000 };

static char pattern[CHUNK + 256]; /* octet i of a stream is i mod 251 */
static struct rng chance;
static int open_count;

struct side {
	struct link_user user;
	struct link *link;
	uint64_t sent_total, lent, got_total;
	int closed;
};

static struct side *spare_sides;
static int spare_count;

static void on_event(struct link_user *user, struct link *link, const struct link_event *event)
{
	struct side *s = (struct side *)user;

	assert_int_equal(s->closed, 0);
	assert_ptr_equal(s->link, link);
	switch (event->kind) {
	case LINK_BYTES:
		assert_memory_equal(event->data, pattern + s->got_total % 251,
				    event->len < CHUNK ? event->len : CHUNK);
		s->got_total += event->len;
		break;
	case LINK_SENT:
		s->sent_total += s->lent;
		s->lent = 0;
		break;
	case LINK_CLOSED:
		s->closed = 1;
		s->link = NULL;
		open_count--;
		break;
	default:
		break;
	}
}

static struct side *side_new(struct link *link)
{
	struct side *s = &spare_sides[spare_count++];

	s->user.on_event = on_event;
	s->link = link;
	open_count++;
	return s;
}

static void on_accept(struct listener_user *user, struct link *link, const struct endpoint *peer,
		      const struct endpoint *local, int64_t at_ns)
{
	(void)user, (void)peer, (void)local, (void)at_ns;
	if (rng_below(&chance, 16) == 0)
		return; /* refused */
	link->user = &side_new(link)->user;
	if (rng_below(&chance, 16) == 0)
		link_close(link);
}

static void send_some(struct side *s)
{
	struct iovec segments[3];
	uint64_t position = s->sent_total;
	const int count = 1 + (int)rng_below(&chance, 3);

	if (s->link->is_sending)
		return;
	s->lent = 0;
	for (int i = 0; i < count; i++) {
		const size_t len = rng_below(&chance, rng_below(&chance, 4) ? 100 : CHUNK / 3);

		segments[i] = (struct iovec){pattern + position % 251, len};
		position += len;
		s->lent += len;
	}
	link_send(s->link, segments, count);
}

static void act(struct side *s, struct transport *t)
{
	if (!s->link)
		return;
	const uint64_t dice = rng_below(&chance, 64);
	if (dice == 0)
		link_close(s->link);
	else if (dice == 1)
		link_abort(s->link);
	else if (dice == 2)
		link_shut(s->link);
	else if (dice < 5)
		link_receive(s->link, false);
	else if (dice < 13)
		link_receive(s->link, true);
	else if (dice == 13)
		link_deadline(s->link, clock_now(t->clock) + (int64_t)rng_below(&chance, 300000));
	else
		send_some(s);
}

static int enter_with_refusals(struct ring *r, unsigned wait_count, int64_t timeout_ns)
{
	static const int answers[] = {-EAGAIN, -EBUSY, -EINTR};

	if (rng_below(&chance, 20) == 0)
		return answers[rng_below(&chance, 3)];
	return ring_enter(r, wait_count, timeout_ns);
}

static void turn(struct transport *t)
{
	struct err e = {0};
	const int64_t until_ns = rng_below(&chance, 4) ? 0 : clock_now(t->clock) + 50000;

	if (transport_turn(t, until_ns, &e) < 0)
		fail_msg("%s", e.text);
}

static void finish(struct transport *client, struct transport *server)
{
	for (int i = 0; i < spare_count; i++)
		if (spare_sides[i].link)
			link_abort(spare_sides[i].link);
	for (int rounds = 0; rounds < 5000; rounds++) {
		if (!open_count && !ring_of(client)->link_open && !ring_of(server)->link_open)
			break;
		turn(client);
		turn(server);
	}
	assert_int_equal(open_count, 0);
}

static void test_chaos(void **state)
{
	struct harness *h = *state;
	const char *text = getenv("VOLLEY_SEED");
	const uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)clock_now(clock_system());
	const struct endpoint at = endpoint_any("127.0.0.1");
	const struct ring_options options = {.link_max = PAIRS,
					     .buffer_count = 8,
					     .buffer_size = 1000,
					     .sq_entries = 16,
					     .cq_entries = 32};
	struct listener_user user = {on_accept};
	struct err e = {0};

	print_message("# VOLLEY_SEED=%llu\n", (unsigned long long)seed);
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (char)(i % 251);
	rng_init(&chance, seed);
	spare_sides = calloc(2 * (STEPS + PAIRS), sizeof *spare_sides);
	spare_count = open_count = 0;
	struct transport *client = harness_ring(state, options);
	struct transport *server = harness_ring_of(h->is_direct, options);
	struct listener *listener =
		transport_listen(server, &at, &(struct listen_options){0}, &user, &e);
	assert_non_null(listener);
	ring_of(client)->enter = enter_with_refusals;
	ring_of(server)->enter = enter_with_refusals;
	for (int step = 0; step < STEPS; step++) {
		const int recent = spare_count < 64 ? spare_count : 64;

		if (rng_below(&chance, 8) == 0) {
			struct side *s = side_new(NULL);

			s->link = link_connect(client, &listener->endpoint, NULL, &s->user);
			if (!s->link) {
				spare_count--;
				open_count--;
			}
		}
		for (int k = 0; k < 4 && recent; k++)
			act(&spare_sides[spare_count - 1 -
					 (int)rng_below(&chance, (uint64_t)recent)],
			    client);
		if (rng_below(&chance, 200) == 0)
			server->ops->listener_pause(listener, rng_below(&chance, 3) == 0);
		turn(rng_below(&chance, 2) ? client : server);
	}
	finish(client, server);
	server->ops->listener_close(listener);
	turn_some(server, 20);
	ring_of(client)->enter = ring_of(server)->enter = ring_enter;
	turn_some(server, 5);
	turn_some(client, 5);
	assert_all_home(client);
	assert_all_home(server);
	assert_true(client->counters.links_opened > 50);
	transport_free(server);
	free(spare_sides);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_chaos),
	};

	return cmocka_run_group_tests_name("torture/chaos", tests, NULL, NULL);
}
