/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * figures.c - messages by outcome, latency by phase, the course of the run
 */
#include "base/units.h"
#include "report/figure.h"
#include "report/sections.h"

#define COURSE_ROWS_MAX 12
#define COURSE_WIDTH	65 /* of a row without its bar */
#define BAR_MIN		4
#define BAR_MAX		40
#define COUNT_WIDTH	14

struct outcome {
	const char *name;
	uint64_t messages, recipients;
	enum page_ink ink;
};

/* What shares are of: the messages that were due, where not all of them could be started. */
static uint64_t messages_all(const struct run_document *d)
{
	return d->messages.due > d->messages.started ? d->messages.due : d->messages.started;
}

static void put_outcome(struct page *p, const struct run_document *d, const struct outcome *o,
			bool has_recipients)
{
	char messages[UNITS_TEXT_MAX], share[FIGURE_MAX], rate[FIGURE_MAX];
	char recipients[UNITS_TEXT_MAX];
	double per_second = d->run.seconds > 0 ? (double)o->messages / d->run.seconds : 0;

	page_ink(p, o->messages > 0 ? o->ink : INK_PLAIN);
	page_printf(p, "  %-*s%*s%12s%12s", SECTION_LABEL - 2, o->name, COUNT_WIDTH,
		    units_count_text(o->messages, messages),
		    figure_share(o->messages, messages_all(d), share),
		    figure_rate(per_second, rate));
	if (has_recipients)
		page_printf(p, "%*s", COUNT_WIDTH, units_count_text(o->recipients, recipients));
	if (o->messages > 0 && o->ink != INK_PLAIN)
		page_plain(p);
	page_printf(p, "\n");
}

void section_messages(struct page *p, const struct run_document *d)
{
	const struct run_messages *m = &d->messages;
	const struct run_recipients *r = &d->recipients;
	uint64_t recipients = r->accepted + r->deferred + r->rejected + r->failed + r->in_doubt;
	const struct outcome outcomes[] = {
		{"started", m->started, recipients, INK_PLAIN},
		{"accepted", m->accepted, r->accepted, INK_PLAIN},
		{"deferred", m->deferred, r->deferred, INK_WARN},
		{"rejected", m->rejected, r->rejected, INK_BAD},
		{"failed", m->failed, r->failed, INK_BAD},
		{"in doubt", m->in_doubt, r->in_doubt, INK_BAD},
	};
	bool has_recipients = recipients != m->started;

	if (messages_all(d) == 0)
		return;
	page_title(p, "Messages", SECTION_LABEL);
	page_ink(p, INK_FAINT);
	page_printf(p, "%*s%12s%12s", COUNT_WIDTH, "count", "share", "per second");
	if (has_recipients)
		page_printf(p, "%*s", COUNT_WIDTH, "recipients");
	page_plain(p);
	page_printf(p, "\n");
	if (m->due > m->started)
		put_outcome(p, d, &(struct outcome){"due", m->due, recipients, INK_WARN}, false);
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++)
		/* What went well is always shown, what did not when it happened. */
		if (i < 2 || outcomes[i].messages > 0 || outcomes[i].recipients > 0)
			put_outcome(p, d, &outcomes[i], has_recipients);
}

/* Which columns there is room for, and a value for. */
struct latency_columns {
	bool has_p99_99, has_mean, has_gap;
};

static void put_latency(struct page *p, const char *name, const struct run_latency *l,
			const struct latency_columns *c)
{
	char text[FIGURE_MAX], count[UNITS_TEXT_MAX];

	page_printf(p, "  %-*s", SECTION_LABEL - 2 - 2, name);
	page_printf(p, "%s", figure_ms(l->p50_us, text));
	page_printf(p, "%s", figure_ms(l->p90_us, text));
	page_printf(p, "%s", figure_ms(l->p99_us, text));
	page_printf(p, "%s", figure_ms(l->p99_9_us, text));
	if (c->has_p99_99)
		page_printf(p, "%s", figure_ms(l->p99_99_us, text));
	page_printf(p, "%s", figure_ms(l->max_us, text));
	if (c->has_mean)
		page_printf(p, "%s", figure_ms_real(l->mean_us, text));
	page_printf(p, "%11s", units_count_text(l->count, count));
}

static bool is_hidden(const struct run_latency *l)
{
	return l->count > 0 && (l->p50_us == RUN_NONE || l->p90_us == RUN_NONE ||
				l->p99_us == RUN_NONE || l->p99_9_us == RUN_NONE);
}

static void put_latency_head(struct page *p, const struct latency_columns *c)
{
	page_title(p, "Latency", SECTION_LABEL - 2);
	page_ink(p, INK_FAINT);
	/* The words end where the digits before the point do. */
	page_printf(p, "%7s%11s%11s%11s", "p50", "p90", "p99", "p99.9");
	if (c->has_p99_99)
		page_printf(p, "%11s", "p99.99");
	page_printf(p, "%11s", "max");
	if (c->has_mean)
		page_printf(p, "%11s", "mean");
	page_printf(p, "%15s", "count");
	page_plain(p);
	page_printf(p, "\n");
}

void section_latency(struct page *p, const struct run_document *d)
{
	/* Response and service, then the phases in the order in which they come. */
	static const int order[RUN_PHASE_COUNT] = {
		RUN_PHASE_RESPONSE, RUN_PHASE_SERVICE, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
	};
	struct latency_columns c = {.has_mean = p->width >= 92};
	int shown = 0, hidden = 0;

	for (int i = 0; i < RUN_PHASE_COUNT; i++) {
		shown += d->latency[i].count > 0;
		hidden += is_hidden(&d->latency[i]);
		c.has_p99_99 |= d->latency[i].p99_99_us != RUN_NONE;
	}
	if (shown == 0)
		return;
	c.has_p99_99 &= p->width >= 100;
	put_latency_head(p, &c);
	for (int i = 0; i < RUN_PHASE_COUNT; i++) {
		const struct run_latency *l = &d->latency[order[i]];
		bool is_message = i < 2;

		if (l->count == 0)
			continue;
		if (is_message)
			page_ink(p, INK_BOLD);
		put_latency(p, run_phase_names[order[i]], l, &c);
		if (is_message)
			page_plain(p);
		page_printf(p, "\n");
	}
	page_ink(p, INK_FAINT);
	page_printf(p, "  milliseconds%s\n",
		    hidden ? "; -: fewer than ten samples lie beyond that percentile" : "");
	page_plain(p);
}

/* Seconds of the series taken together. */
struct stretch {
	double from_s, to_s;
	uint64_t accepted, others, sessions, seconds;
	int64_t p99_us; /* the highest of its seconds' */
};

static struct stretch stretch_of(const struct run_second *rows, size_t count)
{
	struct stretch s = {.from_s = rows[0].t_s, .p99_us = RUN_NONE, .seconds = count};

	for (size_t i = 0; i < count; i++) {
		const struct run_second *row = &rows[i];

		s.to_s = row->t_s + 1;
		s.accepted += row->accepted;
		s.others += row->deferred + row->rejected + row->failed;
		if (row->sessions > s.sessions)
			s.sessions = row->sessions;
		if (row->p99_us != RUN_NONE && row->p99_us > s.p99_us)
			s.p99_us = row->p99_us;
	}
	return s;
}

static void put_stretch(struct page *p, const struct stretch *s, double rate_max, int bar_width)
{
	char range[FIGURE_MAX], rate[FIGURE_MAX], others[UNITS_TEXT_MAX], sessions[UNITS_TEXT_MAX];
	char p99[FIGURE_MAX];
	double per_second = (double)s->accepted / (double)s->seconds;
	int bar = rate_max > 0 ? (int)(per_second / rate_max * bar_width + 0.5) : 0;

	snprintf(range, sizeof(range), "%.0f-%.0f s", s->from_s, s->to_s);
	page_printf(p, "  %-*s%11s  ", SECTION_LABEL - 2, range, figure_rate(per_second, rate));
	for (int i = 0; i < bar_width; i++)
		page_printf(p, "%c", i < bar ? '#' : ' ');
	page_ink(p, s->others > 0 ? INK_WARN : INK_PLAIN);
	page_printf(p, "%13s", units_count_text(s->others, others));
	if (s->others > 0)
		page_plain(p);
	page_printf(p, "%10s  %s\n", units_count_text(s->sessions, sessions),
		    figure_ms(s->p99_us, p99));
}

/* The measured part alone: what lies before second 0 is warm-up. */
static size_t first_measured(const struct run_document *d)
{
	size_t first = 0;

	while (first < d->series_count && d->series[first].t_s < 0)
		first++;
	return first;
}

void section_course(struct page *p, const struct run_document *d)
{
	size_t first = first_measured(d), count = d->series_count - first;
	size_t rows = count < COURSE_ROWS_MAX ? count : COURSE_ROWS_MAX;
	struct stretch stretches[COURSE_ROWS_MAX];
	double rate_max = 0;
	int bar_width = p->width - COURSE_WIDTH;

	if (count < 3)
		return;
	if (bar_width > BAR_MAX)
		bar_width = BAR_MAX;
	if (bar_width < BAR_MIN)
		bar_width = BAR_MIN;
	for (size_t i = 0; i < rows; i++) {
		size_t from = first + count * i / rows, to = first + count * (i + 1) / rows;
		double rate;

		stretches[i] = stretch_of(&d->series[from], to - from);
		rate = (double)stretches[i].accepted / (double)stretches[i].seconds;
		rate_max = rate > rate_max ? rate : rate_max;
	}
	page_title(p, "Course", SECTION_LABEL);
	page_ink(p, INK_FAINT);
	page_printf(p, "%11s%*s%10s%16s", "accepted/s", bar_width + 15, "not accepted", "sessions",
		    "worst p99, ms");
	page_plain(p);
	page_printf(p, "\n");
	for (size_t i = 0; i < rows; i++)
		put_stretch(p, &stretches[i], rate_max, bar_width);
}
