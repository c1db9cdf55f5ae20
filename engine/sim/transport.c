/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * transport.c - net/transport.h over a virtual network
 *
 * What the network brings about is posted: a link or a listener is put on its transport's list,
 * once, and a turn takes one completion at a time from each in turn. So a link with much to say
 * holds nobody up, as on a ring, and no user code runs outside of a turn.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include "base/check.h"
#include "sim/world.h"

#define LINK_MAX_DEFAULT 1024
#define TURN_MAX	 256 /* completions, and timers, in one turn */
#define PIECE_SMALL	 8   /* half of the random pieces are at most so long */

void transport_post(struct sim_transport *t, struct sim_ready *ready)
{
	if (ready->is_queued)
		return;
	ready->is_queued = true;
	ready->next = NULL;
	*t->ready_tail = ready;
	t->ready_tail = &ready->next;
}

static struct sim_ready *pop_ready(struct sim_transport *t)
{
	struct sim_ready *ready = t->ready;

	t->ready = ready->next;
	if (!t->ready)
		t->ready_tail = &t->ready;
	ready->is_queued = false;
	return ready;
}

static void drop_ready(struct sim_transport *t, struct sim_ready *ready)
{
	struct sim_ready **at = &t->ready;

	if (!ready->is_queued)
		return;
	while (*at != ready)
		at = &(*at)->next;
	*at = ready->next;
	if (t->ready_tail == &ready->next)
		t->ready_tail = at;
	ready->is_queued = false;
}

bool transport_is_due(const struct sim_transport *t, int64_t now_ns)
{
	return t->ready || t->is_woken || wheel_next_ns(&t->transport.wheel) <= now_ns;
}

/* --- Events */

static void emit(struct sim_link *link, struct link_event *ev)
{
	struct sim *s = transport_of(link)->sim;

	ev->at_ns = s->now_ns;
	transport_of(link)->event_count++;
	world_digest(s, (uint64_t)s->now_ns);
	world_digest(s, (uint64_t)transport_of(link)->number << 32 | link->number);
	world_digest(s, (uint64_t)ev->kind << 32 | (uint64_t)ev->end);
	if (ev->len > 0)
		world_digest_octets(s, ev->data, ev->len);
	link->link.user->on_event(link->link.user, &link->link, ev);
}

static void on_deadline(struct timer *timer, int64_t now_ns)
{
	struct sim_link *link =
		(struct sim_link *)((char *)timer - offsetof(struct sim_link, link.deadline));

	(void)now_ns;
	if (!link->is_closing)
		emit(link, &(struct link_event){.kind = LINK_LATE});
}

static int errno_of(enum link_end end)
{
	switch (end) {
	case LINK_END_RESET:
		return ECONNRESET;
	case LINK_END_REFUSED:
		return ECONNREFUSED;
	case LINK_END_TIMED_OUT:
		return ETIMEDOUT;
	case LINK_END_UNREACHABLE:
		return EHOSTUNREACH;
	case LINK_END_NO_PORTS:
	case LINK_END_NO_SOURCE:
		return EADDRNOTAVAIL;
	case LINK_END_NO_DESCRIPTORS:
		return EMFILE;
	case LINK_END_NO_MEMORY:
		return ENOMEM;
	case LINK_END_DENIED:
		return EACCES;
	case LINK_END_OTHER:
		return EINVAL;
	case LINK_END_NONE:
	case LINK_END_LOCAL:
	case LINK_END_EOF:
	default:
		return 0;
	}
}

static void finish(struct sim_link *link)
{
	struct link_event ev = {
		.kind = LINK_CLOSED,
		.end = link->end,
		.os_error = errno_of(link->end),
	};

	/* A Unix socket that nobody listens on mostly is no file at all. */
	if (link->end == LINK_END_REFUSED && link->conn->to.family == ENDPOINT_UNIX)
		ev.os_error = ENOENT;
	link->is_closing = true;
	if (link->conn)
		wire_close(link->conn, link->side, link->wants_reset);
	link->conn = NULL;
	wheel_drop(&link->link.transport->wheel, &link->link.deadline);
	emit(link, &ev);
	transport_link_gone(link);
}

/* Copies the next piece of what arrived to the scratch; returns its length. */
static size_t cut_piece(struct sim_transport *t, struct sim_conn *conn, struct sim_chunks *rx)
{
	size_t len = 1, done = 0;

	if (conn->path.split == SIM_SPLIT_RANDOM) {
		size_t most = rx->len < SIM_CHUNK_MAX ? rx->len : SIM_CHUNK_MAX;

		if (most > PIECE_SMALL && (rng_next(&t->sim->split_rng) & 1))
			most = PIECE_SMALL;
		len = 1 + (size_t)rng_below(&t->sim->split_rng, most);
	}
	while (done < len) {
		struct sim_chunk *chunk = rx->head;
		size_t part = chunk->len < len - done ? chunk->len : len - done;

		memcpy(t->split_scratch + done, chunk->data + chunk->first, part);
		chunk->first += (uint32_t)part;
		chunk->len -= (uint32_t)part;
		done += part;
		if (chunk->len > 0)
			continue;
		rx->head = chunk->next;
		if (!rx->head)
			rx->tail = NULL;
		chunk_free(t->sim, chunk);
	}
	rx->len -= len;
	return len;
}

static void deliver_bytes(struct sim_link *link)
{
	struct sim_transport *t = transport_of(link);
	struct sim_conn *conn = link->conn;
	struct sim_chunks *rx = &conn->sides[link->side].rx;
	struct link_event ev = {.kind = LINK_BYTES};
	struct sim_chunk *chunk = NULL;

	if (conn->path.split == SIM_SPLIT_NONE) {
		chunk = rx->head;
		rx->head = chunk->next;
		if (!rx->head)
			rx->tail = NULL;
		rx->len -= chunk->len;
		ev.data = chunk->data + chunk->first;
		ev.len = chunk->len;
	} else {
		ev.len = cut_piece(t, conn, rx);
		ev.data = t->split_scratch;
	}
	t->transport.counters.bytes_in += ev.len;
	/* The window opens as the octets leave the socket, whatever the user does with them. */
	wire_read(conn, link->side, ev.len);
	emit(link, &ev);
	if (chunk)
		chunk_free(t->sim, chunk);
}

/* The peer's orderly end was reached; a send that is still in flight may end first. */
static bool is_at_eof(const struct sim_link *link, const struct sim_side *side)
{
	return side->fin_in && !side->rx.head && link->is_receiving &&
	       (!link->link.is_sending || side->broken != LINK_END_NONE);
}

static bool is_found_broken(const struct sim_link *link, const struct sim_side *side)
{
	return side->broken != LINK_END_NONE && (link->is_receiving || link->link.is_sending);
}

static bool has_more(const struct sim_link *link)
{
	const struct sim_side *side = link->conn ? &link->conn->sides[link->side] : NULL;

	if (link->end != LINK_END_NONE || link->is_opened_due || link->is_sent_due)
		return true;
	return side && (link->wants_pump || (link->is_receiving && side->rx.head) ||
			is_found_broken(link, side) || is_at_eof(link, side));
}

static bool link_deliver(struct sim_ready *ready)
{
	struct sim_link *link =
		(struct sim_link *)((char *)ready - offsetof(struct sim_link, ready));
	struct sim_side *side = link->conn ? &link->conn->sides[link->side] : NULL;

	if (!has_more(link))
		return false;
	if (link->end != LINK_END_NONE) {
		finish(link);
		return false;
	}
	if (link->wants_pump) {
		link->wants_pump = false;
		wire_pump(link->conn, link->side);
	}
	if (link->is_opened_due) {
		link->is_opened_due = false;
		transport_of(link)->transport.counters.links_opened++;
		emit(link, &(struct link_event){.kind = LINK_OPENED});
	} else if (link->is_sent_due) {
		link->is_sent_due = false;
		link->link.is_sending = false;
		emit(link, &(struct link_event){.kind = LINK_SENT});
	} else if (link->is_receiving && side->rx.head) {
		deliver_bytes(link);
	} else if (is_found_broken(link, side) || is_at_eof(link, side)) {
		link->end = is_at_eof(link, side) ? LINK_END_EOF : side->broken;
		finish(link);
		return false;
	}
	return has_more(link);
}

/* --- Links */

struct sim_link *transport_link_new(struct sim_transport *t, struct link_user *user)
{
	struct sim_link *link = slab_alloc(&t->links);
	struct transport_counters *counters = &t->transport.counters;

	if (!link)
		return NULL;
	*link = (struct sim_link){
		.link = {.transport = &t->transport, .user = user, .deadline.fire = on_deadline},
		.ready.deliver = link_deliver,
		.number = t->link_number++,
		.is_receiving = true,
		.next = t->open,
		.link_at = &t->open,
	};
	if (t->open)
		t->open->link_at = &link->next;
	t->open = link;
	t->link_count++;
	if (t->link_count > counters->links_peak)
		counters->links_peak = t->link_count;
	return link;
}

void transport_link_gone(struct sim_link *link)
{
	struct sim_transport *t = transport_of(link);

	wheel_drop(&t->transport.wheel, &link->link.deadline);
	drop_ready(t, &link->ready);
	*link->link_at = link->next;
	if (link->next)
		link->next->link_at = link->link_at;
	t->link_count--;
	slab_free(&t->links, link);
	if (!t->is_short)
		return;
	t->is_short = false;
	for (struct sim_listener *l = t->listeners; l; l = l->next_own)
		if (l->waiting)
			transport_post(t, &l->ready);
}

bool transport_has_address(const struct sim_transport *t, const struct endpoint *address)
{
	for (int i = 0; i < t->source_count; i++) {
		struct sim_pattern p = t->sources[i];

		p.port = 0;
		if (sim_pattern_matches(&p, address))
			return true;
	}
	return t->source_count == 0;
}

/* Where a connection comes from; LINK_END_NONE when all is well. */
static enum link_end choose_source(const struct sim_transport *t, const struct endpoint *to,
				   const struct endpoint *wanted, struct endpoint *ret_from)
{
	static const struct endpoint loopback_v4 = {ENDPOINT_IPV4, 0, 0, {.v4 = {127, 0, 0, 1}}};
	static const struct endpoint loopback_v6 = {ENDPOINT_IPV6, 0, 0, {.v6 = {[15] = 1}}};
	bool is_v4 = to->family == ENDPOINT_IPV4;

	*ret_from = (struct endpoint){.family = to->family};
	if (to->family == ENDPOINT_UNIX)
		return LINK_END_NONE;
	if (to->family == ENDPOINT_NONE)
		return LINK_END_OTHER;
	if (wanted && wanted->family != ENDPOINT_NONE) {
		*ret_from = *wanted;
		return wanted->family == to->family && transport_has_address(t, wanted)
			       ? LINK_END_NONE
			       : LINK_END_NO_SOURCE;
	}
	if (endpoint_is_loopback(to))
		*ret_from = is_v4 ? loopback_v4 : loopback_v6;
	else
		*ret_from = is_v4 ? t->source_v4 : t->source_v6;
	return LINK_END_NONE;
}

static struct link *sim_connect(struct transport *transport, const struct endpoint *to,
				const struct link_options *options, struct link_user *user)
{
	struct sim_transport *t = (struct sim_transport *)transport;
	const struct link_options o = options ? *options : (struct link_options){0};
	struct sim_link *link;
	struct endpoint from;
	enum link_end end;

	if (t->link_count >= transport->link_max)
		return NULL;
	link = transport_link_new(t, user);
	if (!link)
		return NULL;
	link->side = SIM_CLIENT;
	end = choose_source(t, to, o.source, &from);
	if (end == LINK_END_NONE)
		link->conn = wire_connect(t->sim, link, &from, to, &end);
	if (!link->conn) {
		link->end = end;
		link_post(link);
		return &link->link;
	}
	link->conn->sides[SIM_CLIENT].tx_limit =
		(size_t)(o.send_buffer > 0 ? o.send_buffer : t->sim->options.send_buffer);
	link->conn->sides[SIM_CLIENT].rx_limit =
		(size_t)(o.receive_buffer > 0 ? o.receive_buffer : t->sim->options.receive_buffer);
	return &link->link;
}

/*
 * What a user asks for is noted, and done at the next turn, as a ring submits it there: a send
 * that is followed by a close at once does not reach the wire.
 */
static void sim_send(struct link *l, const struct iovec *segments, int count)
{
	struct sim_link *link = (struct sim_link *)l;

	CHECK(!l->is_sending && !link->is_shut && count >= 0 && count <= LINK_SEGMENTS_MAX);
	l->is_sending = true;
	if (count > 0)
		memcpy(link->lent, segments, (size_t)count * sizeof(*segments));
	link->lent_idx = 0;
	link->lent_len = 0;
	for (int i = 0; i < count; i++)
		link->lent_len += segments[i].iov_len;
	link->wants_pump = true;
	link_post(link);
}

static void sim_receive(struct link *l, bool on)
{
	struct sim_link *link = (struct sim_link *)l;

	link->is_receiving = on;
	if (on && has_more(link))
		link_post(link);
}

static void sim_shut(struct link *l)
{
	struct sim_link *link = (struct sim_link *)l;

	if (link->is_closing || link->is_shut || !link->conn)
		return;
	link->is_shut = true;
	link->wants_pump = true;
	link->conn->sides[link->side].fin_wanted = true;
	link_post(link);
}

static void sim_close(struct link *l)
{
	struct sim_link *link = (struct sim_link *)l;

	if (link->is_closing)
		return;
	/* An end that was noticed but not told yet gives way to the user's wish. */
	link->is_closing = true;
	link->end = LINK_END_LOCAL;
	wheel_drop(&l->transport->wheel, &l->deadline);
	link_post(link);
}

static void sim_abort(struct link *l)
{
	((struct sim_link *)l)->wants_reset = true;
	sim_close(l);
}

/* --- The transport itself */

static int sim_turn(struct transport *transport, int64_t until_ns, struct err *e)
{
	struct sim_transport *t = (struct sim_transport *)transport;
	struct sim *s = t->sim;
	int count = 0;
	uint64_t events;

	CHECK(!t->is_in_turn);
	if (until_ns < s->now_ns)
		until_ns = s->now_ns;
	if (!s->is_running) {
		switch (world_go(s, until_ns, t, NULL, e)) {
		case SIM_IDLE:
			return err_set(e, EXIT_FAILED, 0,
				       "simulated network: waiting for what can never happen");
		case SIM_FAILED:
			return -1;
		case SIM_REACHED:
		case SIM_STOPPED:
			break;
		}
	}
	t->is_in_turn = true;
	t->is_woken = false;
	events = t->event_count;
	transport->counters.turns++;
	while (t->ready && count < TURN_MAX) {
		struct sim_ready *ready = pop_ready(t);

		count++;
		if (ready->deliver(ready))
			transport_post(t, ready);
	}
	transport->counters.completions += (uint64_t)count;
	count = (int)(t->event_count - events);
	count += wheel_expire(&transport->wheel, s->now_ns, TURN_MAX);
	t->is_in_turn = false;
	return count;
}

static void sim_wake(struct transport *transport)
{
	((struct sim_transport *)transport)->is_woken = true;
}

static void sim_transport_free(struct transport *transport)
{
	struct sim_transport *t = (struct sim_transport *)transport;

	CHECK(!t->is_in_turn);
	while (t->ready)
		pop_ready(t);
	while (t->open) {
		struct sim_link *link = t->open;

		if (link->conn)
			wire_close(link->conn, link->side, true);
		t->is_short = false;
		transport_link_gone(link);
	}
	while (t->listeners)
		listener_shut(&t->listeners->listener);
	slab_fini(&t->links);
	t->sim->member_count--;
	free(t->split_scratch);
	free(t->sources);
	free(t);
}

static const struct transport_ops sim_ops = {
	.connect = sim_connect,
	.send = sim_send,
	.receive = sim_receive,
	.shut = sim_shut,
	.abort = sim_abort,
	.close = sim_close,
	.listen = listener_open,
	.listener_pause = listener_set_paused,
	.listener_close = listener_shut,
	.turn = sim_turn,
	.wake = sim_wake,
	.free = sim_transport_free,
};

static void set_sources(struct sim_transport *t, const struct sim_transport_options *o)
{
	uint8_t host = (uint8_t)(t->number % 254 + 1);

	t->source_v4 = o->source_v4;
	t->source_v6 = o->source_v6;
	if (t->source_v4.family == ENDPOINT_NONE)
		t->source_v4 = (struct endpoint){ENDPOINT_IPV4, 0, 0, {.v4 = {192, 0, 2, host}}};
	if (t->source_v6.family == ENDPOINT_NONE)
		t->source_v6 = (struct endpoint){
			ENDPOINT_IPV6, 0, 0, {.v6 = {0x20, 0x01, 0x0d, 0xb8, [15] = host}}};
}

struct transport *sim_transport(struct sim *s, const struct sim_transport_options *options,
				struct err *e)
{
	const struct sim_transport_options o =
		options ? *options : (struct sim_transport_options){0};
	size_t sources_size = (size_t)o.source_count * sizeof(*o.sources);
	struct sim_transport *t = calloc(1, sizeof(*t));

	if (t) {
		t->split_scratch = malloc(SIM_CHUNK_MAX);
		t->sources = sources_size > 0 ? malloc(sources_size) : NULL;
	}
	if (!t || !t->split_scratch || (sources_size > 0 && !t->sources)) {
		if (t) {
			free(t->split_scratch);
			free(t->sources);
		}
		free(t);
		err_set(e, EXIT_FAILED, 0, "no memory for a simulated transport");
		return NULL;
	}
	t->transport.ops = &sim_ops;
	t->transport.clock = &s->clock;
	t->transport.link_max = o.link_max > 0 ? o.link_max : LINK_MAX_DEFAULT;
	wheel_init(&t->transport.wheel, s->now_ns);
	t->sim = s;
	t->number = s->worker_count++;
	s->member_count++;
	slab_init(&t->links, sizeof(struct sim_link));
	t->ready_tail = &t->ready;
	if (sources_size > 0)
		memcpy(t->sources, o.sources, sources_size);
	t->source_count = o.source_count;
	set_sources(t, &o);
	return &t->transport;
}
