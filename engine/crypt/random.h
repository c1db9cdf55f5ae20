/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * random.h - random numbers that nobody can guess
 *
 * For what must not be predicted or must not be met twice: keys, nonces, the id of a run. Chance
 * that is to be repeated from a seed is base/rng.h's. Any thread may call.
 */
#ifndef VOLLEY_CRYPT_RANDOM_H
#define VOLLEY_CRYPT_RANDOM_H
#include <stddef.h>
#include <stdint.h>

/*
 * Fills out with len octets from the kernel's generator; waits, once after boot, until it is
 * seeded. A system without that generator is none that volley can run on: checked.
 */
void crypt_random(void *out, size_t len);

/* A seed for base/rng.h when the person gave none. */
uint64_t crypt_random_seed(void);

#endif
