/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * arena.c - memory that is given back all at once
 *
 * Chunks of 16 KiB in a list; an object that is larger than a quarter of one gets a chunk of its
 * own behind the newest, so that the room left there is not wasted.
 */
#include "profile/arena.h"
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define CHUNK_SIZE ((size_t)16 * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	alignas(max_align_t) char data[];
};

static struct arena_chunk *chunk_new(size_t size)
{
	return size > SIZE_MAX - sizeof(struct arena_chunk)
		       ? NULL
		       : calloc(1, sizeof(struct arena_chunk) + size);
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_chunk *chunk;
	size_t rounded = size + (alignof(max_align_t) - 1);
	void *object;

	if (rounded < size)
		return NULL;
	rounded -= rounded % alignof(max_align_t);
	if (rounded > CHUNK_SIZE / 4) {
		chunk = chunk_new(rounded);
		if (!chunk)
			return NULL;
		if (a->chunks) {
			chunk->next = a->chunks->next;
			a->chunks->next = chunk;
		} else {
			a->chunks = chunk;
			a->used = a->size = rounded;
		}
		return chunk->data;
	}
	if (!a->chunks || a->size - a->used < rounded) {
		chunk = chunk_new(CHUNK_SIZE);
		if (!chunk)
			return NULL;
		chunk->next = a->chunks;
		a->chunks = chunk;
		a->used = 0;
		a->size = CHUNK_SIZE;
	}
	object = a->chunks->data + a->used;
	a->used += rounded;
	return object;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t total;

	return __builtin_mul_overflow(count, size, &total) ? NULL : arena_alloc(a, total);
}

char *arena_text(struct arena *a, struct span text)
{
	char *copy = arena_alloc(a, text.len + 1);

	if (copy && text.len > 0)
		memcpy(copy, text.data, text.len);
	return copy;
}

void arena_fini(struct arena *a)
{
	struct arena_chunk *next;

	for (struct arena_chunk *chunk = a->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	*a = (struct arena){0};
}
