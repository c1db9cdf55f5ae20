/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * slab.c - many objects of one size
 *
 * A chunk is a header and an array of objects; a free object holds the link of the free list in
 * its first word. Under AddressSanitizer the rest of a free object is poisoned, so that a use
 * after slab_free() is found as one after free() would be.
 */
#include "base/slab.h"
#include <stdint.h>
#include <stdlib.h>
#include "base/check.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_POISONS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SLAB_POISONS 1
#endif
#ifdef SLAB_POISONS
#include <sanitizer/asan_interface.h>
#endif

#define CHUNK_SIZE	  ((size_t)64 << 10)
#define CHUNK_OBJECTS_MIN ((size_t)8)

struct slab_link {
	struct slab_link *next;
};

struct slab_chunk {
	struct slab_chunk *next;
	max_align_t objects[];
};

static void poison(const struct slab *s, struct slab_link *object)
{
#ifdef SLAB_POISONS
	__asan_poison_memory_region(object + 1, s->object_size - sizeof(*object));
#else
	(void)s;
	(void)object;
#endif
}

static void unpoison(const struct slab *s, struct slab_link *object)
{
#ifdef SLAB_POISONS
	__asan_unpoison_memory_region(object + 1, s->object_size - sizeof(*object));
#else
	(void)s;
	(void)object;
#endif
}

void slab_init(struct slab *s, size_t object_size)
{
	const size_t align = _Alignof(max_align_t);

	CHECK(object_size > 0 && object_size <= SIZE_MAX / 16);
	object_size = (object_size + align - 1) / align * align;
	*s = (struct slab){
		.object_size = object_size,
		.per_chunk = CHUNK_SIZE / object_size,
	};
	if (s->per_chunk < CHUNK_OBJECTS_MIN)
		s->per_chunk = CHUNK_OBJECTS_MIN;
}

static void push_free(struct slab *s, void *object)
{
	struct slab_link *link = object;

	link->next = s->free_list;
	s->free_list = link;
	poison(s, link);
}

static int add_chunk(struct slab *s)
{
	struct slab_chunk *chunk = malloc(sizeof(*chunk) + s->per_chunk * s->object_size);
	char *objects;

	if (!chunk)
		return -1;
	chunk->next = s->chunks;
	s->chunks = chunk;
	objects = (char *)chunk->objects;
	/* From the back, so that objects are handed out in the order of their addresses. */
	for (size_t i = s->per_chunk; i-- > 0;)
		push_free(s, objects + i * s->object_size);
	return 0;
}

void *slab_alloc(struct slab *s)
{
	struct slab_link *object;

	if (!s->free_list && add_chunk(s) < 0)
		return NULL;
	object = s->free_list;
	s->free_list = object->next;
	unpoison(s, object);
	s->in_use++;
	if (s->in_use > s->peak)
		s->peak = s->in_use;
	return object;
}

void slab_free(struct slab *s, void *object)
{
	if (!object)
		return;
	CHECK(s->in_use > 0);
	s->in_use--;
	push_free(s, object);
}

void slab_fini(struct slab *s)
{
	struct slab_chunk *chunk = s->chunks;

	while (chunk) {
		struct slab_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	slab_init(s, s->object_size);
}
