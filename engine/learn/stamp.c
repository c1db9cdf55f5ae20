/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stamp.c - dates as logs write them
 *
 * Read digit by digit: strptime(3) knows the locale's month names, and a log does not change its
 * language with the person who reads it.
 */
#include <stdio.h>
#include <time.h>
#include "base/clock.h"
#include "learn/stamp.h"

/* Times beyond these years do not fit into 64 bits of nanoseconds. */
#define YEAR_MIN 1970
#define YEAR_MAX 2200

/* A number of exactly count digits at *text; moves behind it. -1: there is none. */
static int take_digits(struct span *text, size_t count)
{
	int value = 0;

	if (text->len < count)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (text->data[i] < '0' || text->data[i] > '9')
			return -1;
		value = value * 10 + (text->data[i] - '0');
	}
	*text = span_skip(*text, count);
	return value;
}

static bool take_char(struct span *text, char wanted)
{
	if (text->len == 0 || *text->data != wanted)
		return false;
	*text = span_skip(*text, 1);
	return true;
}

static bool is_time(int month, int day, int hour, int minute, int second)
{
	return month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour >= 0 && hour <= 23 &&
	       minute >= 0 && minute <= 59 && second >= 0 && second <= 60;
}

static int64_t to_ns(int year, int month, int day, int hour, int minute, int second)
{
	struct tm tm = {
		.tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = hour,
		.tm_min = minute,
		.tm_sec = second,
	};

	return (int64_t)timegm(&tm) * NS_PER_SEC;
}

/* ".123456", of any length; digits beyond nanoseconds are passed over. */
static int64_t take_fraction(struct span *text)
{
	int64_t ns = 0, unit = NS_PER_SEC / 10;

	if (text->len < 2 || (text->data[0] != '.' && text->data[0] != ',') ||
	    text->data[1] < '0' || text->data[1] > '9')
		return 0;
	*text = span_skip(*text, 1);
	while (text->len > 0 && *text->data >= '0' && *text->data <= '9') {
		ns += unit * (*text->data - '0');
		unit /= 10;
		*text = span_skip(*text, 1);
	}
	return ns;
}

/* "Z", "+02:00", "-0500", or nothing. False when it begins like an offset and is none. */
static bool take_zone(struct span *text, int64_t *ret_offset_ns)
{
	int hours, minutes, sign;

	*ret_offset_ns = 0;
	if (take_char(text, 'Z') || take_char(text, 'z'))
		return true;
	if (take_char(text, '+'))
		sign = 1;
	else if (take_char(text, '-'))
		sign = -1;
	else
		return true;
	hours = take_digits(text, 2);
	take_char(text, ':');
	minutes = take_digits(text, 2);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*ret_offset_ns = sign * (hours * INT64_C(3600) + minutes * INT64_C(60)) * NS_PER_SEC;
	return true;
}

/* "10:20:30". False when it is no such text; whether it is a time is is_time()'s to say. */
static bool take_clock(struct span *text, int *ret_hour, int *ret_minute, int *ret_second)
{
	*ret_hour = take_digits(text, 2);
	if (!take_char(text, ':'))
		return false;
	*ret_minute = take_digits(text, 2);
	if (!take_char(text, ':'))
		return false;
	*ret_second = take_digits(text, 2);
	return true;
}

size_t stamp_read_iso(struct span text, int64_t *ret_ns)
{
	struct span rest = text;
	int year = take_digits(&rest, 4), month, day, hour, minute, second;
	int64_t fraction_ns, offset_ns;

	if (year < YEAR_MIN || year > YEAR_MAX || !take_char(&rest, '-'))
		return 0;
	month = take_digits(&rest, 2);
	if (!take_char(&rest, '-'))
		return 0;
	day = take_digits(&rest, 2);
	if (!take_char(&rest, 'T') && !take_char(&rest, ' '))
		return 0;
	if (!take_clock(&rest, &hour, &minute, &second) ||
	    !is_time(month, day, hour, minute, second))
		return 0;
	fraction_ns = take_fraction(&rest);
	if (!take_zone(&rest, &offset_ns))
		return 0;
	*ret_ns = to_ns(year, month, day, hour, minute, second) + fraction_ns - offset_ns;
	return text.len - rest.len;
}

static int take_month(struct span *text)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++) {
		if (text->len >= 3 && memcmp(text->data, names + 3 * i, 3) == 0) {
			*text = span_skip(*text, 3);
			return i + 1;
		}
	}
	return -1;
}

size_t stamp_read_syslog(struct span text, int year, int64_t *ret_ns)
{
	struct span rest = text;
	int month = take_month(&rest), day, hour, minute, second;

	if (month < 0 || !take_char(&rest, ' '))
		return 0;
	day = take_digits(&rest, take_char(&rest, ' ') ? 1 : 2);
	if (!take_char(&rest, ' '))
		return 0;
	if (!take_clock(&rest, &hour, &minute, &second) ||
	    !is_time(month, day, hour, minute, second))
		return 0;
	*ret_ns = to_ns(year, month, day, hour, minute, second) + take_fraction(&rest);
	return text.len - rest.len;
}

static struct tm to_tm(int64_t ns)
{
	time_t seconds = (time_t)(ns / NS_PER_SEC);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	return tm;
}

int stamp_year(int64_t ns)
{
	return to_tm(ns).tm_year + 1900;
}

int64_t stamp_year_before(int64_t ns)
{
	struct tm tm = to_tm(ns);

	tm.tm_year--;
	return (int64_t)timegm(&tm) * NS_PER_SEC + ns % NS_PER_SEC;
}

const char *stamp_date(int64_t ns, char out[STAMP_DATE_MAX])
{
	struct tm tm = to_tm(ns);

	if (strftime(out, STAMP_DATE_MAX, "%Y-%m-%d", &tm) == 0)
		out[0] = '\0';
	return out;
}

const char *stamp_duration(int64_t ns, char out[STAMP_DURATION_MAX])
{
	static const struct {
		int64_t ns;
		const char *unit;
	} units[] = {
		{86400 * NS_PER_SEC, "d"}, {3600 * NS_PER_SEC, "h"}, {60 * NS_PER_SEC, "m"},
		{NS_PER_SEC, "s"},	   {NS_PER_MS, "ms"},	     {NS_PER_US, "us"},
	};
	size_t i = 0;

	while (i < sizeof(units) / sizeof(units[0]) - 1 && ns % units[i].ns != 0)
		i++;
	snprintf(out, STAMP_DURATION_MAX, "%lld%s", (long long)(ns / units[i].ns), units[i].unit);
	return out;
}
