/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digits.c - numbers and dates written into memory
 *
 * The date is computed from days since the epoch: strftime() and gmtime() depend on locale and
 * time zone files. Years are counted from March, so that a leap day is the last of its year.
 */
#include "mail/digits.h"
#include <string.h>
#include "base/check.h"

#define DAYS_TO_EPOCH	719468 /* from 0000-03-01 to 1970-01-01 */
#define DAYS_PER_ERA	146097 /* 400 years */
#define SECONDS_PER_DAY 86400

/* 00 to 99: half the divisions, which are what a decimal number costs. */
static const char pairs[] = "00010203040506070809101112131415161718192021222324"
			    "25262728293031323334353637383940414243444546474849"
			    "50515253545556575859606162636465666768697071727374"
			    "75767778798081828384858687888990919293949596979899";

char *digits_decimal(uint64_t value, int width, char *out)
{
	char reversed[DIGITS_U64_MAX];
	char *begin = reversed + sizeof(reversed);
	size_t count;

	while (value >= 100) {
		begin -= 2;
		memcpy(begin, pairs + value % 100 * 2, 2);
		value /= 100;
	}
	*--begin = pairs[value * 2 + 1];
	if (value >= 10)
		*--begin = pairs[value * 2];
	count = (size_t)(reversed + sizeof(reversed) - begin);
	for (int pad = width - (int)count; pad > 0; pad--)
		*out++ = '0';
	memcpy(out, begin, count);
	return out + count;
}

char *digits_hex16(uint64_t value, char *out)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		*out++ = "0123456789abcdef"[(value >> shift) & 15];
	return out;
}

static char *put3(const char *names, unsigned index, char *out)
{
	memcpy(out, names + 3 * index, 3);
	return out + 3;
}

char *digits_date(int64_t unix_s, char *out)
{
	int64_t days = unix_s / SECONDS_PER_DAY;
	unsigned second = (unsigned)(unix_s % SECONDS_PER_DAY);
	unsigned era_day, era_year, year_day, month, day, weekday;
	int64_t era;
	uint64_t year;

	CHECK(unix_s >= 0);
	weekday = (unsigned)((days + 4) % 7); /* 1970-01-01 was a Thursday */
	days += DAYS_TO_EPOCH;
	era = days / DAYS_PER_ERA;
	era_day = (unsigned)(days % DAYS_PER_ERA);
	era_year = (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
	year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
	month = (5 * year_day + 2) / 153; /* from March */
	day = year_day - (153 * month + 2) / 5 + 1;
	year = (uint64_t)(era * 400) + era_year + (month >= 10);

	out = put3("SunMonTueWedThuFriSat", weekday, out);
	*out++ = ',';
	*out++ = ' ';
	out = digits_decimal(day, 2, out);
	*out++ = ' ';
	out = put3("MarAprMayJunJulAugSepOctNovDecJanFeb", month, out);
	*out++ = ' ';
	out = digits_decimal(year, 4, out);
	*out++ = ' ';
	out = digits_decimal(second / 3600, 2, out);
	*out++ = ':';
	out = digits_decimal(second / 60 % 60, 2, out);
	*out++ = ':';
	out = digits_decimal(second % 60, 2, out);
	memcpy(out, " +0000", 6);
	return out + 6;
}
