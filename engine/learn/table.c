/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * table.c - numbers for names
 *
 * Open addressing, doubled at two thirds. Nothing is ever removed.
 */
#include <stdlib.h>
#include "base/hash.h"
#include "learn/table.h"

#define SIZE_FIRST 64u

void table_init(struct table *t)
{
	*t = (struct table){0};
}

void table_fini(struct table *t)
{
	free(t->keys);
	free(t->values);
	*t = (struct table){0};
}

uint64_t table_hash(struct span text, uint64_t seed)
{
	uint64_t hash = hash_octets(HASH_START ^ (seed * UINT64_C(0x9e3779b97f4a7c15)), text.data,
				    text.len);

	/* Low bits follow from low bits alone: stir once more. */
	hash ^= hash >> 32;
	hash *= UINT64_C(0xd6e8feb86659fd93);
	hash ^= hash >> 32;
	return hash != 0 ? hash : 1;
}

static size_t find(const struct table *t, uint64_t key)
{
	size_t i = (size_t)key & (t->size - 1);

	while (t->keys[i] != 0 && t->keys[i] != key)
		i = (i + 1) & (t->size - 1);
	return i;
}

bool table_get(const struct table *t, uint64_t key, uint32_t *ret_value)
{
	size_t i;

	if (t->size == 0)
		return false;
	i = find(t, key);
	if (t->keys[i] == 0)
		return false;
	*ret_value = t->values[i];
	return true;
}

static bool grow(struct table *t)
{
	struct table bigger = {.count = t->count, .size = t->size > 0 ? 2 * t->size : SIZE_FIRST};

	bigger.keys = calloc(bigger.size, sizeof(*bigger.keys));
	bigger.values = malloc(bigger.size * sizeof(*bigger.values));
	if (bigger.keys == NULL || bigger.values == NULL) {
		table_fini(&bigger);
		return false;
	}
	for (size_t i = 0; i < t->size; i++) {
		if (t->keys[i] != 0) {
			size_t at = find(&bigger, t->keys[i]);

			bigger.keys[at] = t->keys[i];
			bigger.values[at] = t->values[i];
		}
	}
	table_fini(t);
	*t = bigger;
	return true;
}

bool table_put(struct table *t, uint64_t key, uint32_t value)
{
	size_t i;

	if (3 * (t->count + 1) > 2 * t->size && !grow(t))
		return false;
	i = find(t, key);
	t->count += t->keys[i] == 0;
	t->keys[i] = key;
	t->values[i] = value;
	return true;
}

void names_init(struct names *n, size_t limit)
{
	*n = (struct names){.limit = limit};
}

void names_fini(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->items[i]);
	free(n->items);
	table_fini(&n->table);
	*n = (struct names){.limit = n->limit};
}

int names_add(struct names *n, struct span name)
{
	uint64_t key = table_hash(name, 0);
	uint32_t number;
	char **items, *copy;

	if (table_get(&n->table, key, &number))
		return (int)number;
	if (n->count == n->limit)
		return -1;
	items = realloc(n->items, (n->count + 1) * sizeof(*items));
	if (items == NULL)
		return -1;
	n->items = items;
	copy = strndup(name.len > 0 ? name.data : "", name.len);
	if (copy == NULL || !table_put(&n->table, key, (uint32_t)n->count)) {
		free(copy);
		return -1;
	}
	n->items[n->count] = copy;
	return (int)n->count++;
}
