/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench.c - volley bench: options -> plan -> run -> report
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "base/log.h"
#include "cmd/bench_plan.h"
#include "cmd/commands.h"
#include "cmd/output.h"
#include "cmd/own_sink.h"
#include "cmd/secret.h"
#include "cmd/version.h"
#include "cmd/world.h"
#include "report/live.h"
#include "report/text.h"
#include "result/json.h"
#include "ring/ring.h"
#include "sender/host.h"

static volatile sig_atomic_t interrupts, signal_number;

static void on_signal(int number)
{
	signal_number = number;
	interrupts = interrupts + 1;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* ---- live view ---- */

struct bench_live {
	struct run_observer observer;
	struct live live;
	uint64_t wanted;
};

static int terminal_width(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static bool may_color(int fd)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(fd) && (no_color == NULL || no_color[0] == '\0');
}

static enum live_stage live_stage_of(enum run_stage stage)
{
	switch (stage) {
	case RUN_OPENING:
	case RUN_HOLDING:
		return LIVE_STARTING;
	case RUN_WARMING_UP:
		return LIVE_WARMUP;
	case RUN_MEASURING:
		return LIVE_MEASURING;
	case RUN_DRAINING:
		break;
	}
	return LIVE_DRAINING;
}

static uint64_t done_of(const struct record_counts *c)
{
	return c->accepted + c->deferred + c->rejected + c->failed + c->in_doubt;
}

static void on_second(struct run_observer *self, const struct run_second_view *view)
{
	struct bench_live *b = (struct bench_live *)self;
	const struct record_counts *a = &view->before->counts, *c = &view->interval->counts;
	const struct hdr *response = view->interval->phases[PHASE_RESPONSE];
	struct live_status status = {
		.stage = live_stage_of(view->stage),
		.elapsed_s = view->elapsed_s,
		.left_s = view->left_s,
		.sessions =
			{
				.connecting = view->connecting,
				.securing = view->securing,
				.idle = view->idle,
				.sending = view->sending,
				.closing = view->closing,
				.wanted = view->wanted,
			},
		.offered = view->offered,
		.messages_done = done_of(a) + done_of(c),
		.messages_wanted = b->wanted,
		.replies_2xx = a->replies_2xx + c->replies_2xx,
		.replies_4xx = a->replies_4xx + c->replies_4xx,
		.replies_5xx = a->replies_5xx + c->replies_5xx,
		.errors = a->errors + c->errors,
		.p50_us = RUN_NONE,
		.p99_us = RUN_NONE,
		.held_by = view->held_by,
	};

	if (view->interval_s > 0)
		status.rate = (double)done_of(c) / view->interval_s;
	if (response->total > 0)
		status.p50_us = hdr_percentile(response, 50);
	if (hdr_samples_beyond(response, 99) >= HDR_SAMPLES_MIN)
		status.p99_us = hdr_percentile(response, 99);
	if (b->live.is_terminal)
		b->live.width = terminal_width(STDERR_FILENO);
	live_show(&b->live, &status);
}

/* ---- the document's own part ---- */

static void fill_host(struct run_document *d)
{
	struct utsname name;
	struct ring_facts facts;

	snprintf(d->host.volley, sizeof(d->host.volley), "%s", VOLLEY_VERSION);
	snprintf(d->host.tls_library, sizeof(d->host.tls_library), "%s", tls_library());
	if (uname(&name) == 0)
		snprintf(d->host.kernel, sizeof(d->host.kernel), "%s %.60s %.20s", "Linux",
			 name.release, name.machine);
	if (ring_probe(&facts, NULL) == 0)
		snprintf(d->host.liburing, sizeof(d->host.liburing), "%s", facts.library);
	d->host.cpus = host_cpus();
}

static const char *tls_use_name(const struct sender_plan *p)
{
	static const char *const names[] = {
		[SMTP_TLS_NONE] = "none",
		[SMTP_TLS_IMPLICIT] = "implicit",
		[SMTP_TLS_START] = "starttls",
		[SMTP_TLS_MAY] = "optional",
	};

	for (int i = 1; i < p->target_count; i++)
		if (p->targets[i].smtp.tls != p->targets[0].smtp.tls)
			return "mixed";
	return names[p->targets[0].smtp.tls];
}

static void fill_tls(const struct bench_options *o, const struct sender_plan *p,
		     struct run_tls_config *t)
{
	static const char *const verify[] = {
		[TLS_VERIFY_FULL] = "full", [TLS_VERIFY_CA] = "ca", [TLS_VERIFY_NONE] = "none"};

	snprintf(t->use, sizeof(t->use), "%s", tls_use_name(p));
	snprintf(t->verify, sizeof(t->verify), "%s", verify[o->tls.verify]);
	snprintf(t->version_min, sizeof(t->version_min), "TLSv1.%d",
		 o->tls.min_version == TLS_VERSION_1_3 ? 3 : 2);
	snprintf(t->version_max, sizeof(t->version_max), "TLSv1.%d",
		 o->tls.max_version == TLS_VERSION_1_2 ? 2 : 3);
	run_set_text(&t->ciphers, o->tls.ciphers);
	run_set_text(&t->groups, o->tls.groups);
	t->is_resumption_on = o->tls.resume;
}

/* "30s@100/s 1m@100/s..500/s" */
static void fill_schedule(const struct sender_plan *p, struct run_config *c)
{
	char text[1024] = "", length[UNITS_TEXT_MAX];
	size_t len = 0;

	for (int i = 0; i < p->stage_count && len < sizeof(text); i++) {
		const struct arrival_stage *s = &p->stages[i];
		double from = (double)s->from_rate / 1e6, to = (double)s->to_rate / 1e6;

		if (p->stage_count == 1 && from == to)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%g/s", from);
		else
			len += (size_t)snprintf(
				text + len, sizeof(text) - len,
				from == to ? "%s%s@%g/s" : "%s%s@%g/s..%g/s", i > 0 ? " " : "",
				units_duration_text(s->length_ns, length), from, to);
	}
	run_set_text(&c->rate, text);
	snprintf(c->arrivals, sizeof(c->arrivals), "%s",
		 p->arrivals == ARRIVAL_POISSON ? "poisson" : "constant");
}

static void fill_config(const struct bench_options *o, const struct bench_plan *b,
			struct run_document *d)
{
	const struct sender_plan *p = &b->plan;
	const struct mail_facts *facts = mail_plan_facts(b->mail);
	struct run_config *c = &d->config;
	char text[ENDPOINT_TEXT_MAX];

	c->mode = p->is_open_loop ? RUN_OPEN : RUN_CLOSED;
	c->sessions = p->sessions;
	c->threads = p->threads;
	for (int i = 0; i < p->target_count; i++)
		run_texts_add(&c->targets, p->targets[i].url);
	for (int i = 0; i < p->source_count; i++)
		run_texts_add(&c->sources, endpoint_address_text(&p->sources[i], text));
	c->messages = o->has_messages ? (int64_t)p->messages : RUN_NONE;
	c->duration_s = (double)p->duration_ns / 1e9;
	c->warmup_s = (double)p->warmup_ns / 1e9;
	if (p->is_open_loop)
		fill_schedule(p, c);
	c->messages_per_connection =
		p->messages_per_connection != 0 ? (int64_t)p->messages_per_connection : RUN_NONE;
	c->batch_us = o->batch_ns != 0 ? o->batch_ns / NS_PER_US : RUN_NONE;
	run_set_text(&c->message, facts->text);
	snprintf(text, sizeof(text), facts->rcpt_min == facts->rcpt_max ? "%d" : "%d-%d",
		 facts->rcpt_min, facts->rcpt_max);
	run_set_text(&c->recipients, text);
	c->use_pipelining = o->use_pipelining;
	c->use_chunking = o->use_chunking;
	if (p->targets[0].smtp.auth != NULL)
		snprintf(c->auth, sizeof(c->auth), "%s",
			 __builtin_popcount(o->auth_mechanisms) == 1
				 ? sasl_mechanism_name((enum sasl_mechanism)o->auth_mechanisms)
				 : "any");
	fill_tls(o, p, &c->tls);
	c->seed = p->seed;
}

/* ---- the end ---- */

/* One sentence for a run in which nothing could be held: what happened, where, what to try. */
static void explain_unreachable(const struct run_document *d)
{
	const struct run_error *first = d->error_count > 0 ? &d->errors[0] : NULL;
	char escaped[RUN_SAMPLE_MAX];

	if (first == NULL) {
		fprintf(stderr, "volley: no session could be held\n");
		return;
	}
	log_escape(span_of(d->config.targets.items[0]), escaped, sizeof(escaped));
	fprintf(stderr, "volley: %s: %s in phase %s", escaped, first->kind, first->phase);
	if (first->sample[0] != '\0') {
		log_escape(span_of(first->sample), escaped, sizeof(escaped));
		fprintf(stderr, " (%s)", escaped);
	}
	fprintf(stderr, "%s%s\n", first->hint[0] != '\0' ? "; " : "", first->hint);
}

static void explain_abort(const struct run_document *d)
{
	char escaped[2 * RUN_NOTE_MAX];

	log_escape(span_of(d->pace.aborted_because), escaped, sizeof(escaped));
	fprintf(stderr, "volley: the run was ended by a reply: %s\n", escaped);
}

static int write_results(const struct bench_options *o, struct run_document *d, struct err *e)
{
	struct report_style style = {
		.use_color = may_color(STDOUT_FILENO),
		.width = isatty(STDOUT_FILENO) ? terminal_width(STDOUT_FILENO) : 100,
	};
	bool has_stdout = (o->json_path != NULL && strcmp(o->json_path, "-") == 0) ||
			  (o->log_path != NULL && strcmp(o->log_path, "-") == 0);

	if (!o->is_quiet && !has_stdout && report_text(d, stdout, &style, e) != 0)
		return -1;
	if (fflush(stdout) != 0)
		return err_set(e, EXIT_FAILED, 0, "the report could not be written to the output");
	if (o->json_path != NULL)
		return run_json_save(d, o->json_path, e);
	return 0;
}

static int carry_out(const struct bench_options *o, struct bench_plan *b, struct own_sink *sink,
		     struct run_document *d, struct err *e)
{
	struct cmd_world world;
	struct bench_live live = {
		.observer.on_second = on_second,
		.live =
			{
				.out = stderr,
				.is_terminal = isatty(STDERR_FILENO),
				.use_color = may_color(STDERR_FILENO),
				.width = terminal_width(STDERR_FILENO),
			},
		.wanted = b->plan.messages,
	};
	struct run_options options = {
		.plan = &b->plan,
		.world = &world.world,
		.observer = o->is_quiet ? NULL : &live.observer,
		.interrupts = &interrupts,
		.signal_number = &signal_number,
		.log_path = o->log_path,
		.log_failures_only = o->log_failures_only,
		.hlog_path = o->hlog_path,
		.lookups = &b->lookups,
	};
	int result;

	cmd_world_init(&world, b->use_tls ? &o->tls : NULL);
	world.batch_ns = o->batch_ns;
	catch_signals();
	result = run_carry_out(&options, d, e);
	live_clear(&live.live);
	own_sink_stop(sink, &d->end_to_end);
	bench_pace_classify(&b->pace, o, &b->plan, d);
	if (result == 0 && threshold_judge(o->thresholds, o->threshold_count, d) < 0)
		result = err_set(e, EXIT_FAILED, 0, "no memory for thresholds");
	return result;
}

static void print_plan(const struct run_document *d, const struct bench_plan *b)
{
	char text[ENDPOINT_TEXT_MAX], length[UNITS_TEXT_MAX];
	const struct sender_plan *p = &b->plan;

	for (int i = 0; i < p->target_count; i++) {
		printf("target    %s\n", p->targets[i].url);
		for (int j = 0; j < p->targets[i].address_count; j++)
			printf("          %s\n", endpoint_text(&p->targets[i].addresses[j], text));
	}
	printf("load      %s loop, %d sessions, %d thread%s\n", p->is_open_loop ? "open" : "closed",
	       p->sessions, p->threads, p->threads == 1 ? "" : "s");
	if (d->config.rate != NULL)
		printf("rate      %s, %s arrivals\n", d->config.rate, d->config.arrivals);
	if (p->messages != 0)
		printf("messages  %llu\n", (unsigned long long)p->messages);
	if (p->duration_ns != 0)
		printf("duration  %s\n", units_duration_text(p->duration_ns, length));
	if (d->config.batch_us != RUN_NONE)
		printf("batch     replies are waited for together, up to %lld us\n",
		       (long long)d->config.batch_us);
	printf("message   %s, %s recipient(s)\n", d->config.message, d->config.recipients);
	printf("TLS       %s, verify %s\n", d->config.tls.use, d->config.tls.verify);
	bench_pace_print(p, stdout);
	printf("seed      %llu\n", (unsigned long long)p->seed);
}

/* Points an empty list of targets at a sink of our own. */
static int use_own_sink(struct bench_options *o, struct own_sink *sink, struct err *e)
{
	char url[] = "smtp+starttls://localhost:00000";

	if (own_sink_start(sink, e) != 0)
		return -1;
	snprintf(strrchr(url, ':'), sizeof(":00000"), ":%u", sink->port);
	if (cmd_target_parse(url, &o->targets[0], e) != 0)
		return -1;
	o->target_count = 1;
	o->families = RESOLVE_IPV4;
	if (o->tls.ca_file == NULL)
		o->tls.ca_file = sink->ca_path;
	return 0;
}

/* A batch that the kernel cannot wait for is not left out in silence: figures would not compare. */
static int check_batch(const struct bench_options *o, struct err *e)
{
	struct ring_facts facts;

	if (o->batch_ns == 0)
		return 0;
	if (ring_probe(&facts, e) < 0)
		return -1;
	if (!facts.has_batch)
		return err_set(e, EXIT_USAGE, 0,
			       "--batch needs Linux 6.12 or later, and this is %s", facts.kernel);
	return 0;
}

static int bench(struct bench_options *o, struct bench_plan *b, struct own_sink *sink,
		 struct run_document *d, struct err *e)
{
	if (check_batch(o, e) < 0 || (o->target_count == 0 && use_own_sink(o, sink, e) != 0))
		return -1;
	if (cmd_check_output("json", o->json_path, e) != 0 ||
	    cmd_check_output("hlog", o->hlog_path, e) != 0 || bench_plan_make(b, o, e) != 0)
		return -1;
	fill_host(d);
	fill_config(o, b, d);
	if (o->is_dry_run) {
		print_plan(d, b);
		return 0;
	}
	if (carry_out(o, b, sink, d, e) != 0 || write_results(o, d, e) != 0)
		return -1;
	if (d->status == EXIT_UNREACHABLE)
		explain_unreachable(d);
	else if (d->pace.aborted_because[0] != '\0')
		explain_abort(d);
	else if (d->status == EXIT_INVALID)
		fprintf(stderr, "volley: the run is invalid: %s\n", d->rate.invalid_because);
	return 0;
}

int cmd_bench(int argc, char **argv)
{
	struct bench_options *o = calloc(1, sizeof(*o));
	struct bench_plan *b = calloc(1, sizeof(*b));
	struct own_sink sink = {.pid = 0};
	struct run_document d;
	struct err e = {0};
	int status;

	run_init(&d);
	if (o == NULL || b == NULL) {
		fprintf(stderr, "volley: no memory\n");
		return EXIT_FAILED;
	}
	cmd_hide_memory();
	if (bench_options_parse(o, argc, argv, &e) == 0) {
		d.run.command = cmd_line_text("bench", argc, argv);
		if (o->wants_help) {
			printf("Usage: volley bench [OPTION...] [TARGET...]\n\n"
			       "Load-tests an SMTP or LMTP server. TARGET: smtp://HOST:PORT, "
			       "smtps://, "
			       "smtp+starttls://,\nlmtp://, unix:/PATH. Without one, volley starts "
			       "a "
			       "sink of its own and tests that.\n");
			cmd_options_help(bench_option_table, stdout);
		} else {
			(void)bench(o, b, &sink, &d, &e);
		}
	}
	own_sink_stop(&sink, NULL);
	if (e.status != EXIT_WELL)
		fprintf(stderr, "volley: %s\n", e.text);
	status = e.status != EXIT_WELL ? (int)e.status : (int)d.status;
	run_fini(&d);
	bench_plan_fini(b);
	free(b);
	explicit_bzero(o, sizeof(*o));
	free(o);
	return status;
}
