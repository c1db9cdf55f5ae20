/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * write.c - what was learned as a profile
 *
 * Written line by line, with all that comes from a log or from a person in quotes. Texts from logs
 * were cleaned when they were read (line_clean()): what is left of them is printable, and quotes
 * alone need care.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/escape.h"
#include "learn/stamp.h"
#include "learn/write.h"

/* RFC 5321 s4.5.3.1.5 allows 512 octets, of which code, enhanced code and line end take some. */
#define SAY_LINE_MAX 480

#define HOSTS_WRITTEN 16
#define NAME_MAX_     64
#define SHOWN_MAX     256

#define MINUTE (60 * NS_PER_SEC)

enum pace_dial learned_dial(const struct limit *l)
{
	if (l->scope == LIMIT_PER_CONNECTION)
		return DIAL_MESSAGES_PER_CONNECTION;
	if (l->scope == LIMIT_PER_MESSAGE)
		return DIAL_RECIPIENTS_PER_MESSAGE;
	return l->unit == LIMIT_CONNECTIONS ? DIAL_CONNECTIONS : DIAL_RATE;
}

enum phase learned_at(const struct learned_reply *r, const struct limit *limit)
{
	switch (r->phase) {
	case PHASE_CONNECT:
	case PHASE_BANNER:
	case PHASE_EHLO:
	case PHASE_TLS:
		return PHASE_BANNER;
	case PHASE_AUTH:
	case PHASE_MAIL:
	case PHASE_RCPT:
	case PHASE_DATA:
	case PHASE_ACCEPT:
		return r->phase;
	case PHASE_BODY:
		return PHASE_ACCEPT;
	default:
		/* Said between messages: the next one would have begun with MAIL. */
		return limit != NULL ? PHASE_MAIL : PHASE_SESSION;
	}
}

bool learned_say(const struct wording *w, struct buf *out)
{
	struct span text = span_of(w->text);
	size_t line = 0, space = 0;
	bool done = true;

	for (size_t i = 0; done && i < text.len; i++) {
		char c = text.data[i] == '{' ? '(' : text.data[i] == '}' ? ')' : text.data[i];

		if (c == ' ')
			space = out->len;
		line = c == '\n' ? 0 : line + 1;
		done = buf_append(out, &c, 1);
		/* A line that is too long goes on in another. */
		if (done && line > SAY_LINE_MAX && space > 0) {
			out->data[space] = '\n';
			line = out->len - space - 1;
			space = 0;
		}
	}
	return done;
}

/* ---- scalars ---- */

/* In single quotes; in double ones where there is a line feed. */
static bool put_quoted(struct buf *out, struct span text)
{
	bool has_lf = text.len > 0 && memchr(text.data, '\n', text.len) != NULL;
	bool done = buf_append_text(out, has_lf ? "\"" : "'");

	for (size_t i = 0; done && i < text.len; i++) {
		char c = text.data[i];

		if (has_lf && c == '\n')
			done = buf_append_text(out, "\\n");
		else if (has_lf && (c == '"' || c == '\\'))
			done = buf_append_text(out, "\\") && buf_append(out, &c, 1);
		else if (!has_lf && c == '\'')
			done = buf_append_text(out, "''");
		else
			done = buf_append(out, &c, 1);
	}
	return done && buf_append_text(out, has_lf ? "\"" : "'");
}

/* A text that was not cleaned: a file's name, a name that a person gave. */
static bool put_foreign(struct buf *out, const char *text)
{
	char shown[SHOWN_MAX];

	escape_text(span_of(text), ESCAPE_CONTROLS, shown, sizeof(shown));
	return put_quoted(out, span_of(shown));
}

static const char *site_name(const struct learned *l)
{
	return l->observation->sites.items[l->site];
}

/* ---- the head ---- */

static bool put_head(const struct learned *l, const char *name, struct buf *out)
{
	char first[STAMP_DATE_MAX], last[STAMP_DATE_MAX], title[SHOWN_MAX];
	bool done;

	snprintf(title, sizeof(title), "%.200s, as observed", name != NULL ? name : site_name(l));
	done = buf_append_text(out, "# Written by volley learn: what delivery logs show of a "
				    "provider.\ntitle: ") &&
	       put_foreign(out, title);
	done = done && buf_printf(out,
				  "\nabout: >-\n  %" PRIu64 " messages over %" PRIu64
				  " connections from %s to %s, %" PRIu64 " of them accepted;\n"
				  "  %" PRIu64 " connections more were turned away.",
				  l->messages, l->connections, stamp_date(l->first_ns, first),
				  stamp_date(l->last_ns, last), l->accepted, l->turned_away);
	if (done && l->scale > 1)
		done = buf_printf(out, " Time passed %" PRIu32 " times faster in the log.",
				  l->scale);
	done = done && buf_append_text(out, "\nprovider: ") &&
	       put_foreign(out, name != NULL ? name : site_name(l));
	return done && buf_append_text(out, "\nextends: base\n");
}

/* A host name that a destination may be recognised by: no address, and more than one label. */
static bool is_name(struct span host)
{
	bool has_dot = false, has_letter = false;

	for (size_t i = 0; i < host.len; i++) {
		char c = host.data[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!is_letter && c != '.' && c != '-' && c != '_' && !(c >= '0' && c <= '9'))
			return false;
		if (c == '.' && (i == 0 || i + 1 == host.len || host.data[i - 1] == '.'))
			return false;
		has_dot = has_dot || c == '.';
		has_letter = c == '.' ? false : has_letter || is_letter;
	}
	return has_dot && has_letter && host.len <= 253;
}

static bool put_match(const struct learned *l, struct buf *out)
{
	const struct observation *o = l->observation;
	const struct learn_site *site = &o->by_site[l->site];
	bool is_relay = false, done = true;
	int count = 0;

	/* Who logged it named a relay (volley), or went where MX records lead. */
	for (size_t i = 0; i < o->file_count; i++)
		is_relay = is_relay || o->files[i].format == LEARN_VOLLEY;
	for (int i = 0; done && i < site->host_count && count < HOSTS_WRITTEN; i++) {
		const char *host = o->hosts.items[site->hosts[i]];

		if (!is_name(span_of(host)))
			continue;
		if (count++ == 0)
			done = buf_printf(out, "\nmatch:\n  %s:\n", is_relay ? "relays" : "mx");
		done = done && buf_printf(out, "    - %s\n", host);
	}
	return done;
}

/* ---- limits ---- */

static bool put_evidence(const struct learned_limit *x, struct buf *out)
{
	char text[STAMP_DURATION_MAX];
	bool done = buf_printf(
		out,
		"    # Reached %" PRIu32 " time%s, %" PRIu64 " refused; %.1f %% went as it says.",
		x->onsets, x->onsets == 1 ? "" : "s", x->refused, 100 * (1 - x->error));

	if (done && x->ends == 0 && x->limit.period_ns > 0)
		done = buf_append_text(out, "\n    # It was not seen to end: its window may be "
					    "longer.");
	else if (done && x->lasted_ns >= 0 && x->limit.period_ns > 0)
		done = buf_printf(out, " It ended after %s (median).",
				  stamp_duration(x->lasted_ns >= NS_PER_SEC
							 ? x->lasted_ns / NS_PER_SEC * NS_PER_SEC
							 : x->lasted_ns / NS_PER_MS * NS_PER_MS,
						 text));
	return done && buf_append_text(out, "\n");
}

/* "200/h", "319444/10m", "5". */
static bool put_max(const struct limit *l, struct buf *out)
{
	char text[STAMP_DURATION_MAX];

	if (l->period_ns == 0)
		return buf_printf(out, "    max: %" PRIu64 "\n", l->amount);
	stamp_duration(l->period_ns, text);
	/* One of a unit goes without its number. */
	return buf_printf(out, "    max: %" PRIu64 "/%s\n", l->amount,
			  text[0] == '1' && strlen(text) == 2 ? text + 1 : text);
}

static bool put_limit(const struct learned_limit *x, struct buf *out)
{
	const struct limit *l = &x->limit;
	bool done = buf_printf(out, "  %s:\n", x->name) && put_evidence(x, out) && put_max(l, out);

	done = done && buf_printf(out, "    of: %s\n    per: %s\n", limit_unit_name(l->unit),
				  limit_scope_name(l->scope));
	if (done && l->period_ns > 0)
		done = buf_printf(out, "    window: %s\n", limit_window_name(l->window));
	if (done && l->window == LIMIT_SMOOTH && l->burst > 0)
		done = buf_printf(out, "    burst: %" PRIu64 "\n", l->burst);
	if (done && l->window == LIMIT_FIXED && l->reset_ns > 0)
		done = buf_printf(out, "    reset: '%02d:%02d'\n",
				  (int)(l->reset_ns / (60 * MINUTE)),
				  (int)(l->reset_ns / MINUTE % 60));
	if (done && l->counts_accepted)
		done = buf_append_text(out, "    counts: accepted\n");
	return done && buf_append_text(out, "    source: log\n    sure: common\n");
}

/* ---- replies ---- */

/* "messages-1h-421-4-7-0": the limit or the class, then the code. Unique by the row's number. */
static void name_reply(const struct learned *l, int index, char out[NAME_MAX_ + 32])
{
	const struct learned_reply *r = &l->replies[index];
	const struct wording *w = &l->observation->wordings.items[r->wording];
	char enhanced[ENHANCED_TEXT_MAX], base[NAME_MAX_];

	enhanced_text(w->enhanced, enhanced);
	for (char *c = enhanced; *c != '\0'; c++)
		if (*c == '.')
			*c = '-';
	if (w->code == 0)
		snprintf(base, sizeof(base), "%s-closed", l->limits[r->limit].name);
	else
		snprintf(base, sizeof(base), "%s-%u%s%s",
			 r->limit >= 0 ? l->limits[r->limit].name : class_name(r->class),
			 (unsigned)w->code, enhanced[0] != '\0' ? "-" : "", enhanced);
	snprintf(out, NAME_MAX_ + 32, "%s", base);
	for (int i = 0; i < index; i++) {
		const struct learned_reply *other = &l->replies[i];
		const struct wording *x = &l->observation->wordings.items[other->wording];

		if (other->limit == r->limit && x->code == w->code &&
		    (r->limit >= 0 || other->class == r->class)) {
			snprintf(out, NAME_MAX_ + 32, "%s-n%d", base, index);
			return;
		}
	}
}

/* Two significant digits, whole seconds; what a person would write. */
static int64_t round_hold(int64_t ns)
{
	int64_t seconds = (ns + NS_PER_SEC / 2) / NS_PER_SEC, unit = 1;

	if (seconds < 1)
		seconds = 1;
	if (seconds > 86400)
		seconds = 86400;
	while (seconds / unit >= 100)
		unit *= 10;
	return (seconds + unit / 2) / unit * unit * NS_PER_SEC;
}

/* What the sender is to do: as long as it lasted, where that is what helps. */
static bool put_action(const struct learned_reply *r, const struct limit *limit, struct buf *out)
{
	char text[STAMP_DURATION_MAX];

	if (limit == NULL)
		return true;
	if (limit->scope == LIMIT_PER_CONNECTION)
		return buf_append_text(out, "    do: close\n");
	if (limit->scope == LIMIT_PER_MESSAGE)
		return true;
	if (limit->window == LIMIT_AT_ONCE)
		return buf_append_text(out, "    do: close\n");
	if (limit->window == LIMIT_FIXED)
		return buf_append_text(out, "    do: pause window\n");
	if (r->lasted_ns < NS_PER_SEC)
		return buf_append_text(out, "    do: slow 90%\n");
	return buf_printf(out, "    do: pause %s\n",
			  stamp_duration(round_hold(r->lasted_ns), text));
}

/* When the sink says it. Conditions that a log does not show are left out. */
static bool put_when(const struct learned *l, const struct learned_reply *r, struct buf *out)
{
	char text[STAMP_DURATION_MAX];

	if (r->limit >= 0)
		return buf_printf(out, "    when: {over: %s}\n", l->limits[r->limit].name);
	switch (r->class) {
	case CLASS_AUTH_FAILED:
		return buf_append_text(out, "    when: {login: failed}\n");
	case CLASS_AUTH_REQUIRED:
		return buf_append_text(out, "    when: {login: missing}\n");
	case CLASS_STARTTLS_REQUIRED:
		return buf_append_text(out, "    when: {tls: missing}\n");
	case CLASS_TOO_LARGE:
		return true;
	default:
		break;
	}
	if (r->class == CLASS_GREYLISTED && r->triplet_ns > 0)
		return buf_printf(out, "    when: {triplet: %s}\n",
				  stamp_duration(round_hold(r->triplet_ns), text));
	if (r->share_ppm == 0)
		return true;
	return buf_printf(out, "    when: {probability: %.10g%%}\n", r->share_ppm / 1e4);
}

static bool put_say(const struct wording *w, struct buf *out)
{
	struct buf say;
	bool done;

	buf_init(&say, 4 * LINE_TEXT_MAX);
	done = buf_printf(&say, "%u%s", (unsigned)w->code, w->text[0] != '\0' ? " " : "") &&
	       learned_say(w, &say) && buf_append_text(out, "    say: ") &&
	       put_quoted(out, buf_span(&say)) && buf_append_text(out, "\n");
	buf_fini(&say);
	return done;
}

static bool put_matcher(const struct wording *w, struct buf *out)
{
	char enhanced[ENHANCED_TEXT_MAX];
	bool done = buf_printf(out, "    code: %u\n", (unsigned)w->code);

	enhanced_text(w->enhanced, enhanced);
	if (done && enhanced[0] != '\0')
		done = buf_printf(out, "    enhanced: %s\n", enhanced);
	return done && buf_append_text(out, "    text: ") && put_quoted(out, span_of(w->pattern)) &&
	       buf_append_text(out, "\n");
}

static bool put_reply(const struct learned *l, int index, struct buf *out)
{
	const struct learned_reply *r = &l->replies[index];
	const struct wording *w = &l->observation->wordings.items[r->wording];
	const struct limit *limit = r->limit >= 0 ? &l->limits[r->limit].limit : NULL;
	enum phase at = learned_at(r, limit);
	char name[NAME_MAX_ + 32];
	bool done;

	name_reply(l, index, name);
	done = buf_printf(out, "  %s:\n    # %" PRIu64 " times, most often in phase %s.\n", name,
			  r->count, phase_name(r->phase));
	/* What it is told by stands in the wording's first row alone. */
	if (done && w->code != 0 && !r->is_further)
		done = put_matcher(w, out);
	done = done && buf_printf(out, "    class: %s\n", class_name(r->class));
	if (done && limit != NULL)
		done = buf_printf(out, "    dial: %s\n", dial_name(learned_dial(limit)));
	done = done && put_action(r, limit, out);
	if (done && at != PHASE_SESSION)
		done = put_when(l, r, out) && buf_printf(out, "    at: %s\n", phase_name(at));
	if (done && w->code != 0)
		done = put_say(w, out);
	if (done && (w->code == 0 || r->does_close || at == PHASE_BANNER))
		done = buf_append_text(out, "    then: close\n");
	return done && buf_append_text(out, "    source: log\n    sure: common\n");
}

/* ---- the whole ---- */

static bool put_sources(const struct learned *l, struct buf *out)
{
	const struct observation *o = l->observation;
	char date[STAMP_DATE_MAX], text[SHOWN_MAX];
	bool done = buf_append_text(out, "\nsources:\n");

	for (size_t i = 0; done && i < o->file_count; i++) {
		const struct learn_file *f = &o->files[i];

		snprintf(text, sizeof(text), "observed in %.160s (%s, %" PRIu64 " lines)", f->name,
			 learn_format_name(f->format), f->lines);
		if (i == 0)
			done = buf_append_text(out, "  log: {what: ");
		else
			done = buf_printf(out, "  log-%zu: {what: ", i + 1);
		done = done && put_foreign(out, text) &&
		       buf_printf(out, ", date: %s}\n", stamp_date(f->last_ns, date));
	}
	return done;
}

bool learned_to_yaml(const struct learned *l, const char *name, struct buf *out)
{
	bool done = put_head(l, name, out) && put_match(l, out);

	if (done && l->limit_count > 0)
		done = buf_append_text(out, "\nlimits:\n");
	for (int i = 0; done && i < l->limit_count; i++)
		done = put_limit(&l->limits[i], out);
	if (done && l->reply_count > 0)
		done = buf_append_text(out, "\nreplies:\n");
	for (int i = 0; done && i < l->reply_count; i++)
		done = put_reply(l, i, out);
	return done && put_sources(l, out);
}
