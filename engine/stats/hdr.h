/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hdr.h - a histogram of durations: 0 us to 1 h, three significant digits, bounded memory
 *
 * Bit-compatible with HdrHistogram V2 (lowest 1, highest 3,600,000,000, 3 digits): the same counts
 * in the same places, so that logs can be read by, and merged with, everything that reads that
 * format. The unit is the microsecond. A value is off by at most 1 in 1000, and exact up to
 * 2047 us; count, minimum, maximum and mean are exact to the microsecond.
 *
 * One thread at a time. 184 KiB of address space each, of which only what was recorded into costs
 * memory; merging, clearing and percentiles visit only the range from minimum to maximum.
 */
#ifndef VOLLEY_STATS_HDR_H
#define VOLLEY_STATS_HDR_H
#include <stdint.h>

#define HDR_LOWEST_US	       INT64_C(1)
#define HDR_HIGHEST_US	       INT64_C(3600000000)
#define HDR_SIGNIFICANT_DIGITS 3
#define HDR_SUB_BITS	       11 /* 2048 equal steps in bucket 0, 1024 in each one above */
#define HDR_SUB_HALF	       (1 << (HDR_SUB_BITS - 1))
#define HDR_COUNTS	       23552 /* 22 buckets and one half more */

struct hdr {
	uint64_t total;	  /* values recorded, the clipped ones included */
	uint64_t clipped; /* values above HDR_HIGHEST_US, counted as HDR_HIGHEST_US */
	uint64_t sum_us;
	int64_t min_us, max_us; /* INT64_MAX and -1 while total is 0 */
	uint64_t counts[HDR_COUNTS];
};

/* An empty histogram, owned by the caller; NULL when memory is exhausted. */
struct hdr *hdr_new(void);
void hdr_free(struct hdr *h); /* NULL is allowed */

/* The place of a value in counts; value_us in 0..HDR_HIGHEST_US. */
static inline int hdr_index(int64_t value_us)
{
	uint64_t value = (uint64_t)value_us;
	int bucket = 64 - HDR_SUB_BITS - __builtin_clzll(value | (2 * HDR_SUB_HALF - 1));

	return bucket * HDR_SUB_HALF + (int)(value >> bucket);
}

/* The smallest and the largest value that are counted in a place. */
int64_t hdr_lowest_at(int index);
int64_t hdr_highest_at(int index);

/* Adds count values of value_us; negative ones count as 0, too large ones are clipped. */
static inline void hdr_add_value(struct hdr *h, int64_t value_us, uint64_t count)
{
	if (__builtin_expect(count == 0, 0))
		return;
	if (__builtin_expect(value_us > HDR_HIGHEST_US, 0)) {
		h->clipped += count;
		value_us = HDR_HIGHEST_US;
	} else if (__builtin_expect(value_us < 0, 0)) {
		value_us = 0;
	}
	if (value_us < h->min_us)
		h->min_us = value_us;
	if (value_us > h->max_us)
		h->max_us = value_us;
	h->total += count;
	h->sum_us += (uint64_t)value_us * count;
	h->counts[hdr_index(value_us)] += count;
}

/* Records one duration, rounded to the nearest microsecond. */
static inline void hdr_record_ns(struct hdr *h, int64_t ns)
{
	hdr_add_value(h, ns > 0 ? (int64_t)(((uint64_t)ns + 500) / 1000) : 0, 1);
}

/* Adds what from counted to to. Exact: the result is as if all had been recorded in one. */
void hdr_merge(struct hdr *to, const struct hdr *from);

/* Empties it; the memory that was touched stays with it. */
void hdr_clear(struct hdr *h);

/*
 * The value at a percentile (0..100): the largest one that counts as equal to the sample of that
 * rank, but never above the maximum. Percentile 0 is the minimum. 0 when empty.
 */
int64_t hdr_percentile(const struct hdr *h, double percentile);

/*
 * How many samples lie beyond the one at a percentile. A report hides a percentile with fewer
 * than HDR_SAMPLES_MIN of them: it would be the fate of a few samples, not a property of a server.
 */
#define HDR_SAMPLES_MIN 10
uint64_t hdr_samples_beyond(const struct hdr *h, double percentile);

/* The exact mean in us; 0 when empty. */
double hdr_mean(const struct hdr *h);

#endif
