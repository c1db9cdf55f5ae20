/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reputation.c - a small model of what providers do not publish: how they rate a client
 *
 * One mutex for the table: it is asked once for each decision, and only where a profile has a
 * model.
 */
#include "sink/reputation.h"
#include <pthread.h>
#include <stdlib.h>
#include "sink/meter.h"

#define BUCKETS 4096u

struct standing {
	struct standing *next; /* in its bucket */
	struct reputations *all;
	uint64_t key;
	enum reputation level;
	uint64_t accepted; /* since the last refusal or move */
	int64_t refused_ns;
	struct meter refusals;
};

struct reputations {
	pthread_mutex_t mutex;
	struct standing *buckets[BUCKETS];
	struct standing others;
	uint32_t used, scale;
};

struct reputations *reputations_new(uint32_t scale)
{
	struct reputations *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	pthread_mutex_init(&r->mutex, NULL);
	r->scale = scale > 0 ? scale : 1;
	r->others = (struct standing){.all = r};
	return r;
}

void reputations_free(struct reputations *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < BUCKETS; i++)
		while (r->buckets[i]) {
			struct standing *s = r->buckets[i];

			r->buckets[i] = s->next;
			free(s);
		}
	pthread_mutex_destroy(&r->mutex);
	free(r);
}

static struct standing *add(struct reputations *r, struct standing **bucket, uint64_t key,
			    enum reputation start)
{
	struct standing *s = r->used < STANDINGS_MAX ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return &r->others;
	s->all = r;
	s->key = key;
	s->level = start;
	s->next = *bucket;
	*bucket = s;
	r->used++;
	return s;
}

struct standing *reputations_find(struct reputations *r, uint64_t key, enum reputation start)
{
	struct standing **bucket = &r->buckets[(key ^ key >> 32) % BUCKETS];
	struct standing *s;

	pthread_mutex_lock(&r->mutex);
	s = *bucket;
	while (s && s->key != key)
		s = s->next;
	if (!s)
		s = add(r, bucket, key, start);
	pthread_mutex_unlock(&r->mutex);
	return s;
}

static void move(struct standing *s, enum reputation to)
{
	s->level = to;
	s->accepted = 0;
}

static void heal(struct standing *s, const struct profile_reputation *model, int64_t now_ns)
{
	if (s->level == REPUTATION_POOR && model->heal_ns > 0 &&
	    now_ns - s->refused_ns >= model->heal_ns / s->all->scale)
		move(s, REPUTATION_WARMING);
}

enum reputation standing_level(struct standing *s, const struct profile_reputation *model,
			       int64_t now_ns)
{
	enum reputation level;

	pthread_mutex_lock(&s->all->mutex);
	heal(s, model, now_ns);
	level = s->level;
	pthread_mutex_unlock(&s->all->mutex);
	return level;
}

struct reputation_move standing_accepted(struct standing *s, const struct profile_reputation *model,
					 int64_t now_ns)
{
	struct reputation_move m;

	pthread_mutex_lock(&s->all->mutex);
	m.from = s->level;
	heal(s, model, now_ns);
	s->accepted++;
	if (model->rise_messages > 0 && s->accepted >= model->rise_messages &&
	    s->level < REPUTATION_GOOD)
		move(s, s->level == REPUTATION_NEW ? REPUTATION_WARMING : REPUTATION_GOOD);
	m.to = s->level;
	pthread_mutex_unlock(&s->all->mutex);
	return m;
}

struct reputation_move standing_refused(struct standing *s, const struct profile_reputation *model,
					int64_t now_ns)
{
	int64_t fall_ns = model->fall_ns / s->all->scale;
	struct reputation_move m;

	pthread_mutex_lock(&s->all->mutex);
	m.from = s->level;
	heal(s, model, now_ns);
	s->refused_ns = now_ns;
	s->accepted = 0;
	if (model->fall_refusals > 0 && fall_ns > 0) {
		/* Begun anew where a profile that took another's place counts otherwise. */
		if (s->refusals.period_ns != fall_ns)
			meter_init(&s->refusals, fall_ns, 0);
		meter_add(&s->refusals, 1, now_ns);
		if (meter_sum(&s->refusals, now_ns) >= model->fall_refusals)
			move(s, REPUTATION_POOR);
	}
	m.to = s->level;
	pthread_mutex_unlock(&s->all->mutex);
	return m;
}

void reputations_count(struct reputations *r, uint64_t ret_counts[REPUTATION_COUNT])
{
	for (int i = 0; i < REPUTATION_COUNT; i++)
		ret_counts[i] = 0;
	pthread_mutex_lock(&r->mutex);
	for (uint32_t i = 0; i < BUCKETS; i++)
		for (const struct standing *s = r->buckets[i]; s; s = s->next)
			ret_counts[s->level]++;
	pthread_mutex_unlock(&r->mutex);
}
