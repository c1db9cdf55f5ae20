/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hash.h - FNV-1a over octets, 64 bits
 *
 * For tables and keys that nobody attacks: short texts, addresses, names of our own. The same in
 * every process. Its low bits know little of the last octets: who takes them mixes once more at
 * the end, in the way that the table needs.
 */
#ifndef VOLLEY_BASE_HASH_H
#define VOLLEY_BASE_HASH_H
#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t hash_octet(uint64_t hash, unsigned char octet)
{
	return (hash ^ octet) * UINT64_C(0x100000001b3);
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
