/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapt_rate.h - the dial of the rate: finds how many messages a path takes in the long run
 *
 * It spaces messages evenly, raises the pace while its own pace is what holds them back, and rests
 * when a reply asks for less: nothing goes then but single probes, until one passes. From what
 * passed between two refusals it judges where the limit is (adapt_judge.h).
 *
 * Rates are in 1e-9 messages a second here, so that steps of a percent exist at a few messages a
 * day. Pure, no allocation, O(1) a call; one owner at a time; time is an argument, monotonic ns.
 */
#ifndef VOLLEY_PACE_ADAPT_RATE_H
#define VOLLEY_PACE_ADAPT_RATE_H
#include <stdbool.h>
#include <stdint.h>

enum rate_mode {
	RATE_SEARCH, /* never refused: doubles */
	RATE_RUN,    /* knows about where the limit is */
	RATE_REST,   /* refused: silence, then probes one by one */
};

struct rate_dial {
	uint64_t low, high; /* bounds */
	int64_t interval_ns;

	enum rate_mode mode;
	uint64_t rate;	  /* the dial */
	uint64_t held;	  /* the last rate that lasted a whole step; 0: none in this cycle */
	uint64_t ceiling; /* the limit is thought to be no higher */
	uint64_t refused; /* the rate at the last refusal; 0: never */

	/* The step: how long a rate has to last before the next one is tried. */
	int64_t step_ns; /* its begin */
	uint64_t step_taken;
	uint32_t steps; /* that lasted, in this cycle */
	uint32_t climb; /* of them past what was known to be safe: each is larger */

	/* The cycle: from one refusal to the next. */
	int64_t last_ns;    /* the slot that the last message took */
	int64_t cycle_ns;   /* when the limit was last seen exhausted */
	int64_t resumed_ns; /* when messages went again */
	uint64_t taken;	    /* messages since, with the probe that passed */
	uint64_t passed;    /* of them told as accepted, or as ended for a reason of their own */
	uint64_t refusals;  /* replies that asked for less */
	uint32_t debt;	    /* messages still to pass until those are made good */

	/* What former cycles taught. */
	uint32_t cuts;	      /* in a row without a step that lasted */
	uint64_t sum_passed;  /* of cycles too short to be judged alone, and how long they took: */
	int64_t sum_ns;	      /* all of it, */
	int64_t sum_spent_ns; /* and without the rests */
	uint64_t mean;	      /* that passed in the last long cycle; 0: none */
	uint32_t elastic;     /* cycles for which a burst is believed to hide the limit */
	bool is_settled;      /* the limit was once met by a small step */
	int64_t anchor_ns;    /* since when it has been looked for, and what passed since */
	uint64_t anchor_passed;
	int64_t memory_ns;    /* how long the other end bore a grudge: its window, or less */
	int64_t contended_ns; /* the first refusal of those in a row */
	int64_t latency_ns;   /* from taking a message to its outcome: the longest of late */
	int64_t sample_ns;    /* when a message went whose outcome will tell it; -1: none */

	/* The rest. */
	bool ends_search;
	bool is_probing;
	int64_t refused_ns; /* its begin */
	int64_t wait_ns;    /* before the next probe */
	int64_t probe_ns;   /* when a probe may go; is_probing: when it went */
	int64_t missed_ns;  /* when the last probe went that was refused; none: refused_ns */
	uint32_t probes;    /* refused */
};

/* first, low and high in 1e-9 messages a second; 0 < low <= first <= high. interval_ns > 0. */
void rate_dial_init(struct rate_dial *d, uint64_t low, uint64_t high, uint64_t first,
		    int64_t interval_ns, int64_t now_ns);

/* Takes a message. False: *ret_when_ns says from when on it is worth asking again. */
bool rate_dial_take(struct rate_dial *d, int64_t now_ns, int64_t *ret_when_ns);

/* A message that was taken did not go. */
void rate_dial_give_back(struct rate_dial *d, int64_t now_ns);

/* A message passed, as far as its rate goes: accepted, or refused for a reason of its own. */
void rate_dial_passed(struct rate_dial *d, int64_t now_ns);

/* A reply asked for a lower rate. A message may have several of them. */
void rate_dial_refused(struct rate_dial *d, int64_t now_ns);

#endif
