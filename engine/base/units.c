/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * units.c - sizes, durations and rates as people write them
 *
 * Numbers are read as exact decimals (digits and how many of them stand behind the point) and
 * multiplied in 128 bits, so that "0.1s" is 100,000,000 ns and an overflow is seen. Texts are
 * made from integers too: no locale can put a comma where a point belongs.
 */
#include "base/units.h"
#include <stdio.h>
#include "base/clock.h"

__extension__ typedef unsigned __int128 uint128;

#define FRACTION_MAX 18 /* digits behind the point */

struct decimal {
	uint64_t digits; /* the number without its point */
	uint64_t scale;	 /* 10 to the power of the digits behind it */
};

struct unit {
	const char *name;
	uint64_t factor;
};

/* "12", "12.5", ".5"; what follows the number is left in *rest. */
static bool read_decimal(struct span text, struct decimal *ret_decimal, struct span *ret_rest)
{
	struct decimal d = {.scale = 1};
	size_t pos = 0, digit_count = 0;
	int fraction = -1; /* digits behind the point, -1 before it */
	int zeros = 0;	   /* zeros behind the point that only count if another digit follows */

	for (; pos < text.len; pos++) {
		char c = text.data[pos];

		if (c == '.' && fraction < 0) {
			fraction = 0;
			continue;
		}
		if (c < '0' || c > '9')
			break;
		digit_count++;
		if (fraction >= 0 && c == '0') {
			zeros++;
			continue;
		}
		for (int shifts = fraction >= 0 ? zeros + 1 : 1; shifts > 0; shifts--) {
			if (__builtin_mul_overflow(d.digits, UINT64_C(10), &d.digits))
				return false;
			if (fraction >= 0) {
				if (++fraction > FRACTION_MAX)
					return false;
				d.scale *= 10;
			}
		}
		zeros = 0;
		if (__builtin_add_overflow(d.digits, (uint64_t)(c - '0'), &d.digits))
			return false;
	}
	if (digit_count == 0)
		return false;
	*ret_decimal = d;
	*ret_rest = span_skip(text, pos);
	return true;
}

static bool find_unit(struct span name, const struct unit *units, bool ignore_case,
		      uint64_t *ret_factor)
{
	for (; units->name; units++) {
		struct span candidate = span_of(units->name);

		if (span_equal(name, candidate) ||
		    (ignore_case && span_equal_nocase(name, candidate))) {
			*ret_factor = units->factor;
			return true;
		}
	}
	return false;
}

static const struct unit count_units[] = {
	{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {NULL, 0},
};

static const struct unit size_units[] = {
	{"", 1},
	{"B", 1},
	{"k", UINT64_C(1) << 10},
	{"M", UINT64_C(1) << 20},
	{"G", UINT64_C(1) << 30},
	{"T", UINT64_C(1) << 40},
	{"KiB", UINT64_C(1) << 10},
	{"MiB", UINT64_C(1) << 20},
	{"GiB", UINT64_C(1) << 30},
	{"TiB", UINT64_C(1) << 40},
	{"kB", UINT64_C(1000)},
	{"MB", UINT64_C(1000000)},
	{"GB", UINT64_C(1000000000)},
	{"TB", UINT64_C(1000000000000)},
	{NULL, 0},
};

/* Case matters here: "m" is minutes and nothing else. */
static const struct unit duration_units[] = {
	{"", 1000000000},
	{"ns", 1},
	{"us", 1000},
	{"\xc2\xb5s", 1000}, /* with U+00B5, MICRO SIGN */
	{"ms", 1000000},
	{"s", 1000000000},
	{"m", UINT64_C(60) * 1000000000},
	{"min", UINT64_C(60) * 1000000000},
	{"h", UINT64_C(3600) * 1000000000},
	{"d", UINT64_C(86400) * 1000000000},
	{NULL, 0},
};

bool units_parse_count(struct span text, uint64_t *ret_count)
{
	struct decimal d;
	struct span rest;
	uint64_t factor;
	uint128 product;

	if (!read_decimal(text, &d, &rest) || !find_unit(rest, count_units, true, &factor))
		return false;
	product = (uint128)d.digits * factor;
	/* Half a message is a mistake, not something to round. */
	if (product % d.scale != 0 || product / d.scale > UINT64_MAX)
		return false;
	*ret_count = (uint64_t)(product / d.scale);
	return true;
}

/* The value to the nearest integer, as far as it is at most max. */
static bool scaled(const struct decimal *d, uint64_t factor, uint64_t max, uint64_t *ret_value)
{
	uint128 value = ((uint128)d->digits * factor + d->scale / 2) / d->scale;

	if (value > max)
		return false;
	*ret_value = (uint64_t)value;
	return true;
}

bool units_parse_size(struct span text, uint64_t *ret_octets)
{
	struct decimal d;
	struct span rest;
	uint64_t factor;

	return read_decimal(text, &d, &rest) && find_unit(rest, size_units, true, &factor) &&
	       scaled(&d, factor, UINT64_MAX, ret_octets);
}

bool units_parse_duration(struct span text, int64_t *ret_ns)
{
	struct decimal d;
	struct span rest;
	uint64_t factor, value;

	if (!read_decimal(text, &d, &rest) || !find_unit(rest, duration_units, false, &factor) ||
	    !scaled(&d, factor, INT64_MAX - 1, &value))
		return false;
	*ret_ns = (int64_t)value;
	return true;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* What stands behind the slash: "s", "m", or with a number of its own "10s". */
static bool parse_per(struct span text, uint64_t *ret_ns)
{
	int64_t ns;

	if (text.len > 0 && text.data[0] >= '0' && text.data[0] <= '9') {
		if (!units_parse_duration(text, &ns) || ns == 0)
			return false;
		*ret_ns = (uint64_t)ns;
		return true;
	}
	return text.len > 0 && find_unit(text, duration_units, false, ret_ns);
}

bool units_parse_rate(struct span text, struct rate *ret_rate)
{
	const char *slash = text.len > 0 ? memchr(text.data, '/', text.len) : NULL;
	struct span number = text, rest;
	struct decimal d;
	uint64_t factor, divisor, per_ns = (uint64_t)NS_PER_SEC;
	uint128 count, per;

	if (slash) {
		number.len = (size_t)(slash - text.data);
		if (!parse_per(span_skip(text, number.len + 1), &per_ns))
			return false;
	}
	if (!read_decimal(number, &d, &rest) || !find_unit(rest, count_units, true, &factor))
		return false;
	/* count / scale events per per_ns; the fraction moves into the time. */
	count = (uint128)d.digits * factor;
	divisor = common_divisor((uint64_t)(count % d.scale), d.scale);
	count /= divisor;
	per = (uint128)per_ns * (d.scale / divisor);
	if (count > UINT64_MAX || per > INT64_MAX)
		return false;
	*ret_rate = (struct rate){(uint64_t)count, (int64_t)per};
	return true;
}

/* value / unit with three significant digits, more only where they stand before the point. */
static void ratio_text(uint64_t value, uint64_t unit, const char *sign, const char *name,
		       char text[UNITS_TEXT_MAX])
{
	uint64_t scale = 100;
	uint64_t shown;
	int digits = 2;

	for (;;) {
		shown = (uint64_t)(((uint128)value * scale + unit / 2) / unit);
		if (shown < 1000 || scale == 1)
			break;
		scale /= 10;
		digits--;
	}
	if (digits == 0)
		snprintf(text, UNITS_TEXT_MAX, "%s%llu %s", sign, (unsigned long long)shown, name);
	else
		snprintf(text, UNITS_TEXT_MAX, "%s%llu.%0*llu %s", sign,
			 (unsigned long long)(shown / scale), digits,
			 (unsigned long long)(shown % scale), name);
}

/* The largest unit that is not larger than the value as it will be shown. */
static void best_text(uint64_t value, const struct unit *units, const char *sign,
		      char text[UNITS_TEXT_MAX])
{
	while (units[1].name) {
		/* 999.6 of a unit would be shown as 1000: the next unit takes over before. */
		uint64_t slack = units->factor / 2;

		if (units[1].factor / units->factor != 1000)
			slack = 0;
		if (value < units[1].factor - slack)
			break;
		units++;
	}
	if (units->factor == 1)
		snprintf(text, UNITS_TEXT_MAX, "%s%llu %s", sign, (unsigned long long)value,
			 units->name);
	else
		ratio_text(value, units->factor, sign, units->name, text);
}

const char *units_duration_text(int64_t ns, char text[UNITS_TEXT_MAX])
{
	static const struct unit fine[] = {
		{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {NULL, 0},
	};
	static const struct unit coarse[] = {
		{"s", 1000000000},
		{"min", UINT64_C(60) * 1000000000},
		{"h", UINT64_C(3600) * 1000000000},
		{"d", UINT64_C(86400) * 1000000000},
		{NULL, 0},
	};
	uint64_t value = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

	if (ns == TIME_NEVER)
		snprintf(text, UNITS_TEXT_MAX, "never");
	else if (value < 1000000000)
		best_text(value, fine, ns < 0 ? "-" : "", text);
	else
		best_text(value, coarse, ns < 0 ? "-" : "", text);
	return text;
}

const char *units_size_text(uint64_t octets, char text[UNITS_TEXT_MAX])
{
	static const struct unit units[] = {
		{"B", 1},
		{"KiB", UINT64_C(1) << 10},
		{"MiB", UINT64_C(1) << 20},
		{"GiB", UINT64_C(1) << 30},
		{"TiB", UINT64_C(1) << 40},
		{"PiB", UINT64_C(1) << 50},
		{"EiB", UINT64_C(1) << 60},
		{NULL, 0},
	};

	best_text(octets, units, "", text);
	return text;
}

const char *units_count_text(uint64_t count, char text[UNITS_TEXT_MAX])
{
	char digits[UNITS_TEXT_MAX];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
	int at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}
