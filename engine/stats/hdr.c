/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hdr.c - a histogram of durations
 *
 * Bucket 0 counts 0..2047 one by one; each bucket above covers twice the range of the one below in
 * 1024 steps. The index grows with the value, so the places that were touched lie between those
 * of the minimum and the maximum, and the hot path need not keep that range itself. Only counts
 * other than 0 are written when merging and clearing: reading an untouched page costs no memory,
 * writing one does.
 */
#include "stats/hdr.h"
#include <math.h>
#include <stdlib.h>
#include "base/check.h"

_Static_assert(HDR_HIGHEST_US < (INT64_C(1) << (HDR_COUNTS / HDR_SUB_HALF - 2 + HDR_SUB_BITS)),
	       "the highest value has a place");

struct hdr *hdr_new(void)
{
	struct hdr *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->min_us = INT64_MAX;
	h->max_us = -1;
	return h;
}

void hdr_free(struct hdr *h)
{
	free(h);
}

static int bucket_at(int index)
{
	return index < 2 * HDR_SUB_HALF ? 0 : index / HDR_SUB_HALF - 1;
}

int64_t hdr_lowest_at(int index)
{
	int bucket = bucket_at(index);

	CHECK(index >= 0 && index < HDR_COUNTS);
	return (int64_t)(index - bucket * HDR_SUB_HALF) << bucket;
}

int64_t hdr_highest_at(int index)
{
	return hdr_lowest_at(index) + (INT64_C(1) << bucket_at(index)) - 1;
}

void hdr_merge(struct hdr *to, const struct hdr *from)
{
	int last;

	if (from->total == 0)
		return;
	last = hdr_index(from->max_us);
	for (int i = hdr_index(from->min_us); i <= last; i++)
		if (from->counts[i] != 0)
			to->counts[i] += from->counts[i];
	to->total += from->total;
	to->clipped += from->clipped;
	to->sum_us += from->sum_us;
	if (from->min_us < to->min_us)
		to->min_us = from->min_us;
	if (from->max_us > to->max_us)
		to->max_us = from->max_us;
}

void hdr_clear(struct hdr *h)
{
	int last;

	if (h->total == 0)
		return;
	last = hdr_index(h->max_us);
	for (int i = hdr_index(h->min_us); i <= last; i++)
		if (h->counts[i] != 0)
			h->counts[i] = 0;
	h->total = h->clipped = h->sum_us = 0;
	h->min_us = INT64_MAX;
	h->max_us = -1;
}

/*
 * The rank (1..total) of the sample at a percentile: rounded up, but less a last-place unit first,
 * because 99.9 of 1000 has to be 999 whatever the binary fraction makes of it. The same as the
 * reference implementations do, so that their percentiles are ours.
 */
static uint64_t rank_at(const struct hdr *h, double percentile)
{
	double exact, rank;

	CHECK(percentile >= 0);
	exact = fmin(percentile, 100.0) / 100.0 * (double)h->total;
	rank = ceil(exact - (nextafter(exact, INFINITY) - exact));
	if (rank < 1)
		return 1;
	return rank < (double)h->total ? (uint64_t)rank : h->total;
}

int64_t hdr_percentile(const struct hdr *h, double percentile)
{
	uint64_t rank, seen = 0;
	int last;

	if (h->total == 0)
		return 0;
	if (percentile == 0)
		return h->min_us;
	rank = rank_at(h, percentile);
	last = hdr_index(h->max_us);
	for (int i = hdr_index(h->min_us); i < last; i++) {
		seen += h->counts[i];
		if (seen >= rank)
			return hdr_highest_at(i);
	}
	return h->max_us;
}

uint64_t hdr_samples_beyond(const struct hdr *h, double percentile)
{
	return h->total > 0 ? h->total - rank_at(h, percentile) : 0;
}

double hdr_mean(const struct hdr *h)
{
	return h->total > 0 ? (double)h->sum_us / (double)h->total : 0;
}
