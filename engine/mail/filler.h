/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * filler.h - the text that makes a message as long as it shall be
 */
#ifndef VOLLEY_MAIL_FILLER_H
#define VOLLEY_MAIL_FILLER_H
#include <stddef.h>
#include <stdint.h>

/*
 * len octets (a multiple of FILLER_LINE_LEN) of lines of 76 characters and CRLF: words of lower
 * case letters with single spaces between them, so that no line begins with a dot, ends in a
 * space or needs an encoding. The same seed makes the same text. Owned: free(); NULL when memory
 * is exhausted.
 */
char *filler_new(size_t len, uint64_t seed);

#endif
