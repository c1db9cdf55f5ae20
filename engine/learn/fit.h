/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fit.h - the limits that explain what was observed
 *
 * For each reply that asks for less, every kind of limit that could stand behind it is tried: so
 * many messages in windows of each length that providers use, fixed, rolling or smooth; so many
 * connections at once, or in a window; so many messages on a connection; so many recipients. The
 * one under which fewest attempts were treated otherwise is the one that is learned. Where several
 * do equally well, the plainest is taken.
 */
#ifndef VOLLEY_LEARN_FIT_H
#define VOLLEY_LEARN_FIT_H
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "learn/observe.h"
#include "profile/rules.h"
#include "terms/limit.h"

#define LEARNED_LIMITS_MAX 48
#define LEARNED_NAME_MAX   40

struct learned_limit {
	char name[LEARNED_NAME_MAX]; /* "messages-1h" */
	struct limit limit;
	double error;	   /* as in score.h: of what attempts this limit does not account for */
	uint32_t onsets;   /* how often it was reached */
	uint32_t ends;	   /* how often it was seen to end; 0: its window may be longer */
	uint64_t refused;  /* with its replies */
	int64_t lasted_ns; /* the median, in the provider's time; -1: none ended */
};

struct learned_reply {
	int wording;	  /* index in the observation */
	int limit;	  /* that it announces; -1: none */
	bool is_further;  /* it has a row before, for another limit that it announces */
	enum phase phase; /* in which it was said */
	struct verdict verdict;
	enum reply_class class; /* the verdict's, unless the limit says better */
	uint64_t count;
	uint32_t share_ppm; /* of the attempts that came so far, a million */
	int64_t triplet_ns; /* greylisting: the least wait, in the provider's time; 0: unknown */
	int64_t lasted_ns;  /* as of limits */
	bool does_close;    /* nothing came after it on its connection */
};

struct learned {
	const struct observation *observation; /* lent */
	int site;
	uint32_t scale;
	struct learned_limit limits[LEARNED_LIMITS_MAX];
	int limit_count;
	struct learned_reply *replies; /* by how often */
	int reply_count;
	uint64_t messages, accepted, connections, turned_away;
	int64_t first_ns, last_ns;
};

/*
 * Learns what one site does. scale: the log's windows passed so many times faster; what is learned
 * is in the provider's time. The observation is in order, and lent until learned_fini(); reader is
 * of the base profile's rules. -1 with *e set: memory exhausted.
 */
int learn_fit(const struct observation *o, int site, uint32_t scale, struct rules_reader *reader,
	      struct learned *ret_learned, struct err *e);
void learned_fini(struct learned *l);

#endif
