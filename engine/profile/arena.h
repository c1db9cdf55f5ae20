/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * arena.h - memory that is given back all at once
 *
 * A profile is made of thousands of small parts that live exactly as long as it does. Nothing is
 * freed by itself. One thread per arena while it grows; what stands in it may be read by any.
 */
#ifndef VOLLEY_PROFILE_ARENA_H
#define VOLLEY_PROFILE_ARENA_H
#include <stddef.h>
#include "base/span.h"

struct arena_chunk;

/* All zero is an empty arena. */
struct arena {
	struct arena_chunk *chunks;
	size_t used, size; /* octets of the newest chunk */
};

/* size octets of zeros, aligned for any object, until arena_fini(). NULL: memory exhausted. */
void *arena_alloc(struct arena *a, size_t size);

/* count objects of size octets each, as arena_alloc(); NULL as well when the product overflows. */
void *arena_array(struct arena *a, size_t count, size_t size);

/* A copy with a NUL behind it. NULL: memory exhausted. */
char *arena_text(struct arena *a, struct span text);

/* Gives all memory back and leaves the arena empty and usable. */
void arena_fini(struct arena *a);

#endif
