/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wording.h - replies that say the same in the same words
 *
 * A log repeats a handful of replies with other numbers, addresses and queue ids in them. A wording
 * is what they have in common: code, enhanced code, and a PCRE2 pattern over the text that stands
 * for the parts that change. It keeps the first reply as it was given.
 *
 * One thread.
 */
#ifndef VOLLEY_LEARN_WORDING_H
#define VOLLEY_LEARN_WORDING_H
#include <stdbool.h>
#include <stdint.h>
#include "learn/table.h"
#include "terms/phase.h"
#include "terms/reply.h"

/* Wordings that are told apart; what comes beyond is counted with the last one of its code. */
#define WORDINGS_MAX 1024u

struct wording {
	uint16_t code; /* 0: none, the connection was closed without a word */
	struct enhanced_code enhanced;
	char *text;    /* of the first one; lines divided by '\n' */
	char *pattern; /* "^...$" */
	int loose;     /* words that the pattern leaves open altogether */
	uint64_t count;
	uint64_t phases[PHASE_COUNT]; /* how often in which */
};

struct wordings {
	struct wording *items;
	size_t count;
	struct table table;
	uint64_t overflow; /* replies that found no room of their own */
};

void wordings_init(struct wordings *w);
void wordings_fini(struct wordings *w);

/*
 * The wording of a reply, counted once for that phase; code 0: closed without a word. -1: memory
 * exhausted.
 */
int wordings_add(struct wordings *w, const struct reply *reply, enum phase phase);

/* The phase in which it was said most often. */
enum phase wording_phase(const struct wording *w);

/*
 * Writes the pattern of a text into out, NUL-terminated. False: it does not fit. Pure.
 */
bool wording_pattern(struct span text, char *out, size_t out_size);

#endif
