/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spread.h - numbers drawn from a distribution: sizes of messages, recipients of a message
 *
 * Sizes are written as
 *   4k                                   always that
 *   1k-64k, uniform:1k-64k               every size in between alike
 *   lognormal:median=8k,sigma=1.2        sigma of the natural logarithm; min= and max= bound it,
 *                                        by default 1 octet and MAIL_SIZE_MAX: what is drawn
 *                                        beyond a bound is set to the bound
 *   mix:1k=90,100k=9,1M=1                sizes with weights
 *   mix:FILE                             the same, one "SIZE WEIGHT" or "SIZE WEIGHT RECIPIENTS" a
 *                                        line; # starts a comment
 *   specmail2001                         SPECmail2001's ten sizes (mean 24.53 KiB), which brings
 *                                        its table of recipients with it (1 to 20, mean 2.000)
 * and recipients as "5", "1-10", "uniform:1-10", "mix:1=90,5=10" or "specmail2001".
 */
#ifndef VOLLEY_MAIL_SPREAD_H
#define VOLLEY_MAIL_SPREAD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/rng.h"

enum spread_kind { SPREAD_FIXED, SPREAD_UNIFORM, SPREAD_LOGNORMAL, SPREAD_TABLE };

struct spread_row {
	uint64_t value;
	double weight;
	uint64_t below; /* drawn when 64 random bits are at most this, and over the row's before */
	int rcpts;	/* 0: the row says nothing of recipients */
};

struct spread {
	enum spread_kind kind;
	uint64_t min, max;
	double mean;
	double mu, sigma;	 /* LOGNORMAL */
	struct spread_row *rows; /* TABLE. Owned */
	size_t row_count;
	bool has_rcpts;	  /* rows carry recipients */
	bool is_specmail; /* specmail2001 */
};

/*
 * What is being parsed: the words of error messages, how numbers are written, and the bounds.
 */
struct spread_format {
	const char *option; /* "--size" */
	const char *noun;   /* "size" */
	bool is_size;	    /* octets, with units; else plain numbers */
	uint64_t max;
};

/* -1 with *e set when text is none of the forms, or a value is 0 or over the maximum. */
__attribute__((warn_unused_result)) int spread_parse(const char *text,
						     const struct spread_format *format,
						     struct err *e, struct spread *ret_spread);
void spread_fini(struct spread *s);

/* Draws one; *ret_rcpts is left alone unless the row drawn carries recipients. */
uint64_t spread_draw(const struct spread *s, struct rng *r, int *ret_rcpts);

/* "4.00 KiB"; "uniform 1.00 KiB to 64.0 KiB, mean 32.5 KiB". Returns out. */
const char *spread_text(const struct spread *s, const struct spread_format *format, char *out,
			size_t out_size);

#endif
