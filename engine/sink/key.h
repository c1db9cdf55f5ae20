/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * key.h - texts as 64-bit keys
 *
 * FNV-1a with a final mix. Keys tell clients, accounts and addresses apart in tables; nothing
 * depends on nobody being able to find two of one key.
 */
#ifndef VOLLEY_SINK_KEY_H
#define VOLLEY_SINK_KEY_H
#include <stdint.h>
#include "base/hash.h"
#include "base/span.h"

static inline uint64_t key_mix(uint64_t h)
{
	h ^= h >> 32;
	return h * UINT64_C(0x9e3779b97f4a7c15);
}

/* Letters as they stand; start: 0, or another key that this one goes on from. */
static inline uint64_t key_of(struct span text, uint64_t start)
{
	return key_mix(hash_octets(start ^ HASH_START, text.data, text.len));
}

/* ASCII letters of either case are the same. */
static inline uint64_t key_of_nocase(struct span text, uint64_t start)
{
	uint64_t h = start ^ HASH_START;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c - 'A' + 'a');
		h = hash_octet(h, c);
	}
	return key_mix(h);
}

static inline uint64_t key_of_number(uint64_t number, uint64_t start)
{
	return key_of((struct span){(const char *)&number, sizeof(number)}, start);
}

#endif
