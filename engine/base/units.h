/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * units.h - sizes, durations and rates as people write them
 *
 * "4k" and "4KiB" are 4096 octets, "1MB" is 1000000; "250us" "10ms" "2.5s" "3m" "1h" "1d" are
 * durations, a bare number is seconds; "100/s" "6000/m" "10k/h" are rates, a bare number is per
 * second. A parser takes the whole text or fails, and fails on overflow. Locale-free.
 */
#ifndef VOLLEY_BASE_UNITS_H
#define VOLLEY_BASE_UNITS_H
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"

#define UNITS_TEXT_MAX 32

/* A rate kept exact: count events per per_ns nanoseconds. */
struct rate {
	uint64_t count;
	int64_t per_ns;
};

bool units_parse_count(struct span text, uint64_t *ret_count);	/* "50000", "50k", "1M" */
bool units_parse_size(struct span text, uint64_t *ret_octets);	/* k, M, G are powers of 1024 */
bool units_parse_duration(struct span text, int64_t *ret_ns);	/* >= 0 */
bool units_parse_rate(struct span text, struct rate *ret_rate); /* fractions allowed: "0.5/s" */

/* Short forms for people, four significant digits at most: "12.3 ms", "4.00 KiB", "1.25 k/s". */
const char *units_duration_text(int64_t ns, char text[UNITS_TEXT_MAX]);
const char *units_size_text(uint64_t octets, char text[UNITS_TEXT_MAX]);
const char *units_count_text(uint64_t count, char text[UNITS_TEXT_MAX]); /* "1,234,567" */

#endif
