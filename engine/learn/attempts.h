/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * attempts.h - attempts in order, and what each found when it was made
 *
 * A series is the question that one refusal asks: these attempts passed, those were refused with
 * it, what had each of them used up before? For each kind of limit there is a count to ask for.
 * One thread.
 */
#ifndef VOLLEY_LEARN_ATTEMPTS_H
#define VOLLEY_LEARN_ATTEMPTS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "learn/observe.h"
#include "learn/score.h"

/* Attempts that are looked at: from a little before the first refusal on. */
#define ATTEMPTS_POINTS_MAX   400000u
#define ATTEMPTS_POINTS_AHEAD 100000u

struct attempts_point {
	int64_t at_ns;
	uint32_t order; /* in the log, for those of one time */
	uint32_t connection, on_connection;
	uint32_t recipients; /* that it has, or that had been taken when one more was refused */
	uint16_t source;
	uint8_t label;	  /* enum score_label */
	bool is_charged;  /* was accepted in the end */
	bool was_refused; /* with the wording in question; its label may be taken away */
};

enum attempts_kind {
	ATTEMPTS_MESSAGES,    /* attempts are messages */
	ATTEMPTS_CONNECTIONS, /* attempts are connections */
	ATTEMPTS_TURNED_AWAY, /* what counts are messages, what is refused are connections */
	ATTEMPTS_RECIPIENTS,  /* messages, by how many recipients each has */
};

struct attempts {
	enum attempts_kind kind;
	struct attempts_point *points; /* by source unless pooled, then by time */
	uint32_t *found, *lenient;     /* the last answer, by the log and in doubt */
	uint64_t *charged;	       /* how much the points before have used up; count + 1 */
	uint32_t *ahead;  /* of a point: which ones may, or surely did, come before it */
	int64_t doubt_ns; /* how far the log's times may be from the server's */
	uint8_t *labels;  /* for the score */
	size_t count, cap;
	bool is_pooled;
	uint64_t passed, refused; /* by label */
	uint64_t others;	  /* passed this limit and were refused for something else */
	uint32_t sources;	  /* different ones */
	uint32_t recipients_max;
	int64_t first_ns, last_ns;
};

/* How attempts are counted. */
struct attempts_count {
	bool counts_accepted; /* only what was accepted in the end */
	bool by_recipients;   /* recipients, not messages */
};

/*
 * The attempts at a site about which a wording has something to say, each source for itself.
 * doubt_ns: how far the log's times may be from the server's. False: memory exhausted.
 */
bool attempts_make(struct attempts *s, const struct observation *o, int site, int wording,
		   enum attempts_kind kind, int64_t doubt_ns);
void attempts_fini(struct attempts *s);

/* All sources together, or each for itself. */
void attempts_pool(struct attempts *s, bool is_pooled);

/*
 * What each attempt found, itself included, less one: an attempt passes a limit of N when that is
 * less than N. Written to s->found; s->lenient is the same with the benefit of the doubt: more for
 * what was refused, less for what passed.
 */
void attempts_rolling(struct attempts *s, const struct attempts_count *c, int64_t period_ns);
/* Since the last begin of a window; they begin at phase_ns + k x period_ns. */
void attempts_fixed(struct attempts *s, const struct attempts_count *c, int64_t period_ns,
		    int64_t phase_ns);
/* What stands in a bucket that is emptied at so many a nanosecond; in ATTEMPTS_LEVEL_UNITs. */
#define ATTEMPTS_LEVEL_UNIT 16
void attempts_level(struct attempts *s, const struct attempts_count *c, double per_ns);
/* How many messages its connection had carried; those of unknown connections have no say. */
void attempts_use(struct attempts *s);
/* How many recipients it had, less one. */
void attempts_recipients(struct attempts *s);
/* How many connections were open beside its own. False: memory exhausted. */
bool attempts_open(struct attempts *s, const struct observation *o, int site);

/* The best threshold for what was found. False: memory exhausted. */
bool attempts_score(struct attempts *s, struct score *ret_score);

/* Takes the say from refusals that found the threshold: they are explained. Returns how many. */
uint64_t attempts_explain(struct attempts *s, uint32_t threshold);

/* What refusals look like from a distance. */
struct attempts_shape {
	uint32_t onsets;	 /* how often they began */
	uint32_t ends;		 /* how often something passed again after a while */
	int64_t lasted_ns;	 /* from onset to end, the median; -1: none ended */
	int64_t suggested_ns[2]; /* lengths that windows may have, by ends; 0: none */
};
bool attempts_shape(const struct attempts *s, struct attempts_shape *ret_shape);

#endif
