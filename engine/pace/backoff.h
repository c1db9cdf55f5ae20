/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * backoff.h - how long to wait after a failure, and when to try a path again
 *
 * A backoff is exponential with jitter, for a recipient, a site or a source: its state is two
 * words, so that a million recipients can have one each. A breaker stands before a path (source x
 * site): closed while things go well; open after failures in a row, or when a reply asks for a
 * pause: nothing at all is sent then; half-open when that is over: one probe, and its outcome
 * decides. What waited is spread when a breaker closes, so that a backlog does not come at once.
 *
 * Pure; time is an argument, one owner at a time.
 */
#ifndef VOLLEY_PACE_BACKOFF_H
#define VOLLEY_PACE_BACKOFF_H
#include <stdbool.h>
#include <stdint.h>
#include "base/rng.h"
#include "profile/profile.h"

struct backoff {
	int64_t first_attempt_ns; /* TIME_NEVER: none yet */
	uint32_t attempts;
};

void backoff_init(struct backoff *b);

/*
 * An attempt failed for now. Returns when to try again: first x factor^n up to the maximum, with
 * jitter, at least hold_ns (what the reply asked for; greylisting: retry->greylist_ns) after
 * now_ns; TIME_NEVER when that would be after the give-up age. scale as in limits.h: all of these
 * durations, hold_ns with them, are divided by it.
 */
int64_t backoff_next(struct backoff *b, const struct profile_retry *retry, int64_t hold_ns,
		     uint32_t scale, struct rng *rng, int64_t now_ns);

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
	enum breaker_state state;
	uint32_t failures;	 /* in a row */
	uint32_t opened;	 /* times in a row without a success between */
	int64_t until_ns;	 /* OPEN: when a probe may go */
	bool is_probing;	 /* HALF_OPEN: the probe is under way */
	int64_t spread_until_ns; /* CLOSED again: until then what waited is let go bit by bit */
	int64_t spread_from_ns;
};

struct breaker_params {
	uint32_t failures_max; /* in a row until it opens */
	/* First rest; doubled each time up to the maximum. Up to a tenth more, by chance. */
	int64_t rest_ns, rest_max_ns;
	int64_t spread_ns; /* how long the backlog is spread after it closed */
};

void breaker_init(struct breaker *b);

/*
 * May something be tried? False: *ret_when_ns. In HALF_OPEN true once: the caller is the probe,
 * and has to tell its outcome; until then *ret_when_ns is TIME_NEVER.
 */
bool breaker_may(struct breaker *b, int64_t now_ns, int64_t *ret_when_ns);

/*
 * The outcome of what breaker_may() let through. While OPEN it changes nothing: that was under way
 * before.
 */
void breaker_succeeded(struct breaker *b, const struct breaker_params *p, int64_t now_ns);
void breaker_failed(struct breaker *b, const struct breaker_params *p, struct rng *rng,
		    int64_t now_ns);

/* A reply asks for a pause: opens now, for hold_ns (never shorter than what stands). */
void breaker_pause(struct breaker *b, int64_t hold_ns, int64_t now_ns);

/*
 * The share of its usual pace that a path may use now, thousandths: 1000 but after a rest. 0 while
 * OPEN; 50 in HALF_OPEN, and from there evenly up to 1000 within spread_ns of closing.
 */
uint32_t breaker_share_millis(const struct breaker *b, int64_t now_ns);

#endif
