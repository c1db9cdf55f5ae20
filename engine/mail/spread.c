/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spread.c - numbers drawn from a distribution
 *
 * A table is kept as rising bounds on 64 random bits, so that a draw is one number and a binary
 * search. Weights are any positive numbers: they need not add up to 100.
 */
#include "mail/spread.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/span.h"
#include "base/units.h"
#include "mail/file.h"

#define MIX_FILE_MAX (UINT64_C(16) << 20)
#define MIX_ROW_MAX  ((size_t)1 << 20)
#define RCPTS_MAX    1000

struct weighted {
	uint16_t value;
	double percent;
};

/* SPECmail2001 s4.2.1, MSG_SIZE_DISTRIBUTION, in KB of 1024 octets. */
static const struct weighted specmail_sizes[] = {
	{1, 10.20}, {2, 30.71}, {3, 20.59},  {4, 10.78},   {5, 5.88},
	{6, 3.74},  {10, 7.44}, {100, 9.79}, {1000, 0.69}, {2675, 0.18},
};

/* The same, MSG_RECP_DISTRIBUTION. */
static const struct weighted specmail_rcpts[] = {
	{1, 85.73}, {2, 1.66},	{3, 1.49},  {4, 1.34},	{5, 1.20},  {6, 1.08},	{7, 0.97},
	{8, 0.88},  {9, 0.79},	{10, 0.71}, {11, 0.64}, {12, 0.58}, {13, 0.52}, {14, 0.47},
	{15, 0.42}, {16, 0.38}, {17, 0.34}, {18, 0.31}, {19, 0.28}, {20, 0.21},
};

/* Digits with at most one point: locale-free, no exponent, no sign. */
static bool decimal_parse(struct span text, double *ret_value)
{
	double value = 0, scale = 1;
	bool has_point = false, has_digit = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '.' && !has_point) {
			has_point = true;
			continue;
		}
		if (c < '0' || c > '9')
			return false;
		has_digit = true;
		value = value * 10 + (c - '0');
		if (has_point)
			scale *= 10;
	}
	if (!has_digit || !isfinite(value))
		return false;
	*ret_value = value / scale;
	return true;
}

static const char *max_text(const struct spread_format *f, char text[UNITS_TEXT_MAX])
{
	return f->is_size ? units_size_text(f->max, text) : units_count_text(f->max, text);
}

/* One value of the distribution, checked against the bounds. */
static int value_parse(struct span text, const struct spread_format *f, struct err *e,
		       uint64_t *ret_value)
{
	char limit[UNITS_TEXT_MAX];
	uint64_t value;

	if (!(f->is_size ? units_parse_size(text, &value) : units_parse_count(text, &value)))
		return err_set(e, EXIT_USAGE, 0, "%s: \"%.*s\" is not a %s; write %s", f->option,
			       (int)text.len, text.data, f->noun,
			       f->is_size ? "512, 4k, 1M or the like" : "a number such as 5");
	if (value == 0)
		return err_set(e, EXIT_USAGE, 0, "%s: a %s of 0 is no message; give at least 1",
			       f->option, f->noun);
	if (value > f->max)
		return err_set(e, EXIT_USAGE, 0, "%s: %.*s is over the maximum, %s", f->option,
			       (int)text.len, text.data, max_text(f, limit));
	*ret_value = value;
	return 0;
}

/* Takes the next item of a list that is separated by commas. */
static bool next_item(struct span *rest, struct span *ret_item)
{
	if (rest->len == 0)
		return false;
	span_cut(rest, ',', ret_item);
	return true;
}

static int parse_uniform(struct span text, const struct spread_format *f, struct err *e,
			 struct spread *s)
{
	struct span low, high = text;

	if (!span_cut(&high, '-', &low))
		return err_set(e, EXIT_USAGE, 0, "%s: \"%.*s\" is not a range; write it as %s",
			       f->option, (int)text.len, text.data, f->is_size ? "1k-64k" : "1-10");
	if (value_parse(low, f, e, &s->min) < 0 || value_parse(high, f, e, &s->max) < 0)
		return -1;
	if (s->min > s->max)
		return err_set(e, EXIT_USAGE, 0,
			       "%s: the range %.*s ends below its start; swap the two", f->option,
			       (int)text.len, text.data);
	s->kind = s->min == s->max ? SPREAD_FIXED : SPREAD_UNIFORM;
	s->mean = ((double)s->min + (double)s->max) / 2;
	return 0;
}

static double normal_below(double z)
{
	return erfc(-z / sqrt(2)) / 2;
}

/* The mean of a lognormal variable whose values beyond the bounds are set to the bounds. */
static double lognormal_mean(const struct spread *s)
{
	double low = (double)s->min, high = (double)s->max;
	double z_low, z_high;

	if (s->sigma <= 0)
		return fmin(fmax(exp(s->mu), low), high);
	z_low = (log(low) - s->mu) / s->sigma;
	z_high = (log(high) - s->mu) / s->sigma;
	return low * normal_below(z_low) + high * normal_below(-z_high) +
	       exp(s->mu + s->sigma * s->sigma / 2) *
		       (normal_below(z_high - s->sigma) - normal_below(z_low - s->sigma));
}

static int parse_lognormal(struct span text, const struct spread_format *f, struct err *e,
			   struct spread *s)
{
	uint64_t median = 0;
	struct span item;

	s->kind = SPREAD_LOGNORMAL;
	s->min = 1;
	s->max = f->max;
	s->sigma = -1;
	while (next_item(&text, &item)) {
		struct span key, value = item;
		int status = 0;

		if (!span_cut(&value, '=', &key))
			key = (struct span){NULL, 0};
		if (span_equal_nocase(key, SPAN("median")))
			status = value_parse(value, f, e, &median);
		else if (span_equal_nocase(key, SPAN("min")))
			status = value_parse(value, f, e, &s->min);
		else if (span_equal_nocase(key, SPAN("max")))
			status = value_parse(value, f, e, &s->max);
		else if (!span_equal_nocase(key, SPAN("sigma")))
			return err_set(e, EXIT_USAGE, 0,
				       "%s: lognormal has no \"%.*s\"; it takes median=, sigma=, "
				       "min= and max=",
				       f->option, (int)item.len, item.data);
		else if (!decimal_parse(value, &s->sigma) || s->sigma > 10)
			return err_set(e, EXIT_USAGE, 0,
				       "%s: sigma is the deviation of the natural logarithm, from "
				       "0 to 10; \"%.*s\" is not",
				       f->option, (int)value.len, value.data);
		if (status < 0)
			return -1;
	}
	if (median == 0 || s->sigma < 0)
		return err_set(e, EXIT_USAGE, 0,
			       "%s: lognormal needs a median and a sigma: "
			       "lognormal:median=8k,sigma=1.2",
			       f->option);
	if (s->min > s->max)
		return err_set(e, EXIT_USAGE, 0, "%s: lognormal's min is over its max", f->option);
	s->mu = log((double)median);
	s->mean = lognormal_mean(s);
	return 0;
}

static int table_add(struct spread *s, uint64_t value, double weight, int rcpts,
		     const struct spread_format *f, struct err *e)
{
	/* Grows at every power of two. */
	if ((s->row_count & (s->row_count - 1)) == 0) {
		size_t cap = s->row_count ? s->row_count * 2 : 1;
		struct spread_row *rows = realloc(s->rows, cap * sizeof(*rows));

		if (!rows)
			return err_set(e, EXIT_FAILED, ENOMEM, "%s: no memory for the table",
				       f->option);
		s->rows = rows;
	}
	if (s->row_count == MIX_ROW_MAX)
		return err_set(e, EXIT_USAGE, 0, "%s: a mix of more than a million rows",
			       f->option);
	s->rows[s->row_count++] =
		(struct spread_row){.value = value, .weight = weight, .rcpts = rcpts};
	return 0;
}

/* Sets bounds, extremes and mean once all rows are there. */
static void table_finish(struct spread *s)
{
	double total = 0, sum = 0, cumulated = 0;

	s->kind = SPREAD_TABLE;
	s->min = s->max = s->rows[0].value;
	for (size_t i = 0; i < s->row_count; i++)
		total += s->rows[i].weight;
	for (size_t i = 0; i < s->row_count; i++) {
		struct spread_row *row = &s->rows[i];
		double share;

		cumulated += row->weight;
		share = cumulated / total;
		sum += (double)row->value * row->weight;
		if (row->value < s->min)
			s->min = row->value;
		if (row->value > s->max)
			s->max = row->value;
		if (row->rcpts > 0)
			s->has_rcpts = true;
		row->below = share >= 1 ? UINT64_MAX : (uint64_t)(share * 0x1p64);
	}
	s->rows[s->row_count - 1].below = UINT64_MAX;
	s->mean = sum / total;
}

static bool weight_parse(struct span text, double *ret_weight)
{
	return decimal_parse(text, ret_weight) && *ret_weight > 0 && *ret_weight <= 1e15;
}

/* The next word of a line, separated by white space. */
static struct span next_word(struct span *rest)
{
	struct span word;

	*rest = file_trim(*rest);
	word = (struct span){rest->data, 0};
	while (word.len < rest->len && word.data[word.len] != ' ' && word.data[word.len] != '\t')
		word.len++;
	*rest = span_skip(*rest, word.len);
	return word;
}

static int mix_line(struct span line, const struct spread_format *f, struct err *e,
		    struct spread *s)
{
	struct span value_text = next_word(&line), weight_text = next_word(&line);
	struct span rcpt_text = next_word(&line);
	uint64_t value, rcpts = 0;
	double weight;

	if (value_parse(value_text, f, e, &value) < 0)
		return -1;
	if (!weight_parse(weight_text, &weight))
		return err_set(e, EXIT_USAGE, 0,
			       "\"%.*s\" is not a weight; a line is \"%s WEIGHT\", the weight a "
			       "positive number",
			       (int)weight_text.len, weight_text.data,
			       f->is_size ? "SIZE" : "NUMBER");
	if (rcpt_text.len > 0 && (!f->is_size || !units_parse_count(rcpt_text, &rcpts) ||
				  rcpts == 0 || rcpts > RCPTS_MAX))
		return err_set(e, EXIT_USAGE, 0, "\"%.*s\" is not a number of recipients, 1 to %d",
			       (int)rcpt_text.len, rcpt_text.data, RCPTS_MAX);
	if (file_trim(line).len > 0)
		return err_set(e, EXIT_USAGE, 0,
			       "more than three columns; a line is \"SIZE WEIGHT "
			       "RECIPIENTS\"");
	return table_add(s, value, weight, (int)rcpts, f, e);
}

static int parse_mix_file(const char *path, const struct spread_format *f, struct err *e,
			  struct spread *s)
{
	struct span rest, line;
	size_t len, number = 0;
	char *data;
	int status = 0;

	if (file_read(path, f->option, MIX_FILE_MAX, e, &data, &len) < 0)
		return -1;
	rest = (struct span){data, len};
	while (status == 0 && file_next_line(&rest, &line)) {
		struct span row;

		number++;
		span_cut(&line, '#', &row);
		if (file_trim(row).len == 0)
			continue;
		status = mix_line(row, f, e, s);
		if (status < 0)
			err_prefix(e, "%s:%zu", path, number);
	}
	free(data);
	if (status == 0 && s->row_count == 0)
		return err_set(e, EXIT_USAGE, 0, "%s: %s holds no rows; a line is \"SIZE WEIGHT\"",
			       f->option, path);
	return status;
}

/* "1k=90,100k=9,1M=1" */
static int parse_mix_list(struct span text, const struct spread_format *f, struct err *e,
			  struct spread *s)
{
	struct span item;

	while (next_item(&text, &item)) {
		struct span value_text, weight_text = item;
		uint64_t value;
		double weight;

		if (!span_cut(&weight_text, '=', &value_text) ||
		    !weight_parse(weight_text, &weight))
			return err_set(e, EXIT_USAGE, 0,
				       "%s: \"%.*s\" is not \"%s=WEIGHT\", the weight a positive "
				       "number",
				       f->option, (int)item.len, item.data,
				       f->is_size ? "SIZE" : "NUMBER");
		if (value_parse(value_text, f, e, &value) < 0 ||
		    table_add(s, value, weight, 0, f, e) < 0)
			return -1;
	}
	if (s->row_count == 0)
		return err_set(e, EXIT_USAGE, 0,
			       "%s: mix: needs a file or a list such as "
			       "1k=90,1M=10",
			       f->option);
	return 0;
}

static int parse_specmail(const struct spread_format *f, struct err *e, struct spread *s)
{
	const struct weighted *rows = f->is_size ? specmail_sizes : specmail_rcpts;
	size_t count = f->is_size ? sizeof(specmail_sizes) / sizeof(*rows)
				  : sizeof(specmail_rcpts) / sizeof(*rows);

	s->is_specmail = true;
	for (size_t i = 0; i < count; i++)
		if (table_add(s, rows[i].value * (f->is_size ? UINT64_C(1024) : 1), rows[i].percent,
			      0, f, e) < 0)
			return -1;
	return 0;
}

static int parse_form(const char *text, const struct spread_format *f, struct err *e,
		      struct spread *s)
{
	struct span whole = span_of(text), rest = whole, name;
	bool is_table = false;
	int status;

	if (span_equal_nocase(whole, SPAN("specmail2001"))) {
		is_table = true;
		status = parse_specmail(f, e, s);
	} else if (!span_cut(&rest, ':', &name)) {
		if (memchr(text, '-', whole.len))
			return parse_uniform(whole, f, e, s);
		s->kind = SPREAD_FIXED;
		status = value_parse(whole, f, e, &s->min);
		s->max = s->min;
		s->mean = (double)s->min;
	} else if (span_equal_nocase(name, SPAN("uniform"))) {
		status = parse_uniform(rest, f, e, s);
	} else if (span_equal_nocase(name, SPAN("lognormal"))) {
		status = parse_lognormal(rest, f, e, s);
	} else if (span_equal_nocase(name, SPAN("mix"))) {
		is_table = true;
		/* A path with an equals sign in it is told from a list by a slash. */
		status = rest.len > 0 && (!strchr(rest.data, '=') || strchr(rest.data, '/'))
				 ? parse_mix_file(rest.data, f, e, s)
				 : parse_mix_list(rest, f, e, s);
	} else {
		return err_set(e, EXIT_USAGE, 0,
			       "%s: \"%.*s\" is no distribution that volley knows; there are "
			       "uniform:, lognormal:, mix: and specmail2001",
			       f->option, (int)name.len, name.data);
	}
	if (status == 0 && is_table)
		table_finish(s);
	return status;
}

int spread_parse(const char *text, const struct spread_format *format, struct err *e,
		 struct spread *ret_spread)
{
	struct spread s = {0};

	if (parse_form(text, format, e, &s) < 0) {
		spread_fini(&s);
		return -1;
	}
	*ret_spread = s;
	return 0;
}

void spread_fini(struct spread *s)
{
	free(s->rows);
	*s = (struct spread){0};
}

static const struct spread_row *table_draw(const struct spread *s, struct rng *r)
{
	uint64_t bits = rng_next(r);
	size_t low = 0, high = s->row_count - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (bits <= s->rows[middle].below)
			high = middle;
		else
			low = middle + 1;
	}
	return &s->rows[low];
}

uint64_t spread_draw(const struct spread *s, struct rng *r, int *ret_rcpts)
{
	const struct spread_row *row;
	double value;

	switch (s->kind) {
	case SPREAD_FIXED:
		break;
	case SPREAD_UNIFORM:
		return s->min + rng_below(r, s->max - s->min + 1);
	case SPREAD_LOGNORMAL:
		value = exp(s->mu + s->sigma * rng_normal(r, 0, 1));
		if (!(value > (double)s->min))
			return s->min;
		return value >= (double)s->max ? s->max : (uint64_t)(value + 0.5);
	case SPREAD_TABLE:
		row = table_draw(s, r);
		if (row->rcpts > 0)
			*ret_rcpts = row->rcpts;
		return row->value;
	}
	return s->min;
}

static const char *value_text(uint64_t value, const struct spread_format *f,
			      char text[UNITS_TEXT_MAX])
{
	return f->is_size ? units_size_text(value, text) : units_count_text(value, text);
}

const char *spread_text(const struct spread *s, const struct spread_format *format, char *out,
			size_t out_size)
{
	static const char *const names[] = {
		[SPREAD_UNIFORM] = "uniform",
		[SPREAD_LOGNORMAL] = "lognormal",
		[SPREAD_TABLE] = "mix",
	};
	char low[UNITS_TEXT_MAX], high[UNITS_TEXT_MAX], mean[UNITS_TEXT_MAX];

	value_text(s->min, format, low);
	if (s->kind == SPREAD_FIXED) {
		snprintf(out, out_size, "%s", low);
		return out;
	}
	value_text(s->max, format, high);
	if (format->is_size)
		units_size_text((uint64_t)(s->mean + 0.5), mean);
	else
		snprintf(mean, sizeof(mean), "%.2f", s->mean);
	snprintf(out, out_size, "%s %s to %s, mean %s",
		 s->is_specmail ? "specmail2001" : names[s->kind], low, high, mean);
	return out;
}
