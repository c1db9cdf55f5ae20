/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache.c - a hash table with a list by last use
 *
 * Nothing sweeps the cache for what has expired: an expired entry is dropped when it is looked
 * for, or drifts to the end of the list and gives way. So its cost is bounded by max alone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "dns/cache.h"
#include "dns/name.h"

struct dns_cache_entry {
	struct dns_cache_entry *chain; /* of its bucket */
	struct dns_cache_entry *newer, *older;
	struct dns_set *set;
	uint64_t hash;
	char name[];
};

int dns_cache_init(struct dns_cache *c, int max, uint64_t seed, struct err *e)
{
	size_t bucket_count = 16;

	CHECK(max >= 1);
	while (bucket_count < (size_t)max)
		bucket_count *= 2;
	*c = (struct dns_cache){.bucket_count = bucket_count, .seed = seed, .max = max};
	c->buckets = calloc(bucket_count, sizeof(*c->buckets));
	if (!c->buckets)
		return err_set(e, EXIT_FAILED, 0, "no memory for a DNS cache of %d entries", max);
	return 0;
}

static void list_unlink(struct dns_cache *c, struct dns_cache_entry *entry)
{
	if (entry->newer)
		entry->newer->older = entry->older;
	else
		c->newest = entry->older;
	if (entry->older)
		entry->older->newer = entry->newer;
	else
		c->oldest = entry->newer;
}

static void list_push(struct dns_cache *c, struct dns_cache_entry *entry)
{
	entry->newer = NULL;
	entry->older = c->newest;
	if (c->newest)
		c->newest->newer = entry;
	else
		c->oldest = entry;
	c->newest = entry;
}

static void entry_drop(struct dns_cache *c, struct dns_cache_entry *entry)
{
	struct dns_cache_entry **link = &c->buckets[entry->hash & (c->bucket_count - 1)];

	while (*link != entry)
		link = &(*link)->chain;
	*link = entry->chain;
	list_unlink(c, entry);
	c->count--;
	dns_set_unref(entry->set);
	free(entry);
}

void dns_cache_fini(struct dns_cache *c)
{
	while (c->oldest)
		entry_drop(c, c->oldest);
	free(c->buckets);
	c->buckets = NULL;
}

static struct dns_cache_entry *entry_find(struct dns_cache *c, const char *name, enum dns_type type,
					  uint64_t hash)
{
	struct dns_cache_entry *entry = c->buckets[hash & (c->bucket_count - 1)];

	while (entry &&
	       (entry->hash != hash || entry->set->type != type || strcmp(entry->name, name) != 0))
		entry = entry->chain;
	return entry;
}

struct dns_set *dns_cache_find(struct dns_cache *c, const char *name, enum dns_type type,
			       int64_t now_ns)
{
	struct dns_cache_entry *entry =
		entry_find(c, name, type, dns_name_hash(c->seed, name, type));

	if (!entry)
		return NULL;
	if (entry->set->expires_ns <= now_ns) {
		entry_drop(c, entry);
		return NULL;
	}
	list_unlink(c, entry);
	list_push(c, entry);
	return entry->set;
}

void dns_cache_put(struct dns_cache *c, const char *name, struct dns_set *set, int64_t now_ns)
{
	uint64_t hash = dns_name_hash(c->seed, name, set->type);
	struct dns_cache_entry *entry = entry_find(c, name, set->type, hash);
	struct dns_cache_entry **bucket = &c->buckets[hash & (c->bucket_count - 1)];
	size_t name_size = strlen(name) + 1;

	if (entry)
		entry_drop(c, entry);
	if (set->expires_ns <= now_ns)
		return;
	entry = malloc(sizeof(*entry) + name_size);
	if (!entry)
		return;
	if (c->count == c->max) {
		if (c->oldest->set->expires_ns > now_ns)
			c->drops++;
		entry_drop(c, c->oldest);
	}
	entry->set = dns_set_ref(set);
	entry->hash = hash;
	memcpy(entry->name, name, name_size);
	entry->chain = *bucket;
	*bucket = entry;
	list_push(c, entry);
	c->count++;
}
