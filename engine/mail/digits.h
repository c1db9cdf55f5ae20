/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digits.h - numbers and dates written into memory, without printf
 *
 * What the rendering of each message needs. Every function writes at out, without a NUL, and
 * returns the end of what it wrote. Locale-free.
 */
#ifndef VOLLEY_MAIL_DIGITS_H
#define VOLLEY_MAIL_DIGITS_H
#include <stdint.h>

#define DIGITS_U64_MAX	20
#define DIGITS_DATE_LEN 31 /* "Tue, 21 Nov 2023 11:33:00 +0000" */

/* Decimal, at least width digits (0: as many as it takes). */
char *digits_decimal(uint64_t value, int width, char *out);

/* 16 lower-case hexadecimal digits. */
char *digits_hex16(uint64_t value, char *out);

/* RFC 5322 s3.3 in UTC, 31 octets; the year must have four digits. */
char *digits_date(int64_t unix_s, char *out);

#endif
