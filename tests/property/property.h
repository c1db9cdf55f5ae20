/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * property.h - the seed of a property test
 *
 * Each run takes another seed, so that the suite sees more of the space as it is run; the seed is
 * printed as a TAP comment, and VOLLEY_TEST_SEED=N repeats a run.
 */
#ifndef VOLLEY_TESTS_PROPERTY_H
#define VOLLEY_TESTS_PROPERTY_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"

static inline uint64_t property_seed(void)
{
	const char *given = getenv("VOLLEY_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0)
			      : (uint64_t)clock_wall_ns(clock_system()) ^ (uint64_t)getpid() << 40;

	printf("# VOLLEY_TEST_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

#endif
