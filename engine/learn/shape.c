/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shape.c - what refusals look like from a distance
 *
 * They come in streaks. Where several sessions send at once, attempts of one moment pass each
 * other, so that a streak's edge frays into short ones; those say nothing about how long refusals
 * last. Streaks that are at least a quarter as long as a long one are the real ones.
 */
#include <stdlib.h>
#include "learn/attempts.h"

struct streak {
	int64_t begin_ns; /* the first that passed before */
	int64_t onset_ns, end_ns;
};

static int by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int64_t quantile(int64_t *numbers, size_t count, double q)
{
	size_t at = (size_t)(q * (double)count);

	if (count == 0)
		return 0;
	qsort(numbers, count, sizeof(*numbers), by_number);
	return numbers[at < count ? at : count - 1];
}

/* The streaks that ended, in order; *ret_onsets counts those that did not as well. */
static size_t find_streaks(const struct attempts *s, struct streak *streaks, uint32_t *ret_onsets)
{
	struct streak now = {0};
	size_t count = 0;
	uint32_t onsets = 0;
	bool is_refused = false;

	for (size_t i = 0; i < s->count; i++) {
		const struct attempts_point *p = &s->points[i];
		bool is_new = i == 0 || (!s->is_pooled && p->source != p[-1].source);

		if (is_new) {
			now.begin_ns = p->at_ns;
			is_refused = false;
		}
		if (p->was_refused) {
			if (!is_refused) {
				now.onset_ns = p->at_ns;
				onsets++;
			}
			is_refused = true;
		} else if (is_refused) {
			now.end_ns = p->at_ns;
			streaks[count++] = now;
			now.begin_ns = p->at_ns;
			is_refused = false;
		}
	}
	*ret_onsets = onsets;
	return count;
}

/* Drops the frayed edges; what is dropped begins where the next one does not. */
static size_t keep_long(struct streak *streaks, size_t count, int64_t *numbers)
{
	int64_t begin_ns = count > 0 ? streaks[0].begin_ns : 0, least;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		numbers[i] = streaks[i].end_ns - streaks[i].onset_ns;
	least = quantile(numbers, count, 0.95) / 4;
	for (size_t i = 0; i < count; i++) {
		struct streak t = streaks[i];

		if (t.end_ns - t.onset_ns < least)
			continue;
		t.begin_ns = begin_ns;
		begin_ns = t.end_ns;
		streaks[kept++] = t;
	}
	return kept;
}

bool attempts_shape(const struct attempts *s, struct attempts_shape *ret_shape)
{
	struct streak *streaks = malloc((s->count + 1) * sizeof(*streaks));
	int64_t *numbers = malloc((s->count + 1) * sizeof(*numbers));
	size_t count, ends = 0;

	*ret_shape = (struct attempts_shape){.lasted_ns = -1};
	if (streaks == NULL || numbers == NULL) {
		free(streaks);
		free(numbers);
		return false;
	}
	count = keep_long(streaks, find_streaks(s, streaks, &ret_shape->onsets), numbers);
	if (count > 0) {
		ret_shape->ends = (uint32_t)count;
		for (size_t i = 0; i < count; i++)
			numbers[i] = streaks[i].end_ns - streaks[i].onset_ns;
		ret_shape->lasted_ns = quantile(numbers, count, 0.5);
		for (size_t i = 0; i < count; i++)
			numbers[i] = streaks[i].end_ns - streaks[i].begin_ns;
		ret_shape->suggested_ns[0] = quantile(numbers, count, 0.5);
		for (size_t i = 1; i < count; i++)
			if (streaks[i].end_ns > streaks[i - 1].end_ns)
				numbers[ends++] = streaks[i].end_ns - streaks[i - 1].end_ns;
		ret_shape->suggested_ns[1] = quantile(numbers, ends, 0.5);
	}
	free(streaks);
	free(numbers);
	return true;
}
