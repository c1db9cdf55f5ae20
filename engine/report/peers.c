/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * peers.c - what the servers said, how connections failed, what TLS agreed on
 *
 * Everything here comes from strangers and passes through page_foreign().
 */
#include "base/units.h"
#include "report/figure.h"
#include "report/sections.h"

#define COUNT_WIDTH 12
#define CODE_WIDTH  14

/* How many replies a command got in all: shares are of these. */
static uint64_t replies_to(const struct run_document *d, const char *command)
{
	uint64_t count = 0;

	for (size_t i = 0; i < d->reply_count; i++)
		if (!strcmp(d->replies[i].command, command))
			count += d->replies[i].count;
	return count;
}

static enum page_ink reply_ink(int code)
{
	return code >= 500 ? INK_BAD : code >= 400 ? INK_WARN : INK_PLAIN;
}

/* What a refusal says is told in full, on lines of its own where it must be. */
static void put_sample(struct page *p, const struct run_reply *r)
{
	int room = p->width - SECTION_LABEL - CODE_WIDTH - COUNT_WIDTH - 11 - 2;
	size_t enhanced_len = strlen(r->enhanced);
	const char *text = r->sample;

	/* The enhanced code has a column of its own. */
	if (enhanced_len > 0 && !strncmp(text, r->enhanced, enhanced_len) &&
	    text[enhanced_len] == ' ')
		text += enhanced_len + 1;
	/* What it means stands before what it says. */
	if (r->code >= 400 && r->class[0] != '\0')
		room -= page_foreign(p, r->class, room) + 2;
	if (r->code >= 400 && r->class[0] != '\0')
		page_printf(p, ": ");
	if (r->code < 400 || (int)strlen(text) <= room) {
		page_foreign(p, text, room);
		page_printf(p, "\n");
		return;
	}
	page_printf(p, "\n%*s", SECTION_LABEL + 5, "");
	page_wrapped(p, text, SECTION_LABEL + 5);
}

static void put_reply(struct page *p, const struct run_document *d, const struct run_reply *r,
		      bool is_first)
{
	char count[UNITS_TEXT_MAX], share[FIGURE_MAX];
	enum page_ink ink = reply_ink(r->code);

	page_printf(p, "  ");
	page_cell(p, is_first ? r->command : "", SECTION_LABEL - 2);
	page_ink(p, ink);
	page_printf(p, "%3d  ", r->code);
	page_cell(p, r->enhanced, 9);
	page_printf(p, "%*s%11s", COUNT_WIDTH, units_count_text(r->count, count),
		    figure_share(r->count, replies_to(d, r->command), share));
	if (ink != INK_PLAIN)
		page_plain(p);
	page_printf(p, "  ");
	put_sample(p, r);
}

void section_replies(struct page *p, const struct run_document *d)
{
	if (d->reply_count == 0)
		return;
	page_title(p, "Replies", SECTION_LABEL);
	page_ink(p, INK_FAINT);
	page_printf(p, "%-*s%*s%11s  %s", CODE_WIDTH, "code", COUNT_WIDTH, "count", "share",
		    "one of them");
	page_plain(p);
	page_printf(p, "\n");
	for (size_t i = 0; i < d->reply_count; i++)
		put_reply(p, d, &d->replies[i],
			  i == 0 || strcmp(d->replies[i].command, d->replies[i - 1].command) != 0);
}

void section_errors(struct page *p, const struct run_document *d)
{
	if (d->error_count == 0)
		return;
	page_title(p, "Errors", SECTION_LABEL);
	page_ink(p, INK_FAINT);
	page_printf(p, "%*s  %s", COUNT_WIDTH, "count", "what happened");
	page_plain(p);
	page_printf(p, "\n");
	for (size_t i = 0; i < d->error_count; i++) {
		const struct run_error *row = &d->errors[i];
		char count[UNITS_TEXT_MAX];
		int indent = SECTION_LABEL + COUNT_WIDTH + 2;
		char what[sizeof(row->kind) + sizeof(row->sample) + 4];

		page_printf(p, "  ");
		page_cell(p, row->phase, SECTION_LABEL - 2);
		page_ink(p, INK_BAD);
		page_printf(p, "%*s", COUNT_WIDTH, units_count_text(row->count, count));
		page_plain(p);
		page_printf(p, "  ");
		snprintf(what, sizeof(what), "%s%s%s", row->kind, row->sample[0] ? ": " : "",
			 row->sample);
		page_wrapped(p, what, indent);
		if (!row->hint[0])
			continue;
		page_printf(p, "%*s", indent, "");
		page_ink(p, INK_FAINT);
		page_printf(p, "try: ");
		page_wrapped(p, row->hint, indent + 5);
		page_plain(p);
	}
}

void section_tls(struct page *p, const struct run_document *d)
{
	uint64_t total = 0;

	if (d->tls_count == 0)
		return;
	for (size_t i = 0; i < d->tls_count; i++)
		total += d->tls[i].count;
	page_title(p, "TLS", SECTION_LABEL);
	page_ink(p, INK_FAINT);
	page_printf(p, "%*s%11s  %s", COUNT_WIDTH, "handshakes", "share", "agreed on");
	page_plain(p);
	page_printf(p, "\n");
	for (size_t i = 0; i < d->tls_count; i++) {
		const struct run_tls *row = &d->tls[i];
		char count[UNITS_TEXT_MAX], share[FIGURE_MAX], what[160];

		snprintf(what, sizeof(what), "%s %s%s%s", row->version, row->cipher,
			 row->group[0] ? " " : "", row->group);
		page_printf(p, "  %-*s%*s%11s  ", SECTION_LABEL - 2,
			    row->is_resumed ? "resumed" : "full", COUNT_WIDTH,
			    units_count_text(row->count, count),
			    figure_share(row->count, total, share));
		page_foreign(p, what, p->width - SECTION_LABEL - COUNT_WIDTH - 13);
		page_printf(p, "\n");
	}
}
