/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * score.c - which threshold tells what passed from what was refused, and how well
 *
 * Two histograms over what was found, and a look at every N. Both kinds have equal weight, however
 * many there are of each: a flood has a hundred refusals for one message that passes, a careful
 * sender one for ten thousand. Of what passed only what came near N counts: that an idle hour was
 * within the limit says nothing about it.
 */
#include <stdbool.h>
#include <stdlib.h>
#include "learn/score.h"

/* Counts beyond these are taken in larger steps; few attempts need no fine ones. */
#define BINS_MIN (UINT32_C(1) << 12)
#define BINS_MAX (UINT32_C(1) << 17)
#define STRICT	 0.25 /* weight of the error without the benefit of the doubt */
#define ALIKE	 1e-9

struct histogram {
	uint64_t *passed, *refused; /* cumulative: how many found less than i */
	uint32_t bins, shift;
};

static void histogram_fini(struct histogram *h)
{
	free(h->passed);
	free(h->refused);
}

static bool histogram_make(struct histogram *h, const uint32_t *found, const uint8_t *labels,
			   size_t count, uint32_t most)
{
	size_t bins_max = 4 * count < BINS_MIN ? BINS_MIN : 4 * count;

	if (bins_max > BINS_MAX)
		bins_max = BINS_MAX;
	h->shift = 0;
	while (most >> h->shift >= bins_max)
		h->shift++;
	h->bins = (most >> h->shift) + 1;
	h->passed = calloc((size_t)h->bins + 2, sizeof(*h->passed));
	h->refused = calloc((size_t)h->bins + 2, sizeof(*h->refused));
	if (h->passed == NULL || h->refused == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (labels[i] == SCORE_PASSED)
			h->passed[(found[i] >> h->shift) + 1]++;
		else if (labels[i] == SCORE_REFUSED)
			h->refused[(found[i] >> h->shift) + 1]++;
	}
	for (uint32_t i = 1; i <= h->bins; i++) {
		h->passed[i] += h->passed[i - 1];
		h->refused[i] += h->refused[i - 1];
	}
	return true;
}

/* The share treated otherwise than N says; n <= bins. */
static double error_of(const struct histogram *h, uint32_t n)
{
	uint64_t refused = h->refused[h->bins], passed = h->passed[h->bins];
	uint64_t early = h->refused[n], late = passed - h->passed[n];
	uint64_t near = passed - h->passed[n / 2];

	return 0.5 * (double)early / (double)refused +
	       (near > 0 ? 0.5 * (double)late / (double)near : 0.5);
}

/* The best N; of several in a row that are as good, the one in the middle. */
static struct score search(const struct histogram *strict, const struct histogram *lenient)
{
	struct score best = {.error = 2};
	uint32_t first = 0, last = 0;

	for (uint32_t n = 1; n <= strict->bins; n++) {
		double error = error_of(lenient, n) + STRICT * error_of(strict, n);

		if (error < best.error - ALIKE) {
			best.error = error;
			first = last = n;
		} else if (error < best.error + ALIKE && last == n - 1) {
			last = n;
		}
	}
	best.threshold = first + (last - first) / 2;
	return best;
}

bool score_threshold(const uint32_t *found, const uint32_t *lenient, const uint8_t *labels,
		     size_t count, struct score *ret_score)
{
	struct histogram strict = {0}, doubt = {0};
	uint32_t most = 0;
	bool done;

	*ret_score = (struct score){.error = 1};
	for (size_t i = 0; i < count; i++) {
		if (labels[i] == SCORE_NONE)
			continue;
		most = found[i] > most ? found[i] : most;
		most = lenient[i] > most ? lenient[i] : most;
	}
	done = histogram_make(&strict, found, labels, count, most) &&
	       histogram_make(&doubt, lenient, labels, count, most);
	if (done && strict.passed[strict.bins] > 0 && strict.refused[strict.bins] > 0) {
		*ret_score = search(&strict, &doubt);
		ret_score->threshold <<= strict.shift;
	}
	histogram_fini(&strict);
	histogram_fini(&doubt);
	return done;
}
