/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listen.c - listeners: who is reached at an endpoint, and what waits to be accepted
 *
 * A listener that was closed stays in memory until the last handshake that points to it is over,
 * and so may outlive its transport.
 */
#include <errno.h>
#include <stddef.h>
#include "base/check.h"
#include "sim/world.h"

#define BACKLOG_DEFAULT 4096
#define LISTEN_PORT_MIN 20000
#define LISTEN_PORT_MAX 32767 /* below the ephemeral ports */

static size_t bucket_of(const struct endpoint *at)
{
	return (size_t)((endpoint_address_hash(at) + at->port * UINT64_C(0x9e3779b1)) &
			(SIM_BUCKETS - 1));
}

/* How many listeners there are at exactly this endpoint. */
static size_t count_at(const struct sim *s, const struct endpoint *at)
{
	size_t count = 0;

	for (const struct sim_listener *l = s->listeners[bucket_of(at)]; l; l = l->next_hash)
		count += endpoint_equal(&l->listener.endpoint, at);
	return count;
}

/* One of those that share an endpoint; by the client's endpoint, as the kernel chooses. */
static struct sim_listener *choose(struct sim *s, const struct endpoint *from,
				   const struct endpoint *at)
{
	size_t count = count_at(s, at), chosen;
	uint64_t hash = (endpoint_address_hash(from) ^ from->port) * UINT64_C(0x9e3779b97f4a7c15);

	if (count == 0)
		return NULL;
	chosen = (size_t)((hash >> 32) % count);
	for (struct sim_listener *l = s->listeners[bucket_of(at)]; l; l = l->next_hash)
		if (endpoint_equal(&l->listener.endpoint, at) && chosen-- == 0)
			return l;
	return NULL;
}

struct sim_listener *listener_find(struct sim *s, const struct endpoint *from,
				   const struct endpoint *to)
{
	struct sim_listener *l = choose(s, from, to);
	struct endpoint any = {.family = to->family, .port = to->port};

	if (l || to->family == ENDPOINT_UNIX)
		return l;
	return choose(s, from, &any);
}

static void free_if_over(struct sim_listener *l)
{
	if (l->is_closed && l->conns == 0 && !l->ready.is_queued)
		slab_free(&l->sim->listener_slab, l);
}

void listener_take(struct sim_listener *l, struct sim_conn *conn)
{
	conn->listener = l;
	l->conns++;
	l->waiting_count++;
}

void listener_queue(struct sim_listener *l, struct sim_conn *conn)
{
	conn->next_waiting = NULL;
	*l->waiting_tail = conn;
	l->waiting_tail = &conn->next_waiting;
	transport_post((struct sim_transport *)l->listener.transport, &l->ready);
}

void listener_forget(struct sim_listener *l, struct sim_conn *conn)
{
	conn->listener = NULL;
	l->conns--;
	l->waiting_count--;
	free_if_over(l);
}

static struct sim_conn *pop_waiting(struct sim_listener *l)
{
	struct sim_conn *conn = l->waiting;

	l->waiting = conn->next_waiting;
	if (!l->waiting)
		l->waiting_tail = &l->waiting;
	return conn;
}

static void accept_one(struct sim_listener *l, struct sim_transport *t)
{
	struct sim_conn *conn = pop_waiting(l);
	struct sim_side *side = &conn->sides[SIM_SERVER];
	struct sim_link *link = transport_link_new(t, NULL);

	listener_forget(l, conn);
	if (!link) {
		t->transport.counters.accept_errors++;
		wire_close(conn, SIM_SERVER, true);
		return;
	}
	link->conn = conn;
	link->side = SIM_SERVER;
	side->link = link;
	world_digest(t->sim, (uint64_t)t->sim->now_ns);
	world_digest(t->sim, (uint64_t)t->number << 32 | link->number);
	t->event_count++;
	t->transport.counters.links_opened++;
	l->listener.user->on_accept(l->listener.user, &link->link, &conn->from, &conn->to,
				    t->sim->now_ns);
	if (!link->link.user) {
		if (link->conn)
			wire_close(conn, SIM_SERVER, true);
		transport_link_gone(link);
	} else if (link->conn && (side->rx.head || side->fin_in || side->broken != LINK_END_NONE)) {
		link_post(link);
	}
}

static bool listener_deliver(struct sim_ready *ready)
{
	struct sim_listener *l =
		(struct sim_listener *)((char *)ready - offsetof(struct sim_listener, ready));
	struct sim_transport *t = (struct sim_transport *)l->listener.transport;
	bool is_more;

	if (!l->is_closed && !l->is_paused && l->waiting &&
	    t->link_count >= t->transport.link_max) {
		/* It goes on when a link was freed. */
		if (!t->is_short)
			t->transport.counters.no_descriptors++;
		t->is_short = true;
		return false;
	}
	l->conns++; /* the user may close the listener from within */
	if (!l->is_closed && !l->is_paused && l->waiting)
		accept_one(l, t);
	l->conns--;
	is_more = !l->is_closed && !l->is_paused && l->waiting;
	free_if_over(l);
	return is_more;
}

static bool is_local(const struct sim_transport *t, const struct endpoint *at)
{
	struct endpoint unspecified = {.family = at->family};

	return at->family == ENDPOINT_UNIX || endpoint_same_address(at, &unspecified) ||
	       transport_has_address(t, at);
}

static bool is_taken(struct sim *s, const struct endpoint *at, bool share_port)
{
	for (const struct sim_listener *l = s->listeners[bucket_of(at)]; l; l = l->next_hash)
		if (endpoint_equal(&l->listener.endpoint, at) && !(share_port && l->share_port))
			return true;
	return false;
}

static bool pick_port(struct sim *s, struct endpoint *at)
{
	for (int tries = LISTEN_PORT_MIN; tries <= LISTEN_PORT_MAX; tries++) {
		at->port = (uint16_t)s->listen_port;
		if (++s->listen_port > LISTEN_PORT_MAX)
			s->listen_port = LISTEN_PORT_MIN;
		if (!is_taken(s, at, false))
			return true;
	}
	return false;
}

struct listener *listener_open(struct transport *transport, const struct endpoint *at,
			       const struct listen_options *options, struct listener_user *user,
			       struct err *e)
{
	struct sim_transport *t = (struct sim_transport *)transport;
	struct sim *s = t->sim;
	struct listen_options o = options ? *options : (struct listen_options){0};
	struct endpoint bound = *at;
	char text[ENDPOINT_TEXT_MAX];
	struct sim_listener *l;
	size_t bucket;

	if (at->family == ENDPOINT_NONE || !is_local(t, at)) {
		err_set(e, EXIT_FAILED, EADDRNOTAVAIL,
			"cannot listen at %s: the address is not this host's",
			endpoint_text(at, text));
		return NULL;
	}
	if ((at->family != ENDPOINT_UNIX && at->port == 0 && !pick_port(s, &bound)) ||
	    is_taken(s, &bound, o.share_port)) {
		err_set(e, EXIT_FAILED, EADDRINUSE, "cannot listen at %s: the address is in use",
			endpoint_text(at, text));
		return NULL;
	}
	l = slab_alloc(&s->listener_slab);
	if (!l) {
		err_set(e, EXIT_FAILED, 0, "no memory for a listener");
		return NULL;
	}
	bucket = bucket_of(&bound);
	*l = (struct sim_listener){
		.listener = {.transport = transport, .user = user, .endpoint = bound},
		.sim = s,
	};
	l->ready.deliver = listener_deliver;
	l->waiting_tail = &l->waiting;
	l->backlog = o.backlog > 0 ? o.backlog : BACKLOG_DEFAULT;
	l->receive_buffer = o.receive_buffer > 0 ? o.receive_buffer : s->options.receive_buffer;
	l->share_port = o.share_port;
	l->next_hash = s->listeners[bucket];
	s->listeners[bucket] = l;
	l->next_own = t->listeners;
	t->listeners = l;
	return &l->listener;
}

void listener_set_paused(struct listener *listener, bool paused)
{
	struct sim_listener *l = (struct sim_listener *)listener;

	l->is_paused = paused;
	if (!paused && l->waiting)
		transport_post((struct sim_transport *)listener->transport, &l->ready);
}

void listener_shut(struct listener *listener)
{
	struct sim_listener *l = (struct sim_listener *)listener;
	struct sim_transport *t = (struct sim_transport *)listener->transport;
	struct sim_listener **at = &t->sim->listeners[bucket_of(&listener->endpoint)];

	while (*at != l)
		at = &(*at)->next_hash;
	*at = l->next_hash;
	for (at = &t->listeners; *at != l;)
		at = &(*at)->next_own;
	*at = l->next_own;
	l->is_closed = true;
	l->conns++;
	while (l->waiting) {
		struct sim_conn *conn = pop_waiting(l);

		listener_forget(l, conn);
		wire_close(conn, SIM_SERVER, true);
	}
	l->conns--;
	free_if_over(l);
}
