/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * near.h - which known word a misspelt one was meant to be
 *
 * Pure; any thread.
 */
#ifndef VOLLEY_PROFILE_NEAR_H
#define VOLLEY_PROFILE_NEAR_H
#include "base/span.h"

/* A search that goes on over the candidates. All zero but word is its beginning. */
struct near {
	struct span word;
	const char *best; /* the nearest candidate so far, borrowed; NULL: none is near */
	int distance;	  /* of best: insertions, deletions, exchanges, swaps of neighbours */
};

/* Takes a candidate into account. It is near when at most a third of its letters differ. */
void near_try(struct near *n, const char *candidate);

#endif
