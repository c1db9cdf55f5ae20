/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rng.h - seeded pseudo-random numbers (xoshiro256**), for repeatable runs
 *
 * Not for secrets: crypt/ has those. One struct per stream, one stream per thread or purpose;
 * rng_fork() derives independent streams from a seed, so that adding a use of chance in one
 * place does not shift the numbers of another.
 */
#ifndef VOLLEY_BASE_RNG_H
#define VOLLEY_BASE_RNG_H
#include <stdint.h>

struct rng {
	uint64_t state[4];
};

/* Any seed is good, 0 included (splitmix64 spreads it). */
void rng_init(struct rng *r, uint64_t seed);

/* A stream of its own for (seed, purpose); purpose is a small constant or an index. */
void rng_fork(struct rng *r, uint64_t seed, uint64_t purpose);

uint64_t rng_next(struct rng *r);

/* Uniform in [0, bound); bound > 0; without modulo bias. */
uint64_t rng_below(struct rng *r, uint64_t bound);

/* Uniform in [0, 1), 53 bits. */
double rng_unit(struct rng *r);

/* Exponential with the given mean (> 0). */
double rng_exponential(struct rng *r, double mean);

/* Normal with the given mean and standard deviation (>= 0). */
double rng_normal(struct rng *r, double mean, double deviation);

#endif
