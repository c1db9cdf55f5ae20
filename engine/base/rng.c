/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rng.c - xoshiro256** seeded by splitmix64
 *
 * Both are Blackman and Vigna's public-domain generators. The state never becomes all zero,
 * because splitmix64 gives four different words in a row.
 */
#include "base/rng.h"
#include <math.h>
#include "base/check.h"

__extension__ typedef unsigned __int128 uint128;

#define GOLDEN_GAMMA UINT64_C(0x9e3779b97f4a7c15)

/* The output function of splitmix64: a bijection that spreads every bit over the word. */
static uint64_t spread(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t rotate_left(uint64_t x, int count)
{
	return (x << count) | (x >> (64 - count));
}

void rng_init(struct rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		seed += GOLDEN_GAMMA;
		r->state[i] = spread(seed);
	}
}

void rng_fork(struct rng *r, uint64_t seed, uint64_t purpose)
{
	/* Spread twice, so that (1, 2) and (2, 1), or neighbouring seeds, share nothing. */
	rng_init(r, spread(spread(seed + GOLDEN_GAMMA) + spread(~purpose)));
}

uint64_t rng_next(struct rng *r)
{
	uint64_t *s = r->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

/*
 * Lemire's method: the high word of a 128-bit product is the number; low words below
 * 2^64 mod bound would favour some numbers and are drawn again.
 */
uint64_t rng_below(struct rng *r, uint64_t bound)
{
	uint128 product;

	CHECK(bound > 0);
	product = (uint128)rng_next(r) * bound;
	if ((uint64_t)product < bound) {
		uint64_t threshold = (0 - bound) % bound;

		while ((uint64_t)product < threshold)
			product = (uint128)rng_next(r) * bound;
	}
	return (uint64_t)(product >> 64);
}

double rng_unit(struct rng *r)
{
	return (double)(rng_next(r) >> 11) * 0x1.0p-53;
}

double rng_exponential(struct rng *r, double mean)
{
	CHECK(mean > 0);
	return -mean * log1p(-rng_unit(r));
}

/* Box and Muller's transform; the second number is thrown away, to keep the stream stateless. */
double rng_normal(struct rng *r, double mean, double deviation)
{
	double radius, angle;

	CHECK(deviation >= 0);
	radius = sqrt(-2.0 * log1p(-rng_unit(r)));
	angle = 2.0 * M_PI * rng_unit(r);
	return mean + deviation * radius * cos(angle);
}
