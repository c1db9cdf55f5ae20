/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink_text.c - the report of a sink for people to read
 *
 * What arrived stands first, then end to end, then who, how and what was done to them. A section
 * without anything to say is left out.
 */
#include "report/sink_text.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/units.h"
#include "report/figure.h"
#include "report/page.h"

#define LABEL	    16
#define COUNT	    14
#define CLIENTS_MAX 20
#define RULE_WIDTH  44
#define LIMIT_WIDTH 34

static void put_count(struct page *p, const char *label, uint64_t count, enum page_ink ink)
{
	char text[UNITS_TEXT_MAX];

	page_ink(p, count > 0 ? ink : INK_PLAIN);
	page_printf(p, "  %-*s%*s", LABEL - 2, label, COUNT, units_count_text(count, text));
	if (count > 0 && ink != INK_PLAIN)
		page_plain(p);
	page_printf(p, "\n");
}

/* The same, left out when there were none. */
static void put_if_any(struct page *p, const char *label, uint64_t count, enum page_ink ink)
{
	if (count > 0)
		put_count(p, label, count, ink);
}

static void put_latency_head(struct page *p, const char *title, int columns)
{
	page_title(p, title, columns);
	page_ink(p, INK_FAINT);
	/* The words end where the digits before the point do. */
	page_printf(p, "%7s%11s%11s%11s%11s%15s", "p50", "p90", "p99", "p99.9", "max", "count");
	page_plain(p);
	page_printf(p, "\n");
}

static void put_latency(struct page *p, const struct run_latency *l)
{
	char text[FIGURE_MAX], count[UNITS_TEXT_MAX];

	page_printf(p, "%s", figure_ms(l->p50_us, text));
	page_printf(p, "%s", figure_ms(l->p90_us, text));
	page_printf(p, "%s", figure_ms(l->p99_us, text));
	page_printf(p, "%s", figure_ms(l->p99_9_us, text));
	page_printf(p, "%s", figure_ms(l->max_us, text));
	page_printf(p, "%11s\n", units_count_text(l->count, count));
}

static void section_head(struct page *p, const struct sink_status *s)
{
	char length[FIGURE_MAX];

	page_ink(p, INK_BOLD);
	page_printf(p, "volley sink");
	page_plain(p);
	page_printf(p, "  %s, %s", s->started, figure_length(s->seconds, length));
	if (s->threads > 1)
		page_printf(p, ", %d threads", s->threads);
	page_printf(p, "\n");
	for (int i = 0; i < s->listeners.count; i++) {
		page_printf(p, "  ");
		page_foreign(p, s->listeners.items[i], p->width - 2);
		page_printf(p, "\n");
	}
}

static void section_messages(struct page *p, const struct sink_status *s)
{
	char size[UNITS_TEXT_MAX], rate[FIGURE_MAX];

	page_title(p, "Messages", 0);
	page_printf(p, "\n");
	put_count(p, "accepted", s->messages.accepted, INK_PLAIN);
	put_if_any(p, "deferred", s->messages.deferred, INK_WARN);
	put_if_any(p, "rejected", s->messages.rejected, INK_BAD);
	put_if_any(p, "unanswered", s->messages.unanswered, INK_BAD);
	put_if_any(p, "broken off", s->messages.broken, INK_BAD);
	if (s->messages.accepted == 0)
		return;
	if (s->messages.recipients != s->messages.accepted)
		put_count(p, "recipients", s->messages.recipients, INK_PLAIN);
	page_printf(p, "  %-*s%*s\n", LABEL - 2, "content", COUNT,
		    units_size_text(s->messages.octets, size));
	if (s->seconds > 0)
		page_printf(p, "  %-*s%*s\n", LABEL - 2, "per second", COUNT,
			    figure_rate((double)s->messages.accepted / s->seconds, rate));
}

static void section_end_to_end(struct page *p, const struct sink_status *s)
{
	if (!s->end_to_end.is_known || (s->run_count == 0 && s->ids_malformed == 0))
		return;
	page_title(p, "End to end", 0);
	page_printf(p, "\n");
	put_count(p, "received", s->end_to_end.received, INK_PLAIN);
	put_count(p, "lost", s->end_to_end.lost, INK_BAD);
	put_count(p, "duplicated", s->end_to_end.duplicated, INK_BAD);
	put_if_any(p, "ids malformed", s->ids_malformed, INK_WARN);
	put_if_any(p, "ids beyond", s->ids_beyond, INK_WARN);
	if (s->run_count == 0)
		return;
	put_latency_head(p, "Due to accepted", LABEL + 4);
	for (size_t i = 0; i < s->run_count; i++) {
		page_printf(p, "  %-*s", LABEL + 2, s->runs[i].id);
		put_latency(p, &s->runs[i].latency);
	}
	for (size_t i = 0; i < s->run_count && s->run_count > 1; i++)
		if (s->runs[i].lost > 0 || s->runs[i].duplicated > 0)
			page_printf(p, "  %s: %llu lost, %llu duplicated\n", s->runs[i].id,
				    (unsigned long long)s->runs[i].lost,
				    (unsigned long long)s->runs[i].duplicated);
}

static void section_sessions(struct page *p, const struct sink_status *s)
{
	page_title(p, "Sessions", 0);
	page_printf(p, "\n");
	put_count(p, "accepted", s->sessions.accepted, INK_PLAIN);
	put_count(p, "at once", s->sessions.peak, INK_PLAIN);
	put_if_any(p, "with TLS", s->sessions.sealed, INK_PLAIN);
	put_if_any(p, "logins", s->sessions.logins, INK_PLAIN);
	put_if_any(p, "over the limit", s->sessions.over_limit, INK_WARN);
	put_if_any(p, "refused", s->sessions.refused, INK_WARN);
	put_if_any(p, "timed out", s->sessions.timed_out, INK_WARN);
	put_if_any(p, "open at end", s->sessions.open_at_end, INK_PLAIN);
}

/* One line for each command: its codes with their counts. */
static void section_replies(struct page *p, const struct sink_status *s)
{
	const char *command = "";

	if (s->reply_count == 0)
		return;
	page_title(p, "Replies", 0);
	for (size_t i = 0; i < s->reply_count; i++) {
		const struct sink_status_reply *r = &s->replies[i];
		char count[UNITS_TEXT_MAX];

		if (strcmp(r->command, command) != 0)
			page_printf(p, "\n  %-*s", LABEL - 2, r->command);
		command = r->command;
		page_ink(p, r->code >= 500 ? INK_BAD : r->code >= 400 ? INK_WARN : INK_PLAIN);
		page_printf(p, "  %d", r->code);
		if (r->code >= 400)
			page_plain(p);
		page_printf(p, " %s", units_count_text(r->count, count));
	}
	page_printf(p, "\n");
}

static void section_clients(struct page *p, const struct sink_status *s)
{
	uint64_t rest = 0;

	if (s->client_count == 0)
		return;
	page_title(p, "Clients", LABEL + 12);
	page_ink(p, INK_FAINT);
	page_printf(p, "%12s%14s%14s%12s", "sessions", "messages", "content", "rejects");
	page_plain(p);
	page_printf(p, "\n");
	for (size_t i = 0; i < s->client_count && i < CLIENTS_MAX; i++) {
		const struct sink_status_client *c = &s->clients[i];
		char sessions[UNITS_TEXT_MAX], messages[UNITS_TEXT_MAX], rejects[UNITS_TEXT_MAX];
		char size[UNITS_TEXT_MAX];

		page_printf(p, "  ");
		page_cell(p, c->address, LABEL + 10);
		page_printf(p, "%12s%14s%14s%12s\n", units_count_text(c->sessions, sessions),
			    units_count_text(c->messages, messages),
			    units_size_text(c->octets, size),
			    units_count_text(c->rejects, rejects));
	}
	if (s->clients_total > CLIENTS_MAX)
		rest = s->clients_total - CLIENTS_MAX;
	if (rest > 0)
		page_printf(p, "  and %llu more\n", (unsigned long long)rest);
}

static void section_tls(struct page *p, const struct sink_status *s)
{
	char count[UNITS_TEXT_MAX];

	if (s->tls_count == 0 && s->tls_failure_count == 0)
		return;
	page_title(p, "TLS", 0);
	page_printf(p, "\n");
	for (size_t i = 0; i < s->tls_count; i++) {
		const struct sink_status_tls *t = &s->tls[i];

		page_printf(p, "  %-*s%*s  %s %s%s\n", LABEL - 2, t->version, COUNT,
			    units_count_text(t->count, count), t->cipher, t->group,
			    t->is_resumed ? ", resumed" : "");
	}
	for (size_t i = 0; i < s->tls_failure_count; i++) {
		page_ink(p, INK_BAD);
		page_printf(p, "  %-*s%*s  ", LABEL - 2, "failed", COUNT,
			    units_count_text(s->tls_failures[i].count, count));
		page_foreign(p, s->tls_failures[i].name, p->width - LABEL - COUNT - 2);
		page_plain(p);
		page_printf(p, "\n");
	}
}

static void section_faults(struct page *p, const struct sink_status *s)
{
	if (s->fault_count == 0)
		return;
	page_title(p, "Faults", RULE_WIDTH + 2);
	page_ink(p, INK_FAINT);
	page_printf(p, "%14s%14s", "occasions", "struck");
	page_plain(p);
	page_printf(p, "\n");
	for (size_t i = 0; i < s->fault_count; i++) {
		char seen[UNITS_TEXT_MAX], fired[UNITS_TEXT_MAX];

		page_printf(p, "  ");
		page_cell(p, s->faults[i].rule, RULE_WIDTH);
		page_printf(p, "%14s%14s\n", units_count_text(s->faults[i].seen, seen),
			    units_count_text(s->faults[i].fired, fired));
	}
	if (s->delay_count == 0)
		return;
	put_latency_head(p, "Delays imposed", LABEL);
	for (size_t i = 0; i < s->delay_count; i++) {
		page_printf(p, "  %-*s", LABEL - 2, s->delays[i].phase);
		put_latency(p, &s->delays[i].delay);
	}
}

/* "gmail daily", and where and from when it stood if that was not everywhere and from the start. */
static void put_imposed(struct page *p, const char *profile, const char *name, const char *where,
			double from_s)
{
	char text[160], from[FIGURE_MAX];
	int len = snprintf(text, sizeof(text), "%s %s", profile, name);

	if (strcmp(where, "all") != 0 && len < (int)sizeof(text))
		len += snprintf(text + len, sizeof(text) - (size_t)len, ", %s", where);
	if (from_s > 0 && len < (int)sizeof(text))
		snprintf(text + len, sizeof(text) - (size_t)len, ", after %s",
			 figure_length(from_s, from));
	page_printf(p, "  ");
	page_cell(p, text, LIMIT_WIDTH);
}

/* A limit was passed by the sink's own count; debt may be run into. */
static bool is_broken(const struct sink_status_limit *l)
{
	return l->counted > l->limit.amount && l->limit.window != LIMIT_DEBT &&
	       l->limit.unit != LIMIT_OCTETS;
}

static void put_limit(struct page *p, const struct sink_status_limit *l)
{
	char allowed[UNITS_TEXT_MAX], counted[UNITS_TEXT_MAX];
	char passed[UNITS_TEXT_MAX], refused[UNITS_TEXT_MAX];

	put_imposed(p, l->profile, l->name, l->where, l->from_s);
	page_printf(p, "%11s", units_count_text(l->limit.amount, allowed));
	page_ink(p, is_broken(l) ? INK_BAD : INK_PLAIN);
	page_printf(p, "%12s", units_count_text(l->counted, counted));
	if (is_broken(l))
		page_plain(p);
	page_printf(p, "%11s", units_count_text(l->passed, passed));
	page_ink(p, l->refused > 0 ? INK_WARN : INK_PLAIN);
	page_printf(p, "%10s", units_count_text(l->refused, refused));
	if (l->refused > 0)
		page_plain(p);
	page_printf(p, "\n");
	if (l->refused == 0 || l->keys < 2 || !l->worst[0])
		return;
	page_printf(p, "    most of them: %s of ", units_count_text(l->worst_refused, refused));
	page_foreign(p, l->worst, p->width - 30);
	page_printf(p, "\n");
}

static void section_rules_said(struct page *p, const struct sink_status *s)
{
	if (s->rule_count == 0 && s->imposed.general == 0)
		return;
	page_title(p, "Refused in the words of", LIMIT_WIDTH + 2);
	page_ink(p, INK_FAINT);
	page_printf(p, "%11s", "times");
	page_plain(p);
	page_printf(p, "\n");
	for (size_t i = 0; i < s->rule_count; i++) {
		const struct sink_status_rule *r = &s->rules[i];
		char said[UNITS_TEXT_MAX];

		put_imposed(p, r->profile, r->name, r->where, r->from_s);
		page_printf(p, "%11s\n", units_count_text(r->said, said));
	}
	if (s->imposed.general > 0) {
		char said[UNITS_TEXT_MAX];

		page_printf(p, "  %-*s%11s\n", LIMIT_WIDTH, "no rule of theirs",
			    units_count_text(s->imposed.general, said));
	}
}

static void section_imposed(struct page *p, const struct sink_status *s)
{
	char count[UNITS_TEXT_MAX];

	if (!s->imposed.is_on)
		return;
	page_title(p, "Limits imposed", LIMIT_WIDTH + 2);
	page_ink(p, INK_FAINT);
	page_printf(p, "%11s%12s%11s%10s", "allowed", "in a window", "passed", "refused");
	page_plain(p);
	page_printf(p, "\n");
	for (size_t i = 0; i < s->limit_count; i++)
		if (s->limits[i].passed > 0 || s->limits[i].refused > 0)
			put_limit(p, &s->limits[i]);
	if (s->imposed.scale > 1)
		page_printf(p, "  windows passed %s times faster than stated\n",
			    units_count_text(s->imposed.scale, count));
	section_rules_said(p, s);
	if (s->imposed.has_reputation) {
		page_title(p, "Reputation", 0);
		page_printf(p, "\n");
		for (int i = 0; i < SINK_STATUS_REPUTATIONS; i++)
			put_if_any(p, sink_status_reputation_name(i), s->imposed.reputations[i],
				   INK_PLAIN);
	}
	if (s->imposed.missed > 0 || s->imposed.log_dropped > 0) {
		page_title(p, "Imposed in part", 0);
		page_printf(p, "\n");
		put_if_any(p, "not counted", s->imposed.missed, INK_BAD);
		put_if_any(p, "not logged", s->imposed.log_dropped, INK_WARN);
	}
}

static void section_trouble(struct page *p, const struct sink_status *s)
{
	uint64_t sum = s->protocol.faulty + s->protocol.injections + s->protocol.tls_on_plain +
		       s->protocol.http + s->store.failed + s->store.waits;

	if (sum > 0) {
		page_title(p, "Noted", 0);
		page_printf(p, "\n");
		put_if_any(p, "bad commands", s->protocol.faulty, INK_WARN);
		put_if_any(p, "injections", s->protocol.injections, INK_BAD);
		put_if_any(p, "TLS on plain", s->protocol.tls_on_plain, INK_WARN);
		put_if_any(p, "HTTP", s->protocol.http, INK_WARN);
		put_if_any(p, "not stored", s->store.failed, INK_BAD);
		put_if_any(p, "disk behind", s->store.waits, INK_WARN);
	}
	if (s->store.is_on) {
		page_title(p, "Stored", 0);
		page_printf(p, "\n");
		put_count(p, "messages", s->store.stored, INK_PLAIN);
	}
}

int report_sink_text(const struct sink_status *s, FILE *out, const struct report_style *style,
		     struct err *e)
{
	struct page p;
	int status = 0;

	page_init(&p, style);
	section_head(&p, s);
	section_messages(&p, s);
	section_end_to_end(&p, s);
	section_sessions(&p, s);
	section_replies(&p, s);
	section_clients(&p, s);
	section_tls(&p, s);
	section_imposed(&p, s);
	section_faults(&p, s);
	section_trouble(&p, s);
	if (p.is_out_of_memory)
		status = err_set(e, EXIT_FAILED, ENOMEM, "no memory for the report");
	else if (fwrite(p.out.data, 1, p.out.len, out) != p.out.len || fflush(out) == EOF)
		status = err_set(e, EXIT_FAILED, errno, "cannot write the report: %s",
				 strerror(errno));
	page_fini(&p);
	return status;
}
