/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * queue.h - what is going to happen in a world, in order
 *
 * A 4-ary heap of entries by value, ordered by (time, worker, number): entries of the same time
 * and worker leave in the order in which they came. Entries are never taken out early; whoever is
 * gone before its entry is due ignores it.
 */
#ifndef VOLLEY_SIM_QUEUE_H
#define VOLLEY_SIM_QUEUE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;

struct sim_entry {
	int64_t at_ns;
	uint64_t number; /* given by queue_push() */
	uint32_t worker;
	uint32_t side; /* run()'s own use, as are target and value */
	void (*run)(struct sim *s, const struct sim_entry *entry);
	void *target;
	union {
		void *payload;
		uint64_t value;
	};
};

struct queue {
	struct sim_entry *entries;
	size_t count, capacity;
	uint64_t next_number;
};

/* All zero is an empty queue. Frees the memory; payloads are the caller's matter. */
void queue_fini(struct queue *q);

/* Copies the entry; false when memory is exhausted. */
__attribute__((warn_unused_result)) bool queue_push(struct queue *q, const struct sim_entry *entry);

/* Takes the first one out; the queue must not be empty. */
struct sim_entry queue_pop(struct queue *q);

#endif
