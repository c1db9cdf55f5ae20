/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clients.h - what came from whom, by address
 *
 * A table for each thread; an entry never moves, so that a session keeps a pointer to its own.
 * Beyond CLIENTS_MAX addresses the rest is counted together.
 */
#ifndef VOLLEY_SINK_CLIENTS_H
#define VOLLEY_SINK_CLIENTS_H
#include <stdbool.h>
#include <stdint.h>
#include "base/endpoint.h"
#include "base/slab.h"

#define CLIENTS_MAX 65536u

struct client {
	struct endpoint address; /* ENDPOINT_NONE: all others */
	uint64_t hash;		 /* of the address */
	uint64_t sessions, messages, recipients, octets, rejects;
};

struct clients {
	struct client **slots;
	uint32_t slot_count, used;
	struct slab slab;
	struct client others;
};

void clients_init(struct clients *c);
void clients_fini(struct clients *c);

/* The entry of an address (the port is not looked at); the others' where there is no room. */
struct client *clients_find(struct clients *c, const struct endpoint *address);

/* Adds all of from to to. */
void clients_merge(struct clients *to, const struct clients *from);

/*
 * The entries, most messages first, then most sessions, then by address; the others' last if it
 * counts anything. The array is the caller's to free(); NULL when there is none.
 */
struct client **clients_rank(struct clients *c, size_t *ret_count);

#endif
