/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * live.c - the status line of a run
 *
 * The line is made of pieces, each with a rank: where the terminal is too narrow the pieces of the
 * highest rank are left out, so that rate, failures and the time left stay to the end.
 */
#include "report/live.h"
#include <stdarg.h>
#include <string.h>
#include "base/units.h"
#include "report/figure.h"

#define PIECES_MAX  13
#define PIECE_MAX   96
#define GAP	    "  "
#define RANK_STATES 6

enum live_ink { LIVE_PLAIN, LIVE_BOLD, LIVE_WARN, LIVE_BAD };

struct piece {
	char text[PIECE_MAX];
	int len, rank; /* rank 0 is never left out */
	enum live_ink ink;
	bool is_out;
};

struct line {
	struct piece pieces[PIECES_MAX];
	int count;
};

__attribute__((format(printf, 4, 5))) static void add(struct line *l, int rank, enum live_ink ink,
						      const char *fmt, ...)
{
	struct piece *piece = &l->pieces[l->count++];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(piece->text, sizeof(piece->text), fmt, args);
	va_end(args);
	piece->len = len < PIECE_MAX ? len : PIECE_MAX - 1;
	piece->rank = rank;
	piece->ink = ink;
	piece->is_out = false;
}

static const char *count(uint64_t value, char text[UNITS_TEXT_MAX])
{
	return units_count_text(value, text);
}

/* "0:12", "1:02:03" */
static const char *clock_text(double seconds, char text[FIGURE_MAX])
{
	unsigned long s = seconds > 0 ? (unsigned long)(seconds + 0.5) : 0;

	if (s < 3600)
		snprintf(text, FIGURE_MAX, "%lu:%02lu", s / 60, s % 60);
	else
		snprintf(text, FIGURE_MAX, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
	return text;
}

/* By state where there is room for it, else how many there are. */
static void add_sessions(struct line *l, const struct live_sessions *s, bool by_state)
{
	char text[UNITS_TEXT_MAX], detail[PIECE_MAX] = "";
	uint64_t sum =
		s->connecting + s->securing + s->logging_in + s->idle + s->sending + s->closing;
	const struct {
		const char *name;
		uint64_t count;
	} states[] = {
		{"conn", s->connecting}, {"tls", s->securing}, {"auth", s->logging_in},
		{"idle", s->idle},	 {"send", s->sending}, {"close", s->closing},
	};
	size_t len = 0;

	for (size_t i = 0; by_state && i < sizeof(states) / sizeof(*states); i++)
		/* Six times 20 digits and a name do not fit, but neither do so many sessions. */
		if (states[i].count > 0 && len < sizeof(detail))
			len += (size_t)snprintf(detail + len, sizeof(detail) - len, " %s %s",
						count(states[i].count, text), states[i].name);
	if (len > 0)
		add(l, RANK_STATES, LIVE_PLAIN, "sessions%s", detail);
	else if (s->wanted > 0 && sum < s->wanted)
		add(l, 4, LIVE_PLAIN, "%s of %s sessions", count(sum, text),
		    count(s->wanted, detail));
	else
		add(l, 4, LIVE_PLAIN, "%s sessions", count(sum, text));
}

/* Whatever stands in the status, an hour is the most that is shown: nothing is timed for longer. */
static int64_t shown_ns(int64_t us)
{
	const int64_t most_us = INT64_C(3600000000);

	return (us < most_us ? us : most_us) * 1000;
}

static void add_latency(struct line *l, const struct live_status *s)
{
	char p50[UNITS_TEXT_MAX], p99[UNITS_TEXT_MAX];

	if (s->p50_us != RUN_NONE)
		add(l, 4, LIVE_PLAIN, "p50 %s", units_duration_text(shown_ns(s->p50_us), p50));
	if (s->p99_us != RUN_NONE)
		add(l, 3, LIVE_PLAIN, "p99 %s", units_duration_text(shown_ns(s->p99_us), p99));
}

static void add_progress(struct line *l, const struct live_status *s)
{
	char done[UNITS_TEXT_MAX], wanted[UNITS_TEXT_MAX], left[FIGURE_MAX];

	if (s->messages_wanted > 0)
		add(l, 7, LIVE_PLAIN, "%s/%s messages", count(s->messages_done, done),
		    count(s->messages_wanted, wanted));
	if (s->left_s >= 0)
		add(l, 2, LIVE_PLAIN, "%s left", clock_text(s->left_s, left));
}

static void fill_line(struct line *l, const struct live_status *s, bool by_state)
{
	static const char *const stages[] = {
		[LIVE_STARTING] = "starting",
		[LIVE_WARMUP] = "warm-up",
		[LIVE_MEASURING] = "run",
		[LIVE_DRAINING] = "draining",
	};
	char a[UNITS_TEXT_MAX], rate[FIGURE_MAX], offered[FIGURE_MAX];

	l->count = 0;
	add(l, 0, LIVE_PLAIN, "%s %s", stages[s->stage], clock_text(s->elapsed_s, rate));
	add_sessions(l, &s->sessions, by_state);
	figure_rate(s->rate, rate);
	if (s->offered > 0)
		add(l, 0, LIVE_BOLD, "%s of %s msg/s", rate, figure_rate(s->offered, offered));
	else
		add(l, 0, LIVE_BOLD, "%s msg/s", rate);
	if (s->held_by != NULL)
		add(l, 2, LIVE_PLAIN, "held by %s", s->held_by);
	add_latency(l, s);
	add(l, 5, LIVE_PLAIN, "2xx %s", count(s->replies_2xx, a));
	/* What did not happen is the first thing that a narrow terminal may leave out. */
	add(l, s->replies_4xx ? 2 : 8, s->replies_4xx ? LIVE_WARN : LIVE_PLAIN, "4xx %s",
	    count(s->replies_4xx, a));
	add(l, s->replies_5xx ? 2 : 8, s->replies_5xx ? LIVE_BAD : LIVE_PLAIN, "5xx %s",
	    count(s->replies_5xx, a));
	add(l, s->errors ? 1 : 8, s->errors ? LIVE_BAD : LIVE_PLAIN, "errors %s",
	    count(s->errors, a));
	add_progress(l, s);
}

static int line_len(const struct line *l)
{
	int len = 0;

	for (int i = 0; i < l->count; i++)
		if (!l->pieces[i].is_out)
			len += l->pieces[i].len + (len > 0 ? (int)strlen(GAP) : 0);
	return len;
}

/* Leaves out pieces, those of the highest rank first, until the line fits. */
static void fit_line(struct line *l, int width)
{
	for (int rank = 9; rank > 0; rank--)
		for (int i = l->count - 1; i >= 0 && line_len(l) > width; i--)
			if (l->pieces[i].rank == rank)
				l->pieces[i].is_out = true;
}

/* The line that fits: width > 0 columns. */
static void make_line(struct line *l, const struct live_status *s, int width)
{
	bool is_whole = true;

	fill_line(l, s, true);
	fit_line(l, width);
	for (int i = 0; i < l->count; i++)
		is_whole &= !(l->pieces[i].rank == RANK_STATES && l->pieces[i].is_out);
	if (is_whole)
		return;
	fill_line(l, s, false);
	fit_line(l, width);
}

size_t live_line(const struct live_status *status, int width, char line[LIVE_LINE_MAX])
{
	struct line l;
	int bound = width > 0 && width < LIVE_LINE_MAX ? width : LIVE_LINE_MAX - 1;
	int len = 0;

	make_line(&l, status, bound);
	line[0] = '\0';
	for (int i = 0; i < l.count && len < bound; i++) {
		if (l.pieces[i].is_out)
			continue;
		/* What is never left out may still be too long for a very narrow terminal. */
		len += snprintf(line + len, (size_t)(bound - len) + 1, "%s%s", len ? GAP : "",
				l.pieces[i].text);
		if (len > bound)
			len = bound;
	}
	return (size_t)len;
}

static void put_colored(FILE *out, const struct line *l)
{
	static const char *const sequences[] = {[LIVE_PLAIN] = "",
						[LIVE_BOLD] = "\x1b[1m",
						[LIVE_WARN] = "\x1b[33m",
						[LIVE_BAD] = "\x1b[31m"};
	bool is_first = true;

	for (int i = 0; i < l->count; i++) {
		const struct piece *piece = &l->pieces[i];

		if (piece->is_out)
			continue;
		fprintf(out, "%s%s%s%s", is_first ? "" : GAP, sequences[piece->ink], piece->text,
			piece->ink == LIVE_PLAIN ? "" : "\x1b[0m");
		is_first = false;
	}
}

void live_show(struct live *l, const struct live_status *status)
{
	char text[LIVE_LINE_MAX];
	/* A line that fills the last column would wrap on some terminals. */
	int width = l->is_terminal && l->width > 1 ? l->width - 1 : 0;
	struct line line;

	if (l->is_terminal)
		fputc('\r', l->out);
	make_line(&line, status, width > 0 ? width : LIVE_LINE_MAX - 1);
	if (l->use_color && (width == 0 || line_len(&line) <= width)) {
		put_colored(l->out, &line);
	} else {
		live_line(status, width, text);
		fputs(text, l->out);
	}
	fputs(l->is_terminal ? "\x1b[K" : "\n", l->out);
	fflush(l->out);
	l->is_drawn = l->is_terminal;
}

void live_clear(struct live *l)
{
	if (!l->is_drawn)
		return;
	fputs("\r\x1b[K", l->out);
	fflush(l->out);
	l->is_drawn = false;
}
