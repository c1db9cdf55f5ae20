/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * greylist.c - when a client, sender and recipient were first seen together
 *
 * An open-addressed table of (hash, time), doubled at two thirds. Nothing is ever removed: a
 * triplet that has waited stays known, as greylists have it.
 */
#include "sink/greylist.h"
#include <pthread.h>
#include <stdlib.h>

#define SLOTS_FIRST 1024u

struct slot {
	uint64_t triplet; /* 0: empty */
	int64_t first_ns;
};

struct greylist {
	pthread_mutex_t mutex;
	struct slot *slots;
	uint32_t slot_count, used;
	uint64_t overflows;
};

struct greylist *greylist_new(void)
{
	struct greylist *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->slots = calloc(SLOTS_FIRST, sizeof(*g->slots));
	g->slot_count = SLOTS_FIRST;
	if (!g->slots) {
		free(g);
		return NULL;
	}
	pthread_mutex_init(&g->mutex, NULL);
	return g;
}

void greylist_free(struct greylist *g)
{
	if (!g)
		return;
	pthread_mutex_destroy(&g->mutex);
	free(g->slots);
	free(g);
}

static struct slot *find(struct slot *slots, uint32_t count, uint64_t triplet)
{
	uint32_t i = (uint32_t)(triplet * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (count - 1);

	while (slots[i].triplet != 0 && slots[i].triplet != triplet)
		i = (i + 1) & (count - 1);
	return &slots[i];
}

static bool grow(struct greylist *g)
{
	uint32_t count = g->slot_count * 2;
	struct slot *slots;

	if (g->used >= GREYLIST_MAX)
		return false;
	slots = calloc(count, sizeof(*slots));
	if (!slots)
		return false;
	for (uint32_t i = 0; i < g->slot_count; i++)
		if (g->slots[i].triplet != 0)
			*find(slots, count, g->slots[i].triplet) = g->slots[i];
	free(g->slots);
	g->slots = slots;
	g->slot_count = count;
	return true;
}

bool greylist_passes(struct greylist *g, uint64_t triplet, int64_t now_ns, int64_t delay_ns)
{
	struct slot *slot;
	bool passes = false;

	if (triplet == 0)
		triplet = 1;
	pthread_mutex_lock(&g->mutex);
	slot = find(g->slots, g->slot_count, triplet);
	if (slot->triplet == triplet) {
		passes = now_ns - slot->first_ns >= delay_ns;
	} else if (g->used < g->slot_count / 3 * 2 || grow(g)) {
		*find(g->slots, g->slot_count, triplet) = (struct slot){triplet, now_ns};
		g->used++;
	} else {
		g->overflows++;
	}
	pthread_mutex_unlock(&g->mutex);
	return passes;
}

uint64_t greylist_overflows(struct greylist *g)
{
	uint64_t overflows;

	pthread_mutex_lock(&g->mutex);
	overflows = g->overflows;
	pthread_mutex_unlock(&g->mutex);
	return overflows;
}
