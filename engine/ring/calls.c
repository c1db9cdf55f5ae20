/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * calls.c - what a user may ask of a link
 *
 * Each call notes what is wanted and marks the link; the requests are made at the head of the
 * next turn. Nothing here enters the kernel or tells an event, so that a call may stand anywhere,
 * within a handler too.
 */
#include "ring/private.h"
#include <errno.h>
#include "base/check.h"

struct link *ring_connect(struct transport *t, const struct endpoint *to,
			  const struct link_options *options, struct link_user *user)
{
	struct ring *r = ring_of(t);
	struct ring_link *l = link_take(r);
	struct opening *o;

	if (!l)
		return NULL;
	l->base.user = user;
	l->is_local = to->family == ENDPOINT_UNIX;
	l->opening = o = slab_alloc(&r->openings);
	if (o) {
		o->from_len = 0;
		o->send_buffer = options ? options->send_buffer : 0;
		o->receive_buffer = options ? options->receive_buffer : 0;
		if (!sockaddr_from_endpoint(to, &o->to, &o->to_len))
			o->to_len = 0;
		if (options && options->source && to->family != ENDPOINT_UNIX &&
		    sockaddr_from_endpoint(options->source, &o->from, &o->from_len))
			o->is_port_open = options->source->port == 0;
	}
	link_mark(r, l);
	return &l->base;
}

void ring_send(struct link *base, const struct iovec *segments, int count)
{
	struct ring_link *l = (struct ring_link *)base;
	struct ring *r = link_ring(l);
	const struct iovec *only = NULL;
	size_t used = 0, total = 0;

	CHECK(!base->is_sending && count >= 0 && count <= LINK_SEGMENTS_MAX);
	base->is_sending = true;
	l->has_send = true;
	for (int i = 0; i < count; i++) {
		if (segments[i].iov_len) {
			only = &segments[i];
			total += segments[i].iov_len;
			used++;
		}
	}
	l->send_len = total;
	if (used <= 1) {
		l->send_data = only ? only->iov_base : NULL;
	} else {
		struct send_vector *v = l->vector = slab_alloc(&r->vectors);

		if (!v) {
			l->has_send = false;
			link_wind_down(r, l, LINK_END_NO_MEMORY, ENOMEM);
			return;
		}
		v->message = (struct msghdr){.msg_iov = v->segments, .msg_iovlen = used};
		used = 0;
		for (int i = 0; i < count; i++)
			if (segments[i].iov_len)
				v->segments[used++] = segments[i];
	}
	if (l->state == LINK_IS_OPEN)
		link_mark(r, l);
}

void ring_receive(struct link *base, bool on)
{
	struct ring_link *l = (struct ring_link *)base;

	l->wants_receive = on;
	if (l->state == LINK_IS_OPEN)
		link_mark(link_ring(l), l);
}

void ring_shut(struct link *base)
{
	struct ring_link *l = (struct ring_link *)base;

	l->wants_shut = true;
	if (l->state == LINK_IS_OPEN)
		link_mark(link_ring(l), l);
}

void ring_close(struct link *base)
{
	struct ring_link *l = (struct ring_link *)base;

	if (l->state == LINK_IS_CLOSING || l->state == LINK_IS_FREE)
		return;
	/* An end that was noticed but not told yet gives way to the user's wish. */
	l->end = LINK_END_NONE;
	link_wind_down(link_ring(l), l, LINK_END_LOCAL, 0);
}

void ring_abort(struct link *base)
{
	struct ring_link *l = (struct ring_link *)base;

	if (!(l->pending & PENDING_CLOSE))
		l->wants_reset = true;
	ring_close(base);
}

/* Hands an accepted connection to its listener's user. */
void link_accepted(struct ring *r, struct ring_listener *listener, struct ring_link *l,
		   struct accept_slot *slot)
{
	const struct endpoint *local =
		listener->is_wildcard ? &slot->local : &listener->base.endpoint;
	struct endpoint peer;

	endpoint_from_sockaddr(&slot->peer, slot->peer_len, &peer);
	l->file = slot->file;
	slot->file = NO_FILE;
	l->is_local = peer.family == ENDPOINT_UNIX;
	l->state = LINK_IS_OPEN;
	r->base.counters.links_opened++;
	link_mark(r, l);
	r->event_count++;
	listener->base.user->on_accept(listener->base.user, &l->base, &peer, local, r->now_ns);
	if (!l->base.user && l->state == LINK_IS_OPEN)
		ring_abort(&l->base);
}
