/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tally.c - counts by a 64-bit key
 *
 * Entries stand in one array in the order of their first count; an open-addressed table of their
 * indices, at most half full, finds them. Nothing is removed one by one, so linear probing needs
 * no tombstones.
 *
 * The recent entries are a direct-mapped cache: a dialogue takes turns between a handful of keys,
 * so that one remembered key would seldom be the next. It is emptied whenever the array may move,
 * and never holds the entry of all others, whose key is none.
 */
#include "stats/tally.h"
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/hash.h"

#define ENTRIES_MIN 16u
#define KEYS_LIMIT  (1u << 24)

_Static_assert(TALLY_RECENT == 1 << (64 - 60), "tally_recent_index() gives 4 bits");

void tally_init(struct tally *t, uint32_t key_max)
{
	CHECK(key_max > 0 && key_max <= KEYS_LIMIT);
	*t = (struct tally){.key_max = key_max};
}

void tally_clear(struct tally *t)
{
	for (uint32_t i = 0; i < t->entry_count; i++)
		free(t->entries[i].sample);
	free(t->others.sample);
	t->others = (struct tally_entry){0};
	if (t->slots)
		memset(t->slots, 0, t->slot_count * sizeof(*t->slots));
	t->entry_count = 0;
	t->total = 0;
	memset(t->recent, 0, sizeof(t->recent));
}

void tally_fini(struct tally *t)
{
	tally_clear(t);
	free(t->entries);
	free(t->slots);
	tally_init(t, t->key_max);
}

static uint64_t mix(uint64_t key)
{
	key = (key ^ (key >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	key = (key ^ (key >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	return key ^ (key >> 32);
}

uint64_t tally_text_key(struct span text)
{
	return mix(hash_octets(HASH_START, text.data, text.len));
}

/* The slot that holds key, or the empty one where it belongs. The table must exist. */
static uint32_t *find_slot(const struct tally *t, uint64_t key)
{
	uint32_t mask = t->slot_count - 1;
	uint32_t i = (uint32_t)mix(key) & mask;

	while (t->slots[i] != 0 && t->entries[t->slots[i] - 1].key != key)
		i = (i + 1) & mask;
	return &t->slots[i];
}

const struct tally_entry *tally_find(const struct tally *t, uint64_t key)
{
	uint32_t index = t->slots ? *find_slot(t, key) : 0;

	return index != 0 ? &t->entries[index - 1] : NULL;
}

/* Room for one entry more; false at the bound or when memory is exhausted. */
static bool reserve_entry(struct tally *t)
{
	uint32_t cap = t->entry_cap > 0 ? t->entry_cap * 2 : ENTRIES_MIN;
	struct tally_entry *entries;
	uint32_t *slots;

	if (t->entry_count == t->key_max)
		return false;
	if (t->entry_count < t->entry_cap)
		return true;
	/* The table first: if only it can be had, nothing has changed but its size. */
	slots = calloc((size_t)cap * 2, sizeof(*slots));
	if (!slots)
		return false;
	entries = reallocarray(t->entries, cap, sizeof(*entries));
	if (!entries) {
		free(slots);
		return false;
	}
	free(t->slots);
	t->entries = entries;
	t->entry_cap = cap;
	t->slots = slots;
	t->slot_count = cap * 2;
	memset(t->recent, 0, sizeof(t->recent));
	for (uint32_t i = 0; i < t->entry_count; i++)
		*find_slot(t, entries[i].key) = i + 1;
	return true;
}

static void keep_sample(struct tally_entry *entry, struct span sample)
{
	size_t len = sample.len < TALLY_SAMPLE_MAX ? sample.len : TALLY_SAMPLE_MAX;

	if (entry->sample || len == 0)
		return;
	entry->sample = malloc(len);
	if (!entry->sample)
		return; /* The count matters more than its sample. */
	memcpy(entry->sample, sample.data, len);
	entry->sample_len = (uint32_t)len;
}

void tally_add_slow(struct tally *t, uint64_t key, uint64_t count, struct span sample)
{
	struct tally_entry *entry = &t->others;
	uint32_t index = t->slots ? *find_slot(t, key) : 0;

	t->total += count;
	if (index == 0 && reserve_entry(t)) {
		index = t->entry_count + 1;
		t->entries[t->entry_count] = (struct tally_entry){.key = key};
		*find_slot(t, key) = index;
		t->entry_count++;
	}
	if (index != 0) {
		entry = &t->entries[index - 1];
		t->recent[tally_recent_index(key)] = entry;
	}
	entry->count += count;
	keep_sample(entry, sample);
}

void tally_merge(struct tally *to, const struct tally *from)
{
	for (uint32_t i = 0; i < from->entry_count; i++) {
		const struct tally_entry *entry = &from->entries[i];

		tally_add_slow(to, entry->key, entry->count, tally_sample(entry));
	}
	if (from->others.count > 0) {
		to->total += from->others.count;
		to->others.count += from->others.count;
		keep_sample(&to->others, tally_sample(&from->others));
	}
}

static int compare_rank(const void *left, const void *right)
{
	const struct tally_entry *a = *(const struct tally_entry *const *)left;
	const struct tally_entry *b = *(const struct tally_entry *const *)right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return (a->key > b->key) - (a->key < b->key);
}

const struct tally_entry **tally_rank(const struct tally *t, size_t *ret_count)
{
	const struct tally_entry **ranked = NULL;

	*ret_count = 0;
	if (t->entry_count > 0)
		ranked = reallocarray(NULL, t->entry_count, sizeof(*ranked));
	if (!ranked)
		return NULL;
	for (uint32_t i = 0; i < t->entry_count; i++)
		ranked[i] = &t->entries[i];
	qsort(ranked, t->entry_count, sizeof(*ranked), compare_rank);
	*ret_count = t->entry_count;
	return ranked;
}
