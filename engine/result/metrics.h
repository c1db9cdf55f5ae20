/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metrics.h - the figures of a document under the names that thresholds use
 */
#ifndef VOLLEY_RESULT_METRICS_H
#define VOLLEY_RESULT_METRICS_H
#include <stdbool.h>
#include <stddef.h>
#include "result/run.h"
#include "result/threshold.h"

struct metric_stat {
	const char *name; /* "p99.9"; NULL ends the list */
	size_t offset;	  /* of an int64_t in struct run_latency */
	bool is_mean, is_count;
};

extern const struct metric_stat metric_stats[];

struct metric_figure {
	const char *name; /* "messages.accepted"; NULL ends the list */
	enum threshold_unit unit;
	bool is_of_sink;
	double (*value)(const struct run_document *d); /* NAN when the run has none */
	double (*whole)(const struct run_document *d); /* what a share is taken of; NULL: none */
	const char *missing;			       /* why value may be NAN */
};

extern const struct metric_figure metric_figures[];

#endif
