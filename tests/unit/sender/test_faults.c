/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_faults.c - whole runs against a sink and a network that misbehave
 *
 * rehearsal_run() checks after each run that every message has one outcome, that both sides agree
 * on what was taken but for what is in doubt, and that nothing is left over of any session.
 */
#include "rehearsal.h"

#define SEEDS 2

/* ---- rules with a known count ---- */

static struct rehearsal *hundred(uint64_t seed, const char *rule)
{
	struct rehearsal *r = rehearsal_new(seed);

	r->plan.messages = 100;
	r->plan.threads = 2;
	rehearsal_fault(r, rule);
	rehearsal_run(r);
	return r;
}

struct expected {
	const char *rule;
	uint64_t accepted, deferred, rejected, failed, in_doubt;
	const char *phase, *kind; /* of the errors; NULL: none */
};

static const struct expected expectations[] = {
	{"mail:reply=450 4.3.0 later;first=10", 90, 10, 0, 0, 0, NULL, NULL},
	{"rcpt:reply=550 5.1.1 nobody;first=10", 90, 0, 10, 0, 0, NULL, NULL},
	{"data:reply=451 4.3.0 later;first=10", 90, 10, 0, 0, 0, NULL, NULL},
	{"dot:reply=554 5.6.0 no;first=10", 90, 0, 10, 0, 0, NULL, NULL},
	{"mail:close;first=10", 90, 0, 0, 10, 0, "mail", "closed early"},
	{"rcpt:reset;first=10", 90, 0, 0, 10, 0, "rcpt", "reset"},
	{"body:reset;at=300;first=10", 90, 0, 0, 0, 10, "accept", "reset"},
	{"dot:close;first=10", 90, 0, 0, 0, 10, "accept", "closed early"},
	{"dot:reset;first=10", 90, 0, 0, 0, 10, "accept", "reset"},
	{"dot:reply=421 4.3.2 bye;first=10", 90, 10, 0, 0, 0, "accept", "server closing (421)"},
	{"mail:reply=421 4.3.2 bye;first=10", 90, 10, 0, 0, 0, "mail", "server closing (421)"},
	{"dot:garbage=40;first=10", 90, 0, 0, 0, 10, NULL, NULL},
	{"connect:refuse;first=3", 100, 0, 0, 0, 0, "banner", "reset"},
	{"banner:reply=450 4.7.1 no;first=3", 100, 0, 0, 0, 0, "banner", "refused at connect"},
	{"quit:reset", 100, 0, 0, 0, 0, "quit", "reset"},
};

static void known_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
		const struct expected *x = &expectations[i];
		struct rehearsal *r = hundred(1, x->rule);
		const struct record_counts *c = &r->total.counts;

		if (c->accepted != x->accepted || c->deferred != x->deferred ||
		    c->rejected != x->rejected || c->failed != x->failed ||
		    c->in_doubt != x->in_doubt)
			fail_msg(
				"%s: %d accepted, %d deferred, %d rejected, %d failed, %d in doubt",
				x->rule, (int)c->accepted, (int)c->deferred, (int)c->rejected,
				(int)c->failed, (int)c->in_doubt);
		if (x->kind != NULL && error_of(r, x->phase, x->kind) == NULL)
			fail_msg("%s: no error \"%s\" in phase %s", x->rule, x->kind, x->phase);
		if (x->kind == NULL && x->in_doubt == 0 && c->errors != 0)
			fail_msg("%s: %s", x->rule, r->document.errors[0].kind);
		rehearsal_free(r);
	}
}

/* Replies are counted as they came, each with its command, code and enhanced code. */
static void replies_are_counted(void **state)
{
	struct rehearsal *r = hundred(2, "rcpt:reply=452 4.2.2 over quota;every=4");
	const struct run_reply *found = NULL;

	(void)state;
	for (size_t i = 0; i < r->document.reply_count; i++)
		if (r->document.replies[i].code == 452)
			found = &r->document.replies[i];
	assert_non_null(found);
	assert_string_equal(found->command, "rcpt");
	assert_string_equal(found->enhanced, "4.2.2");
	assert_int_equal(found->count, 25);
	assert_string_equal(found->sample, "4.2.2 over quota");
	assert_int_equal(r->total.counts.replies_4xx, 25);
	assert_int_equal(r->total.counts.deferred, 25);
	/* A RSET follows each refusal, and is no session's length. */
	assert_int_equal(r->total.phases[PHASE_SESSION]->total, 4);
	rehearsal_free(r);
}

/* A reply that never comes: the message counts with the time that it took to give up. */
static void time_outs_count_with_their_time(void **state)
{
	struct rehearsal *r = hundred(3, "rcpt:stall;first=5");

	(void)state;
	assert_int_equal(r->total.counts.failed, 5);
	assert_non_null(error_of(r, "rcpt", "timed out"));
	assert_int_equal(r->total.phases[PHASE_SERVICE]->total, 100);
	assert_in_range(r->total.phases[PHASE_SERVICE]->max_us, 10000000, 10010000);
	rehearsal_free(r);
	/* And one whose connection broke tells nothing about how long a message takes. */
	r = hundred(4, "rcpt:reset;first=5");
	assert_int_equal(r->total.phases[PHASE_SERVICE]->total, 95);
	rehearsal_free(r);
}

/* A connection that breaks while its session thinks is no message's end. */
static void broken_while_thinking(void **state)
{
	struct rehearsal *r = rehearsal_new(5);

	(void)state;
	r->plan.messages = 40;
	r->plan.think_ns = 400 * MS;
	r->sink_plan.idle_ns = 150 * MS;
	rehearsal_run(r);
	assert_int_equal(r->total.counts.accepted, 40);
	assert_int_equal(r->total.counts.started, 40);
	assert_non_null(error_of(r, "session", "server closing (421)"));
	rehearsal_free(r);
}

/* ---- anything at any time ---- */

static const char *const rules[] = {
	"connect:refuse;p=0.3",
	"connect:close;p=0.2",
	"banner:close;p=0.2",
	"banner:delay=exp:20ms",
	"banner:reply=421 4.3.2 full;p=0.2",
	"ehlo:reset;p=0.2",
	"ehlo:reply=450 4.3.0 later;p=0.2",
	"tls:alert;p=0.2",
	"tls:garbage=100;p=0.2",
	"tls:close;p=0.2",
	"starttls:reply=454 4.7.0 no;p=0.2",
	"starttls:close;p=0.2",
	"mail:reply=450 4.3.0 later;p=0.1",
	"mail:close;p=0.05",
	"mail:delay=uniform:1ms-50ms",
	"rcpt:reply=550 5.1.1 nobody;p=0.2",
	"rcpt:reply=421 4.3.2 bye;p=0.02",
	"rcpt:garbage=50;p=0.02",
	"data:reply=554 5.3.0 no;p=0.1",
	"data:reset;p=0.05",
	"body:reset;at=300;p=0.05",
	"body:close;at=100;p=0.05",
	"body:stall;at=500;p=0.02",
	"dot:reply=451 4.3.0 later;p=0.1",
	"dot:reply=421 4.3.2 bye;p=0.1",
	"dot:close;p=0.05",
	"dot:reset;p=0.05",
	"dot:stall;p=0.02",
	"dot:tarpit=1ms;p=0.2",
	"dot:delay=lognormal:5ms,1",
	"dot:oversize=3000;p=0.02",
	"quit:close;p=0.5",
	"quit:stall;p=0.3",
};
#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

static struct rehearsal *troubled(uint64_t seed)
{
	static const enum sink_security security[] = {
		[SMTP_TLS_NONE] = SINK_CLEAR,
		[SMTP_TLS_IMPLICIT] = SINK_IMPLICIT,
		[SMTP_TLS_START] = SINK_STARTTLS,
		[SMTP_TLS_MAY] = SINK_STARTTLS,
	};
	struct rehearsal *r = rehearsal_new(seed);
	struct smtp_client_params *smtp = &r->plan.targets[0].smtp;

	r->plan.duration_ns = 2 * NS_PER_SEC;
	r->plan.drain_ns = 15 * NS_PER_SEC;
	r->plan.sessions = 9;
	r->plan.threads = 1 + (int)(seed % 3);
	r->sink_threads = 1 + (int)(seed % 2);
	r->plan.messages_per_connection = seed % 5 == 0 ? 7 : 0;
	r->plan.think_ns = seed % 7 == 0 ? 20 * MS : 0;
	smtp->tls = (enum smtp_tls_use)(seed % 4);
	smtp->use_pipelining = seed % 3 == 0;
	smtp->use_chunking = seed % 6 == 0;
	smtp->timeouts.banner_ns = smtp->timeouts.ehlo_ns = smtp->timeouts.dot_ns =
		smtp->timeouts.body_ns = smtp->timeouts.quit_ns = smtp->timeouts.starttls_ns =
			500 * MS;
	r->sink_plan.listeners[0].security = security[smtp->tls];
	r->recipients_per_message = seed % 4 == 1 ? "1-4" : NULL;
	if (seed % 2 == 0) {
		r->plan.is_open_loop = true;
		r->plan.stage_count = 1;
		r->plan.stages[0] =
			(struct arrival_stage){r->plan.duration_ns, 400000000, 400000000};
		r->plan.arrivals = seed % 8 == 0 ? ARRIVAL_POISSON : ARRIVAL_CONSTANT;
	}
	return r;
}

static void each_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < RULE_COUNT; i++) {
		for (uint64_t k = 0; k < SEEDS; k++) {
			struct rehearsal *r = troubled(10000 + i * 100 + k);

			rehearsal_fault(r, rules[i]);
			rehearsal_run(r);
			if (r->total.counts.started == 0 && !r->shared.is_unreachable)
				fail_msg("%s, seed %llu: nothing was sent", rules[i],
					 (unsigned long long)r->seed);
			rehearsal_free(r);
		}
	}
}

static void all_rules_together(void **state)
{
	(void)state;
	for (uint64_t k = 0; k < 40; k++) {
		struct rehearsal *r = troubled(20000 + k);

		for (size_t i = k % 3; i < RULE_COUNT; i += 3)
			rehearsal_fault(r, rules[i]);
		rehearsal_run(r);
		rehearsal_free(r);
	}
}

/* The network breaks connections after so many octets, in either direction and in each way. */
static void links_that_break(void **state)
{
	static const enum sim_cut cuts[] = {SIM_CUT_RESET, SIM_CUT_CLOSE, SIM_CUT_STALL};

	(void)state;
	for (uint64_t k = 0; k < 36; k++) {
		struct rehearsal *r = troubled(30000 + k);
		struct sim_rule rule = {
			.effect = SIM_CUT,
			.cut = cuts[k % 3],
			.probability = 0.7,
			.after_bytes = 37 * (k + 1) * (k + 1),
			.after_ns = cuts[k % 3] == SIM_CUT_STALL ? 300 * MS : 0,
			.direction = (enum sim_direction)(k / 3 % 3),
		};

		rehearsal_rule(r, &rule, "*");
		rehearsal_run(r);
		rehearsal_free(r);
	}
}

/* Some connects go nowhere, some are refused, some find no port. */
static void connects_that_fail(void **state)
{
	static const enum link_end ends[] = {LINK_END_TIMED_OUT,   LINK_END_REFUSED,
					     LINK_END_UNREACHABLE, LINK_END_NO_PORTS,
					     LINK_END_NO_MEMORY,   LINK_END_DENIED};

	(void)state;
	for (uint64_t k = 0; k < 24; k++) {
		struct rehearsal *r = troubled(40000 + k);
		struct sim_rule rule = {
			.effect = SIM_FAIL,
			.end = ends[k % 6],
			.probability = 0.4,
			.after_ns = k % 2 == 0 ? 0 : 20 * MS,
		};

		r->plan.messages_per_connection = 5;
		rehearsal_rule(r, &rule, "*");
		rehearsal_run(r);
		if (ends[k % 6] == LINK_END_NO_PORTS && r->plan.is_open_loop &&
		    r->total.counts.errors > 0)
			assert_false(r->document.rate.is_valid);
		rehearsal_free(r);
	}
}

/* Both sides stop and go on, in the middle of everything. */
static void stops_and_goes(void **state)
{
	(void)state;
	for (uint64_t k = 0; k < 20; k++) {
		struct rehearsal *r = troubled(50000 + k);

		rehearsal_fault(r, "dot:reset;p=0.01");
		for (int i = 0; i < 8; i++)
			rehearsal_at(r, (100 + i * 370 + (int64_t)k * 13) * MS,
				     i % 2 == 0 ? stall_sinks : stall_senders,
				     (50 + (int64_t)k * 20) * MS);
		rehearsal_run(r);
		rehearsal_free(r);
	}
}

/* The sink goes in the middle of the run, with 421 for all. */
static void the_sink_goes(void **state)
{
	(void)state;
	for (uint64_t k = 0; k < 12; k++) {
		struct rehearsal *r = troubled(60000 + k);

		rehearsal_at(r, NS_PER_SEC + (int64_t)k * MS, stop_listening, 0);
		rehearsal_run(r);
		assert_non_null(error_of(r, "connect", "refused"));
		assert_false(r->shared.is_unreachable);
		rehearsal_free(r);
	}
}

/*
 * Hundreds of sessions are told 421 while the client is stopped, and much is due when it goes on.
 * A turn handles 256 completions: in the step behind it some sessions have heard their 421 and are
 * not closed yet. They are neither given a message, nor asked to QUIT as the run ends there, nor
 * when their think time is over.
 */
static void hundreds_end_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct rehearsal *r = rehearsal_new(65000 + (uint64_t)i);

		r->plan.sessions = 900;
		r->plan.threads = 1 + i / 2 % 2;
		r->plan.duration_ns = NS_PER_SEC;
		if (i % 2 == 1) {
			r->plan.targets[0].smtp.tls = SMTP_TLS_IMPLICIT;
			r->sink_plan.listeners[0].security = SINK_IMPLICIT;
		}
		if (i % 3 < 2) {
			r->plan.is_open_loop = true;
			r->plan.stage_count = 1;
			r->plan.stages[0] =
				(struct arrival_stage){NS_PER_SEC, 20000000000, 20000000000};
		} else {
			r->plan.think_ns = 45 * MS;
		}
		/* The schedule is over in the second step behind the stop. */
		if (i % 3 == 1)
			r->plan.messages = 9000 + 300 * (uint64_t)r->plan.threads;
		rehearsal_at(r, 450 * MS, stall_senders, 60 * MS);
		rehearsal_at(r, 500 * MS, stop_listening, 0);
		rehearsal_run(r);
		assert_true(r->total.counts.accepted > 500);
		rehearsal_free(r);
	}
}

/* ---- nothing to be had ---- */

static void nobody_there(void **state)
{
	struct rehearsal *r = rehearsal_new(70);

	(void)state;
	r->plan.messages = 1000;
	r->plan.targets[0].addresses[0].port = 26;
	r->sink_plan.listeners[0].at = r->plan.targets[0].addresses[0];
	r->plan.targets[0].addresses[0].port = 27;
	rehearsal_run(r);
	assert_int_equal(r->document.status, EXIT_UNREACHABLE);
	assert_non_null(error_of(r, "connect", "refused"));
	/* Given up after a few attempts: nobody waits for the stall time. */
	assert_true(r->over_ns - r->begin_ns < NS_PER_SEC);
	rehearsal_free(r);
}

/* Trying again the same way is useless: the first failure is enough. */
static void a_bad_certificate(void **state)
{
	static const struct sim_certificate other = {"mx.example.org", "Test CA", 0, 0, false, 0};
	struct rehearsal *r = rehearsal_new(71);

	(void)state;
	r->plan.messages = 1000;
	r->plan.targets[0].smtp.tls = SMTP_TLS_IMPLICIT;
	r->sink_plan.listeners[0].security = SINK_IMPLICIT;
	r->sink_tls.certificate = &other;
	rehearsal_run(r);
	assert_int_equal(r->document.status, EXIT_UNREACHABLE);
	assert_non_null(error_of(r, "tls", "tls certificate for another name"));
	assert_true(r->over_ns - r->begin_ns < 50 * MS);
	rehearsal_free(r);
}

/* The time is over before the first connect was given up: that is no good run either. */
static void a_black_hole_and_a_short_run(void **state)
{
	struct rehearsal *r = rehearsal_new(72);
	struct sim_rule rule = {
		.effect = SIM_FAIL, .end = LINK_END_TIMED_OUT, .after_ns = 127 * NS_PER_SEC};

	(void)state;
	r->plan.duration_ns = NS_PER_SEC;
	rehearsal_rule(r, &rule, "*");
	rehearsal_run(r);
	assert_int_equal(r->document.status, EXIT_UNREACHABLE);
	assert_non_null(error_of(r, "connect", "timed out"));
	rehearsal_free(r);
}

/* One of two targets is dead, and fails long before the other one has answered. */
static void one_dead_target_of_two(void **state)
{
	struct rehearsal *r = rehearsal_new(73);

	(void)state;
	r->plan.sessions = 20;
	r->plan.messages = 100;
	rehearsal_target(r, "198.51.100.99");
	rehearsal_fault(r, "banner:delay=2s");
	rehearsal_run(r);
	assert_false(r->shared.is_unreachable);
	assert_int_equal(r->total.counts.accepted, 100);
	assert_non_null(error_of(r, "connect", "refused"));
	rehearsal_free(r);
}

static void two_dead_targets(void **state)
{
	struct rehearsal *r = rehearsal_new(74);

	(void)state;
	r->plan.sessions = 20;
	r->plan.messages = 100;
	r->plan.targets[0].addresses[0].port = 27;
	rehearsal_target(r, "198.51.100.99");
	rehearsal_run(r);
	assert_int_equal(r->document.status, EXIT_UNREACHABLE);
	assert_true(r->over_ns - r->begin_ns < NS_PER_SEC);
	rehearsal_free(r);
}

/* A second address that answers: found by each session, at once from then on. */
static void a_second_address(void **state)
{
	struct rehearsal *r = rehearsal_new(75);
	struct plan_target *t = &r->plan.targets[0];
	struct sim_rule rule = {
		.effect = SIM_FAIL, .end = LINK_END_TIMED_OUT, .after_ns = 127 * NS_PER_SEC};

	(void)state;
	r->plan.sessions = 40;
	r->plan.threads = 2;
	r->plan.messages = 400;
	r->plan.messages_per_connection = 2;
	t->addresses[1] = t->addresses[0];
	assert_true(endpoint_parse_address(span_of("198.51.100.99"), &t->addresses[0]));
	t->addresses[0].port = 25;
	t->address_count = 2;
	rehearsal_rule(r, &rule, "198.51.100.99");
	rehearsal_run(r);
	assert_int_equal(r->total.counts.accepted, 400);
	assert_int_equal(r->total.counts.errors, 0);
	/* 250 ms for the first of each session, and 2 ms for all others. */
	assert_int_equal(r->total.phases[PHASE_CONNECT]->min_us, 2000);
	assert_in_range(r->total.phases[PHASE_CONNECT]->max_us, 252000, 252500);
	assert_true(r->over_ns - r->begin_ns < NS_PER_SEC);
	rehearsal_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_numbers),
		cmocka_unit_test(replies_are_counted),
		cmocka_unit_test(time_outs_count_with_their_time),
		cmocka_unit_test(broken_while_thinking),
		cmocka_unit_test(each_rule),
		cmocka_unit_test(all_rules_together),
		cmocka_unit_test(links_that_break),
		cmocka_unit_test(connects_that_fail),
		cmocka_unit_test(stops_and_goes),
		cmocka_unit_test(the_sink_goes),
		cmocka_unit_test(hundreds_end_at_once),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(a_bad_certificate),
		cmocka_unit_test(a_black_hole_and_a_short_run),
		cmocka_unit_test(one_dead_target_of_two),
		cmocka_unit_test(two_dead_targets),
		cmocka_unit_test(a_second_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
