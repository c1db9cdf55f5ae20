/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * head.c - the top of a text report: what was run, the verdict, the thresholds
 */
#include <math.h>
#include "base/units.h"
#include "report/figure.h"
#include "report/sections.h"

#define PROGRAM "volley bench"

static const char *count(uint64_t value, char text[UNITS_TEXT_MAX])
{
	return units_count_text(value, text);
}

static const char *plural(uint64_t value)
{
	return value == 1 ? "" : "s";
}

static void label(struct page *p, const char *name)
{
	page_printf(p, "  %-*s", SECTION_LABEL - 2, name);
}

/* "closed loop, 1,000 sessions on 2 threads, 60.0 s measured" */
static void put_what(struct page *p, const struct run_document *d)
{
	const struct run_config *c = &d->config;
	char sessions[UNITS_TEXT_MAX], length[FIGURE_MAX], warmup[FIGURE_MAX], text[256];
	uint64_t session_count = (uint64_t)c->sessions;

	page_ink(p, INK_BOLD);
	page_printf(p, PROGRAM);
	page_plain(p);
	snprintf(text, sizeof(text), ": %s loop, %s session%s on %d thread%s, %s measured%s%s%s",
		 c->mode == RUN_OPEN ? "open" : "closed", count(session_count, sessions),
		 plural(session_count), c->threads, plural((uint64_t)c->threads),
		 figure_length(d->run.seconds, length), c->warmup_s > 0 ? " after " : "",
		 c->warmup_s > 0 ? figure_length(c->warmup_s, warmup) : "",
		 c->warmup_s > 0 ? " of warm-up" : "");
	page_wrapped(p, text, (int)strlen(PROGRAM));
}

static void put_texts(struct page *p, const char *name, const struct run_texts *texts)
{
	for (int i = 0; i < texts->count; i++) {
		label(p, i == 0 ? name : "");
		page_foreign(p, texts->items[i], p->width - SECTION_LABEL);
		page_printf(p, "\n");
	}
}

static void put_message(struct page *p, const struct run_config *c)
{
	char text[512];
	const char *rcpts = c->recipients ? c->recipients : "1";

	char batch[64] = "";

	if (c->batch_us != RUN_NONE)
		snprintf(batch, sizeof(batch), ", replies taken up to %lld us late",
			 (long long)c->batch_us);
	snprintf(text, sizeof(text), "%s to %s recipient%s%s%s%s%s%s",
		 c->message ? c->message : "one", rcpts, strcmp(rcpts, "1") == 0 ? "" : "s",
		 c->use_pipelining ? ", pipelined" : ", in lock step",
		 c->use_chunking ? ", by BDAT" : "", c->auth[0] ? ", AUTH " : "", c->auth, batch);
	label(p, "message");
	page_wrapped(p, text, SECTION_LABEL);
}

static void put_setting(struct page *p, const struct run_document *d)
{
	const struct run_config *c = &d->config;
	char text[512];

	put_texts(p, "target", &c->targets);
	put_texts(p, "source", &c->sources);
	put_message(p, c);
	if (c->mode == RUN_OPEN && c->rate) {
		label(p, "schedule");
		snprintf(text, sizeof(text), "%s, %s arrivals", c->rate, c->arrivals);
		page_wrapped(p, text, SECTION_LABEL);
	}
}

/* What became of the messages, where nothing worse is to be told. */
static void put_outcome(struct page *p, const struct run_document *d)
{
	const struct run_messages *m = &d->messages;
	uint64_t total = m->due > m->started ? m->due : m->started;
	uint64_t missed = total > m->accepted ? total - m->accepted : 0;
	char a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX], share[FIGURE_MAX];

	if (total == 0) {
		page_ink(p, INK_WARN);
		page_printf(p, "No message was sent");
	} else if (missed > 0) {
		page_ink(p, INK_WARN);
		page_printf(p, "%s of %s messages (%s) %s not accepted", count(missed, a),
			    count(total, b), figure_share(missed, total, share),
			    missed == 1 ? "was" : "were");
	} else {
		page_ink(p, INK_GOOD);
		page_printf(p,
			    total == 1 ? "The message was accepted"
				       : "All %s messages were accepted",
			    count(total, a));
	}
	page_plain(p);
}

static void put_verdict(struct page *p, const struct run_document *d)
{
	char length[FIGURE_MAX];

	page_printf(p, "\n");
	if (!d->rate.is_valid) {
		page_ink(p, INK_BAD);
		page_printf(p, "INVALID: ");
		page_plain(p);
		page_wrapped(p, d->rate.invalid_because, 9);
		page_ink(p, INK_FAINT);
		page_printf(p,
			    "The figures below say what this machine could do, not what the server "
			    "can.\n");
		page_plain(p);
	}
	if (d->run.is_interrupted) {
		page_ink(p, INK_WARN);
		page_printf(p, "Interrupted after %s: ", figure_length(d->run.seconds, length));
		page_plain(p);
	}
	if (d->status == EXIT_UNREACHABLE) {
		page_ink(p, INK_BAD);
		page_printf(p, "The target could not be reached, or stopped answering.");
		page_plain(p);
		page_printf(p, " ");
	}
	put_outcome(p, d);
	page_printf(p, ".\n");
}

static void put_bound(struct page *p, const struct run_document *d)
{
	if (!d->bound_by[0])
		return;
	label(p, "bound by");
	page_foreign(p, d->bound_by, p->width - SECTION_LABEL);
	if (d->bound_note[0]) {
		page_printf(p, ": ");
		page_wrapped(p, d->bound_note, SECTION_LABEL);
	} else {
		page_printf(p, "\n");
	}
}

static void put_rate(struct page *p, const struct run_document *d)
{
	const struct run_rate *r = &d->rate;
	const struct run_latency *response = &d->latency[RUN_PHASE_RESPONSE];
	char achieved[FIGURE_MAX], offered[FIGURE_MAX], share[FIGURE_MAX];
	char median[FIGURE_MAX], tail[FIGURE_MAX];

	label(p, "rate");
	page_ink(p, INK_BOLD);
	page_printf(p, "%s messages/s", figure_rate(r->achieved, achieved));
	page_plain(p);
	if (r->has_offered)
		page_printf(p, " of %s/s offered (%s)", figure_rate(r->offered, offered),
			    figure_share(d->messages.started, d->messages.due, share));
	page_printf(p, "\n");
	if (response->p50_us != RUN_NONE && response->p99_us != RUN_NONE) {
		label(p, "response");
		page_ink(p, INK_BOLD);
		page_printf(p, "p50 %s, p99 %s", figure_duration(response->p50_us * 1000, median),
			    figure_duration(response->p99_us * 1000, tail));
		page_plain(p);
		page_printf(p, "\n");
	}
	if (r->lag_max_us != RUN_NONE) {
		char p50[FIGURE_MAX] = "-", p99[FIGURE_MAX] = "-", max[FIGURE_MAX];

		if (r->lag_p50_us != RUN_NONE)
			figure_duration(r->lag_p50_us * 1000, p50);
		if (r->lag_p99_us != RUN_NONE)
			figure_duration(r->lag_p99_us * 1000, p99);
		label(p, "lag");
		page_printf(p, "p50 %s, p99 %s, max %s behind the schedule\n", p50, p99,
			    figure_duration(r->lag_max_us * 1000, max));
	}
	put_bound(p, d);
}

void section_head(struct page *p, const struct run_document *d)
{
	put_what(p, d);
	put_setting(p, d);
	put_verdict(p, d);
	if (d->messages.started > 0)
		put_rate(p, d);
}

static const char *threshold_value(const struct run_threshold *t, char text[FIGURE_MAX])
{
	if (isnan(t->value))
		snprintf(text, FIGURE_MAX, "-");
	else if (!strcmp(t->unit, "ms"))
		figure_duration((int64_t)(t->value * 1e6), text);
	else if (!strcmp(t->unit, "B"))
		units_size_text((uint64_t)t->value, text);
	else if (!strcmp(t->unit, "%"))
		snprintf(text, FIGURE_MAX, "%.4g %%", t->value);
	else if (!strcmp(t->unit, "/s"))
		snprintf(text, FIGURE_MAX, "%.6g/s", t->value);
	else
		units_count_text((uint64_t)t->value, text);
	return text;
}

void section_thresholds(struct page *p, const struct run_document *d)
{
	static const struct {
		const char *word;
		enum page_ink ink;
	} verdicts[] = {
		[RUN_PASSED] = {"passed", INK_GOOD},
		[RUN_FAILED] = {"FAILED", INK_BAD},
		[RUN_NOT_EVALUATED] = {"undecided", INK_WARN},
	};
	int longest = 0;

	if (d->threshold_count == 0)
		return;
	page_title(p, "Thresholds", 0);
	page_printf(p, "\n");
	for (size_t i = 0; i < d->threshold_count; i++) {
		int len = (int)strlen(d->thresholds[i].expression);

		longest = len > longest ? len : longest;
	}
	for (size_t i = 0; i < d->threshold_count; i++) {
		const struct run_threshold *t = &d->thresholds[i];
		char value[FIGURE_MAX];

		page_printf(p, "  ");
		page_ink(p, verdicts[t->verdict].ink);
		page_printf(p, "%-*s", SECTION_LABEL - 2, verdicts[t->verdict].word);
		page_plain(p);
		page_cell(p, t->expression, longest);
		page_printf(p, "  %s%s", threshold_value(t, value), t->note[0] ? "  " : "");
		page_foreign(p, t->note, p->width - SECTION_LABEL - longest - 10);
		page_printf(p, "\n");
	}
}
