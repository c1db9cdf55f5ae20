/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * slab.h - many objects of one size, allocated in chunks
 *
 * Objects never move. Freed objects are handed out again, last freed first, so that the warm
 * ones are used. Chunks go back to the system at slab_fini() only. One thread per slab.
 */
#ifndef VOLLEY_BASE_SLAB_H
#define VOLLEY_BASE_SLAB_H
#include <stddef.h>

struct slab {
	size_t object_size; /* rounded up to alignof(max_align_t) */
	size_t per_chunk;
	void *free_list;
	void *chunks;
	size_t in_use, peak;
};

/* object_size in octets; a chunk holds about 64 KiB, at least 8 objects. */
void slab_init(struct slab *s, size_t object_size);

/* An object with unspecified contents, or NULL when memory is exhausted. */
void *slab_alloc(struct slab *s);
void slab_free(struct slab *s, void *object);

/*
 * Gives all memory back and leaves the slab empty and usable. Objects that are still in use are
 * abandoned: nobody may touch them after. in_use tells an owner that expects none.
 */
void slab_fini(struct slab *s);

#endif
