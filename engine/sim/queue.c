/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * queue.c - what is going to happen in a world, in order
 *
 * Four children a node: half as deep as a binary heap, and the children of a node lie together in
 * memory, which pays where every simulated segment passes through here.
 */
#include "sim/queue.h"
#include <stdlib.h>
#include "base/check.h"

#define CHILDREN       4
#define CAPACITY_FIRST 256

static bool is_before(const struct sim_entry *a, const struct sim_entry *b)
{
	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns;
	if (a->worker != b->worker)
		return a->worker < b->worker;
	return a->number < b->number;
}

void queue_fini(struct queue *q)
{
	free(q->entries);
	*q = (struct queue){0};
}

bool queue_push(struct queue *q, const struct sim_entry *entry)
{
	struct sim_entry e = *entry;
	size_t at;

	if (q->count == q->capacity) {
		size_t capacity = q->capacity ? q->capacity * 2 : CAPACITY_FIRST;
		struct sim_entry *entries = realloc(q->entries, capacity * sizeof(*entries));

		if (!entries)
			return false;
		q->entries = entries;
		q->capacity = capacity;
	}
	e.number = q->next_number++;
	at = q->count++;
	while (at > 0) {
		size_t parent = (at - 1) / CHILDREN;

		if (!is_before(&e, &q->entries[parent]))
			break;
		q->entries[at] = q->entries[parent];
		at = parent;
	}
	q->entries[at] = e;
	return true;
}

struct sim_entry queue_pop(struct queue *q)
{
	struct sim_entry first, last;
	size_t at = 0;

	CHECK(q->count > 0);
	first = q->entries[0];
	last = q->entries[--q->count];
	for (;;) {
		size_t child = at * CHILDREN + 1, best = child;
		size_t end = child + CHILDREN < q->count ? child + CHILDREN : q->count;

		if (child >= q->count)
			break;
		for (size_t i = child + 1; i < end; i++)
			if (is_before(&q->entries[i], &q->entries[best]))
				best = i;
		if (!is_before(&q->entries[best], &last))
			break;
		q->entries[at] = q->entries[best];
		at = best;
	}
	if (q->count > 0)
		q->entries[at] = last;
	return first;
}
