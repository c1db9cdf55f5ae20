/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * figure.h - numbers as the reports print them: grouped, aligned, never more exact than they are
 *
 * Locale-free. Every function writes at most FIGURE_MAX octets with the NUL, and returns text.
 */
#ifndef VOLLEY_REPORT_FIGURE_H
#define VOLLEY_REPORT_FIGURE_H
#include <stdint.h>

#define FIGURE_MAX 40

/* Columns of a duration in a table: seven before the point, three behind it. */
#define FIGURE_MS_WIDTH 11

/*
 * Milliseconds, aligned on the decimal point and FIGURE_MS_WIDTH columns wide, with about four
 * digits: "    0.087  ", "  412.3    ", " 12,345    ". RUN_NONE is a lone "-" in the place of the
 * last digit before the point.
 */
const char *figure_ms(int64_t us, char text[FIGURE_MAX]);
const char *figure_ms_real(double us, char text[FIGURE_MAX]);

/* "12.3 ms" within a sentence: three digits; "0 s" for nothing at all. */
const char *figure_duration(int64_t ns, char text[FIGURE_MAX]);

/* "4,815", "99.7", "3.25": three or four digits. */
const char *figure_rate(double per_second, char text[FIGURE_MAX]);

/* "99.92 %". Neither 0 nor 100 unless it is: "<0.01 %", ">99.99 %". "" of nothing. */
const char *figure_share(uint64_t part, uint64_t whole, char text[FIGURE_MAX]);

/* "60.0 s", "2 m 05 s", "3 h 12 m": the length of a run. */
const char *figure_length(double seconds, char text[FIGURE_MAX]);

#endif
