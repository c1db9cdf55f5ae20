/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * score.h - which threshold tells what passed from what was refused, and how well
 *
 * A limit says: what finds less than N passes, what finds N is refused. Given what each attempt
 * found, the best N is the one under which fewest were treated otherwise. Times in a log are not
 * the server's, so that each attempt has two figures: what it found by the log, and what it may
 * have found with the benefit of the doubt. Pure.
 */
#ifndef VOLLEY_LEARN_SCORE_H
#define VOLLEY_LEARN_SCORE_H
#include <stddef.h>
#include <stdint.h>

enum score_label {
	SCORE_NONE, /* has no say */
	SCORE_PASSED,
	SCORE_REFUSED,
};

struct score {
	/*
	 * The share treated otherwise, with the benefit of the doubt, and a quarter of that
	 * without: 0 is all as it should be, 0.125 is what chance reaches where everything is in
	 * doubt, 0.625 what it reaches where nothing is.
	 */
	double error;
	uint32_t threshold; /* N; 0: there is none */
};

/*
 * found[i] and lenient[i] are what attempt i found, labels[i] an enum score_label. False: memory
 * exhausted. Without anything passed or refused the error is 1.
 */
_Bool score_threshold(const uint32_t *found, const uint32_t *lenient, const uint8_t *labels,
		      size_t count, struct score *ret_score);

#endif
