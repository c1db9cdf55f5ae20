/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * link.c - the life of a connection
 *
 * NEW -> OPENING -> OPEN -> CLOSING -> free. link_advance() makes the requests that a link's
 * state asks for; link_completion() notes what a completion says and tells the user.
 *
 * Closing: what is in flight is cancelled by user_data and the descriptor is closed in the same
 * submission; the socket itself lives until its last request has ended, and CLOSED is told after
 * the last completion. A cancel completes silently when it found its target, so that only one
 * that came too early or too late is heard of. The common end of a session, EOF after QUIT, has
 * nothing in flight and costs one request.
 *
 * EOF with a send in flight: a peer may shut its side and still read, so the send is left to end
 * first. After a failed send, what the peer said before it went stands in the socket still and is
 * read out before the link is closed.
 *
 * A multishot receive tells of bytes and may then miss the end that comes right behind them: seen
 * on 6.18 for a reset of TCP (a third of them when it waits for a poll first, so it does not; else
 * 1 in 4,000 of those that raced), never for a FIN; for Unix sockets see liburing issue 1549. Unix
 * sockets therefore get one receive at a time; and before a TCP link is called late, or is closed
 * for a failed send, one look is taken by receives that do not wait.
 */
#include "ring/private.h"
#include <errno.h>
#include <string.h>
#include "base/check.h"

#define SEND_LEN_MAX (1u << 30) /* one request; the rest is continued */

_Static_assert(sizeof(struct ring_link) == 128, "a link is two cache lines");

static uint32_t link_index(const struct ring *r, const struct ring_link *l)
{
	return (uint32_t)(l - r->links);
}

static void queue_push(struct link_queue *q, struct ring_link *l, struct ring_link **next)
{
	*next = NULL;
	*q->end = l;
	q->end = next;
	q->count++;
}

void link_mark(struct ring *r, struct ring_link *l)
{
	if (l->is_dirty)
		return;
	l->is_dirty = true;
	queue_push(&r->dirty, l, &l->next_dirty);
}

static void starve(struct ring *r, struct ring_link *l)
{
	r->base.counters.no_buffers++;
	if (l->is_starved)
		return;
	l->is_starved = true;
	queue_push(&r->starved, l, &l->next_starved);
}

/*
 * Links whose receive ended for want of a buffer are armed again as many at a time as there are
 * buffers; all at once would fail again but for the first few, and again.
 */
void starved_advance(struct ring *r)
{
	unsigned left = r->buffers.count;

	while (left && r->starved.head) {
		struct ring_link *l = r->starved.head;

		r->starved.head = l->next_starved;
		if (!r->starved.head)
			r->starved.end = &r->starved.head;
		r->starved.count--;
		l->is_starved = false;
		link_mark(r, l);
		left--;
	}
}

static void tell(struct ring *r, struct ring_link *l, struct link_event *event)
{
	if (r->is_freeing)
		return;
	event->at_ns = r->now_ns;
	r->event_count++;
	l->base.user->on_event(l->base.user, &l->base, event);
}

static void on_deadline(struct timer *timer, int64_t now_ns)
{
	struct ring_link *l =
		(struct ring_link *)((char *)timer - offsetof(struct ring_link, base.deadline));
	struct ring *r = link_ring(l);

	if (l->state == LINK_IS_CLOSING || l->state == LINK_IS_FREE || r->is_freeing)
		return;
	if (l->state == LINK_IS_OPEN && l->may_hide_end && l->wants_receive && !l->has_looked) {
		l->has_looked = l->wants_look = true;
		wheel_set(&r->base.wheel, timer, now_ns + LOOK_NS);
		link_mark(r, l);
		return;
	}
	l->has_looked = false;
	/* wheel_expire() counts it, so it is not told through tell(). */
	l->base.user->on_event(l->base.user, &l->base,
			       &(struct link_event){.kind = LINK_LATE, .at_ns = now_ns});
}

/* A link in state NEW, or NULL when link_max are in use. */
struct ring_link *link_take(struct ring *r)
{
	struct ring_link *l = r->free_links;

	if (r->link_open == r->base.link_max)
		return NULL;
	if (l)
		r->free_links = l->next_dirty;
	else
		l = &r->links[r->link_fresh++];

	*l = (struct ring_link){
		.base = {.transport = &r->base, .deadline = {.fire = on_deadline}},
		.generation = l->generation,
		.file = NO_FILE,
		.state = LINK_IS_NEW,
		.wants_receive = true,
	};
	if (++r->link_open > r->base.counters.links_peak)
		r->base.counters.links_peak = r->link_open;
	return l;
}

static void release_opening(struct ring *r, struct ring_link *l)
{
	if (l->opening)
		slab_free(&r->openings, l->opening);
	l->opening = NULL;
}

static void release_vector(struct ring *r, struct ring_link *l)
{
	if (l->vector)
		slab_free(&r->vectors, l->vector);
	l->vector = NULL;
}

/* Nothing is in flight and the descriptor is closed: the end, unless the link stands on a list. */
static void link_finish(struct ring *r, struct ring_link *l)
{
	if (l->is_dirty || l->is_starved)
		return; /* link_advance() comes by */
	release_opening(r, l);
	release_vector(r, l);
	/* It does not count any more, so that the handler can open its successor. */
	r->link_open--;
	if (l->base.user)
		tell(r, l,
		     &(struct link_event){.kind = LINK_CLOSED,
					  .end = (enum link_end)l->end,
					  .os_error = l->os_error});
	wheel_drop(&r->base.wheel, &l->base.deadline);
	l->state = LINK_IS_FREE;
	l->generation = (l->generation + 1) & GENERATION_MASK;
	l->next_dirty = r->free_links;
	r->free_links = l;
	listeners_wake(r);
}

/* Starts to close; the first cause stays. */
void link_wind_down(struct ring *r, struct ring_link *l, enum link_end end, int os_error)
{
	if (l->state == LINK_IS_CLOSING)
		return;
	if (l->end == LINK_END_NONE) {
		l->end = (uint8_t)end;
		l->os_error = os_error;
	}
	l->state = LINK_IS_CLOSING;
	wheel_drop(&r->base.wheel, &l->base.deadline);
	link_mark(r, l);
}

/* Requests. Room for ADVANCE_ROOM of them was made. */

static void tag(const struct ring *r, const struct ring_link *l, struct io_uring_sqe *sqe,
		enum operation op)
{
	sqe->user_data = user_data(op, l->generation, link_index(r, l));
}

static void cancel(struct ring *r, struct ring_link *l, enum pending which, enum operation target,
		   enum operation op)
{
	if (!(l->pending & which) || (l->cancelled & which))
		return;

	struct io_uring_sqe *sqe = ring_sqe(r);
	io_uring_prep_cancel64(sqe, user_data(target, l->generation, link_index(r, l)), 0);
	sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
	tag(r, l, sqe, op);
	l->cancelled |= which;
}

static void submit_receive(struct ring *r, struct ring_link *l)
{
	struct io_uring_sqe *sqe = ring_sqe(r);

	io_uring_prep_recv(sqe, (int)l->file, NULL, 0, l->wants_look ? MSG_DONTWAIT : 0);
	sqe->flags = r->file_flag | IOSQE_BUFFER_SELECT;
	sqe->buf_group = BUFFER_GROUP;
	if (!l->wants_look)
		sqe->ioprio = l->is_local ? IORING_RECVSEND_POLL_FIRST : IORING_RECV_MULTISHOT;
	tag(r, l, sqe, OP_RECEIVE);
	l->pending |= PENDING_RECEIVE;
	l->may_hide_end = false;
}

static void send_done(struct ring *r, struct ring_link *l)
{
	release_vector(r, l);
	l->base.is_sending = false;
	tell(r, l, &(struct link_event){.kind = LINK_SENT});
	if (l->end == LINK_END_EOF && !l->base.is_sending)
		link_wind_down(r, l, LINK_END_EOF, 0);
}

static void submit_send(struct ring *r, struct ring_link *l)
{
	const unsigned flags = MSG_WAITALL | MSG_NOSIGNAL;
	struct io_uring_sqe *sqe;

	l->has_send = false;
	if (!l->send_len) {
		send_done(r, l);
		return;
	}
	r->sends_submitted++;
	sqe = ring_sqe(r);
	if (l->vector)
		io_uring_prep_sendmsg(sqe, (int)l->file, &l->vector->message, flags);
	else
		io_uring_prep_send(sqe, (int)l->file, l->send_data,
				   l->send_len < SEND_LEN_MAX ? l->send_len : SEND_LEN_MAX,
				   (int)flags);
	sqe->flags = r->file_flag;
	tag(r, l, sqe, OP_SEND);
	l->pending |= PENDING_SEND;
}

static void submit_close(struct ring *r, struct ring_link *l)
{
	static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	struct io_uring_sqe *sqe;

	if (l->wants_reset && r->is_direct) {
		sqe = ring_sqe(r);
		sqe_set_option(sqe, l->file, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		/* Hard: whatever becomes of the option, the descriptor is to be closed. */
		sqe->flags |= IOSQE_IO_HARDLINK | IOSQE_CQE_SKIP_SUCCESS;
		sqe->user_data = user_data(OP_IGNORED, 0, 0);
	} else if (l->wants_reset) {
		(void)setsockopt((int)l->file, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	}
	sqe = ring_sqe(r);
	sqe_close(r, sqe, l->file);
	tag(r, l, sqe, OP_CLOSE);
	l->pending |= PENDING_CLOSE;
}

static void open_advance(struct ring *r, struct ring_link *l)
{
	if (!l->wants_receive || l->wants_look)
		cancel(r, l, PENDING_RECEIVE, OP_RECEIVE, OP_CANCEL_RECEIVE);
	if (!(l->pending & PENDING_RECEIVE) && !l->is_starved && l->end != LINK_END_EOF) {
		if (l->wants_receive) {
			submit_receive(r, l);
		} else if (l->has_failed_send) {
			link_wind_down(r, l, LINK_END_RESET, 0);
			return;
		}
	}
	if (l->wants_shut && !l->is_shut && !l->has_send && !(l->pending & PENDING_SEND)) {
		struct io_uring_sqe *sqe = ring_sqe(r);

		io_uring_prep_shutdown(sqe, (int)l->file, SHUT_WR);
		sqe->flags = r->file_flag;
		tag(r, l, sqe, OP_SHUT);
		l->is_shut = true;
		l->pending |= PENDING_SHUT;
	}
	/* Last, as an empty send tells the user, who may close the link. */
	if (l->has_send && !(l->pending & PENDING_SEND) && !l->has_failed_send)
		submit_send(r, l);
}

static void closing_advance(struct ring *r, struct ring_link *l)
{
	cancel(r, l, PENDING_OPEN, OP_CONNECT, OP_CANCEL_CONNECT);
	cancel(r, l, PENDING_RECEIVE, OP_RECEIVE, OP_CANCEL_RECEIVE);
	cancel(r, l, PENDING_SEND, OP_SEND, OP_CANCEL_SEND);
	/* While the chain is under way, it is not known whether there is a socket. */
	if (l->file != NO_FILE && !(l->pending & (PENDING_OPEN | PENDING_CLOSE)))
		submit_close(r, l);
	if (!l->pending)
		link_finish(r, l);
}

void link_advance(struct ring *r, struct ring_link *l)
{
	switch ((enum link_state)l->state) {
	case LINK_IS_NEW:
		open_submit(r, l);
		break;
	case LINK_IS_OPEN:
		open_advance(r, l);
		break;
	case LINK_IS_CLOSING:
		closing_advance(r, l);
		break;
	case LINK_IS_OPENING:
	case LINK_IS_FREE:
		break;
	}
}

/* Completions. */

static void on_opened(struct ring *r, struct ring_link *l, enum operation op, int result)
{
	l->pending &= (uint8_t)~PENDING_OPEN;
	l->cancelled &= (uint8_t)~PENDING_OPEN;
	release_opening(r, l);
	if (op == OP_SOCKET && r->is_direct) {
		/* It failed, or it would have been silent: the slot is still empty. */
		file_give(r, l->file);
		l->file = NO_FILE;
	}
	if (l->state == LINK_IS_CLOSING)
		return;
	if (result < 0) {
		const enum link_end end = end_of_error(op, -result);

		if (end == LINK_END_NO_DESCRIPTORS)
			r->base.counters.no_descriptors++;
		link_wind_down(r, l, end, -result);
		return;
	}
	l->state = LINK_IS_OPEN;
	r->base.counters.links_opened++;
	link_mark(r, l);
	tell(r, l, &(struct link_event){.kind = LINK_OPENED});
}

static void on_receive_end(struct ring *r, struct ring_link *l, int result)
{
	if (l->state != LINK_IS_OPEN)
		return;
	switch (-result) {
	case 0:
		if (l->end == LINK_END_NONE)
			l->end = LINK_END_EOF;
		if (!l->base.is_sending || l->end != LINK_END_EOF)
			link_wind_down(r, l, LINK_END_EOF, 0);
		break;
	case ENOBUFS:
		starve(r, l);
		break;
	case ECANCELED: /* paused, and perhaps resumed since */
	case EINTR:
		link_mark(r, l);
		break;
	case EAGAIN: /* all was read out */
		l->wants_look = false;
		if (l->has_failed_send)
			link_wind_down(r, l, LINK_END_RESET, 0);
		else
			link_mark(r, l);
		break;
	default:
		link_wind_down(r, l, end_of_error(OP_RECEIVE, -result), -result);
		break;
	}
}

static void on_received(struct ring *r, struct ring_link *l, const struct io_uring_cqe *cqe)
{
	const bool is_last = !(cqe->flags & IORING_CQE_F_MORE);

	if (is_last) {
		l->pending &= (uint8_t)~PENDING_RECEIVE;
		l->cancelled &= (uint8_t)~PENDING_RECEIVE;
	}
	if (cqe->flags & IORING_CQE_F_BUFFER) {
		const unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;

		if (cqe->res > 0 && l->state == LINK_IS_OPEN) {
			r->base.counters.bytes_in += (uint64_t)cqe->res;
			l->may_hide_end = !is_last;
			tell(r, l,
			     &(struct link_event){.kind = LINK_BYTES,
						  .data = buffer_at(&r->buffers, id),
						  .len = (size_t)cqe->res});
		}
		buffer_return(&r->buffers, id);
	}
	if (cqe->res <= 0)
		on_receive_end(r, l, cqe->res);
	else if (is_last && l->state == LINK_IS_OPEN)
		link_mark(r, l);
}

/* Takes what was sent off the front; true when nothing is left. */
static bool send_consume(struct ring_link *l, size_t count)
{
	l->send_len -= count;
	if (!l->send_len)
		return true;
	if (!l->vector) {
		l->send_data += count;
		return false;
	}

	struct msghdr *message = &l->vector->message;
	while (count >= message->msg_iov->iov_len) {
		count -= message->msg_iov->iov_len;
		message->msg_iov++;
		message->msg_iovlen--;
	}
	message->msg_iov->iov_base = (char *)message->msg_iov->iov_base + count;
	message->msg_iov->iov_len -= count;
	return false;
}

static void on_send_failed(struct ring *r, struct ring_link *l, int os_error)
{
	const enum link_end end = end_of_error(OP_SEND, os_error);

	/* Only where the connection has ended is there something left to read out. */
	if (l->end == LINK_END_NONE && !l->is_shut &&
	    (end == LINK_END_RESET || end == LINK_END_TIMED_OUT || end == LINK_END_UNREACHABLE)) {
		l->has_failed_send = l->wants_look = true;
		l->end = (uint8_t)end;
		l->os_error = os_error;
		link_mark(r, l);
		return;
	}
	link_wind_down(r, l, end, os_error);
}

static void on_sent(struct ring *r, struct ring_link *l, int result)
{
	l->pending &= (uint8_t)~PENDING_SEND;
	l->cancelled &= (uint8_t)~PENDING_SEND;
	if (result > 0)
		r->base.counters.bytes_out += (uint64_t)result;
	if (l->state != LINK_IS_OPEN)
		return;
	if (result > 0) {
		if (send_consume(l, (size_t)result)) {
			send_done(r, l);
			if (l->wants_shut && l->state == LINK_IS_OPEN)
				link_mark(r, l);
			return;
		}
	} else if (result != -EINTR && result != -EAGAIN) {
		on_send_failed(r, l, result ? -result : EPIPE);
		return;
	}
	l->has_send = true;
	link_mark(r, l);
}

static void on_cancel_failed(struct ring *r, struct ring_link *l, enum pending which, int result)
{
	/*
	 * ENOENT with the target still in flight: it was on its way from one step of a chain to the
	 * next. EALREADY: it was found running, and was told to stop.
	 */
	if (!(l->pending & which) || result != -ENOENT)
		return;
	l->cancelled &= (uint8_t)~which;
	link_mark(r, l);
}

void link_completion(struct ring *r, struct ring_link *l, enum operation op,
		     const struct io_uring_cqe *cqe)
{
	switch (op) {
	case OP_RECEIVE:
		on_received(r, l, cqe);
		break;
	case OP_SEND:
		on_sent(r, l, cqe->res);
		break;
	case OP_SOCKET:
	case OP_OPTION:
	case OP_BIND:
	case OP_CONNECT:
		on_opened(r, l, op, cqe->res);
		break;
	case OP_SHUT:
		l->pending &= (uint8_t)~PENDING_SHUT;
		break;
	case OP_CLOSE:
		l->pending &= (uint8_t)~PENDING_CLOSE;
		file_give(r, l->file);
		l->file = NO_FILE;
		break;
	case OP_CANCEL_CONNECT:
		on_cancel_failed(r, l, PENDING_OPEN, cqe->res);
		break;
	case OP_CANCEL_RECEIVE:
		on_cancel_failed(r, l, PENDING_RECEIVE, cqe->res);
		break;
	case OP_CANCEL_SEND:
		on_cancel_failed(r, l, PENDING_SEND, cqe->res);
		break;
	default:
		break;
	}
	if (l->state != LINK_IS_CLOSING || l->pending)
		return;
	if (l->file == NO_FILE)
		link_finish(r, l);
	else
		link_mark(r, l);
}
