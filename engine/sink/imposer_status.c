/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * imposer_status.c - profiles imposed on clients: what came of it
 */
#include <stdio.h>
#include <stdlib.h>
#include "sink/imposer_private.h"

/* What all counters of a row come to. */
struct sum {
	struct sink_status_limit *row;
	uint64_t worst_refused, worst_passed;
};

struct sums {
	struct imposer *imposer;
	struct sum *rows;
};

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The worst client is who was refused most, then who passed most. */
static bool is_worse(const struct counter *k, const struct sum *sum)
{
	return k->refused > sum->worst_refused ||
	       (k->refused == sum->worst_refused && k->passed > sum->worst_passed);
}

static void add_counter(const struct counter *k, void *argument)
{
	struct sums *sums = argument;
	struct sum *sum = &sums->rows[k->row];
	struct sink_status_limit *row = sum->row;
	const struct limit *limit = &sums->imposer->rows[k->row].limit->of->limit;
	uint64_t counted =
		limit->window == LIMIT_FIXED ? k->meter.window_max : k->meter.sliding_max;

	row->keys++;
	row->passed += k->passed;
	row->refused += k->refused;
	row->peak = greater(row->peak, k->peak);
	row->counted = greater(row->counted, counted);
	if (!is_worse(k, sum))
		return;
	sum->worst_refused = k->refused;
	sum->worst_passed = k->passed;
	snprintf(row->worst, sizeof(row->worst), "%s", k->whose);
	row->worst_refused = k->refused;
}

/* "all", "127.0.0.2:25", "@example.com" */
static void describe_seat(const struct imposed_seat *seat, char *out, size_t size)
{
	char text[ENDPOINT_TEXT_MAX];

	if (seat->domain.len > 0)
		snprintf(out, size, "@%.*s", (int)seat->domain.len, seat->domain.data);
	else if (!seat->has_address)
		snprintf(out, size, "all");
	else
		snprintf(out, size, "%s",
			 seat->address.port ? endpoint_text(&seat->address, text)
					    : endpoint_address_text(&seat->address, text));
}

static bool fill_limit(const struct imposer *i, uint32_t idx, struct sink_status *s)
{
	const struct imposed_row *from = &i->rows[idx];
	const struct limit *limit = &from->limit->of->limit;
	int64_t window_ns = limit->period_ns / i->scale;
	struct sink_status_limit *row = sink_status_add_limit(s);

	if (!row)
		return false;
	snprintf(row->profile, sizeof(row->profile), "%s", from->stage->profile->name);
	snprintf(row->name, sizeof(row->name), "%s", from->limit->of->name);
	describe_seat(from->stage->seat, row->where, sizeof(row->where));
	row->from_s = (double)from->stage->after_ns / (double)NS_PER_SEC;
	row->limit = *limit;
	row->window_s = (double)window_ns / (double)NS_PER_SEC;
	row->passed = from->passed;
	row->refused = from->refused;
	row->peak = from->peak;
	/* The session's own count is all there is. */
	if (from->limit->is_plain || from->limit->is_own)
		row->counted = from->peak;
	return true;
}

static bool fill_rules(const struct imposed_stage *stage, struct sink_status *s)
{
	for (int k = 0; k < stage->profile->rule_count; k++) {
		struct sink_status_rule *row;

		if (stage->rules[k].said == 0)
			continue;
		row = sink_status_add_rule(s);
		if (!row)
			return false;
		snprintf(row->profile, sizeof(row->profile), "%s", stage->profile->name);
		snprintf(row->name, sizeof(row->name), "%s", stage->profile->rules[k].name);
		describe_seat(stage->seat, row->where, sizeof(row->where));
		row->from_s = (double)stage->after_ns / (double)NS_PER_SEC;
		row->said = stage->rules[k].said;
	}
	return true;
}

bool imposer_fill(struct imposer *i, struct sink_status *s)
{
	struct sums sums = {.imposer = i};

	s->imposed.is_on = true;
	s->imposed.scale = i->scale;
	s->imposed.general = i->general;
	s->imposed.missed = counters_missed(i->counters);
	s->imposed.has_log = i->plan->decisions != NULL;
	s->imposed.log_lines = i->log_lines;
	s->imposed.log_dropped = i->log_dropped;
	s->imposed.has_reputation = i->reputations != NULL;
	if (i->reputations)
		reputations_count(i->reputations, s->imposed.reputations);
	for (uint32_t k = 0; k < i->row_count; k++)
		if (!fill_limit(i, k, s))
			return false;
	for (int seat = 0; seat < i->seat_count; seat++)
		for (int k = 0; k < i->seats[seat].stage_count; k++)
			if (!fill_rules(&i->seats[seat].stages[k], s))
				return false;
	/* Only now do the rows not move any more. */
	sums.rows = calloc((size_t)i->row_count + 1, sizeof(*sums.rows));
	if (!sums.rows)
		return false;
	for (uint32_t k = 0; k < i->row_count; k++)
		sums.rows[k].row = &s->limits[k];
	counters_visit(i->counters, add_counter, &sums);
	free(sums.rows);
	return true;
}
