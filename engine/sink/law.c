/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * law.c - how long a delay is to be
 */
#include "sink/law.h"
#include <math.h>
#include "base/units.h"

/* A plain decimal number, at most 999 and with at most six digits behind the point. */
static bool read_sigma(struct span text, double *ret_sigma)
{
	uint64_t digits = 0, scale = 1;
	bool is_behind = false;
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '.' && !is_behind) {
			is_behind = true;
			continue;
		}
		if (c < '0' || c > '9' || ++count > 9)
			return false;
		digits = digits * 10 + (uint64_t)(c - '0');
		if (is_behind)
			scale *= 10;
	}
	if (count == 0 || scale > 1000000 || digits / scale > 999)
		return false;
	*ret_sigma = (double)digits / (double)scale;
	return true;
}

static bool read_duration(struct span text, int64_t *ret_ns)
{
	return units_parse_duration(text, ret_ns) && *ret_ns <= LAW_MAX_NS;
}

static const struct {
	struct span name;
	enum law_kind kind;
	const char *form;
} laws[] = {
	{{"uniform", 7}, LAW_UNIFORM, "uniform:1ms-5ms"},
	{{"exp", 3}, LAW_EXPONENTIAL, "exp:20ms"},
	{{"exponential", 11}, LAW_EXPONENTIAL, "exp:20ms"},
	{{"normal", 6}, LAW_NORMAL, "normal:50ms,10ms"},
	{{"lognormal", 9}, LAW_LOGNORMAL, "lognormal:20ms,0.5"},
	{{"const", 5}, LAW_CONSTANT, "const:20ms"},
};

static bool read_arguments(struct span text, struct law *l)
{
	struct span left, right = text;

	switch (l->kind) {
	case LAW_CONSTANT:
		return read_duration(text, &l->a_ns);
	case LAW_EXPONENTIAL:
		return read_duration(text, &l->a_ns) && l->a_ns > 0;
	case LAW_UNIFORM:
		return span_cut(&right, '-', &left) && read_duration(left, &l->a_ns) &&
		       read_duration(right, &l->b_ns) && l->a_ns <= l->b_ns;
	case LAW_NORMAL:
		return span_cut(&right, ',', &left) && read_duration(left, &l->a_ns) &&
		       read_duration(right, &l->b_ns);
	case LAW_LOGNORMAL:
		return span_cut(&right, ',', &left) && read_duration(left, &l->a_ns) &&
		       l->a_ns > 0 && read_sigma(right, &l->sigma);
	case LAW_NONE:
		break;
	}
	return false;
}

int law_parse(struct span text, struct law *ret_law, struct err *e)
{
	struct law l = {.kind = LAW_CONSTANT};
	struct span name, arguments = text;
	const char *form = "20ms";

	if (span_cut(&arguments, ':', &name)) {
		size_t which = 0;

		while (which < sizeof(laws) / sizeof(laws[0]) &&
		       !span_equal(laws[which].name, name))
			which++;
		if (which == sizeof(laws) / sizeof(laws[0]))
			return err_set(e, EXIT_USAGE, 0,
				       "\"%.*s\" is no distribution: use const, uniform, exp, "
				       "normal or lognormal",
				       (int)name.len, name.data);
		l.kind = laws[which].kind;
		form = laws[which].form;
	} else {
		arguments = text;
	}
	if (!read_arguments(arguments, &l))
		return err_set(e, EXIT_USAGE, 0,
			       "\"%.*s\" is no delay: it is written like \"%s\", an hour at most",
			       (int)text.len, text.data, form);
	*ret_law = l;
	return 0;
}

/* Rounds a number of nanoseconds that may be anything into the range of a delay. */
static int64_t bounded(double ns)
{
	if (!(ns > 0))
		return 0;
	return ns >= (double)LAW_MAX_NS ? LAW_MAX_NS : (int64_t)(ns + 0.5);
}

int64_t law_draw(const struct law *l, struct rng *r)
{
	switch (l->kind) {
	case LAW_CONSTANT:
		return l->a_ns;
	case LAW_UNIFORM:
		return l->a_ns + (int64_t)rng_below(r, (uint64_t)(l->b_ns - l->a_ns) + 1);
	case LAW_EXPONENTIAL:
		return bounded(rng_exponential(r, (double)l->a_ns));
	case LAW_NORMAL:
		return bounded(rng_normal(r, (double)l->a_ns, (double)l->b_ns));
	case LAW_LOGNORMAL:
		return bounded((double)l->a_ns * exp(rng_normal(r, 0, l->sigma)));
	case LAW_NONE:
		break;
	}
	return 0;
}
