/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * counter.c - one limit of one profile for one client, account, sender ...: what came of it
 *
 * Finding takes the lock of the table; a session does it once for what stays the same. Meters are
 * spread over several locks, so that threads with different clients do not meet.
 */
#include "sink/counter.h"
#include <stdlib.h>
#include <string.h>
#include "sink/key.h"

#define BUCKETS_FIRST 1024u
#define STRIPES	      64u

struct counters {
	pthread_mutex_t mutex;
	struct counter **buckets;
	uint32_t bucket_count, used, max;
	_Atomic uint64_t missed;
	pthread_mutex_t stripes[STRIPES];
};

struct counters *counters_new(uint32_t max)
{
	struct counters *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->buckets = calloc(BUCKETS_FIRST, sizeof(struct counter *));
	if (!c->buckets) {
		free(c);
		return NULL;
	}
	c->bucket_count = BUCKETS_FIRST;
	c->max = max;
	pthread_mutex_init(&c->mutex, NULL);
	for (uint32_t i = 0; i < STRIPES; i++)
		pthread_mutex_init(&c->stripes[i], NULL);
	return c;
}

void counters_free(struct counters *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->bucket_count; i++)
		while (c->buckets[i]) {
			struct counter *k = c->buckets[i];

			c->buckets[i] = k->next;
			free(k);
		}
	for (uint32_t i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&c->stripes[i]);
	pthread_mutex_destroy(&c->mutex);
	free(c->buckets);
	free(c);
}

static struct counter **bucket_of(struct counter **buckets, uint32_t count, uint32_t row,
				  uint64_t key)
{
	return &buckets[(uint32_t)(key_of_number(row, key) >> 32) & (count - 1)];
}

/* Where there is no memory for more buckets, those that there are become longer. */
static void grow(struct counters *c)
{
	uint32_t count = c->bucket_count * 2;
	struct counter **buckets = calloc(count, sizeof(struct counter *));

	if (!buckets)
		return;
	for (uint32_t i = 0; i < c->bucket_count; i++)
		while (c->buckets[i]) {
			struct counter *k = c->buckets[i];
			struct counter **to = bucket_of(buckets, count, k->row, k->key);

			c->buckets[i] = k->next;
			k->next = *to;
			*to = k;
		}
	free(c->buckets);
	c->buckets = buckets;
	c->bucket_count = count;
}

static struct counter *make(uint32_t row, uint64_t key, const struct counter_recipe *r,
			    int64_t now_ns)
{
	struct counter *k = calloc(1, sizeof(*k));
	size_t len = r->whose.len < COUNTER_WHOSE_MAX ? r->whose.len : COUNTER_WHOSE_MAX - 1;

	if (!k)
		return NULL;
	k->cell = limits_cell(r->table, r->limit, r->reading, r->id, key, now_ns);
	if (!k->cell) {
		free(k);
		return NULL;
	}
	/* The cell may be there already, of a limit that had another amount. */
	limits_set_amount(k->cell, r->limit->amount, now_ns);
	k->amount = r->limit->amount;
	k->row = row;
	k->key = key;
	meter_init(&k->meter, limits_state(k->cell, now_ns).period_ns, r->align_ns);
	if (len > 0)
		memcpy(k->whose, r->whose.data, len);
	return k;
}

struct counter *counters_find(struct counters *c, uint32_t row, uint64_t key,
			      const struct counter_recipe *recipe, int64_t now_ns)
{
	struct counter **bucket, *k;

	pthread_mutex_lock(&c->mutex);
	bucket = bucket_of(c->buckets, c->bucket_count, row, key);
	k = *bucket;
	while (k && (k->key != key || k->row != row))
		k = k->next;
	if (!k && c->used < c->max)
		k = make(row, key, recipe, now_ns);
	else
		bucket = NULL;
	if (k && bucket) {
		k->next = *bucket;
		*bucket = k;
		if (++c->used > c->bucket_count)
			grow(c);
	}
	pthread_mutex_unlock(&c->mutex);
	if (!k)
		atomic_fetch_add_explicit(&c->missed, 1, memory_order_relaxed);
	return k;
}

static pthread_mutex_t *stripe_of(struct counters *c, const struct counter *k)
{
	return &c->stripes[(k->key ^ k->key >> 32 ^ k->row) % STRIPES];
}

void counter_passed(struct counters *c, struct counter *k, uint64_t amount, int64_t now_ns)
{
	uint64_t used = limits_state(k->cell, now_ns).used;

	atomic_fetch_add_explicit(&k->passed, amount, memory_order_relaxed);
	pthread_mutex_lock(stripe_of(c, k));
	meter_add(&k->meter, amount, now_ns);
	if (used > k->peak)
		k->peak = used;
	pthread_mutex_unlock(stripe_of(c, k));
}

void counter_given_back(struct counters *c, struct counter *k, uint64_t amount, int64_t at_ns,
			bool did_not_count)
{
	if (did_not_count)
		atomic_fetch_sub_explicit(&k->passed, amount, memory_order_relaxed);
	pthread_mutex_lock(stripe_of(c, k));
	meter_take_back(&k->meter, amount, at_ns);
	pthread_mutex_unlock(stripe_of(c, k));
}

void counters_visit(const struct counters *c,
		    void (*visit)(const struct counter *k, void *argument), void *argument)
{
	for (uint32_t i = 0; i < c->bucket_count; i++)
		for (const struct counter *k = c->buckets[i]; k; k = k->next)
			visit(k, argument);
}

uint64_t counters_missed(const struct counters *c)
{
	return c->missed;
}
