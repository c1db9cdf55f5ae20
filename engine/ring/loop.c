/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * loop.c - one turn: submit, wait, hand out completions, fire timers
 *
 * One system call a turn. io_uring_enter() is called directly and not through liburing's waits,
 * because those may enter a second time with the whole timeout again, and because a turn has to
 * know what the kernel answered: nothing submitted for lack of memory (EAGAIN, EBUSY), a signal
 * (EINTR), the time-out (ETIME), lost completions (EBADR).
 *
 * A time-out for each wait is a kernel timer set and dropped for each, which was measured to cost
 * as much as the rest of the turn. Deadlines are mostly far away and mostly moved further before
 * they come, so one timer stands on the ring (the alarm) for the earliest that was seen; it is
 * let fire in vain now and then. Only a wait shorter than ALARM_MIN_NS has its own time-out.
 */
#include "ring/private.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"

/* Shows the kernel the requests made so far; returns how many it has not taken yet. */
static unsigned queue_show(struct io_uring *uring)
{
	struct io_uring_sq *sq = &uring->sq;
	unsigned tail = *sq->ktail;

	for (; sq->sqe_head != sq->sqe_tail; sq->sqe_head++, tail++)
		sq->array[tail & sq->ring_mask] = sq->sqe_head & sq->ring_mask;
	io_uring_smp_store_release(sq->ktail, tail);
	return tail - IO_URING_READ_ONCE(*sq->khead);
}

/*
 * io_uring_enter()'s extended argument as kernels from 6.12 read it: liburing 2.3 has no name for
 * the field, which was padding before.
 */
struct wait_argument {
	uint64_t sigmask;
	uint32_t sigmask_size;
	uint32_t min_wait_us; /* until then wait_count completions are waited for, then one */
	uint64_t timeout;
};
_Static_assert(sizeof(struct wait_argument) == sizeof(struct io_uring_getevents_arg),
	       "the kernel's layout");

int ring_enter(struct ring *r, unsigned wait_count, int64_t timeout_ns)
{
	/* A wait that follows a refusal submits nothing: the refusal would end it at once. */
	unsigned submit_count = r->wants_backoff && wait_count ? 0 : queue_show(&r->uring);
	unsigned flags = IORING_ENTER_GETEVENTS;

	if (r->has_registered_fd)
		flags |= IORING_ENTER_REGISTERED_RING;
	if (!wait_count || (timeout_ns == TIME_NEVER && wait_count == 1))
		return io_uring_enter2((unsigned)r->uring.enter_ring_fd, submit_count, wait_count,
				       flags, NULL, _NSIG / 8);

	struct __kernel_timespec timeout = {
		.tv_sec = timeout_ns / NS_PER_SEC,
		.tv_nsec = timeout_ns % NS_PER_SEC,
	};
	struct wait_argument arg = {
		.sigmask_size = _NSIG / 8,
		.min_wait_us = wait_count > 1 ? (uint32_t)(r->batch_ns / NS_PER_US) : 0,
		.timeout = timeout_ns == TIME_NEVER ? 0 : (uintptr_t)&timeout,
	};
	return io_uring_enter2((unsigned)r->uring.enter_ring_fd, submit_count, wait_count,
			       flags | IORING_ENTER_EXT_ARG, (sigset_t *)(void *)&arg, sizeof arg);
}

/* What enter() answered: 0 when the ring goes on, else the errno that makes it unusable. */
static int enter_result(struct ring *r, int result)
{
	switch (-result) {
	case ETIME:
		return 0;
	case EAGAIN:
	case EBUSY:
		r->base.counters.submit_retries++;
		r->wants_backoff = true;
		return 0;
	case EINTR:
		/* A signal ended the wait; only requests that were not taken make it a retry. */
		if (io_uring_sq_ready(&r->uring))
			r->base.counters.submit_retries++;
		return 0;
	default:
		return result < 0 ? -result : 0;
	}
}

bool ring_has_room(struct ring *r, unsigned count)
{
	if (io_uring_sq_space_left(&r->uring) >= count)
		return true;
	/* An error that ends the ring comes back when the turn itself enters. */
	(void)enter_result(r, r->enter(r, 0, 0));
	return io_uring_sq_space_left(&r->uring) >= count;
}

void ring_wake(struct transport *t)
{
	const int saved_errno = errno; /* a signal handler may be calling */
	const uint64_t one = 1;

	while (write(ring_of(t)->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
		;
	errno = saved_errno;
}

static void wake_post(struct ring *r)
{
	if (r->is_wake_posted || !ring_has_room(r, 1))
		return;

	struct io_uring_sqe *sqe = ring_sqe(r);
	io_uring_prep_read(sqe, r->wake_fd, &r->wake_count, sizeof r->wake_count, 0);
	sqe->user_data = user_data(OP_WAKE, 0, 0);
	r->is_wake_posted = true;
}

/* Makes the requests of all that was marked before this turn. */
static void advance(struct ring *r)
{
	wake_post(r);
	if (r->has_hungry_listeners)
		listeners_advance(r);
	if (r->starved.count)
		starved_advance(r);
	for (unsigned left = r->dirty.count; left; left--) {
		struct ring_link *l = r->dirty.head;

		if (!ring_has_room(r, ADVANCE_ROOM))
			return;
		r->dirty.head = l->next_dirty;
		if (!r->dirty.head)
			r->dirty.end = &r->dirty.head;
		r->dirty.count--;
		l->is_dirty = false;
		link_advance(r, l);
	}
}

static void dispatch(struct ring *r, const struct io_uring_cqe *cqe)
{
	const enum operation op = (enum operation)(cqe->user_data >> 56);
	const uint32_t generation = (uint32_t)(cqe->user_data >> 32) & GENERATION_MASK;
	const uint32_t index = (uint32_t)cqe->user_data;

	if (op > OP_IGNORED && op <= OP_LINK_LAST) {
		struct ring_link *l = &r->links[index];

		if (l->generation == generation && l->state != LINK_IS_FREE) {
			link_completion(r, l, op, cqe);
			return;
		}
		r->base.counters.stale_completions++;
		if (cqe->flags & IORING_CQE_F_BUFFER)
			buffer_return(&r->buffers, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
		return;
	}
	if (op == OP_WAKE)
		r->is_wake_posted = false;
	else if (op == OP_ALARM)
		r->alarm_ns = TIME_NEVER;
	else if (op != OP_IGNORED)
		listener_completion(r, op, generation, index, cqe);
}

static void drain(struct ring *r)
{
	struct io_uring_cq *cq = &r->uring.cq;
	const unsigned head = *cq->khead;
	unsigned count = io_uring_smp_load_acquire(cq->ktail) - head;

	if (count > TURN_COMPLETIONS)
		count = TURN_COMPLETIONS;
	for (unsigned i = 0; i < count; i++) {
		if (i && i % STAMP_COMPLETIONS == 0) {
			buffers_show(&r->buffers);
			r->now_ns = clock_now(r->base.clock);
		}
		dispatch(r, &cq->cqes[(head + i) & cq->ring_mask]);
	}
	buffers_show(&r->buffers);
	io_uring_cq_advance(&r->uring, count);
	r->base.counters.completions += count;
}

/* A timer on the ring at due_ns or before it; false when there is no room to set it. */
static bool alarm_by(struct ring *r, int64_t due_ns)
{
	if (r->alarm_ns <= due_ns)
		return true;
	if (!ring_has_room(r, 1))
		return false;

	const int64_t after_ns = due_ns - r->now_ns;
	struct io_uring_sqe *sqe = ring_sqe(r);
	r->alarm_after = (struct __kernel_timespec){.tv_sec = after_ns / NS_PER_SEC,
						    .tv_nsec = after_ns % NS_PER_SEC};
	if (r->alarm_ns == TIME_NEVER) {
		io_uring_prep_timeout(sqe, &r->alarm_after, 0, 0);
		sqe->user_data = user_data(OP_ALARM, 0, 0);
	} else {
		/* Should it fire at this moment, its own completion says so. */
		io_uring_prep_timeout_update(sqe, &r->alarm_after, user_data(OP_ALARM, 0, 0), 0);
		sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
		sqe->user_data = user_data(OP_IGNORED, 0, 0);
	}
	r->alarm_ns = due_ns;
	return true;
}

/* How long this turn may wait: 0 for not at all, TIME_NEVER for ever. */
static int64_t patience(struct ring *r, int64_t until_ns)
{
	if (r->event_count || r->starved.count || r->has_hungry_listeners ||
	    io_uring_cq_ready(&r->uring) || io_uring_cq_has_overflow(&r->uring))
		return 0;

	int64_t due_ns = wheel_next_ns(&r->base.wheel);
	if (until_ns < due_ns)
		due_ns = until_ns;
	int64_t wait_ns = due_ns == TIME_NEVER ? TIME_NEVER : due_ns - r->now_ns;
	if (wait_ns < 0)
		wait_ns = 0;
	if (r->wants_backoff)
		return wait_ns < SUBMIT_RETRY_NS ? wait_ns : SUBMIT_RETRY_NS;
	if (r->dirty.count)
		return 0;
	return wait_ns >= ALARM_MIN_NS && alarm_by(r, due_ns) ? TIME_NEVER : wait_ns;
}

/*
 * How many completions to wait for, where batches are wanted: as many as come within the batch's
 * time at the present rate, beyond those of the sends just submitted, which complete while they
 * are submitted where the socket has room. When the batch's time is over the kernel gives up the
 * number, not the wait, so nothing is held up for longer.
 */
_Static_assert(2 * RING_BATCH_MAX_NS <= ALARM_MIN_NS,
	       "a wait that ends with the standing timer is longer than a batch may hold it up");

static unsigned wait_for(struct ring *r, int64_t wait_ns)
{
	const unsigned sends = r->sends_submitted;
	unsigned expected;

	if (wait_ns == 0)
		return 0;
	if (r->batch_ns == 0 || wait_ns < 2 * r->batch_ns)
		return 1;
	expected = (unsigned)(r->flow * (float)r->batch_ns);
	if (expected < 1)
		expected = 1;
	return sends + (expected < BATCH_MAX ? expected : BATCH_MAX);
}

/* Keeps count of how many completions come in a nanosecond, its own sends' aside. */
static void measure_flow(struct ring *r, unsigned count)
{
	const unsigned others = count > r->sends_submitted ? count - r->sends_submitted : 0;
	const int64_t took_ns = r->now_ns - r->flow_ns;

	r->sends_submitted = 0;
	r->flow_ns = r->now_ns;
	if (took_ns > 0)
		r->flow += ((float)others / (float)took_ns - r->flow) / FLOW_TURNS;
}

static int turn_failed(int error, struct err *e)
{
	if (error == EBADR)
		return err_set(e, EXIT_FAILED, error,
			       "the kernel ran out of memory and lost completions of io_uring: "
			       "run fewer sessions, or give this machine more memory");
	return err_set(e, EXIT_FAILED, error, "io_uring_enter failed: %s", strerror(error));
}

int ring_turn(struct transport *t, int64_t until_ns, struct err *e)
{
	struct ring *r = ring_of(t);
	struct transport_counters *counters = &t->counters;

	r->event_count = 0;
	r->now_ns = clock_now(t->clock);
	advance(r);

	const int64_t wait_ns = patience(r, until_ns);
	const int result = r->enter(r, wait_for(r, wait_ns), wait_ns);
	r->wants_backoff = false;
	const int error = enter_result(r, result);
	if (error)
		return turn_failed(error, e);

	const int64_t begin_ns = r->now_ns = clock_now(t->clock);
	counters->turns++;
	if (io_uring_cq_has_overflow(&r->uring))
		counters->cq_overflows++;
	measure_flow(r, io_uring_cq_ready(&r->uring));
	drain(r);
	if (!r->is_freeing)
		r->event_count += wheel_expire(&t->wheel, r->now_ns, TURN_TIMERS);

	const int64_t spent_ns = clock_now(t->clock) - begin_ns;
	if (spent_ns > 0 && (uint64_t)spent_ns > counters->turn_ns_max)
		counters->turn_ns_max = (uint64_t)spent_ns;
	return r->event_count;
}
