/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rehearsal.c - whole runs in virtual time
 */
#include "rehearsal.h"
#include <stdio.h>
#include "result/json.h"
#include "sender/summary.h"

#define SINK_ADDRESS "198.51.100.25"
#define SWAP_NS	     (100 * NS_PER_MS)
#define HANG_NS	     (INT64_C(3600) * NS_PER_SEC)

#define HOLDS(r, expression)                                                                       \
	do {                                                                                       \
		if (!(expression))                                                                 \
			fail_msg("seed %llu: %s does not hold (line %d)",                          \
				 (unsigned long long)(r)->seed, #expression, __LINE__);            \
	} while (0)

/* ---- the plan ---- */

struct plan_target *rehearsal_target(struct rehearsal *r, const char *address)
{
	struct plan_target *t = &r->plan.targets[r->plan.target_count++];

	*t = (struct plan_target){.address_count = 1, .lookup_ns = -1};
	snprintf(t->url, sizeof(t->url), "smtp://%s", address);
	snprintf(t->host, sizeof(t->host), "mx.example.com");
	assert_true(endpoint_parse_address(span_of(address), &t->addresses[0]));
	t->addresses[0].port = 25;
	t->smtp = (struct smtp_client_params){
		.helo_name = "client.example",
		.timeouts =
			{
				.banner_ns = 10 * NS_PER_SEC,
				.ehlo_ns = 10 * NS_PER_SEC,
				.starttls_ns = 10 * NS_PER_SEC,
				.auth_ns = 10 * NS_PER_SEC,
				.mail_ns = 10 * NS_PER_SEC,
				.rcpt_ns = 10 * NS_PER_SEC,
				.data_ns = 10 * NS_PER_SEC,
				.body_ns = 10 * NS_PER_SEC,
				.dot_ns = 10 * NS_PER_SEC,
				.rset_ns = 10 * NS_PER_SEC,
				.quit_ns = 10 * NS_PER_SEC,
			},
	};
	return t;
}

struct rehearsal *rehearsal_new(uint64_t seed)
{
	struct rehearsal *r = calloc(1, sizeof(*r));
	struct sim_options world = {.seed = seed, .path.delay_ns = MS};
	struct sink_listener *l;
	struct err e = {0};

	assert_non_null(r);
	r->seed = seed;
	r->sim = sim_new(&world, &e);
	if (r->sim == NULL)
		fail_msg("%s", e.text);
	r->begin_ns = clock_now(sim_clock(r->sim));
	r->give_up_ns = HANG_NS;
	r->sink_threads = 1;
	r->plan = (struct sender_plan){
		.sessions = 4,
		.threads = 1,
		.drain_ns = 30 * NS_PER_SEC,
		.stall_ns = 30 * NS_PER_SEC,
		.connects_in_flight = 500,
		.connect_timeout_ns = 3 * NS_PER_SEC,
		.tls_timeout_ns = 5 * NS_PER_SEC,
		.attempt_delay_ns = 250 * MS,
		.seed = seed,
		.run_id = UINT64_C(0x1122334455667788) + seed,
	};
	rehearsal_target(r, SINK_ADDRESS);
	sink_plan_init(&r->sink_plan);
	r->sink_plan.name = "mx.example.com";
	r->sink_plan.does_trace_ids = true;
	r->sink_plan.listener_count = 1;
	r->sink_plan.seed = seed;
	l = &r->sink_plan.listeners[0];
	l->security = SINK_CLEAR;
	l->at = r->plan.targets[0].addresses[0];
	return r;
}

void rehearsal_fault(struct rehearsal *r, const char *rule)
{
	struct err e = {0};

	if (r->sink_plan.faults == NULL)
		r->sink_plan.faults = fault_rules_new();
	assert_non_null(r->sink_plan.faults);
	if (fault_rules_add(r->sink_plan.faults, span_of(rule), &e) != 0)
		fail_msg("%s", e.text);
}

void rehearsal_rule(struct rehearsal *r, const struct sim_rule *rule, const char *to)
{
	struct sim_rule copy = *rule;
	struct err e = {0};

	assert_true(sim_pattern_parse(span_of(to), &copy.to));
	if (sim_rule_add(r->sim, &copy, &e) != 0)
		fail_msg("%s", e.text);
}

/* ---- what happens ---- */

static void happen(struct sim_task *task, int64_t now_ns)
{
	struct happening *h = (struct happening *)task;

	(void)now_ns;
	h->act(h->r, h->value);
}

void rehearsal_at(struct rehearsal *r, int64_t after_ns,
		  void (*act)(struct rehearsal *r, int64_t value), int64_t value)
{
	struct happening *h = &r->happenings[r->happening_count++];

	assert_true(r->happening_count <= TASKS_MAX);
	*h = (struct happening){.task.run = happen, .r = r, .act = act, .value = value};
	assert_int_equal(sim_at(r->sim, r->begin_ns + after_ns, &h->task), 0);
}

void stall_sinks(struct rehearsal *r, int64_t for_ns)
{
	for (int i = 0; i < r->sink_threads; i++)
		r->sinks[i].actor.stalled_until_ns = clock_now(sim_clock(r->sim)) + for_ns;
}

void stall_senders(struct rehearsal *r, int64_t for_ns)
{
	for (int i = 0; i < r->plan.threads; i++)
		r->senders[i].actor.stalled_until_ns = clock_now(sim_clock(r->sim)) + for_ns;
}

static void wake_all(struct worker_shared *shared)
{
	struct rehearsal *r =
		(struct rehearsal *)((char *)shared - offsetof(struct rehearsal, shared));

	for (int i = 0; i < r->plan.threads; i++)
		transport_wake(r->senders[i].transport);
}

void interrupt(struct rehearsal *r, int64_t how_often)
{
	supply_stop(&r->shared.supply, clock_now(sim_clock(r->sim)));
	for (int i = 0; how_often > 1 && i < r->plan.threads; i++)
		worker_abort(&r->senders[i].worker);
	wake_all(&r->shared);
}

void stop_listening(struct rehearsal *r, int64_t unused)
{
	(void)unused;
	for (int i = 0; i < r->sink_threads; i++) {
		sink_worker_stop(&r->sinks[i].worker);
		transport_wake(r->sinks[i].transport);
	}
}

/* ---- actors ---- */

static bool all_done(struct rehearsal *r)
{
	for (int i = 0; i < r->plan.threads; i++)
		if (!r->senders[i].worker.is_done)
			return false;
	return true;
}

/* The loop of run.c: a step of the worker, then a turn; after events it goes round again. */
static int64_t sender_step(struct sim_actor *actor, int64_t now_ns)
{
	struct sender_actor *s = (struct sender_actor *)actor;
	struct err e = {0};
	int64_t until_ns;
	int count;

	if (s->worker.is_done) {
		/* It may be woken once more by one that still runs. */
		(void)transport_turn(s->transport, now_ns, &e);
		return TIME_NEVER;
	}
	until_ns = worker_step(&s->worker, now_ns);
	if (s->r->shared.connects_in_flight > s->r->connects_peak)
		s->r->connects_peak = s->r->shared.connects_in_flight;
	count = transport_turn(s->transport, now_ns, &e);
	if (count < 0)
		fail_msg("%s", e.text);
	if (!s->worker.is_done)
		return count > 0 ? now_ns : until_ns;
	if (all_done(s->r)) {
		s->r->over_ns = now_ns;
		sim_stop(s->r->sim);
	}
	return TIME_NEVER;
}

static int64_t sink_step(struct sim_actor *actor, int64_t now_ns)
{
	struct sink_actor *s = (struct sink_actor *)actor;
	struct err e = {0};
	bool is_busy = sink_worker_turn(&s->worker, now_ns);
	int count = transport_turn(s->transport, now_ns, &e);

	if (count < 0)
		fail_msg("%s", e.text);
	return is_busy || count > 0 ? now_ns : TIME_NEVER;
}

/* Takes what the workers have published, and asks for more: the control thread's part. */
static void swap(struct sim_task *task, int64_t now_ns)
{
	struct rehearsal *r =
		(struct rehearsal *)((char *)task - offsetof(struct rehearsal, swap_task));

	for (int i = 0; i < r->plan.threads; i++) {
		struct worker *w = &r->senders[i].worker;
		struct record *record = atomic_load(&w->published);

		if (record == NULL)
			continue;
		/* It is the one that the worker has let go of. */
		HOLDS(r, record != w->record);
		r->swap_count++;
		record_merge(&r->total, record);
		record_clear(record);
		atomic_store(&w->published, NULL);
	}
	if (all_done(r))
		return;
	atomic_fetch_add(&r->shared.swaps_wanted, 1);
	wake_all(&r->shared);
	assert_int_equal(sim_at(r->sim, now_ns + SWAP_NS, task), 0);
}

/* ---- setting up ---- */

static void make_sinks(struct rehearsal *r)
{
	static const struct sim_certificate certificate = {
		"mx.example.com", "Test CA", 0, 0, false, 0};
	struct endpoint at[SINK_LISTENERS_MAX];
	struct err e = {0};

	for (int i = 0; i < r->sink_plan.listener_count; i++)
		at[i] = r->sink_plan.listeners[i].at;
	r->sink_plan.threads = r->sink_threads;
	r->sink_tls.role = SECURE_SERVER;
	if (r->sink_tls.certificate == NULL)
		r->sink_tls.certificate = &certificate;
	if (sink_shared_init(&r->sink_shared, &r->sink_plan, sim_clock(r->sim), &e) != 0)
		fail_msg("%s", e.text);
	for (int i = 0; i < r->sink_threads; i++) {
		struct sink_actor *s = &r->sinks[i];

		s->r = r;
		s->transport = sim_transport(r->sim,
					     &(struct sim_transport_options){.link_max = 4096}, &e);
		s->secure = sim_secure(r->sim, &r->sink_tls, &e);
		if (s->transport == NULL || s->secure == NULL ||
		    sink_worker_init(&s->worker, &r->sink_shared, s->transport, s->secure, at,
				     r->sink_threads > 1, i == 0, &e) != 0)
			fail_msg("%s", e.text);
		s->actor = (struct sim_actor){.transport = s->transport, .step = sink_step};
		sim_add(r->sim, &s->actor);
	}
}

static void make_mail(struct rehearsal *r)
{
	struct mail_params params = {
		.size = r->size != NULL ? r->size : "1k",
		.sender = "sender@example.com",
		.recipient = "user%d@example.com",
		.recipients_per_message = r->recipients_per_message,
		.seed = r->plan.seed,
		.run_id = r->plan.run_id,
	};
	struct err e = {0};

	if (mail_plan_new(&params, &e, &r->mail) != 0)
		fail_msg("%s", e.text);
	r->plan.mail = r->mail;
}

static void make_senders(struct rehearsal *r)
{
	int count = r->plan.threads, first = 0;
	struct err e = {0};

	r->sender_tls.role = SECURE_CLIENT;
	r->shared.plan = &r->plan;
	r->shared.wake_all = wake_all;
	r->shared.wall_offset_ns = clock_wall_ns(sim_clock(r->sim)) - r->begin_ns;
	if (plan_is_paced(&r->plan)) {
		r->shared.pacing = pacing_new(&r->plan, r->shared.wall_offset_ns, r->begin_ns, &e);
		if (r->shared.pacing == NULL)
			fail_msg("%s", e.text);
	}
	supply_init(&r->shared.supply, &r->plan, r->begin_ns);
	gcra_init(&r->shared.connect_rate, r->plan.connect_rate, 1, r->begin_ns);
	for (int i = 0; i < count; i++) {
		struct sender_actor *s = &r->senders[i];
		int share = r->plan.sessions / count + (i < r->plan.sessions % count);

		s->r = r;
		s->transport = sim_transport(
			r->sim,
			&(struct sim_transport_options){.link_max = plan_links(&r->plan, share)},
			&e);
		s->secure = sim_secure(r->sim, &r->sender_tls, &e);
		if (s->transport == NULL || s->secure == NULL ||
		    worker_init(&s->worker, &r->shared, i, first, share, s->transport, s->secure,
				&e) != 0)
			fail_msg("%s", e.text);
		s->actor = (struct sim_actor){.transport = s->transport, .step = sender_step};
		sim_add(r->sim, &s->actor);
		first += share;
	}
	if (record_init(&r->total, &e) != 0)
		fail_msg("%s", e.text);
}

/* ---- what must hold ---- */

uint64_t outcomes_of(const struct record_counts *c)
{
	return c->accepted + c->deferred + c->rejected + c->failed + c->in_doubt;
}

const struct run_error *error_of(const struct rehearsal *r, const char *phase, const char *kind)
{
	for (size_t i = 0; i < r->document.error_count; i++)
		if (strcmp(r->document.errors[i].phase, phase) == 0 &&
		    strcmp(r->document.errors[i].kind, kind) == 0)
			return &r->document.errors[i];
	return NULL;
}

/* Nothing is left of a worker that has ended: no session, no connection, no message. */
static void check_ended(struct rehearsal *r, struct sender_actor *s)
{
	struct worker *w = &s->worker;
	uint32_t over = 0;

	for (int i = 0; i < w->session_count; i++) {
		HOLDS(r, w->sessions[i].state == SESSION_OVER);
		HOLDS(r, !talk_is_open(&w->sessions[i].talk));
		HOLDS(r, w->sessions[i].job == NULL);
		HOLDS(r, !w->sessions[i].is_connecting);
		HOLDS(r, !timer_is_pending(&w->sessions[i].timer));
		over++;
	}
	HOLDS(r, w->live == 0 && w->open == 0);
	HOLDS(r, w->state_counts[SESSION_OVER] == over);
	HOLDS(r, w->closed.count == 0 && w->idle.count == 0);
	HOLDS(r, w->jobs.in_use == 0);
	HOLDS(r, w->press.blocks.in_use == 0);
	HOLDS(r, w->hub.channels.waiting == NULL);
	HOLDS(r, w->record->counts.log_dropped == 0);
}

/* Nothing that was taken from a governor is kept. */
static void check_pace(struct rehearsal *r)
{
	struct pacing *p = r->shared.pacing;

	for (uint32_t i = 0; p != NULL && i < p->path_count; i++) {
		struct governor_facts f;

		if (p->paths[i].governor == NULL)
			continue;
		governor_facts(p->paths[i].governor, r->over_ns, &f);
		HOLDS(r, f.connections == 0);
	}
	HOLDS(r, p == NULL || p->blocked == 0);
}

/* Every message that was given out has one outcome, and the sink knows of the same. */
static void check_counts(struct rehearsal *r)
{
	const struct record_counts *c = &r->total.counts;
	bool counts_all = r->plan.warmup_ns == 0;

	HOLDS(r, c->started == outcomes_of(c));
	HOLDS(r, c->due == c->started);
	HOLDS(r, r->total.phases[PHASE_SERVICE]->total == r->total.phases[PHASE_RESPONSE]->total);
	HOLDS(r, r->total.phases[PHASE_SERVICE]->total >= c->accepted + c->deferred + c->rejected);
	HOLDS(r, r->total.phases[PHASE_SERVICE]->total <= c->started);
	HOLDS(r, r->shared.connects_in_flight == 0);
	HOLDS(r, r->duplicated == 0);
	HOLDS(r, r->received == r->sink.accepted);
	if (!counts_all || r->may_lose)
		return;
	/* What is in doubt was taken or not; all else is known on both sides. */
	HOLDS(r, r->received >= c->accepted);
	if (r->recipients_per_message == NULL)
		HOLDS(r, r->received <= c->accepted + c->in_doubt);
	/* A message of several recipients counts by its worst one, and may be taken for others. */
	HOLDS(r, r->sink.recipients >= c->rcpt_accepted);
	HOLDS(r, r->sink.recipients <= c->rcpt_accepted + c->rcpt_in_doubt);
}

/* ---- the end ---- */

static void stop_sinks(struct rehearsal *r)
{
	struct err e = {0};

	for (int i = 0; i < r->sink_threads; i++) {
		r->sinks[i].actor.stalled_until_ns = 0;
		sink_worker_stop(&r->sinks[i].worker);
		sink_worker_abort(&r->sinks[i].worker);
		transport_wake(r->sinks[i].transport);
	}
	if (sim_run(r->sim, clock_now(sim_clock(r->sim)) + NS_PER_SEC, &e) == SIM_FAILED)
		fail_msg("%s", e.text);
	for (int i = 0; i < r->sink_threads; i++) {
		const uint64_t *part = (const uint64_t *)&r->sinks[i].worker.counters;
		uint64_t *sum = (uint64_t *)&r->sink;

		HOLDS(r, r->sinks[i].worker.session_count == 0);
		for (size_t k = 0; k < sizeof(r->sink) / sizeof(*sum); k++)
			sum[k] += part[k];
	}
	for (int i = 0; i < ledger_run_count(r->sink_shared.ledger); i++) {
		struct ledger_run run = ledger_run_at(r->sink_shared.ledger, i);

		HOLDS(r, run.id == r->plan.run_id);
		r->received += run.received;
		r->duplicated += run.duplicated;
	}
}

static int64_t measured_until(struct rehearsal *r)
{
	struct supply *s = &r->shared.supply;
	int64_t end_ns = supply_measure_end_ns(s), stop_ns = s->stop_ns, last_ns = 0;

	if (end_ns != TIME_NEVER || stop_ns != TIME_NEVER)
		return end_ns < stop_ns ? end_ns : stop_ns;
	for (int i = 0; i < r->plan.threads; i++)
		if (r->senders[i].worker.last_over_ns > last_ns)
			last_ns = r->senders[i].worker.last_over_ns;
	return last_ns != 0 ? last_ns : r->over_ns;
}

static void sum_up(struct rehearsal *r)
{
	struct supply *supply = &r->shared.supply;
	int64_t begin_ns = supply_measure_begin_ns(supply), until_ns = measured_until(r);
	struct series series;
	struct summary s = {
		.plan = &r->plan,
		.total = &r->total,
		.series = &series,
		.pacing = r->shared.pacing,
		.now_ns = r->over_ns,
		.started_wall_ns = r->begin_ns + r->shared.wall_offset_ns,
		.left_over = supply_left_over(supply, until_ns),
		.is_unreachable = r->shared.is_unreachable || r->shared.ready_ever == 0,
	};
	struct err e = {0};
	FILE *out;

	series_init(&series, SERIES_ROWS_MAX);
	r->left_over = s.left_over;
	if (begin_ns != TIME_NEVER && until_ns > begin_ns)
		s.measured_ns = until_ns - begin_ns;
	s.drain_ns = r->over_ns > until_ns ? r->over_ns - until_ns : 0;
	for (int i = 0; i < r->plan.threads; i++) {
		s.sessions_peak += (uint64_t)r->senders[i].worker.open_peak;
		s.handshakes_put_off += r->senders[i].worker.hub.channels.handshakes_put_off;
		s.counters.bytes_in += r->senders[i].transport->counters.bytes_in;
		s.counters.bytes_out += r->senders[i].transport->counters.bytes_out;
	}
	run_init(&r->document);
	assert_true(summary_fill(&s, &r->document));
	out = open_memstream(&r->json, &r->json_len);
	assert_non_null(out);
	if (run_json_write(&r->document, out, &e) != 0)
		fail_msg("%s", e.text);
	fclose(out);
	series_fini(&series);
}

void rehearsal_run(struct rehearsal *r)
{
	struct err e = {0};
	enum sim_end end;

	make_mail(r);
	make_sinks(r);
	make_senders(r);
	if (r->swaps) {
		r->swap_task.run = swap;
		assert_int_equal(sim_at(r->sim, r->begin_ns + SWAP_NS, &r->swap_task), 0);
	}
	end = sim_run(r->sim, r->begin_ns + r->give_up_ns, &e);
	if (end != SIM_STOPPED)
		fail_msg("seed %llu: the run does not end: %s", (unsigned long long)r->seed,
			 end == SIM_FAILED ? e.text
			 : end == SIM_IDLE ? "nothing will ever happen"
					   : "it goes on and on");
	for (int i = 0; i < r->plan.threads; i++) {
		check_ended(r, &r->senders[i]);
		record_merge(&r->total, &r->senders[i].worker.records[0]);
		record_merge(&r->total, &r->senders[i].worker.records[1]);
		record_clear(&r->senders[i].worker.records[0]);
		record_clear(&r->senders[i].worker.records[1]);
	}
	check_pace(r);
	stop_sinks(r);
	sum_up(r);
	check_counts(r);
}

void rehearsal_free(struct rehearsal *r)
{
	for (int i = 0; i < r->plan.threads; i++) {
		struct sender_actor *s = &r->senders[i];

		sim_remove(r->sim, &s->actor);
		transport_free(s->transport);
		worker_fini(&s->worker);
		secure_free(s->secure);
	}
	for (int i = 0; i < r->sink_threads; i++) {
		struct sink_actor *s = &r->sinks[i];

		sim_remove(r->sim, &s->actor);
		sink_worker_abandon(&s->worker);
		sink_worker_fini(&s->worker);
		transport_free(s->transport);
		secure_free(s->secure);
	}
	sink_shared_fini(&r->sink_shared);
	sink_plan_fini(&r->sink_plan);
	supply_fini(&r->shared.supply);
	pacing_free(r->shared.pacing);
	mail_plan_free(r->mail);
	record_fini(&r->total);
	run_fini(&r->document);
	free(r->json);
	sim_free(r->sim);
	free(r);
}
