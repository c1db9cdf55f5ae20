/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * law.h - how long a delay is to be: a distribution, and a draw from it
 *
 *   20ms                     always
 *   uniform:1ms-5ms          evenly between the two
 *   exp:20ms                 exponential with that mean
 *   normal:50ms,10ms         mean and deviation; what falls below zero is zero
 *   lognormal:20ms,0.5       median, and the deviation of the logarithm
 *
 * A draw is at most an hour. Pure values.
 */
#ifndef VOLLEY_SINK_LAW_H
#define VOLLEY_SINK_LAW_H
#include <stdint.h>
#include "base/err.h"
#include "base/rng.h"
#include "base/span.h"

#define LAW_MAX_NS INT64_C(3600000000000)

enum law_kind { LAW_NONE, LAW_CONSTANT, LAW_UNIFORM, LAW_EXPONENTIAL, LAW_NORMAL, LAW_LOGNORMAL };

struct law {
	enum law_kind kind;
	int64_t a_ns, b_ns; /* the value; low and high; the mean; mean and deviation; the median */
	double sigma;	    /* LOGNORMAL */
};

/* -1 with *e set to what is wrong with the text. */
__attribute__((warn_unused_result)) int law_parse(struct span text, struct law *ret_law,
						  struct err *e);

/* In ns, 0 .. LAW_MAX_NS. */
int64_t law_draw(const struct law *l, struct rng *r);

#endif
