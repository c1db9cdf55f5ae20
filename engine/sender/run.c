/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run.c - a run from its plan to its document
 *
 * Two barriers: behind the first every worker stands or has failed, between the two the supply is
 * started, so that no worker's set-up (37 ms for a store of CAs) stands in the measured time.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "sender/host.h"
#include "sender/pacing.h"
#include "sender/run.h"
#include "sender/summary.h"
#include "sender/worker.h"
#include "sender/worker_log.h"
#include "smtp/sasl.h"
#include "stats/hlog.h"
#include "stats/series.h"

#define TICK_MS	      100
#define COLLECT_NS    (100 * NS_PER_MS) /* how long the control thread waits for a record */
#define POLL_NS	      (100 * NS_PER_US) /* before an arrival the ring is polled, not slept on */
#define POLL_EARLY_NS (60 * NS_PER_US)	/* the kernel wakes that late */

struct run;

struct run_worker {
	struct worker worker;
	struct run *run;
	pthread_t thread;
	struct transport *transport;
	struct secure *secure;
	int id, first, count;
	struct err err;
	bool has_failed, can_poll;
	int64_t polled_ns; /* spent looking for completions that were not there, measured part */
	int64_t cpu_ns;	   /* of the thread, measured part */
	int64_t wall_ns;   /* its length as this worker saw it */
};

struct run {
	struct worker_shared shared; /* first: wake_all() finds the run by it */
	const struct run_options *options;
	const struct sender_plan *plan;
	struct run_worker *workers;
	int worker_count;
	pthread_barrier_t barrier;
	int done_fd;
	_Atomic bool is_cancelled, is_aborted;

	struct record total, interval;
	struct series series;
	struct hlog_writer hlog;
	bool has_hlog, has_stalled;
	struct err hlog_err;
	int64_t start_ns, start_wall_ns, next_ns, last_ns, moved_ns;
	int interrupts_seen;
	uint64_t sessions_peak, handshakes_put_off;
	struct transport_counters counters;
};

static void wake_all(struct worker_shared *shared)
{
	struct run *r = (struct run *)shared;

	for (int i = 0; i < r->worker_count; i++)
		transport_wake(r->workers[i].transport);
}

/* ---- the worker's thread ---- */

static int set_up(struct run_worker *rw)
{
	struct run_world *world = rw->run->options->world;

	rw->transport = world->transport_new(world, plan_links(rw->run->plan, rw->count), &rw->err);
	if (rw->transport == NULL)
		return -1;
	if (world->secure_new(world, &rw->secure, &rw->err) != 0)
		return -1;
	return worker_init(&rw->worker, &rw->run->shared, rw->id, rw->first, rw->count,
			   rw->transport, rw->secure, &rw->err);
}

/* Notes CPU and wall time where the measured part begins and ends. */
static void take_cpu(struct run_worker *rw, int64_t now_ns, bool *has_begun, bool *has_ended)
{
	struct worker *w = &rw->worker;

	if (!*has_begun && now_ns >= w->measure_begin_ns) {
		*has_begun = true;
		rw->cpu_ns = -host_thread_cpu_ns();
		rw->wall_ns = -now_ns;
		rw->polled_ns = 0;
	}
	if (*has_begun && !*has_ended && w->stage != WORKER_RUNNING) {
		*has_ended = true;
		rw->cpu_ns += host_thread_cpu_ns();
		rw->wall_ns += now_ns;
		rw->cpu_ns -= rw->polled_ns;
	}
}

static int turn(struct run_worker *rw, int64_t now_ns, int64_t until_ns)
{
	int count;

	if (!rw->can_poll || until_ns == TIME_NEVER || until_ns <= now_ns)
		return transport_turn(rw->transport, until_ns <= now_ns ? 0 : until_ns, &rw->err);
	if (until_ns - now_ns > POLL_NS)
		return transport_turn(rw->transport, until_ns - POLL_EARLY_NS, &rw->err);
	count = transport_turn(rw->transport, 0, &rw->err);
	if (count == 0)
		rw->polled_ns += clock_now(rw->transport->clock) - now_ns;
	return count;
}

static void go(struct run_worker *rw)
{
	struct run *r = rw->run;
	struct worker *w = &rw->worker;
	bool has_begun = false, has_ended = false, has_aborted = false;

	while (!atomic_load_explicit(&w->is_done, memory_order_relaxed)) {
		int64_t now_ns = clock_now(rw->transport->clock);
		int64_t until_ns;

		if (!has_aborted && atomic_load_explicit(&r->is_aborted, memory_order_relaxed)) {
			has_aborted = true;
			worker_abort(w);
		}
		until_ns = worker_step(w, now_ns);
		take_cpu(rw, now_ns, &has_begun, &has_ended);
		if (turn(rw, now_ns, until_ns) < 0) {
			rw->has_failed = true;
			atomic_store(&w->is_done, true);
			supply_stop(&r->shared.supply, now_ns);
			wake_all(&r->shared);
		}
	}
}

static void *worker_thread(void *arg)
{
	struct run_worker *rw = arg;
	struct run *r = rw->run;
	uint64_t one = 1;

	rw->has_failed = set_up(rw) != 0;
	if (rw->has_failed)
		atomic_store(&r->is_cancelled, true);
	pthread_barrier_wait(&r->barrier);
	pthread_barrier_wait(&r->barrier);
	if (!atomic_load(&r->is_cancelled))
		go(rw);
	/* Where the transport failed, sessions are still open that may use it. */
	if (!rw->has_failed)
		sasl_thread_fini();
	atomic_store(&rw->worker.is_done, true);
	if (write(r->done_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		rw->has_failed = true;
	return NULL;
}

/* The transport was made by the worker's thread; by now that has ended, and nobody else uses it. */
static void tear_down(struct run_worker *rw)
{
	if (rw->transport != NULL)
		transport_free(rw->transport);
	if (rw->worker.shared != NULL)
		worker_fini(&rw->worker);
	if (rw->secure != NULL)
		secure_free(rw->secure);
}

/* ---- the control thread ---- */

/* False: a worker did not come in time, and is behind by more than a second. */
static bool take_records(struct run *r, int64_t until_ns)
{
	struct clock *clock = r->options->world->clock;
	bool is_whole = true;

	for (int i = 0; i < r->worker_count; i++) {
		struct worker *w = &r->workers[i].worker;
		struct record *record;

		while ((record = atomic_load_explicit(&w->published, memory_order_acquire)) ==
			       NULL &&
		       !atomic_load(&w->is_done) && clock_now(clock) < until_ns)
			poll(NULL, 0, 1);
		if (record == NULL) {
			is_whole &= atomic_load(&w->is_done);
			continue;
		}
		record_merge(&r->interval, record);
		record_clear(record);
		atomic_store_explicit(&w->published, NULL, memory_order_release);
	}
	return is_whole;
}

static uint32_t gauge(struct run *r, enum session_state state)
{
	uint32_t sum = 0;

	for (int i = 0; i < r->worker_count; i++)
		sum += atomic_load_explicit(&r->workers[i].worker.gauges.sessions[state],
					    memory_order_relaxed);
	return sum;
}

static enum run_stage stage_at(struct run *r, int64_t now_ns)
{
	struct supply *s = &r->shared.supply;
	int64_t begin_ns = atomic_load(&s->begin_ns);

	if (atomic_load(&s->stop_ns) != TIME_NEVER || now_ns >= supply_measure_end_ns(s))
		return RUN_DRAINING;
	if (begin_ns == TIME_NEVER)
		return RUN_OPENING;
	if (now_ns < begin_ns)
		return RUN_HOLDING;
	return now_ns < supply_measure_begin_ns(s) ? RUN_WARMING_UP : RUN_MEASURING;
}

static void show_second(struct run *r, int64_t now_ns)
{
	struct supply *s = &r->shared.supply;
	int64_t begin_ns = supply_measure_begin_ns(s), end_ns = supply_measure_end_ns(s);
	struct run_second_view view = {
		.stage = stage_at(r, now_ns),
		.left_s = -1,
		.connecting = gauge(r, SESSION_OPENING),
		.idle = gauge(r, SESSION_IDLE) + gauge(r, SESSION_THINKING),
		.sending = gauge(r, SESSION_SENDING),
		.closing = gauge(r, SESSION_QUITTING),
		.wanted = (uint32_t)r->plan->sessions,
		.interval_s = (double)(now_ns - r->last_ns) / 1e9,
		.interval = &r->interval,
		.before = &r->total,
		.held_by = r->shared.pacing != NULL ? pacing_held_now(r->shared.pacing) : NULL,
	};
	int64_t since_ns = begin_ns != TIME_NEVER && now_ns >= begin_ns ? begin_ns : r->start_ns;

	if (r->options->observer == NULL)
		return;
	for (int i = 0; i < r->worker_count; i++)
		view.securing += atomic_load(&r->workers[i].worker.gauges.securing);
	view.connecting -= view.securing < view.connecting ? view.securing : view.connecting;
	view.elapsed_s = (double)(now_ns - since_ns) / 1e9;
	if (end_ns != TIME_NEVER && now_ns < end_ns)
		view.left_s = (double)(end_ns - now_ns) / 1e9;
	if (r->plan->is_open_loop && begin_ns != TIME_NEVER)
		view.offered = arrival_rate_at(&s->arrival, now_ns - atomic_load(&s->begin_ns));
	r->options->observer->on_second(r->options->observer, &view);
}

static void write_hlog(struct run *r, int64_t now_ns)
{
	double start_s = (double)(r->last_ns - r->start_ns) / 1e9;
	double length_s = (double)(now_ns - r->last_ns) / 1e9;

	for (int i = 0; r->has_hlog && i < PHASE_COUNT; i++) {
		const struct hdr *h = r->interval.phases[i];

		if (h != NULL && h->total > 0 && r->hlog_err.status == EXIT_WELL)
			(void)hlog_interval(&r->hlog, phase_name((enum phase)i), start_s, length_s,
					    h, &r->hlog_err);
	}
}

/* Percentiles cannot be added: the larger one stays, as an upper bound. */
static void add_to_last_row(struct run *r, const struct series_row *row)
{
	struct series_row *last = &r->series.rows[r->series.count - 1];

	last->started += row->started;
	last->accepted += row->accepted;
	last->deferred += row->deferred;
	last->rejected += row->rejected;
	last->failed += row->failed;
	if (row->sessions > last->sessions)
		last->sessions = row->sessions;
	if (row->p50_us > last->p50_us)
		last->p50_us = row->p50_us;
	if (row->p99_us > last->p99_us)
		last->p99_us = row->p99_us;
}

static void append_row(struct run *r, int64_t now_ns, uint32_t sessions)
{
	const struct record_counts *c = &r->interval.counts;
	const struct hdr *response = r->interval.phases[PHASE_RESPONSE];
	int64_t begin_ns = supply_measure_begin_ns(&r->shared.supply);
	struct series_row row = {
		.started = c->started,
		.accepted = c->accepted,
		.deferred = c->deferred,
		.rejected = c->rejected,
		.failed = c->failed + c->in_doubt,
		.sessions = sessions,
		.p50_us = SERIES_NONE,
		.p99_us = SERIES_NONE,
	};

	if (begin_ns == TIME_NEVER || now_ns <= begin_ns)
		return;
	/* A second ends where it was asked for, or a little later; a run may end within one. */
	row.t_s = (now_ns - begin_ns - COLLECT_NS + NS_PER_SEC - 1) / NS_PER_SEC - 1;
	if (row.t_s < 0)
		row.t_s = 0;
	if (response->total > 0)
		row.p50_us = hdr_percentile(response, 50);
	if (hdr_samples_beyond(response, 99) >= HDR_SAMPLES_MIN)
		row.p99_us = hdr_percentile(response, 99);
	/*
	 * What comes in while the run drains belongs to the last second in which messages were
	 * due; and a run that begins within a second of the clock has two parts of its first.
	 */
	if (r->series.count > 0 && (r->last_ns >= supply_measure_end_ns(&r->shared.supply) ||
				    r->series.rows[r->series.count - 1].t_s == row.t_s))
		add_to_last_row(r, &row);
	else
		(void)series_append(&r->series, &row);
}

static void collect(struct run *r, int64_t now_ns)
{
	uint32_t open = 0;

	for (int i = 0; i < r->worker_count; i++)
		open += atomic_load_explicit(&r->workers[i].worker.gauges.open,
					     memory_order_relaxed);
	write_hlog(r, now_ns);
	append_row(r, now_ns, open);
	record_merge(&r->total, &r->interval);
	record_clear(&r->interval);
	r->last_ns = now_ns;
}

/* The next whole second of the measured part, or of the run while that has not begun. */
static int64_t next_second(struct run *r, int64_t now_ns)
{
	int64_t from_ns = supply_measure_begin_ns(&r->shared.supply);

	if (from_ns == TIME_NEVER || now_ns < from_ns) {
		int64_t next = r->start_ns + ((now_ns - r->start_ns) / NS_PER_SEC + 1) * NS_PER_SEC;

		return from_ns < next ? from_ns : next;
	}
	return from_ns + ((now_ns - from_ns) / NS_PER_SEC + 1) * NS_PER_SEC;
}

/* Nothing is open, and nothing could be opened for a long time: the server has gone. */
static void watch_stall(struct run *r, int64_t now_ns)
{
	uint32_t open = gauge(r, SESSION_IDLE) + gauge(r, SESSION_THINKING) +
			gauge(r, SESSION_SENDING) + gauge(r, SESSION_QUITTING);

	if (open > 0 || r->interval.counts.sessions_opened > 0)
		r->moved_ns = now_ns;
	/* Nobody is asked while a limit or a provider wants it so. */
	if (r->shared.pacing != NULL && now_ns <= pacing_held_until_ns(r->shared.pacing))
		r->moved_ns = now_ns;
	if (now_ns - r->moved_ns < r->plan->stall_ns || r->has_stalled)
		return;
	r->has_stalled = true;
	supply_stop(&r->shared.supply, now_ns);
	wake_all(&r->shared);
}

static void watch_interrupts(struct run *r, int64_t now_ns)
{
	int count = r->options->interrupts != NULL ? *r->options->interrupts : 0;

	if (count == r->interrupts_seen)
		return;
	r->interrupts_seen = count;
	supply_stop(&r->shared.supply, now_ns);
	if (count > 1)
		atomic_store(&r->is_aborted, true);
	wake_all(&r->shared);
}

static bool is_all_done(struct run *r)
{
	for (int i = 0; i < r->worker_count; i++)
		if (!atomic_load_explicit(&r->workers[i].worker.is_done, memory_order_acquire))
			return false;
	return true;
}

static void control(struct run *r)
{
	struct clock *clock = r->options->world->clock;

	r->last_ns = r->moved_ns = r->start_ns;
	while (!is_all_done(r)) {
		int64_t now_ns = clock_now(clock), next_ns = next_second(r, now_ns);
		int64_t wait_ms = (next_ns - now_ns) / NS_PER_MS + 1;
		struct pollfd fd = {.fd = r->done_fd, .events = POLLIN};
		uint64_t count;

		if (poll(&fd, 1, (int)(wait_ms < TICK_MS ? wait_ms : TICK_MS)) > 0 &&
		    read(r->done_fd, &count, sizeof(count)) < 0)
			return;
		now_ns = clock_now(clock);
		watch_interrupts(r, now_ns);
		if (now_ns < next_ns || is_all_done(r))
			continue;
		atomic_fetch_add(&r->shared.swaps_wanted, 1);
		wake_all(&r->shared);
		/* A worker that did not run says nothing of the server. */
		if (take_records(r, now_ns + COLLECT_NS))
			watch_stall(r, now_ns);
		show_second(r, now_ns);
		collect(r, now_ns);
	}
}

static void add_counters(struct transport_counters *to, const struct transport_counters *from)
{
	to->turns += from->turns;
	to->completions += from->completions;
	to->stale_completions += from->stale_completions;
	to->no_buffers += from->no_buffers;
	to->cq_overflows += from->cq_overflows;
	to->submit_retries += from->submit_retries;
	to->no_descriptors += from->no_descriptors;
	to->accept_errors += from->accept_errors;
	to->links_opened += from->links_opened;
	to->links_peak += from->links_peak;
	to->bytes_in += from->bytes_in;
	to->bytes_out += from->bytes_out;
	if (from->turn_ns_max > to->turn_ns_max)
		to->turn_ns_max = from->turn_ns_max;
}

/* Takes over what the workers still hold, after their threads have ended. */
static void collect_rest(struct run *r, int64_t now_ns)
{
	for (int i = 0; i < r->worker_count; i++) {
		struct run_worker *rw = &r->workers[i];

		if (rw->worker.record == NULL)
			continue;
		record_merge(&r->interval, &rw->worker.records[0]);
		record_merge(&r->interval, &rw->worker.records[1]);
		add_counters(&r->counters, &rw->transport->counters);
		r->sessions_peak += (uint64_t)rw->worker.open_peak;
		r->handshakes_put_off += rw->worker.hub.channels.handshakes_put_off;
	}
	collect(r, now_ns);
}

static double busiest(const struct run *r)
{
	double share = 0;

	for (int i = 0; i < r->worker_count; i++) {
		const struct run_worker *rw = &r->workers[i];

		if (rw->wall_ns > 0 && (double)rw->cpu_ns / (double)rw->wall_ns > share)
			share = (double)rw->cpu_ns / (double)rw->wall_ns;
	}
	return share;
}

/* When the measured part ended: by time, when told to stop, or with its last message. */
static int64_t measured_until(struct run *r, int64_t now_ns)
{
	struct supply *s = &r->shared.supply;
	int64_t end_ns = supply_measure_end_ns(s), stop_ns = atomic_load(&s->stop_ns), last_ns = 0;

	if (end_ns != TIME_NEVER || stop_ns != TIME_NEVER)
		return end_ns < stop_ns ? end_ns : stop_ns;
	for (int i = 0; i < r->worker_count; i++)
		if (r->workers[i].worker.last_over_ns > last_ns)
			last_ns = r->workers[i].worker.last_over_ns;
	return last_ns != 0 ? last_ns : now_ns;
}

static bool sum_up(struct run *r, struct run_document *d, uint64_t syn_before,
		   const struct host_usage *before)
{
	struct supply *supply = &r->shared.supply;
	int64_t now_ns = clock_now(r->options->world->clock);
	int64_t begin_ns = supply_measure_begin_ns(supply), until_ns = measured_until(r, now_ns);
	bool is_term = r->interrupts_seen > 0 && r->options->signal_number != NULL &&
		       *r->options->signal_number == SIGTERM;
	struct summary s = {
		.plan = r->plan,
		.total = &r->total,
		.series = &r->series,
		.pacing = r->shared.pacing,
		.now_ns = now_ns,
		.started_wall_ns = r->start_wall_ns,
		.left_over = supply_left_over(supply, until_ns),
		.sessions_peak = r->sessions_peak,
		.busy_share = busiest(r),
		.syn_retransmits = host_syn_retransmits() - syn_before,
		.handshakes_put_off = r->handshakes_put_off,
		.counters = r->counters,
		.is_interrupted = r->interrupts_seen > 0 && !is_term,
		.is_terminated = is_term,
		/* Also when the time was over before the first attempt was given up. */
		.is_unreachable =
			atomic_load(&r->shared.is_unreachable) ||
			(r->interrupts_seen == 0 && atomic_load(&r->shared.ready_ever) == 0),
		.has_stalled = r->has_stalled,
	};
	struct host_usage after;

	host_process_usage(&after);
	s.cpu_user_s = after.user_s - before->user_s;
	s.cpu_system_s = after.system_s - before->system_s;
	s.peak_rss = after.peak_rss;
	if (begin_ns != TIME_NEVER && until_ns > begin_ns)
		s.measured_ns = until_ns - begin_ns;
	else if (begin_ns == TIME_NEVER)
		s.measured_ns = until_ns - r->start_ns;
	s.drain_ns = now_ns > until_ns ? now_ns - until_ns : 0;
	return summary_fill(&s, d);
}

/* Starts the threads; false with *e when a worker could not be set up. */
static bool start_threads(struct run *r, struct err *e)
{
	sigset_t all, before;
	int started = 0;

	/* Signals are the control thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (int i = 0; i < r->worker_count; i++, started++)
		if (pthread_create(&r->workers[i].thread, NULL, worker_thread, &r->workers[i]) != 0)
			break;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (started < r->worker_count) {
		/* Those that run wait at the barrier for ever; the process is about to end. */
		err_set(e, EXIT_FAILED, EAGAIN,
			"only %d of %d threads could be started: use fewer --threads", started,
			r->worker_count);
		return false;
	}
	pthread_barrier_wait(&r->barrier);
	r->start_ns = clock_now(r->options->world->clock);
	r->start_wall_ns = clock_wall_ns(r->options->world->clock);
	r->shared.wall_offset_ns = r->start_wall_ns - r->start_ns;
	supply_init(&r->shared.supply, r->plan, r->start_ns);
	gcra_init(&r->shared.connect_rate, r->plan->connect_rate, 1, r->start_ns);
	pthread_barrier_wait(&r->barrier);
	return true;
}

static int open_logs(struct run *r, struct err *e)
{
	const struct run_options *o = r->options;

	if (o->log_path != NULL) {
		r->shared.log = worker_log_open(r->plan, o->log_path, o->log_failures_only,
						r->worker_count, e);
		if (r->shared.log == NULL)
			return -1;
	}
	if (o->hlog_path != NULL) {
		if (hlog_open(&r->hlog, o->hlog_path, "volley", clock_wall_ns(o->world->clock),
			      e) != 0)
			return -1;
		r->has_hlog = true;
	}
	return 0;
}

static int close_logs(struct run *r, struct err *e)
{
	int result = outcome_log_close(r->shared.log, e);

	if (r->has_hlog) {
		struct err close_err = r->hlog_err;

		if (hlog_close(&r->hlog, close_err.status == EXIT_WELL ? &close_err : NULL) != 0 ||
		    close_err.status != EXIT_WELL) {
			if (result == 0 && e != NULL)
				*e = close_err;
			result = -1;
		}
	}
	return result;
}

static int make_workers(struct run *r, struct err *e)
{
	int count = r->plan->threads, first = 0;

	r->workers = calloc((size_t)count, sizeof(*r->workers));
	r->done_fd = eventfd(0, EFD_CLOEXEC);
	if (r->workers == NULL || r->done_fd < 0 || record_init(&r->total, e) != 0 ||
	    record_init(&r->interval, e) != 0)
		return err_set(e, EXIT_FAILED, errno, "no memory for %d workers", count);
	r->worker_count = count;
	pthread_barrier_init(&r->barrier, NULL, (unsigned)count + 1);
	series_init(&r->series, SERIES_ROWS_MAX);
	for (int i = 0; i < count; i++) {
		/* The remainder of the division goes round, so that none is lost. */
		int share = r->plan->sessions / count + (i < r->plan->sessions % count);

		r->workers[i] = (struct run_worker){
			.run = r,
			.id = i,
			.first = first,
			.count = share,
			.can_poll = r->plan->is_open_loop && count < host_cpus(),
		};
		first += share;
	}
	return 0;
}

static int make_pacing(struct run *r, struct err *e)
{
	struct clock *clock = r->options->world->clock;
	int64_t now_ns = clock_now(clock);

	if (!plan_is_paced(r->plan))
		return 0;
	r->shared.pacing = pacing_new(r->plan, clock_wall_ns(clock) - now_ns, now_ns, e);
	return r->shared.pacing != NULL ? 0 : -1;
}

static int worker_error(const struct run *r, struct err *e)
{
	for (int i = 0; i < r->worker_count; i++) {
		if (!r->workers[i].has_failed)
			continue;
		if (e != NULL)
			*e = r->workers[i].err;
		return -1;
	}
	return 0;
}

int run_carry_out(const struct run_options *o, struct run_document *d, struct err *e)
{
	struct run r = {.options = o, .plan = o->plan, .done_fd = -1};
	uint64_t syn_before = host_syn_retransmits();
	struct host_usage before;
	bool has_started;
	int result = -1;

	r.shared.plan = o->plan;
	r.shared.wake_all = wake_all;
	host_process_usage(&before);
	if (make_workers(&r, e) != 0 || open_logs(&r, e) != 0 || make_pacing(&r, e) != 0)
		goto out;
	has_started = start_threads(&r, e);
	if (!has_started)
		return -1;
	if (!atomic_load(&r.is_cancelled))
		control(&r);
	for (int i = 0; i < r.worker_count; i++)
		pthread_join(r.workers[i].thread, NULL);
	result = worker_error(&r, e);
	if (!atomic_load(&r.is_cancelled)) {
		if (o->lookups != NULL)
			record_merge(&r.interval, o->lookups);
		collect_rest(&r, clock_now(o->world->clock));
		if (!sum_up(&r, d, syn_before, &before) && result == 0)
			result = err_set(e, EXIT_FAILED, 0, "no memory for the report");
	}
	supply_fini(&r.shared.supply);
out:
	if (close_logs(&r, result == 0 ? e : NULL) != 0)
		result = -1;
	for (int i = 0; i < r.worker_count; i++)
		tear_down(&r.workers[i]);
	pacing_free(r.shared.pacing);
	if (r.worker_count > 0) {
		pthread_barrier_destroy(&r.barrier);
		series_fini(&r.series);
		record_fini(&r.total);
		record_fini(&r.interval);
	}
	free(r.workers);
	if (r.done_fd >= 0)
		close(r.done_fd);
	return result;
}
