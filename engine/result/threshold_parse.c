/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * threshold_parse.c - what a run must keep to: the expressions
 */
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/units.h"
#include "result/metrics.h"
#include "result/threshold.h"

#define OPTION "--threshold"
#define PHASES                                                                                     \
	"dns connect banner ehlo tls auth mail rcpt data body hold accept quit session "           \
	"response service"
#define STATS "mean min p50 p90 p99 p99.9 p99.99 max count"
#define METRICS                                                                                    \
	"PHASE.STAT, replies.CODE, errors, messages., recipients., sessions., rate., "             \
	"end_to_end., cpu and rss"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span trim(struct span text)
{
	while (text.len > 0 && is_blank(text.data[0]))
		text = span_skip(text, 1);
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.len--;
	return text;
}

static int find_phase(struct span name)
{
	for (int i = 0; i < RUN_PHASE_COUNT; i++)
		if (span_equal(name, span_of(run_phase_names[i])))
			return i;
	return -1;
}

static int find_stat(struct span name)
{
	/* "p99_9" is how the JSON's keys have it. */
	if (span_equal(name, SPAN("p99_9")))
		name = SPAN("p99.9");
	if (span_equal(name, SPAN("p99_99")))
		name = SPAN("p99.99");
	for (int i = 0; metric_stats[i].name; i++)
		if (span_equal(name, span_of(metric_stats[i].name)))
			return i;
	return -1;
}

static int find_figure(struct span name)
{
	for (int i = 0; metric_figures[i].name; i++)
		if (span_equal(name, span_of(metric_figures[i].name)))
			return i;
	return -1;
}

/* "450", or "4xx" as 4. */
static bool parse_code(struct span text, int *ret_code)
{
	if (text.len != 3 || text.data[0] < '2' || text.data[0] > '5')
		return false;
	*ret_code = text.data[0] - '0';
	if (span_equal_nocase(span_skip(text, 1), SPAN("xx")))
		return true;
	for (int i = 1; i < 3; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		*ret_code = *ret_code * 10 + text.data[i] - '0';
	}
	return true;
}

static int parse_latency(struct span name, struct span stat, struct threshold *t, struct err *e)
{
	t->metric = THRESHOLD_LATENCY;
	t->stat = find_stat(stat);
	if (t->stat < 0)
		return err_set(e, EXIT_USAGE, 0,
			       OPTION " \"%s\": %.*s has no \"%.*s\"; there are " STATS,
			       t->expression, (int)name.len, name.data, (int)stat.len, stat.data);
	t->unit = metric_stats[t->stat].is_count ? THRESHOLD_NUMBER : THRESHOLD_DURATION;
	return 0;
}

static int parse_replies(struct span what, struct threshold *t, struct err *e)
{
	struct span command, code = what;

	t->metric = THRESHOLD_REPLIES;
	if (span_cut(&code, '.', &command)) {
		if (command.len == 0 || command.len >= sizeof(t->command))
			return err_set(e, EXIT_USAGE, 0, OPTION " \"%s\": \"%.*s\" is no command",
				       t->expression, (int)command.len, command.data);
		memcpy(t->command, command.data, command.len);
	} else {
		code = what;
	}
	if (!parse_code(code, &t->code))
		return err_set(e, EXIT_USAGE, 0,
			       OPTION " \"%s\": \"%.*s\" is no reply code; write 250, 4xx, or "
				      "dot.4xx for one command's",
			       t->expression, (int)code.len, code.data);
	return 0;
}

static int parse_metric(struct span name, struct threshold *t, struct err *e)
{
	struct span first, rest = name;
	bool is_split = span_cut(&rest, '.', &first);

	t->unit = THRESHOLD_NUMBER;
	t->figure = find_figure(name);
	if (t->figure >= 0) {
		t->metric = THRESHOLD_FIGURE;
		t->unit = metric_figures[t->figure].unit;
		return 0;
	}
	t->phase = span_equal(first, SPAN("end_to_end")) ? RUN_PHASE_COUNT : find_phase(first);
	if (t->phase >= 0 && is_split)
		return parse_latency(first, rest, t, e);
	if (t->phase >= 0)
		return err_set(e, EXIT_USAGE, 0, OPTION " \"%s\": say which figure of %.*s: " STATS,
			       t->expression, (int)first.len, first.data);
	if (span_equal(first, SPAN("replies")))
		return parse_replies(rest, t, e);
	if (span_equal(first, SPAN("errors"))) {
		t->metric = THRESHOLD_ERRORS;
		t->phase = is_split ? find_phase(rest) : -1;
		if (is_split && t->phase < 0)
			return err_set(e, EXIT_USAGE, 0,
				       OPTION " \"%s\": \"%.*s\" is no phase; there are " PHASES,
				       t->expression, (int)rest.len, rest.data);
		return 0;
	}
	return err_set(e, EXIT_USAGE, 0,
		       OPTION " \"%s\": there is no figure \"%.*s\"; there are " METRICS
			      ", PHASE being one of " PHASES,
		       t->expression, (int)name.len, name.data);
}

static int bad_bound(const struct threshold *t, struct span bound, const char *what, struct err *e)
{
	return err_set(e, EXIT_USAGE, 0, OPTION " \"%s\": \"%.*s\" is not %s", t->expression,
		       (int)bound.len, bound.data, what);
}

/* "12", "0.1": locale-free. */
static bool parse_decimal(struct span text, double *ret_value)
{
	double value = 0, scale = 1;
	bool has_point = false, has_digit = false;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '.' && !has_point) {
			has_point = true;
			continue;
		}
		if (text.data[i] < '0' || text.data[i] > '9' || value > 1e15)
			return false;
		has_digit = true;
		value = value * 10 + (text.data[i] - '0');
		if (has_point)
			scale *= 10;
	}
	*ret_value = value / scale;
	return has_digit;
}

static bool has_share(const struct threshold *t)
{
	return t->metric == THRESHOLD_REPLIES || t->metric == THRESHOLD_ERRORS ||
	       (t->metric == THRESHOLD_FIGURE && metric_figures[t->figure].whole);
}

static int parse_bound(struct span bound, struct threshold *t, struct err *e)
{
	char last = bound.len ? bound.data[bound.len - 1] : '\0';
	uint64_t number;
	int64_t duration_ns;
	struct rate rate;

	if (last == '%') {
		if (!has_share(t))
			return err_set(e, EXIT_USAGE, 0,
				       OPTION " \"%s\": this figure is no share of "
					      "anything; leave out the %%",
				       t->expression);
		t->unit = THRESHOLD_PERCENT;
		return parse_decimal(trim((struct span){bound.data, bound.len - 1}), &t->bound)
			       ? 0
			       : bad_bound(t, bound, "a percentage such as 0.1%", e);
	}
	switch (t->unit) {
	case THRESHOLD_DURATION:
		/* A bare number would be seconds here and milliseconds elsewhere. */
		if ((last >= '0' && last <= '9') || !units_parse_duration(bound, &duration_ns))
			return bad_bound(t, bound, "a duration with its unit, such as 500ms", e);
		t->bound = (double)duration_ns / (double)NS_PER_MS;
		return 0;
	case THRESHOLD_RATE:
		if (!units_parse_rate(bound, &rate) || rate.per_ns <= 0)
			return bad_bound(t, bound, "a rate such as 1000/s", e);
		t->bound = (double)rate.count * (double)NS_PER_SEC / (double)rate.per_ns;
		return 0;
	case THRESHOLD_SIZE:
		if (!units_parse_size(bound, &number))
			return bad_bound(t, bound, "a size such as 64M", e);
		t->bound = (double)number;
		return 0;
	case THRESHOLD_NUMBER:
	case THRESHOLD_PERCENT:
		break;
	}
	if (!units_parse_count(bound, &number))
		return bad_bound(t, bound,
				 has_share(t) ? "a number such as 10, or a share such as 1%"
					      : "a number such as 10",
				 e);
	t->bound = (double)number;
	return 0;
}

int threshold_parse(const char *text, struct err *e, struct threshold *ret_threshold)
{
	struct span whole = trim(span_of(text)), name, bound;
	struct threshold t = {.phase = -1, .figure = -1};
	size_t at = 0;
	bool has_equal;

	if (whole.len >= sizeof(t.expression))
		return err_set(e, EXIT_USAGE, 0,
			       OPTION ": an expression of more than %zu characters",
			       sizeof(t.expression) - 1);
	memcpy(t.expression, whole.data, whole.len);
	while (at < whole.len && whole.data[at] != '<' && whole.data[at] != '>')
		at++;
	if (at == whole.len)
		return err_set(e, EXIT_USAGE, 0,
			       OPTION " \"%s\": there is no comparison; write it like "
				      "accept.p99<500ms, with <, <=, > or >=",
			       t.expression);
	name = trim((struct span){whole.data, at});
	bound = span_skip(whole, at + 1);
	has_equal = bound.len > 0 && bound.data[0] == '=';
	bound = trim(span_skip(bound, has_equal));
	t.op = whole.data[at] == '<' ? (has_equal ? THRESHOLD_LE : THRESHOLD_LT)
				     : (has_equal ? THRESHOLD_GE : THRESHOLD_GT);
	if (parse_metric(name, &t, e) < 0 || parse_bound(bound, &t, e) < 0)
		return -1;
	*ret_threshold = t;
	return 0;
}
