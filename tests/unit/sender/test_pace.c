/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_pace.c - whole runs that obey a profile, or find a limit, in virtual time
 *
 * The sink is looked at every few milliseconds of virtual time, and what it has seen is held
 * against the limits: it is the server's count that matters, not the sender's.
 */
#include "../pace/by_hand.h"
#include "rehearsal.h"

#define SEC	    NS_PER_SEC
#define SAMPLES_MAX 60000

struct sample {
	int64_t at_ns; /* since the begin */
	uint64_t accepted, mails, sessions;
};

/* A rehearsal with a profile, and a look at the sink every so often. */
struct paced {
	struct rehearsal *r;
	struct by_hand hand;
	struct rules *rules;
	struct sim_task task;
	int64_t every_ns;
	int64_t slack_ns; /* a message's way from MAIL to where it is counted may differ by this */
	struct sample *samples;
	int count;
};

static void look(struct sim_task *task, int64_t now_ns)
{
	struct paced *p = (struct paced *)((char *)task - offsetof(struct paced, task));
	struct rehearsal *r = p->r;
	struct sample s = {.at_ns = now_ns - r->begin_ns};

	for (int i = 0; i < r->sink_threads; i++) {
		const struct sink_counters *c = &r->sinks[i].worker.counters;

		s.accepted += c->accepted;
		s.mails += c->accepted + c->deferred + c->rejected;
		s.sessions += r->sinks[i].worker.session_count;
	}
	assert_true(p->count < SAMPLES_MAX);
	p->samples[p->count++] = s;
	for (int i = 0; i < r->plan.threads; i++)
		if (!r->senders[i].worker.is_done) {
			assert_int_equal(sim_at(r->sim, now_ns + p->every_ns, task), 0);
			return;
		}
}

static void paced_begin(struct paced *p, uint64_t seed)
{
	*p = (struct paced){.r = rehearsal_new(seed), .every_ns = 5 * MS};
	p->samples = calloc(SAMPLES_MAX, sizeof(*p->samples));
	assert_non_null(p->samples);
	by_hand_init(&p->hand, "by-hand");
	p->r->plan.scale = 1;
	p->r->plan.sessions = 20;
}

static void paced_run(struct paced *p)
{
	struct rehearsal *r = p->r;
	struct err e = {0};

	p->rules = rules_new(&p->hand.profile, &e);
	if (p->rules == NULL)
		fail_msg("%s", e.text);
	for (int i = 0; i < r->plan.target_count; i++) {
		r->plan.targets[i].rules = p->rules;
		if (p->hand.profile.limit_count > 0 || p->hand.profile.name[0] != '-')
			r->plan.targets[i].profile = &p->hand.profile;
	}
	if (getenv("VOLLEY_TEST_TRACE") != NULL)
		fprintf(stderr, "seed %llu\n", (unsigned long long)r->seed);
	p->task.run = look;
	assert_int_equal(sim_at(r->sim, r->begin_ns, &p->task), 0);
	rehearsal_run(r);
}

static void paced_end(struct paced *p)
{
	rehearsal_free(p->r);
	rules_free(p->rules);
	free(p->samples);
}

/* No profile: adaptive control alone, with the rules of this one. */
static void no_profile(struct paced *p)
{
	p->hand.profile.name[0] = '-';
	p->r->plan.does_adapt = true;
}

/* No window of the period, wherever it begins, holds more messages than that. */
static void assert_rate(const struct paced *p, uint64_t amount, int64_t period_ns)
{
	int first = 0;

	for (int i = 0; i < p->count; i++) {
		/* Samples further apart than the period less one step lie in different windows. */
		while (p->samples[i].at_ns - p->samples[first].at_ns >
		       period_ns - p->every_ns - p->slack_ns)
			first++;
		if (p->samples[i].mails - p->samples[first].mails > amount)
			fail_msg(
				"%llu messages between %lld and %lld ms, at most %llu may be",
				(unsigned long long)(p->samples[i].mails - p->samples[first].mails),
				(long long)(p->samples[first].at_ns / MS),
				(long long)(p->samples[i].at_ns / MS), (unsigned long long)amount);
	}
}

static uint64_t sessions_peak(const struct paced *p)
{
	uint64_t peak = 0;

	for (int i = 0; i < p->count; i++)
		peak = p->samples[i].sessions > peak ? p->samples[i].sessions : peak;
	return peak;
}

static const struct run_pace_target *row(const struct paced *p)
{
	assert_true(p->r->document.pace.is_used);
	assert_true(p->r->document.pace.target_count > 0);
	return &p->r->document.pace.targets[0];
}

static double held_by(const struct paced *p, const char *name)
{
	const struct run_pace *pace = &p->r->document.pace;
	double share = 0;

	for (size_t i = 0; i < pace->hold_count; i++)
		if (strcmp(pace->holds[i].by, name) == 0)
			share += pace->holds[i].share;
	return share;
}

/* ---- limits ---- */

static void the_rate_is_kept(void **state)
{
	(void)state;
	for (int threads = 1; threads <= 3; threads++) {
		struct paced p;

		paced_begin(&p, 1000 + (uint64_t)threads);
		by_hand_limit(&p.hand, "ten-seconds", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 500,
			      10 * SEC);
		p.r->plan.threads = threads;
		p.r->plan.duration_ns = 60 * SEC;
		paced_run(&p);
		assert_rate(&p, 400, 10 * SEC);
		/* 20 % are left, and 95 % of the rest are used. */
		assert_in_range(p.r->total.counts.accepted, 2400 * 95 / 100, 2400);
		assert_string_equal(p.r->document.bound_by, "pace");
		assert_non_null(strstr(p.r->document.bound_note, "ten-seconds"));
		assert_true(held_by(&p, "ten-seconds") > 0.9);
		/* A burst of 8 that take 8 ms each; afterwards one or two would do. */
		assert_in_range(sessions_peak(&p), 1, 16);
		paced_end(&p);
	}
}

/* Several limits at once, of which now this and now that one binds; and the scale. */
static void all_windows_are_kept(void **state)
{
	struct paced p;

	(void)state;
	paced_begin(&p, 1010);
	by_hand_limit(&p.hand, "hourly", LIMIT_MESSAGES, LIMIT_PER_SITE, 2000, 3600 * SEC)->burst =
		400;
	by_hand_limit(&p.hand, "minutely", LIMIT_MESSAGES, LIMIT_PER_ACCOUNT, 100, 60 * SEC);
	by_hand_limit(&p.hand, "addressed", LIMIT_RECIPIENTS, LIMIT_PER_SOURCE, 9000, 3600 * SEC);
	p.r->plan.scale = 60;
	p.r->recipients_per_message = "1-10";
	p.r->plan.duration_ns = 300 * SEC;
	p.every_ns = 10 * MS;
	paced_run(&p);
	assert_rate(&p, 1600, 60 * SEC);
	assert_rate(&p, 80, SEC);
	assert_true(p.r->sink.recipients <= 5 * 7200 + 7200 / 50);
	assert_true(p.r->sink.recipients > 5 * 7200 * 85 / 100);
	paced_end(&p);
}

static void connections_are_kept(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct paced p;

		paced_begin(&p, 1020 + (uint64_t)i);
		by_hand_limit(&p.hand, "at-once", LIMIT_CONNECTIONS, LIMIT_PER_SOURCE, 10, 0);
		by_hand_limit(&p.hand, "each", LIMIT_MESSAGES, LIMIT_PER_CONNECTION, 7, 0);
		p.every_ns = MS;
		p.r->plan.threads = 1 + i % 3;
		p.r->plan.sessions = 50;
		p.r->plan.messages = 3000;
		if (i >= 3) {
			/* Opened before the first message: the run begins all the same. */
			p.r->plan.is_open_loop = true;
			p.r->plan.stage_count = 1;
			p.r->plan.stages[0] = (struct arrival_stage){10 * SEC, UINT64_C(300000000),
								     UINT64_C(300000000)};
			p.r->plan.duration_ns = 10 * SEC;
		}
		paced_run(&p);
		assert_int_equal(sessions_peak(&p), 8);
		assert_int_equal(p.r->total.counts.accepted, 3000);
		assert_true(p.r->total.counts.sessions_opened >= 3000 / 7);
		assert_int_equal(row(&p)->connections_peak, 8);
		assert_int_equal(row(&p)->connections_allowed, 8);
		assert_int_equal(row(&p)->messages_per_connection, 7);
		assert_int_equal(p.r->sink.over_limit, 0);
		if (i < 3)
			assert_true(held_by(&p, "at-once") > 0.5);
		paced_end(&p);
	}
}

/* Two targets of one provider share what is counted by source, and not what is counted by site. */
static void targets_share_a_budget(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct paced p;

		paced_begin(&p, 1030 + (uint64_t)i);
		p.hand.profile.headroom_millis = 0;
		by_hand_limit(&p.hand, "second", LIMIT_MESSAGES,
			      i == 0 ? LIMIT_PER_SOURCE : LIMIT_PER_SITE, 100, SEC);
		rehearsal_target(p.r, "198.51.100.25");
		snprintf(p.r->plan.targets[1].site, sizeof(p.r->plan.targets[1].site), "another");
		p.r->plan.duration_ns = 20 * SEC;
		paced_run(&p);
		assert_rate(&p, i == 0 ? 100 : 200, SEC);
		assert_in_range(p.r->total.counts.accepted, i == 0 ? 1900 : 3800,
				i == 0 ? 2000 : 4000);
		paced_end(&p);
	}
}

/* An arrival that the pace holds back stays due when it was: its response time shows the wait. */
static void what_waits_is_late(void **state)
{
	struct paced p;
	const struct hdr *response, *service;

	(void)state;
	paced_begin(&p, 1040);
	p.hand.profile.headroom_millis = 0;
	by_hand_limit(&p.hand, "second", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 100, SEC);
	p.r->plan.is_open_loop = true;
	p.r->plan.stage_count = 1;
	p.r->plan.stages[0] =
		(struct arrival_stage){10 * SEC, UINT64_C(200000000), UINT64_C(200000000)};
	p.r->plan.duration_ns = 10 * SEC;
	paced_run(&p);
	assert_rate(&p, 100, SEC);
	response = p.r->total.phases[PHASE_RESPONSE];
	service = p.r->total.phases[PHASE_SERVICE];
	assert_int_equal(service->max_us, 8000);
	/* Half of them are left over; the last one that went was due five seconds before. */
	assert_in_range(hdr_percentile(response, 50), 2300000, 2700000);
	assert_in_range(p.r->left_over, 980, 1050);
	assert_true(p.r->document.rate.is_valid);
	assert_string_equal(p.r->document.bound_by, "pace");
	assert_non_null(strstr(p.r->document.bound_note, "second"));
	assert_int_equal(p.r->document.status, EXIT_UNDELIVERED);
	paced_end(&p);
}

/* A surplus of connections is ended after a minute, down to one, and none is opened again. */
static void what_is_idle_is_ended(void **state)
{
	struct paced p;

	(void)state;
	paced_begin(&p, 1050);
	by_hand_limit(&p.hand, "minutely", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 60, 60 * SEC);
	p.every_ns = 10 * MS;
	p.r->plan.is_open_loop = true;
	p.r->plan.stage_count = 1;
	p.r->plan.stages[0] = (struct arrival_stage){200 * SEC, 290000, 290000};
	p.r->plan.duration_ns = 200 * SEC;
	paced_run(&p);
	assert_int_equal(sessions_peak(&p), 20);
	assert_int_equal(p.samples[p.count - 1000].sessions, 1);
	assert_int_equal(p.r->total.counts.sessions_opened, 20);
	assert_int_equal(p.r->total.counts.accepted, 58);
	assert_int_equal(p.r->total.counts.errors, 0);
	paced_end(&p);
}

/* ---- replies ---- */

static struct profile_rule *pause_rule(struct paced *p, uint16_t code, int64_t hold_ns)
{
	struct profile_rule *r = by_hand_rule(&p->hand, "pause", code, "slow", CLASS_THROTTLED,
					      SCOPE_SOURCE, DIAL_SUSPEND);

	r->action = ACTION_PAUSE;
	r->hold_ns = hold_ns;
	return r;
}

/* From the reply on, and what was under way has ended: no connection, no message. */
static void a_pause_is_silence(void **state)
{
	static const char *const faults[] = {
		"mail:reply=421 4.7.0 slow down;after=100;first=1",
		"rcpt:reply=450 4.7.0 slow down;after=100;first=1",
		"dot:reply=421 4.7.0 slow down;after=100;first=1",
		"banner:reply=450 4.7.0 slow down;after=3;first=1",
	};

	(void)state;
	for (int i = 0; i < 16; i++) {
		struct paced p;
		int from = -1, silent = 0;

		paced_begin(&p, 1100 + (uint64_t)i);
		pause_rule(&p, i % 4 % 2 == 0 ? 421 : 450, 30 * SEC);
		rehearsal_fault(p.r, faults[i % 4]);
		p.r->plan.threads = 1 + i % 3;
		p.r->plan.think_ns = i >= 12 ? 300 * MS : 0;
		p.r->plan.duration_ns = 60 * SEC;
		paced_run(&p);
		assert_int_equal(row(&p)->pauses, 1);
		for (int k = 1; k < p.count; k++) {
			bool is_silent = p.samples[k].sessions == 0 &&
					 p.samples[k].mails == p.samples[k - 1].mails;

			if (is_silent && from < 0 && p.samples[k].mails > 0)
				from = k;
			silent += is_silent && from >= 0;
		}
		/* Thirty seconds less what it takes to end what was under way. */
		assert_in_range(silent, 29900 / 5, 30100 / 5);
		assert_true(held_by(&p, "pause") > 0.45);
		/* Afterwards it goes on. */
		assert_true(p.r->total.counts.accepted > p.samples[from].accepted + 200);
		paced_end(&p);
	}
}

/* A pause that asks for longer than the run lasts: it ends in time, and says why. */
static void a_pause_longer_than_the_run(void **state)
{
	struct paced p;

	(void)state;
	paced_begin(&p, 1120);
	pause_rule(&p, 421, 3600 * SEC);
	rehearsal_fault(p.r, "mail:reply=421 4.7.0 slow down;after=100");
	p.r->plan.threads = 2;
	p.r->plan.duration_ns = 20 * SEC;
	paced_run(&p);
	assert_true(p.r->over_ns - p.r->begin_ns < 21 * SEC);
	assert_string_equal(p.r->document.bound_by, "pace");
	assert_non_null(strstr(p.r->document.bound_note, "pause"));
	paced_end(&p);
}

static void a_reply_ends_the_run(void **state)
{
	struct paced p;

	(void)state;
	paced_begin(&p, 1130);
	by_hand_rule(&p.hand, "closed", 554, "account", CLASS_POLICY, SCOPE_ACCOUNT, DIAL_NONE)
		->action = ACTION_ABORT;
	rehearsal_fault(p.r, "mail:reply=554 5.7.0 account closed;after=100");
	p.r->plan.threads = 2;
	p.r->plan.duration_ns = 3600 * SEC;
	paced_run(&p);
	assert_true(p.r->over_ns - p.r->begin_ns < 2 * SEC);
	assert_int_equal(p.r->document.status, EXIT_UNDELIVERED);
	assert_string_equal(p.r->document.pace.aborted_because,
			    "closed ended it (by-hand): 554 5.7.0 account closed");
	assert_in_range(p.r->total.counts.rejected, 1, 20);
	paced_end(&p);
}

/*
 * RFC 5321 s3.8: 421 ends the connection, whatever it answers. Where it answered the dot it is the
 * message's last word; a connection that breaks there without one leaves it in doubt.
 */
static void the_kinds_of_421(void **state)
{
	static const struct {
		const char *fault;
		uint64_t deferred, in_doubt, failed, throttled, dropped;
	} kinds[] = {
		{"banner:reply=421 4.7.0 slow;every=3;first=15", 0, 0, 0, 5, 0},
		{"ehlo:reply=421 4.7.0 slow;every=3;first=15", 0, 0, 0, 5, 0},
		{"mail:reply=421 4.7.0 slow;every=9;first=45", 5, 0, 0, 5, 0},
		{"data:reply=421 4.7.0 slow;every=9;first=45", 5, 0, 0, 5, 0},
		{"dot:reply=421 4.7.0 slow;every=9;first=45", 5, 0, 0, 5, 0},
		{"dot:close;every=9;first=45", 0, 5, 0, 0, 5},
		{"data:close;every=9;first=45", 0, 0, 5, 0, 5},
		{"banner:close;every=3;first=15", 0, 0, 0, 0, 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct record_counts *c;
		struct paced p;

		paced_begin(&p, 1140 + i);
		by_hand_rule(&p.hand, "slow", 421, "slow", CLASS_THROTTLED, SCOPE_CONNECTION,
			     DIAL_CONNECTIONS)
			->action = ACTION_CLOSE;
		rehearsal_fault(p.r, kinds[i].fault);
		p.r->plan.messages_per_connection = 3;
		p.r->plan.messages = 400;
		paced_run(&p);
		c = &p.r->total.counts;
		if (c->deferred != kinds[i].deferred || c->in_doubt != kinds[i].in_doubt ||
		    c->failed != kinds[i].failed || row(&p)->throttled != kinds[i].throttled ||
		    row(&p)->dropped != kinds[i].dropped)
			fail_msg("%s: deferred %llu, in doubt %llu, failed %llu, throttled %llu, "
				 "dropped %llu",
				 kinds[i].fault, (unsigned long long)c->deferred,
				 (unsigned long long)c->in_doubt, (unsigned long long)c->failed,
				 (unsigned long long)row(&p)->throttled,
				 (unsigned long long)row(&p)->dropped);
		assert_int_equal(c->started, 400);
		paced_end(&p);
	}
}

/* A 421 that the sink sends to all, idle or not, as it goes. */
static void told_to_leave_while_idle(void **state)
{
	struct paced p;

	(void)state;
	paced_begin(&p, 1160);
	by_hand_limit(&p.hand, "second", LIMIT_MESSAGES, LIMIT_PER_SOURCE, 10, SEC);
	p.r->plan.idle_ns = SEC;
	p.r->plan.duration_ns = 10 * SEC;
	rehearsal_at(p.r, 5 * SEC, stop_listening, 0);
	paced_run(&p);
	assert_true(p.r->total.counts.accepted > 20);
	/* Five in a row that nobody answered: the path rests. */
	assert_true(row(&p)->rests > 0);
	paced_end(&p);
}

/* ---- adaptive control ---- */

static void adapts(uint64_t seed, const char *const *faults, int fault_count, uint64_t most,
		   uint64_t least)
{
	struct paced p;
	uint64_t refused = 0, mails = 0;

	paced_begin(&p, seed);
	no_profile(&p);
	by_hand_rule(&p.hand, "rate", 451, "fast", CLASS_THROTTLED, SCOPE_SOURCE, DIAL_RATE);
	by_hand_rule(&p.hand, "many", 421, "many", CLASS_THROTTLED, SCOPE_SOURCE, DIAL_CONNECTIONS);
	for (int i = 0; i < fault_count; i++)
		rehearsal_fault(p.r, faults[i]);
	p.r->plan.adapt_interval_ns = SEC;
	p.r->plan.duration_ns = 120 * SEC;
	p.every_ns = 10 * MS;
	paced_run(&p);
	/* The second half: what was to be found is found by then. */
	for (int i = 0; i < p.count; i++) {
		if (p.samples[i].at_ns < 60 * SEC)
			mails = p.samples[i].mails;
	}
	mails = p.samples[p.count - 1].mails - mails;
	refused = p.r->total.counts.deferred;
	assert_in_range(mails, least * 60, most * 60);
	assert_true(refused * 50 < p.r->total.counts.started);
	assert_true(row(&p)->cuts > 0);
	assert_true(p.r->document.pace.does_adapt);
	assert_true(p.r->document.pace.interval_s == 1.0);
	paced_end(&p);
}

static void adapts_to_a_rate(void **state)
{
	static const char *const faults[] = {"mail:reply=451 4.7.1 too fast;after=100/s"};

	(void)state;
	adapts(1200, faults, 1, 105, 85);
}

static void adapts_to_connections(void **state)
{
	struct paced p;

	(void)state;
	paced_begin(&p, 1210);
	no_profile(&p);
	by_hand_rule(&p.hand, "many", 421, "", CLASS_THROTTLED, SCOPE_SOURCE, DIAL_CONNECTIONS);
	p.r->sink_plan.session_max = 5;
	p.r->plan.adapt_interval_ns = SEC;
	p.r->plan.duration_ns = 60 * SEC;
	paced_run(&p);
	/* Five at a time, 8 ms each. */
	assert_in_range(p.r->total.counts.accepted, 60 * 625 * 85 / 100, 60 * 625);
	assert_true(p.r->sink.over_limit * 50 < p.r->total.counts.accepted);
	assert_in_range(row(&p)->connections_allowed, 4, 6);
	paced_end(&p);
}

/* ---- anything at any time ---- */

static const char *const troubles[] = {
	"connect:refuse;p=0.3",
	"banner:close;p=0.2",
	"banner:reply=421 4.3.2 slow;p=0.2",
	"ehlo:reset;p=0.2",
	"ehlo:reply=450 4.3.0 slow;p=0.2",
	"mail:reply=450 4.3.0 slow;p=0.1",
	"mail:close;p=0.05",
	"rcpt:reply=550 5.1.1 nobody;p=0.2",
	"rcpt:reply=421 4.3.2 bye;p=0.02",
	"rcpt:garbage=50;p=0.02",
	"data:reset;p=0.05",
	"body:stall;at=500;p=0.02",
	"dot:reply=451 4.3.0 slow;p=0.1",
	"dot:reply=421 4.3.2 bye;p=0.1",
	"dot:close;p=0.05",
	"dot:stall;p=0.02",
	"dot:delay=lognormal:5ms,1",
	"quit:close;p=0.5",
	"quit:stall;p=0.3",
};
#define TROUBLES (sizeof(troubles) / sizeof(troubles[0]))

static void trouble(struct paced *p, uint64_t seed)
{
	struct smtp_client_params *smtp;
	struct profile_rule *rule;

	paced_begin(p, seed);
	p->slack_ns = 20 * MS;
	smtp = &p->r->plan.targets[0].smtp;
	p->r->plan.duration_ns = 3 * SEC;
	p->r->plan.drain_ns = 15 * SEC;
	p->r->plan.sessions = 9;
	p->r->plan.threads = 1 + (int)(seed % 3);
	p->r->sink_threads = 1 + (int)(seed % 2);
	p->r->plan.think_ns = seed % 7 == 0 ? 20 * MS : 0;
	p->r->plan.does_adapt = seed % 4 < 2;
	p->r->plan.adapt_interval_ns = 200 * MS;
	p->r->recipients_per_message = seed % 4 == 1 ? "1-4" : NULL;
	smtp->use_pipelining = seed % 3 == 0;
	smtp->timeouts.banner_ns = smtp->timeouts.ehlo_ns = smtp->timeouts.dot_ns =
		smtp->timeouts.body_ns = smtp->timeouts.quit_ns = 500 * MS;
	if (seed % 5 == 0)
		rehearsal_target(p->r, "198.51.100.25");
	if (seed % 2 == 0) {
		p->r->plan.is_open_loop = true;
		p->r->plan.stage_count = 1;
		p->r->plan.stages[0] = (struct arrival_stage){3 * SEC, 400000000, 400000000};
	}
	by_hand_limit(&p->hand, "at-once", LIMIT_CONNECTIONS, LIMIT_PER_SOURCE, 1 + seed % 6, 0);
	by_hand_limit(&p->hand, "second", LIMIT_MESSAGES, LIMIT_PER_ACCOUNT, 20 + seed % 200, SEC);
	by_hand_limit(&p->hand, "opened", LIMIT_CONNECTIONS, LIMIT_PER_SITE, 20, SEC);
	by_hand_limit(&p->hand, "each", LIMIT_MESSAGES, LIMIT_PER_CONNECTION, 1 + seed % 30, 0);
	by_hand_limit(&p->hand, "taken", LIMIT_RECIPIENTS, LIMIT_PER_SOURCE_SITE, 1000, SEC)
		->counts_accepted = true;
	rule = pause_rule(p, 450, 100 * MS);
	rule->trigger_count = 3;
	rule->trigger_ns = SEC;
	by_hand_rule(&p->hand, "slower", 451, "slow", CLASS_THROTTLED, SCOPE_SITE, DIAL_RATE);
	by_hand_rule(&p->hand, "fewer", 421, "slow", CLASS_THROTTLED, SCOPE_SOURCE,
		     DIAL_CONNECTIONS);
}

static void each_trouble(void **state)
{
	(void)state;
	for (size_t i = 0; i < TROUBLES; i++) {
		for (uint64_t k = 0; k < 6; k++) {
			struct paced p;

			trouble(&p, 20000 + i * 100 + k);
			rehearsal_fault(p.r, troubles[i]);
			paced_run(&p);
			/* What the sink delays is counted there when the delay is over. */
			if (strstr(troubles[i], "delay") == NULL &&
			    strstr(troubles[i], "stall") == NULL)
				assert_rate(&p, (20 + p.r->seed % 200) * 8 / 10, SEC);
			paced_end(&p);
		}
	}
}

static void all_troubles(void **state)
{
	(void)state;
	for (uint64_t k = 0; k < 40; k++) {
		struct paced p;

		trouble(&p, 30000 + k);
		for (size_t i = k % 3; i < TROUBLES; i += 3)
			rehearsal_fault(p.r, troubles[i]);
		for (int i = 0; i < 6; i++)
			rehearsal_at(p.r, (100 + i * 370 + (int64_t)k * 13) * MS,
				     i % 2 == 0 ? stall_sinks : stall_senders, 50 * MS);
		if (k % 4 == 0)
			rehearsal_at(p.r, (500 + (int64_t)k * 20) * MS, interrupt,
				     1 + (int64_t)k / 4 % 2);
		paced_run(&p);
		paced_end(&p);
	}
}

static void same_seed_same_document(void **state)
{
	(void)state;
	for (uint64_t k = 0; k < 4; k++) {
		struct paced a, b;

		trouble(&a, 40000 + k);
		trouble(&b, 40000 + k);
		rehearsal_fault(a.r, "dot:reply=451 4.3.0 slow;p=0.1");
		rehearsal_fault(b.r, "dot:reply=451 4.3.0 slow;p=0.1");
		paced_run(&a);
		paced_run(&b);
		assert_string_equal(a.r->json, b.r->json);
		paced_end(&a);
		paced_end(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_is_kept),
		cmocka_unit_test(all_windows_are_kept),
		cmocka_unit_test(connections_are_kept),
		cmocka_unit_test(targets_share_a_budget),
		cmocka_unit_test(what_waits_is_late),
		cmocka_unit_test(what_is_idle_is_ended),
		cmocka_unit_test(a_pause_is_silence),
		cmocka_unit_test(a_pause_longer_than_the_run),
		cmocka_unit_test(a_reply_ends_the_run),
		cmocka_unit_test(the_kinds_of_421),
		cmocka_unit_test(told_to_leave_while_idle),
		cmocka_unit_test(adapts_to_a_rate),
		cmocka_unit_test(adapts_to_connections),
		cmocka_unit_test(each_trouble),
		cmocka_unit_test(all_troubles),
		cmocka_unit_test(same_seed_same_document),
	};

	return cmocka_run_group_tests_name("sender: pace", tests, NULL, NULL);
}
