/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * table.h - numbers for names
 *
 * A table maps 64-bit keys to numbers; keys are hashes of texts, and two texts of one hash are
 * taken for the same: with a million connections in a log that happens once in 30 million logs.
 * Names are texts that are kept, each with its number. Both grow up to a limit. One thread.
 */
#ifndef VOLLEY_LEARN_TABLE_H
#define VOLLEY_LEARN_TABLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

struct table {
	uint64_t *keys; /* 0: free */
	uint32_t *values;
	size_t count, size; /* size is a power of two, or 0 */
};

void table_init(struct table *t);
void table_fini(struct table *t);

/* A key for text, never 0; seed tells uses apart. */
uint64_t table_hash(struct span text, uint64_t seed);

/* False: it is not there. */
bool table_get(const struct table *t, uint64_t key, uint32_t *ret_value);
/* Adds or replaces; key is not 0. False: memory exhausted. */
bool table_put(struct table *t, uint64_t key, uint32_t value);

struct names {
	char **items;
	size_t count, limit;
	struct table table;
};

void names_init(struct names *n, size_t limit);
void names_fini(struct names *n);
/* The number of a name, new ones are added; -1: memory exhausted, or as many as limit. */
int names_add(struct names *n, struct span name);

#endif
