/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * series.c - what happened in each second
 *
 * Rows stand in one array in the order of time; a merge is that of two sorted lists into a new
 * array, so that a failure leaves the series as it was.
 */
#include "stats/series.h"
#include <stdlib.h>
#include <string.h>
#include "base/check.h"

#define ROWS_MIN ((size_t)64)

void series_init(struct series *s, size_t row_max)
{
	CHECK(row_max > 0);
	*s = (struct series){.row_max = row_max};
}

void series_fini(struct series *s)
{
	free(s->rows);
	series_init(s, s->row_max);
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b; /* SERIES_NONE is below every percentile. */
}

static void add_row(struct series_row *to, const struct series_row *from)
{
	to->started += from->started;
	to->accepted += from->accepted;
	to->deferred += from->deferred;
	to->rejected += from->rejected;
	to->failed += from->failed;
	to->sessions += from->sessions;
	to->bytes += from->bytes;
	to->p50_us = larger(to->p50_us, from->p50_us);
	to->p99_us = larger(to->p99_us, from->p99_us);
}

static bool reserve_row(struct series *s)
{
	size_t cap = s->cap > 0 ? s->cap * 2 : ROWS_MIN;
	struct series_row *rows;

	if (s->count < s->cap)
		return true;
	if (s->count == s->row_max)
		return false;
	if (cap > s->row_max)
		cap = s->row_max;
	rows = reallocarray(s->rows, cap, sizeof(*rows));
	if (!rows)
		return false;
	s->rows = rows;
	s->cap = cap;
	return true;
}

bool series_append(struct series *s, const struct series_row *row)
{
	if (s->count > 0) {
		struct series_row *last = &s->rows[s->count - 1];

		CHECK(row->t_s >= last->t_s);
		if (row->t_s == last->t_s) {
			add_row(last, row);
			last->sessions = row->sessions;
			return true;
		}
	}
	if (!reserve_row(s)) {
		s->dropped++;
		return false;
	}
	s->rows[s->count++] = *row;
	return true;
}

/* How many rows the two have together, seconds that both have counted once. */
static size_t merged_count(const struct series *a, const struct series *b)
{
	size_t count = 0;

	for (size_t i = 0, j = 0; i < a->count || j < b->count; count++) {
		if (j == b->count || (i < a->count && a->rows[i].t_s < b->rows[j].t_s)) {
			i++;
		} else if (i == a->count || b->rows[j].t_s < a->rows[i].t_s) {
			j++;
		} else {
			i++;
			j++;
		}
	}
	return count;
}

bool series_merge(struct series *s, const struct series *from)
{
	size_t whole, count, i = 0, j = 0, at = 0;
	struct series_row *rows;

	s->dropped += from->dropped;
	if (from->count == 0)
		return true;
	whole = merged_count(s, from);
	count = whole < s->row_max ? whole : s->row_max;
	rows = reallocarray(NULL, count, sizeof(*rows));
	if (!rows) {
		s->dropped += from->count;
		return false;
	}
	for (; at < count; at++) {
		if (j == from->count || (i < s->count && s->rows[i].t_s < from->rows[j].t_s)) {
			rows[at] = s->rows[i++];
		} else if (i == s->count || from->rows[j].t_s < s->rows[i].t_s) {
			rows[at] = from->rows[j++];
		} else {
			rows[at] = s->rows[i++];
			add_row(&rows[at], &from->rows[j++]);
		}
	}
	free(s->rows);
	s->rows = rows;
	s->count = s->cap = count;
	s->dropped += whole - count;
	return whole == count;
}
