/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stuff.h - line ends and dots: text as it stands behind DATA
 *
 * RFC 5321 s2.3.8 (CRLF alone ends a line) and s4.5.2 (a dot is put before each line that begins
 * with one). Pure.
 */
#ifndef VOLLEY_MAIL_STUFF_H
#define VOLLEY_MAIL_STUFF_H
#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"
#include "base/span.h"

/*
 * Appends text with every line end (CRLF, bare LF, bare CR) written as CRLF; where text does not
 * end in one, it gets one. False when memory is exhausted.
 */
__attribute__((warn_unused_result)) bool stuff_lines(struct span text, struct buf *out);

/*
 * How many dots stuff_dots() will add to text, whose line ends are CRLF. is_line_start: whether
 * its first octet begins a line.
 */
size_t stuff_count(struct span text, bool is_line_start);

/*
 * Writes text with its dots doubled and returns the length, text.len + stuff_count(); out must
 * hold that. Text may come in pieces: is_line_start of the next one is stuff_ends_line() of this
 * one, or stays as it is when this one is empty.
 */
size_t stuff_dots(struct span text, bool is_line_start, char *out);

/* Whether what follows text begins a line. */
static inline bool stuff_ends_line(struct span text, bool is_line_start)
{
	return text.len ? text.data[text.len - 1] == '\n' : is_line_start;
}

#endif
