/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire.c - connections as their kernels and the network hold them
 *
 * Everything that travels is an entry of the world's queue: it leaves one side and arrives at the
 * other, in order. Flow control is a window of credit: a side may have as many octets in flight or
 * unread at the other side as that side's receive buffer holds; what was read is announced once
 * it is half of that, so that a short dialogue costs no entries for it.
 */
#include "base/check.h"
#include "sim/world.h"

/* What an entry for a connection carries; stands with the side in entry.side. */
enum segment {
	SEGMENT_SYN, /* value is unused */
	SEGMENT_SYN_ACK,
	SEGMENT_ACK,	/* the third of the handshake */
	SEGMENT_FAILED, /* value: enum link_end; the connect is over */
	SEGMENT_DATA,	/* payload: struct sim_chunk */
	SEGMENT_CREDIT, /* value: octets */
	SEGMENT_FIN,
	SEGMENT_RST,
	SEGMENT_STALLED, /* the time for repeats is over */
};

static void on_arrival(struct sim *s, const struct sim_entry *entry);

/* --- Chunks */

void chunks_append(struct sim_chunks *list, struct sim_chunk *chunk)
{
	chunk->next = NULL;
	*(list->tail ? list->tail : &list->head) = chunk;
	list->tail = &chunk->next;
	list->len += chunk->len;
}

void chunk_free(struct sim *s, struct sim_chunk *chunk)
{
	slab_free(&s->chunks[chunk->class], chunk);
}

void chunks_clear(struct sim *s, struct sim_chunks *list)
{
	while (list->head) {
		struct sim_chunk *chunk = list->head;

		list->head = chunk->next;
		chunk_free(s, chunk);
	}
	*list = (struct sim_chunks){0};
}

/* An empty chunk for len octets; NULL when memory is exhausted, which the world keeps in mind. */
static struct sim_chunk *chunk_new(struct sim *s, size_t len)
{
	uint32_t class = 0;
	struct sim_chunk *chunk;

	while (s->chunks[class].object_size - sizeof(*chunk) < len)
		class ++;
	chunk = slab_alloc(&s->chunks[class]);
	if (!chunk) {
		s->is_out_of_memory = true;
		return NULL;
	}
	chunk->next = NULL;
	chunk->first = 0;
	chunk->len = (uint32_t)len;
	chunk->class = class;
	return chunk;
}

/* --- Sending */

static void free_if_over(struct sim_conn *conn)
{
	struct sim *s = conn->sim;

	if (conn->entries > 0 || !conn->sides[SIM_CLIENT].is_dead ||
	    !conn->sides[SIM_SERVER].is_dead)
		return;
	for (int i = 0; i < 2; i++) {
		chunks_clear(s, &conn->sides[i].tx);
		chunks_clear(s, &conn->sides[i].rx);
	}
	if (conn->listener)
		listener_forget(conn->listener, conn);
	ports_give_back(conn);
	slab_free(&s->conns, conn);
}

static bool push(struct sim_conn *conn, uint32_t to, enum segment segment, int64_t at_ns,
		 uint64_t value, struct sim_chunk *chunk)
{
	struct sim_entry entry = {
		.at_ns = at_ns,
		.worker = conn->sides[to].worker,
		.side = to | (uint32_t)segment << 1,
		.run = on_arrival,
		.target = conn,
	};

	if (chunk)
		entry.payload = chunk;
	else
		entry.value = value;
	if (!world_push(conn->sim, entry)) {
		if (chunk)
			chunk_free(conn->sim, chunk);
		return false;
	}
	conn->entries++;
	return true;
}

/* Puts a segment on the wire from a side to the other one. */
static void transmit(struct sim_conn *conn, uint32_t from, enum segment segment, uint64_t value,
		     struct sim_chunk *chunk)
{
	struct sim *s = conn->sim;
	struct sim_side *side = &conn->sides[from];
	const struct sim_path *path = &conn->path;
	int64_t at_ns = s->now_ns;

	if (path->bandwidth > 0 && chunk) {
		if (side->wire_free_ns > at_ns)
			at_ns = side->wire_free_ns;
		at_ns += (int64_t)((double)chunk->len * 1e9 / (double)path->bandwidth);
		side->wire_free_ns = at_ns;
	}
	at_ns += path->delay_ns;
	if (path->jitter_ns > 0)
		at_ns += (int64_t)rng_below(&s->path_rng, (uint64_t)path->jitter_ns + 1);
	if (at_ns < side->last_arrival_ns)
		at_ns = side->last_arrival_ns;
	side->last_arrival_ns = at_ns;
	push(conn, from ^ 1, segment, at_ns, value, chunk);
}

/* The other side is told something, unless the connection was cut in between. */
static void tell(struct sim_conn *conn, uint32_t from, enum segment segment, uint64_t value)
{
	if (!conn->is_cut)
		transmit(conn, from, segment, value, NULL);
}

static void start_stall(struct sim_conn *conn, uint32_t from)
{
	struct sim_side *side = &conn->sides[from];

	if (side->is_timing || conn->cut_after_ns == 0)
		return;
	side->is_timing =
		push(conn, from, SEGMENT_STALLED, conn->sim->now_ns + conn->cut_after_ns, 0, NULL);
}

static void cut(struct sim_conn *conn, uint32_t from)
{
	enum segment segment = conn->cut == SIM_CUT_RESET ? SEGMENT_RST : SEGMENT_FIN;

	conn->is_cut = true;
	if (conn->cut == SIM_CUT_STALL) {
		start_stall(conn, from);
		return;
	}
	transmit(conn, from, segment, 0, NULL);
	transmit(conn, from ^ 1, segment, 0, NULL);
}

static bool is_counted(const struct sim_conn *conn, uint32_t from)
{
	return conn->has_cut && (conn->cut_direction == SIM_BOTH_WAYS ||
				 (conn->cut_direction == SIM_TO_SERVER) == (from == SIM_CLIENT));
}

static void send_chunk(struct sim_conn *conn, uint32_t from, struct sim_chunk *chunk)
{
	struct sim_side *side = &conn->sides[from];
	bool is_last = false;

	side->credit -= chunk->len;
	if (conn->is_cut) {
		chunk_free(conn->sim, chunk);
		if (conn->cut == SIM_CUT_STALL)
			start_stall(conn, from);
		return;
	}
	if (is_counted(conn, from)) {
		is_last = chunk->len >= conn->cut_left;
		if (is_last)
			chunk->len = (uint32_t)conn->cut_left;
		conn->cut_left -= chunk->len;
	}
	if (chunk->len > 0)
		transmit(conn, from, SEGMENT_DATA, 0, chunk);
	else
		chunk_free(conn->sim, chunk);
	if (is_last)
		cut(conn, from);
}

/* Sends from the buffer as far as the window is open. */
static void drain(struct sim_conn *conn, uint32_t from)
{
	struct sim_side *side = &conn->sides[from];

	while (side->tx.head && side->credit > 0) {
		struct sim_chunk *chunk = side->tx.head;

		if (chunk->len > side->credit) {
			struct sim_chunk *part = chunk_new(conn->sim, side->credit);

			if (!part)
				return;
			memcpy(part->data, chunk->data + chunk->first, part->len);
			chunk->first += part->len;
			chunk->len -= part->len;
			chunk = part;
		} else {
			side->tx.head = chunk->next;
			if (!side->tx.head)
				side->tx.tail = NULL;
		}
		side->tx.len -= chunk->len;
		send_chunk(conn, from, chunk);
	}
}

/* Copies len octets of what the user lent. */
static struct sim_chunk *take_lent(struct sim_link *link, size_t len)
{
	struct sim_chunk *chunk = chunk_new(transport_of(link)->sim, len);
	size_t done = 0;

	if (!chunk)
		return NULL;
	while (done < len) {
		struct iovec *v = &link->lent[link->lent_idx];
		size_t part = v->iov_len < len - done ? v->iov_len : len - done;

		if (part > 0) {
			memcpy(chunk->data + done, v->iov_base, part);
			v->iov_base = (char *)v->iov_base + part;
			v->iov_len -= part;
		}
		done += part;
		if (v->iov_len == 0)
			link->lent_idx++;
	}
	link->lent_len -= len;
	return chunk;
}

static void take(struct sim_conn *conn, uint32_t from, struct sim_link *link)
{
	struct sim_side *side = &conn->sides[from];

	while (link->lent_len > 0) {
		bool is_direct = !side->tx.head && side->credit > 0;
		size_t room = side->tx_limit > side->tx.len ? side->tx_limit - side->tx.len : 0;
		size_t len = is_direct ? side->credit : room;
		struct sim_chunk *chunk;

		if (len == 0)
			return;
		if (len > SIM_CHUNK_MAX)
			len = SIM_CHUNK_MAX;
		if (len > link->lent_len)
			len = link->lent_len;
		chunk = take_lent(link, len);
		if (!chunk)
			return;
		transport_of(link)->transport.counters.bytes_out += len;
		if (is_direct)
			send_chunk(conn, from, chunk);
		else
			chunks_append(&side->tx, chunk);
	}
	if (link->link.is_sending && !link->is_sent_due) {
		link->is_sent_due = true;
		link_post(link);
	}
}

void wire_pump(struct sim_conn *conn, uint32_t from)
{
	struct sim_side *side = &conn->sides[from];
	struct sim_link *link = side->link;

	if (!side->is_open)
		return;
	if (side->broken != LINK_END_NONE) {
		/* Sending finds out what a paused receiver was not told. */
		if (link && link->link.is_sending)
			link_post(link);
		return;
	}
	drain(conn, from);
	if (link && link->link.is_sending && !link->wants_pump && !link->is_closing)
		take(conn, from, link);
	if (side->fin_wanted && !side->fin_out && !side->tx.head && !(link && link->lent_len > 0)) {
		side->fin_out = true;
		tell(conn, from, SEGMENT_FIN, 0);
	}
}

void wire_read(struct sim_conn *conn, uint32_t at, size_t count)
{
	struct sim_side *side = &conn->sides[at];

	side->unannounced += count;
	/* A side without a user still flushes what it took; one that sent its FIN has no use for
	 * it. */
	if (side->unannounced * 2 < side->rx_limit || conn->sides[at ^ 1].fin_out)
		return;
	tell(conn, at, SEGMENT_CREDIT, side->unannounced);
	side->unannounced = 0;
}

/* --- Opening and closing */

/* When a SYN gets through: each try is lost or not, the next one comes after 1, 2, 4 ... s. */
static int64_t syn_delay(struct sim_conn *conn)
{
	int64_t delay_ns = 0;

	if (conn->path.loss <= 0)
		return 0;
	for (conn->syn_tries = 0; conn->syn_tries < SIM_SYN_TRIES; conn->syn_tries++) {
		if (rng_unit(&conn->sim->path_rng) >= conn->path.loss)
			return delay_ns;
		delay_ns += NS_PER_SEC << conn->syn_tries;
	}
	return -1;
}

static int64_t syn_time_out(void)
{
	return NS_PER_SEC * ((1 << SIM_SYN_TRIES) - 1);
}

static void apply_rules(struct sim_conn *conn)
{
	const struct sim_rule *r = rule_find(conn->sim, SIM_PATH, &conn->from, &conn->to);

	conn->path = r ? r->path : conn->sim->options.path;
	r = rule_find(conn->sim, SIM_CUT, &conn->from, &conn->to);
	if (!r)
		return;
	conn->has_cut = true;
	conn->cut = r->cut;
	conn->cut_direction = r->direction;
	conn->cut_left = r->after_bytes;
	conn->cut_after_ns = r->after_ns;
}

struct sim_conn *wire_connect(struct sim *s, struct sim_link *link, const struct endpoint *from,
			      const struct endpoint *to, enum link_end *ret_end)
{
	struct sim_conn *conn = slab_alloc(&s->conns);
	const struct sim_rule *failure;
	int64_t delay_ns;

	if (!conn) {
		*ret_end = LINK_END_NO_MEMORY;
		return NULL;
	}
	*conn = (struct sim_conn){.sim = s, .from = *from, .to = *to};
	conn->sides[SIM_CLIENT].link = link;
	conn->sides[SIM_CLIENT].worker = transport_of(link)->number;
	conn->sides[SIM_SERVER].is_dead = true; /* until the SYN got there */
	failure = rule_find(s, SIM_FAIL, from, to);
	if (!failure && to->family != ENDPOINT_UNIX && !ports_take(s, conn)) {
		slab_free(&s->conns, conn);
		*ret_end = LINK_END_NO_PORTS;
		return NULL;
	}
	apply_rules(conn);
	if (failure) {
		push(conn, SIM_CLIENT, SEGMENT_FAILED, s->now_ns + failure->after_ns,
		     (uint64_t)failure->end, NULL);
		return conn;
	}
	delay_ns = syn_delay(conn);
	if (delay_ns < 0)
		push(conn, SIM_CLIENT, SEGMENT_FAILED, s->now_ns + syn_time_out(),
		     LINK_END_TIMED_OUT, NULL);
	else
		push(conn, SIM_SERVER, SEGMENT_SYN, s->now_ns + delay_ns + conn->path.delay_ns, 0,
		     NULL);
	return conn;
}

void wire_close(struct sim_conn *conn, uint32_t at, bool is_abort)
{
	struct sim *s = conn->sim;
	struct sim_side *side = &conn->sides[at];
	bool has_unread = side->rx.len > 0;

	side->link = NULL;
	side->is_dead = true;
	chunks_clear(s, &side->rx);
	if (!side->is_open) {
		conn->is_cancelled = true;
	} else if (side->broken != LINK_END_NONE) {
		chunks_clear(s, &side->tx);
	} else if (has_unread || (is_abort && conn->to.family != ENDPOINT_UNIX)) {
		chunks_clear(s, &side->tx);
		side->fin_out = true;
		tell(conn, at, SEGMENT_RST, 0);
	} else {
		side->fin_wanted = true;
		wire_pump(conn, at);
	}
	free_if_over(conn);
}

/* --- Arriving */

static void on_syn(struct sim_conn *conn)
{
	struct sim *s = conn->sim;
	struct sim_side *client = &conn->sides[SIM_CLIENT], *server = &conn->sides[SIM_SERVER];
	struct sim_listener *l = listener_find(s, &conn->from, &conn->to);

	if (conn->is_cancelled)
		return;
	if (!l) {
		transmit(conn, SIM_SERVER, SEGMENT_FAILED, LINK_END_REFUSED, NULL);
		return;
	}
	if (l->waiting_count >= l->backlog) {
		/* A full backlog drops the SYN; the client repeats it. */
		if (++conn->syn_tries < SIM_SYN_TRIES)
			push(conn, SIM_SERVER, SEGMENT_SYN,
			     s->now_ns + (NS_PER_SEC << (conn->syn_tries - 1)), 0, NULL);
		else
			push(conn, SIM_CLIENT, SEGMENT_FAILED,
			     s->now_ns + (NS_PER_SEC << (SIM_SYN_TRIES - 1)), LINK_END_TIMED_OUT,
			     NULL);
		return;
	}
	listener_take(l, conn);
	server->is_dead = false;
	server->worker = ((struct sim_transport *)l->listener.transport)->number;
	server->rx_limit = (size_t)l->receive_buffer;
	server->tx_limit = (size_t)s->options.send_buffer;
	server->credit = client->rx_limit;
	client->credit = server->rx_limit;
	transmit(conn, SIM_SERVER, SEGMENT_SYN_ACK, 0, NULL);
}

static void on_syn_ack(struct sim_conn *conn)
{
	struct sim_side *client = &conn->sides[SIM_CLIENT];

	if (conn->is_cancelled) {
		transmit(conn, SIM_CLIENT, SEGMENT_RST, 0, NULL);
		return;
	}
	client->is_open = true;
	client->link->is_opened_due = true;
	link_post(client->link);
	transmit(conn, SIM_CLIENT, SEGMENT_ACK, 0, NULL);
	/* What was lent while connecting. */
	wire_pump(conn, SIM_CLIENT);
}

static void on_ack(struct sim_conn *conn)
{
	struct sim_side *server = &conn->sides[SIM_SERVER];

	server->is_open = true;
	if (!conn->listener->is_closed) {
		listener_queue(conn->listener, conn);
		return;
	}
	listener_forget(conn->listener, conn);
	wire_close(conn, SIM_SERVER, true);
}

static void on_failed(struct sim_conn *conn, enum link_end end)
{
	struct sim_link *link = conn->sides[SIM_CLIENT].link;

	if (!link)
		return;
	link->end = end;
	link_post(link);
}

static void on_data(struct sim_conn *conn, uint32_t at, struct sim_chunk *chunk)
{
	struct sim_side *side = &conn->sides[at];

	if (side->is_dead || side->broken != LINK_END_NONE) {
		chunk_free(conn->sim, chunk);
		if (side->is_dead && side->broken == LINK_END_NONE) {
			side->broken = LINK_END_RESET;
			chunks_clear(conn->sim, &side->tx);
			tell(conn, at, SEGMENT_RST, 0);
		}
		return;
	}
	chunks_append(&side->rx, chunk);
	if (side->link && side->link->is_receiving)
		link_post(side->link);
}

static void on_broken(struct sim_conn *conn, uint32_t at, enum link_end end)
{
	struct sim_side *side = &conn->sides[at];

	if (at == SIM_SERVER && !side->is_open) {
		/* The client gave up during the handshake. */
		side->is_dead = true;
		if (conn->listener)
			listener_forget(conn->listener, conn);
		return;
	}
	if (side->broken == LINK_END_NONE)
		side->broken = end;
	chunks_clear(conn->sim, &side->tx);
	if (side->link)
		link_post(side->link);
}

static void on_arrival(struct sim *s, const struct sim_entry *entry)
{
	struct sim_conn *conn = entry->target;
	uint32_t at = entry->side & 1;
	struct sim_side *side = &conn->sides[at];

	(void)s;
	switch ((enum segment)(entry->side >> 1)) {
	case SEGMENT_SYN:
		on_syn(conn);
		break;
	case SEGMENT_SYN_ACK:
		on_syn_ack(conn);
		break;
	case SEGMENT_ACK:
		on_ack(conn);
		break;
	case SEGMENT_FAILED:
		on_failed(conn, (enum link_end)entry->value);
		break;
	case SEGMENT_DATA:
		on_data(conn, at, entry->payload);
		break;
	case SEGMENT_CREDIT:
		side->credit += entry->value;
		wire_pump(conn, at);
		break;
	case SEGMENT_FIN:
		side->fin_in = true;
		if (side->link && side->link->is_receiving)
			link_post(side->link);
		break;
	case SEGMENT_RST:
		on_broken(conn, at, LINK_END_RESET);
		break;
	case SEGMENT_STALLED:
		on_broken(conn, at, LINK_END_TIMED_OUT);
		break;
	}
	conn->entries--;
	free_if_over(conn);
}
