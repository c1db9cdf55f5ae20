/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * channel.c - a link, in clear or sealed
 *
 * In clear a channel is transparent: segments go to the link as they are lent, bytes come back as
 * they are borrowed, and nothing is copied. Sealed, plain text is turned into records in two
 * buffers: "flight" is lent to the link, "next" collects what comes meanwhile (more records, and
 * the alerts, tickets and key updates that reading can bring about). They change places when the
 * kernel has taken the flight.
 *
 * A handshake step is by far the most expensive thing that a thread does (a fraction of a
 * millisecond), so a turn runs only a few; ciphertext for the others is copied and waits.
 */
#include <stdlib.h>
#include "base/check.h"
#include "channel/channel.h"

#define SCRATCH_SIZE  ((size_t)16 << 10)
#define SPARE_MAX     64
#define RECORDS_LIMIT (CHANNEL_AHEAD_MAX + (32u << 10)) /* with the records' own overhead */
#define DETAIL_MAX    256
#define TLS_HANDSHAKE 0x16	       /* a record's content type: RFC 8446 s5.1 */
#define CLOSE_NS      (5 * NS_PER_SEC) /* how long a peer may take to receive the last record */

struct channel_tx {
	struct channel_tx *next_spare;
	struct buf flight, next;
	struct iovec plain[LINK_SEGMENTS_MAX];
	int plain_count, plain_idx;
};

static void on_link_event(struct link_user *self, struct link *link, const struct link_event *ev);

int channel_hub_init(struct channel_hub *h, struct transport *t, struct secure *s, struct err *e)
{
	*h = (struct channel_hub){.transport = t, .secure = s, .steps_left = CHANNEL_HANDSHAKE_MAX};
	h->waiting_end = &h->waiting;
	if (s == NULL)
		return 0;
	h->scratch = malloc(SCRATCH_SIZE);
	if (h->scratch == NULL)
		return err_set(e, EXIT_FAILED, 0, "no memory for TLS records");
	return 0;
}

void channel_hub_fini(struct channel_hub *h)
{
	while (h->spare != NULL) {
		struct channel_tx *tx = h->spare;

		h->spare = tx->next_spare;
		buf_fini(&tx->flight);
		buf_fini(&tx->next);
		free(tx);
	}
	free(h->scratch);
	h->scratch = NULL;
}

/* NULL when memory is exhausted. */
static struct channel_tx *tx_take(struct channel *c)
{
	struct channel_hub *h = c->hub;
	struct channel_tx *tx = c->tx;

	if (tx != NULL)
		return tx;
	tx = h->spare;
	if (tx != NULL) {
		h->spare = tx->next_spare;
		h->spare_count--;
	} else {
		tx = malloc(sizeof(*tx));
		if (tx == NULL)
			return NULL;
		buf_init(&tx->flight, RECORDS_LIMIT);
		buf_init(&tx->next, RECORDS_LIMIT);
	}
	buf_clear(&tx->flight);
	buf_clear(&tx->next);
	tx->plain_count = tx->plain_idx = 0;
	c->tx = tx;
	return tx;
}

static void tx_give_back(struct channel *c)
{
	struct channel_hub *h = c->hub;
	struct channel_tx *tx = c->tx;

	if (tx == NULL)
		return;
	c->tx = NULL;
	if (h->spare_count < SPARE_MAX) {
		tx->next_spare = h->spare;
		h->spare = tx;
		h->spare_count++;
		return;
	}
	buf_fini(&tx->flight);
	buf_fini(&tx->next);
	free(tx);
}

static void waiting_append(struct channel *c)
{
	struct channel_hub *h = c->hub;

	c->next_waiting = NULL;
	c->waiting_link = h->waiting_end;
	*h->waiting_end = c;
	h->waiting_end = &c->next_waiting;
}

static void waiting_remove(struct channel *c)
{
	if (c->waiting_link == NULL)
		return;
	*c->waiting_link = c->next_waiting;
	if (c->next_waiting != NULL)
		c->next_waiting->waiting_link = c->waiting_link;
	else
		c->hub->waiting_end = c->waiting_link;
	c->waiting_link = NULL;
}

/* Ends a channel that cannot go on for want of memory; CLOSED says so. */
static void starve(struct channel *c)
{
	c->is_starved = true;
	channel_abort(c);
}

/* Lends the link what has collected, unless a send is in flight already. */
static void flush_records(struct channel *c)
{
	struct channel_tx *tx = c->tx;
	struct buf swap;
	struct iovec segment;

	if (tx == NULL || c->link->is_sending)
		return;
	if (tx->next.len == 0) {
		if (!c->is_sending)
			tx_give_back(c);
		return;
	}
	buf_clear(&tx->flight);
	swap = tx->flight;
	tx->flight = tx->next;
	tx->next = swap;
	segment = (struct iovec){tx->flight.data, tx->flight.len};
	link_send(c->link, &segment, 1);
}

/* Moves on by what was sealed, and past segments that are empty. */
static void plain_skip(struct channel_tx *tx, size_t count)
{
	while (tx->plain_idx < tx->plain_count) {
		struct iovec *v = &tx->plain[tx->plain_idx];

		if (count < v->iov_len) {
			v->iov_base = (char *)v->iov_base + count;
			v->iov_len -= count;
			return;
		}
		count -= v->iov_len;
		tx->plain_idx++;
	}
}

/* Turns the plain text under way into records, as far as the bound allows. */
static bool seal_more(struct channel *c)
{
	struct channel_tx *tx = c->tx;

	while (tx->plain_idx < tx->plain_count && tx->next.len < CHANNEL_AHEAD_MAX) {
		size_t done = secure_seal(c->sealed, &tx->plain[tx->plain_idx],
					  tx->plain_count - tx->plain_idx,
					  CHANNEL_AHEAD_MAX - tx->next.len, &tx->next);

		if (done == 0)
			return false;
		plain_skip(tx, done);
	}
	return true;
}

/* TLS failed, or the peer closed it: what is left to say goes out, then the link ends. */
static void end_sealed(struct channel *c)
{
	c->is_closing = true;
	flush_records(c);
	if (!c->link->is_sending) {
		link_close(c->link);
		return;
	}
	c->is_last_send = true;
	link_deadline(c->link, clock_now(c->hub->transport->clock) + CLOSE_NS);
}

static void emit(struct channel *c, struct channel_event *ev)
{
	c->user->on_event(c->user, c, ev);
}

static void pump(struct channel *c, struct span in, int64_t at_ns)
{
	struct channel_event ev = {.at_ns = at_ns};
	struct channel_tx *tx;

	secure_feed(c->sealed, in);
	for (;;) {
		enum secure_step step;
		size_t len = 0;

		tx = tx_take(c);
		if (tx == NULL) {
			starve(c);
			return;
		}
		step = secure_read(c->sealed, c->hub->scratch, SCRATCH_SIZE, &len, &tx->next);
		if (step == SECURE_MORE)
			break;
		if (step == SECURE_CLOSED) {
			/* RFC 8446 s6.1: each side says so before it closes its own. */
			c->is_peer_done = true;
			secure_shut(c->sealed, &tx->next);
		}
		if (step == SECURE_CLOSED || step == SECURE_FAILED) {
			end_sealed(c);
			return;
		}
		if (step == SECURE_OPEN) {
			c->is_sealed = true;
			ev.kind = CHANNEL_SEALED;
			ev.at_ns = clock_now(c->hub->transport->clock);
			flush_records(c);
		} else {
			ev.kind = CHANNEL_BYTES;
			ev.bytes = (struct span){c->hub->scratch, len};
		}
		emit(c, &ev);
		if (c->is_closing)
			return;
	}
	flush_records(c);
}

static void on_sealed_bytes(struct channel *c, struct span in, int64_t at_ns)
{
	if (c->is_sealed) {
		pump(c, in, at_ns);
		return;
	}
	if (c->waiting_link != NULL || c->hub->steps_left <= 0) {
		if (!buf_append(&c->held, in.data, in.len)) {
			starve(c);
			return;
		}
		if (c->waiting_link == NULL) {
			c->hub->handshakes_put_off++;
			waiting_append(c);
		}
		return;
	}
	c->hub->steps_left--;
	pump(c, in, at_ns);
}

bool channel_hub_turn(struct channel_hub *h, int64_t now_ns)
{
	h->steps_left = CHANNEL_HANDSHAKE_MAX;
	while (h->waiting != NULL && h->steps_left > 0) {
		struct channel *c = h->waiting;
		struct buf held = c->held;

		waiting_remove(c);
		buf_init(&c->held, CHANNEL_HELD_MAX);
		h->steps_left--;
		if (!c->is_closing)
			pump(c, buf_span(&held), now_ns);
		buf_fini(&held);
	}
	return h->waiting != NULL;
}

static void on_sent(struct channel *c, int64_t at_ns)
{
	struct channel_tx *tx = c->tx;

	if (c->is_last_send) {
		flush_records(c);
		if (!c->link->is_sending) {
			c->is_last_send = false;
			link_close(c->link);
		}
		return;
	}
	if (c->is_closing)
		return;
	if (tx != NULL) {
		if (tx->plain_idx < tx->plain_count && !seal_more(c)) {
			starve(c);
			return;
		}
		/* As long as plain text is left, there are records of it. */
		if (tx->next.len > 0) {
			flush_records(c);
			return;
		}
		tx_give_back(c);
	}
	if (c->is_sending) {
		c->is_sending = false;
		emit(c, &(struct channel_event){.kind = CHANNEL_SENT, .at_ns = at_ns});
	}
}

/*
 * The peer closed while its last words waited for a handshake step. An alert or clear text says
 * why, and costs next to nothing to read; what begins with a handshake message is let go.
 */
static void read_last_words(struct channel *c)
{
	struct channel_tx *tx;
	size_t len;

	if (c->waiting_link == NULL || c->held.len == 0 || c->held.data[0] == TLS_HANDSHAKE)
		return;
	tx = tx_take(c);
	if (tx == NULL)
		return;
	secure_feed(c->sealed, buf_span(&c->held));
	while (secure_read(c->sealed, c->hub->scratch, SCRATCH_SIZE, &len, &tx->next) ==
	       SECURE_DATA)
		;
}

static void on_closed(struct channel *c, const struct link_event *link_ev)
{
	char detail[DETAIL_MAX] = "";
	struct channel_event ev = {
		.kind = CHANNEL_CLOSED,
		.at_ns = link_ev->at_ns,
		.end = link_ev->end,
		.os_error = link_ev->os_error,
		.detail = detail,
	};

	if (ev.end == LINK_END_EOF)
		read_last_words(c);
	waiting_remove(c);
	if (c->sealed != NULL) {
		ev.failure = secure_failure_of(c->sealed, detail, sizeof(detail));
		secure_release(c->sealed);
		c->sealed = NULL;
	}
	buf_fini(&c->held);
	tx_give_back(c);
	if (ev.failure != SECURE_OK)
		ev.end = LINK_END_LOCAL;
	else if (c->is_starved)
		ev.failure = SECURE_NO_MEMORY;
	else if (c->is_peer_done)
		ev.end = LINK_END_EOF;
	c->link = NULL;
	c->is_open = c->is_sealed = c->is_sending = false;
	emit(c, &ev);
}

static void on_link_event(struct link_user *self, struct link *link, const struct link_event *ev)
{
	struct channel *c = (struct channel *)self;

	(void)link;
	switch (ev->kind) {
	case LINK_BYTES:
		if (c->is_closing)
			return;
		if (c->sealed != NULL) {
			on_sealed_bytes(c, (struct span){ev->data, ev->len}, ev->at_ns);
			return;
		}
		emit(c, &(struct channel_event){
				.kind = CHANNEL_BYTES,
				.at_ns = ev->at_ns,
				.bytes = {ev->data, ev->len},
			});
		return;
	case LINK_SENT:
		on_sent(c, ev->at_ns);
		return;
	case LINK_OPENED:
		c->is_open = true;
		if (!c->is_closing)
			emit(c,
			     &(struct channel_event){.kind = CHANNEL_OPENED, .at_ns = ev->at_ns});
		return;
	case LINK_LATE:
		if (c->is_closing)
			link_abort(c->link);
		else
			emit(c, &(struct channel_event){.kind = CHANNEL_LATE, .at_ns = ev->at_ns});
		return;
	case LINK_CLOSED:
		on_closed(c, ev);
		return;
	}
}

static void channel_begin(struct channel *c, struct channel_hub *h, struct channel_user *user)
{
	*c = (struct channel){.link_user.on_event = on_link_event, .hub = h, .user = user};
	buf_init(&c->held, CHANNEL_HELD_MAX);
}

bool channel_connect(struct channel *c, struct channel_hub *h, const struct endpoint *to,
		     const struct link_options *options, struct channel_user *user)
{
	channel_begin(c, h, user);
	c->link = link_connect(h->transport, to, options, &c->link_user);
	return c->link != NULL;
}

void channel_accept(struct channel *c, struct channel_hub *h, struct link *link,
		    struct channel_user *user)
{
	channel_begin(c, h, user);
	c->link = link;
	c->is_open = true;
	link->user = &c->link_user;
}

bool channel_start_tls(struct channel *c, const struct secure_request *request,
		       struct span leftover, int64_t now_ns)
{
	struct channel_tx *tx;

	CHECK(c->sealed == NULL && !c->is_sending && !c->is_closing);
	tx = tx_take(c);
	if (tx != NULL && c->hub->secure != NULL)
		c->sealed = secure_open(c->hub->secure, request, &tx->next, NULL);
	if (c->sealed == NULL) {
		starve(c);
		return false;
	}
	flush_records(c);
	if (leftover.len > 0)
		on_sealed_bytes(c, leftover, now_ns);
	return true;
}

void channel_send(struct channel *c, const struct iovec *segments, int count)
{
	struct channel_tx *tx;

	CHECK(!c->is_sending && count > 0 && count <= LINK_SEGMENTS_MAX);
	if (c->is_closing || c->link == NULL)
		return;
	c->is_sending = true;
	if (c->sealed == NULL) {
		link_send(c->link, segments, count);
		return;
	}
	CHECK(c->is_sealed);
	tx = tx_take(c);
	if (tx == NULL) {
		starve(c);
		return;
	}
	memcpy(tx->plain, segments, (size_t)count * sizeof(*segments));
	tx->plain_count = count;
	tx->plain_idx = 0;
	plain_skip(tx, 0);
	if (!seal_more(c)) {
		starve(c);
		return;
	}
	flush_records(c);
}

void channel_receive(struct channel *c, bool on)
{
	if (c->link != NULL && !c->is_closing)
		link_receive(c->link, on);
}

void channel_deadline(struct channel *c, int64_t at_ns)
{
	if (c->link != NULL)
		link_deadline(c->link, at_ns);
}

void channel_close(struct channel *c)
{
	struct channel_tx *tx;

	if (c->is_closing || c->link == NULL)
		return;
	if (c->is_sealed && !c->link->is_sending) {
		tx = tx_take(c);
		if (tx != NULL) {
			secure_shut(c->sealed, &tx->next);
			end_sealed(c);
			return;
		}
	}
	c->is_closing = true;
	link_close(c->link);
}

void channel_abort(struct channel *c)
{
	if (c->link == NULL)
		return;
	/* Also ends a close that waits for its last send. */
	c->is_closing = true;
	c->is_last_send = false;
	link_abort(c->link);
}

void channel_shut(struct channel *c)
{
	if (!c->is_closing && c->link != NULL)
		link_shut(c->link);
}

void channel_swap(struct channel *a, struct channel *b)
{
	struct channel_user *user_a = a->user, *user_b = b->user;
	struct channel swap = *a;

	CHECK(a->tx == NULL && b->tx == NULL && !a->is_sending && !b->is_sending);
	*a = *b;
	*b = swap;
	a->user = user_a;
	b->user = user_b;
	if (a->link != NULL)
		a->link->user = &a->link_user;
	if (b->link != NULL)
		b->link->user = &b->link_user;
}

void channel_facts(struct channel *c, struct secure_facts *ret_facts)
{
	secure_facts_of(c->sealed, ret_facts);
}
