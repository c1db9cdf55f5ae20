/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * letter.h - a message for a dialogue, in memory that ends with it
 *
 * from=PATH rcpt=PATH ... or rcpts=N (r0@example.com ...), body="TEXT" ... (a segment each) or
 * bodysize=N, chunk="TEXT" ... (what BDAT sends; default: the body), size=N (default: the size of
 * the chunk), 8bit, utf8, ret=, envid=, notify=.
 */
#ifndef VOLLEY_TESTS_PROTOCOL_LETTER_H
#define VOLLEY_TESTS_PROTOCOL_LETTER_H
#include <stdbool.h>
#include "smtp/client.h"

#define LETTER_SEGMENTS_MAX 64

struct letter {
	struct smtp_message message;
	struct span *rcpt;
	struct iovec data[LETTER_SEGMENTS_MAX], chunk[LETTER_SEGMENTS_MAX];
	char **texts;
	size_t *text_sizes;
	size_t text_count;
};

/* NULL when the description is not understood; it is printed then. */
struct letter *letter_new(const char *description);

/* Overwrites all of it before it is freed, so that a late reader does not go unnoticed. */
void letter_free(struct letter *l);

#endif
