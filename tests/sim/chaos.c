/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * chaos.c - many links that do whatever comes to their mind, from a seed
 *
 * How: 200 clients connect to two listeners. At every event, and at a deadline of its own, each
 * end does one random thing: sends, pauses, resumes, shuts, closes, aborts. Whatever happens, each
 * link ends in exactly one CLOSED, its bytes are a beginning of those that the other end sent, and
 * no link is left. In a simulated world the same seed also gives the same run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/rng.h"
#include "scenario.h"

#define LINKS	    200
#define SEND_MAX    60000
#define ACTIONS_MAX 40
#define OFFSETS	    (1u << 20) /* of the pattern, whose period is longer */

struct chaos {
	struct rng rng;
	char *data;
};

static struct peer clients[LINKS];
static struct host hosts[2];
static uint64_t sent_octets[LINKS + 2 * HOST_PEERS]; /* by slot_of() */

static size_t slot_of(const struct peer *p)
{
	if (p >= clients && p < clients + LINKS)
		return (size_t)(p - clients);
	if (p >= hosts[0].peers && p < hosts[0].peers + HOST_PEERS)
		return LINKS + (size_t)(p - hosts[0].peers);
	return LINKS + HOST_PEERS + (size_t)(p - hosts[1].peers);
}

static void send_some(struct peer *p, struct chaos *c)
{
	uint64_t *offset = &sent_octets[slot_of(p)];
	size_t len = (size_t)rng_below(&c->rng, SEND_MAX);
	struct iovec segments[LINK_SEGMENTS_MAX];
	int count = 1 + (int)rng_below(&c->rng, LINK_SEGMENTS_MAX);

	if (p->link->is_sending || *offset + len > OFFSETS || p->stage >= ACTIONS_MAX)
		return;
	for (int i = 0; i < count; i++) {
		size_t part = i + 1 < count ? len / (size_t)count
					    : len - len / (size_t)count * (size_t)(count - 1);

		segments[i] = (struct iovec){c->data + *offset, part};
		*offset += part;
	}
	peer_send_segments(p, segments, count);
}

static void act(struct peer *p, struct chaos *c, bool is_shut)
{
	uint64_t choice = rng_below(&c->rng, 100);

	/* Those who are still alive after so many actions come to an end. */
	if (++p->stage >= ACTIONS_MAX) {
		peer_close(p);
		return;
	}
	peer_deadline(p, world_now(p->world) + (int64_t)rng_below(&c->rng, 3 * NS_PER_MS));
	if (choice < 55) {
		if (!is_shut)
			send_some(p, c);
	} else if (choice < 65) {
		peer_receive(p, false);
	} else if (choice < 90) {
		peer_receive(p, true);
	} else if (choice < 94) {
		p->arg = NULL; /* shut: nothing may be sent any more */
		peer_shut(p);
	} else if (choice < 97) {
		peer_close(p);
	} else {
		peer_abort(p);
	}
}

static struct chaos chaos;

static void do_something(struct peer *p, const struct link_event *ev)
{
	if (ev->kind != LINK_CLOSED)
		act(p, &chaos, p->arg == NULL);
}

static void begin(struct peer *p)
{
	act(p, &chaos, false);
}

static bool all_over(void *arg)
{
	(void)arg;
	for (int i = 0; i < LINKS; i++)
		if (clients[i].closed_count == 0)
			return false;
	for (int h = 0; h < 2; h++)
		for (int i = 0; i < hosts[h].count; i++)
			if (hosts[h].peers[i].closed_count == 0)
				return false;
	return true;
}

static void check_peer(const struct peer *p)
{
	assert_int_equal(p->closed_count, 1);
	assert_int_equal(p->wrong, 0);
	assert_true(p->opened_count <= 1);
	assert_null(p->link);
}

static void run_chaos(struct world *w, uint64_t seed)
{
	memset(sent_octets, 0, sizeof(sent_octets));
	chaos.data = malloc(OFFSETS);
	assert_non_null(chaos.data);
	for (size_t i = 0; i < OFFSETS; i++)
		chaos.data[i] = pattern_at(i);
	rng_init(&chaos.rng, seed);
	for (int h = 0; h < 2; h++) {
		host_open(&hosts[h], w, NULL, do_something);
		hosts[h].is_checking = true;
		hosts[h].on_accepted = begin;
		hosts[h].arg = &chaos;
	}
	for (int i = 0; i < LINKS; i++) {
		peer_init(&clients[i], w, do_something);
		clients[i].is_checking = true;
		clients[i].arg = &chaos;
		assert_true(peer_connect(&clients[i], &hosts[i & 1].listener->endpoint, NULL));
	}
	assert_true(world_until(w, all_over, NULL));
	world_steps(w, 20);
	assert_true(all_over(NULL));
	for (int i = 0; i < LINKS; i++)
		check_peer(&clients[i]);
	for (int h = 0; h < 2; h++)
		for (int i = 0; i < hosts[h].count; i++)
			check_peer(&hosts[h].peers[i]);
	/* All slots are free again: as many links as the transport holds can be opened. */
	assert_int_equal(w->client->wheel.count, 0);
	assert_int_equal(w->server->wheel.count, 0);
	free(chaos.data);
}

static void chaos_one(struct world *w)
{
	run_chaos(w, 1);
}

static void chaos_two(struct world *w)
{
	run_chaos(w, 2);
}

static void chaos_three(struct world *w)
{
	run_chaos(w, 3);
}

const struct scenario chaos_scenarios[] = {
	{"200 links at random, seed 1", chaos_one, {0}},
	{"200 links at random, seed 2", chaos_two, {0}},
	{"200 links at random, seed 3", chaos_three, {0}},
	{0},
};
