/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guess.h - one limit that may stand behind a refusal, and how well it explains it
 *
 * fit.c decides which refusals are looked at and what becomes of the answer; this is the search.
 */
#ifndef VOLLEY_LEARN_GUESS_H
#define VOLLEY_LEARN_GUESS_H
#include <stdbool.h>
#include <stdint.h>
#include "learn/attempts.h"
#include "terms/class.h"
#include "terms/limit.h"

/* From the plainest on: of guesses that do equally well, the earlier one is taken. */
enum guess_family {
	GUESS_AT_ONCE,	      /* connections */
	GUESS_PER_CONNECTION, /* messages */
	GUESS_PER_MESSAGE,    /* recipients */
	GUESS_FIXED,	      /* windows that begin at midnight UTC, or at parts of the day */
	GUESS_SMOOTH,
	GUESS_ROLLING,
	GUESS_FIXED_RESET, /* windows that begin at another time */
	GUESS_ROLLING_ODD, /* windows of a length that nobody would choose */
};

struct guess {
	enum guess_family family;
	struct attempts_count count;
	bool is_pooled;
	int64_t period_ns, phase_ns; /* in the log's time */
	double per_ns;		     /* SMOOTH */
	uint32_t threshold;	     /* N, or of SMOOTH the level */
	double error;		     /* as in score.h */
	double cost; /* the same, and more where the reply's words speak against it */
	int rank;    /* of guesses that cost the same the lowest is taken */
};

/* A guess that knows nothing; anything is better. */
#define GUESS_NONE ((struct guess){.error = 1, .cost = 2, .rank = 1000000})

/* What is known before the search. */
struct guess_context {
	const struct observation *observation;
	int site;
	uint32_t scale;
	bool is_before_mail; /* where it was said */
	enum pace_dial dial; /* what its words ask for */
};

/*
 * The best guess for the refusals of a series that have a say; GUESS_NONE when there was nothing to
 * tell by. False: memory exhausted.
 */
bool guess_search(struct attempts *s, const struct guess_context *x, struct guess *ret_guess);

/* Puts what attempts found under a guess into s->found. False: memory exhausted. */
bool guess_apply(struct attempts *s, const struct guess_context *x, const struct guess *g);

/* True when the reply's words say that it is this kind of limit. */
bool guess_is_said(const struct guess *g, enum pace_dial dial);

/* The better of two. */
const struct guess *guess_better(const struct guess *a, const struct guess *b);

/* The limit that a guess stands for, in the provider's time. */
struct limit guess_limit(const struct guess *g, enum attempts_kind kind, uint32_t scale);

#endif
