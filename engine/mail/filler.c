/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * filler.c - the text that makes a message as long as it shall be
 *
 * Made of syllables, so that it reads and compresses about as text does; a block of one repeated
 * octet would flatter servers that compress, and look like spam to those that filter.
 */
#include "mail/filler.h"
#include <stdlib.h>
#include "base/check.h"
#include "base/rng.h"
#include "mail/plan.h"

#define TEXT_LEN      (FILLER_LINE_LEN - 2)
#define SYLLABLES_MAX 4

/* A word of one to four syllables, written up to end; returns the end of what fitted. */
static char *put_word(struct rng *r, char *out, const char *end)
{
	static const char onsets[] = "bcdfghjklmnprstvwz", vowels[] = "aeiou", codas[] = "lmnrst";
	uint64_t bits = rng_next(r);

	for (uint64_t count = 1 + bits % SYLLABLES_MAX; count > 0; count--) {
		bits = rng_next(r);
		if (out < end)
			*out++ = onsets[(bits & 0xff) % (sizeof(onsets) - 1)];
		if (out < end)
			*out++ = vowels[(bits >> 8 & 0xff) % (sizeof(vowels) - 1)];
		if (out < end && (bits >> 16 & 3) == 0)
			*out++ = codas[(bits >> 24 & 0xff) % (sizeof(codas) - 1)];
	}
	return out;
}

char *filler_new(size_t len, uint64_t seed)
{
	struct rng chance;
	char *block = malloc(len);

	CHECK(len > 0 && len % FILLER_LINE_LEN == 0);
	if (!block)
		return NULL;
	rng_init(&chance, seed);
	for (char *line = block; line < block + len; line += FILLER_LINE_LEN) {
		char *out = line, *end = line + TEXT_LEN;

		while (out < end) {
			out = put_word(&chance, out, end);
			/* The last two columns are filled by a letter rather than by a space. */
			if (end - out == 1)
				out = put_word(&chance, out, end);
			else if (out < end)
				*out++ = ' ';
		}
		end[0] = '\r';
		end[1] = '\n';
	}
	return block;
}
