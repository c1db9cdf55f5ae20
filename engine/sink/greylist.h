/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * greylist.h - when a client, sender and recipient were first seen together
 *
 * One table for the process, behind a mutex, in memory. A triplet is known by 64 bits of hash. It
 * grows up to a bound; beyond it what is new is not remembered, stays refused, and is counted.
 */
#ifndef VOLLEY_SINK_GREYLIST_H
#define VOLLEY_SINK_GREYLIST_H
#include <stdbool.h>
#include <stdint.h>

#define GREYLIST_MAX (1u << 22) /* triplets; 64 MiB when full */

struct greylist;

/* NULL when memory is exhausted. */
struct greylist *greylist_new(void);
void greylist_free(struct greylist *g); /* NULL is allowed */

/* True when the triplet was first seen delay_ns ago or longer. Any thread. */
bool greylist_passes(struct greylist *g, uint64_t triplet, int64_t now_ns, int64_t delay_ns);

/* Triplets that found no room. */
uint64_t greylist_overflows(struct greylist *g);

#endif
