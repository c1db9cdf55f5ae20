/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tally.h - counts by a 64-bit key, each with one sample text
 *
 * For replies by command, code and enhanced code, for failures by phase and kind, for what TLS
 * agreed on: few distinct keys, counted often. Counting a known key allocates nothing, and the
 * keys in use are found by one multiplication and one comparison. The number of keys is bounded,
 * because a peer may invent them: what comes after the bound is counted in one entry for all
 * others.
 *
 * One thread at a time; threads have a tally each and merge them.
 */
#ifndef VOLLEY_STATS_TALLY_H
#define VOLLEY_STATS_TALLY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

#define TALLY_SAMPLE_MAX 512 /* octets kept of a sample */
#define TALLY_KEYS_MAX	 4096
#define TALLY_RECENT	 16

struct tally_entry {
	uint64_t key;
	uint64_t count;
	char *sample; /* the first one seen, as it came, not NUL-terminated; NULL when empty */
	uint32_t sample_len;
};

struct tally {
	uint64_t total;		     /* of all counts, others included */
	struct tally_entry *entries; /* in the order of their first count */
	uint32_t *slots;	     /* index into entries plus 1, 0 for an empty slot */
	uint32_t entry_count, entry_cap, slot_count, key_max;
	struct tally_entry others;		  /* its key means nothing */
	struct tally_entry *recent[TALLY_RECENT]; /* a dialogue's few keys, found without probing */
};

/* key_max: how many distinct keys are kept, 1..2^24. Allocates nothing yet. */
void tally_init(struct tally *t, uint32_t key_max);
void tally_fini(struct tally *t);

/* What tally_add() does when the key is not at hand; and how a count is added in one go. */
void tally_add_slow(struct tally *t, uint64_t key, uint64_t count, struct span sample);

static inline size_t tally_recent_index(uint64_t key)
{
	return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 60);
}

/* Counts key once. sample is copied if the key is new, cut at TALLY_SAMPLE_MAX octets. */
static inline void tally_add(struct tally *t, uint64_t key, struct span sample)
{
	struct tally_entry *entry = t->recent[tally_recent_index(key)];

	if (__builtin_expect(entry && entry->key == key, 1)) {
		entry->count++;
		t->total++;
		return;
	}
	tally_add_slow(t, key, 1, sample);
}

/* The entry of a key, or NULL. Borrowed until the next tally_add(). */
const struct tally_entry *tally_find(const struct tally *t, uint64_t key);

/* Adds all of from to to; a sample is taken over where to has none. */
void tally_merge(struct tally *to, const struct tally *from);

/* Sets all counts to 0 and forgets the keys; memory is kept for the next ones. */
void tally_clear(struct tally *t);

/*
 * The entries from the highest count to the lowest, equal ones by key; without the others. The
 * array is the caller's to free(), the entries are borrowed until the tally changes. NULL with
 * *ret_count 0 when there are none or memory is exhausted.
 */
const struct tally_entry **tally_rank(const struct tally *t, size_t *ret_count);

static inline struct span tally_sample(const struct tally_entry *entry)
{
	return (struct span){entry->sample, entry->sample_len};
}

/*
 * Keys. A reply: command in 16 bits, code in 16, enhanced code as class (4 bits), subject and
 * detail (14 bits each); all 0 for none. A pair: two numbers of 32 bits. A text: a hash of its
 * octets, where the sample is the text itself.
 */
struct tally_reply {
	uint16_t command, code;
	uint8_t class;
	uint16_t subject, detail;
};

static inline uint64_t tally_reply_key(struct tally_reply r)
{
	return (uint64_t)r.command << 48 | (uint64_t)r.code << 32 |
	       (uint64_t)(r.class & 0xfu) << 28 | (uint64_t)(r.subject & 0x3fffu) << 14 |
	       (uint64_t)(r.detail & 0x3fffu);
}

static inline struct tally_reply tally_reply_of(uint64_t key)
{
	return (struct tally_reply){
		.command = (uint16_t)(key >> 48),
		.code = (uint16_t)(key >> 32),
		.class = (uint8_t)(key >> 28 & 0xf),
		.subject = (uint16_t)(key >> 14 & 0x3fff),
		.detail = (uint16_t)(key & 0x3fff),
	};
}

static inline uint64_t tally_pair_key(uint32_t first, uint32_t second)
{
	return (uint64_t)first << 32 | second;
}

static inline uint32_t tally_pair_first(uint64_t key)
{
	return (uint32_t)(key >> 32);
}

static inline uint32_t tally_pair_second(uint64_t key)
{
	return (uint32_t)key;
}

uint64_t tally_text_key(struct span text);

#endif
