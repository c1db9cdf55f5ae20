/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * facts.c - sessions, resources, limits, a sink's count, the machine
 */
#include "base/units.h"
#include "report/figure.h"
#include "report/sections.h"

static void label(struct page *p, const char *name)
{
	page_ink(p, INK_BOLD);
	page_printf(p, "%-*s", SECTION_LABEL, name);
	page_plain(p);
}

static const char *duration(double seconds, char text[FIGURE_MAX])
{
	return figure_duration((int64_t)(seconds * 1e9), text);
}

static void put_sessions(struct page *p, const struct run_document *d)
{
	const struct run_sessions *s = &d->sessions;
	char opened[UNITS_TEXT_MAX], peak[UNITS_TEXT_MAX], failed[UNITS_TEXT_MAX];
	char resumed[UNITS_TEXT_MAX];

	label(p, "Sessions");
	page_printf(p, "%s opened, %s at once, %s failed", units_count_text(s->opened, opened),
		    units_count_text(s->peak, peak), units_count_text(s->failed, failed));
	if (d->tls_count > 0)
		page_printf(p, ", %s resumed by TLS", units_count_text(s->tls_resumed, resumed));
	page_printf(p, "\n");
}

static void put_resources(struct page *p, const struct run_document *d)
{
	const struct run_resources *r = &d->resources;
	double cpu_s = r->cpu_user_s + r->cpu_system_s;
	char user[FIGURE_MAX], system[FIGURE_MAX], each[FIGURE_MAX];
	char memory[UNITS_TEXT_MAX], share[UNITS_TEXT_MAX], text[256];
	bool has_messages = d->messages.started > 0, has_sessions = d->sessions.peak > 0;

	if (has_messages)
		duration(cpu_s / (double)d->messages.started, each);
	if (has_sessions)
		units_size_text(r->peak_rss_bytes / d->sessions.peak, share);
	snprintf(text, sizeof(text), "CPU %s user, %s system%s%s%s; memory %s%s%s%s",
		 duration(r->cpu_user_s, user), duration(r->cpu_system_s, system),
		 has_messages ? ", " : "", has_messages ? each : "",
		 has_messages ? " a message" : "", units_size_text(r->peak_rss_bytes, memory),
		 has_sessions ? ", " : "", has_sessions ? share : "",
		 has_sessions ? " a session" : "");
	label(p, "Client");
	page_wrapped(p, text, SECTION_LABEL);
}

static void put_traffic(struct page *p, const struct run_document *d)
{
	char sent[UNITS_TEXT_MAX], received[UNITS_TEXT_MAX], drain[FIGURE_MAX], text[256];
	bool has_drain = d->run.drain_seconds >= 0.05;

	snprintf(text, sizeof(text), "%s sent, %s received%s%s%s",
		 units_size_text(d->resources.bytes_out, sent),
		 units_size_text(d->resources.bytes_in, received),
		 has_drain ? "; the last session ended " : "",
		 has_drain ? duration(d->run.drain_seconds, drain) : "",
		 has_drain ? " after the measured part" : "");
	label(p, "Traffic");
	page_wrapped(p, text, SECTION_LABEL);
}

/* ", p99 9.40 ms", or nothing. */
static const char *figure_of(const char *name, int64_t us, char text[2 * FIGURE_MAX])
{
	char value[FIGURE_MAX];

	text[0] = '\0';
	if (us != RUN_NONE)
		snprintf(text, 2 * FIGURE_MAX, ", %s %s", name, figure_duration(us * 1000, value));
	return text;
}

static void put_end_to_end(struct page *p, const struct run_document *d)
{
	const struct run_end_to_end *s = &d->end_to_end;
	char received[UNITS_TEXT_MAX], lost[UNITS_TEXT_MAX], duplicated[UNITS_TEXT_MAX];
	char p50[2 * FIGURE_MAX], p99[2 * FIGURE_MAX], max[2 * FIGURE_MAX];
	char text[512];
	bool is_bad = s->lost > 0 || s->duplicated > 0;

	if (!s->is_known)
		return;
	snprintf(text, sizeof(text), "%s received, %s lost, %s duplicated%s%s%s",
		 units_count_text(s->received, received), units_count_text(s->lost, lost),
		 units_count_text(s->duplicated, duplicated),
		 figure_of("p50", s->latency.p50_us, p50), figure_of("p99", s->latency.p99_us, p99),
		 figure_of("max", s->latency.max_us, max));
	label(p, "End to end");
	page_ink(p, is_bad ? INK_BAD : INK_PLAIN);
	page_wrapped(p, text, SECTION_LABEL);
	if (is_bad)
		page_plain(p);
}

/* Text of ours and of the system's, wrapped behind a label; nothing when it is empty. */
static void put_text(struct page *p, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	label(p, name);
	page_wrapped(p, text, SECTION_LABEL);
}

void section_facts(struct page *p, const struct run_document *d)
{
	const struct run_host *h = &d->host;
	char text[512];

	page_printf(p, "\n");
	put_sessions(p, d);
	put_resources(p, d);
	put_traffic(p, d);
	put_end_to_end(p, d);
	snprintf(text, sizeof(text), "volley %s; %s; %d CPU%s; liburing %s; %s", h->volley,
		 h->kernel, h->cpus, h->cpus == 1 ? "" : "s", h->liburing, h->tls_library);
	put_text(p, "Made by", h->volley[0] ? text : "");
	snprintf(text, sizeof(text), "%s, seed %llu, started %s", d->run.id,
		 (unsigned long long)d->config.seed, d->run.started);
	put_text(p, "Run", d->run.id[0] ? text : "");
	put_text(p, "Command", d->run.command);
}

void section_limits(struct page *p, const struct run_document *d)
{
	if (d->limit_count == 0)
		return;
	page_title(p, "Limits", 0);
	page_printf(p, "\n");
	for (size_t i = 0; i < d->limit_count; i++) {
		const struct run_limit *l = &d->limits[i];
		char value[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX], share[FIGURE_MAX];
		char text[2 * FIGURE_MAX + FIGURE_MAX + RUN_NAME_MAX + RUN_NOTE_MAX + 16];

		units_count_text(l->value, value);
		if (l->limit > 0)
			snprintf(text, sizeof(text), "%s: %s of %s (%s)%s%s", l->name, value,
				 units_count_text(l->limit, limit),
				 figure_share(l->value, l->limit, share), l->note[0] ? "; " : "",
				 l->note);
		else
			snprintf(text, sizeof(text), "%s: %s%s%s", l->name, value,
				 l->note[0] ? "; " : "", l->note);
		page_printf(p, "  ");
		page_ink(p, l->is_hit ? INK_BAD : INK_PLAIN);
		page_printf(p, "%-*s", SECTION_LABEL - 2, l->is_hit ? "REACHED" : "");
		if (l->is_hit)
			page_plain(p);
		page_wrapped(p, text, SECTION_LABEL);
	}
}
