/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * figure.c - numbers as the reports print them
 */
#include "report/figure.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"
#include "result/run.h"

#define MS_INTEGER_WIDTH 7
#define MS_DECIMALS	 3

/* value with so many decimals, its integer part grouped by commas. */
static void put_grouped(double value, int decimals, char text[FIGURE_MAX])
{
	char digits[FIGURE_MAX], count[UNITS_TEXT_MAX];
	const char *point;

	snprintf(digits, sizeof(digits), "%.*f", decimals, value);
	/* Whatever the locale writes between the two parts is no digit. */
	point = digits + strspn(digits, "0123456789");
	units_count_text((uint64_t)strtoull(digits, NULL, 10), count);
	if (*point)
		snprintf(text, FIGURE_MAX, "%s.%s", count, point + 1);
	else
		snprintf(text, FIGURE_MAX, "%s", count);
}

const char *figure_ms_real(double us, char text[FIGURE_MAX])
{
	double ms = us / 1000;
	int decimals = ms < 9.9995 ? 3 : ms < 99.995 ? 2 : ms < 999.95 ? 1 : 0;
	char number[FIGURE_MAX];
	const char *point;
	int before;

	put_grouped(ms, decimals, number);
	point = strchr(number, '.');
	before = point ? (int)(point - number) : (int)strlen(number);
	snprintf(text, FIGURE_MAX, "%*s%.*s%-*s",
		 MS_INTEGER_WIDTH > before ? MS_INTEGER_WIDTH - before : 0, "", before, number,
		 MS_DECIMALS + 1, point ? point : "");
	return text;
}

const char *figure_ms(int64_t us, char text[FIGURE_MAX])
{
	if (us != RUN_NONE)
		return figure_ms_real((double)us, text);
	snprintf(text, FIGURE_MAX, "%*s%-*s", MS_INTEGER_WIDTH, "-", MS_DECIMALS + 1, "");
	return text;
}

const char *figure_duration(int64_t ns, char text[FIGURE_MAX])
{
	char duration[UNITS_TEXT_MAX];

	snprintf(text, FIGURE_MAX, "%s", ns ? units_duration_text(ns, duration) : "0 s");
	return text;
}

const char *figure_rate(double per_second, char text[FIGURE_MAX])
{
	put_grouped(per_second, per_second < 9.995 ? 2 : per_second < 999.95 ? 1 : 0, text);
	return text;
}

const char *figure_share(uint64_t part, uint64_t whole, char text[FIGURE_MAX])
{
	double share = whole ? (double)part / (double)whole * 100 : 0;

	if (whole == 0)
		text[0] = '\0';
	else if (part > 0 && share < 0.005)
		snprintf(text, FIGURE_MAX, "<0.01 %%");
	else if (part < whole && share >= 99.995)
		snprintf(text, FIGURE_MAX, ">99.99 %%");
	else if (part == 0 || part == whole)
		snprintf(text, FIGURE_MAX, "%d %%", part ? 100 : 0);
	else
		snprintf(text, FIGURE_MAX, "%.2f %%", share);
	return text;
}

const char *figure_length(double seconds, char text[FIGURE_MAX])
{
	unsigned long whole = (unsigned long)fmax(seconds + 0.5, 0);

	if (seconds < 9.95)
		snprintf(text, FIGURE_MAX, "%.2f s", seconds);
	else if (seconds < 119.95)
		snprintf(text, FIGURE_MAX, "%.1f s", seconds);
	else if (whole < 7200)
		snprintf(text, FIGURE_MAX, "%lu m %02lu s", whole / 60, whole % 60);
	else
		snprintf(text, FIGURE_MAX, "%lu h %02lu m", whole / 3600, whole / 60 % 60);
	return text;
}
