/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * base64.h - base64 of RFC 4648 s4, as AUTH needs it (RFC 4954 s4)
 *
 * Both directions append to a buffer, with one allocation at most, so that a secret is never left
 * behind in memory that a growing buffer gave up. Pure; any thread.
 */
#ifndef VOLLEY_SMTP_BASE64_H
#define VOLLEY_SMTP_BASE64_H
#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"
#include "base/span.h"

/* The length of the encoded form of len octets, padding included. */
static inline size_t base64_size(size_t len)
{
	return (len + 2) / 3 * 4;
}

/* False when out is full or memory is exhausted; out is unchanged then. */
__attribute__((warn_unused_result)) bool base64_encode(struct span raw, struct buf *out);

/*
 * Strict: no white space, padding required, unused bits zero. False when text is not base64, out
 * is full or memory is exhausted; out is unchanged then.
 */
__attribute__((warn_unused_result)) bool base64_decode(struct span text, struct buf *out);

#endif
