/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stamp.h - dates as logs write them
 *
 * All results are nanoseconds since 1970-01-01T00:00:00Z. A date without a zone is taken as UTC.
 * Pure; any thread.
 */
#ifndef VOLLEY_LEARN_STAMP_H
#define VOLLEY_LEARN_STAMP_H
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

/*
 * RFC 3339 at the start of text: "2026-11-21T14:05:01.123456Z", with an offset instead of Z or
 * without either, with a space for the T. Returns how many octets it took; 0: it is none.
 */
size_t stamp_read_iso(struct span text, int64_t *ret_ns);

/*
 * RFC 3164 s4.1.2 at the start of text: "Nov 21 14:05:01", which says no year: the caller does.
 * Returns how many octets it took; 0: it is none.
 */
size_t stamp_read_syslog(struct span text, int year, int64_t *ret_ns);

/* The calendar year of a time. */
int stamp_year(int64_t ns);

/* The same date a year before; 29 February becomes 1 March where there is none. */
int64_t stamp_year_before(int64_t ns);

#define STAMP_DATE_MAX 16
/* "2026-11-21". */
const char *stamp_date(int64_t ns, char out[STAMP_DATE_MAX]);

#define STAMP_DURATION_MAX 24
/* "1h", "90s", "250ms": in the largest unit that divides it, down to microseconds. */
const char *stamp_duration(int64_t ns, char out[STAMP_DURATION_MAX]);

#endif
