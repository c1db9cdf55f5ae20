/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pace.c - what a profile or adaptive control did, and what held messages back
 */
#include <string.h>
#include "base/units.h"
#include "report/figure.h"
#include "report/sections.h"

static void label(struct page *p, const char *name)
{
	page_printf(p, "  %-*s", SECTION_LABEL - 2, name);
}

static void put_whose(struct page *p, const struct run_pace *pace, const struct run_pace_target *t)
{
	char interval[FIGURE_MAX], text[640];
	int len = 0;

	if (t->profile[0] != '\0')
		len = snprintf(text, sizeof(text), "%s, %.4g %% of each limit left unused%s",
			       t->profile, t->headroom * 100,
			       pace->does_adapt ? "; adaptive control within it" : "");
	else
		len = snprintf(text, sizeof(text), "%s",
			       pace->does_adapt ? "none; adaptive control" : "none");
	if (pace->does_adapt && len < (int)sizeof(text))
		len += snprintf(text + len, sizeof(text) - (size_t)len, ", once in %s",
				figure_duration((int64_t)(pace->interval_s * 1e9), interval));
	if (pace->scale > 1 && len < (int)sizeof(text))
		snprintf(text + len, sizeof(text) - (size_t)len, "; time passed %d times faster",
			 pace->scale);
	label(p, "profile");
	page_wrapped(p, text, SECTION_LABEL);
}

/* "3 replies asked for less, 1 pause, 2 cuts": what did not happen is not told. */
static void put_events(struct page *p, const struct run_pace_target *t)
{
	const struct {
		uint64_t count;
		const char *one, *many;
	} events[] = {
		{t->throttled, "reply asked for less", "replies asked for less"},
		{t->dropped, "connection dropped without a word",
		 "connections dropped without a word"},
		{t->pauses, "pause", "pauses"},
		{t->rests, "rest after failures", "rests after failures"},
		{t->cuts, "cut", "cuts"},
	};
	char text[320] = "no reply asked for less", count[UNITS_TEXT_MAX];
	int len = 0;

	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		if (events[i].count > 0 && len < (int)sizeof(text))
			len += snprintf(text + len, sizeof(text) - (size_t)len, "%s%s %s",
					len > 0 ? ", " : "",
					units_count_text(events[i].count, count),
					events[i].count == 1 ? events[i].one : events[i].many);
	label(p, "heard");
	page_ink(p, len > 0 ? INK_WARN : INK_PLAIN);
	page_wrapped(p, text, SECTION_LABEL);
	if (len > 0)
		page_plain(p);
}

static void put_dials(struct page *p, const struct run_pace_target *t)
{
	char a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX];
	char rate[FIGURE_MAX];

	label(p, "opened");
	page_printf(p, "%s at once", units_count_text(t->connections_peak, a));
	if (t->connections_allowed > 0)
		page_printf(p, " of %s allowed", units_count_text(t->connections_allowed, b));
	if (t->connections_refused > 0)
		page_printf(p, ", refused at %s", units_count_text(t->connections_refused, b));
	if (t->messages_per_connection != RUN_NONE)
		page_printf(p, ", %s messages each at most",
			    units_count_text((uint64_t)t->messages_per_connection, b));
	page_printf(p, "\n");
	if (t->rate <= 0)
		return;
	label(p, "rate");
	page_printf(p, "stood at %s messages/s", figure_rate(t->rate, rate));
	if (t->rate_refused > 0)
		page_printf(p, ", was refused at %s", figure_rate(t->rate_refused, rate));
	page_printf(p, "\n");
}

static void put_holds(struct page *p, const struct run_pace *pace, const struct run_pace_target *t)
{
	bool is_first = true;

	for (size_t i = 0; i < pace->hold_count; i++) {
		const struct run_pace_hold *h = &pace->holds[i];
		char length[FIGURE_MAX], text[256];

		if (strcmp(h->target, t->target) != 0)
			continue;
		snprintf(text, sizeof(text), "%s%s%s%s for %s, %.3g %% of the time", h->by,
			 h->limit[0] != '\0' ? " (" : "", h->limit, h->limit[0] != '\0' ? ")" : "",
			 figure_duration((int64_t)(h->seconds * 1e9), length), h->share * 100);
		label(p, is_first ? "held by" : "");
		page_wrapped(p, text, SECTION_LABEL);
		is_first = false;
	}
}

void section_pace(struct page *p, const struct run_document *d)
{
	const struct run_pace *pace = &d->pace;

	if (!pace->is_used)
		return;
	page_title(p, "Pace", 0);
	page_printf(p, "\n");
	if (pace->aborted_because[0] != '\0') {
		label(p, "ended");
		page_ink(p, INK_BAD);
		page_wrapped(p, pace->aborted_because, SECTION_LABEL);
		page_plain(p);
	}
	for (size_t i = 0; i < pace->target_count; i++) {
		const struct run_pace_target *t = &pace->targets[i];

		if (pace->target_count > 1) {
			label(p, "target");
			page_foreign(p, t->target, p->width - SECTION_LABEL);
			page_printf(p, "\n");
		}
		put_whose(p, pace, t);
		put_events(p, t);
		put_dials(p, t);
		put_holds(p, pace, t);
	}
}
