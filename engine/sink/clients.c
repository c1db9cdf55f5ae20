/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clients.c - what came from whom, by address
 */
#include "sink/clients.h"
#include <stdlib.h>

#define SLOTS_FIRST 64u

void clients_init(struct clients *c)
{
	*c = (struct clients){0};
	slab_init(&c->slab, sizeof(struct client));
}

void clients_fini(struct clients *c)
{
	for (uint32_t i = 0; i < c->slot_count; i++)
		if (c->slots[i])
			slab_free(&c->slab, c->slots[i]);
	slab_fini(&c->slab);
	free(c->slots);
	clients_init(c);
}

/* The slot of an address, or the empty one where it belongs. */
static struct client **find_slot(struct client **slots, uint32_t count, uint64_t hash,
				 const struct endpoint *address)
{
	uint32_t i = (uint32_t)(hash ^ hash >> 32) & (count - 1);

	while (slots[i] &&
	       (slots[i]->hash != hash || !endpoint_same_address(&slots[i]->address, address)))
		i = (i + 1) & (count - 1);
	return &slots[i];
}

static bool grow(struct clients *c)
{
	uint32_t count = c->slot_count > 0 ? c->slot_count * 2 : SLOTS_FIRST;
	struct client **slots = calloc(count, sizeof(struct client *));

	if (!slots)
		return false;
	for (uint32_t i = 0; i < c->slot_count; i++)
		if (c->slots[i])
			*find_slot(slots, count, c->slots[i]->hash, &c->slots[i]->address) =
				c->slots[i];
	free(c->slots);
	c->slots = slots;
	c->slot_count = count;
	return true;
}

struct client *clients_find(struct clients *c, const struct endpoint *address)
{
	uint64_t hash = endpoint_address_hash(address);
	struct client **slot;

	if (c->slot_count == 0 && !grow(c))
		return &c->others;
	slot = find_slot(c->slots, c->slot_count, hash, address);
	if (*slot)
		return *slot;
	if (c->used >= CLIENTS_MAX)
		return &c->others;
	if (c->used >= c->slot_count / 3 * 2) {
		if (!grow(c))
			return &c->others;
		slot = find_slot(c->slots, c->slot_count, hash, address);
	}
	*slot = slab_alloc(&c->slab);
	if (!*slot)
		return &c->others;
	**slot = (struct client){.address = *address, .hash = hash};
	(*slot)->address.port = 0;
	c->used++;
	return *slot;
}

static void add(struct client *to, const struct client *from)
{
	to->sessions += from->sessions;
	to->messages += from->messages;
	to->recipients += from->recipients;
	to->octets += from->octets;
	to->rejects += from->rejects;
}

void clients_merge(struct clients *to, const struct clients *from)
{
	for (uint32_t i = 0; i < from->slot_count; i++)
		if (from->slots[i])
			add(clients_find(to, &from->slots[i]->address), from->slots[i]);
	add(&to->others, &from->others);
}

static int compare(const void *a, const void *b)
{
	const struct client *x = *(struct client *const *)a, *y = *(struct client *const *)b;

	if (x->messages != y->messages)
		return x->messages < y->messages ? 1 : -1;
	if (x->sessions != y->sessions)
		return x->sessions < y->sessions ? 1 : -1;
	if (x->address.family != y->address.family)
		return x->address.family < y->address.family ? -1 : 1;
	if (x->address.family == ENDPOINT_IPV4)
		return memcmp(x->address.v4, y->address.v4, sizeof(x->address.v4));
	if (x->address.family == ENDPOINT_IPV6)
		return memcmp(x->address.v6, y->address.v6, sizeof(x->address.v6));
	return 0;
}

struct client **clients_rank(struct clients *c, size_t *ret_count)
{
	struct client **ranked = calloc((size_t)c->used + 1, sizeof(struct client *));
	size_t count = 0;

	*ret_count = 0;
	if (!ranked)
		return NULL;
	for (uint32_t i = 0; i < c->slot_count; i++)
		if (c->slots[i])
			ranked[count++] = c->slots[i];
	qsort(ranked, count, sizeof(struct client *), compare);
	if (c->others.sessions > 0)
		ranked[count++] = &c->others;
	*ret_count = count;
	return ranked;
}
