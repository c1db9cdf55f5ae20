/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapt_judge.h - where the limit is, from what passed between two refusals
 *
 * The part of adapt_rate.c that decides; its state is the dial's, and nobody else calls it.
 */
#ifndef VOLLEY_PACE_ADAPT_JUDGE_H
#define VOLLEY_PACE_ADAPT_JUDGE_H
#include <stdbool.h>
#include <stdint.h>
#include "pace/adapt_rate.h"

/* A limit is sought between dial and ceiling, by halves, when they are further apart than this. */
static inline bool judge_is_wide(const struct rate_dial *d)
{
	return d->ceiling > d->rate + d->rate / 10;
}

/* rate * thousandths / 1000, and a bounded rate. */
uint64_t judge_share(uint64_t rate, uint32_t thousandths);
uint64_t judge_clamp(const struct rate_dial *d, uint64_t rate);

/*
 * At the end of a rest (RATE_REST, its probe has passed): sets dial and ceiling for the next cycle
 * and what is remembered of this one. The caller begins the cycle.
 */
void judge_cycle(struct rate_dial *d);

#endif
