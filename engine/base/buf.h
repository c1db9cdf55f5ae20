/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * buf.h - a growable byte buffer with a mandatory limit
 *
 * Every buffer states how large it may grow; an append that would pass the limit, or that finds
 * no memory, fails and leaves the buffer as it was. Not thread-safe.
 */
#ifndef VOLLEY_BASE_BUF_H
#define VOLLEY_BASE_BUF_H
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include "base/span.h"

struct buf {
	char *data; /* NULL while nothing was allocated */
	size_t len, cap, limit;
};

/* No allocation happens before the first append. limit in octets. */
void buf_init(struct buf *b, size_t limit);

/* Frees the memory; the buffer may be used again, with the same limit. */
void buf_fini(struct buf *b);

/* Room for extra more octets at data + len; the caller then adds to len. */
__attribute__((warn_unused_result)) bool buf_reserve(struct buf *b, size_t extra);

bool buf_append(struct buf *b, const void *data, size_t len);
bool buf_append_text(struct buf *b, const char *text);
__attribute__((format(printf, 2, 3))) bool buf_printf(struct buf *b, const char *fmt, ...);

static inline void buf_clear(struct buf *b)
{
	b->len = 0;
}

/* Removes count octets from the front (memmove). */
void buf_consume(struct buf *b, size_t count);

static inline struct span buf_span(const struct buf *b)
{
	return (struct span){b->data, b->len};
}

#endif
