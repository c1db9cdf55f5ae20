/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * date.c - a moment as text, for logs and documents
 */
#include "base/date.h"
#include <stdio.h>
#include <time.h>
#include "base/clock.h"

const char *date_text(int64_t wall_ns, int digits, char text[DATE_TEXT_MAX])
{
	time_t seconds = (time_t)(wall_ns / NS_PER_SEC);
	char fraction[12];
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(text, DATE_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(fraction, sizeof(fraction), ".%09d", (int)(wall_ns % NS_PER_SEC));
	snprintf(text + len, DATE_TEXT_MAX - len, "%.*sZ", digits > 0 ? digits + 1 : 0, fraction);
	return text;
}
