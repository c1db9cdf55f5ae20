/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hdr_reference_write.c - writes a histogram log for the reference implementation to read
 *
 * The log goes to the file named by the first argument, its values drawn from the seed that is the
 * second. What our own library says of each interval, and of all intervals of a tag together,
 * goes to standard output as JSON for tests/e2e/hdr_reference.mjs to compare.
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/rng.h"
#include "stats/hlog.h"

#define START_NS INT64_C(1767225600123000000) /* 2026-01-01T00:00:00.123Z */
#define ROUNDS	 4

struct shape {
	const char *tag; /* NULL: a line without one */
	int64_t (*draw)(struct rng *r);
	uint64_t count_each; /* how often each value is counted */
	int value_count;
};

static int64_t draw_short(struct rng *r)
{
	return (int64_t)rng_below(r, 4000);
}

static int64_t draw_tail(struct rng *r)
{
	return (int64_t)rng_exponential(r, 15000);
}

static int64_t draw_wide(struct rng *r)
{
	return (int64_t)exp2(rng_unit(r) * 33); /* some are clipped */
}

static int64_t draw_one(struct rng *r)
{
	(void)r;
	return 250123;
}

static const struct shape shapes[] = {
	{"ehlo", draw_short, 1, 5000},
	{"accept", draw_tail, 1, 5000},
	{"response", draw_wide, 1, 3000},
	/* Beyond 32 bits, but exact as JavaScript's numbers. */
	{"service", draw_tail, UINT64_C(1) << 36, 300},
	{"quit", draw_one, 1, 1},
	{"dns", draw_short, 1, 0}, /* empty */
	{NULL, draw_tail, 1, 1000},
};
#define SHAPE_COUNT (sizeof(shapes) / sizeof(shapes[0]))

static void print_facts(const char *tag, const struct hdr *h, double start_s, double length_s,
			bool is_first)
{
	static const double percentiles[] = {0.1, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100};

	printf("%s\n    {\"tag\": \"%s\", \"start_s\": %.3f, \"length_s\": %.3f, ",
	       is_first ? "" : ",", tag ? tag : "", start_s, length_s);
	printf("\"total\": %" PRIu64 ", \"min\": %" PRId64 ", \"max\": %" PRId64
	       ", \"mean\": %.17g, \"percentiles\": [",
	       h->total, h->total ? h->min_us : 0, h->total ? h->max_us : 0, hdr_mean(h));
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		printf("%s[%g, %" PRId64 "]", i > 0 ? ", " : "", percentiles[i],
		       hdr_percentile(h, percentiles[i]));
	printf("]}");
}

static int fail(const struct err *e)
{
	fprintf(stderr, "hdr_reference_write: %s\n", e->text);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct hdr *interval = hdr_new(), *whole[SHAPE_COUNT];
	struct err e = {.status = EXIT_WELL};
	struct hlog_writer w;
	struct rng r;

	if (argc != 3 || !interval) {
		fprintf(stderr, "usage: hdr_reference_write FILE SEED\n");
		return EXIT_FAILURE;
	}
	rng_init(&r, strtoull(argv[2], NULL, 0));
	if (hlog_open(&w, argv[1], "volley test", START_NS, &e) < 0)
		return fail(&e);
	printf("{\n  \"start_s\": %.3f,\n  \"intervals\": [", (double)(START_NS / 1000000) / 1000);
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < SHAPE_COUNT; i++) {
			const struct shape *s = &shapes[i];

			if (round == 0 && !(whole[i] = hdr_new()))
				return EXIT_FAILURE;
			hdr_clear(interval);
			for (int n = 0; n < s->value_count; n++)
				hdr_add_value(interval, s->draw(&r), s->count_each);
			if (hlog_interval(&w, s->tag, round, 1.001, interval, &e) < 0)
				return fail(&e);
			hdr_merge(whole[i], interval);
			print_facts(s->tag, interval, round, 1.001, round == 0 && i == 0);
		}
	}
	printf("\n  ],\n  \"whole\": [");
	for (size_t i = 0; i < SHAPE_COUNT; i++) {
		print_facts(shapes[i].tag, whole[i], 0, ROUNDS, i == 0);
		hdr_free(whole[i]);
	}
	printf("\n  ]\n}\n");
	hdr_free(interval);
	return hlog_close(&w, &e) < 0 ? fail(&e) : EXIT_SUCCESS;
}
