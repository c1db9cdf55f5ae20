/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * date.h - a moment as text, for logs and documents
 */
#ifndef VOLLEY_BASE_DATE_H
#define VOLLEY_BASE_DATE_H
#include <stdint.h>

#define DATE_TEXT_MAX 40

/*
 * "2026-11-21T17:16:24.123Z" (RFC 3339, UTC). wall_ns: ns since 1970, not negative; digits of the
 * second's fraction, 0 to 9, are cut off and not rounded.
 */
const char *date_text(int64_t wall_ns, int digits, char text[DATE_TEXT_MAX]);

#endif
