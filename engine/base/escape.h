/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * escape.h - foreign text made safe for a terminal
 *
 * What log_escape() and the texts of struct err share. Pure; any thread.
 */
#ifndef VOLLEY_BASE_ESCAPE_H
#define VOLLEY_BASE_ESCAPE_H
#include <stddef.h>
#include "base/span.h"

enum escape_mode {
	ESCAPE_CONTROLS, /* a backslash stays: escaping twice changes nothing more */
	ESCAPE_ALL,	 /* a backslash is doubled: the escaped form can be undone */
};

/*
 * Copies text with control characters (C0, DEL, C1) and octets that are not valid UTF-8 (RFC
 * 3629) written as \xNN. The result is NUL-terminated, never holds part of a character or of an
 * escape, and is cut with "..." where it does not fit into out_size octets. Returns its length;
 * 0 with nothing written when out_size is 0.
 */
size_t escape_text(struct span text, enum escape_mode mode, char *out, size_t out_size);

#endif
