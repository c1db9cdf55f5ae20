/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * word.h - text beyond ASCII in a header: UTF-8 and the encoded words of RFC 2047
 */
#ifndef VOLLEY_MAIL_WORD_H
#define VOLLEY_MAIL_WORD_H
#include <stdbool.h>
#include "base/buf.h"
#include "base/span.h"

/* RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
bool word_is_utf8(struct span text);

/* Whether an octet is above 127. */
bool word_is_beyond_ascii(struct span text);

/*
 * The stretch of text that must be encoded: from the start of the first word with an octet above
 * 127 to the end of the last one; empty when there is none. Words are separated by spaces.
 */
struct span word_foreign_part(struct span text);

/*
 * Appends valid UTF-8 as encoded words ("=?UTF-8?B?...?="), each of at most 75 characters and of
 * whole characters, folded onto lines of their own. False when memory is exhausted.
 */
__attribute__((warn_unused_result)) bool word_encode(struct span text, struct buf *out);

#endif
