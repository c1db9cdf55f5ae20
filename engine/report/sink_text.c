/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink_text.c - the report of a sink for people to read
 *
 * What arrived stands first, then end to end, then who, how and what was done to them. A section
 * without anything to say is left out.
 */
#include "report/sink_text.h"
#include <errno.h>
#include <string.h>
#include "base/units.h"
#include "report/figure.h"
#include "report/page.h"

#define LABEL	    16
#define COUNT	    14
#define CLIENTS_MAX 20
#define RULE_WIDTH  44

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
