/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * random.c - random numbers from the kernel
 *
 * getrandom(2) and not wolfCrypt's generator: the callers ask for a few octets now and then, so a
 * generator of our own would cost a seeding and a lock, and save nothing.
 */
#include "crypt/random.h"
#include <errno.h>
#include <sys/random.h>
#include "base/check.h"

void crypt_random(void *out, size_t len)
{
	unsigned char *at = out;

	while (len > 0) {
		ssize_t got = getrandom(at, len, 0);
		/* A request of more than 256 octets may be cut short by a signal. */
		if (got < 0 && errno == EINTR)
			continue;
		CHECK(got > 0);
		at += got;
		len -= (size_t)got;
	}
}

uint64_t crypt_random_seed(void)
{
	uint64_t seed;

	crypt_random(&seed, sizeof(seed));
	return seed;
}
