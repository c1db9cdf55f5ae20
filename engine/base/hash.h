/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hash.h - FNV-1a over octets, 64 bits
 *
 * For tables and keys, the same in every process. Not safe against texts that are chosen to
 * collide. Bit n follows from bits 0 to n of the octets alone, and the high bits know little of the
 * last octets: a table mixes once more at the end, in the way that suits it.
 */
#ifndef VOLLEY_BASE_HASH_H
#define VOLLEY_BASE_HASH_H
#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

static inline uint64_t hash_octet(uint64_t hash, unsigned char octet)
{
	return (hash ^ octet) * HASH_PRIME;
}

/* Goes on from hash: HASH_START, or what another call returned. */
static inline uint64_t hash_octets(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *octets = data;

	for (size_t i = 0; i < len; i++)
		hash = hash_octet(hash, octets[i]);
	return hash;
}

#endif
