/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * arrival.h - when the messages of an open loop are due
 *
 * The due time of message k is a function of (schedule, seed, k) alone: it does not depend on how
 * fast anything answers, so that a server that stalls is seen in the response times (coordinated
 * omission). A schedule is a list of stages, each with a rate or a straight ramp from one rate to
 * another. Constant arrivals place message k where the schedule's integral reaches k; Poisson
 * arrivals where it reaches the k-th point of a unit-rate Poisson process, so that they follow
 * ramps as well. All arithmetic is on integers: no drift, no remainder lost.
 *
 * One struct for the whole process: the next worker with an idle session takes the next arrival.
 * arrival_take() and arrival_next_ns() may be called by any thread.
 */
#ifndef VOLLEY_PACE_ARRIVAL_H
#define VOLLEY_PACE_ARRIVAL_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/span.h"
#include "base/units.h"

#define ARRIVAL_STAGES_MAX 64
#define ARRIVAL_RATE_MAX   UINT64_C(10000000) /* messages per second */
#define ARRIVAL_RAMP_MIN   NS_PER_MS	      /* length of a ramp, ns */
#define ARRIVAL_RAMP_MAX   (INT64_C(150) * 24 * 3600 * NS_PER_SEC)

/* Rates in messages per 1,000,000 s (micro-messages a second), so that 0.001/s is exact. */
struct arrival_stage {
	int64_t length_ns;
	uint64_t from_rate, to_rate;
};

enum arrival_kind { ARRIVAL_CONSTANT, ARRIVAL_POISSON };

struct arrival {
	struct arrival_stage stages[ARRIVAL_STAGES_MAX];
	int stage_count;
	enum arrival_kind kind;
	uint64_t limit;	   /* messages at most, those of the warm-up not counted; 0: no limit */
	int64_t warmup_ns; /* how much of the schedule's begin is warm-up */

	pthread_mutex_t lock;
	struct rng rng;
	int64_t begin_ns;
	uint64_t taken;
	uint64_t warmed;  /* those among them that were due in the warm-up */
	int stage;	  /* the one that the next arrival falls into */
	int64_t stage_ns; /* its begin, from the schedule's begin */
	__extension__ unsigned __int128 stage_at; /* integral at its begin, 2^-32 messages */
	__extension__ unsigned __int128 next_at;  /* integral at which the next arrival is due */
	_Atomic int64_t next_ns; /* when that is; TIME_NEVER when the schedule is over */
};

/* "30s@100/s" or "1m@100/s..1000/s" (a ramp). EXIT_USAGE and a sentence on failure. */
int arrival_stage_parse(struct span text, struct arrival_stage *ret_stage, struct err *e);

/* A rate with its parts; false when it is 0, over ARRIVAL_RATE_MAX or not to be represented. */
bool arrival_rate_fits(struct rate rate, uint64_t *ret_micro);

/*
 * Copies the stages. limit: arrivals at most, 0 for no limit; those due in the first warmup_ns of
 * the schedule come in addition. seed matters to Poisson arrivals alone.
 */
void arrival_init(struct arrival *a, const struct arrival_stage *stages, int stage_count,
		  enum arrival_kind kind, uint64_t limit, int64_t warmup_ns, uint64_t seed);
void arrival_fini(struct arrival *a);

/* Starts the schedule; called once, before any arrival is taken. */
void arrival_begin(struct arrival *a, int64_t begin_ns);

/* When the next arrival is due; TIME_NEVER when there is none any more. */
static inline int64_t arrival_next_ns(struct arrival *a)
{
	return atomic_load_explicit(&a->next_ns, memory_order_acquire);
}

/* Takes the next arrival when it is due by now_ns: its number from 0, and when it was due. */
bool arrival_take(struct arrival *a, int64_t now_ns, uint64_t *ret_number, int64_t *ret_due_ns);

/* Skips what is due before until_ns; returns how many: arrivals that nobody could carry out. */
uint64_t arrival_skip(struct arrival *a, int64_t until_ns);

/* The schedule's length, ns. */
int64_t arrival_length_ns(const struct arrival *a);

/* What the schedule asks for at a moment from its begin, in messages a second. */
double arrival_rate_at(const struct arrival *a, int64_t since_begin_ns);

#endif
